#!/usr/bin/env bash
# One tarball for a host without anything: a binary that needs no shared library, units, configuration, docs,
# scripts, and a checksum of each file. At the end it is unpacked into an empty chroot and trades there for a
# moment, on paper, if this user may make one.
#
# Usage: scripts/package.sh [OUT_DIR]        the tarball's path is the last line; OUT_DIR is target/package
#   PROFILE=dev scripts/package.sh           of the debug build, for tests
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-target/package} profile=${PROFILE:-release}
target=x86_64-unknown-linux-gnu
[ "$(uname -m)" = x86_64 ] || { echo "package: x86_64 only, this is $(uname -m)" >&2; exit 1; }
# C of the dependencies (secp256k1, ring, zstd, SQLite) and the C library are linked in. A folder of its own:
# with other flags everything is built anew. No libraries to load also means no dlopen: name lookups are
# those that the C library has built in, files and DNS; and random numbers are asked of the kernel straight,
# for without the C library's symbol they would come from /dev/urandom, which an empty chroot has not.
export CARGO_TARGET_DIR=${PACKAGE_TARGET_DIR:-target/static}
RUSTFLAGS='-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"' \
  cargo build --locked --profile "$profile" --target "$target" --bin botmm >&2
folder=$profile
[ "$profile" = dev ] && folder=debug
binary=$CARGO_TARGET_DIR/$target/$folder/botmm
if readelf -d "$binary" 2>/dev/null | grep -q NEEDED; then
  echo "package: $binary needs shared libraries:" >&2
  readelf -d "$binary" | grep NEEDED >&2
  exit 1
fi

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name=botmm-$version-x86_64-linux
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$name/scripts" "$out"
strip --strip-debug -o "$stage/$name/botmm" "$binary"
chmod 755 "$stage/$name/botmm"
cp -R README.md CHANGELOG.md LICENSE config deploy docs "$stage/$name/"
cp scripts/install.sh scripts/isolate_cores.sh scripts/parity.sh scripts/sync_captures.sh "$stage/$name/scripts/"
(cd "$stage/$name" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
# The same input gives the same bytes: names sorted, one owner, the commit's time.
when=$(git log -1 --format=%ct 2>/dev/null || echo 0)
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$when" -C "$stage" -czf "$out/$name.tar.gz" "$name"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")

empty=$stage/empty
mkdir "$empty"
tar -xzf "$out/$name.tar.gz" -C "$empty" --strip-components=1
(cd "$empty" && sha256sum --quiet -c SHA256SUMS)
if unshare --map-root-user chroot "$empty" /botmm --version >&2 2>/dev/null; then
  unshare --map-root-user chroot "$empty" /botmm paper --for 5s --json >"$stage/summary.json"
  grep -q '"orders": [1-9]' "$stage/summary.json" || { echo "package: no order in an empty chroot" >&2; exit 1; }
  echo "package: it trades in an empty chroot" >&2
else
  echo "package: not tried in an empty chroot: this user may not make one" >&2
fi
echo "$out/$name.tar.gz"
