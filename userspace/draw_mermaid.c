// SPDX-License-Identifier: GPL-2.0
/*
 * The ladder as text for mermaid, which many pages and wikis draw: a sequence
 * diagram.
 */
#include <string.h>

#include "ladder.h"
#include "tool.h"

static const char *name_of(int end)
{
	return end ? "B" : "A";
}

static void put_states(const struct row *row, FILE *out)
{
	int end;

	for (end = 0; end < 2; end++)
		if (row->state[end] != NO_STATE)
			fprintf(out, "    Note %s of %s: %s\n",
				end ? "right" : "left", name_of(end),
				state_name(row->state[end]));
}

/* A segment that overtakes others leaves and arrives on a line each. */
static const char *arrow(enum row_kind kind)
{
	switch (kind) {
	case ROW_LOST:
		return "-x";
	case ROW_DEPART:
	case ROW_UNDER_WAY:
		return "-)";
	case ROW_ARRIVE:
		return "-->>";
	default:
		return "->>";
	}
}

static void put_segment(const struct ladder *l, const struct row *row,
			FILE *out)
{
	const struct segment *seg = &l->seg[row->seg];
	char label[LABEL_TEXT];

	fprintf(out, "    %s%s%s: %.3f ms %s%s\n", name_of(seg->from),
		arrow(row->kind), name_of(!seg->from),
		(row->ns - l->start_ns) / 1e6,
		segment_label(l, seg, LABEL_MARKED, label),
		row->kind == ROW_UNDER_WAY ? " (under way)" :
		row->kind == ROW_ARRIVE ? " (arrives)" : "");
}

/* ';' would end the line. */
static void put_notes(const struct ladder *l, const struct row *row, FILE *out)
{
	char text[NOTES_TEXT], *p;
	int end;

	for (end = 0; end < 2; end++) {
		row_notes(l, row, end, text);
		if (!*text)
			continue;
		while ((p = strstr(text, "; "))) {
			*p = ',';
			p[1] = ' ';
		}
		fprintf(out, "    Note %s of %s: %s\n", end ? "right" : "left",
			name_of(end), text);
	}
}

static void put_row(const struct ladder *l, const struct row *row, FILE *out)
{
	if (row->kind == ROW_DROP)
		fprintf(out, "    Note %s of %s: dropped, %s\n",
			row->at ? "right" : "left", name_of(row->at),
			row->reason);
	else if (row->kind != ROW_STATE && row->kind != ROW_GONE)
		put_segment(l, row, out);
	if (row->kind != ROW_GONE)
		put_states(row, out);
}

/* A name of a netns may have what ends a line or begins another thing. */
static void put_title(const struct ladder *l, const struct drawing *how,
		      int end, FILE *out)
{
	char title[TITLE_TEXT], *p;

	end_title(l, how->rec, end, title);
	for (p = title; *p; p++)
		if (strchr(";#<>", *p))
			*p = '_';
	fprintf(out, "    participant %s as %s\n", name_of(end), title);
}

void ladder_mermaid(const struct ladder *ladder, const struct drawing *how,
		    FILE *out)
{
	struct cut cut = ladder_cut(ladder, how->max_rows);
	size_t i, n = 0;

	fputs("sequenceDiagram\n", out);
	put_title(ladder, how, 0, out);
	put_title(ladder, how, 1, out);
	for (i = 0; i < ladder->n_rows; i++) {
		const struct row *row = &ladder->row[i];

		if (cut_shows(&cut, n)) {
			put_row(ladder, row, out);
			if (how->details)
				put_notes(ladder, row, out);
		} else if (n == cut.head && row->kind != ROW_GONE) {
			fprintf(out, "    Note over A,B: %zu lines left out\n",
				cut.n - cut.head - cut.tail);
		}
		n += row->kind != ROW_GONE;
	}
}
