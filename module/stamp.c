// SPDX-License-Identifier: GPL-2.0
/*
 * Timestamps for the user: when his bytes came, and when they left.
 *
 * Received: IPv4's packets are stamped as they come, if anybody wants that.
 * recvmsg(2) has the stamp of the last segment that it has read of.
 *
 * Sent: a datagram, or the last byte of a sendmsg(2), is watched.  The skb that
 * has it is tagged, and the tag moves with the byte when the skb is cut:
 *
 *	SKBTX_SCHED_TSTAMP	it goes into a queueing discipline
 *	SKBTX_SW_TSTAMP		a card's driver has it
 *	teach_cb.tx_ack		the peer has acknowledged it: here
 *
 * The error queue brings the stamp and, for SOF_TIMESTAMPING_OPT_ID, the
 * byte's or the datagram's number.  Documentation/networking/timestamping.rst
 */
#include <linux/errqueue.h>

#include "teach.h"

/*
 * ---- Received ----
 */

static void teach_put_timestampns(struct msghdr *msg, bool new, ktime_t stamp)
{
	struct timespec64 ts = ktime_to_timespec64(stamp);
	struct __kernel_timespec ns = {
		.tv_sec		= ts.tv_sec,
		.tv_nsec	= ts.tv_nsec,
	};
	struct __kernel_old_timespec old = {
		.tv_sec		= ts.tv_sec,
		.tv_nsec	= ts.tv_nsec,
	};

	if (new)
		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_NEW, sizeof(ns), &ns);
	else
		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_OLD, sizeof(old),
			 &old);
}

static void teach_put_timestamp(struct msghdr *msg, bool new, ktime_t stamp)
{
	struct timespec64 ts = ktime_to_timespec64(stamp);
	struct __kernel_sock_timeval us = {
		.tv_sec		= ts.tv_sec,
		.tv_usec	= ts.tv_nsec / NSEC_PER_USEC,
	};
	struct __kernel_old_timeval old = {
		.tv_sec		= ts.tv_sec,
		.tv_usec	= ts.tv_nsec / NSEC_PER_USEC,
	};

	if (new)
		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_NEW, sizeof(us), &us);
	else
		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_OLD, sizeof(old), &old);
}

/* It is read of; what is before it had come by then. */
void teach_stamp_take(struct sk_buff *skb, struct teach_stamp *stamp)
{
	stamp->software = skb->tstamp;
	stamp->hardware = skb_hwtstamps(skb)->hwtstamp;
}

/**
 * teach_stamp_put - tell recvmsg(2) when it came
 * @sk: the socket
 * @msg: for the control messages that the user has asked for
 * @stamp: by the clock, and by that of the card
 */
void teach_stamp_put(struct sock *sk, struct msghdr *msg,
		     const struct teach_stamp *stamp)
{
	bool new = sock_flag(sk, SOCK_TSTAMP_NEW);
	struct scm_timestamping_internal all = {};
	u32 flags = READ_ONCE(sk->sk_tsflags);

	if (stamp->software && sock_flag(sk, SOCK_RCVTSTAMP)) {
		if (sock_flag(sk, SOCK_RCVTSTAMPNS))
			teach_put_timestampns(msg, new, stamp->software);
		else
			teach_put_timestamp(msg, new, stamp->software);
	}

	if (!(flags & SOF_TIMESTAMPING_SOFTWARE && stamp->software) &&
	    !(flags & SOF_TIMESTAMPING_RAW_HARDWARE && stamp->hardware))
		return;
	if (flags & SOF_TIMESTAMPING_SOFTWARE)
		all.ts[0] = teach_scm_stamp(stamp->software);
	if (flags & SOF_TIMESTAMPING_RAW_HARDWARE)
		all.ts[2] = teach_scm_stamp(stamp->hardware);
	if (new)
		put_cmsg_scm_timestamping64(msg, &all);
	else
		put_cmsg_scm_timestamping(msg, &all);
}

/**
 * teach_stamp_joined - two segments become one
 * @to: the first
 * @from: the second, whose stamp is that of the last byte
 */
void teach_stamp_joined(struct sk_buff *to, struct sk_buff *from)
{
	to->tstamp = from->tstamp;
	skb_hwtstamps(to)->hwtstamp = skb_hwtstamps(from)->hwtstamp;
}

/*
 * ---- Sent ----
 */

/**
 * teach_stamp_datagram - watch a datagram
 * @sk: the socket
 * @skb: the datagram
 * @flags: SOF_TIMESTAMPING_TX_*, and _OPT_ID, which numbers the watched ones
 */
void teach_stamp_datagram(struct sock *sk, struct sk_buff *skb, u32 flags)
{
	if (likely(!(flags & SOF_TIMESTAMPING_TX_RECORD_MASK)))
		return;
	__sock_tx_timestamp(flags, &skb_shinfo(skb)->tx_flags);
	if (flags & SOF_TIMESTAMPING_OPT_ID)
		skb_shinfo(skb)->tskey = atomic_inc_return(&sk->sk_tskey) - 1;
}

/**
 * teach_stamp_seq - the byte that is watched
 * @sk: the socket
 * @skb: has a tag
 *
 * SOF_TIMESTAMPING_OPT_ID numbers bytes from where the first watched write
 * began: sk_tskey, which setting the option makes 0.
 */
u32 teach_stamp_seq(const struct sock *sk, const struct sk_buff *skb)
{
	return atomic_read(&sk->sk_tskey) + skb_shinfo(skb)->tskey;
}

/**
 * teach_stamp_wrote - watch the last byte that was written
 * @sk: the socket, locked
 * @flags: SOF_TIMESTAMPING_TX_*
 * @len: how many bytes the user wrote
 */
void teach_stamp_wrote(struct sock *sk, u32 flags, u32 len)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);
	struct teach_sock *ts = teach_sk(sk);

	/* It may have left already, and is only waited for. */
	if (!skb)
		skb = skb_rb_last(&ts->rtx_queue);
	if (!skb)
		return;
	if (!atomic_read(&sk->sk_tskey))
		atomic_set(&sk->sk_tskey, ts->write_seq - len);
	skb_shinfo(skb)->tskey = ts->write_seq - 1 - atomic_read(&sk->sk_tskey);
	__sock_tx_timestamp(flags, &skb_shinfo(skb)->tx_flags);
	teach_cb(skb)->tx_ack = !!(flags & SOF_TIMESTAMPING_TX_ACK);
}

/* Has it a tag? */
bool teach_stamp_wanted(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP ||
	       teach_cb(skb)->tx_ack;
}

/**
 * teach_stamp_split - a segment was cut in two
 * @sk: the socket, locked
 * @skb: the first part, which may have a tag
 * @rest: the second
 */
void teach_stamp_split(struct sock *sk, struct sk_buff *skb,
		       struct sk_buff *rest)
{
	u8 flags = skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP;
	u8 ack = teach_cb(skb)->tx_ack;

	teach_cb(rest)->tx_ack = 0;
	if (before(teach_stamp_seq(sk, skb), teach_cb(rest)->seq))
		return;
	skb_shinfo(rest)->tskey = skb_shinfo(skb)->tskey;
	skb_shinfo(rest)->tx_flags |= flags;
	teach_cb(rest)->tx_ack = ack;
	skb_shinfo(skb)->tx_flags &= ~flags;
	teach_cb(skb)->tx_ack = 0;
}

/**
 * teach_stamp_acked - is the byte that was watched acknowledged?
 * @sk: the socket, locked
 * @skb: a segment with teach_cb.tx_ack
 * @una: what is acknowledged
 */
void teach_stamp_acked(struct sock *sk, struct sk_buff *skb, u32 una)
{
	if (!before(teach_stamp_seq(sk, skb), una))
		return;
	teach_cb(skb)->tx_ack = 0;
	teach_tstamp_acked(skb, sk);
}
