/* SPDX-License-Identifier: GPL-2.0 */
/*
 * teach run: what the filter sends to the supervisor, and what the supervisor
 * makes of it.
 */
#ifndef _RUN_H
#define _RUN_H

#include <stdbool.h>
#include <sys/socket.h>

/* What socket(2) takes besides the type of a socket. */
#define TYPE_FLAGS	(SOCK_NONBLOCK | SOCK_CLOEXEC)

/**
 * struct run - what was asked for
 * @tcp: TCP and UDP on the wire, not IP protocols 253 and 254
 * @dgram: SOCK_DGRAM too
 * @call: which system call of the program is answered: socket(2), for every
 *	  socket; or else the one that tells what a socket is for, listen(2) or
 *	  connect(2)
 */
struct run {
	bool tcp;
	bool dgram;
	int call;
};

int run_socket(const struct run *run, int type);
void supervise(const struct run *run, int notify);

#endif /* _RUN_H */
