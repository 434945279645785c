// SPDX-License-Identifier: GPL-2.0
/*
 * Conditions on what TCP_INFO tells.
 */
#include <errno.h>
#include <string.h>

#include "../tcpinfo.h"
#include "conformance.h"

/* As in net/tcp_states.h, and the states of congestion control. */
static const char * const states[] = {
	"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
	"TIME_WAIT", "CLOSED", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
};

static const char * const ca_states[] = {
	"open", "disorder", "cwr", "recovery", "loss",
};

static bool state_number(const char *word, long long *number)
{
	for (*number = 1; *number < (int)ARRAY_SIZE(states); ++*number)
		if (!strcmp(word, states[*number]))
			return true;
	for (*number = 0; *number < (int)ARRAY_SIZE(ca_states); ++*number)
		if (!strcmp(word, ca_states[*number]))
			return true;
	return false;
}

static bool holds(long long got, const char *op, long long want)
{
	if (!strcmp(op, "=="))
		return got == want;
	if (!strcmp(op, "!="))
		return got != want;
	if (!strcmp(op, "<"))
		return got < want;
	if (!strcmp(op, "<="))
		return got <= want;
	if (!strcmp(op, ">"))
		return got > want;
	if (!strcmp(op, ">="))
		return got >= want;
	return false;
}

/* "snd_cwnd == 10" */
bool info_check(int fd, char *condition, char *why, size_t size)
{
	const char *name = next_word(&condition), *op, *value;
	struct tcpinfo info;
	long long got, want;

	op = next_word(&condition);
	value = next_word(&condition);
	if (!value || next_word(&condition) ||
	    (!number_parse(value, &want) && !state_number(value, &want))) {
		snprintf(why, size, "bad condition");
		return false;
	}
	if (tcpinfo_read(fd, &info)) {
		snprintf(why, size, "TCP_INFO: %s", error_name(errno));
		return false;
	}
	if (!tcpinfo_field(&info, name, &got)) {
		snprintf(why, size, "no field '%s'", name);
		return false;
	}
	if (holds(got, op, want))
		return true;
	snprintf(why, size, "%s is %lld", name, got);
	return false;
}
