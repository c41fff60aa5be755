#!/usr/bin/env bash
# Ours and others at the same work, in turns, on this machine: ratios. By hand, on a machine that does nothing else; CI builds
# none of it.
#
#   scripts/peers.sh [grid] [ROUNDS] [ROWS]   the grid job on one feed, ours (as it is, and --lean) and hftbacktest's: rows a
#                                             second, peak memory, executions; 3 rounds of 8,000,000 rows
#   scripts/peers.sh wire [ROUNDS] [CALLS]    an l2Book frame to a book, two orders to a signed body, and both in a row, by
#                                             RFC 6979 and presigned, beside serde_json, simd-json, sonic-rs and k256; 9 rounds
#                                             of 20,000 calls. What both made of every frame and order is compared before.
#                                             Builds benches/peers/wire; PEERS=nautilus, sdk or nautilus,sdk adds the clients
#                                             nautilus-hyperliquid and hyperliquid_rust_sdk (hundreds of crates). The LGPL of
#                                             the first never meets our code: two programs, one after the other
set -euo pipefail
cd "$(dirname "$0")/.."
what=grid
case "${1:-}" in grid | wire) what=$1 && shift ;; esac
rounds=${1:-$([ $what = grid ] && echo 3 || echo 9)}
size=${2:-$([ $what = grid ] && echo 8000000 || echo 20000)}
if [ $# -gt 2 ] || [[ ! "$rounds $size" =~ ^[1-9][0-9]*\ [1-9][0-9]*$ ]]; then
  sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

if [ $what = wire ]; then
  cargo build --release --locked --manifest-path benches/peers/wire/Cargo.toml --no-default-features --features "${PEERS-}"
  cargo build --release --locked -p botmm-hotpath
  theirs=${CARGO_TARGET_DIR:-benches/peers/wire/target}/release/wire-peers
  ours=${CARGO_TARGET_DIR:-target}/release/botmm-hotpath
  "$ours" frames >"$dir/frames"
  python3 scripts/peers_wire.py "$ours" "$theirs" "$dir/frames" "$rounds" "$size"
  exit
fi
rows=$size
cargo build --release --locked --manifest-path benches/peers/Cargo.toml
cargo build --release --locked --bin botmm
peers=${CARGO_TARGET_DIR:-benches/peers/target}/release/peers
botmm=${CARGO_TARGET_DIR:-target}/release/botmm
mkdir "$dir/feed"
feed=$dir/feed/ETH.npy
"$peers" feed "$feed" --rows "$rows"

python3 - "$peers" "$botmm" "$feed" "$dir" "$rounds" "$rows" hash vector botmm lean <<'PYTHON'
import os, platform, re, resource, statistics, subprocess, sys, time

peers, botmm, feed, folder, rounds, rows, *engines = sys.argv[1:]
rounds, rows = int(rounds), int(rows)

def command(engine, fills):
    if engine in ("hash", "vector"):
        return [peers, "grid", feed, "--depth", engine, "--fills", fills]
    return [botmm, "replay", feed, "--config", "benches/harness/grid.toml", "--symbols", "ETH",
            "--strategy", "grid", "--queue-semantics", "hftbacktest", "--queue", "risk_averse",
            "--latency", "60ms", "--fee-bps", "-0.3", "--fills", fills, "--json", *(["--lean"] if engine == "lean" else [])]

def measure(engine):
    """Seconds of the whole process, and its peak memory in MiB."""
    fills = f"{folder}/{engine}.csv"
    begun = time.monotonic()
    child = subprocess.Popen(command(engine, fills), stdout=subprocess.PIPE, text=True)
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - begun
    if status:
        sys.exit(f"{engine}: exit status {os.waitstatus_to_exitcode(status)}")
    own = re.search(r"seconds ([0-9.]+)", said)
    return seconds, float(own[1]) if own else seconds, used.ru_maxrss / 1024, fills

cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
print(f"rig: {cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}; {rows} rows, {rounds} rounds")
print("versions:", subprocess.check_output([botmm, "--version"], text=True).strip(), "and hftbacktest 0.9.4")
seen = {engine: [] for engine in engines}
measure(engines[-1])  # The recording is compiled, and the file in memory.
for _ in range(rounds):
    for engine in engines:
        seen[engine].append(measure(engine))
print("| engine | M rows/s, whole process | M rows/s, without reading | peak MiB | executions |")
print("|---|---|---|---|---|")
for engine, runs in seen.items():
    whole, own = (statistics.median(run[i] for run in runs) for i in (0, 1))
    lines = sum(1 for _ in open(runs[0][3])) - 1
    print(f"| {engine} | {rows/whole/1e6:.2f} | {rows/own/1e6:.2f} | {max(r[2] for r in runs):.0f} | {lines} |")
whole = lambda e, i: statistics.median(run[i] for run in seen[e])
for ours in ("botmm", "lean"):
    for other in ("hash", "vector"):
        print(f"{ours} / {other}: {whole(other, 0)/whole(ours, 0):.2f} x (whole), "
              f"{whole(other, 1)/whole(ours, 1):.2f} x (without their reading)")
        same = open(f"{folder}/{ours}.csv").read() == open(f"{folder}/{other}.csv").read()
        print(f"executions of {ours} as {other}'s, line by line: {'the same' if same else 'NOT the same'}")
PYTHON
