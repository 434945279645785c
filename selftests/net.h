/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two hosts and a cable, for the tests that go through real system calls.
 *
 * A host is a network namespace without a name: it lives as long as the
 * test holds its descriptor, so a test that dies leaves nothing behind.
 * The hosts are joined by a teach pair (a veth pair where the kernel's own
 * TCP is tested), with 10.9.0.1 on host A and 10.9.0.2 on host B.
 *
 * Which stack is tested is chosen when the test runs: AF_TEACH; AF_TEACH with
 * TCP's own number on the wire, with TEACH_FAMILY=tcp in the environment or for
 * a program whose name begins with tcp_; or the kernel's, with
 * TEACH_FAMILY=inet.  A test that holds for the
 * kernel's TCP and not for AF_TEACH has found a bug in AF_TEACH; one that
 * does not hold for TCP is wrong.
 *
 * A helper that cannot do its work says why and aborts the test.
 */
#ifndef _SELFTESTS_NET_H
#define _SELFTESTS_NET_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <teach.h>

/*
 * Tests wait for events.  This only ends a test that hangs, so it leaves
 * room for the slowest machine.  (A test includes kselftest_harness.h first;
 * net.c cannot, as the harness defines symbols.)
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	180

/* How long an event may take that is sure to come. */
#define NET_DEADLINE_MS		60000

/* A time in which something that must not happen would have happened. */
#define NET_QUIET_MS		50

#define NET_PORT		7000
/* net.ipv4.ip_local_port_range, few enough that a test can use them up */
#define NET_EPHEMERAL_MIN	49152
#define NET_EPHEMERAL_MAX	65535

enum host { A, B };

#define ADDR_A		"10.9.0.1"
#define ADDR_B		"10.9.0.2"
#define ADDR_NOBODY	"10.9.0.3"	/* on the cable, answers nothing */
#define ADDR_NOARP	"10.9.0.4"	/* on the cable, not even ARP */
#define ADDR_NOROUTE	"192.0.2.1"	/* no route leads there */
#define ADDR_LO		"127.0.0.1"
#define ADDR_ANY	"0.0.0.0"

#define DEV_A		"teach0"
#define DEV_B		"teach1"

struct net {
	int ns[2];	/* the hosts' namespaces */
};

/* The family under test, and socket(2)'s protocol; set by net_init(). */
extern int net_family;
extern int net_wire;

void net_fatal(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

bool net_is_inet(void);
int net_ip_protocol(void);
const char *net_stack(void);
void net_choose(const char *stack);
void net_init(struct net *net);
void net_join(const struct net *net);
void net_exit(struct net *net);

/* Host */
void net_enter(const struct net *net, enum host host);
void net_ip(const struct net *net, enum host host, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int net_tc(const struct net *net, enum host host, const char *args);
bool net_netem(const struct net *net, enum host host, const char *args);
void net_gso(const struct net *net, enum host host, bool on);
void net_sysctl(const struct net *net, enum host host, const char *name,
		const char *value);
void net_sysctl_path(const struct net *net, enum host host, const char *path,
		     const char *value);
void net_port_range(const struct net *net, enum host host, int from, int to);
bool net_own_port_range(int fd, int from, int to);
void net_reserve_ports(const struct net *net, enum host host, int from, int to);
void net_sysctl_file(char *path, size_t size, const char *name);
int net_open_global(const char *inet, const char *teach);
int net_load(const char *name);
int net_unload(const char *name);
bool net_loaded(const char *name);
void net_cut(const struct net *net, enum host host);
void net_mend(const struct net *net, enum host host);
void net_nobody(const struct net *net, enum host host);

/* What the host shows; a port of -1 is any port, a state of 0 is none */
int net_state(const struct net *net, enum host host, int lport, int fport);
int net_count(const struct net *net, enum host host, int state);
bool net_wait_state(const struct net *net, enum host host, int lport,
		    int fport, int state);
long long net_counter(const struct net *net, enum host host,
		      const char *name);
long long net_counter_here(bool inet, const char *name);
long long net_inet_counter(const char *protocol, const char *name);
long net_protocol(const struct net *net, enum host host, bool memory);
int net_slack_pages(void);

/* Sockets */
struct sockaddr_in net_addr(const char *ip, int port);
int net_socket(const struct net *net, enum host host, int flags);
int net_bind(int fd, const char *ip, int port);
int net_listen(const struct net *net, enum host host, int port, int backlog);
int net_connect(int fd, const char *ip, int port);
int net_client(const struct net *net, enum host host, const char *ip,
	       int port);
int net_accept(int fd);
void net_pair(const struct net *net, int fd[2]);
void net_be_patient(const struct net *net, const int fd[2]);
int net_local_port(int fd);
int net_peer_port(int fd);
void net_nonblock(int fd, bool on);
void net_setopt(int fd, int level, int opt, int value);
unsigned int net_meminfo(int fd, int what);
int net_getopt(int fd, int level, int opt);
void net_abort(int fd);
int net_so_error(int fd);
void net_timeout(int fd, int opt, int ms);
int net_poll(int fd, int events, int timeout_ms);
bool net_wait_poll(int fd, int events);
int net_ioctl(int fd, unsigned long request);
bool net_wait_readable(int fd, int bytes);
bool net_cmsg(struct msghdr *msg, int level, int type, void *data, size_t len);

/* Bytes */
void net_pattern(void *buf, size_t len, uint64_t at);
bool net_pattern_ok(const void *buf, size_t len, uint64_t at);
void net_send_all(int fd, size_t len, uint64_t at);
void net_recv_all(int fd, size_t len, uint64_t at);
uint64_t net_drain(int fd, uint64_t at);
size_t net_fill_once(int fd, uint64_t at);
size_t net_fill(int fd, uint64_t at);

/* A call that blocks, made by a thread of its own */
struct net_call {
	long (*fn)(struct net_call *call);
	int fd;
	void *buf;
	size_t len;
	int flags;
	struct sockaddr_in addr;
	/* filled in */
	pthread_t thread;
	pid_t tid;
	bool done;
	long ret;
	int err;
};

void net_call(struct net_call *call);
bool net_call_asleep(const struct net_call *call);
bool net_call_done(const struct net_call *call);
long net_call_end(struct net_call *call);
size_t net_call_no_room(struct net_call *call, uint64_t at);
long net_call_recv(struct net_call *call);
long net_call_send(struct net_call *call);
long net_call_accept(struct net_call *call);
long net_call_connect(struct net_call *call);

/* Time and limits */
long long net_now_ms(void);
void net_pause(void);
void net_quiet(void);
long net_env(const char *name, long otherwise);
bool net_kasan(void);
void net_files(int files);
void net_signal(int sig, int flags);

extern volatile sig_atomic_t net_signals;

/* 0 where a call succeeded, its errno where it did not. */
static inline int net_err(long ret)
{
	return ret < 0 ? errno : 0;
}

/* Wait until @cond holds; false when it does not come to hold. */
#define net_until(cond) ({						\
	long long __end = net_now_ms() + NET_DEADLINE_MS;		\
	bool __ok;							\
									\
	while (!(__ok = (cond)) && net_now_ms() < __end)		\
		net_pause();						\
	__ok;								\
})

#endif /* _SELFTESTS_NET_H */
