#!/usr/bin/env bash
# Instructions that each work of the hot path takes (decode, tick, sign, gate), by valgrind, against those in
# benches/counts.txt. The same on every run of one build, however busy the machine is: more by over 3 % fails.
#
# Usage: scripts/counts.sh             build, count, compare; 77 = no valgrind here, nothing was looked at
#        scripts/counts.sh --bless     write what is counted, for these compilers and what of the processor code may choose by
set -euo pipefail
cd "$(dirname "$0")/.."

kept=${COUNTS_FILE:-benches/counts.txt}
calls=${COUNTS_CALLS:-512}
case "${1:-}" in
  "") bless=false ;;
  --bless) bless=true ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
if ! command -v valgrind >/dev/null; then
  echo "counts: no valgrind here (Debian: apt-get install valgrind): nothing was counted"
  exit 77
fi

cargo build --release --locked -q -p botmm-hotpath
binary=${CARGO_TARGET_DIR:-target}/release/botmm-hotpath
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Under valgrind, since that is what code at run time sees.
cpu=$(valgrind -q "$binary" cpu)
# Signatures are C.
rustc=$(rustc --version | awk '{print $2}')+cc$(cc -dumpversion 2>/dev/null || echo -none)

# Instructions a call.
count() {
  local said
  said=$(valgrind --tool=callgrind --callgrind-out-file="$out/$1" --toggle-collect='*counted*' "$binary" count "$1" "$calls" 2>&1) || {
    echo "counts: $1 failed: $said" >&2
    return 1
  }
  awk -v calls="$calls" '/Collected *:/ {printf "%.0f\n", $NF / calls}' <<<"$said"
}

: >"$out/now"
for work in $("$binary" works); do
  n=$(count "$work")
  if [ -z "$n" ] || [ "$n" -lt 10 ]; then
    echo "counts: $work: nothing was counted (\"$n\"): is \`counted\` still a function of its own?" >&2
    exit 1
  fi
  echo "$rustc $cpu $work $n" >>"$out/now"
done

if $bless; then
  {
    grep '^#' "$kept" 2>/dev/null || echo "# rustc and C compiler, processor as seen under valgrind, work, instructions a call: scripts/counts.sh --bless"
    { grep -v '^#' "$kept" 2>/dev/null | grep -vF "$rustc $cpu " || true; cat "$out/now"; } | sort
  } >"$out/kept"
  cp "$out/kept" "$kept"
  cat "$out/now"
  exit
fi

failed=0 compared=0
while read -r _ _ work n; do
  was=$(awk -v r="$rustc" -v c="$cpu" -v w="$work" '$1 == r && $2 == c && $3 == w {print $4}' "$kept" 2>/dev/null || true)
  if [ -z "$was" ]; then
    echo "counts: $work $n: nothing to compare with for rustc $rustc on $cpu"
    continue
  fi
  compared=$((compared + 1))
  change=$(awk -v n="$n" -v was="$was" 'BEGIN {printf "%+.1f", (n / was - 1) * 100}')
  echo "counts: $work $n instructions a call, $change % of $was"
  # In thousandths, so that the shell can compare.
  if [ $((n * 1000)) -gt $((was * 1030)) ]; then
    echo "counts: $work takes $change % of the $was instructions that $kept keeps; 3 % are allowed. Make it shorter, or say" \
      "why in the commit and renew the number: scripts/counts.sh --bless" >&2
    failed=1
  elif [ $((n * 1000)) -lt $((was * 970)) ]; then
    echo "counts: $work takes less: keep it so with scripts/counts.sh --bless"
  fi
done <"$out/now"
if [ "$compared" -eq 0 ]; then
  echo "counts: no number for rustc $rustc on $cpu in $kept: scripts/counts.sh --bless writes them"
fi
exit "$failed"
