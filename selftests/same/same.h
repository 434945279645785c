/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The same on both: what the files of the suite share.
 *
 *	run.c		a case: run it on both sides, compare, and say so
 *	subject.c	a socket is brought into a state
 *	calls.c		every call, with good and bad arguments, in every state
 *	orders.c	calls one after the other, in every order
 *	corks.c		datagrams in pieces, likewise
 *	options.c	every option, set and read back, in three states
 *	events.c	what poll(2) and epoll(7) say after each event
 *	families.c	what socket(2) takes
 *	differences.c	where the two differ on purpose, and why
 *
 * A body notes what it sees, in small steps: "bind" gave "EINVAL".  It runs
 * once with AF_INET and once with the family under test, and what the two
 * have noted must be the same, step by step.  So nothing here says what is
 * right: TCP does, or UDP.  Calls are such that they do not block.
 *
 * Everything happens in one host, over lo and on one CPU, so that what a call
 * sets off has happened when same_settle() returns.
 */
#ifndef _SAME_H
#define _SAME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "../net.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif
#define BAD_POINTER	((void *)8)
#define ADDR_LEN	sizeof(struct sockaddr_in)

#define SAME_STEPS	192	/* that one body may note */
#define SAME_WHAT	32
#define SAME_VALUE	72

/* The ports that calls run into; no other is open. */
#define PORT_OPEN	5000	/* somebody listens at it, for long */
#define PORT_SMALL	5001	/* the same, with the smallest buffers */
#define PORT_TAKEN	5002	/* the same, without SO_REUSEADDR */
#define PORT_OWN	6000	/* the subject's */
#define PORT_CLOSED	9

struct same_step {
	char what[SAME_WHAT];
	char value[SAME_VALUE];
};

/* One run of a body: whose sockets, and what it has noted. */
struct same {
	const struct net *net;
	int family;
	int fd;		/* the subject */
	int peer;	/* its other end, or -1 */
	int steps;
	struct same_step step[SAME_STEPS];
};

typedef void (*same_body)(struct same *s, const void *arg);

/* run.c */
void same_begin(const char *cases);
int same_end(void);
int same_without_modules(int (*run)(const char *cases), const char *cases);
void same_case(same_body body, const void *arg, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void same_note(struct same *s, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void same_note_ret(struct same *s, const char *what, long ret);
void same_note_poll(struct same *s, const char *what, int bits);
void same_settle(void);
void same_be_user(bool user);

/* subject.c */
struct same_state {
	const char *name;
	void (*make)(struct same *s);
};

extern const struct same_state same_states[];
extern const size_t same_states_count;

void same_make(struct same *s, const char *state);
int same_open(struct same *s);
int same_connected(struct same *s, int port, int *peer);
void same_drop(int fd);
void same_fill(int fd);
int same_tcp_state(int fd);
void same_servers(const struct net *net, int family);

/* The tables */
void same_calls(void);
void same_orders(void);
void same_corks(void);
void same_options(void);
void same_events(void);
void same_families(void);

/* differences.c */
struct same_difference {
	const char *name;	/* of cases: fnmatch(3) */
	const char *what;	/* of their steps: the same */
	const char *why;
	bool some;	/* on some kernels only: it need not be seen */
};

extern const struct same_difference same_differences[];
extern const size_t same_differences_count;

#endif /* _SAME_H */
