// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading: refused while a socket is open, and clean when the
 * last one is closed, whatever its connection is still doing.
 *
 * TEACH_MODULE is the module's file.  TEACH_ROUNDS says how often it is
 * loaded, used and unloaded: ten times, and five on a debug kernel, unless
 * told.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "net.h"

#define ROUNDS_TIMEOUT	1800
#define CONNECTIONS	100

/* What may be elsewhere when memory is counted before and after. */
#define SLACK_KIB	8192

static int unload(void)
{
	/* It uses teach.ko, and may be there since another test. */
	net_unload("teach_reno");
	return net_unload("teach");
}

/*
 * When all sockets are closed.  After the first connections the kernel's
 * get_random_once() holds the module for a moment.
 */
static int unload_soon(void)
{
	int err;

	net_until((err = unload()) != EWOULDBLOCK);
	return err;
}

FIXTURE(module) {
	struct net net;
	bool usable;
};

FIXTURE_SETUP(module)
{
	const char *family = getenv("TEACH_FAMILY");

	if (family && !strcmp(family, "inet"))
		SKIP(return, "the kernel's TCP is no module");
	if (!getenv("TEACH_MODULE"))
		SKIP(return, "TEACH_MODULE does not say where it is");
	if (!net_loaded("teach") && net_load("teach"))
		net_fatal("load");
	net_init(&self->net);
	self->usable = true;
}

/* The tests that come after this one want it. */
FIXTURE_TEARDOWN(module)
{
	if (!self->usable)
		return;
	net_exit(&self->net);
	if (!net_loaded("teach") && net_load("teach"))
		net_fatal("load");
}

/* A line of /proc/slabinfo or a directory in /sys/kernel/slab. */
static bool has_slabs(void)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	char line[512];
	bool found = false;

	if (!file)
		net_fatal("/proc/slabinfo");
	while (!found && fgets(line, sizeof(line), file))
		found = !strncasecmp(line, "teach", 5);
	fclose(file);
	return found;
}

/* What the kernel holds and cannot give back, in KiB. */
static long held(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	if (!file)
		net_fatal("/proc/meminfo");
	while (kib < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "SUnreclaim: %ld", &kib) != 1)
			kib = -1;
	fclose(file);
	return kib;
}

/* All that shows that it is loaded is gone. */
static void expect_gone(struct __test_metadata *_metadata)
{
	EXPECT_FALSE(net_loaded("teach"));
	EXPECT_EQ(EAFNOSUPPORT, net_err(socket(AF_TEACH, SOCK_STREAM, 0)));
	EXPECT_NE(0, access("/proc/thread-self/net/teach", F_OK));
	EXPECT_NE(0, access("/proc/sys/net/teach", F_OK));
	EXPECT_NE(0, access("/sys/kernel/tracing/events/teach", F_OK));
	EXPECT_FALSE(has_slabs());
}

TEST_F(module, unload_and_load)
{
	EXPECT_EQ(EEXIST, net_load("teach"));
	EXPECT_EQ(0, unload_soon());
	expect_gone(_metadata);
	EXPECT_EQ(ENOENT, unload());
	EXPECT_EQ(0, net_load("teach"));
	EXPECT_EQ(0, access("/proc/thread-self/net/teach/sockets", F_OK));
}

/* The cards go with it. */
TEST_F(module, takes_the_cards)
{
	EXPECT_EQ(0, unload_soon());
	net_enter(&self->net, A);
	EXPECT_NE(0, access("/proc/sys/net/ipv4/conf/" DEV_A, F_OK));
	net_enter(&self->net, B);
	EXPECT_NE(0, access("/proc/sys/net/ipv4/conf/" DEV_B, F_OK));
}

TEST_F(module, busy)
{
	int fresh, listener, fd, child;

	fresh = net_socket(&self->net, A, 0);
	EXPECT_EQ(EWOULDBLOCK, unload());
	listener = net_listen(&self->net, B, NET_PORT, 4);
	close(fresh);
	EXPECT_EQ(EWOULDBLOCK, unload());
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	child = net_accept(listener);
	close(listener);
	close(fd);
	EXPECT_EQ(EWOULDBLOCK, unload());
	/* What is left works as if nobody had tried. */
	net_send_all(child, 10, 0);
	EXPECT_EQ(0, net_drain(child, 0));
	close(child);
	EXPECT_EQ(0, unload_soon());
	expect_gone(_metadata);
}

static int dgram(const struct net *net, enum host host)
{
	int fd;

	net_enter(net, host);
	fd = socket(AF_TEACH, SOCK_DGRAM, 0);
	if (fd < 0)
		net_fatal("socket(AF_TEACH, SOCK_DGRAM, 0)");
	return fd;
}

/* Datagrams unread, and others that wait for an address below the socket. */
TEST_F(module, busy_with_datagrams)
{
	int server = dgram(&self->net, B);
	int client = dgram(&self->net, A);
	int i;

	EXPECT_EQ(EWOULDBLOCK, unload());
	ASSERT_EQ(0, net_bind(server, ADDR_B, NET_PORT));
	ASSERT_EQ(0, net_connect(client, ADDR_B, NET_PORT));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_TRUE(net_wait_poll(server, POLLIN));
	ASSERT_EQ(0, net_connect(client, ADDR_NOARP, NET_PORT));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	close(client);
	EXPECT_EQ(EWOULDBLOCK, unload());
	close(server);
	EXPECT_EQ(0, unload_soon());
	expect_gone(_metadata);
}

/* A socket on its way through another one holds the module, too. */
TEST_F(module, busy_in_flight)
{
	char space[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int unix_fd[2], fd;

	fd = net_socket(&self->net, A, 0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, unix_fd));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	ASSERT_EQ(1, sendmsg(unix_fd[0], &msg, 0));
	close(fd);
	EXPECT_EQ(EWOULDBLOCK, unload());
	close(unix_fd[0]);
	close(unix_fd[1]);
	EXPECT_TRUE(!unload_soon());
}

TEST_F(module, with_time_wait)
{
	int fd[2];

	net_pair(&self->net, fd);
	close(fd[A]);
	net_drain(fd[B], 0);
	close(fd[B]);
	ASSERT_TRUE(net_until(net_count(&self->net, A, TCP_TIME_WAIT) == 1));
	EXPECT_EQ(0, unload_soon());
	expect_gone(_metadata);
}

TEST_F(module, with_fin_wait2)
{
	int fd[2];

	net_pair(&self->net, fd);
	close(fd[A]);
	ASSERT_TRUE(net_until(net_count(&self->net, A, TCP_FIN_WAIT2) == 1));
	net_cut(&self->net, B);
	close(fd[B]);
	EXPECT_EQ(1, net_count(&self->net, B, TCP_LAST_ACK));
	EXPECT_EQ(0, unload_soon());
	expect_gone(_metadata);
}

/* Orphans with bytes that were never acknowledged. */
TEST_F(module, with_fin_wait1)
{
	int fd[2];

	net_pair(&self->net, fd);
	net_cut(&self->net, A);
	net_send_all(fd[A], 5000, 0);
	close(fd[A]);
	EXPECT_EQ(1, net_count(&self->net, A, TCP_FIN_WAIT1));
	net_fill_once(fd[B], 0);
	close(fd[B]);
	EXPECT_EQ(0, unload_soon());
	expect_gone(_metadata);
}

TEST_F(module, with_half_open)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	int fd = net_socket(&self->net, A, SOCK_NONBLOCK);

	net_cut(&self->net, B);
	net_connect(fd, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_until(net_count(&self->net, B, TCP_SYN_RECV) == 1));
	EXPECT_EQ(EWOULDBLOCK, unload());
	close(fd);
	EXPECT_EQ(EWOULDBLOCK, unload());
	close(listener);
	EXPECT_EQ(0, unload_soon());
	expect_gone(_metadata);
}

/* Segments on the cable when it goes. */
TEST_F(module, with_segments_under_way)
{
	int fd[2];

	if (!net_netem(&self->net, A, "delay 300ms"))
		SKIP(return, "no netem");
	net_pair(&self->net, fd);
	net_send_all(fd[A], 20000, 0);
	close(fd[A]);
	net_abort(fd[B]);
	EXPECT_EQ(0, unload_soon());
	expect_gone(_metadata);
}

/* Every kind of end there is, one after the other. */
static void use(struct net *net, int connections)
{
	int listener = net_listen(net, B, NET_PORT, 8);
	int i, fd, child;

	for (i = 0; i < connections; i++) {
		fd = net_client(net, A, ADDR_B, NET_PORT);
		child = net_accept(listener);
		net_send_all(fd, 100, 0);
		net_recv_all(child, 100, 0);
		switch (i % 4) {
		case 0:
			close(fd);
			close(child);
			break;
		case 1:
			close(child);
			close(fd);
			break;
		case 2:
			net_abort(fd);
			close(child);
			break;
		case 3:
			/* The server leaves this one unread. */
			net_send_all(fd, 1000, 0);
			close(child);
			close(fd);
			break;
		}
	}
	close(listener);
}

TEST_F_TIMEOUT(module, rounds, ROUNDS_TIMEOUT)
{
	long rounds = net_env("TEACH_ROUNDS", net_kasan() ? 5 : 10);
	long i, before = 0;

	for (i = 0; i < rounds; i++) {
		/* The first rounds fill caches that stay. */
		if (i == rounds / 5)
			before = held();
		use(&self->net, CONNECTIONS);
		ASSERT_EQ(0, unload_soon());
		ASSERT_FALSE(has_slabs());
		ASSERT_EQ(0, net_load("teach"));
		net_join(&self->net);
	}
	/* It keeps what was freed for a while, by the megabyte. */
	if (net_kasan())
		return;
	EXPECT_TRUE(net_until(held() < before + SLACK_KIB)) {
		TH_LOG("%ld KiB before, %ld KiB after %ld rounds", before,
		       held(), rounds);
	}
}

static bool stop;

static void *open_and_close(void *arg)
{
	struct net *net = arg;
	int fd;

	net_enter(net, A);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		fd = socket(AF_TEACH, SOCK_STREAM, 0);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* Whoever comes while it goes gets a socket or EAFNOSUPPORT. */
TEST_F(module, race_with_socket)
{
	int times = net_kasan() ? 5 : 20;
	int i, unloaded = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, open_and_close,
				    &self->net));
	for (i = 0; i < times; i++) {
		if (unload())
			continue;
		unloaded++;
		EXPECT_EQ(0, net_load("teach"));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("unloaded %d times", unloaded);
}

TEST_HARNESS_MAIN
