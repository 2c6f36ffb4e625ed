"""Every way to give inputs, on the real binary."""
import json
import os
import struct

from jobhost import HOSTILE, SETTINGS, VARIED, WIDE, JobhostTest


def npy(descriptor, shape, data):
    header = f"{{'descr': {descriptor}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


class Inputs(JobhostTest):
    def pairs(self, *words, **options):
        return [(row["x"], row["factor"]) for row in self.rows("run", f"{HOSTILE}:scaled", *words, **options)]

    def write_bytes(self, name, data):
        with open(f"{self.folder}/{name}", "wb") as file:
            file.write(data)

    def test_points_and_their_place_in_a_grid(self):
        self.assertEqual(self.pairs("--linspace", "x=0:1:3", "factor=1,2"),
                         [(0, 1), (0, 2), (0.5, 1), (0.5, 2), (1, 1), (1, 2)])
        self.assertEqual(self.pairs("factor=1,2", "--linspace", "x=0:1:2"), [(0, 1), (1, 1), (0, 2), (1, 2)])
        self.assertEqual(self.pairs("--logspace=x=1:100:3", "factor=1"), [(1, 1), (10, 1), (100, 1)])
        self.assertIn("FIRST:LAST:COUNT", self.refused("run", f"{HOSTILE}:scaled", "--linspace", "x=0:1", code=2))

    def test_ranges_that_their_type_cannot_hold(self):
        self.write("f.cpp", "double wide(double x) { return x; }\nfloat narrow(float x) { return x; }\n")
        for kernel, words, why in (
                ("wide", ["--linspace", "x=-1e308:1e308:3"], "is wider than a double can be"),
                ("wide", ["x=-1e308..1e308..1e308"], "is wider than a double can be"),
                ("wide", ["--sample", "lhs:4", "x=-1e308:1e308"], "is wider than a double can be"),
                ("wide", ["x=9007199254740992..9007199254740995"], "too small for a double"),
                ("wide", ["x=9007199254740992..9007199254740993"], "too small for a double"),
                ("wide", ["x=1..0"], "write 1..0..-1 to count down"),
                ("wide", ["x=0:1"], "--linspace x=0:1:N"),
                ("narrow", ["x=0..1e39..1e38"], "'1e39' is too large for a float"),
                ("narrow", ["--linspace", "x=0:1e39:3"], "'1e39' is too large for a float"),
                ("narrow", ["--sample", "lhs:4", "x=0:1e39"], "too large for a float")):
            with self.subTest(words):
                self.assertIn(why, self.refused("run", f"f.cpp:{kernel}", *words, code=2))
        self.assertEqual([row["x"] for row in self.rows("run", "f.cpp:wide", "x=9007199254740990..9007199254740992")],
                         [9007199254740990, 9007199254740991, 9007199254740992])
        self.assertEqual(len(self.rows("run", "f.cpp:wide", "--linspace", "x=-8e307:8e307:3")), 3)

    def test_linked_lists(self):
        self.assertEqual(self.pairs(":::", "1", "2", ":::+", "10", "20"), [(1, 10), (2, 20)])
        self.assertIn("one length", self.refused("run", f"{HOSTILE}:scaled", ":::", "1", "2", ":::+", "1", "2", "3",
                                                 code=2))

    def test_rows_separated_by_tabs(self):
        self.write("in.tsv", 'x\tfactor\n1\t2\n3\t"4"\n')
        self.assertEqual(self.pairs("--tsv", "in.tsv"), [(1, 2), (3, 4)])
        self.write("bad.tsv", "x\tfactor\n1\ttwo\n")
        self.assertIn("bad.tsv line 2, column 'factor': 'two' is not a float",
                      self.refused("run", f"{HOSTILE}:scaled", "--tsv", "bad.tsv", code=2))

    def test_arrays_of_numpy(self):
        self.write_bytes("x.npy", npy("'<f8'", "(2,)", struct.pack("<2d", 0.5, 1.5)))
        self.assertEqual(self.pairs("x=@x.npy", "factor=3"), [(0.5, 3), (1.5, 3)])
        self.write_bytes("rows.npy", npy("[('factor', '<i4'), ('x', '<f4')]", "(2,)", struct.pack("<ifif", 7, 0.25, 8, 2)))
        self.assertEqual(self.pairs("--npy", "rows.npy"), [(0.25, 7), (2, 8)])
        self.write_bytes("matrix.npy", npy("'<f8'", "(2, 2)", struct.pack("<4d", 1, 2, 3, 4)))
        self.assertEqual(self.pairs("--npy", "matrix.npy"), [(1, 2), (3, 4)])
        self.assertEqual([row["result"] for row in self.rows("run", f"{VARIED}:mean", "values=@matrix.npy")], [1.5, 3.5])
        self.assertIn("is not a .npy file", self.refused("run", f"{HOSTILE}:scaled", "--npy", "/bin/ls", code=2))

    def test_common_data(self):
        self.write_bytes("big.npy", npy("'<f8'", "(1000,)", struct.pack("<1000d", *range(1000))))
        rows = self.rows("run", f"{VARIED}:mean", "--common", "values=@big.npy")
        self.assertEqual(rows[0]["result"], 499.5)
        self.write("text", "hello")
        self.assertEqual(self.rows("run", f"{VARIED}:shout", "--common", "s=@text")[0]["result"], "hello!")
        self.assertEqual(self.pairs("x=1,2", "--common", "factor=5"), [(1, 5), (2, 5)])
        self.assertIn("the kernel changes it", self.refused("run", f"{SETTINGS}:add_one", "--common", "value=1", code=2))
        self.assertEqual(self.rows("run", f"{SETTINGS}:add_one", "value=1")[0]["result"], 2)

    def test_a_common_table_from_a_text_file_is_in_no_row(self):
        self.write("f.cpp", "#include <array>\n#include <stdexcept>\n#include <vector>\n"
                            "double cell(const std::vector<std::vector<double>>& table, int i) {\n"
                            "  if (i < 0) throw std::domain_error(\"below\");\n  return table.at(i).at(1);\n}\n"
                            "double sum(std::vector<std::array<float, 2>> points) { double s = 0; for (auto p : points) s += p[0]; return s; }\n")
        for text in ("t,v\n0,1.5\n1,2.5\n", "# made by hand\n0;1.5\n1;2.5", " 0   1.5\n\n 1\t2.5 \r\n", "[[0, 1.5], [1, 2.5]]"):
            self.write("t.csv", text)
            self.assertEqual(self.rows("run", "f.cpp:cell", "--common", "table=@t.csv", "i=0..1"),
                             [{"task": 0, "i": 0, "result": 1.5}, {"task": 1, "i": 1, "result": 2.5}])
        self.assertEqual(self.rows("run", "f.cpp:cell", "--common", "table=@t.csv", "i=-1", "--retries", "0", code=1)[0]["i"], -1)
        self.assertIn("table=[[0,1.5],[1,2.5]] i=-1", self.run_jobhost("errors", code=1).out)
        self.write("long.txt", "".join(f"{i} {i / 2}\n" for i in range(2001)))
        process = self.run_jobhost("run", "f.cpp:cell", "--common", "table=@long.txt", "i=-1..9", "-o", "out.csv", code=1)
        self.assertIn("table=(2001 x 2) i=-1", process.err)
        self.assertIn("table=(2001 x 2) i=-1", self.run_jobhost("errors", code=1).out)
        self.assertEqual(self.read("out.csv").splitlines()[:3:2], ["task,i,result,error", "1,0,0,"])
        self.assertEqual(len(json.loads(self.run_jobhost("show", "@last/0", "--json").out)["inputs"]["table"]), 2001)
        # A repetition has it once, too.
        self.assertEqual(self.rows("retry", "--tasks", "0,3", code=1)[1], {"task": 1, "i": 2, "result": 1})
        self.write("points.txt", "x y\n1 2\n3 4\n")
        self.assertEqual(self.rows("run", "f.cpp:sum", "--common", "points=@points.txt")[0]["result"], 4)
        for text, why in (("1,2\n3,x\n", "t.csv line 2: 'x' is not a double"), ("1,2\n3\n", "t.csv line 2: the lines before have 2 cells, this one 1"),
                          ("name\n", "'t.csv' holds no numbers"), ("1,2,3\n", "takes 2 columns")):
            self.write("t.csv", text)
            kernel, name = ("sum", "points") if "takes" in why else ("cell", "table")
            message = self.refused("run", f"f.cpp:{kernel}", "--common", f"{name}=@t.csv", *["i=1"] * (kernel == "cell"), code=2)
            self.assertIn(why, message)
            self.assertIn("as lines of numbers like 1.5,2", message)
        self.write("column.txt", "v\n1\n2\n6\n")
        self.assertEqual(self.rows("run", f"{VARIED}:mean", "--common", "values=@column.txt"), [{"task": 0, "result": 3}])

    def test_rows_never_take_the_place_of_what_was_read(self):
        self.write("sum.cpp", "#include <vector>\ndouble total(std::vector<double> v) { double s = 0; for (double x : v) s += x; return s; }\n"
                              "int twice(int x) { return 2 * x; }\n")
        self.write("in.csv", "x\n1\n2\n")
        os.symlink("in.csv", f"{self.folder}/link.csv")
        os.mkdir(f"{self.folder}/sub")
        for name in ("in.csv", "sub/../in.csv", "link.csv"):
            for read in (["--csv", "in.csv"], ["--tsv", "in.csv"], ["--csv", "link.csv"]):
                with self.subTest(name, read=read):
                    message = self.refused("run", "sum.cpp:twice", *read, "-o", name, code=2)
                    self.assertIn(f"/{name}' is a file that inputs are read from", message)
                    self.assertIn("choose another name with -o", message)
        self.assertEqual(self.read("in.csv"), "x\n1\n2\n")
        self.write("in.jsonl", '{"x": 1}\n')
        self.write("v.csv", "1\n2\n")
        self.write_bytes("x.npy", npy("'<i4'", "(2,)", struct.pack("<2i", 1, 2)))
        for words, output in ((["twice", "--jsonl", "in.jsonl"], "in.jsonl"), (["twice", "--npy", "x.npy"], "x.npy"),
                              (["twice", "x=@x.npy"], "x.npy"), (["total", "--common", "v=@v.csv"], "v.csv")):
            with self.subTest(words):
                self.assertIn("inputs are read from", self.refused("run", f"sum.cpp:{words[0]}", *words[1:], "-o", output, code=2))
        self.run_jobhost("run", "sum.cpp:twice", "--csv", "in.csv", "-o", "out.csv")
        self.run_jobhost("run", "sum.cpp:twice", "--csv", "in.csv", "-o", "out.csv")  # rows of an earlier job

    def test_refusals_say_what_was_meant(self):
        self.write("f.cpp", "#include <vector>\nenum class Scheme { euler, heun };\n"
                            "double step(Scheme s, double dt) { return dt + static_cast<int>(s); }\n"
                            "double ising(double temperature, int L = 16, int sweeps = 100) { return temperature * L * sweeps; }\n"
                            "double look(std::vector<double> table, int i) { return table.at(i); }\n")
        message = self.refused("run", "f.cpp:step", "s=euler", "dt=1", code=2)
        self.assertIn("'euler' is not a Scheme: give the number of its enumerator, for example 0", message)
        self.assertEqual(self.rows("run", "f.cpp:step", "s=1", "dt=1")[0]["result"], 2)
        message = self.refused("run", "f.cpp:ising", "temperature=2,3", "sweeps=10", code=2)
        self.assertIn("its default counts only when no later parameter has a value, as in C++: give it as L=VALUE", message)
        self.assertNotIn("default", self.refused("run", "f.cpp:ising", "L=3", code=2).replace("= 16", ""))
        self.write_bytes("t.npy", npy("'<f8'", "(3,)", struct.pack("<3d", 0, 1, 2.5)))
        message = self.refused("run", "f.cpp:look", "table=@t.npy", "i=1", code=2)
        self.assertIn("as one value for every task: --common table=@t.npy", message)
        self.assertEqual(self.rows("run", "f.cpp:look", "--common", "table=@t.npy", "i=1")[0]["result"], 1)
        self.assertNotIn("--common", self.refused("run", "f.cpp:ising", "temperature=1", "L=@t.npy", code=2))

    def test_separators_and_standard_input_are_called_by_name(self):
        self.write("in.csv", "x;factor\n1;2\n")
        self.assertIn("in.csv line 1: separated by ';'? ',' is expected", self.refused("run", f"{HOSTILE}:scaled", "--csv", "in.csv", code=2))
        self.write("in.csv", "x\tfactor\n1\t2\n")
        self.assertIn("read it with --tsv", self.refused("run", f"{HOSTILE}:scaled", "--csv", "in.csv", code=2))
        self.assertIn("standard input line 2, column 'x'", self.refused("run", f"{HOSTILE}:inc", "--csv", "-", code=2, stdin="x\ny\n"))
        self.assertIn("standard input line 1 is not a JSON object", self.refused("run", f"{HOSTILE}:inc", "--jsonl", "-", code=2, stdin="1\n"))

    def test_a_seed_for_every_task(self):
        run = ["run", f"{SETTINGS}:drawn", "x=1..50"]
        first, again, other = (self.rows(*run, "--seed", seed, "--chunk", chunk, "-j", lanes)
                               for seed, chunk, lanes in ((7, 3, 1), (7, "auto", 2), (8, "auto", 2)))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertEqual(len({row["seed"] for row in first}), 50)
        # Philox4x64-10 with key {7, 0} and counter {0, 0, 0, 0}, by Random123's own program.
        self.assertEqual(first[0]["seed"], self.philox(0, 7))
        self.assertIn("no such integer parameter", self.refused("run", f"{HOSTILE}:inc", "x=1", "--seed", "1", code=2))
        self.assertIn("a whole number", self.refused(*run, "--seed", "x", code=2))

    @staticmethod
    def philox(counter, key):
        """Philox4x64-10, written down from the paper."""
        mask = (1 << 64) - 1
        c, k = [counter, 0, 0, 0], [key, 0]
        for _ in range(10):
            a, b = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
            c = [(b >> 64) ^ c[1] ^ k[0], b & mask, (a >> 64) ^ c[3] ^ k[1], a & mask]
            k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
        return c[0]

    def test_globals_are_set_in_every_worker(self):
        words = ["alpha=0.25", "calls_wanted=7", "table=[5]", "physics::unit=km", 'physics::masses={"earth": 6}',
                 "grid=[7, 8, 9]"]
        sets = [word for value in words for word in ("--set", value)]
        for backend in ("processes", "threads"):
            rows = self.rows("run", f"{SETTINGS}:settings", "x=1..20", "-b", backend, "-j2", *sets)
            numbers = " ".join(f"{number:.6f}" for number in (5, 7, 8, 9))
            self.assertEqual([row["result"] for row in rows], [f"{x} 0.250000 21 {numbers} km 6.000000" for x in range(1, 21)])
        refused = lambda word: self.refused("run", f"{SETTINGS}:settings", "x=1", "--set", word, code=2)
        self.assertIn("did you mean 'alpha'?", refused("alpa=1"))
        self.assertIn("no global variable 'fixed'", refused("fixed=1"))
        self.assertIn("global 'alpha': 'x' is not a double", refused("alpha=x"))
        self.assertIn("wants GLOBAL=VALUE", refused("alpha"))

    def test_a_dry_run_shows_and_leaves_nothing(self):
        out = self.run_jobhost("run", f"{HOSTILE}:scaled", "x=1..1000000000", "factor=2", "--dry-run").out
        self.assertIn("1000000000 tasks on processes", out)
        self.assertIn("task 4: x=5 factor=2", out)
        self.assertIn("worker --job JOB", out)
        self.assertIn("no jobs", self.run_jobhost("ls").err)
        self.refused("run", f"{HOSTILE}:scaled", "x=a", "factor=2", "--dry-run", code=2)
