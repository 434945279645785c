// SPDX-License-Identifier: GPL-2.0
/*
 * The words of a ladder diagram, which are the same in all its forms.
 */
#include <string.h>

#include "describe.h"
#include "ladder.h"
#include "tool.h"

/* --- segments ----------------------------------------------------------- */

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
			const char *flags, bool window, const char *mark,
			char *buf, size_t size)
{
	size_t n;

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

/**
 * segment_label - what is written on a segment's arrow
 * @ladder: the connection
 * @seg: the segment
 * @form: how fully
 * @buf: of LABEL_TEXT bytes
 *
 * Return: @buf
 */
char *segment_label(const struct ladder *ladder, const struct segment *seg,
		    enum label_form form, char *buf)
{
	const char *mark = mark_of(seg, form == LABEL_MARKED);
	const struct event *ev = segment_event(seg);
	char flags[40];

	if (form < LABEL_LETTERS)
		flags_text(ev->flags, flags, sizeof(flags));
	else
		flag_letters(ev->flags, flags);
	if (form < LABEL_SHORT)
		label_long(ev, ladder->base, seg->from, flags, mark, buf,
			   LABEL_TEXT);
	else
		label_short(ev, ladder->base, seg->from, flags,
			    form == LABEL_SHORT, mark, buf, LABEL_TEXT);
	return buf;
}

/* --- ends --------------------------------------------------------------- */

/* "client 10.0.0.1:49152": the netns has a name, or no word is said of it. */
char *end_title(const struct ladder *ladder, const struct recording *rec,
		int end, char *buf)
{
	const struct flow_end *e = &ladder->flow->end[end];
	const char *name = recording_netns(rec, e->netns);
	char text[ENDPOINT_TEXT];

	endpoint_text(&e->ep, text, sizeof(text));
	if (!e->seen)
		name = "remote";
	snprintf(buf, TITLE_TEXT, "%s%s%s", name, *name ? " " : "", text);
	return buf;
}

/* --- notes -------------------------------------------------------------- */

static const char * const call_names[] = {
	[CALL_CONNECT] = "connect()",
	[CALL_ACCEPT] = "accept()",
	[CALL_SEND] = "send()",
	[CALL_RECEIVE] = "recv()",
	[CALL_CLOSE] = "close()",
};

static const char * const queue_names[] = {
	[QUEUE_SYN] = "SYN queue",
	[QUEUE_ACCEPT] = "accept queue",
	[QUEUE_SEND] = "send queue",
	[QUEUE_RECEIVE] = "receive queue",
	[QUEUE_OUT_OF_ORDER] = "out of order",
};

static const char *call_name(const struct event *ev)
{
	return ev->call < ARRAY_SIZE(call_names) ? call_names[ev->call] :
						   "a system call";
}

static void window_note(const struct event *ev, char *buf, size_t size)
{
	size_t n;

	n = snprintf(buf, size, "cwnd %u", ev->cwnd);
	if (ev->ssthresh < NO_SSTHRESH)
		n += snprintf(buf + n, size - n, " ssthresh %u", ev->ssthresh);
	n += snprintf(buf + n, size - n, " flight %u", ev->flight);
	if (ev->recovery != RECOVERY_OPEN &&
	    enum_name(ENUM_RECOVERY, ev->recovery))
		snprintf(buf + n, size - n, " %s",
			 enum_name(ENUM_RECOVERY, ev->recovery));
}

/* "" when it is not worth a line in a diagram of segments. */
static void note_text(const struct event *ev, char *buf, size_t size)
{
	*buf = '\0';
	switch (ev->kind) {
	case EVENT_SLEEP:
		snprintf(buf, size, "%s sleeps", call_name(ev));
		break;
	case EVENT_WAKE:
		snprintf(buf, size, "%s wakes%s%s", call_name(ev),
			 ev->error ? ": " : "",
			 ev->error ? error_name(ev->error) : "");
		break;
	case EVENT_WINDOW:
		window_note(ev, buf, size);
		break;
	case EVENT_QUEUE:
		if (ev->queue < ARRAY_SIZE(queue_names))
			snprintf(buf, size, "%s %u", queue_names[ev->queue],
				 ev->depth);
		break;
	case EVENT_TIMER:
		if (ev->action == TIMER_FIRE &&
		    enum_name(ENUM_TIMER, ev->timer))
			snprintf(buf, size, "%s timer fires",
				 enum_name(ENUM_TIMER, ev->timer));
		break;
	}
}

/* Does @later say again what @ev says, as it is then? */
static bool replaces(const struct event *later, const struct event *ev)
{
	if (later->kind != ev->kind)
		return false;
	return ev->kind == EVENT_WINDOW ||
	       (ev->kind == EVENT_QUEUE && later->queue == ev->queue);
}

static bool is_last(const struct ladder *l, size_t n)
{
	size_t i;

	for (i = l->note[n].next; i != NO_NOTE; i = l->note[i].next)
		if (replaces(l->note[i].ev, l->note[n].ev))
			return false;
	return true;
}

static const char * const why_notes[] = {
	[WHY_RTO] = "retransmission timeout",
	[WHY_RECOVERY] = "again, found lost",
	[WHY_TLP] = "tail loss probe",
	[WHY_PROBE] = "zero-window probe",
	[WHY_KEEPALIVE] = "keepalive",
	[WHY_DELACK] = "delayed ACK",
	[WHY_WINDOW] = "window update",
	[WHY_CHALLENGE] = "challenge ACK",
};

/* The rule by which the row's own segment was sent, if it is not plain. */
static const char *why_note(const struct ladder *l, const struct row *row,
			    int end)
{
	const struct segment *seg = &l->seg[row->seg];

	if (row->kind != ROW_WHOLE && row->kind != ROW_DEPART &&
	    row->kind != ROW_LOST && row->kind != ROW_UNDER_WAY)
		return "";
	if (!seg->out || seg->from != end ||
	    seg->out->why >= ARRAY_SIZE(why_notes) ||
	    !why_notes[seg->out->why])
		return "";
	return why_notes[seg->out->why];
}

/**
 * row_notes - what else happened at an end, from a row to its next
 * @ladder: the connection
 * @row: the row
 * @end: the end
 * @buf: of NOTES_TEXT bytes, which are enough for what a diagram can show
 *
 * Of what changes several times, the last is told.
 *
 * Return: @buf: notes with "; " between them, or "".
 */
char *row_notes(const struct ladder *ladder, const struct row *row, int end,
		char *buf)
{
	char text[64];
	size_t i, n;

	n = sprintf(buf, "%s", why_note(ladder, row, end));
	for (i = row->note[end]; i != NO_NOTE; i = ladder->note[i].next) {
		note_text(ladder->note[i].ev, text, sizeof(text));
		if (!*text || !is_last(ladder, i))
			continue;
		if (n + strlen(text) + sizeof("; ...") > NOTES_TEXT) {
			strcpy(buf + n, "; ...");
			break;
		}
		n += sprintf(buf + n, "%s%s", n ? "; " : "", text);
	}
	return buf;
}

/* How much of row_notes()'s @text fits into a line of @room characters. */
size_t notes_fitting(const char *text, size_t room)
{
	size_t len = strlen(text), i = room;

	if (len <= room)
		return len;
	for (; i > 0; i--)
		if (text[i] == ';')
			return i;
	return room;
}

/* --- what is left out --------------------------------------------------- */

/* @max_rows: 0: all */
struct cut ladder_cut(const struct ladder *ladder, size_t max_rows)
{
	struct cut cut = { 0 };
	size_t i;

	for (i = 0; i < ladder->n_rows; i++)
		cut.n += ladder->row[i].kind != ROW_GONE;
	if (!max_rows || max_rows > cut.n)
		max_rows = cut.n;
	cut.head = (max_rows + 1) / 2;
	cut.tail = max_rows - cut.head;
	return cut;
}

/* Is the row shown that has @n others, of those that can be, before it? */
bool cut_shows(const struct cut *cut, size_t n)
{
	return n < cut->head || n >= cut->n - cut->tail;
}
