"""Source files and expressions that run without CMake."""
import math
import os
import shutil
import subprocess

from jobhost import JobhostTest

SQUARE = "// jobhost: -DPOWER=2\n#include <cmath>\n#include \"offset.h\"\ndouble power(double x) { return std::pow(x, POWER) + OFFSET; }\nint main() {}\n"


class Sources(JobhostTest):
    def setUp(self):
        super().setUp()
        self.write("power.cpp", SQUARE)
        self.write("offset.h", "#define OFFSET 0\n")
        os.environ["XDG_CACHE_HOME"] = os.path.join(self.folder, "cache")
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME"))

    def power(self, *words):
        return [row["result"] for row in self.rows("run", "power.cpp:power", "x=1..3", *words)]

    def built(self):
        folder = os.path.join(self.folder, "cache/jobhost/build")
        return sorted(name for path, _, names in os.walk(folder) for name in names if name.endswith(".so"))

    def test_a_source_file_is_built_once_and_again_when_anything_changes(self):
        self.assertEqual(self.power(), [1, 4, 9])
        self.assertNotIn("g++", self.run_jobhost("-v", "run", "power.cpp:power", "x=1").err)  # nothing was compiled
        self.assertEqual(len(self.built()), 1)
        os.utime(os.path.join(self.folder, "power.cpp"))  # touched, but the same
        self.assertEqual(self.power(), [1, 4, 9])
        self.assertEqual(len(self.built()), 1)
        self.write("offset.h", "#define OFFSET 5\n")
        self.assertEqual(self.power(), [6, 9, 14])
        self.assertEqual(self.power("--cxxflags=-UPOWER -DPOWER=1 -DUNUSED='a b'")[0], 6)
        self.assertEqual(len(self.built()), 3)
        self.assertEqual([name for name in os.listdir(os.path.join(self.folder, "cache/jobhost/build")) if "work" in name], [])

    def test_the_only_kernel_of_a_file_needs_no_name(self):
        self.assertEqual([row["result"] for row in self.rows("run", "power.cpp", "x=1..3")], [1, 4, 9])
        self.write("two.cpp", "int half(int x) { return x / 2; }\nint twice(int x) { return 2 * x; }\n")
        err = self.run_jobhost("run", "two.cpp", "x=1", code=2).err
        self.assertIn("'two.cpp' does not say which kernel to run\n  write one of\n    two.cpp:half   int half(int x)", err)
        self.assertIn("two.cpp:twice   int twice(int x)\n  try: jobhost kernels two.cpp", err)

    def test_flags_in_the_file_and_on_the_command_line(self):
        self.write("flags.cpp", "// jobhost: -lgsl -lgslcblas\n#include <gsl/gsl_sf_bessel.h>\n"
                                "double j0(double x) { return gsl_sf_bessel_J0(x); }\n")
        self.assertAlmostEqual(self.rows("run", "flags.cpp:j0", "x=1")[0]["result"], 0.7651976865579666, 12)
        self.write("flags.cpp", "#include <gsl/gsl_sf_bessel.h>\ndouble j0(double x) { return gsl_sf_bessel_J0(x); }\n")
        self.assertIn("does not compile", self.run_jobhost("run", "flags.cpp:j0", "x=1", code=3).err)
        self.assertAlmostEqual(self.rows("run", "flags.cpp:j0", "x=1", "--link", "gsl", "--link", "gslcblas")[0]["result"],
                               0.7651976865579666, 12)

    def test_c_sources(self):
        self.write("cube.c", "#include <math.h>\ndouble cube(double x) { return pow(x, 3); }\nint main(void) { return 0; }\n")
        self.assertEqual([row["result"] for row in self.rows("run", "cube.c:cube", "x=1..3", "--link", "m")], [1, 8, 27])

    def test_mistakes_are_said_in_terms_of_the_file(self):
        self.write("bad.cpp", "int f(int x) { return y; }\n")
        err = self.run_jobhost("run", "bad.cpp:f", "x=1", code=3).err
        self.assertIn("bad.cpp:1:23: error", err)
        self.assertIn("bad.cpp' does not compile", err)
        self.assertIn("no kernel 'pow' in power.cpp", self.refused("run", "power.cpp:pow", "x=1", code=2))
        self.assertIn("there is no file 'none.cpp'", self.refused("run", "none.cpp:f", code=2))
        self.assertEqual(self.built(), ["power.so"])

    def test_expressions(self):
        rows = self.rows("run", "--expr", "sin(x)*exp(-a*x)", "x=0..2..0.5", "a=1,2")
        for row in rows:
            self.assertAlmostEqual(row["result"], math.sin(row["x"]) * math.exp(-row["a"] * row["x"]), 15)
        self.assertEqual(len(rows), 10)
        self.assertEqual(self.rows("run", "--expr", "max(x, 1e-3) + 2*pi", ":::", "0")[0]["result"], 1e-3 + 2 * math.pi)
        self.assertEqual(len(self.rows("run", "--expr", "x+y", "--linspace", "x=0:1:4", "y=1")), 4)
        for bad in ("3", "x; y"):
            self.refused("run", "--expr", bad, "x=1", code=2)
        self.assertIn("there is nothing to run", self.refused("run", code=2))

    def test_new_and_build_make_a_project_that_runs(self):
        self.run_jobhost("new", "wave")
        self.assertEqual(len(self.rows("run", "wave/wave.cpp:wave", "x=0..6", "n=20")), 7)
        self.assertEqual(self.run_jobhost("build", "wave/wave.cpp", "-o", "w.so").out, "w.so\n")
        self.assertEqual(self.rows("run", "./w.so:wave", "x=0", "n=1")[0]["result"], 0)
        self.assertIn("double wave(double x, int n)", self.run_jobhost("kernels", "wave/wave.cpp").out)
        self.assertEqual(len(open(f"{self.folder}/wave/CMakeLists.txt").readlines()), 3)
        self.assertIn("exists already", self.run_jobhost("new", "wave", code=2).err)
        self.assertIn("cannot be the name", self.run_jobhost("new", "a/b", code=2).err)
        self.assertIn("is no C++ or C source", self.run_jobhost("build", "power.txt", code=2).err)

    def test_verbose_says_what_is_built_and_submitted(self):
        err = self.run_jobhost("-v", "run", "power.cpp:power", "x=1").err
        self.assertIn("g++", err)
        self.assertIn("-DPOWER=2", err)
        self.assertRegex(err, r"job \S+ in \S+: 1 task of double power\(double x\)")
        self.assertIn("\033[", self.run_jobhost("--color", "always", "run", "none.cpp:f", code=2).err)
        self.assertRegex(self.run_jobhost("--version").out, r"^jobhost \d+\.\d+\.\d+\n$")

    def test_two_at_once_do_not_disturb_one_another(self):
        processes = [self.start("run", "power.cpp:power", "x=1..3", "-q") for _ in range(4)]
        outputs = [process.communicate(timeout=120)[0] for process in processes]
        self.assertEqual([process.returncode for process in processes], [0] * 4)
        self.assertEqual(len(set(outputs)), 1)
        self.assertEqual(self.built(), ["power.so"])

    def test_what_the_standard_library_throws_happens_in_the_users_line(self):
        self.write("at.cpp", "#include <string>\n#include <vector>\nint a(int x) {\n  std::vector<int> v(3);\n  return v.at(x);\n}\n"
                             "int s(const std::string& text) { return std::stoi(text); }\n")
        for words, where in ((("at.cpp:a", "x=5"), "a at at.cpp:5"), (("at.cpp:s", "text=x"), "s at at.cpp:7")):
            self.assertEqual(self.rows("run", *words, code=1)[0]["error"]["where"], where)

    def compiler(self, text, name="compiler"):
        """A compiler of our own, a shell script, becomes CXX."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.write(name, "#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        os.environ["CXX"] = path
        self.addCleanup(os.environ.pop, "CXX", None)

    def test_an_edit_during_a_build_is_never_missed(self):
        moments = [("k.cpp", option, when) for option in ("-E", "-shared") for when in ("before", "after")]
        for edited, option, when in [*moments, ("k.h", "-shared", "before")]:
            with self.subTest(f"{edited} {when} {option}"):
                self.write("k.cpp", '#include "k.h"\nlong inc(long x) { return x + 1 + MORE; }\n')
                self.write("k.h", "#define MORE 0\n")
                self.compiler(f"""
edit() {{ [ $1 != {when} ] || [ -e edited ] || {{ touch edited; sed -i 's/x + 1/x + 2/; s/MORE 0/MORE 1/' {edited}; }}; }}
case " $* " in *" {option} "*) edit before; g++ "$@" && edit after;; *) g++ "$@";; esac
""")
                for _ in range(2):
                    self.assertEqual(self.rows("run", "k.cpp:inc", "x=1")[0]["result"], 3)
                self.write(edited, self.read(edited).replace("x + 2", "x + 1").replace("MORE 1", "MORE 0"))
                self.assertEqual(self.rows("run", "k.cpp:inc", "x=1")[0]["result"], 2)
                os.remove(os.path.join(self.folder, "edited"))

    def test_a_file_that_never_rests_is_refused(self):
        self.write("k.cpp", "long inc(long x) { return x + 1; }\n")
        self.compiler('case " $* " in *" -shared "*) echo >>k.cpp; exit 1;; *) g++ "$@";; esac\n')
        self.assertRegex(self.run_jobhost("run", "k.cpp:inc", "x=1", code=3).err,
                         "error: 'k.cpp' cannot be built: '.*/k.cpp' changes all the time")

    def test_an_edit_that_leaves_size_and_times_is_seen(self):
        path = os.path.join(self.folder, "offset.h")
        self.assertEqual(self.power(), [1, 4, 9])
        before = os.stat(path)
        with open(path, "r+") as header:  # as two writes within one tick of the file system's clock
            header.write("#define OFFSET 3\n")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertEqual(self.power(), [4, 7, 12])
        os.utime(path, (0, 0))  # long ago: now the stamp is believed
        os.utime(os.path.join(self.folder, "power.cpp"), (0, 0))
        self.assertEqual(self.power(), [4, 7, 12])
        folder = os.path.join(self.folder, "cache/jobhost/build")
        records = [open(os.path.join(folder, name, "inputs")).read() for name in os.listdir(folder)
                   if os.path.exists(os.path.join(folder, name, "inputs"))]
        self.assertNotRegex(records[0], r"(?m)^recent .*(offset\.h|power\.cpp)$")
        self.write("offset.h", "#define OFFSET 4\n")
        self.assertEqual(self.power(), [5, 8, 13])

    def test_inputs_are_followed_wherever_they_are(self):
        os.rename(os.path.join(self.folder, "offset.h"), os.path.join(self.folder, "r$e al.h"))
        os.symlink("r$e al.h", os.path.join(self.folder, "offset.h"))
        self.assertEqual(self.power(), [1, 4, 9])
        self.write("r$e al.h", "#define OFFSET 1\n")
        self.assertEqual(self.power(), [2, 5, 10])
        self.write("power.cpp", SQUARE.replace("offset.h", "r$e al.h"))
        self.assertEqual(self.power(), [2, 5, 10])
        self.write("r$e al.h", "#define OFFSET 2\n")
        self.assertEqual(self.power(), [3, 6, 11])

    def test_a_static_library_is_an_input(self):
        self.write("k.cpp", "long more(long);\nlong inc(long x) { return more(x); }\n")
        for more in (1, 2):
            self.write("more.cpp", f"long more(long x) {{ return x + {more}; }}\n")
            subprocess.run("g++ -fPIC -c more.cpp && ar rcs libmore.a more.o", shell=True, check=True, cwd=self.folder)
            for words in (["--link", "./libmore.a"], ["--link=-L.", "--link=more"]):
                self.assertEqual(self.rows("run", "k.cpp:inc", "x=1", *words)[0]["result"], 1 + more)

    def test_the_compiler_is_an_input(self):
        self.write("who.cpp", "int who(int x) { return x + WHO; }\n")
        for number in (1, 2, 1):
            self.compiler(f'exec g++ -DWHO={number} "$@"\n', f"compiler{number}")
            self.assertEqual(self.rows("run", "who.cpp:who", "x=1")[0]["result"], 1 + number)
        self.compiler('exec g++ -DWHO=30 "$@"\n', "compiler1")  # another one under the same name
        self.assertEqual(self.rows("run", "who.cpp:who", "x=1")[0]["result"], 31)

    def test_a_compiler_that_asks_for_its_name(self):
        self.compiler('case $0 in */g++) exec g++ "$@";; *) exit 9;; esac\n', "several")
        os.symlink("several", os.path.join(self.folder, "g++"))
        os.environ["CXX"] = os.path.join(self.folder, "g++")
        self.assertEqual(self.power(), [1, 4, 9])
        os.environ["CXX"] = shutil.which("true")
        self.assertIn("ended without a complaint, but made nothing of 'power.cpp'", self.refused("run", "power.cpp:power", "x=1", code=3))
