// SPDX-License-Identifier: GPL-2.0
/*
 * --model loops: one thread accepts, W event loops serve, as Netty.
 *
 *	httpd
 *	+----------------------------------------------------+
 *	| main thread                  workers               |
 *	| +----------+     pipe        +------------------+  |
 *	| | listener |---------------->| epoll_wait()     |  |
 *	| | accept() |  descriptors    |   the pipe       |  |
 *	| |          |                 |   connection 1   |<------ client 1
 *	| |          |                 |   connection 3   |<------ client 3
 *	| |          |     pipe        +------------------+  |
 *	| |          |---------------->| epoll_wait()     |  |
 *	| |          |                 |   the pipe       |  |
 *	| |          |                 |   connection 2   |<------ client 2
 *	| +----------+                 +------------------+  |
 *	+----------------------------------------------------+
 *
 * One process of 1 + W threads; sockets 1 + N.  The loops get the clients in
 * turn.  Client N+1 costs a descriptor and some memory; when no descriptor is
 * left it waits in the accept queue.
 *
 * A client stays with its loop, so loops share nothing and need no lock.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loop.h"
#include "server.h"

/**
 * struct worker - a thread with a loop
 * @loop: the loop
 * @inbox: the end of the pipe that the loop reads descriptors from
 * @outbox: the end that the main thread writes them to
 */
struct worker {
	struct loop loop;
	struct watch inbox;
	int outbox;
};

static void inbox_ready(struct watch *w)
{
	int fd;

	if (read(w->fd, &fd, sizeof(fd)) == sizeof(fd))
		loop_take_client(w->loop, fd);
}

/* Clients of a loop that ended would wait for ever. */
static void *run(void *loop)
{
	exit(loop_run(loop));
}

static bool start_worker(struct worker *w, const struct server *srv)
{
	pthread_t thread;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return false;
	w->inbox = (struct watch){ .fd = ends[0], .ready = inbox_ready };
	w->outbox = ends[1];
	return loop_init(&w->loop, srv) &&
	       loop_add(&w->loop, &w->inbox, EPOLLIN) &&
	       !pthread_create(&thread, NULL, run, &w->loop);
}

static void give(const struct worker *w, int fd)
{
	if (write(w->outbox, &fd, sizeof(fd)) != sizeof(fd))
		close(fd);
}

int serve_loops(const struct server *srv)
{
	struct worker *workers = calloc(srv->workers, sizeof(*workers));
	int fd, i;

	for (i = 0; i < srv->workers; i++) {
		if (!workers || !start_worker(&workers[i], srv)) {
			fputs("httpd: cannot start the loops\n", stderr);
			return 1;
		}
	}
	for (i = 0; (fd = accept_or_signal(srv)) >= 0; i++)
		give(&workers[i % srv->workers], fd);
	return 0;
}
