// SPDX-License-Identifier: GPL-2.0
/*
 * Local ports: who holds which, who may share one, and which one is given to
 * a socket that asks for none in particular.
 *
 *	    0 -  1023	well known: CAP_NET_BIND_SERVICE (asked in socket.c)
 *	 1024 - 49151	registered
 *	49152 - 65535	dynamic: given out here, unpredictably (RFC 6056)
 *
 * A port is held by sockets and by connections in TIME_WAIT.  bind(2) may
 * not share it unless all say SO_REUSEADDR and none of them listens, or
 * their addresses or devices differ.  connect(2) may always share one that
 * only connect(2) has given out: the 5-tuples are what must differ.
 */
#include <linux/random.h>

#include "teach.h"

#define TEACH_PORT_DYNAMIC	49152
#define TEACH_PORTS_DYNAMIC	(65536 - TEACH_PORT_DYNAMIC)

/**
 * struct teach_port - a port that somebody holds
 * @node: in its chain, whose lock covers the rest
 * @owners: struct teach_bind
 * @number: the port, host byte order
 * @proto: on the wire: each protocol has ports of its own
 * @connect_only: given out by connect(2) to all who hold it
 *
 * Freed with its last owner.
 */
struct teach_port {
	struct hlist_node	node;
	struct hlist_head	owners;
	u16			number;
	u8			proto;
	bool			connect_only;
};

static struct teach_port_head *teach_port_head(struct teach_net *tn, u16 port)
{
	return &tn->ports[port & (TEACH_PORT_CHAINS - 1)];
}

static struct teach_port *teach_port_find(struct teach_port_head *head,
					  u8 proto, u16 number)
{
	struct teach_port *port;

	hlist_for_each_entry(port, &head->chain, node)
		if (port->number == number && port->proto == proto)
			return port;
	return NULL;
}

static struct teach_port *teach_port_new(struct teach_port_head *head,
					 u8 proto, u16 number)
{
	struct teach_port *port = kmalloc(sizeof(*port), GFP_ATOMIC);

	if (!port)
		return NULL;
	INIT_HLIST_HEAD(&port->owners);
	port->number = number;
	port->proto = proto;
	port->connect_only = false;
	hlist_add_head(&port->node, &head->chain);
	return port;
}

static void teach_port_own(struct teach_port *port, struct teach_bind *bind)
{
	bind->port = port;
	hlist_add_head(&bind->node, &port->owners);
}

/* The same rule for bind(2) and, since states have changed, for listen(2). */
static bool teach_port_conflict(const struct sock *sk,
				const struct teach_bind *other)
{
	const struct sock *sk2 = other->sk;
	__be32 addr = sk2 ? sk2->sk_rcv_saddr : other->addr;
	int dif = sk2 ? sk2->sk_bound_dev_if : other->dif;
	bool reuse = sk2 ? sk2->sk_reuse : other->reuse;

	if (sk2 == sk)
		return false;
	if (sk->sk_bound_dev_if && dif && sk->sk_bound_dev_if != dif)
		return false;
	if (sk->sk_rcv_saddr && addr && sk->sk_rcv_saddr != addr)
		return false;
	if (sk2 && sk2->sk_state == TCP_LISTEN)
		return true;
	return !(sk->sk_reuse && reuse);
}

/* Context: the chain's lock. */
static int __teach_port_bind(struct sock *sk, struct teach_port_head *head,
			     u16 number)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_port *port;
	struct teach_bind *other;

	port = teach_port_find(head, ts->wire, number);
	if (port) {
		hlist_for_each_entry(other, &port->owners, node)
			if (teach_port_conflict(sk, other))
				return -EADDRINUSE;
	} else {
		port = teach_port_new(head, ts->wire, number);
		if (!port)
			return -ENOMEM;
	}
	port->connect_only = false;
	teach_port_own(port, &ts->bind);
	inet_sk(sk)->inet_num = number;
	return 0;
}

/**
 * teach_port_bind - hold a port for bind(2)
 * @sk: the socket, its address set
 * @number: the port, or 0 for any dynamic one
 *
 * Context: lock_sock().
 * Return: 0, -EADDRINUSE, or -ENOMEM.
 */
int teach_port_bind(struct sock *sk, u16 number)
{
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_port_head *head;
	int i, err = -EADDRINUSE;
	u32 offset;

	if (number) {
		head = teach_port_head(tn, number);
		spin_lock_bh(&head->lock);
		err = __teach_port_bind(sk, head, number);
		spin_unlock_bh(&head->lock);
		return err;
	}

	offset = get_random_u32();
	for (i = 0; i < TEACH_PORTS_DYNAMIC; i++, offset++) {
		number = TEACH_PORT_DYNAMIC + offset % TEACH_PORTS_DYNAMIC;
		head = teach_port_head(tn, number);
		spin_lock_bh(&head->lock);
		/* One that is held would do only by chance; take a free one. */
		if (!teach_port_find(head, teach_sk(sk)->wire, number))
			err = __teach_port_bind(sk, head, number);
		spin_unlock_bh(&head->lock);
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	return -EADDRINUSE;
}

/**
 * teach_port_listen - may this socket listen on the port that it holds?
 * @sk: the socket, in state LISTEN
 *
 * SO_REUSEADDR let sockets share the port when they were bound; of those
 * only one may listen.
 */
int teach_port_listen(struct sock *sk)
{
	struct teach_bind *bind = &teach_sk(sk)->bind;
	struct teach_port_head *head;
	struct teach_bind *other;
	int err = 0;

	head = teach_port_head(teach_sk_net(sk), inet_sk(sk)->inet_num);
	spin_lock_bh(&head->lock);
	hlist_for_each_entry(other, &bind->port->owners, node) {
		if (teach_port_conflict(sk, other)) {
			err = -EADDRINUSE;
			break;
		}
	}
	spin_unlock_bh(&head->lock);
	return err;
}

/* RFC 6056 3.3.3: where to begin to look, different for each destination. */
static u32 teach_port_offset(const struct sock *sk)
{
	return siphash_3u32((__force u32)sk->sk_rcv_saddr,
			    (__force u32)sk->sk_daddr,
			    (__force u32)sk->sk_dport, &teach_secret.port);
}

/* Take @number for a connection, if the 5-tuple that it makes is free. */
static int teach_port_try(struct sock *sk, u16 number)
{
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_port_head *head = teach_port_head(tn, number);
	struct teach_sock *ts = teach_sk(sk);
	struct teach_port *port;
	bool fresh = false;
	int err = 0;

	spin_lock_bh(&head->lock);
	port = teach_port_find(head, ts->wire, number);
	if (!port) {
		port = teach_port_new(head, ts->wire, number);
		if (!port) {
			err = -ENOMEM;
			goto out;
		}
		port->connect_only = true;
		fresh = true;
	}
	if (!port->connect_only) {
		err = -EADDRINUSE;
		goto out;
	}

	ts->entry.tuple.lport = htons(number);
	if (!teach_hash_insert(tn, &ts->entry)) {
		err = -EADDRINUSE;
		if (fresh) {
			hlist_del(&port->node);
			kfree(port);
		}
		goto out;
	}
	teach_port_own(port, &ts->bind);
	inet_sk(sk)->inet_num = number;
out:
	spin_unlock_bh(&head->lock);
	return err;
}

/**
 * teach_port_connect - find a local port for connect(2) and enter the hash
 * @sk: the socket, its addresses set
 *
 * Context: lock_sock().
 * Return: 0; -EADDRNOTAVAIL when every 5-tuple is taken; -ENOMEM.
 */
int teach_port_connect(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 offset, *counter;
	int i, err;

	if (inet_sk(sk)->inet_num) {
		ts->entry.tuple.lport = htons(inet_sk(sk)->inet_num);
		if (teach_hash_insert(teach_sk_net(sk), &ts->entry))
			return 0;
		return -EADDRNOTAVAIL;
	}

	offset = teach_port_offset(sk);
	/* RFC 6056 3.3.4: a table of counters. */
	counter = &teach_secret.port_offset[offset % 256];
	offset += READ_ONCE(*counter);

	for (i = 0; i < TEACH_PORTS_DYNAMIC; i++, offset++) {
		err = teach_port_try(sk, TEACH_PORT_DYNAMIC +
					 offset % TEACH_PORTS_DYNAMIC);
		if (err == -EADDRINUSE) {
			cond_resched();
			continue;
		}
		/* Skip some, so that the next is not simply one more. */
		WRITE_ONCE(*counter, READ_ONCE(*counter) + i + 1 +
				     (get_random_u32() & 7));
		return err;
	}
	return -EADDRNOTAVAIL;
}

/**
 * teach_port_inherit - an accepted connection holds its listener's port too
 * @sk: the new socket, locked and not yet in the hash
 * @listener: who it comes from, perhaps closing just now
 *
 * Return: 0, or -ENOENT when the listener has let go of the port.
 */
int teach_port_inherit(struct sock *sk, struct sock *listener)
{
	struct teach_bind *bind = &teach_sk(sk)->bind;
	struct teach_port_head *head;
	struct teach_port *port;

	head = teach_port_head(teach_sk_net(sk), inet_sk(sk)->inet_num);
	spin_lock_bh(&head->lock);
	port = teach_sk(listener)->bind.port;
	if (port)
		teach_port_own(port, bind);
	spin_unlock_bh(&head->lock);
	return port ? 0 : -ENOENT;
}

/**
 * teach_port_keep - TIME_WAIT goes on holding its socket's port
 * @sk: the socket
 * @tw: what is left of it
 */
void teach_port_keep(struct sock *sk, struct teach_timewait *tw)
{
	struct teach_port_head *head;

	tw->bind.sk = NULL;
	tw->bind.addr = sk->sk_rcv_saddr;
	tw->bind.dif = sk->sk_bound_dev_if;
	tw->bind.reuse = sk->sk_reuse;

	head = teach_port_head(tw->tn, inet_sk(sk)->inet_num);
	spin_lock_bh(&head->lock);
	teach_port_own(teach_sk(sk)->bind.port, &tw->bind);
	spin_unlock_bh(&head->lock);
}

/**
 * teach_port_put - let go of a port
 * @tn: the network namespace
 * @bind: who held it; may hold none
 */
void teach_port_put(struct teach_net *tn, struct teach_bind *bind)
{
	struct teach_port *port = bind->port;
	struct teach_port_head *head;

	if (!port)
		return;

	head = teach_port_head(tn, port->number);
	spin_lock_bh(&head->lock);
	hlist_del(&bind->node);
	bind->port = NULL;
	if (hlist_empty(&port->owners)) {
		hlist_del(&port->node);
		kfree(port);
	}
	spin_unlock_bh(&head->lock);
}

int teach_port_init(struct teach_net *tn)
{
	int i;

	tn->ports = kcalloc(TEACH_PORT_CHAINS, sizeof(*tn->ports), GFP_KERNEL);
	if (!tn->ports)
		return -ENOMEM;
	for (i = 0; i < TEACH_PORT_CHAINS; i++)
		spin_lock_init(&tn->ports[i].lock);
	return 0;
}

void teach_port_exit(struct teach_net *tn)
{
	kfree(tn->ports);
}
