// SPDX-License-Identifier: GPL-2.0
/*
 * Calls one after the other, in every order: three of a handful, the same one
 * perhaps thrice.
 */
#include <stdio.h>
#include <string.h>

#include "same.h"

static long do_bind(struct same *s)
{
	return net_bind(s->fd, ADDR_ANY, PORT_OWN);
}

static long do_listen(struct same *s)
{
	return listen(s->fd, 2);
}

static long do_accept(struct same *s)
{
	int fd = accept(s->fd, NULL, NULL);

	same_drop(fd);
	return fd < 0 ? fd : 0;
}

static long connect_open(struct same *s)
{
	return net_connect(s->fd, ADDR_LO, PORT_OPEN);
}

static long connect_closed(struct same *s)
{
	return net_connect(s->fd, ADDR_LO, PORT_CLOSED);
}

static long connect_nobody(struct same *s)
{
	return net_connect(s->fd, ADDR_NOBODY, 80);
}

/* To itself: both ends send a SYN. */
static long connect_own(struct same *s)
{
	return net_connect(s->fd, ADDR_LO, PORT_OWN);
}

static long disconnect(struct same *s)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };

	return connect(s->fd, &addr, sizeof(addr));
}

static long shut_read(struct same *s)
{
	return shutdown(s->fd, SHUT_RD);
}

static long shut_write(struct same *s)
{
	return shutdown(s->fd, SHUT_WR);
}

static long shut_both(struct same *s)
{
	return shutdown(s->fd, SHUT_RDWR);
}

static long do_send(struct same *s)
{
	return send(s->fd, "ab", 2, MSG_NOSIGNAL);
}

static long do_recv(struct same *s)
{
	char byte;

	return recv(s->fd, &byte, 1, 0);
}

static long so_error(struct same *s)
{
	return net_so_error(s->fd);
}

static const struct call {
	const char *name;
	long (*fn)(struct same *s);
	bool talks;	/* the peer may have something to say to it */
} calls[] = {
	{ "do_bind", do_bind },
	{ "do_listen", do_listen },
	{ "do_accept", do_accept, true },
	{ "connect_open", connect_open, true },
	{ "connect_closed", connect_closed, true },
	{ "connect_nobody", connect_nobody },
	{ "connect_own", connect_own, true },
	{ "disconnect", disconnect, true },
	{ "shut_read", shut_read, true },
	{ "shut_write", shut_write, true },
	{ "shut_both", shut_both, true },
	{ "do_send", do_send, true },
	{ "do_recv", do_recv },
	{ "so_error", so_error },
};

static long call(struct same *s, const struct call *call)
{
	long ret = call->fn(s);
	int err = errno;

	if (call->talks)
		same_settle();
	errno = err;
	return ret;
}

/* All that may come after the first two. */
static void order_body(struct same *s, const void *arg)
{
	const struct call *const *first = arg;
	const struct call *third;
	char what[SAME_WHAT];

	for (third = calls; third < calls + ARRAY_SIZE(calls); third++) {
		same_open(s);
		net_nonblock(s->fd, true);
		net_setopt(s->fd, SOL_SOCKET, SO_REUSEADDR, 1);
		same_note_ret(s, "first", call(s, first[0]));
		same_note_ret(s, "second", call(s, first[1]));
		same_note_ret(s, third->name, call(s, third));
		snprintf(what, sizeof(what), "%s, poll", third->name);
		same_note_poll(s, what, net_poll(s->fd, ~POLLNVAL, 0));
		snprintf(what, sizeof(what), "%s, state", third->name);
		same_note(s, what, "%d", same_tcp_state(s->fd));
		snprintf(what, sizeof(what), "%s, SO_ERROR", third->name);
		same_note(s, what, "%s", strerrorname_np(net_so_error(s->fd)));
		same_drop(s->fd);
		s->fd = -1;
	}
}

void same_orders(void)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		for (j = 0; j < ARRAY_SIZE(calls); j++) {
			const struct call *first[] = { &calls[i], &calls[j] };

			same_case(order_body, first, "order.%s.%s",
				  calls[i].name, calls[j].name);
		}
}
