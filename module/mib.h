/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is counted: numbers for mib-list.h.
 */
#ifndef _TEACH_MIB_H
#define _TEACH_MIB_H

enum teach_mib_item {
#define C(name, shown)			TEACH_MIB_##name,
#include "mib-list.h"
	TEACH_MIB_DROPS,
	TEACH_MIB_MAX_EVENT = TEACH_MIB_DROPS - 1,
#define D(name, shown, reason)		TEACH_MIB_DROP_##name,
#include "mib-list.h"
	TEACH_MIB_MAX
};

/* Why a received segment was dropped; counted from TEACH_MIB_DROPS on. */
enum teach_drop {
#define D(name, shown, reason)		TEACH_DROP_##name,
#include "mib-list.h"
};

struct teach_mib {
	unsigned long v[TEACH_MIB_MAX];
};

#endif /* _TEACH_MIB_H */
