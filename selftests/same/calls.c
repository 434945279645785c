// SPDX-License-Identifier: GPL-2.0
/*
 * Every call, with good and with bad arguments, on a socket in every state:
 * its value or its errno, the SIGPIPEs, and what both ends are then.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "same.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY	0x4000000
#endif

static long do_connect(struct same *s, const char *ip, int port,
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

static long do_bind(struct same *s, const char *ip, int port, int family,
		    socklen_t len)
{
	struct sockaddr_in addr = net_addr(ip, port);

	if (family)
		addr.sin_family = family;
	if (family < 0)
		addr.sin_family = AF_UNSPEC;
	return bind(s->fd, (void *)&addr, len);
}

static long connect_open(struct same *s)
{
	return do_connect(s, ADDR_LO, PORT_OPEN, 0, ADDR_LEN);
}

static long connect_nobody(struct same *s)
{
	return do_connect(s, ADDR_NOBODY, 80, 0, ADDR_LEN);
}

static long connect_port_zero(struct same *s)
{
	return do_connect(s, ADDR_NOBODY, 0, 0, ADDR_LEN);
}

static long connect_no_route(struct same *s)
{
	return do_connect(s, ADDR_NOROUTE, 80, 0, ADDR_LEN);
}

static long connect_broadcast(struct same *s)
{
	return do_connect(s, "255.255.255.255", 80, 0, ADDR_LEN);
}

static long connect_multicast(struct same *s)
{
	return do_connect(s, "224.0.0.9", 80, 0, ADDR_LEN);
}

static long connect_short(struct same *s)
{
	return do_connect(s, ADDR_B, 80, 0, ADDR_LEN - 1);
}

static long connect_family_only(struct same *s)
{
	return do_connect(s, ADDR_B, 80, 0, 2);
}

static long connect_one_byte(struct same *s)
{
	return do_connect(s, ADDR_B, 80, 0, 1);
}

static long connect_wrong_family(struct same *s)
{
	return do_connect(s, ADDR_B, 80, AF_INET6, ADDR_LEN);
}

static long connect_unspec(struct same *s)
{
	return do_connect(s, ADDR_B, 80, -1, ADDR_LEN);
}

static long connect_unspec_short(struct same *s)
{
	return do_connect(s, ADDR_B, 80, -1, 2);
}

static long connect_null(struct same *s)
{
	net_nonblock(s->fd, true);
	return connect(s->fd, NULL, ADDR_LEN);
}

static long connect_negative(struct same *s)
{
	return do_connect(s, ADDR_B, 80, 0, -1);
}

static long bind_good(struct same *s)
{
	return do_bind(s, ADDR_A, 4000, 0, ADDR_LEN);
}

static long bind_any(struct same *s)
{
	return do_bind(s, ADDR_ANY, 0, 0, ADDR_LEN);
}

static long bind_foreign(struct same *s)
{
	return do_bind(s, ADDR_B, 4000, 0, ADDR_LEN);
}

static long bind_multicast(struct same *s)
{
	return do_bind(s, "224.0.0.9", 4000, 0, ADDR_LEN);
}

static long bind_broadcast(struct same *s)
{
	return do_bind(s, "10.9.0.255", 4000, 0, ADDR_LEN);
}

static long bind_taken(struct same *s)
{
	return do_bind(s, ADDR_ANY, PORT_TAKEN, 0, ADDR_LEN);
}

static long bind_short(struct same *s)
{
	return do_bind(s, ADDR_A, 4000, 0, ADDR_LEN - 1);
}

static long bind_wrong_family(struct same *s)
{
	return do_bind(s, ADDR_A, 4000, AF_INET6, ADDR_LEN);
}

static long bind_unspec(struct same *s)
{
	return do_bind(s, ADDR_ANY, 4000, -1, ADDR_LEN);
}

static long bind_unspec_address(struct same *s)
{
	return do_bind(s, ADDR_A, 4000, -1, ADDR_LEN);
}

static long bind_null(struct same *s)
{
	return bind(s->fd, NULL, ADDR_LEN);
}

static long listen_some(struct same *s)
{
	return listen(s->fd, 3);
}

static long listen_negative(struct same *s)
{
	return listen(s->fd, -1);
}

/* A descriptor is as good as another: all are 0. */
static long do_accept(struct same *s, void *addr, socklen_t *len,
		      int flags)
{
	int fd;

	net_nonblock(s->fd, true);
	fd = accept4(s->fd, addr, len, flags);
	if (fd < 0)
		return fd;
	same_drop(fd);
	return 0;
}

static long accept_plain(struct same *s)
{
	return do_accept(s, NULL, NULL, 0);
}

static long accept_named(struct same *s)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	return do_accept(s, &addr, &len, 0) ?: len;
}

static long accept_bad_flags(struct same *s)
{
	return do_accept(s, NULL, NULL, 7);
}

static long accept_bad_pointer(struct same *s)
{
	socklen_t len = ADDR_LEN;

	return do_accept(s, BAD_POINTER, &len, 0);
}

static long accept_no_length(struct same *s)
{
	struct sockaddr_in addr;

	return do_accept(s, &addr, NULL, 0);
}

static long accept_negative(struct same *s)
{
	struct sockaddr_in addr;
	socklen_t len = -1;

	return do_accept(s, &addr, &len, 0);
}

static long send_flags(struct same *s, int flags)
{
	return send(s->fd, "x", 1, MSG_DONTWAIT | flags);
}

static long send_one(struct same *s)
{
	return send_flags(s, 0);
}

static long send_nosignal(struct same *s)
{
	return send_flags(s, MSG_NOSIGNAL);
}

static long send_more(struct same *s)
{
	return send_flags(s, MSG_MORE);
}

static long send_eor(struct same *s)
{
	return send_flags(s, MSG_EOR);
}

static long send_nothing(struct same *s)
{
	return send(s->fd, "x", 0, MSG_DONTWAIT);
}

static long send_null(struct same *s)
{
	return send(s->fd, NULL, 10, MSG_DONTWAIT);
}

static long send_bad_pointer(struct same *s)
{
	return send(s->fd, BAD_POINTER, 10, MSG_DONTWAIT);
}

static long do_sendto(struct same *s, int family, socklen_t len)
{
	struct sockaddr_in addr = net_addr(ADDR_B, 80);

	if (family)
		addr.sin_family = family;
	return sendto(s->fd, "x", 1, MSG_DONTWAIT, (void *)&addr, len);
}

static long sendto_named(struct same *s)
{
	return do_sendto(s, 0, ADDR_LEN);
}

static long sendto_short(struct same *s)
{
	return do_sendto(s, 0, 3);
}

static long sendto_wrong_family(struct same *s)
{
	return do_sendto(s, AF_INET6, ADDR_LEN);
}

static long sendto_negative(struct same *s)
{
	return do_sendto(s, 0, -1);
}

static long sendto_bad_pointer(struct same *s)
{
	return sendto(s->fd, "x", 1, MSG_DONTWAIT, BAD_POINTER, ADDR_LEN);
}

static long sendmsg_null(struct same *s)
{
	return sendmsg(s->fd, NULL, MSG_DONTWAIT);
}

static long sendmsg_empty(struct same *s)
{
	struct msghdr msg = {};

	return sendmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long sendmsg_many_vectors(struct same *s)
{
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1025 };

	return sendmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long sendmsg_bad_control(struct same *s)
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

static long writev_negative(struct same *s)
{
	struct iovec iov = { "x", (size_t)-1 };

	net_nonblock(s->fd, true);
	return writev(s->fd, &iov, 1);
}

static long write_nothing(struct same *s)
{
	net_nonblock(s->fd, true);
	return write(s->fd, "x", 0);
}

static long do_recv(struct same *s, size_t len, int flags)
{
	char buf[20];

	return recv(s->fd, buf, len, MSG_DONTWAIT | flags);
}

static long recv_some(struct same *s)
{
	return do_recv(s, 20, 0);
}

static long recv_one(struct same *s)
{
	return do_recv(s, 1, 0);
}

static long recv_nothing(struct same *s)
{
	return do_recv(s, 0, 0);
}

static long recv_peek(struct same *s)
{
	return do_recv(s, 20, MSG_PEEK);
}

static long recv_waitall(struct same *s)
{
	return do_recv(s, 20, MSG_WAITALL);
}

static long recv_trunc(struct same *s)
{
	return do_recv(s, 20, MSG_TRUNC);
}

static long recv_oob(struct same *s)
{
	return do_recv(s, 1, MSG_OOB);
}

static long recv_errqueue(struct same *s)
{
	return do_recv(s, 20, MSG_ERRQUEUE);
}

static long recv_null(struct same *s)
{
	return recv(s->fd, NULL, 10, MSG_DONTWAIT);
}

static long recv_bad_pointer(struct same *s)
{
	return recv(s->fd, BAD_POINTER, 10, MSG_DONTWAIT);
}

static long recv_twice(struct same *s)
{
	recv_some(s);
	return recv_some(s);
}

static long recv_then_send(struct same *s)
{
	recv_some(s);
	return send_one(s);
}

static long send_twice(struct same *s)
{
	send_one(s);
	return send_one(s);
}

static long recvfrom_named(struct same *s)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	char buf[20];
	long ret;

	ret = recvfrom(s->fd, buf, 20, MSG_DONTWAIT, (void *)&addr, &len);
	return ret < 0 ? ret : ret * 1000 + len;
}

static long recvmsg_null(struct same *s)
{
	return recvmsg(s->fd, NULL, MSG_DONTWAIT);
}

static long recvmsg_empty(struct same *s)
{
	struct msghdr msg = {};

	return recvmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long read_nothing(struct same *s)
{
	char byte;

	net_nonblock(s->fd, true);
	return read(s->fd, &byte, 0);
}

static long read_some(struct same *s)
{
	char buf[20];

	net_nonblock(s->fd, true);
	return read(s->fd, buf, sizeof(buf));
}

static long shutdown_read(struct same *s)
{
	return shutdown(s->fd, SHUT_RD);
}

static long shutdown_write(struct same *s)
{
	return shutdown(s->fd, SHUT_WR);
}

static long shutdown_both(struct same *s)
{
	return shutdown(s->fd, SHUT_RDWR);
}

static long shutdown_bad(struct same *s)
{
	return shutdown(s->fd, 3);
}

/* After CLOSE_WAIT the peer answers the first, and what was is over. */
static long shutdown_twice(struct same *s)
{
	bool ends = same_tcp_state(s->fd) == TCP_CLOSE_WAIT;

	shutdown(s->fd, SHUT_RDWR);
	if (ends)
		net_until(same_tcp_state(s->fd) == TCP_CLOSE);
	return shutdown(s->fd, SHUT_RDWR);
}

static long do_name(struct same *s, bool peer, void *addr,
		    socklen_t *len)
{
	return peer ? getpeername(s->fd, addr, len) :
		      getsockname(s->fd, addr, len);
}

static long name_good(struct same *s, bool peer)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	return do_name(s, peer, &addr, &len) ?: len;
}

static long name_short(struct same *s, bool peer)
{
	char buf[3];
	socklen_t len = sizeof(buf);

	return do_name(s, peer, buf, &len) ?: len;
}

static long name_negative(struct same *s, bool peer)
{
	struct sockaddr_in addr;
	socklen_t len = -1;

	return do_name(s, peer, &addr, &len);
}

static long name_null(struct same *s, bool peer)
{
	socklen_t len = ADDR_LEN;

	return do_name(s, peer, NULL, &len);
}

static long getsockname_good(struct same *s)
{
	return name_good(s, false);
}

static long getsockname_short(struct same *s)
{
	return name_short(s, false);
}

static long getsockname_negative(struct same *s)
{
	return name_negative(s, false);
}

static long getsockname_null(struct same *s)
{
	return name_null(s, false);
}

static long getpeername_good(struct same *s)
{
	return name_good(s, true);
}

static long getpeername_short(struct same *s)
{
	return name_short(s, true);
}

static long getpeername_negative(struct same *s)
{
	return name_negative(s, true);
}

static long getpeername_null(struct same *s)
{
	return name_null(s, true);
}

/* The value and its length make one number. */
static long do_getsockopt(struct same *s, int level, int opt,
			  socklen_t len)
{
	int value = 0;

	return getsockopt(s->fd, level, opt, &value, &len) ?:
	       value * 100L + len;
}

static long get_error(struct same *s)
{
	return do_getsockopt(s, SOL_SOCKET, SO_ERROR, 4);
}

static long get_error_twice(struct same *s)
{
	get_error(s);
	return get_error(s);
}

static long get_acceptconn(struct same *s)
{
	return do_getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, 4);
}

static long get_type(struct same *s)
{
	return do_getsockopt(s, SOL_SOCKET, SO_TYPE, 4);
}

static long get_socket_unknown(struct same *s)
{
	return do_getsockopt(s, SOL_SOCKET, 9999, 4);
}

static long get_negative(struct same *s)
{
	return do_getsockopt(s, SOL_SOCKET, SO_ERROR, -1);
}

static long get_level_unknown(struct same *s)
{
	return do_getsockopt(s, 9999, 1, 4);
}

static long get_udp_level(struct same *s)
{
	return do_getsockopt(s, IPPROTO_UDP, 1, 4);
}

static long get_nodelay(struct same *s)
{
	return do_getsockopt(s, SOL_TCP, TCP_NODELAY, 4);
}

static long get_nodelay_short(struct same *s)
{
	return do_getsockopt(s, SOL_TCP, TCP_NODELAY, 1);
}

static long get_nodelay_negative(struct same *s)
{
	return do_getsockopt(s, SOL_TCP, TCP_NODELAY, -1);
}

static long get_maxseg(struct same *s)
{
	return do_getsockopt(s, SOL_TCP, TCP_MAXSEG, 4);
}

static long get_tcp_unknown(struct same *s)
{
	return do_getsockopt(s, SOL_TCP, 9999, 4);
}

static long get_ttl(struct same *s)
{
	return do_getsockopt(s, SOL_IP, IP_TTL, 4);
}

static long get_ip_unknown(struct same *s)
{
	return do_getsockopt(s, SOL_IP, 9999, 4);
}

static long get_mtu(struct same *s)
{
	return do_getsockopt(s, SOL_IP, IP_MTU, 4);
}

static long get_null(struct same *s)
{
	return getsockopt(s->fd, SOL_TCP, TCP_NODELAY, NULL, NULL);
}

static long do_setsockopt(struct same *s, int level, int opt, int value,
			  socklen_t len)
{
	return setsockopt(s->fd, level, opt, &value, len);
}

static long set_reuseaddr(struct same *s)
{
	return do_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, 1, 4);
}

static long set_reuseaddr_short(struct same *s)
{
	return do_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, 1, 3);
}

static long set_linger_short(struct same *s)
{
	return do_setsockopt(s, SOL_SOCKET, SO_LINGER, 1, 4);
}

static long set_rcvlowat(struct same *s)
{
	return do_setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, 100, 4);
}

static long set_rcvtimeo_bad(struct same *s)
{
	struct timeval tv = { .tv_usec = 1000001 };

	return setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static long set_null(struct same *s)
{
	return setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4);
}

static long set_socket_unknown(struct same *s)
{
	return do_setsockopt(s, SOL_SOCKET, 9999, 1, 4);
}

static long set_level_unknown(struct same *s)
{
	return do_setsockopt(s, 9999, 1, 1, 4);
}

static long set_nodelay(struct same *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_NODELAY, 1, 4);
}

static long set_nodelay_short(struct same *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_NODELAY, 1, 3);
}

static long set_nodelay_null(struct same *s)
{
	return setsockopt(s->fd, SOL_TCP, TCP_NODELAY, NULL, 4);
}

static long set_maxseg(struct same *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_MAXSEG, 1000, 4);
}

static long set_maxseg_small(struct same *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_MAXSEG, 1, 4);
}

static long set_maxseg_large(struct same *s)
{
	return do_setsockopt(s, SOL_TCP, TCP_MAXSEG, 100000, 4);
}

static long set_tcp_unknown(struct same *s)
{
	return do_setsockopt(s, SOL_TCP, 9999, 1, 4);
}

static long set_ttl(struct same *s)
{
	return do_setsockopt(s, SOL_IP, IP_TTL, 40, 4);
}

static long set_ttl_bad(struct same *s)
{
	return do_setsockopt(s, SOL_IP, IP_TTL, 256, 4);
}

static long set_tos(struct same *s)
{
	return do_setsockopt(s, SOL_IP, IP_TOS, 8, 4);
}

static long set_ip_unknown(struct same *s)
{
	return do_setsockopt(s, SOL_IP, 9999, 1, 4);
}

static long send_oob(struct same *s)
{
	return send_flags(s, MSG_OOB);
}

static long send_fastopen(struct same *s)
{
	return send_flags(s, MSG_FASTOPEN);
}

static long send_dontroute(struct same *s)
{
	return send_flags(s, MSG_DONTROUTE);
}

static long send_confirm(struct same *s)
{
	return send_flags(s, MSG_CONFIRM);
}

static long send_errqueue(struct same *s)
{
	return send_flags(s, MSG_ERRQUEUE);
}

static long send_zerocopy_unasked(struct same *s)
{
	return send_flags(s, MSG_ZEROCOPY);
}

/* One control message beside a byte. */
static long send_control(struct same *s, int level, int type, int value,
			 size_t len)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(16)];
	} control = {
		.head = {
			.cmsg_len = len,
			.cmsg_level = level,
			.cmsg_type = type,
		},
	};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.head), &value, sizeof(value));
	return sendmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long control_mark(struct same *s)
{
	return send_control(s, SOL_SOCKET, SO_MARK, 7, CMSG_LEN(4));
}

static long control_mark_short(struct same *s)
{
	return send_control(s, SOL_SOCKET, SO_MARK, 7, CMSG_LEN(3));
}

static long control_timestamping(struct same *s)
{
	return send_control(s, SOL_SOCKET, SO_TIMESTAMPING, 2, CMSG_LEN(4));
}

static long control_timestamping_bad(struct same *s)
{
	return send_control(s, SOL_SOCKET, SO_TIMESTAMPING, 8, CMSG_LEN(4));
}

static long control_rights(struct same *s)
{
	return send_control(s, SOL_SOCKET, SCM_RIGHTS, 0, CMSG_LEN(4));
}

static long control_unknown(struct same *s)
{
	return send_control(s, SOL_SOCKET, 99, 0, CMSG_LEN(4));
}

static long control_of_ip(struct same *s)
{
	return send_control(s, SOL_IP, IP_TTL, 9, CMSG_LEN(4));
}

static long control_of_tcp(struct same *s)
{
	return send_control(s, SOL_TCP, 1, 9, CMSG_LEN(4));
}

static long control_short(struct same *s)
{
	return send_control(s, SOL_SOCKET, SO_MARK, 7, 3);
}

static long control_long(struct same *s)
{
	return send_control(s, SOL_SOCKET, SO_MARK, 7, 1000);
}

/* How many of two messages, and how long the first. */
static long sendmmsg_two(struct same *s)
{
	struct iovec iov = { "ab", 2 };
	struct mmsghdr msg[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};
	long ret = sendmmsg(s->fd, msg, 2, MSG_DONTWAIT | MSG_NOSIGNAL);

	return ret < 0 ? ret : ret * 100 + msg[0].msg_len;
}

static long sendmmsg_null(struct same *s)
{
	return sendmmsg(s->fd, NULL, 1, MSG_DONTWAIT);
}

static long recvmmsg_two(struct same *s)
{
	char buf[2][4];
	struct iovec iov[2] = { { buf[0], 4 }, { buf[1], 4 } };
	struct mmsghdr msg[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};
	long ret = recvmmsg(s->fd, msg, 2, MSG_DONTWAIT, NULL);

	return ret < 0 ? ret : ret * 100 + msg[0].msg_len;
}

static long recvmmsg_null(struct same *s)
{
	return recvmmsg(s->fd, NULL, 1, MSG_DONTWAIT, NULL);
}

/* Everything that recvmsg(2) fills in. */
static long recvmsg_full(struct same *s)
{
	struct sockaddr_in addr;
	char buf[20], control[64];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
		.msg_flags = -1,
	};
	long ret = recvmsg(s->fd, &msg, MSG_DONTWAIT);

	if (ret < 0)
		return ret;
	same_note(s, "recvmsg fills in", "name %u control %zu flags %#x",
		  msg.msg_namelen, msg.msg_controllen, msg.msg_flags);
	return ret;
}

static long recvmsg_bad_control(struct same *s)
{
	char buf[20];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = BAD_POINTER,
		.msg_controllen = 64,
	};

	return recvmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long recvmsg_bad_name(struct same *s)
{
	char buf[20];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_name = BAD_POINTER,
		.msg_namelen = 16,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	return recvmsg(s->fd, &msg, MSG_DONTWAIT);
}

static long recv_peek_trunc(struct same *s)
{
	return do_recv(s, 2, MSG_PEEK | MSG_TRUNC);
}

static long recv_peek_oob(struct same *s)
{
	return do_recv(s, 1, MSG_PEEK | MSG_OOB);
}

static long recv_oob_twice(struct same *s)
{
	do_recv(s, 1, MSG_OOB);
	return do_recv(s, 1, MSG_OOB);
}

static long recv_oob_nothing(struct same *s)
{
	return do_recv(s, 0, MSG_OOB);
}

static long recv_oob_inline(struct same *s)
{
	net_setopt(s->fd, SOL_SOCKET, SO_OOBINLINE, 1);
	return do_recv(s, 1, MSG_OOB);
}

static long recv_to_the_mark(struct same *s)
{
	int mark = -1;
	long ret;

	recv_some(s);
	ret = ioctl(s->fd, SIOCATMARK, &mark);
	same_note(s, "at the mark", "%d", mark);
	return ret;
}

static long recv_cmsg_cloexec(struct same *s)
{
	return do_recv(s, 20, MSG_CMSG_CLOEXEC);
}

static long recv_waitforone(struct same *s)
{
	return do_recv(s, 20, MSG_WAITFORONE);
}

/* The first bytes into a pipe, and from one. */
static long splice_out(struct same *s)
{
	int ends[2];
	long ret;

	if (pipe2(ends, O_NONBLOCK))
		net_fatal("pipe");
	net_nonblock(s->fd, true);
	ret = splice(s->fd, NULL, ends[1], NULL, 20, SPLICE_F_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
	return ret;
}

static long splice_in(struct same *s)
{
	int ends[2];
	long ret;

	if (pipe2(ends, O_NONBLOCK) || write(ends[1], "abc", 3) != 3)
		net_fatal("pipe");
	net_nonblock(s->fd, true);
	ret = splice(ends[0], NULL, s->fd, NULL, 3, SPLICE_F_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
	return ret;
}

static long sendfile_in(struct same *s)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	long ret;

	net_nonblock(s->fd, true);
	ret = sendfile(s->fd, file, NULL, 4);
	close(file);
	return ret;
}

static long fcntl_own(struct same *s)
{
	return fcntl(s->fd, F_SETOWN, getpid()) ?:
	       fcntl(s->fd, F_GETOWN) == getpid();
}

static long fcntl_async(struct same *s)
{
	return fcntl(s->fd, F_SETFL, O_ASYNC | O_NONBLOCK) ?:
	       fcntl(s->fd, F_GETFL) & (O_ASYNC | O_NONBLOCK);
}

static long close_it(struct same *s)
{
	int fd = s->fd;

	s->fd = -1;
	return close(fd);
}

static long linger_close(struct same *s)
{
	struct linger linger = { .l_onoff = 1 };

	if (setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		net_fatal("SO_LINGER");
	return close_it(s);
}

static long socketpair_of(struct same *s)
{
	int fds[2];

	return socketpair(s->family, SOCK_STREAM, 0, fds);
}

static long do_ioctl(struct same *s, unsigned long request)
{
	int value = 0;

	return ioctl(s->fd, request, &value) ?: value;
}

static long ioctl_inq(struct same *s)
{
	return do_ioctl(s, FIONREAD);
}

/*
 * How much fits is not TCP's to say: only whether something is there.  And
 * without a peer it counts what is not there.
 */
static long do_outq(struct same *s, unsigned long request)
{
	long ret = do_ioctl(s, request);

	if (ret > 0 && getpeername_good(s) < 0)
		return 0;
	return ret > 1 ? 2 : ret;
}

static long ioctl_outq(struct same *s)
{
	return do_outq(s, SIOCOUTQ);
}

static long ioctl_outq_unsent(struct same *s)
{
	return do_outq(s, SIOCOUTQNSD);
}

static long ioctl_atmark(struct same *s)
{
	return do_ioctl(s, SIOCATMARK);
}

static long ioctl_inq_null(struct same *s)
{
	return ioctl(s->fd, FIONREAD, NULL);
}

static long ioctl_unknown(struct same *s)
{
	return do_ioctl(s, 0x12345678);
}

static long poll_all(struct same *s)
{
	return net_poll(s->fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP |
			POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND, 0);
}

static long lseek_it(struct same *s)
{
	return lseek(s->fd, 0, SEEK_SET);
}

static long pread_it(struct same *s)
{
	char byte;

	return pread(s->fd, &byte, 1, 0);
}

static long fsync_it(struct same *s)
{
	return fsync(s->fd);
}

static long ioctl_nonblock(struct same *s)
{
	int on = 1;

	return ioctl(s->fd, FIONBIO, &on) ?: fcntl(s->fd, F_GETFL) & O_NONBLOCK;
}

static long ioctl_outq_null(struct same *s)
{
	return ioctl(s->fd, SIOCOUTQ, NULL);
}

static long ioctl_atmark_null(struct same *s)
{
	return ioctl(s->fd, SIOCATMARK, NULL);
}

static long ioctl_stamp(struct same *s)
{
	long long stamp[2];

	return ioctl(s->fd, SIOCGSTAMP_OLD, stamp);
}

static long ioctl_flags(struct same *s)
{
	struct { char name[16]; short flags; char rest[22]; } ifr = { "lo" };

	return ioctl(s->fd, SIOCGIFFLAGS, &ifr) ?: ifr.flags;
}

static long ioctl_route_null(struct same *s)
{
	return ioctl(s->fd, SIOCADDRT, NULL);
}

struct call {
	const char *name;
	long (*fn)(struct same *s);
};

#define CALL(fn) { #fn, fn }

/* Each on a socket of its own. */
static const struct call calls[] = {
	CALL(bind_good),
	CALL(bind_any),
	CALL(bind_foreign),
	CALL(bind_multicast),
	CALL(bind_broadcast),
	CALL(bind_taken),
	CALL(bind_unspec),
	CALL(bind_unspec_address),
	CALL(listen_some),
	CALL(listen_negative),
	CALL(accept_plain),
	CALL(accept_named),
	CALL(accept_bad_pointer),
	CALL(accept_no_length),
	CALL(accept_negative),
	CALL(connect_open),
	CALL(connect_nobody),
	CALL(connect_port_zero),
	CALL(connect_no_route),
	CALL(connect_broadcast),
	CALL(connect_multicast),
	CALL(connect_family_only),
	CALL(connect_wrong_family),
	CALL(connect_unspec),
	CALL(connect_unspec_short),
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
	CALL(recvmsg_empty),
	CALL(read_some),
	CALL(shutdown_read),
	CALL(shutdown_write),
	CALL(shutdown_both),
	CALL(shutdown_twice),
	CALL(get_error),
	CALL(get_error_twice),
	CALL(set_reuseaddr),
	CALL(set_rcvlowat),
	CALL(set_nodelay),
	CALL(set_maxseg),
	CALL(send_oob),
	CALL(send_fastopen),
	CALL(send_dontroute),
	CALL(send_confirm),
	CALL(send_errqueue),
	CALL(send_zerocopy_unasked),
	CALL(control_mark),
	CALL(control_timestamping),
	CALL(control_rights),
	CALL(control_unknown),
	CALL(control_of_ip),
	CALL(control_of_tcp),
	CALL(sendmmsg_two),
	CALL(recvmmsg_two),
	CALL(recvmsg_full),
	CALL(recvmsg_bad_control),
	CALL(recvmsg_bad_name),
	CALL(recv_peek_trunc),
	CALL(recv_peek_oob),
	CALL(recv_oob_twice),
	CALL(recv_oob_nothing),
	CALL(recv_oob_inline),
	CALL(recv_to_the_mark),
	CALL(recv_cmsg_cloexec),
	CALL(recv_waitforone),
	CALL(splice_out),
	CALL(splice_in),
	CALL(sendfile_in),
	CALL(fcntl_async),
	CALL(close_it),
	CALL(linger_close),
};

/* Nothing is different after them, so one socket is enough for all. */
static const struct call harmless[] = {
	CALL(bind_short),
	CALL(bind_wrong_family),
	CALL(bind_null),
	CALL(accept_bad_flags),
	CALL(connect_short),
	CALL(connect_one_byte),
	CALL(connect_null),
	CALL(connect_negative),
	CALL(sendto_negative),
	CALL(sendto_bad_pointer),
	CALL(sendmsg_null),
	CALL(sendmsg_empty),
	CALL(sendmsg_many_vectors),
	CALL(sendmsg_bad_control),
	CALL(writev_negative),
	CALL(write_nothing),
	CALL(recvmsg_null),
	CALL(read_nothing),
	CALL(shutdown_bad),
	CALL(getsockname_good),
	CALL(getsockname_short),
	CALL(getsockname_negative),
	CALL(getsockname_null),
	CALL(getpeername_good),
	CALL(getpeername_short),
	CALL(getpeername_negative),
	CALL(getpeername_null),
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
	CALL(set_reuseaddr_short),
	CALL(set_linger_short),
	CALL(set_rcvtimeo_bad),
	CALL(set_null),
	CALL(set_socket_unknown),
	CALL(set_level_unknown),
	CALL(set_nodelay_short),
	CALL(set_nodelay_null),
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
	CALL(control_mark_short),
	CALL(control_timestamping_bad),
	CALL(control_short),
	CALL(control_long),
	CALL(sendmmsg_null),
	CALL(recvmmsg_null),
	CALL(fcntl_own),
	CALL(socketpair_of),
	CALL(ioctl_nonblock),
	CALL(ioctl_outq_null),
	CALL(ioctl_atmark_null),
	CALL(ioctl_stamp),
	CALL(ioctl_flags),
	CALL(ioctl_route_null),
};

struct cell {
	const struct same_state *state;
	const struct call *call;
};

/* What both ends are now; the subject may be closed. */
static void note_ends(struct same *s)
{
	int err;

	same_settle();
	if (s->fd >= 0) {
		same_note_poll(s, "poll", poll_all(s));
		same_note(s, "state", "%d", same_tcp_state(s->fd));
		err = net_so_error(s->fd);
		same_note(s, "SO_ERROR", "%s", strerrorname_np(err));
	}
	if (s->peer >= 0) {
		same_note_poll(s, "the peer's poll",
			       net_poll(s->peer, ~POLLNVAL, 0));
		same_note(s, "the peer's state", "%d",
			  same_tcp_state(s->peer));
	}
}

static void call_body(struct same *s, const void *arg)
{
	const struct cell *cell = arg;

	same_make(s, cell->state->name);
	same_note_ret(s, cell->call->name, cell->call->fn(s));
	note_ends(s);
}

static void harmless_body(struct same *s, const void *arg)
{
	const struct same_state *state = arg;
	size_t i;

	same_make(s, state->name);
	for (i = 0; i < ARRAY_SIZE(harmless); i++)
		same_note_ret(s, harmless[i].name, harmless[i].fn(s));
	note_ends(s);
}

void same_calls(void)
{
	size_t i, j;

	for (i = 0; i < same_states_count; i++) {
		same_case(harmless_body, &same_states[i], "call.%s",
			  same_states[i].name);
		for (j = 0; j < ARRAY_SIZE(calls); j++) {
			struct cell cell = { &same_states[i], &calls[j] };

			same_case(call_body, &cell, "call.%s.%s",
				  cell.state->name, cell.call->name);
		}
	}
}
