// SPDX-License-Identifier: GPL-2.0
/*
 * sock_diag(7): what it says of a socket is what the test knows of it, it says
 * so of each that is asked for and of no other, and SOCK_DESTROY ends what it
 * is told to end.  Where the kernel's TCP and UDP can be asked the same, they
 * are, beside.
 *
 * And getsockopt(2), TEACH_HASH: where a 5-tuple falls.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "net.h"
#include "tcpinfo.h"

#define USER		1000
#define OVERFLOW_UID	65534	/* who is not in a user namespace */
#define MARK		0x1234
#define TOS		0x28
#define MANY		1000
#define MANY_KASAN	100	/* which makes them slow */
#define SLOW_FIRST	200
#define SLOW_MORE	400	/* together more than the table has chains */
#define SHUT_SEND	2	/* sk_shutdown, not shutdown(2)'s number */

#define ALL_STATES	0xffff
#define STATE(name)	(1 << TCP_##name)
#define EXT(name)	(1 << (INET_DIAG_##name - 1))
#define ALL_EXT		0xff

/* Newer headers have names for them. */
enum { NO_TIMER, RTX_TIMER, KEEP_TIMER, TIMEWAIT_TIMER, PROBE_TIMER };

/*
 * Asking
 */

/* What one message says. */
struct seen {
	struct inet_diag_msg msg;
	unsigned int has;	/* bits: which attributes */
	int proto;
	int shutdown;
	int tos;
	unsigned int mark;
	char cong[16];
	struct inet_diag_meminfo mem;
	unsigned int skmem[SK_MEMINFO_VARS];
	struct tcpinfo info;
	size_t info_len;
};

struct list {
	struct seen *sock;
	int count, room;
};

static int read_attr(const struct nlattr *attr, void *data)
{
	const void *value = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	int type = mnl_attr_get_type(attr);
	struct seen *s = data;

	s->has |= 1u << type;
	switch (type) {
	case INET_DIAG_PROTOCOL:
		s->proto = mnl_attr_get_u8(attr);
		break;
	case INET_DIAG_SHUTDOWN:
		s->shutdown = mnl_attr_get_u8(attr);
		break;
	case INET_DIAG_TOS:
		s->tos = mnl_attr_get_u8(attr);
		break;
	case INET_DIAG_MARK:
		s->mark = mnl_attr_get_u32(attr);
		break;
	case INET_DIAG_CONG:
		snprintf(s->cong, sizeof(s->cong), "%s",
			 mnl_attr_get_str(attr));
		break;
	case INET_DIAG_MEMINFO:
		memcpy(&s->mem, value, sizeof(s->mem));
		break;
	case INET_DIAG_SKMEMINFO:
		memcpy(s->skmem, value,
		       len < sizeof(s->skmem) ? len : sizeof(s->skmem));
		break;
	case INET_DIAG_INFO:
		s->info_len = len;
		memcpy(&s->info, value,
		       len < sizeof(s->info) ? len : sizeof(s->info));
		break;
	}
	return MNL_CB_OK;
}

/* The bytes between attributes and behind the last are zero, too. */
static bool padding_zero(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	int i, len, padded;

	mnl_attr_for_each(attr, nlh, sizeof(struct inet_diag_msg)) {
		len = attr->nla_len;
		padded = MNL_ALIGN(len);
		for (i = len; i < padded; i++)
			if (((const char *)attr)[i])
				return false;
	}
	return true;
}

static int read_message(const struct nlmsghdr *nlh, void *data)
{
	struct list *list = data;
	struct seen *s;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		net_fatal("a message of type %d", nlh->nlmsg_type);
	if (!padding_zero(nlh))
		net_fatal("padding is not zero");
	if (list->count == list->room) {
		list->room = list->room * 2 + 16;
		list->sock = realloc(list->sock,
				     list->room * sizeof(*list->sock));
		if (!list->sock)
			net_fatal("realloc");
	}
	s = &list->sock[list->count++];
	memset(s, 0, sizeof(*s));
	s->msg = *(struct inet_diag_msg *)mnl_nlmsg_get_payload(nlh);
	mnl_attr_parse(nlh, sizeof(s->msg), read_attr, s);
	return MNL_CB_OK;
}

static struct mnl_socket *diag_open(void)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_SOCK_DIAG);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		net_fatal("NETLINK_SOCK_DIAG");
	return nl;
}

static void diag_send(struct mnl_socket *nl, int type, int flags,
		      const void *req, size_t len)
{
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = 1;
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), req, len);
	nlh->nlmsg_len = MNL_NLMSG_HDRLEN + len;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		net_fatal("send to sock_diag");
}

/* One buffer of answers.  Return: whether there are more to come. */
static bool diag_receive(struct mnl_socket *nl, struct list *list, int *err)
{
	char buf[32768];
	ssize_t len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	int ret;

	if (len < 0)
		net_fatal("receive from sock_diag");
	ret = mnl_cb_run(buf, len, 1, mnl_socket_get_portid(nl), read_message,
			 list);
	*err = ret < 0 ? errno : 0;
	return ret > 0;
}

/* On the host that the thread is on.  Return: 0 or an errno. */
static int diag_bytes(int type, int flags, const void *req, size_t len,
		      struct list *list)
{
	struct mnl_socket *nl = diag_open();
	struct list none = {};
	int err;

	if (!list)
		list = &none;
	list->count = 0;
	diag_send(nl, type, flags, req, len);
	while (diag_receive(nl, list, &err))
		;
	mnl_socket_close(nl);
	if (list == &none)
		free(none.sock);
	return err;
}

static int diag(int type, int flags, const struct inet_diag_req_v2 *req,
		struct list *list)
{
	return diag_bytes(type, flags, req, sizeof(*req), list);
}

static int stream_proto(void)
{
	return net_family == AF_INET || net_wire ? IPPROTO_TCP : IPPROTO_TEACH;
}

static int dgram_proto(void)
{
	return net_family == AF_INET || net_wire ? IPPROTO_UDP :
						   IPPROTO_TEACH_DGRAM;
}

static struct inet_diag_req_v2 request(int proto)
{
	return (struct inet_diag_req_v2) {
		.sdiag_family = net_family,
		.sdiag_protocol = proto,
		.idiag_ext = ALL_EXT,
		.idiag_states = ALL_STATES,
		.id = { .idiag_cookie = { -1, -1 } },
	};
}

/* Those of a state, between these ports; -1 is any port. */
static int list_ports(const struct net *net, enum host host, int proto,
		      int states, int lport, int fport, struct list *list)
{
	struct inet_diag_req_v2 req = request(proto);

	req.idiag_states = states;
	if (lport >= 0)
		req.id.idiag_sport = htons(lport);
	if (fport >= 0)
		req.id.idiag_dport = htons(fport);
	net_enter(net, host);
	return diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, list);
}

/* The only one in this state between these ports. */
static struct seen only(const struct net *net, enum host host, int proto,
			int states, int lport, int fport)
{
	struct list list = {};
	struct seen seen;
	int err;

	err = list_ports(net, host, proto, states, lport, fport, &list);
	if (err || list.count != 1) {
		errno = err;
		net_fatal("%d sockets in states %x between %d and %d",
			  list.count, states, lport, fport);
	}
	seen = list.sock[0];
	free(list.sock);
	return seen;
}

static struct seen only_stream(const struct net *net, enum host host,
			       int states)
{
	return only(net, host, stream_proto(), states, -1, -1);
}

/* The one that a descriptor on @host is of. */
static struct seen seen_fd(const struct net *net, enum host host, int fd)
{
	int type = net_getopt(fd, SOL_SOCKET, SO_TYPE);

	return only(net, host, type == SOCK_STREAM ? stream_proto() :
						     dgram_proto(),
		    ALL_STATES, net_local_port(fd), -1);
}

/* As it was told, to be asked for by name. */
static struct inet_diag_req_v2 named(const struct seen *seen)
{
	struct inet_diag_req_v2 req = request(seen->proto ? : stream_proto());

	req.id = seen->msg.id;
	return req;
}

static int exact(const struct net *net, enum host host,
		 const struct inet_diag_req_v2 *req, struct list *list)
{
	net_enter(net, host);
	return diag(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, req, list);
}

static int destroy(const struct net *net, enum host host,
		   const struct seen *seen)
{
	struct inet_diag_req_v2 req = named(seen);

	net_enter(net, host);
	return diag(SOCK_DESTROY, NLM_F_ACK, &req, NULL);
}

static unsigned long long cookie_of(const struct seen *seen)
{
	return (unsigned long long)seen->msg.id.idiag_cookie[1] << 32 |
	       seen->msg.id.idiag_cookie[0];
}

static unsigned long long so_cookie(int fd)
{
	unsigned long long cookie;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		net_fatal("SO_COOKIE");
	return cookie;
}

static long long info(const struct seen *seen, const char *name)
{
	long long value;

	if (!tcpinfo_field(&seen->info, name, &value))
		net_fatal("TCP_INFO: %s", name);
	return value;
}

static int dgram_socket(const struct net *net, enum host host)
{
	int fd;

	net_enter(net, host);
	fd = socket(net_family, SOCK_DGRAM,
		    dgram_proto() == IPPROTO_UDP ? IPPROTO_UDP : 0);
	if (fd < 0)
		net_fatal("socket");
	return fd;
}

/*
 * What is told
 */

FIXTURE(diag) {
	struct net net;
	int fd[2];
};

FIXTURE_VARIANT(diag) {
	const char *stack;
};

FIXTURE_VARIANT_ADD(diag, teach) { .stack = "teach" };
FIXTURE_VARIANT_ADD(diag, wire) { .stack = "tcp" };
FIXTURE_VARIANT_ADD(diag, inet) { .stack = "inet" };

FIXTURE_SETUP(diag)
{
	setenv("TEACH_FAMILY", variant->stack, 1);
	net_init(&self->net);
}

FIXTURE_TEARDOWN(diag)
{
	net_exit(&self->net);
}

TEST_F(diag, names)
{
	struct stat st;
	struct seen s;

	net_pair(&self->net, self->fd);
	s = seen_fd(&self->net, A, self->fd[A]);
	EXPECT_EQ(net_family, s.msg.idiag_family);
	EXPECT_EQ(TCP_ESTABLISHED, s.msg.idiag_state);
	EXPECT_EQ(htons(net_local_port(self->fd[A])), s.msg.id.idiag_sport);
	EXPECT_EQ(htons(NET_PORT), s.msg.id.idiag_dport);
	EXPECT_EQ(inet_addr(ADDR_A), s.msg.id.idiag_src[0]);
	EXPECT_EQ(inet_addr(ADDR_B), s.msg.id.idiag_dst[0]);
	EXPECT_EQ(0, s.msg.id.idiag_src[1] | s.msg.id.idiag_src[2] |
		     s.msg.id.idiag_src[3]);
	EXPECT_EQ(0, s.msg.id.idiag_dst[1] | s.msg.id.idiag_dst[2] |
		     s.msg.id.idiag_dst[3]);
	EXPECT_EQ(0, s.msg.id.idiag_if);
	EXPECT_EQ(0, s.msg.idiag_uid);
	ASSERT_EQ(0, fstat(self->fd[A], &st));
	EXPECT_EQ(st.st_ino, s.msg.idiag_inode);
	EXPECT_EQ(so_cookie(self->fd[A]), cookie_of(&s));
	if (!net_is_inet())
		EXPECT_EQ(stream_proto(), s.proto);

	s = seen_fd(&self->net, B, self->fd[B]);
	EXPECT_EQ(inet_addr(ADDR_B), s.msg.id.idiag_src[0]);
	EXPECT_EQ(htons(NET_PORT), s.msg.id.idiag_sport);
	EXPECT_EQ(htons(net_local_port(self->fd[A])), s.msg.id.idiag_dport);
	EXPECT_EQ(so_cookie(self->fd[B]), cookie_of(&s));
	EXPECT_NE(so_cookie(self->fd[A]), cookie_of(&s));
}

TEST_F(diag, owner)
{
	struct seen s;
	int fd;

	net_enter(&self->net, A);
	ASSERT_EQ(0, seteuid(USER));
	fd = socket(net_family, SOCK_STREAM, net_wire);
	ASSERT_EQ(0, seteuid(0));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, net_bind(fd, ADDR_A, NET_PORT));
	ASSERT_EQ(0, listen(fd, 1));
	s = seen_fd(&self->net, A, fd);
	EXPECT_EQ(USER, s.msg.idiag_uid);
}

TEST_F(diag, device)
{
	struct seen s;
	int fd;

	fd = net_socket(&self->net, A, 0);
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, DEV_A,
				sizeof(DEV_A)));
	ASSERT_EQ(0, net_bind(fd, ADDR_A, NET_PORT));
	ASSERT_EQ(0, listen(fd, 3));
	s = seen_fd(&self->net, A, fd);
	EXPECT_EQ(net_getopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX),
		  s.msg.id.idiag_if);
	EXPECT_NE(0, s.msg.id.idiag_if);
}

/* Only what is asked for, and what is always there. */
TEST_F(diag, attributes_asked_for)
{
	static const int asked[] = {
		INET_DIAG_MEMINFO, INET_DIAG_INFO, INET_DIAG_CONG,
		INET_DIAG_TOS, INET_DIAG_SKMEMINFO,
	};
	unsigned int all = 0, bit;
	struct inet_diag_req_v2 req = request(stream_proto());
	struct list list = {};
	size_t i;

	net_pair(&self->net, self->fd);
	net_enter(&self->net, A);
	for (i = 0; i < ARRAY_SIZE(asked); i++)
		all |= 1u << asked[i];
	req.idiag_ext = 0;
	ASSERT_EQ(0, diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, &list));
	ASSERT_EQ(1, list.count);
	EXPECT_EQ(0, list.sock[0].has & all);
	EXPECT_TRUE(list.sock[0].has & 1u << INET_DIAG_SHUTDOWN);
	EXPECT_TRUE(list.sock[0].has & 1u << INET_DIAG_MARK);
	for (i = 0; i < ARRAY_SIZE(asked); i++) {
		bit = 1u << asked[i];
		req.idiag_ext = 1 << (asked[i] - 1);
		ASSERT_EQ(0, diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req,
				  &list));
		ASSERT_EQ(1, list.count);
		EXPECT_EQ(bit, list.sock[0].has & all);
	}
	free(list.sock);
}

TEST_F(diag, options)
{
	struct seen s;

	net_pair(&self->net, self->fd);
	net_setopt(self->fd[A], SOL_IP, IP_TOS, TOS);
	net_setopt(self->fd[A], SOL_SOCKET, SO_MARK, MARK);
	s = seen_fd(&self->net, A, self->fd[A]);
	EXPECT_EQ(TOS, s.tos);
	EXPECT_EQ(MARK, s.mark);
	EXPECT_EQ(0, s.shutdown);
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	s = seen_fd(&self->net, A, self->fd[A]);
	EXPECT_EQ(SHUT_SEND, s.shutdown);
}

TEST_F(diag, congestion_control)
{
	socklen_t len = 16;
	char name[16] = "";
	struct seen s;

	net_pair(&self->net, self->fd);
	ASSERT_EQ(0, setsockopt(self->fd[A], IPPROTO_TCP, TCP_CONGESTION,
				"reno", 4));
	ASSERT_EQ(0, getsockopt(self->fd[B], IPPROTO_TCP, TCP_CONGESTION, name,
				&len));
	s = seen_fd(&self->net, A, self->fd[A]);
	EXPECT_STREQ("reno", s.cong);
	s = seen_fd(&self->net, B, self->fd[B]);
	EXPECT_STREQ(name, s.cong);
}

/* Nothing moves, so what getsockopt(2) says is the same, but for clocks. */
TEST_F(diag, tcp_info)
{
	static const char *const names[] = {
		"state", "ca_state", "retransmits", "probes", "backoff",
		"options", "snd_wscale", "rcv_wscale", "rto", "ato",
		"snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans",
		"pmtu", "rcv_ssthresh", "rtt", "rttvar", "snd_ssthresh",
		"snd_cwnd", "advmss", "reordering", "rcv_rtt", "rcv_space",
		"total_retrans", "pacing_rate", "max_pacing_rate",
		"bytes_acked", "bytes_received", "segs_out", "segs_in",
		"notsent_bytes", "min_rtt", "data_segs_in", "data_segs_out",
		"delivery_rate", "delivered", "delivered_ce", "bytes_sent",
		"bytes_retrans", "dsack_dups", "reord_seen", "rcv_ooopack",
		"snd_wnd",
	};
	struct seen own = {};
	socklen_t len = sizeof(own.info);
	struct seen s;
	size_t i;

	net_pair(&self->net, self->fd);
	net_send_all(self->fd[A], 20000, 0);
	net_recv_all(self->fd[B], 20000, 0);
	ASSERT_TRUE(net_until(seen_fd(&self->net, A,
				      self->fd[A]).msg.idiag_wqueue == 0));
	/* Its delayed ACK may yet have to leave. */
	ASSERT_TRUE(net_until(seen_fd(&self->net, A,
				      self->fd[A]).msg.idiag_timer ==
			      NO_TIMER));
	ASSERT_EQ(0, getsockopt(self->fd[A], SOL_TCP, TCP_INFO, &own.info,
				&len));
	s = seen_fd(&self->net, A, self->fd[A]);
	EXPECT_EQ(len, s.info_len);
	EXPECT_EQ(20001, info(&s, "bytes_acked"));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(info(&own, names[i]), info(&s, names[i])) {
			TH_LOG("field %zu of the list", i);
		}
}

TEST_F(diag, memory)
{
	struct seen s;
	int i;

	net_pair(&self->net, self->fd);
	net_setopt(self->fd[B], SOL_SOCKET, SO_RCVBUF, 30000);
	net_send_all(self->fd[A], 5000, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 5000));
	s = seen_fd(&self->net, B, self->fd[B]);
	for (i = 0; i < SK_MEMINFO_DROPS; i++)
		EXPECT_EQ(net_meminfo(self->fd[B], i), s.skmem[i]) {
			TH_LOG("%d", i);
		}
	EXPECT_EQ(60000, s.skmem[SK_MEMINFO_RCVBUF]);
	EXPECT_LE(5000, s.skmem[SK_MEMINFO_RMEM_ALLOC]);
	EXPECT_EQ(s.skmem[SK_MEMINFO_RMEM_ALLOC], s.mem.idiag_rmem);
	EXPECT_EQ(s.skmem[SK_MEMINFO_FWD_ALLOC], s.mem.idiag_fmem);
	EXPECT_EQ(s.skmem[SK_MEMINFO_WMEM_QUEUED], s.mem.idiag_wmem);
	EXPECT_EQ(s.skmem[SK_MEMINFO_WMEM_ALLOC], s.mem.idiag_tmem);
}

TEST_F(diag, queues)
{
	struct seen s;

	net_pair(&self->net, self->fd);
	net_send_all(self->fd[A], 1234, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 1234));
	s = seen_fd(&self->net, B, self->fd[B]);
	EXPECT_EQ(1234, s.msg.idiag_rqueue);
	EXPECT_EQ(0, s.msg.idiag_wqueue);
	net_recv_all(self->fd[B], 1000, 0);
	s = seen_fd(&self->net, B, self->fd[B]);
	EXPECT_EQ(234, s.msg.idiag_rqueue);

	ASSERT_TRUE(net_until(!seen_fd(&self->net, A,
				       self->fd[A]).msg.idiag_wqueue));
	net_cut(&self->net, A);
	net_send_all(self->fd[A], 777, 1234);
	s = seen_fd(&self->net, A, self->fd[A]);
	EXPECT_EQ(777, s.msg.idiag_wqueue);
	EXPECT_EQ(0, s.msg.idiag_rqueue);
}

/*
 * Timers
 */

/* Nothing comes back: it is sent again, and again. */
TEST_F(diag, timer_of_retransmission)
{
	struct seen s;

	net_pair(&self->net, self->fd);
	net_cut(&self->net, A);
	net_send_all(self->fd[A], 1, 0);
	ASSERT_TRUE(net_until((s = seen_fd(&self->net, A, self->fd[A]),
			       s.msg.idiag_retrans >= 2)));
	EXPECT_EQ(RTX_TIMER, s.msg.idiag_timer);
	EXPECT_EQ(s.msg.idiag_retrans, info(&s, "retransmits"));
	EXPECT_LT(0, s.msg.idiag_expires);
	EXPECT_GE(info(&s, "rto") / 1000, s.msg.idiag_expires);
}

/* Nobody reads: the window is shut. */
TEST_F(diag, timer_of_probes)
{
	struct seen s;

	net_pair(&self->net, self->fd);
	net_fill(self->fd[A], 0);
	ASSERT_TRUE(net_until((s = seen_fd(&self->net, A, self->fd[A]),
			       s.msg.idiag_timer == PROBE_TIMER)));
	EXPECT_LT(0, s.msg.idiag_wqueue);
	EXPECT_GE(120000, s.msg.idiag_expires);
}

TEST_F(diag, timer_of_keepalive)
{
	struct seen s;

	net_pair(&self->net, self->fd);
	net_setopt(self->fd[A], IPPROTO_TCP, TCP_KEEPIDLE, 1000);
	EXPECT_EQ(NO_TIMER, seen_fd(&self->net, A,
				    self->fd[A]).msg.idiag_timer);
	net_setopt(self->fd[A], SOL_SOCKET, SO_KEEPALIVE, 1);
	s = seen_fd(&self->net, A, self->fd[A]);
	EXPECT_EQ(KEEP_TIMER, s.msg.idiag_timer);
	EXPECT_LT(1000000 - NET_DEADLINE_MS, s.msg.idiag_expires);
	EXPECT_GE(1000000, s.msg.idiag_expires);
	EXPECT_EQ(0, s.msg.idiag_retrans);
}

/*
 * Every state
 */

TEST_F(diag, listener)
{
	struct seen s;
	int fd;

	fd = net_listen(&self->net, B, NET_PORT, 5);
	s = only_stream(&self->net, B, STATE(LISTEN));
	EXPECT_EQ(0, s.msg.idiag_rqueue);
	EXPECT_EQ(5, s.msg.idiag_wqueue);
	EXPECT_EQ(0, s.msg.id.idiag_dport);
	EXPECT_EQ(0, s.msg.id.idiag_dst[0]);
	EXPECT_EQ(so_cookie(fd), cookie_of(&s));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_until((s = only_stream(&self->net, B, STATE(LISTEN)),
			       s.msg.idiag_rqueue == 2)));
	EXPECT_EQ(2, info(&s, "unacked"));
	EXPECT_EQ(5, info(&s, "sacked"));
	net_accept(fd);
	s = only_stream(&self->net, B, STATE(LISTEN));
	EXPECT_EQ(1, s.msg.idiag_rqueue);
}

/* Nobody has a descriptor of it yet. */
TEST_F(diag, not_accepted)
{
	struct seen s;
	int fd;

	net_listen(&self->net, B, NET_PORT, 5);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_state(&self->net, B, NET_PORT, net_local_port(fd),
				   TCP_ESTABLISHED));
	s = only_stream(&self->net, B, STATE(ESTABLISHED));
	EXPECT_EQ(0, s.msg.idiag_inode);
	EXPECT_NE(0, cookie_of(&s));
}

/* On A the SYN goes, on B the SYN-ACK does not come home. */
static int half_open(struct net *net)
{
	int fd;

	net_listen(net, B, NET_PORT, 5);
	net_cut(net, B);
	fd = net_socket(net, A, SOCK_NONBLOCK);
	if (!net_connect(fd, ADDR_B, NET_PORT) || errno != EINPROGRESS)
		net_fatal("connect");
	if (!net_wait_state(net, B, NET_PORT, net_local_port(fd),
			    TCP_SYN_RECV))
		net_fatal("never half open");
	return fd;
}

TEST_F(diag, half_open)
{
	struct seen s;
	int fd;

	fd = half_open(&self->net);
	s = only_stream(&self->net, A, STATE(SYN_SENT));
	EXPECT_EQ(TCP_SYN_SENT, s.msg.idiag_state);
	EXPECT_EQ(RTX_TIMER, s.msg.idiag_timer);
	EXPECT_EQ(so_cookie(fd), cookie_of(&s));

	ASSERT_TRUE(net_until((s = only_stream(&self->net, B, STATE(SYN_RECV)),
			       s.msg.idiag_retrans)));
	EXPECT_EQ(TCP_SYN_RECV, s.msg.idiag_state);
	EXPECT_EQ(RTX_TIMER, s.msg.idiag_timer);
	EXPECT_EQ(htons(NET_PORT), s.msg.id.idiag_sport);
	EXPECT_EQ(htons(net_local_port(fd)), s.msg.id.idiag_dport);
	EXPECT_EQ(inet_addr(ADDR_B), s.msg.id.idiag_src[0]);
	EXPECT_EQ(inet_addr(ADDR_A), s.msg.id.idiag_dst[0]);
	EXPECT_EQ(0, s.msg.idiag_inode);
	EXPECT_EQ(0, s.msg.idiag_rqueue | s.msg.idiag_wqueue);
	EXPECT_GE(120000, s.msg.idiag_expires);
}

TEST_F(diag, closing_states)
{
	struct seen s;
	int lport;

	net_pair(&self->net, self->fd);
	lport = net_local_port(self->fd[A]);
	/* A orphan, whose peer has not closed. */
	net_setopt(self->fd[A], IPPROTO_TCP, TCP_LINGER2, 100);
	close(self->fd[A]);
	ASSERT_TRUE(net_wait_state(&self->net, A, lport, NET_PORT,
				   TCP_FIN_WAIT2));
	s = only_stream(&self->net, A, STATE(FIN_WAIT2));
	EXPECT_EQ(0, s.msg.idiag_inode);
	EXPECT_NE(NO_TIMER, s.msg.idiag_timer);
	EXPECT_LT(0, s.msg.idiag_expires);
	EXPECT_GE(100000, s.msg.idiag_expires);
	s = only_stream(&self->net, B, STATE(CLOSE_WAIT));
	EXPECT_EQ(so_cookie(self->fd[B]), cookie_of(&s));
	/* The FIN is one of the bytes that are there, until it is read. */
	EXPECT_GE(1, s.msg.idiag_rqueue);

	net_cut(&self->net, B);
	close(self->fd[B]);
	s = only_stream(&self->net, B, STATE(LAST_ACK));
	EXPECT_EQ(0, s.msg.idiag_inode);
	EXPECT_EQ(1, s.msg.idiag_wqueue);
	EXPECT_EQ(RTX_TIMER, s.msg.idiag_timer);
}

TEST_F(diag, time_wait)
{
	struct seen s;
	int lport;

	net_pair(&self->net, self->fd);
	lport = net_local_port(self->fd[A]);
	close(self->fd[A]);
	ASSERT_TRUE(net_wait_state(&self->net, A, lport, NET_PORT,
				   TCP_FIN_WAIT2));
	close(self->fd[B]);
	ASSERT_TRUE(net_wait_state(&self->net, A, lport, NET_PORT,
				   TCP_TIME_WAIT));
	s = only_stream(&self->net, A, STATE(TIME_WAIT));
	EXPECT_EQ(TCP_TIME_WAIT, s.msg.idiag_state);
	EXPECT_EQ(TIMEWAIT_TIMER, s.msg.idiag_timer);
	EXPECT_GE(60000, s.msg.idiag_expires);
	EXPECT_LT(0, s.msg.idiag_expires);
	EXPECT_EQ(0, s.msg.idiag_inode);
	EXPECT_EQ(htons(lport), s.msg.id.idiag_sport);
	EXPECT_EQ(htons(NET_PORT), s.msg.id.idiag_dport);
	EXPECT_EQ(inet_addr(ADDR_A), s.msg.id.idiag_src[0]);
	EXPECT_EQ(inet_addr(ADDR_B), s.msg.id.idiag_dst[0]);
}

TEST_F(diag, datagrams)
{
	struct sockaddr_in to = net_addr(ADDR_B, NET_PORT);
	int fd[2], unbound;
	struct list list = {};
	struct stat st;
	struct seen s;

	unbound = dgram_socket(&self->net, B);
	EXPECT_EQ(0, list_ports(&self->net, B, dgram_proto(), ALL_STATES, -1,
				-1, &list));
	EXPECT_EQ(0, list.count);
	free(list.sock);

	fd[B] = dgram_socket(&self->net, B);
	ASSERT_EQ(0, net_bind(fd[B], ADDR_ANY, NET_PORT));
	s = only(&self->net, B, dgram_proto(), STATE(CLOSE), NET_PORT, -1);
	EXPECT_EQ(0, s.msg.id.idiag_src[0]);
	EXPECT_EQ(0, s.msg.id.idiag_dport);
	EXPECT_EQ(so_cookie(fd[B]), cookie_of(&s));
	EXPECT_EQ(NO_TIMER, s.msg.idiag_timer);
	EXPECT_EQ(0, s.info_len);
	EXPECT_EQ(0, s.has & 1u << INET_DIAG_CONG);
	ASSERT_EQ(0, fstat(fd[B], &st));
	EXPECT_EQ(st.st_ino, s.msg.idiag_inode);

	fd[A] = dgram_socket(&self->net, A);
	ASSERT_EQ(0, connect(fd[A], (void *)&to, sizeof(to)));
	s = only(&self->net, A, dgram_proto(), STATE(ESTABLISHED), -1,
		 NET_PORT);
	EXPECT_EQ(inet_addr(ADDR_A), s.msg.id.idiag_src[0]);
	EXPECT_EQ(inet_addr(ADDR_B), s.msg.id.idiag_dst[0]);
	EXPECT_EQ(htons(net_local_port(fd[A])), s.msg.id.idiag_sport);
	if (!net_is_inet())
		EXPECT_EQ(dgram_proto(), s.proto);

	ASSERT_EQ(100, send(fd[A], &to, 100, 0));
	ASSERT_TRUE(net_wait_poll(fd[B], POLLIN));
	s = only(&self->net, B, dgram_proto(), ALL_STATES, NET_PORT, -1);
	EXPECT_LE(100, s.msg.idiag_rqueue);
	EXPECT_EQ(net_meminfo(fd[B], SK_MEMINFO_RMEM_ALLOC),
		  s.skmem[SK_MEMINFO_RMEM_ALLOC]);
	close(unbound);
}

/*
 * Those that are asked for, and no others
 */

static bool is_of(const struct seen *s, int fd)
{
	return cookie_of(s) == so_cookie(fd);
}

TEST_F(diag, states)
{
	struct list list = {};
	int i;

	self->fd[A] = half_open(&self->net);
	for (i = TCP_ESTABLISHED; i <= TCP_CLOSING; i++) {
		ASSERT_EQ(0, list_ports(&self->net, A, stream_proto(), 1 << i,
					-1, -1, &list));
		EXPECT_EQ(i == TCP_SYN_SENT, list.count);
		ASSERT_EQ(0, list_ports(&self->net, B, stream_proto(), 1 << i,
					-1, -1, &list));
		EXPECT_EQ(i == TCP_SYN_RECV || i == TCP_LISTEN, list.count);
	}
	ASSERT_EQ(0, list_ports(&self->net, B, stream_proto(), 0, -1, -1,
				&list));
	EXPECT_EQ(0, list.count);
	free(list.sock);
}

TEST_F(diag, ports)
{
	int listener, one, two, accepted[2];
	struct list list = {};

	listener = net_listen(&self->net, B, NET_PORT, 5);
	one = net_client(&self->net, A, ADDR_B, NET_PORT);
	two = net_client(&self->net, A, ADDR_B, NET_PORT);
	accepted[0] = net_accept(listener);
	accepted[1] = net_accept(listener);

	ASSERT_EQ(0, list_ports(&self->net, A, stream_proto(), ALL_STATES, -1,
				NET_PORT, &list));
	EXPECT_EQ(2, list.count);
	ASSERT_EQ(0, list_ports(&self->net, A, stream_proto(), ALL_STATES,
				net_local_port(two), -1, &list));
	ASSERT_EQ(1, list.count);
	EXPECT_TRUE(is_of(list.sock, two));
	ASSERT_EQ(0, list_ports(&self->net, B, stream_proto(), ALL_STATES, -1,
				net_local_port(one), &list));
	ASSERT_EQ(1, list.count);
	EXPECT_TRUE(is_of(list.sock, accepted[0]));
	ASSERT_EQ(0, list_ports(&self->net, B, stream_proto(), ALL_STATES,
				NET_PORT, -1, &list));
	EXPECT_EQ(3, list.count);
	ASSERT_EQ(0, list_ports(&self->net, B, stream_proto(), ALL_STATES,
				NET_PORT + 1, -1, &list));
	EXPECT_EQ(0, list.count);
	free(list.sock);
}

/* The kernel's TCP has these only as bytecode. */
TEST_F(diag, addresses)
{
	struct inet_diag_req_v2 req = request(0);
	struct list list = {};
	int any, one;

	if (net_is_inet())
		SKIP(return, "inet_diag filters addresses by bytecode");
	any = net_listen(&self->net, B, NET_PORT, 5);
	one = net_socket(&self->net, B, 0);
	ASSERT_EQ(0, setsockopt(one, SOL_SOCKET, SO_BINDTODEVICE, DEV_B,
				sizeof(DEV_B)));
	ASSERT_EQ(0, net_bind(one, ADDR_B, NET_PORT + 1));
	ASSERT_EQ(0, listen(one, 1));
	self->fd[A] = net_client(&self->net, A, ADDR_B, NET_PORT);
	self->fd[B] = net_accept(any);

	net_enter(&self->net, B);
	req.id.idiag_src[0] = inet_addr(ADDR_B);
	ASSERT_EQ(0, diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, &list));
	EXPECT_EQ(2, list.count);
	req.id.idiag_dst[0] = inet_addr(ADDR_A);
	ASSERT_EQ(0, diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, &list));
	ASSERT_EQ(1, list.count);
	EXPECT_TRUE(is_of(list.sock, self->fd[B]));
	req.id.idiag_src[0] = inet_addr(ADDR_A);
	ASSERT_EQ(0, diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, &list));
	EXPECT_EQ(0, list.count);

	req = request(0);
	req.id.idiag_if = net_getopt(one, SOL_SOCKET, SO_BINDTOIFINDEX);
	ASSERT_EQ(0, diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, &list));
	ASSERT_EQ(1, list.count);
	EXPECT_TRUE(is_of(list.sock, one));
	free(list.sock);
}

/* Protocol 0 is all four; each is told of as what it is. */
TEST_F(diag, protocols)
{
	static const int protos[] = { IPPROTO_TEACH, IPPROTO_TCP,
				      IPPROTO_TEACH_DGRAM, IPPROTO_UDP };
	struct list list = {};
	int fd[4], i, k;

	if (net_is_inet())
		SKIP(return, "protocol 0 is no protocol of AF_INET");
	net_enter(&self->net, A);
	for (i = 0; i < 4; i++) {
		fd[i] = socket(AF_TEACH, i < 2 ? SOCK_STREAM : SOCK_DGRAM,
			       protos[i] == IPPROTO_TEACH_DGRAM ? 0 :
			       protos[i]);
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(0, net_bind(fd[i], ADDR_A, NET_PORT));
		if (i < 2)
			ASSERT_EQ(0, listen(fd[i], 1));
	}
	ASSERT_EQ(0, list_ports(&self->net, A, 0, ALL_STATES, -1, -1, &list));
	EXPECT_EQ(4, list.count);
	for (i = 0; i < 4; i++) {
		for (k = 0; k < list.count; k++)
			if (list.sock[k].proto == protos[i])
				EXPECT_TRUE(is_of(&list.sock[k], fd[i]));
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, list_ports(&self->net, A, protos[i], ALL_STATES,
					-1, -1, &list));
		ASSERT_EQ(1, list.count);
		EXPECT_EQ(protos[i], list.sock[0].proto);
		EXPECT_TRUE(is_of(list.sock, fd[i]));
	}
	free(list.sock);
}

/* Each once, and none of another namespace's. */
TEST_F(diag, many)
{
	struct list list = {};
	int many = net_kasan() ? MANY_KASAN : MANY;
	int listener, fd, i, port;
	bool *seen;

	seen = calloc(65536, sizeof(*seen));
	ASSERT_NE(NULL, seen);
	net_files(2 * many + 100);
	listener = net_listen(&self->net, B, NET_PORT, 128);
	for (i = 0; i < many; i++) {
		fd = net_client(&self->net, A, ADDR_B, NET_PORT);
		seen[net_local_port(fd)] = true;
		net_accept(listener);
	}
	ASSERT_EQ(0, list_ports(&self->net, A, stream_proto(), ALL_STATES, -1,
				-1, &list));
	EXPECT_EQ(many, list.count);
	for (i = 0; i < list.count; i++) {
		port = ntohs(list.sock[i].msg.id.idiag_sport);
		EXPECT_TRUE(seen[port]);
		EXPECT_EQ(inet_addr(ADDR_A), list.sock[i].msg.id.idiag_src[0]);
		seen[port] = false;
	}
	ASSERT_EQ(0, list_ports(&self->net, B, stream_proto(), ALL_STATES, -1,
				-1, &list));
	EXPECT_EQ(many + 1, list.count);
	for (i = 0; i < list.count; i++)
		EXPECT_EQ(htons(NET_PORT), list.sock[i].msg.id.idiag_sport);
	ASSERT_EQ(0, list_ports(&self->net, B, stream_proto(), STATE(LISTEN),
				-1, -1, &list));
	EXPECT_EQ(1, list.count);
	free(list.sock);
	free(seen);
}

/*
 * The reader takes its time.  Sockets that go meanwhile are not told of, and
 * those that stay are, though the table grows.  Both ends are on one host, so
 * that fewer connections make it do so.
 */
TEST_F(diag, slow_reader)
{
	struct inet_diag_req_v2 req = request(stream_proto());
	int client[SLOW_FIRST], listener, i, port, gone = 0;
	int missing = 0, twice = 0, err;
	struct list list = {};
	struct mnl_socket *nl;
	int count[65536] = {};
	bool more;

	net_files(2 * (SLOW_FIRST + SLOW_MORE) + 100);
	listener = net_listen(&self->net, B, NET_PORT, 128);
	for (i = 0; i < SLOW_FIRST; i++) {
		client[i] = net_client(&self->net, B, ADDR_B, NET_PORT);
		net_accept(listener);
	}
	req.id.idiag_dport = htons(NET_PORT);
	nl = diag_open();
	diag_send(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof(req));
	more = diag_receive(nl, &list, &err);
	ASSERT_TRUE(more);
	ASSERT_GT(SLOW_FIRST - 10, list.count);

	/* Of those that are not yet told of, some go; many others come. */
	for (i = 0; i < list.count; i++)
		count[ntohs(list.sock[i].msg.id.idiag_sport)]++;
	for (i = 0; i < SLOW_FIRST && gone < 10; i++) {
		port = net_local_port(client[i]);
		if (count[port])
			continue;
		net_abort(client[i]);
		client[i] = -1;
		gone++;
	}
	for (i = 0; i < SLOW_MORE; i++) {
		net_client(&self->net, B, ADDR_B, NET_PORT);
		net_accept(listener);
	}
	memset(count, 0, sizeof(count));
	while (more)
		more = diag_receive(nl, &list, &err);
	EXPECT_EQ(0, err);
	mnl_socket_close(nl);
	for (i = 0; i < list.count; i++) {
		EXPECT_EQ(TCP_ESTABLISHED, list.sock[i].msg.idiag_state);
		count[ntohs(list.sock[i].msg.id.idiag_sport)]++;
	}
	for (i = 0; i < SLOW_FIRST; i++) {
		if (client[i] < 0)
			continue;
		port = net_local_port(client[i]);
		missing += !count[port];
		twice += count[port] > 1;
	}
	EXPECT_EQ(0, missing);
	/* Of those that were being told of just then. */
	EXPECT_GE(16, twice);
	free(list.sock);
}

/* A list that nobody reads to its end holds nothing. */
TEST_F(diag, reader_goes)
{
	struct inet_diag_req_v2 req = request(stream_proto());
	struct list list = {};
	struct mnl_socket *nl;
	int listener, err, i;
	long before;

	listener = net_listen(&self->net, B, NET_PORT, 128);
	before = net_protocol(&self->net, A, false);
	for (i = 0; i < 100; i++) {
		self->fd[A] = net_client(&self->net, A, ADDR_B, NET_PORT);
		net_accept(listener);
	}
	net_enter(&self->net, A);
	nl = diag_open();
	diag_send(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof(req));
	ASSERT_TRUE(diag_receive(nl, &list, &err));
	ASSERT_GT(100, list.count);
	mnl_socket_close(nl);
	free(list.sock);
	for (i = 0; i < 100; i++)
		net_abort(self->fd[A] - 2 * i);
	EXPECT_TRUE(net_until(net_protocol(&self->net, A, false) == before));
}

/*
 * By name
 */

TEST_F(diag, exact)
{
	struct inet_diag_req_v2 req;
	struct list list = {};
	struct seen s;

	net_pair(&self->net, self->fd);
	s = seen_fd(&self->net, A, self->fd[A]);
	req = named(&s);
	ASSERT_EQ(0, exact(&self->net, A, &req, &list));
	ASSERT_EQ(1, list.count);
	EXPECT_TRUE(is_of(list.sock, self->fd[A]));
	EXPECT_EQ(s.has, list.sock[0].has);
	EXPECT_EQ(s.info_len, list.sock[0].info_len);

	/* States do not matter: it is named. */
	req.idiag_states = 0;
	req.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	req.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	ASSERT_EQ(0, exact(&self->net, A, &req, &list));
	EXPECT_EQ(1, list.count);

	req.id.idiag_cookie[0] = s.msg.id.idiag_cookie[0] + 1;
	req.id.idiag_cookie[1] = s.msg.id.idiag_cookie[1];
	EXPECT_EQ(ENOENT, exact(&self->net, A, &req, &list));
	req = named(&s);
	EXPECT_EQ(ENOENT, exact(&self->net, B, &req, &list));
	req.id.idiag_sport++;
	EXPECT_EQ(ENOENT, exact(&self->net, A, &req, &list));
	req = named(&s);
	req.id.idiag_dst[0] = inet_addr(ADDR_NOBODY);
	EXPECT_EQ(ENOENT, exact(&self->net, A, &req, &list));
	EXPECT_EQ(0, list.count);
	free(list.sock);
}

TEST_F(diag, exact_listener)
{
	struct inet_diag_req_v2 req = request(stream_proto());
	struct list list = {};
	int any, one;

	any = net_listen(&self->net, B, NET_PORT, 5);
	req.id.idiag_sport = htons(NET_PORT);
	ASSERT_EQ(0, exact(&self->net, B, &req, &list));
	EXPECT_TRUE(is_of(list.sock, any));
	/* Who would take a connection from there? */
	req.id.idiag_src[0] = inet_addr(ADDR_B);
	req.id.idiag_dst[0] = inet_addr(ADDR_A);
	req.id.idiag_dport = htons(1);
	ASSERT_EQ(0, exact(&self->net, B, &req, &list));
	EXPECT_TRUE(is_of(list.sock, any));

	one = net_socket(&self->net, B, 0);
	net_setopt(one, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_EQ(0, net_bind(one, ADDR_B, NET_PORT + 1));
	ASSERT_EQ(0, listen(one, 1));
	req.id.idiag_sport = htons(NET_PORT + 1);
	ASSERT_EQ(0, exact(&self->net, B, &req, &list));
	EXPECT_TRUE(is_of(list.sock, one));
	req.id.idiag_src[0] = inet_addr(ADDR_LO);
	EXPECT_EQ(ENOENT, exact(&self->net, B, &req, &list));
	free(list.sock);
}

TEST_F(diag, exact_before_and_after)
{
	struct inet_diag_req_v2 req;
	struct list list = {};
	struct seen s;

	half_open(&self->net);
	s = only_stream(&self->net, B, STATE(SYN_RECV));
	req = named(&s);
	ASSERT_EQ(0, exact(&self->net, B, &req, &list));
	EXPECT_EQ(TCP_SYN_RECV, list.sock[0].msg.idiag_state);
	/* What is no socket has no cookie of its own. */
	req.id.idiag_cookie[0] ^= 0x55;
	EXPECT_EQ(ENOENT, exact(&self->net, B, &req, &list));
	free(list.sock);
}

/* UDP's takes the two ends for each other, so only ours is asked. */
TEST_F(diag, exact_datagrams)
{
	struct sockaddr_in to = net_addr(ADDR_A, 9);
	struct inet_diag_req_v2 req;
	struct list list = {};
	int any, connected;

	if (net_is_inet())
		SKIP(return, "udp_diag names the peer first");
	any = dgram_socket(&self->net, B);
	connected = dgram_socket(&self->net, B);
	net_setopt(any, SOL_SOCKET, SO_REUSEADDR, 1);
	net_setopt(connected, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_EQ(0, net_bind(any, ADDR_ANY, NET_PORT));
	ASSERT_EQ(0, net_bind(connected, ADDR_B, NET_PORT));
	ASSERT_EQ(0, connect(connected, (void *)&to, sizeof(to)));
	req = request(dgram_proto());
	req.id.idiag_sport = htons(NET_PORT);
	ASSERT_EQ(0, exact(&self->net, B, &req, &list));
	EXPECT_TRUE(is_of(list.sock, any));
	req.id.idiag_src[0] = inet_addr(ADDR_B);
	req.id.idiag_dst[0] = inet_addr(ADDR_A);
	req.id.idiag_dport = htons(9);
	ASSERT_EQ(0, exact(&self->net, B, &req, &list));
	EXPECT_TRUE(is_of(list.sock, connected));
	req.id.idiag_dport = htons(10);
	ASSERT_EQ(0, exact(&self->net, B, &req, &list));
	EXPECT_TRUE(is_of(list.sock, any));
	req.id.idiag_sport = htons(NET_PORT + 1);
	EXPECT_EQ(ENOENT, exact(&self->net, B, &req, &list));
	free(list.sock);
}

/*
 * Bad requests
 */

TEST_F(diag, bad_requests)
{
	struct {
		struct inet_diag_req_v2 req;
		char more[8];
	} q = { .req = request(stream_proto()) };
	const size_t len = sizeof(q.req);
	struct inet_diag_req_v2 req;
	int dump;

	net_enter(&self->net, A);
	EXPECT_EQ(EINVAL, diag_bytes(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q,
				     len - 1, NULL));
	EXPECT_EQ(EINVAL, diag_bytes(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, &q,
				     len - 1, NULL));
	EXPECT_EQ(EINVAL, diag_bytes(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, &q, 1,
				     NULL));
	EXPECT_EQ(EINVAL, diag_bytes(SOCK_DESTROY, NLM_F_ACK, &q, len - 1,
				     NULL));
	EXPECT_EQ(EINVAL, diag_bytes(SOCK_DESTROY + 100, NLM_F_ACK, &q, len,
				     NULL));
	req = request(99);
	EXPECT_EQ(ENOENT, diag(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, &req, NULL));
	EXPECT_EQ(ENOENT, diag(SOCK_DESTROY, NLM_F_ACK, &req, NULL));
	req = request(stream_proto());
	req.sdiag_family = AF_MAX;
	EXPECT_EQ(EINVAL, diag(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, &req, NULL));
	req.sdiag_family = 255;
	EXPECT_EQ(EINVAL, diag(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, &req, NULL));
	if (net_is_inet())
		return;

	/* Where inet_diag looks away. */
	for (dump = 0; dump < 2; dump++) {
		int flags = dump ? NLM_F_DUMP : NLM_F_ACK;

		EXPECT_EQ(EINVAL, diag_bytes(SOCK_DIAG_BY_FAMILY, flags, &q,
					     len + 4, NULL));
		req = request(99);
		EXPECT_EQ(ENOENT, diag(SOCK_DIAG_BY_FAMILY, flags, &req,
				       NULL));
		req = request(stream_proto());
		req.pad = 1;
		EXPECT_EQ(EINVAL, diag(SOCK_DIAG_BY_FAMILY, flags, &req,
				       NULL));
		req = request(stream_proto());
		req.id.idiag_src[1] = 1;
		EXPECT_EQ(EINVAL, diag(SOCK_DIAG_BY_FAMILY, flags, &req,
				       NULL));
		req = request(stream_proto());
		req.id.idiag_dst[3] = 1;
		EXPECT_EQ(EINVAL, diag(SOCK_DIAG_BY_FAMILY, flags, &req,
				       NULL));
	}
	req = request(0);
	EXPECT_EQ(EINVAL, diag(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, &req, NULL));
	EXPECT_EQ(EINVAL, diag(SOCK_DESTROY, NLM_F_ACK, &req, NULL));
}

/*
 * Other users
 */

/* What a child has found out. */
struct report {
	int dump_err, exact_err, destroy_err;
	int count;
	struct seen seen;
};

static void look(const struct inet_diag_req_v2 *req, struct report *report)
{
	struct inet_diag_req_v2 all = request(stream_proto());
	struct list list = {};

	report->dump_err = diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &all, &list);
	report->count = list.count;
	if (list.count)
		report->seen = list.sock[0];
	report->exact_err = diag(SOCK_DIAG_BY_FAMILY, NLM_F_ACK, req, &list);
	report->destroy_err = diag(SOCK_DESTROY, NLM_F_ACK, req, &list);
}

/* A user, or the same as the root of a user namespace of his own. */
static void look_as(const struct net *net, bool own_root,
		    const struct inet_diag_req_v2 *req, struct report *report)
{
	struct report *shared;
	int status;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		net_fatal("mmap");
	net_enter(net, A);
	pid = fork();
	if (pid < 0)
		net_fatal("fork");
	if (!pid) {
		if (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
		    setresuid(USER, USER, USER))
			net_fatal("setresuid");
		if (own_root && unshare(CLONE_NEWUSER))
			net_fatal("unshare");
		look(req, shared);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		net_fatal("the child ended with %x", status);
	*report = *shared;
	munmap(shared, sizeof(*shared));
}

TEST_F(diag, user)
{
	struct inet_diag_req_v2 req;
	struct report r;
	struct seen s;

	net_pair(&self->net, self->fd);
	net_setopt(self->fd[A], SOL_SOCKET, SO_MARK, MARK);
	s = seen_fd(&self->net, A, self->fd[A]);
	req = named(&s);
	look_as(&self->net, false, &req, &r);
	EXPECT_EQ(0, r.dump_err);
	EXPECT_EQ(0, r.exact_err);
	EXPECT_EQ(EPERM, r.destroy_err);
	EXPECT_EQ(1, r.count);
	EXPECT_TRUE(is_of(&r.seen, self->fd[A]));
	EXPECT_EQ(0, r.seen.msg.idiag_uid);
	EXPECT_EQ(s.msg.idiag_inode, r.seen.msg.idiag_inode);
	EXPECT_EQ(s.has & ~(1u << INET_DIAG_MARK), r.seen.has);
	/* It stands. */
	net_send_all(self->fd[A], 1, 0);
	net_recv_all(self->fd[B], 1, 0);

	look_as(&self->net, true, &req, &r);
	EXPECT_EQ(0, r.dump_err);
	EXPECT_EQ(EPERM, r.destroy_err);
	EXPECT_EQ(OVERFLOW_UID, r.seen.msg.idiag_uid);
	EXPECT_EQ(0, r.seen.has & 1u << INET_DIAG_MARK);
}

/* Who may not destroy does not learn what there is. */
TEST_F(diag, user_destroys_nothing)
{
	struct inet_diag_req_v2 req = request(stream_proto());
	struct report r;

	if (net_is_inet())
		SKIP(return, "inet_diag says what there is not");
	req.id.idiag_sport = htons(NET_PORT);
	look_as(&self->net, false, &req, &r);
	EXPECT_EQ(ENOENT, r.exact_err);
	EXPECT_EQ(EPERM, r.destroy_err);
}

/*
 * SOCK_DESTROY
 */

/* The end of what the test has on host A. */
static void destroy_a(struct net *net, int states)
{
	struct seen s = only_stream(net, A, states);
	int err = destroy(net, A, &s);

	if (err) {
		errno = err;
		net_fatal("SOCK_DESTROY in states %x", states);
	}
	err = destroy(net, A, &s);
	if (err != ENOENT) {
		errno = err;
		net_fatal("SOCK_DESTROY for the second time");
	}
}

TEST_F(diag, destroy_established)
{
	char buf[16];
	struct net_call call = { .fn = net_call_recv, .buf = buf, .len = 16 };
	int port;

	net_pair(&self->net, self->fd);
	port = net_local_port(self->fd[A]);
	call.fd = self->fd[A];
	net_call(&call);
	ASSERT_TRUE(net_until(net_call_asleep(&call)));
	destroy_a(&self->net, STATE(ESTABLISHED));
	EXPECT_EQ(-1, net_call_end(&call));
	EXPECT_EQ(ECONNABORTED, call.err);
	EXPECT_EQ(EPIPE, net_err(send(self->fd[A], buf, 1, MSG_NOSIGNAL)));
	EXPECT_EQ(POLLHUP, net_poll(self->fd[A], POLLHUP, 0) & POLLHUP);

	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLERR));
	EXPECT_EQ(ECONNRESET, net_so_error(self->fd[B]));
	EXPECT_EQ(0, net_state(&self->net, A, port, NET_PORT));
	EXPECT_EQ(0, net_state(&self->net, B, NET_PORT, port));
}

/* What has not been read, sent or acknowledged goes with it. */
TEST_F(diag, destroy_with_bytes)
{
	long before = net_protocol(&self->net, A, false);

	net_pair(&self->net, self->fd);
	net_send_all(self->fd[B], 5000, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[A], 5000));
	net_fill(self->fd[A], 0);
	destroy_a(&self->net, STATE(ESTABLISHED));
	EXPECT_EQ(ECONNABORTED, net_so_error(self->fd[A]));
	EXPECT_EQ(0, net_meminfo(self->fd[A], SK_MEMINFO_WMEM_QUEUED));
	close(self->fd[A]);
	EXPECT_TRUE(net_until(net_protocol(&self->net, A, false) == before));
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLERR));
}

TEST_F(diag, destroy_syn_sent)
{
	struct net_call call = { .fn = net_call_connect };

	net_nobody(&self->net, A);
	call.fd = net_socket(&self->net, A, 0);
	call.addr = net_addr(ADDR_NOBODY, NET_PORT);
	net_call(&call);
	ASSERT_TRUE(net_until(net_call_asleep(&call)));
	destroy_a(&self->net, STATE(SYN_SENT));
	EXPECT_EQ(-1, net_call_end(&call));
	EXPECT_EQ(ECONNABORTED, call.err);
}

TEST_F(diag, destroy_syn_recv)
{
	struct seen s;

	half_open(&self->net);
	s = only_stream(&self->net, B, STATE(SYN_RECV));
	EXPECT_EQ(0, destroy(&self->net, B, &s));
	EXPECT_EQ(0, net_count(&self->net, B, TCP_SYN_RECV));
	EXPECT_EQ(1, net_count(&self->net, B, TCP_LISTEN));
}

/* Who waits in accept(2) is woken; what waits to be accepted is reset. */
TEST_F(diag, destroy_listener)
{
	struct net_call call = { .fn = net_call_accept };
	struct seen s;
	int fd, two;

	call.fd = net_listen(&self->net, B, NET_PORT, 5);
	net_call(&call);
	ASSERT_TRUE(net_until(net_call_asleep(&call)));
	s = only_stream(&self->net, B, STATE(LISTEN));
	EXPECT_EQ(0, destroy(&self->net, B, &s));
	EXPECT_EQ(-1, net_call_end(&call));
	EXPECT_EQ(EINVAL, call.err);
	EXPECT_EQ(ENOENT, destroy(&self->net, B, &s));

	fd = net_listen(&self->net, B, NET_PORT, 5);
	two = net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_poll(fd, POLLIN));
	s = only_stream(&self->net, B, STATE(LISTEN));
	EXPECT_EQ(0, destroy(&self->net, B, &s));
	ASSERT_TRUE(net_wait_poll(two, POLLERR));
	EXPECT_EQ(ECONNRESET, net_so_error(two));
	EXPECT_EQ(ECONNABORTED, net_so_error(fd));
	EXPECT_EQ(0, net_count(&self->net, B, 0));
}

/* Nobody has accepted it. */
TEST_F(diag, destroy_not_accepted)
{
	struct seen s;
	int fd, one;

	fd = net_listen(&self->net, B, NET_PORT, 5);
	one = net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_poll(fd, POLLIN));
	s = only_stream(&self->net, B, STATE(ESTABLISHED));
	EXPECT_EQ(0, destroy(&self->net, B, &s));
	ASSERT_TRUE(net_wait_poll(one, POLLERR));
	one = net_accept(fd);
	EXPECT_EQ(ECONNABORTED, net_so_error(one));
}

/* With a user and without one. */
TEST_F(diag, destroy_fin_wait)
{
	char c;

	net_pair(&self->net, self->fd);
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	ASSERT_TRUE(net_wait_state(&self->net, A, net_local_port(self->fd[A]),
				   NET_PORT, TCP_FIN_WAIT2));
	destroy_a(&self->net, STATE(FIN_WAIT2));
	EXPECT_EQ(ECONNABORTED, net_err(recv(self->fd[A], &c, 1, 0)));
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLERR));
	close(self->fd[A]);
	close(self->fd[B]);

	net_pair(&self->net, self->fd);
	net_cut(&self->net, A);
	close(self->fd[A]);
	destroy_a(&self->net, STATE(FIN_WAIT1));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
}

TEST_F(diag, destroy_orphan)
{
	long before = net_protocol(&self->net, A, false);
	int lport;

	net_pair(&self->net, self->fd);
	lport = net_local_port(self->fd[A]);
	net_setopt(self->fd[A], IPPROTO_TCP, TCP_LINGER2, 100);
	close(self->fd[A]);
	ASSERT_TRUE(net_wait_state(&self->net, A, lport, NET_PORT,
				   TCP_FIN_WAIT2));
	destroy_a(&self->net, STATE(FIN_WAIT2));
	EXPECT_TRUE(net_until(net_protocol(&self->net, A, false) == before));
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLERR));
}

TEST_F(diag, destroy_close_wait_and_last_ack)
{
	net_pair(&self->net, self->fd);
	close(self->fd[B]);
	ASSERT_TRUE(net_wait_poll(self->fd[A], POLLIN));
	destroy_a(&self->net, STATE(CLOSE_WAIT));
	EXPECT_EQ(ECONNABORTED, net_so_error(self->fd[A]));
	close(self->fd[A]);

	net_pair(&self->net, self->fd);
	close(self->fd[B]);
	ASSERT_TRUE(net_wait_poll(self->fd[A], POLLIN));
	net_cut(&self->net, A);
	close(self->fd[A]);
	destroy_a(&self->net, STATE(LAST_ACK));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
}

TEST_F(diag, destroy_time_wait)
{
	int lport;

	net_pair(&self->net, self->fd);
	lport = net_local_port(self->fd[A]);
	close(self->fd[A]);
	ASSERT_TRUE(net_wait_state(&self->net, A, lport, NET_PORT,
				   TCP_FIN_WAIT2));
	close(self->fd[B]);
	ASSERT_TRUE(net_wait_state(&self->net, A, lport, NET_PORT,
				   TCP_TIME_WAIT));
	destroy_a(&self->net, STATE(TIME_WAIT));
	EXPECT_EQ(0, net_count(&self->net, A, 0));
}

TEST_F(diag, destroy_datagram)
{
	struct sockaddr_in to = net_addr(ADDR_B, NET_PORT);
	struct seen s;
	char c;
	int fd;

	if (net_is_inet())
		SKIP(return, "udp_diag names the peer first");
	fd = dgram_socket(&self->net, A);
	ASSERT_EQ(0, connect(fd, (void *)&to, sizeof(to)));
	s = only(&self->net, A, dgram_proto(), STATE(ESTABLISHED), -1, -1);
	EXPECT_EQ(0, destroy(&self->net, A, &s));
	EXPECT_EQ(ECONNABORTED, net_err(recv(fd, &c, 1, 0)));
	EXPECT_EQ(EDESTADDRREQ, net_err(send(fd, &c, 1, 0)));
	EXPECT_EQ(ENOENT, destroy(&self->net, A, &s));
}

/* Of several on a port just the one whose cookie it is. */
TEST_F(diag, destroy_one_of_a_group)
{
	int fd[3], i, level, option;
	struct seen s = {};
	struct list list = {};

	if (net_is_inet())
		SKIP(return, "inet_diag finds one of them by chance");
	level = SOL_TEACH;
	option = TEACH_REUSEPORT;
	for (i = 0; i < 3; i++) {
		fd[i] = net_socket(&self->net, A, 0);
		net_setopt(fd[i], level, option, 1);
		ASSERT_EQ(0, net_bind(fd[i], ADDR_A, NET_PORT));
		ASSERT_EQ(0, listen(fd[i], 1));
	}
	ASSERT_EQ(0, list_ports(&self->net, A, stream_proto(), STATE(LISTEN),
				-1, -1, &list));
	ASSERT_EQ(3, list.count);
	for (i = 0; i < 3; i++)
		if (is_of(&list.sock[i], fd[1]))
			s = list.sock[i];
	EXPECT_EQ(0, destroy(&self->net, A, &s));
	EXPECT_EQ(ECONNABORTED, net_so_error(fd[1]));
	EXPECT_EQ(0, net_so_error(fd[0]));
	EXPECT_EQ(0, net_so_error(fd[2]));
	EXPECT_EQ(2, net_count(&self->net, A, TCP_LISTEN));
	free(list.sock);
}

/*
 * TEACH_HASH
 */

FIXTURE(hash) {
	struct net net;
	int fd[2];
};

FIXTURE_SETUP(hash)
{
	net_init(&self->net);
	if (net_is_inet())
		SKIP(return, "TEACH_HASH is AF_TEACH's");
	net_pair(&self->net, self->fd);
}

FIXTURE_TEARDOWN(hash)
{
	net_exit(&self->net);
}

static int where(int fd, struct teach_hash *hash)
{
	socklen_t len = sizeof(*hash);
	int ret = getsockopt(fd, SOL_TEACH, TEACH_HASH, hash, &len);

	if (!ret && len != sizeof(*hash))
		net_fatal("TEACH_HASH: %d bytes", (int)len);
	return net_err(ret);
}

static struct teach_hash of_pair(const int fd[2])
{
	return (struct teach_hash) {
		.th_laddr.s_addr = inet_addr(ADDR_A),
		.th_faddr.s_addr = inet_addr(ADDR_B),
		.th_lport = htons(net_local_port(fd[A])),
		.th_fport = htons(NET_PORT),
		.th_proto = stream_proto(),
		.th_found = 77, .th_zero = 77, .th_position = 77,
	};
}

TEST_F(hash, connection)
{
	struct teach_hash hash = of_pair(self->fd), other;

	ASSERT_EQ(0, where(self->fd[A], &hash));
	EXPECT_EQ(TEACH_HASH_SOCKET, hash.th_found);
	EXPECT_EQ(1, hash.th_entries);
	EXPECT_EQ(1, hash.th_position);
	EXPECT_EQ(0, hash.th_zero);
	EXPECT_LE(1024, hash.th_buckets);
	EXPECT_GT(hash.th_buckets, hash.th_bucket);

	/* The same in the other's namespace, where nobody has it. */
	other = of_pair(self->fd);
	ASSERT_EQ(0, where(self->fd[B], &other));
	EXPECT_EQ(TEACH_HASH_NONE, other.th_found);
	EXPECT_EQ(0, other.th_position);
	EXPECT_EQ(hash.th_bucket & (other.th_buckets - 1), other.th_bucket);
}

TEST_F(hash, time_wait)
{
	struct teach_hash hash = of_pair(self->fd);
	int fd = net_socket(&self->net, A, 0);

	close(self->fd[A]);
	close(self->fd[B]);
	ASSERT_TRUE(net_wait_state(&self->net, A, ntohs(hash.th_lport),
				   NET_PORT, TCP_TIME_WAIT));
	ASSERT_EQ(0, where(fd, &hash));
	EXPECT_EQ(TEACH_HASH_TIMEWAIT, hash.th_found);
}

TEST_F(hash, half_open)
{
	struct teach_hash hash = {
		.th_laddr.s_addr = inet_addr(ADDR_B),
		.th_faddr.s_addr = inet_addr(ADDR_A),
		.th_lport = htons(NET_PORT),
		.th_proto = stream_proto(),
	};
	int fd;

	fd = half_open(&self->net);
	hash.th_fport = htons(net_local_port(fd));
	ASSERT_EQ(0, where(self->fd[B], &hash));
	EXPECT_EQ(TEACH_HASH_REQUEST, hash.th_found);
}

/* So many that some share a chain: each has a place of its own there. */
TEST_F(hash, chains)
{
	unsigned int entries = 0, longest = 0, i;
	struct teach_hash hash;
	int listener;

	net_files(2 * MANY + 100);
	listener = net_listen(&self->net, B, NET_PORT + 1, 128);
	for (i = 0; i < MANY; i++) {
		self->fd[A] = net_client(&self->net, A, ADDR_B, NET_PORT + 1);
		net_accept(listener);
		hash = of_pair(self->fd);
		hash.th_fport = htons(NET_PORT + 1);
		ASSERT_EQ(0, where(self->fd[A], &hash));
		ASSERT_EQ(TEACH_HASH_SOCKET, hash.th_found);
		/* The newest is first in its chain. */
		ASSERT_EQ(1, hash.th_position);
		entries += hash.th_entries;
		if (hash.th_entries > longest)
			longest = hash.th_entries;
	}
	EXPECT_LT(1, longest);
	EXPECT_GT(20, longest);
	EXPECT_LT(MANY, entries);
}

TEST_F(hash, bad_requests)
{
	struct teach_hash hash = of_pair(self->fd);
	socklen_t len;
	int fd;

	hash.th_proto = IPPROTO_UDP;
	EXPECT_EQ(EINVAL, where(self->fd[A], &hash));
	hash.th_proto = 0;
	EXPECT_EQ(EINVAL, where(self->fd[A], &hash));
	hash = of_pair(self->fd);
	for (len = sizeof(hash) - 1; len; len /= 2)
		EXPECT_EQ(EINVAL, net_err(getsockopt(self->fd[A], SOL_TEACH,
						     TEACH_HASH, &hash,
						     &len)));
	len = sizeof(hash);
	EXPECT_EQ(EFAULT, net_err(getsockopt(self->fd[A], SOL_TEACH,
					     TEACH_HASH, NULL, &len)));
	EXPECT_EQ(ENOPROTOOPT, net_err(setsockopt(self->fd[A], SOL_TEACH,
						  TEACH_HASH, &hash, len)));
	fd = dgram_socket(&self->net, A);
	EXPECT_EQ(EOPNOTSUPP, where(fd, &hash));
	ASSERT_EQ(0, seteuid(USER));
	EXPECT_EQ(EPERM, where(self->fd[A], &hash));
	ASSERT_EQ(0, seteuid(0));
}

TEST_HARNESS_MAIN
