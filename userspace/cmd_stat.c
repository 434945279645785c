// SPDX-License-Identifier: GPL-2.0
/*
 * teach stat: what has happened how often, as nstat(8) tells it.
 *
 * The counters of /proc/net/teach/counters only grow.  What they were when a
 * user last asked is in a file of his own for each network namespace, so that
 * he is told what has happened since.  The file begins with the boot that it is
 * good for; counters that are lower now have begun anew, with the module.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "tool.h"

#define COUNTERS	"/proc/net/teach/counters"
#define BOOT_ID		"/proc/sys/kernel/random/boot_id"
#define NETNS		"/proc/self/ns/net"
#define NAME_MAX_LEN	63

struct counter {
	char name[NAME_MAX_LEN + 1];
	unsigned long long value;
};

struct counters {
	struct counter *counter;
	size_t count;
};

static struct {
	bool absolute;
	bool zeros;
	bool json;
	long interval;		/* seconds; 0: once */
	char **patterns;
	int pattern_count;
} opt;

static const char help_text[] =
"Usage: teach stat [OPTION]... [PATTERN]...\n"
"Tell what AF_TEACH has counted since you last asked.\n"
"\n"
"  -a, --absolute    since the module was loaded; this is not remembered\n"
"  -z, --zeros       what has not happened, too\n"
"  -n, --interval SECONDS\n"
"                    how often in a second, again and again\n"
"  -N, --net NAME    in this network namespace (see ip-netns(8))\n"
"  -j, --json        as JSON, an object for each time\n"
"  -h, --help        this text\n"
"\n"
"Only names that match a PATTERN, as of files in a shell.  What you were last\n"
"told is kept in /tmp/.teach-stat.uUID.NAMESPACE, or where TEACH_STAT_HISTORY\n"
"says.\n"
"\n"
"Examples:\n"
"  teach stat               what has happened since?\n"
"  teach stat -az 'Drop*'   every reason there is to drop, and how often\n"
"  teach stat -n 1 'Retrans*' -N server\n";

/*
 * ---- Counters ----
 */

static int add_counter(struct counters *c, const char *name,
		       unsigned long long value)
{
	struct counter *more;

	more = reallocarray(c->counter, c->count + 1, sizeof(*more));
	if (!more)
		return tool_error("no memory");
	c->counter = more;
	snprintf(more[c->count].name, sizeof(more->name), "%s", name);
	more[c->count++].value = value;
	return 0;
}

static int read_lines(FILE *in, struct counters *c)
{
	char name[NAME_MAX_LEN + 1];
	unsigned long long value;
	int err = 0;

	c->counter = NULL;
	c->count = 0;
	while (!err && fscanf(in, "%63s %llu", name, &value) == 2)
		err = add_counter(c, name, value);
	return err;
}

static int read_counters(struct counters *c)
{
	FILE *in = fopen(COUNTERS, "re");
	int err;

	if (!in)
		return tool_error("cannot read " COUNTERS ": %s%s",
				  strerror(errno), errno == ENOENT ?
				  " (is the module teach loaded?)" : "");
	err = read_lines(in, c);
	fclose(in);
	return err;
}

static unsigned long long value_of(const struct counters *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (!strcmp(c->counter[i].name, name))
			return c->counter[i].value;
	return 0;
}

/* Counters never count down: these have begun anew. */
static bool begun_anew(const struct counters *now, const struct counters *then)
{
	size_t i;

	for (i = 0; i < now->count; i++)
		if (now->counter[i].value <
		    value_of(then, now->counter[i].name))
			return true;
	return false;
}

static void free_counters(struct counters *c)
{
	free(c->counter);
	c->counter = NULL;
	c->count = 0;
}

/*
 * ---- What was told before ----
 */

static int history_name(char path[PATH_MAX])
{
	const char *name = getenv("TEACH_STAT_HISTORY");
	struct stat ns;

	if (name && *name) {
		snprintf(path, PATH_MAX, "%s", name);
		return 0;
	}
	if (stat(NETNS, &ns))
		return tool_error("cannot read " NETNS ": %s", strerror(errno));
	snprintf(path, PATH_MAX, "/tmp/.teach-stat.u%u.%llu", getuid(),
		 (unsigned long long)ns.st_ino);
	return 0;
}

/* In /tmp others may have put something of that name there. */
static FILE *open_history(void)
{
	char path[PATH_MAX];
	struct stat st;
	FILE *file;
	int fd;

	if (history_name(path))
		return NULL;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		tool_error("cannot open %s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != getuid()) {
		tool_error("%s is not a file of yours; remove it", path);
		close(fd);
		return NULL;
	}
	file = fdopen(fd, "r+");
	if (!file) {
		tool_error("cannot open %s: %s", path, strerror(errno));
		close(fd);
	}
	return file;
}

static void read_boot(char boot[NAME_MAX_LEN + 1])
{
	FILE *file = fopen(BOOT_ID, "re");

	if (!file || fscanf(file, "%63s", boot) != 1)
		strcpy(boot, "?");
	if (file)
		fclose(file);
}

static int read_history(FILE *file, struct counters *then)
{
	char boot[NAME_MAX_LEN + 1], was[NAME_MAX_LEN + 1];

	memset(then, 0, sizeof(*then));
	read_boot(boot);
	if (fscanf(file, "%63s", was) != 1 || strcmp(boot, was))
		return 0;
	return read_lines(file, then);
}

static int write_history(FILE *file, const struct counters *now)
{
	char boot[NAME_MAX_LEN + 1];
	size_t i;

	read_boot(boot);
	rewind(file);
	if (ftruncate(fileno(file), 0))
		return tool_error("cannot write the history: %s",
				  strerror(errno));
	fprintf(file, "%s\n", boot);
	for (i = 0; i < now->count; i++)
		fprintf(file, "%s %llu\n", now->counter[i].name,
			now->counter[i].value);
	if (fflush(file))
		return tool_error("cannot write the history: %s",
				  strerror(errno));
	return 0;
}

/*
 * ---- Telling ----
 */

static bool wanted(const struct counter *c)
{
	int i;

	for (i = 0; i < opt.pattern_count; i++)
		if (!fnmatch(opt.patterns[i], c->name, 0))
			return true;
	return !opt.pattern_count;
}

/* @seconds: in so many, for how often in one; 0 for how often at all. */
static void show_one(const char *name, unsigned long long value, double seconds)
{
	if (opt.json && seconds)
		json_double(name, value / seconds);
	else if (opt.json)
		json_number(name, value);
	else if (seconds)
		printf("%-32s %16.1f/s\n", name, value / seconds);
	else
		printf("%-32s %16llu\n", name, value);
}

static void show(const struct counters *now, const struct counters *then,
		 double seconds)
{
	bool anew = begun_anew(now, then);
	const struct counter *c;
	unsigned long long value;

	if (opt.json)
		json_open(NULL, '{');
	for (c = now->counter; c < now->counter + now->count; c++) {
		value = c->value - (anew ? 0 : value_of(then, c->name));
		if (wanted(c) && (value || opt.zeros))
			show_one(c->name, value, seconds);
	}
	if (opt.json) {
		json_close('}');
		json_end();
	}
}

static int show_since(void)
{
	struct counters now = {}, then = {};
	FILE *history = open_history();
	int err;

	if (!history)
		return EXIT_FAILED;
	err = read_history(history, &then);
	if (!err)
		err = read_counters(&now);
	if (!err) {
		show(&now, &then, 0);
		err = write_history(history, &now);
	}
	fclose(history);
	free_counters(&now);
	free_counters(&then);
	return err;
}

static int show_absolute(void)
{
	struct counters now = {}, none = {};
	int err = read_counters(&now);

	if (!err)
		show(&now, &none, 0);
	free_counters(&now);
	return err;
}

static double monotonic_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int show_rates(void)
{
	struct counters now = {}, then = {};
	double last = monotonic_seconds(), time;
	int err = read_counters(&then);

	while (!err) {
		sleep(opt.interval);
		err = read_counters(&now);
		if (err)
			break;
		time = monotonic_seconds();
		show(&now, &then, time - last);
		last = time;
		if (!opt.json)
			putchar('\n');
		if (fflush(stdout))
			break;
		free_counters(&then);
		then = now;
		now = (struct counters) {};
	}
	free_counters(&now);
	free_counters(&then);
	return err;
}

static const struct option options[] = {
	{ "absolute", no_argument, NULL, 'a' },
	{ "zeros", no_argument, NULL, 'z' },
	{ "interval", required_argument, NULL, 'n' },
	{ "net", required_argument, NULL, 'N' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

int cmd_stat(int argc, char **argv)
{
	int c, err;

	while ((c = getopt_long(argc, argv, "azn:N:jh", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			opt.absolute = true;
			break;
		case 'z':
			opt.zeros = true;
			break;
		case 'n':
			if (!tool_number(optarg, 1, 3600, &opt.interval))
				return tool_bad_value(argv[0], "interval");
			break;
		case 'N':
			err = tool_enter_netns(optarg);
			if (err)
				return err;
			break;
		case 'j':
			opt.json = true;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return tool_usage("stat");
		}
	}
	opt.patterns = argv + optind;
	opt.pattern_count = argc - optind;
	if (opt.interval)
		return show_rates();
	return opt.absolute ? show_absolute() : show_since();
}
