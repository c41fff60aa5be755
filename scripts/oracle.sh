#!/usr/bin/env bash
# Our boosted trees beside scikit-learn's HistGradientBoosting on the same seeded data (areas under the curve
# within 0.01), and what we read of LightGBM's text dump beside LightGBM itself (equal to 1e-9).
# Makes a throw-away environment; says so and ends well where there is no network to make it with.
#
#   scripts/oracle.sh [SEEDS]        default: 3
#   VENV=DIR                         an environment that is there already
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

venv=${VENV:-}
if [ -z "$venv" ]; then
  venv=$work/venv
  python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet scikit-learn 2>"$work/said"; then
    echo "oracle: SKIPPED: scikit-learn cannot be installed here ($(tail -1 "$work/said"))"
    exit 0
  fi
  "$venv/bin/pip" install --quiet lightgbm 2>"$work/said" ||
    echo "oracle: without LightGBM, which cannot be installed here ($(tail -1 "$work/said"))"
fi
cargo test --quiet --test oracle --no-run
for seed in $(seq 1 "$seeds"); do
  mkdir -p "$work/$seed"
  "$venv/bin/python" scripts/oracle.py make "$work/$seed" "$seed"
  BOTMM_ORACLE=$work/$seed cargo test --quiet --test oracle -- --ignored >"$work/said" 2>&1 ||
    { cat "$work/said" >&2; exit 1; }
  "$venv/bin/python" scripts/oracle.py compare "$work/$seed" "$seed"
done
