// SPDX-License-Identifier: GPL-2.0
/*
 * --model thread: a thread for each connection.
 *
 *	httpd
 *	+-----------------------------------------------+
 *	| main thread    pthread_create()   threads     |
 *	| +----------+          +--------------------+  |
 *	| | listener |--------->| connection 1       |<------ client 1
 *	| | accept() |          +--------------------+  |
 *	| |          |--------->| connection 2       |<------ client 2
 *	| +----------+          +--------------------+  |
 *	+-----------------------------------------------+
 *
 * One process of 1 + N threads; sockets 1 + N, all in one table of descriptors.
 * Client N+1 gets a thread of its own; when no descriptor is left it waits in
 * the accept queue, and when no thread can be made it is turned away.
 *
 * All share one memory: what a thread breaks, it breaks for all.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "server.h"

struct job {
	const struct server *srv;
	int fd;
};

static void *run(void *arg)
{
	struct job job = *(struct job *)arg;

	free(arg);
	serve_client(job.srv, job.fd);
	return NULL;
}

static void start_thread(const struct server *srv, int fd)
{
	struct job *job = malloc(sizeof(*job));
	pthread_t thread;

	if (job) {
		*job = (struct job){ srv, fd };
		if (!pthread_create(&thread, NULL, run, job)) {
			/* Nobody joins it: it is gone when it ends. */
			pthread_detach(thread);
			return;
		}
	}
	free(job);
	close(fd);
}

int serve_thread(const struct server *srv)
{
	int fd;

	while ((fd = accept_or_signal(srv)) >= 0)
		start_thread(srv, fd);
	return 0;
}
