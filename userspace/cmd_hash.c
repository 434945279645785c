// SPDX-License-Identifier: GPL-2.0
/*
 * teach hash: the table that each segment's 5-tuple is looked up in: how many
 * chains it has, how long they are, and which of them a 5-tuple belongs to.
 *
 * What is shown is what /proc/net/teach/hash and getsockopt(2), TEACH_HASH,
 * say.  Both are for who may administrate the network namespace: the hash has a
 * secret so that nobody can have many connections in one chain.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <teach.h>

#include "family.h"
#include "json.h"
#include "tool.h"

#define HASH		"/proc/net/teach/hash"
#define LENGTHS		33	/* the last is for longer ones, too */
#define BAR_WIDTH	40

struct occupancy {
	unsigned int buckets;
	unsigned int entries;
	unsigned int chains[LENGTHS];	/* by length */
};

static bool json;

static const char help_text[] =
"Usage: teach hash [OPTION]...\n"
"       teach hash [OPTION]... PROTOCOL LOCAL:PORT FOREIGN:PORT\n"
"Show how full the table of connections is; or where a 5-tuple falls in it, and\n"
"who has it.  Both are for CAP_NET_ADMIN only, because who knows which of them\n"
"fall together can make each look-up long.\n"
"\n"
"PROTOCOL is teach (253) or tcp (6).\n"
"\n"
"  -N, --net NAME    in this network namespace (see ip-netns(8))\n"
"  -j, --json        as JSON\n"
"  -h, --help        this text\n"
"\n"
"Examples:\n"
"  teach hash               how long are the chains?\n"
"  teach hash -N server teach 10.0.0.2:80 10.0.0.1:49152\n";

/*
 * ---- All of it ----
 */

static int read_occupancy(struct occupancy *o)
{
	unsigned int length, chains;
	FILE *in = fopen(HASH, "re");

	if (!in)
		return tool_error("cannot read " HASH ": %s%s", strerror(errno),
				  errno == ENOENT ?
				  " (is the module teach loaded?)" :
				  " (it is for root only)");
	memset(o, 0, sizeof(*o));
	if (fscanf(in, "buckets %u entries %u", &o->buckets,
		   &o->entries) != 2 || !o->buckets) {
		fclose(in);
		return tool_error(HASH " is not as expected");
	}
	while (fscanf(in, "%u %u", &length, &chains) == 2)
		if (length < LENGTHS)
			o->chains[length] = chains;
	fclose(in);
	return 0;
}

/* As many chains of this length a hash has that is as good as chance. */
static double expected(const struct occupancy *o, int length)
{
	double load = (double)o->entries / o->buckets;

	return o->buckets * exp(-load) * pow(load, length) /
	       tgamma(length + 1);
}

/* How many entries a look-up passes until it has one that is there. */
static double look_up(const struct occupancy *o)
{
	double sum = 0, entries = 0;
	int i;

	for (i = 0; i < LENGTHS; i++) {
		sum += (double)o->chains[i] * i * (i + 1) / 2;
		entries += (double)o->chains[i] * i;
	}
	return entries ? sum / entries : 0;
}

static int longest(const struct occupancy *o)
{
	int i;

	for (i = LENGTHS - 1; i && !o->chains[i]; i--)
		;
	return i;
}

static void show_text(const struct occupancy *o)
{
	int i, k, bar;

	printf("%u connections in %u chains, %.2f in each; ", o->entries,
	       o->buckets, (double)o->entries / o->buckets);
	printf("a look-up passes %.2f\n", look_up(o));
	printf("%6s %9s %9s\n", "Length", "Chains", "By chance");
	for (i = 0; i <= longest(o); i++) {
		printf("%6d %9u %9.0f ", i, o->chains[i], expected(o, i));
		bar = (double)o->chains[i] * BAR_WIDTH / o->buckets + 0.5;
		for (k = 0; k < bar; k++)
			putchar('#');
		putchar('\n');
	}
}

static void show_json(const struct occupancy *o)
{
	int i;

	json_open(NULL, '{');
	json_number("buckets", o->buckets);
	json_number("entries", o->entries);
	json_double("look_up", look_up(o));
	json_open("chains", '[');
	for (i = 0; i <= longest(o); i++)
		json_number(NULL, o->chains[i]);
	json_close(']');
	json_close('}');
	json_end();
}

static int show_table(void)
{
	struct occupancy o;
	int err = read_occupancy(&o);

	if (err)
		return err;
	if (json)
		show_json(&o);
	else
		show_text(&o);
	return 0;
}

/*
 * ---- One 5-tuple ----
 */

static bool parse_protocol(const char *text, uint8_t *proto)
{
	if (!strcmp(text, "teach") || !strcmp(text, "253"))
		*proto = IPPROTO_TEACH;
	else if (!strcmp(text, "tcp") || !strcmp(text, "6"))
		*proto = IPPROTO_TCP;
	else
		return false;
	return true;
}

/* "10.0.0.1:80" */
static bool parse_end(const char *text, struct in_addr *address, __be16 *port)
{
	const char *colon = strchr(text, ':');
	char ip[INET_ADDRSTRLEN];
	long number;

	if (!colon || colon - text >= (long)sizeof(ip) ||
	    !tool_number(colon + 1, 1, 65535, &number))
		return false;
	memcpy(ip, text, colon - text);
	ip[colon - text] = 0;
	*port = htons(number);
	return inet_pton(AF_INET, ip, address) == 1;
}

static int parse_tuple(char **word, struct teach_hash *hash)
{
	if (!parse_protocol(word[0], &hash->th_proto))
		return tool_error("hash: '%s' is neither teach nor tcp",
				  word[0]);
	if (!parse_end(word[1], &hash->th_laddr, &hash->th_lport))
		return tool_error("hash: '%s' is not ADDRESS:PORT", word[1]);
	if (!parse_end(word[2], &hash->th_faddr, &hash->th_fport))
		return tool_error("hash: '%s' is not ADDRESS:PORT", word[2]);
	return 0;
}

static int get_where(struct teach_hash *hash)
{
	socklen_t len = sizeof(*hash);
	int fd, err = 0;

	fd = socket(AF_TEACH, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return tool_error("socket: %s%s", strerror(errno),
				  family_hint(AF_TEACH, errno));
	if (getsockopt(fd, SOL_TEACH, TEACH_HASH, hash, &len))
		err = tool_error("cannot ask: %s%s", strerror(errno),
				 errno == EPERM ?
				 " (it is for CAP_NET_ADMIN only)" : "");
	close(fd);
	return err;
}

static const char *found_name(unsigned int found)
{
	static const char * const names[] = {
		[TEACH_HASH_NONE] = "none",
		[TEACH_HASH_SOCKET] = "socket",
		[TEACH_HASH_REQUEST] = "request",
		[TEACH_HASH_TIMEWAIT] = "timewait",
	};

	return found < ARRAY_SIZE(names) ? names[found] : "?";
}

static void show_where_json(const struct teach_hash *hash)
{
	json_open(NULL, '{');
	json_number("buckets", hash->th_buckets);
	json_number("bucket", hash->th_bucket);
	json_number("entries", hash->th_entries);
	json_number("position", hash->th_position);
	json_string("found", found_name(hash->th_found));
	json_close('}');
	json_end();
}

static int show_where(char **word)
{
	struct teach_hash hash = {};
	int err = parse_tuple(word, &hash);

	if (err) {
		tool_usage("hash");
		return EXIT_USAGE;
	}
	err = get_where(&hash);
	if (err)
		return err;
	if (json) {
		show_where_json(&hash);
		return 0;
	}
	printf("chain %u of %u, with %u connections: ", hash.th_bucket,
	       hash.th_buckets, hash.th_entries);
	if (hash.th_position)
		printf("number %u is this %s\n", hash.th_position,
		       found_name(hash.th_found));
	else
		puts("not this one");
	return 0;
}

static const struct option options[] = {
	{ "net", required_argument, NULL, 'N' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

int cmd_hash(int argc, char **argv)
{
	int c, err;

	while ((c = getopt_long(argc, argv, "N:jh", options, NULL)) != -1) {
		switch (c) {
		case 'N':
			err = tool_enter_netns(optarg);
			if (err)
				return err;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return tool_usage("hash");
		}
	}
	switch (argc - optind) {
	case 0:
		return show_table();
	case 3:
		return show_where(argv + optind);
	default:
		tool_error("hash: not PROTOCOL LOCAL:PORT FOREIGN:PORT");
		return tool_usage("hash");
	}
}
