// SPDX-License-Identifier: GPL-2.0
/*
 * httpd: the files of a directory over HTTP/1.1, on AF_TEACH or AF_INET, by
 * the model of a server that --model names.
 *
 * Here is what comes before the first client: options, the listening socket,
 * the signals.  server.h tells where the rest is.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "family.h"
#include "server.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct model - a way to serve many clients
 * @name: what --model calls it
 * @serve: does it; returns the exit status
 * @listener: SOCK_NONBLOCK, where poll() says when to accept
 * @workers: it has a fixed number of them
 */
struct model {
	const char *name;
	int (*serve)(const struct server *srv);
	int listener;
	bool workers;
};

static const struct model models[] = {
	{ "fork",	serve_fork,	SOCK_NONBLOCK,	false },
	{ "prefork",	serve_prefork,	0,		true },
	{ "thread",	serve_thread,	SOCK_NONBLOCK,	false },
	{ "pool",	serve_pool,	0,		true },
	{ "epoll",	serve_epoll,	SOCK_NONBLOCK,	false },
	{ "loops",	serve_loops,	SOCK_NONBLOCK,	true },
	{ "uring",	serve_uring,	0,		false },
};

static struct {
	const struct model *model;
	int family;
	struct sockaddr_in addr;
	int backlog;
	const char *root;
} opt = {
	.family = AF_TEACH,
	.addr = { .sin_family = AF_INET },
	.backlog = 128,
	.root = ".",
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
"      --model NAME     how many clients are served at once:\n"
"                         fork     a process for each connection\n"
"                         prefork  worker processes, one connection at a time\n"
"                         thread   a thread for each connection\n"
"                         pool     worker threads, one connection at a time\n"
"                         epoll    one event loop (default)\n"
"                         loops    one thread accepts, workers are event loops\n"
"                         uring    one thread and an io_uring\n"
"      --workers N      of prefork, pool and loops (default: 8)\n"
"  -v, --verbose        one line on stderr for every request\n"
"  -h, --help           this text\n"
"\n"
"Example:\n"
"  httpd --address 10.0.0.2 --port 8080 --root /srv/www\n";

static const struct model *model_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(models); i++)
		if (!strcmp(name, models[i].name))
			return &models[i];
	return NULL;
}

static bool start_listening(struct server *srv)
{
	socklen_t len = sizeof(opt.addr);
	char ip[INET_ADDRSTRLEN];
	int one = 1;

	inet_ntop(AF_INET, &opt.addr.sin_addr, ip, sizeof(ip));
	srv->listener = socket(opt.family, SOCK_STREAM | SOCK_CLOEXEC |
			       opt.model->listener, 0);
	if (srv->listener < 0) {
		fprintf(stderr, "httpd: socket(%s): %s%s\n",
			family_name(opt.family), strerror(errno),
			family_hint(opt.family, errno));
		return false;
	}
	setsockopt(srv->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(srv->listener, (struct sockaddr *)&opt.addr, len)) {
		fprintf(stderr, "httpd: cannot bind to %s port %u: %s\n", ip,
			ntohs(opt.addr.sin_port), strerror(errno));
		return false;
	}
	if (listen(srv->listener, opt.backlog)) {
		perror("httpd: listen");
		return false;
	}
	getsockname(srv->listener, (struct sockaddr *)&opt.addr, &len);
	return true;
}

/* SIGINT and SIGTERM become readable, so that a model can wait for them. */
static bool catch_signals(struct server *srv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	srv->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (srv->signals < 0)
		perror("httpd: signalfd");
	return srv->signals >= 0;
}

static bool open_root(struct server *srv)
{
	srv->service.root = open(opt.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (srv->service.root < 0)
		fprintf(stderr, "httpd: cannot open directory '%s': %s\n",
			opt.root, strerror(errno));
	return srv->service.root >= 0;
}

/* Whoever started us waits for this line. */
static void announce(void)
{
	char ip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &opt.addr.sin_addr, ip, sizeof(ip));
	printf("httpd: serving %s on http://%s:%u/ (%s, %s)\n", opt.root, ip,
	       ntohs(opt.addr.sin_port), family_name(opt.family),
	       opt.model->name);
	fflush(stdout);
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
		{ "model", required_argument, NULL, 'm' },
		{ "workers", required_argument, NULL, 'w' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	/* Threads use it until the process ends: after main() has returned. */
	static struct server srv = { .service.timeout_ms = 30000 };
	long number;
	int c;

	opt.model = model_by_name("epoll");
	opt.addr.sin_port = htons(8080);
	while ((c = getopt_long(argc, argv, "vh", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			opt.family = family_by_name(optarg);
			if (opt.family < 0)
				return bad_usage("family", optarg);
			break;
		case 'a':
			if (inet_pton(AF_INET, optarg,
				      &opt.addr.sin_addr) != 1)
				return bad_usage("address", optarg);
			break;
		case 'p':
			if (!parse_number(optarg, 0, 65535, &number))
				return bad_usage("port", optarg);
			opt.addr.sin_port = htons(number);
			break;
		case 'r':
			opt.root = optarg;
			break;
		case 'b':
			if (!parse_number(optarg, 0, 1 << 30, &number))
				return bad_usage("backlog", optarg);
			opt.backlog = number;
			break;
		case 't':
			if (!parse_number(optarg, 1, 86400, &number))
				return bad_usage("timeout", optarg);
			srv.service.timeout_ms = number * 1000;
			break;
		case 'm':
			opt.model = model_by_name(optarg);
			if (!opt.model)
				return bad_usage("model", optarg);
			break;
		case 'w':
			if (!parse_number(optarg, 1, 1024, &number))
				return bad_usage("workers", optarg);
			srv.workers = number;
			break;
		case 'v':
			srv.service.verbose = true;
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
	if (srv.workers && !opt.model->workers) {
		fprintf(stderr, "httpd: --model %s has no --workers\n",
			opt.model->name);
		return 2;
	}
	if (!srv.workers)
		srv.workers = 8;

	raise_nofile();
	if (!open_root(&srv) || !start_listening(&srv) || !catch_signals(&srv))
		return 1;
	announce();
	return opt.model->serve(&srv);
}
