#!/usr/bin/env bash
# Opens the live page of a paper run in headless Chromium: its numbers are those of `botmm status --json` of
# the same moment, it fits a phone, its kill button wants the token, and it says when the bot hangs or is dead.
# Chromium is Debian's (`apt-get install chromium`); without one this says so and exits with 77.
#
# usage: scripts/page.sh [BOTMM] [FOLDER FOR PICTURES]
set -euo pipefail
cd "$(dirname "$0")/.."
botmm=$(realpath "${1:-target/debug/botmm}")
source scripts/chromium.sh "the page"
[ -x "$botmm" ] || { echo "$botmm: build it first (cargo build)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
pictures=${2:-$folder}
mkdir -p "$pictures"
python3 scripts/page_in_chromium.py "$botmm" "$chromium" "$folder" "$(realpath "$pictures")"
