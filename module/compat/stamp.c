// SPDX-License-Identifier: GPL-2.0
/*
 * An acknowledgment's timestamp.  It has a file of its own because <net/tcp.h>
 * has names that teach.h has too.
 */
#include <linux/errqueue.h>
#include <net/tcp.h>

#include "compat.h"

/*
 * 6.15: the kernel looks for TCP's own mark in skb->cb, where something of ours
 * has its place.
 */
void teach_tstamp_acked(struct sk_buff *skb, struct sock *sk)
{
#ifdef TEACH_HAVE_TSTAMP_ACK_SK
	struct tcp_skb_cb ours = *TCP_SKB_CB(skb);

	TCP_SKB_CB(skb)->txstamp_ack = TSTAMP_ACK_SK;
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
	*TCP_SKB_CB(skb) = ours;
#else
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
#endif
}
