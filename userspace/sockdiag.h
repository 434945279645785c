/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel says of AF_TEACH's sockets: sock_diag(7).
 */
#ifndef _SOCKDIAG_H
#define _SOCKDIAG_H

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOCK_CONG_MAX	16

/**
 * struct sock_row - one socket, or what is before or after one
 * @msg: names, state, queues, timer, owner
 * @proto: the protocol on the wire
 * @tos: of its packets
 * @shutdown: bits: 1 for reading, 2 for writing
 * @mark: of its packets
 * @cong: the algorithm of congestion control; "" for none
 * @skmem: by SK_MEMINFO_*; so many of them as @skmem_count says
 * @skmem_count: 0 when they were not asked for
 * @info: TCP_INFO; so much of it as @info_len says, the rest is 0
 * @info_len: 0 when it was not asked for
 */
struct sock_row {
	struct inet_diag_msg msg;
	uint8_t proto;
	uint8_t tos;
	uint8_t shutdown;
	uint32_t mark;
	char cong[SOCK_CONG_MAX];
	uint32_t skmem[SK_MEMINFO_VARS];
	unsigned int skmem_count;
	struct tcp_info info;
	size_t info_len;
};

struct sock_table {
	struct sock_row *row;
	size_t count;
	size_t room;
};

/* A bit of struct inet_diag_req_v2.idiag_ext. */
#define SOCK_EXT(name)	(1 << (INET_DIAG_##name - 1))

/* Both say what went wrong; they return 0, or the exit status for it. */
int sockdiag_list(struct inet_diag_req_v2 *req, struct sock_table *table);
int sockdiag_destroy(const struct sock_row *row);
void sockdiag_free(struct sock_table *table);

#endif /* _SOCKDIAG_H */
