/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events from the running kernel.
 */
#ifndef _TRACE_H
#define _TRACE_H

#include "events.h"

struct tracer;

struct tracer *tracer_start(void);
int tracer_read(struct tracer *tracer, struct recording *rec);
int tracer_stop(struct tracer *tracer, struct recording *rec);

#endif /* _TRACE_H */
