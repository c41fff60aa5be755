#!/usr/bin/env bash
# Holds the alert rules and the Grafana board to a real Prometheus: the rules are sound and wake somebody when they
# should and nobody when they should not (promtool), and a Prometheus that reads a paper run evaluates each rule and
# finds something for each query of the board. Prometheus is Debian's: the one that is installed, else its package
# is fetched and unpacked for the moment; without one this says so and exits with 77.
#
# usage: scripts/check_metrics.sh [BOTMM]
set -euo pipefail
cd "$(dirname "$0")/.."
botmm=$(realpath "${1:-target/debug/botmm}")
[ -x "$botmm" ] || { echo "$botmm: build it first (cargo build)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null; then
    (cd "$folder" && apt-get download prometheus && dpkg -x prometheus_*.deb prometheus) >"$folder/said" 2>&1 || {
        echo "no Prometheus here, and none to be had: $(tail -1 "$folder/said")" >&2
        exit 77
    }
    PATH=$folder/prometheus/usr/bin:$PATH
fi
promtool check rules deploy/prometheus/alerts.yml
promtool test rules scripts/alerts_test.yml
python3 scripts/query_prometheus.py "$botmm" "$folder"
promtool check metrics <"$folder/metrics"
