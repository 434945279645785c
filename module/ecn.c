// SPDX-License-Identifier: GPL-2.0
/*
 * Explicit Congestion Notification: RFC 3168.  A router that would soon have
 * to drop marks a packet instead.
 *
 *	sender		ECT(0) in the IP header of new data
 *	router		CE instead, when its queue grows
 *	receiver	ECE in every ACK ...
 *	sender		cwnd is cut, and CWR in the next new data says so
 *	receiver	... until that comes
 */
#include <net/inet_ecn.h>

#include "teach.h"

/* RFC 3168 6.1.1: 1 asks for it, 2 only answers who asks. */
bool teach_ecn_ask(const struct net *net)
{
	return READ_ONCE(teach_net(net)->sysctl.ecn) == 1;
}

/* A SYN asks with both flags; Linux, as we, then answers with ECE. */
bool teach_ecn_asked(const struct net *net, u8 flags)
{
	return READ_ONCE(teach_net(net)->sysctl.ecn) &&
	       (flags & (TEACH_ECE | TEACH_CWR_FLAG)) ==
	       (TEACH_ECE | TEACH_CWR_FLAG);
}

/* Our SYN asked; does the SYN-ACK agree? */
bool teach_ecn_agreed(u8 flags)
{
	return (flags & (TEACH_ECE | TEACH_CWR_FLAG)) == TEACH_ECE;
}

/* What the peer's segment says about the path to us. */
void teach_ecn_rcv(struct teach_sock *ts, const struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);

	if (!ts->terms.ecn)
		return;
	if (!INET_ECN_is_not_ect(ip_hdr(skb)->tos))
		ts->ecn_seen = true;
	if (cb->ce)
		ts->stats.received_ce += teach_segs_of(skb);
	if (cb->flags & TEACH_CWR_FLAG)
		ts->ecn_echo = false;
	if (cb->ce && !ts->ecn_echo) {
		ts->ecn_echo = true;
		ts->ack_now = true;
	}
}

/* Does this ACK tell of congestion? */
bool teach_ecn_echoed(const struct teach_sock *ts, const struct teach_cb *cb)
{
	return ts->terms.ecn && (cb->flags & (TEACH_ECE | TEACH_SYN)) ==
				TEACH_ECE;
}

/* cwnd was cut, for whatever reason. */
void teach_ecn_reduced(struct teach_sock *ts)
{
	ts->ecn_cwr = ts->terms.ecn;
}

/**
 * teach_ecn_send - a segment leaves
 * @ts: the socket
 * @flags: its flags; ECE or CWR are added
 * @new_data: it has bytes, and not for the second time
 *
 * Return: the ECN field of its IP header.  RFC 3168 6.1.4 and 6.1.5: neither
 * pure ACKs nor what is sent again are ECN-capable.
 */
u8 teach_ecn_send(struct teach_sock *ts, u8 *flags, bool new_data)
{
	if (!ts->terms.ecn || *flags & (TEACH_SYN | TEACH_RST))
		return INET_ECN_NOT_ECT;
	if (ts->ecn_echo)
		*flags |= TEACH_ECE;
	if (!new_data)
		return INET_ECN_NOT_ECT;
	if (ts->ecn_cwr) {
		ts->ecn_cwr = false;
		*flags |= TEACH_CWR_FLAG;
	}
	return INET_ECN_ECT_0;
}
