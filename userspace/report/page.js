/*
 * The page: the list of connections, what is seen of the chosen one, and one
 * cursor in time for all of its graphs.
 */

const PRINT_WIDTH = 1000;
const MOST_LISTED = 500;
const SHORTEST_NS = 200;

const cursor = { t: null, event: -1 };
const ladder = new Ladder();
const panels = allPanels();
let connection = null;
let end = 0;
let printing = false;
/* What the mouse marks: { panel, from, to }. */
let dragged = null;

function byId(id)
{
	return document.getElementById(id);
}

/* --- drawing, once for each frame --------------------------------------- */

let due = "";

function redraw(what = "all")
{
	if (!due)
		requestAnimationFrame(() => {
			const all = due === "all";

			due = "";
			drawNow(all);
		});
	if (due !== "all")
		due = what;
}

function drawNow(all)
{
	if (!connection)
		return;
	for (const panel of panels) {
		if (panel.empty)
			continue;
		if (all)
			panel.draw();
		else
			panel.drawCursor();
	}
	ladder.draw();
}

/* --- what is seen ------------------------------------------------------- */

function wholeView({ events })
{
	const from = events.t[0];
	const to = Math.max(events.t[events.n - 1], from + 1000);
	const border = (to - from) * 0.015;

	return { from: from - border, to: to + border };
}

function setView(from, to)
{
	const all = wholeView(connection);
	const span = Math.min(Math.max(to - from, SHORTEST_NS),
			      all.to - all.from);

	from = Math.max(all.from, Math.min(from, all.to - span));
	view.from = from;
	view.to = from + span;
	ladder.follow(view);
	redraw();
}

function zoom(factor, at = cursor.t ?? (view.from + view.to) / 2)
{
	if (at < view.from || at > view.to)
		at = (view.from + view.to) / 2;
	setView(at - (at - view.from) * factor, at + (view.to - at) * factor);
}

function move(part)
{
	const by = (view.to - view.from) * part;

	setView(view.from + by, view.to + by);
}

function seeAll()
{
	const all = wholeView(connection);

	setView(all.from, all.to);
}

/* --- the cursor --------------------------------------------------------- */

function setCursor(t, event = -1, { follow = true } = {})
{
	cursor.t = t;
	cursor.event = event;
	tellEvent();
	if (follow && t !== null)
		ladder.reveal(event >= 0 ? ladder.rowOf(event) :
					   ladder.rowAt(t));
	redraw("cursor");
}

function tellEvent()
{
	const place = byId("event");

	place.replaceChildren();
	if (cursor.t === null) {
		element("span", place, "hint", "Point at a segment or a " +
			"graph, or go from event to event by arrow keys.");
		return;
	}
	element("span", place, "when", moment(cursor.t));
	if (cursor.event < 0)
		return;
	const { who, what, lines } = describe(connection, cursor.event);

	place.append(`${who} ${what}: ${lines.join("; ")}`);
}

/* Bring the cursor into view. */
function followCursor()
{
	const { t } = cursor;

	if (t < view.from || t > view.to) {
		const half = (view.to - view.from) / 2;

		setView(t - half, t + half);
	}
}

function isTrouble(i)
{
	const s = connection.segmentOf[i];

	return isRetransmission(connection, i) ||
		connection.events.kind[i] === KIND.drop ||
		(s >= 0 && connection.segments.out[s] === i &&
		 connection.segments.fate[s] === FATE.LOST);
}

/* To the next event, or the one before; with @trouble, to such a one. */
function step(by, trouble)
{
	const { t, n } = connection.events;
	let i = cursor.event >= 0 ? cursor.event + by : cursor.t === null ?
		(by > 0 ? 0 : n - 1) :
		lowerBound(t, cursor.t) + (by < 0 ? -1 : 0);

	while (trouble && i >= 0 && i < n && !isTrouble(i))
		i += by;
	if (i >= 0 && i < n)
		goTo(i);
}

function goTo(i)
{
	setCursor(connection.events.t[i], i);
	followCursor();
	showTipAtEvent();
}

/* --- the tooltip -------------------------------------------------------- */

function showTip(event, x, y)
{
	const tip = byId("tip");

	if (event < 0) {
		tip.hidden = true;
		return;
	}
	const { who, what, lines } = describe(connection, event);

	tip.replaceChildren();
	element("b", tip, "", `${who} ${what}`);
	element("div", tip, "", moment(connection.events.t[event]));
	for (const line of lines)
		element("div", tip, "", line);
	tip.hidden = false;
	const { width, height } = tip.getBoundingClientRect();
	const right = x + 16 + width > innerWidth;
	const below = y + 16 + height > innerHeight;

	tip.style.left = `${Math.max(8, right ? x - 16 - width : x + 16)}px`;
	tip.style.top = `${Math.max(8, below ? y - 16 - height : y + 16)}px`;
}

/*
 * Beside the event in the first graph that shows it and is on the screen, or
 * else where the cursor is.
 */
function showTipAtEvent()
{
	let x = null;
	let y = null;

	for (const panel of panels) {
		const box = panel.plot.getBoundingClientRect();

		if (panel.empty || box.bottom < 0 || box.top > innerHeight)
			continue;
		const at = panel.locate(cursor.event);

		if (at || x === null) {
			x = box.left + (at?.x ?? panel.x(cursor.t));
			y = box.top + (at?.y ?? 0);
		}
		if (at)
			break;
	}
	showTip(cursor.event, x ?? 0, y ?? 0);
}

/* --- the mouse, and fingers --------------------------------------------- */

const fingers = new Map();

function place(panel, pointer)
{
	const box = panel.plot.getBoundingClientRect();

	return { x: pointer.clientX - box.left, y: pointer.clientY - box.top };
}

function point(panel, pointer)
{
	const { x, y } = place(panel, pointer);
	const event = panel.hit(x, y);

	setCursor(event >= 0 && !(panel instanceof StatePanel) ?
		connection.events.t[event] : panel.time(x), event);
	showTip(event, pointer.clientX, pointer.clientY);
}

function touchMoved(panel, pointer)
{
	const before = [...fingers.values()];

	fingers.set(pointer.pointerId, place(panel, pointer));
	const now = [...fingers.values()];

	if (now.length === 1) {
		const by = panel.time(before[0].x) - panel.time(now[0].x);

		setView(view.from + by, view.to + by);
		return;
	}
	const apart = (two) => Math.max(20, Math.abs(two[0].x - two[1].x));

	zoom(apart(before) / apart(now),
	     panel.time((now[0].x + now[1].x) / 2));
}

function pointerMoved(panel, pointer)
{
	if (pointer.pointerType === "touch") {
		if (fingers.has(pointer.pointerId))
			touchMoved(panel, pointer);
		return;
	}
	const { x, y } = place(panel, pointer);

	if (dragged?.panel === panel && dragged.whole) {
		centre(panel.wholeTime(x, 0));
	} else if (dragged?.panel === panel) {
		dragged.to = panel.time(x);
		redraw("cursor");
	} else if (!(panel instanceof AxisPanel && y < panel.strip)) {
		point(panel, pointer);
	}
}

function centre(t)
{
	const half = (view.to - view.from) / 2;

	setView(t - half, t + half);
}

function pointerPressed(panel, pointer)
{
	const { x, y } = place(panel, pointer);
	const whole = panel instanceof AxisPanel ? panel.wholeTime(x, y) : null;

	if (pointer.pointerType === "touch") {
		fingers.set(pointer.pointerId, { x, y });
		point(panel, pointer);
		return;
	}
	if (pointer.button !== 0)
		return;
	panel.plot.setPointerCapture(pointer.pointerId);
	dragged = { panel, from: panel.time(x), to: panel.time(x),
		    whole: whole !== null };
	if (whole !== null)
		centre(whole);
}

function pointerReleased(panel, pointer)
{
	fingers.delete(pointer.pointerId);
	if (dragged?.panel !== panel)
		return;
	const { from, to, whole } = dragged;

	dragged = null;
	if (!whole && Math.abs(panel.x(to) - panel.x(from)) > 6)
		setView(Math.min(from, to), Math.max(from, to));
	redraw();
}

/* A wheel that turns sideways, or with Shift, moves. */
function wheelTurned(panel, wheel)
{
	wheel.preventDefault();
	const sideways = wheel.shiftKey ? wheel.deltaX || wheel.deltaY :
		Math.abs(wheel.deltaX) > Math.abs(wheel.deltaY) ?
		wheel.deltaX : 0;

	if (sideways)
		move(sideways / 1000);
	else
		zoom(1.0015 ** wheel.deltaY,
		     panel.time(place(panel, wheel).x));
	showTip(-1);
}

function listenTo(panel)
{
	const { plot } = panel;

	plot.addEventListener("pointermove", (e) => pointerMoved(panel, e));
	plot.addEventListener("pointerdown", (e) => pointerPressed(panel, e));
	plot.addEventListener("pointerup", (e) => pointerReleased(panel, e));
	plot.addEventListener("pointercancel", (e) =>
		pointerReleased(panel, e));
	plot.addEventListener("pointerleave", () => showTip(-1));
	plot.addEventListener("wheel", (e) => wheelTurned(panel, e),
			      { passive: false });
	plot.addEventListener("dblclick", seeAll);
}

function listenToLadder()
{
	const { scroller } = ladder;
	const hit = (mouse) => {
		const box = scroller.getBoundingClientRect();

		return ladder.hit(mouse.clientX - box.left,
				  mouse.clientY - box.top);
	};

	scroller.addEventListener("pointermove", (mouse) => {
		const event = hit(mouse);

		if (event >= 0)
			setCursor(connection.events.t[event], event,
				  { follow: false });
		showTip(event, mouse.clientX, mouse.clientY);
	});
	scroller.addEventListener("click", (mouse) => {
		const event = hit(mouse);

		if (event < 0)
			return;
		setCursor(connection.events.t[event], event, { follow: false });
		followCursor();
	});
	scroller.addEventListener("pointerleave", () => showTip(-1));
	scroller.addEventListener("wheel", () => showTip(-1),
				  { passive: true });
}

/* --- the keyboard ------------------------------------------------------- */

function keyPressed(key)
{
	if (key.ctrlKey || key.altKey || key.metaKey)
		return;
	switch (key.key) {
	case "ArrowLeft":
		step(-1, key.shiftKey);
		break;
	case "ArrowRight":
		step(1, key.shiftKey);
		break;
	case "Home":
		goTo(0);
		break;
	case "End":
		goTo(connection.events.n - 1);
		break;
	case "+":
	case "=":
		zoom(0.6);
		break;
	case "-":
		zoom(1 / 0.6);
		break;
	case "0":
		seeAll();
		break;
	case "Escape":
		showTip(-1);
		break;
	default:
		return;
	}
	key.preventDefault();
}

/* --- the list of connections -------------------------------------------- */

function cell(row, text, className = "")
{
	return element("td", row, className, text);
}

function endCell(row, about)
{
	const made = cell(row, "");

	if (about.netns)
		element("span", made, "netns", `${about.netns} `);
	made.append(about.name);
}

function troubleCell(row, n, className = "")
{
	cell(row, sizeText(n), `number ${n ? "bad" : ""} ${className}`);
}

function listRow(number)
{
	const about = index.connections[number];
	const row = element("tr");
	const button = element("button", cell(row, "", "number"), "",
			       String(number + 1));

	button.setAttribute("aria-label", `Connection ${number + 1}`);
	for (const e of [0, 1])
		endCell(row, about.ends[e]);
	cell(row, sizeText(about.segments), "number");
	for (const e of [0, 1])
		cell(row, sizeText(about.ends[e].bytes), "number wide");
	troubleCell(row, about.retransmitted);
	troubleCell(row, about.lost);
	troubleCell(row, about.dropped, "wide");
	cell(row, duration(about.last - about.start), "number");
	cell(row, about.ends.map(({ state }) => STATES[state]).join(", "),
	     "wide");
	row.dataset.number = number;
	row.addEventListener("click", () => choose(number));
	return row;
}

function fillList()
{
	const wanted = byId("filter").value.trim().toLowerCase();
	const found = [];

	for (const [number, { ends }] of index.connections.entries())
		if (ends.some((e) => endName(e).toLowerCase().includes(wanted)))
			found.push(number);
	byId("connections").replaceChildren(
		...found.slice(0, MOST_LISTED).map(listRow));
	byId("more").hidden = found.length <= MOST_LISTED;
	byId("more").textContent =
		`${sizeText(found.length - MOST_LISTED)} more are not ` +
		"listed: write a part of an address above.";
	byId("filter-label").hidden = index.connections.length < 8;
	markChosen();
}

function markChosen()
{
	for (const row of byId("connections").children) {
		const chosen = row.dataset.number ===
			String(connection?.number);

		row.className = chosen ? "chosen" : "";
		row.querySelector("button").setAttribute("aria-current",
							 String(chosen));
	}
}

/* --- a connection ------------------------------------------------------- */

function choose(number)
{
	connection = readConnection(number);
	const [a, b] = connection.ends;

	byId("title").textContent = `${endName(a)} → ${endName(b)}`;
	document.title = `${a.name} → ${b.name}: teach report`;
	cursor.t = null;
	cursor.event = -1;
	tellEvent();
	markChosen();
	/* What the sender of most sees is what there is most to see of. */
	end = a.seen && (a.bytes >= b.bytes || !b.seen) ? 0 : 1;
	fillEnds();
	ladder.show(connection);
	showEnd();
	seeAll();
}

function fillEnds()
{
	for (const old of [...byId("ends").querySelectorAll("label")])
		old.remove();
	for (const [e, about] of connection.ends.entries()) {
		const label = element("label", byId("ends"));
		const input = element("input", label);

		input.type = "radio";
		input.name = "end";
		input.checked = e === end;
		input.addEventListener("change", () => {
			end = e;
			showEnd();
		});
		label.append(` ${endName(about)}`);
	}
}

function showEnd()
{
	for (const panel of panels)
		panel.show(connection, end);
	redraw();
}

/* --- the start ---------------------------------------------------------- */

function summary()
{
	const segments = index.connections.reduce((sum, { traced }) =>
		sum + traced, 0);

	byId("summary").textContent = [
		count(index.connections.length, "connection"),
		count(index.events, "event"),
		`${count(segments, "segment")} sent or received`,
		duration(index.end),
	].join(" · ");
	byId("missed").hidden = !index.missed;
	byId("missed").textContent =
		`${count(index.missed, "event was", "events were")} lost ` +
		"while recording: what is shown is not all that happened.";
}

function print(begins)
{
	if (printing === begins || !connection)
		return;
	printing = begins;
	document.documentElement.classList.toggle("printing", begins);
	style.read();
	if (begins)
		ladder.print(byId("ladder-print"));
	else
		byId("ladder-print").replaceChildren();
	for (const panel of panels)
		panel.draw();
	if (begins)
		for (const canvas of document.querySelectorAll(".plot canvas"))
			canvas.style.height = "";
	else
		drawNow(true);
}

function start()
{
	style.read();
	summary();
	for (const panel of panels) {
		byId("graphs").append(panel.root);
		listenTo(panel);
	}
	listenToLadder();
	byId("views").addEventListener("keydown", keyPressed);
	byId("zoom-in").addEventListener("click", () => zoom(0.6));
	byId("zoom-out").addEventListener("click", () => zoom(1 / 0.6));
	byId("zoom-all").addEventListener("click", seeAll);
	byId("filter").addEventListener("input", fillList);
	addEventListener("resize", () => redraw());
	addEventListener("beforeprint", () => print(true));
	addEventListener("afterprint", () => print(false));
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change",
		() => {
			style.read();
			redraw();
		});
	fillList();
	choose(Math.max(0, index.connections.findIndex((about) =>
		about.opened)));
}

start();
