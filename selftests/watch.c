// SPDX-License-Identifier: GPL-2.0
/*
 * The state watch: reads trace events in their binary form, whose layout
 * the event's "format" file gives, from a tracing instance of its own, so
 * that nobody else's tracing is disturbed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEER_NO_LINES
#include "peer.h"
#include "watch.h"

#define TRACEFS		"/sys/kernel/tracing"
#define MAX_CPUS	64
#define MAX_EVENTS	16384
#define MAX_TESTS	256

#define SYN_RECV	3
#define LISTEN		10

/* Ring buffer records, as header_event in tracefs describes them. */
#define RECORD_PADDING		29
#define RECORD_TIME_EXTEND	30
#define RECORD_TIME_STAMP	31

struct field {
	const char *name;
	unsigned int offset, size;
};

enum { NETNS, LPORT, FPORT, OLDSTATE, NEWSTATE, FAMILY, FIELDS };

/* Shared by the program and the processes of its tests. */
static struct shared {
	char test[40];
	__u32 netns[MAX_TESTS];
	unsigned int netns_count, count;
	struct watch_event events[MAX_EVENTS];
} *shared;

static bool inet, works;
static pid_t owner;
static char instance[128];
static unsigned int event_id;
static int cpus[MAX_CPUS], cpu_count;
static struct field fields[FIELDS];

static const char * const state_names[WATCH_STATES] = {
	"?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
	"TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
};

const char *watch_state_name(unsigned int state)
{
	return state < WATCH_STATES ? state_names[state] : "?";
}

int watch_state_number(const char *name)
{
	int i;

	for (i = 1; i < WATCH_STATES; i++)
		if (!strcmp(name, state_names[i]))
			return i;
	peer_fail("no state '%s'", name);
}

bool watch_works(void)
{
	return works;
}

static bool put(const char *dir, const char *name, const char *value)
{
	char path[256];
	ssize_t done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return false;
	done = write(fd, value, strlen(value));
	close(fd);
	return done > 0;
}

static bool read_format(const char *path)
{
	char line[256], *field, *name;
	unsigned int offset, size, i;
	FILE *f = fopen(path, "r");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "ID: %u", &event_id) == 1)
			continue;
		field = strstr(line, "field:");
		if (!field || sscanf(strchr(line, ';') ?: "",
				     "; offset:%u; size:%u", &offset,
				     &size) != 2)
			continue;
		*strchr(line, ';') = 0;
		name = strrchr(line, ' ') + 1;
		for (i = 0; i < FIELDS; i++) {
			if (fields[i].name && !strcmp(fields[i].name, name)) {
				fields[i].offset = offset;
				fields[i].size = size;
			}
		}
	}
	fclose(f);
	for (i = 0; i < FIELDS; i++)
		if (fields[i].name && !fields[i].size)
			return false;
	return true;
}

static bool open_cpus(void)
{
	char path[300];
	int cpu;

	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		snprintf(path, sizeof(path), "%s/per_cpu/cpu%d/trace_pipe_raw",
			 instance, cpu);
		cpus[cpu_count] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (cpus[cpu_count] >= 0)
			cpu_count++;
	}
	return cpu_count > 0;
}

void watch_leave(void)
{
	while (cpu_count)
		close(cpus[--cpu_count]);
}

static void remove_instance(void)
{
	if (getpid() != owner)
		return;
	watch_leave();
	put(instance, "tracing_on", "0");
	rmdir(instance);
}

void watch_start(void)
{
	const char *family = getenv("TEACH_FAMILY");
	const char *event;
	char path[300];

	inet = family && !strcmp(family, "inet");
	fields[NETNS].name = inet ? NULL : "netns";
	fields[LPORT].name = inet ? "sport" : "lport";
	fields[FPORT].name = inet ? "dport" : "fport";
	fields[OLDSTATE].name = "oldstate";
	fields[NEWSTATE].name = "newstate";
	fields[FAMILY].name = inet ? "family" : NULL;
	event = inet ? "events/sock/inet_sock_set_state" :
		       "events/teach/teach_state";

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		peer_fail("mmap: %s", strerror(errno));
	if (access(TRACEFS "/instances", F_OK))
		mount("none", TRACEFS, "tracefs", 0, NULL);
	owner = getpid();
	snprintf(instance, sizeof(instance), TRACEFS "/instances/states.%d",
		 owner);
	snprintf(path, sizeof(path), TRACEFS "/%s/format", event);
	if (!read_format(path) || (mkdir(instance, 0700) && errno != EEXIST))
		return;
	atexit(remove_instance);
	put(instance, "trace_clock", "mono");
	put(instance, "buffer_size_kb", "512");
	snprintf(path, sizeof(path), "%s/enable", event);
	works = put(instance, path, "1") && open_cpus();
}

static __u32 get_field(const __u8 *record, int i)
{
	const __u8 *p = record + fields[i].offset;

	if (!fields[i].name)
		return 0;
	if (fields[i].size == 1)
		return *p;
	if (fields[i].size == 2)
		return *(const __u16 *)p;
	return *(const __u32 *)p;
}

/* Other programs may be at work at the same time. */
static bool is_our_netns(__u32 netns)
{
	unsigned int i;

	for (i = 0; i < shared->netns_count; i++)
		if (shared->netns[i] == netns)
			return true;
	return false;
}

static void add_event(const __u8 *record, __u64 time)
{
	struct watch_event *e = &shared->events[shared->count];
	unsigned int i;

	if (*(const __u16 *)record != event_id)
		return;
	if (inet ? get_field(record, FAMILY) != AF_INET :
	    !is_our_netns(get_field(record, NETNS)))
		return;
	if (shared->count == MAX_EVENTS)
		peer_fail("watch: more than %d events", MAX_EVENTS);
	e->time = time / 1e9;
	e->netns = get_field(record, NETNS);
	e->lport = get_field(record, LPORT);
	e->fport = get_field(record, FPORT);
	e->oldstate = get_field(record, OLDSTATE);
	e->newstate = get_field(record, NEWSTATE);
	strcpy(e->test, shared->test);
	/* several CPUs, one order */
	for (i = shared->count++; i && shared->events[i - 1].time >
	     shared->events[i].time; i--) {
		struct watch_event later = shared->events[i - 1];

		shared->events[i - 1] = shared->events[i];
		shared->events[i] = later;
	}
}

/* One page of the ring buffer: a time, a length, then the records. */
static void take_page(const __u8 *page, size_t size)
{
	__u64 time = *(const __u64 *)page;
	size_t length = *(const __u64 *)(page + 8) & 0xfffff;
	const __u8 *p = page + 16, *end;
	unsigned int type, bytes;
	__u32 head, delta, word;

	if (length > size - 16)
		length = size - 16;
	for (end = p + length; p + 8 <= end; p += bytes) {
		head = *(const __u32 *)p;
		word = *(const __u32 *)(p + 4);
		type = head & 31;
		delta = head >> 5;
		bytes = 8;
		if (type == RECORD_TIME_STAMP) {
			time = ((__u64)word << 27) + delta;
			continue;
		}
		if (type == RECORD_TIME_EXTEND)
			time += (__u64)word << 27;
		time += delta;
		if (type == RECORD_TIME_EXTEND)
			continue;
		if (type == RECORD_PADDING) {
			if (!delta)
				return;	/* the rest of the page */
			bytes = 4 + word;
			continue;
		}
		bytes = 4 + (type ? type * 4 : word);
		add_event(p + (type ? 4 : 8), time);
	}
}

static void read_events(void)
{
	static __u64 page[65536 / sizeof(__u64)];
	ssize_t len;
	int i;

	for (i = 0; i < cpu_count; i++)
		while ((len = read(cpus[i], page, getpagesize())) > 16)
			take_page((__u8 *)page, len);
}

void watch_test(const char *name)
{
	if (works)
		read_events();
	snprintf(shared->test, sizeof(shared->test), "%s", name);
	if (shared->netns_count == MAX_TESTS)
		peer_fail("watch: more than %d tests", MAX_TESTS);
	shared->netns[shared->netns_count++] = peer_netns();
}

unsigned int watch_events(const struct watch_event **events)
{
	read_events();
	*events = shared->events;
	return shared->count;
}

static bool is_of(const struct watch_event *e, __u32 netns, __u16 fport)
{
	return (!e->netns || e->netns == netns) && e->fport == fport &&
	       !strcmp(e->test, shared->test);
}

static void collect_path(char *path, size_t size, __u16 lport,
			 __u16 fport)
{
	const struct watch_event *e;
	__u32 netns = peer_netns();
	unsigned int i, last = 0;
	size_t len = 0;

	path[0] = 0;
	read_events();
	for (i = 0; i < shared->count && len + 40 < size; i++) {
		e = &shared->events[i];
		if (!is_of(e, netns, fport) || e->lport != lport)
			continue;
		/* TCP's new connection does not know its ports yet */
		if (inet && e->oldstate == LISTEN && e->newstate == SYN_RECV)
			continue;
		/* a new connection of the same ports begins a new path */
		if (e->oldstate != last)
			len += sprintf(path + len, "%s%s", len ? " " : "",
				       watch_state_name(e->oldstate));
		len += sprintf(path + len, ">%s",
			       watch_state_name(e->newstate));
		last = e->newstate;
	}
}

/* What is left of a path when minisocks do not show. */
static void inet_path(char *path)
{
	char *p;

	if (!strncmp(path, "LISTEN>SYN_RECV", 15))
		memmove(path, path + 7, strlen(path + 7) + 1);
	p = strstr(path, ">TIME_WAIT");
	if (p)
		strcpy(p, ">CLOSE");
	p = strstr(path, "SYN_RECV>LISTEN");
	if (p)
		*p = 0;
	if (!strcmp(path, "SYN_RECV>CLOSE") || !strcmp(path, "SYN_RECV"))
		*path = 0;
}

void watch_expect(__u16 lport, __u16 fport, const char *path)
{
	double deadline = peer_now() + PEER_DEADLINE_MS / 1000.0;
	char want[256], seen[2048];

	if (!works)
		return;
	snprintf(want, sizeof(want), "%s", path);
	if (inet)
		inet_path(want);
	do {
		collect_path(seen, sizeof(seen), lport, fport);
		if (!strcmp(seen, want))
			return;
		poll(NULL, 0, 10);
	} while (peer_now() < deadline && strlen(seen) <= strlen(want));
	peer_fail("the states of %u and %u:\n# expected: %s\n# traced: %s",
		  lport, fport, want, seen);
}

const struct watch_event *watch_wait(__u32 netns, __u16 fport, int oldstate,
				     int newstate, double seconds)
{
	double deadline = peer_now() + seconds;
	const struct watch_event *e;
	unsigned int i;

	do {
		read_events();
		for (i = 0; i < shared->count; i++) {
			e = &shared->events[i];
			if ((!e->netns || e->netns == netns) &&
			    e->fport == fport && e->oldstate == oldstate &&
			    e->newstate == newstate)
				return e;
		}
		poll(NULL, 0, 50);
	} while (peer_now() < deadline);
	return NULL;
}
