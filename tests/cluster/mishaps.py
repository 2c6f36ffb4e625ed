#!/usr/bin/env python3
"""What befalls jobs on a real Slurm: nodes die, a third of the array is cancelled, workers are queued again, slurmctld is
killed, time limits are reached, arrays are full, hosts die. Afterwards every row must be there exactly once, and nothing may
be left in the queue.

usage: mishaps.py JOBHOST [--runs N] [--seed S] [--long]

A failing run prints its seed, and is repeated with --runs 1 --seed S. The kernel appends a line to a file each time it
runs: how often tasks ran again is told. Ends with 1 when a run is bad, or when a kind of mishap did not befall any job of a
campaign of --long; with 77 where there can be no cluster."""
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

from slurm import QUICK_LOSS, ClusterError, SlurmCluster, require_slurm

KERNEL = """#include <chrono>
#include <fstream>
#include <string>
#include <thread>
int late(int x, std::string file, int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  std::ofstream(file, std::ios::app) << x << '\\n';
  return 2 * x;
}
"""
TASKS, WORKERS = 1500, 12  # for about as many seconds as TASKS * milliseconds / WORKERS
MOST_PER_ARRAY = 9
WAITING_OR_RUNNING = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED")
TIME_LIMIT = 240 * int(os.environ.get("PATIENCE", 1))  # seconds for any command


class Run:
    def __init__(self, jobhost, cluster, plugin, seed):
        self.jobhost, self.cluster, self.plugin = jobhost, cluster, plugin
        self.chance = random.Random(seed)
        self.befell = collections.Counter()
        self.folder = tempfile.mkdtemp(prefix="jobhost-mishaps-")
        self.store, self.output, self.ran = (os.path.join(self.folder, name) for name in ("store", "out.csv", "ran"))
        self.milliseconds = self.chance.choice([30, 60, 120])
        self.words = [f"{plugin}:late", f"x=0..{TASKS - 1}", f"file={self.ran}", f"milliseconds={self.milliseconds}", "-b",
                      "slurm", "-j", str(WORKERS), "--slurm", "time=2", "--auto-resubmit"]
        self.broken = {}  # node: what mends it

    def start(self, *words):
        return subprocess.Popen([self.jobhost, "--store", self.store, *words], env=self.cluster.environment, cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def running(self):
        return [entry["id"] for entry in self.cluster.queue() if entry["state"] == "RUNNING"]

    def sound_node(self):
        return self.chance.choice([node for node in self.cluster.nodes if node not in self.broken])

    def kill_a_node(self):
        node = self.sound_node()
        self.cluster.kill_node(node)
        self.broken[node] = lambda: self.cluster.start_node(node)

    def kill_a_slurmd(self):
        node = self.sound_node()
        self.cluster.stop_daemon(node, kill=True)
        self.broken[node] = lambda: self.cluster.start_node(node)

    def cancel_a_third(self):
        running = self.running()
        if running:
            self.cluster.run("scancel", *self.chance.sample(running, (len(running) + 2) // 3), check=False)

    def queue_again(self):
        for entry in self.chance.sample(running := self.running(), min(3, len(running))):
            self.cluster.run("scontrol", "requeue", entry, check=False)

    def restart_slurmctld(self):
        self.cluster.restart_controller(kill=self.chance.random() < 0.5)

    def reach_time_limits(self):
        for entry in self.cluster.queue():
            if entry["state"] == "RUNNING" and self.chance.random() < 0.5:
                self.cluster.end_time_limit(entry["job"])

    def drain_a_node(self):
        node = self.sound_node()
        self.cluster.drain(node)
        self.broken[node] = lambda: self.cluster.resume(node)

    def kill_the_host(self):
        self.host.kill()
        self.host.communicate()
        self.host = self.start("resume", "@last")

    MISHAPS = (kill_a_node, kill_a_slurmd, cancel_a_third, queue_again, restart_slurmctld, reach_time_limits, drain_a_node,
               kill_the_host)

    def attempt(self, what, act):
        try:
            act()
            self.befell[what] += 1
        except ClusterError as error:  # as when slurmctld just starts
            print(f"  {what}: {error}; nodes: {self.cluster.run('sinfo', '-h', '-N', check=False).stdout.split()}", flush=True)

    def problem(self):
        """Of the run as a sentence, "" for none."""
        self.host = self.start("run", *self.words, "-o", self.output)
        deadline = time.monotonic() + TIME_LIMIT
        while self.host.poll() is None and not os.path.exists(self.ran) and time.monotonic() < deadline:
            time.sleep(0.05)
        for mishap in self.chance.sample(self.MISHAPS, self.chance.randint(2, 4)):
            time.sleep(self.chance.uniform(0, 1.5))
            if self.host.poll() is None:
                self.attempt(mishap.__name__, lambda: mishap(self))
        time.sleep(self.chance.uniform(0, 3))
        for mend in self.broken.values():
            self.attempt("mended", mend)
        for attempt in range(6):
            try:
                said = self.host.communicate(timeout=TIME_LIMIT)[1]
            except subprocess.TimeoutExpired:
                self.host.kill()
                return f"it hangs: {self.host.communicate()[1]}"
            if self.host.returncode == 0:
                break
            if self.host.returncode != 4:  # no worker was left in the queue, which is told
                return f"exit code {self.host.returncode}: {said}"
            self.befell["resumed"] += 1
            self.host = self.start("resume", "@last")
        else:
            return f"it does not end: {said}"
        return self.rows_problem() or self.queue_problem()

    def rows_problem(self):
        with open(self.output, encoding="utf-8") as rows:
            header, *lines = rows.read().splitlines()
        if header != "task,x,file,milliseconds,result,error":
            return f"the header is {header}"
        expected = [f"{i},{i},{self.ran},{self.milliseconds},{2 * i}," for i in range(TASKS)]
        if lines != expected:
            wrong = next((i for i, (a, b) in enumerate(zip(lines, expected)) if a != b), min(len(lines), TASKS))
            return f"{len(lines)} rows; row {wrong} is {lines[wrong:wrong + 1]}"
        with open(self.ran, encoding="utf-8") as ran:
            times = collections.Counter(ran.read().split())
        if len(times) < TASKS:
            return f"only {len(times)} tasks ran"
        self.befell["tasks that ran again"] += sum(times.values()) - TASKS
        return ""

    def queue_problem(self):
        deadline = time.monotonic() + 30
        while left := [entry for entry in self.cluster.queue() if entry["state"] in WAITING_OR_RUNNING]:
            if time.monotonic() > deadline:
                return f"left in the queue: {left}"
            time.sleep(0.5)
        return ""

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobhost")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--long", action="store_true", help="50 runs")
    options = parser.parse_args()
    options.jobhost = os.path.abspath(options.jobhost)
    runs = 50 if options.long else options.runs
    require_slurm()
    befell, bad, begin = collections.Counter(), 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jobhost-mishaps-") as folder:
        source, plugin = os.path.join(folder, "late.cpp"), os.path.join(folder, "late.so")
        with open(source, "w", encoding="utf-8") as file:
            file.write(KERNEL)
        subprocess.run([options.jobhost, "build", source, "-o", plugin], check=True)
        for seed in range(options.seed, options.seed + runs):
            began = time.monotonic()
            with SlurmCluster(max_array_size=MOST_PER_ARRAY, extra=QUICK_LOSS) as cluster:
                run = Run(options.jobhost, cluster, plugin, seed)
                try:
                    problem = run.problem()
                    befell.update(run.befell)
                    if problem:
                        bad += 1
                        print(f"BAD seed {seed}, {dict(run.befell)}: {problem}", flush=True)
                    elif runs > 2:
                        print(f"seed {seed}: {dict(run.befell)}, {time.monotonic() - began:.0f} s", flush=True)
                finally:
                    if run.host.poll() is None:
                        run.host.kill()
                    if problem:
                        print(f"  kept: {run.folder}")
                    else:
                        run.remove()
    print(f"seeds {options.seed}..{options.seed + runs - 1}: {runs} runs, {bad} bad; {dict(befell)}; "
          f"{time.monotonic() - begin:.0f} s")
    missing = [mishap.__name__ for mishap in Run.MISHAPS if not befell[mishap.__name__]] if options.long else []
    if missing:
        print(f"did not befall any job: {', '.join(missing)}")
    return 1 if bad or missing else 0


if __name__ == "__main__":
    sys.exit(main())
