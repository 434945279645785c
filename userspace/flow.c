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
#include "tool.h"

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

/* An end's numbers count from its SYN, or else from the first one seen. */
static void learn_base(struct flow *flow, int from, const struct event *ev)
{
	int to = !from;

	if (!flow->base_known[from] && !(ev->flags & FLAG_RST)) {
		flow->base[from] = ev->flags & FLAG_SYN ? ev->seq :
							  ev->seq - 1;
		flow->base_known[from] = true;
	}
	if (!flow->base_known[to] && ev->flags & FLAG_ACK) {
		flow->base[to] = ev->ack - 1;
		flow->base_known[to] = true;
	}
}

static bool is_open(const struct flow *flow, int e)
{
	return flow->opened && flow->number && flow->end[e].seen &&
	       !flow->end[e].ended;
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

static void note_event(struct flows *flows, struct flow *flow, int e,
		       const struct event *ev)
{
	bool was_open = is_open(flow, e);

	flow->n_events++;
	flow->n_segments += is_segment(ev);
	if (!flow->number && (flow->opened || flow->n_segments) &&
	    filter_fits(&flows->filter, &ev->local, &ev->foreign))
		flow->number = ++flows->n_numbered;
	if (is_segment(ev))
		learn_base(flow, ev->kind == EVENT_OUT ? e : !e, ev);
	note_end(&flow->end[e], ev);
	flows->n_open += is_open(flow, e);
	flows->n_open -= was_open;
}

/* A look-up, for one, may find nothing; then there is no connection. */
static bool makes_flow(const struct event *ev)
{
	return is_segment(ev) || ev->kind == EVENT_STATE ||
	       ev->kind == EVENT_DROP;
}

/**
 * flows_place - note an event, the next one in time
 * @flows: where to
 * @ev: the event
 * @index: set to the index of its connection, or -1 when it is of none
 * @end: set to the index of the end where it happened
 *
 * Return: false when memory is short.
 */
bool flows_place(struct flows *flows, const struct event *ev, long *index,
		 int *end)
{
	*index = -1;
	*end = 0;
	/* A listener's own life, a card's, and what has no connection. */
	if (!of_connection(ev) || !ev->foreign.port || !is_stream(ev->proto))
		return true;
	*index = find_flow(flows, ev, end);
	if (*index < 0) {
		if (!makes_flow(ev))
			return true;
		*index = new_flow(flows, ev);
		if (*index < 0)
			return false;
		*end = is_opener(ev) ? 0 : 1;
	}
	note_event(flows, &flows->flow[*index], *end, ev);
	return true;
}

bool filter_fits(const struct filter *filter, const struct endpoint *a,
		 const struct endpoint *b)
{
	if (filter->port && filter->port != a->port && filter->port != b->port)
		return false;
	return !filter->addr.s_addr ||
	       filter->addr.s_addr == a->addr.s_addr ||
	       filter->addr.s_addr == b->addr.s_addr;
}

/* False when memory is short. */
bool flows_init(struct flows *flows, const struct filter *filter)
{
	size_t i;

	*flows = (struct flows) { .filter = *filter };
	flows->bucket = calloc(BUCKETS, sizeof(*flows->bucket));
	if (!flows->bucket)
		return false;
	for (i = 0; i < BUCKETS; i++)
		flows->bucket[i] = -1;
	return true;
}

/* Fill @flows from a sorted recording.  False when memory is short. */
bool flows_build(struct flows *flows, const struct recording *rec,
		 const struct filter *filter)
{
	size_t i;
	int end;

	if (!flows_init(flows, filter))
		return false;
	flows->of_event = calloc(rec->n_events + 1, sizeof(*flows->of_event));
	flows->at_end = calloc(rec->n_events + 1, sizeof(*flows->at_end));
	if (!flows->of_event || !flows->at_end)
		return false;
	for (i = 0; i < rec->n_events; i++) {
		if (!flows_place(flows, &rec->event[i], &flows->of_event[i],
				 &end))
			return false;
		flows->at_end[i] = end;
	}
	return true;
}

/**
 * only_datagrams - why no connection is there
 * @rec: a recording without one
 *
 * Return: what to add to a message that says so; may be empty.
 */
const char *only_datagrams(const struct recording *rec)
{
	size_t i;

	for (i = 0; i < rec->n_events; i++)
		if (of_connection(&rec->event[i]) &&
		    !is_stream(rec->event[i].proto))
			return ", only datagrams: 'teach trace' shows them";
	return "";
}

void flows_free(struct flows *flows)
{
	free(flows->flow);
	free(flows->bucket);
	free(flows->of_event);
	free(flows->at_end);
	memset(flows, 0, sizeof(*flows));
}
