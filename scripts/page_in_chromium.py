#!/usr/bin/env python3
"""Opens the live page of a paper run in headless Chromium, and holds what it shows to what
`botmm status --json` says of the same moment. Called by page.sh; nothing but the standard library.

usage: page_in_chromium.py BOTMM CHROMIUM FOLDER [PICTURES]
"""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from chromium import PATIENCE_S, Chromium

NONE = "–"


# How the page writes a number, said once more in another language.
def grouped(text):
    sign, whole, rest = re.match(r"([-+]?)(\d+)(.*)$", text).groups()
    whole = re.sub(r"\B(?=(\d{3})+$)", "\u202f", whole)
    return sign.replace("-", "\u2212") + whole + rest


def fixed(value, digits):
    text = str(Decimal(float(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
    return grouped(text.lstrip("-") if Decimal(text) == 0 else text)


def usd(value):
    return NONE if value is None else fixed(value, 2)


def price(value):
    return grouped(value) if Decimal(value) > 0 else NONE


def bps(value):
    return NONE if value is None else ("+" if value > 0 else "") + fixed(value, 2)


def expected(v):
    """What the page must show of a view, by table."""
    split = v["split"]
    coins = []
    for c in v["coins"]:
        count = NONE if c["fills"] is None else grouped(str(c["fills"]))
        coins.append([c["coin"], price(c["bid"]), price(c["mid"]), price(c["ask"]), grouped(c["position"]),
                      usd(c["value_usd"]), usd(c["net_usd"]), usd(c["fees_usd"]), count, c["why"]])
    n = v["counts"]
    return {
        "at": f"as of {v['at'][11:19]} UTC",
        "network": v["network"],
        "title": v["title"],
        "risk": v["risk"],
        "equity": usd(v["equity_usd"]),
        "parts": [usd(x) for x in (
            v["opening_usd"], split["spread_captured_usd"], split["adverse_selection_usd"],
            split["inventory_drift_usd"], v["fees_usd"], v["funding_usd"], v["net_usd"], v["today_usd"],
            v["drawdown_usd"])],
        "coins": coins,
        "fills": [[f["time"][11:19], f["coin"], "buy" if f["is_buy"] else "sell", grouped(f["qty"]),
                   grouped(f["px"]), fixed(f["fee_usd"], 4), *map(bps, f["markouts_bps"])]
                  for f in v["last_fills"]],
        "reasons": [c[side].replace("_", " ") for c in v["coins"] for side in ("bid_reason", "ask_reason")],
        "rungs": [["armed" if v["rungs"][r]["armed"] else "not armed", v["rungs"][r]["why"] or ""]
                  for r in ("exchange", "guard", "systemd")],
        "stages": [s["stage"] for s in v["stages"]],
        "alerts": list(reversed(v["alerts"])) or ["none"],
        "counts": [grouped(str(x)) if isinstance(x, int) else usd(x) for x in (
            n["open_orders"], n["fills"], n["volume_usd"], n["orders"] + n["modifies"], n["cancels"],
            n["rejects"], n["events"], n["decisions"])],
    }


# What it shows, in the same form, all of one moment.
SHOWN = """(() => {
  const text = (id) => document.getElementById(id).textContent;
  const cells = (id) => [...document.querySelectorAll(`#${id} tbody tr`)].map(
    (tr) => [...tr.children].map((td) => td.textContent));
  const column = (id, c) => cells(id).map((row) => row[c]);
  const first = (cell) => cell.split(" (")[0];
  return {
    stamp: document.body.dataset.at,
    at: text("at"), network: text("network"), title: text("title"), risk: text("risk"),
    equity: text("equity"), parts: column("parts", 1),
    coins: cells("coins").map((r) => [r[0], first(r[1]), r[2], first(r[3]), ...r.slice(4, 9), r[11]]),
    fills: cells("fills"), reasons: column("reasons", 2),
    rungs: cells("rungs").map((r) => r.slice(1)), stages: column("stages", 0),
    alerts: [...document.querySelectorAll("#alerts li")].map((li) => li.textContent),
    counts: column("counts", 1).slice(0, 8),
  };
})()"""


def status(botmm, folder):
    told = subprocess.run([botmm, "status", "--json"], cwd=folder, capture_output=True, text=True, check=False)
    return json.loads(told.stdout) if told.stdout else {}


def compare(browser, botmm, folder):
    """Looks on both sides until both speak of the same moment, with fills of both and markouts."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        view = status(botmm, folder)
        shown = browser.eval(SHOWN)
        if view.get("at") != shown["stamp"]:
            continue
        measured = [f for f in view["last_fills"] if None not in f["markouts_bps"][:2]]
        if len(measured) < 2:
            time.sleep(0.5)
            continue
        wanted = expected(view)
        for part, value in wanted.items():
            if shown[part] != value:
                sys.exit(f"{part}: the page shows\n{shown[part]}\nand status says\n{value}")
        numbers = sum(len(json.dumps(value)) for value in wanted.values())
        print(f"the page shows what status says at {view['at']}: {len(wanted)} parts, "
              f"{len(wanted['fills'])} fills, {numbers} characters")
        return
    sys.exit("page and status were never of one moment with measured fills")


def main():
    botmm, chromium, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    pictures = Path(sys.argv[4]) if len(sys.argv) > 4 else folder
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "botmm.toml").write_text(f"[http]\nport = {port}\n")
    said = (folder / "said").open("w")
    bot = subprocess.Popen([botmm, "paper", "--json", "--for", "300s"], cwd=folder, stdout=subprocess.DEVNULL,
                           stderr=said)
    browser = Chromium(chromium, folder / "profile")
    try:
        end = time.monotonic() + PATIENCE_S
        while "page: http" not in (folder / "said").read_text():
            if bot.poll() is not None or time.monotonic() > end:
                sys.exit(f"no page: {(folder / 'said').read_text()}")
            time.sleep(0.1)
        browser.open(f"http://127.0.0.1:{port}/")
        browser.until("a first view", "document.body?.dataset.at !== undefined")
        compare(browser, botmm, folder)
        for width, height, scheme in ((1280, 900, "light"), (1280, 900, "dark"), (390, 844, "light"),
                                      (390, 844, "dark")):
            wide = browser.picture(pictures / f"page_{width}_{scheme}.png", width, height, scheme)
            if wide > width:
                sys.exit(f"at {width} px the page is {wide} px wide")
        if browser.complaints():
            sys.exit(f"the console says {browser.complaints()}")
        token = re.search(r"token ([0-9a-f]{32})", (folder / "said").read_text()).group(1)
        browser.eval("document.getElementById('kill').click()")
        browser.eval(f"document.getElementById('token').value = '{'0' * 32}'")
        browser.eval("document.getElementById('kill-now').click()")
        browser.until("a wrong token is refused", "document.getElementById('killed').textContent.startsWith('not the token')")
        browser.eval(f"document.getElementById('token').value = '{token}'")
        browser.eval("document.getElementById('kill-now').click()")
        browser.until("the kill is answered", "document.getElementById('killed').textContent.startsWith('killed')")
        browser.until("the kill is shown", "document.getElementById('alarm').textContent.startsWith('KILLED')")
        browser.picture(pictures / "page_killed.png", 1280, 900, "light")
        bot.send_signal(signal.SIGSTOP)
        browser.until("a bot that hangs is told", "document.getElementById('lost').textContent.includes('nothing new')")
        bot.send_signal(signal.SIGCONT)
        browser.until("and that it goes on", "document.getElementById('lost').textContent === ''")
        bot.kill()
        browser.until("a dead one is told", "document.getElementById('lost').textContent.startsWith('No connection')")
        browser.picture(pictures / "page_dead.png", 1280, 900, "light")
        print("kill, hang and death are shown")
    finally:
        browser.end()
        bot.kill()
        bot.wait()


if __name__ == "__main__":
    main()
