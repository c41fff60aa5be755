"""Times ours and theirs in turns (see scripts/peers.sh) and prints ratios of what each round's p50s and p99s were. Before that it
compares what both made of every frame and every pair of orders: books level by level, requests member by member."""

import json, os, platform, re, statistics, subprocess, sys

ours, theirs, frames, rounds, calls = sys.argv[1:]
rounds = int(rounds)
CHECKED = "256"  # Every frame and every pair of orders once.
GOAL = 15


def said(*command, lines=None):
    return subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout


def command(how, name, n):
    return [theirs, how, name, frames, n] if ":" in name else [ours, how, name, n]


def times(name):
    """p50, p99, p99.9 in ns."""
    line = said(*command("time", name, calls))
    found = re.fullmatch(r"p50 ([\d.]+) p99 ([\d.]+) p999 ([\d.]+)\n", line)
    if not found:
        sys.exit(f"{name}: said {line!r}")
    return [float(n) for n in found.groups()]


def made(name):
    """Of each call: the book, the request without its signature, the signature as numbers, and the digest that we sign."""

    def parts(line):
        book, body, digest = (line.split("\t") + ["", ""])[:3]
        if not body:
            return book, None, None, digest
        body = json.loads(body)
        signature = body.pop("signature")
        # No vault is `null` for some and left out by others: the venue takes both.
        request = {member: value for member, value in body.items() if value is not None}
        return book, request, (int(signature["r"], 16), int(signature["s"], 16), signature["v"]), digest

    return [parts(line) for line in said(*command("made", name, CHECKED)).splitlines()]


def recovered(calls_made, digests):
    """How many signatures the library below both clients finds to be the key's."""
    lines = [f"{digest} {r:064x} {s:064x} {v}" for (_, _, (r, s, v), _), digest in zip(calls_made, digests)]
    return int(said(theirs, "recovered", lines="\n".join(lines)))


def compared(name, reference):
    """What a work made beside what ours made."""
    seen = made(name)
    if len(seen) != len(reference) or not all(any(call[:2]) for call in seen):
        return "-"  # Nothing to compare: a digest of its own, or a whole tick.
    differ = [part for i, part in enumerate(("books", "requests")) if any(a[i] != b[i] for a, b in zip(seen, reference))]
    if seen[0][2]:
        by_key = recovered(seen, [call[3] for call in reference])
        if by_key < len(seen):
            differ.append(f"{len(seen) - by_key} signatures by another key")
        equal = all(a[2] == b[2] for a, b in zip(seen, reference))
        if not differ:
            return "yes, and the signature" if equal else "yes; another signature, of the same key"
    return "yes" if not differ else "NO: " + ", ".join(differ)


def version(package):
    with open("benches/peers/wire/Cargo.lock") as lock:
        return "/".join(re.findall(rf'name = "{package}"\nversion = "(.*)"', lock.read()))


cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
print(f"rig: {cpu}, {os.cpu_count()} cores, kernel {platform.release()}, load {os.getloadavg()[0]:.2f} before")
works = said(theirs, "works").split()
clients = {"nautilus": ["nautilus-hyperliquid", "alloy"], "hyperliquid_rust_sdk": ["hyperliquid_rust_sdk", "ethers"]}
packages = [package for client, names in clients.items() if f"sign:{client}" in works for package in names]
packages += ["k256", "serde_json", "simd-json", "sonic-rs"]
print("versions:", ", ".join(f"{p} {version(p)}" for p in packages), "and", " ".join(said("rustc", "--version").split()[:2]))
print(f"{rounds} rounds of {calls} calls, one program after the other; medians over rounds, lowest and highest round in brackets")
print(f"compared before: what {CHECKED} calls of each made\n")


def ratio(runs, base, i):
    each = [run[i] / b[i] for run, b in zip(runs, base)]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"


TITLES = {"decode": "l2Book frame to book", "sign": "two orders to a signed body", "frame": "l2Book frame to a signed body"}
LABELS = {
    "decode": "botmm",
    "sign": "botmm, RFC 6979",
    "presigned": "botmm, presigned",
    "frame": "botmm, RFC 6979",
    "frame_presigned": "botmm, presigned",
    "wire": "botmm, the whole tick to four modifies in a message, RFC 6979",
    "wire_presigned": "the same, presigned",
}
verdict = None
for job, bases, own in (
    ("decode", ["decode"], ["decode"]),
    ("sign", ["sign", "presigned"], ["sign", "presigned"]),
    ("frame", ["frame", "frame_presigned"], ["frame", "frame_presigned", "wire", "wire_presigned"]),
):
    others = [work for work in works if work.startswith(job + ":")]
    seen = {name: [] for name in [*own, *others]}
    reference = made(job)
    same = {name: compared(name, reference) for name in seen}
    for _ in range(rounds):
        for name in seen:
            seen[name].append(times(name))
    columns = [f"x {LABELS[base]}, {q}" for base in bases for q in ("p50", "p99")]
    print("|", " | ".join([TITLES[job], *columns, "p50, ns", "p99, ns", "p99.9, ns", "same result"]), "|")
    print("|---" * (len(columns) + 5) + "|")
    for name, runs in seen.items():
        ratios = [ratio(runs, seen[base], i) for base in bases for i in (0, 1)]
        medians = [f"{statistics.median(run[i] for run in runs):.0f}" for i in range(3)]
        print("|", " | ".join([LABELS.get(name) or name.partition(":")[2], *ratios, *medians, same[name]]), "|")
    print()
    if "frame:nautilus" in seen:
        each = [run[0] / base[0] for run, base in zip(seen["frame:nautilus"], seen["frame_presigned"])]
        verdict = statistics.median(each)
if verdict:
    print(f"l2Book frame to a signed body, presigned: 1/{verdict:.1f} of nautilus's p50 (goal: at most 1/{GOAL}): "
          f"{'met' if verdict >= GOAL else 'NOT met'}")
print(f"load {os.getloadavg()[0]:.2f} after")
