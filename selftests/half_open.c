// SPDX-License-Identifier: GPL-2.0
/*
 * A half-open connection: what it does with each segment that comes, how
 * often it sends its SYN-ACK, and when it is given up.  How many there may be
 * is in queues.c, what a stranger can do to one in blind.c.
 *
 * With TEACH_FAMILY=inet the same scripts run against the kernel's own TCP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "peer.h"

#define LPORT	PEER_LOCAL_PORT

#define HALF_OPEN_TEST(name) \
	TEST_F_TIMEOUT(half_open, name, PEER_TEST_TIMEOUT)

FIXTURE(half_open) {
	int listener;
};

FIXTURE_SETUP(half_open)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
}

FIXTURE_TEARDOWN(half_open)
{
}

/* ---- what comes: RFC 9293 3.10.7.4, and 3.5.2 ---- */

/* An ACK of another connection, wherever it is, tells its sender so. */
HALF_OPEN_TEST(bad_ack_outside_the_window)
{
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 100000:100010(10) ack 777");
	peer_expect("R 777:777(0)");
	peer_send(". -5:-5(0) ack -777");
	peer_expect("R -777:-777(0)");
	peer_send("R. -5:-5(0) ack 777");
	peer_expect_nothing();
	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
}

/* The peer's SYN and an ACK: old, so out of the window. */
HALF_OPEN_TEST(syn_ack)
{
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send("S. 0:0(0) ack 1 <mss 1460>");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
}

/* Another SYN in the window: back to LISTEN, and the next one is answered. */
HALF_OPEN_TEST(another_syn)
{
	if (peer_is_inet())
		SKIP(return, "Linux says so with a RST");
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send("S 10:10(0) <mss 1460>");
	peer_expect_nothing();
	peer_send(". 1:1(0) ack 1");
	peer_expect("R 1:1(0)");
	app_accept_nothing(self->listener);
}

/* ---- timestamps: RFC 7323 ---- */

static void timestamps_on(void)
{
	if (!peer_sysctl("timestamps", "1"))
		peer_fail("no sysctl timestamps");
}

/* The clock of the first SYN, and the stack's, go into the SYN-ACK. */
static __u32 syn_with_timestamps(__u32 val)
{
	__u32 stack, ecr;

	peer_send("S 0:0(0) <mss 1460,TS val %u ecr 0>", val);
	if (!peer_timestamps(peer_expect("S. 0:0(0) ack 1"), &stack, &ecr))
		peer_fail("a SYN-ACK without timestamps");
	if (ecr != val)
		peer_fail("a SYN-ACK echoes %u, not %u", ecr, val);
	return stack;
}

/* 5.3, R1: older than the SYN. */
HALF_OPEN_TEST(paws)
{
	__u32 stack, echo, ecr;

	timestamps_on();
	echo = syn_with_timestamps(1000);
	peer_send(". 1:1(0) ack 1 <nop,nop,TS val 900 ecr %u>", echo);
	ASSERT_TRUE(peer_timestamps(peer_expect(". 1:1(0) ack 1"), &stack,
				    &ecr));
	EXPECT_EQ(1000, ecr);
	app_accept_nothing(self->listener);
	/* The SYN again, but older: it is not the same one. */
	peer_send("S 0:0(0) <mss 1460,TS val 900 ecr 0>");
	peer_expect(". 1:1(0) ack 1");
	app_accept_nothing(self->listener);

	peer_send(". 1:1(0) ack 1 <nop,nop,TS val 1001 ecr %u>", echo);
	app_accept(self->listener);
}

/* The SYN again, with a newer clock: the answer is to the first. */
HALF_OPEN_TEST(syn_again_with_a_newer_clock)
{
	__u32 stack, ecr;

	timestamps_on();
	syn_with_timestamps(1000);
	peer_send("S 0:0(0) <mss 1460,TS val 2000 ecr 0>");
	ASSERT_TRUE(peer_timestamps(peer_expect("S. 0:0(0) ack 1"), &stack,
				    &ecr));
	EXPECT_EQ(1000, ecr);
	peer_send(". 1:1(0) ack 1 <nop,nop,TS val 2001 ecr %u>", stack);
	app_accept(self->listener);
}

/* 3.2: a RST is not asked for its clock. */
HALF_OPEN_TEST(reset_with_an_old_clock)
{
	if (peer_is_inet())
		SKIP(return, "Linux asks for a minute");
	timestamps_on();
	syn_with_timestamps(1000);
	peer_send("R 1:1(0) <nop,nop,TS val 1 ecr 0>");
	peer_expect_nothing();
	peer_send(". 1:1(0) ack 1 <nop,nop,TS val 1001 ecr 0>");
	peer_expect("R 1:1(0)");
}

/* ---- the window: RFC 9293 3.8.6 ---- */

/*
 * That of a SYN is not scaled (RFC 7323 2.3).  A segment is no larger than half
 * of a narrow window, but this one is wide.
 */
HALF_OPEN_TEST(window_of_the_ack)
{
	if (!peer_sysctl("window_scaling", "1"))
		peer_fail("no sysctl window_scaling");
	peer_send("S 0:0(0) win 100 <mss 1000,nop,wscale 7>");
	peer_expect("S. 0:0(0) ack 1");
	peer_conn()->shrinks = true;
	peer_send(". 1:1(0) ack 1 win 100");
	peer_conn()->window_edge = peer_conn()->irs + 1 + (100 << 7);
	app_write(app_accept(self->listener), 2000);
	peer_expect(". 1:1001(1000) ack 1");
	peer_expect("P. 1001:2001(1000) ack 1");
}

/* ---- SO_ATTACH_FILTER ---- */

/* The filter may leave less of a segment than came. */
HALF_OPEN_TEST(filter_cuts)
{
	/* "ret #25": the header, and five bytes of data */
	struct sock_filter code = { BPF_RET | BPF_K, 0, 0, 25 };
	struct sock_fprog prog = { .len = 1, .filter = &code };
	int fd;

	ASSERT_EQ(0, setsockopt(self->listener, SOL_SOCKET, SO_ATTACH_FILTER,
				&prog, sizeof(prog)));
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 6");
	fd = app_accept(self->listener);
	peer_send(". 6:16(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	app_read(fd, 10);
	app_read_nothing(fd);
}

/* ---- IP_MINTTL: RFC 5082 ---- */

/* What has passed too many routers is not even seen. */
HALF_OPEN_TEST(min_ttl)
{
	int fd, ttl = 255;

	ASSERT_EQ(0, setsockopt(self->listener, SOL_IP, IP_MINTTL, &ttl,
				sizeof(ttl)));
	peer_send("S 0:0(0) ttl 254 <mss 1460>");
	peer_expect_nothing();
	peer_send("S 0:0(0) ttl 255 <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 1 ttl 255");
	fd = app_accept(self->listener);
	peer_send("P. 1:11(10) ack 1 ttl 254");
	peer_expect_nothing();
	app_read_nothing(fd);
	ttl = 254;
	ASSERT_EQ(0, setsockopt(fd, SOL_IP, IP_MINTTL, &ttl, sizeof(ttl)));
	peer_send("P. 1:11(10) ack 1 ttl 254");
	peer_expect(". 1:1(0) ack 11");
	app_read(fd, 10);
}

/* ---- how often, and how long ---- */

/* RFC 6298 5: the answer to a SYN that came again starts the timer anew. */
HALF_OPEN_TEST(syn_again_restarts_the_timer)
{
	double again;

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	usleep(600000);
	again = peer_now();
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	EXPECT_LT(0.9, peer_expect("S. 0:0(0) ack 1")->time - again);
}

/*
 * The handshake is complete but there is no room for the connection: the
 * third segment is as good as lost, and our SYN-ACK will ask for it again.
 */
HALF_OPEN_TEST(accept_queue_is_full)
{
	struct peer_conn conns[5];
	int i, listener;
	double first;

	/* As Linux counts: room for one more than the backlog. */
	listener = app_listen(LPORT + 1, 3);
	for (i = 0; i < 5; i++) {
		peer_conn_init(&conns[i], LPORT + 1, PEER_PORT + i);
		peer_use(&conns[i]);
		peer_send("S 0:0(0) <mss 1460>");
		peer_expect("S. 0:0(0) ack 1");
		/* The others stay half open for a while. */
		if (!i)
			peer_send(". 1:1(0) ack 1");
	}
	first = peer_now();
	peer_ignore_others(true);
	for (i = 1; i < 5; i++) {
		peer_use(&conns[i]);
		peer_send(". 1:1(0) ack 1");
	}
	peer_expect("S. 0:0(0) ack 1");
	EXPECT_LT(0.5, peer_now() - first);
	peer_send(". 1:1(0) ack 1");
	peer_expect_nothing();
	EXPECT_LT(1, peer_counter(peer_is_inet() ? "ListenOverflows" :
				  "AcceptQueueOverflow"));

	app_accept(listener);
	peer_expect("S. 0:0(0) ack 1");
	EXPECT_LT(2.5, peer_now() - first);
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	for (i = 0; i < 3; i++)
		app_accept(listener);
	app_read(app_accept(listener), 10);
	app_accept_nothing(listener);
}

/* And a SYN that finds no room there is not answered at all. */
HALF_OPEN_TEST(no_room_for_a_syn)
{
	int listener = app_listen(LPORT + 1, 0);

	peer_conn()->lport = LPORT + 1;
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 1");
	peer_new_conn();
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect_nothing();
	app_accept(listener);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
}

/* ---- TCP_DEFER_ACCEPT: accept(2) when there is something to read ---- */

static void defer_accept(int listener, int seconds, int expected)
{
	socklen_t len = sizeof(seconds);

	if (setsockopt(listener, SOL_TCP, TCP_DEFER_ACCEPT, &seconds, len) ||
	    getsockopt(listener, SOL_TCP, TCP_DEFER_ACCEPT, &seconds, &len) ||
	    seconds != expected)
		peer_fail("TCP_DEFER_ACCEPT: %d, errno %d", seconds, errno);
}

HALF_OPEN_TEST(deferred_until_data)
{
	defer_accept(self->listener, 5, 7);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 1");
	peer_expect_nothing();
	app_accept_nothing(self->listener);
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	app_read(app_accept(self->listener), 10);
}

/* A FIN is something to read, too. */
HALF_OPEN_TEST(deferred_until_fin)
{
	defer_accept(self->listener, 5, 7);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send("F. 1:1(0) ack 1");
	peer_expect(". 1:1(0) ack 2");
	app_read_eof(app_accept(self->listener));
}

/* The ACK is not asked for again before the time is over; then it counts. */
HALF_OPEN_TEST(deferred_for_so_long)
{
	double first;

	defer_accept(self->listener, 2, 3);
	first = peer_now();
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 1");
	peer_expect("S. 0:0(0) ack 1");
	EXPECT_LT(2.8, peer_now() - first);
	app_accept_nothing(self->listener);
	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
}

HALF_OPEN_TEST(not_deferred)
{
	defer_accept(self->listener, 5, 7);
	defer_accept(self->listener, -1, 0);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
}

#define CROWD	8

/*
 * More than half of the queue is full of those who do not answer: they are
 * given up after two SYN-ACKs more and seven seconds, not five and a minute,
 * until they are half of it.
 */
HALF_OPEN_TEST(given_up_sooner_in_a_crowd)
{
	unsigned int i, count, sent[CROWD] = {}, resets = 0;
	struct peer_segment segs[CROWD], *seg;
	__u32 irs[CROWD];

	ASSERT_TRUE(peer_sysctl("synack_retries", "5"));
	for (i = 0; i < CROWD; i++)
		peer_send("S 0:0(0) <mss 1460> sport %u", PEER_PORT + i);
	/* Three for each, and one more for each of half of them. */
	for (count = 0; count < CROWD * 7 / 2; count++) {
		seg = peer_next();
		ASSERT_EQ(PEER_SYN | PEER_ACK, seg->flags);
		i = seg->dport - PEER_PORT;
		ASSERT_GT(CROWD, i);
		irs[i] = seg->seq;
		sent[i]++;
	}
	ASSERT_EQ(0, peer_collect(segs, CROWD));
	for (i = 0; i < CROWD; i++) {
		EXPECT_LE(3, sent[i]);
		EXPECT_GE(4, sent[i]);
		peer_conn()->irs = irs[i];
		peer_send(". 1:1(0) ack 1 sport %u", PEER_PORT + i);
	}
	count = peer_collect(segs, CROWD);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(PEER_RST, segs[i].flags);
		EXPECT_EQ(3, sent[segs[i].dport - PEER_PORT]);
		resets++;
	}
	EXPECT_EQ(CROWD / 2, resets);
	for (i = 0; i < CROWD / 2; i++)
		app_accept(self->listener);
}

TEST_HARNESS_MAIN
