/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of `teach ss` share: cmd_ss.c is told what to do, ss_filter.c
 * knows which sockets are meant, ss_text.c and ss_json.c how they are shown.
 */
#ifndef _SS_H
#define _SS_H

#include <stdbool.h>
#include <stdint.h>

#include "sockdiag.h"

/* What to show of each. */
struct ss_columns {
	bool timer;
	bool extended;
	bool memory;
	bool info;
	bool processes;
	bool numeric;
	bool no_header;
};

struct ss_prefix {
	uint32_t address;	/* network byte order */
	int bits;		/* 0: any address */
};

/* Which to show: those for which all of it is so. */
struct ss_filter {
	uint32_t states;	/* bits: TCP_*; 0: not told */
	bool streams, datagrams;
	uint16_t sport, dport;	/* 0: any */
	struct ss_prefix src, dst;
	unsigned int ifindex;	/* 0: any */
};

int ss_filter_parse(struct ss_filter *filter, int argc, char **argv);
void ss_filter_request(const struct ss_filter *filter,
		       struct inet_diag_req_v2 *req);
bool ss_filter_match(const struct ss_filter *filter,
		     const struct sock_row *row);

const char *ss_netid(const struct sock_row *row);
const char *ss_state(const struct sock_row *row);
const char *ss_timer(const struct sock_row *row);

void ss_text_header(const struct ss_columns *columns);
void ss_text_row(const struct ss_columns *columns, const struct sock_row *row);
void ss_json_row(const struct ss_columns *columns, const struct sock_row *row);

#endif /* _SS_H */
