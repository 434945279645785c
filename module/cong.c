// SPDX-License-Identifier: GPL-2.0
/*
 * How much may be in the network: who decides it.
 *
 * An algorithm says how cwnd grows and what a loss leaves of it.  Algorithms
 * are looked up by name, can be modules, and are chosen for a socket
 * (TCP_CONGESTION) or for all new sockets of a network namespace
 * (net.teach.congestion_control).
 *
 *	init	 acked, acked, ...     ssthresh	     acked, ...	    release
 *	  |	      |			   |		|		|
 *	ESTABLISHED   cwnd grows	loss: cwnd	cwnd grows   closed, or
 *					is cut			     another
 *								     is chosen
 *
 * recovery.c says which segments have arrived and which are lost; what the
 * algorithms have in common is in cwnd.c.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/rculist.h>

#include "teach.h"

static LIST_HEAD(teach_cong_list);	/* writers hold teach_cong_lock */
static DEFINE_SPINLOCK(teach_cong_lock);

/*
 * ---- Who there is ----
 */

/* Under rcu_read_lock() or teach_cong_lock. */
static struct teach_cong_ops *teach_cong_find(const char *name)
{
	struct teach_cong_ops *ops;

	list_for_each_entry_rcu(ops, &teach_cong_list, node,
				lockdep_is_held(&teach_cong_lock))
		if (!strcmp(ops->name, name))
			return ops;
	return NULL;
}

/**
 * teach_cong_register - offer an algorithm
 * @ops: the algorithm
 *
 * Return: 0; -EINVAL when it lacks a name or what is not optional; -EEXIST
 * when its name is taken.
 */
int teach_cong_register(struct teach_cong_ops *ops)
{
	int err = 0;

	if (!ops->name[0] || !ops->ssthresh || !ops->acked)
		return -EINVAL;

	spin_lock(&teach_cong_lock);
	if (teach_cong_find(ops->name))
		err = -EEXIST;
	else
		list_add_tail_rcu(&ops->node, &teach_cong_list);
	spin_unlock(&teach_cong_lock);
	return err;
}
EXPORT_SYMBOL_GPL(teach_cong_register);

/**
 * teach_cong_unregister - offer it no more
 * @ops: the algorithm
 *
 * Its module is being unloaded, so no socket uses it and none can begin to.
 */
void teach_cong_unregister(struct teach_cong_ops *ops)
{
	spin_lock(&teach_cong_lock);
	list_del_rcu(&ops->node);
	spin_unlock(&teach_cong_lock);
	/* Who has found it without a lock may be reading it still. */
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(teach_cong_unregister);

/**
 * teach_cong_load - load the module of an algorithm, as Linux's TCP does
 * @name: the algorithm; nothing happens when it is there, or does not exist
 *
 * Context: process, no locks.
 */
void teach_cong_load(const char *name)
{
	bool found;

	rcu_read_lock();
	found = teach_cong_find(name);
	rcu_read_unlock();
	if (!found && capable(CAP_NET_ADMIN))
		request_module("teach-cong-%s", name);
}

/*
 * ---- What a network namespace's sockets begin with ----
 */

/* The namespace's; CUBIC when its module is just being unloaded. */
static const struct teach_cong_ops *teach_cong_get(struct teach_net *tn)
{
	const struct teach_cong_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(tn->cong);
	if (!try_module_get(ops->owner))
		ops = &teach_cubic;
	rcu_read_unlock();
	return ops;
}

/* A new namespace does as the first one does at that time. */
void teach_cong_net_init(struct teach_net *tn)
{
	const struct teach_cong_ops *ops = &teach_cubic;

	if (tn->net != &init_net)
		ops = teach_cong_get(teach_net(&init_net));
	RCU_INIT_POINTER(tn->cong, ops);
}

void teach_cong_net_exit(struct teach_net *tn)
{
	module_put(rcu_dereference_protected(tn->cong, true)->owner);
}

/* What net.teach.congestion_control shows; @name has room for any. */
void teach_cong_default(struct teach_net *tn, char *name)
{
	rcu_read_lock();
	strscpy(name, rcu_dereference(tn->cong)->name, TEACH_CONG_NAME_MAX);
	rcu_read_unlock();
}

/**
 * teach_cong_set_default - net.teach.congestion_control is written
 * @tn: the namespace
 * @name: the algorithm
 *
 * Return: 0; -ENOENT; -EBUSY when its module is being unloaded; -EPERM when
 * not everybody may use it and the namespace is not the first.
 */
int teach_cong_set_default(struct teach_net *tn, const char *name)
{
	const struct teach_cong_ops *new, *old = NULL;
	struct teach_cong_ops *ops;
	int err = 0;

	teach_cong_load(name);
	spin_lock(&teach_cong_lock);
	ops = teach_cong_find(name);
	if (!ops) {
		err = -ENOENT;
	} else if (!ops->allowed && tn->net != &init_net) {
		err = -EPERM;
	} else if (!try_module_get(ops->owner)) {
		err = -EBUSY;
	} else {
		/* What all use by default all may use. */
		WRITE_ONCE(ops->allowed, true);
		new = ops;
		old = rcu_replace_pointer(tn->cong, new,
					  lockdep_is_held(&teach_cong_lock));
	}
	spin_unlock(&teach_cong_lock);
	if (old)
		module_put(old->owner);
	return err;
}

/**
 * teach_cong_list_names - available_ or allowed_congestion_control is read
 * @buf: for the names, between blanks
 * @size: of @buf
 * @only_allowed: only those that anybody may choose
 */
void teach_cong_list_names(char *buf, size_t size, bool only_allowed)
{
	const struct teach_cong_ops *ops;
	size_t len = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(ops, &teach_cong_list, node)
		if (!only_allowed || READ_ONCE(ops->allowed))
			len += scnprintf(buf + len, size - len, "%s%s",
					 len ? " " : "", ops->name);
	rcu_read_unlock();
}

/* @names are strings, one behind the other, up to @end. */
static bool teach_name_among(const char *name, const char *names,
			     const char *end)
{
	for (; names < end; names += strlen(names) + 1)
		if (!strcmp(name, names))
			return true;
	return false;
}

/**
 * teach_cong_set_allowed - net.teach.allowed_congestion_control is written
 * @names: between blanks; overwritten
 *
 * Return: 0, or -ENOENT when one of them is not there; then nothing changes.
 */
int teach_cong_set_allowed(char *names)
{
	const char *end = names + strlen(names), *name;
	struct teach_cong_ops *ops;
	int err = 0;

	strreplace(names, ' ', '\0');
	spin_lock(&teach_cong_lock);
	for (name = names; name < end; name += strlen(name) + 1)
		if (*name && !teach_cong_find(name))
			err = -ENOENT;
	if (!err)
		list_for_each_entry(ops, &teach_cong_list, node)
			WRITE_ONCE(ops->allowed,
				   teach_name_among(ops->name, names, end));
	spin_unlock(&teach_cong_lock);
	return err;
}

/*
 * ---- Which one a socket uses ----
 */

void teach_cong_assign(struct sock *sk)
{
	teach_sk(sk)->cong = teach_cong_get(teach_sk_net(sk));
}

/**
 * teach_cong_inherit - a connection does as its listener was told to
 * @sk: the connection, a copy of the listener
 */
void teach_cong_inherit(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!ts->cong_chosen || !try_module_get(ts->cong->owner))
		teach_cong_assign(sk);
}

static void teach_cong_stop(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (ts->cong_running && ts->cong->release)
		ts->cong->release(sk);
	ts->cong_running = false;
}

static void teach_cong_run(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	memset(ts->cong_priv, 0, sizeof(ts->cong_priv));
	if (ts->cong->init)
		ts->cong->init(sk);
	ts->cong_running = true;
}

/* Nobody calls it any more: the socket is about to be freed. */
void teach_cong_put(struct sock *sk)
{
	teach_cong_stop(sk);
	module_put(teach_sk(sk)->cong->owner);
}

static void teach_cong_switch(struct sock *sk, const struct teach_cong_ops *ops)
{
	struct teach_sock *ts = teach_sk(sk);
	const struct teach_cong_ops *old = ts->cong;
	bool running = ts->cong_running;

	teach_cong_stop(sk);
	WRITE_ONCE(ts->cong, ops);
	if (running)
		teach_cong_run(sk);
	module_put(old->owner);
}

/**
 * teach_cong_choose - setsockopt(2), TCP_CONGESTION
 * @sk: the socket, locked; in any state
 * @name: the algorithm
 *
 * Return: 0, -ENOENT, -EPERM, or -EBUSY when its module is being unloaded.
 */
int teach_cong_choose(struct sock *sk, const char *name)
{
	struct teach_sock *ts = teach_sk(sk);
	const struct teach_cong_ops *ops;
	int err = 0;

	rcu_read_lock();
	ops = teach_cong_find(name);
	if (!ops)
		err = -ENOENT;
	else if (ops == ts->cong)
		ts->cong_chosen = true;
	else if (!READ_ONCE(ops->allowed) &&
		 !ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		err = -EPERM;
	else if (!try_module_get(ops->owner))
		err = -EBUSY;
	rcu_read_unlock();
	if (err || ops == ts->cong)
		return err;

	ts->cong_chosen = true;
	teach_cong_switch(sk, ops);
	return 0;
}

/*
 * ---- What it is told and asked ----
 */

/* No connection, or no longer. */
void teach_cong_reset(struct sock *sk)
{
	teach_cong_stop(sk);
	teach_cwnd_init(sk);
}

/**
 * teach_cong_start - the handshake is complete
 * @sk: the socket, locked
 */
void teach_cong_start(struct sock *sk)
{
	teach_cong_reset(sk);
	teach_cong_run(sk);
}

/**
 * teach_cong_ssthresh - segments were lost
 * @sk: the socket, locked
 *
 * Return: the new ssthresh.  What cwnd and ssthresh were is kept, for
 * teach_cong_undo().
 */
u32 teach_cong_ssthresh(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->prior_cwnd = ts->cwnd;
	ts->prior_ssthresh = ts->ssthresh;
	return ts->cong_running ? ts->cong->ssthresh(sk) : ts->ssthresh;
}

/**
 * teach_cong_undo - nothing had been lost
 * @sk: the socket, locked; since teach_cong_ssthresh() nothing else was lost
 */
void teach_cong_undo(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 cwnd = ts->prior_cwnd;

	if (ts->cong_running && ts->cong->undo_cwnd)
		cwnd = ts->cong->undo_cwnd(sk);
	ts->cwnd = max(ts->cwnd, cwnd);
	ts->ssthresh = max(ts->ssthresh, ts->prior_ssthresh);
}

/**
 * teach_cong_acked - segments have arrived, and none seems lost
 * @sk: the socket, locked
 * @ack: what the ACK says
 */
void teach_cong_acked(struct sock *sk, const struct teach_ack *ack)
{
	struct teach_sock *ts = teach_sk(sk);

	/* Not for our SYN. */
	if (ts->cong_running)
		ts->cong->acked(sk, ack);
}

void teach_cong_event(struct sock *sk, enum teach_cong_event ev)
{
	struct teach_sock *ts = teach_sk(sk);

	if (ts->cong_running && ts->cong->event)
		ts->cong->event(sk, ev);
}
