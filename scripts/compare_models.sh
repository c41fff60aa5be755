#!/usr/bin/env bash
# Replays a recording with every quote model and strategy, one coin at a time, and prints what each
# earned or lost as a table, with what the numbers rest on.
# Usage: scripts/compare_models.sh RECORDING [FLAG...]
#   RECORDING  a folder of recorded books and trades
#   FLAG...    further flags of `botmm replay`, the same for every row: --fee-bps 0, --queue prob_log …
#   BOTMM_BIN  the command to run; built in release when not set
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
recording=$1
shift
. scripts/botmm_bin.sh
exec python3 - "$recording" "$@" <<'PYTHON'
import json, os, subprocess, sys, tempfile

recording, flags = sys.argv[1], sys.argv[2:]
MODELS = ["linear", "avellaneda_stoikov", "glft"]
STRATEGIES = ["basic", "adaptive"]
COLUMNS = ["model", "strategy", "coin", "quoted", "quotes", "fills", "volume", "gross", "fees", "net",
           "spread captured", "adverse 5 s", "markout 1 s", "5 s", "30 s", "60 s", "at limit"]


def replay(config, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(config)
        file.flush()
        command = [os.environ["BOTMM_BIN"], "replay", recording, "--json", "--config", file.name, *flags, *more]
        run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode not in (0, 6):  # 6: a risk limit halted it, which is a result too
        sys.exit(f"compare_models: {' '.join(command)}: {run.stderr.strip()}")
    return json.loads(run.stdout), run.returncode == 6


def markout(sides, horizon):
    """Of both sides together, weighted by value, in basis points before fees."""
    parts = [sides[side][horizon] for side in ("bid", "ask")]
    value = sum(p["volume_usd"] for p in parts)
    return f"{sum(p['usd'] for p in parts) / value * 1e4:+.2f}" if value else "-"


def row(model, strategy, coin):
    config = f'[defaults.quote]\nmodel = "{model}"\nstrategy = "{strategy}"\n'
    summary, halted = replay(config, "--symbols", coin)
    of, split = summary["by_symbol"][coin], summary["pnl_split"]
    sides = summary["reasons"][coin]
    quoted = sum(sides[side].get("quoted", 0) for side in ("bid", "ask")) / 2
    cells = [model, strategy, coin + (" (halted)" if halted else ""), f"{quoted:.0%}", of["quotes"], of["fills"],
             f"{of['volume_usd']:.0f}", f"{of['gross_pnl_usd']:+.2f}", f"{of['fees_usd']:.2f}",
             f"{of['net_pnl_usd']:+.2f}", f"{split['spread_captured_usd']:+.2f}",
             f"{split['adverse_selection_usd']['5s']:+.2f}",
             *(markout(summary["markouts"][coin], h) for h in ("1s", "5s", "30s", "60s")),
             f"{of['time_at_limit']:.1%}"]
    return [str(c) for c in cells], summary


first, _ = replay("")
coins = list(first["by_symbol"])
rows, last = [], first
for coin in coins:
    for model in MODELS:
        for strategy in STRATEGIES:
            cells, last = row(model, strategy, coin)
            rows.append(cells)
head = COLUMNS
widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
line = lambda cells: "| " + " | ".join(c.ljust(w) if i < 3 else c.rjust(w)
                                        for i, (c, w) in enumerate(zip(cells, widths))) + " |"
print(line(head))
print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
print("\n".join(map(line, rows)))
a = last["assumptions"]
print(f"""
Money in USD, markouts in basis points of the fill price, before fees. Each row is a run of its own: one coin,
{first['span_s'] / 60:.1f} minutes, capital and limits as shipped.
- queue {a['queue']}, latency {a['latency']}, maker fee {a['fee_bps']} bps (positive = cost), seed {a['seed']}
- a recording does not react to our orders; nothing is annualised; minutes of one day say nothing about another
- data: {', '.join(sorted({os.path.basename(f['path']) for s in [first] for f in s['assumptions']['data']}))}""")
PYTHON
