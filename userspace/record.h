/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Recording while a command runs.
 */
#ifndef _RECORD_H
#define _RECORD_H

#include "flow.h"
#include "trace.h"

/**
 * struct recorder - what to record, how long, and what to do with it
 * @request: what is traced; EVENT_STATE must be, or else no end is seen
 * @filter: the connections to wait for, once @command has ended
 * @command: runs meanwhile; NULL: until a signal
 * @on_event: called with each event in the order of time, its connection (NULL:
 *	none) and its end; a status other than 0 ends all.  NULL: the events
 *	stay in the recording
 * @context: for it
 */
struct recorder {
	struct trace_request request;
	struct filter filter;
	char **command;
	int (*on_event)(const struct event *ev, const struct recording *rec,
			const struct flow *flow, int end, void *context);
	void *context;
};

int record(const struct recorder *recorder, struct recording *rec,
	   int *status);
int recording_save(const struct recording *rec, const char *name);
int recording_load(struct recording *rec, const char *name);

#endif /* _RECORD_H */
