// SPDX-License-Identifier: GPL-2.0
/*
 * Reno, RFC 5681: the oldest rule, and an example of a module with an
 * algorithm for congestion control of its own.
 *
 *	insmod teach_reno.ko
 *	sysctl net.teach.congestion_control=reno
 *
 * Without a loss cwnd grows by one segment in each round trip; a loss halves
 * it.  cong_cubic.c is a longer example, with state of its own.
 */
#include <linux/module.h>

#include "teach.h"

/* RFC 5681 (4): half of what was in flight, and at least two. */
static u32 reno_ssthresh(struct sock *sk)
{
	return max(teach_cwnd_flight(teach_sk(sk)) / 2, 2U);
}

/* RFC 5681 3.1: slow start, then congestion avoidance. */
static void reno_acked(struct sock *sk, const struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 acked;

	if (!teach_cwnd_limited(ts))
		return;
	acked = teach_slow_start(ts, ack->delivered);
	/* 1/cwnd of a segment for each: one when a whole cwnd has arrived. */
	teach_cwnd_add(ts, acked, ts->cwnd);
}

static struct teach_cong_ops reno = {
	.name		= "reno",
	.owner		= THIS_MODULE,
	.allowed	= true,
	.ssthresh	= reno_ssthresh,
	.acked		= reno_acked,
};

static int __init reno_init(void)
{
	return teach_cong_register(&reno);
}

static void __exit reno_exit(void)
{
	teach_cong_unregister(&reno);
}

module_init(reno_init);
module_exit(reno_exit);

MODULE_DESCRIPTION("Reno congestion control for AF_TEACH");
MODULE_LICENSE("GPL");
MODULE_ALIAS("teach-cong-reno");
