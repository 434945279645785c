// SPDX-License-Identifier: GPL-2.0
/*
 * What goes wrong with datagrams on their way, and how their sender is told:
 * by the next system call, if the socket is connected and the error is there
 * to stay; by all of them and by the error queue, if it says IP_RECVERR.
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/udp.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/route.h>

#include "teach.h"

/*
 * ---- The error queue: ip(7), IP_RECVERR ----
 */

/**
 * teach_dgram_local_error - tell of an error that this host has found
 * @sk: the socket
 * @err: a positive errno
 * @daddr: where the datagram was to go
 * @dport: its port
 * @info: the MTU, for EMSGSIZE
 */
void teach_dgram_local_error(struct sock *sk, int err, __be32 daddr,
			     __be16 dport, u32 info)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;
	struct iphdr *iph;

	if (!inet_test_bit(RECVERR, sk))
		return;
	skb = alloc_skb(sizeof(*iph), GFP_KERNEL);
	if (!skb)
		return;

	/* The address is where it would be in a packet; there are no bytes. */
	iph = skb_put_zero(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph->daddr = daddr;
	__skb_pull(skb, sizeof(*iph));
	skb_reset_transport_header(skb);

	serr = SKB_EXT_ERR(skb);
	memset(serr, 0, sizeof(*serr));
	serr->ee.ee_errno = err;
	serr->ee.ee_origin = SO_EE_ORIGIN_LOCAL;
	serr->ee.ee_info = info;
	serr->addr_offset = offsetof(struct iphdr, daddr);
	serr->port = dport;
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

/* @skb is from the quoted IP header on; the user gets what is behind @uh. */
static void teach_dgram_queue_icmp(struct sock *sk, struct sk_buff *skb,
				   const struct udphdr *uh, int err, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	u32 len = (u8 *)(uh + 1) - skb->data;
	struct sock_exterr_skb *serr;

	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return;
	serr = SKB_EXT_ERR(skb);
	memset(&serr->ee, 0, sizeof(serr->ee));
	serr->ee.ee_errno = err;
	serr->ee.ee_origin = SO_EE_ORIGIN_ICMP;
	serr->ee.ee_type = icmp_hdr(skb)->type;
	serr->ee.ee_code = icmp_hdr(skb)->code;
	serr->ee.ee_info = info;
	serr->addr_offset = (u8 *)&iph->daddr - skb_network_header(skb);
	serr->port = uh->dest;

	if (!skb_pull(skb, len))
		goto drop;
	skb_reset_transport_header(skb);
	if (!sock_queue_err_skb(sk, skb))
		return;
drop:
	kfree_skb(skb);
}

/* The error itself, and who has sent it. */
static void teach_dgram_put_error(struct sock *sk, struct msghdr *msg,
				  struct sk_buff *skb, u16 family)
{
	const struct sock_exterr_skb *serr = SKB_EXT_ERR(skb);
	struct {
		struct sock_extended_err	ee;
		struct sockaddr_teach		offender;
	} answer = { .ee = serr->ee };

	if (serr->ee.ee_origin == SO_EE_ORIGIN_ICMP) {
		teach_addr_set(&answer.offender, family, ip_hdr(skb)->saddr, 0);
		if (inet_cmsg_flags(inet_sk(sk)))
			ip_cmsg_recv_offset(msg, sk, skb, 0, 0);
	}
	put_cmsg(msg, SOL_IP, IP_RECVERR, sizeof(answer), &answer);
}

/**
 * teach_dgram_recv_error - recvmsg(2) with MSG_ERRQUEUE: an error, or when a
 *	datagram left
 * @sk: the socket
 * @msg: filled in: the datagram's bytes, as far as they came back, and its
 *	destination
 * @len: room for them
 *
 * Return: how many they are, or a negative errno.
 */
int teach_dgram_recv_error(struct sock *sk, struct msghdr *msg, size_t len)
{
	u16 family = READ_ONCE(teach_dgram_sk(sk)->user_family);
	const struct sock_exterr_skb *serr;
	struct sk_buff *skb;
	int copied, err;
	bool named;

	skb = sock_dequeue_err_skb(sk);
	if (!skb)
		return -EAGAIN;

	copied = min_t(size_t, skb->len, len);
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err) {
		kfree_skb(skb);
		return err;
	}

	serr = SKB_EXT_ERR(skb);
	sock_recv_timestamp(msg, sk, skb);
	/* Not with a timestamp, which may come without the headers. */
	named = serr->ee.ee_origin == SO_EE_ORIGIN_ICMP ||
		serr->ee.ee_origin == SO_EE_ORIGIN_LOCAL;
	if (named && msg->msg_name)
		msg->msg_namelen =
			teach_addr_set(msg->msg_name, family,
				       *(__be32 *)(skb_network_header(skb) +
						   serr->addr_offset),
				       serr->port);
	teach_dgram_put_error(sk, msg, skb, family);
	msg->msg_flags |= MSG_ERRQUEUE;
	consume_skb(skb);
	return copied;
}

/*
 * ---- ICMP ----
 */

/* A negative errno, or 0; @hard when it will not go away. */
static int teach_dgram_icmp_errno(struct sock *sk, const struct icmphdr *icmp,
				  bool *hard)
{
	*hard = false;
	switch (icmp->type) {
	case ICMP_PARAMETERPROB:
		*hard = true;
		return -EPROTO;
	case ICMP_DEST_UNREACH:
		if (icmp->code == ICMP_FRAG_NEEDED) {
			*hard = true;
			return inet_sk(sk)->pmtudisc == IP_PMTUDISC_DONT ?
			       0 : -EMSGSIZE;
		}
		if (icmp->code > NR_ICMP_UNREACH)
			return -EHOSTUNREACH;
		*hard = icmp_err_convert[icmp->code].fatal;
		return -icmp_err_convert[icmp->code].errno;
	case ICMP_REDIRECT:
	case ICMP_SOURCE_QUENCH:
		return 0;
	default:
		return -EHOSTUNREACH;
	}
}

/* The route keeps it for all, and a connected socket looks for its route. */
static void teach_dgram_mtu_told(struct sock *sk, struct sk_buff *skb, u32 mtu)
{
	if (!ip_sk_accept_pmtu(sk))
		return;
	ipv4_update_pmtu(skb, sock_net(sk), mtu, sk->sk_bound_dev_if,
			 sk->sk_protocol);
	bh_lock_sock(sk);
	/* If not now, release_sock() calls it. */
	if (!sock_owned_by_user(sk))
		ip4_datagram_release_cb(sk);
	bh_unlock_sock(sk);
}

/**
 * teach_dgram_err - an ICMP error about a datagram of ours
 * @skb: from the IP header of that datagram on; eight bytes follow the header
 * @info: the next hop's MTU, for "fragmentation needed"
 *
 * RFC 1122 4.1.3.3.
 *
 * Context: softirq, rcu_read_lock().
 */
int teach_dgram_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct udphdr *uh = (void *)(skb->data + iph->ihl * 4);
	const struct icmphdr *icmp = icmp_hdr(skb);
	struct net *net = dev_net(skb->dev);
	const struct teach_tuple t = {
		.laddr	= iph->saddr,
		.faddr	= iph->daddr,
		.lport	= uh->source,
		.fport	= uh->dest,
		.proto	= iph->protocol,
	};
	struct sock *sk;
	bool hard;
	int err;

	/*
	 * As UDP: what this host tells itself came by lo, also where a route
	 * has another device, which who sent it may be bound to.
	 */
	sk = teach_dgram_lookup(teach_net(net), &t, skb->dev->ifindex,
				inet_sdif(skb), NULL);
	if (!sk) {
		ICMP_INC_STATS(net, ICMP_MIB_INERRORS);
		return -ENOENT;
	}
	if (icmp->type == ICMP_REDIRECT)
		ipv4_redirect(skb, net, sk->sk_bound_dev_if, iph->protocol);
	else if (icmp->type == ICMP_DEST_UNREACH &&
		 icmp->code == ICMP_FRAG_NEEDED)
		teach_dgram_mtu_told(sk, skb, info);

	err = -teach_dgram_icmp_errno(sk, icmp, &hard);
	if (!err)
		return 0;
	if (inet_test_bit(RECVERR, sk))
		teach_dgram_queue_icmp(sk, skb, uh, err, info);
	else if (!hard || sk->sk_state != TCP_ESTABLISHED)
		return 0;
	WRITE_ONCE(sk->sk_err, err);
	sk_error_report(sk);
	return 0;
}
