// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_INFO, by the names that tcp_info's fields have without "tcpi_".
 *
 * The structure is the kernel's own, because that of the C library ends
 * early; the two headers cannot be included together.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "conformance.h"

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
};

/* As in net/tcp_states.h, and the states of congestion control. */
static const char * const states[] = {
	"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
	"TIME_WAIT", "CLOSED", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
};

static const char * const ca_states[] = {
	"open", "disorder", "cwr", "recovery", "loss",
};

static bool state_number(const char *word, long long *number)
{
	for (*number = 1; *number < (int)ARRAY_SIZE(states); ++*number)
		if (!strcmp(word, states[*number]))
			return true;
	for (*number = 0; *number < (int)ARRAY_SIZE(ca_states); ++*number)
		if (!strcmp(word, ca_states[*number]))
			return true;
	return false;
}

static bool field_get(const struct tcp_info *info, const char *name,
		      long long *number)
{
	const __u8 *p = (const __u8 *)info;
	unsigned int i;

	/* Two that have only bits. */
	if (!strcmp(name, "snd_wscale")) {
		*number = info->tcpi_snd_wscale;
		return true;
	}
	if (!strcmp(name, "rcv_wscale")) {
		*number = info->tcpi_rcv_wscale;
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].name, name))
			continue;
		p += fields[i].offset;
		*number = fields[i].size == 1 ? *p :
			  fields[i].size == 4 ? *(const __u32 *)p :
			  (long long)*(const __u64 *)p;
		return true;
	}
	return false;
}

static bool holds(long long got, const char *op, long long want)
{
	if (!strcmp(op, "=="))
		return got == want;
	if (!strcmp(op, "!="))
		return got != want;
	if (!strcmp(op, "<"))
		return got < want;
	if (!strcmp(op, "<="))
		return got <= want;
	if (!strcmp(op, ">"))
		return got > want;
	if (!strcmp(op, ">="))
		return got >= want;
	return false;
}

/* "snd_cwnd == 10" */
bool info_check(int fd, char *condition, char *why, size_t size)
{
	const char *name = next_word(&condition), *op, *value;
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	long long got, want;

	op = next_word(&condition);
	value = next_word(&condition);
	if (!value || next_word(&condition) ||
	    (!number_parse(value, &want) && !state_number(value, &want))) {
		snprintf(why, size, "bad condition");
		return false;
	}
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len)) {
		snprintf(why, size, "TCP_INFO: %s", error_name(errno));
		return false;
	}
	if (!field_get(&info, name, &got)) {
		snprintf(why, size, "no field '%s'", name);
		return false;
	}
	if (holds(got, op, want))
		return true;
	snprintf(why, size, "%s is %lld", name, got);
	return false;
}
