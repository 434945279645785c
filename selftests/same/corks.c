// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams in pieces, by UDP_CORK and MSG_MORE: three calls one after the
 * other, in every order, and who has what of them in the end.
 */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "same.h"

#define DGRAM_MAX	65507		/* 65535 less two headers */
#define RECEIVERS	2

static char large[DGRAM_MAX];

static long send_to(struct same *s, int port, const void *buf, size_t len,
		    int flags)
{
	struct sockaddr_in addr = net_addr(ADDR_LO, port);

	return sendto(s->fd, buf, len, flags | MSG_DONTWAIT | MSG_NOSIGNAL,
		      port ? (void *)&addr : NULL, port ? sizeof(addr) : 0);
}

static long set_cork(struct same *s, int on)
{
	return setsockopt(s->fd, SOL_UDP, UDP_CORK, &on, sizeof(on));
}

static long cork(struct same *s)
{
	return set_cork(s, 1);
}

static long uncork(struct same *s)
{
	return set_cork(s, 0);
}

static long connect_first(struct same *s)
{
	return net_connect(s->fd, ADDR_LO, PORT_OWN);
}

static long connect_second(struct same *s)
{
	return net_connect(s->fd, ADDR_LO, PORT_OWN + 1);
}

static long connect_no_route(struct same *s)
{
	return net_connect(s->fd, ADDR_NOROUTE, PORT_OWN);
}

static long disconnect(struct same *s)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };

	return connect(s->fd, &addr, sizeof(addr));
}

static long send_last(struct same *s)
{
	return send_to(s, 0, "l", 1, 0);
}

static long send_more(struct same *s)
{
	return send_to(s, 0, "more", 4, MSG_MORE);
}

static long send_first_more(struct same *s)
{
	return send_to(s, PORT_OWN, "first", 5, MSG_MORE);
}

static long send_second(struct same *s)
{
	return send_to(s, PORT_OWN + 1, "second", 6, 0);
}

static long send_second_more(struct same *s)
{
	return send_to(s, PORT_OWN + 1, "2", 1, MSG_MORE);
}

static long send_nothing(struct same *s)
{
	return send_to(s, 0, "", 0, 0);
}

static long send_nothing_more(struct same *s)
{
	return send_to(s, PORT_OWN, "", 0, MSG_MORE);
}

static long send_largest_more(struct same *s)
{
	return send_to(s, PORT_OWN, large, sizeof(large), MSG_MORE);
}

static long send_too_large(struct same *s)
{
	return send_to(s, PORT_OWN, large, sizeof(large) + 1, MSG_MORE);
}

static long send_bad_pointer(struct same *s)
{
	return send_to(s, PORT_OWN, BAD_POINTER, 5000, MSG_MORE);
}

static long send_urgent_more(struct same *s)
{
	return send_to(s, PORT_OWN, "x", 1, MSG_OOB | MSG_MORE);
}

static long shut_write(struct same *s)
{
	return shutdown(s->fd, SHUT_WR);
}

static const struct call {
	const char *name;
	long (*fn)(struct same *s);
} calls[] = {
#define CALL(name) { #name, name }
	CALL(cork),
	CALL(uncork),
	CALL(connect_first),
	CALL(connect_second),
	CALL(connect_no_route),
	CALL(disconnect),
	CALL(send_last),
	CALL(send_more),
	CALL(send_first_more),
	CALL(send_second),
	CALL(send_second_more),
	CALL(send_nothing),
	CALL(send_nothing_more),
	CALL(send_largest_more),
	CALL(send_too_large),
	CALL(send_bad_pointer),
	CALL(send_urgent_more),
	CALL(shut_write),
#undef CALL
};

static int dgram(const struct same *s, int port)
{
	int fd = socket(s->family, SOCK_DGRAM, 0);

	if (fd < 0)
		net_fatal("socket(%d, SOCK_DGRAM, 0)", s->family);
	if (port && net_bind(fd, ADDR_LO, port))
		net_fatal("bind to port %d", port);
	return fd;
}

/* All that has come: the length, the bytes if they are few, and from whom. */
static void note_received(struct same *s, const char *what, int fd)
{
	static char buf[DGRAM_MAX + 1];
	char text[SAME_VALUE] = "";
	struct sockaddr_in from;
	socklen_t len;
	ssize_t got;
	int n = 0;

	for (;;) {
		len = sizeof(from);
		got = recvfrom(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT,
			       (void *)&from, &len);
		if (got < 0)
			break;
		buf[got] = 0;
		n += snprintf(text + n, sizeof(text) - n, "%zd:%.20s%s ", got,
			      buf, from.sin_port ? "" : " from nobody");
	}
	same_note(s, what, "%s", text);
}

static void note_end(struct same *s, const char *name, const int *receiver)
{
	char what[SAME_WHAT];
	int i, on = -1;
	socklen_t len = sizeof(on);

	snprintf(what, sizeof(what), "%s, waits", name);
	same_note(s, what, "%s", net_ioctl(s->fd, SIOCOUTQ) ? "yes" : "no");
	getsockopt(s->fd, SOL_UDP, UDP_CORK, &on, &len);
	same_note_ret(s, "corked", on);
	same_note_ret(s, "uncork", uncork(s));
	same_settle();
	for (i = 0; i < RECEIVERS; i++) {
		snprintf(what, sizeof(what), "%s, receiver %d", name, i);
		note_received(s, what, receiver[i]);
	}
	snprintf(what, sizeof(what), "%s, waits then", name);
	same_note(s, what, "%s", net_ioctl(s->fd, SIOCOUTQ) ? "yes" : "no");
}

/* All that may come after the first two. */
static void cork_body(struct same *s, const void *arg)
{
	const struct call *const *first = arg;
	const struct call *third;
	int i, receiver[RECEIVERS];

	for (i = 0; i < RECEIVERS; i++)
		receiver[i] = dgram(s, PORT_OWN + i);
	for (third = calls; third < calls + ARRAY_SIZE(calls); third++) {
		s->fd = dgram(s, 0);
		same_note_ret(s, "first", first[0]->fn(s));
		same_note_ret(s, "second", first[1]->fn(s));
		same_note_ret(s, third->name, third->fn(s));
		note_end(s, third->name, receiver);
		same_drop(s->fd);
		s->fd = -1;
	}
	for (i = 0; i < RECEIVERS; i++)
		same_drop(receiver[i]);
}

void same_corks(void)
{
	size_t i, j;

	memset(large, '.', sizeof(large));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		for (j = 0; j < ARRAY_SIZE(calls); j++) {
			const struct call *first[] = { &calls[i], &calls[j] };

			same_case(cork_body, first, "cork.%s.%s",
				  calls[i].name, calls[j].name);
		}
}
