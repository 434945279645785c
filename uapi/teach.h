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
