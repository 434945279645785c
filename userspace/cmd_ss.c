// SPDX-License-Identifier: GPL-2.0
/*
 * teach ss: the sockets of a network namespace, as ss(8) lists them.
 *
 * What is shown is what /proc/net/teach/sockets says; the columns are found
 * by the names in its first line, so a newer module may add some.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define SOCKETS		"/proc/net/teach/sockets"
#define MAX_COLUMNS	32

enum column {
	PROTO, STATE, RECVQ, SENDQ, LOCAL, FOREIGN,
	CWND, SSTHRESH, SRTT, RTO, UID, INODE, N_COLUMNS,
};

static const char * const column_names[N_COLUMNS] = {
	[PROTO] = "proto",
	[STATE] = "state",
	[RECVQ] = "recvq",
	[SENDQ] = "sendq",
	[LOCAL] = "local",
	[FOREIGN] = "foreign",
	[CWND] = "cwnd",
	[SSTHRESH] = "ssthresh",
	[SRTT] = "srtt_us",
	[RTO] = "rto_ms",
	[UID] = "uid",
	[INODE] = "inode",
};

static struct {
	bool all;
	bool listening;
	bool info;
	bool extended;
	bool no_header;
} opt;

static const char help_text[] =
"Usage: teach ss [OPTION]...\n"
"List AF_TEACH's sockets; without options those with a connection.\n"
"\n"
"  -a, --all         all sockets, in whatever state\n"
"  -l, --listening   listening sockets: Recv-Q is the length of the accept\n"
"                    queue, Send-Q its limit\n"
"  -i, --info        congestion window, threshold, round trip, timeout\n"
"  -e, --extended    owner and inode\n"
"  -H, --no-header   no line of titles\n"
"  -N, --net NAME    in this network namespace (see ip-netns(8))\n"
"  -n, --numeric     accepted as ss accepts it: everything is numeric\n"
"  -h, --help        this text\n"
"\n"
"Examples:\n"
"  teach ss -l             who is listening?\n"
"  teach ss -a -N server   everything in the namespace 'server'\n"
"  teach ss -i             is the window open?\n";

/* Which states are listed: what ss(8) lists, with its options. */
static bool wanted(const char *state)
{
	if (opt.all)
		return true;
	if (opt.listening)
		return !strcmp(state, "LISTEN");
	return strcmp(state, "LISTEN") && strcmp(state, "CLOSE") &&
	       strcmp(state, "TIME_WAIT") && strcmp(state, "SYN_RECV");
}

/* Cut @line at blanks. */
static int split(char *line, char *word[MAX_COLUMNS])
{
	char *save, *p;
	int n = 0;

	for (p = strtok_r(line, " \t\n", &save); p && n < MAX_COLUMNS;
	     p = strtok_r(NULL, " \t\n", &save))
		word[n++] = p;
	return n;
}

/* Where each column is, by the titles in the file's first line. */
static int find_columns(char *titles, int where[N_COLUMNS])
{
	char *word[MAX_COLUMNS];
	int i, k, n = split(titles, word);

	for (i = 0; i < N_COLUMNS; i++) {
		where[i] = -1;
		for (k = 0; k < n; k++)
			if (!strcmp(word[k], column_names[i]))
				where[i] = k;
		if (where[i] < 0)
			return tool_error(SOCKETS " has no column '%s'",
					  column_names[i]);
	}
	return 0;
}

static const char *proto_name(const char *number)
{
	if (!strcmp(number, "253"))
		return "teach";
	if (!strcmp(number, "6"))
		return "tcp";
	return number;
}

static void print_header(void)
{
	if (!opt.no_header)
		printf("%-5s %-11s %6s %6s %21s %21s\n", "Netid", "State",
		       "Recv-Q", "Send-Q", "Local Address:Port",
		       "Peer Address:Port");
}

/* Port 0 is any port: "0.0.0.0:*". */
static void name_any_port(char *end)
{
	char *colon = strrchr(end, ':');

	if (colon && !strcmp(colon, ":0"))
		colon[1] = '*';
}

static void print_socket(const char *c[N_COLUMNS])
{
	printf("%-5s %-11s %6s %6s %21s %21s\n", proto_name(c[PROTO]),
	       c[STATE], c[RECVQ], c[SENDQ], c[LOCAL], c[FOREIGN]);
	if (opt.info)
		printf("\t cwnd:%s ssthresh:%s rtt:%.3f rto:%s", c[CWND],
		       c[SSTHRESH], atof(c[SRTT]) / 1000, c[RTO]);
	if (opt.extended)
		printf("\t uid:%s ino:%s", c[UID], c[INODE]);
	if (opt.info || opt.extended)
		putchar('\n');
}

static int list(FILE *in)
{
	int where[N_COLUMNS];
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (getline(&line, &size, in) < 0)
		err = tool_error(SOCKETS " is empty");
	else
		err = find_columns(line, where);
	if (!err)
		print_header();
	while (!err && getline(&line, &size, in) > 0) {
		const char *cell[N_COLUMNS];
		char *word[MAX_COLUMNS];
		int i, n = split(line, word);

		for (i = 0; i < n; i++)
			name_any_port(word[i]);
		for (i = 0; i < N_COLUMNS; i++)
			cell[i] = where[i] < n ? word[where[i]] : "-";
		if (wanted(cell[STATE]))
			print_socket(cell);
	}
	free(line);
	return err;
}

int cmd_ss(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "listening", no_argument, NULL, 'l' },
		{ "info", no_argument, NULL, 'i' },
		{ "extended", no_argument, NULL, 'e' },
		{ "no-header", no_argument, NULL, 'H' },
		{ "net", required_argument, NULL, 'N' },
		{ "numeric", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	FILE *in;
	int c, err;

	while ((c = getopt_long(argc, argv, "alieHN:nh", options,
				NULL)) != -1) {
		switch (c) {
		case 'a':
			opt.all = true;
			break;
		case 'l':
			opt.listening = true;
			break;
		case 'i':
			opt.info = true;
			break;
		case 'e':
			opt.extended = true;
			break;
		case 'H':
			opt.no_header = true;
			break;
		case 'N':
			err = tool_enter_netns(optarg);
			if (err)
				return err;
			break;
		case 'n':
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return tool_usage("ss");
		}
	}
	if (optind < argc) {
		tool_error("ss: what is '%s'?", argv[optind]);
		return tool_usage("ss");
	}

	in = fopen(SOCKETS, "re");
	if (!in)
		return tool_error("cannot read " SOCKETS ": %s%s",
				  strerror(errno), errno == ENOENT ?
				  " (is the module teach loaded?)" : "");
	err = list(in);
	fclose(in);
	return err;
}
