// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of a connection when the kernel has no memory for it.
 *
 * The kernel's fault injection (Documentation/fault-injection) refuses what is
 * asked for: each allocation in turn that a connection's system calls make; and
 * then one of a hundred of those that cannot wait, as interrupts and timers
 * make them.  Slower is fine, wrong is not.  Kernels without fault injection
 * skip this; the debug kernel has it.
 */
#include <fcntl.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "kselftest_harness.h"

#include "net.h"

#define DEBUG		"/sys/kernel/debug"
#define FAILSLAB	DEBUG "/failslab/"
#define WITHOUT		"this kernel has no fault injection"
#define TRIES_MAX	2000
#define REFUSALS	1000000

FIXTURE(failslab) {
	struct net net;
	bool usable;
};

static bool put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	ssize_t len = strlen(value);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, value, len) == len;
	close(fd);
	return done;
}

static long get(const char *path)
{
	char line[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
		net_fatal("%s", path);
	close(fd);
	return atol(line);
}

static void set(const char *attribute, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), FAILSLAB "%s", attribute);
	if (!put(path, value))
		net_fatal("%s", path);
}

FIXTURE_SETUP(failslab)
{
	net_init(&self->net);
	if (access(FAILSLAB, F_OK))
		mount("debugfs", DEBUG, "debugfs", 0, NULL);
	self->usable = !access(FAILSLAB, F_OK);
	if (!self->usable)
		return;
	set("probability", "0");
	set("verbose", "0");
	set("task-filter", "N");
	set("ignore-gfp-wait", "N");
}

FIXTURE_TEARDOWN(failslab)
{
	if (self->usable) {
		set("probability", "0");
		set("ignore-gfp-wait", "Y");
	}
	net_exit(&self->net);
}

/* ---- Each in turn ---- */

/* Refuse this task's @nth allocation from now on; 0 ends it. */
static void refuse(int fail_nth, long nth)
{
	char value[16];
	int len = snprintf(value, sizeof(value), "%ld", nth);

	if (write(fail_nth, value, len) != len)
		net_fatal("fail-nth");
}

/* Has it been asked for? */
static bool was_refused(int fail_nth)
{
	char value[16] = "";

	if (pread(fail_nth, value, sizeof(value) - 1, 0) < 0)
		net_fatal("fail-nth");
	return !atol(value);
}

/* What two programs do; false, and errno, at the first call that fails. */
static bool talk(int listener, int fd[2])
{
	struct sockaddr_in peer = net_addr(ADDR_B, NET_PORT);
	char buf[3000] = "";

	fd[A] = socket(net_family, SOCK_STREAM, 0);
	if (fd[A] < 0 || net_bind(fd[A], ADDR_A, 0) ||
	    connect(fd[A], (struct sockaddr *)&peer, sizeof(peer)))
		return false;
	fd[B] = accept(listener, NULL, NULL);
	return fd[B] >= 0 &&
	       send(fd[A], buf, sizeof(buf), 0) == sizeof(buf) &&
	       recv(fd[B], buf, sizeof(buf), MSG_WAITALL) == sizeof(buf) &&
	       send(fd[B], buf, 1000, 0) == 1000 &&
	       recv(fd[A], buf, 1000, MSG_WAITALL) == 1000 &&
	       !shutdown(fd[A], SHUT_WR) && !recv(fd[B], buf, 1, 0);
}

/* As socket(2), accept(2), connect(2) and send(2) name a lack of memory. */
static bool says_no_memory(int err)
{
	return err == ENOMEM || err == ENOBUFS || err == ENFILE;
}

static void hang_up(int listener, int fd[2])
{
	int left;

	net_nonblock(listener, true);
	while ((left = accept(listener, NULL, NULL)) >= 0)
		close(left);
	net_nonblock(listener, false);
	if (fd[A] >= 0)
		close(fd[A]);
	if (fd[B] >= 0)
		close(fd[B]);
}

TEST_F_TIMEOUT(failslab, each_in_turn, 900)
{
	int fd[2], listener, fail_nth, refused = 0, err;
	bool done, used = true;
	long nth;

	if (!self->usable)
		SKIP(return, WITHOUT);
	listener = net_listen(&self->net, B, NET_PORT, 4);
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	ASSERT_LE(0, fail_nth);
	net_enter(&self->net, A);
	for (nth = 1; used && nth < TRIES_MAX; nth++) {
		fd[A] = -1;
		fd[B] = -1;
		refuse(fail_nth, nth);
		done = talk(listener, fd);
		err = errno;
		used = was_refused(fail_nth);
		refuse(fail_nth, 0);
		refused += !done;
		EXPECT_TRUE(done || says_no_memory(err)) {
			TH_LOG("allocation %ld: %s", nth, strerror(err));
		}
		EXPECT_TRUE(done || used);
		hang_up(listener, fd);

		/* It was for once: the next one has all it wants. */
		EXPECT_TRUE(talk(listener, fd));
		hang_up(listener, fd);
	}
	TH_LOG("%ld allocations, of which %d made a call fail", nth - 1,
	       refused);
	EXPECT_LT(nth, TRIES_MAX);
	EXPECT_LT(0, refused);
}

/* A datagram in pieces, of which one may be lost for want of memory. */
static bool talk_in_pieces(int fd)
{
	static char buf[20000];

	return send(fd, buf, 1000, MSG_MORE) == 1000 &&
	       send(fd, buf, sizeof(buf), MSG_MORE) == sizeof(buf) &&
	       send(fd, buf, 1000, 0) == 1000;
}

TEST_F_TIMEOUT(failslab, each_of_a_datagram, 900)
{
	int server, fd, fail_nth, refused = 0, err;
	bool done, used = true;
	long nth;

	if (!self->usable)
		SKIP(return, WITHOUT);
	net_enter(&self->net, B);
	server = socket(net_family, SOCK_DGRAM, 0);
	ASSERT_EQ(0, net_bind(server, ADDR_B, NET_PORT));
	net_enter(&self->net, A);
	fd = socket(net_family, SOCK_DGRAM, 0);
	ASSERT_EQ(0, net_connect(fd, ADDR_B, NET_PORT));
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	ASSERT_LE(0, fail_nth);
	for (nth = 1; used && nth < TRIES_MAX; nth++) {
		refuse(fail_nth, nth);
		done = talk_in_pieces(fd);
		err = errno;
		used = was_refused(fail_nth);
		refuse(fail_nth, 0);
		refused += !done;
		EXPECT_TRUE(done || used);
		EXPECT_TRUE(done || says_no_memory(err)) {
			TH_LOG("allocation %ld: %s", nth, strerror(err));
		}
		/* Nothing is left of it, and the next one has what it wants. */
		setsockopt(fd, SOL_UDP, UDP_CORK, &(int) { 0 }, sizeof(int));
		EXPECT_TRUE(net_until(!net_ioctl(fd, TIOCOUTQ)));
		EXPECT_TRUE(talk_in_pieces(fd));
		EXPECT_TRUE(net_until(!net_ioctl(fd, TIOCOUTQ)));
	}
	TH_LOG("%ld allocations, of which %d made a call fail", nth - 1,
	       refused);
	EXPECT_LT(nth, TRIES_MAX);
	EXPECT_LT(0, refused);
}

/* ---- One of a hundred ---- */

/* As net_pair(), by somebody who does not give up. */
static void pair(struct net *net, int listener, int fd[2])
{
	int err;

	for (;;) {
		fd[A] = net_socket(net, A, 0);
		err = net_err(net_connect(fd[A], ADDR_B, NET_PORT));
		if (!says_no_memory(err))
			break;
		close(fd[A]);
	}
	if (err)
		net_fatal("connect");
	fd[B] = net_accept(listener);
}

TEST_F_TIMEOUT(failslab, one_of_a_hundred, 900)
{
	const size_t len = net_env("FAILSLAB_KIB", 256) << 10;
	int fd[2], listener, i, from;
	struct net_call call[2];
	char times[16];

	if (!self->usable)
		SKIP(return, WITHOUT);
	listener = net_listen(&self->net, B, NET_PORT, 4);
	snprintf(times, sizeof(times), "%d", REFUSALS);
	set("ignore-gfp-wait", "Y");
	set("times", times);
	set("interval", "1");
	set("probability", "1");
	for (i = 0; i < 8; i++) {
		pair(&self->net, listener, fd);
		for (from = A; from <= B; from++) {
			call[from] = (struct net_call) {
				.fn = net_call_send,
				.fd = fd[from],
				.buf = malloc(len),
				.len = len,
			};
			net_pattern(call[from].buf, len, 0);
			net_call(&call[from]);
		}
		net_recv_all(fd[B], len, 0);
		net_recv_all(fd[A], len, 0);
		for (from = A; from <= B; from++) {
			EXPECT_EQ((long)len, net_call_end(&call[from]));
			free(call[from].buf);
			close(fd[from]);
		}
	}
	set("probability", "0");
	TH_LOG("%ld allocations were refused",
	       REFUSALS - get(FAILSLAB "times"));
	EXPECT_GT(REFUSALS, get(FAILSLAB "times"));
}

TEST_HARNESS_MAIN
