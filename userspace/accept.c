// SPDX-License-Identifier: GPL-2.0
/*
 * The next client, for those who can wait for it, and the signals that end a
 * server.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

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

/*
 * Of all processes or threads that sleep here on one listener, the kernel
 * wakes one for each client.
 */
int accept_or_sleep(const struct server *srv)
{
	for (;;) {
		int fd = accept4(srv->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			return fd;
		if (accept_must_pause(errno))
			usleep(ACCEPT_PAUSE_MS * 1000);
	}
}

/* The next client's descriptor, or a signal's number, negated. */
int accept_or_signal(const struct server *srv)
{
	struct pollfd fds[] = {
		{ .fd = srv->signals, .events = POLLIN },
		{ .fd = srv->listener, .events = POLLIN },
	};
	bool paused = false;

	for (;;) {
		int fd;

		poll(fds, paused ? 1 : 2, paused ? ACCEPT_PAUSE_MS : -1);
		if (fds[0].revents)
			return -wait_signal(srv);
		fd = accept4(srv->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		paused = accept_must_pause(errno);
	}
}

int wait_signal(const struct server *srv)
{
	struct signalfd_siginfo info;

	while (read(srv->signals, &info, sizeof(info)) != sizeof(info))
		;
	return info.ssi_signo;
}

/* All zeroes if it has gone already. */
struct sockaddr_in peer_of(int fd)
{
	struct sockaddr_in addr = { 0 };
	socklen_t len = sizeof(addr);

	getpeername(fd, (struct sockaddr *)&addr, &len);
	return addr;
}
