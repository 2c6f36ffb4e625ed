"""One task in one file that runs anywhere."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import tempfile

from jobhost import HOSTILE, JOBHOST, SETTINGS, JobhostTest


class Capsules(JobhostTest):
    def elsewhere(self, *words, code=0, stdin=None):
        """In a new empty directory with a new home."""
        folder = tempfile.mkdtemp(prefix="jobhost-elsewhere-")
        self.addCleanup(shutil.rmtree, folder, True)
        home, scratch, here = (os.path.join(folder, name) for name in ("home", "scratch", "here"))
        for name in (home, scratch, here):
            os.mkdir(name)
        env = {"HOME": home, "XDG_CACHE_HOME": os.path.join(home, "cache"), "PATH": os.environ["PATH"], "TMPDIR": scratch}
        done = subprocess.run([JOBHOST, *map(str, words)], cwd=here, env=env, capture_output=True, text=True, timeout=120,
                              input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual((os.listdir(scratch), os.listdir(here)), ([], []), "something is left behind")
        return done

    def keep(self, name):
        """The only thing that is left of the test's directory."""
        folder = tempfile.mkdtemp(prefix="jobhost-capsule-")
        self.addCleanup(shutil.rmtree, folder, True)
        return shutil.move(os.path.join(self.folder, name), os.path.join(folder, name))

    def test_a_task_runs_where_nothing_of_its_job_is_left(self):
        self.write("lib.cpp", "int answer() { return 42; }\n")
        subprocess.run(["c++", "-shared", "-fPIC", "lib.cpp", "-o", "libanswer.so"], cwd=self.folder, check=True)
        self.write("f.cpp", "#include <stdexcept>\n#include <string>\nint answer();\nint offset = 0;\n"
                            "int f(int x, std::string text) {\n"
                            "  if (x == 3) throw std::domain_error(text);\n  return answer() + x + offset;\n}\n")
        os.environ["XDG_CACHE_HOME"] = os.path.join(self.folder, "cache")
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME"))
        self.run_jobhost("build", "f.cpp", "-o", "f.so", f"--cxxflags=-L{self.folder} -Wl,-rpath,{self.folder}",
                         "--link", "answer")
        self.run_jobhost("run", "./f.so:f", "x=1..5", "text=no luck", "--set", "offset=100", code=1)
        process = self.run_jobhost("export", "@last/0", "good.tar")
        self.assertIn("jobhost replay good.tar", process.err)
        self.run_jobhost("export", "@last/2", "bad.tar")
        self.assertEqual(sorted(name for name in os.listdir(self.folder) if "tar" in name), ["bad.tar", "good.tar"])
        good, bad = self.keep("good.tar"), self.keep("bad.tar")
        shutil.rmtree(self.folder)
        try:
            done = self.elsewhere("replay", good)
            self.assertEqual(done.stdout, "143\n")
            self.assertIn("f: x=1 text=no luck\n", done.stderr)
            self.assertIn(f"the working directory '{self.folder}' does not exist here; the task runs in '", done.stderr)
            self.assertIn("threw std::domain_error: no luck", self.elsewhere("replay", bad, code=1).stderr)
            out = self.elsewhere("replay", good, "--gdb", stdin="info args\ncontinue\nquit\n").stdout
            self.assertIn("x = 1", out)
            self.assertIn("143\n", out)
        finally:
            os.mkdir(self.folder)

    def test_a_crash_is_a_crash_and_files_are_found_where_the_job_was(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=249,250", "--retries", "0", code=1)
        self.run_jobhost("export", "@last/1", "crash.tar")
        self.elsewhere("replay", self.keep("crash.tar"), code=-signal.SIGSEGV)
        self.run_jobhost("run", f"{HOSTILE}:here", ":::", "1")
        self.run_jobhost("export", "@last/0", "here.tar")
        done = self.elsewhere("replay", os.path.join(self.folder, "here.tar"))
        self.assertEqual((json.loads(done.stdout), "does not exist" in done.stderr), (self.folder, False))

    def test_a_signal_ends_the_task_and_leaves_nothing(self):
        self.run_jobhost("run", f"{HOSTILE}:sleeps", "x=1", "milliseconds=2000")
        self.run_jobhost("export", "@last/0", "case.tar")
        os.environ["TMPDIR"] = os.path.join(self.folder, "scratch")
        self.addCleanup(lambda: os.environ.pop("TMPDIR"))
        os.mkdir(os.environ["TMPDIR"])
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start("replay", "case.tar")
            self.assertIn("sleeps: x=1", process.stderr.readline())
            process.send_signal(number)
            process.communicate(timeout=30)
            self.assertIn(process.returncode, (-number, 128 + number))  # during or before the task
            self.assertEqual(os.listdir(os.environ["TMPDIR"]), [])

    def test_what_is_no_capsule_is_refused_in_one_sentence(self):
        self.write("in.csv", "x\n" + "".join(f"{x}\n" for x in range(10)))
        self.run_jobhost("run", f"{SETTINGS}:settings", "--csv", "in.csv")
        self.run_jobhost("export", "@last/3", "case.tar")
        path = pathlib.Path(self.folder, "case.tar")
        whole = path.read_bytes()

        def refused(data):
            path.write_bytes(data)
            done = self.elsewhere("replay", path, code=5)
            self.assertEqual(done.stdout, "")
            self.assertRegex(done.stderr, r"\Aerror: '.*case.tar' is no capsule, or was changed: .*\n\Z")
            return done.stderr

        refused(b"")
        refused(b"no archive at all\n" * 100)
        for size in (100, 600, len(whole) // 3, len(whole) - 10_000, len(whole) - 1):
            self.assertIn("it is ", refused(whole[:size]))
        step = max(1, len(whole) // 60)
        for place in [*range(0, 2000, 97), *range(2000, len(whole), step)]:
            bad = bytearray(whole)
            bad[place] ^= 0x10
            refused(bytes(bad))
        path.write_bytes(whole)
        self.assertTrue(self.elsewhere("replay", path).stdout.startswith('"3 '))

    def test_an_archive_that_leads_elsewhere_is_refused(self):
        path = pathlib.Path(self.folder, "evil.tar")
        members = {"../up": b"0", "/abs": b"0", "a/../../b": b"0", "link": b"2", "hard": b"1", "pipe": b"6"}
        for name, kind in members.items():
            with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
                member = tarfile.TarInfo(name)
                member.type = kind
                member.linkname = "/etc/passwd" if kind in b"12" else ""
                archive.addfile(member)
            self.assertIn("is no capsule, or was changed", self.elsewhere("replay", path, code=5).stderr)

    def test_files_that_a_capsule_does_not_hold_are_named(self):
        self.write("f.cpp", "#include <fstream>\n#include <string>\nint offset = 0;\nstd::string place;\n"
                            "int f(std::string file) { int x = 0; std::ifstream(file) >> x; return x + offset; }\n"
                            "void load(std::string table) { std::ifstream(table) >> offset; }\n")
        for name in ("d.txt", "e.txt", "t.csv", "g.txt"):
            self.write(name, "1")
        self.run_jobhost("run", "f.cpp:f", "file=d.txt,e.txt,none", "--init", "load table=t.csv", "--set", "place=g.txt")
        said = self.run_jobhost("export", "@last/0", "case.tar").err
        self.assertIn("not in the capsule: 'd.txt', which the task's arguments name\n"
                      "not in the capsule: 't.csv', which the initialiser's arguments name\n"
                      "not in the capsule: 'g.txt', which captured globals name\n", said)
        self.assertNotIn("e.txt", said)
        self.run_jobhost("run", "f.cpp:f", "file=none")
        self.assertNotIn("not in the capsule", self.run_jobhost("export", "@last/0", "case.tar").err)

    def test_names_that_are_no_capsules_are_refused_in_one_sentence(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        self.assertEqual(self.refused("export", "@last/0", "z.zip", code=2),
                         "error: a capsule is a tar archive, and 'z.zip' does not end in .tar\n")
        for name in ("nofile.tar", "none/nofile.tar"):
            self.assertEqual(self.refused("replay", name, code=2), f"error: there is no file '{name}'\n")

    def test_nothing_is_left_when_it_cannot_be_written(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        self.assertIn("there is no directory", self.run_jobhost("export", "@last/0", "none/case.tar", code=2).err)
        self.assertIn("names no task", self.run_jobhost("export", "@last", "case.tar", code=2).err)
        os.mkdir(os.path.join(self.folder, "case.tar"))
        self.assertIn("it is a directory", self.run_jobhost("export", "@last/0", "case.tar", code=2).err)
        self.assertEqual(sorted(os.listdir(self.folder)), ["case.tar", "store"])
