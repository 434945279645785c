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
	ROW_GONE,	/* not drawn: taken back, or there for its notes */
};

#define NO_NOTE	((size_t)-1)

/**
 * struct row - one line of the diagram
 * @state: what each end's state becomes here, or NO_STATE
 * @seg: index of the segment
 * @reason: ROW_DROP: why
 * @at: ROW_DROP: the end where it happened
 * @note: what happened at each end next, before its next row: the first of its
 *	notes, or NO_NOTE
 */
struct row {
	uint64_t ns;
	enum row_kind kind;
	uint8_t state[2];
	size_t seg;
	const char *reason;
	uint8_t at;
	size_t note[2];
};

/**
 * struct note - an event that is neither a segment nor a state
 * @next: of the same end and row, or NO_NOTE
 */
struct note {
	const struct event *ev;
	size_t next;
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
	struct note *note;
	size_t n_notes;
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

/**
 * struct drawing - how to draw
 * @rec: the recording that the ladder came from
 * @width: columns of a terminal
 * @max_rows: leave out the middle of what is longer; 0 never does
 * @details: with notes
 */
struct drawing {
	const struct recording *rec;
	unsigned int width;
	size_t max_rows;
	bool details;
};

void ladder_draw(const struct ladder *ladder, const struct drawing *how,
		 FILE *out);
void ladder_svg(const struct ladder *ladder, const struct drawing *how,
		FILE *out);
void ladder_mermaid(const struct ladder *ladder, const struct drawing *how,
		    FILE *out);

/* --- what the three have in common: label.c ------------------------------ */

enum label_form {
	LABEL_MARKED,	/* "PSH,ACK seq=1 ack=1 win=9 len=5 retransmission" */
	LABEL_LONG,	/* "PSH,ACK seq=1 ack=1 win=9 len=5 rtx" */
	LABEL_LETTERS,	/* "PA seq=1 ack=1 win=9 len=5 rtx" */
	LABEL_SHORT,	/* "PA 1+5 ack 1 win 9 rtx" */
	LABEL_SHORTEST,	/* "PA 1+5 ack 1 rtx" */
	N_LABEL_FORMS,
};

#define LABEL_TEXT	96
#define TITLE_TEXT	64
#define NOTES_TEXT	512

/* The rows that are shown: so many at the head and at the tail. */
struct cut {
	size_t n;
	size_t head;
	size_t tail;
};

char *segment_label(const struct ladder *ladder, const struct segment *seg,
		    enum label_form form, char *buf);
char *end_title(const struct ladder *ladder, const struct recording *rec,
		int end, char *buf);
char *row_notes(const struct ladder *ladder, const struct row *row, int end,
		char *buf);
size_t notes_fitting(const char *text, size_t room);
struct cut ladder_cut(const struct ladder *ladder, size_t max_rows);
bool cut_shows(const struct cut *cut, size_t n);

static inline const struct event *segment_event(const struct segment *seg)
{
	return seg->out ? seg->out : seg->in;
}

#endif /* _LADDER_H */
