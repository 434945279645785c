// SPDX-License-Identifier: GPL-2.0
/*
 * teach ladder: record the segments of a command, or of what goes on, and
 * draw one connection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ladder.h"
#include "record.h"
#include "tool.h"

#define DEFAULT_LINES	200

/* Of which the drawing is made, without details; of datagrams, none. */
#define DRAWN_KINDS	(BIT(EVENT_OUT) | BIT(EVENT_IN) | \
			 BIT(EVENT_STATE) | BIT(EVENT_DROP) | \
			 BIT(EVENT_DATAGRAM_OUT) | BIT(EVENT_DATAGRAM_IN))

static struct {
	long port;
	long number;
	long lines;
	long width;
	const char *input;
	const char *record;
	const char *svg;
	const char *mermaid;
	bool details;
	char **command;
} opt = { .lines = DEFAULT_LINES };

/* One of the connections of a recording: its index, or -1; "N of M". */
struct choice {
	long flow;
	long number;
	long of;
};

static const char help_text[] =
"Usage: teach ladder [OPTION]... [-- COMMAND...]\n"
"Draw a connection as a ladder: each segment, and the states of both ends.\n"
"Record while COMMAND runs and until its connection is closed; without a\n"
"COMMAND, until Ctrl-C.\n"
"\n"
"  -p, --port PORT        a connection from or to this port\n"
"  -c, --connection N     the Nth one seen (default: the first opened)\n"
"  -n, --lines N          leave out the middle of what is longer (default:\n"
"                         200; 0: draw all)\n"
"  -w, --width COLUMNS    64 to 120 (default: the terminal's, or 80)\n"
"      --record FILE      keep the events of all connections\n"
"      --input FILE       draw from what was kept, instead of recording\n"
"  -d, --details          also, between the lines: system calls that sleep and\n"
"                         are woken, the congestion window, the queues, timers\n"
"                         that fire, and why a segment was sent\n"
"      --svg FILE         draw it there too, as a picture\n"
"      --mermaid FILE     and there, as text that mermaid draws\n"
"  -h, --help             this text\n"
"\n"
"An arrow that ends in x was lost. Two lines with gaps, '- - -', are one\n"
"segment: where it leaves, and where it arrives.\n"
"\n"
"Examples:\n"
"  teach ladder -- httpget http://10.0.0.2:8080/file\n"
"  teach ladder --port 8080 --record web.events -- ./my-test\n"
"  teach ladder --input web.events --connection 2\n"
"  teach ladder --details --svg web.svg -- httpget http://10.0.0.2:8080/file\n";

/*
 * The connection to draw: the one asked for by number, or else the first
 * that was opened, or else the first.
 */
static struct choice choose(const struct flows *flows)
{
	struct choice choice = { .flow = -1, .of = flows->n_numbered };
	bool opened = false;
	size_t i;

	for (i = 0; i < flows->n; i++) {
		const struct flow *flow = &flows->flow[i];

		/* An old TIME_WAIT that ends is no connection here. */
		if (!flow->number || !flow->n_segments)
			continue;
		if (opt.number ? flow->number != (size_t)opt.number :
		    choice.flow >= 0 && (opened || !flow->opened))
			continue;
		choice.flow = i;
		choice.number = flow->number;
		opened = flow->opened;
	}
	return choice;
}

/* --- drawing ------------------------------------------------------------ */

static unsigned int terminal_width(void)
{
	struct winsize size;
	long columns;

	if (opt.width)
		return opt.width;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	if (getenv("COLUMNS") &&
	    tool_number(getenv("COLUMNS"), 1, 10000, &columns))
		return columns;
	return 80;
}

typedef void draw_fn(const struct ladder *ladder, const struct drawing *how,
		     FILE *out);

static int draw_file(draw_fn *draw, const struct ladder *ladder,
		     const struct drawing *how, const char *name)
{
	FILE *out = fopen(name, "we");
	bool failed;

	if (out) {
		draw(ladder, how, out);
		failed = ferror(out);
		if (!fclose(out) && !failed)
			return 0;
	}
	return tool_error("cannot write %s: %s", name, strerror(errno));
}

static int draw_all(const struct ladder *ladder, const struct recording *rec)
{
	struct drawing how = {
		.rec = rec,
		.width = terminal_width(),
		.max_rows = opt.lines,
		.details = opt.details,
	};
	int err = 0;

	ladder_draw(ladder, &how, stdout);
	fflush(stdout);
	if (opt.svg)
		err = draw_file(ladder_svg, ladder, &how, opt.svg);
	if (opt.mermaid && !err)
		err = draw_file(ladder_mermaid, ladder, &how, opt.mermaid);
	return err;
}

static int draw(const struct recording *rec, const struct flows *flows)
{
	struct choice choice = choose(flows);
	struct ladder ladder;
	int err;

	if (!choice.of)
		return tool_error("no connection was seen%s",
				  only_datagrams(rec));
	if (choice.flow < 0)
		return tool_error("no connection %ld: there were %ld",
				  opt.number, choice.of);
	if (!ladder_build(&ladder, rec, flows, choice.flow))
		return tool_error("out of memory");
	printf("Connection %ld of %ld, IP protocol %u\n\n", choice.number,
	       choice.of, flows->flow[choice.flow].proto);
	err = draw_all(&ladder, rec);
	ladder_free(&ladder);
	if (rec->missed)
		printf("Incomplete: the kernel had no room for %llu events.\n",
		       (unsigned long long)rec->missed);
	return err;
}

static int run(void)
{
	struct filter filter = { .port = opt.port };
	struct recorder recorder = {
		.request.kinds = opt.record || opt.details ? ALL_KINDS :
							     DRAWN_KINDS,
		.filter = filter,
		.command = opt.command,
	};
	struct recording rec = { 0 };
	struct flows flows = { 0 };
	int status = 0;
	int err;

	err = opt.input ? recording_load(&rec, opt.input) :
			  record(&recorder, &rec, &status);
	if (!err && opt.record)
		err = recording_save(&rec, opt.record);
	if (!err && !flows_build(&flows, &rec, &filter))
		err = tool_error("out of memory");
	if (!err)
		err = draw(&rec, &flows);
	flows_free(&flows);
	recording_free(&rec);
	return status ? status : err;
}

int cmd_ladder(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "connection", required_argument, NULL, 'c' },
		{ "lines", required_argument, NULL, 'n' },
		{ "width", required_argument, NULL, 'w' },
		{ "details", no_argument, NULL, 'd' },
		{ "svg", required_argument, NULL, 'S' },
		{ "mermaid", required_argument, NULL, 'M' },
		{ "record", required_argument, NULL, 'R' },
		{ "input", required_argument, NULL, 'I' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	/* '+': what follows the first word that is no option is COMMAND's. */
	while ((c = getopt_long(argc, argv, "+p:c:n:w:dh", options,
				NULL)) != -1) {
		switch (c) {
		case 'p':
			if (!tool_number(optarg, 1, 65535, &opt.port))
				return tool_bad_value(argv[0], "port");
			break;
		case 'c':
			if (!tool_number(optarg, 1, 1L << 30, &opt.number))
				return tool_bad_value(argv[0], "connection");
			break;
		case 'n':
			if (!tool_number(optarg, 0, 1L << 30, &opt.lines))
				return tool_bad_value(argv[0], "lines");
			break;
		case 'w':
			if (!tool_number(optarg, 64, 120, &opt.width))
				return tool_bad_value(argv[0], "width");
			break;
		case 'd':
			opt.details = true;
			break;
		case 'S':
			opt.svg = optarg;
			break;
		case 'M':
			opt.mermaid = optarg;
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
			return tool_usage("ladder");
		}
	}
	if (optind < argc)
		opt.command = argv + optind;
	if (opt.input && (opt.command || opt.record)) {
		tool_error("ladder: --input excludes --record and COMMAND");
		return tool_usage("ladder");
	}
	return run();
}
