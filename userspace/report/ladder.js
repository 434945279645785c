/*
 * The ladder: report.c gives its rows, as `teach ladder` draws them; here only
 * those that are in view are drawn.
 */

const ROW_HEIGHT = 28;
/* Browsers have a limit to the height of a page. */
const MOST_HEIGHT = 8e6;
/* A segment that takes longer is shown where it leaves and where it arrives. */
const MOST_SLANTED = 8;
const ROWS_IN_A_PIECE = 8;
const MOST_PRINTED = 160;

/* As ss(8) has it. */
function shortState(state)
{
	return STATES[state] === "ESTABLISHED" ? "ESTAB" : STATES[state];
}

class Ladder {
	constructor()
	{
		this.scroller = document.getElementById("ladder-scroll");
		this.space = document.getElementById("ladder-space");
		this.canvas = this.space.querySelector("canvas");
		this.head = document.querySelector("#ladder-head canvas");
		this.scroller.addEventListener("scroll", () => this.draw());
	}

	show(connection)
	{
		this.connection = connection;
		this.rows = connection.rows;
		this.fillStates();
		document.getElementById("ladder-count").textContent =
			count(connection.segments.n, "segment");
		this.scroller.style.maxHeight =
			`${this.rows.n * ROW_HEIGHT + 4}px`;
		this.scroller.scrollTop = 0;
	}

	/* Each end's state at each row, for the colour of its line. */
	fillStates()
	{
		this.states = [0, 1].map((e) => {
			const now = new Uint8Array(this.rows.n);
			let state = 0;

			for (let k = 0; k < this.rows.n; k++)
				now[k] = state = this.rows.state[e][k] || state;
			return now;
		});
	}

	layOut(width)
	{
		this.width = width;
		this.narrow = width < 520;
		this.timeWidth = this.narrow ? 54 : 92;
		const side = this.narrow ? 66 : Math.min(180, width * 0.19);

		this.a = Math.round(this.timeWidth + side);
		this.b = Math.round(width - side);
		this.sideWidth = side - 11;
	}

	/* --- scrolling -------------------------------------------------- */

	get visibleRows()
	{
		return this.scroller.clientHeight / ROW_HEIGHT;
	}

	get top()
	{
		const hidden = this.space.clientHeight -
			this.scroller.clientHeight;

		return hidden <= 0 ? 0 : this.scroller.scrollTop / hidden *
			Math.max(0, this.rows.n - this.visibleRows);
	}

	scrollTo(top)
	{
		const hidden = this.space.clientHeight -
			this.scroller.clientHeight;
		const most = this.rows.n - this.visibleRows;

		if (most > 0)
			this.scroller.scrollTop = top / most * hidden;
	}

	reveal(row)
	{
		const { top, visibleRows } = this;

		if (row < top + 2 || row > top + visibleRows - 3)
			this.scrollTo(Math.max(0, row - visibleRows / 2));
	}

	/* Show something of what the graphs show. */
	follow({ from, to })
	{
		const first = this.rowAt(from);
		const last = this.rowAt(to);

		if (first > this.top + this.visibleRows - 1 || last < this.top)
			this.scrollTo(first);
	}

	/* --- rows and events -------------------------------------------- */

	rowOf(event)
	{
		const c = this.connection;
		const s = c.segmentOf[event];

		if (s < 0)
			return this.rowAt(c.events.t[event]);
		return c.segments.out[s] === event || c.segments.out[s] < 0 ?
			c.segments.row[s] : c.segments.inRow[s];
	}

	rowAt(t)
	{
		return Math.max(0, lowerBound(this.rows.t, t + 1e-3,
					      this.rows.n) - 1);
	}

	hasSegment(row)
	{
		const kind = this.rows.kind[row];

		return kind !== ROW.STATE && kind !== ROW.DROP;
	}

	/* The event at a place: what is nearer, its leaving or its arrival. */
	hit(x, y)
	{
		const row = Math.floor(this.top + y / ROW_HEIGHT);

		if (row >= this.rows.n)
			return -1;
		if (!this.hasSegment(row))
			return this.otherEvent(row);
		const s = this.rows.segment[row];
		const { out, in: arrived, from } = this.connection.segments;
		const end = x < (this.a + this.b) / 2 ? 0 : 1;

		if (this.rows.kind[row] === ROW.DEPART)
			return out[s];
		if (this.rows.kind[row] === ROW.ARRIVE)
			return arrived[s];
		return (end === from[s] ? out[s] : arrived[s]) >= 0 ?
			(end === from[s] ? out[s] : arrived[s]) :
			Math.max(out[s], arrived[s]);
	}

	/* The change of a state, or the drop, that a row shows. */
	otherEvent(row)
	{
		const { events } = this.connection;
		const kind = this.rows.kind[row] === ROW.DROP ? KIND.drop :
			KIND.state;
		let i = lowerBound(events.t, this.rows.t[row]);

		for (; i < events.n && events.t[i] === this.rows.t[row]; i++)
			if (events.kind[i] === kind)
				return i;
		return -1;
	}

	/* --- drawing ---------------------------------------------------- */

	draw()
	{
		if (!this.connection)
			return;
		const height = this.scroller.clientHeight;

		this.layOut(this.scroller.clientWidth);
		this.space.style.height = `${Math.max(height,
			Math.min(MOST_HEIGHT, this.rows.n * ROW_HEIGHT))}px`;
		this.drawHead(this.head);
		const context = setUpCanvas(this.canvas, this.width, height);

		this.drawn = this.paint(context, this.top,
					this.top + height / ROW_HEIGHT);
	}

	drawHead(canvas)
	{
		const context = setUpCanvas(canvas, this.width, 42);

		for (const e of [0, 1])
			this.paintHead(context, e);
	}

	paintHead(context, e)
	{
		const end = this.connection.ends[e];
		const x = e ? this.b : this.a;
		const lines = end.netns ? [end.netns, end.name] : [end.name];

		if (!end.seen)
			lines.push("not seen");
		for (const [n, line] of lines.slice(0, 2).entries()) {
			const half = context.measureText(line).width / 2 + 4;

			context.textAlign = "center";
			context.font = n ? style.font : style.bold;
			context.fillStyle = n ? style.quiet : style.text;
			context.fillText(line, Math.max(half, Math.min(x,
				this.width - half)), 12 + 18 * n);
		}
		context.font = style.font;
	}

	/* Rows from @top to @bottom; returns how many segments it has drawn. */
	paint(context, top, bottom)
	{
		const first = Math.max(0, Math.floor(top));
		const last = Math.min(this.rows.n, Math.ceil(bottom));
		const back = Math.min(this.connection.segments.longest,
				      MOST_SLANTED);

		this.y = (row) => (row - top + 0.5) * ROW_HEIGHT;
		this.paintCursor(context, first, last);
		for (const e of [0, 1])
			this.paintLine(context, e, first, last);
		for (let k = Math.max(0, first - back); k < last; k++)
			if (k >= first || this.reaches(k, first))
				this.paintArrow(context, k);
		this.paintChosen(context);
		let drawn = 0;

		for (let k = first; k < last; k++)
			drawn += this.paintRow(context, k);
		return drawn;
	}

	rowsOf(s)
	{
		const { row, inRow } = this.connection.segments;

		return inRow[s] - row[s];
	}

	/* The segment at the cursor is drawn whole, however long it takes. */
	paintChosen(context)
	{
		const s = cursor.event < 0 || printing ? -1 :
			this.connection.segmentOf[cursor.event];

		if (s < 0 || this.rowsOf(s) <= MOST_SLANTED)
			return;
		const { from, row, inRow } = this.connection.segments;
		const [start, end] = from[s] ? [this.b, this.a] :
			[this.a, this.b];
		const by = Math.sign(end - start) * 4;

		context.strokeStyle = context.fillStyle = this.colourOf(s);
		this.line(context, { x: start + by, y: this.y(row[s]) - 1 },
			  { x: end - by, y: this.y(inRow[s]) + 8 });
	}

	/* Does the segment of a row above still fall through this one? */
	reaches(row, first)
	{
		const { inRow } = this.connection.segments;

		return this.rows.kind[row] === ROW.DEPART &&
			inRow[this.rows.segment[row]] >= first;
	}

	paintCursor(context, first, last)
	{
		if (cursor.t === null || printing)
			return;
		const row = cursor.event >= 0 ? this.rowOf(cursor.event) :
			this.rowAt(cursor.t);

		if (row < first || row >= last)
			return;
		context.fillStyle = style.chosen;
		context.fillRect(0, this.y(row) - ROW_HEIGHT / 2, this.width,
				 ROW_HEIGHT);
	}

	paintLine(context, e, first, last)
	{
		const x = (e ? this.b : this.a) - 3;

		for (let k = first; k < last; k++) {
			const band = STATE_BANDS[STATES[this.states[e][k]]];

			context.fillStyle = style[`band-${band}`];
			context.fillRect(x, this.y(k) - ROW_HEIGHT / 2, 6,
					 ROW_HEIGHT + 0.5);
		}
	}

	colourOf(s)
	{
		const c = this.connection;
		const i = Math.max(c.segments.out[s], c.segments.in[s]);

		if (c.segments.out[s] >= 0 &&
		    isRetransmission(c, c.segments.out[s]))
			return style.red;
		if (c.field(i, "flags") & (FLAG.SYN | FLAG.FIN | FLAG.RST))
			return style.purple;
		return c.field(i, "len") ? style.blue : style.green;
	}

	/* Where an arrow in @row begins and ends. */
	arrowOf(row, s)
	{
		const { from, out, inRow } = this.connection.segments;
		const [start, end] = from[s] ? [this.b, this.a] :
			[this.a, this.b];
		const by = Math.sign(end - start) * 4;
		const arrow = {
			start: { x: start + by, y: this.y(row) - 1 },
			end: { x: end - by, y: this.y(row) + 8 },
			dash: [],
			point: true,
		};
		const cut = (at) => arrow.start.x +
			(arrow.end.x - arrow.start.x) * at;

		switch (this.rows.kind[row]) {
		case ROW.DEPART:
			if (this.rowsOf(s) <= MOST_SLANTED) {
				arrow.end.y = this.y(inRow[s]) + 8;
				break;
			}
			arrow.end = { x: cut(0.42), y: arrow.end.y - 4 };
			arrow.dash = [7, 4];
			arrow.point = false;
			break;
		case ROW.ARRIVE:
			if (out[s] >= 0 && this.rowsOf(s) <= MOST_SLANTED)
				return null;
			arrow.start = { x: cut(0.58), y: arrow.start.y + 4 };
			arrow.dash = [7, 4];
			break;
		case ROW.LOST:
			arrow.end = { x: cut(0.8), y: arrow.end.y };
			break;
		case ROW.UNDER_WAY:
			arrow.end = { x: cut(0.8), y: arrow.end.y };
			arrow.dash = [7, 4];
			break;
		}
		return arrow;
	}

	line(context, start, end, dash = [], point = true)
	{
		context.lineWidth = 2;
		context.setLineDash(dash);
		context.beginPath();
		context.moveTo(start.x, start.y);
		context.lineTo(end.x, end.y);
		context.stroke();
		context.setLineDash([]);
		if (point)
			this.paintPoint(context, start, end);
	}

	paintArrow(context, row)
	{
		const s = this.rows.segment[row];
		const arrow = this.hasSegment(row) && this.arrowOf(row, s);

		if (!arrow)
			return;
		const lost = this.rows.kind[row] === ROW.LOST;

		context.strokeStyle = context.fillStyle = this.colourOf(s);
		this.line(context, arrow.start, arrow.end, arrow.dash,
			  arrow.point && !lost);
		if (lost)
			this.paintCross(context, arrow.end);
	}

	paintPoint(context, start, end)
	{
		const angle = Math.atan2(end.y - start.y, end.x - start.x);
		const side = (turn) => [end.x - 11 * Math.cos(angle + turn),
					end.y - 11 * Math.sin(angle + turn)];

		context.beginPath();
		context.moveTo(end.x, end.y);
		context.lineTo(...side(0.4));
		context.lineTo(...side(-0.4));
		context.fill();
	}

	paintCross(context, { x, y })
	{
		context.strokeStyle = style.text;
		context.lineWidth = 2.5;
		context.beginPath();
		context.moveTo(x - 6, y - 6);
		context.lineTo(x + 6, y + 6);
		context.moveTo(x + 6, y - 6);
		context.lineTo(x - 6, y + 6);
		context.stroke();
	}

	/* The words of a row.  Returns 1 if it is the row of a segment. */
	paintRow(context, row)
	{
		const y = this.y(row);
		const kind = this.rows.kind[row];
		const s = this.rows.segment[row];
		const { row: firstRow } = this.connection.segments;
		const begins = this.hasSegment(row) && firstRow[s] === row;

		context.fillStyle = style.quiet;
		context.textAlign = "right";
		if (row > 0 || this.hasSegment(row))
			context.fillText(this.timeText(row),
					 this.timeWidth - 6, y);
		for (const e of [0, 1])
			this.paintSide(context, e, row, y);
		if (kind === ROW.DROP)
			this.paintDrop(context, row, y);
		if (this.hasSegment(row))
			this.paintLabel(context, s, kind, y);
		return begins ? 1 : 0;
	}

	timeText(row)
	{
		const text = (this.rows.t[row] / 1e6).toFixed(3);

		return this.narrow && text.length > 8 ?
			(this.rows.t[row] / 1e6).toFixed(0) : text;
	}

	paintSide(context, e, row, y)
	{
		const state = this.rows.state[e][row];
		const text = !state ? this.notes(e, row) :
			this.narrow ? shortState(state) : STATES[state];

		if (!text)
			return;
		context.textAlign = e ? "left" : "right";
		context.fillStyle = state ? style.text : style.quiet;
		context.font = state ? style.bold : style.font;
		if (this.narrow)
			context.font = context.font.replace(/\d+px/, "10px");
		context.fillText(shorten(context, text, this.sideWidth),
				 e ? this.b + 9 : this.a - 9, y);
		context.font = style.font;
	}

	paintDrop(context, row, y)
	{
		const e = this.rows.at[row];

		context.fillStyle = style.red;
		context.font = style.bold;
		context.textAlign = e ? "right" : "left";
		context.fillText(`dropped: ${WORDS[this.rows.note[row]]}`,
				 e ? this.b - 10 : this.a + 10, y);
		context.font = style.font;
	}

	/*
	 * In the middle of an arrow that is whole; else beside the end where
	 * the segment leaves, or arrives.
	 */
	paintLabel(context, s, kind, y)
	{
		const arrives = kind === ROW.ARRIVE;
		const part = arrives || kind === ROW.DEPART;
		const { from } = this.connection.segments;
		const right = part && Boolean(from[s]) !== arrives;
		const text = this.label(context, s, (this.b - this.a) *
			(part && !this.narrow ? 0.75 : 1) - 22);
		let x = (this.a + this.b) / 2;

		if (part)
			x = right ? this.b - 12 : this.a + 12;
		context.textAlign = !part ? "center" : right ? "right" : "left";
		/* Arrows that cross it leave it readable. */
		context.strokeStyle = style.panel;
		context.lineWidth = 4;
		context.lineJoin = "round";
		context.strokeText(text, x, y - 7);
		context.fillStyle = arrives ? style.quiet : style.text;
		context.fillText(text, x, y - 7);
	}

	/* As much as there is room for. */
	label(context, s, width)
	{
		const c = this.connection;
		const sent = c.segments.out[s];
		const i = sent >= 0 ? sent : c.segments.in[s];
		const from = c.ends[c.segments.from[s]];
		const why = sent >= 0 ? nameOf("why", c.field(sent, "why")) :
			undefined;
		const flags = flagsText(c.field(i, "flags"));
		const seq = relative(from, c.field(i, "seq"));
		const len = c.field(i, "len") ? `+${c.field(i, "len")}` : "";
		const again = sent >= 0 && isRetransmission(c, sent) ?
			`again${WHY_TEXT[why] ? ` (${why})` : ""}: ` : "";
		const short = flags.split(",").map((name) => name === "ACK" ?
			"." : name[0]).join("");

		return [
			`${again}${segmentText(c, i)}`,
			`${again}${flags} ${seq}${len}`,
			`${again && "again "}${short} ${seq}${len}`,
			`${short} ${seq}`,
		].find((text) => context.measureText(text).width <= width) ??
			short;
	}

	/* What happened at an end since the row before. */
	notes(e, row)
	{
		const { events } = this.connection;
		const to = this.rows.t[row];
		const from = row ? this.rows.t[row - 1] : -Infinity;
		let i = lowerBound(events.t, to + 1e-3) - 1;
		const words = [];

		/* More than these have no room anyway. */
		for (const last = i - 60; i > last && events.t[i] > from; i--)
			if (events.end[i] === e)
				words.unshift(this.noteOf(i));
		return words.filter(Boolean).join(", ");
	}

	noteOf(i)
	{
		const c = this.connection;
		const name = (field) => nameOf(field, c.field(i, field));

		switch (c.events.kind[i]) {
		case KIND.sleep:
			return `${name("call").toLowerCase()}() sleeps`;
		case KIND.wake:
			return `${name("call").toLowerCase()}() wakes`;
		case KIND.window:
			return `cwnd ${c.field(i, "cwnd")}`;
		case KIND.queue:
			return `${QUEUE_TEXT[name("queue")]} ` +
				sizeText(c.field(i, "depth"));
		case KIND.timer:
			return name("action") === "FIRE" ?
				`${name("timer")} fires` : "";
		}
		return "";
	}

	/* --- on paper --------------------------------------------------- */

	print(place)
	{
		const from = Math.floor(this.top);
		const to = Math.min(this.rows.n, from + MOST_PRINTED);

		place.replaceChildren();
		this.layOut(PRINT_WIDTH);
		this.drawHead(element("canvas", place));
		for (let row = from; row < to; row += ROWS_IN_A_PIECE) {
			const end = Math.min(to, row + ROWS_IN_A_PIECE);

			this.paint(setUpCanvas(element("canvas", place),
					       PRINT_WIDTH,
					       (end - row) * ROW_HEIGHT),
				   row, end);
		}
		if (from > 0 || to < this.rows.n)
			element("p", place, "", `Rows ${from + 1} to ${to} ` +
				`of ${sizeText(this.rows.n)}`);
		for (const canvas of place.querySelectorAll("canvas"))
			canvas.style.height = "";
	}
}
