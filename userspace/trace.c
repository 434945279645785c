// SPDX-License-Identifier: GPL-2.0
/*
 * From tracefs to struct event.
 *
 * We trace in an instance (buffers) of our own, so that nobody else who
 * traces is disturbed.  Fields are found by name, never by place: a module may
 * have more of them, or fewer.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <event-parse.h>
#include <kbuffer.h>
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
#define NETNS_DIR	"/run/netns"

/* For all CPUs together, and for each at least. */
#define BUFFERS_KIB	(32 * 1024)
#define MIN_BUFFER_KIB	4096

/* One call of tracer_read() takes no more from a CPU, so that it ends. */
#define READ_BYTES	(4 * 1024 * 1024)

/* An event has its time some moments before it is there to be read. */
#define SLACK_NS	10000000

#define MAX_FIELDS	12

static const char * const event_names[N_EVENT_KINDS] = {
	[EVENT_OUT] = "teach_segment_out",
	[EVENT_IN] = "teach_segment_in",
	[EVENT_STATE] = "teach_state",
	[EVENT_DROP] = "teach_drop",
	[EVENT_DATAGRAM_OUT] = "teach_datagram_out",
	[EVENT_DATAGRAM_IN] = "teach_datagram_in",
	[EVENT_WINDOW] = "teach_window",
	[EVENT_TIMER] = "teach_timer",
	[EVENT_QUEUE] = "teach_queue",
	[EVENT_LOOKUP] = "teach_lookup",
	[EVENT_SLEEP] = "teach_sleep",
	[EVENT_WAKE] = "teach_wake",
	[EVENT_RING] = "teach_ring",
	[EVENT_INTERRUPT] = "teach_interrupt",
	[EVENT_POLL] = "teach_poll",
};

/* Every version of the module has these. */
static bool must_exist(unsigned int kind)
{
	return kind <= EVENT_DATAGRAM_IN;
}

enum tuple_field { NETNS, PROTO, LADDR, LPORT, FADDR, FPORT, N_TUPLE };

static const char * const tuple_names[N_TUPLE] = {
	[NETNS] = "netns",
	[PROTO] = "proto",
	[LADDR] = "laddr",
	[LPORT] = "lport",
	[FADDR] = "faddr",
	[FPORT] = "fport",
};

/* A trace event, as this kernel describes it: a field for each of its keys. */
struct source {
	struct tep_event *event;
	struct tep_format_field *tuple[N_TUPLE];
	struct tep_format_field *field[MAX_FIELDS];
};

/* Where a function that is traced begins. */
struct symbol {
	unsigned long long addr;
	const char *name;
};

struct cpu {
	struct tracefs_cpu *buffer;
	uint64_t last_ns;
};

struct tracer {
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	struct kbuffer *page;
	struct source source[N_EVENT_KINDS];
	struct tep_event *function;
	struct tep_format_field *ip;
	struct tep_format_field *pid;
	struct symbol *symbol;
	size_t n_symbols;
	struct cpu *cpu;
	int n_cpus;
	void *bytes;		/* of one page */
	char name[32];
};

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* --- one event ---------------------------------------------------------- */

static uint64_t get(const struct tracer *tracer, const void *data,
		    const struct tep_format_field *field)
{
	if (!field)
		return 0;
	return tep_read_number(tracer->tep, (const char *)data + field->offset,
			       field->size);
}

/* An address, in network byte order as it is. */
static struct in_addr get_addr(const void *data,
			       const struct tep_format_field *field)
{
	struct in_addr addr = { 0 };

	if (field && field->size == sizeof(addr))
		memcpy(&addr, (const char *)data + field->offset,
		       sizeof(addr));
	return addr;
}

/* A string, as one word. */
static void get_word(const void *data, const struct tep_format_field *field,
		     char *word, size_t size)
{
	char *p;

	snprintf(word, size, "%.*s", field->size,
		 (const char *)data + field->offset);
	for (p = word; *p; p++)
		if (*p == ' ')
			*p = '_';
	if (!*word)
		snprintf(word, size, "?");
}

/* A dynamic array: the field has its place and its length. */
static void get_options(const struct tracer *tracer, const void *data,
			const struct tep_format_field *field,
			struct event *ev)
{
	uint32_t location = get(tracer, data, field);
	size_t len = location >> 16, offset = location & 0xffff;

	if (len > MAX_OPTIONS)
		len = MAX_OPTIONS;
	memcpy(ev->options, (const char *)data + offset, len);
	ev->n_options = len;
}

static void get_value(const struct tracer *tracer, const void *data,
		      const struct tep_format_field *field,
		      const struct key *key, struct event *ev)
{
	void *at = (char *)ev + key->offset;

	switch (key->form) {
	case FORM_FLAGS:
		*(uint16_t *)at = get(tracer, data, field);
		break;
	case FORM_U32:
	case FORM_S32:
		*(uint32_t *)at = get(tracer, data, field);
		break;
	case FORM_U64:
		*(uint64_t *)at = get(tracer, data, field);
		break;
	case FORM_U8:
	case FORM_STATE:
	case FORM_ENUM:
	case FORM_WHY:
		*(uint8_t *)at = get(tracer, data, field);
		break;
	case FORM_WORD:
		get_word(data, field, at, key->detail);
		break;
	case FORM_OPTIONS:
		get_options(tracer, data, field, ev);
		break;
	}
}

static void get_event(struct tracer *tracer, unsigned int kind,
		      const void *data, struct event *ev)
{
	const struct source *s = &tracer->source[kind];
	const struct key *key = event_keys(kind);
	unsigned int i;

	event_not_told(ev);
	ev->netns = get(tracer, data, s->tuple[NETNS]);
	ev->proto = get(tracer, data, s->tuple[PROTO]);
	ev->local.addr = get_addr(data, s->tuple[LADDR]);
	ev->local.port = get(tracer, data, s->tuple[LPORT]);
	ev->foreign.addr = get_addr(data, s->tuple[FADDR]);
	ev->foreign.port = get(tracer, data, s->tuple[FPORT]);
	for (i = 0; key[i].name; i++)
		if (s->field[i])
			get_value(tracer, data, s->field[i], &key[i], ev);
}

/* The call may be noted some bytes behind the function's first. */
static const char *symbol_name(const struct tracer *tracer,
			       unsigned long long ip)
{
	size_t i;

	for (i = 0; i < tracer->n_symbols; i++)
		if (ip - tracer->symbol[i].addr <= 16)
			return tracer->symbol[i].name;
	return NULL;
}

static bool get_function(const struct tracer *tracer, int cpu,
			 const void *data, struct event *ev)
{
	const char *name = symbol_name(tracer, get(tracer, data, tracer->ip));

	if (!name)
		return false;
	snprintf(ev->function, sizeof(ev->function), "%s", name);
	ev->cpu = cpu;
	ev->pid = get(tracer, data, tracer->pid);
	return true;
}

/* False when it is none of ours. */
static bool decode(struct tracer *tracer, int cpu, void *data,
		   struct event *ev)
{
	struct tep_record record = { .data = data };
	int id = tep_data_type(tracer->tep, &record);
	unsigned int kind;

	if (tracer->function && tracer->function->id == id) {
		ev->kind = EVENT_FUNCTION;
		return get_function(tracer, cpu, data, ev);
	}
	for (kind = 0; kind < N_EVENT_KINDS; kind++) {
		if (tracer->source[kind].event &&
		    tracer->source[kind].event->id == id) {
			ev->kind = kind;
			get_event(tracer, kind, data, ev);
			return true;
		}
	}
	return false;
}

/* --- setting up --------------------------------------------------------- */

static int missing_field(unsigned int kind, const char *name)
{
	return tool_error("trace event %s has no field '%s'",
			  event_names[kind], name);
}

static bool may_be_missing(const struct key *key)
{
	return key->form == FORM_ENUM || key->form == FORM_WHY ||
	       key->form == FORM_OPTIONS;
}

static int find_fields(struct source *s, unsigned int kind)
{
	const struct key *key = event_keys(kind);
	unsigned int i;

	for (i = 0; i < N_TUPLE; i++) {
		if (kind >= EVENT_RING && i != NETNS)
			continue;
		s->tuple[i] = tep_find_field(s->event, tuple_names[i]);
		if (!s->tuple[i])
			return missing_field(kind, tuple_names[i]);
	}
	for (i = 0; key[i].name; i++) {
		const char *name = key[i].field ? key[i].field : key[i].name;

		s->field[i] = tep_find_field(s->event, name);
		if (!s->field[i] && !may_be_missing(&key[i]))
			return missing_field(kind, name);
	}
	return 0;
}

/*
 * Not by tracefs_local_events_system(), which reads all the kernel's symbols
 * as well: seconds in a guest.
 */
static int learn_pages(struct tracer *tracer)
{
	char *text;
	int size;

	tracer->tep = tep_alloc();
	text = tracefs_instance_file_read(NULL, "events/header_page", &size);
	if (!tracer->tep || !text ||
	    tep_parse_header_page(tracer->tep, text, size, sizeof(long))) {
		free(text);
		return tool_error("cannot read the format of trace buffers");
	}
	free(text);
	tep_set_long_size(tracer->tep, sizeof(long));
	tep_set_file_bigendian(tracer->tep,
			       tep_is_local_bigendian(tracer->tep));
	return 0;
}

/* NULL: there is no such event. */
static struct tep_event *find_event(struct tracer *tracer, const char *system,
				    const char *name)
{
	char file[64], *text;
	int size, err;

	snprintf(file, sizeof(file), "events/%s/%s/format", system, name);
	text = tracefs_instance_file_read(NULL, file, &size);
	if (!text)
		return NULL;
	err = tep_parse_event(tracer->tep, text, size, system);
	free(text);
	return err ? NULL : tep_find_event_by_name(tracer->tep, system, name);
}

static int find_events(struct tracer *tracer, unsigned int kinds)
{
	unsigned int kind;

	for (kind = 0; kind < N_EVENT_KINDS; kind++) {
		struct source *s = &tracer->source[kind];

		if (!(kinds & BIT(kind)))
			continue;
		s->event = find_event(tracer, SYSTEM, event_names[kind]);
		if (!s->event && must_exist(kind))
			return tool_error("no event %s (is the module loaded?)",
					  event_names[kind]);
		if (s->event && find_fields(s, kind))
			return EXIT_FAILED;
	}
	return 0;
}

static int enable_events(struct tracer *tracer)
{
	unsigned int kind;
	char file[64];

	for (kind = 0; kind < N_EVENT_KINDS; kind++) {
		if (!tracer->source[kind].event)
			continue;
		snprintf(file, sizeof(file), "events/" SYSTEM "/%s/enable",
			 event_names[kind]);
		if (tracefs_instance_file_write(tracer->instance, file,
						"1") < 0)
			return tool_error("cannot enable trace event %s: %s",
					  event_names[kind], strerror(errno));
	}
	return 0;
}

static int open_buffers(struct tracer *tracer)
{
	int i, size = BUFFERS_KIB / tracer->n_cpus;

	if (size < MIN_BUFFER_KIB)
		size = MIN_BUFFER_KIB;
	tracefs_instance_set_buffer_size(tracer->instance, size, -1);
	tracer->page = tep_kbuffer(tracer->tep);
	tracer->cpu = calloc(tracer->n_cpus, sizeof(*tracer->cpu));
	if (!tracer->page || !tracer->cpu)
		return tool_error("out of memory");
	for (i = 0; i < tracer->n_cpus; i++) {
		struct cpu *cpu = &tracer->cpu[i];

		cpu->buffer = tracefs_cpu_open(tracer->instance, i, true);
		/* A CPU that may come, and is not there. */
		if (!cpu->buffer)
			continue;
		if (!tracer->bytes)
			tracer->bytes =
				malloc(tracefs_cpu_read_size(cpu->buffer));
	}
	if (!tracer->bytes)
		return tool_error("cannot read trace buffers: %s",
				  strerror(errno));
	return 0;
}

/* --- functions ---------------------------------------------------------- */

static const char *find_name(const char * const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return *names;
	return NULL;
}

static bool add_symbol(struct tracer *tracer, unsigned long long addr,
		       const char *name)
{
	struct symbol *bigger;

	bigger = reallocarray(tracer->symbol, tracer->n_symbols + 1,
			      sizeof(*bigger));
	if (!bigger)
		return false;
	tracer->symbol = bigger;
	bigger[tracer->n_symbols++] = (struct symbol) { addr, name };
	return true;
}

static int find_symbols(struct tracer *tracer, const char * const *names)
{
	FILE *in = fopen("/proc/kallsyms", "re");
	unsigned long long addr;
	char *line = NULL, *end;
	size_t size = 0;
	bool ok = true;

	if (!in)
		return tool_error("cannot read /proc/kallsyms: %s",
				  strerror(errno));
	while (ok && getline(&line, &size, in) > 0) {
		const char *name;

		/* "ADDRESS TYPE NAME", and perhaps a tab and "[MODULE]". */
		addr = strtoull(line, &end, 16);
		if (!addr || strlen(end) < 4)
			continue;
		end[strcspn(end, "\t\n")] = '\0';
		name = find_name(names, end + 3);
		if (name)
			ok = add_symbol(tracer, addr, name);
	}
	free(line);
	fclose(in);
	return ok ? 0 : tool_error("out of memory");
}

/*
 * Those that the kernel does not have, or has made part of others, are left
 * out.  All in one expression: for each that it is given, the kernel looks
 * through all its functions.
 */
static int filter_functions(struct tracer *tracer, const char * const *names)
{
	size_t len = sizeof("^\\(\\)$"), n = 0;
	char *all;
	int i, err;

	for (i = 0; names[i]; i++)
		len += strlen(names[i]) + strlen("\\|");
	all = malloc(len);
	if (!all)
		return tool_error("out of memory");
	for (i = 0; names[i]; i++)
		n += sprintf(all + n, "%s%s", i ? "\\|" : "^\\(", names[i]);
	strcpy(all + n, "\\)$");
	err = tracefs_function_filter(tracer->instance, all, NULL,
				      TRACEFS_FL_RESET);
	free(all);
	return err ? tool_error("the kernel traces none of the functions") : 0;
}

static int trace_functions(struct tracer *tracer, const char * const *names)
{
	char *tracers = tracefs_instance_file_read(tracer->instance,
						   "available_tracers", NULL);
	bool able = tracers && strstr(tracers, "function");

	free(tracers);
	tracer->function = find_event(tracer, "ftrace", "function");
	if (!able || !tracer->function)
		return tool_error("this kernel has no function tracer");
	tracer->ip = tep_find_field(tracer->function, "ip");
	tracer->pid = tep_find_any_field(tracer->function, "common_pid");
	if (!tracer->ip || !tracer->pid)
		return tool_error("the function tracer's records are unknown");
	if (find_symbols(tracer, names) || filter_functions(tracer, names))
		return EXIT_FAILED;
	if (tracefs_instance_file_write(tracer->instance, "current_tracer",
					"function") < 0)
		return tool_error("cannot trace functions: %s",
				  strerror(errno));
	return 0;
}

static int start(struct tracer *tracer, const struct trace_request *request)
{
	if (!tracefs_tracing_dir())
		return tool_error("no tracefs: %s", strerror(errno));
	if (learn_pages(tracer) || find_events(tracer, request->kinds))
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
	/*
	 * The names of processes, which we do not show, would cost a probe at
	 * each switch between them.  Not all kernels let an instance say so.
	 */
	tracefs_instance_file_write(tracer->instance, "trace_options",
				    "norecord-cmd");
	/* Before the buffers are open: then the kernel no longer allows it. */
	if (request->functions && trace_functions(tracer, request->functions))
		return EXIT_FAILED;
	if (open_buffers(tracer))
		return EXIT_FAILED;
	return enable_events(tracer);
}

static void tracer_free(struct tracer *tracer)
{
	int i;

	for (i = 0; tracer->cpu && i < tracer->n_cpus; i++)
		if (tracer->cpu[i].buffer)
			tracefs_cpu_close(tracer->cpu[i].buffer);
	if (tracer->instance) {
		tracefs_instance_destroy(tracer->instance);
		tracefs_instance_free(tracer->instance);
	}
	if (tracer->page)
		kbuffer_free(tracer->page);
	tep_free(tracer->tep);
	free(tracer->symbol);
	free(tracer->bytes);
	free(tracer->cpu);
	free(tracer);
}

/**
 * tracer_start - begin to trace
 * @request: what; an event that the module does not have is left out
 *
 * Return: what tracer_stop() frees, or NULL when it failed and this was told.
 */
struct tracer *tracer_start(const struct trace_request *request)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));

	tep_set_loglevel(TEP_LOG_NONE);
	if (!tracer) {
		tool_error("out of memory");
		return NULL;
	}
	tracer->n_cpus = sysconf(_SC_NPROCESSORS_CONF);
	if (!start(tracer, request))
		return tracer;
	tracer_free(tracer);
	return NULL;
}

/* --- reading ------------------------------------------------------------ */

static int read_page(struct tracer *tracer, int cpu, struct recording *rec)
{
	unsigned long long ns;
	void *data;

	kbuffer_load_subbuffer(tracer->page, tracer->bytes);
	while ((data = kbuffer_read_event(tracer->page, &ns))) {
		struct event ev = { .ns = ns };

		tracer->cpu[cpu].last_ns = ns;
		if (decode(tracer, cpu, data, &ev) && !recording_add(rec, &ev))
			return tool_error("out of memory for events");
		kbuffer_next_event(tracer->page, NULL);
	}
	return 0;
}

static int read_cpu(struct tracer *tracer, int cpu, struct recording *rec,
		    uint64_t *horizon)
{
	size_t total = 0;

	while (total < READ_BYTES) {
		int n = tracefs_cpu_read(tracer->cpu[cpu].buffer,
					 tracer->bytes, true);

		if (n <= 0)
			return 0;
		if (read_page(tracer, cpu, rec))
			return EXIT_FAILED;
		total += n;
	}
	if (*horizon > tracer->cpu[cpu].last_ns)
		*horizon = tracer->cpu[cpu].last_ns;
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
		    !fstatat(dirfd(dir), entry->d_name, &st, 0) &&
		    !*recording_netns(rec, st.st_ino))
			recording_name_netns(rec, st.st_ino, entry->d_name);
	closedir(dir);
}

/* Are there events, from the @first on, in a namespace without a name? */
static bool has_nameless(const struct recording *rec, size_t first)
{
	const struct event *ev, *last = NULL;

	for (; first < rec->n_events; first++) {
		ev = &rec->event[first];
		if ((!last || ev->netns != last->netns) &&
		    !*recording_netns(rec, ev->netns))
			return true;
		last = ev;
	}
	return false;
}

/**
 * tracer_read - take what the kernel has, without waiting for more
 * @tracer: from tracer_start()
 * @rec: the events are added to it, each CPU's in order; and the names of
 *	network namespaces, how many events were lost so far, and the wall
 *	clock
 * @horizon: all that happened before this time has been read
 *
 * Return: 0, or an exit status for what has been told.
 */
int tracer_read(struct tracer *tracer, struct recording *rec,
		uint64_t *horizon)
{
	size_t before = rec->n_events;
	uint64_t missed = 0;
	int cpu, err = 0;

	*horizon = now(CLOCK_MONOTONIC) - SLACK_NS;
	for (cpu = 0; cpu < tracer->n_cpus && !err; cpu++) {
		if (!tracer->cpu[cpu].buffer)
			continue;
		err = read_cpu(tracer, cpu, rec, horizon);
		missed += count_missed(tracer->instance, cpu);
	}
	rec->missed = missed;
	if (!rec->wall_ns)
		rec->wall_ns = now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC);
	/* The first time all, since what is traced may remove them again. */
	if (!rec->n_netns || has_nameless(rec, before))
		name_netns(rec);
	return err;
}

/* Stop, take the rest, and close the recording.  Frees the tracer. */
int tracer_stop(struct tracer *tracer, struct recording *rec)
{
	uint64_t horizon;
	size_t before;
	int err;

	tracefs_trace_off(tracer->instance);
	rec->end_ns = now(CLOCK_MONOTONIC);
	do {
		before = rec->n_events;
		err = tracer_read(tracer, rec, &horizon);
	} while (!err && rec->n_events != before);
	tracer_free(tracer);
	return err;
}
