// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_INFO: what tcpinfo.h declares.
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "tcpinfo.h"

struct field {
	const char *name;
	unsigned int offset, size;
};

#define F(name) { #name, offsetof(struct tcp_info, tcpi_##name),	\
		  sizeof(((struct tcp_info *)0)->tcpi_##name) }

static const struct field fields[] = {
	F(state), F(ca_state), F(retransmits), F(probes), F(backoff),
	F(options), F(rto), F(ato), F(snd_mss), F(rcv_mss), F(unacked),
	F(sacked), F(lost), F(retrans), F(last_data_sent),
	F(last_data_recv), F(last_ack_recv), F(pmtu), F(rcv_ssthresh),
	F(rtt), F(rttvar), F(snd_ssthresh), F(snd_cwnd), F(advmss),
	F(reordering), F(rcv_rtt), F(rcv_space), F(total_retrans),
	F(pacing_rate), F(max_pacing_rate), F(bytes_acked),
	F(bytes_received), F(segs_out), F(segs_in), F(notsent_bytes),
	F(min_rtt), F(data_segs_in), F(data_segs_out), F(delivery_rate),
	F(busy_time), F(rwnd_limited), F(sndbuf_limited), F(delivered),
	F(delivered_ce), F(bytes_sent), F(bytes_retrans), F(dsack_dups),
	F(reord_seen), F(rcv_ooopack), F(snd_wnd),
	/* Newer ones, which the header may lack. */
	{ "rcv_wnd", 232, 4 }, { "total_rto", 240, 2 },
	{ "total_rto_recoveries", 242, 2 }, { "total_rto_time", 244, 4 },
	{ "received_ce", 248, 4 },
};

/* That of Linux 7.0, even on an older kernel. */
const size_t tcpinfo_size = sizeof(struct tcp_info) > 280 ?
			    sizeof(struct tcp_info) : 280;

/* An older kernel fills less; the rest is zero then. */
int tcpinfo_read(int fd, struct tcpinfo *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len);
}

/* Those that have only bits. */
static bool bit_field(const struct tcp_info *info, const char *name,
		      long long *value)
{
	if (!strcmp(name, "snd_wscale"))
		*value = info->tcpi_snd_wscale;
	else if (!strcmp(name, "rcv_wscale"))
		*value = info->tcpi_rcv_wscale;
	else if (!strcmp(name, "delivery_rate_app_limited"))
		*value = info->tcpi_delivery_rate_app_limited;
	else
		return false;
	return true;
}

/* Return: false when there is no field of this name. */
bool tcpinfo_field(const struct tcpinfo *info, const char *name,
		   long long *value)
{
	const struct field *f;
	const void *p;

	if (bit_field((const void *)info, name, value))
		return true;
	for (f = fields; f < fields + sizeof(fields) / sizeof(*f); f++) {
		if (strcmp(f->name, name))
			continue;
		p = (const char *)info + f->offset;
		*value = f->size == 1 ? *(const __u8 *)p :
			 f->size == 2 ? *(const __u16 *)p :
			 f->size == 4 ? *(const __u32 *)p :
			 (long long)*(const __u64 *)p;
		return true;
	}
	return false;
}
