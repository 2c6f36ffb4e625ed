"""What is written for analysis opens in what people analyse with."""
import json
import os
import pathlib
import shutil
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
        found = []
        for engine in ({}, {"engine": "h5netcdf"}, {"engine": "netcdf4"}):
            with xarray.open_dataset(f"{self.folder}/out.h5", **engine) as data:
                found.append(data.load())
        for other in found[1:]:
            self.assertTrue(found[0].equals(other))
            self.assertEqual({name: str(value) for name, value in found[0].attrs.items()}, dict(other.attrs))
        return found[0]

    def test_a_sweep_of_two_parameters(self):
        self.write("f.cpp", "#include <stdexcept>\ndouble f(double alpha, double beta) {\n"
                            "  if (alpha > 0.35 && beta < 1) throw std::domain_error(\"too far\");\n"
                            "  return 100 * alpha + beta;\n}\n")
        data = self.open("run", "f.cpp:f", "alpha=0.1..0.5..0.1", "beta=0..3..0.5", code=1)
        self.assertEqual((dict(data["result"].sizes), sorted(data["result"].coords)),
                         ({"alpha": 5, "beta": 7}, ["alpha", "beta"]))
        self.assertEqual(data["alpha"].values.tolist(), [0.1, 0.2, 0.3, 0.4, 0.5])
        for alpha in (0.1, 0.3, 0.5):
            for beta in (1, 2.5):
                self.assertEqual(float(data["result"].sel(alpha=alpha, beta=beta)), 100 * alpha + beta)
        self.assertEqual(data["result"].isnull().sum(), 4)
        self.assertTrue(numpy.isnan(data["result"].sel(alpha=0.4, beta=0.5)))
        self.assertIn("too far", str(data["error"].sel(alpha=0.4, beta=0.5).values))
        self.assertEqual(float(data["result"].sel(alpha=0.2).mean()), 21.5)
        shown = json.loads(self.run_jobhost("show", "--json").out)
        self.assertEqual({name: data.attrs[name] for name in ("job", "kernel", "signature", "created", "code")},
                         {"job": shown["job"], "kernel": "f", "signature": "double f(double alpha, double beta)",
                          "created": shown["created"], "code": shown["plugin"]["build_id"][:12]})
        version = self.run_jobhost("--version").out.split()
        self.assertIn(data.attrs["jobhost"], version)

    def test_three_parameters_and_rows_of_a_table(self):
        self.write("f.cpp", "#include <string>\nlong f(int a, std::string s, bool b) "
                            "{ return (a + static_cast<long>(s.size())) * (b ? 1 : -1); }\n")
        data = self.open("run", "f.cpp:f", "a=1..5", "s=x,yyy", "b=true,false")
        self.assertEqual(dict(data["result"].sizes), {"a": 5, "s": 2, "b": 2})
        self.assertEqual(int(data["result"].sel(a=4, s="yyy", b=False)), -7)
        self.assertEqual((data["result"].dtype, data["b"].dtype), ("i8", bool))
        self.write("in.csv", "a,s,b\n3,x,true\n4,zz,false\n5,,true\n")
        data = self.open("run", "f.cpp:f", "--csv", "in.csv")
        self.assertEqual((data["result"].dims, sorted(data["result"].coords)), (("task",), ["a", "b", "s", "task"]))
        self.assertEqual((data["result"].values.tolist(), data["s"].values.tolist()), ([4, -6, 5], ["x", "zz", ""]))

    def test_more_tasks_than_are_written_at_once(self):
        for words in (["x=0..69999", "factor=1,2,3"], ["x=1,2,3", "factor=0..69999"],
                      ["--repeat", "70001", "x=1..2", "factor=1"]):
            with self.subTest(words):
                data = self.open("run", f"{HOSTILE}:scaled", *words)
                expected = (data["x"] * data["factor"]).broadcast_like(data["result"]).transpose(*data["result"].dims)
                numpy.testing.assert_array_equal(data["result"], expected)
                self.assertTrue(bool((data["status"] == 0).all() and (data["seconds"] > 0).any()))
        self.write("f.cpp", "#include <stdexcept>\nint f(int n) { return n % 70000 == 7 ? throw 1 : n; }\n")
        data, bad = self.open("run", "f.cpp:f", "n=0..150000", code=1), [7, 70007, 140007]
        self.assertEqual(data["n"][data["status"] != 0].values.tolist(), bad)
        self.assertEqual(data["n"][data["error"] != ""].values.tolist(), bad)
        self.assertEqual(data["n"][data["result"].isnull()].values.tolist(), bad)

    def test_no_digit_of_whole_numbers_is_lost_where_some_are_missing(self):
        import h5py
        import netCDF4
        self.write("f.cpp", "#include <cstdint>\n#include <stdexcept>\n"
                            "struct R { std::int64_t exact; std::uint64_t large; std::int8_t small; std::int8_t every; "
                            "std::uint16_t count; bool odd; };\n"
                            "R f(int n) {\n  if (n == 3) throw std::runtime_error(\"three\");\n"
                            "  return {(1L << 53) - n, ~0ull - 10 * n, static_cast<std::int8_t>(n), "
                            "static_cast<std::int8_t>(n), static_cast<std::uint16_t>(n), n % 2 == 1};\n}\n")
        data = self.open("run", "f.cpp:f", "n=0..300", code=1)
        path, rest = f"{self.folder}/out.h5", [n for n in range(301) if n != 3]
        exact = {"exact": [2 ** 53 - n for n in rest], "large": [2 ** 64 - 1 - 10 * n for n in rest],  # netCDF4 always takes 2^64-2 for missing

                 "every": [(n + 128) % 256 - 128 for n in rest], "count": rest, "odd": [n % 2 for n in rest]}
        with h5py.File(path) as file, netCDF4.Dataset(path) as dataset:
            for name, values in exact.items():
                with self.subTest(name):
                    self.assertEqual(file["result." + name][()][rest].tolist(), values)
                    self.assertEqual(data["result." + name].values[rest].tolist(), values)
                    self.assertEqual(numpy.ma.getdata(dataset["result." + name][:])[rest].tolist(), values)
                    masked = numpy.ma.getmaskarray(dataset["result." + name][:])
                    self.assertEqual(numpy.flatnonzero(masked).tolist(), [] if name == "large" else [3])
                    self.assertIn("status", file["result." + name].attrs["comment"])
            self.assertEqual(file["result.every"].dtype, "i2")  # each number of one byte is one of a result
            self.assertEqual(file["result.large"].dtype, "u8")
        self.assertEqual((data["result.large"].dtype, int(data["status"][3])), ("u8", 1))
        self.assertTrue(numpy.isnan(data["result.exact"][3]))

    def test_where_its_program_is_missing_nothing_runs_and_nothing_is_left(self):
        folder = pathlib.Path(self.folder, "without/libexec/jobhost")
        folder.mkdir(parents=True)
        program = pathlib.Path(os.environ["JOBHOST"])
        (folder.parents[1] / "bin").mkdir()
        shutil.copy(program, folder.parents[1] / "bin/jobhost")
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        before = sorted(os.listdir(self.folder)), self.job_folders()
        for words in (["run", f"{HOSTILE}:inc", "x=1", "-o", "out.h5"], ["results", "-o", "out.h5"],
                      ["export", "@last", "out.h5", "--with-reader"]):
            with self.subTest(words[0]):
                done = subprocess.run([folder.parents[1] / "bin/jobhost", *words], cwd=self.folder, capture_output=True,
                                      text=True, env=dict(os.environ, JOBHOST_STORE=self.store))
                self.assertEqual((done.returncode, done.stdout), (4, ""), done.stderr)
                self.assertIn("error: this jobhost cannot write HDF5", done.stderr)
                self.assertIn("install the package jobhost-hdf5", done.stderr)
                self.assertEqual((sorted(os.listdir(self.folder)), self.job_folders()), before)

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
        self.assertEqual((data["result.n"].dims, data["result.n"].values.tolist()), (("result.n_i",), [3, 2, 3]))
        self.assertEqual((data["result.m"].dims, data["result.m"].values.tolist()),
                         (("result.m_i", "result.m_j"), [[1, 2], [3, 7]]))
        self.assertEqual((data["result.name"].item(), data["result.tag"].item()), ("nä", "x"))
        data = self.open("run", f"{VARIED}:negate_it", "b=true,false")
        self.assertEqual((data["result"].dtype, data["result"].values.tolist()), (bool, [False, True]))
        data = self.open("run", f"{VARIED}:shout", "s=a,bb")
        self.assertEqual((data["s"].values.tolist(), data["result"].values.tolist()), (["a", "bb"], ["a!", "bb!"]))
        data = self.open("run", f"{VARIED}:precise", "x=1,3")
        self.assertEqual(data["result"].values.tolist(), [1 / 3, 1])

    def test_lists_of_numbers_have_dimensions_of_their_own(self):
        self.write("f.cpp", "#include <array>\n#include <stdexcept>\n#include <vector>\n"
                            "struct R { std::vector<double> path; std::array<std::array<short, 3>, 2> grid; "
                            "std::vector<std::vector<float>> rows; std::vector<unsigned char> few; std::vector<bool> odd; };\n"
                            "R f(int n, double x) {\n  if (n == 2 && x == 1) throw std::domain_error(\"none\");\n"
                            "  R r{{}, {{{1, 2, 3}, {4, 5, static_cast<short>(n)}}}, {}, {7}, {n % 2 == 1}};\n"
                            "  for (int i = 0; i < 3; ++i) r.path.push_back(x * n + i);\n"
                            "  r.rows = {{1}, {static_cast<float>(n), 3}};\n  r.few.resize(n, 9);\n  return r;\n}\n")
        data = self.open("run", "f.cpp:f", "n=1..3", "x=1,2", code=1)
        path, nan = data["result.path"], numpy.nan
        self.assertEqual((path.dims, path.dtype), (("n", "x", "result.path_i"), "f8"))
        self.assertEqual(path["result.path_i"].values.tolist(), [0, 1, 2])
        numpy.testing.assert_array_equal(path, [[[1, 2, 3], [2, 3, 4]], [[nan] * 3, [4, 5, 6]], [[3, 4, 5], [6, 7, 8]]])
        numpy.testing.assert_array_equal(data["result.grid"].sel(n=3, x=2), [[1, 2, 3], [4, 5, 3]])
        self.assertTrue(bool(data["result.grid"].sel(n=2, x=1).isnull().all()))
        self.assertEqual(data["result.grid"].dims[2:], ("result.grid_i", "result.grid_j"))
        numpy.testing.assert_array_equal(data["result.rows"].sel(n=3, x=1), [[1, nan], [3, 3]])
        self.assertEqual(data["result.rows"].dtype, "f4")
        numpy.testing.assert_array_equal(data["result.few"].sel(x=2), [[7, nan, nan], [7, 9, nan], [7, 9, 9]])
        self.assertEqual(data["result.odd"].sel(x=2).values.tolist(), [[1], [0], [1]])
        code = data.attrs["code"]
        self.write("g.cpp", self.read("f.cpp").replace("x == 1)", "x == 7)"))
        self.run_jobhost("retry", "--plugin", "g.cpp")
        data = self.open("results", "--merged")
        numpy.testing.assert_array_equal(data["result.path"].sel(n=2, x=1), [2, 3, 4])
        self.assertEqual((data["code"].values == code).tolist(), [[True] * 2, [False, True], [True] * 2])
        self.assertNotIn("code", data.attrs)

    def test_more_lists_than_are_written_at_once(self):
        self.write("f.cpp", "#include <vector>\nstd::vector<double> f(int n, int m) "
                            "{ std::vector<double> v(m);\n  for (int i = 0; i < m; ++i) v[i] = n * 1e6 + i;\n  return v; }\n")
        for n, m in ((7, 70001), (1000, 333)):
            data = self.open("run", "f.cpp:f", f"n=1..{n}", f"m={m}")
            numpy.testing.assert_array_equal(data["result"], numpy.add.outer(numpy.arange(1, n + 1) * 1e6, numpy.arange(m)))

    def test_dimensions_of_lists_have_names_that_nothing_else_has(self):
        self.write("f.cpp", "#include <vector>\nstruct R { std::vector<double> a; double a_i; std::vector<double> a_j; };\n"
                            "R f(int n) { return {{1.0 * n}, 2.0 * n, {3.0 * n, 4}}; }\n"
                            "std::vector<double> g(int result_i) { return {1.0 * result_i, 0}; }\n"
                            "void h(int n, std::vector<double>& a, double& a_i) { a.push_back(n); a_i = n; }\n")
        data = self.open("run", "f.cpp:f", "n=1..3")
        self.assertEqual((data["result.a"].dims, data["result.a_i"].dims), (("n", "result.a_i_"), ("n",)))
        self.assertEqual(data["result.a_j"].values.tolist(), [[3, 4], [6, 4], [9, 4]])
        data = self.open("run", "f.cpp:g", "result_i=5,7")
        self.assertEqual((data["result"].dims, data["result_i"].values.tolist()), (("result_i", "result_i_"), [5, 7]))
        self.open("run", "f.cpp:h", "n=1,2", "a=[1]", "a_i=3")

    def test_texts_are_written_before_they_fill_the_memory(self):
        self.write("f.cpp", "#include <stdexcept>\n#include <string>\nstd::string f(int n) { if (n == 150) throw std::runtime_error("
                            "std::string(100000, 'x'));\n  return std::string(200000 + n, 'a' + n % 26); }\n")
        data = self.open("run", "f.cpp:f", "n=0..199", code=1)
        self.assertEqual([len(text) for text in data["result"].values], [0 if n == 150 else 200000 + n for n in range(200)])
        self.assertEqual([text[-1:] for text in data["result"].values[:30]], [chr(97 + n % 26) for n in range(30)])
        self.assertEqual([bool(text) for text in data["error"].values], [n == 150 for n in range(200)])

    def test_lists_that_stay_text(self):
        self.write("f.cpp", "#include <cstdint>\n#include <string>\n#include <utility>\n#include <vector>\n"
                            "struct R { std::vector<double> sparse; std::vector<std::int64_t> exact; std::vector<std::string> words; "
                            "std::vector<int> none; std::vector<std::pair<int, int>> pairs; };\n"
                            "R f(int n) {\n  return {std::vector<double>(n == 0 ? 100000 : 1, 0.5), "
                            "std::vector<std::int64_t>(n, INT64_MAX), {\"a\", \"b\"}, {}, {{n, n}}};\n}\n")
        data = self.open("run", "f.cpp:f", "n=0..50")
        for name, expected in (("sparse", [0.5]), ("exact", [2 ** 63 - 1] * 3), ("words", ["a", "b"]), ("none", []),
                               ("pairs", [[3, 3]])):
            with self.subTest(name):
                self.assertEqual(data["result." + name].dims, ("n",))
                self.assertEqual(json.loads(data["result." + name].values[3]), expected)

    def test_lists_of_few_tasks_among_many_take_no_room(self):
        self.write("f.cpp", "#include <array>\n#include <stdexcept>\n#include <vector>\n"
                            "struct R { std::vector<double> v; std::array<float, 1000> a; };\n"
                            "R f(int n) { if (n >= 3) throw std::runtime_error(\"no\"); return {std::vector<double>(1000, n), {}}; }\n")
        data = self.open("run", "f.cpp:f", "n=0..9999", code=1)
        self.assertEqual((data["result.v"].dims, data["result.a"].dims), (("n",), ("n",)))
        self.assertEqual(json.loads(data["result.v"].values[2]), [2] * 1000)
        self.assertLess(os.path.getsize(f"{self.folder}/out.h5"), 4 << 20)

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


class Arrays(JobhostTest):
    def load(self, *words, code=0):
        """The array, which is the same when its file is mapped into memory."""
        said = self.run_jobhost(*words, "-o", "out.npy", code=code).err
        array, mapped = (numpy.load(f"{self.folder}/out.npy", mmap_mode=mode) for mode in (None, "r"))
        self.assertEqual((mapped.dtype, mapped.shape, mapped.tobytes()), (array.dtype, array.shape, array.tobytes()))
        return array, said

    def test_one_column_is_a_plain_array(self):
        run = ["run", f"{HOSTILE}:scaled", "x=1..3", "--linspace", "factor=0:1:5"]
        array, _ = self.load(*run, "--columns", "result")
        self.assertEqual((array.dtype, array.shape), ("<f8", (15,)))
        numpy.testing.assert_array_equal(array.reshape(3, 5), numpy.outer([1, 2, 3], numpy.linspace(0, 1, 5)))
        array, _ = self.load("results", "--columns", "factor")
        numpy.testing.assert_array_equal(array, numpy.tile(numpy.linspace(0, 1, 5, dtype="f4"), 3))
        self.assertEqual(array.dtype, "<f4")
        array, _ = self.load("results", "--columns", "x,result")
        self.assertEqual((array.dtype, array.shape), ("<f8", (15, 2)))
        self.assertEqual(array[7].tolist(), [2, 1])
        self.assertEqual(self.load("results", "--columns", "task")[0].tolist(), list(range(15)))
        self.assertGreater(self.load("results", "--columns", "seconds", "--timing")[0].min(), 0)

    def test_arrays_of_fixed_size(self):
        self.write("f.cpp", "#include <array>\nstruct R { std::array<std::array<float, 3>, 2> m; int n; };\n"
                            "R f(int n, std::array<double, 2> v) "
                            "{ return {{{{1.f * n, 2, 3}, {4, 5, static_cast<float>(v[1])}}}, n}; }\n")
        array, _ = self.load("run", "f.cpp:f", "n=1..4", "v=[0.5,1.5]")
        self.assertEqual((array["result.m"].shape, array["v"].shape), ((4, 2, 3), (4, 2)))
        self.assertEqual(array["result.m"][2].tolist(), [[3, 2, 3], [4, 5, 1.5]])
        array, _ = self.load("results", "--columns", "result.m")
        self.assertEqual((array.dtype, array.shape, array[3, 0, 0]), ("<f4", (4, 2, 3), 4))

    def test_a_row_for_every_task_whatever_has_a_result(self):
        self.write("f.cpp", "#include <stdexcept>\nstruct R { int whole; double real; };\n"
                            "R f(int n) { if (n % 4 == 1) throw 1;\n  return {n, n / 2.0}; }\n")
        array, said = self.load("run", "f.cpp:f", "n=0..5", "--columns", "result.real", "--order", "completion", code=1)
        self.assertEqual(str(array.tolist()), "[0.0, nan, 1.0, 1.5, 2.0, nan]")
        self.assertIn("note: 2 tasks have no result: NaN stands there, or 0 where numbers are whole", said)
        self.assertEqual(self.load("results", "--columns", "result.whole", code=1)[0].tolist(), [0, 0, 2, 3, 4, 0])
        self.assertEqual(self.load("results", "--columns", "ok", code=1)[0].tolist(), [True, False, True, True, True, False])
        array, _ = self.load("retry", "--tasks", "1,3", "--columns", "seconds,result.real", "--timing", code=1)
        self.assertEqual((array.shape, array[1, 1], bool(numpy.isnan(array[0, 1])), bool((array[:, 0] > 0).all())),
                         ((2, 2), 1.5, True, True))
        array, _ = self.load("results", "--merged", "--columns", "code", code=1)
        self.assertEqual((array.dtype, array.shape, len(set(array.tolist()))), ("S12", (6,), 1))
        job = self.held(f"{HOSTILE}:scaled", "x=1..2", "factor=1..2")
        for name, values in (("x", [1, 1, 2, 2]), ("result", [numpy.nan] * 4), ("ok", [False] * 4)):
            array, said = self.load("results", job, "--columns", name)
            numpy.testing.assert_array_equal(array, values)
            self.assertIn("4 tasks have no result", said)
        self.run_jobhost("resume", job, "-o", "done.npy")
        self.assertEqual(self.load("results", "--columns", "result")[0].tolist(), [1, 2, 2, 4])

    def test_what_is_refused(self):
        run = ["run", f"{HOSTILE}:scaled", "x=1", "factor=2"]
        said = self.refused(*run, "-o", "out.npy", "--columns", "reslt", code=2)
        self.assertIn("there is no column 'reslt'", said)
        self.assertIn("did you mean 'result'?", said)
        self.assertIn("there are: task, x, factor, result, ok", said)
        self.assertIn("'x' is <f8, 'factor' is <f4", self.refused(*run, "-o", "out.npy", "--columns", "x,factor", code=2))
        self.assertIn("-o FILE.npy --columns x", self.refused(*run, "-o", "out.csv", "--columns", "x", code=2))
        self.assertFalse(os.path.exists(f"{self.folder}/out.npy"))


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

    def test_what_may_be_missing_or_of_several_types_is_loaded_as_it_is(self):
        self.write("f.cpp", "#include <optional>\n#include <string>\n#include <variant>\n#include <vector>\n"
                            "struct R {\n  std::optional<std::string> s;\n  std::optional<double> d;\n"
                            "  std::optional<int> i;\n  std::variant<int, std::string> v;\n"
                            "  std::optional<std::vector<int>> l;\n  std::variant<bool, double> b;\n};\n"
                            "R f(int n) {\n  if (n == 0) return {};\n  R r{\"12\", 0.5, 7, \"x,\\\"y\", {}, 2.5};\n"
                            "  r.l.emplace(n == 1 ? 3 : 100'000, 1);\n"
                            "  if (n == 2) r.s = \"null\", r.v = \"8\";\n  return r;\n}\n")
        self.run_jobhost("run", "f.cpp:f", "n=0..2")
        for ending in ("csv", "jsonl", "json"):
            self.run_jobhost("export", "@last", f"out.{ending}", "--with-reader")
            for without in ("", "pandas", "NumPy"):
                with self.subTest(ending, without=without):
                    loaded = self.loaded(without, "[[d if d == d else None for d in data['result.' + name]] "
                                                  "for name in 'sdivb'], data['result.l'][1], len(data['result.l'][2])")
                    nothing, zero = ("''", "'0'") if ending == "csv" else ("None", "0")
                    self.assertEqual(loaded.replace("7.0", "7"),
                                     f"[[{nothing}, '12', 'null'], [None, 0.5, 0.5], [None, 7, 7], "
                                     f"[{zero}, 'x,\"y', '8'], [False, 2.5, 2.5]] [1, 1, 1] 100000")

    def test_it_works_wherever_both_files_are(self):
        self.run_jobhost("run", f"{HOSTILE}:scaled", "x=1..3", "factor=2,4")
        for ending in ("csv", "jsonl", "json", "npy", "h5"):
            os.mkdir(f"{self.folder}/{ending}")
            self.run_jobhost("export", "@last", f"{ending}/out.{ending}", "--with-reader")
            os.mkdir(f"{self.folder}/moved.{ending}")
            for name in (f"out.{ending}", "load.py"):
                shutil.move(f"{self.folder}/{ending}/{name}", f"{self.folder}/moved.{ending}")
            for flags in (["-I"], ["-I", "-S"]):  # Debian's packages are there, or not
                with self.subTest(ending, flags=flags):
                    done = subprocess.run(["/usr/bin/python3", *flags, "load.py"], cwd=f"{self.folder}/moved.{ending}",
                                          capture_output=True, text=True)
                    if "-S" in flags and ending in ("npy", "h5"):
                        self.assertEqual((done.returncode, done.stdout), (1, ""))
                        package = "python3-numpy" if ending == "npy" else "python3-h5py"
                        self.assertRegex(done.stderr, rf"^load.py needs .*apt-get install {package}, or pip .*\n$")
                    else:
                        self.assertEqual((done.returncode, done.stderr), (0, ""))
                        self.assertIn("12", done.stdout)

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
