// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring(7): the same system calls, submitted to a ring.  What cannot be done
 * at once waits for the socket's poll, so each of these also tests what wakes
 * whom, and when.
 */
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "kselftest_harness.h"

#include "net.h"

/* linux/io_uring.h, 6.2 and its backports: later than Debian 12's liburing. */
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE	8
#define IORING_NOTIF_USAGE_ZC_COPIED	0x80000000
#endif

#define PAGE		4096
#define ENTRIES		64
#define BUFFERS		4	/* of a ring of buffers */
#define BUFFER_SIZE	512
#define GROUP		7	/* its number */

FIXTURE(uring) {
	struct net net;
	struct io_uring ring;
	struct io_uring_probe *probe;	/* NULL: there are no rings */
	int fd[2];
	char *buf;		/* some pages */
	size_t size;
};

FIXTURE_SETUP(uring)
{
	net_init(&self->net);
	net_nobody(&self->net, A);
	if (!io_uring_queue_init(ENTRIES, &self->ring, 0))
		self->probe = io_uring_get_probe_ring(&self->ring);
	net_pair(&self->net, self->fd);
	self->size = 256 * PAGE;
	self->buf = mmap(NULL, self->size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->buf);
	net_pattern(self->buf, self->size, 0);
}

FIXTURE_TEARDOWN(uring)
{
	if (self->probe) {
		io_uring_free_probe(self->probe);
		io_uring_queue_exit(&self->ring);
	}
	net_exit(&self->net);
}

static bool has(const struct io_uring_probe *probe, int op)
{
	return probe && io_uring_opcode_supported(probe, op);
}

/* A new entry; submit() sends it. */
static struct io_uring_sqe *entry(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		net_fatal("no room in the submission queue");
	return sqe;
}

static void submit(struct io_uring *ring, struct io_uring_sqe *sqe,
		   uint64_t tag)
{
	int ret;

	io_uring_sqe_set_data64(sqe, tag);
	ret = io_uring_submit(ring);
	if (ret < 0) {
		errno = -ret;
		net_fatal("io_uring_submit");
	}
}

/* Is nothing completed yet? */
static bool pending(struct io_uring *ring)
{
	return !io_uring_cq_ready(ring);
}

/* How an entry ended, or what it says on the way. */
struct done {
	uint64_t tag;
	int res;
	unsigned int flags;
};

/* The completion that is sure to come. */
static struct done completion(struct io_uring *ring)
{
	struct __kernel_timespec ts = { .tv_sec = NET_DEADLINE_MS / 1000 };
	struct io_uring_cqe *cqe;
	struct done done;
	int ret;

	do
		ret = io_uring_wait_cqe_timeout(ring, &cqe, &ts);
	while (ret == -EINTR);
	if (ret) {
		errno = -ret;
		net_fatal("nothing completes");
	}
	done = (struct done){ cqe->user_data, cqe->res, cqe->flags };
	io_uring_cqe_seen(ring, cqe);
	return done;
}

/* The same, of a known entry; its result. */
static int result(struct io_uring *ring, uint64_t tag)
{
	struct done done = completion(ring);

	if (done.tag != tag) {
		errno = EPROTO;
		net_fatal("completion of %llu, not %llu",
			  (unsigned long long)done.tag,
			  (unsigned long long)tag);
	}
	return done.res;
}

static void submit_recv(struct io_uring *ring, int fd, void *buf, size_t len,
			int flags, uint64_t tag)
{
	struct io_uring_sqe *sqe = entry(ring);

	io_uring_prep_recv(sqe, fd, buf, len, flags);
	submit(ring, sqe, tag);
}

static void submit_send(struct io_uring *ring, int fd, const void *buf,
			size_t len, int flags, uint64_t tag)
{
	struct io_uring_sqe *sqe = entry(ring);

	io_uring_prep_send(sqe, fd, buf, len, flags);
	submit(ring, sqe, tag);
}

static void submit_accept(struct io_uring *ring, int fd, uint64_t tag)
{
	struct io_uring_sqe *sqe = entry(ring);

	io_uring_prep_accept(sqe, fd, NULL, NULL, 0);
	submit(ring, sqe, tag);
}

static void submit_connect(struct io_uring *ring, int fd,
			   const struct sockaddr_in *addr, uint64_t tag)
{
	struct io_uring_sqe *sqe = entry(ring);

	io_uring_prep_connect(sqe, fd, (const struct sockaddr *)addr,
			      sizeof(*addr));
	submit(ring, sqe, tag);
}

/* Cancel what waits, by its tag: how both end. */
static bool cancelled(struct io_uring *ring, uint64_t tag)
{
	struct io_uring_sqe *sqe = entry(ring);
	struct done done;
	int i, ok = 0;

	io_uring_prep_cancel64(sqe, tag, 0);
	submit(ring, sqe, tag + 1);
	for (i = 0; i < 2; i++) {
		done = completion(ring);
		ok += done.res == (done.tag == tag ? -ECANCELED : 0);
	}
	return ok == 2;
}

/*
 * ---- Connections ----
 */

TEST_F(uring, socket)
{
	struct io_uring_sqe *sqe;
	int fd;

	if (!has(self->probe, IORING_OP_SOCKET))
		SKIP(return, "no IORING_OP_SOCKET");
	net_enter(&self->net, A);
	sqe = entry(&self->ring);
	io_uring_prep_socket(sqe, net_family, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
	submit(&self->ring, sqe, 1);
	fd = result(&self->ring, 1);
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(net_family, net_getopt(fd, SOL_SOCKET, SO_DOMAIN));
}

TEST_F(uring, accept)
{
	int listener = net_listen(&self->net, B, 6000, 4), client, fd;
	struct sockaddr_in addr = {};
	socklen_t len = sizeof(addr);
	struct io_uring_sqe *sqe;

	if (!has(self->probe, IORING_OP_ACCEPT))
		SKIP(return, "no IORING_OP_ACCEPT");
	sqe = entry(&self->ring);
	io_uring_prep_accept(sqe, listener, (struct sockaddr *)&addr, &len,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
	submit(&self->ring, sqe, 1);
	EXPECT_TRUE(pending(&self->ring));
	client = net_client(&self->net, A, ADDR_B, 6000);
	fd = result(&self->ring, 1);
	ASSERT_LE(0, fd);
	EXPECT_EQ(sizeof(addr), len);
	EXPECT_EQ(net_family, addr.sin_family);
	EXPECT_EQ(net_local_port(client), ntohs(addr.sin_port));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	net_send_all(client, 10, 0);
	ASSERT_TRUE(net_wait_poll(fd, POLLIN));
	net_recv_all(fd, 10, 0);
	/* The next is there before it is asked for. */
	net_client(&self->net, A, ADDR_B, 6000);
	ASSERT_TRUE(net_wait_poll(listener, POLLIN));
	submit_accept(&self->ring, listener, 2);
	EXPECT_LE(0, result(&self->ring, 2));
}

TEST_F(uring, accept_nothing)
{
	int fd = net_listen(&self->net, B, 6000, 4);

	if (!has(self->probe, IORING_OP_ACCEPT))
		SKIP(return, "no IORING_OP_ACCEPT");
	submit_accept(&self->ring, self->fd[A], 1);
	EXPECT_EQ(-EINVAL, result(&self->ring, 1));
	submit_accept(&self->ring, fd, 2);
	EXPECT_TRUE(pending(&self->ring));
	ASSERT_EQ(0, shutdown(fd, SHUT_RD));
	EXPECT_EQ(-EINVAL, result(&self->ring, 2));
}

/* One entry, and a completion for each connection. */
TEST_F(uring, accept_multishot)
{
	int listener = net_listen(&self->net, B, 6000, 8), client, i;
	struct io_uring_sqe *sqe;
	struct done done;

	if (!has(self->probe, IORING_OP_ACCEPT))
		SKIP(return, "no IORING_OP_ACCEPT");
	sqe = entry(&self->ring);
	io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0);
	submit(&self->ring, sqe, 1);
	if (!pending(&self->ring) && result(&self->ring, 1) == -EINVAL)
		SKIP(return, "this kernel has no multishot accept");
	for (i = 0; i < 4; i++) {
		client = net_client(&self->net, A, ADDR_B, 6000);
		done = completion(&self->ring);
		ASSERT_LE(0, done.res);
		EXPECT_TRUE(done.flags & IORING_CQE_F_MORE);
		EXPECT_EQ(net_local_port(client), net_peer_port(done.res));
		net_send_all(done.res, 10, i);
		net_recv_all(client, 10, i);
	}
	/* Several at once. */
	for (i = 0; i < 4; i++)
		net_client(&self->net, A, ADDR_B, 6000);
	for (i = 0; i < 4; i++)
		EXPECT_LE(0, completion(&self->ring).res);
	EXPECT_TRUE(pending(&self->ring));
	ASSERT_EQ(0, shutdown(listener, SHUT_RD));
	done = completion(&self->ring);
	EXPECT_EQ(-EINVAL, done.res);
	EXPECT_FALSE(done.flags & IORING_CQE_F_MORE);
}

TEST_F(uring, connect)
{
	struct sockaddr_in addr = net_addr(ADDR_B, 6000);
	int fd = net_socket(&self->net, A, 0);
	int listener;

	if (!has(self->probe, IORING_OP_CONNECT))
		SKIP(return, "no IORING_OP_CONNECT");
	/* Nobody listens. */
	submit_connect(&self->ring, fd, &addr, 1);
	EXPECT_EQ(-ECONNREFUSED, result(&self->ring, 1));
	EXPECT_EQ(0, net_so_error(fd));

	listener = net_listen(&self->net, B, 6000, 4);
	net_cut(&self->net, A);
	submit_connect(&self->ring, fd, &addr, 2);
	EXPECT_TRUE(pending(&self->ring));
	net_mend(&self->net, A);
	EXPECT_EQ(0, result(&self->ring, 2));
	net_send_all(fd, 10, 0);
	net_recv_all(net_accept(listener), 10, 0);
	submit_connect(&self->ring, fd, &addr, 3);
	EXPECT_EQ(-EISCONN, result(&self->ring, 3));
}

TEST_F(uring, shutdown_and_close)
{
	struct io_uring_sqe *sqe;
	char byte;

	if (!has(self->probe, IORING_OP_SHUTDOWN))
		SKIP(return, "no IORING_OP_SHUTDOWN");
	sqe = entry(&self->ring);
	io_uring_prep_shutdown(sqe, self->fd[A], SHUT_WR);
	submit(&self->ring, sqe, 1);
	EXPECT_EQ(0, result(&self->ring, 1));
	EXPECT_EQ(0, recv(self->fd[B], &byte, 1, 0));
	net_send_all(self->fd[B], 10, 0);
	net_recv_all(self->fd[A], 10, 0);

	sqe = entry(&self->ring);
	io_uring_prep_close(sqe, self->fd[B]);
	submit(&self->ring, sqe, 2);
	EXPECT_EQ(0, result(&self->ring, 2));
	EXPECT_EQ(EBADF, net_err(send(self->fd[B], &byte, 1, 0)));
	EXPECT_EQ(0, recv(self->fd[A], &byte, 1, 0));
	EXPECT_TRUE(net_until(!net_count(&self->net, B, TCP_LAST_ACK)));
}

/*
 * ---- Bytes ----
 */

TEST_F(uring, recv)
{
	struct done done;
	char buf[1000];

	if (!has(self->probe, IORING_OP_RECV))
		SKIP(return, "no IORING_OP_RECV");
	submit_recv(&self->ring, self->fd[B], buf, sizeof(buf), MSG_DONTWAIT,
		    1);
	EXPECT_EQ(-EAGAIN, result(&self->ring, 1));
	submit_recv(&self->ring, self->fd[B], buf, sizeof(buf), 0, 1);
	EXPECT_TRUE(pending(&self->ring));
	net_send_all(self->fd[A], 100, 0);
	EXPECT_EQ(100, result(&self->ring, 1));
	EXPECT_TRUE(net_pattern_ok(buf, 100, 0));

	/* All of it, whose parts come one by one. */
	submit_recv(&self->ring, self->fd[B], buf, 1000, MSG_WAITALL, 2);
	net_send_all(self->fd[A], 400, 100);
	net_quiet();
	EXPECT_TRUE(pending(&self->ring));
	net_send_all(self->fd[A], 700, 500);
	done = completion(&self->ring);
	EXPECT_EQ(1000, done.res);
	EXPECT_TRUE(net_pattern_ok(buf, 1000, 100));
	/* There is more to be had, and then there is not. */
	EXPECT_TRUE(done.flags & IORING_CQE_F_SOCK_NONEMPTY);
	submit_recv(&self->ring, self->fd[B], buf, 100, 0, 3);
	done = completion(&self->ring);
	EXPECT_EQ(100, done.res);
	EXPECT_FALSE(done.flags & IORING_CQE_F_SOCK_NONEMPTY);

	submit_recv(&self->ring, self->fd[B], buf, 100, 0, 4);
	EXPECT_TRUE(pending(&self->ring));
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_EQ(0, result(&self->ring, 4));
}

TEST_F(uring, recv_reset)
{
	struct linger linger = { .l_onoff = 1 };
	char buf[100];

	if (!has(self->probe, IORING_OP_RECV))
		SKIP(return, "no IORING_OP_RECV");
	submit_recv(&self->ring, self->fd[B], buf, sizeof(buf), 0, 1);
	ASSERT_EQ(0, setsockopt(self->fd[A], SOL_SOCKET, SO_LINGER, &linger,
				sizeof(linger)));
	close(self->fd[A]);
	EXPECT_EQ(-ECONNRESET, result(&self->ring, 1));
}

TEST_F(uring, send)
{
	size_t sum;

	if (!has(self->probe, IORING_OP_SEND))
		SKIP(return, "no IORING_OP_SEND");
	submit_send(&self->ring, self->fd[A], self->buf, 1000, 0, 1);
	EXPECT_EQ(1000, result(&self->ring, 1));
	net_recv_all(self->fd[B], 1000, 0);

	/* Not before there is room; and then all of it, if so wanted. */
	sum = net_fill(self->fd[A], 0);
	submit_send(&self->ring, self->fd[A], self->buf, self->size,
		    MSG_WAITALL, 2);
	EXPECT_TRUE(pending(&self->ring));
	net_recv_all(self->fd[B], sum, 0);
	net_recv_all(self->fd[B], self->size, 0);
	EXPECT_EQ((int)self->size, result(&self->ring, 2));

	/* No signal: only the error. */
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	submit_send(&self->ring, self->fd[A], self->buf, 1000, 0, 3);
	EXPECT_EQ(-EPIPE, result(&self->ring, 3));
}

TEST_F(uring, messages)
{
	struct iovec out[2], in[2];
	struct msghdr msg = { .msg_iov = out, .msg_iovlen = 2 };
	struct msghdr got = { .msg_iov = in, .msg_iovlen = 2 };
	struct io_uring_sqe *sqe;
	char buf[1000];

	if (!has(self->probe, IORING_OP_RECVMSG))
		SKIP(return, "no IORING_OP_RECVMSG");
	out[0] = (struct iovec){ self->buf, 300 };
	out[1] = (struct iovec){ self->buf + 300, 500 };
	in[0] = (struct iovec){ buf, 700 };
	in[1] = (struct iovec){ buf + 700, 300 };

	sqe = entry(&self->ring);
	io_uring_prep_recvmsg(sqe, self->fd[B], &got, 0);
	submit(&self->ring, sqe, 1);
	EXPECT_TRUE(pending(&self->ring));
	sqe = entry(&self->ring);
	io_uring_prep_sendmsg(sqe, self->fd[A], &msg, 0);
	submit(&self->ring, sqe, 2);
	EXPECT_TRUE(net_until(io_uring_cq_ready(&self->ring) == 2));
	EXPECT_EQ(800, completion(&self->ring).res);
	EXPECT_EQ(800, completion(&self->ring).res);
	EXPECT_TRUE(net_pattern_ok(buf, 800, 0));
}

/* Buffers that the ring may choose from. */
static struct io_uring_buf_ring *give_buffers(struct io_uring *ring,
					      char *bytes)
{
	struct io_uring_buf_reg reg = {
		.ring_entries = BUFFERS,
		.bgid = GROUP,
	};
	struct io_uring_buf_ring *buffers;
	int i;

	buffers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffers == MAP_FAILED)
		net_fatal("mmap");
	reg.ring_addr = (uintptr_t)buffers;
	if (io_uring_register_buf_ring(ring, &reg, 0))
		return NULL;
	io_uring_buf_ring_init(buffers);
	for (i = 0; i < BUFFERS; i++)
		io_uring_buf_ring_add(buffers, bytes + i * BUFFER_SIZE,
				      BUFFER_SIZE, i, BUFFERS - 1, i);
	io_uring_buf_ring_advance(buffers, BUFFERS);
	return buffers;
}

/* One entry, and a buffer of the ring's for whatever comes. */
static void submit_recv_multishot(struct io_uring *ring, int fd, uint64_t tag)
{
	struct io_uring_sqe *sqe = entry(ring);

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
	submit(ring, sqe, tag);
}

TEST_F(uring, recv_multishot)
{
	struct io_uring_buf_ring *buffers;
	char bytes[BUFFERS * BUFFER_SIZE];
	struct done done;
	int i, which;

	if (!has(self->probe, IORING_OP_RECV))
		SKIP(return, "no IORING_OP_RECV");
	buffers = give_buffers(&self->ring, bytes);
	if (!buffers)
		SKIP(return, "this kernel has no rings of buffers");
	submit_recv_multishot(&self->ring, self->fd[B], 1);
	if (!pending(&self->ring) && result(&self->ring, 1) == -EINVAL)
		SKIP(return, "this kernel has no multishot recv");
	for (i = 0; i < BUFFERS; i++) {
		net_send_all(self->fd[A], 100, i);
		done = completion(&self->ring);
		ASSERT_EQ(100, done.res);
		EXPECT_TRUE(done.flags & IORING_CQE_F_MORE);
		ASSERT_TRUE(done.flags & IORING_CQE_F_BUFFER);
		which = done.flags >> IORING_CQE_BUFFER_SHIFT;
		EXPECT_TRUE(net_pattern_ok(bytes + which * BUFFER_SIZE, 100,
					   i));
	}
	/* They are all used; what comes now stays where it is. */
	net_send_all(self->fd[A], 100, 0);
	done = completion(&self->ring);
	EXPECT_EQ(-ENOBUFS, done.res);
	EXPECT_FALSE(done.flags & IORING_CQE_F_MORE);

	for (i = 0; i < 2; i++)
		io_uring_buf_ring_add(buffers, bytes + i * BUFFER_SIZE,
				      BUFFER_SIZE, i, BUFFERS - 1, i);
	io_uring_buf_ring_advance(buffers, 2);
	submit_recv_multishot(&self->ring, self->fd[B], 2);
	done = completion(&self->ring);
	EXPECT_EQ(100, done.res);
	EXPECT_TRUE(done.flags & IORING_CQE_F_MORE);
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	done = completion(&self->ring);
	EXPECT_EQ(0, done.res);
	EXPECT_FALSE(done.flags & IORING_CQE_F_MORE);
}

TEST_F(uring, splice)
{
	struct io_uring_sqe *sqe;
	char buf[1000];
	int pipe[2];

	if (!has(self->probe, IORING_OP_SPLICE))
		SKIP(return, "no IORING_OP_SPLICE");
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	/* Out of a socket, when something comes. */
	sqe = entry(&self->ring);
	io_uring_prep_splice(sqe, self->fd[B], -1, pipe[1], -1, 1000, 0);
	submit(&self->ring, sqe, 1);
	EXPECT_TRUE(pending(&self->ring));
	net_send_all(self->fd[A], 1000, 0);
	EXPECT_EQ(1000, result(&self->ring, 1));
	/* And into one. */
	sqe = entry(&self->ring);
	io_uring_prep_splice(sqe, pipe[0], -1, self->fd[B], -1, 1000, 0);
	submit(&self->ring, sqe, 2);
	EXPECT_EQ(1000, result(&self->ring, 2));
	ASSERT_EQ(1000, recv(self->fd[A], buf, 1000, MSG_WAITALL));
	EXPECT_TRUE(net_pattern_ok(buf, 1000, 0));
}

/*
 * ---- Without a copy ----
 *
 * A send has two completions: how it ended; and, once nothing refers to its
 * pages any more, a notification.
 */

static void submit_zc(struct io_uring *ring, int fd, const void *buf,
		      size_t len, bool fixed)
{
	struct io_uring_sqe *sqe = entry(ring);

	if (fixed)
		io_uring_prep_send_zc_fixed(sqe, fd, buf, len, MSG_WAITALL,
					    0, 0);
	else
		io_uring_prep_send_zc(sqe, fd, buf, len, MSG_WAITALL, 0);
	submit(ring, sqe, 1);
}

/* The first completion; the other is still to come. */
static int sent(struct io_uring *ring)
{
	struct done done = completion(ring);

	if ((done.flags & (IORING_CQE_F_NOTIF | IORING_CQE_F_MORE)) !=
	    IORING_CQE_F_MORE)
		net_fatal("result %d: not the first of two", done.res);
	return done.res;
}

static int notified(struct io_uring *ring)
{
	struct done done = completion(ring);

	if ((done.flags & (IORING_CQE_F_NOTIF | IORING_CQE_F_MORE)) !=
	    IORING_CQE_F_NOTIF)
		net_fatal("result %d: not a notification", done.res);
	return done.res;
}

/* Buffers that the ring knows beforehand: all of the test's. */
static void register_buffer(struct io_uring *ring, void *buf, size_t size)
{
	struct iovec iov = { buf, size };

	if (io_uring_register_buffers(ring, &iov, 1))
		net_fatal("io_uring_register_buffers");
}

TEST_F(uring, send_zc)
{
	int fixed, i;

	if (!has(self->probe, IORING_OP_SEND_ZC))
		SKIP(return, "no IORING_OP_SEND_ZC");
	register_buffer(&self->ring, self->buf, self->size);
	for (fixed = 0; fixed < 2; fixed++) {
		for (i = 0; i < 3; i++) {
			submit_zc(&self->ring, self->fd[A], self->buf + i,
				  3000, fixed);
			ASSERT_EQ(3000, sent(&self->ring));
			net_recv_all(self->fd[B], 3000, i);
			EXPECT_EQ(0, notified(&self->ring));
		}
	}
	/* The accepted end, too. */
	submit_zc(&self->ring, self->fd[B], self->buf, 3000, false);
	ASSERT_EQ(3000, sent(&self->ring));
	net_recv_all(self->fd[A], 3000, 0);
	EXPECT_EQ(0, notified(&self->ring));
}

/* Until it is acknowledged it is the user's page that is sent again. */
static void zc_lost(const struct net *net, struct io_uring *ring,
		    const int fd[2], char *buf, bool fixed)
{
	net_pattern(buf, 5000, 0);
	net_cut(net, A);
	submit_zc(ring, fd[A], buf, 5000, fixed);
	if (sent(ring) != 5000)
		net_fatal("send_zc");
	net_quiet();
	if (!pending(ring))
		net_fatal("notified too early");
	net_pattern(buf, 5000, 1234);
	net_mend(net, A);
	net_recv_all(fd[B], 5000, 1234);
	notified(ring);
}

TEST_F(uring, send_zc_lost)
{
	if (!has(self->probe, IORING_OP_SEND_ZC))
		SKIP(return, "no IORING_OP_SEND_ZC");
	register_buffer(&self->ring, self->buf, self->size);
	zc_lost(&self->net, &self->ring, self->fd, self->buf, false);
	zc_lost(&self->net, &self->ring, self->fd, self->buf, true);
}

/* More than the buffers hold; without GSO it is cut on the way. */
TEST_F(uring, send_zc_large)
{
	int i;

	if (!has(self->probe, IORING_OP_SEND_ZC))
		SKIP(return, "no IORING_OP_SEND_ZC");
	register_buffer(&self->ring, self->buf, self->size);
	for (i = 0; i < 4; i++) {
		net_gso(&self->net, A, i < 2);
		submit_zc(&self->ring, self->fd[A], self->buf + i,
			  self->size - i, i % 2);
		net_recv_all(self->fd[B], self->size - i, i);
		EXPECT_EQ((int)self->size - i, sent(&self->ring));
		notified(&self->ring);
	}
}

/*
 * A segment whose pages are the ring's to hold, and behind them others: a copy,
 * a file's, and the user's.  They wait in one segment, as the peer's window is
 * shut and there is room here.  The file can be sealed only when nobody else
 * has its pages any more.
 */
TEST_F(uring, send_zc_mixed)
{
	int file = memfd_create("uring", MFD_ALLOW_SEALING);
	off_t from = 100;
	size_t sum;

	if (!has(self->probe, IORING_OP_SEND_ZC))
		SKIP(return, "no IORING_OP_SEND_ZC");
	register_buffer(&self->ring, self->buf, self->size);
	ASSERT_EQ(2000, write(file, self->buf, 2000));
	sum = net_fill(self->fd[A], 0);
	net_setopt(self->fd[A], SOL_SOCKET, SO_SNDBUFFORCE, 16 << 20);
	ASSERT_EQ(1, send(self->fd[A], self->buf, 1, MSG_EOR));

	submit_zc(&self->ring, self->fd[A], self->buf, 1000, true);
	ASSERT_EQ(1000, sent(&self->ring));
	ASSERT_EQ(100, send(self->fd[A], self->buf + 1000, 100, 0));
	submit_zc(&self->ring, self->fd[A], self->buf + 1100, 1000, true);
	ASSERT_EQ(1000, sent(&self->ring));
	ASSERT_EQ(1000, sendfile(self->fd[A], file, &from, 1000));
	submit_zc(&self->ring, self->fd[A], self->buf + 1100, 1000, false);
	ASSERT_EQ(1000, sent(&self->ring));

	net_recv_all(self->fd[B], sum, 0);
	net_recv_all(self->fd[B], 1, 0);
	net_recv_all(self->fd[B], 2100, 0);
	net_recv_all(self->fd[B], 1000, 100);
	net_recv_all(self->fd[B], 1000, 1100);
	notified(&self->ring);
	notified(&self->ring);
	notified(&self->ring);
	if (!net_is_inet())
		EXPECT_TRUE(net_until(!fcntl(file, F_ADD_SEALS, F_SEAL_WRITE)));
}

/* A connection that ends has no use for the pages. */
TEST_F(uring, send_zc_reset)
{
	if (!has(self->probe, IORING_OP_SEND_ZC))
		SKIP(return, "no IORING_OP_SEND_ZC");
	net_cut(&self->net, A);
	submit_zc(&self->ring, self->fd[A], self->buf, 5 * PAGE, false);
	ASSERT_EQ(5 * PAGE, sent(&self->ring));
	EXPECT_TRUE(pending(&self->ring));
	net_mend(&self->net, A);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLIN));
	close(self->fd[B]);
	/* POLLERR may be a moment earlier. */
	ASSERT_TRUE(net_until(net_poll(self->fd[A], 0, 0) & POLLHUP));
	notified(&self->ring);
	/* The error, then none but that it is over. */
	EXPECT_NE(0, net_so_error(self->fd[A]));
	submit_zc(&self->ring, self->fd[A], self->buf, PAGE, false);
	EXPECT_EQ(-EPIPE, sent(&self->ring));
	notified(&self->ring);
}

/* And one whose user has gone still has. */
TEST_F(uring, send_zc_closed)
{
	if (!has(self->probe, IORING_OP_SEND_ZC))
		SKIP(return, "no IORING_OP_SEND_ZC");
	net_cut(&self->net, A);
	submit_zc(&self->ring, self->fd[A], self->buf, 5 * PAGE, false);
	ASSERT_EQ(5 * PAGE, sent(&self->ring));
	close(self->fd[A]);
	net_quiet();
	EXPECT_TRUE(pending(&self->ring));
	net_mend(&self->net, A);
	EXPECT_EQ(5 * PAGE, net_drain(self->fd[B], 0));
	notified(&self->ring);
}

TEST_F(uring, sendmsg_zc)
{
	struct iovec iov[2] = {
		{ self->buf, 3000 },
		{ self->buf + 3000, 5 * PAGE },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct io_uring_sqe *sqe;

	if (!has(self->probe, IORING_OP_SENDMSG_ZC))
		SKIP(return, "no IORING_OP_SENDMSG_ZC");
	sqe = entry(&self->ring);
	io_uring_prep_sendmsg_zc(sqe, self->fd[A], &msg, 0);
	submit(&self->ring, sqe, 1);
	EXPECT_EQ(3000 + 5 * PAGE, sent(&self->ring));
	net_recv_all(self->fd[B], 3000 + 5 * PAGE, 0);
	notified(&self->ring);
}

/*
 * ---- Events ----
 */

TEST_F(uring, poll)
{
	struct io_uring_sqe *sqe;

	if (!has(self->probe, IORING_OP_POLL_ADD))
		SKIP(return, "no IORING_OP_POLL_ADD");
	sqe = entry(&self->ring);
	io_uring_prep_poll_add(sqe, self->fd[B], POLLIN);
	submit(&self->ring, sqe, 1);
	EXPECT_TRUE(pending(&self->ring));
	net_send_all(self->fd[A], 1, 0);
	EXPECT_EQ(POLLIN, result(&self->ring, 1));
	net_recv_all(self->fd[B], 1, 0);
	/* It is already so. */
	sqe = entry(&self->ring);
	io_uring_prep_poll_add(sqe, self->fd[B], POLLOUT);
	submit(&self->ring, sqe, 2);
	EXPECT_EQ(POLLOUT, result(&self->ring, 2));
	/* That the peer has gone is told unasked. */
	sqe = entry(&self->ring);
	io_uring_prep_poll_add(sqe, self->fd[B], 0);
	submit(&self->ring, sqe, 3);
	EXPECT_TRUE(pending(&self->ring));
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_WR));
	close(self->fd[A]);
	EXPECT_TRUE(result(&self->ring, 3) & POLLHUP);
}

TEST_F(uring, poll_multishot)
{
	struct io_uring_sqe *sqe;
	struct done done;
	int i;

	if (!has(self->probe, IORING_OP_POLL_ADD))
		SKIP(return, "no IORING_OP_POLL_ADD");
	sqe = entry(&self->ring);
	io_uring_prep_poll_multishot(sqe, self->fd[B], POLLIN | POLLRDHUP);
	submit(&self->ring, sqe, 1);
	if (!pending(&self->ring) && result(&self->ring, 1) == -EINVAL)
		SKIP(return, "this kernel has no multishot poll");
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(pending(&self->ring));
		net_send_all(self->fd[A], 10, i);
		done = completion(&self->ring);
		EXPECT_EQ(POLLIN, done.res);
		EXPECT_TRUE(done.flags & IORING_CQE_F_MORE);
		net_recv_all(self->fd[B], 10, i);
	}
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_EQ(POLLIN | POLLRDHUP, result(&self->ring, 1));
	EXPECT_TRUE(cancelled(&self->ring, 1));
}

/*
 * ---- What is given up ----
 */

TEST_F(uring, cancel)
{
	struct sockaddr_in nobody = net_addr(ADDR_NOBODY, 80);
	int listener = net_listen(&self->net, B, 6000, 4);
	int fd = net_socket(&self->net, A, 0);
	char buf[100];
	size_t sum;

	if (!has(self->probe, IORING_OP_ASYNC_CANCEL))
		SKIP(return, "no IORING_OP_ASYNC_CANCEL");
	submit_accept(&self->ring, listener, 10);
	EXPECT_TRUE(cancelled(&self->ring, 10));
	net_client(&self->net, A, ADDR_B, 6000);
	net_accept(listener);

	submit_recv(&self->ring, self->fd[B], buf, sizeof(buf), 0, 20);
	EXPECT_TRUE(cancelled(&self->ring, 20));
	net_send_all(self->fd[A], 100, 0);
	net_recv_all(self->fd[B], 100, 0);

	sum = net_fill(self->fd[A], 0);
	submit_send(&self->ring, self->fd[A], self->buf, 1000, 0, 30);
	EXPECT_TRUE(cancelled(&self->ring, 30));
	net_recv_all(self->fd[B], sum, 0);

	/* The connection goes on opening. */
	submit_connect(&self->ring, fd, &nobody, 40);
	EXPECT_TRUE(cancelled(&self->ring, 40));
	net_nonblock(fd, true);
	EXPECT_EQ(EALREADY, net_err(net_connect(fd, ADDR_NOBODY, 80)));
	EXPECT_TRUE(pending(&self->ring));
}

/* The entry before has so long; two completions, in any order. */
static void submit_with_timeout(struct io_uring *ring,
				struct io_uring_sqe *sqe, int ms)
{
	struct __kernel_timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000LL,
	};

	io_uring_sqe_set_data64(sqe, 1);
	sqe->flags |= IOSQE_IO_LINK;
	sqe = entry(ring);
	io_uring_prep_link_timeout(sqe, &ts, 0);
	submit(ring, sqe, 2);
}

static bool both_end(struct io_uring *ring, int res, int timeout)
{
	struct done done;
	int i, ok = 0;

	for (i = 0; i < 2; i++) {
		done = completion(ring);
		ok += done.res == (done.tag == 1 ? res : timeout);
	}
	return ok == 2;
}

TEST_F(uring, link_timeout)
{
	struct sockaddr_in nobody = net_addr(ADDR_NOBODY, 80);
	int listener = net_listen(&self->net, B, 6000, 4);
	int fd = net_socket(&self->net, A, 0);
	struct io_uring_sqe *sqe;
	char buf[100];

	if (!has(self->probe, IORING_OP_LINK_TIMEOUT))
		SKIP(return, "no IORING_OP_LINK_TIMEOUT");
	sqe = entry(&self->ring);
	io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
	submit_with_timeout(&self->ring, sqe, NET_QUIET_MS);
	EXPECT_TRUE(both_end(&self->ring, -ECANCELED, -ETIME));

	sqe = entry(&self->ring);
	io_uring_prep_connect(sqe, fd, (struct sockaddr *)&nobody,
			      sizeof(nobody));
	submit_with_timeout(&self->ring, sqe, NET_QUIET_MS);
	EXPECT_TRUE(both_end(&self->ring, -ECANCELED, -ETIME));

	sqe = entry(&self->ring);
	io_uring_prep_recv(sqe, self->fd[B], buf, sizeof(buf), 0);
	submit_with_timeout(&self->ring, sqe, NET_QUIET_MS);
	EXPECT_TRUE(both_end(&self->ring, -ECANCELED, -ETIME));

	/* In time. */
	sqe = entry(&self->ring);
	io_uring_prep_recv(sqe, self->fd[B], buf, sizeof(buf), 0);
	submit_with_timeout(&self->ring, sqe, NET_DEADLINE_MS);
	EXPECT_TRUE(pending(&self->ring));
	net_send_all(self->fd[A], 100, 0);
	EXPECT_TRUE(both_end(&self->ring, 100, -ECANCELED));
}

/* The ring holds the sockets that something waits for, until it ends. */
TEST_F(uring, ring_ends)
{
	int listener = net_listen(&self->net, B, 6000, 4);
	struct io_uring ring;
	char buf[100];

	if (!has(self->probe, IORING_OP_RECV))
		SKIP(return, "no IORING_OP_RECV");
	ASSERT_EQ(0, io_uring_queue_init(8, &ring, 0));
	submit_recv(&ring, self->fd[B], buf, sizeof(buf), 0, 1);
	submit_accept(&ring, listener, 2);
	close(self->fd[B]);
	close(listener);
	EXPECT_EQ(0, net_poll(self->fd[A], POLLIN, NET_QUIET_MS));
	EXPECT_EQ(1, net_count(&self->net, B, TCP_LISTEN));
	io_uring_queue_exit(&ring);
	EXPECT_EQ(0, recv(self->fd[A], buf, sizeof(buf), 0));
	EXPECT_TRUE(net_until(!net_count(&self->net, B, TCP_LISTEN)));
}

/* A thread of the kernel's takes the entries. */
TEST_F(uring, kernel_thread)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQPOLL,
		.sq_thread_idle = 10,
	};
	struct io_uring ring;
	char buf[100];
	int i;

	if (!has(self->probe, IORING_OP_RECV))
		SKIP(return, "no IORING_OP_RECV");
	ASSERT_EQ(0, io_uring_queue_init_params(8, &ring, &params));
	for (i = 0; i < 3; i++) {
		submit_recv(&ring, self->fd[B], buf, sizeof(buf), 0, 1);
		net_quiet();
		EXPECT_TRUE(pending(&ring));
		net_send_all(self->fd[A], 100, i);
		EXPECT_EQ(100, result(&ring, 1));
		EXPECT_TRUE(net_pattern_ok(buf, 100, i));
		submit_send(&ring, self->fd[B], self->buf, 100, 0, 2);
		EXPECT_EQ(100, result(&ring, 2));
		net_recv_all(self->fd[A], 100, 0);
	}
	io_uring_queue_exit(&ring);
}

/*
 * ---- Datagrams ----
 */

static int datagrams(const struct net *net, enum host host)
{
	int fd;

	net_enter(net, host);
	fd = socket(net_family, SOCK_DGRAM, 0);
	if (fd < 0 || net_bind(fd, host == A ? ADDR_A : ADDR_B, 6000))
		net_fatal("socket or bind");
	return fd;
}

TEST_F(uring, datagrams)
{
	int fd[2] = { datagrams(&self->net, A), datagrams(&self->net, B) };
	struct sockaddr_in to = net_addr(ADDR_B, 6000), from = {};
	struct iovec out = { self->buf, 1000 }, in;
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &out,
		.msg_iovlen = 1,
	};
	struct msghdr got = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &in,
		.msg_iovlen = 1,
	};
	struct io_uring_sqe *sqe;
	char buf[500];
	int res;

	if (!has(self->probe, IORING_OP_RECVMSG))
		SKIP(return, "no IORING_OP_RECVMSG");
	in = (struct iovec){ buf, sizeof(buf) };
	sqe = entry(&self->ring);
	io_uring_prep_recvmsg(sqe, fd[B], &got, MSG_TRUNC);
	submit(&self->ring, sqe, 1);
	EXPECT_TRUE(pending(&self->ring));
	sqe = entry(&self->ring);
	io_uring_prep_sendmsg(sqe, fd[A], &msg, 0);
	submit(&self->ring, sqe, 1);
	res = result(&self->ring, 1);
	EXPECT_EQ(1000, res);
	res = result(&self->ring, 1);
	EXPECT_EQ(1000, res);
	EXPECT_TRUE(net_pattern_ok(buf, sizeof(buf), 0));
	EXPECT_EQ(net_family, from.sin_family);
	EXPECT_EQ(6000, ntohs(from.sin_port));
}

/* To a receiver in the same machine all is copied, sooner or later. */
TEST_F(uring, datagram_zc)
{
	int fd[2] = { datagrams(&self->net, A), datagrams(&self->net, B) };
	struct sockaddr_in to = net_addr(ADDR_B, 6000);
	struct io_uring_sqe *sqe;
	char buf[1000];

	if (!has(self->probe, IORING_OP_SEND_ZC))
		SKIP(return, "no IORING_OP_SEND_ZC");
	sqe = entry(&self->ring);
	io_uring_prep_send_zc(sqe, fd[A], self->buf, sizeof(buf), 0,
			      IORING_SEND_ZC_REPORT_USAGE);
	io_uring_prep_send_set_addr(sqe, (struct sockaddr *)&to, sizeof(to));
	submit(&self->ring, sqe, 1);
	ASSERT_EQ((int)sizeof(buf), sent(&self->ring));
	ASSERT_EQ((int)sizeof(buf), recv(fd[B], buf, sizeof(buf), 0));
	EXPECT_TRUE(net_pattern_ok(buf, sizeof(buf), 0));
	EXPECT_EQ((int)IORING_NOTIF_USAGE_ZC_COPIED, notified(&self->ring));
}

TEST_HARNESS_MAIN
