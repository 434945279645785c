// SPDX-License-Identifier: GPL-2.0
/*
 * teach walk: one write() on its way through the layers, function by function.
 *
 * The kernel's function tracer notes when each function of a table is called;
 * the module's own events tell which segment it is and what became of the
 * queues.  Its way is then found from two points that are sure: where it is
 * sent, and where it arrives.  The calls that led there are the last ones
 * before it by the same process, or on the same CPU; what follows are the next
 * ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "event_json.h"
#include "json.h"
#include "record.h"
#include "tool.h"

static struct {
	struct filter filter;
	bool json;
	const char *record;
	const char *input;
	char **command;
} opt;

/* How a step is found. */
enum finding {
	BEFORE_SENT,	/* the last call of the sending process */
	AFTER_SENT,	/* the next one, on that CPU too */
	BEFORE_ARRIVED,	/* the last one on the CPU where it arrives */
	AT_SOCKET,	/* the next one there; or later, from the backlog */
	AFTER_ARRIVED,	/* the next one on the CPU of the one before */
	OF_READER,	/* the last one of the process of the step below */
	OF_EVENT,	/* the last one before its queue shrinks */
};

#define NO_EVENT	N_EVENT_KINDS
#define ANY_DETAIL	0xff

/**
 * struct step - a function on the way
 * @layer: the heading, where it begins with this step
 * @name: the function, or others that stand for it: in other kernels, or when
 *	another system call was used
 * @at_receiver: on the other host
 * @what: what it does
 * @kind: the event that it makes, or NO_EVENT
 * @detail: of which queue or ring
 */
struct step {
	const char *layer;
	const char *name[3];
	enum finding finding;
	bool at_receiver;
	const char *what;
	uint8_t kind;
	uint8_t detail;
};

static const struct step steps[] = {
	{ "system call", { "__sys_sendto", "sock_write_iter", "__sys_sendmsg" },
	  BEFORE_SENT, false, "the kernel is entered: write(), send(), ...",
	  NO_EVENT, 0 },
	{ NULL, { "teach_sendmsg" }, BEFORE_SENT, false,
	  "the socket is locked for this process", NO_EVENT, 0 },
	{ "send buffer", { "teach_alloc_segment" }, BEFORE_SENT, false,
	  "an empty segment", NO_EVENT, 0 },
	{ NULL, { "teach_queue_segment" }, BEFORE_SENT, false,
	  "joins the send buffer; bytes are copied in", EVENT_QUEUE,
	  QUEUE_SEND },
	{ "TCP, sending", { "teach_push_head", "teach_push", "teach_push_one" },
	  BEFORE_SENT, false, "do cwnd, the window and Nagle allow it?",
	  NO_EVENT, 0 },
	{ NULL, { "teach_xmit_new" }, BEFORE_SENT, false,
	  "from the send buffer to the retransmit queue", EVENT_TIMER,
	  TIMER_RTX },
	{ NULL, { "teach_xmit_clone" }, BEFORE_SENT, false,
	  "a clone of it travels; the bytes are shared", NO_EVENT, 0 },
	{ NULL, { "teach_xmit" }, BEFORE_SENT, false,
	  "TCP's header is put before the bytes", EVENT_OUT, ANY_DETAIL },
	{ "IP", { "teach_ip_xmit" }, AFTER_SENT, false,
	  "the route, and TCP's checksum", NO_EVENT, 0 },
	{ NULL, { "teach_push_iphdr" }, AFTER_SENT, false,
	  "IP's header is put before TCP's", NO_EVENT, 0 },
	{ NULL, { "ip_local_out", "__ip_local_out" }, AFTER_SENT, false,
	  "the kernel's IPv4; netfilter's OUTPUT", NO_EVENT, 0 },
	{ NULL, { "ip_output" }, AFTER_SENT, false,
	  "netfilter's POSTROUTING", NO_EVENT, 0 },
	{ "neighbour", { "ip_finish_output2", "neigh_resolve_output",
			 "neigh_connected_output" },
	  AFTER_SENT, false, "who is next; the Ethernet header", NO_EVENT, 0 },
	{ "card", { "__dev_queue_xmit" }, AFTER_SENT, false,
	  "the queueing discipline of the card", NO_EVENT, 0 },
	{ NULL, { "dev_hard_start_xmit" }, AFTER_SENT, false,
	  "tcpdump sees it; the driver is called", NO_EVENT, 0 },
	{ NULL, { "teach_nic_xmit" }, AFTER_SENT, false,
	  "a descriptor of the TX ring points to it", EVENT_RING, RING_TX },
	{ NULL, { "teach_nic_dma" }, AFTER_SENT, false,
	  "over the cable to the peer's RX ring", EVENT_RING, RING_RX },
	{ NULL, { "__napi_schedule" }, AFTER_SENT, false,
	  "the peer's card interrupts", EVENT_INTERRUPT, ANY_DETAIL },
	{ "card", { "net_rx_action" }, BEFORE_ARRIVED, true,
	  "softirq: which cards have asked?", NO_EVENT, 0 },
	{ NULL, { "teach_nic_poll" }, BEFORE_ARRIVED, true,
	  "NAPI takes frames from the RX ring", EVENT_RING, RING_RX },
	{ NULL, { "netif_receive_skb", "napi_gro_receive" },
	  BEFORE_ARRIVED, true,
	  "up, by the protocol of the Ethernet header", NO_EVENT, 0 },
	{ "IP", { "ip_rcv" }, BEFORE_ARRIVED, true,
	  "IP's header is checked; is it for us?", NO_EVENT, 0 },
	{ NULL, { "ip_local_deliver" }, BEFORE_ARRIVED, true,
	  "netfilter's INPUT; up, by the protocol", NO_EVENT, 0 },
	{ "TCP, receiving", { "teach_rcv" }, BEFORE_ARRIVED, true,
	  "TCP's header and its checksum are checked", EVENT_IN,
	  ANY_DETAIL },
	{ NULL, { "teach_lookup" }, BEFORE_ARRIVED, true,
	  "the hash of the 5-tuple: whose is it?", EVENT_LOOKUP, ANY_DETAIL },
	{ NULL, { "teach_do_rcv" }, AT_SOCKET, true,
	  "the state machine: RFC 9293 3.10.7", NO_EVENT, 0 },
	{ NULL, { "teach_rcv_ack" }, AFTER_ARRIVED, true,
	  "its ACK: what has arrived of ours?", NO_EVENT, 0 },
	{ NULL, { "teach_rcv_data" }, AFTER_ARRIVED, true,
	  "its bytes: are they the next ones?", NO_EVENT, 0 },
	{ "receive buffer", { "teach_queue_in_order" }, AFTER_ARRIVED, true,
	  "they join the in-order queue", EVENT_QUEUE, QUEUE_RECEIVE },
	{ NULL, { "sock_def_readable" }, AFTER_ARRIVED, true,
	  "the reader is woken", NO_EVENT, 0 },
	{ "system call", { "teach_recvmsg" }, OF_READER, true,
	  "recv(), read(), ...: bytes go to the reader", NO_EVENT, 0 },
	{ NULL, { "teach_rcv_consumed" }, OF_EVENT, true,
	  "room again: does the window open?", EVENT_QUEUE, QUEUE_RECEIVE },
	{ "retransmit queue", { "teach_free_segment" }, OF_EVENT, false,
	  "acknowledged: nothing is kept any more", EVENT_QUEUE, QUEUE_SEND },
};

/**
 * struct walk - a segment's way
 * @sent: the index of its sending
 * @arrived: and of its arrival, or -1
 * @flow: its connection
 * @from: the end that sends it
 * @call: for each step the index of its call, or -1
 */
struct walk {
	const struct recording *rec;
	const struct flows *flows;
	long flow;
	int from;
	size_t sent;
	long arrived;
	long call[ARRAY_SIZE(steps)];
};

static const char help_text[] =
"Usage: teach walk [OPTION]... -- COMMAND...\n"
"Follow one write() through the layers: the first segment with bytes that the\n"
"connection of COMMAND sends, from the system call to the other end's reader.\n"
"Each step has its time in microseconds, the kernel's function, what it does,\n"
"and what became of a queue. The tracing itself takes time, too: compare the\n"
"steps, not the sum.\n"
"\n"
"  -p, --port PORT        a connection from or to this port\n"
"  -j, --json             as one JSON object, with each step's whole event\n"
"      --record FILE      keep the events and calls\n"
"      --input FILE       show what was kept, instead of recording\n"
"  -h, --help             this text\n"
"\n"
"Both hosts must be in this kernel, as network namespaces are. Functions that\n"
"this kernel does not have, or has built into others, are left out.\n"
"\n"
"Examples:\n"
"  teach walk -- httpget http://10.0.0.2:8080/file\n"
"  teach walk --port 8080 --record walk.events -- ./my-test\n"
"  teach walk --input walk.events\n";

/* --- finding the way ---------------------------------------------------- */

static bool is_named(const struct event *ev, const struct step *step)
{
	size_t i;

	if (ev->kind != EVENT_FUNCTION)
		return false;
	for (i = 0; i < ARRAY_SIZE(step->name) && step->name[i]; i++)
		if (!strcmp(ev->function, step->name[i]))
			return true;
	return false;
}

/* A CPU or process, or any. */
#define ANY	(-1)

static bool is_call(const struct event *ev, const struct step *step, long cpu,
		    long pid)
{
	return is_named(ev, step) && (cpu == ANY || ev->cpu == cpu) &&
	       (pid == ANY || ev->pid == pid);
}

/* The last call before the event at @at. */
static long find_back(const struct recording *rec, const struct step *step,
		      long at, long cpu, long pid)
{
	while (--at >= 0)
		if (is_call(&rec->event[at], step, cpu, pid))
			return at;
	return -1;
}

/* The next call after the event at @at. */
static long find_next(const struct recording *rec, const struct step *step,
		      long at, long cpu, long pid)
{
	while (++at < (long)rec->n_events)
		if (is_call(&rec->event[at], step, cpu, pid))
			return at;
	return -1;
}

static bool has_detail(const struct event *ev, unsigned int detail)
{
	switch (ev->kind) {
	case EVENT_QUEUE:
		return ev->queue == detail;
	case EVENT_TIMER:
		return ev->timer == detail;
	case EVENT_RING:
		return ev->ring == detail;
	}
	return true;
}

/* The end whose event it is: what the sender's card does is seen at both. */
static int event_end(const struct walk *w, const struct step *step)
{
	bool at_receiver = step->at_receiver;

	if (step->kind == EVENT_INTERRUPT ||
	    (step->kind == EVENT_RING && step->detail == RING_RX))
		at_receiver = true;
	return at_receiver ? !w->from : w->from;
}

/* The step's event, the next one after the event at @at; or -1. */
static long find_event(const struct walk *w, size_t step, long at)
{
	int end = event_end(w, &steps[step]);
	const struct event *ev;

	while (++at < (long)w->rec->n_events) {
		ev = &w->rec->event[at];
		if (ev->kind != steps[step].kind ||
		    !has_detail(ev, steps[step].detail) ||
		    ev->netns != w->flows->flow[w->flow].end[end].netns)
			continue;
		if (!of_connection(ev) || (w->flows->of_event[at] == w->flow &&
					   w->flows->at_end[at] == end))
			return at;
	}
	return -1;
}

/* The first one since the segment is sent by which the queue is shorter. */
static long find_shrinking(const struct walk *w, size_t step)
{
	uint32_t depth, before = 0;
	long at = -1;

	while ((at = find_event(w, step, at)) >= 0) {
		depth = w->rec->event[at].depth;
		if (at > (long)w->sent && depth < before)
			return at;
		before = depth;
	}
	return -1;
}

/* From the sending back to the system call, and on to the card. */
static void find_sending(struct walk *w)
{
	const struct event *sender = NULL;
	long at = w->sent, pid = ANY;
	size_t i;

	for (i = ARRAY_SIZE(steps); i-- > 0; ) {
		if (steps[i].finding != BEFORE_SENT)
			continue;
		w->call[i] = find_back(w->rec, &steps[i], at, ANY, pid);
		if (w->call[i] < 0)
			continue;
		at = w->call[i];
		pid = w->rec->event[at].pid;
		if (!sender)
			sender = &w->rec->event[at];
	}
	at = w->sent;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (!sender || steps[i].finding != AFTER_SENT)
			continue;
		w->call[i] = find_next(w->rec, &steps[i], at, sender->cpu,
				       pid);
		if (w->call[i] >= 0)
			at = w->call[i];
	}
}

/* From the arrival back to the card's interrupt. */
static void find_receiving(struct walk *w, long *cpu)
{
	long at = w->arrived;
	size_t i;

	for (i = ARRAY_SIZE(steps); i-- > 0; ) {
		if (steps[i].finding != BEFORE_ARRIVED)
			continue;
		w->call[i] = find_back(w->rec, &steps[i], at, *cpu, ANY);
		/* NAPI may have been at work since before. */
		if (w->call[i] < (long)w->sent)
			w->call[i] = -1;
		if (w->call[i] < 0)
			continue;
		at = w->call[i];
		*cpu = w->rec->event[at].cpu;
	}
}

/* At once; or, when a system call had the socket, when that lets it go. */
static long find_socket(const struct walk *w, const struct step *step, long cpu)
{
	static const struct step next_segment = { .name = { "teach_rcv" } };
	long at = find_next(w->rec, step, w->arrived, cpu, ANY);
	long limit = find_next(w->rec, &next_segment, w->arrived, cpu, ANY);

	if (at >= 0 && (limit < 0 || at < limit))
		return at;
	return find_next(w->rec, step, w->arrived, ANY, ANY);
}

/* And from there on to the in-order queue. */
static void find_queue(struct walk *w, long cpu)
{
	long n, at = w->arrived;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (steps[i].finding == AT_SOCKET)
			n = find_socket(w, &steps[i], cpu);
		else if (steps[i].finding == AFTER_ARRIVED)
			n = find_next(w->rec, &steps[i], at, cpu, ANY);
		else
			continue;
		w->call[i] = n;
		if (n < 0)
			continue;
		at = n;
		cpu = w->rec->event[n].cpu;
	}
}

/* What becomes of it there, and of the copy that is kept: any time later. */
static void find_end(struct walk *w)
{
	long event, pid = ANY;
	size_t i;

	for (i = ARRAY_SIZE(steps); i-- > 0; ) {
		long n = -1;

		if (steps[i].finding == OF_EVENT) {
			event = find_shrinking(w, i);
			if (event >= 0)
				n = find_back(w->rec, &steps[i], event, ANY,
					      ANY);
		} else if (steps[i].finding == OF_READER && pid != ANY) {
			n = find_back(w->rec, &steps[i], w->call[i + 1], ANY,
				      pid);
		}
		/* A reader may have waited since long before. */
		if (n < (long)w->sent)
			continue;
		w->call[i] = n;
		pid = w->rec->event[n].pid;
	}
}

/* False when there is nothing to show. */
static bool find_way(struct walk *w)
{
	long cpu = ANY;
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		w->call[i] = -1;
	find_sending(w);
	if (w->arrived >= 0) {
		find_receiving(w, &cpu);
		find_queue(w, cpu);
		find_end(w);
	}
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		n += w->call[i] >= 0;
	return n;
}

static bool is_first_data(const struct walk *w, size_t n)
{
	const struct event *ev = &w->rec->event[n];
	long flow = w->flows->of_event[n];

	return ev->kind == EVENT_OUT && ev->len && !ev->rtx && flow >= 0 &&
	       w->flows->flow[flow].number && w->flows->flow[flow].opened;
}

/* The first data segment of the first connection that has one. */
static bool find_segment(struct walk *w)
{
	bool found = false;
	size_t i;

	for (i = 0; i < w->rec->n_events; i++) {
		if (!is_first_data(w, i))
			continue;
		if (found && w->flows->flow[w->flows->of_event[i]].number >=
			     w->flows->flow[w->flow].number)
			continue;
		found = true;
		w->sent = i;
		w->flow = w->flows->of_event[i];
		w->from = w->flows->at_end[i];
	}
	return found;
}

static void find_arrival(struct walk *w)
{
	const struct event *sent = &w->rec->event[w->sent];
	size_t i;

	w->arrived = -1;
	for (i = w->sent; i < w->rec->n_events && w->arrived < 0; i++) {
		const struct event *ev = &w->rec->event[i];

		if (ev->kind == EVENT_IN && ev->seq == sent->seq && ev->len &&
		    w->flows->of_event[i] == w->flow &&
		    w->flows->at_end[i] != w->from)
			w->arrived = i;
	}
}

/* --- showing it --------------------------------------------------------- */

/* It may be told before the function is called whose doing it is. */
static long find_effect(const struct walk *w, size_t step)
{
	long after = w->call[step];
	size_t i;

	if (steps[step].kind == NO_EVENT)
		return -1;
	if (steps[step].finding != OF_EVENT)
		for (i = step; i-- > 0 && after == w->call[step]; )
			if (w->call[i] >= 0)
				after = w->call[i];
	return find_event(w, step, after);
}

/* The end whose kernel does it. */
static int step_end(const struct walk *w, size_t step)
{
	return steps[step].at_receiver ? !w->from : w->from;
}

static uint32_t step_netns(const struct walk *w, size_t step)
{
	return w->flows->flow[w->flow].end[step_end(w, step)].netns;
}

/* When the first step was taken. */
static uint64_t walk_start(const struct walk *w)
{
	size_t i = 0;

	while (w->call[i] < 0)
		i++;
	return w->rec->event[w->call[i]].ns;
}

static void print_effect(const struct walk *w, size_t step)
{
	const struct flow *flow = &w->flows->flow[w->flow];
	int end = step_end(w, step);
	long found = find_effect(w, step);
	char text[DESCRIPTION];
	struct event ev;

	if (found < 0)
		return;
	ev = w->rec->event[found];
	/* They would take two lines, and `teach trace` shows them. */
	if (is_segment(&ev))
		ev.n_options = 0;
	describe(&ev, flow->base[end], flow->base[!end], text, sizeof(text));
	printf("%9s    => %s%s%s\n", "", is_segment(&ev) ? "" :
	       kind_name(ev.kind), is_segment(&ev) ? "" : " ", text);
}

static void print_step(const struct walk *w, size_t step, uint64_t start_ns)
{
	const struct event *call = &w->rec->event[w->call[step]];

	printf("%9.1f  %-21s %s\n", (call->ns - start_ns) / 1e3,
	       call->function, steps[step].what);
	print_effect(w, step);
}

static void print_layer(const struct walk *w, size_t step, const char *layer)
{
	const char *host = recording_netns(w->rec, step_netns(w, step));

	printf("%s%s%s\n", host, *host ? ": " : "", layer);
}

static void print_walk(const struct walk *w)
{
	const struct flow *flow = &w->flows->flow[w->flow];
	char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];
	uint64_t start_ns = walk_start(w);
	const char *layer = NULL;
	size_t i;

	printf("%u bytes from %s to %s, IP protocol %u\n\n       us\n",
	       w->rec->event[w->sent].len,
	       endpoint_text(&flow->end[w->from].ep, from, sizeof(from)),
	       endpoint_text(&flow->end[!w->from].ep, to, sizeof(to)),
	       flow->proto);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (steps[i].layer)
			layer = steps[i].layer;
		if (w->call[i] < 0)
			continue;
		if (layer)
			print_layer(w, i, layer);
		layer = NULL;
		print_step(w, i, start_ns);
	}
	if (w->arrived < 0)
		puts("It was not seen to arrive.");
	if (w->rec->missed)
		printf("Incomplete: the kernel had no room for %llu events.\n",
		       (unsigned long long)w->rec->missed);
}

/* --- as JSON ------------------------------------------------------------ */

static const char *step_layer(size_t step)
{
	while (!steps[step].layer)
		step--;
	return steps[step].layer;
}

static void json_step(const struct walk *w, size_t step)
{
	const struct event *call = &w->rec->event[w->call[step]];
	uint32_t netns = step_netns(w, step);
	long found = find_effect(w, step);

	json_open(NULL, '{');
	json_double("us", (call->ns - walk_start(w)) / 1e3);
	json_number("netns", netns);
	json_string("netns_name", recording_netns(w->rec, netns));
	json_string("layer", step_layer(step));
	json_string("function", call->function);
	json_string("what", steps[step].what);
	if (found >= 0)
		event_json("event", &w->rec->event[found], w->rec);
	json_close('}');
}

static void json_walk(const struct walk *w)
{
	const struct flow *flow = &w->flows->flow[w->flow];
	char text[ENDPOINT_TEXT];
	size_t i;

	json_open(NULL, '{');
	json_number("bytes", w->rec->event[w->sent].len);
	json_string("from", endpoint_text(&flow->end[w->from].ep, text,
					  sizeof(text)));
	json_string("to", endpoint_text(&flow->end[!w->from].ep, text,
					sizeof(text)));
	json_number("proto", flow->proto);
	json_number("arrived", w->arrived >= 0);
	json_number("missed", w->rec->missed);
	json_open("steps", '[');
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (w->call[i] >= 0)
			json_step(w, i);
	json_close(']');
	json_close('}');
	json_end();
}

/* --- the whole ---------------------------------------------------------- */

static int show_way(struct walk *w)
{
	find_arrival(w);
	if (!find_way(w))
		return tool_error("no calls of functions were recorded");
	if (opt.json)
		json_walk(w);
	else
		print_walk(w);
	return 0;
}

static int show(const struct recording *rec)
{
	struct flows flows;
	struct walk w = { .rec = rec, .flows = &flows };
	int err = 0;

	if (!flows_build(&flows, rec, &opt.filter))
		err = tool_error("out of memory");
	else if (!find_segment(&w))
		err = tool_error("no connection was opened that sent bytes%s",
				 flows.n ? "" : only_datagrams(rec));
	if (!err)
		err = show_way(&w);
	flows_free(&flows);
	return err;
}

/* --- the command -------------------------------------------------------- */

#define MAX_NAMES	(3 * ARRAY_SIZE(steps) + 1)

static void list_names(const char **names)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		for (j = 0; j < 3 && steps[i].name[j]; j++)
			*names++ = steps[i].name[j];
	*names = NULL;
}

static int run(void)
{
	const char *names[MAX_NAMES];
	struct recorder recorder = {
		.request = { .kinds = ALL_KINDS, .functions = names },
		.filter = opt.filter,
		.command = opt.command,
	};
	struct recording rec = { 0 };
	int err, status = 0;

	list_names(names);
	err = opt.input ? recording_load(&rec, opt.input) :
			  record(&recorder, &rec, &status);
	if (!err && opt.record)
		err = recording_save(&rec, opt.record);
	if (!err)
		err = show(&rec);
	recording_free(&rec);
	return status ? status : err;
}

int cmd_walk(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "record", required_argument, NULL, 'R' },
		{ "input", required_argument, NULL, 'I' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long n;
	int c;

	/* '+': what follows the first word that is no option is COMMAND's. */
	while ((c = getopt_long(argc, argv, "+p:jh", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			if (!tool_number(optarg, 1, 65535, &n))
				return tool_bad_value(argv[0], "port");
			opt.filter.port = n;
			break;
		case 'j':
			opt.json = true;
			break;
		case 'R':
			opt.record = optarg;
			break;
		case 'I':
			opt.input = optarg;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return tool_usage("walk");
		}
	}
	if (optind < argc)
		opt.command = argv + optind;
	if (!opt.input == !opt.command || (opt.input && opt.record)) {
		tool_error("walk: either a COMMAND or --input FILE");
		return tool_usage("walk");
	}
	return run();
}
