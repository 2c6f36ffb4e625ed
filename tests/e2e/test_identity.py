"""Which code a job runs, and whether a machine may run it."""
import glob
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

from jobhost import VARIED, JobhostTest

BACKENDS = ("processes", "threads")

# Task 0 waits for a file; task 1 ends its process once, so that the code is loaded again.
WAITING = """
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <string>
int helper();
int answer(const std::string& gate, int x) {
  std::ofstream(gate + ".reached");
  while (x == 0 && access(gate.c_str(), F_OK) != 0) usleep(1000);
  if (x == 1 && access((gate + ".crashed").c_str(), F_OK) != 0) {
    std::ofstream(gate + ".crashed");
    std::abort();
  }
  return ANSWER + helper();
}
"""


class Identity(JobhostTest):
    def setUp(self):
        super().setUp()
        self.cache = os.path.join(self.folder, "cache")
        self.environment = {name: os.environ.get(name) for name in ("XDG_CACHE_HOME", "LD_LIBRARY_PATH")}
        os.environ["XDG_CACHE_HOME"] = self.cache
        os.environ.pop("LD_LIBRARY_PATH", None)

    def tearDown(self):
        for name, value in self.environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        super().tearDown()

    def path(self, name):
        return os.path.join(self.folder, name)

    def build_library(self, value, name="libdep.so", flags=("-Wl,-soname,libdep.so",)):
        self.write("dep.cpp", f"int helper() {{ return {value}; }}\n")
        subprocess.run(["g++", "-shared", "-fPIC", "-Wl,--build-id", "dep.cpp", "-o", name, *flags], cwd=self.folder, check=True)

    def build_plugin(self, value, name="own.so", source=WAITING, flags=""):
        self.write("own.cpp", source.replace("ANSWER", str(value)))
        self.run_jobhost("build", "own.cpp", "-o", name, f"--cxxflags=-L{self.folder} -Wl,-rpath,{self.folder} {flags}",
                         "--link", "dep")

    def open_gate(self):
        self.write("gate", "")

    def start_waiting(self, backend="processes"):
        """A job of two answers whose first task is running, and waits."""
        for name in glob.glob(self.path("gate*")):
            os.remove(name)
        job = self.run_jobhost("submit", "own.so:answer", f"gate={self.path('gate')}", "x=0..9", "-j", "1", "--chunk", "1",
                               "-b", backend).out.strip()
        self.wait_until(lambda: os.path.exists(self.path("gate.reached")), "no task was started")
        return job

    def change(self, how, name, build):
        """Gives the file of this name other contents, or none."""
        if how == "deleted":
            os.remove(self.path(name))
            return
        build(f"new-{name}")
        if how == "rebuilt":
            os.replace(self.path(f"new-{name}"), self.path(name))
        else:
            inode = os.stat(self.path(name)).st_ino
            with open(self.path(name), "r+b") as file:  # O_TRUNC and writing, as cp does
                file.truncate(0)
                file.write(pathlib.Path(self.path(f"new-{name}")).read_bytes())
            self.assertEqual(os.stat(self.path(name)).st_ino, inode)

    def test_a_job_keeps_the_code_it_was_submitted_with(self):
        changes = {"own.so": lambda name: self.build_plugin(7000, name), "libdep.so": lambda name: self.build_library(8000, name)}
        for name, build in changes.items():
            for how in ("rebuilt", "overwritten", "deleted"):
                for backend in BACKENDS:
                    with self.subTest(f"{name} {how} on {backend}"):
                        self.build_library(1)
                        self.build_plugin(100)
                        running = self.start_waiting(backend)
                        self.change(how, name, build)
                        self.open_gate()
                        rows = self.rows("attach", running)
                        self.assertEqual([row["result"] for row in rows], [101] * 10)
                        self.assertTrue(os.path.exists(self.path("gate.crashed")))

    def test_a_job_whose_workers_start_after_a_rebuild_gives_the_old_answer(self):
        self.open_gate()
        for backend in BACKENDS:
            self.build_library(1)
            self.build_plugin(100)
            held = self.run_jobhost("submit", "--hold", "own.so:answer", f"gate={self.path('gate')}", "x=2..9", "-b", backend).out.strip()
            self.build_library(8000)
            self.build_plugin(7000)
            self.assertEqual([row["result"] for row in self.rows("resume", held)], [101] * 8)

    def test_a_job_goes_on_with_its_code_where_no_copy_of_it_is_left(self):
        self.build_library(1)
        self.build_plugin(100)
        job = self.start_waiting()
        self.run_jobhost("cancel", job)
        self.open_gate()
        self.wait_until(lambda: not self.working(job), "the worker goes on")
        self.build_library(8000)
        self.build_plugin(7000)
        shutil.rmtree(self.cache)
        self.assertEqual([row["result"] for row in self.rows("resume", job)], [101] * 10)

    def working(self, job):
        beats = glob.glob(f"{self.store}/{job}/workers/*/*.hb")
        return not beats or any(pathlib.Path(beat).read_bytes()[8] == 0 for beat in beats)

    def test_a_library_that_the_loader_takes_from_elsewhere_is_refused(self):
        # Without a soname a library is known by its file name only, and an RPATH comes before all that leads to the copy.
        self.build_library(1, flags=())
        self.build_plugin(100, source="int helper();\nint answer(int x) { return ANSWER + x + helper(); }\n",
                          flags="-Wl,--disable-new-dtags")
        for backend in BACKENDS:
            process = self.run_jobhost("run", "own.so:answer", "x=1..3", "-b", backend, code=3)
            self.assertEqual(process.out, "")
            self.assertIn(f"error: the loader took '{self.path('libdep.so')}', which is no part of the job", process.err)
        # With a soname the job's copy is found first, whatever the RPATH says.
        self.build_library(1)
        self.build_plugin(100, source="int helper();\nint answer(int x) { return ANSWER + x + helper(); }\n",
                          flags="-Wl,--disable-new-dtags")
        self.assertEqual([row["result"] for row in self.rows("run", "own.so:answer", "x=1..3")], [102, 103, 104])


class Fit(JobhostTest):
    def unfit_plugin(self):
        """Claims that it needs a processor that does not exist."""
        self.write("f.cpp", "int f(int x) { return x + 1; }\n")
        self.run_jobhost("build", "f.cpp", "-o", "f.so", "--cxxflags=-mssse3")
        path = pathlib.Path(self.folder, "f.so")
        code = path.read_bytes()
        self.assertIn(b'"ssse3"', code)
        path.write_bytes(code.replace(b'"ssse3"', b'"quant"'))

    def test_code_for_another_processor_is_refused_in_one_sentence(self):
        self.unfit_plugin()
        for backend in BACKENDS:
            process = self.run_jobhost("run", "f.so:f", "x=1..3", "-b", backend, code=3)
            self.assertEqual(process.out, "")
            first, hint = process.err.strip().splitlines()
            self.assertEqual(first, f"error: '{self.folder}/f.so' was compiled for a processor with quant, which this one lacks")
            self.assertIn("rebuild it with -march", hint)

    def test_check_lists_every_problem(self):
        self.unfit_plugin()
        path = pathlib.Path(self.folder, "f.so")
        path.write_bytes(path.read_bytes().replace(b'{"abi":1', b'{"abi":7'))
        process = self.run_jobhost("check", "f.so", code=3)
        self.assertIn("problem: 'f.so' was built for plugin ABI 7 by jobhost ", process.out)
        self.assertIn("problem: 'f.so' was compiled for a processor with quant, which this one lacks\n", process.out)
        self.assertIn("error: 2 problems keep 'f.so' from running here", process.err)
        document = json.loads(self.run_jobhost("check", "f.so", "--json", code=3).out)
        self.assertEqual(len(document["problems"]), 2)
        self.assertEqual(document["notes"], [])

    def test_check_notes_what_makes_a_plugin_hard_to_understand(self):
        self.write("f.cpp", "double scale = 2;\nint f(int x) { return x + scale; }\n")
        self.run_jobhost("build", "f.cpp", "-o", "f.so", "--cxxflags=-ffast-math")
        subprocess.run(["objcopy", "--strip-debug", "--remove-section=.note.gnu.build-id", "f.so"], cwd=self.folder, check=True)
        document = json.loads(self.run_jobhost("check", "f.so", "--json").out)
        self.assertEqual(document["problems"], [])
        for note, text in zip(document["notes"], ("has no build id", "linked with -ffast-math", "no debug information"), strict=True):
            self.assertIn(text, note)
        self.assertEqual(document["globals"], [{"name": "scale", "type": "double"}])
        checked = self.run_jobhost("check", "f.so")
        self.assertIn("global     double scale", checked.out)
        self.assertIn("note: 'f.so' is linked with -ffast-math", checked.out)
        self.assertIn("nothing in the way", checked.err)
        self.assertEqual(json.loads(self.run_jobhost("check", VARIED, "--json").out)["notes"], [])

    def held_job(self, *options, change):
        """A job whose MANIFEST is changed before anybody works on it."""
        job = self.run_jobhost("submit", f"{VARIED}:add_one", "x=1..3", *options).out.strip()
        self.run_jobhost("attach", job)
        folder = pathlib.Path(self.store, job)
        self.wait_until((folder / "DONE").exists, "the job is not done")
        for name in ("DONE", "claims", "logs"):
            shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()
        for name in ("claims", "logs"):
            (folder / name).mkdir()
        manifest = json.loads((folder / "MANIFEST").read_text())
        change(manifest)
        (folder / "MANIFEST").chmod(0o600)
        (folder / "MANIFEST").write_text(json.dumps(manifest))
        voucher, = folder.glob("host/manifest.*")
        voucher.rename(voucher.with_name("manifest." + hashlib.sha256((folder / "MANIFEST").read_bytes()).hexdigest()))
        return folder

    def notes(self, folder):
        return [json.loads(line) for name in folder.glob("workers/*/*.notes") for line in name.read_text().splitlines()]

    def other_libc(self, manifest):
        for library in manifest["system_libraries"]:
            if library["soname"] == "libc.so.6":
                library["build_id"] = "c0ffee"

    def test_system_libraries_of_another_build_are_noted(self):
        for backend in BACKENDS:
            folder = self.held_job("-b", backend, change=self.other_libc)
            self.assertEqual([row["result"] for row in self.rows("resume", folder)], [2, 3, 4])
            note, = self.notes(folder)
            self.assertEqual(note["kind"], "system_library")
            self.assertRegex(note["text"],
                             r"^libc.so.6 here \(build id [0-9a-f]{40}\) is another build than at submission \(build id c0ffee\)$")

    def test_system_libraries_as_they_were_are_not_noted(self):
        folder = self.held_job(change=lambda manifest: None)
        self.assertEqual([row["result"] for row in self.rows("resume", folder)], [2, 3, 4])
        self.assertEqual(self.notes(folder), [])

    def test_system_libraries_of_another_build_are_refused_where_exact_ones_are_wanted(self):
        folder = self.held_job("--exact-libraries", change=self.other_libc)
        process = self.run_jobhost("resume", folder, code=3)
        self.assertEqual(process.out, "")
        self.assertIn("error: libc.so.6 here (build id ", process.err)
        self.assertIn("submitted with --exact-libraries", process.err)

    def test_a_system_library_that_is_missing_here_hurts_only_those_that_need_it(self):
        def more(manifest):
            manifest["system_libraries"].append({"soname": "libgone.so.1", "path": "/lib/libgone.so.1", "build_id": "c0ffee"})
        folder = self.held_job(change=more)
        self.assertEqual([row["result"] for row in self.rows("resume", folder)], [2, 3, 4])


class Compiler(JobhostTest):
    def test_show_says_how_the_code_was_compiled(self):
        self.write("f.cpp", "int f(int x) { return x + 1; }\n")
        self.run_jobhost("run", "f.cpp:f", "x=1", "--cxxflags=-O1")
        self.assertRegex(self.run_jobhost("show").out, r"built by +GNU C\+\+.* -O1")


class Signature(JobhostTest):
    def test_what_differs_in_a_newer_plugin_is_named(self):
        source = "#include <vector>\nstruct Point { double x; FIELD y; };\ndouble f(Point p, int n) { return p.x + n; }\n"
        self.write("f.cpp", source.replace("FIELD", "double"))
        self.run_jobhost("run", "f.cpp:f", 'p={"x":1,"y":2}', "n=3")
        self.write("f.cpp", source.replace("FIELD", "float"))
        self.run_jobhost("build", "f.cpp", "-o", "new.so")
        self.assertIn("field 'y' of parameter 'p' (Point) was double and is float now",
                      self.refused("retry", "--tasks", "0", "--plugin", "new.so", code=3))
        self.write("f.cpp", source.replace("FIELD", "double").replace("int n)", "int n, int m)"))
        self.run_jobhost("build", "f.cpp", "-o", "new.so")
        self.assertIn("parameter 'm' (int) is new", self.refused("retry", "--tasks", "0", "--plugin", "new.so", code=3))
        self.write("f.cpp", source.replace("FIELD", "double").replace("int n)", "int n, int m = 4)"))
        self.run_jobhost("build", "f.cpp", "-o", "new.so")
        self.assertEqual(self.rows("retry", "--tasks", "0", "--plugin", "new.so")[0]["result"], 4)

    def test_globals_and_the_initialiser_follow_into_a_newer_plugin(self):
        source = ("#include <stdexcept>\nALPHA alpha = 1;\ndouble scale = 0;\nvoid prepare(SCALE s) { scale = s; }\n"
                  "double f(double x) { if (x > BOUND) throw std::runtime_error(\"no\"); return alpha * x + scale; }\n")

        def build(file, **words):
            text = words.pop("before", "") + source
            for old, new in dict({"ALPHA": "double", "SCALE": "double", "BOUND": "1"}, **words).items():
                text = text.replace(old, new)
            self.write(file, text)
            self.run_jobhost("build", file, "-o", "new.so")

        build("f.cpp")
        self.rows("run", "f.cpp:f", "x=2", "--set", "alpha=2.5", "--init", "prepare s=4", code=1)
        job = self.run_jobhost("ls").out.splitlines()[-1].split()[0]
        build("new.cpp", ALPHA="long")
        self.assertIn("the global 'alpha' was double and is long",
                      self.refused("retry", job, "--plugin", "new.so", code=3))
        build("new.cpp", SCALE="long")
        self.assertIn("the parameters of 'prepare' are others", self.refused("retry", job, "--plugin", "new.so", code=3))
        self.write("new.cpp", "double alpha = 1;\ndouble f(double x) { return alpha * x; }\n")
        self.run_jobhost("build", "new.cpp", "-o", "new.so")
        self.assertIn("'prepare'", self.refused("retry", job, "--plugin", "new.so", code=2))
        # Functions and variables before them, so that nothing has the number it had.
        build("new.cpp", BOUND="9", before="double first = 0;\ndouble other(double x) { return x; }\n")
        self.assertEqual(self.rows("retry", job, "--plugin", "new.so")[0]["result"], 9)
