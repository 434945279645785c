// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket can be told and asked: setsockopt(2), getsockopt(2), ioctl(2).
 *
 *	SOL_SOCKET	the kernel's own, but for what it refuses us
 *	SOL_IP		the kernel's own, but for what is nothing to a stream
 *	SOL_TCP		here; names, values and errors are those of tcp(7)
 *	SOL_UDP		here: udp(7), UDP_CORK
 *	SOL_TEACH	here: the refused ones, as socket(7) has them
 */
#include <asm/ioctls.h>
#include <linux/udp.h>
#include <net/inet_common.h>
#include <net/ip.h>

#include "teach.h"

/* As Linux has them. */
#define TEACH_MAXSEG_MIN	88
#define TEACH_KEEPIDLE_MAX	32767	/* seconds */
#define TEACH_KEEPINTVL_MAX	32767	/* seconds */
#define TEACH_KEEPCNT_MAX	127
#define TEACH_SYNCNT_MAX	127
#define TEACH_LINGER2_MAX	120	/* seconds */
#define TEACH_DEFER_MAX		255	/* SYN-ACKs */

static int teach_read_int(int *val, sockptr_t optval, unsigned int optlen)
{
	if (optlen < sizeof(*val))
		return -EINVAL;
	return copy_from_sockptr(val, optval, sizeof(*val)) ? -EFAULT : 0;
}

/* How much room the program has for an answer. */
static int teach_read_room(int __user *optlen)
{
	int room;

	if (get_user(room, optlen))
		return -EFAULT;
	return room < 0 ? -EINVAL : room;
}

/* Less than all of it, if there is room for less. */
static int teach_write(const void *value, size_t size, int room,
		       char __user *optval, int __user *optlen)
{
	int len = min_t(size_t, room, size);

	if (put_user(len, optlen) || copy_to_user(optval, value, len))
		return -EFAULT;
	return 0;
}

/*
 * ---- SOL_TEACH, of both types of socket ----
 */

/**
 * teach_own_option - is this one of SOL_TEACH's options?
 * @level: as the program says
 * @optname: as the program says
 *
 * SOL_SOCKET has them too, where the kernel asks us.
 *
 * Return: which one, or -ENOPROTOOPT.
 */
int teach_own_option(int level, int optname)
{
	if (level == SOL_TEACH && optname > 0)
		return optname;
	if (level == SOL_SOCKET && optname == SO_ZEROCOPY)
		return TEACH_ZEROCOPY;
	if (level == SOL_SOCKET && optname == SO_REUSEPORT)
		return TEACH_REUSEPORT;
	return -ENOPROTOOPT;
}

/**
 * teach_set_own - set one of SOL_TEACH's options
 * @sk: the socket
 * @option: TEACH_ZEROCOPY or TEACH_REUSEPORT; others are refused
 * @optval: as the program says
 * @optlen: as the program says
 *
 * Context: takes lock_sock().
 * Return: 0, -EINVAL, -EFAULT, -EOPNOTSUPP, or -ENOPROTOOPT.
 */
int teach_set_own(struct sock *sk, int option, sockptr_t optval,
		  unsigned int optlen)
{
	int val, err;

	err = teach_read_int(&val, optval, optlen);
	if (err)
		return err;

	lock_sock(sk);
	switch (option) {
	case TEACH_ZEROCOPY:
		if (sk->sk_type != SOCK_STREAM)
			err = -EOPNOTSUPP;
		else if (val < 0 || val > 1)
			err = -EINVAL;
		else
			sock_valbool_flag(sk, SOCK_ZEROCOPY, val);
		break;
	case TEACH_REUSEPORT:
		sk->sk_reuseport = !!val;
		break;
	default:
		err = -ENOPROTOOPT;
	}
	release_sock(sk);
	return err;
}

/* TEACH_HASH: a question, answered in its place. */
static int teach_get_hash(struct sock *sk, char __user *optval,
			  int __user *optlen)
{
	struct teach_hash hash;
	struct teach_tuple t;
	int room;

	room = teach_read_room(optlen);
	if (room < 0)
		return room;
	if (sk->sk_type != SOCK_STREAM)
		return -EOPNOTSUPP;
	if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (room != sizeof(hash))
		return -EINVAL;
	if (copy_from_user(&hash, optval, sizeof(hash)))
		return -EFAULT;
	if (hash.th_proto != IPPROTO_TEACH && hash.th_proto != IPPROTO_TCP)
		return -EINVAL;
	t = (struct teach_tuple) {
		.laddr	= hash.th_laddr.s_addr,
		.faddr	= hash.th_faddr.s_addr,
		.lport	= hash.th_lport,
		.fport	= hash.th_fport,
		.proto	= hash.th_proto,
	};
	teach_hash_where(teach_sk_net(sk), &t, &hash);
	return teach_write(&hash, sizeof(hash), room, optval, optlen);
}

/**
 * teach_get_own - ask for one of SOL_TEACH's options
 * @sk: the socket
 * @option: which one
 * @optval: where to
 * @optlen: as the program says; filled in
 *
 * Return: 0, -EINVAL, -EFAULT, -EOPNOTSUPP, -EPERM, or -ENOPROTOOPT.
 */
int teach_get_own(struct sock *sk, int option, char __user *optval,
		  int __user *optlen)
{
	int val, room;

	if (option == TEACH_HASH)
		return teach_get_hash(sk, optval, optlen);
	room = teach_read_room(optlen);
	if (room < 0)
		return room;

	switch (option) {
	case TEACH_ZEROCOPY:
		val = sock_flag(sk, SOCK_ZEROCOPY);
		break;
	case TEACH_REUSEPORT:
		val = sk->sk_reuseport;
		break;
	default:
		return -ENOPROTOOPT;
	}
	return teach_write(&val, sizeof(val), room, optval, optlen);
}

/*
 * ---- SOL_UDP, of datagrams ----
 */

/**
 * teach_set_udp - set one of UDP's options
 * @sk: the socket
 * @optname: UDP_CORK; others are refused
 * @optval: as the program says
 * @optlen: as the program says
 *
 * Context: takes lock_sock().
 * Return: 0, -EINVAL, -EFAULT, or -ENOPROTOOPT.
 */
int teach_set_udp(struct sock *sk, int optname, sockptr_t optval,
		  unsigned int optlen)
{
	int val, err;

	err = teach_read_int(&val, optval, optlen);
	if (err)
		return err;
	if (optname != UDP_CORK)
		return -ENOPROTOOPT;
	lock_sock(sk);
	teach_dgram_set_cork(sk, val);
	release_sock(sk);
	return 0;
}

/**
 * teach_get_udp - ask for one of UDP's options
 * @sk: the socket
 * @optname: which one
 * @optval: where to
 * @optlen: as the program says; filled in
 *
 * Return: 0, -EINVAL, -EFAULT, or -ENOPROTOOPT.
 */
int teach_get_udp(struct sock *sk, int optname, char __user *optval,
		  int __user *optlen)
{
	int val, room;

	room = teach_read_room(optlen);
	if (room < 0)
		return room;
	if (optname != UDP_CORK)
		return -ENOPROTOOPT;
	val = READ_ONCE(teach_dgram_sk(sk)->corked);
	return teach_write(&val, sizeof(val), room, optval, optlen);
}

/*
 * ---- setsockopt(2) ----
 */

/* Stronger than TCP_NODELAY; but to set that pushes out what is written. */
static int teach_set_nodelay(struct sock *sk, bool on)
{
	teach_sk(sk)->nodelay = on;
	if (on)
		teach_push_at_once(sk);
	return 0;
}

static int teach_set_cork(struct sock *sk, bool on)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->cork = on;
	if (!on && ts->nodelay)
		teach_push_at_once(sk);
	else if (!on)
		teach_push(sk);
	return 0;
}

/* What has been promised to the peer already stays. */
static int teach_set_window_clamp(struct sock *sk, int val)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!val && sk->sk_state != TCP_CLOSE)
		return -EINVAL;
	if (val)
		val = max_t(int, val, SOCK_MIN_RCVBUF / 2);
	WRITE_ONCE(ts->user_clamp, val);
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		ts->window_clamp = val;
	return 0;
}

/* How long it is until the SYN-ACK has been sent again so many times. */
static int teach_defer_seconds(int retrans)
{
	int wait = TEACH_RTO_INIT / HZ, seconds = 0;

	for (; retrans > 0; retrans--) {
		seconds += wait;
		wait = min(2 * wait, TEACH_RTO_MAX / HZ);
	}
	return seconds;
}

/* TCP_DEFER_ACCEPT is in seconds, but it is the SYN-ACKs that are counted. */
static int teach_set_defer_accept(struct sock *sk, int seconds)
{
	int retrans = 0;

	while (teach_defer_seconds(retrans) < seconds &&
	       retrans < TEACH_DEFER_MAX)
		retrans++;
	WRITE_ONCE(teach_sk(sk)->defer_accept, retrans);
	return 0;
}

static int teach_set_option(struct sock *sk, int optname, int val)
{
	struct teach_sock *ts = teach_sk(sk);

	switch (optname) {
	case TCP_NODELAY:
		return teach_set_nodelay(sk, val);
	case TCP_CORK:
		return teach_set_cork(sk, val);
	case TCP_QUICKACK:
		teach_set_quickack(sk, val);
		return 0;
	case TCP_MAXSEG:
		if (val && (val < TEACH_MAXSEG_MIN || val > S16_MAX))
			return -EINVAL;
		WRITE_ONCE(ts->user_mss, val);
		return 0;
	case TCP_WINDOW_CLAMP:
		return teach_set_window_clamp(sk, val);
	case TCP_NOTSENT_LOWAT:
		WRITE_ONCE(ts->notsent_lowat, val);
		teach_check_space(sk);
		return 0;
	case TCP_KEEPIDLE:
		if (val < 1 || val > TEACH_KEEPIDLE_MAX)
			return -EINVAL;
		ts->keep_idle = val * HZ;
		teach_keepalive_start(sk);
		return 0;
	case TCP_KEEPINTVL:
		if (val < 1 || val > TEACH_KEEPINTVL_MAX)
			return -EINVAL;
		ts->keep_intvl = val * HZ;
		return 0;
	case TCP_KEEPCNT:
		if (val < 1 || val > TEACH_KEEPCNT_MAX)
			return -EINVAL;
		ts->keep_cnt = val;
		return 0;
	case TCP_SYNCNT:
		if (val < 1 || val > TEACH_SYNCNT_MAX)
			return -EINVAL;
		WRITE_ONCE(ts->syn_retries, val);
		return 0;
	case TCP_LINGER2:
		ts->linger2 = val < 0 ? -1 : min(val, TEACH_LINGER2_MAX) * HZ;
		return 0;
	case TCP_DEFER_ACCEPT:
		return teach_set_defer_accept(sk, val);
	case TCP_USER_TIMEOUT:
		if (val < 0)
			return -EINVAL;
		ts->user_timeout = val;
		return 0;
	case TCP_INQ:
		if (val < 0 || val > 1)
			return -EINVAL;
		ts->inq = val;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int teach_set_congestion(struct sock *sk, sockptr_t optval,
				unsigned int optlen)
{
	char name[TEACH_CONG_NAME_MAX];
	long len;
	int err;

	if (optlen < 1)
		return -EINVAL;
	len = strncpy_from_sockptr(name, optval,
				   min_t(size_t, optlen, sizeof(name) - 1));
	if (len < 0)
		return -EFAULT;
	name[len] = 0;

	/* May wait for modprobe(8), so before the lock. */
	teach_cong_load(name);
	lock_sock(sk);
	err = teach_cong_choose(sk, name);
	release_sock(sk);
	return err;
}

int teach_setsockopt(struct socket *sock, int level, int optname,
		     sockptr_t optval, unsigned int optlen)
{
	int own = teach_own_option(level, optname);
	struct sock *sk = sock->sk;
	int val, err;

	if (own >= 0)
		return teach_set_own(sk, own, optval, optlen);
	if (level == SOL_IP) {
		/* As ip(7) has it for a stream. */
		if (optname == IP_ADD_MEMBERSHIP ||
		    optname == IP_DROP_MEMBERSHIP)
			return -EPROTO;
		/* Our header is always the shortest. */
		if (optname == IP_OPTIONS)
			return -ENOPROTOOPT;
		return ip_setsockopt(sk, level, optname, optval, optlen);
	}
	if (level == SOL_SOCKET)
		return sock_setsockopt(sock, level, optname, optval, optlen);
	if (level != SOL_TCP)
		return -ENOPROTOOPT;
	if (optname == TCP_CONGESTION)
		return teach_set_congestion(sk, optval, optlen);
	err = teach_read_int(&val, optval, optlen);
	if (err)
		return err;

	lock_sock(sk);
	err = teach_set_option(sk, optname, val);
	release_sock(sk);
	return err;
}

/*
 * ---- getsockopt(2) ----
 */

static int teach_get_option(struct sock *sk, int optname, int *val)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;
	bool unconnected = (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN);
	const struct teach_sock *ts = teach_sk(sk);

	switch (optname) {
	case TCP_NODELAY:
		*val = ts->nodelay;
		return 0;
	case TCP_CORK:
		*val = ts->cork;
		return 0;
	case TCP_QUICKACK:
		*val = !ts->pingpong;
		return 0;
	case TCP_MAXSEG:
		*val = ts->user_mss && unconnected ? ts->user_mss :
		       ts->mss_cache;
		return 0;
	case TCP_WINDOW_CLAMP:
		*val = unconnected ? ts->user_clamp : ts->window_clamp;
		return 0;
	case TCP_NOTSENT_LOWAT:
		*val = ts->notsent_lowat;
		return 0;
	case TCP_KEEPIDLE:
		*val = teach_keep_idle(sk) / HZ;
		return 0;
	case TCP_KEEPINTVL:
		*val = teach_keep_intvl(sk) / HZ;
		return 0;
	case TCP_KEEPCNT:
		*val = teach_keep_cnt(sk);
		return 0;
	case TCP_SYNCNT:
		*val = ts->syn_retries ? : READ_ONCE(sysctl->syn_retries);
		return 0;
	case TCP_LINGER2:
		*val = ts->linger2 ? : READ_ONCE(sysctl->fin_timeout);
		*val = *val < 0 ? -1 : *val / HZ;
		return 0;
	case TCP_DEFER_ACCEPT:
		*val = teach_defer_seconds(ts->defer_accept);
		return 0;
	case TCP_USER_TIMEOUT:
		*val = ts->user_timeout;
		return 0;
	case TCP_INQ:
		*val = ts->inq;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* TCP_CONGESTION and TCP_CC_INFO: no numbers. */
static int teach_get_congestion(struct sock *sk, int optname,
				char __user *optval, int __user *optlen)
{
	const struct teach_cong_ops *cong;
	union {
		char			name[TEACH_CONG_NAME_MAX];
		union tcp_cc_info	info;
	} value = {};
	size_t size = 0;
	int room, attr;

	room = teach_read_room(optlen);
	if (room < 0)
		return room;

	lock_sock(sk);
	cong = teach_sk(sk)->cong;
	if (optname == TCP_CONGESTION) {
		size = sizeof(value.name);
		memcpy(value.name, cong->name, size);
	} else if (cong->get_info && teach_sk(sk)->cong_running) {
		size = cong->get_info(sk, ~0U, &attr, &value.info);
	}
	release_sock(sk);
	return teach_write(&value, size, room, optval, optlen);
}

static int teach_get_tcp_info(struct sock *sk, char __user *optval,
			      int __user *optlen)
{
	union teach_tcp_info info;
	int room;

	room = teach_read_room(optlen);
	if (room < 0)
		return room;

	lock_sock(sk);
	teach_get_info(sk, &info);
	release_sock(sk);
	return teach_write(&info, sizeof(info), room, optval, optlen);
}

int teach_getsockopt(struct socket *sock, int level, int optname,
		     char __user *optval, int __user *optlen)
{
	struct sock *sk = sock->sk;
	int val, room, err;

	if (level == SOL_TEACH)
		return teach_get_own(sk, optname, optval, optlen);
	if (level == SOL_IP)
		return ip_getsockopt(sk, level, optname, optval, optlen);
	if (level != SOL_TCP)
		return -EOPNOTSUPP;
	if (optname == TCP_CONGESTION || optname == TCP_CC_INFO)
		return teach_get_congestion(sk, optname, optval, optlen);
	if (optname == TCP_INFO)
		return teach_get_tcp_info(sk, optval, optlen);
	room = teach_read_room(optlen);
	if (room < 0)
		return room;

	lock_sock(sk);
	err = teach_get_option(sk, optname, &val);
	release_sock(sk);
	return err ? : teach_write(&val, sizeof(val), room, optval, optlen);
}

/*
 * ---- ioctl(2) ----
 */

/* Bytes that are there to be read; the peer's FIN is not one. */
static int teach_inq(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	int avail;

	if (teach_opening(sk))
		return 0;
	/* Those behind the mark are not read with those before it. */
	if (ts->urgent && !sock_flag(sk, SOCK_URGINLINE) &&
	    !before(ts->urg_seq, ts->copied_seq) &&
	    before(ts->urg_seq, ts->rcv_nxt))
		return ts->urg_seq - ts->copied_seq;
	avail = ts->rcv_nxt - ts->copied_seq;
	if (avail && sock_flag(sk, SOCK_DONE))
		avail--;
	return avail;
}

int teach_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	struct teach_sock *ts = teach_sk(sk);
	int answer;

	switch (cmd) {
	case SIOCINQ:
	case SIOCOUTQ:
	case SIOCOUTQNSD:
		break;
	case SIOCATMARK:
		lock_sock(sk);
		answer = teach_urgent_at(sk, ts->copied_seq);
		release_sock(sk);
		return put_user(answer, (int __user *)arg);
	default:
		return inet_ioctl(sock, cmd, arg);
	}

	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN) {
		release_sock(sk);
		return -EINVAL;
	}
	if (cmd == SIOCINQ)
		answer = teach_inq(sk);
	else if (teach_opening(sk))
		answer = 0;
	else if (cmd == SIOCOUTQ)
		answer = ts->write_seq - ts->snd_una;
	else
		answer = ts->write_seq - ts->snd_nxt;
	release_sock(sk);
	return put_user(answer, (int __user *)arg);
}
