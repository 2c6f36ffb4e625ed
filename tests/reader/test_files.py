"""What is written for analysis opens in what people analyse with."""
import json
import os
import pathlib
import subprocess
import sys

import numpy

SOURCE = pathlib.Path(os.environ["JOBHOST_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/e2e"))
from jobhost import HOSTILE, VARIED, WIDE, JobhostTest  # noqa: E402

WITHOUT = {"pandas": "import sys; sys.modules['pandas'] = None; ", "NumPy": "import sys; sys.modules['numpy'] = "
           "sys.modules['pandas'] = None; ", "": ""}


class Hdf5(JobhostTest):
    def open(self, *words, code=0):
        import xarray
        self.run_jobhost(*words, "-o", "out.h5", code=code)
        with xarray.open_dataset(f"{self.folder}/out.h5", engine="h5netcdf") as data:
            return data.load()

    def test_a_grid_has_labelled_axes(self):
        data = self.open("run", f"{HOSTILE}:scaled", "x=1..3", "--linspace", "factor=0:1:5")
        self.assertEqual(data["result"].dims, ("x", "factor"))
        numpy.testing.assert_array_equal(data["x"], [1, 2, 3])
        numpy.testing.assert_array_equal(data["factor"], numpy.linspace(0, 1, 5, dtype="f4"))
        numpy.testing.assert_array_equal(data["result"], numpy.outer([1, 2, 3], numpy.linspace(0, 1, 5)))
        self.assertEqual(float(data["result"].sel(x=2, factor=0.75)), 1.5)
        self.assertEqual((data["result"].dtype, data["factor"].dtype, data["status"].dtype), ("f8", "f4", "i1"))
        self.assertEqual(int(abs(data["status"]).sum()), 0)
        self.assertTrue(bool((data["seconds"] < 10).all()))
        self.assertEqual(data.attrs["kernel"], "scaled")

    def test_rows_have_a_number_and_their_inputs_beside_them(self):
        data = self.open("run", f"{HOSTILE}:scaled", "--zip", "x=1,2,3", "factor=2,4,8")
        self.assertEqual((data["result"].dims, sorted(data["result"].coords)), (("task",), ["factor", "task", "x"]))
        self.assertEqual(data["result"].values.tolist(), [2, 8, 24])
        data = self.open("run", f"{HOSTILE}:scaled", "x=1,2", "factor=3")
        self.assertEqual((data["result"].dims, float(data["result"].coords["factor"])), (("x",), 3))
        data = self.open("run", f"{HOSTILE}:scaled", "x=4", "factor=3")
        self.assertEqual((data["result"].dims, float(data["result"])), ((), 12))

    def test_structs_texts_and_containers(self):
        data = self.open("run", f"{WIDE}:regrid", 'g={"n":[1,2,3],"tag":"x","m":[[1,2],[3,4]],"name":"nä","v":[9]}')
        self.assertEqual(json.loads(data["result.n"].item()), [3, 2, 3])
        self.assertEqual((data["result.name"].item(), data["result.tag"].item()), ("nä", "x"))
        data = self.open("run", f"{VARIED}:negate_it", "b=true,false")
        self.assertEqual((data["result"].dtype, data["result"].values.tolist()), (bool, [False, True]))
        data = self.open("run", f"{VARIED}:shout", "s=a,bb")
        self.assertEqual((data["s"].values.tolist(), data["result"].values.tolist()), (["a", "bb"], ["a!", "bb!"]))
        data = self.open("run", f"{VARIED}:precise", "x=1,3")
        self.assertEqual(data["result"].values.tolist(), [1 / 3, 1])

    def test_failed_and_missing_tasks_are_no_numbers(self):
        data = self.open("run", f"{HOSTILE}:fussy", "x=12..14", code=1)
        self.assertEqual(str(data["result"].values.tolist()), "[24.0, nan, 28.0]")
        self.assertEqual(data["status"].values.tolist(), [0, 1, 0])
        self.assertEqual(data["error"].values.tolist(), ["", "exception std::domain_error: unlucky 13", ""])
        self.held(f"{HOSTILE}:inc", "x=1,2")
        data = self.open("results")
        self.assertEqual((data["status"].values.tolist(), numpy.isnan(data["result"].values).tolist()),
                         ([-1, -1], [True, True]))

    def test_seeds_and_repetitions(self):
        self.write("f.cpp", "#include <cstdint>\nstd::uint64_t f(int n, std::uint64_t seed) { return seed + n; }\n")
        data = self.open("run", "f.cpp:f", "n=1,2", "--seed", "3", "--repeat", "4")
        self.assertEqual(data["result"].dims, ("n", "repeat"))
        numpy.testing.assert_array_equal(data["result"], data["seed"] + data["n"].astype("u8"))
        self.assertEqual(len(numpy.unique(data["seed"])), 8)

    def test_what_is_refused(self):
        self.assertIn("HDF5 goes to a file only", self.refused("run", f"{HOSTILE}:inc", "x=1", "--format", "h5", code=2))
        self.assertIn("it is no file", self.refused("run", f"{HOSTILE}:inc", "x=1", "--format", "h5", "-o", "/dev/stdout",
                                                    code=2))
        self.assertIn("table, csv, jsonl or json", self.refused("run", f"{HOSTILE}:inc", "x=1", "--reduce", "mean", "-o",
                                                                "m.h5", code=2))


class Loading(JobhostTest):
    def loaded(self, without, expression):
        """What an expression of `data` gives after load.py has loaded it; some packages are as if not there."""
        done = subprocess.run(["/usr/bin/python3", "-c", f"{WITHOUT[without]}import load; data = load.load(); "
                               f"print({expression})"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.strip()

    def test_a_program_that_loads_the_file_is_written_beside_it(self):
        self.write("f.cpp", "#include <stdexcept>\n#include <string>\n#include <vector>\n"
                            "struct R { double a; std::vector<int> v; std::string name; bool odd; };\n"
                            "R f(int n, double x) {\n  if (n == 3) throw std::runtime_error(\"three\");\n"
                            "  return {n / x, {n, n}, \"n,\\\"\" + std::to_string(n), n % 2 == 1};\n}\n")
        self.run_jobhost("run", "f.cpp:f", "n=0..3", "x=0,3", code=1)
        for ending in ("csv", "jsonl", "json"):
            with self.subTest(ending):
                said = self.run_jobhost("export", "@last", f"out.{ending}", "--with-reader", code=1).err
                self.assertIn("and load.py", said)
                self.assertEqual(self.loaded("", "type(data).__name__, len(data), data['n'].tolist()"),
                                 "DataFrame 8 [0, 0, 1, 1, 2, 2, 3, 3]")
                for without in "pandas", "NumPy":
                    rows = self.loaded(without, "[list(data[name])[:6] for name in data]")
                    self.assertIn("[nan, 0.0, inf, 0.3333333333333333, inf, 0.6666666666666666]", rows)
                    self.assertIn("[[0, 0], [0, 0], [1, 1], [1, 1], [2, 2], [2, 2]]", rows)
                    self.assertIn("[False, False, True, True, False, False]", rows)
                    self.assertIn("""['n,"0', 'n,"0', 'n,"1',""", rows)
                    self.assertIn("three", self.loaded(without, "list(data['error'])[7]"))
                self.assertEqual(self.loaded("NumPy", "data['result.v'][7], data['result.a'][7]"), "None nan")

    def test_arrays_and_hdf5(self):
        self.run_jobhost("run", f"{HOSTILE}:scaled", "x=1..3", "factor=2,4")
        self.run_jobhost("export", "@last", "out.npy", "--with-reader")
        self.assertEqual(self.loaded("", "data['result'].tolist()"), "[2.0, 4.0, 4.0, 8.0, 6.0, 12.0]")
        self.run_jobhost("export", "@last", "out.h5", "--with-reader")
        self.assertEqual(self.loaded("", "float(data['result'].sel(x=3, factor=4))"), "12.0")

    def test_no_program_of_somebody_elses_is_replaced(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        self.write("load.py", "print('mine')\n")
        message = self.run_jobhost("export", "@last", "out.csv", "--with-reader", code=2).err
        self.assertIn("is there already, and jobhost did not write it", message)
        self.assertEqual((self.read("load.py"), os.path.exists(f"{self.folder}/out.csv")), ("print('mine')\n", False))
        self.assertIn("does not know how to load", self.run_jobhost("export", "@last", "out.dat", "--with-reader", code=2).err)
