// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams: the system calls, and the queue that a datagram waits in for its
 * reader.
 *
 * Out:	sendmsg(2)	here		who is it for, and by which route?
 *	UDP, IP header	dgram_ip.c	down into the kernel's IPv4
 * In:	checksum	dgram_ip.c	up from IPv4
 *	whose?		dgram_hash.c
 *	recvmsg(2)	here
 *
 * A socket is bound or not, connected or not, and that is all: nothing is
 * agreed upon with a peer, sent again, or kept for one.  What udp(7) says of
 * UDP holds here.  A datagram that is written in pieces is dgram_cork.c's.
 */
#include <asm/ioctls.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/udp.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/route.h>

#include "teach.h"
#include "compat/sendpage.h"

long teach_dgram_mem[3] __read_mostly;	/* pages; as net.ipv4.udp_mem */
static atomic_long_t teach_dgram_allocated;
static DEFINE_PER_CPU(int, teach_dgram_fw_alloc);
static atomic_t teach_dgram_sockets;

/*
 * ---- bind(2), connect(2), close(2) ----
 */

static int teach_dgram_bind(struct socket *sock,
			    struct sockaddr_unsized *uaddr, int addr_len)
{
	return teach_addr_bind(sock->sk, uaddr, addr_len,
			       &teach_dgram_sk(sock->sk)->user_family);
}

static int teach_dgram_autobind(struct sock *sk)
{
	if (inet_sk(sk)->inet_num)
		return 0;
	return teach_dgram_port_bind(sk, 0) ? -EAGAIN : 0;
}

static int teach_dgram_connect_locked(struct sock *sk,
				      const struct sockaddr_teach *st)
{
	struct sockaddr_in sin = {
		.sin_family	= AF_INET,
		.sin_port	= st->st_port,
		.sin_addr	= st->st_addr,
	};
	int err;

	err = teach_dgram_autobind(sk);
	if (err)
		return err;
	teach_dgram_peer_clear(sk);
	err = __ip4_datagram_connect(sk, (void *)&sin, sizeof(sin));
	/* When it fails the old peer stays, if there was one. */
	if (sk->sk_state == TCP_ESTABLISHED)
		teach_dgram_peer_set(sk);
	if (err)
		return err;
	WRITE_ONCE(teach_dgram_sk(sk)->user_family, st->st_family);
	teach_dgram_cork_turn(sk);
	return 0;
}

/**
 * teach_dgram_disconnect - connect(2) to AF_UNSPEC
 * @sk: the socket, locked
 *
 * What bind(2) has set stays, but for the device.
 */
void teach_dgram_disconnect(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	teach_dgram_peer_clear(sk);
	sk->sk_state = TCP_CLOSE;
	inet->inet_daddr = 0;
	inet->inet_dport = 0;
	WRITE_ONCE(sk->sk_bound_dev_if, 0);
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK)) {
		inet->inet_rcv_saddr = 0;
		inet->inet_saddr = 0;
	}
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		teach_dgram_port_put(sk);
	sk_dst_reset(sk);
}

static int teach_dgram_connect(struct socket *sock,
			       struct sockaddr_unsized *uaddr, int addr_len,
			       int flags)
{
	struct sock *sk = sock->sk;
	int err;

	if (addr_len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	if (uaddr->sa_family == AF_UNSPEC) {
		lock_sock(sk);
		teach_dgram_disconnect(sk);
		release_sock(sk);
		return 0;
	}
	err = teach_addr_check(uaddr, addr_len);
	if (err)
		return err;
	lock_sock(sk);
	err = teach_dgram_connect_locked(sk, (void *)uaddr);
	release_sock(sk);
	return err;
}

static int teach_dgram_getname(struct socket *sock, struct sockaddr *uaddr,
			       int peer)
{
	struct sock *sk = sock->sk;
	int len;

	lock_sock(sk);
	len = teach_addr_name(sk, uaddr, teach_dgram_sk(sk)->user_family, peer);
	release_sock(sk);
	return len;
}

static void teach_dgram_close(struct sock *sk, long timeout)
{
	struct teach_net *tn = teach_sk_net(sk);
	u8 wire = teach_dgram_sk(sk)->wire;

	teach_dgram_flush(sk);
	sk_common_release(sk);
	teach_claims_settle(tn, wire);
}

/*
 * ---- sendmsg(2) ----
 */

/* The destination that the message names, or else the peer. */
static int teach_dgram_destination(struct sock *sk, const struct msghdr *msg,
				   __be32 *addr, __be16 *port)
{
	const struct sockaddr_teach *st = msg->msg_name;
	int err;

	if (!st) {
		if (sk->sk_state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		*addr = inet_sk(sk)->inet_daddr;
		*port = inet_sk(sk)->inet_dport;
		return 0;
	}

	err = teach_addr_check(msg->msg_name, msg->msg_namelen);
	/* As UDP: the form may be left out. */
	if (err && !(err == -EAFNOSUPPORT && st->st_family == AF_UNSPEC))
		return err;
	if (!st->st_port)
		return -EINVAL;
	if (!err)
		WRITE_ONCE(teach_dgram_sk(sk)->user_family, st->st_family);
	*addr = st->st_addr.s_addr;
	*port = st->st_port;
	return 0;
}

/* The route to the peer, which is kept while nothing changes. */
static struct rtable *teach_dgram_route_peer(struct sock *sk,
					     struct flowi4 *fl4,
					     const struct ipcm_cookie *ipc)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;

	rt = (struct rtable *)sk_dst_check(sk, 0);
	if (rt) {
		fl4->saddr = inet->inet_saddr;
		fl4->daddr = inet->inet_daddr;
		fl4->fl4_sport = inet->inet_sport;
		fl4->fl4_dport = inet->inet_dport;
		return rt;
	}
	rt = teach_dgram_route(sk, fl4, ipc, inet->inet_daddr,
			       inet->inet_dport, false);
	if (!IS_ERR(rt))
		sk_dst_set(sk, dst_clone(&rt->dst));
	return rt;
}

static struct rtable *teach_dgram_aim(struct sock *sk, struct msghdr *msg,
				      struct flowi4 *fl4,
				      struct ipcm_cookie *ipc)
{
	bool link = msg->msg_flags & MSG_DONTROUTE ||
		    sock_flag(sk, SOCK_LOCALROUTE);
	__be32 addr;
	__be16 port;
	int err;

	err = teach_dgram_autobind(sk);
	if (!err)
		err = teach_dgram_destination(sk, msg, &addr, &port);
	if (err)
		return ERR_PTR(err);

	ipcm_init_sk(ipc, inet_sk(sk));
	if (msg->msg_controllen) {
		err = teach_dgram_cmsg(sk, msg, ipc);
		if (err)
			return ERR_PTR(err);
	} else if (!msg->msg_name && !link) {
		return teach_dgram_route_peer(sk, fl4, ipc);
	}
	return teach_dgram_route(sk, fl4, ipc, addr, port, link);
}

/**
 * teach_dgram_alloc - a datagram, when the send buffer has room for it
 * @sk: the socket
 * @linear: bytes in one piece, headers included
 * @paged: and in pages
 * @flags: of sendmsg(2)
 * @err: set to why there is none
 */
struct sk_buff *teach_dgram_alloc(struct sock *sk, size_t linear, size_t paged,
				  int flags, int *err)
{
	struct sk_buff *skb;
	u32 since;

	skb = sock_alloc_send_pskb(sk, linear, paged, 1, err,
				   PAGE_ALLOC_COSTLY_ORDER);
	if (skb || *err != -EAGAIN || flags & MSG_DONTWAIT)
		return skb;
	since = teach_sleep(sk, TEACH_CALL_SEND);
	skb = sock_alloc_send_pskb(sk, linear, paged, 0, err,
				   PAGE_ALLOC_COSTLY_ORDER);
	teach_woken(sk, TEACH_CALL_SEND, skb ? 0 : *err, since);
	return skb;
}

/* What the user wrote, with room for all headers before it. */
static struct sk_buff *teach_dgram_copy(struct sock *sk, struct msghdr *msg,
					size_t len, int *err)
{
	size_t linear = min_t(size_t, len, TEACH_DGRAM_LINEAR);
	struct sk_buff *skb;

	skb = teach_dgram_alloc(sk, TEACH_MAX_HEADER + linear, len - linear,
				msg->msg_flags, err);
	if (!skb)
		return NULL;
	skb_reserve(skb, TEACH_MAX_HEADER);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len = len;
	*err = skb_copy_datagram_from_iter(skb, 0, &msg->msg_iter, len);
	if (*err) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/* All of a datagram.  The reference to the route is consumed. */
static int teach_dgram_send(struct sock *sk, struct msghdr *msg, size_t len,
			    const struct flowi4 *fl4,
			    const struct ipcm_cookie *ipc, struct rtable *rt)
{
	struct sk_buff *skb;
	int err;

	/* Others may send, too, while this one waits for room. */
	skb = teach_dgram_copy(sk, msg, len, &err);
	if (!skb) {
		ip_rt_put(rt);
		return err;
	}
	if (msg->msg_flags & MSG_CONFIRM)
		skb_set_dst_pending_confirm(skb, 1);
	return teach_dgram_xmit(sk, skb, fl4, ipc, rt);
}

static int teach_dgram_sendmsg(struct socket *sock, struct msghdr *msg,
			       size_t len)
{
	struct sock *sk = sock->sk;
	struct ipcm_cookie ipc;
	struct flowi4 fl4;
	struct rtable *rt;
	bool more;
	int err;

	if (len > IP_MAX_MTU)
		return -EMSGSIZE;
	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;

	lock_sock(sk);
	more = msg->msg_flags & MSG_MORE || teach_dgram_sk(sk)->corked;
	if (teach_dgram_sk(sk)->cork) {
		err = teach_dgram_autobind(sk) ? :
		      teach_dgram_append(sk, msg, len, more);
		release_sock(sk);
		goto out;
	}
	rt = teach_dgram_aim(sk, msg, &fl4, &ipc);
	release_sock(sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);

	if (!teach_dgram_fits(sk, &fl4, rt, len)) {
		ip_rt_put(rt);
		return -EMSGSIZE;
	}
	if (more)
		err = teach_dgram_cork(sk, msg, len, &fl4, &ipc, rt);
	else
		err = teach_dgram_send(sk, msg, len, &fl4, &ipc, rt);
out:
	if (err == -EAGAIN || err == -ENOBUFS)
		TEACH_INC(teach_sk_net(sk), SNDBUF_ERRORS);
	return err ? : len;
}

/*
 * ---- The receive queue ----
 *
 * What is in it is charged, by truesize, against SO_RCVBUF and, in pages,
 * against the memory of all datagram sockets together.  The charge goes with
 * the datagram's place in the queue, so that both are under one lock.
 */

/**
 * teach_dgram_queue - a datagram for the reader
 * @sk: the socket, not locked
 * @skb: what the sender wrote; consumed
 *
 * Context: softirq.
 */
void teach_dgram_queue(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	enum teach_drop reason;

	spin_lock(&queue->lock);
	reason = TEACH_DROP_RCV_BUF;
	if (atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf))
		goto drop;
	reason = TEACH_DROP_MEMORY;
	if (!sk_rmem_schedule(sk, skb, skb->truesize))
		goto drop;
	sk_mem_charge(sk, skb->truesize);
	atomic_add(skb->truesize, &sk->sk_rmem_alloc);
	skb->dev = NULL;
	sock_skb_set_dropcount(sk, skb);
	__skb_queue_tail(queue, skb);
	spin_unlock(&queue->lock);

	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
	return;
drop:
	spin_unlock(&queue->lock);
	atomic_inc(&sk->sk_drops);
	teach_drop(sock_net(sk), skb, reason);
}

/* Context: the queue's lock, or nobody else has the socket. */
static void teach_dgram_uncharge(struct sock *sk, const struct sk_buff *skb)
{
	atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
	sk_mem_uncharge(sk, skb->truesize);
}

/* The first datagram, which is waited for. */
static struct sk_buff *teach_dgram_first(struct sock *sk, int flags, int *off,
					 int *err)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb;
	u32 since;

	skb = __skb_recv_datagram(sk, queue, flags | MSG_DONTWAIT, off, err);
	if (skb || *err != -EAGAIN || flags & MSG_DONTWAIT)
		return skb;
	since = teach_sleep(sk, TEACH_CALL_RECEIVE);
	skb = __skb_recv_datagram(sk, queue, flags, off, err);
	teach_woken(sk, TEACH_CALL_RECEIVE, skb ? 0 : *err, since);
	return skb;
}

/* The first datagram, taken from the queue unless it is only looked at. */
static struct sk_buff *teach_dgram_dequeue(struct sock *sk, int flags,
					   int *off, int *err)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb;

	skb = teach_dgram_first(sk, flags, off, err);
	if (skb && !(flags & MSG_PEEK)) {
		spin_lock_bh(&queue->lock);
		teach_dgram_uncharge(sk, skb);
		spin_unlock_bh(&queue->lock);
	}
	return skb;
}

/*
 * ---- recvmsg(2) ----
 */

/* SO_PEEK_OFF: where the next look begins. */
static void teach_dgram_peeked(struct sock *sk, int flags, int len)
{
	if (likely(READ_ONCE(sk->sk_peek_off) < 0))
		return;
	lock_sock(sk);
	if (flags & MSG_PEEK)
		sk_peek_offset_fwd(sk, len);
	else
		sk_peek_offset_bwd(sk, len);
	release_sock(sk);
}

static int teach_dgram_recvmsg(struct socket *sock, struct msghdr *msg,
			       size_t len, int flags)
{
	struct sock *sk = sock->sk;
	u16 family = READ_ONCE(teach_dgram_sk(sk)->user_family);
	int off, copied, ret, err;
	struct sk_buff *skb;

	if (flags & MSG_ERRQUEUE)
		return teach_dgram_recv_error(sk, msg, len);

	off = sk_peek_offset(sk, flags);
	skb = teach_dgram_dequeue(sk, flags, &off, &err);
	if (!skb)
		return err;

	copied = min_t(size_t, len, skb->len - off);
	if (copied < skb->len - off)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, off, msg, copied);
	if (err) {
		if (!(flags & MSG_PEEK))
			atomic_inc(&sk->sk_drops);
		kfree_skb(skb);
		return err;
	}
	if (!(flags & MSG_PEEK))
		TEACH_INC(teach_sk_net(sk), IN_DATAGRAMS);

	sock_recv_cmsgs(msg, sk, skb);
	if (msg->msg_name)
		msg->msg_namelen = teach_addr_set(msg->msg_name, family,
						  ip_hdr(skb)->saddr,
						  udp_hdr(skb)->source);
	if (inet_cmsg_flags(inet_sk(sk)))
		ip_cmsg_recv_offset(msg, sk, skb, sizeof(struct udphdr), off);

	ret = flags & MSG_TRUNC ? skb->len : copied;
	teach_dgram_peeked(sk, flags, ret);
	consume_skb(skb);
	return ret;
}

/*
 * ---- What a socket can be told and asked ----
 */

/* IP has the functions for options in its header to itself. */
static int teach_dgram_setsockopt(struct socket *sock, int level, int optname,
				  sockptr_t optval, unsigned int optlen)
{
	int own = teach_own_option(level, optname);

	if (own >= 0)
		return teach_set_own(sock->sk, own, optval, optlen);
	if (level == SOL_SOCKET)
		return sock_setsockopt(sock, level, optname, optval, optlen);
	if (level == SOL_UDP)
		return teach_set_udp(sock->sk, optname, optval, optlen);
	if (level == SOL_IP && optname == IP_OPTIONS)
		return -ENOPROTOOPT;
	return ip_setsockopt(sock->sk, level, optname, optval, optlen);
}

static int teach_dgram_getsockopt(struct socket *sock, int level, int optname,
				  char __user *optval, int __user *optlen)
{
	if (level == SOL_TEACH)
		return teach_get_own(sock->sk, optname, optval, optlen);
	if (level == SOL_UDP)
		return teach_get_udp(sock->sk, optname, optval, optlen);
	return ip_getsockopt(sock->sk, level, optname, optval, optlen);
}

static int teach_dgram_ioctl(struct socket *sock, unsigned int cmd,
			     unsigned long arg)
{
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	int answer = 0;

	switch (cmd) {
	case SIOCINQ:
		spin_lock_bh(&sk->sk_receive_queue.lock);
		skb = skb_peek(&sk->sk_receive_queue);
		if (skb)
			answer = skb->len;
		spin_unlock_bh(&sk->sk_receive_queue.lock);
		break;
	case SIOCOUTQ:
		answer = sk_wmem_alloc_get(sk);
		break;
	default:
		return inet_ioctl(sock, cmd, arg);
	}
	return put_user(answer, (int __user *)arg);
}

/*
 * ---- socket(2) ----
 */

static const struct proto_ops teach_dgram_ops = {
	.family		= PF_TEACH,
	.owner		= THIS_MODULE,
	.release	= inet_release,
	.bind		= teach_dgram_bind,
	.connect	= teach_dgram_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= teach_dgram_getname,
	.poll		= datagram_poll,
	.ioctl		= teach_dgram_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= teach_dgram_setsockopt,
	.getsockopt	= teach_dgram_getsockopt,
	.sendmsg	= teach_dgram_sendmsg,
	.recvmsg	= teach_dgram_recvmsg,
	.mmap		= sock_no_mmap,
	.splice_eof	= teach_dgram_splice_eof,
	.set_peek_off	= sk_set_peek_off,
	TEACH_OPS_SENDPAGE
};

struct proto teach_dgram_prot = {
	.name			= "TEACH-DGRAM",
	/* .owner is empty, as teach_prot's. */
	.close			= teach_dgram_close,
	.unhash			= teach_dgram_port_put,
	.rehash			= teach_reuseport_leave,
	.get_port		= teach_dgram_port_bind,
	.release_cb		= ip4_datagram_release_cb,
	.diag_destroy		= teach_destroy_dgram,
	.memory_allocated	= &teach_dgram_allocated,
	.per_cpu_fw_alloc	= &teach_dgram_fw_alloc,
	.sysctl_mem		= teach_dgram_mem,
	.sysctl_wmem		= &teach_memory_min,
	.sysctl_rmem		= &teach_memory_min,
	.max_header		= TEACH_MAX_HEADER,
	.obj_size		= sizeof(struct teach_dgram_sock),
	.no_autobind		= true,
};

static void teach_dgram_destruct(struct sock *sk)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		teach_dgram_uncharge(sk, skb);
		kfree_skb(skb);
	}
	sock_prot_inuse_add(sock_net(sk), &teach_dgram_prot, -1);
	inet_sock_destruct(sk);
	atomic_dec(&teach_dgram_sockets);
}

/**
 * teach_dgram_create - socket(2) with SOCK_DGRAM
 * @net: the network namespace
 * @sock: filled in
 * @protocol: what the program asks for, 0 for any
 * @kern: the kernel itself asks
 */
int teach_dgram_create(struct net *net, struct socket *sock, int protocol,
		       int kern)
{
	struct sock *sk;

	if (protocol && protocol != IPPROTO_TEACH_DGRAM &&
	    protocol != IPPROTO_UDP)
		return -EPROTONOSUPPORT;

	sk = sk_alloc(net, PF_TEACH, GFP_KERNEL, &teach_dgram_prot, kern);
	if (!sk)
		return -ENOMEM;
	sock->ops = &teach_dgram_ops;
	sock->state = SS_UNCONNECTED;
	sock_init_data(sock, sk);
	teach_take_sol_socket(sock);
	/* io_uring's send_zc, whose bytes are copied all the same. */
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
	sk->sk_destruct = teach_dgram_destruct;
	sk->sk_protocol = IPPROTO_TEACH_DGRAM;
	sock_set_flag(sk, SOCK_RCU_FREE);
	teach_init_inet(sk);
	teach_dgram_sk(sk)->wire = protocol ? : IPPROTO_TEACH_DGRAM;
	teach_dgram_sk(sk)->user_family = AF_TEACH;
	sock_prot_inuse_add(net, &teach_dgram_prot, 1);
	atomic_inc(&teach_dgram_sockets);
	return 0;
}

int teach_dgram_init(void)
{
	teach_memory_share(teach_dgram_mem, 8);		/* as udp_mem */
	return proto_register(&teach_dgram_prot, 1);
}

/* Datagrams in a queue below IP still refer to their sockets. */
void teach_dgram_exit(void)
{
	while (atomic_read(&teach_dgram_sockets))
		msleep(20);
	/* The last destructor may yet have to return. */
	rcu_barrier();
	proto_unregister(&teach_dgram_prot);
}
