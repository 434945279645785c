// SPDX-License-Identifier: GPL-2.0
/*
 * Pacing: a window not all at once, but spread over the round trip.
 *
 *	without		||||||||				||||||||
 *	with		|    |    |    |    |    |    |    |    |    |
 *			<----------- round trip ---------------->
 *
 * sk_pacing_rate, in bytes a second, is twice what cwnd is for a round trip in
 * slow start, where cwnd doubles, and 1.2 times that later, so that it is cwnd
 * and not the pace that limits us; and never more than SO_MAX_PACING_RATE.
 *
 * Who keeps to it, sk_pacing_status says:
 *
 *	SK_PACING_NONE		nobody
 *	SK_PACING_NEEDED	we: SO_MAX_PACING_RATE was set.  Sending stops
 *				until pacing_ns, and a timer begins it again
 *	SK_PACING_FQ		the queueing discipline, tc-fq(8).  All is
 *				handed down at once, and each skb says when it
 *				has to leave
 *
 * As in Linux the first ten segments are not paced, so that a short answer is
 * not late.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>

#include "teach.h"
#include "trace.h"

#define TEACH_PACING_FREE	10	/* segments at the begin */
#define TEACH_PACING_SEGS_MIN	2	/* in one skb, as tcp_min_tso_segs */
#define TEACH_PACING_RTT_LOG	9	/* half a ms is near: tcp_tso_rtt_log */

static bool teach_paced(const struct sock *sk)
{
	return READ_ONCE(sk->sk_pacing_status) != SK_PACING_NONE;
}

/**
 * teach_pacing_update - cwnd or the round trip has changed
 * @sk: the socket, locked
 */
void teach_pacing_update(struct sock *sk)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;
	const struct teach_sock *ts = teach_sk(sk);
	u32 percent = ts->cwnd < ts->ssthresh / 2 ?
		      READ_ONCE(sysctl->pacing_ss_ratio) :
		      READ_ONCE(sysctl->pacing_ca_ratio);
	u64 rate;

	/* srtt_us is eight times SRTT. */
	rate = (u64)ts->mss_cache * max(ts->cwnd, ts->packets_out) *
	       (USEC_PER_SEC / 100 * 8) * percent;
	if (ts->srtt_us)
		rate = div_u64(rate, ts->srtt_us);
	WRITE_ONCE(sk->sk_pacing_rate,
		   min_t(u64, rate, READ_ONCE(sk->sk_max_pacing_rate)));
}

/**
 * teach_pacing_segs - how many segments may go in one burst
 * @sk: the socket, locked
 *
 * What one skb holds leaves at once, and may be lost at once: no more than is
 * for a millisecond (sk_pacing_shift).  Where nobody keeps to the pace and the
 * peer is near, more: large bursts cost less, and queues there drain soon.
 */
u32 teach_pacing_segs(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	u32 far = ts->min_rtt_us >> TEACH_PACING_RTT_LOG;
	unsigned long bytes = READ_ONCE(sk->sk_pacing_rate) >>
			      READ_ONCE(sk->sk_pacing_shift);

	if (!teach_paced(sk) && far < BITS_PER_TYPE(sk->sk_gso_max_size))
		bytes += sk->sk_gso_max_size >> far;
	return clamp_t(unsigned long, bytes / ts->mss_cache,
		       TEACH_PACING_SEGS_MIN, U16_MAX);
}

static void teach_trace_pacing(const struct teach_sock *ts)
{
	s64 ns = ts->pacing_ns - ktime_get_ns();

	trace_teach_timer(sock_net((const struct sock *)ts), &ts->entry.tuple,
			  TEACH_TIMER_PACING, TEACH_TIMER_ARM,
			  div_u64(max_t(s64, ns, 0), NSEC_PER_USEC));
}

/**
 * teach_pacing_wait - is it too early for the next segment?
 * @sk: the socket, locked
 *
 * If so the timer is set, and sends it.
 */
bool teach_pacing_wait(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (READ_ONCE(sk->sk_pacing_status) != SK_PACING_NEEDED ||
	    ts->pacing_ns <= ktime_get_ns())
		return false;
	if (!hrtimer_is_queued(&ts->pacing_timer)) {
		/* Before it is dropped: it may be time as soon as it is set. */
		sock_hold(sk);
		hrtimer_start(&ts->pacing_timer, ns_to_ktime(ts->pacing_ns),
			      HRTIMER_MODE_ABS_PINNED_SOFT);
		if (trace_teach_timer_enabled())
			teach_trace_pacing(ts);
	}
	return true;
}

/**
 * teach_pacing_us - when does what is sent now leave this host?
 * @sk: the socket, locked
 *
 * Return: as teach_clock_us().
 */
u32 teach_pacing_us(const struct sock *sk)
{
	if (!teach_paced(sk))
		return teach_clock_us();
	return div_u64(max(ktime_get_ns(), teach_sk(sk)->pacing_ns),
		       NSEC_PER_USEC);
}

/**
 * teach_pacing_delay - how much later is that?
 * @sk: the socket, locked
 *
 * Return: jiffies, by which an ACK comes later, too.
 */
unsigned long teach_pacing_delay(const struct sock *sk)
{
	s64 ns;

	if (!teach_paced(sk))
		return 0;
	ns = teach_sk(sk)->pacing_ns - ktime_get_ns();
	return ns > 0 ? nsecs_to_jiffies(ns) : 0;
}

/**
 * teach_pacing_sent - say when a segment has to leave, and when the next may
 * @sk: the socket, locked
 * @skb: the segment
 * @len: the bytes that it brings; without any it need not wait
 */
void teach_pacing_sent(struct sock *sk, struct sk_buff *skb, u32 len)
{
	unsigned long rate = READ_ONCE(sk->sk_pacing_rate);
	struct teach_sock *ts = teach_sk(sk);
	u64 now, early, ns;

	if (!teach_paced(sk))
		return;
	now = ktime_get_ns();
	if (!len) {
		skb_set_delivery_time(skb, ns_to_ktime(now), true);
		return;
	}
	early = now > ts->pacing_ns ? now - ts->pacing_ns : 0;
	ts->pacing_ns = max(now, ts->pacing_ns);
	skb_set_delivery_time(skb, ns_to_ktime(ts->pacing_ns), true);

	if (!rate || rate == ~0UL ||
	    ts->stats.data_segs_out < TEACH_PACING_FREE)
		return;
	ns = div64_ul((u64)len * NSEC_PER_SEC, rate);
	/* It left later than it could have: up to half of that is made up. */
	ts->pacing_ns += ns - min(ns / 2, early);
}

/* It is time for the next segment: send on, as when one has left. */
static enum hrtimer_restart teach_pacing_timer(struct hrtimer *timer)
{
	struct teach_sock *ts = container_of(timer, struct teach_sock,
					     pacing_timer);

	trace_teach_timer(sock_net((struct sock *)ts), &ts->entry.tuple,
			  TEACH_TIMER_PACING, TEACH_TIMER_FIRE, 0);
	teach_run_put((struct sock *)ts, TEACH_WORK_SEND);
	return HRTIMER_NORESTART;
}

void teach_pacing_init(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->pacing_ns = 0;
	hrtimer_setup(&ts->pacing_timer, teach_pacing_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_PINNED_SOFT);
}

/* For good: the connection is closed. */
void teach_pacing_stop(struct sock *sk)
{
	if (hrtimer_try_to_cancel(&teach_sk(sk)->pacing_timer) == 1)
		__sock_put(sk);
}
