/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events from the running kernel.
 */
#ifndef _TRACE_H
#define _TRACE_H

#include "events.h"

#define ALL_KINDS	((1u << EVENT_FUNCTION) - 1)

struct tracer;

/**
 * struct trace_request - what to trace
 * @kinds: a bit for each enum event_kind of the module's
 * @functions: names of kernel functions whose calls make an EVENT_FUNCTION
 *	each, and NULL behind; or NULL
 */
struct trace_request {
	unsigned int kinds;
	const char * const *functions;
};

struct tracer *tracer_start(const struct trace_request *request);
int tracer_read(struct tracer *tracer, struct recording *rec,
		uint64_t *horizon);
int tracer_stop(struct tracer *tracer, struct recording *rec);

#endif /* _TRACE_H */
