#!/usr/bin/env bash
# Copies the finished segments of a capture to S3, or wherever rclone reaches, and each day's manifest. Again and
# again, from a timer or cron: what was copied is remembered in DIR/.synced and not copied twice.
#
# Usage: scripts/sync_captures.sh [--dry-run] DIR DEST
#   DIR    the folder of `botmm record --out`
#   DEST   s3://BUCKET/PREFIX (the aws command), or REMOTE:PATH (the rclone command)
#
# A segment is finished when it ends with its index, and the index's checksum holds (docs/record.md); one without is
# still being written, or waits for the recorder's next start to be repaired. Exit code: 0 all that is
# finished is there, 1 something could not be copied, 2 usage.
set -euo pipefail

dry_run=false
if [ "${1:-}" = --dry-run ]; then dry_run=true; shift; fi
if [ $# != 2 ]; then sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
dir=${1%/} dest=${2%/}
if [ ! -d "$dir" ]; then echo "sync_captures: $dir: no such folder" >&2; exit 2; fi
case $dest in
  s3://?*) tool=aws ;;
  ?*:*) tool=rclone ;;
  *) echo "sync_captures: $dest: expected s3://BUCKET/PREFIX, or REMOTE:PATH of rclone" >&2; exit 2 ;;
esac
if ! $dry_run && ! command -v "$tool" >/dev/null; then
  echo "sync_captures: the command $tool is not there: install it, or give another destination" >&2
  exit 2
fi

copy() { # FILE NAME
  case $tool in
    aws) aws s3 cp --only-show-errors "$1" "$dest/$2" ;;
    rclone) rclone copyto "$1" "$dest/$2" ;;
  esac
}

# The last eight bytes are the index's length and its CRC-32, which gzip puts at the same place of its own.
hex() { od -An -v -tx1 | tr -d ' \n'; }
is_finished() { # FILE
  local size length
  size=$(stat -c %s "$1")
  [ "$size" -ge 32 ] || return 1
  length=$(tail -c 8 "$1" | od -An -tu4 --endian=little -N4 | tr -d ' ')
  [ "$length" -ge 32 ] && [ "$length" -le "$size" ] || return 1
  [ "$(tail -c "$length" "$1" | head -c 4 | hex)" = 522a4d18 ] || return 1
  [ "$(tail -c "$length" "$1" | tail -c +9 | head -c 8)" = botmmend ] || return 1
  [ "$(tail -c "$length" "$1" | head -c "$((length - 4))" | gzip -c1 | tail -c 8 | head -c 4 | hex)" = "$(tail -c 4 "$1" | hex)" ]
}

bad=0 copied=0 open=0
shopt -s nullglob
for day in "$dir"/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]; do
  for file in "$day"/*.frames.zst "$day"/manifest.json; do
    name=${file#"$dir"/}
    mark=$dir/.synced/$name
    # A manifest changes as long as its day does, and when a later start finds more.
    if [ -e "$mark" ] && [ "$(cat "$mark")" = "$(stat -c '%s %Y' "$file")" ]; then continue; fi
    case $name in
      *.frames.zst) if ! is_finished "$file"; then open=$((open + 1)); continue; fi ;;
    esac
    stamp=$(stat -c '%s %Y' "$file")
    if $dry_run; then echo "$name"; continue; fi
    if copy "$file" "$name"; then
      mkdir -p "$(dirname "$mark")"
      printf '%s\n' "$stamp" >"$mark"
      copied=$((copied + 1))
    else
      echo "sync_captures: $name: not copied to $dest; tried again next time" >&2
      bad=1
    fi
  done
done
$dry_run || echo "sync_captures: $copied copied, $open not finished yet"
exit "$bad"
