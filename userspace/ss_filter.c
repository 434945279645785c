// SPDX-License-Identifier: GPL-2.0
/*
 * Which sockets are meant: the plain ones of ss(8)'s filters.
 *
 *	[state STATE]... [exclude STATE]...
 *	[sport = PORT] [dport = PORT] [src ADDRESS] [dst ADDRESS] [dev DEVICE]
 *
 * All of it has to be so.  The kernel leaves out most of the others already.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ss.h"
#include "tool.h"

#define S(number)	BIT(number)
#define ALL_STATES	0xffe		/* TCP_ESTABLISHED to TCP_CLOSING */
#define NOT_CONNECTED	(S(7) | S(10))	/* CLOSE, LISTEN */

static const struct {
	const char *name;
	uint32_t states;
} state_words[] = {
	{ "established", S(1) },
	{ "syn-sent", S(2) },
	{ "syn-recv", S(3) },
	{ "fin-wait-1", S(4) },
	{ "fin-wait-2", S(5) },
	{ "time-wait", S(6) },
	{ "closed", S(7) },
	{ "close-wait", S(8) },
	{ "last-ack", S(9) },
	{ "listening", S(10) },
	{ "listen", S(10) },
	{ "closing", S(11) },
	{ "all", ALL_STATES },
	{ "connected", ALL_STATES & ~NOT_CONNECTED },
	{ "synchronized", ALL_STATES & ~(NOT_CONNECTED | S(2)) },
	{ "bucket", S(3) | S(6) },
	{ "big", ALL_STATES & ~(S(3) | S(6)) },
};

/* Also as `teach ss` prints them. */
static uint32_t states_by_name(const char *name)
{
	int number = state_by_name(name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(state_words); i++)
		if (!strcmp(name, state_words[i].name))
			return state_words[i].states;
	return number < 0 ? 0 : BIT(number);
}

static bool parse_states(struct ss_filter *filter, const char *word,
			 const char *value)
{
	uint32_t states = states_by_name(value);

	if (!states)
		return false;
	if (!strcmp(word, "state"))
		filter->states |= states;
	else
		filter->states = (filter->states ? : ALL_STATES) & ~states;
	return true;
}

/* "80", ":80"; "*" is any. */
static bool parse_port(const char *text, uint16_t *port)
{
	long number;

	if (*text == ':')
		text++;
	if (!strcmp(text, "*"))
		number = 0;
	else if (!tool_number(text, 1, 65535, &number))
		return false;
	*port = number;
	return true;
}

/* "10.0.0.1", "10.0.0.0/8", either with ":80"; "*" is any. */
static bool parse_address(char *text, struct ss_prefix *prefix, uint16_t *port)
{
	char *colon = strchr(text, ':'), *slash;
	long bits = 32;

	if (colon && !parse_port(colon, port))
		return false;
	if (colon)
		*colon = 0;
	if (!*text || !strcmp(text, "*"))
		return true;
	slash = strchr(text, '/');
	if (slash && !tool_number(slash + 1, 0, 32, &bits))
		return false;
	if (slash)
		*slash = 0;
	prefix->bits = bits;
	return inet_pton(AF_INET, text, &prefix->address) == 1;
}

static bool parse_device(const char *name, unsigned int *ifindex)
{
	*ifindex = if_nametoindex(name);
	return *ifindex;
}

static bool parse_term(struct ss_filter *filter, const char *word, char *value)
{
	if (!strcmp(word, "state") || !strcmp(word, "exclude"))
		return parse_states(filter, word, value);
	if (!strcmp(word, "sport"))
		return parse_port(value, &filter->sport);
	if (!strcmp(word, "dport"))
		return parse_port(value, &filter->dport);
	if (!strcmp(word, "src"))
		return parse_address(value, &filter->src, &filter->sport);
	if (!strcmp(word, "dst"))
		return parse_address(value, &filter->dst, &filter->dport);
	return parse_device(value, &filter->ifindex);
}

static bool is_word(const char *word)
{
	static const char * const words[] = {
		"state", "exclude", "sport", "dport", "src", "dst", "dev",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* The next word of what @text points to; "=" and "eq" mean nothing. */
static char *next_word(char **text)
{
	char *word;

	do {
		word = strsep(text, " \t=");
	} while (word && (!*word || !strcmp(word, "eq") ||
			  !strcmp(word, "and")));
	return word;
}

static int parse(struct ss_filter *filter, char *text)
{
	char *word, *value;

	while ((word = next_word(&text))) {
		if (!is_word(word))
			return tool_error("ss: what is '%s'?", word);
		value = next_word(&text);
		if (!value)
			return tool_error("ss: %s what?", word);
		if (!parse_term(filter, word, value))
			return tool_error("ss: bad %s '%s'", word, value);
	}
	return 0;
}

/* The words may be one argument or many.  Return: 0, or the exit status. */
int ss_filter_parse(struct ss_filter *filter, int argc, char **argv)
{
	char *text = NULL, *longer;
	int i, err;

	for (i = 0; i < argc; i++) {
		if (asprintf(&longer, "%s %s", text ? : "", argv[i]) < 0)
			return tool_error("no memory");
		free(text);
		text = longer;
	}
	err = text ? parse(filter, text) : 0;
	free(text);
	return err ? EXIT_USAGE : 0;
}

/* What the kernel can leave out itself. */
void ss_filter_request(const struct ss_filter *filter,
		       struct inet_diag_req_v2 *req)
{
	req->idiag_states = filter->states;
	req->id.idiag_sport = htons(filter->sport);
	req->id.idiag_dport = htons(filter->dport);
	req->id.idiag_if = filter->ifindex;
	if (filter->src.bits == 32)
		req->id.idiag_src[0] = filter->src.address;
	if (filter->dst.bits == 32)
		req->id.idiag_dst[0] = filter->dst.address;
}

static bool prefix_match(const struct ss_prefix *prefix, uint32_t address)
{
	uint32_t differs = ntohl(prefix->address ^ address);

	return !prefix->bits || !(differs >> (32 - prefix->bits));
}

/* And what it cannot. */
bool ss_filter_match(const struct ss_filter *filter,
		     const struct sock_row *row)
{
	if (is_stream(row->proto) ? !filter->streams : !filter->datagrams)
		return false;
	return prefix_match(&filter->src, row->msg.id.idiag_src[0]) &&
	       prefix_match(&filter->dst, row->msg.id.idiag_dst[0]);
}
