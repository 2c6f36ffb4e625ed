"""A job is made in one place and run from another: what tasks then see."""
import json
import os
import resource
import subprocess
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from jobhost import BUILD, JOBHOST, SOURCE, JobhostTest  # noqa: E402, F401

SURROUNDINGS = os.environ["SURROUNDINGS"]
BACKENDS = ("processes", "threads")
STACK = 12 << 20  # bytes, at submission
HOME = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME", "LD_LIBRARY_PATH") if name in os.environ}


def at_submission():
    """Runs in the child before jobhost does."""
    os.umask(0o027)
    os.nice(3)
    resource.setrlimit(resource.RLIMIT_STACK, (STACK, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (234, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def where_workers_run():
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


class SurroundedTest(JobhostTest):
    """Submission and workers have different directories, environments and limits."""

    def setUp(self):
        super().setUp()
        self.here = os.path.join(self.folder, "submitted here")
        self.there = os.path.join(self.folder, "run there")
        for folder in (self.here, self.there):
            os.mkdir(folder)
        self.submission = dict(HOME, TZ="Asia/Tokyo", LANG="C", OMP_NUM_THREADS="3", MALLOC_ARENA_MAX="2", JOBHOST_STORE=self.store)
        self.workers = dict(HOME, TZ="America/New_York", LANG="C.UTF-8", OMP_NUM_THREADS="1", MKL_NUM_THREADS="9",
                            JOBHOST_STORE=self.store, ONLY_THERE="1")

    def call(self, words, code=0, **options):
        done = subprocess.run([JOBHOST, *map(str, words)], text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=100,
                              **options)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout[-500:]}{done.stderr}")
        return done

    def submit(self, kernel, *words, code=0, before=at_submission):
        """A held job of the surroundings' kernel: its id, or with a code what was said."""
        lanes = [] if any(word.startswith("-j") for word in words) else ["-j2"]
        done = self.call(["submit", "--hold", *lanes, f"{SURROUNDINGS}:{kernel}", *words], code=code, cwd=self.here,
                         env=self.submission, preexec_fn=before)
        return done.stdout.strip() if code == 0 else done.stderr

    def work(self, job, backend, *words, code=0, before=where_workers_run):
        """Rows by task, and what was said."""
        done = self.call(["resume", job, "-b", backend, "--format", "jsonl", *words], code=code, cwd=self.there, env=self.workers,
                         preexec_fn=before)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def seen(self, kernel, *words):
        """Per backend the results of such a job, and what was said."""
        found = []
        for backend in BACKENDS:
            rows, said = self.work(self.submit(kernel, *words), backend)
            found.append(([row["result"] for row in rows], said))
        return found

    def each_sees(self, expected, kernel, *words):
        for results, _ in self.seen(kernel, *words):
            self.assertEqual(results, expected)
