// SPDX-License-Identifier: GPL-2.0
/*
 * Congestion control: which algorithm a socket uses.
 *
 * TEACH_MODULE is teach.ko; teach_reno.ko lies beside it.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "net.h"

#define NAME_MAX_LEN	16	/* with its end */
#define NOBODY		65534

/* ---- Names ---- */

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

static void sysctl_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/proc/sys/net/%s%s",
		 net_is_inet() ? "ipv4/tcp_" : "teach/", name);
}

/* Errno, or 0. */
static int write_sysctl(const struct net *net, enum host host,
			const char *name, const char *value)
{
	char path[128];
	int fd, err;

	net_enter(net, host);
	sysctl_path(path, sizeof(path), name);
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
	sysctl_path(path, sizeof(path), name);
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

static bool reno_loaded(void)
{
	return !access("/sys/module/teach_reno", F_OK);
}

static int load_reno(void)
{
	const char *teach = getenv("TEACH_MODULE");
	char path[512];
	int fd, err;

	snprintf(path, sizeof(path), "%s", teach ?: "");
	snprintf(strrchr(path, '/') ?: path, 32, "/teach_reno.ko");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		net_fatal("TEACH_MODULE=%s: %s", teach ?: "", path);
	err = net_err(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	return err;
}

static int unload(const char *name)
{
	return net_err(syscall(SYS_delete_module, name, O_NONBLOCK));
}

static int unload_reno_soon(void)
{
	int err;

	net_until((err = unload("teach_reno")) != EWOULDBLOCK);
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
	if (!net_is_inet() && !reno_loaded() && load_reno())
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
	if (net_is_inet() || reno_loaded())
		write_sysctl(&self->home, A, "allowed_congestion_control",
			     self->allowed);
	/* It keeps teach.ko, which other tests want to unload. */
	if (!net_is_inet() && reno_loaded())
		unload_reno_soon();
}

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

/* ---- The module ---- */

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
	EXPECT_FALSE(reno_loaded());
	EXPECT_FALSE(listed(&self->net, A, "available_congestion_control",
			    "reno"));
	/* Not by anybody. */
	EXPECT_EQ(ENOENT, set_name_as_nobody(fd, "reno"));
	EXPECT_FALSE(reno_loaded());
	EXPECT_EQ(0, set_name(fd, "reno"));
	EXPECT_TRUE(reno_loaded());
	EXPECT_STREQ("reno", get_name(fd));
	close(fd);
	EXPECT_EQ(0, unload_reno_soon());
	EXPECT_EQ(0, write_sysctl(&self->net, A, "congestion_control",
				  "reno"));
	EXPECT_TRUE(reno_loaded());
}

TEST_F(cong, module_is_held)
{
	int listener, fd, child;

	if (no_module())
		SKIP(return, "the kernel's own is built in");
	EXPECT_EQ(EEXIST, load_reno());
	EXPECT_EQ(EWOULDBLOCK, unload("teach"));

	listener = net_listen(&self->net, B, NET_PORT, 4);
	ASSERT_EQ(0, set_name(listener, "reno"));
	EXPECT_EQ(EWOULDBLOCK, unload("teach_reno"));
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_poll(listener, POLLIN));
	/* Now only by one that nobody has accepted. */
	ASSERT_EQ(0, set_name(listener, "cubic"));
	EXPECT_EQ(EWOULDBLOCK, unload("teach_reno"));
	child = net_accept(listener);
	EXPECT_STREQ("reno", get_name(child));
	net_send_all(child, 100000, 0);
	net_recv_all(fd, 100000, 0);
	EXPECT_EQ(EWOULDBLOCK, unload("teach_reno"));
	ASSERT_EQ(0, set_name(child, "cubic"));
	EXPECT_EQ(0, unload("teach_reno"));
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
	EXPECT_EQ(EWOULDBLOCK, unload("teach_reno"));
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
	EXPECT_EQ(EWOULDBLOCK, unload("teach_reno"));
	ASSERT_EQ(0, write_sysctl(&other, A, "congestion_control", "cubic"));
	EXPECT_EQ(0, unload("teach_reno"));
	ASSERT_EQ(0, write_sysctl(&other, A, "congestion_control", "reno"));
	/* The end of a namespace is another way out. */
	net_enter(&self->net, A);
	net_exit(&other);
	EXPECT_EQ(0, unload_reno_soon());
}

TEST_HARNESS_MAIN
