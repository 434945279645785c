// SPDX-License-Identifier: GPL-2.0
/*
 * Local ports: who holds which, who may share one, and which one is given to
 * a socket that asks for none in particular.
 *
 *	    0 -  1023	well known: CAP_NET_BIND_SERVICE (asked in socket.c)
 *	32768 - 60999	given out here, unpredictably (RFC 6056), but for those
 *			in net.ipv4.ip_local_reserved_ports.  The range is that
 *			of net.ipv4.ip_local_port_range, or of the socket's own
 *			IP_LOCAL_PORT_RANGE within it
 *
 * A port is held by sockets and by connections in TIME_WAIT.  bind(2) may
 * not share it unless all say SO_REUSEADDR and none of them listens, or all
 * say SO_REUSEPORT (reuseport.c), or their addresses or devices differ.
 * connect(2) may always share one that only connect(2) has given out: the
 * 5-tuples are what must differ.
 *
 *	port 80 --+-- 10.0.0.1, SO_REUSEADDR	100000 owners
 *		  +-- any address, SO_REUSEADDR	1 owner, who listens
 *
 * Those who hold a port in the same way are one bucket.  bind(2) looks at
 * the buckets, so it takes no longer when a server has many connections.
 */
#include <linux/random.h>

#include "teach.h"

/**
 * struct teach_port - a port that somebody holds
 * @node: in its chain, whose lock covers the rest
 * @buckets: struct teach_bucket
 * @number: the port, host byte order
 * @proto: on the wire: each protocol has ports of its own
 * @connect_only: given out by connect(2) to all who hold it
 * @claim: keeps it from the host's own TCP, or NULL
 *
 * Freed with its last bucket.
 */
struct teach_port {
	struct hlist_node	node;
	struct hlist_head	buckets;
	u16			number;
	u8			proto;
	bool			connect_only;
	struct teach_claim	*claim;
};

/**
 * struct teach_bucket - those who hold a port in the same way
 * @node: in teach_port.buckets
 * @port: the port
 * @addr: their local address, or 0 for any
 * @dif: the device that they are bound to, or 0 for any
 * @vrf: the VRF that this is in, whose ports are its own, or 0
 * @owners: how many they are
 * @listeners: how many of them listen
 * @reuse: they had SO_REUSEADDR when they came
 * @reuseport: and SO_REUSEPORT
 * @uid: whose they are
 *
 * Freed with its last owner.
 */
struct teach_bucket {
	struct hlist_node	node;
	struct teach_port	*port;
	__be32			addr;
	int			dif;
	int			vrf;
	u32			owners;
	u32			listeners;
	bool			reuse;
	bool			reuseport;
	kuid_t			uid;
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
					 u8 proto, u16 number,
					 struct teach_claim *claim)
{
	struct teach_port *port = kmalloc(sizeof(*port), GFP_ATOMIC);

	if (!port)
		return NULL;
	INIT_HLIST_HEAD(&port->buckets);
	port->number = number;
	port->proto = proto;
	port->connect_only = false;
	port->claim = claim;
	teach_claim_hold(claim);
	hlist_add_head(&port->node, &head->chain);
	return port;
}

static void teach_port_free_unused(struct teach_port *port)
{
	if (!hlist_empty(&port->buckets))
		return;
	hlist_del(&port->node);
	teach_claim_put(port->claim);
	kfree(port);
}

/* The bucket that @sk belongs into; made when it is the first. */
static struct teach_bucket *teach_bucket(struct teach_port *port,
					 const struct sock *sk)
{
	struct teach_bucket *bucket;

	hlist_for_each_entry(bucket, &port->buckets, node)
		if (bucket->addr == sk->sk_rcv_saddr &&
		    bucket->dif == sk->sk_bound_dev_if &&
		    bucket->vrf == inet_sk_bound_l3mdev(sk) &&
		    bucket->reuse == !!sk->sk_reuse &&
		    bucket->reuseport == !!sk->sk_reuseport &&
		    uid_eq(bucket->uid, sk_uid(sk)))
			return bucket;

	bucket = kzalloc(sizeof(*bucket), GFP_ATOMIC);
	if (!bucket)
		return NULL;
	bucket->port = port;
	bucket->addr = sk->sk_rcv_saddr;
	bucket->dif = sk->sk_bound_dev_if;
	bucket->vrf = inet_sk_bound_l3mdev(sk);
	bucket->reuse = !!sk->sk_reuse;
	bucket->reuseport = !!sk->sk_reuseport;
	bucket->uid = sk_uid(sk);
	hlist_add_head(&bucket->node, &port->buckets);
	return bucket;
}

static int teach_port_own(struct teach_port *port, struct sock *sk)
{
	struct teach_bucket *bucket = teach_bucket(port, sk);

	if (!bucket)
		return -ENOMEM;
	bucket->owners++;
	teach_sk(sk)->bind.bucket = bucket;
	return 0;
}

/* The port itself is not freed: the caller may have another use for it. */
static void teach_port_disown(struct teach_bind *bind)
{
	struct teach_bucket *bucket = bind->bucket;

	bucket->listeners -= bind->listens;
	bind->listens = false;
	bind->bucket = NULL;
	if (--bucket->owners)
		return;
	hlist_del(&bucket->node);
	kfree(bucket);
}

/* The same rule for bind(2) and, since others have come, for listen(2). */
static bool teach_port_conflict(const struct sock *sk,
				const struct teach_bucket *other)
{
	if (inet_sk_bound_l3mdev(sk) != other->vrf)
		return false;
	if (sk->sk_bound_dev_if && other->dif &&
	    sk->sk_bound_dev_if != other->dif)
		return false;
	if (sk->sk_rcv_saddr && other->addr && sk->sk_rcv_saddr != other->addr)
		return false;
	/* Nobody is in his own way. */
	if (teach_sk(sk)->bind.bucket == other && other->owners == 1)
		return false;
	if (teach_reuseport_may_share(sk, other->reuseport, other->uid))
		return false;
	return other->listeners || !(sk->sk_reuse && other->reuse);
}

static bool teach_port_conflicts(const struct sock *sk,
				 const struct teach_port *port)
{
	struct teach_bucket *bucket;

	hlist_for_each_entry(bucket, &port->buckets, node)
		if (teach_port_conflict(sk, bucket))
			return true;
	return false;
}

/* Context: the chain's lock. */
static int __teach_port_bind(struct sock *sk, struct teach_port_head *head,
			     u16 number, struct teach_claim *claim)
{
	struct teach_port *port;
	int err;

	port = teach_port_find(head, teach_sk(sk)->wire, number);
	if (port && teach_port_conflicts(sk, port))
		return -EADDRINUSE;
	if (!port)
		port = teach_port_new(head, teach_sk(sk)->wire, number, claim);
	if (!port)
		return -ENOMEM;

	err = teach_port_own(port, sk);
	if (err) {
		teach_port_free_unused(port);
		return err;
	}
	port->connect_only = false;
	inet_sk(sk)->inet_num = number;
	return 0;
}

/* With @alone, not even those who would share it may be there. */
static int teach_port_bind_to(struct sock *sk, u16 number, bool alone)
{
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_port_head *head = teach_port_head(tn, number);
	struct teach_claim *claim;
	int err = -EADDRINUSE;

	claim = teach_claim(tn, teach_sk(sk)->wire, number, sk->sk_reuse);
	if (IS_ERR(claim))
		return PTR_ERR(claim);
	spin_lock_bh(&head->lock);
	if (!alone || !teach_port_find(head, teach_sk(sk)->wire, number))
		err = __teach_port_bind(sk, head, number, claim);
	spin_unlock_bh(&head->lock);
	teach_claim_put(claim);
	return err;
}

/* The ports for who asks for none by name: ip(7).  Return: how many. */
static u32 teach_port_range(const struct sock *sk, int *low)
{
	int high;

	inet_sk_get_local_port_range(sk, low, &high);
	return high - *low + 1;
}

/**
 * teach_port_any - hold a port that nobody holds
 * @sk: the socket, its address set
 * @hold: holds the port that it is told; with @alone, only if nobody else does
 *
 * RFC 6056 3.3.1: which one, nobody can guess.
 *
 * Context: lock_sock().
 * Return: 0, -EADDRINUSE when there is none, or another error of @hold.
 */
int teach_port_any(struct sock *sk,
		   int (*hold)(struct sock *sk, u16 number, bool alone))
{
	u32 i, count, offset = get_random_u32();
	int err, low;
	u16 number;

	count = teach_port_range(sk, &low);
	for (i = 0; i < count; i++, offset++) {
		number = low + offset % count;
		if (inet_is_local_reserved_port(sock_net(sk), number))
			continue;
		/* One that is held would do only by chance; take a free one. */
		err = hold(sk, number, true);
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	return -EADDRINUSE;
}

/**
 * teach_port_bind - hold a port for bind(2)
 * @sk: the socket, its address set
 * @number: the port, or 0 for any that is given out
 *
 * Context: lock_sock().
 * Return: 0, -EADDRINUSE, or -ENOMEM.
 */
int teach_port_bind(struct sock *sk, u16 number)
{
	if (!number)
		return teach_port_any(sk, teach_port_bind_to);
	return teach_port_bind_to(sk, number, false);
}

/* What it holds the port with has changed: another bucket. */
static int teach_port_move(struct sock *sk)
{
	struct teach_bind old = teach_sk(sk)->bind;
	int err;

	err = teach_port_own(old.bucket->port, sk);
	if (err)
		return err;
	teach_sk(sk)->bind.bucket->listeners += old.listens;
	teach_port_disown(&old);
	return 0;
}

/**
 * teach_port_listen - may this socket listen on the port that it holds?
 * @sk: the socket, locked
 *
 * SO_REUSEADDR let sockets share the port when they were bound; of those
 * only one may listen.
 *
 * Return: 0, -EADDRINUSE, or -ENOMEM.
 */
int teach_port_listen(struct sock *sk)
{
	struct teach_bind *bind = &teach_sk(sk)->bind;
	struct teach_port_head *head;
	int err = -EADDRINUSE;

	head = teach_port_head(teach_sk_net(sk), inet_sk(sk)->inet_num);
	spin_lock_bh(&head->lock);
	if (!teach_port_conflicts(sk, bind->bucket->port))
		err = teach_port_move(sk);
	if (!err) {
		bind->bucket->listeners++;
		bind->listens = true;
	}
	spin_unlock_bh(&head->lock);
	return err;
}

/**
 * teach_port_unlisten - it does not listen any more, but may hold the port
 * @sk: the socket, locked
 */
void teach_port_unlisten(struct sock *sk)
{
	struct teach_bind *bind = &teach_sk(sk)->bind;
	struct teach_port_head *head;

	head = teach_port_head(teach_sk_net(sk), inet_sk(sk)->inet_num);
	spin_lock_bh(&head->lock);
	bind->bucket->listeners--;
	bind->listens = false;
	spin_unlock_bh(&head->lock);
}

/**
 * teach_port_rename - the local address of a bound socket has changed, or its
 *	device
 * @sk: the socket, locked; may hold no port
 *
 * Without memory it stays among those whose address it had, which at worst
 * refuses or lets in a bind(2); listen(2) asks again.
 */
void teach_port_rename(struct sock *sk)
{
	struct teach_port_head *head;

	if (!teach_sk(sk)->bind.bucket)
		return;
	head = teach_port_head(teach_sk_net(sk), inet_sk(sk)->inet_num);
	spin_lock_bh(&head->lock);
	teach_port_move(sk);
	spin_unlock_bh(&head->lock);
}

/* RFC 6056 3.3.3: where to begin to look, different for each destination. */
static u32 teach_port_offset(const struct sock *sk)
{
	return siphash_3u32((__force u32)sk->sk_rcv_saddr,
			    (__force u32)sk->sk_daddr,
			    (__force u32)sk->sk_dport, &teach_secret.port);
}

/*
 * Take @number for a connection, if the 5-tuple that it makes is free and
 * net.ipv4.ip_local_reserved_ports does not keep it for who asks by name.
 */
static int teach_port_try(struct sock *sk, u16 number, u32 *iss)
{
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_port_head *head = teach_port_head(tn, number);
	struct teach_sock *ts = teach_sk(sk);
	struct teach_timewait *tw = NULL;
	struct teach_claim *claim;
	struct teach_port *port;
	int err = -ENOMEM;

	if (inet_is_local_reserved_port(tn->net, number))
		return -EADDRINUSE;
	claim = teach_claim(tn, ts->wire, number, false);
	if (IS_ERR(claim))
		return PTR_ERR(claim);
	spin_lock_bh(&head->lock);
	port = teach_port_find(head, ts->wire, number);
	if (!port) {
		port = teach_port_new(head, ts->wire, number, claim);
		if (!port)
			goto out;
		port->connect_only = true;
	}
	if (!port->connect_only) {
		err = -EADDRINUSE;
		goto out;
	}

	err = teach_port_own(port, sk);
	if (err)
		goto out_port;
	ts->entry.tuple.lport = htons(number);
	if (!teach_hash_insert(tn, &ts->entry)) {
		tw = teach_timewait_take(sk, false, iss);
		if (!tw) {
			teach_port_disown(&ts->bind);
			err = -EADDRINUSE;
			goto out_port;
		}
	}
	inet_sk(sk)->inet_num = number;
	goto out;

out_port:
	teach_port_free_unused(port);
out:
	spin_unlock_bh(&head->lock);
	teach_claim_put(claim);
	/* It lets go of the port, too. */
	if (tw)
		teach_timewait_release(tw, TEACH_BY_CALL);
	return err;
}

/* The port is chosen: only the 5-tuple has to be free. */
static int teach_port_connect_bound(struct sock *sk, u32 *iss)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_timewait *tw;

	ts->entry.tuple.lport = htons(inet_sk(sk)->inet_num);
	if (!teach_hash_insert(teach_sk_net(sk), &ts->entry)) {
		tw = teach_timewait_take(sk, true, iss);
		if (!tw)
			return -EADDRNOTAVAIL;
		teach_timewait_release(tw, TEACH_BY_CALL);
	}
	teach_port_rename(sk);
	return 0;
}

/**
 * teach_port_connect - find a local port for connect(2) and enter the hash
 * @sk: the socket, its addresses set
 * @iss: where its sequence numbers have to begin, or 0 for anywhere
 *
 * Context: lock_sock().
 * Return: 0; -EADDRNOTAVAIL when every 5-tuple is taken; -ENOMEM.
 */
int teach_port_connect(struct sock *sk, u32 *iss)
{
	u32 i, count, offset, *counter;
	int err, low;

	*iss = 0;
	if (inet_sk(sk)->inet_num)
		return teach_port_connect_bound(sk, iss);

	offset = teach_port_offset(sk);
	/* RFC 6056 3.3.4: a table of counters. */
	counter = &teach_secret.port_offset[offset % 256];
	offset += READ_ONCE(*counter);

	count = teach_port_range(sk, &low);
	for (i = 0; i < count; i++, offset++) {
		err = teach_port_try(sk, low + offset % count, iss);
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
 * Return: 0; -ENOENT when the listener has let go of the port; -ENOMEM.
 */
int teach_port_inherit(struct sock *sk, struct sock *listener)
{
	struct teach_port_head *head;
	struct teach_bucket *bucket;
	int err = -ENOENT;

	head = teach_port_head(teach_sk_net(sk), inet_sk(sk)->inet_num);
	spin_lock_bh(&head->lock);
	bucket = teach_sk(listener)->bind.bucket;
	if (bucket)
		err = teach_port_own(bucket->port, sk);
	spin_unlock_bh(&head->lock);
	return err;
}

/**
 * teach_port_keep - TIME_WAIT goes on holding its socket's port
 * @sk: the socket
 * @tw: what is left of it
 */
void teach_port_keep(struct sock *sk, struct teach_timewait *tw)
{
	struct teach_port_head *head;

	head = teach_port_head(tw->tn, inet_sk(sk)->inet_num);
	spin_lock_bh(&head->lock);
	tw->bind.bucket = teach_sk(sk)->bind.bucket;
	tw->bind.bucket->owners++;
	spin_unlock_bh(&head->lock);
}

/**
 * teach_port_put - let go of a port
 * @tn: the network namespace
 * @bind: who held it; may hold none
 */
void teach_port_put(struct teach_net *tn, struct teach_bind *bind)
{
	struct teach_port_head *head;
	struct teach_port *port;

	if (!bind->bucket)
		return;

	port = bind->bucket->port;
	head = teach_port_head(tn, port->number);
	spin_lock_bh(&head->lock);
	teach_port_disown(bind);
	teach_port_free_unused(port);
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
