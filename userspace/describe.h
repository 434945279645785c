/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events in words, for people.
 */
#ifndef _DESCRIBE_H
#define _DESCRIBE_H

#include "events.h"

#define DESCRIPTION	640	/* options included */

char *describe(const struct event *ev, uint32_t local_base,
	       uint32_t foreign_base, char *buf, size_t size);
const char *error_name(int error);

#endif /* _DESCRIBE_H */
