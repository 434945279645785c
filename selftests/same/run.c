// SPDX-License-Identifier: GPL-2.0
/*
 * A case: its body runs on both sides, and must have noted the same.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest.h"

#include "same.h"

#define SETTLE_ROUNDS	3
#define SOME_USER	65534

static struct net net;
static int family;	/* under test */
static int ping = -1;
static const char *only;	/* the cases that are asked for */
static int share;	/* or one of so many */
static bool *differs;	/* whether same_differences[i] was seen to */

void same_note(struct same *s, const char *what, const char *fmt, ...)
{
	struct same_step *step = &s->step[s->steps];
	va_list args;

	if (s->steps == SAME_STEPS) {
		errno = ENOBUFS;
		net_fatal("a body of more than %d steps", SAME_STEPS);
	}
	s->steps++;
	snprintf(step->what, sizeof(step->what), "%s", what);
	va_start(args, fmt);
	vsnprintf(step->value, sizeof(step->value), fmt, args);
	va_end(args);
}

/* What a call gave: its value, or the name of its errno. */
void same_note_ret(struct same *s, const char *what, long ret)
{
	if (ret < 0)
		same_note(s, what, "%s", strerrorname_np(errno));
	else
		same_note(s, what, "%ld", ret);
}

void same_note_poll(struct same *s, const char *what, int bits)
{
	static const struct {
		int bit;
		const char *name;
	} names[] = {
		{ POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" },
		{ POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" },
		{ POLLRDNORM, "RDNORM" }, { POLLRDBAND, "RDBAND" },
		{ POLLWRNORM, "WRNORM" }, { POLLWRBAND, "WRBAND" },
		{ POLLRDHUP, "RDHUP" },
	};
	char value[SAME_VALUE] = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(bits & names[i].bit))
			continue;
		if (*value)
			strcat(value, "|");
		strcat(value, names[i].name);
	}
	same_note(s, what, "%s", *value ? value : "0");
}

/*
 * Until what was sent over lo has arrived, and the answers, and theirs.  What
 * goes over lo waits in one queue of this CPU: what comes back through it has
 * everything before it.
 */
void same_settle(void)
{
	char byte = 0;
	int i;

	for (i = 0; i < SETTLE_ROUNDS; i++)
		if (send(ping, &byte, 1, 0) != 1 ||
		    recv(ping, &byte, 1, 0) != 1)
			net_fatal("a datagram to ourselves");
}

static void open_ping(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(addr);

	ping = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ping < 0 || bind(ping, (void *)&addr, len) ||
	    getsockname(ping, (void *)&addr, &len) ||
	    connect(ping, (void *)&addr, len))
		net_fatal("a socket to ourselves");
}

static void pin_to_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		net_fatal("sched_setaffinity");
}

/* An ordinary user, without any capability, or root again. */
void same_be_user(bool user)
{
	if (syscall(SYS_setresuid, -1, user ? SOME_USER : 0, -1))
		net_fatal("setresuid");
}

void same_begin(const char *cases)
{
	only = cases;
	share = net_kasan() ? 8 : 1;
	family = net_family;
	net_enter(&net, A);
	net_nobody(&net, A);
	/* As on a cable: how a large MTU is cut is nobody's to say. */
	net_ip(&net, A, "link set lo mtu 1500");
	/* No ACK waits, so none comes at another time. */
	net_ip(&net, A, "route replace local 127.0.0.1 dev lo quickack 1");
	/* A host without Fast Open. */
	net_sysctl_path(&net, A, "net/ipv4/tcp_fastopen", "0");
	/* As net.teach.rmem; TCP's default depends on kernel and memory. */
	net_sysctl_path(&net, A, "net/ipv4/tcp_rmem", "4096 131072 6291456");
	pin_to_one_cpu();
	open_ping();
	net_signal(SIGPIPE, 0);
	same_servers(&net, AF_INET);
	if (family != AF_INET)
		same_servers(&net, family);
	differs = calloc(same_differences_count, sizeof(*differs));
	if (!differs)
		net_fatal("calloc");
	ksft_print_header();
}

static void run(struct same *s, int side, same_body body, const void *arg)
{
	s->net = &net;
	s->family = side;
	s->fd = -1;
	s->peer = -1;
	s->steps = 0;
	net_family = side;
	net_signals = 0;
	body(s, arg);
	if (net_signals)
		same_note(s, "SIGPIPE", "%d", (int)net_signals);
	same_drop(s->fd);
	same_drop(s->peer);
}

/* Is it on purpose that they differ in this step of this case? */
static bool on_purpose(const char *name, const char *what)
{
	bool found = false;
	size_t i;

	for (i = 0; i < same_differences_count; i++) {
		if (fnmatch(same_differences[i].name, name, FNM_EXTMATCH) ||
		    fnmatch(same_differences[i].what, what, FNM_EXTMATCH))
			continue;
		differs[i] = true;
		found = true;
	}
	return found;
}

static bool agree(const char *name, const struct same *tcp,
		  const struct same *own)
{
	bool same = true;
	int i;

	for (i = 0; i < tcp->steps || i < own->steps; i++) {
		const struct same_step *a = &tcp->step[i], *b = &own->step[i];

		if (i >= tcp->steps || i >= own->steps ||
		    strcmp(a->what, b->what)) {
			ksft_print_msg("%s: the steps differ from step %d on\n",
				       name, i);
			return false;
		}
		if (!strcmp(a->value, b->value) || on_purpose(name, a->what))
			continue;
		ksft_print_msg("%s: %s: TCP gives %s, this %s\n", name,
			       a->what, a->value, b->value);
		same = false;
	}
	return same;
}

void same_case(same_body body, const void *arg, const char *fmt, ...)
{
	static struct same tcp, own;
	static int count;
	char name[96];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	if (only ? fnmatch(only, name, FNM_EXTMATCH) : count++ % share != 0)
		return;
	run(&tcp, AF_INET, body, arg);
	run(&own, family, body, arg);
	net_family = family;
	ksft_test_result(agree(name, &tcp, &own), "%s\n", name);
}

/* What is listed and is not so any more has to leave the list. */
static void check_differences(void)
{
	size_t i;

	for (i = 0; i < same_differences_count; i++)
		ksft_test_result(differs[i] || same_differences[i].some,
				 "differ %s: %s: %s\n",
				 same_differences[i].name,
				 same_differences[i].what,
				 same_differences[i].why);
}

/*
 * Numbers and names that nobody knows make the kernel look for modules, which
 * takes most of the time, and may find some.  By a process that is there to the
 * end, so that the next program has modules again.
 *
 * Return: the exit status.
 */
int same_without_modules(int (*run)(const char *cases), const char *cases)
{
	static const char path[] = "/proc/sys/kernel/modprobe";
	char modprobe[256];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t len = read(fd, modprobe, sizeof(modprobe));
	int status;
	pid_t pid;

	if (len <= 0)
		net_fatal("%s", path);
	pid = fork();
	if (pid < 0)
		net_fatal("fork");
	if (!pid) {
		/* This may need some. */
		net_init(&net);
		if (pwrite(fd, "\n", 1, 0) != 1)
			net_fatal("%s", path);
		exit(run(cases));
	}
	if (waitpid(pid, &status, 0) != pid ||
	    pwrite(fd, modprobe, len, 0) != len)
		net_fatal("%s", path);
	close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : KSFT_FAIL;
}

/* Return: the exit status. */
int same_end(void)
{
	if (family != AF_INET && !only && share == 1)
		check_differences();
	net_exit(&net);
	ksft_set_plan(ksft_test_num());
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
