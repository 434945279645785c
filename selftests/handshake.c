// SPDX-License-Identifier: GPL-2.0
/*
 * How a connection begins: socket, connect and accept in every way they can
 * be called, what they say when it does not come to one, and the names of
 * the two ends.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/time.h>

#include "kselftest_harness.h"

#include "net.h"

FIXTURE(handshake) {
	struct net net;
};

FIXTURE_SETUP(handshake)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(handshake)
{
	net_exit(&self->net);
}

static int connect_raw(int fd, const void *addr, socklen_t len)
{
	return net_err(connect(fd, addr, len));
}

static int bind_raw(int fd, const void *addr, socklen_t len)
{
	return net_err(bind(fd, addr, len));
}

/* Lose the handshake's first segments, so that the test can act before it. */
static int start_connect(struct net *net, int port)
{
	int fd = net_socket(net, A, SOCK_NONBLOCK);

	net_cut(net, A);
	if (net_err(net_connect(fd, ADDR_B, port)) != EINPROGRESS)
		net_fatal("connect that should be in progress");
	return fd;
}

TEST_F(handshake, blocking)
{
	int listener, client, server, port;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	client = net_client(&self->net, A, ADDR_B, NET_PORT);
	server = net_accept(listener);
	port = net_local_port(client);

	EXPECT_EQ(port, net_peer_port(server));
	EXPECT_EQ(NET_PORT, net_local_port(server));
	EXPECT_EQ(NET_PORT, net_peer_port(client));
	EXPECT_EQ(TCP_ESTABLISHED, net_state(&self->net, A, port, NET_PORT));
	EXPECT_EQ(TCP_ESTABLISHED, net_state(&self->net, B, NET_PORT, port));
	EXPECT_EQ(TCP_LISTEN, net_state(&self->net, B, NET_PORT, 0));

	net_send_all(client, 1000, 0);
	net_recv_all(server, 1000, 0);
	net_send_all(server, 1000, 5);
	net_recv_all(client, 1000, 5);
}

TEST_F(handshake, over_loopback)
{
	int listener, client, server;

	listener = net_listen(&self->net, A, NET_PORT, 4);
	client = net_client(&self->net, A, ADDR_LO, NET_PORT);
	server = net_accept(listener);
	net_send_all(client, 100000, 0);
	net_recv_all(server, 100000, 0);

	/* One's own address on the cable is loopback, too. */
	client = net_client(&self->net, A, ADDR_A, NET_PORT);
	server = net_accept(listener);
	net_send_all(server, 100000, 0);
	net_recv_all(client, 100000, 0);

	/* No address is one's own. */
	client = net_client(&self->net, A, ADDR_ANY, NET_PORT);
	server = net_accept(listener);
	net_send_all(server, 100, 0);
	net_recv_all(client, 100, 0);
}

TEST_F(handshake, nonblocking)
{
	int listener, fd;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_TRUE(net_wait_poll(fd, POLLOUT));
	EXPECT_EQ(0, net_so_error(fd));
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(EISCONN, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	net_accept(listener);
}

TEST_F(handshake, already_in_progress)
{
	int listener, fd;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fd = start_connect(&self->net, NET_PORT);
	EXPECT_EQ(TCP_SYN_SENT,
		  net_state(&self->net, A, net_local_port(fd), NET_PORT));
	EXPECT_EQ(EALREADY, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(EALREADY, net_err(net_connect(fd, ADDR_B, NET_PORT + 1)));
	EXPECT_EQ(0, net_poll(fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(0, net_so_error(fd));

	net_mend(&self->net, A);
	EXPECT_TRUE(net_wait_poll(fd, POLLOUT));
	EXPECT_EQ(0, net_so_error(fd));
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	net_accept(listener);
}

/* The SYN is lost, and blocking connect goes on behind a non-blocking one. */
TEST_F(handshake, blocking_after_nonblocking)
{
	struct net_call call = {
		.fn = net_call_connect,
		.addr = net_addr(ADDR_B, NET_PORT),
	};

	net_listen(&self->net, B, NET_PORT, 4);
	call.fd = start_connect(&self->net, NET_PORT);
	net_nonblock(call.fd, false);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_mend(&self->net, A);
	EXPECT_EQ(0, net_call_end(&call));
}

TEST_F(handshake, refused)
{
	int fd = net_socket(&self->net, A, 0);
	int listener;

	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(0, net_so_error(fd));
	EXPECT_EQ(0, net_count(&self->net, A, 0));

	/* The socket is as good as new. */
	listener = net_listen(&self->net, B, NET_PORT, 4);
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	net_accept(listener);
}

TEST_F(handshake, refused_nonblocking)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_TRUE(net_wait_poll(fd, POLLERR));
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP,
		  net_poll(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
	EXPECT_EQ(ECONNREFUSED, net_so_error(fd));
	EXPECT_EQ(0, net_so_error(fd));
}

TEST_F(handshake, refused_seen_by_connect)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_TRUE(net_wait_poll(fd, POLLERR));
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_TRUE(net_wait_poll(fd, POLLERR));
	EXPECT_EQ(ECONNREFUSED, net_so_error(fd));
	EXPECT_EQ(ECONNABORTED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
}

TEST_F(handshake, refused_on_loopback)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_LO, NET_PORT)));
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_A, NET_PORT)));
}

TEST_F(handshake, no_route)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(ENETUNREACH, net_err(net_connect(fd, ADDR_NOROUTE, 80)));
	EXPECT_EQ(0, net_so_error(fd));

	net_ip(&self->net, A, "route add unreachable 192.0.2.0/28");
	EXPECT_EQ(EHOSTUNREACH, net_err(net_connect(fd, ADDR_NOROUTE, 80)));
	net_ip(&self->net, A, "route replace prohibit 192.0.2.0/28");
	EXPECT_EQ(EACCES, net_err(net_connect(fd, ADDR_NOROUTE, 80)));
	net_ip(&self->net, A, "route replace blackhole 192.0.2.0/28");
	EXPECT_EQ(EINVAL, net_err(net_connect(fd, ADDR_NOROUTE, 80)));

	EXPECT_EQ(ENETUNREACH, net_err(net_connect(fd, "10.9.0.255", 80)));
	EXPECT_EQ(ENETUNREACH,
		  net_err(net_connect(fd, "255.255.255.255", 80)));
	EXPECT_EQ(ENETUNREACH, net_err(net_connect(fd, "224.0.0.1", 80)));
}

TEST_F(handshake, no_arp)
{
	int fd = net_socket(&self->net, A, 0);

	net_sysctl_path(&self->net, A,
			"net/ipv4/neigh/" DEV_A "/mcast_solicit", "1");
	EXPECT_EQ(EHOSTUNREACH, net_err(net_connect(fd, ADDR_NOARP, 80)));
}

/* B knows no way on, and says so with ICMP. */
TEST_F(handshake, icmp_unreachable)
{
	int fd = net_socket(&self->net, A, 0);

	net_sysctl_path(&self->net, B, "net/ipv4/ip_forward", "1");
	net_sysctl_path(&self->net, B, "net/ipv4/icmp_ratelimit", "0");
	net_ip(&self->net, A, "route add 192.0.2.0/24 via " ADDR_B);
	EXPECT_EQ(ENETUNREACH, net_err(net_connect(fd, ADDR_NOROUTE, 80)));
	net_ip(&self->net, B, "route add unreachable 192.0.2.0/24");
	EXPECT_EQ(EHOSTUNREACH, net_err(net_connect(fd, ADDR_NOROUTE, 80)));
	net_ip(&self->net, B, "route replace prohibit 192.0.2.0/24");
	EXPECT_EQ(EHOSTUNREACH, net_err(net_connect(fd, ADDR_NOROUTE, 80)));
}

TEST_F(handshake, timeout)
{
	int other = net_socket(&self->net, A, SOCK_NONBLOCK);
	int fd = net_socket(&self->net, A, 0);
	long long start = net_now_ms();

	net_nobody(&self->net, A);
	net_sysctl(&self->net, A, "syn_retries", "1");
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(other, ADDR_NOBODY, 80)));
	EXPECT_EQ(ETIMEDOUT, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	/* One second for the SYN, two for its retransmission. */
	EXPECT_LE(2900, net_now_ms() - start);
	EXPECT_EQ(0, net_so_error(fd));

	ASSERT_TRUE(net_wait_poll(other, POLLERR));
	EXPECT_EQ(ETIMEDOUT, net_so_error(other));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
}

TEST_F(handshake, send_timeout)
{
	int fd = net_socket(&self->net, A, 0);

	net_nobody(&self->net, A);
	net_timeout(fd, SO_SNDTIMEO, 40);
	EXPECT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	EXPECT_EQ(EALREADY, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	EXPECT_EQ(TCP_SYN_SENT,
		  net_state(&self->net, A, net_local_port(fd), 80));
}

/* To close a socket that connects ends it at once. */
TEST_F(handshake, close_while_connecting)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	net_nobody(&self->net, A);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	EXPECT_EQ(1, net_count(&self->net, A, TCP_SYN_SENT));
	close(fd);
	EXPECT_EQ(0, net_count(&self->net, A, 0));
}

TEST_F(handshake, shutdown_while_connecting)
{
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	net_nobody(&self->net, A);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	EXPECT_EQ(0, net_err(shutdown(fd, SHUT_WR)));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
	EXPECT_EQ(ENOTCONN, net_err(shutdown(fd, SHUT_WR)));
}

TEST_F(handshake, connect_unspec_disconnects)
{
	struct sockaddr_in unspec = { .sin_family = AF_UNSPEC };
	int fd[2];

	net_pair(&self->net, fd);
	EXPECT_EQ(0, connect_raw(fd[A], &unspec, sizeof(unspec)));
	EXPECT_EQ(ECONNRESET, net_err(send(fd[A], "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(EPIPE, net_err(send(fd[A], "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
	ASSERT_TRUE(net_wait_poll(fd[B], POLLERR));
	EXPECT_EQ(ECONNRESET, net_err(recv(fd[B], &unspec, 1, 0)));

	/* It connects again. */
	net_listen(&self->net, B, NET_PORT + 1, 1);
	EXPECT_EQ(0, net_err(net_connect(fd[A], ADDR_B, NET_PORT + 1)));
}

TEST_F(handshake, disconnect_while_connecting)
{
	struct sockaddr_in unspec = { .sin_family = AF_UNSPEC };
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	net_nobody(&self->net, A);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	EXPECT_EQ(0, connect_raw(fd, &unspec, sizeof(unspec)));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
}

/* A listener that is disconnected stops to listen. */
TEST_F(handshake, disconnect_listener)
{
	struct sockaddr_in unspec = { .sin_family = AF_UNSPEC };
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(0, connect_raw(listener, &unspec, sizeof(unspec)));
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_EQ(EINVAL, net_err(accept(listener, NULL, NULL)));
	/* bind(2) lasts. */
	EXPECT_EQ(NET_PORT, net_local_port(listener));
	EXPECT_EQ(0, net_err(listen(listener, 4)));
	EXPECT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
}

TEST_F(handshake, self_connect)
{
	int fd = net_socket(&self->net, A, 0);

	ASSERT_EQ(0, net_err(net_bind(fd, ADDR_LO, NET_PORT)));
	ASSERT_EQ(0, net_err(net_connect(fd, ADDR_LO, NET_PORT)));
	EXPECT_EQ(TCP_ESTABLISHED,
		  net_state(&self->net, A, NET_PORT, NET_PORT));
	EXPECT_EQ(1, net_count(&self->net, A, 0));
	net_send_all(fd, 1000, 0);
	net_recv_all(fd, 1000, 0);
	EXPECT_EQ(0, net_err(shutdown(fd, SHUT_WR)));
	EXPECT_EQ(1000, net_drain(fd, 1000));
}

/* Both connect, neither listens, and the SYNs cross. */
TEST_F(handshake, simultaneous_open)
{
	int fd[2];

	fd[A] = net_socket(&self->net, A, SOCK_NONBLOCK);
	fd[B] = net_socket(&self->net, B, SOCK_NONBLOCK);
	ASSERT_EQ(0, net_err(net_bind(fd[A], ADDR_A, NET_PORT)));
	ASSERT_EQ(0, net_err(net_bind(fd[B], ADDR_B, NET_PORT)));
	net_cut(&self->net, A);
	net_cut(&self->net, B);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd[A], ADDR_B, NET_PORT)));
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd[B], ADDR_A, NET_PORT)));
	net_mend(&self->net, A);
	net_mend(&self->net, B);

	ASSERT_TRUE(net_wait_poll(fd[A], POLLOUT));
	ASSERT_TRUE(net_wait_poll(fd[B], POLLOUT));
	EXPECT_EQ(0, net_so_error(fd[A]));
	EXPECT_EQ(0, net_so_error(fd[B]));
	EXPECT_TRUE(net_wait_state(&self->net, A, NET_PORT, NET_PORT,
				   TCP_ESTABLISHED));
	EXPECT_TRUE(net_wait_state(&self->net, B, NET_PORT, NET_PORT,
				   TCP_ESTABLISHED));
	net_nonblock(fd[A], false);
	net_nonblock(fd[B], false);
	net_send_all(fd[A], 5000, 0);
	net_send_all(fd[B], 5000, 7);
	net_recv_all(fd[B], 5000, 0);
	net_recv_all(fd[A], 5000, 7);
}

TEST_F(handshake, lost_syn_ack)
{
	int listener, fd;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	net_cut(&self->net, B);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_TRUE(net_wait_state(&self->net, B, NET_PORT,
				   net_local_port(fd), TCP_SYN_RECV));
	EXPECT_EQ(0, net_poll(listener, POLLIN, 0));
	net_mend(&self->net, B);
	EXPECT_TRUE(net_wait_poll(fd, POLLOUT));
	EXPECT_TRUE(net_wait_poll(listener, POLLIN));
	net_accept(listener);
}

/* The third segment is lost: the server sends its SYN and ACK again. */
TEST_F(handshake, lost_ack)
{
	int listener, fd, server;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	net_cut(&self->net, B);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_TRUE(net_wait_state(&self->net, B, NET_PORT,
				   net_local_port(fd), TCP_SYN_RECV));
	net_cut(&self->net, A);
	net_mend(&self->net, B);
	ASSERT_TRUE(net_wait_poll(fd, POLLOUT));
	EXPECT_EQ(TCP_SYN_RECV, net_state(&self->net, B, NET_PORT,
					  net_local_port(fd)));
	net_mend(&self->net, A);
	ASSERT_TRUE(net_wait_poll(listener, POLLIN));
	server = net_accept(listener);
	net_send_all(fd, 100, 0);
	net_recv_all(server, 100, 0);
}

/* A half-open connection whose client is gone does not stay for ever. */
TEST_F(handshake, half_open_times_out)
{
	int fd;

	net_listen(&self->net, B, NET_PORT, 4);
	fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	net_cut(&self->net, B);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	ASSERT_TRUE(net_wait_state(&self->net, B, NET_PORT,
				   net_local_port(fd), TCP_SYN_RECV));
	net_cut(&self->net, A);
	net_sysctl(&self->net, B, "synack_retries", "1");
	EXPECT_TRUE(net_until(!net_count(&self->net, B, TCP_SYN_RECV)));
	EXPECT_EQ(TCP_LISTEN, net_state(&self->net, B, NET_PORT, 0));
}

TEST_F(handshake, data_before_accept)
{
	int listener, fd, server;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	net_send_all(fd, 5000, 0);
	close(fd);
	server = net_accept(listener);
	EXPECT_EQ(5000, net_drain(server, 0));
}

TEST_F(handshake, accept4_flags)
{
	static const int flags[] = {
		0, SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC,
	};
	int listener, fd;
	size_t i;

	listener = net_listen(&self->net, B, NET_PORT, 8);
	net_nonblock(listener, true);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		net_client(&self->net, A, ADDR_B, NET_PORT);
		ASSERT_TRUE(net_wait_poll(listener, POLLIN));
		fd = accept4(listener, NULL, NULL, flags[i]);
		ASSERT_LE(0, fd);
		EXPECT_EQ(!!(flags[i] & SOCK_NONBLOCK),
			  !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
		EXPECT_EQ(!!(flags[i] & SOCK_CLOEXEC),
			  !!(fcntl(fd, F_GETFD) & FD_CLOEXEC));
	}
	EXPECT_EQ(EINVAL, net_err(accept4(listener, NULL, NULL, 1)));
	EXPECT_EQ(EAGAIN, net_err(accept4(listener, NULL, NULL, 0)));
}

TEST_F(handshake, accept_inherits)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 7 };
	socklen_t len = sizeof(linger);
	int listener, fd;

	listener = net_listen(&self->net, B, NET_PORT, 8);
	net_setopt(listener, SOL_SOCKET, SO_RCVBUF, 20000);
	net_setopt(listener, SOL_SOCKET, SO_SNDBUF, 30000);
	net_setopt(listener, SOL_TCP, TCP_NODELAY, 1);
	net_setopt(listener, SOL_IP, IP_TTL, 99);
	setsockopt(listener, SOL_SOCKET, SO_LINGER, &linger, len);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	fd = net_accept(listener);

	memset(&linger, 0, sizeof(linger));
	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(7, linger.l_linger);
	EXPECT_EQ(1, linger.l_onoff);
	EXPECT_EQ(40000, net_getopt(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(60000, net_getopt(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(1, net_getopt(fd, SOL_SOCKET, SO_REUSEADDR));
	EXPECT_EQ(1, net_getopt(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_EQ(99, net_getopt(fd, SOL_IP, IP_TTL));
	EXPECT_EQ(0, net_getopt(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(1, net_getopt(listener, SOL_SOCKET, SO_ACCEPTCONN));
}

TEST_F(handshake, what_it_is)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(net_family, net_getopt(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(SOCK_STREAM, net_getopt(fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(net_is_inet() ? IPPROTO_TCP : IPPROTO_TEACH,
		  net_getopt(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(0, net_getopt(fd, SOL_SOCKET, SO_ACCEPTCONN));
}

TEST_F(handshake, socket_arguments)
{
	int pair[2], fd;

	net_enter(&self->net, A);
	EXPECT_EQ(EPROTONOSUPPORT,
		  net_err(socket(net_family, SOCK_STREAM, IPPROTO_UDP)));
	EXPECT_EQ(EPROTONOSUPPORT,
		  net_err(socket(net_family, SOCK_STREAM, 254)));
	EXPECT_EQ(ESOCKTNOSUPPORT,
		  net_err(socket(net_family, SOCK_SEQPACKET, 0)));
	EXPECT_EQ(ESOCKTNOSUPPORT,
		  net_err(socket(net_family, SOCK_RDM, 0)));
	EXPECT_EQ(EINVAL, net_err(socket(net_family, 15, 0)));
	EXPECT_EQ(EINVAL, net_err(socket(net_family, SOCK_STREAM, -1)));
	EXPECT_EQ(EINVAL, net_err(socket(net_family, SOCK_STREAM, 1000)));
	EXPECT_EQ(EOPNOTSUPP,
		  net_err(socketpair(net_family, SOCK_STREAM, 0, pair)));

	fd = socket(net_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	if (!net_is_inet()) {
		fd = socket(AF_TEACH, SOCK_STREAM, IPPROTO_TEACH);
		EXPECT_LE(0, fd);
	}
}

TEST_F(handshake, bad_addresses)
{
	struct sockaddr_in good = net_addr(ADDR_B, NET_PORT);
	struct sockaddr_in other = { .sin_family = AF_INET6 };
	struct sockaddr_in mine = net_addr(ADDR_A, NET_PORT);
	int fd = net_socket(&self->net, A, 0);
	socklen_t len = sizeof(good);

	EXPECT_EQ(EINVAL, connect_raw(fd, &good, len - 1));
	EXPECT_EQ(EINVAL, connect_raw(fd, &good, 2));
	EXPECT_EQ(EINVAL, connect_raw(fd, &good, 1));
	EXPECT_EQ(EINVAL, connect_raw(fd, &good, 0));
	EXPECT_EQ(EINVAL, connect_raw(fd, &good, -1));
	EXPECT_EQ(EINVAL, connect_raw(fd, &good, 129));
	EXPECT_EQ(EAFNOSUPPORT, connect_raw(fd, &other, len));
	EXPECT_EQ(EFAULT, connect_raw(fd, NULL, len));
	EXPECT_EQ(EFAULT, connect_raw(fd, (void *)8, len));

	EXPECT_EQ(EINVAL, bind_raw(fd, &mine, len - 1));
	EXPECT_EQ(EINVAL, bind_raw(fd, &mine, 2));
	EXPECT_EQ(EINVAL, bind_raw(fd, &mine, 0));
	EXPECT_EQ(EINVAL, bind_raw(fd, &mine, -1));
	EXPECT_EQ(EINVAL, bind_raw(fd, &mine, 129));
	EXPECT_EQ(EAFNOSUPPORT, bind_raw(fd, &other, len));
	EXPECT_EQ(EFAULT, bind_raw(fd, NULL, len));
	EXPECT_EQ(0, net_local_port(fd));

	/* AF_UNSPEC with no address is 0.0.0.0 for bind(2)... */
	other.sin_family = AF_UNSPEC;
	other.sin_addr.s_addr = inet_addr(ADDR_A);
	EXPECT_EQ(EAFNOSUPPORT, bind_raw(fd, &other, len));
	other.sin_addr.s_addr = 0;
	other.sin_port = htons(NET_PORT);
	EXPECT_EQ(0, bind_raw(fd, &other, len));
	EXPECT_EQ(NET_PORT, net_local_port(fd));
	/* ... and a second one finds the socket bound. */
	EXPECT_EQ(EINVAL, bind_raw(fd, &mine, len));
}

TEST_F(handshake, longer_addresses)
{
	struct sockaddr_storage good = {};
	struct sockaddr_in addr = net_addr(ADDR_A, NET_PORT);
	int fd = net_socket(&self->net, A, 0);

	memcpy(&good, &addr, sizeof(addr));
	EXPECT_EQ(0, bind_raw(fd, &good, sizeof(good)));
	EXPECT_EQ(NET_PORT, net_local_port(fd));
}

TEST_F(handshake, zero_must_be_zero)
{
	struct sockaddr_teach addr = {
		.st_family = AF_TEACH,
		.st_port = htons(NET_PORT),
	};
	struct sockaddr_in in = net_addr(ADDR_A, NET_PORT);
	int fd = net_socket(&self->net, A, 0);
	int i;

	if (net_is_inet())
		SKIP(return, "struct sockaddr_in's padding is not looked at");

	for (i = 0; i < 8; i++) {
		memset(addr.st_zero, 0, 8);
		addr.st_zero[i] = 1;
		addr.st_addr.s_addr = inet_addr(ADDR_A);
		EXPECT_EQ(EINVAL, bind_raw(fd, &addr, sizeof(addr)));
		addr.st_addr.s_addr = inet_addr(ADDR_B);
		EXPECT_EQ(EINVAL, connect_raw(fd, &addr, sizeof(addr)));
	}
	EXPECT_EQ(0, net_local_port(fd));

	/* In AF_INET's form it is padding, as ever. */
	in.sin_family = AF_INET;
	memset(in.sin_zero, 0xff, sizeof(in.sin_zero));
	EXPECT_EQ(0, bind_raw(fd, &in, sizeof(in)));
	EXPECT_EQ(NET_PORT, net_local_port(fd));
}

static int name_family(int fd, bool peer)
{
	struct sockaddr_teach addr;
	socklen_t len = sizeof(addr);
	int err;
	int i;

	memset(&addr, 0xff, sizeof(addr));
	err = peer ? getpeername(fd, (struct sockaddr *)&addr, &len) :
		     getsockname(fd, (struct sockaddr *)&addr, &len);
	if (err)
		net_fatal("%s", peer ? "getpeername" : "getsockname");
	if (len != sizeof(addr))
		return -1;
	for (i = 0; i < 8; i++)
		if (addr.st_zero[i])
			return -1;
	return addr.st_family;
}

TEST_F(handshake, names)
{
	struct sockaddr_in addr;
	socklen_t len;
	int fd[2];
	char tiny[4];
	int fresh = net_socket(&self->net, A, 0);

	EXPECT_EQ(net_family, name_family(fresh, false));
	EXPECT_EQ(0, net_local_port(fresh));
	len = sizeof(addr);
	EXPECT_EQ(ENOTCONN, net_err(getpeername(fresh, (void *)&addr, &len)));

	net_pair(&self->net, fd);
	EXPECT_EQ(net_family, name_family(fd[A], false));
	EXPECT_EQ(net_family, name_family(fd[A], true));
	EXPECT_EQ(net_family, name_family(fd[B], false));
	EXPECT_EQ(net_family, name_family(fd[B], true));

	len = sizeof(addr);
	ASSERT_EQ(0, getsockname(fd[A], (void *)&addr, &len));
	EXPECT_EQ(inet_addr(ADDR_A), addr.sin_addr.s_addr);
	ASSERT_EQ(0, getpeername(fd[A], (void *)&addr, &len));
	EXPECT_EQ(inet_addr(ADDR_B), addr.sin_addr.s_addr);
	EXPECT_EQ(htons(NET_PORT), addr.sin_port);
	ASSERT_EQ(0, getsockname(fd[B], (void *)&addr, &len));
	EXPECT_EQ(inet_addr(ADDR_B), addr.sin_addr.s_addr);

	/* A short buffer gets what fits, and the whole length. */
	len = sizeof(tiny);
	EXPECT_EQ(0, getsockname(fd[A], (void *)tiny, &len));
	EXPECT_EQ(sizeof(addr), len);
	len = -1;
	EXPECT_EQ(EINVAL, net_err(getsockname(fd[A], (void *)&addr, &len)));
	len = sizeof(addr);
	EXPECT_EQ(EFAULT, net_err(getsockname(fd[A], NULL, &len)));
	EXPECT_EQ(EFAULT, net_err(getsockname(fd[A], (void *)&addr, NULL)));

	/* A closed connection has no peer. */
	shutdown(fd[B], SHUT_WR);
	ASSERT_TRUE(net_wait_poll(fd[A], POLLIN));
	EXPECT_EQ(0, net_err(getpeername(fd[A], (void *)&addr, &len)));
}

/* DESIGN.md, 4: a socket answers in the form it was last addressed in. */
TEST_F(handshake, answers_in_the_form_addressed_in)
{
	struct sockaddr_in in = net_addr(ADDR_B, NET_PORT);
	struct sockaddr_teach from = {};
	socklen_t len = sizeof(from);
	int listener, client, server;

	if (net_is_inet())
		SKIP(return, "AF_INET has one form");

	in.sin_family = AF_INET;
	listener = net_socket(&self->net, B, 0);
	EXPECT_EQ(AF_TEACH, name_family(listener, false));
	ASSERT_EQ(0, bind_raw(listener, &in, sizeof(in)));
	EXPECT_EQ(AF_INET, name_family(listener, false));
	ASSERT_EQ(0, listen(listener, 4));

	/* The client in its own form; the server in its listener's. */
	client = net_socket(&self->net, A, 0);
	ASSERT_EQ(0, net_connect(client, ADDR_B, NET_PORT));
	server = accept(listener, (void *)&from, &len);
	ASSERT_LE(0, server);
	EXPECT_EQ(AF_INET, from.st_family);
	EXPECT_EQ(sizeof(from), len);
	EXPECT_EQ(inet_addr(ADDR_A), from.st_addr.s_addr);
	EXPECT_EQ(htons(net_local_port(client)), from.st_port);
	EXPECT_EQ(AF_TEACH, name_family(client, true));
	EXPECT_EQ(AF_INET, name_family(server, true));
	EXPECT_EQ(AF_INET, name_family(server, false));

	/* Bound in one form, connected in the other. */
	client = net_socket(&self->net, A, 0);
	ASSERT_EQ(0, net_err(net_bind(client, ADDR_A, 0)));
	EXPECT_EQ(AF_TEACH, name_family(client, false));
	ASSERT_EQ(0, connect_raw(client, &in, sizeof(in)));
	EXPECT_EQ(AF_INET, name_family(client, false));
	EXPECT_EQ(AF_INET, name_family(client, true));
}

TEST_F(handshake, accept_address)
{
	struct sockaddr_in from = {};
	int listener, client;
	socklen_t len;

	listener = net_listen(&self->net, B, NET_PORT, 8);
	client = net_client(&self->net, A, ADDR_B, NET_PORT);
	len = sizeof(from);
	ASSERT_LE(0, accept(listener, (void *)&from, &len));
	EXPECT_EQ(net_family, from.sin_family);
	EXPECT_EQ(htons(net_local_port(client)), from.sin_port);
	EXPECT_EQ(inet_addr(ADDR_A), from.sin_addr.s_addr);
	EXPECT_EQ(sizeof(from), len);

	/* A bad buffer costs the connection, not the listener. */
	client = net_client(&self->net, A, ADDR_B, NET_PORT);
	len = sizeof(from);
	EXPECT_EQ(EFAULT, net_err(accept(listener, (void *)8, &len)));
	client = net_client(&self->net, A, ADDR_B, NET_PORT);
	len = -1;
	EXPECT_EQ(EINVAL, net_err(accept(listener, (void *)&from, &len)));
	client = net_client(&self->net, A, ADDR_B, NET_PORT);
	len = 2;
	ASSERT_LE(0, accept(listener, (void *)&from, &len));
	EXPECT_EQ(sizeof(from), len);
}

TEST_F(handshake, port_zero_is_no_destination)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, 0)));
}

TEST_HARNESS_MAIN
