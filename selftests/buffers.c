// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes in the buffers: how many may wait on each side, what is said about
 * them, and every way to put them in and get them out.
 */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#include "net.h"
#include "tcpinfo.h"

FIXTURE(buffers) {
	struct net net;
	int fd[2];
};

FIXTURE_SETUP(buffers)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
}

FIXTURE_TEARDOWN(buffers)
{
	net_exit(&self->net);
}

TEST_F(buffers, sizes_are_doubled)
{
	int fd = self->fd[A];

	net_setopt(fd, SOL_SOCKET, SO_SNDBUF, 20000);
	net_setopt(fd, SOL_SOCKET, SO_RCVBUF, 30000);
	EXPECT_EQ(40000, net_getopt(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(60000, net_getopt(fd, SOL_SOCKET, SO_RCVBUF));
	/* There is a least one. */
	net_setopt(fd, SOL_SOCKET, SO_SNDBUF, 1);
	net_setopt(fd, SOL_SOCKET, SO_RCVBUF, 1);
	EXPECT_LE(2048, net_getopt(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_LE(2048, net_getopt(fd, SOL_SOCKET, SO_RCVBUF));
}

TEST_F(buffers, defaults_from_sysctl)
{
	int fd;

	net_sysctl(&self->net, A, "wmem", "4096 30000 100000");
	net_sysctl(&self->net, A, "rmem", "4096 50000 100000");
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(30000, net_getopt(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(50000, net_getopt(fd, SOL_SOCKET, SO_RCVBUF));
}

TEST_F(buffers, round_trip)
{
	int i;

	for (i = 0; i < 100; i++) {
		net_send_all(self->fd[A], 1, i);
		net_recv_all(self->fd[B], 1, i);
		net_send_all(self->fd[B], 1, i + 50);
		net_recv_all(self->fd[A], 1, i + 50);
	}
}

/* Every size from 1 on, so that every cut into segments is seen. */
TEST_F(buffers, every_size)
{
	uint64_t at = 0;
	int len;

	for (len = 1; len < 3200; len += len < 100 ? 1 : 61) {
		net_send_all(self->fd[A], len, at);
		net_recv_all(self->fd[B], len, at);
		at += len;
	}
}

/* The writer fills all buffers, and the reader finds every byte. */
TEST_F(buffers, full_and_empty)
{
	size_t sum;
	int round;

	for (round = 0; round < 3; round++) {
		sum = net_fill(self->fd[A], 0);
		EXPECT_LT(10000, sum);
		EXPECT_EQ(0, net_poll(self->fd[A], POLLOUT, 0));
		net_recv_all(self->fd[B], sum, 0);
		EXPECT_TRUE(net_wait_poll(self->fd[A], POLLOUT));
	}
}

/* What is queued here and there is all that was written. */
TEST_F(buffers, outq_and_inq)
{
	int fd = self->fd[A], peer = self->fd[B];
	size_t sum;

	EXPECT_EQ(0, net_ioctl(fd, SIOCOUTQ));
	EXPECT_EQ(0, net_ioctl(peer, SIOCINQ));
	net_send_all(fd, 1000, 0);
	EXPECT_TRUE(net_wait_readable(peer, 1000));
	EXPECT_TRUE(net_until(!net_ioctl(fd, SIOCOUTQ)));
	EXPECT_EQ(1000, net_ioctl(peer, SIOCINQ));
	net_recv_all(peer, 400, 0);
	EXPECT_EQ(600, net_ioctl(peer, FIONREAD));
	net_recv_all(peer, 600, 400);
	EXPECT_EQ(0, net_ioctl(peer, FIONREAD));

	/*
	 * In steps, since what has arrived and is not acknowledged yet is
	 * counted on both sides.
	 */
	sum = net_fill(fd, 0);
	EXPECT_TRUE(net_until(net_ioctl(fd, SIOCOUTQ) +
			      net_ioctl(peer, FIONREAD) == (int)sum));
	net_recv_all(peer, sum, 0);
	EXPECT_TRUE(net_until(!net_ioctl(fd, SIOCOUTQ)));
}

/* Bytes on their way count as queued until they are acknowledged. */
TEST_F(buffers, outq_until_acknowledged)
{
	net_cut(&self->net, A);
	net_send_all(self->fd[A], 5000, 0);
	EXPECT_EQ(5000, net_ioctl(self->fd[A], SIOCOUTQ));
	EXPECT_EQ(0, net_ioctl(self->fd[B], FIONREAD));
	net_mend(&self->net, A);
	EXPECT_TRUE(net_until(!net_ioctl(self->fd[A], SIOCOUTQ)));
	EXPECT_EQ(5000, net_ioctl(self->fd[B], FIONREAD));
}

/* The end of the stream is not a byte. */
TEST_F(buffers, fin_is_not_counted)
{
	net_send_all(self->fd[A], 10, 0);
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	ASSERT_TRUE(net_until(net_poll(self->fd[B], POLLRDHUP, 0)));
	EXPECT_EQ(10, net_ioctl(self->fd[B], FIONREAD));
	EXPECT_EQ(10, net_drain(self->fd[B], 0));
	EXPECT_EQ(0, net_ioctl(self->fd[B], FIONREAD));
}

TEST_F(buffers, ioctl_on_listener)
{
	int fd = net_listen(&self->net, A, 6000, 1);
	int value;

	EXPECT_EQ(EINVAL, net_err(ioctl(fd, FIONREAD, &value)));
	EXPECT_EQ(EINVAL, net_err(ioctl(fd, SIOCOUTQ, &value)));
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(0, net_ioctl(fd, FIONREAD));
	EXPECT_EQ(0, net_ioctl(fd, SIOCOUTQ));
	EXPECT_EQ(EFAULT, net_err(ioctl(fd, SIOCOUTQ, NULL)));
	EXPECT_EQ(ENOTTY, net_err(ioctl(fd, 0x12345678, &value)));
}

/* A blocking write(2) of more than all buffers sleeps until all is taken. */
TEST_F(buffers, huge_write)
{
	size_t len = net_env("TEACH_HUGE", 4 << 20);
	struct net_call call = {
		.fn = net_call_send,
		.fd = self->fd[A],
		.buf = malloc(len),
		.len = len,
	};

	net_pattern(call.buf, len, 0);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_recv_all(self->fd[B], len, 0);
	EXPECT_EQ((long)len, net_call_end(&call));
	free(call.buf);
}

TEST_F(buffers, tiny_send_buffer)
{
	static char buf[200000];
	struct net_call call = {
		.fn = net_call_send,
		.fd = self->fd[A],
		.buf = buf,
		.len = sizeof(buf),
	};

	net_setopt(self->fd[A], SOL_SOCKET, SO_SNDBUF, 1);
	net_pattern(buf, sizeof(buf), 0);
	net_call(&call);
	net_recv_all(self->fd[B], sizeof(buf), 0);
	EXPECT_EQ((long)sizeof(buf), net_call_end(&call));
}

/* Readers of all speeds, through a receive buffer of few segments. */
TEST_F(buffers, slow_reader)
{
	static char buf[400000];
	struct net_call call = {
		.fn = net_call_send,
		.buf = buf,
		.len = sizeof(buf),
	};
	int listener, peer;
	uint64_t at = 0;
	size_t step;

	listener = net_listen(&self->net, B, NET_PORT + 1, 1);
	net_setopt(listener, SOL_SOCKET, SO_RCVBUF, 8192);
	call.fd = net_client(&self->net, A, ADDR_B, NET_PORT + 1);
	peer = net_accept(listener);
	net_pattern(buf, sizeof(buf), 0);
	net_call(&call);
	for (step = 1; at < sizeof(buf); step = step * 5 % 20011) {
		if (step > sizeof(buf) - at)
			step = sizeof(buf) - at;
		net_recv_all(peer, step, at);
		at += step;
	}
	EXPECT_EQ((long)sizeof(buf), net_call_end(&call));
}

/* The window is shut, the update that opens it is lost, a probe asks. */
TEST_F(buffers, lost_window_update)
{
	size_t sum = net_fill(self->fd[A], 0);
	char *buf = malloc(sum);
	size_t n;

	ASSERT_TRUE(net_until(net_ioctl(self->fd[A], SIOCOUTQ) +
			      net_ioctl(self->fd[B], FIONREAD) == (int)sum));
	net_cut(&self->net, B);
	n = recv(self->fd[B], buf, sum, 0);
	ASSERT_LT(0, (ssize_t)n);
	EXPECT_TRUE(net_pattern_ok(buf, n, 0));
	net_mend(&self->net, B);
	net_recv_all(self->fd[B], sum - n, n);
	free(buf);
}

/* A receive buffer's bound holds, however long nobody reads. */
TEST_F(buffers, flow_control)
{
	int listener, fd, peer;

	listener = net_listen(&self->net, B, NET_PORT + 1, 1);
	net_setopt(listener, SOL_SOCKET, SO_RCVBUF, 16384);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT + 1);
	peer = net_accept(listener);
	net_fill(fd, 0);
	EXPECT_LT(0, net_ioctl(peer, FIONREAD));
	EXPECT_GE(2 * 16384, net_ioctl(peer, FIONREAD));
}

TEST_F(buffers, partial_write)
{
	size_t len = 16 << 20;
	char *buf = malloc(len);
	ssize_t n;

	net_pattern(buf, len, 0);
	n = send(self->fd[A], buf, len, MSG_DONTWAIT);
	EXPECT_LT(0, n);
	EXPECT_GT((ssize_t)len, n);
	net_recv_all(self->fd[B], n, 0);
	free(buf);
}

TEST_F(buffers, peek)
{
	char buf[64];

	net_send_all(self->fd[A], 20, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 20));
	EXPECT_EQ(5, recv(self->fd[B], buf, 5, MSG_PEEK));
	EXPECT_TRUE(net_pattern_ok(buf, 5, 0));
	EXPECT_EQ(20, recv(self->fd[B], buf, 64, MSG_PEEK));
	EXPECT_TRUE(net_pattern_ok(buf, 20, 0));
	EXPECT_EQ(20, net_ioctl(self->fd[B], FIONREAD));
	net_recv_all(self->fd[B], 15, 0);
	EXPECT_EQ(5, recv(self->fd[B], buf, 64, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_TRUE(net_pattern_ok(buf, 5, 15));
	net_recv_all(self->fd[B], 5, 15);
	EXPECT_EQ(EAGAIN, net_err(recv(self->fd[B], buf, 64,
				       MSG_PEEK | MSG_DONTWAIT)));
	shutdown(self->fd[A], SHUT_WR);
	EXPECT_EQ(0, recv(self->fd[B], buf, 64, MSG_PEEK));
	EXPECT_EQ(0, recv(self->fd[B], buf, 64, 0));
}

/* SO_PEEK_OFF: each peek goes on where the last one ended. */
TEST_F(buffers, peek_off)
{
	int fd = self->fd[B], off = 5;
	char buf[64];

	if (setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off))) {
		ASSERT_TRUE(net_is_inet());
		SKIP(return, "TCP has it from 6.9 on");
	}
	net_send_all(self->fd[A], 30, 0);
	ASSERT_TRUE(net_wait_readable(fd, 30));
	EXPECT_EQ(10, recv(fd, buf, 10, MSG_PEEK));
	EXPECT_TRUE(net_pattern_ok(buf, 10, 5));
	EXPECT_EQ(15, net_getopt(fd, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(15, recv(fd, buf, 64, MSG_PEEK));
	EXPECT_TRUE(net_pattern_ok(buf, 15, 15));
	EXPECT_EQ(EAGAIN, net_err(recv(fd, buf, 64, MSG_PEEK | MSG_DONTWAIT)));
	/* To read takes away from before it. */
	net_recv_all(fd, 20, 0);
	EXPECT_EQ(10, net_getopt(fd, SOL_SOCKET, SO_PEEK_OFF));
	net_send_all(self->fd[A], 5, 30);
	EXPECT_EQ(5, recv(fd, buf, 64, MSG_PEEK));
	EXPECT_TRUE(net_pattern_ok(buf, 5, 30));
	net_recv_all(fd, 15, 20);
	EXPECT_EQ(0, net_getopt(fd, SOL_SOCKET, SO_PEEK_OFF));
	/* And without it, from the begin again. */
	net_setopt(fd, SOL_SOCKET, SO_PEEK_OFF, -1);
	net_send_all(self->fd[A], 5, 0);
	ASSERT_TRUE(net_wait_readable(fd, 5));
	EXPECT_EQ(3, recv(fd, buf, 3, MSG_PEEK));
	EXPECT_EQ(3, recv(fd, buf, 3, MSG_PEEK));
	EXPECT_TRUE(net_pattern_ok(buf, 3, 0));
}

/* A peek sees through many segments. */
TEST_F(buffers, peek_far)
{
	static char buf[20000];

	net_send_all(self->fd[A], sizeof(buf), 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], sizeof(buf)));
	EXPECT_EQ((ssize_t)sizeof(buf),
		  recv(self->fd[B], buf, sizeof(buf), MSG_PEEK));
	EXPECT_TRUE(net_pattern_ok(buf, sizeof(buf), 0));
	net_recv_all(self->fd[B], sizeof(buf), 0);
}

TEST_F(buffers, dontwait)
{
	char byte;

	EXPECT_EQ(EAGAIN,
		  net_err(recv(self->fd[B], &byte, 1, MSG_DONTWAIT)));
	EXPECT_EQ(EAGAIN, net_err(recv(self->fd[B], &byte, 1,
				       MSG_DONTWAIT | MSG_WAITALL)));
	net_nonblock(self->fd[B], true);
	EXPECT_EQ(EAGAIN, net_err(recv(self->fd[B], &byte, 1, 0)));
	EXPECT_EQ(EAGAIN, net_err(read(self->fd[B], &byte, 1)));
}

TEST_F(buffers, waitall)
{
	char buf[3000];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
		.flags = MSG_WAITALL,
	};

	net_call(&call);
	net_send_all(self->fd[A], 1000, 0);
	net_send_all(self->fd[A], 1000, 1000);
	net_quiet();
	EXPECT_FALSE(net_call_done(&call));
	net_send_all(self->fd[A], 1500, 2000);
	EXPECT_EQ((long)sizeof(buf), net_call_end(&call));
	EXPECT_TRUE(net_pattern_ok(buf, sizeof(buf), 0));
	net_recv_all(self->fd[B], 500, 3000);
}

/* The end of the stream ends it early. */
TEST_F(buffers, waitall_at_end)
{
	char buf[3000];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
		.flags = MSG_WAITALL,
	};

	net_send_all(self->fd[A], 1000, 0);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	shutdown(self->fd[A], SHUT_WR);
	EXPECT_EQ(1000, net_call_end(&call));
}

TEST_F(buffers, waitall_times_out)
{
	char buf[3000];

	net_send_all(self->fd[A], 1000, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 1000));
	net_timeout(self->fd[B], SO_RCVTIMEO, 40);
	EXPECT_EQ(1000, recv(self->fd[B], buf, sizeof(buf), MSG_WAITALL));
	EXPECT_TRUE(net_pattern_ok(buf, 1000, 0));
}

/* tcp(7): MSG_TRUNC throws the bytes away. */
TEST_F(buffers, trunc)
{
	net_send_all(self->fd[A], 100, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 100));
	EXPECT_EQ(60, recv(self->fd[B], NULL, 60, MSG_TRUNC));
	EXPECT_EQ(40, net_ioctl(self->fd[B], FIONREAD));
	EXPECT_EQ(40, recv(self->fd[B], NULL, 100, MSG_TRUNC | MSG_PEEK));
	net_recv_all(self->fd[B], 40, 60);
}

TEST_F(buffers, nothing_is_nothing)
{
	char byte;

	EXPECT_EQ(0, send(self->fd[A], "", 0, 0));
	EXPECT_EQ(0, write(self->fd[A], "", 0));
	EXPECT_EQ(EAGAIN,
		  net_err(recv(self->fd[B], &byte, 0, MSG_DONTWAIT)));
	EXPECT_EQ(0, read(self->fd[B], &byte, 0));
	net_quiet();
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN, 0));
	/* A datagram of no bytes would have been the end of the stream. */
	net_send_all(self->fd[A], 1, 0);
	EXPECT_EQ(0, recv(self->fd[B], &byte, 0, 0));
	net_recv_all(self->fd[B], 1, 0);
}

/* To read nothing waits for a byte all the same, and is then nothing. */
TEST_F(buffers, nothing_waits)
{
	char byte;
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = &byte,
	};

	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_send_all(self->fd[A], 1, 0);
	EXPECT_EQ(0, net_call_end(&call));
	net_recv_all(self->fd[B], 1, 0);
}

TEST_F(buffers, vectors)
{
	static char out[10000], in[10000];
	struct iovec wv[6] = {
		{ out, 1 }, { out + 1, 0 }, { out + 1, 2999 },
		{ out + 3000, 1500 }, { NULL, 0 }, { out + 4500, 5500 },
	};
	struct iovec rv[4] = {
		{ in, 7 }, { in + 7, 0 }, { in + 7, 4093 }, { in + 4100, 5900 },
	};

	net_pattern(out, sizeof(out), 0);
	EXPECT_EQ(10000, writev(self->fd[A], wv, 6));
	ASSERT_TRUE(net_wait_readable(self->fd[B], 10000));
	EXPECT_EQ(10000, readv(self->fd[B], rv, 4));
	EXPECT_TRUE(net_pattern_ok(in, sizeof(in), 0));
}

TEST_F(buffers, messages)
{
	struct sockaddr_in addr = net_addr(ADDR_B, 1);
	char out[100], in[100], control[64];
	struct iovec wv = { out, 100 };
	struct iovec rv = { in, 100 };
	struct msghdr send = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &wv,
		.msg_iovlen = 1,
	};
	struct msghdr recv = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &rv,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
		.msg_flags = -1,
	};

	/* The destination of a connection is not looked at. */
	net_pattern(out, 100, 0);
	EXPECT_EQ(100, sendmsg(self->fd[A], &send, 0));
	ASSERT_TRUE(net_wait_readable(self->fd[B], 100));
	EXPECT_EQ(100, recvmsg(self->fd[B], &recv, 0));
	EXPECT_TRUE(net_pattern_ok(in, 100, 0));
	EXPECT_EQ(0, recv.msg_namelen);
	EXPECT_EQ(0, recv.msg_controllen);
	EXPECT_EQ(0, recv.msg_flags);

	send.msg_iovlen = 0;
	EXPECT_EQ(0, sendmsg(self->fd[A], &send, 0));
	send.msg_iovlen = 1;
	wv.iov_base = (void *)8;
	EXPECT_EQ(EFAULT, net_err(sendmsg(self->fd[A], &send, 0)));
}

TEST_F(buffers, recvfrom_names_nobody)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	char byte;

	net_send_all(self->fd[A], 1, 0);
	EXPECT_EQ(1, recvfrom(self->fd[B], &byte, 1, 0, (void *)&addr, &len));
	EXPECT_EQ(0, len);
}

/* Half of the buffer is there and half is not: what was taken counts. */
TEST_F(buffers, fault_on_the_way)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n;

	ASSERT_EQ(0, munmap(page + 4096, 4096));
	EXPECT_EQ(EFAULT, net_err(send(self->fd[A], page + 4096, 10, 0)));
	net_pattern(page, 4096, 0);
	n = send(self->fd[A], page, 8192, 0);
	/* The segment that could not be filled is given up. */
	EXPECT_TRUE((n > 0 && n <= 4096) || (n < 0 && errno == EFAULT));
	if (n > 0)
		net_recv_all(self->fd[B], n, 0);

	net_send_all(self->fd[A], 10, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 10));
	EXPECT_EQ(EFAULT, net_err(recv(self->fd[B], page + 4096, 10, 0)));
	/* Nothing is lost by that. */
	net_recv_all(self->fd[B], 10, 0);
}

TEST_F(buffers, rcvlowat)
{
	char buf[1000];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
	};

	EXPECT_EQ(1, net_getopt(self->fd[B], SOL_SOCKET, SO_RCVLOWAT));
	net_setopt(self->fd[B], SOL_SOCKET, SO_RCVLOWAT, 500);
	EXPECT_EQ(500, net_getopt(self->fd[B], SOL_SOCKET, SO_RCVLOWAT));
	net_call(&call);
	net_send_all(self->fd[A], 499, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 499));
	net_quiet();
	EXPECT_FALSE(net_call_done(&call));
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN, 0));
	net_send_all(self->fd[A], 1, 499);
	EXPECT_EQ(500, net_call_end(&call));
	EXPECT_TRUE(net_pattern_ok(buf, 500, 0));

	/* Non-blocking calls take what there is. */
	net_send_all(self->fd[A], 10, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 10));
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN, 0));
	EXPECT_EQ(10, recv(self->fd[B], buf, 1000, MSG_DONTWAIT));
}

TEST_F(buffers, rcvlowat_poll)
{
	net_setopt(self->fd[B], SOL_SOCKET, SO_RCVLOWAT, 500);
	net_send_all(self->fd[A], 499, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 499));
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN, NET_QUIET_MS));
	net_send_all(self->fd[A], 1, 499);
	EXPECT_TRUE(net_wait_poll(self->fd[B], POLLIN));
}

/* SO_RCVLOWAT of many segments makes the window large enough. */
TEST_F(buffers, rcvlowat_large)
{
	net_setopt(self->fd[B], SOL_SOCKET, SO_RCVLOWAT, 50000);
	net_send_all(self->fd[A], 50000, 0);
	EXPECT_TRUE(net_wait_poll(self->fd[B], POLLIN));
	EXPECT_LE(50000, net_ioctl(self->fd[B], FIONREAD));
}

/* So much has to fit; but no more than the buffer may ever have. */
TEST_F(buffers, rcvlowat_of_all)
{
	int fd = self->fd[B];

	net_setopt(fd, SOL_SOCKET, SO_RCVLOWAT, 1 << 20);
	EXPECT_EQ(1 << 20, net_getopt(fd, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_LE(2 << 20, net_getopt(fd, SOL_SOCKET, SO_RCVBUF));
	net_setopt(fd, SOL_SOCKET, SO_RCVBUF, 50000);
	net_setopt(fd, SOL_SOCKET, SO_RCVLOWAT, 1 << 20);
	EXPECT_EQ(50000, net_getopt(fd, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_EQ(100000, net_getopt(fd, SOL_SOCKET, SO_RCVBUF));
	net_setopt(fd, SOL_SOCKET, SO_RCVLOWAT, 0);
	EXPECT_EQ(1, net_getopt(fd, SOL_SOCKET, SO_RCVLOWAT));
}

/* Setting it wakes who may read now. */
TEST_F(buffers, rcvlowat_lowered)
{
	net_setopt(self->fd[B], SOL_SOCKET, SO_RCVLOWAT, 500);
	net_send_all(self->fd[A], 100, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 100));
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN, 0));
	net_setopt(self->fd[B], SOL_SOCKET, SO_RCVLOWAT, 100);
	EXPECT_EQ(POLLIN, net_poll(self->fd[B], POLLIN, 0));
}

/* MSG_TRUNC throws away, MSG_CMSG_CLOEXEC means nothing here. */
TEST_F(buffers, discard)
{
	net_send_all(self->fd[A], 5000, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 5000));
	EXPECT_EQ(1000, recv(self->fd[B], NULL, 1000, MSG_TRUNC));
	EXPECT_EQ(100, recv(self->fd[B], NULL, 100, MSG_TRUNC | MSG_PEEK));
	EXPECT_EQ(3000, recv(self->fd[B], NULL, 3000,
			     MSG_TRUNC | MSG_WAITALL | MSG_CMSG_CLOEXEC));
	net_recv_all(self->fd[B], 1000, 4000);
}

/* Which CPU brought the last segment. */
TEST_F(buffers, incoming_cpu)
{
	net_send_all(self->fd[A], 1, 0);
	net_recv_all(self->fd[B], 1, 0);
	EXPECT_LE(0, net_getopt(self->fd[B], SOL_SOCKET, SO_INCOMING_CPU));
	EXPECT_GT(sysconf(_SC_NPROCESSORS_CONF),
		  net_getopt(self->fd[B], SOL_SOCKET, SO_INCOMING_CPU));
}

TEST_F(buffers, both_ways_at_once)
{
	size_t len = 1 << 20;
	struct net_call calls[2] = {};
	int i;

	for (i = 0; i < 2; i++) {
		calls[i].fn = net_call_send;
		calls[i].fd = self->fd[i];
		calls[i].buf = malloc(len);
		calls[i].len = len;
		net_pattern(calls[i].buf, len, i * 1000);
		net_call(&calls[i]);
	}
	net_recv_all(self->fd[B], len, 0);
	net_recv_all(self->fd[A], len, 1000);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ((long)len, net_call_end(&calls[i]));
		free(calls[i].buf);
	}
}

TEST_F(buffers, options_of_tcp)
{
	int fd = net_socket(&self->net, A, 0);
	socklen_t len;
	int value;
	char byte;

	EXPECT_EQ(0, net_getopt(fd, SOL_TCP, TCP_NODELAY));
	net_setopt(fd, SOL_TCP, TCP_NODELAY, 5);
	EXPECT_EQ(1, net_getopt(fd, SOL_TCP, TCP_NODELAY));
	net_setopt(fd, SOL_TCP, TCP_NODELAY, 0);
	EXPECT_EQ(0, net_getopt(fd, SOL_TCP, TCP_NODELAY));

	EXPECT_EQ(536, net_getopt(fd, SOL_TCP, TCP_MAXSEG));
	net_setopt(fd, SOL_TCP, TCP_MAXSEG, 1000);
	EXPECT_EQ(1000, net_getopt(fd, SOL_TCP, TCP_MAXSEG));
	value = 87;
	len = sizeof(value);
	EXPECT_EQ(EINVAL, net_err(setsockopt(fd, SOL_TCP, TCP_MAXSEG, &value,
					     len)));
	value = 32768;
	EXPECT_EQ(EINVAL, net_err(setsockopt(fd, SOL_TCP, TCP_MAXSEG, &value,
					     len)));
	EXPECT_EQ(EINVAL, net_err(setsockopt(fd, SOL_TCP, TCP_NODELAY, &value,
					     3)));
	EXPECT_EQ(EFAULT, net_err(setsockopt(fd, SOL_TCP, TCP_NODELAY, NULL,
					     len)));
	EXPECT_EQ(ENOPROTOOPT, net_err(setsockopt(fd, SOL_TCP, 9999, &value,
						  len)));
	EXPECT_EQ(ENOPROTOOPT, net_err(getsockopt(fd, SOL_TCP, 9999, &value,
						  &len)));
	len = -1;
	EXPECT_EQ(EINVAL, net_err(getsockopt(fd, SOL_TCP, TCP_NODELAY, &value,
					     &len)));
	len = 1;
	EXPECT_EQ(0, net_err(getsockopt(fd, SOL_TCP, TCP_NODELAY, &byte,
					&len)));
	EXPECT_EQ(1, len);
}

/*
 * A cable of 1500 bytes carries segments of 1460, of which 12 are for the
 * timestamps; the least one is used.
 */
TEST_F(buffers, segment_size)
{
	int listener, fd, peer;

	EXPECT_EQ(1448, net_getopt(self->fd[A], SOL_TCP, TCP_MAXSEG));
	EXPECT_EQ(1448, net_getopt(self->fd[B], SOL_TCP, TCP_MAXSEG));

	listener = net_listen(&self->net, B, NET_PORT + 1, 1);
	fd = net_socket(&self->net, A, 0);
	net_setopt(fd, SOL_TCP, TCP_MAXSEG, 500);
	ASSERT_EQ(0, net_connect(fd, ADDR_B, NET_PORT + 1));
	peer = net_accept(listener);
	EXPECT_EQ(488, net_getopt(peer, SOL_TCP, TCP_MAXSEG));
	net_send_all(peer, 20000, 0);
	net_recv_all(fd, 20000, 0);
}

/*
 * Nagle: while a segment is unacknowledged, small writes wait.  B's
 * acknowledgments are lost until it has something to say itself.
 */
TEST_F(buffers, nagle)
{
	long long before, sent;
	int nodelay, i;

	net_be_patient(&self->net, self->fd);
	for (nodelay = 0; nodelay <= 1; nodelay++) {
		net_setopt(self->fd[A], SOL_TCP, TCP_NODELAY, nodelay);
		net_cut(&self->net, B);
		before = net_counter(&self->net, A, "OutSegs");
		for (i = 0; i < 8; i++)
			net_send_all(self->fd[A], 10, i * 10);
		sent = net_counter(&self->net, A, "OutSegs") - before;
		EXPECT_TRUE(nodelay ? sent >= 4 : sent <= 3);

		net_mend(&self->net, B);
		net_send_all(self->fd[B], 1, 0);
		net_recv_all(self->fd[A], 1, 0);
		net_recv_all(self->fd[B], 80, 0);
		EXPECT_TRUE(net_until(!net_ioctl(self->fd[A], SIOCOUTQ)));
	}
}

/* How many segments with bytes have been sent. */
static long long data_segments(int fd)
{
	struct tcpinfo info;
	long long value;

	if (tcpinfo_read(fd, &info) ||
	    !tcpinfo_field(&info, "data_segs_out", &value))
		net_fatal("TCP_INFO");
	return value;
}

/* MSG_EOR: small writes wait together for the cork, but in segments apart. */
TEST_F(buffers, end_of_record)
{
	long long before;
	int fd = self->fd[A];
	int eor, i;

	net_be_patient(&self->net, self->fd);
	for (eor = 0; eor <= 1; eor++) {
		net_setopt(fd, SOL_TCP, TCP_CORK, 1);
		before = data_segments(fd);
		for (i = 0; i < 5; i++)
			ASSERT_EQ(10, send(fd, "0123456789", 10,
					   eor ? MSG_EOR : 0));
		net_setopt(fd, SOL_TCP, TCP_CORK, 0);
		ASSERT_TRUE(net_until(!net_ioctl(fd, SIOCOUTQ)));
		EXPECT_EQ(eor ? 5 : 1, data_segments(fd) - before);
	}
}

/* Bytes in the queueing discipline of host A's card. */
static int bytes_waiting(struct net *net)
{
	char line[256];
	int bytes = -1;
	FILE *tc;

	net_enter(net, A);
	tc = popen("tc -s qdisc show dev " DEV_A, "r");
	if (!tc)
		net_fatal("tc");
	while (fgets(line, sizeof(line), tc))
		if (sscanf(line, " backlog %db", &bytes) == 1)
			break;
	if (strchr(line, 'K'))
		bytes *= 1000;
	pclose(tc);
	return bytes;
}

/*
 * Let 30 segments go at once over a card that needs most of a minute for them:
 * how many bytes wait for it?  No ACK comes meanwhile, so nothing but their
 * leaving lets more go.  Under the limit, small queues let wait what leaves in
 * a millisecond at the pacing rate, twice initcwnd in a round trip.
 */
static int most_waiting(struct net *net, const char *limit,
			const char *initcwnd)
{
	int fd[2], now, i, most = 0;

	net_sysctl(net, A, "limit_output_bytes", limit);
	net_ip(net, A, "route change 10.9.0.0/24 dev " DEV_A
		       " rto_min 60s initcwnd %s", initcwnd);
	net_pair(net, fd);
	if (!net_netem(net, B, "delay 200s") ||
	    net_tc(net, A, "qdisc replace dev " DEV_A
			   " root tbf rate 8kbit burst 4000 limit 1000000"))
		return -1;
	net_send_all(fd[A], 30 * 1448, 0);
	for (i = 0; i < 3; i++) {
		now = bytes_waiting(net);
		if (now > most)
			most = now;
	}
	return most;
}

/* More than a little would only wait in this host: tcp_limit_output_bytes. */
TEST_F(buffers, small_queues)
{
	int most;

	net_gso(&self->net, A, false);
	most = most_waiting(&self->net, "10000", "30");
	if (most < 0)
		SKIP(return, "no netem or no tbf");
	EXPECT_LT(0, most);
	/*
	 * Five, as each takes 2 KiB of memory and more, and no probe is added;
	 * IPv6 may be about to say a little.
	 */
	EXPECT_GT(6 * 1514, most);
}

TEST_F(buffers, queues_are_large_if_told)
{
	int most;

	net_gso(&self->net, A, false);
	/* All 30 leave by one budget though the round trip take 100 ms. */
	most = most_waiting(&self->net, "1048576", "1500");
	if (most < 0)
		SKIP(return, "no netem or no tbf");
	EXPECT_LT(15000, most);
}

/* On a long path a burst is two segments, however many an skb could hold. */
TEST_F(buffers, small_queues_of_large_segments)
{
	int most;

	if (!net_netem(&self->net, B, "delay 50ms"))
		SKIP(return, "no netem");
	most = most_waiting(&self->net, "1048576", "30");
	if (most < 0)
		SKIP(return, "no tbf");
	EXPECT_LT(0, most);
	EXPECT_GE(15000, most);
}

TEST_F(buffers, sendfile_and_splice)
{
	static char buf[100000];
	FILE *file = tmpfile();
	off_t at = 0;

	ASSERT_NE(NULL, file);
	net_pattern(buf, sizeof(buf), 0);
	ASSERT_EQ(1, fwrite(buf, sizeof(buf), 1, file));
	fflush(file);
	EXPECT_EQ(10000, sendfile(self->fd[A], fileno(file), &at, 10000));
	net_recv_all(self->fd[B], 10000, 0);
	EXPECT_EQ(10000, at);
	fclose(file);
}

TEST_HARNESS_MAIN
