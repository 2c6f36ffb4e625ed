"""Runs the real jobhost for tests: results as people and scripts see them."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

JOBHOST = os.environ["JOBHOST"]
HOSTILE = os.environ["HOSTILE"]
POISON = os.environ["POISON"]
VARIED = os.environ["VARIED"]
CHOSEN = os.environ["CHOSEN"]
SETTINGS = os.environ["SETTINGS"]
DECLARED = os.environ["DECLARED"]
WIDE = os.environ["WIDE"]
SANITIZED = bool(os.environ["JOBHOST_SANITIZE"])  # sanitizers end a process their own way
PATIENCE = int(os.environ.get("PATIENCE", 1))  # how many times as long as usual everything may take
# For projects of users: where the runtime is sanitized, their executables must be linked with the sanitizer.
LINK_FLAGS = {"LDFLAGS": f"-fsanitize={os.environ['JOBHOST_SANITIZE']}"} if SANITIZED else {}
BUILD = pathlib.Path(os.environ["JOBHOST_BUILD"])
SOURCE = pathlib.Path(os.environ["JOBHOST_SOURCE"])


def running_workers(store):
    """Pids of processes that work for a store: it is in their command line or, where they inherited it, environment."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if any(store.encode() in pathlib.Path("/proc", name, part).read_bytes() for part in ("cmdline", "environ")):
                    found.append(int(name))
            except OSError:
                pass
    return found


class Process(subprocess.Popen):
    """One that is waited for with patience."""

    def communicate(self, input=None, timeout=None):
        return super().communicate(input, timeout and PATIENCE * timeout)

    def wait(self, timeout=None):
        return super().wait(timeout and PATIENCE * timeout)


class JobhostTest(unittest.TestCase):
    """Each test has a working directory and a store of its own; nothing may be left running."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="jobhost-e2e-")
        self.store = os.path.join(self.folder, "store")

    def tearDown(self):
        try:
            self.wait_until(lambda: not running_workers(self.store), "workers are left behind")
        finally:
            for pid in running_workers(self.store):
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *words, wrapper=(), **options):
        """Starts jobhost, or what runs it: `wrapper` is a command line that another one is added to."""
        options.setdefault("env", dict(os.environ, JOBHOST_STORE=self.store))
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("stdin", subprocess.DEVNULL)
        return Process([*wrapper, JOBHOST, *map(str, words)], cwd=self.folder, text=True, **options)

    def start_elsewhere(self, machine, *words, before="true", environment={}):
        """Starts jobhost as if on a machine of that name: processes here and there can only judge each other by heartbeats.
        `before` is run there first, and may mount what it likes."""
        root = [] if os.geteuid() == 0 else ["--map-root-user"]
        return Process(["unshare", *root, "--uts", "--pid", "--mount-proc", "--fork", "--kill-child", "sh", "-c",
                        f'hostname {machine} && {before} && exec "$0" "$@"', JOBHOST, *map(str, words)],
                       cwd=self.folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=dict(os.environ, JOBHOST_STORE=self.store, **environment))

    def held(self, *words):
        """The id of a job that no worker was started for."""
        return self.run_jobhost("submit", "--hold", *words).out.strip()

    def start_worker(self, job, machine, *options, manifest=None, **how):
        """Starts a worker of a job as if on a machine of that name, where another file is its MANIFEST if one is given;
        `how` as for start_elsewhere()."""
        folder = pathlib.Path(self.store, job)
        digest = hashlib.sha256((manifest or folder / "MANIFEST").read_bytes()).hexdigest()
        return self.start_elsewhere(machine, "worker", "--job", folder, "--manifest", digest, *options, **how)

    def claims(self, job):
        return list(pathlib.Path(self.store, job, "claims").rglob("*.*"))

    def run_jobhost(self, *words, code=0, stdin=None):
        process = self.start(*words, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
        process.out, process.err = process.communicate(stdin, timeout=120)
        self.assertEqual(process.returncode, code, f"{words}: {process.out[-500:]}{process.err}")
        return process

    def rows(self, *words, code=0, stdin=None):
        return [json.loads(line) for line in self.run_jobhost(*words, code=code, stdin=stdin).out.splitlines()]

    def refused(self, *words, code, stdin=None):
        """What is printed on standard error; nothing may be on standard output, nothing left in the store."""
        before = self.job_folders()
        process = self.run_jobhost(*words, code=code, stdin=stdin)
        self.assertEqual(process.out, "")
        self.assertTrue(process.err.startswith("error: "), process.err)
        self.assertEqual(self.job_folders(), before)
        return process.err

    def job_folders(self):
        names = os.listdir(self.store) if os.path.isdir(self.store) else []
        return sorted(name for name in names if name != ".gitignore")

    def wait_until_handled(self, process, number):
        """Until the process has a handler for the signal."""
        def caught():
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            return int(status.split("SigCgt:")[1].split()[0], 16) >> number - 1 & 1
        self.wait_until(caught, f"signal {number} is not handled")

    def wait_until(self, condition, what, seconds=30):
        deadline = time.monotonic() + PATIENCE * seconds
        while not condition():
            if time.monotonic() > deadline:
                self.fail(what)
            time.sleep(0.01)

    def said_until(self, process, sentence):
        """What the process said up to a sentence."""
        said = b""
        while sentence.encode() not in said:
            more = os.read(process.stderr.fileno(), 65536)
            self.assertTrue(more, f"'{sentence}' is not said: {said.decode()}")
            said += more
        return said.decode()

    def write(self, name, text):
        pathlib.Path(self.folder, name).write_text(text)

    def read(self, name):
        return pathlib.Path(self.folder, name).read_text()
