// SPDX-License-Identifier: GPL-2.0
/*
 * AF_TEACH and the kernel's own TCP and UDP: that they understand each other,
 * that each has its ports and the other does not touch them, and that firewalls
 * take AF_TEACH's connections for what they are.
 *
 * INTEROP_MIB in the environment says how much is sent each way.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "net.h"
#include "tcpinfo.h"

#define KIB	1024
#define LONG_TIMEOUT	7200	/* seconds, for INTEROP_MIB */
#define FLOOD	10000

/* The stacks, as net_choose() knows them. */
#define TEACH	"tcp"
#define TCP	"inet"

FIXTURE(interop) {
	struct net net;
};

FIXTURE_SETUP(interop)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(interop)
{
	net_exit(&self->net);
}

/* fd[A] of stacks[A], connected to fd[B] of stacks[B]. */
static void listen_and_connect(const struct net *from, enum host client,
			       const struct net *to, enum host server,
			       const char *stacks[2], const char *addr,
			       int port, int fd[2])
{
	int listener;

	net_choose(stacks[B]);
	listener = net_listen(to, server, port, 1);
	net_choose(stacks[A]);
	fd[A] = net_client(from, client, addr, port);
	fd[B] = net_accept(listener);
	close(listener);
}

static void connect_stacks(const struct net *net, const char *client,
			   const char *server, int port, int fd[2])
{
	const char *stacks[2] = { client, server };

	listen_and_connect(net, A, net, B, stacks, ADDR_B, port, fd);
}

/* Send as much as is told one way, in a thread, and read it at the end. */
static bool flows(int from, int to, size_t len)
{
	struct net_call call = { .fn = net_call_send, .fd = from, .len = len };
	bool ok;

	call.buf = malloc(len);
	if (!call.buf)
		net_fatal("malloc");
	net_pattern(call.buf, len, 0);
	net_call(&call);
	net_recv_all(to, len, 0);
	ok = net_call_end(&call) == (long)len;
	free(call.buf);
	return ok;
}

static bool flows_both_ways(int fd[2], size_t kib)
{
	size_t left, len;

	for (left = kib * KIB; left; left -= len) {
		len = left < 1024 * KIB ? left : 1024 * KIB;
		if (!flows(fd[A], fd[B], len) || !flows(fd[B], fd[A], len))
			return false;
	}
	return true;
}

static bool ends_well(int fd[2])
{
	char c;

	return !shutdown(fd[A], SHUT_WR) && !recv(fd[B], &c, 1, 0) &&
	       !close(fd[B]) && !recv(fd[A], &c, 1, 0) && !close(fd[A]);
}

/* What both SYNs have offered. */
static int options_of(int fd)
{
	struct tcpinfo info;
	long long options;

	if (tcpinfo_read(fd, &info) ||
	    !tcpinfo_field(&info, "options", &options))
		net_fatal("TCP_INFO");
	return options;
}

/* ---- Streams ---- */

FIXTURE(stream) {
	struct net net;
	int fd[2];
};

FIXTURE_VARIANT(stream) {
	const char *client;
	const char *server;
};

FIXTURE_VARIANT_ADD(stream, to_tcp) { TEACH, TCP };
FIXTURE_VARIANT_ADD(stream, from_tcp) { TCP, TEACH };
FIXTURE_VARIANT_ADD(stream, alone) { TEACH, TEACH };

FIXTURE_SETUP(stream)
{
	net_init(&self->net);
	connect_stacks(&self->net, variant->client, variant->server, NET_PORT,
		       self->fd);
}

FIXTURE_TEARDOWN(stream)
{
	net_exit(&self->net);
}

TEST_F_TIMEOUT(stream, bytes_both_ways, LONG_TIMEOUT)
{
	EXPECT_TRUE(flows_both_ways(self->fd,
				    net_env("INTEROP_MIB", 4) * KIB));
	EXPECT_TRUE(ends_well(self->fd));
}

TEST_F(stream, options_agreed)
{
	int all = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE;

	EXPECT_EQ(all, all & options_of(self->fd[A]));
	EXPECT_EQ(all, all & options_of(self->fd[B]));
}

static bool lossy(struct net *net)
{
	const char *path = "delay 2ms loss 3% reorder 20% limit 10000";

	return net_netem(net, A, path) && net_netem(net, B, path);
}

TEST_F_TIMEOUT(stream, loss_and_reordering, LONG_TIMEOUT)
{
	if (!lossy(&self->net))
		SKIP(return, "no netem");
	EXPECT_TRUE(flows_both_ways(self->fd, net_env("INTEROP_MIB", 1) * KIB));
	EXPECT_TRUE(ends_well(self->fd));
}

TEST_F(stream, large_segments_off)
{
	net_gso(&self->net, A, false);
	net_gso(&self->net, B, false);
	EXPECT_TRUE(flows_both_ways(self->fd, 256));
}

TEST_F(stream, reset)
{
	char c;

	net_abort(self->fd[A]);
	EXPECT_EQ(ECONNRESET, net_err(recv(self->fd[B], &c, 1, 0)));
}

TEST_F(stream, urgent)
{
	char c = 0;

	EXPECT_EQ(1, send(self->fd[A], "!", 1, MSG_OOB));
	EXPECT_TRUE(net_wait_poll(self->fd[B], POLLPRI));
	EXPECT_EQ(1, recv(self->fd[B], &c, 1, MSG_OOB));
	EXPECT_EQ('!', c);
}

/* Both ends on one host. */
TEST_F(interop, loopback)
{
	static const char *const stacks[] = { TEACH, TCP };
	struct net *net = &self->net;
	int listener, fd[2], i;

	net_ip(net, A, "link set lo up");
	for (i = 0; i < 2; i++) {
		net_choose(stacks[i]);
		listener = net_listen(net, A, NET_PORT + i, 1);
		net_choose(stacks[!i]);
		fd[A] = net_client(net, A, ADDR_LO, NET_PORT + i);
		fd[B] = net_accept(listener);
		EXPECT_TRUE(flows_both_ways(fd, 256));
		EXPECT_TRUE(ends_well(fd));
		close(listener);
	}
}

/* Nobody answers for a port that is ours but ourselves. */
TEST_F(interop, refused)
{
	int fd;

	net_choose(TEACH);
	fd = net_socket(&self->net, B, 0);
	EXPECT_EQ(0, net_bind(fd, ADDR_ANY, NET_PORT));
	net_choose(TCP);
	EXPECT_EQ(ECONNREFUSED,
		  net_err(net_connect(net_socket(&self->net, A, 0), ADDR_B,
				      NET_PORT)));
	net_choose(TEACH);
	EXPECT_EQ(ECONNREFUSED,
		  net_err(net_connect(net_socket(&self->net, A, 0), ADDR_B,
				      NET_PORT + 1)));
}

/* ---- Ports ---- */

FIXTURE(owner) {
	struct net net;
	int fd;
};

FIXTURE_VARIANT(owner) {
	const char *first;
	const char *second;
	int type;
	int protocol;
};

FIXTURE_VARIANT_ADD(owner, tcp_first) { TCP, TEACH, SOCK_STREAM, IPPROTO_TCP };
FIXTURE_VARIANT_ADD(owner, tcp_second) { TEACH, TCP, SOCK_STREAM, IPPROTO_TCP };
FIXTURE_VARIANT_ADD(owner, udp_first) { TCP, TEACH, SOCK_DGRAM, IPPROTO_UDP };
FIXTURE_VARIANT_ADD(owner, udp_second) { TEACH, TCP, SOCK_DGRAM, IPPROTO_UDP };

FIXTURE_SETUP(owner)
{
	net_init(&self->net);
	net_enter(&self->net, A);
	self->fd = -1;
}

FIXTURE_TEARDOWN(owner)
{
	net_exit(&self->net);
}

static int bound(const char *stack, int type, int protocol, bool reuse,
		 const char *addr, int port)
{
	int fd, err;

	net_choose(stack);
	fd = socket(net_family, type, protocol);
	if (fd < 0)
		net_fatal("socket(%d, %d, %d)", net_family, type, protocol);
	net_setopt(fd, SOL_SOCKET, SO_REUSEADDR, reuse);
	err = net_err(net_bind(fd, addr, port));
	if (!err)
		return fd;
	close(fd);
	return -err;
}

static int bind_as(const FIXTURE_VARIANT(owner) * v, const char *stack,
		   bool reuse, const char *addr)
{
	return bound(stack, v->type, v->protocol, reuse, addr, NET_PORT);
}

TEST_F(owner, who_comes_second)
{
	int reuse;

	for (reuse = 0; reuse < 2; reuse++) {
		self->fd = bind_as(variant, variant->first, reuse, ADDR_ANY);
		ASSERT_LE(0, self->fd);
		if (variant->type == SOCK_STREAM)
			ASSERT_EQ(0, listen(self->fd, 1));
		EXPECT_EQ(-EADDRINUSE, bind_as(variant, variant->second, reuse,
					       ADDR_ANY));
		EXPECT_EQ(-EADDRINUSE, bind_as(variant, variant->second, reuse,
					       ADDR_A));
		/* Given back with the call that ends it. */
		close(self->fd);
		self->fd = bind_as(variant, variant->second, reuse, ADDR_ANY);
		ASSERT_LE(0, self->fd);
		close(self->fd);
	}
}

/* AF_TEACH's alone, though its number for the user is the same. */
TEST_F(owner, protocols_are_apart)
{
	self->fd = bind_as(variant, variant->first, 0, ADDR_ANY);
	ASSERT_LE(0, self->fd);
	EXPECT_LE(0, bound("teach", variant->type, 0, 0, ADDR_ANY, NET_PORT));
}

/* Other hosts are other hosts. */
TEST_F(owner, by_network_namespace)
{
	self->fd = bind_as(variant, variant->first, 0, ADDR_ANY);
	ASSERT_LE(0, self->fd);
	net_enter(&self->net, B);
	EXPECT_LE(0, bind_as(variant, variant->second, 0, ADDR_ANY));
}

/* A socket that is closed again and again leaves nothing in the way. */
TEST_F(owner, again_and_again)
{
	int i;

	for (i = 0; i < 50; i++) {
		self->fd = bind_as(variant, variant->first, i & 1, ADDR_ANY);
		ASSERT_LE(0, self->fd);
		close(self->fd);
		self->fd = bind_as(variant, variant->second, i & 1, ADDR_ANY);
		ASSERT_LE(0, self->fd);
		close(self->fd);
	}
}

/* connect(2) takes a port that the other stack does not have. */
TEST_F(interop, ports_given_out)
{
	static const char *const stacks[] = { TEACH, TCP };
	int listener[2], fd[2], i;

	for (i = 0; i < 2; i++) {
		net_choose(stacks[i]);
		listener[i] = net_listen(&self->net, B, NET_PORT + i, 4);
		fd[i] = net_client(&self->net, A, ADDR_B, NET_PORT + i);
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(-EADDRINUSE,
			  bound(stacks[!i], SOCK_STREAM, IPPROTO_TCP, 0,
				ADDR_ANY, net_local_port(fd[i])));
	for (i = 0; i < 2; i++)
		close(listener[i]);
}

/*
 * A server has gone, and with SO_REUSEADDR its port is another's; but its
 * connections have not ended, and are still those of its stack.
 */
TEST_F(interop, leftovers)
{
	int old[2], new[2];

	connect_stacks(&self->net, TCP, TCP, NET_PORT, old);
	connect_stacks(&self->net, TCP, TEACH, NET_PORT, new);
	EXPECT_TRUE(flows_both_ways(old, 64));
	EXPECT_TRUE(flows_both_ways(new, 64));
	EXPECT_TRUE(ends_well(old));
	EXPECT_TRUE(flows_both_ways(new, 64));
	/* And now there is one in TIME_WAIT. */
	EXPECT_TRUE(ends_well(new));
}

/* Ten thousand to the host's own server while we have a socket open. */
TEST_F(interop, flood)
{
	int many = net_kasan() ? FLOOD / 10 : FLOOD;
	int ours, theirs, fd, child, i;
	char c = 0;

	net_choose(TEACH);
	ours = net_listen(&self->net, B, NET_PORT, 1);
	net_choose(TCP);
	theirs = net_listen(&self->net, B, NET_PORT + 1, 100);
	net_enter(&self->net, A);
	for (i = 0; i < many; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		ASSERT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT + 1)));
		child = net_accept(theirs);
		ASSERT_EQ(1, send(child, "x", 1, 0));
		ASSERT_EQ(1, recv(fd, &c, 1, 0));
		net_abort(fd);
		close(child);
	}
	EXPECT_EQ(0, net_poll(ours, POLLIN, 0));
}

/* ---- Datagrams ---- */

static int datagrams(struct net *net, enum host host, const char *stack,
		     int port)
{
	int fd;

	net_enter(net, host);
	fd = bound(stack, SOCK_DGRAM, IPPROTO_UDP, 0, ADDR_ANY, port);
	if (fd < 0)
		net_fatal("bind");
	return fd;
}

FIXTURE(datagram) {
	struct net net;
	int fd[2];
};

FIXTURE_VARIANT(datagram) {
	const char *client;
	const char *server;
};

FIXTURE_VARIANT_ADD(datagram, to_udp) { TEACH, TCP };
FIXTURE_VARIANT_ADD(datagram, from_udp) { TCP, TEACH };

FIXTURE_SETUP(datagram)
{
	net_init(&self->net);
	self->fd[A] = datagrams(&self->net, A, variant->client, 0);
	self->fd[B] = datagrams(&self->net, B, variant->server, NET_PORT);
	net_choose(variant->client);
	if (net_connect(self->fd[A], ADDR_B, NET_PORT))
		net_fatal("connect");
}

FIXTURE_TEARDOWN(datagram)
{
	net_exit(&self->net);
}

TEST_F(datagram, echo)
{
	static const int sizes[] = { 0, 1, 100, 1472, 1473, 20000, 65507, -1 };
	static char sent[65507], got[sizeof(sent) + 1];
	struct sockaddr_in from;
	socklen_t len;
	int i;

	net_pattern(sent, sizeof(sent), 0);
	for (i = 0; sizes[i] >= 0; i++) {
		len = sizeof(from);
		ASSERT_EQ(sizes[i], send(self->fd[A], sent, sizes[i], 0));
		ASSERT_EQ(sizes[i], recvfrom(self->fd[B], got, sizeof(got), 0,
					     (void *)&from, &len));
		EXPECT_EQ(inet_addr(ADDR_A), from.sin_addr.s_addr);
		ASSERT_EQ(sizes[i], sendto(self->fd[B], got, sizes[i], 0,
					   (void *)&from, len));
		memset(got, 0, sizeof(got));
		ASSERT_EQ(sizes[i], recv(self->fd[A], got, sizeof(got), 0));
		EXPECT_EQ(0, memcmp(sent, got, sizes[i]));
	}
}

/* ICMP's "port unreachable", to us and by us. */
TEST_F(datagram, nobody_there)
{
	char c;

	close(self->fd[B]);
	ASSERT_EQ(1, send(self->fd[A], "x", 1, 0));
	EXPECT_EQ(ECONNREFUSED, net_err(recv(self->fd[A], &c, 1, 0)));

	/* The port is ours, but is connected to another peer. */
	self->fd[B] = datagrams(&self->net, B, TEACH, NET_PORT);
	ASSERT_EQ(0, net_connect(self->fd[B], ADDR_A, 1));
	ASSERT_EQ(1, send(self->fd[A], "x", 1, 0));
	EXPECT_EQ(ECONNREFUSED, net_err(recv(self->fd[A], &c, 1, 0)));
}

/* ---- Firewalls ---- */

static bool filter(struct net *net, enum host host, const char *rules)
{
	char command[1024];

	net_enter(net, host);
	snprintf(command, sizeof(command), "nft '%s' 2> /dev/null", rules);
	return !system(command);
}

#define STATEFUL	"policy drop; ct state established accept; "	\
			"ct state new tcp dport 7000 accept; "
#define CHAIN	"table ip t { chain in { type filter hook input priority 0; "

/* The connection is a known one to conntrack only if it was confirmed. */
TEST_F(interop, firewall_lets_in)
{
	int fd[2];

	if (!filter(&self->net, B, CHAIN STATEFUL "}\n}"))
		SKIP(return, "no nftables");
	connect_stacks(&self->net, TCP, TEACH, NET_PORT, fd);
	EXPECT_TRUE(flows_both_ways(fd, 256));
	EXPECT_TRUE(ends_well(fd));
	connect_stacks(&self->net, TEACH, TEACH, NET_PORT, fd);
	EXPECT_TRUE(flows_both_ways(fd, 256));
}

TEST_F(interop, firewall_keeps_out)
{
	int listener, fd;

	if (!filter(&self->net, B, CHAIN "tcp dport 7000 drop; }\n}"))
		SKIP(return, "no nftables");
	net_choose(TEACH);
	listener = net_listen(&self->net, B, NET_PORT, 1);
	net_choose(TCP);
	fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	EXPECT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	net_quiet();
	EXPECT_EQ(0, net_poll(listener, POLLIN, 0));
	EXPECT_EQ(0, net_count(&self->net, B, TCP_SYN_RECV));
}

#define REJECT	"reject with icmp type host-prohibited; "

/* ICMP errors find their way to a connection of ours. */
TEST_F(interop, firewall_rejects)
{
	if (!filter(&self->net, B, CHAIN "tcp dport 7000 " REJECT "}\n}"))
		SKIP(return, "no nftables");
	net_choose(TCP);
	EXPECT_EQ(EHOSTUNREACH,
		  net_err(net_connect(net_socket(&self->net, A, 0), ADDR_B,
				      NET_PORT)));
	net_choose(TEACH);
	EXPECT_EQ(EHOSTUNREACH,
		  net_err(net_connect(net_socket(&self->net, A, 0), ADDR_B,
				      NET_PORT)));
}

/* A network namespace pays for the hook only while it has such sockets. */
TEST_F(interop, no_hook_without_need)
{
	const char *list = "nft list hooks 2> /dev/null | grep -q teach";
	int fd;

	/* A list of none is no list. */
	if (!filter(&self->net, A, CHAIN "}\n}") ||
	    system("nft list hooks ip 2> /dev/null | grep -q hook"))
		SKIP(return, "no list of hooks");
	EXPECT_NE(0, system(list));
	fd = bound(TEACH, SOCK_STREAM, IPPROTO_TCP, 0, ADDR_ANY, NET_PORT);
	EXPECT_EQ(0, system(list));
	net_enter(&self->net, B);
	EXPECT_NE(0, system(list));
	net_enter(&self->net, A);
	close(fd);
	EXPECT_NE(0, system(list));
}

/* ---- Through a router that is a NAT and a firewall ---- */

#define ADDR_ROUTER	"10.8.0.1"
#define ADDR_FAR	"10.8.0.2"

/*
 *	A 10.9.0.1 --- 10.9.0.2 B 10.8.0.1 --- 10.8.0.2 far
 *
 * Nobody on the far side knows 10.9.0.0/24: B stands for A, both ways.
 */
FIXTURE(routed) {
	struct net net;
	struct net far;		/* its A is B, its B the far host */
	bool no_nft;
};

static const char *const nat =
	"table ip t {\n"
	"chain out { type nat hook postrouting priority 100;"
	" oifname \"r0\" masquerade; }\n"
	"chain in { type nat hook prerouting priority -100;"
	" iifname \"r0\" tcp dport 7001 dnat to 10.9.0.1; }\n"
	"chain fw { type filter hook forward priority 0; policy drop;"
	" ct state established,related accept;"
	" ct state new tcp dport { 7000, 7001 } accept; }\n}";

FIXTURE_SETUP(routed)
{
	struct net *far = &self->far;

	net_init(&self->net);
	if (unshare(CLONE_NEWNET))
		net_fatal("unshare");
	far->ns[A] = self->net.ns[B];
	/* ip(8) finds it open, and takes this for its name. */
	far->ns[B] = open("/proc/thread-self/ns/net", O_RDONLY);
	net_ip(far, A, "link add r0 type veth peer name s0 netns %s/%d",
	       "/proc/self/fd", far->ns[B]);
	net_ip(far, A, "addr add " ADDR_ROUTER "/24 dev r0");
	net_ip(far, A, "link set r0 up");
	net_ip(far, B, "addr add " ADDR_FAR "/24 dev s0");
	net_ip(far, B, "link set s0 up");
	net_ip(&self->net, A, "route add default via " ADDR_B);
	net_sysctl_path(far, A, "net/ipv4/ip_forward", "1");
	self->no_nft = !filter(far, A, nat);
}

FIXTURE_TEARDOWN(routed)
{
	close(self->far.ns[B]);
	net_exit(&self->net);
}

static void path_of_routed(struct net *net, struct net *far)
{
	net_netem(net, A, "delay 2ms loss 1% reorder 20% limit 10000");
	net_enter(far, B);
	if (system("tc qdisc add dev s0 root netem delay 2ms loss 1%"))
		net_fatal("netem");
}

TEST_F_TIMEOUT(routed, nat_and_firewall, LONG_TIMEOUT)
{
	const char *out[2] = { TEACH, TCP }, *in[2] = { TCP, TEACH };
	size_t kib = net_env("INTEROP_MIB", 1) * KIB;
	int fd[2];

	if (self->no_nft)
		SKIP(return, "no nftables");
	path_of_routed(&self->net, &self->far);
	listen_and_connect(&self->net, A, &self->far, B, out, ADDR_FAR,
			   NET_PORT, fd);
	EXPECT_TRUE(flows_both_ways(fd, kib));
	EXPECT_TRUE(ends_well(fd));
	listen_and_connect(&self->far, B, &self->net, A, in, ADDR_ROUTER,
			   NET_PORT + 1, fd);
	EXPECT_TRUE(flows_both_ways(fd, kib));
	EXPECT_TRUE(ends_well(fd));
}

/* The router takes less than our own link, and says so: RFC 1191. */
TEST_F(routed, path_mtu)
{
	const char *out[2] = { TEACH, TCP };
	socklen_t len = sizeof(int);
	int fd[2], mtu = 0;

	if (self->no_nft)
		SKIP(return, "no nftables");
	listen_and_connect(&self->net, A, &self->far, B, out, ADDR_FAR,
			   NET_PORT, fd);
	net_ip(&self->far, A, "route change 10.8.0.0/24 dev r0 mtu lock 1000");
	EXPECT_TRUE(flows_both_ways(fd, 256));
	EXPECT_EQ(0, getsockopt(fd[A], SOL_IP, IP_MTU, &mtu, &len));
	EXPECT_EQ(1000, mtu);
}

TEST_HARNESS_MAIN
