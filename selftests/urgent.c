// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data from one end to the other: MSG_OOB, the mark, SO_OOBINLINE, and
 * who is told of it.  tcp(7), RFC 6093.  (What is on the wire the scripts of
 * conformance say.)
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "net.h"

FIXTURE(urgent) {
	struct net net;
	int fd[2];
};

FIXTURE_SETUP(urgent)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
}

FIXTURE_TEARDOWN(urgent)
{
	net_exit(&self->net);
}

static bool at_mark(int fd)
{
	return net_ioctl(fd, SIOCATMARK);
}

/* "abc", "X" urgent, "def"; all is there. */
static void send_seven(const int *fd)
{
	if (send(fd[A], "abc", 3, 0) != 3 || send(fd[A], "X", 1, MSG_OOB) != 1)
		net_fatal("send");
	if (!net_wait_poll(fd[B], POLLPRI))
		net_fatal("nothing urgent");
	if (send(fd[A], "def", 3, 0) != 3)
		net_fatal("send");
	shutdown(fd[A], SHUT_WR);
	if (!net_wait_poll(fd[B], POLLRDHUP))
		net_fatal("no end");
}

TEST_F(urgent, out_of_band)
{
	char buf[16] = "";

	send_seven(self->fd);
	EXPECT_EQ(3, net_ioctl(self->fd[B], SIOCINQ));
	EXPECT_FALSE(at_mark(self->fd[B]));
	EXPECT_EQ(1, recv(self->fd[B], buf, sizeof(buf), MSG_OOB | MSG_PEEK));
	EXPECT_EQ('X', buf[0]);
	EXPECT_EQ(1, recv(self->fd[B], buf, sizeof(buf), MSG_OOB));
	EXPECT_EQ('X', buf[0]);
	/* Only once. */
	EXPECT_EQ(EINVAL, net_err(recv(self->fd[B], buf, 1, MSG_OOB)));
	EXPECT_EQ(0, net_poll(self->fd[B], POLLPRI, 0) & POLLPRI);

	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	EXPECT_TRUE(at_mark(self->fd[B]));
	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "def", 3));
	EXPECT_FALSE(at_mark(self->fd[B]));
	EXPECT_EQ(0, recv(self->fd[B], buf, sizeof(buf), 0));
}

/* Behind the mark it can be had no more, whether it was read or not. */
TEST_F(urgent, not_read)
{
	char buf[16] = "";

	send_seven(self->fd);
	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "def", 3));
	EXPECT_EQ(EINVAL, net_err(recv(self->fd[B], buf, 1, MSG_OOB)));
	EXPECT_EQ(0, recv(self->fd[B], buf, sizeof(buf), 0));
}

TEST_F(urgent, inline)
{
	char buf[16] = "";

	net_setopt(self->fd[B], SOL_SOCKET, SO_OOBINLINE, 1);
	send_seven(self->fd);
	EXPECT_EQ(EINVAL, net_err(recv(self->fd[B], buf, 1, MSG_OOB)));
	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_TRUE(at_mark(self->fd[B]));
	EXPECT_EQ(4, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "Xdef", 4));
	EXPECT_FALSE(at_mark(self->fd[B]));
}

/* Looking does not move anything. */
TEST_F(urgent, peek)
{
	char buf[16] = "";
	int i;

	send_seven(self->fd);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), MSG_PEEK));
		EXPECT_EQ(0, memcmp(buf, "abc", 3));
	}
	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "def", 3));
	EXPECT_TRUE(at_mark(self->fd[B]));
	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "def", 3));
}

/* The one before stays in the stream. */
TEST_F(urgent, twice)
{
	char buf[16] = "";

	ASSERT_EQ(2, send(self->fd[A], "aX", 2, MSG_OOB));
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLPRI));
	ASSERT_EQ(2, send(self->fd[A], "bY", 2, MSG_OOB));
	ASSERT_TRUE(net_wait_readable(self->fd[B], 3));
	EXPECT_EQ(1, recv(self->fd[B], buf, sizeof(buf), MSG_OOB));
	EXPECT_EQ('Y', buf[0]);
	EXPECT_EQ(3, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "aXb", 3));
	EXPECT_TRUE(at_mark(self->fd[B]));
}

/* An urgent byte alone is nothing for who reads the stream. */
TEST_F(urgent, alone)
{
	char buf[16] = "";

	ASSERT_EQ(1, send(self->fd[A], "X", 1, MSG_OOB));
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLPRI));
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN, 0) & POLLIN);
	EXPECT_EQ(EAGAIN, net_err(recv(self->fd[B], buf, sizeof(buf),
				       MSG_DONTWAIT)));
	/* The reader stood at the mark, and is past it now. */
	EXPECT_EQ(EINVAL, net_err(recv(self->fd[B], buf, 1, MSG_OOB)));
	ASSERT_EQ(1, send(self->fd[A], "b", 1, 0));
	EXPECT_EQ(1, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_EQ('b', buf[0]);
}

/* SIGURG, to whom F_SETOWN says. */
TEST_F(urgent, sigurg)
{
	net_signal(SIGURG, 0);
	ASSERT_EQ(0, fcntl(self->fd[B], F_SETOWN, getpid()));
	EXPECT_EQ(0, net_signals);
	ASSERT_EQ(1, send(self->fd[A], "X", 1, MSG_OOB));
	EXPECT_TRUE(net_until(net_signals == 1));
}

/* It is told of even where no byte can go. */
TEST_F(urgent, window_shut)
{
	size_t sum;
	char x;

	net_signal(SIGURG, 0);
	ASSERT_EQ(0, fcntl(self->fd[B], F_SETOWN, getpid()));
	net_setopt(self->fd[A], SOL_SOCKET, SO_SNDBUF, 20000);
	sum = net_fill(self->fd[A], 0);
	/* Make room for one byte more. */
	net_setopt(self->fd[A], SOL_SOCKET, SO_SNDBUF, 200000);
	ASSERT_EQ(1, send(self->fd[A], "X", 1, MSG_OOB | MSG_DONTWAIT));
	EXPECT_TRUE(net_until(net_signals > 0));
	EXPECT_EQ(EAGAIN, net_err(recv(self->fd[B], &x, 1, MSG_OOB)));
	net_recv_all(self->fd[B], sum, 0);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLPRI));
	EXPECT_EQ(1, recv(self->fd[B], &x, 1, MSG_OOB));
	EXPECT_EQ('X', x);
}

/* Large writes, with urgent ones between; nothing of the stream is lost. */
TEST_F(urgent, much)
{
	size_t at = 0;
	char x;
	int i;

	for (i = 0; i < 20; i++) {
		net_send_all(self->fd[A], 5000, at);
		ASSERT_EQ(1, send(self->fd[A], "X", 1, MSG_OOB));
		net_recv_all(self->fd[B], 5000, at);
		ASSERT_TRUE(net_wait_poll(self->fd[B], POLLPRI));
		ASSERT_EQ(1, recv(self->fd[B], &x, 1, MSG_OOB));
		EXPECT_EQ('X', x);
		EXPECT_TRUE(at_mark(self->fd[B]));
		at += 5000;
	}
}

TEST_HARNESS_MAIN
