// SPDX-License-Identifier: GPL-2.0
/*
 * What an event says, in words for people: of segments in those of tcpdump.
 */
#define _GNU_SOURCE
#include <string.h>

#include "describe.h"
#include "tool.h"

/* The kernel's own, which no program ever sees. */
#define ERESTARTSYS	512

const char *error_name(int error)
{
	const char *name;

	if (error == -ERESTARTSYS)
		return "ERESTARTSYS";
	name = strerrorname_np(-error);
	return name ? name : "unknown error";
}

static const char *name_of(enum enumeration which, unsigned int number)
{
	const char *name = enum_name(which, number);

	return name ? name : "?";
}

/* " LABEL=NAME", or nothing when it is not told. */
static int put_told(char *buf, size_t size, const char *label,
		    enum enumeration which, unsigned int number)
{
	const char *name = enum_name(which, number);

	*buf = '\0';
	return name ? snprintf(buf, size, " %s=%s", label, name) : 0;
}

static void describe_segment(const struct event *ev, uint32_t seq_base,
			     uint32_t ack_base, char *buf, size_t size)
{
	char flags[40], options[OPTIONS_TEXT];
	int n;

	n = snprintf(buf, size, "%s seq=%u",
		     flags_text(ev->flags, flags, sizeof(flags)),
		     ev->seq - seq_base);
	if (ev->flags & FLAG_ACK)
		n += snprintf(buf + n, size - n, " ack=%u",
			      ev->ack - ack_base);
	n += snprintf(buf + n, size - n, " win=%u", ev->window);
	if (ev->len)
		n += snprintf(buf + n, size - n, " len=%u", ev->len);
	if (ev->n_options)
		n += snprintf(buf + n, size - n, " <%s>",
			      options_text(ev, ack_base, options,
					   sizeof(options)));
	if (ev->kind == EVENT_OUT && ev->why != WHY_NONE)
		put_told(buf + n, size - n, "why", ENUM_WHY, ev->why);
	else if (ev->kind == EVENT_OUT && ev->rtx)
		snprintf(buf + n, size - n, " retransmission");
}

static void describe_drop(const struct event *ev, uint32_t base, char *buf,
			  size_t size)
{
	char flags[40];
	int n = 0;

	/* A datagram has none. */
	if (ev->flags)
		n = snprintf(buf, size, "%s seq=%u ",
			     flags_text(ev->flags, flags, sizeof(flags)),
			     ev->seq - base);
	snprintf(buf + n, size - n, "len=%u reason=%s", ev->len, ev->reason);
}

static void describe_window(const struct event *ev, char *buf, size_t size)
{
	int n;

	n = snprintf(buf, size, "cwnd=%u", ev->cwnd);
	if (ev->ssthresh < NO_SSTHRESH)
		n += snprintf(buf + n, size - n, " ssthresh=%u", ev->ssthresh);
	n += snprintf(buf + n, size - n,
		      " flight=%u snd_wnd=%u rcv_wnd=%u srtt=%.3fms rttvar=%.3fms rto=%ums",
		      ev->flight, ev->snd_wnd, ev->rcv_wnd, ev->srtt_us / 1e3,
		      ev->rttvar_us / 1e3, ev->rto_us / 1000);
	n += put_told(buf + n, size - n, "recovery", ENUM_RECOVERY,
		      ev->recovery);
	n += put_told(buf + n, size - n, "event", ENUM_WINDOW_EVENT,
		      ev->window_event);
	put_told(buf + n, size - n, "cause", ENUM_CAUSE, ev->cause);
}

static void describe_timer(const struct event *ev, char *buf, size_t size)
{
	const char *name = name_of(ENUM_TIMER, ev->timer);

	switch (ev->action) {
	case TIMER_ARM:
		snprintf(buf, size, "%s armed for %.3f ms", name,
			 ev->delay_us / 1e3);
		break;
	case TIMER_CANCEL:
		snprintf(buf, size, "%s cancelled", name);
		break;
	default:
		snprintf(buf, size, "%s fired", name);
		break;
	}
}

static void describe_queue(const struct event *ev, char *buf, size_t size)
{
	bool connections = ev->queue == QUEUE_SYN || ev->queue == QUEUE_ACCEPT;

	snprintf(buf, size, "%s %u of %u%s", name_of(ENUM_QUEUE, ev->queue),
		 ev->depth, ev->limit, connections ? "" : " bytes");
}

static void describe_wake(const struct event *ev, char *buf, size_t size)
{
	int n;

	n = snprintf(buf, size, "%s after %.3f ms",
		     name_of(ENUM_CALL, ev->call), ev->slept_us / 1e3);
	if (ev->error)
		snprintf(buf + n, size - n, ", %s", error_name(ev->error));
}

static void describe_state(const struct event *ev, char *buf, size_t size)
{
	int n;

	n = snprintf(buf, size, "%s -> %s", state_name(ev->state),
		     state_name(ev->new_state));
	put_told(buf + n, size - n, "cause", ENUM_CAUSE, ev->cause);
}

/**
 * describe - what an event says beside its time, place and kind
 * @ev: the event
 * @local_base: the sequence number that is shown as 0, of the end where it
 *	happened
 * @foreign_base: and of the other one
 * @buf: of DESCRIPTION bytes, so that all has room
 * @size: of @buf
 *
 * Return: @buf
 */
char *describe(const struct event *ev, uint32_t local_base,
	       uint32_t foreign_base, char *buf, size_t size)
{
	*buf = '\0';
	switch (ev->kind) {
	case EVENT_OUT:
		describe_segment(ev, local_base, foreign_base, buf, size);
		break;
	case EVENT_IN:
		describe_segment(ev, foreign_base, local_base, buf, size);
		break;
	case EVENT_STATE:
		describe_state(ev, buf, size);
		break;
	case EVENT_DROP:
		describe_drop(ev, foreign_base, buf, size);
		break;
	case EVENT_DATAGRAM_OUT:
	case EVENT_DATAGRAM_IN:
		snprintf(buf, size, "len=%u", ev->len);
		break;
	case EVENT_WINDOW:
		describe_window(ev, buf, size);
		break;
	case EVENT_TIMER:
		describe_timer(ev, buf, size);
		break;
	case EVENT_QUEUE:
		describe_queue(ev, buf, size);
		break;
	case EVENT_LOOKUP:
		snprintf(buf, size, "bucket %u: %u looked at, found %s",
			 ev->bucket, ev->chain, name_of(ENUM_FOUND, ev->found));
		break;
	case EVENT_SLEEP:
		snprintf(buf, size, "%s", name_of(ENUM_CALL, ev->call));
		break;
	case EVENT_WAKE:
		describe_wake(ev, buf, size);
		break;
	case EVENT_RING:
		snprintf(buf, size, "%s %s %u of %u", ev->dev,
			 name_of(ENUM_RING, ev->ring), ev->used, ev->slots);
		break;
	case EVENT_INTERRUPT:
		snprintf(buf, size, "%s", ev->dev);
		break;
	case EVENT_POLL:
		snprintf(buf, size, "%s %u of %u", ev->dev, ev->done,
			 ev->budget);
		break;
	case EVENT_FUNCTION:
		snprintf(buf, size, "%s cpu=%u pid=%u", ev->function, ev->cpu,
			 ev->pid);
		break;
	}
	return buf;
}
