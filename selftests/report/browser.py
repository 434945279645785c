#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
browser.py DIRECTORY SCREENSHOTS

What browser.sh has prepared in DIRECTORY, NAME.events and NAME.html, looked at
in Chromium.  Prints KTAP.
"""

import re
import sys
import traceback
from pathlib import Path

from chromium import Chromium

DIRECTORY = Path(sys.argv[1])
SCREENSHOTS = Path(sys.argv[2])
DESKTOP = (1920, 1080)
PHONE = (360, 780)
LARGE = ("big", "thousand")
LIMIT_S = 10            # of processor time, to show the largest recording

tests = []


def test(function):
    tests.append(function)
    return function


def want(condition, *what):
    if not condition:
        raise AssertionError(" ".join(map(str, what)))


def equal(got, expected, what):
    want(got == expected, f"{what}: {got}, not {expected}")


def lines(name, *kinds):
    """The lines of a recording that tell of events of these kinds."""
    text = (DIRECTORY / f"{name}.events").read_text()
    return [line for line in text.splitlines()
            if line[0] != "#" and line.split()[1] in kinds]


def show(b, name):
    b.size(*DESKTOP)
    b.dark(False)
    seconds = b.open(DIRECTORY / f"{name}.html")
    equal(b.complaints(), [], "complaints about " + name)
    return seconds


def names():
    return sorted(path.stem for path in DIRECTORY.glob("*.html"))


# What the tests ask the page.
HELPERS = """
var test = {
    /* What each end's graph draws of a connection, summed up. */
    segmentsDrawn() {
        let drawn = 0;
        for (let n = 0; n < index.connections.length; n++) {
            choose(n);
            for (const e of [0, 1]) {
                if (!connection.ends[e].seen)
                    continue;
                end = e;
                showEnd();
                drawNow(true);
                drawn += panels[1].empty ? 0 : panels[1].drawn;
            }
        }
        return drawn;
    },
    /* All rows of the ladder, a screen at a time. */
    ladderDrawn() {
        const context = ladder.canvas.getContext("2d");
        let drawn = 0;
        drawNow(true);
        for (let row = 0; row < ladder.rows.n; row += 20)
            drawn += ladder.paint(context, row,
                                  Math.min(row + 20, ladder.rows.n));
        return drawn;
    },
    pixel(canvas, x, y) {
        const scale = canvas.width / canvas.clientWidth;
        return [...canvas.getContext("2d").getImageData(
            Math.round(x * scale), Math.round(y * scale), 1, 1).data];
    },
    colour(text) {
        const c = document.createElement("canvas").getContext("2d");
        c.fillStyle = text;
        c.fillRect(0, 0, 1, 1);
        return [...c.getImageData(0, 0, 1, 1).data];
    },
    near(a, b) {
        return Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) +
            Math.abs(a[2] - b[2]) < 60;
    },
    /* Segments of this end at whose place there is none of these colours. */
    notPainted() {
        const panel = panels[1];
        const colours = ["blue", "green", "red", "sky", "purple", "text"]
            .map((name) => this.colour(style[name]));
        const missing = [];
        for (let i = 0; i < connection.events.n; i++) {
            if (connection.events.kind[i] > KIND.in ||
                connection.events.end[i] !== panel.at)
                continue;
            const at = panel.locate(i);
            let found = !at && !(connection.field(i, "flags") & FLAG.ACK);
            for (let dx = -1; at && dx <= 1; dx++)
                for (let dy = -2; dy <= 2; dy++)
                    found ||= colours.some((colour) => this.near(colour,
                        this.pixel(panel.base, at.x + dx, at.y + dy)));
            if (!found)
                missing.push(i);
        }
        return missing;
    },
    /* Where on the screen an event is drawn in a panel. */
    place(panel, event) {
        const box = panels[panel].plot.getBoundingClientRect();
        const at = panels[panel].locate(event);
        return [box.left + at.x, box.top + at.y];
    },
    find(what) {
        for (let i = 0; i < connection.events.n; i++)
            if (what(i))
                return i;
        return -1;
    },
    /* The panels over whose whole height the cursor's line is not. */
    withoutCursor() {
        return panels.filter((panel) => {
            if (panel.empty)
                return false;
            const colour = this.colour(style.cursor);
            const x = Math.round(panel.x(cursor.t));
            return ![3, panel.height / 2, panel.height - 3].every((y) =>
                this.near(colour, this.pixel(panel.over, x, y)) ||
                this.near(colour, this.pixel(panel.over, x + 1, y)));
        }).map((panel) => panel.title);
    },
    /* Of a text's and a background's colour: WCAG 2, 1.4.3. */
    contrast(a, b) {
        const light = (name) => {
            const [r, g, b] = this.colour(getComputedStyle(
                document.documentElement).getPropertyValue("--" + name))
                .map((v) => v / 255)
                .map((v) => v <= 0.04045 ? v / 12.92 :
                    ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
        return (high + 0.05) / (low + 0.05);
    },
};
"""


# --- the tests ---------------------------------------------------------------

@test
def complaints_are_heard(b):
    """So that their absence means something."""
    show(b, "short")
    b.run("console.error('one'); setTimeout(() => nothing.at.all, 0);"
          "fetch('http://192.0.2.1/').catch(() => 0)")
    b.run("new Promise(done => setTimeout(done, 300))")
    heard = "\n".join(b.complaints())
    for what in "one", "nothing is not defined", "192.0.2.1":
        want(what in heard, what, "was not heard:", heard)


@test
def recordings_are_shown_without_complaints(b):
    for name in names():
        if name not in LARGE:
            show(b, name)


@test
def all_segments_are_drawn(b):
    for name in names():
        if name in LARGE:
            continue
        show(b, name)
        equal(b.run("test.segmentsDrawn()"), len(lines(name, "out", "in")),
              f"{name}: segments in the graphs")
        equal(b.complaints(), [], name)


@test
def all_segments_are_in_the_ladder(b):
    for name in names():
        if name in LARGE:
            continue
        show(b, name)
        for n in range(b.run("index.connections.length")):
            b.run(f"choose({n})")
            equal(b.run("test.ladderDrawn()"),
                  b.run(f"index.connections[{n}].segments"),
                  f"{name}, connection {n + 1}: segments in the ladder")
    # All that were sent, and one whose sending was not seen.
    show(b, "loss")
    equal(b.run("test.ladderDrawn()"), len(lines("loss", "out")) + 1,
          "segments of loss")


@test
def segments_are_painted_where_they_are_found(b):
    for name in "loss", "short", "transfer":
        show(b, name)
        equal(b.run("test.notPainted()"), [], f"{name}: segments missing")


@test
def the_mouse_finds_a_segment(b):
    show(b, "loss")
    event = b.run("test.find((i) => isRetransmission(connection, i))")
    b.mouse("mouseMoved", *b.run(f"test.place(1, {event})"))
    tip = b.run("byId('tip').hidden ? '' : byId('tip').innerText")
    for what in "client 10.0.0.1:49152 sends", "70.025 ms", "seq 1549", \
            "len 1448", "a retransmission", "arrives after 20 ms":
        want(what in tip, what, "is not in:", tip)
    equal(b.run("cursor.event"), event, "event at the cursor")
    want("seq 1549" in b.run("byId('event').textContent"), "no text below")


@test
def one_cursor_is_in_all_graphs(b):
    show(b, "transfer")
    event = b.run("test.find((i) => isRetransmission(connection, i))")
    b.mouse("mouseMoved", *b.run(f"test.place(1, {event})"))
    equal(b.run("panels.filter((p) => p.empty).length"), 0, "empty graphs")
    equal(b.run("test.withoutCursor()"), [], "graphs without a cursor")
    want(b.run("""(() => {
        const row = ladder.rowOf(cursor.event) - ladder.top;
        return row >= 0 && row <= ladder.visibleRows &&
            test.near(test.pixel(ladder.canvas, 3, (row + 0.5) * ROW_HEIGHT),
                      test.colour(style.chosen));
        })()"""), "the ladder does not show it")
    equal(b.run("panels[2].values[0].place.textContent.trim()"),
          str(b.run("panels[2].values[0].series.valueAt(cursor.t)")),
          "cwnd in the legend")
    b.mouse("mouseMoved", 5, 5)
    want(b.run("byId('tip').hidden"), "the tooltip stays")


@test
def the_mouse_finds_a_row_of_the_ladder(b):
    show(b, "http")
    box = b.run("(({ left, top }) => [left, top])"
                "(ladder.scroller.getBoundingClientRect())")
    b.mouse("mouseMoved", box[0] + b.run("ladder.b") - 20,
            box[1] + 1.5 * b.run("ROW_HEIGHT"))
    tip = b.run("byId('tip').innerText")
    want("server 10.0.0.2:8080 receives" in tip and "SYN seq 0" in tip, tip)
    equal(b.run("test.withoutCursor()"), [], "graphs without a cursor")


@test
def every_event_by_the_keyboard(b):
    show(b, "loss")
    count = len(lines("loss", "out", "in", "state", "drop"))
    b.run("byId('graphs').focus()")
    told = []
    for _ in range(count + 2):
        b.key("ArrowRight")
        told.append(b.run("cursor.event"))
    equal(told[:count], list(range(count)), "events")
    equal(told[-1], count - 1, "the last event")
    b.key("ArrowLeft")
    equal(b.run("cursor.event"), count - 2, "the event before")
    b.key("Home")
    equal(b.run("cursor.event"), 0, "the first event")
    want("seq 1 " in b.run("byId('event').textContent"), "no text")
    want(not b.run("byId('tip').hidden"), "no tooltip")


@test
def trouble_by_the_keyboard(b):
    show(b, "loss")
    b.run("byId('graphs').focus()")
    found = []
    for _ in range(3):
        b.key("ArrowRight", shift=True)
        found.append(b.run("byId('event').textContent"))
    want("; lost" in found[0], "not the lost one:", found[0])
    want("a retransmission" in found[1], "not the one sent again:", found[1])
    want("CHECKSUM" in found[2], "not the one dropped:", found[2])


@test
def zoom(b):
    show(b, "transfer")
    b.run("scrollTo(0, 0)")
    whole = b.run("[view.from, view.to]")
    box = b.run("(({ left, top, width }) => [left, top, width])"
                "(panels[1].plot.getBoundingClientRect())")
    x, y = round(box[0] + box[2] / 3), round(box[1] + 100)
    at = b.run(f"panels[1].time({x - box[0]})")
    b.mouse("mouseWheel", x, y, deltaX=0, deltaY=-600)
    near = b.run("[view.from, view.to]")
    want(near[1] - near[0] < (whole[1] - whole[0]) / 2, "wheel:", near)
    want(abs(b.run(f"panels[1].time({x - box[0]})") - at) < 1e4,
         "the time under the mouse moves")
    b.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    b.mouse("mouseMoved", x + 200, y, button="left", buttons=1)
    marked = b.run(f"[panels[1].time({x - box[0]}),"
                   f" panels[1].time({x + 200 - box[0]})]")
    b.mouse("mouseReleased", x + 200, y, button="left", clickCount=1)
    got = b.run("[view.from, view.to]")
    for one, other in zip(got, marked):
        want(abs(one - other) < 1e4, "dragged:", got, marked)
    b.screenshot(SCREENSHOTS / "zoom.png")
    b.run("byId('graphs').focus()")
    b.key("0")
    equal(b.run("[view.from, view.to]"), whole, "all of it again")


@test
def fingers_zoom(b):
    b.size(*PHONE, mobile=True)
    b.open(DIRECTORY / "transfer.html")
    b.run("panels[1].plot.scrollIntoView()")
    b.settle()
    top = b.run("panels[1].plot.getBoundingClientRect().top") + 150
    whole = b.run("view.to - view.from")

    def touch(kind, *xs):
        b.call("Input.dispatchTouchEvent", type=kind, touchPoints=[
            {"x": x, "y": top, "id": n} for n, x in enumerate(xs)])
        b.settle()
    touch("touchStart", 150)
    touch("touchStart", 150, 200)
    for apart in range(0, 80, 10):
        touch("touchMove", 150 - apart, 200 + apart)
    touch("touchEnd")
    want(b.run("view.to - view.from") < whole / 2, "the view is as wide")


@test
def what_was_not_recorded_is_said(b):
    show(b, "loss")
    empty = b.run("panels.filter((p) => p.empty).map((p) => p.root.innerText)")
    for what in "Congestion window", "Round-trip", "Queues, in bytes":
        want(any(text.startswith(what) and "Not recorded" in text
                 for text in empty), what, "is not said to be missing", empty)
    want("window's edge: not recorded" in
         b.run("panels[1].root.innerText"), "nothing about the window")
    show(b, "transfer")
    equal(b.run("panels.filter((p) => p.empty).length"), 0, "empty graphs")
    want("edge of the window" in b.run("panels[1].root.innerText"), "no edge")


@test
def the_edge_of_the_window(b):
    """The ACK before the last: its window, scaled, from its number on."""
    show(b, "transfer")
    edge, ack, window = b.run("""(() => {
        const { ack, edge } = panels[1];
        const k = edge.n - 3;
        return [edge.v[k], ack.v[k], connection.field(edge.event[k], "window")];
        })()""")
    equal(edge - ack, window * 128, "the window")


@test
def sack_blocks(b):
    show(b, "transfer")
    blocks = sum(len(bytes.fromhex(option)) // 8
                 for line in lines("transfer", "in")
                 for option in re.findall(r"options=0101080a.{16}0101(.*)",
                                          line))
    want(blocks > 50, "a poor test:", blocks)
    equal(b.run("panels[1].sack.n"), blocks, "SACK blocks")


@test
def more_than_32_bits(b):
    show(b, "kinds")
    told = [int(delay) for line in lines("kinds", "timer")
            for delay in re.findall(r"delay_us=(\d+)", line)]
    want(max(told) > 1 << 32, "a poor test:", max(told))
    equal(b.run("Array.from(connection.events.kind.keys())"
                ".filter((i) => connection.events.kind[i] === KIND.timer)"
                ".map((i) => connection.field(i, 'delay_us'))"),
          told, "delays of timers")


@test
def a_remote_end(b):
    show(b, "remote")
    want("not seen" in b.run("connection.ends.some((e) => !e.seen)"
                             " ? 'not seen' : ''"), "both ends are seen")
    for e in 0, 1:
        b.run(f"end = {e}; showEnd()")
        b.settle()
        want(not b.run("panels[1].empty"), "no graph of end", e)


@test
def the_list_of_connections(b):
    show(b, "many")
    count = b.run("index.connections.length")
    equal(b.run("byId('connections').children.length"), count, "rows")
    b.run("byId('connections').children[1].scrollIntoView()")
    place = b.run("(({ left, top }) => [left + 9, top + 9])(byId("
                  "'connections').children[1].getBoundingClientRect())")
    b.mouse("mousePressed", *place, button="left", clickCount=1)
    b.mouse("mouseReleased", *place, button="left", clickCount=1)
    equal(b.run("connection.number"), 1, "the chosen connection")
    want(b.run("connection.ends.every((end) =>"
               " byId('title').textContent.includes(end.name))"), "the title")
    equal(b.run("document.querySelectorAll('tr.chosen').length"), 1, "chosen")


@test
def a_thousand_connections(b):
    show(b, "thousand")
    equal(b.run("index.connections.length"), 1000, "connections")
    equal(b.run("byId('connections').children.length"), 500, "listed")
    want(b.run("byId('more').innerText").startswith("500 more"), "not said")
    b.run("byId('filter').focus()")
    b.call("Input.insertText", text="10.0.0.1:10999")
    b.settle()
    equal(b.run("byId('connections').children.length"), 1, "found")
    b.run("byId('connections').children[0].click()")
    equal(b.run("connection.ends[0].port"), 10999, "port of the one chosen")
    equal(b.run("connection.number"), 999, "its number")


@test
def lost_events_are_told(b):
    show(b, "missed")
    equal(b.run("byId('missed').hidden ? '' : byId('missed').innerText"),
          "17 events were lost while recording: what is shown is not all "
          "that happened.", "the warning")
    show(b, "short")
    want(b.run("byId('missed').hidden"), "a warning without a reason")


@test
def html_in_a_recording_is_text(b):
    show(b, "evil")
    equal(b.run("connection.ends[0].netns"), "</script><script>hack()//",
          "the netns")
    want("</script><script>hack()//" in b.run("byId('title').innerText"),
         "the title")
    b.run("goTo(test.find((i) => connection.events.kind[i] === KIND.drop))")
    want("<b>hack</b>" in b.run("byId('tip').innerText"), "the reason")
    equal(b.run("byId('tip').querySelectorAll('b').length"), 1, "elements")


@test
def contrast(b):
    show(b, "short")
    pairs = [(text, "panel") for text in (
        "text", "quiet", "blue", "green", "amber", "red", "purple", "sky")]
    pairs += [("text", "page"), ("quiet", "page"), ("text", "chosen"),
              ("quiet", "chosen"), ("red", "chosen"), ("blue", "chosen"),
              ("text", "faint"), ("blue", "faint"), ("red", "faint"),
              ("warn-text", "warn")]
    pairs += [("band-text", "band-" + band) for band in (
        "open", "est", "close", "wait", "none", "bad")]
    for dark in False, True:
        b.dark(dark)
        for pair in pairs:
            ratio = b.run("test.contrast('{}', '{}')".format(*pair))
            want(ratio >= 4.5, f"dark: {dark}, {pair}: {ratio:.2f}")


@test
def dark_mode(b):
    show(b, "transfer")
    light = b.run("test.pixel(panels[1].base, panels[1].left - 1, 150)")
    b.screenshot(SCREENSHOTS / "light.png")
    b.dark(True)
    b.settle()
    want(sum(b.run("test.colour(getComputedStyle(document.body.parentNode)"
                   ".backgroundColor)")[:3]) < 150, "the page is light")
    dark = b.run("test.pixel(panels[1].base, panels[1].left - 1, 150)")
    want(light != dark, "the graphs are not drawn anew:", light, dark)
    b.screenshot(SCREENSHOTS / "dark.png")


@test
def colours_for_the_colour_blind(b):
    """Nothing but pictures, for people to judge."""
    show(b, "transfer")
    for kind in "deuteranopia", "protanopia", "tritanopia", "achromatopsia":
        b.call("Emulation.setEmulatedVisionDeficiency", type=kind)
        b.settle()
        b.screenshot(SCREENSHOTS / f"{kind}.png")
    b.call("Emulation.setEmulatedVisionDeficiency", type="none")


@test
def a_phone(b):
    b.size(*PHONE, mobile=True)
    for name in "transfer", "loss", "many", "evil":
        b.open(DIRECTORY / f"{name}.html")
        equal(b.run("document.documentElement.scrollWidth"), PHONE[0],
              name + ": the page's width")
        want(b.run("byId('ladder').getBoundingClientRect().bottom <="
                   " byId('graphs').getBoundingClientRect().top"),
             name, "has two columns")
        b.screenshot(SCREENSHOTS / f"phone-{name}.png", whole=True)
    equal(b.complaints(), [], "complaints")


@test
def on_paper(b):
    show(b, "transfer")
    b.dark(True)
    b.run("addEventListener('beforeprint', () => { test.printed ="
          " [test.pixel(panels[1].base, 1, 1),"
          "  document.querySelectorAll('#ladder-print canvas').length] })")
    b.pdf(SCREENSHOTS / "transfer.pdf")
    pdf = (SCREENSHOTS / "transfer.pdf").read_bytes()
    want(pdf.startswith(b"%PDF"), "no PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    want(2 <= pages <= 12, pages, "pages")
    pieces = b.run("test.printed[1]")
    want(pieces > 10, "the ladder is in", pieces, "pieces")
    want(not b.run("printing"), "the page stays as on paper")
    equal(b.run("document.querySelectorAll('#ladder-print canvas').length"),
          0, "pieces left")
    want(b.run("test.near(test.pixel(panels[1].over, 1, 1), [0, 0, 0])"),
         "the screen is not restored")


@test
def a_million_segments(b):
    before = b.processor_time()
    seconds = show(b, "big")
    spent = b.processor_time() - before
    print(f"# drawn after {seconds:.1f} s; {spent:.1f} s of processor time")
    b.screenshot(SCREENSHOTS / "million.png")
    want(spent < LIMIT_S, f"it took {spent:.1f} s of processor time")
    equal(b.run("test.segmentsDrawn()"), len(lines("big", "out", "in")),
          "segments in the graphs")
    b.run("ladder.scrollTo(ladder.rows.n)")
    b.settle()
    want(b.run("ladder.top + ladder.visibleRows > ladder.rows.n - 1"),
         "the ladder's end is not reached")
    equal(b.complaints(), [], "complaints")


# --- and how they are run ----------------------------------------------------

def main():
    failed = 0
    b = Chromium()
    print(f"TAP version 13\n1..{len(tests)}", flush=True)
    try:
        for number, function in enumerate(tests, 1):
            verdict = "ok"
            try:
                b.helpers = HELPERS
                function(b)
            except (AssertionError, RuntimeError, TypeError) as error:
                for line in (str(error) or traceback.format_exc()
                             ).splitlines():
                    print("#", line[:400])
                verdict = "not ok"
                failed += 1
            name = function.__name__.replace("_", " ")
            print(f"{verdict} {number} {name}", flush=True)
    finally:
        b.close()
    sys.exit(failed > 0)


main()
