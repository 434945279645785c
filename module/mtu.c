// SPDX-License-Identifier: GPL-2.0
/*
 * How large a segment may be on this path.
 *
 * A router that cannot pass a packet on, and may not cut it, drops it and says
 * by ICMP how large it could have been: RFC 1191.  The route remembers that
 * for a while, for all connections to the same host (ip.c).
 */
#include "teach.h"

#define TEACH_HEADERS_LEN	(sizeof(struct iphdr) + TEACH_HDR_LEN)

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

/**
 * teach_sync_mss - cut to this path from now on
 * @sk: the socket, locked
 * @pmtu: the largest IP packet that the path takes
 */
void teach_sync_mss(struct sock *sk, u32 pmtu)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 mss = pmtu > TEACH_HEADERS_LEN ? pmtu - TEACH_HEADERS_LEN : 0;

	ts->pmtu = pmtu;
	mss = min_t(u32, mss, ts->mss_clamp);
	/* RFC 6691: what options take in every segment is not for bytes. */
	if (ts->terms.timestamps)
		mss -= min_t(u32, mss, TEACH_ALIGNED_TIMESTAMPS_LEN);
	mss = max_t(u32, mss, TEACH_MSS_MIN);
	ts->mss_cache = teach_bound_to_window(ts, mss);
}

/* Somebody else may have learned of a narrower path to the same host. */
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
	struct teach_sock *ts = teach_sk(sk);

	ts->mtu_info = min_t(u32, mtu, U16_MAX);
	if (sock_owned_by_user(sk))
		set_bit(TEACH_DEFERRED_MTU, &ts->deferred);
	else
		teach_mtu_reduced(sk);
}
