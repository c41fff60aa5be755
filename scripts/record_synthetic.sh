#!/usr/bin/env bash
# A recording of the synthetic market, to be replayed like any other: an exchange on this machine serves it, and
# `botmm record` listens for so long, in real time.
# Usage: scripts/record_synthetic.sh SEED DURATION OUT     scripts/record_synthetic.sh 1 35m recordings/synthetic-1
#   BOTMM_BIN, PORT  the command to run (built in release when not set); where the exchange listens (4311)
set -euo pipefail

[ $# -eq 3 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
seed=$1 duration=$2
mkdir -p "$3"
out=$(cd "$3" && pwd)
cd "$(dirname "$0")/.."
. scripts/botmm_bin.sh
port=${PORT:-4311}
"$BOTMM_BIN" exchange --listen "127.0.0.1:$port" --seed "$seed" &
exchange=$!
trap 'kill "$exchange" 2>/dev/null || true' EXIT
"$BOTMM_BIN" record --symbols BTC,ETH,SOL --out "$out" --network "http://127.0.0.1:$port" --for "$duration"
