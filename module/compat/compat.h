/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module needs to compile on other kernels.  Kbuild finds out which
 * of the TEACH_HAVE_* features this one has by looking into its headers.
 *
 * The sources are written for the newest kernel; what is older is made to
 * look like it here.
 */
#ifndef _TEACH_COMPAT_H
#define _TEACH_COMPAT_H

#include <linux/bvec.h>
#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#ifdef TEACH_HAVE_SKBUFF_REF
#include <linux/skbuff_ref.h>
#endif
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <linux/uio.h>
#ifdef TEACH_HAVE_NET_GSO
#include <net/gso.h>
#endif
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#ifdef TEACH_HAVE_PROTO_MEMORY
#include <net/proto_memory.h>
#include <uapi/linux/tcp.h>
#endif

/* 6.10: accept() takes its arguments in a structure. */
#ifdef TEACH_HAVE_PROTO_ACCEPT_ARG
#define TEACH_COMPAT_ACCEPT(fn)
#define TEACH_ACCEPT(fn)	fn
#else
struct proto_accept_arg {
	int flags;
	int err;
	int is_empty;
	bool kern;
};

#define TEACH_ACCEPT(fn)	fn##_compat
#define TEACH_COMPAT_ACCEPT(fn)						\
static int fn##_compat(struct socket *sock, struct socket *newsock,	\
		       int flags, bool kern)				\
{									\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };	\
									\
	return fn(sock, newsock, &arg);					\
}
#endif

/* 6.6: the size of the table is told; before, an empty entry ended it. */
#ifndef TEACH_HAVE_SYSCTL_SZ
#define register_net_sysctl_sz(net, path, table, size)	\
	register_net_sysctl(net, path, table)
#endif

/* 6.11: a handler may not change its table. */
#ifdef TEACH_HAVE_CONST_CTL_TABLE
#define teach_ctl_table const struct ctl_table
#else
#define teach_ctl_table struct ctl_table
#endif

/* 6.6: the bit fields of struct inet_sock have become flags. */
#ifndef inet_test_bit
#define inet_test_bit(nr, sk)	(inet_sk(sk)->TEACH_INET_BIT_##nr)
#define inet_set_bit(nr, sk)	(inet_sk(sk)->TEACH_INET_BIT_##nr = 1)
#define inet_cmsg_flags(inet)	READ_ONCE((inet)->cmsg_flags)
#define TEACH_INET_BIT_BIND_ADDRESS_NO_PORT	bind_address_no_port
#define TEACH_INET_BIT_MC_ALL			mc_all
#define TEACH_INET_BIT_MC_LOOP			mc_loop
#define TEACH_INET_BIT_RECVERR			recverr
#endif

/* 6.13: the function is told with the rest. */
#ifndef TEACH_HAVE_HRTIMER_SETUP
static inline void
hrtimer_setup(struct hrtimer *timer,
	      enum hrtimer_restart (*function)(struct hrtimer *),
	      clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.16: timers' macro says what it does. */
#ifndef timer_container_of
#define timer_container_of	from_timer
#endif

/* 6.17: a socket's user is what it was made for, not what its file says. */
#ifndef TEACH_HAVE_SK_UID
static inline kuid_t sk_uid(const struct sock *sk)
{
	return READ_ONCE(sk->sk_uid);
}
#endif

/* 6.11: when to send it is by a clock of SO_TXTIME's choice. */
#ifndef TEACH_HAVE_DELIVERY_CLOCK
static inline void
skb_set_delivery_type_by_clockid(struct sk_buff *skb, ktime_t when,
				 clockid_t clock)
{
	skb->tstamp = when;
}
#endif

/* 6.14: a message's priority is with what else control messages can say. */
#ifdef TEACH_HAVE_SOCKCM_PRIORITY
#define teach_ipcm_priority(ipc)	((ipc)->sockc.priority)
#else
#define teach_ipcm_priority(ipc)	((ipc)->priority)
#endif

/* 7.3: time is split into seconds and nanoseconds when it is told. */
#ifdef TEACH_HAVE_SCM_KTIME
#define teach_scm_stamp(time)	(time)
#else
#define teach_scm_stamp(time)	ktime_to_timespec64(time)
#endif

/* stamp.c, beside this file */
void teach_tstamp_acked(struct sk_buff *skb, struct sock *sk);

/* 6.19: a type for addresses whose size is told beside them. */
#ifndef TEACH_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized	sockaddr
#endif

/*
 * 6.5: whatever the iterator has; but what there was before, a page at a time,
 * is all in an array of pages.  Later the last argument was dropped.
 */
#ifdef TEACH_HAVE_SPLICE_FROM_ITER_GFP
#define skb_splice_from_iter(skb, iter, size)	\
	skb_splice_from_iter(skb, iter, size, GFP_KERNEL)
#elif !defined(TEACH_HAVE_SPLICE_FROM_ITER)
static inline ssize_t skb_splice_from_iter(struct sk_buff *skb,
					   struct iov_iter *iter, ssize_t size)
{
	const struct bio_vec *bvec = iter->bvec;
	int offset = bvec->bv_offset + iter->iov_offset;
	int i = skb_shinfo(skb)->nr_frags;

	size = min_t(size_t, size, iov_iter_single_seg_count(iter));
	if (skb_can_coalesce(skb, i, bvec->bv_page, offset)) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], size);
	} else if (i < MAX_SKB_FRAGS) {
		get_page(bvec->bv_page);
		skb_fill_page_desc_noacc(skb, i, bvec->bv_page, offset, size);
	} else {
		return -EMSGSIZE;
	}
	skb_len_add(skb, size);
	iov_iter_advance(iter, size);
	return size;
}
#endif

/* 6.16: or a device's memory instead of pages. */
#ifdef TEACH_HAVE_DEVMEM_TX
#define msg_zerocopy_realloc(sk, size, uarg)	\
	msg_zerocopy_realloc(sk, size, uarg, false)
#define skb_zerocopy_iter_stream(sk, skb, msg, len, uarg)	\
	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg, NULL)
#endif

/* 6.7: a family may take SOL_SOCKET's options itself. */
static inline void teach_take_sol_socket(struct socket *sock)
{
#ifdef SOCK_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

/* 6.19: TCP's table is found by the network namespace. */
static inline struct sock *
teach_hosts_tcp_lookup(struct net *net, __be32 saddr, __be16 sport,
		       __be32 daddr, u16 hnum, int dif, int sdif)
{
	return __inet_lookup_established(net,
#ifdef TEACH_HAVE_LOOKUP_HASHINFO
					 net->ipv4.tcp_death_row.hashinfo,
#endif
					 saddr, sport, daddr, hnum, dif, sdif);
}

/* 6.9: no mutex keeps the module that a handler is in, but its owner does. */
#ifdef TEACH_HAVE_DIAG_OWNER
#define TEACH_DIAG_OWNER	.owner = THIS_MODULE,
#else
#define TEACH_DIAG_OWNER
#endif

/* Later than 6.12: these were bare numbers. */
#ifndef TEACH_HAVE_DIAG_TIMERS
enum {
	IDIAG_TIMER_OFF,
	IDIAG_TIMER_ON,
	IDIAG_TIMER_KEEPALIVE,
	IDIAG_TIMER_TIMEWAIT,
	IDIAG_TIMER_PROBE0,
	IDIAG_TIMER_DELACK,
};
#endif

/* 6.12: the header has moved. */
#ifdef TEACH_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* _TEACH_COMPAT_H */
