// SPDX-License-Identifier: GPL-2.0
/*
 * Record the events of a command, and of what its connections do after it:
 * the other end still closes then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record.h"
#include "tool.h"

#define TICK_MS		100	/* how often the kernel's buffers are read */
#define MANY		10000	/* events at once: read on, without waiting */
#define SETTLE_MS	2000	/* of silence, when ends stay open */

/**
 * struct session - one recording, while it is made
 * @flows: the connections so far
 * @settled: events at the head of @rec that are in order and known to @flows
 * @n_events: all that were read
 * @horizon: all that happened before is known
 */
struct session {
	const struct recorder *recorder;
	struct recording *rec;
	struct tracer *tracer;
	struct flows flows;
	size_t settled;
	size_t n_events;
	uint64_t horizon;
};

static pid_t start_command(char **command, const sigset_t *mask)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	tool_error("cannot run %s: %s", command[0], strerror(errno));
	_exit(127);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

static int settle_event(struct session *s, const struct event *ev)
{
	const struct flow *flow;
	long i;
	int end;

	if (!flows_place(&s->flows, ev, &i, &end))
		return tool_error("out of memory");
	if (!s->recorder->on_event)
		return 0;
	flow = i < 0 ? NULL : &s->flows.flow[i];
	return s->recorder->on_event(ev, s->rec, flow, end,
				     s->recorder->context);
}

/* Put in order what was read, and go on with what is before the horizon. */
static int settle(struct session *s)
{
	struct recording *rec = s->rec;
	int err = 0;

	recording_sort(rec, s->settled);
	while (!err && s->settled < rec->n_events &&
	       rec->event[s->settled].ns < s->horizon)
		err = settle_event(s, &rec->event[s->settled++]);
	if (s->recorder->on_event) {
		recording_drop(rec, s->settled);
		s->settled = 0;
	}
	return err;
}

/* Until nothing new is there. */
static int read_all(struct session *s)
{
	size_t before, n;
	int err;

	do {
		before = s->rec->n_events;
		err = tracer_read(s->tracer, s->rec, &s->horizon);
		n = s->rec->n_events - before;
		s->n_events += n;
		if (!err)
			err = settle(s);
	} while (!err && n > MANY);
	return err;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int record_loop(struct session *s, pid_t child, const sigset_t *signals,
		       int *status)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	unsigned int silent_ms = 0;
	uint64_t ended_ns = 0;
	size_t seen = 0;

	for (;;) {
		int sig = sigtimedwait(signals, NULL, &tick);
		int wait_status;

		/* First this: what it did is in the buffers then. */
		if (child > 0 && !ended_ns &&
		    waitpid(child, &wait_status, WNOHANG) == child) {
			*status = exit_status(wait_status);
			ended_ns = now();
			seen = s->n_events;
		}
		if (read_all(s))
			return EXIT_FAILED;
		if (sig == SIGINT || sig == SIGTERM)
			return 0;
		if (!ended_ns)
			continue;
		if (s->horizon > ended_ns && !s->flows.n_open)
			return 0;
		silent_ms = s->n_events == seen ? silent_ms + TICK_MS : 0;
		if (silent_ms >= SETTLE_MS)
			return 0;
		seen = s->n_events;
	}
}

static int run_session(struct session *s, int *status)
{
	const struct recorder *recorder = s->recorder;
	sigset_t signals, before;
	pid_t child = 0;
	int err = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &before);
	s->tracer = tracer_start(&recorder->request);
	if (!s->tracer) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return EXIT_FAILED;
	}
	if (recorder->command)
		child = start_command(recorder->command, &before);
	else
		fputs("Recording. Ctrl-C ends it.\n", stderr);
	if (child < 0)
		err = tool_error("cannot fork: %s", strerror(errno));
	else
		err = record_loop(s, child, &signals, status);
	if (tracer_stop(s->tracer, s->rec))
		err = EXIT_FAILED;
	s->horizon = UINT64_MAX;
	if (!err)
		err = settle(s);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

/**
 * record - record until the command's connections are closed, or a signal
 * @recorder: what, and what to do with it
 * @rec: filled, and in order; the caller frees it, whatever is returned
 * @status: set to the exit status of the command, as a shell counts
 *
 * When an end of a connection stays open, some seconds of silence end it too.
 *
 * Return: 0, or an exit status for what has been told.
 */
int record(const struct recorder *recorder, struct recording *rec, int *status)
{
	struct session s = { .recorder = recorder, .rec = rec };
	int err;

	if (!flows_init(&s.flows, &recorder->filter))
		return tool_error("out of memory");
	err = run_session(&s, status);
	flows_free(&s.flows);
	return err;
}

/* --- files -------------------------------------------------------------- */

int recording_save(const struct recording *rec, const char *name)
{
	FILE *out = fopen(name, "we");
	bool failed;

	if (out) {
		recording_write(rec, out);
		failed = ferror(out);
		if (!fclose(out) && !failed)
			return 0;
	}
	return tool_error("cannot write %s: %s", name, strerror(errno));
}

int recording_load(struct recording *rec, const char *name)
{
	FILE *in = fopen(name, "re");
	int err;

	if (!in)
		return tool_error("cannot read %s: %s", name, strerror(errno));
	err = recording_read(rec, in, name);
	fclose(in);
	return err;
}
