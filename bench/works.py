"""W1 to W7: the same work on jobhost, on what the machine can do, and on peers."""
from commands import MPIRUN, PYTHON, Commands
from contender import Contender

BACKENDS = ("processes", "threads")
W1, W1_ONE, W2, W3 = "W1 default chunks", "W1 one at a time", "W2 13 us tasks", "W3 100 MB common"
W4, W5, W6, W7 = "W4 1 MB results", "W5 start to first result", "W6 one call, warm", "W7 1 % throw"
# Nobody else is measured at these.
W5_PIPE, W6_TAIL = "W5 a call that starts workers", "W6 one call, warm, 99th percentile"
W6_ASLEEP, W6_ASLEEP_TAIL = "W6 one call, all asleep", "W6 one call, all asleep, 99th percentile"

# Smallest programs that start two workers and print one result.
START = {
    "multiprocessing": "import multiprocessing\nwith multiprocessing.Pool(2) as pool: print(pool.map(abs, [1]))",
    "futures": "from concurrent.futures import ProcessPoolExecutor as P\nwith P(2) as pool: print(list(pool.map(abs, [1])))",
    "joblib": "from joblib import Parallel, delayed\nprint(Parallel(2)(delayed(abs)(i) for i in [1, 2]))",
    "dask": "from distributed import Client\nif __name__ == '__main__':\n"
            "  with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as c: print(c.submit(abs, 1).result(), flush=True)",
    "mpi4py": "from mpi4py.futures import MPIPoolExecutor as P\nif __name__ == '__main__':\n"
              "  with P() as pool: print(list(pool.map(abs, [1])), flush=True)",
}


def rate(n, seconds):
    return n / seconds / 1e6


def volume(n, seconds):
    return n * 2**20 / seconds / 1e9


class Works:
    """One method for each work, so that its functions keep its sizes."""

    def __init__(self, commands: Commands, quick, rounds):
        self.run, self.quick, self.rounds = commands, quick, rounds
        self.contenders = []
        self.round = 0  # counted up by who runs them
        self.serial = (None, 0)

    def define(self):
        for method in (self.default_chunks, self.one_at_a_time, self.tasks_of_13_us, self.common_data, self.large_results,
                       self.first_results, self.single_calls, self.failures):
            method()

    def add(self, work, unit, role, who, mode, measure, rounds=None):
        self.contenders.append(Contender(work, who, mode, unit, measure, role, rounds or self.rounds))

    def backends(self, work, unit, surface, measure, rounds=None):
        for backend in BACKENDS:
            self.add(work, unit, "us", "jobhost", f"{backend}, {surface}", lambda b=backend: measure(b), rounds)

    def fewer(self, who):
        """Rounds of peers that take long, when time is short."""
        return (2 if who == "multiprocessing" else 1) if self.quick else self.rounds

    def pythons(self, work, unit, what, tasks, value):
        """Peers that are slow get fewer tasks, too."""
        for library, n in tasks.items():
            self.add(work, unit, "peer", library, "", lambda l=library, n=n: value(n, self.run.python(l, what, n)), self.fewer(library))

    def parallel(self, work, unit, mode, measure):
        self.add(work, unit, "peer", "GNU parallel", mode, measure, self.fewer("GNU parallel"))

    def filtered(self, what, n):
        """Lines dealt out by GNU parallel to a program that works on each: `limits lines-WORK`."""
        return self.run.shell(f"seq {n} | parallel -j2 --pipe --block 256k {self.run.limits} lines-{what} 2>/dev/null | tail -1")

    def default_chunks(self):
        run, n, few = self.run, (10**7 if self.quick else 10**8), 10**6
        self.add(W1, "M/s", "limit", "tbb::parallel_for", "fresh memory", lambda: rate(n, run.limit("inc", n)))
        self.add(W1, "M/s", "limit", "tbb::parallel_for", "warm memory", lambda: rate(n, run.limit("warm", n)))
        self.add(W1, "M/s", "peer", "MPI loop", "batch 10^5", lambda: rate(10**7, run.mpi("inc", 10**7, 10**5)))
        self.pythons(W1, "M/s", "inc", {"multiprocessing": few, "futures": few // 4, "joblib": few // 8, "mpi4py": few // 4,
                                        "dask": 1000}, rate)
        self.parallel(W1, "M/s", "--pipe", lambda: rate(few, self.filtered("inc", few)))
        self.backends(W1, "M/s", "command line", lambda b: rate(n, run.submitted(b, "inc", n)))
        self.backends(W1, "M/s", "C++", lambda b: rate(n, run.program(b, "inc", n)))
        self.backends(W1, "M/s", "Pool", lambda b: rate(n, run.program(b, "pool-inc", n)))

    def one_at_a_time(self):
        run, n, few = self.run, (2 * 10**5 if self.quick else 10**6), 5000
        self.add(W1_ONE, "M/s", "limit", "tbb::parallel_for", "grain 1", lambda: rate(n, run.limit("one", n)))
        self.add(W1_ONE, "M/s", "peer", "MPI loop", "batch 1", lambda: rate(n, run.mpi("inc", n, 1)))
        self.pythons(W1_ONE, "M/s", "one", {"multiprocessing": 2 * few, "futures": few, "joblib": few, "mpi4py": few,
                                            "dask": 1000}, rate)
        self.parallel(W1_ONE, "M/s", "", lambda: rate(100, run.shell("seq 100 | parallel -j2 echo | tail -1")))
        self.backends(W1_ONE, "M/s", "command line", lambda b: rate(n, run.submitted(b, "inc", n, "--chunk", "1")))
        self.backends(W1_ONE, "M/s", "C++", lambda b: rate(n, run.program(b, "inc", n, chunk=1)))
        self.backends(W1_ONE, "M/s", "Pool", lambda b: rate(n, run.program(b, "pool-inc", n, chunk=1)))

    def tasks_of_13_us(self):
        """Efficiency: time in one thread / (2 * time). One serial time a round is everybody's, so that it cancels in ratios."""
        run, n, rounds = self.run, (10**5 if self.quick else 2 * 10**5), (3 if self.quick else 15)

        def efficiency(m, seconds):
            if self.serial[0] != self.round:
                self.serial = (self.round, run.limit("serial", n))
            return self.serial[1] * m / n / seconds / 2
        self.add(W2, "efficiency", "limit", "tbb::parallel_for", "", lambda: efficiency(n, run.limit("spin", n)), rounds)
        self.backends(W2, "efficiency", "command line", lambda b: efficiency(n, run.submitted(b, "spin", n)), rounds)
        self.backends(W2, "efficiency", "C++", lambda b: efficiency(n, run.program(b, "spin", n)), rounds)
        self.backends(W2, "efficiency", "Pool", lambda b: efficiency(n, run.program(b, "pool-spin", n)), rounds)
        self.add(W2, "efficiency", "peer", "MPI loop", "batch 100", lambda: efficiency(n, run.mpi("spin", n, 100)))
        self.pythons(W2, "efficiency", "spin", {"multiprocessing": 50_000, "futures": 50_000, "joblib": 50_000, "mpi4py": 50_000,
                                                "dask": 1000}, lambda m, seconds: 13e-6 * m / seconds / 2)
        self.parallel(W2, "efficiency", "--pipe", lambda: efficiency(n, self.filtered("spin", n)))

    def common_data(self):
        run, n = self.run, 1000
        self.add(W3, "ms", "limit", "tbb::parallel_for", "in process", lambda: 1e3 * run.limit("common", n))
        self.add(W3, "ms", "peer", "MPI loop", "broadcast", lambda: 1e3 * run.mpi("common", n))
        self.pythons(W3, "ms", "common", dict.fromkeys(("multiprocessing", "futures", "joblib", "mpi4py", "dask"), n),
                     lambda _, seconds: 1e3 * seconds)
        self.backends(W3, "ms", "C++", lambda b: 1e3 * run.program(b, "common", n))
        self.backends(W3, "ms", "Pool", lambda b: 1e3 * run.program(b, "pool-common", n))
        self.backends(W3, "ms", "command line", lambda b: 1e3 * run.submitted(
            b, "read_common", n, "--common", f"table=@{run.table_file()}"))

    def large_results(self):
        run, n = self.run, 200
        self.add(W4, "GB/s", "limit", "memcpy", "", lambda: volume(n, run.limit("large", n)))
        self.add(W4, "GB/s", "peer", "MPI loop", "", lambda: volume(n, run.mpi("large", n)))
        self.pythons(W4, "GB/s", "large", dict.fromkeys(("multiprocessing", "futures", "joblib", "mpi4py", "dask"), n // 2), volume)
        self.parallel(W4, "GB/s", "head", lambda: volume(n // 2, run.shell(
            f"seq {n // 2} | parallel -j2 'head -c 1048576 /dev/zero; true' | wc -c")))
        self.backends(W4, "GB/s", "command line", lambda b: volume(n, run.submitted(b, "large", n)))
        self.backends(W4, "GB/s", "C++", lambda b: volume(n, run.program(b, "large", n)))
        self.backends(W4, "GB/s", "Pool", lambda b: volume(n, run.program(b, "pool-large", n)))
        self.backends(W4, "GB/s", "Pool, views", lambda b: volume(n, run.program(b, "pool-views", n)))

    def first_results(self):
        run = self.run
        self.add(W5, "ms", "limit", "/bin/echo", "", lambda: 1e3 * run.first_line("/bin/echo", "1"))
        for who, code in START.items():
            script = run.folder / f"start_{who}.py"
            script.write_text(code)
            start = [*MPIRUN, "-n", 3, PYTHON, "-m", "mpi4py.futures"] if who == "mpi4py" else [PYTHON]
            self.add(W5, "ms", "peer", who, "", lambda s=(*start, script): 1e3 * run.first_line(*s), self.fewer(who))
        self.parallel(W5, "ms", "", lambda: 1e3 * run.first_line("parallel", "-j2", "echo", ":::", "1"))
        self.add(W5, "ms", "peer", "MPI loop", "mpirun", lambda: 1e3 * run.first_line(
            *MPIRUN, "-n", 3, run.build / "bench/mpi_loop", "inc", 1))
        self.backends(W5, "ms", "command line", lambda b: 1e3 * run.first_line(*run.run_words(b, "inc", "i=1")))
        self.backends(W5, "ms", "C++", lambda b: 1e3 * run.first_line(run.build / "bench/bench_program", b, "inc", 1))
        self.backends(W5_PIPE, "ms", "C++", lambda b: 1e3 * run.program(b, "pipe", 5))

    def single_calls(self):
        run, (n, few) = self.run, (20_000, 100) if self.quick else (100_000, 300)
        self.add(W6, "us", "limit", "2 threads", "one cache line", lambda: 1e6 * run.limit("line", n))
        spin = ("--mca", "mpi_yield_when_idle", "0")
        self.add(W6, "us", "peer", "MPI loop", "2 ranks spin", lambda: 1e6 * run.mpi("call", n, 1, 2, *spin))
        self.add(W6, "us", "peer", "MPI loop", "3 ranks in turn", lambda: 1e6 * run.mpi("call", n))
        self.pythons(W6, "us", "call", {"multiprocessing": 2000, "futures": 2000, "joblib": 100, "mpi4py": 500, "dask": 50},
                     lambda _, seconds: 1e6 * seconds)
        tails = {}

        def median(backend, what, m):
            middle, tails[backend, what] = (1e6 * float(word) for word in run.words(run.build / "bench/bench_program", backend, what, m))
            return middle
        for work, tail, what, m in ((W6, W6_TAIL, "call", n), (W6_ASLEEP, W6_ASLEEP_TAIL, "asleep", few)):
            self.backends(work, "us", "Pool", lambda b, w=what, m=m: median(b, w, m))
            self.backends(tail, "us", "Pool", lambda b, w=what: tails[b, w])  # of the same calls

    def failures(self):
        run, n = self.run, 10_000
        self.add(W7, "M/s", "limit", "tbb::parallel_for", "", lambda: rate(n, run.limit("fussy", n)))
        self.add(W7, "M/s", "peer", "MPI loop", "batch 100", lambda: rate(n, run.mpi("fussy", n, 100)))
        self.pythons(W7, "M/s", "fussy", {"multiprocessing": n, "futures": n, "joblib": n, "mpi4py": n, "dask": 1000}, rate)
        self.parallel(W7, "M/s", "--pipe", lambda: rate(n, self.filtered("fussy", n)))
        self.backends(W7, "M/s", "command line", lambda b: rate(n, run.submitted(b, "fussy", n)))
        self.backends(W7, "M/s", "C++", lambda b: rate(n, run.program(b, "fussy", n)))
        self.backends(W7, "M/s", "Pool", lambda b: rate(n, run.program(b, "pool-fussy", n)))
