// SPDX-License-Identifier: GPL-2.0
/*
 * teach trace: what happens, one line an event.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "describe.h"
#include "event_json.h"
#include "json.h"
#include "record.h"
#include "tool.h"

static struct {
	struct filter filter;
	long number;
	unsigned int kinds;
	const char *netns;
	bool wall;
	bool json;
	const char *record;
	const char *input;
	char **command;
} opt = { .kinds = ALL_KINDS | BIT(EVENT_FUNCTION) };

/* --kind names these. */
static const struct group {
	const char *name;
	unsigned int kinds;
} groups[] = {
	{ "segment", BIT(EVENT_OUT) | BIT(EVENT_IN) },
	{ "state", BIT(EVENT_STATE) },
	{ "window", BIT(EVENT_WINDOW) },
	{ "timer", BIT(EVENT_TIMER) },
	{ "queue", BIT(EVENT_QUEUE) },
	{ "lookup", BIT(EVENT_LOOKUP) },
	{ "drop", BIT(EVENT_DROP) },
	{ "call", BIT(EVENT_SLEEP) | BIT(EVENT_WAKE) },
	{ "card", BIT(EVENT_RING) | BIT(EVENT_INTERRUPT) | BIT(EVENT_POLL) },
	{ "datagram", BIT(EVENT_DATAGRAM_OUT) | BIT(EVENT_DATAGRAM_IN) },
	{ "function", BIT(EVENT_FUNCTION) },
};

/**
 * struct output - where events go, and what has been said of them
 * @file: the recording that is written, or stdout
 * @start_ns: of the first event
 * @n_events: that were shown or written
 * @n_segments: of these
 * @missed: lost events that were told of
 */
struct output {
	FILE *file;
	uint64_t start_ns;
	size_t n_events;
	size_t n_segments;
	uint64_t missed;
};

static const char help_text[] =
"Usage: teach trace [OPTION]... [-- COMMAND...]\n"
"Show what happens to connections, segments, queues, timers and cards, one line\n"
"an event, while COMMAND runs and until its connections are closed; without a\n"
"COMMAND, until Ctrl-C.\n"
"\n"
"  -p, --port PORT        of connections from or to this port\n"
"  -a, --address ADDRESS  from or to this IPv4 address\n"
"  -c, --connection N     of the Nth one seen\n"
"  -N, --netns NAME       in this network namespace\n"
"  -k, --kind LIST        only these, with commas between them: segment, state,\n"
"                         window, timer, queue, lookup, drop, call, card,\n"
"                         datagram; and what `teach walk` records: function\n"
"  -t, --time             the time of day (default: milliseconds since the\n"
"                         first event)\n"
"  -j, --json             one JSON object a line; numbers as on the wire\n"
"      --record FILE      keep the events, instead of showing them\n"
"      --input FILE       show what was kept\n"
"  -h, --help             this text\n"
"\n"
"A line has the time, the network namespace, the end where it happened, the\n"
"other end, the kind of event, and what it says. '>' is a segment that leaves,\n"
"'<' one that arrives; sequence numbers count from the SYN. A card's events are\n"
"of no connection: -p, -a and -c leave them out.\n"
"\n"
"Examples:\n"
"  teach trace -- httpget http://10.0.0.2:8080/file\n"
"  teach trace --kind state,timer --port 8080\n"
"  teach trace --record web.events -- ./my-test\n"
"  teach trace --input web.events --kind segment --connection 2\n";

/* --- which -------------------------------------------------------------- */

static bool in_netns(const struct recording *rec, uint32_t inode)
{
	char number[16];

	if (!opt.netns)
		return true;
	snprintf(number, sizeof(number), "%u", inode);
	return !strcmp(opt.netns, recording_netns(rec, inode)) ||
	       !strcmp(opt.netns, number);
}

static bool is_asked_for(const struct event *ev, const struct recording *rec,
			 const struct flow *flow)
{
	if (!(opt.kinds & BIT(ev->kind)) || !in_netns(rec, ev->netns))
		return false;
	if (opt.number)
		return flow && flow->number == (size_t)opt.number;
	if (of_connection(ev))
		return filter_fits(&opt.filter, &ev->local, &ev->foreign);
	return !opt.filter.port && !opt.filter.addr.s_addr;
}

/* --- as text ------------------------------------------------------------ */

static void print_time(const struct event *ev, const struct recording *rec,
		       const struct output *out)
{
	uint64_t ns = ev->ns + rec->wall_ns;
	time_t seconds = ns / 1000000000;
	char text[16];
	struct tm tm;

	if (!opt.wall) {
		printf("%9.3f", (ev->ns - out->start_ns) / 1e6);
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%06u", text, (unsigned int)(ns % 1000000000 / 1000));
}

static const char *kind_word(const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_OUT:
	case EVENT_IN:
		return "";
	case EVENT_DATAGRAM_OUT:
	case EVENT_DATAGRAM_IN:
		return "datagram";
	}
	return kind_name(ev->kind);
}

static char arrow(const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_OUT:
	case EVENT_DATAGRAM_OUT:
		return '>';
	case EVENT_IN:
	case EVENT_DATAGRAM_IN:
	case EVENT_DROP:
		return '<';
	}
	return '-';
}

static void print_text(const struct event *ev, const struct recording *rec,
		       const struct flow *flow, int end,
		       const struct output *out)
{
	const char *name = recording_netns(rec, ev->netns);
	char local[ENDPOINT_TEXT], foreign[ENDPOINT_TEXT], text[DESCRIPTION];
	const char *kind = kind_word(ev);

	print_time(ev, rec, out);
	if (*name)
		printf(" %s", name);
	else if (ev->kind != EVENT_FUNCTION)
		printf(" %u", ev->netns);
	if (of_connection(ev))
		printf(" %s %c %s", endpoint_text(&ev->local, local,
						  sizeof(local)),
		       arrow(ev), endpoint_text(&ev->foreign, foreign,
						sizeof(foreign)));
	printf(" %s%s%s\n", kind, *kind ? " " : "",
	       describe(ev, flow ? flow->base[end] : 0,
			flow ? flow->base[!end] : 0, text, sizeof(text)));
}

static void print_json(const struct event *ev, const struct recording *rec)
{
	event_json(NULL, ev, rec);
	json_end();
}

/* --- the whole ---------------------------------------------------------- */

/* Where in the order of time events were lost is not known to the moment. */
static void tell_missed(const struct recording *rec, struct output *out)
{
	uint64_t n = rec->missed - out->missed;

	if (!n)
		return;
	out->missed = rec->missed;
	if (opt.record)
		return;
	if (opt.json) {
		json_open(NULL, '{');
		json_number("missed", n);
		json_close('}');
		json_end();
		return;
	}
	printf("Incomplete: the kernel had no room for %llu events.\n",
	       (unsigned long long)n);
}

static int on_event(const struct event *ev, const struct recording *rec,
		    const struct flow *flow, int end, void *context)
{
	struct output *out = context;

	if (!out->start_ns)
		out->start_ns = ev->ns;
	if (!opt.input)
		tell_missed(rec, out);
	if (!is_asked_for(ev, rec, flow))
		return 0;
	out->n_events++;
	out->n_segments += is_segment(ev);
	if (opt.record)
		event_write(ev, out->file);
	else if (opt.json)
		print_json(ev, rec);
	else
		print_text(ev, rec, flow, end, out);
	if (ferror(out->file))
		return tool_error("cannot write: %s", strerror(errno));
	return 0;
}

static int replay(struct recording *rec, struct output *out)
{
	struct flows flows;
	int err;
	size_t i;

	err = recording_load(rec, opt.input);
	if (err)
		return err;
	if (opt.wall && !rec->wall_ns)
		return tool_error("%s does not tell the time of day",
				  opt.input);
	if (!flows_build(&flows, rec, &opt.filter))
		err = tool_error("out of memory");
	for (i = 0; !err && i < rec->n_events; i++) {
		long n = flows.of_event[i];

		err = on_event(&rec->event[i], rec,
			       n < 0 ? NULL : &flows.flow[n],
			       flows.at_end[i], out);
	}
	flows_free(&flows);
	return err;
}

static int follow(struct recording *rec, struct output *out, int *status)
{
	struct recorder recorder = {
		.request.kinds = (opt.kinds & ALL_KINDS) | BIT(EVENT_STATE),
		.filter = opt.filter,
		.command = opt.command,
		.on_event = on_event,
		.context = out,
	};

	/* A connection that was there before gets its number by these. */
	if (opt.number)
		recorder.request.kinds |= BIT(EVENT_OUT) | BIT(EVENT_IN);
	if (!opt.record)
		setvbuf(stdout, NULL, _IOLBF, 0);
	return record(&recorder, rec, status);
}

static int finish(const struct recording *rec, struct output *out)
{
	tell_missed(rec, out);
	if (!opt.record)
		return 0;
	recording_end(rec, out->file);
	if (fclose(out->file))
		return tool_error("cannot write %s: %s", opt.record,
				  strerror(errno));
	fprintf(stderr, "%s: %zu events, %zu of them segments; %llu lost\n",
		opt.record, out->n_events, out->n_segments,
		(unsigned long long)rec->missed);
	return 0;
}

static int run(void)
{
	struct output out = { .file = stdout };
	struct recording rec = { 0 };
	int err, status = 0;

	if (opt.record) {
		out.file = fopen(opt.record, "we");
		if (!out.file)
			return tool_error("cannot write %s: %s", opt.record,
					  strerror(errno));
		recording_begin(out.file);
	}
	err = opt.input ? replay(&rec, &out) : follow(&rec, &out, &status);
	if (!err)
		err = finish(&rec, &out);
	recording_free(&rec);
	return status ? status : err;
}

/* --- options ------------------------------------------------------------ */

static bool parse_kinds(char *list)
{
	char *word;
	size_t i;

	opt.kinds = 0;
	while ((word = strsep(&list, ","))) {
		for (i = 0; i < ARRAY_SIZE(groups); i++)
			if (!strcmp(word, groups[i].name))
				break;
		if (i == ARRAY_SIZE(groups))
			return false;
		opt.kinds |= groups[i].kinds;
	}
	return true;
}

int cmd_trace(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "address", required_argument, NULL, 'a' },
		{ "connection", required_argument, NULL, 'c' },
		{ "netns", required_argument, NULL, 'N' },
		{ "kind", required_argument, NULL, 'k' },
		{ "time", no_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ "record", required_argument, NULL, 'R' },
		{ "input", required_argument, NULL, 'I' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long n;
	int c;

	/* '+': what follows the first word that is no option is COMMAND's. */
	while ((c = getopt_long(argc, argv, "+p:a:c:N:k:tjh", options,
				NULL)) != -1) {
		switch (c) {
		case 'p':
			if (!tool_number(optarg, 1, 65535, &n))
				return tool_bad_value(argv[0], "port");
			opt.filter.port = n;
			break;
		case 'a':
			if (inet_pton(AF_INET, optarg, &opt.filter.addr) != 1)
				return tool_bad_value(argv[0], "address");
			break;
		case 'c':
			if (!tool_number(optarg, 1, 1L << 30, &opt.number))
				return tool_bad_value(argv[0], "connection");
			break;
		case 'N':
			opt.netns = optarg;
			break;
		case 'k':
			if (!parse_kinds(strdupa(optarg)))
				return tool_bad_value(argv[0], "kind");
			break;
		case 't':
			opt.wall = true;
			break;
		case 'j':
			opt.json = true;
			break;
		case 'R':
			opt.record = optarg;
			break;
		case 'I':
			opt.input = optarg;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return tool_usage("trace");
		}
	}
	if (optind < argc)
		opt.command = argv + optind;
	if (opt.input && opt.command) {
		tool_error("trace: --input excludes COMMAND");
		return tool_usage("trace");
	}
	return run();
}
