#!/usr/bin/env bash
# What each fair price knows of the next seconds, what fills by it came to, and what is left at each
# maker fee: a recording replayed with every fair price, as if the feed had been 10, 50, 100, 200 ms late
# and as it was. R² is the fit's own account; markouts are computed from the journals' fills and the
# recording's own mids. Both are of the second half of its time; t values are of clusters, a minute and
# coin each. Also: what the price that quotes lean to knows, at the moments that a journal has of it; weights carried
# from the first half to the second; and quotes by a fill model that was learned from the first half alone, with what
# `botmm train` does when nothing is said. Prints Markdown.
# Usage: scripts/edge_table.sh RECORDING [NAME=FILE.toml...]
#   RECORDING       a folder of recorded books and trades
#   NAME=FILE.toml  further rows: configurations on top of the shipped one
#   BOTMM_BIN       the command to run; built in release when not set
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 1 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v zstd >/dev/null || { echo "edge_table.sh: zstd is needed to unpack the exported mids: apt-get install zstd" >&2; exit 2; }
recording=$1
shift
. scripts/botmm_bin.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

row() { # NAME, then keys of [defaults.quote]
  local name=$1
  shift
  printf '%s\n' '[defaults.quote]' 'touch = "free"' "$@" >"$work/$name.toml"
  rows+=("$name=$work/$name.toml")
}
rows=()
row mid 'fair_price = "mid"' 'imbalance_strength = 0.0'
row microprice 'fair_price = "microprice"' 'imbalance_strength = 0.0'
row leaning 'fair_price = "microprice"' 'imbalance_strength = 0.3'
row fitted 'fair_price = "fitted"'
row edge 'fair_price = "fitted"' 'use_edge = true'
for horizon in 1 5; do
  printf '[defaults.fit]\nfit_always = true\nfit_horizon_s = %s.0\n[defaults.quote]\ntouch = "free"\nfair_price = "fitted"\n' \
    "$horizon" >"$work/fit_${horizon}s.toml"
  sed 's/"fitted"/"microprice"/; $aimbalance_strength = 0.3' "$work/fit_${horizon}s.toml" >"$work/leaning_fit_${horizon}s.toml"
  rows+=("fit_${horizon}s=$work/fit_${horizon}s.toml" "leaning_fit_${horizon}s=$work/leaning_fit_${horizon}s.toml")
done
python3 scripts/edge_table.py "$BOTMM_BIN" "$recording" "$work" "${rows[@]}" "$@"
