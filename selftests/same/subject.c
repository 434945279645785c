// SPDX-License-Identifier: GPL-2.0
/*
 * A socket is brought into a state.  The subject is s->fd; where it has a
 * peer, that is s->peer.
 */
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#include "same.h"
#include "../tcpinfo.h"

#define SERVERS_BACKLOG	4000
#define SMALL_BUFFER	4096

/* One side's listener of each kind; the sides have one each. */
static int servers[AF_MAX][2];

static int side_socket(int flags)
{
	int fd = socket(net_family, SOCK_STREAM | flags, 0);

	if (fd < 0)
		net_fatal("socket(%d, SOCK_STREAM, 0)", net_family);
	return fd;
}

static int side_listen(int port, int backlog, bool reuse, int rcvbuf)
{
	int fd = side_socket(0);

	if (reuse)
		net_setopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rcvbuf)
		net_setopt(fd, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	if (net_bind(fd, ADDR_ANY, port) || listen(fd, backlog))
		net_fatal("listen at port %d", port);
	return fd;
}

/* What everybody may connect to, for as long as the program runs. */
void same_servers(const struct net *net, int family)
{
	net_family = family;
	servers[family][0] = side_listen(PORT_OPEN, SERVERS_BACKLOG, true, 0);
	servers[family][1] = side_listen(PORT_SMALL, SERVERS_BACKLOG, true,
					 SMALL_BUFFER);
	side_listen(PORT_TAKEN, 1, false, 0);
}

int same_open(struct same *s)
{
	return s->fd = side_socket(0);
}

/* Throw it away; the peer hears of it at once, and TIME_WAIT is not left. */
void same_drop(int fd)
{
	if (fd >= 0)
		net_abort(fd);
}

/*
 * A connection to one of the servers.  Others, which a call has made and
 * thrown away, may still be waiting there, perhaps from the same port.
 */
static void connect_to(int port, int fd, int *peer)
{
	int listener = servers[net_family][port == PORT_SMALL];
	int own;

	if (net_connect(fd, ADDR_LO, port))
		net_fatal("connect to port %d", port);
	own = net_local_port(fd);
	for (;;) {
		struct sockaddr_in addr;
		socklen_t len = sizeof(addr);

		*peer = accept(listener, (void *)&addr, &len);
		if (*peer < 0)
			net_fatal("accept");
		if (ntohs(addr.sin_port) == own &&
		    same_tcp_state(*peer) == TCP_ESTABLISHED)
			return;
		same_drop(*peer);
	}
}

/* The subject has connected; and the end that it has connected to. */
int same_connected(struct same *s, int port, int *peer)
{
	same_open(s);
	if (port == PORT_SMALL)
		net_setopt(s->fd, SOL_SOCKET, SO_SNDBUF, SMALL_BUFFER);
	connect_to(port, s->fd, peer);
	return s->fd;
}

/* The number of the state, as TCP_INFO has it. */
int same_tcp_state(int fd)
{
	struct tcpinfo info;
	long long state;

	if (tcpinfo_read(fd, &info) || !tcpinfo_field(&info, "state", &state))
		return -1;
	return state;
}

/* Until neither buffer has room; how much that is, is nobody's to say. */
void same_fill(int fd)
{
	static char buf[1 << 12];
	bool room = true;

	while (room) {
		room = false;
		while (send(fd, buf, sizeof(buf),
			    MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			room = true;
		same_settle();
	}
}

static void wait_for(struct same *s, int events)
{
	if (!net_wait_poll(s->fd, events))
		net_fatal("what was waited for did not happen");
}

static void make_fresh(struct same *s)
{
	same_open(s);
}

static void make_bound(struct same *s)
{
	same_open(s);
	net_setopt(s->fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (net_bind(s->fd, ADDR_ANY, PORT_OWN))
		net_fatal("bind");
}

static void make_listening(struct same *s)
{
	s->fd = side_listen(PORT_OWN, 4, true, 0);
}

static void make_pending(struct same *s)
{
	make_listening(s);
	s->peer = side_socket(0);
	if (net_connect(s->peer, ADDR_LO, PORT_OWN))
		net_fatal("connect");
	wait_for(s, POLLIN);
}

static void make_connecting(struct same *s)
{
	same_open(s);
	net_nonblock(s->fd, true);
	if (net_err(net_connect(s->fd, ADDR_NOBODY, 80)) != EINPROGRESS)
		net_fatal("connect");
}

static void make_refused(struct same *s)
{
	same_open(s);
	net_nonblock(s->fd, true);
	net_connect(s->fd, ADDR_LO, PORT_CLOSED);
	wait_for(s, POLLHUP);
}

static void make_refused_seen(struct same *s)
{
	make_refused(s);
	net_so_error(s->fd);
}

static void make_established(struct same *s)
{
	same_connected(s, PORT_OPEN, &s->peer);
}

static void make_passive(struct same *s)
{
	int fd = side_socket(0);

	s->peer = fd;
	connect_to(PORT_OPEN, fd, &s->fd);
}

static void make_readable(struct same *s)
{
	make_established(s);
	net_send_all(s->peer, 10, 0);
	wait_for(s, POLLIN);
}

static void make_full(struct same *s)
{
	same_connected(s, PORT_SMALL, &s->peer);
	same_fill(s->fd);
	net_setopt(s->fd, SOL_SOCKET, SO_SNDBUF, 1);
}

static void make_urgent(struct same *s)
{
	make_established(s);
	net_send_all(s->peer, 3, 0);
	if (send(s->peer, "u", 1, MSG_OOB) != 1)
		net_fatal("MSG_OOB");
	wait_for(s, POLLPRI);
}

static void make_close_wait(struct same *s)
{
	make_established(s);
	shutdown(s->peer, SHUT_WR);
	wait_for(s, POLLRDHUP);
}

static void make_close_wait_readable(struct same *s)
{
	make_established(s);
	net_send_all(s->peer, 10, 0);
	shutdown(s->peer, SHUT_WR);
	wait_for(s, POLLRDHUP);
}

/* Shut it, and wait until the FIN is acknowledged. */
static void shut(struct same *s, int how)
{
	shutdown(s->fd, how);
	if (!net_wait_poll(s->peer, POLLRDHUP))
		net_fatal("no end of stream");
	if (!net_until(!net_ioctl(s->fd, SIOCOUTQ)))
		net_fatal("FIN not acknowledged");
}

static void make_fin_wait(struct same *s)
{
	make_established(s);
	shut(s, SHUT_WR);
}

static void make_read_shut(struct same *s)
{
	make_established(s);
	shutdown(s->fd, SHUT_RD);
}

static void make_both_shut(struct same *s)
{
	make_established(s);
	shut(s, SHUT_RDWR);
}

/* Both sent a FIN; this one first. */
static void make_time_wait(struct same *s)
{
	make_fin_wait(s);
	shutdown(s->peer, SHUT_WR);
	wait_for(s, POLLHUP);
}

/* Both sent a FIN; this one last. */
static void make_closed(struct same *s)
{
	make_close_wait(s);
	shut(s, SHUT_WR);
}

/* The peer has closed in good order, and does not exist any more. */
static void make_peer_gone(struct same *s)
{
	make_established(s);
	close(s->peer);
	s->peer = -1;
	wait_for(s, POLLRDHUP);
}

static void reset_peer(struct same *s)
{
	same_drop(s->peer);
	s->peer = -1;
	wait_for(s, POLLERR | POLLHUP);
}

static void make_reset(struct same *s)
{
	make_established(s);
	reset_peer(s);
}

static void make_reset_seen(struct same *s)
{
	make_reset(s);
	net_so_error(s->fd);
}

static void make_reset_readable(struct same *s)
{
	make_readable(s);
	reset_peer(s);
}

/* In CLOSE_WAIT: Linux says EPIPE instead. */
static void make_reset_close_wait(struct same *s)
{
	make_close_wait(s);
	reset_peer(s);
}

static void make_disconnected(struct same *s)
{
	struct sockaddr_in addr = { .sin_family = AF_UNSPEC };

	make_established(s);
	if (connect(s->fd, (void *)&addr, sizeof(addr)))
		net_fatal("disconnect");
}

static void make_unlistened(struct same *s)
{
	make_listening(s);
	shutdown(s->fd, SHUT_RD);
}

const struct same_state same_states[] = {
#define STATE(name) { #name, make_##name }
	STATE(fresh),
	STATE(bound),
	STATE(listening),
	STATE(pending),
	STATE(connecting),
	STATE(refused),
	STATE(refused_seen),
	STATE(established),
	STATE(passive),
	STATE(readable),
	STATE(urgent),
	STATE(full),
	STATE(close_wait),
	STATE(close_wait_readable),
	STATE(fin_wait),
	STATE(read_shut),
	STATE(both_shut),
	STATE(time_wait),
	STATE(closed),
	STATE(peer_gone),
	STATE(reset),
	STATE(reset_seen),
	STATE(reset_readable),
	STATE(reset_close_wait),
	STATE(disconnected),
	STATE(unlistened),
#undef STATE
};

const size_t same_states_count = ARRAY_SIZE(same_states);

void same_make(struct same *s, const char *state)
{
	size_t i;

	for (i = 0; i < same_states_count; i++)
		if (!strcmp(same_states[i].name, state)) {
			same_states[i].make(s);
			same_settle();
			return;
		}
	errno = EINVAL;
	net_fatal("state %s", state);
}
