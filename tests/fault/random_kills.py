#!/usr/bin/env python3
"""Kills hosts, workers and executors of running jobs at random moments, resumes, and checks the output to the byte.

usage: random_kills.py JOBHOST PLUGIN [--runs N] [--seed S] [--tasks N]

Every run prints its seed; a failing one is repeated with --runs 1 --seed S. Ends with 1 when any task was lost or
printed twice, or when fewer kills hit a running job than there were runs."""
import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def processes_of(store):
    """(kind, pid) of every process that works on a job of this store."""
    parents, kinds = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            words = open(f"/proc/{name}/cmdline", "rb").read().split(b"\0")
            title, stat = open(f"/proc/{name}/stat").read().rsplit(")", 1)
            stat = stat.split()
        except OSError:
            continue
        if stat[0] == "Z" or len(words) < 2:
            continue
        parents[int(name)] = int(stat[1])
        # A worker that was forked from its host has the host's command line.
        is_worker = title.endswith("(jobhost-worker") or b"worker" in words[1:2]
        if is_worker and any(word.startswith(store.encode()) for word in words):
            kinds[int(name)] = "worker"
        elif os.path.basename(words[0]).startswith(b"jobhost-executor"):
            kinds[int(name)] = "executor"
    return [(kind, pid) for pid, kind in kinds.items()
            if kind == "worker" or kinds.get(parents[pid]) == "worker"]


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def one_run(jobhost, plugin, seed, tasks, kills):
    chance = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="jobhost-kills-")
    store, output = os.path.join(folder, "store"), os.path.join(folder, "out.csv")
    backend = chance.choice(["processes", "threads"])
    base = [jobhost, "--store", store, "--quiet"]
    command = base + ["run", f"{plugin}:spin", f"x=1..{tasks}", f"microseconds={chance.choice([20, 100])}",
                      "-b", backend, "-j", "2", "-o", output]
    if chance.random() < 0.3:
        command += ["--chunk", str(chance.choice([1, 7, 100]))]
    try:
        for attempt in range(60):
            host = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            until = time.monotonic() + chance.expovariate(1 / 0.08)
            strikes = 0 if attempt > 40 else chance.choice([1, 1, 2, 3])
            while host.poll() is None and strikes > 0:
                if time.monotonic() < until:
                    time.sleep(0.002)
                    continue
                victims = [("host", host.pid)] + processes_of(store)
                kind, pid = chance.choice(victims)
                if host.poll() is None and kill(pid):
                    kills[kind] += 1
                strikes -= 1
                until = time.monotonic() + chance.expovariate(1 / 0.05)
            complaint = host.communicate(timeout=120)[1].decode()
            if host.returncode == 0:
                break
            if host.returncode != -signal.SIGKILL:
                return f"exit code {host.returncode}: {complaint.strip()}"
            # A host that died before its job was complete on disk leaves nothing to resume.
            listed = subprocess.run(base + ["ls"], capture_output=True, text=True, check=True).stdout
            if len(listed.splitlines()) > 1:
                command = base + ["resume", "@last"]
        else:
            return "did not finish"
        microseconds = command  # only for the message of a failing comparison below
        rows = open(output).read().splitlines()
        if rows[0] != "task,x,microseconds,result,error":
            return f"wrong header {rows[0]!r} after {microseconds}"
        if len(rows) != tasks + 1:
            return f"{len(rows) - 1} rows instead of {tasks}"
        for task, row in enumerate(rows[1:]):
            cells = row.split(",")
            if int(cells[0]) != task or int(cells[1]) != task + 1 or cells[3] != str((task + 1) ** 2) or cells[4]:
                return f"row {task} is {row!r}"
        if any(name != "out.csv" and name != "store" and ".part" not in name for name in os.listdir(folder)):
            return f"left behind: {os.listdir(folder)}"
        deadline = time.monotonic() + 10
        while processes_of(store):
            if time.monotonic() > deadline:
                return f"processes left behind: {processes_of(store)}"
            time.sleep(0.01)
        return None
    finally:
        for _, pid in processes_of(store):
            kill(pid)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobhost")
    parser.add_argument("plugin")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--tasks", type=int, default=4000)
    options = parser.parse_args()
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 30)
    kills, bad = collections.Counter(), 0
    for run in range(options.runs):
        seed = first + run
        problem = one_run(os.path.abspath(options.jobhost), os.path.abspath(options.plugin), seed, options.tasks, kills)
        if problem:
            bad += 1
            print(f"seed {seed}: {problem}", flush=True)
    total = sum(kills.values())
    print(f"seeds {first}..{first + options.runs - 1}: {options.runs - bad} of {options.runs} runs exact; "
          f"{total} kills hit a running job ({dict(kills)})")
    if total < options.runs:
        print("too few kills hit a running job")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
