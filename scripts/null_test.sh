#!/usr/bin/env bash
# Where there is nothing to earn, nothing is earned: driftless walks through both engines, before fees, 20 seeds
# each; and what is earned hangs on the labels of trades. Prints mean, standard error, t and n, and
# fails where a mean is above zero by more than two standard errors. CI runs the same with fewer seeds.
#
# usage: scripts/null_test.sh [SEEDS [MINUTES]]     20 seeds of 30 minutes of the replay
set -euo pipefail
cd "$(dirname "$0")/.."

for given in "${1:-20}" "${2:-30}"; do
  if ! [[ $given =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: scripts/null_test.sh [SEEDS [MINUTES]]" >&2
    exit 2
  fi
done
export BOTMM_NULL_SEEDS=${1:-20} BOTMM_NULL_MINUTES=${2:-30}
if ((BOTMM_NULL_SEEDS < 2)); then
  echo "null_test.sh: a standard error needs 2 seeds" >&2
  exit 2
fi

cargo test --locked -p botmm --test null -- --nocapture
cargo test --locked -p botmm --lib bot::candles::tests -- --nocapture \
  nothing_is_earned_where_there_is_nothing_to_earn swapped_labels_change_the_result
echo "null_test.sh: nothing was earned where there was nothing to earn"
