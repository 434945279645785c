// SPDX-License-Identifier: GPL-2.0
/*
 * A recording as the data of an HTML page: <script> elements that are no
 * scripts.  report/data.js reads them.
 *
 * One element for each connection has its events, segments and rows of the
 * ladder, another one the events that belong to none; the last one, in JSON,
 * tells what there is, and names the columns.
 *
 * A million segments must fit in a page, so these are columns of numbers:
 * each is the difference to the one before at the same end, as a varint with
 * its sign in the lowest bit (zigzag), and the whole is in base64.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "ladder.h"
#include "report.h"
#include "tool.h"

/* --- a growing array of octets ------------------------------------------ */

struct bytes {
	uint8_t *data;
	size_t len;
	size_t max;
	bool failed;		/* memory was short */
};

static void put_byte(struct bytes *b, uint8_t byte)
{
	if (b->len == b->max) {
		size_t max = b->max ? 2 * b->max : 4096;
		uint8_t *bigger = realloc(b->data, max);

		if (!bigger) {
			b->failed = true;
			return;
		}
		b->data = bigger;
		b->max = max;
	}
	b->data[b->len++] = byte;
}

static void put_unsigned(struct bytes *b, uint64_t n)
{
	while (n >= 0x80) {
		put_byte(b, 0x80 | n);
		n >>= 7;
	}
	put_byte(b, n);
}

static void put_signed(struct bytes *b, int64_t n)
{
	put_unsigned(b, (uint64_t)n << 1 ^ n >> 63);
}

static void write_base64(const struct bytes *b, FILE *out)
{
	static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i;

	for (i = 0; i < b->len; i += 3) {
		size_t left = b->len - i;
		uint32_t n = b->data[i] << 16;

		n |= left > 1 ? b->data[i + 1] << 8 : 0;
		n |= left > 2 ? b->data[i + 2] : 0;
		putc_unlocked(digits[n >> 18], out);
		putc_unlocked(digits[n >> 12 & 63], out);
		putc_unlocked(left > 1 ? digits[n >> 6 & 63] : '=', out);
		putc_unlocked(left > 2 ? digits[n & 63] : '=', out);
	}
}

/* --- words: reasons of drops and names of cards ------------------------- */

struct words {
	char word[256][DROP_REASON];
	size_t n;
};

/* The number of @word.  What would be the 257th is told as the 256th. */
static unsigned int word_number(struct words *words, const char *word)
{
	size_t i;

	for (i = 0; i < words->n; i++)
		if (!strcmp(words->word[i], word))
			return i;
	if (words->n == ARRAY_SIZE(words->word))
		return words->n - 1;
	snprintf(words->word[words->n], sizeof(words->word[0]), "%s", word);
	return words->n++;
}

/* --- the fields of events ----------------------------------------------- */

/* What a number stands for, beside those of enum enumeration. */
enum { ENUM_NONE = -1, ENUM_STATE = -2, ENUM_WORD = -3 };

struct field {
	const char *name;
	uint8_t offset;
	uint8_t size;
	int8_t stands_for;
};

#define FIELD(member, size, stands_for)					\
	{ #member, offsetof(struct event, member), size, stands_for }
#define U8(member)		FIELD(member, 1, ENUM_NONE)
#define U16(member)		FIELD(member, 2, ENUM_NONE)
#define U32(member)		FIELD(member, 4, ENUM_NONE)
#define U64(member)		FIELD(member, 8, ENUM_NONE)
#define NAMED(member, which)	FIELD(member, 1, which)
#define WORD(member)		FIELD(member, 0, ENUM_WORD)
#define MAX_FIELDS	12

#define SEGMENT_FIELDS						\
	U32(seq), U32(ack), U32(window), U32(len),		\
	U16(flags), NAMED(state, ENUM_STATE)

static const struct field fields[N_EVENT_KINDS][MAX_FIELDS] = {
	[EVENT_OUT] = { SEGMENT_FIELDS, U8(rtx), NAMED(why, ENUM_WHY) },
	[EVENT_IN] = { SEGMENT_FIELDS },
	[EVENT_STATE] = {
		NAMED(state, ENUM_STATE), NAMED(new_state, ENUM_STATE),
		NAMED(cause, ENUM_CAUSE),
	},
	[EVENT_DROP] = { U32(seq), U32(len), U16(flags), WORD(reason) },
	[EVENT_DATAGRAM_OUT] = { U32(len) },
	[EVENT_DATAGRAM_IN] = { U32(len) },
	[EVENT_WINDOW] = {
		U32(cwnd), U32(ssthresh), U32(flight), U32(snd_wnd),
		U32(rcv_wnd), U32(srtt_us), U32(rttvar_us), U32(rto_us),
		NAMED(recovery, ENUM_RECOVERY), NAMED(cause, ENUM_CAUSE),
		NAMED(window_event, ENUM_WINDOW_EVENT),
	},
	[EVENT_TIMER] = {
		NAMED(timer, ENUM_TIMER), NAMED(action, ENUM_ACTION),
		U64(delay_us),
	},
	[EVENT_QUEUE] = { NAMED(queue, ENUM_QUEUE), U32(depth), U32(limit) },
	[EVENT_LOOKUP] = { U32(bucket), U32(chain), NAMED(found, ENUM_FOUND) },
	[EVENT_SLEEP] = { NAMED(call, ENUM_CALL) },
	[EVENT_WAKE] = { NAMED(call, ENUM_CALL), U32(error), U32(slept_us) },
	[EVENT_RING] = {
		WORD(dev), NAMED(ring, ENUM_RING), U32(used), U32(slots),
	},
	[EVENT_INTERRUPT] = { WORD(dev) },
	[EVENT_POLL] = { WORD(dev), U32(done), U32(budget) },
};

static const struct field port_field = U16(local.port);
static const struct field netns_field = U32(netns);

static uint64_t field_value(const struct field *field, const struct event *ev,
			    struct words *words)
{
	const uint8_t *at = (const uint8_t *)ev + field->offset;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	if (field->stands_for == ENUM_WORD)
		return word_number(words, (const char *)at);
	switch (field->size) {
	case 1:
		return *at;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

/* --- events ------------------------------------------------------------- */

/**
 * struct part - events that are told in one element, in the order of time
 * @end: at which end each happened
 * @by_kind: their indices, sorted by kind
 * @first: where in @by_kind each kind begins
 */
struct part {
	struct event *event;
	uint8_t *end;
	long *flow;
	size_t n;
	size_t *by_kind;
	size_t first[N_EVENT_KINDS + 1];
};

static bool part_alloc(struct part *part, size_t n)
{
	memset(part, 0, sizeof(*part));
	part->event = calloc(n + 1, sizeof(*part->event));
	part->end = calloc(n + 1, sizeof(*part->end));
	part->flow = calloc(n + 1, sizeof(*part->flow));
	part->by_kind = calloc(n + 1, sizeof(*part->by_kind));
	return part->event && part->end && part->flow && part->by_kind;
}

static void part_free(struct part *part)
{
	free(part->event);
	free(part->end);
	free(part->flow);
	free(part->by_kind);
}

static void sort_by_kind(struct part *part)
{
	size_t next[N_EVENT_KINDS];
	size_t i;

	for (i = 0; i < part->n; i++)
		part->first[part->event[i].kind + 1]++;
	for (i = 0; i < N_EVENT_KINDS; i++) {
		part->first[i + 1] += part->first[i];
		next[i] = part->first[i];
	}
	for (i = 0; i < part->n; i++)
		part->by_kind[next[part->event[i].kind]++] = i;
}

static void put_column(struct bytes *b, const struct part *part, size_t from,
		       size_t to, const struct field *field,
		       struct words *words)
{
	uint64_t last[2] = { 0 };
	size_t i;

	for (i = from; i < to; i++) {
		size_t n = part->by_kind[i];
		uint64_t value = field_value(field, &part->event[n], words);
		uint64_t *before = &last[part->end[n]];
		int64_t step = value - *before;

		/* The short way round, where sequence numbers wrap. */
		put_signed(b, field->size == 8 ? step : (int32_t)step);
		*before = value;
	}
}

/* What a segment's options begin with: which there are. */
enum {
	HAS_MSS = 0x01,
	HAS_WSCALE = 0x02,
	HAS_SACK_OK = 0x04,
	HAS_TS = 0x08,
	N_SACK_SHIFT = 4,
};

static void put_sack(struct bytes *b, const struct event *ev,
		     const struct tcp_options *opt)
{
	unsigned int i;

	for (i = 0; i < opt->n_sack; i++) {
		put_signed(b, (int32_t)(opt->sack[i].start - ev->ack));
		put_signed(b, (int32_t)(opt->sack[i].end -
					opt->sack[i].start));
	}
}

static void put_options(struct bytes *b, const struct event *ev,
			struct tcp_options *before)
{
	struct tcp_options opt;

	/* Of malformed ones, what comes before. */
	options_parse(ev, &opt);
	put_byte(b, (opt.mss ? HAS_MSS : 0) |
		    (opt.wscale >= 0 ? HAS_WSCALE : 0) |
		    (opt.sack_ok ? HAS_SACK_OK : 0) |
		    (opt.has_ts ? HAS_TS : 0) | opt.n_sack << N_SACK_SHIFT);
	if (opt.mss)
		put_unsigned(b, opt.mss);
	if (opt.wscale >= 0)
		put_unsigned(b, opt.wscale);
	if (opt.has_ts) {
		put_signed(b, (int32_t)(opt.ts_val - before->ts_val));
		put_signed(b, (int32_t)(opt.ts_ecr - before->ts_ecr));
		*before = opt;
	}
	put_sack(b, ev, &opt);
}

static void put_all_options(struct bytes *b, const struct part *part,
			    size_t from, size_t to)
{
	struct tcp_options before[2] = { 0 };
	size_t i;

	for (i = from; i < to; i++) {
		size_t n = part->by_kind[i];

		put_options(b, &part->event[n], &before[part->end[n]]);
	}
}

static void put_events(struct bytes *b, struct part *part, uint64_t start_ns,
		       struct words *words)
{
	uint64_t last_ns = start_ns;
	unsigned int kind;
	size_t i;

	sort_by_kind(part);
	for (i = 0; i < part->n; i++)
		put_byte(b, part->event[i].kind << 1 | part->end[i]);
	for (i = 0; i < part->n; i++) {
		put_unsigned(b, part->event[i].ns - last_ns);
		last_ns = part->event[i].ns;
	}
	for (kind = 0; kind < N_EVENT_KINDS; kind++) {
		size_t from = part->first[kind], to = part->first[kind + 1];
		const struct field *f;

		for (f = fields[kind]; f->name; f++)
			put_column(b, part, from, to, f, words);
		if (kind == EVENT_OUT || kind == EVENT_IN)
			put_all_options(b, part, from, to);
	}
}

/* --- the ladder --------------------------------------------------------- */

static size_t index_of(const struct part *part, const struct event *ev)
{
	return ev ? ev - part->event + 1 : 0;
}

/* The indices count from 1; 0 is none. */
static void put_segments(struct bytes *b, const struct ladder *l,
			 const struct part *part)
{
	size_t i, out = 0, in = 0, row = 0;

	for (i = 0; i < l->n_segs; i++) {
		const struct segment *seg = &l->seg[i];
		size_t n = index_of(part, seg->out);

		put_byte(b, seg->from | seg->duplicate << 1 | seg->fate << 2);
		put_signed(b, n - out);
		out = n;
		n = index_of(part, seg->in);
		put_signed(b, n - in);
		in = n;
		put_signed(b, seg->row - row);
		row = seg->row;
		put_unsigned(b, seg->in_row > row ? seg->in_row - row : 0);
	}
}

static void put_rows(struct bytes *b, const struct ladder *l,
		     uint64_t start_ns, struct words *words)
{
	uint64_t last_ns = start_ns;
	size_t i, seg = 0;

	for (i = 0; i < l->n_rows; i++) {
		const struct row *row = &l->row[i];
		uint64_t ns = row->ns ? row->ns : last_ns;

		put_byte(b, row->kind << 1 | row->at);
		put_signed(b, ns - last_ns);
		last_ns = ns;
		put_byte(b, row->state[0]);
		put_byte(b, row->state[1]);
		put_signed(b, row->seg - seg);
		seg = row->seg;
		put_unsigned(b, row->reason ?
				word_number(words, row->reason) : 0);
	}
}

/* --- JSON --------------------------------------------------------------- */

/* Nothing in it can end the element that it is in, either. */
static void json_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c < 0x20 || strchr("\"\\<>&'", c))
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void json_member(const char *name, const char *value, FILE *out)
{
	fprintf(out, "\"%s\":", name);
	json_string(value, out);
}

/* A comma before the name comes before it there, too. */
static void json_number(const char *name, uint64_t value, FILE *out)
{
	if (*name == ',')
		fputc(*name++, out);
	fprintf(out, "\"%s\":%llu", name, (unsigned long long)value);
}

static void json_kinds(FILE *out)
{
	unsigned int kind;

	fputs("\"kinds\":[", out);
	for (kind = 0; kind < N_EVENT_KINDS; kind++) {
		const struct field *f;

		fputs(kind ? ",{" : "{", out);
		json_member("name", kind_name(kind), out);
		fputs(",\"fields\":[", out);
		for (f = fields[kind]; f->name; f++)
			fprintf(out, "%s[\"%s\",%d,%u]",
				f == fields[kind] ? "" : ",", f->name,
				f->stands_for, f->size);
		fputs("]}", out);
	}
	fputs("]", out);
}

static void json_names(const struct words *words, FILE *out)
{
	unsigned int which, i;

	fputs(",\"names\":{", out);
	for (which = 0; which <= ENUM_RING; which++) {
		fprintf(out, "\"%u\":[", which);
		for (i = 0; enum_name(which, i); i++) {
			fputs(i ? "," : "", out);
			json_string(enum_name(which, i), out);
		}
		fputs("],", out);
	}
	fprintf(out, "\"%d\":[", ENUM_STATE);
	for (i = 0; i <= CLOSING; i++) {
		fputs(i ? "," : "", out);
		json_string(state_name(i), out);
	}
	fprintf(out, "],\"%d\":[", ENUM_WORD);
	for (i = 0; i < words->n; i++) {
		fputs(i ? "," : "", out);
		json_string(words->word[i], out);
	}
	fputs("]}", out);
}

static void json_end(const struct recording *rec, const struct ladder *l,
		     int e, FILE *out)
{
	const struct flow_end *end = &l->flow->end[e];
	char text[ENDPOINT_TEXT];

	fputs(e ? ",{" : "{", out);
	json_member("name", endpoint_text(&end->ep, text, sizeof(text)), out);
	fputc(',', out);
	json_member("netns", recording_netns(rec, end->netns), out);
	json_number(",inode", end->netns, out);
	json_number(",port", end->ep.port, out);
	json_number(",seen", end->seen, out);
	json_number(",state", end->state, out);
	json_number(",bytes", l->bytes[e], out);
	if (l->flow->base_known[e])
		json_number(",base", l->base[e], out);
	fputc('}', out);
}

/* Times are told from the recording's first event on. */
static void json_connection(const struct recording *rec,
			    const struct ladder *l, const struct part *part,
			    FILE *out)
{
	uint64_t first_ns = rec->event[0].ns;
	uint64_t last_ns = part->event[part->n - 1].ns;
	/* Where there is no segment, the ladder has no beginning. */
	uint64_t start_ns = l->n_segs ? l->start_ns : part->event[0].ns;

	fputc('{', out);
	json_number("opened", l->flow->opened, out);
	json_number(",events", l->flow->n_events, out);
	json_number(",traced", l->flow->n_segments, out);
	json_number(",segments", l->n_segs, out);
	json_number(",rows", l->n_rows, out);
	json_number(",lost", l->lost, out);
	json_number(",dropped", l->dropped, out);
	json_number(",retransmitted", l->retransmitted, out);
	json_number(",start", start_ns - first_ns, out);
	json_number(",last", last_ns - first_ns, out);
	fputs(",\"ends\":[", out);
	json_end(rec, l, 0, out);
	json_end(rec, l, 1, out);
	fputs("]}", out);
}

/* --- the elements ------------------------------------------------------- */

struct report {
	const struct recording *rec;
	const struct flows *flows;
	struct words words;
	FILE *out;		/* the page */
	FILE *connections;	/* a part of the JSON */
	size_t n_others;
};

static void write_element(const char *id, size_t n, const struct bytes *b,
			  FILE *out)
{
	fprintf(out, "<script type=\"text/plain\" id=\"%s%zu\">", id, n);
	write_base64(b, out);
	fputs("</script>\n", out);
}

static bool write_connection(struct report *report, size_t n,
			     const struct ladder *l, struct part *part)
{
	uint64_t start_ns = report->rec->event[0].ns;
	struct bytes b = { 0 };

	put_events(&b, part, start_ns, &report->words);
	put_segments(&b, l, part);
	put_rows(&b, l, start_ns, &report->words);
	write_element("connection", n, &b, report->out);
	free(b.data);
	if (n)
		fputs(",\n", report->connections);
	json_connection(report->rec, l, part, report->connections);
	return !b.failed;
}

/* The events @index, which are those of one connection. */
static bool connection(struct report *report, size_t n, const size_t *index)
{
	const struct flows *flows = report->flows;
	struct recording rec = { .end_ns = report->rec->end_ns };
	struct flows of_part = { .flow = flows->flow, .n = flows->n };
	struct ladder ladder = { 0 };
	struct part part;
	bool ok;
	size_t i;

	ok = part_alloc(&part, flows->flow[n].n_events);
	if (ok) {
		part.n = flows->flow[n].n_events;
		for (i = 0; i < part.n; i++) {
			part.event[i] = report->rec->event[index[i]];
			part.end[i] = flows->at_end[index[i]];
			part.flow[i] = n;
		}
		rec.event = part.event;
		rec.n_events = part.n;
		of_part.of_event = part.flow;
		of_part.at_end = part.end;
		ok = ladder_build(&ladder, &rec, &of_part, n) &&
		     write_connection(report, n, &ladder, &part);
		ladder_free(&ladder);
	}
	part_free(&part);
	return ok;
}

/* All connections' events, those of one after those of the other. */
static bool connections(struct report *report)
{
	const struct recording *rec = report->rec;
	const struct flows *flows = report->flows;
	size_t *index = calloc(rec->n_events + 1, sizeof(*index));
	size_t *next = calloc(flows->n + 1, sizeof(*next));
	bool ok = index && next;
	size_t i, first = 0;

	for (i = 0; ok && i < flows->n; i++) {
		next[i] = first;
		first += flows->flow[i].n_events;
	}
	for (i = 0; ok && i < rec->n_events; i++)
		if (flows->of_event[i] >= 0)
			index[next[flows->of_event[i]]++] = i;
	for (i = 0; ok && i < flows->n; i++)
		ok = connection(report, i,
				&index[next[i] - flows->flow[i].n_events]);
	free(index);
	free(next);
	return ok;
}

/* What cards and listeners did, which is of no connection, or of many. */
static bool is_other(const struct flows *flows, const struct recording *rec,
		     size_t i)
{
	if (flows->of_event[i] >= 0)
		return false;
	switch (rec->event[i].kind) {
	case EVENT_QUEUE:
	case EVENT_RING:
	case EVENT_INTERRUPT:
	case EVENT_POLL:
		return true;
	}
	return false;
}

static void gather_others(struct report *report, struct part *part)
{
	const struct recording *rec = report->rec;
	size_t i;

	for (i = 0; i < rec->n_events; i++)
		if (is_other(report->flows, rec, i))
			part->event[part->n++] = rec->event[i];
}

static bool others(struct report *report)
{
	const struct recording *rec = report->rec;
	struct bytes b = { 0 };
	struct part part;
	size_t i, n = 0;
	bool ok;

	for (i = 0; i < rec->n_events; i++)
		n += is_other(report->flows, rec, i);
	ok = part_alloc(&part, n);
	if (ok) {
		gather_others(report, &part);
		put_events(&b, &part, n ? rec->event[0].ns : 0,
			   &report->words);
		for (i = 0; i < n; i++)
			part.by_kind[i] = i;
		put_column(&b, &part, 0, n, &netns_field, NULL);
		put_column(&b, &part, 0, n, &port_field, NULL);
		write_element("others", 0, &b, report->out);
		report->n_others = n;
	}
	free(b.data);
	part_free(&part);
	return ok && !b.failed;
}

static void write_index(const struct report *report, const char *connections)
{
	const struct recording *rec = report->rec;
	uint64_t span = rec->n_events ? rec->end_ns - rec->event[0].ns : 0;
	FILE *out = report->out;

	fputs("<script type=\"application/json\" id=\"index\">{", out);
	json_kinds(out);
	json_names(&report->words, out);
	json_number(",events", rec->n_events, out);
	json_number(",others", report->n_others, out);
	json_number(",missed", rec->missed, out);
	json_number(",end", span, out);
	fprintf(out, ",\n\"connections\":[\n%s]}</script>\n", connections);
}

/* Write @rec to the page @out.  False when memory is short. */
bool report_data(const struct recording *rec, const struct flows *flows,
		 FILE *out)
{
	struct report *report = calloc(1, sizeof(*report));
	char *text = NULL;
	size_t size;
	bool ok;

	if (!report)
		return false;
	report->rec = rec;
	report->flows = flows;
	report->out = out;
	report->connections = open_memstream(&text, &size);
	ok = report->connections && connections(report) && others(report);
	if (report->connections && fclose(report->connections))
		ok = false;
	if (ok)
		write_index(report, text);
	free(text);
	free(report);
	return ok;
}
