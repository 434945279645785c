// SPDX-License-Identifier: GPL-2.0
/*
 * Whose datagram is it?  The local ports of datagram sockets, and the table of
 * those that are connected.
 *
 *	PORTS	[port]	  all who have one: unconnected, bound to one of
 *			  our addresses or to none, and connected
 *	PEERS	[5-tuple] the connected, a second time: a server may have
 *			  thousands of them on one port
 *
 * Readers take no lock and no reference: they run under RCU, and a socket is
 * freed a grace period after it has left the tables.  But connect(2) and
 * bind(2) may put it into another chain at once, and carry a reader there who
 * stands on it.  So a chain ends in its own number, and who arrives at another
 * one begins again.
 *
 * Ports are those of port.c, with a rule that is simpler: nobody listens, and
 * nothing is left of a connection.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rculist_nulls.h>
#include <net/udp.h>

#include "teach.h"

static struct sock *teach_dgram_node_sk(struct hlist_nulls_node *node,
					enum teach_dgram_table which)
{
	return (struct sock *)container_of(node - which,
					   struct teach_dgram_sock, node[0]);
}

static struct hlist_nulls_node *
teach_dgram_first(const struct teach_dgram_chain *chain)
{
	return rcu_dereference_check(hlist_nulls_first_rcu(&chain->head), true);
}

static struct hlist_nulls_node *
teach_dgram_next(const struct hlist_nulls_node *node)
{
	return rcu_dereference_check(hlist_nulls_next_rcu(node), true);
}

static u32 teach_dgram_port_chain(u16 number)
{
	return number & (TEACH_DGRAM_CHAINS - 1);
}

static u32 teach_dgram_peer_chain(const struct teach_tuple *t)
{
	return teach_hash_tuple(t) & (TEACH_DGRAM_CHAINS - 1);
}

static struct teach_dgram_chain *
teach_dgram_chain_of(struct sock *sk, enum teach_dgram_table which)
{
	struct teach_dgram_chain *table = teach_sk_net(sk)->dgram[which];

	return &table[teach_dgram_sk(sk)->chain[which]];
}

/* Context: the chain's lock. */
static void teach_dgram_link(struct sock *sk, enum teach_dgram_table which,
			     u32 number)
{
	teach_dgram_sk(sk)->chain[which] = number;
	hlist_nulls_add_head_rcu(&teach_dgram_sk(sk)->node[which],
				 &teach_dgram_chain_of(sk, which)->head);
}

static bool teach_dgram_linked(const struct sock *sk,
			       enum teach_dgram_table which)
{
	return !hlist_nulls_unhashed(&teach_dgram_sk(sk)->node[which]);
}

static void teach_dgram_unlink(struct sock *sk, enum teach_dgram_table which)
{
	struct teach_dgram_chain *chain = teach_dgram_chain_of(sk, which);

	if (!teach_dgram_linked(sk, which))
		return;
	spin_lock_bh(&chain->lock);
	hlist_nulls_del_init_rcu(&teach_dgram_sk(sk)->node[which]);
	spin_unlock_bh(&chain->lock);
}

/*
 * ---- Look-up ----
 */

/* SO_BINDTODEVICE.  @sdif: see teach_dgram_lookup() */
static bool teach_dgram_bound_match(const struct sock *sk, int dif, int sdif)
{
	int bound = READ_ONCE(sk->sk_bound_dev_if);

	if (likely(!sdif))
		return !bound || bound == dif;
	return udp_sk_bound_dev_eq(sock_net(sk), bound, dif, sdif);
}

/* How well a datagram fits to a socket; 0 if it is not for it. */
static int teach_dgram_score(const struct sock *sk, const struct teach_tuple *t,
			     int dif, int sdif)
{
	int score = 1;

	if (sk->sk_num != ntohs(t->lport) ||
	    teach_dgram_sk(sk)->wire != t->proto)
		return 0;
	if (sk->sk_rcv_saddr) {
		if (sk->sk_rcv_saddr != t->laddr)
			return 0;
		score += 2;
	}
	if (sk->sk_daddr) {
		if (sk->sk_daddr != t->faddr)
			return 0;
		score++;
	}
	if (sk->sk_dport) {
		if (sk->sk_dport != t->fport)
			return 0;
		score++;
	}
	if (!teach_dgram_bound_match(sk, dif, sdif))
		return 0;
	return sk->sk_bound_dev_if ? score + 1 : score;
}

/* Of those that fit equally well the last one that came. */
static struct sock *teach_dgram_best(struct teach_net *tn,
				     enum teach_dgram_table which, u32 number,
				     const struct teach_tuple *t, int dif,
				     int sdif)
{
	struct hlist_nulls_node *node;
	struct sock *sk, *best;
	int score, best_score;

	do {
		best = NULL;
		best_score = 0;
		node = teach_dgram_first(&tn->dgram[which][number]);
		for (; !is_a_nulls(node); node = teach_dgram_next(node)) {
			sk = teach_dgram_node_sk(node, which);
			score = teach_dgram_score(sk, t, dif, sdif);
			if (score > best_score) {
				best = sk;
				best_score = score;
			}
		}
	} while (get_nulls_value(node) != number);
	return best;
}

/**
 * teach_dgram_lookup - the socket that a datagram is for
 * @tn: the network namespace
 * @t: the 5-tuple, as this host sees it
 * @dif: the device that the datagram came in by
 * @sdif: if that is a VRF, the device behind it; else 0
 * @skb: the datagram, or NULL
 *
 * Devices are as for teach_lookup(), but it is net.ipv4.udp_l3mdev_accept.
 * Nobody fits better than who is connected to the sender.
 *
 * Context: rcu_read_lock(), which also keeps what is returned.
 */
struct sock *teach_dgram_lookup(struct teach_net *tn,
				const struct teach_tuple *t, int dif, int sdif,
				struct sk_buff *skb)
{
	struct sock *sk;

	sk = teach_dgram_best(tn, TEACH_DGRAM_PEERS, teach_dgram_peer_chain(t),
			      t, dif, sdif);
	if (sk)
		return sk;
	sk = teach_dgram_best(tn, TEACH_DGRAM_PORTS,
			      teach_dgram_port_chain(ntohs(t->lport)), t, dif,
			      sdif);
	if (!sk || sk->sk_state == TCP_ESTABLISHED)
		return sk;
	return teach_reuseport_select(sk, t, skb, sizeof(struct udphdr));
}

/**
 * teach_dgram_lookup_all - the sockets that a datagram to many is for
 * @tn: the network namespace
 * @t: the 5-tuple, as this host sees it
 * @dif: the device that the datagram came in by
 * @sdif: as for teach_dgram_lookup()
 * @fn: is told each of them
 * @data: for @fn
 *
 * A socket that moves meanwhile may miss it, or others of its chain.
 *
 * Context: rcu_read_lock().
 */
void teach_dgram_lookup_all(struct teach_net *tn, const struct teach_tuple *t,
			    int dif, int sdif,
			    void (*fn)(struct sock *sk, void *data),
			    void *data)
{
	u32 number = teach_dgram_port_chain(ntohs(t->lport));
	struct hlist_nulls_node *node;
	struct sock *sk;

	node = teach_dgram_first(&tn->dgram[TEACH_DGRAM_PORTS][number]);
	for (; !is_a_nulls(node); node = teach_dgram_next(node)) {
		sk = teach_dgram_node_sk(node, TEACH_DGRAM_PORTS);
		if (teach_dgram_score(sk, t, dif, sdif))
			fn(sk, data);
	}
}

/**
 * teach_dgram_walk - all sockets that have a port in one chain
 * @tn: the network namespace
 * @number: of the chain, less than TEACH_DGRAM_CHAINS
 * @fn: is told each of them, under rcu_read_lock()
 * @data: for @fn
 */
void teach_dgram_walk(struct teach_net *tn, u32 number,
		      void (*fn)(struct sock *sk, void *data), void *data)
{
	struct hlist_nulls_node *node;

	rcu_read_lock();
	node = teach_dgram_first(&tn->dgram[TEACH_DGRAM_PORTS][number]);
	for (; !is_a_nulls(node); node = teach_dgram_next(node))
		fn(teach_dgram_node_sk(node, TEACH_DGRAM_PORTS), data);
	rcu_read_unlock();
}

/*
 * ---- Ports ----
 */

static bool teach_dgram_same_port(const struct sock *a, const struct sock *b)
{
	return a->sk_num == b->sk_num &&
	       teach_dgram_sk(a)->wire == teach_dgram_sk(b)->wire;
}

/* Those who share a port all have SO_REUSEADDR or SO_REUSEPORT, or are apart */
static bool teach_dgram_conflict(const struct sock *sk,
				 const struct sock *other)
{
	if (sk->sk_reuse && other->sk_reuse)
		return false;
	if (teach_reuseport_may_share(sk, other->sk_reuseport, sk_uid(other)))
		return false;
	if (sk->sk_bound_dev_if && other->sk_bound_dev_if &&
	    sk->sk_bound_dev_if != other->sk_bound_dev_if)
		return false;
	return !sk->sk_rcv_saddr || !other->sk_rcv_saddr ||
	       sk->sk_rcv_saddr == other->sk_rcv_saddr;
}

/* Context: the chain's lock. */
static int teach_dgram_port_take(struct sock *sk,
				 struct teach_dgram_chain *chain)
{
	struct sock *other, *member = NULL;
	struct hlist_nulls_node *node;
	int err;

	if (sk->sk_reuseport) {
		node = teach_dgram_first(chain);
		for (; !is_a_nulls(node); node = teach_dgram_next(node)) {
			other = teach_dgram_node_sk(node, TEACH_DGRAM_PORTS);
			if (teach_dgram_same_port(sk, other) &&
			    teach_reuseport_match(sk, other)) {
				member = other;
				break;
			}
		}
		err = teach_reuseport_join(sk, member);
		if (err)
			return err;
	}
	inet_sk(sk)->inet_sport = htons(sk->sk_num);
	teach_dgram_link(sk, TEACH_DGRAM_PORTS,
			 teach_dgram_port_chain(sk->sk_num));
	return 0;
}

/* Hold sk_num.  With @alone, not even those who would share it may be there. */
static int teach_dgram_port_own(struct sock *sk, bool alone)
{
	struct teach_dgram_chain *table, *chain;
	struct hlist_nulls_node *node;
	struct sock *other;
	int err = 0;

	table = teach_sk_net(sk)->dgram[TEACH_DGRAM_PORTS];
	chain = &table[teach_dgram_port_chain(sk->sk_num)];
	spin_lock_bh(&chain->lock);
	node = teach_dgram_first(chain);
	for (; !is_a_nulls(node); node = teach_dgram_next(node)) {
		other = teach_dgram_node_sk(node, TEACH_DGRAM_PORTS);
		if (teach_dgram_same_port(sk, other) &&
		    (alone || teach_dgram_conflict(sk, other)))
			err = -EADDRINUSE;
	}
	if (!err)
		err = teach_dgram_port_take(sk, chain);
	spin_unlock_bh(&chain->lock);
	return err;
}

static int teach_dgram_port_try(struct sock *sk, u16 number, bool alone)
{
	struct teach_claim *claim;
	int err;

	claim = teach_claim(teach_sk_net(sk), teach_dgram_sk(sk)->wire, number,
			    false);
	if (IS_ERR(claim))
		return PTR_ERR(claim);
	inet_sk(sk)->inet_num = number;
	err = teach_dgram_port_own(sk, alone);
	if (err) {
		inet_sk(sk)->inet_num = 0;
		teach_claim_put(claim);
		return err;
	}
	teach_dgram_sk(sk)->claim = claim;
	return 0;
}

/**
 * teach_dgram_port_bind - hold a port
 * @sk: the socket, locked; its local address set, without a port
 * @number: the port, or 0 for any of those that teach_port_any() gives out
 *
 * Return: 0, -EADDRINUSE, or -ENOMEM.
 */
int teach_dgram_port_bind(struct sock *sk, u16 number)
{
	if (!number)
		return teach_port_any(sk, teach_dgram_port_try);
	return teach_dgram_port_try(sk, number, false);
}

/**
 * teach_dgram_port_put - nobody finds it any more, and its port is free
 * @sk: the socket, locked or its only user; may hold no port
 */
void teach_dgram_port_put(struct sock *sk)
{
	teach_dgram_peer_clear(sk);
	teach_dgram_unlink(sk, TEACH_DGRAM_PORTS);
	teach_reuseport_leave(sk);
	teach_claim_put(teach_dgram_sk(sk)->claim);
	teach_dgram_sk(sk)->claim = NULL;
	inet_sk(sk)->inet_num = 0;
	inet_sk(sk)->inet_sport = 0;
}

/**
 * teach_dgram_peer_set - it is connected, so it is to be found by its peer
 * @sk: the socket, locked; not in the table of peers
 *
 * Without a port of the peer's it has no 5-tuple.
 */
void teach_dgram_peer_set(struct sock *sk)
{
	const struct teach_tuple t = {
		.laddr	= sk->sk_rcv_saddr,
		.faddr	= sk->sk_daddr,
		.lport	= inet_sk(sk)->inet_sport,
		.fport	= sk->sk_dport,
		.proto	= teach_dgram_sk(sk)->wire,
	};
	u32 number = teach_dgram_peer_chain(&t);
	struct teach_dgram_chain *chain;

	if (!t.fport)
		return;
	chain = &teach_sk_net(sk)->dgram[TEACH_DGRAM_PEERS][number];
	spin_lock_bh(&chain->lock);
	teach_dgram_link(sk, TEACH_DGRAM_PEERS, number);
	spin_unlock_bh(&chain->lock);
}

/**
 * teach_dgram_peer_clear - its peer will change
 * @sk: the socket, locked or its only user; may have none
 */
void teach_dgram_peer_clear(struct sock *sk)
{
	teach_dgram_unlink(sk, TEACH_DGRAM_PEERS);
}

/*
 * ---- A network namespace ----
 */

static struct teach_dgram_chain *teach_dgram_table_alloc(void)
{
	struct teach_dgram_chain *table;
	int i;

	table = kvcalloc(TEACH_DGRAM_CHAINS, sizeof(*table), GFP_KERNEL);
	if (!table)
		return NULL;
	for (i = 0; i < TEACH_DGRAM_CHAINS; i++) {
		spin_lock_init(&table[i].lock);
		INIT_HLIST_NULLS_HEAD(&table[i].head, i);
	}
	return table;
}

int teach_dgram_hash_init(struct teach_net *tn)
{
	int which;

	for (which = 0; which < TEACH_DGRAM_TABLES; which++)
		tn->dgram[which] = teach_dgram_table_alloc();
	for (which = 0; which < TEACH_DGRAM_TABLES; which++) {
		if (!tn->dgram[which]) {
			teach_dgram_hash_exit(tn);
			return -ENOMEM;
		}
	}
	return 0;
}

void teach_dgram_hash_exit(struct teach_net *tn)
{
	int which;

	for (which = 0; which < TEACH_DGRAM_TABLES; which++)
		kvfree(tn->dgram[which]);
}
