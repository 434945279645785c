// SPDX-License-Identifier: GPL-2.0
/*
 * The eleven states and the arrows between them.
 *
 * Each test plays the segments of one way through RFC 9293's figure 5 and
 * asks the trace event teach_state which way the connection really went.
 * The last test looks at all the changes of state that were seen while the
 * others ran: it fails when an arrow of the figure was never taken, and when
 * one was taken that is neither in the figure nor in the short list of ways
 * out (RST, abort, timeout) that the figure leaves out.
 *
 * 2MSL is 60 seconds long.  The first test leaves connections in TIME_WAIT
 * behind, and the last but one looks what became of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "peer.h"
#include "watch.h"

#define LPORT	PEER_LOCAL_PORT
#define FPORT	PEER_PORT

/* What the first test leaves for the last ones. */
static struct {
	pid_t holder;
	__u32 netns;
	double restarted;
} *left;

static void __attribute__((constructor)) before_all_tests(void)
{
	left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	watch_start();
}

FIXTURE(states) {
};

FIXTURE_SETUP(states)
{
	peer_start();
	watch_test(_metadata->name);
}

FIXTURE_TEARDOWN(states)
{
}

#define STATES_TEST(name) TEST_F_TIMEOUT(states, name, PEER_TEST_TIMEOUT)

/* ---- ways into each state that several tests need ---- */

static int to_established(void)
{
	return peer_accept(app_listen(LPORT, 8));
}

static int to_fin_wait1(void)
{
	int fd = to_established();

	app_shutdown_write(fd);
	peer_expect("F. 1:1(0) ack 1");
	return fd;
}

static int to_fin_wait2(void)
{
	int fd = to_fin_wait1();

	peer_send(". 1:1(0) ack 2");
	return fd;
}

static int to_closing(void)
{
	int fd = to_fin_wait1();

	peer_send("F. 1:1(0) ack 1");
	peer_expect(". 2:2(0) ack 2");
	return fd;
}

static int to_close_wait(void)
{
	int fd = to_established();

	peer_send("F. 1:1(0) ack 1");
	peer_expect(". 1:1(0) ack 2");
	return fd;
}

static int to_last_ack(void)
{
	int fd = to_close_wait();

	app_shutdown_write(fd);
	peer_expect("F. 1:1(0) ack 2");
	return fd;
}

static int to_time_wait(void)
{
	int fd = to_fin_wait2();

	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	app_close(fd);
	return -1;
}

/* Both ends send SYN, neither has seen the other's: RFC 9293 figure 7. */
static int to_syn_recv_actively(void)
{
	int fd = app_connect_start();

	peer_expect("S 0:0(0)");
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	return fd;
}

/* ---- TIME_WAIT, the long one: begun here, judged near the end ---- */

static void hold_time_wait(struct peer_conn *second)
{
	int null = open("/dev/null", O_RDWR);

	/* nobody shall wait for this process to close its output */
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	watch_leave();
	setsid();
	alarm(PEER_TEST_TIMEOUT);
	sleep(5);
	peer_use(second);
	left->restarted = peer_now();	/* or later */
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	for (;;)
		pause();
}

STATES_TEST(time_wait_begins)
{
	struct peer_conn second;
	int listener = app_listen(LPORT, 8);
	pid_t holder;
	int i, fd;

	peer_conn_init(&second, LPORT, FPORT + 1);
	for (i = 0; i < 2; i++) {
		fd = peer_accept(listener);
		app_close(fd);
		peer_expect("F. 1:1(0) ack 1");
		peer_send(". 1:1(0) ack 2");
		peer_send("F. 1:1(0) ack 2");
		peer_expect(". 2:2(0) ack 2");
		peer_use(&second);
	}
	left->netns = peer_netns();
	holder = fork();
	if (!holder)
		hold_time_wait(&second);
	ASSERT_LT(0, holder);
	left->holder = holder;
}

/* ---- opening ---- */

STATES_TEST(passive_open)
{
	int listener = app_listen(LPORT, 8);

	watch_expect(LPORT, 0, "CLOSE>LISTEN");
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV");
	peer_send(". 1:1(0) ack 1");
	app_accept(listener);
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>ESTABLISHED");
	watch_expect(LPORT, 0, "CLOSE>LISTEN");
}

STATES_TEST(listen_close)
{
	app_close(app_listen(LPORT, 8));
	watch_expect(LPORT, 0, "CLOSE>LISTEN>CLOSE");
	peer_send("S 0:0(0)");
	peer_expect("R. ack 1");
}

/*
 * The figure's arrow from LISTEN to SYN_SENT is the SEND call on a listening
 * socket.  The sockets API has no such call: send(2) and connect(2) refuse,
 * nothing goes out, and the listener goes on listening.
 */
STATES_TEST(listen_cannot_send)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(FPORT),
		.sin_addr.s_addr = htonl(PEER_ADDR),
	};
	int listener = app_listen(LPORT, 8);

	EXPECT_EQ(-1, send(listener, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(-1, connect(listener, (struct sockaddr *)&sin, sizeof(sin)));
	EXPECT_EQ(EISCONN, errno);
	peer_expect_nothing();
	watch_expect(LPORT, 0, "CLOSE>LISTEN");
	peer_accept(listener);
}

STATES_TEST(active_open)
{
	peer_connect();
	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT>ESTABLISHED");
}

STATES_TEST(syn_sent_close)
{
	int fd = app_connect_start();

	peer_expect("S 0:0(0)");
	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT");
	app_close(fd);
	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT>CLOSE");
	peer_send("S. 0:0(0) ack 1");
	peer_expect("R 1:1(0)");
}

STATES_TEST(syn_sent_refused)
{
	int fd = app_connect_start();

	peer_expect("S 0:0(0)");
	peer_send("R. 0:0(0) ack 1");
	app_connect_wait(fd, ECONNREFUSED);
	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT>CLOSE");
}

STATES_TEST(syn_sent_times_out)
{
	int fd;

	ASSERT_TRUE(peer_sysctl("syn_retries", "1"));
	fd = app_connect_start();
	peer_expect("S 0:0(0)");
	peer_expect("S 0:0(0)");
	app_connect_wait(fd, ETIMEDOUT);
	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT>CLOSE");
}

STATES_TEST(simultaneous_open)
{
	int fd = to_syn_recv_actively();

	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT>SYN_RECV");
	peer_send(". 1:1(0) ack 1");
	app_connect_wait(fd, 0);
	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT>SYN_RECV>ESTABLISHED");
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	app_read(fd, 10);
}

STATES_TEST(syn_recv_close)
{
	int fd = to_syn_recv_actively();

	app_close(fd);
	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT>SYN_RECV>FIN_WAIT1");
	peer_send(". 1:1(0) ack 1");
	peer_expect("F. 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "CLOSE>SYN_SENT>SYN_RECV>FIN_WAIT1>FIN_WAIT2>TIME_WAIT");
}

STATES_TEST(syn_recv_reset_to_listen)
{
	int listener = app_listen(LPORT, 8);

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send("R 1:1(0)");
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>LISTEN");
	peer_send(". 1:1(0) ack 1");
	peer_expect("R 1:1(0)");
	app_accept_nothing(listener);
	peer_new_conn();
	peer_accept(listener);
}

STATES_TEST(syn_recv_reset_to_closed)
{
	int fd = to_syn_recv_actively();

	peer_send("R 1:1(0)");
	app_connect_wait(fd, ECONNRESET);
	watch_expect(LPORT, FPORT, "CLOSE>SYN_SENT>SYN_RECV>CLOSE");
}

STATES_TEST(syn_recv_times_out)
{
	ASSERT_TRUE(peer_sysctl("synack_retries", "1"));
	app_listen(LPORT, 8);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_expect("S. 0:0(0) ack 1");
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>CLOSE");
}

STATES_TEST(listen_close_ends_half_open)
{
	int listener = app_listen(LPORT, 8);

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	app_close(listener);
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>CLOSE");
	peer_send(". 1:1(0) ack 1");
	peer_expect("R 1:1(0)");
}

/* ---- closing ---- */

/* RFC 9293 figure 12, A: we close first, the peer's FIN comes later. */
STATES_TEST(active_close)
{
	int fd = to_fin_wait1();

	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1");
	peer_send(". 1:1(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2");
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	app_read_eof(fd);
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>TIME_WAIT");
}

/* Our direction is closed, the peer's goes on as long as it likes. */
STATES_TEST(half_close)
{
	int fd = to_fin_wait2();

	peer_send(". 1:1001(1000) ack 2");
	peer_expect(". 2:2(0) ack 1001");
	app_read(fd, 1000);
	peer_send("F. 1001:1011(10) ack 2");
	peer_expect(". 2:2(0) ack 1012");
	app_read(fd, 10);
	app_read_eof(fd);
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>TIME_WAIT");
}

/*
 * The peer's FIN brings the ACK of ours.  3.10.7.4 judges the ACK first and
 * the FIN then, so FIN_WAIT2 is passed on the way; the figure's note 2 counts
 * this as an arrow of its own.
 */
STATES_TEST(fin_acknowledges_fin)
{
	to_fin_wait1();
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>TIME_WAIT");
}

/* The same when nobody is left above: the FIN must not be lost on the way. */
STATES_TEST(fin_acknowledges_fin_after_close)
{
	app_close(to_established());
	peer_expect("F. 1:1(0) ack 1");
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>TIME_WAIT");
}

/* The peer's FIN comes to what a closed socket has left of FIN_WAIT2. */
STATES_TEST(active_close_without_a_socket)
{
	app_close(to_established());
	peer_expect("F. 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	peer_send("F. 1:1(0) ack 2");
	peer_expect(". 2:2(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>TIME_WAIT");
}

/* RFC 9293 figure 13: both close at once. */
STATES_TEST(simultaneous_close)
{
	to_closing();
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>CLOSING");
	peer_send(". 2:2(0) ack 2");
	peer_expect_nothing();
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>CLOSING>TIME_WAIT");
}

/* RFC 9293 figure 12, B: the peer closes first. */
STATES_TEST(passive_close)
{
	int fd = to_close_wait();

	app_read_eof(fd);
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>ESTABLISHED>CLOSE_WAIT");
	app_write(fd, 10);
	peer_expect(". 1:11(10) ack 2");
	peer_send(". 2:2(0) ack 11");
	app_close(fd);
	peer_expect("F. 11:11(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>CLOSE_WAIT>LAST_ACK");
	peer_send(". 2:2(0) ack 12");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>CLOSE_WAIT>LAST_ACK>CLOSE");
	/* nothing is left of it: RFC 9293 3.10.7.1 */
	peer_send(". 2:2(0) ack 12");
	peer_expect("R 12:12(0)");
}

STATES_TEST(active_opener_closes_last)
{
	int fd = peer_connect();

	peer_send("F. 1:1(0) ack 1");
	peer_expect(". 1:1(0) ack 2");
	app_close(fd);
	peer_expect("F. 1:1(0) ack 2");
	peer_send(". 2:2(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "CLOSE>SYN_SENT>ESTABLISHED>CLOSE_WAIT>LAST_ACK>CLOSE");
}

/* The ACK that completes the handshake carries the FIN. */
STATES_TEST(fin_in_syn_recv)
{
	int listener = app_listen(LPORT, 8);
	int fd;

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send("F. 1:1(0) ack 1");
	peer_expect(". 1:1(0) ack 2");
	fd = app_accept(listener);
	app_read_eof(fd);
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>ESTABLISHED>CLOSE_WAIT");
}

/* RFC 9293 3.6.1: a SYN beyond the old connection's end may reopen it. */
STATES_TEST(time_wait_gives_way_to_a_new_syn)
{
	to_time_wait();
	peer_conn_init(peer_conn(), LPORT, FPORT);
	peer_conn()->isn += 100000;
	peer_conn()->snd_max = peer_conn()->isn;
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>TIME_WAIT>CLOSE LISTEN>SYN_RECV");
}

/* ---- the ways out that the figure leaves out ---- */

STATES_TEST(reset_in_established)
{
	int fd = to_established();

	peer_send("R 1:1(0)");
	app_read_errno(fd, ECONNRESET);
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>ESTABLISHED>CLOSE");
}

STATES_TEST(reset_in_fin_wait1)
{
	int fd = to_fin_wait1();

	peer_send("R 1:1(0)");
	app_read_errno(fd, ECONNRESET);
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>CLOSE");
}

STATES_TEST(reset_in_fin_wait2)
{
	int fd = to_fin_wait2();

	peer_send("R 1:1(0)");
	app_read_errno(fd, ECONNRESET);
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>CLOSE");
}

STATES_TEST(reset_in_close_wait)
{
	int fd = to_close_wait();

	peer_send("R 2:2(0)");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>CLOSE_WAIT>CLOSE");
	EXPECT_EQ(-1, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

STATES_TEST(reset_in_closing)
{
	to_closing();
	peer_send("R 2:2(0)");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>CLOSING>CLOSE");
}

STATES_TEST(reset_in_last_ack)
{
	to_last_ack();
	peer_send("R 2:2(0)");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>CLOSE_WAIT>LAST_ACK>CLOSE");
}

STATES_TEST(reset_in_time_wait)
{
	to_time_wait();
	peer_send("R 2:2(0)");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>TIME_WAIT>CLOSE");
	peer_send(". 2:2(0) ack 2");
	peer_expect("R 2:2(0)");
}

STATES_TEST(abort_in_established)
{
	app_abort(to_established());
	peer_expect("R. 1:1(0) ack 1");
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>ESTABLISHED>CLOSE");
}

STATES_TEST(abort_in_close_wait)
{
	app_abort(to_close_wait());
	peer_expect("R. 1:1(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>CLOSE_WAIT>CLOSE");
}

STATES_TEST(disconnect_in_established)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = to_established();

	ASSERT_EQ(0, connect(fd, &none, sizeof(none)));
	peer_expect("R. 1:1(0) ack 1");
	watch_expect(LPORT, FPORT, "LISTEN>SYN_RECV>ESTABLISHED>CLOSE");
}

/* RFC 9293 3.6: nobody is left to read what still comes. */
STATES_TEST(data_after_close)
{
	int fd = to_established();

	app_close(fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	peer_send(". 1:11(10) ack 2");
	peer_expect("R 2:2(0)");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>CLOSE");
}

/* A peer that never closes does not hold a closed socket for ever. */
STATES_TEST(fin_wait2_times_out)
{
	int fd;

	ASSERT_TRUE(peer_sysctl("fin_timeout", "1"));
	fd = to_established();
	app_close(fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_send(". 1:1(0) ack 2");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>FIN_WAIT2>CLOSE");
}

/* Closed with nobody to acknowledge the FIN: given up after some tries. */
STATES_TEST(fin_wait1_times_out)
{
	int fd;

	ASSERT_TRUE(peer_sysctl("orphan_retries", "1"));
	fd = to_established();
	app_close(fd);
	peer_expect("F. 1:1(0) ack 1");
	peer_expect("F. 1:1(0) ack 1");
	watch_expect(LPORT, FPORT,
		     "LISTEN>SYN_RECV>ESTABLISHED>FIN_WAIT1>CLOSE");
}

/* ---- what became of the first test's connections ---- */

STATES_TEST(time_wait_lasts_2msl)
{
	const struct watch_event *begin, *end;

	if (peer_is_inet())
		SKIP(return, "the kernel's TCP does not trace TIME_WAIT");
	ASSERT_TRUE(watch_works());
	begin = watch_wait(left->netns, FPORT, TCP_FIN_WAIT2, TCP_TIME_WAIT, 0);
	ASSERT_NE(NULL, begin);
	end = watch_wait(left->netns, FPORT, TCP_TIME_WAIT, TCP_CLOSE,
			 PEER_TEST_TIMEOUT - 60);
	ASSERT_NE(NULL, end);
	/* RFC 9293 3.4.2: 2MSL; Linux's MSL is 30 seconds */
	EXPECT_LT(59, end->time - begin->time);
	EXPECT_GT(75, end->time - begin->time);
}

/* RFC 9293 3.10.7.4, eighth, TIME-WAIT: a FIN restarts the 2MSL timeout */
STATES_TEST(time_wait_restarts_with_a_fin)
{
	const struct watch_event *end;

	if (peer_is_inet())
		SKIP(return, "the kernel's TCP does not trace TIME_WAIT");
	ASSERT_TRUE(watch_works());
	ASSERT_LT(0, left->restarted);
	end = watch_wait(left->netns, FPORT + 1, TCP_TIME_WAIT, TCP_CLOSE,
			 PEER_TEST_TIMEOUT - 60);
	ASSERT_NE(NULL, end);
	EXPECT_LT(59, end->time - left->restarted);
	kill(left->holder, SIGKILL);
}

/* ---- the whole figure ---- */

struct arrow {
	const char *from, *to, *what;
};

/* RFC 9293 figure 5. */
static const struct arrow figure[] = {
	{ "CLOSE", "LISTEN", "passive OPEN" },
	{ "CLOSE", "SYN_SENT", "active OPEN, SYN out" },
	{ "LISTEN", "CLOSE", "CLOSE" },
	{ "LISTEN", "SYN_RECV", "SYN in, SYN+ACK out" },
	{ "SYN_RECV", "LISTEN", "RST in (note 1)" },
	{ "SYN_RECV", "ESTABLISHED", "ACK of SYN in" },
	{ "SYN_RECV", "FIN_WAIT1", "CLOSE, FIN out" },
	{ "SYN_SENT", "CLOSE", "CLOSE" },
	{ "SYN_SENT", "SYN_RECV", "SYN in, SYN+ACK out" },
	{ "SYN_SENT", "ESTABLISHED", "SYN+ACK in, ACK out" },
	{ "ESTABLISHED", "FIN_WAIT1", "CLOSE, FIN out" },
	{ "ESTABLISHED", "CLOSE_WAIT", "FIN in, ACK out" },
	{ "FIN_WAIT1", "FIN_WAIT2", "ACK of FIN in" },
	{ "FIN_WAIT1", "CLOSING", "FIN in, ACK out" },
	{ "FIN_WAIT2", "TIME_WAIT", "FIN in, ACK out" },
	{ "CLOSE_WAIT", "LAST_ACK", "CLOSE, FIN out" },
	{ "LAST_ACK", "CLOSE", "ACK of FIN in" },
	{ "CLOSING", "TIME_WAIT", "ACK of FIN in" },
	{ "TIME_WAIT", "CLOSE", "2MSL timeout" },
};

/*
 * Note 3: RST in either direction, and giving up, end any state; and note 2's
 * arrow, for a TCP that takes two steps at once.
 */
static const struct arrow not_drawn[] = {
	{ "FIN_WAIT1", "TIME_WAIT", "FIN+ACK of FIN in, ACK out" },
	{ "SYN_RECV", "CLOSE", "RST, timeout, or the listener closed" },
	{ "ESTABLISHED", "CLOSE", "RST, abort or timeout" },
	{ "FIN_WAIT1", "CLOSE", "RST, abort or timeout" },
	{ "FIN_WAIT2", "CLOSE", "RST, abort or timeout" },
	{ "CLOSE_WAIT", "CLOSE", "RST, abort or timeout" },
	{ "CLOSING", "CLOSE", "RST, abort or timeout" },
};

static const struct arrow *find_arrow(const struct arrow *arrows, size_t count,
				      unsigned int from, unsigned int to)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (watch_state_number(arrows[i].from) == (int)from &&
		    watch_state_number(arrows[i].to) == (int)to)
			return &arrows[i];
	return NULL;
}

STATES_TEST(every_arrow_of_the_figure)
{
	unsigned int taken[WATCH_STATES][WATCH_STATES] = {};
	const char *first[WATCH_STATES][WATCH_STATES] = {};
	const struct watch_event *e;
	unsigned int i, count, from, to;

	if (peer_is_inet())
		SKIP(return, "the kernel's TCP does not trace every state");
	ASSERT_TRUE(watch_works())
		TH_LOG("no trace event teach_state, or no tracefs");
	count = watch_events(&e);
	for (i = 0; i < count; i++) {
		from = e[i].oldstate % WATCH_STATES;
		to = e[i].newstate % WATCH_STATES;
		if (!taken[from][to]++)
			first[from][to] = e[i].test;
		EXPECT_TRUE(find_arrow(figure, ARRAY_SIZE(figure), from, to) ||
			    find_arrow(not_drawn, ARRAY_SIZE(not_drawn), from,
				       to))
			TH_LOG("%s: %s to %s is not in the figure", e[i].test,
			       watch_state_name(from), watch_state_name(to));
	}
	for (i = 0; i < ARRAY_SIZE(figure); i++) {
		from = watch_state_number(figure[i].from);
		to = watch_state_number(figure[i].to);
		EXPECT_LT(0, taken[from][to])
			TH_LOG("%s to %s (%s) was never taken", figure[i].from,
			       figure[i].to, figure[i].what);
		ksft_print_msg("%-11s > %-11s %5u times, %s%s%s\n",
			       figure[i].from, figure[i].to, taken[from][to],
			       figure[i].what, taken[from][to] ? ": " : "",
			       first[from][to] ?: "");
	}
	fflush(stdout);
}

TEST_HARNESS_MAIN
