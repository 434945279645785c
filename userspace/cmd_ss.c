// SPDX-License-Identifier: GPL-2.0
/*
 * teach ss: the sockets of a network namespace, as ss(8) lists them, and
 * destroys them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "processes.h"
#include "ss.h"
#include "tool.h"

static struct ss_columns columns;
static struct ss_filter filter;

static struct {
	bool all;
	bool listening;
	bool kill;
	bool json;
	long watch;		/* seconds; 0: once */
} opt;

static const char help_text[] =
"Usage: teach ss [OPTION]... [FILTER]\n"
"List AF_TEACH's sockets; without options those with a connection.\n"
"\n"
"  -a, --all         all sockets, in whatever state\n"
"  -l, --listening   listening sockets: Recv-Q is the length of the accept\n"
"                    queue, Send-Q its limit\n"
"  -t, --streams     only streams (protocols 253 and 6)\n"
"  -u, --datagrams   only datagrams (protocols 254 and 17)\n"
"  -i, --info        TCP_INFO: round trip, congestion window, sums, rates\n"
"  -m, --memory      what the buffers hold and may hold\n"
"  -o, --options     what the timer waits for, how long, for which time\n"
"  -e, --extended    owner, inode, cookie, and the timer\n"
"  -p, --processes   who has it open, as far as you may see that\n"
"  -n, --numeric     rates in plain numbers; all else is numeric anyway\n"
"  -H, --no-header   no line of titles\n"
"  -N, --net NAME    in this network namespace (see ip-netns(8))\n"
"  -K, --kill        destroy those that are listed: their users get\n"
"                    ECONNABORTED, the peers a RST (for CAP_NET_ADMIN)\n"
"      --watch[=SECONDS]\n"
"                    list them again and again, each second unless told\n"
"  -j, --json        as JSON\n"
"  -h, --help        this text\n"
"\n"
"All of FILTER has to be so:\n"
"  state STATE, exclude STATE   established, syn-sent, syn-recv, fin-wait-1,\n"
"                               fin-wait-2, time-wait, closed, close-wait,\n"
"                               last-ack, listening, closing; all, connected,\n"
"                               synchronized, bucket, big\n"
"  sport = PORT, dport = PORT   the local or the peer's port\n"
"  src ADDRESS, dst ADDRESS     the same of addresses: 10.0.0.1, 10.0.0.0/8,\n"
"                               10.0.0.1:80\n"
"  dev DEVICE                   bound to this device\n"
"\n"
"Examples:\n"
"  teach ss -l                      who is listening?\n"
"  teach ss -a -N server            everything in the namespace 'server'\n"
"  teach ss -tinem                  all there is to know of each connection\n"
"  teach ss -i state established dport = :80\n"
"  teach ss -K dst 10.0.0.2         no more connections with 10.0.0.2\n"
"  teach ss -io --watch             see the window open, and the timers\n";

/* Those that ss(8) lists, with its options. */
static uint32_t listed_states(void)
{
	uint32_t passive = BIT(state_by_name("LISTEN")) |
			   BIT(state_by_name("CLOSE"));

	if (opt.all)
		return UINT32_MAX;
	if (opt.listening)
		return passive;
	return ~(passive | BIT(state_by_name("TIME_WAIT")) |
		 BIT(state_by_name("SYN_RECV")));
}

static uint8_t wanted_attributes(void)
{
	uint8_t ext = 0;

	if (columns.info)
		ext |= SOCK_EXT(INFO) | SOCK_EXT(CONG);
	if (columns.memory)
		ext |= SOCK_EXT(SKMEMINFO);
	if (columns.extended)
		ext |= SOCK_EXT(TOS);
	return ext;
}

/* Listeners first, then by names, so that a list looks the same again. */
static int compare(const void *a, const void *b)
{
	const struct sock_row *x = a, *y = b;
	const struct inet_diag_sockid *p = &x->msg.id, *q = &y->msg.id;
	int listen = state_by_name("LISTEN");
	const int64_t differs[] = {
		y->proto - x->proto,
		(y->msg.idiag_state == listen) - (x->msg.idiag_state == listen),
		(int64_t)ntohl(p->idiag_src[0]) - ntohl(q->idiag_src[0]),
		ntohs(p->idiag_sport) - ntohs(q->idiag_sport),
		(int64_t)ntohl(p->idiag_dst[0]) - ntohl(q->idiag_dst[0]),
		ntohs(p->idiag_dport) - ntohs(q->idiag_dport),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(differs); i++)
		if (differs[i])
			return differs[i] < 0 ? -1 : 1;
	return 0;
}

static int show(const struct sock_table *table)
{
	const struct sock_row *row;
	int err = 0;

	if (opt.json)
		json_open(NULL, '[');
	else
		ss_text_header(&columns);
	for (row = table->row; row < table->row + table->count; row++) {
		if (!ss_filter_match(&filter, row))
			continue;
		if (opt.kill)
			err = sockdiag_destroy(row);
		if (err)
			break;
		if (opt.json)
			ss_json_row(&columns, row);
		else
			ss_text_row(&columns, row);
	}
	if (opt.json) {
		json_close(']');
		json_end();
	}
	return err;
}

static int list(void)
{
	struct inet_diag_req_v2 req = { .idiag_ext = wanted_attributes() };
	struct sock_table table = {};
	int err;

	ss_filter_request(&filter, &req);
	err = sockdiag_list(&req, &table);
	if (!err) {
		if (columns.processes)
			processes_read();
		if (table.count)
			qsort(table.row, table.count, sizeof(*table.row),
			      compare);
		err = show(&table);
	}
	sockdiag_free(&table);
	processes_free();
	return err;
}

static int watch(void)
{
	bool screen = isatty(STDOUT_FILENO);
	int err;

	for (;;) {
		if (screen)
			fputs("\033[H\033[2J", stdout);
		err = list();
		if (!screen && !opt.json)
			putchar('\n');
		if (err || fflush(stdout))
			return err;
		sleep(opt.watch);
	}
}

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "listening", no_argument, NULL, 'l' },
	{ "streams", no_argument, NULL, 't' },
	{ "datagrams", no_argument, NULL, 'u' },
	{ "info", no_argument, NULL, 'i' },
	{ "memory", no_argument, NULL, 'm' },
	{ "options", no_argument, NULL, 'o' },
	{ "extended", no_argument, NULL, 'e' },
	{ "processes", no_argument, NULL, 'p' },
	{ "numeric", no_argument, NULL, 'n' },
	{ "no-header", no_argument, NULL, 'H' },
	{ "net", required_argument, NULL, 'N' },
	{ "kill", no_argument, NULL, 'K' },
	{ "watch", optional_argument, NULL, 'w' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* What is only on or off.  Return: false when it is not one of these. */
static bool set_flag(int c)
{
	switch (c) {
	case 'a':
		return opt.all = true;
	case 'l':
		return opt.listening = true;
	case 't':
		return filter.streams = true;
	case 'u':
		return filter.datagrams = true;
	case 'i':
		return columns.info = true;
	case 'm':
		return columns.memory = true;
	case 'o':
		return columns.timer = true;
	case 'e':
		columns.timer = true;
		return columns.extended = true;
	case 'p':
		return columns.processes = true;
	case 'n':
		return columns.numeric = true;
	case 'H':
		return columns.no_header = true;
	case 'K':
		return opt.kill = true;
	case 'j':
		return opt.json = true;
	default:
		return false;
	}
}

/* Return: 0, or the exit status; below 0 when there is nothing more to do. */
static int parse_options(int argc, char **argv)
{
	int c, err;

	while ((c = getopt_long(argc, argv, "altuimoepnHN:Kjh", options,
				NULL)) != -1) {
		if (set_flag(c))
			continue;
		switch (c) {
		case 'N':
			err = tool_enter_netns(optarg);
			if (err)
				return err;
			break;
		case 'w':
			opt.watch = 1;
			if (optarg && !tool_number(optarg, 1, 3600,
						   &opt.watch))
				return tool_bad_value(argv[0], "watch");
			break;
		case 'h':
			fputs(help_text, stdout);
			return -1;
		default:
			return tool_usage("ss");
		}
	}
	return 0;
}

int cmd_ss(int argc, char **argv)
{
	int err = parse_options(argc, argv);

	if (err)
		return err < 0 ? 0 : err;
	if (ss_filter_parse(&filter, argc - optind, argv + optind))
		return tool_usage("ss");
	if (!filter.streams && !filter.datagrams) {
		filter.streams = true;
		filter.datagrams = true;
	}
	if (!filter.states)
		filter.states = listed_states();
	return opt.watch ? watch() : list();
}
