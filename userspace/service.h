/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The service: from the bytes of requests to the bytes of responses.  It makes
 * no socket call.  Whoever holds a client's socket asks client_next() what to
 * do with it, does that, and tells:
 *
 *	CLIENT_RECV	client_received()
 *	CLIENT_SEND	client_sent()
 *	CLIENT_SHUTDOWN	nothing
 *	CLIENT_CLOSE	client_end()
 */
#ifndef _SERVICE_H
#define _SERVICE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "http.h"

/**
 * struct service - what is served, and how; nobody changes it
 * @root: the directory
 * @timeout_ms: for a client that does nothing
 * @verbose: one line on stderr for every request
 */
struct service {
	int root;
	int64_t timeout_ms;
	bool verbose;
};

enum client_step {
	CLIENT_RECV,		/* receive into the buffer */
	CLIENT_SEND,		/* send the buffer, or a part of it */
	CLIENT_SHUTDOWN,	/* close our half */
	CLIENT_CLOSE,
};

/**
 * struct client - where a client is, and what it still owes or is owed
 * @service: what it is served
 * @peer: who it is
 * @deadline: when it is given up, in ms; moves when it does what earns that
 * @file: the file being sent, or -1
 * @file_left: octets of @file that are not in @out yet
 * @skip: octets of a request's body, still to be received and thrown away
 * @eof: the client has closed its half
 * @closing: no request is taken after the response in @out
 * @draining: our half is closed; waiting for the client to close its own
 * @in_len: octets in @in
 * @out_len: octets in @out
 * @out_sent: of these, have been sent
 * @out: what has been made and not sent; NULL between responses
 * @in: what has been received and not parsed
 */
struct client {
	const struct service *service;
	struct sockaddr_in peer;
	int64_t deadline;
	int file;
	uint64_t file_left;
	uint64_t skip;
	bool eof;
	bool closing;
	bool draining;
	size_t in_len;
	size_t out_len;
	size_t out_sent;
	char *out;
	char in[HTTP_HEAD_MAX];
};

void client_init(struct client *c, const struct service *service,
		 const struct sockaddr_in *peer);
void client_end(struct client *c);
enum client_step client_next(struct client *c, struct iovec *buffer);
void client_received(struct client *c, size_t len);
void client_sent(struct client *c, size_t len);
int64_t client_time_left(const struct client *c);

#endif /* _SERVICE_H */
