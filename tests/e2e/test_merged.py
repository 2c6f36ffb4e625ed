"""Jobs whose tasks were repeated, seen as one; and jobs that are checked by running some of them elsewhere."""
import json
import pathlib

from jobhost import HOSTILE, JobhostTest

BROKEN = """#include <stdexcept>
int f(int x) {
  if (x == 17 || x == 4711 || x == 9999) throw std::domain_error("unlucky");
  return 2 * x;
}
"""


class Merged(JobhostTest):
    def shown(self, *words):
        return json.loads(self.run_jobhost("show", *words, "--json").out)

    def code(self, *words):
        return self.shown(*words)["plugin"]["build_id"][:12]

    def build(self, name, text):
        self.write(f"{name}.cpp", text)
        self.run_jobhost("build", f"{name}.cpp", "-o", f"{name}.so")

    def test_three_of_ten_thousand_are_mended(self):
        self.build("f", BROKEN)
        self.build("mended", "int f(int x) { return 2 * x; }\n")
        self.run_jobhost("run", "./f.so:f", "x=0..9999", "-o", "first.csv", code=1)
        parent = self.shown()["job"]
        old = self.code()
        self.assertEqual(len(self.rows("retry", "--failed", "--plugin", "mended.so")), 3)
        new = self.code()
        self.assertNotEqual(old, new)
        rows = self.rows("results", parent, "--merged")
        self.assertEqual([(row["task"], row["x"], row["result"]) for row in rows], [(x, x, 2 * x) for x in range(10_000)])
        self.assertEqual([row["x"] for row in rows if row["code"] == new], [17, 4711, 9999])
        self.assertEqual({row["code"] for row in rows}, {old, new})
        # The same in every form.
        self.run_jobhost("results", parent, "--merged", "-o", "all.csv")
        lines = self.read("all.csv").splitlines()
        self.assertEqual((lines[0], lines[18], len(lines)), ("task,x,code,result,error", f"17,17,{new},34,", 10_001))
        self.assertIn("code", self.run_jobhost("results", parent, "--merged", "--format", "table").out.split("\n")[0])
        self.assertEqual(len(json.loads(self.run_jobhost("results", parent, "--merged", "--json").out)["rows"]), 10_000)
        reduced = self.rows("results", parent, "--merged", "--reduce", "sum,hist:4")[0]
        self.assertEqual((reduced["sum"], reduced["count"], sum(reduced["hist"]["counts"])), (99_990_000, 10_000, 10_000))
        self.run_jobhost("export", parent, "all.jsonl", "--merged")
        document = json.loads(self.read("all.jsonl.provenance.json"))
        self.assertEqual((document["code"], [job["code"] for job in document["repeated_by"]]), (old, [new]))
        try:
            import numpy
        except ImportError:
            return
        self.run_jobhost("results", parent, "--merged", "-o", "all.npy")
        array = numpy.load(pathlib.Path(self.folder, "all.npy"))
        self.assertEqual(list(array["x"][array["code"] == new.encode()]), [17, 4711, 9999])

    def test_the_latest_outcome_counts_through_retries_of_retries(self):
        broken = "#include <stdexcept>\nint f(int x, int code) { if (x BAD) throw std::runtime_error(\"no\"); return VALUE * x + 0 * code; }\n"
        self.build("one", broken.replace("BAD", "> 5").replace("VALUE", "1"))
        self.build("two", broken.replace("BAD", "> 7").replace("VALUE", "2"))
        self.build("three", broken.replace("BAD", "== 9").replace("VALUE", "3"))
        self.run_jobhost("run", "./one.so:f", "x=0..9", "code=1", code=1)
        first = self.shown()["job"]
        one = self.code()
        self.run_jobhost("retry", first, "--plugin", "two.so", code=1)
        second, two = self.shown()["job"], self.code()
        self.run_jobhost("retry", second, "--plugin", "three.so", code=1)
        three = self.code()
        self.run_jobhost("retry", first, "--tasks", "1,7", "--plugin", "three.so")
        rows = self.rows("results", first, "--merged", code=1)
        outcomes = [(row["x"], row.get("result"), row["code"]) for row in rows]
        self.assertEqual(outcomes, [(0, 0, one), (1, 3, three), *((x, x, one) for x in range(2, 6)), (6, 12, two),
                                    (7, 21, three), (8, 24, three), (9, None, three)])
        self.assertEqual(rows[0]["arg.code"], 1)
        self.assertEqual(self.rows("results", second, "--merged", code=1), rows)  # whichever of them is named
        # Good ones that fail now have failed.
        self.run_jobhost("retry", first, "--tasks", "6..8", "--plugin", "one.so", code=1)
        rows = self.rows("results", first, "--merged", code=1)
        self.assertEqual([row["x"] for row in rows if "error" in row], [6, 7, 8, 9])
        document = json.loads(self.run_jobhost("errors", second, "--merged", "--json", code=1).out)
        self.assertEqual((document["job"], document["tasks"], document["failed"]), (first, 10, 4))
        self.assertEqual(sorted(sum((group["first_tasks"] for group in document["groups"]), [])), [6, 7, 8, 9])
        self.assertEqual(self.run_jobhost("errors", first, "--merged", code=1).out.split("\n")[0], "4 of 10 tasks failed")
        self.assertEqual(json.loads(self.run_jobhost("errors", first, "--json", code=1).out)["failed"], 4)
        self.build("other", "double f(int x, int) { return x; }\n")
        self.run_jobhost("retry", first, "--tasks", "1", "--plugin", "other.so")
        self.assertIn("do not fit into one table", self.refused("results", first, "--merged", code=2))

    def test_mended_code_is_built_as_the_job_was(self):
        source = "#include <stdexcept>\nint f(int x) { if (x == 2 && BAD) throw std::runtime_error(\"no\"); return SCALE * x; }\n"
        self.write("f.cpp", source.replace("BAD", "true"))
        self.run_jobhost("run", "f.cpp", "x=1..3", "--cxxflags=-DSCALE=10 -DSOME", "--cxxflags", "-DOTHER=1", code=1)
        first = self.shown()["job"]
        said = self.run_jobhost("retry", "--plugin", "f.cpp", code=1).err
        self.assertIn(f"built as job {first} was: '--cxxflags=-DSCALE=10 -DSOME' --cxxflags=-DOTHER=1\n", said)
        self.write("f.cpp", source.replace("BAD", "false"))
        self.assertIn(f"built as job {first} was", self.run_jobhost("retry", "--plugin", "f.cpp").err)
        self.assertEqual([row["result"] for row in self.rows("results", first, "--merged")], [10, 20, 30])
        self.assertEqual([row["result"] for row in self.rows("retry", first, "--plugin", "f.cpp", "--cxxflags=-DSCALE=7")], [14])

    def test_a_million_tasks_of_which_few_or_all_were_repeated(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=0..999999", "-o", "a.csv")
        parent = self.shown()["job"]
        self.run_jobhost("retry", parent, "--tasks", "3,500000", "-o", "b.csv")
        self.run_jobhost("results", parent, "--merged", "--format", "csv", "-o", "few.csv")
        self.run_jobhost("retry", parent, "--tasks", "10..999999", "-o", "b.csv")
        self.run_jobhost("results", parent, "--merged", "--format", "csv", "-o", "all.csv")
        self.assertEqual(self.read("few.csv"), self.read("all.csv"))
        self.assertEqual(self.read("few.csv").count("\n"), 1_000_001)

    def test_tasks_that_only_a_repetition_has_done_are_there(self):
        job = self.run_jobhost("submit", f"{HOSTILE}:sleeps", "x=0..999", "milliseconds=20", "-j1").out.strip()
        self.wait_until(lambda: self.shown(job)["done"] > 3, "nothing is done")
        self.run_jobhost("cancel", job)
        self.wait_until(lambda: self.shown(job)["state"] == "cancelled", "still running")
        done = self.shown(job)["done"]
        self.run_jobhost("retry", job, "--tasks", f"0,{done - 1},{done + 1},999")
        rows = self.rows("results", job, "--merged")
        self.assertEqual([row["x"] for row in rows], [*range(done), done + 1, 999])


class Audits(JobhostTest):
    def test_a_sample_is_computed_again_elsewhere_and_agrees(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=0..499", "--retries", "0", code=1)
        parent = json.loads(self.run_jobhost("show", "--json").out)["job"]
        self.run_jobhost("run", f"{HOSTILE}:text_of", "x=0..499")
        process = self.run_jobhost("audit", "@last", "--sample", "10%", "--seed", "5")
        self.assertEqual(process.out, "50 tasks of 500 compared, all the same\n")
        self.assertIn("on threads (--seed 5)", process.err)
        self.assertEqual(self.run_jobhost("audit", "@last", "--sample", "1").out, "1 task of 500 compared, all the same\n")
        self.assertEqual(self.run_jobhost("audit").out, "5 tasks of 500 compared, all the same\n")
        document = json.loads(self.run_jobhost("audit", parent, "--sample", "500", "-b", "processes", "-j2", "--json").out)
        self.assertEqual((document["compared"], document["different"], document["audit"]), (500, 0, None))
        self.assertEqual(len(self.job_folders()), 2)
        for bad in ("0", "0%", "101%", "x", "-1"):
            self.refused("audit", f"--sample={bad}", code=2)
        self.assertEqual(len(self.rows("results", parent, "--merged", code=1)), 500)

    def test_differences_are_shown_and_the_audit_kept(self):
        self.write("f.cpp", "#include <unistd.h>\n#include <stdexcept>\n#include <string>\n"
                            "int f(int x) { if (x == 3) throw std::runtime_error(std::to_string(getpid())); "
                            "return x < 30 ? x : getpid(); }\n")
        self.run_jobhost("run", "f.cpp:f", "x=0..49", code=1)
        job = json.loads(self.run_jobhost("show", "--json").out)["job"]
        process = self.run_jobhost("audit", "--sample", "100%", code=1)
        self.assertIn("50 tasks of 50 compared, 21 differ\ntask 3: x=3\n  then: exception std::runtime_error: ", process.out)
        self.assertIn("and 11 more", process.out)
        self.assertNotIn("jobhost errors", process.err)
        self.assertEqual(json.loads(self.run_jobhost("show", "--json").out)["job"], job, "an audit is not @last")
        kept = json.loads(self.run_jobhost("show", process.err.strip().rsplit(" ", 1)[1], "--json").out)
        self.assertIn(f"kept for a closer look: job {kept['job']}", process.err)
        self.assertEqual((kept["parent"], kept["label"], kept["backend"]), (job, f"audit of {job}", "threads"))
        document = json.loads(self.run_jobhost("audit", job, "--sample", "100%", "--json", code=1).out)
        self.assertEqual((document["different"], len(document["differences"])), (21, 10))
        self.assertEqual(document["differences"][1]["inputs"], {"x": 30})
        # An audit is no newer result.
        self.assertEqual(self.rows("results", job, "--merged", code=1)[40]["result"], self.rows("results", job, code=1)[40]["result"])

    def test_the_seed_chooses_the_tasks(self):
        self.write("f.cpp", "#include <unistd.h>\nint f(int x) { return x + getpid(); }\n")
        self.run_jobhost("run", "f.cpp:f", "x=0..999")
        job = json.loads(self.run_jobhost("show", "--json").out)["job"]

        def sample(seed):
            words = ["audit", job, "--sample", "7", "--seed", seed, "--json"]
            return [one["task"] for one in json.loads(self.run_jobhost(*words, code=1).out)["differences"]]

        self.assertEqual(sample(1), sample(1))
        self.assertNotEqual(sample(1), sample(2))
        self.assertEqual(len(set(sample(1))), 7)
