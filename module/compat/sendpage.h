/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 6.5: splice(2) and sendfile(2) bring pages with sendmsg() and
 * MSG_SPLICE_PAGES.  Before, each came alone, with sendpage().
 */
#ifndef _TEACH_COMPAT_SENDPAGE_H
#define _TEACH_COMPAT_SENDPAGE_H

#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/uio.h>

#include "../teach.h"

#ifdef TEACH_HAVE_SENDPAGE
static inline ssize_t teach_sendpage(struct socket *sock, struct page *page,
				     int offset, size_t size, int flags)
{
	struct bio_vec bvec = {
		.bv_page	= page,
		.bv_offset	= offset,
		.bv_len		= size,
	};
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	if (flags & MSG_SENDPAGE_NOTLAST)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bvec, 1, size);
	return sock->ops->sendmsg(sock, &msg, size);
}

#define TEACH_OPS_SENDPAGE	.sendpage = teach_sendpage,
#else
#define TEACH_OPS_SENDPAGE
#endif

#endif /* _TEACH_COMPAT_SENDPAGE_H */
