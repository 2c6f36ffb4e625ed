"""What is run to be measured. Times are seconds from the start of a command, unless the command tells its own."""
import array
import os
import pathlib
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PYTHON = "/usr/bin/python3"  # Debian's, which has the peers
MPIRUN = ("mpirun", "--allow-run-as-root", "--oversubscribe")


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


class Commands:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.jobhost = str(build / "bin/jobhost")
        self.kernels = build / "bench/bench_kernels.so"
        self.limits = build / "bench/limits"
        self.store = folder / "store"
        self.environment = dict(os.environ, JOBHOST_STORE=str(self.store), OMP_NUM_THREADS="1")

    def words(self, *command, err=False):
        done = subprocess.run([str(word) for word in command], env=self.environment, cwd=self.folder, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE if err else subprocess.DEVNULL,
                              timeout=300)
        return (done.stderr if err else done.stdout).decode().split()

    def shell(self, text):
        """Its pipes included; fails when any part of them does."""
        return timed(lambda: self.words("bash", "-o", "pipefail", "-c", text))

    def first_line(self, *command):
        begin = time.perf_counter()
        with subprocess.Popen([str(word) for word in command], env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as started:
            if not started.stdout.readline():
                raise ValueError(f"{command[0]} printed nothing")
            seconds = time.perf_counter() - begin
            started.stdout.read()
        self.forget_jobs()
        return seconds

    # These tell their own time.
    def limit(self, work, n):
        return float(self.words(self.limits, work, n, err=True)[-1])

    def mpi(self, work, n, batch=1, ranks=3, *options):
        return float(self.words(*MPIRUN, *options, "-n", ranks, self.build / "bench/mpi_loop", work, n, batch)[-1])

    def python(self, library, work, n):
        script = [PYTHON, ROOT / "bench/peers/python_peers.py", library, work, n]
        if library == "mpi4py":
            script[:1] = [*MPIRUN, "-n", 3, PYTHON, "-m", "mpi4py.futures"]
        return float(self.words(*script)[-1])

    def program(self, backend, work, n, chunk=0):
        return float(self.words(self.build / "bench/bench_program", backend, work, n, chunk)[0])

    def run_words(self, backend, kernel, *inputs):
        return [self.jobhost, "run", f"{self.kernels}:{kernel}", *inputs, "-j2", "-b", backend]

    def run_job(self, *arguments, stdout=subprocess.DEVNULL, failures=False):
        """Until `jobhost run` has ended."""
        def whole():
            done = subprocess.run([str(word) for word in (self.jobhost, "run", *arguments)], env=self.environment, cwd=self.folder,
                                  stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL, timeout=300)
            if done.returncode != (1 if failures else 0):
                raise ValueError(f"jobhost run ended with {done.returncode}")
        seconds = timed(whole)
        self.forget_jobs()
        return seconds

    def submitted(self, backend, kernel, n, *options):
        """From the start of `jobhost submit` until every result is checksummed in a log and DONE is written."""
        begin = time.perf_counter()
        job = self.words(self.jobhost, "submit", f"{self.kernels}:{kernel}", f"i=0..{n - 1}", "-j2", "-b", backend, *options)
        self.wait_for(self.store / job[0] / "DONE")
        seconds = time.perf_counter() - begin
        time.sleep(0.05)  # the worker's last steps
        self.forget_jobs()
        return seconds

    def wait_for(self, path, seconds=300):
        begin = time.monotonic()
        while not path.exists():
            waited = time.monotonic() - begin
            if waited > seconds:
                raise ValueError(f"{path} did not appear")
            time.sleep(0.0003 + 0.005 * waited)  # looking takes time away from who works

    def forget_jobs(self):
        shutil.rmtree(self.store, ignore_errors=True)

    def table_file(self):
        """The 100 MB of W3 for the command line."""
        path = self.folder / "table.npy"
        if not path.exists():
            header = "{'descr': '<f8', 'fortran_order': False, 'shape': (12500000,), }"
            header += " " * (-(len(header) + 11) % 64) + "\n"
            with open(path, "wb") as file:
                file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
                (array.array("d", [0.5]) * 12_500_000).tofile(file)
        return path

    def plain_loop(self, n):
        with open(self.folder / "plain.csv", "wb") as out:
            told = subprocess.run([self.limits, "text", str(n)], stdout=out, stderr=subprocess.PIPE, check=True)
        return float(told.stderr)

    def source_file(self, fresh):
        cache = self.folder / "cache"
        if fresh:
            shutil.rmtree(cache, ignore_errors=True)
        environment = dict(self.environment, XDG_CACHE_HOME=str(cache))
        return timed(lambda: subprocess.run(
            [self.jobhost, "run", f"{ROOT / 'examples/01-pi/pi.cpp'}:estimate_pi", "seed=1", "samples=1"], env=environment,
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
