// SPDX-License-Identifier: GPL-2.0
/*
 * Sort events into connections.
 *
 * Each end of a connection sees the mirror image of the other's addresses,
 * perhaps in another network namespace of this kernel.  The same addresses
 * may be there twice, in namespaces that know nothing of each other, and
 * the same ports again later: then they are connections of their own.
 */
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define BUCKETS		4096

/* The same number for both ends' view of a connection. */
static unsigned int bucket_of(const struct event *ev)
{
	uint32_t a = ntohl(ev->local.addr.s_addr) * 31 + ev->local.port;
	uint32_t b = ntohl(ev->foreign.addr.s_addr) * 31 + ev->foreign.port;

	return ((a ^ b) * 2654435761u >> 16) % BUCKETS;
}

static bool is_first_syn(const struct event *ev)
{
	return (ev->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
}

/* Does this event begin a connection at the end where it happened? */
static bool begins(const struct event *ev)
{
	if (ev->kind == EVENT_STATE)
		return ev->new_state == SYN_SENT || ev->state == LISTEN;
	return is_segment(ev) && is_first_syn(ev) && !ev->rtx;
}

/* Can @ev have happened at end @e of @flow? */
static bool matches(const struct flow *flow, int e, const struct event *ev)
{
	const struct flow_end *end = &flow->end[e];

	return flow->proto == ev->proto &&
	       endpoint_equal(&end->ep, &ev->local) &&
	       endpoint_equal(&flow->end[!e].ep, &ev->foreign) &&
	       (!end->seen || end->netns == ev->netns);
}

/* Is the one who opened the connection at this end, as far as one sees? */
static bool is_opener(const struct event *ev)
{
	bool syn_ack = (ev->flags & (FLAG_SYN | FLAG_ACK)) ==
		       (FLAG_SYN | FLAG_ACK);

	switch (ev->kind) {
	case EVENT_OUT:
		return !syn_ack;
	case EVENT_IN:
		return syn_ack;
	case EVENT_STATE:
		return ev->state != LISTEN;
	}
	return false;
}

static long new_flow(struct flows *flows, const struct event *ev)
{
	long *bucket = &flows->bucket[bucket_of(ev)];
	int e = is_opener(ev) ? 0 : 1;
	struct flow *flow;

	if (flows->n == flows->max) {
		size_t max = flows->max ? 2 * flows->max : 64;

		flow = reallocarray(flows->flow, max, sizeof(*flow));
		if (!flow)
			return -1;
		flows->flow = flow;
		flows->max = max;
	}
	flow = &flows->flow[flows->n];
	memset(flow, 0, sizeof(*flow));
	flow->proto = ev->proto;
	flow->opened = begins(ev);
	flow->end[e].ep = ev->local;
	flow->end[!e].ep = ev->foreign;
	flow->next = *bucket;
	*bucket = flows->n++;
	return *bucket;
}

/* The newest connection that the event fits; -1 when there is none. */
static long find_flow(struct flows *flows, const struct event *ev, int *e)
{
	long i;

	for (i = flows->bucket[bucket_of(ev)]; i >= 0;
	     i = flows->flow[i].next) {
		struct flow *flow = &flows->flow[i];

		for (*e = 0; *e < 2; ++*e)
			if (matches(flow, *e, ev))
				return flow->end[*e].ended && begins(ev) ?
				       -1 : i;
	}
	return -1;
}

static void note_end(struct flow_end *end, const struct event *ev)
{
	end->seen = true;
	end->netns = ev->netns;
	if (ev->kind != EVENT_STATE)
		return;
	end->state = ev->new_state;
	/* Back to LISTEN: a request that was reset. */
	if (ev->new_state == TIME_WAIT || ev->new_state == CLOSE ||
	    ev->new_state == LISTEN)
		end->ended = true;
}

/* A look-up, for one, may find nothing; then there is no connection. */
static bool makes_flow(const struct event *ev)
{
	return is_segment(ev) || ev->kind == EVENT_STATE ||
	       ev->kind == EVENT_DROP;
}

static bool place(struct flows *flows, const struct recording *rec, size_t n)
{
	const struct event *ev = &rec->event[n];
	struct flow *flow;
	long i;
	int e;

	flows->of_event[n] = -1;
	/* A listener's own life, and what has no connection. */
	if (!ev->foreign.port)
		return true;
	i = find_flow(flows, ev, &e);
	if (i < 0) {
		if (!makes_flow(ev))
			return true;
		i = new_flow(flows, ev);
		if (i < 0)
			return false;
		e = is_opener(ev) ? 0 : 1;
	}
	flow = &flows->flow[i];
	flow->n_events++;
	flow->n_segments += is_segment(ev);
	note_end(&flow->end[e], ev);
	flows->of_event[n] = i;
	flows->at_end[n] = e;
	return true;
}

/* Fill @flows from a sorted recording.  False when memory is short. */
bool flows_build(struct flows *flows, const struct recording *rec)
{
	size_t i;

	memset(flows, 0, sizeof(*flows));
	flows->bucket = calloc(BUCKETS, sizeof(*flows->bucket));
	flows->of_event = calloc(rec->n_events + 1, sizeof(*flows->of_event));
	flows->at_end = calloc(rec->n_events + 1, sizeof(*flows->at_end));
	if (!flows->bucket || !flows->of_event || !flows->at_end)
		return false;
	for (i = 0; i < BUCKETS; i++)
		flows->bucket[i] = -1;
	for (i = 0; i < rec->n_events; i++)
		if (!place(flows, rec, i))
			return false;
	return true;
}

void flows_free(struct flows *flows)
{
	free(flows->flow);
	free(flows->bucket);
	free(flows->of_event);
	free(flows->at_end);
	memset(flows, 0, sizeof(*flows));
}

/* Nothing more is to come from the ends that can be seen. */
bool flow_finished(const struct flow *flow)
{
	int e;

	for (e = 0; e < 2; e++)
		if (flow->end[e].seen && !flow->end[e].ended)
			return false;
	return true;
}
