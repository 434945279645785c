// SPDX-License-Identifier: GPL-2.0
/*
 * Down to IPv4 and up from it.  Everything that knows of an iphdr, a route
 * or an ICMP message is here; what is above would not change for IPv6.
 */
#include <linux/icmp.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <net/busy_poll.h>
#include <net/icmp.h>
#include <net/inet_dscp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/protocol.h>
#include <net/route.h>

#include "teach.h"
#include "trace.h"

/*
 * ---- Routes ----
 */

static void teach_flow_init(struct flowi4 *fl4, struct sock *sk,
			    __be32 daddr, __be32 saddr, __be16 dport,
			    __be16 sport)
{
	flowi4_init_output(fl4, sk->sk_bound_dev_if, READ_ONCE(sk->sk_mark),
			   ip_sock_rt_tos(sk), ip_sock_rt_scope(sk),
			   teach_sk(sk)->wire,
			   inet_sk_flowi_flags(sk), daddr, saddr, dport, sport,
			   sk->sk_uid);
	security_sk_classify_flow(sk, flowi4_to_flowi_common(fl4));
}

/**
 * teach_route_connect - the route to a peer to be, and our address on it
 * @sk: the socket, locked
 * @daddr: the peer
 * @dport: its port
 * @saddr: our address; filled in when it is not bound
 *
 * Return: the route with a reference, or an ERR_PTR.
 */
struct dst_entry *teach_route_connect(struct sock *sk, __be32 daddr,
				      __be16 dport, __be32 *saddr)
{
	struct flowi4 fl4;
	struct rtable *rt;

	teach_flow_init(&fl4, sk, daddr, *saddr, dport,
			inet_sk(sk)->inet_sport);
	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-ENETUNREACH);
	}
	*saddr = fl4.saddr;
	return &rt->dst;
}

/**
 * teach_setup_caps - send by this route, and use what its device can do
 * @sk: the socket, locked or its only user
 * @dst: the route; its reference is the socket's now
 *
 * Large segments (GSO) of 253 are for devices that are software to the end: a
 * real card would take it for TCP, and cut it its own way.
 */
void teach_setup_caps(struct sock *sk, struct dst_entry *dst)
{
	const struct net_device *dev = dst->dev;

	sk_setup_caps(sk, dst);
	if (!teach_wire_is_hosts(teach_sk(sk)->wire) &&
	    (dev->dev.parent || !list_empty(&dev->adj_list.lower)))
		sk->sk_route_caps &= ~NETIF_F_GSO_MASK;
}

/**
 * teach_route - the route of a connection
 * @sk: the socket, locked or its only user
 *
 * Return: the route, kept by the socket, or NULL.
 */
struct dst_entry *teach_route(struct sock *sk)
{
	struct dst_entry *dst = __sk_dst_check(sk, 0);
	struct flowi4 fl4;
	struct rtable *rt;

	if (likely(dst))
		return dst;

	teach_flow_init(&fl4, sk, sk->sk_daddr, inet_sk(sk)->inet_saddr,
			sk->sk_dport, inet_sk(sk)->inet_sport);
	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (IS_ERR(rt))
		return NULL;
	teach_setup_caps(sk, &rt->dst);
	return &rt->dst;
}

/**
 * teach_route_metric - what ip-route(8) has set for a connection's route
 * @sk: the socket
 * @metric: RTAX_INITCWND and so on
 *
 * Return: the value, or 0.
 */
u32 teach_route_metric(const struct sock *sk, int metric)
{
	const struct dst_entry *dst;
	u32 value = 0;

	rcu_read_lock();
	dst = rcu_dereference(sk->sk_dst_cache);
	if (dst)
		value = dst_metric(dst, metric);
	rcu_read_unlock();
	return value;
}

/**
 * teach_route_mtu_told - a router has said what it can pass on: RFC 1191 3
 * @sk: the socket, locked
 * @mtu: the largest packet
 *
 * The route keeps it for all connections to this host, not below
 * net.ipv4.route.min_pmtu, and forgets it after net.ipv4.route.mtu_expires:
 * RFC 1191 6.3.
 *
 * Return: the path MTU by now; 0 when this socket does not ask routers.
 */
u32 teach_route_mtu_told(struct sock *sk, u32 mtu)
{
	struct dst_entry *dst = teach_route(sk);

	if (!dst)
		return 0;
	dst->ops->update_pmtu(dst, sk, NULL, mtu, true);
	dst = teach_route(sk);
	if (!dst || inet_sk(sk)->pmtudisc == IP_PMTUDISC_DONT ||
	    !ip_sk_accept_pmtu(sk))
		return 0;
	return dst_mtu(dst);
}

/**
 * teach_route_fragments - may routers cut what we send?
 * @sk: the socket
 *
 * ip(7), IP_MTU_DISCOVER; and when the path MTU would be less than min_pmtu.
 */
bool teach_route_fragments(const struct sock *sk)
{
	const struct dst_entry *dst;
	bool fragments;

	rcu_read_lock();
	dst = rcu_dereference(sk->sk_dst_cache);
	fragments = dst && !ip_dont_fragment(sk, dst);
	rcu_read_unlock();
	return fragments;
}

/*
 * ---- Out ----
 */

/**
 * teach_checksum - fill in the checksum, or have the card do it
 * @skb: from its transport header on
 * @check: where it is
 * @proto: the number really sent, which the pseudo-header has
 * @saddr: the same
 * @daddr: the same
 * @features: of the card
 */
void teach_checksum(struct sk_buff *skb, __sum16 *check, u8 proto,
		    __be32 saddr, __be32 daddr, netdev_features_t features)
{
	netdev_features_t can = NETIF_F_HW_CSUM;

	*check = ~csum_tcpudp_magic(saddr, daddr, skb->len, proto, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = (u8 *)check - skb_transport_header(skb);

	/* A card that can only do TCP and UDP would not know 253. */
	if (teach_wire_is_hosts(proto))
		can |= NETIF_F_IP_CSUM;
	if (!(features & can))
		skb_checksum_help(skb);
}

/**
 * teach_push_iphdr - put an IPv4 header in front
 * @skb: from its transport header on
 * @proto: what that is
 * @tos: of the header
 * @ttl: of the header
 * @frag_off: of the header
 * @saddr: of the header
 * @daddr: of the header
 *
 * What is left, IP fills in on the way.
 *
 * Return: the header.
 */
struct iphdr *teach_push_iphdr(struct sk_buff *skb, u8 proto, u8 tos, u8 ttl,
			       __be16 frag_off, __be32 saddr, __be32 daddr)
{
	struct iphdr *iph;

	skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph = ip_hdr(skb);
	*iph = (struct iphdr) {
		.version	= 4,
		.ihl		= sizeof(*iph) / 4,
		.tos		= tos,
		.ttl		= ttl,
		.frag_off	= frag_off,
		.protocol	= proto,
		.saddr		= saddr,
		.daddr		= daddr,
	};
	return iph;
}

/**
 * teach_ip_xmit - send a segment of a connection
 * @sk: the socket, locked
 * @skb: the segment from its TCP header on; consumed
 * @ecn: the ECN field of the IP header
 *
 * Return: 0, or why it did not leave this host.
 */
int teach_ip_xmit(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	struct inet_sock *inet = inet_sk(sk);
	struct dst_entry *dst;
	struct iphdr *iph;
	int err;
	u8 ttl;

	rcu_read_lock();
	dst = teach_route(sk);
	if (unlikely(!dst)) {
		rcu_read_unlock();
		IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return -EHOSTUNREACH;
	}
	skb_dst_set_noref(skb, dst);
	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);
	skb->protocol = htons(ETH_P_IP);
	skb_set_hash_from_sk(skb, sk);
	skb_set_dst_pending_confirm(skb, READ_ONCE(sk->sk_dst_pending_confirm));

	teach_checksum(skb, &tcp_hdr(skb)->check, teach_sk(sk)->wire,
		       inet->inet_saddr, inet->inet_daddr, sk->sk_route_caps);

	ttl = inet->uc_ttl >= 0 ? inet->uc_ttl : ip4_dst_hoplimit(dst);
	iph = teach_push_iphdr(skb, teach_sk(sk)->wire,
			       (inet->tos & ~INET_ECN_MASK) | ecn, ttl, 0,
			       inet->inet_saddr, inet->inet_daddr);
	if (ip_dont_fragment(sk, dst))
		iph->frag_off = htons(IP_DF);
	ip_select_ident_segs(sock_net(sk), skb, sk,
			     skb_shinfo(skb)->gso_segs ? : 1);

	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	/* Congestion that a queue tells of without a drop is none to us. */
	err = ip_local_out(sock_net(sk), sk, skb);
	rcu_read_unlock();
	return net_xmit_eval(err);
}

static struct sk_buff *teach_bare_build(const struct teach_bare *seg,
					struct rtable *rt)
{
	unsigned int optlen = teach_options_len(&seg->opt);
	struct tcphdr *th;
	struct sk_buff *skb;

	skb = alloc_skb(TEACH_MAX_HEADER, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, TEACH_MAX_HEADER);
	skb->mark = seg->mark;
	skb->protocol = htons(ETH_P_IP);

	th = skb_push(skb, sizeof(*th) + optlen);
	skb_reset_transport_header(skb);
	memset(th, 0, sizeof(*th));
	th->source = seg->t.lport;
	th->dest = seg->t.fport;
	th->seq = htonl(seg->seq);
	th->ack_seq = htonl(seg->ack);
	th->doff = (sizeof(*th) + optlen) / 4;
	teach_flag_byte(th) = seg->flags;
	th->window = htons(seg->window);
	teach_options_write((__be32 *)(th + 1), &seg->opt);
	teach_checksum(skb, &th->check, seg->t.proto, seg->t.laddr,
		       seg->t.faddr, rt->dst.dev->features);

	teach_push_iphdr(skb, seg->t.proto, seg->tos,
			 ip4_dst_hoplimit(&rt->dst), htons(IP_DF),
			 seg->t.laddr, seg->t.faddr);
	return skb;
}

/**
 * teach_ip_send - send a segment that no socket stands behind
 * @net: the network namespace
 * @seg: what it says
 *
 * Return: 0, or why it did not leave this host.
 */
int teach_ip_send(struct net *net, const struct teach_bare *seg)
{
	struct flowi4 fl4;
	struct sk_buff *skb;
	struct rtable *rt;
	int err;

	flowi4_init_output(&fl4, seg->dif, seg->mark,
			   seg->tos & INET_DSCP_MASK, RT_SCOPE_UNIVERSE,
			   seg->t.proto, FLOWI_FLAG_ANYSRC, seg->t.faddr,
			   seg->t.laddr, seg->t.fport, seg->t.lport,
			   sock_net_uid(net, NULL));
	rt = ip_route_output_flow(net, &fl4, NULL);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	skb = teach_bare_build(seg, rt);
	if (!skb) {
		ip_rt_put(rt);
		return -ENOMEM;
	}
	skb_dst_set(skb, &rt->dst);
	ip_select_ident(net, skb, NULL);

	trace_teach_segment_out(net, &seg->t, tcp_hdr(skb), 0, seg->state,
				seg->why);
	TEACH_INC(teach_net(net), OUT_SEGS);
	if (seg->flags & TEACH_RST)
		TEACH_INC(teach_net(net), OUT_RSTS);

	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	local_bh_disable();
	err = ip_local_out(net, NULL, skb);
	local_bh_enable();
	return net_xmit_eval(err);
}

/*
 * ---- In ----
 */

/* Lengths and the checksum; then the header can be believed. */
static bool teach_header_ok(struct net *net, struct sk_buff *skb, u8 proto)
{
	const struct tcphdr *th;

	if (!pskb_may_pull(skb, sizeof(*th))) {
		teach_drop(net, skb, TEACH_DROP_TOO_SHORT);
		return false;
	}
	th = tcp_hdr(skb);
	if (th->doff < sizeof(*th) / 4 || !pskb_may_pull(skb, th->doff * 4)) {
		teach_drop(net, skb, TEACH_DROP_BAD_OFFSET);
		return false;
	}
	if (skb_checksum_init(skb, proto, inet_compute_pseudo) ||
	    skb_checksum_complete(skb)) {
		teach_drop(net, skb, TEACH_DROP_BAD_CHECKSUM);
		return false;
	}
	return true;
}

static void teach_fill_cb(struct sk_buff *skb, const struct tcphdr *th)
{
	struct teach_cb *cb = teach_cb(skb);

	cb->seq = ntohl(th->seq);
	cb->ack = ntohl(th->ack_seq);
	cb->window = ntohs(th->window);
	cb->flags = teach_flag_byte(th);
	cb->ce = INET_ECN_is_ce(ip_hdr(skb)->tos);
	cb->end_seq = cb->seq + th->syn + th->fin + skb->len - th->doff * 4;
}

/* RFC 5082, as IP_MINTTL has it: each router on the way takes one. */
static bool teach_from_too_far(const struct sock *sk, const struct iphdr *iph)
{
	return iph->ttl < READ_ONCE(inet_sk(sk)->min_ttl);
}

/**
 * teach_filter - what IP_MINTTL and SO_ATTACH_FILTER say about a segment
 * @sk: the socket, not locked
 * @skb: the segment; freed when it is not wanted
 *
 * The filter may have cut it, but not its header.
 *
 * Return: whether to go on.
 */
bool teach_filter(struct sock *sk, struct sk_buff *skb)
{
	if (teach_from_too_far(sk, ip_hdr(skb))) {
		teach_drop(sock_net(sk), skb, TEACH_DROP_MIN_TTL);
		return false;
	}
	if (sk_filter_trim_cap(sk, skb, tcp_hdrlen(skb))) {
		teach_drop(sock_net(sk), skb, TEACH_DROP_FILTER);
		return false;
	}
	teach_fill_cb(skb, tcp_hdr(skb));
	return true;
}

static void teach_sock_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct net *net = sock_net(sk);
	u32 limit;

	if (!teach_filter(sk, skb))
		return;
	skb->dev = NULL;
	sk_incoming_cpu_update(sk);
	sk_mark_napi_id(sk, skb);

	bh_lock_sock(sk);
	limit = READ_ONCE(sk->sk_rcvbuf) + READ_ONCE(sk->sk_sndbuf) + 65536;
	if (!sock_owned_by_user(sk)) {
		teach_do_rcv(sk, skb);
	} else {
		skb_dst_drop(skb);
		if (sk_add_backlog(sk, skb, limit))
			teach_drop(net, skb, TEACH_DROP_BACKLOG);
	}
	bh_unlock_sock(sk);
}

/* What the trace shows: the state that the segment meets. */
static int teach_state_met(const struct teach_entry *e,
			   const struct sock *listener)
{
	if (!e)
		return listener ? TCP_LISTEN : TCP_CLOSE;
	switch (e->kind) {
	case TEACH_SOCK:
		return READ_ONCE(teach_entry_sk(e)->sk_state);
	case TEACH_REQUEST:
		return TCP_SYN_RECV;
	default:
		return READ_ONCE(container_of(e, struct teach_timewait,
					      entry)->state);
	}
}

static void teach_trace_in(struct net *net, const struct sk_buff *skb,
			   const struct teach_tuple *t, int state)
{
	trace_teach_segment_in(net, t, tcp_hdr(skb),
			       skb->len - tcp_hdrlen(skb), state,
			       TEACH_WHY_NONE);
}

/**
 * teach_rcv - a segment has come up from IPv4
 * @skb: the segment, from its TCP header on
 *
 * Context: softirq, rcu_read_lock().
 */
int teach_rcv(struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);
	struct teach_net *tn = teach_net(net);
	const struct iphdr *iph = ip_hdr(skb);
	struct teach_tuple t = { .proto = iph->protocol };
	struct sock *listener = NULL;
	const struct tcphdr *th;
	struct teach_entry *e;
	int dif = inet_iif(skb);
	int sdif = inet_sdif(skb);

	TEACH_INC(tn, IN_SEGS);
	if (!teach_header_ok(net, skb, t.proto))
		return 0;
	/* RFC 9293 3.9.2.3, MUST-57: not what was sent to many. */
	if (skb->pkt_type != PACKET_HOST ||
	    skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		teach_drop(net, skb, TEACH_DROP_NOT_FOR_US);
		return 0;
	}

	th = tcp_hdr(skb);
	iph = ip_hdr(skb);
	t.laddr = iph->daddr;
	t.faddr = iph->saddr;
	t.lport = th->dest;
	t.fport = th->source;
	teach_fill_cb(skb, th);

	/* Nobody has this 5-tuple?  Somebody may be waiting for it. */
	e = teach_lookup(tn, &t, dif, sdif);
	if (!e)
		listener = teach_lookup_listener(tn, &t, dif, sdif, skb);
	if (trace_teach_segment_in_enabled())
		teach_trace_in(net, skb, &t, teach_state_met(e, listener));

	if (!e) {
		if (listener)
			teach_listen_rcv(listener, skb, 0);
		else
			teach_rcv_closed(net, skb);
		return 0;
	}
	switch (e->kind) {
	case TEACH_SOCK:
		teach_sock_rcv(teach_entry_sk(e), skb);
		break;
	case TEACH_REQUEST:
		teach_request_rcv(container_of(e, struct teach_request, entry),
				  skb);
		break;
	case TEACH_TIMEWAIT:
		teach_timewait_rcv(container_of(e, struct teach_timewait,
						entry), skb);
		break;
	}
	return 0;
}

/*
 * ---- ICMP ----
 */

/* RFC 5461: hard before the connection stands, advice after. */
static void teach_icmp_error(struct sock *sk, int err)
{
	bool owned = sock_owned_by_user(sk);

	if ((sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV) &&
	    !owned) {
		teach_sk(sk)->cause = TEACH_BY_ICMP;
		teach_fail(sk, err);
		teach_sk(sk)->cause = TEACH_BY_CALL;
	} else if (inet_test_bit(RECVERR, sk) && !owned) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	} else {
		WRITE_ONCE(sk->sk_err_soft, err);
	}
}

/* A negative errno, or 0 for a message that says nothing to a connection. */
static int teach_icmp_errno(const struct icmphdr *icmp)
{
	switch (icmp->type) {
	case ICMP_PARAMETERPROB:
		return -EPROTO;
	case ICMP_TIME_EXCEEDED:
		return -EHOSTUNREACH;
	case ICMP_DEST_UNREACH:
		if (icmp->code > NR_ICMP_UNREACH)
			return 0;
		return -icmp_err_convert[icmp->code].errno;
	default:
		return 0;
	}
}

/**
 * teach_err - an ICMP error about a segment of ours
 * @skb: from the IP header of that segment on; eight bytes follow the header
 * @info: the next hop's MTU, for "fragmentation needed"
 *
 * RFC 5927 4.1: only when it quotes a sequence number that is in flight.
 *
 * Context: softirq, rcu_read_lock().
 */
int teach_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct tcphdr *th = (void *)(skb->data + iph->ihl * 4);
	const struct icmphdr *icmp = icmp_hdr(skb);
	struct net *net = dev_net(skb->dev);
	struct teach_net *tn = teach_net(net);
	struct teach_tuple t = {
		.laddr	= iph->saddr,
		.faddr	= iph->daddr,
		.lport	= th->source,
		.fport	= th->dest,
		.proto	= iph->protocol,
	};
	u32 seq = ntohl(th->seq);
	struct teach_entry *e;
	struct sock *sk;

	e = teach_lookup(tn, &t, inet_iif(skb), inet_sdif(skb));
	if (!e) {
		ICMP_INC_STATS(net, ICMP_MIB_INERRORS);
		return -ENOENT;
	}
	/* A request is tried again, and a TIME_WAIT ends, without advice. */
	if (e->kind != TEACH_SOCK)
		return 0;

	sk = teach_entry_sk(e);
	bh_lock_sock(sk);
	/* What is quoted is what came to the router. */
	if (sk->sk_state == TCP_CLOSE || teach_from_too_far(sk, iph))
		goto out;
	if (!between(seq, teach_sk(sk)->snd_una, teach_sk(sk)->snd_nxt)) {
		TEACH_INC(tn, OUT_OF_WINDOW_ICMPS);
		goto out;
	}

	if (icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED)
		teach_mtu_told(sk, info);
	else if (icmp->type == ICMP_REDIRECT)
		sk_dst_reset(sk);
	else if (teach_icmp_errno(icmp))
		teach_icmp_error(sk, -teach_icmp_errno(icmp));
out:
	bh_unlock_sock(sk);
	return 0;
}

/*
 * RFC 6528: an initial sequence number that a stranger cannot guess, and
 * that grows for each 5-tuple so that old segments stay old.
 */
u32 teach_isn(const struct teach_tuple *t)
{
	return siphash_3u32((__force u32)t->laddr, (__force u32)t->faddr,
			    (__force u32)t->lport << 16 |
			    (__force u32)t->fport, &teach_secret.isn) +
	       (u32)(ktime_get_real_ns() >> 6);
}

/* The same for all connections of two hosts: RFC 6191 compares their clocks. */
u32 teach_ts_offset(const struct teach_tuple *t)
{
	return siphash_2u32((__force u32)t->laddr, (__force u32)t->faddr,
			    &teach_secret.ts_offset);
}

/*
 * ---- Large segments ----
 */

/*
 * A tag of stamp.c for the driver: it is for the segment that has the byte.
 * The socket, which the driver tells, has gone to the last of them.
 */
static void teach_gso_stamp(struct sock *sk, const struct sk_buff *skb,
			    struct sk_buff *seg, u32 seq, u32 mss)
{
	u32 watched = teach_stamp_seq(sk, skb);

	while (seg->next && !before(watched, seq + mss)) {
		seg = seg->next;
		seq += mss;
	}
	if (!seg->sk)
		skb_set_owner_w(seg, sk);
	skb_shinfo(seg)->tx_flags |= SKBTX_SW_TSTAMP;
	skb_shinfo(seg)->tskey = skb_shinfo(skb)->tskey;
}

/*
 * Cut @skb into segments of gso_size bytes: what teach_xmit() would have
 * built.  Called where a device cannot take it whole.
 */
static struct sk_buff *teach_gso_segment(struct sk_buff *skb,
					 netdev_features_t features)
{
	struct sk_buff *segs, *seg;
	struct sock *sk = skb->sk;
	const struct iphdr *iph;
	u32 seq, mss, hdrlen, len;
	struct tcphdr *th;

	if (!pskb_may_pull(skb, sizeof(*th)))
		return ERR_PTR(-EINVAL);
	hdrlen = tcp_hdrlen(skb);
	if (hdrlen < sizeof(*th) || !pskb_may_pull(skb, hdrlen))
		return ERR_PTR(-EINVAL);
	mss = skb_shinfo(skb)->gso_size;
	if (skb->ip_summed != CHECKSUM_PARTIAL || skb->len - hdrlen <= mss)
		return ERR_PTR(-EINVAL);

	seq = ntohl(tcp_hdr(skb)->seq);
	__skb_pull(skb, hdrlen);
	segs = skb_segment(skb, features & ~NETIF_F_GSO_PARTIAL);
	if (IS_ERR_OR_NULL(segs))
		return segs;

	if (sk && unlikely(skb_shinfo(skb)->tx_flags & SKBTX_SW_TSTAMP))
		teach_gso_stamp(sk, skb, segs, seq, mss);
	for (seg = segs; seg; seg = seg->next) {
		iph = ip_hdr(seg);
		th = tcp_hdr(seg);
		th->seq = htonl(seq);
		seq += mss;
		/* FIN and PSH are the last one's, CWR the first one's. */
		if (seg->next)
			teach_flag_byte(th) &= ~(TEACH_FIN | TEACH_PSH);
		if (seg != segs)
			teach_flag_byte(th) &= ~TEACH_CWR_FLAG;

		len = skb_tail_pointer(seg) - skb_transport_header(seg) +
		      seg->data_len;
		th->check = ~csum_tcpudp_magic(iph->saddr, iph->daddr, len,
					       iph->protocol, 0);
		if (seg->ip_summed == CHECKSUM_PARTIAL)
			gso_reset_checksum(seg, (__force __wsum)~th->check);
		else
			th->check = gso_make_checksum(seg, (__force __wsum)
							   ~th->check);
	}
	return segs;
}

static const struct net_offload teach_offload = {
	.callbacks = {
		.gso_segment = teach_gso_segment,
	},
};

static const struct net_protocol teach_protocol = {
	.handler		= teach_rcv,
	.err_handler		= teach_err,
	.icmp_strict_tag_validation = 1,
};

int teach_ip_init(void)
{
	int err = inet_add_offload(&teach_offload, IPPROTO_TEACH);

	if (err)
		return err;
	err = inet_add_protocol(&teach_protocol, IPPROTO_TEACH);
	if (err)
		inet_del_offload(&teach_offload, IPPROTO_TEACH);
	return err;
}

void teach_ip_exit(void)
{
	inet_del_protocol(&teach_protocol, IPPROTO_TEACH);
	inet_del_offload(&teach_offload, IPPROTO_TEACH);
}
