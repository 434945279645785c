// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC, RFC 9438: what a socket uses unless told otherwise.
 *
 * After a loss cwnd grows along a cubic curve of the time since then: fast at
 * first, slow near W_max, where the loss was, and faster again once that is
 * left behind.
 *
 *	cwnd					      *
 *	 |		      convex region ------> *
 *	 |	concave region			  *
 *   W_max|.............|........ * * * * * * .
 *	 |	        v   *
 *	 |		*
 *	 |	    *
 *	 |	  *	<- beta W_max
 *	 +--------+----------------------+----------> t
 *		loss			loss + K
 *
 * How fast does not depend on the round-trip time, so connections over long
 * paths are not at a disadvantage; and never slower than Reno would be.
 *
 * An epoch is one stage of congestion avoidance: it begins with the first ACK
 * after a recovery or a slow start and ends with the next loss.  Windows are
 * in segments, times in milliseconds.
 */
#include <linux/math64.h>

#include "teach.h"

/* RFC 9438 4.1.1 and 4.1.2: C = 0.4, beta = 0.7. */
#define CUBIC_BETA(window)	((window) * 7 / 10)
/* RFC 9438 4.7: fast convergence, (1 + beta) / 2 = 0.85. */
#define CUBIC_CONVERGE(window)	((window) * 17 / 20)
/* RFC 9438 4.3: 1 / alpha, where alpha = 3 (1 - beta) / (1 + beta) = 9/17. */
#define CUBIC_ALPHA_INV(window)	((window) * 17 / 9)

/* 17 minutes.  Its cube, times 4, fits in 64 bits. */
#define CUBIC_TIME_MAX		BIT(20)

/**
 * struct cubic_epoch - RFC 9438 4.1.2
 * @w_max: the window before the last reduction; 0 when there was none
 * @cwnd_prior: the same without fast convergence
 * @w_est: what Reno's window would be
 * @est_cnt: not yet a whole segment of @w_est
 * @k: from the begin of the epoch to W_max, ms
 * @start: of the epoch, jiffies
 * @begun: it has begun
 */
struct cubic_epoch {
	u32	w_max;
	u32	cwnd_prior;
	u32	w_est;
	u32	est_cnt;
	u32	k;
	u32	start;
	bool	begun;
};

/**
 * struct cubic - what CUBIC knows about a connection
 * @now: the epoch
 * @undo: as it was before the last reduction
 * @last: when the last ACK came, jiffies
 * @hystart: the first slow start
 */
struct cubic {
	struct cubic_epoch	now;
	struct cubic_epoch	undo;
	u32			last;
	struct teach_hystart	hystart;
};

/* The largest number whose cube is not above @x, which is below 2^63. */
static u32 cubic_root(u64 x)
{
	u64 root = 0;
	int bit;

	for (bit = 20; bit >= 0; bit--) {
		u64 next = root | BIT_ULL(bit);

		if (next * next * next <= x)
			root = next;
	}
	return root;
}

/*
 * RFC 9438 (1): W_cubic(t) = C (t - K)^3 + W_max.  With t in ms, and so its
 * cube in 10^-9 s^3, C is 4 / 10^10.
 */
static u32 cubic_window(const struct cubic_epoch *e, u32 t)
{
	u64 d = min_t(u64, t < e->k ? e->k - t : t - e->k, CUBIC_TIME_MAX);
	u64 delta = div64_u64(4 * d * d * d, 10000000000ULL);

	if (t < e->k)
		return e->w_max - min_t(u64, delta, e->w_max);
	return min_t(u64, e->w_max + delta, TEACH_CWND_MAX);
}

/* RFC 9438 4.2: congestion avoidance begins, with cwnd at cwnd_epoch. */
static void cubic_begin(struct teach_sock *ts, struct cubic *c)
{
	struct cubic_epoch *e = &c->now;
	u32 below;

	e->begun = true;
	e->start = (u32)jiffies;
	e->w_est = ts->cwnd;
	e->est_cnt = 0;
	ts->cwnd_cnt = 0;

	/* 4.8 and 4.10: after a timeout, or no loss at all, W_max is here. */
	e->w_max = max(e->w_max, ts->cwnd);
	if (!e->cwnd_prior)
		e->cwnd_prior = ts->cwnd;

	/* (2): K = cubic root of (W_max - cwnd_epoch) / C, in ms. */
	below = e->w_max - ts->cwnd;
	e->k = cubic_root(below * 2500000000ULL);
}

/* RFC 9438 4.3: what Reno's window would be by now. */
static void cubic_estimate(struct cubic_epoch *e, u32 cwnd, u32 acked)
{
	/* From where Reno was at the loss on it grows as Reno does. */
	u32 per = e->w_est < e->cwnd_prior ? CUBIC_ALPHA_INV(cwnd) : cwnd;

	e->est_cnt += acked;
	e->w_est += e->est_cnt / per;
	e->est_cnt %= per;
}

/* RFC 9438 4.3 to 4.5: which of the three regions, and how much in it. */
static void cubic_avoid(struct teach_sock *ts, struct cubic *c, u32 acked)
{
	struct cubic_epoch *e = &c->now;
	u32 t = jiffies_to_msecs((u32)jiffies - e->start);
	u32 rtt = (ts->srtt_us >> 3) / USEC_PER_MSEC;
	u32 target;

	cubic_estimate(e, ts->cwnd, acked);
	if (cubic_window(e, t) < e->w_est) {
		ts->cwnd = min_t(u32, max(ts->cwnd, e->w_est), TEACH_CWND_MAX);
		return;
	}
	/* Where the curve will be when what we now send is acknowledged. */
	target = clamp(cubic_window(e, t + rtt), ts->cwnd,
		       ts->cwnd + ts->cwnd / 2);
	teach_cwnd_add(ts, (u64)acked * (target - ts->cwnd), ts->cwnd);
}

/* RFC 9438 4.2: t leaves out the time in which cwnd was not used up. */
static void cubic_pause(struct cubic *c)
{
	c->now.start += (u32)jiffies - c->last;
	c->last = (u32)jiffies;
}

static void cubic_acked(struct sock *sk, const struct teach_ack *ack)
{
	struct cubic *c = teach_cong_priv(sk);
	struct teach_sock *ts = teach_sk(sk);
	u32 acked = ack->delivered;

	if (!teach_cwnd_limited(ts)) {
		cubic_pause(c);
		return;
	}
	c->last = (u32)jiffies;
	if (teach_in_slow_start(ts)) {
		c->now.begun = false;
		acked = teach_hystart_acked(ts, &c->hystart, ack);
		if (!acked)
			return;
	}
	if (!c->now.begun)
		cubic_begin(ts, c);
	cubic_avoid(ts, c, acked);
}

/* RFC 9438 4.6: beta of what was in flight is left. */
static u32 cubic_ssthresh(struct sock *sk)
{
	struct cubic *c = teach_cong_priv(sk);
	struct teach_sock *ts = teach_sk(sk);
	struct cubic_epoch *e = &c->now;

	c->undo = *e;
	e->begun = false;
	e->cwnd_prior = ts->cwnd;
	/* 4.7: it had less than before, so there is somebody new: make room. */
	if (ts->cwnd < e->w_max)
		e->w_max = CUBIC_CONVERGE(ts->cwnd);
	else
		e->w_max = ts->cwnd;
	return max(CUBIC_BETA(teach_cwnd_flight(ts)), 2U);
}

static void cubic_event(struct sock *sk, enum teach_cong_event ev)
{
	struct cubic *c = teach_cong_priv(sk);

	switch (ev) {
	case TEACH_CONG_TX_START:
		cubic_pause(c);
		teach_hystart_reset(teach_sk(sk), &c->hystart);
		break;
	case TEACH_CONG_LOSS:
		/* RFC 9438 4.8: a new curve, where slow start ends. */
		c->now.w_max = 0;
		break;
	}
}

/* RFC 9438 4.9: as if nothing had been. */
static u32 cubic_undo_cwnd(struct sock *sk)
{
	struct cubic *c = teach_cong_priv(sk);

	c->now = c->undo;
	return teach_sk(sk)->prior_cwnd;
}

static void cubic_init(struct sock *sk)
{
	struct cubic *c = teach_cong_priv(sk);

	BUILD_BUG_ON(sizeof(*c) > TEACH_CONG_PRIV_SIZE);
	c->last = (u32)jiffies;
	teach_hystart_reset(teach_sk(sk), &c->hystart);
}

/* In teach.ko, so it has no module to hold. */
struct teach_cong_ops teach_cubic = {
	.name		= "cubic",
	.allowed	= true,
	.init		= cubic_init,
	.ssthresh	= cubic_ssthresh,
	.acked		= cubic_acked,
	.event		= cubic_event,
	.undo_cwnd	= cubic_undo_cwnd,
};
