// SPDX-License-Identifier: GPL-2.0
/*
 * From a connection's events to the rows of its ladder diagram.
 *
 * Two questions are answered here.  Which sending belongs to which
 * receiving?  And which lines show it truly?  The rule for the second: read
 * downward, each end's own events must come in the order in which they
 * happened there.  A segment is one line, where it leaves, when that keeps the
 * order at its receiver, and else two: where it leaves and where it arrives.
 */
#include <stdlib.h>
#include <string.h>
#include <string.h>

#include "ladder.h"
#include "tool.h"

/* How far back a sending is looked for: more than is ever in flight. */
#define LOOK_BACK	4096

/**
 * struct end_walk - one end, while its events are walked through
 * @marks: events so far that have a line of their own: all but arrivals that
 *	are shown where they left
 * @in_row: the lowest line that shows such an arrival
 * @sent: its segments, by index
 * @first: those before are all accounted for
 * @state: what the diagram shows so far
 * @last: the end's latest event that has a row, or NULL
 * @last_row: and that row
 * @note_row: the row of all that has happened so far, or none
 * @last_note: the last note of that row, or NO_NOTE
 * @window, @queue: what was said of them last, or NULL
 * @held_row: a state row that may move to the next sending, or none
 * @min_ns, @max_ns: the delays that its segments were seen to have
 */
struct end_walk {
	uint64_t marks;
	size_t in_row;
	size_t *sent;
	size_t n_sent;
	size_t first;
	uint8_t state;
	const struct event *last;
	size_t last_row;
	size_t note_row;
	size_t last_note;
	const struct event *window;
	const struct event *queue[QUEUE_OUT_OF_ORDER + 1];
	size_t held_row;
	uint64_t min_ns;
	uint64_t max_ns;
};

#define NO_ROW	((size_t)-1)

struct walk {
	struct ladder *ladder;
	const struct recording *rec;
	struct end_walk end[2];
};

static size_t add_row(struct walk *w, uint64_t ns, enum row_kind kind,
		      size_t seg)
{
	struct ladder *l = w->ladder;

	l->row[l->n_rows] = (struct row) {
		.ns = ns,
		.kind = kind,
		.seg = seg,
		.note = { NO_NOTE, NO_NOTE },
	};
	return l->n_rows++;
}

static size_t add_segment(struct walk *w, int from)
{
	struct ladder *l = w->ladder;

	l->seg[l->n_segs] = (struct segment) { .from = from };
	return l->n_segs++;
}

/* --- notes -------------------------------------------------------------- */

/* From now on, what happens at this end comes after @row. */
static void set_note_row(struct end_walk *end, size_t row)
{
	if (end->note_row == row)
		return;
	end->note_row = row;
	end->last_note = NO_NOTE;
}

/* Does it say what was said of this window or queue before? */
static bool says_again(struct end_walk *end, const struct event *ev)
{
	const struct event *last;

	if (ev->kind == EVENT_WINDOW) {
		last = end->window;
		end->window = ev;
		return last && last->cwnd == ev->cwnd &&
		       last->ssthresh == ev->ssthresh &&
		       last->flight == ev->flight &&
		       last->recovery == ev->recovery;
	}
	if (ev->kind == EVENT_QUEUE && ev->queue < ARRAY_SIZE(end->queue)) {
		last = end->queue[ev->queue];
		end->queue[ev->queue] = ev;
		return ev->depth == (last ? last->depth : 0);
	}
	return false;
}

static void on_other(struct walk *w, int e, const struct event *ev)
{
	struct end_walk *end = &w->end[e];
	struct ladder *l = w->ladder;
	size_t n;

	if (says_again(end, ev))
		return;
	n = l->n_notes++;

	/* Before all else: a row that has only notes. */
	if (end->note_row == NO_ROW && !l->n_rows)
		add_row(w, 0, ROW_GONE, 0);
	if (end->note_row == NO_ROW)
		set_note_row(end, 0);
	l->note[n] = (struct note) { .ev = ev, .next = NO_NOTE };
	if (end->last_note == NO_NOTE)
		l->row[end->note_row].note[e] = n;
	else
		l->note[end->last_note].next = n;
	end->last_note = n;
}

/* --- sequence numbers --------------------------------------------------- */

/* How far an end's stream has been sent. */
static void count_bytes(struct ladder *l, int from, const struct event *ev)
{
	uint32_t end = ev->seq + ev->len - l->base[from] - 1;

	if (ev->len && l->flow->base_known[from] &&
	    (int32_t)(end - l->bytes[from]) > 0)
		l->bytes[from] = end;
}

/* --- which sending is this receiving? ----------------------------------- */

static bool same_segment(const struct event *a, const struct event *b)
{
	return a->seq == b->seq && a->len == b->len && a->flags == b->flags &&
	       a->ack == b->ack && a->window == b->window;
}

/* GSO and GRO: one segment at this end may be several at the other. */
static bool within(const struct event *part, const struct event *whole)
{
	uint32_t offset = part->seq - whole->seq;

	return part->len && offset < whole->len &&
	       part->len <= whole->len - offset;
}

static size_t oldest(const struct end_walk *sender)
{
	if (sender->n_sent - sender->first > LOOK_BACK)
		return sender->n_sent - LOOK_BACK;
	return sender->first;
}

/*
 * Copies of one segment cannot be told apart, so take the one sent last
 * that can have come here in this time.
 */
static struct segment *find_exact(struct walk *w, struct end_walk *sender,
				  const struct event *ev)
{
	struct segment *second_best = NULL;
	size_t i;

	for (i = sender->n_sent; i-- > oldest(sender); ) {
		struct segment *seg = &w->ladder->seg[sender->sent[i]];

		if (seg->in || !same_segment(seg->out, ev))
			continue;
		if ((ev->ns - seg->out->ns) * 2 >= sender->min_ns)
			return seg;
		second_best = seg;
	}
	return second_best;
}

static struct segment *find_part(struct walk *w, struct end_walk *sender,
				 const struct event *ev)
{
	size_t i;

	for (i = sender->n_sent; i-- > oldest(sender); ) {
		struct segment *seg = &w->ladder->seg[sender->sent[i]];

		if (seg->got < seg->out->len && within(ev, seg->out))
			return seg;
	}
	return NULL;
}

/* The first of those that arrive joined as @ev; the others arrive too. */
static struct segment *find_joined(struct walk *w, struct end_walk *sender,
				   const struct event *ev)
{
	struct segment *found = NULL;
	size_t i;

	for (i = sender->n_sent; i-- > oldest(sender); ) {
		struct segment *seg = &w->ladder->seg[sender->sent[i]];

		if (seg->in || !within(seg->out, ev))
			continue;
		if (found && found->out->seq == seg->out->seq)
			continue;
		if (found) {
			found->in = ev;
			found->got = found->out->len;
		}
		found = seg;
	}
	return found;
}

static bool was_seen_before(struct walk *w, struct end_walk *sender,
			    const struct event *ev)
{
	size_t i, n = 0;

	for (i = sender->n_sent; i-- > 0 && n++ < LOOK_BACK; )
		if (same_segment(w->ladder->seg[sender->sent[i]].out, ev))
			return true;
	return false;
}

static struct segment *find_sending(struct walk *w, struct end_walk *sender,
				    const struct event *ev)
{
	struct segment *seg = find_exact(w, sender, ev);

	if (!seg)
		seg = find_part(w, sender, ev);
	if (!seg)
		seg = find_joined(w, sender, ev);
	return seg;
}

static void skip_arrived(struct walk *w, struct end_walk *sender)
{
	while (sender->first < sender->n_sent) {
		struct segment *seg;

		seg = &w->ladder->seg[sender->sent[sender->first]];
		if (!seg->in || seg->got < seg->out->len)
			break;
		sender->first++;
	}
}

static void note_delay(struct end_walk *sender, uint64_t ns)
{
	if (!sender->min_ns || ns < sender->min_ns)
		sender->min_ns = ns;
	if (ns > sender->max_ns)
		sender->max_ns = ns;
}

/* --- states ------------------------------------------------------------- */

/* A system call does this, and the segment that tells of it follows. */
static bool by_user(const struct event *ev)
{
	switch (ev->new_state) {
	case SYN_SENT:
		return ev->state == CLOSE;
	case FIN_WAIT1:
	case LAST_ACK:
		return true;
	}
	return false;
}

/* Was the last thing at this end the arrival that made this change? */
static bool by_last_segment(const struct end_walk *end, const struct event *ev)
{
	if (!end->last || end->last->kind != EVENT_IN)
		return false;
	/* Here a timer may have run out as well. */
	if (ev->new_state == CLOSE && ev->state != LAST_ACK)
		return end->last->flags & FLAG_RST;
	return true;
}

/* Was the last thing the sending that told of this change? */
static bool told_by_last(const struct end_walk *end)
{
	return end->last && end->last->kind == EVENT_OUT &&
	       end->last->flags & (FLAG_SYN | FLAG_FIN | FLAG_RST);
}

static void show_state(struct walk *w, int e, size_t row, uint8_t state)
{
	w->ladder->row[row].state[e] = state;
	w->end[e].state = state;
}

static bool row_is_free(const struct walk *w, int e, size_t row)
{
	return w->ladder->row[row].state[e] == NO_STATE;
}

static void on_state(struct walk *w, int e, const struct event *ev)
{
	struct end_walk *end = &w->end[e];
	size_t row;

	/* A sending's own record of the state was earlier. */
	if (ev->new_state == end->state)
		return;
	end->held_row = NO_ROW;
	if (by_user(ev) ? told_by_last(end) :
	    by_last_segment(end, ev) || told_by_last(end)) {
		if (row_is_free(w, e, end->last_row)) {
			show_state(w, e, end->last_row, ev->new_state);
			return;
		}
	}
	row = add_row(w, ev->ns, ROW_STATE, 0);
	set_note_row(end, row);
	end->marks++;
	show_state(w, e, row, ev->new_state);
	if (by_user(ev))
		end->held_row = row;
}

/* The state in which a segment found or left its end. */
static void check_state(struct walk *w, int e, const struct event *ev,
			size_t row)
{
	struct end_walk *end = &w->end[e];

	if (end->held_row != NO_ROW && ev->kind == EVENT_OUT) {
		w->ladder->row[end->held_row].kind = ROW_GONE;
		w->ladder->row[row].state[e] = end->state;
	}
	end->held_row = NO_ROW;
	/* CLOSE: there is no socket; a RST comes from there too. */
	if (ev->state != NO_STATE && ev->state != end->state &&
	    (ev->state != CLOSE || end->state == NO_STATE) &&
	    ev->kind == EVENT_OUT)
		show_state(w, e, row, ev->state);
}

/* --- segments ----------------------------------------------------------- */

static void note_event(struct end_walk *end, const struct event *ev,
		       size_t row)
{
	end->last = ev;
	end->last_row = row;
	set_note_row(end, row);
}

static void on_out(struct walk *w, int e, const struct event *ev)
{
	struct end_walk *end = &w->end[e];
	size_t n = add_segment(w, e);
	struct segment *seg = &w->ladder->seg[n];

	count_bytes(w->ladder, e, ev);
	seg->out = ev;
	seg->receiver_marks = w->end[!e].marks;
	seg->row = add_row(w, ev->ns, ROW_WHOLE, n);
	end->sent[end->n_sent++] = n;
	w->ladder->retransmitted += ev->rtx;
	end->marks++;
	check_state(w, e, ev, seg->row);
	note_event(end, ev, seg->row);
}

/* A receiving whose sending was not seen. */
static size_t add_stray(struct walk *w, int e, const struct event *ev)
{
	bool sender_seen = w->ladder->flow->end[!e].seen;
	size_t n = add_segment(w, !e);
	struct segment *seg = &w->ladder->seg[n];

	seg->in = ev;
	seg->got = ev->len;
	seg->fate = FATE_ARRIVED;
	seg->duplicate = was_seen_before(w, &w->end[!e], ev);
	seg->row = add_row(w, ev->ns, sender_seen ? ROW_ARRIVE : ROW_WHOLE,
			   n);
	w->end[e].marks++;
	return seg->row;
}

/* Its sending is known: one line, or two? */
static size_t arrive(struct walk *w, int e, struct segment *seg,
		     const struct event *ev)
{
	struct end_walk *end = &w->end[e], *sender = &w->end[!e];
	bool first = !seg->in;

	seg->in = ev;
	seg->got += ev->len;
	seg->fate = FATE_ARRIVED;
	note_delay(sender, ev->ns - seg->out->ns);
	skip_arrived(w, sender);
	/* Parts that come after the first add nothing to see. */
	if (!first)
		return seg->in_row;
	seg->in_row = seg->row;
	if (seg->receiver_marks == end->marks && seg->row >= end->in_row) {
		end->in_row = seg->row;
		return seg->row;
	}
	end->marks++;
	w->ladder->row[seg->row].kind = ROW_DEPART;
	seg->in_row = add_row(w, ev->ns, ROW_ARRIVE, seg - w->ladder->seg);
	return seg->in_row;
}

static void on_in(struct walk *w, int e, const struct event *ev)
{
	struct segment *seg = find_sending(w, &w->end[!e], ev);
	size_t row;

	count_bytes(w->ladder, !e, ev);
	row = seg ? arrive(w, e, seg, ev) : add_stray(w, e, ev);
	check_state(w, e, ev, row);
	note_event(&w->end[e], ev, row);
}

/* A drop follows the arrival of what is dropped, or stands for it. */
static void on_drop(struct walk *w, int e, const struct event *ev)
{
	struct end_walk *end = &w->end[e];
	struct segment *seg = NULL;
	size_t row;

	w->ladder->dropped++;
	if (!end->last || end->last->kind != EVENT_IN ||
	    end->last->seq != ev->seq || end->last->flags != ev->flags) {
		size_t i;

		for (i = w->end[!e].n_sent; i-- > oldest(&w->end[!e]); ) {
			seg = &w->ladder->seg[w->end[!e].sent[i]];
			if (!seg->in && seg->out->seq == ev->seq &&
			    seg->out->flags == ev->flags)
				break;
			seg = NULL;
		}
	}
	if (seg) {
		row = arrive(w, e, seg, ev);
		note_event(end, ev, row);
	}
	row = add_row(w, ev->ns, ROW_DROP, 0);
	set_note_row(end, row);
	w->ladder->row[row].reason = ev->reason;
	w->ladder->row[row].at = e;
}

/* --- the whole ---------------------------------------------------------- */

/* What became of those that never arrived? */
static void settle(struct walk *w)
{
	struct ladder *l = w->ladder;
	size_t i;

	for (i = 0; i < l->n_segs; i++) {
		struct segment *seg = &l->seg[i];
		const struct end_walk *sender = &w->end[seg->from];

		if (seg->in) {
			seg->fate = FATE_ARRIVED;
			continue;
		}
		if (!l->flow->end[!seg->from].seen)
			continue;
		if (w->rec->end_ns - seg->out->ns <= 2 * sender->max_ns) {
			seg->fate = FATE_UNDER_WAY;
			l->row[seg->row].kind = ROW_UNDER_WAY;
			continue;
		}
		seg->fate = FATE_LOST;
		l->row[seg->row].kind = ROW_LOST;
		l->lost++;
	}
}

static bool has_state(const struct event *ev)
{
	return is_segment(ev) || ev->kind == EVENT_STATE ||
	       ev->kind == EVENT_DROP;
}

/* The states in which the ends were before the first segment. */
static void first_states(struct walk *w, const struct flows *flows,
			 size_t flow)
{
	const struct recording *rec = w->rec;
	size_t i, row = NO_ROW;

	for (i = 0; i < rec->n_events; i++) {
		const struct event *ev = &rec->event[i];
		int e = flows->at_end[i];

		if (flows->of_event[i] != (long)flow || w->end[e].marks ||
		    !has_state(ev))
			continue;
		w->end[e].marks = 1;
		if (ev->kind == EVENT_OUT || ev->kind == EVENT_DROP ||
		    ev->state == NO_STATE)
			continue;
		/* Before the start: this row has no time. */
		if (row == NO_ROW)
			row = add_row(w, 0, ROW_STATE, 0);
		show_state(w, e, row, ev->state);
	}
	w->end[0].marks = 0;
	w->end[1].marks = 0;
}

/*
 * The listener's queues and calls tell how a connection is accepted; end 1 is
 * the one that was not opened here.
 */
static bool of_listener(const struct flow *flow, const struct event *ev)
{
	const struct flow_end *end = &flow->end[1];

	if (ev->kind != EVENT_QUEUE && ev->kind != EVENT_SLEEP &&
	    ev->kind != EVENT_WAKE)
		return false;
	return end->seen && !ev->foreign.port && ev->netns == end->netns &&
	       ev->proto == flow->proto && ev->local.port == end->ep.port &&
	       (!ev->local.addr.s_addr ||
		ev->local.addr.s_addr == end->ep.addr.s_addr);
}

static size_t count_listeners(const struct recording *rec,
			      const struct flow *flow)
{
	size_t i, n = 0;

	for (i = 0; i < rec->n_events; i++)
		n += of_listener(flow, &rec->event[i]);
	return n;
}

static void walk_events(struct walk *w, const struct flows *flows, size_t flow)
{
	size_t i, left = w->ladder->flow->n_events;

	for (i = 0; i < w->rec->n_events; i++) {
		const struct event *ev = &w->rec->event[i];
		int e = flows->at_end[i];

		/* Not what comes before the connection, or after it. */
		if (w->end[1].note_row != NO_ROW && left &&
		    of_listener(w->ladder->flow, ev))
			on_other(w, 1, ev);
		if (flows->of_event[i] != (long)flow)
			continue;
		left--;
		switch (ev->kind) {
		case EVENT_OUT:
			on_out(w, e, ev);
			break;
		case EVENT_IN:
			on_in(w, e, ev);
			break;
		case EVENT_STATE:
			on_state(w, e, ev);
			break;
		case EVENT_DROP:
			on_drop(w, e, ev);
			break;
		default:
			on_other(w, e, ev);
			break;
		}
	}
}

static void find_start(struct ladder *l)
{
	if (l->n_segs)
		l->start_ns = segment_event(&l->seg[0])->ns;
	else if (l->n_rows)
		l->start_ns = l->row[0].ns;
}

/* Build the ladder of connection @flow.  False when memory is short. */
bool ladder_build(struct ladder *ladder, const struct recording *rec,
		  const struct flows *flows, size_t flow)
{
	struct walk w = { .ladder = ladder, .rec = rec };
	size_t n = flows->flow[flow].n_events;
	int e;

	*ladder = (struct ladder) { .flow = &flows->flow[flow] };
	memcpy(ladder->base, ladder->flow->base, sizeof(ladder->base));
	ladder->seg = calloc(n + 1, sizeof(*ladder->seg));
	/* A drop makes two rows at most, all else one, and two are first. */
	ladder->row = calloc(2 * n + 3, sizeof(*ladder->row));
	ladder->note = calloc(n + count_listeners(rec, ladder->flow) + 1,
			      sizeof(*ladder->note));
	for (e = 0; e < 2; e++) {
		w.end[e].held_row = NO_ROW;
		w.end[e].note_row = NO_ROW;
		w.end[e].last_note = NO_NOTE;
		w.end[e].sent = calloc(n + 1, sizeof(*w.end[e].sent));
	}
	if (ladder->seg && ladder->row && ladder->note && w.end[0].sent &&
	    w.end[1].sent) {
		first_states(&w, flows, flow);
		walk_events(&w, flows, flow);
		settle(&w);
		find_start(ladder);
	}
	free(w.end[0].sent);
	free(w.end[1].sent);
	return ladder->seg && ladder->row && ladder->note;
}

void ladder_free(struct ladder *ladder)
{
	free(ladder->seg);
	free(ladder->row);
	free(ladder->note);
	*ladder = (struct ladder) { 0 };
}
