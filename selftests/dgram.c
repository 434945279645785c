// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_DGRAM: what goes in comes out whole, at whom it is for; and everything
 * that can be wrong with a call, a datagram or the way there is said as udp(7),
 * ip(7) and socket(7) have it.
 *
 * Datagrams that no socket would send are made with raw sockets.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"

#include "bytes.h"
#include "net.h"

#define PORT		5300
#define DGRAM_MAX	65507		/* 65535 less two headers */
#define CARD_MTU	1500
#define ADDR_NET	"10.9.0.255"	/* to all on the cable */
#define ADDR_GROUP	"239.1.2.3"
#define GARBAGE		3000		/* unless GARBAGE_COUNT says other */
#define MEMORY_SOCKETS	8

FIXTURE(dgram) {
	struct net net;
};

FIXTURE_TEARDOWN(dgram)
{
	net_exit(&self->net);
}

/* What udp(7) calls 17. */
static int wire(void)
{
	return net_is_inet() ? IPPROTO_UDP : IPPROTO_TEACH_DGRAM;
}

static int dgram(const struct net *net, enum host host, int flags)
{
	int fd;

	net_enter(net, host);
	fd = socket(net_family, SOCK_DGRAM | flags, 0);
	if (fd < 0)
		net_fatal("socket(%d, SOCK_DGRAM, 0)", net_family);
	/* A datagram that never comes must not stop a test. */
	net_timeout(fd, SO_RCVTIMEO, NET_DEADLINE_MS);
	return fd;
}

static int bind_to(int fd, const char *ip, int port)
{
	if (net_bind(fd, ip, port))
		net_fatal("bind to %s:%d", ip, port);
	return fd;
}

static int bound(const struct net *net, enum host host, const char *ip,
		 int port)
{
	return bind_to(dgram(net, host, 0), ip, port);
}

static int connected(const struct net *net, enum host host, const char *ip,
		     int port)
{
	int fd = dgram(net, host, 0);

	if (net_connect(fd, ip, port))
		net_fatal("connect to %s:%d", ip, port);
	return fd;
}

/* One that shares its port with others who say so. */
static int shared(const struct net *net, enum host host, const char *ip,
		  int port)
{
	int fd = dgram(net, host, 0);

	net_setopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return bind_to(fd, ip, port);
}

static ssize_t send_to(int fd, const void *buf, size_t len, const char *ip,
		       int port)
{
	struct sockaddr_in addr = net_addr(ip, port);

	return sendto(fd, buf, len, 0, (struct sockaddr *)&addr, sizeof(addr));
}

/* The word that comes next is this one. */
static bool gets(int fd, const char *word)
{
	char buf[64] = "";
	ssize_t len = recv(fd, buf, sizeof(buf) - 1, 0);

	return len == (ssize_t)strlen(word) && !strcmp(buf, word);
}

/* Nothing is there, after all that was sent has arrived. */
static bool gets_nothing(int fd)
{
	char byte;

	return net_err(recv(fd, &byte, 1, MSG_DONTWAIT)) == EAGAIN;
}

/* A counter by AF_TEACH's name and by UDP's. */
static long long counter(const struct net *net, enum host host,
			 const char *teach, const char *udp)
{
	if (!net_is_inet())
		return net_counter(net, host, teach);
	net_enter(net, host);
	return net_inet_counter("Udp:", udp);
}

/* How many datagrams are there; they are gone then. */
static int drain(int fd)
{
	char buf[2000];
	int n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

/* One control message, of SOL_IP. */
static ssize_t send_beside(int fd, const char *ip, int type, const void *data,
			   size_t len)
{
	char control[64] = "";
	struct sockaddr_in addr = net_addr(ip, PORT);
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(len),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_IP;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	return sendmsg(fd, &msg, 0);
}

/*
 * ---- Datagrams as nobody sends them ----
 */

/* UDP's header and some bytes, to be spoilt. */
struct raw {
	struct udphdr head;
	char data[32];
};

/* RFC 768, with the protocol's number that is on the wire. */
static uint16_t checksum(const void *dgram, size_t len, const char *src,
			 const char *dst)
{
	struct {
		in_addr_t	src;
		in_addr_t	dst;
		uint8_t		zero;
		uint8_t		proto;
		uint16_t	len;
	} pseudo = { inet_addr(src), inet_addr(dst), 0, wire(), htons(len) };

	return sum_fold(sum_bytes(dgram, len,
				  sum_bytes(&pseudo, sizeof(pseudo), 0)));
}

/* From @port of host A to PORT of host B. */
static struct raw raw_dgram(int port, const char *word)
{
	struct raw raw = {
		.head = {
			.source = htons(port),
			.dest = htons(PORT),
			.len = htons(sizeof(raw.head) + strlen(word)),
		},
	};

	strcpy(raw.data, word);
	raw.head.check = htons(checksum(&raw, sizeof(raw.head) + strlen(word),
					ADDR_A, ADDR_B));
	return raw;
}

static int raw_socket(const struct net *net, enum host host, int proto)
{
	int fd;

	net_enter(net, host);
	fd = socket(AF_INET, SOCK_RAW, proto);
	if (fd < 0)
		net_fatal("raw socket");
	return fd;
}

static void raw_send(int fd, const void *packet, size_t len, const char *ip)
{
	struct sockaddr_in addr = net_addr(ip, 0);

	addr.sin_family = AF_INET;
	if (sendto(fd, packet, len, 0, (struct sockaddr *)&addr,
		   sizeof(addr)) != (ssize_t)len)
		net_fatal("raw sendto");
}

/*
 * ---- Bytes ----
 */

static const size_t sizes[] = {
	0, 1, 7, 8, 9, 100, 1400, CARD_MTU - 29, CARD_MTU - 28, CARD_MTU - 27,
	2960, 3000, 8192, 16384, 40000, DGRAM_MAX - 1, DGRAM_MAX,
};

/*
 * What is sent before the peer's link address is known waits, and what is sent
 * as it becomes known may be faster.
 */
static void resolve(const struct net *net)
{
	int server = bound(net, B, ADDR_ANY, PORT);
	int client = connected(net, A, ADDR_B, PORT);

	if (send(client, "x", 1, 0) != 1 || !gets(server, "x"))
		net_fatal("resolve");
	close(client);
	close(server);
}

FIXTURE_SETUP(dgram)
{
	net_init(&self->net);
	resolve(&self->net);
}

TEST_F(dgram, round_trip)
{
	static char out[DGRAM_MAX], in[DGRAM_MAX + 1];
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	struct sockaddr_in peer;
	socklen_t len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		net_pattern(out, sizes[i], i);
		ASSERT_EQ(sizes[i], send(client, out, sizes[i], 0));
		len = sizeof(peer);
		ASSERT_EQ(sizes[i], recvfrom(server, in, sizeof(in), 0,
					     (struct sockaddr *)&peer, &len));
		EXPECT_TRUE(net_pattern_ok(in, sizes[i], i));
		EXPECT_EQ(sizeof(peer), len);
		EXPECT_EQ(net_family, peer.sin_family);
		EXPECT_EQ(inet_addr(ADDR_A), peer.sin_addr.s_addr);
		EXPECT_EQ(net_local_port(client), ntohs(peer.sin_port));
		ASSERT_EQ(sizes[i], sendto(server, in, sizes[i], 0,
					   (struct sockaddr *)&peer, len));
		ASSERT_EQ(sizes[i], recv(client, in, sizeof(in), 0));
		EXPECT_TRUE(net_pattern_ok(in, sizes[i], i));
	}
}

/* On the loopback device nothing is cut. */
TEST_F(dgram, round_trip_on_lo)
{
	static char out[DGRAM_MAX], in[DGRAM_MAX];
	int server = bound(&self->net, A, ADDR_LO, PORT);
	int client = connected(&self->net, A, ADDR_LO, PORT);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		net_pattern(out, sizes[i], i);
		ASSERT_EQ(sizes[i], send(client, out, sizes[i], 0));
		ASSERT_EQ(sizes[i], recv(server, in, sizeof(in), 0));
		EXPECT_TRUE(net_pattern_ok(in, sizes[i], i));
	}
}

TEST_F(dgram, too_large)
{
	static const size_t large[] = {
		DGRAM_MAX + 1, 65535, 65536, 100000, 1 << 20,
	};
	static char buf[1 << 20];
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(large); i++)
		EXPECT_EQ(EMSGSIZE, net_err(send(client, buf, large[i], 0)));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_TRUE(gets(server, "x"));
}

/* Every datagram is one read, whatever room there is. */
TEST_F(dgram, boundaries_and_truncation)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	char buf[8] = "";
	struct iovec iov = { buf, 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(6, send(client, "abcdef", 6, 0));
	ASSERT_EQ(6, send(client, "ghijkl", 6, 0));
	ASSERT_EQ(4, send(client, "mnop", 4, 0));
	ASSERT_EQ(0, send(client, "", 0, 0));
	ASSERT_EQ(2, send(client, "qr", 2, 0));

	EXPECT_EQ(4, recvmsg(server, &msg, 0));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags);
	EXPECT_STREQ("abcd", buf);
	/* The rest is gone; and its length is told only if asked. */
	EXPECT_EQ(6, recvmsg(server, &msg, MSG_TRUNC));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags);
	EXPECT_STREQ("ghij", buf);
	EXPECT_EQ(4, recvmsg(server, &msg, MSG_TRUNC));
	EXPECT_EQ(0, msg.msg_flags);
	EXPECT_EQ(0, recvmsg(server, &msg, 0));
	EXPECT_EQ(0, msg.msg_flags);
	EXPECT_TRUE(gets(server, "qr"));
}

TEST_F(dgram, peek)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	char buf[8] = "";

	ASSERT_EQ(3, send(client, "one", 3, 0));
	ASSERT_EQ(3, send(client, "two", 3, 0));
	EXPECT_EQ(2, recv(server, buf, 2, MSG_PEEK));
	EXPECT_EQ(3, recv(server, buf, 2, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(0, memcmp(buf, "on", 2));
	EXPECT_TRUE(gets(server, "one"));
	EXPECT_TRUE(gets(server, "two"));
	EXPECT_TRUE(gets_nothing(server));
	EXPECT_EQ(0, net_meminfo(server, SK_MEMINFO_RMEM_ALLOC));
}

/* socket(7), SO_PEEK_OFF: a look begins where the last one ended. */
TEST_F(dgram, peek_offset)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	char buf[8] = "";

	net_setopt(server, SOL_SOCKET, SO_PEEK_OFF, 0);
	ASSERT_EQ(6, send(client, "abcdef", 6, 0));
	ASSERT_EQ(2, send(client, "gh", 2, 0));
	ASSERT_TRUE(net_wait_poll(server, POLLIN));
	EXPECT_EQ(2, recv(server, buf, 2, MSG_PEEK));
	EXPECT_EQ(4, recv(server, buf, 8, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "cdef", 4));
	EXPECT_EQ(2, recv(server, buf, 8, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "gh", 2));
	EXPECT_TRUE(gets(server, "abcdef"));
	EXPECT_EQ(2, net_getopt(server, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_TRUE(gets(server, "gh"));
}

TEST_F(dgram, many_in_one_call)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	struct mmsghdr out[20] = {}, in[20] = {};
	struct iovec iov_out[20], iov_in[20];
	char words[20][8], buf[20][8];
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(words[i], sizeof(words[i]), "word%d", i);
		iov_out[i] = (struct iovec){ words[i], strlen(words[i]) };
		iov_in[i] = (struct iovec){ buf[i], sizeof(buf[i]) };
		out[i].msg_hdr.msg_iov = &iov_out[i];
		out[i].msg_hdr.msg_iovlen = 1;
		in[i].msg_hdr.msg_iov = &iov_in[i];
		in[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(20, sendmmsg(client, out, 20, 0));
	EXPECT_EQ(20, recvmmsg(server, in, 20, 0, NULL));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(strlen(words[i]), out[i].msg_len);
		EXPECT_EQ(strlen(words[i]), in[i].msg_len);
		EXPECT_EQ(0, memcmp(words[i], buf[i], in[i].msg_len));
	}
	EXPECT_EQ(5, sendmmsg(client, out, 5, 0));
	EXPECT_EQ(5, recvmmsg(server, in, 20, MSG_WAITFORONE, NULL));
}

TEST_F(dgram, queue_lengths)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);

	EXPECT_EQ(0, net_ioctl(server, FIONREAD));
	ASSERT_EQ(3, send(client, "one", 3, 0));
	ASSERT_EQ(5, send(client, "three", 5, 0));
	ASSERT_TRUE(net_wait_poll(server, POLLIN));
	EXPECT_EQ(3, net_ioctl(server, FIONREAD));
	EXPECT_TRUE(gets(server, "one"));
	EXPECT_TRUE(net_until(net_ioctl(server, FIONREAD) == 5));
	EXPECT_TRUE(net_until(!net_ioctl(client, TIOCOUTQ)));
}

/*
 * ---- Whose it is ----
 */

TEST_F(dgram, best_match)
{
	int any = shared(&self->net, B, ADDR_ANY, PORT);
	int mine = shared(&self->net, B, ADDR_B, PORT);
	int peer = shared(&self->net, B, ADDR_ANY, PORT);
	int client = bound(&self->net, A, ADDR_ANY, 0);
	int other = bound(&self->net, A, ADDR_ANY, 0);
	int local = bound(&self->net, B, ADDR_LO, 0);

	ASSERT_EQ(0, net_connect(peer, ADDR_A, net_local_port(client)));
	EXPECT_EQ(1, send_to(client, "1", 1, ADDR_B, PORT));
	EXPECT_TRUE(gets(peer, "1"));
	EXPECT_EQ(1, send_to(other, "2", 1, ADDR_B, PORT));
	EXPECT_TRUE(gets(mine, "2"));
	EXPECT_EQ(1, send_to(local, "3", 1, ADDR_LO, PORT));
	EXPECT_TRUE(gets(any, "3"));
	close(peer);
	EXPECT_EQ(1, send_to(client, "4", 1, ADDR_B, PORT));
	EXPECT_TRUE(gets(mine, "4"));
	close(mine);
	EXPECT_EQ(1, send_to(client, "5", 1, ADDR_B, PORT));
	EXPECT_TRUE(gets(any, "5"));
}

/* A server with a connected socket for each of its clients. */
TEST_F(dgram, many_peers)
{
	int any = shared(&self->net, B, ADDR_ANY, PORT);
	int client[100], server[100], i;
	char word[8];

	for (i = 0; i < 100; i++) {
		client[i] = connected(&self->net, A, ADDR_B, PORT);
		server[i] = shared(&self->net, B, ADDR_ANY, PORT);
		ASSERT_EQ(0, net_connect(server[i], ADDR_A,
					 net_local_port(client[i])));
	}
	for (i = 0; i < 100; i++) {
		snprintf(word, sizeof(word), "%d", i);
		ASSERT_LT(0, send(client[i], word, strlen(word), 0));
		EXPECT_TRUE(gets(server[i], word));
	}
	EXPECT_TRUE(gets_nothing(any));
}

/* A connected socket hears its peer alone, and may send to all. */
TEST_F(dgram, connected)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int stranger = bound(&self->net, B, ADDR_ANY, PORT + 1);
	int client = connected(&self->net, A, ADDR_B, PORT);
	int port = net_local_port(client);

	EXPECT_EQ(PORT, net_peer_port(client));
	EXPECT_EQ(1, send_to(stranger, "x", 1, ADDR_A, port));
	EXPECT_EQ(1, send_to(server, "1", 1, ADDR_A, port));
	EXPECT_TRUE(gets(client, "1"));
	EXPECT_TRUE(gets_nothing(client));
	EXPECT_EQ(1, send_to(client, "2", 1, ADDR_B, PORT + 1));
	EXPECT_TRUE(gets(stranger, "2"));
	EXPECT_EQ(1, send(client, "3", 1, 0));
	EXPECT_TRUE(gets(server, "3"));
	/* Another peer, without leaving the first. */
	EXPECT_EQ(0, net_connect(client, ADDR_B, PORT + 1));
	EXPECT_EQ(port, net_local_port(client));
	EXPECT_EQ(1, send(client, "4", 1, 0));
	EXPECT_TRUE(gets(stranger, "4"));
	EXPECT_EQ(1, send_to(stranger, "5", 1, ADDR_A, port));
	EXPECT_TRUE(gets(client, "5"));
}

static int disconnect(int fd)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };

	return connect(fd, &addr, sizeof(addr));
}

TEST_F(dgram, disconnect)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int stranger = bound(&self->net, B, ADDR_ANY, PORT + 1);
	int client = connected(&self->net, A, ADDR_B, PORT);
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	EXPECT_EQ(0, disconnect(client));
	EXPECT_EQ(ENOTCONN, net_err(getpeername(client,
						(struct sockaddr *)&addr,
						&len)));
	EXPECT_EQ(EDESTADDRREQ, net_err(send(client, "x", 1, 0)));
	ASSERT_EQ(0, getsockname(client, (struct sockaddr *)&addr, &len));
	EXPECT_EQ(htonl(INADDR_ANY), addr.sin_addr.s_addr);
	EXPECT_EQ(0, disconnect(client));
	close(client);

	/* A port that bind(2) took stays. */
	client = bound(&self->net, A, ADDR_ANY, PORT);
	ASSERT_EQ(0, net_connect(client, ADDR_B, PORT));
	EXPECT_EQ(0, disconnect(client));
	EXPECT_EQ(PORT, net_local_port(client));
	EXPECT_EQ(1, send_to(stranger, "1", 1, ADDR_A, PORT));
	EXPECT_TRUE(gets(client, "1"));
	EXPECT_EQ(0, net_connect(client, ADDR_B, PORT));
	EXPECT_EQ(1, send(client, "2", 1, 0));
	EXPECT_TRUE(gets(server, "2"));
}

/* The other host's ports are its own, and so is its loopback device. */
TEST_F(dgram, netns)
{
	int here = bound(&self->net, A, ADDR_LO, PORT);
	int there = bound(&self->net, B, ADDR_LO, PORT);
	int client = dgram(&self->net, A, 0);

	EXPECT_EQ(1, send_to(client, "x", 1, ADDR_LO, PORT));
	EXPECT_TRUE(gets(here, "x"));
	EXPECT_TRUE(gets_nothing(there));
}

TEST_F(dgram, broadcast)
{
	int one = shared(&self->net, B, ADDR_ANY, PORT);
	int two = shared(&self->net, B, ADDR_ANY, PORT);
	int narrow = shared(&self->net, B, ADDR_NET, PORT);
	int deaf = shared(&self->net, B, ADDR_B, PORT);
	int client = dgram(&self->net, A, 0);

	EXPECT_EQ(EACCES, net_err(send_to(client, "x", 1, ADDR_NET, PORT)));
	EXPECT_EQ(EACCES, net_err(net_connect(client, ADDR_NET, PORT)));
	net_setopt(client, SOL_SOCKET, SO_BROADCAST, 1);
	EXPECT_EQ(2, send_to(client, "to", 2, ADDR_NET, PORT));
	EXPECT_TRUE(gets(one, "to"));
	EXPECT_TRUE(gets(two, "to"));
	EXPECT_TRUE(gets(narrow, "to"));
	EXPECT_EQ(0, net_connect(client, ADDR_NET, PORT));
	EXPECT_EQ(3, send(client, "all", 3, 0));
	EXPECT_TRUE(gets(one, "all"));
	EXPECT_TRUE(gets(two, "all"));
	EXPECT_TRUE(gets(narrow, "all"));
	EXPECT_TRUE(gets_nothing(deaf));
}

TEST_F(dgram, multicast)
{
	struct ip_mreqn group = { .imr_multiaddr.s_addr =
				  inet_addr(ADDR_GROUP) };
	int member = shared(&self->net, B, ADDR_ANY, PORT);
	int other = shared(&self->net, B, ADDR_ANY, PORT);
	int client = dgram(&self->net, A, 0);

	group.imr_ifindex = if_nametoindex(DEV_A);
	ASSERT_EQ(0, setsockopt(client, SOL_IP, IP_MULTICAST_IF, &group,
				sizeof(group)));
	net_enter(&self->net, B);
	group.imr_ifindex = if_nametoindex(DEV_B);
	ASSERT_EQ(0, setsockopt(member, SOL_IP, IP_ADD_MEMBERSHIP, &group,
				sizeof(group)));
	net_setopt(other, SOL_IP, IP_MULTICAST_ALL, 0);
	EXPECT_EQ(2, send_to(client, "us", 2, ADDR_GROUP, PORT));
	EXPECT_TRUE(gets(member, "us"));
	EXPECT_TRUE(gets_nothing(other));
	net_setopt(other, SOL_IP, IP_MULTICAST_ALL, 1);
	EXPECT_EQ(3, send_to(client, "all", 3, ADDR_GROUP, PORT));
	EXPECT_TRUE(gets(member, "all"));
	EXPECT_TRUE(gets(other, "all"));
}

/*
 * ---- Ports ----
 */

static int bind_err(int fd, const char *ip, int port)
{
	int err = net_err(net_bind(fd, ip, port));

	close(fd);
	return err;
}

static int reusing(const struct net *net, enum host host)
{
	int fd = dgram(net, host, 0);

	net_setopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return fd;
}

TEST_F(dgram, port_in_use)
{
	struct net *net = &self->net;
	int fd = bound(net, A, ADDR_A, PORT);

	EXPECT_EQ(EADDRINUSE, bind_err(dgram(net, A, 0), ADDR_A, PORT));
	EXPECT_EQ(EADDRINUSE, bind_err(dgram(net, A, 0), ADDR_ANY, PORT));
	EXPECT_EQ(EADDRINUSE, bind_err(reusing(net, A), ADDR_A, PORT));
	EXPECT_EQ(0, bind_err(dgram(net, A, 0), ADDR_LO, PORT));
	EXPECT_EQ(0, bind_err(dgram(net, B, 0), ADDR_B, PORT));
	EXPECT_EQ(EINVAL, net_err(net_bind(fd, ADDR_A, PORT + 1)));
	close(fd);
	fd = shared(net, A, ADDR_A, PORT);
	EXPECT_EQ(EADDRINUSE, bind_err(dgram(net, A, 0), ADDR_A, PORT));
	EXPECT_EQ(0, bind_err(reusing(net, A), ADDR_ANY, PORT));
	close(fd);
	EXPECT_EQ(0, bind_err(dgram(net, A, 0), ADDR_A, PORT));
}

TEST_F(dgram, ports_given_out)
{
	bool same_step = true;
	int port[10], fd[10];
	int i, step;

	for (i = 0; i < 10; i++) {
		fd[i] = i % 2 ? bound(&self->net, A, ADDR_ANY, 0) :
				connected(&self->net, A, ADDR_B, PORT);
		port[i] = net_local_port(fd[i]);
		EXPECT_LE(NET_EPHEMERAL_MIN, port[i]);
	}
	/* Whoever has seen some does not know the next. */
	step = port[1] - port[0];
	for (i = 2; i < 10; i++)
		same_step &= port[i] - port[i - 1] == step;
	EXPECT_FALSE(same_step);
}

TEST_F(dgram, reserved_ports)
{
	int fd;

	net_reserve_ports(&self->net, A, NET_EPHEMERAL_MIN + 1,
			  NET_EPHEMERAL_MAX);
	fd = connected(&self->net, A, ADDR_B, PORT);
	EXPECT_EQ(NET_EPHEMERAL_MIN, net_local_port(fd));
	EXPECT_EQ(EADDRINUSE, bind_err(dgram(&self->net, A, 0), ADDR_ANY, 0));
	close(fd);
	fd = bound(&self->net, A, ADDR_ANY, NET_EPHEMERAL_MAX);
	EXPECT_EQ(NET_EPHEMERAL_MIN,
		  net_local_port(bound(&self->net, A, ADDR_ANY, 0)));
}

/* ip(7), ip_local_port_range */
TEST_F(dgram, port_range)
{
	int port;

	net_port_range(&self->net, A, 2000, 2001);
	port = net_local_port(bound(&self->net, A, ADDR_ANY, 0));
	EXPECT_TRUE(port == 2000 || port == 2001);
	EXPECT_EQ(2000 + 2001 - port,
		  net_local_port(connected(&self->net, A, ADDR_B, PORT)));
	EXPECT_EQ(EADDRINUSE, bind_err(dgram(&self->net, A, 0), ADDR_ANY, 0));
}

/* ip(7), IP_LOCAL_PORT_RANGE: as far as it is in that of the host */
TEST_F(dgram, port_range_of_a_socket)
{
	int fd = dgram(&self->net, A, 0);
	int one = NET_EPHEMERAL_MIN + 7;

	if (!net_own_port_range(fd, one, one))
		SKIP(return, "this kernel has no IP_LOCAL_PORT_RANGE");
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_EQ(one, net_local_port(fd));

	fd = dgram(&self->net, A, 0);
	EXPECT_TRUE(net_own_port_range(fd, one, one));
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_TRUE(net_own_port_range(fd, one, one + 1));
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_EQ(one + 1, net_local_port(fd));
}

TEST_F(dgram, privileged_ports)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	int fd = dgram(&self->net, A, 0);

	EXPECT_EQ(0, bind_err(dgram(&self->net, A, 0), ADDR_ANY, 53));
	ASSERT_EQ(0, syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1 << CAP_NET_BIND_SERVICE);
	ASSERT_EQ(0, syscall(SYS_capset, &head, data));
	EXPECT_EQ(EACCES, net_err(net_bind(fd, ADDR_ANY, 53)));
	EXPECT_EQ(EACCES, net_err(net_bind(fd, ADDR_ANY, 1023)));
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 1024)));
}

/*
 * ---- Calls that fail ----
 */

TEST_F(dgram, errno_of_socket)
{
	net_enter(&self->net, A);
	EXPECT_EQ(EPROTONOSUPPORT, net_err(socket(net_family, SOCK_DGRAM,
						  IPPROTO_TCP)));
	if (net_is_inet())
		return;
	EXPECT_EQ(EPROTONOSUPPORT, net_err(socket(AF_TEACH, SOCK_DGRAM,
						  IPPROTO_TEACH)));
	EXPECT_EQ(EPROTONOSUPPORT, net_err(socket(AF_TEACH, SOCK_STREAM,
						  IPPROTO_TEACH_DGRAM)));
	EXPECT_LE(0, socket(AF_TEACH, SOCK_DGRAM, IPPROTO_TEACH_DGRAM));
}

TEST_F(dgram, errno_of_addresses)
{
	struct sockaddr_in addr = net_addr(ADDR_B, PORT);
	struct sockaddr *sa = (struct sockaddr *)&addr;
	int fd = dgram(&self->net, A, 0);

	EXPECT_EQ(EDESTADDRREQ, net_err(send(fd, "x", 1, 0)));
	EXPECT_EQ(EINVAL, net_err(sendto(fd, "x", 1, 0, sa, 8)));
	EXPECT_EQ(EINVAL, net_err(connect(fd, sa, 8)));
	EXPECT_EQ(EINVAL, net_err(bind(fd, sa, 8)));
	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_bind(fd, ADDR_B, PORT)));
	addr.sin_port = 0;
	EXPECT_EQ(EINVAL, net_err(sendto(fd, "x", 1, 0, sa, sizeof(addr))));
	addr.sin_port = htons(PORT);
	addr.sin_family = AF_INET6;
	EXPECT_EQ(EAFNOSUPPORT, net_err(sendto(fd, "x", 1, 0, sa,
					       sizeof(addr))));
	EXPECT_EQ(EAFNOSUPPORT, net_err(connect(fd, sa, sizeof(addr))));
	addr.sin_family = AF_UNSPEC;
	EXPECT_EQ(1, sendto(fd, "x", 1, 0, sa, sizeof(addr)));
	EXPECT_EQ(ENETUNREACH, net_err(send_to(fd, "x", 1, ADDR_NOROUTE,
					       PORT)));
	EXPECT_EQ(ENETUNREACH, net_err(net_connect(fd, ADDR_NOROUTE, PORT)));
	EXPECT_EQ(ENOTCONN, net_err(getpeername(fd, sa,
						&(socklen_t){ sizeof(addr) })));
	EXPECT_EQ(ENOTCONN, net_err(shutdown(fd, SHUT_RDWR)));
	EXPECT_EQ(EOPNOTSUPP, net_err(send(fd, "x", 1, MSG_OOB)));
	EXPECT_EQ(EOPNOTSUPP, net_err(listen(fd, 1)));
	EXPECT_EQ(EOPNOTSUPP, net_err(accept(fd, NULL, NULL)));
	EXPECT_EQ(EAGAIN, net_err(recv(fd, &addr, 1, MSG_DONTWAIT)));
	EXPECT_EQ(EAGAIN, net_err(recv(fd, &addr, 1, MSG_ERRQUEUE)));
	EXPECT_EQ(ENOPROTOOPT, net_err(setsockopt(fd, SOL_TCP, TCP_NODELAY,
						  &(int){ 1 }, sizeof(int))));
	EXPECT_EQ(EOPNOTSUPP, net_err(getsockopt(fd, SOL_TCP, TCP_NODELAY,
						 &(int){ 1 },
						 &(socklen_t){ sizeof(int) })));
}

TEST_F(dgram, errno_of_pointers)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);

	EXPECT_EQ(EFAULT, net_err(syscall(SYS_sendto, client, 1, 100, 0, 0,
					  0)));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(EFAULT, net_err(syscall(SYS_recvfrom, server, 1, 100, 0, 0,
					  0)));
	/* That one is lost. */
	EXPECT_TRUE(gets_nothing(server));
	EXPECT_EQ(0, net_meminfo(server, SK_MEMINFO_RMEM_ALLOC));
}

/* The two forms of an address; a socket answers in the last one used. */
TEST_F(dgram, forms)
{
	struct sockaddr_in addr = net_addr(ADDR_B, PORT);
	struct sockaddr *sa = (struct sockaddr *)&addr;
	socklen_t len = sizeof(addr);
	int server, client;

	if (net_is_inet())
		SKIP(return, "the kernel's UDP knows one form");
	server = bound(&self->net, B, ADDR_ANY, PORT);
	client = dgram(&self->net, A, 0);
	addr.sin_family = AF_INET;
	EXPECT_EQ(1, sendto(client, "1", 1, 0, sa, len));
	EXPECT_EQ(0, getsockname(client, sa, &len));
	EXPECT_EQ(AF_INET, addr.sin_family);
	EXPECT_EQ(1, recvfrom(server, &(char){ 0 }, 1, 0, sa, &len));
	EXPECT_EQ(AF_TEACH, addr.sin_family);
	EXPECT_EQ(0, net_connect(client, ADDR_B, PORT));
	EXPECT_EQ(0, getpeername(client, sa, &len));
	EXPECT_EQ(AF_TEACH, addr.sin_family);
	addr.sin_family = AF_INET;
	EXPECT_EQ(0, connect(client, sa, len));
	EXPECT_EQ(0, getpeername(client, sa, &len));
	EXPECT_EQ(AF_INET, addr.sin_family);

	addr.sin_family = AF_TEACH;
	addr.sin_zero[7] = 1;
	EXPECT_EQ(EINVAL, net_err(connect(client, sa, len)));
	EXPECT_EQ(EINVAL, net_err(sendto(client, "x", 1, 0, sa, len)));
}

/*
 * ---- Events ----
 */

TEST_F(dgram, poll)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	int all = POLLIN | POLLOUT | POLLRDHUP;

	EXPECT_EQ(POLLOUT, net_poll(server, all, 0));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_TRUE(net_wait_poll(server, POLLIN));
	EXPECT_EQ(POLLIN | POLLOUT, net_poll(server, all, 0));
	EXPECT_TRUE(gets(server, "x"));
	EXPECT_EQ(POLLOUT, net_poll(server, all, 0));
	EXPECT_EQ(0, shutdown(client, SHUT_RD));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, net_poll(client, all, 0));
	EXPECT_EQ(0, shutdown(client, SHUT_WR));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP,
		  net_poll(client, all, 0));
	EXPECT_EQ(EPIPE, net_err(send(client, "x", 1, 0)));
	EXPECT_EQ(0, recv(client, &all, 1, 0));
}

TEST_F(dgram, shutdown_wakes)
{
	char buf[4];
	struct net_call call = {
		.fn = net_call_recv, .buf = buf, .len = sizeof(buf),
	};

	call.fd = connected(&self->net, A, ADDR_B, PORT);
	net_timeout(call.fd, SO_RCVTIMEO, 0);
	net_call(&call);
	ASSERT_FALSE(net_call_done(&call));
	EXPECT_EQ(0, shutdown(call.fd, SHUT_RD));
	EXPECT_EQ(0, net_call_end(&call));
}

TEST_F(dgram, datagram_wakes)
{
	int client = dgram(&self->net, A, 0);
	char buf[4];
	struct net_call call = {
		.fn = net_call_recv, .buf = buf, .len = sizeof(buf),
	};

	call.fd = bound(&self->net, B, ADDR_ANY, PORT);
	net_call(&call);
	ASSERT_FALSE(net_call_done(&call));
	EXPECT_EQ(2, send_to(client, "up", 2, ADDR_B, PORT));
	EXPECT_EQ(2, net_call_end(&call));
}

/*
 * ---- Errors on the way ----
 */

TEST_F(dgram, refused)
{
	int client = connected(&self->net, A, ADDR_B, PORT);
	int before = counter(&self->net, B, "DropNoSocket", "NoPorts");
	char byte;

	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_TRUE(net_wait_poll(client, POLLERR));
	EXPECT_EQ(before + 1, counter(&self->net, B, "DropNoSocket",
				      "NoPorts"));
	EXPECT_EQ(ECONNREFUSED, net_err(send(client, "y", 1, 0)));
	/* Told once; and the call that was told sent nothing. */
	EXPECT_EQ(POLLOUT, net_poll(client, POLLOUT, 0));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(ECONNREFUSED, net_err(recv(client, &byte, 1, 0)));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_TRUE(net_wait_poll(client, POLLERR));
	EXPECT_EQ(ECONNREFUSED, net_so_error(client));
	EXPECT_TRUE(gets_nothing(client));
}

/* By this host itself, who is bound to a device is not told. */
TEST_F(dgram, refused_on_a_device)
{
	int client = dgram(&self->net, A, 0);

	EXPECT_EQ(0, setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, DEV_A,
				strlen(DEV_A)));
	ASSERT_EQ(0, net_connect(client, ADDR_A, PORT));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	net_quiet();
	EXPECT_EQ(0, net_so_error(client));
	ASSERT_EQ(0, net_connect(client, ADDR_B, PORT));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_TRUE(net_wait_poll(client, POLLERR));
	EXPECT_EQ(ECONNREFUSED, net_so_error(client));
}

/* Not connected and not asked for: nobody is told. */
TEST_F(dgram, refused_unconnected)
{
	int client = bound(&self->net, A, ADDR_ANY, PORT);
	int before = counter(&self->net, B, "DropNoSocket", "NoPorts");

	EXPECT_EQ(1, send_to(client, "x", 1, ADDR_B, PORT));
	EXPECT_TRUE(net_until(counter(&self->net, B, "DropNoSocket",
				      "NoPorts") == before + 1));
	EXPECT_EQ(POLLOUT, net_poll(client, POLLOUT, NET_QUIET_MS));
	EXPECT_EQ(1, send_to(client, "x", 1, ADDR_B, PORT));
	EXPECT_TRUE(gets_nothing(client));
}

struct queued {
	struct sock_extended_err ee;
	struct sockaddr_in offender;
};

/* The first of the error queue: what, who, and where the datagram went. */
static ssize_t take_error(int fd, struct queued *error,
			  struct sockaddr_in *dest, char *data, size_t size,
			  int *flags)
{
	char control[256];
	struct iovec iov = { data, size };
	struct msghdr msg = {
		.msg_name = dest,
		.msg_namelen = sizeof(*dest),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len;

	memset(error, 0, sizeof(*error));
	len = recvmsg(fd, &msg, MSG_ERRQUEUE);
	*flags = msg.msg_flags;
	if (len >= 0)
		net_cmsg(&msg, SOL_IP, IP_RECVERR, error, sizeof(*error));
	return len;
}

TEST_F(dgram, error_queue)
{
	int client = dgram(&self->net, A, 0);
	struct sockaddr_in dest;
	struct queued error;
	char data[64];
	int flags;

	net_setopt(client, SOL_IP, IP_RECVERR, 1);
	EXPECT_EQ(5, send_to(client, "hello", 5, ADDR_B, PORT));
	EXPECT_TRUE(net_wait_poll(client, POLLERR));
	EXPECT_EQ(ECONNREFUSED, net_err(send_to(client, "x", 1, ADDR_B,
						PORT)));
	ASSERT_EQ(5, take_error(client, &error, &dest, data, sizeof(data),
				&flags));
	EXPECT_EQ(MSG_ERRQUEUE, flags);
	EXPECT_EQ(0, memcmp(data, "hello", 5));
	EXPECT_EQ(net_family, dest.sin_family);
	EXPECT_EQ(inet_addr(ADDR_B), dest.sin_addr.s_addr);
	EXPECT_EQ(PORT, ntohs(dest.sin_port));
	EXPECT_EQ(ECONNREFUSED, error.ee.ee_errno);
	EXPECT_EQ(SO_EE_ORIGIN_ICMP, error.ee.ee_origin);
	EXPECT_EQ(ICMP_DEST_UNREACH, error.ee.ee_type);
	EXPECT_EQ(ICMP_PORT_UNREACH, error.ee.ee_code);
	EXPECT_EQ(net_family, error.offender.sin_family);
	EXPECT_EQ(inet_addr(ADDR_B), error.offender.sin_addr.s_addr);
	EXPECT_EQ(0, error.offender.sin_port);
	EXPECT_EQ(-1, take_error(client, &error, &dest, data, sizeof(data),
				 &flags));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(POLLOUT, net_poll(client, POLLIN | POLLOUT, 0));

	/* Too little room for the bytes. */
	EXPECT_EQ(5, send_to(client, "hello", 5, ADDR_B, PORT));
	EXPECT_TRUE(net_wait_poll(client, POLLERR));
	EXPECT_EQ(2, take_error(client, &error, &dest, data, 2, &flags));
	EXPECT_EQ(MSG_ERRQUEUE | MSG_TRUNC, flags);
	EXPECT_EQ(0, net_meminfo(client, SK_MEMINFO_RMEM_ALLOC));
}

/* Errors that this host finds itself. */
TEST_F(dgram, error_queue_local)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	static char buf[2000];
	struct sockaddr_in dest;
	struct queued error;
	int flags;

	net_setopt(client, SOL_IP, IP_RECVERR, 1);
	net_setopt(client, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	EXPECT_EQ(EMSGSIZE, net_err(send(client, buf, CARD_MTU - 27, 0)));
	EXPECT_EQ(0, take_error(client, &error, &dest, buf, sizeof(buf),
				&flags));
	EXPECT_EQ(EMSGSIZE, error.ee.ee_errno);
	EXPECT_EQ(SO_EE_ORIGIN_LOCAL, error.ee.ee_origin);
	EXPECT_EQ(CARD_MTU, error.ee.ee_info);
	EXPECT_EQ(inet_addr(ADDR_B), dest.sin_addr.s_addr);
	EXPECT_EQ(PORT, ntohs(dest.sin_port));
	EXPECT_EQ(CARD_MTU - 28, send(client, buf, CARD_MTU - 28, 0));
	EXPECT_EQ(CARD_MTU - 28, recv(server, buf, sizeof(buf), 0));
}

/* From host B: an ICMP error that quotes a datagram of host A's. */
static void send_icmp(const struct net *net, int type, int code, int mtu,
		      int sport, int dport)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		struct udphdr udp;
	} packet = {
		.icmp = {
			.type = type,
			.code = code,
			.un.frag.mtu = htons(mtu),
		},
		.ip = {
			.version = 4,
			.ihl = 5,
			.ttl = 1,
			.tot_len = htons(sizeof(packet.ip) +
					 sizeof(packet.udp)),
			.protocol = wire(),
			.saddr = inet_addr(ADDR_A),
			.daddr = inet_addr(ADDR_B),
		},
		.udp = {
			.source = htons(sport),
			.dest = htons(dport),
			.len = htons(sizeof(packet.udp)),
		},
	};
	int fd = raw_socket(net, B, IPPROTO_ICMP);

	packet.icmp.checksum = htons(sum_fold(sum_bytes(&packet,
							sizeof(packet), 0)));
	raw_send(fd, &packet, sizeof(packet), ADDR_A);
	close(fd);
}

TEST_F(dgram, icmp_errors)
{
	static const struct {
		int type, code, hard, err;
	} errors[] = {
		{ ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0, ENETUNREACH },
		{ ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, EHOSTUNREACH },
		{ ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 1, ENOPROTOOPT },
		{ ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 1, ECONNREFUSED },
		{ ICMP_DEST_UNREACH, ICMP_SR_FAILED, 0, EOPNOTSUPP },
		{ ICMP_DEST_UNREACH, ICMP_HOST_ANO, 1, EHOSTUNREACH },
		{ ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0, EHOSTUNREACH },
		{ ICMP_PARAMETERPROB, 0, 1, EPROTO },
	};
	int hard = connected(&self->net, A, ADDR_B, PORT);
	int all = connected(&self->net, A, ADDR_B, PORT);
	size_t i;
	int err;

	net_setopt(all, SOL_IP, IP_RECVERR, 1);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		send_icmp(&self->net, errors[i].type, errors[i].code, 0,
			  net_local_port(hard), PORT);
		send_icmp(&self->net, errors[i].type, errors[i].code, 0,
			  net_local_port(all), PORT);
		/* POLLERR is of the last one still, which is queued. */
		ASSERT_TRUE(net_until((err = net_so_error(all))));
		EXPECT_EQ(errors[i].err, err);
		err = errors[i].hard ? errors[i].err : 0;
		EXPECT_EQ(err, net_so_error(hard)) {
			TH_LOG("case %zu", i);
		}
		/* That of a peer that it has not is nothing to it. */
		send_icmp(&self->net, errors[i].type, errors[i].code, 0,
			  net_local_port(hard), PORT + 1);
	}
	EXPECT_EQ(0, net_so_error(hard));
}

/* A router takes less: ip(7), IP_MTU_DISCOVER. */
TEST_F(dgram, icmp_mtu)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	static char buf[CARD_MTU];

	net_setopt(client, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	EXPECT_EQ(1400, send(client, buf, 1400, 0));
	EXPECT_EQ(1400, recv(server, buf, sizeof(buf), 0));
	send_icmp(&self->net, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1000,
		  net_local_port(client), PORT);
	ASSERT_TRUE(net_wait_poll(client, POLLERR));
	EXPECT_EQ(EMSGSIZE, net_so_error(client));
	EXPECT_EQ(1000, net_getopt(client, SOL_IP, IP_MTU));
	EXPECT_EQ(EMSGSIZE, net_err(send(client, buf, 973, 0)));
	EXPECT_EQ(972, send(client, buf, 972, 0));
	EXPECT_EQ(972, recv(server, buf, sizeof(buf), 0));
	/* Or it is cut here. */
	net_setopt(client, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT);
	EXPECT_EQ(1400, send(client, buf, 1400, 0));
	EXPECT_EQ(1400, recv(server, buf, sizeof(buf), 0));
}

/*
 * ---- Datagrams that are wrong ----
 */

TEST_F(dgram, checksum_in)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int fd = raw_socket(&self->net, A, wire());
	struct raw raw = raw_dgram(1, "good");
	int before;

	raw_send(fd, &raw, sizeof(raw.head) + 4, ADDR_B);
	EXPECT_TRUE(gets(server, "good"));

	before = counter(&self->net, B, "DropDgramChecksum", "InCsumErrors");
	raw.head.check ^= htons(1);
	raw_send(fd, &raw, sizeof(raw.head) + 4, ADDR_B);
	raw = raw_dgram(1, "well");
	raw.data[1] ^= 1;
	raw_send(fd, &raw, sizeof(raw.head) + 4, ADDR_B);
	/* UDP looks when the reader does. */
	raw = raw_dgram(1, "none");
	raw.head.check = 0;
	raw_send(fd, &raw, sizeof(raw.head) + 4, ADDR_B);
	EXPECT_TRUE(gets(server, "none"));
	EXPECT_TRUE(gets_nothing(server));
	EXPECT_EQ(before + 2, counter(&self->net, B, "DropDgramChecksum",
				      "InCsumErrors"));
}

TEST_F(dgram, lengths_in)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int fd = raw_socket(&self->net, A, wire());
	struct raw raw = raw_dgram(1, "word");
	size_t i;

	for (i = 1; i < sizeof(raw.head); i++)
		raw_send(fd, &raw, i, ADDR_B);
	raw.head.check = 0;
	raw_send(fd, &raw, sizeof(raw.head) + 3, ADDR_B);
	raw.head.len = htons(65535);
	raw_send(fd, &raw, sizeof(raw), ADDR_B);
	raw.head.len = htons(7);
	raw_send(fd, &raw, sizeof(raw), ADDR_B);
	raw.head.len = 0;
	raw_send(fd, &raw, sizeof(raw), ADDR_B);
	raw = raw_dgram(1, "");
	raw_send(fd, &raw, sizeof(raw.head), ADDR_B);
	/* What IP brings more is not the datagram's. */
	raw = raw_dgram(1, "padded");
	strcpy(raw.data + 6, "padding");
	raw_send(fd, &raw, sizeof(raw), ADDR_B);

	EXPECT_TRUE(gets(server, ""));
	EXPECT_TRUE(gets(server, "padded"));
	EXPECT_TRUE(gets_nothing(server));
	if (net_is_inet())
		return;
	EXPECT_EQ(7, net_counter(&self->net, B, "DropTooShort"));
	EXPECT_EQ(4, net_counter(&self->net, B, "DropDgramLength"));
}

/* What is sent, header and all. */
TEST_F(dgram, on_the_wire)
{
	int client = connected(&self->net, A, ADDR_B, PORT);
	int fd = raw_socket(&self->net, B, wire());
	struct {
		struct iphdr ip;
		struct raw raw;
	} packet = {};
	ssize_t len;
	int i;

	net_timeout(fd, SO_RCVTIMEO, NET_DEADLINE_MS);
	for (i = 0; i < 2; i++) {
		net_setopt(client, SOL_SOCKET, SO_NO_CHECK, i);
		ASSERT_EQ(5, send(client, "bytes", 5, 0));
		len = recv(fd, &packet, sizeof(packet), 0);
		ASSERT_EQ(20 + 8 + 5, len);
		EXPECT_EQ(0x45, *(uint8_t *)&packet);
		EXPECT_EQ(wire(), packet.ip.protocol);
		EXPECT_EQ(64, packet.ip.ttl);
		EXPECT_EQ(htons(IP_DF), packet.ip.frag_off);
		EXPECT_EQ(net_local_port(client),
			  ntohs(packet.raw.head.source));
		EXPECT_EQ(PORT, ntohs(packet.raw.head.dest));
		EXPECT_EQ(8 + 5, ntohs(packet.raw.head.len));
		EXPECT_EQ(0, memcmp(packet.raw.data, "bytes", 5));
		EXPECT_EQ(i, !packet.raw.head.check);
		ASSERT_TRUE(net_wait_poll(client, POLLERR));
		net_so_error(client);
	}
}

/* ip(7), IP_MTU_DISCOVER: who lets routers cut what fits into one packet? */
TEST_F(dgram, dont_fragment)
{
	static const struct {
		int how, bits;
	} ways[] = {
		{ IP_PMTUDISC_DONT, 0 },
		{ IP_PMTUDISC_WANT, IP_DF },
		{ IP_PMTUDISC_DO, IP_DF },
		{ IP_PMTUDISC_PROBE, IP_DF },
		{ IP_PMTUDISC_INTERFACE, 0 },
		{ IP_PMTUDISC_OMIT, 0 },
	};
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	int fd = raw_socket(&self->net, B, wire());
	struct iphdr ip;
	size_t i;

	net_timeout(fd, SO_RCVTIMEO, NET_DEADLINE_MS);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		net_setopt(client, SOL_IP, IP_MTU_DISCOVER, ways[i].how);
		EXPECT_EQ(1, send(client, "x", 1, 0));
		EXPECT_EQ(sizeof(ip), recv(fd, &ip, sizeof(ip), 0));
		EXPECT_EQ(htons(ways[i].bits), ip.frag_off);
		EXPECT_TRUE(gets(server, "x"));
	}
}

/* A sum that happens to be zero is sent as all ones: RFC 768. */
TEST_F(dgram, checksum_zero)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = bound(&self->net, A, ADDR_A, PORT);
	unsigned char data[2] = {};
	struct raw raw;
	uint16_t sum;

	ASSERT_EQ(0, net_connect(client, ADDR_B, PORT));
	raw = raw_dgram(PORT, "");
	raw.head.len = htons(sizeof(raw.head) + 2);
	raw.head.check = 0;
	sum = checksum(&raw, sizeof(raw.head) + 2, ADDR_A, ADDR_B);
	/* Then the sum of all is 0xffff, and its complement zero. */
	data[0] = sum >> 8;
	data[1] = sum;
	EXPECT_EQ(2, send(client, data, 2, 0));
	EXPECT_EQ(2, recv(server, data, 2, 0));
	EXPECT_EQ(sum >> 8, data[0]);
}

static uint64_t seed = 1;

static uint32_t any(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dull >> 32;
}

/* Whatever comes, the next good one arrives and nothing is kept. */
TEST_F(dgram, garbage)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int peer = shared(&self->net, B, ADDR_ANY, PORT + 1);
	int fd = raw_socket(&self->net, A, wire());
	long n, count = net_env("GARBAGE_COUNT", GARBAGE);
	struct raw raw;
	size_t len, i;
	char word[64];

	/* No answers of ICMP are wanted: they would only be slow. */
	ASSERT_EQ(0, net_connect(peer, ADDR_A, 7));
	for (n = 0; n < count; n++) {
		raw = raw_dgram(7, "garbage");
		len = any() % sizeof(raw) + 1;
		raw.head.dest = htons(PORT + any() % 2);
		for (i = any() % 4; i; i--)
			((uint8_t *)&raw)[any() % sizeof(raw)] = any();
		if (any() % 2)
			raw.head.check = 0;
		if (any() % 2)
			raw.head.len = htons(len);
		raw_send(fd, &raw, len, ADDR_B);
		if (n % 100)
			continue;
		drain(server);
		drain(peer);
	}
	raw = raw_dgram(1, "good");
	raw_send(fd, &raw, sizeof(raw.head) + 4, ADDR_B);
	do {
		len = recv(server, word, sizeof(word), 0);
	} while (len != SIZE_MAX && (len != 4 || memcmp(word, "good", 4)));
	EXPECT_EQ(4, len);
	EXPECT_EQ(0, net_meminfo(server, SK_MEMINFO_RMEM_ALLOC));
}

/*
 * ---- Memory ----
 */

/* A reader that never reads costs its buffer, and is told what it missed. */
TEST_F(dgram, receive_buffer)
{
	int server = dgram(&self->net, A, 0);
	int client = connected(&self->net, A, ADDR_LO, PORT);
	char buf[1000] = "";
	int i, got = 0;

	net_setopt(server, SOL_SOCKET, SO_RCVBUF, 16384);
	ASSERT_EQ(0, net_bind(server, ADDR_LO, PORT));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(sizeof(buf), send(client, buf, sizeof(buf), 0));
	ASSERT_TRUE(net_until(net_meminfo(server, SK_MEMINFO_DROPS) > 100));
	EXPECT_GE(2 * net_meminfo(server, SK_MEMINFO_RCVBUF),
		  net_meminfo(server, SK_MEMINFO_RMEM_ALLOC));
	EXPECT_TRUE(net_until((got += drain(server)) +
			      net_meminfo(server, SK_MEMINFO_DROPS) == 200));
	EXPECT_LT(0, got);
	EXPECT_EQ(200 - got, counter(&self->net, A, "DropRcvBuf",
				     "RcvbufErrors"));
	EXPECT_EQ(0, net_meminfo(server, SK_MEMINFO_RMEM_ALLOC));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_TRUE(gets(server, "x"));
}

/* What waits for a neighbour's address is the sender's still. */
TEST_F(dgram, send_buffer)
{
	int client = connected(&self->net, A, ADDR_NOARP, PORT);
	char buf[1000] = "";
	int sent = 0;

	net_setopt(client, SOL_SOCKET, SO_SNDBUF, 8192);
	while (send(client, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		sent++;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, sent);
	EXPECT_GT(32, sent);
	EXPECT_LE(sent * (int)sizeof(buf), net_ioctl(client, TIOCOUTQ));
	EXPECT_EQ(0, net_poll(client, POLLOUT, 0));
	/* Nobody answers, so it is given up. */
	EXPECT_TRUE(net_wait_poll(client, POLLOUT));
	EXPECT_TRUE(net_until(!net_ioctl(client, TIOCOUTQ)));
}

/* What is beyond it is dropped, and room comes back when the readers read. */
TEST_F(dgram, global_memory)
{
	int slack = net_slack_pages();
	int limit = 2 * slack;
	int fd[MEMORY_SOCKETS], client, sysctl, i, n;
	static char buf[60000];
	char old[128] = "", new[64];
	long long held = 0;

	client = dgram(&self->net, A, 0);
	for (i = 0; i < MEMORY_SOCKETS; i++) {
		fd[i] = dgram(&self->net, A, 0);
		net_setopt(fd[i], SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
		ASSERT_EQ(0, net_bind(fd[i], ADDR_LO, PORT + i));
	}
	sysctl = net_open_global("ipv4/udp_mem", "teach/dgram_mem");
	snprintf(new, sizeof(new), "%d %d %d", limit, limit, limit);
	ASSERT_LT(0, read(sysctl, old, sizeof(old) - 1));
	ASSERT_LT(0, pwrite(sysctl, new, strlen(new), 0));
	for (n = 0; n < 60; n++)
		for (i = 0; i < MEMORY_SOCKETS; i++)
			send_to(client, buf, sizeof(buf), ADDR_LO, PORT + i);
	EXPECT_LT(0, pwrite(sysctl, old, strlen(old), 0));
	for (i = 0; i < MEMORY_SOCKETS; i++)
		held += net_meminfo(fd[i], SK_MEMINFO_RMEM_ALLOC);
	EXPECT_LT(0, held);
	EXPECT_GE(limit + slack, held / getpagesize());
	EXPECT_LT(0, counter(&self->net, A, "DropMemory", "MemErrors"));
	for (i = 0; i < MEMORY_SOCKETS; i++) {
		drain(fd[i]);
		EXPECT_EQ(0, net_meminfo(fd[i], SK_MEMINFO_RMEM_ALLOC));
		EXPECT_EQ(1, send_to(client, "x", 1, ADDR_LO, PORT + i));
		EXPECT_TRUE(gets(fd[i], "x"));
	}
}

/* What nobody has read goes with the socket. */
TEST_F(dgram, closed_unread)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	int i;

	for (i = 0; i < 50; i++)
		EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_TRUE(net_wait_poll(server, POLLIN));
	close(server);
	EXPECT_TRUE(net_until(net_err(send(client, "x", 1, 0)) ==
			      ECONNREFUSED));
	server = bound(&self->net, B, ADDR_ANY, PORT);
	EXPECT_TRUE(gets_nothing(server));
}

/*
 * ---- In pieces: UDP_CORK, MSG_MORE ----
 */

static void cork(int fd, int on)
{
	net_setopt(fd, SOL_UDP, UDP_CORK, on);
}

static ssize_t send_more(int fd, const char *word)
{
	return send(fd, word, strlen(word), MSG_MORE);
}

TEST_F(dgram, cork_option)
{
	int fd = dgram(&self->net, A, 0);
	socklen_t len;
	int value = 7;

	EXPECT_EQ(0, net_getopt(fd, SOL_UDP, UDP_CORK));
	cork(fd, -3);
	EXPECT_EQ(1, net_getopt(fd, SOL_UDP, UDP_CORK));
	cork(fd, 0);
	EXPECT_EQ(0, net_getopt(fd, SOL_UDP, UDP_CORK));
	EXPECT_EQ(EINVAL, net_err(setsockopt(fd, SOL_UDP, UDP_CORK, &value,
					     3)));
	EXPECT_EQ(EFAULT, net_err(setsockopt(fd, SOL_UDP, UDP_CORK, (void *)8,
					     4)));
	EXPECT_EQ(ENOPROTOOPT, net_err(setsockopt(fd, SOL_UDP, 99, &value, 4)));
	len = 1;
	EXPECT_EQ(0, getsockopt(fd, SOL_UDP, UDP_CORK, &value, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(0, value);
	EXPECT_EQ(ENOPROTOOPT, net_err(getsockopt(fd, SOL_UDP, 99, &value,
						  &len)));
}

/* Nothing leaves before the last piece; and then it is one datagram. */
TEST_F(dgram, cork)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);

	EXPECT_EQ(3, send_more(client, "one"));
	EXPECT_EQ(3, send_more(client, "two"));
	EXPECT_LT(0, net_ioctl(client, TIOCOUTQ));
	net_quiet();
	EXPECT_TRUE(gets_nothing(server));
	EXPECT_EQ(5, send(client, "three", 5, 0));
	EXPECT_TRUE(gets(server, "onetwothree"));

	cork(client, 1);
	EXPECT_EQ(4, send(client, "four", 4, 0));
	EXPECT_EQ(4, send(client, "five", 4, 0));
	net_quiet();
	EXPECT_TRUE(gets_nothing(server));
	cork(client, 0);
	EXPECT_TRUE(gets(server, "fourfive"));
	/* There is nothing to send any more. */
	cork(client, 0);
	EXPECT_EQ(3, send(client, "six", 3, 0));
	EXPECT_TRUE(gets(server, "six"));

	/* An empty one is one, too, and may be the last. */
	EXPECT_EQ(0, send(client, "", 0, MSG_MORE));
	cork(client, 0);
	EXPECT_TRUE(gets(server, ""));
	EXPECT_EQ(5, send_more(client, "seven"));
	EXPECT_EQ(0, send(client, "", 0, 0));
	EXPECT_TRUE(gets(server, "seven"));
	EXPECT_TRUE(net_until(!net_ioctl(client, TIOCOUTQ)));
}

/* In pieces of each size up to the largest datagram; on a cable and on lo. */
TEST_F(dgram, cork_sizes)
{
	static const size_t pieces[] = { 13, 100, 1472, 4096, 5000, 65506 };
	static char out[DGRAM_MAX], in[DGRAM_MAX + 1];
	int server[2] = { bound(&self->net, B, ADDR_ANY, PORT),
			  bound(&self->net, A, ADDR_LO, PORT) };
	int client[2] = { connected(&self->net, A, ADDR_B, PORT),
			  connected(&self->net, A, ADDR_LO, PORT) };
	size_t i, at, len;
	int way;

	for (i = 0; i < 2 * ARRAY_SIZE(pieces); i++) {
		way = i & 1;
		net_pattern(out, sizeof(out), i);
		cork(client[way], 1);
		for (at = 0; at < sizeof(out); at += len) {
			len = pieces[i / 2];
			if (len > sizeof(out) - at)
				len = sizeof(out) - at;
			ASSERT_EQ(len, send(client[way], out + at, len, 0));
		}
		cork(client[way], 0);
		ASSERT_EQ(sizeof(out), recv(server[way], in, sizeof(in), 0));
		EXPECT_TRUE(net_pattern_ok(in, sizeof(out), i));
	}
}

/* What does not fit throws away what was there: half of it is of no use. */
TEST_F(dgram, cork_too_large)
{
	static char buf[DGRAM_MAX];
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);

	ASSERT_EQ(sizeof(buf), send(client, buf, sizeof(buf), MSG_MORE));
	EXPECT_LT(sizeof(buf), net_ioctl(client, TIOCOUTQ));
	EXPECT_EQ(EMSGSIZE, net_err(send(client, "x", 1, 0)));
	EXPECT_EQ(0, net_ioctl(client, TIOCOUTQ));

	/* But this could not have been sent at all, and is not looked at. */
	ASSERT_EQ(3, send_more(client, "one"));
	EXPECT_EQ(EMSGSIZE, net_err(send(client, buf, 65536, MSG_MORE)));
	EXPECT_EQ(EOPNOTSUPP, net_err(send(client, "x", 1, MSG_OOB)));
	EXPECT_EQ(3, send(client, "two", 3, 0));
	EXPECT_TRUE(gets(server, "onetwo"));

	ASSERT_EQ(3, send_more(client, "one"));
	EXPECT_EQ(EFAULT, net_err(send(client, (void *)8, 5000, 0)));
	EXPECT_EQ(0, net_ioctl(client, TIOCOUTQ));

	/* ip(7), IP_MTU_DISCOVER: it is the whole that must fit. */
	net_setopt(client, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	ASSERT_EQ(1000, send(client, buf, 1000, MSG_MORE));
	EXPECT_EQ(EMSGSIZE, net_err(send(client, buf, CARD_MTU - 28 - 999,
					 0)));
	ASSERT_EQ(1000, send(client, buf, 1000, MSG_MORE));
	EXPECT_EQ(CARD_MTU - 28 - 1000,
		  send(client, buf, CARD_MTU - 28 - 1000, 0));
	EXPECT_EQ(CARD_MTU - 28, recv(server, buf, sizeof(buf), 0));
	EXPECT_TRUE(gets_nothing(server));
}

/* The first piece says where it goes, and all that is said beside it. */
TEST_F(dgram, cork_first_decides)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int other = bound(&self->net, B, ADDR_ANY, PORT + 1);
	int client = dgram(&self->net, A, 0);
	char buf[16] = "", control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int ttl = 9;

	net_setopt(server, SOL_IP, IP_RECVTTL, 1);
	cork(client, 1);
	EXPECT_EQ(1, send_beside(client, ADDR_B, IP_TTL, &ttl, sizeof(ttl)));
	EXPECT_EQ(3, send_to(client, "one", 3, ADDR_B, PORT + 1));
	ttl = 300;
	EXPECT_EQ(1, send_beside(client, ADDR_NOROUTE, IP_TTL, &ttl,
				 sizeof(ttl)));
	EXPECT_EQ(3, send(client, "two", 3, 0));
	cork(client, 0);
	EXPECT_EQ(8, recvmsg(server, &msg, 0));
	EXPECT_STREQ("xonextwo", buf);
	EXPECT_TRUE(net_cmsg(&msg, SOL_IP, IP_TTL, &ttl, sizeof(ttl)));
	EXPECT_EQ(9, ttl);
	EXPECT_TRUE(gets_nothing(other));
	EXPECT_EQ(EDESTADDRREQ, net_err(send(client, "x", 1, 0)));
}

/* connect(2) turns it, to another way, too; a disconnect does not. */
TEST_F(dgram, cork_and_connect)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int local = bound(&self->net, A, ADDR_ANY, PORT);
	int client = dgram(&self->net, A, 0);
	struct sockaddr_in addr = net_addr(ADDR_NOBODY, PORT);

	EXPECT_EQ(3, sendto(client, "one", 3, MSG_MORE, (void *)&addr,
			    sizeof(addr)));
	ASSERT_EQ(0, net_connect(client, ADDR_B, PORT));
	EXPECT_EQ(3, send(client, "two", 3, 0));
	EXPECT_TRUE(gets(server, "onetwo"));
	EXPECT_EQ(5, send_more(client, "three"));
	ASSERT_EQ(0, disconnect(client));
	EXPECT_EQ(4, send(client, "four", 4, 0));
	EXPECT_TRUE(gets(server, "threefour"));
	ASSERT_EQ(0, net_connect(client, ADDR_A, PORT));
	EXPECT_EQ(3, send(client, "six", 3, 0));
	EXPECT_TRUE(gets(local, "six"));
}

/* What is not whole is not sent when the socket goes; nor does it stay. */
TEST_F(dgram, cork_and_close)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	static char buf[30000];

	EXPECT_EQ(sizeof(buf), send(client, buf, sizeof(buf), MSG_MORE));
	close(client);
	client = connected(&self->net, A, ADDR_B, PORT);
	EXPECT_EQ(3, send_more(client, "one"));
	EXPECT_EQ(0, shutdown(client, SHUT_WR));
	EXPECT_EQ(3, send(client, "two", 3, 0));
	EXPECT_EQ(EPIPE, net_err(send(client, "x", 1, MSG_NOSIGNAL)));
	EXPECT_TRUE(gets(server, "onetwo"));
}

static int file_of(const void *buf, size_t len)
{
	int fd = memfd_create("dgram", MFD_CLOEXEC);

	if (fd < 0 || write(fd, buf, len) != (ssize_t)len)
		net_fatal("memfd");
	return fd;
}

/* Page by page, and one datagram; with a head of its own while corked. */
TEST_F(dgram, cork_sendfile)
{
	static char out[50000], in[DGRAM_MAX];
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	off_t from = 0;
	int file;

	net_pattern(out, sizeof(out), 0);
	file = file_of(out, sizeof(out));
	ASSERT_EQ(sizeof(out), sendfile(client, file, &from, sizeof(out)));
	ASSERT_EQ(sizeof(out), recv(server, in, sizeof(in), 0));
	EXPECT_TRUE(net_pattern_ok(in, sizeof(out), 0));

	/* More is asked for than there is. */
	from = sizeof(out) - 9000;
	ASSERT_EQ(9000, sendfile(client, file, &from, sizeof(out)));
	ASSERT_EQ(9000, recv(server, in, sizeof(in), 0));
	EXPECT_TRUE(net_pattern_ok(in, 9000, sizeof(out) - 9000));

	cork(client, 1);
	from = 0;
	ASSERT_EQ(4, send(client, "head", 4, 0));
	ASSERT_EQ(10000, sendfile(client, file, &from, 10000));
	ASSERT_EQ(4, send(client, "tail", 4, 0));
	EXPECT_TRUE(gets_nothing(server));
	cork(client, 0);
	ASSERT_EQ(10008, recv(server, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "head", 4));
	EXPECT_TRUE(net_pattern_ok(in + 4, 10000, 0));
	EXPECT_EQ(0, memcmp(in + 10004, "tail", 4));
	close(file);
}

/* In pieces it is on the wire as it is whole. */
TEST_F(dgram, cork_on_the_wire)
{
	int client = connected(&self->net, A, ADDR_B, PORT);
	int fd = raw_socket(&self->net, B, wire());
	struct {
		struct iphdr ip;
		struct raw raw;
	} packet = {};

	net_timeout(fd, SO_RCVTIMEO, NET_DEADLINE_MS);
	ASSERT_EQ(1, send_more(client, "b"));
	ASSERT_EQ(3, send_more(client, "yte"));
	ASSERT_EQ(1, send(client, "s", 1, 0));
	ASSERT_EQ(20 + 8 + 5, recv(fd, &packet, sizeof(packet), 0));
	EXPECT_EQ(htons(IP_DF), packet.ip.frag_off);
	EXPECT_EQ(net_local_port(client), ntohs(packet.raw.head.source));
	EXPECT_EQ(PORT, ntohs(packet.raw.head.dest));
	EXPECT_EQ(8 + 5, ntohs(packet.raw.head.len));
	EXPECT_EQ(0, memcmp(packet.raw.data, "bytes", 5));
}

#define PIECES		500	/* of each thread */

static void *send_pieces(void *arg)
{
	int i, fd = *(int *)arg;

	for (i = 0; i < PIECES; i++)
		while (send(fd, "x", 1, MSG_MORE) != 1)
			/* UDP: two have begun it. */
			if (errno != EINVAL)
				net_fatal("send");
	return NULL;
}

/* Who begins it and who goes on makes no difference; nothing is lost. */
TEST_F(dgram, cork_of_two)
{
	int server = bound(&self->net, A, ADDR_LO, PORT);
	int client = connected(&self->net, A, ADDR_LO, PORT);
	static char buf[2 * PIECES + 1];
	pthread_t thread[2];
	int i, round;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    send_pieces, &client));
		for (i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		cork(client, 0);
		EXPECT_EQ(2 * PIECES, recv(server, buf, sizeof(buf), 0));
	}
	EXPECT_TRUE(net_until(!net_ioctl(client, TIOCOUTQ)));
}

/*
 * ---- All at once ----
 */

static bool stop;

struct restless {
	const struct net *net;
	int port;
};

/* Binds, connects and disconnects, all in the chain of PORT. */
static void *be_restless(void *arg)
{
	const struct restless *who = arg;
	int fd, n = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		fd = dgram(who->net, A, 0);
		if (net_bind(fd, ADDR_LO, who->port))
			net_fatal("bind");
		for (n = 0; n < 8; n++) {
			if (net_connect(fd, ADDR_LO, PORT + n))
				net_fatal("connect");
			if (n % 3 == 2)
				disconnect(fd);
		}
		close(fd);
	}
	return NULL;
}

static void *toggle_cork(void *arg)
{
	int fd = *(int *)arg, n = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		cork(fd, ++n & 1);
		if (n % 16)
			continue;
		if (net_connect(fd, ADDR_LO, PORT + (n / 16 & 1)))
			net_fatal("connect");
	}
	cork(fd, 0);
	return NULL;
}

/* Corked, uncorked and turned while it is written: every byte comes, once. */
TEST_F(dgram, cork_restless)
{
	int server[2] = { bound(&self->net, A, ADDR_LO, PORT),
			  bound(&self->net, A, ADDR_LO, PORT + 1) };
	int client = connected(&self->net, A, ADDR_LO, PORT);
	static char buf[DGRAM_MAX];
	int i, sent = 0, got = 0;
	pthread_t thread;
	ssize_t len;

	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle_cork, &client));
	for (i = 0; i < 3000; i++) {
		if (send(client, buf, 7, i & 1 ? MSG_MORE : 0) == 7)
			sent += 7;
		else if (errno != EINVAL)
			net_fatal("send");
		while ((len = recv(server[i & 1], buf, sizeof(buf),
				   MSG_DONTWAIT)) >= 0)
			got += len;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	for (i = 0; i < 2; i++) {
		net_wait_poll(client, POLLOUT);
		while ((len = recv(server[i], buf, sizeof(buf),
				   MSG_DONTWAIT)) >= 0)
			got += len;
	}
	EXPECT_EQ(sent, got);
	EXPECT_TRUE(net_until(!net_ioctl(client, TIOCOUTQ)));
}

/* Others that come, go and move hide nobody from the look-up. */
TEST_F(dgram, others_move)
{
	int server = bound(&self->net, A, ADDR_LO, PORT);
	int client = connected(&self->net, A, ADDR_LO, PORT);
	struct restless who[2] = {
		{ &self->net, PORT + 1024 }, { &self->net, PORT + 2048 },
	};
	pthread_t thread[2];
	int i, lost = 0;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, be_restless,
					    &who[i]));
	for (i = 0; i < 1000 && !lost; i++) {
		if (send(client, "x", 1, 0) != 1 || !gets(server, "x"))
			lost++;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0, lost);
}

/* /proc/net/teach/datagrams */
TEST_F(dgram, listed)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	char line[256], state[16], local[32], foreign[32], want[32];
	unsigned int proto, recvq;
	int found = 0;
	FILE *file;

	if (net_is_inet())
		SKIP(return, "it is AF_TEACH's own");
	snprintf(want, sizeof(want), "%s:%d", ADDR_A, net_local_port(client));
	ASSERT_EQ(0, net_connect(server, ADDR_A, net_local_port(client)));
	ASSERT_EQ(1, send(client, "x", 1, 0));
	ASSERT_TRUE(net_wait_poll(server, POLLIN));
	net_enter(&self->net, B);
	file = fopen("/proc/thread-self/net/teach/datagrams", "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%u %15s %u %*u %31s %31s", &proto, state,
			   &recvq, local, foreign) != 5)
			continue;
		found++;
		EXPECT_EQ(IPPROTO_TEACH_DGRAM, proto);
		EXPECT_STREQ("ESTABLISHED", state);
		EXPECT_LT(0, recvq);
		EXPECT_STREQ(ADDR_B ":5300", local);
		EXPECT_STREQ(want, foreign);
	}
	fclose(file);
	EXPECT_EQ(1, found);
}

/*
 * ---- What comes beside the bytes ----
 */

TEST_F(dgram, received_beside)
{
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = connected(&self->net, A, ADDR_B, PORT);
	char buf[8], control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct in_pktinfo info = {};
	unsigned char tos = 0;
	int ttl = 0;

	net_setopt(server, SOL_IP, IP_PKTINFO, 1);
	net_setopt(server, SOL_IP, IP_RECVTTL, 1);
	net_setopt(server, SOL_IP, IP_RECVTOS, 1);
	net_setopt(client, SOL_IP, IP_TTL, 17);
	net_setopt(client, SOL_IP, IP_TOS, 0x28);
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(1, recvmsg(server, &msg, 0));
	EXPECT_TRUE(net_cmsg(&msg, SOL_IP, IP_PKTINFO, &info, sizeof(info)));
	net_enter(&self->net, B);
	EXPECT_EQ(if_nametoindex(DEV_B), info.ipi_ifindex);
	EXPECT_EQ(inet_addr(ADDR_B), info.ipi_spec_dst.s_addr);
	EXPECT_EQ(inet_addr(ADDR_B), info.ipi_addr.s_addr);
	EXPECT_TRUE(net_cmsg(&msg, SOL_IP, IP_TTL, &ttl, sizeof(ttl)));
	EXPECT_EQ(17, ttl);
	EXPECT_TRUE(net_cmsg(&msg, SOL_IP, IP_TOS, &tos, sizeof(tos)));
	EXPECT_EQ(0x28, tos);

	/* To all: our address for an answer is the device's. */
	net_setopt(client, SOL_SOCKET, SO_BROADCAST, 1);
	msg.msg_controllen = sizeof(control);
	EXPECT_EQ(1, send_to(client, "x", 1, ADDR_NET, PORT));
	EXPECT_EQ(1, recvmsg(server, &msg, 0));
	EXPECT_TRUE(net_cmsg(&msg, SOL_IP, IP_PKTINFO, &info, sizeof(info)));
	EXPECT_EQ(inet_addr(ADDR_B), info.ipi_spec_dst.s_addr);
	EXPECT_EQ(inet_addr(ADDR_NET), info.ipi_addr.s_addr);
}

TEST_F(dgram, sent_beside)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = inet_addr(ADDR_A) };
	int server = bound(&self->net, B, ADDR_ANY, PORT);
	int client = dgram(&self->net, A, 0);
	char buf[8], control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int ttl = 9, tos = 300;

	net_setopt(server, SOL_IP, IP_RECVTTL, 1);
	EXPECT_EQ(1, send_beside(client, ADDR_B, IP_TTL, &ttl, sizeof(ttl)));
	ttl = 0;
	EXPECT_EQ(1, recvmsg(server, &msg, 0));
	EXPECT_TRUE(net_cmsg(&msg, SOL_IP, IP_TTL, &ttl, sizeof(ttl)));
	EXPECT_EQ(9, ttl);
	EXPECT_EQ(1, send_beside(client, ADDR_B, IP_PKTINFO, &info,
				 sizeof(info)));
	EXPECT_TRUE(gets(server, "x"));
	info.ipi_spec_dst.s_addr = inet_addr(ADDR_B);
	EXPECT_EQ(ENETUNREACH, net_err(send_beside(client, ADDR_B, IP_PKTINFO,
						   &info, sizeof(info))));
	EXPECT_EQ(EINVAL, net_err(send_beside(client, ADDR_B, IP_PKTINFO,
					      &info, 4)));
	EXPECT_EQ(EINVAL, net_err(send_beside(client, ADDR_B, IP_TOS, &tos,
					      sizeof(tos))));
	EXPECT_EQ(EINVAL, net_err(send_beside(client, ADDR_B, IP_TTL, &tos,
					      sizeof(tos))));
	EXPECT_EQ(EINVAL, net_err(send_beside(client, ADDR_B, IP_MTU, &tos,
					      sizeof(tos))));
	EXPECT_TRUE(gets_nothing(server));
}

TEST_HARNESS_MAIN
