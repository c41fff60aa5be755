#!/usr/bin/env bash
# Drives the embedded exchange with clients that nobody here wrote: the official Python SDK and ccxt.
# Usage: scripts/conformance.sh [URL] [--only GROUP]
#   Without URL it starts the exchange itself: target/release/botmm, else target/debug/botmm
#   (BOTMM_BIN overrides), on free ports, with two accounts of paper money, and stops it at the end.
#   With URL it drives what answers there. That venue must fund the two addresses below.
# Needs python3 3.11 or newer with venv. The clients, pinned, are installed with plain pip into
# target/conformance/venv (CONFORMANCE_VENV overrides) and kept while their list is unchanged.
# Prints one line for each check and a total; exits 1 when a check fails, 2 when it could not start.
set -euo pipefail
cd "$(dirname "$0")/.."

# The accounts of scripts/conformance/venue.py.
ALICE=0x5d5c99edf529335160ff180fa141dd4967fc00d2
BOB=0x75e0de31eca89159a26b09cc3b5ef4736a4f8969
USD=100000
READY_S=60

here=scripts/conformance
work=target/conformance
venv=${CONFORMANCE_VENV:-$work/venv}
pids=()

die() {
  echo "conformance: $*" >&2
  exit 2
}

# Stops what this script started: politely, then not.
stop() {
  local pid
  for pid in "${pids[@]}"; do
    kill -TERM "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
}
trap stop EXIT

# Installs the clients, unless these very ones are there.
install() {
  local python list
  python=$(command -v python3) || die "python3 is needed"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "python3 must be 3.11 or newer, is $("$python" --version)"
  list=$("$python" --version && sha256sum <"$here/requirements.txt")
  [ "$(cat "$venv/installed" 2>/dev/null || true)" != "$list" ] || return 0
  echo "conformance: installing the clients into $venv"
  "$python" -m venv --clear "$venv" || die "could not make a virtual environment in $venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    -r "$here/requirements.txt" || die "pip could not install $here/requirements.txt"
  "$venv/bin/python" -m pip check >"$venv/check" || die "the pinned packages do not fit this python: $(cat "$venv/check")"
  echo "$list" >"$venv/installed"
}

binary() {
  local path
  if [ -n "${BOTMM_BIN:-}" ]; then
    [ -x "$BOTMM_BIN" ] || die "BOTMM_BIN names $BOTMM_BIN, which cannot be run"
    echo "$BOTMM_BIN"
    return
  fi
  for path in target/release/botmm target/debug/botmm; do
    if [ -x "$path" ]; then
      echo "$path"
      return
    fi
  done
  die "no botmm: build it with 'cargo build --release', or set BOTMM_BIN"
}

free_port() { "$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# answers URL: whether a venue lists its perps there.
answers() {
  "$venv/bin/python" - "$1/info" 2>/dev/null <<'PYTHON'
import sys, urllib.request

question = urllib.request.Request(sys.argv[1], b'{"type":"meta"}', {"Content-Type": "application/json"})
sys.exit(urllib.request.urlopen(question, timeout=5).status != 200)
PYTHON
}

# start NAME FLAG...: starts an exchange, waits until it answers, leaves its address in $url.
start() {
  local name=$1 port
  shift
  port=$(free_port)
  url=http://127.0.0.1:$port
  "$BOTMM_BIN" exchange --listen "127.0.0.1:$port" --market synthetic --seed 7 \
    --fund "$ALICE=$USD" --fund "$BOB=$USD" "$@" >"$work/$name.log" 2>&1 &
  pids+=($!)
  for _ in $(seq $((READY_S * 5))); do
    kill -0 "${pids[-1]}" 2>/dev/null || die "the exchange ended at once; $work/$name.log says: $(tail -n 3 "$work/$name.log")"
    if answers "$url"; then return 0; fi
    sleep 0.2
  done
  die "the exchange did not answer within $READY_S s, see $work/$name.log"
}

target=
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
  target=$1
  shift
fi
mkdir -p "$work"
install
arguments=(--url "$target")
if [ -n "$target" ]; then
  answers "$target" || die "no venue answers at $target"
else
  BOTMM_BIN=$(binary)
  export BOTMM_BIN
  start volume-gate
  arguments=(--url "$url")
  start no-volume-gate --schedule-cancel-volume 0
  arguments+=(--schedule-url "$url")
  start limits --limits
  arguments+=(--limits-url "$url")
fi
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$here/main.py" "${arguments[@]}" "$@"
