"""Rows of docs/context.md about global variables and the initialiser."""
import json
import os
import pathlib
import unittest

from surroundings import BACKENDS, SURROUNDINGS, SurroundedTest, where_workers_run

DECLARING = os.environ["DECLARING"]
SOURCE = pathlib.Path(__file__).parent.parent / "plugins/surroundings.cpp"


def line_of(text):
    return 1 + SOURCE.read_text().split(text)[0].count("\n")


class Globals(SurroundedTest):
    def test_captured_globals(self):
        self.each_sees([x * 0.25 for x in range(1, 9)], "alpha_times", "x=1..8", "--set", "alpha=0.25")

    def test_captured_globals_after_a_restart(self):
        """Every process that runs tasks has them, also one that takes the place of another."""
        for backend in BACKENDS:
            job = self.submit("alpha_times", "x=1..8", "--set", "alpha=0.25")
            first, _ = self.work(job, backend)
            for part in ("DONE", "logs", "claims"):
                os.system(f"chmod -R u+w '{self.store}/{job}'; rm -rf '{self.store}/{job}/{part}'")
            os.mkdir(f"{self.store}/{job}/logs")
            os.mkdir(f"{self.store}/{job}/claims")
            again, _ = self.work(job, backend)
            self.assertEqual(first, again)

    def test_a_saved_session(self):
        file = os.path.join(self.folder, "session.json")
        self.call(["session", "save", file, SURROUNDINGS, "--set", "alpha=8"], cwd=self.here, env=self.submission)
        self.each_sees([8.0, 16.0], "alpha_times", "x=1,2", "--session", file)
        self.each_sees([3.0, 6.0], "alpha_times", "x=1,2", "--session", file, "--set", "alpha=3")
        job = self.submit("alpha_times", "x=1", "--set", "alpha=5")
        self.call(["session", "save", file, job], cwd=self.there, env=self.workers, preexec_fn=where_workers_run)
        self.each_sees([5.0], "alpha_times", "x=1", "--session", file)

    def test_isolated_globals(self):
        job = self.submit("alpha_grows", "x=" + ",".join(["1"] * 50), "--set", "alpha=1", "--isolate-globals")
        rows, said = self.work(job, "processes")
        self.assertEqual([row["result"] for row in rows], [2.0] * 50)
        self.assertNotIn("note:", said)
        done = self.call(["run", f"{DECLARING}:alpha_grows", "x=" + ",".join(["1"] * 50), "--isolate-globals", "--format", "jsonl",
                          "--init", "double_alpha"], cwd=self.here, env=self.submission)
        self.assertEqual([json.loads(line)["result"] for line in done.stdout.splitlines()], [3.0] * 50)  # declared, never set
        self.assertNotIn("note:", done.stderr)
        said = self.submit("alpha_grows", "x=1", "--isolate-globals", code=2)
        self.assertIn("no global is captured that could be isolated", said)
        said = self.submit("alpha_grows", "x=1", "--set", "alpha=1", "--isolate-globals", "-b", "threads", code=2)
        self.assertIn("threads share their globals", said)
        job = self.submit("alpha_grows", "x=" + ",".join(["1"] * 50), "--set", "alpha=1", "--isolate-globals", "-b", "threads", "-j1")
        rows, _ = self.work(job, "threads")
        self.assertEqual([row["result"] for row in rows], [2.0] * 50)

    def test_isolated_globals_on_another_backend(self):
        """Threads that share their globals are refused wherever they are asked for."""
        job = self.submit("alpha_grows", "x=" + ",".join(["1"] * 50), "--set", "alpha=1", "--isolate-globals")
        _, said = self.work(job, "threads", "-j4", code=2)
        self.assertIn("threads share their globals", said)
        _, said = self.work(job, "threads", code=2)
        rows, said = self.work(job, "threads", "-j1")
        self.assertEqual([row["result"] for row in rows], [2.0] * 50)
        self.assertNotIn("note:", said)

    def test_isolated_globals_that_are_declared(self):
        """They are restored, so there is nothing to note, whether or not the job sets them."""
        source = os.path.join(self.folder, "declared.cpp")
        pathlib.Path(source).write_text("namespace { double beta = 1; }\ndouble g(double x) { beta += 1; return beta * x; }\n")
        for words in ([], ["--set", "beta=1"]):
            done = self.call(["run", f"{source}:g", "x=1..50", "--global", "beta", "--isolate-globals", *words], cwd=self.here,
                             env=self.submission)
            self.assertEqual([json.loads(line)["result"] for line in done.stdout.splitlines()], [2.0 * x for x in range(1, 51)])
            self.assertNotIn("note:", done.stderr)

    def test_large_globals(self):
        """Arrays that are too long to travel do not keep code from running; large ones need no stack."""
        source = os.path.join(self.folder, "large.cpp")
        pathlib.Path(source).write_text("#include <array>\nstatic char bss[100 << 20];\ndouble far[1 << 21];\n"
                                        "std::array<double, 1048576> near = {1};\n"
                                        "double g(int x) { far[x] = bss[x]; near[0] += x; return near[0] + far[x]; }\n")
        run = ["run", "-j1", f"{source}:g", "x=1..20"]
        done = self.call(run, cwd=self.here, env=self.submission)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["result"], 211)
        self.assertIn("MiB of global variables beyond what is compared", done.stderr)
        done = self.call([*run, "--isolate-globals", "--global", "near"], cwd=self.here, env=self.submission)
        self.assertEqual([json.loads(line)["result"] for line in done.stdout.splitlines()], [1.0 + x for x in range(1, 21)])
        done = self.call([*run, "--global", "far"], code=3, cwd=self.here, env=self.submission)
        self.assertIn("global 'far' of type double cannot travel", done.stderr)

    def test_changed_globals_are_named(self):
        """A global and a static of a function, with file and line."""
        for _, said in self.seen("count_calls", "x=1..200"):
            notes = [line for line in said.splitlines() if line.startswith("note:")]
            self.assertEqual(len(notes), 1, said)
            self.assertIn(f"'changed_by_tasks' (surroundings.cpp:{line_of('int changed_by_tasks')})", notes[0])
            self.assertIn(f"'count_calls(int)::calls' (surroundings.cpp:{line_of('static int calls')})", notes[0])
            self.assertIn("results may depend on which tasks ran there before", notes[0])
        for _, said in self.seen("alpha_grows", "x=1..4", "--set", "alpha=1"):
            self.assertIn(f"tasks changed 'alpha' (surroundings.cpp:{line_of('double alpha')})", said)
            self.assertIn("let --isolate-globals restore them before every task", said)
        for _, said in self.seen("niceness", "arg1=1..4"):
            self.assertNotIn("note:", said)

    def test_initialiser(self):
        self.each_sees(["abab"] * 6, "prepared", "arg1=1..6", "--init", "prepare text=ab times=2")
        self.each_sees(["c"], "prepared", "arg1=1", "--init", "prepare text=c")
        job = self.submit("prepared", "arg1=1", "--init", "prepare text=bad")
        for backend in BACKENDS:
            _, said = self.work(job, backend, code=3)
            self.assertIn("error: the initialiser 'prepare' threw std::runtime_error: no such table", said)
        for words, complaint in (("prepair text=a", "did you mean 'prepare'?"), ("prepare", "no value for parameter 'text'"),
                                 ("prepare text=a time=2", "there is no parameter 'time'; did you mean 'times'?"),
                                 ("prepare text=a times=x", "parameter 'times': 'x' is not an int")):
            self.assertIn(complaint, self.submit("prepared", "arg1=1", "--init", words, code=2))

        # Mended code: the function is found again by its name, wherever it stands there.
        source = "#include <string>\n{0}static std::string ready;\nvoid prepare(const std::string& text) {{ ready = text; }}\nstd::string f(int x) {{ return ready + {1}; }}\n"
        for name, text in (("a", source.format("", "(x ? \"a\" : throw 1)")), ("b", source.format("int other(int x) { return x; }\n", '"b"'))):
            pathlib.Path(self.here, f"{name}.cpp").write_text(text)
            self.call(["build", f"{name}.cpp"], cwd=self.here, env=self.submission)
        self.call(["run", "./a.so:f", "x=0,1", "--init", "prepare text=is_", "--format", "jsonl"], code=1, cwd=self.here, env=self.submission)
        done = self.call(["retry", "@last", "--plugin", "./b.so", "--format", "jsonl"], cwd=self.here, env=self.submission)
        self.assertEqual(json.loads(done.stdout)["result"], "is_b")


if __name__ == "__main__":
    unittest.main()
