// SPDX-License-Identifier: GPL-2.0
/*
 * teach: look at AF_TEACH, in the manner of ip(8) and ss(8), and use it.
 *
 * This file owns the table of subcommands and what they all need; each
 * subcommand is in a file of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <teach.h>

#include "tool.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "hash", cmd_hash, "how full the table of connections is" },
	{ "ladder", cmd_ladder, "draw a connection, segment by segment" },
	{ "report", cmd_report, "make an HTML page of a recording" },
	{ "run", cmd_run, "run a program with AF_TEACH sockets" },
	{ "ss", cmd_ss, "list the sockets, or destroy them" },
	{ "stat", cmd_stat, "what has happened how often" },
	{ "trace", cmd_trace, "show what happens, one line an event" },
	{ "walk", cmd_walk, "follow one write() through the layers" },
};

/* The numbers of net/tcp_states.h. */
static const char * const state_names[] = {
	[1] = "ESTABLISHED",
	[2] = "SYN_SENT",
	[3] = "SYN_RECV",
	[4] = "FIN_WAIT1",
	[5] = "FIN_WAIT2",
	[6] = "TIME_WAIT",
	[7] = "CLOSE",
	[8] = "CLOSE_WAIT",
	[9] = "LAST_ACK",
	[10] = "LISTEN",
	[11] = "CLOSING",
};

/* And not of datagrams. */
bool is_stream(uint8_t proto)
{
	return proto == IPPROTO_TEACH || proto == IPPROTO_TCP;
}

const char *state_name(unsigned int state)
{
	if (state < ARRAY_SIZE(state_names) && state_names[state])
		return state_names[state];
	return "?";
}

/* The number of a state, or -1. */
int state_by_name(const char *name)
{
	size_t i;

	for (i = 1; i < ARRAY_SIZE(state_names); i++)
		if (!strcmp(name, state_names[i]))
			return i;
	return -1;
}

/* Tell what went wrong; returns the exit status for it. */
int tool_error(const char *format, ...)
{
	va_list args;

	fputs("teach: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

int tool_usage(const char *command)
{
	fprintf(stderr, "Try 'teach %s --help'.\n", command);
	return EXIT_USAGE;
}

/* The --option's value, which getopt_long() has left in optarg, is none. */
int tool_bad_value(const char *command, const char *option)
{
	tool_error("%s: bad value for --%s: '%s'", command, option, optarg);
	return tool_usage(command);
}

bool tool_number(const char *text, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return !errno && end != text && !*end && *value >= min &&
	       *value <= max;
}

/* Go on in a namespace that `ip netns add` has made. */
int tool_enter_netns(const char *name)
{
	char path[PATH_MAX];
	int fd, err;

	if (strchr(name, '/'))
		return tool_error("bad name of a netns: '%s'", name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tool_error("no netns '%s': %s", name, strerror(errno));
	err = setns(fd, CLONE_NEWNET);
	close(fd);
	if (err)
		return tool_error("cannot enter netns '%s': %s", name,
				  strerror(errno));
	return 0;
}

static void print_usage(FILE *out)
{
	size_t i;

	fputs("Usage: teach COMMAND [OPTION]...\n"
	      "Look at AF_TEACH's sockets, connections and segments.\n\n", out);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  teach %-8s %s\n", commands[i].name,
			commands[i].help);
	fputs("\n'teach COMMAND --help' tells more, with examples.\n", out);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	tool_error("no command '%s'", argv[1]);
	fputs("Try 'teach --help'.\n", stderr);
	return EXIT_USAGE;
}
