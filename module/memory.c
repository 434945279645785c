// SPDX-License-Identifier: GPL-2.0
/*
 * Who pays for the bytes.
 *
 * Every skb is charged by truesize to the socket that keeps it, first
 * against SO_SNDBUF or SO_RCVBUF and then, in pages, against the memory of
 * all TEACH sockets together (the kernel's sk_mem_* machinery, with the
 * limits below).
 */
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <linux/swap.h>

#include "teach.h"

atomic_long_t teach_memory_allocated;
unsigned long teach_memory_pressure;
long teach_sysctl_mem[3] __read_mostly;		/* pages: low, pressure, high */
int teach_memory_min = PAGE_SIZE;		/* bytes: refused to nobody */
DEFINE_PER_CPU(int, teach_memory_fw_alloc);
struct percpu_counter teach_sockets;

void teach_enter_memory_pressure(struct sock *sk)
{
	WRITE_ONCE(teach_memory_pressure, jiffies ? : 1);
}

void teach_leave_memory_pressure(struct sock *sk)
{
	WRITE_ONCE(teach_memory_pressure, 0);
}

/**
 * teach_wmem_schedule - may bytes be added to the send buffer?
 * @sk: the socket, locked
 * @len: how many
 *
 * Everybody may have net.teach.wmem[0] of them, though nothing is left of
 * net.teach.mem: who holds little goes on, and others who do not read cannot
 * stop him.  What is not paid for is a debt, sk_forward_alloc below 0, until
 * there is memory again or the bytes have gone.
 *
 * Return: how many; 0 when the caller has to wait.
 */
int teach_wmem_schedule(struct sock *sk, int len)
{
	int least;

	if (likely(sk_wmem_schedule(sk, len)))
		return len;
	least = READ_ONCE(teach_sk_net(sk)->sysctl.wmem[0]);
	return clamp(least - sk->sk_wmem_queued, 0, len);
}

/**
 * teach_rcv_charge - may a segment stay in a receive queue?
 * @sk: the socket, locked
 * @skb: the segment
 * @limit: bytes of truesize that the queues may have before it
 */
bool teach_rcv_charge(struct sock *sk, struct sk_buff *skb, int limit)
{
	return atomic_read(&sk->sk_rmem_alloc) <= limit &&
	       sk_rmem_schedule(sk, skb, skb->truesize);
}

/* Bytes of data that a receive buffer is for: half is for the skbs around. */
u32 teach_rcv_space_max(const struct sock *sk)
{
	return READ_ONCE(sk->sk_rcvbuf) / 2;
}

/* What of that can still be promised. */
int teach_rcv_space(const struct sock *sk)
{
	return (READ_ONCE(sk->sk_rcvbuf) - READ_ONCE(sk->sk_backlog.len) -
		atomic_read(&sk->sk_rmem_alloc)) / 2;
}

/**
 * teach_rcv_rtt_sample - a round trip, as the receiver sees it
 * @ts: the socket
 * @tsecr: our clock, as a full segment has sent it back
 *
 * Who only receives has no ACKs to measure by.
 */
void teach_rcv_rtt_sample(struct teach_sock *ts, u32 tsecr)
{
	u32 ticks = teach_ts_now(&ts->terms) - tsecr;
	u32 rtt_us;

	if (tsecr == ts->rcv_rtt_tsecr || ticks > INT_MAX / USEC_PER_MSEC)
		return;
	ts->rcv_rtt_tsecr = tsecr;
	rtt_us = max(ticks, 1U) * USEC_PER_MSEC;
	if (!ts->rcv_rtt_us)
		ts->rcv_rtt_us = rtt_us << 3;
	else
		ts->rcv_rtt_us += rtt_us - (ts->rcv_rtt_us >> 3);
}

/**
 * teach_rcvbuf_expand - let the receive buffer follow the reader
 * @sk: the socket, locked
 *
 * What was read in the last round trip is what the path and the reader can
 * do; the window should be twice that, so that a sender in slow start is
 * never held up (dynamic right-sizing, as in Linux).  A size that the user
 * has set stays.
 */
void teach_rcvbuf_expand(struct sock *sk)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;
	struct teach_sock *ts = teach_sk(sk);
	u32 rtt_us = ts->rcv_rtt_us ? : ts->srtt_us;
	u32 copied = ts->copied_seq - ts->rcvq_seq;
	u32 now_us = teach_clock_us();
	u64 window;

	if (now_us - ts->rcvq_us < rtt_us >> 3 || !rtt_us)
		return;
	if (copied > ts->rcvq_space && READ_ONCE(sysctl->moderate_rcvbuf) &&
	    !(sk->sk_userlocks & SOCK_RCVBUF_LOCK)) {
		window = 2ULL * copied + 16 * ts->advmss;
		/* As much faster as it has become since the last time. */
		window += div_u64(2 * window * (copied - ts->rcvq_space),
				  ts->rcvq_space);
		window = min_t(u64, 2 * window, READ_ONCE(sysctl->rmem[2]));
		if (window > sk->sk_rcvbuf)
			WRITE_ONCE(sk->sk_rcvbuf, window);
		ts->rcvq_space = copied;
	}
	ts->rcvq_seq = ts->copied_seq;
	ts->rcvq_us = now_us;
}

/**
 * teach_set_rcvlowat - SO_RCVLOWAT
 * @sk: the socket, locked
 * @val: so many bytes make a reader wake up
 *
 * As many as can ever be there at once; a buffer that may grow is made large
 * enough.
 *
 * Return: 0.
 */
int teach_set_rcvlowat(struct sock *sk, int val)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;
	bool fixed = sk->sk_userlocks & SOCK_RCVBUF_LOCK;

	val = min(val, (fixed ? sk->sk_rcvbuf :
				READ_ONCE(sysctl->rmem[2])) / 2);
	WRITE_ONCE(sk->sk_rcvlowat, val ? : 1);
	if (!fixed && 2 * val > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, 2 * val);
	/* What is there may be enough now. */
	if (teach_readable(sk) || sock_flag(sk, SOCK_DONE))
		sk->sk_data_ready(sk);
	return 0;
}

/**
 * teach_sndbuf_expand - let the send buffer follow cwnd
 * @sk: the socket, locked
 *
 * Twice cwnd, so that there is something to send while the last is waited
 * for.  A size that the user has set stays.
 */
void teach_sndbuf_expand(struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	u32 cwnd = max_t(u32, ts->cwnd, TEACH_INIT_CWND);
	u64 want;

	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		return;
	want = 2ULL * cwnd * SKB_TRUESIZE(ts->mss_cache + TEACH_MAX_HEADER);
	want = min_t(u64, want, READ_ONCE(teach_sk_net(sk)->sysctl.wmem[2]));
	if (sk->sk_sndbuf < want)
		WRITE_ONCE(sk->sk_sndbuf, want);
}

/**
 * teach_stream_memory_free - may more be written, though there is memory?
 * @sk: the socket, not necessarily locked
 * @wake: it is asked whether to wake a writer
 *
 * TCP_NOTSENT_LOWAT: not when so much waits to be sent.  A writer is woken at
 * half of that, so that it has something to do.
 */
bool teach_stream_memory_free(const struct sock *sk, int wake)
{
	const struct teach_sock *ts = teach_sk(sk);
	u32 lowat = READ_ONCE(ts->notsent_lowat) ? :
		    READ_ONCE(teach_sk_net(sk)->sysctl.notsent_lowat);
	u32 notsent = READ_ONCE(ts->write_seq) - READ_ONCE(ts->snd_nxt);

	return notsent << wake < lowat;
}

/**
 * teach_wake_writers - the send buffer has drained: a third of it is free
 * @sk: the socket, locked or not
 */
void teach_wake_writers(struct sock *sk)
{
	struct socket *sock;
	struct socket_wq *wq;

	rcu_read_lock();
	/* Freed by RCU: the file may be closed meanwhile. */
	sock = READ_ONCE(sk->sk_socket);
	if (!sock || !__sk_stream_is_writeable(sk, 1))
		goto out;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
						      EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
out:
	rcu_read_unlock();
}

/**
 * teach_check_space - does somebody wait to write more?
 * @sk: the socket, locked or not
 */
void teach_check_space(struct sock *sk)
{
	struct socket *sock;
	bool waits;

	/* Pairs with poll(2), which sets the flag and then asks again. */
	smp_mb();
	rcu_read_lock();
	sock = READ_ONCE(sk->sk_socket);
	waits = sock && test_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_unlock();
	if (waits)
		teach_wake_writers(sk);
}

/**
 * teach_write_space - sk_write_space of our sockets
 * @sk: the socket, locked or not
 *
 * Called by sock_wfree(), when a segment has left this host, and by SO_SNDBUF.
 *
 * Context: any.
 */
void teach_write_space(struct sock *sk)
{
	teach_tsq_left(sk);
	teach_check_space(sk);
}

/**
 * teach_memory_share - limit a protocol to a share of the kernel's memory
 * @mem: filled in, in pages: no pressure below, pressure above, no more
 * @part: around which part of what the kernel may use
 */
void teach_memory_share(long mem[3], unsigned int part)
{
	unsigned long limit = max(nr_free_buffer_pages() / part, 128UL);

	mem[0] = limit / 4 * 3;
	mem[1] = limit;
	mem[2] = limit / 4 * 6;
}

int teach_memory_init(void)
{
	teach_memory_share(teach_sysctl_mem, 16);	/* as tcp_mem */
	return percpu_counter_init(&teach_sockets, 0, GFP_KERNEL);
}

void teach_memory_exit(void)
{
	percpu_counter_destroy(&teach_sockets);
}
