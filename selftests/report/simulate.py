#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
simulate.py SEGMENTS [LOSS_EVERY]

Write a recording of one connection, seen at both ends, in which a server sends
that many segments of data, of which each LOSS_EVERYth is lost: slow start, fast
recovery with SACK, all kinds of events.  A model, for tests of what draws
recordings; the same arguments give the same recording.
"""

import heapq
import sys

MSS = 1448
DELAY = 10_000_000      # ns from one end to the other
CLIENT = dict(netns=101, me="10.0.0.1:40000", peer="10.0.0.2:8080")
SERVER = dict(netns=102, me="10.0.0.2:8080", peer="10.0.0.1:40000")
LISTENER = dict(netns=102, me="10.0.0.2:8080", peer="0.0.0.0:0")
START = 5_000_000_000
WSCALE = 7
ISS = {101: 4294000000, 102: 77_000}    # the client's will not wrap, the
WINDOW = 3_000_000                      # server's neither: 4 GiB are too many


class Simulation:
    def __init__(self, segments, loss_every):
        self.total = segments
        self.loss_every = loss_every
        self.agenda = []
        self.count = 0
        self.now = START
        # the sender
        self.next = 0           # the next new segment
        self.una = 0
        self.cwnd = 10
        self.ssthresh = 0x7fffffff
        self.acked = 0          # since cwnd grew last, in avoidance
        self.sacked = set()
        self.resent = {}
        self.recover = None
        self.sends = 0
        # the receiver
        self.expected = 0
        self.beyond = set()
        self.unacked = 0
        self.recent = []

    # --- writing ------------------------------------------------------------

    def line(self, at, kind, end, text):
        print(f"{at // 10**9}.{at % 10**9:09} {kind} netns={end['netns']} "
              f"proto=253 local={end['me']} foreign={end['peer']} {text}")

    def card(self, at, kind, netns, text):
        print(f"{at // 10**9}.{at % 10**9:09} {kind} netns={netns} {text}")

    def segment(self, end, other, flags, seq, ack, win, length, state,
                more="", options="", lost=False, delay=DELAY, met=None):
        text = (f"flags={flags} seq={(ISS[end['netns']] + seq) % 2**32} "
                f"ack={(ISS[other['netns']] + ack) % 2**32} win={win} "
                f"len={length}")
        if options:
            options = " options=" + options
        self.line(self.now, "out", end,
                  f"{text} state={state} {more}{options}")
        if not lost:
            self.line(self.now + delay, "in", other,
                      f"{text} state={met or state}{options}")

    def stamp(self):
        value = self.now // 10**6
        return f"0101080a{value:08x}{max(0, value - 20):08x}"

    def window(self, event="ACK"):
        recovery = "OPEN"
        if self.recover is not None:
            recovery = "RECOVERY"
        elif self.sacked:
            recovery = "DISORDER"
        jitter = self.sends * 7919 % 3000
        self.line(self.now, "window", SERVER,
                  f"cwnd={self.cwnd} ssthresh={self.ssthresh} "
                  f"flight={self.flight()} snd_wnd={WINDOW} rcv_wnd=65536 "
                  f"srtt_us={20000 + jitter} rttvar_us={2000 + jitter // 3} "
                  f"rto_us={228000 + jitter * 2} recovery={recovery} "
                  f"cause=SEGMENT event={event}")

    def queue(self, end, queue, depth, limit):
        self.line(self.now, "queue", end,
                  f"queue={queue} depth={depth} limit={limit}")

    def timer(self, end, timer, action, delay=0):
        self.line(self.now, "timer", end,
                  f"timer={timer} action={action} delay_us={delay}")

    def state(self, end, old, new, cause):
        self.line(self.now, "state", end, f"old={old} new={new} cause={cause}")

    def at(self, when, what, *arguments):
        self.count += 1
        heapq.heappush(self.agenda, (when, self.count, what, arguments))

    # --- the beginning and the end --------------------------------------------

    def handshake(self):
        options = "020405b40402080a0000138800000000010303%02x" % WSCALE
        self.line(self.now - 900_000, "sleep", LISTENER, "call=ACCEPT")
        self.state(CLIENT, "CLOSE", "SYN_SENT", "CALL")
        self.now += 20_000
        self.segment(CLIENT, SERVER, "SYN", 0, -ISS[102], 62720, 0, "SYN_SENT",
                     "rtx=0 why=NEW", options, met="LISTEN")
        self.timer(CLIENT, "RTX", "ARM", 1_000_000)
        self.line(self.now, "sleep", CLIENT, "call=CONNECT")
        self.now += DELAY + 10_000
        self.line(self.now, "lookup", SERVER,
                  "bucket=711 chain=0 found=LISTENER")
        self.state(SERVER, "LISTEN", "SYN_RECV", "SEGMENT")
        self.queue(LISTENER, "SYN", 1, 4096)
        self.now += 5_000
        self.segment(SERVER, CLIENT, "SYN,ACK", 0, 1, 62720, 0, "SYN_RECV",
                     "rtx=0 why=SYNACK", options, met="SYN_SENT")
        self.timer(SERVER, "SYNACK", "ARM", 1_000_000)
        self.now += DELAY + 5_000
        self.timer(CLIENT, "RTX", "CANCEL")
        self.state(CLIENT, "SYN_SENT", "ESTABLISHED", "SEGMENT")
        self.line(self.now, "wake", CLIENT,
                  f"call=CONNECT error=0 slept_us={2 * DELAY // 1000}")
        self.segment(CLIENT, SERVER, "ACK", 1, 1, 507, 0, "ESTABLISHED",
                     "rtx=0 why=ACK", self.stamp(), met="SYN_RECV")
        self.now += 200_000
        self.segment(CLIENT, SERVER, "PSH,ACK", 1, 1, 507, 88, "ESTABLISHED",
                     "rtx=0 why=NEW", self.stamp())
        self.line(self.now + 9_000, "sleep", CLIENT, "call=RECEIVE")
        self.now += DELAY - 150_000
        self.line(self.now, "lookup", SERVER,
                  "bucket=711 chain=1 found=REQUEST")
        self.timer(SERVER, "SYNACK", "CANCEL")
        self.state(SERVER, "SYN_RECV", "ESTABLISHED", "SEGMENT")
        self.queue(LISTENER, "SYN", 0, 4096)
        self.queue(LISTENER, "ACCEPT", 1, 128)
        self.now += 40_000
        self.queue(LISTENER, "ACCEPT", 0, 128)
        self.now += 400_000
        self.queue(SERVER, "SEND", self.total * MSS, 4_000_000)

    def finish(self):
        last = 1 + self.total * MSS
        self.state(SERVER, "ESTABLISHED", "FIN_WAIT1", "CALL")
        self.now += 5_000
        self.segment(SERVER, CLIENT, "FIN,ACK", last, 89, 512, 0, "FIN_WAIT1",
                     "rtx=0 why=NEW", self.stamp(), met="ESTABLISHED")
        self.now += DELAY + 5_000
        self.state(CLIENT, "ESTABLISHED", "CLOSE_WAIT", "SEGMENT")
        self.now += 5_000
        self.segment(CLIENT, SERVER, "ACK", 89, last + 1, 507, 0, "CLOSE_WAIT",
                     "rtx=0 why=ACK", self.stamp(), met="FIN_WAIT1")
        self.now += 1_000_000
        self.state(CLIENT, "CLOSE_WAIT", "LAST_ACK", "CALL")
        self.segment(CLIENT, SERVER, "FIN,ACK", 89, last + 1, 507, 0,
                     "LAST_ACK", "rtx=0 why=NEW", self.stamp(),
                     met="FIN_WAIT2")
        self.now += DELAY - 900_000
        self.state(SERVER, "FIN_WAIT1", "FIN_WAIT2", "SEGMENT")
        self.now += 910_000
        self.state(SERVER, "FIN_WAIT2", "TIME_WAIT", "SEGMENT")
        self.timer(SERVER, "TIME_WAIT", "ARM", 60_000_000)
        self.segment(SERVER, CLIENT, "ACK", last + 1, 90, 512, 0, "TIME_WAIT",
                     "rtx=0 why=ACK", self.stamp(), met="LAST_ACK")
        self.now += DELAY + 5_000
        self.state(CLIENT, "LAST_ACK", "CLOSE", "SEGMENT")

    # --- the sender ---------------------------------------------------------

    def flight(self):
        return self.next - self.una - len(self.sacked)

    def send(self, number, why="NEW"):
        self.sends += 1
        lost = self.sends % self.loss_every == self.loss_every - 1
        last = number == self.total - 1
        self.segment(SERVER, CLIENT, "PSH,ACK" if last else "ACK",
                     1 + number * MSS, 89, 512, MSS, "ESTABLISHED",
                     f"rtx={int(why != 'NEW')} why={why}", self.stamp(), lost)
        if self.sends % 4 == 0:
            self.card(self.now, "ring", 102, "dev=teach1 ring=TX used="
                      f"{self.sends // 4 % 32} slots=256")
        if not lost:
            self.at(self.now + DELAY, self.arrive, number)
        self.now += 12_000

    def fill(self):
        first = self.next
        while self.flight() < self.cwnd and self.next < self.total:
            self.next += 1
            self.send(self.next - 1)
        if self.next > first:
            self.timer(SERVER, "RTX", "ARM", 228_000)
            self.at(self.now + 228_000_000, self.timeout, self.una, self.sends)

    def timeout(self, una, sends):
        if una != self.una or sends != self.sends or una == self.total:
            return
        self.timer(SERVER, "RTX", "FIRE")
        self.ssthresh = max(2, self.cwnd // 2)
        self.cwnd = 1
        self.window("TIMEOUT")
        self.send(self.una, "RTO")
        self.at(self.now + 456_000_000, self.timeout, self.una, self.sends)

    def ack(self, number, blocks):
        self.sacked.update(n for a, b in blocks for n in range(a, b)
                           if n >= number)
        if number > self.una:
            grown = number - self.una
            self.una = number
            self.sacked = {n for n in self.sacked if n >= number}
            if self.recover is not None and number >= self.recover:
                self.recover = None
                self.window("LEAVE")
            elif self.recover is None:
                self.grow(grown)
            if self.sends % 3 == 0:
                self.queue(SERVER, "SEND", (self.total - number) * MSS,
                           4_000_000)
        if self.sacked:
            self.recovery()
        if self.sends % 2 == 0:
            self.window()
        if number == self.total:
            self.timer(SERVER, "RTX", "CANCEL")
            self.at(self.now + 2_000_000, self.finish)
        self.fill()

    def grow(self, grown):
        if self.cwnd < self.ssthresh:
            self.cwnd += grown
        else:
            self.acked += grown
            if self.acked >= self.cwnd:
                self.acked -= self.cwnd
                self.cwnd += 1
        self.cwnd = min(self.cwnd, 400)

    def recovery(self):
        top = max(self.sacked)
        holes = [n for n in range(self.una, top - 2)
                 if n not in self.sacked and
                 self.now - self.resent.get(n, 0) > 2 * DELAY]
        if not holes:
            return
        if self.recover is None:
            self.ssthresh = max(2, int(self.cwnd * 0.7))
            self.cwnd = self.ssthresh
            self.recover = self.next
            self.window("ENTER")
        for n in holes:
            self.resent[n] = self.now
            self.send(n, "RECOVERY")

    # --- the receiver -------------------------------------------------------

    def arrive(self, number):
        hole = bool(self.beyond)
        if number == self.expected:
            self.expected += 1
            while self.expected in self.beyond:
                self.beyond.remove(self.expected)
                self.expected += 1
        elif number > self.expected:
            self.beyond.add(number)
            self.recent.insert(0, number)
            del self.recent[8:]
        self.unacked += 1
        if number % 5 == 0:
            self.card(self.now - 9_000, "interrupt", 101, "dev=teach0")
            self.card(self.now - 2_000, "poll", 101,
                      "dev=teach0 done=5 budget=64")
        if self.beyond or hole:
            self.queue(CLIENT, "OUT_OF_ORDER", len(self.beyond) * MSS,
                       3_000_000)
        if number % 4 == 0:
            self.queue(CLIENT, "RECEIVE", MSS * (number % 16), 3_000_000)
            self.line(self.now + 3_000, "wake", CLIENT,
                      "call=RECEIVE error=0 slept_us=40")
            self.line(self.now + 9_000, "sleep", CLIENT, "call=RECEIVE")
        if self.unacked >= 2 or self.beyond or hole or \
                self.expected == self.total:
            self.answer()

    def blocks(self):
        """The runs beyond the hole, that of the latest arrival first."""
        found = []
        for number in self.recent:
            if number not in self.beyond or \
                    any(a <= number < b for a, b in found):
                continue
            a = b = number
            while a - 1 in self.beyond:
                a -= 1
            while b in self.beyond:
                b += 1
            found.append((a, b))
        return found[:3]

    def answer(self):
        self.unacked = 0
        blocks = self.blocks()
        options = self.stamp()
        if blocks:
            options += "0101%02x%02x" % (5, 2 + 8 * len(blocks))
            for a, b in blocks:
                for number in a, b:
                    seq = (ISS[102] + 1 + number * MSS) % 2**32
                    options += f"{seq:08x}"
        self.segment(CLIENT, SERVER, "ACK", 89, 1 + self.expected * MSS,
                     (WINDOW - len(self.beyond) * MSS) >> WSCALE, 0,
                     "ESTABLISHED", "rtx=0 why=ACK", options)
        self.at(self.now + DELAY, self.ack, self.expected, blocks)

    def run(self):
        print("# teach events 1")
        self.handshake()
        self.fill()
        while self.agenda:
            when, _, what, arguments = heapq.heappop(self.agenda)
            self.now = max(self.now, when)
            what(*arguments)
        print("# netns 101 client\n# netns 102 server")
        print(f"# end {self.now // 10**9}.{self.now % 10**9:09} missed 0")


if __name__ == "__main__":
    Simulation(int(sys.argv[1]),
               int(sys.argv[2]) if len(sys.argv) > 2 else 97).run()
