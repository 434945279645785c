// SPDX-License-Identifier: GPL-2.0
/*
 * Every option by its number, known or not: set with good and with bad values,
 * lengths and pointers, and read back each time; in three states, and by an
 * ordinary user.
 */
#include <linux/filter.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "same.h"

#define OPTIONS		81	/* of each level; more than there are */
#define SHOWN		24	/* bytes of a value */

#ifndef IP_PROTOCOL
#define IP_PROTOCOL	52
#endif

struct option {
	int level;
	int number;
	const char *state;
	bool user;
};

/*
 * Whose values are nobody's to choose: random, a measure, or a size that
 * follows from how the stack is built.  Only the length is compared.
 */
static bool is_natural(int level, int number, const char *state)
{
	bool connected = !strcmp(state, "established");

	switch (level) {
	case SOL_SOCKET:
		return number == SO_MEMINFO || number == SO_COOKIE ||
		       (connected && (number == SO_SNDBUF ||
				      number == SO_RCVBUF));
	case SOL_IP:
		/* Where it is not known it gives the port. */
		return connected && number == IP_PROTOCOL;
	case SOL_TCP:
		return number == TCP_INFO || number == TCP_TIMESTAMP;
	default:
		return false;
	}
}

static void note_value(struct same *s, const char *what, const void *value,
		       socklen_t len, bool natural)
{
	const unsigned char *byte = value;
	char text[SAME_VALUE];
	socklen_t i;
	int n;

	n = snprintf(text, sizeof(text), "%u:", len);
	for (i = 0; i < len && i < SHOWN && !natural; i++)
		n += snprintf(text + n, sizeof(text) - n, "%02x", byte[i]);
	same_note(s, what, "%s", text);
}

static void note_get(struct same *s, const struct option *opt,
		     const char *after, socklen_t len)
{
	unsigned char value[256];
	char what[SAME_WHAT];

	memset(value, 0xaa, sizeof(value));
	snprintf(what, sizeof(what), "get %s", after);
	if (getsockopt(s->fd, opt->level, opt->number, value, &len))
		same_note(s, what, "%s", strerrorname_np(errno));
	else
		note_value(s, what, value, len,
			   is_natural(opt->level, opt->number, opt->state));
}

static void note_set(struct same *s, const struct option *opt,
		     const char *how, const void *value, socklen_t len)
{
	char what[SAME_WHAT];

	snprintf(what, sizeof(what), "set %s", how);
	same_note_ret(s, what, setsockopt(s->fd, opt->level, opt->number,
					  value, len));
	note_get(s, opt, how, sizeof(int));
}

static void set_values(struct same *s, const struct option *opt)
{
	static const int values[] = { 0, 1, 2, 6, 100, 1000, -1, -2, 256,
				      100000, 0x7fffffff };
	char how[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(how, sizeof(how), "%d", values[i]);
		note_set(s, opt, how, &values[i], sizeof(values[i]));
	}
}

/* An int's lengths and others', and that of a structure. */
static void set_lengths(struct same *s, const struct option *opt)
{
	static const socklen_t lengths[] = { 0, 1, 3, 5, 8, 12, 16, 64, -1 };
	int value[16] = { 1 };
	char how[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		snprintf(how, sizeof(how), "1, len %d", (int)lengths[i]);
		note_set(s, opt, how, value, lengths[i]);
	}
	note_set(s, opt, "null", NULL, sizeof(int));
	note_set(s, opt, "null, len 0", NULL, 0);
	note_set(s, opt, "bad pointer", BAD_POINTER, sizeof(int));
}

static void get_lengths(struct same *s, const struct option *opt)
{
	static const socklen_t lengths[] = { 0, 1, 2, 3, 5, 8, 16, 64, 256 };
	socklen_t len;
	char how[16];
	size_t i;
	int value;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		snprintf(how, sizeof(how), "len %u", lengths[i]);
		note_get(s, opt, how, lengths[i]);
	}
	note_get(s, opt, "len -1", -1);
	len = sizeof(int);
	same_note_ret(s, "get to null", getsockopt(s->fd, opt->level,
						   opt->number, NULL, &len));
	same_note_ret(s, "get to bad pointer",
		      getsockopt(s->fd, opt->level, opt->number, BAD_POINTER,
				 &len));
	same_note_ret(s, "get, no length", getsockopt(s->fd, opt->level,
						      opt->number, &value,
						      NULL));
	same_note_ret(s, "get, bad length",
		      getsockopt(s->fd, opt->level, opt->number, &value,
				 BAD_POINTER));
}

/* Do bytes still come through? */
static void note_use(struct same *s)
{
	char byte;

	if (s->peer < 0)
		return;
	same_note_ret(s, "send", send(s->fd, "x", 1,
				      MSG_DONTWAIT | MSG_NOSIGNAL));
	same_settle();
	same_note_ret(s, "the peer receives",
		      recv(s->peer, &byte, 1, MSG_DONTWAIT));
	same_note_ret(s, "the peer sends", send(s->peer, "x", 1, MSG_DONTWAIT));
	same_settle();
	same_note_ret(s, "receive", recv(s->fd, &byte, 1, MSG_DONTWAIT));
}

static void option_body(struct same *s, const void *arg)
{
	const struct option *opt = arg;

	if (opt->level == SOL_UDP)
		s->fd = socket(s->family, SOCK_DGRAM, 0);
	else
		same_make(s, opt->state);
	same_be_user(opt->user);
	note_get(s, opt, "at first", sizeof(int));
	get_lengths(s, opt);
	set_values(s, opt);
	set_lengths(s, opt);
	same_be_user(false);
	note_use(s);
}

static const char *level_name(int level)
{
	return level == SOL_SOCKET ? "socket" : level == SOL_IP ? "ip" :
	       level == SOL_UDP ? "udp" : "tcp";
}

static void option_numbers(int level, const char *state, bool user)
{
	struct option opt = { .level = level, .state = state, .user = user };

	for (opt.number = 0; opt.number < OPTIONS; opt.number++)
		same_case(option_body, &opt, "option.%s.%d.%s%s",
			  level_name(level), opt.number, state,
			  user ? ".user" : "");
}

/* Those that UDP has, and their neighbours. */
static void option_datagrams(void)
{
	static const int numbers[] = { 0, UDP_CORK, 2, 9, 10, 11, 12, 99,
				       UDP_ENCAP, UDP_NO_CHECK6_TX,
				       UDP_NO_CHECK6_RX, UDP_SEGMENT, UDP_GRO,
				       105, -1 };
	struct option opt = { .level = SOL_UDP, .state = "fresh" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		opt.number = numbers[i];
		same_case(option_body, &opt, "option.udp.%d.fresh", numbers[i]);
	}
}

/* Levels that are not a stream's, or nobody's. */
static void level_body(struct same *s, const void *arg)
{
	struct option opt = { .level = *(const int *)arg, .state = "fresh" };

	same_make(s, opt.state);
	for (opt.number = 0; opt.number < 3; opt.number++) {
		note_get(s, &opt, "", sizeof(int));
		set_lengths(s, &opt);
	}
}

static void option_levels(void)
{
	static const int levels[] = { -1, 2, 3, 17, 41, 58, 132, 136, 255, 256,
				      261, 270, 273, 282, 284, 10000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++)
		same_case(level_body, &levels[i], "option.level.%d",
			  levels[i]);
}

/* Values that are no numbers. */
struct structured {
	const char *name;
	int level;
	int number;
	const void *value;
	socklen_t len;
};

#define STRUCTURED(name, level, number, type, ...)			\
	{ name, level, number, &(const type)__VA_ARGS__, sizeof(type) }
#define STRING(name, level, number, text)				\
	{ name, level, number, text, sizeof(text) - 1 }

static struct sock_filter pass[] = { BPF_STMT(BPF_RET | BPF_K, 0xffffffff) };
static struct sock_filter drop[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
static struct sock_filter endless[] = { BPF_STMT(BPF_LD | BPF_IMM, 1) };

static const struct structured structured[] = {
	STRUCTURED("linger off", SOL_SOCKET, SO_LINGER, struct linger, { 0 }),
	STRUCTURED("linger 0", SOL_SOCKET, SO_LINGER, struct linger, { 1, 0 }),
	STRUCTURED("linger 5", SOL_SOCKET, SO_LINGER, struct linger, { 1, 5 }),
	STRUCTURED("linger -1", SOL_SOCKET, SO_LINGER, struct linger,
		   { 1, -1 }),
	STRUCTURED("receive 1.5 s", SOL_SOCKET, SO_RCVTIMEO, struct timeval,
		   { 1, 500000 }),
	STRUCTURED("receive -1 s", SOL_SOCKET, SO_RCVTIMEO, struct timeval,
		   { -1, 0 }),
	STRUCTURED("receive 1000001 us", SOL_SOCKET, SO_RCVTIMEO,
		   struct timeval, { 0, 1000001 }),
	STRUCTURED("receive -1 us", SOL_SOCKET, SO_RCVTIMEO, struct timeval,
		   { 1, -1 }),
	STRUCTURED("send 1 us", SOL_SOCKET, SO_SNDTIMEO, struct timeval,
		   { 0, 1 }),
	STRUCTURED("send for ever", SOL_SOCKET, SO_SNDTIMEO, struct timeval,
		   { 0x7fffffffffffffff, 0 }),
	STRING("device lo", SOL_SOCKET, SO_BINDTODEVICE, "lo"),
	STRING("device lo, 0", SOL_SOCKET, SO_BINDTODEVICE, "lo\0"),
	STRING("device " DEV_A, SOL_SOCKET, SO_BINDTODEVICE, DEV_A),
	STRING("no such device", SOL_SOCKET, SO_BINDTODEVICE, "nope0"),
	STRING("no device", SOL_SOCKET, SO_BINDTODEVICE, ""),
	STRING("a long device", SOL_SOCKET, SO_BINDTODEVICE,
	       "0123456789abcdef0123456789abcdef"),
	STRUCTURED("filter all", SOL_SOCKET, SO_ATTACH_FILTER,
		   struct sock_fprog, { 1, drop }),
	STRUCTURED("filter none", SOL_SOCKET, SO_ATTACH_FILTER,
		   struct sock_fprog, { 1, pass }),
	STRUCTURED("filter endless", SOL_SOCKET, SO_ATTACH_FILTER,
		   struct sock_fprog, { 1, endless }),
	STRUCTURED("filter of 0", SOL_SOCKET, SO_ATTACH_FILTER,
		   struct sock_fprog, { 0, pass }),
	STRUCTURED("filter nowhere", SOL_SOCKET, SO_ATTACH_FILTER,
		   struct sock_fprog, { 1, BAD_POINTER }),
	STRUCTURED("choose by filter", SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
		   struct sock_fprog, { 1, pass }),
	STRUCTURED("pace", SOL_SOCKET, SO_MAX_PACING_RATE, unsigned long long,
		   { 1ULL << 33 }),
	STRUCTURED("txtime", SOL_SOCKET, SO_TXTIME, struct linger,
		   { CLOCK_MONOTONIC, 0 }),
	STRUCTURED("txtime, bad flags", SOL_SOCKET, SO_TXTIME, struct linger,
		   { CLOCK_MONOTONIC, 8 }),
	STRUCTURED("timestamping, bound", SOL_SOCKET, SO_TIMESTAMPING,
		   struct linger, { 1 << 15, 1 }),
	STRING("cubic", SOL_TCP, TCP_CONGESTION, "cubic"),
	STRING("cubic and more", SOL_TCP, TCP_CONGESTION, "cubic\0more"),
	STRING("cubi", SOL_TCP, TCP_CONGESTION, "cubi"),
	STRING("no congestion control", SOL_TCP, TCP_CONGESTION, ""),
	STRING("a long one", SOL_TCP, TCP_CONGESTION,
	       "0123456789abcdef0123456789abcdef"),
	STRING("no such protocol above", SOL_TCP, TCP_ULP, "nope"),
	STRUCTURED("group", SOL_IP, IP_ADD_MEMBERSHIP, struct ip_mreqn,
		   { { 0x010000e0 }, { 0 }, 1 }),
	STRUCTURED("not a group", SOL_IP, IP_ADD_MEMBERSHIP, struct ip_mreqn,
		   { { 0x0100007f }, { 0 }, 1 }),
	STRUCTURED("multicast by lo", SOL_IP, IP_MULTICAST_IF, struct ip_mreqn,
		   { { 0 }, { 0 }, 1 }),
	STRUCTURED("multicast by none", SOL_IP, IP_MULTICAST_IF,
		   struct ip_mreqn, { { 0 }, { 0 }, 9999 }),
	STRING("no-operations", SOL_IP, IP_OPTIONS, "\1\1\1\1"),
	STRING("router alert", SOL_IP, IP_OPTIONS, "\x94\x04\0\0"),
	STRING("a bad IP option", SOL_IP, IP_OPTIONS, "\x94\x40\0\0"),
	STRING("long IP options", SOL_IP, IP_OPTIONS,
	       "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
	       "\1\1\1\1\1\1\1\1\1\1\1\1\1\1"),
};

struct structured_case {
	const struct structured *of;
	const char *state;
	bool user;
};

static void structured_body(struct same *s, const void *arg)
{
	const struct structured_case *test = arg;
	struct option opt = {
		.level = test->of->level,
		.number = test->of->number,
		.state = test->state,
	};

	same_make(s, test->state);
	same_be_user(test->user);
	same_note_ret(s, "set", setsockopt(s->fd, opt.level, opt.number,
					   test->of->value, test->of->len));
	note_get(s, &opt, "all", 64);
	note_get(s, &opt, "half", test->of->len / 2);
	same_note_ret(s, "set one byte less",
		      setsockopt(s->fd, opt.level, opt.number, test->of->value,
				 test->of->len - 1));
	same_note_ret(s, "set again", setsockopt(s->fd, opt.level, opt.number,
						 test->of->value,
						 test->of->len));
	note_get(s, &opt, "again", 64);
	same_be_user(false);
	note_use(s);
}

static void structured_in(const char *state, bool user)
{
	struct structured_case test = { .state = state, .user = user };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(structured); i++) {
		test.of = &structured[i];
		same_case(structured_body, &test, "option.%s.%s%s",
			  structured[i].name, state, user ? ".user" : "");
	}
}

void same_options(void)
{
	static const int levels[] = { SOL_SOCKET, SOL_IP, SOL_TCP };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		option_numbers(levels[i], "fresh", false);
		option_numbers(levels[i], "fresh", true);
		option_numbers(levels[i], "listening", false);
		option_numbers(levels[i], "established", false);
	}
	option_datagrams();
	option_levels();
	structured_in("fresh", false);
	structured_in("fresh", true);
	structured_in("listening", false);
	structured_in("established", false);
}
