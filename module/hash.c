// SPDX-License-Identifier: GPL-2.0
/*
 * Whose segment is it?  The 5-tuple table, and the listeners by port.
 *
 * Readers take no lock and no reference: they run under RCU, and what they
 * find is freed a grace period after it has left the table.  Writers hold
 * the one of TEACH_HASH_LOCKS locks that covers their chain.
 *
 * The table doubles when it has more entries than chains, so that a look-up
 * costs the same for ten connections and for a million.  An entry has two
 * list nodes for that: it goes on being in the old table with one while it
 * is linked into the new with the other, and no reader ever sees it missing.
 *
 *	table	   [0]--node[0]-A-node[0]-B	readers are here
 *	next_table [0]--node[1]-A		filled chain by chain, then
 *		   [1]--node[1]-B		it becomes the table
 *
 * Chains that split are covered by the same lock as before: the lock is the
 * low bits of the hash, and there are never fewer chains than locks.
 *
 * Ports are in port.c.
 */
#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <net/l3mdev.h>

#include "teach.h"
#include "trace.h"

#define TEACH_HASH_MIN		1024		/* chains at first */
#define TEACH_HASH_MAX		BIT(21)		/* 16 MiB of them */

/**
 * struct teach_table - one size of the table
 * @mask: chains - 1
 * @which: the entries' node that links these chains
 * @chain: the chains
 */
struct teach_table {
	u32			mask;
	u8			which;
	struct hlist_head	chain[];
};

static struct teach_table *teach_table_alloc(u32 chains, u8 which)
{
	struct teach_table *table;

	table = kvzalloc(struct_size(table, chain, chains), GFP_KERNEL);
	if (!table)
		return NULL;
	table->mask = chains - 1;
	table->which = which;
	return table;
}

u32 teach_hash_tuple(const struct teach_tuple *t)
{
	return jhash_3words((__force u32)t->laddr ^ t->proto,
			    (__force u32)t->faddr,
			    (__force u32)t->lport << 16 | (__force u32)t->fport,
			    teach_secret.hash);
}

static bool teach_tuple_equal(const struct teach_tuple *a,
			      const struct teach_tuple *b)
{
	return a->lport == b->lport && a->fport == b->fport &&
	       a->laddr == b->laddr && a->faddr == b->faddr &&
	       a->proto == b->proto;
}

/* SO_BINDTODEVICE.  @sdif: see teach_lookup() */
static bool teach_bound_match(struct teach_net *tn, int bound, int dif,
			      int sdif)
{
	if (likely(!sdif))
		return !bound || bound == dif;
	return inet_sk_bound_dev_eq(tn->net, bound, dif, sdif);
}

static struct teach_entry *teach_chain_find(struct teach_net *tn,
					    struct teach_table *table,
					    u32 hash,
					    const struct teach_tuple *t,
					    int dif, int sdif)
{
	struct hlist_node *n;
	struct teach_entry *e;

	n = rcu_dereference_check(hlist_first_rcu(&table->chain[hash &
							table->mask]), true);
	for (; n; n = rcu_dereference_check(hlist_next_rcu(n), true)) {
		e = container_of(n - table->which, struct teach_entry, node[0]);
		if (e->hash != hash || !teach_tuple_equal(&e->tuple, t))
			continue;
		if (teach_bound_match(tn, READ_ONCE(e->dif), dif, sdif))
			return e;
	}
	return NULL;
}

/* Walk the chain once more, for who wants to know how long it is. */
static void teach_trace_lookup(struct teach_net *tn, struct teach_table *table,
			       u32 hash, const struct teach_tuple *t,
			       const struct teach_entry *e)
{
	static const u8 found[] = {
		[TEACH_SOCK]		= TEACH_FOUND_SOCKET,
		[TEACH_REQUEST]		= TEACH_FOUND_REQUEST,
		[TEACH_TIMEWAIT]	= TEACH_FOUND_TIMEWAIT,
	};
	u32 bucket = hash & table->mask;
	struct hlist_node *n;
	u32 chain = 0;

	for (n = rcu_dereference(hlist_first_rcu(&table->chain[bucket])); n;
	     n = rcu_dereference(hlist_next_rcu(n))) {
		chain++;
		if (e && n == &e->node[table->which])
			break;
	}
	trace_teach_lookup(tn->net, t, bucket, chain,
			   e ? found[e->kind] : TEACH_FOUND_NONE);
}

/**
 * teach_lookup - the connection that a 5-tuple belongs to
 * @tn: the network namespace
 * @t: the 5-tuple, as this host sees it
 * @dif: the device that the segment came in by
 * @sdif: if that is a VRF, the device behind it; else 0
 *
 * Who is bound to either of the two is meant.  Who is bound to none is if @sdif
 * is 0, or net.ipv4.tcp_l3mdev_accept is set.
 *
 * Context: rcu_read_lock(), which also keeps what is returned.
 */
struct teach_entry *teach_lookup(struct teach_net *tn,
				 const struct teach_tuple *t, int dif, int sdif)
{
	struct teach_table *table = rcu_dereference(tn->table);
	u32 hash = teach_hash_tuple(t);
	struct teach_entry *e;

	e = teach_chain_find(tn, table, hash, t, dif, sdif);
	if (trace_teach_lookup_enabled())
		teach_trace_lookup(tn, table, hash, t, e);
	return e;
}

/* The lock of the chain that a hash value is in, in either table. */
static spinlock_t *teach_hash_lock(struct teach_net *tn, u32 hash)
{
	return &tn->hash_lock[hash & (TEACH_HASH_LOCKS - 1)];
}

/* The caller holds some lock of @tn, so the table cannot be freed. */
static struct teach_table *teach_table(struct teach_net *tn)
{
	return rcu_dereference_protected(tn->table, true);
}

static void teach_link(struct teach_table *table, struct teach_entry *e)
{
	hlist_add_head_rcu(&e->node[table->which],
			   &table->chain[e->hash & table->mask]);
	e->table = table->which;
}

static void __teach_hash_add(struct teach_net *tn, struct teach_entry *e)
{
	struct teach_table *table = teach_table(tn);

	teach_link(table, e);
	if (tn->next_table && tn->next_table != table)
		teach_link(tn->next_table, e);
	e->hashed = true;
}

/* With two tables, an entry that reached the next is also in the first. */
static void __teach_hash_del(struct teach_net *tn, struct teach_entry *e)
{
	struct teach_table *table = teach_table(tn);

	hlist_del_rcu(&e->node[table->which]);
	if (e->table != table->which)
		hlist_del_rcu(&e->node[e->table]);
	e->hashed = false;
}

static void teach_hash_grow(struct work_struct *work)
{
	struct teach_net *tn = container_of(work, struct teach_net, grow);
	struct teach_table *old = rcu_dereference_protected(tn->table, true);
	struct teach_table *new;
	struct hlist_node *n;
	u32 i;

	if (atomic_read(&tn->entries) <= old->mask ||
	    old->mask + 1 >= TEACH_HASH_MAX)
		return;
	/* Without memory the chains get longer, which is no more than slow. */
	new = teach_table_alloc((old->mask + 1) * 2, !old->which);
	if (!new)
		return;

	/*
	 * From here on writers link into both.  One that came before is found
	 * by the walk, because it held the lock that the walk takes.
	 */
	WRITE_ONCE(tn->next_table, new);

	for (i = 0; i <= old->mask; i++) {
		spinlock_t *lock = teach_hash_lock(tn, i);

		spin_lock_bh(lock);
		hlist_for_each(n, &old->chain[i]) {
			struct teach_entry *e;

			e = container_of(n - old->which, struct teach_entry,
					 node[0]);
			if (e->table == old->which)
				teach_link(new, e);
		}
		spin_unlock_bh(lock);
		cond_resched();
	}

	rcu_assign_pointer(tn->table, new);
	synchronize_rcu();
	kvfree(old);
	WRITE_ONCE(tn->next_table, NULL);
}

/**
 * teach_hash_insert - enter a connection, if its 5-tuple is free
 * @tn: the network namespace
 * @e: the entry; its tuple, dif and kind are set
 *
 * Return: false when somebody else has the 5-tuple.
 */
bool teach_hash_insert(struct teach_net *tn, struct teach_entry *e)
{
	int sdif = l3mdev_master_ifindex_by_index(tn->net, e->dif);
	u32 hash = teach_hash_tuple(&e->tuple);
	spinlock_t *lock = teach_hash_lock(tn, hash);
	struct teach_table *table;
	bool free;
	u32 mask;

	e->hash = hash;
	spin_lock_bh(lock);
	table = teach_table(tn);
	mask = table->mask;
	free = !teach_chain_find(tn, table, hash, &e->tuple, e->dif, sdif);
	if (free)
		__teach_hash_add(tn, e);
	spin_unlock_bh(lock);

	if (free && atomic_inc_return(&tn->entries) > mask &&
	    mask < TEACH_HASH_MAX - 1 && !READ_ONCE(tn->next_table))
		schedule_work(&tn->grow);
	return free;
}

/**
 * teach_hash_remove - take a connection out
 * @tn: the network namespace
 * @e: the entry
 *
 * Return: true for the one caller who did it.
 */
bool teach_hash_remove(struct teach_net *tn, struct teach_entry *e)
{
	spinlock_t *lock = teach_hash_lock(tn, e->hash);
	bool was;

	spin_lock_bh(lock);
	was = e->hashed;
	if (was)
		__teach_hash_del(tn, e);
	spin_unlock_bh(lock);

	if (was)
		atomic_dec(&tn->entries);
	return was;
}

/**
 * teach_hash_replace - put one entry in the place of another
 * @tn: the network namespace
 * @old: what was there
 * @new: what takes its 5-tuple over
 *
 * A request becomes a socket and a socket a TIME_WAIT this way: no segment
 * in between finds nobody.
 *
 * Return: false when @old had gone already.
 */
bool teach_hash_replace(struct teach_net *tn, struct teach_entry *old,
			struct teach_entry *new)
{
	spinlock_t *lock = teach_hash_lock(tn, old->hash);
	bool was;

	new->tuple = old->tuple;
	new->hash = old->hash;
	new->dif = old->dif;

	spin_lock_bh(lock);
	was = old->hashed;
	if (was) {
		/* Ahead of the old one, so a reader meets one or the other. */
		__teach_hash_add(tn, new);
		__teach_hash_del(tn, old);
	}
	spin_unlock_bh(lock);
	return was;
}

/**
 * teach_hash_walk_chain - call a function for what is in one chain
 * @tn: the network namespace
 * @i: the number of the chain
 * @fn: the function; called under rcu_read_lock(), may remove its entry
 * @data: handed to @fn
 *
 * Return: false when the table has no chain @i.
 */
bool teach_hash_walk_chain(struct teach_net *tn, u32 i,
			   void (*fn)(struct teach_entry *e, void *data),
			   void *data)
{
	struct teach_table *table;
	struct hlist_node *n;

	rcu_read_lock();
	table = rcu_dereference(tn->table);
	if (i > table->mask) {
		rcu_read_unlock();
		return false;
	}
	n = rcu_dereference(hlist_first_rcu(&table->chain[i]));
	for (; n; n = rcu_dereference(hlist_next_rcu(n)))
		fn(container_of(n - table->which, struct teach_entry, node[0]),
		   data);
	rcu_read_unlock();
	return true;
}

/* All of them; the caller sees to it that none is added meanwhile. */
void teach_hash_walk(struct teach_net *tn,
		     void (*fn)(struct teach_entry *e, void *data), void *data)
{
	u32 i;

	for (i = 0; teach_hash_walk_chain(tn, i, fn, data); i++)
		cond_resched();
}

/**
 * teach_hash_where - where a 5-tuple falls
 * @tn: the network namespace
 * @t: the 5-tuple
 * @where: filled, but for the 5-tuple
 */
void teach_hash_where(struct teach_net *tn, const struct teach_tuple *t,
		      struct teach_hash *where)
{
	u32 hash = teach_hash_tuple(t);
	struct teach_table *table;
	struct hlist_node *n;
	struct teach_entry *e;

	where->th_found = TEACH_HASH_NONE;
	where->th_zero = 0;
	where->th_entries = 0;
	where->th_position = 0;

	rcu_read_lock();
	table = rcu_dereference(tn->table);
	where->th_buckets = table->mask + 1;
	where->th_bucket = hash & table->mask;
	n = rcu_dereference(hlist_first_rcu(&table->chain[where->th_bucket]));
	for (; n; n = rcu_dereference(hlist_next_rcu(n))) {
		e = container_of(n - table->which, struct teach_entry, node[0]);
		where->th_entries++;
		if (where->th_position || !teach_tuple_equal(&e->tuple, t))
			continue;
		where->th_position = where->th_entries;
		where->th_found = TEACH_HASH_SOCKET + e->kind;
	}
	rcu_read_unlock();
}

/* ---- Listeners ---- */

static struct hlist_head *teach_listen_chain(struct teach_net *tn, u16 port)
{
	return &tn->listeners[port & (TEACH_LISTEN_CHAINS - 1)];
}

/* The best fit: bound to the address, then to the device; -1 if neither. */
static int teach_listen_score(struct teach_net *tn, const struct sock *sk,
			      const struct teach_tuple *t, int dif, int sdif)
{
	int bound = READ_ONCE(sk->sk_bound_dev_if);
	int score = 0;

	if (sk->sk_num != ntohs(t->lport) || teach_sk(sk)->wire != t->proto)
		return -1;
	if (sk->sk_rcv_saddr) {
		if (sk->sk_rcv_saddr != t->laddr)
			return -1;
		score += 2;
	}
	if (!teach_bound_match(tn, bound, dif, sdif))
		return -1;
	return bound ? score + 1 : score;
}

/**
 * teach_lookup_listener - who accepts connections to an address and port
 * @tn: the network namespace
 * @t: the 5-tuple of the segment that asks for one
 * @dif: the device that it came in by
 * @sdif: as for teach_lookup()
 * @skb: the segment
 *
 * Context: rcu_read_lock(), which also keeps what is returned.
 */
struct sock *teach_lookup_listener(struct teach_net *tn,
				   const struct teach_tuple *t, int dif,
				   int sdif, struct sk_buff *skb)
{
	u32 bucket = ntohs(t->lport) & (TEACH_LISTEN_CHAINS - 1);
	struct sock *best = NULL;
	struct teach_sock *ts;
	int score, high = -1;
	u32 chain = 0;

	hlist_for_each_entry_rcu(ts, teach_listen_chain(tn, ntohs(t->lport)),
				 listen_node) {
		chain++;
		score = teach_listen_score(tn, (struct sock *)ts, t, dif, sdif);
		if (score > high) {
			high = score;
			best = (struct sock *)ts;
		}
	}
	trace_teach_lookup(tn->net, t, bucket, chain,
			   best ? TEACH_FOUND_LISTENER : TEACH_FOUND_NONE);
	if (!best)
		return NULL;
	return teach_reuseport_select(best, t, skb, tcp_hdrlen(skb));
}

/* Context: tn->listen_lock. */
static int teach_listen_join(struct teach_net *tn, struct sock *sk)
{
	struct sock *other, *member = NULL;
	struct teach_sock *ts;

	hlist_for_each_entry(ts, teach_listen_chain(tn, sk->sk_num),
			     listen_node) {
		other = (struct sock *)ts;
		if (ts->wire == teach_sk(sk)->wire &&
		    teach_reuseport_match(sk, other)) {
			member = other;
			break;
		}
	}
	return teach_reuseport_join(sk, member);
}

/**
 * teach_listen_hash - segments for nobody else find the listener
 * @sk: the socket, locked, in state LISTEN
 *
 * Return: 0, or -ENOMEM.
 */
int teach_listen_hash(struct sock *sk)
{
	struct teach_net *tn = teach_sk_net(sk);
	int err = 0;

	spin_lock_bh(&tn->listen_lock);
	if (sk->sk_reuseport)
		err = teach_listen_join(tn, sk);
	if (!err)
		hlist_add_head_rcu(&teach_sk(sk)->listen_node,
				   teach_listen_chain(tn, sk->sk_num));
	spin_unlock_bh(&tn->listen_lock);
	return err;
}

void teach_listen_unhash(struct sock *sk)
{
	struct teach_net *tn = teach_sk_net(sk);

	spin_lock_bh(&tn->listen_lock);
	hlist_del_init_rcu(&teach_sk(sk)->listen_node);
	teach_reuseport_leave(sk);
	spin_unlock_bh(&tn->listen_lock);
}

/* ---- A network namespace begins and ends ---- */

int teach_hash_init(struct teach_net *tn)
{
	struct teach_table *table;
	int i;

	tn->hash_lock = kcalloc(TEACH_HASH_LOCKS, sizeof(*tn->hash_lock),
				GFP_KERNEL);
	table = teach_table_alloc(TEACH_HASH_MIN, 0);
	if (!tn->hash_lock || !table) {
		kfree(tn->hash_lock);
		kvfree(table);
		return -ENOMEM;
	}
	RCU_INIT_POINTER(tn->table, table);

	for (i = 0; i < TEACH_HASH_LOCKS; i++)
		spin_lock_init(&tn->hash_lock[i]);
	for (i = 0; i < TEACH_LISTEN_CHAINS; i++)
		INIT_HLIST_HEAD(&tn->listeners[i]);
	spin_lock_init(&tn->listen_lock);
	atomic_set(&tn->entries, 0);
	INIT_WORK(&tn->grow, teach_hash_grow);
	return 0;
}

void teach_hash_exit(struct teach_net *tn)
{
	cancel_work_sync(&tn->grow);
	WARN_ON_ONCE(atomic_read(&tn->entries));
	kvfree(teach_table(tn));
	kfree(tn->hash_lock);
}
