/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events as JSON, for programs: the names are those of a recording, numbers are
 * as on the wire.
 */
#ifndef _EVENT_JSON_H
#define _EVENT_JSON_H

#include "events.h"

void event_json(const char *name, const struct event *event,
		const struct recording *rec);

#endif /* _EVENT_JSON_H */
