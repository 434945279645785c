// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_ZEROCOPY: the user's pages are sent, and the error queue tells when they
 * are his again.  Documentation/networking/msg_zerocopy.rst.
 */
#include <time.h>
#include <linux/errqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "net.h"

#define PAGE	4096

FIXTURE(zerocopy) {
	struct net net;
	int fd[2];
	char *buf;		/* some pages */
	size_t size;
};

static int set_zerocopy(int fd, int level, int value)
{
	int opt = level == SOL_TEACH ? TEACH_ZEROCOPY : SO_ZEROCOPY;

	return setsockopt(fd, level, opt, &value, sizeof(value));
}

/* By SOL_SOCKET, if this kernel lets AF_TEACH have that. */
static void ask_for_zerocopy(int fd)
{
	if (set_zerocopy(fd, SOL_SOCKET, 1) &&
	    set_zerocopy(fd, SOL_TEACH, 1))
		net_fatal("SO_ZEROCOPY");
}

FIXTURE_SETUP(zerocopy)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
	ask_for_zerocopy(self->fd[A]);
	self->size = 256 * PAGE;
	self->buf = mmap(NULL, self->size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->buf);
	net_pattern(self->buf, self->size, 0);
}

FIXTURE_TEARDOWN(zerocopy)
{
	net_exit(&self->net);
}

static ssize_t send_pages(int fd, const char *buf, size_t len)
{
	return send(fd, buf, len, MSG_ZEROCOPY);
}

/* One report; false when there is none yet. */
static bool take_report(int fd, struct sock_extended_err *report)
{
	char control[128];
	struct msghdr msg = {
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(fd, &msg, MSG_ERRQUEUE) < 0)
		return false;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != SOL_IP ||
	    cmsg->cmsg_type != IP_RECVERR || !(msg.msg_flags & MSG_ERRQUEUE))
		net_fatal("not a report");
	memcpy(report, CMSG_DATA(cmsg), sizeof(*report));
	if (report->ee_origin != SO_EE_ORIGIN_ZEROCOPY || report->ee_errno)
		net_fatal("not of MSG_ZEROCOPY");
	return true;
}

/*
 * Wait until all calls from @first to @last are reported, in whatever pieces.
 * Return: whether one was copied after all, on its way to a receiver in the
 * same machine.
 */
static bool reported(int fd, unsigned int first, unsigned int last)
{
	struct sock_extended_err report;
	unsigned int missing = last - first + 1;
	bool copied = false;

	while (missing) {
		if (!net_until(take_report(fd, &report)))
			net_fatal("no report of %u calls", missing);
		if (report.ee_info < first || report.ee_data > last ||
		    report.ee_info > report.ee_data)
			net_fatal("a report of calls %u to %u", report.ee_info,
				  report.ee_data);
		missing -= report.ee_data - report.ee_info + 1;
		copied |= report.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	}
	return copied;
}

TEST_F(zerocopy, option)
{
	int fd = net_socket(&self->net, A, 0);
	int level = set_zerocopy(fd, SOL_SOCKET, 1) ? SOL_TEACH : SOL_SOCKET;
	int value;

	ASSERT_EQ(0, set_zerocopy(fd, level, 0));
	EXPECT_EQ(0, net_getopt(fd, SOL_SOCKET, SO_ZEROCOPY));
	ASSERT_EQ(0, set_zerocopy(fd, level, 1));
	EXPECT_EQ(1, net_getopt(fd, SOL_SOCKET, SO_ZEROCOPY));
	EXPECT_EQ(EINVAL, net_err(set_zerocopy(fd, level, 2)));
	EXPECT_EQ(EINVAL, net_err(set_zerocopy(fd, level, -1)));
	EXPECT_EQ(EINVAL, net_err(setsockopt(fd, level, level == SOL_TEACH ?
					     TEACH_ZEROCOPY : SO_ZEROCOPY,
					     &value, 3)));
	if (net_is_inet())
		return;
	EXPECT_EQ(0, set_zerocopy(fd, SOL_TEACH, 0));
	EXPECT_EQ(0, net_getopt(fd, SOL_TEACH, TEACH_ZEROCOPY));
	EXPECT_EQ(ENOPROTOOPT, net_err(setsockopt(fd, SOL_TEACH, 999, &value,
						  sizeof(value))));
}

/* A connection has it from its listener. */
TEST_F(zerocopy, inherited)
{
	int fd = net_listen(&self->net, B, 6000, 1);

	ask_for_zerocopy(fd);
	net_client(&self->net, A, ADDR_B, 6000);
	fd = net_accept(fd);
	EXPECT_EQ(1, net_getopt(fd, SOL_SOCKET, SO_ZEROCOPY));
}

TEST_F(zerocopy, not_asked_for)
{
	struct sock_extended_err report;

	ASSERT_EQ(PAGE, send(self->fd[B], self->buf, PAGE, MSG_ZEROCOPY));
	net_recv_all(self->fd[A], PAGE, 0);
	EXPECT_TRUE(net_until(!net_poll(self->fd[B], POLLERR, 0)));
	EXPECT_FALSE(take_report(self->fd[B], &report));
}

/* Each call has a number, and POLLERR says that one is reported. */
TEST_F(zerocopy, reports)
{
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1000, send_pages(self->fd[A], self->buf, 1000));
		net_recv_all(self->fd[B], 1000, 0);
		EXPECT_TRUE(net_wait_poll(self->fd[A], POLLERR));
		reported(self->fd[A], i, i);
		EXPECT_EQ(0, net_poll(self->fd[A], 0, 0));
	}
	/* Those in a row are one report, if nobody reads between them. */
	for (i = 5; i < 20; i++)
		ASSERT_EQ(1000, send_pages(self->fd[A], self->buf, 1000));
	for (i = 5; i < 20; i++)
		net_recv_all(self->fd[B], 1000, 0);
	reported(self->fd[A], 5, 19);
}

/* Nothing to send, or nowhere to: no call, no report. */
TEST_F(zerocopy, not_counted)
{
	ASSERT_EQ(0, send_pages(self->fd[A], self->buf, 0));
	EXPECT_EQ(EFAULT, net_err(send(self->fd[A], (void *)PAGE, 1,
				       MSG_ZEROCOPY)));
	ASSERT_EQ(10, send_pages(self->fd[A], self->buf, 10));
	net_recv_all(self->fd[B], 10, 0);
	reported(self->fd[A], 0, 0);
	shutdown(self->fd[A], SHUT_WR);
	EXPECT_EQ(EPIPE, net_err(send(self->fd[A], self->buf, 10,
				      MSG_ZEROCOPY | MSG_NOSIGNAL)));
}

/* More than the buffers hold, from any offset, with others in between. */
TEST_F(zerocopy, large)
{
	struct net_call call = {
		.fn = net_call_send,
		.fd = self->fd[A],
		.flags = MSG_ZEROCOPY,
	};
	int i;

	for (i = 0; i < 4; i++) {
		call.buf = self->buf + i * 777;
		call.len = self->size - i * 100001;
		net_pattern(call.buf, call.len, i);
		net_call(&call);
		net_recv_all(self->fd[B], call.len, i);
		EXPECT_EQ((long)call.len, net_call_end(&call));
		reported(self->fd[A], i, i);
		net_send_all(self->fd[A], 100, i);
		net_recv_all(self->fd[B], 100, i);
	}
}

/* Copied and not, in one segment. */
TEST_F(zerocopy, mixed)
{
	int i;

	net_setopt(self->fd[A], SOL_TCP, TCP_CORK, 1);
	for (i = 0; i < 30; i++)
		ASSERT_EQ(100, send(self->fd[A], self->buf + 100 * i, 100,
				    i % 3 ? MSG_ZEROCOPY : 0));
	net_setopt(self->fd[A], SOL_TCP, TCP_CORK, 0);
	net_recv_all(self->fd[B], 3000, 0);
	reported(self->fd[A], 0, 19);
}

/* Until it is acknowledged it is the user's page that is sent again. */
TEST_F(zerocopy, retransmits_the_page)
{
	struct sock_extended_err report;

	net_cut(&self->net, A);
	ASSERT_EQ(5000, send_pages(self->fd[A], self->buf, 5000));
	EXPECT_FALSE(take_report(self->fd[A], &report));
	net_pattern(self->buf, 5000, 1234);
	net_mend(&self->net, A);
	net_recv_all(self->fd[B], 5000, 1234);
	reported(self->fd[A], 0, 0);
}

/* The page outlives its mapping. */
TEST_F(zerocopy, unmapped)
{
	net_cut(&self->net, A);
	ASSERT_EQ(5 * PAGE, send_pages(self->fd[A], self->buf, 5 * PAGE));
	ASSERT_EQ(0, munmap(self->buf, self->size));
	net_mend(&self->net, A);
	net_recv_all(self->fd[B], 5 * PAGE, 0);
	reported(self->fd[A], 0, 0);
}

/* Half of it is not there: what is may be sent, and is reported. */
TEST_F(zerocopy, fault_on_the_way)
{
	ssize_t n;

	ASSERT_EQ(0, munmap(self->buf + PAGE, self->size - PAGE));
	n = send(self->fd[A], self->buf, 2 * PAGE, MSG_ZEROCOPY);
	EXPECT_TRUE(n == PAGE || (n < 0 && errno == EFAULT));
	if (n > 0) {
		net_recv_all(self->fd[B], n, 0);
		reported(self->fd[A], 0, 0);
	}
	net_send_all(self->fd[A], 100, 0);
	net_recv_all(self->fd[B], 100, 0);
}

/* Who closes is told nothing, and what he wrote arrives. */
TEST_F(zerocopy, closed_early)
{
	net_cut(&self->net, A);
	ASSERT_EQ(5 * PAGE, send_pages(self->fd[A], self->buf, 5 * PAGE));
	close(self->fd[A]);
	net_mend(&self->net, A);
	EXPECT_EQ(5 * PAGE, net_drain(self->fd[B], 0));
}

/* A connection that ends has no use for the pages any more. */
TEST_F(zerocopy, reset)
{
	net_cut(&self->net, A);
	ASSERT_EQ(5 * PAGE, send_pages(self->fd[A], self->buf, 5 * PAGE));
	/* The peer, with bytes unread, closes. */
	net_mend(&self->net, A);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLIN));
	close(self->fd[B]);
	/* Its first pages may be reported before. */
	ASSERT_TRUE(net_until(net_poll(self->fd[A], 0, 0) & POLLHUP));
	reported(self->fd[A], 0, 0);
	EXPECT_TRUE(net_wait_poll(self->fd[A], POLLERR));
}

TEST_F(zerocopy, disconnected)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };

	net_cut(&self->net, A);
	ASSERT_EQ(5 * PAGE, send_pages(self->fd[A], self->buf, 5 * PAGE));
	ASSERT_EQ(0, connect(self->fd[A], &addr, sizeof(addr)));
	reported(self->fd[A], 0, 0);
}

/*
 * What may be pending is bounded.  (Calls that share a segment share a report,
 * up to half a megabyte of them.)
 */
TEST_F(zerocopy, too_many)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };
	const char *optmem = "net/core/optmem_max";
	unsigned int calls = 0;
	ssize_t n;

	/* Of all namespaces in older kernels, which do not show it here. */
	net_enter(&self->net, A);
	if (!access("/proc/sys/net/core/optmem_max", F_OK))
		net_sysctl_path(&self->net, A, optmem, "20480");
	net_setopt(self->fd[A], SOL_SOCKET, SO_SNDBUFFORCE, 16 << 20);
	net_cut(&self->net, A);
	while ((n = send(self->fd[A], self->buf, 256 << 10,
			 MSG_ZEROCOPY | MSG_DONTWAIT)) > 0)
		calls++;
	EXPECT_EQ(ENOBUFS, net_err(n));
	ASSERT_LT(0, calls);
	ASSERT_EQ(0, connect(self->fd[A], &addr, sizeof(addr)));
	reported(self->fd[A], 0, calls - 1);
}

TEST_HARNESS_MAIN
