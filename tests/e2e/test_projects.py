"""Projects of users, built from nothing with the installed or the built jobhost."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from jobhost import BUILD, LINK_FLAGS, SOURCE, JobhostTest


class Projects(JobhostTest):
    def cmake(self, *words, ok=True, **options):
        done = subprocess.run(["cmake", *map(str, words)], cwd=self.folder, text=True, capture_output=True, **options)
        if ok:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def project(self, lists, **files):
        self.write("CMakeLists.txt", lists)
        for name, text in files.items():
            self.write(name.replace("_", "."), text)

    PI = "double half(double x) { return x / 2; }\n"
    THREE_LINES = "project(pi CXX)\nfind_package(jobhost REQUIRED)\nadd_job_kernel(pi pi.cpp)\n"

    def check_half(self):
        self.assertEqual(self.rows("run", "b/pi.so:half", "x=3")[0]["result"], 1.5)

    def test_three_lines_find_the_build_tree(self):
        self.project(self.THREE_LINES, pi_cpp=self.PI)
        for found in (f"-DCMAKE_PREFIX_PATH={BUILD}", f"-Djobhost_DIR={BUILD}"):
            shutil.rmtree(os.path.join(self.folder, "b"), ignore_errors=True)
            self.cmake("-B", "b", found)
            self.cmake("--build", "b")
            self.check_half()

    def test_three_lines_find_an_installation_and_the_installed_program_runs(self):
        prefix = os.path.join(self.folder, "prefix")
        self.cmake("--install", BUILD, "--prefix", prefix)
        self.project(self.THREE_LINES, pi_cpp=self.PI)
        self.cmake("-B", "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
        self.cmake("--build", "b")
        out = subprocess.run([os.path.join(prefix, "bin/jobhost"), "run", "b/pi.so:half", "x=3"], cwd=self.folder,
                             env=dict(os.environ, JOBHOST_STORE=self.store), text=True, capture_output=True)
        self.assertEqual(out.stdout, '{"task": 0, "x": 3, "result": 1.5}\n', out.stderr)

    def test_a_program_finds_an_installation(self):
        prefix = os.path.join(self.folder, "prefix")
        self.cmake("--install", BUILD, "--prefix", prefix)
        self.project("project(p CXX)\nfind_package(jobhost REQUIRED)\nadd_job_program(p p.cpp)\n",
                     p_cpp="#include <jobhost/jobhost.hpp>\n#include <cstdio>\n#include <vector>\n"
                           "static int twice(int x) { return 2 * x; }\n"
                           "int main() { for (int y : jobhost::map({.store = \".jobhost\"}, twice, std::vector<int>{1, 2}))\n"
                           "  std::printf(\"%d\\n\", y); }\n")
        self.cmake("-B", "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", env=dict(os.environ, **LINK_FLAGS))
        self.cmake("--build", "b")
        out = subprocess.run(["b/p"], cwd=self.folder, text=True, capture_output=True)
        self.assertEqual(out.stdout, "2\n4\n", out.stderr)
        self.assertEqual(sorted(os.listdir(self.folder)), [".jobhost", "CMakeLists.txt", "b", "p.cpp", "prefix"])
        rows = self.rows("results", "@last", "--store", f"{self.folder}/.jobhost")
        self.assertEqual(rows, [{"task": 0, "arg1": 1, "result": 2}, {"task": 1, "arg1": 2, "result": 4}])

    def test_the_module_of_a_program_says_where_it_comes_from_and_what_it_needs(self):
        def git(*words):
            subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=self.folder, check=True,
                           capture_output=True)
        self.project("project(p CXX)\nfind_package(jobhost REQUIRED)\nadd_job_program(p p.cpp)\n"
                     "target_compile_options(p_module PRIVATE -mssse3)\n",
                     p_cpp="#include <jobhost/jobhost.hpp>\n#include <vector>\nint main() {\n"
                           "  return jobhost::map({.store = \"store\"}, [](int x) { return x; }, std::vector<int>{2}).to_vector()[0] - 2; }\n")
        self.write(".gitignore", "b\nstore\n")
        git("init", "-q")
        git("add", "-A")
        git("commit", "-q", "-m", "one")
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=self.folder, text=True, capture_output=True).stdout.strip()

        def build_and_show():
            self.cmake("--build", "b")
            subprocess.run(["b/p"], cwd=self.folder, check=True)
            return json.loads(self.run_jobhost("show", "--json").out)

        self.cmake("-B", "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={BUILD}", env=dict(os.environ, **LINK_FLAGS))
        shown = build_and_show()
        self.assertEqual((shown["provenance"]["commit"], shown["provenance"]["dirty"]), (commit, False))
        self.assertRegex(shown["provenance"]["compiler"], r"^(g|clang)\+\+ \d")
        manifest = json.loads(pathlib.Path(shown["directory"], "MANIFEST").read_text())
        self.assertEqual(manifest["cpu_features"], ["sse3", "ssse3"])
        self.write("p.cpp", self.read("p.cpp") + "\n")
        self.assertTrue(build_and_show()["provenance"]["dirty"])

        checked = self.run_jobhost("check", "b/p.so")
        self.assertIn("  program    a program's module, ", checked.out)
        self.assertNotIn("kernels", checked.out)
        self.assertIn("is a program's module: only the program maps its functions", self.refused("run", "b/p.so:f", "x=1", code=2))
        module = pathlib.Path(self.folder, "b/p.so")
        whole = module.read_bytes()
        module.write_bytes(whole.replace(b'"ssse3"', b'"quant"'))
        refused = subprocess.run(["b/p"], cwd=self.folder, text=True, capture_output=True)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("was compiled for a processor with quant, which this one lacks", refused.stderr)
        # One of an older jobhost says nothing of itself.
        module.write_bytes(whole)
        subprocess.run(["objcopy", "--remove-section=jobhost_schema", "b/p.so"], cwd=self.folder, check=True)
        subprocess.run(["b/p"], cwd=self.folder, check=True)
        self.assertEqual(json.loads(self.run_jobhost("show", "--json").out)["provenance"]["commit"], "")

    def test_globals_of_a_linked_plugin_travel_with_a_programs_job_and_back(self):
        self.project("project(p CXX)\nfind_package(jobhost REQUIRED)\nadd_job_kernel(pi pi.cpp GLOBALS alpha)\n"
                     "add_job_program(p p.cpp LINK pi)\n",
                     pi_cpp="double alpha = 1;\ndouble f(double x) { return alpha * x; }\n",
                     p_cpp="#include <jobhost/jobhost.hpp>\n#include <vector>\nextern double alpha;\ndouble f(double x);\n"
                           "int main() { alpha = 3; return jobhost::map({.store = \"store\"}, f, std::vector<double>{2}).to_vector()"
                           " == std::vector<double>{6} ? 0 : 1; }\n")
        self.cmake("-B", "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={BUILD}", env=dict(os.environ, **LINK_FLAGS))
        self.cmake("--build", "b")
        subprocess.run(["b/p"], cwd=self.folder, check=True)
        self.assertIn("global      alpha in pi.so = 3\n", self.run_jobhost("show").out)
        self.run_jobhost("session", "save", "s.json", "@last")
        self.assertEqual(self.run_jobhost("session", "show", "s.json").out, "double alpha = 3   (pi.so)\n")
        self.run_jobhost("session", "save", "t.json", "b/pi.so", "--set", "alpha=5")
        self.run_jobhost("session", "load", "s.json", "@last")
        self.assertEqual(self.rows("run", "b/pi.so:f", "x=2", "--session", "s.json")[0]["result"], 6)

    def test_the_sdk_works_by_add_subdirectory(self):
        self.project(f"cmake_minimum_required(VERSION 3.25)\nproject(all CXX C)\nadd_subdirectory({SOURCE} jobhost)\n"
                     "add_job_kernel(pi pi.cpp)\n", pi_cpp=self.PI)
        self.cmake("-B", "b", "-G", "Ninja", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        self.cmake("--build", "b", "--target", "pi", "-j2")
        self.check_half()

    def test_definitions_includes_and_changes_reach_the_scanner(self):
        os.mkdir(os.path.join(self.folder, "inc"))
        self.write("inc/flag.h", "#define EXTRA 1\n")
        self.project(self.THREE_LINES + "target_include_directories(pi PRIVATE inc)\n"
                     "target_compile_definitions(pi PRIVATE WANTED \"QUOTED=\\\"a b\\\"\")\n",
                     pi_cpp='#include "flag.h"\n#ifdef WANTED\ndouble half(double x) { return x / 2; }\n#endif\n'
                            "#if EXTRA == 2\nint more(int x) { return x; }\n#endif\n"
                            "const char* quoted = QUOTED;\n")
        self.cmake("-B", "b", f"-DCMAKE_PREFIX_PATH={BUILD}")
        self.cmake("--build", "b")
        self.check_half()
        self.assertNotIn("more", self.run_jobhost("kernels", "b/pi.so").out)
        self.write("inc/flag.h", "#define EXTRA 2\n")
        self.cmake("--build", "b")
        self.assertIn("int more(int x)", self.run_jobhost("kernels", "b/pi.so").out)

    def test_a_function_that_cannot_travel_is_a_note_and_asked_for_one_error(self):
        source = "#include <cstdio>\nint good(int x) { return x; }\nlong bad(FILE* f) { return ftell(f); }\n"
        self.project(self.THREE_LINES, pi_cpp=source)
        self.cmake("-B", "b", f"-DCMAKE_PREFIX_PATH={BUILD}")
        built = self.cmake("--build", "b").stdout
        self.assertEqual(built.count("'bad' is not a kernel: parameter 'f' of type FILE* cannot travel"), 1, built)
        self.project(self.THREE_LINES.replace("pi.cpp)", "pi.cpp KERNELS bad)"))
        self.cmake("-B", "b")
        failed = self.cmake("--build", "b", ok=False)
        self.assertNotEqual(failed.returncode, 0)
        self.assertEqual((failed.stdout + failed.stderr).count("error:"), 1, failed.stdout + failed.stderr)
        self.assertIn("kernel 'bad': parameter 'f' of type FILE* cannot travel", failed.stdout + failed.stderr)
        self.project(self.THREE_LINES.replace("pi.cpp)", "pi.cpp KERNELS goood)"))
        self.cmake("-B", "b")
        failed = self.cmake("--build", "b", ok=False)
        self.assertIn("no function 'goood' in this file; did you mean 'good'?", failed.stdout + failed.stderr)

    def test_functions_of_types_that_cannot_travel_leave_the_others_alone(self):
        types = {"__int128": "", "unsigned __int128": "", "__float128": "", "std::vector<std::monostate>": "",
                 "std::vector<std::array<double, 0>>": "", "std::array<Empty, 3>": "struct Empty {};",
                 "Node": "struct Node { int v; std::vector<Node> kids; };", "std::map<std::string, Node>": "",
                 "Tree": "struct Tree { int v; std::unique_ptr<Tree> left, right; };",
                 "Derived": "struct Base { int a; }; struct Derived : Base { int b; };",
                 "Choice": "struct Choice { int kind; union { int i; double d; }; };",
                 "Bits": "struct Bits { unsigned a : 3, b : 5; };"}
        self.write("odd.cpp", "".join(f"#include <{name}>\n" for name in ("array", "map", "memory", "string", "variant", "vector"))
                   + "int good(int x) { return x + 1; }\n"
                   + "".join(f"{declared}\nstatic int odd{i}(const {name}&) {{ return 0; }}\n{name} made{i}() {{ return {{}}; }}\n"
                             for i, (name, declared) in enumerate(types.items())))
        listed = self.run_jobhost("kernels", "odd.cpp")
        self.assertEqual(listed.out, "int good(int x)\n")
        for i, name in enumerate(types):
            self.assertIn(f"not a kernel: odd{i}: parameter 'arg1' of type const {name}& cannot travel", listed.err)
            self.assertIn(f"not a kernel: made{i}: its result of type ", listed.err)
        self.assertEqual(self.rows("run", "odd.cpp:good", "x=3")[0]["result"], 4)

    def test_globals_are_declared_by_name_and_a_wrong_one_is_one_error(self):
        source = ("#include <cstdio>\ndouble alpha = 2;\nnamespace ns { static int table[2] = {1, 2}; }\nFILE* log_file = nullptr;\n"
                  "double half(double x) { return x / alpha + 0 * ns::table[0]; }\n")
        self.project(self.THREE_LINES.replace("pi.cpp)", "pi.cpp more.cpp GLOBALS alpha ns::table more)"), pi_cpp=source,
                     more_cpp="long more = 4;\n")
        self.cmake("-B", "b", f"-DCMAKE_PREFIX_PATH={BUILD}")
        self.cmake("--build", "b")
        self.run_jobhost("session", "save", "s.json", "b/pi.so", "--set", "alpha=4")
        self.assertEqual(self.run_jobhost("session", "show", "s.json").out,
                         "double alpha = 4\nstd::array<int, 2> ns::table = [1,2]\nlong more = 4\n")
        self.assertEqual(self.rows("run", "b/pi.so:half", "x=2", "--session", "s.json")[0]["result"], 0.5)
        for name, words in (("alpa", "no global variable 'alpa' that can be set; did you mean 'alpha'?"),
                            ("log_file", "global 'log_file' of type FILE* cannot travel")):
            self.project(self.THREE_LINES.replace("pi.cpp)", f"pi.cpp GLOBALS {name})"))
            self.cmake("-B", "b")
            failed = self.cmake("--build", "b", ok=False)
            self.assertEqual((failed.stdout + failed.stderr).count("error:"), 1, failed.stdout + failed.stderr)
            self.assertIn(words, failed.stdout + failed.stderr)

    def test_libraries_of_the_user_travel_with_the_job(self):
        self.project("project(pi CXX)\nfind_package(jobhost REQUIRED)\nadd_compile_options(-g)\nadd_library(tools SHARED tools.cpp)\n"
                     "add_job_kernel(pi pi.cpp LINK tools)\n",
                     tools_cpp="#include <stdexcept>\nint helper(int x) { if (x == 2) throw std::logic_error(\"two\"); return x + 40; }\n",
                     pi_cpp="int helper(int);\nint own(int x) { return helper(x); }\n")
        self.cmake("-B", "b", f"-DCMAKE_PREFIX_PATH={BUILD}")
        self.cmake("--build", "b")
        job = self.run_jobhost("submit", "b/pi.so:own", "x=1..3").out.strip()
        shutil.rmtree(os.path.join(self.folder, "b"))
        self.wait_until(lambda: "done" in self.run_jobhost("ls").out, "never done")
        rows = self.rows("results", job, code=1)
        self.assertEqual([rows[0]["result"], rows[2]["result"]], [41, 43])
        self.assertRegex(rows[1]["error"]["where"], r"^helper at tools\.cpp:2$")
        self.assertIn("libtools.so", self.run_jobhost("show", job).out)


    def test_several_sources_c_and_the_headers_of_a_library(self):
        self.project("cmake_minimum_required(VERSION 3.25)\nproject(mix C CXX)\nfind_package(jobhost REQUIRED)\n"
                     "find_package(GSL REQUIRED)\n"
                     "add_job_kernel(many a.cpp b.cpp c.c LINK m)\n"
                     "add_job_kernel(bessel HEADERS gsl/gsl_sf_bessel.h KERNELS gsl_sf_bessel_J0 LINK GSL::gsl)\n",
                     a_cpp='#include "common.h"\ndouble area(double r) { return kPi * r * r; }\nstatic int f(int x) { return x; }\n'
                           "int main() { return f(1); }\n",
                     b_cpp="static int f(int x) { return 3 * x; }\nint thrice(int x) { return f(x); }\nint main() {}\n",
                     common_h="constexpr double kPi = 3.0;\n",
                     c_c="#include <stdlib.h>\n#include <math.h>\nstruct point { double x; };\n"
                         "double hypotenuse(double a, double b) { double *p = malloc(8); *p = a * a + b * b; double r = sqrt(*p);"
                         " free(p); return r; }\nstatic int hidden(int x) { return x; }\n"
                         "double norm(struct point p) { return p.x + hidden(1); }\n")
        self.cmake("-B", "b", f"-DCMAKE_PREFIX_PATH={BUILD}")
        self.cmake("--build", "b")
        self.assertEqual(self.rows("run", "b/many.so:area", "r=2")[0]["result"], 12)
        self.assertEqual(self.rows("run", "b/many.so:thrice", "x=2")[0]["result"], 6)
        self.assertEqual(self.rows("run", "b/many.so:hypotenuse", "a=3", "b=4")[0]["result"], 5)
        self.assertAlmostEqual(self.rows("run", "b/bessel.so:gsl_sf_bessel_J0", "x=1")[0]["result"], 0.7651976865579666)


class Examples(JobhostTest):
    def build(self, name):
        shutil.copytree(SOURCE / "examples" / name, os.path.join(self.folder, name))
        folder = os.path.join(self.folder, name)
        subprocess.run(["cmake", "-B", "b", f"-DCMAKE_PREFIX_PATH={BUILD}"], cwd=folder, check=True, capture_output=True)
        subprocess.run(["cmake", "--build", "b"], cwd=folder, check=True, capture_output=True)

    def test_pi(self):
        self.build("01-pi")
        rows = self.rows("run", "01-pi/b/pi.so:estimate_pi", "seed=1..1000", "samples=10000")
        self.assertEqual([row["seed"] for row in rows], list(range(1, 1001)))
        self.assertAlmostEqual(sum(row["result"] for row in rows) / 1000, 3.14159, delta=0.005)

    def test_statistics_of_every_header_of_this_machine(self):
        self.build("02-files")
        headers = sorted(os.path.join(folder, name) for folder, _, names in os.walk("/usr/include") for name in names
                         if name.endswith((".h", ".hpp")))
        self.assertGreater(len(headers), 500)
        self.write("headers.csv", "path\n" + "\n".join(headers + ["/no/such/file.h"]) + "\n")
        rows = self.rows("run", "02-files/b/files.so:text_statistics", "--csv", "headers.csv", code=1)
        self.assertEqual(rows[-1]["error"]["what"], "cannot open /no/such/file.h")
        self.assertEqual([row["path"] for row in rows[:-1]], headers)
        for row in rows[:-1:97]:
            data = pathlib.Path(row["path"]).read_bytes()
            self.assertEqual(row["result"]["bytes"], len(data))
            self.assertEqual(row["result"]["lines"], data.count(b"\n"))
            self.assertEqual(row["result"]["words"], len(data.split()))
            self.assertEqual(row["result"]["longest_line"], max(map(len, data.split(b"\n"))))
