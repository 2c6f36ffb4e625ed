"""Rows of docs/context.md about plugins side by side, and about kernels that are not alone in their process."""
import json
import os
import subprocess
import unittest

from surroundings import BACKENDS, JobhostTest

FIRST, SECOND, TWINS, COMPANIONS = (os.environ[name] for name in ("FIRST_TWIN", "SECOND_TWIN", "TWINS", "COMPANIONS"))


def twin(number):
    return [f"{x} twin {number}" + f" {number}" * 8 for x in range(4)]


class Isolation(JobhostTest):
    def test_plugins_of_one_store(self):
        for backend in BACKENDS:
            running = [self.start("run", f"{plugin}:{kernel}", "x=0..3", "-b", backend, "-j2")
                       for plugin, kernel in ((FIRST, "first_twin"), (SECOND, "second_twin")) * 2]
            results = [[json.loads(line)["result"] for line in process.communicate()[0].splitlines()] for process in running]
            self.assertEqual(results, [twin(1), twin(2)] * 2)

    def test_plugins_of_one_program(self):
        for backend in BACKENDS:
            done = subprocess.run([TWINS, backend], text=True, capture_output=True, timeout=100)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout.splitlines(), twin(1) + twin(2) + [f"{a} | {b}" for a, b in zip(twin(1), twin(2))])

    def results(self, kernel, *words):
        for backend in BACKENDS:
            with self.subTest(backend):
                yield [row["result"] for row in self.rows("run", f"{COMPANIONS}:{kernel}", *words, "-b", backend, "-j2")]

    def test_kernels_that_use_tbb(self):
        harmonic = {n: sum(1 / i for i in range(1, n + 1)) for n in (10, 1000, 200000)}
        for results in self.results("with_tbb", "n=10,1000,200000"):
            for n, result in zip(harmonic, results):
                self.assertAlmostEqual(result, harmonic[n], 9)

    def test_kernels_that_use_openmp(self):
        for results in self.results("with_openmp", "n=1..200"):
            self.assertEqual(results, [n * (n + 1) / 2 for n in range(1, 201)])
        os.environ["OMP_NUM_THREADS"] = "3"
        try:
            for results in self.results("openmp_threads", "arg1=1"):
                self.assertEqual(results, [3])
        finally:
            del os.environ["OMP_NUM_THREADS"]

    def test_kernels_with_threads(self):
        for results in self.results("with_threads", "n=1..50"):
            self.assertEqual(results, [n * (n - 1) // 2 for n in range(1, 51)])

    def test_kernels_that_print(self):
        for results in self.results("with_iostream", "x=1..3"):
            self.assertEqual(results, ["1.000", "2.000", "3.000"])

    def test_kernels_with_thread_local_variables(self):
        for results in self.results("with_thread_local", "x=1..500"):
            self.assertEqual(results, list(range(1, 501)))
        for results in self.results("in_other_thread", "x=1..20"):
            self.assertEqual(results, [7] * 20)


if __name__ == "__main__":
    unittest.main()
