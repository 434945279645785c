// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload, and what each network namespace is given.
 *
 * Loading is one ladder that reads top down: first what nobody can see yet,
 * last the family, which lets programs in.  Unloading goes down it again.
 *
 * An open socket keeps the module loaded, because its file operations are
 * ours.  A connection whose user has gone does not: it is aborted with the
 * rest of its network namespace's, and waited for.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/random.h>
#include <net/net_namespace.h>

#include "nic.h"
#include "teach.h"

unsigned int teach_net_id __read_mostly;
struct teach_secret teach_secret __read_mostly;

struct proto teach_prot = {
	.name			= "TEACH",
	/* .owner is empty: see above. */
	.close			= teach_close,
	.disconnect		= teach_disconnect,
	.backlog_rcv		= teach_do_rcv,
	.release_cb		= teach_release_cb,
	.keepalive		= teach_set_keepalive,
	.diag_destroy		= teach_destroy_stream,
	.rehash			= teach_device_changed,
	.get_port		= teach_port_bind,
	.stream_memory_free	= teach_stream_memory_free,
	.sockets_allocated	= &teach_sockets,
	.memory_allocated	= &teach_memory_allocated,
	.per_cpu_fw_alloc	= &teach_memory_fw_alloc,
	.memory_pressure	= &teach_memory_pressure,
	.enter_memory_pressure	= teach_enter_memory_pressure,
	.leave_memory_pressure	= teach_leave_memory_pressure,
	.sysctl_mem		= teach_sysctl_mem,
	.sysctl_wmem		= &teach_memory_min,
	.sysctl_rmem		= &teach_memory_min,
	.max_header		= TEACH_MAX_HEADER,
	.obj_size		= sizeof(struct teach_sock),
	.no_autobind		= true,
};

/*
 * ---- A network namespace ----
 */

static int __net_init teach_net_init(struct net *net)
{
	struct teach_net *tn = teach_net(net);
	int err = -ENOMEM;

	tn->net = net;
	tn->mib = alloc_percpu(struct teach_mib);
	if (!tn->mib)
		return -ENOMEM;
	err = teach_hash_init(tn);
	if (err)
		goto out_mib;
	err = teach_port_init(tn);
	if (err)
		goto out_hash;
	err = teach_dgram_hash_init(tn);
	if (err)
		goto out_port;
	teach_interop_init(tn);
	teach_cong_net_init(tn);
	err = teach_sysctl_init(tn);
	if (err)
		goto out_cong;
	err = teach_proc_init(tn);
	if (err)
		goto out_sysctl;
	return 0;

out_sysctl:
	teach_sysctl_exit(tn);
out_cong:
	teach_cong_net_exit(tn);
	teach_dgram_hash_exit(tn);
out_port:
	teach_port_exit(tn);
out_hash:
	teach_hash_exit(tn);
out_mib:
	free_percpu(tn->mib);
	return err;
}

/* No user is left, so what there is are orphans and connections' ends. */
static void teach_end(struct teach_entry *e, void *data)
{
	struct sock *sk;

	switch (e->kind) {
	case TEACH_SOCK:
		sk = teach_entry_sk(e);
		local_bh_disable();
		bh_lock_sock(sk);
		if (sk->sk_state != TCP_CLOSE)
			teach_abort(sk);
		bh_unlock_sock(sk);
		local_bh_enable();
		break;
	case TEACH_REQUEST:
		/* They went with their listener. */
		WARN_ON_ONCE(1);
		break;
	case TEACH_TIMEWAIT:
		teach_timewait_kill(container_of(e, struct teach_timewait,
						 entry), TEACH_BY_CALL);
		break;
	}
}

static void __net_exit teach_net_exit(struct net *net)
{
	struct teach_net *tn = teach_net(net);

	teach_proc_exit(tn);
	teach_hash_walk(tn, teach_end, NULL);
	teach_interop_exit(tn);
	teach_sysctl_exit(tn);
	teach_cong_net_exit(tn);
	teach_dgram_hash_exit(tn);
	teach_port_exit(tn);
	teach_hash_exit(tn);
	/* Timers and callbacks under RCU count to the end. */
	synchronize_rcu();
	free_percpu(tn->mib);
}

static struct pernet_operations teach_net_ops = {
	.init	= teach_net_init,
	.exit	= teach_net_exit,
	.id	= &teach_net_id,
	.size	= sizeof(struct teach_net),
};

/*
 * ---- The module ----
 */

static int __init teach_init(void)
{
	int err;

	get_random_bytes(&teach_secret, sizeof(teach_secret));
	err = teach_cong_register(&teach_cubic);
	if (err)
		return err;
	err = teach_memory_init();
	if (err)
		goto out_cong;
	err = teach_listen_init();
	if (err)
		goto out_memory;
	err = teach_timewait_init();
	if (err)
		goto out_listen;
	err = proto_register(&teach_prot, 1);
	if (err)
		goto out_timewait;
	err = teach_dgram_init();
	if (err)
		goto out_proto;
	err = register_pernet_subsys(&teach_net_ops);
	if (err)
		goto out_dgram;
	err = teach_diag_init();
	if (err)
		goto out_pernet;
	err = teach_nic_init();
	if (err)
		goto out_diag;
	err = teach_ip_init();
	if (err)
		goto out_nic;
	err = teach_dgram_ip_init();
	if (err)
		goto out_ip;
	err = sock_register(&teach_family_ops);
	if (err)
		goto out_dgram_ip;
	return 0;

out_dgram_ip:
	teach_dgram_ip_exit();
out_ip:
	teach_ip_exit();
out_nic:
	teach_nic_exit();
out_diag:
	teach_diag_exit();
out_pernet:
	unregister_pernet_subsys(&teach_net_ops);
out_dgram:
	teach_dgram_exit();
out_proto:
	proto_unregister(&teach_prot);
out_timewait:
	teach_timewait_exit();
out_listen:
	teach_listen_exit();
out_memory:
	teach_memory_exit();
out_cong:
	teach_cong_unregister(&teach_cubic);
	return err;
}

static void __exit teach_exit(void)
{
	sock_unregister(PF_TEACH);
	teach_dgram_ip_exit();
	teach_ip_exit();
	teach_nic_exit();
	teach_diag_exit();
	unregister_pernet_subsys(&teach_net_ops);

	/* Segments in a queue below IP still refer to their sockets. */
	while (percpu_counter_sum(&teach_sockets) > 0)
		msleep(20);
	rcu_barrier();

	teach_dgram_exit();
	proto_unregister(&teach_prot);
	teach_timewait_exit();
	teach_listen_exit();
	teach_memory_exit();
	teach_cong_unregister(&teach_cubic);
}

module_init(teach_init);
module_exit(teach_exit);

MODULE_DESCRIPTION("AF_TEACH: a TCP to read, watch, break and repair");
MODULE_LICENSE("GPL");
