// SPDX-License-Identifier: GPL-2.0
/*
 * The next client: what accept() says, and who it is.
 */
#include <errno.h>
#include <sys/socket.h>

#include "server.h"

/*
 * After accept() has failed.  A client that went away before it was accepted
 * is no trouble.  But one for whom there is no descriptor stays in the accept
 * queue, so poll() and epoll would report it again at once, and for ever.
 */
bool accept_must_pause(int error)
{
	return error != EAGAIN && error != EINTR && error != ECONNABORTED;
}

/* All zeroes if it has gone already. */
struct sockaddr_in peer_of(int fd)
{
	struct sockaddr_in addr = { 0 };
	socklen_t len = sizeof(addr);

	getpeername(fd, (struct sockaddr *)&addr, &len);
	return addr;
}
