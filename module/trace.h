/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be watched: /sys/kernel/tracing/events/teach/.
 *
 *	teach_segment_out	a segment goes down to IP; state is the one
 *				after it
 *	teach_segment_in	a segment has come up from IP; state is the
 *				one that it meets
 *	teach_state		a connection goes from one state of RFC 9293
 *				3.3.2 to another
 *	teach_drop		a received segment or datagram is dropped
 *	teach_datagram_out	a datagram goes down to IP
 *	teach_datagram_in	a datagram has come up from IP, and is right
 *
 * Addresses are in network byte order, ports and all else in the host's.
 * laddr and lport are this host's in both directions.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM teach

#if !defined(_TEACH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TEACH_TRACE_H

#include <linux/tracepoint.h>
#include "teach.h"

/* Readers of the raw events know numbers, not the names in our sources. */
TRACE_DEFINE_ENUM(TCP_ESTABLISHED);
TRACE_DEFINE_ENUM(TCP_SYN_SENT);
TRACE_DEFINE_ENUM(TCP_SYN_RECV);
TRACE_DEFINE_ENUM(TCP_FIN_WAIT1);
TRACE_DEFINE_ENUM(TCP_FIN_WAIT2);
TRACE_DEFINE_ENUM(TCP_TIME_WAIT);
TRACE_DEFINE_ENUM(TCP_CLOSE);
TRACE_DEFINE_ENUM(TCP_CLOSE_WAIT);
TRACE_DEFINE_ENUM(TCP_LAST_ACK);
TRACE_DEFINE_ENUM(TCP_LISTEN);
TRACE_DEFINE_ENUM(TCP_CLOSING);

#define show_teach_state(state)					\
	__print_symbolic(state,					\
			 { TCP_ESTABLISHED,	"ESTABLISHED" },	\
			 { TCP_SYN_SENT,	"SYN_SENT" },		\
			 { TCP_SYN_RECV,	"SYN_RECV" },		\
			 { TCP_FIN_WAIT1,	"FIN_WAIT1" },		\
			 { TCP_FIN_WAIT2,	"FIN_WAIT2" },		\
			 { TCP_TIME_WAIT,	"TIME_WAIT" },		\
			 { TCP_CLOSE,		"CLOSE" },		\
			 { TCP_CLOSE_WAIT,	"CLOSE_WAIT" },		\
			 { TCP_LAST_ACK,	"LAST_ACK" },		\
			 { TCP_LISTEN,		"LISTEN" },		\
			 { TCP_CLOSING,		"CLOSING" })

#define show_teach_flags(flags)					\
	__print_flags(flags, "",				\
		      { TEACH_SYN, "S" }, { TEACH_FIN, "F" },	\
		      { TEACH_RST, "R" }, { TEACH_PSH, "P" },	\
		      { TEACH_ACK, "." }, { TEACH_URG, "U" },	\
		      { 0x40, "E" }, { 0x80, "W" })

DECLARE_EVENT_CLASS(teach_segment,
		    TP_PROTO(const struct net *net, const struct teach_tuple *t,
			     u32 seq, u32 ack, u32 window, u32 len, u16 flags,
			     u8 state, bool rtx),
		    TP_ARGS(net, t, seq, ack, window, len, flags, state, rtx),

		    TP_STRUCT__entry(__field(__u32, netns)
				     __array(__u8, laddr, 4)
				     __array(__u8, faddr, 4)
				     __field(__u16, lport)
				     __field(__u16, fport)
				     __field(__u32, seq)
				     __field(__u32, ack)
				     __field(__u32, window)
				     __field(__u32, len)
				     __field(__u16, flags)
				     __field(__u8, state)
				     __field(__u8, rtx)
				     __field(__u8, proto)
		    ),

		    TP_fast_assign(__entry->netns = net->ns.inum;
				   memcpy(__entry->laddr, &t->laddr, 4);
				   memcpy(__entry->faddr, &t->faddr, 4);
				   __entry->lport = ntohs(t->lport);
				   __entry->fport = ntohs(t->fport);
				   __entry->seq = seq;
				   __entry->ack = ack;
				   __entry->window = window;
				   __entry->len = len;
				   __entry->flags = flags;
				   __entry->state = state;
				   __entry->rtx = rtx;
				   __entry->proto = t->proto;
		    ),

		    TP_printk("netns=%u proto=%u %pI4:%u %pI4:%u [%s] seq=%u ack=%u win=%u len=%u state=%s rtx=%u",
			      __entry->netns, __entry->proto,
			      __entry->laddr, __entry->lport,
			      __entry->faddr, __entry->fport,
			      show_teach_flags(__entry->flags), __entry->seq,
			      __entry->ack, __entry->window, __entry->len,
			      show_teach_state(__entry->state), __entry->rtx)
);

DEFINE_EVENT(teach_segment, teach_segment_out,
	     TP_PROTO(const struct net *net, const struct teach_tuple *t,
		      u32 seq, u32 ack, u32 window, u32 len, u16 flags,
		      u8 state, bool rtx),
	     TP_ARGS(net, t, seq, ack, window, len, flags, state, rtx)
);

DEFINE_EVENT(teach_segment, teach_segment_in,
	     TP_PROTO(const struct net *net, const struct teach_tuple *t,
		      u32 seq, u32 ack, u32 window, u32 len, u16 flags,
		      u8 state, bool rtx),
	     TP_ARGS(net, t, seq, ack, window, len, flags, state, rtx)
);

TRACE_EVENT(teach_state,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u8 oldstate, u8 newstate),
	    TP_ARGS(net, t, oldstate, newstate),

	    TP_STRUCT__entry(__field(__u32, netns)
			     __array(__u8, laddr, 4)
			     __array(__u8, faddr, 4)
			     __field(__u16, lport)
			     __field(__u16, fport)
			     __field(__u8, oldstate)
			     __field(__u8, newstate)
			     __field(__u8, proto)
	    ),

	    TP_fast_assign(__entry->netns = net->ns.inum;
			   memcpy(__entry->laddr, &t->laddr, 4);
			   memcpy(__entry->faddr, &t->faddr, 4);
			   __entry->lport = ntohs(t->lport);
			   __entry->fport = ntohs(t->fport);
			   __entry->oldstate = oldstate;
			   __entry->newstate = newstate;
			   __entry->proto = t->proto;
	    ),

	    TP_printk("netns=%u proto=%u %pI4:%u %pI4:%u %s -> %s",
		      __entry->netns, __entry->proto,
		      __entry->laddr, __entry->lport,
		      __entry->faddr, __entry->fport,
		      show_teach_state(__entry->oldstate),
		      show_teach_state(__entry->newstate))
);

/* The reason by name: the counter Drop<reason> has it too. */
TRACE_EVENT(teach_drop,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u32 seq, u32 len, u16 flags, const char *reason),
	    TP_ARGS(net, t, seq, len, flags, reason),

	    TP_STRUCT__entry(__field(__u32, netns)
			     __array(__u8, laddr, 4)
			     __array(__u8, faddr, 4)
			     __field(__u16, lport)
			     __field(__u16, fport)
			     __field(__u32, seq)
			     __field(__u32, len)
			     __field(__u16, flags)
			     __array(char, reason, 20)
			     __field(__u8, proto)
	    ),

	    TP_fast_assign(__entry->netns = net->ns.inum;
			   memcpy(__entry->laddr, &t->laddr, 4);
			   memcpy(__entry->faddr, &t->faddr, 4);
			   __entry->lport = ntohs(t->lport);
			   __entry->fport = ntohs(t->fport);
			   __entry->seq = seq;
			   __entry->len = len;
			   __entry->flags = flags;
			   strscpy(__entry->reason, reason, 20);
			   __entry->proto = t->proto;
	    ),

	    TP_printk("netns=%u proto=%u %pI4:%u %pI4:%u [%s] seq=%u len=%u reason=%s",
		      __entry->netns, __entry->proto,
		      __entry->laddr, __entry->lport,
		      __entry->faddr, __entry->fport,
		      show_teach_flags(__entry->flags), __entry->seq,
		      __entry->len, __entry->reason)
);

DECLARE_EVENT_CLASS(teach_datagram,
		    TP_PROTO(const struct net *net, const struct teach_tuple *t,
			     u32 len),
		    TP_ARGS(net, t, len),

		    TP_STRUCT__entry(__field(__u32, netns)
				     __array(__u8, laddr, 4)
				     __array(__u8, faddr, 4)
				     __field(__u16, lport)
				     __field(__u16, fport)
				     __field(__u32, len)
				     __field(__u8, proto)
		    ),

		    TP_fast_assign(__entry->netns = net->ns.inum;
				   memcpy(__entry->laddr, &t->laddr, 4);
				   memcpy(__entry->faddr, &t->faddr, 4);
				   __entry->lport = ntohs(t->lport);
				   __entry->fport = ntohs(t->fport);
				   __entry->len = len;
				   __entry->proto = t->proto;
		    ),

		    TP_printk("netns=%u proto=%u %pI4:%u %pI4:%u len=%u",
			      __entry->netns, __entry->proto,
			      __entry->laddr, __entry->lport,
			      __entry->faddr, __entry->fport, __entry->len)
);

DEFINE_EVENT(teach_datagram, teach_datagram_out,
	     TP_PROTO(const struct net *net, const struct teach_tuple *t,
		      u32 len),
	     TP_ARGS(net, t, len)
);

DEFINE_EVENT(teach_datagram, teach_datagram_in,
	     TP_PROTO(const struct net *net, const struct teach_tuple *t,
		      u32 len),
	     TP_ARGS(net, t, len)
);

#endif /* _TEACH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
