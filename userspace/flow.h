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
 * struct flow - one connection
 * @end: the one that opened it first, if that was seen
 * @opened: its beginning was seen
 */
struct flow {
	struct flow_end end[2];
	uint8_t proto;
	bool opened;
	size_t n_events;
	size_t n_segments;
	long next;		/* in the same bucket, older */
};

/**
 * struct flows - the connections of a recording, in the order of beginning
 * @of_event: for each event its flow's index, or -1
 * @at_end: and the index of the end it happened at
 */
struct flows {
	struct flow *flow;
	size_t n;
	size_t max;
	long *bucket;
	long *of_event;
	uint8_t *at_end;
};

bool flows_build(struct flows *flows, const struct recording *rec);
void flows_free(struct flows *flows);
bool flow_finished(const struct flow *flow);

#endif /* _FLOW_H */
