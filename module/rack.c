// SPDX-License-Identifier: GPL-2.0
/*
 * RACK-TLP: RFC 8985.  Loss told by time.
 *
 * RACK: a segment is lost when one that was sent later has arrived, and a
 * little more time has passed than reordering on this path may take.
 *
 *	sent:	  1    2    3    4	      now
 *		  |    |    |    |	       |
 *		  |    |    |    sacked: RACK's newest
 *		  |<----- RTT + reo_wnd ------>| 1 is lost
 *		       |<------- not yet ------|...	2 has a deadline
 *
 * TLP: when no ACK comes at all, send one segment more, so that there is one
 * to be told by, long before the retransmission timeout.
 *
 * teach_sock.sent has the segments in flight in the order of their sending.
 * One that is SACKed or taken for lost is not in it.
 */
#include "teach.h"

#define TEACH_REO_WND_PERSIST	16	/* recoveries: RFC 8985 6.2 step 4 */
#define TEACH_MIN_RTT_WINDOW	(300 * HZ)	/* as Linux */

/* RACK_sent_after(): @a was sent later than @b. */
static bool teach_sent_after(u32 a_us, u32 a_end, u32 b_us, u32 b_end)
{
	return after(a_us, b_us) || (a_us == b_us && after(a_end, b_end));
}

/* 6.2 step 1: the least round trip of the last minutes. */
void teach_min_rtt_sample(struct teach_sock *ts, u32 rtt_us)
{
	u32 now = (u32)jiffies;

	if (ts->min_rtt_us && rtt_us > ts->min_rtt_us &&
	    now - ts->min_rtt_stamp < TEACH_MIN_RTT_WINDOW)
		return;
	ts->min_rtt_us = max(rtt_us, 1U);
	ts->min_rtt_stamp = now;
}

/**
 * teach_rack_delivered - a segment has arrived: 6.2 step 2
 * @ts: the socket
 * @cb: the segment
 * @now_us: teach_clock_us()
 */
void teach_rack_delivered(struct teach_sock *ts, const struct teach_cb *cb,
			  u32 now_us)
{
	u32 rtt_us = now_us - cb->sent_us;

	/* Sooner than any answer can be: it answers the first sending. */
	if (cb->ever_retrans && rtt_us < ts->min_rtt_us)
		return;
	ts->rack_rtt_us = rtt_us;
	if (!ts->rack_valid ||
	    teach_sent_after(cb->sent_us, cb->end_seq, ts->rack_sent_us,
			     ts->rack_end_seq)) {
		ts->rack_sent_us = cb->sent_us;
		ts->rack_end_seq = cb->end_seq;
		ts->rack_valid = true;
	}
}

/* 6.2 step 3: one that was sent once has arrived behind a later one. */
void teach_reordered(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	TEACH_INC(teach_sk_net(sk), SACK_REORDER);
	ts->reord_seen++;
}

/**
 * teach_rack_adapt - how long reordering may take: 6.2 step 4
 * @ts: the socket
 * @ack: what an ACK said
 *
 * A D-SACK shows that we were too quick: a quarter of the round trip more,
 * once in a round trip, until 16 recoveries have passed without.
 */
void teach_rack_adapt(struct teach_sock *ts, const struct teach_ack *ack)
{
	if (ack->dsack && !before(ts->snd_una, ts->rack_round_seq)) {
		ts->reo_wnd_mult = min(ts->reo_wnd_mult + 1, 255);
		ts->reo_wnd_persist = TEACH_REO_WND_PERSIST;
		ts->rack_round_seq = ts->snd_nxt;
	}
}

/* A recovery has ended. */
void teach_rack_recovered(struct teach_sock *ts)
{
	if (ts->reo_wnd_persist && !--ts->reo_wnd_persist)
		ts->reo_wnd_mult = 1;
}

static u32 teach_reo_wnd(const struct teach_sock *ts)
{
	/* Nothing shows that this path reorders: three are enough. */
	if (!ts->reord_seen && (ts->recovery >= TEACH_RECOVERY ||
				ts->sacked_out >= TEACH_DUPTHRESH))
		return 0;
	return min(ts->min_rtt_us / 4 * ts->reo_wnd_mult, ts->srtt_us >> 3);
}

/* Microseconds until @cb is taken for lost; 0 or less: now. */
s32 teach_rack_remaining(const struct teach_sock *ts, const struct teach_cb *cb,
			 u32 now_us)
{
	return cb->sent_us + ts->rack_rtt_us + teach_reo_wnd(ts) - now_us;
}

/**
 * teach_rack_detect - which segments are lost: 6.2 step 5
 * @sk: the socket, locked
 *
 * Return: whether some are.
 */
bool teach_rack_detect(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 now_us = teach_clock_us();
	struct teach_cb *cb, *next;
	s32 wait_us = 0;
	bool lost = false;

	teach_timer_clear(sk, TEACH_TIMER_REO);
	if (!ts->rack_valid)
		return false;

	list_for_each_entry_safe(cb, next, &ts->sent, sent_node) {
		s32 left;

		if (!teach_sent_after(ts->rack_sent_us, ts->rack_end_seq,
				      cb->sent_us, cb->end_seq))
			break;
		left = teach_rack_remaining(ts, cb, now_us);
		if (left <= 0) {
			teach_mark_lost(ts, cb);
			lost = true;
		} else {
			wait_us = max(wait_us, left);
		}
	}
	if (wait_us)
		teach_timer_set(sk, TEACH_TIMER_REO,
				usecs_to_jiffies(wait_us) + 1);
	return lost;
}

/*
 * ---- TLP ----
 */

/**
 * teach_tlp_schedule - 7.2: wait for an ACK, but not as long as RTO
 * @sk: the socket, locked
 */
void teach_tlp_schedule(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	unsigned long pto;

	teach_timer_clear(sk, TEACH_TIMER_TLP);
	if (!ts->packets_out || !ts->terms.sack || !ts->srtt_us ||
	    ts->recovery > TEACH_CWR || ts->sacked_out || ts->tlp_high_seq ||
	    !teach_timer_armed(sk, TEACH_TIMER_RTX))
		return;

	/* Two round trips; a lone segment's ACK may be a delayed one. */
	pto = usecs_to_jiffies(ts->srtt_us >> 2);
	pto += ts->packets_out == 1 ? TEACH_RTO_MIN : 2;
	if (time_before(jiffies + pto, ts->deadline[TEACH_TIMER_RTX]))
		teach_timer_set(sk, TEACH_TIMER_TLP, pto);
}

/* RFC 8985 7.3: new data if there is any, or the last segment once more. */
static bool teach_tlp_probe(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb;

	ts->tlp_retrans = false;
	if (teach_push_one(sk))
		return true;
	skb = teach_last_segment(sk);
	ts->tlp_retrans = skb && !teach_retransmit(sk, skb, 1, TEACH_WHY_TLP);
	return ts->tlp_retrans;
}

/**
 * teach_tlp_send - 7.3: nothing came for two round trips
 * @sk: the socket, locked
 */
void teach_tlp_send(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!ts->packets_out || ts->recovery > TEACH_CWR)
		return;
	/* What has not left this host is not lost. */
	if (!teach_tsq_holds(sk, skb_rb_last(&ts->rtx_queue))) {
		TEACH_INC(teach_sk_net(sk), LOSS_PROBES);
		if (teach_tlp_probe(sk))
			ts->tlp_high_seq = ts->snd_nxt;
	}
	teach_timer_set(sk, TEACH_TIMER_RTX, teach_rto(ts));
}

/**
 * teach_tlp_ack - 7.4.2: what became of the probe
 * @sk: the socket, locked
 * @ack: what an ACK said
 *
 * If the last segment was lost and the probe has mended that, nobody would
 * notice; but the network had dropped something, and that is an answer.
 */
void teach_tlp_ack(struct sock *sk, const struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!ts->tlp_high_seq || before(ts->snd_una, ts->tlp_high_seq))
		return;
	if (ts->tlp_retrans && !ack->dsack) {
		/* A duplicate would show that both have arrived. */
		if (!after(ts->snd_una, ts->tlp_high_seq) && !ack->acked &&
		    ack->duplicate) {
			ts->tlp_high_seq = 0;
			return;
		}
		if (!after(ts->snd_una, ts->tlp_high_seq))
			return;
		TEACH_INC(teach_sk_net(sk), LOSS_PROBE_RECOVERY);
		teach_enter_cwr(sk);
	}
	ts->tlp_high_seq = 0;
}
