// SPDX-License-Identifier: GPL-2.0
/*
 * The other end of the wire: a tun device whose far side is the script.
 *
 *	tun0, 192.0.2.1  <-- the stack under test
 *	      192.0.2.2  <-- the peer: this process
 *
 * What arrives is written to the device; the kernel has dealt with it when
 * the write returns.  What leaves is read from a packet socket, because the
 * kernel notes on it when each packet left: a script can so be strict about
 * times even if this process is late.
 *
 * Here is also what must be true of every segment, whatever a script says.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <teach.h>

#include "../bytes.h"
#include "../net.h"
#include "conformance.h"

#define IP_HEADER	20
#define TCP_HEADER	20
#define IP_DF		0x4000
#define MSS_DEFAULT	536
#define MSS_MIN		64	/* a peer may ask for less, none has to obey */
#define BUFFER		(8 << 20)

static int tun, tap;
static bool unread;
static double start;
static struct conn conns[MAX_CONNS];

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9 - start;
}

__u8 stream_byte(__u64 offset)
{
	return offset * 31 + (offset >> 8) * 7;
}

/*
 * ---- The device ----
 */

/* In the first process: what all others need to be there. */
void wire_prepare(void)
{
	int on = 1, fd;

	if (access("/dev/net/tun", F_OK) && system("modprobe -q tun"))
		fprintf(stderr, "# modprobe tun failed\n");
	/* Once one socket wants times, the kernel notes them for all. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}

static void set_address(int fd, struct ifreq *ifr, unsigned long request,
			__u32 addr)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&ifr->ifr_addr;

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(addr);
	if (ioctl(fd, request, ifr))
		fail("%s: address: %s", ifr->ifr_name, strerror(errno));
}

static void set_up(const char *name, __u32 addr, __u32 mask)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = {};

	strcpy(ifr.ifr_name, name);
	set_address(fd, &ifr, SIOCSIFADDR, addr);
	set_address(fd, &ifr, SIOCSIFNETMASK, mask);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		fail("%s: up: %s", name, strerror(errno));
	close(fd);
}

void wire_mtu(int mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = { .ifr_mtu = mtu };

	strcpy(ifr.ifr_name, "tun0");
	if (ioctl(fd, SIOCSIFMTU, &ifr))
		fail("mtu %d: %s", mtu, strerror(errno));
	close(fd);
}

static int open_tun(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int tun, fd;

	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	strcpy(ifr.ifr_name, "tun0");
	if (tun < 0 || ioctl(tun, TUNSETIFF, &ifr))
		fail("/dev/net/tun: %s", strerror(errno));
	fd = open("/proc/sys/net/ipv6/conf/tun0/disable_ipv6", O_WRONLY);
	if (fd >= 0 && write(fd, "1", 1) != 1)
		fail("disable_ipv6: %s", strerror(errno));
	close(fd);
	return tun;
}

static int open_tap(void)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("tun0"),
	};
	int on = 1, size = BUFFER, tap;

	/* With a protocol here, bind() would have to wait for all CPUs. */
	tap = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (tap < 0 || bind(tap, (struct sockaddr *)&sll, sizeof(sll)) ||
	    setsockopt(tap, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    setsockopt(tap, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		fail("packet socket: %s", strerror(errno));
	return tap;
}

static void conn_init(struct conn *c, int number)
{
	memset(c, 0, sizeof(*c));
	c->lport = LOCAL_PORT;
	c->pport = PEER_PORT + number;
	c->isn = PEER_ISN;
	c->peer_zero = c->isn;
	c->peer_max = c->isn;
	c->peer_scale = -1;
	c->stack_scale = -1;
}

/* A network namespace with nothing in it but the device. */
void wire_open(struct wire *wire)
{
	if (unshare(CLONE_NEWNET))
		fail("unshare: %s (are you root?)", strerror(errno));
	wire->ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	wire->tun = open_tun();
	set_up("lo", 0x7f000001, 0xff000000);
	set_up("tun0", LOCAL_ADDR, 0xffffff00);
	wire->tap = open_tap();
	wire->used = false;
	wire->patient = false;
}

void wire_close(const struct wire *wire)
{
	close(wire->tun);
	close(wire->tap);
	close(wire->ns);
}

/* To make one takes longer than most scripts: is it as good as new? */
bool wire_is_clean(const struct wire *wire)
{
	return !setns(wire->ns, CLONE_NEWNET) && sockets_gone();
}

/* On a slow machine 200 ms may pass between any two lines of a script. */
static void set_patient(bool patient)
{
	char command[80];

	snprintf(command, sizeof(command),
		 "ip route change 192.0.2.0/24 dev tun0 %s",
		 patient ? "rto_min 60s" : "");
	if (system(command))
		fail("%s", command);
}

/* In the process that plays @script. */
void wire_use(const struct wire *wire, const struct script *script)
{
	char packet[100];
	int i;

	if (setns(wire->ns, CLONE_NEWNET))
		fail("setns: %s", strerror(errno));
	tun = wire->tun;
	tap = wire->tap;
	if (script->mtu)
		wire_mtu(script->mtu);
	if (script->address)
		set_up("tun0:1", script->address, 0xffffff00);
	if (wire->patient != script_is_patient(script))
		set_patient(!wire->patient);
	for (i = 0; i < MAX_CONNS; i++)
		conn_init(&conns[i], i);
	/* How the script before has ended is of no interest. */
	while (read(tap, packet, sizeof(packet)) >= 0 ||
	       read(tun, packet, sizeof(packet)) >= 0)
		;
	start = 0;
	start = now();
}

/*
 * ---- Connections ----
 */

struct conn *wire_conn(int number)
{
	return &conns[number];
}

/*
 * The connection of a segment; NULL if it is of none.  A port that the stack
 * has chosen is learnt from its SYN.
 */
struct conn *wire_conn_of(const struct packet *p)
{
	__u16 lport = p->out ? p->sport : p->dport;
	__u16 pport = p->out ? p->dport : p->sport;
	struct conn *c;

	if (pport < PEER_PORT || pport >= PEER_PORT + MAX_CONNS)
		return NULL;
	c = &conns[pport - PEER_PORT];
	if (p->out && !c->used && (p->flags & (SYN | ACK)) == SYN)
		c->lport = lport;
	return c->lport == lport ? c : NULL;
}

static int opt_find(const struct packet *p, int kind, unsigned int len)
{
	unsigned int i, step;

	for (i = 0; i < p->optlen && p->opt[i]; i += step) {
		step = p->opt[i] == OPT_NOP ? 1 :
		       i + 1 < p->optlen ? p->opt[i + 1] : 0;
		if (!step || i + step > p->optlen)
			break;
		if (p->opt[i] == kind && step == len)
			return i;
	}
	return -1;
}

static __u32 sequence_end(const struct packet *p)
{
	return p->seq + p->len + !!(p->flags & SYN) + !!(p->flags & FIN);
}

static unsigned int scaled(const struct conn *c, const struct packet *p,
			   int scale)
{
	if (p->flags & SYN || c->peer_scale < 0 || c->stack_scale < 0)
		return p->window;
	return p->window << (scale > 14 ? 14 : scale);
}

/* What the peer sends bounds what the stack may answer. */
static void note_sent(const struct packet *p)
{
	struct conn *c = wire_conn_of(p);
	__u32 edge;
	int at;

	if (!c)
		return;
	c->used = true;
	if ((int)(sequence_end(p) - c->peer_max) > 0)
		c->peer_max = sequence_end(p);
	if (p->flags & SYN) {
		at = opt_find(p, OPT_MSS, 4);
		c->mss = at < 0 ? MSS_DEFAULT : get16(p->opt + at + 2);
		at = opt_find(p, OPT_WSCALE, 3);
		c->peer_scale = at < 0 ? -1 : p->opt[at + 2];
		c->peer_ts = opt_find(p, OPT_TS, 10) >= 0;
	}
	if (p->flags & ACK && c->synced) {
		edge = p->ack + scaled(c, p, c->peer_scale);
		if ((int)(edge - c->window_edge) > 0)
			c->window_edge = edge;
	}
}

/* The connection ends here; its ports are used again. */
void wire_again(int number, __u32 above)
{
	struct conn *c = &conns[number];
	__u32 isn = c->peer_max + above, irs = c->irs;
	__u16 lport = c->lport;

	conn_init(c, number);
	c->lport = lport;
	c->old_irs = irs;
	c->isn = isn;
	c->peer_zero = isn;
	c->peer_max = isn;
}

/* From now on both sides' next number is called 0. */
void wire_origin(int number)
{
	conns[number].peer_zero = conns[number].peer_max;
	conns[number].stack_zero = conns[number].stack_max;
}

/*
 * ---- To the stack ----
 */

static void compose_ip(const struct packet *p, __u8 *ip, unsigned int header,
		       size_t len)
{
	memset(ip, 0, header);
	ip[0] = 0x40 | header / 4;
	ip[1] = p->tos;
	put16(ip + 2, len);
	put16(ip + 4, p->id);
	put16(ip + 6, p->frag);
	ip[8] = p->ttl;
	ip[9] = p->proto;
	put32(ip + 12, p->saddr);
	put32(ip + 16, p->daddr);
	memcpy(ip + IP_HEADER, p->ipopt, p->ipoptlen);
	put16(ip + 10, sum_fold(sum_bytes(ip, header, 0)));
}

static void inject(const __u8 *packet, size_t len)
{
	ssize_t done;

	do {
		done = write(tun, packet, len);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		fail("write to tun0: %s", strerror(errno));
}

static void fill_payload(struct packet *p, const struct segment *seg,
			 const struct conn *c)
{
	__u32 first = c->isn + !(p->flags & SYN);
	unsigned int i;

	for (i = 0; i < p->len; i++)
		p->data[i] = seg->has & HAS_FILL ? seg->fill :
			     stream_byte((__u32)(p->seq + i - first));
}

/* A segment of the peer's; @p is filled with what it looked like. */
void wire_send(const struct segment *seg, struct packet *p)
{
	static __u8 packet[2 * MAX_OPTIONS + IP_HEADER + TCP_HEADER + MAX_DATA];
	const struct conn *c = &conns[seg->conn];
	unsigned int ip, tcp;
	size_t len;
	__u8 *th;

	segment_encode(seg, c, p);
	p->out = false;
	p->proto = net_ip_protocol();
	p->saddr = seg->has & HAS_SRC ? seg->src : PEER_ADDR;
	p->daddr = seg->dst ? : LOCAL_ADDR;
	p->sport = seg->sport ? : c->pport;
	p->dport = seg->dport ? : c->lport;
	fill_payload(p, seg, c);

	ip = IP_HEADER + ((p->ipoptlen + 3) & ~3u);
	tcp = TCP_HEADER + ((p->optlen + 3) & ~3u);
	len = ip + tcp + p->len;
	if (seg->cut > tcp + p->len)
		fail("there are no %u bytes to cut", seg->cut);
	th = packet + ip;
	memset(th, 0, tcp);
	put16(th, p->sport);
	put16(th + 2, p->dport);
	put32(th + 4, p->seq);
	put32(th + 8, p->ack);
	th[12] = (seg->has & HAS_DOFF ? seg->doff : tcp / 4) << 4 |
		 p->reserved;
	th[13] = p->flags;
	put16(th + 14, p->window);
	put16(th + 18, p->urg);
	memcpy(th + TCP_HEADER, p->opt, p->optlen);
	memcpy(th + tcp, p->data, p->len);
	len -= seg->cut;
	compose_ip(p, packet, ip, len);
	put16(th + 16, sum_segment(packet, th, len - ip));
	if (seg->has & HAS_BAD_SUM)
		th[17] ^= 1;
	if (seg->has & HAS_BAD_IPSUM)
		packet[11] ^= 1;
	if (!(seg->has & (HAS_BAD_SUM | HAS_BAD_IPSUM)))
		note_sent(p);
	p->time = now();
	inject(packet, len);
}

/*
 * The end: connections without a user would go on trying for minutes, and keep
 * the namespace and the modules.  The peer gives them up, by what the stack
 * has acknowledged or by all there was to.
 */
void wire_reset_all(void)
{
	struct segment rst = { .flags = RST };
	struct packet p = {};
	struct conn *c;

	for (rst.conn = 0; rst.conn < MAX_CONNS; rst.conn++) {
		c = &conns[rst.conn];
		if (!c->used)
			continue;
		rst.seq = c->ack_max - c->peer_zero;
		wire_send(&rst, &p);
		rst.seq = c->peer_max - c->peer_zero;
		wire_send(&rst, &p);
	}
}

/* An ICMP error about a segment of the stack's. */
void wire_icmp(const struct icmp *icmp)
{
	const struct conn *c = &conns[icmp->conn];
	struct packet outer = {
		.proto = IPPROTO_ICMP, .ttl = 64,
		.saddr = PEER_ADDR, .daddr = LOCAL_ADDR,
	}, inner = {
		.proto = net_ip_protocol(), .ttl = 63, .frag = IP_DF,
		.saddr = LOCAL_ADDR, .daddr = PEER_ADDR,
	};
	__u8 packet[IP_HEADER + 8 + IP_HEADER + 8] = {};
	__u8 *head = packet + IP_HEADER, *quote = head + 8;

	compose_ip(&outer, packet, IP_HEADER, sizeof(packet));
	head[0] = icmp->type;
	head[1] = icmp->code;
	/* A parameter problem points at a byte, the others give an MTU. */
	if (icmp->type == 12)
		head[4] = icmp->info;
	else
		put16(head + 6, icmp->info);
	compose_ip(&inner, quote, IP_HEADER, IP_HEADER + TCP_HEADER);
	put16(quote + IP_HEADER, c->lport);
	put16(quote + IP_HEADER + 2, c->pport);
	put32(quote + IP_HEADER + 4, icmp->quoted ?
	      icmp->seq + c->stack_zero : c->last_seq);
	put16(head + 2, sum_fold(sum_bytes(head, sizeof(packet) - IP_HEADER,
					   0)));
	inject(packet, sizeof(packet));
}

/*
 * ---- From the stack ----
 */

/* False: not for us, as another version of IP. */
static bool take_apart(struct packet *p, const __u8 *ip, size_t len)
{
	unsigned int header = (ip[0] & 15) * 4, doff;
	const __u8 *tcp = ip + header;

	if (len < IP_HEADER || ip[0] >> 4 != 4)
		return false;
	memset(p, 0, offsetof(struct packet, data));
	p->out = true;
	p->proto = ip[9];
	p->tos = ip[1];
	p->ttl = ip[8];
	p->id = get16(ip + 4);
	p->frag = get16(ip + 6);
	p->saddr = get32(ip + 12);
	p->daddr = get32(ip + 16);
	if (p->proto == IPPROTO_ICMP && len >= IP_HEADER + 8) {
		memcpy(p->data, tcp, 2);
		return true;
	}
	if (p->proto != net_ip_protocol())
		return false;
	if (header < IP_HEADER || get16(ip + 2) != len ||
	    sum_fold(sum_bytes(ip, header, 0)))
		fail("the stack sent a bad IP header");
	if (p->frag & ~IP_DF)
		fail("the stack sent a fragment");
	doff = (tcp[12] >> 4) * 4;
	if (len < header + TCP_HEADER || doff < TCP_HEADER ||
	    header + doff > len)
		fail("the stack sent a data offset of %u in %zu bytes", doff,
		     len);
	p->ipoptlen = header - IP_HEADER;
	memcpy(p->ipopt, ip + IP_HEADER, p->ipoptlen);
	p->sport = get16(tcp);
	p->dport = get16(tcp + 2);
	p->seq = get32(tcp + 4);
	p->ack = get32(tcp + 8);
	p->doff = tcp[12] >> 4;
	p->reserved = tcp[12] & 15;
	p->flags = tcp[13];
	p->window = get16(tcp + 14);
	p->urg = get16(tcp + 18);
	p->optlen = doff - TCP_HEADER;
	memcpy(p->opt, tcp + TCP_HEADER, p->optlen);
	p->len = len - header - doff;
	memcpy(p->data, tcp + doff, p->len);
	if (sum_segment(ip, tcp, len - header))
		fail("the stack sent a wrong checksum: %s", segment_show(p));
	return true;
}

/* When the kernel saw the packet. */
static double message_time(struct msghdr *msg)
{
	struct timespec ts;

	if (!net_cmsg(msg, SOL_SOCKET, SCM_TIMESTAMPNS, &ts, sizeof(ts)))
		fail("a packet without a time");
	return ts.tv_sec + ts.tv_nsec / 1e9 - start;
}

static bool read_tap(struct packet *p)
{
	static __u8 packet[MAX_DATA + 200];
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct sockaddr_ll from;
	struct iovec iov = { packet, sizeof(packet) };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t len;

	for (;;) {
		len = recvmsg(tap, &msg, 0);
		if (len < 0)
			return false;
		if (from.sll_pkttype == PACKET_OUTGOING &&
		    take_apart(p, packet, len)) {
			p->time = message_time(&msg);
			return true;
		}
		msg.msg_namelen = sizeof(from);
		msg.msg_controllen = sizeof(control);
	}
}

/* Nobody needs what comes out of the device; it must not pile up. */
static void drain_tun(void)
{
	char byte;

	while (read(tun, &byte, 1) >= 0)
		;
}

static void learn(const struct packet *p)
{
	struct conn *c = wire_conn_of(p);
	int at;

	if (!c || p->proto == IPPROTO_ICMP)
		return;
	c->used = true;
	c->last_seq = p->seq;
	if (!(p->flags & SYN) || c->synced)
		return;
	c->irs = p->seq;
	c->stack_zero = p->seq;
	c->stack_max = p->seq + 1;
	c->window_edge = c->stack_max;
	c->synced = true;
	at = opt_find(p, OPT_WSCALE, 3);
	c->stack_scale = at < 0 ? -1 : p->opt[at + 2];
	c->stack_ts = opt_find(p, OPT_TS, 10) >= 0;
}

/* The segment that was received last is to be received again. */
void wire_unread(void)
{
	unread = true;
}

/* The next segment from the stack; false when none comes before @until. */
bool wire_receive(struct packet *p, double until)
{
	struct pollfd pfd = { .fd = tap, .events = POLLIN };
	static struct packet last;
	struct timespec ts;
	double left;

	if (unread) {
		*p = last;
		unread = false;
		return true;
	}
	while (!read_tap(p)) {
		drain_tun();
		left = until - now();
		if (left <= 0)
			return false;
		ts.tv_sec = left;
		ts.tv_nsec = (left - ts.tv_sec) * 1e9;
		ppoll(&pfd, 1, &ts, NULL);
	}
	drain_tun();
	learn(p);
	last = *p;
	return true;
}

/*
 * ---- What must be true of every segment ----
 */

#define MUST(condition, what) do {					\
	if (!(condition))						\
		fail("the stack sent %s: %s", what, segment_show(p));	\
} while (0)

static void check_options(const struct packet *p)
{
	unsigned int i, len;

	for (i = 0; i < p->optlen && p->opt[i]; i += len) {
		len = p->opt[i] == OPT_NOP ? 1 :
		      i + 1 < p->optlen ? p->opt[i + 1] : 0;
		MUST(len && (len > 1 || p->opt[i] == OPT_NOP) &&
		     i + len <= p->optlen, "malformed options");
		MUST(p->flags & SYN || (p->opt[i] != OPT_MSS &&
					p->opt[i] != OPT_WSCALE &&
					p->opt[i] != OPT_SACKOK),
		     "an option of SYNs without SYN");
	}
	for (; i < p->optlen; i++)
		MUST(!p->opt[i], "padding that is not zero");
}

static void check_header(const struct packet *p, const struct script *script)
{
	MUST(!p->ipoptlen, "IP options");
	MUST(p->frag & IP_DF || script->may_fragment, "no DF");
	MUST(!p->reserved, "reserved bits");
	MUST(p->flags & ACK || !p->ack,
	     "an acknowledgment number without ACK");
	MUST(p->flags & URG || !p->urg, "an urgent pointer without URG");
	MUST(p->flags & (ACK | SYN | RST), "no ACK");
	MUST(!(p->flags & SYN && p->flags & (FIN | RST)),
	     "SYN with FIN or RST");
	MUST(!(p->flags & (SYN | RST) && p->len), "payload in a SYN or RST");
	check_options(p);
}

static void check_ack(struct conn *c, const struct packet *p,
		      const struct script *script)
{
	__u32 edge = p->ack + scaled(c, p, c->stack_scale);

	MUST((int)(p->ack - c->peer_max) <= 0,
	     "an ACK of what it was never sent");
	if (c->acked) {
		MUST((int)(p->ack - c->ack_max) >= 0,
		     "an ACK lower than one before");
		/* RFC 9293 3.8.6, SHLD-14 */
		MUST(script->may_shrink || (int)(edge - c->edge) >= 0,
		     "a window whose right edge moved back");
	}
	c->ack_max = p->ack;
	c->edge = edge;
	c->acked = true;
}

/* RFC 7323 3.2: once agreed upon, in every segment but a RST. */
static void check_timestamp(struct conn *c, const struct packet *p)
{
	int at = opt_find(p, OPT_TS, 10);
	__u32 val;

	if (p->flags & SYN)
		return;
	MUST(at >= 0 || !c->peer_ts || !c->stack_ts, "no timestamp");
	MUST(at < 0 || (c->peer_ts && c->stack_ts),
	     "a timestamp that was not agreed upon");
	if (at < 0)
		return;
	val = get32(p->opt + at + 2);
	MUST(!c->ts_seen || (int)(val - c->ts_val) >= 0,
	     "a timestamp lower than one before");
	c->ts_val = val;
	c->ts_seen = true;
}

static void check_payload(struct conn *c, const struct packet *p)
{
	unsigned int limit = c->mss < MSS_MIN ? MSS_MIN : c->mss;
	__u32 i, offset = p->seq - c->irs - 1;

	for (i = 0; i < p->len; i++)
		MUST(p->data[i] == stream_byte((__u32)(offset + i)),
		     "other bytes than the program wrote");
	/* RFC 9293 3.7.1, MUST-16: the MSS does not count options */
	MUST(p->len + p->optlen <= limit, "more than the MSS");
	/* RFC 9293 3.8.6.1: one byte may probe a window that is shut */
	MUST((int)(p->seq + p->len - c->window_edge) <= (p->len == 1),
	     "data beyond the window");
}

void wire_check(const struct packet *p, const struct script *script)
{
	struct conn *c = wire_conn_of(p);

	if (p->proto == IPPROTO_ICMP)
		return;
	check_header(p, script);
	if (!c || !c->synced)
		return;
	MUST(!(p->flags & SYN) || c->irs == p->seq, "a second ISN");
	if (p->flags & RST)
		return;
	if (p->flags & ACK)
		check_ack(c, p, script);
	check_timestamp(c, p);
	if (p->len)
		check_payload(c, p);
	if ((int)(sequence_end(p) - c->stack_max) > 0)
		c->stack_max = sequence_end(p);
}
