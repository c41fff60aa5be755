#!/usr/bin/env bash
# The machinery's tests that read no clock and pin no core (of pipeline/src/rt the board, the level and the
# rings; the market's ring; the scanner, its portable way alone) under Miri: undefined behaviour and data
# races in them and in the crates below.
# Not in .ci/run: it needs a nightly toolchain with the components miri and rust-src, and a build of minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly miri --version >/dev/null 2>&1; then
  echo "miri: not here; rustup toolchain install nightly --component miri,rust-src" >&2
  exit 2
fi
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/miri"
# Property tests look for failures that were kept, in a file; and a few cases take as long as thousands elsewhere.
export MIRIFLAGS="${MIRIFLAGS:--Zmiri-disable-isolation}" PROPTEST_CASES="${PROPTEST_CASES:-8}"
exec cargo +nightly miri test --locked -p botmm-pipeline --lib -- \
  rt::board rt::level rt::ring venue::market_ring venue::hl::scan "$@"
