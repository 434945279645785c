// SPDX-License-Identifier: GPL-2.0
/*
 * SO_RCVTIMEO and SO_SNDTIMEO: how long each call waits, and what it says
 * when the time is over.
 */
#include <stdlib.h>
#include <sys/time.h>

#include "kselftest_harness.h"

#include "net.h"

#define TIMEOUT_MS	300

FIXTURE(timeouts) {
	struct net net;
	int fd[2];
};

FIXTURE_SETUP(timeouts)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
}

FIXTURE_TEARDOWN(timeouts)
{
	net_exit(&self->net);
}

/*
 * Not before the time, and not much later.  A guest that gets no CPU for a
 * while has jiffies behind its clock, and then hurries.
 */
static bool in_time(long long start)
{
	long long spent = net_now_ms() - start;

	return spent >= TIMEOUT_MS / 2 && spent < NET_DEADLINE_MS;
}

TEST_F(timeouts, recv)
{
	long long start = net_now_ms();
	char byte;

	net_timeout(self->fd[B], SO_RCVTIMEO, TIMEOUT_MS);
	EXPECT_EQ(EAGAIN, net_err(recv(self->fd[B], &byte, 1, 0)));
	EXPECT_TRUE(in_time(start));
	/* It is a time without bytes: with some there is no error. */
	net_send_all(self->fd[A], 1, 0);
	net_recv_all(self->fd[B], 1, 0);
}

TEST_F(timeouts, send)
{
	long long start;
	ssize_t sent;

	net_fill(self->fd[A], 0);
	net_timeout(self->fd[A], SO_SNDTIMEO, TIMEOUT_MS);
	/* A probe of the window may yet make some room. */
	do {
		start = net_now_ms();
		sent = send(self->fd[A], "x", 1, 0);
	} while (sent == 1);
	EXPECT_EQ(EAGAIN, net_err(sent));
	EXPECT_TRUE(in_time(start));
}

/* What was taken before the time was over counts. */
TEST_F(timeouts, send_partly)
{
	size_t len = 16 << 20;
	char *buf = malloc(len);
	ssize_t sent;

	net_pattern(buf, len, 0);
	net_timeout(self->fd[A], SO_SNDTIMEO, TIMEOUT_MS);
	sent = send(self->fd[A], buf, len, 0);
	EXPECT_LT(0, sent);
	EXPECT_GT((ssize_t)len, sent);
	shutdown(self->fd[A], SHUT_WR);
	EXPECT_EQ((uint64_t)sent, net_drain(self->fd[B], 0));
	free(buf);
}

TEST_F(timeouts, accept)
{
	int listener = net_listen(&self->net, B, NET_PORT + 1, 1);
	long long start = net_now_ms();

	net_timeout(listener, SO_RCVTIMEO, TIMEOUT_MS);
	EXPECT_EQ(EAGAIN, net_err(accept(listener, NULL, NULL)));
	EXPECT_TRUE(in_time(start));
}

TEST_F(timeouts, connect)
{
	int fd = net_socket(&self->net, A, 0);
	long long start;

	net_nobody(&self->net, A);
	net_timeout(fd, SO_SNDTIMEO, TIMEOUT_MS);
	start = net_now_ms();
	EXPECT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	EXPECT_TRUE(in_time(start));
}

/* recv(2) of fd[B] sleeps until there is something. */
static void expect_no_timeout(struct __test_metadata *_metadata, const int *fd)
{
	char byte;
	struct net_call call = {
		.fn = net_call_recv,
		.fd = fd[B],
		.buf = &byte,
		.len = 1,
	};

	net_call(&call);
	net_quiet();
	EXPECT_FALSE(net_call_done(&call));
	net_send_all(fd[A], 1, 0);
	EXPECT_EQ(1, net_call_end(&call));
}

/* SO_RCVTIMEO is nothing to connect(2) and send(2), and the reverse. */
TEST_F(timeouts, each_its_own)
{
	net_timeout(self->fd[B], SO_SNDTIMEO, 1);
	expect_no_timeout(_metadata, self->fd);
}

TEST_F(timeouts, zero_is_for_ever)
{
	net_timeout(self->fd[B], SO_RCVTIMEO, 1);
	net_timeout(self->fd[B], SO_RCVTIMEO, 0);
	expect_no_timeout(_metadata, self->fd);
}

TEST_F(timeouts, read_back)
{
	struct timeval tv = { .tv_sec = 3, .tv_usec = 500000 };
	socklen_t len = sizeof(tv);

	ASSERT_EQ(0, setsockopt(self->fd[A], SOL_SOCKET, SO_RCVTIMEO, &tv,
				len));
	tv.tv_sec = 0;
	ASSERT_EQ(0, getsockopt(self->fd[A], SOL_SOCKET, SO_RCVTIMEO, &tv,
				&len));
	EXPECT_EQ(3, tv.tv_sec);
	EXPECT_EQ(500000, tv.tv_usec);
	tv.tv_usec = 1000000;
	EXPECT_EQ(EDOM, net_err(setsockopt(self->fd[A], SOL_SOCKET,
					   SO_RCVTIMEO, &tv, len)));
	EXPECT_EQ(EINVAL, net_err(setsockopt(self->fd[A], SOL_SOCKET,
					     SO_RCVTIMEO, &tv, 4)));
}

/* Inherited from the listener. */
TEST_F(timeouts, accepted)
{
	int listener = net_listen(&self->net, B, NET_PORT + 1, 1);
	char byte;
	int fd;

	net_timeout(listener, SO_RCVTIMEO, TIMEOUT_MS);
	net_client(&self->net, A, ADDR_B, NET_PORT + 1);
	fd = net_accept(listener);
	EXPECT_EQ(EAGAIN, net_err(recv(fd, &byte, 1, 0)));
}

TEST_HARNESS_MAIN
