/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is counted, in the order of /proc/net/teach/counters.  Included where
 * it is needed, with C() and D() defined for the purpose; no guard.
 *
 *	C(NAME, shown as)			an event
 *	D(NAME, shown as, kernel's reason)	a received segment dropped
 *
 * Shown as in RFC 4022, in RFC 4113 and in Linux's TcpExt and Udp, where they
 * have a name for it.  What streams and datagrams may be dropped for alike is
 * counted together; the trace tells them apart.
 * The kernel's reason is one of <net/dropreason.h>, for skb:kfree_skb.
 */
#ifdef C
C(ACTIVE_OPENS, "ActiveOpens")
C(PASSIVE_OPENS, "PassiveOpens")
C(ATTEMPT_FAILS, "AttemptFails")
C(ESTAB_RESETS, "EstabResets")
C(IN_SEGS, "InSegs")
C(OUT_SEGS, "OutSegs")
C(RETRANS_SEGS, "RetransSegs")
C(OUT_RSTS, "OutRsts")
C(TIMEOUTS, "Timeouts")
C(SPURIOUS_RTX_HOST_QUEUES, "SpuriousRtxHostQueues")
C(FAST_RETRANS, "FastRetrans")
C(LOSS_PROBES, "LossProbes")
C(LOSS_PROBE_RECOVERY, "LossProbeRecovery")
C(SPURIOUS_RTOS, "SpuriousRTOs")
C(LOSS_UNDO, "LossUndo")
C(FULL_UNDO, "FullUndo")
C(DSACK_UNDO, "DSACKUndo")
C(DSACK_OLD_SENT, "DSACKOldSent")
C(DSACK_RECV, "DSACKRecv")
C(SACK_DISCARD, "SACKDiscard")
C(SACK_REORDER, "SACKReorder")
C(SACK_RENEGING, "SACKReneging")
C(WINDOW_PROBES, "WindowProbes")
C(KEEPALIVES, "KeepAlive")
C(MTUP_FAIL, "MTUPFail")
C(MTUP_SUCCESS, "MTUPSuccess")
C(CHALLENGE_ACKS, "ChallengeAcks")
C(ACKS_SKIPPED, "AcksSkipped")
C(OUT_OF_ORDER, "OutOfOrder")
C(DELAYED_ACKS, "DelayedAcks")
C(SYN_RETRANS, "SynRetrans")
C(SYN_ACK_RETRANS, "SynAckRetrans")
C(SYN_QUEUE_OVERFLOW, "SynQueueOverflow")
C(SYNCOOKIES_SENT, "SyncookiesSent")
C(SYNCOOKIES_RECV, "SyncookiesRecv")
C(SYNCOOKIES_FAILED, "SyncookiesFailed")
C(ACCEPT_QUEUE_OVERFLOW, "AcceptQueueOverflow")
C(TIME_WAITS, "TimeWaits")
C(TIME_WAIT_OVERFLOW, "TimeWaitOverflow")
C(TIME_WAIT_REUSED, "TimeWaitReused")
C(PAWS_ACTIVE, "PAWSActive")
C(ABORT_ON_CLOSE, "AbortOnClose")
C(ABORT_ON_LINGER, "AbortOnLinger")
C(ABORT_ON_TIMEOUT, "AbortOnTimeout")
C(ABORT_ON_MEMORY, "AbortOnMemory")
C(OUT_OF_WINDOW_ICMPS, "OutOfWindowIcmps")
C(LOCAL_DROPS, "LocalDrops")
C(IN_DATAGRAMS, "InDatagrams")
C(OUT_DATAGRAMS, "OutDatagrams")
C(SNDBUF_ERRORS, "SndbufErrors")
#endif

#ifdef D
D(TOO_SHORT, "TooShort", PKT_TOO_SMALL)
D(BAD_OFFSET, "BadOffset", HDR_TRUNC)
D(BAD_CHECKSUM, "BadChecksum", TCP_CSUM)
D(NOT_FOR_US, "NotForUs", OTHERHOST)
D(NO_SOCKET, "NoSocket", NO_SOCKET)
D(FILTER, "Filter", SOCKET_FILTER)
D(MIN_TTL, "MinTtl", NOT_SPECIFIED)
D(BACKLOG, "Backlog", SOCKET_BACKLOG)
D(BAD_FLAGS, "BadFlags", TCP_FLAGS)
D(PAWS, "Paws", TCP_RFC7323_PAWS)
D(OUT_OF_WINDOW, "OutOfWindow", TCP_INVALID_SEQUENCE)
D(OLD_DATA, "OldData", TCP_OLD_DATA)
D(ZERO_WINDOW, "ZeroWindow", TCP_ZEROWINDOW)
D(RCV_BUF, "RcvBuf", SOCKET_RCVBUFF)
D(MEMORY, "Memory", PROTO_MEM)
D(PRUNED, "Pruned", TCP_OFO_QUEUE_PRUNE)
D(BAD_ACK, "BadAck", TCP_ACK_UNSENT_DATA)
D(OLD_ACK, "OldAck", TCP_TOO_OLD_ACK)
D(RESET, "Reset", TCP_RESET)
D(BAD_RESET, "BadReset", TCP_INVALID_SEQUENCE)
D(BAD_SYN, "BadSyn", TCP_INVALID_SYN)
D(CLOSED, "Closed", TCP_CLOSE)
D(SYN_QUEUE_FULL, "SynQueueFull", NO_SOCKET)
D(ACCEPT_QUEUE_FULL, "AcceptQueueFull", NO_SOCKET)
D(DEFERRED, "Deferred", NOT_SPECIFIED)
D(DGRAM_LENGTH, "DgramLength", PKT_TOO_SMALL)
D(DGRAM_CHECKSUM, "DgramChecksum", UDP_CSUM)
D(IGNORED_MULTI, "IgnoredMulti", NO_SOCKET)
#endif

#undef C
#undef D
