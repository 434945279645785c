/*
 * The graphs: which events each one takes, and how it shows them.
 */

function notRecorded(what, end)
{
	return end.seen ? `Not recorded: no ${what} of this end.` :
		"Not recorded: this end is on another machine.";
}

/* --- time --------------------------------------------------------------- */

/* The whole connection in little, what of it is seen, and the axis. */
class AxisPanel extends Panel {
	constructor()
	{
		super("Time", 58);
		this.root.classList.add("axis");
		this.top.remove();
	}

	prepare()
	{
		return undefined;
	}

	paint(context)
	{
		const strip = 26;
		const { t, kind, n } = this.connection.events;
		const all = wholeView(this.connection);
		const width = Math.round(this.right - this.left);
		const many = new Uint32Array(width + 1);
		const scale = width / (all.to - all.from);
		let most = 1;

		for (let i = 0; i < n; i++) {
			if (!isSegment(kind[i]))
				continue;
			const k = Math.floor((t[i] - all.from) * scale);

			most = Math.max(most, ++many[k]);
		}
		context.fillStyle = style.blue;
		for (let k = 0; k <= width; k++) {
			if (!many[k])
				continue;
			const part = Math.sqrt(many[k] / most);
			const high = 3 + (strip - 5) * part;

			context.fillRect(this.left + k, strip - high, 1, high);
		}
		this.all = all;
		this.strip = strip;
		this.paintWindow(context, (v) =>
			this.left + (v - all.from) * scale);
		context.fillStyle = style.quiet;
		context.strokeStyle = style.line;
		context.textAlign = "center";
		const { step, at } = timeTicks(width);

		context.beginPath();
		context.moveTo(this.left, strip + 0.5);
		context.lineTo(this.right, strip + 0.5);
		for (const v of at) {
			const x = Math.round(this.x(v)) + 0.5;
			const text = shortTime(v, step, view.to);
			const half = context.measureText(text).width / 2;

			context.moveTo(x, strip + 9);
			context.lineTo(x, strip + 14);
			context.fillText(text, Math.min(x,
				this.width - half - 2), strip + 22);
		}
		context.stroke();
	}

	/* What is not seen is dimmed. */
	paintWindow(context, x)
	{
		const from = Math.max(this.left, x(view.from));
		const to = Math.min(this.right, x(view.to));

		context.fillStyle = style.panel;
		context.globalAlpha = 0.7;
		context.fillRect(this.left, 0, from - this.left, this.strip);
		context.fillRect(to, 0, this.right - to, this.strip);
		context.globalAlpha = 1;
		context.strokeStyle = style.quiet;
		context.lineWidth = 1;
		context.strokeRect(from + 0.5, 1.5, Math.max(2, to - from - 1),
				   this.strip - 2);
	}

	/* The time of a place in the strip, or null. */
	wholeTime(x, y)
	{
		if (y > this.strip)
			return null;
		const { from, to } = this.all;

		return from + (x - this.left) / (this.right - this.left) *
			(to - from);
	}
}

/* --- sequence numbers over time ----------------------------------------- */

/* Sequence numbers that do not wrap. */
class Unwrap {
	constructor(base)
	{
		this.last = base;
		this.base = base;
	}

	value(seq)
	{
		this.last += (seq - this.last) | 0;
		return this.last - this.base;
	}

	/* One near the others, which does not count as the last. */
	near(seq)
	{
		return this.last + ((seq - this.last) | 0) - this.base;
	}
}

const PROBES = ["TLP", "PROBE", "KEEPALIVE"].map((name) =>
	numberOf("why", name));

const MOST_MARKS = 120;

class SequencePanel extends Panel {
	constructor()
	{
		super("Sequence numbers", 300);
	}

	prepare()
	{
		const me = this.connection.ends[this.end];
		const peer = this.connection.ends[1 - this.end];

		/* Where the one end cannot be seen, the other shows it. */
		this.at = me.seen ? this.end : 1 - this.end;
		const sentAs = me.seen ? KIND.out : KIND.in;
		const ackAs = me.seen ? KIND.in : KIND.out;
		const sent = this.connection.eventsOf(sentAs, this.at);
		const acks = this.connection.eventsOf(ackAs, this.at);

		if (!sent.length && !acks.length)
			return notRecorded("segments", me);
		this.unwrap = new Unwrap(me.base ?? (sent.length ?
			this.connection.field(sent[0], "seq") : 0));
		this.takeSegments(sent, acks);
		this.segments = sent.length;
		this.acks = acks.length;
		this.note = me.seen ? "" : ` (seen at ${endName(peer)})`;
		this.makeLegend();
		return undefined;
	}

	/* Both in the order of time, so that the numbers can be unwrapped. */
	takeSegments(sent, acks)
	{
		this.fresh = new Series(sent.length);
		this.again = new Series(sent.length);
		this.probe = new Series(sent.length);
		this.lost = new Series(sent.length);
		this.marks = new Series(sent.length);
		this.ack = new Series(acks.length);
		this.edge = new Series(acks.length);
		this.tops = {};
		for (const name of ["fresh", "again", "probe", "lost"])
			this.tops[name] = new Float64Array(sent.length);
		this.sackFrom = [];
		this.sackTo = [];
		this.sackEvent = [];
		let a = 0;

		for (const i of sent) {
			while (a < acks.length && acks[a] < i)
				this.takeAck(acks[a++]);
			this.takeSent(i);
		}
		while (a < acks.length)
			this.takeAck(acks[a++]);
		this.sack = new Series(this.sackFrom.length);
		for (const [k, i] of this.sackEvent.entries())
			this.sack.add(this.connection.events.t[i],
				      this.sackFrom[k], i);
	}

	takeSent(i)
	{
		const c = this.connection;
		const t = c.events.t[i];
		const flags = c.field(i, "flags");
		const s = c.segmentOf[i];
		const seq = this.unwrap.value(c.field(i, "seq"));
		const top = seq + c.field(i, "len") +
			(flags & FLAG.SYN ? 1 : 0) + (flags & FLAG.FIN ? 1 : 0);

		if (s >= 0 && c.segments.fate[s] === FATE.LOST)
			this.put("lost", t, seq, top, i);
		if (flags & (FLAG.SYN | FLAG.FIN | FLAG.RST))
			this.marks.add(t, top, i);
		this.put(this.classOf(i), t, seq, top, i);
	}

	put(name, t, seq, top, i)
	{
		this.tops[name][this[name].n] = top;
		this[name].add(t, seq, i);
	}

	classOf(i)
	{
		const c = this.connection;

		if (c.events.kind[i] === KIND.in)
			return c.segmentOf[i] >= 0 &&
				c.segments.duplicate[c.segmentOf[i]] ?
				"again" : "fresh";
		if (PROBES.includes(c.field(i, "why")))
			return "probe";
		return isRetransmission(c, i) ? "again" : "fresh";
	}

	takeAck(i)
	{
		const c = this.connection;
		const flags = c.field(i, "flags");
		const t = c.events.t[i];

		/* A reset or the first SYN acknowledges nothing. */
		if (!(flags & FLAG.ACK)) {
			this.ack.add(t, NaN, i);
			this.edge.add(t, NaN, i);
			return;
		}
		const ack = this.unwrap.near(c.field(i, "ack"));
		const scale = flags & FLAG.SYN ? 0 : c.scales[1 - this.end];
		const options = c.events.options[c.events.kind[i]];
		const { sackAt } = options;
		const k = c.events.at[i];

		this.ack.add(t, ack, i);
		this.edge.add(t, scale === null ? NaN :
			ack + c.field(i, "window") * 2 ** scale, i);
		for (let s = sackAt[k]; s < sackAt[k + 1]; s++) {
			this.sackFrom.push(this.unwrap.near(options.left[s]));
			this.sackTo.push(this.unwrap.near(options.right[s]));
			this.sackEvent.push(i);
		}
	}

	makeLegend()
	{
		this.addLegend("bar", "blue", `sent${this.note}`);
		if (this.again.n)
			this.addLegend("thick", "red", this.at === this.end ?
				"sent again" : "come again");
		if (this.probe.n)
			this.addLegend("thick", "sky", "probe");
		if (this.lost.n)
			this.addLegend("cross", "text", "lost");
		this.addValue(this.addLegend("line", "green", "acknowledged"),
			      this.ack, sizeText);
		if (this.sack.n)
			this.addLegend("bar", "purple", "SACK block");
		if (this.connection.scales[1 - this.end] === null)
			element("span", this.legend, "", "the window's edge: " +
				"not recorded, no SYN with its options");
		else
			this.addValue(this.addLegend("dash", "amber",
						     "edge of the window"),
				      this.edge, sizeText);
	}

	fit()
	{
		let low = Infinity;
		let high = -Infinity;

		for (const name of ["fresh", "again", "probe"]) {
			const [from, to] = this.inView(this[name]);

			for (let i = from; i < to; i++) {
				low = Math.min(low, this[name].v[i]);
				high = Math.max(high, this.tops[name][i]);
			}
		}
		const [ackLow, ackHigh] = this.ack.bounds();

		low = Math.min(low, ackLow);
		high = Math.max(high, ackHigh);
		if (!(low <= high))
			[low, high] = [0, 1];
		/* A wide window would leave no room for what is sent. */
		const room = Math.max((high - low) * 0.5, 10);
		const [, edge] = this.edge.bounds();

		if (edge > high)
			high = Math.min(edge, high + room);
		const border = (high - low) * 0.04 || 1;

		this.low = low - border;
		this.high = high + border;
	}

	/* A point has no extent: nothing beside it is seen. */
	inView(series)
	{
		return [lowerBound(series.t, view.from, series.n),
			lowerBound(series.t, view.to + 1e-3, series.n)];
	}

	paint(context)
	{
		this.drawn = 0;
		this.fit();
		this.timeGrid(context);
		this.valueGrid(context);
		context.save();
		this.clip(context);
		this.steps(context, this.edge, "amber", { dash: [7, 4] });
		this.steps(context, this.ack, "green");
		this.paintSack(context);
		this.drawn += this.bars(context, "fresh", style.blue, 3);
		this.drawn += this.bars(context, "probe", style.sky, 5, true);
		this.drawn += this.isCrowded(this.again) ?
			this.rug(context, this.again, style.red, 9) :
			this.bars(context, "again", style.red, 5, true);
		const [from, to] = this.inView(this.ack);

		this.drawn += to - from;
		this.ackDots(context, from, to);
		this.flagMarks(context);
		this.crosses(context);
		context.restore();
	}

	/*
	 * From the first to the last byte of each.  Where a column of pixels
	 * has many that touch or overlap, they become one.
	 */
	bars(context, name, colour, width, pointed = false)
	{
		const series = this[name];
		const tops = this.tops[name];
		const [from, to] = this.inView(series);
		const thin = to - from > (this.right - this.left) ? 1.5 : width;
		let column = NaN;
		let low = 0;
		let high = 0;
		const flush = () => {
			if (isNaN(column))
				return;
			context.fillRect(column - thin / 2, high, thin,
					 Math.max(3, low - high));
			if (pointed)
				this.point(context, column, high);
		};

		context.fillStyle = colour;
		for (let i = from; i < to; i++) {
			const x = Math.round(this.x(series.t[i]) * 2) / 2;
			const a = this.y(series.v[i]);
			const b = this.y(tops[i]);

			if (x === column && b <= low + 1 && a >= high - 1) {
				low = Math.max(low, a);
				high = Math.min(high, b);
				continue;
			}
			flush();
			column = x;
			/* A gap between those that follow each other. */
			low = a - (a - b > 5 ? 1 : 0);
			high = b;
		}
		flush();
		return to - from;
	}

	/* More than can be told from each other. */
	isCrowded(series)
	{
		const [from, to] = this.inView(series);

		return to - from > MOST_MARKS;
	}

	/* Only when, not which: ticks at the bottom, one for each column. */
	rug(context, series, colour, up)
	{
		const [from, to] = this.inView(series);
		let column = NaN;

		context.fillStyle = colour;
		for (let k = from; k < to; k++) {
			const x = Math.round(this.x(series.t[k]));

			if (x !== column)
				context.fillRect(x, this.height - up - 6, 1, 6);
			column = x;
		}
		return to - from;
	}

	point(context, x, y)
	{
		context.beginPath();
		context.moveTo(x, y - 7);
		context.lineTo(x + 5, y + 1);
		context.lineTo(x - 5, y + 1);
		context.fill();
	}

	/* Each ACK, as long as there is room for it. */
	ackDots(context, from, to)
	{
		if (to - from > (this.right - this.left) / 3)
			return;
		context.fillStyle = style.green;
		for (let i = from; i < to; i++) {
			if (isNaN(this.ack.v[i]))
				continue;
			context.beginPath();
			context.arc(this.x(this.ack.t[i]),
				    this.y(this.ack.v[i]), 3, 0, 2 * Math.PI);
			context.fill();
		}
	}

	paintSack(context)
	{
		const [from, to] = this.inView(this.sack);
		let column = NaN;
		let low = 0;
		let high = 0;

		context.fillStyle = style.purple;
		for (let k = from; k < to; k++) {
			const x = Math.round(this.x(this.sack.t[k]));
			const a = this.y(this.sack.v[k]);
			const b = this.y(this.sackTo[k]);

			if (x === column && a <= low && b >= high)
				continue;
			context.fillRect(x - 1, b, 3, Math.max(2, a - b));
			/* Ends, so that one tells blocks above each other. */
			context.fillRect(x - 3, b, 7, 1.5);
			context.fillRect(x - 3, a - 1.5, 7, 1.5);
			column = x;
			low = a;
			high = b;
		}
	}

	flagMarks(context)
	{
		const [from, to] = this.inView(this.marks);

		if (to - from > 40)
			return;
		context.fillStyle = style.text;
		for (let k = from; k < to; k++) {
			const i = this.marks.event[k];
			const flags = this.connection.field(i, "flags");
			const text = ["SYN", "FIN", "RST"].filter((name) =>
				flags & FLAG[name]).join(",");
			const x = this.x(this.marks.t[k]);
			const wide = context.measureText(text).width;
			const right = x + 8 + wide > this.right;

			context.textAlign = right ? "right" : "left";
			context.fillText(text, right ? x - 7 : x + 7,
					 this.y(this.marks.v[k]) - 4);
		}
	}

	crosses(context)
	{
		const [from, to] = this.inView(this.lost);

		if (this.isCrowded(this.lost)) {
			this.rug(context, this.lost, style.text, 1);
			return;
		}
		context.strokeStyle = style.text;
		context.lineWidth = 2;
		context.beginPath();
		for (let k = from; k < to; k++) {
			const x = this.x(this.lost.t[k]);
			const y = this.middle("lost", k);

			context.moveTo(x - 5, y - 5);
			context.lineTo(x + 5, y + 5);
			context.moveTo(x + 5, y - 5);
			context.lineTo(x - 5, y + 5);
		}
		context.stroke();
	}

	middle(name, i)
	{
		return this.y((this[name].v[i] + this.tops[name][i]) / 2);
	}

	targets()
	{
		const bar = (name) => ({
			series: this[name],
			y: (i) => this.middle(name, i),
		});

		return [bar("again"), bar("probe"), bar("fresh"),
			{ series: this.ack, y: (i) => this.y(this.ack.v[i]) }];
	}
}

/* --- lines of values ---------------------------------------------------- */

/*
 * lines(connection, end) gives [{ name, shape, colour, kind, value }], where
 * value(connection, i) is undefined for an event that does not tell.
 */
class LinesPanel extends Panel {
	constructor(title, height, lines, what, text = sizeText,
		    axisText = shortNumber)
	{
		super(title, height);
		this.lines = lines;
		this.what = what;
		this.text = text;
		this.axisText = axisText;
	}

	prepare()
	{
		const c = this.connection;

		this.series = [];
		for (const line of this.lines(c, this.end)) {
			const events = c.eventsOf(line.kind, this.end);
			const series = new Series(events.length);

			for (const i of events) {
				const value = line.value(c, i);

				if (value !== undefined)
					series.add(c.events.t[i], value, i);
			}
			if (series.n)
				this.series.push({ line, series });
		}
		if (!this.series.length)
			return notRecorded(this.what, c.ends[this.end]);
		for (const { line, series } of this.series)
			this.addValue(this.addLegend(line.shape, line.colour,
						     line.name),
				      series, this.text);
		return undefined;
	}

	paint(context)
	{
		const dashes = { line: [], dash: [8, 4], dots: [2, 3] };

		this.fitValues(this.series.map(({ series }) => series));
		this.timeGrid(context);
		this.valueGrid(context, this.axisText);
		context.save();
		this.clip(context);
		for (const { line, series } of this.series)
			this.steps(context, series, line.colour,
				   { dash: dashes[line.shape],
				     width: line.width ?? 2 });
		context.restore();
	}

	targets()
	{
		return this.series.map(({ series }) =>
			({ series, y: (i) => this.y(series.v[i]) }));
	}
}

function windowLine(name, field, shape, colour, scale = 1)
{
	return {
		name, shape, colour, kind: KIND.window,
		value(c, i)
		{
			const value = c.field(i, field);

			if (field === "ssthresh" && value === NO_SSTHRESH)
				return NaN;
			return value * scale;
		},
	};
}

function queueLine(name, queue, shape, colour, field = "depth")
{
	const number = numberOf("queue", queue);

	return {
		name, shape, colour, kind: KIND.queue,
		value(c, i)
		{
			return c.field(i, "queue") === number ?
				c.field(i, field) : undefined;
		},
	};
}

function ringLine(card, ring, shape, colour)
{
	const number = numberOf("ring", ring);

	return {
		name: `${WORDS[card]} ${ring}`, shape, colour, kind: KIND.ring,
		value(c, i)
		{
			return c.field(i, "dev") === card &&
				c.field(i, "ring") === number ?
				c.field(i, "used") : undefined;
		},
	};
}

/* Two for each card of this end. */
function ringLines(connection, end)
{
	const colours = ["blue", "amber", "purple", "sky", "green", "red"];
	const cards = new Set(Array.from(connection.eventsOf(KIND.ring, end))
		.map((i) => connection.field(i, "dev")));

	return [...cards].flatMap((card, n) => [
		ringLine(card, "TX", "line", colours[2 * n % 6]),
		ringLine(card, "RX", "dash", colours[(2 * n + 1) % 6]),
	]);
}

function windowPanels()
{
	return [
		new LinesPanel("Congestion window, in segments", 130, () => [
			windowLine("cwnd", "cwnd", "line", "blue"),
			windowLine("ssthresh", "ssthresh", "dash", "red"),
			windowLine("in flight", "flight", "dots", "green"),
		], "teach_window events"),
		new LinesPanel("Round-trip time", 110, () => [
			windowLine("srtt", "srtt_us", "line", "purple", 1e3),
			windowLine("rttvar", "rttvar_us", "dots", "sky", 1e3),
			windowLine("rto", "rto_us", "dash", "amber", 1e3),
		], "teach_window events", duration, duration),
	];
}

function queuePanels()
{
	return [
		new LinesPanel("Queues, in bytes", 120, () => [
			queueLine("send", "SEND", "line", "blue"),
			queueLine("receive", "RECEIVE", "dash", "green"),
			queueLine("out of order", "OUT_OF_ORDER", "dots",
				  "red"),
		], "teach_queue events"),
		new LinesPanel("Listener's queues, in connections", 90, () => [
			queueLine("SYN queue", "SYN", "dash", "purple"),
			queueLine("accept queue", "ACCEPT", "line", "sky"),
			queueLine("its limit", "ACCEPT", "dots", "quiet",
				  "limit"),
		], "teach_queue events of a listener"),
		new LinesPanel("Rings of the cards, descriptors used", 90,
			       ringLines, "teach_ring events"),
	];
}

/* --- states ------------------------------------------------------------- */

const STATE_BANDS = {
	ESTABLISHED: "est", SYN_SENT: "open", SYN_RECV: "open",
	FIN_WAIT1: "close", FIN_WAIT2: "close", CLOSING: "close",
	CLOSE_WAIT: "wait", LAST_ACK: "wait", TIME_WAIT: "open",
	LISTEN: "none", CLOSE: "none", "?": "none",
};

const RECOVERY_BANDS = {
	OPEN: "none", DISORDER: "open", CWR: "wait", RECOVERY: "close",
	LOSS: "bad",
};

class StatePanel extends Panel {
	constructor()
	{
		super("States of both ends", 84);
	}

	prepare()
	{
		this.lanes = [];
		for (const e of [0, 1])
			this.addStates(e);
		this.addRecovery(this.end);
		if (!this.lanes.length)
			return "Not recorded: neither end's states.";
		this.height = 8 + 28 * this.lanes.length;
		return undefined;
	}

	/* Before the first change it was in the state that this one left. */
	addStates(e)
	{
		const c = this.connection;
		const found = c.eventsOf(KIND.state, e);
		const series = new Series(found.length + 1);

		if (found.length)
			series.add(c.events.t[0], c.field(found[0], "state"),
				   found[0]);
		for (const i of found)
			series.add(c.events.t[i], c.field(i, "new_state"), i);
		this.addStateLane(e, found.length ? series :
			this.fromLadder(e));
	}

	/* Without such events: what the segments tell. */
	fromLadder(e)
	{
		const { rows, events } = this.connection;
		const series = new Series(rows.n);

		for (let k = 0; k < rows.n; k++)
			if (rows.state[e][k])
				series.add(Math.max(rows.t[k], events.t[0]),
					   rows.state[e][k], lowerBound(
						   events.t, rows.t[k]));
		return series;
	}

	addStateLane(e, series)
	{
		const end = this.connection.ends[e];

		if (series.n)
			this.lanes.push({
				name: end.netns || end.name, series,
				text: (v) => STATES[v],
				band: (v) => STATE_BANDS[STATES[v]],
			});
	}

	addRecovery(e)
	{
		const c = this.connection;
		const found = c.eventsOf(KIND.window, e);
		const series = new Series(found.length);
		let last = -1;

		for (const i of found) {
			const value = c.field(i, "recovery");

			if (value !== last)
				series.add(c.events.t[i], value, i);
			last = value;
		}
		if (series.n < 2)
			return;
		this.lanes.push({
			name: "recovery",
			series,
			text: (v) => nameOf("recovery", v) ?? "?",
			band: (v) => RECOVERY_BANDS[nameOf("recovery", v)] ??
				"none",
		});
	}

	laneY(n)
	{
		return 4 + 28 * n;
	}

	paint(context)
	{
		this.timeGrid(context);
		for (const [n, lane] of this.lanes.entries())
			this.paintLane(context, lane, this.laneY(n));
	}

	paintLane(context, lane, y)
	{
		const [from, to] = lane.series.range();
		let drawnTo = -Infinity;

		context.save();
		this.clip(context);
		for (let i = from; i < to; i++) {
			const start = Math.max(this.left,
					       this.x(lane.series.t[i]));
			const end = Math.min(this.right,
				i + 1 < lane.series.n ?
				this.x(lane.series.t[i + 1]) : this.right);

			/* Many short ones share a column of pixels. */
			if (end < drawnTo + 0.5)
				continue;
			drawnTo = end;
			this.paintBand(context, lane, i, start, end, y);
		}
		context.restore();
		this.paintName(context, lane.name, y + 13);
	}

	paintBand(context, lane, i, start, end, y)
	{
		const value = lane.series.v[i];
		const text = lane.text(value);
		const width = Math.max(1, end - start);

		context.fillStyle = style[`band-${lane.band(value)}`];
		context.fillRect(start, y, width, 24);
		context.fillStyle = style.quiet;
		context.fillRect(start, y, 1, 24);
		if (context.measureText(text).width > width - 8)
			return;
		context.fillStyle = style["band-text"];
		context.textAlign = "left";
		context.fillText(text, start + 5, y + 13);
	}

	/* In the margin, or over the band where that is too narrow. */
	paintName(context, name, y)
	{
		context.fillStyle = style.quiet;
		context.textAlign = "right";
		context.fillText(shorten(context, name, this.left - 10),
				 this.left - 6, y);
	}

	targets()
	{
		return this.lanes.map(({ series }, n) =>
			({ series, y: () => this.laneY(n) + 12 }));
	}

	/* A band is pointed at anywhere in its length. */
	hit(x, y)
	{
		const n = Math.floor((y - 4) / 28);
		const lane = this.lanes[n];

		if (!lane)
			return -1;
		const i = lowerBound(lane.series.t, this.time(x) + 1e-3,
				     lane.series.n) - 1;

		return i < 0 ? -1 : lane.series.event[i];
	}
}

function shorten(context, text, width)
{
	if (context.measureText(text).width <= width)
		return text;
	while (text && context.measureText(`${text}…`).width > width)
		text = text.slice(0, -1);
	return `${text}…`;
}

/* --- timers, system calls and the rest ---------------------------------- */

/*
 * A lane for each timer and call: a bar while it runs or sleeps, and a mark
 * where it fires or wakes; and one with marks alone for everything else.
 */
class LanesPanel extends Panel {
	constructor()
	{
		super("Timers, system calls, look-ups, card", 60);
	}

	prepare()
	{
		this.lanes = new Map();
		const { events } = this.connection;

		for (let i = 0; i < events.n; i++)
			if (events.end[i] === this.end)
				this.take(i);
		for (const lane of this.lanes.values())
			this.finish(lane);
		if (!this.lanes.size)
			return notRecorded("timers, system calls or look-ups",
					   this.connection.ends[this.end]);
		this.list = [...this.lanes.values()].sort((a, b) =>
			a.order - b.order);
		this.height = 8 + 20 * this.list.length;
		this.addLegend("line", "blue", "armed, asleep");
		this.addLegend("thick", "red", "fired, dropped");
		this.addLegend("bar", "green", "happened");
		return undefined;
	}

	lane(order, name)
	{
		if (!this.lanes.has(name))
			this.lanes.set(name, {
				name, order, found: [], bars: [], open: null,
			});
		return this.lanes.get(name);
	}

	take(i)
	{
		const c = this.connection;
		const kind = c.events.kind[i];
		const t = c.events.t[i];

		switch (kind) {
		case KIND.timer:
			this.takeTimer(i, t);
			break;
		case KIND.sleep:
		case KIND.wake:
			this.takeCall(i, t);
			break;
		case KIND.lookup:
			this.lane(200, "look-up").found.push([i, "happened"]);
			break;
		case KIND.drop:
			this.lane(201, "drop").found.push([i, "fired"]);
			break;
		case KIND.interrupt:
			this.lane(300, "interrupt").found.push([i, "happened"]);
			break;
		case KIND.poll:
			this.lane(301, "NAPI poll").found.push([i, "happened"]);
			break;
		}
	}

	takeTimer(i, t)
	{
		const c = this.connection;
		const number = c.field(i, "timer");
		const action = nameOf("action", c.field(i, "action"));
		const lane = this.lane(number, nameOf("timer", number) ?? "?");

		if (lane.open !== null)
			lane.bars.push([lane.open, t]);
		lane.open = action === "ARM" ? t : null;
		lane.found.push([i, action === "FIRE" ? "fired" : "running"]);
	}

	takeCall(i, t)
	{
		const c = this.connection;
		const number = c.field(i, "call");
		const name = (nameOf("call", number) ?? "?").toLowerCase();
		const lane = this.lane(100 + number, `${name}()`);
		const asleep = c.events.kind[i] === KIND.sleep;

		/* Two processes may sleep in the same call. */
		if (!asleep)
			lane.bars.push([t - c.field(i, "slept_us") * 1e3, t]);
		lane.open = asleep ? t : null;
		lane.found.push([i, asleep ? "running" : "happened"]);
	}

	finish(lane)
	{
		if (lane.open !== null)
			lane.bars.push([lane.open, this.lastTime()]);
		lane.series = new Series(lane.found.length);
		lane.looks = lane.found.map(([, look]) => look);
		for (const [i] of lane.found)
			lane.series.add(this.connection.events.t[i], 0, i);
	}

	laneY(n)
	{
		return 14 + 20 * n;
	}

	paint(context)
	{
		this.timeGrid(context);
		for (const [n, lane] of this.list.entries()) {
			const y = this.laneY(n);

			context.save();
			this.clip(context);
			this.paintBars(context, lane, y);
			this.paintMarks(context, lane, y);
			context.restore();
			context.fillStyle = style.quiet;
			context.textAlign = "right";
			context.fillText(shorten(context, lane.name,
						 this.left - 8),
					 this.left - 6, y);
		}
	}

	paintBars(context, lane, y)
	{
		let drawnTo = -Infinity;

		context.fillStyle = style.blue;
		for (const [from, to] of lane.bars) {
			if (to < view.from || from > view.to)
				continue;
			const a = Math.max(drawnTo, this.x(from));
			const b = this.x(to);

			if (b - a < 0.3)
				continue;
			context.fillRect(a, y - 1.5, b - a, 3);
			drawnTo = b;
		}
	}

	paintMarks(context, lane, y)
	{
		const [from, to] = lane.series.range();
		let column = NaN;
		let before = "";

		for (let k = from; k < to; k++) {
			const x = Math.round(this.x(lane.series.t[k]));
			const look = lane.looks[k];

			if (x === column && look === before)
				continue;
			column = x;
			before = look;
			this.paintMark(context, look, x, y);
		}
	}

	paintMark(context, look, x, y)
	{
		if (look === "running") {
			context.fillStyle = style.blue;
			context.fillRect(x - 0.5, y - 4, 1.5, 8);
			return;
		}
		if (look === "happened") {
			context.fillStyle = style.green;
			context.fillRect(x - 1, y - 6, 2.5, 12);
			return;
		}
		context.fillStyle = style.red;
		context.beginPath();
		context.moveTo(x, y - 7);
		context.lineTo(x + 6, y + 5);
		context.lineTo(x - 6, y + 5);
		context.fill();
	}

	targets()
	{
		return this.list.map(({ series }, n) =>
			({ series, y: () => this.laneY(n) }));
	}
}

function allPanels()
{
	return [
		new AxisPanel(),
		new SequencePanel(),
		...windowPanels(),
		...queuePanels(),
		new StatePanel(),
		new LanesPanel(),
	];
}
