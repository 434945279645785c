// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data: RFC 9293 3.8.5, and RFC 6093, which advises against it.
 *
 *	the stream	a b c d e f X g h i
 *				    |
 *			mark (urg_seq); the pointer names the octet behind it
 *
 * The sender says with each segment how far the urgent data goes.  The
 * receiver tells its program at once, by SIGURG and POLLPRI, before the bytes
 * that are in between have been read.  To hurry is all the RFC means by it.
 *
 * Programs, and Linux with them, take the last urgent byte for out-of-band
 * data: it is not part of the stream, but read with MSG_OOB.  There is room
 * for one; one that is not read before the next is urgent stays in the stream.
 * With SO_OOBINLINE there is only the mark, and no read goes across it.
 */
#include <linux/tcp.h>

#include "teach.h"

/*
 * ---- Sending ----
 */

/* The user has written, with MSG_OOB, up to here. */
void teach_urgent_wrote(struct teach_sock *ts)
{
	ts->snd_up = ts->write_seq;
	ts->urgent_out = true;
}

/* The peer has it all. */
void teach_urgent_acked(struct teach_sock *ts)
{
	if (!after(ts->snd_up, ts->snd_una))
		ts->urgent_out = false;
}

/**
 * teach_urgent_pointer - how far the urgent data goes from here
 * @ts: the socket
 * @seq: of the segment
 *
 * Return: for the urgent pointer, 0 when nothing is urgent.  What is too far
 * away for 16 bits the segments behind it tell.
 */
u16 teach_urgent_pointer(const struct teach_sock *ts, u32 seq)
{
	if (!ts->urgent_out || !before(seq, ts->snd_up))
		return 0;
	return min_t(u32, ts->snd_up - seq, U16_MAX);
}

/*
 * ---- Receiving ----
 */

/* Sixth in RFC 9293 3.10.7.4: the URG bit is set. */
static void teach_urgent_mark(struct sock *sk, const struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 ptr = ntohs(tcp_hdr(skb)->urg_ptr);

	/* RFC 6093 3.1: to all but the letter of old RFCs the one behind. */
	if (ptr && !READ_ONCE(teach_sk_net(sk)->sysctl.stdurg))
		ptr--;
	ptr += teach_cb(skb)->seq;

	/* It was here already, or is not as far as the last one. */
	if (before(ptr, ts->rcv_nxt) ||
	    (ts->urgent && !after(ptr, ts->urg_seq)))
		return;

	sk_send_sigurg(sk);
	/* The reader stands before the last one, which was not for him. */
	if (teach_urgent_apart(sk, ts->copied_seq) &&
	    ts->copied_seq != ts->rcv_nxt)
		WRITE_ONCE(ts->copied_seq, ts->copied_seq + 1);
	WRITE_ONCE(ts->urg_seq, ptr);
	WRITE_ONCE(ts->urgent, TEACH_URGENT_TOLD);
}

/**
 * teach_urgent_rcv - what a segment says of urgent data, and brings of it
 * @sk: the socket, locked
 * @skb: the segment, from its TCP header on
 */
void teach_urgent_rcv(struct sock *sk, const struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 offset;
	u8 byte;

	if (teach_cb(skb)->flags & TEACH_URG)
		teach_urgent_mark(sk, skb);
	if (ts->urgent != TEACH_URGENT_TOLD)
		return;

	offset = ts->urg_seq - teach_cb(skb)->seq;
	if (offset >= skb->len - tcp_hdrlen(skb) ||
	    skb_copy_bits(skb, tcp_hdrlen(skb) + offset, &byte, 1))
		return;
	ts->urgent_byte = byte;
	WRITE_ONCE(ts->urgent, TEACH_URGENT_HERE);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/*
 * ---- Reading ----
 */

/* Is the mark before byte @seq? */
bool teach_urgent_at(const struct sock *sk, u32 seq)
{
	const struct teach_sock *ts = teach_sk(sk);

	return READ_ONCE(ts->urgent) && READ_ONCE(ts->urg_seq) == seq;
}

/* And is that byte not one of the stream? */
bool teach_urgent_apart(const struct sock *sk, u32 seq)
{
	return teach_urgent_at(sk, seq) && !sock_flag(sk, SOCK_URGINLINE);
}

/**
 * teach_urgent_bound - no read goes across the mark
 * @ts: the socket
 * @seq: where it begins
 * @len: the bytes wanted
 *
 * Return: how many of them there are before the mark.
 */
u32 teach_urgent_bound(const struct teach_sock *ts, u32 seq, u32 len)
{
	u32 before_mark = ts->urg_seq - seq;

	return ts->urgent && before_mark ? min(len, before_mark) : len;
}

/* The reader has passed the mark. */
void teach_urgent_passed(struct teach_sock *ts)
{
	if (ts->urgent && after(ts->copied_seq, ts->urg_seq))
		WRITE_ONCE(ts->urgent, TEACH_URGENT_NONE);
}

/**
 * teach_recv_urgent - recv(2) with MSG_OOB; never waits
 * @sk: the socket, locked
 * @msg: where to
 * @len: room in it
 * @flags: of the call
 *
 * Return: 1 or 0, or -errno; EINVAL when nothing is urgent.
 */
int teach_recv_urgent(struct sock *sk, struct msghdr *msg, size_t len,
		      int flags)
{
	struct teach_sock *ts = teach_sk(sk);

	if (sock_flag(sk, SOCK_URGINLINE) || !ts->urgent ||
	    ts->urgent == TEACH_URGENT_READ)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;
	if (ts->urgent == TEACH_URGENT_TOLD)
		return sk->sk_state == TCP_CLOSE ||
		       sk->sk_shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;

	if (!(flags & MSG_PEEK))
		WRITE_ONCE(ts->urgent, TEACH_URGENT_READ);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &ts->urgent_byte, 1))
		return -EFAULT;
	return 1;
}
