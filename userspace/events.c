// SPDX-License-Identifier: GPL-2.0
/*
 * Recordings: a growing array of events, and its text form.
 *
 * The text has one event a line, "TIME KIND name=value...", so that it can
 * be read, cut with grep, and written by hand for a test.  Names that are
 * not known are skipped: a newer tool may write more.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "tool.h"

#define MAGIC	"# teach events 1"

static const char * const kind_names[] = {
	[EVENT_OUT] = "out",
	[EVENT_IN] = "in",
	[EVENT_STATE] = "state",
	[EVENT_DROP] = "drop",
	[EVENT_DATAGRAM_OUT] = "datagram_out",
	[EVENT_DATAGRAM_IN] = "datagram_in",
	[EVENT_WINDOW] = "window",
	[EVENT_TIMER] = "timer",
	[EVENT_QUEUE] = "queue",
	[EVENT_LOOKUP] = "lookup",
	[EVENT_SLEEP] = "sleep",
	[EVENT_WAKE] = "wake",
	[EVENT_RING] = "ring",
	[EVENT_INTERRUPT] = "interrupt",
	[EVENT_POLL] = "poll",
	[EVENT_FUNCTION] = "function",
};

static const struct {
	const char *name[16];
} enum_names[] = {
	[ENUM_WHY] = { { "NONE", "NEW", "RTO", "RECOVERY", "TLP", "PROBE",
			 "KEEPALIVE", "ACK", "DELACK", "WINDOW", "CHALLENGE",
			 "RESET", "SYNACK" } },
	[ENUM_CAUSE] = { { "CALL", "SEGMENT", "TIMER", "ICMP" } },
	[ENUM_RECOVERY] = { { "OPEN", "DISORDER", "CWR", "RECOVERY",
			      "LOSS" } },
	[ENUM_WINDOW_EVENT] = { { "ACK", "ENTER", "LEAVE", "UNDO", "TIMEOUT",
				  "IDLE" } },
	[ENUM_TIMER] = { { "REO", "TLP", "RTX", "PROBE", "DELACK",
			   "FIN_WAIT2", "KEEPALIVE", "PACING", "SYNACK",
			   "TIME_WAIT" } },
	[ENUM_ACTION] = { { "ARM", "CANCEL", "FIRE" } },
	[ENUM_QUEUE] = { { "SYN", "ACCEPT", "SEND", "RECEIVE",
			   "OUT_OF_ORDER" } },
	[ENUM_FOUND] = { { "NONE", "SOCKET", "REQUEST", "TIMEWAIT",
			   "LISTENER" } },
	[ENUM_CALL] = { { "CONNECT", "ACCEPT", "SEND", "RECEIVE", "CLOSE" } },
	[ENUM_RING] = { { "TX", "RX" } },
};

static const char * const flag_names[] = {
	"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR",
};

/* The order in which people say them. */
static const unsigned int flag_order[] = { 1, 0, 2, 3, 4, 5, 6, 7 };

const char *kind_name(unsigned int kind)
{
	return kind < N_EVENT_KINDS ? kind_names[kind] : "?";
}

bool is_segment(const struct event *event)
{
	return event->kind == EVENT_OUT || event->kind == EVENT_IN;
}

/* And not of a card. */
bool of_connection(const struct event *event)
{
	return event->kind < EVENT_RING;
}

/* NULL: there is no such number, or it is NOT_TOLD. */
const char *enum_name(enum enumeration which, unsigned int number)
{
	if (number >= ARRAY_SIZE(enum_names[which].name))
		return NULL;
	return enum_names[which].name[number];
}

/* The number of a name, or -1. */
int enum_by_name(enum enumeration which, const char *name)
{
	unsigned int i;

	for (i = 0; enum_name(which, i); i++)
		if (!strcmp(enum_name(which, i), name))
			return i;
	return -1;
}

char *flags_text(unsigned int flags, char *buf, size_t size)
{
	size_t i, len = 0;

	snprintf(buf, size, "none");
	for (i = 0; i < 8; i++) {
		unsigned int bit = flag_order[i];

		if (flags & 1u << bit && len < size)
			len += snprintf(buf + len, size - len, "%s%s",
					len ? "," : "", flag_names[bit]);
	}
	return buf;
}

char *endpoint_text(const struct endpoint *end, char *buf, size_t size)
{
	char ip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &end->addr, ip, sizeof(ip));
	snprintf(buf, size, "%s:%u", ip, end->port);
	return buf;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->addr.s_addr == b->addr.s_addr && a->port == b->port;
}

/* --- TCP options -------------------------------------------------------- */

enum option_kind {
	OPTION_END,
	OPTION_NOP,
	OPTION_MSS,
	OPTION_WSCALE,
	OPTION_SACK_OK,
	OPTION_SACK,
	OPTION_TS = 8,
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/*
 * The length of the option at @p, kind and length bytes and all, of @left that
 * there are; 0 when it is no option.
 */
static unsigned int option_length(const uint8_t *p, unsigned int left)
{
	static const uint8_t fixed[] = {
		[OPTION_MSS] = 4,
		[OPTION_WSCALE] = 3,
		[OPTION_SACK_OK] = 2,
		[OPTION_TS] = 10,
	};

	if (p[0] == OPTION_END || p[0] == OPTION_NOP)
		return 1;
	if (left < 2 || p[1] < 2 || p[1] > left)
		return 0;
	if (p[0] < ARRAY_SIZE(fixed) && fixed[p[0]] && p[1] != fixed[p[0]])
		return 0;
	if (p[0] == OPTION_SACK && (p[1] < 10 || p[1] % 8 != 2))
		return 0;
	return p[1];
}

static void parse_option(const uint8_t *p, unsigned int len,
			 struct tcp_options *opts)
{
	unsigned int i;

	switch (p[0]) {
	case OPTION_MSS:
		opts->mss = p[2] << 8 | p[3];
		break;
	case OPTION_WSCALE:
		opts->wscale = p[2];
		break;
	case OPTION_SACK_OK:
		opts->sack_ok = true;
		break;
	case OPTION_TS:
		opts->has_ts = true;
		opts->ts_val = be32(p + 2);
		opts->ts_ecr = be32(p + 6);
		break;
	case OPTION_SACK:
		opts->n_sack = 0;
		for (i = 2; i < len; i += 8)
			opts->sack[opts->n_sack++] = (struct sack_block) {
				be32(p + i), be32(p + i + 4)
			};
		break;
	}
}

/**
 * options_parse - what the options of a segment say
 * @event: EVENT_OUT or EVENT_IN
 * @opts: filled with what there is before anything that is malformed
 *
 * Return: false when something is malformed.
 */
bool options_parse(const struct event *event, struct tcp_options *opts)
{
	const uint8_t *p = event->options;
	const uint8_t *end = p + event->n_options;
	unsigned int len;

	*opts = (struct tcp_options) { .wscale = -1 };
	while (p < end && *p != OPTION_END) {
		len = option_length(p, end - p);
		if (!len)
			return false;
		parse_option(p, len, opts);
		p += len;
	}
	return true;
}

static int sack_text(const uint8_t *p, unsigned int len, uint32_t base,
		     char *buf, size_t size)
{
	unsigned int i;
	int n;

	n = snprintf(buf, size, "sack %u ", (len - 2) / 8);
	for (i = 2; i < len; i += 8)
		n += snprintf(buf + n, size - n, "{%u:%u}", be32(p + i) - base,
			      be32(p + i + 4) - base);
	return n;
}

static int option_text(const uint8_t *p, unsigned int len, uint32_t base,
		       char *buf, size_t size)
{
	unsigned int i;
	int n;

	switch (p[0]) {
	case OPTION_END:
		return snprintf(buf, size, "eol");
	case OPTION_NOP:
		return snprintf(buf, size, "nop");
	case OPTION_MSS:
		return snprintf(buf, size, "mss %u", p[2] << 8 | p[3]);
	case OPTION_WSCALE:
		return snprintf(buf, size, "wscale %u", p[2]);
	case OPTION_SACK_OK:
		return snprintf(buf, size, "sackOK");
	case OPTION_SACK:
		return sack_text(p, len, base, buf, size);
	case OPTION_TS:
		return snprintf(buf, size, "TS val %u ecr %u", be32(p + 2),
				be32(p + 6));
	}
	n = snprintf(buf, size, "unknown-%u", p[0]);
	for (i = 2; i < len; i++)
		n += snprintf(buf + n, size - n, "%s%02x", i > 2 ? "" : " 0x",
			      p[i]);
	return n;
}

/**
 * options_text - the options of a segment, in tcpdump's words
 * @event: EVENT_OUT or EVENT_IN
 * @sack_base: the sequence number from which those of SACK blocks count
 * @buf: of OPTIONS_TEXT bytes, so that all have room
 * @size: of @buf
 *
 * Return: @buf; "" when there are none.
 */
char *options_text(const struct event *event, uint32_t sack_base, char *buf,
		   size_t size)
{
	const uint8_t *p = event->options;
	const uint8_t *end = p + event->n_options;
	size_t n = 0;

	*buf = '\0';
	while (p < end) {
		unsigned int len = option_length(p, end - p);

		if (n)
			n += snprintf(buf + n, size - n, ",");
		if (!len) {
			snprintf(buf + n, size - n, "malformed");
			break;
		}
		n += option_text(p, len, sack_base, buf + n, size - n);
		if (*p == OPTION_END)
			break;
		p += len;
	}
	return buf;
}

/* --- the array ---------------------------------------------------------- */

bool recording_add(struct recording *rec, const struct event *event)
{
	if (rec->n_events == rec->max_events) {
		size_t max = rec->max_events ? 2 * rec->max_events : 1024;
		struct event *bigger;

		bigger = reallocarray(rec->event, max, sizeof(*bigger));
		if (!bigger)
			return false;
		rec->event = bigger;
		rec->max_events = max;
	}
	rec->event[rec->n_events++] = *event;
	return true;
}

/*
 * Each CPU's events come in order, but the CPUs one after the other.  Merge
 * sort, since events of one instant must stay as they came.
 */
static void merge(struct event *to, const struct event *a, size_t n_a,
		  const struct event *b, size_t n_b)
{
	while (n_a && n_b) {
		if (b->ns < a->ns) {
			*to++ = *b++;
			n_b--;
		} else {
			*to++ = *a++;
			n_a--;
		}
	}
	memcpy(to, a, n_a * sizeof(*a));
	memcpy(to + n_a, b, n_b * sizeof(*b));
}

static void sort(struct event *event, struct event *spare, size_t n)
{
	size_t half = n / 2;

	if (n < 2)
		return;
	sort(event, spare, half);
	sort(event + half, spare, n - half);
	if (event[half - 1].ns <= event[half].ns)
		return;
	memcpy(spare, event, n * sizeof(*event));
	merge(event, spare, half, spare + half, n - half);
}

/* Put the events from the @first on in the order of time. */
void recording_sort(struct recording *rec, size_t first)
{
	size_t n = rec->n_events - first;
	struct event *spare;

	spare = reallocarray(NULL, n + 1, sizeof(*spare));
	if (!spare)
		return;
	sort(rec->event + first, spare, n);
	free(spare);
}

/* Forget the first @n events. */
void recording_drop(struct recording *rec, size_t n)
{
	rec->n_events -= n;
	memmove(rec->event, rec->event + n,
		rec->n_events * sizeof(*rec->event));
}

void recording_free(struct recording *rec)
{
	free(rec->event);
	free(rec->netns);
	*rec = (struct recording) { 0 };
}

bool recording_name_netns(struct recording *rec, uint32_t inode,
			  const char *name)
{
	struct netns_name *bigger;
	char *p;

	bigger = reallocarray(rec->netns, rec->n_netns + 1, sizeof(*bigger));
	if (!bigger)
		return false;
	rec->netns = bigger;
	bigger[rec->n_netns].inode = inode;
	snprintf(bigger[rec->n_netns].name, sizeof(bigger->name), "%s", name);
	/* A recording has one word here. */
	for (p = bigger[rec->n_netns].name; *p; p++)
		if (isspace((unsigned char)*p))
			*p = '_';
	rec->n_netns++;
	return true;
}

/* The name of a network namespace, or "". */
const char *recording_netns(const struct recording *rec, uint32_t inode)
{
	size_t i;

	for (i = 0; i < rec->n_netns; i++)
		if (rec->netns[i].inode == inode)
			return rec->netns[i].name;
	return "";
}

/* --- what each kind of event has in the text ----------------------------- */

#define KEY(name, member, ...) { name, offsetof(struct event, member), \
				 __VA_ARGS__ }
#define MAX_KEYS	12

#define SEGMENT_KEYS						\
	KEY("flags", flags, FORM_FLAGS),			\
	KEY("seq", seq, FORM_U32),				\
	KEY("ack", ack, FORM_U32),				\
	KEY("win", window, FORM_U32, .field = "window"),	\
	KEY("len", len, FORM_U32),				\
	KEY("state", state, FORM_STATE)
#define OPTIONS_KEY	KEY("options", options, FORM_OPTIONS)

/* In the order in which they are written; "netns" is before all. */
static const struct key keys[N_EVENT_KINDS][MAX_KEYS] = {
	[EVENT_OUT] = {
		SEGMENT_KEYS,
		KEY("rtx", rtx, FORM_U8),
		KEY("why", why, FORM_WHY, ENUM_WHY),
		OPTIONS_KEY,
	},
	[EVENT_IN] = { SEGMENT_KEYS, OPTIONS_KEY },
	[EVENT_STATE] = {
		KEY("old", state, FORM_STATE, .field = "oldstate"),
		KEY("new", new_state, FORM_STATE, .field = "newstate"),
		KEY("cause", cause, FORM_ENUM, ENUM_CAUSE),
	},
	[EVENT_DROP] = {
		KEY("flags", flags, FORM_FLAGS),
		KEY("seq", seq, FORM_U32),
		KEY("len", len, FORM_U32),
		KEY("reason", reason, FORM_WORD, DROP_REASON),
	},
	[EVENT_DATAGRAM_OUT] = { KEY("len", len, FORM_U32) },
	[EVENT_DATAGRAM_IN] = { KEY("len", len, FORM_U32) },
	[EVENT_WINDOW] = {
		KEY("cwnd", cwnd, FORM_U32),
		KEY("ssthresh", ssthresh, FORM_U32),
		KEY("flight", flight, FORM_U32),
		KEY("snd_wnd", snd_wnd, FORM_U32),
		KEY("rcv_wnd", rcv_wnd, FORM_U32),
		KEY("srtt_us", srtt_us, FORM_U32),
		KEY("rttvar_us", rttvar_us, FORM_U32),
		KEY("rto_us", rto_us, FORM_U32),
		KEY("recovery", recovery, FORM_ENUM, ENUM_RECOVERY),
		KEY("cause", cause, FORM_ENUM, ENUM_CAUSE),
		KEY("event", window_event, FORM_ENUM, ENUM_WINDOW_EVENT),
	},
	[EVENT_TIMER] = {
		KEY("timer", timer, FORM_ENUM, ENUM_TIMER),
		KEY("action", action, FORM_ENUM, ENUM_ACTION),
		KEY("delay_us", delay_us, FORM_U64),
	},
	[EVENT_QUEUE] = {
		KEY("queue", queue, FORM_ENUM, ENUM_QUEUE),
		KEY("depth", depth, FORM_U32),
		KEY("limit", limit, FORM_U32),
	},
	[EVENT_LOOKUP] = {
		KEY("bucket", bucket, FORM_U32),
		KEY("chain", chain, FORM_U32),
		KEY("found", found, FORM_ENUM, ENUM_FOUND),
	},
	[EVENT_SLEEP] = { KEY("call", call, FORM_ENUM, ENUM_CALL) },
	[EVENT_WAKE] = {
		KEY("call", call, FORM_ENUM, ENUM_CALL),
		KEY("error", error, FORM_S32),
		KEY("slept_us", slept_us, FORM_U32),
	},
	[EVENT_RING] = {
		KEY("dev", dev, FORM_WORD, DEV_NAME),
		KEY("ring", ring, FORM_ENUM, ENUM_RING),
		KEY("used", used, FORM_U32),
		KEY("slots", slots, FORM_U32),
	},
	[EVENT_INTERRUPT] = { KEY("dev", dev, FORM_WORD, DEV_NAME) },
	[EVENT_POLL] = {
		KEY("dev", dev, FORM_WORD, DEV_NAME),
		KEY("done", done, FORM_U32),
		KEY("budget", budget, FORM_U32),
	},
	[EVENT_FUNCTION] = {
		KEY("name", function, FORM_WORD, FUNCTION_NAME),
		KEY("cpu", cpu, FORM_U8),
		KEY("pid", pid, FORM_U32),
	},
};

/* Ends with one that has no name. */
const struct key *event_keys(unsigned int kind)
{
	return keys[kind];
}

bool key_is_told(const struct key *key, const struct event *ev)
{
	const void *at = (const char *)ev + key->offset;

	switch (key->form) {
	case FORM_ENUM:
		return enum_name(key->detail, *(const uint8_t *)at);
	case FORM_WHY:
		return ev->why != WHY_NONE && enum_name(ENUM_WHY, ev->why);
	case FORM_OPTIONS:
		return ev->n_options;
	default:
		return true;
	}
}

/* Before its values are filled in: an older module does not tell some. */
void event_not_told(struct event *ev)
{
	const struct key *key;

	ev->cause = NOT_TOLD;
	for (key = keys[ev->kind]; key->name; key++)
		if (key->form == FORM_ENUM)
			*((uint8_t *)ev + key->offset) = NOT_TOLD;
}

/* --- to text ------------------------------------------------------------ */

/*
 * A line under construction.  printf() would take most of the time of a trace
 * of a million segments.
 */
struct line {
	char text[512];
	size_t len;
};

static void put_text(struct line *line, const char *text)
{
	size_t len = strlen(text);

	memcpy(line->text + line->len, text, len);
	line->len += len;
}

/* With at least @digits. */
static void put_number(struct line *line, uint64_t n, int digits)
{
	char text[24], *p = text + sizeof(text);

	*--p = '\0';
	do {
		*--p = '0' + n % 10;
		n /= 10;
		digits--;
	} while (n || digits > 0);
	put_text(line, p);
}

static void put_time(struct line *line, uint64_t ns)
{
	put_number(line, ns / 1000000000, 1);
	put_text(line, ".");
	put_number(line, ns % 1000000000, 9);
}

static void put_endpoint(struct line *line, const char *name,
			 const struct endpoint *end)
{
	const uint8_t *byte = (const uint8_t *)&end->addr;
	int i;

	put_text(line, name);
	for (i = 0; i < 4; i++) {
		put_number(line, byte[i], 1);
		put_text(line, i < 3 ? "." : ":");
	}
	put_number(line, end->port, 1);
}

static void put_options(struct line *line, const struct event *ev)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int i;

	for (i = 0; i < ev->n_options; i++) {
		line->text[line->len++] = digits[ev->options[i] >> 4];
		line->text[line->len++] = digits[ev->options[i] & 15];
	}
}

static void put_value(struct line *line, const struct key *key,
		      const struct event *ev)
{
	const void *at = (const char *)ev + key->offset;
	char flags[40];
	int32_t number;

	switch (key->form) {
	case FORM_U8:
		put_number(line, *(const uint8_t *)at, 1);
		break;
	case FORM_U32:
		put_number(line, *(const uint32_t *)at, 1);
		break;
	case FORM_U64:
		put_number(line, *(const uint64_t *)at, 1);
		break;
	case FORM_S32:
		number = *(const int32_t *)at;
		put_text(line, number < 0 ? "-" : "");
		put_number(line, number < 0 ? -(int64_t)number : number, 1);
		break;
	case FORM_FLAGS:
		put_text(line, flags_text(ev->flags, flags, sizeof(flags)));
		break;
	case FORM_STATE:
		put_text(line, state_name(*(const uint8_t *)at));
		break;
	case FORM_ENUM:
	case FORM_WHY:
		put_text(line, enum_name(key->detail, *(const uint8_t *)at));
		break;
	case FORM_WORD:
		put_text(line, at);
		break;
	case FORM_OPTIONS:
		put_options(line, ev);
		break;
	}
}

/* Write the line of a recording that tells of @ev. */
void event_write(const struct event *ev, FILE *out)
{
	const struct key *key;
	struct line line;

	line.len = 0;
	put_time(&line, ev->ns);
	put_text(&line, " ");
	put_text(&line, kind_names[ev->kind]);
	put_text(&line, " netns=");
	put_number(&line, ev->netns, 1);
	if (of_connection(ev)) {
		put_text(&line, " proto=");
		put_number(&line, ev->proto, 1);
		put_endpoint(&line, " local=", &ev->local);
		put_endpoint(&line, " foreign=", &ev->foreign);
	}
	for (key = keys[ev->kind]; key->name; key++) {
		if (!key_is_told(key, ev))
			continue;
		put_text(&line, " ");
		put_text(&line, key->name);
		put_text(&line, "=");
		put_value(&line, key, ev);
	}
	put_text(&line, "\n");
	fwrite(line.text, 1, line.len, out);
}

void recording_begin(FILE *out)
{
	fputs(MAGIC "\n", out);
}

static void write_comment(const char *what, uint64_t ns, FILE *out)
{
	fprintf(out, "# %s %llu.%09u", what,
		(unsigned long long)ns / 1000000000,
		(unsigned int)(ns % 1000000000));
}

/* The rest of a recording, after its events. */
void recording_end(const struct recording *rec, FILE *out)
{
	size_t i;

	for (i = 0; i < rec->n_netns; i++)
		fprintf(out, "# netns %u %s\n", rec->netns[i].inode,
			rec->netns[i].name);
	if (rec->wall_ns) {
		write_comment("wall", rec->wall_ns, out);
		fputc('\n', out);
	}
	write_comment("end", rec->end_ns, out);
	fprintf(out, " missed %llu\n", (unsigned long long)rec->missed);
}

void recording_write(const struct recording *rec, FILE *out)
{
	size_t i;

	recording_begin(out);
	for (i = 0; i < rec->n_events; i++)
		event_write(&rec->event[i], out);
	recording_end(rec, out);
}

/* --- from text ---------------------------------------------------------- */

/* "SECONDS.NNNNNNNNN": by integers, a double has not the digits. */
static bool parse_time(const char *text, uint64_t *ns)
{
	unsigned long long sec;
	char frac[10];
	int n;

	if (sscanf(text, "%llu.%9[0-9]%n", &sec, frac, &n) != 2 || text[n])
		return false;
	*ns = strtoull(frac, NULL, 10);
	for (n = strlen(frac); n < 9; n++)
		*ns *= 10;
	*ns += sec * 1000000000;
	return true;
}

/* Below 2^60, which is more than anything that is counted here. */
static bool parse_u64(const char *text, uint64_t *value)
{
	const char *p;

	*value = 0;
	for (p = text; *p >= '0' && *p <= '9' && *value < 1ULL << 56; p++)
		*value = 10 * *value + (*p - '0');
	return p != text && !*p;
}

static bool parse_u32(const char *text, uint32_t *value)
{
	uint64_t n;

	if (!parse_u64(text, &n) || n > UINT32_MAX)
		return false;
	*value = n;
	return true;
}

static bool parse_s32(const char *text, int32_t *value)
{
	bool negative = *text == '-';
	uint32_t n;

	if (!parse_u32(text + negative, &n) || n > INT32_MAX)
		return false;
	*value = negative ? -(int32_t)n : (int32_t)n;
	return true;
}

static bool parse_u8(const char *text, uint8_t *value)
{
	uint32_t n;

	if (!parse_u32(text, &n) || n > UINT8_MAX)
		return false;
	*value = n;
	return true;
}

static bool parse_endpoint(char *text, struct endpoint *end)
{
	char *colon = strchr(text, ':');
	uint32_t port;

	if (!colon)
		return false;
	*colon = '\0';
	if (!parse_u32(colon + 1, &port) || port > 65535)
		return false;
	end->port = port;
	return inet_pton(AF_INET, text, &end->addr) == 1;
}

static bool parse_state(const char *text, uint8_t *state)
{
	int n = state_by_name(text);

	*state = n < 0 ? NO_STATE : n;
	return n > 0 || !strcmp(text, "?");
}

static bool parse_flags(char *text, uint16_t *flags)
{
	char *word;

	*flags = 0;
	if (!strcmp(text, "none"))
		return true;
	while ((word = strsep(&text, ","))) {
		unsigned int bit;

		for (bit = 0; bit < 8; bit++)
			if (!strcmp(word, flag_names[bit]))
				break;
		if (bit == 8)
			return false;
		*flags |= 1 << bit;
	}
	return true;
}

static bool parse_enum(enum enumeration which, const char *text, uint8_t *value)
{
	int n = enum_by_name(which, text);

	*value = n;
	return n >= 0;
}

static bool parse_word(const char *text, char *word, size_t size)
{
	size_t len = strlen(text);

	if (len >= size)
		return false;
	memcpy(word, text, len + 1);
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_options(const char *text, struct event *ev)
{
	size_t i, len = strlen(text);

	if (!len || len % 2 || len > 2 * MAX_OPTIONS)
		return false;
	for (i = 0; i < len; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return false;
		ev->options[i / 2] = ev->options[i / 2] << 4 | digit;
	}
	ev->n_options = len / 2;
	return true;
}

static bool parse_value(const struct key *key, char *text, struct event *ev)
{
	void *at = (char *)ev + key->offset;

	switch (key->form) {
	case FORM_U8:
		return parse_u8(text, at);
	case FORM_U32:
		return parse_u32(text, at);
	case FORM_U64:
		return parse_u64(text, at);
	case FORM_S32:
		return parse_s32(text, at);
	case FORM_FLAGS:
		return parse_flags(text, at);
	case FORM_STATE:
		return parse_state(text, at);
	case FORM_ENUM:
	case FORM_WHY:
		return parse_enum(key->detail, text, at);
	case FORM_WORD:
		return parse_word(text, at, key->detail);
	case FORM_OPTIONS:
		return parse_options(text, ev);
	}
	return false;
}

static bool parse_pair(const char *name, char *value, struct event *ev)
{
	const struct key *key;

	if (!strcmp(name, "netns"))
		return parse_u32(value, &ev->netns);
	if (of_connection(ev)) {
		if (!strcmp(name, "proto"))
			return parse_u8(value, &ev->proto);
		if (!strcmp(name, "local"))
			return parse_endpoint(value, &ev->local);
		if (!strcmp(name, "foreign"))
			return parse_endpoint(value, &ev->foreign);
	}
	for (key = keys[ev->kind]; key->name; key++)
		if (!strcmp(name, key->name))
			return parse_value(key, value, ev);
	return true;
}

static bool parse_kind(const char *text, uint8_t *kind)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kind_names); i++) {
		if (!strcmp(text, kind_names[i])) {
			*kind = i;
			return true;
		}
	}
	return false;
}

static bool parse_event(char *line, struct event *ev)
{
	char *word = strsep(&line, " ");

	*ev = (struct event) { .proto = 253 };
	if (!parse_time(word, &ev->ns) || !line ||
	    !parse_kind(strsep(&line, " "), &ev->kind))
		return false;
	event_not_told(ev);
	while ((word = strsep(&line, " "))) {
		char *name = strsep(&word, "=");

		if (*name && (!word || !parse_pair(name, word, ev)))
			return false;
	}
	return ev->local.port || !of_connection(ev);
}

static bool parse_comment(const char *line, struct recording *rec)
{
	unsigned long long missed;
	char text[40];
	uint32_t inode;

	if (sscanf(line, "# netns %u %31s", &inode, text) == 2)
		return recording_name_netns(rec, inode, text);
	if (sscanf(line, "# wall %39s", text) == 1)
		return parse_time(text, &rec->wall_ns);
	if (sscanf(line, "# end %39s missed %llu", text, &missed) == 2) {
		rec->missed = missed;
		return parse_time(text, &rec->end_ns);
	}
	return true;
}

static bool parse_line(char *line, struct recording *rec)
{
	struct event ev;

	line[strcspn(line, "\n")] = '\0';
	if (!*line)
		return true;
	if (*line == '#')
		return parse_comment(line, rec);
	return parse_event(line, &ev) && recording_add(rec, &ev);
}

/* Read a recording; @name is the file's, for messages. */
int recording_read(struct recording *rec, FILE *in, const char *name)
{
	unsigned int number = 0;
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	while (!err && getline(&line, &size, in) > 0) {
		number++;
		if (number == 1 && strncmp(line, MAGIC "\n", sizeof(MAGIC)))
			err = tool_error("%s does not begin with '" MAGIC "'",
					 name);
		else if (!parse_line(line, rec))
			err = tool_error("%s:%u: cannot be understood", name,
					 number);
	}
	free(line);
	if (!err && !number)
		err = tool_error("%s is empty", name);
	if (err)
		return err;
	recording_sort(rec, 0);
	if (rec->n_events && !rec->end_ns)
		rec->end_ns = rec->event[rec->n_events - 1].ns;
	return 0;
}
