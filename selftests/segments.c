// SPDX-License-Identifier: GPL-2.0
/*
 * Segment arrives: RFC 9293 3.10.7, state by state and rule by rule, then
 * what the sender does when nothing, or the wrong thing, comes back.
 *
 * Each test is a script of segments; peer.h says how to read one.  Its
 * comment names the section that asks for what the test expects.
 *
 * With TEACH_FAMILY=inet the same scripts run against the kernel's own TCP.
 * Where that differs from the RFC, peer_is_inet() says so in the test.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "net.h"
#include "peer.h"

#define LPORT	PEER_LOCAL_PORT

#define SEGMENTS_TEST(fixture, name) \
	TEST_F_TIMEOUT(fixture, name, PEER_TEST_TIMEOUT)

/* ---- CLOSED: RFC 9293 3.10.7.1 ---- */

FIXTURE(closed) {
};

FIXTURE_SETUP(closed)
{
	peer_start();
}

FIXTURE_TEARDOWN(closed)
{
}

/* No ACK in it: the RST has sequence number 0 and acknowledges it all. */
SEGMENTS_TEST(closed, segment_without_ack)
{
	peer_send("S 0:0(0)");
	peer_expect("R. 0:0(0) ack 1 win 0");
	peer_send("S 0:10(10)");
	peer_expect("R. 0:0(0) ack 11 win 0");
	peer_send("F 5:5(0)");
	peer_expect("R. 0:0(0) ack 6 win 0");
	peer_send("FS 5:15(10)");
	peer_expect("R. 0:0(0) ack 17 win 0");
	peer_send("- 100:200(100)");
	peer_expect("R. 0:0(0) ack 200 win 0");
}

/* An ACK in it: the RST takes its sequence number from there. */
SEGMENTS_TEST(closed, segment_with_ack)
{
	peer_send(". 1:1(0) ack 777");
	peer_expect("R 777:777(0) win 0");
	peer_send("S. 0:0(0) ack 778");
	peer_expect("R 778:778(0)");
	peer_send("F. 1:11(10) ack 779");
	peer_expect("R 779:779(0)");
}

SEGMENTS_TEST(closed, reset_is_not_answered)
{
	peer_send("R 1:1(0)");
	peer_send("R. 1:1(0) ack 1");
	peer_send("SR 1:1(0)");
	peer_expect_nothing();
}

/* RFC 9293 3.1: what fails the checksum is dropped, and not answered */
SEGMENTS_TEST(closed, bad_checksum_is_not_answered)
{
	peer_send("S 0:0(0) sum bad");
	peer_send(". 1:1(0) ack 777 sum bad");
	peer_expect_nothing();
}

/* ---- LISTEN: RFC 9293 3.10.7.2 ---- */

FIXTURE(listen) {
	int listener;
};

FIXTURE_SETUP(listen)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
}

FIXTURE_TEARDOWN(listen)
{
}

/* First: RST is ignored */
SEGMENTS_TEST(listen, reset)
{
	peer_send("R 0:0(0)");
	peer_send("R. 0:0(0) ack 5");
	peer_send("SR 0:0(0)");
	peer_expect_nothing();
	peer_accept(self->listener);
}

/* Second: any ACK is bad on a connection that is still listening */
SEGMENTS_TEST(listen, ack)
{
	peer_send(". 1:1(0) ack 777");
	peer_expect("R 777:777(0)");
	peer_send("S. 0:0(0) ack 778");
	peer_expect("R 778:778(0)");
	peer_send("F. 0:0(0) ack 779");
	peer_expect("R 779:779(0)");
	peer_accept(self->listener);
}

/* Fourth: nothing else gets here, and if it does it is dropped */
SEGMENTS_TEST(listen, no_control_bit)
{
	peer_send("- 0:0(0)");
	peer_send("- 0:10(10)");
	peer_send("F 0:0(0)");
	peer_send("U 0:10(10) urg 5");
	peer_expect_nothing();
	peer_accept(self->listener);
}

/* RFC 9293 3.7.1: without the option the MSS is 536 */
SEGMENTS_TEST(listen, syn_without_mss)
{
	int fd;

	peer_send("S 0:0(0)");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_send(". 1:1(0) ack 1");
	fd = app_accept(self->listener);
	app_write(fd, 2000);
	peer_expect(". 1:537(536) ack 1");
	peer_expect(". 537:1073(536) ack 1");
}

SEGMENTS_TEST(listen, syn_with_small_mss)
{
	int fd;

	peer_send("S 0:0(0) <mss 500>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_send(". 1:1(0) ack 1");
	fd = app_accept(self->listener);
	app_write(fd, 1200);
	peer_expect(". 1:501(500) ack 1");
	peer_expect(". 501:1001(500) ack 1");
}

/* The peer's MSS is more than the link can carry. */
SEGMENTS_TEST(listen, syn_with_large_mss)
{
	int fd;

	peer_send("S 0:0(0) <mss 9000>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_send(". 1:1(0) ack 1");
	fd = app_accept(self->listener);
	app_write(fd, 4000);
	peer_expect(". 1:1461(1460) ack 1");
}

/* An MSS of nothing must not stop the sender, nor make it send for ever. */
SEGMENTS_TEST(listen, syn_with_mss_of_zero)
{
	struct peer_segment *seg;
	int fd;

	peer_send("S 0:0(0) <mss 0>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 1");
	fd = app_accept(self->listener);
	app_write(fd, 100);
	seg = peer_next();
	EXPECT_EQ(1, peer_seq(seg));
	EXPECT_LT(0, seg->len);
}

/* RFC 9293 3.1: options a host does not know, and padding, are passed over */
SEGMENTS_TEST(listen, syn_with_unknown_options)
{
	int fd;

	peer_send("S 0:0(0) <nop,hex fe04abcd,nop,nop,mss 700,eol,hex ffff>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_send(". 1:1(0) ack 1 <hex fd0a0102030405060708>");
	fd = app_accept(self->listener);
	app_write(fd, 1000);
	peer_expect(". 1:701(700) ack 1");
}

/* RFC 9293 3.1, MUST-7: an illegal option length must not hurt */
SEGMENTS_TEST(listen, syn_with_malformed_options)
{
	static const char * const options[] = {
		"hex 0200",		/* length 0 */
		"hex 0201",		/* length 1: shorter than itself */
		"hex 020305",		/* an MSS of one byte */
		"nop,nop,nop,hex 02",	/* the length is missing */
		"hex 0204",		/* the value is missing */
		"hex 02ff0101",		/* past the end of the header */
		"hex fe28",		/* just as far */
		"hex 0303",		/* a window scale of nothing */
		"hex 0502,hex 050a01",	/* SACK blocks in a SYN, cut off */
		"hex 0000000002040100",	/* an MSS after the end */
	};
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		peer_send("S 0:0(0) <%s>", options[i]);
		peer_expect("S. 0:0(0) ack 1 <mss 1460>");
		peer_send(". 1:1(0) ack 1");
		fd = app_accept(self->listener);
		app_write(fd, 1000);
		peer_expect(". 1:537(536) ack 1");
		app_abort(fd);
		while (!(peer_next()->flags & PEER_RST))
			;
		peer_new_conn();
	}
}

/* Third: data in the SYN may wait for its retransmission */
SEGMENTS_TEST(listen, syn_with_data)
{
	int fd;

	peer_send("S 0:10(10) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:11(10) ack 1");
	fd = app_accept(self->listener);
	peer_expect(". 1:1(0) ack 11");
	app_read(fd, 10);
}

SEGMENTS_TEST(listen, malformed_segments)
{
	peer_send("S 0:0(0) sum bad");
	peer_send("S 0:0(0) doff 4");		/* within the header */
	peer_send("S 0:0(0) doff 15");		/* past the end */
	peer_send("S 0:0(0) cut 1");		/* 19 bytes of header */
	peer_send("S 0:0(0) cut 20");		/* none at all */
	peer_send("S 0:0(0) cut 12");		/* just the ports and seq */
	peer_expect_nothing();
	if (peer_is_inet()) {
		EXPECT_EQ(1, peer_counter("InCsumErrors"));
	} else {
		EXPECT_EQ(1, peer_counter("DropBadChecksum"));
		/* Without ports it is not ours, if TCP may be meant. */
		EXPECT_EQ(net_wire ? 4 : 5, peer_counter("DropBadOffset") +
					    peer_counter("DropTooShort"));
	}
	peer_accept(self->listener);
}

SEGMENTS_TEST(listen, bad_ip_checksum)
{
	peer_send("S 0:0(0) ipsum bad");
	peer_expect_nothing();
	peer_accept(self->listener);
}

/* RFC 9293 3.9.2.3 (MUST-57): no answer to a broadcast or multicast source */
SEGMENTS_TEST(listen, syn_from_a_broadcast_address)
{
	peer_send("S 0:0(0) src 255.255.255.255");
	peer_send("S 0:0(0) src 224.0.0.1");
	peer_expect_nothing();
	peer_accept(self->listener);
}

/* ---- SYN-SENT: RFC 9293 3.10.7.3 ---- */

FIXTURE(syn_sent) {
	int fd;
	double sent;	/* or later */
};

FIXTURE_SETUP(syn_sent)
{
	peer_start();
	self->fd = app_connect_start();
	self->sent = peer_expect("S 0:0(0) <mss 1460>")->not_before;
}

FIXTURE_TEARDOWN(syn_sent)
{
}

static void syn_sent_goes_on(int fd)
{
	peer_send("S. 0:0(0) ack 1 <mss 1460>");
	peer_expect(". 1:1(0) ack 1");
	app_connect_wait(fd, 0);
}

/* First: an ACK of anything but our SYN is answered with RST */
SEGMENTS_TEST(syn_sent, unacceptable_ack)
{
	peer_send(". 0:0(0) ack 0");
	peer_expect("R 0:0(0)");
	peer_send("S. 0:0(0) ack 2");
	peer_expect("R 2:2(0)");
	peer_send("S. 0:0(0) ack -1000");
	peer_expect("R -1000:-1000(0)");
	syn_sent_goes_on(self->fd);
}

SEGMENTS_TEST(syn_sent, reset_with_unacceptable_ack)
{
	peer_send("R. 0:0(0) ack 0");
	peer_send("R. 0:0(0) ack 2");
	peer_expect_nothing();
	syn_sent_goes_on(self->fd);
}

/* Second: a RST without an ACK proves nothing */
SEGMENTS_TEST(syn_sent, reset_without_ack)
{
	peer_send("R 0:0(0)");
	peer_send("R 1:1(0)");
	peer_expect_nothing();
	syn_sent_goes_on(self->fd);
}

SEGMENTS_TEST(syn_sent, reset_with_acceptable_ack)
{
	peer_send("R. 0:0(0) ack 1");
	app_connect_wait(self->fd, ECONNREFUSED);
	peer_expect_nothing();
}

SEGMENTS_TEST(syn_sent, syn_and_reset)
{
	peer_send("SR. 0:0(0) ack 1");
	app_connect_wait(self->fd, ECONNREFUSED);
	peer_expect_nothing();
}

/* Fifth: neither SYN nor RST */
SEGMENTS_TEST(syn_sent, no_syn)
{
	peer_send(". 1:1(0) ack 1");
	peer_send("F. 1:1(0) ack 1");
	peer_send("- 1:11(10)");
	peer_expect_nothing();
	syn_sent_goes_on(self->fd);
}

/* Fourth, and figure 7: our SYN+ACK repeats our SYN */
SEGMENTS_TEST(syn_sent, syn_without_ack)
{
	peer_send("S 0:0(0) <mss 1000>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_send(". 1:1(0) ack 1");
	app_connect_wait(self->fd, 0);
	app_write(self->fd, 2000);
	peer_expect(". 1:1001(1000) ack 1");
}

/* Figure 7 in full: the peer's SYN+ACK repeats its SYN, too */
SEGMENTS_TEST(syn_sent, simultaneous_open_with_syn_ack)
{
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send("S. 0:0(0) ack 1 <mss 1460>");
	app_connect_wait(self->fd, 0);
	app_write(self->fd, 10);
	while (!peer_next()->len)
		;
	peer_send(". 1:11(10) ack 11");
	peer_expect(". 11:11(0) ack 11");
	app_read(self->fd, 10);
}

SEGMENTS_TEST(syn_sent, syn_ack_with_data)
{
	peer_send("S. 0:10(10) ack 1 <mss 1460>");
	peer_expect(". 1:1(0)");
	app_connect_wait(self->fd, 0);
	peer_send(". 1:21(20) ack 1");
	peer_expect(". 1:1(0) ack 21");
	app_read(self->fd, 20);
}

SEGMENTS_TEST(syn_sent, syn_ack_without_mss)
{
	peer_send("S. 0:0(0) ack 1");
	peer_expect(". 1:1(0) ack 1");
	app_connect_wait(self->fd, 0);
	app_write(self->fd, 1000);
	peer_expect(". 1:537(536) ack 1");
}

/*
 * The same segment comes @count times more, first after @rto and then each
 * time twice as late: RFC 6298 5.5.  When it was last sent, or a little
 * before, is @sent.  Only too early is wrong: how late a timer is, is the
 * machine's affair.
 */
static void expect_backoff(struct __test_metadata *_metadata, const char *what,
			   unsigned int count, double rto, double sent)
{
	struct peer_segment *seg;

	for (; count; count--, rto *= 2) {
		seg = peer_expect("%s", what);
		EXPECT_LT(0.9 * rto, seg->time - sent);
		sent = seg->not_before;
	}
}

/* RFC 6298 2: the first RTO is a second */
SEGMENTS_TEST(syn_sent, syn_is_retransmitted)
{
	expect_backoff(_metadata, "S 0:0(0) <mss 1460>", 3, 1, self->sent);
	syn_sent_goes_on(self->fd);
}

/* RFC 9293 3.9.2.2, RFC 1122 4.2.3.9: hard errors end the attempt */
SEGMENTS_TEST(syn_sent, icmp_port_unreachable)
{
	peer_icmp(3, 3, 0, 0);
	app_connect_wait(self->fd, ECONNREFUSED);
}

SEGMENTS_TEST(syn_sent, icmp_protocol_unreachable)
{
	peer_icmp(3, 2, 0, 0);
	app_connect_wait(self->fd, ENOPROTOOPT);
}

/* As Linux has it: nothing to lose yet, so a soft error ends it, too */
SEGMENTS_TEST(syn_sent, icmp_host_unreachable)
{
	peer_icmp(3, 1, 0, 0);
	app_connect_wait(self->fd, EHOSTUNREACH);
}

/* RFC 5927 4.1: an error about a segment that was never sent is forged */
SEGMENTS_TEST(syn_sent, icmp_with_wrong_sequence)
{
	peer_icmp(3, 3, 0, 1000);
	peer_icmp(3, 3, 0, -1);
	peer_expect_nothing();
	syn_sent_goes_on(self->fd);
}

/* ---- SYN-RECEIVED, from LISTEN: RFC 9293 3.10.7.4 ---- */

FIXTURE(syn_recv) {
	int listener;
	double sent;	/* or later */
};

FIXTURE_SETUP(syn_recv)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
	peer_send("S 0:0(0) <mss 1460>");
	self->sent = peer_expect("S. 0:0(0) ack 1 <mss 1460>")->not_before;
}

FIXTURE_TEARDOWN(syn_recv)
{
}

static int syn_recv_goes_on(int listener)
{
	int fd;

	peer_send(". 1:11(10) ack 1");
	fd = app_accept(listener);
	peer_expect(". 1:1(0) ack 11");
	app_read(fd, 10);
	return fd;
}

/* The peer did not see our SYN+ACK: it hears it again */
SEGMENTS_TEST(syn_recv, same_syn_again)
{
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	syn_recv_goes_on(self->listener);
}

/* Fifth: an ACK of what was never sent */
SEGMENTS_TEST(syn_recv, unacceptable_ack)
{
	peer_send(". 1:1(0) ack 2");
	peer_expect("R 2:2(0)");
	peer_send(". 1:1(0) ack 0");
	peer_expect("R 0:0(0)");
	app_accept_nothing(self->listener);
	syn_recv_goes_on(self->listener);
}

/* First: not in the window */
SEGMENTS_TEST(syn_recv, reset_outside_the_window)
{
	peer_send("R -1:-1(0)");
	peer_send("R 70000:70000(0)");
	peer_expect_nothing();
	syn_recv_goes_on(self->listener);
}

SEGMENTS_TEST(syn_recv, data_outside_the_window)
{
	peer_send(". 70000:70010(10) ack 1");
	peer_expect(". 1:1(0) ack 1");
	app_accept_nothing(self->listener);
	syn_recv_goes_on(self->listener);
}

/* Second: back to LISTEN, as figure 9 shows it for an old duplicate SYN */
SEGMENTS_TEST(syn_recv, old_duplicate_syn)
{
	struct peer_conn *conn = peer_conn();

	peer_send("R 1:1(0)");
	app_accept_nothing(self->listener);
	peer_conn_init(conn, conn->lport, conn->pport);
	conn->isn += 10;
	conn->snd_max = conn->isn;
	peer_accept(self->listener);
}

/* Fifth: no ACK, no connection */
SEGMENTS_TEST(syn_recv, no_ack)
{
	peer_send("- 1:1(0)");
	peer_send("- 1:11(10)");
	peer_send("F 1:1(0)");
	peer_expect_nothing();
	app_accept_nothing(self->listener);
	syn_recv_goes_on(self->listener);
}

/* RFC 6298 5.5 */
SEGMENTS_TEST(syn_recv, syn_ack_is_retransmitted)
{
	expect_backoff(_metadata, "S. 0:0(0) ack 1 <mss 1460>", 3, 1,
		       self->sent);
	syn_recv_goes_on(self->listener);
}

/* ---- the synchronized states: RFC 9293 3.10.7.4 ---- */

/*
 * Whatever the state, the first four checks are the same.  @snd and @rcv are
 * SND.NXT and RCV.NXT, relative, once the state is reached.
 */
FIXTURE(synchronized) {
	int fd;
};

FIXTURE_VARIANT(synchronized) {
	int state, snd, rcv;
};

FIXTURE_VARIANT_ADD(synchronized, established) {
	.state = TCP_ESTABLISHED, .snd = 1, .rcv = 1,
};

FIXTURE_VARIANT_ADD(synchronized, fin_wait1) {
	.state = TCP_FIN_WAIT1, .snd = 2, .rcv = 1,
};

FIXTURE_VARIANT_ADD(synchronized, fin_wait2) {
	.state = TCP_FIN_WAIT2, .snd = 2, .rcv = 1,
};

FIXTURE_VARIANT_ADD(synchronized, close_wait) {
	.state = TCP_CLOSE_WAIT, .snd = 1, .rcv = 2,
};

FIXTURE_VARIANT_ADD(synchronized, closing) {
	.state = TCP_CLOSING, .snd = 2, .rcv = 2,
};

FIXTURE_VARIANT_ADD(synchronized, last_ack) {
	.state = TCP_LAST_ACK, .snd = 2, .rcv = 2,
};

FIXTURE_VARIANT_ADD(synchronized, time_wait) {
	.state = TCP_TIME_WAIT, .snd = 2, .rcv = 2,
};

FIXTURE_SETUP(synchronized)
{
	int listener;

	peer_start();
	listener = app_listen(LPORT, 8);
	self->fd = peer_accept(listener);
	/* a listener would take a new SYN in TIME-WAIT */
	app_close(listener);

	switch (variant->state) {
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSING:
	case TCP_TIME_WAIT:
		app_shutdown_write(self->fd);
		peer_expect("F. 1:1(0) ack 1");
		break;
	case TCP_CLOSE_WAIT:
	case TCP_LAST_ACK:
		peer_send("F. 1:1(0) ack 1");
		peer_expect(". 1:1(0) ack 2");
		break;
	}
	switch (variant->state) {
	case TCP_FIN_WAIT2:
		peer_send(". 1:1(0) ack 2");
		break;
	case TCP_CLOSING:
		peer_send("F. 1:1(0) ack 1");
		peer_expect(". 2:2(0) ack 2");
		break;
	case TCP_LAST_ACK:
		app_shutdown_write(self->fd);
		peer_expect("F. 1:1(0) ack 2");
		break;
	case TCP_TIME_WAIT:
		peer_send("F. 1:1(0) ack 2");
		peer_expect(". 2:2(0) ack 2");
		break;
	}
}

FIXTURE_TEARDOWN(synchronized)
{
}

static void expect_ack(int snd, int rcv)
{
	peer_expect(". %d:%d(0) ack %d", snd, snd, rcv);
}

/* First: what is outside the window is acknowledged and dropped */
SEGMENTS_TEST(synchronized, data_below_the_window)
{
	int rcv = variant->rcv;

	peer_send(". %d:%d(10) ack 1", rcv - 10, rcv);
	expect_ack(variant->snd, rcv);
	peer_send(". -1000:-500(500) ack 1");
	expect_ack(variant->snd, rcv);
}

SEGMENTS_TEST(synchronized, data_above_the_window)
{
	peer_send(". 100000:100010(10) ack 1");
	expect_ack(variant->snd, variant->rcv);
}

/* RFC 9293 3.8.4: this is what a keep-alive looks like */
SEGMENTS_TEST(synchronized, empty_segment_below_the_window)
{
	int rcv = variant->rcv;

	peer_send(". %d:%d(0) ack 1", rcv - 1, rcv - 1);
	expect_ack(variant->snd, rcv);
}

SEGMENTS_TEST(synchronized, reset_outside_the_window)
{
	int rcv = variant->rcv;

	/* Linux takes one at RCV.NXT - 1 after a FIN, as some send it */
	if (!peer_is_inet())
		peer_send("R %d:%d(0)", rcv - 1, rcv - 1);
	peer_send("R %d:%d(0)", rcv - 2, rcv - 2);
	peer_send("R 100000:100000(0)");
	peer_send("R. %d:%d(0) ack 1", rcv - 2, rcv - 2);
	peer_expect_nothing();
	peer_send(". -1000:-500(500) ack 1");
	expect_ack(variant->snd, rcv);
}

/* Second, RFC 5961 3.2: in the window, but not the next byte: challenge it */
SEGMENTS_TEST(synchronized, reset_in_the_window)
{
	int rcv = variant->rcv;

	peer_send("R %d:%d(0)", rcv + 1, rcv + 1);
	/* Linux's TIME-WAIT has no window, and RFC 5961 does not ask for it */
	if (variant->state == TCP_TIME_WAIT)
		peer_expect_nothing();
	else
		expect_ack(variant->snd, rcv);
	peer_send(". -1000:-500(500) ack 1");
	expect_ack(variant->snd, rcv);
}

/* Second: exactly the next byte ends it */
SEGMENTS_TEST(synchronized, reset_at_the_next_byte)
{
	int snd = variant->snd, rcv = variant->rcv;

	peer_send("R %d:%d(0)", rcv, rcv);
	peer_expect_nothing();
	peer_send(". %d:%d(0) ack %d", rcv, rcv, snd);
	peer_expect("R %d:%d(0)", snd, snd);
}

/* Fourth, RFC 5961 4.2: a SYN is never what it says: challenge it */
SEGMENTS_TEST(synchronized, syn_in_the_window)
{
	int snd = variant->snd, rcv = variant->rcv;

	peer_send("S %d:%d(0)", rcv, rcv);
	expect_ack(snd, rcv);
	peer_send(". -1000:-500(500) ack 1");
	expect_ack(snd, rcv);
}

SEGMENTS_TEST(synchronized, syn_outside_the_window)
{
	peer_send("S 0:0(0) <mss 1460>");
	expect_ack(variant->snd, variant->rcv);
}

SEGMENTS_TEST(synchronized, syn_ack_again)
{
	peer_send("S. 0:0(0) ack 1 <mss 1460>");
	expect_ack(variant->snd, variant->rcv);
}

/* Fifth: without an ACK it is dropped */
SEGMENTS_TEST(synchronized, no_ack_bit)
{
	int rcv = variant->rcv;

	if (peer_is_inet() && variant->state == TCP_TIME_WAIT)
		SKIP(return, "Linux's TIME-WAIT does not look at the ACK bit");
	peer_send("- %d:%d(0)", rcv, rcv);
	peer_send("- %d:%d(10)", rcv, rcv + 10);
	peer_send("F %d:%d(0)", rcv, rcv);
	peer_expect_nothing();
	peer_send(". -1000:-500(500) ack 1");
	expect_ack(variant->snd, rcv);
}

/* Fifth: an ACK of something not yet sent is answered, and dropped */
SEGMENTS_TEST(synchronized, ack_of_unsent_data)
{
	int snd = variant->snd, rcv = variant->rcv;

	if (peer_is_inet() && variant->state == TCP_ESTABLISHED)
		SKIP(return, "Linux drops it without a word in ESTABLISHED");
	if (variant->state == TCP_TIME_WAIT)
		SKIP(return, "TIME-WAIT keeps no SND.NXT to compare it with");
	peer_send(". %d:%d(10) ack %d", rcv, rcv + 10, snd + 1000);
	expect_ack(snd, rcv);
	peer_send(". -1000:-500(500) ack 1");
	expect_ack(snd, rcv);
}

/* RFC 5961 5.2: an ACK older than any window was ever wide */
SEGMENTS_TEST(synchronized, ack_from_long_ago)
{
	int snd = variant->snd, rcv = variant->rcv;

	if (variant->state == TCP_TIME_WAIT)
		SKIP(return, "TIME-WAIT keeps no SND.UNA to compare it with");
	peer_send(". %d:%d(10) ack -2000000", rcv, rcv + 10);
	expect_ack(snd, rcv);
	peer_send(". -1000:-500(500) ack 1");
	expect_ack(snd, rcv);
}

/* ---- ESTABLISHED: ACKs, data and the FIN, RFC 9293 3.10.7.4 ---- */

FIXTURE(established) {
	int listener, fd;
};

FIXTURE_SETUP(established)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
	self->fd = peer_accept(self->listener);
}

FIXTURE_TEARDOWN(established)
{
}

SEGMENTS_TEST(established, data_both_ways)
{
	peer_send("P. 1:101(100) ack 1");
	peer_expect(". 1:1(0) ack 101");
	app_read(self->fd, 100);
	app_write(self->fd, 200);
	peer_expect("P. 1:201(200) ack 101");
	peer_send(". 101:101(0) ack 201");
	peer_expect_nothing();
}

/* RFC 9293 3.8.6.3: an ACK at least for every second full-sized segment */
SEGMENTS_TEST(established, second_segment_is_acknowledged_at_once)
{
	struct peer_segment segs[4];
	unsigned int i, count;

	for (i = 0; i < 8; i++) {
		peer_send(". %u:%u(1460) ack 1", i * 2920 + 1, i * 2920 + 1461);
		peer_send(". %u:%u(1460) ack 1", i * 2920 + 1461,
			  i * 2920 + 2921);
		count = peer_collect(segs, ARRAY_SIZE(segs));
		ASSERT_LT(0, count);
		ASSERT_EQ((i + 1) * 2920 + 1, peer_ack(&segs[count - 1]));
	}
	app_read(self->fd, 8 * 2920);
}

/* And no ACK is put off for longer than half a second */
SEGMENTS_TEST(established, small_segment_is_acknowledged_in_time)
{
	double start;
	unsigned int i;

	/* many of them, so that no quick start hides the delay */
	for (i = 0; i < 30; i++) {
		start = peer_now();
		peer_send(". %u:%u(10) ack 1", i * 10 + 1, i * 10 + 11);
		peer_expect(". 1:1(0) ack %u", i * 10 + 11);
		ASSERT_GT(5, peer_now() - start);
	}
}

/* Overlap on the left: only what is new counts */
SEGMENTS_TEST(established, data_overlapping_the_left_edge)
{
	peer_send(". 1:101(100) ack 1");
	peer_expect(". 1:1(0) ack 101");
	peer_send(". 51:151(100) ack 1");
	peer_expect(". 1:1(0) ack 151");
	peer_send(". 1:161(160) ack 1");
	peer_expect(". 1:1(0) ack 161");
	app_read(self->fd, 160);
	app_read_nothing(self->fd);
}

/* RFC 5681 4.2: a hole is told at once, filled it is acknowledged at once */
SEGMENTS_TEST(established, out_of_order)
{
	peer_send(". 201:301(100) ack 1");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 101:201(100) ack 1");
	peer_expect(". 1:1(0) ack 1");
	app_read_nothing(self->fd);
	peer_send(". 1:101(100) ack 1");
	peer_expect(". 1:1(0) ack 301");
	app_read(self->fd, 300);
}

SEGMENTS_TEST(established, out_of_order_with_overlaps)
{
	peer_send(". 301:401(100) ack 1");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 101:201(100) ack 1");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 151:251(100) ack 1");	/* overlaps on the left */
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 261:351(90) ack 1");	/* overlaps on the right */
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 111:121(10) ack 1");	/* inside another */
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 301:401(100) ack 1");	/* the same again */
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 91:461(370) ack 1");	/* around all of them */
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 501:601(100) ack 1");	/* beyond a second hole */
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 1:101(100) ack 1");
	peer_expect(". 1:1(0) ack 461");
	peer_send(". 401:551(150) ack 1");
	peer_expect(". 1:1(0) ack 601");
	app_read(self->fd, 600);
	app_read_nothing(self->fd);
}

/* Every second segment missing, then all of them from the last to the first */
SEGMENTS_TEST(established, many_holes)
{
	int i, holes = 20;

	for (i = 0; i < holes; i++) {
		peer_send(". %d:%d(100) ack 1", i * 200 + 101, i * 200 + 201);
		peer_expect(". 1:1(0) ack 1");
	}
	for (i = holes - 1; i > 0; i--) {
		peer_send(". %d:%d(100) ack 1", i * 200 + 1, i * 200 + 101);
		peer_expect(". 1:1(0) ack 1");
	}
	peer_send(". 1:101(100) ack 1");
	peer_expect(". 1:1(0) ack %d", holes * 200 + 1);
	app_read(self->fd, holes * 200);
}

/* Bytes that were taken once are not changed by a later copy of them */
SEGMENTS_TEST(established, old_data_does_not_overwrite)
{
	peer_send(". 1:101(100) ack 1");
	peer_expect(". 1:1(0) ack 101");
	peer_send(". 1:101(100) ack 1 fill 0");
	peer_expect(". 1:1(0) ack 101");
	app_read(self->fd, 100);
}

/* Eighth: a FIN counts when everything before it is there */
SEGMENTS_TEST(established, fin_before_the_data)
{
	peer_send("F. 101:201(100) ack 1");
	peer_expect(". 1:1(0) ack 1");
	app_read_nothing(self->fd);
	peer_send(". 1:101(100) ack 1");
	peer_expect(". 1:1(0) ack 202");
	app_read(self->fd, 200);
	app_read_eof(self->fd);
}

SEGMENTS_TEST(established, bare_fin_before_the_data)
{
	peer_send("F. 101:101(0) ack 1");
	peer_expect(". 1:1(0) ack 1");
	app_read_nothing(self->fd);
	peer_send(". 1:101(100) ack 1");
	peer_expect(". 1:1(0) ack 102");
	app_read(self->fd, 100);
	app_read_eof(self->fd);
}

SEGMENTS_TEST(established, fin_again)
{
	peer_send("F. 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 12");
	peer_send("F. 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 12");
	peer_send("F. 11:11(0) ack 1");
	peer_expect(". 1:1(0) ack 12");
	app_read(self->fd, 10);
	app_read_eof(self->fd);
}

/* Seventh: text after the FIN should not occur, and is ignored */
SEGMENTS_TEST(established, data_after_fin)
{
	peer_send("F. 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 12");
	peer_send(". 12:22(10) ack 1");
	app_read(self->fd, 10);
	app_read_eof(self->fd);
	app_write(self->fd, 10);
	while (!peer_next()->len)
		;
	peer_send(". 12:12(0) ack 11");
	app_close(self->fd);
	peer_expect("F. 11:11(0) ack 12");
}

/* The data of one segment, the FIN of it, and the ACK of ours, all at once */
SEGMENTS_TEST(established, everything_in_one_segment)
{
	app_write(self->fd, 100);
	peer_expect(". 1:101(100) ack 1");
	peer_send("FP. 1:51(50) ack 101");
	peer_expect(". 101:101(0) ack 52");
	app_read(self->fd, 50);
	app_read_eof(self->fd);
}

/* The end of the urgent data is yet to come: till then it is data */
SEGMENTS_TEST(established, urgent_pointer_beyond_the_data)
{
	peer_send("U. 1:11(10) ack 1 urg 100");
	peer_expect(". 1:1(0) ack 11");
	app_read(self->fd, 10);
	peer_send("U. 11:11(0) ack 1 urg 0");
	peer_send(". 11:21(10) ack 1 urg 7");
	peer_expect(". 1:1(0) ack 21");
	app_read(self->fd, 10);
}

SEGMENTS_TEST(established, malformed_segments)
{
	peer_send(". 1:11(10) ack 1 sum bad");
	peer_send(". 1:11(10) ack 1 doff 4");
	peer_send(". 1:11(10) ack 1 doff 15");
	peer_send(". 1:1(0) ack 1 cut 8");
	peer_send("R 1:1(0) sum bad");
	peer_send("F. 1:1(0) ack 1 sum bad");
	peer_expect_nothing();
	peer_send(". 1:11(10) ack 1 <hex 0500,hex 08ff,hex 02>");
	peer_expect(". 1:1(0) ack 11");
	app_read(self->fd, 10);
}

/* All control bits at once; the SYN decides: RFC 5961 4.2 */
SEGMENTS_TEST(established, all_bits)
{
	peer_send("FSP.UEW 1:11(10) ack 1 urg 3");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	app_read(self->fd, 10);
}

/* RFC 9293 3.7.4: one small segment at a time; TCP_NODELAY sends them all */
SEGMENTS_TEST(established, nagle)
{
	int on = 1;

	app_write(self->fd, 10);
	peer_expect(". 1:11(10) ack 1");
	app_write(self->fd, 20);
	app_write(self->fd, 30);
	peer_expect_nothing();
	peer_send(". 1:1(0) ack 11");
	peer_expect(". 11:61(50) ack 1");
	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on,
				sizeof(on)));
	app_write(self->fd, 10);
	peer_expect(". 61:71(10) ack 1");
}

/* RFC 9293 3.4: sequence numbers go on from zero, holes or not */
SEGMENTS_TEST(established, sequence_numbers_wrap)
{
	unsigned int i;
	int fd;

	peer_new_conn();
	peer_conn()->isn = -2500u;
	peer_conn()->snd_max = peer_conn()->isn;
	fd = peer_accept(self->listener);
	peer_send(". 2001:3001(1000) ack 1");	/* zero is in this one */
	peer_expect(". 1:1(0) ack 1");
	peer_send("F. 4001:5001(1000) ack 1");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 3001:4001(1000) ack 1");
	peer_expect(". 1:1(0) ack 1");
	for (i = 0; i < 2; i++) {
		peer_send(". %u:%u(1000) ack 1", i * 1000 + 1, i * 1000 + 1001);
		peer_expect(". 1:1(0) ack %u", i ? 5002 : 1001);
	}
	app_read(fd, 5000);
	app_read_eof(fd);
}

/* RFC 9293 3.9.2.2, RFC 1122 4.2.3.9: soft errors end nothing */
SEGMENTS_TEST(established, icmp_unreachable)
{
	app_write(self->fd, 100);
	peer_expect(". 1:101(100) ack 1");
	peer_icmp(3, 0, 0, 0);
	peer_icmp(3, 1, 0, 0);
	peer_icmp(3, 3, 0, 0);
	peer_icmp(11, 0, 0, 0);
	peer_send(". 1:11(10) ack 101");
	peer_expect(". 101:101(0) ack 11");
	app_read(self->fd, 10);
}

/* RFC 1191: what was too long goes out again at once, shorter */
SEGMENTS_TEST(established, icmp_fragmentation_needed)
{
	app_write(self->fd, 1460);
	peer_expect(". 1:1461(1460) ack 1");
	peer_icmp(3, 4, 1000, 0);
	peer_expect(". 1:961(960) ack 1");
	peer_send(". 1:1(0) ack 961");
	peer_expect(". 961:1461(500) ack 1");
	peer_send(". 1:1(0) ack 1461");
	app_write(self->fd, 1460);
	peer_expect(". 1461:2421(960) ack 1");
}

/* The path is one: what one connection learns the other uses */
SEGMENTS_TEST(established, icmp_fragmentation_needed_by_another)
{
	struct peer_conn *first = peer_conn(), other;
	int fd;

	app_write(self->fd, 1460);
	peer_expect(". 1:1461(1460) ack 1");

	peer_ignore_others(true);
	peer_conn_init(&other, LPORT, PEER_PORT + 1);
	peer_use(&other);
	fd = peer_accept(self->listener);
	app_write(fd, 1460);
	peer_expect(". 1:1461(1460) ack 1");
	peer_icmp(3, 4, 1000, 0);
	peer_expect(". 1:961(960) ack 1");

	/* by its own timer, and nobody had told it */
	peer_use(first);
	peer_expect(". 1:961(960) ack 1");
}

/* RFC 5927 4.1 */
SEGMENTS_TEST(established, icmp_with_wrong_sequence)
{
	app_write(self->fd, 1460);
	peer_expect(". 1:1461(1460) ack 1");
	peer_icmp(3, 4, 1000, 100000);
	peer_icmp(3, 4, 1000, -100000);
	peer_send(". 1:1(0) ack 1461");
	app_write(self->fd, 1460);
	peer_expect(". 1461:2921(1460) ack 1");
}

/* An MTU that no link has must not make segments of nothing */
SEGMENTS_TEST(established, icmp_fragmentation_needed_with_tiny_mtu)
{
	struct peer_segment *seg;

	app_write(self->fd, 1460);
	peer_expect(". 1:1461(1460) ack 1");
	/* Linux lets routers fragment what it will not make any smaller */
	peer_conn()->fragmentable = true;
	peer_icmp(3, 4, 0, 0);
	peer_icmp(3, 4, 20, 0);
	seg = peer_next();
	EXPECT_EQ(1, peer_seq(seg));
	EXPECT_LE(200, seg->len);
}

/* ---- windows: RFC 9293 3.8.6 ---- */

FIXTURE(window) {
	int listener, fd;
};

FIXTURE_SETUP(window)
{
	peer_start();
	self->listener = app_listen_rcvbuf(LPORT, 8, 16384);
	self->fd = peer_accept(self->listener);
}

FIXTURE_TEARDOWN(window)
{
}

/* Sends until the window is shut; returns the next sequence number. */
static int fill_window(void)
{
	struct peer_conn *conn = peer_conn();
	int next = 1, room, len;

	/* under pressure Linux takes back what it had offered */
	conn->shrinks = peer_is_inet();
	while ((room = conn->edge - conn->isn - next) > 0) {
		len = room < 1000 ? room : 1000;
		peer_send(". %d:%d(%d) ack 1", next, next + len, len);
		if (peer_ack(peer_next()) == next && conn->edge > conn->ack_max)
			peer_fail("refused what its window has room for");
		next = conn->ack_max - conn->isn;
	}
	return next;
}

SEGMENTS_TEST(window, is_filled_and_opened_again)
{
	struct peer_segment segs[16];
	int next = fill_window();
	unsigned int count;

	/* 3.8.6.1: a probe of a shut window is answered */
	peer_send(". %d:%d(1) ack 1", next, next + 1);
	peer_expect(". 1:1(0) ack %d win 0", next);
	peer_send(". %d:%d(0) ack 1", next - 1, next - 1);
	peer_expect(". 1:1(0) ack %d win 0", next);
	app_read(self->fd, next - 1);
	count = peer_collect(segs, ARRAY_SIZE(segs));
	ASSERT_LE(1, count);
	EXPECT_LT(1460, segs[count - 1].window);
	peer_send(". %d:%d(1000) ack 1", next, next + 1000);
	peer_expect(". 1:1(0) ack %d", next + 1000);
	app_read(self->fd, 1000);
}

/* 3.8.6.2.2: the window does not open by crumbs */
SEGMENTS_TEST(window, does_not_open_for_a_byte)
{
	int next = fill_window();

	app_read(self->fd, 1);
	peer_expect_nothing();
	peer_send(". %d:%d(1) ack 1", next, next + 1);
	peer_expect(". 1:1(0) ack %d win 0", next);
}

/* A FIN and a RST need no window: 3.10.7.4, first */
SEGMENTS_TEST(window, reset_while_shut)
{
	int next = fill_window();

	peer_send("R %d:%d(0)", next, next);
	peer_send(". %d:%d(0) ack 1", next, next);
	peer_expect("R 1:1(0)");
}

/* An ACK in a segment that does not fit is still an ACK: 3.10.7.4, first */
SEGMENTS_TEST(window, ack_while_shut)
{
	int next = fill_window();

	app_write(self->fd, 100);
	peer_expect(". 1:101(100) ack %d win 0", next);
	peer_send(". %d:%d(0) ack 101", next, next);
	app_write(self->fd, 100);
	peer_expect(". 101:201(100) ack %d", next);
}

/* What the peer can take is all that it gets */
SEGMENTS_TEST(window, of_the_peer_is_obeyed)
{
	struct peer_segment segs[16];
	int fd;

	peer_new_conn();
	peer_send("S 0:0(0) win 2920 <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 1 win 2920");
	fd = app_accept(self->listener);
	app_write(fd, 10000);
	peer_expect(". 1:1461(1460)");
	peer_expect(". 1461:2921(1460)");
	peer_expect_nothing();
	peer_send(". 1:1(0) ack 2921 win 1460");
	peer_expect(". 2921:4381(1460)");
	peer_expect_nothing();
	peer_send(". 1:1(0) ack 4381 win 65535");
	EXPECT_LE(2, peer_collect(segs, ARRAY_SIZE(segs)));
}

/* A zero-window probe: a byte of the next data, or one from before it */
static struct peer_segment *next_probe(int snd)
{
	struct peer_segment *seg = peer_next();

	if (!(peer_seq(seg) == snd && seg->len == 1) &&
	    !(peer_seq(seg) == snd - 1 && seg->len <= 1))
		peer_fail("expected a zero-window probe, received %s",
			  peer_format(seg));
	return seg;
}

/* Data; probes that crossed what opened the window may come first. */
static struct peer_segment *next_data(void)
{
	struct peer_segment *seg;

	do
		seg = peer_next();
	while (seg->len <= 1);
	return seg;
}

/* Takes 20 bytes from the peer, whose window is shut from then on. */
static void shut_peer_window(void)
{
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	peer_send(". 11:21(10) ack 1 win 0");
	peer_expect(". 1:1(0) ack 21");
	peer_conn()->window_edge = peer_conn()->irs + 1;
}

/*
 * 3.8.6.1: a window of zero is probed, ever more slowly, and for ever.  As in
 * expect_backoff() only too early is wrong.
 */
SEGMENTS_TEST(window, of_zero_is_probed)
{
	struct peer_segment *seg;
	double sent, rto = 0.2;
	unsigned int i;

	shut_peer_window();
	sent = peer_now();
	app_write(self->fd, 1000);
	for (i = 0; i < 4; i++, rto *= 2) {
		seg = next_probe(1);
		EXPECT_LT(0.9 * rto, seg->time - sent);
		sent = seg->not_before;
		peer_send(". 21:21(0) ack 1 win 0");
	}
	peer_send(". 21:21(0) ack 1 win 65535");
	seg = next_data();
	EXPECT_EQ(1, peer_seq(seg));
	EXPECT_EQ(1000, seg->len);
}

/* The byte of the probe may be taken, too */
SEGMENTS_TEST(window, probe_is_acknowledged)
{
	struct peer_segment *seg;
	int next;

	shut_peer_window();
	app_write(self->fd, 1000);
	seg = next_probe(1);
	next = peer_seq(seg) + seg->len;
	if (next < 1)
		next = 1;
	peer_send(". 21:21(0) ack %d win 65535", next);
	seg = next_data();
	EXPECT_EQ(next, peer_seq(seg));
	EXPECT_EQ(1001 - next, seg->len);
}

/* 3.8.6: the window shut with data under way */
SEGMENTS_TEST(window, shut_with_data_in_flight)
{
	app_write(self->fd, 2920);
	peer_expect(". 1:1461(1460)");
	peer_expect(". 1461:2921(1460)");
	peer_send(". 1:1(0) ack 1461 win 0");
	/* a probe, or what is under way, again: either keeps it alive */
	peer_next();
	peer_send(". 1:1(0) ack 1461 win 65535");
	while (peer_seq(peer_next()) != 1461)
		;
	peer_send(". 1:1(0) ack 2921");
}

/* 3.10.7.4, fifth (SND.WL1, SND.WL2): an old segment opens no window */
SEGMENTS_TEST(window, is_not_opened_by_an_old_segment)
{
	shut_peer_window();
	app_write(self->fd, 1000);
	peer_send(". 1:11(10) ack 1 win 65535");
	/* either the ACK of what is old, or a probe: no data */
	EXPECT_GE(1, peer_next()->len);
	peer_send(". 21:21(0) ack 1 win 65535");
	EXPECT_EQ(1000, next_data()->len);
}

/* ---- loss: RFC 6298, 5681, 6582 ---- */

#define FLIGHT_MAX	64

FIXTURE(loss) {
};

FIXTURE_SETUP(loss)
{
	peer_start();
}

FIXTURE_TEARDOWN(loss)
{
}

/*
 * A connection that waits at least @patience for an ACK before its timer
 * takes a hand.  It knows only when the round trip of the handshake could be
 * measured, so a handshake as slow as a retransmission is done again.
 */
static int loss_connection(const char *patience)
{
	int listener, fd, sndbuf = 150000;
	double start;

	peer_rto_min(patience);
	listener = app_listen(LPORT, 8);
	for (;;) {
		start = peer_now();
		peer_send("S 0:0(0) <mss 1000>");
		peer_expect("S. 0:0(0) ack 1");
		peer_conn()->mss = 1000;
		peer_send(". 1:1(0) ack 1");
		fd = app_accept(listener);
		if (peer_now() - start < 0.5)
			break;
		peer_ignore_others(true);
		app_abort(fd);
		peer_new_conn();
	}
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)))
		peer_fail("SO_SNDBUF: %s", strerror(errno));
	return fd;
}

/* For scripts in which only ACKs decide what is sent ... */
static int patient(void)
{
	return loss_connection("60s");
}

/* ... and for those in which the timer does, and before it nothing. */
static int impatient(void)
{
	return loss_connection("200ms");
}

/* How many of these segments begin below @seq. */
static unsigned int count_below(const struct peer_segment *segs,
				unsigned int count, int seq)
{
	unsigned int i, below = 0;

	for (i = 0; i < count; i++)
		below += peer_seq(&segs[i]) < seq;
	return below;
}

/* Everything the stack has ever sent ends here. */
static int sent(void)
{
	return peer_conn()->rcv_max - peer_conn()->irs;
}

/*
 * Reads the first flight of a long transfer and acknowledges each segment of
 * it, so that a second flight is under way.  Returns where that begins.
 */
static int second_flight(int fd, unsigned int *flight)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int i, count;

	app_write(fd, 60000);
	count = peer_collect(segs, FLIGHT_MAX);
	for (i = 1; i <= count; i++)
		peer_send(". 1:1(0) ack %u win 50000", i * 1000 + 1);
	*flight = peer_collect(segs, FLIGHT_MAX);
	return count * 1000 + 1;
}

/* RFC 6928: no more than ten segments, or three of RFC 5681's, to begin with */
SEGMENTS_TEST(loss, initial_window)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int count;

	app_write(patient(), 60000);
	count = peer_collect(segs, FLIGHT_MAX);
	EXPECT_LE(3, count);
	EXPECT_GE(10, count);
}

/* RFC 5681 3.1: each ACK of new data makes room for two segments */
SEGMENTS_TEST(loss, slow_start)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int first, i, count = 0;

	app_write(patient(), 60000);
	first = peer_collect(segs, FLIGHT_MAX);
	for (i = 1; i <= first; i++) {
		peer_send(". 1:1(0) ack %u", i * 1000 + 1);
		count += peer_collect(segs, FLIGHT_MAX);
		EXPECT_GE(2 * i, count);
	}
	/* Linux keeps small batches back, for the sake of large segments */
	EXPECT_LE(peer_is_inet() ? first : 2 * first, count);
}

/* RFC 6298 5.4 to 5.6: the first one again, each time twice as late */
SEGMENTS_TEST(loss, data_is_retransmitted)
{
	int fd = impatient();
	double sent;

	app_write(fd, 100);
	sent = peer_expect(". 1:101(100) ack 1")->not_before;
	expect_backoff(_metadata, ". 1:101(100) ack 1", 4, 0.2, sent);
	peer_send(". 1:1(0) ack 101");
	app_write(fd, 100);
	peer_expect(". 101:201(100) ack 1");
}

SEGMENTS_TEST(loss, fin_is_retransmitted)
{
	int fd = impatient();
	double sent;

	app_write(fd, 100);
	app_close(fd);
	peer_expect(". 1:101(100) ack 1");
	sent = peer_expect("F. 101:101(0) ack 1")->not_before;
	peer_send(". 1:1(0) ack 101");
	expect_backoff(_metadata, "F. 101:101(0) ack 1", 4, 0.2, sent);
	peer_send(". 1:1(0) ack 102");
	peer_expect_nothing();
}

/* RFC 9293 3.8.3 (R2): at last it is given up */
SEGMENTS_TEST(loss, timeout)
{
	unsigned int tries = 1;
	int fd = impatient();

	ASSERT_TRUE(peer_sysctl("retries2", "3"));
	app_write(fd, 100);
	peer_expect(". 1:101(100) ack 1");
	for (; tries < 4; tries++)
		peer_expect(". 1:101(100) ack 1");
	app_read_errno(fd, ETIMEDOUT);
}

/* RFC 5681 3.1: after a timeout one segment, and slow start from there */
SEGMENTS_TEST(loss, timeout_goes_back_and_starts_slowly)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int first, count;

	/* with time for what follows before the second timeout */
	app_write(loss_connection("3s"), 60000);
	first = peer_collect(segs, FLIGHT_MAX);
	ASSERT_LE(3, first);
	peer_expect(". 1:1001(1000) ack 1");
	EXPECT_EQ(0, count_below(segs, peer_collect(segs, FLIGHT_MAX), 1));
	/* none of the others was lost, but nobody knows: go back */
	peer_send(". 1:1(0) ack 1001");
	peer_expect(". 1001:2001(1000) ack 1");
	count = peer_collect(segs, FLIGHT_MAX);
	EXPECT_GE(1, count);
	/* the rest of the flight is acknowledged: on with new data */
	peer_send(". 1:1(0) ack %u", first * 1000 + 1);
	peer_expect(". %u:%u(1000) ack 1", first * 1000 + 1,
		    first * 1000 + 1001);
}

/* RFC 5681 3.2: two duplicates may be reordering, the third is a loss */
SEGMENTS_TEST(loss, fast_retransmit)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int flight, count;
	int lost = second_flight(patient(), &flight);
	int end = sent();

	ASSERT_LE(5, flight);
	peer_send(". 1:1(0) ack %d win 50000", lost);
	peer_send(". 1:1(0) ack %d win 50000", lost);
	count = peer_collect(segs, FLIGHT_MAX);
	EXPECT_EQ(0, count_below(segs, count, end));
	/*
	 * RFC 3042: a segment of new data for each, if any.  (Linux may have
	 * kept some of the flight back, for the sake of large segments.)
	 */
	if (!peer_is_inet())
		EXPECT_GE(2, count);
	peer_send(". 1:1(0) ack %d win 50000", lost);
	count = peer_collect(segs, FLIGHT_MAX);
	EXPECT_EQ(1, count_below(segs, count, end));
	ASSERT_LE(1, count);
	EXPECT_EQ(lost, peer_seq(&segs[0]));
	EXPECT_EQ(1000, segs[0].len);
	/* more of them bring new data at most */
	peer_send(". 1:1(0) ack %d win 50000", lost);
	count = peer_collect(segs, FLIGHT_MAX);
	EXPECT_EQ(0, count_below(segs, count, end));
}

/* RFC 5681 2: what carries data or moves the window is no duplicate */
SEGMENTS_TEST(loss, no_duplicate_acks)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int flight, i;
	int lost = second_flight(patient(), &flight);

	for (i = 0; i < 4; i++)
		peer_send(". 1:1(0) ack %d win %u", lost, 51000 + i * 1000);
	for (i = 0; i < 4; i++)
		peer_send(". %u:%u(10) ack %d win 54000", i * 10 + 1,
			  i * 10 + 11, lost);
	i = peer_collect(segs, FLIGHT_MAX);
	EXPECT_EQ(0, count_below(segs, i, lost + 1));
}

/*
 * A partial ACK, and as many duplicates of it as rate reduction (RFC 6937)
 * waits for: how often something below @recover is sent again.
 */
static unsigned int partial_ack(int ack, int recover)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int again = 0, count, i;

	for (i = 0; i < 8 && !again; i++) {
		peer_send(". 1:1(0) ack %d win 50000", ack);
		count = peer_collect(segs, FLIGHT_MAX);
		again = count_below(segs, count, recover);
		if (again && peer_seq(&segs[0]) != ack)
			return 0;
	}
	return again;
}

/* RFC 6582 3.2, step 3: a partial ACK tells of the next loss */
SEGMENTS_TEST(loss, newreno_partial_ack)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int flight, i, count;
	int first = second_flight(patient(), &flight);
	int recover = sent(), end;

	ASSERT_LE(6, flight);
	/* three segments lost, all others arrive */
	for (i = 0; i < flight - 3; i++)
		peer_send(". 1:1(0) ack %d win 50000", first);
	count = peer_collect(segs, FLIGHT_MAX);
	EXPECT_EQ(1, count_below(segs, count, recover));
	EXPECT_EQ(1, partial_ack(first + 2000, recover));
	EXPECT_EQ(1, partial_ack(first + 4000, recover));

	/* a full one ends it: less than was in flight, and no burst */
	peer_send(". 1:1(0) ack %d win 50000", recover);
	count = peer_collect(segs, FLIGHT_MAX);
	EXPECT_EQ(0, count_below(segs, count, recover));
	end = sent();
	EXPECT_GE((int)flight * 1000, end - recover);
}

/* RFC 6582 3.2, step 2: duplicates of an ACK below "recover" start nothing */
SEGMENTS_TEST(loss, no_second_fast_retransmit_in_one_window)
{
	struct peer_segment segs[FLIGHT_MAX];
	unsigned int flight, i, count;
	int first = second_flight(patient(), &flight);
	int recover;

	for (i = 0; i < 3; i++)
		peer_send(". 1:1(0) ack %d win 50000", first);
	peer_collect(segs, FLIGHT_MAX);
	recover = sent();
	EXPECT_EQ(1, partial_ack(first + 1000, recover));
	for (i = 0; i < 4; i++)
		peer_send(". 1:1(0) ack %d win 50000", first + 1000);
	count = peer_collect(segs, FLIGHT_MAX);
	EXPECT_EQ(0, count_below(segs, count, recover));
}

TEST_HARNESS_MAIN
