"""What each fair price knows of the next seconds, and what fills by it came to: the tables of edge_table.sh.

Markouts are computed here, from the fills in the journals that replays wrote and from the recording's mids, as exported.
R² is the fit's own account, as its journal lines keep it.

usage: edge_table.py BOTMM RECORDING WORKDIR [CONFIG=TOML...]"""

import bisect
import io
import json
import math
import subprocess
import sys
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

FEEDS = ["10ms", "50ms", "100ms", "200ms", "recorded"]
TIERS_BPS = ["1.5", "0.4", "0", "-0.3"]
HORIZONS_S = [1, 5]
MARKOUTS_S = [1, 5, 30]
LATENCY_S = 0.050


def unix(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).timestamp()


def lines(path):
    unpacked = subprocess.Popen(["zstd", "-dcq", str(path)], stdout=subprocess.PIPE)
    yield from io.TextIOWrapper(unpacked.stdout)
    if unpacked.wait() != 0:
        sys.exit(f"edge_table.py: {path}: zstd does not unpack it")


class Mids:
    """The venue's mids of a coin by the venue's clock: touches and the tops of books."""

    def __init__(self, folder, coin):
        told = {}
        touch = {}
        for line in list(lines(folder / f"prices_{coin}.csv.zst"))[1:]:
            _, px, _, side, at = line.rstrip("\n").split(",")
            touch[side, at] = float(px)
            if ("bid", at) in touch and ("ask", at) in touch:
                told[int(at)] = (touch["bid", at] + touch["ask", at]) / 2
        for line in list(lines(folder / f"orderbooks_{coin}.csv.zst"))[1:]:
            _, _, at, bid, _, ask, _ = line.split(",", 7)[:7]
            if bid and ask:
                told.setdefault(int(at), (float(bid) + float(ask)) / 2)
        self.times = sorted(told)
        self.mids = [told[at] for at in self.times]

    def before(self, at_s):
        """The last one strictly before a moment; None outside of what was recorded."""
        at = at_s * 1e3
        if not self.times or at > self.times[-1]:
            return None
        i = bisect.bisect_left(self.times, at)
        return self.mids[i - 1] if i else None


def mean_t(samples):
    """Mean, its t value, and n, of (minute and coin, value): neighbours in a minute are one cluster."""
    n = len(samples)
    if n == 0:
        return None, None, 0
    mean = sum(value for _, value in samples) / n
    clusters = defaultdict(float)
    for key, value in samples:
        clusters[key] += value - mean
    groups = len(clusters)
    if groups < 10:
        return mean, None, n
    error = math.sqrt(sum(off * off for off in clusters.values()) * groups / (groups - 1)) / n
    return mean, mean / error if error > 0 else None, n


def shown(mean_t_n):
    mean, t, n = mean_t_n
    if mean is None:
        return "– (0)"
    return f"{mean:+.2f} (t {'–' if t is None else format(t, '.1f')}, {n})"


class Run:
    """A replay's decisions and fills."""

    def __init__(self, botmm, recording, folder, config, feed, fee, args=()):
        self.folder = folder
        if not (folder / "summary.json").exists():
            command = [botmm, "replay", recording, "--config", str(config), "--feed", feed, "--fee-bps", fee]
            command += ["--latency", f"{LATENCY_S * 1e3:.0f}ms", "--out", str(folder), *args]
            ended = subprocess.run(command, capture_output=True, text=True)
            if ended.returncode != 0:
                sys.exit(f"edge_table.py: {' '.join(command)}: {ended.stderr.strip()}")
        self.summary = json.loads((folder / "summary.json").read_text())

    def journal(self):
        with open(self.folder / "journal.jsonl", encoding="utf-8") as journal:
            for line in journal:
                yield json.loads(line)


def scores(run, since):
    """Of each coin since then: share of the moves' squares that the fit and the microprice predicted, at the same
    samples (five a second at most), and how many. The fit's own count, each prediction before it was learned from."""
    first, last = {}, {}
    for line in run.journal():
        if line["type"] == "fit":
            sums = line["state"]["run"]
            if unix(line["time"]) <= since:
                first[line["coin"]] = sums
            last[line["coin"]] = sums
    told = {}
    for coin, end in last.items():
        begin = first.get(coin, dict.fromkeys(end, 0.0))
        sums = {key: end[key] - begin[key] for key in end}
        if sums["still"] > 0:
            r2 = {name: 1 - sums[key] / sums["still"] for name, key in (("fitted", "fitted"), ("microprice", "micro"))}
            told[coin] = (r2, sums["moves"])
    return told


def middle(run):
    """Half way through the market's time."""
    times = [unix(line["time"]) for line in run.journal() if line["type"] == "decision"]
    return (times[0] + times[-1]) / 2


def markouts(run, mids, since, after_s):
    """Of each fill since then: basis points from its price to the venue's mid so long after it, + = for us."""
    samples = []
    for line in run.journal():
        if line["type"] != "fill":
            continue
        at, px, coin = unix(line["venue_time"]), float(line["px"]), line["coin"]
        came = mids[coin].before(at + after_s)
        if at < since or came is None:
            continue
        sign = 1 if line["side"] == "buy" else -1
        samples.append(((coin, int(at // 60)), sign * 1e4 * (came - px) / px))
    return mean_t(samples)


def money(run):
    """Of the whole replay, USD: gross, net; and how many fills."""
    s = run.summary
    return f"{s['gross_pnl_usd']:+.2f} / {s['net_pnl_usd']:+.2f} ({s['fills']})"


def main():
    botmm, recording, work = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    configs = dict(given.split("=", 1) for given in sys.argv[4:])
    exported = work / "mids"
    if not exported.exists():
        command = [botmm, "export", recording, "--format", "csv", "--out", str(exported)]
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode != 0:
            sys.exit(f"edge_table.py: {' '.join(command)}: {ended.stderr.strip()}")

    def run(name, feed, fee):
        return Run(botmm, recording, work / f"{name}_{feed}_{fee}", Path(configs[name]), feed, fee)

    first = run(next(iter(configs)), "50ms", "0")
    coins = sorted(first.summary["by_symbol"])
    mids = {coin: Mids(exported, coin) for coin in coins}
    half = middle(first)

    print("## What each fair price knows (prequential R² against the mid standing still, second half, %)\n")
    print("| fair price | feed |" + "".join(f" {c} {h} s |" for c in coins for h in HORIZONS_S))
    print("|---|---|" + "---|" * len(coins) * len(HORIZONS_S))
    for name in ("microprice", "fitted"):
        for feed in FEEDS:
            told = [scores(run(f"fit_{h}s", feed, "0"), half) for h in HORIZONS_S]
            cells = [f"{100 * at[c][0][name]:.1f}" if c in at else "–" for c in coins for at in told]
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")
    samples = scores(run("fit_1s", "50ms", "0"), half)
    print("\nSamples at 50ms, 1 s: " + ", ".join(f"{c} {n:,.0f}" for c, (_, n) in samples.items()) + ".")

    print("\n## What fills came to (second half, fee 0: bps from price to mid, clustered t, fills)\n")
    print("| quotes by | feed |" + "".join(f" {h} s |" for h in MARKOUTS_S))
    print("|---|---|" + "---|" * len(MARKOUTS_S))
    rows = [name for name in configs if not name.startswith("fit_")]
    for name in rows:
        for feed in FEEDS:
            cells = [shown(markouts(run(name, feed, "0"), mids, half, h)) for h in MARKOUTS_S]
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")

    print("\n## What was earned (whole span, USD: gross / net (fills)), by maker fee\n")
    print("| quotes by | feed |" + "".join(f" {fee} bps |" for fee in TIERS_BPS))
    print("|---|---|" + "---|" * len(TIERS_BPS))
    for name in rows:
        for feed in FEEDS:
            cells = [money(run(name, feed, fee)) for fee in TIERS_BPS]
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")


main()
