// SPDX-License-Identifier: GPL-2.0
/*
 * The ladder as SVG: for a page or a printer.  What an arrow says in full,
 * with its options, is shown when the pointer rests on it.
 */
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "ladder.h"
#include "tool.h"

/* In pixels, with a font whose characters are 7 of them wide. */
#define WIDTH		900
#define TIME_X		76	/* the right end of a time */
#define STATE_GAP	8
#define BAR_0		190
#define BAR_1		790
#define HEAD		60
#define ROW_HEIGHT	26
#define NOTE_HEIGHT	16
#define NOTE_CHARS	80
#define SLOPE		6	/* time passes while a segment is under way */

static const char style[] =
"<style>\n"
"svg { background: #fff; font: 12px monospace; }\n"
"text { fill: #222; }\n"
".title { font-weight: bold; }\n"
".note { fill: #777; font-size: 11px; }\n"
".bar { stroke: #999; }\n"
".seg { stroke: #26c; stroke-width: 1.5; fill: none;\n"
"  marker-end: url(#head); }\n"
".lost { stroke: #c22; marker-end: url(#cross); }\n"
".way { stroke-dasharray: 6 4; }\n"
".drop { fill: #c22; }\n"
"@media (prefers-color-scheme: dark) {\n"
"  svg { background: #111; }\n"
"  text { fill: #ddd; }\n"
"  .note { fill: #999; }\n"
"  .bar { stroke: #666; }\n"
"  .seg { stroke: #7af; }\n"
"  .lost { stroke: #f77; }\n"
"  .drop { fill: #f77; }\n"
"}\n"
"</style>\n"
"<defs>\n"
"<marker id=\"head\" orient=\"auto\" markerWidth=\"8\" markerHeight=\"8\"\n"
"  refX=\"8\" refY=\"4\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#58b\"/></marker>\n"
"<marker id=\"cross\" orient=\"auto\" markerWidth=\"8\" markerHeight=\"8\"\n"
"  refX=\"4\" refY=\"4\">\n"
"<path d=\"M0 0 L8 8 M8 0 L0 8\" stroke=\"#c22\"/></marker>\n"
"</defs>\n";

/**
 * struct sheet - the picture
 * @y: of each row; 0: it is left out
 * @height: of the whole
 */
struct sheet {
	const struct ladder *l;
	const struct drawing *how;
	FILE *out;
	unsigned int *y;
	unsigned int height;
};

static unsigned int bar_x(int end)
{
	return end ? BAR_1 : BAR_0;
}

/* A netns may have any name. */
static void put_escaped(const struct sheet *s, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", s->out);
			break;
		case '>':
			fputs("&gt;", s->out);
			break;
		case '&':
			fputs("&amp;", s->out);
			break;
		default:
			fputc(*text, s->out);
		}
	}
}

static void put_text(const struct sheet *s, const char *class, int x, int y,
		     const char *anchor, const char *text)
{
	fprintf(s->out,
		"<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">",
		class, x, y, anchor);
	put_escaped(s, text);
	fputs("</text>\n", s->out);
}

/* --- where everything is ------------------------------------------------ */

static unsigned int count_lines(const char *text)
{
	unsigned int n = 0;

	while (*text) {
		text += notes_fitting(text, NOTE_CHARS);
		text += strspn(text, "; ");
		n++;
	}
	return n;
}

static unsigned int notes_height(const struct sheet *s, const struct row *row)
{
	unsigned int lines = 0;
	char text[NOTES_TEXT];
	int end;

	if (!s->how->details)
		return 0;
	for (end = 0; end < 2; end++)
		lines += count_lines(row_notes(s->l, row, end, text));
	return lines * NOTE_HEIGHT + (lines ? NOTE_HEIGHT / 3 : 0);
}

/* Rows that are only there for their notes take no room of their own. */
static void lay_out(struct sheet *s)
{
	struct cut cut = ladder_cut(s->l, s->how->max_rows);
	unsigned int y = HEAD;
	size_t i, n = 0;

	for (i = 0; i < s->l->n_rows; i++) {
		const struct row *row = &s->l->row[i];

		if (cut_shows(&cut, n)) {
			y += row->kind == ROW_GONE ? 0 : ROW_HEIGHT;
			s->y[i] = y;
			y += notes_height(s, row);
		} else if (n == cut.head && row->kind != ROW_GONE) {
			y += ROW_HEIGHT;
		}
		n += row->kind != ROW_GONE;
	}
	s->height = y + 4 * ROW_HEIGHT;
}

/* --- its parts ---------------------------------------------------------- */

static void put_line(const struct sheet *s, const char *class, int x1, int y1,
		     int x2, int y2)
{
	fprintf(s->out,
		"<path class=\"%s\" d=\"M%d %d L%d %d\"/>\n", class, x1, y1,
		x2, y2);
}

/* From where it leaves to where it arrives, or as far as is known. */
static void put_arrow(const struct sheet *s, const struct segment *seg,
		      const struct row *row, unsigned int y)
{
	int from = bar_x(seg->from), to = bar_x(!seg->from);
	int third = (to - from) / 3;

	switch (row->kind) {
	case ROW_WHOLE:
		put_line(s, "seg", from, y, to, y + SLOPE);
		break;
	case ROW_DEPART:
		if (s->y[seg->in_row])
			put_line(s, "seg", from, y, to, s->y[seg->in_row]);
		else
			put_line(s, "seg way", from, y, from + third,
				 y + SLOPE);
		break;
	case ROW_UNDER_WAY:
		put_line(s, "seg way", from, y, from + third, y + SLOPE);
		break;
	case ROW_LOST:
		put_line(s, "seg lost", from, y, to - third, y + SLOPE);
		break;
	case ROW_ARRIVE:
		if (!seg->out || !s->y[seg->row])
			put_line(s, "seg way", to - third, y - SLOPE, to, y);
		break;
	default:
		break;
	}
}

static void put_segment(const struct sheet *s, const struct row *row,
			unsigned int y)
{
	const struct segment *seg = &s->l->seg[row->seg];
	const struct event *ev = segment_event(seg);
	char label[LABEL_TEXT], text[DESCRIPTION];
	int local = seg->out ? seg->from : !seg->from;

	fputs("<g><title>", s->out);
	put_escaped(s, describe(ev, s->l->base[local], s->l->base[!local],
				text, sizeof(text)));
	fputs("</title>\n", s->out);
	put_arrow(s, seg, row, y);
	segment_label(s->l, seg, LABEL_MARKED, label);
	if (row->kind == ROW_DEPART)
		put_text(s, "label", bar_x(seg->from) + (seg->from ? -12 : 12),
			 y - 3, seg->from ? "end" : "start", label);
	else if (row->kind != ROW_ARRIVE || !seg->out || !s->y[seg->row])
		put_text(s, "label", (BAR_0 + BAR_1) / 2, y - 3, "middle",
			 label);
	fputs("</g>\n", s->out);
}

static void put_row(const struct sheet *s, const struct row *row,
		    unsigned int y)
{
	char text[64];

	if (row->ns >= s->l->start_ns) {
		snprintf(text, sizeof(text), "%.3f",
			 (row->ns - s->l->start_ns) / 1e6);
		put_text(s, "time", TIME_X, y, "end", text);
	}
	if (row->state[0] != NO_STATE)
		put_text(s, "state", BAR_0 - STATE_GAP, y, "end",
			 state_name(row->state[0]));
	if (row->state[1] != NO_STATE)
		put_text(s, "state", BAR_1 + STATE_GAP, y, "start",
			 state_name(row->state[1]));
	if (row->kind == ROW_DROP) {
		snprintf(text, sizeof(text), "dropped: %s", row->reason);
		put_text(s, "drop", bar_x(row->at) + (row->at ? -8 : 8), y,
			 row->at ? "end" : "start", text);
	} else if (row->kind != ROW_STATE) {
		put_segment(s, row, y);
	}
}

static void put_notes(const struct sheet *s, const struct row *row,
		      unsigned int y)
{
	char text[NOTES_TEXT], line[NOTE_CHARS + 1];
	int end;

	y += NOTE_HEIGHT / 3;	/* clear of the arrow's head */
	for (end = 0; end < 2; end++) {
		const char *rest = row_notes(s->l, row, end, text);

		while (*rest) {
			size_t len = notes_fitting(rest, NOTE_CHARS);

			snprintf(line, sizeof(line), "%.*s", (int)len, rest);
			y += NOTE_HEIGHT;
			put_text(s, "note", bar_x(end) + (end ? -8 : 8), y,
				 end ? "end" : "start", line);
			rest += len;
			rest += strspn(rest, "; ");
		}
	}
}

static void put_head(const struct sheet *s)
{
	char text[TITLE_TEXT];
	int end;

	fprintf(s->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\">\n",
		WIDTH, s->height, WIDTH, s->height);
	fputs(style, s->out);
	put_text(s, "title", TIME_X, HEAD - 20, "end", "ms");
	for (end = 0; end < 2; end++) {
		put_text(s, "title", bar_x(end), HEAD - 20, "middle",
			 end_title(s->l, s->how->rec, end, text));
		put_line(s, "bar", bar_x(end), HEAD - 10, bar_x(end),
			 s->height - 3 * ROW_HEIGHT);
	}
}

static void put_foot(const struct sheet *s)
{
	unsigned int y = s->height - 2 * ROW_HEIGHT;
	char text[160];

	snprintf(text, sizeof(text),
		 "%zu segments: %zu lost, %zu retransmitted, %zu dropped",
		 s->l->n_segs, s->l->lost, s->l->retransmitted, s->l->dropped);
	put_text(s, "label", BAR_0, y, "start", text);
	snprintf(text, sizeof(text), "bytes sent: %u and %u", s->l->bytes[0],
		 s->l->bytes[1]);
	put_text(s, "label", BAR_0, y + ROW_HEIGHT, "start", text);
	fputs("</svg>\n", s->out);
}

/* Nothing is drawn when memory is short. */
void ladder_svg(const struct ladder *ladder, const struct drawing *how,
		FILE *out)
{
	struct sheet s = { .l = ladder, .how = how, .out = out };
	unsigned int last = HEAD;
	size_t i;

	s.y = calloc(ladder->n_rows + 1, sizeof(*s.y));
	if (!s.y)
		return;
	lay_out(&s);
	put_head(&s);
	for (i = 0; i < ladder->n_rows; i++) {
		const struct row *row = &ladder->row[i];

		if (!s.y[i]) {
			if (last)
				put_text(&s, "label", (BAR_0 + BAR_1) / 2,
					 last + ROW_HEIGHT, "middle",
					 "... lines left out ...");
			last = 0;
			continue;
		}
		if (row->kind != ROW_GONE)
			put_row(&s, row, s.y[i]);
		if (how->details)
			put_notes(&s, row, s.y[i]);
		last = s.y[i] + notes_height(&s, row);
	}
	put_foot(&s);
	free(s.y);
}
