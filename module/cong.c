// SPDX-License-Identifier: GPL-2.0
/*
 * How much may be in the network: Reno, RFC 5681.
 *
 * cwnd and ssthresh count segments.  Below ssthresh each acknowledged
 * segment allows one more (slow start); above, a whole cwnd of them does
 * (congestion avoidance).  Loss halves what was in flight.
 */
#include "teach.h"

#define TEACH_SSTHRESH_MAX	0x7fffffff
#define TEACH_CWND_MAX		0x7fffff

void teach_cong_init(struct teach_sock *ts)
{
	ts->cwnd = TEACH_INIT_CWND;
	ts->cwnd_cnt = 0;
	ts->ssthresh = TEACH_SSTHRESH_MAX;
}

/* RFC 5681 (4): half the flight, and at least two. */
u32 teach_cong_ssthresh(struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);

	return max(min(teach_flight(ts), ts->cwnd) / 2, 2U);
}

/**
 * teach_cong_acked - new data was acknowledged and nothing seems lost
 * @ts: the socket
 * @acked: how many segments
 */
void teach_cong_acked(struct sock *sk, const struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 acked = ack->delivered;

	/* RFC 7661: a window that is not used says nothing about the path. */
	if (!ts->cwnd_limited)
		return;

	if (ts->cwnd < ts->ssthresh) {
		u32 grow = min(acked, ts->ssthresh - ts->cwnd);

		ts->cwnd += grow;
		acked -= grow;
	}
	ts->cwnd_cnt += acked;
	if (ts->cwnd_cnt >= ts->cwnd) {
		ts->cwnd_cnt -= ts->cwnd;
		ts->cwnd++;
	}
	ts->cwnd = min_t(u32, ts->cwnd, TEACH_CWND_MAX);
}

void teach_cong_event(struct sock *sk, enum teach_cong_event event)
{
}

u32 teach_cong_undo(struct sock *sk)
{
	return teach_sk(sk)->prior_cwnd;
}
