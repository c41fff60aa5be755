#!/usr/bin/env bash
# Installs botmm on this host: user, folders, binary, units. Run again after an update: what is there and the
# same stays as it is, a configuration is never overwritten, nothing is started or enabled.
#
# Usage: scripts/install.sh [--dry-run] [--root DIR]
#   --dry-run   print what would be done
#   --root DIR  install below DIR, without user and systemd (for images and tests)
#
# Of the package: botmm lies beside this script's folder. Of a checkout: target/release/botmm.
set -euo pipefail
cd "$(dirname "$0")/.."

dry_run=false root=
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=true ;;
    --root) root=${2:?--root needs a folder}; shift ;;
    --root=*) root=${1#--root=} ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

binary=botmm
[ -f "$binary" ] || binary=${CARGO_TARGET_DIR:-target}/release/botmm
if [ ! -f "$binary" ]; then
  echo "install: no botmm to install: run 'cargo build --release' first" >&2
  exit 1
fi
if [ -z "$root" ] && ! $dry_run && [ "$(id -u)" != 0 ]; then
  echo "install: only root may: sudo $0" >&2
  exit 1
fi

changed=0
do_it() {
  changed=$((changed + 1))
  printf '%s\n' "$*"
  $dry_run || "$@"
}

# file MODE FROM TO: copied when it differs, and whole or not at all: a running botmm keeps its old file.
file() {
  local mode=$1 from=$2 to=$root$3
  if cmp -s "$from" "$to" && [ "$(stat -c %a "$to")" = "$mode" ]; then return; fi
  do_it install -D -m "$mode" "$from" "$to.new"
  do_it mv -f "$to.new" "$to"
}

# folder MODE PATH [OWNER]
folder() {
  local mode=$1 path=$root$2 owner=${3:-}
  if [ ! -d "$path" ]; then do_it install -d -m "$mode" "$path"; fi
  if [ -n "$owner" ] && [ -z "$root" ] && [ "$(stat -c %U:%G "$path" 2>/dev/null)" != "$owner" ]; then
    do_it chown "$owner" "$path"
  fi
}

if [ -z "$root" ] && ! id botmm >/dev/null 2>&1; then
  do_it useradd --system --user-group --home-dir /var/lib/botmm --shell /usr/sbin/nologin botmm
fi
folder 750 /etc/botmm root:botmm
folder 700 /var/lib/botmm botmm:botmm
file 755 "$binary" /usr/local/bin/botmm
file 755 deploy/botmm-health /usr/local/bin/botmm-health
file 755 scripts/sync_captures.sh /usr/local/bin/botmm-sync-captures
for unit in deploy/*.service deploy/*.timer; do
  file 644 "$unit" "/etc/systemd/system/$(basename "$unit")"
done
# Whoever installs writes the configuration; the shipped one has every key with its default.
file 644 config/botmm.toml /usr/local/share/botmm/botmm.toml
if [ ! -e "$root/etc/botmm/botmm.toml" ]; then
  empty=$(mktemp)
  trap 'rm -f "$empty"' EXIT
  echo '# Only the keys that differ from the built-in ones: see /usr/local/share/botmm/botmm.toml' >"$empty"
  file 644 "$empty" /etc/botmm/botmm.toml
fi
if [ -z "$root" ] && [ "$changed" -gt 0 ]; then do_it systemctl daemon-reload; fi

if [ "$changed" = 0 ]; then
  echo "install: all is there already"
  exit
fi
$dry_run && echo "install: a dry run, nothing was done"
cat <<'NEXT'
Next, as root:
  systemd-creds encrypt --name=hl_private_key - /etc/botmm/hl_private_key.cred   (the agent's key, then Ctrl-D)
  botmm check --config /etc/botmm/botmm.toml
  systemctl enable --now botmm botmm-health.timer
The recorder, which needs no key: systemctl enable --now botmm-recorder (coins: systemctl edit botmm-recorder).
With a second agent's key, the guard: see /etc/systemd/system/botmm-guard.service.
NEXT
