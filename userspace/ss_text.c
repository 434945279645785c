// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets as lines of text, with the columns and words of ss(8).
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include <teach.h>

#include "processes.h"
#include "ss.h"
#include "tool.h"

#define SSTHRESH_NONE	0x7fffffff

const char *ss_netid(const struct sock_row *row)
{
	switch (row->proto) {
	case IPPROTO_TEACH:
		return "teach";
	case IPPROTO_TEACH_DGRAM:
		return "dgram";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	default:
		return "?";
	}
}

const char *ss_state(const struct sock_row *row)
{
	const char *name = state_name(row->msg.idiag_state);

	if (!is_stream(row->proto) &&
	    (int)row->msg.idiag_state == state_by_name("CLOSE"))
		return "UNCONN";
	return name;
}

/* What it waits for, or NULL. */
const char *ss_timer(const struct sock_row *row)
{
	static const char * const names[] = {
		NULL, "on", "keepalive", "timewait", "persist", "delack",
	};

	if (row->msg.idiag_timer >= ARRAY_SIZE(names))
		return "unknown";
	return names[row->msg.idiag_timer];
}

/*
 * ---- The line ----
 */

void ss_text_header(const struct ss_columns *columns)
{
	if (columns->no_header)
		return;
	printf("%-5s %-11s %6s %6s %21s %21s%s\n", "Netid", "State", "Recv-Q",
	       "Send-Q", "Local Address:Port", "Peer Address:Port",
	       columns->processes ? " Process" : "");
}

/* "10.0.0.1:80"; port 0 is any port, a device is that of SO_BINDTODEVICE. */
static void print_end(uint32_t address, uint16_t port, unsigned int ifindex)
{
	char text[64], ip[INET_ADDRSTRLEN], device[IF_NAMESIZE + 1] = "";
	char number[8] = "*";

	inet_ntop(AF_INET, &address, ip, sizeof(ip));
	if (ifindex) {
		device[0] = '%';
		if (!if_indextoname(ifindex, device + 1))
			snprintf(device, sizeof(device), "%%if%u", ifindex);
	}
	if (port)
		snprintf(number, sizeof(number), "%u", ntohs(port));
	snprintf(text, sizeof(text), "%s%s:%s", ip, device, number);
	printf(" %21s", text);
}

/* "200ms", "1.500sec", "119min": the longer, the less exact. */
static void print_time(uint32_t ms)
{
	uint32_t seconds = ms / 1000, minutes = seconds / 60;

	if (minutes > 9)
		printf("%umin", minutes);
	else if (minutes)
		printf("%umin%usec", minutes, seconds % 60);
	else if (seconds > 9)
		printf("%usec", seconds);
	else if (seconds)
		printf("%u.%03usec", seconds, ms % 1000);
	else
		printf("%ums", ms);
}

static void print_timer(const struct sock_row *row)
{
	const char *name = ss_timer(row);

	if (!name)
		return;
	printf(" timer:(%s,", name);
	print_time(row->msg.idiag_expires);
	printf(",%u)", row->msg.idiag_retrans);
}

static void print_extended(const struct sock_row *row)
{
	const uint32_t *cookie = row->msg.id.idiag_cookie;

	if (row->msg.idiag_inode || row->msg.idiag_uid)
		printf(" uid:%u", row->msg.idiag_uid);
	printf(" ino:%u", row->msg.idiag_inode);
	if ((cookie[0] & cookie[1]) != INET_DIAG_NOCOOKIE)
		printf(" sk:%llx",
		       (unsigned long long)cookie[1] << 32 | cookie[0]);
	if (row->mark)
		printf(" fwmark:0x%x", row->mark);
	if (row->tos)
		printf(" tos:%#x", row->tos);
	printf(" %c-%c", row->shutdown & 1 ? '-' : '<',
	       row->shutdown & 2 ? '-' : '>');
}

static void print_processes(const struct sock_row *row)
{
	const struct holder *h = NULL;
	const char *before = " users:(";

	if (!row->msg.idiag_inode)
		return;
	while ((h = processes_next(row->msg.idiag_inode, h))) {
		printf("%s(\"%s\",pid=%d,fd=%d)", before, h->name, h->pid,
		       h->fd);
		before = ",";
	}
	if (*before == ',')
		putchar(')');
}

/*
 * ---- What is below it ----
 */

static void print_memory(const struct sock_row *row)
{
	static const char * const names[] = {
		[SK_MEMINFO_RMEM_ALLOC] = "r", [SK_MEMINFO_RCVBUF] = "rb",
		[SK_MEMINFO_WMEM_ALLOC] = "t", [SK_MEMINFO_SNDBUF] = "tb",
		[SK_MEMINFO_FWD_ALLOC] = "f", [SK_MEMINFO_WMEM_QUEUED] = "w",
		[SK_MEMINFO_OPTMEM] = "o", [SK_MEMINFO_BACKLOG] = "bl",
		[SK_MEMINFO_DROPS] = "d",
	};
	unsigned int i;

	if (!row->skmem_count)
		return;
	printf(" skmem:(");
	for (i = 0; i < row->skmem_count && i < ARRAY_SIZE(names); i++)
		printf("%s%s%u", i ? "," : "", names[i], row->skmem[i]);
	putchar(')');
}

static bool numeric;

/* Bits in a second. */
static void print_rate(const char *name, double bits)
{
	if (numeric || bits <= 1000)
		printf(" %s %.0fbps", name, bits);
	else if (bits > 1e9)
		printf(" %s %.1fGbps", name, bits / 1e9);
	else if (bits > 1e6)
		printf(" %s %.1fMbps", name, bits / 1e6);
	else
		printf(" %s %.1fKbps", name, bits / 1e3);
}

static void print_count(const char *name, unsigned long long value)
{
	if (value)
		printf(" %s:%llu", name, value);
}

static void print_terms(const struct tcp_info *t, const char *cong)
{
	if (t->tcpi_options & TCPI_OPT_TIMESTAMPS)
		printf(" ts");
	if (t->tcpi_options & TCPI_OPT_SACK)
		printf(" sack");
	if (t->tcpi_options & TCPI_OPT_ECN)
		printf(" ecn");
	if (t->tcpi_options & TCPI_OPT_ECN_SEEN)
		printf(" ecnseen");
	printf(" %s", cong);
	if (t->tcpi_options & TCPI_OPT_WSCALE)
		printf(" wscale:%d,%d", t->tcpi_snd_wscale,
		       t->tcpi_rcv_wscale);
}

static void print_times(const struct tcp_info *t)
{
	if (t->tcpi_rto)
		printf(" rto:%g", t->tcpi_rto / 1000.);
	print_count("backoff", t->tcpi_backoff);
	if (t->tcpi_rtt)
		printf(" rtt:%g/%g", t->tcpi_rtt / 1000.,
		       t->tcpi_rttvar / 1000.);
	if (t->tcpi_ato)
		printf(" ato:%g", t->tcpi_ato / 1000.);
}

static void print_sizes(const struct tcp_info *t)
{
	print_count("mss", t->tcpi_snd_mss);
	print_count("pmtu", t->tcpi_pmtu);
	print_count("rcvmss", t->tcpi_rcv_mss);
	print_count("advmss", t->tcpi_advmss);
	print_count("cwnd", t->tcpi_snd_cwnd);
	if (t->tcpi_snd_ssthresh < SSTHRESH_NONE)
		print_count("ssthresh", t->tcpi_snd_ssthresh);
}

static void print_sums(const struct tcp_info *t)
{
	print_count("bytes_sent", t->tcpi_bytes_sent);
	print_count("bytes_retrans", t->tcpi_bytes_retrans);
	print_count("bytes_acked", t->tcpi_bytes_acked);
	print_count("bytes_received", t->tcpi_bytes_received);
	print_count("segs_out", t->tcpi_segs_out);
	print_count("segs_in", t->tcpi_segs_in);
	print_count("data_segs_out", t->tcpi_data_segs_out);
	print_count("data_segs_in", t->tcpi_data_segs_in);
}

/* A window in a round trip is how fast it can send. */
static void print_rates(const struct tcp_info *t)
{
	if (t->tcpi_rtt && t->tcpi_snd_mss && t->tcpi_snd_cwnd)
		print_rate("send", 8e6 * t->tcpi_snd_mss * t->tcpi_snd_cwnd /
				   t->tcpi_rtt);
	print_count("lastsnd", t->tcpi_last_data_sent);
	print_count("lastrcv", t->tcpi_last_data_recv);
	print_count("lastack", t->tcpi_last_ack_recv);
	if (t->tcpi_pacing_rate && t->tcpi_pacing_rate != UINT64_MAX)
		print_rate("pacing_rate", 8. * t->tcpi_pacing_rate);
	if (t->tcpi_delivery_rate)
		print_rate("delivery_rate", 8. * t->tcpi_delivery_rate);
	print_count("delivered", t->tcpi_delivered);
	print_count("delivered_ce", t->tcpi_delivered_ce);
	if (t->tcpi_delivery_rate_app_limited)
		printf(" app_limited");
}

static void print_limit(const char *name, unsigned long long us, double busy)
{
	if (us)
		printf(" %s:%llums(%.1f%%)", name, us / 1000, 100 * us / busy);
}

static void print_limits(const struct tcp_info *t)
{
	if (!t->tcpi_busy_time)
		return;
	printf(" busy:%llums", (unsigned long long)t->tcpi_busy_time / 1000);
	print_limit("rwnd_limited", t->tcpi_rwnd_limited, t->tcpi_busy_time);
	print_limit("sndbuf_limited", t->tcpi_sndbuf_limited,
		    t->tcpi_busy_time);
}

static void print_losses(const struct tcp_info *t)
{
	print_count("unacked", t->tcpi_unacked);
	if (t->tcpi_retrans || t->tcpi_total_retrans)
		printf(" retrans:%u/%u", t->tcpi_retrans,
		       t->tcpi_total_retrans);
	print_count("lost", t->tcpi_lost);
	print_count("sacked", t->tcpi_sacked);
	print_count("dsack_dups", t->tcpi_dsack_dups);
	if (t->tcpi_reordering != 3)
		print_count("reordering", t->tcpi_reordering);
	print_count("reord_seen", t->tcpi_reord_seen);
}

static void print_receiving(const struct tcp_info *t)
{
	if (t->tcpi_rcv_rtt)
		printf(" rcv_rtt:%g", t->tcpi_rcv_rtt / 1000.);
	print_count("rcv_space", t->tcpi_rcv_space);
	print_count("rcv_ssthresh", t->tcpi_rcv_ssthresh);
	print_count("notsent", t->tcpi_notsent_bytes);
	if (t->tcpi_min_rtt && t->tcpi_min_rtt != UINT32_MAX)
		printf(" minrtt:%g", t->tcpi_min_rtt / 1000.);
	print_count("rcv_ooopack", t->tcpi_rcv_ooopack);
	print_count("snd_wnd", t->tcpi_snd_wnd);
}

static void print_info(const struct sock_row *row)
{
	const struct tcp_info *t = &row->info;

	if (!row->info_len)
		return;
	print_terms(t, row->cong);
	print_times(t);
	print_sizes(t);
	/* Of a listener the next fields are its queue, which is shown. */
	if ((int)row->msg.idiag_state == state_by_name("LISTEN"))
		return;
	print_sums(t);
	print_rates(t);
	print_limits(t);
	print_losses(t);
	print_receiving(t);
}

void ss_text_row(const struct ss_columns *columns, const struct sock_row *row)
{
	const struct inet_diag_sockid *id = &row->msg.id;

	numeric = columns->numeric;
	printf("%-5s %-11s %6u %6u", ss_netid(row), ss_state(row),
	       row->msg.idiag_rqueue, row->msg.idiag_wqueue);
	print_end(id->idiag_src[0], id->idiag_sport, id->idiag_if);
	print_end(id->idiag_dst[0], id->idiag_dport, 0);
	if (columns->processes)
		print_processes(row);
	if (columns->timer)
		print_timer(row);
	if (columns->extended)
		print_extended(row);
	if ((columns->memory && row->skmem_count) ||
	    (columns->info && row->info_len))
		printf("\n\t");
	if (columns->memory)
		print_memory(row);
	if (columns->info)
		print_info(row);
	putchar('\n');
}
