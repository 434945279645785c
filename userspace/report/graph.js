/*
 * What all graphs share: the axis of time, series of values, and how a panel
 * draws them.  A panel has two canvases: what was recorded, and over it the
 * cursor, which moves often.
 */

/* What is seen, in nanoseconds after the first segment. */
const view = { from: 0, to: 1 };

/* Narrow screens have less room for the numbers of an axis. */
function margins(width)
{
	return { left: width < 500 ? 62 : 84, right: 12 };
}

/* The first index whose value is not less than @value. */
function lowerBound(sorted, value, n = sorted.length)
{
	let from = 0;
	let to = n;

	while (from < to) {
		const middle = (from + to) >> 1;

		if (sorted[middle] < value)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The colours and fonts of the style sheet. */
const style = {
	read()
	{
		const css = getComputedStyle(document.documentElement);

		for (const name of ["panel", "text", "quiet", "line", "faint",
				    "cursor", "blue", "green", "amber", "red",
				    "purple", "sky", "band-text", "band-open",
				    "band-est", "band-close", "band-wait",
				    "band-none", "band-bad", "chosen"])
			this[name] = css.getPropertyValue("--" + name).trim();
		this.family = css.fontFamily;
		this.size = Math.round(parseFloat(css.fontSize) * 0.84);
		this.font = `${this.size}px ${this.family}`;
		this.bold = `600 ${this.font}`;
	},
};

/* Make room for the device's pixels, and draw in those of the style sheet. */
function setUpCanvas(canvas, width, height)
{
	const scale = printing ? 2 : Math.min(devicePixelRatio || 1, 3);
	const context = canvas.getContext("2d");

	canvas.width = Math.max(1, Math.round(width * scale));
	canvas.height = Math.max(1, Math.round(height * scale));
	canvas.style.height = `${height}px`;
	context.setTransform(scale, 0, 0, scale, 0, 0);
	context.font = style.font;
	context.textBaseline = "middle";
	return context;
}

/* --- numbers for an axis ------------------------------------------------ */

function ticks(from, to, most)
{
	const rough = (to - from) / Math.max(1, most);
	const power = 10 ** Math.floor(Math.log10(rough));
	/* All that is shown is counted in whole numbers. */
	const step = Math.max(1, [1, 2, 5, 10].map((n) => n * power)
		.find((n) => n >= rough * 0.999));
	const found = [];

	for (let k = Math.ceil(from / step); k * step <= to; k++)
		found.push(k * step);
	return { step, at: found };
}

function shortNumber(n)
{
	for (const [size, unit] of [[1e9, " G"], [1e6, " M"], [1e4, " k", 1e3]])
		if (Math.abs(n) >= size)
			return `${+(n / (unit === " k" ? 1e3 : size))
				.toPrecision(4)}${unit}`;
	return `${+n.toPrecision(6)}`;
}

/* Of an axis that ends at @to and whose ticks are @step apart. */
function shortTime(ns, step, to)
{
	const [size, unit] = to >= 2e10 ? [1e9, "s"] : to >= 2e6 ?
		[1e6, "ms"] : [1e3, "µs"];
	const digits = Math.max(0, -Math.floor(Math.log10(step / size) + 1e-9));

	return `${(ns / size).toFixed(digits)} ${unit}`;
}

/* --- a series ----------------------------------------------------------- */

/* Values that hold from one event to the next; NaN: none. */
class Series {
	constructor(most)
	{
		this.t = new Float64Array(most);
		this.v = new Float64Array(most);
		this.event = new Uint32Array(most);
		this.n = 0;
	}

	add(t, v, event)
	{
		this.t[this.n] = t;
		this.v[this.n] = v;
		this.event[this.n++] = event;
	}

	/* The indices of what is seen, and of one more on either side. */
	range(from = view.from, to = view.to)
	{
		return [Math.max(0, lowerBound(this.t, from, this.n) - 1),
			Math.min(this.n, lowerBound(this.t, to, this.n) + 1)];
	}

	valueAt(t)
	{
		const i = lowerBound(this.t, t + 1e-3, this.n) - 1;

		return i < 0 ? NaN : this.v[i];
	}

	bounds()
	{
		const [from, to] = this.range();
		let low = Infinity;
		let high = -Infinity;

		for (let i = from; i < to; i++) {
			if (this.v[i] < low)
				low = this.v[i];
			if (this.v[i] > high)
				high = this.v[i];
		}
		return [low, high];
	}
}

/* --- a panel ------------------------------------------------------------ */

function element(name, parent, className, text)
{
	const made = document.createElement(name);

	if (className)
		made.className = className;
	if (text !== undefined)
		made.textContent = text;
	parent?.append(made);
	return made;
}

/* A sample of a line or mark, for a legend: the shape tells it, too. */
function legendSample(shape, colour)
{
	const space = "http://www.w3.org/2000/svg";
	const svg = document.createElementNS(space, "svg");
	const path = document.createElementNS(space, "path");
	const shapes = {
		line: "M0 5.5H18",
		dash: "M0 5.5H5M7 5.5H11M13 5.5H18",
		dots: "M1 5.5H3M6 5.5H8M11 5.5H13M16 5.5H18",
		bar: "M9 0V11",
		thick: "M9 3V11M5 4L9 0L13 4",
		cross: "M5 1L13 10M13 1L5 10",
		box: "M5 1H13V10H5Z",
	};

	svg.setAttribute("viewBox", "0 0 18 11");
	svg.setAttribute("aria-hidden", "true");
	path.setAttribute("d", shapes[shape]);
	path.setAttribute("fill", "none");
	path.setAttribute("stroke", `var(--${colour})`);
	path.setAttribute("stroke-width", shape === "thick" || shape === "bar" ?
		4 : 2.2);
	svg.append(path);
	return svg;
}

class Panel {
	constructor(title, height)
	{
		this.title = title;
		this.height = height;
		this.root = element("section", null, "panel");
		this.root.setAttribute("aria-label", title);
		this.top = element("div", this.root, "top");
		element("h3", this.top, "", title);
		this.legend = element("div", this.top, "legend");
		this.none = element("p", this.root, "none");
		this.plot = element("div", this.root, "plot");
		this.base = element("canvas", this.plot, "base");
		this.over = element("canvas", this.plot, "over");
		this.base.setAttribute("role", "img");
		this.base.setAttribute("aria-label", title);
		this.values = [];
	}

	/* A panel's prepare() tells why there is nothing to draw. */
	show(connection, end)
	{
		this.connection = connection;
		this.end = end;
		this.legend.replaceChildren();
		this.values = [];
		this.low = 0;
		this.high = 1;
		const nothing = this.prepare();

		this.empty = Boolean(nothing);
		this.none.textContent = nothing ?? "";
		this.root.classList.toggle("empty", this.empty);
	}

	addLegend(shape, colour, name)
	{
		const entry = element("span", this.legend);

		entry.append(legendSample(shape, colour), name);
		return entry;
	}

	/* A value that the legend shows for the moment of the cursor. */
	addValue(entry, series, text)
	{
		this.values.push({ place: element("b", entry), series, text });
	}

	x(t)
	{
		return this.left + (t - view.from) / (view.to - view.from) *
			(this.right - this.left);
	}

	time(x)
	{
		return view.from + (x - this.left) / (this.right - this.left) *
			(view.to - view.from);
	}

	y(value)
	{
		return this.bottom - (value - this.low) /
			(this.high - this.low) * (this.bottom - this.topY);
	}

	layOut()
	{
		this.width = printing ? PRINT_WIDTH : this.plot.clientWidth;
		const { left, right } = margins(this.width);

		this.left = left;
		this.right = Math.max(left + 10, this.width - right);
		this.topY = 8;
		this.bottom = this.height - 6;
	}

	draw()
	{
		if (this.empty)
			return;
		this.layOut();
		this.context = setUpCanvas(this.base, this.width, this.height);
		this.paint(this.context);
		this.drawCursor();
	}

	clip(context)
	{
		context.beginPath();
		context.rect(this.left, 0, this.right - this.left, this.height);
		context.clip();
	}

	timeGrid(context)
	{
		context.strokeStyle = style.faint;
		context.lineWidth = 1;
		context.beginPath();
		for (const t of timeTicks(this.right - this.left).at) {
			const x = Math.round(this.x(t)) + 0.5;

			context.moveTo(x, 0);
			context.lineTo(x, this.height);
		}
		context.stroke();
	}

	valueGrid(context, text = shortNumber)
	{
		const rows = Math.max(2, (this.bottom - this.topY) / 42);

		context.strokeStyle = style.faint;
		context.fillStyle = style.quiet;
		context.textAlign = "right";
		for (const value of ticks(this.low, this.high, rows).at) {
			const y = Math.round(this.y(value)) + 0.5;

			context.beginPath();
			context.moveTo(this.left, y);
			context.lineTo(this.right, y);
			context.stroke();
			context.fillText(text(value), this.left - 6, y);
		}
		context.strokeStyle = style.line;
		context.beginPath();
		context.moveTo(this.left - 0.5, 0);
		context.lineTo(this.left - 0.5, this.height);
		context.stroke();
	}

	/*
	 * Steps.  Where a column of pixels has many, it gets the first, the
	 * lowest, the highest and the last.
	 */
	steps(context, series, colour, { dash = [], width = 2 } = {})
	{
		const [from, to] = series.range();
		let column = NaN;
		let low, high, last = NaN;

		context.strokeStyle = style[colour];
		context.lineWidth = width;
		context.setLineDash(dash);
		context.beginPath();
		for (let i = from; i < to; i++) {
			const x = this.x(series.t[i]);
			const y = this.y(series.v[i]);

			if (Math.floor(x) === column && !isNaN(last) &&
			    !isNaN(y)) {
				low = Math.min(low, y);
				high = Math.max(high, y);
				last = y;
				continue;
			}
			if (low < high) {
				context.lineTo(column + 0.5, low);
				context.lineTo(column + 0.5, high);
				context.moveTo(column + 0.5, last);
			}
			if (isNaN(last)) {
				context.moveTo(x, y);
			} else {
				context.lineTo(x, last);
				if (!isNaN(y))
					context.lineTo(x, y);
			}
			column = Math.floor(x);
			low = high = last = y;
		}
		if (low < high) {
			context.lineTo(column + 0.5, low);
			context.lineTo(column + 0.5, high);
			context.moveTo(column + 0.5, last);
		}
		if (!isNaN(last))
			context.lineTo(this.x(Math.min(view.to,
						       this.lastTime())), last);
		context.stroke();
		context.setLineDash([]);
	}

	lastTime()
	{
		const { t, n } = this.connection.events;

		return t[n - 1];
	}

	/* From 0 to the highest value that is seen. */
	fitValues(list)
	{
		let high = 0;

		for (const series of list) {
			const [, top] = series.bounds();

			if (top > high)
				high = top;
		}
		this.low = 0;
		this.high = high * 1.08 || 1;
	}

	drawCursor()
	{
		const context = setUpCanvas(this.over, this.width, this.height);

		if (dragged && dragged.panel.plot !== undefined) {
			const a = this.x(dragged.from);
			const b = this.x(dragged.to);

			context.fillStyle = style.blue;
			context.globalAlpha = 0.2;
			context.fillRect(Math.min(a, b), 0, Math.abs(b - a),
					 this.height);
			context.globalAlpha = 1;
		}
		for (const { place, series, text } of this.values) {
			const value = cursor.t === null ? NaN :
				series.valueAt(cursor.t);

			place.textContent = isNaN(value) ? "" : text(value);
		}
		if (cursor.t === null || cursor.t < view.from ||
		    cursor.t > view.to)
			return;
		const x = Math.round(this.x(cursor.t)) + 0.5;

		context.strokeStyle = style.cursor;
		context.lineWidth = 1;
		context.beginPath();
		context.moveTo(x, 0);
		context.lineTo(x, this.height);
		context.stroke();
		if (cursor.event >= 0)
			this.ring(context, this.locate(cursor.event));
	}

	ring(context, at)
	{
		if (!at)
			return;
		context.lineWidth = 2.5;
		context.beginPath();
		context.arc(at.x, at.y, 6, 0, 2 * Math.PI);
		context.stroke();
	}

	/* What can be pointed at: [{ series, y(i) }]. */
	targets()
	{
		return [];
	}

	/* Where an event is drawn here, or null. */
	locate(event)
	{
		const t = this.connection.events.t[event];

		if (this.empty)
			return null;
		for (const { series, y } of this.targets()) {
			let i = lowerBound(series.t, t, series.n);

			for (; i < series.n && series.t[i] === t; i++)
				if (series.event[i] === event &&
				    !isNaN(series.v[i]))
					return { x: this.x(t), y: y(i) };
		}
		return null;
	}

	/* The event that is drawn nearest to a place, or -1. */
	hit(x, y)
	{
		const near = 14;
		const from = this.time(x - near);
		const to = this.time(x + near);
		let best = -1;
		let least = near * near;

		for (const { series, y: place } of this.targets()) {
			let i = lowerBound(series.t, from, series.n);
			const end = lowerBound(series.t, to, series.n);

			/* Where there are many, one in each part of a pixel. */
			const step = Math.ceil((end - i) / 50000) || 1;

			for (; i < end; i += step) {
				const dx = this.x(series.t[i]) - x;
				const dy = place(i) - y;
				const distance = dx * dx + dy * dy;

				if (distance < least) {
					least = distance;
					best = series.event[i];
				}
			}
		}
		return best;
	}
}

function timeTicks(width)
{
	return ticks(view.from, view.to, width / (width < 500 ? 70 : 110));
}
