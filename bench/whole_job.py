"""Whole jobs, timed from outside, beside physical limits in the same run: see README.md."""
import argparse
import multiprocessing
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def medians(rounds, rows):
    """rows: name -> function that returns seconds. All run once a round, so that noise meets all of them."""
    seconds = {name: [] for name in rows}
    for _ in range(rounds):
        for name, measure in rows.items():
            seconds[name].append(measure())
    return {name: statistics.median(times) for name, times in seconds.items()}


class Bench:
    def __init__(self, build, folder):
        self.jobhost = str(build / "bin/jobhost")
        self.limits = str(build / "bench/limits")
        self.inc = f"{build / 'bench/bench_kernels.so'}:inc"
        self.build = build
        self.folder = folder
        self.store = folder / "store"
        self.environment = dict(os.environ, JOBHOST_STORE=str(self.store))

    def run(self, *arguments, **options):
        return subprocess.run([self.jobhost, *arguments], env=self.environment, check=True, stdin=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, **options)

    def forget_jobs(self):
        shutil.rmtree(self.store, ignore_errors=True)

    def limit(self, *arguments):
        with open(self.folder / "limit", "wb") as out:
            told = subprocess.run([self.limits, *arguments], stdout=out, stderr=subprocess.PIPE, check=True).stderr
        return float(told)

    def to_csv(self, backend, tasks):
        seconds = timed(lambda: self.run("run", self.inc, f"i=0..{tasks - 1}", "-j2", "-b", backend, "-o",
                                         str(self.folder / "rows.csv")))
        self.forget_jobs()
        return seconds

    def to_logs(self, backend, tasks):
        """From `submit` until every result is in a log and DONE is written."""
        begin = time.perf_counter()
        job = self.run("submit", self.inc, f"i=0..{tasks - 1}", "-j2", "-b", backend, stdout=subprocess.PIPE)
        done = self.store / job.stdout.decode().strip() / "DONE"
        while not done.exists():
            time.sleep(0.0005)
        seconds = time.perf_counter() - begin
        time.sleep(0.05)  # the worker's last steps
        self.forget_jobs()
        return seconds

    def reduced(self, tasks):
        seconds = timed(lambda: self.run("run", self.inc, f"i=0..{tasks - 1}", "-j2", "--reduce", "sum",
                                         stdout=subprocess.DEVNULL))
        self.forget_jobs()
        return seconds

    def source_file(self, fresh):
        """A run of the example's source file: built now, or in an earlier run."""
        cache = self.folder / "cache"
        if fresh:
            shutil.rmtree(cache, ignore_errors=True)
        words = [self.jobhost, "run", str(ROOT / "examples/01-pi/pi.cpp") + ":estimate_pi", "seed=1", "samples=1"]
        return timed(lambda: subprocess.run(words, env=dict(self.environment, XDG_CACHE_HOME=str(cache)), check=True,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def compiled(self):
        words = ["g++", "-O2", "-g", "-shared", "-fPIC", str(ROOT / "examples/01-pi/pi.cpp"), "-o", str(self.folder / "pi.so")]
        return timed(lambda: subprocess.run(words, check=True))

    def first_result(self, backend):
        begin = time.perf_counter()
        with subprocess.Popen([self.jobhost, "run", self.inc, "i=1", "-j2", "-b", backend], env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as job:
            job.stdout.readline()
            return time.perf_counter() - begin

    def peak_memory(self, *arguments):
        """Peak resident MB by program, sampled while the job runs."""
        peaks = {}
        with subprocess.Popen([self.jobhost, "run", self.inc, "-j2", *arguments, "-o", str(self.folder / "rows.csv")],
                              env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
            while job.poll() is None:
                for pid in family(job.pid):
                    sample = status(pid)
                    if sample:
                        role = "host" if pid == job.pid else sample[0]
                        peaks[role] = max(peaks.get(role, 0), sample[1])
                time.sleep(0.005)
        self.forget_jobs()
        return ", ".join(f"{role} {peak:.0f}" for role, peak in peaks.items())


def family(pid):
    yield pid
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def status(pid):
    """(role, peak resident MB) of a process, None once it is gone."""
    try:
        arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    role = "executor" if b"executor" in arguments[0] else "worker"
    return (role, peak[0] / 1024) if peak else None


def add_one(x):
    return x + 1


def python_map(n):
    with multiprocessing.Pool(2) as pool:
        return timed(lambda: sum(pool.map(add_one, range(n))))


def python_calls(n):
    """Median and 99th percentile of one call."""
    with multiprocessing.Pool(2) as pool:
        times = sorted(timed(lambda: pool.apply(add_one, (1,))) for _ in range(n))
    return times[n // 2], times[n * 99 // 100]


def pool_of_python():
    with multiprocessing.Pool(2) as pool:
        pool.map(abs, [1])


def build_cost(build, rounds):
    """Building the example's plugin, and the same file as a plain module with the same flags."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copy(ROOT / "examples/01-pi/pi.cpp", folder)
        (folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(cost CXX)\nset(CMAKE_CXX_STANDARD 20)\n"
            "find_package(jobhost REQUIRED)\nadd_job_kernel(pi pi.cpp)\nadd_library(plain MODULE pi.cpp)\n"
            "target_compile_options(plain PRIVATE -g -gz)\n")
        environment = dict(os.environ, CCACHE_DISABLE="1")
        run = lambda *words: subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
        run("cmake", "-G", "Ninja", "-B", "b", f"-DCMAKE_PREFIX_PATH={build}", "-DCMAKE_BUILD_TYPE=Release")

        def rebuild(target):
            run("cmake", "--build", "b", "--target", "clean")
            return timed(lambda: run("cmake", "--build", "b", "--target", target))

        return medians(rounds, {"plugin": lambda: rebuild("pi"), "plain": lambda: rebuild("plain")})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="fewer rounds of smaller jobs")
    options = parser.parse_args()
    rounds, rows, tasks = (3, 10**6, 10**7) if options.quick else (5, 10**7, 10**8)
    backends = ("processes", "threads")
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        bench = Bench(options.build.resolve(), pathlib.Path(folder))

        work = {"tbb::parallel_for": lambda: bench.limit("tbb", str(tasks)),
                "same, fresh memory": lambda: bench.limit("fresh", str(tasks))}
        work |= {backend: (lambda b=backend: bench.to_logs(b, tasks)) for backend in backends}
        print(f"W1 inc over {tasks:.0e} tasks, 2 lanes, results in logs")
        show(medians(rounds, work), tasks)

        work = {"plain loop, text": lambda: bench.limit("text", str(rows))}
        work |= {backend: (lambda b=backend: bench.to_csv(b, rows)) for backend in backends}
        print(f"W1 inc over {tasks:.0e} tasks, 2 lanes, folded by --reduce sum")
        show(medians(rounds, {"tbb::parallel_for": lambda: bench.limit("tbb", str(tasks)),
                              "processes": lambda: bench.reduced(tasks)}), tasks)

        print(f"W1 inc over {rows:.0e} tasks, 2 lanes, rows in a CSV file")
        show(medians(rounds, work), rows)

        work = {"spawn /bin/true": lambda: timed(lambda: subprocess.run(["/bin/true"], check=True)),
                "multiprocessing.Pool": lambda: timed(pool_of_python)}
        work |= {backend: (lambda b=backend: bench.first_result(b)) for backend in backends}
        print("W5 start to first result")
        show(medians(4 * rounds, work))

        calls = 2 * 10**6 if options.quick else 10**7
        program = lambda *words: float(subprocess.run([str(bench.build / "bench/bench_program"), *map(str, words)],
                                                      check=True, stdout=subprocess.PIPE).stdout.split()[0])
        tail = lambda *words: float(subprocess.run([str(bench.build / "bench/bench_program"), *map(str, words)],
                                                   check=True, stdout=subprocess.PIPE).stdout.split()[1])
        print(f"C++ API: {calls:.0e} results of a trivial lambda, read in order by the program")
        show(medians(rounds, {"multiprocessing.Pool": lambda: python_map(calls), "map": lambda: program("map", calls),
                              "map on a Pool": lambda: program("pool", calls)}), calls)
        print("C++ API: one call on workers that are there; median, then 99th percentile")
        show(medians(rounds, {"multiprocessing.Pool": lambda: python_calls(3000)[0],
                              "call": lambda: program("call", 20000), "call, all asleep": lambda: program("asleep", 200)}))
        show(medians(rounds, {"multiprocessing.Pool": lambda: python_calls(3000)[1],
                              "call": lambda: tail("call", 20000), "call, all asleep": lambda: tail("asleep", 200)}))
        print("C++ API: one call, its job made and removed")
        show(medians(rounds, {"multiprocessing.Pool": lambda: timed(pool_of_python), "pipe": lambda: program("pipe", 30)}))

        print("a source file, from the start of jobhost run to its end")
        show(medians(rounds, {"g++ -O2 -g -shared": bench.compiled, "first run": lambda: bench.source_file(True),
                              "second run": lambda: bench.source_file(False)}))

        print(f"peak resident memory, {rows:.0e} tasks to CSV, MB (largest of its kind)")
        for backend in backends:
            print(f"  {backend:22}{bench.peak_memory(f'i=0..{rows - 1}', '-b', backend)}")
        print(f"  {'--reduce, ' + format(tasks, '.0e'):22}{bench.peak_memory(f'i=0..{tasks - 1}', '--reduce', 'sum')}")
        table = bench.folder / "inputs.csv"
        with open(table, "w") as out:
            out.write("i\n")
            out.writelines(f"{i}\n" for i in range(rows))
        print(f"  {'processes, --csv':22}{bench.peak_memory('--csv', str(table))}")

        print("building a plugin from pi.cpp")
        cost = build_cost(bench.build, rounds)
        show(cost)
        print(f"  {'allowed':22}{1.5 * cost['plain'] + 0.5:10.4f} s   (1.5 times plain + 0.5 s)")


def show(seconds, tasks=None):
    first = next(iter(seconds.values()))
    for name, value in seconds.items():
        speed = f"{tasks / value / 1e6:10.1f} M/s" if tasks else ""
        print(f"  {name:22}{value:12.7f} s{speed}   {value / first:8.2f} x", flush=True)


if __name__ == "__main__":
    main()
