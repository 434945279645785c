// SPDX-License-Identifier: GPL-2.0
/*
 * The options of the header (RFC 9293 3.2): read with every length checked,
 * and written.
 *
 *	kind 0			end of the list
 *	kind 1			no operation
 *	kind, length, data…	length counts all three
 */
#include <linux/tcp.h>

#include "teach.h"

#define TEACH_OPT_END		0
#define TEACH_OPT_NOP		1
#define TEACH_OPT_MSS		2
#define TEACH_OPTLEN_MSS	4

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

	memset(opt, 0, sizeof(*opt));

	while (left > 0) {
		u8 len;

		if (ptr[0] == TEACH_OPT_END)
			return;
		if (ptr[0] == TEACH_OPT_NOP) {
			ptr++;
			left--;
			continue;
		}
		if (left < 2 || ptr[1] < 2 || ptr[1] > left)
			return;
		len = ptr[1];

		/* RFC 9293 3.7.1: only in a SYN. */
		if (ptr[0] == TEACH_OPT_MSS && len == TEACH_OPTLEN_MSS &&
		    th->syn)
			opt->mss = get_unaligned_be16(ptr + 2);

		ptr += len;
		left -= len;
	}
}

/**
 * teach_options_write - write the options of a segment
 * @ptr: behind the fixed header, or NULL to learn the length
 * @flags: the segment's; a SYN carries options
 * @mss: the MSS to offer
 *
 * Return: how many bytes, a multiple of four.
 */
unsigned int teach_options_write(u8 *ptr, u8 flags, u16 mss)
{
	if (!(flags & TEACH_SYN))
		return 0;
	if (ptr) {
		ptr[0] = TEACH_OPT_MSS;
		ptr[1] = TEACH_OPTLEN_MSS;
		put_unaligned_be16(mss, ptr + 2);
	}
	return TEACH_OPTLEN_MSS;
}
