// SPDX-License-Identifier: GPL-2.0
/*
 * httpget: fetch files over HTTP/1.1, on AF_TEACH or AF_INET.
 *
 * URLs that follow each other and name the same host and port share one
 * connection, as long as the server keeps it.  A body that is shorter than
 * its Content-Length says is an error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "family.h"

#define BUF_SIZE	65536

enum { EXIT_TRANSFER = 1, EXIT_USAGE, EXIT_STATUS };

struct url {
	struct sockaddr_in addr;
	const char *host;
	int host_len;
	const char *path;
};

struct response {
	int status;
	uint64_t length;
	bool has_length;
	bool keep_alive;
};

static struct {
	int family;
	int timeout;
	bool head;
	bool verbose;
} opt = { .family = AF_TEACH, .timeout = 60 };

/* The connection, and what has been read from it and not used yet. */
static struct {
	int fd;
	struct sockaddr_in addr;
	unsigned int fetched;
	size_t pos;
	size_t len;
	char buf[BUF_SIZE];
} conn = { .fd = -1 };

static const char usage_text[] =
"Usage: httpget [OPTION]... URL...\n"
"Fetch files over HTTP/1.1.  A URL is http://A.B.C.D[:PORT]/PATH.\n"
"\n"
"      --family NAME   teach (default) or inet\n"
"  -o, --output FILE   write the body here; the first -o is for the first\n"
"                      URL, and so on (default: standard output)\n"
"  -I, --head          ask for the head only, and print it\n"
"      --timeout SEC   give up when nothing comes (default: 60)\n"
"  -v, --verbose       say what is done; sizes, times and rates\n"
"  -h, --help          this text\n"
"\n"
"Exit status: 0, or 1 when a transfer failed, 2 for bad usage, 3 when the\n"
"server answered with anything but 200.\n"
"\n"
"Example:\n"
"  httpget -v -o file http://10.0.0.2:8080/file\n";

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int fail(const char *what)
{
	const char *why = strerror(errno);

	/* What a receive timeout looks like on a blocking socket. */
	if (errno == EAGAIN || errno == EINPROGRESS)
		why = "timed out";
	fprintf(stderr, "httpget: %s: %s\n", what, why);
	return -1;
}

static bool parse_url(const char *text, struct url *url)
{
	char ip[INET_ADDRSTRLEN];
	unsigned long port = 80;
	size_t len;
	char *end;

	if (strncasecmp(text, "http://", 7))
		return false;
	url->host = text + 7;
	url->host_len = strcspn(url->host, "/");
	url->path = url->host + url->host_len;
	if (!*url->path)
		url->path = "/";
	len = strcspn(url->host, ":/");
	if (len >= sizeof(ip))
		return false;
	memcpy(ip, url->host, len);
	ip[len] = '\0';
	if (url->host[len] == ':') {
		if (!isdigit((unsigned char)url->host[len + 1]))
			return false;
		port = strtoul(url->host + len + 1, &end, 10);
		if (end != url->host + url->host_len)
			return false;
	}
	url->addr = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	return port && port < 65536 && !strpbrk(url->path, " \r\n") &&
	       inet_pton(AF_INET, ip, &url->addr.sin_addr) == 1;
}

/* --- the connection ----------------------------------------------------- */

static void disconnect(void)
{
	if (conn.fd >= 0)
		close(conn.fd);
	conn.fd = -1;
	conn.pos = 0;
	conn.len = 0;
	conn.fetched = 0;
}

static int connect_to(const struct url *url)
{
	struct timeval tv = { .tv_sec = opt.timeout };
	struct sockaddr_in local = { 0 };
	socklen_t len = sizeof(local);
	char what[64], ip[INET_ADDRSTRLEN];
	double start = now();

	conn.fd = socket(opt.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn.fd < 0) {
		fprintf(stderr, "httpget: socket(%s): %s%s\n",
			family_name(opt.family), strerror(errno),
			family_hint(opt.family, errno));
		return -1;
	}
	setsockopt(conn.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(conn.fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	conn.addr = url->addr;
	if (connect(conn.fd, (struct sockaddr *)&conn.addr,
		    sizeof(conn.addr))) {
		snprintf(what, sizeof(what), "connect to %.*s",
			 url->host_len, url->host);
		fail(what);
		disconnect();
		return -1;
	}
	if (!opt.verbose)
		return 0;
	getsockname(conn.fd, (struct sockaddr *)&local, &len);
	inet_ntop(AF_INET, &local.sin_addr, ip, sizeof(ip));
	fprintf(stderr, "%s: connected %s:%u to %.*s in %.1f ms\n",
		family_name(opt.family), ip, ntohs(local.sin_port),
		url->host_len, url->host, (now() - start) * 1e3);
	return 0;
}

static bool same_server(const struct url *url)
{
	return conn.fd >= 0 && conn.addr.sin_port == url->addr.sin_port &&
	       conn.addr.sin_addr.s_addr == url->addr.sin_addr.s_addr;
}

static int send_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(conn.fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

/* Read more.  Returns what recv() returns. */
static ssize_t fill(void)
{
	ssize_t n;

	if (conn.pos == conn.len) {
		conn.pos = 0;
		conn.len = 0;
	}
	do {
		n = recv(conn.fd, conn.buf + conn.len, BUF_SIZE - conn.len, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		conn.len += n;
	return n;
}

/* --- one request -------------------------------------------------------- */

static int send_request(const struct url *url)
{
	size_t path_len = strcspn(url->path, "#");
	char *request;
	int len, err;

	len = asprintf(&request,
		       "%s %.*s HTTP/1.1\r\n"
		       "Host: %.*s\r\n"
		       "User-Agent: teach-httpget\r\n"
		       "Accept: */*\r\n"
		       "\r\n",
		       opt.head ? "HEAD" : "GET", (int)path_len, url->path,
		       url->host_len, url->host);
	if (len < 0)
		return -1;
	err = send_all(request, len);
	free(request);
	return err;
}

static int parse_status(const char *line, struct response *rsp)
{
	if (strncmp(line, "HTTP/1.", 7) || !isdigit((unsigned char)line[7]) ||
	    sscanf(line + 8, " %3d", &rsp->status) != 1 ||
	    rsp->status < 100)
		return -1;
	rsp->keep_alive = line[7] != '0';
	return 0;
}

static int parse_field(char *line, struct response *rsp)
{
	char *value = strchr(line, ':');
	char *end;

	if (!value)
		return -1;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (!strcasecmp(line, "Content-Length")) {
		errno = 0;
		rsp->length = strtoull(value, &end, 10);
		if (!isdigit((unsigned char)*value) || *end || errno)
			return -1;
		rsp->has_length = true;
	} else if (!strcasecmp(line, "Connection")) {
		if (strcasestr(value, "close"))
			rsp->keep_alive = false;
		if (strcasestr(value, "keep-alive"))
			rsp->keep_alive = true;
	} else if (!strcasecmp(line, "Transfer-Encoding")) {
		fprintf(stderr, "httpget: no support for Transfer-Encoding\n");
		return -1;
	}
	return 0;
}

/* One response head, which is complete in @head and is taken apart there. */
static int parse_head(char *head, struct response *rsp)
{
	char *line, *rest = head;
	bool first = true;

	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (!*line)
			break;
		if (first ? parse_status(line, rsp) : parse_field(line, rsp))
			return -1;
		first = false;
	}
	return first ? -1 : 0;
}

/*
 * Read a response's head.  Returns 0; 1 when the server had closed before
 * the first byte; -1 for an error, which has been told.
 */
static int read_head(struct response *rsp)
{
	char *end;

	*rsp = (struct response) { 0 };
	while (!(end = memmem(conn.buf + conn.pos, conn.len - conn.pos,
			      "\r\n\r\n", 4))) {
		ssize_t n;

		if (conn.len == BUF_SIZE) {
			fprintf(stderr, "httpget: the head has no end\n");
			return -1;
		}
		n = fill();
		if (!n)
			errno = ECONNRESET;
		if (n <= 0 && !conn.len && errno == ECONNRESET)
			return 1;
		if (n < 0)
			return fail("receive");
		if (!n) {
			fprintf(stderr, "httpget: closed within the head\n");
			return -1;
		}
	}
	end[3] = '\0';
	if (opt.head)
		printf("%s\n", conn.buf + conn.pos);
	if (memchr(conn.buf + conn.pos, '\0', end + 3 - conn.buf - conn.pos) ||
	    parse_head(conn.buf + conn.pos, rsp)) {
		fprintf(stderr, "httpget: bad response head\n");
		return -1;
	}
	conn.pos = end + 4 - conn.buf;
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail("write");
		data += n;
		len -= n;
	}
	return 0;
}

/* Read the body into @out; *@got says how much came. */
static int read_body(const struct response *rsp, int out, uint64_t *got)
{
	uint64_t left = rsp->has_length ? rsp->length : UINT64_MAX;

	*got = 0;
	while (left) {
		size_t n = conn.len - conn.pos;
		ssize_t more;

		if (n) {
			if (n > left)
				n = left;
			if (write_all(out, conn.buf + conn.pos, n))
				return -1;
			conn.pos += n;
			*got += n;
			left -= n;
			continue;
		}
		more = fill();
		if (more < 0)
			return fail("receive");
		if (!more)
			break;
	}
	if (rsp->has_length && left) {
		fprintf(stderr,
			"httpget: closed after %llu of %llu bytes\n",
			(unsigned long long)*got,
			(unsigned long long)rsp->length);
		return -1;
	}
	return 0;
}

/* A kept connection may have been closed under us: then try a fresh one. */
static int exchange(const struct url *url, struct response *rsp)
{
	for (;;) {
		bool kept = same_server(url) && conn.fetched;
		int err;

		if (!same_server(url)) {
			disconnect();
			if (connect_to(url))
				return -1;
		}
		if (!send_request(url))
			err = read_head(rsp);
		else if (kept)
			err = 1;
		else
			return fail("send");
		while (!err && rsp->status < 200)	/* 100 Continue */
			err = read_head(rsp);
		if (err <= 0)
			return err;
		if (!kept)
			return fail("no answer");
		disconnect();
	}
}

static int fetch(const char *text, const char *output)
{
	double start = now(), took;
	struct response rsp;
	struct url url;
	uint64_t got = 0;
	int out = 1;
	int err;

	if (!parse_url(text, &url)) {
		fprintf(stderr, "httpget: not http://A.B.C.D[:PORT]/PATH: '%s'\n",
			text);
		return EXIT_USAGE;
	}
	if (exchange(&url, &rsp)) {
		disconnect();
		return EXIT_TRANSFER;
	}
	if (output) {
		out = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			   0666);
		if (out < 0) {
			fail(output);
			return EXIT_TRANSFER;
		}
	}
	err = opt.head ? 0 : read_body(&rsp, out, &got);
	if (output && close(out))
		err = fail(output);
	took = now() - start;
	conn.fetched++;
	if (err || !rsp.keep_alive || (!rsp.has_length && !opt.head))
		disconnect();
	if (err)
		return EXIT_TRANSFER;
	if (opt.verbose)
		fprintf(stderr, "%s: %d, %llu bytes in %.3f s, %.2f MiB/s\n",
			url.path, rsp.status, (unsigned long long)got, took,
			got / took / (1 << 20));
	if (rsp.status != 200) {
		fprintf(stderr, "httpget: %s: the server answered %d\n", text,
			rsp.status);
		return EXIT_STATUS;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "family", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "head", no_argument, NULL, 'I' },
		{ "timeout", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char **outputs;
	int n_outputs = 0;
	int i, c, result = 0;

	outputs = calloc(argc, sizeof(*outputs));
	if (!outputs)
		return EXIT_TRANSFER;
	while ((c = getopt_long(argc, argv, "o:Ivh", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			opt.family = family_by_name(optarg);
			if (opt.family >= 0)
				break;
			fprintf(stderr, "httpget: no family '%s'\n", optarg);
			return EXIT_USAGE;
		case 'o':
			outputs[n_outputs++] = optarg;
			break;
		case 'I':
			opt.head = true;
			break;
		case 't':
			opt.timeout = atoi(optarg);
			if (opt.timeout > 0)
				break;
			fprintf(stderr, "httpget: bad timeout '%s'\n", optarg);
			return EXIT_USAGE;
		case 'v':
			opt.verbose = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			fputs("Try 'httpget --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		fputs("httpget: no URL. Try 'httpget --help'.\n", stderr);
		return EXIT_USAGE;
	}
	for (i = optind; i < argc; i++) {
		int n = i - optind;
		int err = fetch(argv[i], n < n_outputs ? outputs[n] : NULL);

		if (!result)
			result = err;
	}
	disconnect();
	free(outputs);
	if (fflush(stdout))
		return EXIT_TRANSFER;
	return result;
}
