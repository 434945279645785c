/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which events belong to one connection, and to which end of it.
 */
#ifndef _FLOW_H
#define _FLOW_H

#include "events.h"

/**
 * struct flow_end - one end of a connection
 * @ep: its address and port
 * @netns: where it is, if @seen
 * @seen: it is in this kernel: events came from it
 * @ended: it has been in TIME_WAIT, or CLOSE again
 * @state: as far as the last event tells
 */
struct flow_end {
	struct endpoint ep;
	uint32_t netns;
	bool seen;
	bool ended;
	uint8_t state;
};

/**
 * struct filter - which connections are asked for
 * @port: of either end; 0: any
 * @addr: of either end; INADDR_ANY: any
 */
struct filter {
	uint16_t port;
	struct in_addr addr;
};

/**
 * struct flow - one connection
 * @end: the one that opened it first, if that was seen
 * @opened: its beginning was seen
 * @number: counts those asked for that were opened or sent something, from 1;
 *	0: it is none of these
 * @base: each end's sequence number that is shown as 0
 */
struct flow {
	struct flow_end end[2];
	uint8_t proto;
	bool opened;
	bool base_known[2];
	uint32_t base[2];
	size_t n_events;
	size_t n_segments;
	size_t number;
	long next;		/* in the same bucket, older */
};

/**
 * struct flows - connections, in the order of beginning
 * @n_numbered: of them, those that have a number
 * @n_open: their ends that were seen to open and not yet to close
 * @of_event: flows_build() only: for each event its flow's index, or -1
 * @at_end: and the index of the end it happened at
 */
struct flows {
	struct filter filter;
	struct flow *flow;
	size_t n;
	size_t max;
	size_t n_numbered;
	size_t n_open;
	long *bucket;
	long *of_event;
	uint8_t *at_end;
};

bool filter_fits(const struct filter *filter, const struct endpoint *a,
		 const struct endpoint *b);
bool flows_init(struct flows *flows, const struct filter *filter);
bool flows_place(struct flows *flows, const struct event *ev, long *index,
		 int *end);
bool flows_build(struct flows *flows, const struct recording *rec,
		 const struct filter *filter);
const char *only_datagrams(const struct recording *rec);
void flows_free(struct flows *flows);

#endif /* _FLOW_H */
