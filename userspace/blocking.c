// SPDX-License-Identifier: GPL-2.0
/*
 * One client, from its first byte to its last, by a process or thread that has
 * nothing else to do: recv() and send() sleep until they can go on.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server.h"

/* The next call on @fd sleeps no longer than the client has time left. */
static bool limit_sleep(int fd, int option, const struct client *c)
{
	int64_t ms = client_time_left(c);
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	/* To the kernel, 0 is for ever. */
	return ms && !setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

static bool receive(int fd, struct client *c, const struct iovec *buffer)
{
	ssize_t n;

	if (!limit_sleep(fd, SO_RCVTIMEO, c))
		return false;
	n = recv(fd, buffer->iov_base, buffer->iov_len, 0);
	if (n < 0)
		return errno == EINTR;
	client_received(c, n);
	return true;
}

static bool transmit(int fd, struct client *c, const struct iovec *buffer)
{
	ssize_t n;

	if (!limit_sleep(fd, SO_SNDTIMEO, c))
		return false;
	n = send(fd, buffer->iov_base, buffer->iov_len, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EINTR;
	client_sent(c, n);
	return true;
}

/* Takes @fd over, and closes it. */
void serve_client(const struct server *srv, int fd)
{
	struct sockaddr_in peer = peer_of(fd);
	struct iovec buffer;
	struct client c;
	bool open = true;

	client_init(&c, &srv->service, &peer);
	while (open) {
		switch (client_next(&c, &buffer)) {
		case CLIENT_RECV:
			open = receive(fd, &c, &buffer);
			break;
		case CLIENT_SEND:
			open = transmit(fd, &c, &buffer);
			break;
		case CLIENT_SHUTDOWN:
			open = !shutdown(fd, SHUT_WR);
			break;
		case CLIENT_CLOSE:
			open = false;
			break;
		}
	}
	client_end(&c);
	close(fd);
}
