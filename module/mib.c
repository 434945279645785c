// SPDX-License-Identifier: GPL-2.0
/*
 * The one place where a received segment is dropped: it is counted and
 * traced by its reason.  The trace events are made here.
 */
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "teach.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static const enum skb_drop_reason teach_drop_reasons[] = {
#define D(name, shown, reason)	SKB_DROP_REASON_##reason,
#include "mib-list.h"
};

static const char *const teach_drop_names[] = {
#define D(name, shown, reason)	shown,
#include "mib-list.h"
};

static void teach_trace_drop(const struct net *net, const struct sk_buff *skb,
			     enum teach_drop reason)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct teach_tuple t = {
		.laddr	= iph->daddr,
		.faddr	= iph->saddr,
		.proto	= iph->protocol,
	};
	bool stream = t.proto == IPPROTO_TEACH || t.proto == IPPROTO_TCP;
	u32 len = 0, seq = 0;
	u16 flags = 0;

	/* A header that is too short has no fields. */
	if (reason != TEACH_DROP_TOO_SHORT && reason != TEACH_DROP_BAD_OFFSET) {
		const struct tcphdr *th = tcp_hdr(skb);

		/* UDP's ports are in the same place. */
		t.lport = th->dest;
		t.fport = th->source;
		len = skb_tail_pointer(skb) + skb->data_len -
		      (const unsigned char *)th -
		      (stream ? th->doff * 4 : sizeof(struct udphdr));
		if (stream) {
			seq = ntohl(th->seq);
			flags = teach_flag_byte(th);
		}
	}
	trace_teach_drop(net, &t, seq, len, flags, teach_drop_names[reason]);
}

/**
 * teach_drop - give up a received segment
 * @net: the network namespace
 * @skb: the segment; freed
 * @reason: why
 */
void teach_drop(struct net *net, struct sk_buff *skb, enum teach_drop reason)
{
	this_cpu_inc(teach_net(net)->mib->v[TEACH_MIB_DROPS + reason]);
	if (trace_teach_drop_enabled())
		teach_trace_drop(net, skb, reason);
	kfree_skb_reason(skb, teach_drop_reasons[reason]);
}
