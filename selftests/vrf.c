// SPDX-License-Identifier: GPL-2.0
/*
 * What comes by a VRF: host B's end of the cable is in one.  Whoever is bound
 * to the VRF or to the device in it gets it, as with TCP and UDP; whoever is
 * bound to none does only where net.ipv4.tcp_l3mdev_accept says so, or
 * udp_l3mdev_accept.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "net.h"

#define VRF	"vrf0"
#define OTHER	"other0"	/* a device that is not in it */
#define GROUP	"239.1.2.3"
#define WITHOUT	"this kernel has no VRF"

FIXTURE(vrf) {
	struct net net;
	bool usable;
};

FIXTURE_SETUP(vrf)
{
	net_init(&self->net);
	net_enter(&self->net, B);
	self->usable = !system("ip link add " VRF " type vrf table 10 2>&1");
	if (!self->usable)
		return;
	net_ip(&self->net, B, "link set " VRF " up");
	net_ip(&self->net, B, "link set " DEV_B " master " VRF);
	net_ip(&self->net, B, "link add " OTHER " type bridge");
	net_ip(&self->net, B, "link set " OTHER " up");
}

FIXTURE_TEARDOWN(vrf)
{
	net_exit(&self->net);
}

/* Who is bound to what, and has what comes by the VRF. */
static const struct {
	const char *device;	/* or NULL */
	bool accept_all;	/* l3mdev_accept */
	bool gets;
} ways[] = {
	{ NULL, false, false },
	{ NULL, true, true },
	{ VRF, false, true },
	{ VRF, true, true },
	{ DEV_B, false, true },
	{ DEV_B, true, true },
	{ OTHER, false, false },
	{ OTHER, true, false },
};

static int socket_on(const struct net *net, int type, const char *device)
{
	int fd;

	net_enter(net, B);
	fd = socket(net_family, type, 0);
	if (fd < 0)
		net_fatal("socket");
	net_timeout(fd, SO_RCVTIMEO, NET_DEADLINE_MS);
	net_setopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
				 strlen(device)))
		net_fatal("SO_BINDTODEVICE %s", device);
	return fd;
}

static int bound_on(const struct net *net, int type, const char *device)
{
	int fd = socket_on(net, type, device);

	if (net_bind(fd, ADDR_ANY, NET_PORT) ||
	    (type == SOCK_STREAM && listen(fd, 4)))
		net_fatal("listen");
	return fd;
}

static void accept_all(const struct net *net, bool on)
{
	net_sysctl_path(net, B, "net/ipv4/tcp_l3mdev_accept", on ? "1" : "0");
	net_sysctl_path(net, B, "net/ipv4/udp_l3mdev_accept", on ? "1" : "0");
}

static void talk(const int fd[2])
{
	net_send_all(fd[A], 3000, 0);
	net_recv_all(fd[B], 3000, 0);
	net_send_all(fd[B], 3000, 0);
	net_recv_all(fd[A], 3000, 0);
}

/* By a listener, and refused where it is not for it. */
TEST_F(vrf, accept)
{
	int fd[2], listener, vrf;
	size_t i;

	if (!self->usable)
		SKIP(return, WITHOUT);
	net_enter(&self->net, B);
	vrf = if_nametoindex(VRF);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		accept_all(&self->net, ways[i].accept_all);
		listener = bound_on(&self->net, SOCK_STREAM, ways[i].device);
		fd[A] = net_socket(&self->net, A, 0);
		EXPECT_EQ(ways[i].gets ? 0 : ECONNREFUSED,
			  net_err(net_connect(fd[A], ADDR_B, NET_PORT)));
		if (ways[i].gets) {
			fd[B] = net_accept(listener);
			talk(fd);
			net_enter(&self->net, B);
			/* It is of the VRF, whoever its listener was for. */
			EXPECT_EQ(ways[i].device ?
				  (int)if_nametoindex(ways[i].device) : vrf,
				  net_getopt(fd[B], SOL_SOCKET,
					     SO_BINDTOIFINDEX));
			/* B is in TIME_WAIT, and yet answers A's FIN. */
			close(fd[B]);
			net_drain(fd[A], 0);
		}
		close(fd[A]);
		close(listener);
		EXPECT_TRUE(net_until(!net_count(&self->net, A, 0)));
	}
}

static int err_of_listening_on(const struct net *net, const char *device)
{
	int fd = socket_on(net, SOCK_STREAM, device);
	int err = net_err(net_bind(fd, ADDR_ANY, NET_PORT)) ? :
		  net_err(listen(fd, 4));

	close(fd);
	return err;
}

/* A VRF has ports of its own, unless what comes by it is for all. */
TEST_F(vrf, ports)
{
	static const char *const devices[] = { NULL, VRF, OTHER };
	static const bool own[][ARRAY_SIZE(devices)] = {
		{ false, true, false },
		{ true, false, true },
		{ false, true, false },
	};
	size_t i, j;
	int fd, err;

	if (!self->usable)
		SKIP(return, WITHOUT);
	accept_all(&self->net, false);
	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		fd = bound_on(&self->net, SOCK_STREAM, devices[i]);
		for (j = 0; j < ARRAY_SIZE(devices); j++) {
			err = own[i][j] ? 0 : EADDRINUSE;
			EXPECT_EQ(err, err_of_listening_on(&self->net,
							   devices[j])) {
				TH_LOG("%zu after %zu", j, i);
			}
		}
		close(fd);
	}

	accept_all(&self->net, true);
	fd = bound_on(&self->net, SOCK_STREAM, NULL);
	EXPECT_EQ(EADDRINUSE, err_of_listening_on(&self->net, VRF));
	close(fd);
}

/* Nothing is kept of the SYN: what comes back is a cookie. */
TEST_F(vrf, cookies)
{
	int listener, fd[2];

	if (!self->usable)
		SKIP(return, WITHOUT);
	accept_all(&self->net, true);
	net_sysctl(&self->net, B, "syncookies", "2");
	listener = bound_on(&self->net, SOCK_STREAM, NULL);
	fd[A] = net_client(&self->net, A, ADDR_B, NET_PORT);
	fd[B] = net_accept(listener);
	talk(fd);
	net_enter(&self->net, B);
	EXPECT_EQ(if_nametoindex(VRF), net_getopt(fd[B], SOL_SOCKET,
						  SO_BINDTOIFINDEX));
}

/* Out of the VRF; and what comes back is for who sent it. */
TEST_F(vrf, connect)
{
	static const char *const devices[] = { VRF, DEV_B };
	int listener, fd[2], closed;
	size_t i;

	if (!self->usable)
		SKIP(return, WITHOUT);
	listener = net_listen(&self->net, A, NET_PORT, 4);
	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		fd[B] = socket_on(&self->net, SOCK_STREAM, devices[i]);
		ASSERT_EQ(0, net_connect(fd[B], ADDR_A, NET_PORT));
		fd[A] = net_accept(listener);
		talk(fd);
		close(fd[B]);
		EXPECT_EQ(0, net_drain(fd[A], 0));
		close(fd[A]);

		closed = socket_on(&self->net, SOCK_STREAM, devices[i]);
		EXPECT_EQ(ECONNREFUSED, net_err(net_connect(closed, ADDR_A,
							    NET_PORT + 1)));
		close(closed);
	}
	/* Without the VRF there is no way. */
	fd[B] = socket_on(&self->net, SOCK_STREAM, NULL);
	EXPECT_EQ(ENETUNREACH, net_err(net_connect(fd[B], ADDR_A, NET_PORT)));
}

/* A says by ICMP that there is no way to it. */
static void unreachable_behind_a(const struct net *net)
{
	net_sysctl_path(net, A, "net/ipv4/ip_forward", "1");
	net_sysctl_path(net, A, "net/ipv4/icmp_ratelimit", "0");
	net_ip(net, A, "route add unreachable " ADDR_NOROUTE);
	net_ip(net, B, "route add " ADDR_NOROUTE " via " ADDR_A " vrf " VRF);
}

TEST_F(vrf, icmp)
{
	static const char *const devices[] = { VRF, DEV_B };
	size_t i;
	int fd;

	if (!self->usable)
		SKIP(return, WITHOUT);
	unreachable_behind_a(&self->net);
	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		fd = socket_on(&self->net, SOCK_DGRAM, devices[i]);
		ASSERT_EQ(0, net_connect(fd, ADDR_A, NET_PORT));
		ASSERT_EQ(1, send(fd, "x", 1, 0));
		EXPECT_TRUE(net_wait_poll(fd, POLLERR));
		EXPECT_EQ(ECONNREFUSED, net_so_error(fd));
		close(fd);

		/* TCP does not tell who is bound to the device itself. */
		if (net_is_inet() && devices[i] != devices[0])
			continue;
		fd = socket_on(&self->net, SOCK_STREAM, devices[i]);
		EXPECT_EQ(EHOSTUNREACH,
			  net_err(net_connect(fd, ADDR_NOROUTE, NET_PORT)));
		close(fd);
	}
}

static bool gets(int fd, const char *word)
{
	char buf[16] = "";

	return recv(fd, buf, sizeof(buf) - 1, 0) >= 0 && !strcmp(buf, word);
}

TEST_F(vrf, datagrams)
{
	struct sockaddr_in peer;
	int client, server;
	socklen_t len;
	char byte;
	size_t i;

	if (!self->usable)
		SKIP(return, WITHOUT);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		accept_all(&self->net, ways[i].accept_all);
		server = bound_on(&self->net, SOCK_DGRAM, ways[i].device);
		net_enter(&self->net, A);
		client = socket(net_family, SOCK_DGRAM, 0);
		ASSERT_EQ(0, net_connect(client, ADDR_B, NET_PORT));
		ASSERT_EQ(1, send(client, "x", 1, 0));
		if (!ways[i].gets) {
			EXPECT_TRUE(net_wait_poll(client, POLLERR));
			EXPECT_EQ(ECONNREFUSED, net_so_error(client));
			goto next;
		}
		len = sizeof(peer);
		ASSERT_EQ(1, recvfrom(server, &byte, 1, 0, (void *)&peer,
				      &len));
		if (!ways[i].device)
			goto next;
		ASSERT_EQ(1, sendto(server, "y", 1, 0, (void *)&peer, len));
		EXPECT_TRUE(gets(client, "y"));
		/* And when it is connected. */
		ASSERT_EQ(0, connect(server, (void *)&peer, len));
		ASSERT_EQ(1, send(client, "z", 1, 0));
		EXPECT_TRUE(gets(server, "z"));
next:
		close(client);
		close(server);
	}
}

/* The group is of the device, the socket of the VRF: it gets it, and whence. */
TEST_F(vrf, multicast)
{
	struct in_pktinfo info = {};
	struct ip_mreqn group = { .imr_multiaddr.s_addr = inet_addr(GROUP) };
	int server, client;
	char byte, control[256];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (!self->usable)
		SKIP(return, WITHOUT);
	server = bound_on(&self->net, SOCK_DGRAM, VRF);
	net_setopt(server, SOL_IP, IP_PKTINFO, 1);
	net_setopt(server, SOL_IP, IP_MULTICAST_ALL, 0);
	group.imr_ifindex = if_nametoindex(DEV_B);
	ASSERT_EQ(0, setsockopt(server, SOL_IP, IP_ADD_MEMBERSHIP, &group,
				sizeof(group)));
	net_ip(&self->net, A, "route add 224.0.0.0/4 dev " DEV_A);
	net_enter(&self->net, A);
	client = socket(net_family, SOCK_DGRAM, 0);
	ASSERT_EQ(0, net_connect(client, GROUP, NET_PORT));
	ASSERT_EQ(1, send(client, "x", 1, 0));
	ASSERT_EQ(1, recvmsg(server, &msg, 0));
	EXPECT_TRUE(net_cmsg(&msg, SOL_IP, IP_PKTINFO, &info, sizeof(info)));
	EXPECT_EQ(group.imr_ifindex, info.ipi_ifindex);
	EXPECT_EQ(inet_addr(GROUP), info.ipi_addr.s_addr);
}

TEST_HARNESS_MAIN
