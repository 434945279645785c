// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the machine was there all the time.
 *
 * A guest's CPU may be away for longer than a timer of TCP's, because the
 * host has given its time to others.  What a script sees then is no fault of
 * the stack.  On each CPU a thread sleeps for a short time, again and again,
 * and adds up by how much it woke too late.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "conformance.h"

#define MAX_CPUS	8
#define BEAT		0.02	/* seconds of sleep */
#define LATE_BEAT	0.05	/* so much later is a stall */

/* One for each CPU; written by its thread, read by all processes. */
static volatile double *stalls;

/* Before whatever else would like to run. */
void hurry(int priority)
{
	struct sched_param param = { .sched_priority = priority };

	sched_setscheduler(0, SCHED_FIFO, &param);
}

static double clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *watch(void *arg)
{
	struct timespec beat = { .tv_nsec = BEAT * 1e9 };
	long cpu = (long)arg;
	double before, late;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	hurry(2);
	for (;;) {
		before = clock_now();
		nanosleep(&beat, NULL);
		late = clock_now() - before - BEAT;
		if (late > LATE_BEAT)
			stalls[cpu] += late;
	}
	return NULL;
}

/* In the first process, before it starts others. */
void stalls_watch(void)
{
	long cpu, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	stalls = mmap(NULL, MAX_CPUS * sizeof(*stalls),
		      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (stalls == MAP_FAILED)
		abort();
	for (cpu = 0; cpu < cpus && cpu < MAX_CPUS; cpu++)
		pthread_create(&thread, NULL, watch, (void *)cpu);
}

/* All stalls since the beginning, in seconds. */
double stalls_sum(void)
{
	double sum = 0;
	int cpu;

	for (cpu = 0; cpu < MAX_CPUS; cpu++)
		sum += stalls[cpu];
	return sum;
}
