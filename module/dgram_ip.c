// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams down to IPv4 and up from it, and ICMP errors about them.  As in
 * ip.c, what is above would not change for IPv6.
 *
 * The header is UDP's, RFC 768: ports, length, checksum.  A datagram that is
 * larger than the path takes is cut and put together again by IP.
 */
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/udp.h>
#include <net/busy_poll.h>
#include <net/icmp.h>
#include <net/inet_dscp.h>
#include <net/ip.h>
#include <net/protocol.h>
#include <net/route.h>

#include "teach.h"
#include "trace.h"

/*
 * ---- Out ----
 */

static int teach_dgram_cmsg_tos(const struct cmsghdr *cmsg)
{
	if (cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		return *(int *)CMSG_DATA(cmsg);
	if (cmsg->cmsg_len == CMSG_LEN(sizeof(u8)))
		return *(u8 *)CMSG_DATA(cmsg);
	return -1;
}

static int teach_dgram_cmsg_ip(struct cmsghdr *cmsg, struct ipcm_cookie *ipc)
{
	const struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(cmsg);
	int val;

	switch (cmsg->cmsg_type) {
	case IP_PKTINFO:
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(*info)))
			return -EINVAL;
		if (info->ipi_ifindex)
			ipc->oif = info->ipi_ifindex;
		ipc->addr = info->ipi_spec_dst.s_addr;
		return 0;
	case IP_TTL:
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
			return -EINVAL;
		val = *(int *)CMSG_DATA(cmsg);
		if (val < 1 || val > 255)
			return -EINVAL;
		ipc->ttl = val;
		return 0;
	case IP_TOS:
		val = teach_dgram_cmsg_tos(cmsg);
		if (val < 0 || val > 255)
			return -EINVAL;
		ipc->tos = val;
		teach_ipcm_priority(ipc) = rt_tos2priority(val);
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * teach_dgram_cmsg - what comes beside a datagram that is to be sent
 * @sk: the socket
 * @msg: the message
 * @ipc: what the socket says, to be changed for this one
 *
 * ip(7): IP_PKTINFO, IP_TTL and IP_TOS; socket(7): SO_MARK, SO_TIMESTAMPING
 * and, for a queueing discipline that knows it, SO_TXTIME.
 */
int teach_dgram_cmsg(struct sock *sk, struct msghdr *msg,
		     struct ipcm_cookie *ipc)
{
	struct cmsghdr *cmsg;
	int err;

	/* Looks into those of SOL_SOCKET, and at the lengths of all. */
	err = sock_cmsg_send(sk, msg, &ipc->sockc);
	if (err)
		return err;
	for_each_cmsghdr(cmsg, msg) {
		if (cmsg->cmsg_level != SOL_IP)
			continue;
		err = teach_dgram_cmsg_ip(cmsg, ipc);
		if (err)
			return err;
	}
	return 0;
}

static u8 teach_dgram_tos(const struct sock *sk, const struct ipcm_cookie *ipc)
{
	return ipc->tos < 0 ? inet_sk(sk)->tos : ipc->tos;
}

/**
 * teach_dgram_route - the route of a datagram
 * @sk: the socket
 * @fl4: filled in: the addresses and ports that it will have
 * @ipc: what the socket, or the message, says
 * @daddr: where to
 * @dport: its port
 * @link: to a neighbour only
 *
 * Return: the route with a reference, or an ERR_PTR.
 */
struct rtable *teach_dgram_route(struct sock *sk, struct flowi4 *fl4,
				 const struct ipcm_cookie *ipc, __be32 daddr,
				 __be16 dport, bool link)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);
	__be32 saddr = ipc->addr;
	struct rtable *rt;
	int oif = ipc->oif;

	if (ipv4_is_multicast(daddr)) {
		if (!oif)
			oif = inet->mc_index;
		if (!saddr)
			saddr = inet->mc_addr;
	} else if (!oif) {
		oif = inet->uc_index;
	}

	flowi4_init_output(fl4, oif, ipc->sockc.mark,
			   teach_dgram_tos(sk, ipc) & INET_DSCP_MASK,
			   link ? RT_SCOPE_LINK : ip_sock_rt_scope(sk),
			   teach_dgram_sk(sk)->wire, inet_sk_flowi_flags(sk),
			   daddr, saddr, dport, inet->inet_sport, sk->sk_uid);
	security_sk_classify_flow(sk, flowi4_to_flowi_common(fl4));
	rt = ip_route_output_flow(net, fl4, sk);
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(net, IPSTATS_MIB_OUTNOROUTES);
		return rt;
	}
	if (rt->rt_flags & RTCF_BROADCAST && !sock_flag(sk, SOCK_BROADCAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-EACCES);
	}
	return rt;
}

/* What fits into one packet, headers included. */
static u32 teach_dgram_mtu(const struct sock *sk, const struct rtable *rt)
{
	return ip_sk_use_pmtu(sk) ? dst_mtu(&rt->dst) :
	       READ_ONCE(rt->dst.dev->mtu);
}

/**
 * teach_dgram_fits - may a datagram of this length be sent?
 * @sk: the socket
 * @fl4: from teach_dgram_route()
 * @rt: the route
 * @len: bytes of the user's
 *
 * ip(7), IP_MTU_DISCOVER: not if it would have to be cut and must not be.
 */
bool teach_dgram_fits(struct sock *sk, const struct flowi4 *fl4,
		      const struct rtable *rt, size_t len)
{
	u32 mtu = teach_dgram_mtu(sk, rt);
	u32 max = ip_sk_ignore_df(sk) ? IP_MAX_MTU : mtu;

	if (len + sizeof(struct udphdr) + sizeof(struct iphdr) <= max)
		return true;
	teach_dgram_local_error(sk, EMSGSIZE, fl4->daddr, fl4->fl4_dport, mtu);
	return false;
}

static void teach_dgram_push_header(struct sk_buff *skb, u8 wire,
				    const struct flowi4 *fl4, bool no_check,
				    netdev_features_t features)
{
	struct udphdr *uh = skb_push(skb, sizeof(*uh));

	skb_reset_transport_header(skb);
	*uh = (struct udphdr) {
		.source	= fl4->fl4_sport,
		.dest	= fl4->fl4_dport,
		.len	= htons(skb->len),
	};
	/* SO_NO_CHECK.  RFC 768: a checksum of zero is none. */
	if (!no_check)
		teach_checksum(skb, &uh->check, wire, fl4->saddr, fl4->daddr,
			       features);
}

static u8 teach_dgram_ttl(const struct sock *sk, const struct ipcm_cookie *ipc,
			  const struct rtable *rt)
{
	const struct inet_sock *inet = inet_sk(sk);

	if (ipc->ttl)
		return ipc->ttl;
	if (rt->rt_type == RTN_MULTICAST)
		return inet->mc_ttl;
	return inet->uc_ttl >= 0 ? inet->uc_ttl : ip4_dst_hoplimit(&rt->dst);
}

/* ip(7), IP_MTU_DISCOVER: nobody on the way may cut it. */
static bool teach_dgram_whole(const struct sock *sk, const struct sk_buff *skb,
			      const struct rtable *rt)
{
	if (inet_sk(sk)->pmtudisc == IP_PMTUDISC_DO ||
	    inet_sk(sk)->pmtudisc == IP_PMTUDISC_PROBE)
		return true;
	return skb->len + sizeof(struct iphdr) <= dst_mtu(&rt->dst) &&
	       ip_dont_fragment(sk, &rt->dst);
}

static void teach_dgram_trace_out(const struct net *net, u8 wire,
				  const struct flowi4 *fl4, u32 len)
{
	const struct teach_tuple t = {
		.laddr	= fl4->saddr,
		.faddr	= fl4->daddr,
		.lport	= fl4->fl4_sport,
		.fport	= fl4->fl4_dport,
		.proto	= wire,
	};

	trace_teach_datagram_out(net, &t, len);
}

/**
 * teach_dgram_xmit - send a datagram
 * @sk: the socket
 * @skb: what the user wrote, charged to @sk; consumed
 * @fl4: from teach_dgram_route()
 * @ipc: what the socket, or the message, says
 * @rt: the route; its reference is consumed
 *
 * Return: 0, or why it did not leave this host.
 */
int teach_dgram_xmit(struct sock *sk, struct sk_buff *skb,
		     const struct flowi4 *fl4, const struct ipcm_cookie *ipc,
		     struct rtable *rt)
{
	struct net *net = sock_net(sk);
	u8 wire = teach_dgram_sk(sk)->wire;
	bool no_check = sk->sk_no_check_tx;
	__be16 frag_off;
	int err;

	if (trace_teach_datagram_out_enabled())
		teach_dgram_trace_out(net, wire, fl4, skb->len);
	teach_dgram_push_header(skb, wire, fl4, no_check,
				rt->dst.dev->features);

	frag_off = teach_dgram_whole(sk, skb, rt) ? htons(IP_DF) : 0;
	skb->ignore_df = ip_sk_ignore_df(sk);
	skb->protocol = htons(ETH_P_IP);
	skb->priority = ipc->tos < 0 ? READ_ONCE(sk->sk_priority) :
				       teach_ipcm_priority(ipc);
	skb->mark = ipc->sockc.mark;
	teach_stamp_datagram(sk, skb, ipc->sockc.tsflags);
	skb_set_delivery_type_by_clockid(skb, ipc->sockc.transmit_time,
					 sk->sk_clockid);
	skb_dst_set(skb, &rt->dst);
	teach_push_iphdr(skb, wire, teach_dgram_tos(sk, ipc),
			 teach_dgram_ttl(sk, ipc, rt), frag_off, fl4->saddr,
			 fl4->daddr);
	ip_select_ident(net, skb, sk);

	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	err = ip_local_out(net, sk, skb);
	if (err > 0)
		err = net_xmit_errno(err);
	if (!err) {
		TEACH_INC(teach_net(net), OUT_DATAGRAMS);
		return 0;
	}
	IP_INC_STATS(net, IPSTATS_MIB_OUTDISCARDS);
	/* ip(7), IP_RECVERR: only who asks is told of full queues. */
	if (err == -ENOBUFS && !inet_test_bit(RECVERR, sk)) {
		TEACH_INC(teach_net(net), SNDBUF_ERRORS);
		err = 0;
	}
	return err;
}

/*
 * ---- In ----
 */

/* Lengths and the checksum; then the header can be believed. */
static bool teach_dgram_header_ok(struct net *net, struct sk_buff *skb)
{
	struct udphdr *uh;
	u16 len;

	if (!pskb_may_pull(skb, sizeof(*uh))) {
		teach_drop(net, skb, TEACH_DROP_TOO_SHORT);
		return false;
	}
	/* What IP has more than that is padding. */
	len = ntohs(udp_hdr(skb)->len);
	if (len > skb->len || len < sizeof(*uh) || pskb_trim_rcsum(skb, len)) {
		teach_drop(net, skb, TEACH_DROP_DGRAM_LENGTH);
		return false;
	}
	if (skb_checksum_init_zero_check(skb, ip_hdr(skb)->protocol,
					 udp_hdr(skb)->check,
					 inet_compute_pseudo) ||
	    skb_checksum_complete(skb)) {
		teach_drop(net, skb, TEACH_DROP_DGRAM_CHECKSUM);
		return false;
	}
	return true;
}

/* Our address that an answer to this packet would have: ip(7), IP_PKTINFO. */
static __be32 teach_dgram_spec_dst(const struct sk_buff *skb)
{
	const struct rtable *rt = skb_rtable(skb);

	if ((rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST | RTCF_LOCAL)) ==
	    RTCF_LOCAL)
		return ip_hdr(skb)->daddr;
	return inet_select_addr(skb->dev, ip_hdr(skb)->saddr,
				RT_SCOPE_UNIVERSE);
}

/* The route goes now; keep what ip_cmsg_recv_offset() will ask of it. */
static void teach_dgram_keep_pktinfo(const struct sock *sk,
				     struct sk_buff *skb)
{
	struct in_pktinfo info = {};

	if (inet_cmsg_flags(inet_sk(sk)) & IP_CMSG_PKTINFO) {
		info.ipi_ifindex = inet_iif(skb);
		/* Not the VRF, but the device behind it. */
		if (inet_sdif(skb) && !skb_rtable(skb)->rt_iif)
			info.ipi_ifindex = inet_sdif(skb);
		info.ipi_spec_dst.s_addr = teach_dgram_spec_dst(skb);
	}
	*PKTINFO_SKB_CB(skb) = info;
	skb_dst_drop(skb);
}

static void teach_dgram_sock_rcv(struct sock *sk, struct sk_buff *skb)
{
	if (sk_filter_trim_cap(sk, skb, sizeof(struct udphdr))) {
		atomic_inc(&sk->sk_drops);
		teach_drop(sock_net(sk), skb, TEACH_DROP_FILTER);
		return;
	}
	/* Who has no peer gets them from anywhere: the first one tells. */
	if (inet_sk(sk)->inet_daddr) {
		sk_incoming_cpu_update(sk);
		sk_mark_napi_id(sk, skb);
	} else {
		sk_mark_napi_id_once(sk, skb);
	}
	teach_dgram_keep_pktinfo(sk, skb);
	skb_pull_rcsum(skb, sizeof(struct udphdr));
	teach_dgram_queue(sk, skb);
}

/**
 * struct teach_dgram_many - a datagram to a broadcast or multicast address
 * @skb: it
 * @dif: the device that it came in by
 * @sdif: as for teach_dgram_lookup()
 * @last: who is to have it after all others, who have had copies
 */
struct teach_dgram_many {
	struct sk_buff		*skb;
	int			dif;
	int			sdif;
	struct sock		*last;
};

static void teach_dgram_copy_to(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);

	if (copy)
		teach_dgram_sock_rcv(sk, copy);
	else
		atomic_inc(&sk->sk_drops);
}

/* ip(7), IP_ADD_MEMBERSHIP and IP_MULTICAST_ALL: does it want this group? */
static bool teach_dgram_member(const struct sock *sk, __be32 group,
			       __be32 saddr, int dif, int sdif)
{
	const struct ip_mc_socklist *pmc;
	const struct ip_sf_socklist *psl;
	int i;

	for (pmc = rcu_dereference(inet_sk(sk)->mc_list); pmc;
	     pmc = rcu_dereference(pmc->next_rcu))
		if (pmc->multi.imr_multiaddr.s_addr == group &&
		    (pmc->multi.imr_ifindex == dif ||
		     (sdif && pmc->multi.imr_ifindex == sdif)))
			break;
	if (!pmc)
		return inet_test_bit(MC_ALL, sk);

	psl = rcu_dereference(pmc->sflist);
	for (i = 0; psl && i < psl->sl_count; i++)
		if (psl->sl_addr[i] == saddr)
			return pmc->sfmode == MCAST_INCLUDE;
	return pmc->sfmode == MCAST_EXCLUDE;
}

static void teach_dgram_rcv_one(struct sock *sk, void *data)
{
	struct teach_dgram_many *many = data;
	const struct iphdr *iph = ip_hdr(many->skb);

	if (ipv4_is_multicast(iph->daddr) &&
	    !teach_dgram_member(sk, iph->daddr, iph->saddr, many->dif,
				many->sdif))
		return;
	if (many->last)
		teach_dgram_copy_to(many->last, many->skb);
	many->last = sk;
}

static void teach_dgram_rcv_many(struct net *net, struct sk_buff *skb,
				 const struct teach_tuple *t)
{
	struct teach_dgram_many many = {
		.skb	= skb,
		.dif	= inet_iif(skb),
		.sdif	= inet_sdif(skb),
	};

	teach_dgram_lookup_all(teach_net(net), t, many.dif, many.sdif,
			       teach_dgram_rcv_one, &many);
	if (many.last)
		teach_dgram_sock_rcv(many.last, skb);
	else
		teach_drop(net, skb, TEACH_DROP_IGNORED_MULTI);
}

/**
 * teach_dgram_rcv - a datagram has come up from IPv4
 * @skb: the datagram, from its UDP header on
 *
 * Context: softirq, rcu_read_lock().
 */
int teach_dgram_rcv(struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);
	struct teach_tuple t = { .proto = ip_hdr(skb)->protocol };
	struct sock *sk;

	if (!teach_dgram_header_ok(net, skb))
		return 0;
	t.laddr = ip_hdr(skb)->daddr;
	t.faddr = ip_hdr(skb)->saddr;
	t.lport = udp_hdr(skb)->dest;
	t.fport = udp_hdr(skb)->source;
	trace_teach_datagram_in(net, &t, skb->len - sizeof(struct udphdr));

	if (skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		teach_dgram_rcv_many(net, skb, &t);
		return 0;
	}
	sk = teach_dgram_lookup(teach_net(net), &t, inet_iif(skb),
				inet_sdif(skb), skb);
	if (sk) {
		teach_dgram_sock_rcv(sk, skb);
		return 0;
	}
	/* RFC 1122 4.1.3.1. */
	icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	teach_drop(net, skb, TEACH_DROP_NO_SOCKET);
	return 0;
}

static const struct net_protocol teach_dgram_protocol = {
	.handler		= teach_dgram_rcv,
	.err_handler		= teach_dgram_err,
	.icmp_strict_tag_validation = 1,
};

int teach_dgram_ip_init(void)
{
	return inet_add_protocol(&teach_dgram_protocol, IPPROTO_TEACH_DGRAM);
}

void teach_dgram_ip_exit(void)
{
	inet_del_protocol(&teach_dgram_protocol, IPPROTO_TEACH_DGRAM);
}
