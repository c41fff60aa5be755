#!/usr/bin/env bash
# What other people's tools read of our exports is what `botmm inspect` says of the recording: rows and exact
# sums of prices and sizes by pandas, polars and DuckDB; rows by hftbacktest's own package, which also
# converts the lines of the collector form and runs over the events.
# Not in CI: it makes a throw-away environment of some hundred megabytes.
#
#   scripts/roundtrip.sh [RECORDING…]        default: testdata/recording
#   BOTMM=target/release/botmm VENV=DIR      another binary; an environment that is there already
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
botmm=${BOTMM:-$here/target/debug/botmm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- "$here/testdata/recording"

venv=${VENV:-}
if [ -z "$venv" ]; then
  venv=$work/venv
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet pandas polars duckdb pyarrow zstandard hftbacktest
fi

"$botmm" inspect "$@" --json >"$work/inspect.json" 2>"$work/said"
for format in csv parquet npz hftbacktest; do
  "$botmm" export "$@" --allow-unsound --format "$format" --out "$work/$format" >"$work/$format.txt" 2>>"$work/said"
done
"$venv/bin/python" "$here/scripts/roundtrip.py" "$work"
