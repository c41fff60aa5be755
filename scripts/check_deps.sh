#!/usr/bin/env bash
# The dependency rules, checked against what cargo resolves:
#   1. no async runtime, no HTTP stack on top of one, no C crypto anywhere in the normal tree;
#   2. the pipeline crate sees nothing of the slow side (CLI, config, logging, HTTP, databases).
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0

# names PACKAGE: every crate in its normal dependency tree, one a line.
names() { cargo tree --locked -e normal --prefix none --format '{p}' -p "$1" | awk '{print $1}' | sort -u; }

# forbid PACKAGE NAME...: fails when one of the names is in the tree; a trailing * is a prefix.
forbid() {
  local package=$1 tree name hit
  shift
  tree=$(names "$package")
  for name in "$@"; do
    hit=$(grep -E "^${name//\*/.*}$" <<<"$tree" || true)
    if [ -n "$hit" ]; then
      echo "check_deps: $package must not depend on: $(tr '\n' ' ' <<<"$hit")" >&2
      failed=1
    fi
  done
}

forbid botmm tokio 'tokio-*' async-std smol hyper 'hyper-*' reqwest openssl openssl-sys \
  native-tls aws-lc-rs aws-lc-sys
forbid botmm-pipeline clap toml serde_path_to_error ureq rustls rusqlite tracing log4rs \
  indicatif csv signal-hook notify

[ "$failed" -eq 0 ] || exit 1
echo "check_deps: ok ($(names botmm | wc -l) crates in the normal tree)"
