/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_TEACH: what a program includes.
 *
 *	fd = socket(AF_TEACH, SOCK_STREAM, 0);
 *	fd = socket(AF_TEACH, SOCK_DGRAM, 0);
 *
 * Everything after that is what socket(7), ip(7), tcp(7) and udp(7) say.  Every
 * call that takes a struct sockaddr_teach also takes a plain struct
 * sockaddr_in, and a socket answers in the form it was last addressed in.
 */
#ifndef _UAPI_TEACH_H
#define _UAPI_TEACH_H

#include <linux/types.h>
#include <linux/in.h>
#include <linux/socket.h>

/*
 * The table of families ends at a number fixed when the kernel is built, so
 * an idle one is borrowed: 22 was AF_SNA, which mainline never implemented.
 */
#ifndef AF_TEACH
#define AF_TEACH		22
#endif
#define PF_TEACH		AF_TEACH

/* On the wire: the two numbers RFC 3692 sets aside for experiments. */
#define IPPROTO_TEACH		253	/* RFC 9293's header */
#define IPPROTO_TEACH_DGRAM	254	/* RFC 768's header */

/* setsockopt(2) level for what TCP does not have. */
#define SOL_TEACH		IPPROTO_TEACH

/*
 * SO_ZEROCOPY and SO_REUSEPORT of socket(7).  Before 6.7 kernels do not let a
 * family of their modules have those.
 */
#define TEACH_ZEROCOPY		1
#define TEACH_REUSEPORT		2

/*
 * getsockopt(2) of any stream: where in the table of connections of its network
 * namespace a 5-tuple falls, struct teach_hash.  Whoever knew which of them
 * fall together could make each look-up as long as he likes; so it takes
 * CAP_NET_ADMIN there (else EPERM).
 */
#define TEACH_HASH		3

/* What has the 5-tuple: teach_hash.th_found. */
enum {
	TEACH_HASH_NONE,
	TEACH_HASH_SOCKET,
	TEACH_HASH_REQUEST,	/* half open: SYN_RECV */
	TEACH_HASH_TIMEWAIT,
};

/**
 * struct teach_hash - a 5-tuple, and where it falls
 * @th_laddr: the local address; this and the next four are for the kernel
 * @th_faddr: the foreign address
 * @th_lport: the local port, network byte order
 * @th_fport: the foreign port, network byte order
 * @th_proto: IPPROTO_TEACH or IPPROTO_TCP
 * @th_found: TEACH_HASH_*; this and the rest are filled in
 * @th_zero: 0
 * @th_buckets: how many chains the table has
 * @th_bucket: the one that the 5-tuple belongs to
 * @th_entries: how many connections are in that chain
 * @th_position: the how-manieth of them it is; 0 if it is not there
 */
struct teach_hash {
	struct in_addr		th_laddr;
	struct in_addr		th_faddr;
	__be16			th_lport;
	__be16			th_fport;
	__u8			th_proto;
	__u8			th_found;
	__u16			th_zero;
	__u32			th_buckets;
	__u32			th_bucket;
	__u32			th_entries;
	__u32			th_position;
};

/**
 * struct sockaddr_teach - one end of a connection
 * @st_family: AF_TEACH
 * @st_port: port, network byte order; 0 asks for one
 * @st_addr: IPv4 address, network byte order
 * @st_zero: must be zero, or the call fails with EINVAL
 *
 * The size and layout are those of struct sockaddr_in.
 */
struct sockaddr_teach {
	__kernel_sa_family_t	st_family;
	__be16			st_port;
	struct in_addr		st_addr;
	__u8			st_zero[8];
};

#endif /* _UAPI_TEACH_H */
