/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state watch: every change of state that the kernel traces, collected
 * during the run of one test program and shared by all its tests.
 *
 * A path is written with the names of net/tcp_states.h, as in
 * "LISTEN>SYN_RECV>ESTABLISHED".
 *
 * With TEACH_FAMILY=inet the events are the kernel's own
 * sock:inet_sock_set_state.  They know nothing of half-open and TIME_WAIT
 * connections, so watch_expect() then compares only what TCP can show.
 */
#ifndef _SELFTESTS_WATCH_H
#define _SELFTESTS_WATCH_H

#include <stdbool.h>

#include "peer.h"

#define WATCH_STATES	12	/* 1 ESTABLISHED ... 11 CLOSING */

/**
 * struct watch_event - one change of state
 * @time: seconds of CLOCK_MONOTONIC
 * @netns: inode number of the network namespace; 0 when not traced
 * @lport: port of the stack's end
 * @fport: port of the other end; 0 for a listener
 * @oldstate: as in net/tcp_states.h
 * @newstate: likewise
 * @test: the test that ran, set by watch_test()
 */
struct watch_event {
	double		time;
	__u32	netns;
	__u16	lport, fport;
	__u8		oldstate, newstate;
	char		test[40];
};

/* Before the first test: call from a constructor. */
void watch_start(void);
bool watch_works(void);
/* At the start of each test, in its netns. */
void watch_test(const char *name);
/* In a process that outlives the program. */
void watch_leave(void);
/* Waits until a connection has gone this way, and no other. */
void watch_expect(__u16 lport, __u16 fport, const char *path);
/* Waits for one change of state in a netns; NULL: it does not come. */
const struct watch_event *watch_wait(__u32 netns, __u16 fport, int oldstate,
				     int newstate, double seconds);
/* Everything so far. */
unsigned int watch_events(const struct watch_event **events);
const char *watch_state_name(unsigned int state);
int watch_state_number(const char *name);

#ifndef PEER_NO_LINES
#define watch_expect(...)	PEER_AT(watch_expect(__VA_ARGS__))
#endif

#endif /* _SELFTESTS_WATCH_H */
