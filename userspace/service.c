// SPDX-License-Identifier: GPL-2.0
/*
 * The files of a directory over HTTP/1.1, for any model of a server.
 *
 *	taking a request -> sending a response -> (keep-alive) taking a request
 *	                                       -> draining -> closed
 *
 * While a response is being sent nothing is received: a client that does not
 * take its bytes is held back by TCP's own window, not by our memory.
 *
 * All that changes is in the client, so threads need no lock.  Files are read
 * with read(2), which no model can wait for as it waits for sockets: a slow
 * disk delays whoever shares the thread.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "service.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define OUT_SIZE	65536
#define DRAIN_MS	2000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The client has done something that earns it another timeout. */
static void touch(struct client *c)
{
	c->deadline = now_ms() + c->service->timeout_ms;
}

/* --- files -------------------------------------------------------------- */

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
static int open_file(int root, const char *path, int *file, struct stat *st)
{
	int fd = open_beneath(root, path);

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

/* --- responses ---------------------------------------------------------- */

static void log_request(const struct client *c, const struct http_request *req,
			int status, uint64_t length)
{
	char ip[INET_ADDRSTRLEN];

	if (!c->service->verbose)
		return;
	inet_ntop(AF_INET, &c->peer.sin_addr, ip, sizeof(ip));
	fprintf(stderr, "%s:%u %s /%s -> %d, %llu bytes\n", ip,
		ntohs(c->peer.sin_port), req->method[0] ? req->method : "?",
		strcmp(req->path, ".") ? req->path : "", status,
		(unsigned long long)length);
}

/* The head of a response, at the start of @out.  The body follows it. */
static bool start_response(struct client *c, const struct http_request *req,
			   int status, const char *type, uint64_t length)
{
	char date[40];
	struct tm tm;
	time_t now;

	c->out = malloc(OUT_SIZE);
	if (!c->out) {
		c->closing = true;
		return false;
	}
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
	log_request(c, req, status, length);
	return true;
}

static void end_response(struct client *c)
{
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
	c->file_left = 0;
	free(c->out);
	c->out = NULL;
}

static void reply_error(struct client *c, const struct http_request *req,
			int status)
{
	char body[64];
	int len;

	len = snprintf(body, sizeof(body), "%d %s\n", status,
		       http_reason(status));
	if (!start_response(c, req, status, "text/plain", len) || req->head)
		return;
	memcpy(c->out + c->out_len, body, len);
	c->out_len += len;
}

static void reply(struct client *c, const struct http_request *req)
{
	struct stat st;
	int status;

	status = open_file(c->service->root, req->path, &c->file, &st);
	if (status)
		reply_error(c, req, status);
	else if (start_response(c, req, 200, content_type(req->path),
				st.st_size) && !req->head)
		c->file_left = st.st_size;
}

/* Fill @out behind what is there.  A file that shrank ends the connection. */
static bool fill(struct client *c)
{
	if (c->out_sent == c->out_len) {
		c->out_sent = 0;
		c->out_len = 0;
	}
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

/* --- requests ----------------------------------------------------------- */

static void consume(struct client *c, size_t len)
{
	c->in_len -= len;
	memmove(c->in, c->in + len, c->in_len);
}

/* Throw away the part of a request's body that has come. */
static void skip_body(struct client *c)
{
	size_t n = c->in_len < c->skip ? c->in_len : c->skip;

	c->skip -= n;
	consume(c, n);
}

/* False when no request is complete yet. */
static bool take_request(struct client *c)
{
	struct http_request req;
	ssize_t n;

	skip_body(c);
	n = http_parse(c->in, c->in_len, &req);
	if (!n)
		return false;
	touch(c);
	if (n < 0) {
		/* Nobody knows where the next request would begin. */
		c->closing = true;
		reply_error(c, &req, -n);
		return true;
	}
	consume(c, n);
	c->skip = req.body;
	c->closing = !req.keep_alive;
	reply(c, &req);
	return true;
}

/* --- what a client's driver calls --------------------------------------- */

static enum client_step want_recv(struct client *c, struct iovec *buffer)
{
	if (c->eof)
		return CLIENT_CLOSE;
	buffer->iov_base = c->in + c->in_len;
	buffer->iov_len = sizeof(c->in) - c->in_len;
	return CLIENT_RECV;
}

static enum client_step want_send(struct client *c, struct iovec *buffer)
{
	if (!fill(c))
		return CLIENT_CLOSE;
	buffer->iov_base = c->out + c->out_sent;
	buffer->iov_len = c->out_len - c->out_sent;
	return CLIENT_SEND;
}

/*
 * Closing a socket with unread data sends a RST, which can destroy the
 * response at the client.  So close our half, and wait for the client's.
 */
static enum client_step start_draining(struct client *c)
{
	c->draining = true;
	c->in_len = 0;
	c->deadline = now_ms() + DRAIN_MS;
	return c->eof ? CLIENT_CLOSE : CLIENT_SHUTDOWN;
}

/**
 * client_next - what to do next with a client's socket
 * @c: the client
 * @buffer: for CLIENT_RECV and CLIENT_SEND; good until these are told of
 *
 * Asking again gives the same answer, but that CLIENT_SHUTDOWN is said once.
 */
enum client_step client_next(struct client *c, struct iovec *buffer)
{
	if (c->draining)
		return want_recv(c, buffer);
	if (!c->out && !c->closing && !take_request(c))
		return want_recv(c, buffer);
	if (c->out)
		return want_send(c, buffer);
	return start_draining(c);
}

/* @len is what recv(2) returned, and 0 the end of the stream. */
void client_received(struct client *c, size_t len)
{
	if (!len)
		c->eof = true;
	if (!c->draining)
		c->in_len += len;
}

void client_sent(struct client *c, size_t len)
{
	touch(c);
	c->out_sent += len;
	if (c->out_sent == c->out_len && !c->file_left)
		end_response(c);
}

/* In ms; 0 when it is over. */
int64_t client_time_left(const struct client *c)
{
	int64_t left = c->deadline - now_ms();

	return left > 0 ? left : 0;
}

void client_init(struct client *c, const struct service *service,
		 const struct sockaddr_in *peer)
{
	*c = (struct client){ .service = service, .peer = *peer, .file = -1 };
	touch(c);
}

void client_end(struct client *c)
{
	end_response(c);
}
