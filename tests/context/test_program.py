"""Rows of docs/context.md that only a program of the C++ API can show: it makes its own surroundings."""
import os
import subprocess
import unittest

from surroundings import BACKENDS, JobhostTest

PROGRAM = os.environ["SURROUNDED"]


class Program(JobhostTest):
    def told(self, aspect):
        for backend in BACKENDS:
            with self.subTest(backend):
                done = subprocess.run([PROGRAM, aspect, backend], text=True, capture_output=True, cwd=self.folder, timeout=100)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                yield done.stdout.splitlines(), backend

    def same_in_tasks(self, aspect, expected):
        for lines, _ in self.told(aspect):
            self.assertIn(expected, lines[0])
            self.assertEqual(lines, lines[:1] * 5)

    def test_rounding(self):
        self.same_in_tasks("rounding", "0x1.5555555555556p-2 ")

    def test_denormals(self):
        self.same_in_tasks("denormals", "0x1.5555555555555p-2 0x0p+0 ")

    def test_traps(self):
        for lines, _ in self.told("traps"):
            self.assertEqual(lines[:5], lines[:1] * 5)
            self.assertEqual([lines[5], lines[7]], ["fine", "fine"])
            self.assertIn("SIGFPE", lines[6])

    def test_x87(self):
        self.same_in_tasks("x87", "x87 precision 2 rounding 1")

    def test_locale(self):
        self.same_in_tasks("locale", "C.UTF-8 ")

    def test_cpp_locale(self):
        for lines, _ in self.told("locale"):
            self.assertEqual([line.split()[3] for line in lines], ["C.UTF-8"] * 5)

    def test_working_directory(self):
        self.same_in_tasks("working_directory", "/usr/share")

    def test_arguments(self):
        for lines, backend in self.told("arguments"):
            self.assertEqual(lines, [f"{PROGRAM}|arguments|{backend}"] * 5)

    def test_environment(self):
        self.same_in_tasks("environment", "17")

    def test_secrets(self):
        self.same_in_tasks("secrets", "t0")

    def test_registered_globals(self):
        self.same_in_tasks("globals", "6.5")

    def test_initialiser(self):
        for lines, _ in self.told("initialised"):
            self.assertEqual(lines, ["3"] * 4)

    def test_undeclared_globals(self):
        for lines, _ in self.told("undeclared"):
            self.assertEqual(lines[:4], ["1"] * 4)
            self.assertEqual(len(lines), 5)
            self.assertRegex(lines[4], r"note: tasks changed '.*calls' \(program\.cpp:\d+\): later tasks")

    def test_isolated_globals(self):
        for lines, _ in self.told("isolated"):
            self.assertEqual(lines[:4], ["11"] * 4)


if __name__ == "__main__":
    unittest.main()
