// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_INFO: what a connection can say of itself, as ss(8) shows it.
 *
 * The structure is the newest kernel's, on an older one too.  A field that
 * stays 0 belongs to what there is not: Fast Open, Accurate ECN, and the
 * forward ACKs that Linux has given up, too.
 */
#include "teach.h"

static u64 teach_jiffies_to_us(u32 time)
{
	return (u64)jiffies_to_msecs(time) * USEC_PER_MSEC;
}

u32 teach_ms_since(u32 stamp)
{
	return jiffies_to_msecs((u32)jiffies - stamp);
}

static u64 teach_info_rate(unsigned long rate)
{
	return rate == ~0UL ? ~0ULL : rate;
}

/* What the SYNs have agreed on. */
static void teach_info_terms(const struct teach_sock *ts, struct tcp_info *info)
{
	const struct teach_terms *terms = &ts->terms;

	if (terms->timestamps) {
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
		/* So many bytes are left of a segment, as in snd_mss. */
		info->tcpi_advmss -= TEACH_ALIGNED_TIMESTAMPS_LEN;
	}
	if (terms->sack)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (terms->ecn)
		info->tcpi_options |= TCPI_OPT_ECN;
	if (ts->ecn_seen)
		info->tcpi_options |= TCPI_OPT_ECN_SEEN;
	if (terms->wscale) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = terms->snd_wscale;
		info->tcpi_rcv_wscale = terms->rcv_wscale;
	}
}

static void teach_info_sizes(const struct teach_sock *ts, struct tcp_info *info)
{
	info->tcpi_snd_mss = ts->mss_cache;
	info->tcpi_rcv_mss = ts->rcv_mss;
	info->tcpi_advmss = ts->advmss;
	info->tcpi_pmtu = ts->pmtu;
}

static void teach_info_times(const struct teach_sock *ts, struct tcp_info *info)
{
	u32 busy = teach_limit_time(ts, TEACH_LIMIT_BUSY);
	u32 rwnd = teach_limit_time(ts, TEACH_LIMIT_RWND);
	u32 sndbuf = teach_limit_time(ts, TEACH_LIMIT_SNDBUF);

	info->tcpi_rto = jiffies_to_usecs(teach_rto(ts));
	info->tcpi_ato = jiffies_to_usecs(ts->ato);
	info->tcpi_rtt = ts->srtt_us >> 3;
	info->tcpi_rttvar = ts->rttvar_us >> 2;
	info->tcpi_min_rtt = ts->min_rtt_us ? : ~0U;
	info->tcpi_last_data_sent = teach_ms_since(ts->last_sent);
	info->tcpi_last_data_recv = teach_ms_since(ts->last_data_rcv);
	info->tcpi_last_ack_recv = teach_ms_since(ts->last_ack_rcv);
	info->tcpi_rwnd_limited = teach_jiffies_to_us(rwnd);
	info->tcpi_sndbuf_limited = teach_jiffies_to_us(sndbuf);
	info->tcpi_busy_time = teach_jiffies_to_us(busy + rwnd + sndbuf);
}

static void teach_info_sending(const struct teach_sock *ts,
			       struct tcp_info *info)
{
	info->tcpi_ca_state = ts->recovery;
	info->tcpi_retransmits = ts->retransmits;
	info->tcpi_probes = ts->probes_out;
	info->tcpi_backoff = ts->backoff;
	info->tcpi_unacked = ts->packets_out;
	info->tcpi_sacked = ts->sacked_out;
	info->tcpi_lost = ts->lost_out;
	info->tcpi_retrans = ts->retrans_out;
	info->tcpi_snd_ssthresh = ts->ssthresh;
	info->tcpi_total_retrans = ts->total_retrans;
	info->tcpi_bytes_acked = ts->bytes_acked;
	info->tcpi_bytes_sent = ts->stats.bytes_sent;
	info->tcpi_bytes_retrans = ts->stats.bytes_retrans;
	info->tcpi_segs_out = ts->stats.segs_out;
	info->tcpi_data_segs_out = ts->stats.data_segs_out;
	info->tcpi_notsent_bytes = ts->write_seq - ts->snd_nxt;
	info->tcpi_delivery_rate = teach_delivery_rate(ts);
	info->tcpi_delivery_rate_app_limited = ts->rate_app_limited;
	info->tcpi_delivered = ts->delivered;
	info->tcpi_delivered_ce = ts->stats.delivered_ce;
	info->tcpi_dsack_dups = ts->dsacks;
	info->tcpi_reord_seen = ts->reord_seen;
	info->tcpi_snd_wnd = ts->snd_wnd;
}

static void teach_info_receiving(const struct sock *sk, struct tcp_info *info)
{
	const struct teach_sock *ts = teach_sk(sk);

	info->tcpi_rcv_ssthresh = min_t(u32, ts->window_clamp,
					teach_rcv_space_max(sk));
	info->tcpi_rcv_rtt = ts->rcv_rtt_us >> 3;
	info->tcpi_rcv_space = ts->rcvq_space;
	info->tcpi_bytes_received = ts->stats.bytes_received;
	info->tcpi_segs_in = ts->stats.segs_in;
	info->tcpi_data_segs_in = ts->stats.data_segs_in;
	info->tcpi_rcv_ooopack = ts->stats.out_of_order;
}

static void teach_info_newer(const struct teach_sock *ts,
			     union teach_tcp_info *info)
{
	info->rcv_wnd = max_t(s32, teach_rcv_wnd_end(ts) - ts->rcv_nxt, 0);
	info->total_rto = ts->stats.timeouts;
	info->total_rto_recoveries = ts->stats.recoveries;
	info->total_rto_time = ts->stats.rto_ms;
	if (ts->rto_stamp)
		info->total_rto_time += teach_ms_since(ts->rto_stamp);
	info->received_ce = ts->stats.received_ce;
	info->ecn_mode = ts->terms.ecn;
}

/**
 * teach_get_info - TCP_INFO
 * @sk: the socket, locked
 * @all: filled
 */
void teach_get_info(struct sock *sk, union teach_tcp_info *all)
{
	const struct teach_sock *ts = teach_sk(sk);
	struct tcp_info *info = &all->info;

	memset(all, 0, sizeof(*all));
	info->tcpi_state = sk->sk_state;
	info->tcpi_snd_cwnd = ts->cwnd;
	info->tcpi_reordering = TEACH_DUPTHRESH;
	info->tcpi_pacing_rate = teach_info_rate(READ_ONCE(sk->sk_pacing_rate));
	info->tcpi_max_pacing_rate =
		teach_info_rate(READ_ONCE(sk->sk_max_pacing_rate));
	if (sk->sk_state == TCP_LISTEN) {
		/* As Linux: the accept queue, and how long it may be. */
		info->tcpi_unacked = READ_ONCE(sk->sk_ack_backlog);
		info->tcpi_sacked = READ_ONCE(sk->sk_max_ack_backlog);
		return;
	}
	teach_info_sizes(ts, info);
	/* Until then they are only what we offer. */
	if (sk->sk_state != TCP_SYN_SENT)
		teach_info_terms(ts, info);
	teach_info_times(ts, info);
	teach_info_sending(ts, info);
	teach_info_receiving(sk, info);
	teach_info_newer(ts, all);
}
