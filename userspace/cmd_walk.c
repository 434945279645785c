// SPDX-License-Identifier: GPL-2.0
/*
 * teach walk: one write() on its way through the layers, function by function.
 *
 * The kernel's function tracer notes when each function of a table is called;
 * the module's own events tell which segment it is and what became of the
 * queues.  The segment's way is then found by this: before it is sent, the
 * steps are the last calls of the process that sends it; on the card, the next
 * ones there; and from the other card's interrupt on, the next ones on the CPU
 * that serves it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "record.h"
#include "tool.h"

static struct {
	struct filter filter;
	const char *record;
	const char *input;
	char **command;
} opt;

/* How a step is found. */
enum finding {
	BY_WRITER,	/* the last call before the segment is sent */
	BY_SENDER,	/* the next one of that process on that CPU */
	BY_INTERRUPT,	/* the next one, on any CPU */
	BY_SOFTIRQ,	/* the next one on the CPU of the one before */
	BY_READER,	/* the next one after the bytes are queued, anywhere */
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
	  BY_WRITER, false, "the kernel is entered: write(), send(), ...",
	  NO_EVENT, 0 },
	{ NULL, { "teach_sendmsg" }, BY_WRITER, false,
	  "the socket is locked for this process", NO_EVENT, 0 },
	{ "send buffer", { "teach_alloc_segment" }, BY_WRITER, false,
	  "an empty segment", NO_EVENT, 0 },
	{ NULL, { "teach_queue_segment" }, BY_WRITER, false,
	  "joins the send buffer; bytes are copied in", EVENT_QUEUE,
	  QUEUE_SEND },
	{ "TCP, sending", { "teach_push_head", "teach_push", "teach_push_one" },
	  BY_WRITER, false, "do cwnd, the window and Nagle allow it?",
	  NO_EVENT, 0 },
	{ NULL, { "teach_xmit_new" }, BY_WRITER, false,
	  "from the send buffer to the retransmit queue", EVENT_TIMER,
	  TIMER_RTX },
	{ NULL, { "teach_xmit_clone" }, BY_WRITER, false,
	  "a clone of it travels; the bytes are shared", NO_EVENT, 0 },
	{ NULL, { "teach_xmit" }, BY_WRITER, false,
	  "TCP's header is put before the bytes", EVENT_OUT, ANY_DETAIL },
	{ "IP", { "teach_ip_xmit" }, BY_SENDER, false,
	  "the route, and TCP's checksum", NO_EVENT, 0 },
	{ NULL, { "teach_push_iphdr" }, BY_SENDER, false,
	  "IP's header is put before TCP's", NO_EVENT, 0 },
	{ NULL, { "ip_local_out", "__ip_local_out" }, BY_SENDER, false,
	  "the kernel's IPv4; netfilter's OUTPUT", NO_EVENT, 0 },
	{ NULL, { "ip_output" }, BY_SENDER, false,
	  "netfilter's POSTROUTING", NO_EVENT, 0 },
	{ "neighbour", { "ip_finish_output2", "neigh_resolve_output",
			 "neigh_connected_output" },
	  BY_SENDER, false, "who is next; the Ethernet header", NO_EVENT, 0 },
	{ "card", { "__dev_queue_xmit" }, BY_SENDER, false,
	  "the queueing discipline of the card", NO_EVENT, 0 },
	{ NULL, { "dev_hard_start_xmit" }, BY_SENDER, false,
	  "tcpdump sees it; the driver is called", NO_EVENT, 0 },
	{ NULL, { "teach_nic_xmit" }, BY_SENDER, false,
	  "a descriptor of the TX ring points to it", EVENT_RING, RING_TX },
	{ NULL, { "teach_nic_dma" }, BY_SENDER, false,
	  "over the cable to the peer's RX ring", EVENT_RING, RING_RX },
	{ NULL, { "__napi_schedule" }, BY_SENDER, false,
	  "the peer's card interrupts", EVENT_INTERRUPT, ANY_DETAIL },
	{ "card", { "net_rx_action" }, BY_INTERRUPT, true,
	  "softirq: which cards have asked?", NO_EVENT, 0 },
	{ NULL, { "teach_nic_poll" }, BY_INTERRUPT, true,
	  "NAPI takes frames from the RX ring", EVENT_RING, RING_RX },
	{ NULL, { "netif_receive_skb", "napi_gro_receive" }, BY_SOFTIRQ, true,
	  "up, by the protocol of the Ethernet header", NO_EVENT, 0 },
	{ "IP", { "ip_rcv" }, BY_SOFTIRQ, true,
	  "IP's header is checked; is it for us?", NO_EVENT, 0 },
	{ NULL, { "ip_local_deliver" }, BY_SOFTIRQ, true,
	  "netfilter's INPUT; up, by the protocol", NO_EVENT, 0 },
	{ "TCP, receiving", { "teach_rcv" }, BY_SOFTIRQ, true,
	  "TCP's header and its checksum are checked", EVENT_IN, ANY_DETAIL },
	{ NULL, { "teach_lookup" }, BY_SOFTIRQ, true,
	  "the hash of the 5-tuple: whose is it?", EVENT_LOOKUP, ANY_DETAIL },
	{ NULL, { "teach_do_rcv" }, BY_SOFTIRQ, true,
	  "the state machine: RFC 9293 3.10.7", NO_EVENT, 0 },
	{ NULL, { "teach_rcv_ack" }, BY_SOFTIRQ, true,
	  "its ACK: what has arrived of ours?", NO_EVENT, 0 },
	{ NULL, { "teach_rcv_data" }, BY_SOFTIRQ, true,
	  "its bytes: are they the next ones?", NO_EVENT, 0 },
	{ "receive buffer", { "teach_queue_in_order" }, BY_SOFTIRQ, true,
	  "they join the in-order queue", EVENT_QUEUE, QUEUE_RECEIVE },
	{ NULL, { "sock_def_readable" }, BY_SOFTIRQ, true,
	  "the reader is woken", NO_EVENT, 0 },
	{ "system call", { "teach_recvmsg" }, BY_READER, true,
	  "recv(), read(), ...: bytes go to the reader", NO_EVENT, 0 },
	{ NULL, { "teach_rcv_consumed" }, BY_READER, true,
	  "room again: does the window open?", EVENT_QUEUE, QUEUE_RECEIVE },
	{ "retransmit queue", { "teach_free_segment" }, BY_READER, false,
	  "acknowledged: nothing is kept any more", EVENT_QUEUE, QUEUE_SEND },
};

/**
 * struct walk - a segment's way
 * @sent: the index of its sending
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

/* The last call before the event at @before; of @pid, unless it is 0. */
static long find_back(const struct recording *rec, const struct step *step,
		      size_t before, uint32_t pid)
{
	while (before-- > 0)
		if (is_named(&rec->event[before], step) &&
		    (!pid || rec->event[before].pid == pid))
			return before;
	return -1;
}

/* The next call after the event at @after; on the CPU and of the process. */
static long find_next(const struct recording *rec, const struct step *step,
		      size_t after, int cpu, uint32_t pid)
{
	const struct event *ev;

	while (++after < rec->n_events) {
		ev = &rec->event[after];
		if (is_named(ev, step) && (cpu < 0 || ev->cpu == cpu) &&
		    (!pid || ev->pid == pid))
			return after;
	}
	return -1;
}

/* From the segment's sending back to the system call. */
static const struct event *find_sending(struct walk *w)
{
	const struct event *sender = NULL;
	size_t i, at = w->sent;

	for (i = ARRAY_SIZE(steps); i-- > 0; ) {
		if (steps[i].finding != BY_WRITER)
			continue;
		w->call[i] = find_back(w->rec, &steps[i], at,
				       sender ? sender->pid : 0);
		if (w->call[i] < 0)
			continue;
		at = w->call[i];
		if (!sender)
			sender = &w->rec->event[at];
	}
	return sender;
}

/* And from there on to the reader. */
static void find_rest(struct walk *w, const struct event *sender)
{
	size_t i, at = w->sent, queued = w->sent;
	int cpu = sender->cpu;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		long n = -1;

		switch (steps[i].finding) {
		case BY_WRITER:
			continue;
		case BY_SENDER:
			n = find_next(w->rec, &steps[i], at, cpu, sender->pid);
			break;
		case BY_INTERRUPT:
			n = find_next(w->rec, &steps[i], at, -1, 0);
			break;
		case BY_SOFTIRQ:
			n = find_next(w->rec, &steps[i], at, cpu, 0);
			break;
		case BY_READER:
			n = find_next(w->rec, &steps[i], queued, -1, 0);
			break;
		}
		w->call[i] = n;
		if (n < 0)
			continue;
		at = n;
		if (steps[i].finding == BY_READER)
			continue;
		queued = n;
		cpu = w->rec->event[n].cpu;
	}
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

/* --- showing it --------------------------------------------------------- */

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

/* What the step's event says; NULL when there is none. */
static const struct event *find_effect(const struct walk *w, size_t step)
{
	const struct flow *flow = &w->flows->flow[w->flow];
	int end = steps[step].at_receiver ? !w->from : w->from;
	size_t i = w->call[step];

	if (steps[step].kind == NO_EVENT)
		return NULL;
	for (; i < w->rec->n_events; i++) {
		const struct event *ev = &w->rec->event[i];

		if (ev->kind != steps[step].kind ||
		    !has_detail(ev, steps[step].detail))
			continue;
		if (!of_connection(ev))
			return ev;
		if (w->flows->of_event[i] == w->flow &&
		    w->flows->at_end[i] == end &&
		    ev->netns == flow->end[end].netns)
			return ev;
	}
	return NULL;
}

static void print_effect(const struct walk *w, size_t step)
{
	const struct flow *flow = &w->flows->flow[w->flow];
	const struct event *found = find_effect(w, step);
	int end = steps[step].at_receiver ? !w->from : w->from;
	char text[DESCRIPTION];
	struct event ev;

	if (!found)
		return;
	ev = *found;
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
	const struct flow *flow = &w->flows->flow[w->flow];
	int end = steps[step].at_receiver ? !w->from : w->from;
	const char *host = recording_netns(w->rec, flow->end[end].netns);

	printf("%s%s%s\n", host, *host ? ": " : "", layer);
}

static void print_walk(const struct walk *w)
{
	const struct flow *flow = &w->flows->flow[w->flow];
	char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];
	const char *layer = NULL;
	uint64_t start_ns = 0;
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
		if (!start_ns)
			start_ns = w->rec->event[w->call[i]].ns;
		if (layer)
			print_layer(w, i, layer);
		layer = NULL;
		print_step(w, i, start_ns);
	}
}

static int show(const struct recording *rec)
{
	const struct event *sender;
	struct flows flows;
	struct walk w = { .rec = rec, .flows = &flows };
	int err = 0;

	if (!flows_build(&flows, rec, &opt.filter))
		err = tool_error("out of memory");
	else if (!find_segment(&w))
		err = tool_error("no connection was opened that sent bytes");
	else if (!(sender = find_sending(&w)))
		err = tool_error("no call of a function was seen before the segment was sent");
	if (!err) {
		find_rest(&w, sender);
		print_walk(&w);
		if (rec->missed)
			printf("Incomplete: the kernel had no room for %llu events.\n",
			       (unsigned long long)rec->missed);
	}
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
		{ "record", required_argument, NULL, 'R' },
		{ "input", required_argument, NULL, 'I' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long n;
	int c;

	/* '+': what follows the first word that is no option is COMMAND's. */
	while ((c = getopt_long(argc, argv, "+p:h", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			if (!tool_number(optarg, 1, 65535, &n)) {
				tool_error("walk: bad value for --port: '%s'",
					   optarg);
				return tool_usage("walk");
			}
			opt.filter.port = n;
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
