/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands in a packet: numbers, their high byte first, and the Internet
 * checksum (RFC 1071).  For programs that make and read packets of their own.
 */
#ifndef _SELFTESTS_BYTES_H
#define _SELFTESTS_BYTES_H

#include <linux/types.h>
#include <stddef.h>

static inline void put16(__u8 *p, __u16 v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put32(__u8 *p, __u32 v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static inline __u16 get16(const __u8 *p)
{
	return p[0] << 8 | p[1];
}

static inline __u32 get32(const __u8 *p)
{
	return (__u32)get16(p) << 16 | get16(p + 2);
}

/* Add to @sum; what is of an odd length comes last. */
static inline __u32 sum_bytes(const void *data, size_t len, __u32 sum)
{
	const __u8 *p = data;

	for (; len > 1; p += 2, len -= 2)
		sum += get16(p);
	return len ? sum + (p[0] << 8) : sum;
}

static inline __u16 sum_fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* RFC 9293 3.1: the pseudo-header is addresses, protocol and length. */
static inline __u16 sum_segment(const __u8 *ip, const __u8 *tcp, size_t len)
{
	return sum_fold(sum_bytes(tcp, len,
				  sum_bytes(ip + 12, 8, ip[9] + len)));
}

#endif /* _SELFTESTS_BYTES_H */
