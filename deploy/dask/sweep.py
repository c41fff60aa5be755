#!/usr/bin/env python3
"""Runs the tasks of a sweep (`botmm sweep plan … --out DIR`) on Dask, and reduces them.

On this machine it begins as many workers as it has cores; --scheduler names a cluster that somebody else began
(dask-ssh, dask-jobqueue for Slurm, the Kubernetes operator). Every worker needs the binary, DIR and the recordings
under the same paths. A task is one call of `botmm sweep run DIR --task N`, which does nothing when its result is
there: a worker that dies costs what it was doing, and another one does it.

Exit codes: 0 all done, 1 a task failed for good (named), 2 usage, 8 a task could not be done now (run it again).
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from distributed import Client, LocalCluster, as_completed

DONE, FATAL, USAGE, AGAIN = 0, 1, 2, 8
TRIES = 4


class Again(Exception):
    """A task that may be done at another time or place."""


def run_task(botmm, folder, number):
    """One task, on a worker: its number, how it ended, and what it said when it failed for good."""
    done = subprocess.run(
        [botmm, "sweep", "run", folder, "--task", str(number)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
    if done.returncode == DONE:
        return number, DONE, said
    # Killed by a signal (no memory, a machine that goes down) is no fault of the task.
    if done.returncode == AGAIN or done.returncode < 0:
        raise Again(f"task {number}: {said} (exit code {done.returncode})")
    return number, done.returncode, said


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", help="what `botmm sweep plan` wrote")
    parser.add_argument("--botmm", default="botmm", help="the program, as the workers find it [botmm]")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, default=os.cpu_count(), help="on this machine [its cores]")
    where.add_argument("--scheduler", metavar="ADDRESS", help="a cluster's, as tcp://10.0.0.5:8786")
    return parser.parse_args()


def cluster(args):
    """A client, and what is to be closed after it."""
    if args.scheduler:
        return Client(args.scheduler), None
    # Processes, one task each at a time; nothing listens beyond this machine.
    local = LocalCluster(n_workers=args.workers, threads_per_worker=1, processes=True, host="127.0.0.1",
                         dashboard_address=None)
    return Client(local), local


def run_all(client, args, tasks):
    """How many failed for good, and how many could not be done now."""
    failed = undone = 0
    # Not pure: a result on the disk is what counts, not one that the scheduler remembers.
    futures = [client.submit(run_task, args.botmm, args.folder, number, key=f"botmm-{number}", pure=False,
                             retries=TRIES - 1) for number in range(tasks)]
    for done, future in enumerate(as_completed(futures), 1):
        if future.status == "finished":
            number, code, said = future.result()
            if code != DONE:
                failed += 1
                print(f"task {number}: {said} (exit code {code})", file=sys.stderr)
        else:
            undone += 1
            print(f"given up after {TRIES} tries: {future.exception()}", file=sys.stderr)
        if sys.stderr.isatty():
            print(f"{done} of {tasks}", file=sys.stderr, end="\n" if done == tasks else "\r")
    return failed, undone


def main():
    args = arguments()
    args.folder = str(Path(args.folder).resolve())
    plan = Path(args.folder) / "tasks.jsonl"
    if not plan.is_file():
        print(f"{plan}: there is none; make it with `botmm sweep plan … --out {args.folder}`", file=sys.stderr)
        return USAGE
    tasks = sum(1 for line in plan.read_text().splitlines() if line.strip())
    client, local = cluster(args)
    try:
        failed, undone = run_all(client, args, tasks)
    finally:
        client.close()
        if local:
            local.close()
    if failed:
        return FATAL
    if undone:
        return AGAIN
    return subprocess.run([args.botmm, "sweep", "reduce", args.folder], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
