// SPDX-License-Identifier: GPL-2.0
/*
 * Small queues: do not send what would only wait in this host.
 *
 * cwnd says how much the path can hold.  But what is handed to IP may first
 * stand in a queueing discipline or in a card's ring, in front of everybody
 * else's packets, and it can no longer be left unsent when an ACK makes it
 * needless.  So a connection has only a millisecond's worth there, and sends
 * on when a segment has left:
 *
 *	teach_push() -> too much is in the queues below: throttled
 *					|
 *	a segment is freed -> sock_wfree() -> teach_write_space()
 *					|
 *	tasklet: the lock of the socket, teach_push()
 *
 * The tasklet is needed because segments are freed anywhere, even within
 * teach_push() itself.  It holds a reference to the socket while it is queued.
 */
#include "teach.h"

/* Bits of teach_sock.tsq */
#define TEACH_TSQ_THROTTLED	0	/* tell when a segment has left */
#define TEACH_TSQ_QUEUED	1	/* the tasklet will run */

/* Ask to be told, before looking once more whether there is need. */
static void teach_tsq_throttle(struct teach_sock *ts)
{
	set_bit(TEACH_TSQ_THROTTLED, &ts->tsq);
	/* Pairs with sock_wfree(), which counts down and then looks. */
	smp_mb__after_atomic();
}

/*
 * In bytes of memory; two bursts at the least.  Where nobody keeps to the pace
 * the sysctl bounds it.
 */
static u32 teach_tsq_limit(const struct sock *sk, const struct sk_buff *skb,
			   u32 segs)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;
	unsigned long burst = (unsigned long)segs * teach_sk(sk)->mss_cache;
	unsigned long limit = READ_ONCE(sk->sk_pacing_rate) >>
			      READ_ONCE(sk->sk_pacing_shift);

	burst = min_t(unsigned long, SKB_TRUESIZE(burst), skb->truesize);
	limit = max(limit, 2 * burst);
	if (READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE)
		limit = min_t(unsigned long, limit,
			      READ_ONCE(sysctl->limit_output_bytes));
	return min_t(unsigned long, limit, INT_MAX);
}

/**
 * teach_tsq_full - should the next segment wait until others have left?
 * @sk: the socket, locked
 * @skb: the segment, or more than one
 * @segs: as many of them leave at once
 *
 * Not when nothing is under way: who would wake us then?
 */
bool teach_tsq_full(struct sock *sk, const struct sk_buff *skb, u32 segs)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 limit = teach_tsq_limit(sk, skb, segs);

	if (likely(refcount_read(&sk->sk_wmem_alloc) <= limit) ||
	    !ts->packets_out)
		return false;
	teach_tsq_throttle(ts);
	return refcount_read(&sk->sk_wmem_alloc) > limit;
}

/**
 * teach_tsq_holds - is a segment that seems lost still in this host?
 * @sk: the socket, locked
 * @skb: the segment, in the retransmit queue
 */
bool teach_tsq_holds(struct sock *sk, const struct sk_buff *skb)
{
	if (likely(!skb_fclone_busy(sk, skb)))
		return false;
	teach_tsq_throttle(teach_sk(sk));
	return skb_fclone_busy(sk, skb);
}

/**
 * teach_tsq_run - segments have left: send on
 * @sk: the socket, locked and not in the middle of a system call
 */
void teach_tsq_run(struct sock *sk)
{
	if (sk->sk_state == TCP_CLOSE)
		return;
	teach_retransmit_lost(sk);
	teach_push(sk);
}

static void teach_tsq_tasklet(struct tasklet_struct *t)
{
	struct teach_sock *ts = from_tasklet(ts, t, tsq_tasklet);

	clear_bit(TEACH_TSQ_QUEUED, &ts->tsq);
	/* Now what is freed can queue it again. */
	smp_mb__after_atomic();
	teach_run_put((struct sock *)ts, TEACH_WORK_SEND);
}

/**
 * teach_tsq_left - a segment has been freed
 * @sk: the socket; perhaps it has ended, and only its segments keep it
 *
 * Context: any; the socket need not be locked.
 */
void teach_tsq_left(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (likely(!test_bit(TEACH_TSQ_THROTTLED, &ts->tsq)) ||
	    !test_and_clear_bit(TEACH_TSQ_THROTTLED, &ts->tsq) ||
	    test_and_set_bit(TEACH_TSQ_QUEUED, &ts->tsq))
		return;
	if (refcount_inc_not_zero(&sk->sk_refcnt))
		tasklet_schedule(&ts->tsq_tasklet);
}

void teach_tsq_init(struct sock *sk)
{
	teach_sk(sk)->tsq = 0;
	tasklet_setup(&teach_sk(sk)->tsq_tasklet, teach_tsq_tasklet);
}
