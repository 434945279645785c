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
};

static const char * const flag_names[] = {
	"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR",
};

/* The order in which people say them. */
static const unsigned int flag_order[] = { 1, 0, 2, 3, 4, 5, 6, 7 };

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

void recording_sort(struct recording *rec)
{
	struct event *spare;

	spare = reallocarray(NULL, rec->n_events + 1, sizeof(*spare));
	if (!spare)
		return;
	sort(rec->event, spare, rec->n_events);
	free(spare);
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

	bigger = reallocarray(rec->netns, rec->n_netns + 1, sizeof(*bigger));
	if (!bigger)
		return false;
	rec->netns = bigger;
	bigger[rec->n_netns].inode = inode;
	snprintf(bigger[rec->n_netns].name, sizeof(bigger->name), "%s", name);
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

/* --- to text ------------------------------------------------------------ */

static void write_time(uint64_t ns, FILE *out)
{
	fprintf(out, "%llu.%09u", (unsigned long long)ns / 1000000000,
		(unsigned int)(ns % 1000000000));
}

static void write_event(const struct event *ev, FILE *out)
{
	char local[ENDPOINT_TEXT], foreign[ENDPOINT_TEXT], flags[40];

	write_time(ev->ns, out);
	fprintf(out, " %s netns=%u proto=%u local=%s foreign=%s",
		kind_names[ev->kind], ev->netns, ev->proto,
		endpoint_text(&ev->local, local, sizeof(local)),
		endpoint_text(&ev->foreign, foreign, sizeof(foreign)));
	if (ev->kind == EVENT_STATE) {
		fprintf(out, " old=%s new=%s\n", state_name(ev->state),
			state_name(ev->new_state));
		return;
	}
	fprintf(out, " flags=%s seq=%u",
		flags_text(ev->flags, flags, sizeof(flags)), ev->seq);
	if (ev->kind == EVENT_DROP) {
		fprintf(out, " len=%u reason=%s\n", ev->len, ev->reason);
		return;
	}
	fprintf(out, " ack=%u win=%u len=%u state=%s", ev->ack, ev->window,
		ev->len, state_name(ev->state));
	if (ev->kind == EVENT_OUT)
		fprintf(out, " rtx=%u", ev->rtx);
	fputc('\n', out);
}

void recording_write(const struct recording *rec, FILE *out)
{
	size_t i;

	fputs(MAGIC "\n", out);
	for (i = 0; i < rec->n_netns; i++)
		fprintf(out, "# netns %u %s\n", rec->netns[i].inode,
			rec->netns[i].name);
	for (i = 0; i < rec->n_events; i++)
		write_event(&rec->event[i], out);
	fputs("# end ", out);
	write_time(rec->end_ns, out);
	fprintf(out, " missed %llu\n", (unsigned long long)rec->missed);
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

static bool parse_u32(const char *text, uint32_t *value)
{
	unsigned long long n;
	char *end;

	n = strtoull(text, &end, 10);
	*value = n;
	return end != text && !*end && n <= UINT32_MAX;
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

static bool parse_pair(const char *name, char *value, struct event *ev)
{
	uint32_t n;

	if (!strcmp(name, "netns"))
		return parse_u32(value, &ev->netns);
	if (!strcmp(name, "proto"))
		return parse_u8(value, &ev->proto);
	if (!strcmp(name, "local"))
		return parse_endpoint(value, &ev->local);
	if (!strcmp(name, "foreign"))
		return parse_endpoint(value, &ev->foreign);
	if (!strcmp(name, "seq"))
		return parse_u32(value, &ev->seq);
	if (!strcmp(name, "ack"))
		return parse_u32(value, &ev->ack);
	if (!strcmp(name, "win"))
		return parse_u32(value, &ev->window);
	if (!strcmp(name, "len"))
		return parse_u32(value, &ev->len);
	if (!strcmp(name, "flags"))
		return parse_flags(value, &ev->flags);
	if (!strcmp(name, "state") || !strcmp(name, "old"))
		return parse_state(value, &ev->state);
	if (!strcmp(name, "new"))
		return parse_state(value, &ev->new_state);
	if (!strcmp(name, "reason"))
		snprintf(ev->reason, sizeof(ev->reason), "%s", value);
	if (!strcmp(name, "rtx")) {
		if (!parse_u32(value, &n))
			return false;
		ev->rtx = n;
	}
	return true;
}

static bool parse_kind(const char *text, enum event_kind *kind)
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
	while ((word = strsep(&line, " "))) {
		char *name = strsep(&word, "=");

		if (*name && (!word || !parse_pair(name, word, ev)))
			return false;
	}
	return ev->local.port != 0;
}

static bool parse_comment(const char *line, struct recording *rec)
{
	unsigned long long missed;
	char text[40];
	uint32_t inode;

	if (sscanf(line, "# netns %u %31s", &inode, text) == 2)
		return recording_name_netns(rec, inode, text);
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
	recording_sort(rec);
	if (rec->n_events && !rec->end_ns)
		rec->end_ns = rec->event[rec->n_events - 1].ns;
	return 0;
}
