// SPDX-License-Identifier: GPL-2.0
/*
 * What can be set: /proc/sys/net/teach/NAME, where Linux has
 * net.ipv4.tcp_NAME, with the same meaning and default (dgram_NAME is
 * udp_NAME).  Each network namespace has its own.
 */
#include <linux/sysctl.h>

#include "teach.h"

static int teach_max_retries = 255;
static int teach_max_syn_retries = 127;
static int teach_least_mss = TEACH_MSS_MIN;
static int teach_most_mss = U16_MAX;
static unsigned int teach_max_probe_interval = U32_MAX / HZ;

/*
 * ---- Congestion control: names, not numbers ----
 *
 * Of these, data is the namespace's values as a whole.
 */

/* A write of more is cut off, and then is no name. */
static int teach_sysctl_congestion(teach_ctl_table *ctl, int write,
				   void *buffer, size_t *len, loff_t *pos)
{
	struct teach_net *tn = container_of(ctl->data, struct teach_net,
					    sysctl);
	char name[TEACH_CONG_NAME_MAX];
	struct ctl_table value = { .data = name, .maxlen = sizeof(name) };
	int err;

	teach_cong_default(tn, name);
	err = proc_dostring(&value, write, buffer, len, pos);
	if (write && !err)
		err = teach_cong_set_default(tn, name);
	return err;
}

static int teach_sysctl_cong_list(int write, void *buffer, size_t *len,
				  loff_t *pos, bool only_allowed)
{
	struct ctl_table value = { .maxlen = TEACH_CONG_LIST_MAX };
	int err;

	value.data = kzalloc(value.maxlen, GFP_KERNEL);
	if (!value.data)
		return -ENOMEM;
	teach_cong_list_names(value.data, value.maxlen, only_allowed);
	err = proc_dostring(&value, write, buffer, len, pos);
	if (write && !err)
		err = teach_cong_set_allowed(value.data);
	kfree(value.data);
	return err;
}

static int teach_sysctl_available(teach_ctl_table *ctl, int write,
				  void *buffer, size_t *len, loff_t *pos)
{
	return teach_sysctl_cong_list(write, buffer, len, pos, false);
}

static int teach_sysctl_allowed(teach_ctl_table *ctl, int write, void *buffer,
				size_t *len, loff_t *pos)
{
	return teach_sysctl_cong_list(write, buffer, len, pos, true);
}

/*
 * ---- Memory of all sockets of a type: pages, one limit for the system ----
 */

static int teach_sysctl_pages(teach_ctl_table *ctl, int write, void *buffer,
			      size_t *len, loff_t *pos)
{
	struct ctl_table value = {
		.data	= ctl->extra1,
		.maxlen	= 3 * sizeof(long),
	};

	return proc_doulongvec_minmax(&value, write, buffer, len, pos);
}

/*
 * ---- The tables ----
 */

#define TEACH_SYSCTL(name, ints, handler, low, high)			\
	TEACH_SYSCTL_AS(#name, name, ints, handler, low, high)

#define TEACH_SYSCTL_AS(name, field, ints, handler, low, high)		\
	{								\
		.procname	= name,					\
		.data		= (void *)offsetof(struct teach_sysctl,	\
						   field),		\
		.maxlen		= (ints) * sizeof(int),			\
		.mode		= 0644,					\
		.proc_handler	= handler,				\
		.extra1		= low,					\
		.extra2		= high,					\
	}

#define TEACH_SYSCTL_NAMES(name, permissions, handler)			\
	{								\
		.procname	= #name,				\
		.mode		= permissions,				\
		.proc_handler	= handler,				\
	}

#define TEACH_SYSCTL_PAGES(name, limits)				\
	{								\
		.procname	= #name,				\
		.mode		= 0644,					\
		.proc_handler	= teach_sysctl_pages,			\
		.extra1		= limits,				\
	}

/* data is an offset here; each namespace's copy points to its own values. */
static const struct ctl_table teach_sysctl_template[] = {
	TEACH_SYSCTL(syn_retries, 1, proc_dointvec_minmax, SYSCTL_ONE,
		     &teach_max_syn_retries),
	TEACH_SYSCTL(synack_retries, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     &teach_max_retries),
	TEACH_SYSCTL(syncookies, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     SYSCTL_TWO),
	TEACH_SYSCTL(retries1, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     &teach_max_retries),
	TEACH_SYSCTL(retries2, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     &teach_max_retries),
	TEACH_SYSCTL(mtu_probing, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     SYSCTL_TWO),
	TEACH_SYSCTL(base_mss, 1, proc_dointvec_minmax, &teach_least_mss,
		     &teach_most_mss),
	TEACH_SYSCTL(min_snd_mss, 1, proc_dointvec_minmax, &teach_least_mss,
		     &teach_most_mss),
	TEACH_SYSCTL(mtu_probe_floor, 1, proc_dointvec_minmax,
		     &teach_least_mss, &teach_most_mss),
	TEACH_SYSCTL(probe_interval, 1, proc_douintvec_minmax, NULL,
		     &teach_max_probe_interval),
	TEACH_SYSCTL(probe_threshold, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     NULL),
	TEACH_SYSCTL(orphan_retries, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     &teach_max_retries),
	TEACH_SYSCTL(max_orphans, 1, proc_dointvec, NULL, NULL),
	TEACH_SYSCTL(keepalive_time, 1, proc_dointvec_jiffies, NULL, NULL),
	TEACH_SYSCTL(keepalive_intvl, 1, proc_dointvec_jiffies, NULL, NULL),
	TEACH_SYSCTL(keepalive_probes, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     &teach_max_retries),
	TEACH_SYSCTL(fin_timeout, 1, proc_dointvec_jiffies, NULL, NULL),
	TEACH_SYSCTL(max_syn_backlog, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     NULL),
	TEACH_SYSCTL(max_tw_buckets, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     NULL),
	/* The kernel has a macro of that name. */
	TEACH_SYSCTL_AS("tw_reuse", timewait_reuse, 1, proc_dointvec_minmax,
			SYSCTL_ZERO, SYSCTL_TWO),
	TEACH_SYSCTL(rfc1337, 1, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	TEACH_SYSCTL(abort_on_overflow, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     SYSCTL_ONE),
	TEACH_SYSCTL(slow_start_after_idle, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_ONE),
	TEACH_SYSCTL(limit_output_bytes, 1, proc_dointvec, NULL, NULL),
	TEACH_SYSCTL(invalid_ratelimit, 1, proc_dointvec_ms_jiffies, NULL,
		     NULL),
	TEACH_SYSCTL(challenge_ack_limit, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     NULL),
	TEACH_SYSCTL(timestamps, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     SYSCTL_TWO),
	TEACH_SYSCTL(window_scaling, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     SYSCTL_ONE),
	TEACH_SYSCTL(sack, 1, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	TEACH_SYSCTL(dsack, 1, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	TEACH_SYSCTL(frto, 1, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_TWO),
	TEACH_SYSCTL(ecn, 1, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_TWO),
	TEACH_SYSCTL(moderate_rcvbuf, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     SYSCTL_ONE),
	TEACH_SYSCTL_NAMES(congestion_control, 0644, teach_sysctl_congestion),
	TEACH_SYSCTL_NAMES(available_congestion_control, 0444,
			   teach_sysctl_available),
	TEACH_SYSCTL_NAMES(allowed_congestion_control, 0644,
			   teach_sysctl_allowed),
	TEACH_SYSCTL_PAGES(mem, teach_sysctl_mem),
	TEACH_SYSCTL_PAGES(dgram_mem, teach_dgram_mem),
	TEACH_SYSCTL(notsent_lowat, 1, proc_douintvec, NULL, NULL),
	TEACH_SYSCTL(pacing_ss_ratio, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     SYSCTL_ONE_THOUSAND),
	TEACH_SYSCTL(pacing_ca_ratio, 1, proc_dointvec_minmax, SYSCTL_ZERO,
		     SYSCTL_ONE_THOUSAND),
	TEACH_SYSCTL(stdurg, 1, proc_dointvec, NULL, NULL),
	TEACH_SYSCTL(rmem, 3, proc_dointvec_minmax, SYSCTL_ONE, NULL),
	TEACH_SYSCTL(wmem, 3, proc_dointvec_minmax, SYSCTL_ONE, NULL),
	{}
};

static const struct teach_sysctl teach_sysctl_defaults = {
	.syn_retries		= 6,
	.synack_retries		= 5,
	.syncookies		= 1,
	.mtu_probing		= 0,
	.base_mss		= 1024,
	.min_snd_mss		= TEACH_MSS_MIN,
	.mtu_probe_floor	= TEACH_MSS_MIN,
	.probe_interval		= 600,
	.probe_threshold	= 8,
	.retries1		= 3,
	.retries2		= 15,
	.orphan_retries		= 0,
	.keepalive_time		= 7200 * HZ,
	.keepalive_intvl	= 75 * HZ,
	.keepalive_probes	= 9,
	.fin_timeout		= TEACH_TIMEWAIT_LEN,
	.max_syn_backlog	= 1024,
	.max_tw_buckets		= 131072,
	.timewait_reuse		= 2,
	.rfc1337		= 0,
	.abort_on_overflow	= 0,
	.slow_start_after_idle	= 1,
	.invalid_ratelimit	= HZ / 2,
	.limit_output_bytes	= 16 * 65536,
	.challenge_ack_limit	= INT_MAX,
	.timestamps		= 1,
	.window_scaling		= 1,
	.sack			= 1,
	.dsack			= 1,
	.frto			= 2,
	.ecn			= 2,
	.moderate_rcvbuf	= 1,
	.notsent_lowat		= UINT_MAX,
	.pacing_ss_ratio	= 200,
	.pacing_ca_ratio	= 120,
	.stdurg			= 0,
	.rmem			= { 4096, 131072, 6291456 },
	.wmem			= { 4096, 16384, 4194304 },
};

int teach_sysctl_init(struct teach_net *tn)
{
	struct ctl_table *table;
	int i;

	tn->sysctl = teach_sysctl_defaults;
	tn->sysctl.max_orphans = teach_max_orphans();
	table = kmemdup(teach_sysctl_template, sizeof(teach_sysctl_template),
			GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(teach_sysctl_template) - 1; i++) {
		table[i].data = (u8 *)&tn->sysctl +
				(unsigned long)table[i].data;
		/* These are one for all; as in Linux. */
		if ((table[i].proc_handler == teach_sysctl_allowed ||
		     table[i].proc_handler == teach_sysctl_pages) &&
		    tn->net != &init_net)
			table[i].mode = 0444;
	}

	tn->sysctl_header =
		register_net_sysctl_sz(tn->net, "net/teach", table,
				       ARRAY_SIZE(teach_sysctl_template) - 1);
	if (!tn->sysctl_header) {
		kfree(table);
		return -ENOMEM;
	}
	tn->sysctl_table = table;
	return 0;
}

void teach_sysctl_exit(struct teach_net *tn)
{
	unregister_net_sysctl_table(tn->sysctl_header);
	kfree(tn->sysctl_table);
}
