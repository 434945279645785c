// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/teach/: what each network namespace can read of itself.
 *
 *	counters	one "Name value" a line
 *	sockets		one connection or listener a line
 *	datagrams	one datagram socket with a port a line
 *	hash		how full the table of connections is
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "teach.h"

/*
 * ---- counters ----
 */

static const char *const teach_mib_names[TEACH_MIB_MAX] = {
#define C(name, shown)		shown,
#define D(name, shown, reason)	"Drop" shown,
#include "mib-list.h"
};

static int teach_counters_show(struct seq_file *seq, void *v)
{
	struct teach_net *tn = teach_net(seq_file_single_net(seq));
	unsigned long sum;
	int cpu, i;

	for (i = 0; i < TEACH_MIB_MAX; i++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += READ_ONCE(per_cpu_ptr(tn->mib, cpu)->v[i]);
		seq_printf(seq, "%s %lu\n", teach_mib_names[i], sum);
	}
	return 0;
}

/*
 * ---- sockets ----
 *
 * One position is one chain: first those of the listeners, then those of
 * the 5-tuple table.
 */

static const char *const teach_state_names[] = {
	[TCP_ESTABLISHED]	= "ESTABLISHED",
	[TCP_SYN_SENT]		= "SYN_SENT",
	[TCP_SYN_RECV]		= "SYN_RECV",
	[TCP_FIN_WAIT1]		= "FIN_WAIT1",
	[TCP_FIN_WAIT2]		= "FIN_WAIT2",
	[TCP_TIME_WAIT]		= "TIME_WAIT",
	[TCP_CLOSE]		= "CLOSE",
	[TCP_CLOSE_WAIT]	= "CLOSE_WAIT",
	[TCP_LAST_ACK]		= "LAST_ACK",
	[TCP_LISTEN]		= "LISTEN",
	[TCP_CLOSING]		= "CLOSING",
};

static void teach_show_name(struct seq_file *seq, const struct teach_tuple *t,
			    int state, u32 recvq, u32 sendq)
{
	seq_printf(seq, "%u %s %u %u %pI4:%u %pI4:%u", t->proto,
		   teach_state_names[state], recvq, sendq,
		   &t->laddr, ntohs(t->lport), &t->faddr, ntohs(t->fport));
}

static void teach_show_sock(struct seq_file *seq, struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	u32 recvq, sendq;

	teach_queue_lengths(sk, &recvq, &sendq);
	teach_show_name(seq, &ts->entry.tuple, READ_ONCE(sk->sk_state), recvq,
			sendq);
	seq_printf(seq, " %u %u %u %u %u %llu\n", READ_ONCE(ts->cwnd),
		   READ_ONCE(ts->ssthresh), READ_ONCE(ts->srtt_us) >> 3,
		   jiffies_to_msecs(READ_ONCE(ts->rto)),
		   from_kuid_munged(seq_user_ns(seq), sk_uid(sk)),
		   (u64)sock_i_ino(sk));
}

static void teach_show_entry(struct teach_entry *e, void *data)
{
	struct seq_file *seq = data;

	switch (e->kind) {
	case TEACH_SOCK:
		teach_show_sock(seq, teach_entry_sk(e));
		break;
	case TEACH_REQUEST:
		teach_show_name(seq, &e->tuple, TCP_SYN_RECV, 0, 0);
		seq_puts(seq, " 0 0 0 0 0 0\n");
		break;
	case TEACH_TIMEWAIT:
		teach_show_name(seq, &e->tuple,
				READ_ONCE(container_of(e, struct teach_timewait,
						       entry)->state), 0, 0);
		seq_puts(seq, " 0 0 0 0 0 0\n");
		break;
	}
}

static void teach_show_none(struct teach_entry *e, void *data)
{
}

static void *teach_sockets_at(struct seq_file *seq, loff_t pos)
{
	struct teach_net *tn = teach_net(seq_file_net(seq));

	/* Position 0 is the headline. */
	if (pos <= TEACH_LISTEN_CHAINS ||
	    teach_hash_walk_chain(tn, pos - TEACH_LISTEN_CHAINS - 1,
				  teach_show_none, NULL))
		return (void *)(unsigned long)(pos + 1);
	return NULL;
}

static void *teach_sockets_start(struct seq_file *seq, loff_t *pos)
{
	return teach_sockets_at(seq, *pos);
}

static void *teach_sockets_next(struct seq_file *seq, void *v, loff_t *pos)
{
	return teach_sockets_at(seq, ++*pos);
}

static void teach_sockets_stop(struct seq_file *seq, void *v)
{
}

static int teach_sockets_show(struct seq_file *seq, void *v)
{
	struct teach_net *tn = teach_net(seq_file_net(seq));
	unsigned long pos = (unsigned long)v - 1;
	struct teach_sock *ts;

	if (!pos) {
		seq_puts(seq, "proto state recvq sendq local foreign cwnd ssthresh srtt_us rto_ms uid inode\n");
		return 0;
	}
	pos--;
	if (pos >= TEACH_LISTEN_CHAINS) {
		teach_hash_walk_chain(tn, pos - TEACH_LISTEN_CHAINS,
				      teach_show_entry, seq);
		return 0;
	}
	rcu_read_lock();
	hlist_for_each_entry_rcu(ts, &tn->listeners[pos], listen_node)
		teach_show_sock(seq, (struct sock *)ts);
	rcu_read_unlock();
	return 0;
}

static const struct seq_operations teach_sockets_ops = {
	.start	= teach_sockets_start,
	.next	= teach_sockets_next,
	.stop	= teach_sockets_stop,
	.show	= teach_sockets_show,
};

/*
 * ---- datagrams ----
 *
 * One position is one chain of the ports.
 */

static void teach_show_dgram(struct sock *sk, void *data)
{
	struct seq_file *seq = data;
	struct teach_tuple t;
	u32 recvq, sendq;

	teach_dgram_tuple(sk, &t);
	teach_queue_lengths(sk, &recvq, &sendq);
	teach_show_name(seq, &t, READ_ONCE(sk->sk_state), recvq, sendq);
	seq_printf(seq, " %u %u %llu\n", atomic_read(&sk->sk_drops),
		   from_kuid_munged(seq_user_ns(seq), sk_uid(sk)),
		   (u64)sock_i_ino(sk));
}

static void *teach_datagrams_start(struct seq_file *seq, loff_t *pos)
{
	/* Position 0 is the headline. */
	return *pos <= TEACH_DGRAM_CHAINS ?
	       (void *)(unsigned long)(*pos + 1) : NULL;
}

static void *teach_datagrams_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return teach_datagrams_start(seq, pos);
}

static int teach_datagrams_show(struct seq_file *seq, void *v)
{
	unsigned long pos = (unsigned long)v - 1;

	if (!pos)
		seq_puts(seq, "proto state recvq sendq local foreign drops uid inode\n");
	else
		teach_dgram_walk(teach_net(seq_file_net(seq)), pos - 1,
				 teach_show_dgram, seq);
	return 0;
}

static const struct seq_operations teach_datagrams_ops = {
	.start	= teach_datagrams_start,
	.next	= teach_datagrams_next,
	.stop	= teach_sockets_stop,
	.show	= teach_datagrams_show,
};

/*
 * ---- hash ----
 *
 * For root alone: who sees chains grow while he connects learns which of his
 * 5-tuples fall together, and from a few of those, the secret of the hash.
 */

#define TEACH_CHAIN_LONG	32	/* as long as that, or longer */

static void teach_count_entry(struct teach_entry *e, void *data)
{
	u32 *length = data;

	++*length;
}

static int teach_hash_show(struct seq_file *seq, void *v)
{
	struct teach_net *tn = teach_net(seq_file_single_net(seq));
	u32 chains[TEACH_CHAIN_LONG + 1] = {};
	u32 buckets, length = 0;

	for (buckets = 0; teach_hash_walk_chain(tn, buckets, teach_count_entry,
						&length); buckets++) {
		chains[min_t(u32, length, TEACH_CHAIN_LONG)]++;
		length = 0;
		cond_resched();
	}
	seq_printf(seq, "buckets %u\nentries %u\n", buckets,
		   atomic_read(&tn->entries));
	for (length = 0; length <= TEACH_CHAIN_LONG; length++)
		if (chains[length])
			seq_printf(seq, "%u %u\n", length, chains[length]);
	return 0;
}

int teach_proc_init(struct teach_net *tn)
{
	struct net *net = tn->net;
	struct proc_dir_entry *dir;

	dir = proc_net_mkdir(net, "teach", net->proc_net);
	if (!dir)
		return -ENOMEM;
	if (!proc_create_net_single("counters", 0444, dir, teach_counters_show,
				    NULL) ||
	    !proc_create_net_single("hash", 0400, dir, teach_hash_show, NULL) ||
	    !proc_create_net("sockets", 0444, dir, &teach_sockets_ops,
			     sizeof(struct seq_net_private)) ||
	    !proc_create_net("datagrams", 0444, dir, &teach_datagrams_ops,
			     sizeof(struct seq_net_private))) {
		teach_proc_exit(tn);
		return -ENOMEM;
	}
	return 0;
}

void teach_proc_exit(struct teach_net *tn)
{
	remove_proc_subtree("teach", tn->net->proc_net);
}
