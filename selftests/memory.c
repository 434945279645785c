// SPDX-License-Identifier: GPL-2.0
/*
 * Every byte that is held for a peer or a user is charged to somebody, is
 * bounded, and is given back.
 */
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "net.h"

#define PAIRS		8

FIXTURE(memory) {
	struct net net;
};

FIXTURE_SETUP(memory)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(memory)
{
	net_exit(&self->net);
}

TEST_F(memory, received_is_charged)
{
	int fd[2];

	net_pair(&self->net, fd);
	EXPECT_EQ(0, net_meminfo(fd[B], SK_MEMINFO_RMEM_ALLOC));
	net_send_all(fd[A], 20000, 0);
	ASSERT_TRUE(net_wait_readable(fd[B], 20000));
	EXPECT_LE(20000, net_meminfo(fd[B], SK_MEMINFO_RMEM_ALLOC));
	net_recv_all(fd[B], 20000, 0);
	EXPECT_TRUE(net_until(!net_meminfo(fd[B], SK_MEMINFO_RMEM_ALLOC)));
}

TEST_F(memory, queued_is_charged)
{
	int fd[2];

	net_pair(&self->net, fd);
	EXPECT_EQ(0, net_meminfo(fd[A], SK_MEMINFO_WMEM_QUEUED));
	net_cut(&self->net, A);
	net_send_all(fd[A], 20000, 0);
	EXPECT_LE(20000, net_meminfo(fd[A], SK_MEMINFO_WMEM_QUEUED));
	net_mend(&self->net, A);
	net_recv_all(fd[B], 20000, 0);
	EXPECT_TRUE(net_until(!net_meminfo(fd[A], SK_MEMINFO_WMEM_QUEUED)));
}

/* A reader that never reads costs its buffer, and no more. */
TEST_F(memory, unread_is_bounded)
{
	int listener, fd, peer;

	listener = net_listen(&self->net, B, NET_PORT, 1);
	net_setopt(listener, SOL_SOCKET, SO_RCVBUF, 32768);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	peer = net_accept(listener);
	net_fill(fd, 0);
	EXPECT_LT(0, net_meminfo(peer, SK_MEMINFO_RMEM_ALLOC));
	EXPECT_GE(2 * net_meminfo(peer, SK_MEMINFO_RCVBUF),
		  net_meminfo(peer, SK_MEMINFO_RMEM_ALLOC));
}

/* Segments of one byte cost most: their buffers are counted, too. */
TEST_F(memory, small_segments_are_bounded)
{
	int listener, fd, peer, i;

	listener = net_listen(&self->net, B, NET_PORT, 1);
	net_setopt(listener, SOL_SOCKET, SO_RCVBUF, 16384);
	fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	net_setopt(fd, SOL_TCP, TCP_NODELAY, 1);
	net_connect(fd, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_poll(fd, POLLOUT));
	peer = net_accept(listener);
	for (i = 0; i < 3000; i++)
		if (send(fd, "x", 1, MSG_DONTWAIT) < 0)
			break;
	net_quiet();
	EXPECT_GE(2 * net_meminfo(peer, SK_MEMINFO_RCVBUF),
		  net_meminfo(peer, SK_MEMINFO_RMEM_ALLOC));
}

TEST_F(memory, unsent_is_bounded)
{
	int fd[2];

	net_pair(&self->net, fd);
	net_setopt(fd[A], SOL_SOCKET, SO_SNDBUF, 50000);
	net_cut(&self->net, A);
	EXPECT_GE(2 * 100000, net_fill_once(fd[A], 0));
	EXPECT_GE(2 * 100000, net_meminfo(fd[A], SK_MEMINFO_WMEM_QUEUED));
}

/* What is held out of order is held, too. */
TEST_F(memory, out_of_order_is_bounded)
{
	int listener, fd, peer;

	listener = net_listen(&self->net, B, NET_PORT, 1);
	net_setopt(listener, SOL_SOCKET, SO_RCVBUF, 32768);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	peer = net_accept(listener);
	if (!net_netem(&self->net, A, "delay 5ms reorder 50%"))
		SKIP(return, "no netem");
	net_fill(fd, 0);
	EXPECT_GE(2 * net_meminfo(peer, SK_MEMINFO_RCVBUF),
		  net_meminfo(peer, SK_MEMINFO_RMEM_ALLOC));
}

/* Open connections with full buffers on both sides, and end them all. */
static void hold_and_drop(struct net *net, bool in_peace)
{
	int listener = net_listen(net, B, NET_PORT, 32);
	int fd[16][2], i, side;

	for (i = 0; i < 16; i++) {
		fd[i][A] = net_client(net, A, ADDR_B, NET_PORT);
		fd[i][B] = net_accept(listener);
		net_send_all(fd[i][A], 60000, 0);
	}
	for (i = 0; i < 16; i++) {
		for (side = A; side <= B; side++) {
			if (in_peace)
				close(fd[i][side]);
			else
				net_abort(fd[i][side]);
		}
	}
	close(listener);
}

/*
 * 16 connections of at least 60,000 bytes, ten times, is more than all that
 * processors may keep for themselves: what is not given back shows.
 */
TEST_F(memory, given_back)
{
	long before = net_protocol(&self->net, A, true);
	long slack = net_slack_pages();
	int i;

	ASSERT_LE(0, before);
	for (i = 0; i < 10; i++)
		hold_and_drop(&self->net, i & 1);
	EXPECT_TRUE(net_until(net_protocol(&self->net, A, true) <=
			      before + slack)) {
		TH_LOG("%ld pages before, %ld after", before,
		       net_protocol(&self->net, A, true));
	}
}

/* /proc/net/protocols counts the sockets that are in the hash. */
TEST_F(memory, sockets_are_counted)
{
	long before = net_protocol(&self->net, A, false);
	int fds[20], i;

	ASSERT_LE(0, before);
	for (i = 0; i < 20; i++)
		fds[i] = net_listen(&self->net, A, 6000 + i, 1);
	EXPECT_LE(before + 20, net_protocol(&self->net, A, false));
	for (i = 0; i < 20; i++)
		close(fds[i]);
	EXPECT_TRUE(net_until(net_protocol(&self->net, A, false) <= before));
}

/* Bytes that nobody accepted are bounded like all others. */
TEST_F(memory, unaccepted_is_bounded)
{
	int listener, fd, child;

	listener = net_listen(&self->net, B, NET_PORT, 1);
	net_setopt(listener, SOL_SOCKET, SO_RCVBUF, 32768);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	net_fill(fd, 0);
	child = net_accept(listener);
	EXPECT_GE(2 * net_meminfo(child, SK_MEMINFO_RCVBUF),
		  net_meminfo(child, SK_MEMINFO_RMEM_ALLOC));
}

/*
 * Connections that hold all that net.teach.mem lets all together have, beside
 * what others have already: connections of tests before this one may still try
 * to end.
 */
struct hoard {
	long limit;			/* pages */
	int fd[PAIRS][2];
	size_t sum[PAIRS];
	int sysctl;
	char old[128];
};

static void hoard(struct net *net, struct hoard *hoard)
{
	char new[64];
	int i;

	for (i = 0; i < PAIRS; i++) {
		net_pair(net, hoard->fd[i]);
		net_setopt(hoard->fd[i][A], SOL_SOCKET, SO_SNDBUFFORCE,
			   4 << 20);
		net_setopt(hoard->fd[i][B], SOL_SOCKET, SO_RCVBUFFORCE,
			   4 << 20);
	}
	hoard->limit = net_protocol(net, A, true) + 2 * net_slack_pages();
	hoard->sysctl = net_open_global("ipv4/tcp_mem", "teach/mem");
	snprintf(new, sizeof(new), "%ld %ld %ld", hoard->limit, hoard->limit,
		 hoard->limit);
	if (read(hoard->sysctl, hoard->old, sizeof(hoard->old) - 1) <= 0 ||
	    pwrite(hoard->sysctl, new, strlen(new), 0) < 0)
		net_fatal("mem");
	for (i = 0; i < PAIRS; i++)
		hoard->sum[i] = net_fill_once(hoard->fd[i][A], 0);
}

static void share(struct hoard *hoard)
{
	int i;

	if (pwrite(hoard->sysctl, hoard->old, strlen(hoard->old), 0) < 0)
		net_fatal("mem");
	close(hoard->sysctl);
	for (i = 0; i < PAIRS; i++) {
		net_recv_all(hoard->fd[i][B], hoard->sum[i], 0);
		close(hoard->fd[i][A]);
		close(hoard->fd[i][B]);
	}
}

/* All together have no more, however much each may have. */
TEST_F(memory, all_are_bounded)
{
	struct hoard all = {};
	long long held = 0;
	int i;

	hoard(&self->net, &all);
	for (i = 0; i < PAIRS; i++)
		held += net_meminfo(all.fd[i][A], SK_MEMINFO_WMEM_QUEUED) +
			net_meminfo(all.fd[i][B], SK_MEMINFO_RMEM_ALLOC);
	/* And a page for each that has none. */
	EXPECT_GE(all.limit + net_slack_pages() + 2 * PAIRS,
		  held / getpagesize());
	EXPECT_LE(net_slack_pages(), held / getpagesize());
	share(&all);
}

/* Who has little goes on, though others who do not read hold everything. */
TEST_F(memory, others_go_on)
{
	struct hoard all = {};
	int i, fd[2];

	hoard(&self->net, &all);
	net_pair(&self->net, fd);
	for (i = 0; i < 100; i++) {
		net_send_all(fd[i % 2], 100, i);
		net_recv_all(fd[!(i % 2)], 100, i);
	}
	close(fd[A]);
	close(fd[B]);
	share(&all);
}

TEST_HARNESS_MAIN
