// SPDX-License-Identifier: GPL-2.0
/*
 * teach ladder: record the segments of a command, or of what goes on, and
 * draw one connection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ladder.h"
#include "tool.h"
#include "trace.h"

#define TICK_MS		100	/* how often the kernel's buffers are read */
#define SETTLE_MS	2000	/* of silence, when ends stay open */
#define DEFAULT_LINES	200

static struct {
	long port;
	long number;
	long lines;
	long width;
	const char *input;
	const char *record;
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
"  -h, --help             this text\n"
"\n"
"An arrow that ends in x was lost. Two lines with gaps, '- - -', are one\n"
"segment: where it leaves, and where it arrives.\n"
"\n"
"Examples:\n"
"  teach ladder -- httpget http://10.0.0.2:8080/file\n"
"  teach ladder --port 8080 --record web.events -- ./my-test\n"
"  teach ladder --input web.events --connection 2\n";

/* May @flow be drawn?  An old TIME_WAIT that ends is no connection here. */
static bool fits(const struct flow *flow)
{
	return flow->n_segments &&
	       (!opt.port || flow->end[0].ep.port == opt.port ||
		flow->end[1].ep.port == opt.port);
}

/*
 * The connection to draw: the one asked for by number, or else the first
 * that was opened, or else the first.
 */
static struct choice choose(const struct flows *flows)
{
	struct choice choice = { .flow = -1 };
	bool opened = false;
	size_t i;

	for (i = 0; i < flows->n; i++) {
		const struct flow *flow = &flows->flow[i];

		if (!fits(flow))
			continue;
		choice.of++;
		if (opt.number ? choice.of != opt.number :
		    choice.flow >= 0 && (opened || !flow->opened))
			continue;
		choice.flow = i;
		choice.number = choice.of;
		opened = flow->opened;
	}
	return choice;
}

/* --- recording ---------------------------------------------------------- */

static pid_t start_command(const sigset_t *mask)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(opt.command[0], opt.command);
	tool_error("cannot run %s: %s", opt.command[0], strerror(errno));
	_exit(127);
}

/* Is there nothing more to wait for, once the command has ended? */
static bool complete(const struct recording *rec)
{
	struct recording sorted = *rec;
	struct flows flows;
	struct choice choice;
	bool done = false;

	recording_sort(&sorted);
	if (flows_build(&flows, &sorted)) {
		choice = choose(&flows);
		done = choice.flow < 0 ||
		       flow_finished(&flows.flow[choice.flow]);
	}
	flows_free(&flows);
	return done;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

/*
 * Read events until the command has ended and its connection too, or until
 * a signal.  Connections may outlive a command: the other end still closes.
 */
static int record_loop(struct tracer *tracer, struct recording *rec,
		       pid_t child, const sigset_t *signals, int *status)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	unsigned int silent_ms = 0;
	bool running = true;
	size_t seen = 0;

	for (;;) {
		int sig = sigtimedwait(signals, NULL, &tick);
		int wait_status;

		/* First this: what it did is in the buffers then. */
		if (child > 0 && running &&
		    waitpid(child, &wait_status, WNOHANG) == child) {
			*status = exit_status(wait_status);
			running = false;
			seen = SIZE_MAX;
		}
		if (tracer_read(tracer, rec))
			return EXIT_FAILED;
		if (sig == SIGINT || sig == SIGTERM)
			return 0;
		if (child <= 0 || running)
			continue;
		silent_ms = rec->n_events == seen ? silent_ms + TICK_MS : 0;
		if (silent_ms >= SETTLE_MS)
			return 0;
		if (rec->n_events != seen && complete(rec))
			return 0;
		seen = rec->n_events;
	}
}

static int record(struct recording *rec, int *status)
{
	sigset_t signals, before;
	struct tracer *tracer;
	pid_t child = 0;
	int err = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &before);

	tracer = tracer_start();
	if (!tracer)
		return EXIT_FAILED;
	if (opt.command)
		child = start_command(&before);
	else
		fputs("Recording. Ctrl-C ends it and draws.\n", stderr);
	if (child < 0)
		err = tool_error("cannot fork: %s", strerror(errno));
	else
		err = record_loop(tracer, rec, child, &signals, status);
	if (tracer_stop(tracer, rec))
		err = EXIT_FAILED;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int save(const struct recording *rec)
{
	FILE *out = fopen(opt.record, "we");

	if (!out)
		return tool_error("cannot write %s: %s", opt.record,
				  strerror(errno));
	recording_write(rec, out);
	if (fclose(out))
		return tool_error("cannot write %s: %s", opt.record,
				  strerror(errno));
	return 0;
}

static int load(struct recording *rec)
{
	FILE *in = fopen(opt.input, "re");
	int err;

	if (!in)
		return tool_error("cannot read %s: %s", opt.input,
				  strerror(errno));
	err = recording_read(rec, in, opt.input);
	fclose(in);
	return err;
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

static int draw(const struct recording *rec, const struct flows *flows)
{
	struct choice choice = choose(flows);
	struct ladder ladder;

	if (!choice.of)
		return tool_error("no connection was seen");
	if (choice.flow < 0)
		return tool_error("no connection %ld: there were %ld",
				  opt.number, choice.of);
	if (!ladder_build(&ladder, rec, flows, choice.flow))
		return tool_error("out of memory");
	printf("Connection %ld of %ld, IP protocol %u\n\n", choice.number,
	       choice.of, flows->flow[choice.flow].proto);
	ladder_draw(&ladder, rec, terminal_width(), opt.lines, stdout);
	ladder_free(&ladder);
	if (rec->missed)
		printf("Incomplete: the kernel had no room for %llu events.\n",
		       (unsigned long long)rec->missed);
	return 0;
}

static int run(void)
{
	struct recording rec = { 0 };
	struct flows flows = { 0 };
	int status = 0;
	int err;

	err = opt.input ? load(&rec) : record(&rec, &status);
	if (!err && opt.record)
		err = save(&rec);
	if (!err && !flows_build(&flows, &rec))
		err = tool_error("out of memory");
	if (!err)
		err = draw(&rec, &flows);
	flows_free(&flows);
	recording_free(&rec);
	return status ? status : err;
}

static int bad_value(const char *option, const char *value)
{
	tool_error("ladder: bad value for --%s: '%s'", option, value);
	return tool_usage("ladder");
}

int cmd_ladder(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "connection", required_argument, NULL, 'c' },
		{ "lines", required_argument, NULL, 'n' },
		{ "width", required_argument, NULL, 'w' },
		{ "record", required_argument, NULL, 'R' },
		{ "input", required_argument, NULL, 'I' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	/* '+': what follows the first word that is no option is COMMAND's. */
	while ((c = getopt_long(argc, argv, "+p:c:n:w:h", options,
				NULL)) != -1) {
		switch (c) {
		case 'p':
			if (!tool_number(optarg, 1, 65535, &opt.port))
				return bad_value("port", optarg);
			break;
		case 'c':
			if (!tool_number(optarg, 1, 1L << 30, &opt.number))
				return bad_value("connection", optarg);
			break;
		case 'n':
			if (!tool_number(optarg, 0, 1L << 30, &opt.lines))
				return bad_value("lines", optarg);
			break;
		case 'w':
			if (!tool_number(optarg, 64, 120, &opt.width))
				return bad_value("width", optarg);
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
