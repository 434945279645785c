// SPDX-License-Identifier: GPL-2.0
/*
 * A listener's two queues: half-open connections that wait for their third
 * segment, and whole ones that wait for accept(2).  What bounds them, and
 * what becomes of those who find them full.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "kselftest_harness.h"

#include "net.h"

/* Time enough for the backoff of every SYN of a crowd under emulation. */
#define CROWD_TIMEOUT	300

FIXTURE(queues) {
	struct net net;
};

FIXTURE_SETUP(queues)
{
	net_init(&self->net);
}

FIXTURE_TEARDOWN(queues)
{
	net_exit(&self->net);
}

static int begin(struct net *net, int port)
{
	int fd = net_socket(net, A, SOCK_NONBLOCK);

	if (net_err(net_connect(fd, ADDR_B, port)) != EINPROGRESS)
		net_fatal("connect that should be in progress");
	return fd;
}

static int connected(const int *fds, int count)
{
	int i, done = 0;

	for (i = 0; i < count; i++)
		done += !!(net_poll(fds[i], POLLOUT, 0) & POLLOUT);
	return done;
}

/* @count connections more in the accept queue, which has room for them. */
static void fill_accept_queue(struct net *net, int *fds, int count)
{
	int want = net_count(net, B, TCP_ESTABLISHED) + count;
	int i;

	for (i = 0; i < count; i++)
		fds[i] = net_client(net, A, ADDR_B, NET_PORT);
	if (!net_until(net_count(net, B, TCP_ESTABLISHED) >= want))
		net_fatal("%d connections on host B", want);
}

/* Start @count connections, and wait until they found the queue full. */
static void begin_in_vain(struct net *net, int *fds, int count)
{
	long long want = net_counter(net, B, "AcceptQueueOverflow") + count;
	int i;

	for (i = 0; i < count; i++)
		fds[i] = begin(net, NET_PORT);
	if (!net_until(net_counter(net, B, "AcceptQueueOverflow") >= want))
		net_fatal("%lld times a full accept queue", want);
}

TEST_F(queues, backlog_bounds_accept_queue)
{
	static const int backlogs[] = { 0, 1, 5 };
	int fds[10], listener, room;
	size_t i;
	int j;

	for (i = 0; i < ARRAY_SIZE(backlogs); i++) {
		listener = net_listen(&self->net, B, NET_PORT, backlogs[i]);
		/* As Linux counts: one more than the backlog. */
		room = backlogs[i] + 1;
		fill_accept_queue(&self->net, fds, room);
		begin_in_vain(&self->net, fds + room, 10 - room);
		for (j = 0; j < 10; j++)
			EXPECT_EQ(j < room ? POLLOUT : 0,
				  net_poll(fds[j], POLLOUT, 0));
		close(listener);
		for (j = 0; j < 10; j++)
			close(fds[j]);
	}
}

/* Room in the queue, and the next SYN comes through. */
TEST_F(queues, accept_makes_room)
{
	int listener, first, second;

	listener = net_listen(&self->net, B, NET_PORT, 0);
	fill_accept_queue(&self->net, &first, 1);
	begin_in_vain(&self->net, &second, 1);
	EXPECT_EQ(0, net_poll(second, POLLOUT, 0));
	net_accept(listener);
	EXPECT_TRUE(net_wait_poll(second, POLLOUT));
	EXPECT_EQ(0, net_so_error(second));
	net_accept(listener);
	EXPECT_EQ(0, net_poll(first, POLLIN, 0));
}

TEST_F(queues, overflow_is_counted)
{
	int fds[5], listener;

	listener = net_listen(&self->net, B, NET_PORT, 0);
	fill_accept_queue(&self->net, fds, 1);
	EXPECT_EQ(0, net_counter(&self->net, B, "AcceptQueueOverflow"));
	begin_in_vain(&self->net, fds + 1, 4);
	close(listener);
}

TEST_F(queues, somaxconn_bounds_backlog)
{
	int fds[10];

	net_sysctl_path(&self->net, B, "net/core/somaxconn", "3");
	net_listen(&self->net, B, NET_PORT, 1000);
	fill_accept_queue(&self->net, fds, 4);
	begin_in_vain(&self->net, fds + 4, 6);
	EXPECT_EQ(4, connected(fds, 10));
}

/* listen(2) takes its backlog as unsigned. */
TEST_F(queues, negative_backlog)
{
	int fds[10];

	net_listen(&self->net, B, NET_PORT, -1);
	fill_accept_queue(&self->net, fds, 10);
}

TEST_F(queues, listen_again)
{
	int fds[10], listener, more;

	listener = net_listen(&self->net, B, NET_PORT, 1);
	fill_accept_queue(&self->net, fds, 2);
	begin_in_vain(&self->net, &more, 1);
	EXPECT_EQ(0, net_poll(more, POLLOUT, 0));
	ASSERT_EQ(0, listen(listener, 20));
	fill_accept_queue(&self->net, fds, 10);
	EXPECT_TRUE(net_wait_poll(more, POLLOUT));

	/* A smaller backlog throws nobody out. */
	EXPECT_TRUE(net_until(net_count(&self->net, B,
					TCP_ESTABLISHED) == 13));
	ASSERT_EQ(0, listen(listener, 1));
	begin_in_vain(&self->net, &more, 1);
	close(more);
	net_nonblock(listener, true);
	for (more = 0; accept(listener, NULL, NULL) >= 0; more++)
		;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(13, more);
}

TEST_F(queues, accepted_in_order)
{
	int listener, fds[8];
	int i;

	listener = net_listen(&self->net, B, NET_PORT, 8);
	for (i = 0; i < 8; i++)
		fill_accept_queue(&self->net, &fds[i], 1);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(net_local_port(fds[i]),
			  net_peer_port(net_accept(listener)));
}

TEST_F(queues, nothing_to_accept)
{
	int listener = net_listen(&self->net, B, NET_PORT, 4);

	net_nonblock(listener, true);
	EXPECT_EQ(EAGAIN, net_err(accept(listener, NULL, NULL)));
	net_nonblock(listener, false);
	net_timeout(listener, SO_RCVTIMEO, 40);
	EXPECT_EQ(EAGAIN, net_err(accept(listener, NULL, NULL)));
	net_timeout(listener, SO_RCVTIMEO, 0);
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_accept(listener);
}

TEST_F(queues, accept_waits)
{
	struct net_call call = { .fn = net_call_accept };

	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	EXPECT_FALSE(net_call_done(&call));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_LE(0, net_call_end(&call));
}

/* One connection wakes one of those who wait, and the others stay. */
TEST_F(queues, many_wait)
{
	struct net_call calls[4] = {};
	int listener, i, done;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	for (i = 0; i < 4; i++) {
		calls[i].fn = net_call_accept;
		calls[i].fd = listener;
		net_call(&calls[i]);
	}
	for (done = 1; done <= 4; done++) {
		net_client(&self->net, A, ADDR_B, NET_PORT);
		EXPECT_TRUE(net_until(net_call_done(&calls[0]) +
				      net_call_done(&calls[1]) +
				      net_call_done(&calls[2]) +
				      net_call_done(&calls[3]) == done));
	}
	for (i = 0; i < 4; i++)
		EXPECT_LE(0, net_call_end(&calls[i]));
}

TEST_F(queues, not_a_listener)
{
	int fd = net_socket(&self->net, A, 0);
	int pair[2];

	EXPECT_EQ(EINVAL, net_err(accept(fd, NULL, NULL)));
	ASSERT_EQ(0, net_bind(fd, ADDR_ANY, 6000));
	EXPECT_EQ(EINVAL, net_err(accept(fd, NULL, NULL)));
	net_pair(&self->net, pair);
	EXPECT_EQ(EINVAL, net_err(accept(pair[A], NULL, NULL)));
	EXPECT_EQ(EINVAL, net_err(listen(pair[A], 1)));
	EXPECT_EQ(EINVAL, net_err(listen(pair[B], 1)));
}

/* What a listener is not for. */
TEST_F(queues, listener_is_no_stream)
{
	int fd = net_listen(&self->net, B, NET_PORT, 4);
	char byte = 0;

	EXPECT_EQ(ENOTCONN, net_err(recv(fd, &byte, 1, 0)));
	EXPECT_EQ(EPIPE, net_err(send(fd, &byte, 1, MSG_NOSIGNAL)));
	EXPECT_EQ(EISCONN, net_err(net_connect(fd, ADDR_A, 80)));
}

TEST_F(queues, child_closes_listener_goes_on)
{
	int listener, i;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	for (i = 0; i < 20; i++) {
		int fd = net_client(&self->net, A, ADDR_B, NET_PORT);
		int child = net_accept(listener);

		net_send_all(child, 10, i);
		close(child);
		EXPECT_EQ(10 + i, net_drain(fd, i));
		close(fd);
	}
	EXPECT_EQ(TCP_LISTEN, net_state(&self->net, B, NET_PORT, 0));
}

/* A client that is gone before accept(2) does no harm. */
TEST_F(queues, reset_while_queued)
{
	int listener, fd, child;
	char byte;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fill_accept_queue(&self->net, &fd, 1);
	net_abort(fd);
	ASSERT_TRUE(net_until(!net_count(&self->net, B, TCP_ESTABLISHED)));
	EXPECT_TRUE(net_wait_poll(listener, POLLIN));
	child = net_accept(listener);
	EXPECT_EQ(ECONNRESET, net_err(recv(child, &byte, 1, 0)));
	EXPECT_EQ(0, net_err(recv(child, &byte, 1, 0)));
}

TEST_F(queues, close_resets_queued)
{
	int listener, fds[3], i;
	char byte;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fill_accept_queue(&self->net, fds, 3);
	close(listener);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(net_wait_poll(fds[i], POLLERR));
		EXPECT_EQ(ECONNRESET, net_err(recv(fds[i], &byte, 1, 0)));
	}
	EXPECT_EQ(0, net_count(&self->net, A, 0));
	EXPECT_EQ(0, net_count(&self->net, B, 0));
}

/* shutdown(2) of a listener is the same, and it can listen again. */
TEST_F(queues, shutdown_listener)
{
	int listener, fd;
	char byte;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	fd = net_client(&self->net, A, ADDR_B, NET_PORT);
	ASSERT_TRUE(net_wait_poll(listener, POLLIN));
	/* Of the writing half it is nothing. */
	EXPECT_EQ(0, net_err(shutdown(listener, SHUT_WR)));
	EXPECT_EQ(TCP_LISTEN, net_state(&self->net, B, NET_PORT, 0));
	EXPECT_EQ(0, net_err(shutdown(listener, SHUT_RD)));
	EXPECT_EQ(0, net_state(&self->net, B, NET_PORT, 0));
	ASSERT_TRUE(net_wait_poll(fd, POLLERR));
	EXPECT_EQ(ECONNRESET, net_err(recv(fd, &byte, 1, 0)));
	EXPECT_EQ(EINVAL, net_err(accept(listener, NULL, NULL)));
	EXPECT_EQ(0, net_err(listen(listener, 4)));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	net_accept(listener);
}

TEST_F(queues, shutdown_wakes_accept)
{
	struct net_call call = { .fn = net_call_accept };

	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	ASSERT_EQ(0, shutdown(call.fd, SHUT_RD));
	EXPECT_EQ(EINVAL, net_err(net_call_end(&call)));
}

/* close(2) while another thread accepts: it goes on with what it has. */
TEST_F(queues, close_during_accept)
{
	struct net_call call = { .fn = net_call_accept };

	call.fd = net_listen(&self->net, B, NET_PORT, 4);
	net_call(&call);
	close(call.fd);
	EXPECT_FALSE(net_call_done(&call));
	net_client(&self->net, A, ADDR_B, NET_PORT);
	EXPECT_LE(0, net_call_end(&call));
	EXPECT_TRUE(net_until(!net_count(&self->net, B, TCP_LISTEN)));
}

/*
 * B's answers are lost, so its connections stay half-open.  As Linux counts:
 * as many as the backlog, and since 6.12 one more.
 */
TEST_F(queues, backlog_bounds_syn_queue)
{
	int listener, fds[20], i;

	/* Else those who find it full are answered nevertheless: cookies.c. */
	net_sysctl(&self->net, B, "syncookies", "0");
	listener = net_listen(&self->net, B, NET_PORT, 4);
	net_cut(&self->net, B);
	for (i = 0; i < 20; i++)
		fds[i] = begin(&self->net, NET_PORT);
	EXPECT_TRUE(net_until(net_count(&self->net, B, TCP_SYN_RECV) >= 4));
	net_quiet();
	EXPECT_LE(4, net_count(&self->net, B, TCP_SYN_RECV));
	EXPECT_GE(5, net_count(&self->net, B, TCP_SYN_RECV));
	EXPECT_EQ(0, net_poll(listener, POLLIN, 0));

	/* Once B is heard again they all get in, a few at a time. */
	net_mend(&self->net, B);
	for (i = 0; i < 20; i++)
		net_accept(listener);
	for (i = 0; i < 20; i++)
		EXPECT_TRUE(net_wait_poll(fds[i], POLLOUT));
	EXPECT_EQ(0, net_count(&self->net, B, TCP_SYN_RECV));
}

TEST_F(queues, max_syn_backlog_bounds_syn_queue)
{
	int i;

	net_sysctl(&self->net, B, "syncookies", "0");
	net_sysctl(&self->net, B, "max_syn_backlog", "8");
	net_listen(&self->net, B, NET_PORT, 100);
	net_cut(&self->net, B);
	for (i = 0; i < 20; i++)
		begin(&self->net, NET_PORT);
	EXPECT_TRUE(net_until(net_count(&self->net, B, TCP_SYN_RECV) >= 6));
	net_quiet();
	EXPECT_GE(8, net_count(&self->net, B, TCP_SYN_RECV));
}

TEST_F(queues, close_drops_half_open)
{
	int listener, fd;

	listener = net_listen(&self->net, B, NET_PORT, 4);
	net_cut(&self->net, B);
	fd = begin(&self->net, NET_PORT);
	ASSERT_TRUE(net_wait_state(&self->net, B, NET_PORT,
				   net_local_port(fd), TCP_SYN_RECV));
	close(listener);
	EXPECT_TRUE(net_until(!net_count(&self->net, B, TCP_SYN_RECV)));
	net_mend(&self->net, B);
	/* The SYN is sent again, and nobody listens any more. */
	ASSERT_TRUE(net_wait_poll(fd, POLLERR));
	EXPECT_EQ(ECONNREFUSED, net_so_error(fd));
}

/* Three more half-open connections than the accept queue has room for. */
static int overflow(struct net *net, int *fds)
{
	int listener, i;

	listener = net_listen(net, B, NET_PORT, 3);
	fill_accept_queue(net, fds, 3);
	net_cut(net, B);
	for (i = 3; i < 6; i++)
		fds[i] = begin(net, NET_PORT);
	if (!net_until(net_count(net, B, TCP_SYN_RECV) == 3))
		net_fatal("not three half-open connections");
	net_mend(net, B);
	for (i = 3; i < 6; i++)
		if (!net_wait_poll(fds[i], POLLOUT))
			net_fatal("client %d", i);
	return listener;
}

TEST_F(queues, overflow_waits)
{
	int listener, fds[6], i;

	listener = overflow(&self->net, fds);
	/* Queue full: the client's third segment is as if it were lost. */
	EXPECT_TRUE(net_until(net_count(&self->net, B, TCP_SYN_RECV) <= 2));
	net_quiet();
	EXPECT_EQ(2, net_count(&self->net, B, TCP_SYN_RECV));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(POLLOUT, net_poll(fds[i], POLLIN | POLLOUT, 0));
	for (i = 0; i < 6; i++)
		net_send_all(fds[i], 10, 0);
	for (i = 0; i < 6; i++)
		net_recv_all(net_accept(listener), 10, 0);
}

TEST_F(queues, abort_on_overflow)
{
	int fds[6], i, reset = 0;

	net_sysctl(&self->net, B, "abort_on_overflow", "1");
	overflow(&self->net, fds);
	EXPECT_TRUE(net_until(net_count(&self->net, A,
					TCP_ESTABLISHED) == 4));
	EXPECT_EQ(0, net_count(&self->net, B, TCP_SYN_RECV));
	for (i = 0; i < 6; i++)
		reset += net_so_error(fds[i]) == ECONNRESET;
	EXPECT_EQ(2, reset);
}

/* A crowd */

struct crowd {
	struct net *net;
	int listener;
	int clients;
	int connected;
	int failed;
	int strange;		/* errors TCP would not give */
	int served;		/* of those connected */
};

/* Says one byte to everyone who comes, until the listener is shut. */
static void *crowd_server(void *arg)
{
	struct crowd *crowd = arg;
	int fd;

	while ((fd = accept(crowd->listener, NULL, NULL)) >= 0) {
		send(fd, "!", 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void crowd_failed(struct crowd *crowd, int fd, int err)
{
	if (err == ETIMEDOUT || err == ECONNREFUSED || err == ECONNRESET)
		crowd->failed++;
	else
		crowd->strange++;
	close(fd);
}

/* First connect(2) ends, then the server's byte comes; or both at once. */
static void crowd_event(struct crowd *crowd, int epfd, struct epoll_event *ev)
{
	int fd = ev->data.fd;
	int err = net_so_error(fd);
	char byte;

	if (err) {
		crowd_failed(crowd, fd, err);
		return;
	}
	if (ev->events & EPOLLOUT) {
		crowd->connected++;
		ev->events = EPOLLIN;
		if (epoll_ctl(epfd, EPOLL_CTL_MOD, fd, ev))
			net_fatal("epoll_ctl");
		return;
	}
	if (recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
		crowd->served++;
	close(fd);
}

static void crowd_clients(struct crowd *crowd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	int epfd = epoll_create1(0);
	long long end;
	int i;

	for (i = 0; i < crowd->clients; i++) {
		event.data.fd = begin(crowd->net, NET_PORT);
		if (epoll_ctl(epfd, EPOLL_CTL_ADD, event.data.fd, &event))
			net_fatal("epoll_ctl");
	}
	end = net_now_ms() + (CROWD_TIMEOUT - 20) * 1000;
	while ((crowd->connected + crowd->failed < crowd->clients ||
		crowd->served < crowd->connected) && net_now_ms() < end)
		if (epoll_wait(epfd, &event, 1, 1000) == 1)
			crowd_event(crowd, epfd, &event);
	close(epfd);
}

/*
 * Each connects or gets TCP's errno; none hangs.  Those whose SYN finds the
 * queues full send it again after 1, 2 and 4 seconds, and give up after 8.
 */
TEST_F_TIMEOUT(queues, thousand_at_once, CROWD_TIMEOUT)
{
	struct crowd crowd = { .net = &self->net };
	pthread_t server;

	crowd.clients = net_env("TEACH_CLIENTS", 1000);
	net_files(4 * crowd.clients + 100);
	net_sysctl(&self->net, A, "syn_retries", "3");
	/* With them one who waits to be spoken to may wait in vain. */
	net_sysctl(&self->net, B, "syncookies", "0");
	crowd.listener = net_listen(&self->net, B, NET_PORT, 16);
	ASSERT_EQ(0, pthread_create(&server, NULL, crowd_server, &crowd));
	crowd_clients(&crowd);
	shutdown(crowd.listener, SHUT_RD);
	pthread_join(server, NULL);

	TH_LOG("%d clients: %d connected, %d served, %d failed",
	       crowd.clients, crowd.connected, crowd.served, crowd.failed);
	EXPECT_EQ(0, crowd.strange);
	EXPECT_EQ(crowd.clients, crowd.connected + crowd.failed);
	EXPECT_EQ(crowd.connected, crowd.served);
	EXPECT_LT(0, crowd.connected);
}

TEST_HARNESS_MAIN
