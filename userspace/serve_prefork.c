// SPDX-License-Identifier: GPL-2.0
/*
 * --model prefork: processes that are there before their clients, as gunicorn's
 * sync workers.
 *
 *	httpd                         workers
 *	+------------------+  fork()  +--------------------+
 *	| makes listener   |--------->| listener, accept() |
 *	|                  |          | one connection     |<---- client 1
 *	| waits for dead   |          +--------------------+
 *	| workers, and     |--------->| listener, accept() |
 *	| makes new ones   |          | one connection     |<---- client 2
 *	+------------------+          +--------------------+
 *
 * Processes 1 + W, each of one thread, before the first client and with a
 * thousand; sockets 1 + W at most, for the listener in all of them is the same
 * socket.  Client W+1 is connected, but stays in the listener's accept queue
 * until a worker has done with its own.
 */
#include <signal.h>

#include "server.h"

static void work(const struct server *srv)
{
	for (;;)
		serve_client(srv, accept_or_sleep(srv));
}

/* As many as there should be, or as can be; false when there are none. */
static bool start_workers(const struct server *srv)
{
	while (children_count() < srv->workers) {
		pid_t pid = children_fork(srv);

		if (!pid)
			work(srv);
		if (pid < 0)
			break;
	}
	return children_count() > 0;
}

int serve_prefork(const struct server *srv)
{
	bool alive;

	children_watch(srv);
	while ((alive = start_workers(srv)) && wait_signal(srv) == SIGCHLD)
		children_reap();
	children_kill();
	return !alive;
}
