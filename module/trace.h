/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be watched: /sys/kernel/tracing/events/teach/.
 *
 *	teach_segment_out	a segment goes down to IP, and why; state is
 *				the one after it
 *	teach_segment_in	a segment has come up from IP; state is the
 *				one that it meets
 *	teach_state		a connection goes from one state of RFC 9293
 *				3.3.2 to another, and what made it
 *	teach_drop		a received segment or datagram is dropped
 *	teach_window		how much may be sent, or how long a round trip
 *				takes, has changed
 *	teach_timer		a timer is armed, cancelled or fires
 *	teach_queue		a queue has grown or shrunk
 *	teach_lookup		the 5-tuple table was asked
 *	teach_sleep		a system call waits
 *	teach_wake		it goes on
 *	teach_datagram_out	a datagram goes down to IP
 *	teach_datagram_in	a datagram has come up from IP, and is right
 *
 * and of the card, in nic_trace.h:
 *
 *	teach_ring		a slot was filled or emptied
 *	teach_interrupt		the card asks for its driver
 *	teach_poll		the driver has looked
 *
 * Addresses are in network byte order, ports and all else in the host's.
 * laddr and lport are this host's in both directions.  No pointer is shown.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM teach

#if !defined(_TEACH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TEACH_TRACE_H

#include <linux/tcp.h>
#include <linux/tracepoint.h>
#include "teach.h"

/* Readers of the raw events know numbers, not the names in our sources. */
#define TEACH_STATES					\
	EM(TCP_ESTABLISHED,	"ESTABLISHED")		\
	EM(TCP_SYN_SENT,	"SYN_SENT")		\
	EM(TCP_SYN_RECV,	"SYN_RECV")		\
	EM(TCP_FIN_WAIT1,	"FIN_WAIT1")		\
	EM(TCP_FIN_WAIT2,	"FIN_WAIT2")		\
	EM(TCP_TIME_WAIT,	"TIME_WAIT")		\
	EM(TCP_CLOSE,		"CLOSE")		\
	EM(TCP_CLOSE_WAIT,	"CLOSE_WAIT")		\
	EM(TCP_LAST_ACK,	"LAST_ACK")		\
	EM(TCP_LISTEN,		"LISTEN")		\
	EMe(TCP_CLOSING,	"CLOSING")

#define TEACH_WHYS					\
	EM(TEACH_WHY_NONE,	"NONE")			\
	EM(TEACH_WHY_NEW,	"NEW")			\
	EM(TEACH_WHY_RTO,	"RTO")			\
	EM(TEACH_WHY_RECOVERY,	"RECOVERY")		\
	EM(TEACH_WHY_TLP,	"TLP")			\
	EM(TEACH_WHY_PROBE,	"PROBE")		\
	EM(TEACH_WHY_KEEPALIVE,	"KEEPALIVE")		\
	EM(TEACH_WHY_ACK,	"ACK")			\
	EM(TEACH_WHY_DELACK,	"DELACK")		\
	EM(TEACH_WHY_WINDOW,	"WINDOW")		\
	EM(TEACH_WHY_CHALLENGE,	"CHALLENGE")		\
	EM(TEACH_WHY_RESET,	"RESET")		\
	EMe(TEACH_WHY_SYNACK,	"SYNACK")

#define TEACH_CAUSES					\
	EM(TEACH_BY_CALL,	"CALL")			\
	EM(TEACH_BY_SEGMENT,	"SEGMENT")		\
	EM(TEACH_BY_TIMER,	"TIMER")		\
	EMe(TEACH_BY_ICMP,	"ICMP")

#define TEACH_RECOVERIES				\
	EM(TEACH_OPEN,		"OPEN")			\
	EM(TEACH_DISORDER,	"DISORDER")		\
	EM(TEACH_CWR,		"CWR")			\
	EM(TEACH_RECOVERY,	"RECOVERY")		\
	EMe(TEACH_LOSS,		"LOSS")

#define TEACH_WINDOW_EVENTS				\
	EM(TEACH_WINDOW_ACK,	"ACK")			\
	EM(TEACH_WINDOW_ENTER,	"ENTER")		\
	EM(TEACH_WINDOW_LEAVE,	"LEAVE")		\
	EM(TEACH_WINDOW_UNDO,	"UNDO")			\
	EM(TEACH_WINDOW_TIMEOUT, "TIMEOUT")		\
	EMe(TEACH_WINDOW_IDLE,	"IDLE")

#define TEACH_TIMER_NAMES				\
	EM(TEACH_TIMER_REO,	"REO")			\
	EM(TEACH_TIMER_TLP,	"TLP")			\
	EM(TEACH_TIMER_RTX,	"RTX")			\
	EM(TEACH_TIMER_PROBE,	"PROBE")		\
	EM(TEACH_TIMER_DELACK,	"DELACK")		\
	EM(TEACH_TIMER_FIN_WAIT2, "FIN_WAIT2")		\
	EM(TEACH_TIMER_KEEPALIVE, "KEEPALIVE")		\
	EM(TEACH_TIMER_PACING,	"PACING")		\
	EM(TEACH_TIMER_SYNACK,	"SYNACK")		\
	EMe(TEACH_TIMER_TIME_WAIT, "TIME_WAIT")

#define TEACH_TIMER_ACTIONS				\
	EM(TEACH_TIMER_ARM,	"ARM")			\
	EM(TEACH_TIMER_CANCEL,	"CANCEL")		\
	EMe(TEACH_TIMER_FIRE,	"FIRE")

#define TEACH_QUEUES					\
	EM(TEACH_QUEUE_SYN,	"SYN")			\
	EM(TEACH_QUEUE_ACCEPT,	"ACCEPT")		\
	EM(TEACH_QUEUE_SEND,	"SEND")			\
	EM(TEACH_QUEUE_RECEIVE,	"RECEIVE")		\
	EMe(TEACH_QUEUE_OUT_OF_ORDER, "OUT_OF_ORDER")

#define TEACH_FOUNDS					\
	EM(TEACH_FOUND_NONE,	"NONE")			\
	EM(TEACH_FOUND_SOCKET,	"SOCKET")		\
	EM(TEACH_FOUND_REQUEST,	"REQUEST")		\
	EM(TEACH_FOUND_TIMEWAIT, "TIMEWAIT")		\
	EMe(TEACH_FOUND_LISTENER, "LISTENER")

#define TEACH_CALLS					\
	EM(TEACH_CALL_CONNECT,	"CONNECT")		\
	EM(TEACH_CALL_ACCEPT,	"ACCEPT")		\
	EM(TEACH_CALL_SEND,	"SEND")			\
	EM(TEACH_CALL_RECEIVE,	"RECEIVE")		\
	EMe(TEACH_CALL_CLOSE,	"CLOSE")

#undef EM
#undef EMe
#define EM(number, name)	TRACE_DEFINE_ENUM(number);
#define EMe(number, name)	TRACE_DEFINE_ENUM(number);

TEACH_STATES
TEACH_WHYS
TEACH_CAUSES
TEACH_RECOVERIES
TEACH_WINDOW_EVENTS
TEACH_TIMER_NAMES
TEACH_TIMER_ACTIONS
TEACH_QUEUES
TEACH_FOUNDS
TEACH_CALLS

#undef EM
#undef EMe
#define EM(number, name)	{ number, name },
#define EMe(number, name)	{ number, name }

#define show_teach_flags(flags)					\
	__print_flags(flags, "",				\
		      { TEACH_SYN, "S" }, { TEACH_FIN, "F" },	\
		      { TEACH_RST, "R" }, { TEACH_PSH, "P" },	\
		      { TEACH_ACK, "." }, { TEACH_URG, "U" },	\
		      { 0x40, "E" }, { 0x80, "W" })

/* Whose it is: the same fields in every event. */
#define TEACH_TUPLE_FIELDS			\
	__field(__u32, netns)			\
	__array(__u8, laddr, 4)			\
	__array(__u8, faddr, 4)			\
	__field(__u16, lport)			\
	__field(__u16, fport)			\
	__field(__u8, proto)

#define TEACH_TUPLE_ASSIGN(net, t)			\
	__entry->netns = (net)->ns.inum;		\
	memcpy(__entry->laddr, &(t)->laddr, 4);		\
	memcpy(__entry->faddr, &(t)->faddr, 4);		\
	__entry->lport = ntohs((t)->lport);		\
	__entry->fport = ntohs((t)->fport);		\
	__entry->proto = (t)->proto

#define TEACH_TUPLE_FORMAT	"netns=%u proto=%u %pI4:%u %pI4:%u "
#define TEACH_TUPLE_ARGS					\
	__entry->netns, __entry->proto,				\
	__entry->laddr, __entry->lport,				\
	__entry->faddr, __entry->fport

/*
 * window is the header's, not yet shifted, and options are its bytes.  rtx is
 * for those who only want to know whether it was sent before.
 */
DECLARE_EVENT_CLASS(teach_segment,
		    TP_PROTO(const struct net *net, const struct teach_tuple *t,
			     const struct tcphdr *th, u32 len, u8 state,
			     u8 why),
		    TP_ARGS(net, t, th, len, state, why),

		    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
				     __field(__u32, seq)
				     __field(__u32, ack)
				     __field(__u32, window)
				     __field(__u32, len)
				     __field(__u16, flags)
				     __field(__u8, state)
				     __field(__u8, rtx)
				     __field(__u8, why)
				     __dynamic_array(__u8, options,
						     th->doff * 4 - sizeof(*th))
		    ),

		    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
				   __entry->seq = ntohl(th->seq);
				   __entry->ack = ntohl(th->ack_seq);
				   __entry->window = ntohs(th->window);
				   __entry->len = len;
				   __entry->flags = teach_flag_byte(th);
				   __entry->state = state;
				   __entry->rtx = teach_why_again(why);
				   __entry->why = why;
				   memcpy(__get_dynamic_array(options), th + 1,
					  th->doff * 4 - sizeof(*th));
		    ),

		    TP_printk(TEACH_TUPLE_FORMAT
			      "[%s] seq=%u ack=%u win=%u len=%u state=%s rtx=%u why=%s options=%s",
			      TEACH_TUPLE_ARGS,
			      show_teach_flags(__entry->flags), __entry->seq,
			      __entry->ack, __entry->window, __entry->len,
			      __print_symbolic(__entry->state, TEACH_STATES),
			      __entry->rtx,
			      __print_symbolic(__entry->why, TEACH_WHYS),
			      __print_hex_str(__get_dynamic_array(options),
					      __get_dynamic_array_len(options)))
);

DEFINE_EVENT(teach_segment, teach_segment_out,
	     TP_PROTO(const struct net *net, const struct teach_tuple *t,
		      const struct tcphdr *th, u32 len, u8 state, u8 why),
	     TP_ARGS(net, t, th, len, state, why)
);

DEFINE_EVENT(teach_segment, teach_segment_in,
	     TP_PROTO(const struct net *net, const struct teach_tuple *t,
		      const struct tcphdr *th, u32 len, u8 state, u8 why),
	     TP_ARGS(net, t, th, len, state, why)
);

TRACE_EVENT(teach_state,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u8 oldstate, u8 newstate, u8 cause),
	    TP_ARGS(net, t, oldstate, newstate, cause),

	    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
			     __field(__u8, oldstate)
			     __field(__u8, newstate)
			     __field(__u8, cause)
	    ),

	    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
			   __entry->oldstate = oldstate;
			   __entry->newstate = newstate;
			   __entry->cause = cause;
	    ),

	    TP_printk(TEACH_TUPLE_FORMAT "%s -> %s cause=%s",
		      TEACH_TUPLE_ARGS,
		      __print_symbolic(__entry->oldstate, TEACH_STATES),
		      __print_symbolic(__entry->newstate, TEACH_STATES),
		      __print_symbolic(__entry->cause, TEACH_CAUSES))
);

/* The reason by name: the counter Drop<reason> has it too. */
TRACE_EVENT(teach_drop,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u32 seq, u32 len, u16 flags, const char *reason),
	    TP_ARGS(net, t, seq, len, flags, reason),

	    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
			     __field(__u32, seq)
			     __field(__u32, len)
			     __field(__u16, flags)
			     __array(char, reason, 20)
	    ),

	    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
			   __entry->seq = seq;
			   __entry->len = len;
			   __entry->flags = flags;
			   strscpy(__entry->reason, reason, 20);
	    ),

	    TP_printk(TEACH_TUPLE_FORMAT "[%s] seq=%u len=%u reason=%s",
		      TEACH_TUPLE_ARGS,
		      show_teach_flags(__entry->flags), __entry->seq,
		      __entry->len, __entry->reason)
);

/* flight, cwnd and ssthresh in segments, the windows in bytes. */
TRACE_EVENT(teach_window,
	    TP_PROTO(const struct sock *sk, u8 event),
	    TP_ARGS(sk, event),

	    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
			     __field(__u32, cwnd)
			     __field(__u32, ssthresh)
			     __field(__u32, flight)
			     __field(__u32, snd_wnd)
			     __field(__u32, rcv_wnd)
			     __field(__u32, srtt_us)
			     __field(__u32, rttvar_us)
			     __field(__u32, rto_us)
			     __field(__u8, recovery)
			     __field(__u8, cause)
			     __field(__u8, event)
	    ),

	    TP_fast_assign(const struct teach_sock *ts = teach_sk(sk);

			   TEACH_TUPLE_ASSIGN(sock_net(sk), &ts->entry.tuple);
			   __entry->cwnd = ts->cwnd;
			   __entry->ssthresh = ts->ssthresh;
			   __entry->flight = teach_flight(ts);
			   __entry->snd_wnd = ts->snd_wnd;
			   __entry->rcv_wnd = ts->rcv_wnd;
			   __entry->srtt_us = ts->srtt_us >> 3;
			   __entry->rttvar_us = ts->rttvar_us >> 2;
			   __entry->rto_us = jiffies_to_usecs(teach_rto(ts));
			   __entry->recovery = ts->recovery;
			   __entry->cause = ts->cause;
			   __entry->event = event;
	    ),

	    TP_printk(TEACH_TUPLE_FORMAT
		      "%s cwnd=%u ssthresh=%u flight=%u snd_wnd=%u rcv_wnd=%u srtt=%u rttvar=%u rto=%u recovery=%s cause=%s",
		      TEACH_TUPLE_ARGS,
		      __print_symbolic(__entry->event, TEACH_WINDOW_EVENTS),
		      __entry->cwnd, __entry->ssthresh, __entry->flight,
		      __entry->snd_wnd, __entry->rcv_wnd, __entry->srtt_us,
		      __entry->rttvar_us, __entry->rto_us,
		      __print_symbolic(__entry->recovery, TEACH_RECOVERIES),
		      __print_symbolic(__entry->cause, TEACH_CAUSES))
);

/*
 * A timer that is armed again before it fires is put off.  Two hours, after
 * which keepalive begins, are more microseconds than 32 bits can hold.
 */
TRACE_EVENT(teach_timer,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u8 timer, u8 action, u64 delay_us),
	    TP_ARGS(net, t, timer, action, delay_us),

	    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
			     __field(__u64, delay_us)
			     __field(__u8, timer)
			     __field(__u8, action)
	    ),

	    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
			   __entry->delay_us = delay_us;
			   __entry->timer = timer;
			   __entry->action = action;
	    ),

	    TP_printk(TEACH_TUPLE_FORMAT "%s %s delay=%llu",
		      TEACH_TUPLE_ARGS,
		      __print_symbolic(__entry->timer, TEACH_TIMER_NAMES),
		      __print_symbolic(__entry->action, TEACH_TIMER_ACTIONS),
		      __entry->delay_us)
);

TRACE_EVENT(teach_queue,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u8 queue, u32 depth, u32 limit),
	    TP_ARGS(net, t, queue, depth, limit),

	    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
			     __field(__u32, depth)
			     __field(__u32, limit)
			     __field(__u8, queue)
	    ),

	    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
			   __entry->depth = depth;
			   __entry->limit = limit;
			   __entry->queue = queue;
	    ),

	    TP_printk(TEACH_TUPLE_FORMAT "%s depth=%u limit=%u",
		      TEACH_TUPLE_ARGS,
		      __print_symbolic(__entry->queue, TEACH_QUEUES),
		      __entry->depth, __entry->limit)
);

/* chain: how many entries were looked at. */
TRACE_EVENT(teach_lookup,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u32 bucket, u32 chain, u8 found),
	    TP_ARGS(net, t, bucket, chain, found),

	    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
			     __field(__u32, bucket)
			     __field(__u32, chain)
			     __field(__u8, found)
	    ),

	    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
			   __entry->bucket = bucket;
			   __entry->chain = chain;
			   __entry->found = found;
	    ),

	    TP_printk(TEACH_TUPLE_FORMAT "bucket=%u chain=%u found=%s",
		      TEACH_TUPLE_ARGS, __entry->bucket, __entry->chain,
		      __print_symbolic(__entry->found, TEACH_FOUNDS))
);

TRACE_EVENT(teach_sleep,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u8 call),
	    TP_ARGS(net, t, call),

	    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
			     __field(__u8, call)
	    ),

	    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
			   __entry->call = call;
	    ),

	    TP_printk(TEACH_TUPLE_FORMAT "%s", TEACH_TUPLE_ARGS,
		      __print_symbolic(__entry->call, TEACH_CALLS))
);

/* error: why it does not wait any longer; 0 for what it waited for. */
TRACE_EVENT(teach_wake,
	    TP_PROTO(const struct net *net, const struct teach_tuple *t,
		     u8 call, int error, u32 slept_us),
	    TP_ARGS(net, t, call, error, slept_us),

	    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
			     __field(__s32, error)
			     __field(__u32, slept_us)
			     __field(__u8, call)
	    ),

	    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
			   __entry->error = error;
			   __entry->slept_us = slept_us;
			   __entry->call = call;
	    ),

	    TP_printk(TEACH_TUPLE_FORMAT "%s error=%d slept=%u",
		      TEACH_TUPLE_ARGS,
		      __print_symbolic(__entry->call, TEACH_CALLS),
		      __entry->error, __entry->slept_us)
);

DECLARE_EVENT_CLASS(teach_datagram,
		    TP_PROTO(const struct net *net, const struct teach_tuple *t,
			     u32 len),
		    TP_ARGS(net, t, len),

		    TP_STRUCT__entry(TEACH_TUPLE_FIELDS
				     __field(__u32, len)
		    ),

		    TP_fast_assign(TEACH_TUPLE_ASSIGN(net, t);
				   __entry->len = len;
		    ),

		    TP_printk(TEACH_TUPLE_FORMAT "len=%u",
			      TEACH_TUPLE_ARGS, __entry->len)
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
