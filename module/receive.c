// SPDX-License-Identifier: GPL-2.0
/*
 * Received bytes put in order for the reader, and the window that is offered
 * for more of them.  When an ACK says so is delack.c's.
 *
 *	copied_seq	rcv_nxt				rcv_wup + rcv_wnd
 *	    |  receive	   |	   ofo_queue (with holes)	|
 *	    |	queue	   |	 [....]	   [......]		|
 *
 * Neighbouring segments in the receive queue may overlap: the reader goes by
 * sequence numbers and takes each byte once.
 */
#include <linux/tcp.h>

#include "teach.h"
#include "trace.h"

#define TEACH_COMPACT	1500	/* bytes of small segments in one buffer */

/*
 * ---- The window: RFC 9293 3.8.6 ----
 */

u32 teach_rcv_wnd_end(const struct teach_sock *ts)
{
	return ts->rcv_wup + ts->rcv_wnd;
}

/* What is left of the window that the peer knows of. */
static u32 teach_rcv_wnd_left(const struct teach_sock *ts)
{
	s32 left = teach_rcv_wnd_end(ts) - ts->rcv_nxt;

	return max(left, 0);
}

/**
 * teach_window - the window that a segment would offer now, in bytes
 * @sk: the socket, locked
 *
 * 3.8.6.2.2: the right edge never moves back, and it moves on by a full segment
 * or half the buffer, or not at all.
 */
u32 teach_window(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	u32 left = teach_rcv_wnd_left(ts);
	int space = min_t(s64, teach_rcv_space(sk), ts->window_clamp);
	u32 step = min3((u32)ts->rcv_mss, READ_ONCE(sk->sk_rcvbuf) / 4U,
			ts->window_clamp / 2);

	if (space <= 0 || space < left + step)
		return left;
	return space;
}

/**
 * teach_select_window - the window field of a segment that leaves now
 * @sk: the socket, locked; the peer will take what is returned as a promise
 */
u16 teach_select_window(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u8 scale = ts->terms.rcv_wscale;
	u32 field = DIV_ROUND_UP(teach_window(sk), 1 << scale);

	/* Rounded up: the right edge may not move back by the scaling. */
	field = min_t(u32, field, U16_MAX);
	ts->rcv_wnd = field << scale;
	ts->rcv_wup = ts->rcv_nxt;
	return field;
}

/* For a SYN, so never scaled.  Like Linux a whole number of segments. */
u16 teach_initial_window(const struct sock *sk, u16 mss)
{
	u32 space = min_t(u32, teach_rcv_space_max(sk), U16_MAX);

	space = min_not_zero(space, READ_ONCE(teach_sk(sk)->user_clamp));
	return space > mss ? rounddown(space, mss) : space;
}

/**
 * teach_readable - is there what a reader waits for?
 * @sk: the socket, not necessarily locked
 *
 * SO_RCVLOWAT bytes; fewer when no more can come, because they fill the
 * window or the memory.
 */
bool teach_readable(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	int avail = READ_ONCE(ts->rcv_nxt) - READ_ONCE(ts->copied_seq);

	avail -= teach_urgent_apart(sk, READ_ONCE(ts->copied_seq));
	if (avail <= 0)
		return false;
	return avail >= sock_rcvlowat(sk, 0, INT_MAX) ||
	       teach_rcv_wnd_left(ts) <= ts->rcv_mss ||
	       atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf);
}

/* How much there is to be read has changed. */
static void teach_trace_rcv(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);

	trace_teach_queue(sock_net(sk), &ts->entry.tuple, TEACH_QUEUE_RECEIVE,
			  ts->rcv_nxt - ts->copied_seq,
			  READ_ONCE(sk->sk_rcvbuf));
}

/**
 * teach_rcv_consumed - the reader has made room
 * @sk: the socket, locked
 *
 * Tell the peer when its window has doubled, or when an ACK is owed and
 * waits only for an answer that the reader does not seem to give.
 */
void teach_rcv_consumed(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 left = teach_rcv_wnd_left(ts);
	u32 window;

	teach_trace_rcv(sk);
	if (sk->sk_state == TCP_CLOSE || sk->sk_shutdown & RCV_SHUTDOWN)
		return;

	teach_rcvbuf_expand(sk);
	if (teach_ack_read(sk)) {
		teach_send_ack(sk, TEACH_WHY_ACK);
		return;
	}
	if (2 * left > ts->window_clamp)
		return;
	window = teach_window(sk);
	if (window && window >= 2 * left)
		teach_send_ack(sk, TEACH_WHY_WINDOW);
}

/*
 * ---- The queues ----
 */

/* Many small segments in large buffers become few: it is truesize we pay. */
static bool teach_coalesce(struct sock *sk, struct sk_buff *to,
			   struct sk_buff *from)
{
	bool stolen;
	int delta;

	if (teach_cb(to)->end_seq != teach_cb(from)->seq)
		return false;
	if (!skb_try_coalesce(to, from, &stolen, &delta))
		return false;

	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	if (unlikely(teach_stamped(from)))
		teach_stamp_joined(to, from);
	teach_cb(to)->end_seq = teach_cb(from)->end_seq;
	teach_cb(to)->flags |= teach_cb(from)->flags;
	kfree_skb_partial(from, stolen);
	return true;
}

/*
 * A few bytes in a large buffer, and already half the memory is used: copy
 * them into a buffer that has room for those of the next segments too.
 */
static struct sk_buff *teach_compact(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *tight;

	if (skb->truesize <= 4 * skb->len || skb->len > TEACH_COMPACT ||
	    atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) / 2)
		return skb;

	tight = alloc_skb(TEACH_COMPACT, GFP_ATOMIC | __GFP_NOWARN);
	if (!tight)
		return skb;
	if (skb_copy_bits(skb, 0, skb_put(tight, skb->len), skb->len)) {
		kfree_skb(tight);
		return skb;
	}
	*teach_cb(tight) = *teach_cb(skb);
	teach_stamp_joined(tight, skb);
	consume_skb(skb);
	return tight;
}

/* In order: behind all others.  Return: whether it brings the peer's FIN. */
static bool teach_queue_in_order(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);
	struct teach_sock *ts = teach_sk(sk);
	bool fin = teach_cb(skb)->flags & TEACH_FIN;

	ts->stats.bytes_received += teach_cb(skb)->end_seq - ts->rcv_nxt;
	WRITE_ONCE(ts->rcv_nxt, teach_cb(skb)->end_seq);
	if (ts->rcv_sacks)
		teach_sack_advance(ts);

	if (!skb->len) {
		consume_skb(skb);
		return fin;
	}
	if (tail && teach_coalesce(sk, tail, skb))
		return fin;
	if (!skb->sk)
		skb_set_owner_r(skb, sk);
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	return fin;
}

static void teach_ofo_free(struct sock *sk, struct sk_buff *skb,
			   enum teach_drop reason)
{
	rb_erase(&skb->rbnode, &teach_sk(sk)->ofo_queue);
	RB_CLEAR_NODE(&skb->rbnode);
	teach_drop(sock_net(sk), skb, reason);
}

/* Those whose turn it is now. */
static bool teach_ofo_drain(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;
	bool fin = false;

	while ((skb = skb_rb_first(&ts->ofo_queue))) {
		struct teach_cb *cb = teach_cb(skb);

		if (after(cb->seq, ts->rcv_nxt))
			break;
		/* The hole is filled or moved: the peer should know. */
		ts->ack_now = true;
		if (!after(cb->end_seq, ts->rcv_nxt)) {
			teach_ofo_free(sk, skb, TEACH_DROP_OLD_DATA);
			continue;
		}
		rb_erase(&skb->rbnode, &ts->ofo_queue);
		RB_CLEAR_NODE(&skb->rbnode);
		fin |= teach_queue_in_order(sk, skb);
	}
	return fin;
}

/* There must be room for the byte that all others wait for. */
static bool teach_ofo_prune(struct sock *sk)
{
	struct sk_buff *skb = skb_rb_last(&teach_sk(sk)->ofo_queue);

	if (!skb)
		return false;
	/* RFC 2018 8: what was told is not true any more. */
	teach_sk(sk)->rcv_sacks = 0;
	teach_ofo_free(sk, skb, TEACH_DROP_PRUNED);
	return true;
}

/* Out of order: to its place in the tree, without what is there already. */
static void teach_ofo_insert(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct rb_node **p = &ts->ofo_queue.rb_node;
	struct teach_cb *cb = teach_cb(skb);
	struct rb_node *parent = NULL;
	struct sk_buff *other;

	TEACH_INC(teach_sk_net(sk), OUT_OF_ORDER);
	if (!teach_rcv_charge(sk, skb, READ_ONCE(sk->sk_rcvbuf))) {
		teach_drop(sock_net(sk), skb, TEACH_DROP_RCV_BUF);
		return;
	}
	ts->stats.out_of_order += teach_segs_of(skb);

	if (ts->terms.sack)
		teach_sack_add(ts, cb->seq, cb->end_seq);
	while (*p) {
		parent = *p;
		other = rb_to_skb(parent);
		if (before(cb->seq, teach_cb(other)->seq)) {
			p = &parent->rb_left;
			continue;
		}
		if (!after(cb->end_seq, teach_cb(other)->end_seq)) {
			teach_dsack_set(sk, cb->seq, cb->end_seq);
			teach_drop(sock_net(sk), skb, TEACH_DROP_OLD_DATA);
			return;
		}
		if (teach_coalesce(sk, other, skb)) {
			skb = other;
			goto trim;
		}
		p = &parent->rb_right;
	}
	skb_set_owner_r(skb, sk);
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &ts->ofo_queue);
trim:
	/* What follows and is covered now. */
	while ((other = skb_rb_next(skb)) &&
	       !after(teach_cb(other)->end_seq, teach_cb(skb)->end_seq)) {
		teach_cb(skb)->flags |= teach_cb(other)->flags & TEACH_FIN;
		teach_ofo_free(sk, other, TEACH_DROP_OLD_DATA);
	}
}

/* RFC 9293 3.10.7.4, seventh: only what was asked for. */
static int teach_trim_to_window(struct sk_buff *skb, u32 end)
{
	struct teach_cb *cb = teach_cb(skb);

	if (!after(cb->end_seq, end))
		return 0;
	cb->end_seq = end;
	cb->flags &= ~TEACH_FIN;
	return pskb_trim(skb, end - cb->seq);
}

static void teach_trace_ofo(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;
	u32 bytes = 0;

	skb_rbtree_walk(skb, &ts->ofo_queue)
		bytes += teach_cb(skb)->end_seq - teach_cb(skb)->seq;
	trace_teach_queue(sock_net(sk), &ts->entry.tuple,
			  TEACH_QUEUE_OUT_OF_ORDER, bytes,
			  READ_ONCE(sk->sk_rcvbuf));
}

/**
 * teach_rcv_data - take in the bytes of a segment, and its FIN
 * @sk: the socket, locked
 * @skb: the segment, some of it in the window; consumed
 *
 * Return: true when the peer's FIN has its turn now.
 */
bool teach_rcv_data(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	struct net *net = sock_net(sk);
	bool fin;

	/* Seen already: our ACK was lost. */
	if (!after(cb->end_seq, ts->rcv_nxt)) {
		teach_dsack_set(sk, cb->seq, cb->end_seq);
		teach_ack_soon(sk);
		teach_quickack(sk);
		teach_drop(net, skb, TEACH_DROP_OLD_DATA);
		return false;
	}
	/* A probe: the window is shut, and the answer says so. */
	if (!before(cb->seq, teach_rcv_wnd_end(ts))) {
		teach_ack_soon(sk);
		teach_drop(net, skb, TEACH_DROP_ZERO_WINDOW);
		return false;
	}
	__skb_pull(skb, tcp_hdrlen(skb));
	if (teach_trim_to_window(skb, teach_rcv_wnd_end(ts))) {
		teach_drop(net, skb, TEACH_DROP_MEMORY);
		return false;
	}
	/* A large one was cut by the peer's card, or glued by ours. */
	ts->rcv_mss = clamp_t(u32, skb_shinfo(skb)->gso_size ? : skb->len,
			      ts->rcv_mss, ts->advmss);

	/* RFC 2883 4.1: the part that is here already came twice. */
	if (before(cb->seq, ts->rcv_nxt))
		teach_dsack_set(sk, cb->seq, ts->rcv_nxt);
	if (after(cb->seq, ts->rcv_nxt)) {
		/* RFC 5681 3.2: at once, it is a duplicate ACK. */
		teach_ack_soon(sk);
		teach_ofo_insert(sk, skb);
		if (trace_teach_queue_enabled())
			teach_trace_ofo(sk);
		return false;
	}

	/*
	 * The window was offered in bytes; what they take with their skbs can
	 * be more.  A promise is kept, to twice SO_RCVBUF; and one segment has
	 * its place in any case, so that the reader gets on.
	 */
	while (!teach_rcv_charge(sk, skb, 2 * READ_ONCE(sk->sk_rcvbuf)) &&
	       !skb_queue_empty(&sk->sk_receive_queue)) {
		if (teach_ofo_prune(sk))
			continue;
		teach_ack_soon(sk);
		teach_drop(net, skb, TEACH_DROP_RCV_BUF);
		return false;
	}

	teach_ack_data(sk, skb);
	fin = teach_queue_in_order(sk, teach_compact(sk, skb));
	if (!fin && !RB_EMPTY_ROOT(&ts->ofo_queue)) {
		fin = teach_ofo_drain(sk);
		if (trace_teach_queue_enabled())
			teach_trace_ofo(sk);
	}
	if (fin)
		teach_rcv_purge(sk);
	teach_trace_rcv(sk);
	if (!sock_flag(sk, SOCK_DEAD) && (fin || teach_readable(sk)))
		sk->sk_data_ready(sk);
	return fin;
}

/* What is behind the end, or behind a hole that will not be filled. */
void teach_rcv_purge(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&ts->ofo_queue))) {
		rb_erase(&skb->rbnode, &ts->ofo_queue);
		RB_CLEAR_NODE(&skb->rbnode);
		kfree_skb(skb);
	}
}
