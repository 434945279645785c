// SPDX-License-Identifier: GPL-2.0
/*
 * The supervisor of teach run: it answers the system calls that the filter in
 * cmd_run.c stops, as seccomp_unotify(2) tells.
 *
 * A call waits until it is answered: with a descriptor, with an error, or with
 * leave to go on as if nothing had been.  Whoever made it may be killed at any
 * time; then the answer fails, and there is nothing left to do about it.
 *
 * Leave to go on is safe here, although the program may have changed what its
 * arguments point to since they were looked at, because nothing is forbidden:
 * what the call then does, the program could have done without us.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <teach.h>

#include "run.h"
#include "tool.h"

static struct {
	const struct run *run;
	int notify;		/* the filter's descriptor */
	int home;		/* the network namespace we started in */
	struct stat home_id;
	bool away;		/* in another one now */
} sup;

/* --- answers ------------------------------------------------------------ */

static void answer(const struct seccomp_notif *call, int err, uint32_t flags)
{
	struct seccomp_notif_resp resp = {
		.id = call->id,
		.error = err,
		.flags = flags,
	};

	ioctl(sup.notify, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static void fail(const struct seccomp_notif *call, int err)
{
	answer(call, err, 0);
}

static void let_go_on(const struct seccomp_notif *call)
{
	answer(call, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

/* Was it really the caller whose files in /proc have just been opened? */
static bool waits(const struct seccomp_notif *call)
{
	return !ioctl(sup.notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id);
}

/* --- network namespaces ------------------------------------------------- */

/*
 * A socket belongs to the namespace of who makes it.  Go into the caller's,
 * which may be one thread's; returns whether that was possible.
 */
static bool enter_netns(const struct seccomp_notif *call)
{
	char path[64];
	struct stat id;
	bool in;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", call->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	in = !fstat(fd, &id) && waits(call);
	if (in && (id.st_dev != sup.home_id.st_dev ||
		   id.st_ino != sup.home_id.st_ino)) {
		in = !setns(fd, CLONE_NEWNET);
		sup.away = in;
	}
	close(fd);
	return in;
}

/*
 * To stay would keep the namespace when all others have left it, and make the
 * next sockets there.
 */
static void go_home(void)
{
	if (sup.away && setns(sup.home, CLONE_NEWNET))
		_exit(EXIT_FAILED);
	sup.away = false;
}

/* --- every socket ------------------------------------------------------- */

static void answer_socket(const struct seccomp_notif *call)
{
	struct seccomp_notif_addfd add = {
		.id = call->id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
	};
	int type = call->data.args[1];
	int fd;

	fd = run_socket(sup.run, type);
	if (fd < 0) {
		fail(call, -errno);
		return;
	}
	add.srcfd = fd;
	add.newfd_flags = type & SOCK_CLOEXEC ? O_CLOEXEC : 0;
	/* EMFILE, for one, is about the program's descriptors, not ours. */
	if (ioctl(sup.notify, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0)
		fail(call, -errno);
	close(fd);
}

/* --- only those that listen, or connect --------------------------------- */

/*
 * What a program may have set before it listens or connects.  IP and TCP have
 * these for AF_TEACH too; what cannot be set there is left out.
 */
static const struct sockopt {
	int level;
	int name;
} kept[] = {
	{ SOL_IP, IP_TOS },
	{ SOL_SOCKET, SO_PRIORITY },	/* IP_TOS sets it, too */
	{ SOL_IP, IP_TTL },
	{ SOL_IP, IP_MTU_DISCOVER },
	{ SOL_IP, IP_RECVERR },
	{ SOL_IP, IP_FREEBIND },
	{ SOL_IP, IP_TRANSPARENT },
	{ SOL_IP, IP_BIND_ADDRESS_NO_PORT },
	{ SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_REUSEPORT },
	{ SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_LINGER },
	{ SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_SNDBUF },
	{ SOL_SOCKET, SO_RCVBUF },
	{ SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_RCVTIMEO },
	{ SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_BINDTODEVICE },
	{ SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_MAX_PACING_RATE },
	{ SOL_TCP, TCP_NODELAY },
	{ SOL_TCP, TCP_MAXSEG },
	{ SOL_TCP, TCP_KEEPIDLE },
	{ SOL_TCP, TCP_KEEPINTVL },
	{ SOL_TCP, TCP_KEEPCNT },
	{ SOL_TCP, TCP_SYNCNT },
	{ SOL_TCP, TCP_LINGER2 },
	{ SOL_TCP, TCP_DEFER_ACCEPT },
	{ SOL_TCP, TCP_USER_TIMEOUT },
	{ SOL_TCP, TCP_WINDOW_CLAMP },
	{ SOL_TCP, TCP_NOTSENT_LOWAT },
	{ SOL_TCP, TCP_CONGESTION },
};

struct value {
	socklen_t length;
	union {
		int number;
		char bytes[64];		/* or a struct, or a name */
	};
};

static bool get_option(int fd, const struct sockopt *option,
		       struct value *value)
{
	memset(value, 0, sizeof(*value));
	value->length = sizeof(value->bytes);
	return !getsockopt(fd, option->level, option->name, value->bytes,
			   &value->length);
}

static void set_option(int fd, const struct sockopt *option,
		       struct value *value)
{
	int level = option->level, name = option->name;

	if (level == SOL_SOCKET && name == SO_REUSEPORT) {
		/* Linux before 6.7 does not let us have that one. */
		level = SOL_TEACH;
		name = TEACH_REUSEPORT;
	} else if (level == SOL_SOCKET &&
		   (name == SO_SNDBUF || name == SO_RCVBUF)) {
		/* socket(7): the kernel doubles what it is given. */
		value->number /= 2;
	}
	setsockopt(fd, level, name, value->bytes, value->length);
}

/*
 * What differs from @model, a socket as it is when nothing has been set, has
 * been set by the program.  Defaults stay AF_TEACH's own.
 */
static void copy_options(int from, int model, int to)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kept); i++) {
		struct value value, unset;

		if (get_option(from, &kept[i], &value) &&
		    get_option(model, &kept[i], &unset) &&
		    memcmp(&value, &unset, sizeof(value)))
			set_option(to, &kept[i], &value);
	}
	if (fcntl(from, F_GETFL) & O_NONBLOCK)
		fcntl(to, F_SETFL, fcntl(to, F_GETFL) | O_NONBLOCK);
}

/* The number after @name in a file of the caller's in /proc, or -1. */
static long read_number(const struct seccomp_notif *call, const char *file,
			const char *name, int base)
{
	char path[64], *line = NULL;
	size_t size = 0;
	long value = -1;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%u/%s", call->pid, file);
	in = fopen(path, "re");
	if (!in)
		return -1;
	while (value < 0 && getline(&line, &size, in) > 0)
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name), NULL, base);
	free(line);
	fclose(in);
	return value;
}

/* The caller's socket, as a descriptor of ours; or -1. */
static int take_socket(const struct seccomp_notif *call)
{
	int pidfd, fd = -1;
	pid_t leader;

	/* Threads have no pidfd, but descriptors in common. */
	leader = read_number(call, "status", "Tgid:", 10);
	pidfd = syscall(__NR_pidfd_open, leader, 0);
	if (pidfd < 0)
		return -1;
	if (waits(call))
		fd = syscall(__NR_pidfd_getfd, pidfd, (int)call->data.args[0],
			     0);
	close(pidfd);
	return fd;
}

/* What is shorter fills the low bytes: the kernels here are little-endian. */
static uint64_t get_number(int fd, int name)
{
	uint64_t value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &length) ? 0 : value;
}

/* Is it TCP, unused, and in the namespace where @model has been made? */
static bool may_be_exchanged(int fd, int model)
{
	uint64_t protocol = get_number(fd, SO_PROTOCOL);
	struct tcp_info info;
	socklen_t length = sizeof(info);

	return get_number(fd, SO_DOMAIN) == AF_INET &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) &&
	       get_number(fd, SO_NETNS_COOKIE) ==
	       get_number(model, SO_NETNS_COOKIE) &&
	       !getsockopt(fd, SOL_TCP, TCP_INFO, &info, &length) &&
	       info.tcpi_state == TCP_CLOSE;
}

/* Give the caller @fd for the descriptor that it has. */
static int put_in_place(const struct seccomp_notif *call, int fd)
{
	struct seccomp_notif_addfd add = {
		.id = call->id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = fd,
		.newfd = call->data.args[0],
	};
	char file[32];
	long flags;

	snprintf(file, sizeof(file), "fdinfo/%u", add.newfd);
	flags = read_number(call, file, "flags:", 8);
	if (flags < 0)
		return -EBADF;
	add.newfd_flags = flags & O_CLOEXEC;
	if (ioctl(sup.notify, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0)
		return -errno;
	return 0;
}

/*
 * What listens answers in the form of the address that it was bound to (see
 * <teach.h>): so it is bound, even if only to any address and any port.
 */
static bool has_address(const struct sockaddr_in *addr)
{
	return sup.run->call == __NR_listen || addr->sin_port ||
	       addr->sin_addr.s_addr;
}

/* Returns 0, or the error that the call is to fail with. */
static int exchange(const struct seccomp_notif *call)
{
	struct sockaddr_in addr;
	socklen_t length = sizeof(addr);
	int old, model, fd = -1, err = 0;

	old = take_socket(call);
	model = socket(AF_INET, SOCK_STREAM, 0);
	if (may_be_exchanged(old, model) &&
	    !getsockname(old, (struct sockaddr *)&addr, &length)) {
		fd = run_socket(sup.run, SOCK_STREAM);
		if (fd >= 0)
			copy_options(old, model, fd);
		err = fd < 0 ? -errno : put_in_place(call, fd);
	}
	close(model);
	/* The caller has it no more: with our copy, its port becomes free. */
	close(old);
	if (fd >= 0 && !err && has_address(&addr) &&
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err = -errno;
	close(fd);
	return err;
}

/* listen(2) or connect(2): of what is not for us, too. */
static void answer_use(const struct seccomp_notif *call)
{
	int err = exchange(call);

	if (err)
		fail(call, err);
	else
		let_go_on(call);
}

/* --- the loop ----------------------------------------------------------- */

static void answer_call(const struct seccomp_notif *call)
{
	if (!enter_netns(call))
		let_go_on(call);
	else if (sup.run->call == __NR_socket)
		answer_socket(call);
	else
		answer_use(call);
	go_home();
}

/**
 * supervise - answer the program's calls until nobody is left to make any
 * @run: what was asked for
 * @notify: the filter's descriptor
 */
void supervise(const struct run *run, int notify)
{
	sup.run = run;
	sup.notify = notify;
	sup.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	fstat(sup.home, &sup.home_id);

	for (;;) {
		struct pollfd filter = { .fd = notify, .events = POLLIN };
		struct seccomp_notif call = { 0 };

		if (poll(&filter, 1, -1) < 0)
			continue;
		/* Else the last task with the filter has gone: POLLHUP. */
		if (!(filter.revents & POLLIN))
			return;
		if (!ioctl(notify, SECCOMP_IOCTL_NOTIF_RECV, &call))
			answer_call(&call);
		else if (errno != ENOENT && errno != EINTR)
			return;
		/* Else who called has been killed or interrupted meanwhile. */
	}
}
