// SPDX-License-Identifier: GPL-2.0
/*
 * From tracefs to struct event.
 *
 * We trace in an instance (buffers) of our own, so that nobody else who
 * traces is disturbed.  Fields are found by name, never by place: the module
 * may add some.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <event-parse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <tracefs.h>
#include <unistd.h>

#include "events.h"
#include "tool.h"
#include "trace.h"

#define SYSTEM		"teach"
#define BUFFER_KIB	4096	/* for each CPU */
#define NETNS_DIR	"/run/netns"

enum field {
	F_NETNS, F_PROTO, F_LADDR, F_LPORT, F_FADDR, F_FPORT,
	F_SEQ, F_ACK, F_WINDOW, F_LEN, F_FLAGS, F_STATE, F_RTX,
	F_OLDSTATE, F_NEWSTATE, F_REASON, N_FIELDS,
};

static const char * const field_names[N_FIELDS] = {
	[F_NETNS] = "netns",
	[F_PROTO] = "proto",
	[F_LADDR] = "laddr",
	[F_LPORT] = "lport",
	[F_FADDR] = "faddr",
	[F_FPORT] = "fport",
	[F_SEQ] = "seq",
	[F_ACK] = "ack",
	[F_WINDOW] = "window",
	[F_LEN] = "len",
	[F_FLAGS] = "flags",
	[F_STATE] = "state",
	[F_RTX] = "rtx",
	[F_OLDSTATE] = "oldstate",
	[F_NEWSTATE] = "newstate",
	[F_REASON] = "reason",
};

#define TUPLE	(BIT(F_NETNS) | BIT(F_PROTO) | BIT(F_LADDR) | \
		 BIT(F_LPORT) | BIT(F_FADDR) | BIT(F_FPORT))
#define SEGMENT	(TUPLE | BIT(F_SEQ) | BIT(F_ACK) | BIT(F_WINDOW) | \
		 BIT(F_LEN) | BIT(F_FLAGS) | BIT(F_STATE))

/* The trace events, and the fields that each must have. */
static const struct source {
	const char *name;
	enum event_kind kind;
	unsigned int fields;
} sources[] = {
	{ "teach_segment_out", EVENT_OUT, SEGMENT | BIT(F_RTX) },
	{ "teach_segment_in", EVENT_IN, SEGMENT },
	{ "teach_state", EVENT_STATE,
	  TUPLE | BIT(F_OLDSTATE) | BIT(F_NEWSTATE) },
	{ "teach_drop", EVENT_DROP, TUPLE | BIT(F_SEQ) | BIT(F_LEN) |
	  BIT(F_FLAGS) | BIT(F_REASON) },
};

#define N_SOURCES ARRAY_SIZE(sources)

/* One of them, as this kernel describes it. */
struct format {
	const struct source *source;
	struct tep_event *event;
	struct tep_format_field *field[N_FIELDS];
};

struct tracer {
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	struct format found[N_SOURCES];
	struct recording *rec;	/* being filled by tracer_read() */
	bool no_memory;
	char name[32];
};

static uint64_t get(const struct format *f, const struct tep_record *record,
		    enum field field)
{
	unsigned long long value = 0;

	if (f->field[field])
		tep_read_number_field(f->field[field], record->data, &value);
	return value;
}

/* An address, in network byte order as it is. */
static struct in_addr get_addr(const struct format *f,
			       const struct tep_record *record,
			       enum field field)
{
	struct in_addr addr = { 0 };

	if (f->field[field]->size == sizeof(addr))
		memcpy(&addr, (char *)record->data + f->field[field]->offset,
		       sizeof(addr));
	return addr;
}

static void get_reason(const struct format *f, struct tep_record *record,
		       char *buf, size_t size)
{
	int len = 0;
	char *text, *p;

	text = tep_get_field_raw(NULL, f->event, field_names[F_REASON],
				 record, &len, 0);
	snprintf(buf, size, "%.*s", len, text ? text : "");
	/* A recording has one word here. */
	for (p = buf; *p; p++)
		if (*p == ' ')
			*p = '_';
}

static int on_event(struct tep_event *event, struct tep_record *record,
		    int cpu, void *context)
{
	struct tracer *tracer = context;
	const struct format *f = NULL;
	struct event ev;
	size_t i;

	(void)cpu;
	for (i = 0; i < N_SOURCES; i++)
		if (tracer->found[i].event->id == event->id)
			f = &tracer->found[i];
	if (!f)
		return 0;

	ev = (struct event) {
		.ns = record->ts,
		.kind = f->source->kind,
		.cause = NOT_TOLD,
		.netns = get(f, record, F_NETNS),
		.proto = get(f, record, F_PROTO),
		.local = { get_addr(f, record, F_LADDR),
			   get(f, record, F_LPORT) },
		.foreign = { get_addr(f, record, F_FADDR),
			     get(f, record, F_FPORT) },
		.seq = get(f, record, F_SEQ),
		.ack = get(f, record, F_ACK),
		.window = get(f, record, F_WINDOW),
		.len = get(f, record, F_LEN),
		.flags = get(f, record, F_FLAGS),
		.state = get(f, record, F_STATE),
		.rtx = get(f, record, F_RTX),
	};
	if (ev.kind == EVENT_STATE) {
		ev.state = get(f, record, F_OLDSTATE);
		ev.new_state = get(f, record, F_NEWSTATE);
	}
	if (ev.kind == EVENT_DROP)
		get_reason(f, record, ev.reason, sizeof(ev.reason));
	if (!recording_add(tracer->rec, &ev))
		tracer->no_memory = true;
	return 0;
}

/* --- setting up --------------------------------------------------------- */

static int find_fields(struct format *f)
{
	int i;

	for (i = 0; i < N_FIELDS; i++) {
		f->field[i] = tep_find_field(f->event, field_names[i]);
		if (!f->field[i] && f->source->fields & BIT(i))
			return tool_error("trace event %s has no field '%s'",
					  f->source->name, field_names[i]);
	}
	return 0;
}

static int find_events(struct tracer *tracer)
{
	static const char * const systems[] = { SYSTEM, NULL };
	size_t i;

	tracer->tep = tracefs_local_events_system(NULL, systems);
	if (!tracer->tep)
		return tool_error("cannot read the formats of trace events");
	for (i = 0; i < N_SOURCES; i++) {
		struct format *f = &tracer->found[i];

		f->source = &sources[i];
		f->event = tep_find_event_by_name(tracer->tep, SYSTEM,
						  sources[i].name);
		if (!f->event)
			return tool_error("no event %s (is the module loaded?)",
					  sources[i].name);
		if (find_fields(f))
			return EXIT_FAILED;
	}
	return 0;
}

static int start(struct tracer *tracer)
{
	size_t i;

	if (!tracefs_tracing_dir())
		return tool_error("no tracefs: %s", strerror(errno));
	if (find_events(tracer))
		return EXIT_FAILED;
	snprintf(tracer->name, sizeof(tracer->name), "teach-%d",
		 (int)getpid());
	tracer->instance = tracefs_instance_create(tracer->name);
	if (!tracer->instance)
		return tool_error("cannot make a trace instance: %s",
				  strerror(errno));
	/* One clock for all CPUs, or segments would arrive unsent. */
	if (tracefs_instance_file_write(tracer->instance, "trace_clock",
					"mono") < 0)
		return tool_error("cannot set the trace clock");
	tracefs_instance_set_buffer_size(tracer->instance, BUFFER_KIB, -1);
	for (i = 0; i < N_SOURCES; i++)
		if (tracefs_event_enable(tracer->instance, SYSTEM,
					 sources[i].name))
			return tool_error("cannot enable trace event %s: %s",
					  sources[i].name, strerror(errno));
	return 0;
}

static void tracer_free(struct tracer *tracer)
{
	if (tracer->instance) {
		tracefs_instance_destroy(tracer->instance);
		tracefs_instance_free(tracer->instance);
	}
	tep_free(tracer->tep);
	free(tracer);
}

/* Begin to trace.  NULL when that fails, which has been told. */
struct tracer *tracer_start(void)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));

	tep_set_loglevel(TEP_LOG_NONE);
	if (tracer && !start(tracer))
		return tracer;
	if (tracer)
		tracer_free(tracer);
	return NULL;
}

/* --- reading ------------------------------------------------------------ */

/* Take what the kernel has, without waiting for more. */
int tracer_read(struct tracer *tracer, struct recording *rec)
{
	tracer->rec = rec;
	tracefs_iterate_raw_events(tracer->tep, tracer->instance, NULL, 0,
				   on_event, tracer);
	if (tracer->no_memory)
		return tool_error("out of memory for events");
	return 0;
}

/* What the kernel threw away: "overrun: N" and "dropped events: N". */
static uint64_t count_missed(struct tracefs_instance *instance, int cpu)
{
	unsigned long long n;
	uint64_t missed = 0;
	char file[40], *text, *p;

	snprintf(file, sizeof(file), "per_cpu/cpu%d/stats", cpu);
	text = tracefs_instance_file_read(instance, file, NULL);
	if (!text)
		return 0;
	p = strstr(text, "overrun: ");
	if (p && sscanf(p, "overrun: %llu", &n) == 1)
		missed += n;
	p = strstr(text, "dropped events: ");
	if (p && sscanf(p, "dropped events: %llu", &n) == 1)
		missed += n;
	free(text);
	return missed;
}

/* The names that `ip netns` gave, by the inodes of the namespaces. */
static void name_netns(struct recording *rec)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	dir = opendir(NETNS_DIR);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    !fstatat(dirfd(dir), entry->d_name, &st, 0))
			recording_name_netns(rec, st.st_ino, entry->d_name);
	closedir(dir);
}

/* Stop, take the rest, and close the recording.  Frees the tracer. */
int tracer_stop(struct tracer *tracer, struct recording *rec)
{
	int cpu, cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct timespec now;
	int err;

	tracefs_trace_off(tracer->instance);
	clock_gettime(CLOCK_MONOTONIC, &now);
	err = tracer_read(tracer, rec);
	for (cpu = 0; cpu < cpus; cpu++)
		rec->missed += count_missed(tracer->instance, cpu);
	rec->end_ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	recording_sort(rec);
	name_netns(rec);
	tracer_free(tracer);
	return err;
}
