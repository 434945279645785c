// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT (socket(7)): several sockets on one port, and which of them a
 * connection or a datagram is for.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "net.h"

#define ANY		"0.0.0.0"
#define USER		1000
#define MEMBERS		4
#define CLIENTS		64	/* a member that gets none: once in 10^8 */

FIXTURE(reuseport) {
	struct net net;
	int fd[MEMBERS];
};

FIXTURE_VARIANT(reuseport) {
	int type;
};

FIXTURE_VARIANT_ADD(reuseport, stream) {
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(reuseport, dgram) {
	.type = SOCK_DGRAM,
};

FIXTURE_SETUP(reuseport)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(reuseport)
{
	net_exit(&self->net);
}

static int new_socket(struct net *net, enum host host, int type)
{
	int fd;

	net_enter(net, host);
	fd = socket(net_family, type, 0);
	if (fd < 0)
		net_fatal("socket");
	return fd;
}

static void share(int fd, int on)
{
	if (net_is_inet())
		net_setopt(fd, SOL_SOCKET, SO_REUSEPORT, on);
	else
		net_setopt(fd, SOL_TEACH, TEACH_REUSEPORT, on);
}

/* One more on the port: its errno, or 0. */
static int join(int fd, const char *ip)
{
	int type = net_getopt(fd, SOL_SOCKET, SO_TYPE);

	if (net_bind(fd, ip, NET_PORT))
		return errno;
	return type == SOCK_STREAM ? net_err(listen(fd, CLIENTS)) : 0;
}

static int member(struct net *net, int type, const char *ip)
{
	int fd = new_socket(net, B, type);

	share(fd, 1);
	errno = join(fd, ip);
	if (errno)
		net_fatal("a socket for the group");
	return fd;
}

static void found(struct net *net, int type, int *fd, int members)
{
	int i;

	for (i = 0; i < members; i++)
		fd[i] = member(net, type, ANY);
}

/* A connection or a datagram comes, from a port or 0 for any. */
static int come(struct net *net, int type, int port, char byte)
{
	struct sockaddr_in to = net_addr(ADDR_B, NET_PORT);
	int fd = new_socket(net, A, type);

	net_setopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* What this port was used for may take a moment to end. */
	if (net_bind(fd, ADDR_A, port) ||
	    !net_until(!connect(fd, (struct sockaddr *)&to, sizeof(to))) ||
	    (type == SOCK_DGRAM && send(fd, &byte, 1, 0) != 1))
		net_fatal("client");
	return fd;
}

/* Which of them has it; and take it from there.  -1 if nobody has. */
static int taken_by(int type, const int *fd, int members)
{
	struct pollfd poll_fd[MEMBERS] = {};
	int i, got;
	char byte;

	for (i = 0; i < members; i++) {
		poll_fd[i].fd = fd[i];
		poll_fd[i].events = POLLIN;
	}
	if (poll(poll_fd, members, NET_DEADLINE_MS) != 1)
		return -1;
	for (i = 0; !poll_fd[i].revents; i++)
		;
	if (type == SOCK_DGRAM)
		return recv(fd[i], &byte, 1, 0) == 1 ? i : -1;
	got = net_accept(fd[i]);
	net_abort(got);
	return i;
}

static int chosen(struct net *net, int type, const int *fd, int members)
{
	int client = come(net, type, 0, 0);
	int i = taken_by(type, fd, members);

	close(client);
	return i;
}

TEST_F(reuseport, shares)
{
	int i, who, count[MEMBERS] = {};

	found(&self->net, variant->type, self->fd, MEMBERS);
	for (i = 0; i < CLIENTS; i++) {
		who = chosen(&self->net, variant->type, self->fd, MEMBERS);
		ASSERT_LE(0, who);
		count[who]++;
	}
	for (i = 0; i < MEMBERS; i++)
		EXPECT_LT(0, count[i]);
}

/* The same 5-tuple is always for the same one. */
TEST_F(reuseport, keeps_to_its_choice)
{
	int i, client, first = -1, who;

	found(&self->net, variant->type, self->fd, MEMBERS);
	for (i = 0; i < 4; i++) {
		client = come(&self->net, variant->type, 5000, 0);
		who = taken_by(variant->type, self->fd, MEMBERS);
		if (first < 0)
			first = who;
		ASSERT_LE(0, who);
		EXPECT_EQ(first, who);
		close(client);
	}
}

TEST_F(reuseport, all_must_say_so)
{
	int first = member(&self->net, variant->type, ANY);
	int other = new_socket(&self->net, B, variant->type);

	EXPECT_EQ(EADDRINUSE, join(other, ANY));
	EXPECT_EQ(EADDRINUSE, join(other, ADDR_B));
	share(other, 1);
	EXPECT_EQ(0, join(other, ANY));
	close(first);
	close(other);

	first = new_socket(&self->net, B, variant->type);
	ASSERT_EQ(0, join(first, ANY));
	other = new_socket(&self->net, B, variant->type);
	share(other, 1);
	EXPECT_EQ(EADDRINUSE, join(other, ANY));
}

TEST_F(reuseport, all_are_of_one_user)
{
	int other, first = member(&self->net, variant->type, ANY);

	ASSERT_EQ(0, seteuid(USER));
	other = socket(net_family, variant->type, 0);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, seteuid(0));
	share(other, 1);
	EXPECT_EQ(EADDRINUSE, join(other, ANY));
	EXPECT_EQ(EADDRINUSE, join(other, ADDR_B));
	close(first);
	EXPECT_EQ(0, join(other, ANY));
}

TEST_F(reuseport, option)
{
	int level = net_is_inet() ? SOL_SOCKET : SOL_TEACH;
	int opt = net_is_inet() ? SO_REUSEPORT : TEACH_REUSEPORT;
	int fd = new_socket(&self->net, B, variant->type);
	char byte = 1;

	EXPECT_EQ(0, net_getopt(fd, level, opt));
	share(fd, 5);
	EXPECT_EQ(1, net_getopt(fd, level, opt));
	EXPECT_EQ(1, net_getopt(fd, SOL_SOCKET, SO_REUSEPORT));
	EXPECT_EQ(-1, setsockopt(fd, level, opt, &byte, sizeof(byte)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, setsockopt(fd, level, opt, (void *)8, sizeof(int)));
	EXPECT_EQ(EFAULT, errno);
	share(fd, 0);
	EXPECT_EQ(0, net_getopt(fd, level, opt));
}

/* Who has gone is not chosen any more; who comes back is. */
TEST_F(reuseport, comes_and_goes)
{
	int i, who, back = 0;

	found(&self->net, variant->type, self->fd, 2);
	close(self->fd[0]);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, chosen(&self->net, variant->type, self->fd + 1,
				    1));
	self->fd[0] = member(&self->net, variant->type, ANY);
	for (i = 0; i < CLIENTS && !back; i++) {
		who = chosen(&self->net, variant->type, self->fd, 2);
		ASSERT_LE(0, who);
		back = who == 0;
	}
	EXPECT_TRUE(back);
}

/* A group for one address is nearer than one for any. */
TEST_F(reuseport, nearest_group)
{
	int i, who;

	found(&self->net, variant->type, self->fd, 2);
	self->fd[2] = member(&self->net, variant->type, ADDR_B);
	self->fd[3] = member(&self->net, variant->type, ADDR_B);
	for (i = 0; i < 16; i++) {
		who = chosen(&self->net, variant->type, self->fd, MEMBERS);
		ASSERT_LE(2, who);
	}
}

static int attach(int fd, struct sock_filter *code, int len)
{
	const struct sock_fprog prog = { .len = len, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog,
			  sizeof(prog));
}

static int attach_constant(int fd, int index)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, index),
	};

	return attach(fd, code, 1);
}

TEST_F(reuseport, program_chooses)
{
	int i, j;

	found(&self->net, variant->type, self->fd, MEMBERS);
	for (i = 0; i < MEMBERS; i++) {
		/* It is all the group's, whoever got it. */
		ASSERT_EQ(0, attach_constant(self->fd[0], i));
		for (j = 0; j < 4; j++)
			EXPECT_EQ(i, chosen(&self->net, variant->type, self->fd,
					    MEMBERS));
	}
}

static bool somebody_else(struct net *net, int type, const int *fd, int not)
{
	int i, who;

	for (i = 0; i < CLIENTS; i++) {
		who = chosen(net, type, fd, MEMBERS);
		if (who >= 0 && who != not)
			return true;
	}
	return false;
}

TEST_F(reuseport, without_an_answer_the_hash_chooses)
{
	const int any = 0;

	found(&self->net, variant->type, self->fd, MEMBERS);
	ASSERT_EQ(0, attach_constant(self->fd[0], 1));
	EXPECT_EQ(1, chosen(&self->net, variant->type, self->fd, MEMBERS));
	ASSERT_EQ(0, attach_constant(self->fd[0], MEMBERS));
	EXPECT_TRUE(somebody_else(&self->net, variant->type, self->fd, 1));

	ASSERT_EQ(0, attach_constant(self->fd[0], 1));
	EXPECT_EQ(0, setsockopt(self->fd[2], SOL_SOCKET,
				SO_DETACH_REUSEPORT_BPF, &any, sizeof(any)));
	EXPECT_TRUE(somebody_else(&self->net, variant->type, self->fd, 1));
	EXPECT_EQ(-1, setsockopt(self->fd[2], SOL_SOCKET,
				 SO_DETACH_REUSEPORT_BPF, &any, sizeof(any)));
	EXPECT_EQ(ENOENT, errno);
}

/* The program sees what is behind the transport's header. */
TEST_F(reuseport, program_sees_the_data)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	int i, client;

	found(&self->net, variant->type, self->fd, MEMBERS);
	ASSERT_EQ(0, attach(self->fd[0], code, 2));
	for (i = 0; i < MEMBERS; i++) {
		client = come(&self->net, variant->type, 0, i);
		/* A SYN has none; a load from nowhere answers 0. */
		EXPECT_EQ(variant->type == SOCK_DGRAM ? i : 0,
			  taken_by(variant->type, self->fd, MEMBERS));
		close(client);
	}
}

TEST_F(reuseport, extended_program_chooses)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 2 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type	= BPF_PROG_TYPE_SOCKET_FILTER,
		.insns		= (uintptr_t)code,
		.insn_cnt	= ARRAY_SIZE(code),
		.license	= (uintptr_t)"GPL",
	};
	int i, prog = syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	ASSERT_LE(0, prog);
	found(&self->net, variant->type, self->fd, MEMBERS);
	ASSERT_EQ(0, setsockopt(self->fd[3], SOL_SOCKET,
				SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)));
	close(prog);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(2, chosen(&self->net, variant->type, self->fd,
				    MEMBERS));
}

/* A group can be founded by its program; nobody brings a second one. */
TEST_F(reuseport, program_comes_first)
{
	int first = new_socket(&self->net, B, variant->type);
	int other = new_socket(&self->net, B, variant->type);

	EXPECT_EQ(-1, attach_constant(first, 0));
	EXPECT_EQ(EINVAL, errno);
	share(first, 1);
	share(other, 1);
	EXPECT_EQ(0, attach_constant(first, 0));
	EXPECT_EQ(0, attach_constant(other, 0));
	EXPECT_EQ(0, join(first, ANY));
	EXPECT_EQ(EADDRINUSE, join(other, ANY));
	close(other);
	other = member(&self->net, variant->type, ANY);
	self->fd[0] = first;
	self->fd[1] = other;
	EXPECT_EQ(0, chosen(&self->net, variant->type, self->fd, 2));
}

/* What waits in the queue of one is not the others'. */
TEST_F(reuseport, closed_listener_resets_its_own)
{
	int client, byte;

	if (variant->type != SOCK_STREAM)
		SKIP(return, "a datagram socket accepts nobody");
	found(&self->net, variant->type, self->fd, 2);
	ASSERT_EQ(0, attach_constant(self->fd[0], 0));
	client = come(&self->net, variant->type, 0, 0);
	ASSERT_TRUE(net_wait_poll(self->fd[0], POLLIN));
	close(self->fd[0]);
	EXPECT_EQ(-1, recv(client, &byte, 1, 0));
	EXPECT_EQ(ECONNRESET, errno);
	EXPECT_EQ(0, chosen(&self->net, variant->type, self->fd + 1, 1));
}

/* Who is connected has its peer's; the others share the rest. */
TEST_F(reuseport, connected)
{
	struct sockaddr_in peer = net_addr(ADDR_A, 5000);
	int i, client;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "a connection is of no group");
	found(&self->net, variant->type, self->fd, 2);
	ASSERT_EQ(0, connect(self->fd[0], (struct sockaddr *)&peer,
			     sizeof(peer)));
	for (i = 0; i < 4; i++) {
		client = come(&self->net, variant->type, 5000, 0);
		EXPECT_EQ(0, taken_by(variant->type, self->fd, 2));
		close(client);
		EXPECT_EQ(1, chosen(&self->net, variant->type, self->fd, 2));
	}
}

TEST_HARNESS_MAIN
