"""The manual: it is built without a warning, and what it tells readers to type gives what it says.

In a page, a block of code whose first line is a comment with a file's name is that file; the lines of a console after
"$ " are run, and each line that follows must be among what is printed, "..." standing for anything and one job's name
for any."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD, SOURCE, JOBHOST = (os.environ[name] for name in ("JOBHOST_BUILD", "JOBHOST_SOURCE", "JOBHOST"))
DOCS, CORE = pathlib.Path(SOURCE, "docs"), pathlib.Path(SOURCE, "core/src")
JOB_ID = r"\d{8}-\d{6}-[0-9a-f]{4}"


def pattern(line):
    """The regular expression of a line of output."""
    parts = re.split(rf"(\.\.\.|{JOB_ID})", line.rstrip())
    return "".join(".*" if part == "..." else JOB_ID if re.fullmatch(JOB_ID, part) else re.escape(part) for part in parts)


def steps(page):
    """("file", name, text) and ("run", command, lines) in order."""
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield "run", command, output.splitlines()
        elif name := re.match(r"(?://|#) ([\w.]+\.\w+)\n", text):
            yield "file", name[1], text


def sentences(code):
    """(file, sentence) of every base::Error with this exit code that the sources write down, … for what they insert."""
    for path in sorted(CORE.rglob("*.[ch]pp")):
        text = path.read_text()
        for begin in re.finditer(rf"ExitCode::{code},", text):
            sentence = "".join(parts(text[begin.end():]))
            if re.search(r"\w{3}", sentence):
                yield path.relative_to(CORE).as_posix(), sentence


def parts(text):
    """Of the expression at the begin of the text: its literals, and … for anything else."""
    depth, other = 0, False
    for token in re.finditer(r'"((?:[^"\\]|\\.)*)"|[(\[{]|[)\]}]|,|[^\s+]', text):
        if token[1] is not None:
            yield ("…" if other else "") + token[1]
            other = False
            continue
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth < 0 or depth == 0 and token[0] == ",":
            break
        other = True
    if other:
        yield "…"


class Manual(unittest.TestCase):
    def test_it_is_built_without_a_warning(self):
        done = subprocess.run(["sphinx-build", "-W", "--keep-going", "-q", "-b", "html", DOCS, f"{BUILD}/manual"],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("Jobs stay", pathlib.Path(BUILD, "manual/tutorial.html").read_text())

    def test_every_error_is_explained(self):
        page = (DOCS / "errors.md").read_text()
        codes = dict(re.findall(r"^  (k\w+) = (\d+),", (CORE / "base/error.hpp").read_text(), re.MULTILINE))
        explained = dict(re.findall(r"^## (\d+): .*\n((?:(?!## ).*\n)*)", page, re.MULTILINE))
        self.assertEqual(list(codes.values()), list(explained))
        self.assertEqual(re.findall(r"\[(\d+)\]\(#", page), list(codes.values()))
        found = 0
        for name in ("kPluginRefused", "kBackendFailed", "kDamaged", "kOwnedElsewhere"):
            known = [pattern(span.replace("…", "...")) for span in re.findall("`([^`]+)`", explained[codes[name]])]
            for source, sentence in sentences(name):
                with self.subTest(code=codes[name], source=source, sentence=sentence):
                    self.assertTrue(any(re.search(one, sentence) for one in known), "docs/errors.md has no row for it")
                    found += 1
        self.assertGreater(found, 80)
        sources = re.sub(r'"\s*"', "", "".join(path.read_text() for path in CORE.rglob("*.[ch]pp")))
        for row in re.findall(r"^\| (.*?) \| ", "".join(map(explained.get, ("2", "3", "4", "5", "75"))), re.MULTILINE):
            for piece in (piece.strip(" ':,()") for span in re.findall("`([^`]+)`", row) for piece in span.split("…")):
                if " " in piece:
                    self.assertIn(piece, sources, "no error says so any more")

    def follow(self, page):
        name = os.path.relpath(page, SOURCE)
        folder = tempfile.mkdtemp(prefix="jobhost-manual-")
        self.addCleanup(shutil.rmtree, folder)
        environment = {**os.environ, "PATH": f"{os.path.dirname(JOBHOST)}:{os.environ['PATH']}", "CMAKE_PREFIX_PATH": BUILD}
        environment.pop("JOBHOST_STORE", None)
        ran = 0
        for kind, what, text in steps(page.read_text()):
            if kind == "file":
                pathlib.Path(folder, what).write_text(text)
                continue
            done = subprocess.run(what, shell=True, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if text == ["..."]:
                self.assertEqual(done.returncode, 0, f"{name}: $ {what}\n{done.stdout}")
            printed = [line.strip() for line in done.stdout.splitlines()]
            for line in text:
                wanted = pattern(line.strip())
                if wanted not in ("", ".*"):
                    self.assertTrue(any(re.fullmatch(wanted, got) for got in printed),
                                    f"{name}: $ {what}\nwanted: {line}\nprinted:\n{done.stdout}")
            ran += 1
        return ran

    def test_the_tutorial(self):
        self.assertGreaterEqual(self.follow(DOCS / "tutorial.md"), 18)

    def test_readme(self):
        self.assertGreaterEqual(self.follow(pathlib.Path(SOURCE, "README.md")), 4)

    def test_the_guides(self):
        for guide, least in (("for_loop", 6), ("gnu_parallel", 1), ("python", 1), ("debugging", 8), ("reproducing", 5),
                             ("results", 9)):
            with self.subTest(guide=guide):
                self.assertGreaterEqual(self.follow(DOCS / f"guides/{guide}.md"), least)
        self.assertEqual(len(list((DOCS / "guides").iterdir())), 6)


if __name__ == "__main__":
    unittest.main()
