// SPDX-License-Identifier: GPL-2.0
/*
 * Signals to a process that waits in a call: which calls are begun again,
 * which say EINTR, and what is lost by that, which is nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "kselftest_harness.h"

#include "net.h"

FIXTURE(signals) {
	struct net net;
};

FIXTURE_SETUP(signals)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(signals)
{
	net_exit(&self->net);
}

/* Signal the thread that sleeps in @call, and wait for the handler. */
static void interrupt(struct net_call *call)
{
	int before = net_signals;

	pthread_kill(call->thread, SIGUSR1);
	if (!net_until(net_signals > before))
		net_fatal("no signal");
	if (!net_until(net_call_done(call) || net_call_asleep(call)))
		net_fatal("a call that neither sleeps nor ends");
}

TEST_F(signals, connect)
{
	struct net_call call = {
		.fn = net_call_connect,
		.addr = net_addr(ADDR_B, NET_PORT),
	};

	net_signal(SIGUSR1, 0);
	net_listen(&self->net, B, NET_PORT, 4);
	call.fd = net_socket(&self->net, A, 0);
	net_cut(&self->net, A);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	interrupt(&call);
	EXPECT_EQ(EINTR, net_err(net_call_end(&call)));

	/* The handshake goes on. */
	net_nonblock(call.fd, true);
	EXPECT_EQ(EALREADY, net_err(net_connect(call.fd, ADDR_B, NET_PORT)));
	net_mend(&self->net, A);
	EXPECT_TRUE(net_wait_poll(call.fd, POLLOUT));
	EXPECT_EQ(0, net_so_error(call.fd));
}

TEST_F(signals, connect_restarts)
{
	struct net_call call = {
		.fn = net_call_connect,
		.addr = net_addr(ADDR_B, NET_PORT),
	};

	net_signal(SIGUSR1, SA_RESTART);
	net_listen(&self->net, B, NET_PORT, 4);
	call.fd = net_socket(&self->net, A, 0);
	net_cut(&self->net, A);
	net_call(&call);
	interrupt(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_mend(&self->net, A);
	EXPECT_EQ(0, net_call_end(&call));
}

/* signal(7): with a timeout it is EINTR, whatever was asked for. */
TEST_F(signals, connect_with_timeout)
{
	struct net_call call = {
		.fn = net_call_connect,
		.addr = net_addr(ADDR_B, NET_PORT),
	};

	net_signal(SIGUSR1, SA_RESTART);
	net_listen(&self->net, B, NET_PORT, 4);
	call.fd = net_socket(&self->net, A, 0);
	net_timeout(call.fd, SO_SNDTIMEO, NET_DEADLINE_MS);
	net_cut(&self->net, A);
	net_call(&call);
	interrupt(&call);
	EXPECT_EQ(EINTR, net_err(net_call_end(&call)));
}

TEST_F(signals, accept)
{
	struct net_call call = { .fn = net_call_accept };

	net_signal(SIGUSR1, 0);
	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	interrupt(&call);
	EXPECT_EQ(EINTR, net_err(net_call_end(&call)));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_accept(call.fd);
}

TEST_F(signals, accept_restarts)
{
	struct net_call call = { .fn = net_call_accept };

	net_signal(SIGUSR1, SA_RESTART);
	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	interrupt(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_LE(0, net_call_end(&call));
}

TEST_F(signals, accept_with_timeout)
{
	struct net_call call = { .fn = net_call_accept };

	net_signal(SIGUSR1, SA_RESTART);
	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_timeout(call.fd, SO_RCVTIMEO, NET_DEADLINE_MS);
	net_call(&call);
	interrupt(&call);
	EXPECT_EQ(EINTR, net_err(net_call_end(&call)));
}

TEST_F(signals, recv)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.buf = buf,
		.len = sizeof(buf),
	};
	int fd[2];

	net_signal(SIGUSR1, 0);
	net_pair(&self->net, fd);
	call.fd = fd[B];
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	interrupt(&call);
	EXPECT_EQ(EINTR, net_err(net_call_end(&call)));
	net_send_all(fd[A], 10, 0);
	net_recv_all(fd[B], 10, 0);
}

TEST_F(signals, recv_restarts)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.buf = buf,
		.len = sizeof(buf),
	};
	int fd[2];

	net_signal(SIGUSR1, SA_RESTART);
	net_pair(&self->net, fd);
	call.fd = fd[B];
	net_call(&call);
	interrupt(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_send_all(fd[A], 5, 0);
	EXPECT_EQ(5, net_call_end(&call));
}

TEST_F(signals, recv_with_timeout)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.buf = buf,
		.len = sizeof(buf),
	};
	int fd[2];

	net_signal(SIGUSR1, SA_RESTART);
	net_pair(&self->net, fd);
	call.fd = fd[B];
	net_timeout(fd[B], SO_RCVTIMEO, NET_DEADLINE_MS);
	net_call(&call);
	interrupt(&call);
	EXPECT_EQ(EINTR, net_err(net_call_end(&call)));
}

/* What was read already is what the call is worth. */
TEST_F(signals, recv_waitall)
{
	char buf[100];
	struct net_call call = {
		.fn = net_call_recv,
		.buf = buf,
		.len = sizeof(buf),
		.flags = MSG_WAITALL,
	};
	int fd[2];

	net_signal(SIGUSR1, SA_RESTART);
	net_pair(&self->net, fd);
	call.fd = fd[B];
	net_send_all(fd[A], 40, 0);
	ASSERT_TRUE(net_wait_poll(fd[B], POLLIN));
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	interrupt(&call);
	EXPECT_EQ(40, net_call_end(&call));
	EXPECT_TRUE(net_pattern_ok(buf, 40, 0));
	net_send_all(fd[A], 10, 40);
	net_recv_all(fd[B], 10, 40);
}

TEST_F(signals, send)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_send,
		.buf = buf,
		.len = sizeof(buf),
	};
	int fd[2];
	size_t sum;

	net_signal(SIGUSR1, 0);
	net_pair(&self->net, fd);
	call.fd = fd[A];
	sum = net_call_no_room(&call, 0);
	interrupt(&call);
	EXPECT_EQ(EINTR, net_err(net_call_end(&call)));
	shutdown(fd[A], SHUT_WR);
	EXPECT_EQ(sum, net_drain(fd[B], 0));
}

TEST_F(signals, send_restarts)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_send,
		.buf = buf,
		.len = sizeof(buf),
	};
	int fd[2];
	size_t sum;

	net_signal(SIGUSR1, SA_RESTART);
	net_pair(&self->net, fd);
	call.fd = fd[A];
	sum = net_call_no_room(&call, 0);
	interrupt(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_recv_all(fd[B], sum + 10, 0);
	EXPECT_EQ(10, net_call_end(&call));
}

/* A large write that had begun says how far it came. */
TEST_F(signals, send_partly)
{
	size_t len = 16 << 20;
	struct net_call call = {
		.fn = net_call_send,
		.buf = malloc(len),
		.len = len,
	};
	int fd[2];
	long sent;

	net_signal(SIGUSR1, SA_RESTART);
	net_pair(&self->net, fd);
	call.fd = fd[A];
	net_pattern(call.buf, len, 0);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	interrupt(&call);
	sent = net_call_end(&call);
	EXPECT_LT(0, sent);
	EXPECT_GT((long)len, sent);
	shutdown(fd[A], SHUT_WR);
	EXPECT_EQ(sent, (long)net_drain(fd[B], 0));
}

static long call_poll(struct net_call *call)
{
	struct pollfd pfd = { .fd = call->fd, .events = POLLIN };

	return poll(&pfd, 1, -1);
}

TEST_F(signals, poll_never_restarts)
{
	struct net_call call = { .fn = call_poll };

	net_signal(SIGUSR1, SA_RESTART);
	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	interrupt(&call);
	EXPECT_EQ(EINTR, net_err(net_call_end(&call)));
}

static long call_close(struct net_call *call)
{
	return close(call->fd);
}

/* A signal ends the wait of SO_LINGER, not the delivery. */
TEST_F(signals, close_lingering)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 60 };
	struct net_call call = { .fn = call_close };
	int fd[2];
	size_t sum;

	net_signal(SIGUSR1, 0);
	net_pair(&self->net, fd);
	call.fd = fd[A];
	setsockopt(fd[A], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	sum = net_fill(fd[A], 0);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	interrupt(&call);
	EXPECT_EQ(0, net_err(net_call_end(&call)));
	EXPECT_EQ(sum, net_drain(fd[B], 0));
}

TEST_HARNESS_MAIN
