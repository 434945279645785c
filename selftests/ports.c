// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: who may have which, who shares one with whom, which are given out,
 * and what is said when there is none left.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "net.h"

/* As many as one case uses up. */
#define EPHEMERAL	1000

FIXTURE(ports) {
	struct net net;
};

FIXTURE_SETUP(ports)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(ports)
{
	net_exit(&self->net);
}

static int reusing_socket(struct net *net, enum host host)
{
	int fd = net_socket(net, host, 0);

	net_setopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return fd;
}

static int bound(struct net *net, enum host host, const char *ip, int port)
{
	int fd = net_socket(net, host, 0);

	if (net_bind(fd, ip, port))
		net_fatal("bind to %s:%d", ip, port);
	return fd;
}

static void drop_bind_service(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		net_fatal("capget");
	data[0].effective &= ~(1 << CAP_NET_BIND_SERVICE);
	if (syscall(SYS_capset, &head, data))
		net_fatal("capset");
}

TEST_F(ports, privileged)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 80)));
	close(fd);

	fd = net_socket(&self->net, A, 0);
	drop_bind_service();
	EXPECT_EQ(EACCES, net_err(net_bind(fd, ADDR_ANY, 1)));
	EXPECT_EQ(EACCES, net_err(net_bind(fd, ADDR_ANY, 80)));
	EXPECT_EQ(EACCES, net_err(net_bind(fd, ADDR_A, 1023)));
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 1024)));
	EXPECT_EQ(1024, net_local_port(fd));
}

/* The capability that counts is the one over the netns. */
TEST_F(ports, privileged_in_own_netns)
{
	int outside = net_socket(&self->net, A, 0);
	int inside;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		SKIP(return, "no user namespaces");
	inside = socket(net_family, SOCK_STREAM, 0);
	ASSERT_LE(0, inside);
	EXPECT_EQ(0, net_err(net_bind(inside, ADDR_ANY, 80)));
	EXPECT_EQ(EACCES, net_err(net_bind(outside, ADDR_ANY, 80)));
	EXPECT_EQ(0, net_err(net_bind(outside, ADDR_ANY, 8080)));
}

TEST_F(ports, sysctl_of_privilege)
{
	int fd = net_socket(&self->net, A, 0);

	net_sysctl_path(&self->net, A,
			"net/ipv4/ip_unprivileged_port_start", "80");
	drop_bind_service();
	EXPECT_EQ(EACCES, net_err(net_bind(fd, ADDR_ANY, 79)));
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 80)));
}

TEST_F(ports, bind_zero)
{
	int i, port;

	for (i = 0; i < 100; i++) {
		port = net_local_port(bound(&self->net, A, ADDR_ANY, 0));
		EXPECT_LE(NET_EPHEMERAL_MIN, port);
		EXPECT_GE(NET_EPHEMERAL_MAX, port);
	}
}

/* listen(2) without bind(2) asks for a port, too. */
TEST_F(ports, listen_unbound)
{
	int fd = net_socket(&self->net, B, 0);
	int port;

	ASSERT_EQ(0, listen(fd, 4));
	port = net_local_port(fd);
	EXPECT_LE(NET_EPHEMERAL_MIN, port);
	EXPECT_GE(NET_EPHEMERAL_MAX, port);
	net_client(&self->net, A, ADDR_B, port);
	net_accept(fd);
}

#define SAMPLES	128

/* Local ports of connections to one destination. */
static void sample_connect(struct net *net, int *ports)
{
	int listener = net_listen(net, B, NET_PORT, SAMPLES);
	int i;

	for (i = 0; i < SAMPLES; i++)
		ports[i] = net_local_port(net_client(net, A, ADDR_B,
						     NET_PORT));
	close(listener);
}

static void sample_bind(struct net *net, int *ports)
{
	int i;

	for (i = 0; i < SAMPLES; i++)
		ports[i] = net_local_port(bound(net, A, ADDR_A, 0));
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* How many different values are in @values. */
static int different(const int *values, int count)
{
	int sorted[SAMPLES];
	int i, n = 1;

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	for (i = 1; i < count; i++)
		n += sorted[i] != sorted[i - 1];
	return n;
}

static int different_steps(const int *values)
{
	int steps[SAMPLES - 1];
	int i;

	for (i = 0; i < SAMPLES - 1; i++)
		steps[i] = values[i + 1] - values[i];
	return different(steps, SAMPLES - 1);
}

TEST_F(ports, connect_gives_ephemeral)
{
	int ports[SAMPLES];
	int i;

	sample_connect(&self->net, ports);
	for (i = 0; i < SAMPLES; i++) {
		EXPECT_LE(NET_EPHEMERAL_MIN, ports[i]);
		EXPECT_GE(NET_EPHEMERAL_MAX, ports[i]);
	}
	EXPECT_EQ(SAMPLES, different(ports, SAMPLES));
}

/* RFC 6056: the next port does not follow from the last ones. */
TEST_F(ports, connect_is_unpredictable)
{
	int ports[SAMPLES];

	sample_connect(&self->net, ports);
	EXPECT_LE(4, different_steps(ports));
}

/* Nor does that to another destination. */
TEST_F(ports, connect_to_others_is_unpredictable)
{
	int ports[SAMPLES], fd, i;

	net_nobody(&self->net, A);
	for (i = 0; i < SAMPLES; i++) {
		fd = net_socket(&self->net, A, SOCK_NONBLOCK);
		net_connect(fd, ADDR_NOBODY, 1000 + i);
		ports[i] = net_local_port(fd);
	}
	EXPECT_LE(SAMPLES / 2, different_steps(ports));
}

TEST_F(ports, bind_is_unpredictable)
{
	int ports[SAMPLES];

	sample_bind(&self->net, ports);
	EXPECT_EQ(SAMPLES, different(ports, SAMPLES));
	EXPECT_LE(SAMPLES / 2, different_steps(ports));
}

struct bind_case {
	const char *first;
	const char *second;
	int first_reuse;
	int second_reuse;
	bool listening;
	int err;
};

/* A second bind(2) to the port of the first. */
static const struct bind_case bind_cases[] = {
	{ ADDR_ANY, ADDR_ANY, 0, 0, false, EADDRINUSE },
	{ ADDR_ANY, ADDR_ANY, 1, 0, false, EADDRINUSE },
	{ ADDR_ANY, ADDR_ANY, 0, 1, false, EADDRINUSE },
	{ ADDR_ANY, ADDR_ANY, 1, 1, false, 0 },
	{ ADDR_ANY, ADDR_ANY, 1, 1, true, EADDRINUSE },
	{ ADDR_A, ADDR_A, 0, 0, false, EADDRINUSE },
	{ ADDR_A, ADDR_A, 1, 0, false, EADDRINUSE },
	{ ADDR_A, ADDR_A, 0, 1, false, EADDRINUSE },
	{ ADDR_A, ADDR_A, 1, 1, false, 0 },
	{ ADDR_A, ADDR_A, 1, 1, true, EADDRINUSE },
	{ ADDR_A, ADDR_LO, 0, 0, false, 0 },
	{ ADDR_A, ADDR_LO, 0, 0, true, 0 },
	{ ADDR_A, ADDR_LO, 1, 1, true, 0 },
	{ ADDR_LO, "127.0.0.2", 0, 0, true, 0 },
	{ ADDR_ANY, ADDR_A, 0, 0, false, EADDRINUSE },
	{ ADDR_ANY, ADDR_A, 1, 1, false, 0 },
	{ ADDR_ANY, ADDR_A, 0, 1, false, EADDRINUSE },
	{ ADDR_ANY, ADDR_A, 1, 1, true, EADDRINUSE },
	{ ADDR_A, ADDR_ANY, 0, 0, false, EADDRINUSE },
	{ ADDR_A, ADDR_ANY, 1, 0, false, EADDRINUSE },
	{ ADDR_A, ADDR_ANY, 1, 1, false, 0 },
	{ ADDR_A, ADDR_ANY, 1, 1, true, EADDRINUSE },
};

TEST_F(ports, second_bind)
{
	const struct bind_case *c;
	int fd[2];
	int err;

	for (c = bind_cases; c < bind_cases + ARRAY_SIZE(bind_cases); c++) {
		fd[0] = net_socket(&self->net, A, 0);
		fd[1] = net_socket(&self->net, A, 0);
		net_setopt(fd[0], SOL_SOCKET, SO_REUSEADDR, c->first_reuse);
		net_setopt(fd[1], SOL_SOCKET, SO_REUSEADDR, c->second_reuse);
		ASSERT_EQ(0, net_bind(fd[0], c->first, NET_PORT));
		if (c->listening)
			ASSERT_EQ(0, listen(fd[0], 1));
		err = net_err(net_bind(fd[1], c->second, NET_PORT));
		EXPECT_EQ(c->err, err) {
			TH_LOG("first %s reuse %d%s, second %s reuse %d",
			       c->first, c->first_reuse,
			       c->listening ? " listening" : "",
			       c->second, c->second_reuse);
		}
		/* A bind that failed changed nothing. */
		EXPECT_EQ(c->err ? 0 : NET_PORT, net_local_port(fd[1]));
		close(fd[0]);
		close(fd[1]);
	}
}

/* Two may be bound to a port, but one listens there. */
TEST_F(ports, second_listen)
{
	int first = reusing_socket(&self->net, A);
	int second = reusing_socket(&self->net, A);

	ASSERT_EQ(0, net_bind(first, ADDR_ANY, NET_PORT));
	ASSERT_EQ(0, net_bind(second, ADDR_ANY, NET_PORT));
	EXPECT_EQ(0, listen(first, 1));
	EXPECT_EQ(EADDRINUSE, net_err(listen(second, 1)));
	close(first);
	EXPECT_EQ(0, net_err(listen(second, 1)));
}

TEST_F(ports, not_my_address)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_bind(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(EADDRNOTAVAIL,
		  net_err(net_bind(fd, ADDR_NOROUTE, NET_PORT)));
	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_bind(fd, ADDR_B, 0)));
	EXPECT_EQ(0, net_local_port(fd));

	net_setopt(fd, SOL_IP, IP_FREEBIND, 1);
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_NOROUTE, NET_PORT)));
	EXPECT_EQ(NET_PORT, net_local_port(fd));
}

TEST_F(ports, bind_twice)
{
	int fd = bound(&self->net, A, ADDR_A, NET_PORT);
	int pair[2];

	EXPECT_EQ(EINVAL, net_err(net_bind(fd, ADDR_A, NET_PORT + 1)));
	EXPECT_EQ(EINVAL, net_err(net_bind(fd, ADDR_A, 0)));
	close(fd);

	net_pair(&self->net, pair);
	EXPECT_EQ(EINVAL, net_err(net_bind(pair[A], ADDR_A, NET_PORT + 1)));
	EXPECT_EQ(EINVAL, net_err(net_bind(pair[B], ADDR_B, NET_PORT + 1)));
}

/* close(2) gives the port back at once when nothing was sent. */
TEST_F(ports, close_frees)
{
	int fd = bound(&self->net, A, ADDR_ANY, NET_PORT);

	close(fd);
	fd = bound(&self->net, A, ADDR_ANY, NET_PORT);
	ASSERT_EQ(0, listen(fd, 1));
	close(fd);
	bound(&self->net, A, ADDR_ANY, NET_PORT);
}

/* A listener for an address goes before one for all of them. */
TEST_F(ports, specific_listener_first)
{
	int any = reusing_socket(&self->net, B);
	int specific = reusing_socket(&self->net, B);
	int fd;

	ASSERT_EQ(0, net_bind(any, ADDR_ANY, NET_PORT));
	ASSERT_EQ(0, net_bind(specific, ADDR_B, NET_PORT));
	ASSERT_EQ(0, listen(specific, 4));
	/* The second to listen is refused: see second_bind. */
	EXPECT_EQ(EADDRINUSE, net_err(listen(any, 4)));

	fd = net_socket(&self->net, B, 0);
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_LO, NET_PORT)));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_accept(specific);
}

TEST_F(ports, listeners_by_address)
{
	int lo = bound(&self->net, B, ADDR_LO, NET_PORT);
	int out = bound(&self->net, B, ADDR_B, NET_PORT);

	ASSERT_EQ(0, listen(lo, 4));
	ASSERT_EQ(0, listen(out, 4));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_TRUE(net_wait_poll(out, POLLIN));
	EXPECT_EQ(0, net_poll(lo, POLLIN, 0));
	net_accept(out);
	net_client(&self->net, B, ADDR_LO, NET_PORT);
	EXPECT_TRUE(net_wait_poll(lo, POLLIN));
	EXPECT_EQ(0, net_poll(out, POLLIN, 0));
}

/* Every port of the range is given out, then none, then the one freed. */
TEST_F(ports, exhaustion)
{
	static int fds[EPHEMERAL];
	int fd, i, freed;

	net_files(EPHEMERAL + 100);
	net_port_range(&self->net, A, NET_EPHEMERAL_MIN,
		       NET_EPHEMERAL_MIN + EPHEMERAL - 1);
	for (i = 0; i < EPHEMERAL; i++)
		fds[i] = bound(&self->net, A, ADDR_ANY, NET_EPHEMERAL_MIN + i);
	net_listen(&self->net, B, NET_PORT, 4);

	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_A, 0)));
	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_local_port(fd));
	EXPECT_EQ(EADDRINUSE, net_err(listen(fd, 1)));
	/* Another host has ports. */
	bound(&self->net, B, ADDR_ANY, 0);

	freed = EPHEMERAL / 3;
	close(fds[freed]);
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(NET_EPHEMERAL_MIN + freed, net_local_port(fd));
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	freed = EPHEMERAL / 2;
	close(fds[freed]);
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_EQ(NET_EPHEMERAL_MIN + freed, net_local_port(fd));
}

/* ip(7), ip_local_reserved_ports: only for who asks by name. */
TEST_F(ports, reserved)
{
	int fd = net_socket(&self->net, A, 0);
	int listener;

	net_reserve_ports(&self->net, A, NET_EPHEMERAL_MIN + 1,
			  NET_EPHEMERAL_MAX);
	listener = bound(&self->net, A, ADDR_ANY, 0);
	EXPECT_EQ(NET_EPHEMERAL_MIN, net_local_port(listener));
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	close(listener);
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, NET_EPHEMERAL_MAX)));
	/* Another host has its own. */
	bound(&self->net, B, ADDR_ANY, 0);
	bound(&self->net, B, ADDR_ANY, 0);
}

/* ip(7), ip_local_port_range */
TEST_F(ports, range)
{
	int fd = net_socket(&self->net, A, 0);
	int port;

	net_port_range(&self->net, A, 2000, 2001);
	net_listen(&self->net, B, NET_PORT, 4);
	port = net_local_port(bound(&self->net, A, ADDR_ANY, 0));
	EXPECT_TRUE(port == 2000 || port == 2001);
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(2000 + 2001 - port, net_local_port(fd));

	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	/* Another host has its own. */
	port = net_local_port(bound(&self->net, B, ADDR_ANY, 0));
	EXPECT_LE(NET_EPHEMERAL_MIN, port);
}

/* ip(7), IP_LOCAL_PORT_RANGE: as far as it is in that of the host */
TEST_F(ports, range_of_a_socket)
{
	int fd = net_socket(&self->net, A, 0);
	int one = NET_EPHEMERAL_MIN + 7;

	if (!net_own_port_range(fd, one, one))
		SKIP(return, "this kernel has no IP_LOCAL_PORT_RANGE");
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_EQ(one, net_local_port(fd));

	net_listen(&self->net, B, NET_PORT, 4);
	fd = net_socket(&self->net, A, 0);
	EXPECT_TRUE(net_own_port_range(fd, one, one));
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_TRUE(net_own_port_range(fd, one, one + 1));
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(one + 1, net_local_port(fd));

	/* Neither end is: the host's holds. */
	fd = net_socket(&self->net, A, 0);
	EXPECT_TRUE(net_own_port_range(fd, 2000, 2001));
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_ANY, 0)));
	EXPECT_LE(NET_EPHEMERAL_MIN, net_local_port(fd));
}

/* The 5-tuple is what must be different, not the port. */
TEST_F(ports, one_port_many_destinations)
{
	int fd[3], listener[2];
	int i;

	for (i = 0; i < 2; i++)
		listener[i] = net_listen(&self->net, B, NET_PORT + i, 4);
	for (i = 0; i < 3; i++) {
		fd[i] = reusing_socket(&self->net, A);
		ASSERT_EQ(0, net_err(net_bind(fd[i], ADDR_A, 12345)));
	}
	EXPECT_EQ(0, net_err(net_connect(fd[0], ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_err(net_connect(fd[1], ADDR_B, NET_PORT + 1)));
	EXPECT_EQ(EADDRNOTAVAIL,
		  net_err(net_connect(fd[2], ADDR_B, NET_PORT)));
	EXPECT_EQ(EADDRNOTAVAIL,
		  net_err(net_connect(fd[2], ADDR_B, NET_PORT + 1)));

	/* Each connection has its own bytes. */
	for (i = 0; i < 2; i++)
		net_send_all(fd[i], 100, i * 1000);
	for (i = 0; i < 2; i++)
		net_recv_all(net_accept(listener[i]), 100, i * 1000);
}

TEST_F(ports, many_from_one_host)
{
	int listener = net_listen(&self->net, B, NET_PORT, 64);
	int client[50], server[50];
	int i;

	for (i = 0; i < 50; i++)
		client[i] = net_client(&self->net, A, ADDR_B, NET_PORT);
	for (i = 0; i < 50; i++)
		server[i] = net_accept(listener);
	for (i = 0; i < 50; i++) {
		EXPECT_EQ(net_local_port(client[i]),
			  net_peer_port(server[i]));
		net_send_all(client[i], 100, i);
	}
	for (i = 0; i < 50; i++)
		net_recv_all(server[i], 100, i);
}

TEST_F(ports, hosts_are_independent)
{
	int on_a = bound(&self->net, A, ADDR_ANY, NET_PORT);
	int on_b = bound(&self->net, B, ADDR_ANY, NET_PORT);
	int fd = net_socket(&self->net, B, 0);

	ASSERT_EQ(0, listen(on_a, 1));
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_LO, NET_PORT)));
	ASSERT_EQ(0, listen(on_b, 1));
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_LO, NET_PORT)));
}

/* Protocol 253's ports are not TCP's. */
TEST_F(ports, families_are_independent)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(NET_PORT),
	};
	int tcp, fd;

	if (net_is_inet())
		SKIP(return, "needs two families");
	net_enter(&self->net, B);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, bind(tcp, (void *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(tcp, 1));
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	net_listen(&self->net, B, NET_PORT, 1);
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_poll(tcp, POLLIN, 0));
}

/* B closes first, and keeps the connection's name in TIME_WAIT. */
static int leave_time_wait(struct net *net, bool reuse)
{
	int listener, client, server, port;

	listener = net_socket(net, B, 0);
	net_setopt(listener, SOL_SOCKET, SO_REUSEADDR, reuse);
	if (net_bind(listener, ADDR_ANY, NET_PORT) || listen(listener, 4))
		net_fatal("listen on port %d", NET_PORT);
	client = net_client(net, A, ADDR_B, NET_PORT);
	port = net_local_port(client);
	server = net_accept(listener);
	close(listener);
	close(server);
	net_drain(client, 0);
	close(client);
	if (!net_wait_state(net, B, NET_PORT, port, TCP_TIME_WAIT) ||
	    !net_wait_state(net, A, port, NET_PORT, 0))
		net_fatal("no TIME_WAIT");
	return port;
}

TEST_F(ports, time_wait_holds_the_port)
{
	int fd;

	leave_time_wait(&self->net, true);
	fd = net_socket(&self->net, B, 0);
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_ANY, NET_PORT)));
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_LO, NET_PORT)));
	fd = reusing_socket(&self->net, B);
	EXPECT_EQ(0, net_err(net_bind(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_err(listen(fd, 1)));
}

/* Both must have asked for it. */
TEST_F(ports, time_wait_without_reuse)
{
	int fd;

	leave_time_wait(&self->net, false);
	fd = reusing_socket(&self->net, B);
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_ANY, NET_PORT)));
}

/* The one who closed first cannot have the same 5-tuple again ... */
TEST_F(ports, time_wait_keeps_the_tuple)
{
	int port, fd;

	/* With timestamps it could: see reuse.c. */
	net_sysctl(&self->net, B, "timestamps", "0");
	port = leave_time_wait(&self->net, true);
	fd = reusing_socket(&self->net, B);
	ASSERT_EQ(0, net_err(net_bind(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(EADDRNOTAVAIL, net_err(net_connect(fd, ADDR_A, port)));
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_A, port - 1)));
}

/* ... but its listener takes it when the other asks. */
TEST_F(ports, syn_ends_time_wait)
{
	int port, fd, listener, server;

	port = leave_time_wait(&self->net, true);
	listener = net_listen(&self->net, B, NET_PORT, 4);
	fd = net_socket(&self->net, A, 0);
	ASSERT_EQ(0, net_err(net_bind(fd, ADDR_ANY, port)));
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	server = net_accept(listener);
	EXPECT_EQ(0, net_count(&self->net, B, TCP_TIME_WAIT));
	net_send_all(fd, 1000, 0);
	net_recv_all(server, 1000, 0);
}

/* Connections do not keep a server from its port when it starts again. */
TEST_F(ports, restart_with_connections)
{
	int listener, server, fd;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	server = net_accept(listener);
	close(listener);

	listener = net_socket(&self->net, B, 0);
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(listener, ADDR_ANY, NET_PORT)));
	close(listener);
	listener = net_listen(&self->net, B, NET_PORT, 4);
	net_send_all(fd, 100, 0);
	net_recv_all(server, 100, 0);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_accept(listener);
}

/* Bound to any address, it holds the port of the one that it connects from. */
TEST_F(ports, connect_narrows_the_address)
{
	struct sockaddr_in unspec = { .sin_family = AF_UNSPEC };
	int fd = bound(&self->net, A, ADDR_ANY, 12345);
	int other = net_socket(&self->net, A, 0);

	net_listen(&self->net, B, NET_PORT, 4);
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(other, ADDR_LO, 12345)));
	ASSERT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(other, ADDR_A, 12345)));
	EXPECT_EQ(0, net_err(net_bind(other, ADDR_LO, 12345)));
	close(other);

	ASSERT_EQ(0, connect(fd, (void *)&unspec, sizeof(unspec)));
	other = net_socket(&self->net, A, 0);
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(other, ADDR_LO, 12345)));
}

/* Who listens stands in the way; who has listened does not. */
TEST_F(ports, listener_stops)
{
	int first = reusing_socket(&self->net, B);
	int second = reusing_socket(&self->net, B);

	ASSERT_EQ(0, net_bind(first, ADDR_ANY, NET_PORT));
	ASSERT_EQ(0, listen(first, 4));
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(second, ADDR_B, NET_PORT)));
	ASSERT_EQ(0, shutdown(first, SHUT_RD));
	EXPECT_EQ(0, net_err(net_bind(second, ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_err(listen(second, 4)));
	EXPECT_EQ(EADDRINUSE, net_err(listen(first, 4)));
	close(second);
	EXPECT_EQ(0, net_err(listen(first, 4)));
}

/* A port that connect(2) chose is shared with no bind(2). */
TEST_F(ports, connected_port_is_taken)
{
	int pair[2], fd;

	net_pair(&self->net, pair);
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_ANY,
					       net_local_port(pair[A]))));
	EXPECT_EQ(EADDRINUSE, net_err(net_bind(fd, ADDR_A,
					       net_local_port(pair[A]))));
}

TEST_F(ports, bind_address_no_port)
{
	int fd = net_socket(&self->net, A, 0);

	net_listen(&self->net, B, NET_PORT, 4);
	net_setopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	ASSERT_EQ(0, net_err(net_bind(fd, ADDR_A, 0)));
	EXPECT_EQ(0, net_local_port(fd));
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_LE(NET_EPHEMERAL_MIN, net_local_port(fd));
}

TEST_HARNESS_MAIN
