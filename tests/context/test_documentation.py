"""docs/context.md names a test for every row, and every test here belongs to a row."""
import ast
import pathlib
import re
import unittest

TESTS = pathlib.Path(__file__).parent.parent
ASPECTS = (TESTS.parent / "docs/context.md").read_text().split("## Code\n")[1]
ROWS = [line for line in ASPECTS.splitlines() if line.startswith("| ") and not line.startswith("| what |")]


def tests_in(file):
    """Class.test_name of a file."""
    return {f"{unit.name}.{test.name}" for unit in ast.parse(file.read_text()).body if isinstance(unit, ast.ClassDef)
            for test in unit.body if isinstance(test, ast.FunctionDef) and test.name.startswith("test_")}


class Documentation(unittest.TestCase):
    def test_every_row_names_a_test_and_every_test_has_a_row(self):
        named = set()
        self.assertGreater(len(ROWS), 30)
        for row in ROWS:
            names = re.findall(r"`([\w/]*\w+_test|(?:e2e/)?test_[\w.]+)`", row.split("|")[-2])
            self.assertTrue(names, row)
            named.update(names)
        for name in named:
            if name.endswith("_test"):
                self.assertTrue((TESTS / f"{name}.cpp").exists(), name)
                continue
            file, test = name.rsplit("/", 1)[-1].split(".", 1)
            folder = TESTS / ("e2e" if name.startswith("e2e/") else "context")
            self.assertIn(test, tests_in(folder / f"{file}.py"), name)
        for file in sorted((TESTS / "context").glob("test_*.py")):
            if file.name != "test_documentation.py":
                for test in tests_in(file):
                    self.assertIn(f"{file.stem}.{test}", named)


if __name__ == "__main__":
    unittest.main()
