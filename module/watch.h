/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the trace events of trace.h tell by number.  Nothing is decided by
 * these; whoever does something says them along.
 */
#ifndef _TEACH_WATCH_H
#define _TEACH_WATCH_H

/* Why a segment is sent. */
enum teach_why {
	TEACH_WHY_NONE,		/* of a received one: only the sender knows */
	TEACH_WHY_NEW,		/* its bytes, SYN or FIN for the first time */
	TEACH_WHY_RTO,		/* again: RFC 6298 */
	TEACH_WHY_RECOVERY,	/* again: recovery.c takes it for lost */
	TEACH_WHY_TLP,		/* again: RFC 8985 7 */
	TEACH_WHY_PROBE,	/* is the window open? */
	TEACH_WHY_KEEPALIVE,	/* is the peer there? */
	TEACH_WHY_ACK,		/* something came */
	TEACH_WHY_DELACK,	/* the same, but no company for the ACK did */
	TEACH_WHY_WINDOW,	/* the reader has made room */
	TEACH_WHY_CHALLENGE,	/* what came was not acceptable: RFC 5961 */
	TEACH_WHY_RESET,
	TEACH_WHY_SYNACK,
};

static inline bool teach_why_again(enum teach_why why)
{
	return why == TEACH_WHY_RTO || why == TEACH_WHY_RECOVERY ||
	       why == TEACH_WHY_TLP;
}

/* What makes a connection do something. */
enum teach_cause {
	TEACH_BY_CALL,		/* a system call */
	TEACH_BY_SEGMENT,	/* one that arrived */
	TEACH_BY_TIMER,
	TEACH_BY_ICMP,
};

/* When teach_window tells how much may be sent. */
enum teach_window_event {
	TEACH_WINDOW_ACK,	/* an ACK has said something new */
	TEACH_WINDOW_ENTER,	/* a reduction, or the repair of loss, begins */
	TEACH_WINDOW_LEAVE,	/* and ends */
	TEACH_WINDOW_UNDO,	/* it was not needed */
	TEACH_WINDOW_TIMEOUT,
	TEACH_WINDOW_IDLE,	/* nothing was sent: RFC 2861 */
};

/* The system calls that wait. */
enum teach_call {
	TEACH_CALL_CONNECT,
	TEACH_CALL_ACCEPT,
	TEACH_CALL_SEND,
	TEACH_CALL_RECEIVE,
	TEACH_CALL_CLOSE,
};

enum teach_timer_action {
	TEACH_TIMER_ARM,
	TEACH_TIMER_CANCEL,
	TEACH_TIMER_FIRE,
};

enum teach_queue {
	TEACH_QUEUE_SYN,		/* connections */
	TEACH_QUEUE_ACCEPT,
	TEACH_QUEUE_SEND,		/* bytes that are not acknowledged */
	TEACH_QUEUE_RECEIVE,		/* bytes in order, not read; FIN too */
	TEACH_QUEUE_OUT_OF_ORDER,	/* bytes */
};

enum teach_found {
	TEACH_FOUND_NONE,
	TEACH_FOUND_SOCKET,
	TEACH_FOUND_REQUEST,
	TEACH_FOUND_TIMEWAIT,
	TEACH_FOUND_LISTENER,
};

#endif /* _TEACH_WATCH_H */
