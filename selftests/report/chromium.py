# SPDX-License-Identifier: GPL-2.0
"""
A headless Chromium, spoken to through the DevTools protocol over two pipes:
messages in JSON that end with a zero byte.  Needs nothing beside Python.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path


class Chromium:
    """One browser with one page, which has no network."""

    def __init__(self):
        self.helpers = "0"
        self.profile = tempfile.mkdtemp()
        self.number = 0
        self.events = []
        self.rest = b""
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--remote-debugging-pipe", "--no-first-run",
             "--disable-background-networking", "--disable-sync",
             "--host-resolver-rules=MAP * ~NOTFOUND",
             "--user-data-dir=" + self.profile, "about:blank"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, close_fds=False,
            preexec_fn=lambda: self.give(to_browser, from_browser))
        os.close(to_browser)
        os.close(from_browser)
        target = self.call("Target.createTarget", url="about:blank",
                           session=None)
        self.session = self.call("Target.attachToTarget", flatten=True,
                                 targetId=target["targetId"],
                                 session=None)["sessionId"]
        for domain in "Page", "Runtime", "Network", "Log":
            self.call(domain + ".enable")

    @staticmethod
    def give(to_browser, from_browser):
        """As descriptors 3 and 4, which these may be already."""
        os.dup2(to_browser, 3)
        os.dup2(from_browser, 4)
        os.set_inheritable(3, True)
        os.set_inheritable(4, True)

    def close(self):
        os.close(self.output)
        self.process.terminate()
        self.process.wait()
        os.close(self.input)
        shutil.rmtree(self.profile, ignore_errors=True)

    # --- messages -----------------------------------------------------------

    def receive(self):
        while b"\0" not in self.rest:
            more = os.read(self.input, 1 << 20)
            if not more:
                raise EOFError("the browser has ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session="", **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = self.session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                break
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def wait_for(self, method):
        while True:
            for event in self.events:
                if event.get("method") == method:
                    return event["params"]
            self.events.append(self.receive())

    # --- the page -----------------------------------------------------------

    def open(self, path):
        """Returns how many seconds it took until it was drawn."""
        self.events = []
        begin = time.monotonic()
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        self.wait_for("Page.loadEventFired")
        self.settle()
        seconds = time.monotonic() - begin
        self.run(self.helpers + "; 0")
        return seconds

    def settle(self):
        """What is due in the next frame has been drawn then."""
        self.run("new Promise(done => requestAnimationFrame(() =>"
                 " requestAnimationFrame(() => done(0))))")

    def run(self, script):
        answer = self.call("Runtime.evaluate", expression=script,
                           awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def processor_time(self):
        """Of the browser and all its processes, in seconds."""
        parents, times = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            pid = int(stat.parent.name)
            parents[pid] = int(fields[1])
            times[pid] = int(fields[11]) + int(fields[12])
        return sum(ticks for pid, ticks in times.items()
                   if self.is_ours(pid, parents)) / os.sysconf("SC_CLK_TCK")

    def is_ours(self, pid, parents):
        while pid > 1 and pid != self.process.pid:
            pid = parents.get(pid, 0)
        return pid == self.process.pid

    def complaints(self):
        """What the console says, and what was asked of a network."""
        found = []
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method in ("Runtime.exceptionThrown", "Log.entryAdded",
                          "Runtime.consoleAPICalled"):
                found.append(json.dumps(params)[:500])
            elif method == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("file:", "data:", "about:")):
                    found.append("asked for " + url)
        return found

    def size(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=2 if mobile else 1,
                  mobile=mobile)
        self.call("Emulation.setTouchEmulationEnabled", enabled=mobile)
        self.settle()

    def dark(self, dark):
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])
        self.settle()

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)
        self.settle()

    def key(self, name, shift=False):
        for kind in "keyDown", "keyUp":
            self.call("Input.dispatchKeyEvent", type=kind, key=name,
                      modifiers=8 if shift else 0)
        self.settle()

    def screenshot(self, path, whole=False):
        data = self.call("Page.captureScreenshot",
                         captureBeyondViewport=whole)["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def pdf(self, path):
        data = self.call("Page.printToPDF", printBackground=True,
                         preferCSSPageSize=False)["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))
