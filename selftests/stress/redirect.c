// SPDX-License-Identifier: GPL-2.0
/*
 * LD_PRELOAD=redirect.so PROGRAM: whoever asks for a socket of AF_INET gets one
 * of AF_TEACH, which takes AF_INET's addresses as they are.  For programs that
 * cannot name the family: scripts/stress.
 *
 * Only what calls socket(3) is caught, not the bare system call.
 */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <teach.h>

#define TYPE_FLAGS	(SOCK_NONBLOCK | SOCK_CLOEXEC)

int socket(int domain, int type, int protocol)
{
	int kind = type & ~TYPE_FLAGS;

	/* The number on the wire is another one; trinity also asks for raw. */
	if (domain == AF_INET) {
		domain = AF_TEACH;
		protocol = 0;
		if (kind != SOCK_DGRAM)
			type = SOCK_STREAM | (type & TYPE_FLAGS);
	}
	return syscall(SYS_socket, domain, type, protocol);
}
