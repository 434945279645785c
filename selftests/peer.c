// SPDX-License-Identifier: GPL-2.0
/*
 * The scripted peer: a tun device, the notation, and the judgement of every
 * segment that the stack sends.  See peer.h for how a script is written.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <teach.h>

#include "bytes.h"
#include "net.h"
#define PEER_NO_LINES
#include "peer.h"

#define IP_HEADER	20
#define TCP_HEADER	20
#define IP_DF		0x4000

/*
 * A question to a port that nobody listens on.  It is answered by a RST at
 * once, so everything that the stack had to say before comes before that.
 */
#define BARRIER_PORT	1
#define BARRIER_PEER	9

/* A segment this long after the first of its kind may be a timer's doing. */
#define RTX_SECONDS	0.15

#define LOG_LINES	64
#define LOG_SHOWN	24
#define HISTORY		512

struct history {
	__u16 lport, pport;
	__u32 seq, end;
	double not_before;
};

static struct {
	int tun;
	bool ignore_others;
	double start, idle;
	const char *file;
	int line;
	struct peer_conn *conn, own;
	__u32 barrier;
	__u8 quote[IP_HEADER + 8];
	struct peer_segment last;
	struct history history[HISTORY];
	unsigned int histories;
	char log[LOG_LINES][200];
	unsigned int logs;
} peer;

/* What a line of a script says. */
struct notation {
	struct peer_segment seg;
	bool has_seq, has_ack, has_win, has_urg, has_opt;
	__u32 win_min, win_max;
	int fill;
};

double peer_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

bool peer_is_inet(void)
{
	return net_is_inet();
}

struct peer_conn *peer_conn(void)
{
	return peer.conn;
}

void peer_use(struct peer_conn *conn)
{
	peer.conn = conn;
}

void peer_ignore_others(bool ignore)
{
	peer.ignore_others = ignore;
}

__u8 peer_byte(__u64 offset)
{
	return offset * 31 + (offset >> 8) * 7;
}

unsigned long peer_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : st.st_ino;
}

/* ---- failing, and the story so far ---- */

static void show_log(void)
{
	unsigned int i = peer.logs > LOG_SHOWN ? peer.logs - LOG_SHOWN : 0;

	fprintf(stderr, "# the segments before (> to the stack, < from it):\n");
	for (; i < peer.logs; i++)
		fprintf(stderr, "#   %s\n", peer.log[i % LOG_LINES]);
}

static void log_segment(char direction, const struct peer_segment *seg)
{
	char *line = peer.log[peer.logs++ % LOG_LINES];

	snprintf(line, sizeof(peer.log[0]), "%8.3f %c %s",
		 peer_now() - peer.start, direction, peer_format(seg));
	if (getenv("PEER_VERBOSE"))
		fprintf(stderr, "# %s\n", line);
}

void peer_at(const char *file, int line)
{
	peer.file = file;
	peer.line = line;
}

void peer_fail(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "# %s:%d: ", peer.file ?: "peer", peer.line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	show_log();
	fflush(stderr);
	abort();
}

/* ---- the notation ---- */

static const char flag_letters[] = "FSRP.UEW";

static char *format_options(const struct peer_segment *seg, char *s)
{
	unsigned int i = 0, kind, len;

	s += sprintf(s, " <");
	while (i < seg->optlen && seg->opt[i]) {
		kind = seg->opt[i];
		len = kind == 1 ? 1 : i + 1 < seg->optlen ? seg->opt[i + 1] : 0;
		if (kind == 1)
			s += sprintf(s, "nop,");
		else if (len < 2 || i + len > seg->optlen)
			s += sprintf(s, "%u malformed,", len = seg->optlen - i);
		else if (kind == 2 && len == 4)
			s += sprintf(s, "mss %u,",
				     seg->opt[i + 2] << 8 | seg->opt[i + 3]);
		else if (kind == 3 && len == 3)
			s += sprintf(s, "wscale %u,", seg->opt[i + 2]);
		else if (kind == 4 && len == 2)
			s += sprintf(s, "sackOK,");
		else if (kind == 8 && len == 10)
			s += sprintf(s, "TS val %u ecr %u,",
				     get32(seg->opt + i + 2),
				     get32(seg->opt + i + 6));
		else
			s += sprintf(s, "kind %u,", kind);
		i += len;
	}
	s[-1] = s[-1] == ',' ? '>' : s[-1];
	if (s[-1] != '>')
		s += sprintf(s, "eol>");
	return s;
}

const char *peer_format(const struct peer_segment *seg)
{
	static char text[700];
	struct peer_conn *c = peer.conn;
	bool out = seg->saddr != PEER_LOCAL_ADDR;
	__u32 isn = out ? c->isn : c->irs;
	__u32 other = out ? c->irs : c->isn;
	char *s = text;
	int i;

	if (seg->proto == IPPROTO_ICMP) {
		sprintf(text, "ICMP type %u code %u", seg->data[0],
			seg->data[1]);
		return text;
	}
	if ((out ? seg->sport : seg->dport) != c->pport ||
	    (out ? seg->dport : seg->sport) != c->lport)
		s += sprintf(s, "[%u to %u] ", seg->sport, seg->dport);
	for (i = 0; i < 8; i++)
		if (seg->flags & 1 << i)
			*s++ = flag_letters[i];
	if (!seg->flags)
		*s++ = '-';
	s += sprintf(s, " %d:%d(%u)", (int)(seg->seq - isn),
		     (int)(seg->seq + seg->len - isn), seg->len);
	if (seg->flags & PEER_ACK)
		s += sprintf(s, " ack %d", (int)(seg->ack - other));
	s += sprintf(s, " win %u", seg->window);
	if (seg->urg || seg->flags & PEER_URG)
		s += sprintf(s, " urg %u", seg->urg);
	if (seg->optlen)
		s = format_options(seg, s);
	if (seg->bad_sum)
		s += sprintf(s, " sum bad");
	if (seg->doff && seg->doff != 5 + (seg->optlen + 3) / 4)
		s += sprintf(s, " doff %u", seg->doff);
	return text;
}

/* "TS val V ecr E"; @values is what follows TS. */
static void add_timestamps(struct peer_segment *seg, const char *values)
{
	__u8 *o = seg->opt + seg->optlen;
	unsigned int val, ecr;

	if (!values || sscanf(values, "val %u ecr %u", &val, &ecr) != 2)
		peer_fail("script: not 'TS val V ecr E'");
	if (seg->optlen + 10 > sizeof(seg->opt))
		peer_fail("script: more than 40 option bytes");
	o[0] = 8;
	o[1] = 10;
	put32(o + 2, val);
	put32(o + 6, ecr);
	seg->optlen += 10;
}

static void add_option(struct peer_segment *seg, const char *word,
		       const char *value)
{
	long n = value ? strtol(value, NULL, 0) : 0;
	unsigned int byte, left = sizeof(seg->opt) - seg->optlen;
	__u8 *o = seg->opt + seg->optlen;

	if (!strcmp(word, "hex")) {
		for (; value && sscanf(value, "%2x", &byte) == 1; value += 2) {
			if (!left--)
				peer_fail("script: more than 40 option bytes");
			*o++ = byte;
			seg->optlen++;
			if (!value[1])
				break;
		}
		return;
	}
	if (!strcmp(word, "TS")) {
		add_timestamps(seg, value);
		return;
	}
	if (left < 4)
		peer_fail("script: more than 40 option bytes");
	if (!strcmp(word, "mss")) {
		o[0] = 2;
		o[1] = 4;
		o[2] = n >> 8;
		o[3] = n;
		seg->optlen += 4;
	} else if (!strcmp(word, "wscale")) {
		o[0] = 3;
		o[1] = 3;
		o[2] = n;
		seg->optlen += 3;
	} else if (!strcmp(word, "sackOK")) {
		o[0] = 4;
		o[1] = 2;
		seg->optlen += 2;
	} else if (!strcmp(word, "nop") || !strcmp(word, "eol")) {
		o[0] = *word == 'n';
		seg->optlen++;
	} else {
		peer_fail("script: unknown option '%s'", word);
	}
}

/* "<mss 1460,nop>": @text points at the '<'; returns what follows the '>'. */
static char *parse_options(struct notation *n, char *text)
{
	char *end = strchr(text, '>'), *option, *save, *word, *value, *save2;

	if (!end)
		peer_fail("script: options without '>': %s", text);
	*end = 0;
	n->has_opt = true;
	for (option = strtok_r(text + 1, ",", &save); option;
	     option = strtok_r(NULL, ",", &save)) {
		word = strtok_r(option, " ", &save2);
		value = strtok_r(NULL, "", &save2);
		add_option(&n->seg, word, value);
	}
	return end + 1;
}

static void parse_flags(struct notation *n, const char *word)
{
	const char *letter;

	if (!strcmp(word, "-"))
		return;
	for (; *word; word++) {
		letter = strchr(flag_letters, *word);
		if (!letter)
			peer_fail("script: no flag '%c'", *word);
		n->seg.flags |= 1 << (letter - flag_letters);
	}
}

static void parse_window(struct notation *n, const char *value)
{
	unsigned long number = strtoul(value + !isdigit(*value), NULL, 0);

	n->has_win = true;
	n->seg.window = number;
	n->win_min = *value == '<' ? 0 : number + (*value == '>');
	n->win_max = *value == '>' ? UINT32_MAX : number - (*value == '<');
}

static void parse_word(struct notation *n, const char *word, const char *value)
{
	struct peer_segment *seg = &n->seg;
	long number;

	if (!value)
		peer_fail("script: '%s' needs a value", word);
	number = strtol(value, NULL, 0);
	if (!strcmp(word, "ack"))
		n->has_ack = true, seg->ack = number;
	else if (!strcmp(word, "win"))
		parse_window(n, value);
	else if (!strcmp(word, "urg"))
		n->has_urg = true, seg->urg = number;
	else if (!strcmp(word, "fill"))
		n->fill = number & 0xff;
	else if (!strcmp(word, "sport"))
		seg->sport = number;
	else if (!strcmp(word, "dport"))
		seg->dport = number;
	else if (!strcmp(word, "proto"))
		seg->proto = number;
	else if (!strcmp(word, "src"))
		seg->saddr = ntohl(inet_addr(value));
	else if (!strcmp(word, "tos"))
		seg->tos = number;
	else if (!strcmp(word, "ttl"))
		seg->ttl = number;
	else if (!strcmp(word, "id"))
		seg->id = number;
	else if (!strcmp(word, "frag"))
		seg->frag = number;
	else if (!strcmp(word, "doff"))
		seg->doff = number;
	else if (!strcmp(word, "sum"))
		seg->bad_sum = true;
	else if (!strcmp(word, "ipsum"))
		seg->bad_ip_sum = true;
	else if (!strcmp(word, "cut"))
		seg->cut = number;
	else
		peer_fail("script: unknown word '%s'", word);
}

/* Reads one word and moves *@text past it. */
static char *next_word(char **text)
{
	char *word;

	while (**text == ' ')
		(*text)++;
	if (!**text)
		return NULL;
	word = *text;
	while (**text && **text != ' ')
		(*text)++;
	if (**text)
		*(*text)++ = 0;
	return word;
}

static void parse(struct notation *n, char *text)
{
	long long seq, end, len;
	char *word = next_word(&text);

	memset(n, 0, sizeof(*n));
	n->fill = -1;
	n->seg.window = 65535;
	if (!word)
		peer_fail("script: an empty line");
	parse_flags(n, word);
	for (;;) {
		while (*text == ' ')
			text++;
		if (*text == '<') {
			text = parse_options(n, text);
			continue;
		}
		word = next_word(&text);
		if (!word)
			return;
		if (sscanf(word, "%lld:%lld(%lld)", &seq, &end, &len) == 3) {
			if (end - seq != len || len < 0 || len > PEER_DATA_MAX)
				peer_fail("script: '%s' does not add up", word);
			n->has_seq = true;
			n->seg.seq = seq;
			n->seg.len = len;
		} else {
			parse_word(n, word, next_word(&text));
		}
	}
}

/* ---- a segment out ---- */

static void compose_ip(const struct peer_segment *seg, __u8 *p, size_t len)
{
	memset(p, 0, IP_HEADER);
	p[0] = 0x45;
	p[1] = seg->tos;
	put16(p + 2, len);
	put16(p + 4, seg->id);
	put16(p + 6, seg->frag);
	p[8] = seg->ttl;
	p[9] = seg->proto;
	put32(p + 12, seg->saddr);
	put32(p + 16, seg->daddr);
	put16(p + 10, sum_fold(sum_bytes(p, IP_HEADER, 0)) ^ seg->bad_ip_sum);
}

size_t peer_compose(const struct peer_segment *seg, __u8 *packet,
		    size_t size)
{
	unsigned int optlen = (seg->optlen + 3) & ~3u;
	size_t len = IP_HEADER + TCP_HEADER + optlen + seg->len;
	__u8 *tcp = packet + IP_HEADER;

	if (len > size || seg->cut > len - IP_HEADER)
		peer_fail("script: the segment does not fit");
	memset(tcp, 0, TCP_HEADER + optlen);
	put16(tcp, seg->sport);
	put16(tcp + 2, seg->dport);
	put32(tcp + 4, seg->seq);
	put32(tcp + 8, seg->ack);
	tcp[12] = (seg->doff ?: (TCP_HEADER + optlen) / 4) << 4;
	tcp[13] = seg->flags;
	put16(tcp + 14, seg->window);
	put16(tcp + 18, seg->urg);
	memcpy(tcp + TCP_HEADER, seg->opt, seg->optlen);
	memcpy(tcp + TCP_HEADER + optlen, seg->data, seg->len);
	len -= seg->cut;
	compose_ip(seg, packet, len);
	put16(tcp + 16, 0);
	put16(tcp + 16, sum_segment(packet, tcp, len - IP_HEADER) ^
	      seg->bad_sum);
	return len;
}

void peer_inject(const void *packet, size_t len)
{
	struct pollfd pfd = { .fd = peer.tun, .events = POLLOUT };

	while (write(peer.tun, packet, len) < 0) {
		/* the device itself refuses what is of no version of IP */
		if (errno == EINVAL)
			return;
		if (errno != EAGAIN && errno != EINTR)
			peer_fail("write to tun0: %s", strerror(errno));
		poll(&pfd, 1, 1000);
	}
}

void peer_send_segment(const struct peer_segment *seg)
{
	__u8 packet[IP_HEADER + 60 + PEER_DATA_MAX];

	log_segment('>', seg);
	peer_inject(packet, peer_compose(seg, packet, sizeof(packet)));
}

static void fill_payload(struct notation *n)
{
	struct peer_segment *seg = &n->seg;
	unsigned int i, first = seg->flags & PEER_SYN ? 0 : 1;

	for (i = 0; i < seg->len; i++)
		seg->data[i] = n->fill >= 0 ? n->fill :
			       peer_byte(seg->seq + i - first);
}

/* What was sent bounds what may come back. */
static void note_sent(const struct peer_segment *seg)
{
	struct peer_conn *c = peer.conn;
	__u32 end = seg->seq + seg->len + !!(seg->flags & PEER_SYN) +
		       !!(seg->flags & PEER_FIN);

	if (seg->sport != c->pport || seg->dport != c->lport)
		return;
	if ((int)(end - c->snd_max) > 0)
		c->snd_max = end;
	if (seg->flags & PEER_ACK && c->synced &&
	    (int)(seg->ack + seg->window - c->window_edge) > 0)
		c->window_edge = seg->ack + seg->window;
}

void peer_send(const char *fmt, ...)
{
	struct peer_conn *c = peer.conn;
	struct notation n;
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	parse(&n, text);
	fill_payload(&n);
	n.seg.seq += c->isn;
	if (n.has_ack)
		n.seg.ack += c->irs;
	n.seg.proto = n.seg.proto ?: net_ip_protocol();
	n.seg.saddr = n.seg.saddr ?: PEER_ADDR;
	n.seg.daddr = PEER_LOCAL_ADDR;
	n.seg.sport = n.seg.sport ?: c->pport;
	n.seg.dport = n.seg.dport ?: c->lport;
	n.seg.ttl = n.seg.ttl ?: 64;
	note_sent(&n.seg);
	peer_send_segment(&n.seg);
}

/*
 * An ICMP error about the last segment that came from the stack, quoting its
 * sequence number moved by @seq_shift.
 */
void peer_icmp(__u8 type, __u8 code, __u16 mtu, __s32 seq_shift)
{
	struct peer_segment ip = {
		.proto = IPPROTO_ICMP, .ttl = 64,
		.saddr = PEER_ADDR, .daddr = PEER_LOCAL_ADDR,
	};
	__u8 packet[IP_HEADER + 8 + IP_HEADER + 8] = {};
	__u8 *icmp = packet + IP_HEADER;

	compose_ip(&ip, packet, sizeof(packet));
	icmp[0] = type;
	icmp[1] = code;
	put16(icmp + 6, mtu);
	memcpy(icmp + 8, peer.quote, sizeof(peer.quote));
	put32(icmp + 8 + IP_HEADER + 4,
	      get32(icmp + 8 + IP_HEADER + 4) + seq_shift);
	put16(icmp + 2, sum_fold(sum_bytes(icmp, sizeof(packet) - IP_HEADER,
					   0)));
	ip.data[0] = type;
	ip.data[1] = code;
	log_segment('>', &ip);
	peer_inject(packet, sizeof(packet));
}

/* ---- a segment in, and what must be true of every one ---- */

#define MUST(condition, what) do {					\
	if (!(condition))						\
		peer_fail("the stack sent %s\n#   %s", what,		\
			  peer_format(seg));				\
} while (0)

static void check_payload(const struct peer_segment *seg)
{
	__u32 i, offset = seg->seq - peer.conn->irs - 1;

	for (i = 0; i < seg->len; i++)
		if (seg->data[i] != peer_byte((__u64)offset + i))
			peer_fail("stream byte %u is %#x, not %#x:\n# %s",
				  offset + i, seg->data[i],
				  peer_byte((__u64)offset + i),
				  peer_format(seg));
}

static void check_ack(struct peer_conn *c, const struct peer_segment *seg)
{
	__u32 edge = seg->ack + seg->window;

	MUST((int)(seg->ack - c->snd_max) <= 0,
	     "an ACK of something never sent");
	if (c->acked) {
		MUST((int)(seg->ack - c->ack_max) >= 0,
		     "an ACK lower than one before");
		/* RFC 9293 3.8.6: a receiver should not shrink the window */
		MUST(c->shrinks || (int)(edge - c->edge) >= 0,
		     "a window whose right edge moved back");
	}
	c->ack_max = seg->ack;
	c->edge = edge;
	c->acked = true;
}

static void learn_isn(const struct peer_segment *seg)
{
	struct peer_conn *c = peer.conn;

	if (c->synced || !(seg->flags & PEER_SYN))
		return;
	c->irs = seg->seq;
	c->rcv_max = seg->seq + 1;
	c->window_edge = c->rcv_max;
	c->synced = true;
}

static void check_conn(const struct peer_segment *seg)
{
	struct peer_conn *c = peer.conn;
	__u32 end = seg->seq + seg->len + !!(seg->flags & PEER_SYN) +
		       !!(seg->flags & PEER_FIN);

	MUST(!(seg->flags & PEER_SYN) || c->irs == seg->seq, "a second ISN");
	if (seg->flags & PEER_RST)
		return;
	if (seg->flags & PEER_ACK)
		check_ack(c, seg);
	check_payload(seg);
	MUST(!c->mss || seg->len <= c->mss, "more than the MSS");
	/* RFC 9293 3.8.6.1: one byte may probe a window that is shut */
	MUST(!seg->len || (int)(seg->seq + seg->len - c->window_edge) <=
	     (seg->len == 1), "data beyond the window");
	if ((int)(end - c->rcv_max) > 0)
		c->rcv_max = end;
}

static void check_segment(const struct peer_segment *seg, const __u8 *ip)
{
	unsigned int i, len;

	MUST(seg->saddr == PEER_LOCAL_ADDR, "from a foreign address");
	MUST(seg->ttl == 64, "a TTL other than 64");
	MUST(seg->frag & IP_DF || peer.conn->fragmentable, "no DF");
	MUST(!(ip[IP_HEADER + 12] & 0xf), "reserved bits");
	MUST(seg->flags & PEER_ACK || !seg->ack,
	     "an acknowledgment number without ACK");
	MUST(seg->flags & PEER_URG || !seg->urg, "an urgent pointer, no URG");
	MUST(seg->flags & (PEER_ACK | PEER_SYN | PEER_RST), "no ACK");
	MUST(!(seg->flags & PEER_SYN && seg->flags & (PEER_FIN | PEER_RST)),
	     "SYN with FIN or RST");
	MUST(!(seg->flags & (PEER_SYN | PEER_RST) && seg->len),
	     "payload in a SYN or RST");
	for (i = 0; i < seg->optlen && seg->opt[i]; i += len) {
		len = seg->opt[i] == 1 ? 1 : i + 1 < seg->optlen ?
		      seg->opt[i + 1] : 0;
		MUST(len && (len > 1 || seg->opt[i] == 1) &&
		     i + len <= seg->optlen, "malformed options");
		MUST(seg->opt[i] != 2 || seg->flags & PEER_SYN,
		     "an MSS option without SYN");
	}
}

/* False: not for us (another IP version or protocol). */
static bool take_apart(struct peer_segment *seg, const __u8 *p, size_t len)
{
	const __u8 *tcp = p + IP_HEADER;
	unsigned int doff;

	if (len < IP_HEADER || p[0] >> 4 != 4)
		return false;
	memset(seg, 0, offsetof(struct peer_segment, data));
	seg->proto = p[9];
	seg->tos = p[1];
	seg->ttl = p[8];
	seg->id = get16(p + 4);
	seg->frag = get16(p + 6);
	seg->saddr = get32(p + 12);
	seg->daddr = get32(p + 16);
	if (seg->proto == IPPROTO_ICMP && len >= IP_HEADER + 8) {
		seg->data[0] = tcp[0];
		seg->data[1] = tcp[1];
		return true;
	}
	if (seg->proto != net_ip_protocol())
		return false;
	if (p[0] != 0x45 || get16(p + 2) != len ||
	    sum_fold(sum_bytes(p, IP_HEADER, 0)))
		peer_fail("the stack sent IP header %02x, length %u of %zu",
			  p[0], get16(p + 2), len);
	if (seg->frag & ~IP_DF)
		peer_fail("the stack sent an IP fragment: %zu bytes, %#06x",
			  len, seg->frag);
	doff = (tcp[12] >> 4) * 4;
	if (len < IP_HEADER + TCP_HEADER || doff < TCP_HEADER ||
	    IP_HEADER + doff > len)
		peer_fail("the stack sent a data offset of %u in %zu bytes",
			  doff, len);
	seg->sport = get16(tcp);
	seg->dport = get16(tcp + 2);
	seg->seq = get32(tcp + 4);
	seg->ack = get32(tcp + 8);
	seg->doff = tcp[12] >> 4;
	seg->flags = tcp[13];
	seg->window = get16(tcp + 14);
	seg->urg = get16(tcp + 18);
	seg->optlen = doff - TCP_HEADER;
	memcpy(seg->opt, tcp + TCP_HEADER, seg->optlen);
	seg->len = len - IP_HEADER - doff;
	memcpy(seg->data, tcp + doff, seg->len);
	MUST(!sum_segment(p, tcp, len - IP_HEADER), "a wrong checksum");
	check_segment(seg, p);
	return true;
}

static bool is_barrier(const struct peer_segment *seg)
{
	return seg->proto == net_ip_protocol() && seg->sport == BARRIER_PORT &&
	       seg->dport == BARRIER_PEER && seg->flags == PEER_RST &&
	       seg->seq == peer.barrier;
}

static bool is_ours(const struct peer_segment *seg)
{
	return seg->proto == net_ip_protocol() && seg->daddr == PEER_ADDR &&
	       seg->sport == peer.conn->lport && seg->dport == peer.conn->pport;
}

/*
 * The next segment, or false when none comes by @deadline.  One connection's
 * at a time: another port's is a segment too, and no script expects it.
 */
static bool receive(struct peer_segment *seg, double deadline)
{
	struct pollfd pfd = { .fd = peer.tun, .events = POLLIN };
	__u8 packet[PEER_DATA_MAX];
	ssize_t len;

	for (;;) {
		len = read(peer.tun, packet, sizeof(packet));
		if (len < 0) {
			/* the queue is empty: what comes now is new */
			peer.idle = peer_now();
			if (peer.idle >= deadline)
				return false;
			poll(&pfd, 1, (deadline - peer.idle) * 1000 + 1);
			continue;
		}
		if (!take_apart(seg, packet, len))
			continue;
		seg->time = peer_now();
		seg->not_before = peer.idle;
		if (is_barrier(seg))
			return true;
		if (!is_ours(seg) && peer.ignore_others)
			continue;
		if (is_ours(seg))
			learn_isn(seg);
		log_segment('<', seg);
		if (is_ours(seg)) {
			memcpy(peer.quote, packet, sizeof(peer.quote));
			check_conn(seg);
		}
		return true;
	}
}

/*
 * On a slow machine the stack's retransmission timer may fire while this
 * process waits for its turn.  Such a segment is let pass when it is not what
 * the script wants, but only when the time since the first of its kind can
 * have been long enough for a timer.
 */
static bool may_be_timer(const struct peer_segment *seg)
{
	unsigned int i = peer.histories;
	struct history *h;

	if (!is_ours(seg) ||
	    (!seg->len && !(seg->flags & (PEER_SYN | PEER_FIN))))
		return false;
	while (i && i + HISTORY > peer.histories) {
		h = &peer.history[--i % HISTORY];
		if (h->lport == seg->sport && h->pport == seg->dport &&
		    h->seq == seg->seq)
			return seg->time - h->not_before >= RTX_SECONDS;
	}
	return false;
}

static void remember(const struct peer_segment *seg)
{
	struct history *h = &peer.history[peer.histories++ % HISTORY];

	h->lport = seg->sport;
	h->pport = seg->dport;
	h->seq = seg->seq;
	h->not_before = seg->not_before;
}

static bool matches(const struct notation *n, const struct peer_segment *seg)
{
	const struct peer_segment *want = &n->seg;
	unsigned int optlen = seg->optlen;
	__u8 mask = want->flags & PEER_PSH ? 0xff : 0xff & ~PEER_PSH;

	/* padding is no option */
	while (optlen > want->optlen && !seg->opt[optlen - 1])
		optlen--;
	return is_ours(seg) && want->flags == (seg->flags & mask) &&
	       (!n->has_seq || (want->len == seg->len &&
				want->seq + peer.conn->irs == seg->seq)) &&
	       (!n->has_ack || want->ack + peer.conn->isn == seg->ack) &&
	       (!n->has_win || (seg->window >= n->win_min &&
				seg->window <= n->win_max)) &&
	       (!n->has_urg || want->urg == seg->urg) &&
	       (!n->has_opt || (want->optlen == optlen &&
				!memcmp(want->opt, seg->opt, optlen)));
}

struct peer_segment *peer_expect(const char *fmt, ...)
{
	double deadline = peer_now() + PEER_DEADLINE_MS / 1000.0;
	char text[512], scratch[512];
	struct notation n;
	bool pass;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	strcpy(scratch, text);
	parse(&n, scratch);
	for (;;) {
		if (!receive(&peer.last, deadline))
			peer_fail("expected: %s\n# received: nothing", text);
		if (matches(&n, &peer.last))
			break;
		pass = may_be_timer(&peer.last);
		remember(&peer.last);
		if (!pass)
			peer_fail("expected: %s\n# received: %s", text,
				  peer_format(&peer.last));
	}
	remember(&peer.last);
	return &peer.last;
}

static void send_barrier(void)
{
	struct peer_segment seg = {
		.saddr = PEER_ADDR, .daddr = PEER_LOCAL_ADDR,
		.proto = net_ip_protocol(), .ttl = 64,
		.sport = BARRIER_PEER, .dport = BARRIER_PORT,
		.seq = 1, .ack = ++peer.barrier, .flags = PEER_ACK,
	};
	__u8 packet[IP_HEADER + TCP_HEADER];

	peer_inject(packet, peer_compose(&seg, packet, sizeof(packet)));
}

unsigned int peer_collect(struct peer_segment *segs, unsigned int max)
{
	double deadline = peer_now() + PEER_DEADLINE_MS / 1000.0;
	unsigned int count = 0;
	struct peer_segment seg;

	send_barrier();
	while (receive(&seg, deadline)) {
		if (is_barrier(&seg))
			return count;
		if (count == max)
			peer_fail("more than %u segments: %s", max,
				  peer_format(&seg));
		remember(&seg);
		segs[count++] = seg;
	}
	peer_fail("expected: a RST from a closed port\n# received: nothing");
}

void peer_expect_nothing(void)
{
	double deadline = peer_now() + PEER_DEADLINE_MS / 1000.0;
	struct peer_segment seg;
	bool pass;

	send_barrier();
	while (receive(&seg, deadline)) {
		if (is_barrier(&seg))
			return;
		pass = may_be_timer(&seg);
		remember(&seg);
		if (!pass)
			peer_fail("expected: nothing\n# received: %s",
				  peer_format(&seg));
	}
	peer_fail("expected: a RST from a closed port\n# received: nothing");
}

struct peer_segment *peer_next(void)
{
	if (!receive(&peer.last, peer_now() + PEER_DEADLINE_MS / 1000.0))
		peer_fail("expected: any segment\n# received: nothing");
	remember(&peer.last);
	return &peer.last;
}

/* Reads what is there and only checks that each segment is well-formed. */
unsigned int peer_drain(void)
{
	__u8 packet[PEER_DATA_MAX];
	unsigned int count = 0;
	ssize_t len;

	while ((len = read(peer.tun, packet, sizeof(packet))) >= 0)
		count += take_apart(&peer.last, packet, len);
	return count;
}

/* The bytes of an option, from its kind on; NULL when it is not there. */
const __u8 *peer_option(const struct peer_segment *seg, __u8 kind)
{
	unsigned int i = 0;

	while (i < seg->optlen && seg->opt[i]) {
		if (seg->opt[i] == kind)
			return seg->opt + i;
		i += seg->opt[i] == 1 ? 1 : seg->opt[i + 1];
	}
	return NULL;
}

/* The stack's clock, and ours as it comes back; false when there are none. */
bool peer_timestamps(const struct peer_segment *seg, __u32 *val, __u32 *ecr)
{
	const __u8 *option = peer_option(seg, 8);

	if (!option)
		return false;
	*val = get32(option + 2);
	*ecr = get32(option + 6);
	return true;
}

/* ---- connections and the device ---- */

void peer_conn_init(struct peer_conn *conn, __u16 lport, __u16 pport)
{
	memset(conn, 0, sizeof(*conn));
	conn->lport = lport;
	conn->pport = pport;
	conn->isn = PEER_ISN;
	conn->snd_max = conn->isn;
}

/* The same listener, another port of the peer's, everything from zero. */
void peer_new_conn(void)
{
	peer_conn_init(peer.conn, peer.conn->lport, peer.conn->pport + 1);
}

static void write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
	close(fd);
}

static void interface_up(const char *name, __u32 addr, int queue)
{
	struct sockaddr_in *sin;
	struct ifreq ifr = {};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(ifr.ifr_name, name);
	sin = (struct sockaddr_in *)&ifr.ifr_addr;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(addr);
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		peer_fail("%s: address: %s", name, strerror(errno));
	sin->sin_addr.s_addr = htonl(0xffffff00);
	if (ioctl(fd, SIOCSIFNETMASK, &ifr))
		peer_fail("%s: netmask: %s", name, strerror(errno));
	if (queue) {
		ifr.ifr_qlen = queue;
		ioctl(fd, SIOCSIFTXQLEN, &ifr);
	}
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		peer_fail("%s: up: %s", name, strerror(errno));
	close(fd);
}

/*
 * One CPU for the whole script: what is written to the device is judged in
 * the order it was written.
 */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* What AF_TEACH does not do (yet), the kernel's own TCP shall not do either. */
static void plain_tcp(void)
{
	static const char * const off[] = {
		"sack", "timestamps", "window_scaling", "ecn", "recovery",
		"frto", "autocorking", "moderate_rcvbuf", "syncookies",
		"invalid_ratelimit", "syn_linear_timeouts", "fastopen",
		"early_retrans", "slow_start_after_idle", NULL,
	};
	unsigned int i;

	for (i = 0; off[i]; i++)
		peer_sysctl(off[i], "0");
	peer_sysctl("no_metrics_save", "1");
	peer_sysctl("congestion_control", "reno");
}

void peer_start(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct rlimit no_core = {};

	setrlimit(RLIMIT_CORE, &no_core);
	net_choose(net_stack());
	peer.start = peer_now();
	peer_conn_init(&peer.own, PEER_LOCAL_PORT, PEER_PORT);
	peer.conn = &peer.own;
	stay_on_one_cpu();
	if (unshare(CLONE_NEWNET))
		peer_fail("unshare: %s (are you root?)", strerror(errno));
	/* Where tun is not built in, there is no node before it is loaded. */
	if (access("/dev/net/tun", F_OK) && system("modprobe -q tun"))
		peer_fail("modprobe tun failed");
	peer.tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	strcpy(ifr.ifr_name, "tun0");
	if (peer.tun < 0 || ioctl(peer.tun, TUNSETIFF, &ifr))
		peer_fail("/dev/net/tun: %s (is the module tun loaded?)",
			  strerror(errno));
	write_file("/proc/sys/net/ipv6/conf/tun0/disable_ipv6", "1");
	interface_up("lo", 0x7f000001, 0);
	interface_up("tun0", PEER_LOCAL_ADDR, 10000);
	plain_tcp();
	peer.idle = peer_now();
}

bool peer_sysctl(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), net_is_inet() ?
		 "/proc/sys/net/ipv4/tcp_%s" : "/proc/sys/net/teach/%s", name);
	if (access(path, W_OK))
		return false;
	write_file(path, value);
	return true;
}

void peer_rto_min(const char *time)
{
	char command[80];

	snprintf(command, sizeof(command),
		 "ip route change 192.0.2.0/24 dev tun0 rto_min %s", time);
	if (system(command))
		peer_fail("%s", command);
}

/* A counter by AF_TEACH's name for it; -1 when there is none. */
long peer_counter(const char *name)
{
	return net_counter_here(net_is_inet(), name);
}

/* ---- the program above the stack ---- */

static void wait_fd(int fd, short events, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, PEER_DEADLINE_MS) != 1)
		peer_fail("%s: poll reports nothing", what);
}

int app_socket(void)
{
	int fd = socket(net_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			net_wire);

	if (fd < 0)
		peer_fail("socket: %s%s", strerror(errno), net_is_inet() ? "" :
			  " (is the module teach loaded?)");
	return fd;
}

static int app_bind(int fd, __u16 port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(PEER_LOCAL_ADDR),
	};

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		peer_fail("bind to port %u: %s", port, strerror(errno));
	return fd;
}

int app_listen_rcvbuf(__u16 port, int backlog, int rcvbuf)
{
	int fd = app_socket();

	if (rcvbuf && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
				 sizeof(rcvbuf)))
		peer_fail("SO_RCVBUF: %s", strerror(errno));
	app_bind(fd, port);
	if (listen(fd, backlog))
		peer_fail("listen: %s", strerror(errno));
	return fd;
}

int app_listen(__u16 port, int backlog)
{
	return app_listen_rcvbuf(port, backlog, 0);
}

int app_bound_socket(__u16 port)
{
	return app_bind(app_socket(), port);
}

/* An active open from the connection's port; the SYN is under way. */
int app_connect_start(void)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(peer.conn->pport),
		.sin_addr.s_addr = htonl(PEER_ADDR),
	};
	int fd = app_bound_socket(peer.conn->lport);

	if (!connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		peer_fail("connect: succeeded with nobody to answer");
	if (errno != EINPROGRESS)
		peer_fail("connect: %s", strerror(errno));
	return fd;
}

void app_connect_wait(int fd, int expected_errno)
{
	socklen_t len = sizeof(int);
	int error = -1;

	wait_fd(fd, POLLOUT, "connect");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		peer_fail("SO_ERROR: %s", strerror(errno));
	if (error != expected_errno)
		peer_fail("connect: expected %s, got %s",
			  expected_errno ? strerror(expected_errno) : "success",
			  error ? strerror(error) : "success");
}

int app_accept(int listener)
{
	int fd;

	wait_fd(listener, POLLIN, "accept");
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		peer_fail("accept: %s", strerror(errno));
	return fd;
}

void app_accept_nothing(int listener)
{
	if (accept4(listener, NULL, NULL, SOCK_NONBLOCK) >= 0)
		peer_fail("accept: there is a connection");
	if (errno != EAGAIN)
		peer_fail("accept: expected EAGAIN, got %s", strerror(errno));
}

/* In one call; all of it must fit into the send buffer. */
void app_write(int fd, size_t len)
{
	static __u8 buf[65536];
	ssize_t done;
	size_t i;

	if (len > sizeof(buf))
		peer_fail("script: a write of more than %zu", sizeof(buf));
	for (i = 0; i < len; i++)
		buf[i] = peer_byte(peer.conn->written + i);
	done = send(fd, buf, len, MSG_NOSIGNAL);
	if (done < 0)
		peer_fail("send: %s", strerror(errno));
	if ((size_t)done != len)
		peer_fail("send: took %zd bytes of %zu", done, len);
	peer.conn->written += done;
}

void app_read(int fd, size_t len)
{
	__u8 buf[4096];
	ssize_t done, i;

	while (len) {
		wait_fd(fd, POLLIN, "recv");
		done = recv(fd, buf, len < sizeof(buf) ? len : sizeof(buf), 0);
		if (done <= 0)
			peer_fail("recv: %s, %zu bytes short", done ?
				  strerror(errno) : "end of file", len);
		for (i = 0; i < done; i++)
			if (buf[i] != peer_byte(peer.conn->read + i))
				peer_fail("recv: byte %llu is %#x, not %#x",
					  (unsigned long long)
					  peer.conn->read + i, buf[i],
					  peer_byte(peer.conn->read + i));
		peer.conn->read += done;
		len -= done;
	}
}

void app_read_nothing(int fd)
{
	char byte;
	ssize_t done = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	if (done >= 0 || errno != EAGAIN)
		peer_fail("recv: expected EAGAIN, got %s", done > 0 ? "data" :
			  done ? strerror(errno) : "end of file");
}

void app_read_eof(int fd)
{
	char byte;
	ssize_t done;

	wait_fd(fd, POLLIN, "recv at the end");
	done = recv(fd, &byte, 1, 0);
	if (done)
		peer_fail("recv: expected end of file, got %s",
			  done > 0 ? "data" : strerror(errno));
}

void app_read_errno(int fd, int expected_errno)
{
	char byte;
	ssize_t done;

	wait_fd(fd, POLLIN, "recv of an error");
	done = recv(fd, &byte, 1, 0);
	if (done >= 0 || errno != expected_errno)
		peer_fail("recv: expected %s, got %s", strerror(expected_errno),
			  done > 0 ? "data" : done ? strerror(errno) :
			  "end of file");
}

void app_close(int fd)
{
	if (close(fd))
		peer_fail("close: %s", strerror(errno));
}

/* close with SO_LINGER 0: the connection ends by RST */
void app_abort(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		peer_fail("SO_LINGER: %s", strerror(errno));
	app_close(fd);
}

void app_shutdown_write(int fd)
{
	if (shutdown(fd, SHUT_WR))
		peer_fail("shutdown: %s", strerror(errno));
}

int peer_accept(int listener)
{
	peer_send("S 0:0(0) <mss 1460>");
	peer_expect("S. 0:0(0) ack 1");
	peer_conn()->mss = 1460;
	peer_send(". 1:1(0) ack 1");
	return app_accept(listener);
}

int peer_connect(void)
{
	int fd = app_connect_start();

	peer_expect("S 0:0(0)");
	peer_conn()->mss = 1460;
	peer_send("S. 0:0(0) ack 1 <mss 1460>");
	peer_expect(". 1:1(0) ack 1");
	app_connect_wait(fd, 0);
	return fd;
}
