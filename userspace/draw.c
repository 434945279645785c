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

/* "PSH,ACK" as "PA". */
static void flag_letters(unsigned int flags, char *buf)
{
	static const char letters[] = "FSRPAUEC";
	static const int order[] = { 1, 0, 2, 3, 4, 5, 6, 7 };
	int i;

	for (i = 0; i < 8; i++)
		if (flags & 1 << order[i])
			*buf++ = letters[order[i]];
	*buf = '\0';
}

/* The numbers in full: "seq=1 ack=1 win=65535 len=1448". */
static void label_long(const struct event *ev, const uint32_t *base, int from,
		       const char *flags, const char *mark, char *buf,
		       size_t size)
{
	size_t n;

	n = snprintf(buf, size, "%s seq=%u", flags, ev->seq - base[from]);
	if (ev->flags & FLAG_ACK)
		n += snprintf(buf + n, size - n, " ack=%u",
			      ev->ack - base[!from]);
	if (!(ev->flags & FLAG_RST))
		n += snprintf(buf + n, size - n, " win=%u", ev->window);
	if (ev->len)
		n += snprintf(buf + n, size - n, " len=%u", ev->len);
	snprintf(buf + n, size - n, "%s", mark);
}

/* And packed: "1+1448 ack 1 win 65535". */
static void label_short(const struct event *ev, const uint32_t *base, int from,
			bool window, const char *mark, char *buf, size_t size)
{
	char flags[9];
	size_t n;

	flag_letters(ev->flags, flags);
	n = snprintf(buf, size, "%s %u", flags, ev->seq - base[from]);
	if (ev->len)
		n += snprintf(buf + n, size - n, "+%u", ev->len);
	if (ev->flags & FLAG_ACK)
		n += snprintf(buf + n, size - n, " ack %u",
			      ev->ack - base[!from]);
	if (window)
		n += snprintf(buf + n, size - n, " win %u", ev->window);
	snprintf(buf + n, size - n, "%s", mark);
}

static const char *mark_of(const struct segment *seg, bool in_full)
{
	if (seg->out && seg->out->rtx)
		return in_full ? " retransmission" : " rtx";
	if (seg->duplicate)
		return in_full ? " duplicate" : " dup";
	return "";
}

/* The fullest label that fits into @room columns. */
static void label(struct canvas *c, const struct ladder *l,
		  const struct segment *seg, size_t room, char *buf,
		  size_t size)
{
	const struct event *ev = segment_event(seg);
	char flags[40], letters[9];
	int form;

	flags_text(ev->flags, flags, sizeof(flags));
	flag_letters(ev->flags, letters);
	for (form = 0; form < 5; form++) {
		const char *mark = mark_of(seg, !form);

		if (form < 3)
			label_long(ev, l->base, seg->from,
				   form < 2 ? flags : letters, mark, buf,
				   size);
		else
			label_short(ev, l->base, seg->from, form == 3, mark,
				    buf, size);
		if (strlen(buf) <= room)
			break;
	}
	if (form >= 2)
		c->short_form = true;
	buf[room < size ? room : size - 1] = '\0';
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
	char text[96], line[MAX_WIDTH];
	unsigned int i, len, at;

	/* The label brings the blanks around it. */
	label(c, l, seg, inner - ARROW_ENDS, text + 1, sizeof(text) - 2);
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

	snprintf(text, sizeof(text), "dropped: %s", row->note);
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

/* --- head and foot ------------------------------------------------------ */

/* "client 10.0.0.1:49152": the netns has a name, or no word is said of it. */
static void end_title(const struct ladder *l, const struct recording *rec,
		      int e, char *buf, size_t size)
{
	const struct flow_end *end = &l->flow->end[e];
	const char *name = recording_netns(rec, end->netns);
	char text[ENDPOINT_TEXT];

	endpoint_text(&end->ep, text, sizeof(text));
	if (!end->seen)
		name = "remote";
	snprintf(buf, size, "%s%s%s", name, *name ? " " : "", text);
}

static void draw_head(struct canvas *c, const struct ladder *l,
		      const struct recording *rec, FILE *out)
{
	char left[64], right[64];
	unsigned int room = c->width - TIME_WIDTH - 2;

	end_title(l, rec, 0, left, sizeof(left));
	end_title(l, rec, 1, right, sizeof(right));
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
 * ladder_draw - draw a connection
 * @ladder: the connection
 * @rec: the recording it came from
 * @width: columns of the terminal
 * @max_rows: leave out the middle of what is longer; 0 never does
 * @out: where to
 */
void ladder_draw(const struct ladder *ladder, const struct recording *rec,
		 unsigned int width, size_t max_rows, FILE *out)
{
	struct canvas c = { .width = width };
	size_t i, n = 0, drawn = 0, head, tail;

	if (c.width < MIN_WIDTH)
		c.width = MIN_WIDTH;
	if (c.width > MAX_WIDTH)
		c.width = MAX_WIDTH;
	c.right_bar = c.width - RIGHT_PART;
	for (i = 0; i < ladder->n_rows; i++)
		n += ladder->row[i].kind != ROW_GONE;
	if (!max_rows || max_rows > n)
		max_rows = n;
	head = (max_rows + 1) / 2;
	tail = max_rows - head;

	draw_head(&c, ladder, rec, out);
	for (i = 0; i < ladder->n_rows; i++) {
		if (ladder->row[i].kind == ROW_GONE)
			continue;
		if (drawn < head || drawn >= n - tail)
			draw_row(&c, ladder, &ladder->row[i], out);
		else if (drawn == head)
			fprintf(out, "%*s (%zu lines left out)\n", LEFT_BAR,
				"...", n - max_rows);
		drawn++;
	}
	draw_foot(&c, ladder, out);
}
