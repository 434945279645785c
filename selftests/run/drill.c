// SPDX-License-Identifier: GPL-2.0
/*
 * For run.sh: does to the kernel what Google's packetdrill does to it, with one
 * script.  It knows nothing of AF_TEACH.
 *
 * A tun device, which takes checksums and segmentation upon itself, is the
 * network.  The peer's segments are written into it; what is sent to the peer
 * is seen by a packet socket.  Each is printed as packetdrill writes them, but
 * for PSH and the window.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../bytes.h"

#define LOCAL		0xc0a80001u	/* 192.168.0.1 */
#define PEER		0xc0000201u	/* 192.0.2.1 */
#define LOCAL_PORT	8080
#define PEER_PORT	40000
#define MSS		1460
#define MAX_PACKET	65536
#define PATIENCE	60		/* seconds */

#define IP_HEADER	20
#define TCP_HEADER	20

#define FIN	0x01
#define SYN	0x02
#define ACK	0x10

struct segment {
	unsigned int flags, seq, ack, len;
};

static int tun, packets;
static unsigned int irs;	/* the initial number of what is tested */

/* ---- The network ---- */

static void run(const char *command)
{
	if (system(command))
		errx(1, "%s", command);
}

static void make_tun(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int header = sizeof(struct virtio_net_hdr);

	if (access("/dev/net/tun", F_OK))
		run("modprobe -q tun");
	tun = open("/dev/net/tun", O_RDWR);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &ifr) ||
	    ioctl(tun, TUNSETVNETHDRSZ, &header) ||
	    ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4))
		err(1, "/dev/net/tun");
	run("ip addr add 192.168.0.1/16 dev tun0");
	run("ip link set tun0 up");
	run("ip route add 192.0.2.0/24 via 192.168.0.2");
}

static void watch_tun(void)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_ll tun0 = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("tun0"),
	};

	packets = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (packets < 0 || bind(packets, (void *)&tun0, sizeof(tun0)) ||
	    setsockopt(packets, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)))
		err(1, "packet socket");
}

/* ---- The peer ---- */

static void print(char direction, const struct segment *seg)
{
	unsigned int end = seg->seq + seg->len;

	printf("%c %s%s%s %u:%u(%u)", direction, seg->flags & SYN ? "S" : "",
	       seg->flags & FIN ? "F" : "", seg->flags & ACK ? "." : "",
	       seg->seq, end, seg->len);
	if (seg->flags & ACK)
		printf(" ack %u", seg->ack);
	printf("\n");
}

static void compose(__u8 *ip, const struct segment *seg, unsigned int optlen)
{
	static const __u8 options[] = { 2, 4, MSS >> 8, MSS & 255, 1, 3, 3, 7 };
	unsigned int len = TCP_HEADER + optlen + seg->len;
	__u8 *tcp = ip + IP_HEADER;

	ip[0] = 0x45;
	put16(ip + 2, IP_HEADER + len);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	put32(ip + 12, PEER);
	put32(ip + 16, LOCAL);
	put16(ip + 10, sum_fold(sum_bytes(ip, IP_HEADER, 0)));
	put16(tcp, PEER_PORT);
	put16(tcp + 2, LOCAL_PORT);
	put32(tcp + 4, seg->seq);
	if (seg->flags & ACK)
		put32(tcp + 8, seg->ack + irs);
	tcp[12] = (TCP_HEADER + optlen) / 4 << 4;
	tcp[13] = seg->flags;
	put16(tcp + 14, 1000);
	memcpy(tcp + TCP_HEADER, options, optlen);
	put16(tcp + 16, sum_segment(ip, tcp, len));
}

/* From the peer; one that is larger than a segment comes as GRO makes them. */
static void in(unsigned int flags, unsigned int seq, unsigned int len,
	       unsigned int ack)
{
	unsigned int optlen = flags & SYN ? 8 : 0;
	struct segment seg = { flags, seq, ack, len };
	static __u8 packet[MAX_PACKET];
	struct virtio_net_hdr gso = {};
	struct iovec iov[] = {
		{ &gso, sizeof(gso) },
		{ packet, IP_HEADER + TCP_HEADER + optlen + len },
	};

	if (len > MSS) {
		gso.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		gso.gso_size = MSS;
	}
	memset(packet, 0, iov[1].iov_len);
	compose(packet, &seg, optlen);
	print('<', &seg);
	if (writev(tun, iov, 2) < 0)
		err(1, "write to tun0");
}

/* The next segment to the peer. */
static void next(struct segment *seg)
{
	static __u8 packet[MAX_PACKET];
	__u8 *tcp = packet + IP_HEADER;
	char taken[sizeof(struct virtio_net_hdr) + 1];
	struct sockaddr_ll from;
	socklen_t len;
	ssize_t got;

	do {
		len = sizeof(from);
		got = recvfrom(packets, packet, sizeof(packet), 0,
			       (void *)&from, &len);
		if (got < 0)
			err(1, "nothing is sent");
		if (from.sll_pkttype != PACKET_OUTGOING)
			continue;
		/* So that the device has sent it. */
		if (read(tun, taken, sizeof(taken)) < 0)
			err(1, "read from tun0");
	} while (from.sll_pkttype != PACKET_OUTGOING || packet[0] >> 4 != 4 ||
		 packet[9] != IPPROTO_TCP);
	seg->flags = tcp[13] & (FIN | SYN | ACK);
	if (seg->flags & SYN)
		irs = get32(tcp + 4);
	seg->seq = get32(tcp + 4) - irs;
	seg->ack = get32(tcp + 8);
	seg->len = get16(packet + 2) - IP_HEADER - (tcp[12] >> 4) * 4;
}

static void out(void)
{
	struct segment seg;

	next(&seg);
	print('>', &seg);
}

/* As many as there are until @end, as if they were one. */
static void out_until(unsigned int end)
{
	struct segment seg, all;
	bool large = false;

	next(&all);
	large = all.len > MSS;
	while (all.seq + all.len < end) {
		next(&seg);
		all.len += seg.len;
		large |= seg.len > MSS;
	}
	print('>', &all);
	printf("%s\n", large ? "the device is to cut it" : "cut");
}

/* ---- The program ---- */

static int listening(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(LOCAL_PORT),
		.sin_addr.s_addr = htonl(LOCAL),
	};
	socklen_t len = sizeof(int);
	int fd, family, on = 1;

	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (void *)&addr, sizeof(addr)) || listen(fd, 1) ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len))
		err(1, "listen");
	printf("family %d\n", family);
	return fd;
}

static void ask(int fd, int level, int option, const char *name)
{
	char answer[1024];
	socklen_t len = sizeof(answer);

	if (getsockopt(fd, level, option, answer, &len))
		err(1, "%s", name);
	printf("%s: %u bytes\n", name, len);
}

static void take(int fd, int len)
{
	static char bytes[MAX_PACKET];
	int there;

	if (ioctl(fd, SIOCINQ, &there))
		err(1, "SIOCINQ");
	printf("SIOCINQ %d\n", there);
	if (recv(fd, bytes, len, MSG_WAITALL) != len)
		err(1, "recv");
}

static void give(int fd, int len)
{
	static const char bytes[MAX_PACKET];

	if (write(fd, bytes, len) != len)
		err(1, "write");
}

int main(void)
{
	int listener, fd;

	if (unshare(CLONE_NEWNET))
		err(1, "unshare");
	make_tun();
	watch_tun();
	listener = listening();

	in(SYN, 0, 0, 0);
	out();
	in(ACK, 1, 0, 1);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		err(1, "accept");
	ask(fd, SOL_TCP, TCP_INFO, "TCP_INFO");
	ask(fd, SOL_TCP, TCP_CC_INFO, "TCP_CC_INFO");
	ask(fd, SOL_SOCKET, SO_MEMINFO, "SO_MEMINFO");

	in(ACK, 1, 1000, 1);
	out();
	take(fd, 1000);
	give(fd, 5000);
	out_until(5001);
	in(ACK, 1001, 0, 5001);
	in(ACK, 1001, 2 * MSS, 5001);
	out();
	take(fd, 2 * MSS);

	close(fd);
	out();
	in(FIN | ACK, 1001 + 2 * MSS, 0, 5002);
	out();
	return 0;
}
