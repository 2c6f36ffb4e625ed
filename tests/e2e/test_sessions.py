"""Globals as part of the calling context: declared, saved, loaded; and where the code came from."""
import json
import os
import subprocess

from jobhost import DECLARED, SETTINGS, JobhostTest

SOURCE = """double alpha = 0.5;
static int n = 3;
const int fixed = 1;
double f(double x) { return alpha * x + n; }
"""


class Sessions(JobhostTest):
    def saved(self, name="s.json"):
        return json.loads(self.read(name))

    def values(self, name="s.json"):
        return {entry["name"]: entry["value"] for entry in self.saved(name)["globals"]}

    def test_the_declared_globals_of_a_plugin_are_saved_as_readable_json(self):
        self.run_jobhost("session", "save", "s.json", DECLARED)
        saved = self.saved()
        self.assertEqual((saved["format"], saved["plugin"]), (1, DECLARED))
        self.assertRegex(saved["build_id"], "^[0-9a-f]{40}$")
        self.assertEqual(saved["globals"], [
            {"name": "alpha", "type": "f64", "value": 0.5, "encoded": "000000000000e03f"},
            {"name": "table", "type": {"vector": "f64"}, "value": [1, 2],
             "encoded": "0200000000000000000000000000f03f0000000000000040"},
            {"name": "physics::unit", "type": "string", "value": "m", "encoded": "01000000000000006d"}])
        self.run_jobhost("session", "save", "s.json", DECLARED, "--set", "alpha=2", "--set", "grid=[4,5,6]")
        self.assertEqual(self.values(), {"alpha": 2, "table": [1, 2], "physics::unit": "m", "grid": [4, 5, 6]})

    def test_all_globals_are_saved_where_none_is_declared(self):
        self.run_jobhost("session", "save", "s.json", SETTINGS)
        self.assertEqual(self.values(), {"alpha": 0.5, "calls_wanted": 1, "table": [1, 2], "physics::unit": "m",
                                         "physics::masses": {}, "grid": [1, 2, 3]})

    def test_tasks_run_with_a_session_and_typed_values_win(self):
        self.run_jobhost("session", "save", "s.json", DECLARED, "--set", "alpha=2", "--set", "table=[9]")
        run = ["run", f"{DECLARED}:settings", "x=1", "--session", "s.json"]
        for backend in ("processes", "threads"):
            text = self.rows(*run, "-b", backend, "-j2")[0]["result"]
            self.assertTrue(text.startswith("1 2.000000 3 9.000000 1.000000"), text)
        self.assertTrue(self.rows(*run, "--set", "alpha=7")[0]["result"].startswith("1 7.000000 3 9.000000"))
        self.run_jobhost("session", "save", "again.json", "@last")
        self.assertEqual(self.values("again.json"), {"alpha": 7, "table": [9], "physics::unit": "m"})
        loaded = self.run_jobhost("session", "load", "s.json", "@last").out
        self.assertEqual(loaded, "double alpha = 2\nstd::vector<double> table = [9]\nstd::string physics::unit = \"m\"\n")

    def test_a_job_is_saved_with_the_values_it_ran_with(self):
        self.run_jobhost("run", f"{SETTINGS}:settings", "x=1", "--set", 'physics::masses={"earth":6}')
        self.run_jobhost("session", "save", "s.json", "@last")
        self.assertEqual(self.values()["physics::masses"], {"earth": 6})
        self.assertEqual(self.values()["alpha"], 0.5)

    def test_a_session_is_shown_without_running_anything(self):
        self.run_jobhost("session", "save", "s.json", DECLARED)
        document = self.saved()
        document["plugin"] = "/nowhere.so"
        self.write("s.json", json.dumps(document))
        self.assertEqual(self.run_jobhost("session", "show", "s.json").out,
                         "double alpha = 0.5\nstd::vector<double> table = [1,2]\nstd::string physics::unit = \"m\"\n")
        shown = json.loads(self.run_jobhost("session", "show", "s.json", "--json").out)
        self.assertEqual((shown["plugin"], shown["globals"][0]), ("/nowhere.so", {"name": "alpha", "type": "double", "value": 0.5}))

    def test_a_session_that_does_not_fit_is_one_sentence(self):
        self.run_jobhost("session", "save", "s.json", SETTINGS)
        self.write("a.cpp", SOURCE)
        error = self.refused("session", "load", "s.json", "a.cpp", code=2)
        self.assertIn("has no global variable 'calls_wanted' that can be set", error)
        self.assertIn("'a.cpp' has no global variable 'calls_wanted'",
                      self.refused("run", "a.cpp:f", "x=1", "--session", "s.json", code=2))
        self.run_jobhost("session", "save", "a.json", "a.cpp", "--global", "alpha")
        self.assertEqual(self.values("a.json"), {"alpha": 0.5})
        self.write("b.cpp", SOURCE.replace("double alpha", "float alpha"))
        self.assertIn("'alpha' is of type double there and float in", self.refused("session", "load", "a.json", "b.cpp", code=2))

    def test_damaged_and_foreign_files_are_refused(self):
        self.run_jobhost("session", "save", "s.json", DECLARED)
        good = self.read("s.json")
        for bad, code, words in ((good[:100], 5, "damaged"), (good.replace("e03f", "e03"), 5, "damaged"),
                                 (good.replace('"value": 0.5', '"value": 0.6'), 5, "'alpha' is 0.6, but encoded is 0.5"),
                                 (good.replace('"encoded"', '"coded"'), 5, "damaged"),
                                 (good.replace('"format": 1', '"format": 2'), 2, "format 2"),
                                 (good.replace('"f64"', '"f65"'), 5, "damaged"),
                                 ("alpha = 3\n", 2, "is no saved session"), ("[1]", 2, "is no saved session"), ("", 2, "no saved")):
            self.write("s.json", bad)
            for command in (["session", "show", "s.json"], ["session", "load", "s.json", DECLARED],
                            ["run", f"{DECLARED}:settings", "x=1", "--session", "s.json"]):
                self.assertIn(words, self.refused(*command, code=code))
        self.assertIn("there is no file", self.refused("session", "show", "none.json", code=2))
        self.refused("session", "save", "t.json", DECLARED, "--set", "alfa=2", code=2)
        self.refused("session", "save", "t.json", "no-such-job", code=2)
        self.assertNotIn("t.json", os.listdir(self.folder))

    def test_code_that_ends_its_process_does_not_end_jobhost(self):
        self.write("c.cpp", "#include <cstdlib>\n#include <cstdio>\nint n = 1;\nint f(int x) { return x; }\n"
                            "static const int ends = (std::puts(\"noise\"), std::getenv(\"CALM\") ? 0 : (std::abort(), 1));\n")
        self.assertIn("ends the process that loads it: Aborted",
                      self.run_jobhost("session", "save", "s.json", "c.cpp", code=3).err)

    def test_code_that_never_returns_is_interrupted(self):
        """By a signal to jobhost alone, as a service manager sends it."""
        self.write("h.cpp", "#include <unistd.h>\n#include <cstdio>\n"
                            "double a = (std::puts(\"loading\"), std::fflush(stdout), sleep(1000), 1);\nint f(int x) { return x; }\n")
        process = self.start("session", "save", "s.json", "h.cpp")
        self.assertEqual(process.stderr.readline(), "loading\n")
        process.terminate()
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 143)
        self.assertEqual(err, "error: interrupted while the code was loaded\n")
        self.assertFalse(os.path.exists(f"{self.folder}/s.json"))

    def test_values_that_json_has_no_number_for(self):
        self.write("v.cpp", "#include <cmath>\n#include <string>\n#include <vector>\n"
                            "long double large = 1e4000L, small = -1e4000L, third = 1.0L / 3;\n"
                            "std::vector<double> odd = {NAN, -INFINITY, -0.0, 5e-324};\n"
                            "std::string text(\"a\\0\\xff\", 3);\n"
                            "bool f(int) { return large == 1e4000L && small == -1e4000L && third == 1.0L / 3 && odd.size() == 4 && "
                            "std::isnan(odd[0]) && std::signbit(odd[2]) && odd[3] > 0 && text.size() == 3; }\n"
                            "long double g(int x) { return x * large; }\n")
        self.run_jobhost("session", "save", "s.json", "v.cpp")
        shown = {one["name"]: one["value"] for one in json.loads(self.run_jobhost("session", "show", "s.json", "--json").out)["globals"]}
        self.assertEqual((shown["large"], shown["odd"][:2]), ("1e+4000", ["NaN", "-Infinity"]))
        self.assertEqual(self.rows("run", "v.cpp:f", "arg1=1", "--session", "s.json")[0]["result"], True)
        self.rows("run", "v.cpp:g", "x=1", "--set", "large=2e4000")
        self.assertEqual(json.loads(self.run_jobhost("show", "@last/0", "--json").out)["result"], "2e+4000")

    def test_globals_of_a_source_file_are_declared_on_the_command_line(self):
        self.write("a.cpp", SOURCE)
        self.run_jobhost("build", "a.cpp", "--global", "alpha", "--global", "n")
        self.run_jobhost("session", "save", "s.json", "./a.so")
        self.assertEqual(self.values(), {"alpha": 0.5, "n": 3})
        self.run_jobhost("build", "a.cpp", "--global", "n")
        self.run_jobhost("session", "save", "s.json", "./a.so")
        self.assertEqual(self.values(), {"n": 3})
        for name, words in (("alpa", "did you mean 'alpha'?"), ("fixed", "no global variable 'fixed' that can be set")):
            self.assertIn(words, self.run_jobhost("build", "a.cpp", "--global", name, code=3).err)
        self.write("a.cpp", "#include <cstdio>\nFILE* log_file = nullptr;\nint f(int x) { return x; }\n")
        self.assertIn("global 'log_file' of type FILE* cannot travel",
                      self.run_jobhost("build", "a.cpp", "--global", "log_file", code=3).err)


class Provenance(JobhostTest):
    def git(self, *words):
        done = subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false",
                               *words], cwd=self.folder, check=True, text=True, capture_output=True)
        return done.stdout.strip()

    def provenance(self):
        self.run_jobhost("run", "a.cpp:f", "x=1")
        shown = json.loads(self.run_jobhost("show", "--json").out)
        found = json.loads(open(shown["directory"] + "/MANIFEST").read())["provenance"]
        self.assertEqual(shown["provenance"], found)
        self.assertRegex(found["compiler"], r"^(g|clang)\+\+ \d+")
        return found["commit"], found["dirty"]

    def test_the_commit_that_code_was_built_from_travels_with_the_job(self):
        self.write("a.cpp", SOURCE)
        self.write("b.txt", "1\n")
        self.assertEqual(self.provenance(), ("", False))
        self.git("init", "-q")
        self.write("a.cpp", SOURCE + "// changed\n")
        self.assertEqual(self.provenance(), ("", False))  # nothing is committed yet
        self.git("add", "b.txt")
        self.git("commit", "-qm", "b")
        first = self.git("rev-parse", "HEAD")
        self.write("a.cpp", SOURCE + "// not tracked\n")
        self.assertEqual(self.provenance(), (first, True))
        self.write("a.cpp", SOURCE + "// clean\n")
        self.git("add", "a.cpp")
        self.git("commit", "-qm", "a")
        clean = self.git("rev-parse", "HEAD")
        self.assertEqual(self.provenance(), (clean, False))
        self.write("a.cpp", SOURCE + "// changed again\n")
        self.assertEqual(self.provenance(), (clean, True))
        self.git("commit", "-qam", "again")
        self.assertEqual(self.provenance(), (clean, True))  # it is the same code, and is not built again

    def test_a_git_that_fails_or_is_not_there_is_no_matter(self):
        self.git("init", "-q")
        self.write("a.cpp", SOURCE)
        self.git("add", ".")
        self.git("commit", "-qm", "a")
        os.mkdir(f"{self.folder}/bin")
        self.write("bin/git", "#!/bin/sh\necho noise >&2\nexit 128\n")
        os.chmod(f"{self.folder}/bin/git", 0o755)
        path = os.environ["PATH"]
        try:
            os.environ["PATH"] = f"{self.folder}/bin:{path}"
            self.assertEqual(self.provenance(), ("", False))
            self.assertNotIn("noise", self.run_jobhost("build", "a.cpp").err)
        finally:
            os.environ["PATH"] = path
