// SPDX-License-Identifier: GPL-2.0
/*
 * The card: how a pair is made and dies, carrier, MTU, rings and
 * back-pressure, counters, and what happens when any of that changes in the
 * middle of traffic.
 *
 * The rule behind most of it: a frame that one card has counted as sent, the
 * other has counted as received or as dropped.
 *
 * Frames are sent and received with packet sockets, so these tests need
 * nothing of the transport.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/pkt_sched.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <teach_link.h>

#include "kselftest_harness.h"

#include "net.h"

#define ETHERTYPE	0x88b5		/* IEEE 802: local experiments */
#define MTU_MIN		68
#define MTU_MAX		65535
#define RING_DEFAULT	256
#define RING_SMALL	8
#define RING_MAX	4096

/* More than what a small TX and a small RX ring hold, several times over. */
#define BURST		200

/* NAPI polls once in this time while it is stalled. */
#define STALL_SHORT_NS	"200000000"
#define STALL_NS	"5000000000"
#define STALL_LONG_NS	"60000000000"

/* CARD_ROUNDS in the environment makes the tests in traffic longer. */
#define ROUNDS		net_env("CARD_ROUNDS", 4)

/* Netlink: what iproute2 cannot say without a plugin, and exact errors */

struct request {
	struct nlmsghdr nlh;
	union {
		struct ifinfomsg ifi;
		struct tcmsg tc;
	};
	char attrs[1024];
};

static struct rtattr *put_attr(struct request *req, int type,
			       const void *data, size_t len)
{
	struct rtattr *rta = (void *)((char *)req +
				      NLMSG_ALIGN(req->nlh.nlmsg_len));

	rta->rta_type = type;
	rta->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(rta), data, len);
	req->nlh.nlmsg_len = NLMSG_ALIGN(req->nlh.nlmsg_len) +
			     RTA_ALIGN(rta->rta_len);
	return rta;
}

static void put_u32(struct request *req, int type, __u32 value)
{
	put_attr(req, type, &value, sizeof(value));
}

static void put_string(struct request *req, int type, const char *value)
{
	put_attr(req, type, value, strlen(value) + 1);
}

static void end_nest(struct request *req, struct rtattr *nest)
{
	nest->rta_len = (char *)req + req->nlh.nlmsg_len - (char *)nest;
}

static void start_request(struct request *req, int type, int flags)
{
	memset(req, 0, sizeof(*req));
	req->nlh.nlmsg_len = NLMSG_LENGTH(type == RTM_NEWQDISC ?
					  sizeof(req->tc) : sizeof(req->ifi));
	req->nlh.nlmsg_type = type;
	req->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
}

/* Send @req from the namespace we are in; the answer goes to @reply. */
static int transact(struct request *req, void *reply, size_t len)
{
	struct nlmsghdr *nlh = reply;
	struct nlmsgerr *err = NLMSG_DATA(nlh);
	ssize_t n;
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || send(fd, req, req->nlh.nlmsg_len, 0) < 0)
		net_fatal("netlink request");
	n = recv(fd, reply, len, 0);
	if (n < (ssize_t)sizeof(*nlh))
		net_fatal("netlink answer");
	close(fd);
	return nlh->nlmsg_type == NLMSG_ERROR ? -err->error : 0;
}

/* What a new pair should be like; 0 and NULL ask for nothing. */
struct pair {
	const char *name;
	__u32 mtu;
	__u32 tx_queues;
	const unsigned char *mac;
	bool peer;		/* send TEACH_LINK_PEER at all */
	bool peer_short;	/* ... with half a struct ifinfomsg */
	bool peer_up;
	int peer_index;
	const char *peer_name;
	__u32 peer_mtu;
	__u32 peer_rx_queues;
	const unsigned char *peer_mac;
	int peer_netns;		/* a descriptor, or 0 */
};

static void put_peer(struct request *req, const struct pair *pair)
{
	struct ifinfomsg ifi = { .ifi_index = pair->peer_index };
	struct rtattr *nest;

	if (pair->peer_up) {
		ifi.ifi_flags = IFF_UP;
		ifi.ifi_change = IFF_UP;
	}
	nest = put_attr(req, TEACH_LINK_PEER, &ifi,
			pair->peer_short ? sizeof(ifi) / 2 : sizeof(ifi));
	if (pair->peer_name)
		put_string(req, IFLA_IFNAME, pair->peer_name);
	if (pair->peer_mtu)
		put_u32(req, IFLA_MTU, pair->peer_mtu);
	if (pair->peer_rx_queues)
		put_u32(req, IFLA_NUM_RX_QUEUES, pair->peer_rx_queues);
	if (pair->peer_mac)
		put_attr(req, IFLA_ADDRESS, pair->peer_mac, ETH_ALEN);
	if (pair->peer_netns)
		put_u32(req, IFLA_NET_NS_FD, pair->peer_netns);
	end_nest(req, nest);
}

/* Make a pair from the namespace we are in: 0 or an errno. */
static int make_pair(const struct pair *pair)
{
	struct rtattr *info, *data;
	struct request req;
	char reply[4096];

	start_request(&req, RTM_NEWLINK,
		      NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	if (pair->name)
		put_string(&req, IFLA_IFNAME, pair->name);
	if (pair->mtu)
		put_u32(&req, IFLA_MTU, pair->mtu);
	if (pair->tx_queues)
		put_u32(&req, IFLA_NUM_TX_QUEUES, pair->tx_queues);
	if (pair->mac)
		put_attr(&req, IFLA_ADDRESS, pair->mac, ETH_ALEN);
	info = put_attr(&req, IFLA_LINKINFO, NULL, 0);
	put_string(&req, IFLA_INFO_KIND, "teach");
	data = put_attr(&req, IFLA_INFO_DATA, NULL, 0);
	if (pair->peer)
		put_peer(&req, pair);
	end_nest(&req, data);
	end_nest(&req, info);
	return transact(&req, reply, sizeof(reply));
}

static int delete_link(const struct net *net, enum host host,
		       const char *name)
{
	struct request req;
	char reply[4096];

	net_enter(net, host);
	start_request(&req, RTM_DELLINK, NLM_F_ACK);
	put_string(&req, IFLA_IFNAME, name);
	return transact(&req, reply, sizeof(reply));
}

/* A qdisc that only queues: the default, fq_codel, drops what waits long. */
static void use_pfifo(const struct net *net, enum host host, const char *name)
{
	struct tc_fifo_qopt opt = { .limit = 10000 };
	struct request req;
	char reply[4096];

	net_enter(net, host);
	start_request(&req, RTM_NEWQDISC,
		      NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
	req.tc.tcm_ifindex = if_nametoindex(name);
	req.tc.tcm_parent = TC_H_ROOT;
	put_string(&req, TCA_KIND, "pfifo");
	put_attr(&req, TCA_OPTIONS, &opt, sizeof(opt));
	errno = transact(&req, reply, sizeof(reply));
	if (errno)
		net_fatal("qdisc of %s", name);
}

struct link {
	int index;
	int iflink;
	int netnsid;
	unsigned int flags;
	__u32 mtu;
	bool carrier;
	unsigned char mac[ETH_ALEN];
	char kind[16];
	struct rtnl_link_stats64 stats;
};

static void parse_link(struct nlmsghdr *nlh, struct link *link)
{
	struct ifinfomsg *ifi = NLMSG_DATA(nlh);
	struct rtattr *rta = IFLA_RTA(ifi);
	int len = IFLA_PAYLOAD(nlh);
	struct rtattr *info;

	link->index = ifi->ifi_index;
	link->flags = ifi->ifi_flags;
	for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len)) {
		switch (rta->rta_type & NLA_TYPE_MASK) {
		case IFLA_LINK:
			link->iflink = *(int *)RTA_DATA(rta);
			break;
		case IFLA_LINK_NETNSID:
			link->netnsid = *(int *)RTA_DATA(rta);
			break;
		case IFLA_MTU:
			link->mtu = *(__u32 *)RTA_DATA(rta);
			break;
		case IFLA_CARRIER:
			link->carrier = *(__u8 *)RTA_DATA(rta);
			break;
		case IFLA_ADDRESS:
			memcpy(link->mac, RTA_DATA(rta), ETH_ALEN);
			break;
		case IFLA_STATS64:
			memcpy(&link->stats, RTA_DATA(rta),
			       sizeof(link->stats));
			break;
		case IFLA_LINKINFO:
			/* the kind comes first */
			info = RTA_DATA(rta);
			snprintf(link->kind, sizeof(link->kind), "%s",
				 (char *)RTA_DATA(info));
			break;
		}
	}
}

/* Look at a device: 0 or an errno. */
static int get_link(const struct net *net, enum host host, const char *name,
		    struct link *link)
{
	struct request req;
	char reply[16384];
	int err;

	memset(link, 0, sizeof(*link));
	link->netnsid = -1;
	net_enter(net, host);
	start_request(&req, RTM_GETLINK, 0);
	put_string(&req, IFLA_IFNAME, name);
	err = transact(&req, reply, sizeof(reply));
	if (!err)
		parse_link((void *)reply, link);
	return err;
}

static bool exists(const struct net *net, enum host host, const char *name)
{
	struct link link;

	return !get_link(net, host, name, &link);
}

static bool has_carrier(const struct net *net, enum host host,
			const char *name)
{
	struct link link;

	return !get_link(net, host, name, &link) && link.carrier;
}

/* ethtool and other ioctls on a device */

static int device_ioctl(const struct net *net, enum host host,
			const char *name, int request, struct ifreq *ifr)
{
	int err;
	int fd;

	net_enter(net, host);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		net_fatal("socket for ioctl");
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	err = net_err(ioctl(fd, request, ifr));
	close(fd);
	return err;
}

static int ethtool(const struct net *net, enum host host, const char *name,
		   void *command)
{
	struct ifreq ifr = { .ifr_data = command };

	return device_ioctl(net, host, name, SIOCETHTOOL, &ifr);
}

static int set_mtu(const struct net *net, enum host host, const char *name,
		   int mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };

	return device_ioctl(net, host, name, SIOCSIFMTU, &ifr);
}

static int set_up(const struct net *net, enum host host, const char *name,
		  bool up)
{
	struct ifreq ifr = {};
	int err;

	err = device_ioctl(net, host, name, SIOCGIFFLAGS, &ifr);
	if (err)
		return err;
	if (up)
		ifr.ifr_flags |= IFF_UP;
	else
		ifr.ifr_flags &= ~IFF_UP;
	return device_ioctl(net, host, name, SIOCSIFFLAGS, &ifr);
}

static int set_rings(const struct net *net, enum host host, const char *name,
		     __u32 tx, __u32 rx)
{
	struct ethtool_ringparam ring = {
		.cmd = ETHTOOL_SRINGPARAM,
		.tx_pending = tx,
		.rx_pending = rx,
	};

	return ethtool(net, host, name, &ring);
}

static void set_feature(const struct net *net, enum host host,
			const char *name, __u32 command, bool on)
{
	struct ethtool_value value = { .cmd = command, .data = on };

	if (ethtool(net, host, name, &value))
		net_fatal("feature %#x of %s", command, name);
}

#define COUNTERS_MAX	64

/* One counter as `ethtool -S` shows it. */
static long long counter(const struct net *net, enum host host,
			 const char *name)
{
	struct {
		struct ethtool_gstrings head;
		char name[COUNTERS_MAX][ETH_GSTRING_LEN];
	} names = { .head = {
		.cmd = ETHTOOL_GSTRINGS,
		.string_set = ETH_SS_STATS,
	} };
	struct {
		struct ethtool_stats head;
		__u64 value[COUNTERS_MAX];
	} values = { .head = {
		.cmd = ETHTOOL_GSTATS,
	} };
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	const char *dev = host == A ? DEV_A : DEV_B;
	unsigned int i;

	if (ethtool(net, host, dev, &info) || info.n_stats > COUNTERS_MAX)
		net_fatal("number of counters of %s", dev);
	names.head.len = info.n_stats;
	values.head.n_stats = info.n_stats;
	if (ethtool(net, host, dev, &names) || ethtool(net, host, dev, &values))
		net_fatal("counters of %s", dev);
	for (i = 0; i < info.n_stats; i++)
		if (!strcmp(names.name[i], name))
			return values.value[i];
	errno = ENOENT;
	net_fatal("no \"%s\" among the counters of %s", name, dev);
}

/* Every frame that @from sent, the other host has received or dropped. */
static bool all_accounted(const struct net *net, enum host from)
{
	enum host to = from == A ? B : A;
	long long sent = counter(net, from, "tx_packets");

	return sent == counter(net, to, "rx_packets") +
		       counter(net, to, "rx_drop_too_long") +
		       counter(net, to, "rx_drop_down");
}

/* Run @fn in a process of its own, which is killed by stop(). */
static pid_t start(void (*fn)(const struct net *net, enum host host),
		   const struct net *net, enum host host)
{
	pid_t pid = fork();

	if (pid < 0)
		net_fatal("fork");
	if (!pid) {
		fn(net, host);
		_exit(0);
	}
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		net_fatal("waitpid");
}

static void write_sysfs(const struct net *net, enum host host,
			const char *dev, const char *file, const char *value)
{
	char path[128];
	int status;
	pid_t pid;
	int fd;

	pid = fork();
	if (pid < 0)
		net_fatal("fork");
	if (!pid) {
		/* sysfs shows the namespace in which it was mounted. */
		net_enter(net, host);
		if (unshare(CLONE_NEWNS) ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("sysfs", "/sys", "sysfs", 0, NULL))
			net_fatal("sysfs of host %c", 'A' + host);
		snprintf(path, sizeof(path), "/sys/class/net/%s/%s", dev, file);
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, value, strlen(value)) < 0)
			net_fatal("%s = %s", path, value);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		net_fatal("%s of %s", file, dev);
}

/*
 * Make B's NAPI poll only once in @ns: the kernel's deferral of interrupts,
 * told to defer for longer than anybody would want.  It begins with the next
 * poll that finds a frame.
 */
static void stall(const struct net *net, const char *ns)
{
	write_sysfs(net, B, DEV_B, "napi_defer_hard_irqs", "1000000");
	write_sysfs(net, B, DEV_B, "gro_flush_timeout", ns);
}

static void unstall(const struct net *net)
{
	write_sysfs(net, B, DEV_B, "napi_defer_hard_irqs", "0");
	write_sysfs(net, B, DEV_B, "gro_flush_timeout", "0");
}

/* Frames */

/* A number, then a pattern that depends on it. */
static struct {
	struct ethhdr eth;
	unsigned char payload[MTU_MAX + 1];
} frame;

#define PAYLOAD_MIN	sizeof(__u64)

static int open_packet(const struct net *net, enum host host, const char *name)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE),
	};
	int size = 64 << 20;
	int fd;

	net_enter(net, host);
	addr.sll_ifindex = if_nametoindex(name);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (void *)&addr, sizeof(addr)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		net_fatal("packet socket on %s", name);
	return fd;
}

static void fill_frame(__u64 seq, size_t payload)
{
	memset(&frame.eth.h_dest, 0xff, ETH_ALEN);
	memset(&frame.eth.h_source, 0x02, ETH_ALEN);
	frame.eth.h_proto = htons(ETHERTYPE);
	memcpy(frame.payload, &seq, sizeof(seq));
	net_pattern(frame.payload + PAYLOAD_MIN, payload - PAYLOAD_MIN, seq);
}

/* Send a frame with @payload bytes: 0 or an errno. */
static int send_frame(int fd, __u64 seq, size_t payload, int flags)
{
	fill_frame(seq, payload);
	return net_err(send(fd, &frame, ETH_HLEN + payload, flags));
}

/* Wait for the next frame: is it number @seq, whole? */
static bool recv_frame(int fd, __u64 seq, size_t payload)
{
	__u64 got;
	ssize_t n;

	if (!net_wait_poll(fd, POLLIN)) {
		fprintf(stderr, "# frame %llu did not come\n", seq);
		return false;
	}
	n = recv(fd, &frame, sizeof(frame), 0);
	memcpy(&got, frame.payload, sizeof(got));
	if (n != (ssize_t)(ETH_HLEN + payload) || got != seq) {
		fprintf(stderr, "# frame %llu, length %zd: wanted %llu, %zu\n",
			got, n, seq, ETH_HLEN + payload);
		return false;
	}
	return net_pattern_ok(frame.payload + PAYLOAD_MIN,
			      payload - PAYLOAD_MIN, seq);
}

static bool send_and_recv(int from, int to, __u64 seq, size_t payload)
{
	int err = send_frame(from, seq, payload, 0);

	if (err) {
		fprintf(stderr, "# frame %llu: %s\n", seq, strerror(err));
		return false;
	}
	return recv_frame(to, seq, payload);
}

/*
 * Send from @host as fast as it goes, whatever happens to the device.  The
 * test itself, which changes it, goes first.
 */
static void flood_device(const struct net *net, enum host host,
			 const char *name)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE),
	};
	int fd, i;

	net_enter(net, host);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || nice(19) < 0)
		net_fatal("flood");
	fill_frame(0, 200);
	for (;;) {
		addr.sll_ifindex = if_nametoindex(name);
		for (i = 0; i < 100; i++)
			sendto(fd, &frame, ETH_HLEN + 200, 0, (void *)&addr,
			       sizeof(addr));
	}
}

static void flood(const struct net *net, enum host host)
{
	flood_device(net, host, host == A ? DEV_A : DEV_B);
}

static void flood_second(const struct net *net, enum host host)
{
	flood_device(net, host, host == A ? "card0" : "card1");
}

/* The cards are what is tested here, whatever the family. */
static void join_by_cards(struct net *net)
{
	setenv("TEACH_FAMILY", "teach", 1);
	net_init(net);
}

FIXTURE(card) {
	struct net net;
	int a, b;	/* packet sockets on DEV_A and DEV_B */
};

FIXTURE_SETUP(card)
{
	join_by_cards(&self->net);
	self->a = open_packet(&self->net, A, DEV_A);
	self->b = open_packet(&self->net, B, DEV_B);
	use_pfifo(&self->net, A, DEV_A);
	use_pfifo(&self->net, B, DEV_B);
}

FIXTURE_TEARDOWN(card)
{
	close(self->a);
	close(self->b);
	net_exit(&self->net);
}

/* A pair is made */

TEST_F(card, pair_by_iproute2)
{
	struct link a, b;

	net_ip(&self->net, A, "link add card0 type teach");
	ASSERT_EQ(0, get_link(&self->net, A, "card0", &a));
	ASSERT_NE(0, a.iflink);

	/* The kernel named the other end; DEV_A is taken, DEV_B is not. */
	ASSERT_EQ(0, get_link(&self->net, A, "teach1", &b));
	EXPECT_EQ(a.index, b.iflink);
	EXPECT_EQ(b.index, a.iflink);
	EXPECT_STREQ("teach", a.kind);
	EXPECT_STREQ("teach", b.kind);
	EXPECT_EQ(1500, a.mtu);
	EXPECT_NE(0, memcmp(a.mac, b.mac, ETH_ALEN));
	EXPECT_FALSE(a.carrier);
	EXPECT_FALSE(b.carrier);
}

TEST_F(card, pair_without_names)
{
	struct pair pair = {};

	net_enter(&self->net, B);
	EXPECT_EQ(0, make_pair(&pair));
	EXPECT_TRUE(exists(&self->net, B, "teach0"));
	EXPECT_TRUE(exists(&self->net, B, "teach2"));
}

TEST_F(card, peer_as_netlink_asks)
{
	static const unsigned char mac[] = { 2, 0, 0, 0, 0, 0x17 };
	struct pair pair = {
		.name = "card0",
		.peer = true,
		.peer_up = true,
		.peer_index = 77,
		.peer_name = "card1",
		.peer_mtu = 4000,
		.peer_mac = mac,
		.peer_netns = self->net.ns[B],
	};
	struct link a, b;

	net_enter(&self->net, A);
	ASSERT_EQ(0, make_pair(&pair));
	ASSERT_EQ(0, get_link(&self->net, A, "card0", &a));
	ASSERT_EQ(0, get_link(&self->net, B, "card1", &b));
	EXPECT_FALSE(exists(&self->net, A, "card1"));
	EXPECT_EQ(1500, a.mtu);
	EXPECT_EQ(4000, b.mtu);
	EXPECT_EQ(0, memcmp(b.mac, mac, ETH_ALEN));
	EXPECT_EQ(77, b.index);
	EXPECT_EQ(77, a.iflink);
	EXPECT_LE(0, a.netnsid);
	EXPECT_EQ(a.index, b.iflink);
	EXPECT_EQ(0, a.flags & IFF_UP);
	EXPECT_EQ(IFF_UP, b.flags & IFF_UP);
}

TEST_F(card, bad_pairs)
{
	static const unsigned char multicast[] = { 1, 0, 0, 0, 0, 1 };
	static const struct {
		int err;
		struct pair pair;
	} bad[] = {
		{ EEXIST, { .name = DEV_A } },
		{ EEXIST, { .name = "card0", .peer = true,
			    .peer_name = DEV_A } },
		{ EEXIST, { .name = "card0", .peer = true,
			    .peer_name = "card0" } },
		{ EINVAL, { .name = "card0", .peer = true,
			    .peer_name = "a/b" } },
		{ EINVAL, { .name = "card0", .mtu = MTU_MIN - 1 } },
		{ EINVAL, { .name = "card0", .mtu = MTU_MAX + 1 } },
		{ EINVAL, { .name = "card0", .peer = true,
			    .peer_mtu = MTU_MIN - 1 } },
		{ EINVAL, { .name = "card0", .peer = true,
			    .peer_mtu = MTU_MAX + 1 } },
		{ EINVAL, { .name = "card0", .tx_queues = 2 } },
		{ EINVAL, { .name = "card0", .peer = true,
			    .peer_rx_queues = 2 } },
		{ EINVAL, { .name = "card0", .peer = true,
			    .peer_index = -1 } },
		{ ERANGE, { .name = "card0", .peer = true,
			    .peer_short = true } },
		{ EADDRNOTAVAIL, { .name = "card0", .mac = multicast } },
		{ EADDRNOTAVAIL, { .name = "card0", .peer = true,
				   .peer_mac = multicast } },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		net_enter(&self->net, A);
		EXPECT_EQ(bad[i].err, make_pair(&bad[i].pair)) {
			TH_LOG("bad pair %zu", i);
		}
		EXPECT_FALSE(exists(&self->net, A, "card0"));
		EXPECT_FALSE(exists(&self->net, A, "teach1"));
	}
}

/* A user who is root in a namespace of his own puts no card into ours. */
TEST_F(card, peer_into_foreign_netns)
{
	struct pair pair = {
		.name = "card0",
		.peer = true,
		.peer_name = "card1",
		.peer_netns = self->net.ns[B],
	};
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			_exit(255);
		_exit(make_pair(&pair));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == 255)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
	EXPECT_FALSE(exists(&self->net, B, "card1"));
}

/* A pair dies */

TEST_F(card, delete_one_deletes_both)
{
	EXPECT_EQ(ENODEV, delete_link(&self->net, B, DEV_A));
	EXPECT_EQ(0, delete_link(&self->net, B, DEV_B));
	EXPECT_FALSE(exists(&self->net, B, DEV_B));
	EXPECT_FALSE(exists(&self->net, A, DEV_A));
}

TEST_F(card, netns_dies)
{
	EXPECT_TRUE(exists(&self->net, A, DEV_A));
	close(self->b);
	close(self->net.ns[B]);
	EXPECT_TRUE(net_until(!exists(&self->net, A, DEV_A)));
	self->b = -1;
	self->net.ns[B] = -1;
}

TEST_F(card, delete_in_traffic)
{
	struct pair pair = {
		.name = "card0",
		.peer = true,
		.peer_up = true,
		.peer_name = "card1",
		.peer_netns = self->net.ns[B],
	};
	pid_t a, b;
	int i;

	a = start(flood_second, &self->net, A);
	b = start(flood_second, &self->net, B);
	for (i = 0; i < ROUNDS; i++) {
		struct link link;

		net_enter(&self->net, A);
		ASSERT_EQ(0, make_pair(&pair));
		ASSERT_EQ(0, set_up(&self->net, A, "card0", true));
		EXPECT_TRUE(net_until(!get_link(&self->net, B, "card1",
						&link) &&
				      link.stats.rx_packets > 100 &&
				      link.stats.tx_packets > 100));
		EXPECT_EQ(0, delete_link(&self->net, i % 2 ? A : B,
					 i % 2 ? "card0" : "card1"));
		EXPECT_FALSE(exists(&self->net, A, "card0"));
		EXPECT_FALSE(exists(&self->net, B, "card1"));
	}
	stop(a);
	stop(b);
}

/* Carrier */

TEST_F(card, carrier)
{
	struct net *net = &self->net;

	EXPECT_TRUE(has_carrier(net, A, DEV_A));
	EXPECT_TRUE(has_carrier(net, B, DEV_B));

	ASSERT_EQ(0, set_up(net, B, DEV_B, false));
	EXPECT_FALSE(has_carrier(net, A, DEV_A));
	EXPECT_FALSE(has_carrier(net, B, DEV_B));

	ASSERT_EQ(0, set_up(net, A, DEV_A, false));
	ASSERT_EQ(0, set_up(net, B, DEV_B, true));
	EXPECT_FALSE(has_carrier(net, A, DEV_A));
	EXPECT_FALSE(has_carrier(net, B, DEV_B));

	ASSERT_EQ(0, set_up(net, A, DEV_A, true));
	EXPECT_TRUE(has_carrier(net, A, DEV_A));
	EXPECT_TRUE(has_carrier(net, B, DEV_B));
}

/* What is sent without carrier is dropped, and counted by somebody. */
TEST_F(card, no_carrier_no_frames)
{
	struct net *net = &self->net;
	struct link link;
	long long sent;

	ASSERT_EQ(0, set_up(net, B, DEV_B, false));
	sent = counter(net, A, "tx_packets");
	send_frame(self->a, 0, 100, 0);
	EXPECT_EQ(sent, counter(net, A, "tx_packets"));

	ASSERT_EQ(0, set_up(net, B, DEV_B, true));
	EXPECT_TRUE(net_until(!get_link(net, A, DEV_A, &link) &&
			      link.flags & IFF_RUNNING));
	EXPECT_EQ(ENETDOWN, net_so_error(self->b));
	EXPECT_TRUE(send_and_recv(self->a, self->b, 1, 100));
	EXPECT_TRUE(net_until(all_accounted(net, A)));
}

/* Frames */

TEST_F(card, frames_both_ways)
{
	struct net *net = &self->net;
	__u64 seq;

	for (seq = 0; seq < 500; seq++) {
		size_t len = PAYLOAD_MIN + seq * 37 % (1500 - PAYLOAD_MIN);

		ASSERT_TRUE(send_and_recv(self->a, self->b, seq, len));
		ASSERT_TRUE(send_and_recv(self->b, self->a, seq, len));
	}
	EXPECT_LE(500, counter(net, A, "tx_packets"));
	EXPECT_LE(500, counter(net, B, "tx_packets"));
	EXPECT_TRUE(net_until(all_accounted(net, A)));
	EXPECT_TRUE(net_until(all_accounted(net, B)));
	EXPECT_EQ(0, counter(net, B, "rx_drop_down"));
	EXPECT_EQ(0, counter(net, B, "rx_drop_too_long"));
}

/* Sender and receiver, ip -s link and ethtool -S: one truth. */
TEST_F(card, counters_agree)
{
	struct net *net = &self->net;
	long long packets = counter(net, A, "tx_packets");
	long long bytes = counter(net, A, "tx_bytes");
	struct link a, b;
	__u64 seq;

	for (seq = 0; seq < 100; seq++)
		ASSERT_TRUE(send_and_recv(self->a, self->b, seq, 1000));
	EXPECT_LE(packets + 100, counter(net, A, "tx_packets"));
	EXPECT_LE(bytes + 100 * (ETH_HLEN + 1000),
		  counter(net, A, "tx_bytes"));

	/* The network core may still be talking; ask until it is quiet. */
	EXPECT_TRUE(net_until(all_accounted(net, A) &&
			      !get_link(net, A, DEV_A, &a) &&
			      !get_link(net, B, DEV_B, &b) &&
			      a.stats.tx_packets == b.stats.rx_packets &&
			      a.stats.tx_bytes == b.stats.rx_bytes &&
			      a.stats.rx_packets == b.stats.tx_packets &&
			      a.stats.rx_bytes == b.stats.tx_bytes &&
			      (long long)a.stats.tx_packets ==
			      counter(net, A, "tx_packets") &&
			      (long long)b.stats.rx_bytes ==
			      counter(net, B, "rx_bytes")));
	EXPECT_LE(100, counter(net, A, "tx_doorbells"));
	EXPECT_LE(1, counter(net, B, "rx_interrupts"));
	EXPECT_LE(counter(net, B, "rx_interrupts"),
		  counter(net, B, "rx_polls"));
	EXPECT_EQ(0, counter(net, A, "tx_ring_full"));
	EXPECT_EQ(0, counter(net, A, "tx_drop_link_down"));
}

TEST_F(card, frame_for_another_address)
{
	struct sockaddr_ll addr;
	socklen_t len = sizeof(addr);

	fill_frame(1, 100);
	memset(frame.eth.h_dest, 0x42, ETH_ALEN);
	ASSERT_EQ(ETH_HLEN + 100, send(self->a, &frame, ETH_HLEN + 100, 0));
	ASSERT_TRUE(net_wait_poll(self->b, POLLIN));
	ASSERT_EQ(ETH_HLEN + 100, recvfrom(self->b, &frame, sizeof(frame), 0,
					   (void *)&addr, &len));
	EXPECT_EQ(PACKET_OTHERHOST, addr.sll_pkttype);

	ASSERT_TRUE(send_frame(self->a, 2, 100, 0) == 0);
	len = sizeof(addr);
	ASSERT_EQ(ETH_HLEN + 100, recvfrom(self->b, &frame, sizeof(frame), 0,
					   (void *)&addr, &len));
	EXPECT_EQ(PACKET_BROADCAST, addr.sll_pkttype);
}

/* MTU */

TEST_F(card, mtu_limits)
{
	static const int mtus[] = { MTU_MIN, 576, 1500, 9000, MTU_MAX };
	struct net *net = &self->net;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mtus); i++) {
		ASSERT_EQ(0, set_mtu(net, A, DEV_A, mtus[i]));
		ASSERT_EQ(0, set_mtu(net, B, DEV_B, mtus[i]));
		EXPECT_TRUE(send_and_recv(self->a, self->b, i, mtus[i]));
		EXPECT_TRUE(send_and_recv(self->b, self->a, i, mtus[i]));
		EXPECT_EQ(EMSGSIZE, send_frame(self->a, i, mtus[i] + 1, 0));
	}
	EXPECT_EQ(EINVAL, set_mtu(net, A, DEV_A, MTU_MIN - 1));
	EXPECT_EQ(EINVAL, set_mtu(net, A, DEV_A, MTU_MAX + 1));
	EXPECT_EQ(EINVAL, set_mtu(net, A, DEV_A, -1));
}

TEST_F(card, receiver_with_smaller_mtu)
{
	struct net *net = &self->net;
	struct link link;

	ASSERT_EQ(0, set_mtu(net, B, DEV_B, 500));
	EXPECT_EQ(0, send_frame(self->a, 1, 1000, 0));
	EXPECT_TRUE(send_and_recv(self->a, self->b, 2, 500));
	EXPECT_EQ(1, counter(net, B, "rx_drop_too_long"));
	ASSERT_EQ(0, get_link(net, B, DEV_B, &link));
	EXPECT_EQ(1, link.stats.rx_length_errors);
	EXPECT_EQ(1, link.stats.rx_errors);
	EXPECT_TRUE(net_until(all_accounted(net, A)));
}

/* Rings and back-pressure */

TEST_F(card, ring_sizes)
{
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };
	struct net *net = &self->net;

	ASSERT_EQ(0, ethtool(net, A, DEV_A, &ring));
	EXPECT_EQ(RING_DEFAULT, ring.tx_pending);
	EXPECT_EQ(RING_DEFAULT, ring.rx_pending);
	EXPECT_EQ(RING_MAX, ring.tx_max_pending);
	EXPECT_EQ(RING_MAX, ring.rx_max_pending);

	/* Rounded up, to what the card can do. */
	EXPECT_EQ(0, set_rings(net, A, DEV_A, 1, 100));
	ASSERT_EQ(0, ethtool(net, A, DEV_A, &ring));
	EXPECT_EQ(RING_SMALL, ring.tx_pending);
	EXPECT_EQ(128, ring.rx_pending);
	EXPECT_TRUE(net_until(has_carrier(net, A, DEV_A)));
	EXPECT_TRUE(net_until(!send_frame(self->a, 1, 100, 0)));

	EXPECT_EQ(EINVAL, set_rings(net, A, DEV_A, RING_MAX + 1, 100));
	EXPECT_EQ(EINVAL, set_rings(net, A, DEV_A, 100, RING_MAX + 1));
	ASSERT_EQ(0, ethtool(net, A, DEV_A, &ring));
	EXPECT_EQ(128, ring.rx_pending);

	/* Of a device that is down, too. */
	ASSERT_EQ(0, set_up(net, B, DEV_B, false));
	EXPECT_EQ(0, set_rings(net, B, DEV_B, RING_MAX, RING_MAX));
	ASSERT_EQ(0, ethtool(net, B, DEV_B, &ring));
	EXPECT_EQ(RING_MAX, ring.rx_pending);
	EXPECT_FALSE(has_carrier(net, B, DEV_B));
}

TEST_F(card, driver_and_link)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	struct net *net = &self->net;

	ASSERT_EQ(0, ethtool(net, A, DEV_A, &info));
	EXPECT_STREQ("teach", info.driver);
	ASSERT_EQ(0, ethtool(net, A, DEV_A, &link));
	EXPECT_EQ(1, link.data);
	ASSERT_EQ(0, set_up(net, B, DEV_B, false));
	ASSERT_EQ(0, ethtool(net, A, DEV_A, &link));
	EXPECT_EQ(0, link.data);
}

/* For a moment the cards are down. */
static void small_rings(const struct net *net)
{
	struct link link;

	if (set_rings(net, A, DEV_A, RING_SMALL, RING_SMALL) ||
	    set_rings(net, B, DEV_B, RING_SMALL, RING_SMALL))
		net_fatal("ring sizes");
	if (!net_until(!get_link(net, A, DEV_A, &link) &&
		       link.flags & IFF_RUNNING))
		net_fatal("no carrier after a change of rings");
}

/*
 * socket(7), SO_INCOMING_NAPI_ID and SO_BUSY_POLL: the interrupt that does not
 * come is not waited for.
 */
static void busy_poll(struct __test_metadata *_metadata, const struct net *net,
		      int client, int server)
{
	char buf[10];

	stall(net, STALL_LONG_NS);
	/* From the first one on NAPI sleeps. */
	ASSERT_EQ(10, send(client, frame.payload, 10, 0));
	ASSERT_EQ(10, recv(server, buf, 10, 0));
	EXPECT_LT(0, net_getopt(server, SOL_SOCKET, SO_INCOMING_NAPI_ID));
	EXPECT_LE(0, net_getopt(server, SOL_SOCKET, SO_INCOMING_CPU));

	ASSERT_EQ(10, send(client, frame.payload, 10, 0));
	net_timeout(server, SO_RCVTIMEO, 300);
	EXPECT_EQ(EAGAIN, net_err(recv(server, buf, 10, 0)));
	net_timeout(server, SO_RCVTIMEO, 30000);
	net_setopt(server, SOL_SOCKET, SO_BUSY_POLL, 20000000);
	EXPECT_EQ(10, recv(server, buf, 10, 0));
	unstall(net);
}

TEST_F(card, busy_poll)
{
	int listener = net_listen(&self->net, B, NET_PORT, 1);
	int client = net_client(&self->net, A, ADDR_B, NET_PORT);

	busy_poll(_metadata, &self->net, client, net_accept(listener));
}

TEST_F(card, busy_poll_datagrams)
{
	int server, client;

	net_enter(&self->net, B);
	server = socket(net_family, SOCK_DGRAM, 0);
	net_enter(&self->net, A);
	client = socket(net_family, SOCK_DGRAM, 0);
	ASSERT_EQ(0, net_bind(server, ADDR_B, NET_PORT));
	ASSERT_EQ(0, net_bind(client, ADDR_A, NET_PORT));
	ASSERT_EQ(0, net_connect(server, ADDR_A, NET_PORT));
	ASSERT_EQ(0, net_connect(client, ADDR_B, NET_PORT));
	busy_poll(_metadata, &self->net, client, server);
}

static long long dropped(struct net *net)
{
	return counter(net, A, "rx_drop_down") +
	       counter(net, B, "rx_drop_down") +
	       counter(net, A, "tx_drop_link_down") +
	       counter(net, B, "tx_drop_link_down");
}

/* The rings are full, NAPI sleeps: frames wait, and none is lost. */
TEST_F(card, full_ring_loses_nothing)
{
	struct net *net = &self->net;
	long long before;
	__u64 seq = 0;
	__u64 i;

	small_rings(net);
	before = dropped(net);
	stall(net, STALL_SHORT_NS);
	while (seq < BURST || !counter(net, A, "tx_ring_full"))
		ASSERT_EQ(0, send_frame(self->a, seq++, 200, 0));
	EXPECT_LE(1, counter(net, A, "tx_paused"));

	unstall(net);
	for (i = 0; i < seq; i++)
		ASSERT_TRUE(recv_frame(self->b, i, 200));
	EXPECT_TRUE(net_until(counter(net, A, "tx_wakes") ==
			      counter(net, A, "tx_ring_full")));
	EXPECT_LE(1, counter(net, B, "rx_resumes"));
	EXPECT_TRUE(net_until(all_accounted(net, A)));
	EXPECT_EQ(before, dropped(net));
}

/* ... and in the end it is the program that waits. */
TEST_F(card, full_ring_stops_the_program)
{
	struct net *net = &self->net;
	int size = 1;
	__u64 seq = 0;
	__u64 i;
	int err;

	small_rings(net);
	stall(net, STALL_SHORT_NS);
	ASSERT_EQ(0, setsockopt(self->a, SOL_SOCKET, SO_SNDBUF, &size,
				sizeof(size)));
	do {
		err = send_frame(self->a, seq, 200, MSG_DONTWAIT);
		seq += !err;
	} while (!err || net_poll(self->a, POLLOUT, 0));
	EXPECT_EQ(EAGAIN, err);

	unstall(net);
	EXPECT_TRUE(net_wait_poll(self->a, POLLOUT));
	EXPECT_EQ(0, send_frame(self->a, seq++, 200, 0));
	for (i = 0; i < seq; i++)
		ASSERT_TRUE(recv_frame(self->b, i, 200));
}

/* One interrupt for many frames: what comes while it is masked is polled. */
TEST_F(card, interrupts_coalesce)
{
	struct net *net = &self->net;
	long long interrupts, polls;
	__u64 seq;

	stall(net, STALL_SHORT_NS);
	ASSERT_TRUE(send_and_recv(self->a, self->b, 0, 100));
	interrupts = counter(net, B, "rx_interrupts");
	polls = counter(net, B, "rx_polls");
	for (seq = 1; seq < 200; seq++)
		ASSERT_EQ(0, send_frame(self->a, seq, 100, 0));
	for (seq = 1; seq < 200; seq++)
		ASSERT_TRUE(recv_frame(self->b, seq, 100));
	EXPECT_EQ(interrupts, counter(net, B, "rx_interrupts"));
	EXPECT_LT(polls, counter(net, B, "rx_polls"));

	unstall(net);
	for (seq = 200; seq < 300; seq++)
		ASSERT_TRUE(send_and_recv(self->a, self->b, seq, 100));
	EXPECT_LT(interrupts, counter(net, B, "rx_interrupts"));
}

/* Frames are in both rings when the receiver goes down. */
TEST_F(card, down_with_full_rings)
{
	struct net *net = &self->net;
	struct link link;
	__u64 seq = 1;

	small_rings(net);
	stall(net, STALL_LONG_NS);
	ASSERT_TRUE(send_and_recv(self->a, self->b, 0, 100));
	while (!counter(net, A, "tx_ring_full"))
		ASSERT_EQ(0, send_frame(self->a, seq++, 100, 0));

	ASSERT_EQ(0, set_up(net, B, DEV_B, false));
	EXPECT_EQ(RING_SMALL, counter(net, B, "rx_drop_down"));
	EXPECT_LE(RING_SMALL, counter(net, A, "tx_drop_link_down"));
	EXPECT_TRUE(all_accounted(net, A));

	unstall(net);
	ASSERT_EQ(0, set_up(net, B, DEV_B, true));
	EXPECT_TRUE(net_until(!get_link(net, A, DEV_A, &link) &&
			      link.flags & IFF_RUNNING));
	EXPECT_EQ(ENETDOWN, net_so_error(self->b));
	EXPECT_TRUE(send_and_recv(self->a, self->b, seq, 100));
}

/* The same for the sender; what has left it arrives, in order. */
TEST_F(card, sender_down_with_full_rings)
{
	struct net *net = &self->net;
	struct link link;
	__u64 sent = 1;
	__u64 i;

	small_rings(net);
	stall(net, STALL_NS);
	ASSERT_TRUE(send_and_recv(self->a, self->b, 0, 100));
	while (!counter(net, A, "tx_ring_full"))
		ASSERT_EQ(0, send_frame(self->a, sent++, 100, 0));
	ASSERT_EQ(0, set_up(net, A, DEV_A, false));
	EXPECT_LE(RING_SMALL, counter(net, A, "tx_drop_link_down"));

	unstall(net);
	EXPECT_TRUE(net_until(all_accounted(net, A)));
	for (i = 1; net_poll(self->b, POLLIN, 0); i++)
		ASSERT_TRUE(recv_frame(self->b, i, 100));
	EXPECT_LT(1, i);
	EXPECT_LT(i, sent);

	ASSERT_EQ(0, set_up(net, A, DEV_A, true));
	EXPECT_TRUE(net_until(!get_link(net, A, DEV_A, &link) &&
			      link.flags & IFF_RUNNING));
	EXPECT_TRUE(net_until(!send_frame(self->a, 0, 100, 0)));
}

/* A queue that was stopped when the pair is deleted takes nothing along. */
TEST_F(card, delete_with_full_rings)
{
	struct net *net = &self->net;
	__u64 seq = 1;

	small_rings(net);
	stall(net, STALL_LONG_NS);
	ASSERT_TRUE(send_and_recv(self->a, self->b, 0, 100));
	while (!counter(net, A, "tx_ring_full"))
		ASSERT_EQ(0, send_frame(self->a, seq++, 100, 0));
	EXPECT_EQ(0, delete_link(net, A, DEV_A));
	EXPECT_FALSE(exists(net, A, DEV_A));
	EXPECT_FALSE(exists(net, B, DEV_B));
}

/* Changes in the middle of traffic */

TEST_F(card, down_and_up_in_traffic)
{
	struct net *net = &self->net;
	long long received;
	pid_t a, b;
	int i;

	a = start(flood, net, A);
	b = start(flood, net, B);
	for (i = 0; i < ROUNDS; i++) {
		enum host host = i % 2 ? A : B;
		const char *dev = i % 2 ? DEV_A : DEV_B;

		ASSERT_EQ(0, set_up(net, host, dev, false));
		ASSERT_EQ(0, set_up(net, host, dev, true));
		received = counter(net, B, "rx_packets");
		EXPECT_TRUE(net_until(counter(net, B, "rx_packets") >
				      received + 10));
	}
	stop(a);
	stop(b);
	EXPECT_TRUE(net_until(all_accounted(net, A)));
	EXPECT_TRUE(net_until(all_accounted(net, B)));
}

TEST_F(card, rings_change_in_traffic)
{
	struct net *net = &self->net;
	long long received;
	pid_t a, b;
	int i, j;

	a = start(flood, net, A);
	b = start(flood, net, B);
	for (i = 0; i < ROUNDS; i++) {
		/* Many: it has to meet a frame on its way into a ring. */
		for (j = 0; j < 20; j++)
			ASSERT_EQ(0, set_rings(net, j % 2 ? A : B,
					       j % 2 ? DEV_A : DEV_B,
					       RING_SMALL << i % 4,
					       RING_SMALL << i % 3));
		received = counter(net, B, "rx_packets");
		EXPECT_TRUE(net_until(counter(net, B, "rx_packets") >
				      received + 10));
	}
	stop(a);
	stop(b);
	EXPECT_TRUE(net_until(all_accounted(net, A)));
	EXPECT_TRUE(net_until(all_accounted(net, B)));
}

/* Both directions, small rings, all CPUs: everything arrives. */
TEST_F(card, flood_loses_nothing)
{
	struct net *net = &self->net;
	long long before;
	pid_t pid[4];
	size_t i;

	small_rings(net);
	before = dropped(net);
	for (i = 0; i < ARRAY_SIZE(pid); i++)
		pid[i] = start(flood, net, i % 2 ? A : B);
	EXPECT_TRUE(net_until(counter(net, A, "rx_packets") > 1000 &&
			      counter(net, B, "rx_packets") > 1000));
	for (i = 0; i < ARRAY_SIZE(pid); i++)
		stop(pid[i]);
	EXPECT_TRUE(net_until(all_accounted(net, A)));
	EXPECT_TRUE(net_until(all_accounted(net, B)));
	EXPECT_EQ(before, dropped(net));
	EXPECT_TRUE(net_until(counter(net, A, "tx_wakes") ==
			      counter(net, A, "tx_ring_full")));
	EXPECT_TRUE(net_until(counter(net, B, "tx_wakes") ==
			      counter(net, B, "tx_ring_full")));
}

TEST_F(card, moves_across_netns)
{
	struct net *net = &self->net;
	int back = net->ns[B];
	struct link a, b;
	int i;

	for (i = 0; i < 3; i++) {
		net_ip(net, B, "link set " DEV_B " netns /proc/%d/fd/%d",
		       getpid(), net->ns[A]);
		EXPECT_FALSE(exists(net, B, DEV_B));
		ASSERT_EQ(0, get_link(net, A, DEV_B, &b));
		ASSERT_EQ(0, get_link(net, A, DEV_A, &a));
		EXPECT_FALSE(b.flags & IFF_UP);
		EXPECT_FALSE(a.carrier);
		EXPECT_EQ(b.index, a.iflink);

		/* Two cards of one host are still two cards. */
		ASSERT_EQ(0, set_up(net, A, DEV_B, true));
		EXPECT_TRUE(net_until(!get_link(net, A, DEV_A, &a) &&
				      a.flags & IFF_RUNNING));
		close(self->b);
		self->b = open_packet(net, A, DEV_B);
		EXPECT_TRUE(send_and_recv(self->a, self->b, i, 300));

		net_ip(net, A, "link set " DEV_B " netns /proc/%d/fd/%d",
		       getpid(), back);
		ASSERT_EQ(0, set_up(net, B, DEV_B, true));
		EXPECT_TRUE(net_until(!get_link(net, A, DEV_A, &a) &&
				      a.flags & IFF_RUNNING));
		EXPECT_LE(0, a.netnsid);
		close(self->b);
		self->b = open_packet(net, B, DEV_B);
		EXPECT_TRUE(send_and_recv(self->a, self->b, i, 300));
	}
}

TEST_F(card, address_changes_while_up)
{
	static const unsigned char mac[] = { 2, 0, 0, 0, 0, 0x23 };
	struct ifreq ifr = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };
	struct net *net = &self->net;
	struct link link;

	memcpy(ifr.ifr_hwaddr.sa_data, mac, ETH_ALEN);
	ASSERT_EQ(0, device_ioctl(net, B, DEV_B, SIOCSIFHWADDR, &ifr));
	ASSERT_EQ(0, get_link(net, B, DEV_B, &link));
	EXPECT_EQ(0, memcmp(link.mac, mac, ETH_ALEN));
	EXPECT_TRUE(link.carrier);

	memset(ifr.ifr_hwaddr.sa_data, 0xff, ETH_ALEN);
	EXPECT_EQ(EADDRNOTAVAIL,
		  device_ioctl(net, B, DEV_B, SIOCSIFHWADDR, &ifr));
}

/* The kernel's own TCP over the card, with every way to cut segments */

FIXTURE(card_stream) {
	struct net net;
};

FIXTURE_VARIANT(card_stream) {
	bool sender_cuts;	/* no TSO, GSO, checksum offload */
	bool receiver_joins;	/* GRO */
	const char *netem;
};

FIXTURE_VARIANT_ADD(card_stream, whole) {
};

FIXTURE_VARIANT_ADD(card_stream, gro) {
	.receiver_joins = true,
};

FIXTURE_VARIANT_ADD(card_stream, cut) {
	.sender_cuts = true,
};

FIXTURE_VARIANT_ADD(card_stream, cut_gro) {
	.sender_cuts = true,
	.receiver_joins = true,
};

/* What GRO joins may still be in the sender's retransmission queue. */
FIXTURE_VARIANT_ADD(card_stream, cut_gro_loss) {
	.sender_cuts = true,
	.receiver_joins = true,
	.netem = "loss 1% duplicate 1% reorder 5% delay 1ms",
};

FIXTURE_SETUP(card_stream)
{
	join_by_cards(&self->net);
	if (variant->sender_cuts) {
		set_feature(&self->net, A, DEV_A, ETHTOOL_STSO, false);
		set_feature(&self->net, A, DEV_A, ETHTOOL_SGSO, false);
		set_feature(&self->net, A, DEV_A, ETHTOOL_STXCSUM, false);
		set_feature(&self->net, A, DEV_A, ETHTOOL_SSG, false);
	}
	set_feature(&self->net, B, DEV_B, ETHTOOL_SGRO,
		    variant->receiver_joins);
}

FIXTURE_TEARDOWN(card_stream)
{
	net_exit(&self->net);
}

#define STREAM_BYTES	(4 << 20)

static struct sockaddr_in stream_addr(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(NET_PORT),
	};

	addr.sin_addr.s_addr = inet_addr(ADDR_B);
	return addr;
}

static void send_stream(const struct net *net, enum host host)
{
	struct sockaddr_in addr = stream_addr();
	int fd;

	net_enter(net, host);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (void *)&addr, sizeof(addr)))
		net_fatal("connect");
	net_send_all(fd, STREAM_BYTES, 0);
	close(fd);
}

TEST_F(card_stream, sums_agree)
{
	struct net *net = &self->net;
	struct sockaddr_in addr = stream_addr();
	int listener, fd, status;
	pid_t pid;

	if (variant->netem && !net_netem(net, A, variant->netem))
		SKIP(return, "no netem in this kernel");
	net_enter(net, B);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, bind(listener, (void *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(listener, 1));
	pid = start(send_stream, net, A);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(STREAM_BYTES, net_drain(fd, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(net_until(all_accounted(net, A)));
	EXPECT_TRUE(net_until(all_accounted(net, B)));
	EXPECT_EQ(0, counter(net, B, "rx_drop_too_long"));
	EXPECT_EQ(0, counter(net, A, "tx_drop_link_down"));
}

TEST_HARNESS_MAIN
