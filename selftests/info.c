// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_INFO tells what is true: each field against what can be known without
 * it, from the bytes that went through, the delay that netem makes, and what
 * the other end says.
 *
 * Times are lower bounds; where something may have been sent again because
 * the machine is slow, counts are compared with what was.
 */
#include <linux/sock_diag.h>
#include <string.h>

#include "kselftest_harness.h"

#include "net.h"
#include "tcpinfo.h"

#define LEN	300000

/* tcpi_options and tcpi_ca_state */
#define OPT_TIMESTAMPS	1
#define OPT_SACK	2
#define OPT_WSCALE	4
#define OPT_ECN		8
#define OPT_ECN_SEEN	16
#define CA_LOSS		4

FIXTURE(info) {
	struct net net;
	int fd[2];
};

FIXTURE_SETUP(info)
{
	net_init(&self->net);
	net_gso(&self->net, A, false);
	net_gso(&self->net, B, false);
	net_pair(&self->net, self->fd);
}

FIXTURE_TEARDOWN(info)
{
	net_exit(&self->net);
}

static long long info(int fd, const char *name)
{
	struct tcpinfo all;
	long long value;

	if (tcpinfo_read(fd, &all))
		net_fatal("TCP_INFO");
	if (!tcpinfo_field(&all, name, &value)) {
		errno = EINVAL;
		net_fatal("TCP_INFO: %s", name);
	}
	return value;
}

static void *send_all(void *arg)
{
	struct net_call *call = arg;

	net_send_all(call->fd, call->len, 0);
	return NULL;
}

/* @len bytes from A to B, and all of them acknowledged. */
static void transfer(const int *fd, size_t len)
{
	struct net_call call = { .fd = fd[A], .len = len };

	if (pthread_create(&call.thread, NULL, send_all, &call))
		net_fatal("pthread_create");
	net_recv_all(fd[B], len, 0);
	pthread_join(call.thread, NULL);
	if (!net_until(!info(fd[A], "unacked")))
		net_fatal("never acknowledged");
}

/* Before there is a connection. */
TEST_F(info, closed)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(TCP_CLOSE, info(fd, "state"));
	EXPECT_EQ(10, info(fd, "snd_cwnd"));
	EXPECT_EQ(1000000, info(fd, "rto"));
	EXPECT_EQ(0, info(fd, "rtt"));
	EXPECT_EQ(0, info(fd, "segs_out"));
	EXPECT_EQ(0, info(fd, "options"));
	EXPECT_EQ(0xffffffff, info(fd, "min_rtt"));
	EXPECT_EQ(-1, info(fd, "max_pacing_rate"));
	EXPECT_EQ(0, info(fd, "delivered"));
}

TEST_F(info, listener)
{
	int fd = net_listen(&self->net, B, NET_PORT, 5);

	EXPECT_EQ(TCP_LISTEN, info(fd, "state"));
	EXPECT_EQ(0, info(fd, "unacked"));
	EXPECT_EQ(5, info(fd, "sacked"));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_TRUE(net_until(info(fd, "unacked") == 2));
	net_accept(fd);
	EXPECT_EQ(1, info(fd, "unacked"));
}

/* A shorter answer is cut; what is behind a longer one is left alone. */
TEST_F(info, lengths)
{
	size_t size = net_is_inet() ? 200 : tcpinfo_size;
	unsigned char answer[1024];
	socklen_t len;

	memset(answer, 0xaa, sizeof(answer));
	for (len = 0; len < size; len += 9) {
		socklen_t got = len;

		ASSERT_EQ(0, getsockopt(self->fd[A], SOL_TCP, TCP_INFO, answer,
					&got));
		EXPECT_EQ(len, got);
		EXPECT_EQ(0xaa, answer[len]);
	}
	memset(answer, 0xaa, sizeof(answer));
	len = sizeof(answer);
	ASSERT_EQ(0, getsockopt(self->fd[A], SOL_TCP, TCP_INFO, answer, &len));
	EXPECT_LE(size, len);
	EXPECT_GT(sizeof(answer), len);
	EXPECT_EQ(0xaa, answer[len]);
	EXPECT_EQ(TCP_ESTABLISHED, answer[0]);
	len = -1;
	EXPECT_EQ(EINVAL, net_err(getsockopt(self->fd[A], SOL_TCP, TCP_INFO,
					     answer, &len)));
	len = sizeof(answer);
	EXPECT_EQ(EFAULT, net_err(getsockopt(self->fd[A], SOL_TCP, TCP_INFO,
					     (void *)8, &len)));
}

/* What the SYNs have agreed on. */
TEST_F(info, terms)
{
	int end, fd[2];

	for (end = A; end <= B; end++) {
		EXPECT_EQ(TCP_ESTABLISHED, info(self->fd[end], "state"));
		EXPECT_EQ(OPT_TIMESTAMPS | OPT_SACK | OPT_WSCALE,
			  info(self->fd[end], "options"));
		EXPECT_EQ(1500, info(self->fd[end], "pmtu"));
		EXPECT_EQ(1448, info(self->fd[end], "snd_mss"));
		EXPECT_EQ(1448, info(self->fd[end], "advmss"));
		EXPECT_EQ(10, info(self->fd[end], "snd_cwnd"));
		EXPECT_EQ(1, info(self->fd[end], "delivered"));
		EXPECT_LT(0, info(self->fd[end], "rtt"));
		EXPECT_LT(60000, info(self->fd[end], "snd_wnd"));
	}
	EXPECT_EQ(info(self->fd[A], "snd_wscale"),
		  info(self->fd[B], "rcv_wscale"));
	EXPECT_EQ(info(self->fd[B], "snd_wscale"),
		  info(self->fd[A], "rcv_wscale"));

	net_sysctl(&self->net, A, "timestamps", "0");
	net_sysctl(&self->net, A, "sack", "0");
	net_sysctl(&self->net, A, "window_scaling", "0");
	net_pair(&self->net, fd);
	EXPECT_EQ(0, info(fd[A], "options"));
	EXPECT_EQ(0, info(fd[B], "options"));
	EXPECT_EQ(1460, info(fd[A], "snd_mss"));
	EXPECT_EQ(1460, info(fd[A], "advmss"));
	EXPECT_EQ(0, info(fd[A], "snd_wscale"));
}

TEST_F(info, ecn)
{
	int fd[2];

	net_sysctl(&self->net, A, "ecn", "1");
	net_pair(&self->net, fd);
	EXPECT_EQ(OPT_ECN, info(fd[A], "options") & (OPT_ECN | OPT_ECN_SEEN));
	EXPECT_EQ(OPT_ECN, info(fd[B], "options") & (OPT_ECN | OPT_ECN_SEEN));
	/* Only data is sent with it: to B. */
	transfer(fd, 1);
	EXPECT_EQ(OPT_ECN, info(fd[A], "options") & (OPT_ECN | OPT_ECN_SEEN));
	EXPECT_EQ(OPT_ECN | OPT_ECN_SEEN,
		  info(fd[B], "options") & (OPT_ECN | OPT_ECN_SEEN));
}

/* netem marks what it would have dropped. */
TEST_F(info, congestion_experienced)
{
	int fd[2];

	/* Whose first SYN is lost asks for it no more. */
	net_sysctl(&self->net, A, "ecn", "1");
	net_pair(&self->net, fd);
	if (!net_netem(&self->net, A, "loss 20% ecn"))
		SKIP(return, "no netem");
	transfer(fd, LEN);
	EXPECT_LT(0, info(fd[A], "delivered_ce"));
	EXPECT_LE(info(fd[A], "delivered_ce"), info(fd[A], "delivered"));
	EXPECT_EQ(0, info(fd[B], "delivered_ce"));
	EXPECT_EQ(0, info(fd[A], "received_ce"));
	/* Linux tells it since 6.18. */
	if (!net_is_inet())
		EXPECT_LT(0, info(fd[B], "received_ce"));
}

/* Nothing is agreed on yet. */
TEST_F(info, opening)
{
	struct sockaddr_in nobody = net_addr(ADDR_NOBODY, NET_PORT);
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	net_nobody(&self->net, A);
	ASSERT_EQ(EINPROGRESS, net_err(connect(fd, (struct sockaddr *)&nobody,
					       sizeof(nobody))));
	EXPECT_EQ(TCP_SYN_SENT, info(fd, "state"));
	EXPECT_EQ(0, info(fd, "options"));
	EXPECT_EQ(1460, info(fd, "advmss"));
	EXPECT_EQ(1, info(fd, "unacked"));
	EXPECT_EQ(1, info(fd, "segs_out"));
	EXPECT_EQ(0, info(fd, "data_segs_out"));
	EXPECT_EQ(0, info(fd, "bytes_sent"));
	EXPECT_EQ(0, info(fd, "busy_time"));
	ASSERT_TRUE(net_until(info(fd, "total_retrans") == 1));
	EXPECT_EQ(1, info(fd, "retransmits"));
	EXPECT_EQ(2, info(fd, "segs_out"));
}

/* What one end has sent the other has got. */
TEST_F(info, counts)
{
	long long sent, again, segs;

	transfer(self->fd, LEN);
	sent = info(self->fd[A], "bytes_sent");
	again = info(self->fd[A], "bytes_retrans");
	segs = info(self->fd[A], "data_segs_out");

	EXPECT_EQ(LEN, sent - again);
	/* On the side that connected the SYN is one. */
	EXPECT_LE(LEN, info(self->fd[A], "bytes_acked"));
	EXPECT_GE(LEN + 1, info(self->fd[A], "bytes_acked"));
	EXPECT_EQ(LEN, info(self->fd[B], "bytes_received"));
	EXPECT_LE((LEN + 1447) / 1448, segs);
	EXPECT_EQ(segs, info(self->fd[B], "data_segs_in"));
	/* The SYN, and the ACK of the SYN-ACK. */
	EXPECT_LE(segs + 2, info(self->fd[A], "segs_out"));
	EXPECT_EQ(info(self->fd[A], "segs_out"), info(self->fd[B], "segs_in"));
	/* And the SYN.  Linux counts what has come twice, too. */
	EXPECT_LE(segs - info(self->fd[A], "total_retrans") + 1,
		  info(self->fd[A], "delivered"));
	EXPECT_GE(segs + 1, info(self->fd[A], "delivered"));
	EXPECT_EQ(0, info(self->fd[A], "data_segs_in"));
	EXPECT_EQ(0, info(self->fd[A], "bytes_received"));
	EXPECT_EQ(0, info(self->fd[B], "data_segs_out"));
	EXPECT_EQ(0, info(self->fd[B], "bytes_sent"));
	EXPECT_GE(1, info(self->fd[B], "bytes_acked"));
	EXPECT_EQ(0, info(self->fd[A], "lost"));
	EXPECT_EQ(0, info(self->fd[A], "retrans"));
	EXPECT_EQ(0, info(self->fd[A], "notsent_bytes"));
	EXPECT_EQ(0, info(self->fd[A], "delivered_ce"));
	/* Linux tells it since 6.2. */
	if (!net_is_inet())
		EXPECT_EQ(info(self->fd[A], "snd_wnd"),
			  info(self->fd[B], "rcv_wnd"));
}

/* A FIN is one byte more, for both. */
TEST_F(info, fin)
{
	transfer(self->fd, 1000);
	shutdown(self->fd[A], SHUT_WR);
	ASSERT_TRUE(net_until(info(self->fd[A], "state") == TCP_FIN_WAIT2));
	EXPECT_LE(1001, info(self->fd[A], "bytes_acked"));
	EXPECT_EQ(1001, info(self->fd[B], "bytes_received"));
	EXPECT_EQ(1000 + info(self->fd[A], "bytes_retrans"),
		  info(self->fd[A], "bytes_sent"));
	EXPECT_EQ(TCP_CLOSE_WAIT, info(self->fd[B], "state"));
}

/* A delay that the path has both ends see. */
TEST_F(info, delay)
{
	int fd[2];

	if (!net_netem(&self->net, A, "delay 100ms"))
		SKIP(return, "no netem");
	net_pair(&self->net, fd);
	transfer(fd, LEN);
	EXPECT_LE(99000, info(fd[A], "rtt"));
	EXPECT_LE(99000, info(fd[A], "min_rtt"));
	EXPECT_GE(info(fd[A], "rtt"), info(fd[A], "min_rtt"));
	EXPECT_LE(299000, info(fd[A], "rto"));
	EXPECT_LT(0, info(fd[A], "rttvar"));
	/* B only receives; it has timestamps to measure by. */
	EXPECT_LE(80000, info(fd[B], "rcv_rtt"));
	EXPECT_LT(10 * 1448, info(fd[B], "rcv_space"));
	EXPECT_LE(40000, info(fd[B], "ato"));
	/* Busy, at least, for as many round trips as slow start needs. */
	EXPECT_LE(300000, info(fd[A], "busy_time"));
	/* No round trip brings more than all of it. */
	EXPECT_LT(0, info(fd[A], "delivery_rate"));
	EXPECT_GE(10 * LEN + LEN, info(fd[A], "delivery_rate"));
	EXPECT_LT(10, info(fd[A], "snd_cwnd"));
}

/* A path that is narrow: 125000 bytes in a second, with their headers. */
TEST_F(info, delivery_rate)
{
	if (!net_netem(&self->net, A, "rate 1mbit limit 1000"))
		SKIP(return, "no netem");
	net_setopt(self->fd[A], SOL_SOCKET, SO_SNDBUF, 60000);
	transfer(self->fd, LEN);
	/* ACKs that a slow machine has let wait come faster than that. */
	EXPECT_GE(500000, info(self->fd[A], "delivery_rate"));
	EXPECT_LE(20000, info(self->fd[A], "delivery_rate"));
}

/*
 * One byte shows nothing of the path; unless the one before it had not left
 * the card yet, and then it was not the user who let the path wait.
 */
TEST_F(info, app_limited)
{
	EXPECT_EQ(1, info(self->fd[A], "delivery_rate_app_limited"));
	transfer(self->fd, 1);
	ASSERT_TRUE(net_until(!net_meminfo(self->fd[A],
					   SK_MEMINFO_WMEM_ALLOC)));
	transfer(self->fd, 1);
	EXPECT_EQ(1, info(self->fd[A], "delivery_rate_app_limited"));
}

/* Nobody answers. */
TEST_F(info, retransmissions)
{
	long long rto = info(self->fd[A], "rto");

	net_cut(&self->net, A);
	net_send_all(self->fd[A], 3000, 0);
	EXPECT_EQ(3, info(self->fd[A], "unacked"));
	ASSERT_TRUE(net_until(info(self->fd[A], "retransmits") >= 2));
	EXPECT_LE(2, info(self->fd[A], "backoff"));
	EXPECT_LE(2, info(self->fd[A], "total_retrans"));
	EXPECT_EQ(CA_LOSS, info(self->fd[A], "ca_state"));
	EXPECT_EQ(1, info(self->fd[A], "snd_cwnd"));
	EXPECT_LE(2, info(self->fd[A], "lost"));
	EXPECT_LE(1448 * 2, info(self->fd[A], "bytes_retrans"));
	EXPECT_EQ(3000 + info(self->fd[A], "bytes_retrans"),
		  info(self->fd[A], "bytes_sent"));
	EXPECT_LE(200, info(self->fd[A], "last_ack_recv"));
	EXPECT_LE(rto, info(self->fd[A], "rto"));

	net_mend(&self->net, A);
	net_recv_all(self->fd[B], 3000, 0);
	ASSERT_TRUE(net_until(!info(self->fd[A], "unacked")));
	EXPECT_EQ(0, info(self->fd[A], "retransmits"));
	EXPECT_EQ(0, info(self->fd[A], "lost"));
	EXPECT_EQ(0, info(self->fd[A], "retrans"));
	EXPECT_LE(2, info(self->fd[A], "total_retrans"));
	/* Linux tells it since 6.7. */
	if (!net_is_inet()) {
		EXPECT_LE(2, info(self->fd[A], "total_rto"));
		EXPECT_EQ(1, info(self->fd[A], "total_rto_recoveries"));
		EXPECT_LE(200, info(self->fd[A], "total_rto_time"));
	}
}

/* What comes late is out of order; what comes twice is told. */
TEST_F(info, reordering)
{
	if (!net_netem(&self->net, A, "delay 20ms reorder 50% duplicate 20%"))
		SKIP(return, "no netem");
	transfer(self->fd, LEN);
	EXPECT_LT(0, info(self->fd[B], "rcv_ooopack"));
	EXPECT_LT(0, info(self->fd[A], "reord_seen"));
	EXPECT_LT(0, info(self->fd[A], "dsack_dups"));
	EXPECT_EQ(LEN, info(self->fd[B], "bytes_received"));
	EXPECT_LT(info(self->fd[A], "data_segs_out"),
		  info(self->fd[B], "data_segs_in"));
	EXPECT_EQ(0, info(self->fd[A], "sacked"));
}

/* The reader sleeps: what sending waits for is its window. */
TEST_F(info, rwnd_limited)
{
	long long limited;

	net_fill(self->fd[A], 0);
	limited = info(self->fd[A], "rwnd_limited");
	usleep(300000);
	limited = info(self->fd[A], "rwnd_limited") - limited;
	EXPECT_LE(290000, limited);
	EXPECT_LE(info(self->fd[A], "rwnd_limited"),
		  info(self->fd[A], "busy_time"));
	EXPECT_LT(0, info(self->fd[A], "notsent_bytes"));
	EXPECT_GT(2 * 1448, info(self->fd[A], "snd_wnd"));
	ASSERT_TRUE(net_until(info(self->fd[A], "probes") > 0));
}

/* A send buffer that is less than what the path could hold. */
TEST_F(info, sndbuf_limited)
{
	int fd[2];

	if (!net_netem(&self->net, A, "delay 50ms"))
		SKIP(return, "no netem");
	net_pair(&self->net, fd);
	net_setopt(fd[A], SOL_SOCKET, SO_SNDBUF, 4000);
	net_setopt(fd[A], SOL_TCP, TCP_NODELAY, 1);
	transfer(fd, LEN / 10);
	/* Linux looks only when something is sent just then. */
	if (!net_is_inet())
		EXPECT_LE(100000, info(fd[A], "sndbuf_limited"));
	EXPECT_LE(info(fd[A], "sndbuf_limited"), info(fd[A], "busy_time"));
}

/* Who has nothing to send is not busy. */
TEST_F(info, idle)
{
	long long busy;

	transfer(self->fd, 10000);
	busy = info(self->fd[A], "busy_time");
	usleep(150000);
	EXPECT_EQ(busy, info(self->fd[A], "busy_time"));
	EXPECT_LE(140, info(self->fd[A], "last_data_sent"));
	EXPECT_LE(140, info(self->fd[A], "last_ack_recv"));
	EXPECT_LE(140, info(self->fd[A], "last_data_recv"));
	EXPECT_LE(140, info(self->fd[B], "last_data_recv"));
	EXPECT_GT(60000, info(self->fd[B], "last_data_recv"));
}

/* A connection anew begins at zero. */
TEST_F(info, again)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };
	int listener;

	transfer(self->fd, 10000);
	ASSERT_EQ(0, connect(self->fd[A], (struct sockaddr *)&none,
			     sizeof(none)));
	EXPECT_EQ(0, info(self->fd[A], "bytes_sent"));
	EXPECT_EQ(0, info(self->fd[A], "bytes_acked"));
	EXPECT_EQ(0, info(self->fd[A], "segs_in"));
	EXPECT_EQ(0, info(self->fd[A], "delivered"));
	EXPECT_EQ(0, info(self->fd[A], "rtt"));
	/* Linux forgets to forget it. */
	if (!net_is_inet())
		EXPECT_EQ(0, info(self->fd[A], "delivery_rate"));
	EXPECT_EQ(0, info(self->fd[A], "options"));
	listener = net_listen(&self->net, B, NET_PORT + 1, 1);
	ASSERT_EQ(0, net_connect(self->fd[A], ADDR_B, NET_PORT + 1));
	net_accept(listener);
	EXPECT_EQ(1, info(self->fd[A], "delivered"));
	EXPECT_EQ(0, info(self->fd[A], "bytes_sent"));
}

/* SO_MEMINFO is the kernel's own, and knows our queues. */
TEST_F(info, meminfo)
{
	size_t unread;

	unread = net_fill(self->fd[A], 0);
	EXPECT_EQ(net_getopt(self->fd[B], SOL_SOCKET, SO_RCVBUF),
		  net_meminfo(self->fd[B], SK_MEMINFO_RCVBUF));
	EXPECT_LT(info(self->fd[B], "bytes_received"),
		  net_meminfo(self->fd[B], SK_MEMINFO_RMEM_ALLOC));
	EXPECT_EQ(0, net_meminfo(self->fd[B], SK_MEMINFO_WMEM_QUEUED));

	EXPECT_EQ(net_getopt(self->fd[A], SOL_SOCKET, SO_SNDBUF),
		  net_meminfo(self->fd[A], SK_MEMINFO_SNDBUF));
	EXPECT_LT(unread - info(self->fd[B], "bytes_received"),
		  net_meminfo(self->fd[A], SK_MEMINFO_WMEM_QUEUED));
	EXPECT_EQ(0, net_meminfo(self->fd[A], SK_MEMINFO_RMEM_ALLOC));
}

TEST_HARNESS_MAIN
