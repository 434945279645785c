// SPDX-License-Identifier: GPL-2.0
/*
 * When bytes came and when they left: SO_TIMESTAMP, SO_TIMESTAMPNS and
 * SO_TIMESTAMPING (Documentation/networking/timestamping.rst); when they may
 * leave: SO_TXTIME; and how many are left to be read: TCP_INQ.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "kselftest_harness.h"

#include "net.h"

/* A microsecond may be cut off, and doubles have no nanoseconds. */
#define SLACK	0.00001

#define REPORTS	(SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | \
		 SOF_TIMESTAMPING_OPT_TSONLY)
#define LEAVING	(SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE)

FIXTURE(stamps) {
	struct net net;
	int fd[2];
};

FIXTURE_SETUP(stamps)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
}

FIXTURE_TEARDOWN(stamps)
{
	net_exit(&self->net);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1000000000.0;
}

/* recvmsg(2) of up to @len bytes; the one control message of @type. */
static ssize_t recv_with(int fd, size_t len, int level, int type, void *value,
			 size_t size, bool *found)
{
	static char buf[100000];
	char control[256];
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t n;

	*found = false;
	n = recvmsg(fd, &msg, 0);
	for (cmsg = CMSG_FIRSTHDR(&msg); n >= 0 && cmsg;
	     cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != level || cmsg->cmsg_type != type ||
		    cmsg->cmsg_len != CMSG_LEN(size) || *found)
			net_fatal("control message %d", cmsg->cmsg_type);
		memcpy(value, CMSG_DATA(cmsg), size);
		*found = true;
	}
	return n;
}

/*
 * ---- Received ----
 */

/* Which option, and in which form its control message has the time. */
struct clock {
	int option;
	int value;
	int type;
	size_t size;
	double unit;		/* of the second number, in seconds */
};

static const struct clock clocks[] = {
	{ SO_TIMESTAMP, 1, SCM_TIMESTAMP, sizeof(struct timeval), 0.000001 },
	{ SO_TIMESTAMPNS, 1, SCM_TIMESTAMPNS, sizeof(struct timespec),
	  0.000000001 },
	{ SO_TIMESTAMPING,
	  SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE,
	  SCM_TIMESTAMPING, sizeof(struct scm_timestamping), 0.000000001 },
};

/* Receive @len bytes; return when they came, or 0 when that is not told. */
static double recv_stamp(int fd, const struct clock *clock, size_t len)
{
	long value[6];		/* the largest, of which the first is used */
	bool found;

	if (recv_with(fd, len, SOL_SOCKET, clock->type, value, clock->size,
		      &found) != (ssize_t)len)
		net_fatal("recvmsg");
	return found ? value[0] + value[1] * clock->unit : 0;
}

/* The kernel stamps nothing before somebody wants it, and a little later. */
static void start_clock(const int *fd, const struct clock *clock)
{
	net_setopt(fd[B], SOL_SOCKET, clock->option, clock->value);
	do {
		net_send_all(fd[A], 1, 0);
	} while (!recv_stamp(fd[B], clock, 1));
}

TEST_F(stamps, received)
{
	double before, stamp;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		start_clock(self->fd, &clocks[i]);
		before = now();
		net_send_all(self->fd[A], 1, 0);
		stamp = recv_stamp(self->fd[B], &clocks[i], 1);
		EXPECT_LT(before - SLACK, stamp);
		EXPECT_GT(now() + SLACK, stamp);
		net_setopt(self->fd[B], SOL_SOCKET, clocks[i].option, 0);
	}
	/* Not any more. */
	net_send_all(self->fd[A], 1, 0);
	EXPECT_EQ(0, recv_stamp(self->fd[B], &clocks[0], 1));
}

/* Of many segments it is the last one's. */
TEST_F(stamps, received_last)
{
	double before, first;
	char buf[2000];

	start_clock(self->fd, &clocks[1]);
	first = now();
	net_send_all(self->fd[A], 1000, 0);
	ASSERT_TRUE(net_until(recv(self->fd[B], buf, 2000, MSG_PEEK) == 1000));
	before = now();
	net_send_all(self->fd[A], 1000, 1000);
	ASSERT_TRUE(net_until(recv(self->fd[B], buf, 2000, MSG_PEEK) == 2000));
	EXPECT_LT(before - SLACK, recv_stamp(self->fd[B], &clocks[1], 2000));
	EXPECT_LT(first, before);
}

TEST_F(stamps, inq)
{
	char buf[200];
	bool found;
	int left;

	EXPECT_EQ(0, net_getopt(self->fd[B], SOL_TCP, TCP_INQ));
	left = 2;
	EXPECT_EQ(EINVAL, net_err(setsockopt(self->fd[B], SOL_TCP, TCP_INQ,
					     &left, sizeof(left))));
	net_setopt(self->fd[B], SOL_TCP, TCP_INQ, 1);
	EXPECT_EQ(1, net_getopt(self->fd[B], SOL_TCP, TCP_INQ));

	net_send_all(self->fd[A], 100, 0);
	ASSERT_TRUE(net_until(recv(self->fd[B], buf, 200, MSG_PEEK) == 100));
	EXPECT_EQ(30, recv_with(self->fd[B], 30, SOL_TCP, TCP_CM_INQ, &left,
				sizeof(left), &found));
	EXPECT_TRUE(found);
	EXPECT_EQ(70, left);
	EXPECT_EQ(70, recv_with(self->fd[B], 200, SOL_TCP, TCP_CM_INQ, &left,
				sizeof(left), &found));
	EXPECT_TRUE(found);
	EXPECT_EQ(0, left);

	/* There is the end to be read. */
	net_send_all(self->fd[A], 100, 0);
	shutdown(self->fd[A], SHUT_WR);
	ASSERT_TRUE(net_until(net_poll(self->fd[B], POLLRDHUP, 0)));
	EXPECT_EQ(99, recv_with(self->fd[B], 99, SOL_TCP, TCP_CM_INQ, &left,
				sizeof(left), &found));
	EXPECT_EQ(2, left);
	EXPECT_EQ(1, recv_with(self->fd[B], 99, SOL_TCP, TCP_CM_INQ, &left,
			       sizeof(left), &found));
	EXPECT_EQ(1, left);
	EXPECT_EQ(0, recv_with(self->fd[B], 99, SOL_TCP, TCP_CM_INQ, &left,
			       sizeof(left), &found));
	EXPECT_EQ(1, left);
}

/*
 * ---- Sent ----
 */

struct report {
	int type;		/* SCM_TSTAMP_* */
	unsigned int byte;
	double stamp;
	ssize_t payload;
};

/* One report; false when there is none yet. */
static bool take_report(int fd, struct report *report)
{
	char control[256], buf[100];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct sock_extended_err err = {};
	struct scm_timestamping all = {};

	report->payload = recvmsg(fd, &msg, MSG_ERRQUEUE);
	if (report->payload < 0)
		return false;
	net_cmsg(&msg, SOL_SOCKET, SCM_TIMESTAMPING, &all, sizeof(all));
	net_cmsg(&msg, SOL_IP, IP_RECVERR, &err, sizeof(err));
	if (err.ee_origin != SO_EE_ORIGIN_TIMESTAMPING ||
	    err.ee_errno != ENOMSG)
		net_fatal("not a timestamp");
	report->type = err.ee_info;
	report->byte = err.ee_data;
	report->stamp = all.ts[0].tv_sec + all.ts[0].tv_nsec / 1000000000.0;
	return true;
}

/*
 * Wait for @count reports, all of @byte and from @before until now.
 * Return: bits, which they are.
 */
static int reported(int fd, int count, unsigned int byte, double before)
{
	struct report report;
	int types = 0;

	while (count--) {
		if (!net_until(take_report(fd, &report)))
			net_fatal("no report");
		if (report.byte != byte)
			net_fatal("type %d: byte %u, not %u", report.type,
				  report.byte, byte);
		if (report.stamp < before - SLACK ||
		    report.stamp > now() + SLACK)
			net_fatal("type %d: not now", report.type);
		types |= 1 << report.type;
	}
	return types;
}

/* 1 << SCM_TSTAMP_* */
#define SENT	0x1
#define SCHED	0x2
#define ACKED	0x4

/* Each write's last byte: into the queue, out of the card, acknowledged. */
TEST_F(stamps, sent)
{
	struct report report;
	double before;

	net_setopt(self->fd[A], SOL_SOCKET, SO_TIMESTAMPING,
		   LEAVING | SOF_TIMESTAMPING_TX_ACK | REPORTS);
	before = now();
	net_send_all(self->fd[A], 100, 0);
	EXPECT_TRUE(net_wait_poll(self->fd[A], POLLERR));
	EXPECT_EQ(SCHED | SENT | ACKED,
		  reported(self->fd[A], 3, 99, before));
	before = now();
	net_send_all(self->fd[A], 50, 0);
	EXPECT_EQ(SCHED | SENT | ACKED,
		  reported(self->fd[A], 3, 149, before));

	net_setopt(self->fd[A], SOL_SOCKET, SO_TIMESTAMPING, 0);
	net_send_all(self->fd[A], 50, 0);
	net_recv_all(self->fd[B], 100, 0);
	net_recv_all(self->fd[B], 50, 0);
	net_recv_all(self->fd[B], 50, 0);
	EXPECT_FALSE(take_report(self->fd[A], &report));
}

/* Let the kernel cut large segments before host A's card gets them. */
static void cut_in_software(const struct net *net)
{
	net_enter(net, A);
	if (system("ethtool -K " DEV_A " tso off"))
		net_fatal("ethtool");
}

/* Of many segments, cut here, by the card or between. */
TEST_F(stamps, sent_large)
{
	const size_t len = 200000;
	struct net_call call = { .fn = net_call_send, .len = len };
	int how, fd, listener, types;
	double before;

	call.buf = malloc(len);
	net_pattern(call.buf, len, 0);
	for (how = 0; how < 3; how++) {
		net_gso(&self->net, A, how > 0);
		if (how == 2)
			cut_in_software(&self->net);
		listener = net_listen(&self->net, B, 6000 + how, 1);
		call.fd = net_client(&self->net, A, ADDR_B, 6000 + how);
		fd = net_accept(listener);
		net_setopt(call.fd, SOL_SOCKET, SO_TIMESTAMPING,
			   LEAVING | SOF_TIMESTAMPING_TX_ACK | REPORTS);
		before = now();
		net_call(&call);
		net_recv_all(fd, len, 0);
		EXPECT_EQ((long)len, net_call_end(&call));
		/* What is sent again may be told again. */
		for (types = 0; !(types & ACKED);)
			types |= reported(call.fd, 1, len - 1, before);
		EXPECT_EQ(SCHED | SENT | ACKED, types);
	}
	free(call.buf);
}

/* What is lost has left, and is not acknowledged before it arrives. */
TEST_F(stamps, sent_and_lost)
{
	struct report report;
	double before;

	net_be_patient(&self->net, self->fd);
	net_setopt(self->fd[A], SOL_SOCKET, SO_TIMESTAMPING,
		   LEAVING | SOF_TIMESTAMPING_TX_ACK | REPORTS);
	net_cut(&self->net, B);
	before = now();
	net_send_all(self->fd[A], 10, 0);
	EXPECT_EQ(SCHED | SENT, reported(self->fd[A], 2, 9, before));
	net_recv_all(self->fd[B], 10, 0);
	EXPECT_FALSE(take_report(self->fd[A], &report));
	net_mend(&self->net, B);
	before = now();
	net_send_all(self->fd[B], 1, 0);
	EXPECT_EQ(ACKED, reported(self->fd[A], 1, 9, before));
}

static void put_control(struct cmsghdr *cmsg, int type, const void *data,
			size_t len)
{
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
}

/* Asked for with a single write; and the payload comes back with the stamp. */
TEST_F(stamps, one_write)
{
	char control[CMSG_SPACE(sizeof(uint32_t))] = {};
	struct iovec iov = { "0123456789", 10 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	uint32_t flags = SOF_TIMESTAMPING_TX_ACK;
	struct report report;

	net_setopt(self->fd[A], SOL_SOCKET, SO_TIMESTAMPING,
		   SOF_TIMESTAMPING_SOFTWARE);
	net_send_all(self->fd[A], 5, 0);
	put_control(cmsg, SO_TIMESTAMPING, &flags, sizeof(flags));
	ASSERT_EQ(10, sendmsg(self->fd[A], &msg, 0));
	ASSERT_TRUE(net_until(take_report(self->fd[A], &report)));
	EXPECT_EQ(SCM_TSTAMP_ACK, report.type);
	EXPECT_LT(0, report.payload);
	EXPECT_FALSE(take_report(self->fd[A], &report));

	/* A message that nobody knows. */
	cmsg->cmsg_type = 9999;
	EXPECT_EQ(EINVAL, net_err(sendmsg(self->fd[A], &msg, 0)));
}

/*
 * ---- Datagrams ----
 */

/* From host A to host B, where somebody has the port. */
static int dgram(const struct net *net)
{
	int fd;

	net_enter(net, B);
	fd = socket(net_family, SOCK_DGRAM, 0);
	if (fd < 0 || net_bind(fd, ADDR_B, 5300))
		net_fatal("host B's datagram socket");
	net_enter(net, A);
	fd = socket(net_family, SOCK_DGRAM, 0);
	if (fd < 0 || net_connect(fd, ADDR_B, 5300))
		net_fatal("host A's datagram socket");
	return fd;
}

/* Each is numbered; nobody acknowledges any. */
TEST_F(stamps, datagrams)
{
	int fd = dgram(&self->net);
	struct report report;
	char buf[100] = {};
	double before;

	net_setopt(fd, SOL_SOCKET, SO_TIMESTAMPING,
		   LEAVING | SOF_TIMESTAMPING_TX_ACK | REPORTS);
	before = now();
	ASSERT_EQ(100, send(fd, buf, 100, 0));
	EXPECT_EQ(SCHED | SENT, reported(fd, 2, 0, before));
	before = now();
	ASSERT_EQ(0, send(fd, "", 0, 0));
	EXPECT_EQ(SCHED | SENT, reported(fd, 2, 1, before));

	net_setopt(fd, SOL_SOCKET, SO_TIMESTAMPING, 0);
	ASSERT_EQ(1, send(fd, "", 1, 0));
	EXPECT_FALSE(take_report(fd, &report));
}

/* A queueing discipline that knows SO_TXTIME keeps it until then. */
TEST_F(stamps, datagram_later)
{
	char control[CMSG_SPACE(sizeof(uint64_t))] = {};
	struct sock_txtime clock = { .clockid = CLOCK_MONOTONIC };
	struct iovec iov = { "later", 5 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = dgram(&self->net);
	struct timespec ts;
	uint64_t when;
	double before;

	if (system("tc qdisc replace dev " DEV_A " root fq"))
		SKIP(return, "no fq");
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_TXTIME, &clock,
				sizeof(clock)));
	net_setopt(fd, SOL_SOCKET, SO_TIMESTAMPING, LEAVING | REPORTS);

	before = now();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	when = ts.tv_sec * 1000000000ULL + ts.tv_nsec + 300000000;
	put_control(cmsg, SCM_TXTIME, &when, sizeof(when));
	ASSERT_EQ(5, sendmsg(fd, &msg, 0));
	EXPECT_EQ(SCHED, reported(fd, 1, 0, before));
	EXPECT_EQ(SENT, reported(fd, 1, 0, before + 0.3));
}

TEST_HARNESS_MAIN
