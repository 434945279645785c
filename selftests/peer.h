/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scripted peer: the other end of the wire, played segment by segment.
 *
 *	tun0, 192.0.2.1  <-- the stack under test
 *	      192.0.2.2  <-- the peer: this process, holding the tun device
 *
 * There is no second TCP in the path.  What the peer sends and what it
 * expects is written the way tcpdump prints it, sequence numbers relative
 * to the initial ones:
 *
 *	peer_send("S 0:0(0) win 65535 <mss 1460>");
 *	peer_expect("S. 0:0(0) ack 1 <mss 1460>");
 *	peer_send(". 1:1(0) ack 1");
 *
 * A segment is: flags, then "SEQ:END(LENGTH)", then any of the words below.
 * Flags are letters of "SFRPUEW.", where '.' is ACK; "-" is no flag at all.
 *
 *	ack N		acknowledgment number, relative to the stack's ISN
 *	win N		window (default when sending: 65535)
 *	urg N		urgent pointer
 *	<...>		options: mss N, nop, eol, sackOK, wscale N,
 *			TS val N ecr N, hex XXXX
 *
 * Only for sending:
 *
 *	fill N		payload of this byte instead of the stream's pattern
 *	sport N, dport N, proto N, src A.B.C.D, tos N, ttl N, id N, frag N
 *	doff N		data offset, in words, right or wrong
 *	sum bad		a wrong TCP checksum; "ipsum bad": a wrong IP one
 *	cut N		the last N bytes missing, the IP length agreeing
 *
 * Only for expecting; what is not named is not compared, except the flags
 * (PSH is compared only when it is named):
 *
 *	win >N, win <N
 *
 * Payload is never spelt out.  Byte number n of each direction's stream is
 * peer_byte(n): whatever arrives is checked against it, on the wire and by
 * app_read().
 *
 * Every call either does what it says or prints what it expected, what it
 * got and the segments that led there, and abort()s: a test needs no check
 * after it.  A process has one peer.
 */
#ifndef _SELFTESTS_PEER_H
#define _SELFTESTS_PEER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define PEER_LOCAL_ADDR		0xc0000201u	/* 192.0.2.1, the stack */
#define PEER_ADDR		0xc0000202u	/* 192.0.2.2, the peer */
#define PEER_LOCAL_PORT		8080
#define PEER_PORT		40000
#define PEER_ISN		1000000u
#define PEER_MTU		1500
#define PEER_DATA_MAX		2048

/* How long anything may take before the test says that it will not come. */
#define PEER_DEADLINE_MS	30000
/* For the harness, which must not be the first to lose patience. */
#define PEER_TEST_TIMEOUT	180

#define PEER_FIN	0x01
#define PEER_SYN	0x02
#define PEER_RST	0x04
#define PEER_PSH	0x08
#define PEER_ACK	0x10
#define PEER_URG	0x20
#define PEER_ECE	0x40
#define PEER_CWR	0x80

/**
 * struct peer_segment - one segment, taken apart
 * @saddr: source address, host byte order, as everything here
 * @daddr: destination address
 * @proto: IP protocol
 * @tos: IP type of service
 * @ttl: IP time to live
 * @id: IP identification
 * @frag: IP flags and fragment offset, as one 16-bit field
 * @sport: source port
 * @dport: destination port
 * @seq: sequence number, absolute
 * @ack: acknowledgment number, absolute
 * @doff: data offset in words; 0 when composing means the right one
 * @flags: PEER_FIN and so on
 * @window: window
 * @urg: urgent pointer
 * @opt: options, as on the wire
 * @optlen: bytes in @opt
 * @len: bytes in @data
 * @bad_sum: compose with a wrong TCP checksum
 * @bad_ip_sum: compose with a wrong IP header checksum
 * @cut: bytes to leave off the end when composing
 * @time: when it was read, in seconds of CLOCK_MONOTONIC
 * @not_before: it cannot have been sent before this time
 * @data: payload
 */
struct peer_segment {
	__u32	saddr, daddr;
	__u8		proto, tos, ttl;
	__u16	id, frag;
	__u16	sport, dport;
	__u32	seq, ack;
	__u8		doff, flags;
	__u16	window, urg;
	__u8		opt[40];
	unsigned int	optlen;
	unsigned int	len;
	bool		bad_sum, bad_ip_sum;
	unsigned int	cut;
	double		time, not_before;
	__u8		data[PEER_DATA_MAX];
};

/**
 * struct peer_conn - what the peer knows of one connection
 * @lport: port of the stack's end
 * @pport: port of the peer's end
 * @isn: the peer's initial sequence number
 * @irs: the stack's; 0 until its SYN is seen
 * @snd_max: highest sequence number the peer has sent
 * @rcv_max: highest sequence number the stack has sent
 * @ack_max: highest acknowledgment the stack has sent
 * @edge: highest acknowledgment plus window the stack has sent
 * @window_edge: highest acknowledgment plus window the peer has sent
 * @mss: the largest payload the stack may send; 0 while not known
 * @synced: @irs is known
 * @acked: @ack_max and @edge are known
 * @shrinks: do not fail when @edge moves back
 * @fragmentable: do not fail when DF is not set
 * @written: bytes that app_write() has taken
 * @read: bytes that app_read() has given
 */
struct peer_conn {
	__u16	lport, pport;
	__u32	isn, irs;
	__u32	snd_max, rcv_max, ack_max, edge, window_edge;
	unsigned int	mss;
	bool		synced, acked, shrinks, fragmentable;
	__u64	written, read;
};

/* The wire. */
void peer_start(void);
bool peer_is_inet(void);
unsigned long peer_netns(void);
struct peer_conn *peer_conn(void);
void peer_use(struct peer_conn *conn);
void peer_conn_init(struct peer_conn *conn, __u16 lport, __u16 pport);
void peer_new_conn(void);
void peer_ignore_others(bool ignore);
__u8 peer_byte(__u64 offset);
void peer_fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* One segment out. */
void peer_send(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
void peer_send_segment(const struct peer_segment *seg);
size_t peer_compose(const struct peer_segment *seg, __u8 *packet,
		    size_t size);
void peer_inject(const void *packet, size_t len);
void peer_icmp(__u8 type, __u8 code, __u16 mtu, __s32 seq_shift);

/* Segments in. */

/* The next segment must be this one. */
struct peer_segment *peer_expect(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
/* The stack has nothing to say to what it was sent so far. */
void peer_expect_nothing(void);
/* All that the stack has to say to what it was sent so far. */
unsigned int peer_collect(struct peer_segment *segs, unsigned int max);
/* The next segment, whatever it is. */
struct peer_segment *peer_next(void);
/* Reads what is there, and checks only that each is well-formed. */
unsigned int peer_drain(void);
const char *peer_format(const struct peer_segment *seg);
/* Of a received segment, which is known to be well-formed. */
const __u8 *peer_option(const struct peer_segment *seg, __u8 kind);
bool peer_timestamps(const struct peer_segment *seg, __u32 *val, __u32 *ecr);

/* Relative numbers of a received segment. */
static inline int peer_seq(const struct peer_segment *seg)
{
	return seg->seq - peer_conn()->irs;
}

static inline int peer_ack(const struct peer_segment *seg)
{
	return seg->ack - peer_conn()->isn;
}

/* The program above the stack. */
int app_socket(void);
int app_listen(__u16 port, int backlog);
int app_listen_rcvbuf(__u16 port, int backlog, int rcvbuf);
int app_bound_socket(__u16 port);
int app_connect_start(void);
void app_connect_wait(int fd, int expected_errno);
int app_accept(int listener);
void app_accept_nothing(int listener);
void app_write(int fd, size_t len);
void app_read(int fd, size_t len);
void app_read_nothing(int fd);
void app_read_eof(int fd);
void app_read_errno(int fd, int expected_errno);
void app_close(int fd);
void app_abort(int fd);
void app_shutdown_write(int fd);

/* Both at once: a connection in ESTABLISHED, the peer's MSS 1460. */
int peer_accept(int listener);
int peer_connect(void);

/* Knobs and counters of whichever stack is under test. */
bool peer_sysctl(const char *name, const char *value);
/* Connections made from now on wait at least so long, "30s", for an ACK. */
void peer_rto_min(const char *time);
long peer_counter(const char *name);
double peer_now(void);

/* A failure names the line of the script that it belongs to. */
void peer_at(const char *file, int line);

#ifndef PEER_NO_LINES
#define PEER_AT(call)	(peer_at(__FILE__, __LINE__), call)

#define peer_send(...)			PEER_AT(peer_send(__VA_ARGS__))
#define peer_icmp(...)			PEER_AT(peer_icmp(__VA_ARGS__))
#define peer_expect(...)		PEER_AT(peer_expect(__VA_ARGS__))
#define peer_expect_nothing(...)	\
	PEER_AT(peer_expect_nothing(__VA_ARGS__))
#define peer_collect(...)		PEER_AT(peer_collect(__VA_ARGS__))
#define peer_next(...)			PEER_AT(peer_next(__VA_ARGS__))
#define peer_accept(...)		PEER_AT(peer_accept(__VA_ARGS__))
#define peer_connect(...)		PEER_AT(peer_connect(__VA_ARGS__))
#define app_listen(...)			PEER_AT(app_listen(__VA_ARGS__))
#define app_listen_rcvbuf(...)	\
	PEER_AT(app_listen_rcvbuf(__VA_ARGS__))
#define app_connect_start(...)		PEER_AT(app_connect_start(__VA_ARGS__))
#define app_connect_wait(...)		PEER_AT(app_connect_wait(__VA_ARGS__))
#define app_accept(...)			PEER_AT(app_accept(__VA_ARGS__))
#define app_accept_nothing(...)		PEER_AT(app_accept_nothing(__VA_ARGS__))
#define app_write(...)			PEER_AT(app_write(__VA_ARGS__))
#define app_read(...)			PEER_AT(app_read(__VA_ARGS__))
#define app_read_nothing(...)		PEER_AT(app_read_nothing(__VA_ARGS__))
#define app_read_eof(...)		PEER_AT(app_read_eof(__VA_ARGS__))
#define app_read_errno(...)		PEER_AT(app_read_errno(__VA_ARGS__))
#define app_close(...)			PEER_AT(app_close(__VA_ARGS__))
#define app_abort(...)			PEER_AT(app_abort(__VA_ARGS__))
#define app_shutdown_write(...)		PEER_AT(app_shutdown_write(__VA_ARGS__))
#endif

#endif /* _SELFTESTS_PEER_H */
