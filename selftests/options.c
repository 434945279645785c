// SPDX-License-Identifier: GPL-2.0
/*
 * The options of SOL_TCP: which values they take, and what they do to the
 * segments.  tcp(7) says what is expected, and where it is silent, Linux.
 *
 * "Nothing is sent" is asked at once; where a timer could have sent it
 * meanwhile because the machine is slow, the test is skipped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kselftest_harness.h"

#include "net.h"
#include "peer.h"

#define LPORT	PEER_LOCAL_PORT

/*
 * ---- Values ----
 */

FIXTURE(options) {
	struct net net;
	int fd;
};

FIXTURE_SETUP(options)
{
	net_init(&self->net);
	self->fd = net_socket(&self->net, A, 0);
}

FIXTURE_TEARDOWN(options)
{
	net_exit(&self->net);
}

static const struct option {
	const char *name;
	int opt;
	int initially;
	int good[4];	/* read back as written; 0 ends them */
	int bad[3];	/* EINVAL; 0 ends them */
} options[] = {
	{ "TCP_NODELAY", TCP_NODELAY, 0, { 1 } },
	{ "TCP_CORK", TCP_CORK, 0, { 1 } },
	{ "TCP_QUICKACK", TCP_QUICKACK, 1, { 1 } },
	{ "TCP_KEEPIDLE", TCP_KEEPIDLE, 7200, { 1, 32767 }, { -1, 32768 } },
	{ "TCP_KEEPINTVL", TCP_KEEPINTVL, 75, { 1, 32767 }, { -1, 32768 } },
	{ "TCP_KEEPCNT", TCP_KEEPCNT, 9, { 1, 127 }, { -1, 128 } },
	{ "TCP_SYNCNT", TCP_SYNCNT, 6, { 1, 127 }, { -1, 128 } },
	{ "TCP_LINGER2", TCP_LINGER2, 60, { 1, 120, -1 } },
	{ "TCP_USER_TIMEOUT", TCP_USER_TIMEOUT, 0, { 1, INT_MAX }, { -1 } },
	{ "TCP_WINDOW_CLAMP", TCP_WINDOW_CLAMP, 0, { 3000, 1 << 20 } },
	{ "TCP_NOTSENT_LOWAT", TCP_NOTSENT_LOWAT, 0, { 1, INT_MAX, -1 } },
};

TEST_F(options, values)
{
	const struct option *o;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		o = &options[i];
		EXPECT_EQ(o->initially, net_getopt(self->fd, SOL_TCP, o->opt)) {
			TH_LOG("%s", o->name);
		}
		for (k = 0; k < 4 && o->good[k]; k++) {
			net_setopt(self->fd, SOL_TCP, o->opt, o->good[k]);
			EXPECT_EQ(o->good[k],
				  net_getopt(self->fd, SOL_TCP, o->opt)) {
				TH_LOG("%s", o->name);
			}
		}
		for (k = 0; k < 3 && o->bad[k]; k++) {
			EXPECT_EQ(EINVAL, net_err(setsockopt(self->fd, SOL_TCP,
							     o->opt, &o->bad[k],
							     sizeof(int)))) {
				TH_LOG("%s %d", o->name, o->bad[k]);
			}
		}
	}
}

/* Zero is "none" for some, and wrong for others. */
TEST_F(options, zero)
{
	static const int none[] = { TCP_NODELAY, TCP_CORK, TCP_QUICKACK,
				    TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT,
				    TCP_WINDOW_CLAMP };
	static const int wrong[] = { TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT,
				     TCP_SYNCNT };
	unsigned int i;
	int zero = 0;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		net_setopt(self->fd, SOL_TCP, none[i], 0);
		EXPECT_EQ(0, net_getopt(self->fd, SOL_TCP, none[i]));
	}
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_EQ(EINVAL, net_err(setsockopt(self->fd, SOL_TCP,
						     wrong[i], &zero,
						     sizeof(zero))));
	/* Back to what the sysctl says. */
	net_setopt(self->fd, SOL_TCP, TCP_LINGER2, 5);
	net_setopt(self->fd, SOL_TCP, TCP_LINGER2, 0);
	EXPECT_EQ(60, net_getopt(self->fd, SOL_TCP, TCP_LINGER2));
}

TEST_F(options, bounds)
{
	net_setopt(self->fd, SOL_TCP, TCP_LINGER2, 1000);
	EXPECT_EQ(120, net_getopt(self->fd, SOL_TCP, TCP_LINGER2));
	net_setopt(self->fd, SOL_TCP, TCP_LINGER2, -7);
	EXPECT_EQ(-1, net_getopt(self->fd, SOL_TCP, TCP_LINGER2));
	net_setopt(self->fd, SOL_TCP, TCP_WINDOW_CLAMP, 1);
	EXPECT_LT(500, net_getopt(self->fd, SOL_TCP, TCP_WINDOW_CLAMP));
	net_setopt(self->fd, SOL_TCP, TCP_NODELAY, 77);
	EXPECT_EQ(1, net_getopt(self->fd, SOL_TCP, TCP_NODELAY));
	net_setopt(self->fd, SOL_TCP, TCP_CORK, -1);
	EXPECT_EQ(1, net_getopt(self->fd, SOL_TCP, TCP_CORK));
}

/* A shorter answer is cut, a longer one is not filled. */
TEST_F(options, lengths)
{
	unsigned char answer[8];
	socklen_t len;
	int value = 1;

	net_setopt(self->fd, SOL_TCP, TCP_KEEPIDLE, 0x0102);
	for (len = 0; len <= 4; len++) {
		socklen_t got = len;

		memset(answer, 0xaa, sizeof(answer));
		EXPECT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_KEEPIDLE,
					answer, &got));
		EXPECT_EQ(len, got);
		EXPECT_EQ(len > 0 ? 0x02 : 0xaa, answer[0]);
		EXPECT_EQ(0xaa, answer[len]);
	}
	len = sizeof(answer);
	EXPECT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_KEEPIDLE, answer, &len));
	EXPECT_EQ(4, len);
	len = -1;
	EXPECT_EQ(EINVAL, net_err(getsockopt(self->fd, SOL_TCP, TCP_KEEPIDLE,
					     answer, &len)));
	EXPECT_EQ(EINVAL, net_err(setsockopt(self->fd, SOL_TCP, TCP_CORK,
					     &value, 3)));
	EXPECT_EQ(EFAULT, net_err(setsockopt(self->fd, SOL_TCP, TCP_CORK,
					     NULL, 4)));
	EXPECT_EQ(0, setsockopt(self->fd, SOL_TCP, TCP_CORK, answer, 8));
}

/* The sysctls are what a socket has that was told nothing. */
TEST_F(options, sysctls)
{
	net_sysctl(&self->net, A, "keepalive_time", "100");
	net_sysctl(&self->net, A, "keepalive_intvl", "20");
	net_sysctl(&self->net, A, "keepalive_probes", "3");
	net_sysctl(&self->net, A, "syn_retries", "4");
	net_sysctl(&self->net, A, "fin_timeout", "30");
	EXPECT_EQ(100, net_getopt(self->fd, SOL_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(20, net_getopt(self->fd, SOL_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(3, net_getopt(self->fd, SOL_TCP, TCP_KEEPCNT));
	EXPECT_EQ(4, net_getopt(self->fd, SOL_TCP, TCP_SYNCNT));
	EXPECT_EQ(30, net_getopt(self->fd, SOL_TCP, TCP_LINGER2));
}

/* An accepted socket has the options of its listener. */
TEST_F(options, inherited)
{
	int listener = net_listen(&self->net, B, NET_PORT, 1);
	const struct option *o;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		net_setopt(listener, SOL_TCP, options[i].opt,
			   options[i].good[0]);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	fd = net_accept(listener);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		o = &options[i];
		EXPECT_EQ(o->good[0], net_getopt(fd, SOL_TCP, o->opt)) {
			TH_LOG("%s", o->name);
		}
	}
}

/* And they are still there when the socket is used again. */
TEST_F(options, kept_over_disconnect)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd[2];

	net_pair(&self->net, fd);
	net_setopt(fd[A], SOL_TCP, TCP_NODELAY, 1);
	net_setopt(fd[A], SOL_TCP, TCP_KEEPIDLE, 55);
	net_setopt(fd[A], SOL_TCP, TCP_USER_TIMEOUT, 4321);
	ASSERT_EQ(0, connect(fd[A], &none, sizeof(none)));
	EXPECT_EQ(1, net_getopt(fd[A], SOL_TCP, TCP_NODELAY));
	EXPECT_EQ(55, net_getopt(fd[A], SOL_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(4321, net_getopt(fd[A], SOL_TCP, TCP_USER_TIMEOUT));
}

/* Only before there is a connection can the clamp be taken away. */
TEST_F(options, window_clamp_stays)
{
	int zero = 0, fd[2];

	net_pair(&self->net, fd);
	EXPECT_LT(0, net_getopt(fd[A], SOL_TCP, TCP_WINDOW_CLAMP));
	EXPECT_EQ(EINVAL, net_err(setsockopt(fd[A], SOL_TCP, TCP_WINDOW_CLAMP,
					     &zero, sizeof(zero))));
	net_setopt(fd[A], SOL_TCP, TCP_WINDOW_CLAMP, 4000);
	EXPECT_EQ(4000, net_getopt(fd[A], SOL_TCP, TCP_WINDOW_CLAMP));
	/* Bytes come through the narrower window, too. */
	net_send_all(fd[B], 20000, 0);
	net_recv_all(fd[A], 20000, 0);
}

/*
 * TCP_NOTSENT_LOWAT: a writer is held up by what is not sent yet, though
 * there is room in the send buffer.
 */
TEST_F(options, notsent_lowat)
{
	int fd[2], unsent;
	size_t written;

	net_pair(&self->net, fd);
	net_setopt(fd[A], SOL_SOCKET, SO_SNDBUF, 1 << 20);
	net_setopt(fd[A], SOL_TCP, TCP_NOTSENT_LOWAT, 4096);
	written = net_fill(fd[A], 0);
	ASSERT_EQ(0, ioctl(fd[A], SIOCOUTQNSD, &unsent));
	EXPECT_LE(4096, unsent);
	/* It ends with the segment that passes the mark; that may be 64 KiB. */
	EXPECT_GT(4096 + (64 << 10), unsent);
	EXPECT_EQ(0, net_poll(fd[A], POLLOUT, 0));

	/* More may be written when half of that is left. */
	net_recv_all(fd[B], written, 0);
	EXPECT_TRUE(net_wait_poll(fd[A], POLLOUT));
	ASSERT_EQ(0, ioctl(fd[A], SIOCOUTQNSD, &unsent));
	EXPECT_GE(2048, unsent);
}

/* Setting it higher wakes who waits. */
TEST_F(options, notsent_lowat_raised)
{
	int fd[2];

	net_pair(&self->net, fd);
	net_setopt(fd[A], SOL_SOCKET, SO_SNDBUF, 1 << 20);
	net_sysctl(&self->net, A, "notsent_lowat", "4096");
	net_fill(fd[A], 0);
	EXPECT_EQ(0, net_poll(fd[A], POLLOUT, 0));
	net_setopt(fd[A], SOL_TCP, TCP_NOTSENT_LOWAT, 1 << 20);
	EXPECT_EQ(POLLOUT, net_poll(fd[A], POLLOUT, 0));
}

/*
 * ---- What is held back: TCP_CORK, MSG_MORE, TCP_NODELAY ----
 *
 * A handshake that takes half a second makes the timer that ends all holding
 * back wait for three times that.
 */

#define SLOW_SECONDS	0.5
#define HELD_SECONDS	1.2
#define SLOW		"this machine is slow today"

FIXTURE(held) {
	int fd;
	double since;
};

FIXTURE_SETUP(held)
{
	peer_start();
	self->fd = app_connect_start();
	peer_expect("S 0:0(0)");
	usleep(SLOW_SECONDS * 1e6);
	peer_drain();
	peer_conn()->mss = 1460;
	peer_send("S. 0:0(0) ack 1 <mss 1460>");
	peer_expect(". 1:1(0) ack 1");
	app_connect_wait(self->fd, 0);
	self->since = peer_now();
}

FIXTURE_TEARDOWN(held)
{
}

#define HELD_TEST(name) TEST_F_TIMEOUT(held, name, PEER_TEST_TIMEOUT)

/* Return: false when a timer may have sent it, because the machine is slow. */
static bool held_back(double since)
{
	struct peer_segment segs[4];

	if (!peer_collect(segs, 4))
		return true;
	if (peer_now() - since > HELD_SECONDS)
		return false;
	peer_fail("expected: it is held back\n# received: %s",
		  peer_format(&segs[0]));
}

static void more(int fd, size_t len)
{
	char buf[2000];
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = peer_byte(peer_conn()->written + i);
	if (send(fd, buf, len, MSG_MORE) != (ssize_t)len)
		peer_fail("send with MSG_MORE");
	peer_conn()->written += len;
}

HELD_TEST(cork)
{
	net_setopt(self->fd, SOL_TCP, TCP_CORK, 1);
	app_write(self->fd, 10);
	app_write(self->fd, 20);
	if (!held_back(self->since))
		SKIP(return, SLOW);
	/* Whole segments go. */
	app_write(self->fd, 1460);
	peer_expect(". 1:1461(1460) ack 1");
	if (!held_back(self->since))
		SKIP(return, SLOW);
	net_setopt(self->fd, SOL_TCP, TCP_CORK, 0);
	peer_expect("P. 1461:1491(30) ack 1");
}

/* What is corked does not go with an ACK that comes, either. */
HELD_TEST(cork_and_ack)
{
	app_write(self->fd, 10);
	peer_expect("P. 1:11(10) ack 1");
	net_setopt(self->fd, SOL_TCP, TCP_CORK, 1);
	app_write(self->fd, 10);
	peer_send(". 1:1(0) ack 11");
	self->since = peer_now();
	if (!held_back(self->since))
		SKIP(return, SLOW);
	net_setopt(self->fd, SOL_TCP, TCP_CORK, 0);
	peer_expect("P. 11:21(10) ack 1");
}

/* The end of the stream pulls the cork. */
HELD_TEST(cork_and_fin)
{
	net_setopt(self->fd, SOL_TCP, TCP_CORK, 1);
	app_write(self->fd, 10);
	if (!held_back(self->since))
		SKIP(return, SLOW);
	app_shutdown_write(self->fd);
	peer_expect("FP. 1:11(10) ack 1");
}

/* The cork is stronger, but to set TCP_NODELAY pushes what is written. */
HELD_TEST(cork_and_nodelay)
{
	net_setopt(self->fd, SOL_TCP, TCP_CORK, 1);
	app_write(self->fd, 10);
	if (!held_back(self->since))
		SKIP(return, SLOW);
	net_setopt(self->fd, SOL_TCP, TCP_NODELAY, 1);
	peer_expect("P. 1:11(10) ack 1");
	peer_send(". 1:1(0) ack 11");
	self->since = peer_now();
	app_write(self->fd, 10);
	if (!held_back(self->since))
		SKIP(return, SLOW);
	net_setopt(self->fd, SOL_TCP, TCP_CORK, 0);
	peer_expect("P. 11:21(10) ack 1");
}

HELD_TEST(more)
{
	more(self->fd, 10);
	more(self->fd, 10);
	if (!held_back(self->since))
		SKIP(return, SLOW);
	app_write(self->fd, 10);
	peer_expect("P. 1:31(30) ack 1");
}

/* Also where Nagle would not hold it. */
HELD_TEST(more_and_nodelay)
{
	net_setopt(self->fd, SOL_TCP, TCP_NODELAY, 1);
	more(self->fd, 1470);
	peer_expect(". 1:1461(1460) ack 1");
	if (!held_back(self->since))
		SKIP(return, SLOW);
	app_write(self->fd, 10);
	peer_expect("P. 1461:1481(20) ack 1");
}

/* Nagle lets one small segment go, and the next after its ACK. */
HELD_TEST(nagle)
{
	app_write(self->fd, 10);
	peer_expect("P. 1:11(10) ack 1");
	app_write(self->fd, 10);
	if (!held_back(self->since))
		SKIP(return, SLOW);
	net_setopt(self->fd, SOL_TCP, TCP_NODELAY, 1);
	peer_expect("P. 11:21(10) ack 1");
	app_write(self->fd, 10);
	peer_expect("P. 21:31(10) ack 1");
}

/*
 * ---- How long: 200 ms ----
 */

FIXTURE(timed) {
	int listener;
	int fd;
};

FIXTURE_SETUP(timed)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
	self->fd = peer_accept(self->listener);
}

FIXTURE_TEARDOWN(timed)
{
}

#define TIMED_TEST(name) TEST_F_TIMEOUT(timed, name, PEER_TEST_TIMEOUT)

TIMED_TEST(cork_for_200_ms)
{
	double start = peer_now();

	net_setopt(self->fd, SOL_TCP, TCP_CORK, 1);
	app_write(self->fd, 10);
	EXPECT_LE(0.15, peer_expect(". 1:11(10) ack 1")->time - start);
}

TIMED_TEST(more_for_200_ms)
{
	double start = peer_now();

	more(self->fd, 10);
	EXPECT_LE(0.15, peer_expect(". 1:11(10) ack 1")->time - start);
}

/*
 * ---- When an ACK is sent ----
 */

static int next_byte;

/* A small segment.  Return: how many segments answer it at once. */
static int answers(void)
{
	struct peer_segment segs[4];

	peer_send("P. %d:%d(10) ack 1", next_byte, next_byte + 10);
	next_byte += 10;
	return peer_collect(segs, 4);
}

/*
 * Is a small segment answered late?  A guest without CPU has jiffies behind
 * its clock, and then hurries: ask a few times.
 */
static bool answers_late(void)
{
	double start;

	peer_drain();
	start = peer_now();
	if (!answers())
		peer_expect(". 1:1(0) ack %d", next_byte);
	return peer_now() - start >= 0.03;
}

/*
 * A stream begins with an ACK for each segment, 16 of them where the window
 * is wide enough.  Then they are delayed.
 */
TIMED_TEST(quick_start)
{
	int i;

	next_byte = 1;
	for (i = 0; i < 16; i++)
		EXPECT_EQ(1, answers());
	/* Which one is the first to wait is not of interest. */
	answers();
	for (i = 0; i < 3; i++)
		if (answers_late())
			return;
	peer_fail("the ACK is never delayed");
}

/* TCP_QUICKACK off: it is delayed from the first on, by 40 ms or more. */
TIMED_TEST(no_quickack)
{
	bool late = false;
	int i;

	next_byte = 1;
	for (i = 0; i < 3 && !late; i++) {
		net_setopt(self->fd, SOL_TCP, TCP_QUICKACK, 0);
		EXPECT_EQ(0, net_getopt(self->fd, SOL_TCP, TCP_QUICKACK));
		late = answers_late();
		/* Nothing was there to carry it: the next is not put off. */
		EXPECT_EQ(1, net_getopt(self->fd, SOL_TCP, TCP_QUICKACK));
	}
	EXPECT_TRUE(late);
}

/* TCP_QUICKACK on: what is owed is sent, once the reader has taken it. */
TIMED_TEST(quickack_now)
{
	struct peer_segment segs[4];

	net_setopt(self->fd, SOL_TCP, TCP_QUICKACK, 0);
	peer_send("P. 1:11(10) ack 1");
	app_read(self->fd, 10);
	net_setopt(self->fd, SOL_TCP, TCP_QUICKACK, 1);
	EXPECT_EQ(1, peer_collect(segs, 4));
	EXPECT_EQ(11, peer_ack(&segs[0]));
}

/* A reader who has taken all, and does not answer, lets the ACK go. */
TIMED_TEST(reader_takes_all)
{
	struct peer_segment segs[4];
	int i, count;

	next_byte = 1;
	for (i = 0; i < 20; i++)
		answers();
	app_read(self->fd, 200);
	peer_collect(segs, 4);
	for (i = 0; i < 3; i++) {
		count = answers();
		app_read(self->fd, 10);
		count += peer_collect(segs, 4);
		EXPECT_EQ(1, count);
	}
}

/* Whoever answers soon gets no ACKs but with the answers. */
TIMED_TEST(answers_carry_acks)
{
	int i;

	/* "Soon" is 40 ms: here it may take several attempts. */
	for (i = 0; i < 50; i++) {
		peer_send("P. %d:%d(10) ack %d", i * 10 + 1, i * 10 + 11,
			  i * 10 + 1);
		app_read(self->fd, 10);
		app_write(self->fd, 10);
		peer_drain();
		if (!net_getopt(self->fd, SOL_TCP, TCP_QUICKACK))
			return;
	}
	SKIP(return, SLOW);
}

/*
 * Somebody waits to write, or has said that he will: the handshake's last ACK
 * goes with the data.
 */
TIMED_TEST(ack_of_handshake_with_data)
{
	struct peer_segment segs[4];
	double start;
	int fd;

	peer_new_conn();
	peer_conn()->lport = LPORT + 1;
	fd = app_connect_start();
	peer_expect("S 0:0(0)");
	peer_conn()->mss = 1460;
	net_setopt(fd, SOL_TCP, TCP_QUICKACK, 0);
	start = peer_now();
	peer_send("S. 0:0(0) ack 1 <mss 1460>");
	if (peer_collect(segs, 4) && peer_now() - start < 0.03)
		peer_fail("expected: the ACK waits\n# received: %s",
			  peer_format(&segs[0]));
	app_connect_wait(fd, 0);
	app_write(fd, 10);
	peer_expect("P. 1:11(10) ack 1");
}

/*
 * ---- How much may come: TCP_WINDOW_CLAMP ----
 */

FIXTURE(clamped) {
	int listener;
};

FIXTURE_SETUP(clamped)
{
	peer_start();
	self->listener = app_listen(LPORT, 8);
	net_setopt(self->listener, SOL_TCP, TCP_WINDOW_CLAMP, 5000);
}

FIXTURE_TEARDOWN(clamped)
{
}

#define CLAMPED_TEST(name) TEST_F_TIMEOUT(clamped, name, PEER_TEST_TIMEOUT)

CLAMPED_TEST(window)
{
	int i, fd;

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1 win <5001");
	peer_conn()->mss = 1460;
	peer_send(". 1:1(0) ack 1");
	fd = app_accept(self->listener);
	/* More than one window. */
	for (i = 0; i < 10; i++) {
		peer_send("P. %d:%d(1000) ack 1", i * 1000 + 1,
			  i * 1000 + 1001);
		app_read(fd, 1000);
		peer_expect(". 1:1(0) ack %d win <5001", i * 1000 + 1001);
	}
}

/* Set later, it takes nothing back that the peer was promised. */
CLAMPED_TEST(later)
{
	struct peer_segment *seg;
	int fd, i;

	net_setopt(self->listener, SOL_TCP, TCP_WINDOW_CLAMP, 30000);
	fd = peer_accept(self->listener);
	peer_send("P. 1:1001(1000) ack 1");
	seg = peer_expect(". 1:1(0) ack 1001 win >20000");
	app_read(fd, 1000);
	net_setopt(fd, SOL_TCP, TCP_WINDOW_CLAMP, 5000);
	/* The peer's script fails when the right edge moves back. */
	for (i = 1; i < 40; i++) {
		peer_send("P. %d:%d(1000) ack 1", i * 1000 + 1,
			  i * 1000 + 1001);
		app_read(fd, 1000);
		seg = peer_expect(". 1:1(0) ack %d", i * 1000 + 1001);
	}
	EXPECT_GE(5000, seg->window);
}

TEST_HARNESS_MAIN
