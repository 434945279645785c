// SPDX-License-Identifier: GPL-2.0
/*
 * What is left of a connection when its socket has gone: RFC 9293 3.6.1.
 *
 * Whoever closes first waits for two maximum segment lifetimes, so that the
 * peer's FIN can be acknowledged again if our ACK was lost, and so that no
 * old segment finds a new connection of the same 5-tuple.  That needs a few
 * numbers, not a socket.
 *
 * A connection whose user has gone while the peer has not closed (FIN_WAIT2)
 * is kept here too.
 */
#include <linux/slab.h>
#include <linux/tcp.h>

#include "teach.h"
#include "trace.h"

static struct kmem_cache *teach_timewait_cache;

static void teach_timewait_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(teach_timewait_cache,
			container_of(head, struct teach_timewait, rcu));
}

/**
 * teach_timewait_release - the end of it
 * @tw: what is left, out of the hash; freed after a grace period
 * @cause: of it, for the trace
 */
void teach_timewait_release(struct teach_timewait *tw, enum teach_cause cause)
{
	/* From now on nobody sets the timer again: see _restart(). */
	spin_lock_bh(&tw->lock);
	if (timer_delete(&tw->timer))
		trace_teach_timer(tw->tn->net, &tw->entry.tuple,
				  TEACH_TIMER_TIME_WAIT, TEACH_TIMER_CANCEL, 0);
	spin_unlock_bh(&tw->lock);

	trace_teach_state(tw->tn->net, &tw->entry.tuple, tw->state, TCP_CLOSE,
			  cause);
	teach_port_put(tw->tn, &tw->bind);
	atomic_dec(&tw->tn->timewaits);
	call_rcu(&tw->rcu, teach_timewait_free_rcu);
}

/* The same for one that is in the hash, unless another CPU is faster. */
void teach_timewait_kill(struct teach_timewait *tw, enum teach_cause cause)
{
	if (teach_hash_remove(tw->tn, &tw->entry))
		teach_timewait_release(tw, cause);
}

static void teach_timewait_timer(struct timer_list *t)
{
	struct teach_timewait *tw = timer_container_of(tw, t, timer);

	trace_teach_timer(tw->tn->net, &tw->entry.tuple,
			  TEACH_TIMER_TIME_WAIT, TEACH_TIMER_FIRE, 0);
	teach_timewait_kill(tw, TEACH_BY_TIMER);
}

static struct teach_timewait *teach_timewait_alloc(struct sock *sk, int state)
{
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_sock *ts = teach_sk(sk);
	struct teach_timewait *tw;

	if (atomic_read(&tn->timewaits) >= READ_ONCE(tn->sysctl.max_tw_buckets))
		return NULL;
	tw = kmem_cache_zalloc(teach_timewait_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!tw)
		return NULL;

	tw->entry.kind = TEACH_TIMEWAIT;
	tw->entry.tuple = ts->entry.tuple;
	tw->tn = tn;
	tw->state = state;
	tw->snd_nxt = ts->snd_nxt;
	tw->rcv_nxt = ts->rcv_nxt;
	tw->rcv_wnd = ts->rcv_wnd;
	tw->terms = ts->terms;
	tw->tos = inet_sk(sk)->tos;
	spin_lock_init(&tw->lock);
	timer_setup(&tw->timer, teach_timewait_timer, 0);
	return tw;
}

static void teach_timewait_wait(struct teach_timewait *tw,
				unsigned long timeout)
{
	mod_timer(&tw->timer, jiffies + timeout);
	trace_teach_timer(tw->tn->net, &tw->entry.tuple,
			  TEACH_TIMER_TIME_WAIT, TEACH_TIMER_ARM,
			  jiffies_to_usecs(timeout));
}

/**
 * teach_time_wait - the socket is done with, what is left of it stays
 * @sk: the socket, locked; closed by this
 * @state: TIME_WAIT, or FIN_WAIT2 when nobody is left to read
 * @timeout: for how long, jiffies
 */
void teach_time_wait(struct sock *sk, int state, unsigned long timeout)
{
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_timewait *tw = teach_timewait_alloc(sk, state);

	if (!tw) {
		/* It ends early: what RFC 1337 warns of may happen. */
		TEACH_INC(tn, TIME_WAIT_OVERFLOW);
		teach_done(sk);
		return;
	}

	atomic_inc(&tn->timewaits);
	TEACH_INC(tn, TIME_WAITS);
	teach_port_keep(sk, tw);
	/* Once it is in the hash it may be killed at any time. */
	local_bh_disable();
	teach_timewait_wait(tw, timeout);
	teach_hash_replace(tn, &teach_sk(sk)->entry, &tw->entry);
	local_bh_enable();

	/* The connection lives on in another form: no step to CLOSE. */
	if (sk->sk_state != state)
		trace_teach_state(sock_net(sk), &teach_sk(sk)->entry.tuple,
				  sk->sk_state, state, teach_sk(sk)->cause);
	teach_unname(sk);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	teach_retire(sk);
}

static void teach_timewait_restart(struct teach_timewait *tw)
{
	spin_lock(&tw->lock);
	if (READ_ONCE(tw->entry.hashed))
		teach_timewait_wait(tw, TEACH_TIMEWAIT_LEN);
	spin_unlock(&tw->lock);
}

static void teach_timewait_ack(struct teach_timewait *tw)
{
	struct teach_options opt = {};

	teach_ts_options(&tw->terms, &opt);
	teach_ip_send(tw->tn->net, &(struct teach_bare) {
		.t	= tw->entry.tuple,
		.dif	= tw->entry.dif,
		.tos	= tw->tos,
		.seq	= tw->snd_nxt,
		.ack	= tw->rcv_nxt,
		.window	= tw->rcv_wnd >> tw->terms.rcv_wscale,
		.flags	= TEACH_ACK,
		.opt	= opt,
		.state	= tw->state,
		.why	= TEACH_WHY_ACK,
	});
}

/*
 * ---- A new connection of the same name ----
 *
 * What is still on its way of the old one must not be taken for the new one's.
 * Either the new numbers begin beyond the old window (RFC 9293 3.6.1), or the
 * peer's clock tells one from the other (RFC 6191).
 */

/* Beyond all that we have sent; never 0. */
static u32 teach_timewait_iss(const struct teach_timewait *tw)
{
	return (READ_ONCE(tw->snd_nxt) + U16_MAX + 2) ? : 1;
}

/* As Linux judges it: by the addresses, or the device that it was bound to. */
static bool teach_timewait_loopback(const struct teach_timewait *tw)
{
	return tw->entry.dif == LOOPBACK_IFINDEX ||
	       ipv4_is_loopback(tw->entry.tuple.laddr) ||
	       ipv4_is_loopback(tw->entry.tuple.faddr);
}

/* net.teach.tw_reuse: 1 for all, 2 for connections of this host with itself. */
static bool teach_timewait_may_reuse(const struct teach_timewait *tw)
{
	int reuse = READ_ONCE(tw->tn->sysctl.timewait_reuse);

	return reuse == 1 || (reuse == 2 && teach_timewait_loopback(tw));
}

/**
 * teach_timewait_take - connect(2) wants the 5-tuple of one that has ended
 * @sk: the socket, its 5-tuple set but not in the hash
 * @bound: bind(2) has chosen the port, and nobody can choose another
 * @iss: where its sequence numbers have to begin
 *
 * The peer's clock must be known and have ticked since, so that its answer is
 * newer than all that it has sent before.  As in Linux a port that was asked
 * for by name is given at once and whatever tw_reuse says.
 *
 * Return: what was in the way, for teach_timewait_release(); or NULL, and
 *	nothing has changed.
 */
struct teach_timewait *teach_timewait_take(struct sock *sk, bool bound,
					   u32 *iss)
{
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_sock *ts = teach_sk(sk);
	struct teach_timewait *tw = NULL;
	struct teach_entry *e;
	bool taken = false;
	u32 stamp;

	rcu_read_lock();
	e = teach_lookup(tn, &ts->entry.tuple, ts->entry.dif, 0);
	if (!e || e->kind != TEACH_TIMEWAIT)
		goto out;
	tw = container_of(e, struct teach_timewait, entry);
	stamp = READ_ONCE(tw->terms.ts_recent_stamp);
	if (READ_ONCE(tw->state) != TCP_TIME_WAIT || !tw->terms.timestamps ||
	    e->dif != ts->entry.dif)
		goto out;
	if (!bound && (!teach_timewait_may_reuse(tw) ||
		       !after((u32)ktime_get_seconds(), stamp)))
		goto out;
	*iss = teach_timewait_iss(tw);
	taken = teach_hash_replace(tn, e, &ts->entry);
	if (taken)
		TEACH_INC(tn, TIME_WAIT_REUSED);
out:
	rcu_read_unlock();
	/* Nobody else frees one that we have taken. */
	return taken ? tw : NULL;
}

/*
 * A SYN that is newer than all we have seen, by its sequence number or by the
 * peer's clock.  One that is older by its clock is not, whatever its number.
 */
static bool teach_timewait_reuse(struct teach_timewait *tw,
				 const struct teach_options *opt,
				 struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);
	struct sock *sk;

	if ((cb->flags & (TEACH_SYN | TEACH_ACK | TEACH_RST)) != TEACH_SYN ||
	    !teach_paws_ok(&tw->terms, opt))
		return false;
	if (!after(cb->seq, tw->rcv_nxt) &&
	    !(tw->terms.timestamps && opt->has_timestamps &&
	      after(opt->tsval, tw->terms.ts_recent)))
		return false;

	sk = teach_lookup_listener(tw->tn, &tw->entry.tuple, inet_iif(skb),
				   inet_sdif(skb), skb);
	if (!sk)
		return false;

	TEACH_INC(tw->tn, TIME_WAIT_REUSED);
	teach_timewait_kill(tw, TEACH_BY_SEGMENT);
	teach_listen_rcv(sk, skb, teach_timewait_iss(tw));
	return true;
}

/*
 * Second, check the RST bit.  An old segment of the peer's, answered with our
 * ACK, can make it send one: net.teach.rfc1337 has TIME_WAIT survive that.
 */
static void teach_timewait_rst(struct teach_timewait *tw, struct sk_buff *skb)
{
	bool exact = teach_cb(skb)->seq == tw->rcv_nxt;

	if (exact && READ_ONCE(tw->state) == TCP_TIME_WAIT &&
	    READ_ONCE(tw->tn->sysctl.rfc1337))
		exact = false;
	if (exact)
		teach_timewait_kill(tw, TEACH_BY_SEGMENT);
	teach_drop(tw->tn->net, skb, exact ? TEACH_DROP_RESET :
					     TEACH_DROP_BAD_RESET);
}

/*
 * Nothing of it is new.  If it has bytes, or is the peer's FIN (eighth), it
 * was sent again for want of our ACK.
 */
static void teach_timewait_old(struct teach_timewait *tw, struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);

	if (cb->flags & TEACH_FIN && tw->state == TCP_TIME_WAIT)
		teach_timewait_restart(tw);
	if (teach_old_ack_allowed(tw->tn, cb, &tw->oow_ack_time))
		teach_timewait_ack(tw);
	teach_drop(tw->tn->net, skb, TEACH_DROP_OLD_DATA);
}

/* FIN_WAIT2, and nobody is there: bytes are refused, a FIN ends it. */
static void teach_timewait_fin_wait2(struct teach_timewait *tw,
				     struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);

	if (!after(cb->end_seq, tw->rcv_nxt) || cb->seq == cb->end_seq) {
		consume_skb(skb);
		return;
	}
	if (!(cb->flags & TEACH_FIN) || cb->end_seq != tw->rcv_nxt + 1) {
		teach_reply_rst(tw->tn->net, skb);
		teach_timewait_kill(tw, TEACH_BY_SEGMENT);
		teach_drop(tw->tn->net, skb, TEACH_DROP_CLOSED);
		return;
	}

	spin_lock(&tw->lock);
	if (tw->state == TCP_FIN_WAIT2) {
		WRITE_ONCE(tw->state, TCP_TIME_WAIT);
		tw->rcv_nxt = cb->end_seq;
		trace_teach_state(tw->tn->net, &tw->entry.tuple, TCP_FIN_WAIT2,
				  TCP_TIME_WAIT, TEACH_BY_SEGMENT);
	}
	spin_unlock(&tw->lock);
	teach_timewait_restart(tw);
	teach_timewait_ack(tw);
	consume_skb(skb);
}

/**
 * teach_timewait_rcv - a segment for what is left of a connection
 * @tw: what is left
 * @skb: the segment; consumed
 *
 * Context: softirq, rcu_read_lock().
 */
void teach_timewait_rcv(struct teach_timewait *tw, struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);
	struct net *net = tw->tn->net;
	struct teach_options opt;
	bool old;

	teach_options_parse(skb, &opt);
	if (tw->state == TCP_TIME_WAIT && teach_timewait_reuse(tw, &opt, skb))
		return;

	/* First, check the sequence number, and that it is not an old one. */
	old = !(cb->flags & TEACH_RST) && !teach_paws_ok(&tw->terms, &opt);
	if (old || !teach_in_window(cb, tw->rcv_nxt, tw->rcv_nxt,
				    tw->rcv_nxt + tw->rcv_wnd)) {
		if (cb->flags & TEACH_RST)
			teach_drop(net, skb, TEACH_DROP_BAD_RESET);
		else
			teach_timewait_old(tw, skb);
		return;
	}
	if (cb->flags & TEACH_RST) {
		teach_timewait_rst(tw, skb);
		return;
	}
	/* Fourth, check the SYN bit. */
	if (cb->flags & TEACH_SYN) {
		if (teach_oow_ack_allowed(tw->tn, &tw->oow_ack_time))
			teach_timewait_ack(tw);
		teach_drop(net, skb, TEACH_DROP_BAD_SYN);
		return;
	}
	/* Fifth, check the ACK field. */
	if (!(cb->flags & TEACH_ACK)) {
		teach_drop(net, skb, TEACH_DROP_BAD_FLAGS);
		return;
	}
	if (opt.has_timestamps && !after(cb->seq, tw->rcv_nxt))
		teach_ts_recent(&tw->terms, opt.tsval);
	if (tw->state == TCP_FIN_WAIT2)
		teach_timewait_fin_wait2(tw, skb);
	else if (cb->seq == cb->end_seq)
		consume_skb(skb);
	else
		teach_timewait_old(tw, skb);
}

int teach_timewait_init(void)
{
	teach_timewait_cache = KMEM_CACHE(teach_timewait, SLAB_ACCOUNT);
	return teach_timewait_cache ? 0 : -ENOMEM;
}

void teach_timewait_exit(void)
{
	kmem_cache_destroy(teach_timewait_cache);
}
