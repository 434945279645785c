// SPDX-License-Identifier: GPL-2.0
/*
 * The same errno as TCP gives, in every case: each call, with good and with
 * bad arguments, on a socket in each state.  A socket of AF_INET and one of
 * the family under test are brought into the state and called in the same
 * way, and must give the same value, the same errno and the same SIGPIPEs.
 *
 * So nothing here says what is right: TCP does.  All calls are such that
 * they do not block.
 */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#include "net.h"
#include "tcpinfo.h"

#define BAD_POINTER	((void *)8)

/* A socket in some state, and what is needed to have it there. */
struct subject {
	struct net *net;
	int fd;
	int peer;
	int listener;
};

struct outcome {
	long ret;
	int err;
	int sigpipes;
};

/* The states */

static void make_fresh(struct subject *s)
{
	s->fd = net_socket(s->net, A, 0);
}

static void make_bound(struct subject *s)
{
	make_fresh(s);
	net_setopt(s->fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (net_bind(s->fd, ADDR_ANY, 6000))
		net_fatal("bind");
}

static void make_listening(struct subject *s)
{
	s->fd = net_listen(s->net, A, 6000, 4);
}

static void make_pending(struct subject *s)
{
	make_listening(s);
	s->peer = net_client(s->net, B, ADDR_A, 6000);
	if (!net_wait_poll(s->fd, POLLIN))
		net_fatal("no pending connection");
}

static void make_connecting(struct subject *s)
{
	make_fresh(s);
	net_nonblock(s->fd, true);
	if (net_err(net_connect(s->fd, ADDR_NOBODY, 80)) != EINPROGRESS)
		net_fatal("connect");
}

static void make_refused(struct subject *s)
{
	make_fresh(s);
	net_nonblock(s->fd, true);
	if (net_err(net_connect(s->fd, ADDR_B, 9)) != EINPROGRESS)
		net_fatal("connect");
	if (!net_wait_poll(s->fd, POLLERR))
		net_fatal("not refused");
}

static void make_refused_seen(struct subject *s)
{
	make_refused(s);
	net_so_error(s->fd);
}

static void make_established(struct subject *s)
{
	s->listener = net_listen(s->net, B, NET_PORT, 4);
	s->fd = net_client(s->net, A, ADDR_B, NET_PORT);
	s->peer = net_accept(s->listener);
}

static void make_passive(struct subject *s)
{
	s->listener = net_listen(s->net, A, NET_PORT, 4);
	s->peer = net_client(s->net, B, ADDR_A, NET_PORT);
	s->fd = net_accept(s->listener);
}

static void make_readable(struct subject *s)
{
	make_established(s);
	net_send_all(s->peer, 10, 0);
	if (!net_wait_poll(s->fd, POLLIN))
		net_fatal("nothing to read");
}

static void make_full(struct subject *s)
{
	make_established(s);
	net_fill(s->fd, 0);
	net_setopt(s->fd, SOL_SOCKET, SO_SNDBUF, 1);
}

static void make_close_wait(struct subject *s)
{
	make_established(s);
	shutdown(s->peer, SHUT_WR);
	if (!net_wait_poll(s->fd, POLLRDHUP))
		net_fatal("no end of stream");
}

static void make_close_wait_readable(struct subject *s)
{
	make_established(s);
	net_send_all(s->peer, 10, 0);
	shutdown(s->peer, SHUT_WR);
	if (!net_wait_poll(s->fd, POLLRDHUP))
		net_fatal("no end of stream");
}

static int outq(int fd)
{
	int value;

	if (ioctl(fd, SIOCOUTQ, &value))
		net_fatal("SIOCOUTQ");
	return value;
}

/* Shut it, and wait until the FIN is acknowledged. */
static void shut(struct subject *s, int how)
{
	shutdown(s->fd, how);
	if (!net_wait_poll(s->peer, POLLRDHUP))
		net_fatal("no end of stream");
	if (!net_until(!outq(s->fd)))
		net_fatal("FIN not acknowledged");
}

static void make_fin_wait(struct subject *s)
{
	make_established(s);
	shut(s, SHUT_WR);
}

static void make_read_shut(struct subject *s)
{
	make_established(s);
	shutdown(s->fd, SHUT_RD);
}

static void make_both_shut(struct subject *s)
{
	make_established(s);
	shut(s, SHUT_RDWR);
}

/* Both sent a FIN; this one first. */
static void make_time_wait(struct subject *s)
{
	make_fin_wait(s);
	shutdown(s->peer, SHUT_WR);
	if (!net_wait_poll(s->fd, POLLHUP))
		net_fatal("not closed");
}

/* Both sent a FIN; this one last. */
static void make_closed(struct subject *s)
{
	make_close_wait(s);
	shut(s, SHUT_WR);
}

static void reset_peer(struct subject *s)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(s->peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(s->peer);
	s->peer = -1;
	if (!net_wait_poll(s->fd, POLLERR | POLLHUP))
		net_fatal("no reset");
}

static void make_reset(struct subject *s)
{
	make_established(s);
	reset_peer(s);
}

static void make_reset_seen(struct subject *s)
{
	make_reset(s);
	net_so_error(s->fd);
}

static void make_reset_readable(struct subject *s)
{
	make_readable(s);
	reset_peer(s);
}

/* In CLOSE_WAIT: Linux says EPIPE instead. */
static void make_reset_close_wait(struct subject *s)
{
	make_close_wait(s);
	reset_peer(s);
}

static void make_disconnected(struct subject *s)
{
	struct sockaddr_in addr = { .sin_family = AF_UNSPEC };

	make_established(s);
	if (connect(s->fd, (void *)&addr, sizeof(addr)))
		net_fatal("disconnect");
}

static void make_unlistened(struct subject *s)
{
	make_listening(s);
	shutdown(s->fd, SHUT_RD);
}

static void drop(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* The calls */

static long do_connect(struct subject *s, const char *ip, int port,
		       int family, socklen_t len)
{
	struct sockaddr_in addr = net_addr(ip, port);

	if (family)
		addr.sin_family = family;
	if (family < 0)
		addr.sin_family = AF_UNSPEC;
	net_nonblock(s->fd, true);
	return connect(s->fd, (void *)&addr, len);
}

static long do_bind(struct subject *s, const char *ip, int port, int family,
		    socklen_t len)
{
	struct sockaddr_in addr = net_addr(ip, port);

	if (family)
		addr.sin_family = family;
	if (family < 0)
		addr.sin_family = AF_UNSPEC;
	return bind(s->fd, (void *)&addr, len);
}

#define ADDR_LEN	sizeof(struct sockaddr_in)

static long connect_open(struct subject *s)
{
	return do_connect(s, ADDR_B, 5000, 0, ADDR_LEN);
}

static long connect_nobody(struct subject *s)
{
	return do_connect(s, ADDR_NOBODY, 80, 0, ADDR_LEN);
}

static long connect_port_zero(struct subject *s)
{
	return do_connect(s, ADDR_NOBODY, 0, 0, ADDR_LEN);
}

static long connect_no_route(struct subject *s)
{
	return do_connect(s, ADDR_NOROUTE, 80, 0, ADDR_LEN);
}

static long connect_broadcast(struct subject *s)
{
	return do_connect(s, "255.255.255.255", 80, 0, ADDR_LEN);
}

static long connect_multicast(struct subject *s)
{
	return do_connect(s, "224.0.0.9", 80, 0, ADDR_LEN);
}

static long connect_short(struct subject *s)
{
	return do_connect(s, ADDR_B, 80, 0, ADDR_LEN - 1);
}

static long connect_family_only(struct subject *s)
{
	return do_connect(s, ADDR_B, 80, 0, 2);
}

static long connect_one_byte(struct subject *s)
{
	return do_connect(s, ADDR_B, 80, 0, 1);
}

static long connect_wrong_family(struct subject *s)
{
	return do_connect(s, ADDR_B, 80, AF_INET6, ADDR_LEN);
}

static long connect_unspec(struct subject *s)
{
	return do_connect(s, ADDR_B, 80, -1, ADDR_LEN);
}

static long connect_unspec_short(struct subject *s)
{
	return do_connect(s, ADDR_B, 80, -1, 2);
}

static long connect_null(struct subject *s)
{
	net_nonblock(s->fd, true);
	return connect(s->fd, NULL, ADDR_LEN);
}

static long connect_negative(struct subject *s)
{
	return do_connect(s, ADDR_B, 80, 0, -1);
}

static long bind_good(struct subject *s)
{
	return do_bind(s, ADDR_A, 4000, 0, ADDR_LEN);
}

static long bind_any(struct subject *s)
{
	return do_bind(s, ADDR_ANY, 0, 0, ADDR_LEN);
}

static long bind_foreign(struct subject *s)
{
	return do_bind(s, ADDR_B, 4000, 0, ADDR_LEN);
}

static long bind_multicast(struct subject *s)
{
	return do_bind(s, "224.0.0.9", 4000, 0, ADDR_LEN);
}

static long bind_broadcast(struct subject *s)
{
	return do_bind(s, "10.9.0.255", 4000, 0, ADDR_LEN);
}

static long bind_taken(struct subject *s)
{
	return do_bind(s, ADDR_ANY, 5001, 0, ADDR_LEN);
}

static long bind_short(struct subject *s)
{
	return do_bind(s, ADDR_A, 4000, 0, ADDR_LEN - 1);
}

static long bind_wrong_family(struct subject *s)
{
	return do_bind(s, ADDR_A, 4000, AF_INET6, ADDR_LEN);
}

static long bind_unspec(struct subject *s)
{
	return do_bind(s, ADDR_ANY, 4000, -1, ADDR_LEN);
}

static long bind_unspec_address(struct subject *s)
{
	return do_bind(s, ADDR_A, 4000, -1, ADDR_LEN);
}

static long bind_null(struct subject *s)
{
	return bind(s->fd, NULL, ADDR_LEN);
}

static long listen_some(struct subject *s)
{
	return listen(s->fd, 3);
}

static long listen_negative(struct subject *s)
{
	return listen(s->fd, -1);
}

/* A descriptor is as good as another: all are 0. */
static long do_accept(struct subject *s, void *addr, socklen_t *len,
		      int flags)
{
	int fd;

	net_nonblock(s->fd, true);
	fd = accept4(s->fd, addr, len, flags);
	if (fd < 0)
		return fd;
	drop(fd);
	return 0;
}

static long accept_plain(struct subject *s)
{
	return do_accept(s, NULL, NULL, 0);
}

static long accept_named(struct subject *s)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	return do_accept(s, &addr, &len, 0) ?: len;
}

static long accept_bad_flags(struct subject *s)
{
	return do_accept(s, NULL, NULL, 7);
}

static long accept_bad_pointer(struct subject *s)
{
	socklen_t len = ADDR_LEN;

	return do_accept(s, BAD_POINTER, &len, 0);
}

static long accept_no_length(struct subject *s)
{
	struct sockaddr_in addr;

	return do_accept(s, &addr, NULL, 0);
}

static long accept_negative(struct subject *s)
{
	struct sockaddr_in addr;
	socklen_t len = -1;

	return do_accept(s, &addr, &len, 0);
}

static long send_flags(struct subject *s, int flags)
{
	return send(s->fd, "x", 1, MSG_DONTWAIT | flags);
}

static long send_one(struct subject *s)
{
	return send_flags(s, 0);
}

static long send_nosignal(struct subject *s)
{
	return send_flags(s, MSG_NOSIGNAL);
}

static long send_more(struct subject *s)
{
	return send_flags(s, MSG_MORE);
}

static long send_eor(struct subject *s)
{
	return send_flags(s, MSG_EOR);
}

static long send_nothing(struct subject *s)
{
	return send(s->fd, "x", 0, MSG_DONTWAIT);
}

static long send_null(struct subject *s)
{
	return send(s->fd, NULL, 10, MSG_DONTWAIT);
}

static long send_bad_pointer(struct subject *s)
{
	return send(s->fd, BAD_POINTER, 10, MSG_DONTWAIT);
}

static long do_sendto(struct subject *s, int family, socklen_t len)
{
	struct sockaddr_in addr = net_addr(ADDR_B, 80);

	if (family)
		addr.sin_family = family;
	return sendto(s->fd, "x", 1, MSG_DONTWAIT, (void *)&addr, len);
}

static long sendto_named(struct subject *s)
{
	return do_sendto(s, 0, ADDR_LEN);
}

static long sendto_short(struct subject *s)
{
	return do_sendto(s, 0, 3);
}

static long sendto_wrong_family(struct subject *s)
{
	return do_sendto(s, AF_INET6, ADDR_LEN);
}

static long sendto_negative(struct subject *s)
{
	return do_sendto(s, 0, -1);
}

static long sendto_bad_pointer(struct subject *s)
{
	return sendto(s->fd, "x", 1, MSG_DONTWAIT, BAD_POINTER, ADDR_LEN);
}

static long sendmsg_null(struct subject *s)
{
	return sendmsg(s->fd, NULL, MSG_DONTWAIT);
}

static long sendmsg_empty(struct subject *s)
{
	struct msghdr msg = {};

	return sendmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long sendmsg_many_vectors(struct subject *s)
{
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1025 };

	return sendmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long sendmsg_bad_control(struct subject *s)
{
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = BAD_POINTER,
		.msg_controllen = 32,
	};

	return sendmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long writev_negative(struct subject *s)
{
	struct iovec iov = { "x", (size_t)-1 };

	net_nonblock(s->fd, true);
	return writev(s->fd, &iov, 1);
}

static long write_nothing(struct subject *s)
{
	net_nonblock(s->fd, true);
	return write(s->fd, "x", 0);
}

static long do_recv(struct subject *s, size_t len, int flags)
{
	char buf[20];

	return recv(s->fd, buf, len, MSG_DONTWAIT | flags);
}

static long recv_some(struct subject *s)
{
	return do_recv(s, 20, 0);
}

static long recv_one(struct subject *s)
{
	return do_recv(s, 1, 0);
}

static long recv_nothing(struct subject *s)
{
	return do_recv(s, 0, 0);
}

static long recv_peek(struct subject *s)
{
	return do_recv(s, 20, MSG_PEEK);
}

static long recv_waitall(struct subject *s)
{
	return do_recv(s, 20, MSG_WAITALL);
}

static long recv_trunc(struct subject *s)
{
	return do_recv(s, 20, MSG_TRUNC);
}

static long recv_oob(struct subject *s)
{
	return do_recv(s, 1, MSG_OOB);
}

static long recv_errqueue(struct subject *s)
{
	return do_recv(s, 20, MSG_ERRQUEUE);
}

static long recv_null(struct subject *s)
{
	return recv(s->fd, NULL, 10, MSG_DONTWAIT);
}

static long recv_bad_pointer(struct subject *s)
{
	return recv(s->fd, BAD_POINTER, 10, MSG_DONTWAIT);
}

static long recv_twice(struct subject *s)
{
	recv_some(s);
	return recv_some(s);
}

static long recv_then_send(struct subject *s)
{
	recv_some(s);
	return send_one(s);
}

static long send_twice(struct subject *s)
{
	send_one(s);
	return send_one(s);
}

static long recvfrom_named(struct subject *s)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	char buf[20];
	long ret;

	ret = recvfrom(s->fd, buf, 20, MSG_DONTWAIT, (void *)&addr, &len);
	return ret < 0 ? ret : ret * 1000 + len;
}

static long recvmsg_null(struct subject *s)
{
	return recvmsg(s->fd, NULL, MSG_DONTWAIT);
}

static long recvmsg_empty(struct subject *s)
{
	struct msghdr msg = {};

	return recvmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long read_nothing(struct subject *s)
{
	char byte;

	net_nonblock(s->fd, true);
	return read(s->fd, &byte, 0);
}

static long read_some(struct subject *s)
{
	char buf[20];

	net_nonblock(s->fd, true);
	return read(s->fd, buf, sizeof(buf));
}

static long shutdown_read(struct subject *s)
{
	return shutdown(s->fd, SHUT_RD);
}

static long shutdown_write(struct subject *s)
{
	return shutdown(s->fd, SHUT_WR);
}

static long shutdown_both(struct subject *s)
{
	return shutdown(s->fd, SHUT_RDWR);
}

static long shutdown_bad(struct subject *s)
{
	return shutdown(s->fd, 3);
}

static long long state_of(int fd)
{
	struct tcpinfo info;
	long long state;

	if (tcpinfo_read(fd, &info) || !tcpinfo_field(&info, "state", &state))
		return -1;
	return state;
}

/* After CLOSE_WAIT the peer answers the first, and what was is over. */
static long shutdown_twice(struct subject *s)
{
	bool ends = state_of(s->fd) == TCP_CLOSE_WAIT;

	shutdown(s->fd, SHUT_RDWR);
	if (ends)
		net_until(state_of(s->fd) == TCP_CLOSE);
	return shutdown(s->fd, SHUT_RDWR);
}

static long do_name(struct subject *s, bool peer, void *addr,
		    socklen_t *len)
{
	return peer ? getpeername(s->fd, addr, len) :
		      getsockname(s->fd, addr, len);
}

static long name_good(struct subject *s, bool peer)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	return do_name(s, peer, &addr, &len) ?: len;
}

static long name_short(struct subject *s, bool peer)
{
	char buf[3];
	socklen_t len = sizeof(buf);

	return do_name(s, peer, buf, &len) ?: len;
}

static long name_negative(struct subject *s, bool peer)
{
	struct sockaddr_in addr;
	socklen_t len = -1;

	return do_name(s, peer, &addr, &len);
}

static long name_null(struct subject *s, bool peer)
{
	socklen_t len = ADDR_LEN;

	return do_name(s, peer, NULL, &len);
}

static long getsockname_good(struct subject *s)
{
	return name_good(s, false);
}

static long getsockname_short(struct subject *s)
{
	return name_short(s, false);
}

static long getsockname_negative(struct subject *s)
{
	return name_negative(s, false);
}

static long getsockname_null(struct subject *s)
{
	return name_null(s, false);
}

static long getpeername_good(struct subject *s)
{
	return name_good(s, true);
}

static long getpeername_short(struct subject *s)
{
	return name_short(s, true);
}

static long getpeername_negative(struct subject *s)
{
	return name_negative(s, true);
}

static long getpeername_null(struct subject *s)
{
	return name_null(s, true);
}

/* The value and its length make one number. */
static long do_getsockopt(struct subject *s, int level, int opt,
			  socklen_t len)
{
	int value = 0;

	return getsockopt(s->fd, level, opt, &value, &len) ?:
	       value * 100L + len;
}

static long get_error(struct subject *s)
{
	return do_getsockopt(s, SOL_SOCKET, SO_ERROR, 4);
}

static long get_error_twice(struct subject *s)
{
	get_error(s);
	return get_error(s);
}

static long get_acceptconn(struct subject *s)
{
	return do_getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, 4);
}

static long get_type(struct subject *s)
{
	return do_getsockopt(s, SOL_SOCKET, SO_TYPE, 4);
}

static long get_socket_unknown(struct subject *s)
{
	return do_getsockopt(s, SOL_SOCKET, 9999, 4);
}

static long get_negative(struct subject *s)
{
	return do_getsockopt(s, SOL_SOCKET, SO_ERROR, -1);
}

static long get_level_unknown(struct subject *s)
{
	return do_getsockopt(s, 9999, 1, 4);
}

static long get_udp_level(struct subject *s)
{
	return do_getsockopt(s, IPPROTO_UDP, 1, 4);
}

static long get_nodelay(struct subject *s)
{
	return do_getsockopt(s, SOL_TCP, TCP_NODELAY, 4);
}

static long get_nodelay_short(struct subject *s)
{
	return do_getsockopt(s, SOL_TCP, TCP_NODELAY, 1);
}

static long get_nodelay_negative(struct subject *s)
{
	return do_getsockopt(s, SOL_TCP, TCP_NODELAY, -1);
}

static long get_maxseg(struct subject *s)
{
	return do_getsockopt(s, SOL_TCP, TCP_MAXSEG, 4);
}

static long get_tcp_unknown(struct subject *s)
{
	return do_getsockopt(s, SOL_TCP, 9999, 4);
}

static long get_ttl(struct subject *s)
{
	return do_getsockopt(s, SOL_IP, IP_TTL, 4);
}

static long get_ip_unknown(struct subject *s)
{
	return do_getsockopt(s, SOL_IP, 9999, 4);
}

static long get_mtu(struct subject *s)
{
	return do_getsockopt(s, SOL_IP, IP_MTU, 4);
}

static long get_null(struct subject *s)
{
	return getsockopt(s->fd, SOL_TCP, TCP_NODELAY, NULL, NULL);
}

static long do_setsockopt(struct subject *s, int level, int opt, int value,
			  socklen_t len)
{
	return setsockopt(s->fd, level, opt, &value, len);
}

static long set_reuseaddr(struct subject *s)
{
	return do_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, 1, 4);
}

static long set_reuseaddr_short(struct subject *s)
{
	return do_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, 1, 3);
}

static long set_linger_short(struct subject *s)
{
	return do_setsockopt(s, SOL_SOCKET, SO_LINGER, 1, 4);
}

static long set_rcvlowat(struct subject *s)
{
	return do_setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, 100, 4);
}

static long set_rcvtimeo_bad(struct subject *s)
{
	struct timeval tv = { .tv_usec = 1000001 };

	return setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static long set_null(struct subject *s)
{
	return setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4);
}

static long set_socket_unknown(struct subject *s)
{
	return do_setsockopt(s, SOL_SOCKET, 9999, 1, 4);
}

static long set_level_unknown(struct subject *s)
{
	return do_setsockopt(s, 9999, 1, 1, 4);
}

static long set_nodelay(struct subject *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_NODELAY, 1, 4);
}

static long set_nodelay_short(struct subject *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_NODELAY, 1, 3);
}

static long set_nodelay_null(struct subject *s)
{
	return setsockopt(s->fd, SOL_TCP, TCP_NODELAY, NULL, 4);
}

static long set_maxseg(struct subject *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_MAXSEG, 1000, 4);
}

static long set_maxseg_small(struct subject *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_MAXSEG, 1, 4);
}

static long set_maxseg_large(struct subject *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_MAXSEG, 100000, 4);
}

static long set_tcp_unknown(struct subject *s)
{
	return do_setsockopt(s, SOL_TCP, 9999, 1, 4);
}

static long set_ttl(struct subject *s)
{
	return do_setsockopt(s, SOL_IP, IP_TTL, 40, 4);
}

static long set_ttl_bad(struct subject *s)
{
	return do_setsockopt(s, SOL_IP, IP_TTL, 256, 4);
}

static long set_tos(struct subject *s)
{
	return do_setsockopt(s, SOL_IP, IP_TOS, 8, 4);
}

static long set_ip_unknown(struct subject *s)
{
	return do_setsockopt(s, SOL_IP, 9999, 1, 4);
}

static long do_ioctl(struct subject *s, unsigned long request)
{
	int value = 0;

	return ioctl(s->fd, request, &value) ?: value;
}

static long ioctl_inq(struct subject *s)
{
	return do_ioctl(s, FIONREAD);
}

/*
 * How much fits is not TCP's to say: only whether something is there.  And
 * without a peer it counts what is not there.
 */
static long do_outq(struct subject *s, unsigned long request)
{
	long ret = do_ioctl(s, request);

	if (ret > 0 && getpeername_good(s) < 0)
		return 0;
	return ret > 1 ? 2 : ret;
}

static long ioctl_outq(struct subject *s)
{
	return do_outq(s, SIOCOUTQ);
}

static long ioctl_outq_unsent(struct subject *s)
{
	return do_outq(s, SIOCOUTQNSD);
}

static long ioctl_atmark(struct subject *s)
{
	return do_ioctl(s, SIOCATMARK);
}

static long ioctl_inq_null(struct subject *s)
{
	return ioctl(s->fd, FIONREAD, NULL);
}

static long ioctl_unknown(struct subject *s)
{
	return do_ioctl(s, 0x12345678);
}

static long poll_all(struct subject *s)
{
	return net_poll(s->fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP |
			POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND, 0);
}

static long lseek_it(struct subject *s)
{
	return lseek(s->fd, 0, SEEK_SET);
}

static long pread_it(struct subject *s)
{
	char byte;

	return pread(s->fd, &byte, 1, 0);
}

static long fsync_it(struct subject *s)
{
	return fsync(s->fd);
}

static const struct {
	const char *name;
	long (*fn)(struct subject *s);
} calls[] = {
#define CALL(fn) { #fn, fn }
	CALL(bind_good),
	CALL(bind_any),
	CALL(bind_foreign),
	CALL(bind_multicast),
	CALL(bind_broadcast),
	CALL(bind_taken),
	CALL(bind_short),
	CALL(bind_wrong_family),
	CALL(bind_unspec),
	CALL(bind_unspec_address),
	CALL(bind_null),
	CALL(listen_some),
	CALL(listen_negative),
	CALL(accept_plain),
	CALL(accept_named),
	CALL(accept_bad_flags),
	CALL(accept_bad_pointer),
	CALL(accept_no_length),
	CALL(accept_negative),
	CALL(connect_open),
	CALL(connect_nobody),
	CALL(connect_port_zero),
	CALL(connect_no_route),
	CALL(connect_broadcast),
	CALL(connect_multicast),
	CALL(connect_short),
	CALL(connect_family_only),
	CALL(connect_one_byte),
	CALL(connect_wrong_family),
	CALL(connect_unspec),
	CALL(connect_unspec_short),
	CALL(connect_null),
	CALL(connect_negative),
	CALL(send_one),
	CALL(send_twice),
	CALL(send_nosignal),
	CALL(send_more),
	CALL(send_eor),
	CALL(send_nothing),
	CALL(send_null),
	CALL(send_bad_pointer),
	CALL(sendto_named),
	CALL(sendto_short),
	CALL(sendto_wrong_family),
	CALL(sendto_negative),
	CALL(sendto_bad_pointer),
	CALL(sendmsg_null),
	CALL(sendmsg_empty),
	CALL(sendmsg_many_vectors),
	CALL(sendmsg_bad_control),
	CALL(writev_negative),
	CALL(write_nothing),
	CALL(recv_some),
	CALL(recv_one),
	CALL(recv_nothing),
	CALL(recv_twice),
	CALL(recv_then_send),
	CALL(recv_peek),
	CALL(recv_waitall),
	CALL(recv_trunc),
	CALL(recv_oob),
	CALL(recv_errqueue),
	CALL(recv_null),
	CALL(recv_bad_pointer),
	CALL(recvfrom_named),
	CALL(recvmsg_null),
	CALL(recvmsg_empty),
	CALL(read_nothing),
	CALL(read_some),
	CALL(shutdown_read),
	CALL(shutdown_write),
	CALL(shutdown_both),
	CALL(shutdown_bad),
	CALL(shutdown_twice),
	CALL(getsockname_good),
	CALL(getsockname_short),
	CALL(getsockname_negative),
	CALL(getsockname_null),
	CALL(getpeername_good),
	CALL(getpeername_short),
	CALL(getpeername_negative),
	CALL(getpeername_null),
	CALL(get_error),
	CALL(get_error_twice),
	CALL(get_acceptconn),
	CALL(get_type),
	CALL(get_socket_unknown),
	CALL(get_negative),
	CALL(get_level_unknown),
	CALL(get_udp_level),
	CALL(get_nodelay),
	CALL(get_nodelay_short),
	CALL(get_nodelay_negative),
	CALL(get_maxseg),
	CALL(get_tcp_unknown),
	CALL(get_ttl),
	CALL(get_ip_unknown),
	CALL(get_mtu),
	CALL(get_null),
	CALL(set_reuseaddr),
	CALL(set_reuseaddr_short),
	CALL(set_linger_short),
	CALL(set_rcvlowat),
	CALL(set_rcvtimeo_bad),
	CALL(set_null),
	CALL(set_socket_unknown),
	CALL(set_level_unknown),
	CALL(set_nodelay),
	CALL(set_nodelay_short),
	CALL(set_nodelay_null),
	CALL(set_maxseg),
	CALL(set_maxseg_small),
	CALL(set_maxseg_large),
	CALL(set_tcp_unknown),
	CALL(set_ttl),
	CALL(set_ttl_bad),
	CALL(set_tos),
	CALL(set_ip_unknown),
	CALL(ioctl_inq),
	CALL(ioctl_outq),
	CALL(ioctl_outq_unsent),
	CALL(ioctl_atmark),
	CALL(ioctl_inq_null),
	CALL(ioctl_unknown),
	CALL(poll_all),
	CALL(lseek_it),
	CALL(pread_it),
	CALL(fsync_it),
#undef CALL
};

FIXTURE(state) {
	struct net net;
};

FIXTURE_VARIANT(state) {
	void (*make)(struct subject *s);
};

#define STATE(name) \
	FIXTURE_VARIANT_ADD(state, name) { .make = make_##name }

STATE(fresh);
STATE(bound);
STATE(listening);
STATE(pending);
STATE(connecting);
STATE(refused);
STATE(refused_seen);
STATE(established);
STATE(passive);
STATE(readable);
STATE(full);
STATE(close_wait);
STATE(close_wait_readable);
STATE(fin_wait);
STATE(read_shut);
STATE(both_shut);
STATE(time_wait);
STATE(closed);
STATE(reset);
STATE(reset_seen);
STATE(reset_readable);
STATE(reset_close_wait);
STATE(disconnected);
STATE(unlistened);

FIXTURE_SETUP(state)
{
	net_init(&self->net);
	net_nobody(&self->net, A);
}

FIXTURE_TEARDOWN(state)
{
	net_exit(&self->net);
}

/* Make the socket, call it once, and throw it away. */
static struct outcome run(struct subject *s, int family,
			  void (*make)(struct subject *s),
			  long (*fn)(struct subject *s))
{
	struct outcome out = {};

	net_family = family;
	s->fd = -1;
	s->peer = -1;
	s->listener = -1;
	make(s);
	net_signals = 0;
	out.ret = fn(s);
	out.err = net_err(out.ret);
	out.sigpipes = net_signals;
	drop(s->fd);
	drop(s->peer);
	drop(s->listener);
	return out;
}

TEST_F(state, as_tcp)
{
	struct subject s = { .net = &self->net };
	int family = net_family;
	struct outcome tcp, own;
	size_t i;

	net_signal(SIGPIPE, 0);
	/* The ports that calls run into: one open, one taken, no other. */
	net_listen(&self->net, B, 5000, 4000);
	net_listen(&self->net, A, 5001, 1);
	if (family != AF_INET) {
		net_family = AF_INET;
		net_listen(&self->net, B, 5000, 4000);
		net_listen(&self->net, A, 5001, 1);
	}
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		tcp = run(&s, AF_INET, variant->make, calls[i].fn);
		own = run(&s, family, variant->make, calls[i].fn);
		EXPECT_TRUE(tcp.ret == own.ret && tcp.err == own.err &&
			    tcp.sigpipes == own.sigpipes)
			TH_LOG("%s: TCP gives %ld %s, this %ld %s%s",
			       calls[i].name, tcp.ret,
			       tcp.err ? strerrorname_np(tcp.err) : "",
			       own.ret,
			       own.err ? strerrorname_np(own.err) : "",
			       tcp.sigpipes != own.sigpipes ? ", SIGPIPE" : "");
	}
}

TEST_HARNESS_MAIN
