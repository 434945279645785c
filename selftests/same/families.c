// SPDX-License-Identifier: GPL-2.0
/*
 * What socket(2) takes, and what addresses bind(2) and connect(2) do.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "same.h"

/*
 * ---- socket(2) ----
 */

struct kind {
	int type;
	int flags;
	bool user;
};

static const int protocols[] = { 0, 1, 6, 17, 255, 256, 300, -1 };

static void socket_body(struct same *s, const void *arg)
{
	const struct kind *kind = arg;
	char what[SAME_WHAT];
	size_t i;
	int fd;

	same_be_user(kind->user);
	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		snprintf(what, sizeof(what), "protocol %d", protocols[i]);
		fd = socket(s->family, kind->type | kind->flags, protocols[i]);
		if (fd >= 0)
			close(fd);
		same_note_ret(s, what, fd < 0 ? fd : 0);
	}
	same_be_user(false);
}

static void socket_kinds(bool user)
{
	static const int flags[] = { 0, SOCK_CLOEXEC, SOCK_NONBLOCK,
				     SOCK_CLOEXEC | SOCK_NONBLOCK, 0x10,
				     0x100000 };
	struct kind kind = { .user = user };
	size_t i;

	for (kind.type = 0; kind.type <= 11; kind.type++)
		same_case(socket_body, &kind, "socket.type %d%s", kind.type,
			  user ? ".user" : "");
	kind.type = SOCK_STREAM;
	for (i = 1; i < ARRAY_SIZE(flags); i++) {
		kind.flags = flags[i];
		same_case(socket_body, &kind, "socket.flags %#x%s", flags[i],
			  user ? ".user" : "");
	}
}

/*
 * ---- Addresses ----
 */

enum call { BIND, CONNECT, SENDTO };

static const char *const call_names[] = { "bind", "connect", "sendto" };

static long call_with(struct same *s, enum call which, const void *addr,
		      socklen_t len)
{
	switch (which) {
	case BIND:
		return bind(s->fd, addr, len);
	case CONNECT:
		return connect(s->fd, addr, len);
	default:
		return sendto(s->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL,
			      addr, len);
	}
}

/* A port that was not asked for is "some". */
static void note_name(struct same *s, const char *what, bool peer, int asked)
{
	struct sockaddr_in addr = {};
	socklen_t len = sizeof(addr);
	char ip[INET_ADDRSTRLEN];
	int port;

	if (peer ? getpeername(s->fd, (void *)&addr, &len) :
		   getsockname(s->fd, (void *)&addr, &len)) {
		same_note_ret(s, what, -1);
		return;
	}
	port = ntohs(addr.sin_port);
	inet_ntop(AF_INET, &addr.sin_addr, ip, sizeof(ip));
	if (port && port != asked)
		same_note(s, what, "%s %s:some %u",
			  addr.sin_family == s->family ? "own" : "other", ip,
			  len);
	else
		same_note(s, what, "%s %s:%d %u",
			  addr.sin_family == s->family ? "own" : "other", ip,
			  port, len);
}

/* What a socket was told before. */
static const struct {
	const char *name;
	int level;
	int number;
} told[] = {
	{ "nothing" },
	{ "broadcast", SOL_SOCKET, SO_BROADCAST },
	{ "freebind", SOL_IP, IP_FREEBIND },
	{ "transparent", SOL_IP, IP_TRANSPARENT },
	{ "device", SOL_SOCKET, SO_BINDTOIFINDEX },
	{ "no port", SOL_IP, IP_BIND_ADDRESS_NO_PORT },
	{ "reuse", SOL_SOCKET, SO_REUSEADDR },
	{ "dontroute", SOL_SOCKET, SO_DONTROUTE },
};

struct target {
	enum call which;
	const char *ip;
	int port;
	bool user;
};

static void target_body(struct same *s, const void *arg)
{
	const struct target *target = arg;
	struct sockaddr_in addr = net_addr(target->ip, target->port);
	char what[SAME_WHAT];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(told); i++) {
		same_open(s);
		net_nonblock(s->fd, true);
		same_be_user(target->user);
		if (told[i].number) {
			snprintf(what, sizeof(what), "tell %s", told[i].name);
			same_note_ret(s, what, setsockopt(s->fd, told[i].level,
							  told[i].number,
							  &(int) { 1 },
							  sizeof(int)));
		}
		snprintf(what, sizeof(what), "told %s", told[i].name);
		same_note_ret(s, what, call_with(s, target->which, &addr,
						 sizeof(addr)));
		snprintf(what, sizeof(what), "told %s, name", told[i].name);
		note_name(s, what, false, target->port);
		if (target->which == BIND) {
			snprintf(what, sizeof(what), "told %s, listen",
				 told[i].name);
			same_note_ret(s, what, listen(s->fd, 1));
			snprintf(what, sizeof(what), "told %s, name then",
				 told[i].name);
			note_name(s, what, false, target->port);
		}
		same_be_user(false);
		same_drop(s->fd);
		s->fd = -1;
		same_settle();
	}
}

static void addresses(enum call which, bool user)
{
	static const char *const ips[] = {
		"0.0.0.0", "127.0.0.1", "127.1.2.3", ADDR_A, ADDR_NOBODY,
		"10.9.0.0", "10.9.0.255", "255.255.255.255", "224.0.0.1",
		"239.1.2.3", "240.0.0.1", ADDR_NOROUTE, "0.0.0.1",
	};
	static const int ports[] = { 0, 1, PORT_OPEN, PORT_TAKEN, PORT_OWN };
	struct target target = { .which = which, .user = user };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(ips); i++)
		for (j = 0; j < ARRAY_SIZE(ports); j++) {
			target.ip = ips[i];
			target.port = ports[j];
			same_case(target_body, &target, "address.%s.%s.%d%s",
				  call_names[which], ips[i], ports[j],
				  user ? ".user" : "");
		}
}

struct form {
	enum call which;
	int family;	/* or -1: the socket's own */
	socklen_t len;
};

static void form_body(struct same *s, const void *arg)
{
	static const char *const ips[] = { ADDR_ANY, ADDR_LO };
	const struct form *form = arg;
	struct sockaddr_storage room = {};
	struct sockaddr_in *addr = (void *)&room;
	char what[SAME_WHAT];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ips); i++) {
		same_open(s);
		net_nonblock(s->fd, true);
		*addr = net_addr(ips[i], PORT_OWN);
		if (form->family >= 0)
			addr->sin_family = form->family;
		same_note_ret(s, ips[i], call_with(s, form->which, addr,
						   form->len));
		snprintf(what, sizeof(what), "%s, name", ips[i]);
		note_name(s, what, false, PORT_OWN);
		snprintf(what, sizeof(what), "%s, peer", ips[i]);
		note_name(s, what, true, PORT_OWN);
		same_note_ret(s, "no address", call_with(s, form->which, NULL,
							 form->len));
		same_note_ret(s, "bad pointer", call_with(s, form->which,
							  BAD_POINTER,
							  form->len));
		same_drop(s->fd);
		s->fd = -1;
		same_settle();
	}
}

static void forms(enum call which)
{
	static const socklen_t lengths[] = { 0, 1, 2, 3, 4, 7, 8, 15, 16, 17,
					     28, 128, 129, -1 };
	static const int families[] = { -1, AF_UNSPEC, AF_UNIX, AF_INET6,
					255, 65535 };
	struct form form = { .which = which };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(families); i++)
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			form.family = families[i];
			form.len = lengths[j];
			same_case(form_body, &form,
				  "address.%s.family %d.len %d",
				  call_names[which], families[i],
				  (int)lengths[j]);
		}
}

void same_families(void)
{
	socket_kinds(false);
	socket_kinds(true);
	addresses(BIND, false);
	addresses(BIND, true);
	addresses(CONNECT, false);
	addresses(SENDTO, false);
	forms(BIND);
	forms(CONNECT);
	forms(SENDTO);
}
