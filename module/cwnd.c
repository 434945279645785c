// SPDX-License-Identifier: GPL-2.0
/*
 * The congestion window: how it begins, how it grows, and that it shrinks
 * when it is not used.  RFC 5681 and 7661; what is left of it after a loss, and
 * how fast it grows then, an algorithm says (cong.c).
 *
 * cwnd and ssthresh count segments.  Below ssthresh each segment that arrives
 * allows one more: slow start.
 *
 * A window says how much the path took when it was last used up.  So while
 * the program or the peer's window is what keeps us from sending more, it
 * does not grow, and as time goes by it is worth less:
 *
 *	not used up for an RTO		half way down to what was used
 *	nothing sent for an RTO		half, and half again for each RTO more
 *
 * and never below the initial window.
 */
#include <linux/export.h>
#include <linux/math64.h>

#include "teach.h"
#include "trace.h"

/* RFC 6928: ten segments; like Linux's of any size.  ip-route(8): initcwnd. */
static u32 teach_initial_cwnd(const struct sock *sk)
{
	u32 cwnd = teach_route_metric(sk, RTAX_INITCWND) ? : TEACH_INIT_CWND;

	return min_t(u32, cwnd, TEACH_CWND_MAX);
}

/* It is as good as just used up. */
static void teach_cwnd_fresh(struct teach_sock *ts)
{
	ts->full_stamp = (u32)jiffies;
	ts->full_max = 0;
}

/**
 * teach_cwnd_init - what a connection begins with
 * @sk: the socket, locked
 */
void teach_cwnd_init(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->cwnd = teach_initial_cwnd(sk);
	ts->cwnd_cnt = 0;
	ts->ssthresh = TEACH_SSTHRESH_MAX;
	ts->cwnd_limited = false;
	ts->cwnd_used = 0;
	ts->cwnd_round = ts->snd_nxt;
	ts->last_sent = (u32)jiffies;
	teach_cwnd_fresh(ts);
}

/*
 * ---- Growth ----
 */

/**
 * teach_slow_start - RFC 5681 3.1: one more for each that has arrived
 * @ts: the socket
 * @acked: how many have
 *
 * As in Linux one ACK for many counts like many ACKs for one: a large
 * segment that was cut on its way out is often acknowledged whole.
 *
 * Return: how many of @acked are left when cwnd has come to ssthresh; all of
 * them when it was there before.
 */
u32 teach_slow_start(struct teach_sock *ts, u32 acked)
{
	u32 room = ts->ssthresh - min(ts->cwnd, ts->ssthresh);
	u32 grow = min(acked, room);

	ts->cwnd = min_t(u32, ts->cwnd + grow, TEACH_CWND_MAX);
	return acked - grow;
}
EXPORT_SYMBOL_GPL(teach_slow_start);

/**
 * teach_cwnd_add - grow by a fraction of a segment
 * @ts: the socket
 * @credit: the fraction's numerator
 * @per: its denominator, not 0
 */
void teach_cwnd_add(struct teach_sock *ts, u64 credit, u32 per)
{
	u64 grow = div_u64_rem(ts->cwnd_cnt + credit, per, &ts->cwnd_cnt);

	ts->cwnd = min_t(u64, ts->cwnd + grow, TEACH_CWND_MAX);
}
EXPORT_SYMBOL_GPL(teach_cwnd_add);

/*
 * ---- Use ----
 */

/**
 * teach_cwnd_limited - is cwnd what keeps us from sending more?
 * @ts: the socket
 *
 * Only then an algorithm lets it grow.  In slow start half of it is enough:
 * the ACKs of one round trip double it, so what it can be has been used.
 */
bool teach_cwnd_limited(const struct teach_sock *ts)
{
	if (ts->cwnd_limited)
		return true;
	return teach_in_slow_start(ts) && ts->cwnd < 2 * ts->cwnd_used;
}
EXPORT_SYMBOL_GPL(teach_cwnd_limited);

/**
 * teach_cwnd_flight - what the path was asked to take when it lost something
 * @ts: the socket
 *
 * RFC 7661 4.4.1: more than what is out now (FlightSize of RFC 5681), if only
 * the end of it is; but what is out above cwnd was not lost by it.
 */
u32 teach_cwnd_flight(const struct teach_sock *ts)
{
	return min(max(ts->packets_out, ts->cwnd_used), ts->cwnd);
}
EXPORT_SYMBOL_GPL(teach_cwnd_flight);

/* RFC 2861: slow start leads back to where cwnd was, nearly. */
static void teach_cwnd_shrink(struct teach_sock *ts, u32 cwnd)
{
	ts->ssthresh = max(ts->ssthresh, ts->cwnd - ts->cwnd / 4);
	ts->cwnd = cwnd;
	trace_teach_window((struct sock *)ts, TEACH_WINDOW_IDLE);
}

/* For an RTO cwnd was not used up. */
static void teach_cwnd_decay(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 used = max(ts->full_max, teach_initial_cwnd(sk));

	/* Where the send buffer is too small, that is about to change. */
	if (ts->recovery == TEACH_OPEN && used < ts->cwnd && sk->sk_socket &&
	    !test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		teach_cwnd_shrink(ts, (ts->cwnd + used) / 2);
	teach_cwnd_fresh(ts);
}

/**
 * teach_cwnd_validate - something was sent, or could not be: RFC 7661
 * @sk: the socket, locked
 * @limited: all of cwnd is in flight
 */
void teach_cwnd_validate(struct sock *sk, bool limited)
{
	struct teach_sock *ts = teach_sk(sk);

	/* Of each round trip its fullest moment counts. */
	if (!before(ts->snd_una, ts->cwnd_round)) {
		ts->cwnd_round = ts->snd_nxt;
		ts->cwnd_limited = false;
		ts->cwnd_used = 0;
	}
	ts->cwnd_limited |= limited;
	ts->cwnd_used = max(ts->cwnd_used, ts->packets_out);

	if (teach_cwnd_limited(ts)) {
		teach_cwnd_fresh(ts);
		return;
	}
	ts->full_max = max(ts->full_max, ts->packets_out);
	if ((u32)jiffies - ts->full_stamp >= ts->rto &&
	    READ_ONCE(teach_sk_net(sk)->sysctl.slow_start_after_idle))
		teach_cwnd_decay(sk);
}

/**
 * teach_cwnd_restart - something is to be sent: RFC 5681 4.1
 * @sk: the socket, locked
 *
 * When nothing was sent for longer than RTO, cwnd goes down to the restart
 * window; as in Linux by half for each RTO.
 */
void teach_cwnd_restart(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 idle = (u32)jiffies - ts->last_sent;
	u32 restart, cwnd = ts->cwnd;

	if (ts->packets_out || idle <= ts->rto ||
	    !READ_ONCE(teach_sk_net(sk)->sysctl.slow_start_after_idle))
		return;

	restart = min(teach_initial_cwnd(sk), cwnd);
	for (; idle > ts->rto && cwnd > restart; idle -= ts->rto)
		cwnd /= 2;
	teach_cwnd_shrink(ts, max(cwnd, restart));
	teach_cwnd_fresh(ts);
}
