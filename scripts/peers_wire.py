"""Times ours and theirs in turns (see scripts/peers.sh) and prints ratios of what each round's p50s were."""

import os, platform, re, statistics, subprocess, sys

ours, theirs, frames, rounds, calls = sys.argv[1:]
rounds = int(rounds)


def lines(*command):
    return subprocess.check_output(command, text=True).split()


def run(*command):
    """p50, p99, p99.9 in ns, and what the first call made."""
    said = subprocess.check_output(command, text=True)
    found = re.fullmatch(r"p50 ([\d.]+) p99 ([\d.]+) p999 ([\d.]+) made (.*)\n", said)
    if not found:
        sys.exit(f"{command}: said {said!r}")
    return [float(n) for n in found.groups()[:3]], found[4]


def version(package):
    with open("benches/peers/wire/Cargo.lock") as lock:
        return re.search(rf'name = "{package}"\nversion = "(.*)"', lock.read())[1]


cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
print(f"rig: {cpu}, {os.cpu_count()} cores, kernel {platform.release()}, load {os.getloadavg()[0]:.2f} before")
works = lines(theirs, "works")
clients = {"nautilus": "nautilus-hyperliquid", "hyperliquid_rust_sdk": "hyperliquid_rust_sdk"}
packages = [package for client, package in clients.items() if f"sign:{client}" in works]
packages += ["k256", "serde_json", "simd-json", "sonic-rs"]
print("versions:", ", ".join(f"{p} {version(p)}" for p in packages), "and", " ".join(lines("rustc", "--version")[:2]))
print(f"{rounds} rounds of {calls} calls, one program after the other; medians over rounds, ns\n")

for job, own in (("decode", ["decode"]), ("sign", ["sign", "presigned"])):
    others = [w for w in works if w.startswith(job + ":")]
    seen = {name: [] for name in [*own, *others]}
    made = {}
    for _ in range(rounds):
        for name in seen:
            command = [ours, "time", name, calls] if name in own else [theirs, name, frames, calls]
            times, made[name] = run(*command)
            seen[name].append(times)
    print(f"| {job} | p50 | p99 | p99.9 | x ours, p50 (lowest to highest round) | x ours, p99 | same result |")
    print("|---|---|---|---|---|---|---|")
    for name, runs in seen.items():
        p50, p99, p999 = (statistics.median(r[i] for r in runs) for i in range(3))
        of = lambda i: [r[i] / o[i] for r, o in zip(runs, seen[job])]
        same = "-" if name == job or not made[name] else "yes" if made[name] == made[job] else "NO"
        label = name.partition(":")[2] or f"botmm, {name}"
        print(f"| {label} | {p50:.0f} | {p99:.0f} | {p999:.0f} | {statistics.median(of(0)):.2f} ({min(of(0)):.2f} to {max(of(0)):.2f}) "
              f"| {statistics.median(of(1)):.2f} | {same} |")
    print()
print(f"load {os.getloadavg()[0]:.2f} after")
