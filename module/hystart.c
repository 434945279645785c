// SPDX-License-Identifier: GPL-2.0
/*
 * HyStart++, RFC 9406: leave slow start before the queue on the path runs
 * over.
 *
 * Slow start doubles cwnd in each round trip, and learns that this is too much
 * from losing half of it.  But the queue tells before: the smallest RTT of a
 * round is larger than that of the round before.
 *
 *	slow start ---- RTT has grown by an eighth ----> CSS
 *	    ^						  |
 *	    +---- RTT is smaller again: a mistake --------+
 *							  |
 *			congestion avoidance <--- five rounds
 *
 * In CSS (conservative slow start) cwnd grows a quarter as fast.  The names in
 * capitals are the RFC's.  Its L, a limit for what one ACK may add, is
 * infinity: see teach_slow_start().
 */
#include "teach.h"

#define MIN_RTT_THRESH		(4 * USEC_PER_MSEC)
#define MAX_RTT_THRESH		(16 * USEC_PER_MSEC)
#define MIN_RTT_DIVISOR		8
#define N_RTT_SAMPLE		8
#define CSS_GROWTH_DIVISOR	4
#define CSS_ROUNDS		5
#define RTT_INFINITY		U32_MAX

/**
 * teach_hystart_reset - no round has been seen
 * @ts: the socket
 * @h: its state
 *
 * At the begin, and when the program has paused: a round is the time from
 * sending a byte to its ACK, while there is always something to send.
 */
void teach_hystart_reset(const struct teach_sock *ts, struct teach_hystart *h)
{
	*h = (struct teach_hystart) {
		.window_end		= ts->snd_nxt,
		.last_round_min_rtt	= RTT_INFINITY,
		.current_round_min_rtt	= RTT_INFINITY,
		.css_baseline_min_rtt	= RTT_INFINITY,
	};
}

static bool teach_hystart_in_css(const struct teach_hystart *h)
{
	return h->css_baseline_min_rtt != RTT_INFINITY;
}

/* 4.2: has the RTT grown since the last round? */
static void teach_hystart_slow_start(struct teach_hystart *h)
{
	u32 thresh;

	if (h->last_round_min_rtt == RTT_INFINITY)
		return;
	thresh = clamp_t(u32, h->last_round_min_rtt / MIN_RTT_DIVISOR,
			 MIN_RTT_THRESH, MAX_RTT_THRESH);
	if (h->current_round_min_rtt < h->last_round_min_rtt + thresh)
		return;
	h->css_baseline_min_rtt = h->current_round_min_rtt;
	h->css_rounds = 0;
}

/* 4.2: was it only jitter? */
static void teach_hystart_css(struct teach_hystart *h)
{
	if (h->current_round_min_rtt < h->css_baseline_min_rtt)
		h->css_baseline_min_rtt = RTT_INFINITY;
}

static void teach_hystart_sample(struct teach_hystart *h, u32 rtt_us)
{
	h->current_round_min_rtt = min(h->current_round_min_rtt, rtt_us);
	h->rtt_sample_count++;
	if (h->rtt_sample_count < N_RTT_SAMPLE)
		return;
	if (teach_hystart_in_css(h))
		teach_hystart_css(h);
	else
		teach_hystart_slow_start(h);
}

/* 4.2: all that was out when the round began has been acknowledged. */
static void teach_hystart_round(struct teach_sock *ts, struct teach_hystart *h)
{
	h->window_end = ts->snd_nxt;
	h->last_round_min_rtt = h->current_round_min_rtt;
	h->current_round_min_rtt = RTT_INFINITY;
	h->rtt_sample_count = 0;

	if (teach_hystart_in_css(h) && ++h->css_rounds >= CSS_ROUNDS)
		ts->ssthresh = ts->cwnd;
}

/**
 * teach_hystart_acked - segments have arrived in slow start: let cwnd grow
 * @ts: the socket
 * @h: its state
 * @ack: what the ACK says
 *
 * Return: how many of those that have arrived are left for congestion
 * avoidance.
 */
u32 teach_hystart_acked(struct teach_sock *ts, struct teach_hystart *h,
			const struct teach_ack *ack)
{
	/* 4.3: only as long as no loss has told where to stop. */
	if (ts->ssthresh != TEACH_SSTHRESH_MAX)
		return teach_slow_start(ts, ack->delivered);

	if (teach_hystart_in_css(h))
		teach_cwnd_add(ts, ack->delivered, CSS_GROWTH_DIVISOR);
	else
		teach_slow_start(ts, ack->delivered);

	if (ack->rtt_us)
		teach_hystart_sample(h, ack->rtt_us);
	if (!before(ts->snd_una, h->window_end))
		teach_hystart_round(ts, h);
	return 0;
}
