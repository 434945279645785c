// SPDX-License-Identifier: GPL-2.0
/*
 * "Segment arrives": RFC 9293 3.10.7, in its order.
 *
 *	CLOSED		teach_rcv_closed()		3.10.7.1
 *	LISTEN		teach_listen_rcv(), listen.c	3.10.7.2
 *	SYN_SENT	teach_rcv_syn_sent()		3.10.7.3
 *	the others	teach_rcv_synchronized()	3.10.7.4
 *
 * A connection in SYN_RECV that came from a listener is still a request
 * (listen.c), and one in TIME_WAIT is no socket any more (timewait.c); both
 * ask the questions of 3.10.7.4 too.
 *
 * The rules of RFC 5961 against blind attacks are part of RFC 9293: a reset
 * must be exact, and a SYN in the window is answered with an ACK, so that
 * only who can see our answers can end a connection.
 */
#include <linux/tcp.h>

#include "teach.h"

/**
 * teach_reply_rst - RFC 9293 3.5.2: answer a segment that should not be
 * @net: the network namespace
 * @skb: the segment
 */
void teach_reply_rst(struct net *net, const struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);
	struct teach_bare rst = {
		.t.laddr = ip_hdr(skb)->daddr,
		.t.faddr = ip_hdr(skb)->saddr,
		.t.lport = tcp_hdr(skb)->dest,
		.t.fport = tcp_hdr(skb)->source,
		.t.proto = ip_hdr(skb)->protocol,
		.dif	 = teach_vrf(skb),
		.flags	 = TEACH_RST,
		.state	 = TCP_CLOSE,
		.why	 = TEACH_WHY_RESET,
	};

	if (cb->flags & TEACH_RST)
		return;
	if (cb->flags & TEACH_ACK) {
		rst.seq = cb->ack;
	} else {
		rst.ack = cb->end_seq;
		rst.flags |= TEACH_ACK;
	}
	teach_ip_send(net, &rst);
}

/* 3.10.7.1 */
void teach_rcv_closed(struct net *net, struct sk_buff *skb)
{
	teach_reply_rst(net, skb);
	teach_drop(net, skb, TEACH_DROP_NO_SOCKET);
}

/**
 * teach_oow_ack_allowed - may a segment that is none of ours be answered?
 * @tn: the network namespace
 * @last: when one of this connection was, in jiffies; 0 for never
 *
 * RFC 5961 7: not every one gets an answer, or two hosts could loop.  One
 * does in net.teach.invalid_ratelimit.
 */
bool teach_oow_ack_allowed(struct teach_net *tn, u32 *last)
{
	u32 now = (u32)jiffies, then = READ_ONCE(*last);

	if (then && now - then < READ_ONCE(tn->sysctl.invalid_ratelimit)) {
		TEACH_INC(tn, ACKS_SKIPPED);
		return false;
	}
	WRITE_ONCE(*last, now ? : 1);
	return true;
}

/* One with bytes was sent for want of our ACK: that is never withheld. */
bool teach_old_ack_allowed(struct teach_net *tn, const struct teach_cb *cb,
			   u32 *last)
{
	if (cb->end_seq != cb->seq && !(cb->flags & TEACH_SYN))
		return true;
	return teach_oow_ack_allowed(tn, last);
}

/*
 * RFC 5961 7: all connections together have net.teach.challenge_ack_limit in
 * a second.  Not exactly: a stranger who has a connection of his own could
 * use up the rest, see when it is used up by others, and so learn whether his
 * guesses at their numbers were right (CVE-2016-5696).  It is without limit
 * unless told.
 */
static bool teach_challenge_quota(struct teach_net *tn)
{
	u32 limit = READ_ONCE(tn->sysctl.challenge_ack_limit);
	u32 second = jiffies / HZ;
	u32 left;

	if (limit == INT_MAX)
		return true;
	if (READ_ONCE(tn->challenge_second) != second) {
		WRITE_ONCE(tn->challenge_second, second);
		left = DIV_ROUND_UP(limit, 2) +
		       reciprocal_scale(get_random_u32(), limit);
	} else {
		left = READ_ONCE(tn->challenge_left);
	}
	if (!left)
		return false;
	/* Two CPUs may count one for two; it need not be exact. */
	WRITE_ONCE(tn->challenge_left, left - 1);
	return true;
}

/**
 * teach_challenge_allowed - RFC 5961: may a segment be asked if it is true?
 * @tn: the network namespace
 * @last: as in teach_oow_ack_allowed()
 *
 * The question is an ACK: if the peer has really lost the connection it
 * answers with a reset whose sequence number is exact.
 */
bool teach_challenge_allowed(struct teach_net *tn, u32 *last)
{
	if (!teach_oow_ack_allowed(tn, last) || !teach_challenge_quota(tn))
		return false;
	TEACH_INC(tn, CHALLENGE_ACKS);
	return true;
}

static void teach_challenge_ack(struct sock *sk)
{
	if (teach_challenge_allowed(teach_sk_net(sk),
				    &teach_sk(sk)->oow_ack_time))
		teach_send_ack(sk, TEACH_WHY_CHALLENGE);
}

/**
 * teach_in_window - RFC 9293 3.10.7.4, first: is any of it in the window?
 * @cb: the segment
 * @rcv_nxt: what is expected
 * @wup: from where on it may begin
 * @end: the end of the window
 *
 * @wup is what we had acknowledged last, and so a little before @rcv_nxt:
 * like Linux we take the ACK of a segment that an ACK of ours has crossed.
 */
bool teach_in_window(const struct teach_cb *cb, u32 rcv_nxt, u32 wup, u32 end)
{
	/* With a window of zero only what brings no bytes is acceptable. */
	if (end == rcv_nxt && cb->seq == rcv_nxt)
		return true;
	return !before(cb->end_seq, wup) && before(cb->seq, end);
}

static bool teach_sequence_ok(const struct teach_sock *ts,
			      const struct teach_cb *cb)
{
	return teach_in_window(cb, ts->rcv_nxt, ts->rcv_wup,
			       teach_rcv_wnd_end(ts));
}

/*
 * An ACK that others have overtaken on the way brings nothing, but is no
 * reason to answer.
 */
static bool teach_overtaken(const struct teach_sock *ts,
			    const struct teach_cb *cb,
			    const struct teach_options *opt)
{
	return cb->flags & TEACH_ACK && cb->seq == cb->end_seq &&
	       cb->seq == ts->rcv_nxt && cb->ack == ts->snd_una &&
	       teach_peer_window(ts, cb) == ts->snd_wnd &&
	       ts->terms.ts_recent - opt->tsval <=
	       jiffies_to_msecs(ts->rto);
}

/*
 * RFC 7323 5.3, R1: before all else, is it from an earlier time of the
 * sequence space?  Return: whether to go on.
 */
static bool teach_check_paws(struct sock *sk, struct sk_buff *skb,
			     const struct teach_options *opt)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);

	if (cb->flags & TEACH_RST || teach_paws_ok(&ts->terms, opt) ||
	    teach_overtaken(ts, cb, opt))
		return true;
	if (teach_old_ack_allowed(teach_sk_net(sk), cb, &ts->oow_ack_time))
		teach_send_ack(sk, TEACH_WHY_CHALLENGE);
	teach_drop(sock_net(sk), skb, TEACH_DROP_PAWS);
	return false;
}

/* 3.10.7.4, first: not acceptable.  Say where we are. */
static void teach_rcv_unacceptable(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);

	if (cb->flags & TEACH_RST) {
		teach_drop(sock_net(sk), skb, TEACH_DROP_BAD_RESET);
		return;
	}
	/* RFC 5961 4.2: a SYN, wherever it is. */
	if (cb->flags & TEACH_SYN) {
		teach_challenge_ack(sk);
		teach_drop(sock_net(sk), skb, TEACH_DROP_BAD_SYN);
		return;
	}
	/* RFC 2883 4: bytes that came before, and why we say so. */
	if (cb->seq != cb->end_seq && before(cb->seq, ts->rcv_nxt))
		teach_dsack_set(sk, cb->seq, before(cb->end_seq, ts->rcv_nxt) ?
					     cb->end_seq : ts->rcv_nxt);
	if (teach_old_ack_allowed(teach_sk_net(sk), cb, &ts->oow_ack_time))
		teach_send_ack(sk, TEACH_WHY_CHALLENGE);
	teach_drop(sock_net(sk), skb, after(cb->seq, ts->rcv_nxt) ?
				      TEACH_DROP_OUT_OF_WINDOW :
				      TEACH_DROP_OLD_DATA);
}

/* The peer has ended it. */
static void teach_rcv_rst(struct sock *sk)
{
	TEACH_INC(teach_sk_net(sk), ESTAB_RESETS);

	switch (sk->sk_state) {
	case TCP_SYN_SENT:
		teach_fail(sk, ECONNREFUSED);
		break;
	case TCP_CLOSE_WAIT:
		teach_fail(sk, EPIPE);
		break;
	default:
		teach_fail(sk, ECONNRESET);
	}
}

/*
 * ---- 3.10.7.3 SYN_SENT ----
 */

/* What the first segment from the peer tells, if it is a SYN. */
static void teach_rcv_syn(struct sock *sk, const struct sk_buff *skb,
			  const struct teach_options *opt)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	struct teach_terms terms = ts->terms;

	teach_terms_agree(&terms, opt);
	if (cb->flags & TEACH_ACK)
		terms.ecn &= teach_ecn_agreed(cb->flags);
	else
		terms.ecn = teach_ecn_asked(sock_net(sk), cb->flags);
	teach_terms_apply(sk, &terms);

	ts->irs = cb->seq;
	ts->rcv_nxt = cb->seq + 1;
	ts->rcv_wup = ts->rcv_nxt;
	WRITE_ONCE(ts->copied_seq, ts->rcv_nxt);
	ts->snd_wnd = cb->window;
	ts->snd_wl1 = cb->seq;
	ts->max_window = cb->window;
	teach_mtu_start(sk, ts->pmtu);
}

/**
 * teach_established - the handshake is complete
 * @sk: the socket, locked; its SYN is acknowledged
 */
void teach_established(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	teach_cong_start(sk);
	/* RFC 5681 3.1: a lost SYN says something, but once is chance. */
	if (ts->total_retrans > 1 && ts->undo_marker)
		ts->cwnd = 1;
	ts->recovery = TEACH_OPEN;
	ts->undo_marker = 0;
	ts->retrans_stamp = 0;
	ts->high_seq = ts->iss;
	ts->rack_round_seq = ts->snd_una;
	/* The SYN, whoever kept it. */
	ts->delivered = 1;
	ts->last_data_rcv = (u32)jiffies;
	ts->rcvq_seq = ts->copied_seq;
	ts->rcvq_us = teach_clock_us();
	ts->rcvq_space = TEACH_INIT_CWND * ts->advmss;
	teach_pacing_update(sk);

	teach_set_state(sk, TCP_ESTABLISHED);
	teach_keepalive_start(sk);
	teach_sndbuf_expand(sk);
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
	}
}

/*
 * RFC 7323 3.2: a SYN-ACK sends back the clock of our SYN.  If it is another,
 * it answers one of an earlier connection of this name.
 */
static bool teach_syn_echo_ok(const struct teach_sock *ts,
			      const struct teach_options *opt)
{
	if (!ts->terms.timestamps || !opt->has_timestamps || !opt->tsecr)
		return true;
	return between(opt->tsecr, ts->syn_tsval, teach_ts_now(&ts->terms));
}

/* Return: whether the segment was used up. */
static bool teach_rcv_syn_sent(struct sock *sk, struct sk_buff *skb,
			       const struct teach_options *opt)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	struct net *net = sock_net(sk);

	/* First, check the ACK bit. */
	if (cb->flags & TEACH_ACK && (!after(cb->ack, ts->snd_una) ||
				      after(cb->ack, ts->snd_nxt))) {
		teach_reply_rst(net, skb);
		teach_drop(net, skb, TEACH_DROP_BAD_ACK);
		return true;
	}
	if (cb->flags & TEACH_ACK && !teach_syn_echo_ok(ts, opt)) {
		TEACH_INC(teach_net(net), PAWS_ACTIVE);
		teach_reply_rst(net, skb);
		teach_drop(net, skb, TEACH_DROP_PAWS);
		return true;
	}
	/* Second, check the RST bit. */
	if (cb->flags & TEACH_RST) {
		if (cb->flags & TEACH_ACK)
			teach_rcv_rst(sk);
		teach_drop(net, skb, TEACH_DROP_RESET);
		return true;
	}
	/* Fourth, check the SYN bit. */
	if (!(cb->flags & TEACH_SYN)) {
		teach_drop(net, skb, TEACH_DROP_BAD_FLAGS);
		return true;
	}
	teach_rcv_syn(sk, skb, opt);

	if (!(cb->flags & TEACH_ACK)) {
		/* Both opened at once. */
		teach_set_state(sk, TCP_SYN_RECV);
		teach_send_synack(sk);
		consume_skb(skb);
		return true;
	}

	teach_rcv_ack(sk, skb, opt);
	security_inet_conn_established(sk, skb);
	teach_established(sk);
	if (ts->pingpong || sk->sk_write_pending)
		teach_ack_with_data(sk);
	else
		teach_ack_soon(sk);

	/* Fifth: what came with the SYN is data; its bytes begin behind it. */
	cb->flags &= ~TEACH_SYN;
	cb->seq++;
	return false;
}

/*
 * ---- 3.10.7.4 the others ----
 */

/* Second, check the RST bit.  Return: whether to go on. */
static bool teach_check_rst(struct sock *sk, struct sk_buff *skb)
{
	struct teach_cb *cb = teach_cb(skb);

	if (!(cb->flags & TEACH_RST))
		return true;

	if (cb->seq == teach_sk(sk)->rcv_nxt) {
		teach_rcv_rst(sk);
		teach_drop(sock_net(sk), skb, TEACH_DROP_RESET);
	} else {
		teach_challenge_ack(sk);
		teach_drop(sock_net(sk), skb, TEACH_DROP_BAD_RESET);
	}
	return false;
}

/* Fourth, check the SYN bit.  Return: whether to go on. */
static bool teach_check_syn(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);

	if (!(cb->flags & TEACH_SYN))
		return true;

	/* Both opened at once, and this acknowledges our SYN. */
	if (sk->sk_state == TCP_SYN_RECV && cb->flags & TEACH_ACK &&
	    cb->seq == ts->irs && cb->ack == ts->snd_nxt)
		return true;

	teach_challenge_ack(sk);
	teach_drop(sock_net(sk), skb, TEACH_DROP_BAD_SYN);
	return false;
}

/*
 * RFC 7323 4.3 (2): the clock of what our next segment answers.  Before the
 * ACK is taken in, for that may send one.
 */
static void teach_update_ts_recent(struct teach_sock *ts,
				   const struct teach_cb *cb,
				   const struct teach_options *opt)
{
	if (opt->has_timestamps && !after(cb->seq, ts->rcv_wup) &&
	    teach_paws_ok(&ts->terms, opt))
		teach_ts_recent(&ts->terms, opt->tsval);
}

/* Fifth, check the ACK field.  Return: whether to go on. */
static bool teach_check_ack(struct sock *sk, struct sk_buff *skb,
			    const struct teach_options *opt)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);
	struct net *net = sock_net(sk);

	if (!(cb->flags & TEACH_ACK)) {
		teach_drop(net, skb, TEACH_DROP_BAD_FLAGS);
		return false;
	}

	if (sk->sk_state == TCP_SYN_RECV) {
		if (!after(cb->ack, ts->snd_una) ||
		    after(cb->ack, ts->snd_nxt)) {
			teach_reply_rst(net, skb);
			teach_drop(net, skb, TEACH_DROP_BAD_ACK);
			return false;
		}
		teach_update_ts_recent(ts, cb, opt);
		teach_rcv_ack(sk, skb, opt);
		teach_established(sk);
		/* CLOSE came before: 3.10.4, SYN-SENT and SYN-RECEIVED. */
		if (sk->sk_shutdown & SEND_SHUTDOWN)
			teach_shut_write(sk);
		return true;
	}

	if (after(cb->ack, ts->snd_nxt)) {
		teach_challenge_ack(sk);
		teach_drop(net, skb, TEACH_DROP_BAD_ACK);
		return false;
	}
	/*
	 * RFC 5961 5.2: older than any segment that could still be around, or
	 * of what was never sent.
	 */
	if (before(cb->ack, ts->snd_una - (u32)min_t(u64, ts->max_window,
						     ts->bytes_acked))) {
		teach_challenge_ack(sk);
		teach_drop(net, skb, TEACH_DROP_OLD_ACK);
		return false;
	}
	teach_update_ts_recent(ts, cb, opt);
	teach_rcv_ack(sk, skb, opt);
	return true;
}

static bool teach_fin_acked(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);

	return ts->snd_una == ts->write_seq;
}

/* Fifth, what the ACK of our FIN means in each state. */
static void teach_rcv_fin_ack(struct sock *sk)
{
	if (!teach_fin_acked(sk))
		return;

	switch (sk->sk_state) {
	case TCP_FIN_WAIT1:
		teach_set_state(sk, TCP_FIN_WAIT2);
		if (!sock_flag(sk, SOCK_DEAD))
			sk->sk_state_change(sk);
		break;
	case TCP_CLOSING:
		teach_time_wait(sk, TCP_TIME_WAIT, TEACH_TIMEWAIT_LEN);
		break;
	case TCP_LAST_ACK:
		teach_done(sk);
		break;
	}
}

/*
 * RFC 9293 3.6.1: bytes for a user who will not read.  Return: whether the
 * connection was reset for it.
 */
static bool teach_rcv_nobody_reads(struct sock *sk, const struct teach_cb *cb)
{
	u32 end = cb->end_seq - !!(cb->flags & TEACH_FIN);

	if (!((1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2)) ||
	    !(sk->sk_shutdown & RCV_SHUTDOWN))
		return false;
	if (cb->seq == cb->end_seq || !after(end, teach_sk(sk)->rcv_nxt))
		return false;

	TEACH_INC(teach_sk_net(sk), ABORT_ON_CLOSE);
	teach_send_rst(sk);
	teach_fail(sk, ECONNRESET);
	return true;
}

/* Eighth, check the FIN bit: it has its turn now, nothing is missing. */
static void teach_rcv_fin(struct sock *sk)
{
	teach_ack_soon(sk);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);

	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
		teach_set_state(sk, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT1:
		teach_set_state(sk, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT2:
		teach_send_ack(sk, TEACH_WHY_ACK);
		teach_time_wait(sk, TCP_TIME_WAIT, TEACH_TIMEWAIT_LEN);
		break;
	}

	if (sock_flag(sk, SOCK_DEAD))
		return;
	sk->sk_state_change(sk);
	if (sk->sk_shutdown == SHUTDOWN_MASK || sk->sk_state == TCP_CLOSE)
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
	else
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
}

/* Seventh, process the segment text. */
static void teach_rcv_text(struct sock *sk, struct sk_buff *skb)
{
	struct teach_cb *cb = teach_cb(skb);

	/* Sixth, check the URG bit; until the peer's FIN. */
	if ((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 |
				   TCPF_FIN_WAIT2))
		teach_urgent_rcv(sk, skb);

	if (cb->seq == cb->end_seq) {
		consume_skb(skb);
		return;
	}

	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		if (teach_rcv_data(sk, skb))
			teach_rcv_fin(sk);
		break;
	default:
		/* "This should not occur, since a FIN has been received." */
		teach_ack_soon(sk);
		teach_drop(sock_net(sk), skb, TEACH_DROP_OLD_DATA);
	}
}

static void teach_rcv_synchronized(struct sock *sk, struct sk_buff *skb,
				   const struct teach_options *opt)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_cb *cb = teach_cb(skb);

	if (!teach_check_paws(sk, skb, opt))
		return;
	if (!teach_sequence_ok(ts, cb)) {
		teach_rcv_unacceptable(sk, skb);
		return;
	}
	if (!teach_check_rst(sk, skb) || !teach_check_syn(sk, skb) ||
	    !teach_check_ack(sk, skb, opt))
		return;

	teach_ecn_rcv(ts, skb);
	if (ts->terms.timestamps && opt->tsecr &&
	    cb->end_seq - cb->seq >= ts->rcv_mss)
		teach_rcv_rtt_sample(ts, opt->tsecr);

	teach_rcv_fin_ack(sk);
	if (sk->sk_state == TCP_CLOSE || teach_rcv_nobody_reads(sk, cb)) {
		consume_skb(skb);
		return;
	}
	teach_rcv_text(sk, skb);
}

static void teach_count_in(struct teach_sock *ts, const struct sk_buff *skb)
{
	u32 segs = teach_segs_of(skb);

	ts->stats.segs_in += segs;
	if (skb->len > tcp_hdrlen(skb))
		ts->stats.data_segs_in += segs;
}

/**
 * teach_do_rcv - a segment of a connection
 * @sk: the socket, locked
 * @skb: the segment; consumed
 *
 * Also called for what had to wait in the backlog.
 */
int teach_do_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct teach_sock *ts = teach_sk(sk);
	struct teach_options opt;

	/* What it was routed by is of no use to a reader. */
	skb_dst_drop(skb);
	teach_count_in(ts, skb);

	/*
	 * It has closed since the segment was looked up.  If that matters it
	 * will be sent again, to whoever is there then.
	 */
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)) {
		teach_drop(sock_net(sk), skb, TEACH_DROP_CLOSED);
		return 0;
	}
	ts->cause = TEACH_BY_SEGMENT;
	teach_options_parse(skb, &opt);
	if (sk->sk_state != TCP_SYN_SENT)
		teach_rcv_synchronized(sk, skb, &opt);
	else if (!teach_rcv_syn_sent(sk, skb, &opt))
		teach_rcv_text(sk, skb);

	/*
	 * Only now: the segment could have brought the peer's FIN, too.  And
	 * the next in the backlog may, while close(2) takes that in.
	 */
	if (sk->sk_state == TCP_FIN_WAIT2 && sock_flag(sk, SOCK_DEAD) &&
	    !sock_owned_by_user(sk))
		teach_fin_wait2_orphan(sk);

	if (sk->sk_state != TCP_CLOSE) {
		teach_push(sk);
		teach_ack_check(sk);
	}
	ts->cause = TEACH_BY_CALL;
	return 0;
}
