// SPDX-License-Identifier: GPL-2.0
/*
 * What epoll(7) says after each event, and poll(2) beside it: two events, in
 * every order; level and edge triggered, and once only.
 */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "same.h"

static long peer_sends(struct same *s)
{
	return send(s->peer, "abc", 3, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static long peer_sends_urgent(struct same *s)
{
	return send(s->peer, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_OOB);
}

static long peer_shuts(struct same *s)
{
	return shutdown(s->peer, SHUT_WR);
}

static long peer_shuts_both(struct same *s)
{
	return shutdown(s->peer, SHUT_RDWR);
}

static long peer_closes(struct same *s)
{
	int fd = s->peer;

	s->peer = -1;
	return close(fd);
}

static long peer_resets(struct same *s)
{
	same_drop(s->peer);
	s->peer = -1;
	return 0;
}

static long peer_reads(struct same *s)
{
	static char buf[1 << 16];
	long n;

	do {
		n = recv(s->peer, buf, sizeof(buf), MSG_DONTWAIT);
		same_settle();
	} while (n > 0);
	return 0;
}

static long read_all(struct same *s)
{
	char buf[64];

	return recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT);
}

static long read_one(struct same *s)
{
	char byte;

	return recv(s->fd, &byte, 1, MSG_DONTWAIT);
}

static long read_urgent(struct same *s)
{
	char byte;

	return recv(s->fd, &byte, 1, MSG_DONTWAIT | MSG_OOB);
}

static long sends(struct same *s)
{
	return send(s->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* As much as it takes; how much is nobody's to say. */
static long fills(struct same *s)
{
	same_fill(s->fd);
	return 0;
}

static long shuts_read(struct same *s)
{
	return shutdown(s->fd, SHUT_RD);
}

static long shuts_write(struct same *s)
{
	return shutdown(s->fd, SHUT_WR);
}

static long disconnects(struct same *s)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };

	return connect(s->fd, &addr, sizeof(addr));
}

static long asks_error(struct same *s)
{
	return net_so_error(s->fd);
}

static long wants_much(struct same *s)
{
	net_setopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, 5);
	return 0;
}

static long urgent_inline(struct same *s)
{
	net_setopt(s->fd, SOL_SOCKET, SO_OOBINLINE, 1);
	return 0;
}

/* Of a socket that has no peer yet. */
static long connects(struct same *s)
{
	return net_connect(s->fd, ADDR_LO, PORT_OPEN);
}

static long connects_in_vain(struct same *s)
{
	return net_connect(s->fd, ADDR_LO, PORT_CLOSED);
}

static long listens(struct same *s)
{
	return listen(s->fd, 4);
}

/* Of one that listens. */
static long peer_connects(struct same *s)
{
	same_drop(s->peer);
	s->peer = socket(s->family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	return net_connect(s->peer, ADDR_LO, PORT_OWN);
}

static long accepts(struct same *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK);

	same_drop(fd);
	return fd < 0 ? fd : 0;
}

struct event {
	const char *name;
	long (*fn)(struct same *s);
};

#define EVENT(fn) { #fn, fn }

static const struct event of_connection[] = {
	EVENT(peer_sends),
	EVENT(peer_sends_urgent),
	EVENT(peer_shuts),
	EVENT(peer_shuts_both),
	EVENT(peer_closes),
	EVENT(peer_resets),
	EVENT(peer_reads),
	EVENT(read_all),
	EVENT(read_one),
	EVENT(read_urgent),
	EVENT(sends),
	EVENT(fills),
	EVENT(shuts_read),
	EVENT(shuts_write),
	EVENT(disconnects),
	EVENT(asks_error),
	EVENT(wants_much),
	EVENT(urgent_inline),
};

static const struct event of_listener[] = {
	EVENT(peer_connects),
	EVENT(peer_resets),
	EVENT(accepts),
	EVENT(shuts_read),
	EVENT(shuts_write),
	EVENT(disconnects),
	EVENT(listens),
};

static const struct event of_fresh[] = {
	EVENT(connects),
	EVENT(connects_in_vain),
	EVENT(disconnects),
	EVENT(listens),
	EVENT(read_all),
	EVENT(sends),
	EVENT(shuts_read),
	EVENT(shuts_write),
	EVENT(asks_error),
};

static const struct mode {
	const char *name;
	unsigned int bits;
} modes[] = {
	{ "level", 0 },
	{ "edge", EPOLLET },
	{ "once", EPOLLONESHOT },
};

struct story {
	const char *state;
	const struct event *first;
	const struct event *second;
	const struct mode *mode;
};

static void note_wait(struct same *s, int epoll, const char *what)
{
	struct epoll_event event;
	int n = epoll_wait(epoll, &event, 1, 0);

	if (n < 0)
		net_fatal("epoll_wait");
	if (!n)
		same_note(s, what, "nothing");
	else
		same_note_poll(s, what, event.events);
}

static void note_event(struct same *s, const struct event *event, int epoll)
{
	bool of_peer = !strncmp(event->name, "peer_", 5);
	char what[SAME_WHAT];
	long ret;

	/* The peer may have gone with the event before. */
	if (of_peer && s->peer < 0 && event->fn != peer_connects)
		return;
	ret = event->fn(s);
	same_note_ret(s, event->name, ret);
	same_settle();
	snprintf(what, sizeof(what), "%s: epoll", event->name);
	note_wait(s, epoll, what);
	snprintf(what, sizeof(what), "%s: again", event->name);
	note_wait(s, epoll, what);
	snprintf(what, sizeof(what), "%s: poll", event->name);
	same_note_poll(s, what, net_poll(s->fd, ~POLLNVAL, 0));
	if (s->peer < 0)
		return;
	snprintf(what, sizeof(what), "%s: peer", event->name);
	same_note_poll(s, what, net_poll(s->peer, ~POLLNVAL, 0));
}

static void watch(struct same *s, int epoll, int op, unsigned int mode)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | mode,
	};

	if (epoll_ctl(epoll, op, s->fd, &event))
		net_fatal("epoll_ctl");
}

static void begin(struct same *s, const char *state)
{
	/* So that it can be filled, soon. */
	if (!strcmp(state, "established"))
		same_connected(s, PORT_SMALL, &s->peer);
	else
		same_make(s, state);
	net_nonblock(s->fd, true);
	same_settle();
}

static void story_body(struct same *s, const void *arg)
{
	const struct story *story = arg;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	begin(s, story->state);
	watch(s, epoll, EPOLL_CTL_ADD, story->mode->bits);
	note_wait(s, epoll, "at first");
	note_wait(s, epoll, "at first, again");
	if (story->mode->bits & EPOLLONESHOT)
		watch(s, epoll, EPOLL_CTL_MOD, story->mode->bits);
	note_event(s, story->first, epoll);
	note_event(s, story->second, epoll);
	watch(s, epoll, EPOLL_CTL_MOD, story->mode->bits);
	note_wait(s, epoll, "watched anew");
	close(epoll);
}

static void stories(const char *state, const struct event *events,
		    size_t count)
{
	struct story story = { .state = state };
	size_t i, j, k;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		for (j = 0; j < count; j++)
			for (k = 0; k < count; k++) {
				story.mode = &modes[i];
				story.first = &events[j];
				story.second = &events[k];
				same_case(story_body, &story,
					  "event.%s.%s.%s.%s", state,
					  modes[i].name, events[j].name,
					  events[k].name);
			}
}

void same_events(void)
{
	stories("established", of_connection, ARRAY_SIZE(of_connection));
	stories("listening", of_listener, ARRAY_SIZE(of_listener));
	stories("fresh", of_fresh, ARRAY_SIZE(of_fresh));
}
