// SPDX-License-Identifier: GPL-2.0
/*
 * The program above the stack: system calls with what they are to return,
 * some of them in a thread of their own because they block.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../net.h"
#include "conformance.h"

#define MAX_BYTES	1048576
#define MAX_RUNNING	8

/* A socket of the script's: the numbers there are not the kernel's. */
struct open_file {
	int fd;
	__u64 written, read;
};

/* What a call gave. */
struct outcome {
	long long ret;
	int err;
	char why[160];		/* not what was wanted, and not the value */
};

struct function {
	const char *name;
	const char *signature;	/* f fd, n number, v value, a address, t text */
	bool opens;
	void (*make)(const struct call *call, struct outcome *o);
};

struct running {
	struct net_call base;
	const struct call *call;
	struct outcome outcome;
	double ended;
	char name[32];
};

static struct open_file files[MAX_FDS];
static struct running running[MAX_RUNNING];
static volatile sig_atomic_t raised[64];

/*
 * ---- Names ----
 */

struct constant {
	const char *name;
	long long value;
};

#define C(name) { #name, name }

static const struct constant constants[] = {
	C(SOL_SOCKET), C(SOL_IP), C(SOL_TCP),
	C(SO_ERROR), C(SO_KEEPALIVE), C(SO_LINGER), C(SO_OOBINLINE),
	C(SO_PRIORITY), C(SO_RCVBUF), C(SO_RCVLOWAT), C(SO_RCVTIMEO),
	C(SO_REUSEADDR), C(SO_REUSEPORT), C(SO_SNDBUF), C(SO_SNDTIMEO),
	C(SO_MAX_PACING_RATE),
	C(IP_TOS), C(IP_TTL), C(IP_MTU), C(IP_MTU_DISCOVER), C(IP_RECVERR),
	C(IP_MINTTL), C(IP_BIND_ADDRESS_NO_PORT),
	C(IP_PMTUDISC_DONT), C(IP_PMTUDISC_WANT), C(IP_PMTUDISC_DO),
	C(IP_PMTUDISC_PROBE),
	C(TCP_NODELAY), C(TCP_MAXSEG), C(TCP_CORK), C(TCP_KEEPIDLE),
	C(TCP_KEEPINTVL), C(TCP_KEEPCNT), C(TCP_SYNCNT), C(TCP_LINGER2),
	C(TCP_DEFER_ACCEPT), C(TCP_WINDOW_CLAMP), C(TCP_QUICKACK),
	C(TCP_CONGESTION), C(TCP_USER_TIMEOUT), C(TCP_NOTSENT_LOWAT),
	C(MSG_DONTWAIT), C(MSG_PEEK), C(MSG_OOB), C(MSG_WAITALL),
	C(MSG_MORE), C(MSG_TRUNC), C(MSG_NOSIGNAL), C(MSG_EOR),
	C(POLLIN), C(POLLOUT), C(POLLPRI), C(POLLERR), C(POLLHUP),
	C(POLLRDHUP),
	C(SHUT_RD), C(SHUT_WR), C(SHUT_RDWR),
	C(F_GETFL), C(F_SETFL), C(F_SETOWN), C(O_RDWR), C(O_NONBLOCK),
	C(SIOCINQ), C(SIOCOUTQ), C(SIOCOUTQNSD), C(SIOCATMARK),
	C(SIGURG), C(SIGPIPE), C(SIGIO),
};

static const struct constant errors[] = {
	C(EACCES), C(EADDRINUSE), C(EADDRNOTAVAIL), C(EAFNOSUPPORT),
	C(EAGAIN), C(EALREADY), C(EBADF), C(ECONNABORTED), C(ECONNREFUSED),
	C(ECONNRESET), C(EDESTADDRREQ), C(EFAULT), C(EHOSTUNREACH),
	C(EINPROGRESS), C(EINTR), C(EINVAL), C(EISCONN), C(EMSGSIZE), C(ENOENT),
	C(ENETUNREACH), C(ENOBUFS), C(ENOPROTOOPT), C(ENOTCONN),
	C(EOPNOTSUPP), C(EPERM), C(EPIPE), C(EPROTO), C(ETIMEDOUT),
};

static bool find(const struct constant *list, unsigned int n,
		 const char *name, long long *value)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!strcmp(list[i].name, name)) {
			*value = list[i].value;
			return true;
		}
	}
	return false;
}

bool constant(const char *word, long long *value)
{
	return find(constants, ARRAY_SIZE(constants), word, value) ||
	       find(errors, ARRAY_SIZE(errors), word, value);
}

const char *error_name(int err)
{
	static char text[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].value == err)
			return errors[i].name;
	snprintf(text, sizeof(text), "errno %d", err);
	return text;
}

/*
 * ---- Reading ----
 */

static bool wrong(char *error, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool wrong(char *error, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error, size, fmt, args);
	va_end(args);
	return false;
}

/* "POLLIN|POLLOUT", "100" */
static bool expression(char *text, long long *value)
{
	char *word, *save;
	long long one;

	text = trim(text);
	if (number_parse(text, value))
		return true;
	*value = 0;
	word = strtok_r(text, "|", &save);
	if (!word)
		return false;
	for (; word; word = strtok_r(NULL, "|", &save)) {
		if (!constant(trim(word), &one))
			return false;
		*value |= one;
	}
	return true;
}

/* "192.0.2.1:8080", ":8080" for any address, "none" for AF_UNSPEC */
static bool address(char *text, struct sockaddr_in *sin)
{
	char *port = strrchr(text, ':');
	long long n = 0;

	memset(sin, 0, sizeof(*sin));
	if (!strcmp(text, "none"))
		return true;
	sin->sin_family = AF_INET;
	if (!port)
		return false;
	*port++ = 0;
	if (*text && !inet_aton(text, &sin->sin_addr))
		return false;
	if (strcmp(port, "*") && (!number_parse(port, &n) || n < 0 ||
				  n > 65535))
		return false;
	sin->sin_port = htons(n);
	return true;
}

/* 'text', {1, 0} or an expression */
static bool value(char *text, struct arg *arg)
{
	char *comma, *end = text + strlen(text) - 1;

	if (*text == '\'' && end > text && *end == '\'') {
		*end = 0;
		snprintf(arg->text, sizeof(arg->text), "%s", text + 1);
		return true;
	}
	if (*text == '{' && *end == '}') {
		comma = strchr(text, ',');
		if (!comma)
			return false;
		*end = 0;
		*comma = 0;
		snprintf(arg->text, sizeof(arg->text), "{}");
		return expression(text + 1, &arg->number) &&
		       expression(comma + 1, &arg->second);
	}
	return expression(text, &arg->number);
}

static bool arg_parse(char kind, char *text, struct arg *arg)
{
	text = trim(text);
	switch (kind) {
	case 'f':
		return number_parse(text, &arg->number) && arg->number >= 0 &&
		       arg->number < MAX_FDS;
	case 'n':
		return expression(text, &arg->number);
	case 'v':
		return *text && value(text, arg);
	case 'a':
		return address(text, &arg->addr);
	default:
		snprintf(arg->text, sizeof(arg->text), "%s", text);
		return *text;
	}
}

/* The end of one argument: a comma outside of braces. */
static char *arg_end(char *text)
{
	int depth = 0;

	for (; *text && (depth || *text != ','); text++)
		depth += (*text == '{') - (*text == '}');
	return text;
}

static const struct function *function_find(const char *name);

/* " 0", " -1 EAGAIN", " 1..100", " 10 at 5", " POLLIN|POLLOUT" */
bool call_parse_result(struct call *call, char *text, char *error,
		       size_t size)
{
	const char *word = next_word(&text), *to;
	char copy[64];

	call->err = 0;
	call->at = -1;
	if (!word)
		return wrong(error, size, "no result");
	snprintf(copy, sizeof(copy), "%s", word);
	to = strstr(word, "..");
	if (to) {
		copy[to - word] = 0;
		if (!number_parse(copy, &call->low) ||
		    !number_parse(to + 2, &call->high))
			return wrong(error, size, "bad result '%s'", word);
	} else {
		if (!expression(copy, &call->low))
			return wrong(error, size, "bad result '%s'", word);
		call->high = call->low;
	}
	word = next_word(&text);
	if (call->low == -1) {
		long long err;

		if (!word || !find(errors, ARRAY_SIZE(errors), word, &err))
			return wrong(error, size, "-1 needs an errno");
		call->err = err;
		word = next_word(&text);
	} else if (word && !strcmp(word, "at")) {
		if (!number_parse(next_word(&text), &call->at))
			return wrong(error, size, "bad 'at'");
		word = next_word(&text);
	}
	if (word)
		return wrong(error, size, "'%s' after the result", word);
	if (call->fn->opens && !call->err &&
	    (call->low < 0 || call->low >= MAX_FDS))
		return wrong(error, size, "no descriptor %lld", call->low);
	return true;
}

/* "send(4, 100) = 100"; without @result no value follows. */
bool call_parse(struct call *call, char *text, bool result, char *error,
		size_t size)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	char *arg, *end;
	const char *s;
	int i = 0;

	if (!open || !close || close < open)
		return wrong(error, size, "no such line");
	*open = 0;
	*close = 0;
	call->fn = function_find(trim(text));
	if (!call->fn)
		return wrong(error, size, "no call '%s'", trim(text));
	arg = trim(open + 1);
	for (s = call->fn->signature; *s && *s != '?'; s++, i++) {
		end = *s == 't' ? arg + strlen(arg) : arg_end(arg);
		if (!*arg && s[1] == '?')
			break;
		text = *end ? end + 1 : end;
		*end = 0;
		if (!arg_parse(*s, arg, &call->args[i]))
			return wrong(error, size, "bad argument '%s'", arg);
		arg = trim(text);
		if (s[1] == '?')
			s++;
	}
	if (*arg)
		return wrong(error, size, "one argument too many: '%s'", arg);
	text = trim(close + 1);
	if (!result)
		return !*text || wrong(error, size, "'%s' after the call",
				       text);
	if (*text != '=')
		return wrong(error, size, "'= RESULT' expected");
	return call_parse_result(call, text + 1, error, size);
}

/*
 * ---- The calls ----
 */

static struct open_file *file_of(const struct call *call)
{
	return &files[call->args[0].number];
}

static int fd_of(const struct call *call)
{
	return file_of(call)->fd - 1;	/* 0 is one that is not open */
}

static void done(struct outcome *o, long long ret)
{
	o->ret = ret;
	o->err = ret < 0 ? errno : 0;
}

static int open_socket(void)
{
	return socket(net_family,
		      SOCK_STREAM | SOCK_CLOEXEC, net_wire);
}

bool call_socket_works(void)
{
	int fd = open_socket();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void make_socket(const struct call *call, struct outcome *o)
{
	done(o, open_socket());
}

static void make_accept(const struct call *call, struct outcome *o)
{
	done(o, accept4(fd_of(call), NULL, NULL, SOCK_CLOEXEC));
}

static void make_bind(const struct call *call, struct outcome *o)
{
	done(o, bind(fd_of(call), (void *)&call->args[1].addr,
		     sizeof(call->args[1].addr)));
}

static void make_connect(const struct call *call, struct outcome *o)
{
	done(o, connect(fd_of(call), (void *)&call->args[1].addr,
			sizeof(call->args[1].addr)));
}

static void make_listen(const struct call *call, struct outcome *o)
{
	done(o, listen(fd_of(call), call->args[1].number));
}

static void make_shutdown(const struct call *call, struct outcome *o)
{
	done(o, shutdown(fd_of(call), call->args[1].number));
}

static void make_close(const struct call *call, struct outcome *o)
{
	done(o, close(fd_of(call)));
	file_of(call)->fd = 0;
}

static void make_send(const struct call *call, struct outcome *o)
{
	struct open_file *file = file_of(call);
	long long len = call->args[1].number, i;
	__u8 *buf;

	if (len < 0 || len > MAX_BYTES) {
		snprintf(o->why, sizeof(o->why), "no buffer of %lld", len);
		return;
	}
	buf = malloc(len + 1);
	for (i = 0; i < len; i++)
		buf[i] = stream_byte(file->written + i);
	done(o, send(fd_of(call), buf, len, call->args[2].number));
	if (o->ret > 0)
		file->written += o->ret;
	free(buf);
}

static void check_bytes(const struct call *call, const __u8 *buf,
			struct outcome *o)
{
	__u64 at = call->at >= 0 ? (__u64)call->at : file_of(call)->read;
	long long i;

	for (i = 0; i < o->ret; i++) {
		if (buf[i] == stream_byte(at + i))
			continue;
		snprintf(o->why, sizeof(o->why),
			 "byte %llu of the stream is %#x, not %#x",
			 (unsigned long long)at + i, buf[i],
			 stream_byte(at + i));
		return;
	}
}

static void make_recv(const struct call *call, struct outcome *o)
{
	struct open_file *file = file_of(call);
	long long len = call->args[1].number;
	int flags = call->args[2].number;
	__u8 *buf;

	if (len < 0 || len > MAX_BYTES) {
		snprintf(o->why, sizeof(o->why), "no buffer of %lld", len);
		return;
	}
	buf = malloc(len + 1);
	done(o, recv(fd_of(call), buf, len, flags));
	if (o->ret > 0 && !(flags & MSG_TRUNC))
		check_bytes(call, buf, o);
	if (o->ret > 0 && !(flags & (MSG_PEEK | MSG_OOB)))
		file->read = (call->at >= 0 ? (__u64)call->at : file->read) +
			     o->ret;
	free(buf);
}

/* What an option's value looks like in memory; its length. */
static socklen_t encode_value(const struct arg *arg, int opt, void *buf)
{
	struct linger linger = { arg->number, arg->second };
	struct timeval time = { arg->number, arg->second };
	int number = arg->number;

	if (!strcmp(arg->text, "{}") && opt == SO_LINGER) {
		memcpy(buf, &linger, sizeof(linger));
		return sizeof(linger);
	}
	if (!strcmp(arg->text, "{}")) {
		memcpy(buf, &time, sizeof(time));
		return sizeof(time);
	}
	if (arg->text[0]) {
		strcpy(buf, arg->text);
		return strlen(buf);
	}
	memcpy(buf, &number, sizeof(number));
	return sizeof(number);
}

static void make_setsockopt(const struct call *call, struct outcome *o)
{
	char buf[64];
	socklen_t len = encode_value(&call->args[3], call->args[2].number,
				     buf);

	done(o, setsockopt(fd_of(call), call->args[1].number,
			   call->args[2].number, buf, len));
}

static void make_getsockopt(const struct call *call, struct outcome *o)
{
	const struct arg *want = &call->args[3];
	socklen_t len = sizeof(int);
	char text[64] = "";
	int number = 0;

	if (want->text[0]) {
		len = sizeof(text) - 1;
		done(o, getsockopt(fd_of(call), call->args[1].number,
				   call->args[2].number, text, &len));
		if (!o->ret && strcmp(text, want->text))
			snprintf(o->why, sizeof(o->why), "the value is '%s'",
				 text);
		return;
	}
	done(o, getsockopt(fd_of(call), call->args[1].number,
			   call->args[2].number, &number, &len));
	if (!o->ret && number != want->number)
		snprintf(o->why, sizeof(o->why), "the value is %d%s%s",
			 number, number ? ", " : "",
			 number ? error_name(number) : "");
}

static void make_ioctl(const struct call *call, struct outcome *o)
{
	int number = 0;

	done(o, ioctl(fd_of(call), call->args[1].number, &number));
	if (!o->ret && number != call->args[2].number)
		snprintf(o->why, sizeof(o->why), "the value is %d", number);
}

static void make_fcntl(const struct call *call, struct outcome *o)
{
	int cmd = call->args[1].number;

	done(o, fcntl(fd_of(call), cmd, cmd == F_SETOWN ? getpid() :
		      (int)call->args[2].number));
}

static void make_poll(const struct call *call, struct outcome *o)
{
	struct pollfd pfd = {
		.fd = fd_of(call), .events = call->args[1].number,
	};

	done(o, poll(&pfd, 1, call->args[2].number));
	if (o->ret > 0)
		o->ret = pfd.revents;
}

static void compare_name(const struct call *call, struct outcome *o,
			 const struct sockaddr_in *got)
{
	const struct sockaddr_in *want = &call->args[1].addr;

	if (want->sin_addr.s_addr != got->sin_addr.s_addr ||
	    (want->sin_port && want->sin_port != got->sin_port))
		snprintf(o->why, sizeof(o->why), "the name is %s:%u",
			 inet_ntoa(got->sin_addr), ntohs(got->sin_port));
}

static void make_getsockname(const struct call *call, struct outcome *o)
{
	struct sockaddr_in sin = {};
	socklen_t len = sizeof(sin);

	done(o, getsockname(fd_of(call), (void *)&sin, &len));
	if (!o->ret)
		compare_name(call, o, &sin);
}

static void make_getpeername(const struct call *call, struct outcome *o)
{
	struct sockaddr_in sin = {};
	socklen_t len = sizeof(sin);

	done(o, getpeername(fd_of(call), (void *)&sin, &len));
	if (!o->ret)
		compare_name(call, o, &sin);
}

static void make_info(const struct call *call, struct outcome *o)
{
	char conditions[64], *one, *save;

	o->ret = 0;
	snprintf(conditions, sizeof(conditions), "%s", call->args[1].text);
	for (one = strtok_r(conditions, ",", &save); one;
	     one = strtok_r(NULL, ",", &save))
		if (!info_check(fd_of(call), one, o->why, sizeof(o->why)))
			return;
}

static const struct function functions[] = {
	{ "socket",	"",	true,	make_socket },
	{ "bind",	"fa",	false,	make_bind },
	{ "listen",	"fn",	false,	make_listen },
	{ "accept",	"f",	true,	make_accept },
	{ "connect",	"fa",	false,	make_connect },
	{ "read",	"fn",	false,	make_recv },
	{ "recv",	"fnn?",	false,	make_recv },
	{ "write",	"fn",	false,	make_send },
	{ "send",	"fnn?",	false,	make_send },
	{ "shutdown",	"fn",	false,	make_shutdown },
	{ "close",	"f",	false,	make_close },
	{ "setsockopt",	"fnnv",	false,	make_setsockopt },
	{ "getsockopt",	"fnnv",	false,	make_getsockopt },
	{ "ioctl",	"fnn",	false,	make_ioctl },
	{ "fcntl",	"fnn?",	false,	make_fcntl },
	{ "poll",	"fnn",	false,	make_poll },
	{ "getsockname", "fa",	false,	make_getsockname },
	{ "getpeername", "fa",	false,	make_getpeername },
	{ "info",	"ft",	false,	make_info },
};

static const struct function *function_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}

/*
 * ---- Making them ----
 */

static void judge(const struct call *call, struct outcome *o, char *why,
		  size_t size)
{
	why[0] = 0;
	/* A new descriptor has the number that the script says. */
	if (call->fn->opens && o->ret >= 0 && call->low >= 0) {
		files[call->low] = (struct open_file){ .fd = o->ret + 1 };
		o->ret = call->low;
	}
	if (o->why[0])
		snprintf(why, size, "%s", o->why);
	else if (o->ret < 0 && (call->low != -1 || o->err != call->err))
		snprintf(why, size, "it returned -1 %s", error_name(o->err));
	else if (o->ret < call->low || o->ret > call->high)
		snprintf(why, size, "it returned %lld", o->ret);
}

/* @why is empty if it returned what the script says. */
void call_make(const struct call *call, char *why, size_t size)
{
	struct outcome o = {};

	call->fn->make(call, &o);
	judge(call, &o, why, size);
}

static struct running *running_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < MAX_RUNNING; i++)
		if (!strcmp(running[i].name, name))
			return &running[i];
	return NULL;
}

static long run(struct net_call *base)
{
	struct running *r = (struct running *)base;

	r->call->fn->make(r->call, &r->outcome);
	r->ended = now();
	return 0;
}

/* It has to block: what comes back at once was not worth a thread. */
void call_begin(const struct call *call, const char *name)
{
	struct running *r = running_find("");
	char why[160];

	if (running_find(name) || !r)
		fail("'%s' is under way already, or too many are", name);
	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->call = call;
	r->base.fn = run;
	net_call(&r->base);
	if (!net_call_done(&r->base))
		return;
	judge(call, &r->outcome, why, sizeof(why));
	fail("it should block; but %s", why[0] ? why :
	     "it returned at once");
}

bool call_asleep(const char *name)
{
	struct running *r = running_find(name);

	if (!r)
		fail("nothing has begun as '%s'", name);
	return !net_call_done(&r->base) && net_call_asleep(&r->base);
}

/* Waits for the end of what has begun as @name; when that was. */
double call_end(const struct call *call, const char *name, double patience,
		char *why, size_t size)
{
	struct running *r = running_find(name);
	double until = now() + patience;

	if (!r)
		fail("nothing has begun as '%s'", name);
	while (!net_call_done(&r->base)) {
		if (now() > until)
			fail("it has not ended after %.0f s", patience);
		net_pause();
	}
	net_call_end(&r->base);
	judge(call, &r->outcome, why, size);
	r->name[0] = 0;
	return r->ended;
}

/* The end: what can end at once does. */
void call_abort_all(void)
{
	int i;

	for (i = 0; i < MAX_FDS; i++)
		if (files[i].fd)
			net_abort(files[i].fd - 1);
}

/*
 * ---- Signals ----
 */

static void count_signal(int sig)
{
	raised[sig]++;
}

void call_signals(void)
{
	static const int signals[] = { SIGURG, SIGPIPE, SIGIO };
	struct sigaction action = {
		.sa_handler = count_signal,
		.sa_flags = SA_RESTART,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	/* This one is for a call that does not return. */
	action.sa_flags = 0;
	sigaction(SIGALRM, &action, NULL);
}

/* Has it come since this was last asked? */
bool call_raised(int sig)
{
	if (!raised[sig])
		return false;
	raised[sig] = 0;
	return true;
}
