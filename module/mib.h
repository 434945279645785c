/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is counted: /proc/net/teach/counters.
 *
 * Why a segment was dropped is one list too: the counter's name, the name in
 * the trace event and the reason the kernel's own skb:kfree_skb shows.
 */
#ifndef _TEACH_MIB_H
#define _TEACH_MIB_H

#include <linux/types.h>

/* Named as in RFC 4022 and in Linux's TcpExt, where they have a name. */
#define TEACH_COUNTERS(C)		\
	C(ActiveOpens)			\
	C(PassiveOpens)			\
	C(AttemptFails)			\
	C(EstabResets)			\
	C(InSegs)			\
	C(OutSegs)			\
	C(RetransSegs)			\
	C(OutRsts)			\
	C(Timeouts)			\
	C(FastRetrans)			\
	C(WindowProbes)			\
	C(ChallengeAcks)		\
	C(OutOfOrder)			\
	C(DelayedAcks)			\
	C(SynRetrans)			\
	C(SynAckRetrans)		\
	C(SynQueueOverflow)		\
	C(AcceptQueueOverflow)		\
	C(TimeWaits)			\
	C(TimeWaitOverflow)		\
	C(TimeWaitReused)		\
	C(AbortOnClose)			\
	C(AbortOnLinger)		\
	C(AbortOnTimeout)		\
	C(OutOfWindowIcmps)		\
	C(LocalDrops)

/* name here, reason in <net/dropreason.h> */
#define TEACH_DROPS(D)					\
	D(TooShort,		PKT_TOO_SMALL)		\
	D(BadOffset,		HDR_TRUNC)		\
	D(BadChecksum,		TCP_CSUM)		\
	D(NoSocket,		NO_SOCKET)		\
	D(Filter,		SOCKET_FILTER)		\
	D(Backlog,		SOCKET_BACKLOG)		\
	D(BadFlags,		TCP_FLAGS)		\
	D(OutOfWindow,		TCP_INVALID_SEQUENCE)	\
	D(OldData,		TCP_OLD_DATA)		\
	D(ZeroWindow,		TCP_ZEROWINDOW)		\
	D(RcvBuf,		SOCKET_RCVBUFF)		\
	D(Memory,		PROTO_MEM)		\
	D(Pruned,		TCP_OFO_QUEUE_PRUNE)	\
	D(BadAck,		TCP_ACK_UNSENT_DATA)	\
	D(OldAck,		TCP_TOO_OLD_ACK)	\
	D(Reset,		TCP_RESET)		\
	D(BadReset,		TCP_INVALID_SEQUENCE)	\
	D(BadSyn,		TCP_INVALID_SYN)	\
	D(Closed,		TCP_CLOSE)		\
	D(SynQueueFull,		NO_SOCKET)		\
	D(AcceptQueueFull,	NO_SOCKET)

enum teach_mib_item {
#define C(name)			TEACH_MIB_##name,
	TEACH_COUNTERS(C)
#undef C
	TEACH_MIB_DROPS,
	TEACH_MIB_LAST_COUNTER = TEACH_MIB_DROPS - 1,
#define D(name, reason)		TEACH_MIB_Drop##name,
	TEACH_DROPS(D)
#undef D
	TEACH_MIB_MAX
};

enum teach_drop {
#define D(name, reason)		TEACH_DROP_##name,
	TEACH_DROPS(D)
#undef D
};

struct teach_mib {
	unsigned long v[TEACH_MIB_MAX];
};

#endif /* _TEACH_MIB_H */
