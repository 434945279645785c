// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors and what they stand for: one connection may have many, in one
 * process or several, and ends with the last; shutdown(2) is for all of them;
 * and when there are no more to be had, no connection is lost.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "kselftest_harness.h"

#include "net.h"

#define NOBODY		65534
#define FDS_MAX		4
#define FILE_MAX	"/proc/sys/fs/file-max"

FIXTURE(descriptors) {
	struct net net;
	int fd[2];
	int port;	/* A's */
};

FIXTURE_SETUP(descriptors)
{
	net_init(&self->net);
	net_pair(&self->net, self->fd);
	self->port = net_local_port(self->fd[A]);
}

FIXTURE_TEARDOWN(descriptors)
{
	net_exit(&self->net);
}

/* A byte gets through, and the end of the stream has not come before it. */
static bool is_open(int from, int to)
{
	net_send_all(from, 1, 0);
	net_recv_all(to, 1, 0);
	return !net_poll(to, POLLIN | POLLRDHUP, 0);
}

static bool ended(int fd)
{
	return net_wait_poll(fd, POLLRDHUP) && !net_drain(fd, 0);
}

/*
 * dup(2)
 */

TEST_F(descriptors, dup)
{
	int copy = dup(self->fd[A]);

	close(self->fd[A]);
	EXPECT_TRUE(is_open(copy, self->fd[B]));
	EXPECT_TRUE(is_open(self->fd[B], copy));
	close(copy);
	EXPECT_TRUE(ended(self->fd[B]));
}

/* What was at the number is closed, as by close(2). */
TEST_F(descriptors, dup2_over_a_connection)
{
	int null = open("/dev/null", O_RDWR);
	int copy = dup(self->fd[A]);

	ASSERT_EQ(self->fd[A], dup2(null, self->fd[A]));
	EXPECT_TRUE(is_open(copy, self->fd[B]));
	ASSERT_EQ(copy, dup2(null, copy));
	EXPECT_TRUE(ended(self->fd[B]));
}

/* O_NONBLOCK is the file's, FD_CLOEXEC the descriptor's. */
TEST_F(descriptors, dup_shares_flags)
{
	int copy = fcntl(self->fd[A], F_DUPFD_CLOEXEC, 0);

	EXPECT_EQ(FD_CLOEXEC, fcntl(copy, F_GETFD));
	EXPECT_EQ(0, fcntl(self->fd[A], F_GETFD));
	net_nonblock(self->fd[A], true);
	EXPECT_EQ(O_RDWR | O_NONBLOCK, fcntl(copy, F_GETFL));
}

TEST_F(descriptors, dup_of_listener)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	int copy = dup(listener);
	int fd;

	close(listener);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_accept(copy);
	close(copy);
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
}

/* epoll(7), questions and answers 6: it is the file that is watched. */
TEST_F(descriptors, epoll_watches_the_file)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 5 };
	int copy = dup(self->fd[B]);
	int epfd = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd[B], &event));
	close(self->fd[B]);
	net_send_all(self->fd[A], 1, 0);
	event.data.u32 = 0;
	EXPECT_EQ(1, epoll_wait(epfd, &event, 1, NET_DEADLINE_MS));
	EXPECT_EQ(5, event.data.u32);
	close(copy);
	EXPECT_EQ(0, epoll_wait(epfd, &event, 1, 0));
}

/*
 * fork(2) and execve(2)
 */

/* A child that does something when it is told to, and then ends. */
struct child {
	pid_t pid;
	int gate;
};

static void child_start(struct child *child, void (*fn)(int fd), int fd)
{
	int gate[2];
	char byte;

	if (pipe2(gate, O_CLOEXEC))
		net_fatal("pipe2");
	child->pid = fork();
	if (child->pid < 0)
		net_fatal("fork");
	if (!child->pid) {
		close(gate[1]);
		if (read(gate[0], &byte, 1))
			net_fatal("gate");
		fn(fd);
		_exit(0);
	}
	close(gate[0]);
	child->gate = gate[1];
}

/* Tell it; true when it has ended well. */
static bool child_end(struct child *child)
{
	int status;

	close(child->gate);
	if (waitpid(child->pid, &status, 0) != child->pid)
		net_fatal("waitpid");
	return !status;
}

static void only_end(int fd)
{
}

static void send_ten(int fd)
{
	net_send_all(fd, 10, 0);
}

static void recv_ten(int fd)
{
	net_recv_all(fd, 10, 0);
}

static void close_it(int fd)
{
	close(fd);
}

static void shut_it(int fd)
{
	if (shutdown(fd, SHUT_RDWR))
		net_fatal("shutdown");
}

TEST_F(descriptors, fork)
{
	struct child child;

	child_start(&child, send_ten, self->fd[A]);
	EXPECT_TRUE(is_open(self->fd[A], self->fd[B]));
	close(self->fd[A]);
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN | POLLRDHUP, NET_QUIET_MS));
	EXPECT_TRUE(child_end(&child));
	EXPECT_EQ(10, net_drain(self->fd[B], 0));
}

/* The parent has it still when the child has gone. */
TEST_F(descriptors, fork_child_first)
{
	struct child child;

	child_start(&child, close_it, self->fd[A]);
	EXPECT_TRUE(child_end(&child));
	EXPECT_TRUE(is_open(self->fd[A], self->fd[B]));
	close(self->fd[A]);
	EXPECT_TRUE(ended(self->fd[B]));
}

/* What one has read the other does not see. */
TEST_F(descriptors, fork_shares_the_stream)
{
	struct child child;

	child_start(&child, recv_ten, self->fd[B]);
	net_send_all(self->fd[A], 20, 0);
	EXPECT_TRUE(child_end(&child));
	net_recv_all(self->fd[B], 10, 10);
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN, 0));
}

TEST_F(descriptors, fork_of_listener)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	struct child child;
	int fd;

	child_start(&child, only_end, listener);
	close(listener);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_TRUE(child_end(&child));
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
}

/* Start cat(1), which ends when its input, returned, does. */
static int start_program(pid_t *pid, int only)
{
	int gate[2];

	if (pipe2(gate, O_CLOEXEC))
		net_fatal("pipe2");
	*pid = fork();
	if (*pid < 0)
		net_fatal("fork");
	if (!*pid) {
		dup2(gate[0], STDIN_FILENO);
		execlp("cat", "cat", NULL);
		net_fatal("cat");
	}
	close(gate[0]);
	close(only);
	return gate[1];
}

TEST_F(descriptors, exec_keeps_it)
{
	pid_t pid;
	int gate;

	gate = start_program(&pid, self->fd[A]);
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN | POLLRDHUP, NET_QUIET_MS));
	EXPECT_EQ(TCP_ESTABLISHED,
		  net_state(&self->net, A, self->port, NET_PORT));
	close(gate);
	EXPECT_TRUE(ended(self->fd[B]));
	waitpid(pid, NULL, 0);
}

/* The program runs on; the connection has ended. */
TEST_F(descriptors, exec_closes_it)
{
	pid_t pid;
	int gate;

	ASSERT_EQ(0, fcntl(self->fd[A], F_SETFD, FD_CLOEXEC));
	gate = start_program(&pid, self->fd[A]);
	EXPECT_TRUE(ended(self->fd[B]));
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	close(gate);
	waitpid(pid, NULL, 0);
}

/* From socket(2) and from accept4(2), not from the listener. */
TEST_F(descriptors, cloexec)
{
	int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = net_socket(&self->net, A, flags);
	int listener;

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR | O_NONBLOCK, fcntl(fd, F_GETFL));

	listener = net_listen(&self->net, B, NET_PORT, 4);
	ASSERT_EQ(0, fcntl(listener, F_SETFD, FD_CLOEXEC));
	net_nonblock(listener, true);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_until(net_count(&self->net, B,
					TCP_ESTABLISHED) == 3));
	fd = net_accept(listener);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL));
	/* An unknown flag costs no connection. */
	EXPECT_EQ(EINVAL, net_err(accept4(listener, NULL, NULL, 1)));
	fd = accept4(listener, NULL, NULL, flags);
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR | O_NONBLOCK, fcntl(fd, F_GETFL));
}

/*
 * SCM_RIGHTS: unix(7)
 */

static void pass(int to, const int *fds, int count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {};
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	if (sendmsg(to, &msg, 0) != 1)
		net_fatal("SCM_RIGHTS");
}

/* The first descriptor of the message; -1, and its flags, if it has none. */
static int take(int from, int flags, int *msg_flags)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {};
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(from, &msg, flags) != 1)
		net_fatal("recvmsg of a descriptor");
	if (msg_flags)
		*msg_flags = msg.msg_flags;
	if (!msg.msg_controllen || control.head.cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

static void local_pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		net_fatal("socketpair");
}

TEST_F(descriptors, passed)
{
	int local[2], fd;

	local_pair(local);
	pass(local[0], &self->fd[A], 1);
	close(self->fd[A]);
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN | POLLRDHUP, NET_QUIET_MS));
	fd = take(local[1], 0, NULL);
	EXPECT_TRUE(is_open(fd, self->fd[B]));
	EXPECT_TRUE(is_open(self->fd[B], fd));
	EXPECT_EQ(self->port, net_local_port(fd));
	close(fd);
	EXPECT_TRUE(ended(self->fd[B]));
}

static void take_and_send(int from)
{
	net_send_all(take(from, 0, NULL), 10, 0);
}

/* To a process that has never had it, and that lives on the other host. */
TEST_F(descriptors, passed_to_a_process)
{
	int local[2], fd, peer, listener;
	struct child child;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	local_pair(local);
	child_start(&child, take_and_send, local[1]);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	peer = net_accept(listener);
	pass(local[0], &fd, 1);
	close(fd);
	EXPECT_EQ(0, net_poll(peer, POLLIN | POLLRDHUP, NET_QUIET_MS));
	EXPECT_TRUE(child_end(&child));
	EXPECT_EQ(10, net_drain(peer, 0));
}

TEST_F(descriptors, passed_listener)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	int local[2], fd, peer;

	local_pair(local);
	/* One waits to be accepted; one comes when nobody has the listener. */
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	pass(local[0], &listener, 1);
	close(listener);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	listener = take(local[1], 0, NULL);
	peer = net_accept(listener);
	EXPECT_TRUE(is_open(fd, peer));
	net_accept(listener);
	close(listener);
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
}

/* A message that nobody has read holds what is in it, and lets it go. */
TEST_F(descriptors, passed_and_not_taken)
{
	int local[2];

	local_pair(local);
	pass(local[0], &self->fd[A], 1);
	close(self->fd[A]);
	close(local[0]);
	EXPECT_EQ(0, net_poll(self->fd[B], POLLIN | POLLRDHUP, NET_QUIET_MS));
	close(local[1]);
	EXPECT_TRUE(ended(self->fd[B]));
}

/*
 * A message that only who reads it could read: nobody can.  The kernel finds
 * such by looking for them, when a local socket is closed.
 */
TEST_F(descriptors, passed_in_a_circle)
{
	int local[2];
	int fds[3];

	local_pair(local);
	fds[0] = self->fd[A];
	fds[1] = local[0];
	fds[2] = local[1];
	pass(local[0], fds, 3);
	close(self->fd[A]);
	close(local[0]);
	close(local[1]);
	local_pair(local);
	close(local[0]);
	close(local[1]);
	EXPECT_TRUE(ended(self->fd[B]));
}

TEST_F(descriptors, passed_with_cloexec)
{
	int local[2], fd;

	local_pair(local);
	pass(local[0], &self->fd[A], 1);
	pass(local[0], &self->fd[A], 1);
	fd = take(local[1], MSG_CMSG_CLOEXEC, NULL);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	fd = take(local[1], 0, NULL);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, fcntl(self->fd[A], F_GETFD));
}

/*
 * Too many
 */

/* The next descriptor would be one too many. */
static void allow_no_more(struct rlimit *before)
{
	struct rlimit limit;
	int next = dup(STDIN_FILENO);

	close(next);
	if (next < 0 || getrlimit(RLIMIT_NOFILE, before))
		net_fatal("RLIMIT_NOFILE");
	limit = *before;
	limit.rlim_cur = next;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		net_fatal("RLIMIT_NOFILE %d", next);
}

static void allow_again(const struct rlimit *before)
{
	if (setrlimit(RLIMIT_NOFILE, before))
		net_fatal("RLIMIT_NOFILE");
}

/* A listener of B's and a client of it who has sent a byte. */
static int waiting_client(const struct net *net, int *client)
{
	int listener = net_listen(net, B, NET_PORT, 4);

	net_nonblock(listener, true);
	*client = net_client(net, A, ADDR_B, NET_PORT);
	net_send_all(*client, 1, 0);
	if (!net_wait_poll(listener, POLLIN))
		net_fatal("no connection");
	return listener;
}

TEST_F(descriptors, emfile_accept)
{
	struct rlimit before;
	int listener, client, fd;

	listener = waiting_client(&self->net, &client);
	allow_no_more(&before);
	EXPECT_EQ(EMFILE, net_err(accept(listener, NULL, NULL)));
	EXPECT_EQ(EMFILE, net_err(accept(listener, NULL, NULL)));
	/* It waits on, with its bytes. */
	EXPECT_EQ(POLLIN, net_poll(listener, POLLIN, 0));
	EXPECT_EQ(0, net_poll(client, POLLIN | POLLRDHUP, 0));
	/* A number becomes free. */
	close(self->fd[A]);
	fd = net_accept(listener);
	allow_again(&before);
	net_recv_all(fd, 1, 0);
	EXPECT_TRUE(is_open(fd, client));
	EXPECT_EQ(EAGAIN, net_err(accept(listener, NULL, NULL)));
}

/* Whoever cannot have a connection does not wait for one. */
TEST_F(descriptors, emfile_accept_does_not_wait)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);
	struct rlimit before;

	allow_no_more(&before);
	EXPECT_EQ(EMFILE, net_err(accept(listener, NULL, NULL)));
	allow_again(&before);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_accept(listener);
}

/* The socket that there was no number for is gone again. */
TEST_F(descriptors, emfile_socket)
{
	long sockets = net_protocol(&self->net, A, false);
	struct rlimit before;

	net_enter(&self->net, A);
	allow_no_more(&before);
	EXPECT_EQ(EMFILE, net_err(socket(net_family, SOCK_STREAM, 0)));
	allow_again(&before);
	EXPECT_TRUE(net_until(net_protocol(&self->net, A, false) == sockets));
}

/* A descriptor that cannot be taken is closed. */
TEST_F(descriptors, emfile_passed)
{
	struct rlimit before;
	int local[2], flags;

	local_pair(local);
	pass(local[0], &self->fd[A], 1);
	close(self->fd[A]);
	/* A closed number below the limit would be taken. */
	ASSERT_EQ(self->fd[A], dup2(local[0], self->fd[A]));
	allow_no_more(&before);
	EXPECT_EQ(-1, take(local[1], 0, &flags));
	allow_again(&before);
	EXPECT_TRUE(flags & MSG_CTRUNC);
	EXPECT_TRUE(ended(self->fd[B]));
}

/*
 * Open files have a limit for all processes as well, but not for those with
 * CAP_SYS_ADMIN: so nobody else in the guest can feel it.
 */
static int with_no_files(int (*fn)(int arg), int arg)
{
	char before[32];
	ssize_t len;
	int fd, err;

	fd = open(FILE_MAX, O_RDWR);
	len = pread(fd, before, sizeof(before), 0);
	if (len <= 0 || pwrite(fd, "0", 1, 0) != 1)
		net_fatal(FILE_MAX);
	err = seteuid(NOBODY) ? -1 : net_err(fn(arg));
	if (seteuid(0) || pwrite(fd, before, len, 0) != len)
		net_fatal("%s back", FILE_MAX);
	close(fd);
	return err;
}

static int call_accept(int listener)
{
	return accept(listener, NULL, NULL);
}

static int call_socket(int family)
{
	return socket(family, SOCK_STREAM, 0);
}

TEST_F(descriptors, enfile_accept)
{
	int listener, client, fd;

	listener = waiting_client(&self->net, &client);
	EXPECT_EQ(ENFILE, with_no_files(call_accept, listener));
	EXPECT_EQ(ENFILE, with_no_files(call_accept, listener));
	EXPECT_EQ(POLLIN, net_poll(listener, POLLIN, 0));
	EXPECT_EQ(0, net_poll(client, POLLIN | POLLRDHUP, 0));
	fd = net_accept(listener);
	net_recv_all(fd, 1, 0);
	EXPECT_TRUE(is_open(fd, client));
	EXPECT_EQ(EAGAIN, net_err(accept(listener, NULL, NULL)));
}

TEST_F(descriptors, enfile_socket)
{
	long sockets = net_protocol(&self->net, A, false);

	net_enter(&self->net, A);
	EXPECT_EQ(ENFILE, with_no_files(call_socket, net_family));
	EXPECT_TRUE(net_until(net_protocol(&self->net, A, false) == sockets));
}

/*
 * close(2) while another thread sleeps in a call: that holds the file, and
 * goes on; the connection ends with it.
 */

TEST_F(descriptors, close_under_recv)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
	};

	net_call(&call);
	close(self->fd[B]);
	EXPECT_FALSE(net_call_done(&call));
	EXPECT_EQ(TCP_ESTABLISHED,
		  net_state(&self->net, B, NET_PORT, self->port));
	net_send_all(self->fd[A], 5, 0);
	EXPECT_EQ(5, net_call_end(&call));
	EXPECT_TRUE(ended(self->fd[A]));
}

TEST_F(descriptors, close_by_child_under_recv)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
	};
	struct child child;

	child_start(&child, close_it, self->fd[B]);
	net_call(&call);
	EXPECT_TRUE(child_end(&child));
	EXPECT_FALSE(net_call_done(&call));
	net_send_all(self->fd[A], 5, 0);
	EXPECT_EQ(5, net_call_end(&call));
	EXPECT_TRUE(is_open(self->fd[B], self->fd[A]));
}

TEST_F(descriptors, close_under_send)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_send,
		.fd = self->fd[A],
		.buf = buf,
		.len = sizeof(buf),
	};
	size_t sum;

	sum = net_call_no_room(&call, 0);
	close(self->fd[A]);
	EXPECT_FALSE(net_call_done(&call));
	EXPECT_EQ(sum + 10, net_drain(self->fd[B], 0));
	EXPECT_EQ(10, net_call_end(&call));
}

TEST_F(descriptors, close_under_accept)
{
	struct net_call call = { .fn = net_call_accept };
	int fd;

	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	close(call.fd);
	EXPECT_FALSE(net_call_done(&call));
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_TRUE(is_open(fd, net_call_end(&call)));
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
}

TEST_F(descriptors, close_under_connect)
{
	struct net_call call = {
		.fn = net_call_connect,
		.addr = net_addr(ADDR_B, NET_PORT),
	};
	int listener;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	call.fd = net_socket(&self->net, A, 0);
	net_cut(&self->net, A);
	net_call(&call);
	close(call.fd);
	EXPECT_FALSE(net_call_done(&call));
	net_mend(&self->net, A);
	EXPECT_EQ(0, net_call_end(&call));
	EXPECT_TRUE(ended(net_accept(listener)));
}

static long call_poll(struct net_call *call)
{
	return net_poll(call->fd, call->flags, NET_DEADLINE_MS);
}

/* poll(2) looks the number up again when it is woken, and finds nothing. */
TEST_F(descriptors, close_under_poll)
{
	struct net_call call = {
		.fn = call_poll,
		.fd = self->fd[B],
		.flags = POLLIN,
	};

	net_call(&call);
	close(self->fd[B]);
	EXPECT_FALSE(net_call_done(&call));
	net_send_all(self->fd[A], 1, 0);
	EXPECT_EQ(POLLNVAL, net_call_end(&call));
	/* It ends with a byte that nobody has read. */
	EXPECT_TRUE(net_wait_poll(self->fd[A], POLLERR));
	EXPECT_EQ(ECONNRESET, net_so_error(self->fd[A]));
}

/*
 * shutdown(2), which is for all who have the connection, and wakes them
 */

TEST_F(descriptors, shutdown_is_for_all)
{
	int copy = dup(self->fd[A]);

	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_EQ(EPIPE, net_err(send(copy, "", 1, MSG_NOSIGNAL)));
	EXPECT_TRUE(ended(self->fd[B]));
}

TEST_F(descriptors, shutdown_by_child)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
	};
	struct child child;

	child_start(&child, shut_it, self->fd[B]);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	EXPECT_TRUE(child_end(&child));
	EXPECT_EQ(0, net_call_end(&call));
	EXPECT_EQ(EPIPE, net_err(send(self->fd[B], "", 1, MSG_NOSIGNAL)));
	EXPECT_TRUE(ended(self->fd[A]));
}

TEST_F(descriptors, shutdown_wakes_recv)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
	};

	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_RD));
	EXPECT_EQ(0, net_call_end(&call));
}

/* What was read already is what the call is worth. */
TEST_F(descriptors, shutdown_wakes_recv_waitall)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_recv,
		.fd = self->fd[B],
		.buf = buf,
		.len = sizeof(buf),
		.flags = MSG_WAITALL,
	};

	net_send_all(self->fd[A], 4, 0);
	ASSERT_TRUE(net_wait_poll(self->fd[B], POLLIN));
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_RD));
	EXPECT_EQ(4, net_call_end(&call));
	EXPECT_TRUE(net_pattern_ok(buf, 4, 0));
}

TEST_F(descriptors, shutdown_wakes_send)
{
	char buf[10];
	struct net_call call = {
		.fn = net_call_send,
		.fd = self->fd[A],
		.buf = buf,
		.len = sizeof(buf),
		.flags = MSG_NOSIGNAL,
	};
	size_t sum;

	sum = net_call_no_room(&call, 0);
	/* Nothing to the writer. */
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_RD));
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(self->fd[A], SHUT_WR));
	EXPECT_EQ(EPIPE, net_err(net_call_end(&call)));
	EXPECT_EQ(sum, net_drain(self->fd[B], 0));
}

TEST_F(descriptors, shutdown_wakes_accept)
{
	struct net_call calls[3];
	int i, fd, listener;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	for (i = 0; i < 3; i++) {
		calls[i] = (struct net_call) {
			.fn = net_call_accept,
			.fd = listener,
		};
		net_call(&calls[i]);
	}
	/* A listener has nothing to send. */
	ASSERT_EQ(0, shutdown(listener, SHUT_WR));
	for (i = 0; i < 3; i++)
		EXPECT_FALSE(net_call_done(&calls[i]));
	ASSERT_EQ(0, shutdown(listener, SHUT_RD));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(EINVAL, net_err(net_call_end(&calls[i])));
	fd = net_socket(&self->net, A, 0);
	EXPECT_EQ(ECONNREFUSED, net_err(net_connect(fd, ADDR_B, NET_PORT)));
	/* It can be begun again. */
	ASSERT_EQ(0, listen(listener, 4));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_accept(listener);
}

TEST_F(descriptors, shutdown_wakes_connect)
{
	struct net_call call = {
		.fn = net_call_connect,
		.addr = net_addr(ADDR_B, NET_PORT),
	};

	net_listen(&self->net, B, NET_PORT, 4);
	call.fd = net_socket(&self->net, A, 0);
	net_cut(&self->net, A);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(call.fd, SHUT_WR));
	EXPECT_EQ(ECONNRESET, net_err(net_call_end(&call)));
	net_mend(&self->net, A);
	EXPECT_EQ(0, net_err(net_connect(call.fd, ADDR_B, NET_PORT)));
}

TEST_F(descriptors, shutdown_wakes_poll)
{
	struct net_call call = {
		.fn = call_poll,
		.fd = self->fd[B],
		.flags = POLLIN | POLLRDHUP,
	};

	net_call(&call);
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_WR));
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_RD));
	EXPECT_EQ(POLLIN | POLLRDHUP | POLLHUP, net_call_end(&call));
}

TEST_F(descriptors, shutdown_wakes_poll_of_listener)
{
	struct net_call call = { .fn = call_poll, .flags = POLLIN };

	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(call.fd, SHUT_RD));
	EXPECT_EQ(POLLHUP, net_call_end(&call));
}

TEST_F(descriptors, shutdown_wakes_poll_of_connect)
{
	struct net_call call = { .fn = call_poll, .flags = POLLOUT };

	call.fd = net_socket(&self->net, A, SOCK_NONBLOCK);
	net_cut(&self->net, A);
	ASSERT_EQ(EINPROGRESS, net_err(net_connect(call.fd, ADDR_B,
						   NET_PORT)));
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(call.fd, SHUT_RDWR));
	EXPECT_EQ(POLLOUT | POLLERR | POLLHUP, net_call_end(&call));
	EXPECT_EQ(ECONNRESET, net_so_error(call.fd));
}

static long call_epoll(struct net_call *call)
{
	struct epoll_event event = {};

	if (epoll_wait(call->fd, &event, 1, NET_DEADLINE_MS) < 0)
		return -1;
	return event.events;
}

TEST_F(descriptors, shutdown_wakes_epoll)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
	};
	struct net_call call = { .fn = call_epoll, .fd = epoll_create1(0) };

	ASSERT_EQ(0, epoll_ctl(call.fd, EPOLL_CTL_ADD, self->fd[B], &event));
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_RD));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, net_call_end(&call));
	net_call(&call);
	ASSERT_EQ(0, shutdown(self->fd[B], SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, net_call_end(&call));
}

/*
 * What the kernel shows of a descriptor: proc(5)
 */

static unsigned long long inode_of(int fd)
{
	struct stat stat;

	if (fstat(fd, &stat))
		net_fatal("fstat");
	return stat.st_ino;
}

/* The number behind @word in /proc/self/fdinfo/FD; -1 when it is not there. */
static long long fdinfo_number(int fd, const char *word, int base)
{
	char path[64], line[128];
	size_t len = strlen(word);
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	if (!file)
		net_fatal("%s", path);
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, word, len))
			value = strtoll(line + len, NULL, base);
	fclose(file);
	return value;
}

TEST_F(descriptors, stat)
{
	int copy = dup(self->fd[A]);
	struct stat stat;

	ASSERT_EQ(0, fstat(self->fd[A], &stat));
	EXPECT_TRUE(S_ISSOCK(stat.st_mode));
	EXPECT_EQ(0777, stat.st_mode & 07777);
	EXPECT_EQ(geteuid(), stat.st_uid);
	EXPECT_EQ(0, stat.st_size);
	EXPECT_EQ(1, stat.st_nlink);
	EXPECT_EQ(stat.st_ino, inode_of(copy));
	EXPECT_NE(stat.st_ino, inode_of(self->fd[B]));
}

TEST_F(descriptors, proc_fd)
{
	char path[64], link[64] = "", want[64];
	int i;

	for (i = A; i <= B; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd[i]);
		snprintf(want, sizeof(want), "socket:[%llu]",
			 inode_of(self->fd[i]));
		memset(link, 0, sizeof(link));
		EXPECT_LT(0, readlink(path, link, sizeof(link) - 1));
		EXPECT_STREQ(want, link);
		EXPECT_EQ(ENXIO, net_err(open(path, O_RDWR)));
	}
}

TEST_F(descriptors, proc_fdinfo)
{
	int fd = self->fd[A];

	EXPECT_EQ(0, fdinfo_number(fd, "pos:", 10));
	EXPECT_EQ(O_RDWR, fdinfo_number(fd, "flags:", 8));
	EXPECT_EQ((long long)inode_of(fd), fdinfo_number(fd, "ino:", 10));
	net_nonblock(fd, true);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	EXPECT_EQ(O_RDWR | O_NONBLOCK | O_CLOEXEC,
		  fdinfo_number(fd, "flags:", 8));
}

/* The inode is how netstat(8) and lsof(8) find whose a connection is. */
static bool is_listed(const struct net *net, enum host host, int fd)
{
	int column = net_is_inet() ? 10 : 12;
	unsigned long long inode = inode_of(fd);
	char line[512], *word, *rest;
	bool found = false;
	FILE *file;
	int i;

	net_enter(net, host);
	file = fopen(net_is_inet() ? "/proc/thread-self/net/tcp" :
		     "/proc/thread-self/net/teach/sockets", "r");
	if (!file)
		net_fatal("the list of sockets");
	while (!found && fgets(line, sizeof(line), file)) {
		word = strtok_r(line, "\n ", &rest);
		for (i = 1; word && i < column; i++)
			word = strtok_r(NULL, "\n ", &rest);
		found = word && strtoull(word, NULL, 10) == inode;
	}
	fclose(file);
	return found;
}

TEST_F(descriptors, proc_net)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);

	EXPECT_TRUE(is_listed(&self->net, A, self->fd[A]));
	EXPECT_TRUE(is_listed(&self->net, B, self->fd[B]));
	EXPECT_TRUE(is_listed(&self->net, B, listener));
	EXPECT_FALSE(is_listed(&self->net, A, self->fd[B]));
}

static const char *protocol_name(void)
{
	return net_is_inet() ? "TCP" : "TEACH";
}

/* From this lsof(8) knows what a socket of an unknown family is. */
TEST_F(descriptors, protocol_name)
{
	int fd[3] = { self->fd[A], self->fd[B] };
	char name[32];
	int i;

	fd[2] = net_socket(&self->net, A, 0);
	for (i = 0; i < 3; i++) {
		memset(name, 0, sizeof(name));
		EXPECT_EQ((int)strlen(protocol_name()) + 1,
			  fgetxattr(fd[i], "system.sockprotoname", name,
				    sizeof(name)));
		EXPECT_STREQ(protocol_name(), name);
	}
	EXPECT_EQ(ERANGE, net_err(fgetxattr(fd[0], "system.sockprotoname",
					    name, 2)));
}

TEST_F(descriptors, lsof)
{
	char command[128], line[512];
	bool found = false;
	FILE *file;

	if (system("command -v lsof > /dev/null"))
		SKIP(return, "lsof is not installed");
	net_enter(&self->net, A);
	snprintf(command, sizeof(command), "lsof -nPw -a -p %d -d %d",
		 getpid(), self->fd[A]);
	file = popen(command, "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file))
		found = strstr(line, protocol_name()) || found;
	EXPECT_EQ(0, pclose(file));
	EXPECT_TRUE(found);
}

TEST_HARNESS_MAIN
