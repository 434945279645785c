/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection as a ladder: segments, and the rows that show them.
 */
#ifndef _LADDER_H
#define _LADDER_H

#include "flow.h"

enum fate {
	FATE_UNKNOWN,	/* the other end cannot be seen */
	FATE_ARRIVED,
	FATE_LOST,
	FATE_UNDER_WAY,	/* when the recording ended */
};

/**
 * struct segment - one segment's way
 * @out: the event of sending it; NULL when that was not seen
 * @in: the event of receiving it; NULL when that was not seen
 * @receiver_marks: the receiver's marks when it was sent
 * @got: octets that arrived, when it was cut or joined on its way
 * @from: the end that sent it
 * @duplicate: another copy had arrived before
 * @row: the line that shows it leave
 * @in_row: the line that shows it arrive: the same, or one further down
 */
struct segment {
	const struct event *out;
	const struct event *in;
	uint64_t receiver_marks;
	uint32_t got;
	enum fate fate;
	uint8_t from;
	bool duplicate;
	size_t row;
	size_t in_row;
};

enum row_kind {
	ROW_STATE,	/* only states */
	ROW_WHOLE,	/* from one end to the other */
	ROW_DEPART,	/* leaves; arrives further down */
	ROW_ARRIVE,	/* left further up */
	ROW_LOST,
	ROW_UNDER_WAY,
	ROW_DROP,	/* why the receiver dropped the one above */
	ROW_GONE,	/* taken back: not drawn */
};

/**
 * struct row - one line of the diagram
 * @state: what each end's state becomes here, or NO_STATE
 * @seg: index of the segment
 * @note: ROW_DROP: the reason
 * @at: ROW_DROP: the end where it happened
 */
struct row {
	uint64_t ns;
	enum row_kind kind;
	uint8_t state[2];
	size_t seg;
	const char *note;
	uint8_t at;
};

/**
 * struct ladder - all of one connection
 * @base: each end's sequence number that is shown as 0
 * @bytes: octets of the stream that each end has sent
 */
struct ladder {
	const struct flow *flow;
	struct segment *seg;
	size_t n_segs;
	struct row *row;
	size_t n_rows;
	uint64_t start_ns;
	uint32_t base[2];
	uint32_t bytes[2];
	size_t lost;
	size_t dropped;
	size_t retransmitted;
};

bool ladder_build(struct ladder *ladder, const struct recording *rec,
		  const struct flows *flows, size_t flow);
void ladder_free(struct ladder *ladder);

void ladder_draw(const struct ladder *ladder, const struct recording *rec,
		 unsigned int width, size_t max_rows, FILE *out);

static inline const struct event *segment_event(const struct segment *seg)
{
	return seg->out ? seg->out : seg->in;
}

#endif /* _LADDER_H */
