// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses, as programs write them: struct sockaddr_teach, or a plain
 * struct sockaddr_in.  A socket answers in the form it was last addressed in.
 */
#include <linux/inetdevice.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "teach.h"

/**
 * teach_addr_check - is this an address of ours, in either form?
 * @uaddr: the address
 * @addr_len: its length, as the program says
 *
 * The two forms have one layout: what is right can be read as either.
 *
 * Return: 0, -EINVAL, or -EAFNOSUPPORT.
 */
int teach_addr_check(const struct sockaddr_unsized *uaddr, int addr_len)
{
	const struct sockaddr_teach *st = (const struct sockaddr_teach *)uaddr;

	BUILD_BUG_ON(sizeof(*st) != sizeof(struct sockaddr_in));

	if (addr_len < (int)sizeof(*st))
		return -EINVAL;
	if (st->st_family == AF_INET)
		return 0;
	if (st->st_family != AF_TEACH)
		return -EAFNOSUPPORT;
	if (memchr_inv(st->st_zero, 0, sizeof(st->st_zero)))
		return -EINVAL;
	return 0;
}

/* May this program bind the socket to this address?  Its type is in @type. */
static int teach_addr_check_bind(struct sock *sk,
				 const struct sockaddr_unsized *uaddr,
				 int addr_len, int *type)
{
	const struct sockaddr_teach *st = (const struct sockaddr_teach *)uaddr;
	struct net *net = sock_net(sk);
	__be32 addr;
	u32 table;
	int err;
	u16 port;

	err = teach_addr_check(uaddr, addr_len);
	/* As AF_INET: programs that leave the family out mean "any". */
	if (err == -EAFNOSUPPORT && st->st_family == AF_UNSPEC &&
	    st->st_addr.s_addr == htonl(INADDR_ANY))
		err = 0;
	if (err)
		return err;

	addr = st->st_addr.s_addr;
	port = ntohs(st->st_port);
	/* The devices of a VRF have addresses of their own. */
	table = l3mdev_fib_table_by_index(net, READ_ONCE(sk->sk_bound_dev_if));
	*type = inet_addr_type_table(net, addr, table ? : RT_TABLE_LOCAL);
	if (!inet_addr_valid_or_nonlocal(net, inet_sk(sk), addr, *type))
		return -EADDRNOTAVAIL;
	if (port && inet_port_requires_bind_service(net, port) &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;
	return 0;
}

static int teach_addr_bind_locked(struct sock *sk, __be32 addr, u16 port,
				  int type)
{
	struct inet_sock *inet = inet_sk(sk);
	int err = 0;

	if (sk->sk_state != TCP_CLOSE || inet->inet_num)
		return -EINVAL;

	inet->inet_rcv_saddr = addr;
	inet->inet_saddr = addr;
	if (type == RTN_MULTICAST || type == RTN_BROADCAST)
		inet->inet_saddr = 0;	/* the device's, when it sends */

	/* IP_BIND_ADDRESS_NO_PORT: connect(2) or sendto(2) will find one. */
	if (port || !inet_test_bit(BIND_ADDRESS_NO_PORT, sk))
		err = sk->sk_prot->get_port(sk, port);
	if (err) {
		inet->inet_rcv_saddr = 0;
		inet->inet_saddr = 0;
		return err;
	}
	if (addr)
		sk->sk_userlocks |= SOCK_BINDADDR_LOCK;
	if (port)
		sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
	inet->inet_sport = htons(inet->inet_num);
	inet->inet_daddr = 0;
	inet->inet_dport = 0;
	sk_dst_reset(sk);
	return 0;
}

/**
 * teach_addr_bind - bind(2), of either type of socket
 * @sk: the socket
 * @uaddr: the address
 * @addr_len: its length, as the program says
 * @user_family: the socket's: in which form it was last addressed
 *
 * Context: takes lock_sock().
 * Return: 0, -EINVAL, -EAFNOSUPPORT, -EADDRNOTAVAIL, -EACCES, -EADDRINUSE, or
 * -ENOMEM.
 */
int teach_addr_bind(struct sock *sk, const struct sockaddr_unsized *uaddr,
		    int addr_len, u16 *user_family)
{
	const struct sockaddr_teach *st = (const struct sockaddr_teach *)uaddr;
	int err, type;

	err = teach_addr_check_bind(sk, uaddr, addr_len, &type);
	if (err)
		return err;

	lock_sock(sk);
	err = teach_addr_bind_locked(sk, st->st_addr.s_addr,
				     ntohs(st->st_port), type);
	if (!err && st->st_family != AF_UNSPEC)
		WRITE_ONCE(*user_family, st->st_family);
	release_sock(sk);
	return err;
}

/**
 * teach_addr_set - write an address for a program
 * @uaddr: where to; all of it is written
 * @family: the form: AF_TEACH or AF_INET
 * @addr: the address
 * @port: the port
 *
 * Return: its length.
 */
int teach_addr_set(void *uaddr, u16 family, __be32 addr, __be16 port)
{
	struct sockaddr_teach *st = uaddr;

	memset(st, 0, sizeof(*st));
	st->st_family = family;
	st->st_addr.s_addr = addr;
	st->st_port = port;
	return sizeof(*st);
}

/**
 * teach_addr_name - getsockname(2) and getpeername(2)
 * @sk: the socket, locked
 * @uaddr: where to
 * @family: the form that @sk answers in
 * @peer: not 0 for the other end
 *
 * Return: the length, or -ENOTCONN.
 */
int teach_addr_name(const struct sock *sk, struct sockaddr *uaddr, u16 family,
		    int peer)
{
	const struct inet_sock *inet = inet_sk(sk);

	if (!peer)
		return teach_addr_set(uaddr, family,
				      inet->inet_rcv_saddr ? : inet->inet_saddr,
				      inet->inet_sport);
	if (!inet->inet_dport)
		return -ENOTCONN;
	return teach_addr_set(uaddr, family, inet->inet_daddr,
			      inet->inet_dport);
}
