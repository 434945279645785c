// SPDX-License-Identifier: GPL-2.0
/*
 * Many clients in one thread: epoll says whose turn it is, and no call waits
 * for one of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "server.h"

#define EVENTS		64

/* One client with a fast link must not keep the others waiting. */
#define STEPS		8

/* What recv() has something to say about. */
#define READABLE	(EPOLLIN | EPOLLHUP | EPOLLERR)

/**
 * struct conn - one client, in one of its loop's lists
 * @watch: its socket; first, so that a pointer to it is one to the conn
 * @events: the epoll events asked for
 * @link: in @list
 * @list: the list it is in
 * @deadline: its client's deadline when it was put there
 * @client: what it has to do
 */
struct conn {
	struct watch watch;
	uint32_t events;

	TAILQ_ENTRY(conn) link;
	struct conn_list *list;
	int64_t deadline;

	struct client client;
};

static bool control(struct watch *w, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	return !epoll_ctl(w->loop->epoll, op, w->fd, &ev);
}

bool loop_add(struct loop *loop, struct watch *w, uint32_t events)
{
	w->loop = loop;
	return control(w, EPOLL_CTL_ADD, events);
}

void loop_change(struct watch *w, uint32_t events)
{
	control(w, EPOLL_CTL_MOD, events);
}

/* Timeouts in a list are alike, so the last to move is the last to end. */
static void conn_enlist(struct loop *loop, struct conn *c)
{
	c->list = c->client.draining ? &loop->draining : &loop->active;
	c->deadline = c->client.deadline;
	TAILQ_INSERT_TAIL(c->list, c, link);
}

static void conn_close(struct conn *c)
{
	TAILQ_REMOVE(c->list, c, link);
	client_end(&c->client);
	close(c->watch.fd);
	free(c);
}

/* Come back when one of @events has happened. */
static void conn_wait(struct conn *c, uint32_t events)
{
	if (c->deadline != c->client.deadline) {
		TAILQ_REMOVE(c->list, c, link);
		conn_enlist(c->watch.loop, c);
	}
	if (c->events == events)
		return;
	c->events = events;
	loop_change(&c->watch, events);
}

/* Has a call failed only because it was not to wait? */
static bool would_wait(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* The events to come back for; 0 when the client is done with. */
static uint32_t conn_go_on(struct conn *c, bool readable)
{
	int fd = c->watch.fd;
	struct iovec buffer;
	ssize_t n;
	int i;

	for (i = 0; i < STEPS; i++) {
		switch (client_next(&c->client, &buffer)) {
		case CLIENT_RECV:
			if (!readable)
				return EPOLLIN;
			readable = false;
			n = recv(fd, buffer.iov_base, buffer.iov_len,
				 MSG_DONTWAIT);
			if (n < 0)
				return would_wait() ? EPOLLIN : 0;
			client_received(&c->client, n);
			break;
		case CLIENT_SEND:
			n = send(fd, buffer.iov_base, buffer.iov_len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0)
				return would_wait() ? EPOLLOUT : 0;
			client_sent(&c->client, n);
			break;
		case CLIENT_SHUTDOWN:
			if (shutdown(fd, SHUT_WR))
				return 0;
			break;
		case CLIENT_CLOSE:
			return 0;
		}
	}
	/* There is more to do, after the others. */
	return EPOLLIN | EPOLLOUT;
}

static void conn_ready(struct watch *w)
{
	struct conn *c = (struct conn *)w;
	uint32_t events = conn_go_on(c, w->happened & READABLE);

	if (events)
		conn_wait(c, events);
	else
		conn_close(c);
}

/* Takes @fd over, and closes it when the client is done with. */
void loop_take_client(struct loop *loop, int fd)
{
	struct sockaddr_in peer = peer_of(fd);
	struct conn *c = malloc(sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->watch = (struct watch){ .fd = fd, .ready = conn_ready };
	c->events = EPOLLIN;
	client_init(&c->client, &loop->srv->service, &peer);
	conn_enlist(loop, c);
	if (!loop_add(loop, &c->watch, c->events))
		conn_close(c);
}

/* Close what has been silent too long; say when to look again, in ms. */
static int expire(struct conn_list *list)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(list))) {
		int64_t left = client_time_left(&c->client);

		if (left)
			return left;
		conn_close(c);
	}
	return -1;
}

static int next_timeout(struct loop *loop)
{
	int active = expire(&loop->active);
	int draining = expire(&loop->draining);

	if (active < 0 || draining < 0)
		return active > draining ? active : draining;
	return active < draining ? active : draining;
}

bool loop_init(struct loop *loop, const struct server *srv)
{
	loop->srv = srv;
	loop->stopped = false;
	TAILQ_INIT(&loop->active);
	TAILQ_INIT(&loop->draining);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll >= 0;
}

/* Returns the exit status. */
int loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS];

	while (!loop->stopped) {
		int n = epoll_wait(loop->epoll, events, EVENTS,
				   next_timeout(loop));
		int i;

		if (n < 0 && errno != EINTR) {
			perror("httpd: epoll_wait");
			return 1;
		}
		for (i = 0; i < n; i++) {
			struct watch *w = events[i].data.ptr;

			w->happened = events[i].events;
			w->ready(w);
		}
	}
	return 0;
}
