// SPDX-License-Identifier: GPL-2.0
/*
 * What an ACK says: these bytes have arrived, those seem lost, and the
 * window is this.  RFC 9293 3.10.7.4 (fifth, ESTABLISHED), RFC 5681 and
 * RFC 6582 (NewReno).
 *
 *	OPEN ----- third duplicate ACK -----> FAST_RECOVERY
 *	  ^                                        |
 *	  +---- everything up to high_seq ACKed ---+
 *	  +---- everything up to high_seq ACKed ---+
 *	  |                                        |
 *	any ------------- timeout ---------------> LOSS
 *
 * The retransmit queue is the scoreboard.  Every segment in it is in flight,
 * or lost, or lost and sent again; a duplicate ACK says that one of those
 * behind the hole has arrived, without saying which.
 */
#include "teach.h"

static void teach_mark_lost(struct teach_sock *ts, struct sk_buff *skb)
{
	struct teach_cb *cb = teach_cb(skb);

	if (cb->lost)
		return;
	cb->lost = 1;
	ts->lost_out++;
}

/* One more of those behind the hole has arrived, at most all of them. */
static void teach_count_duplicate(struct teach_sock *ts)
{
	u32 most = ts->packets_out - min(ts->lost_out + 1, ts->packets_out);

	ts->sacked_out = min(ts->sacked_out + 1, most);
}

/* The ACK moved by @acked segments; the first of them filled the hole. */
static void teach_forget_duplicates(struct teach_sock *ts, u32 acked)
{
	ts->sacked_out -= min(ts->sacked_out, acked ? acked - 1 : 0);
}

/**
 * teach_retransmit_lost - send again what is marked lost, as cwnd allows
 * @sk: the socket, locked
 */
void teach_retransmit_lost(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;

	if (ts->retrans_out >= ts->lost_out)
		return;

	skb_queue_walk(&ts->rtx_queue, skb) {
		struct teach_cb *cb = teach_cb(skb);

		if (teach_flight(ts) >= ts->cwnd)
			break;
		if (!cb->lost || cb->retrans)
			continue;
		if (teach_retransmit(sk, skb))
			break;
		if (ts->retrans_out >= ts->lost_out)
			break;
	}
	if (!teach_timer_armed(sk, TEACH_TIMER_RTX))
		teach_timer_set(sk, TEACH_TIMER_RTX, teach_rto(ts));
}

/* The first segment that is missing: it goes now, whatever cwnd says. */
static void teach_retransmit_first(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb = skb_peek(&ts->rtx_queue);

	teach_mark_lost(ts, skb);
	if (!teach_cb(skb)->retrans)
		teach_retransmit(sk, skb);
}

/* RFC 6582 3.2, step 2: the first segment is lost, half the window left. */
static void teach_enter_recovery(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	TEACH_INC(teach_sk_net(sk), FAST_RETRANS);
	ts->recovery = TEACH_FAST_RECOVERY;
	ts->high_seq = ts->snd_nxt;
	ts->ssthresh = teach_cong_ssthresh(ts);
	ts->cwnd = ts->ssthresh;
	ts->cwnd_cnt = 0;
	teach_retransmit_first(sk);
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
	struct sk_buff *skb;

	/* RFC 5681 (4): the same loss does not halve ssthresh again. */
	if (ts->recovery != TEACH_LOSS) {
		ts->ssthresh = teach_cong_ssthresh(ts);
		ts->high_seq = ts->snd_nxt;
	}
	ts->recovery = TEACH_LOSS;
	ts->cwnd = 1;
	ts->cwnd_cnt = 0;
	ts->cwnd_limited = true;
	ts->sacked_out = 0;
	ts->retrans_out = 0;

	skb_queue_walk(&ts->rtx_queue, skb) {
		teach_cb(skb)->retrans = 0;
		teach_mark_lost(ts, skb);
	}
}

/**
 * teach_mss_shrunk - the path takes only smaller segments: RFC 1191 6.5
 * @sk: the socket, locked
 *
 * Those that are too large are lost, but not by congestion: cwnd stays.
 */
void teach_mss_shrunk(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;

	skb_queue_walk(&ts->rtx_queue, skb) {
		struct teach_cb *cb = teach_cb(skb);

		if (skb->len <= ts->mss_cache)
			continue;
		ts->retrans_out -= cb->retrans;
		cb->retrans = 0;
		teach_mark_lost(ts, skb);
	}
	teach_retransmit_lost(sk);
}

/* What happened to the retransmit queue. */
struct teach_acked {
	u32	segments;
	bool	sampled;
	u32	rtt_us;		/* of the newest segment that was sent once */
};

/* Free what is acknowledged. */
static void teach_clean_rtx(struct sock *sk, u32 ack, struct teach_acked *acked)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 now = teach_clock_us();
	struct sk_buff *skb;

	while ((skb = skb_peek(&ts->rtx_queue))) {
		struct teach_cb *cb = teach_cb(skb);

		if (after(cb->end_seq, ack))
			break;
		if (!cb->ever_retrans) {
			acked->sampled = true;
			acked->rtt_us = now - cb->sent_us;
		}
		acked->segments++;
		ts->packets_out--;
		ts->lost_out -= cb->lost;
		ts->retrans_out -= cb->retrans;
		__skb_unlink(skb, &ts->rtx_queue);
		teach_free_segment(sk, skb);
	}
}

/* RFC 6582 3.2 step 3: the answer to the retransmission. */
static void teach_ack_in_recovery(struct sock *sk, u32 ack, u32 acked)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!before(ack, ts->high_seq)) {
		/* Full.  ssthresh is the window for what comes now. */
		ts->recovery = TEACH_OPEN;
		ts->sacked_out = 0;
		ts->cwnd = ts->ssthresh;
		return;
	}
	/* Partial: the next hole begins where the ACK ends. */
	teach_forget_duplicates(ts, acked);
	if (!skb_queue_empty(&ts->rtx_queue))
		teach_retransmit_first(sk);
}

/* New bytes are acknowledged. */
static void teach_ack_new(struct sock *sk, u32 ack)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_acked acked = {};

	teach_clean_rtx(sk, ack, &acked);
	WRITE_ONCE(ts->snd_una, ack);

	ts->retransmits = 0;
	ts->probes_out = 0;
	/* RFC 6298 5.7 and Karn: backoff ends with a fresh measurement. */
	if (acked.sampled) {
		teach_rtt_sample(ts, acked.rtt_us);
		ts->backoff = 0;
	}
	WRITE_ONCE(sk->sk_err_soft, 0);
	sk_dst_confirm(sk);

	switch (ts->recovery) {
	case TEACH_OPEN:
		ts->sacked_out = 0;
		teach_cong_acked(ts, acked.segments);
		/* Kept close behind, or it would be ahead after 2 GiB. */
		if (after(ack, ts->high_seq))
			ts->high_seq = ack - 1;
		break;
	case TEACH_FAST_RECOVERY:
		teach_ack_in_recovery(sk, ack, acked.segments);
		break;
	case TEACH_LOSS:
		ts->sacked_out = 0;
		teach_cong_acked(ts, acked.segments);
		if (!before(ack, ts->high_seq))
			ts->recovery = TEACH_OPEN;
		break;
	}
	teach_sndbuf_expand(sk);
	teach_write_space(sk);

	/* RFC 6298 5.2 and 5.3. */
	if (ts->packets_out)
		teach_timer_set(sk, TEACH_TIMER_RTX, teach_rto(ts));
	else
		teach_timer_clear(sk, TEACH_TIMER_RTX);
}

/* RFC 5681 2: nothing new, no data, the same window, and bytes are out. */
static bool teach_is_duplicate(const struct teach_sock *ts,
			       const struct sk_buff *skb, bool window_changed)
{
	const struct teach_cb *cb = teach_cb(skb);

	return cb->ack == ts->snd_una && cb->seq == cb->end_seq &&
	       !window_changed && ts->packets_out;
}

/* RFC 5681 3.2: one more segment has left the network. */
static void teach_ack_duplicate(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (ts->recovery == TEACH_LOSS)
		return;
	teach_count_duplicate(ts);
	/* RFC 6582 3.2 step 1: not for what an earlier recovery sent twice. */
	if (ts->recovery == TEACH_OPEN && ts->sacked_out >= TEACH_DUPTHRESH &&
	    after(ts->snd_una, ts->high_seq))
		teach_enter_recovery(sk);
}

/* RFC 9293 3.10.7.4: is this window newer than the one we know? */
static bool teach_update_window(struct sock *sk, const struct teach_cb *cb)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!after(cb->ack, ts->snd_una) && !after(cb->seq, ts->snd_wl1) &&
	    !(cb->seq == ts->snd_wl1 && cb->window > ts->snd_wnd))
		return false;

	ts->snd_wl1 = cb->seq;
	if (ts->snd_wnd == cb->window)
		return false;
	ts->snd_wnd = cb->window;
	if (ts->max_window < cb->window) {
		ts->max_window = cb->window;
		teach_sync_mss(sk, ts->pmtu);
	}
	return true;
}

/* The window is open again, or an answer shows that the peer is there. */
static void teach_ack_probe(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);

	ts->probes_out = 0;
	if (!skb || ts->packets_out)
		return;
	if (after(teach_cb(skb)->end_seq, ts->snd_una + ts->snd_wnd))
		return;
	ts->backoff = 0;
	teach_timer_clear(sk, TEACH_TIMER_PROBE);
}

/**
 * teach_rcv_ack - take in the acknowledgment and window of a segment
 * @sk: the socket, locked
 * @skb: the segment; its ACK is between what was acknowledged before and
 *	SND.NXT
 */
void teach_rcv_ack(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	bool window_changed;

	/* Older than what we know: nothing in it is news. */
	if (before(cb->ack, ts->snd_una))
		return;

	window_changed = teach_update_window(sk, cb);
	if (after(cb->ack, ts->snd_una))
		teach_ack_new(sk, cb->ack);
	else if (teach_is_duplicate(ts, skb, window_changed))
		teach_ack_duplicate(sk);

	if (teach_timer_armed(sk, TEACH_TIMER_PROBE))
		teach_ack_probe(sk);
	teach_retransmit_lost(sk);
}
