"""Every kind of work on jobhost beside physical limits and peers, interleaved: see README.md."""
import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[1]
PYTHON = "/usr/bin/python3"  # Debian's, which has the peers
BACKENDS = ("processes", "threads")


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def rate(count, seconds):
    return lambda: count / seconds() / 1e6


def milliseconds(seconds):
    return lambda: 1e3 * seconds()


@dataclasses.dataclass
class Contender:
    """One row of the table. `measure` gives a value in `unit`, or raises when the contender is not there."""
    work: str
    who: str
    mode: str
    unit: str
    measure: Callable[[], float]
    role: str = "peer"  # or "limit", "us"
    values: list = dataclasses.field(default_factory=list)
    absent: str = ""

    def run(self):
        if self.absent:
            return
        try:
            self.values.append(self.measure())
        except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
            self.absent = str(error).splitlines()[0]

    @property
    def value(self):
        return statistics.median(self.values) if self.values and not self.absent else None

    @property
    def spread(self):
        return (max(self.values) - min(self.values)) / self.value if self.value else None


LOWER_IS_BETTER = {"ms", "us", "s", "ns"}


def middle_of(ratios):
    """Median, and an interval that holds the true one with 95 % (order statistics, by the binomial distribution)."""
    ordered = sorted(ratios)
    n = len(ordered)
    outer = max(0, int(n / 2 - 0.98 * n**0.5))
    return statistics.median(ordered), (ordered[outer], ordered[n - 1 - outer])


def times_as_good(ours, other, unit):
    """How many times as good `ours` is; 1 when equal."""
    if not ours or not other:
        return None
    return other / ours if unit in LOWER_IS_BETTER else ours / other


class Bench:
    def __init__(self, build, folder, quick):
        self.build, self.folder, self.quick = build, folder, quick
        self.jobhost = str(build / "bin/jobhost")
        self.kernels = build / "bench/bench_kernels.so"
        self.store = folder / "store"
        self.environment = dict(os.environ, JOBHOST_STORE=str(self.store), OMP_NUM_THREADS="1")
        self.contenders = []

    def words(self, *command, err=False):
        done = subprocess.run([str(word) for word in command], env=self.environment, cwd=self.folder, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE if err else subprocess.DEVNULL,
                              timeout=120)
        return (done.stderr if err else done.stdout).decode().split()

    # Each gives seconds.
    def limit(self, work, n):
        return float(self.words(self.build / "bench/limits", work, n, err=True)[-1])

    def mpi(self, work, n, batch=1):
        return float(self.words("mpirun", "--allow-run-as-root", "--oversubscribe", "-n", 3, self.build / "bench/mpi_loop",
                                work, n, batch)[-1])

    def python(self, library, work, n):
        script = [PYTHON, ROOT / "bench/peers/python_peers.py", library, work, n]
        if library == "mpi4py":
            script[:1] = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", 3, PYTHON, "-m", "mpi4py.futures"]
        return float(self.words(*script)[-1])

    def program(self, backend, work, n, column=0, chunk=0):
        return float(self.words(self.build / "bench/bench_program", backend, work, n, chunk)[column])

    def submitted(self, backend, kernel, n, *options):
        """From the start of `jobhost submit` until every result is checksummed in a log and DONE is written."""
        begin = time.perf_counter()
        job = self.words(self.jobhost, "submit", f"{self.kernels}:{kernel}", f"i=0..{n - 1}", "-j2", "-b", backend, *options)
        done = self.store / job[0] / "DONE"
        while not done.exists():
            time.sleep(0.0003)
        seconds = time.perf_counter() - begin
        time.sleep(0.05)  # the worker's last steps
        shutil.rmtree(self.store, ignore_errors=True)
        return seconds

    def run_job(self, *arguments):
        seconds = timed(lambda: self.words(self.jobhost, "run", *arguments))
        shutil.rmtree(self.store, ignore_errors=True)
        return seconds

    def first_result(self, backend):
        begin = time.perf_counter()
        with subprocess.Popen([self.jobhost, "run", f"{self.kernels}:inc", "i=1", "-j2", "-b", backend], env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as job:
            job.stdout.readline()
            return time.perf_counter() - begin

    def add(self, work, unit, role, who, mode, measure):
        self.contenders.append(Contender(work, who, mode, unit, measure, role))

    def define(self):
        """One method for each work, so that its lambdas keep its sizes."""
        for method in (self.default_chunks, self.one_at_a_time, self.tasks_of_13_us, self.common_data, self.large_results,
                       self.first_results, self.single_calls, self.failures, self.rows_of_text, self.growth, self.source_files):
            method()

    def default_chunks(self):
        n, few, work = (10**7 if self.quick else 10**8), 10**6, "W1 default chunks"
        self.add(work, "M/s", "limit", "tbb::parallel_for", "fresh memory", rate(n, lambda: self.limit("inc", n)))
        self.add(work, "M/s", "limit", "tbb::parallel_for", "warm memory", rate(n, lambda: self.limit("warm", n)))
        self.add(work, "M/s", "peer", "MPI loop", "batch 10^5", rate(10**7, lambda: self.mpi("inc", 10**7, 10**5)))
        for library, m in (("multiprocessing", few), ("futures", few // 4), ("joblib", few // 8), ("mpi4py", few // 4), ("dask", 1000)):
            self.add(work, "M/s", "peer", library, "", rate(m, lambda l=library, m=m: self.python(l, "inc", m)))
        self.add(work, "M/s", "peer", "GNU parallel", "--pipe awk", rate(few, lambda: timed(lambda: self.words(
            "bash", "-c", f"seq {few} | parallel -j2 --pipe --block 1M awk \"'{{print \\$1+1}}'\" | tail -1"))))
        for backend in BACKENDS:
            self.add(work, "M/s", "us", "jobhost", backend, rate(n, lambda b=backend: self.submitted(b, "inc", n)))
        self.add(work, "M/s", "us", "jobhost", "processes, read in C++", rate(n, lambda: self.program("processes", "inc", n)))

    def one_at_a_time(self):
        n, few, work = (3 * 10**5 if self.quick else 10**6), 5000, "W1 one at a time"
        self.add(work, "M/s", "limit", "tbb::parallel_for", "grain 1", rate(n, lambda: self.limit("one", n)))
        self.add(work, "M/s", "peer", "MPI loop", "batch 1", rate(n, lambda: self.mpi("inc", n, 1)))
        for library, m in (("multiprocessing", 2 * few), ("futures", few), ("joblib", few), ("mpi4py", few), ("dask", 1000)):
            self.add(work, "M/s", "peer", library, "", rate(m, lambda l=library, m=m: self.python(l, "one", m)))
        self.add(work, "M/s", "peer", "GNU parallel", "", rate(100, lambda: timed(lambda: self.words(
            "bash", "-c", "seq 100 | parallel -j2 echo | tail -1"))))
        for backend in BACKENDS:
            self.add(work, "M/s", "us", "jobhost", backend, rate(n, lambda b=backend: self.submitted(b, "inc", n, "--chunk", "1")))
        self.add(work, "M/s", "us", "jobhost", "Pool", rate(n, lambda: self.program("processes", "pool-inc", n)))

    def tasks_of_13_us(self):
        n, work = (10**5 if self.quick else 2 * 10**5), "W2 13 us tasks"

        def efficiency(seconds):
            return lambda: self.limit("serial", n) / seconds() / 2
        self.add(work, "efficiency", "limit", "tbb::parallel_for", "", efficiency(lambda: self.limit("spin", n)))
        self.add(work, "efficiency", "peer", "MPI loop", "batch 100", efficiency(lambda: self.mpi("spin", n, 100)))
        self.add(work, "efficiency", "peer", "multiprocessing", "its own 13 us",
                 lambda: 13e-6 * 5e4 / self.python("multiprocessing", "spin", 50000) / 2)
        for backend in BACKENDS:
            self.add(work, "efficiency", "us", "jobhost", backend, efficiency(lambda b=backend: self.submitted(b, "spin", n)))

    def common_data(self):
        work = "W3 100 MB common"
        self.add(work, "ms", "limit", "tbb::parallel_for", "in process", milliseconds(lambda: self.limit("common", 1000)))
        self.add(work, "ms", "peer", "MPI loop", "broadcast", milliseconds(lambda: self.mpi("common", 1000)))
        for library in ("multiprocessing", "joblib", "dask"):
            self.add(work, "ms", "peer", library, "", milliseconds(lambda l=library: self.python(l, "common", 1000)))
        for backend in BACKENDS:
            self.add(work, "ms", "us", "jobhost", backend, milliseconds(lambda b=backend: self.program(b, "common", 1000)))

    def large_results(self):
        n, work = 200, "W4 1 MB results"

        def volume(count, seconds):
            return lambda: count * 2**20 / seconds() / 1e9
        self.add(work, "GB/s", "limit", "memcpy", "", volume(n, lambda: self.limit("large", n)))
        self.add(work, "GB/s", "peer", "MPI loop", "", volume(n, lambda: self.mpi("large", n)))
        for library in ("multiprocessing", "futures", "joblib", "mpi4py", "dask"):
            self.add(work, "GB/s", "peer", library, "", volume(n // 2, lambda l=library: self.python(l, "large", n // 2)))
        for backend in BACKENDS:
            self.add(work, "GB/s", "us", "jobhost", backend, volume(n, lambda b=backend: self.program(b, "large", n)))
        self.add(work, "GB/s", "us", "jobhost", "Pool", volume(n, lambda: self.program("processes", "pool-large", n)))

    def first_results(self):
        work = "W5 start to first result"
        self.add(work, "ms", "limit", "start of /bin/true", "", milliseconds(lambda: timed(lambda: self.words("/bin/true"))))
        for who, code in (("multiprocessing", "import multiprocessing\nwith multiprocessing.Pool(2) as pool: print(pool.map(abs, [1]))"),
                          ("joblib", "from joblib import Parallel, delayed\nprint(Parallel(2)(delayed(abs)(i) for i in [1, 2]))")):
            self.add(work, "ms", "peer", who, "", milliseconds(lambda c=code: timed(lambda: self.words(PYTHON, "-c", c))))
        for backend in BACKENDS:
            self.add(work, "ms", "us", "jobhost", backend, milliseconds(lambda b=backend: self.first_result(b)))

    def single_calls(self):
        n, work = (20_000 if self.quick else 100_000), "W6 one call, warm"

        def microseconds(seconds):
            return lambda: 1e6 * seconds()
        self.add(work, "us", "peer", "MPI loop", "spinning", microseconds(lambda: self.mpi("call", n)))
        for library, m in (("multiprocessing", 2000), ("futures", 2000), ("joblib", 100), ("mpi4py", 500), ("dask", 50)):
            self.add(work, "us", "peer", library, "", microseconds(lambda l=library, m=m: self.python(l, "call", m)))
        for mode, what, m, column in (("median", "call", n, 0), ("p99", "call", n, 1), ("median, all asleep", "asleep", 200, 0),
                                      ("p99, all asleep", "asleep", 200, 1)):
            self.add(work, "us", "us", "jobhost Pool", mode,
                     microseconds(lambda w=what, m=m, c=column: self.program("processes", w, m, c)))

    def failures(self):
        n, work = 10_000, "W7 1 % throw"
        self.add(work, "M/s", "limit", "tbb::parallel_for", "", rate(n, lambda: self.limit("fussy", n)))
        self.add(work, "M/s", "peer", "MPI loop", "batch 100", rate(n, lambda: self.mpi("fussy", n, 100)))
        for library in ("multiprocessing", "futures", "joblib", "mpi4py"):
            self.add(work, "M/s", "peer", library, "", rate(n, lambda l=library: self.python(l, "fussy", n)))
        self.add(work, "M/s", "us", "jobhost", "processes, started for it", rate(n, lambda: self.program("processes", "fussy", n)))
        self.add(work, "M/s", "us", "jobhost", "Pool", rate(n, lambda: self.program("processes", "pool-fussy", n)))

    def rows_of_text(self):
        n, work, rows = (10**6 if self.quick else 10**7), "CSV rows", self.folder / "rows.csv"
        self.add(work, "M/s", "us", "jobhost", "run -o", rate(
            n, lambda: self.run_job(f"{self.kernels}:inc", f"i=0..{n - 1}", "-j2", "-o", rows)))
        self.add(work, "M/s", "limit", "plain loop", "", rate(n, lambda: self.plain_loop(n)))
        self.add(work, "M/s", "peer", "awk '{print}'", "same bytes", rate(n, lambda: timed(lambda: self.words(
            "bash", "-c", f"awk '{{print}}' {rows} > {self.folder}/copy.csv"))))

    def growth(self):
        work = "growth, ns a task"

        def nanoseconds(count, seconds):
            return lambda: 1e9 * seconds() / count
        for n in (10**6, 10**7) if self.quick else (10**6, 10**8):
            self.add(work, "ns", "us", "jobhost", f"{n:.0e}, --reduce sum", nanoseconds(
                n, lambda n=n: self.run_job(f"{self.kernels}:inc", f"i=0..{n - 1}", "-j2", "--reduce", "sum")))
            self.add(work, "ns", "us", "jobhost", f"{n:.0e}, in logs", nanoseconds(n, lambda n=n: self.submitted("processes", "inc", n)))

    def source_files(self):
        work = "a source file"
        self.add(work, "ms", "peer", "g++", "-O2 -g -shared", milliseconds(lambda: timed(lambda: self.words(
            "g++", "-O2", "-g", "-shared", "-fPIC", ROOT / "examples/01-pi/pi.cpp", "-o", self.folder / "pi.so"))))
        for mode, fresh in (("first run", True), ("second run", False)):
            self.add(work, "ms", "us", "jobhost", mode, milliseconds(lambda f=fresh: self.source_file(f)))

    def plain_loop(self, n):
        with open(self.folder / "plain.csv", "wb") as out:
            told = subprocess.run([self.build / "bench/limits", "text", str(n)], stdout=out, stderr=subprocess.PIPE, check=True)
        return float(told.stderr)

    def source_file(self, fresh):
        cache = self.folder / "cache"
        if fresh:
            shutil.rmtree(cache, ignore_errors=True)
        environment = dict(self.environment, XDG_CACHE_HOME=str(cache))
        return timed(lambda: subprocess.run(
            [self.jobhost, "run", f"{ROOT / 'examples/01-pi/pi.cpp'}:estimate_pi", "seed=1", "samples=1"], env=environment,
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def of(self, work, role):
        return [one for one in self.contenders if one.work == work and one.role == role and one.value]

    def best(self, work, role, keep=lambda one: True):
        found = [one for one in self.of(work, role) if keep(one)]
        if not found:
            return None
        values = [one.value for one in found]
        return min(values) if found[0].unit in LOWER_IS_BETTER else max(values)

    def row(self, one):
        return {"work": one.work, "mode": one.mode, "who": one.who, "role": one.role, "value": one.value, "unit": one.unit,
                "to_limit": times_as_good(one.value, self.best(one.work, "limit"), one.unit),
                "to_best_peer": times_as_good(one.value, self.best(one.work, "peer"), one.unit) if one.role == "us" else None,
                "spread": one.spread, "absent": one.absent or None}

    def goals(self):
        """(what, ratio, wanted): met when ratio >= wanted. A ratio to something absent is None, which meets nothing."""
        def ours(work, mode):
            return next((one.value for one in self.of(work, "us") if one.mode == mode), None)

        def peer(work, who):
            return next((one.value for one in self.of(work, "peer") if one.who == who), None)

        def against(work, mode, other, unit):
            return times_as_good(ours(work, mode), other, unit)

        python = lambda one: one.who != "MPI loop"
        one, default, w2 = "W1 one at a time", "W1 default chunks", "W2 13 us tasks"
        fresh = next((c.value for c in self.of(default, "limit") if c.mode == "fresh memory"), None)
        asleep = ours("W6 one call, warm", "median, all asleep")
        first = ours("W5 start to first result", "processes")
        growth = [c.value for c in self.of("growth, ns a task", "us")]
        return [
            ("W1 default chunks, processes, to the MPI loop", against(default, "processes", peer(default, "MPI loop"), "M/s"), 1),
            ("W1 default chunks, processes, to the best other peer", against(default, "processes", self.best(default, "peer", python), "M/s"), 30),
            ("W1 default chunks, threads, to tbb::parallel_for into fresh memory", against(default, "threads", fresh, "M/s"), 0.5),
            ("W1 one at a time, processes, to the MPI loop", against(one, "processes", peer(one, "MPI loop"), "M/s"), 15),
            ("W1 one at a time, processes, to the best other peer", against(one, "processes", self.best(one, "peer", python), "M/s"), 100),
            *(self.paired_goal(w2, mode, 0.95) for mode in BACKENDS),
            ("W3 processes, to the best peer", against("W3 100 MB common", "processes", self.best("W3 100 MB common", "peer"), "ms"), 1 / 0.7),
            ("W4 processes as owned values, to the MPI loop", against("W4 1 MB results", "processes", peer("W4 1 MB results", "MPI loop"), "GB/s"), 0.8),
            ("W5 20 ms, to jobhost run of one task", 20 / first if first else None, 1),
            ("W5 jobhost run of one task, to multiprocessing", times_as_good(first, peer("W5 start to first result", "multiprocessing"), "ms"), 5),
            ("W6 median, to the MPI loop", against("W6 one call, warm", "median", peer("W6 one call, warm", "MPI loop"), "us"), 1 / 0.3),
            ("W6 100 us, to the median when all sleep", 100 / asleep if asleep else None, 1),
            ("W7 Pool, to the MPI loop", against("W7 1 % throw", "Pool", peer("W7 1 % throw", "MPI loop"), "M/s"), 1),
            ("growth: 10^6 tasks to the most, --reduce sum", growth[0] / growth[2] if len(growth) == 4 else None, 1 / 1.3),
            ("growth: 10^6 tasks to the most, in logs", growth[1] / growth[3] if len(growth) == 4 else None, 1 / 1.3),
            ("CSV rows, to awk '{print}'", against("CSV rows", "run -o", self.best("CSV rows", "peer"), "M/s"), 3),
        ]

    def paired_goal(self, work, mode, wanted):
        """Of ratios to the limit within each round."""
        limit = next((one for one in self.of(work, "limit")), None)
        ours = next((one for one in self.of(work, "us") if one.mode == mode), None)
        if not limit or not ours:
            return (f"{work}, {mode}, to TBB's efficiency", None, wanted)
        ratio, (low, high) = middle_of([a / b for a, b in zip(ours.values, limit.values)])
        return (f"{work}, {mode}, to TBB's efficiency (paired, 95 % interval {low:.3f} to {high:.3f})", ratio, wanted)

    def tables(self):
        def number(value, digits=3):
            return "" if value is None else f"{value:.{digits}g}"

        lines = ["| work | who | mode | value | unit | to limit | to best peer | spread |", "|---|---|---|---|---|---|---|---|"]
        for one in self.contenders:
            row = self.row(one)
            value = "absent" if one.absent else number(row["value"], 4)
            spread = "" if row["spread"] is None else f"{100 * row['spread']:.0f} %"
            lines.append(f"| {one.work} | {one.who}{' (limit)' if one.role == 'limit' else ''} | {one.mode} | {value} | {one.unit} | "
                         f"{number(row['to_limit'])} | {number(row['to_best_peer'])} | {spread} |")
        lines += ["", "| goal | ratio | wanted | |", "|---|---|---|---|"]
        for what, ratio, wanted in self.goals():
            verdict = "absent" if ratio is None else "met" if ratio >= wanted else "missed"
            lines.append(f"| {what} | {number(ratio)} | {number(wanted)} | {verdict} |")
        return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="3 rounds of smaller jobs")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default="", help="works that begin with this")
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 7)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    load_before = os.getloadavg()
    with tempfile.TemporaryDirectory(dir=memory, prefix="jobhost-bench-") as folder:
        bench = Bench(options.build.resolve(), pathlib.Path(folder), options.quick)
        bench.define()
        bench.contenders = [one for one in bench.contenders if one.work.startswith(options.only)]
        for number in range(rounds):
            for one in bench.contenders:
                print(f"\r\033[Kround {number + 1} of {rounds}: {one.work}, {one.who} {one.mode}", end="", file=sys.stderr, flush=True)
                one.run()
        print("\r\033[K", end="", file=sys.stderr)
        machine = (f"{os.cpu_count()} cores, load {load_before[0]:.2f} before and {os.getloadavg()[0]:.2f} after, "
                   f"{rounds} interleaved rounds, medians; spread is (max - min) / median\n")
        text = machine + "\n" + bench.tables() + "\n"
        print(text)
        out = options.build / "bench"
        (out / "results.md").write_text(text)
        (out / "results.json").write_text(json.dumps({
            "machine": {"cores": os.cpu_count(), "load_before": load_before, "load_after": os.getloadavg(), "rounds": rounds},
            "rows": [bench.row(one) for one in bench.contenders],
            "goals": [{"what": what, "ratio": ratio, "wanted": wanted} for what, ratio, wanted in bench.goals()]}, indent=1))


if __name__ == "__main__":
    main()
