// SPDX-License-Identifier: GPL-2.0
/*
 * How a connection ends: in halves, from both sides, by shutdown(2) and by
 * close(2), in peace and by reset; and what each call says after that.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "net.h"

FIXTURE(close) {
	struct net net;
	int fd[2];
	int port;	/* A's */
};

FIXTURE_SETUP(close)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
	self->port = net_local_port(self->fd[A]);
}

FIXTURE_TEARDOWN(close)
{
	net_exit(&self->net);
}

static bool a_is(struct net *net, int port, int state)
{
	return net_wait_state(net, A, port, NET_PORT, state);
}

static bool b_is(struct net *net, int port, int state)
{
	return net_wait_state(net, B, NET_PORT, port, state);
}

static void set_linger(int fd, int seconds)
{
	struct linger linger = { .l_onoff = 1, .l_linger = seconds };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		net_fatal("SO_LINGER");
}

static int recv_err(int fd)
{
	char byte;

	return net_err(recv(fd, &byte, 1, MSG_DONTWAIT));
}

static int send_err(int fd)
{
	return net_err(send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static bool wait_reset(int fd)
{
	return net_wait_poll(fd, POLLERR | POLLHUP);
}

/* The four segments of RFC 9293, figure 12. */
TEST_F(close, in_order)
{
	struct net *net = &self->net;
	char byte;

	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_TRUE(a_is(net, self->port, TCP_FIN_WAIT2));
	EXPECT_TRUE(b_is(net, self->port, TCP_CLOSE_WAIT));
	EXPECT_EQ(0, recv(self->fd[B], &byte, 1, 0));
	EXPECT_EQ(0, recv(self->fd[B], &byte, 1, 0));
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_WR));
	EXPECT_TRUE(a_is(net, self->port, TCP_TIME_WAIT));
	EXPECT_TRUE(b_is(net, self->port, 0));
	EXPECT_EQ(0, recv(self->fd[A], &byte, 1, 0));
}

TEST_F(close, half_close_still_receives)
{
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_EQ(0, net_drain(self->fd[B], 0));
	net_send_all(self->fd[B], 100000 / 8, 0);
	net_recv_all(self->fd[A], 100000 / 8, 0);
	EXPECT_EQ(EPIPE, send_err(self->fd[A]));
	close(self->fd[B]);
	EXPECT_EQ(0, net_drain(self->fd[A], 0));
}

TEST_F(close, data_then_fin)
{
	net_send_all(self->fd[A], 20000, 0);
	close(self->fd[A]);
	EXPECT_EQ(20000, net_drain(self->fd[B], 0));
	close(self->fd[B]);
	EXPECT_TRUE(a_is(&self->net, self->port, TCP_TIME_WAIT));
	EXPECT_TRUE(b_is(&self->net, self->port, 0));
}

/* close(2) with a full buffer: every byte comes, without the process. */
TEST_F(close, buffered_data_survives)
{
	size_t sum = net_fill(self->fd[A], 0);

	close(self->fd[A]);
	EXPECT_EQ(sum, net_drain(self->fd[B], 0));
}

/* Both FINs cross: CLOSING. */
TEST_F(close, at_once)
{
	struct net *net = &self->net;

	net_cut(net, A);
	net_cut(net, B);
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_WR));
	EXPECT_TRUE(a_is(net, self->port, TCP_FIN_WAIT1));
	EXPECT_TRUE(b_is(net, self->port, TCP_FIN_WAIT1));
	net_mend(net, A);
	/* B's acknowledgment, and its FIN, are lost: A does not close. */
	EXPECT_TRUE(b_is(net, self->port, TCP_CLOSING));
	net_mend(net, B);
	EXPECT_TRUE(a_is(net, self->port, TCP_TIME_WAIT));
	EXPECT_TRUE(net_until(net_state(net, B, NET_PORT, self->port) !=
			      TCP_CLOSING));
	EXPECT_EQ(0, net_drain(self->fd[A], 0));
	EXPECT_EQ(0, net_drain(self->fd[B], 0));
}

TEST_F(close, fin_wait1_then_2)
{
	struct net *net = &self->net;

	net_cut(net, A);
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_TRUE(a_is(net, self->port, TCP_FIN_WAIT1));
	EXPECT_TRUE(b_is(net, self->port, TCP_ESTABLISHED));
	net_mend(net, A);
	EXPECT_TRUE(a_is(net, self->port, TCP_FIN_WAIT2));
	EXPECT_TRUE(b_is(net, self->port, TCP_CLOSE_WAIT));
	net_cut(net, B);
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_WR));
	EXPECT_TRUE(b_is(net, self->port, TCP_LAST_ACK));
	net_mend(net, B);
	EXPECT_TRUE(a_is(net, self->port, TCP_TIME_WAIT));
	EXPECT_TRUE(b_is(net, self->port, 0));
}

/* The last ACK is lost: TIME_WAIT is there to send it again. */
TEST_F(close, time_wait_acknowledges_again)
{
	struct net *net = &self->net;

	close(self->fd[A]);
	ASSERT_TRUE(b_is(net, self->port, TCP_CLOSE_WAIT));
	net_cut(net, A);
	close(self->fd[B]);
	EXPECT_TRUE(a_is(net, self->port, TCP_TIME_WAIT));
	EXPECT_TRUE(b_is(net, self->port, TCP_LAST_ACK));
	net_mend(net, A);
	EXPECT_TRUE(b_is(net, self->port, 0));
	EXPECT_EQ(TCP_TIME_WAIT, net_state(net, A, self->port, NET_PORT));
}

/* An orphan in FIN_WAIT2 becomes small, and is gone after fin_timeout. */
TEST_F(close, fin_wait2_times_out)
{
	net_sysctl(&self->net, A, "fin_timeout", "1");
	close(self->fd[A]);
	EXPECT_TRUE(b_is(&self->net, self->port, TCP_CLOSE_WAIT));
	EXPECT_TRUE(a_is(&self->net, self->port, 0));
	/* B's FIN then finds nobody. */
	EXPECT_EQ(0, recv_err(self->fd[B]));
	net_send_all(self->fd[B], 1, 0);
	EXPECT_TRUE(wait_reset(self->fd[B]));
	EXPECT_TRUE(b_is(&self->net, self->port, 0));
}

/* Without close(2) a half-closed connection stays. */
TEST_F(close, fin_wait2_of_owner_stays)
{
	net_sysctl(&self->net, A, "fin_timeout", "1");
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_TRUE(a_is(&self->net, self->port, TCP_FIN_WAIT2));
	EXPECT_EQ(0, net_poll(self->fd[A], POLLIN, 1500));
	net_send_all(self->fd[B], 1, 0);
	net_recv_all(self->fd[A], 1, 0);
}

TEST_F(close, active_closer_waits)
{
	close(self->fd[B]);
	EXPECT_EQ(0, net_drain(self->fd[A], 0));
	close(self->fd[A]);
	EXPECT_TRUE(b_is(&self->net, self->port, TCP_TIME_WAIT));
	EXPECT_TRUE(a_is(&self->net, self->port, 0));
	EXPECT_EQ(1, net_count(&self->net, B, 0));
}

/* What max_tw_buckets does not allow is not kept. */
TEST_F(close, time_wait_is_bounded)
{
	int listener = net_listen(&self->net, B, NET_PORT + 1, 8);
	int i, fd, child;

	net_sysctl(&self->net, A, "max_tw_buckets", "4");
	for (i = 0; i < 10; i++) {
		fd = net_client(&self->net, A, ADDR_B, NET_PORT + 1);
		child = net_accept(listener);
		close(fd);
		net_drain(child, 0);
		close(child);
	}
	EXPECT_TRUE(net_until(!net_count(&self->net, B, TCP_LAST_ACK)));
	EXPECT_LE(3, net_count(&self->net, A, TCP_TIME_WAIT));
	EXPECT_GE(5, net_count(&self->net, A, TCP_TIME_WAIT));
}

TEST_F(close, shutdown_read)
{
	char byte;

	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_RD));
	EXPECT_EQ(0, recv(self->fd[A], &byte, 1, 0));
	EXPECT_EQ(TCP_ESTABLISHED,
		  net_state(&self->net, A, self->port, NET_PORT));
	/* Linux takes and gives what still comes. */
	net_send_all(self->fd[B], 1, 0);
	EXPECT_TRUE(net_until(recv(self->fd[A], &byte, 1, 0) == 1));
	EXPECT_EQ(0, recv(self->fd[A], &byte, 1, 0));
	net_send_all(self->fd[A], 10, 0);
	net_recv_all(self->fd[B], 10, 0);
}

TEST_F(close, shutdown_twice)
{
	EXPECT_EQ(0, net_err(shutdown(self->fd[A], SHUT_WR)));
	EXPECT_EQ(0, net_err(shutdown(self->fd[A], SHUT_WR)));
	EXPECT_EQ(0, net_err(shutdown(self->fd[A], SHUT_RDWR)));
	EXPECT_EQ(EINVAL, net_err(shutdown(self->fd[A], 3)));
	EXPECT_EQ(EINVAL, net_err(shutdown(self->fd[A], -1)));
	EXPECT_EQ(0, net_err(shutdown(self->fd[B], SHUT_RDWR)));
	ASSERT_TRUE(b_is(&self->net, self->port, 0));
	EXPECT_EQ(ENOTCONN, net_err(shutdown(self->fd[B], SHUT_RDWR)));
}

TEST_F(close, shutdown_unconnected)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(ENOTCONN, net_err(shutdown(fd, SHUT_RD)));
	EXPECT_EQ(ENOTCONN, net_err(shutdown(fd, SHUT_WR)));
	EXPECT_EQ(ENOTCONN, net_err(shutdown(fd, SHUT_RDWR)));
	/* Refused, and yet remembered. */
	EXPECT_EQ(0, recv_err(fd));
	EXPECT_EQ(EPIPE, send_err(fd));

	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(ENOTCONN, recv_err(fd));
	EXPECT_EQ(EPIPE, send_err(fd));
}

TEST_F(close, sigpipe)
{
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	net_signal(SIGPIPE, 0);
	EXPECT_EQ(EPIPE, net_err(send(self->fd[A], "x", 1, 0)));
	EXPECT_EQ(1, net_signals);
	EXPECT_EQ(EPIPE, net_err(write(self->fd[A], "x", 1)));
	EXPECT_EQ(2, net_signals);
	EXPECT_EQ(EPIPE, net_err(send(self->fd[A], "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(2, net_signals);
}

TEST_F_SIGNAL(close, sigpipe_kills, SIGPIPE)
{
	shutdown(self->fd[A], SHUT_WR);
	send(self->fd[A], "x", 1, 0);
}

/* The other side is gone: its RST is told once, and then it is a pipe. */
TEST_F(close, write_to_closed)
{
	close(self->fd[B]);
	EXPECT_EQ(0, net_drain(self->fd[A], 0));
	EXPECT_EQ(0, send_err(self->fd[A]));
	ASSERT_TRUE(wait_reset(self->fd[A]));
	EXPECT_TRUE(a_is(&self->net, self->port, 0));
	EXPECT_EQ(EPIPE, net_so_error(self->fd[A]));
	EXPECT_EQ(EPIPE, send_err(self->fd[A]));
	EXPECT_EQ(0, recv_err(self->fd[A]));
}

/* Bytes were left unread: RFC 2525, 2.17 wants a RST. */
TEST_F(close, unread_data_resets)
{
	net_send_all(self->fd[A], 10, 0);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLIN));
	close(self->fd[B]);
	ASSERT_TRUE(wait_reset(self->fd[A]));
	EXPECT_EQ(ECONNRESET, recv_err(self->fd[A]));
	EXPECT_EQ(0, recv_err(self->fd[A]));
	EXPECT_EQ(EPIPE, send_err(self->fd[A]));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
	EXPECT_EQ(0, net_count(&self->net, B, 0));
}

/* Data for a process that is gone is answered with RST. */
TEST_F(close, late_data_resets)
{
	close(self->fd[B]);
	ASSERT_TRUE(a_is(&self->net, self->port, TCP_CLOSE_WAIT));
	net_send_all(self->fd[A], 10, 0);
	ASSERT_TRUE(wait_reset(self->fd[A]));
	EXPECT_EQ(EPIPE, send_err(self->fd[A]));
	EXPECT_TRUE(b_is(&self->net, self->port, 0));
}

/* What had come before the RST may still be read. */
TEST_F(close, reset_keeps_unread)
{
	char buf[20];

	net_send_all(self->fd[A], 10, 0);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLIN));
	set_linger(self->fd[A], 0);
	close(self->fd[A]);
	ASSERT_TRUE(wait_reset(self->fd[B]));
	EXPECT_TRUE(b_is(&self->net, self->port, 0));
	EXPECT_EQ(10, recv(self->fd[B], buf, sizeof(buf), 0));
	EXPECT_TRUE(net_pattern_ok(buf, 10, 0));
	EXPECT_EQ(ECONNRESET, recv_err(self->fd[B]));
	EXPECT_EQ(0, recv_err(self->fd[B]));
	EXPECT_EQ(EPIPE, send_err(self->fd[B]));
}

TEST_F(close, linger_zero_resets)
{
	set_linger(self->fd[A], 0);
	net_fill(self->fd[A], 0);
	close(self->fd[A]);
	EXPECT_EQ(0, net_state(&self->net, A, self->port, NET_PORT));
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLERR));
	EXPECT_EQ(ECONNRESET, net_so_error(self->fd[B]));
	EXPECT_TRUE(b_is(&self->net, self->port, 0));
}

/* SO_ERROR takes the error away, and the next call sees the end. */
TEST_F(close, so_error_once)
{
	set_linger(self->fd[A], 0);
	close(self->fd[A]);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLERR));
	EXPECT_EQ(ECONNRESET, net_so_error(self->fd[B]));
	EXPECT_EQ(0, net_so_error(self->fd[B]));
	EXPECT_EQ(0, recv_err(self->fd[B]));
	EXPECT_EQ(EPIPE, send_err(self->fd[B]));
}

TEST_F(close, error_to_send)
{
	set_linger(self->fd[A], 0);
	close(self->fd[A]);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLERR));
	EXPECT_EQ(ECONNRESET, send_err(self->fd[B]));
	EXPECT_EQ(EPIPE, send_err(self->fd[B]));
	EXPECT_EQ(0, recv_err(self->fd[B]));
}

static long call_close(struct net_call *call)
{
	return close(call->fd);
}

/* close(2) waits until everything is acknowledged ... */
TEST_F(close, linger_waits)
{
	struct net_call call = { .fn = call_close, .fd = self->fd[A] };
	size_t sum;

	set_linger(self->fd[A], 120);
	sum = net_fill(self->fd[A], 0);
	net_call(&call);
	net_quiet();
	EXPECT_FALSE(net_call_done(&call));
	EXPECT_EQ(sum, net_drain(self->fd[B], 0));
	EXPECT_EQ(0, net_call_end(&call));
	EXPECT_TRUE(a_is(&self->net, self->port, TCP_FIN_WAIT2));
}

/* ... or the time is over, and the rest is sent behind its back. */
TEST_F(close, linger_ends)
{
	long long start;
	size_t sum;

	set_linger(self->fd[A], 1);
	sum = net_fill(self->fd[A], 0);
	start = net_now_ms();
	EXPECT_EQ(0, close(self->fd[A]));
	/* A guest without CPU has jiffies behind its clock, and hurries. */
	EXPECT_LE(500, net_now_ms() - start);
	EXPECT_EQ(sum, net_drain(self->fd[B], 0));
}

TEST_F(close, linger_does_not_wait_for_nothing)
{
	long long start = net_now_ms();

	set_linger(self->fd[A], 30);
	EXPECT_EQ(0, close(self->fd[A]));
	EXPECT_GT(20000, net_now_ms() - start);
}

TEST_F(close, wakes_reader)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
	};

	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	close(self->fd[A]);
	EXPECT_EQ(0, net_call_end(&call));
}

TEST_F(close, reset_wakes_reader)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
	};

	set_linger(self->fd[A], 0);
	net_call(&call);
	close(self->fd[A]);
	EXPECT_EQ(ECONNRESET, net_err(net_call_end(&call)));
}

TEST_F(close, reset_wakes_writer)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_send,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
		.flags = MSG_NOSIGNAL,
	};

	set_linger(self->fd[A], 0);
	net_call_no_room(&call, 0);
	close(self->fd[A]);
	EXPECT_EQ(ECONNRESET, net_err(net_call_end(&call)));
}

/* What a killed process leaves is what close(2) leaves. */
TEST_F(close, killed)
{
	int listener = net_listen(&self->net, B, NET_PORT + 1, 2);
	char byte;
	pid_t pid;
	int fd;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		fd = net_client(&self->net, A, ADDR_B, NET_PORT + 1);
		net_send_all(fd, 100, 0);
		for (;;)
			pause();
	}
	fd = net_accept(listener);
	net_recv_all(fd, 100, 0);
	EXPECT_EQ(EAGAIN, recv_err(fd));
	kill(pid, SIGKILL);
	EXPECT_EQ(0, recv(fd, &byte, 1, 0));
	waitpid(pid, NULL, 0);
}

/* The path goes away under a connection: it ends with ETIMEDOUT. */
TEST_F(close, retransmission_gives_up)
{
	net_sysctl(&self->net, A, "retries2", "1");
	net_cut(&self->net, A);
	net_send_all(self->fd[A], 10, 0);
	ASSERT_TRUE(wait_reset(self->fd[A]));
	EXPECT_EQ(ETIMEDOUT, net_so_error(self->fd[A]));
	EXPECT_TRUE(a_is(&self->net, self->port, 0));
	EXPECT_EQ(EPIPE, send_err(self->fd[A]));
}

/* An orphan gives up sooner. */
TEST_F(close, orphan_gives_up)
{
	net_cut(&self->net, A);
	net_send_all(self->fd[A], 10, 0);
	close(self->fd[A]);
	EXPECT_TRUE(a_is(&self->net, self->port, TCP_FIN_WAIT1));
	net_sysctl(&self->net, A, "orphan_retries", "1");
	EXPECT_TRUE(a_is(&self->net, self->port, 0));
}

TEST_HARNESS_MAIN
