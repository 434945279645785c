// SPDX-License-Identifier: GPL-2.0
/*
 * What may be sent now, and the segments that carry it.
 *
 *	sk_write_queue	written by the user, not yet sent: a list
 *	rtx_queue	sent, not yet acknowledged: a tree by sequence number
 *	sent		the same in the order of sending: a list for rack.c
 *
 * An skb holds up to 64 KiB, which is many segments where the device below
 * is told to cut them (GSO), else one.  Counters are in segments, of mss
 * bytes each as it was when the skb was cut last.  The bytes of a kept skb
 * are in pages, never in its linear part.
 *
 * What goes down to IP is always a clone: the original stays until the peer
 * has the bytes.  What an ACK says about lost segments is in recovery.c.
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
	if (teach_wmem_schedule(sk, skb->truesize) < skb->truesize) {
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

/* Whatever was to be sent or might have been sent again is given up. */
void teach_send_purge(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_write_queue)))
		teach_free_segment(sk, skb);
	while ((skb = skb_rb_first(&ts->rtx_queue))) {
		teach_rtx_unlink(ts, skb);
		teach_free_segment(sk, skb);
	}
	ts->packets_out = 0;
	ts->sacked_out = 0;
	ts->lost_out = 0;
	ts->retrans_out = 0;
	ts->snd_sacks = 0;
	ts->sack_high_valid = false;
}

/*
 * ---- The retransmit queue ----
 */

static void teach_rtx_insert(struct teach_sock *ts, struct sk_buff *skb)
{
	struct rb_node **p = &ts->rtx_queue.rb_node;
	struct rb_node *parent = NULL;
	struct sk_buff *other;

	while (*p) {
		parent = *p;
		other = rb_to_skb(parent);
		if (before(teach_cb(skb)->seq, teach_cb(other)->seq))
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &ts->rtx_queue);
}

void teach_rtx_unlink(struct teach_sock *ts, struct sk_buff *skb)
{
	list_del(&teach_cb(skb)->sent_node);
	rb_erase(&skb->rbnode, &ts->rtx_queue);
	RB_CLEAR_NODE(&skb->rbnode);
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

/* So many segments of @mss are in @skb; a SYN or FIN alone is one. */
static void teach_set_segs(struct sk_buff *skb, u32 mss)
{
	teach_cb(skb)->mss = mss;
	teach_cb(skb)->segs = max_t(u32, DIV_ROUND_UP(skb->len, mss), 1);
}

/* The same for one that is counted already. */
static void teach_recount(struct teach_sock *ts, struct sk_buff *skb, u32 mss)
{
	struct teach_cb *cb = teach_cb(skb);
	int more = -cb->segs;

	teach_set_segs(skb, mss);
	more += cb->segs;
	ts->packets_out += more;
	if (cb->sacked)
		ts->sacked_out += more;
	if (cb->lost)
		ts->lost_out += more;
	if (cb->retrans)
		ts->retrans_out += more;
}

/* Cut @skb behind @len bytes.  Return: the rest, charged, or NULL. */
static struct sk_buff *teach_split(struct sock *sk, struct sk_buff *skb,
				   u32 len)
{
	struct teach_cb *cb = teach_cb(skb);
	struct sk_buff *rest;
	u32 moved = skb->len - len;

	if (teach_unclone(sk, skb))
		return NULL;
	rest = teach_alloc_segment(sk, GFP_ATOMIC | __GFP_NOWARN);
	if (!rest)
		return NULL;

	teach_charge_segment(sk, rest);
	skb_split(skb, rest, len);
	skb->truesize -= moved;
	rest->truesize += moved;

	*teach_cb(rest) = *cb;
	teach_cb(rest)->seq = cb->seq + len;
	cb->end_seq = cb->seq + len;
	cb->flags &= ~(TEACH_FIN | TEACH_PSH);
	cb->eor = 0;
	if (unlikely(teach_stamp_wanted(skb)))
		teach_stamp_split(sk, skb, rest);
	return rest;
}

/*
 * Put what waits behind @skb into it, too, of both the bytes of which are in
 * pages.  Return: false when there is nothing, they are too many pages, or who
 * wrote them wants them apart or watched.
 */
static bool teach_write_join(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *next;
	bool stolen;
	int moved;

	if (skb_queue_is_last(&sk->sk_write_queue, skb))
		return false;
	next = skb_queue_next(&sk->sk_write_queue, skb);
	if (teach_cb(skb)->eor || teach_stamp_wanted(skb) ||
	    teach_stamp_wanted(next) ||
	    !skb_try_coalesce(skb, next, &stolen, &moved))
		return false;
	/* The pages are charged already, and change hands only. */
	next->truesize -= moved;
	teach_cb(skb)->end_seq = teach_cb(next)->end_seq;
	teach_cb(skb)->flags |= teach_cb(next)->flags;
	teach_cb(skb)->eor = teach_cb(next)->eor;
	__skb_unlink(next, &sk->sk_write_queue);
	teach_free_segment(sk, next);
	return true;
}

/* Cut the first of the write queue behind @len bytes. */
static int teach_write_split(struct sock *sk, struct sk_buff *skb, u32 len)
{
	struct sk_buff *rest = teach_split(sk, skb, len);

	if (!rest)
		return -ENOMEM;
	__skb_queue_after(&sk->sk_write_queue, skb, rest);
	return 0;
}

/**
 * teach_rtx_split - cut a segment of the retransmit queue in two
 * @sk: the socket, locked
 * @skb: the segment
 * @len: bytes that stay in it
 *
 * Return: 0, or -ENOMEM.  A peer cannot make us cut without bound: what the
 * pieces take is limited.
 */
int teach_rtx_split(struct sock *sk, struct sk_buff *skb, u32 len)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	struct sk_buff *rest;
	int segs = cb->segs;

	if (skb != skb_rb_first(&ts->rtx_queue) &&
	    sk->sk_wmem_queued / 2 >
	    READ_ONCE(sk->sk_sndbuf) + 2 * GSO_LEGACY_MAX_SIZE)
		return -ENOMEM;
	rest = teach_split(sk, skb, len);
	if (!rest)
		return -ENOMEM;
	teach_rtx_insert(ts, rest);
	if (list_empty(&cb->sent_node))
		INIT_LIST_HEAD(&teach_cb(rest)->sent_node);
	else
		list_add(&teach_cb(rest)->sent_node, &cb->sent_node);

	/* Both parts together may be one segment more than before. */
	teach_set_segs(skb, cb->mss);
	teach_set_segs(rest, cb->mss);
	segs = cb->segs + teach_cb(rest)->segs - segs;
	ts->packets_out += segs;
	if (cb->sacked)
		ts->sacked_out += segs;
	if (cb->lost)
		ts->lost_out += segs;
	if (cb->retrans)
		ts->retrans_out += segs;
	return 0;
}

/* Throw away the first @len bytes of @skb. */
static void teach_eat_pages(struct sk_buff *skb, u32 len)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	int i, kept = 0;

	skb->len -= len;
	skb->data_len -= len;
	skb->truesize -= len;
	for (i = 0; i < info->nr_frags; i++) {
		skb_frag_t *frag = &info->frags[i];
		u32 eat = min_t(u32, len, skb_frag_size(frag));

		len -= eat;
		if (eat == skb_frag_size(frag)) {
			skb_frag_unref(skb, i);
			continue;
		}
		info->frags[kept] = *frag;
		skb_frag_off_add(&info->frags[kept], eat);
		skb_frag_size_sub(&info->frags[kept], eat);
		kept++;
	}
	info->nr_frags = kept;
}

/**
 * teach_rtx_trim - the first segments of an skb are acknowledged
 * @sk: the socket, locked
 * @skb: the first of the retransmit queue
 * @una: what is acknowledged; in the middle of it
 *
 * Return: how many segments.
 */
u32 teach_rtx_trim(struct sock *sk, struct sk_buff *skb, u32 una)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	u32 len = una - cb->seq;
	u32 segs = cb->segs;

	/* Without memory it is only kept a little longer. */
	if (!skb->len || teach_unclone(sk, skb))
		return 0;
	teach_eat_pages(skb, len);
	sk_wmem_queued_add(sk, -len);
	sk_mem_uncharge(sk, len);
	cb->seq = una;
	teach_recount(ts, skb, cb->mss);
	return segs - cb->segs;
}

/**
 * teach_last_segment - of all that are out; cut off, if it is one of many
 * @sk: the socket, locked
 */
struct sk_buff *teach_last_segment(struct sock *sk)
{
	struct sk_buff *skb = skb_rb_last(&teach_sk(sk)->rtx_queue);
	struct teach_cb *cb;

	if (!skb)
		return NULL;
	cb = teach_cb(skb);
	if (cb->segs == 1)
		return skb;
	if (teach_rtx_split(sk, skb, (cb->segs - 1) * cb->mss))
		return NULL;
	return skb_rb_next(skb);
}

/*
 * ---- How large ----
 */

/*
 * RFC 6691: and less, when we have SACK blocks to tell, too.  TEACH_MSS_MIN
 * leaves some bytes even so.
 */
static u32 teach_current_mss(const struct teach_sock *ts)
{
	struct teach_options opt = { .has_timestamps = ts->terms.timestamps };
	u32 more;

	if (!ts->rcv_sacks && !ts->has_dsack)
		return ts->mss_cache;
	opt.sacks = min(ts->rcv_sacks + ts->has_dsack,
			TEACH_SACKS_MAX - opt.has_timestamps);
	more = teach_options_len(&opt) -
	       (opt.has_timestamps ? TEACH_ALIGNED_TIMESTAMPS_LEN : 0);
	return ts->mss_cache - more;
}

/**
 * teach_size_goal - how many bytes to gather in one skb
 * @sk: the socket, locked
 *
 * One segment, or as many as go down the stack in one pass; no more than
 * half of the peer's window, or there would be nothing to send while it
 * answers.
 */
u32 teach_size_goal(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	u32 goal;

	if (!sk_can_gso(sk))
		return ts->mss_cache;
	/* sk_setup_caps() has left room for the headers. */
	goal = min_t(u32, sk->sk_gso_max_size,
		     teach_bound_to_window(ts, U16_MAX));
	goal = min_t(u32, goal, sk->sk_gso_max_segs * ts->mss_cache);
	return max_t(u32, rounddown(goal, ts->mss_cache), ts->mss_cache);
}

/*
 * ---- One segment ----
 */

static void teach_segment_options(struct sock *sk, u8 flags,
				  struct teach_options *opt)
{
	struct teach_sock *ts = teach_sk(sk);

	if (flags & TEACH_SYN) {
		teach_terms_options(&ts->terms, ts->advmss, opt);
		return;
	}
	memset(opt, 0, offsetof(struct teach_options, sack));
	teach_ts_options(&ts->terms, opt);
	if (ts->rcv_sacks || ts->has_dsack)
		teach_sack_options(ts, opt);
}

/* Put the TCP header before the bytes of @skb, and hand it to IP. */
static int teach_xmit(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags,
		      enum teach_why why)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_options opt;
	unsigned int optlen;
	struct tcphdr *th;
	u32 len = skb->len;
	u16 window;
	u32 segs;
	u8 ecn;

	ecn = teach_ecn_send(ts, &flags, len && !teach_why_again(why));
	/* Only the first of a large one says CWR: not all cards know. */
	if (flags & TEACH_CWR_FLAG && skb_is_gso(skb))
		skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_ECN;
	teach_segment_options(sk, flags, &opt);
	optlen = teach_options_len(&opt);

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
	if (unlikely(ts->urgent_out)) {
		th->urg_ptr = htons(teach_urgent_pointer(ts, seq));
		th->urg = !!th->urg_ptr;
	}
	teach_options_write((__be32 *)(th + 1), &opt);

	if (flags & TEACH_ACK)
		teach_ack_sent(sk, len);
	segs = teach_segs_of(skb);
	ts->stats.segs_out += segs;
	if (len) {
		ts->stats.data_segs_out += segs;
		ts->stats.bytes_sent += len;
	}

	teach_pacing_sent(sk, skb, len);
	skb_set_owner_w(skb, sk);
	trace_teach_segment_out(sock_net(sk), &ts->entry.tuple, th, len,
				sk->sk_state, why);
	TEACH_ADD(teach_sk_net(sk), OUT_SEGS, segs);
	if (flags & TEACH_RST)
		TEACH_INC(teach_sk_net(sk), OUT_RSTS);
	return teach_ip_xmit(sk, skb, ecn);
}

/* A segment that is kept: send a clone of it. */
static int teach_xmit_clone(struct sock *sk, struct sk_buff *skb,
			    enum teach_why why)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	struct sk_buff *clone;
	int err;

	/* The newest of all: rack.c. */
	list_del(&cb->sent_node);
	list_add_tail(&cb->sent_node, &ts->sent);
	cb->sent_us = teach_pacing_us(sk);
	ts->last_sent = (u32)jiffies;
	teach_rate_sent(ts, cb);

	/* An earlier clone still travels: it needs headers of its own. */
	if (unlikely(skb_cloned(skb)))
		clone = pskb_copy(skb, GFP_ATOMIC | __GFP_NOWARN);
	else
		clone = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	if (unlikely(!clone))
		return -ENOMEM;

	skb_shinfo(clone)->gso_size = cb->segs > 1 ? cb->mss : 0;
	skb_shinfo(clone)->gso_segs = cb->segs;
	skb_shinfo(clone)->gso_type = cb->segs > 1 ? sk->sk_gso_type : 0;

	err = teach_xmit(sk, clone, cb->seq, cb->flags, why);
	if (unlikely(err))
		TEACH_INC(teach_sk_net(sk), LOCAL_DROPS);
	return err;
}

/* Send the first segment of the write queue for the first time. */
static int teach_xmit_new(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	int err;

	if (!ts->packets_out) {
		teach_rate_start(ts);
		teach_cong_event(sk, TEACH_CONG_TX_START);
	}
	__skb_unlink(skb, &sk->sk_write_queue);
	INIT_LIST_HEAD(&cb->sent_node);
	teach_rtx_insert(ts, skb);
	ts->packets_out += cb->segs;
	ts->prr_out += cb->segs;
	ts->snd_nxt = cb->end_seq;
	if (skb->len % cb->mss)
		ts->snd_sml = cb->end_seq;

	/* RFC 6298 5.1.  What IP could not take is sent again as if lost. */
	teach_timer_clear(sk, TEACH_TIMER_PROBE);
	ts->probe_stamp = 0;
	if (!teach_timer_armed(sk, TEACH_TIMER_RTX))
		teach_timer_set(sk, TEACH_TIMER_RTX, teach_rto(ts));
	err = teach_xmit_clone(sk, skb, TEACH_WHY_NEW);
	teach_tlp_schedule(sk);
	return err;
}

/* A segment that carries no bytes and is not kept. */
static void teach_xmit_control(struct sock *sk, u32 seq, u8 flags,
			       enum teach_why why)
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
	teach_xmit(sk, skb, seq, flags, why);
}

void teach_send_ack(struct sock *sk, enum teach_why why)
{
	if (sk->sk_state != TCP_CLOSE)
		teach_xmit_control(sk, teach_sk(sk)->snd_nxt, TEACH_ACK, why);
}

/* RFC 9293 3.10.5: ABORT. */
void teach_send_rst(struct sock *sk)
{
	teach_xmit_control(sk, teach_sk(sk)->snd_nxt, TEACH_RST | TEACH_ACK,
			   TEACH_WHY_RESET);
}

/*
 * ---- What may be sent ----
 */

/*
 * RFC 9293 3.7.4 with Minshall's change: only one small one unacknowledged.
 * A cork holds it even alone; the probe timer, which runs when nothing else
 * does, lets it go after 200 ms.
 */
static bool teach_held_back(const struct sock *sk, const struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);
	const struct teach_sock *ts = teach_sk(sk);

	if (!(skb->len % cb->mss) || cb->flags & TEACH_FIN || cb->at_once ||
	    ts->urgent_out || !skb_queue_is_last(&sk->sk_write_queue, skb))
		return false;
	if (ts->cork || cb->more)
		return true;
	return !ts->nodelay && ts->packets_out &&
	       after(ts->snd_sml, ts->snd_una) &&
	       !after(ts->snd_sml, ts->snd_nxt);
}

u32 teach_window_end(const struct teach_sock *ts)
{
	return ts->snd_una + ts->snd_wnd;
}

/*
 * How many bytes of @skb may go now, with room for @segs segments in the
 * network.  All of it, or whole segments; what is held back stays.
 */
static u32 teach_sendable(const struct sock *sk, const struct sk_buff *skb,
			  u32 segs)
{
	const struct teach_sock *ts = teach_sk(sk);
	const struct teach_cb *cb = teach_cb(skb);
	s32 room = teach_window_end(ts) - cb->seq;
	u32 len = min_t(u64, skb->len, (u64)segs * cb->mss);

	if (room < 0)
		return 0;
	/* Not all; and a FIN takes one number more than it has bytes. */
	if (after(cb->end_seq, teach_window_end(ts)) && skb->len)
		len = min3(len, (u32)room, skb->len - 1);
	/* The pointer of each segment is another: a card would repeat one. */
	if (sk_can_gso(sk) && !ts->urgent_out)
		len = min_t(u32, len, teach_size_goal(sk));
	else
		len = min_t(u32, len, cb->mss);
	if (len == skb->len && !teach_held_back(sk, skb))
		return len;
	return rounddown(len, cb->mss);
}

/*
 * Send from the head of the write queue what may go.  Return: false when
 * nothing may, or it could not be sent.
 */
static bool teach_push_head(struct sock *sk, struct sk_buff *skb, u32 segs)
{
	struct teach_cb *cb = teach_cb(skb);
	u32 len;

	teach_set_segs(skb, teach_current_mss(teach_sk(sk)));
	len = teach_sendable(sk, skb, segs);
	if (!len && (skb->len || after(cb->end_seq,
				       teach_window_end(teach_sk(sk)))))
		return false;
	if (len < skb->len) {
		if (teach_write_split(sk, skb, len))
			return false;
		teach_set_segs(skb, cb->mss);
	}
	/* A queue below is full: the rest would only be dropped. */
	return !teach_xmit_new(sk, skb);
}

/* Why nothing more goes now, for TCP_INFO.  @skb: what waits, or NULL. */
static enum teach_limit teach_limit_now(const struct sock *sk,
					const struct sk_buff *skb, bool limited)
{
	const struct teach_sock *ts = teach_sk(sk);

	if (skb && !limited && after(teach_cb(skb)->end_seq,
				     teach_window_end(ts)))
		return TEACH_LIMIT_RWND;
	if (!skb && teach_flight(ts) < ts->cwnd && sk->sk_socket &&
	    test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		return TEACH_LIMIT_SNDBUF;
	return skb || ts->packets_out ? TEACH_LIMIT_BUSY : TEACH_LIMIT_NONE;
}

static bool teach_may_push(const struct sock *sk)
{
	return !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN |
					TCPF_SYN_SENT | TCPF_SYN_RECV));
}

/**
 * teach_push - send what cwnd, the peer's window and Nagle allow
 * @sk: the socket, locked
 *
 * What has left makes room below TCP_NOTSENT_LOWAT, as an ACK does in the
 * send buffer: who waits for either is told here.
 */
void teach_push(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 snd_nxt = ts->snd_nxt;
	struct sk_buff *skb;
	bool wait = false;
	bool limited;
	u32 segs = 0;

	if (!teach_may_push(sk))
		return;

	skb = skb_peek(&sk->sk_write_queue);
	if (skb) {
		teach_check_mss(sk);
		teach_cwnd_restart(sk);
		wait = teach_mtu_probe(sk);
		segs = teach_pacing_segs(sk);
	}
	while (!wait && (skb = skb_peek(&sk->sk_write_queue))) {
		if (teach_flight(ts) >= ts->cwnd ||
		    teach_tsq_full(sk, skb, segs) || teach_pacing_wait(sk))
			break;
		if (!teach_push_head(sk, skb,
				     min(ts->cwnd - teach_flight(ts), segs)))
			break;
	}
	limited = teach_flight(ts) >= ts->cwnd;
	if (limited || ts->snd_nxt != snd_nxt)
		teach_cwnd_validate(sk, limited);

	/* Nothing will come back to wake us: RFC 9293 3.8.6.1. */
	if (skb && !ts->packets_out &&
	    !hrtimer_is_queued(&ts->pacing_timer) &&
	    !teach_timer_armed(sk, TEACH_TIMER_PROBE))
		teach_timer_set(sk, TEACH_TIMER_PROBE, teach_rto(ts));

	teach_check_space(sk);
	teach_limit_set(ts, teach_limit_now(sk, skb, limited));
}

/**
 * teach_push_at_once - send even what Nagle or a cork holds back
 * @sk: the socket, locked
 */
void teach_push_at_once(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb)
		teach_cb(skb)->at_once = 1;
	teach_push(sk);
}

/**
 * teach_push_one - send one new segment, whatever cwnd says
 * @sk: the socket, locked
 *
 * Return: false when there is none, or the peer's window is shut.
 */
bool teach_push_one(struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);

	return skb && teach_may_push(sk) && teach_push_head(sk, skb, 1);
}

/**
 * teach_push_large - send one new segment that is larger than the others
 * @sk: the socket, locked
 * @len: its bytes; cwnd and the peer's window allow them, and more wait
 *
 * Return: false when it could not be sent.  Its bytes wait still, and will be
 * cut as usual; or they are taken for lost, as with every segment.
 */
bool teach_push_large(struct sock *sk, u32 len)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);

	while (skb->len < len)
		if (!teach_write_join(sk, skb))
			return false;
	if (skb->len > len && teach_write_split(sk, skb, len))
		return false;
	teach_set_segs(skb, len);
	return !teach_xmit_new(sk, skb);
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
	s32 room = teach_window_end(ts) - teach_cb(skb)->seq;

	TEACH_INC(teach_sk_net(sk), WINDOW_PROBES);
	if (room <= 0) {
		/* What is urgent is told with one that is acceptable. */
		if (ts->urgent_out)
			teach_xmit_control(sk, ts->snd_una, TEACH_ACK,
					   TEACH_WHY_PROBE);
		teach_xmit_control(sk, ts->snd_una - 1, TEACH_ACK,
				   TEACH_WHY_PROBE);
		return;
	}
	room = min_t(u32, room, teach_current_mss(ts));
	if (skb->len > room && teach_write_split(sk, skb, room))
		return;
	teach_set_segs(skb, ts->mss_cache);
	teach_xmit_new(sk, skb);
}

/**
 * teach_send_keepalive - RFC 9293 3.8.4: is somebody there?
 * @sk: the socket, locked; nothing is in flight
 */
void teach_send_keepalive(struct sock *sk)
{
	TEACH_INC(teach_sk_net(sk), KEEPALIVES);
	teach_xmit_control(sk, teach_sk(sk)->snd_una - 1, TEACH_ACK,
			   TEACH_WHY_KEEPALIVE);
}

/**
 * teach_retransmit - send a segment of the retransmit queue again
 * @sk: the socket, locked
 * @skb: the segment
 * @segs: if it is several, at most so many; the rest is cut off
 * @why: what took it for lost
 *
 * Return: 0, or why not.
 */
int teach_retransmit(struct sock *sk, struct sk_buff *skb, u32 segs,
		     enum teach_why why)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	u32 mss, max;

	if (teach_tsq_holds(sk, skb)) {
		TEACH_INC(teach_sk_net(sk), SPURIOUS_RTX_HOST_QUEUES);
		return -EBUSY;
	}
	teach_check_mss(sk);
	mss = teach_current_mss(ts);
	/* The peer took its window back: only its left edge is asked for. */
	if (after(cb->end_seq, teach_window_end(ts))) {
		if (cb->seq != ts->snd_una)
			return -EAGAIN;
		segs = 1;
	}
	if (skb->len > mss && cb->mss != mss)
		teach_recount(ts, skb, mss);
	max = mss;
	if (sk_can_gso(sk) && !ts->urgent_out)
		max = min_t(u64, (u64)segs * mss, teach_size_goal(sk));
	if (skb->len > max && teach_rtx_split(sk, skb, rounddown(max, mss)))
		return -ENOMEM;

	/* RFC 4821 7.6.4: the ACK may be for what is sent now. */
	ts->mtu_search.probe = 0;
	if (!cb->retrans) {
		cb->retrans = 1;
		ts->retrans_out += cb->segs;
	}
	cb->ever_retrans = 1;
	if (!ts->retrans_stamp)
		ts->retrans_stamp = teach_ts_now(&ts->terms) ? : 1;
	ts->undo_retrans = max(ts->undo_retrans, 0) + cb->segs;
	ts->prr_out += cb->segs;
	ts->total_retrans += cb->segs;
	ts->stats.bytes_retrans += skb->len;
	TEACH_ADD(teach_sk_net(sk), RETRANS_SEGS, cb->segs);
	if (cb->flags & TEACH_SYN) {
		TEACH_INC(teach_sk_net(sk), SYN_RETRANS);
		/* RFC 3168 6.1.1.1: perhaps somebody drops what asks. */
		cb->flags &= ~(TEACH_ECE | TEACH_CWR_FLAG);
	}
	return teach_xmit_clone(sk, skb, why);
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
	if (ts->terms.ecn)
		teach_cb(skb)->flags |= TEACH_ECE | TEACH_CWR_FLAG;
	teach_cb(skb)->end_seq++;
	teach_set_segs(skb, ts->mss_cache);
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
	struct sk_buff *skb = skb_rb_first(&teach_sk(sk)->rtx_queue);

	if (!skb)
		return;
	teach_cb(skb)->flags = TEACH_SYN | TEACH_ACK;
	if (teach_sk(sk)->terms.ecn)
		teach_cb(skb)->flags |= TEACH_ECE;
	teach_xmit_clone(sk, skb, TEACH_WHY_SYNACK);
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
