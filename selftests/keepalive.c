// SPDX-License-Identifier: GPL-2.0
/*
 * Peers that do not answer: keepalive (RFC 9293 3.8.4), the user timeout
 * (RFC 5482), TCP_SYNCNT; and connections whose own user has gone.
 *
 * All times are lower bounds, which a slow machine keeps.
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

FIXTURE(silence) {
	int listener;
	int fd;
};

FIXTURE_SETUP(silence)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
	self->fd = peer_accept(self->listener);
}

FIXTURE_TEARDOWN(silence)
{
}

#define SILENCE_TEST(name) TEST_F_TIMEOUT(silence, name, PEER_TEST_TIMEOUT)

/*
 * ---- Keepalive ----
 */

static void keep_alive(int fd, int idle, int interval, int count)
{
	net_setopt(fd, SOL_TCP, TCP_KEEPIDLE, idle);
	net_setopt(fd, SOL_TCP, TCP_KEEPINTVL, interval);
	net_setopt(fd, SOL_TCP, TCP_KEEPCNT, count);
	net_setopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* MUST-25: not unless it is asked for */
SILENCE_TEST(not_unless_asked)
{
	net_setopt(self->fd, SOL_TCP, TCP_KEEPIDLE, 1);
	sleep(2);
	peer_expect_nothing();
}

/* Probes with the number before the next; who answers lives. */
SILENCE_TEST(answered)
{
	double start = peer_now(), probe;
	int i;

	keep_alive(self->fd, 1, 10, 2);
	for (i = 0; i < 4; i++) {
		probe = peer_expect(". 0:0(0) ack 1")->time;
		EXPECT_LE(0.9, probe - start);
		start = peer_now();
		peer_send(". 1:1(0) ack 1");
	}
	peer_send("P. 1:11(10) ack 1");
	app_read(self->fd, 10);
}

/* TCP_KEEPCNT probes, TCP_KEEPINTVL apart, then a reset and ETIMEDOUT */
SILENCE_TEST(unanswered)
{
	double start = peer_now();
	int i;

	keep_alive(self->fd, 1, 2, 3);
	/* From the start: that one was seen late makes no other one early. */
	for (i = 0; i < 3; i++)
		EXPECT_LE(0.9 + 2 * i,
			  peer_expect(". 0:0(0) ack 1")->time - start);
	EXPECT_LE(6.9, peer_expect("R. 1:1(0) ack 1")->time - start);
	app_read_errno(self->fd, ETIMEDOUT);
	if (!peer_is_inet())
		EXPECT_EQ(3, peer_counter("KeepAlive"));
}

/* A probe that was lost is no proof: MUST-26's reason */
SILENCE_TEST(one_answer_is_enough)
{
	keep_alive(self->fd, 1, 1, 3);
	peer_expect(". 0:0(0) ack 1");
	peer_expect(". 0:0(0) ack 1");
	peer_send(". 1:1(0) ack 1");
	peer_expect(". 0:0(0) ack 1");
	peer_expect(". 0:0(0) ack 1");
	peer_expect(". 0:0(0) ack 1");
	peer_expect("R. 1:1(0) ack 1");
}

/* MUST-27: only when nothing has come for so long */
SILENCE_TEST(not_while_bytes_come)
{
	struct peer_segment segs[4];
	double start;
	int i;

	keep_alive(self->fd, 2, 1, 3);
	for (i = 0; i < 6; i++) {
		usleep(500000);
		start = peer_now();
		peer_send("P. %d:%d(10) ack 1", i * 10 + 1, i * 10 + 11);
	}
	peer_drain();
	start = peer_now() - start > 0.5 ? 0 : start;
	EXPECT_LE(1.4, peer_expect(". 0:0(0) ack 61")->time - start);
	peer_collect(segs, 4);
}

/* While bytes are not acknowledged they are what is sent again. */
SILENCE_TEST(not_while_bytes_are_out)
{
	double end;

	keep_alive(self->fd, 1, 1, 1);
	app_write(self->fd, 10);
	for (end = peer_now() + 3; peer_now() < end;)
		EXPECT_EQ(10, peer_next()->len);
	peer_send(". 1:1(0) ack 11");
	while (peer_next()->len)
		;
}

/* Switched off and on again. */
SILENCE_TEST(switched_off)
{
	keep_alive(self->fd, 1, 1, 3);
	peer_expect(". 0:0(0) ack 1");
	net_setopt(self->fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	sleep(2);
	peer_drain();
	peer_expect_nothing();
	net_setopt(self->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	peer_expect(". 0:0(0) ack 1");
}

/* Asked for before there is a connection; a shorter time counts at once. */
SILENCE_TEST(asked_for_on_the_listener)
{
	int fd;

	net_setopt(self->listener, SOL_SOCKET, SO_KEEPALIVE, 1);
	net_setopt(self->listener, SOL_TCP, TCP_KEEPIDLE, 1000);
	peer_new_conn();
	fd = peer_accept(self->listener);
	net_setopt(fd, SOL_TCP, TCP_KEEPIDLE, 1);
	peer_expect(". 0:0(0) ack 1");
}

/* One who half closed may wait long for the answer, and probes. */
SILENCE_TEST(in_fin_wait_2)
{
	keep_alive(self->fd, 1, 1, 1);
	app_shutdown_write(self->fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	peer_expect(". 1:1(0) ack 1");
	peer_expect("R. 2:2(0) ack 1");
	app_read_errno(self->fd, ETIMEDOUT);
}

/* TCP_USER_TIMEOUT takes the place of TCP_KEEPCNT. */
SILENCE_TEST(bounded_by_user_timeout)
{
	double start = peer_now();
	int i;

	net_setopt(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 4500);
	keep_alive(self->fd, 1, 1, 1);
	for (i = 0; i < 2; i++)
		peer_expect(". 0:0(0) ack 1");
	while (!(peer_next()->flags & PEER_RST))
		;
	EXPECT_LE(4.4, peer_now() - start);
	app_read_errno(self->fd, ETIMEDOUT);
}

/*
 * ---- TCP_USER_TIMEOUT ----
 */

/* Data: long before the 15 retries are made. */
SILENCE_TEST(user_timeout)
{
	double start = peer_now();

	net_setopt(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 1500);
	app_write(self->fd, 10);
	app_read_errno(self->fd, ETIMEDOUT);
	EXPECT_LE(1.5, peer_now() - start);
	/* It was tried. */
	peer_expect("P. 1:11(10) ack 1");
	peer_expect("P. 1:11(10) ack 1");
}

/* It may also be longer than R2. */
SILENCE_TEST(user_timeout_prolongs)
{
	double start = peer_now();

	peer_sysctl("retries2", "1");
	net_setopt(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 3000);
	app_write(self->fd, 10);
	app_read_errno(self->fd, ETIMEDOUT);
	EXPECT_LE(3, peer_now() - start);
}

/* What is acknowledged in time counts from anew. */
SILENCE_TEST(user_timeout_and_acks)
{
	int i;

	net_setopt(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 2000);
	for (i = 0; i < 6; i++) {
		app_write(self->fd, 10);
		peer_expect("P. %d:%d(10) ack 1", i * 10 + 1, i * 10 + 11);
		usleep(400000);
		peer_drain();
		peer_send(". 1:1(0) ack %d", i * 10 + 11);
	}
	app_read_nothing(self->fd);
}

/* A window that stays shut, though the peer answers: tcp(7) */
SILENCE_TEST(user_timeout_of_zero_window)
{
	double start = peer_now();

	net_setopt(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 2000);
	peer_send("P. 1:11(10) ack 1");
	peer_send("P. 11:21(10) ack 1 win 0");
	peer_conn()->window_edge = peer_conn()->irs + 1;
	app_read(self->fd, 20);
	peer_drain();
	app_write(self->fd, 10);
	while (net_poll(self->fd, POLLIN, 10) == 0) {
		if (peer_drain())
			peer_send(". 21:21(0) ack 1 win 0");
		if (peer_now() - start > PEER_DEADLINE_MS / 1000)
			peer_fail("the connection is still there");
	}
	EXPECT_LE(2, peer_now() - start);
	app_read_errno(self->fd, ETIMEDOUT);
}

/*
 * ---- TCP_SYNCNT ----
 */

SILENCE_TEST(syncnt)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(PEER_PORT + 100),
		.sin_addr.s_addr = htonl(PEER_ADDR),
	};
	int fd = app_bound_socket(LPORT + 100);

	peer_conn_init(peer_conn(), LPORT + 100, PEER_PORT + 100);
	net_setopt(fd, SOL_TCP, TCP_SYNCNT, 1);
	ASSERT_EQ(EINPROGRESS, net_err(connect(fd, (struct sockaddr *)&sin,
					       sizeof(sin))));
	peer_expect("S 0:0(0)");
	peer_expect("S 0:0(0)");
	app_connect_wait(fd, ETIMEDOUT);
	peer_expect_nothing();
}

/* Also of SYN-ACKs; sysctl synack_retries would be 5. */
SILENCE_TEST(syncnt_of_listener)
{
	net_setopt(self->listener, SOL_TCP, TCP_SYNCNT, 1);
	peer_new_conn();
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_expect("S. 0:0(0) ack 1");
	/* After 1 and 2 s more it is given up, and so our ACK is strange. */
	sleep(4);
	peer_send(". 1:1(0) ack 1");
	peer_expect("R 1:1(0)");
}

/*
 * ---- Orphans ----
 */

static void expect_reset(void)
{
	struct peer_segment *seg = peer_next();

	if (!(seg->flags & PEER_RST))
		peer_fail("expected: a reset\n# received: %s",
			  peer_format(seg));
}

/* TCP_LINGER2 below zero: there is no FIN_WAIT2 without a user. */
SILENCE_TEST(linger2_closed_in_fin_wait_2)
{
	net_setopt(self->fd, SOL_TCP, TCP_LINGER2, -1);
	app_shutdown_write(self->fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	peer_expect_nothing();
	app_close(self->fd);
	expect_reset();
}

SILENCE_TEST(linger2_closed_before)
{
	net_setopt(self->fd, SOL_TCP, TCP_LINGER2, -1);
	app_close(self->fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	expect_reset();
}

/* Above zero it is how many seconds. */
SILENCE_TEST(linger2_short)
{
	net_setopt(self->fd, SOL_TCP, TCP_LINGER2, 1);
	app_close(self->fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	peer_expect_nothing();
	sleep(4);
	/* Nobody knows this connection any more. */
	peer_send("F. 1:1(0) ack 2");
	expect_reset();
}

/* orphan_retries: far fewer than retries2 */
SILENCE_TEST(orphan_retries)
{
	unsigned int count = 0;
	double end;

	peer_sysctl("orphan_retries", "1");
	app_write(self->fd, 10);
	app_close(self->fd);
	peer_expect("P. 1:11(10) ack 1");
	for (end = peer_now() + 5; peer_now() < end; usleep(10000))
		count += peer_drain();
	/* The FIN, once more, the probe for lost tails; not ten times. */
	EXPECT_GE(6, count);
	peer_send(". 1:1(0) ack 11");
	expect_reset();
}

/* max_orphans: the kernel's is not of a network namespace */
SILENCE_TEST(max_orphans)
{
	struct peer_conn *first = peer_conn(), second;
	int fd;

	if (peer_is_inet())
		SKIP(return, "net.ipv4.tcp_max_orphans is the machine's");
	peer_conn_init(&second, LPORT, PEER_PORT + 1);
	peer_use(&second);
	fd = peer_accept(self->listener);

	ASSERT_TRUE(peer_sysctl("max_orphans", "1"));
	app_close(fd);
	peer_expect("F. 1:1(0) ack 1");
	/* The second is one too many. */
	peer_use(first);
	peer_ignore_others(true);
	app_close(self->fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_expect("R. 2:2(0) ack 1");
	EXPECT_EQ(1, peer_counter("AbortOnMemory"));
	/* When the first has ended there is room again. */
	peer_use(&second);
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	peer_new_conn();
	app_close(peer_accept(self->listener));
	peer_expect("F. 1:1(0) ack 1");
	peer_expect_nothing();
}

TEST_HARNESS_MAIN
