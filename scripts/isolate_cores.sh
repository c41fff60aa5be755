#!/usr/bin/env bash
# Gives cores to botmm alone: what the kernel command line must say, and what can be changed now. Prints by
# default, changes nothing.
#
# Usage: scripts/isolate_cores.sh CORES [--apply]
#   CORES    a list as in 2-5 or 2,3,4,5; never core 0, which serves the machine's interrupts
#   --apply  move interrupts off these cores now and set their frequency governor to performance (root);
#            the command line is yours to set
set -euo pipefail

cores=${1:-} apply=false
[ "${2:-}" = --apply ] && apply=true
SYS=${BOTMM_SYS:-/sys} PROC=${BOTMM_PROC:-/proc}
if ! [[ $cores =~ ^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$ ]]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi

# One a line.
each() {
  local part
  for part in ${1//,/ }; do seq "${part%-*}" "${part#*-}"; done
}
all=$(each "$(cat "$SYS/devices/system/cpu/online")")
wanted=$(each "$cores")
for core in $wanted; do
  if [ "$core" = 0 ]; then
    echo "isolate_cores: core 0 serves the machine's interrupts: leave it to the machine" >&2
    exit 1
  fi
  if ! grep -qx "$core" <<<"$all"; then
    echo "isolate_cores: this machine has no core $core (it has $(tr '\n' ' ' <<<"$all"))" >&2
    exit 1
  fi
  siblings=$SYS/devices/system/cpu/cpu$core/topology/thread_siblings_list
  if [ -r "$siblings" ]; then
    for other in $(each "$(cat "$siblings")"); do
      if ! grep -qx "$other" <<<"$wanted"; then
        echo "isolate_cores: warning: core $other shares a physical core with $core and is not isolated" >&2
      fi
    done
  fi
done
rest=$(grep -vxF "$wanted" <<<"$all" | paste -sd, -)

cat <<SAY
Kernel command line (/etc/default/grub: GRUB_CMDLINE_LINUX, then update-grub and a reboot):
  isolcpus=managed_irq,domain,$cores nohz_full=$cores rcu_nocbs=$cores irqaffinity=$rest
In a drop-in of botmm.service (systemctl edit botmm):
  [Service]
  CPUAffinity=$(tr '\n' ' ' <<<"$wanted")
Now: $(tr ' ' '\n' <"$PROC/cmdline" | grep -E '^(isolcpus|nohz_full|rcu_nocbs)=' | paste -sd' ' - || true)
SAY

if ! $apply; then
  echo "Nothing was changed; --apply moves interrupts and sets the governor."
  exit
fi
if [ "$(id -u)" != 0 ]; then
  echo "isolate_cores: --apply needs root" >&2
  exit 1
fi
moved=0 fixed=0
for irq in "$PROC"/irq/[0-9]*; do
  if echo "$rest" >"$irq/smp_affinity_list" 2>/dev/null; then moved=$((moved + 1)); else fixed=$((fixed + 1)); fi
done
echo "interrupts: $moved on cores $rest, $fixed cannot be moved"
for core in $wanted; do
  governor=$SYS/devices/system/cpu/cpu$core/cpufreq/scaling_governor
  if [ -w "$governor" ]; then echo performance >"$governor"; else echo "core $core: no frequency governor"; fi
done
