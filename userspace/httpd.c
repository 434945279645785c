// SPDX-License-Identifier: GPL-2.0
/*
 * httpd: the files of a directory over HTTP/1.1, on AF_TEACH or AF_INET.
 *
 * One thread, one epoll loop, no call that waits for one client.  Where a
 * client is and what it still owes or is owed is all in struct conn:
 *
 *	reading a head -> sending a response -> (keep-alive) reading a head
 *	                                     -> draining -> closed
 *
 * While a response is being sent nothing is read: a client that does not
 * take its bytes is held back by TCP's own window, not by our memory.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "family.h"
#include "http.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define OUT_SIZE	65536
#define DRAIN_MS	2000
#define EVENTS		64

/**
 * struct conn - one client
 * @link: in idle or draining, the one that moved last at the end
 * @moved: when it last did what keeps it alive, in ms
 * @fd: the socket
 * @file: the file being sent, or -1
 * @file_left: octets of @file that are not in @out yet
 * @skip: octets of a request's body, still to be read and thrown away
 * @watch: the epoll events asked for
 * @eof: the client has closed its half
 * @closing: close when @out is sent
 * @draining: our half is closed; waiting for the client to close its own
 * @in: what has been read and not parsed
 * @out: what has been made and not sent; NULL between responses
 */
struct conn {
	TAILQ_ENTRY(conn) link;
	int64_t moved;
	int fd;
	int file;
	uint64_t file_left;
	uint64_t skip;
	uint32_t watch;
	bool eof;
	bool closing;
	bool draining;
	size_t in_len;
	size_t out_len;
	size_t out_sent;
	char *out;
	struct sockaddr_in peer;
	char in[HTTP_HEAD_MAX];
};

TAILQ_HEAD(conn_list, conn);

static struct {
	int family;
	struct sockaddr_in addr;
	const char *root;
	int64_t timeout_ms;
	bool verbose;

	int epoll;
	int listener;
	int signals;
	int root_fd;
	bool stopped;
	bool accept_paused;
	struct conn_list idle;
	struct conn_list draining;
	struct http_request req;
} srv = {
	.family = AF_TEACH,
	.addr = { .sin_family = AF_INET },
	.root = ".",
	.timeout_ms = 30000,
	.idle = TAILQ_HEAD_INITIALIZER(srv.idle),
	.draining = TAILQ_HEAD_INITIALIZER(srv.draining),
};

static const char usage_text[] =
"Usage: httpd [OPTION]...\n"
"Serve the files of a directory over HTTP/1.1.\n"
"\n"
"      --family NAME    teach (default) or inet\n"
"      --address ADDR   IPv4 address to listen on (default: all)\n"
"      --port PORT      port to listen on (default: 8080; 0: any free one)\n"
"      --root DIR       directory to serve (default: .)\n"
"      --backlog N      length of the accept queue (default: 128)\n"
"      --timeout SEC    close a client that does nothing (default: 30)\n"
"  -v, --verbose        one line on stderr for every request\n"
"  -h, --help           this text\n"
"\n"
"Example:\n"
"  httpd --address 10.0.0.2 --port 8080 --root /srv/www\n";

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- a connection's life ------------------------------------------------ */

static void listener_watch(bool on)
{
	struct epoll_event ev = {
		.events = on ? EPOLLIN : 0,
		.data.ptr = &srv.listener,
	};

	srv.accept_paused = !on;
	epoll_ctl(srv.epoll, EPOLL_CTL_MOD, srv.listener, &ev);
}

static struct conn_list *conn_list(struct conn *c)
{
	return c->draining ? &srv.draining : &srv.idle;
}

/* The client has done something that earns it another timeout. */
static void conn_touch(struct conn *c)
{
	c->moved = now_ms();
	TAILQ_REMOVE(conn_list(c), c, link);
	TAILQ_INSERT_TAIL(conn_list(c), c, link);
}

static void conn_end_response(struct conn *c)
{
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
	c->file_left = 0;
	free(c->out);
	c->out = NULL;
	c->out_len = 0;
	c->out_sent = 0;
}

static void conn_close(struct conn *c)
{
	conn_end_response(c);
	TAILQ_REMOVE(conn_list(c), c, link);
	close(c->fd);
	free(c);
	/* A descriptor is free again. */
	if (srv.accept_paused)
		listener_watch(true);
}

static void conn_watch(struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (c->watch == events)
		return;
	c->watch = events;
	epoll_ctl(srv.epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

/*
 * Closing a socket with unread data sends a RST, which can destroy the
 * response at the client.  So close our half, and wait for the client's.
 */
static bool conn_drain(struct conn *c)
{
	if (c->eof || shutdown(c->fd, SHUT_WR))
		return false;
	conn_end_response(c);
	TAILQ_REMOVE(&srv.idle, c, link);
	c->draining = true;
	c->moved = now_ms();
	TAILQ_INSERT_TAIL(&srv.draining, c, link);
	conn_watch(c, EPOLLIN);
	return true;
}

static bool conn_new(int fd, const struct sockaddr_in *peer)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct conn *c;

	c = calloc(1, sizeof(*c));
	if (!c)
		return false;
	c->fd = fd;
	c->file = -1;
	c->peer = *peer;
	c->watch = ev.events;
	c->moved = now_ms();
	ev.data.ptr = c;
	if (epoll_ctl(srv.epoll, EPOLL_CTL_ADD, fd, &ev)) {
		free(c);
		return false;
	}
	TAILQ_INSERT_TAIL(&srv.idle, c, link);
	return true;
}

static void accept_all(void)
{
	for (;;) {
		struct sockaddr_in peer = { 0 };
		socklen_t len = sizeof(peer);
		int fd;

		fd = accept4(srv.listener, (struct sockaddr *)&peer, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			if (!conn_new(fd, &peer))
				close(fd);
			continue;
		}
		switch (errno) {
		case EINTR:
		case ECONNABORTED:
			continue;
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			/* Level-triggered: would spin until one is closed. */
			listener_watch(false);
			return;
		default:
			return;
		}
	}
}

/* --- responses ---------------------------------------------------------- */

static const char *content_type(const char *path)
{
	static const struct {
		const char *suffix, *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css" },
		{ ".js", "text/javascript" },
		{ ".json", "application/json" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".jpg", "image/jpeg" },
		{ ".txt", "text/plain; charset=utf-8" },
	};
	const char *dot = strrchr(path, '.');
	size_t i;

	for (i = 0; dot && i < ARRAY_SIZE(types); i++)
		if (!strcmp(dot, types[i].suffix))
			return types[i].type;
	return "application/octet-stream";
}

static void log_request(const struct conn *c, int status, uint64_t length)
{
	char ip[INET_ADDRSTRLEN];

	if (!srv.verbose)
		return;
	inet_ntop(AF_INET, &c->peer.sin_addr, ip, sizeof(ip));
	fprintf(stderr, "%s:%u %s /%s -> %d, %llu bytes\n", ip,
		ntohs(c->peer.sin_port),
		srv.req.method[0] ? srv.req.method : "?",
		strcmp(srv.req.path, ".") ? srv.req.path : "", status,
		(unsigned long long)length);
}

/* The head of a response, at the start of @out.  The body follows it. */
static bool conn_start_response(struct conn *c, int status, const char *type,
				uint64_t length)
{
	char date[40];
	struct tm tm;
	time_t now;

	c->out = malloc(OUT_SIZE);
	if (!c->out)
		return false;
	now = time(NULL);
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	c->out_sent = 0;
	c->out_len = snprintf(c->out, OUT_SIZE,
			      "HTTP/1.1 %d %s\r\n"
			      "Date: %s\r\n"
			      "Server: teach-httpd\r\n"
			      "Content-Type: %s\r\n"
			      "Content-Length: %llu\r\n"
			      "%s%s\r\n",
			      status, http_reason(status), date, type,
			      (unsigned long long)length,
			      status == 405 ? "Allow: GET, HEAD\r\n" : "",
			      c->closing ? "Connection: close\r\n" :
					   "Connection: keep-alive\r\n");
	log_request(c, status, length);
	return true;
}

static bool conn_reply_error(struct conn *c, int status)
{
	char body[64];
	int len;

	len = snprintf(body, sizeof(body), "%d %s\n", status,
		       http_reason(status));
	if (!conn_start_response(c, status, "text/plain", len))
		return false;
	if (srv.req.head)
		return true;
	memcpy(c->out + c->out_len, body, len);
	c->out_len += len;
	return true;
}

static int status_of_errno(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return 404;
	case EXDEV:	/* "..", or a link, that would leave the root */
	case EACCES:
	case EPERM:
	case ELOOP:
	case ENXIO:
		return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return 503;
	}
	return 500;
}

/* The kernel itself sees to it that a path stays below the root. */
static int open_beneath(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* Open the file a path names.  Returns 0, or the status that says why not. */
static int open_file(const char *path, int *file, struct stat *st)
{
	int fd = open_beneath(srv.root_fd, path);

	if (fd >= 0 && !fstat(fd, st) && S_ISDIR(st->st_mode)) {
		int dir = fd;

		fd = open_beneath(dir, "index.html");
		close(dir);
	}
	if (fd < 0)
		return status_of_errno(errno);
	if (fstat(fd, st) || !S_ISREG(st->st_mode)) {
		close(fd);
		return 403;
	}
	*file = fd;
	return 0;
}

static bool conn_reply(struct conn *c)
{
	struct http_request *req = &srv.req;
	struct stat st;
	int status;

	status = open_file(req->path, &c->file, &st);
	if (status)
		return conn_reply_error(c, status);
	if (!conn_start_response(c, 200, content_type(req->path), st.st_size))
		return false;
	if (!req->head)
		c->file_left = st.st_size;
	return true;
}

/* Fill @out behind what is there.  A file that shrank ends the connection. */
static bool conn_fill(struct conn *c)
{
	while (c->file_left && c->out_len < OUT_SIZE) {
		size_t want = OUT_SIZE - c->out_len;
		ssize_t n;

		if (want > c->file_left)
			want = c->file_left;
		n = read(c->file, c->out + c->out_len, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		c->out_len += n;
		c->file_left -= n;
	}
	return true;
}

/* --- the loop's work on one connection ---------------------------------- */

enum step {
	STEP_AGAIN,	/* there is more to do now */
	STEP_WAIT,	/* epoll will say when */
	STEP_CLOSE,
};

static enum step step_send(struct conn *c)
{
	ssize_t n;

	if (c->out_sent == c->out_len) {
		c->out_sent = 0;
		c->out_len = 0;
	}
	if (!conn_fill(c))
		return STEP_CLOSE;
	n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
		 MSG_NOSIGNAL);
	if (n < 0 && errno == EINTR)
		return STEP_AGAIN;
	if (n < 0 && errno == EAGAIN) {
		conn_watch(c, EPOLLOUT);
		return STEP_WAIT;
	}
	if (n < 0)
		return STEP_CLOSE;
	conn_touch(c);
	c->out_sent += n;
	if (c->out_sent < c->out_len || c->file_left)
		return STEP_AGAIN;
	conn_end_response(c);
	if (!c->closing)
		return STEP_AGAIN;
	return conn_drain(c) ? STEP_WAIT : STEP_CLOSE;
}

static void conn_consume(struct conn *c, size_t len)
{
	c->in_len -= len;
	memmove(c->in, c->in + len, c->in_len);
}

static enum step step_parse(struct conn *c)
{
	ssize_t n = http_parse(c->in, c->in_len, &srv.req);

	if (!n && c->eof)
		return STEP_CLOSE;
	if (!n) {
		conn_watch(c, EPOLLIN);
		return STEP_WAIT;
	}
	conn_touch(c);
	if (n < 0) {
		c->closing = true;
		c->in_len = 0;
		return conn_reply_error(c, -n) ? STEP_AGAIN : STEP_CLOSE;
	}
	conn_consume(c, n);
	c->skip = srv.req.body;
	c->closing = !srv.req.keep_alive;
	return conn_reply(c) ? STEP_AGAIN : STEP_CLOSE;
}

/* Throw away the part of a request's body that has come. */
static void conn_skip(struct conn *c)
{
	size_t n = c->in_len < c->skip ? c->in_len : c->skip;

	c->skip -= n;
	conn_consume(c, n);
}

static enum step conn_step(struct conn *c)
{
	if (c->out)
		return step_send(c);
	if (c->skip && c->in_len)
		conn_skip(c);
	return step_parse(c);
}

/* False when the connection is of no more use. */
static bool conn_read(struct conn *c)
{
	ssize_t n;

	if (c->in_len == sizeof(c->in))
		return true;
	do {
		n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len,
			 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN;
	if (!n)
		c->eof = true;
	c->in_len += n;
	return true;
}

/* Only the client's end of stream is of interest. */
static bool conn_read_drain(struct conn *c)
{
	c->in_len = 0;
	return conn_read(c) && !c->eof;
}

static void conn_ready(struct conn *c, uint32_t events)
{
	/* One client with a fast link must not keep the others waiting. */
	int budget = 8;
	enum step step = STEP_AGAIN;

	if (c->draining) {
		if (!conn_read_drain(c))
			conn_close(c);
		return;
	}
	/* In the middle of a response only EPOLLERR and EPOLLHUP matter. */
	if ((events & EPOLLERR) || ((events & EPOLLHUP) && c->out) ||
	    (!c->out && !conn_read(c))) {
		conn_close(c);
		return;
	}
	while (step == STEP_AGAIN && budget--)
		step = conn_step(c);
	if (step == STEP_CLOSE)
		conn_close(c);
	else if (step == STEP_AGAIN)
		conn_watch(c, EPOLLOUT);
}

/* Close what has been silent too long; say when to look again, in ms. */
static int expire(struct conn_list *list, int64_t timeout)
{
	int64_t now = now_ms();
	struct conn *c;

	while ((c = TAILQ_FIRST(list))) {
		if (c->moved + timeout > now)
			return c->moved + timeout - now;
		conn_close(c);
	}
	return -1;
}

static int next_timeout(void)
{
	int idle = expire(&srv.idle, srv.timeout_ms);
	int drain = expire(&srv.draining, DRAIN_MS);

	if (srv.accept_paused && TAILQ_EMPTY(&srv.idle) &&
	    TAILQ_EMPTY(&srv.draining)) {
		/* Nobody of ours to wait for: the system ran out. */
		usleep(100000);
		listener_watch(true);
	}
	if (idle < 0 || drain < 0)
		return idle > drain ? idle : drain;
	return idle < drain ? idle : drain;
}

static int serve(void)
{
	struct epoll_event events[EVENTS];

	while (!srv.stopped) {
		int i, n;

		n = epoll_wait(srv.epoll, events, EVENTS, next_timeout());
		if (n < 0 && errno != EINTR) {
			perror("httpd: epoll_wait");
			return 1;
		}
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == &srv.listener)
				accept_all();
			else if (events[i].data.ptr == &srv.signals)
				srv.stopped = true;
			else
				conn_ready(events[i].data.ptr,
					   events[i].events);
		}
	}
	return 0;
}

/* --- setting up --------------------------------------------------------- */

static int start_listening(int backlog)
{
	socklen_t len = sizeof(srv.addr);
	char ip[INET_ADDRSTRLEN];
	int one = 1;

	inet_ntop(AF_INET, &srv.addr.sin_addr, ip, sizeof(ip));
	srv.listener = socket(srv.family,
			      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (srv.listener < 0) {
		fprintf(stderr, "httpd: socket(%s): %s%s\n",
			family_name(srv.family), strerror(errno),
			family_hint(srv.family, errno));
		return -1;
	}
	setsockopt(srv.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(srv.listener, (struct sockaddr *)&srv.addr, len)) {
		fprintf(stderr, "httpd: cannot bind to %s port %u: %s\n", ip,
			ntohs(srv.addr.sin_port), strerror(errno));
		return -1;
	}
	if (listen(srv.listener, backlog)) {
		perror("httpd: listen");
		return -1;
	}
	getsockname(srv.listener, (struct sockaddr *)&srv.addr, &len);
	return 0;
}

/* Whoever started us waits for this line. */
static void announce(void)
{
	char ip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &srv.addr.sin_addr, ip, sizeof(ip));
	printf("httpd: serving %s on http://%s:%u/ (%s)\n", srv.root, ip,
	       ntohs(srv.addr.sin_port), family_name(srv.family));
	fflush(stdout);
}

static bool add_to_epoll(int *fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = fd };

	return !epoll_ctl(srv.epoll, EPOLL_CTL_ADD, *fd, &ev);
}

/* SIGINT and SIGTERM end the loop like any other event in it. */
static int start_epoll(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	srv.signals = signalfd(-1, &set, SFD_CLOEXEC);
	srv.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (srv.signals < 0 || srv.epoll < 0 ||
	    !add_to_epoll(&srv.listener) || !add_to_epoll(&srv.signals)) {
		perror("httpd: epoll");
		return -1;
	}
	return 0;
}

static void raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int bad_usage(const char *option, const char *value)
{
	fprintf(stderr, "httpd: bad value for --%s: '%s'\n", option, value);
	return 2;
}

static bool parse_number(const char *text, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return !errno && end != text && !*end && *value >= min &&
	       *value <= max;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "family", required_argument, NULL, 'f' },
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "root", required_argument, NULL, 'r' },
		{ "backlog", required_argument, NULL, 'b' },
		{ "timeout", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long backlog = 128, number;
	int opt;

	srv.addr.sin_port = htons(8080);
	while ((opt = getopt_long(argc, argv, "vh", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			srv.family = family_by_name(optarg);
			if (srv.family < 0)
				return bad_usage("family", optarg);
			break;
		case 'a':
			if (inet_pton(AF_INET, optarg,
				      &srv.addr.sin_addr) != 1)
				return bad_usage("address", optarg);
			break;
		case 'p':
			if (!parse_number(optarg, 0, 65535, &number))
				return bad_usage("port", optarg);
			srv.addr.sin_port = htons(number);
			break;
		case 'r':
			srv.root = optarg;
			break;
		case 'b':
			if (!parse_number(optarg, 0, 1 << 30, &backlog))
				return bad_usage("backlog", optarg);
			break;
		case 't':
			if (!parse_number(optarg, 1, 86400, &number))
				return bad_usage("timeout", optarg);
			srv.timeout_ms = number * 1000;
			break;
		case 'v':
			srv.verbose = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			fputs("Try 'httpd --help'.\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "httpd: what is '%s'? Try 'httpd --help'.\n",
			argv[optind]);
		return 2;
	}

	srv.root_fd = open(srv.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (srv.root_fd < 0) {
		fprintf(stderr, "httpd: cannot open directory '%s': %s\n",
			srv.root, strerror(errno));
		return 1;
	}
	raise_nofile();
	if (start_listening(backlog) || start_epoll())
		return 1;
	announce();
	return serve();
}
