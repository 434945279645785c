// SPDX-License-Identifier: GPL-2.0
/*
 * For run.sh: tells what sockets it gets.  It knows nothing of AF_TEACH, and is
 * static, so that no library comes between it and the kernel.
 *
 *	probe sockets		of all kinds, in threads and children
 *	probe socket		one, AF_INET's
 *	probe interrupted	while signals come
 *	probe terminal		one, once the terminal has sent SIGINT
 *	probe forever		makes them until it is killed
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define HIGH_BITS	0x5555555500000000

static int number(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	getsockopt(fd, SOL_SOCKET, option, &value, &length);
	return value;
}

static const char *descriptor_flags(int fd)
{
	bool cloexec = fcntl(fd, F_GETFD) & FD_CLOEXEC;
	bool nonblock = fcntl(fd, F_GETFL) & O_NONBLOCK;

	if (cloexec && nonblock)
		return ", cloexec, nonblock";
	if (cloexec)
		return ", cloexec";
	return nonblock ? ", nonblock" : "";
}

/* Not through libc's wrapper, for the numbers that an int does not hold. */
static void tell(const char *what, long family, long type, long protocol)
{
	int fd = syscall(SYS_socket, family, type, protocol);

	if (fd < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: family %d, type %d%s\n", what,
		       number(fd, SO_DOMAIN), number(fd, SO_TYPE),
		       descriptor_flags(fd));
	fflush(stdout);
	close(fd);
}

static void *in_thread(void *unused)
{
	tell("in a thread", AF_INET, SOCK_STREAM, 0);
	return unused;
}

/* With the descriptors it has, the program has all that it may have. */
static void tell_when_full(void)
{
	struct rlimit before, none;

	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = STDERR_FILENO + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	tell("one too many", AF_INET, SOCK_STREAM, 0);
	setrlimit(RLIMIT_NOFILE, &before);
}

static void tell_all(void)
{
	static const struct {
		const char *what;
		long family, type, protocol;
	} kinds[] = {
		{ "stream", AF_INET, SOCK_STREAM, 0 },
		{ "stream, TCP", AF_INET, SOCK_STREAM, IPPROTO_TCP },
		{ "stream, MPTCP", AF_INET, SOCK_STREAM, IPPROTO_MPTCP },
		{ "stream, UDP", AF_INET, SOCK_STREAM, IPPROTO_UDP },
		{ "stream, flags", AF_INET,
		  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0 },
		{ "stream, one flag", AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 },
		{ "stream, high bits", HIGH_BITS | AF_INET,
		  HIGH_BITS | SOCK_STREAM, HIGH_BITS | IPPROTO_TCP },
		{ "stream, no such flag", AF_INET, SOCK_STREAM | 0x100, 0 },
		{ "dgram", AF_INET, SOCK_DGRAM, 0 },
		{ "dgram, UDP", AF_INET, SOCK_DGRAM, IPPROTO_UDP },
		{ "dgram, ICMP", AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
		{ "raw", AF_INET, SOCK_RAW, IPPROTO_TCP },
		{ "stream, IPv6", AF_INET6, SOCK_STREAM, 0 },
		{ "dgram, IPv6", AF_INET6, SOCK_DGRAM, 0 },
		{ "raw, IPv6", AF_INET6, SOCK_RAW, IPPROTO_TCP },
		{ "stream, local", AF_UNIX, SOCK_STREAM, 0 },
	};
	pthread_t thread;
	size_t i;

	/* Nobody's child is here but those of our own. */
	if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)
		puts("a strange child");
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		tell(kinds[i].what, kinds[i].family, kinds[i].type,
		     kinds[i].protocol);
	tell_when_full();
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
	if (!fork()) {
		tell("in a child", AF_INET, SOCK_STREAM, 0);
		execl("/proc/self/exe", "probe", "socket", NULL);
		_exit(1);
	}
	wait(NULL);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Of a handler with SA_RESTART, socket(2) knows nothing. */
static int tell_interrupted(void)
{
	struct itimerval often = { { 0, 300 }, { 0, 300 } };
	struct sigaction action = {
		.sa_handler = on_alarm,
		.sa_flags = SA_RESTART,
	};
	int i, fd;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 1000; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || number(fd, SO_DOMAIN) == AF_INET) {
			printf("%s, after %d\n", strerrorname_np(errno), i);
			return 1;
		}
		close(fd);
	}
	return 0;
}

static int tell_terminal(void)
{
	sigset_t interrupt;
	int sig;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, NULL);
	printf("%s\n", tcgetpgrp(STDIN_FILENO) == getpgrp() ? "ready" :
	       "not in the foreground");
	fflush(stdout);
	sigwait(&interrupt, &sig);
	tell("stream", AF_INET, SOCK_STREAM, 0);
	return 5;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "sockets"))
		tell_all();
	else if (!strcmp(what, "socket"))
		tell("stream", AF_INET, SOCK_STREAM, 0);
	else if (!strcmp(what, "interrupted"))
		return tell_interrupted();
	else if (!strcmp(what, "terminal"))
		return tell_terminal();
	while (!strcmp(what, "forever"))
		close(socket(AF_INET, SOCK_STREAM, 0));
	return 0;
}
