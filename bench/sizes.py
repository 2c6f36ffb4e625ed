"""What grows: text, many tasks, memory, workers, failures; resuming; source files."""
import os
import signal
import statistics
import subprocess
import time

from commands import PYTHON, ROOT, timed
from processes import descendants, looked_at, private, resident
from works import Works, rate

CSV, JSONL, GROWTH, MEMORY, PRIVATE = "CSV rows", "JSONL rows", "growth", "host memory", "W3 private memory"
RESUME, ALL_THROW, SOURCE = "resume", "all throw", "a source file"
CROWD_FIRST, CROWD = "64 workers, first result", "64 workers, end of 64 tasks"


class Sizes(Works):
    def define(self):
        super().define()
        for method in (self.rows_of_text, self.growth, self.memory, self.private_memory, self.resumed, self.all_throw,
                       self.many_workers, self.source_files):
            method()

    def inc(self, n, *options):
        return (f"{self.run.kernels}:inc", f"i=0..{n - 1}", "-j2", *options)

    def rows_of_text(self):
        run, n = self.run, 10**7  # fewer would measure how fast a job starts
        self.add(CSV, "M/s", "limit", "plain loop", "", lambda: rate(n, run.plain_loop(n)))
        for work, rounds in ((CSV, self.rounds), (JSONL, 1 if self.quick else self.rounds)):
            rows = run.folder / ("rows." + work.split()[0].lower())
            self.add(work, "M/s", "us", "jobhost", "run -o", lambda r=rows: rate(n, run.run_job(*self.inc(n, "-o", r))), rounds)
            self.add(work, "M/s", "peer", "awk '{print}'", "same bytes",
                     lambda r=rows: rate(n, run.shell(f"awk '{{print}}' {r} > {run.folder}/copy")), rounds)

    def growth(self):
        run = self.run
        for n in (10**3, 10**5, 10**6, 10**7) if self.quick else (10**3, 10**4, 10**5, 10**6, 10**7, 10**8):
            self.add(GROWTH, "ns", "us", "jobhost", f"{n:.0e} tasks, --reduce sum",
                     lambda n=n: 1e9 / n * run.run_job(*self.inc(n, "--reduce", "sum")))
            self.add(GROWTH, "ns", "us", "jobhost", f"{n:.0e} tasks, in logs", lambda n=n: 1e9 / n * run.submitted("processes", "inc", n))

    def memory(self):
        """VmHWM of the three programs; how long it takes does not matter here."""
        run, n = self.run, (10**7 if self.quick else 10**8)
        peaks = {}

        def peak(mode, who, options):
            if who == "host":
                command = [run.jobhost, "run", *self.inc(n, *options)]
                peaks[mode] = looked_at(command, run.environment, resident, max)
                run.forget_jobs()
                (run.folder / "out.csv").unlink(missing_ok=True)
            return peaks[mode][who]
        for mode, options in ((f"{n:.0e} tasks, --reduce sum", ("--reduce", "sum")),
                              (f"{n:.0e} rows to out.csv", ("-o", run.folder / "out.csv")),
                              (f"{n:.0e} rows to /dev/null", ("--format", "jsonl"))):
            for who in ("host", "worker", "executor"):
                self.add(MEMORY, "MB", "us", "jobhost " + who, mode, lambda m=mode, w=who, o=options: peak(m, w, o), 1)

    def private_memory(self):
        """Of an executor that reads the common data, above one that computes without. The median over time: the first one to map
        a file is alone with it until the next one does, too."""
        run = self.run

        def of(backend, work, n):
            return looked_at([run.build / "bench/bench_program", backend, work, n], run.environment, private,
                             statistics.median)["executor"]
        self.backends(PRIVATE, "MB", "C++", lambda b: max(0.01, of(b, "common", 30_000) - of(b, "spin", 50_000)), 1)

    def resumed(self):
        """10^7 tasks are done when worker and host are killed, and a few remain: until all rows have come."""
        run, n = self.run, (10**6 if self.quick else 10**7)

        def seconds(*output):
            command = [run.jobhost, "run", f"{run.kernels}:gated", f"i=0..{n + 99}", f"gate={n}", "-j2", *output]
            (run.folder / "go").unlink(missing_ok=True)
            with subprocess.Popen(command, env=run.environment, cwd=run.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as job:
                try:
                    run.wait_for(run.folder / "reached")
                    time.sleep(0.5)  # the other lane's last sub-batch
                finally:
                    for pid in descendants(job.pid):
                        os.kill(pid, signal.SIGKILL)
            (run.folder / "reached").unlink()
            (run.folder / "go").touch()
            with open(os.devnull, "wb") as nowhere:
                taken = timed(lambda: subprocess.run([run.jobhost, "resume", "@last"], env=run.environment, cwd=run.folder, check=True,
                                                     stdin=subprocess.DEVNULL, stdout=nowhere, stderr=nowhere, timeout=300))
            run.forget_jobs()
            return taken
        self.add(RESUME, "s", "us", "jobhost", f"after {n:.0e} tasks, --reduce sum", lambda: seconds("--reduce", "sum"), 3)
        self.add(RESUME, "s", "us", "jobhost", f"after {n:.0e} tasks, rows to /dev/null", seconds, 3)

    def all_throw(self):
        run, n = self.run, (4 * 10**4 if self.quick else 10**6)
        inputs = (f"{run.kernels}:doomed", f"i=0..{n - 1}")
        self.add(ALL_THROW, "M/s", "limit", "tbb::parallel_for", "", lambda: rate(n, run.limit("doomed", n)), 3)
        self.backends(ALL_THROW, "M/s", "command line", lambda b: rate(n, run.run_job(*inputs, "-j2", "-b", b, failures=True)), 3)
        self.backends(ALL_THROW, "M/s", "C++", lambda b: rate(n, run.program(b, "doomed", n)), 3)

        def peak():
            most = looked_at([run.jobhost, "run", *inputs, "-j2"], run.environment, resident, max, expected=1)["host"]
            run.forget_jobs()
            return most
        self.add(MEMORY, "MB", "us", "jobhost host", f"{n:.0e} tasks that all throw", peak, 1)

    def many_workers(self):
        """64 on this machine, a task each."""
        run = self.run
        words = [run.jobhost, "run", f"{run.kernels}:inc", "i=0..63", "-j64", "--chunk", "1"]
        python = (PYTHON, "-c", "import multiprocessing\nwith multiprocessing.Pool(64) as pool:\n"
                  "  for value in pool.imap(abs, range(64)): print(value, flush=True)")
        self.add(CROWD_FIRST, "ms", "peer", "multiprocessing", "", lambda: 1e3 * run.first_line(*python))
        self.add(CROWD_FIRST, "ms", "us", "jobhost", "processes, command line", lambda: 1e3 * run.first_line(*words))
        self.add(CROWD, "ms", "peer", "multiprocessing", "", lambda: 1e3 * timed(lambda: run.words(*python)))
        self.add(CROWD, "ms", "us", "jobhost", "processes, command line", lambda: 1e3 * run.run_job(*words[2:]))
        resting = [f"{run.kernels}:rest", *words[3:]]
        self.add("64 workers, tasks of 1 s, less 1 s", "ms", "us", "jobhost", "processes, command line",
                 lambda: 1e3 * (run.run_job(*resting) - 1))

    def source_files(self):
        run = self.run
        self.add(SOURCE, "ms", "peer", "g++", "-O2 -g -shared", lambda: 1e3 * timed(lambda: run.words(
            "g++", "-O2", "-g", "-shared", "-fPIC", ROOT / "examples/01-pi/pi.cpp", "-o", run.folder / "pi.so")))
        for mode, fresh in (("first run", True), ("second run", False)):
            self.add(SOURCE, "ms", "us", "jobhost", mode, lambda f=fresh: 1e3 * run.source_file(f))
