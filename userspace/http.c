// SPDX-License-Identifier: GPL-2.0
/*
 * HTTP requests: parsing the head as RFC 9112 has it.
 *
 * Pure functions on a buffer; what to do with a request is service.c's.  The
 * parser is strict where leniency has let requests be smuggled: no folded
 * lines, no blank before a colon, no two lengths.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* The header fields that matter here, as they are met. */
struct fields {
	unsigned int hosts;
	bool length_seen;
	uint64_t length;
	bool close;
	bool keep_alive;
	bool coded;
};

/* One line, without its end. */
struct line {
	const char *p;
	size_t len;
};

const char *http_reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	}
	return "Error";
}

/* RFC 9110 5.6.2: the characters of a method or a field name. */
static bool is_token(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = p[i];

		if (!isascii(c) || (!isalnum(c) &&
				    !memchr("!#$%&'*+-.^_`|~", c, 15)))
			return false;
	}
	return len > 0;
}

/*
 * Cut the line that starts at *@pos, which moves behind it.  RFC 9112 2.2: a
 * lone LF may end a line too.  False when the line is not complete.
 */
static bool next_line(const char *buf, size_t len, size_t *pos,
		      struct line *line)
{
	const char *start = buf + *pos;
	const char *lf = memchr(start, '\n', len - *pos);

	if (!lf)
		return false;
	line->p = start;
	line->len = lf - start;
	if (line->len && start[line->len - 1] == '\r')
		line->len--;
	*pos = lf - buf + 1;
	return true;
}

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The request target, RFC 9112 3.2, into a path below the root. */
static int parse_target(const char *p, size_t len, struct http_request *req)
{
	const char *end = p + len;
	char *out = req->path;

	if (len > 7 && !strncasecmp(p, "http://", 7)) {
		p = memchr(p + 7, '/', len - 7);
		if (!p)
			p = end;
	} else if (*p != '/') {
		return 400;
	}
	while (p < end && *p == '/')
		p++;
	for (; p < end && *p != '?'; p++) {
		int hi, lo;

		if (*p == '#')
			return 400;
		if (*p != '%') {
			*out++ = *p;
			continue;
		}
		hi = end - p > 2 ? hex_digit(p[1]) : -1;
		lo = hi >= 0 ? hex_digit(p[2]) : -1;
		if (lo < 0 || is_control(hi << 4 | lo))
			return 400;
		*out++ = hi << 4 | lo;
		p += 2;
	}
	if (out == req->path)
		*out++ = '.';
	*out = '\0';
	/* "%2Fetc/passwd" must not become an absolute path. */
	return req->path[0] == '/' ? 400 : 0;
}

static int parse_version(const char *p, size_t len, int *minor)
{
	if (len != 8 || memcmp(p, "HTTP/", 5) || !isdigit(p[5]) ||
	    p[6] != '.' || !isdigit(p[7]))
		return 400;
	if (p[5] != '1')
		return 505;
	*minor = p[7] - '0';
	return 0;
}

/* method SP target SP version */
static int parse_request_line(const struct line *line,
			      struct http_request *req, int *minor)
{
	const char *end = line->p + line->len;
	const char *target, *version;
	size_t method_len;
	int err;

	target = memchr(line->p, ' ', line->len);
	version = memrchr(line->p, ' ', line->len);
	if (!target || version == target)
		return 400;
	method_len = target++ - line->p;
	if (!is_token(line->p, method_len) ||
	    memchr(target, ' ', version - target) || target == version)
		return 400;
	err = parse_version(version + 1, end - version - 1, minor);
	if (err)
		return err;

	if (method_len >= sizeof(req->method))
		return 405;
	memcpy(req->method, line->p, method_len);
	req->method[method_len] = '\0';
	req->head = !strcmp(req->method, "HEAD");
	if (!req->head && strcmp(req->method, "GET"))
		return 405;
	return parse_target(target, version - target, req);
}

static bool name_is(const struct line *line, size_t len, const char *name)
{
	return len == strlen(name) && !strncasecmp(line->p, name, len);
}

/* Connection: a list of words */
static void parse_connection(const char *p, size_t len, struct fields *f)
{
	while (len) {
		size_t n = 0;

		while (n < len && !strchr(", \t", p[n]))
			n++;
		if (n == 5 && !strncasecmp(p, "close", n))
			f->close = true;
		if (n == 10 && !strncasecmp(p, "keep-alive", n))
			f->keep_alive = true;
		if (n < len)
			n++;
		p += n;
		len -= n;
	}
}

static int parse_length(const char *p, size_t len, struct fields *f)
{
	uint64_t value = 0;
	size_t i;

	if (!len || len > 18)
		return len ? 413 : 400;
	for (i = 0; i < len; i++) {
		if (!isdigit(p[i]))
			return 400;
		value = value * 10 + p[i] - '0';
	}
	if (f->length_seen && f->length != value)
		return 400;
	f->length_seen = true;
	f->length = value;
	return 0;
}

static int parse_field(const struct line *line, struct fields *f)
{
	const char *colon = memchr(line->p, ':', line->len);
	const char *value, *end = line->p + line->len;
	size_t len;

	if (!colon || !is_token(line->p, colon - line->p))
		return 400;
	len = colon - line->p;
	for (value = colon + 1; value < end; value++)
		if (*value != ' ' && *value != '\t')
			break;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;

	if (name_is(line, len, "Host"))
		f->hosts++;
	else if (name_is(line, len, "Connection"))
		parse_connection(value, end - value, f);
	else if (name_is(line, len, "Content-Length"))
		return parse_length(value, end - value, f);
	else if (name_is(line, len, "Transfer-Encoding"))
		f->coded = true;
	return 0;
}

/* What the fields mean together. */
static int judge_fields(const struct fields *f, int minor,
			struct http_request *req)
{
	if (f->hosts > 1 || (minor && !f->hosts))
		return 400;
	if (f->coded)
		return f->length_seen ? 400 : 501;
	if (f->length > HTTP_BODY_MAX)
		return 413;
	req->body = f->length;
	req->keep_alive = !f->close && (minor || f->keep_alive);
	return 0;
}

/* A control character, NUL above all, has no place in a head. */
static bool has_controls(const struct line *line)
{
	size_t i;

	for (i = 0; i < line->len; i++)
		if (is_control(line->p[i]) && line->p[i] != '\t')
			return true;
	return false;
}

/* The lines of a head that is known to be complete at @len. */
static int parse_lines(const char *buf, size_t len, struct http_request *req)
{
	struct fields fields = { 0 };
	bool first = true;
	struct line line;
	size_t pos = 0;
	int minor = 0;
	int err;

	while (next_line(buf, len, &pos, &line)) {
		if (!line.len && first)
			continue;
		if (!line.len)
			break;
		if (has_controls(&line))
			return 400;
		err = first ? parse_request_line(&line, req, &minor) :
			      parse_field(&line, &fields);
		if (err)
			return err;
		first = false;
	}
	return judge_fields(&fields, minor, req);
}

/* Where the empty line that ends the head ends, or 0. */
static size_t head_end(const char *buf, size_t len, bool *first_line)
{
	struct line line;
	size_t pos = 0;

	*first_line = false;
	while (next_line(buf, len, &pos, &line)) {
		if (line.len)
			*first_line = true;
		else if (*first_line)
			return pos;
	}
	return 0;
}

/**
 * http_parse - parse the head of one request
 * @buf: what has come so far
 * @len: and how much it is
 * @req: filled when the result is positive
 *
 * Return: the octets that the head takes, 0 when it is not complete yet, or
 * the negative status with which the request must be refused.
 */
ssize_t http_parse(const char *buf, size_t len, struct http_request *req)
{
	bool first_line;
	size_t end;
	int err;

	req->method[0] = '\0';
	req->path[0] = '\0';
	req->body = 0;
	req->head = false;
	req->keep_alive = false;
	end = head_end(buf, len, &first_line);
	if (!end && len < HTTP_HEAD_MAX)
		return 0;
	if (!end)
		return first_line ? -431 : -414;
	err = parse_lines(buf, end, req);
	return err ? -err : (ssize_t)end;
}
