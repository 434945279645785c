// SPDX-License-Identifier: GPL-2.0
/*
 * Garbage: random and mutated segments at listening, half-open, established
 * and closing sockets.
 *
 * The victims may die of it, the kernel may not.  Beside them live three
 * that must survive: a connection, a half-open one and a listener.  They get
 * their share of garbage too, but only of the kind that RFC 9293 tells a TCP
 * to drop; in the end they are used as if nothing had happened.
 *
 * GARBAGE_COUNT is the number of segments, GARBAGE_SEED repeats a run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "bytes.h"
#include "net.h"
#include "peer.h"

/* Segments, unless GARBAGE_COUNT says other; KASAN makes them slow. */
#define COUNT		100000
#define COUNT_KASAN	10000
#define ROUND		1000	/* segments before the victims are made anew */
#define TIMEOUT		3600
#define PACKET_MAX	1500
#define IP_HEADER	20
#define TCP_HEADER	20

enum victim_kind {
	HALF_OPEN, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, CLOSING,
	LAST_ACK, TIME_WAIT, SYN_SENT, VICTIMS
};

struct survivors {
	struct peer_conn established, half_open, listening;
};

struct victim {
	struct peer_conn conn;
	int fd;
};

static __u64 seed;

/* xorshift64*: the same on every machine */
static __u32 any(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dull >> 32;
}

static __u32 below(__u32 limit)
{
	return any() % limit;
}

static bool one_in(__u32 n)
{
	return !below(n);
}

/* ---- what is sent ---- */

/* A number near the right one, at an edge, or anywhere. */
static __u32 near(__u32 right, __u32 edge)
{
	switch (below(8)) {
	case 0:
		return any();
	case 1:
		return right + below(11) - 5;
	case 2:
		return edge + below(11) - 5;
	case 3:
		return right + below(65536);
	case 4:
		return right - below(65536);
	case 5:
		return right + 0x80000000u + below(3) - 1;
	default:
		return right;
	}
}

static __u8 some_flags(void)
{
	static const __u8 common[] = {
		PEER_ACK, PEER_ACK, PEER_ACK, PEER_ACK | PEER_PSH,
		PEER_ACK | PEER_FIN, PEER_SYN, PEER_SYN | PEER_ACK,
		PEER_ACK | PEER_URG, PEER_FIN, 0,
		PEER_ACK | PEER_ECE | PEER_CWR,
	};

	if (one_in(50))
		return PEER_RST | (one_in(2) ? PEER_ACK : 0);
	if (one_in(8))
		return any();
	return common[below(sizeof(common))];
}

static void some_options(struct peer_segment *seg)
{
	static const __u8 kinds[] = { 0, 1, 2, 3, 4, 5, 8, 34, 254 };
	unsigned int i, len;

	seg->optlen = below(41);
	for (i = 0; i < seg->optlen; i++)
		seg->opt[i] = any();
	/* like options, with lengths that are often right */
	for (i = 0; i + 2 <= seg->optlen && !one_in(6); i += len) {
		seg->opt[i] = kinds[below(sizeof(kinds))];
		len = one_in(6) ? below(256) : 2 + below(9);
		seg->opt[i + 1] = len;
		len = len ?: 1;
	}
}

static void some_segment(struct peer_segment *seg, const struct peer_conn *conn)
{
	unsigned int i;

	memset(seg, 0, sizeof(*seg));
	seg->saddr = one_in(30) ? PEER_ADDR + below(250) : PEER_ADDR;
	seg->daddr = PEER_LOCAL_ADDR;
	seg->proto = net_ip_protocol();
	seg->ttl = 64;
	seg->tos = one_in(10) ? any() : 0;
	seg->id = any();
	seg->sport = one_in(20) ? any() : conn->pport;
	seg->dport = one_in(40) ? any() : conn->lport;
	seg->seq = near(conn->snd_max, conn->edge);
	seg->ack = near(conn->rcv_max, conn->window_edge);
	seg->flags = some_flags();
	seg->window = one_in(4) ? 0 : any();
	seg->urg = one_in(4) ? any() : 0;
	if (one_in(4))
		some_options(seg);
	if (one_in(2))
		seg->len = one_in(3) ? below(1401) : below(20);
	for (i = 0; i < seg->len; i += 16)
		seg->data[i] = any();
	if (one_in(15))
		seg->doff = below(16);
	seg->bad_sum = one_in(15);
	if (one_in(25))
		seg->cut = below(TCP_HEADER + 1);
}

/* Flips bits of the segment, then makes its checksum right again. */
static void mutate(__u8 *packet, size_t len)
{
	__u8 *tcp = packet + IP_HEADER;
	unsigned int i, flips = 1 + below(4);

	if (len < IP_HEADER + TCP_HEADER)
		return;
	for (i = 0; i < flips; i++)
		tcp[below(one_in(3) ? len - IP_HEADER : TCP_HEADER)] ^=
			1 << below(8);
	put16(tcp + 16, 0);
	put16(tcp + 16, sum_segment(packet, tcp, len - IP_HEADER));
}

/* Header fields of IP that lie: version, lengths, fragments, protocol. */
static size_t mutate_ip(__u8 *packet, size_t len)
{
	switch (below(5)) {
	case 0:
		packet[below(IP_HEADER)] ^= 1 << below(8);
		break;
	case 1:
		packet[0] = 0x40 | below(16);
		break;
	case 2:
		packet[6] = below(256);
		packet[7] = below(4);
		break;
	case 3:
		packet[2] = below(6);
		packet[3] = any();
		break;
	default:
		len = 1 + below(len);
		put16(packet + 2, len);
		break;
	}
	put16(packet + 10, 0);
	put16(packet + 10, sum_fold(sum_bytes(packet, IP_HEADER, 0)));
	return len;
}

/* An ICMP error about a segment of this connection, or about anything. */
static void send_icmp(const struct peer_conn *conn)
{
	__u8 packet[PACKET_MAX], *icmp = packet + IP_HEADER;
	struct peer_segment seg;
	size_t quote = IP_HEADER + below(TCP_HEADER + 9);
	size_t len = IP_HEADER + 8 + quote;

	some_segment(&seg, conn);
	seg.saddr = PEER_LOCAL_ADDR;
	seg.daddr = PEER_ADDR;
	seg.sport = conn->lport;
	seg.dport = conn->pport;
	seg.seq = near(conn->rcv_max - 1, conn->irs);
	seg.cut = 0;
	seg.len = 0;
	peer_compose(&seg, icmp + 8, sizeof(packet) - IP_HEADER - 8);
	seg.saddr = PEER_ADDR;
	seg.daddr = PEER_LOCAL_ADDR;
	seg.proto = IPPROTO_ICMP;
	seg.len = quote + 8;
	seg.optlen = 0;
	memcpy(seg.data, icmp, seg.len);
	/* composed as TCP for its IP header only */
	seg.len -= TCP_HEADER;
	peer_compose(&seg, packet, sizeof(packet));
	memcpy(icmp, seg.data, quote + 8);
	memset(icmp, 0, 8);
	icmp[0] = one_in(4) ? 11 : 3;
	icmp[1] = below(16);
	icmp[6] = below(7);
	icmp[7] = any();
	put16(icmp + 2, sum_fold(sum_bytes(icmp, len - IP_HEADER, 0)));
	peer_inject(packet, len);
}

static void send_garbage(const struct peer_conn *conn)
{
	__u8 packet[PACKET_MAX];
	struct peer_segment seg;
	size_t len, i;

	if (one_in(40)) {
		send_icmp(conn);
		return;
	}
	if (one_in(200)) {
		len = 1 + below(200);
		for (i = 0; i < len; i++)
			packet[i] = any();
		packet[0] = 0x45;
		peer_inject(packet, len);
		return;
	}
	some_segment(&seg, conn);
	len = peer_compose(&seg, packet, sizeof(packet));
	if (one_in(4))
		mutate(packet, len);
	if (one_in(25))
		len = mutate_ip(packet, len);
	peer_inject(packet, len);
}

/*
 * Garbage that must leave a connection as it is: outside the window, or in
 * it with a bad checksum, without ACK, with an ACK of nothing, with a SYN, or
 * a RST that is not exactly at the next byte.
 */
static void send_harmless(const struct peer_conn *conn, bool half_open)
{
	__u32 window = conn->edge - conn->ack_max;
	__u8 packet[PACKET_MAX];
	struct peer_segment seg;

	some_segment(&seg, conn);
	seg.saddr = PEER_ADDR;
	seg.sport = conn->pport;
	seg.dport = conn->lport;
	seg.doff = 0;
	seg.cut = 0;
	seg.bad_sum = false;
	seg.seq = conn->snd_max + 1 + below(window - 2000);
	switch (below(half_open ? 4 : 7)) {
	case 0:
		seg.bad_sum = true;
		break;
	case 1:
		seg.seq = conn->snd_max + window + 1 + below(1 << 30);
		break;
	case 2:
		seg.seq = conn->snd_max - 2000 - below(1 << 30);
		break;
	case 3:
		seg.flags &= ~(PEER_ACK | PEER_RST | PEER_SYN);
		break;
	case 4:
		seg.flags = (seg.flags | PEER_ACK) & ~PEER_RST;
		seg.ack = conn->rcv_max + 1 + below(1 << 30);
		break;
	case 5:
		seg.flags = (seg.flags | PEER_SYN) & ~PEER_RST;
		break;
	case 6:
		seg.flags |= PEER_RST;
		seg.flags &= ~PEER_SYN;
		break;
	}
	peer_inject(packet, peer_compose(&seg, packet, sizeof(packet)));
}

/* A listener answers these, or not, and remembers nothing. */
static void send_harmless_to_listener(const struct peer_conn *conn)
{
	__u8 packet[PACKET_MAX];
	struct peer_segment seg;

	some_segment(&seg, conn);
	seg.sport = any();
	seg.dport = conn->lport;
	if (!(seg.flags & (PEER_RST | PEER_ACK)) && !seg.bad_sum)
		seg.flags &= ~PEER_SYN;
	peer_inject(packet, peer_compose(&seg, packet, sizeof(packet)));
}

/* ---- whom it is sent to ---- */

static int make_victim(struct victim *v, enum victim_kind kind, int listener,
		       __u16 port)
{
	static unsigned int connects;
	int fd;

	peer_conn_init(&v->conn, port, PEER_PORT + kind);
	v->conn.isn = any();
	v->conn.snd_max = v->conn.isn;
	v->conn.fragmentable = true;
	peer_use(&v->conn);
	if (kind == SYN_SENT) {
		v->conn.lport = 20000 + connects++ % 20000;
		fd = app_connect_start();
		peer_expect("S 0:0(0)");
		return fd;
	}
	if (kind == HALF_OPEN) {
		peer_send("S 0:0(0) <mss 1000>");
		peer_expect("S. 0:0(0) ack 1");
		return -1;
	}
	fd = peer_accept(listener);
	switch (kind) {
	case FIN_WAIT1:
	case FIN_WAIT2:
	case CLOSING:
	case TIME_WAIT:
		app_shutdown_write(fd);
		peer_expect("F. 1:1(0) ack 1");
		break;
	case CLOSE_WAIT:
	case LAST_ACK:
		peer_send("F. 1:1(0) ack 1");
		peer_expect(". 1:1(0) ack 2");
		break;
	default:
		return fd;
	}
	if (kind == FIN_WAIT2 || kind == TIME_WAIT)
		peer_send(". 1:1(0) ack 2");
	if (kind == CLOSING || kind == TIME_WAIT) {
		peer_send("F. 1:1(0) ack %d", kind == TIME_WAIT ? 2 : 1);
		peer_expect(". 2:2(0) ack 2");
	}
	if (kind == LAST_ACK) {
		app_shutdown_write(fd);
		peer_expect("F. 1:1(0) ack 2");
	}
	return fd;
}

/* The program above does its part: it reads, writes and closes. */
static void use_victim(struct victim *v)
{
	char buf[2000];

	memset(buf, 'x', sizeof(buf));
	if (v->fd < 0)
		return;
	if (one_in(2))
		while (recv(v->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	if (one_in(3))
		send(v->fd, buf, below(sizeof(buf)),
		     MSG_DONTWAIT | MSG_NOSIGNAL);
	if (one_in(100))
		shutdown(v->fd, below(3));
	if (one_in(100)) {
		close(v->fd);
		v->fd = -1;
	}
}

static void close_victim(struct victim *v)
{
	if (v->fd < 0)
		return;
	if (one_in(4))
		close(v->fd);
	else
		net_abort(v->fd);
}

/* Somebody looks, in the middle of it. */
static void read_proc(void)
{
	char buf[4096];
	int fd = open("/proc/self/net/teach/sockets", O_RDONLY);

	if (fd < 0)
		return;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

FIXTURE(garbage) {
	struct survivors survivors;
	int listener, fd;
};

FIXTURE_SETUP(garbage)
{
	peer_start();
	peer_ignore_others(true);
	/* the half-open one shall not end for lack of an answer */
	peer_sysctl("synack_retries", "12");
	self->listener = app_listen(PEER_LOCAL_PORT, 8);

	peer_conn_init(&self->survivors.established, PEER_LOCAL_PORT, 1000);
	peer_use(&self->survivors.established);
	self->fd = peer_accept(self->listener);

	peer_conn_init(&self->survivors.half_open, PEER_LOCAL_PORT, 1001);
	peer_use(&self->survivors.half_open);
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");

	peer_conn_init(&self->survivors.listening, PEER_LOCAL_PORT, 1002);

	/* garbage about the path's MTU is believed: the path is shared */
	self->survivors.established.fragmentable = true;
	self->survivors.half_open.fragmentable = true;
	self->survivors.listening.fragmentable = true;
}

FIXTURE_TEARDOWN(garbage)
{
}

static unsigned int garbage_round(const struct survivors *survivors,
				  unsigned int round, unsigned int count)
{
	__u16 port = 10000 + round % 1000;
	struct victim victims[VICTIMS], *v;
	unsigned int i, answers = 0;
	int listener = app_listen(port, 64);
	struct peer_conn unborn;

	for (i = 0; i < VICTIMS; i++)
		victims[i].fd = make_victim(&victims[i], i, listener, port);
	for (i = 0; i < count; i++) {
		v = &victims[below(VICTIMS)];
		switch (below(16)) {
		case 0:
			send_harmless(&survivors->established, false);
			break;
		case 1:
			send_harmless(&survivors->half_open, true);
			break;
		case 2:
			send_harmless_to_listener(&survivors->listening);
			break;
		case 3:
		case 4:
			peer_conn_init(&unborn, port, any());
			send_garbage(&unborn);
			break;
		default:
			send_garbage(&v->conn);
			break;
		}
		if (i % 32 == 0)
			use_victim(v);
		if (i % 16 == 0)
			answers += peer_drain();
	}
	answers += peer_drain();
	for (i = 0; i < VICTIMS; i++)
		close_victim(&victims[i]);
	app_close(listener);
	return answers;
}

TEST_F_TIMEOUT(garbage, leaves_the_living_alone, TIMEOUT)
{
	unsigned long count = net_env("GARBAGE_COUNT",
				      net_kasan() ? COUNT_KASAN : COUNT);
	unsigned long done = 0, answers = 0;
	unsigned int round = 0, n;
	int fd;

	seed = net_env("GARBAGE_SEED", time(NULL));
	ksft_print_msg("GARBAGE_SEED=%llu GARBAGE_COUNT=%lu\n",
		       (unsigned long long)seed, count);
	fflush(stdout);
	seed = seed * 0x9e3779b97f4a7c15ull | 1;

	while (done < count) {
		n = count - done < ROUND ? count - done : ROUND;
		answers += garbage_round(&self->survivors, round++, n);
		read_proc();
		done += n;
	}
	ksft_print_msg("%lu segments, %lu answers\n", done, answers);
	fflush(stdout);
	EXPECT_LT(0, answers);

	/* the connection still carries data both ways, and ends in order */
	peer_use(&self->survivors.established);
	app_read_nothing(self->fd);
	peer_send(". 1:1001(1000) ack 1");
	while (peer_conn()->ack_max != peer_conn()->isn + 1001)
		peer_next();
	app_read(self->fd, 1000);
	app_write(self->fd, 500);
	while (!peer_next()->len)
		;
	peer_send(". 1001:1001(0) ack 501");
	app_close(self->fd);
	peer_expect("F. 501:501(0) ack 1001");
	peer_send("F. 1001:1001(0) ack 502");
	peer_expect(". 502:502(0) ack 1002");

	/* the half-open one can still be completed */
	peer_use(&self->survivors.half_open);
	peer_send(". 1:11(10) ack 1");
	fd = app_accept(self->listener);
	while (peer_conn()->ack_max != peer_conn()->isn + 11)
		peer_next();
	app_read(fd, 10);

	/* and the listener listens */
	app_accept_nothing(self->listener);
	peer_use(&self->survivors.listening);
	fd = peer_accept(self->listener);
	peer_send(". 1:11(10) ack 1");
	peer_expect(". 1:1(0) ack 11");
	app_read(fd, 10);
}

TEST_HARNESS_MAIN
