#!/usr/bin/env bash
# What a fill predictor does on a recording: learned from the orders of a replay's first half, then the second
# half with it and without it, by feed delay and fee. The rule is here, nothing is chosen by hand.
# Usage: scripts/learning_table.sh RECORDING [FLAG...]
#   RECORDING  a folder of recorded books and trades
#   FLAG...    further flags of `botmm replay` and of `botmm train`, the same for every row: --symbols BTC …
#   BOTMM_BIN  the command to run; built in release when not set
#   FEEDS, FEES, MORE   lists, and a line of TOML for [defaults.quote]: "recorded 50ms", "1.5 0", 'max_spread_bps = 9'
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
recording=$1
shift
. scripts/botmm_bin.sh
exec python3 - "$recording" "$@" <<'PYTHON'
import datetime, json, math, os, subprocess, sys, tempfile

recording, flags = sys.argv[1], sys.argv[2:]
FEEDS = os.environ.get("FEEDS", "recorded 50ms").split()
FEES = os.environ.get("FEES", "1.5 0").split()
MORE = os.environ.get("MORE", "")
HORIZON_S = 5
work = tempfile.mkdtemp()
COLUMNS = ["feed", "fee bps", "model", "AUC", "shuffled", "move R2", "fills", "volume", "markout 5 s bps", "t",
           "worth USD", "95 %", "on - off USD", "95 %", "no_edge"]


def run(*command):
    done = subprocess.run([os.environ["BOTMM_BIN"], *command], capture_output=True, text=True)
    if done.returncode not in (0, 6):  # 6: a risk limit halted it, which is a result too
        return None, done.stderr.strip()
    return json.loads(done.stdout), ""


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def fills(folder, after):
    """Fills after a moment: minute, value, worth a horizon later after the fee, markout in bps."""
    fees, told = {}, {}
    for line in open(f"{folder}/journal.jsonl"):
        line = json.loads(line)
        if line["type"] == "fill":
            fees[line["coin"], line["tid"]] = (seconds(line["venue_time"]), float(line["fee_usd"]))
        elif line["type"] == "markout" and line["after_s"] == HORIZON_S:
            px, mid, qty = float(line["px"]), float(line["mid"]), float(line["qty"])
            gain = (mid - px if line["side"] == "buy" else px - mid) * qty
            told[line["coin"], line["tid"]] = (px * qty, gain)
    rows = []
    for key, (at, fee) in fees.items():
        if at > after and key in told:
            value, gain = told[key]
            rows.append((int(at // 60), value, gain - fee, 1e4 * gain / value))
    return rows


def interval(by_minute, first, last):
    """Sum, and half of its 95 % interval from minute to minute, those without a fill too."""
    sums = [by_minute.get(minute, 0.0) for minute in range(first, last + 1)]
    mean = sum(sums) / len(sums)
    se = math.sqrt(sum((s - mean) ** 2 for s in sums) / (len(sums) - 1) / len(sums))
    return sum(sums), 1.96 * se * len(sums)


def minutes(rows):
    sums = {}
    for minute, _, worth, _ in rows:
        sums[minute] = sums.get(minute, 0.0) + worth
    return sums


def t_value(rows):
    marks = [bps for *_, bps in rows]
    if len(marks) < 3:
        return "-"
    mean = sum(marks) / len(marks)
    return f"{mean / math.sqrt(sum((m - mean) ** 2 for m in marks) / (len(marks) - 1) / len(marks)):+.1f}"


def cells(rows, first, last):
    total, half = interval(minutes(rows), first, last)
    value = sum(row[1] for row in rows)
    markout = sum(row[1] * row[3] for row in rows) / value if value else float("nan")
    return [len(rows), f"{value:.0f}", f"{markout:+.2f}" if value else "-", t_value(rows), f"{total:+.3f}", f"± {half:.3f}"]


table = []
for feed in FEEDS:
    for fee in FEES:
        config = f"[sim]\nmaker_fee_bps = {fee}\n[defaults.quote]\n{MORE}\n"
        off_toml, on_toml = f"{work}/off.toml", f"{work}/on.toml"
        model = f"{work}/model-{feed}-{fee}"
        open(off_toml, "w").write(config)
        open(on_toml, "w").write(config + f'fill_model = "{model}"\n')
        more = ["--feed", feed, *flags, "--json"]
        told, why = run("train", "--captures", recording, "--config", off_toml, "--test-share", "0.5", "--min-leaf", "10",
                        "--out", model, *more)
        if told is None:
            table.append([feed, fee, f"none: {why}"] + [""] * (len(COLUMNS) - 3))
            continue
        scores, after = told["head"]["scores"], told["head"]["trained"][1] / 1e9
        both = []
        for name, toml in [("off", off_toml), ("on", on_toml)]:
            folder = f"{work}/{feed}-{fee}-{name}"
            summary, why = run("replay", recording, "--config", toml, "--out", folder, *more)
            if summary is None:
                sys.exit(f"learning_table: {why}")
            both.append((name, fills(folder, after), summary))
        first, last = int(after // 60), max([row[0] for _, rows, _ in both for row in rows] or [int(after // 60) + 2])
        difference = minutes(both[1][1])
        for minute, worth in minutes(both[0][1]).items():
            difference[minute] = difference.get(minute, 0.0) - worth
        total, half = interval(difference, first, last)
        for name, rows, summary in both:
            skipped = [sides[side].get("no_edge", 0) for coin in summary["by_symbol"]
                       for sides in [summary["reasons"][coin]] for side in ("bid", "ask")]
            of_model = [f"{scores['fill']['auc']:.3f} ± {scores['fill']['auc_se']:.3f}",
                        f"{scores['fill_shuffled']['auc']:.3f}", f"{scores['adverse']['r2']:+.3f}"]
            table.append([feed, fee, name, *(of_model if name == "on" else ["", "", ""]), *cells(rows, first, last),
                          *([f"{total:+.3f}", f"± {half:.3f}"] if name == "on" else ["", ""]),
                          f"{sum(skipped) / len(skipped):.0%}"])
line = lambda row: "| " + " | ".join(map(str, row)) + " |"
print(line(COLUMNS))
print("|" + "---|" * len(COLUMNS))
print("\n".join(map(line, table)))
print(f"""
Second half alone. Worth = the mid {HORIZON_S} s after each fill against its price, less the fee: leaving the position is
free in it. Intervals from minute to minute. Markouts are before fees, weighted by value; t by fill, as if they were
independent. no_edge: share of all the time, both halves, of sides that were not quoted for it.""")
PYTHON
