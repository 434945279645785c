// SPDX-License-Identifier: GPL-2.0
/*
 * --model uring: one thread for all, and the kernel does the calls.
 *
 *	httpd                                   kernel
 *	+------------------+  submission queue  +--------------+
 *	| the only thread  |------------------->| accept, ...  |
 *	|                  |                    | recv 1       |<--- client 1
 *	| what next, for   |                    | send 2       |<--- client 2
 *	| the client that  |  completion queue  | recv 3       |<--- client 3
 *	| this is of?      |<-------------------| poll signals |
 *	+------------------+                    +--------------+
 *
 * One process of one thread; sockets 1 + N.  epoll says that a call would not
 * wait; here the call waits, in the kernel, and what comes back is its result.
 * One io_uring_enter() submits any number and collects any number.  Client N+1
 * is as with epoll.
 *
 * A client has one call under way, with a timeout linked to it that ends it.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

#define ENTRIES		256

/**
 * struct conn - one client
 * @fd: its socket
 * @step: the call under way
 * @limit: for how long it may be
 */
struct conn {
	int fd;
	enum client_step step;
	struct __kernel_timespec limit;
	struct client client;
};

struct uring {
	struct io_uring ring;
	const struct server *srv;
};

/* What completed: one of these, or the call of a conn. */
enum { TAG_LIMIT, TAG_ACCEPT, TAG_PAUSE, TAG_SIGNAL };

static struct __kernel_timespec accept_pause = {
	.tv_nsec = ACCEPT_PAUSE_MS * 1000000,
};

/* The next of @n entries that have to be submitted together. */
static struct io_uring_sqe *new_entry(struct uring *u, unsigned int n)
{
	while (io_uring_sq_space_left(&u->ring) < n)
		io_uring_submit(&u->ring);
	return io_uring_get_sqe(&u->ring);
}

/* One entry, of which a completion comes for each client. */
static void start_accept(struct uring *u)
{
	struct io_uring_sqe *sqe = new_entry(u, 1);

	io_uring_prep_multishot_accept(sqe, u->srv->listener, NULL, NULL,
				       SOCK_CLOEXEC);
	io_uring_sqe_set_data64(sqe, TAG_ACCEPT);
}

static void start_pause(struct uring *u)
{
	struct io_uring_sqe *sqe = new_entry(u, 1);

	io_uring_prep_timeout(sqe, &accept_pause, 0, 0);
	io_uring_sqe_set_data64(sqe, TAG_PAUSE);
}

static void watch_signals(struct uring *u)
{
	struct io_uring_sqe *sqe = new_entry(u, 1);

	io_uring_prep_poll_add(sqe, u->srv->signals, POLLIN);
	io_uring_sqe_set_data64(sqe, TAG_SIGNAL);
}

static void start_call(struct uring *u, struct conn *c,
		       const struct iovec *buffer)
{
	int64_t left = client_time_left(&c->client);
	struct io_uring_sqe *sqe = new_entry(u, 2);

	if (c->step == CLIENT_RECV)
		io_uring_prep_recv(sqe, c->fd, buffer->iov_base,
				   buffer->iov_len, 0);
	else
		io_uring_prep_send(sqe, c->fd, buffer->iov_base,
				   buffer->iov_len, MSG_NOSIGNAL);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_sqe_set_data(sqe, c);

	c->limit.tv_sec = left / 1000;
	c->limit.tv_nsec = left % 1000 * 1000000;
	sqe = new_entry(u, 1);
	io_uring_prep_link_timeout(sqe, &c->limit, 0);
	io_uring_sqe_set_data64(sqe, TAG_LIMIT);
}

static void conn_close(struct conn *c)
{
	client_end(&c->client);
	close(c->fd);
	free(c);
}

static void conn_go_on(struct uring *u, struct conn *c)
{
	struct iovec buffer;

	c->step = client_next(&c->client, &buffer);
	if (c->step == CLIENT_SHUTDOWN && !shutdown(c->fd, SHUT_WR))
		c->step = client_next(&c->client, &buffer);
	if (c->step == CLIENT_RECV || c->step == CLIENT_SEND)
		start_call(u, c, &buffer);
	else
		conn_close(c);
}

static void take_client(struct uring *u, int fd)
{
	struct sockaddr_in peer = peer_of(fd);
	struct conn *c = malloc(sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	client_init(&c->client, &u->srv->service, &peer);
	conn_go_on(u, c);
}

static void accept_done(struct uring *u, int res, unsigned int flags)
{
	if (res >= 0)
		take_client(u, res);
	if (flags & IORING_CQE_F_MORE)
		return;
	if (res < 0 && accept_must_pause(-res))
		start_pause(u);
	else
		start_accept(u);
}

/* @res is what the call would have returned, or -errno. */
static void call_done(struct uring *u, struct conn *c, int res)
{
	if (res < 0 && res != -EINTR) {
		conn_close(c);
		return;
	}
	if (res >= 0 && c->step == CLIENT_RECV)
		client_received(&c->client, res);
	else if (res >= 0)
		client_sent(&c->client, res);
	conn_go_on(u, c);
}

/* False when the server is to end. */
static bool completed(struct uring *u, const struct io_uring_cqe *cqe)
{
	switch (cqe->user_data) {
	case TAG_LIMIT:		/* a limited call tells its own result */
		break;
	case TAG_ACCEPT:
		accept_done(u, cqe->res, cqe->flags);
		break;
	case TAG_PAUSE:
		start_accept(u);
		break;
	case TAG_SIGNAL:
		return false;
	default:
		call_done(u, io_uring_cqe_get_data(cqe), cqe->res);
		break;
	}
	return true;
}

int serve_uring(const struct server *srv)
{
	struct uring u = { .srv = srv };
	struct io_uring_cqe *cqe;
	bool go_on = true;
	int err;

	err = io_uring_queue_init(ENTRIES, &u.ring, 0);
	if (err) {
		fprintf(stderr, "httpd: io_uring: %s\n", strerror(-err));
		return 1;
	}
	watch_signals(&u);
	start_accept(&u);
	while (go_on) {
		io_uring_submit_and_wait(&u.ring, 1);
		while (go_on && !io_uring_peek_cqe(&u.ring, &cqe)) {
			go_on = completed(&u, cqe);
			io_uring_cqe_seen(&u.ring, cqe);
		}
	}
	io_uring_queue_exit(&u.ring);
	return 0;
}
