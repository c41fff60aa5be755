#!/usr/bin/env bash
# Cores for botmm alone: how they are, what the kernel's command line must say, and what can be changed now.
# Changes nothing unless it is told to, and guesses nothing: which cores is yours to say.
#
# Usage: scripts/isolate_cores.sh                    the state of each core and of the machine
#        scripts/isolate_cores.sh CORES              what would be done
#        scripts/isolate_cores.sh CORES --grub       the words for the kernel's command line, and nothing else
#        scripts/isolate_cores.sh CORES --apply      what needs no reboot, as root: interrupts off these cores, their
#                                                    governor to performance, huge pages to madvise, and, if all of
#                                                    them are isolated, no limit on real-time threads
#   CORES    a list as in 2-5 or 2,3,4,5; never core 0, which serves the machine's interrupts
set -euo pipefail

SYS=${BOTMM_SYS:-/sys} PROC=${BOTMM_PROC:-/proc}
CPU=$SYS/devices/system/cpu
HUGE=$SYS/kernel/mm/transparent_hugepage/enabled
LIMIT=$PROC/sys/kernel/sched_rt_runtime_us

usage() {
  sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
refuse() {
  echo "isolate_cores: $1" >&2
  exit 1
}
# What a file says, or else.
of() { cat "$1" 2>/dev/null || echo "$2"; }
# One a line.
each() {
  local part
  for part in ${1//,/ }; do seq "${part%-*}" "${part#*-}"; done
}
on_one_line() { tr '\n' ' ' | sed 's/ $//'; }

# Interrupts that are delivered to a core.
interrupts_of() {
  local irq list count=0
  for irq in "$PROC"/irq/[0-9]*; do
    list=$(of "$irq/effective_affinity_list" "")
    [ -n "$list" ] || list=$(of "$irq/smp_affinity_list" "")
    if each "$list" | grep -qx "$1"; then count=$((count + 1)); fi
  done
  echo "$count"
}

status() {
  local core rows=()
  printf '%-5s %-9s %-12s %-10s %s\n' core isolated governor siblings interrupts
  mapfile -t rows < <(each "$online")
  for core in "${rows[@]}"; do
    printf '%-5s %-9s %-12s %-10s %s\n' "$core" \
      "$(if each "$isolated" | grep -qx "$core"; then echo yes; else echo no; fi)" \
      "$(of "$CPU/cpu$core/cpufreq/scaling_governor" none)" \
      "$(of "$CPU/cpu$core/topology/thread_siblings_list" unknown)" \
      "$(interrupts_of "$core")"
  done
  echo "kernel's command line: $(tr ' ' '\n' <"$PROC/cmdline" | grep -E '^(isolcpus|nohz_full|rcu_nocbs|irqaffinity)=' | on_one_line || true)"
  echo "clocksource: $(of "$SYS/devices/system/clocksource/clocksource0/current_clocksource" unknown)"
  echo "huge pages: $(of "$HUGE" unknown)"
  echo "swap: $(awk '/^SwapTotal/ {print $2 " KiB"}' "$PROC/meminfo" 2>/dev/null || echo unknown)"
  echo "real-time threads may run: $(of "$LIMIT" unknown) us of each second (-1 = all)"
}

cores=${1:-} what=${2:-}
[ $# -le 2 ] || usage
online=$(of "$CPU/online" "") isolated=$(of "$CPU/isolated" "")
[ -n "$online" ] || refuse "$CPU/online tells of no core"
if [ -z "$cores" ]; then
  status
  exit
fi
[[ $cores =~ ^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$ && $what =~ ^(--grub|--apply)?$ ]] || usage

all=$(each "$online")
mapfile -t wanted < <(each "$cores")
lines=$(printf '%s\n' "${wanted[@]}")
for core in "${wanted[@]}"; do
  if [ "$core" = 0 ]; then
    refuse "core 0 serves the machine's interrupts: leave it to the machine"
  fi
  if ! grep -qx "$core" <<<"$all"; then
    refuse "this machine has no core $core (it has $(on_one_line <<<"$all"))"
  fi
  siblings=$CPU/cpu$core/topology/thread_siblings_list
  if [ -r "$siblings" ]; then
    while read -r other; do
      if ! grep -qx "$other" <<<"$lines"; then
        echo "isolate_cores: warning: core $other shares a physical core with $core and is not isolated" >&2
      fi
    done < <(each "$(cat "$siblings")")
  fi
done
rest=$(grep -vxF "$lines" <<<"$all" | paste -sd, -)
words="isolcpus=managed_irq,domain,$cores nohz_full=$cores rcu_nocbs=$cores irqaffinity=$rest"

if [ "$what" = --grub ]; then
  echo "$words"
  exit
fi
if [ "$what" != --apply ]; then
  cat <<SAY
Kernel command line (/etc/default/grub: GRUB_CMDLINE_LINUX, then update-grub and a reboot):
  $words
In a drop-in of botmm.service (systemctl edit botmm): these cores, and one of the rest for all that is no lane
  [Service]
  CPUAffinity=$(echo "${rest##*,}"$'\n'"$lines" | sort -n | on_one_line)
Now: $(tr ' ' '\n' <"$PROC/cmdline" | grep -E '^(isolcpus|nohz_full|rcu_nocbs)=' | on_one_line || true)
Nothing was changed; --apply would move interrupts to cores $rest, and set governors and huge pages.
SAY
  exit
fi

if [ "$(id -u)" != 0 ]; then
  refuse "--apply needs root"
fi
moved=0 fixed=0
for irq in "$PROC"/irq/[0-9]*; do
  if echo "$rest" >"$irq/smp_affinity_list" 2>/dev/null; then moved=$((moved + 1)); else fixed=$((fixed + 1)); fi
done
echo "interrupts: $moved on cores $rest, $fixed cannot be moved"
for core in "${wanted[@]}"; do
  governor=$CPU/cpu$core/cpufreq/scaling_governor
  if [ -w "$governor" ]; then echo performance >"$governor"; else echo "core $core: no frequency governor"; fi
done
if [ -w "$HUGE" ] && grep -q '\[always\]' "$HUGE"; then
  echo madvise >"$HUGE"
  echo "huge pages: madvise"
fi
# On a core that others share a real-time thread without a limit would hang the machine.
if grep -vxF -f <(each "$isolated") <<<"$lines" >/dev/null; then
  echo "real-time threads: limit left as it is, since not all of these cores are isolated (--grub, then reboot)"
elif [ -w "$LIMIT" ]; then
  echo -1 >"$LIMIT"
  echo "real-time threads: no limit"
fi
