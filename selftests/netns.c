// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: what one has, no other sees; and what becomes of
 * connections when theirs goes away.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "net.h"

FIXTURE(netns) {
	struct net net;
	struct net other;
};

FIXTURE_SETUP(netns)
{
	net_init(&self->net);
	net_init(&self->other);
}

FIXTURE_TEARDOWN(netns)
{
	net_exit(&self->net);
	net_exit(&self->other);
}

/* The same addresses, the same ports, and never the same connection. */
TEST_F(netns, pairs_are_apart)
{
	int one = net_listen(&self->net, B, NET_PORT, 4);
	int two = net_socket(&self->other, A, 0);
	int fd, peer;

	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(two, ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_poll(one, POLLIN, 0));
	EXPECT_EQ(0, net_count(&self->other, A, 0));
	EXPECT_EQ(0, net_count(&self->other, B, 0));

	two = net_listen(&self->other, B, NET_PORT, 4);
	fd = net_client(&self->other, A, ADDR_B, NET_PORT);
	peer = net_accept(two);
	EXPECT_EQ(0, net_poll(one, POLLIN, 0));
	net_send_all(fd, 100, 0);
	net_recv_all(peer, 100, 0);
	EXPECT_EQ(1, net_count(&self->net, B, 0));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
}

TEST_F(netns, same_tuple_twice)
{
	struct net *nets[2] = { &self->net, &self->other };
	int fd[2], peer[2], i, listener;

	for (i = 0; i < 2; i++) {
		listener = net_listen(nets[i], B, NET_PORT, 4);
		fd[i] = net_socket(nets[i], A, 0);
		ASSERT_EQ(0, net_err(net_bind(fd[i], ADDR_A, 12345)));
		ASSERT_EQ(0, net_err(net_connect(fd[i], ADDR_B, NET_PORT)));
		peer[i] = net_accept(listener);
	}
	for (i = 0; i < 2; i++)
		net_send_all(fd[i], 10000, i * 100);
	for (i = 0; i < 2; i++)
		net_recv_all(peer[i], 10000, i * 100);
}

TEST_F(netns, counters_are_apart)
{
	long long before = net_counter(&self->other, A, "OutSegs");
	int fd[2];

	net_pair(&self->net, fd);
	net_send_all(fd[A], 10000, 0);
	net_recv_all(fd[B], 10000, 0);
	EXPECT_LT(0, net_counter(&self->net, A, "OutSegs"));
	EXPECT_LT(0, net_counter(&self->net, A, "InSegs"));
	EXPECT_EQ(before, net_counter(&self->other, A, "OutSegs"));
}

TEST_F(netns, sysctls_are_apart)
{
	int fd;

	net_sysctl(&self->net, A, "wmem", "4096 20000 40000");
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(20000, net_getopt(fd, SOL_SOCKET, SO_SNDBUF));
	fd = net_socket(&self->other, A, 0);
	EXPECT_NE(20000, net_getopt(fd, SOL_SOCKET, SO_SNDBUF));
}

/* A socket belongs to where it was made, not to where its process is. */
TEST_F(netns, socket_keeps_its_host)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	int fd = net_socket(&self->net, A, 0);

	net_enter(&self->other, A);
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	net_enter(&self->other, B);
	net_accept(listener);
}

/* Sockets hold their namespace, with nobody else in it. */
TEST_F(netns, sockets_hold_it)
{
	int fd[2];

	net_pair(&self->net, fd);
	net_enter(&self->other, A);
	net_exit(&self->net);
	net_send_all(fd[A], 1000, 0);
	net_recv_all(fd[B], 1000, 0);
	close(fd[A]);
	EXPECT_EQ(0, net_drain(fd[B], 0));
	close(fd[B]);
	self->net.ns[A] = -1;
	self->net.ns[B] = -1;
}

/* A namespace that goes away, and its connections with it. */
struct gone {
	struct net net;
	int fd[2];
};

static void make(struct gone *gone)
{
	net_init(&gone->net);
	net_pair(&gone->net, gone->fd);
}

/*
 * Leave both hosts.  They are gone when a new socket count of the kernel's
 * slab of namespaces says so, which nobody can see from here; what can be
 * seen is that nothing went wrong (the guest's log is looked at) and that
 * the other hosts go on.
 */
static void leave(struct gone *gone, struct net *to)
{
	net_enter(to, A);
	net_exit(&gone->net);
}

static void goes_on(struct net *net)
{
	int fd[2];

	net_pair(net, fd);
	net_send_all(fd[A], 1000, 0);
	net_recv_all(fd[B], 1000, 0);
	close(fd[B]);
	net_drain(fd[A], 0);
	close(fd[A]);
}

TEST_F(netns, deleted_with_time_wait)
{
	struct gone gone;

	make(&gone);
	close(gone.fd[A]);
	net_drain(gone.fd[B], 0);
	close(gone.fd[B]);
	EXPECT_TRUE(net_until(net_count(&gone.net, A, TCP_TIME_WAIT) == 1));
	leave(&gone, &self->net);
	goes_on(&self->net);
}

/* An orphan that still had bytes to send. */
TEST_F(netns, deleted_with_orphans)
{
	struct gone gone;

	make(&gone);
	net_fill(gone.fd[A], 0);
	close(gone.fd[A]);
	net_cut(&gone.net, B);
	close(gone.fd[B]);
	leave(&gone, &self->net);
	goes_on(&self->net);
}

TEST_F(netns, deleted_with_half_open)
{
	struct gone gone;
	int listener, fd;

	make(&gone);
	listener = net_listen(&gone.net, B, NET_PORT + 1, 4);
	net_cut(&gone.net, B);
	fd = net_socket(&gone.net, A, SOCK_NONBLOCK);
	net_connect(fd, ADDR_B, NET_PORT + 1);
	EXPECT_TRUE(net_until(net_count(&gone.net, B, TCP_SYN_RECV) == 1));
	close(fd);
	close(listener);
	close(gone.fd[A]);
	close(gone.fd[B]);
	leave(&gone, &self->net);
	goes_on(&self->net);
}

TEST_F(netns, deleted_in_fin_wait2)
{
	struct gone gone;

	make(&gone);
	close(gone.fd[A]);
	EXPECT_TRUE(net_until(net_count(&gone.net, A, TCP_FIN_WAIT2) == 1));
	net_cut(&gone.net, B);
	close(gone.fd[B]);
	leave(&gone, &self->net);
	goes_on(&self->net);
}

TEST_F(netns, deleted_often)
{
	struct gone gone;
	int i;

	for (i = 0; i < 5; i++) {
		make(&gone);
		net_send_all(gone.fd[A], 1000, 0);
		close(gone.fd[i & 1]);
		close(gone.fd[!(i & 1)]);
		leave(&gone, &self->net);
	}
	goes_on(&self->net);
}

/* Without a cable there is still the host itself. */
TEST_F(netns, alone)
{
	int listener, fd, peer;

	if (unshare(CLONE_NEWNET))
		SKIP(return, "no network namespaces");
	fd = socket(net_family, SOCK_STREAM, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(ENETUNREACH, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(ENETUNREACH, net_err(net_connect(fd, ADDR_LO, NET_PORT)));

	if (system("ip link set lo up"))
		net_fatal("ip link set lo up");
	listener = socket(net_family, SOCK_STREAM, 0);
	ASSERT_EQ(0, net_err(net_bind(listener, ADDR_LO, NET_PORT)));
	ASSERT_EQ(0, listen(listener, 1));
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_LO, NET_PORT)));
	peer = net_accept(listener);
	net_send_all(fd, 1000, 0);
	net_recv_all(peer, 1000, 0);
}

TEST_HARNESS_MAIN
