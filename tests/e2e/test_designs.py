"""Points that are sampled, points that are repeated, and reductions over groups of them."""
import json
import math
import os
import shutil
import statistics
import subprocess
import tempfile

from jobhost import HOSTILE, VARIED, JobhostTest

NOISE = """#include <cstdint>
double noise(double alpha, std::uint64_t seed) { return alpha + static_cast<double>(seed % 1000) / 1000; }
int kind(int n, double x) { return n * static_cast<int>(x); }
"""


class Designs(JobhostTest):
    @classmethod
    def setUpClass(cls):
        cls.cache = tempfile.mkdtemp(prefix="jobhost-cache-")  # one build for all
        os.environ["XDG_CACHE_HOME"] = cls.cache

    @classmethod
    def tearDownClass(cls):
        os.environ.pop("XDG_CACHE_HOME")
        shutil.rmtree(cls.cache)

    def setUp(self):
        super().setUp()
        self.write("noise.cpp", NOISE)

    def test_every_slice_of_a_latin_hypercube_holds_one_point(self):
        run = ["run", f"{HOSTILE}:scaled", "--sample", "lhs:50", "x=-1:3", "factor=10:20"]
        rows = self.rows(*run)
        self.assertEqual(sorted(math.floor((row["x"] + 1) / 4 * 50) for row in rows), list(range(50)))
        self.assertEqual(sorted(math.floor((row["factor"] - 10) / 10 * 50) for row in rows), list(range(50)))
        self.assertLess(abs(statistics.correlation([row["x"] for row in rows], [row["factor"] for row in rows])), 0.4)
        self.assertEqual(self.rows(*run), rows)
        other = self.rows(*run, "--seed", "1")
        self.assertNotEqual([row["x"] for row in other], [row["x"] for row in rows])

    def test_the_first_points_are_these_for_ever(self):
        rows = self.rows("run", f"{HOSTILE}:scaled", "--sample", "lhs:4", "x=0:1", "factor=2", "--seed", "3")
        self.assertEqual([row["x"] for row in rows],  # by another Philox
                         [0.899948518245921, 0.7120864329930467, 0.2953720457855091, 0.007135852371486895])

    def test_whole_numbers_are_sampled_with_both_ends(self):
        rows = self.rows("run", "noise.cpp:kind", "--sample", "lhs:60", "n=-1:4", "x=0:1")
        self.assertEqual(sorted(row["n"] for row in rows), sorted([*range(-1, 5)] * 10))

    def test_sampling_goes_with_a_grid_and_with_seeds(self):
        rows = self.rows("run", "noise.cpp:noise", "--sample", "lhs:5", "alpha=0:1", "--seed", "3", "--repeat", "2")
        self.assertEqual((len(rows), len({row["alpha"] for row in rows}), len({row["seed"] for row in rows})), (10, 5, 10))
        rows = self.rows("run", "noise.cpp:kind", "--sample", "lhs:5", "x=0:1", "n=1,2")
        self.assertEqual((len(rows), len({row["x"] for row in rows})), (10, 5))

    def test_what_cannot_be_sampled(self):
        for words, why in (
                (["--sample", "lhs:5", "x=1", "factor=1"], "--sample wants ranges"),
                (["--sample", "sobol:5", "x=0:1", "factor=1"], "--sample is lhs:N"),
                (["--sample", "lhs:0", "x=0:1", "factor=1"], "--sample is lhs:N"),
                (["--sample", "lhs:5", "x=1:0", "factor=1"], "its range ends before it begins"),
                (["x=0:1", "factor=1"], "is not a double")):
            with self.subTest(words):
                self.assertIn(why, self.refused("run", f"{HOSTILE}:scaled", *words, code=2))
        self.assertIn("only numbers are sampled",
                      self.refused("run", f"{VARIED}:shout", "--sample", "lhs:5", "s=0:1", code=2))
        self.assertIn("from one whole number to another",
                      self.refused("run", f"{HOSTILE}:inc", "--sample", "lhs:5", "x=0:1.5", code=2))

    def test_points_are_repeated_with_seeds_of_their_own(self):
        rows = self.rows("run", "noise.cpp:noise", "alpha=1,2", "--seed", "5", "--repeat", "3")
        self.assertEqual([row["alpha"] for row in rows], [1, 1, 1, 2, 2, 2])
        self.assertEqual(len({row["seed"] for row in rows}), 6)
        self.write("in.csv", "x\n5\n6\n")
        self.assertEqual([row["x"] for row in self.rows("run", f"{HOSTILE}:inc", "--csv", "in.csv", "--repeat", "2")],
                         [5, 5, 6, 6])
        self.assertEqual([row["x"] for row in self.rows("retry", "@last", "--tasks", "1,2")], [5, 6])

    def test_repetitions_with_one_seed_are_remarked(self):
        said = self.run_jobhost("run", "noise.cpp:noise", "alpha=1", "seed=7", "--repeat", "5").err
        self.assertIn("note: all 5 repetitions have the same arguments, seed too; --seed N", said)
        for words in (["alpha=1", "--seed", "7", "--repeat", "5"], ["alpha=1", "seed=7"]):
            self.assertNotIn("repetitions", self.run_jobhost("run", "noise.cpp:noise", *words).err)
        self.assertNotIn("repetitions", self.run_jobhost("run", f"{HOSTILE}:inc", "x=1", "--repeat", "2").err)

    def test_other_names_of_statistics(self):
        for word, meant in (("stderr", "sem"), ("se", "sem"), ("stdev", "std"), ("sd", "std"), ("average", "mean"),
                            ("variance", "var"), ("maen", "mean"), ("median", None), ("entropy", None)):
            with self.subTest(word):
                message = self.refused("run", f"{HOSTILE}:inc", "x=1", "--reduce", f"max,{word}", code=2)
                self.assertEqual(f"did you mean '{meant}'?" in message, meant is not None)
                self.assertEqual("did you mean" in message, meant is not None)
                self.assertIn("there are: sum, mean, var, std, sem (the standard error of the mean), min, max, hist:N", message)

    def test_reductions_by_parameters(self):
        rows = self.rows("run", f"{HOSTILE}:scaled", "x=1..40", "factor=1,2,3", "--reduce", "mean,var,max,hist:2", "--by",
                         "factor")
        self.assertEqual([(row["factor"], row["count"]) for row in rows], [(1, 40), (2, 40), (3, 40)])
        for row in rows:
            values = [x * row["factor"] for x in range(1, 41)]
            self.assertTrue(math.isclose(row["mean"], statistics.fmean(values), rel_tol=1e-15))
            self.assertTrue(math.isclose(row["var"], statistics.variance(values), rel_tol=1e-14))
            self.assertEqual((row["max"], sum(row["hist"]["counts"])), (max(values), 40))
        self.run_jobhost("results", "--reduce", "sum", "--by", "factor,x", "-o", "pairs.csv")
        lines = self.read("pairs.csv").splitlines()
        self.assertEqual((lines[0], lines[1], len(lines)), ("factor,x,column,count,failed,sum", "1,1,result,1,0,1", 121))
        by_x = self.rows("results", "--reduce", "sum", "--by", "x")
        self.assertEqual([(row["x"], row["sum"]) for row in by_x], [(x, 6 * x) for x in range(1, 41)])

    def test_groups_of_texts_and_of_failures(self):
        rows = self.rows("run", f"{HOSTILE}:fussy", "x=12,13", "--repeat", "3", "--reduce", "sum", "--by", "x", code=1)
        self.assertEqual([(row["x"], row["count"], row["failed"], row["sum"]) for row in rows],
                         [(12, 3, 0, 72), (13, 0, 3, 0)])
        self.run_jobhost("run", f"{VARIED}:length", "s:=a,b", "--repeat", "2", "--reduce", "sum", "--by", "s", "-o", "s.csv")
        self.assertEqual(self.read("s.csv").splitlines()[1], '"a,b",result,2,0,6')

    def test_groups_are_the_same_to_the_last_bit_for_any_workers(self):
        answers = {self.run_jobhost("run", f"{HOSTILE}:scaled", "x=0..3000..0.3", "factor=0.1,0.7", "--reduce", "mean,var",
                                    "--by", "factor", "-j", lanes, "--chunk", chunk).out
                   for lanes, chunk in ((1, "auto"), (2, 13), (3, 1000))}
        self.assertEqual(len(answers), 1)

    def test_what_cannot_be_grouped(self):
        self.assertIn("did you mean 'factor'?", self.refused("run", f"{HOSTILE}:scaled", "x=1", "factor=1", "--reduce", "sum",
                                                             "--by", "facto", code=2))
        self.assertIn("there is no --reduce", self.refused("run", f"{HOSTILE}:inc", "x=1", "--by", "x", code=2))


class Gnuplot(JobhostTest):
    def plotted(self, *commands):
        done = subprocess.run(["gnuplot", "-e", "set terminal dumb; " + "; ".join(commands)], cwd=self.folder,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_a_grid_is_blocks_that_splot_draws_as_a_surface(self):
        self.run_jobhost("run", f"{HOSTILE}:scaled", "x=1..3", "factor=10,20", "-o", "out.dat")
        self.assertEqual(self.read("out.dat"), "# task x factor result\n0 1 10 10\n1 1 20 20\n\n2 2 10 20\n3 2 20 40\n\n"
                                               "4 3 10 30\n5 3 20 60\n")
        done = self.plotted("stats 'out.dat' using 4", "splot 'out.dat' using 2:3:4 with lines")
        self.assertRegex(done.stderr + done.stdout, r"Blank: +2")
        self.assertNotIn("warning", done.stderr)

    def test_texts_failures_and_timing(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=12..14", "-o", "out.dat", code=1)
        self.assertEqual(self.read("out.dat").splitlines(),
                         ["# task x result", "0 12 24", "# task 1: exception std::domain_error: unlucky 13 (check at hostile.cpp:31)",
                          "1 13 NaN", "2 14 28"])
        self.run_jobhost("run", f"{VARIED}:shout", 's:=say "no"', "-o", "out.dat")
        self.assertEqual(self.read("out.dat").splitlines()[1], "0 \"say 'no'\" \"say 'no'!\"")

    def test_timing_is_a_column_of_every_format(self):
        for ending in ("csv", "jsonl", "json", "dat", "npy"):
            self.run_jobhost("run", f"{HOSTILE}:sleeps", "x=1", "milliseconds=20", "--timing", "-o", f"out.{ending}")
        head, line = self.read("out.csv").splitlines()
        self.assertEqual(head, "task,x,milliseconds,seconds,result,error")
        seconds = [float(line.split(",")[3]), json.loads(self.read("out.jsonl"))["seconds"],
                   json.loads(self.read("out.json"))[0]["seconds"], float(self.read("out.dat").split()[-2])]
        for value in seconds:
            self.assertGreaterEqual(value, 0.02)
            self.assertLess(value, 10)
        with open(f"{self.folder}/out.npy", "rb") as file:
            self.assertIn(b"('seconds', '<f8')", file.read())
