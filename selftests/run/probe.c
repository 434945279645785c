// SPDX-License-Identifier: GPL-2.0
/*
 * For run.sh: tells what sockets it gets.  It knows nothing of AF_TEACH, and is
 * static, so that no library comes between it and the kernel.
 *
 *	probe sockets		of all kinds, in threads and children
 *	probe socket		one, AF_INET's
 *	probe listen|connect PORT
 *				the socket after it, with what was set before
 *	probe interrupted	while signals come
 *	probe terminal		one, once the terminal has sent SIGINT
 *	probe forever		makes them until it is killed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
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

/* What may be set on a socket that has not been used yet. */
static const struct {
	const char *name;
	int level, option;
	int value;
} options[] = {
	{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1 },
	{ "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1 },
	{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ "SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 12345 },
	{ "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 23456 },
	{ "SO_MARK", SOL_SOCKET, SO_MARK, 4 },
	{ "IP_TOS", SOL_IP, IP_TOS, 0x10 },
	{ "SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 3 },
	{ "IP_TTL", SOL_IP, IP_TTL, 33 },
	{ "TCP_NODELAY", SOL_TCP, TCP_NODELAY, 1 },
	{ "TCP_KEEPIDLE", SOL_TCP, TCP_KEEPIDLE, 77 },
	{ "TCP_KEEPINTVL", SOL_TCP, TCP_KEEPINTVL, 7 },
	{ "TCP_KEEPCNT", SOL_TCP, TCP_KEEPCNT, 3 },
	{ "TCP_USER_TIMEOUT", SOL_TCP, TCP_USER_TIMEOUT, 12000 },
};

static const struct linger linger = { .l_onoff = 1, .l_linger = 9 };
static const struct timeval patience = { .tv_sec = 600 };

static void set_options(int fd)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (setsockopt(fd, options[i].level, options[i].option,
			       &options[i].value, sizeof(int)))
			printf("%s: not set\n", options[i].name);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo"));
}

static void tell_options(int fd)
{
	struct linger got = { 0 };
	struct timeval time = { 0 };
	char device[16] = "";
	socklen_t length;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		int value = -1;

		length = sizeof(value);
		getsockopt(fd, options[i].level, options[i].option, &value,
			   &length);
		printf("%s: %d\n", options[i].name, value);
	}
	length = sizeof(got);
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &length);
	length = sizeof(time);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &length);
	length = sizeof(device);
	getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &length);
	printf("SO_LINGER: %d, SO_RCVTIMEO: %ld, SO_BINDTODEVICE: %s\n",
	       got.l_linger, (long)time.tv_sec, device);
}

/*
 * Give @fd an address, if there is a port, and listen; or give it one and
 * connect it to who listens at the port.
 */
static int use(int fd, bool listens, int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};
	struct sockaddr_in own = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1),
	};
	socklen_t length = sizeof(own);

	if (listens) {
		if (port && bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
			return -1;
		if (listen(fd, 5))
			return -1;
	} else {
		if (bind(fd, (struct sockaddr *)&own, sizeof(own)))
			return -1;
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) &&
		    errno != EINPROGRESS)
			return -1;
	}
	if (getsockname(fd, (struct sockaddr *)&own, &length))
		return -1;
	printf("at %s, family %d\n", inet_ntoa(own.sin_addr), own.sin_family);
	return 0;
}

static void tell_use(bool listens, int port, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	set_options(fd);
	if (use(fd, listens, port))
		puts(strerrorname_np(errno));
	printf("family %d%s\n", number(fd, SO_DOMAIN), descriptor_flags(fd));
	tell_options(fd);
	close(fd);
}

static void *listen_in_thread(void *port)
{
	tell_use(true, *(int *)port, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return NULL;
}

static void *connect_in_thread(void *port)
{
	tell_use(false, *(int *)port, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return NULL;
}

/*
 * A stream on which nothing has been set, so that it can share its port with
 * nobody; what is no stream of AF_INET; and what is no socket.
 */
static void tell_others(bool listens, int port)
{
	struct sockaddr_un local = {
		.sun_family = AF_UNIX,
		.sun_path = "/nowhere",
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (use(fd, listens, port))
		puts(strerrorname_np(errno));
	printf("family %d\n", number(fd, SO_DOMAIN));
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (use(fd, listens, port))
		puts(strerrorname_np(errno));
	printf("dgram: family %d\n", number(fd, SO_DOMAIN));
	close(fd);
	if (listen(fd, 5))
		puts(strerrorname_np(errno));
	if (connect(fd, (struct sockaddr *)&local, sizeof(local)))
		puts(strerrorname_np(errno));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&local, sizeof(local)))
		puts(strerrorname_np(errno));
	close(fd);
}

static void tell_uses(bool listens, int port)
{
	pthread_t thread;

	/* Then 0 is the first descriptor of all. */
	close(STDIN_FILENO);
	tell_use(listens, port, 0);
	pthread_create(&thread, NULL, listens ? listen_in_thread :
		       connect_in_thread, &port);
	pthread_join(thread, NULL);
	tell_others(listens, port);
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
	int port = argc > 2 ? atoi(argv[2]) : 0;

	if (!strcmp(what, "sockets"))
		tell_all();
	else if (!strcmp(what, "socket"))
		tell("stream", AF_INET, SOCK_STREAM, 0);
	else if (!strcmp(what, "interrupted"))
		return tell_interrupted();
	else if (!strcmp(what, "terminal"))
		return tell_terminal();
	else if (!strcmp(what, "listen"))
		tell_uses(true, port);
	else if (!strcmp(what, "connect"))
		tell_uses(false, port);
	while (!strcmp(what, "forever"))
		close(socket(AF_INET, SOCK_STREAM, 0));
	return 0;
}
