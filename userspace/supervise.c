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
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* --- the loop ----------------------------------------------------------- */

static void answer_call(const struct seccomp_notif *call)
{
	if (!enter_netns(call))
		let_go_on(call);
	else
		answer_socket(call);
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
