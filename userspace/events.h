/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's trace events in memory, and their text form: a recording.
 *
 * Three parts meet here and know nothing of each other: trace.c gets events
 * from the kernel, events.c from and to a text file, ladder.c draws them.
 */
#ifndef _EVENTS_H
#define _EVENTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum tcp_flag {
	FLAG_FIN = 0x01,
	FLAG_SYN = 0x02,
	FLAG_RST = 0x04,
	FLAG_PSH = 0x08,
	FLAG_ACK = 0x10,
	FLAG_URG = 0x20,
	FLAG_ECE = 0x40,
	FLAG_CWR = 0x80,
};

/* The numbers of net/tcp_states.h; NO_STATE is not known. */
enum tcp_state {
	NO_STATE,
	ESTABLISHED,
	SYN_SENT,
	SYN_RECV,
	FIN_WAIT1,
	FIN_WAIT2,
	TIME_WAIT,
	CLOSE,
	CLOSE_WAIT,
	LAST_ACK,
	LISTEN,
	CLOSING,
};

enum event_kind { EVENT_OUT, EVENT_IN, EVENT_STATE, EVENT_DROP };

struct endpoint {
	struct in_addr addr;
	uint16_t port;		/* host order */
};

/**
 * struct event - one trace event
 * @ns: when, on CLOCK_MONOTONIC
 * @netns: inode number of the network namespace it happened in
 * @state: of the local end; of EVENT_STATE, the old one
 * @new_state: EVENT_STATE only
 * @rtx: EVENT_OUT only: a retransmission
 * @reason: EVENT_DROP only
 *
 * @local is the end where it happened, whichever way the segment went.
 */
struct event {
	uint64_t ns;
	enum event_kind kind;
	uint32_t netns;
	uint8_t proto;
	uint8_t state;
	uint8_t new_state;
	bool rtx;
	struct endpoint local;
	struct endpoint foreign;
	uint32_t seq;
	uint32_t ack;
	uint32_t window;
	uint32_t len;
	uint16_t flags;
	char reason[30];
};

struct netns_name {
	uint32_t inode;
	char name[32];
};

/**
 * struct recording - what was seen, and between when
 * @event: in the order of time, once recording_sort() has run
 * @end_ns: when the recording ended; what comes later it cannot know
 * @missed: events that the kernel had no room for
 */
struct recording {
	struct event *event;
	size_t n_events;
	size_t max_events;
	struct netns_name *netns;
	size_t n_netns;
	uint64_t end_ns;
	uint64_t missed;
};

bool recording_add(struct recording *rec, const struct event *event);
void recording_sort(struct recording *rec);
void recording_free(struct recording *rec);
bool recording_name_netns(struct recording *rec, uint32_t inode,
			  const char *name);
const char *recording_netns(const struct recording *rec, uint32_t inode);
void recording_write(const struct recording *rec, FILE *out);
int recording_read(struct recording *rec, FILE *in, const char *name);

char *flags_text(unsigned int flags, char *buf, size_t size);
char *endpoint_text(const struct endpoint *end, char *buf, size_t size);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#define ENDPOINT_TEXT	22	/* "255.255.255.255:65535" */

#endif /* _EVENTS_H */
