// SPDX-License-Identifier: GPL-2.0
/*
 * What happens when nothing does.
 *
 * A socket waits for up to seven things at a time but has one kernel timer,
 * set to no later than the first of them.  To put a deadline off or to clear
 * it is then only a store: the timer fires, finds nothing due, and is set
 * again.  A round trip so touches the timer wheel hardly ever.
 *
 * The timer holds a reference to the socket while it is pending.
 */
#include "teach.h"
#include "trace.h"

static void teach_trace_timer(const struct sock *sk, enum teach_deadline which,
			      enum teach_timer_action action,
			      unsigned long delay)
{
	trace_teach_timer(sock_net(sk), &teach_sk(sk)->entry.tuple, which,
			  action, div_u64(jiffies64_to_nsecs(delay),
					  NSEC_PER_USEC));
}

/*
 * The reference comes first, which sk_reset_timer() takes last: with a CPU that
 * stands still in between, as those of virtual machines do, the timer has fired
 * by then, and dropped the user's.
 */
static void teach_timer_arm(struct sock *sk, unsigned long when)
{
	sock_hold(sk);
	if (mod_timer(&teach_sk(sk)->timer, when))
		__sock_put(sk);
}

/**
 * teach_timer_set - wait for something
 * @sk: the socket, locked
 * @which: what for; an earlier deadline for it is forgotten
 * @delay: jiffies from now
 */
void teach_timer_set(struct sock *sk, enum teach_deadline which,
		     unsigned long delay)
{
	struct teach_sock *ts = teach_sk(sk);
	unsigned long when;

	delay = max(delay, 1UL);
	/* An ACK cannot come before what it is for has left. */
	if (which == TEACH_TIMER_RTX || which == TEACH_TIMER_TLP)
		delay += teach_pacing_delay(sk);
	when = jiffies + delay;
	ts->armed |= BIT(which);
	ts->deadline[which] = when;
	if (trace_teach_timer_enabled())
		teach_trace_timer(sk, which, TEACH_TIMER_ARM, delay);
	if (!timer_pending(&ts->timer) || time_before(when, ts->timer.expires))
		teach_timer_arm(sk, when);
}

void teach_timer_clear(struct sock *sk, enum teach_deadline which)
{
	if (trace_teach_timer_enabled() && teach_timer_armed(sk, which))
		teach_trace_timer(sk, which, TEACH_TIMER_CANCEL, 0);
	teach_sk(sk)->armed &= ~BIT(which);
}

/* For good: the connection is closed. */
void teach_timer_stop(struct sock *sk)
{
	int i;

	for (i = 0; i < TEACH_TIMERS; i++)
		teach_timer_clear(sk, i);
	sk_stop_timer(sk, &teach_sk(sk)->timer);
	teach_pacing_stop(sk);
}

/**
 * teach_timed_out - nobody answers: RFC 9293 3.8.3, R2
 * @sk: the socket, locked
 */
void teach_timed_out(struct sock *sk)
{
	TEACH_INC(teach_sk_net(sk), ABORT_ON_TIMEOUT);
	teach_fail(sk, sk->sk_err_soft ? : ETIMEDOUT);
}

/* How often to try before giving up. */
static u32 teach_retries(const struct sock *sk)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;
	const struct teach_sock *ts = teach_sk(sk);

	if (sk->sk_state == TCP_SYN_SENT)
		return ts->syn_retries ? : READ_ONCE(sysctl->syn_retries);
	if (sk->sk_state == TCP_SYN_RECV)
		return ts->syn_retries ? : READ_ONCE(sysctl->synack_retries);
	if (sock_flag(sk, SOCK_DEAD))
		return teach_orphan_retries(sk);
	return READ_ONCE(sysctl->retries2);
}

/*
 * ---- TCP_USER_TIMEOUT: RFC 5482 ----
 */

/* Jiffies are compared with this; 0 stands for "not yet". */
static u32 teach_stamp(void)
{
	return (u32)jiffies ? : 1;
}

/* Has it been tried for so long?  @since: the first time. */
static bool teach_user_timed_out(const struct teach_sock *ts, u32 since)
{
	return ts->user_timeout && since &&
	       (u32)jiffies - since >= msecs_to_jiffies(ts->user_timeout);
}

/* The next try is not behind the end. */
static u32 teach_user_clamp(const struct teach_sock *ts, u32 since, u32 delay)
{
	s32 left = msecs_to_jiffies(ts->user_timeout) - ((u32)jiffies - since);

	return ts->user_timeout ? clamp_t(s32, left, 1, delay) : delay;
}

/*
 * ---- Retransmission ----
 */

/* The peer has taken its window back, but it answers: RFC 9293 3.8.6.1. */
static bool teach_shut_but_alive(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);

	return !ts->snd_wnd && !teach_opening(sk) &&
	       !sock_flag(sk, SOCK_DEAD) &&
	       (u32)jiffies - ts->last_ack_rcv < 2 * TEACH_RTO_MAX;
}

/* R2, or what the user wants instead; the handshake is bounded by both. */
static bool teach_gives_up(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);

	if (ts->user_timeout && !teach_opening(sk))
		return teach_user_timed_out(ts, ts->rto_stamp);
	return ts->retransmits >= teach_retries(sk) ||
	       teach_user_timed_out(ts, ts->rto_stamp);
}

/* RFC 6298 5.4 to 5.7: send the earliest again, wait twice as long. */
static void teach_timer_rtx(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (RB_EMPTY_ROOT(&ts->rtx_queue))
		return;

	TEACH_INC(teach_sk_net(sk), TIMEOUTS);
	if (teach_shut_but_alive(sk))
		ts->retransmits = 0;
	if (teach_gives_up(sk)) {
		teach_timed_out(sk);
		return;
	}
	if (sock_flag(sk, SOCK_DEAD) && teach_orphan_check(sk))
		return;
	if (!ts->rto_stamp) {
		ts->rto_stamp = teach_stamp();
		ts->stats.recoveries++;
	}
	ts->stats.timeouts++;
	/* Where routers choose a path by its hash, another may be better. */
	sk_rethink_txhash(sk);
	/* RFC 9293 3.8.3, R1: perhaps the route is to blame, or its MTU. */
	if (ts->retransmits &&
	    ts->retransmits >= READ_ONCE(teach_sk_net(sk)->sysctl.retries1)) {
		teach_mtu_black_hole(sk);
		sk_dst_reset(sk);
	}

	teach_enter_loss(sk);
	if (teach_retransmit(sk, skb_rb_first(&ts->rtx_queue), 1,
			     TEACH_WHY_RTO) && !sock_flag(sk, SOCK_DEAD)) {
		/* It did not leave this host: that says nothing of the path. */
		teach_timer_set(sk, TEACH_TIMER_RTX,
				min_t(u32, teach_rto(ts), HZ / 2));
		return;
	}

	ts->retransmits++;
	ts->backoff = min(ts->backoff + 1, 16);
	trace_teach_window(sk, TEACH_WINDOW_TIMEOUT);
	teach_timer_set(sk, TEACH_TIMER_RTX,
			teach_user_clamp(ts, ts->rto_stamp, teach_rto(ts)));
}

/* RFC 8985 6.3: reordering could have taken so long, and has not. */
static void teach_timer_reo(struct sock *sk)
{
	teach_recover_reo(sk);
	teach_push(sk);
}

/* RFC 9293 3.8.6.1: ask whether the window has opened. */
static void teach_timer_probe(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!RB_EMPTY_ROOT(&ts->rtx_queue) ||
	    skb_queue_empty(&sk->sk_write_queue))
		return;

	/* MUST-37: as long as the answers come, for ever; unless told. */
	if (ts->probes_out >= teach_retries(sk) ||
	    teach_user_timed_out(ts, ts->probe_stamp)) {
		teach_timed_out(sk);
		return;
	}
	if (sock_flag(sk, SOCK_DEAD) && teach_orphan_check(sk))
		return;
	if (!ts->probe_stamp)
		ts->probe_stamp = teach_stamp();
	teach_send_probe(sk);
	/* What was sent could be data, and is waited for as such. */
	if (!RB_EMPTY_ROOT(&ts->rtx_queue))
		return;
	ts->probes_out++;
	ts->backoff = min(ts->backoff + 1, 16);
	teach_timer_set(sk, TEACH_TIMER_PROBE,
			teach_user_clamp(ts, ts->probe_stamp, teach_rto(ts)));
}

/**
 * teach_timer_run - do what is due, and wait for the next
 * @sk: the socket, locked and not in the middle of a system call
 */
void teach_timer_run(struct sock *sk)
{
	static void (*const expired[TEACH_TIMERS])(struct sock *sk) = {
		[TEACH_TIMER_REO]	= teach_timer_reo,
		[TEACH_TIMER_TLP]	= teach_tlp_send,
		[TEACH_TIMER_RTX]	= teach_timer_rtx,
		[TEACH_TIMER_PROBE]	= teach_timer_probe,
		[TEACH_TIMER_DELACK]	= teach_ack_expired,
		[TEACH_TIMER_FIN_WAIT2]	= teach_fin_wait2_expired,
		[TEACH_TIMER_KEEPALIVE]	= teach_keepalive_expired,
	};
	struct teach_sock *ts = teach_sk(sk);
	int i;

	for (i = 0; i < TEACH_TIMERS; i++) {
		if (sk->sk_state == TCP_CLOSE)
			return;
		if (!(ts->armed & BIT(i)) ||
		    time_before(jiffies, ts->deadline[i]))
			continue;
		ts->armed &= ~BIT(i);
		teach_trace_timer(sk, i, TEACH_TIMER_FIRE, 0);
		expired[i](sk);
	}

	for (i = 0; i < TEACH_TIMERS; i++) {
		if (!(ts->armed & BIT(i)))
			continue;
		if (!timer_pending(&ts->timer) ||
		    time_before(ts->deadline[i], ts->timer.expires))
			teach_timer_arm(sk, ts->deadline[i]);
	}
}

static void teach_timer(struct timer_list *t)
{
	struct teach_sock *ts = timer_container_of(ts, t, timer);

	teach_run_put((struct sock *)ts, TEACH_WORK_TIMER);
}

void teach_timer_init(struct sock *sk)
{
	teach_sk(sk)->armed = 0;
	timer_setup(&teach_sk(sk)->timer, teach_timer, 0);
}
