// SPDX-License-Identifier: GPL-2.0
/*
 * What an ACK says: these bytes have arrived, that long it took, and the
 * window is this.  RFC 9293 3.10.7.4 (fifth, ESTABLISHED).
 *
 * What follows from it is not here: which segments are lost is sack.c's and
 * rack.c's to find, what to do about it recovery.c's, how much may be sent
 * cong.c's.  They all get it as a struct teach_ack.
 */
#include "teach.h"
#include "trace.h"

/**
 * teach_delivered - a segment has arrived, acknowledged or SACKed
 * @sk: the socket, locked
 * @cb: the segment, not SACKed before
 * @ack: added to
 */
void teach_delivered(struct sock *sk, const struct teach_cb *cb,
		     struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);

	ack->delivered += cb->segs;
	teach_rate_delivered(ts, cb, ack);
	/* Karn: is it clear which sending this answers? */
	if (cb->ever_retrans) {
		ack->retransmitted = true;
	} else {
		ack->rtt_us = max(ack->now_us - cb->sent_us, 1U);
		if (!after(cb->end_seq, ts->high_seq))
			ack->orig_delivered = true;
	}
	teach_rack_delivered(ts, cb, ack->now_us);
	if (unlikely(ts->mtu_search.probe &&
		     cb->end_seq == ts->mtu_search.probe_end))
		teach_mtu_probe_arrived(sk);
}

/* All of @skb is acknowledged. */
static void teach_acked_segment(struct sock *sk, struct sk_buff *skb,
				struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);

	ack->acked += cb->segs;
	if (cb->sacked) {
		ts->sacked_out -= cb->segs;
	} else {
		teach_delivered(sk, cb, ack);
		/* It filled a hole that nobody had taken for a loss. */
		if (!cb->ever_retrans &&
		    before(cb->seq, ack->prior_sack_high))
			teach_reordered(sk);
	}
	ts->packets_out -= cb->segs;
	if (cb->lost)
		ts->lost_out -= cb->segs;
	if (cb->retrans)
		ts->retrans_out -= cb->segs;
	if (unlikely(cb->tx_ack))
		teach_stamp_acked(sk, skb, cb->end_seq);
	teach_rtx_unlink(ts, skb);
	teach_free_segment(sk, skb);
}

/* The first segments of @skb are acknowledged. */
static void teach_acked_part(struct sock *sk, struct sk_buff *skb, u32 una,
			     struct teach_ack *ack)
{
	struct teach_cb part = *teach_cb(skb);

	if (unlikely(part.tx_ack))
		teach_stamp_acked(sk, skb, una);
	part.segs = teach_rtx_trim(sk, skb, una);
	part.end_seq = una;
	ack->acked += part.segs;
	if (!part.sacked)
		teach_delivered(sk, &part, ack);
}

/* Free what is acknowledged. */
static void teach_clean_rtx(struct sock *sk, u32 una, struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&ts->rtx_queue))) {
		struct teach_cb *cb = teach_cb(skb);

		if (after(cb->end_seq, una)) {
			if (after(una, cb->seq))
				teach_acked_part(sk, skb, una, ack);
			break;
		}
		teach_acked_segment(sk, skb, ack);
	}
}

/* RFC 6298 and RFC 7323 4: how long a round trip took. */
static void teach_ack_rtt(struct sock *sk, struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 ticks;

	/* The others may have arrived long ago, while this one was missing. */
	if (ack->retransmitted)
		ack->rtt_us = 0;
	/* Only the timestamp tells which of several sendings it answers. */
	if (!ack->rtt_us && ack->acked && ack->tsecr) {
		ticks = teach_ts_now(&ts->terms) - ack->tsecr;
		if (ticks < INT_MAX / USEC_PER_MSEC)
			ack->rtt_us = max(ticks, 1U) * USEC_PER_MSEC;
	}
	if (!ack->rtt_us)
		return;
	teach_min_rtt_sample(ts, ack->rtt_us);
	teach_rtt_sample(ts, ack->rtt_us);
	/* RFC 6298 5.7: backoff ends with a fresh measurement. */
	ts->backoff = 0;
}

/* New bytes are acknowledged. */
static void teach_ack_new(struct sock *sk, u32 una, struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);

	teach_clean_rtx(sk, una, ack);
	/* Without SACK the duplicates have told of some of them before. */
	if (!ts->terms.sack)
		ack->delivered = max(ack->acked -
				     min(ack->acked, ts->sacked_out), 1U);
	ts->bytes_acked += una - ts->snd_una;
	WRITE_ONCE(ts->snd_una, una);
	trace_teach_queue(sock_net(sk), &ts->entry.tuple, TEACH_QUEUE_SEND,
			  ts->write_seq - una, READ_ONCE(sk->sk_sndbuf));
	teach_urgent_acked(ts);

	ts->retransmits = 0;
	if (ts->rto_stamp)
		ts->stats.rto_ms += teach_ms_since(ts->rto_stamp);
	ts->rto_stamp = 0;
	sk_dst_confirm(sk);
}

/* RFC 9293 3.10.7.4: is this window newer than the one we know? */
static bool teach_update_window(struct sock *sk, const struct teach_cb *cb)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 window = teach_peer_window(ts, cb);

	if (!after(cb->ack, ts->snd_una) && !after(cb->seq, ts->snd_wl1) &&
	    !(cb->seq == ts->snd_wl1 && window > ts->snd_wnd))
		return false;

	ts->snd_wl1 = cb->seq;
	if (ts->snd_wnd == window)
		return false;
	ts->snd_wnd = window;
	if (ts->max_window < window) {
		ts->max_window = window;
		teach_sync_mss(sk, ts->pmtu);
	}
	return true;
}

/* Is the window open again? */
static void teach_ack_probe(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);

	if (!skb || ts->packets_out)
		return;
	if (after(teach_cb(skb)->seq + min_t(u32, skb->len, ts->mss_cache),
		  ts->snd_una + ts->snd_wnd))
		return;
	ts->backoff = 0;
	ts->probe_stamp = 0;
	teach_timer_clear(sk, TEACH_TIMER_PROBE);
}

/* RFC 6298 5.2 and 5.3. */
static void teach_ack_timers(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (ts->packets_out)
		teach_timer_set(sk, TEACH_TIMER_RTX, teach_rto(ts));
	else
		teach_timer_clear(sk, TEACH_TIMER_RTX);
	teach_tlp_schedule(sk);
}

/**
 * teach_rcv_ack - take in the acknowledgment and window of a segment
 * @sk: the socket, locked
 * @skb: the segment; its ACK is between what was acknowledged before and
 *	SND.NXT
 * @opt: its options
 */
void teach_rcv_ack(struct sock *sk, struct sk_buff *skb,
		   const struct teach_options *opt)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	struct teach_ack ack = {
		.prior_una	= ts->snd_una,
		.prior_flight	= teach_flight(ts),
		.prior_sack_high = ts->sack_high_valid ? ts->sack_high :
							 ts->snd_una,
		.now_us		= teach_clock_us(),
		.tsecr		= ts->terms.timestamps && opt->has_timestamps ?
				  opt->tsecr : 0,
		.ece		= teach_ecn_echoed(ts, cb),
	};
	bool old = before(cb->ack, ts->snd_una);
	bool window_changed = !old && teach_update_window(sk, cb);

	/* Whatever else it says: the peer is there. */
	if (!old) {
		ts->last_ack_rcv = (u32)jiffies;
		ts->probes_out = 0;
		WRITE_ONCE(sk->sk_err_soft, 0);
	}
	if (opt->sacks && ts->terms.sack)
		teach_rcv_sack(sk, cb->ack, opt, &ack);
	if (after(cb->ack, ts->snd_una))
		teach_ack_new(sk, cb->ack, &ack);
	/* RFC 5681 2: nothing new, no data, the same window, bytes are out. */
	else if (!old && cb->seq == cb->end_seq && !window_changed)
		ack.duplicate = ts->packets_out;
	ts->delivered += ack.delivered;
	if (ack.ece)
		ts->stats.delivered_ce += ack.delivered;

	teach_ack_rtt(sk, &ack);
	teach_rate_sample(ts, &ack);
	teach_recover(sk, &ack);
	if (ack.acked || ack.delivered || window_changed)
		trace_teach_window(sk, TEACH_WINDOW_ACK);
	teach_pacing_update(sk);
	if (ack.acked) {
		teach_ack_timers(sk);
		teach_sndbuf_expand(sk);
	}
	if (teach_timer_armed(sk, TEACH_TIMER_PROBE))
		teach_ack_probe(sk);
	teach_retransmit_lost(sk);
}
