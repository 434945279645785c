// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram that is written in pieces: udp(7), UDP_CORK and MSG_MORE.
 *
 * The first piece says where all of it goes, by which route and how; what the
 * others say of it is not looked at.  It leaves with the first piece that
 * comes without MSG_MORE while UDP_CORK is off, or when that is turned off.
 * When a piece cannot be added, what is there already is thrown away: half a
 * datagram is none.
 *
 * Pages that splice(2) and sendfile(2) bring are copied like all else, as what
 * is in them might change between our checksum and the wire.
 */
#include <net/route.h>

#include "teach.h"

/* The largest datagram fits, whatever is in the head: teach_dgram_grow(). */
static_assert(MAX_SKB_FRAGS * PAGE_SIZE >= IP_MAX_MTU);

static void teach_dgram_cork_free(struct sock *sk,
				  struct teach_dgram_cork *cork)
{
	kfree_skb(cork->skb);
	ip_rt_put(cork->rt);
	sock_kfree_s(sk, cork, sizeof(*cork));
}

/**
 * teach_dgram_flush - throw away what is not yet whole
 * @sk: the socket, locked or its only user; may have nothing such
 */
void teach_dgram_flush(struct sock *sk)
{
	struct teach_dgram_sock *ds = teach_dgram_sk(sk);

	if (!ds->cork)
		return;
	teach_dgram_cork_free(sk, ds->cork);
	ds->cork = NULL;
}

/* It is whole.  Where it comes from is what the socket is called by now. */
static int teach_dgram_push(struct sock *sk)
{
	struct teach_dgram_sock *ds = teach_dgram_sk(sk);
	struct teach_dgram_cork *cork = ds->cork;
	int err;

	ds->cork = NULL;
	cork->fl4.fl4_sport = inet_sk(sk)->inet_sport;
	err = teach_dgram_xmit(sk, cork->skb, &cork->fl4, &cork->ipc, cork->rt);
	sock_kfree_s(sk, cork, sizeof(*cork));
	return err;
}

/* One page more, charged to the socket. */
static skb_frag_t *teach_dgram_add_page(struct sock *sk, struct sk_buff *skb)
{
	int i = skb_shinfo(skb)->nr_frags;
	struct page *page;

	page = alloc_page(sk->sk_allocation);
	if (!page)
		return NULL;
	skb_fill_page_desc(skb, i, page, 0, 0);
	skb->truesize += PAGE_SIZE;
	refcount_add(PAGE_SIZE, &sk->sk_wmem_alloc);
	return &skb_shinfo(skb)->frags[i];
}

/*
 * Room for @len bytes more.  A page is full before the next one is begun, so
 * that the largest datagram fits.  None is waited for: the first piece has
 * waited for room in the send buffer, and this is still one datagram.
 */
static int teach_dgram_grow(struct sock *sk, struct sk_buff *skb, size_t len)
{
	size_t n = min_t(size_t, len, skb_tailroom(skb));
	int frags = skb_shinfo(skb)->nr_frags;
	skb_frag_t *frag = NULL;

	if (frags)
		frag = &skb_shinfo(skb)->frags[frags - 1];
	if (n)
		skb_put(skb, n);
	for (len -= n; len; len -= n) {
		if (!frag || skb_frag_size(frag) == PAGE_SIZE)
			frag = teach_dgram_add_page(sk, skb);
		if (!frag)
			return -ENOBUFS;
		n = min_t(size_t, len, PAGE_SIZE - skb_frag_size(frag));
		skb_frag_size_add(frag, n);
		skb->data_len += n;
		skb->len += n;
	}
	return 0;
}

/**
 * teach_dgram_append - add a piece to what is not yet whole
 * @sk: the socket, locked
 * @msg: the piece
 * @len: bytes of it
 * @more: it is not the last
 *
 * Return: 0, or why there is nothing left of it.
 */
int teach_dgram_append(struct sock *sk, struct msghdr *msg, size_t len,
		       bool more)
{
	struct teach_dgram_cork *cork = teach_dgram_sk(sk)->cork;
	struct sk_buff *skb = cork->skb;
	u32 off = skb->len;
	int err = -EMSGSIZE;

	if (!teach_dgram_fits(sk, &cork->fl4, cork->rt, off + len))
		goto flush;
	err = teach_dgram_grow(sk, skb, len);
	if (!err)
		err = skb_copy_datagram_from_iter(skb, off, &msg->msg_iter,
						  len);
	if (err)
		goto flush;
	if (msg->msg_flags & MSG_CONFIRM)
		skb_set_dst_pending_confirm(skb, 1);
	return more ? 0 : teach_dgram_push(sk);
flush:
	teach_dgram_flush(sk);
	return err;
}

static struct teach_dgram_cork *teach_dgram_cork_alloc(struct sock *sk,
						       int flags, int *err)
{
	struct teach_dgram_cork *cork;

	cork = sock_kmalloc(sk, sizeof(*cork), sk->sk_allocation);
	if (!cork) {
		*err = -ENOBUFS;
		return NULL;
	}
	cork->skb = teach_dgram_alloc(sk, TEACH_MAX_HEADER + TEACH_DGRAM_LINEAR,
				      0, flags, err);
	if (!cork->skb) {
		sock_kfree_s(sk, cork, sizeof(*cork));
		return NULL;
	}
	skb_reserve(cork->skb, TEACH_MAX_HEADER);
	return cork;
}

/**
 * teach_dgram_cork - the first piece of a datagram, of which more will come
 * @sk: the socket, not locked
 * @msg: the piece
 * @len: bytes of it
 * @fl4: from teach_dgram_route()
 * @ipc: what the socket, or the message, says
 * @rt: the route; its reference is consumed
 *
 * Return: 0, or why there is nothing left of it.
 */
int teach_dgram_cork(struct sock *sk, struct msghdr *msg, size_t len,
		     const struct flowi4 *fl4, const struct ipcm_cookie *ipc,
		     struct rtable *rt)
{
	struct teach_dgram_cork *cork;
	int err;

	/* Others may send, too, while this one waits for room. */
	cork = teach_dgram_cork_alloc(sk, msg->msg_flags, &err);
	if (!cork) {
		ip_rt_put(rt);
		return err;
	}
	cork->fl4 = *fl4;
	cork->ipc = *ipc;
	cork->rt = rt;

	lock_sock(sk);
	/* And if one of them has begun a datagram, this is a piece of that. */
	if (teach_dgram_sk(sk)->cork)
		teach_dgram_cork_free(sk, cork);
	else
		teach_dgram_sk(sk)->cork = cork;
	err = teach_dgram_append(sk, msg, len, true);
	release_sock(sk);
	return err;
}

/**
 * teach_dgram_cork_turn - connect(2) has found another peer
 * @sk: the socket, locked
 *
 * As with UDP, what is not yet whole goes to him.
 */
void teach_dgram_cork_turn(struct sock *sk)
{
	struct teach_dgram_cork *cork = teach_dgram_sk(sk)->cork;
	struct dst_entry *dst;

	if (!cork)
		return;
	dst = sk_dst_get(sk);
	if (!dst)
		return;
	ip_rt_put(cork->rt);
	cork->rt = (struct rtable *)dst;
	cork->fl4.saddr = inet_sk(sk)->inet_saddr;
	cork->fl4.daddr = inet_sk(sk)->inet_daddr;
	cork->fl4.fl4_dport = inet_sk(sk)->inet_dport;
}

/**
 * teach_dgram_set_cork - setsockopt(2), UDP_CORK
 * @sk: the socket, locked
 * @on: wait for more from now on; or send what waits
 */
void teach_dgram_set_cork(struct sock *sk, bool on)
{
	struct teach_dgram_sock *ds = teach_dgram_sk(sk);

	WRITE_ONCE(ds->corked, on);
	/* If that fails, it is lost like any other datagram. */
	if (!on && ds->cork)
		teach_dgram_push(sk);
}

/**
 * teach_dgram_splice_eof - sendfile(2) had said that more would come, and none
 *	did
 * @sock: the socket
 */
void teach_dgram_splice_eof(struct socket *sock)
{
	struct teach_dgram_sock *ds = teach_dgram_sk(sock->sk);

	lock_sock(sock->sk);
	if (ds->cork && !ds->corked)
		teach_dgram_push(sock->sk);
	release_sock(sock->sk);
}
