// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets as JSON: all numbers as the kernel has them, times in the units of
 * their names' structures (TCP_INFO: mostly microseconds).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "json.h"
#include "processes.h"
#include "ss.h"
#include "tool.h"

#define F(name) { #name, offsetof(struct tcp_info, tcpi_##name),	\
		  sizeof(((struct tcp_info *)0)->tcpi_##name) }

static const struct {
	const char *name;
	unsigned int offset, size;
} fields[] = {
	F(ca_state), F(retransmits), F(probes), F(backoff), F(options), F(rto),
	F(ato), F(snd_mss), F(rcv_mss), F(unacked), F(sacked), F(lost),
	F(retrans), F(last_data_sent), F(last_data_recv), F(last_ack_recv),
	F(pmtu), F(rcv_ssthresh), F(rtt), F(rttvar), F(snd_ssthresh),
	F(snd_cwnd), F(advmss), F(reordering), F(rcv_rtt), F(rcv_space),
	F(total_retrans), F(pacing_rate), F(max_pacing_rate), F(bytes_acked),
	F(bytes_received), F(segs_out), F(segs_in), F(notsent_bytes),
	F(min_rtt), F(data_segs_in), F(data_segs_out), F(delivery_rate),
	F(busy_time), F(rwnd_limited), F(sndbuf_limited), F(delivered),
	F(delivered_ce), F(bytes_sent), F(bytes_retrans), F(dsack_dups),
	F(reord_seen), F(rcv_ooopack), F(snd_wnd),
};

static uint64_t field_value(const struct tcp_info *info, size_t i)
{
	const char *at = (const char *)info + fields[i].offset;
	uint64_t wide;
	uint32_t word;

	switch (fields[i].size) {
	case sizeof(wide):
		memcpy(&wide, at, sizeof(wide));
		return wide;
	case sizeof(word):
		memcpy(&word, at, sizeof(word));
		return word;
	default:
		return *(const uint8_t *)at;
	}
}

static void write_info(const struct sock_row *row)
{
	const struct tcp_info *t = &row->info;
	size_t i;

	json_string("cong", row->cong);
	json_open("info", '{');
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		json_number(fields[i].name, field_value(t, i));
	json_number("snd_wscale", t->tcpi_snd_wscale);
	json_number("rcv_wscale", t->tcpi_rcv_wscale);
	json_number("app_limited", t->tcpi_delivery_rate_app_limited);
	json_close('}');
}

static void write_memory(const struct sock_row *row)
{
	static const char * const names[] = {
		[SK_MEMINFO_RMEM_ALLOC] = "rmem_alloc",
		[SK_MEMINFO_RCVBUF] = "rcvbuf",
		[SK_MEMINFO_WMEM_ALLOC] = "wmem_alloc",
		[SK_MEMINFO_SNDBUF] = "sndbuf",
		[SK_MEMINFO_FWD_ALLOC] = "fwd_alloc",
		[SK_MEMINFO_WMEM_QUEUED] = "wmem_queued",
		[SK_MEMINFO_OPTMEM] = "optmem",
		[SK_MEMINFO_BACKLOG] = "backlog",
		[SK_MEMINFO_DROPS] = "drops",
	};
	unsigned int i;

	json_open("skmem", '{');
	for (i = 0; i < row->skmem_count && i < ARRAY_SIZE(names); i++)
		json_number(names[i], row->skmem[i]);
	json_close('}');
}

static void write_processes(const struct sock_row *row)
{
	const struct holder *h = NULL;

	json_open("processes", '[');
	while (row->msg.idiag_inode &&
	       (h = processes_next(row->msg.idiag_inode, h))) {
		json_open(NULL, '{');
		json_string("name", h->name);
		json_number("pid", h->pid);
		json_number("fd", h->fd);
		json_close('}');
	}
	json_close(']');
}

static void write_end(const char *name, uint32_t address, uint16_t port)
{
	char ip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, ip, sizeof(ip));
	json_open(name, '{');
	json_string("address", ip);
	json_number("port", ntohs(port));
	json_close('}');
}

static void write_timer(const struct sock_row *row)
{
	if (!ss_timer(row))
		return;
	json_open("timer", '{');
	json_string("name", ss_timer(row));
	json_number("expires_ms", row->msg.idiag_expires);
	json_number("retrans", row->msg.idiag_retrans);
	json_close('}');
}

static void write_extended(const struct sock_row *row)
{
	const uint32_t *cookie = row->msg.id.idiag_cookie;

	json_number("uid", row->msg.idiag_uid);
	json_number("inode", row->msg.idiag_inode);
	if ((cookie[0] & cookie[1]) != INET_DIAG_NOCOOKIE)
		json_number("cookie", (uint64_t)cookie[1] << 32 | cookie[0]);
	json_number("mark", row->mark);
	json_number("tos", row->tos);
	json_number("shutdown", row->shutdown);
}

void ss_json_row(const struct ss_columns *columns, const struct sock_row *row)
{
	const struct inet_diag_sockid *id = &row->msg.id;

	json_open(NULL, '{');
	json_string("netid", ss_netid(row));
	json_number("protocol", row->proto);
	json_string("state", ss_state(row));
	json_number("recv_q", row->msg.idiag_rqueue);
	json_number("send_q", row->msg.idiag_wqueue);
	write_end("local", id->idiag_src[0], id->idiag_sport);
	write_end("peer", id->idiag_dst[0], id->idiag_dport);
	json_number("ifindex", id->idiag_if);
	if (columns->timer)
		write_timer(row);
	if (columns->extended)
		write_extended(row);
	if (columns->memory && row->skmem_count)
		write_memory(row);
	if (columns->info && row->info_len)
		write_info(row);
	if (columns->processes)
		write_processes(row);
	json_close('}');
}
