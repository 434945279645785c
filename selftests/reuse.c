// SPDX-License-Identifier: GPL-2.0
/*
 * A new connection of the name of one in TIME_WAIT: when it may begin, from
 * either side, and what tells its segments from those of the old one.
 * RFC 9293 3.6.1, RFC 6191, RFC 7323, RFC 1337.
 *
 * With TEACH_FAMILY=inet the same tests run against the kernel's own TCP.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "kselftest_harness.h"

#include "net.h"
#include "peer.h"

#define LPORT	PEER_LOCAL_PORT
#define CLOCK	5000		/* of the peer, in its last segment */

#define REUSE_TEST(name) TEST_F_TIMEOUT(reuse, name, PEER_TEST_TIMEOUT)

FIXTURE(reuse) {
	int listener;
};

FIXTURE_SETUP(reuse)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
}

FIXTURE_TEARDOWN(reuse)
{
}

static void set(const char *name, const char *value)
{
	if (!peer_sysctl(name, value))
		peer_fail("no sysctl %s", name);
}

/* The stack has closed first: SND.NXT is 2, RCV.NXT is 2. */
static void to_time_wait(int listener)
{
	int fd = peer_accept(listener);

	app_close(fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
}

/* The same with timestamps. */
static void to_time_wait_with_clock(int listener)
{
	__u32 val, ecr;
	int fd;

	set("timestamps", "1");
	peer_send("S 0:0(0) <mss 1460,TS val %u ecr 0>", CLOCK - 2);
	if (!peer_timestamps(peer_expect("S. 0:0(0) ack 1"), &val, &ecr))
		peer_fail("no timestamps");
	peer_send(". 1:1(0) ack 1 <nop,nop,TS val %u ecr %u>", CLOCK - 1, val);
	fd = app_accept(listener);
	app_close(fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send("F. 1:1(0) ack 2 <nop,nop,TS val %u ecr %u>", CLOCK, val);
	peer_expect(". 2:2(0) ack 2");
}

/* What comes next is of a new connection, which begins at @isn. */
static void again(int isn)
{
	struct peer_conn *conn = peer_conn();
	__u32 base = conn->isn;

	peer_conn_init(conn, conn->lport, conn->pport);
	conn->isn = base + isn;
	conn->snd_max = conn->isn;
}

/* Answered, and beyond all that the stack had sent before. */
static void expect_new(__u32 snd_nxt)
{
	struct peer_segment *seg = peer_expect("S. 0:0(0) ack 1");

	if ((int)(seg->seq - snd_nxt) <= 65535)
		peer_fail("it begins at %d of the old one's numbers",
			  (int)(seg->seq - snd_nxt));
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
}

static void expect_none(int listener)
{
	peer_expect(". 2:2(0) ack 2");
	app_accept_nothing(listener);
}

/* ---- the peer opens it again ---- */

REUSE_TEST(newer_number)
{
	__u32 snd_nxt;

	to_time_wait(self->listener);
	peer_send("S 2:2(0) <mss 1460>");
	expect_none(self->listener);
	peer_send("S 1:1(0) <mss 1460>");
	expect_none(self->listener);
	snd_nxt = peer_conn()->irs + 2;
	again(3);
	peer_send("S 0:0(0) <mss 1460>");
	expect_new(snd_nxt);
	app_read(app_accept(self->listener), 10);
}

/* RFC 6191: a newer clock is enough. */
REUSE_TEST(newer_clock)
{
	__u32 snd_nxt, val, ecr;

	to_time_wait_with_clock(self->listener);
	snd_nxt = peer_conn()->irs + 2;
	again(-100000);
	peer_send("S 0:0(0) <mss 1460,TS val %u ecr 0>", CLOCK + 1);
	ASSERT_TRUE(peer_timestamps(peer_expect("S. 0:0(0) ack 1"), &val,
				    &ecr));
	EXPECT_EQ(CLOCK + 1, ecr);
	EXPECT_LT(65535, (int)(peer_conn()->irs - snd_nxt));
	peer_send(". 1:11(10) ack 1 <nop,nop,TS val %u ecr %u>", CLOCK + 2,
		  val);
	peer_expect(". 1:1(0) ack 11");
	app_read(app_accept(self->listener), 10);
}

/* And without one a newer number is not. */
REUSE_TEST(older_clock)
{
	to_time_wait_with_clock(self->listener);
	peer_send("S 100:100(0) <mss 1460,TS val %u ecr 0>", CLOCK - 10);
	expect_none(self->listener);
	peer_send("S -100000:-100000(0) <mss 1460,TS val %u ecr 0>",
		  CLOCK - 10);
	expect_none(self->listener);
}

/* Within one tick the number decides. */
REUSE_TEST(same_clock)
{
	__u32 snd_nxt;

	to_time_wait_with_clock(self->listener);
	peer_send("S -100:-100(0) <mss 1460,TS val %u ecr 0>", CLOCK);
	expect_none(self->listener);
	snd_nxt = peer_conn()->irs + 2;
	again(100);
	peer_send("S 0:0(0) <mss 1460,TS val %u ecr 0>", CLOCK);
	EXPECT_LT(65535, (int)(peer_expect("S. 0:0(0) ack 1")->seq - snd_nxt));
}

/* So it does when the new one has no clock. */
REUSE_TEST(no_clock)
{
	to_time_wait_with_clock(self->listener);
	peer_send("S -100:-100(0) <mss 1460>");
	expect_none(self->listener);
	again(100);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
}

/* Nobody listens any more: what is left of the old one answers. */
REUSE_TEST(nobody_listens)
{
	to_time_wait(self->listener);
	app_close(self->listener);
	peer_send("S 100000:100000(0) <mss 1460>");
	peer_expect(". 2:2(0) ack 2");
}

/* ---- RFC 1337 ---- */

REUSE_TEST(reset_ends_it)
{
	to_time_wait(self->listener);
	peer_send("R 2:2(0)");
	peer_send(". 2:2(0) ack 2");
	peer_expect("R 2:2(0)");
}

/* An old segment's doing, perhaps. */
REUSE_TEST(reset_does_not_end_it)
{
	set("rfc1337", "1");
	to_time_wait(self->listener);
	peer_send("R 2:2(0)");
	peer_send(". 2:2(0) ack 2");
	peer_expect_nothing();
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
}

/* ---- the stack opens it again ---- */

/* From a port that bind(2) has chosen. */
static int begin(int expected_errno)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(peer_conn()->lport),
		.sin_addr.s_addr = htonl(PEER_LOCAL_ADDR),
	};
	int fd = app_socket(), on = 1, err;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		peer_fail("bind: errno %d", errno);
	sin.sin_port = htons(peer_conn()->pport);
	sin.sin_addr.s_addr = htonl(PEER_ADDR);
	err = net_err(connect(fd, (struct sockaddr *)&sin, sizeof(sin)));
	if (err != expected_errno)
		peer_fail("connect: errno %d, not %d", err, expected_errno);
	return fd;
}

/* The SYN of the stack; its clock, if it has one. */
static __u32 expect_syn(void)
{
	__u32 val = 0, ecr;

	peer_timestamps(peer_expect("S 0:0(0)"), &val, &ecr);
	return val;
}

/* One that the stack has opened, and closed; the peer may be slower. */
static void connect_and_close(bool clock, bool fin)
{
	__u32 val;
	int fd;

	peer_conn_init(peer_conn(), LPORT + 1, PEER_PORT);
	set("timestamps", clock ? "1" : "0");
	fd = begin(EINPROGRESS);
	val = expect_syn();
	if (clock)
		peer_send("S. 0:0(0) ack 1 <mss 1460,TS val %u ecr %u>",
			  CLOCK - 2, val);
	else
		peer_send("S. 0:0(0) ack 1 <mss 1460>");
	peer_expect(". 1:1(0) ack 1");
	app_connect_wait(fd, 0);
	app_close(fd);
	peer_expect("F. 1:1(0) ack 1");
	if (!fin) {
		peer_send(". 1:1(0) ack 2");
		peer_expect_nothing();
	} else if (clock) {
		peer_send("F. 1:1(0) ack 2 <nop,nop,TS val %u ecr %u>", CLOCK,
			  val);
		peer_expect(". 2:2(0) ack 2");
	} else {
		peer_send("F. 1:1(0) ack 2");
		peer_expect(". 2:2(0) ack 2");
	}
}

/* A port that was asked for by name: at once, if the peer has a clock. */
REUSE_TEST(connect_with_clock)
{
	__u32 snd_nxt, val;
	int fd;

	connect_and_close(true, true);
	snd_nxt = peer_conn()->irs + 2;
	again(-100000);
	fd = begin(EINPROGRESS);
	val = expect_syn();
	EXPECT_LT(65534, (int)(peer_conn()->irs - snd_nxt));
	/* What is left of the old one is none of the new one's. */
	peer_send("F. 100001:100001(0) ack %d",
		  (int)(snd_nxt - peer_conn()->irs));
	peer_expect("R %d:%d(0)", (int)(snd_nxt - peer_conn()->irs),
		    (int)(snd_nxt - peer_conn()->irs));
	peer_send("S. 0:0(0) ack 1 <mss 1460,TS val %u ecr %u>", CLOCK + 1,
		  val);
	peer_expect(". 1:1(0) ack 1");
	app_connect_wait(fd, 0);
	peer_send(". 1:11(10) ack 1 <nop,nop,TS val %u ecr %u>", CLOCK - 1,
		  val);
	peer_expect(". 1:1(0) ack 1");
	app_read_nothing(fd);
	peer_send(". 1:11(10) ack 1 <nop,nop,TS val %u ecr %u>", CLOCK + 2,
		  val);
	peer_expect(". 1:1(0) ack 11");
	app_read(fd, 10);
}

REUSE_TEST(connect_without_clock)
{
	connect_and_close(false, true);
	begin(EADDRNOTAVAIL);
	/* It goes on to answer. */
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
}

/* The peer has not closed: it would not know the new one from the old. */
REUSE_TEST(connect_in_fin_wait2)
{
	if (peer_is_inet())
		SKIP(return, "Linux takes it, and is answered with an ACK");
	connect_and_close(true, false);
	begin(EADDRNOTAVAIL);
}

/* ---- SYN_SENT: an answer to an older SYN ---- */

REUSE_TEST(echo_of_another_syn)
{
	static const int wrong[] = {
		-60000, -100000, 1000000, 0x7fffffff,
	};
	struct peer_conn *conn = peer_conn();
	unsigned int i;
	__u32 val;
	int fd;

	set("timestamps", "1");
	conn->lport = LPORT + 1;
	fd = begin(EINPROGRESS);
	val = expect_syn();
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		peer_send("S. 0:0(0) ack 1 <mss 1460,TS val 7 ecr %u>",
			  val + wrong[i]);
		peer_expect("R 1:1(0)");
	}
	EXPECT_EQ(4, peer_counter("PAWSActive"));
	/* A RST is no better, and is not answered. */
	peer_send("R. 0:0(0) ack 1 <nop,nop,TS val 7 ecr %u>", val - 60000);
	peer_expect_nothing();
	peer_send("S. 0:0(0) ack 1 <mss 1460,TS val 7 ecr %u>", val);
	peer_expect(". 1:1(0) ack 1");
	app_connect_wait(fd, 0);
}

/* To the first SYN, when a second one has been sent. */
REUSE_TEST(echo_of_the_first_syn)
{
	__u32 val;
	int fd;

	set("timestamps", "1");
	peer_conn()->lport = LPORT + 1;
	fd = begin(EINPROGRESS);
	val = expect_syn();
	EXPECT_LT(val, expect_syn());
	peer_send("S. 0:0(0) ack 1 <mss 1460,TS val 7 ecr %u>", val);
	peer_expect(". 1:1(0) ack 1");
	app_connect_wait(fd, 0);
}

/* ---- net.teach.tw_reuse: a port for who asks for none by name ---- */

FIXTURE(pool) {
	struct net net;
	int port;
};

FIXTURE_VARIANT(pool) {
	const char *server;
	enum host host;
};

FIXTURE_VARIANT_ADD(pool, loopback) {
	.server = ADDR_LO, .host = A,
};

FIXTURE_VARIANT_ADD(pool, cable) {
	.server = ADDR_B, .host = B,
};

/* All ports but one are reserved, and that one is in TIME_WAIT. */
FIXTURE_SETUP(pool)
{
	int listener, client, server;

	net_init(&self->net);
	net_reserve_ports(&self->net, A, NET_EPHEMERAL_MIN + 1,
			  NET_EPHEMERAL_MAX);
	listener = net_listen(&self->net, variant->host, NET_PORT, 8);
	client = net_client(&self->net, A, variant->server, NET_PORT);
	self->port = net_local_port(client);
	server = net_accept(listener);
	close(client);
	net_drain(server, 0);
	close(server);
	ASSERT_TRUE(net_wait_state(&self->net, A, self->port, NET_PORT,
				   TCP_TIME_WAIT));
}

FIXTURE_TEARDOWN(pool)
{
	net_exit(&self->net);
}

static int try(struct net *net, const char *server)
{
	int fd = net_socket(net, A, 0);
	int err = net_err(net_connect(fd, server, NET_PORT));

	if (err)
		close(fd);
	return err;
}

TEST_F(pool, tw_reuse)
{
	bool loopback = variant->host == A;

	net_sysctl(&self->net, A, "tw_reuse", "0");
	/* The peer's clock has to tick. */
	usleep(2100000);
	EXPECT_EQ(EADDRNOTAVAIL, try(&self->net, variant->server));
	net_sysctl(&self->net, A, "tw_reuse", "2");
	EXPECT_EQ(loopback ? 0 : EADDRNOTAVAIL,
		  try(&self->net, variant->server));
	if (loopback)
		return;
	net_sysctl(&self->net, A, "tw_reuse", "1");
	EXPECT_EQ(0, try(&self->net, variant->server));
	EXPECT_EQ(TCP_ESTABLISHED, net_state(&self->net, A, self->port,
					     NET_PORT));
}

TEST_HARNESS_MAIN
