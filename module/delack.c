// SPDX-License-Identifier: GPL-2.0
/*
 * When an ACK is sent: RFC 9293 3.8.6.3, RFC 5681 4.2.
 *
 *	at once		what came was out of order, or had come before
 *			more than one full segment has come since the last ACK,
 *			and the reader keeps up; if it does not, the ACK waits
 *			for it, and the peer may gather more in the meantime
 *			quickack: a stream begins, and the peer's slow start
 *			waits for ACKs; or the route says so (ip-route(8))
 *			the reader has taken all that the peer wrote
 *	later		otherwise, and when our answers carry the ACKs anyway
 *			(pingpong)
 *
 * How much later follows the time between segments, ato.  That is Linux's
 * way; the RFC only wants less than half a second.
 */
#include "teach.h"

#define TEACH_DELACK_MAX	(HZ / 5)
#define TEACH_QUICKACKS_MAX	16

/* It tells the peer something that it is waiting for. */
void teach_ack_soon(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->ack_due = true;
	ts->ack_now = true;
}

/* Somebody here is about to write: the handshake's ACK can go with that. */
void teach_ack_with_data(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->ack_due = true;
	ts->pingpong = true;
	teach_timer_set(sk, TEACH_TIMER_DELACK, TEACH_DELACK_MAX);
}

/* As many as half of our window can bring. */
static void teach_more_quickacks(struct teach_sock *ts)
{
	u32 acks = ts->rcv_wnd / (2 * ts->rcv_mss) ? : 2;

	acks = min_t(u32, acks, TEACH_QUICKACKS_MAX);
	ts->quickack = max_t(u32, ts->quickack, acks);
}

/**
 * teach_quickack - the peer seems to miss our ACKs
 * @sk: the socket, locked
 */
void teach_quickack(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	teach_more_quickacks(ts);
	ts->pingpong = false;
	ts->ato = TEACH_DELACK_MIN;
}

/* How long to wait for the next segment: the time since the last, smoothed. */
static void teach_ato_sample(struct teach_sock *ts, u32 gap)
{
	if (!ts->ato) {
		teach_more_quickacks(ts);
		ts->ato = TEACH_DELACK_MIN;
	} else if (gap <= TEACH_DELACK_MIN / 2) {
		ts->ato = ts->ato / 2 + TEACH_DELACK_MIN / 2;
	} else if (gap < ts->ato) {
		ts->ato = min(ts->ato / 2 + gap, ts->rto);
	} else if (gap > ts->rto) {
		/* So idle that it begins anew with slow start. */
		teach_more_quickacks(ts);
	}
}

/**
 * teach_ack_data - bytes have come in order, and an ACK is owed for them
 * @sk: the socket, locked
 * @skb: the segment
 */
void teach_ack_data(struct sock *sk, const struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 now = (u32)jiffies;

	ts->ack_due = true;
	if (!skb->len)
		return;
	/* Is it the end of what the peer wrote?  For the second time? */
	if (skb->len < ts->rcv_mss)
		ts->ack_pushed = min(ts->ack_pushed + 1, 2);
	else if (teach_cb(skb)->flags & TEACH_PSH && !ts->ack_pushed)
		ts->ack_pushed = 1;
	teach_ato_sample(ts, now - ts->last_data_rcv);
	ts->last_data_rcv = now;
}

static void teach_ack_delay(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	u32 delay = max_t(u32, ts->ato, TEACH_DELACK_MIN);
	u32 max = ts->pingpong || ts->ack_pushed ? TEACH_DELACK_MAX : HZ / 2;
	u32 rtt = usecs_to_jiffies(ts->srtt_us >> 3);

	if (teach_timer_armed(sk, TEACH_TIMER_DELACK)) {
		/* It would be sent soon anyway. */
		if (time_before_eq(ts->deadline[TEACH_TIMER_DELACK],
				   jiffies + ts->ato / 4))
			teach_send_ack(sk, TEACH_WHY_ACK);
		return;
	}
	/* No longer than a round trip, if that is known. */
	if (ts->srtt_us)
		max = min_t(u32, max, max_t(u32, TEACH_DELACK_MIN, rtt));
	teach_timer_set(sk, TEACH_TIMER_DELACK, min(delay, max));
}

/*
 * RFC 9293 3.8.6.3, SHLD-19: at the second full segment.  Where the window
 * would be smaller than the last, what came before is not read yet: then the
 * reader sends the ACK, when it has made room.
 */
static bool teach_ack_second(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);

	return ts->rcv_nxt - ts->rcv_wup > ts->rcv_mss &&
	       (!teach_readable(sk) || teach_window(sk) >= ts->rcv_wnd);
}

/**
 * teach_ack_check - send the ACK that is owed, or wait for company
 * @sk: the socket, locked
 */
void teach_ack_check(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!ts->ack_due)
		return;

	if (ts->ack_now || teach_ack_second(sk) ||
	    (ts->quickack && !ts->pingpong) ||
	    !RB_EMPTY_ROOT(&ts->ofo_queue) ||
	    teach_route_metric(sk, RTAX_QUICKACK))
		teach_send_ack(sk, TEACH_WHY_ACK);
	else
		teach_ack_delay(sk);
}

/**
 * teach_ack_read - is an ACK due because of what the reader has taken?
 * @sk: the socket, locked
 *
 * Two full segments are, and the end of what the peer wrote, if the reader
 * does not seem to answer.
 */
bool teach_ack_read(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);

	if (!ts->ack_due)
		return false;
	if (ts->rcv_nxt - ts->rcv_wup > ts->rcv_mss)
		return true;
	return ts->ack_pushed > ts->pingpong &&
	       !atomic_read(&sk->sk_rmem_alloc);
}

/**
 * teach_ack_sent - a segment takes the ACK along that we owe
 * @sk: the socket, locked
 * @len: the bytes that it brings
 */
void teach_ack_sent(struct sock *sk, u32 len)
{
	struct teach_sock *ts = teach_sk(sk);

	if (ts->ack_due && ts->quickack && !--ts->quickack)
		ts->ato = TEACH_DELACK_MIN;
	/* An answer that comes so soon can carry ACKs. */
	if (len && (u32)jiffies - ts->last_data_rcv < ts->ato)
		ts->pingpong = true;
	ts->ack_due = false;
	ts->ack_now = false;
	ts->ack_pushed = 0;
	teach_timer_clear(sk, TEACH_TIMER_DELACK);
}

/**
 * teach_ack_expired - no data of ours came by to carry the ACK
 * @sk: the socket, locked
 */
void teach_ack_expired(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	if (!ts->ack_due)
		return;
	ts->ato = ts->pingpong ? TEACH_DELACK_MIN : min(2 * ts->ato, ts->rto);
	ts->pingpong = false;
	TEACH_INC(teach_sk_net(sk), DELAYED_ACKS);
	teach_send_ack(sk, TEACH_WHY_DELACK);
}

/**
 * teach_set_quickack - TCP_QUICKACK
 * @sk: the socket, locked
 * @val: 0 to delay ACKs, odd not to, other to send only the one that is owed
 *
 * Not for ever: what the peer and the reader do changes it again.
 */
void teach_set_quickack(struct sock *sk, int val)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->pingpong = !val;
	if (!val || !ts->ack_due ||
	    !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return;
	ts->ack_pushed = 1;
	if (teach_ack_read(sk))
		teach_send_ack(sk, TEACH_WHY_ACK);
	ts->pingpong = !(val & 1);
}
