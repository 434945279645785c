// SPDX-License-Identifier: GPL-2.0
/*
 * How fast bytes arrive at the peer, and what keeps them from being faster.
 *
 * The delivery rate, for TCP_INFO (draft-cheng-iccrg-delivery-rate-estimation):
 * a segment remembers how much had arrived when it was sent.  What has arrived
 * more when its own ACK comes, by the time between, is a rate.
 *
 *	sent ----------------------------------------> ACKed
 *	delivered then		   and now: the difference
 *
 * ACKs may come all at once though the segments did not, so the time is the
 * longer of that of sending and that of the ACKs.
 */
#include "teach.h"

/* Nothing is in flight: the clock of the sample begins here. */
void teach_rate_start(struct teach_sock *ts)
{
	ts->first_tx_us = teach_clock_us();
	ts->delivered_us = ts->first_tx_us;
}

/**
 * teach_rate_sent - a segment leaves
 * @ts: the socket
 * @cb: the segment
 */
void teach_rate_sent(const struct teach_sock *ts, struct teach_cb *cb)
{
	cb->first_tx_us = ts->first_tx_us;
	cb->delivered_us = ts->delivered_us;
	cb->delivered = ts->delivered;
	cb->app_limited = !!ts->app_limited;
}

/**
 * teach_rate_delivered - a segment has arrived
 * @ts: the socket
 * @cb: the segment
 * @ack: gets the sample of the segment that was sent last
 */
void teach_rate_delivered(struct teach_sock *ts, const struct teach_cb *cb,
			  struct teach_ack *ack)
{
	if (ack->has_rate && before(cb->sent_us, ts->first_tx_us))
		return;
	ack->has_rate = true;
	ack->prior_delivered = cb->delivered;
	ack->prior_us = cb->delivered_us;
	ack->snd_us = cb->sent_us - cb->first_tx_us;
	ack->app_limited = cb->app_limited;
	ts->first_tx_us = cb->sent_us;
}

/**
 * teach_rate_sample - all that an ACK says is known
 * @ts: the socket
 * @ack: what it says
 */
void teach_rate_sample(struct teach_sock *ts, const struct teach_ack *ack)
{
	u32 delivered, interval_us;

	/* The pause that the user made has been acknowledged. */
	if (ts->app_limited && after(ts->delivered, ts->app_limited))
		ts->app_limited = 0;
	if (ack->delivered)
		ts->delivered_us = ack->now_us;
	if (!ack->has_rate)
		return;

	delivered = ts->delivered - ack->prior_delivered;
	interval_us = max(ack->snd_us, ack->now_us - ack->prior_us);
	/* Faster than any round trip: it answers an earlier sending. */
	if (!interval_us || interval_us < ts->min_rtt_us)
		return;
	/* A user who writes little does not show what the path could. */
	if (ack->app_limited &&
	    (u64)delivered * ts->rate_interval_us <
	    (u64)ts->rate_delivered * interval_us)
		return;
	ts->rate_delivered = delivered;
	ts->rate_interval_us = interval_us;
	ts->rate_app_limited = ack->app_limited;
}

/**
 * teach_rate_app_limited - the user is about to write: did we wait for him?
 * @sk: the socket, locked
 */
void teach_rate_app_limited(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 flight = teach_flight(ts);

	if (ts->write_seq - ts->snd_nxt < ts->mss_cache &&
	    sk_wmem_alloc_get(sk) < SKB_TRUESIZE(1) &&
	    flight < ts->cwnd && ts->lost_out <= ts->retrans_out)
		ts->app_limited = ts->delivered + flight ? : 1;
}

/* Bytes in a second. */
u64 teach_delivery_rate(const struct teach_sock *ts)
{
	u64 bytes = (u64)ts->rate_delivered * ts->mss_cache;

	if (!ts->rate_interval_us)
		return 0;
	return div_u64(bytes * USEC_PER_SEC, ts->rate_interval_us);
}

/*
 * ---- What we wait for ----
 */

/**
 * teach_limit_set - from now on sending waits for something else
 * @ts: the socket
 * @limit: for what
 */
void teach_limit_set(struct teach_sock *ts, enum teach_limit limit)
{
	u32 now = (u32)jiffies;

	if (ts->limit == limit)
		return;
	if (ts->limit != TEACH_LIMIT_NONE)
		ts->limit_time[ts->limit] += now - ts->limit_since;
	ts->limit = limit;
	ts->limit_since = now;
}

/* How long that has been, in jiffies. */
u32 teach_limit_time(const struct teach_sock *ts, enum teach_limit limit)
{
	u32 time = ts->limit_time[limit];

	return ts->limit == limit ? time + (u32)jiffies - ts->limit_since :
				    time;
}
