"""What each fair price knows of the next seconds, and what fills by it came to: the tables of edge_table.sh.

Markouts are computed here, from the fills in the journals that replays wrote and from the recording's mids, as exported.
R² is the fit's own account, as its journal lines keep it; that of the price that quotes lean to is not kept by it, and is
computed here, at the decisions that a journal has. The rows with a fill model have one that was learned from the orders of
the recording's first half alone; so have the weights that are carried over.

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
SAMPLES_APART_S = 0.2
LEARNS_FROM = "fitted"
QUOTES_BY_MODEL = ["fitted", "edge"]
BY_MODEL = ", fill model"
CARRIED_FEEDS = ["50ms", "recorded"]


def unix(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).timestamp()


def call(*command):
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if ended.returncode != 0:
        sys.exit(f"edge_table.py: {' '.join(map(str, command))}: {ended.stderr.strip()}")


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
            latency = f"{LATENCY_S * 1e3:.0f}ms"
            call(botmm, "replay", recording, "--config", config, "--feed", feed, "--fee-bps", fee, "--latency", latency,
                 "--out", folder, *args)
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


def foresight(run, mids, since, horizon_s):
    """Of each coin since then: share of the moves' squares that each price predicted, and of how many. At decisions whose
    quotes differ from those before, which are all that a journal has, five a second at most: no fair choice of
    moments, so these are compared among themselves alone."""
    sums, last = {}, {}
    for line in run.journal():
        if line["type"] != "decision" or not line["mid"]:
            continue
        at, coin, mid, terms = unix(line["time"]), line["coin"], float(line["mid"]), line["terms"]
        came = mids[coin].before(at + LATENCY_S + horizon_s)
        if at < since or at - last.get(coin, 0) < SAMPLES_APART_S or came is None:
            continue
        last[coin] = at
        lean = sum(float(terms[side].get("imbalance", 0)) for side in ("bid", "ask")) / 2
        prices = {"microprice": float(terms["moment"]["microprice"]), "leaning": float(terms["fair"]) + lean,
                  "fitted": mid * (1 + 1e-4 * terms["fit"]["fair_bps"])}
        of = sums.setdefault(coin, defaultdict(float))
        of["n"] += 1
        of["still"] += (came / mid - 1) ** 2
        for name, price in prices.items():
            of[name] += ((came - price) / mid) ** 2
    return {coin: ({name: 1 - of[name] / of["still"] for name in prices}, of["n"]) for coin, of in sums.items()}


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


def cut(exported, folder, keep):
    """The rows of an exported recording whose time by the venue's clock is to be kept, as a recording."""
    if folder.exists():
        return folder
    folder.mkdir()
    for path in exported.glob("*.csv.zst"):
        head, *rows = lines(path)
        at = head.rstrip("\n").split(",").index("exchange_timestamp")
        kept = [row for row in rows if keep(int(row.rstrip("\n").split(",")[at]) / 1e3)]
        packed = subprocess.run(["zstd", "-q", "-c"], input="".join([head, *kept]).encode(), capture_output=True, check=True)
        (folder / path.name).write_bytes(packed.stdout)
    return folder


def model(botmm, recording, work, config, feed, fee):
    """Learns from a recording's simulated orders, with what `botmm train` does when nothing is said; None, and why not."""
    path = work / f"model_{feed}_{fee}"
    if not path.exists():
        with_fee = work / f"model_{feed}_{fee}.toml"
        with_fee.write_text(f"[sim]\nmaker_fee_bps = {fee}\n{Path(config).read_text()}")
        command = [botmm, "train", "--captures", recording, "--config", with_fee, "--feed", feed, "--out", path]
        command += ["--latency", f"{LATENCY_S * 1e3:.0f}ms"]
        ended = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if ended.returncode == 5:
            return None, ended.stderr.strip().removeprefix("botmm: ")
        if ended.returncode != 0:
            sys.exit(f"edge_table.py: {' '.join(map(str, command))}: {ended.stderr.strip()}")
    return path, json.loads(path.read_text().split("\n", 1)[1])["head"]


def main():
    botmm, recording, work = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    configs = dict(given.split("=", 1) for given in sys.argv[4:])
    exported = work / "mids"
    if not exported.exists():
        call(botmm, "export", recording, "--format", "csv", "--out", exported)

    def run(name, feed, fee):
        config = Path(configs[name.removesuffix(BY_MODEL)])
        if name.endswith(BY_MODEL):
            path, _ = models[feed, fee]
            if path is None:
                return None
            text = config.read_text().replace("[defaults.quote]\n", f"[defaults.quote]\nfill_model = \"{path}\"\n")
            config = work / f"{name}_{feed}_{fee}.toml"
            config.write_text(text)
        return Run(botmm, recording, work / f"{name}_{feed}_{fee}", config, feed, fee)

    first = run(next(iter(configs)), "50ms", "0")
    coins = sorted(first.summary["by_symbol"])
    mids = {coin: Mids(exported, coin) for coin in coins}
    half = middle(first)

    cuts = {"first": cut(exported, work / "first", lambda at: at < half),
            "second": cut(exported, work / "second", lambda at: at >= half)}
    models = {(feed, fee): model(botmm, cuts["first"], work, configs[LEARNS_FROM], feed, fee)
              for feed in FEEDS for fee in TIERS_BPS}

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

    print("\n## The same where quotes changed, at 50ms (second half, %), and of how many moments\n")
    print("| fair price |" + "".join(f" {c} {h} s |" for c in coins for h in HORIZONS_S))
    print("|---|" + "---|" * len(coins) * len(HORIZONS_S))
    told = {h: foresight(run(f"leaning_fit_{h}s", "50ms", "0"), mids, half, h) for h in HORIZONS_S}
    for name in ("microprice", "leaning", "fitted"):
        print(f"| {name} | " + " | ".join(f"{100 * told[h][c][0][name]:.1f}" for c in coins for h in HORIZONS_S) + " |")
    print("| moments | " + " | ".join(f"{told[h][c][1]:,.0f}" for c in coins for h in HORIZONS_S) + " |")

    print("\n## Weights carried from the first half to the second (second half alone, fee 0)\n")
    print("| the fit begins | feed |" + "".join(f" {c} 1 s, % |" for c in coins) + "".join(f" {h} s, bps |" for h in MARKOUTS_S))
    print("|---|---|" + "---|" * (len(coins) + len(MARKOUTS_S)))
    for feed in CARRIED_FEEDS:
        begun = Run(botmm, cuts["first"], work / f"first_{feed}", Path(configs["fit_1s"]), feed, "0")
        for name, args in (("with nothing", []), ("with the first half's", ["--params-from", begun.folder / "journal.jsonl"])):
            ended = Run(botmm, cuts["second"], work / f"second_{len(args)}_{feed}", Path(configs["fit_1s"]), feed, "0", args)
            known = scores(ended, 0)
            cells = [f"{100 * known[c][0]['fitted']:.1f}" for c in coins]
            cells += [shown(markouts(ended, mids, half, h)) for h in MARKOUTS_S]
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")

    print("\n## What fill models learned from the first half (quotes by " + LEARNS_FROM + ")\n")
    print("| feed | fee, bps | orders, filled | area under the curve | shuffled | R² of moves (t) |")
    print("|---|---|---|---|---|---|")
    for (feed, fee), (path, head) in models.items():
        if path is None:
            print(f"| {feed} | {fee} | none: {head} | | | |")
            continue
        s = head["scores"]
        auc, shuffled, moves = s["fill"], s["fill_shuffled"], s["adverse"]
        number = lambda value, form: "–" if value is None else format(value, form)
        print(f"| {feed} | {fee} | {s['learned'][0]}, {s['learned'][1]} | {number(auc['auc'], '.3f')} ± {number(auc['auc_se'], '.3f')} "
              f"| {number(shuffled['auc'], '.3f')} | {number(moves['r2'], '+.3f')} ({number(moves['t'], '.1f')}) |")

    print("\n## What fills came to (second half, fee 0: bps from price to mid, clustered t, fills)\n")
    print("| quotes by | feed |" + "".join(f" {h} s |" for h in MARKOUTS_S))
    print("|---|---|" + "---|" * len(MARKOUTS_S))
    rows = [name for name in configs if "fit_" not in name] + [name + BY_MODEL for name in QUOTES_BY_MODEL]
    for name in rows:
        for feed in FEEDS:
            replayed = run(name, feed, "0")
            cells = [shown(markouts(replayed, mids, half, h)) if replayed else "no model" for h in MARKOUTS_S]
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")

    print("\n## What was earned (whole span, USD: gross / net (fills)), by maker fee\n")
    print("| quotes by | feed |" + "".join(f" {fee} bps |" for fee in TIERS_BPS))
    print("|---|---|" + "---|" * len(TIERS_BPS))
    for name in rows:
        for feed in FEEDS:
            replayed = [run(name, feed, fee) for fee in TIERS_BPS]
            cells = [money(of) if of else "no model" for of in replayed]
            print(f"| {name} | {feed} | " + " | ".join(cells) + " |")


main()
