/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the models of a server share.  A model is one function here, one line
 * in httpd.c's table, and a file of its own.  It begins with a listening
 * socket, returns when SIGINT or SIGTERM has come, and is ended, with all its
 * threads, by the end of the process.
 *
 *	service.c	from bytes of requests to bytes of responses
 *	accept.c	the next client, and the signals
 *	blocking.c	one client from its first byte to its last
 *	children.c	the processes of fork and prefork
 *	loop.c		many clients in one thread, by epoll
 */
#ifndef _SERVER_H
#define _SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#include "service.h"

/* How long accept() is left alone when it had no descriptor or no memory. */
#define ACCEPT_PAUSE_MS	100

/**
 * struct server - what a model works with, and does not change
 * @service: what its clients get
 * @listener: the listening socket
 * @signals: a signalfd; SIGINT and SIGTERM are blocked and come from here
 * @workers: how many, where the model has a fixed number of them
 */
struct server {
	struct service service;
	int listener;
	int signals;
	int workers;
};

int serve_fork(const struct server *srv);
int serve_prefork(const struct server *srv);
int serve_thread(const struct server *srv);
int serve_pool(const struct server *srv);
int serve_epoll(const struct server *srv);
int serve_loops(const struct server *srv);
int serve_uring(const struct server *srv);

int accept_or_sleep(const struct server *srv);
int accept_or_signal(const struct server *srv);
bool accept_must_pause(int error);
int wait_signal(const struct server *srv);
struct sockaddr_in peer_of(int fd);

void serve_client(const struct server *srv, int fd);

void children_watch(const struct server *srv);
pid_t children_fork(const struct server *srv);
int children_count(void);
void children_reap(void);
void children_kill(void);

#endif /* _SERVER_H */
