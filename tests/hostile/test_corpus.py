"""Every malicious directory of the corpus comes to what docs/threat_model.md says: its own error, no crash, no memory, no time,
and nothing is read or written outside of it."""
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import corpus

JOBHOST, VARIED = os.environ["JOBHOST"], os.environ["VARIED"]
SANITIZED = bool(os.environ["JOBHOST_SANITIZE"])  # which takes memory and time of its own
DOCUMENT = pathlib.Path(os.environ["JOBHOST_SOURCE"], "docs/threat_model.md")
LEAST_CASES = 40
MOST_MEMORY, MOST_SECONDS = 64 << 10, 1.0  # KiB; of processor time
TIME_LIMIT = 60 * int(os.environ.get("PATIENCE", 1))  # seconds for any command
CODES = {0, 1, 2, 3, 4, 5, 75}


def documented():
    """name: [(commands, exit code, error)] of the table."""
    rows = {}
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[2].isdigit() and re.fullmatch("`[a-z-]+`", cells[0]):
            rows.setdefault(cells[0].strip("`"), []).append((cells[1].split(), int(cells[2]), cells[3].strip("`")))
    return rows


class Ended:
    """What became of a command."""

    def __init__(self, words, folder, environment):
        out = os.path.join(folder, "out")
        with open(out, "wb") as output:
            process = subprocess.Popen([JOBHOST, *map(str, words)], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       cwd=folder, env=environment, start_new_session=True)
        deadline = time.monotonic() + TIME_LIMIT
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid or time.monotonic() > deadline:
                break
            time.sleep(0.002)
        if not pid:
            os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        self.hangs = not pid
        self.code = os.waitstatus_to_exitcode(status)
        self.text = pathlib.Path(out).read_bytes().decode(errors="surrogateescape")
        self.memory, self.seconds = usage.ru_maxrss, usage.ru_utime + usage.ru_stime


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="jobhost-hostile-")
        cls.made = os.path.join(cls.folder, "made")
        os.mkdir(cls.made)
        pathlib.Path(cls.folder, "rows.csv").write_text("x\n1\n2\n3\n")
        cls.sound = {kind: getattr(cls, "make_" + kind)() for kind in ("done", "held", "stopped", "capsule")}
        cls.rows = documented()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def jobhost(cls, *words):
        environment = dict(os.environ, JOBHOST_STORE=cls.made, XDG_CACHE_HOME=os.path.join(cls.folder, "cache"))
        return subprocess.run([JOBHOST, *words], cwd=cls.folder, env=environment, check=True, capture_output=True, text=True).stdout

    @classmethod
    def make_held(cls):
        return cls.jobhost("submit", "--hold", f"{VARIED}:add_one", "--csv", "rows.csv", "-j", "1").strip()

    @classmethod
    def make_done(cls):
        job = cls.make_held()
        cls.jobhost("resume", job, "-q")
        return job

    @classmethod
    def make_stopped(cls):
        """As if power had been lost before the supervisor wrote that its claims are done, and a task's result was lost."""
        job = cls.make_done()
        path = pathlib.Path(cls.made, job)
        (path / "DONE").unlink()
        for log in path.glob("logs/*/*"):
            os.truncate(log, 64)
        for beat in path.glob("workers/*/*.hb"):
            beat.write_bytes(beat.read_bytes()[:8] + bytes(8))
        return job

    @classmethod
    def make_capsule(cls):
        cls.jobhost("export", cls.make_done() + "/0", "case.tar")
        return os.path.join(cls.folder, "case.tar")

    def snapshot(self, folder):
        found = {}
        for at, folders, files in os.walk(folder):
            for name in folders + files:
                path = pathlib.Path(at, name)
                if path.is_file() and not path.is_symlink():
                    status = path.stat()
                    contents = hashlib.sha256(path.read_bytes()).hexdigest() if status.st_size < 1 << 24 else status.st_mtime_ns
                    found[str(path)] = (status.st_mode, status.st_size, contents)
                else:
                    found[str(path)] = path.lstat().st_mode
        return found

    def words(self, command, job):
        if command == "ls":
            return ["ls", "--store", job.path.parent]
        if command == "worker":
            return ["worker", "--job", job.path, "--manifest", job.digest, "--lanes", "1"]
        return [command, str(job.path) + ("/0" if command == "replay" and job.digest else "")]

    def run_case(self, name, command):
        """In a copy of its own, because commands change what they find; None where this user cannot make the case."""
        kind, _, spoil = corpus.CASES[name]
        with tempfile.TemporaryDirectory(prefix="case-", dir=self.folder) as folder:
            outside = os.path.join(folder, "outside")
            store = os.path.join(folder, "store")
            os.mkdir(outside)
            os.mkdir(store, 0o700)
            pathlib.Path(outside, "secret").write_text("a secret of the user")
            sound = self.sound[kind]
            if kind == "capsule":
                path = shutil.copy(sound, store)
            else:
                path = os.path.join(store, sound)
                subprocess.run(["cp", "-a", os.path.join(self.made, sound), path], check=True)
            job = corpus.Job(path, outside)
            try:
                spoil(job)
            except corpus.Unfit:
                return None
            before = self.snapshot(outside)
            environment = dict(os.environ, JOBHOST_STORE=store, XDG_CACHE_HOME=os.path.join(folder, "cache"), TMPDIR=store)
            ended = Ended(self.words(command, job), folder, environment)
            self.assertFalse(ended.hangs, f"{command} hangs")
            self.assertIn(ended.code, CODES, f"{command}: {ended.text}")
            self.assertEqual(self.snapshot(outside), before, f"{command} touched what lies outside")
            self.assertNotIn("a secret of the user", ended.text)
            self.assertNotRegex(ended.text, "[\x1b\x07\u009b]", f"{command} steers the terminal")
            self.assertNotIn("internal error", ended.text)
            ended.text = ended.text.replace(str(path), "JOB").replace(store, "STORE").replace(folder, "FOLDER")
            ended.printed = "".join(file.read_text(errors="replace") for file in pathlib.Path(store).glob("*/printed/*")
                                    if file.is_file() and not file.is_symlink() and file.stat().st_size < 1 << 24)
            return ended

    def test_every_case(self):
        """Runs what the table lists, and the case's other commands for crashes, memory and time."""
        ran, runs, unfit, worst = 0, 0, [], {"memory": (0,), "seconds": (0,)}
        for name, (_, commands, _) in corpus.CASES.items():
            rows = self.rows.get(name, [])
            expected = {command: row for row in rows for command in row[0]}
            with self.subTest(name):
                self.assertTrue(expected, "the table lacks this case")
                self.assertLessEqual(set(expected), set(commands), "the table lists commands that the case does not run")
                for command in commands:
                    ended = self.run_case(name, command)
                    if ended is None:
                        unfit.append(name)
                        break
                    runs += 1
                    worst["memory"] = max(worst["memory"], (ended.memory, name, command))
                    worst["seconds"] = max(worst["seconds"], (ended.seconds, name, command))
                    if not SANITIZED:
                        self.assertLessEqual(ended.memory, MOST_MEMORY, command)
                        self.assertLessEqual(ended.seconds, MOST_SECONDS, command)
                    if command in expected:
                        _, code, error = expected[command]
                        pattern = ".*".join(re.escape(part) for part in error.split("…"))
                        self.assertEqual(ended.code, code, f"{command}: {ended.text}")
                        self.assertRegex(ended.text + ended.printed, f"(?s){pattern}", command)
                else:
                    ran += 1
        print(f"{ran} cases, {runs} runs; most memory {worst['memory']} KiB, most processor time {worst['seconds']} s; "
              f"not made by this user: {unfit or 'none'}", file=sys.__stderr__)
        self.assertGreaterEqual(ran, LEAST_CASES)

    def test_the_table_has_no_other_cases(self):
        self.assertEqual(set(self.rows) - set(corpus.CASES), set())

    def test_every_error_is_of_its_own(self):
        """No two cases are told apart by nothing: the same sentence may only stand for the same kind of thing elsewhere."""
        errors = {}
        for name, rows in self.rows.items():
            for _, _, error in rows:
                errors.setdefault(error, set()).add(name)
        self.assertEqual({error: names for error, names in errors.items() if len(names) > 1 and error}, {})

    def test_a_sound_job_passes(self):
        """What the cases are made from is refused by nothing."""
        store = tempfile.mkdtemp(prefix="sound-", dir=self.folder)
        for kind in ("done", "held", "stopped"):
            path = os.path.join(store, self.sound[kind])
            subprocess.run(["cp", "-a", os.path.join(self.made, self.sound[kind]), path], check=True)
            for command in ("show", "results", "verify", "resume"):
                ended = Ended([command, path], store, dict(os.environ, JOBHOST_STORE=store))
                self.assertEqual(ended.code, 0, f"{kind} {command}: {ended.text}")
        ended = Ended(["replay", self.sound["capsule"]], store, dict(os.environ, JOBHOST_STORE=store))
        self.assertEqual((ended.code, ended.text.splitlines()[-1]), (0, "2"))


if __name__ == "__main__":
    unittest.main()
