/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The head of an HTTP/1.1 request (RFC 9112): from bytes to a structure.
 */
#ifndef _HTTP_H
#define _HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HTTP_HEAD_MAX	8192	/* request line and header fields */
#define HTTP_BODY_MAX	65536	/* a request's body, read and thrown away */

/**
 * struct http_request - what the server needs to know of a request
 * @method: as it came, cut to fit; for the log
 * @path: decoded, without the leading slash and the query; "." is the root
 * @body: octets that follow the head
 * @head: HEAD rather than GET
 * @keep_alive: the client would go on with this connection
 */
struct http_request {
	char method[16];
	char path[HTTP_HEAD_MAX];
	uint64_t body;
	bool head;
	bool keep_alive;
};

ssize_t http_parse(const char *buf, size_t len, struct http_request *req);
const char *http_reason(int status);

#endif /* _HTTP_H */
