// SPDX-License-Identifier: GPL-2.0
/*
 * A connection whose user has gone: an orphan.
 *
 * What the user wrote has still to be delivered, and the peer's FIN to come.
 * But nobody will complain if that takes for ever, so it may not: fewer
 * retries, less time in FIN_WAIT2, and no more orphans than max_orphans.
 * That breaks RFC 9293's promise of delivery, to keep memory for others.
 */
#include <linux/mm.h>

#include "teach.h"

/* tcp(7), TCP_LINGER2: how long to wait for the peer's FIN. */
static u32 teach_fin_time(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	u32 timeout = ts->linger2 ? :
		      READ_ONCE(teach_sk_net(sk)->sysctl.fin_timeout);

	/* But long enough for it to be sent again. */
	return max(timeout, 7 * teach_rto(ts) / 2);
}

/**
 * teach_fin_wait2_orphan - the peer has not closed, and nobody reads
 * @sk: the socket, locked and dead, in state FIN_WAIT2
 *
 * Not for ever: net.teach.fin_timeout, the last 2 MSL of it without a socket.
 */
void teach_fin_wait2_orphan(struct sock *sk)
{
	u32 timeout;

	if (teach_timer_armed(sk, TEACH_TIMER_FIN_WAIT2))
		return;
	if (teach_sk(sk)->linger2 < 0) {
		TEACH_INC(teach_sk_net(sk), ABORT_ON_LINGER);
		teach_abort(sk);
		return;
	}
	timeout = teach_fin_time(sk);
	if (timeout > TEACH_TIMEWAIT_LEN)
		teach_timer_set(sk, TEACH_TIMER_FIN_WAIT2,
				timeout - TEACH_TIMEWAIT_LEN);
	else
		teach_time_wait(sk, TCP_FIN_WAIT2, timeout);
}

void teach_fin_wait2_expired(struct sock *sk)
{
	if (sk->sk_state == TCP_FIN_WAIT2 && sock_flag(sk, SOCK_DEAD))
		teach_time_wait(sk, TCP_FIN_WAIT2, TEACH_TIMEWAIT_LEN);
}

/* How often to try before giving up. */
u32 teach_orphan_retries(const struct sock *sk)
{
	u32 retries = READ_ONCE(teach_sk_net(sk)->sysctl.orphan_retries);
	bool alive = teach_rto(teach_sk(sk)) < TEACH_RTO_MAX;

	if (alive)
		return retries ? : 8;	/* 0 stands for eight, as in Linux */
	/* A router has said that something is wrong. */
	return READ_ONCE(sk->sk_err_soft) ? 0 : retries;
}

/* So many that this one has to go?  @weight: how little it is worth. */
static bool teach_too_many(const struct sock *sk, int weight)
{
	const struct teach_net *tn = teach_sk_net(sk);

	if (atomic_read(&tn->orphans) << weight >
	    READ_ONCE(tn->sysctl.max_orphans))
		return true;
	return sk->sk_wmem_queued > SOCK_MIN_SNDBUF &&
	       sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 2);
}

/**
 * teach_orphan_check - an orphan waits in vain: can we afford it?
 * @sk: the socket, locked and dead
 *
 * Return: whether it was given up.
 */
bool teach_orphan_check(struct sock *sk)
{
	int weight = 0;

	/* Nothing new for long, and what a router said: of less hope. */
	if ((u32)jiffies - teach_sk(sk)->last_sent > 2 * TEACH_RTO_MAX)
		weight++;
	if (READ_ONCE(sk->sk_err_soft))
		weight++;
	if (!teach_too_many(sk, weight))
		return false;
	TEACH_INC(teach_sk_net(sk), ABORT_ON_MEMORY);
	teach_abort(sk);
	return true;
}

/**
 * teach_orphan - the user has gone, the connection has not
 * @sk: the socket, locked and dead
 */
void teach_orphan(struct sock *sk)
{
	teach_sk(sk)->orphan = true;
	atomic_inc(&teach_sk_net(sk)->orphans);
	if (teach_too_many(sk, 0)) {
		TEACH_INC(teach_sk_net(sk), ABORT_ON_MEMORY);
		teach_abort(sk);
	}
}

/* It has ended, or was none. */
void teach_orphan_end(struct sock *sk)
{
	if (teach_sk(sk)->orphan)
		atomic_dec(&teach_sk_net(sk)->orphans);
}

/* As Linux: one for each 256 KiB of memory, in a power of two. */
int teach_max_orphans(void)
{
	unsigned long max = totalram_pages() >> (18 - PAGE_SHIFT);

	return min_t(unsigned long, roundup_pow_of_two(max), SZ_256K);
}
