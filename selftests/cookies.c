// SPDX-License-Identifier: GPL-2.0
/*
 * SYN cookies: a listener whose SYN queue is full of those who never answer
 * keeps nothing of a SYN, and still lets in who does answer: RFC 4987 3.6.
 *
 * With TEACH_FAMILY=inet the same tests run against the kernel's own TCP.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "net.h"
#include "peer.h"

#define LPORT	PEER_LOCAL_PORT
#define BACKLOG	4

#define COOKIES_TEST(name) TEST_F_TIMEOUT(cookies, name, PEER_TEST_TIMEOUT)

static void set(const char *name, const char *value)
{
	if (!peer_sysctl(name, value))
		peer_fail("no sysctl %s", name);
}

/* SYNs from hosts that do not exist: more than the SYN queue has room for. */
static void flood(void)
{
	int i;

	for (i = 0; i < 3 * BACKLOG; i++)
		peer_send("S 0:0(0) <mss 1460> src 192.0.2.%d", 100 + i);
}

FIXTURE(cookies) {
	int listener;
};

FIXTURE_SETUP(cookies)
{
	peer_start();
	peer_ignore_others(true);
	set("syncookies", "1");
	set("timestamps", "1");
	set("sack", "1");
	set("window_scaling", "1");
	set("ecn", "2");
	self->listener = app_listen(LPORT, BACKLOG);
	flood();
}

FIXTURE_TEARDOWN(cookies)
{
}

/* A connection with all options; what the stack's clock said in its SYN-ACK. */
static __u32 open_with_options(const char *flags)
{
	const __u8 *wscale;
	struct peer_segment *seg;
	__u32 val, ecr;

	/* The window of our SYN-ACK is not scaled, those that follow are. */
	peer_conn()->shrinks = true;
	peer_send("%s 0:0(0) <mss 1460,sackOK,TS val 5000 ecr 0,nop,wscale 7>",
		  flags);
	seg = peer_expect("S.%s 0:0(0) ack 1", flags[1] ? "E" : "");
	wscale = peer_option(seg, 3);
	if (!peer_option(seg, 4) || !wscale || !wscale[2] ||
	    !peer_timestamps(seg, &val, &ecr) || ecr != 5000)
		peer_fail("not all options in %s", peer_format(seg));
	return val;
}

/* Everything that the SYN said holds, and nobody has kept it. */
COOKIES_TEST(options_come_back)
{
	struct peer_conn *conn = peer_conn();
	unsigned int sum = 0, scaled;
	struct peer_segment *seg;
	__u32 val, ecr, first;
	int fd;

	first = open_with_options("S");
	EXPECT_LT(0, peer_counter("SyncookiesSent"));
	peer_send(". 1:1(0) ack 1 win 100 <nop,nop,TS val 5001 ecr %u>", first);
	fd = app_accept(self->listener);
	EXPECT_EQ(1, peer_counter("SyncookiesRecv"));

	/* SACK, timestamps, our clock does not go back, our window's scale */
	peer_send(". 101:201(100) ack 1 win 100 <nop,nop,TS val 5002 ecr %u>",
		  first);
	seg = peer_expect(". 1:1(0) ack 1");
	EXPECT_NE(NULL, peer_option(seg, 5));
	ASSERT_TRUE(peer_timestamps(seg, &val, &ecr));
	EXPECT_EQ(5001, ecr);
	EXPECT_LE(0, (int)(val - first));
	scaled = seg->window;
	EXPECT_GT(30000, scaled);

	/* The peer's scale: 100 is 12800 bytes. */
	app_write(fd, 10000);
	conn->window_edge = conn->irs + 1 + (100 << 7);
	while (sum < 10000) {
		seg = peer_next();
		EXPECT_GE(1448, seg->len);
		sum += seg->len;
	}
}

/* Without timestamps there is nowhere to keep them. */
COOKIES_TEST(options_without_timestamps)
{
	unsigned int sum = 0, count, i;
	struct peer_segment segs[16];
	int fd;

	peer_send("S 0:0(0) win 3000 <mss 1460,sackOK,nop,wscale 7>");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_send(". 1:1(0) ack 1 win 3000");
	fd = app_accept(self->listener);
	peer_send(". 101:201(100) ack 1 win 3000");
	peer_expect(". 1:1(0) ack 1 <>");
	app_write(fd, 10000);
	count = peer_collect(segs, ARRAY_SIZE(segs));
	for (i = 0; i < count; i++)
		sum += segs[i].len;
	EXPECT_GE(3000, sum);
	EXPECT_LT(0, sum);
}

/* RFC 3168: whether both can do ECN is kept, too. */
COOKIES_TEST(ecn)
{
	struct peer_segment *seg;
	__u32 val;
	int fd;

	val = open_with_options("SEW");
	peer_send(". 1:1(0) ack 1 <nop,nop,TS val 5001 ecr %u>", val);
	fd = app_accept(self->listener);
	app_write(fd, 100);
	seg = peer_expect(". 1:101(100) ack 1");
	EXPECT_EQ(2, seg->tos & 3);	/* ECT(0) */
}

COOKIES_TEST(no_ecn)
{
	struct peer_segment *seg;
	__u32 val;
	int fd;

	val = open_with_options("S");
	peer_send(". 1:1(0) ack 1 <nop,nop,TS val 5001 ecr %u>", val);
	fd = app_accept(self->listener);
	app_write(fd, 100);
	seg = peer_expect(". 1:101(100) ack 1");
	EXPECT_EQ(0, seg->tos & 3);
}

/* The MSS is one of a few, and never more than the peer said. */
COOKIES_TEST(mss)
{
	static const struct {
		int offered, used;
	} cases[] = {
		{ 65535, 1460 }, { 1460, 1460 }, { 1459, 1440 }, { 1440, 1440 },
		{ 1439, 1300 }, { 1300, 1300 }, { 1299, 536 },
		{ 600, 536 }, { 536, 536 }, { 535, 256 }, { 300, 256 },
		{ 200, 48 }, { 1, 48 },
	};
	struct peer_segment *seg;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Linux has none that is less. */
		if (peer_is_inet() && cases[i].used < 536)
			break;
		peer_new_conn();
		flood();
		peer_send("S 0:0(0) <mss %d>", cases[i].offered);
		peer_expect("S. 0:0(0) ack 1 <mss 1460>");
		peer_send(". 1:1(0) ack 1");
		fd = app_accept(self->listener);
		app_write(fd, 3000);
		seg = peer_expect(". 1:%d(%d) ack 1", cases[i].used + 1,
				  cases[i].used);
		EXPECT_EQ(cases[i].used, (int)seg->len);
		app_abort(fd);
		while (!(peer_next()->flags & PEER_RST))
			;
	}
}

/* Without the option it is 536. */
COOKIES_TEST(no_mss)
{
	int fd;

	peer_send("S 0:0(0)");
	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
	peer_send(". 1:1(0) ack 1");
	fd = app_accept(self->listener);
	app_write(fd, 3000);
	peer_expect(". 1:537(536) ack 1");
}

/* Of what is not kept nothing is sent again, and nothing times out. */
COOKIES_TEST(nothing_is_kept)
{
	struct peer_segment segs[4];

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	sleep(4);
	EXPECT_EQ(0, peer_collect(segs, ARRAY_SIZE(segs)));
	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
}

/* The ACK may be the first data, or all that there is to say. */
COOKIES_TEST(data_and_fin)
{
	int fd;

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_send("FP. 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 12");
	fd = app_accept(self->listener);
	app_read(fd, 10);
	app_read_eof(fd);
	app_write(fd, 10);
	peer_expect("P. 1:11(10) ack 12");
}

/* Nobody makes one up, or uses another's. */
COOKIES_TEST(forged)
{
	/* near it, of another MSS, of the next minutes and the last one */
	static const int wrong[] = {
		0, 2, 10, 1 + (1 << 21), 1 - (1 << 21),
		1 + (1 << 24), 1 + (3 << 24), 1 - (1 << 24),
	};
	struct peer_conn *conn = peer_conn(), other;
	long failed = peer_counter("SyncookiesFailed");
	unsigned int i;

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		peer_send(". 1:1(0) ack %d", wrong[i]);
		peer_expect("R %d:%d(0)", wrong[i], wrong[i]);
	}
	peer_send(". 2:2(0) ack 1");
	peer_expect("R 1:1(0)");
	peer_send("S. 1:1(0) ack 1");
	peer_expect("R 1:1(0)");

	/* By another port it is another connection. */
	peer_conn_init(&other, LPORT, conn->pport + 1);
	other.irs = conn->irs;
	peer_use(&other);
	peer_send(". 1:1(0) ack 1");
	peer_expect("R 1:1(0)");
	app_accept_nothing(self->listener);
	/* All but the one with a SYN. */
	EXPECT_EQ(failed + ARRAY_SIZE(wrong) + 2,
		  peer_counter("SyncookiesFailed"));
	EXPECT_EQ(0, peer_counter("SyncookiesRecv"));

	peer_use(conn);
	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
	EXPECT_EQ(1, peer_counter("SyncookiesRecv"));
}

/*
 * The answer to a first SYN was a cookie, but slow.  The SYN came again, found
 * room, and was answered with another number.  The peer takes what was first.
 */
COOKIES_TEST(answer_was_late)
{
	struct peer_conn *first = peer_conn(), second;
	int i;

	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	for (i = 0; i < 3 * BACKLOG; i++)
		peer_send("R 1:1(0) src 192.0.2.%d", 100 + i);
	peer_conn_init(&second, LPORT, first->pport);
	peer_use(&second);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	EXPECT_NE(first->irs, second.irs);
	peer_use(first);
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	app_read(app_accept(self->listener), 10);
	app_accept_nothing(self->listener);
}

/* Where none has been sent, none is looked for. */
COOKIES_TEST(none_was_sent)
{
	app_listen(LPORT + 1, BACKLOG);
	peer_conn()->lport = LPORT + 1;
	peer_send(". 1:1(0) ack 1");
	peer_expect("R 1:1(0)");
	EXPECT_EQ(0, peer_counter("SyncookiesFailed"));
}

COOKIES_TEST(off)
{
	set("syncookies", "0");
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect_nothing();
}

/* One that was sent before is not taken any more, either. */
COOKIES_TEST(switched_off)
{
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	set("syncookies", "0");
	peer_send(". 1:1(0) ack 1");
	peer_expect("R 1:1(0)");
	app_accept_nothing(self->listener);
}

/* What was agreed on can be kept no longer. */
COOKIES_TEST(option_switched_off)
{
	__u32 val = open_with_options("S");

	set("window_scaling", "0");
	peer_send(". 1:1(0) ack 1 <nop,nop,TS val 5001 ecr %u>", val);
	peer_expect("R 1:1(0)");
	app_accept_nothing(self->listener);
}

/* For all, and the SYN queue stays empty. */
COOKIES_TEST(always)
{
	struct peer_segment segs[4];
	int listener;

	set("syncookies", "2");
	listener = app_listen(LPORT + 1, BACKLOG);
	peer_conn()->lport = LPORT + 1;
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	sleep(2);
	EXPECT_EQ(0, peer_collect(segs, ARRAY_SIZE(segs)));
	peer_send(". 1:1(0) ack 1");
	app_accept(listener);
}

/* There may be many cookies, but the accept queue is as long as ever. */
COOKIES_TEST(accept_queue_is_full)
{
	struct peer_conn first, second;
	int listener;

	set("syncookies", "2");
	listener = app_listen(LPORT + 1, 0);
	peer_conn_init(&first, LPORT + 1, PEER_PORT);
	peer_conn_init(&second, LPORT + 1, PEER_PORT + 1);
	peer_use(&first);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_use(&second);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_use(&first);
	peer_send(". 1:1(0) ack 1");
	peer_expect_nothing();
	peer_use(&second);
	peer_send(". 1:1(0) ack 1");
	peer_expect_nothing();
	app_accept(listener);
	app_accept_nothing(listener);

	/* The peer thinks it is connected, and what it says comes again. */
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	app_read(app_accept(listener), 10);
}

/* A cookie is good for a minute, and for no more than two. */
COOKIES_TEST(aged)
{
	struct peer_conn *conn = peer_conn(), other;
	double end;

	peer_conn_init(&other, LPORT, PEER_PORT + 1);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	end = peer_now() + 121;
	/* Others go on to be sent, so that it is looked at. */
	while (peer_now() < end) {
		flood();
		usleep(500000);
	}
	peer_use(&other);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_use(conn);
	peer_send(". 1:1(0) ack 1");
	peer_expect("R 1:1(0)");
	app_accept_nothing(self->listener);
	peer_use(&other);
	peer_send(". 1:1(0) ack 1");
	app_accept(self->listener);
}

/* ---- a flood, and real clients ---- */

#define CROWD	24	/* clients */
/* For the debug kernel on a machine that has other things to do. */
#define FLOOD_TIMEOUT	600

#define FLOOD_TEST(name) TEST_F_TIMEOUT(flood, name, FLOOD_TIMEOUT)

FIXTURE(flood) {
	struct net net;
};

FIXTURE_SETUP(flood)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(flood)
{
	net_exit(&self->net);
}

/* Where B sends what is for none of its neighbours: to nobody. */
static void route_to_nobody(const struct net *net)
{
	net_nobody(net, B);
	net_ip(net, B, "route add default via " ADDR_NOBODY);
}

/* @count SYNs to B of hosts that are not there: 198.18.0.0/15, RFC 2544. */
static void send_flood(const struct net *net, int count)
{
	struct sockaddr_in to = net_addr(ADDR_B, 0);
	struct peer_segment seg = {
		.daddr = ntohl(inet_addr(ADDR_B)),
		.proto = net_ip_protocol(),
		.ttl = 64, .dport = NET_PORT,
		.flags = PEER_SYN, .window = 65535,
	};
	__u8 packet[64];
	size_t len;
	int fd, i;

	net_enter(net, A);
	to.sin_family = AF_INET;
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		net_fatal("raw socket");
	for (i = 0; i < count; i++) {
		seg.saddr = 0xc6120000 | (random() & 0x1ffff);
		seg.sport = 1024 + random() % 60000;
		seg.seq = random();
		len = peer_compose(&seg, packet, sizeof(packet));
		if (sendto(fd, packet, len, 0, (struct sockaddr *)&to,
			   sizeof(to)) < 0 && errno != ENOBUFS)
			net_fatal("send of a SYN");
	}
	close(fd);
}

static long unreclaimable_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f;

	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "SUnreclaim: %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

static bool flooded(const struct net *net, int syns)
{
	return net_counter(net, B, "SyncookiesSent") >= syns;
}

/* Whoever is really there gets in, and with all options. */
static void real_client(struct net *net, int listener)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	int client, server;

	client = net_client(net, A, ADDR_B, NET_PORT);
	server = net_accept(listener);
	net_send_all(client, 100000, 0);
	net_recv_all(server, 100000, 0);
	net_send_all(server, 100000, 5);
	net_recv_all(client, 100000, 5);
	if (!getsockopt(server, SOL_TCP, TCP_INFO, &info, &len) &&
	    (info.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
				  TCPI_OPT_WSCALE)) !=
	    (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE))
		net_fatal("options %#x", info.tcpi_options);
	close(client);
	close(server);
}

FLOOD_TEST(real_client_gets_in)
{
	int flood = net_env("TEACH_FLOOD", 20000);
	int listener, i;
	long before;

	route_to_nobody(&self->net);
	listener = net_listen(&self->net, B, NET_PORT, 16);
	send_flood(&self->net, 500);
	ASSERT_TRUE(net_until(flooded(&self->net, 400)));
	before = unreclaimable_kb();
	for (i = 0; i < 4; i++) {
		send_flood(&self->net, flood / 4);
		real_client(&self->net, listener);
		EXPECT_GE(17, net_count(&self->net, B, TCP_SYN_RECV));
	}
	EXPECT_TRUE(net_until(flooded(&self->net, flood / 2)));
	EXPECT_LE(4, net_counter(&self->net, B, "SyncookiesRecv"));
	EXPECT_EQ(0, net_counter(&self->net, B, "SyncookiesFailed"));
	/* A request for each would be more than 4 MB; KASAN keeps the freed. */
	if (net_kasan())
		return;
	EXPECT_GT(3000, unreclaimable_kb() - before) {
		TH_LOG("%ld kB", unreclaimable_kb() - before);
	}
}

/* The log hears of it once, and of nobody's address. */
FLOOD_TEST(log_is_told_once)
{
	int kmsg, told = 0, addresses = 0;
	char line[1024];
	ssize_t len;

	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, kmsg);
	lseek(kmsg, 0, SEEK_END);
	route_to_nobody(&self->net);
	net_listen(&self->net, B, NET_PORT, 4);
	send_flood(&self->net, 500);
	ASSERT_TRUE(net_until(flooded(&self->net, 400)));
	while ((len = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[len] = 0;
		told += !!strcasestr(line, "SYN flood");
		addresses += strstr(line, "10.9.0.") || strstr(line, "198.1");
	}
	EXPECT_EQ(1, told);
	EXPECT_EQ(0, addresses);
}

/* Hears a byte from everyone who comes and answers, until it is shut. */
static void *crowd_server(void *arg)
{
	int listener = *(int *)arg, fd;
	char byte;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (recv(fd, &byte, 1, 0) == 1)
			send(fd, "!", 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void crowd_connect(const struct net *net, struct pollfd *client)
{
	client->fd = net_socket(net, A, SOCK_NONBLOCK);
	client->events = POLLOUT;
	if (net_err(net_connect(client->fd, ADDR_B, NET_PORT)) != EINPROGRESS)
		net_fatal("connect");
}

/*
 * What comes next for one client; true when it has had its answer.  Where the
 * server is slow, who waits too long for room is reset, and tries again.
 */
static bool crowd_client(const struct net *net, struct pollfd *client)
{
	bool sends = client->revents & POLLOUT;
	ssize_t len;
	char byte;

	if (!client->revents)
		return false;
	len = sends ? send(client->fd, "?", 1, MSG_NOSIGNAL) :
		      recv(client->fd, &byte, 1, 0);
	if (len == 1 && sends) {
		client->events = POLLIN;
		return false;
	}
	if (len != 1 && errno != ECONNRESET)
		net_fatal("%s", sends ? "send" : "recv");
	close(client->fd);
	client->fd = -1;
	if (len != 1)
		crowd_connect(net, client);
	return len == 1;
}

/*
 * More clients at once than both queues have room for.  They speak first: if
 * there is no room for the connection that a cookie brings, what they say
 * comes again; each time later, so those who came last must not be many.
 */
FLOOD_TEST(crowd)
{
	struct pollfd clients[CROWD];
	int listener, i, done = 0;
	pthread_t server;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	for (i = 0; i < CROWD; i++)
		crowd_connect(&self->net, &clients[i]);
	ASSERT_EQ(0, pthread_create(&server, NULL, crowd_server, &listener));
	while (done < CROWD) {
		ASSERT_LT(0, poll(clients, CROWD, NET_DEADLINE_MS));
		for (i = 0; i < CROWD; i++)
			done += crowd_client(&self->net, &clients[i]);
	}
	shutdown(listener, SHUT_RD);
	pthread_join(server, NULL);
}

TEST_HARNESS_MAIN
