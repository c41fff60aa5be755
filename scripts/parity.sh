#!/usr/bin/env bash
# Repeats the runs of a folder that are over and were not repeated yet, each from its own capture, and keeps what
# came of it: a line of JSON each in DIR/parity.jsonl. For a timer or cron, at night.
#
# Usage: scripts/parity.sh [DIR]         default: runs
#   BOTMM=target/release/botmm           another binary
#
# A run that has no capture, or whose summary is not there yet (it goes on, or was killed), is passed over. Exit code:
# 0 every decision was the same, 7 one was another, 2 usage or no such folder, 1 a part of a run could not be compared,
# or a run could not be repeated at all: that one is tried again next time, and DIR/parity.log says why.
set -euo pipefail

botmm=${BOTMM:-botmm}
dir=${1:-runs}
if [ $# -gt 1 ]; then sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
[ -d "$dir" ] || { echo "parity: $dir: no such folder" >&2; exit 2; }
kept=$dir/parity.jsonl
worst=0 repeated=0
shopt -s nullglob
for run in "$dir"/*/; do
  run=${run%/} name=$(basename "$run")
  [ -d "$run/capture" ] && [ -e "$run/summary.json" ] || continue
  if [ -e "$kept" ] && grep -qF "{\"run\":\"$name\"," "$kept"; then continue; fi
  code=0
  said=$("$botmm" parity "$run" --json 2>>"$dir/parity.log") || code=$?
  # What cannot be read now is tried again next time.
  case $code in
    0 | 1 | 7) ;;
    *)
      echo "parity: $run: exit code $code, see $dir/parity.log" >&2
      [ $worst = 7 ] || worst=1
      continue
      ;;
  esac
  printf '{"run":"%s","code":%d,"said":%s}\n' "$name" "$code" "$(tr -d '\n' <<<"$said")" >>"$kept"
  repeated=$((repeated + 1))
  if [ $code = 7 ]; then worst=7; elif [ $code = 1 ] && [ $worst = 0 ]; then worst=1; fi
done
echo "parity: $repeated repeated, see $kept"
exit $worst
