/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be watched of the card, with the events of trace.h: the slots, the
 * interrupts and the polls.  nic.c has a picture.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM teach

#if !defined(_TEACH_NIC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TEACH_NIC_TRACE_H

#include <linux/tracepoint.h>
#include "nic.h"

TRACE_DEFINE_ENUM(TEACH_RING_TX);
TRACE_DEFINE_ENUM(TEACH_RING_RX);

/* used: how many of the slots hold a frame now. */
TRACE_EVENT(teach_ring,
	    TP_PROTO(const struct net_device *dev, u8 which,
		     const struct teach_ring *ring),
	    TP_ARGS(dev, which, ring),

	    TP_STRUCT__entry(__field(__u32, netns)
			     __array(char, dev, IFNAMSIZ)
			     __field(__u32, used)
			     __field(__u32, slots)
			     __field(__u8, ring)
	    ),

	    TP_fast_assign(__entry->netns = dev_net(dev)->ns.inum;
			   strscpy_pad(__entry->dev, dev->name, IFNAMSIZ);
			   __entry->used = READ_ONCE(ring->head) -
					   READ_ONCE(ring->tail);
			   __entry->slots = ring->mask + 1;
			   __entry->ring = which;
	    ),

	    TP_printk("netns=%u dev=%s %s used=%u slots=%u",
		      __entry->netns, __entry->dev,
		      __print_symbolic(__entry->ring,
				       { TEACH_RING_TX, "TX" },
				       { TEACH_RING_RX, "RX" }),
		      __entry->used, __entry->slots)
);

TRACE_EVENT(teach_interrupt,
	    TP_PROTO(const struct net_device *dev),
	    TP_ARGS(dev),

	    TP_STRUCT__entry(__field(__u32, netns)
			     __array(char, dev, IFNAMSIZ)
	    ),

	    TP_fast_assign(__entry->netns = dev_net(dev)->ns.inum;
			   strscpy_pad(__entry->dev, dev->name, IFNAMSIZ);
	    ),

	    TP_printk("netns=%u dev=%s", __entry->netns, __entry->dev)
);

/* done: how many frames; if all of budget, it will look again. */
TRACE_EVENT(teach_poll,
	    TP_PROTO(const struct net_device *dev, u32 done, u32 budget),
	    TP_ARGS(dev, done, budget),

	    TP_STRUCT__entry(__field(__u32, netns)
			     __array(char, dev, IFNAMSIZ)
			     __field(__u32, done)
			     __field(__u32, budget)
	    ),

	    TP_fast_assign(__entry->netns = dev_net(dev)->ns.inum;
			   strscpy_pad(__entry->dev, dev->name, IFNAMSIZ);
			   __entry->done = done;
			   __entry->budget = budget;
	    ),

	    TP_printk("netns=%u dev=%s done=%u budget=%u", __entry->netns,
		      __entry->dev, __entry->done, __entry->budget)
);

#endif /* _TEACH_NIC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE nic_trace
#include <trace/define_trace.h>
