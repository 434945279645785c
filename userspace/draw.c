// SPDX-License-Identifier: GPL-2.0
/*
 * The ladder in a terminal: 80 columns of ASCII, more when there are more.
 *
 *	     time       state |-- segment ------------------->| state
 *
 * A state is written where it begins, and not again until it changes.
 */
#include <string.h>

#include "ladder.h"
#include "tool.h"

#define TIME_WIDTH	8
#define STATE_WIDTH	11	/* "ESTABLISHED" */
#define LEFT_BAR	(TIME_WIDTH + 1 + STATE_WIDTH + 1)
#define RIGHT_PART	(1 + 1 + STATE_WIDTH)
#define MIN_WIDTH	64
#define MAX_WIDTH	120
#define ARROW_ENDS	6	/* "-- " before a label, " ->" behind */

struct canvas {
	char line[MAX_WIDTH + 1];
	unsigned int width;
	unsigned int right_bar;
	bool short_form;	/* it was used, and needs a legend */
};

static void blank(struct canvas *c)
{
	memset(c->line, ' ', c->width);
	c->line[c->width] = '\0';
	c->line[LEFT_BAR] = '|';
	c->line[c->right_bar] = '|';
}

static void put(struct canvas *c, unsigned int column, const char *text)
{
	size_t len = strlen(text);

	if (column >= c->width)
		return;
	if (len > c->width - column)
		len = c->width - column;
	memcpy(c->line + column, text, len);
}

/* Write the line without the blanks at its end. */
static void print(const struct canvas *c, FILE *out)
{
	int len = c->width;

	while (len && c->line[len - 1] == ' ')
		len--;
	fprintf(out, "%.*s\n", len, c->line);
}

/* --- labels ------------------------------------------------------------- */

/* The fullest label that fits into @room columns. */
static void label(struct canvas *c, const struct ladder *l,
		  const struct segment *seg, size_t room, char *buf)
{
	int form;

	for (form = 0; form < N_LABEL_FORMS; form++)
		if (strlen(segment_label(l, seg, form, buf)) <= room)
			break;
	if (form >= LABEL_LETTERS)
		c->short_form = true;
	if (strlen(buf) > room)
		buf[room] = '\0';
}

/* --- arrows ------------------------------------------------------------- */

/*
 * Between the bars, as if from left to right; what goes from right to left
 * is turned round afterwards, all but its label.
 */
static void draw_arrow(struct canvas *c, const struct ladder *l,
		       const struct row *row)
{
	const struct segment *seg = &l->seg[row->seg];
	unsigned int inner = c->right_bar - LEFT_BAR - 1;
	char *a = c->line + LEFT_BAR + 1;
	char text[LABEL_TEXT + 2], line[MAX_WIDTH];
	unsigned int i, len, at;

	/* The label brings the blanks around it. */
	label(c, l, seg, inner - ARROW_ENDS, text + 1);
	text[0] = ' ';
	strcat(text, " ");
	len = strlen(text);
	memset(line, '-', inner);
	line[inner - 1] = '>';
	at = 2;
	switch (row->kind) {
	case ROW_DEPART:
	case ROW_UNDER_WAY:
		for (i = at + len; i < inner; i++)
			line[i] = i % 2 ? '-' : ' ';
		line[inner - 1] = ' ';
		if (row->kind == ROW_UNDER_WAY)
			memset(line + inner - 4, '.', 3);
		break;
	case ROW_ARRIVE:
		at = inner - 2 - len;
		for (i = 0; i < at; i++)
			line[i] = i % 2 ? '-' : ' ';
		break;
	case ROW_LOST:
		i = inner - inner / 8;
		if (i < at + len + 1)
			i = at + len + 1;
		line[i - 1] = 'x';
		memset(line + i, ' ', inner - i);
		break;
	default:
		break;
	}
	for (i = 0; i < inner; i++)
		a[i] = seg->from ? line[inner - 1 - i] : line[i];
	if (seg->from && a[0] == '>')
		a[0] = '<';
	at = seg->from ? inner - at - len : at;
	memcpy(a + at, text, len);
}

static void draw_drop(struct canvas *c, const struct row *row)
{
	char text[64];
	unsigned int column = LEFT_BAR + 2;

	snprintf(text, sizeof(text), "dropped: %s", row->reason);
	if (row->at)
		column = c->right_bar - 1 - strlen(text);
	put(c, column, text);
}

static void draw_row(struct canvas *c, const struct ladder *l,
		     const struct row *row, FILE *out)
{
	char text[32];

	blank(c);
	if (row->ns >= l->start_ns) {
		snprintf(text, sizeof(text), "%*.3f", TIME_WIDTH,
			 (row->ns - l->start_ns) / 1e6);
		put(c, 0, text);
	}
	if (row->state[0] != NO_STATE) {
		snprintf(text, sizeof(text), "%*s", STATE_WIDTH,
			 state_name(row->state[0]));
		put(c, TIME_WIDTH + 1, text);
	}
	if (row->state[1] != NO_STATE)
		put(c, c->right_bar + 2, state_name(row->state[1]));
	if (row->kind == ROW_DROP)
		draw_drop(c, row);
	else if (row->kind != ROW_STATE)
		draw_arrow(c, l, row);
	print(c, out);
}

/* --- notes -------------------------------------------------------------- */

static void draw_end_notes(struct canvas *c, const char *text, int end,
			   FILE *out)
{
	size_t room = c->right_bar - LEFT_BAR - 3;
	char part[MAX_WIDTH];

	while (*text) {
		size_t len = notes_fitting(text, room);

		snprintf(part, sizeof(part), "%.*s", (int)len, text);
		blank(c);
		put(c, end ? c->right_bar - 1 - len : LEFT_BAR + 2, part);
		print(c, out);
		text += len;
		text += strspn(text, "; ");
	}
}

static void draw_notes(struct canvas *c, const struct ladder *l,
		       const struct row *row, FILE *out)
{
	char text[NOTES_TEXT];
	int end;

	for (end = 0; end < 2; end++)
		draw_end_notes(c, row_notes(l, row, end, text), end, out);
}

/* --- head and foot ------------------------------------------------------ */

static void draw_head(struct canvas *c, const struct ladder *l,
		      const struct recording *rec, FILE *out)
{
	char left[TITLE_TEXT], right[TITLE_TEXT];
	unsigned int room = c->width - TIME_WIDTH - 2;

	end_title(l, rec, 0, left);
	end_title(l, rec, 1, right);
	memset(c->line, ' ', c->width);
	c->line[c->width] = '\0';
	put(c, TIME_WIDTH - 2, "ms");
	if (strlen(left) + strlen(right) + 2 > room) {
		put(c, TIME_WIDTH + 2, left);
		print(c, out);
		memset(c->line, ' ', c->width);
	} else {
		put(c, TIME_WIDTH + 2, left);
	}
	put(c, strlen(right) < c->width ? c->width - strlen(right) : 0, right);
	print(c, out);
}

static void draw_foot(const struct canvas *c, const struct ladder *l,
		      FILE *out)
{
	char text[ENDPOINT_TEXT];
	int e;

	if (c->short_form)
		fputs("(S SYN A ACK F FIN R RST P PSH; 1+9: seq 1, 9 bytes)\n",
		      out);
	fprintf(out, "%zu segments: %zu lost, %zu retransmitted, %zu dropped\n",
		l->n_segs, l->lost, l->retransmitted, l->dropped);
	for (e = 0; e < 2; e++)
		fprintf(out, "%s sent %u bytes\n",
			endpoint_text(&l->flow->end[e].ep, text,
				      sizeof(text)), l->bytes[e]);
}

/**
 * ladder_draw - draw a connection for a terminal
 * @ladder: the connection
 * @how: how
 * @out: where to
 */
void ladder_draw(const struct ladder *ladder, const struct drawing *how,
		 FILE *out)
{
	struct cut cut = ladder_cut(ladder, how->max_rows);
	struct canvas c = { .width = how->width };
	size_t i, n = 0;

	if (c.width < MIN_WIDTH)
		c.width = MIN_WIDTH;
	if (c.width > MAX_WIDTH)
		c.width = MAX_WIDTH;
	c.right_bar = c.width - RIGHT_PART;

	draw_head(&c, ladder, how->rec, out);
	for (i = 0; i < ladder->n_rows; i++) {
		if (ladder->row[i].kind == ROW_GONE && !how->details)
			continue;
		if (ladder->row[i].kind == ROW_GONE) {
			if (cut_shows(&cut, n))
				draw_notes(&c, ladder, &ladder->row[i], out);
			continue;
		}
		if (cut_shows(&cut, n)) {
			draw_row(&c, ladder, &ladder->row[i], out);
			if (how->details)
				draw_notes(&c, ladder, &ladder->row[i], out);
		} else if (n == cut.head) {
			fprintf(out, "%*s (%zu lines left out)\n", LEFT_BAR,
				"...", cut.n - cut.head - cut.tail);
		}
		n++;
	}
	draw_foot(&c, ladder, out);
}
