// SPDX-License-Identifier: GPL-2.0
/*
 * Bad networks: netem on both sides of the cable loses, delays, doubles,
 * reorders and corrupts, and every byte must still come, once, in order and
 * as it was.
 *
 * LOSS_MIB says how much goes each way through the worst of them (more than
 * a quick run sends: 100), LOSS_KIB how much through the others.
 */
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "net.h"

#define WORST	"loss 5% reorder 25% duplicate 2% corrupt 1% delay 10ms"

/* For 100 MiB at the pace that 5 % loss leaves to NewReno. */
#define WORST_TIMEOUT	7200

FIXTURE(loss) {
	struct net net;
	int fd[2];
};

FIXTURE_SETUP(loss)
{
	net_init(&self->net);
	net_gso(&self->net, A, false);
	net_gso(&self->net, B, false);
	net_pair(&self->net, self->fd);
}

FIXTURE_TEARDOWN(loss)
{
	net_exit(&self->net);
}

static bool shape(struct net *net, const char *args)
{
	return net_netem(net, A, args) && net_netem(net, B, args);
}

/* One direction of a transfer. */
struct flow {
	int from;
	int to;
	uint64_t at;
	size_t len;
	uint64_t end;
	pthread_t sender;
	pthread_t receiver;
};

static void *send_flow(void *arg)
{
	struct flow *flow = arg;

	net_send_all(flow->from, flow->len, flow->at);
	shutdown(flow->from, SHUT_WR);
	return NULL;
}

/* net_drain() compares every byte with what was sent. */
static void *receive_flow(void *arg)
{
	struct flow *flow = arg;

	flow->end = net_drain(flow->to, flow->at);
	return NULL;
}

static void start_flow(struct flow *flow)
{
	if (pthread_create(&flow->sender, NULL, send_flow, flow) ||
	    pthread_create(&flow->receiver, NULL, receive_flow, flow))
		net_fatal("pthread_create");
}

static uint64_t end_flow(struct flow *flow)
{
	pthread_join(flow->sender, NULL);
	pthread_join(flow->receiver, NULL);
	return flow->end - flow->at;
}

/* @len bytes each way at once, and then the end of both streams. */
static bool both_ways(const int *fd, size_t len)
{
	struct flow flows[2] = {
		{ .from = fd[A], .to = fd[B], .len = len },
		{ .from = fd[B], .to = fd[A], .len = len, .at = 12345 },
	};
	uint64_t sum[2];

	start_flow(&flows[0]);
	start_flow(&flows[1]);
	sum[0] = end_flow(&flows[0]);
	sum[1] = end_flow(&flows[1]);
	return sum[0] == len && sum[1] == len;
}

static size_t small(void)
{
	return net_env("LOSS_KIB", 512) << 10;
}

/* A counter of both hosts. */
static long long total(struct net *net, const char *name)
{
	return net_counter(net, A, name) + net_counter(net, B, name);
}

/* What was sent again as lost, and not to ask for an ACK. */
static long long taken_for_lost(struct net *net)
{
	return total(net, "RetransSegs") - total(net, "LossProbes");
}

static bool wait_gone(struct net *net, enum host host, int state)
{
	return net_until(!net_count(net, host, state));
}

TEST_F_TIMEOUT(loss, worst, WORST_TIMEOUT)
{
	size_t len = (size_t)net_env("LOSS_MIB", 1) << 20;
	long long start = net_now_ms();

	if (!shape(&self->net, WORST))
		SKIP(return, "no netem");
	EXPECT_TRUE(both_ways(self->fd, len));
	TH_LOG("%zu bytes each way in %lld ms", len, net_now_ms() - start);
	EXPECT_LT(0, net_counter(&self->net, A, "RetransSegs"));
	EXPECT_LT(0, net_counter(&self->net, B, "RetransSegs"));
}

TEST_F(loss, plain)
{
	if (!shape(&self->net, "loss 3%"))
		SKIP(return, "no netem");
	EXPECT_TRUE(both_ways(self->fd, small()));
	EXPECT_LT(0, net_counter(&self->net, A, "RetransSegs"));
}

/*
 * What is lost in one piece is many segments.  (Of 20 % each way a transfer in
 * thirty would not end within minutes, nor does TCP's: timeouts double.)
 */
TEST_F(loss, large_segments)
{
	net_gso(&self->net, A, true);
	net_gso(&self->net, B, true);
	net_pair(&self->net, self->fd);
	if (!shape(&self->net, "loss 10%"))
		SKIP(return, "no netem");
	EXPECT_TRUE(both_ways(self->fd, small()));
}

/* Bursts take whole windows away. */
TEST_F(loss, bursts)
{
	if (!shape(&self->net, "loss gemodel 1% 30%"))
		SKIP(return, "no netem");
	EXPECT_TRUE(both_ways(self->fd, small()));
}

TEST_F(loss, one_way)
{
	struct flow flow = {
		.from = self->fd[A], .to = self->fd[B], .len = small(),
	};

	if (!net_netem(&self->net, A, "loss 5%"))
		SKIP(return, "no netem");
	start_flow(&flow);
	EXPECT_EQ(flow.len, end_flow(&flow));
}

/* Only acknowledgments are lost: each one says what the last one said. */
TEST_F(loss, of_acknowledgments)
{
	struct flow flow = {
		.from = self->fd[A], .to = self->fd[B], .len = small(),
	};

	if (!net_netem(&self->net, B, "loss 30%"))
		SKIP(return, "no netem");
	start_flow(&flow);
	EXPECT_EQ(flow.len, end_flow(&flow));
}

TEST_F(loss, none_but_delay)
{
	long long before;

	net_be_patient(&self->net, self->fd);
	if (!shape(&self->net, "delay 10ms"))
		SKIP(return, "no netem");
	before = taken_for_lost(&self->net);
	EXPECT_TRUE(both_ways(self->fd, small()));
	/*
	 * Nothing was lost, so nothing should have been sent again; but when
	 * the machine stalls a probe asks for the tail.
	 */
	EXPECT_LE(taken_for_lost(&self->net), before);
}

TEST_F(loss, jitter_reorders)
{
	if (!shape(&self->net, "delay 5ms 4ms"))
		SKIP(return, "no netem");
	EXPECT_TRUE(both_ways(self->fd, small()));
}

TEST_F(loss, duplicates)
{
	if (!shape(&self->net, "duplicate 50%"))
		SKIP(return, "no netem");
	EXPECT_TRUE(both_ways(self->fd, small()));
}

/* The checksum finds what was changed, and its counter tells. */
TEST_F(loss, corruption)
{
	if (!shape(&self->net, "corrupt 5%"))
		SKIP(return, "no netem");
	EXPECT_TRUE(both_ways(self->fd, small()));
	EXPECT_LT(0, total(&self->net, "DropBadChecksum"));
}

/* Every frame comes twice, and every second one late. */
TEST_F(loss, duplicates_and_reordering)
{
	if (!shape(&self->net, "delay 3ms reorder 50% duplicate 100%"))
		SKIP(return, "no netem");
	EXPECT_TRUE(both_ways(self->fd, small() / 2));
}

TEST_F(loss, tiny_segments)
{
	net_ip(&self->net, A, "link set " DEV_A " mtu 128");
	net_ip(&self->net, B, "link set " DEV_B " mtu 128");
	if (!shape(&self->net, "loss 2% duplicate 2%"))
		SKIP(return, "no netem");
	net_pair(&self->net, self->fd);
	EXPECT_TRUE(both_ways(self->fd, 65536));
}

/*
 * A black hole: B's card drops what is larger than its MTU, and nobody says
 * so to A, to which B's SYN has said more.
 */
TEST_F(loss, black_hole)
{
	struct net_call call = {
		.fn = net_call_send,
		.fd = self->fd[A],
		.len = 1 << 20,
		.buf = malloc(1 << 20),
	};

	net_pattern(call.buf, call.len, 0);
	net_sysctl(&self->net, A, "mtu_probing", "1");
	net_sysctl(&self->net, A, "retries1", "1");
	net_ip(&self->net, B, "link set " DEV_B " mtu 1300");
	/*
	 * After some timeouts all are small, until larger ones pass; which are
	 * tried only while more waits than cwnd allows.
	 */
	do {
		net_call(&call);
		net_recv_all(self->fd[B], call.len, 0);
		EXPECT_EQ((long)call.len, net_call_end(&call));
	} while (!net_counter(&self->net, A, "MTUPSuccess"));
	free(call.buf);
	EXPECT_LT(0, net_counter(&self->net, A, "Timeouts"));
	EXPECT_LT(1024, net_getopt(self->fd[A], SOL_TCP, TCP_MAXSEG));
	EXPECT_GT(1300, net_getopt(self->fd[A], SOL_TCP, TCP_MAXSEG));
}

/* Handshakes and closes, too, are sent again until they are heard. */
TEST_F(loss, handshakes)
{
	int listener = net_listen(&self->net, B, NET_PORT + 1, 64);
	int fd[16], i;

	if (!shape(&self->net, "loss 10%"))
		SKIP(return, "no netem");
	for (i = 0; i < 16; i++) {
		fd[i] = net_socket(&self->net, A, SOCK_NONBLOCK);
		net_connect(fd[i], ADDR_B, NET_PORT + 1);
	}
	for (i = 0; i < 16; i++) {
		EXPECT_TRUE(net_wait_poll(fd[i], POLLOUT));
		EXPECT_EQ(0, net_so_error(fd[i]));
		net_nonblock(fd[i], false);
		net_send_all(fd[i], 100, 0);
		close(fd[i]);
	}
	for (i = 0; i < 16; i++) {
		fd[i] = net_accept(listener);
		EXPECT_EQ(100, net_drain(fd[i], 0));
		close(fd[i]);
	}
	EXPECT_TRUE(wait_gone(&self->net, A, TCP_FIN_WAIT1));
	EXPECT_TRUE(wait_gone(&self->net, B, TCP_LAST_ACK));
}

/*
 * The cable is pulled out and put in again.  Unlike TCP's a segment that
 * cannot leave its host is tried at a steady pace, and not ever later as one
 * that got lost: the tenth time would come after minutes.
 */
TEST_F(loss, cable_pulled)
{
	net_ip(&self->net, A, "link set " DEV_A " down");
	net_send_all(self->fd[A], 5000, 0);
	if (!net_is_inet())
		EXPECT_TRUE(net_until(net_counter(&self->net, A,
						  "Timeouts") >= 10));
	net_ip(&self->net, A, "link set " DEV_A " up");
	net_recv_all(self->fd[B], 5000, 0);
	net_send_all(self->fd[B], 5000, 0);
	net_recv_all(self->fd[A], 5000, 0);
}

TEST_HARNESS_MAIN
