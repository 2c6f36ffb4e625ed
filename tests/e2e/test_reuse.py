"""Results of earlier jobs: taken where code, context and arguments are the same, and only there."""
import json
import os
import pathlib
import signal

from jobhost import HOSTILE, SETTINGS, JobhostTest, running_workers

COUNTED = """#include <fstream>
#include <stdexcept>
#include <string>
static double helper(double x) { return x * FACTOR; }
double counted(double x, std::string file) {
  std::ofstream(file, std::ios::app) << x << "\\n";
  if (x == 13) throw std::domain_error("unlucky");
  return helper(x);
}
"""


class Reuse(JobhostTest):
    def calls(self, file="calls"):
        path = pathlib.Path(self.folder, file)
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def run_counted(self, x, *words, code=0):
        process = self.run_jobhost("run", "f.cpp:counted", f"x={x}", "file=calls", "--reuse", *words, code=code)
        return [json.loads(line) for line in process.out.splitlines()], process.err

    def setUp(self):
        super().setUp()
        self.write("f.cpp", COUNTED.replace("FACTOR", "2"))

    def test_a_sweep_that_is_extended_by_half_runs_the_new_half_only(self):
        _, err = self.run_counted("20..219")
        self.assertEqual(len(self.calls()), 200)
        self.assertIn("nothing reused: no earlier job in the store ran this kernel", err)
        rows, err = self.run_counted("20..319")
        self.assertIn("reused 200 of 300 results from 1 job", err)
        self.assertEqual(sorted(map(float, self.calls())), list(range(220, 320)))
        self.assertEqual([row["result"] for row in rows], [2.0 * x for x in range(20, 320)])
        self.assertTrue(json.loads(pathlib.Path(self.directory(), "MANIFEST").read_text())["reused"])
        self.assertEqual(self.run_jobhost("verify").out.splitlines()[-1], "sound")

    def directory(self):
        return json.loads(self.run_jobhost("show", "--json").out)["directory"]

    def test_a_job_of_which_everything_is_known_runs_nothing(self):
        self.run_counted("20..29")
        self.calls()
        rows, err = self.run_counted("20..29")
        self.assertIn("reused 10 of 10 results from 1 job", err)
        self.assertEqual(([row["result"] for row in rows], self.calls()), ([2.0 * x for x in range(20, 30)], []))
        # However the inputs are written, in any order, from several jobs, and also for tasks alike.
        self.run_counted("100..102")
        self.calls()
        self.write("in.csv", "file,x\ncalls,102\ncalls,25\ncalls,25\ncalls,7\ncalls,20\n")
        process = self.run_jobhost("run", "f.cpp:counted", "--csv", "in.csv", "--reuse")
        self.assertIn("reused 4 of 5 results from 2 jobs", process.err)
        self.assertEqual([json.loads(line)["result"] for line in process.out.splitlines()], [204, 50, 50, 14, 40])
        self.assertEqual(self.calls(), ["7"])
        job = self.run_jobhost("submit", "f.cpp:counted", "x=20..29", "file=calls", "--reuse").out.strip()
        self.assertEqual(len(self.rows("attach", job)), 10)
        self.assertEqual(self.calls(), [])

    def test_after_a_change_that_is_only_inlined_everything_runs_and_the_reason_is_said(self):
        self.run_counted("20..39")
        self.calls()
        self.write("f.cpp", COUNTED.replace("FACTOR", "3"))
        rows, err = self.run_counted("20..39")
        self.assertRegex(err, r"nothing reused: the code is another build \(plugin .*\.so: build id [0-9a-f]{12}\.\.\. then, "
                              r"[0-9a-f]{12}\.\.\. now\)\n")
        self.assertEqual((len(self.calls()), rows[0]["result"]), (20, 60))

    def test_failures_are_run_again(self):
        self.run_counted("10..15", code=1)
        self.assertEqual(len(self.calls()), 6)
        _, err = self.run_counted("10..15", code=1)
        self.assertIn("reused 5 of 6 results", err)
        self.assertEqual(self.calls(), ["13"])

    def test_another_value_of_a_global_is_another_computation(self):
        words = ["run", f"{SETTINGS}:settings", "x=1..5", "--reuse"]
        self.run_jobhost(*words, "--set", "alpha=1")
        self.assertIn("nothing reused: global 'alpha' has another value", self.run_jobhost(*words, "--set", "alpha=2").err)
        self.assertIn("nothing reused: global 'alpha' is not set now", self.run_jobhost(*words).err)
        process = self.run_jobhost(*words, "--set", "alpha=1")
        self.assertIn("reused 5 of 5 results from 1 job", process.err)
        self.assertIn('"1 1.000000 ', process.out)

    def test_the_surroundings_belong_to_the_key(self):
        words = ["run", f"{HOSTILE}:inc", "x=1..5", "--reuse"]
        self.addCleanup(lambda: os.environ.pop("OMP_NUM_THREADS", None))
        os.environ["OMP_NUM_THREADS"] = "1"
        self.run_jobhost(*words)
        os.environ["OMP_NUM_THREADS"] = "2"
        self.assertIn("nothing reused: the environment variable OMP_NUM_THREADS has another value", self.run_jobhost(*words).err)
        # Neither where jobs are kept nor how many lanes there are matters.
        process = self.run_jobhost("--store", self.store, *words, "-j1", "-b", "threads", "--retries", "0", "--name", "again")
        self.assertIn("reused 5 of 5 results from 1 job", process.err)

    def test_a_secret_that_tasks_see_belongs_to_the_key_by_its_name(self):
        self.write("v.cpp", "#include <cstdlib>\nbool seen(int) { return std::getenv(\"MY_TOKEN\") != nullptr; }\n")
        words = ["run", "v.cpp:seen", "arg1=1", "--reuse"]
        self.addCleanup(lambda: os.environ.pop("MY_TOKEN", None))
        os.environ["MY_TOKEN"] = "abc"
        self.assertEqual(self.rows(*words)[0]["result"], False)
        process = self.run_jobhost(*words, "--env", "MY_TOKEN")
        self.assertIn("nothing reused: the environment variable MY_TOKEN, whose value is not recorded, was not set then", process.err)
        self.assertEqual(json.loads(process.out)["result"], True)
        process = self.run_jobhost(*words, "--env", "MY_TOKEN")
        self.assertIn("nothing reused: the value of 'MY_TOKEN' is not recorded, as of a secret", process.err)

    def test_what_a_file_holds_belongs_to_the_key_with_hash_inputs(self):
        self.write("data", "1")
        self.write("g.cpp", "#include <fstream>\n#include <string>\n"
                            "int g(std::string file) { int x; std::ifstream(file) >> x; return x; }\n")
        words = ["run", "g.cpp:g", "file=data", "--reuse", "--hash-inputs"]
        self.assertEqual(self.rows(*words)[0]["result"], 1)
        self.assertIn("reused 1 of 1", self.run_jobhost(*words).err)
        self.write("data", "2")
        process = self.run_jobhost(*words)
        self.assertIn("nothing reused: no job with the same code and context has results for any of these arguments and contents of files", process.err)
        self.assertEqual(json.loads(process.out)["result"], 2)

    def test_large_arguments_and_results_and_millions_of_tasks(self):
        words = [f"{HOSTILE}:text_of", "x=0..999999", "--reuse", "-o"]
        self.run_jobhost("run", *words, "a.csv")
        self.assertIn("reused 1000000 of 1000000", self.run_jobhost("run", *words, "b.csv").err)
        self.assertEqual(self.read("a.csv"), self.read("b.csv"))

    def test_a_worker_that_is_killed_in_the_middle_costs_nothing_that_was_reused(self):
        words = [f"{HOSTILE}:sleeps", "milliseconds=5", "--reuse", "-j2"]
        self.run_jobhost("run", *words, "x=1..100")
        job = self.run_jobhost("submit", *words, "x=1..1200").out.strip()
        done = lambda: next(entry["done"] for entry in json.loads(self.run_jobhost("ls", "--json").out)["jobs"] if entry["job"] == job)
        self.wait_until(lambda: done() > 120, "nothing runs")
        self.assertLess(done(), 1200)
        worker = json.loads(next(text for text in (path.read_text() for path in pathlib.Path(self.store, job).glob(
            "workers/*/*.id")) if '"worker"' in text))["pid"]
        os.kill(worker, signal.SIGKILL)
        self.wait_until(lambda: not running_workers(self.store), "executors outlive their worker")
        self.assertGreaterEqual(done(), 100)
        rows = self.rows("resume", job)
        self.assertEqual([row["x"] for row in rows], list(range(1, 1201)))
        self.assertEqual(self.run_jobhost("verify").out.splitlines()[-1], "sound")
        shown = json.loads(self.run_jobhost("show", job, "--json").out)
        self.assertEqual((shown["state"], shown["done"]), ("done", 1200))

    def test_damage_in_an_earlier_job_is_said_and_never_taken_over(self):
        self.run_counted("20..29", "-j1")
        log = max(pathlib.Path(self.directory()).glob("logs/*/*.0.*"), key=lambda path: path.stat().st_size)
        bad = bytearray(log.read_bytes())
        bad[64 + 64] ^= 1  # in the first result
        log.write_bytes(bad)
        self.calls()
        rows, err = self.run_counted("20..29")
        self.assertIn("is damaged, and used as far as it is not: ", err)
        self.assertIn("reused 9 of 10 results from 1 job", err)
        self.assertEqual([row["result"] for row in rows], [2.0 * x for x in range(20, 30)])
