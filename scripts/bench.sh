#!/usr/bin/env bash
# Runs every benchmark and prints the rig first, because a number without its machine is no number.
# Usage: scripts/bench.sh [FILTER]     one bench target, e.g. `scripts/bench.sh ring`
#        scripts/bench.sh > bench.txt  to paste into BENCHMARKS.md
set -euo pipefail
cd "$(dirname "$0")/.."

rig() {
  echo "date      $(date -u +%Y-%m-%dT%H:%MZ)"
  echo "commit    $(git rev-parse --short HEAD 2>/dev/null || echo unknown)$(git diff --quiet HEAD 2>/dev/null || echo ' + local changes')"
  echo "rustc     $(rustc --version)"
  echo "kernel    $(uname -sr)"
  echo "cpu       $(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo 2>/dev/null || echo unknown)"
  echo "cores     $(nproc) usable"
  echo "governor  $(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo unknown)"
  echo "load      $(cut -d' ' -f1-3 /proc/loadavg) (above the number of cores, ignore the timings)"
}

rig
echo
if [ $# -gt 0 ]; then
  exec cargo bench --workspace --bench "$1"
fi
exec cargo bench --workspace --benches
