// SPDX-License-Identifier: GPL-2.0
/*
 * splice(2), vmsplice(2) and sendfile(2): pages out of a socket into a pipe,
 * and out of files and pipes into a socket, without a copy on the way.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#include "net.h"

#define PAGE	4096
#define MOST	65536		/* what a pipe takes */

FIXTURE(splice) {
	struct net net;
	int fd[2];
	int pipe[2];
};

FIXTURE_SETUP(splice)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
	ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(splice)
{
	net_exit(&self->net);
}

/* A file of @len bytes of the pattern from @at on, in memory. */
static int new_file(size_t len, uint64_t at)
{
	char *buf = malloc(len);
	int fd = memfd_create("splice", MFD_CLOEXEC);

	net_pattern(buf, len, at);
	if (fd < 0 || write(fd, buf, len) != (ssize_t)len)
		net_fatal("memfd");
	free(buf);
	return fd;
}

static void change_file(int fd, size_t len, uint64_t at)
{
	char *buf = malloc(len);

	net_pattern(buf, len, at);
	if (pwrite(fd, buf, len, 0) != (ssize_t)len)
		net_fatal("pwrite");
	free(buf);
}

/* Read from a pipe what is in it, all of @len bytes. */
static bool pipe_has(int fd, size_t len, uint64_t at)
{
	char *buf = malloc(len);
	bool ok;

	ok = read(fd, buf, len) == (ssize_t)len && net_pattern_ok(buf, len, at);
	free(buf);
	return ok;
}

static long call_splice(struct net_call *call)
{
	return splice(call->fd, NULL, call->flags, NULL, call->len, 0);
}

static long call_sendfile(struct net_call *call)
{
	off_t from = 0;

	return sendfile(call->fd, call->flags, &from, call->len);
}

/*
 * ---- Out of a socket ----
 */

TEST_F(splice, out)
{
	net_send_all(self->fd[A], 1000, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 1000));
	/* In parts, and no more than there is. */
	EXPECT_EQ(300, splice(self->fd[B], NULL, self->pipe[1], NULL, 300, 0));
	EXPECT_EQ(700, net_ioctl(self->fd[B], FIONREAD));
	EXPECT_EQ(700, splice(self->fd[B], NULL, self->pipe[1], NULL, 5000,
			      0));
	EXPECT_EQ(0, net_ioctl(self->fd[B], FIONREAD));
	EXPECT_TRUE(pipe_has(self->pipe[0], 1000, 0));
}

/* More than pipe and buffers hold, through both. */
TEST_F(splice, out_large)
{
	struct net_call call = { .fn = net_call_send, .fd = self->fd[A] };
	uint64_t at = 0;
	ssize_t n;

	call.len = 1500000;
	call.buf = malloc(call.len);
	net_pattern(call.buf, call.len, 0);
	net_call(&call);
	while (at < call.len) {
		n = splice(self->fd[B], NULL, self->pipe[1], NULL, MOST, 0);
		ASSERT_LT(0, n);
		ASSERT_TRUE(pipe_has(self->pipe[0], n, at));
		at += n;
	}
	EXPECT_EQ((long)call.len, net_call_end(&call));
	free(call.buf);
}

TEST_F(splice, out_mixed_with_recv)
{
	net_send_all(self->fd[A], 3000, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 3000));
	net_recv_all(self->fd[B], 100, 0);
	EXPECT_EQ(2000, splice(self->fd[B], NULL, self->pipe[1], NULL, 2000,
			       0));
	net_recv_all(self->fd[B], 900, 2100);
	EXPECT_TRUE(pipe_has(self->pipe[0], 2000, 100));
}

TEST_F(splice, out_waits)
{
	struct net_call call = {
		.fn = call_splice,
		.fd = self->fd[B],
		.flags = self->pipe[1],
		.len = 100,
	};

	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_send_all(self->fd[A], 10, 0);
	EXPECT_EQ(10, net_call_end(&call));
	EXPECT_TRUE(pipe_has(self->pipe[0], 10, 0));

	/* Until the end. */
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	shutdown(self->fd[A], SHUT_WR);
	EXPECT_EQ(0, net_call_end(&call));
	EXPECT_EQ(0, splice(self->fd[B], NULL, self->pipe[1], NULL, 1, 0));
}

TEST_F(splice, out_does_not_wait)
{
	net_nonblock(self->fd[B], true);
	EXPECT_EQ(EAGAIN, net_err(splice(self->fd[B], NULL, self->pipe[1],
					 NULL, 100, 0)));
	net_nonblock(self->fd[B], false);
	net_timeout(self->fd[B], SO_RCVTIMEO, 20);
	EXPECT_EQ(EAGAIN, net_err(splice(self->fd[B], NULL, self->pipe[1],
					 NULL, 100, 0)));
}

/* A pipe that is full takes nothing, and nothing is lost by that. */
TEST_F(splice, out_pipe_full)
{
	static char buf[MOST];

	net_send_all(self->fd[A], 500, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[B], 500));
	ASSERT_EQ(MOST, write(self->pipe[1], buf, MOST));
	EXPECT_EQ(EAGAIN, net_err(splice(self->fd[B], NULL, self->pipe[1],
					 NULL, 500, SPLICE_F_NONBLOCK)));
	EXPECT_EQ(500, net_ioctl(self->fd[B], FIONREAD));
	ASSERT_EQ(MOST, read(self->pipe[0], buf, MOST));
	EXPECT_EQ(500, splice(self->fd[B], NULL, self->pipe[1], NULL, 500,
			      SPLICE_F_NONBLOCK));
	EXPECT_TRUE(pipe_has(self->pipe[0], 500, 0));
}

TEST_F(splice, out_errors)
{
	int fd;

	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(ENOTCONN, net_err(splice(fd, NULL, self->pipe[1], NULL, 1,
					   0)));
	fd = net_listen(&self->net, A, 6000, 1);
	EXPECT_EQ(ENOTCONN, net_err(splice(fd, NULL, self->pipe[1], NULL, 1,
					   0)));

	/* Reset: once the error, then the end. */
	net_send_all(self->fd[B], 1, 0);
	ASSERT_TRUE(net_wait_readable(self->fd[A], 1));
	close(self->fd[A]);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLHUP));
	EXPECT_EQ(ECONNRESET, net_err(splice(self->fd[B], NULL, self->pipe[1],
					     NULL, 1, 0)));
	EXPECT_EQ(0, splice(self->fd[B], NULL, self->pipe[1], NULL, 1, 0));
}

/* Not across the urgent mark, which only recv(2) can pass. */
TEST_F(splice, out_urgent)
{
	net_send_all(self->fd[A], 3, 0);
	ASSERT_EQ(1, send(self->fd[A], "X", 1, MSG_OOB));
	net_send_all(self->fd[A], 3, 3);
	shutdown(self->fd[A], SHUT_WR);
	ASSERT_TRUE(net_until(net_poll(self->fd[B], POLLRDHUP, 0)));
	EXPECT_EQ(3, splice(self->fd[B], NULL, self->pipe[1], NULL, 100, 0));
	EXPECT_EQ(0, splice(self->fd[B], NULL, self->pipe[1], NULL, 100, 0));
	net_recv_all(self->fd[B], 1, 3);
	EXPECT_EQ(2, splice(self->fd[B], NULL, self->pipe[1], NULL, 100, 0));
	EXPECT_EQ(0, splice(self->fd[B], NULL, self->pipe[1], NULL, 100, 0));
	EXPECT_TRUE(pipe_has(self->pipe[0], 3, 0));
	EXPECT_TRUE(pipe_has(self->pipe[0], 2, 4));
}

/*
 * ---- Into a socket ----
 */

/* All of a file that is larger than all buffers. */
TEST_F(splice, sendfile)
{
	const size_t len = 3000000;
	struct net_call call = {
		.fn = call_sendfile,
		.fd = self->fd[A],
		.flags = new_file(len, 0),
		.len = len,
	};

	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_recv_all(self->fd[B], len, 0);
	EXPECT_EQ((long)len, net_call_end(&call));
}

/* From where it says, and no farther than the file goes. */
TEST_F(splice, sendfile_part)
{
	int file = new_file(20000, 0);
	off_t from = 777;

	EXPECT_EQ(5000, sendfile(self->fd[A], file, &from, 5000));
	EXPECT_EQ(5777, from);
	EXPECT_EQ(14223, sendfile(self->fd[A], file, &from, 99999));
	EXPECT_EQ(0, sendfile(self->fd[A], file, &from, 99999));
	net_recv_all(self->fd[B], 19223, 777);
}

TEST_F(splice, sendfile_does_not_wait)
{
	const size_t len = 64 << 20;
	int file = memfd_create("splice", MFD_CLOEXEC);
	off_t from = 0;
	size_t sum = 0;
	ssize_t n;

	ASSERT_EQ(0, ftruncate(file, len));
	net_nonblock(self->fd[A], true);
	while ((n = sendfile(self->fd[A], file, &from, len - from)) > 0)
		sum += n;
	EXPECT_EQ(EAGAIN, net_err(n));
	EXPECT_EQ(sum, from);
	EXPECT_EQ(0, net_poll(self->fd[A], POLLOUT, 0));
	shutdown(self->fd[A], SHUT_WR);
	while ((n = recv(self->fd[B], NULL, len, MSG_TRUNC)) > 0)
		sum -= n;
	EXPECT_EQ(0, sum);
}

TEST_F(splice, into_errors)
{
	int file = new_file(100, 0);
	off_t from = 0;
	int fd;

	net_signal(SIGPIPE, 0);
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(EPIPE, net_err(sendfile(fd, file, &from, 100)));
	EXPECT_EQ(1, net_signals);
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_EQ(EPIPE, net_err(sendfile(self->fd[A], file, &from, 100)));
	EXPECT_EQ(2, net_signals);
	EXPECT_EQ(0, from);
}

/* Pieces of all sizes, of pages of all kinds. */
TEST_F(splice, pipe_and_memory)
{
	static char buf[MOST];
	struct iovec iov;
	uint64_t at = 0;
	size_t len;

	for (len = 1; len < MOST; len += 1 + len * 2 / 3) {
		net_pattern(buf, len, at);
		ASSERT_EQ((ssize_t)len, write(self->pipe[1], buf, len));
		ASSERT_EQ((ssize_t)len, splice(self->pipe[0], NULL,
					       self->fd[A], NULL, len, 0));
		net_recv_all(self->fd[B], len, at);
		at += len;
	}
	for (len = 1; len < MOST - PAGE; len += 1 + len * 2 / 3) {
		iov.iov_base = buf;
		iov.iov_len = len;
		net_pattern(buf, len, at);
		ASSERT_EQ((ssize_t)len, vmsplice(self->pipe[1], &iov, 1, 0));
		ASSERT_EQ((ssize_t)len, splice(self->pipe[0], NULL,
					       self->fd[A], NULL, len, 0));
		net_recv_all(self->fd[B], len, at);
		at += len;
	}
}

/* What comes out of one socket goes into another. */
TEST_F(splice, socket_to_socket)
{
	int i;

	for (i = 0; i < 10; i++) {
		net_send_all(self->fd[A], 5000, i);
		ASSERT_TRUE(net_wait_readable(self->fd[B], 5000));
		ASSERT_EQ(5000, splice(self->fd[B], NULL, self->pipe[1], NULL,
				       5000, 0));
		ASSERT_EQ(5000, splice(self->pipe[0], NULL, self->fd[B], NULL,
				       5000, 0));
		net_recv_all(self->fd[A], 5000, i);
	}
}

/*
 * ---- Without a copy ----
 */

/* The page is the file's still when it is sent again. */
TEST_F(splice, retransmits_the_page)
{
	int file = new_file(PAGE, 0);
	off_t from = 0;

	net_cut(&self->net, A);
	ASSERT_EQ(PAGE, sendfile(self->fd[A], file, &from, PAGE));
	change_file(file, PAGE, 1234);
	net_mend(&self->net, A);
	net_recv_all(self->fd[B], PAGE, 1234);
}

/* And from host to host, and in the pipe behind. */
TEST_F(splice, one_page_all_the_way)
{
	int file = new_file(PAGE, 0);
	off_t from = 0;

	ASSERT_EQ(PAGE, sendfile(self->fd[A], file, &from, PAGE));
	ASSERT_TRUE(net_wait_readable(self->fd[B], PAGE));
	ASSERT_EQ(PAGE, splice(self->fd[B], NULL, self->pipe[1], NULL, PAGE,
			       0));
	change_file(file, PAGE, 1234);
	EXPECT_TRUE(pipe_has(self->pipe[0], PAGE, 1234));
}

/*
 * ---- The end of what was written ----
 */

/* All segments that come to host B. */
static int capture(const struct net *net)
{
	int fd;

	net_enter(net, B);
	fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    net_is_inet() ? IPPROTO_TCP : IPPROTO_TEACH);
	if (fd < 0)
		net_fatal("raw socket");
	return fd;
}

/* Is PSH in the last of the captured ones that has bytes? */
static bool last_was_pushed(int fd)
{
	static char buf[100000];
	struct iphdr *ip = (void *)buf;
	struct tcphdr *th;
	bool pushed = false;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		th = (void *)(buf + ip->ihl * 4);
		if (n > ip->ihl * 4 + th->doff * 4)
			pushed = th->psh;
	}
	return pushed;
}

/* As with MSG_MORE: it waits for more, and what is last gets PSH. */
TEST_F(splice, more)
{
	static char buf[200];
	int raw;

	net_be_patient(&self->net, self->fd);
	raw = capture(&self->net);
	net_pattern(buf, sizeof(buf), 0);
	ASSERT_EQ(200, write(self->pipe[1], buf, 200));
	ASSERT_EQ(100, splice(self->pipe[0], NULL, self->fd[A], NULL, 100,
			      SPLICE_F_MORE));
	EXPECT_EQ(100, net_ioctl(self->fd[A], SIOCOUTQNSD));
	ASSERT_EQ(100, splice(self->pipe[0], NULL, self->fd[A], NULL, 100, 0));
	EXPECT_EQ(0, net_ioctl(self->fd[A], SIOCOUTQNSD));
	net_recv_all(self->fd[B], 200, 0);
	EXPECT_TRUE(last_was_pushed(raw));
}

/* A whole file: the kernel brings it in pieces, and pushes the last. */
TEST_F(splice, file_is_pushed)
{
	const size_t len = 100000 + 7;
	off_t from = 0;
	int raw;

	net_be_patient(&self->net, self->fd);
	raw = capture(&self->net);
	ASSERT_EQ((ssize_t)len, sendfile(self->fd[A], new_file(len, 0), &from,
					 len));
	net_recv_all(self->fd[B], len, 0);
	EXPECT_EQ(0, net_ioctl(self->fd[A], SIOCOUTQNSD));
	EXPECT_TRUE(last_was_pushed(raw));
}

/* More was asked for than the file has: nothing waits for the rest. */
TEST_F(splice, end_of_file)
{
	off_t from = 0;
	int raw;

	net_be_patient(&self->net, self->fd);
	raw = capture(&self->net);
	ASSERT_EQ(100, sendfile(self->fd[A], new_file(100, 0), &from, 9999));
	EXPECT_EQ(0, net_ioctl(self->fd[A], SIOCOUTQNSD));
	net_recv_all(self->fd[B], 100, 0);
	EXPECT_TRUE(last_was_pushed(raw));
}

TEST_HARNESS_MAIN
