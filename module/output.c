// SPDX-License-Identifier: GPL-2.0
/*
 * What may be sent now, and the segments that carry it.
 *
 *	sk_write_queue	written by the user, not yet sent
 *	rtx_queue	sent, not yet acknowledged
 *
 * A segment is cut when it is queued, to the MSS of that moment, and moves
 * from the first queue to the second when it is sent.  What goes down to IP
 * is always a clone: the original stays until the peer has the bytes.
 *
 * What an ACK says about lost segments is in recovery.c.
 */
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/route.h>

#include "teach.h"
#include "trace.h"

/* Segments that are, as far as we can know, in the network. */
u32 teach_flight(const struct teach_sock *ts)
{
	return ts->packets_out - min(ts->sacked_out + ts->lost_out,
				     ts->packets_out) + ts->retrans_out;
}

/*
 * ---- The send buffer ----
 */

/**
 * teach_alloc_segment - a segment for the send buffer
 * @sk: the socket, locked
 * @gfp: how to allocate
 *
 * Return: the segment, empty, with room for all headers; or NULL.
 */
struct sk_buff *teach_alloc_segment(struct sock *sk, gfp_t gfp)
{
	struct sk_buff *skb;

	skb = alloc_skb_fclone(TEACH_MAX_HEADER, gfp);
	if (!skb)
		return NULL;
	if (!sk_wmem_schedule(sk, skb->truesize)) {
		__kfree_skb(skb);
		return NULL;
	}
	skb_reserve(skb, TEACH_MAX_HEADER);
	skb->ip_summed = CHECKSUM_PARTIAL;
	memset(teach_cb(skb), 0, sizeof(struct teach_cb));
	return skb;
}

static void teach_charge_segment(struct sock *sk, const struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
}

void teach_free_segment(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -skb->truesize);
	sk_mem_uncharge(sk, skb->truesize);
	__kfree_skb(skb);
}

/* Behind everything that was written; its bytes come later. */
void teach_queue_segment(struct sock *sk, struct sk_buff *skb)
{
	struct teach_cb *cb = teach_cb(skb);

	cb->seq = teach_sk(sk)->write_seq;
	cb->end_seq = cb->seq;
	teach_charge_segment(sk, skb);
	__skb_queue_tail(&sk->sk_write_queue, skb);
}

static void teach_purge(struct sock *sk, struct sk_buff_head *queue)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(queue)))
		teach_free_segment(sk, skb);
}

/* Whatever was to be sent or might have been sent again is given up. */
void teach_send_purge(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	teach_purge(sk, &sk->sk_write_queue);
	teach_purge(sk, &ts->rtx_queue);
	ts->packets_out = 0;
	ts->sacked_out = 0;
	ts->lost_out = 0;
	ts->retrans_out = 0;
}

/* A clone may be in the network still, and shares the list of pages. */
static int teach_unclone(struct sock *sk, struct sk_buff *skb)
{
	int truesize = skb->truesize;

	if (skb_unclone(skb, GFP_ATOMIC))
		return -ENOMEM;
	truesize = skb->truesize - truesize;
	sk_wmem_queued_add(sk, truesize);
	sk_mem_charge(sk, truesize);
	return 0;
}

/* Cut @skb behind @len bytes; the rest follows it in the same queue. */
static int teach_split(struct sock *sk, struct sk_buff_head *queue,
		       struct sk_buff *skb, u32 len)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	struct sk_buff *rest;
	u32 moved = skb->len - len;

	if (teach_unclone(sk, skb))
		return -ENOMEM;
	rest = teach_alloc_segment(sk, GFP_ATOMIC);
	if (!rest)
		return -ENOMEM;

	teach_charge_segment(sk, rest);
	skb_split(skb, rest, len);
	skb->truesize -= moved;
	rest->truesize += moved;

	*teach_cb(rest) = *cb;
	teach_cb(rest)->seq = cb->seq + len;
	cb->end_seq = cb->seq + len;
	cb->flags &= ~(TEACH_FIN | TEACH_PSH);
	__skb_queue_after(queue, skb, rest);

	if (queue == &ts->rtx_queue) {
		ts->packets_out++;
		ts->lost_out += cb->lost;
		ts->retrans_out += cb->retrans;
	}
	return 0;
}

/*
 * ---- How large ----
 */

/* RFC 9293 3.7.1: never more than half the widest window we were offered. */
static u32 teach_bound_to_window(const struct teach_sock *ts, u32 mss)
{
	u32 bound = ts->max_window;

	if (bound > TEACH_MSS_DEFAULT)
		bound /= 2;
	if (bound && mss > bound)
		return max_t(u32, bound, TEACH_MSS_MIN);
	return mss;
}

/**
 * teach_sync_mss - cut to this path from now on
 * @sk: the socket, locked
 * @pmtu: the largest IP packet that the path takes
 */
void teach_sync_mss(struct sock *sk, u32 pmtu)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 headers = sizeof(struct iphdr) + TEACH_HDR_LEN;
	u32 mss = pmtu > headers ? pmtu - headers : 0;

	ts->pmtu = pmtu;
	mss = clamp_t(u32, mss, TEACH_MSS_MIN, ts->mss_clamp);
	ts->mss_cache = teach_bound_to_window(ts, mss);
}

/* Somebody else may have learned of a narrower path to the same host. */
void teach_check_mss(struct sock *sk)
{
	struct dst_entry *dst = teach_route(sk);

	if (dst && dst_mtu(dst) != teach_sk(sk)->pmtu)
		teach_sync_mss(sk, dst_mtu(dst));
}

/**
 * teach_advmss - the MSS that we offer: RFC 9293 3.7.1
 * @sk: the socket
 * @mtu: the largest IP packet that can reach us
 */
u16 teach_advmss(const struct sock *sk, u32 mtu)
{
	u32 headers = sizeof(struct iphdr) + TEACH_HDR_LEN;
	u32 mss = min_t(u32, mtu, IP_MAX_MTU) - headers;
	u16 user_mss = READ_ONCE(teach_sk(sk)->user_mss);

	return user_mss ? min_t(u32, mss, user_mss) : mss;
}

/*
 * ---- One segment ----
 */

/* Put the TCP header before the bytes of @skb, and hand it to IP. */
static int teach_xmit(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags,
		      bool rtx)
{
	struct teach_sock *ts = teach_sk(sk);
	unsigned int optlen = teach_options_write(NULL, flags, ts->advmss);
	struct tcphdr *th;
	u32 len = skb->len;
	u16 window;

	if (flags & TEACH_RST)
		window = 0;
	else if (flags & TEACH_SYN)
		window = ts->rcv_wnd;
	else
		window = teach_select_window(sk);

	th = skb_push(skb, sizeof(*th) + optlen);
	skb_reset_transport_header(skb);
	memset(th, 0, sizeof(*th));
	th->source = inet_sk(sk)->inet_sport;
	th->dest = inet_sk(sk)->inet_dport;
	th->seq = htonl(seq);
	th->ack_seq = flags & TEACH_ACK ? htonl(ts->rcv_nxt) : 0;
	th->doff = (sizeof(*th) + optlen) / 4;
	teach_flag_byte(th) = flags;
	th->window = htons(window);
	teach_options_write((u8 *)(th + 1), flags, ts->advmss);

	/* It takes the ACK along that we owe. */
	if (flags & TEACH_ACK) {
		if (len && ts->ack_due)
			ts->pingpong = true;
		else if (!len && ts->quickack)
			ts->quickack--;
		ts->ack_due = false;
		ts->ack_now = false;
		teach_timer_clear(sk, TEACH_TIMER_DELACK);
	}

	skb_set_owner_w(skb, sk);
	trace_teach_segment_out(sock_net(sk), &ts->entry.tuple, seq,
				ntohl(th->ack_seq), window, len, flags,
				sk->sk_state, rtx);
	TEACH_INC(teach_sk_net(sk), OUT_SEGS);
	if (flags & TEACH_RST)
		TEACH_INC(teach_sk_net(sk), OUT_RSTS);
	return teach_ip_xmit(sk, skb);
}

/* A segment that is kept: send a clone of it. */
static int teach_xmit_clone(struct sock *sk, struct sk_buff *skb)
{
	struct teach_cb *cb = teach_cb(skb);
	struct sk_buff *clone;
	int err;

	/* An earlier clone still travels: it needs headers of its own. */
	if (unlikely(skb_cloned(skb)))
		clone = pskb_copy(skb, GFP_ATOMIC);
	else
		clone = skb_clone(skb, GFP_ATOMIC);

	cb->sent_us = teach_clock_us();
	if (unlikely(!clone))
		return -ENOMEM;

	err = teach_xmit(sk, clone, cb->seq, cb->flags, cb->ever_retrans);
	if (unlikely(err))
		TEACH_INC(teach_sk_net(sk), LOCAL_DROPS);
	return err;
}

/* Send the first segment of the write queue for the first time. */
static int teach_xmit_new(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);

	__skb_unlink(skb, &sk->sk_write_queue);
	__skb_queue_tail(&ts->rtx_queue, skb);
	ts->packets_out++;
	ts->snd_nxt = cb->end_seq;
	if (skb->len && skb->len < ts->mss_cache)
		ts->snd_sml = cb->end_seq;

	/* RFC 6298 5.1.  What IP could not take is sent again as if lost. */
	teach_timer_clear(sk, TEACH_TIMER_PROBE);
	if (!teach_timer_armed(sk, TEACH_TIMER_RTX))
		teach_timer_set(sk, TEACH_TIMER_RTX, teach_rto(ts));
	return teach_xmit_clone(sk, skb);
}

/* A segment that carries no bytes and is not kept. */
static void teach_xmit_control(struct sock *sk, u32 seq, u8 flags)
{
	struct sk_buff *skb = alloc_skb(TEACH_MAX_HEADER, GFP_ATOMIC);

	if (unlikely(!skb)) {
		/* An ACK that could not be sent is owed still. */
		if (flags == TEACH_ACK) {
			teach_sk(sk)->ack_due = true;
			teach_timer_set(sk, TEACH_TIMER_DELACK,
					TEACH_DELACK_MIN);
		}
		return;
	}
	skb_reserve(skb, TEACH_MAX_HEADER);
	teach_xmit(sk, skb, seq, flags, false);
}

void teach_send_ack(struct sock *sk)
{
	if (sk->sk_state != TCP_CLOSE)
		teach_xmit_control(sk, teach_sk(sk)->snd_nxt, TEACH_ACK);
}

/* RFC 9293 3.10.5: ABORT. */
void teach_send_rst(struct sock *sk)
{
	teach_xmit_control(sk, teach_sk(sk)->snd_nxt, TEACH_RST | TEACH_ACK);
}

/*
 * ---- What may be sent ----
 */

/* RFC 9293 3.7.4 with Minshall's change: only one small one unacknowledged. */
static bool teach_nagle_holds(const struct sock *sk, const struct sk_buff *skb)
{
	const struct teach_sock *ts = teach_sk(sk);

	if (skb->len >= ts->mss_cache || ts->nodelay ||
	    teach_cb(skb)->flags & TEACH_FIN ||
	    !skb_queue_is_last(&sk->sk_write_queue, skb))
		return false;
	return ts->packets_out && after(ts->snd_sml, ts->snd_una);
}

static bool teach_window_allows(const struct teach_sock *ts, u32 end_seq)
{
	return !after(end_seq, ts->snd_una + ts->snd_wnd);
}

/**
 * teach_push - send what cwnd, the peer's window and Nagle allow
 * @sk: the socket, locked
 */
void teach_push(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;
	bool limited = false;

	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT |
				   TCPF_SYN_RECV))
		return;

	skb = skb_peek(&sk->sk_write_queue);
	if (skb)
		teach_check_mss(sk);
	for (; skb; skb = skb_peek(&sk->sk_write_queue)) {
		if (teach_flight(ts) >= ts->cwnd) {
			limited = true;
			break;
		}
		if (skb->len > ts->mss_cache &&
		    teach_split(sk, &sk->sk_write_queue, skb, ts->mss_cache))
			break;
		if (!teach_window_allows(ts, teach_cb(skb)->end_seq) ||
		    teach_nagle_holds(sk, skb))
			break;
		/* A queue below is full: the rest would only be dropped. */
		if (teach_xmit_new(sk, skb))
			break;
	}

	/* RFC 7661: was cwnd the reason that no more is in flight? */
	if (limited || teach_flight(ts) >= ts->cwnd)
		ts->cwnd_limited = true;
	else if (!ts->packets_out)
		ts->cwnd_limited = false;

	/* Nothing will come back to wake us: RFC 9293 3.8.6.1. */
	if (skb && !ts->packets_out &&
	    !teach_timer_armed(sk, TEACH_TIMER_PROBE))
		teach_timer_set(sk, TEACH_TIMER_PROBE, teach_rto(ts));
}

/**
 * teach_send_probe - ask for the window: RFC 9293 3.8.6.1
 * @sk: the socket, locked
 *
 * If the window takes some of the next segment, that is the probe (and the
 * sender's override of silly-window avoidance).  If it is shut, as Linux does
 * a byte that the peer has already had: it has to answer with an ACK.
 */
void teach_send_probe(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	u32 room = ts->snd_una + ts->snd_wnd - teach_cb(skb)->seq;

	TEACH_INC(teach_sk_net(sk), WINDOW_PROBES);
	if ((s32)room <= 0) {
		teach_xmit_control(sk, ts->snd_una - 1, TEACH_ACK);
		return;
	}
	room = min_t(u32, room, ts->mss_cache);
	if (skb->len > room &&
	    teach_split(sk, &sk->sk_write_queue, skb, room))
		return;
	teach_xmit_new(sk, skb);
}

/**
 * teach_retransmit - send a segment of the retransmit queue again
 * @sk: the socket, locked
 * @skb: the segment
 *
 * Return: 0, or why not.
 */
int teach_retransmit(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);

	teach_check_mss(sk);
	/* The peer took its window back: only its left edge is asked for. */
	if (cb->seq != ts->snd_una && !teach_window_allows(ts, cb->end_seq))
		return -EAGAIN;
	if (skb->len > ts->mss_cache &&
	    teach_split(sk, &ts->rtx_queue, skb, ts->mss_cache))
		return -ENOMEM;

	if (!cb->retrans) {
		cb->retrans = 1;
		ts->retrans_out++;
	}
	cb->ever_retrans = 1;
	ts->total_retrans++;
	TEACH_INC(teach_sk_net(sk), RETRANS_SEGS);
	if (cb->flags & TEACH_SYN)
		TEACH_INC(teach_sk_net(sk), SYN_RETRANS);
	return teach_xmit_clone(sk, skb);
}

/*
 * ---- SYN and FIN take a sequence number each ----
 */

static int teach_queue_syn(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;

	skb = teach_alloc_segment(sk, sk->sk_allocation);
	if (!skb)
		return -ENOBUFS;
	teach_queue_segment(sk, skb);
	teach_cb(skb)->flags = TEACH_SYN;
	teach_cb(skb)->end_seq++;
	ts->write_seq++;
	return 0;
}

/* RFC 9293 3.10.1: OPEN, active. */
int teach_send_syn(struct sock *sk)
{
	int err = teach_queue_syn(sk);

	if (err)
		return err;
	TEACH_INC(teach_sk_net(sk), ACTIVE_OPENS);
	err = teach_xmit_new(sk, skb_peek(&sk->sk_write_queue));
	/* The rest may be otherwise when it is tried again. */
	return err == -ECONNREFUSED ? err : 0;
}

/* Both opened at once: our SYN, which is out already, gets an ACK. */
void teach_send_synack(struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&teach_sk(sk)->rtx_queue);

	if (!skb)
		return;
	teach_cb(skb)->flags |= TEACH_ACK;
	teach_xmit_clone(sk, skb);
}

/**
 * teach_send_fin - everything is written
 * @sk: the socket, locked
 *
 * Context: process.
 */
void teach_send_fin(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb) {
		/* Without it the connection would never end. */
		skb = alloc_skb_fclone(TEACH_MAX_HEADER,
				       GFP_KERNEL | __GFP_NOFAIL);
		skb_reserve(skb, TEACH_MAX_HEADER);
		memset(teach_cb(skb), 0, sizeof(struct teach_cb));
		/* Charged in any case; it is only one. */
		sk_wmem_schedule(sk, skb->truesize);
		teach_queue_segment(sk, skb);
	}
	teach_cb(skb)->flags |= TEACH_FIN | TEACH_ACK;
	teach_cb(skb)->end_seq++;
	ts->write_seq++;
	teach_push(sk);
}
