// SPDX-License-Identifier: GPL-2.0
/*
 * SYN cookies: RFC 4987 3.6.
 *
 * Anybody can send SYNs from addresses that are not his, and for each we
 * would keep a request until it times out.  When the SYN queue is full we
 * keep nothing.  What we would have to know later goes out with our SYN-ACK,
 * and a peer who is really there brings it back.
 *
 *	SYN		->
 *			<-	SYN-ACK, seq = cookie		nothing is kept
 *	ACK, ack =
 *	  cookie + 1	->					a socket
 *
 * The cookie is our initial sequence number:
 *
 *	 31    24 23 21 20       0
 *	+--------+-----+----------+
 *	| minute | MSS |   tag    |  + the peer's initial number + a hash
 *	+--------+-----+----------+
 *
 *	minute	when it was made, so that it ages
 *	MSS	which of those in a table
 *	tag	a hash of the 5-tuple and these two, which nobody else knows:
 *		an ACK that is not an answer to us is right once in 2^28 times
 *
 * The hash is another one, of the 5-tuple alone.  With the peer's number and
 * the minute our numbers grow from one connection of a name to the next, and
 * tell nothing of another's (RFC 9293 3.4.1).
 *
 * There is no room for the other options.  They go into the last bits of our
 * timestamp, which the peer sends back too; without timestamps they are off:
 *
 *	 31             6   5     4    3    0
 *	+----------------+-----+------+------+
 *	|   our clock    | ECN | SACK | wscale, or 15 for none
 *	+----------------+-----+------+------+
 *
 * It is no more than a way out: a SYN-ACK of which nobody knows is not sent
 * again, and if the ACK is lost and the client waits for the server to speak
 * first, both wait.
 */
#include <linux/tcp.h>

#include "teach.h"

#define TEACH_COOKIE_TAG_BITS	21
#define TEACH_COOKIE_TAG_MASK	(BIT(TEACH_COOKIE_TAG_BITS) - 1)
#define TEACH_COOKIE_MSS_BITS	3
#define TEACH_COOKIE_MSS_MASK	(BIT(TEACH_COOKIE_MSS_BITS) - 1)
#define TEACH_COOKIE_MINUTES	2	/* how old it may be, and not older */

#define TEACH_COOKIE_WSCALE	0xf
#define TEACH_COOKIE_SACK	BIT(4)
#define TEACH_COOKIE_ECN	BIT(5)
#define TEACH_COOKIE_TS_MASK	(BIT(6) - 1)

/*
 * The MSS is rounded down to one of these, so that the first serves for all
 * that are smaller: a default, tunnels, PPPoE, Ethernet, large frames.
 */
static const u16 teach_cookie_mss[BIT(TEACH_COOKIE_MSS_BITS)] = {
	TEACH_MSS_MIN, 256, TEACH_MSS_DEFAULT, 1300, 1440, 1460, 4312, 8960,
};

/*
 * ---- The sequence number ----
 */

static u32 teach_cookie_minute(void)
{
	return (u32)ktime_get_seconds() / 60;
}

static u32 teach_cookie_hash(const struct teach_tuple *t, u32 irs)
{
	return irs + siphash_3u32((__force u32)t->laddr, (__force u32)t->faddr,
				  (__force u32)t->lport << 16 |
				  (__force u32)t->fport,
				  &teach_secret.cookie);
}

/* @head: the minute and the MSS, as they stand before the tag. */
static u32 teach_cookie_tag(const struct teach_tuple *t, u32 head)
{
	return siphash_4u32((__force u32)t->laddr, (__force u32)t->faddr,
			    (__force u32)t->lport << 16 | (__force u32)t->fport,
			    head, &teach_secret.cookie_tag) &
	       TEACH_COOKIE_TAG_MASK;
}

/* @mss: of the peer; lowered to the one that the cookie has room for. */
static u32 teach_cookie_make(const struct teach_tuple *t, u32 irs, u16 *mss)
{
	u32 i = ARRAY_SIZE(teach_cookie_mss) - 1;
	u32 head;

	while (i && teach_cookie_mss[i] > *mss)
		i--;
	*mss = teach_cookie_mss[i];
	head = teach_cookie_minute() << TEACH_COOKIE_MSS_BITS | i;
	return teach_cookie_hash(t, irs) + (head << TEACH_COOKIE_TAG_BITS |
					    teach_cookie_tag(t, head));
}

/* Return: the MSS, or 0 when it is not one of ours, or too old. */
static u16 teach_cookie_check(const struct teach_tuple *t, u32 irs, u32 cookie)
{
	u32 now = teach_cookie_minute();
	u32 head, i;
	u8 age;

	cookie -= teach_cookie_hash(t, irs);
	head = cookie >> TEACH_COOKIE_TAG_BITS;
	i = head & TEACH_COOKIE_MSS_MASK;
	/* Eight bits of the minute came back: the others are as now. */
	age = now - (head >> TEACH_COOKIE_MSS_BITS);
	if (age >= TEACH_COOKIE_MINUTES)
		return 0;
	head = (now - age) << TEACH_COOKIE_MSS_BITS | i;
	if ((cookie & TEACH_COOKIE_TAG_MASK) != teach_cookie_tag(t, head))
		return 0;
	return teach_cookie_mss[i];
}

/*
 * ---- The timestamp ----
 */

/* No later than now, so that our clock never seems to go back. */
static u32 teach_cookie_tsval(const struct teach_terms *terms)
{
	u32 now = teach_ts_now(terms) - terms->ts_offset;
	u32 val = now & ~TEACH_COOKIE_TS_MASK;

	val |= terms->wscale ? terms->snd_wscale : TEACH_COOKIE_WSCALE;
	if (terms->sack)
		val |= TEACH_COOKIE_SACK;
	if (terms->ecn)
		val |= TEACH_COOKIE_ECN;
	if (after(val, now))
		val -= TEACH_COOKIE_TS_MASK + 1;
	return val + terms->ts_offset;
}

/*
 * The options of the SYN, as they were when we answered it.  Return: false
 * when they are not what we offer now.
 */
static bool teach_cookie_options(struct teach_request *req,
				 struct teach_options *opt)
{
	struct teach_terms *terms = &req->terms;
	u32 bits = opt->tsecr - terms->ts_offset;

	if (opt->has_timestamps) {
		opt->wscale = bits & TEACH_COOKIE_WSCALE;
		opt->has_wscale = opt->wscale != TEACH_COOKIE_WSCALE;
		opt->sack_permitted = bits & TEACH_COOKIE_SACK;
	}
	teach_terms_agree(terms, opt);
	terms->ecn = opt->has_timestamps && bits & TEACH_COOKIE_ECN &&
		     READ_ONCE(teach_sk_net(req->sk)->sysctl.ecn);
	return terms->timestamps == opt->has_timestamps &&
	       terms->wscale == opt->has_wscale &&
	       terms->sack == opt->sack_permitted;
}

/*
 * ---- SYN and ACK ----
 */

/* For so long there may be ACKs; else none is looked at. */
static void teach_cookie_remember(struct teach_listener *queue)
{
	unsigned long end = jiffies + TEACH_COOKIE_MINUTES * 60 * HZ;

	/* Not for each of a flood: all CPUs read it. */
	if (time_after(end, READ_ONCE(queue->cookies_end) + HZ))
		WRITE_ONCE(queue->cookies_end, end);
}

/**
 * teach_cookie_send - answer a SYN, and forget it
 * @sk: the listener
 * @queue: its queues
 * @skb: the SYN
 *
 * Context: softirq, rcu_read_lock().
 */
void teach_cookie_send(struct sock *sk, struct teach_listener *queue,
		       const struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);
	struct teach_options opt;
	struct teach_request req;

	teach_request_init(&req, sk, queue, skb);
	teach_options_parse(skb, &opt);
	if (!opt.has_timestamps || !req.terms.timestamps) {
		opt.has_wscale = false;
		opt.sack_permitted = false;
	}
	teach_terms_agree(&req.terms, &opt);
	req.terms.ecn = req.terms.timestamps &&
			teach_ecn_asked(sock_net(sk), cb->flags);
	req.irs = cb->seq;
	req.iss = teach_cookie_make(&req.entry.tuple, req.irs, &req.terms.mss);

	teach_terms_options(&req.terms, req.advmss, &opt);
	if (opt.has_timestamps)
		opt.tsval = teach_cookie_tsval(&req.terms);

	/* First: the answer may be here before we return. */
	teach_cookie_remember(queue);
	TEACH_INC(teach_sk_net(sk), SYNCOOKIES_SENT);
	teach_send_synack_options(&req, &opt);
}

/**
 * teach_cookie_rcv - an ACK for a listener: does it bring a cookie back?
 * @sk: the listener
 * @queue: its queues
 * @waiting: the request of the same 5-tuple, or NULL
 * @skb: the ACK; consumed if it does
 *
 * There is one @waiting when the peer's SYN has come again and found room,
 * but the first answer was only late.  That is the one that the peer took.
 *
 * Context: softirq, rcu_read_lock().
 * Return: whether it does.
 */
bool teach_cookie_rcv(struct sock *sk, struct teach_listener *queue,
		      struct teach_request *waiting, struct sk_buff *skb)
{
	const struct teach_cb *cb = teach_cb(skb);
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_options opt;
	struct teach_request req;
	u16 mss;

	if (cb->flags & TEACH_SYN || !READ_ONCE(tn->sysctl.syncookies) ||
	    !time_before(jiffies, READ_ONCE(queue->cookies_end)))
		return false;

	teach_request_init(&req, sk, queue, skb);
	req.cookie = true;
	req.irs = cb->seq - 1;
	req.iss = cb->ack - 1;
	mss = teach_cookie_check(&req.entry.tuple, req.irs, req.iss);
	if (!mss) {
		TEACH_INC(tn, SYNCOOKIES_FAILED);
		return false;
	}
	TEACH_INC(tn, SYNCOOKIES_RECV);

	teach_options_parse(skb, &opt);
	opt.mss = mss;
	if (!teach_cookie_options(&req, &opt))
		return false;
	if (waiting)
		teach_request_drop(waiting, TCP_LISTEN, TEACH_BY_SEGMENT);
	teach_request_complete(&req, skb);
	return true;
}
