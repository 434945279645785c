// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: sockets of one user that have an address and a port in common,
 * and each connection or datagram is for one of them (socket(7)).
 *
 *	5-tuple --> hash, or --> listener 1, queue of its own
 *		    BPF program  listener 2
 *				 listener 3
 *
 * The groups and their programs (SO_ATTACH_REUSEPORT_CBPF and _EBPF) are the
 * kernel's, in net/core/sock_reuseport.c.  Who may share a port at all is asked
 * in port.c and dgram_hash.c.
 */
#include <net/sock_reuseport.h>

#include "teach.h"

/**
 * teach_reuseport_may_share - may it hold a port with somebody else?
 * @sk: the socket
 * @reuseport: the other has SO_REUSEPORT
 * @uid: whose the other is
 *
 * Who has got a program before it had the port brings a group of its own.
 */
bool teach_reuseport_may_share(const struct sock *sk, bool reuseport,
			       kuid_t uid)
{
	return sk->sk_reuseport && reuseport && uid_eq(sk_uid(sk), uid) &&
	       !rcu_access_pointer(sk->sk_reuseport_cb);
}

/**
 * teach_reuseport_match - do two sockets belong into one group?
 * @sk: one, which has SO_REUSEPORT
 * @other: the other, found by its port
 */
bool teach_reuseport_match(const struct sock *sk, const struct sock *other)
{
	return other->sk_num == sk->sk_num && other->sk_reuseport &&
	       other->sk_rcv_saddr == sk->sk_rcv_saddr &&
	       other->sk_bound_dev_if == sk->sk_bound_dev_if &&
	       uid_eq(sk_uid(other), sk_uid(sk));
}

/**
 * teach_reuseport_join - come into a group
 * @sk: a socket that has SO_REUSEPORT
 * @member: one of the group, or NULL to found one
 *
 * Return: 0, or -ENOMEM.
 */
int teach_reuseport_join(struct sock *sk, struct sock *member)
{
	bool any = !sk->sk_rcv_saddr;

	return member ? reuseport_add_sock(sk, member, any) :
			reuseport_alloc(sk, any);
}

/**
 * teach_reuseport_leave - nothing is chosen for it any more
 * @sk: the socket; may be in no group
 */
void teach_reuseport_leave(struct sock *sk)
{
	if (rcu_access_pointer(sk->sk_reuseport_cb))
		reuseport_detach_sock(sk);
}

/**
 * teach_reuseport_select - which of a group is it for?
 * @sk: one of the group, or a socket in none
 * @t: the 5-tuple
 * @skb: what has come, for the program; or NULL
 * @header: bytes of the transport's header, in front of what the program sees
 *
 * Context: rcu_read_lock(), which also keeps what is returned.
 */
struct sock *teach_reuseport_select(struct sock *sk,
				    const struct teach_tuple *t,
				    struct sk_buff *skb, int header)
{
	struct sock *chosen = NULL;

	if (sk->sk_reuseport)
		chosen = reuseport_select_sock(sk, teach_hash_tuple(t), skb,
					       header);
	return chosen ? : sk;
}
