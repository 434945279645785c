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

enum event_kind {
	EVENT_OUT,
	EVENT_IN,
	EVENT_STATE,
	EVENT_DROP,
	EVENT_DATAGRAM_OUT,
	EVENT_DATAGRAM_IN,
	EVENT_WINDOW,
	EVENT_TIMER,
	EVENT_QUEUE,
	EVENT_LOOKUP,
	EVENT_SLEEP,
	EVENT_WAKE,
	/* Of a card, not of a connection. */
	EVENT_RING,
	EVENT_INTERRUPT,
	EVENT_POLL,
	/* Not the module's: ftrace says that a function is called. */
	EVENT_FUNCTION,
	N_EVENT_KINDS,
};

/*
 * The enumerations of the module's trace.h, by its numbers.  What a module
 * does not tell is NOT_TOLD.
 */
#define NOT_TOLD	0xff

enum segment_why {
	WHY_NONE,
	WHY_NEW,
	WHY_RTO,
	WHY_RECOVERY,
	WHY_TLP,
	WHY_PROBE,
	WHY_KEEPALIVE,
	WHY_ACK,
	WHY_DELACK,
	WHY_WINDOW,
	WHY_CHALLENGE,
	WHY_RESET,
	WHY_SYNACK,
};

enum cause { CAUSE_CALL, CAUSE_SEGMENT, CAUSE_TIMER, CAUSE_ICMP };

enum recovery {
	RECOVERY_OPEN,
	RECOVERY_DISORDER,
	RECOVERY_CWR,
	RECOVERY_RECOVERY,
	RECOVERY_LOSS,
};

enum window_event {
	WINDOW_ACK,
	WINDOW_ENTER,
	WINDOW_LEAVE,
	WINDOW_UNDO,
	WINDOW_TIMEOUT,
	WINDOW_IDLE,
};

enum timer {
	TIMER_REO,
	TIMER_TLP,
	TIMER_RTX,
	TIMER_PROBE,
	TIMER_DELACK,
	TIMER_FIN_WAIT2,
	TIMER_KEEPALIVE,
	TIMER_PACING,
	TIMER_SYNACK,
	TIMER_TIME_WAIT,
};

enum timer_action { TIMER_ARM, TIMER_CANCEL, TIMER_FIRE };

enum queue {
	QUEUE_SYN,
	QUEUE_ACCEPT,
	QUEUE_SEND,
	QUEUE_RECEIVE,
	QUEUE_OUT_OF_ORDER,
};

enum found {
	FOUND_NONE,
	FOUND_SOCKET,
	FOUND_REQUEST,
	FOUND_TIMEWAIT,
	FOUND_LISTENER,
};

enum call { CALL_CONNECT, CALL_ACCEPT, CALL_SEND, CALL_RECEIVE, CALL_CLOSE };

enum ring { RING_TX, RING_RX };

/* And which of them, for their names. */
enum enumeration {
	ENUM_WHY,
	ENUM_CAUSE,
	ENUM_RECOVERY,
	ENUM_WINDOW_EVENT,
	ENUM_TIMER,
	ENUM_ACTION,
	ENUM_QUEUE,
	ENUM_FOUND,
	ENUM_CALL,
	ENUM_RING,
};

#define NO_SSTHRESH	0x7fffffff	/* none yet */

#define DEV_NAME	16
#define DROP_REASON	20
#define MAX_OPTIONS	40
#define FUNCTION_NAME	48

struct endpoint {
	struct in_addr addr;
	uint16_t port;		/* host order */
};

/**
 * struct event - one trace event
 * @ns: when, on CLOCK_MONOTONIC
 * @netns: inode number of the network namespace it happened in
 * @kind: an enum event_kind, which says what of the rest has a meaning
 * @state: of the local end; of EVENT_STATE, the old one
 * @cause: of EVENT_STATE and EVENT_WINDOW, an enum cause
 * @local: the end where it happened, whichever way a segment went
 * @len: of a segment, a datagram, and what is dropped, in bytes of the stream
 *	or message
 * @flags: of a segment, and of what is dropped
 *
 * EVENT_OUT, EVENT_IN and EVENT_DROP:
 * @seq, @ack, @window: the header's fields, the window unscaled; EVENT_DROP
 *	has only @seq
 * @rtx: EVENT_OUT only: a retransmission
 * @why: EVENT_OUT only: an enum segment_why
 * @n_options: bytes of @options, TCP's as they are on the wire
 * @reason: of EVENT_DROP, one word
 *
 * EVENT_WINDOW:
 * @cwnd, @ssthresh, @flight: in segments
 * @snd_wnd, @rcv_wnd: in bytes
 *
 * EVENT_TIMER: @timer, @action, and @delay_us when it was armed.
 * EVENT_QUEUE: @queue, and its @depth and @limit: connections of QUEUE_SYN and
 * QUEUE_ACCEPT, else bytes.
 * EVENT_LOOKUP: @bucket of the hash table, @chain (entries looked at), @found.
 * EVENT_SLEEP, EVENT_WAKE: @call; EVENT_WAKE also @error (0 or negative) and
 * @slept_us.
 * EVENT_RING: @dev, @ring, and how many of its @slots are @used.
 * EVENT_INTERRUPT: @dev.
 * EVENT_POLL: @dev, @done of @budget.
 * EVENT_FUNCTION: @function was called, on @cpu, while @pid ran there.
 */
struct event {
	uint64_t ns;
	uint32_t netns;
	uint8_t kind;
	uint8_t proto;
	uint8_t state;
	uint8_t new_state;
	struct endpoint local;
	struct endpoint foreign;
	uint32_t len;
	uint16_t flags;
	uint8_t cause;
	union {
		struct {
			bool rtx;
			uint8_t why;
			uint8_t n_options;
			uint32_t seq;
			uint32_t ack;
			uint32_t window;
			union {
				uint8_t options[MAX_OPTIONS];
				char reason[DROP_REASON];
			};
		};
		struct {
			uint8_t recovery;
			uint8_t window_event;
			uint32_t cwnd;
			uint32_t ssthresh;
			uint32_t flight;
			uint32_t snd_wnd;
			uint32_t rcv_wnd;
			uint32_t srtt_us;
			uint32_t rttvar_us;
			uint32_t rto_us;
		};
		struct {
			uint8_t timer;
			uint8_t action;
			uint64_t delay_us;
		};
		struct {
			uint8_t queue;
			uint32_t depth;
			uint32_t limit;
		};
		struct {
			uint8_t found;
			uint32_t bucket;
			uint32_t chain;
		};
		struct {
			uint8_t call;
			int32_t error;
			uint32_t slept_us;
		};
		struct {
			uint8_t ring;
			char dev[DEV_NAME];
			union {
				uint32_t used;
				uint32_t done;
			};
			union {
				uint32_t slots;
				uint32_t budget;
			};
		};
		struct {
			uint8_t cpu;
			uint32_t pid;
			char function[FUNCTION_NAME];
		};
	};
};

struct sack_block {
	uint32_t start;
	uint32_t end;
};

/**
 * struct tcp_options - what a segment's options say
 * @wscale: -1: has none
 * @mss: 0: has none
 */
struct tcp_options {
	uint16_t mss;
	int8_t wscale;
	bool sack_ok;
	bool has_ts;
	uint8_t n_sack;
	uint32_t ts_val;
	uint32_t ts_ecr;
	struct sack_block sack[4];
};

enum form {
	FORM_U8,
	FORM_U32,
	FORM_U64,
	FORM_S32,
	FORM_FLAGS,
	FORM_STATE,
	FORM_ENUM,	/* need not be told */
	FORM_WHY,	/* nor need this; left out when there is none */
	FORM_WORD,
	FORM_OPTIONS,	/* nor this; in hexadecimal, left out when empty */
};

/**
 * struct key - a "name=value" of a recording
 * @name: in the text
 * @offset: of the value in struct event
 * @form: what the value looks like
 * @detail: of FORM_ENUM and FORM_WHY, the enumeration; of FORM_WORD, its size
 * @field: the trace event's name for it, when that is another
 */
struct key {
	const char *name;
	size_t offset;
	enum form form;
	unsigned int detail;
	const char *field;
};

struct netns_name {
	uint32_t inode;
	char name[32];
};

/**
 * struct recording - what was seen, and between when
 * @event: in the order of time, once recording_sort() has run
 * @end_ns: when the recording ended; what comes later it cannot know
 * @wall_ns: what CLOCK_REALTIME is more than CLOCK_MONOTONIC; 0: not known
 * @missed: events that the kernel had no room for
 */
struct recording {
	struct event *event;
	size_t n_events;
	size_t max_events;
	struct netns_name *netns;
	size_t n_netns;
	uint64_t end_ns;
	uint64_t wall_ns;
	uint64_t missed;
};

bool recording_add(struct recording *rec, const struct event *event);
void recording_sort(struct recording *rec, size_t first);
void recording_drop(struct recording *rec, size_t n);
void recording_free(struct recording *rec);
bool recording_name_netns(struct recording *rec, uint32_t inode,
			  const char *name);
const char *recording_netns(const struct recording *rec, uint32_t inode);
void recording_begin(FILE *out);
void recording_end(const struct recording *rec, FILE *out);
void recording_write(const struct recording *rec, FILE *out);
int recording_read(struct recording *rec, FILE *in, const char *name);

void event_write(const struct event *event, FILE *out);

const struct key *event_keys(unsigned int kind);
bool key_is_told(const struct key *key, const struct event *event);
void event_not_told(struct event *event);
const char *kind_name(unsigned int kind);
bool is_segment(const struct event *event);
bool of_connection(const struct event *event);
const char *enum_name(enum enumeration which, unsigned int number);
int enum_by_name(enum enumeration which, const char *name);
bool options_parse(const struct event *event, struct tcp_options *options);
char *options_text(const struct event *event, uint32_t sack_base, char *buf,
		   size_t size);
char *flags_text(unsigned int flags, char *buf, size_t size);
char *endpoint_text(const struct endpoint *end, char *buf, size_t size);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#define ENDPOINT_TEXT	22	/* "255.255.255.255:65535" */
#define OPTIONS_TEXT	512

#endif /* _EVENTS_H */
