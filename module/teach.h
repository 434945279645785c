/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_TEACH: the structures, and a map of the files.
 *
 * The way of a byte out, and the file that each step is in:
 *
 *	sendmsg(2)	stream.c	copied into the send buffer; or, by
 *					splice(2), only its page is kept
 *	  segment cut	output.c	cwnd, window and Nagle allow it
 *	  retransmit queue		kept until it is acknowledged
 *	  TCP, IP header  ip.c		down into the kernel's IPv4
 *	  neighbour, qdisc		the kernel's own
 *	  TX ring	nic.c		the card
 *
 * and in:
 *
 *	  RX ring, NAPI	nic.c
 *	  IPv4				the kernel's own
 *	  checksum	ip.c		up from IPv4
 *	  5-tuple	hash.c		whose is it?
 *	  states	input.c		RFC 9293 3.10.7, "segment arrives"
 *	  receive queue	receive.c	in order, for the reader
 *	  ACK		delack.c	now, or a little later
 *	recvmsg(2)	stream.c
 *
 * Beside the way: socket.c is the system calls that move no bytes, sockopt.c
 * what they can be told, listen.c and timewait.c the small structures before
 * and after a connection, cookie.c what is done without the first of them,
 * timer.c and keepalive.c what happens when nothing does, mtu.c how large a
 * segment may be, tsq.c what waits in this host, orphan.c connections without a
 * user, urgent.c what does not wait its turn, stamp.c when it came and left,
 * memory.c who is charged, addr.c how addresses are written and bound, port.c
 * who holds which port, reuseport.c who gets what comes if many hold it.
 *
 * An ACK goes its own way: ack.c frees what has arrived and measures the
 * round trip, sack.c and rack.c find what is lost, recovery.c decides what to
 * do about it, cong.c and cong_cubic.c (or a module such as cong_reno.c) how
 * much may be sent, and pacing.c how fast.  rate.c and info.c only look on, for
 * TCP_INFO.  diag.c lists all sockets for `teach ss`, and proc.c for whoever
 * can read a file.
 *
 * Datagrams need little of this: dgram.c is their system calls and queues,
 * dgram_cork.c those that are written in pieces, dgram_ip.c their way down to
 * IPv4 and up from it, dgram_err.c what went wrong there, dgram_hash.c their
 * ports.
 *
 * All this is the same for protocols 253 and 254, which are ours alone, and for
 * real TCP and UDP; interop.c takes those from the host's own stack.
 *
 * Locks, outermost first:
 *
 *	lock_sock(sk)		everything in struct teach_sock that is not
 *				said to be under something else
 *	teach_listener.lock	the SYN queue and the accept queue
 *	teach_port_head.lock	the ports of one chain
 *	teach_net.listen_lock	the listeners (readers: RCU)
 *	teach_net.hash_lock[]	the chains of the 5-tuple table (readers: RCU)
 *	teach_dgram_chain.lock	one chain of datagram sockets (readers: RCU)
 *
 * A struct sock is freed after an RCU grace period (SOCK_RCU_FREE).  That is
 * why looking one up takes no reference: inside rcu_read_lock() it stays,
 * and what it still is, is asked under its lock.
 */
#ifndef _TEACH_H
#define _TEACH_H

#include <linux/hrtimer.h>
#include <linux/list_nulls.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include <uapi/linux/inet_diag.h>
#include <uapi/linux/tcp.h>

#include <teach.h>
#include "compat/compat.h"
#include "mib.h"
#include "watch.h"

#define TEACH_HDR_LEN		20	/* RFC 9293 3.1, without options */
/* Room for all headers that may come before the bytes. */
#define TEACH_MAX_HEADER	L1_CACHE_ALIGN(128 + MAX_HEADER)
/* More of a datagram than this is in pages, not in one piece. */
#define TEACH_DGRAM_LINEAR	SKB_MAX_HEAD(TEACH_MAX_HEADER)

#define TEACH_MSS_DEFAULT	536	/* RFC 9293 3.7.1: no MSS option came */
#define TEACH_MSS_MIN		48	/* with options; never cut smaller */
#define TEACH_INIT_CWND		10	/* RFC 6928 */
#define TEACH_SSTHRESH_MAX	0x7fffffff	/* no loss has been seen */
#define TEACH_CWND_MAX		0x7fffff
#define TEACH_DUPTHRESH		3	/* RFC 5681 3.2 */

#define TEACH_RTO_INIT		HZ	/* RFC 6298 2.1 */
#define TEACH_RTO_MIN		(HZ / 5)	/* as Linux; the RFC has 1 s */
#define TEACH_RTO_MAX		(120 * HZ)
#define TEACH_TIMEWAIT_LEN	(60 * HZ)	/* 2 MSL */
#define TEACH_DELACK_MIN	(HZ / 25)	/* 40 ms */

#define TEACH_CONG_NAME_MAX	16	/* tcp(7), TCP_CONGESTION */
#define TEACH_CONG_LIST_MAX	(128 * TEACH_CONG_NAME_MAX)
#define TEACH_CONG_PRIV_SIZE	104

/* The flags of the header, as one byte. */
#define TEACH_FIN		0x01
#define TEACH_SYN		0x02
#define TEACH_RST		0x04
#define TEACH_PSH		0x08
#define TEACH_ACK		0x10
#define TEACH_URG		0x20
#define TEACH_ECE		0x40
#define TEACH_CWR_FLAG		0x80	/* CWR is a state of recovery.c */
#define teach_flag_byte(th)	(((u8 *)(th))[13])

/* Sequence numbers wrap: RFC 9293 3.4. */
static inline bool before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

#define after(a, b)		before(b, a)

static inline bool between(u32 seq, u32 low, u32 high)
{
	return high - low >= seq - low;
}

/*
 * ---- The options of a segment: options.c ----
 */

#define TEACH_SACKS_MAX			4	/* RFC 2018 3: no more fit */
#define TEACH_ALIGNED_TIMESTAMPS_LEN	12	/* two NOPs and ten bytes */

struct teach_sack {
	u32			start;
	u32			end;
};

/* Of one segment, received or to be sent. */
struct teach_options {
	u16			mss;		/* 0: none */
	u8			wscale;
	bool			has_wscale;
	bool			sack_permitted;
	bool			has_timestamps;
	u8			sacks;
	u32			tsval;
	u32			tsecr;
	struct teach_sack	sack[TEACH_SACKS_MAX];
};

/**
 * struct teach_terms - what the two SYNs agree on
 * @ts_recent: the peer's clock, to be sent back: RFC 7323 4.3
 * @ts_recent_stamp: when that was, in seconds; 0 for never
 * @ts_offset: of our clock
 * @mss: the peer's MSS option
 * @snd_wscale: how far its windows are shifted
 * @rcv_wscale: how far ours are
 * @wscale: windows are scaled: RFC 7323 2
 * @timestamps: every segment has them: RFC 7323 3
 * @sack: RFC 2018
 * @ecn: RFC 3168; by flags of the SYNs, not by an option
 *
 * Begins as what we offer.
 */
struct teach_terms {
	u32			ts_recent;
	u32			ts_recent_stamp;
	u32			ts_offset;
	u16			mss;
	u8			snd_wscale;
	u8			rcv_wscale;
	bool			wscale;
	bool			timestamps;
	bool			sack;
	bool			ecn;
};

/*
 * ---- What is in the 5-tuple table: hash.c ----
 */

/* From where this host stands, whoever sent the segment. */
struct teach_tuple {
	__be32			laddr;
	__be32			faddr;
	__be16			lport;
	__be16			fport;
	u8			proto;		/* the number on the wire */
};

enum teach_kind {
	TEACH_SOCK,		/* struct teach_sock */
	TEACH_REQUEST,		/* struct teach_request: half open */
	TEACH_TIMEWAIT,		/* struct teach_timewait */
};

/**
 * struct teach_entry - one connection in the hash
 * @node: the chain, one for each of two tables while the table grows
 * @tuple: the key; fixed while hashed
 * @hash: of the key
 * @dif: only segments from this device, or 0 for all; SO_BINDTODEVICE may
 *	change it while it is read
 * @kind: what it is embedded in
 * @table: which of @node is in use; under the chain's lock
 * @hashed: written under the chain's lock.  Whoever turns it off owns what
 *	follows, so a connection ends once however many CPUs want it to.
 */
struct teach_entry {
	struct hlist_node	node[2];
	struct teach_tuple	tuple;
	u8			kind;
	u8			table;
	bool			hashed;
	u32			hash;
	int			dif;
};

/**
 * struct teach_bind - somebody who holds a local port: port.c
 * @bucket: he and those who hold it in the same way, under the lock of the
 *	port's chain; NULL when none is held
 * @listens: is one of @bucket's listeners
 */
struct teach_bind {
	struct teach_bucket	*bucket;
	bool			listens;
};

/*
 * ---- A socket ----
 */

/* What one timer per socket waits for, the more urgent first: timer.c. */
enum teach_deadline {
	TEACH_TIMER_REO,	/* RFC 8985 6.3: it is lost, not reordered */
	TEACH_TIMER_TLP,	/* RFC 8985 7: no ACK for two round trips */
	TEACH_TIMER_RTX,	/* RFC 6298: nothing was acknowledged */
	TEACH_TIMER_PROBE,	/* RFC 9293 3.8.6.1: the window is shut */
	TEACH_TIMER_DELACK,	/* RFC 9293 3.8.6.3: an ACK is owed */
	TEACH_TIMER_FIN_WAIT2,	/* nobody is left to read: RFC 9293 3.6 */
	TEACH_TIMER_KEEPALIVE,	/* RFC 9293 3.8.4: is the peer there? */
	TEACH_TIMERS,
	/* Timers of their own, with numbers only for the trace. */
	TEACH_TIMER_PACING = TEACH_TIMERS,	/* pacing.c */
	TEACH_TIMER_SYNACK,			/* listen.c */
	TEACH_TIMER_TIME_WAIT,			/* timewait.c */
};

/* What timers and interrupts want of a socket: teach_run(). */
enum teach_work {
	TEACH_WORK_MTU,		/* the path takes less: mtu.c */
	TEACH_WORK_TIMER,	/* something is due: timer.c */
	TEACH_WORK_SEND,	/* what held sending up has gone: tsq.c */
	TEACH_WORKS
};

/* The last urgent byte that the peer has told of: urgent.c. */
enum teach_urgent {
	TEACH_URGENT_NONE,	/* none, or the reader has passed it */
	TEACH_URGENT_TOLD,	/* it has not come yet */
	TEACH_URGENT_HERE,
	TEACH_URGENT_READ,	/* with MSG_OOB */
};

/* recovery.c; the numbers are those of TCP_INFO, tcpi_ca_state. */
enum teach_recovery {
	TEACH_OPEN,		/* nothing is missing */
	TEACH_DISORDER,		/* something is, perhaps only reordered */
	TEACH_CWR,		/* cwnd is cut, but nothing was lost */
	TEACH_RECOVERY,		/* RFC 6675, RFC 6582: something was */
	TEACH_LOSS,		/* RFC 5681 3.1, after a timeout */
};

/* What sending waits for, for TCP_INFO: rate.c. */
enum teach_limit {
	TEACH_LIMIT_BUSY,	/* the network */
	TEACH_LIMIT_RWND,	/* the peer's window */
	TEACH_LIMIT_SNDBUF,	/* room in the send buffer */
	TEACH_LIMITS,
	TEACH_LIMIT_NONE = TEACH_LIMITS,	/* the user */
};

/**
 * struct teach_stats - what is only counted, for TCP_INFO: info.c
 * @bytes_sent: in segments; those sent twice count twice
 * @bytes_retrans: those of @bytes_sent that were not the first time
 * @bytes_received: in order; the peer's FIN is one
 * @segs_out: all segments sent, with or without bytes
 * @data_segs_out: those with
 * @segs_in: all received
 * @data_segs_in: those with bytes
 * @out_of_order: segments that came before their turn
 * @received_ce: segments that a router had marked
 * @delivered_ce: segments of ours that one seems to have marked
 * @timeouts: how often the retransmission timer ran out
 * @recoveries: how many times that was the first in a row
 * @rto_ms: how long these lasted, the last one not if it still does
 */
struct teach_stats {
	u64			bytes_sent;
	u64			bytes_retrans;
	u64			bytes_received;
	u32			segs_out;
	u32			data_segs_out;
	u32			segs_in;
	u32			data_segs_in;
	u32			out_of_order;
	u32			received_ce;
	u32			delivered_ce;
	u16			timeouts;
	u16			recoveries;
	u32			rto_ms;
};

/**
 * struct teach_ack - what an ACK says
 * @prior_una: what was acknowledged before it
 * @prior_flight: segments in the network before it
 * @prior_sack_high: the end of what was SACKed before it
 * @now_us: when it came
 * @acked: segments newly acknowledged by number
 * @delivered: segments newly known to have arrived, acknowledged or SACKed
 * @rtt_us: a round trip; 0 when it tells none
 * @tsecr: the clock of ours that it sends back, or 0
 * @prior_delivered: what had arrived when that was sent: rate.c
 * @prior_us: when that had
 * @snd_us: how long its flight took to send
 * @has_rate: these three are known
 * @app_limited: the user wrote too little to show the path's rate
 * @duplicate: it says nothing but that something has arrived
 * @dsack: something has arrived twice
 * @retransmitted: something arrived that was sent more than once
 * @orig_delivered: something arrived that was sent once, before the recovery
 * @ece: a router has seen congestion
 */
struct teach_ack {
	u32			prior_una;
	u32			prior_flight;
	u32			prior_sack_high;
	u32			now_us;
	u32			acked;
	u32			delivered;
	u32			rtt_us;
	u32			tsecr;
	u32			prior_delivered;
	u32			prior_us;
	u32			snd_us;
	bool			has_rate;
	bool			app_limited;
	bool			duplicate;
	bool			dsack;
	bool			retransmitted;
	bool			orig_delivered;
	bool			ece;
};

/**
 * struct teach_mtu_search - for the path MTU that nobody tells: mtu.c
 * @low: packets of this size pass
 * @high: larger ones do not, or are not sent
 * @probe: the size of the probe that is out; 0 when none is
 * @probe_end: of its sequence numbers
 * @stamp: when the search began; jiffies
 * @enabled: is on
 */
struct teach_mtu_search {
	u32			low;
	u32			high;
	u32			probe;
	u32			probe_end;
	u32			stamp;
	bool			enabled;
};

/**
 * struct teach_sock - one end of a connection (the TCB), or a listener
 *
 * Everything is under lock_sock() unless it says otherwise.  Freed by
 * teach_sock_destruct(), an RCU grace period after the last reference.
 *
 * The names of RFC 9293 3.3.1:
 *
 *	     1         2          3          4
 *	----------|----------|----------|----------
 *	       SND.UNA    SND.NXT    SND.UNA
 *	                            +SND.WND
 *
 *	1 acknowledged   2 on the retransmit queue
 *	3 may be sent    4 may not yet
 */
struct teach_sock {
	struct inet_sock	inet;		/* first: IP reads it */

	struct teach_entry	entry;
	struct teach_bind	bind;
	struct hlist_node	listen_node;	/* teach_net.listen_lock */
	struct teach_listener __rcu *listener;	/* LISTEN; else NULL */
	struct list_head	accept_node;	/* the listener's lock */
	u8			wire;		/* protocol on the wire */
	u16			user_family;	/* the form it answers in */

	/* Send: what is where in the sequence space. */
	u32			iss;
	u32			snd_una;
	u32			snd_nxt;
	u32			snd_wnd;
	u32			snd_wl1;	/* seq of the last update */
	u32			max_window;	/* the widest ever offered */
	u64			bytes_acked;	/* ever; SYN and FIN are one */
	u32			write_seq;	/* end of what the user wrote */
	u32			snd_sml;	/* end of the last small one */
	struct rb_root		rtx_queue;	/* sent, not ACKed: by seq */
	struct list_head	sent;		/* in flight: by time */

	struct teach_terms	terms;		/* of the two SYNs */
	u32			syn_tsval;	/* our clock before our SYN */

	/* How large. */
	u16			user_mss;	/* TCP_MAXSEG */
	u16			mss_clamp;	/* what the peer takes */
	u16			mss_cache;	/* what we cut to now */
	u16			advmss;		/* what we offered */
	u32			pmtu;		/* of the route */
	struct teach_mtu_search	mtu_search;

	/* How much: segments. */
	u32			cwnd;
	u32			cwnd_cnt;	/* not yet a whole one of it */
	u32			ssthresh;
	u32			prior_cwnd;	/* before it was last cut */
	u32			prior_ssthresh;
	u32			packets_out;	/* on rtx_queue */
	u32			sacked_out;	/* of those, arrived */
	u32			lost_out;	/* marked lost */
	u32			retrans_out;	/* sent again */
	u32			delivered;	/* ever */
	u32			lost;		/* ever */
	u32			cwnd_used;	/* most out, this round trip */
	u32			cwnd_round;	/* snd_nxt at its begin */
	u32			full_stamp;	/* cwnd was used up; jiffies */
	u32			full_max;	/* most out since then */
	u32			last_sent;	/* jiffies */
	bool			cwnd_limited;	/* it was, in this round trip */

	/* Loss: recovery.c. */
	u8			recovery;	/* enum teach_recovery */
	u32			high_seq;	/* snd_nxt at its begin */
	u32			prr_delivered;	/* RFC 6937 2 */
	u32			prr_out;
	u32			undo_marker;	/* snd_una then; 0: no undo */
	int			undo_retrans;	/* not yet D-SACKed; -1: none */
	u32			retrans_stamp;	/* our clock at the first */
	bool			frto;		/* RFC 5682 is at work */
	bool			try_new;	/* it wants new data sent */

	/* What the peer has SACKed: sack.c. */
	struct teach_sack	snd_sack[TEACH_SACKS_MAX];
	u8			snd_sacks;
	bool			sack_high_valid;
	u32			sack_high;	/* end of the highest */
	u32			dsacks;		/* ever */

	/* RACK-TLP: rack.c. */
	u32			rack_sent_us;	/* RACK.xmit_ts */
	u32			rack_end_seq;
	u32			rack_rtt_us;
	u32			rack_round_seq;	/* reo_wnd_mult grew there */
	u8			reo_wnd_mult;
	u8			reo_wnd_persist;
	bool			rack_valid;
	u32			reord_seen;	/* how often */
	bool			tlp_retrans;	/* the probe was a second one */
	u32			tlp_high_seq;	/* snd_nxt then; 0: none out */

	/* ECN: ecn.c. */
	bool			ecn_echo;	/* CE came: ECE until CWR */
	bool			ecn_cwr;	/* to be said with new data */
	bool			ecn_seen;	/* the peer sends with ECN */

	/* No faster: pacing.c. */
	u64			pacing_ns;	/* the next may leave then */
	struct hrtimer		pacing_timer;	/* a reference while queued */

	/* How fast: rate.c. */
	u32			first_tx_us;	/* of the flight */
	u32			delivered_us;	/* something last was */
	u32			app_limited;	/* until more are; or 0 */
	u32			rate_delivered;	/* the last sample */
	u32			rate_interval_us;
	bool			rate_app_limited;
	u8			limit;		/* enum teach_limit */
	u32			limit_since;	/* jiffies */
	u32			limit_time[TEACH_LIMITS];

	struct teach_stats	stats;

	/* Who decides how much: cong.c. */
	const struct teach_cong_ops *cong;	/* holds its module */
	bool			cong_chosen;	/* by TCP_CONGESTION */
	bool			cong_running;	/* init() was, release() not */
	u64			cong_priv[TEACH_CONG_PRIV_SIZE / sizeof(u64)];

	/* How long. */
	u32			min_rtt_us;
	u32			min_rtt_stamp;	/* jiffies */
	u32			srtt_us;	/* << 3 */
	u32			rttvar_us;	/* << 2 */
	u32			rto;		/* jiffies, without backoff */
	u8			backoff;
	u8			probes_out;
	u32			retransmits;	/* timeouts in a row */
	u32			rto_stamp;	/* jiffies at the first; or 0 */
	u32			probe_stamp;	/* the same of the probes */
	u32			last_ack_rcv;	/* jiffies */
	u32			total_retrans;

	/* Receive. */
	u32			irs;
	u32			rcv_nxt;
	u32			rcv_wup;	/* rcv_nxt of the last ACK */
	u32			rcv_wnd;	/* the window sent then */
	u32			window_clamp;	/* the widest it may be */
	u32			rcv_rtt_us;	/* << 3 */
	u32			rcv_rtt_tsecr;	/* of the last sample */
	u32			rcvq_seq;	/* copied_seq, a trip ago */
	u32			rcvq_us;	/* when that was */
	u32			rcvq_space;	/* most read in a round trip */
	u32			copied_seq;	/* what the reader has had */
	u16			rcv_mss;	/* the peer seems to cut so */
	struct rb_root		ofo_queue;	/* out of order */
	struct teach_sack	rcv_sack[TEACH_SACKS_MAX];
	struct teach_sack	dsack;		/* has come twice */
	u8			rcv_sacks;
	bool			has_dsack;

	/* ACKs: delack.c. */
	bool			ack_due;	/* something is not yet ACKed */
	bool			ack_now;	/* do not wait for company */
	bool			pingpong;	/* our answers carry the ACKs */
	u8			quickack;	/* so many more without delay */
	u8			ack_pushed;	/* ends of a write, at most 2 */
	u32			ato;		/* jiffies; 0: nothing came */
	u32			last_data_rcv;	/* jiffies */
	u32			oow_ack_time;	/* last one to a bad segment */

	/* Urgent data: urgent.c. */
	bool			urgent_out;	/* not all is ACKed */
	u8			urgent;		/* enum teach_urgent */
	u8			urgent_byte;
	u32			snd_up;		/* the octet behind it */
	u32			urg_seq;	/* the mark */

	/* What the user wants: sockopt.c.  0: mostly as the sysctl has it */
	bool			nodelay;	/* TCP_NODELAY */
	bool			cork;		/* TCP_CORK */
	u8			syn_retries;	/* TCP_SYNCNT */
	u8			defer_accept;	/* SYN-ACKs without data */
	u8			keep_cnt;	/* TCP_KEEPCNT */
	u32			keep_idle;	/* TCP_KEEPIDLE, in jiffies */
	u32			keep_intvl;	/* TCP_KEEPINTVL, in jiffies */
	u32			user_timeout;	/* ms; 0: none */
	int			linger2;	/* TCP_LINGER2, in jiffies */
	u32			notsent_lowat;	/* TCP_NOTSENT_LOWAT */
	u32			user_clamp;	/* TCP_WINDOW_CLAMP; 0: none */
	bool			inq;		/* TCP_INQ */

	bool			orphan;		/* counted as one: orphan.c */

	u16			mtu_info;	/* from ICMP, to be done */
	unsigned long		deferred;	/* bits: enum teach_work */
	u8			cause;		/* enum teach_cause, now */

	struct timer_list	timer;		/* a reference while armed */
	struct tasklet_struct	tsq_tasklet;	/* a reference while queued */
	unsigned long		tsq;		/* bits: tsq.c */
	unsigned long		armed;		/* bits: enum teach_deadline */
	unsigned long		deadline[TEACH_TIMERS];
};

static inline struct teach_sock *teach_sk(const struct sock *sk)
{
	return (struct teach_sock *)sk;
}

/* connect(2) has not ended. */
static inline bool teach_opening(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV);
}

/* What an algorithm for congestion control keeps of its own in a socket. */
static inline void *teach_cong_priv(const struct sock *sk)
{
	return teach_sk(sk)->cong_priv;
}

static inline bool teach_in_slow_start(const struct teach_sock *ts)
{
	return ts->cwnd < ts->ssthresh;
}

static inline struct sock *teach_entry_sk(const struct teach_entry *e)
{
	return (struct sock *)container_of(e, struct teach_sock, entry);
}

/**
 * struct teach_cb - what we know of a segment, in skb->cb
 * @ip: the kernel's IPv4 has these bytes while the skb is in its hands
 * @sent_node: sent and kept: in teach_sock.sent
 * @seq: of the first byte
 * @end_seq: behind the last; SYN and FIN count one each
 * @ack: received: the header's
 * @sent_us: sent: when, for the RTT and RACK
 * @window: received: the header's
 * @segs: sent: how many segments it is
 * @mss: sent: of how many bytes each, but for the last
 * @flags: TEACH_FIN…
 * @ce: received: a router has seen congestion
 * @sacked: sent: has arrived, as a SACK block says
 * @lost: sent: taken for lost
 * @retrans: sent: and sent again since
 * @ever_retrans: sent: more than once, so no RTT from it (Karn)
 * @more: to be sent: MSG_MORE came with its last bytes
 * @at_once: to be sent: not held back, by Nagle or a cork
 * @eor: to be sent: MSG_EOR came with its last bytes; nothing is added
 * @tx_ack: to be sent: stamp.c wants to know when it is acknowledged
 * @first_tx_us: sent: the next three and @app_limited are rate.c's
 * @delivered_us: sent: see there
 * @delivered: sent: see there
 * @app_limited: sent: see there
 */
struct teach_cb {
	union {
		struct inet_skb_parm	ip;
		struct {
			struct list_head	sent_node;
			u32			first_tx_us;
			u32			delivered_us;
		};
	};
	u32			seq;
	u32			end_seq;
	union {
		u32		ack;
		u32		sent_us;
	};
	union {
		u16		window;
		u16		segs;
	};
	u16			mss;
	u8			flags;
	u16			ce:1,
				sacked:1,
				lost:1,
				retrans:1,
				ever_retrans:1,
				more:1,
				at_once:1,
				eor:1,
				tx_ack:1,
				app_limited:1;
	u32			delivered;
};

static inline struct teach_cb *teach_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct teach_cb) > sizeof(skb->cb));
	return (struct teach_cb *)skb->cb;
}

/*
 * The VRF that a packet has come by, which an answer without a socket has to
 * leave by; or 0.  It is in the bytes that struct teach_cb leaves to IPv4.
 */
static inline int teach_vrf(const struct sk_buff *skb)
{
	return inet_sdif(skb) ? skb->skb_iif : 0;
}

/* So many segments are in @skb, if the card glues or cuts them. */
static inline u32 teach_segs_of(const struct sk_buff *skb)
{
	return max_t(u32, skb_shinfo(skb)->gso_segs, 1);
}

/* RFC 7323 2.3: the window of a SYN is never scaled. */
static inline u32 teach_peer_window(const struct teach_sock *ts,
				    const struct teach_cb *cb)
{
	return cb->flags & TEACH_SYN ? cb->window :
	       (u32)cb->window << ts->terms.snd_wscale;
}

/*
 * ---- Congestion control: cong.c ----
 */

/* What an algorithm cannot see from ACKs. */
enum teach_cong_event {
	TEACH_CONG_TX_START,	/* sending again; nothing was in flight */
	TEACH_CONG_LOSS,	/* after ssthresh(): it was a timeout */
};

/**
 * struct teach_cong_ops - an algorithm for congestion control
 * @node: in the list of all, which is under teach_cong_lock and RCU
 * @name: as TCP_CONGESTION knows it
 * @owner: the module, held by each socket that uses it; NULL in teach.ko
 * @allowed: anybody may choose it, not only CAP_NET_ADMIN; the sysctl
 *	allowed_congestion_control changes it
 * @init: begin; what teach_cong_priv() gives is zero.  Optional
 * @release: end, once for each @init.  Optional
 * @ssthresh: segments were lost: the slow start threshold from now on.  cwnd
 *	is cut to it by recovery.c
 * @acked: segments have arrived and none seems lost: let cwnd grow
 * @event: see above.  Optional
 * @undo_cwnd: nothing had been lost, and @ssthresh was asked in vain: what
 *	cwnd should be.  Optional; ts->prior_cwnd unless told
 * @get_info: TCP_CC_INFO; fill in @info, return its size.  Optional
 *
 * All are called with the socket locked, in softirq or with BH enabled, and
 * must not sleep.
 */
struct teach_cong_ops {
	struct list_head	node;
	char			name[TEACH_CONG_NAME_MAX];
	struct module		*owner;
	bool			allowed;

	void	(*init)(struct sock *sk);
	void	(*release)(struct sock *sk);
	u32	(*ssthresh)(struct sock *sk);
	void	(*acked)(struct sock *sk, const struct teach_ack *ack);
	void	(*event)(struct sock *sk, enum teach_cong_event ev);
	u32	(*undo_cwnd)(struct sock *sk);
	size_t	(*get_info)(struct sock *sk, u32 ext, int *attr,
			    union tcp_cc_info *info);
};

/*
 * ---- Before and after ----
 */

/**
 * struct teach_listener - what a socket in LISTEN has more than others
 * @lock: all of it, and every request's timer and counters
 * @syn_queue: half-open connections, struct teach_request.list
 * @syn_len: how many
 * @syn_young: how many of them have not timed out yet
 * @accept_queue: ready for accept(2), teach_sock.accept_node; their number
 *	is sk->sk_ack_backlog
 * @closed: nothing may be added any more
 * @cookies_end: until when an ACK may bring a cookie, jiffies; without @lock
 * @flood_warned: the log knows that @syn_queue was full; without @lock
 */
struct teach_listener {
	spinlock_t		lock;	/* of the queues */
	struct list_head	syn_queue;
	u32			syn_len;
	u32			syn_young;
	struct list_head	accept_queue;
	bool			closed;
	unsigned long		cookies_end;
	u32			flood_warned;
	struct rcu_head		rcu;
};

/**
 * struct teach_request - a connection in SYN_RECV: listen.c
 * @entry: in the hash
 * @list: in the listener's SYN queue, under its lock
 * @sk: the listener; outlives the request, which dies with its queue
 * @queue: the listener's queues
 * @timer: sends the SYN-ACK again; set under @queue's lock
 * @iss: our first sequence number
 * @irs: the peer's
 * @terms: what the peer's SYN and our SYN-ACK agree on
 * @advmss: the MSS that we offer
 * @window: the peer's, for the new socket
 * @rcv_wnd: what our SYN-ACK offers
 * @timeouts: how often @timer has sent it again, under @queue's lock
 * @acked: an ACK came, but no data (TCP_DEFER_ACCEPT), or the accept queue
 *	was full
 * @cookie: it is kept nowhere, but made of an ACK: cookie.c
 * @retrans: SYN-ACKs sent again
 * @sent_us: when the first one left, for the first RTT
 * @oow_ack_time: of the last answer to a bad segment
 *
 * Freed after an RCU grace period by whoever unhashes it.
 */
struct teach_request {
	struct teach_entry	entry;
	struct list_head	list;
	struct sock		*sk;
	struct teach_listener	*queue;
	struct timer_list	timer;
	u32			iss;
	u32			irs;
	struct teach_terms	terms;
	u16			advmss;
	u16			window;
	u16			rcv_wnd;
	u8			timeouts;
	bool			acked;
	bool			cookie;
	u32			retrans;
	u32			sent_us;
	u32			oow_ack_time;
	struct rcu_head		rcu;
};

/**
 * struct teach_timewait - what is left of a connection: timewait.c
 * @entry: in the hash
 * @bind: keeps the local port
 * @tn: whose it is
 * @timer: the end of it
 * @terms: for the timestamps
 * @lock: the numbers below
 * @state: TIME_WAIT, or FIN_WAIT2 when the user is gone
 *
 * Freed after an RCU grace period by whoever unhashes it.
 */
struct teach_timewait {
	struct teach_entry	entry;
	struct teach_bind	bind;
	struct teach_net	*tn;
	struct timer_list	timer;
	spinlock_t		lock;	/* of state and timer */
	u32			snd_nxt;
	u32			rcv_nxt;
	u32			rcv_wnd;
	struct teach_terms	terms;
	u32			oow_ack_time;
	u8			state;
	u8			tos;
	struct rcu_head		rcu;
};

/*
 * ---- Datagrams ----
 */

/* The two tables that a datagram socket may be in: dgram_hash.c. */
enum teach_dgram_table {
	TEACH_DGRAM_PORTS,	/* by local port: all that have one */
	TEACH_DGRAM_PEERS,	/* by 5-tuple: those that are connected */
	TEACH_DGRAM_TABLES
};

/**
 * struct teach_dgram_chain - one chain of one of the tables
 * @lock: for writers
 * @head: struct teach_dgram_sock.node of that table; ends in the chain's
 *	number, by which a reader sees that a socket has taken it elsewhere
 */
struct teach_dgram_chain {
	spinlock_t		lock;	/* of writers */
	struct hlist_nulls_head	head;
};

/**
 * struct teach_dgram_cork - a datagram that is written in pieces: dgram_cork.c
 * @skb: what there is of it, charged to the socket
 * @rt: its route, with a reference
 * @fl4: where it goes
 * @ipc: what the socket, or the first message, says
 */
struct teach_dgram_cork {
	struct sk_buff		*skb;
	struct rtable		*rt;
	struct flowi4		fl4;
	struct ipcm_cookie	ipc;
};

/**
 * struct teach_dgram_sock - a socket for datagrams
 * @inet: addresses, ports and options; first, as IP reads it
 * @node: in the two tables
 * @chain: which chain of each
 * @claim: keeps its port from the host's own UDP, or NULL
 * @user_family: the form it answers in
 * @wire: protocol on the wire
 * @corked: UDP_CORK
 * @cork: what is not yet whole, or NULL
 *
 * Under lock_sock(), but for the receive queue: that and what is charged for
 * it are under sk_receive_queue.lock, so that to receive needs no other lock.
 * Freed by teach_dgram_destruct(), an RCU grace period after the last
 * reference.
 */
struct teach_dgram_sock {
	struct inet_sock	inet;
	struct hlist_nulls_node	node[TEACH_DGRAM_TABLES];
	u32			chain[TEACH_DGRAM_TABLES];
	struct teach_claim	*claim;
	u16			user_family;
	u8			wire;
	bool			corked;
	struct teach_dgram_cork	*cork;
};

static inline struct teach_dgram_sock *teach_dgram_sk(const struct sock *sk)
{
	return (struct teach_dgram_sock *)sk;
}

/*
 * ---- A network namespace ----
 */

#define TEACH_DGRAM_CHAINS	1024
#define TEACH_HASH_LOCKS	256
#define TEACH_PORT_CHAINS	256
#define TEACH_CLAIM_CHAINS	256
#define TEACH_LISTEN_CHAINS	64

struct teach_port_head {
	spinlock_t		lock;	/* of the chain and its ports */
	struct hlist_head	chain;
};

/* net.teach.*; names, meanings and defaults are those of net.ipv4.tcp_*. */
struct teach_sysctl {
	int			syn_retries;
	int			synack_retries;
	int			syncookies;
	int			mtu_probing;
	int			base_mss;
	int			min_snd_mss;
	int			mtu_probe_floor;
	unsigned int		probe_interval;
	int			probe_threshold;
	int			retries1;
	int			retries2;
	int			orphan_retries;
	int			max_orphans;
	int			keepalive_time;	/* jiffies */
	int			keepalive_intvl; /* jiffies */
	int			keepalive_probes;
	int			fin_timeout;	/* jiffies */
	int			max_syn_backlog;
	int			max_tw_buckets;
	int			timewait_reuse;	/* tw_reuse */
	int			rfc1337;
	int			abort_on_overflow;
	int			slow_start_after_idle;
	int			invalid_ratelimit;	/* jiffies */
	int			limit_output_bytes;
	int			challenge_ack_limit;
	int			timestamps;
	int			window_scaling;
	int			sack;
	int			dsack;
	int			frto;
	int			ecn;
	int			moderate_rcvbuf;
	unsigned int		notsent_lowat;
	int			pacing_ss_ratio;	/* percent */
	int			pacing_ca_ratio;
	int			stdurg;
	int			rmem[3];
	int			wmem[3];
};

/**
 * struct teach_net - what each network namespace has of its own
 * @net: the namespace
 * @table: 5-tuples; RCU, replaced by a larger one when it fills
 * @next_table: the larger one while it is being filled, else NULL
 * @hash_lock: one for the chains of each hash value modulo their number
 * @entries: in @table
 * @grow: fills the larger one
 * @listeners: by port; RCU
 * @listen_lock: writers of @listeners
 * @ports: those in use, by number
 * @dgram: the tables of datagram sockets, TEACH_DGRAM_CHAINS chains each
 * @claims: ports of the host's TCP and UDP that are ours: interop.c; RCU
 * @claims_mutex: of who makes them and lets them go
 * @claims_count: how many there are; under the mutex
 * @claims_lock: of their users, and @claims_unused
 * @claims_unused: those without
 * @claims_work: lets them go
 * @mib: counters, see mib.h
 * @timewaits: how many, for max_tw_buckets
 * @orphans: how many, for max_orphans
 * @challenge_second: the one that @challenge_left is for
 * @challenge_left: challenge ACKs that may still be sent in it
 * @cong: what new sockets use; holds its module
 * @sysctl_header: /proc/sys/net/teach
 * @sysctl: its values
 */
struct teach_net {
	struct net		*net;

	struct teach_table __rcu *table;
	struct teach_table	*next_table;
	spinlock_t		*hash_lock;	/* array, by chain */
	atomic_t		entries;
	struct work_struct	grow;

	struct hlist_head	listeners[TEACH_LISTEN_CHAINS];
	spinlock_t		listen_lock;	/* of @listeners */
	struct teach_port_head	*ports;
	struct teach_dgram_chain *dgram[TEACH_DGRAM_TABLES];

	struct hlist_head	claims[TEACH_CLAIM_CHAINS];
	struct mutex		claims_mutex;	/* of @claims */
	u32			claims_count;
	spinlock_t		claims_lock;	/* of @claims_unused, users */
	struct list_head	claims_unused;
	struct work_struct	claims_work;

	struct teach_mib __percpu *mib;
	atomic_t		timewaits;
	atomic_t		orphans;
	u32			challenge_second;
	u32			challenge_left;
	const struct teach_cong_ops __rcu *cong;

	struct ctl_table_header	*sysctl_header;
	struct ctl_table	*sysctl_table;
	struct teach_sysctl	sysctl;
};

extern unsigned int teach_net_id;

static inline struct teach_net *teach_net(const struct net *net)
{
	return net_generic(net, teach_net_id);
}

static inline struct teach_net *teach_sk_net(const struct sock *sk)
{
	return teach_net(sock_net(sk));
}

#define TEACH_ADD(tn, name, n) \
	this_cpu_add((tn)->mib->v[TEACH_MIB_##name], n)
#define TEACH_INC(tn, name) TEACH_ADD(tn, name, 1)

/*
 * What must not be guessed: filled once, when the module is loaded.  (Not with
 * get_random_once(), which holds the module for a while after its first use.)
 */
struct teach_secret {
	siphash_key_t		isn;		/* RFC 6528 */
	siphash_key_t		ts_offset;	/* RFC 7323 5.4 */
	siphash_key_t		port;		/* RFC 6056 */
	siphash_key_t		cookie;		/* RFC 4987 3.6 */
	siphash_key_t		cookie_tag;
	u32			port_offset[256];
	u32			hash;
};

/* main.c */
extern struct teach_secret teach_secret;
extern struct proto teach_prot;

/* addr.c */
int teach_addr_check(const struct sockaddr_unsized *uaddr, int addr_len);
int teach_addr_bind(struct sock *sk, const struct sockaddr_unsized *uaddr,
		    int addr_len, u16 *user_family);
int teach_addr_set(void *uaddr, u16 family, __be32 addr, __be16 port);
int teach_addr_name(const struct sock *sk, struct sockaddr *uaddr, u16 family,
		    int peer);

/* socket.c */
extern const struct net_proto_family teach_family_ops;
extern const struct proto_ops teach_stream_ops;
void teach_init_inet(struct sock *sk);
void teach_init_child(struct sock *sk);
int teach_wait_error(const struct sock *sk, long timeout);
void teach_tuple_set(struct sock *sk);
void teach_set_state(struct sock *sk, int state);
void teach_unname(struct sock *sk);
void teach_retire(struct sock *sk);
u32 teach_sleep(const struct sock *sk, enum teach_call call);
void teach_woken(const struct sock *sk, enum teach_call call, int err,
		 u32 since);
void teach_done(struct sock *sk);
void teach_fail(struct sock *sk, int err);
void teach_abort(struct sock *sk);
void teach_destroy_sock(struct sock *sk);
int teach_disconnect(struct sock *sk, int flags);
void teach_device_changed(struct sock *sk);
void teach_shut_write(struct sock *sk);
void teach_close(struct sock *sk, long timeout);
void teach_run(struct sock *sk, enum teach_work work);
void teach_run_put(struct sock *sk, enum teach_work work);
void teach_release_cb(struct sock *sk);

/* sockopt.c */
int teach_own_option(int level, int optname);
int teach_set_own(struct sock *sk, int option, sockptr_t optval,
		  unsigned int optlen);
int teach_get_own(struct sock *sk, int option, char __user *optval,
		  int __user *optlen);
int teach_set_udp(struct sock *sk, int optname, sockptr_t optval,
		  unsigned int optlen);
int teach_get_udp(struct sock *sk, int optname, char __user *optval,
		  int __user *optlen);
int teach_setsockopt(struct socket *sock, int level, int optname,
		     sockptr_t optval, unsigned int optlen);
int teach_getsockopt(struct socket *sock, int level, int optname,
		     char __user *optval, int __user *optlen);
int teach_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);

/* stream.c */
int teach_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int teach_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		  int flags);
void teach_splice_eof(struct socket *sock);
ssize_t teach_splice_read(struct socket *sock, loff_t *ppos,
			  struct pipe_inode_info *pipe, size_t len,
			  unsigned int flags);

/* hash.c */
int teach_hash_init(struct teach_net *tn);
void teach_hash_exit(struct teach_net *tn);
u32 teach_hash_tuple(const struct teach_tuple *t);
struct teach_entry *teach_lookup(struct teach_net *tn,
				 const struct teach_tuple *t, int dif,
				 int sdif);
struct sock *teach_lookup_listener(struct teach_net *tn,
				   const struct teach_tuple *t, int dif,
				   int sdif, struct sk_buff *skb);
bool teach_hash_insert(struct teach_net *tn, struct teach_entry *e);
bool teach_hash_remove(struct teach_net *tn, struct teach_entry *e);
bool teach_hash_replace(struct teach_net *tn, struct teach_entry *old,
			struct teach_entry *new);
int teach_listen_hash(struct sock *sk);
void teach_listen_unhash(struct sock *sk);
bool teach_hash_walk_chain(struct teach_net *tn, u32 i,
			   void (*fn)(struct teach_entry *e, void *data),
			   void *data);
void teach_hash_walk(struct teach_net *tn,
		     void (*fn)(struct teach_entry *e, void *data), void *data);
void teach_hash_where(struct teach_net *tn, const struct teach_tuple *t,
		      struct teach_hash *where);

/* port.c */
int teach_port_init(struct teach_net *tn);
void teach_port_exit(struct teach_net *tn);
int teach_port_any(struct sock *sk,
		   int (*hold)(struct sock *sk, u16 number, bool alone));
int teach_port_bind(struct sock *sk, u16 port);
int teach_port_listen(struct sock *sk);
void teach_port_unlisten(struct sock *sk);
void teach_port_rename(struct sock *sk);
int teach_port_connect(struct sock *sk, u32 *iss);
int teach_port_inherit(struct sock *sk, struct sock *listener);
void teach_port_keep(struct sock *sk, struct teach_timewait *tw);
void teach_port_put(struct teach_net *tn, struct teach_bind *bind);

/* reuseport.c */
bool teach_reuseport_may_share(const struct sock *sk, bool reuseport,
			       kuid_t uid);
bool teach_reuseport_match(const struct sock *sk, const struct sock *other);
int teach_reuseport_join(struct sock *sk, struct sock *member);
void teach_reuseport_leave(struct sock *sk);
struct sock *teach_reuseport_select(struct sock *sk,
				    const struct teach_tuple *t,
				    struct sk_buff *skb, int header);

/* listen.c */
int teach_listen_init(void);
void teach_listen_exit(void);
int teach_listen_start(struct sock *sk);
void teach_listen_stop(struct sock *sk);
struct sock *teach_accept_dequeue(struct sock *sk);
void teach_listen_rcv(struct sock *sk, struct sk_buff *skb, u32 iss);
void teach_request_init(struct teach_request *req, struct sock *sk,
			struct teach_listener *queue,
			const struct sk_buff *skb);
int teach_send_synack_options(const struct teach_request *req,
			      const struct teach_options *opt);
void teach_request_complete(struct teach_request *req, struct sk_buff *skb);
void teach_request_rcv(struct teach_request *req, struct sk_buff *skb);
void teach_request_drop(struct teach_request *req, int state,
			enum teach_cause cause);

/* cookie.c */
void teach_cookie_send(struct sock *sk, struct teach_listener *queue,
		       const struct sk_buff *skb);
bool teach_cookie_rcv(struct sock *sk, struct teach_listener *queue,
		      struct teach_request *waiting, struct sk_buff *skb);

/* input.c */
int teach_do_rcv(struct sock *sk, struct sk_buff *skb);
void teach_established(struct sock *sk);
void teach_rcv_closed(struct net *net, struct sk_buff *skb);
void teach_reply_rst(struct net *net, const struct sk_buff *skb);
bool teach_in_window(const struct teach_cb *cb, u32 rcv_nxt, u32 wup, u32 end);
bool teach_oow_ack_allowed(struct teach_net *tn, u32 *last);
bool teach_old_ack_allowed(struct teach_net *tn, const struct teach_cb *cb,
			   u32 *last);
bool teach_challenge_allowed(struct teach_net *tn, u32 *last);

/* receive.c */
bool teach_rcv_data(struct sock *sk, struct sk_buff *skb);
void teach_rcv_purge(struct sock *sk);
u32 teach_rcv_wnd_end(const struct teach_sock *ts);
u32 teach_window(const struct sock *sk);
bool teach_readable(const struct sock *sk);
void teach_rcv_consumed(struct sock *sk);
u16 teach_select_window(struct sock *sk);
u16 teach_initial_window(const struct sock *sk, u16 mss);

/* urgent.c */
void teach_urgent_wrote(struct teach_sock *ts);
void teach_urgent_acked(struct teach_sock *ts);
u16 teach_urgent_pointer(const struct teach_sock *ts, u32 seq);
void teach_urgent_rcv(struct sock *sk, const struct sk_buff *skb);
bool teach_urgent_at(const struct sock *sk, u32 seq);
bool teach_urgent_apart(const struct sock *sk, u32 seq);
u32 teach_urgent_bound(const struct teach_sock *ts, u32 seq, u32 len);
void teach_urgent_passed(struct teach_sock *ts);
int teach_recv_urgent(struct sock *sk, struct msghdr *msg, size_t len,
		      int flags);

/**
 * struct teach_stamp - when a segment came
 * @software: by the kernel's clock; 0 when unknown
 * @hardware: by the card's; 0 when unknown
 */
struct teach_stamp {
	ktime_t			software;
	ktime_t			hardware;
};

static inline bool teach_stamped(struct sk_buff *skb)
{
	return skb->tstamp || skb_hwtstamps(skb)->hwtstamp;
}

/* stamp.c */
void teach_stamp_take(struct sk_buff *skb, struct teach_stamp *stamp);
void teach_stamp_put(struct sock *sk, struct msghdr *msg,
		     const struct teach_stamp *stamp);
void teach_stamp_joined(struct sk_buff *to, struct sk_buff *from);
void teach_stamp_datagram(struct sock *sk, struct sk_buff *skb, u32 flags);
u32 teach_stamp_seq(const struct sock *sk, const struct sk_buff *skb);
void teach_stamp_wrote(struct sock *sk, u32 flags, u32 len);
bool teach_stamp_wanted(const struct sk_buff *skb);
void teach_stamp_split(struct sock *sk, struct sk_buff *skb,
		       struct sk_buff *rest);
void teach_stamp_acked(struct sock *sk, struct sk_buff *skb, u32 una);

/* delack.c */
void teach_ack_soon(struct sock *sk);
void teach_ack_with_data(struct sock *sk);
void teach_quickack(struct sock *sk);
void teach_ack_data(struct sock *sk, const struct sk_buff *skb);
void teach_ack_check(struct sock *sk);
bool teach_ack_read(const struct sock *sk);
void teach_ack_sent(struct sock *sk, u32 len);
void teach_ack_expired(struct sock *sk);
void teach_set_quickack(struct sock *sk, int val);

/* tsq.c */
bool teach_tsq_full(struct sock *sk, const struct sk_buff *skb, u32 segs);
bool teach_tsq_holds(struct sock *sk, const struct sk_buff *skb);
void teach_tsq_run(struct sock *sk);
void teach_tsq_left(struct sock *sk);
void teach_tsq_init(struct sock *sk);

/* output.c */
struct sk_buff *teach_alloc_segment(struct sock *sk, gfp_t gfp);
void teach_free_segment(struct sock *sk, struct sk_buff *skb);
void teach_queue_segment(struct sock *sk, struct sk_buff *skb);
void teach_push(struct sock *sk);
void teach_push_at_once(struct sock *sk);
int teach_send_syn(struct sock *sk);
void teach_send_synack(struct sock *sk);
void teach_send_fin(struct sock *sk);
void teach_send_ack(struct sock *sk, enum teach_why why);
void teach_send_rst(struct sock *sk);
void teach_send_probe(struct sock *sk);
void teach_send_keepalive(struct sock *sk);
int teach_retransmit(struct sock *sk, struct sk_buff *skb, u32 segs,
		     enum teach_why why);
bool teach_push_one(struct sock *sk);
bool teach_push_large(struct sock *sk, u32 len);
u32 teach_window_end(const struct teach_sock *ts);
void teach_rtx_unlink(struct teach_sock *ts, struct sk_buff *skb);
int teach_rtx_split(struct sock *sk, struct sk_buff *skb, u32 len);
u32 teach_rtx_trim(struct sock *sk, struct sk_buff *skb, u32 una);
struct sk_buff *teach_last_segment(struct sock *sk);
u32 teach_size_goal(const struct sock *sk);
void teach_send_purge(struct sock *sk);
u32 teach_flight(const struct teach_sock *ts);

/* mtu.c */
u16 teach_advmss(const struct sock *sk, u32 mtu);
u32 teach_bound_to_window(const struct teach_sock *ts, u32 mss);
void teach_sync_mss(struct sock *sk, u32 pmtu);
void teach_check_mss(struct sock *sk);
void teach_mtu_told(struct sock *sk, u32 mtu);
void teach_mtu_reduced(struct sock *sk);
void teach_mtu_start(struct sock *sk, u32 pmtu);
bool teach_mtu_probe(struct sock *sk);
void teach_mtu_probe_arrived(struct sock *sk);
bool teach_mtu_probe_lost(struct sock *sk);
void teach_mtu_black_hole(struct sock *sk);

/* ack.c */
void teach_rcv_ack(struct sock *sk, struct sk_buff *skb,
		   const struct teach_options *opt);
void teach_delivered(struct sock *sk, const struct teach_cb *cb,
		     struct teach_ack *ack);

/* sack.c */
void teach_sack_add(struct teach_sock *ts, u32 start, u32 end);
void teach_sack_advance(struct teach_sock *ts);
void teach_dsack_set(struct sock *sk, u32 start, u32 end);
void teach_sack_options(struct teach_sock *ts, struct teach_options *opt);
void teach_rcv_sack(struct sock *sk, u32 una, const struct teach_options *opt,
		    struct teach_ack *ack);
void teach_sack_renege(struct teach_sock *ts);

/* rack.c */
void teach_min_rtt_sample(struct teach_sock *ts, u32 rtt_us);
void teach_rack_delivered(struct teach_sock *ts, const struct teach_cb *cb,
			  u32 now_us);
void teach_reordered(struct sock *sk);
void teach_rack_adapt(struct teach_sock *ts, const struct teach_ack *ack);
void teach_rack_recovered(struct teach_sock *ts);
s32 teach_rack_remaining(const struct teach_sock *ts, const struct teach_cb *cb,
			 u32 now_us);
bool teach_rack_detect(struct sock *sk);
void teach_tlp_schedule(struct sock *sk);
void teach_tlp_send(struct sock *sk);
void teach_tlp_ack(struct sock *sk, const struct teach_ack *ack);

/* recovery.c */
void teach_recover(struct sock *sk, struct teach_ack *ack);
void teach_recover_reo(struct sock *sk);
void teach_mark_lost(struct teach_sock *ts, struct teach_cb *cb);
void teach_enter_cwr(struct sock *sk);
void teach_enter_loss(struct sock *sk);
void teach_mss_shrunk(struct sock *sk);
void teach_retransmit_lost(struct sock *sk);

/* ecn.c */
bool teach_ecn_ask(const struct net *net);
bool teach_ecn_asked(const struct net *net, u8 flags);
bool teach_ecn_agreed(u8 flags);
void teach_ecn_rcv(struct teach_sock *ts, const struct sk_buff *skb);
bool teach_ecn_echoed(const struct teach_sock *ts, const struct teach_cb *cb);
void teach_ecn_reduced(struct teach_sock *ts);
u8 teach_ecn_send(struct teach_sock *ts, u8 *flags, bool new_data);

/* pacing.c */
void teach_pacing_init(struct sock *sk);
void teach_pacing_stop(struct sock *sk);
void teach_pacing_update(struct sock *sk);
u32 teach_pacing_segs(const struct sock *sk);
bool teach_pacing_wait(struct sock *sk);
u32 teach_pacing_us(const struct sock *sk);
unsigned long teach_pacing_delay(const struct sock *sk);
void teach_pacing_sent(struct sock *sk, struct sk_buff *skb, u32 len);

/* rate.c */
void teach_rate_start(struct teach_sock *ts);
void teach_rate_sent(const struct teach_sock *ts, struct teach_cb *cb);
void teach_rate_delivered(struct teach_sock *ts, const struct teach_cb *cb,
			  struct teach_ack *ack);
void teach_rate_sample(struct teach_sock *ts, const struct teach_ack *ack);
void teach_rate_app_limited(struct sock *sk);
u64 teach_delivery_rate(const struct teach_sock *ts);
void teach_limit_set(struct teach_sock *ts, enum teach_limit limit);
u32 teach_limit_time(const struct teach_sock *ts, enum teach_limit limit);

/* info.c */

/**
 * union teach_tcp_info - what TCP_INFO gives, whatever kernel this is
 * @info: the kernel's own structure, in which the newest fields may be missing
 * @known: all before those
 * @rcv_wnd: since 6.2; they have the names of tcp_info's, without "tcpi_"
 * @rehash: since 6.2; always 0
 * @total_rto: since 6.7
 * @total_rto_recoveries: since 6.7
 * @total_rto_time: ms; since 6.7
 * @received_ce: since 6.18
 * @accecn_bytes: since 6.18, six fields; always 0
 * @ecn_mode: since 7.0; 1 is RFC 3168's
 * @accecn: since 7.0; always 0
 */
union teach_tcp_info {
	struct tcp_info	info;
	struct {
		u8	known[offsetofend(struct tcp_info, tcpi_snd_wnd)];
		u32	rcv_wnd;
		u32	rehash;
		u16	total_rto;
		u16	total_rto_recoveries;
		u32	total_rto_time;
		u32	received_ce;
		u32	accecn_bytes[6];
		u32	ecn_mode:2,
			accecn:30;
	};
};

u32 teach_ms_since(u32 stamp);
void teach_get_info(struct sock *sk, union teach_tcp_info *all);

/* rtt.c */
u32 teach_clock_us(void);
void teach_rtt_init(struct teach_sock *ts);
void teach_rtt_sample(struct teach_sock *ts, u32 rtt_us);
u32 teach_rto(const struct teach_sock *ts);

/* cong.c */
int teach_cong_register(struct teach_cong_ops *ops);
void teach_cong_unregister(struct teach_cong_ops *ops);
void teach_cong_net_init(struct teach_net *tn);
void teach_cong_net_exit(struct teach_net *tn);
void teach_cong_default(struct teach_net *tn, char *name);
int teach_cong_set_default(struct teach_net *tn, const char *name);
void teach_cong_list_names(char *buf, size_t size, bool only_allowed);
int teach_cong_set_allowed(char *names);
void teach_cong_load(const char *name);
int teach_cong_choose(struct sock *sk, const char *name);
void teach_cong_assign(struct sock *sk);
void teach_cong_inherit(struct sock *sk);
void teach_cong_put(struct sock *sk);
void teach_cong_reset(struct sock *sk);
void teach_cong_start(struct sock *sk);
u32 teach_cong_ssthresh(struct sock *sk);
void teach_cong_acked(struct sock *sk, const struct teach_ack *ack);
void teach_cong_event(struct sock *sk, enum teach_cong_event ev);
void teach_cong_undo(struct sock *sk);

/* cwnd.c */
void teach_cwnd_init(struct sock *sk);
u32 teach_slow_start(struct teach_sock *ts, u32 acked);
void teach_cwnd_add(struct teach_sock *ts, u64 credit, u32 per);
bool teach_cwnd_limited(const struct teach_sock *ts);
u32 teach_cwnd_flight(const struct teach_sock *ts);
void teach_cwnd_validate(struct sock *sk, bool limited);
void teach_cwnd_restart(struct sock *sk);

/**
 * struct teach_hystart - slow start's end by RFC 9406, whose names these are
 * @window_end: snd_nxt when the round began
 * @last_round_min_rtt: us; all ones when there is none
 * @current_round_min_rtt: likewise
 * @css_baseline_min_rtt: likewise; none when not in CSS
 * @rtt_sample_count: in this round
 * @css_rounds: that have ended in CSS
 */
struct teach_hystart {
	u32			window_end;
	u32			last_round_min_rtt;
	u32			current_round_min_rtt;
	u32			css_baseline_min_rtt;
	u32			rtt_sample_count;
	u32			css_rounds;
};

/* hystart.c */
void teach_hystart_reset(const struct teach_sock *ts, struct teach_hystart *h);
u32 teach_hystart_acked(struct teach_sock *ts, struct teach_hystart *h,
			const struct teach_ack *ack);

/* cong_cubic.c: what is always there */
extern struct teach_cong_ops teach_cubic;

/* options.c */
void teach_options_parse(const struct sk_buff *skb, struct teach_options *opt);
unsigned int teach_options_len(const struct teach_options *opt);
void teach_options_write(__be32 *ptr, const struct teach_options *opt);
void teach_terms_offer(const struct sock *sk, const struct teach_tuple *t,
		       struct teach_terms *terms);
void teach_terms_agree(struct teach_terms *terms,
		       const struct teach_options *opt);
void teach_terms_apply(struct sock *sk, const struct teach_terms *terms);
void teach_terms_options(const struct teach_terms *terms, u16 mss,
			 struct teach_options *opt);
u32 teach_ts_now(const struct teach_terms *terms);
void teach_ts_options(const struct teach_terms *terms,
		      struct teach_options *opt);
void teach_ts_recent(struct teach_terms *terms, u32 tsval);
bool teach_paws_ok(const struct teach_terms *terms,
		   const struct teach_options *opt);

/* timer.c */
void teach_timer_init(struct sock *sk);
void teach_timer_set(struct sock *sk, enum teach_deadline which,
		     unsigned long delay);
void teach_timer_clear(struct sock *sk, enum teach_deadline which);
void teach_timer_stop(struct sock *sk);
void teach_timer_run(struct sock *sk);
void teach_timed_out(struct sock *sk);

static inline bool teach_timer_armed(const struct sock *sk,
				     enum teach_deadline which)
{
	return teach_sk(sk)->armed & BIT(which);
}

/* keepalive.c */
u32 teach_keep_idle(const struct sock *sk);
u32 teach_keep_intvl(const struct sock *sk);
u32 teach_keep_cnt(const struct sock *sk);
void teach_keepalive_start(struct sock *sk);
void teach_set_keepalive(struct sock *sk, int on);
void teach_keepalive_expired(struct sock *sk);

/* orphan.c */
void teach_orphan(struct sock *sk);
void teach_orphan_end(struct sock *sk);
bool teach_orphan_check(struct sock *sk);
u32 teach_orphan_retries(const struct sock *sk);
void teach_fin_wait2_orphan(struct sock *sk);
void teach_fin_wait2_expired(struct sock *sk);
int teach_max_orphans(void);

/* timewait.c */
int teach_timewait_init(void);
void teach_timewait_exit(void);
void teach_time_wait(struct sock *sk, int state, unsigned long timeout);
void teach_timewait_rcv(struct teach_timewait *tw, struct sk_buff *skb);
struct teach_timewait *teach_timewait_take(struct sock *sk, bool bound,
					   u32 *iss);
void teach_timewait_release(struct teach_timewait *tw, enum teach_cause cause);
void teach_timewait_kill(struct teach_timewait *tw, enum teach_cause cause);

/* memory.c */
extern atomic_long_t teach_memory_allocated;
extern unsigned long teach_memory_pressure;
extern long teach_sysctl_mem[3];
extern int teach_memory_min;
DECLARE_PER_CPU(int, teach_memory_fw_alloc);
extern struct percpu_counter teach_sockets;
void teach_memory_share(long mem[3], unsigned int part);
int teach_memory_init(void);
void teach_memory_exit(void);
void teach_enter_memory_pressure(struct sock *sk);
void teach_leave_memory_pressure(struct sock *sk);
int teach_wmem_schedule(struct sock *sk, int len);
bool teach_rcv_charge(struct sock *sk, struct sk_buff *skb, int limit);
int teach_rcv_space(const struct sock *sk);
u32 teach_rcv_space_max(const struct sock *sk);
void teach_rcv_rtt_sample(struct teach_sock *ts, u32 tsecr);
void teach_rcvbuf_expand(struct sock *sk);
int teach_set_rcvlowat(struct sock *sk, int val);
void teach_sndbuf_expand(struct sock *sk);
bool teach_stream_memory_free(const struct sock *sk, int wake);
void teach_wake_writers(struct sock *sk);
void teach_write_space(struct sock *sk);
void teach_check_space(struct sock *sk);

/**
 * struct teach_bare - a segment that no socket stands behind
 * @t: the connection
 * @dif: the device that it has to leave by, or 0
 * @tos: of the IP header
 * @mark: of the skb, for routing
 * @seq: of the TCP header
 * @ack: of the TCP header
 * @window: of the TCP header
 * @flags: of the TCP header
 * @opt: the options
 * @state: of what it is sent for, for the trace
 * @why: likewise
 *
 * The answers of LISTEN, SYN_RECV, TIME_WAIT and CLOSED.
 */
struct teach_bare {
	struct teach_tuple	t;
	int			dif;
	u8			tos;
	u32			mark;
	u32			seq;
	u32			ack;
	u16			window;
	u8			flags;
	struct teach_options	opt;
	u8			state;
	u8			why;		/* enum teach_why */
};

/* ip.c */
int teach_ip_init(void);
void teach_ip_exit(void);
struct dst_entry *teach_route(struct sock *sk);
u32 teach_route_metric(const struct sock *sk, int metric);
u32 teach_route_mtu_told(struct sock *sk, u32 mtu);
bool teach_route_fragments(const struct sock *sk);
struct dst_entry *teach_route_connect(struct sock *sk, __be32 daddr,
				      __be16 dport, __be32 *saddr);
void teach_setup_caps(struct sock *sk, struct dst_entry *dst);
bool teach_filter(struct sock *sk, struct sk_buff *skb);
int teach_ip_xmit(struct sock *sk, struct sk_buff *skb, u8 ecn);
int teach_ip_send(struct net *net, const struct teach_bare *seg);
void teach_checksum(struct sk_buff *skb, __sum16 *check, u8 proto,
		    __be32 saddr, __be32 daddr, netdev_features_t features);
struct iphdr *teach_push_iphdr(struct sk_buff *skb, u8 proto, u8 tos, u8 ttl,
			       __be16 frag_off, __be32 saddr, __be32 daddr);
u32 teach_isn(const struct teach_tuple *t);
u32 teach_ts_offset(const struct teach_tuple *t);
int teach_rcv(struct sk_buff *skb);
int teach_err(struct sk_buff *skb, u32 info);

/* interop.c */
void teach_interop_init(struct teach_net *tn);
void teach_interop_exit(struct teach_net *tn);
struct teach_claim *teach_claim(struct teach_net *tn, u8 proto, u16 number,
				bool reuse);
void teach_claim_hold(struct teach_claim *claim);
void teach_claim_put(struct teach_claim *claim);
void teach_claims_settle(struct teach_net *tn, u8 wire);

/* Does this host's own stack speak it, too? */
static inline bool teach_wire_is_hosts(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

/* dgram.c */
extern struct proto teach_dgram_prot;
extern long teach_dgram_mem[3];
int teach_dgram_init(void);
void teach_dgram_exit(void);
int teach_dgram_create(struct net *net, struct socket *sock, int protocol,
		       int kern);
void teach_dgram_disconnect(struct sock *sk);
struct sk_buff *teach_dgram_alloc(struct sock *sk, size_t linear, size_t paged,
				  int flags, int *err);
void teach_dgram_queue(struct sock *sk, struct sk_buff *skb);

/* dgram_cork.c */
int teach_dgram_cork(struct sock *sk, struct msghdr *msg, size_t len,
		     const struct flowi4 *fl4, const struct ipcm_cookie *ipc,
		     struct rtable *rt);
int teach_dgram_append(struct sock *sk, struct msghdr *msg, size_t len,
		       bool more);
void teach_dgram_flush(struct sock *sk);
void teach_dgram_cork_turn(struct sock *sk);
void teach_dgram_set_cork(struct sock *sk, bool on);
void teach_dgram_splice_eof(struct socket *sock);

/* dgram_hash.c */
int teach_dgram_hash_init(struct teach_net *tn);
void teach_dgram_hash_exit(struct teach_net *tn);
int teach_dgram_port_bind(struct sock *sk, u16 number);
void teach_dgram_port_put(struct sock *sk);
void teach_dgram_peer_set(struct sock *sk);
void teach_dgram_peer_clear(struct sock *sk);
struct sock *teach_dgram_lookup(struct teach_net *tn,
				const struct teach_tuple *t, int dif, int sdif,
				struct sk_buff *skb);
void teach_dgram_lookup_all(struct teach_net *tn, const struct teach_tuple *t,
			    int dif, int sdif,
			    void (*fn)(struct sock *sk, void *data),
			    void *data);
void teach_dgram_walk(struct teach_net *tn, u32 number,
		      void (*fn)(struct sock *sk, void *data), void *data);

/* dgram_ip.c */
int teach_dgram_ip_init(void);
int teach_dgram_rcv(struct sk_buff *skb);
void teach_dgram_ip_exit(void);
int teach_dgram_cmsg(struct sock *sk, struct msghdr *msg,
		     struct ipcm_cookie *ipc);
struct rtable *teach_dgram_route(struct sock *sk, struct flowi4 *fl4,
				 const struct ipcm_cookie *ipc, __be32 daddr,
				 __be16 dport, bool link);
bool teach_dgram_fits(struct sock *sk, const struct flowi4 *fl4,
		      const struct rtable *rt, size_t len);
int teach_dgram_xmit(struct sock *sk, struct sk_buff *skb,
		     const struct flowi4 *fl4, const struct ipcm_cookie *ipc,
		     struct rtable *rt);

/* dgram_err.c */
void teach_dgram_local_error(struct sock *sk, int err, __be32 daddr,
			     __be16 dport, u32 info);
int teach_dgram_recv_error(struct sock *sk, struct msghdr *msg, size_t len);
int teach_dgram_err(struct sk_buff *skb, u32 info);

/* diag.c */
int teach_diag_init(void);
void teach_diag_exit(void);
void teach_queue_lengths(const struct sock *sk, u32 *recv, u32 *send);
void teach_dgram_tuple(const struct sock *sk, struct teach_tuple *t);
void teach_sock_tuple(const struct sock *sk, struct teach_tuple *t);
int teach_destroy_stream(struct sock *sk, int err);
int teach_destroy_dgram(struct sock *sk, int err);

/* proc.c, sysctl.c */
int teach_proc_init(struct teach_net *tn);
void teach_proc_exit(struct teach_net *tn);
int teach_sysctl_init(struct teach_net *tn);
void teach_sysctl_exit(struct teach_net *tn);

/* mib.c: nothing is dropped but here */
void teach_drop(struct net *net, struct sk_buff *skb, enum teach_drop reason);

#endif /* _TEACH_H */
