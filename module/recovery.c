// SPDX-License-Identifier: GPL-2.0
/*
 * What to do about loss.
 *
 *	OPEN ---- something seems missing ----> DISORDER
 *	  ^ ^					   |
 *	  | |			     a segment is lost (rack.c)
 *	  | |					   v
 *	  | +---- everything up to high_seq ACKed - RECOVERY
 *	  +------ everything up to high_seq ACKed - LOSS <--- timeout, any state
 *	  +------ everything up to high_seq ACKed - CWR  <--- ECN, TLP
 *
 *	RECOVERY, CWR	Proportional Rate Reduction, RFC 6937: as the network
 *			gives segments back, send fewer, so that cwnd is
 *			ssthresh when a round trip is over
 *	LOSS		slow start from one segment, RFC 5681 3.1; unless the
 *			timeout was a mistake: F-RTO, RFC 5682.  Also without
 *			a timeout and with cwnd as it was, when segments were
 *			only too large for the path: mtu.c
 *
 * A recovery that was not needed is undone: cwnd and ssthresh are what they
 * were before.  D-SACK (RFC 3708) shows it, when all that was sent again has
 * come twice, and so do timestamps (Eifel, RFC 3522 and 4015), when the ACK
 * answers the first sending.
 *
 * Without SACK a duplicate ACK says that one segment behind the hole has
 * arrived, without saying which: NewReno, RFC 6582.
 */
#include "teach.h"
#include "trace.h"

/**
 * teach_mark_lost - take a segment for lost
 * @ts: the socket
 * @cb: the segment; a retransmission of it is lost, too
 */
void teach_mark_lost(struct teach_sock *ts, struct teach_cb *cb)
{
	if (cb->retrans) {
		cb->retrans = 0;
		ts->retrans_out -= cb->segs;
	}
	if (!cb->lost) {
		cb->lost = 1;
		ts->lost_out += cb->segs;
		ts->lost += cb->segs;
	}
	list_del_init(&cb->sent_node);
}

/*
 * ---- How much: PRR ----
 */

/* Less from now on, and what was before is remembered for undo. */
static void teach_begin_reduction(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->high_seq = ts->snd_nxt;
	ts->tlp_high_seq = 0;
	ts->prr_delivered = 0;
	ts->prr_out = 0;
	ts->cwnd_cnt = 0;
	ts->ssthresh = teach_cong_ssthresh(sk);
	teach_ecn_reduced(ts);
}

static void teach_end_reduction(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->cwnd = ts->ssthresh;
}

/* RFC 6937 3. */
static void teach_prr(struct teach_sock *ts, const struct teach_ack *ack,
		      bool newly_lost)
{
	u32 flight = teach_flight(ts);
	u32 quota;

	if (!ack->delivered || !ts->prior_cwnd)
		return;
	ts->prr_delivered += ack->delivered;
	if (flight > ts->ssthresh) {
		quota = DIV_ROUND_UP_ULL((u64)ts->ssthresh * ts->prr_delivered,
					 ts->prior_cwnd);
		quota -= min(quota, ts->prr_out);
	} else {
		/* Slow start, but only when it does not lose more (SSRB). */
		quota = ts->prr_delivered - min(ts->prr_delivered, ts->prr_out);
		quota = max(quota, ack->delivered);
		if (ack->acked && !newly_lost)
			quota++;
		quota = min(quota, ts->ssthresh - flight);
	}
	/* The first retransmission is never held back. */
	if (!ts->prr_out)
		quota = max(quota, 1U);
	ts->cwnd = flight + quota;
}

/**
 * teach_enter_cwr - congestion without loss: ECN, or a TLP that mended it
 * @sk: the socket, locked
 */
void teach_enter_cwr(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (ts->recovery >= TEACH_CWR)
		return;
	ts->undo_marker = 0;
	teach_begin_reduction(sk);
	ts->recovery = TEACH_CWR;
	trace_teach_window(sk, TEACH_WINDOW_ENTER);
}

/*
 * ---- Undo ----
 */

static void teach_begin_undo(struct teach_sock *ts)
{
	ts->undo_marker = ts->snd_una;
	/* Those that are out already could answer, too. */
	ts->undo_retrans = ts->retrans_out ? : -1;
}

/* Eifel: the ACK answers a segment that was sent before we sent any again. */
static bool teach_answers_first(const struct teach_sock *ts,
				const struct teach_ack *ack)
{
	return ts->retrans_stamp && ack->tsecr &&
	       before(ack->tsecr, ts->retrans_stamp);
}

static bool teach_may_undo(const struct teach_sock *ts,
			   const struct teach_ack *ack)
{
	return ts->undo_marker &&
	       (!ts->undo_retrans || teach_answers_first(ts, ack));
}

static void teach_undo(struct sock *sk, bool unmark_lost)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;
	LIST_HEAD(back);

	if (unmark_lost) {
		skb_rbtree_walk(skb, &ts->rtx_queue) {
			struct teach_cb *cb = teach_cb(skb);

			if (cb->lost && !cb->retrans)
				list_add_tail(&cb->sent_node, &back);
			cb->lost = 0;
		}
		/* Sent before all those that never were taken for lost. */
		list_splice(&back, &ts->sent);
		ts->lost_out = 0;
	}
	teach_cong_undo(sk);
	ts->undo_marker = 0;
	/* All of that reordering was taken for loss. */
	ts->reord_seen++;
	trace_teach_window(sk, TEACH_WINDOW_UNDO);
}

/*
 * ---- Without SACK ----
 */

/* One more of those behind the hole has arrived, at most all of them. */
static void teach_count_duplicate(struct teach_sock *ts, struct teach_ack *ack)
{
	u32 most = ts->packets_out - min(ts->lost_out + 1, ts->packets_out);

	if (ts->sacked_out < most) {
		ts->sacked_out++;
		ack->delivered++;
	}
}

/* The ACK moved by @acked segments; the first of them filled the hole. */
static void teach_forget_duplicates(struct teach_sock *ts, u32 acked)
{
	ts->sacked_out -= min(ts->sacked_out, acked ? acked - 1 : 0);
	ts->sacked_out = min(ts->sacked_out, ts->packets_out);
}

/* RFC 6582: the third duplicate, or in recovery the next hole. */
static bool teach_newreno_detect(struct sock *sk, const struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb = skb_rb_first(&ts->rtx_queue);

	if (!skb)
		return false;
	if (ts->recovery < TEACH_RECOVERY) {
		/* 3.2 step 1: not for what an earlier one sent twice. */
		if (ts->sacked_out < TEACH_DUPTHRESH ||
		    !after(ts->snd_una, ts->high_seq))
			return false;
	} else if (!ack->acked) {
		return false;
	}
	if (teach_cb(skb)->lost)
		return false;
	/* Only the first: of the others nothing is known. */
	if (teach_cb(skb)->segs > 1 &&
	    teach_rtx_split(sk, skb, teach_cb(skb)->mss))
		return false;
	teach_mark_lost(ts, teach_cb(skb));
	return true;
}

/*
 * ---- The states ----
 */

static bool teach_detect_loss(struct sock *sk, const struct teach_ack *ack)
{
	if (teach_sk(sk)->terms.sack)
		return teach_rack_detect(sk);
	return teach_newreno_detect(sk, ack);
}

static void teach_set_open(struct teach_sock *ts)
{
	bool leave = ts->recovery >= TEACH_CWR;

	ts->recovery = ts->sacked_out ? TEACH_DISORDER : TEACH_OPEN;
	ts->retrans_stamp = 0;
	if (leave)
		trace_teach_window((struct sock *)ts, TEACH_WINDOW_LEAVE);
}

static void teach_enter_recovery(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	TEACH_INC(teach_sk_net(sk), FAST_RETRANS);
	/* In CWR cwnd was cut for another reason, which stays true. */
	if (ts->recovery < TEACH_CWR) {
		teach_begin_undo(ts);
		teach_begin_reduction(sk);
	}
	ts->high_seq = ts->snd_nxt;
	ts->recovery = TEACH_RECOVERY;
	trace_teach_window(sk, TEACH_WINDOW_ENTER);
}

/**
 * teach_enter_loss - nothing was acknowledged in time: RFC 5681 3.1
 * @sk: the socket, locked
 *
 * Everything that is out is taken for lost, and the network for empty.
 */
void teach_enter_loss(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb = skb_rb_first(&ts->rtx_queue);
	bool first = ts->recovery < TEACH_RECOVERY;
	u32 now_us = teach_clock_us();

	if (skb && teach_cb(skb)->sacked) {
		TEACH_INC(teach_sk_net(sk), SACK_RENEGING);
		teach_sack_renege(ts);
	}
	if (!ts->terms.sack)
		ts->sacked_out = 0;

	for (; skb; skb = skb_rb_next(skb)) {
		struct teach_cb *cb = teach_cb(skb);

		if (cb->sacked)
			continue;
		/* Sent just now: RACK will see. */
		if (ts->rack_valid && cb->seq != ts->snd_una &&
		    teach_rack_remaining(ts, cb, now_us) > 0)
			continue;
		teach_mark_lost(ts, cb);
	}

	/* RFC 5681 (4): the same loss does not halve ssthresh again. */
	if (ts->recovery <= TEACH_DISORDER ||
	    !after(ts->high_seq, ts->snd_una) ||
	    (ts->recovery == TEACH_LOSS && !ts->retransmits)) {
		teach_begin_undo(ts);
		ts->ssthresh = teach_cong_ssthresh(sk);
		teach_ecn_reduced(ts);
	}
	teach_cong_event(sk, TEACH_CONG_LOSS);
	ts->cwnd = teach_flight(ts) + 1;
	ts->cwnd_cnt = 0;
	ts->cwnd_limited = true;
	ts->tlp_high_seq = 0;
	ts->try_new = false;
	ts->recovery = TEACH_LOSS;
	ts->high_seq = ts->snd_nxt;
	/* RFC 5682 2.1 step 1. */
	ts->frto = READ_ONCE(teach_sk_net(sk)->sysctl.frto) &&
		   (first || ts->retransmits) && !ts->mtu_search.probe;
	trace_teach_window(sk, TEACH_WINDOW_ENTER);
}

/*
 * RFC 5682 3.1, with SACK 3.1's enhanced steps.
 * Return: true when new data should be tried before any retransmission.
 */
static bool teach_frto(struct sock *sk, const struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);

	if (after(ts->snd_nxt, ts->high_seq)) {
		/* Step 3a: a duplicate; the loss was real. */
		if (ack->duplicate || (ack->delivered && !ack->acked))
			ts->frto = false;
		return ts->frto;
	}
	if (!ack->acked || !before(ts->snd_una, ts->high_seq))
		return false;
	/* Step 2b: try what is new; its ACK will tell. */
	ts->high_seq = ts->snd_nxt;
	if (skb_queue_empty(&sk->sk_write_queue) ||
	    !after(ts->snd_una + ts->snd_wnd, ts->snd_nxt))
		ts->frto = false;
	return ts->frto;
}

static void teach_recover_loss(struct sock *sk, struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);

	/* Step 3b: what was sent once, before the timeout, has arrived. */
	if ((ack->acked && teach_may_undo(ts, ack)) ||
	    (ts->frto && ack->orig_delivered && ts->undo_marker)) {
		TEACH_INC(teach_sk_net(sk), LOSS_UNDO);
		if (ts->frto && ack->orig_delivered)
			TEACH_INC(teach_sk_net(sk), SPURIOUS_RTOS);
		teach_undo(sk, true);
		ts->retransmits = 0;
		teach_set_open(ts);
		return;
	}
	ts->try_new = ts->frto && teach_frto(sk, ack);
	if (!ts->terms.sack) {
		if (ack->acked)
			teach_forget_duplicates(ts, ack->acked);
		else if (ack->duplicate && after(ts->snd_nxt, ts->high_seq))
			teach_count_duplicate(ts, ack);
	}
	if (!before(ts->snd_una, ts->high_seq)) {
		ts->try_new = false;
		teach_set_open(ts);
		return;
	}
	if (!ts->try_new)
		teach_detect_loss(sk, ack);
}

/* Return: false when the recovery is over. */
static bool teach_recover_recovery(struct sock *sk, struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	bool full = !before(ts->snd_una, ts->high_seq);

	if (teach_may_undo(ts, ack) && (full || !ts->undo_retrans ||
					(ack->acked && !ts->retrans_out))) {
		TEACH_INC(teach_sk_net(sk), FULL_UNDO);
		teach_undo(sk, true);
		teach_set_open(ts);
		return false;
	}
	if (!full) {
		if (!ts->terms.sack && ack->acked)
			teach_forget_duplicates(ts, ack->acked);
		else if (!ts->terms.sack && ack->duplicate)
			teach_count_duplicate(ts, ack);
		return true;
	}
	if (!ts->terms.sack)
		ts->sacked_out = 0;
	teach_end_reduction(sk);
	teach_rack_recovered(ts);
	teach_set_open(ts);
	return false;
}

static void teach_recover_open(struct sock *sk, struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!ts->terms.sack) {
		if (ack->acked)
			ts->sacked_out = 0;
		else if (ack->duplicate)
			teach_count_duplicate(ts, ack);
	}
	/* What was sent again has arrived twice: it was not lost. */
	if (ts->undo_marker && !ts->undo_retrans) {
		TEACH_INC(teach_sk_net(sk), DSACK_UNDO);
		teach_undo(sk, false);
	}
	/* Until something sent after the reduction is ACKed. */
	if (ts->recovery == TEACH_CWR && after(ts->snd_una, ts->high_seq)) {
		teach_end_reduction(sk);
		teach_set_open(ts);
	}
	teach_detect_loss(sk, ack);
	if (ts->lost_out && !teach_mtu_probe_lost(sk))
		teach_enter_recovery(sk);
	else if (ts->recovery < TEACH_CWR)
		teach_set_open(ts);
}

/**
 * teach_recover - react to what an ACK said
 * @sk: the socket, locked
 * @ack: what it said
 */
void teach_recover(struct sock *sk, struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 lost = ts->lost;

	teach_rack_adapt(ts, ack);
	teach_tlp_ack(sk, ack);
	if (ack->ece)
		teach_enter_cwr(sk);

	/* Nothing is missing, and nothing was. */
	if (ts->recovery == TEACH_OPEN && !ack->duplicate && !ack->dsack &&
	    !ts->sacked_out && !ts->lost_out)
		goto grow;

	if (ts->recovery == TEACH_RECOVERY && teach_recover_recovery(sk, ack))
		teach_detect_loss(sk, ack);
	else if (ts->recovery == TEACH_LOSS)
		teach_recover_loss(sk, ack);
	else if (ts->recovery < TEACH_RECOVERY)
		teach_recover_open(sk, ack);

grow:
	if (ts->recovery == TEACH_RECOVERY || ts->recovery == TEACH_CWR)
		teach_prr(ts, ack, ts->lost != lost);
	else if (ack->acked)
		teach_cong_acked(sk, ack);
	/* Kept close behind, or it would be ahead after 2 GiB. */
	if (ts->recovery <= TEACH_DISORDER && after(ts->snd_una, ts->high_seq))
		ts->high_seq = ts->snd_una - 1;
}

/**
 * teach_recover_reo - the time that reordering may take is over
 * @sk: the socket, locked
 */
void teach_recover_reo(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!ts->packets_out || !teach_rack_detect(sk))
		return;
	if (ts->recovery < TEACH_RECOVERY && !teach_mtu_probe_lost(sk)) {
		teach_enter_recovery(sk);
		/* No ACK comes with it; one segment may go. */
		ts->cwnd = teach_flight(ts) + 1;
	}
	teach_retransmit_lost(sk);
}

/**
 * teach_retransmit_lost - send again what is marked lost, as cwnd allows
 * @sk: the socket, locked
 */
void teach_retransmit_lost(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb, *next;
	bool restart = !teach_timer_armed(sk, TEACH_TIMER_RTX);

	if (ts->retrans_out >= ts->lost_out || ts->try_new)
		return;

	for (skb = skb_rb_first(&ts->rtx_queue); skb; skb = next) {
		struct teach_cb *cb = teach_cb(skb);
		u32 flight = teach_flight(ts);

		if (flight >= ts->cwnd || teach_pacing_wait(sk))
			break;
		if (cb->lost && !cb->retrans) {
			if (teach_retransmit(sk, skb,
					     min(ts->cwnd - flight,
						 teach_pacing_segs(sk)),
					     TEACH_WHY_RECOVERY))
				break;
			/* RFC 6298 5.1; the earliest is what it waits for. */
			restart |= skb == skb_rb_first(&ts->rtx_queue);
		}
		if (ts->retrans_out >= ts->lost_out)
			break;
		next = skb_rb_next(skb);
	}
	if (restart)
		teach_timer_set(sk, TEACH_TIMER_RTX, teach_rto(ts));
}

/**
 * teach_mss_shrunk - the path takes only smaller segments: RFC 1191 6.4
 * @sk: the socket, locked
 *
 * Those that are too large are lost, but not by congestion: cwnd and ssthresh
 * stay.  The state is LOSS, in which cwnd may grow and nothing is reduced
 * until all that was out has arrived.
 */
void teach_mss_shrunk(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 lost = ts->lost;
	struct sk_buff *skb;

	skb_rbtree_walk(skb, &ts->rtx_queue) {
		struct teach_cb *cb = teach_cb(skb);

		if (!cb->sacked && min_t(u32, skb->len, cb->mss) >
				   ts->mss_cache)
			teach_mark_lost(ts, cb);
	}
	if (!ts->terms.sack)
		ts->sacked_out = min(ts->sacked_out,
				     ts->packets_out - ts->lost_out);
	if (ts->recovery != TEACH_LOSS && ts->lost != lost) {
		ts->recovery = TEACH_LOSS;
		ts->high_seq = ts->snd_nxt;
		ts->undo_marker = 0;
		ts->frto = false;
		ts->try_new = false;
		trace_teach_window(sk, TEACH_WINDOW_ENTER);
	}
	teach_retransmit_lost(sk);
}
