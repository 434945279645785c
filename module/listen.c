// SPDX-License-Identifier: GPL-2.0
/*
 * A listener and its two queues.
 *
 *	SYN ->	SYN queue	struct teach_request, state SYN_RECV:
 *		  |		our SYN-ACK is out
 *		  | ACK
 *		  v
 *		accept queue	struct teach_sock, state ESTABLISHED
 *		  |
 *		  v accept(2)
 *
 * Both are bounded by the backlog.  A request is small, because anybody can
 * make us keep one; a socket is made when the ACK shows that the address was
 * true.  Requests are found by their 5-tuple in the hash, like sockets, so
 * the listener's own lock is never taken to receive.
 *
 * When the SYN queue is full we can do without: cookie.c.
 */
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/busy_poll.h>

#include "teach.h"
#include "trace.h"

#define TEACH_SYNACK_BACKOFF_MAX	7

static struct kmem_cache *teach_request_cache;

static void teach_request_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(teach_request_cache,
			container_of(head, struct teach_request, rcu));
}

/*
 * ---- SYN_RECV ----
 */

static void teach_trace_syn_queue(const struct teach_request *req)
{
	trace_teach_queue(sock_net(req->sk), &teach_sk(req->sk)->entry.tuple,
			  TEACH_QUEUE_SYN, req->queue->syn_len,
			  READ_ONCE(req->sk->sk_max_ack_backlog));
}

static void teach_trace_accept_queue(const struct sock *sk)
{
	trace_teach_queue(sock_net(sk), &teach_sk(sk)->entry.tuple,
			  TEACH_QUEUE_ACCEPT, READ_ONCE(sk->sk_ack_backlog),
			  READ_ONCE(sk->sk_max_ack_backlog));
}

static int teach_send_request(const struct teach_request *req, u32 seq,
			      u8 flags, u16 window,
			      const struct teach_options *opt)
{
	return teach_ip_send(sock_net(req->sk), &(struct teach_bare) {
		.t	= req->entry.tuple,
		.dif	= req->entry.dif,
		.tos	= inet_sk(req->sk)->tos,
		.mark	= READ_ONCE(req->sk->sk_mark),
		.seq	= seq,
		.ack	= req->irs + 1,
		.window	= window,
		.flags	= flags,
		.opt	= *opt,
		.state	= TCP_SYN_RECV,
		.why	= flags & TEACH_SYN ? TEACH_WHY_SYNACK : TEACH_WHY_ACK,
	});
}

/**
 * teach_send_synack_options - our SYN-ACK
 * @req: what it answers
 * @opt: its options
 *
 * Return: 0, or why it did not leave this host.
 */
int teach_send_synack_options(const struct teach_request *req,
			      const struct teach_options *opt)
{
	return teach_send_request(req, req->iss,
				  TEACH_SYN | TEACH_ACK |
				  (req->terms.ecn ? TEACH_ECE : 0),
				  req->rcv_wnd, opt);
}

static int teach_send_request_synack(const struct teach_request *req)
{
	struct teach_options opt;

	teach_terms_options(&req->terms, req->advmss, &opt);
	return teach_send_synack_options(req, &opt);
}

/* Return: 0, or why it did not leave this host. */
static int teach_resend_synack(struct teach_request *req)
{
	int err = teach_send_request_synack(req);

	if (err)
		return err;
	/* Two CPUs may count one for two: that there was one is what counts. */
	WRITE_ONCE(req->retrans, READ_ONCE(req->retrans) + 1);
	TEACH_INC(teach_sk_net(req->sk), SYN_ACK_RETRANS);
	return 0;
}

static void teach_send_request_ack(const struct teach_request *req)
{
	struct teach_options opt = {};

	teach_ts_options(&req->terms, &opt);
	teach_send_request(req, req->iss + 1, TEACH_ACK,
			   req->rcv_wnd >> req->terms.rcv_wscale, &opt);
}

/* The caller has taken it out of the hash, so it is his. */
static void teach_request_release(struct teach_request *req)
{
	struct teach_listener *queue = req->queue;

	spin_lock_bh(&queue->lock);
	if (!list_empty(&req->list)) {
		list_del_init(&req->list);
		queue->syn_len--;
		if (!req->timeouts)
			queue->syn_young--;
		teach_trace_syn_queue(req);
	}
	if (timer_delete(&req->timer))
		trace_teach_timer(sock_net(req->sk), &req->entry.tuple,
				  TEACH_TIMER_SYNACK, TEACH_TIMER_CANCEL, 0);
	spin_unlock_bh(&queue->lock);
	call_rcu(&req->rcu, teach_request_free_rcu);
}

/**
 * teach_request_drop - a handshake that came to nothing
 * @req: the request
 * @state: where the trace says it went: LISTEN or CLOSE
 * @cause: and what for
 */
void teach_request_drop(struct teach_request *req, int state,
			enum teach_cause cause)
{
	struct net *net = sock_net(req->sk);

	if (!teach_hash_remove(teach_net(net), &req->entry))
		return;
	TEACH_INC(teach_net(net), ATTEMPT_FAILS);
	trace_teach_state(net, &req->entry.tuple, TCP_SYN_RECV, state, cause);
	teach_request_release(req);
}

/* RFC 6298 5.5: twice as long after each timeout. */
static unsigned long teach_request_timeout(const struct teach_request *req)
{
	int backoff = min_t(int, req->timeouts, TEACH_SYNACK_BACKOFF_MAX);

	return min(TEACH_RTO_INIT << backoff, TEACH_RTO_MAX);
}

/* Context: the lock of its queue. */
static void teach_request_wait(struct teach_request *req)
{
	unsigned long timeout = teach_request_timeout(req);

	mod_timer(&req->timer, jiffies + timeout);
	trace_teach_timer(sock_net(req->sk), &req->entry.tuple,
			  TEACH_TIMER_SYNACK, TEACH_TIMER_ARM,
			  jiffies_to_usecs(timeout));
}

/*
 * How often to send it again.  Most answer the first one, within a second.
 * If the queue fills with those who have not (because there is loss, or
 * because there is nobody), they are given up the sooner the fewer young ones
 * there are: half of the queue is for those.
 */
static int teach_synack_retries(const struct teach_request *req)
{
	const struct teach_listener *queue = req->queue;
	u32 backlog = READ_ONCE(req->sk->sk_max_ack_backlog);
	u32 len = READ_ONCE(queue->syn_len);
	u32 young = READ_ONCE(queue->syn_young);
	int retries = READ_ONCE(teach_sk(req->sk)->syn_retries) ? :
		      READ_ONCE(teach_sk_net(req->sk)->sysctl.synack_retries);

	if (2 * len <= max(backlog, 8U))
		return retries;
	for (young *= 2; retries > 2 && young <= len; young *= 2)
		retries--;
	return retries;
}

/* No ACK of our SYN-ACK came, or one that we could not take. */
static void teach_request_timer(struct timer_list *t)
{
	struct teach_request *req = timer_container_of(req, t, timer);
	int defer = READ_ONCE(teach_sk(req->sk)->defer_accept);
	struct teach_listener *queue = req->queue;
	bool acked = READ_ONCE(req->acked);

	trace_teach_timer(sock_net(req->sk), &req->entry.tuple,
			  TEACH_TIMER_SYNACK, TEACH_TIMER_FIRE, 0);
	/* tcp(7), TCP_DEFER_ACCEPT: only data is missing.  Ask at its end. */
	if (!(acked && req->timeouts < defer) &&
	    req->timeouts >= teach_synack_retries(req)) {
		teach_request_drop(req, TCP_CLOSE, TEACH_BY_TIMER);
		return;
	}
	if (!(acked && req->timeouts < defer - 1) &&
	    teach_resend_synack(req) && !acked) {
		teach_request_drop(req, TCP_CLOSE, TEACH_BY_TIMER);
		return;
	}

	spin_lock(&queue->lock);
	if (READ_ONCE(req->entry.hashed)) {
		if (!req->timeouts++)
			queue->syn_young--;
		teach_request_wait(req);
	}
	spin_unlock(&queue->lock);
}

/* The peer's SYN has come again: it has not seen our SYN-ACK. */
static void teach_request_again(struct teach_request *req)
{
	struct teach_listener *queue = req->queue;

	if (!teach_oow_ack_allowed(teach_sk_net(req->sk), &req->oow_ack_time) ||
	    teach_resend_synack(req))
		return;
	/* The next one no sooner than if this had been the timer's. */
	spin_lock(&queue->lock);
	if (READ_ONCE(req->entry.hashed))
		teach_request_wait(req);
	spin_unlock(&queue->lock);
}

/**
 * teach_request_init - what is known before the SYN is read
 * @req: filled
 * @sk: the listener
 * @queue: its queues
 * @skb: the SYN, or the ACK that brings a cookie
 */
void teach_request_init(struct teach_request *req, struct sock *sk,
			struct teach_listener *queue,
			const struct sk_buff *skb)
{
	memset(req, 0, sizeof(*req));
	req->entry.kind = TEACH_REQUEST;
	req->entry.tuple = (struct teach_tuple) {
		.laddr	= ip_hdr(skb)->daddr,
		.faddr	= ip_hdr(skb)->saddr,
		.lport	= tcp_hdr(skb)->dest,
		.fport	= tcp_hdr(skb)->source,
		.proto	= ip_hdr(skb)->protocol,
	};
	/* Who listens to all VRFs gets connections that are of one. */
	req->entry.dif = READ_ONCE(sk->sk_bound_dev_if) ? : teach_vrf(skb);
	req->sk = sk;
	req->queue = queue;
	req->window = teach_cb(skb)->window;
	req->advmss = teach_advmss(sk, skb->dev->mtu);
	req->rcv_wnd = teach_initial_window(sk, req->advmss);
	teach_terms_offer(sk, &req->entry.tuple, &req->terms);
}

static struct teach_request *teach_request_alloc(struct sock *sk,
						 struct teach_listener *queue,
						 const struct sk_buff *skb,
						 u32 iss)
{
	const struct teach_cb *cb = teach_cb(skb);
	struct teach_options opt;
	struct teach_request *req;

	req = kmem_cache_alloc(teach_request_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!req)
		return NULL;
	teach_request_init(req, sk, queue, skb);
	teach_options_parse(skb, &opt);
	teach_terms_agree(&req->terms, &opt);
	req->terms.ecn = teach_ecn_asked(sock_net(sk), cb->flags);
	req->iss = iss ? : teach_isn(&req->entry.tuple);
	req->irs = cb->seq;
	req->sent_us = teach_clock_us();
	INIT_LIST_HEAD(&req->list);
	timer_setup(&req->timer, teach_request_timer, 0);
	return req;
}

/* Into the SYN queue and the hash.  Return: false when it may not. */
static bool teach_request_add(struct teach_request *req)
{
	struct teach_listener *queue = req->queue;
	struct teach_net *tn = teach_sk_net(req->sk);
	bool added = false;

	spin_lock_bh(&queue->lock);
	if (!queue->closed && teach_hash_insert(tn, &req->entry)) {
		list_add_tail(&req->list, &queue->syn_queue);
		queue->syn_len++;
		queue->syn_young++;
		teach_trace_syn_queue(req);
		teach_request_wait(req);
		added = true;
	}
	spin_unlock_bh(&queue->lock);
	return added;
}

static bool teach_syn_queue_full(const struct sock *sk,
				 const struct teach_listener *queue,
				 int syncookies)
{
	int max = READ_ONCE(teach_sk_net(sk)->sysctl.max_syn_backlog);
	u32 len = READ_ONCE(queue->syn_len);

	/* listen(2): with cookies there is no need for a second limit. */
	return len > READ_ONCE(sk->sk_max_ack_backlog) ||
	       (!syncookies && len >= max);
}

/* Once for each listener, and of no address: who reads logs is not who asks. */
static void teach_warn_flood(const struct sock *sk,
			     struct teach_listener *queue, const char *what)
{
	if (!READ_ONCE(queue->flood_warned) && !xchg(&queue->flood_warned, 1))
		net_info_ratelimited("teach: possible SYN flood on port %u: %s\n",
				     inet_sk(sk)->inet_num, what);
}

/* There is no room to keep it. */
static void teach_listen_overflow(struct sock *sk,
				  struct teach_listener *queue,
				  struct sk_buff *skb, int syncookies)
{
	TEACH_INC(teach_sk_net(sk), SYN_QUEUE_OVERFLOW);
	if (!syncookies) {
		teach_warn_flood(sk, queue, "dropped");
		teach_drop(sock_net(sk), skb, TEACH_DROP_SYN_QUEUE_FULL);
		return;
	}
	teach_warn_flood(sk, queue, "cookies are sent");
	teach_cookie_send(sk, queue, skb);
	consume_skb(skb);
}

/* Third, check for a SYN: this is one. */
static void teach_listen_syn(struct sock *sk, struct teach_listener *queue,
			     struct sk_buff *skb, u32 iss)
{
	struct net *net = sock_net(sk);
	int syncookies = READ_ONCE(teach_net(net)->sysctl.syncookies);
	struct teach_request *req;

	/* Silence: the peer tries again, and there may be room then. */
	if (sk_acceptq_is_full(sk)) {
		TEACH_INC(teach_net(net), ACCEPT_QUEUE_OVERFLOW);
		teach_drop(net, skb, TEACH_DROP_ACCEPT_QUEUE_FULL);
		return;
	}
	/* One that ends a TIME_WAIT (iss) has shown that it is real. */
	if (!iss && teach_syn_queue_full(sk, queue, syncookies)) {
		teach_listen_overflow(sk, queue, skb, syncookies);
		return;
	}
	if (!iss && syncookies == 2) {
		teach_cookie_send(sk, queue, skb);
		consume_skb(skb);
		return;
	}

	req = teach_request_alloc(sk, queue, skb, iss);
	if (!req) {
		teach_drop(net, skb, TEACH_DROP_MEMORY);
		return;
	}
	if (!teach_request_add(req)) {
		/* Another CPU has just taken the same SYN, or we close. */
		kmem_cache_free(teach_request_cache, req);
		teach_drop(net, skb, TEACH_DROP_BAD_SYN);
		return;
	}
	trace_teach_state(net, &req->entry.tuple, TCP_LISTEN, TCP_SYN_RECV,
			  TEACH_BY_SEGMENT);
	teach_send_request_synack(req);
	consume_skb(skb);
}

/*
 * Second, check for an ACK: this is one.  Of what?  Not of @waiting, if there
 * is that, but perhaps of a cookie.
 */
static void teach_listen_ack(struct sock *sk, struct teach_request *waiting,
			     struct sk_buff *skb)
{
	struct teach_listener *queue = rcu_dereference(teach_sk(sk)->listener);

	if (queue && teach_cookie_rcv(sk, queue, waiting, skb))
		return;
	teach_reply_rst(sock_net(sk), skb);
	teach_drop(sock_net(sk), skb, TEACH_DROP_BAD_ACK);
}

/**
 * teach_listen_rcv - a segment for a listener: RFC 9293 3.10.7.2
 * @sk: the listener, not locked
 * @skb: the segment; consumed
 * @iss: our first sequence number, or 0 to choose one
 *
 * Context: softirq, rcu_read_lock().
 */
void teach_listen_rcv(struct sock *sk, struct sk_buff *skb, u32 iss)
{
	struct teach_listener *queue = rcu_dereference(teach_sk(sk)->listener);
	struct teach_cb *cb = teach_cb(skb);
	struct net *net = sock_net(sk);

	if (!teach_filter(sk, skb))
		return;

	/* First, check for a RST. */
	if (cb->flags & TEACH_RST) {
		teach_drop(net, skb, TEACH_DROP_RESET);
		return;
	}
	if (cb->flags & TEACH_ACK) {
		teach_listen_ack(sk, NULL, skb);
		return;
	}
	if (!(cb->flags & TEACH_SYN) || cb->flags & TEACH_FIN) {
		teach_drop(net, skb, TEACH_DROP_BAD_FLAGS);
		return;
	}
	if (queue)
		teach_listen_syn(sk, queue, skb, iss);
	else
		teach_rcv_closed(net, skb);
}

/*
 * ---- From request to socket ----
 */

/*
 * A copy of the listener with the request's addresses and numbers, in state
 * SYN_RECV.  Nobody else can see it yet.
 */
static struct sock *teach_child_alloc(struct teach_request *req)
{
	const struct teach_tuple *t = &req->entry.tuple;
	struct sock *sk = sk_clone_lock(req->sk, GFP_ATOMIC);
	struct teach_sock *ts = teach_sk(sk);
	struct inet_sock *inet = inet_sk(sk);

	if (!sk)
		return NULL;
	__acquire(&sk->sk_lock.slock);	/* what the prototype leaves out */
	bh_unlock_sock(sk);

	inet->inet_daddr = t->faddr;
	inet->inet_rcv_saddr = t->laddr;
	inet->inet_saddr = t->laddr;
	inet->inet_dport = t->fport;
	inet->inet_sport = t->lport;
	inet->inet_num = ntohs(t->lport);
	inet->mc_list = NULL;
	WRITE_ONCE(sk->sk_bound_dev_if, req->entry.dif);
	atomic_set(&inet->inet_id, get_random_u16());
	teach_init_child(sk);
	sk_set_txhash(sk);
	sk->sk_max_ack_backlog = 0;

	ts->iss = req->iss;
	ts->snd_una = req->iss;
	ts->snd_nxt = req->iss + 1;
	ts->write_seq = ts->snd_nxt;
	ts->snd_sml = req->iss;
	ts->high_seq = req->iss;
	ts->irs = req->irs;
	ts->rcv_nxt = req->irs + 1;
	ts->rcv_wup = ts->rcv_nxt;
	ts->copied_seq = ts->rcv_nxt;
	ts->rcv_wnd = req->rcv_wnd;
	ts->snd_wnd = req->window;
	ts->max_window = req->window;
	ts->advmss = req->advmss;
	ts->rcv_mss = min_t(u16, req->advmss, TEACH_MSS_DEFAULT);
	teach_terms_apply(sk, &req->terms);
	ts->total_retrans = READ_ONCE(req->retrans);
	/* For cwnd it counts only if one was lost: teach_established(). */
	if (READ_ONCE(req->timeouts)) {
		ts->undo_marker = req->iss;
		ts->undo_retrans = -1;
	}
	/* The SYN, and what answered it. */
	ts->stats.segs_in = 1;
	ts->stats.segs_out = 1 + ts->total_retrans;
	ts->stats.timeouts = READ_ONCE(req->timeouts);
	ts->stats.recoveries = ts->stats.timeouts > 0;
	teach_tuple_set(sk);
	sk->sk_state = TCP_SYN_RECV;
	return sk;
}

/* Nobody has seen it. */
static void teach_child_free(struct sock *sk)
{
	sk->sk_state = TCP_CLOSE;
	sock_orphan(sk);
	teach_destroy_sock(sk);
	sock_put(sk);
}

/* The listener has gone: nobody will accept it. */
static void teach_child_abort(struct sock *sk)
{
	sock_orphan(sk);
	teach_abort(sk);
}

/* Return: the socket, ready to take the request's place; or NULL. */
static struct sock *teach_child_make(struct teach_request *req)
{
	struct sock *sk = teach_child_alloc(req);
	struct dst_entry *dst;

	if (!sk)
		return NULL;
	dst = teach_route(sk);
	if (!dst || teach_port_inherit(sk, req->sk)) {
		teach_child_free(sk);
		return NULL;
	}
	teach_mtu_start(sk, dst_mtu(dst));
	/* Karn: only when it is clear which SYN-ACK was acknowledged. */
	if (!READ_ONCE(req->retrans) && !req->cookie && !READ_ONCE(req->acked))
		teach_rtt_sample(teach_sk(sk),
				 teach_clock_us() - req->sent_us);
	return sk;
}

/* Return: false when the listener closes just now. */
static bool teach_accept_enqueue(struct teach_request *req, struct sock *sk)
{
	struct teach_listener *queue = req->queue;
	bool closed;

	spin_lock(&queue->lock);
	closed = queue->closed;
	if (!closed) {
		list_add_tail(&teach_sk(sk)->accept_node, &queue->accept_queue);
		sk_acceptq_added(req->sk);
		teach_trace_accept_queue(req->sk);
	}
	spin_unlock(&queue->lock);
	return !closed;
}

/*
 * Into the hash, in the request's place if that is there.  Return: false when
 * another CPU was faster.
 */
static bool teach_child_hash(struct teach_request *req, struct sock *sk)
{
	struct teach_net *tn = teach_sk_net(sk);

	if (!req->cookie)
		return teach_hash_replace(tn, &req->entry,
					  &teach_sk(sk)->entry);
	if (!teach_hash_insert(tn, &teach_sk(sk)->entry))
		return false;
	trace_teach_state(sock_net(sk), &req->entry.tuple, TCP_LISTEN,
			  TCP_SYN_RECV, TEACH_BY_SEGMENT);
	return true;
}

/**
 * teach_request_complete - the handshake is: RFC 9293 3.10.7.4, fifth
 * @req: the half-open connection, or what a cookie tells of it
 * @skb: the ACK; consumed
 *
 * Context: softirq, rcu_read_lock().
 */
void teach_request_complete(struct teach_request *req, struct sk_buff *skb)
{
	struct sock *listener = req->sk;
	struct net *net = sock_net(listener);
	struct teach_net *tn = teach_net(net);
	struct sock *sk;

	if (sk_acceptq_is_full(listener)) {
		TEACH_INC(tn, ACCEPT_QUEUE_OVERFLOW);
		/* Our SYN-ACK, sent again, will ask again. */
		WRITE_ONCE(req->acked, true);
		if (READ_ONCE(tn->sysctl.abort_on_overflow)) {
			teach_reply_rst(net, skb);
			if (!req->cookie)
				teach_request_drop(req, TCP_CLOSE,
						   TEACH_BY_SEGMENT);
		}
		teach_drop(net, skb, TEACH_DROP_ACCEPT_QUEUE_FULL);
		return;
	}

	sk = teach_child_make(req);
	if (!sk) {
		teach_drop(net, skb, TEACH_DROP_MEMORY);
		return;
	}

	/* From the hash on it can be found, so it is locked first. */
	bh_lock_sock(sk);
	if (!teach_child_hash(req, sk)) {
		bh_unlock_sock(sk);
		teach_child_free(sk);
		teach_drop(net, skb, TEACH_DROP_CLOSED);
		return;
	}
	TEACH_INC(tn, PASSIVE_OPENS);
	if (teach_accept_enqueue(req, sk)) {
		/* This very segment takes it to ESTABLISHED. */
		skb->dev = NULL;
		sk_mark_napi_id_set(sk, skb);
		teach_do_rcv(sk, skb);
		listener->sk_data_ready(listener);
	} else {
		teach_child_abort(sk);
		teach_drop(net, skb, TEACH_DROP_CLOSED);
	}
	bh_unlock_sock(sk);
	sock_put(sk);
	if (!req->cookie)
		teach_request_release(req);
}

/*
 * First, check the sequence number; but before that, RFC 7323 5.3, that it is
 * not an old one.
 */
static bool teach_request_acceptable(const struct teach_request *req,
				     const struct teach_cb *cb, bool paws_ok)
{
	u32 rcv_nxt = req->irs + 1;

	return paws_ok && (cb->seq == rcv_nxt ||
			   teach_in_window(cb, rcv_nxt, rcv_nxt + 1,
					   rcv_nxt + req->rcv_wnd));
}

/*
 * tcp(7), TCP_DEFER_ACCEPT: is this only the ACK?  The program wants to hear of
 * the connection when there is something to read, or when it takes too long.
 */
static bool teach_request_deferred(struct teach_request *req,
				   const struct teach_cb *cb)
{
	if (cb->end_seq != req->irs + 1 || READ_ONCE(req->timeouts) >=
	    READ_ONCE(teach_sk(req->sk)->defer_accept))
		return false;
	WRITE_ONCE(req->acked, true);
	return true;
}

/* Second, check the RST bit. */
static void teach_request_rst(struct teach_request *req, struct sk_buff *skb)
{
	struct net *net = sock_net(req->sk);

	if (teach_cb(skb)->seq == req->irs + 1) {
		teach_request_drop(req, TCP_LISTEN, TEACH_BY_SEGMENT);
		teach_drop(net, skb, TEACH_DROP_RESET);
		return;
	}
	/* RFC 5961 3.2 */
	if (teach_challenge_allowed(teach_net(net), &req->oow_ack_time))
		teach_send_request_ack(req);
	teach_drop(net, skb, TEACH_DROP_BAD_RESET);
}

/**
 * teach_request_rcv - a segment for a half-open connection
 * @req: the request
 * @skb: the segment; consumed
 *
 * RFC 9293 3.10.7.4 for SYN_RECV after a passive OPEN.
 *
 * Context: softirq, rcu_read_lock().
 */
void teach_request_rcv(struct teach_request *req, struct sk_buff *skb)
{
	struct teach_cb *cb = teach_cb(skb);
	struct net *net = sock_net(req->sk);
	struct teach_options opt;
	bool paws_ok;
	u8 flags;

	if (!teach_filter(req->sk, skb))
		return;
	flags = cb->flags & (TEACH_SYN | TEACH_ACK | TEACH_RST);
	teach_options_parse(skb, &opt);
	paws_ok = flags & TEACH_RST || teach_paws_ok(&req->terms, &opt);

	if (flags == TEACH_SYN && cb->seq == req->irs && paws_ok) {
		teach_request_again(req);
		consume_skb(skb);
		return;
	}
	/*
	 * 3.5.2, group 2: what acknowledges anything but our SYN is of some
	 * other connection, wherever it is.
	 */
	if (flags & TEACH_ACK && !(flags & TEACH_RST) &&
	    cb->ack != req->iss + 1) {
		teach_listen_ack(req->sk, req, skb);
		return;
	}
	if (!teach_request_acceptable(req, cb, paws_ok)) {
		if (!(flags & TEACH_RST) &&
		    teach_oow_ack_allowed(teach_net(net), &req->oow_ack_time))
			teach_send_request_ack(req);
		teach_drop(net, skb, paws_ok ? TEACH_DROP_OUT_OF_WINDOW :
					       TEACH_DROP_PAWS);
		return;
	}
	if (flags & TEACH_RST) {
		teach_request_rst(req, skb);
		return;
	}
	/* Fourth, check the SYN bit: back to LISTEN. */
	if (flags & TEACH_SYN) {
		teach_request_drop(req, TCP_LISTEN, TEACH_BY_SEGMENT);
		teach_drop(net, skb, TEACH_DROP_BAD_SYN);
		return;
	}
	/* Fifth, check the ACK field: it is of our SYN, if it is one. */
	if (!(flags & TEACH_ACK)) {
		teach_drop(net, skb, TEACH_DROP_BAD_FLAGS);
		return;
	}
	if (teach_request_deferred(req, cb)) {
		teach_drop(net, skb, TEACH_DROP_DEFERRED);
		return;
	}
	teach_request_complete(req, skb);
}

/*
 * ---- listen(2), accept(2), close(2) ----
 */

/**
 * teach_listen_start - from CLOSE to LISTEN
 * @sk: the socket, locked
 *
 * Return: 0, -EADDRINUSE, or -ENOMEM.
 */
int teach_listen_start(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_listener *queue;
	int err;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL);
	if (!queue)
		return -ENOMEM;
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->syn_queue);
	INIT_LIST_HEAD(&queue->accept_queue);
	queue->cookies_end = jiffies;
	sk->sk_ack_backlog = 0;

	err = ts->bind.bucket ? 0 : teach_port_bind(sk, 0);
	inet_sk(sk)->inet_sport = htons(inet_sk(sk)->inet_num);
	if (!err)
		err = teach_port_listen(sk);
	if (err) {
		kfree(queue);
		return err;
	}
	WRITE_ONCE(sk->sk_state, TCP_LISTEN);
	teach_tuple_set(sk);
	rcu_assign_pointer(ts->listener, queue);
	err = teach_listen_hash(sk);
	if (err) {
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
		RCU_INIT_POINTER(ts->listener, NULL);
		teach_port_unlisten(sk);
		kfree(queue);
		return err;
	}
	trace_teach_state(sock_net(sk), &ts->entry.tuple, TCP_CLOSE,
			  TCP_LISTEN, TEACH_BY_CALL);
	return 0;
}

/**
 * teach_listen_stop - the listener closes, and all that waited in its queues
 * @sk: the socket, locked; no longer in state LISTEN
 */
void teach_listen_stop(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_listener *queue;
	struct teach_request *req;
	struct teach_sock *child, *next;
	LIST_HEAD(children);

	queue = rcu_dereference_protected(ts->listener,
					  lockdep_sock_is_held(sk));
	RCU_INIT_POINTER(ts->listener, NULL);

	spin_lock_bh(&queue->lock);
	queue->closed = true;
	list_splice_init(&queue->accept_queue, &children);
	sk->sk_ack_backlog = 0;
	spin_unlock_bh(&queue->lock);

	rcu_read_lock();
	for (;;) {
		spin_lock_bh(&queue->lock);
		req = list_first_entry_or_null(&queue->syn_queue,
					       struct teach_request, list);
		if (req)
			list_del_init(&req->list);
		spin_unlock_bh(&queue->lock);
		if (!req)
			break;
		teach_request_drop(req, TCP_CLOSE, TEACH_BY_CALL);
	}
	rcu_read_unlock();

	list_for_each_entry_safe(child, next, &children, accept_node) {
		struct sock *csk = (struct sock *)child;

		list_del_init(&child->accept_node);
		sock_hold(csk);
		local_bh_disable();
		bh_lock_sock(csk);
		teach_child_abort(csk);
		bh_unlock_sock(csk);
		local_bh_enable();
		sock_put(csk);
	}
	kfree_rcu(queue, rcu);
}

/**
 * teach_accept_dequeue - the connection that has waited longest
 * @sk: the listener, locked
 *
 * Return: the socket, the caller's now, or NULL.
 */
struct sock *teach_accept_dequeue(struct sock *sk)
{
	struct teach_listener *queue;
	struct teach_sock *child;

	queue = rcu_dereference_protected(teach_sk(sk)->listener,
					  lockdep_sock_is_held(sk));
	spin_lock_bh(&queue->lock);
	child = list_first_entry_or_null(&queue->accept_queue,
					 struct teach_sock, accept_node);
	if (child) {
		list_del_init(&child->accept_node);
		sk_acceptq_removed(sk);
		teach_trace_accept_queue(sk);
	}
	spin_unlock_bh(&queue->lock);
	return (struct sock *)child;
}

int teach_listen_init(void)
{
	teach_request_cache = KMEM_CACHE(teach_request, SLAB_ACCOUNT);
	return teach_request_cache ? 0 : -ENOMEM;
}

void teach_listen_exit(void)
{
	kmem_cache_destroy(teach_request_cache);
}
