#!/usr/bin/env bash
# Makes pages of `botmm report` and opens them in headless Chromium: of a replay with many fills, of one with none,
# and of whatever folders are named. No complaint of the console, no request, no empty chart, no page wider than a
# phone, dark and light; made twice they are the same bytes.
# Chromium is Debian's (`apt-get install chromium`); without one this says so and exits with 77.
#
# usage: scripts/report.sh [BOTMM] [FOLDER FOR PICTURES] [RUN OR BACKTEST…]
set -euo pipefail
cd "$(dirname "$0")/.."
botmm=$(realpath "${1:-target/debug/botmm}")
source scripts/chromium.sh "the report"
[ -x "$botmm" ] || { echo "$botmm: build it first (cargo build)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
pictures=${2:-$folder}
mkdir -p "$pictures"
export BOTMM_TAPES=off
"$botmm" replay testdata/recording --out "$folder/fills" >"$folder/said"
# The fee is far above any spread, and such sides are not quoted.
printf '[defaults.quote]\nbelow_fee = "skip"\nmin_spread_bps = 2.0\nmax_spread_bps = 4.0\n' >"$folder/none.toml"
"$botmm" replay testdata/recording --config "$folder/none.toml" --fee-bps 50 --out "$folder/none" >"$folder/said"
pages=()
n=0
for of in "$folder/fills" "$folder/none" "${@:3}"; do
    n=$((n + 1))
    mkdir -p "$folder/pages/$n"
    page=$folder/pages/$n/$(basename "$of").html
    "$botmm" report "$of" --text --out "$page" >"$folder/said" 2>&1
    "$botmm" report "$of" --text --out "$folder/again.html" >"$folder/said" 2>&1
    cmp "$page" "$folder/again.html"
    pages+=("$page")
done
python3 scripts/report_in_chromium.py "$chromium" "$folder" "$(realpath "$pictures")" "${pages[@]}"
