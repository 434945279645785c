// SPDX-License-Identifier: GPL-2.0
/*
 * Real TCP and UDP: sockets whose protocol on the wire is 6 or 17, which this
 * host's own stack speaks, too.
 *
 * A port is owned by one of the two.  What we own, we have claimed: a socket
 * of the host's stack holds the port there, and does nothing else, so whoever
 * wants it there gets EADDRINUSE; and when somebody has it already, bind(2) of
 * that socket fails, and so does ours.
 *
 *	IPv4 -> LOCAL_IN: conntrack, the firewall -> teach_local_in()
 *						       |
 *			   the port is claimed	       +-> ip.c, dgram_ip.c
 *			   it is not		       +-> the host's TCP, UDP
 *
 * A network namespace without claims has no hook.  (253 and 254 are ours alone:
 * what comes with these is sent to us by IPv4 itself.)
 *
 * Out, there is no difference: IPv4, conntrack and cards see TCP and UDP.
 */
#include <linux/icmp.h>
#include <linux/netfilter_ipv4.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/xfrm.h>

#include "teach.h"

#define TEACH_ICMP_QUOTE	8	/* RFC 792: behind the IP header */

/* What TCP's header and UDP's begin with. */
struct teach_header_ports {
	__be16			source;
	__be16			dest;
};

/**
 * struct teach_claim - a port of the host's TCP or UDP that is ours
 * @node: in its chain; RCU
 * @unused: in teach_net.claims_unused, while @users is 0
 * @tn: whose it is
 * @holder: holds the port in the host's stack
 * @number: the port, host byte order
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 * @shared: the host may have connections that are left from this port's
 *	former owner
 * @users: how many hold it; under teach_net.claims_lock
 * @rcu: to free it
 *
 * Made and freed under teach_net.claims_mutex, as @holder may sleep; freed a
 * grace period after its last user.
 */
struct teach_claim {
	struct hlist_node	node;
	struct list_head	unused;
	struct teach_net	*tn;
	struct socket		*holder;
	u16			number;
	u8			proto;
	bool			shared;
	u32			users;
	struct rcu_head		rcu;
};

static struct hlist_head *teach_claim_chain(struct teach_net *tn, u16 number)
{
	return &tn->claims[number & (TEACH_CLAIM_CHAINS - 1)];
}

/* Context: rcu_read_lock(), or the mutex. */
static struct teach_claim *teach_claim_find(struct teach_net *tn, u8 proto,
					    u16 number)
{
	struct teach_claim *claim;

	hlist_for_each_entry_rcu(claim, teach_claim_chain(tn, number), node,
				 lockdep_is_held(&tn->claims_mutex))
		if (claim->number == number && claim->proto == proto)
			return claim;
	return NULL;
}

/*
 * ---- In ----
 */

/*
 * SO_REUSEADDR let us have a port that a server of the host's has just left:
 * its connections, and what is in TIME_WAIT, are the host's to the end.
 */
static bool teach_left_over(struct net *net, const struct sk_buff *skb,
			    const struct teach_header_ports *ports)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct sock *sk;

	sk = teach_hosts_tcp_lookup(net, iph->saddr, ports->source, iph->daddr,
				    ntohs(ports->dest), inet_iif(skb),
				    inet_sdif(skb));
	if (!sk)
		return false;
	sock_gen_put(sk);
	return true;
}

static bool teach_is_ours(struct net *net, const struct sk_buff *skb)
{
	const struct teach_header_ports *ports;
	struct teach_header_ports buf;
	struct teach_claim *claim;

	/* Early demux or TPROXY has found somebody of the host's. */
	if (skb->sk)
		return false;
	ports = skb_header_pointer(skb, ip_hdrlen(skb), sizeof(buf), &buf);
	if (!ports)
		return false;
	claim = teach_claim_find(teach_net(net), ip_hdr(skb)->protocol,
				 ntohs(ports->dest));
	return claim && !(claim->shared && teach_left_over(net, skb, ports));
}

static nf_hookfn teach_local_in;

/*
 * What we take does not come to the hooks behind ours, of which conntrack's
 * confirms the connection: so they are asked now.
 *
 * Return: false when one of them has taken or dropped it.
 */
static bool teach_hooks_behind(struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	struct nf_hook_state rest = *state;
	const struct nf_hook_entries *e;
	unsigned int i;

	e = rcu_dereference(state->net->nf.hooks_ipv4[NF_INET_LOCAL_IN]);
	for (i = 0; e && i < e->num_hook_entries; i++)
		if (e->hooks[i].hook == teach_local_in)
			return nf_hook_slow(skb, &rest, e, i + 1) == 1;
	return true;
}

/* As ip_local_deliver_finish() does for protocols without a hook. */
static unsigned int teach_take(struct sk_buff *skb,
			       const struct nf_hook_state *state,
			       int (*rcv)(struct sk_buff *skb))
{
	if (!teach_is_ours(state->net, skb))
		return NF_ACCEPT;
	if (!teach_hooks_behind(skb, state))
		return NF_STOLEN;

	skb_clear_delivery_time(skb);
	__skb_pull(skb, skb_network_header_len(skb));
	if (!xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_XFRM_POLICY);
		return NF_STOLEN;
	}
	nf_reset_ct(skb);
	__IP_INC_STATS(state->net, IPSTATS_MIB_INDELIVERS);
	rcv(skb);
	return NF_STOLEN;
}

/* Those that quote a packet of ours, and the next hop's MTU that they tell. */
static bool teach_icmp_is_error(struct net *net, const struct icmphdr *icmp,
				u32 *mtu)
{
	*mtu = 0;
	switch (icmp->type) {
	case ICMP_DEST_UNREACH:
		if (icmp->code != ICMP_FRAG_NEEDED)
			return true;
		/* Documentation/networking/ip-sysctl.rst, ip_no_pmtu_disc */
		switch (READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc)) {
		case 1:
			return true;
		case 2:
			return false;
		}
		*mtu = ntohs(icmp->un.frag.mtu);
		return true;
	case ICMP_TIME_EXCEEDED:
		return icmp->code != ICMP_EXC_FRAGTIME;
	case ICMP_PARAMETERPROB:
	case ICMP_REDIRECT:
		return true;
	default:
		return false;
	}
}

/*
 * An ICMP error about a packet that we have sent.  It goes on to the host,
 * whose TCP and UDP do not know the packet.
 */
static void teach_see_icmp(struct net *net, struct sk_buff *skb)
{
	unsigned int outer = ip_hdrlen(skb), offset;
	const struct teach_header_ports *ports;
	const struct iphdr *iph;
	u32 mtu;

	offset = outer + sizeof(struct icmphdr);
	if (!pskb_may_pull(skb, offset + sizeof(*iph)))
		return;
	iph = (const struct iphdr *)(skb->data + offset);
	if (iph->ihl < sizeof(*iph) / 4 ||
	    !pskb_may_pull(skb, offset + iph->ihl * 4 + TEACH_ICMP_QUOTE))
		return;
	iph = (const struct iphdr *)(skb->data + offset);
	ports = (const void *)(skb->data + offset + iph->ihl * 4);
	if (!teach_claim_find(teach_net(net), iph->protocol,
			      ntohs(ports->source)) ||
	    !teach_icmp_is_error(net, icmp_hdr(skb), &mtu) ||
	    csum_fold(skb_checksum(skb, outer, skb->len - outer, 0)))
		return;

	__skb_pull(skb, offset);
	if (iph->protocol == IPPROTO_TCP)
		teach_err(skb, mtu);
	else
		teach_dgram_err(skb, mtu);
	__skb_push(skb, offset);
}

/* Context: softirq, rcu_read_lock(). */
static unsigned int teach_local_in(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	switch (ip_hdr(skb)->protocol) {
	case IPPROTO_TCP:
		return teach_take(skb, state, teach_rcv);
	case IPPROTO_UDP:
		return teach_take(skb, state, teach_dgram_rcv);
	case IPPROTO_ICMP:
		teach_see_icmp(state->net, skb);
		break;
	}
	return NF_ACCEPT;
}

static const struct nf_hook_ops teach_hook = {
	.hook		= teach_local_in,
	.pf		= NFPROTO_IPV4,
	.hooknum	= NF_INET_LOCAL_IN,
	.priority	= NF_IP_PRI_LAST,
};

/*
 * ---- Claims ----
 */

/*
 * SO_REUSEADDR has it that a socket may bind to the port even though there are
 * others, if all of them have it and none listens.  Our holder must keep all of
 * them out from now on.  To listen for a moment does that: the host's stack
 * notes that this port is not to be shared any more.
 */
static int teach_claim_close_door(struct socket *holder)
{
	int err = kernel_listen(holder, 0);

	if (err)
		return err;
	kernel_sock_shutdown(holder, SHUT_RDWR);
	lock_sock(holder->sk);
	holder->sk->sk_reuse = SK_NO_REUSE;
	release_sock(holder->sk);
	return 0;
}

static int teach_claim_hold_port(struct teach_claim *claim)
{
	struct sockaddr_in addr = {
		.sin_family	= AF_INET,
		.sin_port	= htons(claim->number),
	};
	bool stream = claim->proto == IPPROTO_TCP;
	int err;

	err = sock_create_kern(claim->tn->net, PF_INET,
			       stream ? SOCK_STREAM : SOCK_DGRAM, claim->proto,
			       &claim->holder);
	if (err)
		return err;
	if (claim->shared)
		sock_set_reuseaddr(claim->holder->sk);
	err = kernel_bind(claim->holder, (struct sockaddr_unsized *)&addr,
			  sizeof(addr));
	if (!err && claim->shared)
		err = teach_claim_close_door(claim->holder);
	if (err)
		sock_release(claim->holder);
	return err;
}

/* Context: the mutex. */
static struct teach_claim *teach_claim_new(struct teach_net *tn, u8 proto,
					   u16 number, bool shared)
{
	struct teach_claim *claim = kzalloc(sizeof(*claim), GFP_KERNEL);
	int err;

	if (!claim)
		return ERR_PTR(-ENOMEM);
	claim->tn = tn;
	claim->proto = proto;
	claim->number = number;
	claim->shared = shared;
	claim->users = 1;
	err = teach_claim_hold_port(claim);
	if (err)
		goto out_free;
	if (!tn->claims_count) {
		err = nf_register_net_hook(tn->net, &teach_hook);
		if (err)
			goto out_release;
	}
	tn->claims_count++;
	hlist_add_head_rcu(&claim->node, teach_claim_chain(tn, number));
	return claim;

out_release:
	sock_release(claim->holder);
out_free:
	kfree(claim);
	return ERR_PTR(err);
}

/**
 * teach_claim_hold - one more user
 * @claim: what somebody holds, or whose mutex is held; or NULL
 */
void teach_claim_hold(struct teach_claim *claim)
{
	if (!claim)
		return;
	spin_lock_bh(&claim->tn->claims_lock);
	if (!claim->users++)
		list_del(&claim->unused);
	spin_unlock_bh(&claim->tn->claims_lock);
}

/**
 * teach_claim - make a port ours and not the host's
 * @tn: the network namespace
 * @proto: on the wire; those that are ours alone need no claim
 * @number: the port
 * @reuse: even though the host has connections left there: SO_REUSEADDR
 *
 * Context: may sleep.
 * Return: the claim, to be given to teach_claim_put(); NULL when none is
 * needed; or an ERR_PTR: -EADDRINUSE when the port is the host's, -ENOMEM.
 */
struct teach_claim *teach_claim(struct teach_net *tn, u8 proto, u16 number,
				bool reuse)
{
	struct teach_claim *claim;

	if (!teach_wire_is_hosts(proto))
		return NULL;
	mutex_lock(&tn->claims_mutex);
	claim = teach_claim_find(tn, proto, number);
	if (claim)
		teach_claim_hold(claim);
	else
		claim = teach_claim_new(tn, proto, number,
					reuse && proto == IPPROTO_TCP);
	mutex_unlock(&tn->claims_mutex);
	return claim;
}

/**
 * teach_claim_put - one user less
 * @claim: the claim, or NULL
 *
 * Context: any; so the host's socket is closed later, if it was the last.
 */
void teach_claim_put(struct teach_claim *claim)
{
	struct teach_net *tn;

	if (!claim)
		return;
	tn = claim->tn;
	spin_lock_bh(&tn->claims_lock);
	if (!--claim->users) {
		list_add_tail(&claim->unused, &tn->claims_unused);
		schedule_work(&tn->claims_work);
	}
	spin_unlock_bh(&tn->claims_lock);
}

static struct teach_claim *teach_claim_take_unused(struct teach_net *tn)
{
	struct teach_claim *claim;

	spin_lock_bh(&tn->claims_lock);
	claim = list_first_entry_or_null(&tn->claims_unused, struct teach_claim,
					 unused);
	if (claim) {
		list_del(&claim->unused);
		hlist_del_rcu(&claim->node);
	}
	spin_unlock_bh(&tn->claims_lock);
	return claim;
}

/* Ports that nobody of ours holds go back to the host. */
static void teach_claims_free(struct teach_net *tn)
{
	struct teach_claim *claim;

	mutex_lock(&tn->claims_mutex);
	while ((claim = teach_claim_take_unused(tn))) {
		sock_release(claim->holder);
		kfree_rcu(claim, rcu);
		if (!--tn->claims_count)
			nf_unregister_net_hook(tn->net, &teach_hook);
	}
	mutex_unlock(&tn->claims_mutex);
}

static void teach_claims_work(struct work_struct *work)
{
	teach_claims_free(container_of(work, struct teach_net, claims_work));
}

/**
 * teach_claims_settle - a socket has been closed
 * @tn: its network namespace
 * @wire: its protocol on the wire
 *
 * Who closes a socket may count on its port's being free.
 *
 * Context: may sleep.
 */
void teach_claims_settle(struct teach_net *tn, u8 wire)
{
	if (teach_wire_is_hosts(wire))
		teach_claims_free(tn);
}

void teach_interop_init(struct teach_net *tn)
{
	int i;

	for (i = 0; i < TEACH_CLAIM_CHAINS; i++)
		INIT_HLIST_HEAD(&tn->claims[i]);
	mutex_init(&tn->claims_mutex);
	spin_lock_init(&tn->claims_lock);
	INIT_LIST_HEAD(&tn->claims_unused);
	INIT_WORK(&tn->claims_work, teach_claims_work);
}

/* Nobody has a port any more. */
void teach_interop_exit(struct teach_net *tn)
{
	cancel_work_sync(&tn->claims_work);
	teach_claims_free(tn);
	WARN_ON_ONCE(tn->claims_count);
}
