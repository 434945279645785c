/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP_INFO, by the names that tcp_info's fields have without "tcpi_".
 *
 * The structure is the kernel's own, because that of the C library ends
 * early; the two headers cannot be included together, so it is not seen here.
 */
#ifndef _SELFTESTS_TCPINFO_H
#define _SELFTESTS_TCPINFO_H

#include <stdbool.h>
#include <stddef.h>

/* As many bytes as any kernel's structure may have. */
struct tcpinfo {
	unsigned long long words[64];
};

extern const size_t tcpinfo_size;	/* of AF_TEACH's, in bytes */

/* Return: 0 or -1, with errno. */
int tcpinfo_read(int fd, struct tcpinfo *info);
bool tcpinfo_field(const struct tcpinfo *info, const char *name,
		   long long *value);

#endif /* _SELFTESTS_TCPINFO_H */
