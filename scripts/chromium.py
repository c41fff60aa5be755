"""A headless Chromium that is told what to do over a pipe; for page_in_chromium.py and report_in_chromium.py.
Nothing but the standard library.
"""

import base64
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 120


def high_pipe():
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high


class Chromium:
    """A browser that is told what to do over a pipe (Chrome DevTools Protocol)."""

    def __init__(self, program, profile):
        # It listens on 3 and speaks on 4; the pipes' own numbers must be none of these.
        here, there = high_pipe(), high_pipe()
        self.to, self.out = here[1], there[0]

        def arrange():
            os.dup2(here[0], 3)
            os.dup2(there[1], 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--hide-scrollbars", f"--user-data-dir={profile}",
             "--remote-debugging-pipe", "about:blank"],
            preexec_fn=arrange, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(here[0])
        os.close(there[1])
        self.bytes, self.last, self.session, self.heard = b"", 0, None, []

    def ask(self, method, **params):
        self.last += 1
        request = {"id": self.last, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to, json.dumps(request).encode() + b"\0")
        until = time.monotonic() + PATIENCE_S
        while True:
            while b"\0" in self.bytes:
                text, self.bytes = self.bytes.split(b"\0", 1)
                answer = json.loads(text)
                if answer.get("id") == self.last:
                    if "error" in answer:
                        sys.exit(f"{method}: {answer['error']}")
                    return answer["result"]
                self.heard.append(answer)
            if not select.select([self.out], [], [], max(0.0, until - time.monotonic()))[0]:
                sys.exit(f"{method}: Chromium does not answer")
            more = os.read(self.out, 1 << 16)
            if not more:
                sys.exit(f"{method}: Chromium has ended ({self.process.poll()})")
            self.bytes += more

    def open(self, url):
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Page.navigate", url=url)

    def eval(self, code):
        result = self.ask("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            sys.exit(f"{code}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def until(self, what, code):
        end = time.monotonic() + PATIENCE_S
        while not self.eval(code):
            if time.monotonic() > end:
                sys.exit(f"{what}: it never came to {code}\n{self.eval('document.body.innerText')}")
            time.sleep(0.1)

    def picture(self, path, width, height, scheme):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])
        time.sleep(0.3)
        data = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        Path(path).write_bytes(base64.b64decode(data))
        return self.eval("document.documentElement.scrollWidth")

    def complaints(self):
        """What the page's console was told: exceptions, refused resources, broken rules of its policy."""
        self.eval("0")
        bad = []
        for event in self.heard:
            if event.get("method") == "Runtime.exceptionThrown":
                bad.append(event["params"]["exceptionDetails"])
            if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                bad.append(event["params"]["entry"]["text"])
        return bad

    def asked_for(self):
        """What the page asked the network for, itself left out."""
        self.eval("0")
        asked = [e["params"]["request"]["url"] for e in self.heard if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in asked[1:] if not url.startswith("data:")]

    def end(self):
        self.process.terminate()
        self.process.wait()
