"""Rows of docs/context.md about floating-point arithmetic; what a program sets itself is in test_program.py."""
import json
import os
import pathlib
import subprocess
import unittest

from surroundings import BACKENDS, SurroundedTest

FRESH = """
#include <cstdio>
#include <initializer_list>
double half(double x);
int main() { for (double x : {1e-310, 4e-308, 3.0}) std::printf("%a\\n", half(x)); }
"""


class Arithmetic(SurroundedTest):
    def test_a_task_that_changes_it(self):
        """Its neighbours have the bits of a fresh process, and it is named."""
        expected = [1 / x for x in range(1, 41)]
        for results, said in self.seen("spoil_rounding", "x=1..40"):
            self.assertEqual(results, expected)
            self.assertIn("note: task 6 leaves floating-point arithmetic changed (rounding upward); other tasks do not see that", said)
        for results, said in self.seen("spoil_denormals", "x=1..4000"):
            self.assertEqual(results, [x if x % 2 == 0 else 1e-310 * x for x in range(1, 4001)])
            self.assertRegex(said, r"note: task \d*[13579] leaves floating-point arithmetic changed \(denormals are taken as zero\)")

    def test_code_that_is_linked_with_fast_math(self):
        """Next to code that is not: bits as in a fresh process, and a note that names the file."""
        cache = os.path.join(self.folder, "cache")
        self.submission["XDG_CACHE_HOME"] = self.workers["XDG_CACHE_HOME"] = cache
        for name, flags in (("plain", []), ("fast", ["-ffast-math"])):
            pathlib.Path(self.here, f"{name}.cpp").write_text("double half(double x) { return x * 0.5; }\n")
            pathlib.Path(self.here, "main.cpp").write_text(FRESH)
            words = [f"--cxxflags={flag}" for flag in flags]
            self.call(["build", f"{name}.cpp", *words], cwd=self.here, env=self.submission)
        subprocess.run(["g++", "-O2", "plain.cpp", "main.cpp", "-o", "fresh"], cwd=self.here, check=True)
        bits = [float.fromhex(line) for line in subprocess.run([f"{self.here}/fresh"], text=True, capture_output=True,
                                                               check=True).stdout.split()]
        self.assertEqual(bits[0], 5e-311)
        for name in ("fast", "plain", "fast"):
            for backend in BACKENDS:
                done = self.call(["run", f"./{name}.so:half", "x=1e-310,4e-308,3", "-b", backend, "--format", "jsonl"], cwd=self.here,
                                 env=self.submission)
                self.assertEqual([json.loads(line)["result"] for line in done.stdout.splitlines()], bits)
                note = f"note: loading '{name}.so' changes floating-point arithmetic"
                (self.assertIn if name == "fast" else self.assertNotIn)(note, done.stderr)

    def test_a_library_that_is_linked_with_fast_math(self):
        cache = os.path.join(self.folder, "cache")
        self.submission["XDG_CACHE_HOME"] = cache
        pathlib.Path(self.here, "quick.cpp").write_text("double quick_half(double x) { return x * 0.5; }\n")
        subprocess.run(["g++", "-O2", "-shared", "-fPIC", "-ffast-math", "-Wl,--build-id,-soname,libquick.so", "quick.cpp", "-o",
                        "libquick.so"], cwd=self.here, check=True)
        pathlib.Path(self.here, "own.cpp").write_text("double quick_half(double);\ndouble f(double x) { return quick_half(x); }\n")
        self.call(["build", "own.cpp", f"--cxxflags='-L{self.here}' '-Wl,-rpath,{self.here}'", "--link", "quick"], cwd=self.here,
                  env=self.submission)
        for backend in BACKENDS:
            done = self.call(["run", "./own.so:f", "x=1e-310", "-b", backend, "--format", "jsonl"], cwd=self.here, env=self.submission)
            self.assertEqual(json.loads(done.stdout)["result"], 5e-311)
            self.assertIn("note: loading 'libquick.so' changes floating-point arithmetic", done.stderr)
            self.assertNotIn("own.so", done.stderr)


if __name__ == "__main__":
    unittest.main()
