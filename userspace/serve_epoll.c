// SPDX-License-Identifier: GPL-2.0
/*
 * --model epoll: one thread and one event loop for all, as uvicorn.
 *
 *	httpd
 *	+------------------------------+
 *	| the only thread              |
 *	| +--------------------------+ |
 *	| | epoll_wait()             | |
 *	| |   listener: accept()     | |
 *	| |   connection 1           |<------ client 1
 *	| |   connection 2           |<------ client 2
 *	| |   connection 3           |<------ client 3
 *	| |   signals: stop          | |
 *	| +--------------------------+ |
 *	+------------------------------+
 *
 * One process of one thread; sockets 1 + N.  Client N+1 costs a descriptor and
 * some memory; when no descriptor is left it waits in the accept queue.  But
 * there is never more than one CPU at work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "loop.h"
#include "server.h"

static struct watch listener, pause_timer, signals;

/* One at a time: epoll says it again as long as there are others. */
static void accept_ready(struct watch *w)
{
	const struct itimerspec in_a_moment = {
		.it_value.tv_nsec = ACCEPT_PAUSE_MS * 1000000,
	};
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		loop_take_client(w->loop, fd);
	} else if (accept_must_pause(errno)) {
		loop_change(w, 0);
		timerfd_settime(pause_timer.fd, 0, &in_a_moment, NULL);
	}
}

static void pause_over(struct watch *w)
{
	uint64_t times;

	if (read(w->fd, &times, sizeof(times)) == sizeof(times))
		loop_change(&listener, EPOLLIN);
}

static void signal_ready(struct watch *w)
{
	w->loop->stopped = true;
}

int serve_epoll(const struct server *srv)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct loop loop;

	listener = (struct watch){ .fd = srv->listener, .ready = accept_ready };
	pause_timer = (struct watch){ .fd = timer, .ready = pause_over };
	signals = (struct watch){ .fd = srv->signals, .ready = signal_ready };
	if (timer < 0 || !loop_init(&loop, srv) ||
	    !loop_add(&loop, &listener, EPOLLIN) ||
	    !loop_add(&loop, &pause_timer, EPOLLIN) ||
	    !loop_add(&loop, &signals, EPOLLIN)) {
		perror("httpd: epoll");
		return 1;
	}
	return loop_run(&loop);
}
