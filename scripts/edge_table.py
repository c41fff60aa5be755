"""What each fair price knows of the next seconds, and what fills by it came to: the tables of edge_table.sh.

Everything is computed here from the journal that a replay wrote and from the recording's mids, as exported: none of
the program's own figures is used. A decision's prediction is its fair price, with the leans of its quotes; what came is
the venue's mid a horizon after an order of that moment would have arrived, by the venue's clock.

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
# A predictor is scored at most so often: neighbours say the same twice.
SCORE_EVERY_S = 0.25


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


def predictions(run):
    """Of each coin: when it was decided, the mid known then, the fair price with the quotes' leans."""
    made = defaultdict(list)
    last = {}
    for line in run.journal():
        if line["type"] != "decision" or not line.get("mid") or not line.get("terms"):
            continue
        at, coin, mid = unix(line["time"]), line["coin"], float(line["mid"])
        if at - last.get(coin, 0) < SCORE_EVERY_S or float(line["fair"]) <= 0:
            continue
        terms, leans = line["terms"], 0.0
        for side in ("bid", "ask"):
            leans += sum(float(terms[side].get(lean, 0)) for lean in ("signal", "imbalance")) / 2
        made[coin].append((at, mid, float(line["fair"]) + leans))
        last[coin] = at
    return made


def r2(made, mids, horizon_s, since):
    """Against "no change"; and how many predictions it rests on."""
    error = total = count = 0
    for at, mid, fair in made:
        came = mids.before(at + LATENCY_S + horizon_s)
        if at < since or came is None:
            continue
        moved, said = 1e4 * math.log(came / mid), 1e4 * math.log(fair / mid)
        error += (moved - said) ** 2
        total += moved**2
        count += 1
    return (1 - error / total if total else None), count


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


def money(run, since):
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

    print("## What each fair price knows (prequential R², second half, %)\n")
    print("| fair price | feed |" + "".join(f" {c} {h} s |" for c in coins for h in HORIZONS_S))
    print("|---|---|" + "---|" * len(coins) * len(HORIZONS_S))
    for name in configs:
        for feed in FEEDS:
            made = predictions(run(name, feed, "0"))
            cells = []
            for coin in coins:
                for horizon in HORIZONS_S:
                    share, _ = r2(made[coin], mids[coin], horizon, half)
                    cells.append("–" if share is None else f"{100 * share:.1f}")
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")

    print("\n## What fills came to (second half, fee 0: bps from price to mid, clustered t, fills)\n")
    print("| quotes by | feed |" + "".join(f" {h} s |" for h in MARKOUTS_S))
    print("|---|---|" + "---|" * len(MARKOUTS_S))
    for name in configs:
        for feed in FEEDS:
            cells = [shown(markouts(run(name, feed, "0"), mids, half, h)) for h in MARKOUTS_S]
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")

    print("\n## What was earned (whole span, USD: gross / net (fills)), by maker fee\n")
    print("| quotes by | feed |" + "".join(f" {fee} bps |" for fee in TIERS_BPS))
    print("|---|---|" + "---|" * len(TIERS_BPS))
    for name in configs:
        for feed in FEEDS:
            cells = [money(run(name, feed, fee), half) for fee in TIERS_BPS]
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")


main()
