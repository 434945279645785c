// SPDX-License-Identifier: GPL-2.0
/*
 * What poll, select and epoll say about a socket in each state, exactly,
 * and whom they wake, and when.
 */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "kselftest_harness.h"

#include "net.h"

#define ASKED	(POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | \
		 POLLWRNORM)
#define READ	(POLLIN | POLLRDNORM)
#define WRITE	(POLLOUT | POLLWRNORM)

FIXTURE(events) {
	struct net net;
};

FIXTURE_SETUP(events)
{
	net_init(&self->net);
	net_nobody(&self->net, A);
}

FIXTURE_TEARDOWN(events)
{
	net_exit(&self->net);
}

static int bits(int fd)
{
	return net_poll(fd, ASKED, 0);
}

TEST_F(events, unconnected)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(WRITE | POLLHUP, bits(fd));
	ASSERT_EQ(0, net_bind(fd, ADDR_ANY, 6000));
	EXPECT_EQ(WRITE | POLLHUP, bits(fd));
	/* POLLHUP and POLLERR need not be asked for. */
	EXPECT_EQ(POLLHUP, net_poll(fd, 0, 0));
}

TEST_F(events, listener)
{
	int fd = net_listen(&self->net, A, 6000, 4);

	EXPECT_EQ(0, bits(fd));
	net_client(&self->net, B, ADDR_A, 6000);
	ASSERT_TRUE(net_wait_poll(fd, POLLIN));
	EXPECT_EQ(READ, bits(fd));
	net_client(&self->net, B, ADDR_A, 6000);
	ASSERT_TRUE(net_until(net_count(&self->net, A,
					TCP_ESTABLISHED) == 2));
	net_accept(fd);
	EXPECT_EQ(READ, bits(fd));
	net_accept(fd);
	EXPECT_EQ(0, bits(fd));
}

TEST_F(events, connecting)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	EXPECT_EQ(0, bits(fd));
}

TEST_F(events, connected)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	net_listen(&self->net, B, NET_PORT, 4);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_TRUE(net_wait_poll(fd, POLLOUT));
	EXPECT_EQ(WRITE, bits(fd));
}

TEST_F(events, refused)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_TRUE(net_wait_poll(fd, POLLERR));
	EXPECT_EQ(READ | WRITE | POLLRDHUP | POLLHUP | POLLERR, bits(fd));
	EXPECT_EQ(ECONNREFUSED, net_so_error(fd));
	EXPECT_EQ(READ | WRITE | POLLRDHUP | POLLHUP, bits(fd));
}

TEST_F(events, bytes)
{
	int fd[2];

	net_pair(&self->net, fd);
	EXPECT_EQ(WRITE, bits(fd[A]));
	EXPECT_EQ(WRITE, bits(fd[B]));
	net_send_all(fd[A], 10, 0);
	ASSERT_TRUE(net_wait_poll(fd[B], POLLIN));
	EXPECT_EQ(READ | WRITE, bits(fd[B]));
	net_recv_all(fd[B], 9, 0);
	EXPECT_EQ(READ | WRITE, bits(fd[B]));
	net_recv_all(fd[B], 1, 9);
	EXPECT_EQ(WRITE, bits(fd[B]));
}

TEST_F(events, send_buffer)
{
	int fd[2];
	size_t sum;

	net_pair(&self->net, fd);
	sum = net_fill(fd[A], 0);
	EXPECT_EQ(0, bits(fd[A]));
	net_recv_all(fd[B], sum, 0);
	ASSERT_TRUE(net_wait_poll(fd[A], POLLOUT));
	EXPECT_EQ(WRITE, bits(fd[A]));
}

TEST_F(events, peer_half_closed)
{
	int fd[2];

	net_pair(&self->net, fd);
	ASSERT_EQ(0, shutdown(fd[B], SHUT_WR));
	ASSERT_TRUE(net_wait_poll(fd[A], POLLRDHUP));
	EXPECT_EQ(READ | WRITE | POLLRDHUP, bits(fd[A]));
	EXPECT_EQ(READ, net_poll(fd[A], READ, 0));
	EXPECT_EQ(0, net_poll(fd[A], POLLPRI, 0));
	/* The writer's side is writable, for what it is worth. */
	EXPECT_EQ(WRITE, bits(fd[B]));
	ASSERT_EQ(0, shutdown(fd[A], SHUT_WR));
	ASSERT_TRUE(net_wait_poll(fd[B], POLLHUP));
	EXPECT_EQ(READ | WRITE | POLLRDHUP | POLLHUP, bits(fd[A]));
	EXPECT_EQ(READ | WRITE | POLLRDHUP | POLLHUP, bits(fd[B]));
}

TEST_F(events, own_shutdown)
{
	int fd[2];

	net_pair(&self->net, fd);
	ASSERT_EQ(0, shutdown(fd[A], SHUT_RD));
	EXPECT_EQ(READ | WRITE | POLLRDHUP, bits(fd[A]));
	ASSERT_EQ(0, shutdown(fd[A], SHUT_WR));
	EXPECT_EQ(READ | WRITE | POLLRDHUP | POLLHUP, bits(fd[A]));
}

TEST_F(events, peer_reset)
{
	char byte;
	int fd[2];

	net_pair(&self->net, fd);
	net_abort(fd[B]);
	ASSERT_TRUE(net_wait_poll(fd[A], POLLERR));
	EXPECT_EQ(READ | WRITE | POLLRDHUP | POLLHUP | POLLERR, bits(fd[A]));
	EXPECT_EQ(ECONNRESET, net_err(recv(fd[A], &byte, 1, 0)));
	EXPECT_EQ(READ | WRITE | POLLRDHUP | POLLHUP, bits(fd[A]));
}

/* Sleepers */

static long call_poll(struct net_call *call)
{
	return net_poll(call->fd, call->flags, NET_DEADLINE_MS);
}

TEST_F(events, poll_wakes_for_data)
{
	struct net_call call = { .fn = call_poll, .flags = POLLIN };
	int fd[2];

	net_pair(&self->net, fd);
	call.fd = fd[B];
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_send_all(fd[A], 1, 0);
	EXPECT_EQ(POLLIN, net_call_end(&call));
}

TEST_F(events, poll_wakes_for_room)
{
	struct net_call call = { .fn = call_poll, .flags = POLLOUT };
	size_t sum;
	int fd[2];

	net_pair(&self->net, fd);
	call.fd = fd[A];
	sum = net_fill(fd[A], 0);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_recv_all(fd[B], sum, 0);
	EXPECT_EQ(POLLOUT, net_call_end(&call));
}

TEST_F(events, poll_wakes_for_fin)
{
	struct net_call call = { .fn = call_poll, .flags = POLLRDHUP };
	int fd[2];

	net_pair(&self->net, fd);
	call.fd = fd[B];
	net_call(&call);
	close(fd[A]);
	EXPECT_EQ(POLLRDHUP, net_call_end(&call));
}

TEST_F(events, poll_wakes_for_reset)
{
	struct net_call call = { .fn = call_poll };
	int fd[2];

	net_pair(&self->net, fd);
	call.fd = fd[B];
	net_call(&call);
	net_abort(fd[A]);
	EXPECT_EQ(POLLHUP | POLLERR, net_call_end(&call) | POLLHUP);
}

TEST_F(events, poll_wakes_for_connection)
{
	struct net_call call = { .fn = call_poll, .flags = POLLIN };

	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_EQ(POLLIN, net_call_end(&call));
}

TEST_F(events, poll_wakes_for_own_shutdown)
{
	struct net_call call = { .fn = call_poll, .flags = POLLIN };
	int fd[2];

	net_pair(&self->net, fd);
	call.fd = fd[B];
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(fd[B], SHUT_RD));
	EXPECT_EQ(POLLIN, net_call_end(&call));
}

TEST_F(events, select_all)
{
	struct timeval tv = {};
	fd_set in, out, except;
	int fd[2];

	net_pair(&self->net, fd);
	net_send_all(fd[A], 1, 0);
	ASSERT_TRUE(net_wait_poll(fd[B], POLLIN));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(fd[A], &in);
	FD_SET(fd[B], &in);
	FD_SET(fd[B], &out);
	FD_SET(fd[B], &except);
	EXPECT_EQ(2, select(fd[A] + fd[B], &in, &out, &except, &tv));
	EXPECT_FALSE(FD_ISSET(fd[A], &in));
	EXPECT_TRUE(FD_ISSET(fd[B], &in));
	EXPECT_TRUE(FD_ISSET(fd[B], &out));
	EXPECT_FALSE(FD_ISSET(fd[B], &except));
}

/* epoll */

static int watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int epfd = epoll_create1(0);

	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
		net_fatal("epoll");
	return epfd;
}

/* The event there is now; 0 if none. */
static uint32_t event_now(int epfd, int timeout)
{
	struct epoll_event event;

	return epoll_wait(epfd, &event, 1, timeout) == 1 ? event.events : 0;
}

/* The event that is sure to come. */
static uint32_t event_next(int epfd)
{
	return event_now(epfd, NET_DEADLINE_MS);
}

TEST_F(events, epoll_level)
{
	int fd[2], epfd;

	net_pair(&self->net, fd);
	epfd = watch(fd[B], EPOLLIN);
	EXPECT_EQ(0, event_now(epfd, 0));
	net_send_all(fd[A], 2, 0);
	EXPECT_EQ(EPOLLIN, event_next(epfd));
	EXPECT_EQ(EPOLLIN, event_next(epfd));
	net_recv_all(fd[B], 1, 0);
	EXPECT_EQ(EPOLLIN, event_next(epfd));
	net_recv_all(fd[B], 1, 1);
	EXPECT_EQ(0, event_now(epfd, 0));
}

TEST_F(events, epoll_edge)
{
	int fd[2], epfd;

	net_pair(&self->net, fd);
	epfd = watch(fd[B], EPOLLIN | EPOLLET);
	net_send_all(fd[A], 2, 0);
	EXPECT_EQ(EPOLLIN, event_next(epfd));
	/* Nothing new, though there is something to read. */
	EXPECT_EQ(0, event_now(epfd, NET_QUIET_MS));
	net_recv_all(fd[B], 1, 0);
	EXPECT_EQ(0, event_now(epfd, NET_QUIET_MS));
	net_send_all(fd[A], 1, 2);
	EXPECT_EQ(EPOLLIN, event_next(epfd));
	net_recv_all(fd[B], 2, 1);
	EXPECT_EQ(0, event_now(epfd, NET_QUIET_MS));
}

/* Room after a full buffer is an edge; room after room is none. */
TEST_F(events, epoll_edge_of_writing)
{
	int fd[2], epfd;
	size_t sum;

	net_pair(&self->net, fd);
	epfd = watch(fd[A], EPOLLOUT | EPOLLET);
	EXPECT_EQ(EPOLLOUT, event_next(epfd));
	EXPECT_EQ(0, event_now(epfd, NET_QUIET_MS));
	sum = net_fill(fd[A], 0);
	EXPECT_EQ(0, event_now(epfd, 0));
	net_recv_all(fd[B], sum, 0);
	EXPECT_EQ(EPOLLOUT, event_next(epfd));
}

TEST_F(events, epoll_oneshot)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };
	int fd[2], epfd;

	net_pair(&self->net, fd);
	epfd = watch(fd[B], EPOLLIN | EPOLLONESHOT);
	net_send_all(fd[A], 1, 0);
	EXPECT_EQ(EPOLLIN, event_next(epfd));
	net_send_all(fd[A], 1, 1);
	EXPECT_EQ(0, event_now(epfd, NET_QUIET_MS));
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_MOD, fd[B], &event));
	EXPECT_EQ(EPOLLIN, event_next(epfd));
}

TEST_F(events, epoll_connects)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	int epfd;

	net_listen(&self->net, B, NET_PORT, 4);
	net_cut(&self->net, A);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	epfd = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	EXPECT_EQ(0, event_now(epfd, 0));
	net_mend(&self->net, A);
	EXPECT_EQ(EPOLLOUT, event_next(epfd));
	EXPECT_EQ(0, event_now(epfd, NET_QUIET_MS));
}

TEST_F(events, epoll_refused)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	int epfd;

	net_cut(&self->net, A);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	epfd = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	net_mend(&self->net, A);
	EXPECT_EQ(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR,
		  event_next(epfd));
}

TEST_F(events, epoll_closes)
{
	int fd[2], epfd;

	net_pair(&self->net, fd);
	epfd = watch(fd[B], EPOLLIN | EPOLLRDHUP | EPOLLET);
	net_send_all(fd[A], 1, 0);
	EXPECT_EQ(EPOLLIN, event_next(epfd));
	ASSERT_EQ(0, shutdown(fd[A], SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, event_next(epfd));
	ASSERT_EQ(0, shutdown(fd[B], SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, event_next(epfd));
}

TEST_F(events, epoll_reset)
{
	int fd[2], epfd;

	net_pair(&self->net, fd);
	epfd = watch(fd[B], EPOLLET);
	net_abort(fd[A]);
	EXPECT_EQ(EPOLLHUP | EPOLLERR, event_next(epfd));
}

TEST_F(events, epoll_listener)
{
	int epfd, listener, i;

	listener = net_listen(&self->net, B, NET_PORT, 8);
	epfd = watch(listener, EPOLLIN | EPOLLET);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, event_now(epfd, 0));
		net_client(&self->net, A, ADDR_B, NET_PORT);
		EXPECT_EQ(EPOLLIN, event_next(epfd));
	}
	for (i = 0; i < 3; i++)
		net_accept(listener);
	EXPECT_EQ(0, event_now(epfd, 0));
}

/*
 * Many wait for one listener: in an epoll of their own, or in accept(2).
 */
#define WAITERS	4

static long wait_event(struct net_call *call)
{
	struct epoll_event event;

	return epoll_wait(call->fd, &event, 1, NET_DEADLINE_MS);
}

static void wait_apart(struct net_call *calls, int listener, uint32_t events)
{
	int i;

	for (i = 0; i < WAITERS; i++) {
		calls[i] = (struct net_call) {
			.fn = wait_event,
			.fd = watch(listener, events),
		};
		net_call(&calls[i]);
	}
}

static int ended(const struct net_call *calls)
{
	int i, n = 0;

	for (i = 0; i < WAITERS; i++)
		n += net_call_done(&calls[i]);
	return n;
}

/* Each connection wakes one or a few, never none. */
TEST_F(events, epoll_exclusive)
{
	int listener = net_listen(&self->net, B, NET_PORT, 8);
	struct net_call calls[WAITERS];
	int i, woken = 0;

	wait_apart(calls, listener, EPOLLIN | EPOLLEXCLUSIVE);
	while (woken < WAITERS) {
		net_client(&self->net, A, ADDR_B, NET_PORT);
		ASSERT_TRUE(net_until(ended(calls) > woken));
		net_quiet();
		if (!woken)
			EXPECT_GT(WAITERS, ended(calls));
		woken = ended(calls);
		net_accept(listener);
	}
	for (i = 0; i < WAITERS; i++)
		EXPECT_EQ(1, net_call_end(&calls[i]));
}

/* And all of them, where nobody asked for less. */
TEST_F(events, epoll_herd)
{
	int listener = net_listen(&self->net, B, NET_PORT, 8);
	struct net_call calls[WAITERS];
	int i;

	wait_apart(calls, listener, EPOLLIN);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	for (i = 0; i < WAITERS; i++)
		EXPECT_EQ(1, net_call_end(&calls[i]));
}

/* How often a thread has gone to sleep. */
static long sleeps(const struct net_call *call)
{
	char path[64], line[128];
	long n = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", call->tid);
	file = fopen(path, "r");
	while (file && n < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	if (!file || n < 0)
		net_fatal("%s", path);
	fclose(file);
	return n;
}

/*
 * One connection is for one caller, and the others sleep on.  On a busy machine
 * one of them may only just be going to sleep, but not every time.
 */
TEST_F(events, accept_wakes_one)
{
	int listener = net_listen(&self->net, B, NET_PORT, 8);
	struct net_call calls[WAITERS];
	int i, j, undisturbed = 0;
	long before[WAITERS];
	bool same;

	for (i = 0; i < WAITERS; i++) {
		calls[i] = (struct net_call) {
			.fn = net_call_accept,
			.fd = listener,
		};
		net_call(&calls[i]);
	}
	for (i = 1; i <= WAITERS; i++) {
		for (j = 0; j < WAITERS; j++)
			if (!net_call_done(&calls[j]))
				before[j] = sleeps(&calls[j]);
		net_client(&self->net, A, ADDR_B, NET_PORT);
		ASSERT_TRUE(net_until(ended(calls) >= i));
		net_quiet();
		EXPECT_EQ(i, ended(calls));
		same = i < WAITERS;
		for (j = 0; j < WAITERS; j++)
			if (!net_call_done(&calls[j]))
				same &= sleeps(&calls[j]) == before[j];
		undisturbed += same;
	}
	EXPECT_LT(0, undisturbed);
	for (i = 0; i < WAITERS; i++)
		EXPECT_LE(0, net_call_end(&calls[i]));
}

/* Closed descriptors leave the set. */
TEST_F(events, epoll_forgets)
{
	int fd[2], epfd;

	net_pair(&self->net, fd);
	epfd = watch(fd[B], EPOLLIN);
	net_send_all(fd[A], 1, 0);
	EXPECT_EQ(EPOLLIN, event_next(epfd));
	close(fd[B]);
	EXPECT_EQ(0, event_now(epfd, 0));
}

TEST_HARNESS_MAIN
