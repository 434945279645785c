// SPDX-License-Identifier: GPL-2.0
/*
 * The family: the system calls that make, name, connect and end a socket.
 * Those that move bytes are in stream.c.
 *
 *	socket(2)	CLOSE
 *	bind(2)			a local port is held (port.c)
 *	listen(2)	LISTEN	two queues (listen.c)
 *	connect(2)	SYN_SENT, then ESTABLISHED
 *	accept(2)		the first of the accept queue gets a file
 *	shutdown(2)	FIN_WAIT1 or LAST_ACK
 *	close(2)		the same; the rest happens without a user
 *
 * A socket whose user has gone (SOCK_DEAD) lives until its connection ends.
 * It does not keep the module loaded; unloading ends it.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "teach.h"
#include "compat/sendpage.h"
#include "trace.h"

/*
 * ---- States ----
 */

/**
 * teach_sleep - a system call begins to wait
 * @sk: the socket, of streams or datagrams
 * @call: which
 *
 * Return: when, for teach_woken(); nothing of use if nobody watches.
 */
u32 teach_sleep(const struct sock *sk, enum teach_call call)
{
	struct teach_tuple t;

	if (!trace_teach_sleep_enabled() && !trace_teach_wake_enabled())
		return 0;
	teach_sock_tuple(sk, &t);
	trace_teach_sleep(sock_net(sk), &t, call);
	return teach_clock_us();
}

/**
 * teach_woken - it does not wait any longer
 * @sk: the socket
 * @call: which
 * @err: 0, or a negative errno
 * @since: when it began to
 */
void teach_woken(const struct sock *sk, enum teach_call call, int err,
		 u32 since)
{
	struct teach_tuple t;

	if (!trace_teach_wake_enabled())
		return;
	teach_sock_tuple(sk, &t);
	trace_teach_wake(sock_net(sk), &t, call, err,
			 since ? teach_clock_us() - since : 0);
}

/**
 * teach_wait_error - why a call gives up what it waits for
 * @sk: the socket, locked
 * @timeout: what is left of its time
 *
 * Return: a negative errno, or 0 when nothing is wrong: the stream has ended.
 */
int teach_wait_error(const struct sock *sk, long timeout)
{
	if (sk->sk_err)
		return -sk->sk_err;
	if (signal_pending(current))
		return sock_intr_errno(timeout);
	return timeout ? 0 : -EAGAIN;
}

/* The addresses, as the hash and the trace know them. */
void teach_tuple_set(struct sock *sk)
{
	teach_sk(sk)->entry.tuple = (struct teach_tuple) {
		.laddr	= sk->sk_rcv_saddr,
		.faddr	= sk->sk_daddr,
		.lport	= inet_sk(sk)->inet_sport,
		.fport	= sk->sk_dport,
		.proto	= teach_sk(sk)->wire,
	};
}

/* Nobody finds it any more, and its port is free unless bind(2) took it. */
void teach_unname(struct sock *sk)
{
	struct teach_net *tn = teach_sk_net(sk);
	struct teach_sock *ts = teach_sk(sk);

	if (sk->sk_state == TCP_LISTEN) {
		teach_listen_unhash(sk);
		teach_port_unlisten(sk);
	} else {
		teach_hash_remove(tn, &ts->entry);
	}

	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK)) {
		teach_port_put(tn, &ts->bind);
		inet_sk(sk)->inet_num = 0;
	}
}

/**
 * teach_set_state - go to another state of RFC 9293 3.3.2
 * @sk: the socket, locked
 * @state: the state
 */
void teach_set_state(struct sock *sk, int state)
{
	if (sk->sk_state == state)
		return;
	trace_teach_state(sock_net(sk), &teach_sk(sk)->entry.tuple,
			  sk->sk_state, state, teach_sk(sk)->cause);
	if (state == TCP_CLOSE)
		teach_unname(sk);
	/* poll(2) reads it without a lock, and then what came before it. */
	smp_store_release(&sk->sk_state, state);
}

/* The connection has ended.  If nobody holds the socket it goes too. */
void teach_retire(struct sock *sk)
{
	teach_timer_stop(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sock_flag(sk, SOCK_DEAD))
		teach_destroy_sock(sk);
	else
		sk->sk_state_change(sk);
}

/**
 * teach_done - the connection has ended
 * @sk: the socket, locked; if its user has gone, it is given up
 */
void teach_done(struct sock *sk)
{
	teach_set_state(sk, TCP_CLOSE);
	teach_retire(sk);
}

/**
 * teach_fail - the connection has ended with an error
 * @sk: the socket, locked
 * @err: a positive errno, for SO_ERROR and the next system call
 */
void teach_fail(struct sock *sk, int err)
{
	WRITE_ONCE(sk->sk_err, err);
	teach_send_purge(sk);
	teach_rcv_purge(sk);
	teach_done(sk);
	if (!sock_flag(sk, SOCK_DEAD))
		sk_error_report(sk);
}

/* RFC 9293 3.10.5: the states in which the peer has to be told. */
static bool teach_needs_rst(int state)
{
	return (1 << state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT |
			       TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_SYN_RECV);
}

/* Give up a connection that nobody holds. */
void teach_abort(struct sock *sk)
{
	if (teach_needs_rst(sk->sk_state))
		teach_send_rst(sk);
	teach_done(sk);
}

/**
 * teach_destroy_sock - let go of a socket that has neither user nor connection
 * @sk: the socket, locked; in state CLOSE and dead
 *
 * Drops the reference that it was born with.
 */
void teach_destroy_sock(struct sock *sk)
{
	WARN_ON_ONCE(sk->sk_state != TCP_CLOSE || !sock_flag(sk, SOCK_DEAD));

	teach_timer_stop(sk);
	teach_send_purge(sk);
	teach_rcv_purge(sk);
	teach_cong_put(sk);
	teach_orphan_end(sk);
	teach_port_put(teach_sk_net(sk), &teach_sk(sk)->bind);
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	sock_put(sk);
}

static void teach_sock_destruct(struct sock *sk)
{
	sock_prot_inuse_add(sock_net(sk), &teach_prot, -1);
	inet_sock_destruct(sk);
	percpu_counter_dec(&teach_sockets);
}

/*
 * ---- Timers and interrupts, while a system call has the socket ----
 */

static void (*const teach_work[TEACH_WORKS])(struct sock *sk) = {
	[TEACH_WORK_MTU]	= teach_mtu_reduced,
	[TEACH_WORK_TIMER]	= teach_timer_run,
	[TEACH_WORK_SEND]	= teach_tsq_run,
};

static void teach_do_work(struct sock *sk, enum teach_work work)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->cause = work == TEACH_WORK_MTU ? TEACH_BY_ICMP : TEACH_BY_TIMER;
	teach_work[work](sk);
	ts->cause = TEACH_BY_CALL;
}

/**
 * teach_run - do it now, or when the system call ends that has the socket
 * @sk: the socket, with its spinlock held
 * @work: what to do
 */
void teach_run(struct sock *sk, enum teach_work work)
{
	if (sock_owned_by_user(sk))
		set_bit(work, &teach_sk(sk)->deferred);
	else
		teach_do_work(sk, work);
}

/**
 * teach_run_put - the same for who holds nothing but a reference
 * @sk: the socket; the reference is dropped
 * @work: what to do
 *
 * Context: softirq.
 */
void teach_run_put(struct sock *sk, enum teach_work work)
{
	bh_lock_sock(sk);
	teach_run(sk, work);
	bh_unlock_sock(sk);
	sock_put(sk);
}

/* What was put off: release_sock() calls it. */
void teach_release_cb(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);
	int work;

	if (likely(!READ_ONCE(ts->deferred)))
		return;
	for (work = 0; work < TEACH_WORKS; work++)
		if (test_and_clear_bit(work, &ts->deferred))
			teach_do_work(sk, work);
}

/*
 * ---- socket(2) ----
 */

/* What a connection begins with, for the first time or again. */
static void teach_reset(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	ts->pmtu = 0;
	memset(&ts->mtu_search, 0, sizeof(ts->mtu_search));
	memset(&ts->terms, 0, sizeof(ts->terms));
	ts->window_clamp = U16_MAX;
	ts->mss_clamp = TEACH_MSS_DEFAULT;
	ts->advmss = TEACH_MSS_DEFAULT;
	ts->rcv_mss = TEACH_MSS_DEFAULT;
	ts->max_window = 0;
	ts->bytes_acked = 0;
	ts->snd_wnd = 0;
	ts->sacked_out = 0;
	ts->recovery = TEACH_OPEN;
	ts->delivered = 0;
	ts->lost = 0;
	ts->undo_marker = 0;
	ts->retrans_stamp = 0;
	ts->frto = false;
	ts->try_new = false;
	ts->snd_sacks = 0;
	ts->sack_high_valid = false;
	ts->dsacks = 0;
	ts->rcv_sacks = 0;
	ts->rcv_rtt_us = 0;
	ts->has_dsack = false;
	ts->rack_valid = false;
	ts->reo_wnd_mult = 1;
	ts->reo_wnd_persist = 0;
	ts->reord_seen = 0;
	ts->tlp_high_seq = 0;
	ts->min_rtt_us = 0;
	ts->ecn_echo = false;
	ts->ecn_cwr = false;
	ts->ecn_seen = false;
	/* As if the user wrote too little, until something arrives. */
	ts->app_limited = ~0U;
	ts->rate_delivered = 0;
	ts->rate_interval_us = 0;
	ts->rate_app_limited = true;
	ts->limit = TEACH_LIMIT_NONE;
	ts->pacing_ns = 0;
	ts->urgent = TEACH_URGENT_NONE;
	ts->urgent_out = false;
	memset(ts->limit_time, 0, sizeof(ts->limit_time));
	memset(&ts->stats, 0, sizeof(ts->stats));
	ts->probes_out = 0;
	ts->probe_stamp = 0;
	ts->retransmits = 0;
	ts->rto_stamp = 0;
	ts->total_retrans = 0;
	ts->ack_due = false;
	ts->ack_now = false;
	ts->quickack = 0;
	ts->ack_pushed = 0;
	ts->ato = 0;
	ts->oow_ack_time = 0;
	ts->deferred = 0;
	atomic_set(&sk->sk_tskey, 0);
	teach_rtt_init(ts);
	teach_cong_reset(sk);
}

/* What a new socket does not share with the listener it is a copy of. */
static void teach_init_private(struct sock *sk)
{
	struct teach_sock *ts = teach_sk(sk);

	memset(&ts->entry, 0, sizeof(ts->entry));
	memset(&ts->bind, 0, sizeof(ts->bind));
	ts->entry.kind = TEACH_SOCK;
	INIT_HLIST_NODE(&ts->listen_node);
	RCU_INIT_POINTER(ts->listener, NULL);
	INIT_LIST_HEAD(&ts->accept_node);
	ts->rtx_queue = RB_ROOT;
	INIT_LIST_HEAD(&ts->sent);
	sk->sk_gso_type = SKB_GSO_TCPV4;
	ts->ofo_queue = RB_ROOT;
	ts->packets_out = 0;
	ts->lost_out = 0;
	ts->retrans_out = 0;
	ts->mss_cache = TEACH_MSS_DEFAULT;
	teach_timer_init(sk);
	teach_tsq_init(sk);
	teach_pacing_init(sk);
	teach_reset(sk);
	sock_prot_inuse_add(sock_net(sk), &teach_prot, 1);
}

/**
 * teach_init_child - make a connection of the copy of a listener
 * @sk: the copy; options and buffer sizes are its own already
 */
void teach_init_child(struct sock *sk)
{
	teach_init_private(sk);
	teach_cong_inherit(sk);
	teach_sk(sk)->entry.dif = sk->sk_bound_dev_if;
}

/**
 * teach_init_inet - what ip(7) says of a new socket
 * @sk: the socket, its only user
 */
void teach_init_inet(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->pmtudisc = READ_ONCE(sock_net(sk)->ipv4.sysctl_ip_no_pmtu_disc) ?
			 IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	inet_set_bit(MC_LOOP, sk);
	inet_set_bit(MC_ALL, sk);
}

static void teach_init_sock(struct sock *sk)
{
	const struct teach_sysctl *sysctl = &teach_sk_net(sk)->sysctl;

	sk->sk_destruct = teach_sock_destruct;
	sk->sk_protocol = IPPROTO_TEACH;
	sk->sk_backlog_rcv = teach_do_rcv;
	sk->sk_write_space = teach_write_space;
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(sysctl->wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(sysctl->rmem[1]));
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_txrehash = READ_ONCE(sock_net(sk)->core.sysctl_txrehash);

	teach_init_inet(sk);

	teach_sk(sk)->user_family = AF_TEACH;
	teach_init_private(sk);
	teach_cong_assign(sk);
	percpu_counter_inc(&teach_sockets);
}

static int teach_create(struct net *net, struct socket *sock, int protocol,
			int kern)
{
	struct sock *sk;

	if (protocol < 0 || protocol >= IPPROTO_MAX)
		return -EINVAL;
	if (sock->type == SOCK_DGRAM)
		return teach_dgram_create(net, sock, protocol, kern);
	if (sock->type != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
	if (protocol && protocol != IPPROTO_TEACH && protocol != IPPROTO_TCP)
		return -EPROTONOSUPPORT;

	sk = sk_alloc(net, PF_TEACH, GFP_KERNEL, &teach_prot, kern);
	if (!sk)
		return -ENOMEM;
	sock->ops = &teach_stream_ops;
	sock->state = SS_UNCONNECTED;
	sock_init_data(sock, sk);
	teach_take_sol_socket(sock);
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);	/* io_uring's send_zc */
	teach_init_sock(sk);
	teach_sk(sk)->wire = protocol ? : IPPROTO_TEACH;
	return 0;
}

/*
 * ---- Addresses ----
 */

static int teach_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct sock *sk = sock->sk;
	bool named = true;
	int len;

	lock_sock(sk);
	/* accept(2) asks with 2, and is told even so. */
	if (peer == 1)
		named = !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_SYN_SENT));
	len = named ? teach_addr_name(sk, uaddr, teach_sk(sk)->user_family,
				      peer) : -ENOTCONN;
	release_sock(sk);
	return len;
}

/*
 * ---- bind(2) ----
 */

static int teach_bind(struct socket *sock, struct sockaddr_unsized *uaddr,
		      int addr_len)
{
	return teach_addr_bind(sock->sk, uaddr, addr_len,
			       &teach_sk(sock->sk)->user_family);
}

/*
 * ---- connect(2) ----
 */

/* The sequence numbers and sizes that our SYN begins with. */
static void teach_connect_init(struct sock *sk, struct dst_entry *dst, u32 iss)
{
	struct teach_sock *ts = teach_sk(sk);

	WRITE_ONCE(sk->sk_err, 0);	/* of the one before */
	teach_reset(sk);
	ts->advmss = dst_metric_advmss(dst);
	if (ts->user_mss)
		ts->advmss = min(ts->advmss, ts->user_mss);
	ts->rcv_mss = min_t(u16, ts->advmss, TEACH_MSS_DEFAULT);
	teach_terms_offer(sk, &ts->entry.tuple, &ts->terms);
	teach_sync_mss(sk, dst_mtu(dst));

	ts->syn_tsval = teach_ts_now(&ts->terms);
	ts->iss = iss ? : teach_isn(&ts->entry.tuple);
	ts->snd_una = ts->iss;
	ts->snd_nxt = ts->iss;
	ts->write_seq = ts->iss;
	ts->snd_sml = ts->iss;
	ts->high_seq = ts->iss;
	ts->rcv_nxt = 0;
	ts->rcv_wup = 0;
	ts->rcv_wnd = teach_initial_window(sk, ts->advmss);
	WRITE_ONCE(ts->copied_seq, 0);
	atomic_set(&inet_sk(sk)->inet_id, get_random_u16());
	sk_set_txhash(sk);
}

static int teach_connect_locked(struct sock *sk,
				const struct sockaddr_teach *st)
{
	struct teach_sock *ts = teach_sk(sk);
	struct inet_sock *inet = inet_sk(sk);
	__be32 saddr = inet->inet_saddr;
	struct dst_entry *dst;
	u32 iss;
	int err;

	dst = teach_route_connect(sk, st->st_addr.s_addr, st->st_port, &saddr);
	if (IS_ERR(dst)) {
		if (PTR_ERR(dst) == -ENETUNREACH)
			IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		return PTR_ERR(dst);
	}
	inet->inet_saddr = saddr;
	inet->inet_rcv_saddr = saddr;
	/* "Any" is us: the route has said so. */
	inet->inet_daddr = st->st_addr.s_addr ? : saddr;
	inet->inet_dport = st->st_port;
	teach_tuple_set(sk);
	ts->entry.dif = sk->sk_bound_dev_if;

	err = teach_port_connect(sk, &iss);
	if (err) {
		dst_release(dst);
		goto fail;
	}
	inet->inet_sport = htons(inet->inet_num);
	teach_setup_caps(sk, dst);
	teach_connect_init(sk, dst, iss);
	teach_set_state(sk, TCP_SYN_SENT);

	err = teach_send_syn(sk);
	if (!err)
		return 0;
	teach_send_purge(sk);
	teach_timer_stop(sk);
fail:
	teach_set_state(sk, TCP_CLOSE);
	inet->inet_dport = 0;
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK)) {
		inet->inet_saddr = 0;
		inet->inet_rcv_saddr = 0;
		teach_port_rename(sk);
	}
	sk->sk_route_caps = 0;
	return err;
}

/* Return: jiffies left of @timeo. */
static long teach_wait_connect(struct sock *sk, long timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	u32 since = teach_sleep(sk, TEACH_CALL_CONNECT);

	add_wait_queue(sk_sleep(sk), &wait);
	while (teach_opening(sk)) {
		release_sock(sk);
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
		lock_sock(sk);
		if (signal_pending(current) || !timeo)
			break;
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	teach_woken(sk, TEACH_CALL_CONNECT,
		    teach_opening(sk) ? teach_wait_error(sk, timeo) :
					-READ_ONCE(sk->sk_err), since);
	return timeo;
}

static int __teach_connect(struct socket *sock, struct sockaddr_unsized *uaddr,
			   int addr_len, int flags)
{
	struct sock *sk = sock->sk;
	int err, waiting;
	long timeo;

	if (addr_len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	if (uaddr->sa_family == AF_UNSPEC) {
		err = teach_disconnect(sk, flags);
		sock->state = err ? SS_DISCONNECTING : SS_UNCONNECTED;
		return err;
	}

	switch (sock->state) {
	case SS_UNCONNECTED:
		if (sk->sk_state != TCP_CLOSE)
			return -EISCONN;
		err = teach_addr_check(uaddr, addr_len);
		if (!err)
			err = teach_connect_locked(sk, (void *)uaddr);
		if (err)
			return err;
		teach_sk(sk)->user_family = uaddr->sa_family;
		sock->state = SS_CONNECTING;
		waiting = -EINPROGRESS;
		break;
	case SS_CONNECTING:
		waiting = -EALREADY;
		break;
	case SS_CONNECTED:
		return -EISCONN;
	default:
		return -EINVAL;
	}

	if (teach_opening(sk)) {
		timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
		if (!timeo)
			return waiting;
		timeo = teach_wait_connect(sk, timeo);
		if (teach_opening(sk))
			return signal_pending(current) ?
			       sock_intr_errno(timeo) : waiting;
	}

	/* Refused, reset, unreachable, timed out, or disconnected by others. */
	if (sk->sk_state == TCP_CLOSE) {
		err = sock_error(sk) ? : -ECONNABORTED;
		sock->state = SS_UNCONNECTED;
		if (teach_disconnect(sk, flags))
			sock->state = SS_DISCONNECTING;
		return err;
	}
	sock->state = SS_CONNECTED;
	return 0;
}

static int teach_connect(struct socket *sock, struct sockaddr_unsized *uaddr,
			 int addr_len, int flags)
{
	int err;

	lock_sock(sock->sk);
	err = __teach_connect(sock, uaddr, addr_len, flags);
	release_sock(sock->sk);
	return err;
}

/**
 * teach_disconnect - back to how socket(2) left it, but for its options
 * @sk: the socket, locked
 * @flags: not used
 *
 * connect(2) to AF_UNSPEC, and close(2) without ceremony: RFC 9293 3.10.5.
 */
int teach_disconnect(struct sock *sk, int flags)
{
	struct inet_sock *inet = inet_sk(sk);
	struct teach_sock *ts = teach_sk(sk);
	int state = sk->sk_state;
	bool unsent = ts->snd_nxt != ts->write_seq;

	/* Still by its name, which it loses next. */
	if (teach_needs_rst(state) ||
	    (unsent && (1 << state) & (TCPF_CLOSING | TCPF_LAST_ACK))) {
		teach_send_rst(sk);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	} else if (state == TCP_SYN_SENT) {
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
	teach_set_state(sk, TCP_CLOSE);
	if (state == TCP_LISTEN)
		teach_listen_stop(sk);

	teach_timer_stop(sk);
	__skb_queue_purge(&sk->sk_receive_queue);
	teach_send_purge(sk);
	teach_rcv_purge(sk);
	teach_reset(sk);
	ts->pingpong = false;
	WRITE_ONCE(ts->copied_seq, ts->rcv_nxt);

	inet->inet_dport = 0;
	inet->inet_daddr = 0;
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK)) {
		inet->inet_rcv_saddr = 0;
		inet->inet_saddr = 0;
		teach_port_rename(sk);
	}
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
	sk_dst_reset(sk);
	if (sk->sk_frag.page) {
		put_page(sk->sk_frag.page);
		sk->sk_frag.page = NULL;
		sk->sk_frag.offset = 0;
	}
	sk->sk_disconnects++;
	sk_error_report(sk);
	return 0;
}

/**
 * teach_device_changed - SO_BINDTODEVICE, at any time
 * @sk: the socket, locked
 */
void teach_device_changed(struct sock *sk)
{
	WRITE_ONCE(teach_sk(sk)->entry.dif, sk->sk_bound_dev_if);
	teach_port_rename(sk);
}

/*
 * ---- listen(2) and accept(2) ----
 */

static int teach_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED)
		goto out;
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
		goto out;

	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	err = 0;
	if (sk->sk_state == TCP_CLOSE)
		err = teach_listen_start(sk);
out:
	release_sock(sk);
	return err;
}

/* Until there is one, or a reason not to wait. */
static int teach_wait_accept(struct sock *sk, long timeo)
{
	u32 since = teach_sleep(sk, TEACH_CALL_ACCEPT);
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		/* One wakes up for each connection. */
		prepare_to_wait_exclusive(sk_sleep(sk), &wait,
					  TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!READ_ONCE(sk->sk_ack_backlog))
			timeo = schedule_timeout(timeo);
		sched_annotate_sleep();
		lock_sock(sk);

		err = 0;
		if (sk->sk_ack_backlog)
			break;
		err = -EINVAL;
		if (sk->sk_state != TCP_LISTEN)
			break;
		err = sock_intr_errno(timeo);
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (!timeo)
			break;
	}
	finish_wait(sk_sleep(sk), &wait);
	teach_woken(sk, TEACH_CALL_ACCEPT, err, since);
	return err;
}

static int teach_accept_locked(struct sock *sk, int flags, struct sock **newsk)
{
	long timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	int err;

	if (sk->sk_state != TCP_LISTEN)
		return -EINVAL;
	if (!sk->sk_ack_backlog) {
		if (!timeo)
			return -EAGAIN;
		err = teach_wait_accept(sk, timeo);
		if (err)
			return err;
	}
	*newsk = teach_accept_dequeue(sk);
	return 0;
}

static int teach_accept(struct socket *sock, struct socket *newsock,
			struct proto_accept_arg *arg)
{
	struct sock *sk = sock->sk, *newsk = NULL;
	int err;

	lock_sock(sk);
	err = teach_accept_locked(sk, arg->flags, &newsk);
	release_sock(sk);
	if (err)
		return err;

	lock_sock(newsk);
	sock_graft(newsk, newsock);
	teach_take_sol_socket(newsock);
	set_bit(SOCK_SUPPORT_ZC, &newsock->flags);
	newsock->state = SS_CONNECTED;
	release_sock(newsk);
	return 0;
}

TEACH_COMPAT_ACCEPT(teach_accept)

/*
 * ---- shutdown(2) and close(2) ----
 */

/* RFC 9293 3.10.4: CLOSE.  Return: whether a FIN has to be sent. */
static bool teach_close_state(struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_SYN_SENT:
		teach_set_state(sk, TCP_CLOSE);
		return false;
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED:
		teach_set_state(sk, TCP_FIN_WAIT1);
		return true;
	case TCP_CLOSE_WAIT:
		teach_set_state(sk, TCP_LAST_ACK);
		return true;
	default:
		return false;
	}
}

/**
 * teach_shut_write - the user has no more to send
 * @sk: the socket, locked
 */
void teach_shut_write(struct sock *sk)
{
	if (teach_close_state(sk))
		teach_send_fin(sk);
}

static int teach_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	int err = 0;

	/* 0, 1, 2 to the bits of sk_shutdown. */
	how++;
	if ((how & ~SHUTDOWN_MASK) || !how)
		return -EINVAL;

	lock_sock(sk);
	if (sock->state == SS_CONNECTING)
		sock->state = teach_opening(sk) || sk->sk_state == TCP_CLOSE ?
			      SS_DISCONNECTING : SS_CONNECTED;

	switch (sk->sk_state) {
	case TCP_LISTEN:
		if (!(how & RCV_SHUTDOWN))
			break;
		fallthrough;
	case TCP_SYN_SENT:
		err = teach_disconnect(sk, O_NONBLOCK);
		sock->state = err ? SS_DISCONNECTING : SS_UNCONNECTED;
		break;
	case TCP_CLOSE:
		err = -ENOTCONN;
		fallthrough;
	default:
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | how);
		if (how & SEND_SHUTDOWN)
			teach_shut_write(sk);
	}
	sk->sk_state_change(sk);
	release_sock(sk);
	return err;
}

/* Bytes that the peer thinks delivered, and that nobody will read now. */
static bool teach_unread(const struct sock *sk)
{
	const struct teach_sock *ts = teach_sk(sk);
	const struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		if (after(teach_cb(skb)->seq + skb->len, ts->copied_seq))
			return true;
	return false;
}

/* How the connection ends: with a FIN, a RST, or it has ended already. */
static void teach_close_connection(struct sock *sk)
{
	bool unread = teach_unread(sk);

	__skb_queue_purge(&sk->sk_receive_queue);

	if (sk->sk_state == TCP_LISTEN) {
		teach_set_state(sk, TCP_CLOSE);
		teach_listen_stop(sk);
	} else if (sk->sk_state == TCP_CLOSE) {
		return;
	} else if (unread) {
		/* RFC 9293 3.6.1, SHLD-3; RFC 2525 2.17. */
		TEACH_INC(teach_sk_net(sk), ABORT_ON_CLOSE);
		teach_send_rst(sk);
		teach_set_state(sk, TCP_CLOSE);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		TEACH_INC(teach_sk_net(sk), ABORT_ON_LINGER);
		teach_disconnect(sk, 0);
	} else {
		teach_shut_write(sk);
	}
}

/* Our FIN, or what is before it, is not acknowledged. */
static bool teach_fin_pending(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING |
				      TCPF_LAST_ACK);
}

/* SO_LINGER: until our FIN is acknowledged. */
static void teach_wait_closed(struct sock *sk, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	u32 since = teach_sleep(sk, TEACH_CALL_CLOSE);

	add_wait_queue(sk_sleep(sk), &wait);
	while (timeout && !signal_pending(current) && teach_fin_pending(sk)) {
		release_sock(sk);
		timeout = wait_woken(&wait, TASK_INTERRUPTIBLE, timeout);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	teach_woken(sk, TEACH_CALL_CLOSE, teach_fin_pending(sk) ?
		    teach_wait_error(sk, timeout) : 0, since);
}

/**
 * teach_close - the user has gone
 * @sk: the socket; what happens to it now it does alone
 * @timeout: how long to wait for the peer's ACK, jiffies
 */
void teach_close(struct sock *sk, long timeout)
{
	struct teach_net *tn = teach_sk_net(sk);
	u8 wire = teach_sk(sk)->wire;
	int state;

	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	teach_close_connection(sk);
	if (timeout)
		teach_wait_closed(sk, timeout);

	state = sk->sk_state;
	sock_hold(sk);
	sock_orphan(sk);
	/* Takes in what waits in the backlog; nobody can lock it again. */
	release_sock(sk);

	local_bh_disable();
	bh_lock_sock(sk);
	if (state == TCP_CLOSE)
		teach_destroy_sock(sk);
	else if (sk->sk_state == TCP_FIN_WAIT2)
		teach_fin_wait2_orphan(sk);
	/* It may have ended meanwhile, and be given up already. */
	if (sk->sk_state != TCP_CLOSE)
		teach_orphan(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
	teach_claims_settle(tn, wire);
}

/*
 * ---- Events ----
 */

static __poll_t teach_poll_send(struct sock *sk)
{
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	    __sk_stream_is_writeable(sk, 1))
		return EPOLLOUT | EPOLLWRNORM;

	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* Between the test and the flags there may have come some space. */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1) ? EPOLLOUT | EPOLLWRNORM : 0;
}

static __poll_t teach_poll(struct file *file, struct socket *sock,
			   poll_table *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);

	/* Pairs with teach_set_state(). */
	state = smp_load_acquire(&sk->sk_state);
	if (state == TCP_LISTEN)
		return READ_ONCE(sk->sk_ack_backlog) ?
		       EPOLLIN | EPOLLRDNORM : 0;

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;

	if (state != TCP_SYN_SENT && state != TCP_SYN_RECV) {
		if (teach_readable(sk))
			mask |= EPOLLIN | EPOLLRDNORM;
		if (READ_ONCE(teach_sk(sk)->urgent) == TEACH_URGENT_HERE)
			mask |= EPOLLPRI;
		mask |= teach_poll_send(sk);
	}
	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

const struct proto_ops teach_stream_ops = {
	.family		= PF_TEACH,
	.owner		= THIS_MODULE,
	.release	= inet_release,
	.bind		= teach_bind,
	.connect	= teach_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= TEACH_ACCEPT(teach_accept),
	.getname	= teach_getname,
	.poll		= teach_poll,
	.ioctl		= teach_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= teach_listen,
	.shutdown	= teach_shutdown,
	.setsockopt	= teach_setsockopt,
	.getsockopt	= teach_getsockopt,
	.sendmsg	= teach_sendmsg,
	.recvmsg	= teach_recvmsg,
	.mmap		= sock_no_mmap,
	.splice_read	= teach_splice_read,
	.splice_eof	= teach_splice_eof,
	.set_peek_off	= sk_set_peek_off,
	.set_rcvlowat	= teach_set_rcvlowat,
	TEACH_OPS_SENDPAGE
};

const struct net_proto_family teach_family_ops = {
	.family		= PF_TEACH,
	.create		= teach_create,
	.owner		= THIS_MODULE,
};
