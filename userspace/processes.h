/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who has a socket: from the descriptors in /proc that the user may see.
 */
#ifndef _PROCESSES_H
#define _PROCESSES_H

#include <stdint.h>
#include <sys/types.h>

/* One descriptor of a socket. */
struct holder {
	uint64_t inode;
	pid_t pid;
	int fd;
	char name[16];
};

void processes_read(void);
void processes_free(void);
/* Those of @inode, one after the other: begin with NULL. */
const struct holder *processes_next(uint64_t inode, const struct holder *last);

#endif /* _PROCESSES_H */
