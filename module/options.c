// SPDX-License-Identifier: GPL-2.0
/*
 * The options of the header (RFC 9293 3.2): read with every length checked,
 * written in Linux's order and padding, and what two SYNs agree on by them.
 *
 *	kind 0			end of the list
 *	kind 1			no operation
 *	kind, length, data…	length counts all three
 *
 *	SYN:	MSS, SACK-permitted, timestamps, window scale
 *	other:	timestamps, SACK
 */
#include <linux/log2.h>
#include <linux/tcp.h>

#include "teach.h"

#define TEACH_OPT_END		0
#define TEACH_OPT_NOP		1
#define TEACH_OPT_MSS		2	/* RFC 9293 3.7.1 */
#define TEACH_OPT_WSCALE	3	/* RFC 7323 2 */
#define TEACH_OPT_SACK_PERM	4	/* RFC 2018 2 */
#define TEACH_OPT_SACK		5	/* RFC 2018 3 */
#define TEACH_OPT_TIMESTAMPS	8	/* RFC 7323 3 */

#define TEACH_OPTLEN_MSS	4
#define TEACH_OPTLEN_WSCALE	3
#define TEACH_OPTLEN_SACK_PERM	2
#define TEACH_OPTLEN_SACK_BASE	2
#define TEACH_OPTLEN_SACK_BLOCK	8
#define TEACH_OPTLEN_TIMESTAMPS	10

#define TEACH_WSCALE_MAX	14	/* RFC 7323 2.3 */
#define TEACH_PAWS_24DAYS	(24 * 24 * 60 * 60)	/* RFC 7323 5.5 */

/* The four bytes that begin the timestamps of all but a SYN. */
#define TEACH_ALIGNED_TIMESTAMPS (TEACH_OPT_NOP << 24 | TEACH_OPT_NOP << 16 | \
				  TEACH_OPT_TIMESTAMPS << 8 |		      \
				  TEACH_OPTLEN_TIMESTAMPS)

/*
 * ---- Reading ----
 */

static void teach_parse_sack(const u8 *ptr, u8 len, struct teach_options *opt)
{
	u8 i, blocks = (len - TEACH_OPTLEN_SACK_BASE) / TEACH_OPTLEN_SACK_BLOCK;

	if (len != TEACH_OPTLEN_SACK_BASE + blocks * TEACH_OPTLEN_SACK_BLOCK)
		return;
	opt->sacks = min_t(u8, blocks, TEACH_SACKS_MAX);
	for (i = 0, ptr += TEACH_OPTLEN_SACK_BASE; i < opt->sacks; i++) {
		opt->sack[i].start = get_unaligned_be32(ptr);
		opt->sack[i].end = get_unaligned_be32(ptr + 4);
		ptr += TEACH_OPTLEN_SACK_BLOCK;
	}
}

/* One option; what is of the wrong length, or not for this segment, is not. */
static void teach_parse_option(const u8 *ptr, u8 len, bool syn,
			       struct teach_options *opt)
{
	switch (ptr[0]) {
	case TEACH_OPT_MSS:
		if (len == TEACH_OPTLEN_MSS && syn)
			opt->mss = get_unaligned_be16(ptr + 2);
		break;
	case TEACH_OPT_WSCALE:
		if (len == TEACH_OPTLEN_WSCALE && syn) {
			opt->has_wscale = true;
			opt->wscale = min_t(u8, ptr[2], TEACH_WSCALE_MAX);
		}
		break;
	case TEACH_OPT_SACK_PERM:
		if (len == TEACH_OPTLEN_SACK_PERM && syn)
			opt->sack_permitted = true;
		break;
	case TEACH_OPT_SACK:
		if (len > TEACH_OPTLEN_SACK_BASE && !syn)
			teach_parse_sack(ptr, len, opt);
		break;
	case TEACH_OPT_TIMESTAMPS:
		if (len == TEACH_OPTLEN_TIMESTAMPS) {
			opt->has_timestamps = true;
			opt->tsval = get_unaligned_be32(ptr + 2);
			opt->tsecr = get_unaligned_be32(ptr + 6);
		}
		break;
	}
}

/* Nearly every segment has nothing but timestamps, aligned by two NOPs. */
static bool teach_parse_aligned(const u8 *ptr, int left,
				struct teach_options *opt)
{
	if (left != TEACH_ALIGNED_TIMESTAMPS_LEN ||
	    get_unaligned_be32(ptr) != TEACH_ALIGNED_TIMESTAMPS)
		return false;
	opt->has_timestamps = true;
	opt->tsval = get_unaligned_be32(ptr + 4);
	opt->tsecr = get_unaligned_be32(ptr + 8);
	return true;
}

/**
 * teach_options_parse - read the options of a segment
 * @skb: the segment; its header is linear
 * @opt: what was found
 *
 * What is unknown is skipped, and behind what is malformed nothing is read:
 * RFC 9293 3.1, MUST-6 and MUST-7.
 */
void teach_options_parse(const struct sk_buff *skb, struct teach_options *opt)
{
	const struct tcphdr *th = tcp_hdr(skb);
	const u8 *ptr = (const u8 *)(th + 1);
	int left = th->doff * 4 - sizeof(*th);

	memset(opt, 0, offsetof(struct teach_options, sack));
	if (teach_parse_aligned(ptr, left, opt))
		return;

	while (left > 0) {
		if (ptr[0] == TEACH_OPT_END)
			return;
		if (ptr[0] == TEACH_OPT_NOP) {
			ptr++;
			left--;
			continue;
		}
		if (left < 2 || ptr[1] < 2 || ptr[1] > left)
			return;
		teach_parse_option(ptr, ptr[1], th->syn, opt);
		left -= ptr[1];
		ptr += ptr[1];
	}
}

/*
 * ---- Writing ----
 */

/**
 * teach_options_len - how many bytes the options will take
 * @opt: the options
 *
 * Return: bytes, a multiple of four, at most 40.
 */
unsigned int teach_options_len(const struct teach_options *opt)
{
	unsigned int len = 0;

	if (opt->mss)
		len += TEACH_OPTLEN_MSS;
	if (opt->has_timestamps)
		len += TEACH_ALIGNED_TIMESTAMPS_LEN;
	else if (opt->sack_permitted)
		len += 4;
	if (opt->has_wscale)
		len += 4;
	if (opt->sacks)
		len += 4 + opt->sacks * TEACH_OPTLEN_SACK_BLOCK;
	return len;
}

/**
 * teach_options_write - write the options of a segment
 * @ptr: behind the fixed header, with room for teach_options_len()
 * @opt: the options
 */
void teach_options_write(__be32 *ptr, const struct teach_options *opt)
{
	u8 i;

	if (opt->mss)
		*ptr++ = htonl(TEACH_OPT_MSS << 24 | TEACH_OPTLEN_MSS << 16 |
			       opt->mss);
	if (opt->has_timestamps) {
		/* SACK-permitted takes the place of the two NOPs. */
		*ptr++ = htonl(opt->sack_permitted ?
			       TEACH_OPT_SACK_PERM << 24 |
			       TEACH_OPTLEN_SACK_PERM << 16 |
			       (TEACH_ALIGNED_TIMESTAMPS & 0xffff) :
			       TEACH_ALIGNED_TIMESTAMPS);
		*ptr++ = htonl(opt->tsval);
		*ptr++ = htonl(opt->tsecr);
	} else if (opt->sack_permitted) {
		*ptr++ = htonl(TEACH_OPT_NOP << 24 | TEACH_OPT_NOP << 16 |
			       TEACH_OPT_SACK_PERM << 8 |
			       TEACH_OPTLEN_SACK_PERM);
	}
	if (opt->has_wscale)
		*ptr++ = htonl(TEACH_OPT_NOP << 24 | TEACH_OPT_WSCALE << 16 |
			       TEACH_OPTLEN_WSCALE << 8 | opt->wscale);
	if (!opt->sacks)
		return;
	*ptr++ = htonl(TEACH_OPT_NOP << 24 | TEACH_OPT_NOP << 16 |
		       TEACH_OPT_SACK << 8 |
		       (TEACH_OPTLEN_SACK_BASE +
			opt->sacks * TEACH_OPTLEN_SACK_BLOCK));
	for (i = 0; i < opt->sacks; i++) {
		*ptr++ = htonl(opt->sack[i].start);
		*ptr++ = htonl(opt->sack[i].end);
	}
}

/*
 * ---- What two SYNs agree on ----
 */

/* RFC 7323 2.3: so that the largest buffer we may get fits into 16 bits. */
static u8 teach_choose_wscale(const struct sock *sk)
{
	u32 space = teach_rcv_space_max(sk);

	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK))
		space = max_t(u32, READ_ONCE(teach_sk_net(sk)->sysctl.rmem[2]),
			      READ_ONCE(sysctl_rmem_max));
	return clamp_t(int, ilog2(max(space, 1U)) - 15, 0, TEACH_WSCALE_MAX);
}

/**
 * teach_terms_offer - what we are ready for
 * @sk: the socket that connects or listens
 * @t: the connection
 * @terms: filled
 */
void teach_terms_offer(const struct sock *sk, const struct teach_tuple *t,
		       struct teach_terms *terms)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;

	*terms = (struct teach_terms) {
		.timestamps	= READ_ONCE(sysctl->timestamps),
		.sack		= READ_ONCE(sysctl->sack),
		.wscale		= READ_ONCE(sysctl->window_scaling),
		.ecn		= teach_ecn_ask(sock_net(sk)),
		/* RFC 7323 5.4: the clock tells nobody how long we are up. */
		.ts_offset	= READ_ONCE(sysctl->timestamps) == 1 ?
				  teach_ts_offset(t) : 0,
	};
	if (terms->wscale)
		terms->rcv_wscale = teach_choose_wscale(sk);
}

/**
 * teach_terms_agree - the peer's SYN has come
 * @terms: what we offer; becomes what holds
 * @opt: the options of the SYN
 *
 * An option that not both have sent is not used.
 */
void teach_terms_agree(struct teach_terms *terms,
		       const struct teach_options *opt)
{
	terms->mss = max_t(u16, opt->mss ? : TEACH_MSS_DEFAULT, TEACH_MSS_MIN);
	terms->timestamps &= opt->has_timestamps;
	terms->sack &= opt->sack_permitted;
	terms->wscale &= opt->has_wscale;
	terms->snd_wscale = terms->wscale ? opt->wscale : 0;
	if (!terms->wscale)
		terms->rcv_wscale = 0;
	if (terms->timestamps)
		teach_ts_recent(terms, opt->tsval);
}

/**
 * teach_terms_apply - both SYNs are known
 * @sk: the socket, locked or not yet seen by others
 * @terms: what they agree on
 */
void teach_terms_apply(struct sock *sk, const struct teach_terms *terms)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->terms = *terms;
	ts->window_clamp = min_not_zero((u32)U16_MAX << terms->rcv_wscale,
					ts->user_clamp);
	ts->mss_clamp = terms->mss;
	if (ts->user_mss)
		ts->mss_clamp = min(ts->mss_clamp, ts->user_mss);
}

/**
 * teach_terms_options - the options of a SYN
 * @terms: what is offered or agreed on
 * @mss: the MSS that we offer
 * @opt: filled
 */
void teach_terms_options(const struct teach_terms *terms, u16 mss,
			 struct teach_options *opt)
{
	memset(opt, 0, offsetof(struct teach_options, sack));
	opt->mss = mss;
	opt->has_wscale = terms->wscale;
	opt->wscale = terms->rcv_wscale;
	opt->sack_permitted = terms->sack;
	teach_ts_options(terms, opt);
}

/*
 * ---- Timestamps: RFC 7323 ----
 */

/* Our clock, in milliseconds. */
u32 teach_ts_now(const struct teach_terms *terms)
{
	return div_u64(ktime_get_ns(), NSEC_PER_MSEC) + terms->ts_offset;
}

/* Ours goes out, the peer's goes back. */
void teach_ts_options(const struct teach_terms *terms,
		      struct teach_options *opt)
{
	opt->has_timestamps = terms->timestamps;
	if (!terms->timestamps)
		return;
	opt->tsval = teach_ts_now(terms);
	opt->tsecr = terms->ts_recent;
}

/* 4.3 (2): what we will send back from now on. */
void teach_ts_recent(struct teach_terms *terms, u32 tsval)
{
	terms->ts_recent = tsval;
	terms->ts_recent_stamp = ktime_get_seconds() ? : 1;
}

/**
 * teach_paws_ok - RFC 7323 5: is this segment not older than what we have?
 * @terms: of the connection
 * @opt: of the segment
 *
 * Like Linux we take one that is older by one tick: clocks of several CPUs
 * may differ.
 */
bool teach_paws_ok(const struct teach_terms *terms,
		   const struct teach_options *opt)
{
	if (!terms->timestamps || !opt->has_timestamps || !terms->ts_recent)
		return true;
	if ((s32)(terms->ts_recent - opt->tsval) <= 1)
		return true;
	/* 5.5: after so long an idle time its clock may have come round. */
	return (u32)ktime_get_seconds() - terms->ts_recent_stamp >
	       TEACH_PAWS_24DAYS;
}
