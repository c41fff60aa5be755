#!/usr/bin/env bash
# The board and the halt level (pipeline/src/rt) under a model checker: all orders in which up to
# LOOM_MAX_PREEMPTIONS [3] threads are interrupted, and all that they may then see of each other.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/models"
export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-3}"
exec cargo test --locked --manifest-path models/Cargo.toml --test rt -- "$@"
