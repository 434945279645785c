// SPDX-License-Identifier: GPL-2.0
/*
 * sock_diag(7): what ss(8) asks of a family, and how it has a socket destroyed.
 *
 * Requests and answers are those of AF_INET, struct inet_diag_req_v2 and struct
 * inet_diag_msg, with the attributes INET_DIAG_*.  A request for protocol 0 is
 * for all four, so an answer tells which one it is of, INET_DIAG_PROTOCOL.
 *
 *	listeners	by port		LISTEN
 *	5-tuple table	by hash		connections: before, while, after
 *	datagrams	by port		connected or not
 *
 * A list is written a few chains at a time.  Under RCU their sockets are only
 * held; then each is locked for itself, so that what is told of it was so at
 * one moment.  No lock is held from one to the next: whoever comes or goes
 * meanwhile may be in the list or not, but what stays is in it.  A few may be
 * in it twice if the table grows.  Only of a chain that is longer than a batch,
 * as where many share one port, one may be missed when others go.
 */
#include <linux/sock_diag.h>
#include <net/netlink.h>

#include "teach.h"

#define TEACH_DIAG_BATCH	16

/**
 * struct teach_diag_found - one that is to be told
 * @sk: the socket, with a reference; or NULL
 * @msg: else all there is to tell: of a request, or of a TIME_WAIT
 * @proto: of those: on the wire
 */
struct teach_diag_found {
	struct sock		*sk;
	struct inet_diag_msg	msg;
	u8			proto;
};

/**
 * struct teach_diag_answer - how to tell it, and to whom
 * @req: what is asked
 * @user_ns: whose numbers users have
 * @net_admin: he has CAP_NET_ADMIN
 * @portid: his address
 * @seq: the number of his request
 * @flags: of the message
 */
struct teach_diag_answer {
	const struct inet_diag_req_v2	*req;
	struct user_namespace		*user_ns;
	bool				net_admin;
	u32				portid;
	u32				seq;
	u16				flags;
};

static void teach_diag_answer_init(struct teach_diag_answer *a,
				   const struct sk_buff *in,
				   const struct nlmsghdr *nlh,
				   const struct inet_diag_req_v2 *req)
{
	*a = (struct teach_diag_answer) {
		.req		= req,
		.user_ns	= sk_user_ns(NETLINK_CB(in).sk),
		.net_admin	= netlink_net_capable(in, CAP_NET_ADMIN),
		.portid		= NETLINK_CB(in).portid,
		.seq		= nlh->nlmsg_seq,
	};
}

/*
 * ---- What is asked ----
 */

/* What is no part of a question of ours is zero.  @exact: for one socket. */
static int teach_diag_check(const struct nlmsghdr *nlh, bool exact)
{
	const struct inet_diag_req_v2 *req = nlmsg_data(nlh);
	const struct inet_diag_sockid *id = &req->id;

	if (nlmsg_len(nlh) != sizeof(*req) || req->pad ||
	    memchr_inv(&id->idiag_src[1], 0, 3 * sizeof(__be32)) ||
	    memchr_inv(&id->idiag_dst[1], 0, 3 * sizeof(__be32)))
		return -EINVAL;

	switch (req->sdiag_protocol) {
	case 0:
		return exact ? -EINVAL : 0;
	case IPPROTO_TEACH:
	case IPPROTO_TEACH_DGRAM:
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return 0;
	default:
		return -ENOENT;
	}
}

static bool teach_diag_wanted(const struct inet_diag_req_v2 *req,
			      const struct teach_tuple *t, int state, int dif)
{
	const struct inet_diag_sockid *id = &req->id;

	return req->idiag_states & BIT(state) &&
	       (!req->sdiag_protocol || req->sdiag_protocol == t->proto) &&
	       (!id->idiag_sport || id->idiag_sport == t->lport) &&
	       (!id->idiag_dport || id->idiag_dport == t->fport) &&
	       (!id->idiag_src[0] || id->idiag_src[0] == t->laddr) &&
	       (!id->idiag_dst[0] || id->idiag_dst[0] == t->faddr) &&
	       (!id->idiag_if || id->idiag_if == dif);
}

/*
 * ---- What there is to tell ----
 */

/**
 * teach_queue_lengths - Recv-Q and Send-Q, as ss(8) shows them
 * @sk: the socket, of either type; it may change meanwhile
 * @recv: filled: bytes not read; of a listener, connections not accepted
 * @send: filled: bytes not acknowledged; of a listener, its backlog
 */
void teach_queue_lengths(const struct sock *sk, u32 *recv, u32 *send)
{
	const struct teach_sock *ts = teach_sk(sk);

	if (sk->sk_type == SOCK_DGRAM) {
		*recv = sk_rmem_alloc_get(sk);
		*send = sk_wmem_alloc_get(sk);
	} else if (READ_ONCE(sk->sk_state) == TCP_LISTEN) {
		*recv = READ_ONCE(sk->sk_ack_backlog);
		*send = READ_ONCE(sk->sk_max_ack_backlog);
	} else {
		*recv = max_t(int, READ_ONCE(ts->rcv_nxt) -
				   READ_ONCE(ts->copied_seq), 0);
		*send = READ_ONCE(ts->write_seq) - READ_ONCE(ts->snd_una);
	}
}

/**
 * teach_dgram_tuple - the addresses of a socket for datagrams
 * @sk: the socket
 * @t: filled; what it has not is 0
 */
void teach_dgram_tuple(const struct sock *sk, struct teach_tuple *t)
{
	*t = (struct teach_tuple) {
		.laddr	= sk->sk_rcv_saddr,
		.faddr	= sk->sk_daddr,
		.lport	= htons(sk->sk_num),
		.fport	= sk->sk_dport,
		.proto	= teach_dgram_sk(sk)->wire,
	};
}

/* The same of any socket. */
void teach_sock_tuple(const struct sock *sk, struct teach_tuple *t)
{
	if (sk->sk_type == SOCK_DGRAM)
		teach_dgram_tuple(sk, t);
	else
		*t = teach_sk(sk)->entry.tuple;
}

static void teach_diag_name(struct inet_diag_msg *msg,
			    const struct teach_tuple *t, int state, int dif)
{
	*msg = (struct inet_diag_msg) {
		.idiag_family	= AF_TEACH,
		.idiag_state	= state,
		.id	= {
			.idiag_sport	= t->lport,
			.idiag_dport	= t->fport,
			.idiag_src	= { t->laddr },
			.idiag_dst	= { t->faddr },
			.idiag_if	= dif,
			.idiag_cookie	= { INET_DIAG_NOCOOKIE,
					    INET_DIAG_NOCOOKIE },
		},
	};
}

static void teach_diag_timer(struct inet_diag_msg *msg, u8 timer,
			     unsigned long when, u32 retrans)
{
	msg->idiag_timer = timer;
	msg->idiag_expires = jiffies_delta_to_msecs(when - jiffies);
	msg->idiag_retrans = min_t(u32, retrans, U8_MAX);
}

/* The one that ss(8) shows: what is lost before what is idle. */
static void teach_diag_sock_timer(struct inet_diag_msg *msg,
				  const struct sock *sk)
{
	static const u8 timers[][2] = {
		{ TEACH_TIMER_REO,	 IDIAG_TIMER_ON },
		{ TEACH_TIMER_TLP,	 IDIAG_TIMER_ON },
		{ TEACH_TIMER_RTX,	 IDIAG_TIMER_ON },
		{ TEACH_TIMER_PROBE,	 IDIAG_TIMER_PROBE0 },
		/* Linux has one timer for both. */
		{ TEACH_TIMER_KEEPALIVE, IDIAG_TIMER_KEEPALIVE },
		{ TEACH_TIMER_FIN_WAIT2, IDIAG_TIMER_KEEPALIVE },
		{ TEACH_TIMER_DELACK,	 IDIAG_TIMER_DELACK },
	};
	const struct teach_sock *ts = teach_sk(sk);
	u32 retrans;
	int i;

	for (i = 0; i < ARRAY_SIZE(timers); i++) {
		if (!teach_timer_armed(sk, timers[i][0]))
			continue;
		retrans = timers[i][1] == IDIAG_TIMER_ON ? ts->retransmits :
							   ts->probes_out;
		teach_diag_timer(msg, timers[i][1],
				 ts->deadline[timers[i][0]], retrans);
		return;
	}
}

static void teach_diag_request(struct teach_diag_found *f,
			       const struct teach_request *req)
{
	const struct teach_entry *e = &req->entry;

	teach_diag_name(&f->msg, &e->tuple, TCP_SYN_RECV, e->dif);
	teach_diag_timer(&f->msg, IDIAG_TIMER_ON,
			 READ_ONCE(req->timer.expires),
			 READ_ONCE(req->retrans));
	f->proto = e->tuple.proto;
}

static void teach_diag_timewait(struct teach_diag_found *f,
				const struct teach_timewait *tw)
{
	const struct teach_entry *e = &tw->entry;

	teach_diag_name(&f->msg, &e->tuple, READ_ONCE(tw->state), e->dif);
	teach_diag_timer(&f->msg, IDIAG_TIMER_TIMEWAIT,
			 READ_ONCE(tw->timer.expires), 0);
	f->proto = e->tuple.proto;
}

/*
 * ---- A message ----
 */

#define TEACH_DIAG_EXT(req, name) \
	((req)->idiag_ext & BIT(INET_DIAG_##name - 1))

/* Room for one, whatever is asked. */
static size_t teach_diag_size(void)
{
	return nla_total_size(1) +	/* INET_DIAG_PROTOCOL */
	       nla_total_size(1) +	/* INET_DIAG_SHUTDOWN */
	       nla_total_size(1) +	/* INET_DIAG_TOS */
	       nla_total_size(sizeof(u32)) +	/* INET_DIAG_MARK */
	       nla_total_size(sizeof(struct inet_diag_meminfo)) +
	       nla_total_size(SK_MEMINFO_VARS * sizeof(u32)) +
	       nla_total_size(TEACH_CONG_NAME_MAX) +
	       nla_total_size_64bit(sizeof(union teach_tcp_info)) +
	       nla_total_size(sizeof(union tcp_cc_info)) +
	       NLMSG_ALIGN(sizeof(struct inet_diag_msg));
}

/* Of either type.  Return: not 0 when there is no room. */
static int teach_diag_put_common(struct sk_buff *skb, struct sock *sk,
				 const struct teach_diag_answer *a)
{
	const struct inet_diag_meminfo mem = {
		.idiag_rmem	= sk_rmem_alloc_get(sk),
		.idiag_wmem	= READ_ONCE(sk->sk_wmem_queued),
		.idiag_fmem	= max(READ_ONCE(sk->sk_forward_alloc), 0),
		.idiag_tmem	= sk_wmem_alloc_get(sk),
	};
	int err;

	err = nla_put_u8(skb, INET_DIAG_SHUTDOWN, sk->sk_shutdown);
	if (!err && TEACH_DIAG_EXT(a->req, TOS))
		err = nla_put_u8(skb, INET_DIAG_TOS, inet_sk(sk)->tos);
	if (!err && a->net_admin)
		err = nla_put_u32(skb, INET_DIAG_MARK, READ_ONCE(sk->sk_mark));
	if (!err && TEACH_DIAG_EXT(a->req, MEMINFO))
		err = nla_put(skb, INET_DIAG_MEMINFO, sizeof(mem), &mem);
	if (!err && TEACH_DIAG_EXT(a->req, SKMEMINFO))
		err = sock_diag_put_meminfo(sk, skb, INET_DIAG_SKMEMINFO);
	return err;
}

/* What an algorithm tells; all of them are asked for as VEGASINFO. */
static int teach_diag_put_cc_info(struct sk_buff *skb, struct sock *sk,
				  const struct teach_diag_answer *a)
{
	const struct teach_sock *ts = teach_sk(sk);
	union tcp_cc_info info = {};
	size_t size;
	int attr;

	if (!ts->cong->get_info || !ts->cong_running)
		return 0;
	size = ts->cong->get_info(sk, a->req->idiag_ext, &attr, &info);
	return size ? nla_put(skb, attr, size, &info) : 0;
}

static int teach_diag_put_stream(struct sk_buff *skb, struct sock *sk,
				 const struct teach_diag_answer *a)
{
	struct nlattr *attr;
	int err = 0;

	if (TEACH_DIAG_EXT(a->req, CONG))
		err = nla_put_string(skb, INET_DIAG_CONG,
				     teach_sk(sk)->cong->name);
	if (!err && TEACH_DIAG_EXT(a->req, INFO)) {
		attr = nla_reserve_64bit(skb, INET_DIAG_INFO,
					 sizeof(union teach_tcp_info),
					 INET_DIAG_PAD);
		if (!attr)
			return -EMSGSIZE;
		teach_get_info(sk, nla_data(attr));
	}
	return err ? : teach_diag_put_cc_info(skb, sk, a);
}

/* Return: -ENOENT when it is no longer what was asked for. */
static int teach_diag_put_locked(struct sk_buff *skb, struct sock *sk,
				 struct inet_diag_msg *msg,
				 const struct teach_diag_answer *a)
{
	bool stream = sk->sk_type == SOCK_STREAM;
	struct teach_tuple t;
	int err;

	teach_sock_tuple(sk, &t);
	if ((stream && sk->sk_state == TCP_CLOSE) ||
	    !teach_diag_wanted(a->req, &t, sk->sk_state, sk->sk_bound_dev_if))
		return -ENOENT;

	teach_diag_name(msg, &t, sk->sk_state, sk->sk_bound_dev_if);
	sock_diag_save_cookie(sk, msg->id.idiag_cookie);
	teach_queue_lengths(sk, &msg->idiag_rqueue, &msg->idiag_wqueue);
	msg->idiag_uid = from_kuid_munged(a->user_ns, sk_uid(sk));
	msg->idiag_inode = sock_i_ino(sk);
	if (stream)
		teach_diag_sock_timer(msg, sk);

	err = nla_put_u8(skb, INET_DIAG_PROTOCOL, t.proto) ? :
	      teach_diag_put_common(skb, sk, a);
	if (!err && stream)
		err = teach_diag_put_stream(skb, sk, a);
	return err;
}

/*
 * Wait until no system call has it.  To keep it from those would be wrong for
 * one whose user has gone: what comes for it then waits for a release_sock()
 * that nobody expects any more (see teach_do_rcv()).  If it did just now, while
 * we had to wait, that is made good here.
 *
 * A program can have its socket locked for as long as it likes, by a page fault
 * that it handles itself; so who lists sockets waits for it, as for TCP's.
 */
static void teach_diag_lock(struct sock *sk)
	__acquires(&sk->sk_lock.slock)
{
	for (;;) {
		local_bh_disable();
		bh_lock_sock(sk);
		if (!sock_owned_by_user(sk))
			break;
		bh_unlock_sock(sk);
		local_bh_enable();
		lock_sock(sk);
		release_sock(sk);
	}
	if (sk->sk_state == TCP_FIN_WAIT2 && sock_flag(sk, SOCK_DEAD))
		teach_fin_wait2_orphan(sk);
}

static void teach_diag_unlock(struct sock *sk)
	__releases(&sk->sk_lock.slock)
{
	bh_unlock_sock(sk);
	local_bh_enable();
}

/*
 * One message.  Return: -EMSGSIZE when there is no room for it, -ENOENT when it
 * is no longer what was asked for.
 */
static int teach_diag_put(struct sk_buff *skb, const struct teach_diag_found *f,
			  const struct teach_diag_answer *a)
{
	struct inet_diag_msg *msg;
	struct nlmsghdr *nlh;
	int err;

	nlh = nlmsg_put(skb, a->portid, a->seq, SOCK_DIAG_BY_FAMILY,
			sizeof(*msg), a->flags);
	if (!nlh)
		return -EMSGSIZE;
	msg = nlmsg_data(nlh);
	if (f->sk) {
		teach_diag_lock(f->sk);
		err = teach_diag_put_locked(skb, f->sk, msg, a);
		teach_diag_unlock(f->sk);
	} else {
		*msg = f->msg;
		err = nla_put_u8(skb, INET_DIAG_PROTOCOL, f->proto);
	}
	if (err) {
		nlmsg_cancel(skb, nlh);
		return err;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

/*
 * ---- All that are wanted ----
 */

enum teach_diag_table {
	TEACH_DIAG_LISTENERS,
	TEACH_DIAG_TUPLES,
	TEACH_DIAG_DATAGRAMS,
	TEACH_DIAG_TABLES
};

/**
 * struct teach_diag_dump - how far a list has come
 * @tn: the network namespace
 * @req: what is asked
 * @table: enum teach_diag_table
 * @chain: of the table
 * @index: how many of the chain have been looked at
 * @seen: how many of them have been passed again, this time
 * @more: there are others in the chain
 * @count: how many are in @found
 * @told: how many of them are told already; the others hold references
 * @found: the next
 *
 * Freed when the list ends, or its reader goes.
 */
struct teach_diag_dump {
	struct teach_net	*tn;
	struct inet_diag_req_v2	req;
	u32			table;
	u32			chain;
	u32			index;
	u32			seen;
	bool			more;
	u32			count;
	u32			told;
	struct teach_diag_found	found[TEACH_DIAG_BATCH];
};

/* One more of the chain.  Return: room for it; NULL if it is not wanted now. */
static struct teach_diag_found *
teach_diag_next(struct teach_diag_dump *d, const struct teach_tuple *t,
		int state, int dif)
{
	struct teach_diag_found *f = &d->found[d->count];

	if (d->seen++ < d->index)
		return NULL;
	if (d->count == TEACH_DIAG_BATCH) {
		d->more = true;
		return NULL;
	}
	d->index++;
	if (!teach_diag_wanted(&d->req, t, state, dif))
		return NULL;
	f->sk = NULL;
	return f;
}

static void teach_diag_next_sock(struct teach_diag_dump *d, struct sock *sk,
				 const struct teach_tuple *t)
{
	struct teach_diag_found *f;

	f = teach_diag_next(d, t, READ_ONCE(sk->sk_state),
			    READ_ONCE(sk->sk_bound_dev_if));
	if (!f || !refcount_inc_not_zero(&sk->sk_refcnt))
		return;
	f->sk = sk;
	d->count++;
}

static void teach_diag_next_dgram(struct sock *sk, void *data)
{
	struct teach_tuple t;

	teach_dgram_tuple(sk, &t);
	teach_diag_next_sock(data, sk, &t);
}

static void teach_diag_next_entry(struct teach_entry *e, void *data)
{
	struct teach_diag_dump *d = data;
	struct teach_diag_found *f;
	struct teach_timewait *tw;

	switch (e->kind) {
	case TEACH_SOCK:
		teach_diag_next_sock(d, teach_entry_sk(e), &e->tuple);
		break;
	case TEACH_REQUEST:
		f = teach_diag_next(d, &e->tuple, TCP_SYN_RECV, e->dif);
		if (!f)
			break;
		teach_diag_request(f, container_of(e, struct teach_request,
						   entry));
		d->count++;
		break;
	case TEACH_TIMEWAIT:
		tw = container_of(e, struct teach_timewait, entry);
		f = teach_diag_next(d, &e->tuple, READ_ONCE(tw->state), e->dif);
		if (!f)
			break;
		teach_diag_timewait(f, tw);
		d->count++;
		break;
	}
}

/* Return: false when the table has no such chain. */
static bool teach_diag_walk(struct teach_diag_dump *d)
{
	struct teach_sock *ts;

	switch (d->table) {
	case TEACH_DIAG_LISTENERS:
		if (d->chain >= TEACH_LISTEN_CHAINS)
			return false;
		rcu_read_lock();
		hlist_for_each_entry_rcu(ts, &d->tn->listeners[d->chain],
					 listen_node)
			teach_diag_next_sock(d, (struct sock *)ts,
					     &ts->entry.tuple);
		rcu_read_unlock();
		return true;
	case TEACH_DIAG_TUPLES:
		return teach_hash_walk_chain(d->tn, d->chain,
					     teach_diag_next_entry, d);
	default:
		if (d->chain >= TEACH_DGRAM_CHAINS)
			return false;
		teach_dgram_walk(d->tn, d->chain, teach_diag_next_dgram, d);
		return true;
	}
}

/*
 * The 5-tuple table may double meanwhile.  Chains that have split have their
 * lock in common with what they were, so all of one lock come together: none
 * that was told has gone into one that is still to come.
 */
static void teach_diag_next_chain(struct teach_diag_dump *d, bool was_there)
{
	d->index = 0;
	if (d->table != TEACH_DIAG_TUPLES)
		d->chain++;
	else if (was_there)
		d->chain += TEACH_HASH_LOCKS;
	else
		d->chain = d->chain % TEACH_HASH_LOCKS + 1;

	if (!was_there && (d->table != TEACH_DIAG_TUPLES ||
			   d->chain == TEACH_HASH_LOCKS)) {
		d->table++;
		d->chain = 0;
	}
}

static void teach_diag_put_found(const struct teach_diag_found *f)
{
	if (f->sk)
		sock_put(f->sk);
}

/* Those behind the first @keep. */
static void teach_diag_forget(struct teach_diag_dump *d, u32 keep)
{
	while (d->count > keep)
		teach_diag_put_found(&d->found[--d->count]);
}

/*
 * Whole chains, if they are not longer than a batch: until the next time they
 * may change.  Return: false when there are no more.
 */
static bool teach_diag_gather(struct teach_diag_dump *d)
{
	bool was_there;
	u32 others;

	d->count = 0;
	d->told = 0;
	while (d->table < TEACH_DIAG_TABLES) {
		others = d->count;
		d->seen = 0;
		d->more = false;
		was_there = teach_diag_walk(d);
		if (d->more && others) {
			teach_diag_forget(d, others);
			d->index = 0;
		}
		if (d->more)
			break;
		teach_diag_next_chain(d, was_there);
		cond_resched();
	}
	return d->count;
}

static int teach_diag_dump_start(struct netlink_callback *cb)
{
	struct teach_diag_dump *d;
	int err;

	err = teach_diag_check(cb->nlh, false);
	if (err)
		return err;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	d->tn = teach_net(sock_net(cb->skb->sk));
	d->req = *(struct inet_diag_req_v2 *)nlmsg_data(cb->nlh);
	cb->data = d;
	return 0;
}

/* Called again and again, with a new @skb, until it has nothing to add. */
static int teach_diag_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct teach_diag_dump *d = cb->data;
	struct teach_diag_answer a;

	teach_diag_answer_init(&a, cb->skb, cb->nlh, &d->req);
	a.flags = NLM_F_MULTI;
	do {
		for (; d->told < d->count; d->told++) {
			const struct teach_diag_found *f = &d->found[d->told];

			if (teach_diag_put(skb, f, &a) == -EMSGSIZE)
				return skb->len;
			teach_diag_put_found(f);
		}
	} while (teach_diag_gather(d));
	return skb->len;
}

static int teach_diag_dump_done(struct netlink_callback *cb)
{
	struct teach_diag_dump *d = cb->data;

	teach_diag_forget(d, d->told);
	kfree(d);
	return 0;
}

/*
 * ---- The one that is named ----
 */

/**
 * struct teach_diag_seek - a look for the one socket that fits best
 * @tn: the network namespace
 * @id: what is asked for
 * @proto: on the wire
 * @best: the best so far
 * @score: how well it fits; -1 for none
 */
struct teach_diag_seek {
	struct teach_net		*tn;
	const struct inet_diag_sockid	*id;
	u8				proto;
	struct sock			*best;
	int				score;
};

/*
 * A listener or a socket for datagrams, that would get what comes from there to
 * here.  Of several on one port the cookie tells which one is meant.
 */
static void teach_diag_seek_sock(struct teach_diag_seek *seek, struct sock *sk,
				 const struct teach_tuple *t)
{
	int bound = READ_ONCE(sk->sk_bound_dev_if);
	const struct inet_diag_sockid *id = seek->id;
	int score;

	if (t->proto != seek->proto || t->lport != id->idiag_sport ||
	    (t->laddr && t->laddr != id->idiag_src[0]) ||
	    (t->faddr && t->faddr != id->idiag_dst[0]) ||
	    (t->fport && t->fport != id->idiag_dport) ||
	    (bound && bound != id->idiag_if) ||
	    sock_diag_check_cookie(sk, id->idiag_cookie))
		return;
	score = !!t->laddr * 2 + !!t->faddr + !!t->fport + !!bound;
	if (score > seek->score) {
		seek->best = sk;
		seek->score = score;
	}
}

static void teach_diag_seek_dgram(struct sock *sk, void *data)
{
	struct teach_tuple t;

	teach_dgram_tuple(sk, &t);
	teach_diag_seek_sock(data, sk, &t);
}

static void teach_diag_seek_listener(struct teach_diag_seek *seek)
{
	u32 chain = ntohs(seek->id->idiag_sport) & (TEACH_LISTEN_CHAINS - 1);
	struct teach_sock *ts;

	hlist_for_each_entry_rcu(ts, &seek->tn->listeners[chain], listen_node)
		teach_diag_seek_sock(seek, (struct sock *)ts,
				     &ts->entry.tuple);
}

static bool teach_diag_no_cookie(const struct inet_diag_sockid *id)
{
	return id->idiag_cookie[0] == INET_DIAG_NOCOOKIE &&
	       id->idiag_cookie[1] == INET_DIAG_NOCOOKIE;
}

/* Context: rcu_read_lock(), which also keeps what is returned. */
static struct teach_entry *
teach_diag_seek_entry(const struct teach_diag_seek *seek)
{
	const struct inet_diag_sockid *id = seek->id;
	const struct teach_tuple t = {
		.laddr	= id->idiag_src[0],
		.faddr	= id->idiag_dst[0],
		.lport	= id->idiag_sport,
		.fport	= id->idiag_dport,
		.proto	= seek->proto,
	};
	struct teach_entry *e;
	bool same;

	e = teach_lookup(seek->tn, &t, id->idiag_if, 0);
	if (!e)
		return NULL;
	if (e->kind == TEACH_SOCK)
		same = !sock_diag_check_cookie(teach_entry_sk(e),
					       id->idiag_cookie);
	else
		same = teach_diag_no_cookie(id);
	return same ? e : NULL;
}

/* Return: a socket, with a reference, or NULL; or else @entry is what it is. */
static struct sock *teach_diag_seek(struct teach_diag_seek *seek,
				    struct teach_entry **entry)
{
	u32 chain = ntohs(seek->id->idiag_sport) & (TEACH_DGRAM_CHAINS - 1);
	struct teach_entry *e = NULL;

	if (seek->proto == IPPROTO_TEACH_DGRAM || seek->proto == IPPROTO_UDP) {
		teach_dgram_walk(seek->tn, chain, teach_diag_seek_dgram, seek);
	} else {
		e = teach_diag_seek_entry(seek);
		if (!e)
			teach_diag_seek_listener(seek);
		else if (e->kind == TEACH_SOCK)
			seek->best = teach_entry_sk(e);
	}
	*entry = e;
	if (seek->best && !refcount_inc_not_zero(&seek->best->sk_refcnt))
		seek->best = NULL;
	return seek->best;
}

static int teach_diag_find(struct net *net, const struct inet_diag_req_v2 *req,
			   struct teach_diag_found *f)
{
	struct teach_diag_seek seek = {
		.tn	= teach_net(net),
		.id	= &req->id,
		.proto	= req->sdiag_protocol,
		.score	= -1,
	};
	struct teach_entry *e;
	int err = 0;

	rcu_read_lock();
	f->sk = teach_diag_seek(&seek, &e);
	if (f->sk)
		goto out;
	if (e && e->kind == TEACH_REQUEST)
		teach_diag_request(f, container_of(e, struct teach_request,
						   entry));
	else if (e && e->kind == TEACH_TIMEWAIT)
		teach_diag_timewait(f, container_of(e, struct teach_timewait,
						    entry));
	else
		err = -ENOENT;
out:
	rcu_read_unlock();
	return err;
}

/* SOCK_DIAG_BY_FAMILY, without NLM_F_DUMP. */
static int teach_diag_exact(struct sk_buff *in, struct nlmsghdr *nlh)
{
	const struct inet_diag_req_v2 *req = nlmsg_data(nlh);
	/* It is named already: whatever state it is in. */
	const struct inet_diag_req_v2 any = {
		.idiag_ext	= req->idiag_ext,
		.idiag_states	= ~0,
	};
	struct net *net = sock_net(in->sk);
	struct teach_diag_answer a;
	struct teach_diag_found f;
	struct sk_buff *skb;
	int err;

	err = teach_diag_check(nlh, true) ? : teach_diag_find(net, req, &f);
	if (err)
		return err;
	teach_diag_answer_init(&a, in, nlh, &any);
	skb = nlmsg_new(teach_diag_size(), GFP_KERNEL);
	err = skb ? teach_diag_put(skb, &f, &a) : -ENOMEM;
	teach_diag_put_found(&f);
	if (err) {
		WARN_ON_ONCE(err == -EMSGSIZE);
		nlmsg_free(skb);
		return err;
	}
	return nlmsg_unicast(net->diag_nlsk, skb, a.portid);
}

static int teach_diag_get(struct sk_buff *in, struct nlmsghdr *nlh)
{
	struct netlink_dump_control control = {
		.start	= teach_diag_dump_start,
		.dump	= teach_diag_dump,
		.done	= teach_diag_dump_done,
	};

	if (nlh->nlmsg_flags & NLM_F_DUMP)
		return netlink_dump_start(sock_net(in->sk)->diag_nlsk, in, nlh,
					  &control);
	return teach_diag_exact(in, nlh);
}

/*
 * ---- SOCK_DESTROY ----
 */

/* Nobody but its user has a listener, so the lock is his. */
static int teach_destroy_listener(struct sock *sk, int err)
{
	lock_sock(sk);
	if (sk->sk_state != TCP_LISTEN) {
		release_sock(sk);
		return -ENOENT;
	}
	teach_set_state(sk, TCP_CLOSE);
	teach_listen_stop(sk);
	WRITE_ONCE(sk->sk_err, err);
	teach_retire(sk);
	sk_error_report(sk);
	release_sock(sk);
	return 0;
}

/**
 * teach_destroy_stream - end a connection, or a listener, against its users
 * @sk: the socket, with a reference, not locked
 * @err: what its user gets
 *
 * The peer gets a RST, unless it has closed, too.
 *
 * Context: process.
 * Return: 0, or -ENOENT when it has ended already.
 */
int teach_destroy_stream(struct sock *sk, int err)
{
	int ret = -ENOENT;

	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return teach_destroy_listener(sk, err);

	teach_diag_lock(sk);
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN) {
		WRITE_ONCE(sk->sk_err, err);
		teach_abort(sk);
		if (!sock_flag(sk, SOCK_DEAD)) {
			teach_send_purge(sk);
			teach_rcv_purge(sk);
			sk_error_report(sk);
		}
		ret = 0;
	}
	teach_diag_unlock(sk);
	return ret;
}

/**
 * teach_destroy_dgram - take a socket for datagrams its peer
 * @sk: the socket, with a reference, not locked
 * @err: what its user gets
 *
 * As UDP: its port, too, unless bind(2) took it.
 *
 * Context: process.
 * Return: 0
 */
int teach_destroy_dgram(struct sock *sk, int err)
{
	lock_sock(sk);
	if (!sock_flag(sk, SOCK_DEAD)) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
		teach_dgram_disconnect(sk);
	}
	release_sock(sk);
	return 0;
}

static int teach_diag_destroy(struct sk_buff *in, struct nlmsghdr *nlh)
{
	const struct inet_diag_req_v2 *req = nlmsg_data(nlh);
	struct teach_diag_seek seek = {
		.tn	= teach_net(sock_net(in->sk)),
		.id	= &req->id,
		.score	= -1,
	};
	struct teach_entry *e;
	struct sock *sk;
	int err;

	/* First, so that nobody learns what there is from what is refused. */
	if (!netlink_net_capable(in, CAP_NET_ADMIN))
		return -EPERM;
	err = teach_diag_check(nlh, true);
	if (err)
		return err;
	seek.proto = req->sdiag_protocol;

	rcu_read_lock();
	sk = teach_diag_seek(&seek, &e);
	if (!sk && e && e->kind == TEACH_REQUEST)
		teach_request_drop(container_of(e, struct teach_request,
						entry), TCP_CLOSE,
				   TEACH_BY_CALL);
	else if (!sk && e && e->kind == TEACH_TIMEWAIT)
		teach_timewait_kill(container_of(e, struct teach_timewait,
						 entry), TEACH_BY_CALL);
	else if (!sk)
		err = -ENOENT;
	rcu_read_unlock();
	if (!sk)
		return err;

	err = sock_diag_destroy(sk, ECONNABORTED);
	sock_put(sk);
	return err;
}

static const struct sock_diag_handler teach_diag_handler = {
	TEACH_DIAG_OWNER
	.family		= AF_TEACH,
	.dump		= teach_diag_get,
	.destroy	= teach_diag_destroy,
};

int teach_diag_init(void)
{
	return sock_diag_register(&teach_diag_handler);
}

void teach_diag_exit(void)
{
	sock_diag_unregister(&teach_diag_handler);
}
