#!/usr/bin/env python3
"""Kills hosts, workers and executors of running jobs at random moments, resumes, and checks the output to the byte.

usage: random_kills.py JOBHOST PLUGIN [--runs N] [--seed S] [--jobs N] [--long]

Every failing run prints its seed, and is repeated with --runs 1 --seed S. The kernel appends a line to a file each time
it runs: what a kill costs is what lanes had begun and not committed, one sub-batch each. A sub-batch is meant to take a
millisecond, and no kernel here takes less than its `microseconds`, so it has at most 1000 / microseconds tasks.

Ends with 1 when any task was lost or printed twice, when more tasks ran again than kills can account for, or when fewer
processes were killed than --least-workers (with executors) and --least-hosts."""
import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LANES = 2
PATIENCE = int(os.environ.get("PATIENCE", 1))  # how many times as long as usual everything may take
GAVE_UP = ("without getting anywhere", "executors keep ending", "ends the process", "no worker is running job")


def children(pid):
    try:
        return [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []


def workers_of(store):
    """Workers of a job of this store, also those whose host is gone."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{name}/cmdline", "rb").read()
            title, state = open(f"/proc/{name}/stat").read().rsplit(")", 1)
        except OSError:
            continue
        # A worker that was forked from its host has the host's command line.
        is_worker = title.endswith("(jobhost-worker") or b"\0worker\0" in words
        if is_worker and store.encode() in words and state.split()[0] != "Z":
            found.append(int(name))
    return found


class Run:
    """One job, and what befalls it."""

    def __init__(self, options, seed):
        self.jobhost, self.tasks = os.path.abspath(options.jobhost), options.tasks
        self.chance, self.pace = random.Random(seed), options.pace
        self.kills = collections.Counter()
        self.folder = tempfile.mkdtemp(prefix="jobhost-kills-")
        self.store, self.output, self.runs = (os.path.join(self.folder, name) for name in ("store", "out.csv", "runs"))
        self.microseconds = self.chance.choice([20, 50, 100])
        self.backend = self.chance.choice(["processes", "threads"])
        self.detached = self.chance.random() < 0.2
        self.again = 0  # tasks that kills may have made run again
        self.command = [f"{os.path.abspath(options.plugin)}:counted", f"x=1..{self.tasks}", f"file={self.runs}",
                        f"microseconds={self.microseconds}", "-b", self.backend, "-j", str(LANES)]
        if self.chance.random() < 0.3:
            self.command += ["--chunk", str(self.chance.choice([1, 7, 100]))]

    def words(self, *command):
        return [self.jobhost, "--store", self.store, "--quiet", *command]

    def kill(self, kind, pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[kind] += 1
        lanes = {"host": 0, "worker": LANES, "executor": LANES if self.backend == "threads" else 1}[kind]
        self.again += lanes * (1000 // self.microseconds)

    def strike(self, host):
        """Kills one of the processes that are there now."""
        workers = children(host.pid)
        if self.detached and self.chance.random() < 0.3:
            workers = workers_of(self.store)
        others = [("worker", pid) for pid in workers] + \
            [("executor", pid) for worker in workers for pid in children(worker)]
        if others and self.chance.random() < 0.85:
            self.kill(*self.chance.choice(others))
        elif host.poll() is None:
            self.kill("host", host.pid)

    def has_job(self):
        listed = subprocess.run(self.words("ls"), capture_output=True, text=True, check=True).stdout
        return len(listed.splitlines()) > 1

    def to_the_end(self):
        """Starts hosts until one ends by itself; what is wrong, or None."""
        go_on = self.words("resume", "@last", "-o", self.output)
        command = self.words("run", *self.command, "-o", self.output)
        if self.detached:
            command = go_on
            subprocess.run(self.words("submit", *self.command), check=True, stdout=subprocess.DEVNULL,
                           timeout=60 * PATIENCE)
            if self.chance.random() < 0.3:
                command = self.words("attach", "@last", "-o", self.output)
        for attempt in range(100):
            host = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(self.pace * self.chance.uniform(0.0, 0.06))
            for _ in range(0 if attempt > 80 else self.chance.randrange(4, 16)):
                if host.poll() is not None:
                    break
                self.strike(host)
                time.sleep(self.pace * self.chance.expovariate(1 / 0.015))
            complaint = host.communicate(timeout=120 * PATIENCE)[1].decode()
            if host.returncode == 0:
                return None
            gave_up = host.returncode in (3, 4) and any(reason in complaint for reason in GAVE_UP)
            if host.returncode != -signal.SIGKILL and not gave_up:
                return f"exit code {host.returncode}: {complaint.strip()}"
            # A host that died before its job was complete on disk leaves nothing to resume.
            if command != go_on and self.has_job():
                command = go_on
        return "did not finish"

    def rows_problem(self):
        rows = open(self.output).read().splitlines()
        if rows[0] != "task,x,file,microseconds,result,error":
            return f"wrong header {rows[0]!r}"
        if len(rows) != self.tasks + 1:
            return f"{len(rows) - 1} rows instead of {self.tasks}"
        for task, row in enumerate(rows[1:]):
            if row != f"{task},{task + 1},{self.runs},{self.microseconds},{task + 1},":
                return f"row {task} is {row!r}"
        return None

    def problem(self):
        problem = self.to_the_end() or self.rows_problem()
        if problem:
            return problem
        if any(name not in ("out.csv", "store", "runs") and ".part" not in name for name in os.listdir(self.folder)):
            return f"left behind: {os.listdir(self.folder)}"
        deadline = time.monotonic() + 20 * PATIENCE
        while workers_of(self.store):
            if time.monotonic() > deadline:
                return f"workers left behind: {workers_of(self.store)}"
            time.sleep(0.01)
        ran = collections.Counter(open(self.runs).read().split())
        if len(ran) != self.tasks:
            return f"{len(ran)} tasks ran of {self.tasks}"
        self.ran_again = sum(ran.values()) - self.tasks
        if self.ran_again > self.again:
            return f"{self.ran_again} tasks ran again; {dict(self.kills)} account for {self.again}"
        return None

    def end(self):
        for pid in workers_of(self.store):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobhost")
    parser.add_argument("plugin")
    parser.add_argument("--long", action="store_true", help="2,000 runs, 20,000 and 4,000 kills")
    parser.add_argument("--runs", type=int, default=None)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time")
    parser.add_argument("--pace", type=float, default=1, help="how many times as long jobhost takes as an optimised one")
    parser.add_argument("--least-workers", type=int, default=None)
    parser.add_argument("--least-hosts", type=int, default=None)
    options = parser.parse_args()
    runs = options.runs or (2000 if options.long else 12)
    least = {"worker": 10 * runs if options.least_workers is None else options.least_workers,
             "host": 2 * runs if options.least_hosts is None else options.least_hosts}
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 30)
    kills, bad, again, bound, detached = collections.Counter(), 0, 0, 0, 0
    begin = time.monotonic()

    def one(seed):
        run = Run(options, seed)
        try:
            return seed, run, run.problem()
        finally:
            run.end()

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for seed, run, problem in pool.map(one, range(first, first + runs)):
            kills += run.kills
            if problem:
                bad += 1
                print(f"seed {seed}: {problem}", flush=True)
                continue
            again, bound, detached = again + run.ran_again, bound + run.again, detached + run.detached
    print(f"seeds {first}..{first + runs - 1}: {runs - bad} of {runs} runs exact, {detached} of them detached; {dict(kills)} "
          f"killed; {again} tasks ran again, at most {bound} were to; {time.monotonic() - begin:.0f} s")
    for kind, number in (("worker", kills["worker"] + kills["executor"]), ("host", kills["host"])):
        if number < least[kind]:
            print(f"{number} {kind}s were killed instead of {least[kind]}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
