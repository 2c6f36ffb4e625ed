"""Every form of output, on the real binary."""
import json
import math
import os
import stat
import statistics
import struct
import subprocess

from jobhost import HOSTILE, VARIED, JobhostTest


class Outputs(JobhostTest):
    def reduced(self, *words, code=0):
        return self.rows("run", *words, code=code)

    def test_files_of_every_kind_hold_the_same_rows(self):
        for ending in ("csv", "jsonl", "json", "npy"):
            self.run_jobhost("run", f"{HOSTILE}:fussy", "x=12..14", "-o", f"out.{ending}", code=1)
        rows = json.loads(self.read("out.json"))
        self.assertEqual(rows, [json.loads(line) for line in self.read("out.jsonl").splitlines()])
        self.assertEqual([row.get("result") for row in rows], [24, None, 28])
        self.assertEqual(self.read("out.csv").splitlines()[1], "0,12,24,")
        with open(f"{self.folder}/out.npy", "rb") as file:
            data = file.read()
        header = data[10:10 + struct.unpack("<H", data[8:10])[0]].decode()
        self.assertEqual((len(header) + 10) % 64, 0)
        self.assertEqual(eval(header), {"descr": [("task", "<u8"), ("x", "<i4"), ("result", "<i4"), ("ok", "|b1")],
                                        "fortran_order": False, "shape": (3,)})
        self.assertEqual(list(struct.iter_unpack("<Qii?", data[10 + len(header):])),
                         [(0, 12, 24, True), (1, 13, 0, False), (2, 14, 28, True)])
        self.assertIn("numbers only", self.refused("run", f"{VARIED}:shout", "s=a", "-o", "s.npy", code=2))
        self.assertIn("goes to a file", self.refused("run", f"{HOSTILE}:inc", "x=1", "--format", "npy", code=2))

    def test_parameters_have_names_of_their_own_in_arrays(self):
        self.write("f.cpp", "int f(int ok, int seconds) { return ok + seconds; }\n")
        self.run_jobhost("run", "f.cpp:f", "ok=1", "seconds=2", "--timing", "-o", "out.npy")
        with open(f"{self.folder}/out.npy", "rb") as file:
            data = file.read()
        header = eval(data[10:10 + struct.unpack("<H", data[8:10])[0]])
        self.assertEqual([name for name, _ in header["descr"]], ["task", "arg.ok", "arg.seconds", "seconds", "result", "ok"])
        self.run_jobhost("results", "-o", "ok.npy", "--columns", "ok")

    def test_tables_have_lists_in_brief_and_other_formats_whole(self):
        self.write("f.cpp", "#include <vector>\nstruct R { std::vector<double> theta; double x; };\n"
                            "R f(std::vector<int> v) { return {std::vector<double>(v.at(0), 0.5), 1.5}; }\n")
        run = ["run", "f.cpp:f", "v:=[1001]"]
        row = self.run_jobhost(*run, "--format", "table").out.splitlines()[1]
        self.assertRegex(row, r"^ *0 +\[1001\] +\(1001 values\) +1\.5$")
        self.assertIn("[0.5,0.5]", self.run_jobhost("run", "f.cpp:f", "v:=[2]", "--format", "table").out)
        self.assertEqual(len(self.rows(*run)[0]["result"]["theta"]), 1001)
        self.assertEqual(self.run_jobhost("results", "--format", "csv").out.count("0.5"), 1001)

    def test_what_an_array_has_no_place_for_is_said(self):
        self.write("f.cpp", "#include <string>\n#include <vector>\n"
                            "struct R { std::vector<double> theta; double x; std::string word; };\n"
                            "R f(int ok, std::string how) { return {{1, 2}, ok + 0.5, how}; }\n"
                            "double g(int x) { return x; }\n")
        note = ("note: a .npy file has only numbers and arrays of fixed size: left out are how, result.theta, result.word; "
                ".h5, .csv and .jsonl hold all")
        self.assertIn(note, self.run_jobhost("run", "f.cpp:f", "ok=1", "how=a", "-o", "out.npy").err)
        self.assertIn(note, self.run_jobhost("results", "-o", "p.npy").err)
        self.assertIn(note, self.run_jobhost("export", "@last", "-o", "e.npy").err)
        for words in (["-o", "p.csv"], ["-o", "x.npy", "--columns", "result.x"], ["-o", "r.csv", "--reduce", "mean"]):
            self.assertNotIn("left out", self.run_jobhost("results", *words).err)
        message = self.run_jobhost("results", "-o", "p.npy", "--columns", "result.theta", code=2).err
        self.assertIn("'result.theta' is a std::vector<double>, and a .npy file has only numbers and arrays of fixed size", message)
        self.assertIn("there is no column 'result.z'", self.run_jobhost("results", "-o", "p.npy", "--columns", "result.z", code=2).err)
        self.assertNotIn("left out", self.run_jobhost("run", "f.cpp:g", "x=1", "-o", "g.npy").err)

    def test_what_is_written_to_a_file_is_said(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=12..14", code=1)
        job = json.loads(self.run_jobhost("show", "--json").out)["job"]
        for ending in ("csv", "jsonl", "npy", "dat"):
            said = self.run_jobhost("results", job, "-o", f"out.{ending}", code=1).err
            self.assertEqual(said, f"wrote {self.folder}/out.{ending}: 3 tasks, 1 of them failed\n")
        self.assertEqual(self.run_jobhost("results", job, "-o", "out.csv", "--quiet", code=1).err, "")
        self.assertEqual(self.run_jobhost("results", job, code=1).err, "")
        self.run_jobhost("retry", job, "--tasks", "0,2")
        self.assertEqual(self.run_jobhost("results", "-o", "out.csv", "--reduce", "sum").err,
                         f"wrote {self.folder}/out.csv: 2 tasks\n")

    def test_what_json_has_no_number_for_is_text_that_every_program_reads(self):
        self.write("f.cpp", "#include <cmath>\n#include <vector>\n"
                            "struct R { double a; std::vector<float> v; };\n"
                            "R f(double x) { return {std::sqrt(x), {1, -1 / 0.f, static_cast<float>(x)}}; }\n")
        self.run_jobhost("run", "f.cpp:f", "x=-1,4,inf", "-o", "out.jsonl")
        self.run_jobhost("results", "-o", "out.json")
        rows = [json.loads(line, parse_constant=self.fail) for line in self.read("out.jsonl").splitlines()]
        self.assertEqual(rows, json.loads(self.read("out.json"), parse_constant=self.fail))
        self.assertEqual([(row["x"], row["result"]["a"], row["result"]["v"]) for row in rows],
                         [(-1, "NaN", [1, "-Infinity", -1]), (4, 2, [1, "-Infinity", 4]),
                          ("Infinity", "Infinity", [1, "-Infinity", "Infinity"])])
        self.assertTrue(math.isnan(float(rows[0]["result"]["a"])) and float(rows[2]["x"]) == math.inf)
        for words in (["-s", ".", "out.jsonl"], [".", "out.json"]):
            done = subprocess.run(["jq", "-c", *words], cwd=self.folder, capture_output=True, text=True, check=True)
            self.assertEqual(json.loads(done.stdout), rows)
        self.write("in.jsonl", "".join(json.dumps({"x": row["x"]}) + "\n" for row in rows))
        again = self.rows("run", "f.cpp:f", "--jsonl", "in.jsonl")
        self.assertEqual([row["result"] for row in again], [row["result"] for row in rows])

    def test_ranges_of_decimals_are_what_is_on_paper(self):
        rows = self.rows("run", f"{HOSTILE}:scaled", "x=1.5..3.5..0.1", "factor=0.1..0.7..0.2")
        self.assertEqual([row["x"] for row in rows[::4]], [tenths / 10 for tenths in range(15, 36)])
        self.assertEqual([row["factor"] for row in rows[:4]], [0.1, 0.3, 0.5, 0.7])
        self.run_jobhost("results", "-o", "out.csv")
        self.assertEqual([line.split(",")[1] for line in self.read("out.csv").splitlines()[57:61]], ["2.9"] * 4)

    def test_reductions_equal_what_python_computes(self):
        row, = self.reduced(f"{HOSTILE}:scaled", "x=0..99..0.5", "factor=3", "--reduce", "sum,mean,var,std,sem,min,max,hist:10")
        values = [3 * 0.5 * i for i in range(199)]
        self.assertEqual((row["count"], row["failed"], row["sum"], row["min"], row["max"]), (199, 0, sum(values), 0, 297))
        self.assertTrue(math.isclose(row["mean"], statistics.fmean(values), rel_tol=1e-15))
        self.assertTrue(math.isclose(row["var"], statistics.variance(values), rel_tol=1e-14))
        self.assertTrue(math.isclose(row["std"], statistics.stdev(values), rel_tol=1e-14))
        self.assertTrue(math.isclose(row["sem"], statistics.stdev(values) / math.sqrt(199), rel_tol=1e-14))
        self.assertEqual(sum(row["hist"]["counts"]), 199)
        self.assertEqual((len(row["hist"]["edges"]), row["hist"]["edges"][0], row["hist"]["edges"][-1]), (11, 0, 297))

    def test_a_reduction_is_the_same_to_the_last_bit_for_any_workers(self):
        answers = {self.run_jobhost("run", f"{HOSTILE}:scaled", "x=0..30000..0.3", "factor=0.1", "--reduce",
                                    "sum,mean,var,hist:7", "-j", lanes, "-b", backend, "--chunk", chunk).out
                   for lanes in (1, 2, 5) for backend, chunk in (("processes", "auto"), ("threads", 13))}
        self.assertEqual(len(answers), 1)

    def test_failed_tasks_are_left_out_and_integers_are_exact(self):
        row, = self.reduced(f"{HOSTILE}:fussy", "x=0..20", "--reduce", "sum,max", code=1)
        self.assertEqual((row["count"], row["failed"], row["sum"], row["max"]), (20, 1, 2 * (210 - 13), 40))
        row, = self.reduced(f"{HOSTILE}:inc", "x=18446744073709551610..18446744073709551614", "--reduce", "sum")
        self.assertEqual(row["sum"], sum(range(18446744073709551611, 18446744073709551616)))
        row, = self.reduced(f"{HOSTILE}:inc", "x=1", "--reduce", "var,std,sem,mean")
        self.assertEqual((row["var"], row["std"], row["sem"], row["mean"]), (None, None, None, 2))

    def test_what_cannot_be_reduced(self):
        for words, why in ((["mean,sum,mean"], "--reduce names 'mean' twice"),
                           (["hist:0"], "'hist:0': a histogram has from 1 to 1000000 bins"),
                           (["hist:1000000000000"], "a histogram has from 1 to 1000000 bins"),
                           (["hist:many"], "'hist:many' does not say how many bins")):
            with self.subTest(words):
                self.assertIn(why, self.refused("run", f"{HOSTILE}:inc", "x=1", "--reduce", *words, code=2))
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        self.assertIn("--by names 'x' twice", self.run_jobhost("results", "--reduce", "sum", "--by", "x,x", code=2).err)

    def test_structs_are_reduced_by_field_in_every_format(self):
        values = {name: 1 for name in "abcdefghijklmnopqr"} | {"point": {"x": 0, "y": 0}, "label": "L"}
        run = ["run", f"{VARIED}:big", f"t={json.dumps(values)}", 'p={"x": 1, "y": 2}', "--reduce", "mean"]
        columns = [row["column"] for row in self.rows(*run)]
        self.assertEqual(columns, [f"result.{name}" for name in "abcdefghijklmnopqr"] + ["result.point.x", "result.point.y"])
        self.assertEqual(self.run_jobhost(*run, "--format", "csv").out.splitlines()[0], "column,count,failed,mean")
        self.assertEqual(len(json.loads(self.run_jobhost(*run, "--format", "json").out)), 20)
        self.assertIn("result.point.x", self.run_jobhost(*run, "--format", "table").out)
        self.run_jobhost(*run, "-o", "r.json")
        self.assertEqual(len(json.loads(self.read("r.json"))), 20)
        self.assertEqual(self.rows("results", "--reduce", "mean"), self.rows(*run))

    def test_what_cannot_be_reduced_is_refused(self):
        run = ["run", f"{HOSTILE}:inc", "x=1"]
        self.assertIn("did you mean 'mean'?", self.refused(*run, "--reduce", "meen", code=2))
        self.assertIn("hist:20", self.refused(*run, "--reduce", "hist", code=2))
        self.assertIn("--reduce needs numbers", self.refused("run", f"{VARIED}:shout", "s=a", "--reduce", "sum", code=2))

    def test_order_of_completion_yields_every_row_once(self):
        rows = self.rows("run", f"{HOSTILE}:sleeps", "x=1..60", "milliseconds=2", "--order", "completion", "-j2")
        self.assertEqual(sorted(row["task"] for row in rows), list(range(60)))

    def test_a_job_in_the_background_prints_its_id(self):
        job = self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..3", "--detach").out.strip()
        self.assertEqual([row["result"] for row in self.rows("attach", job)], [2, 3, 4])
        self.wait_until(lambda: "done" in self.run_jobhost("ls").out, "never done")
        self.refused("run", f"{HOSTILE}:inc", "x=1", "--detach", "--fail-fast", code=2)

    ROWS = "task,x,result,error\n0,1,2,\n1,2,3,\n"

    def path(self, name):
        return os.path.join(self.folder, name)

    def jobs(self):
        return sum(os.path.exists(os.path.join(self.store, job, "MANIFEST")) for job in self.job_folders())

    def test_fifos_and_devices_are_written_to_as_they_are(self):
        run = ["run", f"{HOSTILE}:inc", "x=1,2"]
        os.mkfifo(self.path("pipe.csv"))
        for words in (run, ["results"]):
            reader = subprocess.Popen(["cat", "pipe.csv"], cwd=self.folder, stdout=subprocess.PIPE, text=True)
            self.run_jobhost(*words, "-o", "pipe.csv")
            self.assertEqual(reader.communicate(timeout=60)[0], self.ROWS)
            self.assertTrue(stat.S_ISFIFO(os.stat(self.path("pipe.csv")).st_mode))
        os.symlink("/proc/self/fd/1", self.path("out.csv"))  # as /dev/stdout
        self.assertEqual(self.run_jobhost(*run, "-o", "out.csv").out, self.ROWS)
        with open(self.path("log"), "w") as log:
            for _ in range(2):
                process = self.start(*run, "-o", "out.csv", stdout=log)
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, 0)
        self.assertEqual(self.read("log"), 2 * self.ROWS)
        if os.geteuid() == 0:
            for minor, code in ((3, 0), (7, 4)):
                os.mknod(self.path(f"device{minor}.csv"), stat.S_IFCHR | 0o600, os.makedev(1, minor))
                self.run_jobhost(*run, "-o", f"device{minor}.csv", code=code)
                self.assertTrue(stat.S_ISCHR(os.stat(self.path(f"device{minor}.csv")).st_mode))
        before = self.jobs()
        process = self.start(*run, "-o", "pipe.csv")  # that nobody reads
        self.wait_until(lambda: self.jobs() > before, "no job is made")
        process.terminate()
        self.assertIn("nobody reads", process.communicate(timeout=60)[1])
        self.assertEqual(process.returncode, 143)

    def test_links_are_followed(self):
        os.mkdir(self.path("data"))
        os.symlink("data/first.csv", self.path("link.csv"))
        os.symlink("link.csv", self.path("again.csv"))
        for words in (["run", f"{HOSTILE}:inc", "x=1,2"], ["results"], ["export", "@last"]):
            self.run_jobhost(*words, *(["again.csv"] if words[0] == "export" else ["-o", "again.csv"]))
            self.assertEqual(self.read("data/first.csv"), self.ROWS)
            self.assertEqual([os.readlink(self.path(name)) for name in ("again.csv", "link.csv")], ["link.csv", "data/first.csv"])
            self.assertEqual(os.listdir(self.path("data")), ["first.csv"])
            os.remove(self.path("data/first.csv"))

    def test_what_cannot_be_written_is_refused_before_anything_runs(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1,2")
        self.write("k.cpp", "int inc(int x) { return x + 1; }\n")
        for ending in ("csv", "tar", "so"):
            os.mkdir(self.path(f"folder.{ending}"))
            os.mkfifo(self.path(f"pipe.{ending}"))
        os.mkfifo(self.path("rows.csv.provenance.json"))
        os.symlink("loop.csv", self.path("loop.csv"))
        wrong = [(["run", f"{HOSTILE}:inc", "x=1", "-o"], ["folder.csv", "loop.csv", "x" * 252 + ".csv", "none/a.csv"]),
                 (["run", f"{HOSTILE}:inc", "x=1", "--reduce", "sum", "-o"], ["folder.csv"]), (["results", "-o"], ["folder.csv"]),
                 (["export", "@last"], ["folder.csv", "rows.csv", "x" * 250 + ".csv"]), (["export", "@last/0"], ["folder.tar", "pipe.tar"]),
                 (["build", "k.cpp", "-o"], ["folder.so", "pipe.so"]), (["session", "save"], ["folder.so", "pipe.so"])]
        for words, names in wrong:
            for name in names:
                with self.subTest(words=words, name=name):
                    self.assertRegex(self.refused(*words, name, *([HOSTILE] if words[0] == "session" else []), code=2), "cannot write to|there is no directory")

    def test_names_may_be_as_long_as_the_file_system_allows(self):
        for name in ("x" * 251 + ".csv", "ä" * 125 + ".csv"):
            self.run_jobhost("run", f"{HOSTILE}:inc", "x=1,2", "-o", name)
            self.assertEqual(self.read(name), self.ROWS)
        self.run_jobhost("export", "@last/0", "x" * 251 + ".tar")
        self.run_jobhost("export", "@last", "x" * 235 + ".csv")
