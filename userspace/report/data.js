"use strict";
/*
 * What was recorded: report.c writes it into the page, this file reads it.
 */

const index = JSON.parse(document.getElementById("index").textContent);

/* The numbers of the kinds of events, by name: KIND.out, KIND.window ... */
const KIND = Object.fromEntries(index.kinds.map((kind, n) => [kind.name, n]));

/* report.c's ENUM_STATE and ENUM_WORD, and ladder.h's enumerations. */
const STATES = index.names["-2"];
const WORDS = index.names["-3"];
const FATE = { UNKNOWN: 0, ARRIVED: 1, LOST: 2, UNDER_WAY: 3 };
const ROW = {
	STATE: 0, WHOLE: 1, DEPART: 2, ARRIVE: 3, LOST: 4, UNDER_WAY: 5,
	DROP: 6, GONE: 7,
};

const FLAG = {
	FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128,
};
const NO_SSTHRESH = 0x7fffffff;

/* The number that stands for a name: number("queue", "SEND"). */
const enumOfField = new Map();
for (const kind of index.kinds)
	for (const [name, which] of kind.fields)
		enumOfField.set(name, index.names[which]);

function numberOf(field, name)
{
	return enumOfField.get(field).indexOf(name);
}

function nameOf(field, number)
{
	return enumOfField.get(field)[number];
}

/* --- columns of numbers ------------------------------------------------- */

class Reader {
	constructor(id)
	{
		const text = document.getElementById(id).textContent;

		this.data = Reader.bytes(text);
		this.at = 0;
	}

	static bytes(text)
	{
		if (Uint8Array.fromBase64)
			return Uint8Array.fromBase64(text);
		const binary = atob(text);
		const bytes = new Uint8Array(binary.length);

		for (let i = 0; i < bytes.length; i++)
			bytes[i] = binary.charCodeAt(i);
		return bytes;
	}

	byte()
	{
		return this.data[this.at++];
	}

	unsigned()
	{
		let byte = this.data[this.at++];
		let n = byte & 0x7f;
		let scale = 0x80;

		while (byte & 0x80) {
			byte = this.data[this.at++];
			n += (byte & 0x7f) * scale;
			scale *= 0x80;
		}
		return n;
	}

	signed()
	{
		const n = this.unsigned();

		return n % 2 ? -(n + 1) / 2 : n / 2;
	}
}

/*
 * One value of so many octets for each event of a kind; of[] are the indices of
 * the events.
 */
function readColumn(r, of, end, size)
{
	const column = new (size > 4 ? Float64Array : Uint32Array)(of.length);
	const last = [0, 0];

	for (let i = 0; i < of.length; i++) {
		const e = end[of[i]];

		last[e] += r.signed();
		if (size <= 4)
			last[e] >>>= 0;
		column[i] = last[e];
	}
	return column;
}

/*
 * The options of segments.  has: which; SACK blocks of segment i are those
 * from sackAt[i] to sackAt[i + 1] of left and right.
 */
const HAS = { MSS: 1, WSCALE: 2, SACK_OK: 4, TS: 8 };
const N_SACK_SHIFT = 4;

function readOptions(r, of, end, ack)
{
	const n = of.length;
	const options = {
		has: new Uint8Array(n),
		mss: new Map(),
		wscale: new Map(),
		value: new Uint32Array(n),
		echo: new Uint32Array(n),
		sackAt: new Uint32Array(n + 1),
		left: [],
		right: [],
	};
	const value = [0, 0];
	const echo = [0, 0];

	for (let i = 0; i < n; i++) {
		const has = options.has[i] = r.byte();
		const e = end[of[i]];

		if (has & HAS.MSS)
			options.mss.set(i, r.unsigned());
		if (has & HAS.WSCALE)
			options.wscale.set(i, r.unsigned());
		if (has & HAS.TS) {
			options.value[i] = value[e] += r.signed();
			options.echo[i] = echo[e] += r.signed();
		}
		for (let k = has >> N_SACK_SHIFT; k > 0; k--) {
			const left = ack[i] + r.signed();

			options.left.push(left >>> 0);
			options.right.push((left + r.signed()) >>> 0);
		}
		options.sackAt[i + 1] = options.left.length;
	}
	return options;
}

/*
 * Events in the order of time.  Of event i: kind[i], end[i] (0 or 1) and t[i]
 * in nanoseconds; its fields are columns[kind[i]].NAME[at[i]].
 */
function readEvents(r, n, start)
{
	const events = {
		n,
		kind: new Uint8Array(n),
		end: new Uint8Array(n),
		t: new Float64Array(n),
		at: new Uint32Array(n),
		of: [],
		columns: [],
		options: [],
	};
	const count = new Uint32Array(index.kinds.length);
	let t = -start;

	for (let i = 0; i < n; i++) {
		const byte = r.byte();

		events.kind[i] = byte >> 1;
		events.end[i] = byte & 1;
		events.at[i] = count[byte >> 1]++;
	}
	for (let i = 0; i < n; i++)
		events.t[i] = t += r.unsigned();
	events.of = Array.from(count, (many) => new Uint32Array(many));
	for (let i = 0; i < n; i++)
		events.of[events.kind[i]][events.at[i]] = i;
	for (const [kind, { fields }] of index.kinds.entries()) {
		const of = events.of[kind];
		const columns = {};

		for (const [name, , size] of fields)
			columns[name] = readColumn(r, of, events.end, size);
		events.columns.push(columns);
		events.options.push(isSegment(kind) ?
			readOptions(r, of, events.end, columns.ack) : null);
	}
	return events;
}

/* --- cards and listeners ------------------------------------------------ */

/* What happened to no connection or to many; netns[i], port[i]: where. */
const others = (() => {
	const r = new Reader("others0");
	const events = readEvents(r, index.others, 0);
	const of = Uint32Array.from({ length: events.n }, (_, i) => i);

	events.netns = readColumn(r, of, events.end, 4);
	events.port = readColumn(r, of, events.end, 2);
	return events;
})();

/* The end of a connection that event i of others happened at, or -1. */
function endOfOther(i, ends)
{
	for (const e of [0, 1])
		if (ends[e].seen && ends[e].inode === others.netns[i] &&
		    (others.kind[i] !== KIND.queue ||
		     ends[e].port === others.port[i]))
			return e;
	return -1;
}

/*
 * A connection's events with those of the cards and listeners of its ends.
 * place[i] is where the connection's own event i has gone.
 */
function withOthers(own, about)
{
	const which = [];
	const place = new Uint32Array(own.n);

	for (let i = 0; i < others.n; i++) {
		const t = others.t[i];

		if (t >= own.t[0] + about.start &&
		    t <= own.t[own.n - 1] + about.start &&
		    endOfOther(i, about.ends) >= 0)
			which.push(i);
	}
	const n = own.n + which.length;
	const all = {
		n,
		kind: new Uint8Array(n),
		end: new Uint8Array(n),
		t: new Float64Array(n),
		at: new Uint32Array(n),
		columns: own.columns.map((columns, kind) => {
			const both = {};

			for (const name in columns)
				both[name] = join(columns[name],
						  others.columns[kind][name]);
			return both;
		}),
		options: own.options,
	};

	for (let i = 0, a = 0, b = 0; i < n; i++) {
		const other = which[b];

		if (a < own.n && (b === which.length ||
				  own.t[a] <= others.t[other] - about.start)) {
			all.kind[i] = own.kind[a];
			all.end[i] = own.end[a];
			all.t[i] = own.t[a];
			all.at[i] = own.at[a];
			place[a++] = i;
		} else {
			all.kind[i] = others.kind[other];
			all.end[i] = endOfOther(other, about.ends);
			all.t[i] = others.t[other] - about.start;
			all.at[i] = others.at[other] +
				own.of[all.kind[i]].length;
			b++;
		}
	}
	return { events: all, place };
}

function join(a, b)
{
	if (!b.length)
		return a;
	const both = new Uint32Array(a.length + b.length);

	both.set(a);
	both.set(b, a.length);
	return both;
}

/* --- the ladder --------------------------------------------------------- */

/* out and in: indices of events, or -1. */
function readSegments(r, n, place)
{
	const segments = {
		n,
		from: new Uint8Array(n),
		duplicate: new Uint8Array(n),
		fate: new Uint8Array(n),
		out: new Int32Array(n),
		in: new Int32Array(n),
		row: new Uint32Array(n),
		inRow: new Uint32Array(n),
		longest: 0,
	};
	let out = 0;
	let arrived = 0;
	let row = 0;

	for (let i = 0; i < n; i++) {
		const byte = r.byte();

		segments.from[i] = byte & 1;
		segments.duplicate[i] = byte >> 1 & 1;
		segments.fate[i] = byte >> 2;
		out += r.signed();
		arrived += r.signed();
		row += r.signed();
		const rows = r.unsigned();

		segments.out[i] = out ? place[out - 1] : -1;
		segments.in[i] = arrived ? place[arrived - 1] : -1;
		segments.row[i] = row;
		segments.inRow[i] = row + rows;
		segments.longest = Math.max(segments.longest, rows);
	}
	return segments;
}

/* Without those that were taken back, so that a row's number is its place. */
function readRows(r, n, start, segments)
{
	const rows = {
		n: 0,
		kind: new Uint8Array(n),
		at: new Uint8Array(n),
		t: new Float64Array(n),
		state: [new Uint8Array(n), new Uint8Array(n)],
		segment: new Uint32Array(n),
		note: new Uint32Array(n),
	};
	const place = new Uint32Array(n);
	let t = -start;
	let segment = 0;

	for (let i = 0; i < n; i++) {
		const k = rows.n;
		const byte = r.byte();

		rows.kind[k] = byte >> 1;
		rows.at[k] = byte & 1;
		rows.t[k] = t += r.signed();
		rows.state[0][k] = r.byte();
		rows.state[1][k] = r.byte();
		rows.segment[k] = segment += r.signed();
		rows.note[k] = r.unsigned();
		place[i] = k;
		if (rows.kind[k] !== ROW.GONE)
			rows.n++;
	}
	for (let i = 0; i < segments.n; i++) {
		segments.row[i] = place[segments.row[i]];
		segments.inRow[i] = place[segments.inRow[i]];
	}
	return rows;
}

/* --- a connection ------------------------------------------------------- */

/* How far each end's window is scaled; null: its SYN was not recorded. */
function windowScales(events)
{
	const scales = [null, null];

	for (const kind of [KIND.out, KIND.in]) {
		const options = events.options[kind];
		const { flags } = events.columns[kind];

		for (let k = 0, i = 0; k < flags.length; i++) {
			if (events.kind[i] !== kind)
				continue;
			const e = kind === KIND.out ? events.end[i] :
						      1 - events.end[i];

			if (flags[k] & FLAG.SYN && options.has[k])
				scales[e] = options.wscale.get(k) ?? -1;
			k++;
		}
	}
	if (scales[0] === null || scales[1] === null)
		return [null, null];
	/* RFC 7323, 1.3: both, or none. */
	if (scales[0] < 0 || scales[1] < 0)
		return [0, 0];
	return scales.map((scale) => Math.min(scale, 14));
}

function readConnection(number)
{
	const about = index.connections[number];
	const r = new Reader("connection" + number);
	const own = readEvents(r, about.events, about.start);
	const { events, place } = withOthers(own, about);
	const segments = readSegments(r, about.segments, place);
	const rows = readRows(r, about.rows, about.start, segments);
	const segmentOf = new Int32Array(events.n).fill(-1);

	for (let i = 0; i < segments.n; i++)
		for (const at of [segments.out[i], segments.in[i]])
			if (at >= 0)
				segmentOf[at] = i;
	const lists = listEvents(events);

	return {
		number, about, events, segments, rows, segmentOf,
		ends: about.ends,
		scales: windowScales(events),
		field: (i, name) =>
			events.columns[events.kind[i]][name][events.at[i]],
		eventsOf: (kind, end) => lists[2 * kind + end],
	};
}

/* The indices of the events of each kind at each end. */
function listEvents({ n, kind, end })
{
	const many = new Uint32Array(2 * index.kinds.length);

	for (let i = 0; i < n; i++)
		many[2 * kind[i] + end[i]]++;
	const lists = Array.from(many, (length) => new Uint32Array(length));

	many.fill(0);
	for (let i = 0; i < n; i++) {
		const k = 2 * kind[i] + end[i];

		lists[k][many[k]++] = i;
	}
	return lists;
}

/* --- in words ----------------------------------------------------------- */

function count(n, one, many = one + "s")
{
	return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

const TIME_UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

/* A time that something took. */
function duration(ns)
{
	if (!ns)
		return "0";
	const [size, unit] = TIME_UNITS.find(([size]) =>
		Math.abs(ns) >= size) ?? [1, "ns"];

	return `${+(ns / size).toPrecision(4)} ${unit}`;
}

/* A moment, in milliseconds after the first segment, as the ladder has it. */
function moment(ns)
{
	const [whole, part] = (ns / 1e6).toFixed(3).split(".");

	return `${whole.replace(/\B(?=(\d{3})+$)/g, "\u202f")}.${part} ms`;
}

function sizeText(n)
{
	return n.toLocaleString("en");
}

const FLAG_ORDER = ["SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

function flagsText(flags)
{
	return FLAG_ORDER.filter((name) => flags & FLAG[name]).join(",") ||
		"none";
}

function endName(end)
{
	return end.netns ? `${end.netns} ${end.name}` : end.name;
}

/* The number that the ladder shows for a sequence number of an end. */
function relative(end, seq)
{
	return end.base === undefined ? seq : (seq - end.base) >>> 0;
}

function optionsText(c, i)
{
	const options = c.events.options[c.events.kind[i]];
	const k = c.events.at[i];
	const has = options.has[k];
	const other = c.ends[c.events.kind[i] === KIND.out ?
		1 - c.events.end[i] : c.events.end[i]];
	const words = [];

	if (has & HAS.MSS)
		words.push(`MSS ${options.mss.get(k)}`);
	if (has & HAS.WSCALE)
		words.push(`window scale ${options.wscale.get(k)}`);
	if (has & HAS.SACK_OK)
		words.push("SACK permitted");
	if (has & HAS.TS)
		words.push(`timestamp ${options.value[k]}`,
			   `its echo ${options.echo[k]}`);
	for (let s = options.sackAt[k]; s < options.sackAt[k + 1]; s++)
		words.push(`SACK ${relative(other, options.left[s])}` +
			   `–${relative(other, options.right[s])}`);
	return words.join(", ");
}

const WHY_TEXT = {
	NEW: "sent the first time",
	RTO: "sent again: the retransmission timer ran out",
	RECOVERY: "sent again: found lost by RACK, SACK or duplicate ACKs",
	TLP: "a tail loss probe",
	PROBE: "a probe of the closed window",
	KEEPALIVE: "a keepalive probe",
	ACK: "an ACK, at once",
	DELACK: "an ACK that was delayed",
	WINDOW: "the reader has made room",
	CHALLENGE: "a challenge ACK",
	RESET: "a reset",
	SYNACK: "the answer to a SYN",
};

function fateText(c, i)
{
	const s = c.segmentOf[i];

	if (s < 0)
		return "";
	const { fate, duplicate, out, in: arrived } = c.segments;

	if (c.events.kind[i] === KIND.in)
		return duplicate[s] ? "a duplicate" : out[s] < 0 ? "" :
			`on its way for ${duration(c.events.t[i] -
						   c.events.t[out[s]])}`;
	switch (fate[s]) {
	case FATE.LOST:
		return "lost";
	case FATE.UNDER_WAY:
		return "still under way when the recording ended";
	case FATE.ARRIVED:
		return `arrives after ${duration(c.events.t[arrived[s]] -
						 c.events.t[i])}`;
	}
	return "";
}

function isSegment(kind)
{
	return kind === KIND.out || kind === KIND.in;
}

function isRetransmission(c, i)
{
	return c.events.kind[i] === KIND.out && c.field(i, "rtx") > 0;
}

function segmentText(c, i)
{
	const e = c.events.end[i];
	const sent = c.events.kind[i] === KIND.out;
	const from = c.ends[sent ? e : 1 - e];
	const to = c.ends[sent ? 1 - e : e];
	const flags = c.field(i, "flags");
	const seq = relative(from, c.field(i, "seq"));
	const words = [flagsText(flags), `seq ${seq}`];

	if (flags & FLAG.ACK)
		words.push(`ack ${relative(to, c.field(i, "ack"))}`);
	words.push(`win ${c.field(i, "window")}`);
	if (c.field(i, "len"))
		words.push(`len ${c.field(i, "len")}`);
	return words.join(" ");
}

function segmentLines(c, i)
{
	const sent = c.events.kind[i] === KIND.out;
	const why = sent ? nameOf("why", c.field(i, "why")) : undefined;
	const state = STATES[c.field(i, "state")];

	return [
		segmentText(c, i),
		WHY_TEXT[why] && `${why}: ${WHY_TEXT[why]}`,
		isRetransmission(c, i) && !WHY_TEXT[why] && "a retransmission",
		optionsText(c, i),
		`${sent ? "state" : "meets state"} ${state}`,
		fateText(c, i),
	];
}

function fieldText(name, number)
{
	const names = enumOfField.get(name);

	if (names)
		return names[number] ?? "not told";
	if (name.endsWith("_us"))
		return duration(number * 1e3);
	if (name === "ssthresh" && number === NO_SSTHRESH)
		return "none yet";
	if (name === "error")
		return number ? `-${-(number | 0)}` : "none";
	return sizeText(number);
}

/* All other fields, as "name value". */
function fieldLines(c, i)
{
	return index.kinds[c.events.kind[i]].fields.map(([name]) =>
		`${name.replace(/_us$/, "").replace(/_/g, " ")} ` +
		fieldText(name, c.field(i, name)));
}

const QUEUE_TEXT = {
	SYN: "SYN queue", ACCEPT: "accept queue", SEND: "send queue",
	RECEIVE: "receive queue", OUT_OF_ORDER: "out-of-order queue",
};

const VERBS = {
	out: "sends",
	in: "receives",
	state: "changes its state",
	drop: "drops",
	window: "window",
	timer: "timer",
	queue: "queue",
	lookup: "looks up the connection",
	sleep: "a system call sleeps",
	wake: "a system call is woken",
	ring: "the card's ring",
	interrupt: "the card interrupts",
	poll: "NAPI has polled the card",
};

/* What an event is: { who, what, lines }. */
function describe(c, i)
{
	const kind = c.events.kind[i];
	const peer = c.ends[1 - c.events.end[i]];
	let lines;

	switch (kind) {
	case KIND.out:
	case KIND.in:
		lines = segmentLines(c, i);
		break;
	case KIND.state:
		lines = [
			`${STATES[c.field(i, "state")]} → ` +
			STATES[c.field(i, "new_state")],
			nameOf("cause", c.field(i, "cause")) &&
			`by ${nameOf("cause", c.field(i, "cause"))}`,
		];
		break;
	case KIND.drop:
		lines = [
			WORDS[c.field(i, "reason")],
			`${flagsText(c.field(i, "flags"))} ` +
			`seq ${relative(peer, c.field(i, "seq"))} ` +
			`len ${c.field(i, "len")}`,
		];
		break;
	default:
		lines = fieldLines(c, i);
	}
	return {
		who: endName(c.ends[c.events.end[i]]),
		what: VERBS[index.kinds[kind].name] ?? index.kinds[kind].name,
		lines: lines.filter(Boolean),
	};
}
