// SPDX-License-Identifier: GPL-2.0
/*
 * Is the peer still there?  RFC 9293 3.8.4, only if SO_KEEPALIVE asks for it.
 *
 *	TCP_KEEPIDLE	so long nothing was heard: the first probe
 *	TCP_KEEPINTVL	no answer: the next one
 *	TCP_KEEPCNT	so many without an answer: the connection is given up
 *
 * A probe is a segment without bytes, and with a number that the peer has
 * had: it has to answer.  While bytes wait to be sent or acknowledged the
 * other timers see to it.
 */
#include "teach.h"

u32 teach_keep_idle(const struct sock *sk)
{
	return teach_sk(sk)->keep_idle ? :
	       READ_ONCE(teach_sk_net(sk)->sysctl.keepalive_time);
}

u32 teach_keep_intvl(const struct sock *sk)
{
	return teach_sk(sk)->keep_intvl ? :
	       READ_ONCE(teach_sk_net(sk)->sysctl.keepalive_intvl);
}

u32 teach_keep_cnt(const struct sock *sk)
{
	return teach_sk(sk)->keep_cnt ? :
	       READ_ONCE(teach_sk_net(sk)->sysctl.keepalive_probes);
}

/**
 * teach_keepalive_start - the connection stands, or TCP_KEEPIDLE has changed
 * @sk: the socket, locked
 */
void teach_keepalive_start(struct sock *sk)
{
	u32 idle = (u32)jiffies - teach_sk(sk)->last_ack_rcv;
	u32 when = teach_keep_idle(sk);

	if (sock_flag(sk, SOCK_KEEPOPEN) &&
	    !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		teach_timer_set(sk, TEACH_TIMER_KEEPALIVE,
				when - min(when, idle));
}

/* SO_KEEPALIVE; the flag itself is set behind it. */
void teach_set_keepalive(struct sock *sk, int on)
{
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return;
	if (!on)
		teach_timer_clear(sk, TEACH_TIMER_KEEPALIVE);
	else if (!sock_flag(sk, SOCK_KEEPOPEN))
		teach_timer_set(sk, TEACH_TIMER_KEEPALIVE,
				teach_keep_idle(sk));
}

/* TCP_USER_TIMEOUT takes the place of TCP_KEEPCNT: tcp(7). */
static bool teach_keepalive_over(const struct sock *sk, u32 idle)
{
	const struct teach_sock *ts = teach_sk(sk);

	if (ts->user_timeout)
		return ts->probes_out &&
		       idle >= msecs_to_jiffies(ts->user_timeout);
	return ts->probes_out >= teach_keep_cnt(sk);
}

/**
 * teach_keepalive_expired - nothing may have been heard for long
 * @sk: the socket, locked
 */
void teach_keepalive_expired(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 idle = (u32)jiffies - ts->last_ack_rcv;
	u32 wait = teach_keep_idle(sk);

	/* The handshake's own timers are shorter. */
	if (!sock_flag(sk, SOCK_KEEPOPEN) || sk->sk_state == TCP_SYN_SENT)
		return;

	if (ts->packets_out || !skb_queue_empty(&sk->sk_write_queue)) {
		idle = 0;
	} else if (idle >= wait) {
		if (teach_keepalive_over(sk, idle)) {
			teach_send_rst(sk);
			teach_timed_out(sk);
			return;
		}
		teach_send_keepalive(sk);
		ts->probes_out++;
		wait = teach_keep_intvl(sk);
		idle = 0;
	}
	teach_timer_set(sk, TEACH_TIMER_KEEPALIVE, wait - idle);
}
