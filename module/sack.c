// SPDX-License-Identifier: GPL-2.0
/*
 * Selective acknowledgments: RFC 2018, D-SACK RFC 2883.
 *
 * What we tell: which blocks wait out of order here, the newest first, and
 * before them a block that has come twice.
 *
 * What we are told: which segments of the retransmit queue have arrived.
 * The queue is the scoreboard; a segment is cut where a block ends in it.
 *
 *	snd_una						      snd_nxt
 *	   |  lost? | sacked | lost? |   sacked   |   in flight   |
 *		    [ block 2]	     [  block 1   ]
 *						  ^ sack_high
 */
#include "teach.h"

/*
 * ---- What we tell ----
 */

static bool teach_sack_touch(struct teach_sack a, struct teach_sack b)
{
	return !before(a.end, b.start) && !before(b.end, a.start);
}

/* Take block @i out of the list. */
static void teach_sack_take(struct teach_sock *ts, u8 i)
{
	ts->rcv_sacks--;
	memmove(&ts->rcv_sack[i], &ts->rcv_sack[i + 1],
		(ts->rcv_sacks - i) * sizeof(ts->rcv_sack[0]));
}

/**
 * teach_sack_add - bytes wait out of order
 * @ts: the socket
 * @start: the first
 * @end: behind the last
 *
 * RFC 2018 4: the block that they are in is told first; the others in the
 * order in which they were told last.  The oldest is forgotten, not lost.
 */
void teach_sack_add(struct teach_sock *ts, u32 start, u32 end)
{
	struct teach_sack new = { .start = start, .end = end };
	u8 i = 0;

	while (i < ts->rcv_sacks) {
		struct teach_sack *old = &ts->rcv_sack[i];

		if (!teach_sack_touch(new, *old)) {
			i++;
			continue;
		}
		if (before(old->start, new.start))
			new.start = old->start;
		if (after(old->end, new.end))
			new.end = old->end;
		teach_sack_take(ts, i);
		/* What is larger now may touch those before. */
		i = 0;
	}
	if (ts->rcv_sacks == TEACH_SACKS_MAX)
		ts->rcv_sacks--;
	memmove(&ts->rcv_sack[1], &ts->rcv_sack[0],
		ts->rcv_sacks * sizeof(ts->rcv_sack[0]));
	ts->rcv_sack[0] = new;
	ts->rcv_sacks++;
}

/* rcv_nxt has moved: what is before it is acknowledged as such. */
void teach_sack_advance(struct teach_sock *ts)
{
	u8 i = 0;

	while (i < ts->rcv_sacks) {
		if (after(ts->rcv_sack[i].start, ts->rcv_nxt))
			i++;
		else
			teach_sack_take(ts, i);
	}
}

/* RFC 2883: bytes have come that were here already. */
void teach_dsack_set(struct sock *sk, u32 start, u32 end)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!ts->terms.sack || !READ_ONCE(teach_sk_net(sk)->sysctl.dsack))
		return;
	TEACH_INC(teach_sk_net(sk), DSACK_OLD_SENT);
	ts->dsack = (struct teach_sack) { .start = start, .end = end };
	ts->has_dsack = true;
}

/**
 * teach_sack_options - the blocks for a segment that leaves now
 * @ts: the socket
 * @opt: its options so far; the blocks are added, as many as fit
 */
void teach_sack_options(struct teach_sock *ts, struct teach_options *opt)
{
	u8 max = opt->has_timestamps ? TEACH_SACKS_MAX - 1 : TEACH_SACKS_MAX;
	u8 i;

	if (ts->has_dsack)
		opt->sack[opt->sacks++] = ts->dsack;
	for (i = 0; i < ts->rcv_sacks && opt->sacks < max; i++)
		opt->sack[opt->sacks++] = ts->rcv_sack[i];
	ts->has_dsack = false;
}

/*
 * ---- What we are told ----
 */

/* The segment that has byte @seq, or the first behind it. */
static struct sk_buff *teach_rtx_find(const struct teach_sock *ts, u32 seq)
{
	struct rb_node *p = ts->rtx_queue.rb_node;
	struct sk_buff *skb, *found = NULL;

	while (p) {
		skb = rb_to_skb(p);
		if (after(teach_cb(skb)->end_seq, seq)) {
			found = skb;
			p = p->rb_left;
		} else {
			p = p->rb_right;
		}
	}
	return found;
}

/* One segment has arrived out of order. */
static void teach_sack_segment(struct sock *sk, struct sk_buff *skb,
			       struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);

	teach_delivered(sk, cb, ack);
	if (!cb->ever_retrans && before(cb->seq, ack->prior_sack_high))
		teach_reordered(sk);

	if (cb->lost)
		ts->lost_out -= cb->segs;
	if (cb->retrans)
		ts->retrans_out -= cb->segs;
	cb->lost = 0;
	cb->retrans = 0;
	cb->sacked = 1;
	ts->sacked_out += cb->segs;
	list_del_init(&cb->sent_node);
	if (!ts->sack_high_valid || after(cb->end_seq, ts->sack_high))
		ts->sack_high = cb->end_seq;
	ts->sack_high_valid = true;
}

/*
 * @skb overlaps @block: cut it where the block begins and ends, at a whole
 * number of its segments.  Return: the part that is in the block, or NULL.
 */
static struct sk_buff *teach_sack_cut(struct sock *sk, struct sk_buff *skb,
				      const struct teach_sack *block)
{
	struct teach_cb *cb = teach_cb(skb);
	u32 len;

	if (before(cb->seq, block->start)) {
		len = roundup(block->start - cb->seq, cb->mss);
		if (len >= skb->len || teach_rtx_split(sk, skb, len))
			return NULL;
		skb = skb_rb_next(skb);
		cb = teach_cb(skb);
	}
	if (after(cb->end_seq, block->end)) {
		if (!after(block->end, cb->seq))
			return NULL;
		len = rounddown(block->end - cb->seq, cb->mss);
		if (!len || teach_rtx_split(sk, skb, len))
			return NULL;
	}
	return skb;
}

/* Mark what is in @block; what is outside of @news has been. */
static void teach_sack_block(struct sock *sk, const struct teach_sack *block,
			     const struct teach_sack *news,
			     struct teach_ack *ack)
{
	struct sk_buff *skb = teach_rtx_find(teach_sk(sk), news->start);
	struct sk_buff *part;

	while (skb && before(teach_cb(skb)->seq, news->end)) {
		if (!teach_cb(skb)->sacked) {
			part = teach_sack_cut(sk, skb, block);
			if (part) {
				skb = part;
				teach_sack_segment(sk, skb, ack);
			}
		}
		skb = skb_rb_next(skb);
	}
}

/* Leave of @block what the ACK before this one did not say already. */
static bool teach_sack_is_news(const struct teach_sock *ts,
			       struct teach_sack *block)
{
	u8 i;

	for (i = 0; i < ts->snd_sacks; i++) {
		const struct teach_sack *seen = &ts->snd_sack[i];

		if (!before(block->start, seen->start) &&
		    before(block->start, seen->end))
			block->start = seen->end;
		if (!after(block->end, seen->end) &&
		    after(block->end, seen->start))
			block->end = seen->start;
		if (!before(block->start, block->end))
			return false;
	}
	return true;
}

/* RFC 2883 4: the first block is acknowledged, or part of the second. */
static bool teach_is_dsack(const struct teach_options *opt, u32 una)
{
	const struct teach_sack *first = &opt->sack[0];

	if (before(first->start, una))
		return true;
	return opt->sacks > 1 && !after(first->end, opt->sack[1].end) &&
	       !before(first->start, opt->sack[1].start);
}

static void teach_rcv_dsack(struct sock *sk, const struct teach_sack *block,
			    struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);

	/* Of this connection, and not older than what we could have sent. */
	if (!before(block->start, block->end) ||
	    after(block->end, ts->snd_nxt) ||
	    before(block->start, ts->snd_una - ts->max_window))
		return;
	TEACH_INC(teach_sk_net(sk), DSACK_RECV);
	ack->dsack = true;
	ts->dsacks++;
	/* A retransmission of this episode was not needed. */
	if (ts->undo_marker && ts->undo_retrans > 0 &&
	    after(block->end, ts->undo_marker))
		ts->undo_retrans = max_t(int, 0, ts->undo_retrans -
					 max_t(int, 1, (block->end -
							block->start) /
						       ts->mss_cache));
}

/**
 * teach_rcv_sack - take in the SACK blocks of an ACK
 * @sk: the socket, locked
 * @una: what the ACK acknowledges as usual
 * @opt: the options
 * @ack: what the ACK says; added to
 */
void teach_rcv_sack(struct sock *sk, u32 una, const struct teach_options *opt,
		    struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	bool dsack = teach_is_dsack(opt, una);
	u8 i;

	if (dsack)
		teach_rcv_dsack(sk, &opt->sack[0], ack);
	if (!ts->packets_out)
		return;

	for (i = dsack; i < opt->sacks; i++) {
		const struct teach_sack *block = &opt->sack[i];
		struct teach_sack news = *block;

		if (!before(block->start, block->end) ||
		    before(block->start, ts->snd_una) ||
		    after(block->end, ts->snd_nxt)) {
			TEACH_INC(teach_sk_net(sk), SACK_DISCARD);
			continue;
		}
		if (teach_sack_is_news(ts, &news))
			teach_sack_block(sk, block, &news, ack);
	}
	ts->snd_sacks = 0;
	for (i = dsack; i < opt->sacks; i++)
		ts->snd_sack[ts->snd_sacks++] = opt->sack[i];
}

/**
 * teach_sack_renege - RFC 2018 8: forget what we were told
 * @ts: the socket
 *
 * The peer did not acknowledge what it had said to have.
 */
void teach_sack_renege(struct teach_sock *ts)
{
	struct sk_buff *skb;

	skb_rbtree_walk(skb, &ts->rtx_queue)
		teach_cb(skb)->sacked = 0;
	ts->sacked_out = 0;
	ts->snd_sacks = 0;
	ts->sack_high_valid = false;
}
