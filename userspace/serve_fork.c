// SPDX-License-Identifier: GPL-2.0
/*
 * --model fork: a process for each connection.
 *
 *	httpd
 *	+----------------+    fork()    +---------------+
 *	| listener       |------------->| connection 1  |<---- client 1
 *	| accept()       |              +---------------+
 *	|                |------------->| connection 2  |<---- client 2
 *	| reaps children |              +---------------+
 *	+----------------+------------->| connection 3  |<---- client 3
 *	                                +---------------+
 *
 * Processes 1 + N, each of one thread; sockets 1 + N.  Client N+1 gets a
 * process of its own; when no more can be made, it is turned away.
 *
 * Each process has its own memory: one that crashes takes one client with it.
 */
#include <signal.h>
#include <unistd.h>

#include "server.h"

static void start_child(const struct server *srv, int fd)
{
	if (!children_fork(srv)) {
		close(srv->listener);
		serve_client(srv, fd);
		_exit(0);
	}
	/* The child has its own, or no FIN would go out when it closes that. */
	close(fd);
}

int serve_fork(const struct server *srv)
{
	int fd;

	children_watch(srv);
	for (;;) {
		fd = accept_or_signal(srv);
		if (fd >= 0)
			start_child(srv, fd);
		else if (fd == -SIGCHLD)
			children_reap();
		else
			break;
	}
	children_kill();
	return 0;
}
