#!/usr/bin/env python3
"""jobhost on a real Slurm beside a plain `sbatch --array` of one task each: time to the first result, cost per task.

usage: slurm.py [JOBHOST] [--tasks N] [--plain N] [--rounds N]

Both compute the same estimate of pi with the same compiler flags, in turns on the same cluster of four emulated nodes, which
tests/cluster/slurm.py starts. The medians of the rounds are printed, and their ratios."""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/cluster"))
from slurm import SlurmCluster, require_slurm  # noqa: E402

LANES, SAMPLES = 4, 1000
MAIN = f"""#include <cstdio>
#include <cstdlib>
#include "{ROOT}/examples/01-pi/pi.cpp"
int main(int, char** words) {{ std::printf("%.17g\\n", estimate_pi(std::strtoull(words[1], nullptr, 10), {SAMPLES})); }}
"""


class Bench:
    def __init__(self, jobhost, cluster, folder):
        self.jobhost, self.cluster, self.folder = jobhost, cluster, folder
        self.plugin, self.program = os.path.join(folder, "pi.so"), os.path.join(folder, "pi")
        subprocess.run([jobhost, "build", ROOT / "examples/01-pi/pi.cpp", "-o", self.plugin], check=True)
        with open(self.program + ".cpp", "w", encoding="utf-8") as source:
            source.write(MAIN)
        subprocess.run(["g++", "-O2", "-o", self.program, self.program + ".cpp"], check=True)

    def with_jobhost(self, tasks):
        """Seconds to the first row, and to the end of the command."""
        begin = time.monotonic()
        with subprocess.Popen([self.jobhost, "--store", os.path.join(self.folder, "store"), "--quiet", "run",
                               f"{self.plugin}:estimate_pi", f"seed=1..{tasks}", f"samples={SAMPLES}", "-b", "slurm", "-j",
                               str(LANES), "--format", "csv"], env=self.cluster.environment, stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL) as process:
            process.stdout.readline()  # names of columns
            process.stdout.readline()
            first = time.monotonic() - begin
            rows = 1 + sum(1 for _ in process.stdout)
        if process.returncode != 0 or rows != tasks:
            sys.exit(f"jobhost ended with {process.returncode} after {rows} rows")
        return first, time.monotonic() - begin

    def with_sbatch(self, tasks):
        """Seconds to the first output file with a number, and until all have one."""
        folder = tempfile.mkdtemp(dir=self.folder)
        begin = time.monotonic()
        self.cluster.run("sbatch", "--array", f"1-{tasks}", "--output", f"{folder}/%a", "--wrap",
                         f"{self.program} $SLURM_ARRAY_TASK_ID")
        first, waiting = None, set(range(1, tasks + 1))
        while waiting:
            waiting = {task for task in waiting
                       if not (os.path.exists(f"{folder}/{task}") and os.path.getsize(f"{folder}/{task}"))}
            if first is None and len(waiting) < tasks:
                first = time.monotonic() - begin
            time.sleep(0.01)
        return first, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobhost", nargs="?", default=ROOT / "build/release/bin/jobhost")
    parser.add_argument("--tasks", type=int, default=100_000, help="of jobhost")
    parser.add_argument("--plain", type=int, default=100, help="tasks of the plain array")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    require_slurm()
    with SlurmCluster(cpus=1) as cluster, tempfile.TemporaryDirectory(prefix="jobhost-bench-") as folder:
        bench = Bench(os.path.abspath(options.jobhost), cluster, folder)
        measured = [(bench.with_jobhost(options.tasks), bench.with_sbatch(options.plain)) for _ in range(options.rounds)]
    firsts = [statistics.median(round[who][0] for round in measured) for who in (0, 1)]
    totals = [statistics.median(round[who][1] for round in measured) for who in (0, 1)]
    costs = totals[0] / options.tasks, totals[1] / options.plain
    print(f"{'':24}{'first result':>14}{'all':>10}{'tasks':>10}{'per task':>14}")
    for name, first, total, tasks, cost in zip(("jobhost run -b slurm", "sbatch --array"), firsts, totals,
                                               (options.tasks, options.plain), costs):
        print(f"{name:24}{first:>12.2f} s{total:>8.2f} s{tasks:>10}{cost * 1e6:>11.1f} us")
    print(f"jobhost / sbatch: first result {firsts[0] / firsts[1]:.2f}, cost per task {costs[0] / costs[1]:.2g}")


if __name__ == "__main__":
    main()
