// SPDX-License-Identifier: GPL-2.0
/*
 * --model pool: threads that are there before their clients, as Tomcat's.
 *
 *	httpd
 *	+----------------------------------------+
 *	| main thread     workers                |
 *	| +----------+    +-------------------+  |
 *	| | makes    |    | accept(), then    |  |
 *	| | listener |    | one connection    |<------ client 1
 *	| |          |    +-------------------+  |
 *	| | waits for|    | accept(), then    |  |
 *	| | a signal |    | one connection    |<------ client 2
 *	| +----------+    +-------------------+  |
 *	+----------------------------------------+
 *
 * One process of 1 + W threads, before the first client and with a thousand;
 * sockets 1 + W at most.  Client W+1 is connected, but stays in the listener's
 * accept queue until a worker has done with its own.  So this needs no queue of
 * ours, nor a lock.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server.h"

static void *work(void *srv)
{
	for (;;)
		serve_client(srv, accept_or_sleep(srv));
	return NULL;
}

int serve_pool(const struct server *srv)
{
	int i;

	for (i = 0; i < srv->workers; i++) {
		pthread_t thread;
		int err = pthread_create(&thread, NULL, work, (void *)srv);

		if (err) {
			fprintf(stderr, "httpd: thread: %s\n", strerror(err));
			return 1;
		}
	}
	wait_signal(srv);
	return 0;
}
