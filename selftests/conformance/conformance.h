/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The conformance suite's interpreter.  README.md says how a script is
 * written and what it means; here is what its files share.
 *
 *	script.c	a file of text becomes lines
 *	segment.c	the notation of one segment: read, shown, compared
 *	wire.c		the tun device, and what holds for every segment
 *	call.c		the system calls
 *	info.c		struct tcp_info by the names of its fields
 *	play.c		a script's lines, one after the other
 *	table.c		the requirements, and what became of them
 *	stalls.c	whether the machine was there all the time
 *
 * A script is played by a process of its own, in a network namespace that no
 * other uses at that time.  It ends with fail(), or by coming to its last line.
 */
#ifndef _CONFORMANCE_H
#define _CONFORMANCE_H

#include <linux/types.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LOCAL_ADDR	0xc0000201u	/* 192.0.2.1, the stack */
#define PEER_ADDR	0xc0000202u	/* 192.0.2.2, the peer: the script */
#define LOCAL_PORT	8080
#define PEER_PORT	40000
#define PEER_ISN	1000000u

#define MAX_DATA	9000
#define MAX_OPTIONS	40
#define MAX_CONNS	16
#define MAX_FDS		32
#define NAME_LEN	16

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum family {
	TEACH = 1,
	INET = 2,
};

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define ACK	0x10
#define URG	0x20
#define ECE	0x40
#define CWR	0x80

/*
 * ---- Segments ----
 */

/**
 * struct packet - one segment in its IP packet, numbers as on the wire
 * @saddr: source address, host byte order, as everything here
 * @daddr: destination address
 * @proto: IP protocol
 * @tos: IP type of service, ECN included
 * @ttl: IP time to live
 * @id: IP identification
 * @frag: IP flags and fragment offset, as one 16-bit field
 * @ipopt: IP options
 * @ipoptlen: bytes in @ipopt
 * @sport: source port
 * @dport: destination port
 * @seq: sequence number
 * @ack: acknowledgment number
 * @doff: data offset in words
 * @reserved: the four bits beside it
 * @flags: FIN and so on
 * @window: window, not scaled
 * @urg: urgent pointer
 * @opt: TCP options
 * @optlen: bytes in @opt
 * @len: bytes in @data
 * @time: when it left the stack or was given to it
 * @out: it has left the stack
 * @data: payload
 */
struct packet {
	__u32	saddr, daddr;
	__u8	proto, tos, ttl;
	__u16	id, frag;
	__u8	ipopt[MAX_OPTIONS];
	unsigned int	ipoptlen;
	__u16	sport, dport;
	__u32	seq, ack;
	__u8	doff, reserved, flags;
	__u16	window, urg;
	__u8	opt[MAX_OPTIONS];
	unsigned int	optlen;
	unsigned int	len;
	double	time;
	bool	out;
	__u8	data[MAX_DATA];
};

/* A number, the name of one that was seen before, or anything ("*"). */
struct value {
	enum { NUMBER, NAME, ANY } is;
	char	name[NAME_LEN];
	long long	number;		/* what is added to a name's */
};

#define OPT_EOL		0
#define OPT_NOP		1
#define OPT_MSS		2
#define OPT_WSCALE	3
#define OPT_SACKOK	4
#define OPT_SACK	5
#define OPT_TS		8
#define OPT_RAW		256	/* bytes as they are */

/**
 * struct tcp_option - one option of a segment in a script
 * @kind: OPT_MSS and so on
 * @value: the MSS, the scale, or the timestamp's value
 * @ecr: the timestamp's echo reply
 * @len: bytes in @raw, or numbers in @edge
 * @raw: the bytes, for OPT_RAW
 * @edge: the edges of SACK blocks
 */
struct tcp_option {
	int	kind;
	struct value	value, ecr;
	unsigned int	len;
	__u8	raw[MAX_OPTIONS];
	long long	edge[8];
};

/* The words of a segment that may be there or not. */
#define HAS_WIN		0x001
#define HAS_URG		0x002
#define HAS_ECN		0x004
#define HAS_TOS		0x008
#define HAS_TTL		0x010
#define HAS_FILL	0x020
#define HAS_DOFF	0x040
#define HAS_BAD_SUM	0x080
#define HAS_BAD_IPSUM	0x100
#define HAS_ANY_OPTIONS	0x200
#define HAS_SRC		0x400

/**
 * struct segment - one segment in a script, numbers relative
 * @conn: the connection, from 0
 * @has: which of the optional words were there
 * @flags: FIN and so on
 * @seq: sequence number
 * @len: bytes of payload
 * @ack: acknowledgment number
 * @win_min: lowest window, and the one to send
 * @win_max: highest window
 * @urg: urgent pointer
 * @ecn: the two ECN bits of IP
 * @tos: the rest of that byte
 * @ttl: IP time to live
 * @fill: payload of this byte, not of the stream
 * @doff: data offset, right or wrong
 * @reserved: the four bits beside it
 * @cut: bytes missing at the end
 * @frag: IP flags and fragment offset
 * @sport: source port, 0 for the connection's
 * @dport: destination port, 0 for the connection's
 * @src: source address
 * @dst: destination address, 0 for the usual
 * @ipopt: IP options
 * @ipoptlen: bytes in @ipopt
 * @by: cut it into segments of so many bytes; 0 for one
 * @options: TCP options
 * @noptions: how many
 */
struct segment {
	int	conn;
	unsigned int	has;
	__u8	flags;
	long long	seq, ack;
	unsigned int	len;
	unsigned int	win_min, win_max;
	__u16	urg;
	__u8	ecn, tos, ttl, fill, doff, reserved;
	unsigned int	cut;
	__u16	frag, sport, dport;
	__u32	src, dst;
	__u8	ipopt[MAX_OPTIONS];
	unsigned int	ipoptlen;
	unsigned int	by;
	struct tcp_option	options[MAX_OPTIONS];
	unsigned int	noptions;
};

/**
 * struct conn - what is known of one connection
 * @used: a segment of it was seen
 * @lport: port of the stack's end
 * @pport: port of the peer's end
 * @isn: the peer's initial sequence number
 * @irs: the stack's, once @synced
 * @old_irs: that of the connection before, with the same ports
 * @peer_zero: what the script calls the peer's number 0
 * @stack_zero: what the script calls the stack's number 0
 * @peer_max: the end of what the peer has sent
 * @stack_max: the end of what the stack has sent
 * @ack_max: the stack's highest acknowledgment, once @acked
 * @edge: the right edge of the stack's window, once @acked
 * @window_edge: the right edge of the peer's window
 * @ts_val: the stack's latest timestamp, once @ts_seen
 * @last_seq: sequence number of the stack's last segment
 * @mss: what the peer allows in one segment; 0 while not known
 * @peer_scale: window scale of the peer's SYN; -1 for none
 * @stack_scale: window scale of the stack's SYN; -1 for none
 * @peer_ts: the peer's SYN had a timestamp
 * @stack_ts: the stack's SYN had one
 * @synced: the stack's SYN was seen
 * @acked: an ACK of the stack's was seen
 * @ts_seen: a timestamp of the stack's was seen
 */
struct conn {
	__u16	lport, pport;
	__u32	isn, irs, old_irs, peer_zero, stack_zero;
	__u32	peer_max, stack_max, ack_max, edge, window_edge;
	__u32	ts_val, last_seq;
	unsigned int	mss;
	int	peer_scale, stack_scale;
	bool	used, peer_ts, stack_ts, synced, acked, ts_seen;
};

/**
 * struct wire - a network namespace with a tun device in it
 * @ns: the namespace
 * @tun: the far side of the device
 * @tap: sees what leaves, and when
 * @used: by another script before
 * @patient: nothing is sent again for the lack of an ACK
 */
struct wire {
	int	ns, tun, tap;
	bool	used, patient;
};

/* Numbers that a script has given a name, as the stack's timestamps. */
bool name_find(const char *name, __u32 *number);
void name_set(const char *name, __u32 number);

/*
 * ---- Calls ----
 */

#define MAX_ARGS	6

struct arg {
	long long	number, second;	/* second: of {number, second} */
	struct sockaddr_in	addr;
	char	text[64];
};

struct function;

/**
 * struct call - a system call in a script
 * @fn: which
 * @args: what it is called with
 * @low: the least that it may return
 * @high: the most
 * @err: the errno if it returns -1
 * @at: where in the stream the bytes begin that it reads; -1 where the last
 *	ended
 */
struct call {
	const struct function	*fn;
	struct arg	args[MAX_ARGS];
	long long	low, high;
	int	err;
	long long	at;
};

struct running;

/*
 * ---- Scripts ----
 */

/**
 * struct when - the time of a line
 * @given: there is one
 * @absolute: since the start, not since the line before
 * @from: not earlier
 * @to: not later; infinity for whenever
 */
struct when {
	bool	given, absolute;
	double	from, to;
};

/**
 * struct icmp - an ICMP error in a script
 * @conn: the connection it is about
 * @type: ICMP type
 * @code: ICMP code
 * @info: next-hop MTU, or the pointer of a parameter problem
 * @quoted: @seq is given; else it quotes the stack's last segment
 * @seq: sequence number of the segment it quotes
 */
struct icmp {
	int	conn;
	__u8	type, code;
	__u16	info;
	bool	quoted;
	long long	seq;
};

enum what {
	ARRIVES,	/* < segment */
	LEAVES,		/* > segment */
	CALL,		/* name(arguments) = value */
	BEGIN,		/* begin NAME name(arguments) */
	ASLEEP,		/* asleep NAME */
	END,		/* end NAME = value */
	NOTHING,	/* nothing, nothing for SECONDS */
	STATE,		/* state NAME */
	AGAIN,		/* again +N */
	ORIGIN,		/* origin */
	ICMP,		/* < icmp NAME */
	RAISED,		/* signal NAME */
	DEVICE,		/* mtu N */
	SYSCTL,		/* sysctl NAME VALUE */
	ISN,		/* isn LOW..HIGH */
	APART,		/* apart */
};

/**
 * struct line - one line of a script
 * @file: where it is written
 * @number: its number there
 * @text: as it is written
 * @families: on which it is played
 * @what: what it says
 * @when: and when
 * @seg: ARRIVES and LEAVES
 * @icmp: ICMP
 * @call: CALL, BEGIN and END
 * @name: BEGIN, ASLEEP, END, STATE and SYSCTL
 * @conn: STATE, AGAIN, ORIGIN and ISN
 * @value: AGAIN, RAISED, DEVICE, SYSCTL, and the low end of ISN
 * @high: the high end of ISN
 */
struct line {
	const char	*file;
	int	number;
	char	*text;
	unsigned int	families;
	enum what	what;
	struct when	when;
	struct segment	*seg;
	struct icmp	icmp;
	struct call	call;
	char	name[32];
	int	conn;
	long long	value, high;
};

struct setting {
	char	name[48], value[48];
};

#define MAX_PROVES	32
#define MAX_STATES	12
#define MAX_SETTINGS	16

/**
 * struct script - one script
 * @name: its path below the scripts' directory, without the ending
 * @text: the file, which the strings here point into
 * @error: what is wrong with how it is written; empty if nothing
 * @title: the first sentence of the comment at its head
 * @proves: the requirements
 * @states: one case for each of these; none for a single case
 * @matrix: kinds of segment, for the matrix of RFC 9293 3.10.7
 * @settings: sysctls to set before
 * @skip: why not, for each family; NULL if it is played
 * @differs: why some lines are for one family only
 * @mtu: of the device
 * @address: a second address of the device; 0 for none
 * @may_shrink: the stack's window may shrink
 * @may_fragment: the stack's packets need no DF
 * @lines: what happens
 * @nlines: how many
 */
struct script {
	char	name[96];
	char	*text;
	char	error[160];
	char	*title;
	char	*proves[MAX_PROVES];
	unsigned int	nproves;
	char	*states[MAX_STATES];
	unsigned int	nstates;
	char	*matrix[MAX_PROVES];
	unsigned int	nmatrix;
	struct setting	settings[MAX_SETTINGS];
	unsigned int	nsettings;
	char	*skip[INET + 1];
	char	*differs;
	int	mtu;
	__u32	address;
	bool	may_shrink, may_fragment;
	struct line	*lines;
	unsigned int	nlines;
};

/* What became of one case. */
enum verdict {
	PASSED,
	FAILED,
	SKIPPED,	/* a difference on purpose: the script says why */
};

struct result {
	const struct script	*script;
	const char	*state;		/* NULL if the script names none */
	enum verdict	verdict;
	char	*why;			/* of SKIPPED */
	char	*output;		/* what the process had to say */
};

/**
 * struct config - how the scripts are played
 * @family: the stack under test
 * @dir: where the scripts are
 * @early: how much too early, in seconds, is in time
 * @late: how much too late is
 * @slack: how much more of both, in parts of the time
 * @verbose: show every line as it is played
 */
struct config {
	enum family	family;
	const char	*dir;
	double	early, late, slack;
	bool	verbose;
};

extern struct config config;

/*
 * ---- Who does what ----
 */

/* script.c */
struct script *script_read(const char *dir, const char *name);
double script_seconds(const struct script *script);
bool script_is_patient(const struct script *script);
bool script_leaves_traces(const struct script *script);
const char *next_word(char **text);
char *trim(char *text);

/* segment.c */
bool segment_parse(struct segment *seg, char *text, char *error, size_t size);
bool number_parse(const char *word, long long *number);
bool address_parse(const char *word, __u32 *addr);
const char *segment_show(const struct packet *p);
void segment_encode(const struct segment *seg, const struct conn *c,
		    struct packet *p);
bool segment_matches(const struct segment *seg, const struct conn *c,
		     const struct packet *p, char *why, size_t size);

/* wire.c */
void wire_prepare(void);
void wire_open(struct wire *wire);
void wire_close(const struct wire *wire);
bool wire_is_clean(const struct wire *wire);
void wire_use(const struct wire *wire, const struct script *script);
void wire_reset_all(void);
struct conn *wire_conn(int number);
struct conn *wire_conn_of(const struct packet *p);
void wire_send(const struct segment *seg, struct packet *p);
void wire_icmp(const struct icmp *icmp);
bool wire_receive(struct packet *p, double until);
void wire_unread(void);
void wire_check(const struct packet *p, const struct script *script);
void wire_again(int number, __u32 above);
void wire_origin(int number);
void wire_mtu(int mtu);
__u8 stream_byte(__u64 offset);
double now(void);

/* call.c */
bool call_parse(struct call *call, char *text, bool result, char *error,
		size_t size);
bool call_parse_result(struct call *call, char *text, char *error,
		       size_t size);
bool constant(const char *word, long long *value);
const char *error_name(int err);
void call_make(const struct call *call, char *why, size_t size);
void call_begin(const struct call *call, const char *name);
bool call_asleep(const char *name);
double call_end(const struct call *call, const char *name, double patience,
		char *why, size_t size);
bool call_raised(int sig);
void call_abort_all(void);
bool call_socket_works(void);
void call_signals(void);

/* info.c */
bool info_check(int fd, char *condition, char *why, size_t size);

/* play.c */
void play(const struct script *script, const char *state,
	  const struct wire *wire) __attribute__((noreturn));
bool sockets_gone(void);
void fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* stalls.c */
void stalls_watch(void);
double stalls_sum(void);
void hurry(int priority);

#define LATE	3	/* exit status: failed, but the machine was too slow */

/* table.c */
bool table_read(const char *dir, char *error, size_t size);
bool table_has(const char *requirement);
bool table_has_kind(const char *kind);
void table_write(FILE *f, const struct result *results, unsigned int count);

#endif /* _CONFORMANCE_H */
