// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody who cannot see a connection, but guesses at its numbers and sends
 * into it: RFC 5961.  What he is asked, how often, and what he cannot guess
 * (RFC 6528).
 *
 * What each state answers is in segments.c; here it is how often.  With
 * TEACH_FAMILY=inet the same scripts run against the kernel's own TCP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "peer.h"

#define LPORT	PEER_LOCAL_PORT
#define MANY	50

#define BLIND_TEST(name) TEST_F_TIMEOUT(blind, name, PEER_TEST_TIMEOUT)

FIXTURE(blind) {
	int listener;
};

FIXTURE_SETUP(blind)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
}

FIXTURE_TEARDOWN(blind)
{
}

static long challenges(void)
{
	return peer_counter("ChallengeAcks");
}

/* One answer for a connection in so many ms: longer than any test takes. */
static void limit_answers(void)
{
	if (!peer_sysctl("invalid_ratelimit", "3600000"))
		peer_fail("no sysctl invalid_ratelimit");
}

/* Segments that RFC 5961 has challenged, in any order. */
static void guess(void)
{
	peer_send("R 2:2(0)");			/* 3.2: in the window */
	peer_send("S 1:1(0)");			/* 4.2: in the window */
	peer_send("S 100000:100000(0)");	/* 4.2: and anywhere */
	peer_send("S. -5:-5(0) ack 1");
	peer_send("R 20:30(10)");
}

BLIND_TEST(every_guess_is_challenged)
{
	int i;

	peer_accept(self->listener);
	guess();
	for (i = 0; i < 5; i++)
		peer_expect(". 1:1(0) ack 1");
	peer_expect_nothing();
	EXPECT_EQ(5, challenges());
}

/* RFC 5961 7, and as Linux has it: one for each connection in half a second */
BLIND_TEST(a_connection_has_a_limit)
{
	struct peer_conn other;
	int fd, other_fd;

	limit_answers();
	fd = peer_accept(self->listener);
	guess();
	peer_expect(". 1:1(0) ack 1");
	guess();
	peer_expect_nothing();
	EXPECT_EQ(1, challenges());

	/* What has bytes wants an ACK, old or not. */
	peer_send(". -9:1(10) ack 1");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 100000:100010(10) ack 1");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	app_read(fd, 10);

	/* Each connection has a limit of its own. */
	peer_conn_init(&other, LPORT, PEER_PORT + 1);
	peer_use(&other);
	other_fd = peer_accept(self->listener);
	guess();
	peer_expect(". 1:1(0) ack 1");
	peer_expect_nothing();
	app_read_nothing(other_fd);
}

BLIND_TEST(the_limit_is_half_a_second)
{
	double first;

	ASSERT_TRUE(peer_sysctl("invalid_ratelimit", "500"));
	peer_accept(self->listener);
	guess();
	first = peer_expect(". 1:1(0) ack 1")->not_before;
	/* Again and again: the next answer is not there before its time. */
	for (;;) {
		struct peer_segment segs[8];

		peer_send("R 2:2(0)");
		if (peer_collect(segs, ARRAY_SIZE(segs)))
			break;
	}
	EXPECT_LT(0.45, peer_now() - first);
}

/* All connections together, in a second: see teach_challenge_quota(). */
BLIND_TEST(a_host_has_a_limit)
{
	struct peer_segment segs[MANY];
	double start, seconds;
	unsigned int i, count;

	ASSERT_TRUE(peer_sysctl("challenge_ack_limit", "4"));
	peer_accept(self->listener);
	start = peer_now();
	for (i = 0; i < MANY; i++)
		peer_send("R %u:%u(0)", i + 2, i + 2);
	count = peer_collect(segs, MANY);
	seconds = peer_now() - start;
	/* Between half of it, and that and all of it less one, in a second. */
	EXPECT_LE(2, count);
	EXPECT_GE(5 * ((int)seconds + 2), count);
	EXPECT_EQ(count, challenges());

	/* Linux takes 0 for a limit that is never reached. */
	if (peer_is_inet())
		return;
	ASSERT_TRUE(peer_sysctl("challenge_ack_limit", "0"));
	/* What was allowed before is used up; in the next second there is 0. */
	do {
		peer_send("R 2:2(0)");
	} while (peer_collect(segs, MANY));
	usleep(1500000);
	for (i = 0; i < MANY; i++)
		peer_send("R %u:%u(0)", i + 2, i + 2);
	peer_expect_nothing();

	/* It is only for challenges. */
	peer_send(". -9:1(10) ack 1");
	peer_expect(". 1:1(0) ack 1");
}

/* A half-open connection asks, too, and is as sparing. */
BLIND_TEST(half_open)
{
	limit_answers();
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_send("R 2:2(0)");
	peer_expect(". 1:1(0) ack 1");
	EXPECT_EQ(1, challenges());
	peer_send("R 3:3(0)");
	peer_send("R 3:13(10)");
	peer_send(". 100000:100000(0) ack 1");
	peer_expect_nothing();
	EXPECT_EQ(1, challenges());

	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
}

/* The same SYN again is answered again, but not each of a flood of them. */
BLIND_TEST(syn_again)
{
	unsigned int i;

	limit_answers();
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	for (i = 0; i < 10; i++)
		peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_expect_nothing();
	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
}

BLIND_TEST(time_wait)
{
	int fd;

	limit_answers();
	fd = peer_accept(self->listener);
	app_close(self->listener);
	app_close(fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	peer_send("S 0:0(0)");
	peer_expect(". 2:2(0) ack 2");
	peer_send("S 0:0(0)");
	peer_send("S. 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	peer_send("R 10:10(0)");
	peer_expect_nothing();
	/* The peer's FIN again: it waits for our ACK. */
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
}

/* RFC 5961 5.2, and more: nobody acknowledges what was never sent. */
BLIND_TEST(ack_of_what_was_never_sent)
{
	int fd = peer_accept(self->listener);

	peer_send(". 1:11(10) ack -1 win 60000");
	peer_expect(". 1:1(0) ack 1");
	peer_send(". 1:11(10) ack -30000 win 60000");
	peer_expect(". 1:1(0) ack 1");
	EXPECT_EQ(2, challenges());
	app_read_nothing(fd);

	/* Less than the window behind, but it has been sent. */
	app_write(fd, 1000);
	peer_expect(". 1:1001(1000) ack 1");
	peer_send(". 1:1(0) ack 1001 win 60000");
	peer_send(". 1:11(10) ack 2 win 60000");
	peer_expect(". 1001:1001(0) ack 11");
	app_read(fd, 10);
	peer_send(". 11:21(10) ack -1 win 60000");
	peer_expect(". 1001:1001(0) ack 11");
	app_read_nothing(fd);
	EXPECT_EQ(3, challenges());
}

/* ---- RFC 6528: initial sequence numbers ---- */

#define NAMES	8

/* What a SYN from the stack begins with; the connection is refused. */
static __u32 next_isn(double *time)
{
	struct peer_conn *conn = peer_conn();
	int fd;

	peer_conn_init(conn, conn->lport, conn->pport);
	fd = app_connect_start();
	*time = peer_expect("S 0:0(0)")->time;
	peer_send("R. 0:0(0) ack 1");
	app_connect_wait(fd, ECONNREFUSED);
	app_close(fd);
	return conn->irs;
}

/* The same connection again: what is old stays old. */
BLIND_TEST(isn_grows_for_a_name)
{
	double first_time, time;
	__u32 first, last, isn;
	int i;

	peer_new_conn();
	peer_conn()->lport++;
	first = next_isn(&first_time);
	last = first;
	for (i = 0; i < 5; i++) {
		isn = next_isn(&time);
		EXPECT_LT(0, (int)(isn - last));
		last = isn;
	}
	/* At least the RFC's clock, which ticks each 4 us. */
	EXPECT_LT((time - first_time) * 250000, last - first);
}

/* Other connections': how far apart has nothing to do with time or name. */
BLIND_TEST(isn_is_not_guessed_from_another)
{
	__u32 isn[NAMES], gap;
	double time;
	int i, near = 0;

	for (i = 0; i < NAMES; i++) {
		peer_new_conn();
		peer_conn()->lport = LPORT + 1;
		isn[i] = next_isn(&time);
	}
	/* By chance one of 16 is nearer than this: not half of them. */
	for (i = 1; i < NAMES; i++) {
		gap = isn[i] - isn[i - 1];
		near += gap + 0x08000000 < 0x10000000;
	}
	EXPECT_GT(NAMES / 2, near);
}

/* Nor from what a listener answers. */
BLIND_TEST(isn_of_a_listener)
{
	__u32 isn[NAMES], gap;
	int i, near = 0;

	for (i = 0; i < NAMES; i++) {
		peer_new_conn();
		peer_send("S 0:0(0)");
		isn[i] = peer_expect("S. 0:0(0) ack 1")->seq;
		peer_send("R 1:1(0)");
	}
	for (i = 1; i < NAMES; i++) {
		gap = isn[i] - isn[i - 1];
		near += gap + 0x08000000 < 0x10000000;
	}
	EXPECT_GT(NAMES / 2, near);
}

TEST_HARNESS_MAIN
