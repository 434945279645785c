// SPDX-License-Identifier: GPL-2.0
/*
 * How long a round trip takes, and so how long to wait for an ACK: RFC 6298.
 *
 *	SRTT   <- 7/8 SRTT + 1/8 R
 *	RTTVAR <- 3/4 RTTVAR + 1/4 |SRTT - R|
 *	RTO    <- SRTT + 4 RTTVAR
 *
 * srtt_us holds 8 SRTT and rttvar_us holds 4 RTTVAR, so that the fractions
 * are additions and nothing is lost to rounding.
 */
#include <linux/ktime.h>

#include "teach.h"

#define TEACH_RTT_MAX_US	(60U * USEC_PER_SEC)

u32 teach_clock_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

void teach_rtt_init(struct teach_sock *ts)
{
	ts->srtt_us = 0;
	ts->rttvar_us = 0;
	ts->rto = TEACH_RTO_INIT;
	ts->backoff = 0;
}

/*
 * Not below a fifth of a second: the peer may take 40 ms or more to
 * acknowledge.  ip-route(8), rto_min, has another floor for its route.
 */
static u32 teach_rto_min(const struct teach_sock *ts)
{
	u32 ms = teach_route_metric((const struct sock *)ts, RTAX_RTO_MIN);

	return ms ? msecs_to_jiffies(ms) : TEACH_RTO_MIN;
}

/**
 * teach_rtt_sample - a segment that was sent once has been acknowledged
 * @ts: the socket
 * @rtt_us: how long that took
 */
void teach_rtt_sample(struct teach_sock *ts, u32 rtt_us)
{
	u32 srtt = ts->srtt_us >> 3;
	u32 delta;

	rtt_us = clamp(rtt_us, 1U, TEACH_RTT_MAX_US);

	if (!ts->srtt_us) {
		/* RFC 6298 2.2: the first measurement. */
		ts->srtt_us = rtt_us << 3;
		ts->rttvar_us = rtt_us << 1;
	} else {
		/* RFC 6298 2.3, in this order. */
		delta = rtt_us > srtt ? rtt_us - srtt : srtt - rtt_us;
		ts->rttvar_us += delta - (ts->rttvar_us >> 2);
		ts->srtt_us += rtt_us - srtt;
	}

	/*
	 * As in Linux the floor is under the variance, so that RTO is always
	 * some way above SRTT.
	 */
	ts->rto = usecs_to_jiffies(ts->srtt_us >> 3) +
		  max_t(u32, usecs_to_jiffies(ts->rttvar_us),
			teach_rto_min(ts));
	ts->rto = min_t(u32, ts->rto, TEACH_RTO_MAX);
}

/* RFC 6298 5.5: twice as long after each timeout. */
u32 teach_rto(const struct teach_sock *ts)
{
	return min_t(u64, (u64)ts->rto << ts->backoff, TEACH_RTO_MAX);
}
