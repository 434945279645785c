// SPDX-License-Identifier: GPL-2.0
/*
 * How large a segment may be on this path.
 *
 * Told: a router that cannot pass a packet on, and may not cut it, drops it
 * and says by ICMP how large it could have been.  RFC 1191.  The route
 * remembers that for ten minutes, for all connections to the same host (ip.c);
 * then larger segments are tried again.
 *
 * Found: some routers say nothing, and some firewalls drop what they say.
 * Small segments pass and large ones vanish: a black hole.  So try, by
 * RFC 4821:
 *
 *	  1064			 1282			   1500
 *	   |----------------------|-------------------------|
 *	  low		     probe, half way		   high
 *	 passes						may pass
 *
 *	the probe is acknowledged	low = probe, all segments are as large
 *	it alone is lost		high = probe - 1, and no congestion
 *	others are lost, too		that says nothing
 *
 * until low and high meet, nearly.  A probe is of the bytes that come next
 * anyway, as one segment where others would be two: if it is lost they are
 * sent again in smaller ones, at once, for more are sent behind it, and ACKs
 * of those tell (recovery.c).
 *
 * net.teach.mtu_probing says when to search: 0 never, 1 when timeouts hint at
 * a black hole, 2 always.
 */
#include "teach.h"

#define TEACH_HEADERS_LEN	(sizeof(struct iphdr) + TEACH_HDR_LEN)

/*
 * ---- Packets and their bytes ----
 */

/* RFC 6691: what options take in every segment is not for bytes. */
static u32 teach_headers_len(const struct teach_sock *ts)
{
	return TEACH_HEADERS_LEN +
	       (ts->terms.timestamps ? TEACH_ALIGNED_TIMESTAMPS_LEN : 0);
}

/* The bytes of a packet; as many as the peer takes, and not too few. */
static u32 teach_mtu_to_mss(const struct sock *sk, u32 mtu)
{
	const struct teach_sock *ts = teach_sk(sk);
	u32 least = READ_ONCE(teach_sk_net(sk)->sysctl.min_snd_mss);
	u32 mss = mtu > TEACH_HEADERS_LEN ? mtu - TEACH_HEADERS_LEN : 0;

	mss = max(min_t(u32, mss, ts->mss_clamp), least);
	return mss + TEACH_HEADERS_LEN - teach_headers_len(ts);
}

static u32 teach_mss_to_mtu(const struct teach_sock *ts, u32 mss)
{
	return mss + teach_headers_len(ts);
}

/**
 * teach_advmss - the MSS that we offer: RFC 9293 3.7.1
 * @sk: the socket
 * @mtu: the largest IP packet that can reach us
 */
u16 teach_advmss(const struct sock *sk, u32 mtu)
{
	u32 mss = min_t(u32, mtu, IP_MAX_MTU) - TEACH_HEADERS_LEN;
	u16 user_mss = READ_ONCE(teach_sk(sk)->user_mss);

	return user_mss ? min_t(u32, mss, user_mss) : mss;
}

/* RFC 9293 3.7.1: never more than half the widest window we were offered. */
u32 teach_bound_to_window(const struct teach_sock *ts, u32 mss)
{
	u32 bound = ts->max_window;

	if (bound > TEACH_MSS_DEFAULT)
		bound /= 2;
	if (bound && mss > bound)
		return max_t(u32, bound, TEACH_MSS_MIN);
	return mss;
}

/*
 * Where routers may cut packets the ACK of a probe would say nothing, and
 * there are no black holes.
 */
static bool teach_mtu_searching(const struct sock *sk)
{
	return teach_sk(sk)->mtu_search.enabled && !teach_route_fragments(sk);
}

/**
 * teach_sync_mss - cut to this path from now on
 * @sk: the socket, locked
 * @pmtu: the largest IP packet that the path takes, as the route knows it
 */
void teach_sync_mss(struct sock *sk, u32 pmtu)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_mtu_search *search = &ts->mtu_search;

	ts->pmtu = pmtu;
	search->high = min(search->high, pmtu);
	if (teach_mtu_searching(sk))
		pmtu = min(pmtu, search->low);
	ts->mss_cache = teach_bound_to_window(ts, teach_mtu_to_mss(sk, pmtu));
}

/* The route may have learned from others, or forgotten: RFC 1191 6.3. */
void teach_check_mss(struct sock *sk)
{
	struct dst_entry *dst = teach_route(sk);

	if (dst && dst_mtu(dst) != teach_sk(sk)->pmtu)
		teach_sync_mss(sk, dst_mtu(dst));
}

/*
 * ---- What routers say: RFC 1191 ----
 */

/**
 * teach_mtu_reduced - a router could not pass a segment on
 * @sk: the socket, locked and not in the middle of a system call
 */
void teach_mtu_reduced(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 mtu;

	if (sk->sk_state == TCP_CLOSE)
		return;
	mtu = teach_route_mtu_told(sk, ts->mtu_info);
	if (!mtu || ts->pmtu <= mtu)
		return;
	teach_sync_mss(sk, mtu);
	teach_mss_shrunk(sk);
}

/**
 * teach_mtu_told - "fragmentation needed" has come for a segment in flight
 * @sk: the socket, with its spinlock held
 * @mtu: of the next link, as the router says
 *
 * Context: softirq.
 */
void teach_mtu_told(struct sock *sk, u32 mtu)
{
	teach_sk(sk)->mtu_info = min_t(u32, mtu, U16_MAX);
	teach_run(sk, TEACH_WORK_MTU);
}

/*
 * ---- What nobody says: RFC 4821 ----
 */

/* The largest packet that the peer takes. */
static u32 teach_mtu_of_peer(const struct teach_sock *ts)
{
	return ts->mss_clamp + TEACH_HEADERS_LEN;
}

/**
 * teach_mtu_start - the peer's MSS is known
 * @sk: the socket, locked or not yet seen by others
 * @pmtu: the path MTU, as the route knows it
 *
 * RFC 4821 7.2: begin with what passes nearly everywhere.
 */
void teach_mtu_start(struct sock *sk, u32 pmtu)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;
	struct teach_sock *ts = teach_sk(sk);

	ts->mtu_search = (struct teach_mtu_search) {
		.enabled = READ_ONCE(sysctl->mtu_probing) == 2,
		.low	 = teach_mss_to_mtu(ts, READ_ONCE(sysctl->base_mss)),
		.high	 = teach_mtu_of_peer(ts),
		.stamp	 = (u32)jiffies,
	};
	teach_sync_mss(sk, pmtu);
}

/*
 * RFC 4821 7.2: after a while begin again from here, for the path may be
 * another.  No timer is needed: who sends nothing needs no larger segments.
 */
static void teach_mtu_restart(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_mtu_search *search = &ts->mtu_search;
	u32 interval = READ_ONCE(teach_sk_net(sk)->sysctl.probe_interval);

	if ((u32)jiffies - search->stamp < interval * HZ)
		return;
	search->low = teach_mss_to_mtu(ts, ts->mss_cache);
	search->high = min(teach_mtu_of_peer(ts), ts->pmtu);
	search->stamp = (u32)jiffies;
}

/* Is there anything between that is worth a probe? */
static bool teach_mtu_unknown(const struct sock *sk)
{
	const struct teach_mtu_search *search = &teach_sk(sk)->mtu_search;
	int threshold = READ_ONCE(teach_sk_net(sk)->sysctl.probe_threshold);

	return (int)(search->high - search->low) >= max(threshold, 2);
}

/**
 * teach_mtu_probe - try a larger segment, if this is the time
 * @sk: the socket, locked; it has something to send
 *
 * RFC 4821 7.4: nothing is missing, so that a loss would be the probe's; and
 * enough is sent behind it that the ACKs of that tell of one.  Without SACK
 * blocks of ours: they would take room of this segment, and not of others.
 *
 * Return: true when a probe should be sent and cwnd or the peer's window does
 * not yet allow it: all else has to wait for it, and so do we for ACKs.
 */
bool teach_mtu_probe(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_mtu_search *search = &ts->mtu_search;
	u32 mtu, mss, needed;

	if (likely(!search->enabled) || search->probe ||
	    ts->recovery != TEACH_OPEN || ts->cwnd <= TEACH_INIT_CWND ||
	    ts->rcv_sacks || ts->has_dsack || !teach_mtu_searching(sk))
		return false;
	if (!teach_mtu_unknown(sk)) {
		teach_mtu_restart(sk);
		return false;
	}

	mtu = (search->low + search->high) / 2;
	mss = teach_mtu_to_mss(sk, mtu);
	needed = mss + (TEACH_DUPTHRESH + 1) * ts->mss_cache;
	if (ts->write_seq - ts->snd_nxt < needed || ts->snd_wnd < needed)
		return false;
	/* Something is in flight then, so that an ACK will come. */
	if (after(ts->snd_nxt + needed, teach_window_end(ts)) ||
	    teach_flight(ts) + 2 > ts->cwnd)
		return true;

	if (!teach_push_large(sk, mss))
		return false;
	/* It takes the room of two. */
	ts->cwnd--;
	search->probe = teach_mss_to_mtu(ts, mss);
	search->probe_end = ts->snd_nxt;
	return false;
}

/* As many bytes as were allowed in segments of @from are in those of @to. */
static u32 teach_mtu_rescale(u32 segs, u32 from, u32 to)
{
	return max_t(u32, div_u64((u64)segs * from, to), 1);
}

/**
 * teach_mtu_probe_arrived - RFC 4821 7.6.1
 * @sk: the socket, locked
 */
void teach_mtu_probe_arrived(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_mtu_search *search = &ts->mtu_search;
	u32 mtu = teach_mss_to_mtu(ts, ts->mss_cache);

	TEACH_INC(teach_sk_net(sk), MTUP_SUCCESS);
	ts->cwnd = teach_mtu_rescale(ts->cwnd, mtu, search->probe);
	ts->cwnd_cnt = 0;
	if (ts->ssthresh < TEACH_SSTHRESH_MAX)
		ts->ssthresh = teach_mtu_rescale(ts->ssthresh, mtu,
						 search->probe);
	search->low = search->probe;
	search->probe = 0;
	teach_sync_mss(sk, ts->pmtu);
}

/**
 * teach_mtu_probe_lost - is what was lost a probe?  RFC 4821 7.6.2
 * @sk: the socket, locked; something is marked lost
 *
 * Return: true when only the probe is.  It was too large, and is sent again:
 * no reason to send less.
 */
bool teach_mtu_probe_lost(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_mtu_search *search = &ts->mtu_search;
	struct sk_buff *skb = skb_rb_first(&ts->rtx_queue);
	struct teach_cb *cb;

	if (!search->probe || ts->recovery >= TEACH_CWR || !skb)
		return false;
	cb = teach_cb(skb);
	if (cb->end_seq != search->probe_end || !cb->lost ||
	    ts->lost_out != cb->segs)
		return false;

	TEACH_INC(teach_sk_net(sk), MTUP_FAIL);
	search->high = search->probe - 1;
	search->probe = 0;
	ts->cwnd++;
	teach_mss_shrunk(sk);
	return true;
}

/**
 * teach_mtu_black_hole - nothing was acknowledged for long: RFC 4821 7.7
 * @sk: the socket, locked
 *
 * Perhaps only large segments vanish.  From now on search; and if that is
 * done already, begin with half.
 */
void teach_mtu_black_hole(struct sock *sk)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;
	struct teach_sock *ts = teach_sk(sk);
	struct teach_mtu_search *search = &ts->mtu_search;
	u32 mss;

	if (!READ_ONCE(sysctl->mtu_probing) || teach_opening(sk))
		return;
	if (!search->enabled) {
		search->enabled = true;
		search->stamp = (u32)jiffies;
	} else {
		mss = min_t(u32, READ_ONCE(sysctl->base_mss),
			    teach_mtu_to_mss(sk, search->low) / 2);
		mss = max3(mss, (u32)READ_ONCE(sysctl->mtu_probe_floor),
			   (u32)READ_ONCE(sysctl->min_snd_mss));
		search->low = teach_mss_to_mtu(ts, mss);
	}
	teach_sync_mss(sk, ts->pmtu);
}
