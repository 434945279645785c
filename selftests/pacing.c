// SPDX-License-Identifier: GPL-2.0
/*
 * Pacing: SO_MAX_PACING_RATE bounds how fast bytes leave, by our own timer or
 * by tc-fq(8).  That it takes so long is tested, not that it takes no longer.
 */
#include <linux/if_ether.h>
#include <stdlib.h>

#include "kselftest_harness.h"

#include "net.h"
#include "tcpinfo.h"

#define RATE	100000		/* bytes in a second */
#define LEN	100000
/* The first ten segments go at once, and a timer that is late is made up. */
#define FREE	(10 * 1460)
#define LEAST	((LEN - FREE) * 1000LL / RATE * 3 / 4)

/*
 * What waits for its time is not taken for lost, or most would be sent again.
 * A probe or two is the slow machine's.
 */
#define FEW	5

#define HEADERS	120		/* of IP and TCP, at the most */

FIXTURE(pacing) {
	struct net net;
	int fd[2];
};

FIXTURE_SETUP(pacing)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
}

FIXTURE_TEARDOWN(pacing)
{
	net_exit(&self->net);
}

static long long info(int fd, const char *name)
{
	struct tcpinfo all;
	long long value;

	if (tcpinfo_read(fd, &all) || !tcpinfo_field(&all, name, &value))
		net_fatal("TCP_INFO %s", name);
	return value;
}

static bool use_fq(const struct net *net)
{
	net_enter(net, A);
	return !system("tc qdisc replace dev " DEV_A " root fq 2>/dev/null");
}

static void *send_all(void *arg)
{
	struct net_call *call = arg;

	net_send_all(call->fd, call->len, 0);
	return NULL;
}

/* How many milliseconds it takes. */
static long long transfer(const int *fd, size_t len)
{
	struct net_call call = { .fd = fd[A], .len = len };
	long long start = net_now_ms();

	if (pthread_create(&call.thread, NULL, send_all, &call))
		net_fatal("pthread_create");
	net_recv_all(fd[B], len, 0);
	pthread_join(call.thread, NULL);
	return net_now_ms() - start;
}

TEST_F(pacing, rate)
{
	net_setopt(self->fd[A], SOL_SOCKET, SO_MAX_PACING_RATE, RATE);
	EXPECT_LE(LEAST, transfer(self->fd, LEN));
	EXPECT_EQ(RATE, info(self->fd[A], "pacing_rate"));
	EXPECT_EQ(RATE, info(self->fd[A], "max_pacing_rate"));
	EXPECT_GE(FEW, info(self->fd[A], "total_retrans"));
}

TEST_F(pacing, fq)
{
	if (!use_fq(&self->net))
		SKIP(return, "no fq");
	net_setopt(self->fd[A], SOL_SOCKET, SO_MAX_PACING_RATE, RATE);
	EXPECT_LE(LEAST, transfer(self->fd, LEN));
	EXPECT_GE(FEW, info(self->fd[A], "total_retrans"));
}

/* One segment in an skb, as for a card that does not cut. */
TEST_F(pacing, single_segments)
{
	int fd[2];

	net_gso(&self->net, A, false);
	net_pair(&self->net, fd);
	net_setopt(fd[A], SOL_SOCKET, SO_MAX_PACING_RATE, RATE);
	EXPECT_LE(LEAST, transfer(fd, LEN));
}

/* So slow that a segment takes longer than RTO. */
TEST_F(pacing, slow)
{
	net_setopt(self->fd[A], SOL_SOCKET, SO_MAX_PACING_RATE, 4000);
	EXPECT_LE(1000, transfer(self->fd, FREE + 8000));
	EXPECT_GE(FEW, info(self->fd[A], "total_retrans"));
}

/* What is sent again is paced, too, and all comes. */
TEST_F(pacing, loss)
{
	int fd[2];

	net_gso(&self->net, A, false);
	net_pair(&self->net, fd);
	if (!net_netem(&self->net, A, "loss 5%"))
		SKIP(return, "no netem");
	net_setopt(fd[A], SOL_SOCKET, SO_MAX_PACING_RATE, 2 * RATE);
	EXPECT_LE(LEAST, transfer(fd, 2 * LEN));
}

/* Without a bound the pace follows cwnd and the round trip. */
TEST_F(pacing, computed)
{
	long long rate, window;

	if (!net_netem(&self->net, A, "delay 50ms"))
		SKIP(return, "no netem");
	close(self->fd[A]);
	close(self->fd[B]);
	net_pair(&self->net, self->fd);
	transfer(self->fd, 20000);
	ASSERT_TRUE(net_until(!info(self->fd[A], "unacked")));
	rate = info(self->fd[A], "pacing_rate");
	window = info(self->fd[A], "snd_cwnd") *
		 info(self->fd[A], "snd_mss") * 1000000 /
		 info(self->fd[A], "rtt");
	/* Slow start: twice as fast. */
	EXPECT_LE(window * 19 / 10, rate);
	EXPECT_GE(window * 21 / 10, rate);
	EXPECT_EQ(-1, info(self->fd[A], "max_pacing_rate"));
}

/* All that passes @host's card, whole; before connections begin. */
static int watch_packets(const struct net *net, enum host host)
{
	int fd;

	net_enter(net, host);
	fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	if (fd < 0)
		net_fatal("socket(AF_PACKET)");
	net_setopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20);
	return fd;
}

static long long longest_packet(int fd)
{
	long long longest = 0;
	ssize_t len;
	char byte;

	while ((len = recv(fd, &byte, 1, MSG_TRUNC | MSG_DONTWAIT)) > 0)
		if (longest < len)
			longest = len;
	return longest;
}

/* On a long path none is larger than for a millisecond, or two segments. */
TEST_F(pacing, bursts)
{
	long long most, segment;
	int fd[2], packets;

	if (!net_netem(&self->net, A, "delay 50ms"))
		SKIP(return, "no netem");
	packets = watch_packets(&self->net, A);
	net_pair(&self->net, fd);
	segment = info(fd[A], "snd_mss");
	transfer(fd, 200000);
	most = info(fd[A], "pacing_rate") >> 10;
	if (most < 2 * segment)
		most = 2 * segment;
	EXPECT_GE(most + HEADERS, longest_packet(packets));
	close(packets);
}

TEST_F(pacing, inherited)
{
	int listener = net_listen(&self->net, B, NET_PORT, 1);
	int fd[2];

	net_setopt(listener, SOL_SOCKET, SO_MAX_PACING_RATE, RATE);
	fd[B] = net_client(&self->net, A, ADDR_B, NET_PORT);
	fd[A] = net_accept(listener);
	EXPECT_EQ(RATE, net_getopt(fd[A], SOL_SOCKET, SO_MAX_PACING_RATE));
	EXPECT_LE(LEAST, transfer(fd, LEN));
}

/* The user has gone; the timer sends the rest. */
TEST_F(pacing, closed)
{
	net_setopt(self->fd[A], SOL_SOCKET, SO_MAX_PACING_RATE, RATE);
	net_setopt(self->fd[A], SOL_SOCKET, SO_SNDBUF, 4 * LEN);
	net_send_all(self->fd[A], LEN / 2, 0);
	close(self->fd[A]);
	EXPECT_EQ(LEN / 2, net_drain(self->fd[B], 0));
}

/* Nothing is left for the timer to do. */
TEST_F(pacing, aborted)
{
	net_setopt(self->fd[A], SOL_SOCKET, SO_MAX_PACING_RATE, RATE);
	net_setopt(self->fd[A], SOL_SOCKET, SO_SNDBUF, 4 * LEN);
	net_send_all(self->fd[A], LEN / 2, 0);
	net_abort(self->fd[A]);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLHUP));
	net_quiet();
}

TEST_HARNESS_MAIN
