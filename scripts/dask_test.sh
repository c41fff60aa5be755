#!/usr/bin/env bash
# A sweep of our own recording on Dask (deploy/dask): whether one process, two workers, and two of which one is
# killed with what it is doing, come to the same results, byte for byte. Needs python3 with venv; the client is
# installed with pip into target/dask/venv. Exits 1 when they differ, 2 when it could not start.
#
# usage: scripts/dask_test.sh [BOTMM]
set -euo pipefail
cd "$(dirname "$0")/.."
botmm=$(realpath "${1:-${BOTMM_BIN:-target/debug/botmm}}")
[ -x "$botmm" ] || { echo "$botmm: build it first (cargo build)" >&2; exit 2; }
work=target/dask
venv=$work/venv
mkdir -p "$work"
if ! cmp -s deploy/dask/requirements.txt "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement deploy/dask/requirements.txt
    cp deploy/dask/requirements.txt "$venv/requirements.txt"
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

plan() {
    "$botmm" sweep plan testdata/recording --out "$1" \
        --param quote.min_spread_bps=2,4,8 --feed recorded,50ms --queue risk_averse,prob_log >"$1.log"
}
hash_of() { sha256sum "$1/results.json" | cut -d' ' -f1; }

plan "$folder/one"
tasks=$(wc -l <"$folder/one/tasks.jsonl")
seq 0 $((tasks - 1)) | xargs -n 1 "$botmm" sweep run "$folder/one" --task >"$folder/log"
"$botmm" sweep reduce "$folder/one" >"$folder/log"

plan "$folder/two"
"$venv/bin/python" deploy/dask/sweep.py "$folder/two" --botmm "$botmm" --workers 2 >"$folder/log"

plan "$folder/killed"
"$venv/bin/python" deploy/dask/sweep.py "$folder/killed" --botmm "$botmm" --workers 2 >"$folder/log" &
sweep=$!
# The first worker that is seen at a task dies, and the task with it.
while true; do
    kill -0 "$sweep" 2>/dev/null || { echo "no task was seen under way: none was killed" >&2; exit 1; }
    task=$(pgrep -n -f "sweep run $folder/killed" || true)
    worker=$([ -z "$task" ] || ps -o ppid= -p "$task" | tr -d ' ')
    if [ "${worker:-1}" -ne 1 ] && kill -KILL "$worker" 2>/dev/null; then
        kill -KILL "$task" 2>/dev/null || true
        break
    fi
    sleep 0.02
done
wait "$sweep"

one=$(hash_of "$folder/one")
for way in two killed; do
    [ "$(hash_of "$folder/$way")" = "$one" ] || { echo "$way: results differ from those of one process" >&2; exit 1; }
done
echo "$tasks tasks, the same results by one process, two workers, and two of which one was killed: $one"
