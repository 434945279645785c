// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes from the user into the send buffer, and from the receive queue to
 * the user; and without a copy, where they are in pages that can be shared.
 */
#include <net/busy_poll.h>

#include "teach.h"
#include "trace.h"

/*
 * ---- sendmsg(2) ----
 */

static struct sk_buff *teach_new_segment(struct sock *sk)
{
	struct sk_buff *skb;

	if (!sk_stream_memory_free(sk))
		return NULL;
	skb = teach_alloc_segment(sk, sk->sk_allocation);
	if (!skb)
		return NULL;
	teach_queue_segment(sk, skb);
	teach_cb(skb)->flags = TEACH_ACK;
	return skb;
}

/* The one to be filled: the last, unless it was sent or ends a record. */
static struct sk_buff *teach_segment_to_fill(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && skb->len < teach_size_goal(sk) && !teach_cb(skb)->eor)
		return skb;
	return teach_new_segment(sk);
}

/*
 * Copy up to @len bytes behind those of @skb, in pages that segments share.
 * Return: how many; 0 when @skb is full; or -errno.
 */
static int teach_fill_segment(struct sock *sk, struct sk_buff *skb,
			      struct msghdr *msg, int len)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	int i = skb_shinfo(skb)->nr_frags;
	bool merge;
	int err;

	if (!sk_page_frag_refill(sk, pfrag))
		return -ENOMEM;
	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return 0;

	len = min_t(int, len, pfrag->size - pfrag->offset);
	len = teach_wmem_schedule(sk, len);
	if (!len)
		return -ENOMEM;
	/* What io_uring holds in its place it must from now on hold itself. */
	skb_zcopy_downgrade_managed(skb);
	err = skb_copy_to_page_nocache(sk, &msg->msg_iter, skb, pfrag->page,
				       pfrag->offset, len);
	if (err)
		return err;

	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], len);
	} else {
		skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, len);
		page_ref_inc(pfrag->page);
	}
	pfrag->offset += len;
	return len;
}

/* The card can fetch bytes from wherever they are. */
static bool teach_can_share(const struct sock *sk)
{
	return sk->sk_route_caps & NETIF_F_SG;
}

/*
 * The same without a copy: splice(2) and sendfile(2) bring pages, and these
 * are sent.  Who writes into them before they are acknowledged changes what a
 * retransmission carries.
 */
static int teach_splice_pages(struct sock *sk, struct sk_buff *skb,
			      struct msghdr *msg, int len)
{
	int spliced;

	len = teach_wmem_schedule(sk, len);
	if (!len)
		return -ENOMEM;
	skb_zcopy_downgrade_managed(skb);
	spliced = skb_splice_from_iter(skb, &msg->msg_iter, len);
	if (spliced < 0)
		return spliced == -EMSGSIZE ? 0 : spliced;

	/* So a checksum of them is made of a copy. */
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	sk_wmem_queued_add(sk, spliced);
	sk_mem_charge(sk, spliced);
	return spliced;
}

/*
 * And MSG_ZEROCOPY: the pages are the user's, who is told on the error queue or
 * by his io_uring when the last segment that refers to them (through @uarg) is
 * freed.
 */
static int teach_user_pages(struct sock *sk, struct sk_buff *skb,
			    struct msghdr *msg, int len,
			    struct ubuf_info *uarg)
{
	int ret;

	len = teach_wmem_schedule(sk, len);
	if (!len)
		return -ENOMEM;
	ret = skb_zerocopy_iter_stream(sk, skb, msg, len, uarg);
	/* No room for more pages, or its pages are of another call. */
	return ret == -EMSGSIZE || ret == -EEXIST ? 0 : ret;
}

/* A segment that got no bytes has no place in the sequence space. */
static void teach_forget_empty(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && teach_cb(skb)->seq == teach_cb(skb)->end_seq) {
		__skb_unlink(skb, &sk->sk_write_queue);
		teach_free_segment(sk, skb);
	}
}

/* Gather what the user wrote in skbs of one segment, or of many for GSO. */
static int teach_send_some(struct sock *sk, struct msghdr *msg,
			   struct ubuf_info *uarg)
{
	struct teach_sock *ts = teach_sk(sk);
	struct sk_buff *skb = teach_segment_to_fill(sk);
	u32 goal = teach_size_goal(sk);
	int room, copied;

	if (!skb)
		return -ENOMEM;
	room = min_t(size_t, msg_data_left(msg), goal - skb->len);
	if (unlikely(uarg) && teach_can_share(sk))
		copied = teach_user_pages(sk, skb, msg, room, uarg);
	else if (unlikely(msg->msg_flags & MSG_SPLICE_PAGES) &&
		 teach_can_share(sk))
		copied = teach_splice_pages(sk, skb, msg, room);
	else
		copied = teach_fill_segment(sk, skb, msg, room);
	if (copied < 0) {
		teach_forget_empty(sk);
		return copied;
	}
	/* It has as many pieces as it can: begin the next. */
	if (!copied)
		return teach_new_segment(sk) ? 0 : -ENOMEM;

	WRITE_ONCE(ts->write_seq, ts->write_seq + copied);
	teach_cb(skb)->end_seq += copied;
	trace_teach_queue(sock_net(sk), &ts->entry.tuple, TEACH_QUEUE_SEND,
			  ts->write_seq - ts->snd_una,
			  READ_ONCE(sk->sk_sndbuf));

	/* Full, and nothing before it: why should it wait? */
	if (skb->len >= goal && !(msg->msg_flags & MSG_OOB) &&
	    skb_peek(&sk->sk_write_queue) == skb)
		teach_push(sk);
	return copied;
}

/*
 * The end of what the user wrote: RFC 9293 3.9.1.2, SHLD-28; unless MSG_MORE
 * says that it is not.
 */
static void teach_push_written(struct sock *sk, int flags)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb) {
		teach_cb(skb)->more = !!(flags & MSG_MORE);
		if (!(flags & MSG_MORE))
			teach_cb(skb)->flags |= TEACH_PSH;
		if (flags & MSG_OOB)
			teach_urgent_wrote(teach_sk(sk));
	}
	teach_push(sk);
}

/* MSG_EOR: what comes next goes into another segment. */
static void teach_end_record(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb)
		teach_cb(skb)->eor = 1;
}

/* Of the control messages it is only SO_TIMESTAMPING that means something. */
static int teach_send_control(struct sock *sk, struct msghdr *msg, u32 *stamps)
{
	struct sockcm_cookie cookie;

	sockcm_init(&cookie, sk);
	if (sock_cmsg_send(sk, msg, &cookie))
		return -EINVAL;
	*stamps = cookie.tsflags;
	return 0;
}

static int teach_sendmsg_locked(struct sock *sk, struct msghdr *msg,
				struct ubuf_info *uarg)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	u32 stamps = READ_ONCE(sk->sk_tsflags);
	int copied = 0, err;
	u32 since;

	if (msg->msg_flags & MSG_FASTOPEN) {
		err = -EOPNOTSUPP;
		goto error;
	}
	if ((1 << sk->sk_state) & ~(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) {
		since = teach_sleep(sk, TEACH_CALL_SEND);
		err = sk_stream_wait_connect(sk, &timeo);
		teach_woken(sk, TEACH_CALL_SEND, err, since);
		if (err)
			goto error;
	}
	if (unlikely(msg->msg_controllen)) {
		err = teach_send_control(sk, msg, &stamps);
		if (err)
			goto error;
	}
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	teach_check_mss(sk);
	teach_rate_app_limited(sk);

	err = -EPIPE;
	if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
		goto error;

	while (msg_data_left(msg)) {
		err = teach_send_some(sk, msg, uarg);
		if (err >= 0) {
			copied += err;
			continue;
		}
		if (err != -ENOMEM)
			goto error;

		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		/* No more can come to fill it up. */
		teach_push_at_once(sk);
		since = teach_sleep(sk, TEACH_CALL_SEND);
		err = sk_stream_wait_memory(sk, &timeo);
		teach_woken(sk, TEACH_CALL_SEND, err, since);
		if (err)
			goto error;
		teach_check_mss(sk);
	}
	if (unlikely(msg->msg_flags & MSG_EOR) && copied)
		teach_end_record(sk);
	err = 0;
error:
	if (copied) {
		if (unlikely(stamps & SOF_TIMESTAMPING_TX_RECORD_MASK))
			teach_stamp_wrote(sk, stamps, copied);
		teach_push_written(sk, msg->msg_flags);
		return copied;
	}
	if (!err)
		return 0;
	/* EPOLLOUT has to be seen again by who waits for an edge. */
	if (err == -EAGAIN && skb_queue_empty(&sk->sk_write_queue))
		teach_wake_writers(sk);
	return sk_stream_error(sk, msg->msg_flags, err);
}

/*
 * MSG_ZEROCOPY, which means nothing without the option.  The reports that have
 * not been read are bounded by net.core.optmem_max: ENOBUFS.  io_uring needs
 * neither: it brings what is told, and refers to it until we return.
 */
static int teach_sendmsg_zerocopy(struct sock *sk, struct msghdr *msg,
				  size_t len)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);
	struct ubuf_info *uarg;
	int ret;

	if (msg->msg_ubuf)
		return teach_sendmsg_locked(sk, msg, msg->msg_ubuf);
	if (!sock_flag(sk, SOCK_ZEROCOPY) || !len)
		return teach_sendmsg_locked(sk, msg, NULL);
	uarg = msg_zerocopy_realloc(sk, len, skb_zcopy(tail));
	if (!uarg)
		return -ENOBUFS;
	if (!teach_can_share(sk))
		uarg_to_msgzc(uarg)->zerocopy = 0;

	ret = teach_sendmsg_locked(sk, msg, uarg);
	if (ret > 0)
		net_zcopy_put(uarg);
	else
		net_zcopy_put_abort(uarg, true);
	return ret;
}

int teach_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	int ret;

	lock_sock(sk);
	if (unlikely(msg->msg_flags & MSG_ZEROCOPY))
		ret = teach_sendmsg_zerocopy(sk, msg, len);
	else
		ret = teach_sendmsg_locked(sk, msg, NULL);
	release_sock(sk);
	return ret;
}

/**
 * teach_splice_eof - sendfile(2) had said that more would come, and none did
 * @sock: the socket
 */
void teach_splice_eof(struct socket *sock)
{
	lock_sock(sock->sk);
	teach_push_written(sock->sk, 0);
	release_sock(sock->sk);
}

/*
 * ---- recvmsg(2) ----
 */

/* The segment that has byte @seq, and where in it. */
static struct sk_buff *teach_segment_at(struct sock *sk, u32 seq, u32 *offset)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		*offset = seq - teach_cb(skb)->seq;
		if (*offset < skb->len)
			return skb;
	}
	return NULL;
}

/* Give back what the reader has had. */
static void teach_eat(struct sock *sk)
{
	u32 copied_seq = teach_sk(sk)->copied_seq;
	struct sk_buff *skb;

	while ((skb = skb_peek(&sk->sk_receive_queue))) {
		if (after(teach_cb(skb)->seq + skb->len, copied_seq))
			break;
		__skb_unlink(skb, &sk->sk_receive_queue);
		consume_skb(skb);
	}
}

/*
 * Nothing is there to be read.
 * Return: 1 to wait, 0 at the end of the stream, or -errno.
 */
static int teach_recv_wait_reason(struct sock *sk, int copied, long timeo)
{
	if (sock_flag(sk, SOCK_DONE))
		return 0;
	/* The error is for the next call, if this one has something. */
	if (sk->sk_err)
		return copied ? 0 : sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	/* Never connected. */
	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (!timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(timeo);
	return 1;
}

/*
 * No more is there: wait, or take in what came meanwhile.
 * Return: 1 to look again, 0 to be content with @copied, or -errno.
 */
static int teach_recv_wait(struct sock *sk, int copied, int target,
			   long *timeo)
{
	u32 since;
	int err;

	if (copied >= target) {
		if (!READ_ONCE(sk->sk_backlog.tail))
			return 0;
		__sk_flush_backlog(sk);
		return 1;
	}
	err = teach_recv_wait_reason(sk, copied, *timeo);
	if (err <= 0)
		return err;
	teach_rcv_consumed(sk);
	since = teach_sleep(sk, TEACH_CALL_RECEIVE);
	err = sk_wait_data(sk, timeo, skb_peek_tail(&sk->sk_receive_queue));
	teach_woken(sk, TEACH_CALL_RECEIVE, err ? min(err, 0) :
		    teach_wait_error(sk, *timeo), since);
	return err < 0 ? err : 1;
}

static int teach_recvmsg_locked(struct sock *sk, struct msghdr *msg,
				size_t len, int flags,
				struct teach_stamp *stamp)
{
	struct teach_sock *ts = teach_sk(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	int target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	u32 ahead = max(sk_peek_offset(sk, flags), 0);
	u32 seq = ts->copied_seq + ahead;
	int copied = 0, err = 0;
	struct sk_buff *skb;
	u32 offset, used, apart = 0;

	if (sk->sk_state == TCP_LISTEN)
		return -ENOTCONN;
	if (flags & MSG_OOB)
		return teach_recv_urgent(sk, msg, len, flags);

	do {
		if (teach_urgent_at(sk, seq)) {
			if (copied)
				break;
			if (signal_pending(current)) {
				err = timeo ? sock_intr_errno(timeo) : -EAGAIN;
				break;
			}
		}
		skb = teach_segment_at(sk, seq, &offset);
		if (!skb) {
			err = teach_recv_wait(sk, copied, target, &timeo);
			if (err <= 0)
				break;
			err = 0;
			/* Another reader may have been here meanwhile. */
			if (!(flags & MSG_PEEK))
				seq = ts->copied_seq;
			else if (seq != ts->copied_seq + ahead + copied + apart)
				seq = ts->copied_seq + ahead;
			continue;
		}

		if (teach_urgent_apart(sk, seq)) {
			seq++;
			apart = 1;
		} else {
			used = min_t(size_t, skb->len - offset, len);
			used = teach_urgent_bound(ts, seq, used);
			if (!(flags & MSG_TRUNC))
				err = skb_copy_datagram_msg(skb, offset, msg,
							    used);
			if (err)
				break;
			seq += used;
			copied += used;
			len -= used;
			if (unlikely(teach_stamped(skb)))
				teach_stamp_take(skb, stamp);
		}
		if (!(flags & MSG_PEEK)) {
			WRITE_ONCE(ts->copied_seq, seq);
			teach_urgent_passed(ts);
			teach_eat(sk);
		}
	} while (len);

	if (flags & MSG_PEEK) {
		sk_peek_offset_fwd(sk, copied);
	} else if (copied) {
		sk_peek_offset_bwd(sk, copied);
		teach_rcv_consumed(sk);
	}
	return copied ? : err;
}

/*
 * How much is left, for TCP_INQ and for io_uring.  The peer's FIN is one byte
 * of it, for there is still something to be found out.
 */
static void teach_recv_inq(const struct sock *sk, struct msghdr *msg)
{
	const struct teach_sock *ts = teach_sk(sk);

	msg->msg_get_inq = 1;
	msg->msg_inq = ts->rcv_nxt - ts->copied_seq;
}

int teach_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		  int flags)
{
	struct sock *sk = sock->sk;
	struct teach_stamp stamp = {};
	bool inq;
	int ret;

	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(sk, msg, len, SOL_IP, IP_RECVERR);

	/* socket(7), SO_BUSY_POLL: ask the card rather than sleep. */
	if (sk_can_busy_loop(sk) && sk->sk_state == TCP_ESTABLISHED &&
	    skb_queue_empty_lockless(&sk->sk_receive_queue))
		sk_busy_loop(sk, flags & MSG_DONTWAIT);

	lock_sock(sk);
	ret = teach_recvmsg_locked(sk, msg, len, flags, &stamp);
	inq = teach_sk(sk)->inq;
	if (unlikely(inq || msg->msg_get_inq))
		teach_recv_inq(sk, msg);
	release_sock(sk);

	if (ret >= 0 && unlikely(stamp.software || stamp.hardware))
		teach_stamp_put(sk, msg, &stamp);
	if (ret >= 0 && unlikely(inq))
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(msg->msg_inq),
			 &msg->msg_inq);
	return ret;
}

/*
 * ---- splice(2) ----
 */

/*
 * Put what is there into @pipe, pages and not copies, up to the urgent mark.
 * Return: how many bytes; or -errno, when the pipe takes none.
 */
static ssize_t teach_splice_some(struct sock *sk, struct pipe_inode_info *pipe,
				 size_t len, unsigned int flags)
{
	struct teach_sock *ts = teach_sk(sk);
	size_t spliced = 0;
	struct sk_buff *skb;
	u32 offset, part;
	int ret = 0;

	while (spliced < len && !teach_urgent_at(sk, ts->copied_seq)) {
		skb = teach_segment_at(sk, ts->copied_seq, &offset);
		if (!skb)
			break;
		part = min_t(size_t, skb->len - offset, len - spliced);
		part = teach_urgent_bound(ts, ts->copied_seq, part);
		ret = skb_splice_bits(skb, sk, offset, pipe, part, flags);
		if (ret <= 0)
			break;
		spliced += ret;
		WRITE_ONCE(ts->copied_seq, ts->copied_seq + ret);
		teach_urgent_passed(ts);
		teach_eat(sk);
	}
	if (!spliced)
		return ret;
	sk_peek_offset_bwd(sk, spliced);
	teach_rcv_consumed(sk);
	return spliced;
}

/**
 * teach_splice_read - from the socket into a pipe, without a copy
 * @sock: the socket
 * @ppos: not used: a stream has no positions
 * @pipe: locked; has room for something
 * @len: the most that is wanted
 * @flags: of splice(2); that it must not wait the socket is told by O_NONBLOCK
 *
 * At the urgent mark, which a pipe cannot show, nothing is to be had.
 *
 * Return: how many bytes, 0 at the end of the stream, or -errno.
 */
ssize_t teach_splice_read(struct socket *sock, loff_t *ppos,
			  struct pipe_inode_info *pipe, size_t len,
			  unsigned int flags)
{
	struct sock *sk = sock->sk;
	ssize_t ret = -ENOTCONN;
	long timeo;

	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	while (sk->sk_state != TCP_LISTEN) {
		ret = teach_splice_some(sk, pipe, len, flags);
		if (ret)
			break;
		ret = teach_recv_wait_reason(sk, 0, timeo);
		if (ret <= 0)
			break;
		ret = 0;
		if (!skb_queue_empty(&sk->sk_receive_queue))
			break;
		ret = sk_wait_data(sk, &timeo, NULL);
		if (ret < 0)
			break;
	}
	release_sock(sk);
	return ret;
}
