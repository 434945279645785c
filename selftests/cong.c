// SPDX-License-Identifier: GPL-2.0
/*
 * Congestion control: which algorithm a socket uses, and what it does.
 *
 * The first half goes through system calls on two hosts.  In the second a
 * scripted peer (peer.h) decides which segments arrive and when, so each
 * flight shows the window: slow start, CUBIC's curve, HyStart++, and what
 * becomes of a window that is not used.
 *
 * TEACH_MODULE is teach.ko; teach_reno.ko lies beside it.
 */
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"

#include "net.h"
#include "peer.h"

#define NAME_MAX_LEN	16	/* with its end */
#define NOBODY		65534
#define RENO		"teach_reno"

static int set_name(int fd, const char *name)
{
	return net_err(setsockopt(fd, SOL_TCP, TCP_CONGESTION, name,
				  strlen(name)));
}

static const char *get_name(int fd)
{
	static char name[NAME_MAX_LEN];
	socklen_t len = sizeof(name);

	if (getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len))
		net_fatal("TCP_CONGESTION");
	return name;
}

/* Errno, or 0. */
static int write_sysctl(const struct net *net, enum host host,
			const char *name, const char *value)
{
	char path[128];
	int fd, err;

	net_enter(net, host);
	net_sysctl_file(path, sizeof(path), name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	err = net_err(write(fd, value, strlen(value)));
	close(fd);
	return err;
}

static void read_sysctl(const struct net *net, enum host host,
			const char *name, char *value, size_t size)
{
	char path[128];
	ssize_t len;
	int fd;

	net_enter(net, host);
	net_sysctl_file(path, sizeof(path), name);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? -1 : read(fd, value, size - 1);
	if (len < 0)
		net_fatal("%s", path);
	close(fd);
	value[len] = 0;
	value[strcspn(value, "\n")] = 0;
}

/* Is @name among those that the sysctl @list names? */
static bool listed(const struct net *net, enum host host, const char *list,
		   const char *name)
{
	char names[2048], *word, *save;

	read_sysctl(net, host, list, names, sizeof(names));
	for (word = strtok_r(names, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		if (!strcmp(word, name))
			return true;
	return false;
}

/* ---- teach_reno.ko ---- */

static int unload_reno_soon(void)
{
	int err;

	net_until((err = net_unload(RENO)) != EWOULDBLOCK);
	return err;
}

/* ---- The choice ---- */

/*
 * @home is the namespace that the machine began with, as both hosts: only
 * there is what all may use decided.
 */
FIXTURE(cong) {
	struct net net;
	struct net home;
	char name[NAME_MAX_LEN];
	char allowed[2048];
};

FIXTURE_SETUP(cong)
{
	self->home.ns[A] = open("/proc/self/ns/net", O_RDONLY);
	self->home.ns[B] = self->home.ns[A];
	net_init(&self->net);
	if (!net_is_inet() && !net_loaded(RENO) && net_load(RENO))
		net_fatal("teach_reno.ko");
	read_sysctl(&self->home, A, "congestion_control", self->name,
		    sizeof(self->name));
	read_sysctl(&self->home, A, "allowed_congestion_control",
		    self->allowed, sizeof(self->allowed));
}

FIXTURE_TEARDOWN(cong)
{
	write_sysctl(&self->home, A, "congestion_control", self->name);
	net_exit(&self->net);
	if (net_is_inet() || net_loaded(RENO))
		write_sysctl(&self->home, A, "allowed_congestion_control",
			     self->allowed);
}

/* What @fd's user, who has no privileges, is told. */
static int set_name_as_nobody(int fd, const char *name)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		net_fatal("fork");
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(255);
		_exit(set_name(fd, name));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		net_fatal("waitpid");
	return WEXITSTATUS(status);
}

/*
 * ---- The module ----
 *
 * First: connections that other cases leave behind hold it for minutes.
 */

static bool no_module(void)
{
	return net_is_inet();
}

TEST_F(cong, module_comes_when_asked_for)
{
	int fd = net_socket(&self->net, A, 0);

	if (no_module())
		SKIP(return, "the kernel's own is built in");
	ASSERT_EQ(0, unload_reno_soon());
	EXPECT_FALSE(net_loaded(RENO));
	EXPECT_FALSE(listed(&self->net, A, "available_congestion_control",
			    "reno"));
	/* Not by anybody. */
	EXPECT_EQ(ENOENT, set_name_as_nobody(fd, "reno"));
	EXPECT_FALSE(net_loaded(RENO));
	EXPECT_EQ(0, set_name(fd, "reno"));
	EXPECT_TRUE(net_loaded(RENO));
	EXPECT_STREQ("reno", get_name(fd));
	close(fd);
	EXPECT_EQ(0, unload_reno_soon());
	EXPECT_EQ(0, write_sysctl(&self->net, A, "congestion_control",
				  "reno"));
	EXPECT_TRUE(net_loaded(RENO));
}

TEST_F(cong, module_is_held)
{
	int listener, fd, child;

	if (no_module())
		SKIP(return, "the kernel's own is built in");
	EXPECT_EQ(EEXIST, net_load(RENO));
	EXPECT_EQ(EWOULDBLOCK, net_unload("teach"));

	listener = net_listen(&self->net, B, NET_PORT, 4);
	ASSERT_EQ(0, set_name(listener, "reno"));
	EXPECT_EQ(EWOULDBLOCK, net_unload("teach_reno"));
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_poll(listener, POLLIN));
	/* Now only by one that nobody has accepted. */
	ASSERT_EQ(0, set_name(listener, "cubic"));
	EXPECT_EQ(EWOULDBLOCK, net_unload("teach_reno"));
	child = net_accept(listener);
	EXPECT_STREQ("reno", get_name(child));
	net_send_all(child, 100000, 0);
	net_recv_all(fd, 100000, 0);
	EXPECT_EQ(EWOULDBLOCK, net_unload("teach_reno"));
	ASSERT_EQ(0, set_name(child, "cubic"));
	EXPECT_EQ(0, unload_reno_soon());
	EXPECT_EQ(ENOENT, set_name_as_nobody(child, "reno"));
	net_send_all(child, 100000, 0);
	net_recv_all(fd, 100000, 0);
}

/* A connection without a user holds it to its end, and not longer. */
TEST_F(cong, module_is_held_by_orphans)
{
	int fd[2];

	if (no_module())
		SKIP(return, "the kernel's own is built in");
	net_pair(&self->net, fd);
	ASSERT_EQ(0, set_name(fd[A], "reno"));
	net_cut(&self->net, A);
	net_send_all(fd[A], 5000, 0);
	close(fd[A]);
	EXPECT_EQ(1, net_count(&self->net, A, TCP_FIN_WAIT1));
	EXPECT_EQ(EWOULDBLOCK, net_unload("teach_reno"));
	net_mend(&self->net, A);
	EXPECT_EQ(5000, net_drain(fd[B], 0));
	close(fd[B]);
	ASSERT_TRUE(net_until(net_count(&self->net, A, TCP_TIME_WAIT) == 1));
	EXPECT_EQ(0, unload_reno_soon());
}

TEST_F(cong, module_is_held_by_listeners_end)
{
	int listener;

	if (no_module())
		SKIP(return, "the kernel's own is built in");
	listener = net_listen(&self->net, B, NET_PORT, 4);
	ASSERT_EQ(0, set_name(listener, "reno"));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_poll(listener, POLLIN));
	/* Those that wait are reset, and let go of it. */
	close(listener);
	EXPECT_EQ(0, unload_reno_soon());
}

TEST_F(cong, module_is_held_by_namespaces)
{
	struct net other;

	if (no_module())
		SKIP(return, "the kernel's own is built in");
	net_init(&other);
	ASSERT_EQ(0, write_sysctl(&other, A, "congestion_control", "reno"));
	EXPECT_EQ(EWOULDBLOCK, net_unload("teach_reno"));
	ASSERT_EQ(0, write_sysctl(&other, A, "congestion_control", "cubic"));
	EXPECT_EQ(0, net_unload("teach_reno"));
	ASSERT_EQ(0, write_sysctl(&other, A, "congestion_control", "reno"));
	/* The end of a namespace is another way out. */
	net_enter(&self->net, A);
	net_exit(&other);
	EXPECT_EQ(0, unload_reno_soon());
}

/* ---- Names ---- */

TEST_F(cong, cubic_unless_told)
{
	int fd = net_socket(&self->net, A, 0);

	if (net_is_inet())
		SKIP(return, "a matter of the kernel's configuration");
	EXPECT_STREQ("cubic", get_name(fd));
	EXPECT_STREQ("cubic", self->name);
	EXPECT_TRUE(listed(&self->net, A, "available_congestion_control",
			   "cubic"));
	EXPECT_TRUE(listed(&self->net, A, "allowed_congestion_control",
			   "cubic"));
}

TEST_F(cong, names)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(0, set_name(fd, "reno"));
	EXPECT_STREQ("reno", get_name(fd));
	EXPECT_EQ(ENOENT, set_name(fd, "none"));
	EXPECT_EQ(ENOENT, set_name(fd, "ren"));
	EXPECT_EQ(ENOENT, set_name(fd, "reno "));
	EXPECT_EQ(ENOENT, set_name(fd, "reno-that-is-longer-than-a-name"));
	/* As long as names can be, and only cut off is it one. */
	EXPECT_EQ(ENOENT, set_name(fd, "renorenorenoreno"));
	EXPECT_STREQ("reno", get_name(fd));
	EXPECT_EQ(0, set_name(fd, self->name));
	EXPECT_STREQ(self->name, get_name(fd));
}

/* The length ends a name, or a zero within it. */
TEST_F(cong, lengths_of_names)
{
	static const char padded[64] = "reno\0cubic";
	int fd = net_socket(&self->net, A, 0);

	EXPECT_EQ(EINVAL, net_err(setsockopt(fd, SOL_TCP, TCP_CONGESTION,
					     "reno", 0)));
	EXPECT_EQ(0, net_err(setsockopt(fd, SOL_TCP, TCP_CONGESTION,
					"renovate", 4)));
	EXPECT_STREQ("reno", get_name(fd));
	EXPECT_EQ(0, set_name(fd, self->name));
	EXPECT_EQ(0, net_err(setsockopt(fd, SOL_TCP, TCP_CONGESTION, padded,
					sizeof(padded))));
	EXPECT_STREQ("reno", get_name(fd));
	EXPECT_EQ(ENOENT, net_err(setsockopt(fd, SOL_TCP, TCP_CONGESTION,
					     "reno", 1)));
	EXPECT_EQ(EFAULT, net_err(setsockopt(fd, SOL_TCP, TCP_CONGESTION,
					     (void *)8, 4)));
	EXPECT_STREQ("reno", get_name(fd));
}

TEST_F(cong, lengths_of_answers)
{
	int fd = net_socket(&self->net, A, 0);
	char name[64];
	socklen_t len;

	ASSERT_EQ(0, set_name(fd, "reno"));
	len = sizeof(name);
	memset(name, 'x', sizeof(name));
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_EQ(NAME_MAX_LEN, len);
	EXPECT_EQ(0, memcmp(name, "reno\0\0\0\0\0\0\0\0\0\0\0\0x", 17));

	len = 3;
	memset(name, 'x', sizeof(name));
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_EQ(3, len);
	EXPECT_EQ(0, memcmp(name, "renx", 4));

	len = 0;
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_EQ(0, len);
	len = 4;
	EXPECT_EQ(EFAULT, net_err(getsockopt(fd, SOL_TCP, TCP_CONGESTION,
					     (void *)8, &len)));
	EXPECT_EQ(EFAULT, net_err(getsockopt(fd, SOL_TCP, TCP_CONGESTION,
					     name, NULL)));
}

/* None of the two has anything to tell. */
TEST_F(cong, no_info)
{
	int fd[2], i;
	char info[256];
	socklen_t len;

	net_pair(&self->net, fd);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, set_name(fd[A], i ? "reno" : self->name));
		len = sizeof(info);
		EXPECT_EQ(0, getsockopt(fd[A], SOL_TCP, TCP_CC_INFO, info,
					&len));
		EXPECT_EQ(0, len);
	}
}

/* A choice lasts: connecting, disconnecting and listening change nothing. */
TEST_F(cong, in_every_state)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	int fd = net_socket(&self->net, A, 0), child;
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	EXPECT_EQ(0, set_name(fd, "reno"));
	ASSERT_EQ(0, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	EXPECT_STREQ("reno", get_name(fd));
	child = net_accept(listener);
	net_send_all(fd, 100000, 0);
	net_recv_all(child, 100000, 0);
	EXPECT_EQ(0, set_name(fd, self->name));
	EXPECT_STREQ(self->name, get_name(fd));
	net_send_all(fd, 100000, 0);
	net_recv_all(child, 100000, 0);
	EXPECT_EQ(0, set_name(fd, "reno"));
	ASSERT_EQ(0, net_err(connect(fd, &none, sizeof(none))));
	EXPECT_STREQ("reno", get_name(fd));
	ASSERT_EQ(0, net_err(net_bind(fd, ADDR_ANY, NET_PORT + 1)));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_STREQ("reno", get_name(fd));
	EXPECT_EQ(0, set_name(fd, self->name));
	EXPECT_STREQ(self->name, get_name(fd));
}

/* What the listener was told when the handshake ended. */
TEST_F(cong, children_inherit)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	int child[2];

	ASSERT_EQ(0, set_name(listener, "reno"));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_poll(listener, POLLIN));
	ASSERT_EQ(0, set_name(listener, self->name));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	child[0] = net_accept(listener);
	child[1] = net_accept(listener);
	EXPECT_STREQ("reno", get_name(child[0]));
	EXPECT_STREQ(self->name, get_name(child[1]));
}

/* Without a choice of its own a listener follows the namespace's. */
TEST_F(cong, children_of_no_choice)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);

	ASSERT_EQ(0, write_sysctl(&self->net, B, "congestion_control",
				  "reno"));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_STREQ("reno", get_name(net_accept(listener)));
	EXPECT_STREQ(self->name, get_name(listener));

	/* To choose what it has already is a choice. */
	ASSERT_EQ(0, set_name(listener, self->name));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_STREQ(self->name, get_name(net_accept(listener)));
}

TEST_F(cong, namespaces_are_apart)
{
	struct net other;
	char name[NAME_MAX_LEN];

	ASSERT_EQ(0, write_sysctl(&self->net, A, "congestion_control",
				  "reno\n"));
	EXPECT_STREQ("reno", get_name(net_socket(&self->net, A, 0)));
	EXPECT_STREQ(self->name, get_name(net_socket(&self->net, B, 0)));
	EXPECT_EQ(ENOENT, write_sysctl(&self->net, A, "congestion_control",
				       "none"));
	EXPECT_EQ(ENOENT, write_sysctl(&self->net, A, "congestion_control",
				       "reno-that-is-longer-than-a-name"));
	EXPECT_STREQ("reno", get_name(net_socket(&self->net, A, 0)));

	/* A new one does as the first does, then. */
	ASSERT_EQ(0, write_sysctl(&self->home, A, "congestion_control",
				  "reno"));
	net_init(&other);
	ASSERT_EQ(0, write_sysctl(&self->home, A, "congestion_control",
				  self->name));
	read_sysctl(&other, B, "congestion_control", name, sizeof(name));
	EXPECT_STREQ("reno", name);
	EXPECT_STREQ("reno", get_name(net_socket(&other, B, 0)));
	net_exit(&other);
}

TEST_F(cong, not_allowed_to_all)
{
	int fd = net_socket(&self->net, A, 0);

	EXPECT_TRUE(listed(&self->net, A, "allowed_congestion_control",
			   "reno"));
	EXPECT_EQ(0, set_name_as_nobody(fd, "reno"));
	EXPECT_EQ(0, set_name_as_nobody(fd, self->name));

	ASSERT_EQ(0, write_sysctl(&self->home, A,
				  "allowed_congestion_control", self->name));
	EXPECT_FALSE(listed(&self->net, A, "allowed_congestion_control",
			    "reno"));
	EXPECT_TRUE(listed(&self->net, A, "available_congestion_control",
			   "reno"));
	EXPECT_EQ(EPERM, set_name_as_nobody(fd, "reno"));
	EXPECT_STREQ(self->name, get_name(fd));
	EXPECT_EQ(ENOENT, set_name_as_nobody(fd, "none"));
	EXPECT_EQ(0, set_name(fd, "reno"));
	/* It has that already. */
	EXPECT_EQ(0, set_name_as_nobody(fd, "reno"));

	/* As a default only the first namespace may choose it ... */
	EXPECT_EQ(EPERM, write_sysctl(&self->net, A, "congestion_control",
				      "reno"));
	/* ... and what it chooses all may use. */
	EXPECT_EQ(0, write_sysctl(&self->home, A, "congestion_control",
				  "reno"));
	EXPECT_EQ(0, set_name_as_nobody(fd, self->name));
	EXPECT_EQ(0, set_name_as_nobody(fd, "reno"));
}

TEST_F(cong, lists)
{
	EXPECT_EQ(ENOENT, write_sysctl(&self->home, A,
				       "allowed_congestion_control",
				       "reno none"));
	EXPECT_TRUE(listed(&self->net, A, "allowed_congestion_control",
			   self->name));
	EXPECT_EQ(0, write_sysctl(&self->home, A,
				  "allowed_congestion_control", "reno\n"));
	EXPECT_FALSE(listed(&self->net, A, "allowed_congestion_control",
			    self->name));
	EXPECT_NE(0, write_sysctl(&self->net, A,
				  "available_congestion_control", "reno"));
}

/* ---- The window ---- */

#define MSS		300
#define QUEUE		200	/* segments; little more than a flight */
#define FLIGHT_MAX	512

#define WINDOW_TEST(name)	TEST_F_TIMEOUT(window, name, PEER_TEST_TIMEOUT)

/* What the sender may have in flight, and where slow start ends. */
struct cwnd {
	unsigned int cwnd;
	unsigned int ssthresh;
};

#define SSTHRESH_NONE	0x7fffffff

FIXTURE(window) {
	int fd;
};

FIXTURE_SETUP(window)
{
}

FIXTURE_TEARDOWN(window)
{
	/* By a RST: the peer would not answer a FIN. */
	if (self->fd)
		app_abort(self->fd);
	if (!peer_is_inet())
		peer_sysctl("congestion_control", "cubic");
}

static void pause_s(double seconds)
{
	struct timespec ts = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - (int)seconds) * 1e9,
	};

	nanosleep(&ts, NULL);
}

/* A sequence number: the end of everything that was ever sent. */
static unsigned int sent(void)
{
	return peer_conn()->rcv_max - peer_conn()->irs;
}

static struct peer_segment segs[FLIGHT_MAX];
static unsigned int acked;

/*
 * A connection of the stack's that uses @name, over a route with @metrics.
 * With "rto_min 60s" it does not matter how slow the script is.
 */
static int start(const char *name, const char *metrics)
{
	int listener, fd, sndbuf = 200000;
	char command[256];

	peer_start();
	snprintf(command, sizeof(command),
		 "ip route change 192.0.2.0/24 dev tun0 %s", metrics);
	if (system(command))
		net_fatal("%s", command);
	peer_sysctl("congestion_control", name);
	peer_sysctl("slow_start_after_idle", "1");
	listener = app_listen(PEER_LOCAL_PORT, 1);
	peer_send("S 0:0(0) <mss %d>", MSS);
	peer_expect("S. 0:0(0) ack 1");
	peer_conn()->mss = MSS;
	peer_send(". 1:1(0) ack 1");
	fd = app_accept(listener);
	close(listener);
	if (strcmp(get_name(fd), name))
		net_fatal("%s is not there", name);
	net_setopt(fd, SOL_SOCKET, SO_SNDBUF, sndbuf);
	acked = 1;
	return fd;
}

/* All that the window allows: how many segments are under way now. */
static unsigned int flight(int fd)
{
	size_t unsent = peer_conn()->written - (sent() - 1);

	if (unsent < QUEUE * MSS)
		app_write(fd, QUEUE * MSS - unsent);
	peer_collect(segs, FLIGHT_MAX);
	return (sent() - acked) / MSS;
}

/* They have arrived, says one ACK. */
static void ack_all(void)
{
	acked = sent();
	peer_send(". 1:1(0) ack %u", acked);
}

/* They have arrived, says one ACK for each. */
static void ack_each(void)
{
	unsigned int end = sent();

	while (acked != end) {
		acked += MSS;
		peer_send(". 1:1(0) ack %u", acked);
	}
}

/* The first is lost, and arrives after all the others. */
static void lose_first(int fd)
{
	unsigned int i, count = (sent() - acked) / MSS;

	for (i = 1; i < count; i++)
		peer_send(". 1:1(0) ack %u", acked);
	flight(fd);
	ack_all();
}

static struct cwnd cwnd(int fd)
{
	struct cwnd now = {};
	struct tcp_info info;
	socklen_t len = sizeof(info);
	char line[512];
	FILE *file;

	if (peer_is_inet()) {
		if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len))
			net_fatal("TCP_INFO");
		now.cwnd = info.tcpi_snd_cwnd;
		now.ssthresh = info.tcpi_snd_ssthresh;
		return now;
	}
	file = fopen("/proc/self/net/teach/sockets", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*u ESTABLISHED %*u %*u %*s %*s %u %u",
			   &now.cwnd, &now.ssthresh) == 2)
			break;
	if (!now.cwnd)
		net_fatal("/proc/net/teach/sockets");
	fclose(file);
	return now;
}

/* RFC 6928 */
WINDOW_TEST(ten_to_begin_with)
{
	self->fd = start("cubic", "rto_min 60s");
	EXPECT_EQ(10, flight(self->fd));
	EXPECT_EQ(10, cwnd(self->fd).cwnd);
	EXPECT_EQ(SSTHRESH_NONE, cwnd(self->fd).ssthresh);
}

WINDOW_TEST(as_many_as_the_route_says)
{
	self->fd = start("cubic", "initcwnd 3");
	EXPECT_EQ(3, flight(self->fd));
}

/* RFC 5681 3.1: one more for each that has arrived. */
WINDOW_TEST(slow_start_doubles)
{
	unsigned int count;

	self->fd = start("reno", "rto_min 60s");
	for (count = 10; count <= 160; count *= 2) {
		EXPECT_EQ(count, flight(self->fd));
		ack_each();
	}
}

WINDOW_TEST(slow_start_doubles_by_one_ack)
{
	unsigned int count;

	self->fd = start("cubic", "rto_min 60s");
	for (count = 10; count <= 160; count *= 2) {
		EXPECT_EQ(count, flight(self->fd));
		ack_all();
	}
}

/* RFC 5681 (4) and 3.1: half is left, and one more for each round trip. */
WINDOW_TEST(reno)
{
	unsigned int before, i;

	self->fd = start("reno", "rto_min 60s");
	for (i = 0; i < 3; i++) {
		flight(self->fd);
		ack_each();
	}
	ASSERT_EQ(80, flight(self->fd));
	lose_first(self->fd);
	EXPECT_EQ(40, cwnd(self->fd).ssthresh);
	before = flight(self->fd);
	/* The last ACK of the recovery may have added something. */
	EXPECT_LE(40, before);
	EXPECT_GE(42, before);
	for (i = 1; i <= 10; i++) {
		ack_all();
		EXPECT_EQ(before + i, flight(self->fd));
	}
}

/* RFC 5681 3.1: after a timeout one, and slow start to what is left. */
static struct cwnd after_timeout(int fd)
{
	unsigned int first;

	flight(fd);
	ack_all();
	flight(fd);
	first = acked;
	peer_expect(". %u:%u(%u) ack 1", first, first + MSS, MSS);
	return cwnd(fd);
}

WINDOW_TEST(reno_timeout)
{
	struct cwnd now;

	self->fd = start("reno", "rto_min 1s");
	now = after_timeout(self->fd);
	EXPECT_EQ(1, now.cwnd);
	EXPECT_EQ(10, now.ssthresh);
}

WINDOW_TEST(cubic_timeout)
{
	struct cwnd now;

	self->fd = start("cubic", "rto_min 1s");
	now = after_timeout(self->fd);
	EXPECT_EQ(1, now.cwnd);
	EXPECT_EQ(14, now.ssthresh);
}

/* RFC 9438 (1) with C = 0.4, in segments and seconds. */
static double curve(double w_max, double cwnd_epoch, double t)
{
	double k = cbrt((w_max - cwnd_epoch) / 0.4);

	return w_max + 0.4 * pow(t - k, 3);
}

/*
 * One round trip of 0.2 s; how far is the window from the curve?  It is
 * where the curve was at an ACK of this round or will be a round trip later,
 * and a slow machine's may be long.
 */
static int off_curve(int fd, double w_max, double cwnd_epoch, double begin)
{
	static double last;
	double t, low, high, now;
	unsigned int is;

	flight(fd);
	pause_s(0.2);
	t = peer_now() - begin;
	ack_all();
	is = cwnd(fd).cwnd;
	now = peer_now() - begin;
	low = curve(w_max, cwnd_epoch, fmax(0, t - (now - last)));
	high = curve(w_max, cwnd_epoch, now + fmax(0.5, now - last));
	last = now;
	if (is < low - 2)
		return is - low;
	if (is > high + 2)
		return is - high;
	return 0;
}

/*
 * RFC 9438 4.2 to 4.6: 0.7 is left, back to where the loss was in K, slower
 * and slower, and on, faster and faster.
 */
WINDOW_TEST(cubic_follows_its_curve)
{
	double begin, k = cbrt(24 / 0.4);
	unsigned int i;

	self->fd = start("cubic", "rto_min 60s");
	for (i = 0; i < 3; i++) {
		flight(self->fd);
		ack_all();
	}
	ASSERT_EQ(80, flight(self->fd));
	lose_first(self->fd);
	begin = peer_now();
	EXPECT_EQ(56, cwnd(self->fd).ssthresh);

	while (peer_now() < begin + 2.5 * k) {
		ASSERT_EQ(0, off_curve(self->fd, 80, 56, begin)) {
			TH_LOG("%.1f s: cwnd %u", peer_now() - begin,
			       cwnd(self->fd).cwnd);
		}
	}
	EXPECT_LT(100, cwnd(self->fd).cwnd);
}

/* RFC 9438 4.7: lost before it was where it had been: make room. */
WINDOW_TEST(cubic_converges_fast)
{
	unsigned int lost_at, left, i;
	double begin;

	self->fd = start("cubic", "rto_min 60s");
	for (i = 0; i < 3; i++) {
		flight(self->fd);
		ack_all();
	}
	ASSERT_EQ(80, flight(self->fd));
	lose_first(self->fd);
	lost_at = flight(self->fd);
	ASSERT_GT(70, lost_at);
	lose_first(self->fd);
	begin = peer_now();
	left = cwnd(self->fd).ssthresh;
	EXPECT_EQ(lost_at * 7 / 10, left);
	while (peer_now() < begin + 3) {
		ASSERT_EQ(0, off_curve(self->fd, lost_at * 0.85, left, begin)) {
			TH_LOG("%.1f s: cwnd %u", peer_now() - begin,
			       cwnd(self->fd).cwnd);
		}
	}
}

/* RFC 9438 4.3: where the round trip is short, no slower than Reno. */
WINDOW_TEST(cubic_is_as_fast_as_reno)
{
	unsigned int before, i;

	self->fd = start("cubic", "rto_min 60s");
	flight(self->fd);
	ack_all();
	ASSERT_EQ(20, flight(self->fd));
	lose_first(self->fd);
	EXPECT_EQ(14, cwnd(self->fd).ssthresh);
	before = flight(self->fd);
	/* 9/17 of a segment for each round trip, as if it had been halved. */
	for (i = 0; i < 40; i++) {
		ack_all();
		flight(self->fd);
	}
	EXPECT_LE(before + 40 * 9 / 17 - 2, cwnd(self->fd).cwnd);
}

/* One that is used where another was: the window stays. */
WINDOW_TEST(chosen_in_between)
{
	unsigned int i;

	self->fd = start("reno", "rto_min 60s");
	for (i = 0; i < 2; i++) {
		flight(self->fd);
		ack_all();
	}
	ASSERT_EQ(40, flight(self->fd));
	EXPECT_EQ(0, set_name(self->fd, "cubic"));
	EXPECT_EQ(40, flight(self->fd));
	lose_first(self->fd);
	EXPECT_EQ(28, cwnd(self->fd).ssthresh);
	EXPECT_EQ(0, set_name(self->fd, "reno"));
	EXPECT_EQ(28, cwnd(self->fd).ssthresh);
	ASSERT_LE(28, flight(self->fd));
	lose_first(self->fd);
	EXPECT_EQ(14, cwnd(self->fd).ssthresh);
}

/* ---- HyStart++: RFC 9406 ---- */

#define SPREAD		0.3	/* seconds between a flight's first and last */
#define LATE_MAX	0.01	/* HyStart++ takes 16 ms for a sign */

static double departed;		/* a flight's first segment */
static double late;		/* the ACK that was it most */

/*
 * A round trip of @rtt seconds.  The ACKs come one by one, so that those that
 * a slow machine sends late do not make the others late.
 */
static void slow_round(int fd, double rtt)
{
	double step = SPREAD / flight(fd), at = departed + rtt, now;
	unsigned int end = sent();

	departed = at;
	for (; acked != end; at += step) {
		now = peer_now();
		if (now < at)
			pause_s(at - now);
		acked += MSS;
		peer_send(". 1:1(0) ack %u", acked);
		late = fmax(late, peer_now() - at);
	}
}

/*
 * A flight of 40 of which the first eight say that the round trip takes
 * longer.  A round begins a little before a flight, with the last ACKs of the
 * one before, so the flight that takes longer for the first time is not yet the
 * one.
 */
static int start_hystart(void)
{
	int fd = start("cubic", "rto_min 60s initcwnd 5");

	flight(fd);
	departed = peer_now();
	slow_round(fd, 0.9);
	slow_round(fd, 0.4);
	slow_round(fd, 0.9);
	slow_round(fd, 1);
	return fd;
}

/*
 * 4.2: when the round trip takes longer, a quarter as fast for five of them,
 * and then no slow start any more.
 */
WINDOW_TEST(hystart)
{
	unsigned int before[5], i;
	struct cwnd after[5];

	if (peer_is_inet())
		SKIP(return, "Linux has an older HyStart");
	self->fd = start_hystart();
	after[0] = cwnd(self->fd);
	for (i = 1; i < 5; i++) {
		before[i] = flight(self->fd);
		slow_round(self->fd, 1 + i * 0.05);
		after[i] = cwnd(self->fd);
	}
	if (late > LATE_MAX)
		SKIP(return, "this machine is too slow for milliseconds");

	EXPECT_LE(40 + 40 / 4, after[0].cwnd);
	EXPECT_GE(40 + 12 + 28 / 4, after[0].cwnd);
	for (i = 1; i < 5; i++) {
		EXPECT_EQ(SSTHRESH_NONE, after[i - 1].ssthresh);
		/* The last round ends some way before its flight. */
		EXPECT_LE(before[i] + before[i] / (i < 4 ? 4 : 10) - 1,
			  after[i].cwnd);
		EXPECT_GE(before[i] + before[i] / 4 + 1, after[i].cwnd);
	}
	EXPECT_GE(after[4].cwnd, after[4].ssthresh);
	EXPECT_LE(before[4], after[4].ssthresh);
}

/* 4.2: it was only jitter, so slow start goes on. */
WINDOW_TEST(hystart_was_a_mistake)
{
	unsigned int before;

	if (peer_is_inet())
		SKIP(return, "Linux has an older HyStart");
	self->fd = start_hystart();
	before = flight(self->fd);
	slow_round(self->fd, 0.35);
	if (late > LATE_MAX)
		SKIP(return, "this machine is too slow for milliseconds");

	EXPECT_GE(60, before);
	EXPECT_LE(before + before - 16, cwnd(self->fd).cwnd);
	EXPECT_EQ(SSTHRESH_NONE, cwnd(self->fd).ssthresh);
}

/* ---- A window that is not used: RFC 7661, RFC 5681 4.1 ---- */

/*
 * Send @count segments, which arrive.  One ACK says so: from several HyStart++
 * might conclude something where a slow machine has jitter.
 */
static void send_some(int fd, unsigned int count)
{
	if (count)
		app_write(fd, count * MSS);
	peer_collect(segs, FLIGHT_MAX);
	ack_all();
}

WINDOW_TEST(not_used_does_not_grow)
{
	unsigned int i;

	self->fd = start("cubic", "rto_min 60s");
	for (i = 0; i < 30; i++)
		send_some(self->fd, 1 + i % 5);
	EXPECT_EQ(10, cwnd(self->fd).cwnd);
	/* In slow start more than half of it is enough, as six are of ten. */
	for (i = 0; i < 30; i++)
		send_some(self->fd, 6);
	EXPECT_EQ(16, cwnd(self->fd).cwnd);
	EXPECT_EQ(16, flight(self->fd));
}

/* The same after a loss, for a window of 28: five are never all of it. */
static bool grows_unused(int fd)
{
	unsigned int before, i;

	for (i = 0; i < 2; i++)
		send_some(fd, 10 << i);
	app_write(fd, 40 * MSS);
	peer_collect(segs, FLIGHT_MAX);
	for (i = 0; i < 3; i++)
		peer_send(". 1:1(0) ack %u", acked);
	send_some(fd, 0);
	before = cwnd(fd).cwnd;
	for (i = 0; i < 50; i++)
		send_some(fd, 5);
	return cwnd(fd).cwnd != before;
}

WINDOW_TEST(not_used_in_congestion_avoidance_of_reno)
{
	self->fd = start("reno", "rto_min 60s");
	EXPECT_FALSE(grows_unused(self->fd));
	EXPECT_EQ(20, cwnd(self->fd).ssthresh);
}

WINDOW_TEST(not_used_in_congestion_avoidance_of_cubic)
{
	self->fd = start("cubic", "rto_min 60s");
	EXPECT_FALSE(grows_unused(self->fd));
	EXPECT_EQ(28, cwnd(self->fd).ssthresh);
}

/* Grow to 160; all is acknowledged, and nothing more to send. */
static int start_grown(void)
{
	int fd = start("cubic", "rto_min 1s");
	unsigned int i;

	for (i = 0; i < 4; i++)
		send_some(fd, 10 << i);
	return fd;
}

/* RFC 5681 4.1: half for each RTO without sending, down to ten. */
WINDOW_TEST(idle)
{
	self->fd = start_grown();
	ASSERT_EQ(160, cwnd(self->fd).cwnd);
	pause_s(8);
	EXPECT_EQ(10, flight(self->fd));
}

WINDOW_TEST(idle_not_for_long)
{
	unsigned int count;

	self->fd = start_grown();
	pause_s(2.5);
	count = flight(self->fd);
	EXPECT_GE(80, count);
	EXPECT_LE(10, count);
	EXPECT_EQ(count, cwnd(self->fd).cwnd);
}

WINDOW_TEST(idle_does_not_matter)
{
	unsigned int before;

	self->fd = start_grown();
	peer_sysctl("slow_start_after_idle", "0");
	before = cwnd(self->fd).cwnd;
	pause_s(4);
	EXPECT_EQ(before, flight(self->fd));
}

/* For an RTO not used up: half way down to what was used. */
WINDOW_TEST(used_in_part)
{
	unsigned int before, used;

	self->fd = start_grown();
	before = cwnd(self->fd).cwnd;
	used = 10;
	while (cwnd(self->fd).cwnd == before) {
		send_some(self->fd, 2);
		pause_s(0.02);
	}
	EXPECT_EQ((before + used) / 2, cwnd(self->fd).cwnd);
}

WINDOW_TEST(used_in_part_does_not_matter)
{
	unsigned int before;
	double begin;

	self->fd = start_grown();
	peer_sysctl("slow_start_after_idle", "0");
	before = cwnd(self->fd).cwnd;
	for (begin = peer_now(); peer_now() < begin + 2.5; pause_s(0.02))
		send_some(self->fd, 2);
	EXPECT_EQ(before, cwnd(self->fd).cwnd);
}

TEST_HARNESS_MAIN
