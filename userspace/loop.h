/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A loop around epoll: one thread, many clients, and what else a model wants
 * to be told of in that thread.
 */
#ifndef _LOOP_H
#define _LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct conn;
struct loop;
struct server;

TAILQ_HEAD(conn_list, conn);

/**
 * struct watch - a descriptor in a loop
 * @fd: the descriptor; not closed by the loop
 * @ready: what to call when something has happened to it
 * @loop: the loop, set by loop_add()
 * @happened: the epoll events that are the reason for a call
 */
struct watch {
	int fd;
	void (*ready)(struct watch *w);
	struct loop *loop;
	uint32_t happened;
};

/**
 * struct loop - only the thread that runs it may touch it
 * @srv: the server it works for
 * @epoll: its epoll instance
 * @stopped: set it to leave loop_run()
 * @active: clients being served, the next to time out first
 * @draining: clients that are waited for to close their half, the same
 */
struct loop {
	const struct server *srv;
	int epoll;
	bool stopped;
	struct conn_list active;
	struct conn_list draining;
};

bool loop_init(struct loop *loop, const struct server *srv);
bool loop_add(struct loop *loop, struct watch *w, uint32_t events);
void loop_change(struct watch *w, uint32_t events);
void loop_take_client(struct loop *loop, int fd);
int loop_run(struct loop *loop);

#endif /* _LOOP_H */
