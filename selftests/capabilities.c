// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what: capabilities(7) and user_namespaces(7).  What is asked of
 * AF_TEACH is asked of AF_INET beside it, of streams and of datagrams, and
 * the answers are the same.
 *
 *	root		has all there are
 *	a user		has none
 *	an owner	the same user, in a user namespace and a network
 *			namespace of his own: has all, but only there
 *	a stranger	the same user, in a user namespace of his own, but in
 *			somebody else's network namespace
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "net.h"

#define USER		1000

FIXTURE(capabilities) {
	struct net net;
};

FIXTURE_SETUP(capabilities)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(capabilities)
{
	net_exit(&self->net);
}

/*
 * Somebody else
 */

enum who { ROOT, A_USER, OWNER, STRANGER };

static const char *const names[] = { "root", "user", "owner", "stranger" };

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		net_fatal("%s", path);
	close(fd);
}

static void become_user(void)
{
	if (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
	    setresuid(USER, USER, USER))
		net_fatal("setresuid");
	/* Or else /proc/self would not be his. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		net_fatal("PR_SET_DUMPABLE");
}

/* As his own root. */
static void unshare_user(int flags)
{
	char map[32];

	if (unshare(CLONE_NEWUSER | flags))
		net_fatal("unshare(CLONE_NEWUSER)");
	snprintf(map, sizeof(map), "0 %d 1", USER);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", map);
	write_file("/proc/self/gid_map", map);
}

static void become(enum who who)
{
	if (who == ROOT)
		return;
	become_user();
	if (who == OWNER)
		unshare_user(CLONE_NEWNET);
	else if (who == STRANGER)
		unshare_user(0);
}

/* A user who has just this capability. */
static void become_with(int cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {};

	data[0].effective = 1 << cap;
	data[0].permitted = 1 << cap;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		net_fatal("PR_SET_KEEPCAPS");
	become_user();
	if (syscall(SYS_capset, &head, data))
		net_fatal("capset");
}

/*
 * Memory that children share: what they find out stays when they end, and
 * only the test itself may judge it.
 */
static void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		net_fatal("mmap");
	return memory;
}

/* True in the child, on host A; the parent goes on when that has ended. */
static bool in_child(const struct net *net)
{
	int status;
	pid_t pid;

	net_enter(net, A);
	pid = fork();
	if (pid < 0)
		net_fatal("fork");
	if (!pid)
		return true;
	if (waitpid(pid, &status, 0) != pid || status)
		net_fatal("a child ended with status %x", status);
	return false;
}

static const struct kind {
	const char *name;
	int family;
	int type;
} kinds[] = {
	{ "TCP", AF_INET, SOCK_STREAM },
	{ "UDP", AF_INET, SOCK_DGRAM },
	{ "TEACH stream", AF_TEACH, SOCK_STREAM },
	{ "TEACH datagram", AF_TEACH, SOCK_DGRAM },
};

/* True when the errno is the one that it should be; else says whose it is. */
static bool answered(int want, int got, const char *what, const char *by)
{
	if (got == want)
		return true;
	fprintf(stderr, "# %s, by %s: error %d, not %d\n", what, by, got,
		want);
	return false;
}

static bool kind_answered(int want, int got, const char *what,
			  const struct kind *kind, const char *by)
{
	char text[128];

	snprintf(text, sizeof(text), "%s of a %s", what, kind->name);
	return answered(want, got, text, by);
}

/*
 * What needs a capability
 */

#define BIND	-1	/* as a level: bind(2) to a port */

static const struct ask {
	const char *what;
	int level;
	int opt;
	int value;
	/* The errno that each gets. */
	int user;
	int owner;
	int stranger;
} asks[] = {
	/* CAP_NET_BIND_SERVICE where the network is */
	{ "bind to 1023", BIND, 0, 1023, EACCES, 0, EACCES },
	/* CAP_NET_ADMIN or CAP_NET_RAW there */
	{ "SO_MARK", SOL_SOCKET, SO_MARK, 1, EPERM, 0, EPERM },
	{ "SO_PRIORITY 6", SOL_SOCKET, SO_PRIORITY, 6, 0, 0, 0 },
	{ "SO_PRIORITY 7", SOL_SOCKET, SO_PRIORITY, 7, EPERM, 0, EPERM },
	{ "SO_PRIORITY -1", SOL_SOCKET, SO_PRIORITY, -1, EPERM, 0, EPERM },
	{ "IP_TRANSPARENT", SOL_IP, IP_TRANSPARENT, 1, EPERM, 0, EPERM },
	{ "no IP_TRANSPARENT", SOL_IP, IP_TRANSPARENT, 0, 0, 0, 0 },
	/* To bind to a device is free, to leave it is not. */
	{ "bind to lo", SOL_SOCKET, SO_BINDTODEVICE, true, 0, 0, 0 },
	{ "bind to lo again", SOL_SOCKET, SO_BINDTODEVICE, true, EPERM, 0,
	  EPERM },
	{ "leave lo", SOL_SOCKET, SO_BINDTODEVICE, false, EPERM, 0, EPERM },
	{ "leave lo by number", SOL_SOCKET, SO_BINDTOIFINDEX, 0, EPERM, 0,
	  EPERM },
	/* CAP_NET_ADMIN in all the system */
	{ "SO_RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20, EPERM, EPERM,
	  EPERM },
	{ "SO_SNDBUFFORCE", SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20, EPERM, EPERM,
	  EPERM },
	{ "SO_DEBUG", SOL_SOCKET, SO_DEBUG, 1, EACCES, EACCES, EACCES },
	/* None */
	{ "IP_FREEBIND", SOL_IP, IP_FREEBIND, 1, 0, 0, 0 },
	{ "IP_TOS", SOL_IP, IP_TOS, 0xe0, 0, 0, 0 },
	{ "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 1 << 20, 0, 0, 0 },
};

static int open_socket(const struct kind *kind)
{
	int fd = socket(kind->family, kind->type, 0);

	if (fd < 0)
		net_fatal("socket of %s", kind->name);
	return fd;
}

static int bind_err(int fd, const struct kind *kind, int port)
{
	struct sockaddr_in addr = {
		.sin_family = kind->family,
		.sin_port = htons(port),
	};

	return net_err(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
}

/* Its errno, or 0. */
static int ask(int fd, const struct kind *kind, const struct ask *ask)
{
	const char *dev = ask->value ? "lo" : "";

	if (ask->level == BIND)
		return bind_err(fd, kind, ask->value);
	if (ask->opt == SO_BINDTODEVICE && ask->level == SOL_SOCKET)
		return net_err(setsockopt(fd, ask->level, ask->opt, dev,
					  strlen(dev)));
	return net_err(setsockopt(fd, ask->level, ask->opt, &ask->value,
				  sizeof(ask->value)));
}

struct answers {
	int err[ARRAY_SIZE(kinds)][ARRAY_SIZE(asks)];
};

static void ask_all(struct answers *answers)
{
	size_t k, a;
	int fd;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		fd = open_socket(&kinds[k]);
		for (a = 0; a < ARRAY_SIZE(asks); a++)
			answers->err[k][a] = ask(fd, &kinds[k], &asks[a]);
		close(fd);
	}
}

static int expected(enum who who, const struct ask *ask)
{
	switch (who) {
	case A_USER:
		return ask->user;
	case OWNER:
		return ask->owner;
	case STRANGER:
		return ask->stranger;
	default:
		return 0;
	}
}

TEST_F(capabilities, asked)
{
	struct answers *answers = shared_memory(sizeof(*answers));
	enum who who;
	size_t k, a;
	int want;

	for (who = ROOT; who <= STRANGER; who++) {
		if (in_child(&self->net)) {
			become(who);
			ask_all(answers);
			_exit(0);
		}
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			for (a = 0; a < ARRAY_SIZE(asks); a++) {
				want = expected(who, &asks[a]);
				EXPECT_TRUE(kind_answered(want,
							  answers->err[k][a],
							  asks[a].what,
							  &kinds[k],
							  names[who]));
			}
		}
	}
}

/* One capability does not stand for another. */
TEST_F(capabilities, one_only)
{
	static const struct {
		const char *name;
		int cap;
		int bind;
		int mark;
	} caps[] = {
		{ "NET_BIND_SERVICE", CAP_NET_BIND_SERVICE, 0, EPERM },
		{ "NET_ADMIN", CAP_NET_ADMIN, EACCES, 0 },
		{ "NET_RAW", CAP_NET_RAW, EACCES, 0 },
		{ "SYS_ADMIN", CAP_SYS_ADMIN, EACCES, EPERM },
	};
	struct answers *answers = shared_memory(sizeof(*answers));
	size_t i, k;

	ASSERT_EQ(BIND, asks[0].level);
	ASSERT_EQ(SO_MARK, asks[1].opt);
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		if (in_child(&self->net)) {
			become_with(caps[i].cap);
			ask_all(answers);
			_exit(0);
		}
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			EXPECT_TRUE(kind_answered(caps[i].bind,
						  answers->err[k][0], "bind",
						  &kinds[k], caps[i].name));
			EXPECT_TRUE(kind_answered(caps[i].mark,
						  answers->err[k][1], "SO_MARK",
						  &kinds[k], caps[i].name));
		}
	}
}

/* ip(7), ip_unprivileged_port_start: from there on, ports are for all. */
TEST_F(capabilities, unprivileged_port_start)
{
	int (*errs)[2] = shared_memory(sizeof(*errs) * ARRAY_SIZE(kinds));
	size_t k;

	net_sysctl_path(&self->net, A, "net/ipv4/ip_unprivileged_port_start",
			"80");
	if (in_child(&self->net)) {
		become(A_USER);
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			errs[k][0] = bind_err(open_socket(&kinds[k]),
					      &kinds[k], 79);
			errs[k][1] = bind_err(open_socket(&kinds[k]),
					      &kinds[k], 80);
		}
		_exit(0);
	}
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		EXPECT_TRUE(kind_answered(EACCES, errs[k][0], "port 79",
					  &kinds[k], names[A_USER]));
		EXPECT_TRUE(kind_answered(0, errs[k][1], "port 80",
					  &kinds[k], names[A_USER]));
	}
}

/* SO_MARK of one message only: cmsg(3). */
static int send_marked(const struct kind *kind)
{
	struct sockaddr_in addr = {
		.sin_family = kind->family,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	socklen_t len = sizeof(addr);
	int fd, server;

	server = open_socket(kind);
	if (bind(server, (struct sockaddr *)&addr, len) ||
	    (kind->type == SOCK_STREAM && listen(server, 1)) ||
	    getsockname(server, (struct sockaddr *)&addr, &len))
		net_fatal("a server of %s", kind->name);
	fd = open_socket(kind);
	if (connect(fd, (struct sockaddr *)&addr, len))
		net_fatal("connect of %s", kind->name);
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SO_MARK;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	return net_err(sendmsg(fd, &msg, 0));
}

TEST_F(capabilities, mark_of_a_message)
{
	int *errs = shared_memory(sizeof(*errs) * ARRAY_SIZE(kinds));
	int refusal;
	enum who who;
	size_t k;

	for (who = ROOT; who <= A_USER; who++) {
		if (in_child(&self->net)) {
			become(who);
			for (k = 0; k < ARRAY_SIZE(kinds); k++)
				errs[k] = send_marked(&kinds[k]);
			_exit(0);
		}
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			/* TCP did not tell what is wrong with it, once. */
			refusal = kinds[k].type == SOCK_STREAM &&
				  errs[k] == EINVAL ? EINVAL : EPERM;
			EXPECT_TRUE(kind_answered(who == ROOT ? 0 : refusal,
						  errs[k], "SO_MARK by cmsg",
						  &kinds[k], names[who]));
		}
	}
}

/*
 * Cards
 */

/* ip link add; whether the kernel says it is not permitted. */
static bool refused(const char *args)
{
	char command[256], line[256];
	bool said = false;
	FILE *file;

	snprintf(command, sizeof(command), "ip link add %s 2>&1", args);
	file = popen(command, "r");
	if (!file)
		net_fatal("%s", command);
	while (fgets(line, sizeof(line), file))
		said = strstr(line, "Operation not permitted") || said;
	pclose(file);
	return said;
}

/* Two hosts, a cable and a server at port 80, and nobody was asked. */
TEST_F(capabilities, owner_has_a_network)
{
	struct net own;
	int fd, peer;

	if (in_child(&self->net)) {
		become(OWNER);
		net_init(&own);
		fd = net_listen(&own, B, 80, 4);
		peer = net_client(&own, A, ADDR_B, 80);
		fd = net_accept(fd);
		net_send_all(fd, 10000, 0);
		net_recv_all(peer, 10000, 0);
		_exit(0);
	}
}

/* Not in somebody else's network; card.c asks for a peer there, too. */
TEST_F(capabilities, cards_of_others)
{
	const char *kind = net_is_inet() ? "veth" : "teach";
	bool *answers = shared_memory(3 * sizeof(*answers));
	char here[64], there[64];

	snprintf(here, sizeof(here), "x0 type %s", kind);
	/* Open, so that it is not ip(8) who may not look into it. */
	snprintf(there, sizeof(there), "x1 netns /proc/self/fd/%d type %s",
		 dup(self->net.ns[A]), kind);
	if (in_child(&self->net)) {
		become(STRANGER);
		answers[0] = refused(here);
		_exit(0);
	}
	if (in_child(&self->net)) {
		become(OWNER);
		answers[1] = refused(here);
		answers[2] = refused(there);
		_exit(0);
	}
	EXPECT_TRUE(answers[0]);
	EXPECT_FALSE(answers[1]);
	EXPECT_TRUE(answers[2]);
	net_enter(&self->net, A);
	EXPECT_EQ(0, if_nametoindex("x0"));
	EXPECT_EQ(0, if_nametoindex("x1"));
}

/*
 * net.teach.*, or net.ipv4.tcp_*
 */

#define SYSCTLS_MAX	128
#define VALUE_MAX	256

struct sysctl {
	char path[128];
	struct stat stat;
	bool writable;
	bool changed;
	char others[VALUE_MAX];	/* in another network namespace */
};

static void read_sysctl(const char *path, char value[VALUE_MAX])
{
	int fd = open(path, O_RDONLY);

	memset(value, 0, VALUE_MAX);
	/* Some are for root's eyes only. */
	if (fd < 0)
		return;
	if (read(fd, value, VALUE_MAX - 1) < 0)
		net_fatal("%s", path);
	close(fd);
}

/* Those of the family that is tested, and what they are here. */
static int list_sysctls(struct sysctl *sysctls)
{
	struct sysctl *sysctl = sysctls;
	struct dirent *entry;
	char path[128], *end;
	DIR *dir;

	net_sysctl_file(path, sizeof(path), "");
	end = strrchr(path, '/');
	*end = '\0';
	dir = opendir(path);
	if (!dir)
		net_fatal("%s", path);
	while ((entry = readdir(dir)) && sysctl < sysctls + SYSCTLS_MAX) {
		if (entry->d_name[0] == '.' ||
		    strncmp(entry->d_name, end + 1, strlen(end + 1)))
			continue;
		snprintf(sysctl->path, sizeof(sysctl->path), "%.50s/%.70s",
			 path, entry->d_name);
		read_sysctl(sysctl->path, sysctl->others);
		sysctl++;
	}
	closedir(dir);
	return sysctl - sysctls;
}

/* Write another value than there is: none is right for all of them. */
static void change_sysctl(struct sysctl *sysctl)
{
	static const char *const values[] = {
		"1", "2", "3", "600", "5000 6000 7000", "reno",
	};
	char before[VALUE_MAX], after[VALUE_MAX];
	size_t i;
	int fd;

	if (stat(sysctl->path, &sysctl->stat))
		net_fatal("%s", sysctl->path);
	fd = open(sysctl->path, O_WRONLY);
	sysctl->writable = fd >= 0;
	if (fd < 0)
		return;
	read_sysctl(sysctl->path, before);
	for (i = 0; i < ARRAY_SIZE(values) && !sysctl->changed; i++) {
		if (pwrite(fd, values[i], strlen(values[i]), 0) < 0)
			continue;
		read_sysctl(sysctl->path, after);
		sysctl->changed = strcmp(before, after);
	}
	close(fd);
}

/* His own root's, that is; and he can write what it says he can. */
static bool is_owners(const struct sysctl *sysctl)
{
	mode_t mode = sysctl->stat.st_mode;

	return !sysctl->stat.st_uid && !sysctl->stat.st_gid &&
	       !(mode & 022) && !(mode & 0200) == !sysctl->writable;
}

/* What is in his network namespace is his, and is there only. */
TEST_F(capabilities, sysctls_of_owner)
{
	struct sysctl *sysctls = shared_memory(SYSCTLS_MAX * sizeof(*sysctls));
	int i, count, changed = 0;
	char others[VALUE_MAX];

	net_enter(&self->net, A);
	count = list_sysctls(sysctls);
	if (in_child(&self->net)) {
		become(OWNER);
		for (i = 0; i < count; i++)
			change_sysctl(&sysctls[i]);
		_exit(0);
	}
	for (i = 0; i < count; i++) {
		EXPECT_TRUE(is_owners(&sysctls[i]))
			TH_LOG("%s", sysctls[i].path);
		read_sysctl(sysctls[i].path, others);
		EXPECT_STREQ(sysctls[i].others, others)
			TH_LOG("%s", sysctls[i].path);
		changed += sysctls[i].changed;
	}
	/* All but a few, for which there was no value. */
	EXPECT_LT(count * 3 / 4, changed);
}

TEST_F(capabilities, sysctls_of_others)
{
	struct sysctl *sysctls = shared_memory(SYSCTLS_MAX * sizeof(*sysctls));
	enum who who;
	int i, count;

	net_enter(&self->net, A);
	count = list_sysctls(sysctls);
	EXPECT_LT(20, count);
	for (who = A_USER; who <= STRANGER; who += STRANGER - A_USER) {
		if (in_child(&self->net)) {
			become(who);
			for (i = 0; i < count; i++)
				change_sysctl(&sysctls[i]);
			_exit(0);
		}
		for (i = 0; i < count; i++)
			EXPECT_FALSE(sysctls[i].writable)
				TH_LOG("%s", sysctls[i].path);
	}
}

/* What is one for the system is not an owner's, if he sees it at all. */
TEST_F(capabilities, sysctls_of_the_system)
{
	static const char *const global[] = {
		"allowed_congestion_control", "mem", "dgram_mem",
	};
	int *errs = shared_memory(sizeof(*errs) * ARRAY_SIZE(global));
	char path[128];
	size_t i;

	if (in_child(&self->net)) {
		become(OWNER);
		for (i = 0; i < ARRAY_SIZE(global); i++) {
			net_sysctl_file(path, sizeof(path), global[i]);
			errs[i] = net_err(open(path, O_WRONLY));
		}
		_exit(0);
	}
	for (i = 0; i < ARRAY_SIZE(global); i++)
		EXPECT_TRUE((net_is_inet() && errs[i] == ENOENT) ||
			    answered(EACCES, errs[i], global[i],
				     names[OWNER]));
}

/*
 * Whose it is
 */

/* Of the only listener there is: the uid that the list of sockets shows. */
static int listed_uid(void)
{
	int column = net_is_inet() ? 8 : 11;
	char line[512], *word, *rest;
	int i, uid = -1;
	FILE *file;

	file = fopen(net_is_inet() ? "/proc/thread-self/net/tcp" :
		     "/proc/thread-self/net/teach/sockets", "r");
	if (!file)
		net_fatal("the list of sockets");
	while (fgets(line, sizeof(line), file)) {
		word = strtok_r(line, "\n ", &rest);
		for (i = 1; word && i < column; i++)
			word = strtok_r(NULL, "\n ", &rest);
		if (word && word[0] >= '0' && word[0] <= '9')
			uid = atoi(word);
	}
	fclose(file);
	return uid;
}

/* In the numbers of whoever reads the list. */
TEST_F(capabilities, uid)
{
	int *uids = shared_memory(2 * sizeof(*uids));
	pid_t pid;

	if (in_child(&self->net)) {
		become_user();
		if (listen(open_socket(&kinds[net_is_inet() ? 0 : 2]), 1))
			net_fatal("listen");
		uids[0] = listed_uid();
		pid = fork();
		if (!pid) {
			unshare_user(0);
			uids[1] = listed_uid();
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	EXPECT_EQ(USER, uids[0]);
	EXPECT_EQ(0, uids[1]);
}

TEST_HARNESS_MAIN
