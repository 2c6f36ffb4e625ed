"""What is printed for people is the approved text, with what differs from run to run masked; and its layout on a terminal."""
import json
import os
import pathlib
import pty
import re
import shutil
import socket
import subprocess

from jobhost import HOSTILE, JOBHOST, SOURCE, JobhostTest

APPROVED = pathlib.Path(__file__).with_name("approved_printed.txt")
GOLDEN = SOURCE / "tests/golden/format1"
KERNELS = """#include <cstdio>
#include <stdexcept>
#include <string>

int offset = 3;

/// Adds the offset.
/// Never fails.
int shifted(int x, int y) { return x + y + offset; }

// Halves what can be halved.
double half(int x) {
  std::printf("halving %d\\n", x);
  if (x % 2 != 0) throw std::domain_error(std::to_string(x) + " is odd");
  return x / 2.0;
}

void prints_to(std::FILE* file) { std::fputs("no kernel", file); }
"""


class Printed(JobhostTest):
    maxDiff = None
    golden = {job.name: json.loads((job / "MANIFEST").read_text())["job"] for job in GOLDEN.iterdir() if job.is_dir()}

    def masked(self, text):
        """What differs from run to run. Words of one length stay so: alignment is approved, too."""
        for name, word in ((str(pathlib.Path(JOBHOST).parent.parent), "PREFIX"), (self.folder, "FOLDER"), (socket.gethostname(), "HOST")):
            text = text.replace(name, word)
        text = re.sub(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b", lambda id: id[0] if id[0] in self.golden.values() else "20990101-000000-abcd", text)
        text = re.sub(r"\b[0-9a-f]{40}\b", "0" * 40, text)
        text = re.sub(r"\b(?!2026-11-25|2001)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2099-01-01T00:00:00Z", text)
        text = re.sub(r"\b(\d[\d.e-]*) [mu]?s\b", "N s", text)
        text = re.sub(r"\d+ records of results", "N records of results", text)
        return re.sub(r"g\+\+ [\d.]+|GNU C\+\+\d+ .*", "COMPILER", text)

    def transcript(self, *commands):
        text = ""
        for words in commands:
            process = self.start(*words)
            out, err = process.communicate(timeout=120)
            typed = " ".join(f"'{word}'" if " " in str(word) else str(word) for word in words)
            text += f"$ jobhost {typed}\n{out}{''.join(f'! {line}' for line in err.splitlines(True))}"
            text += f"exit code {process.returncode}\n\n"
        return self.masked(text)

    def test_all_of_it_is_the_approved_text(self):
        os.environ["XDG_CACHE_HOME"] = os.path.join(self.folder, "cache")
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME"))
        self.write("k.cpp", KERNELS)
        text = self.transcript(
            ["ls"], ["build", "k.cpp"], ["kernels", "k.so"], ["check", "k.so"], ["run", "k.so:shifted", "x=1..3", "y=10,20", "--dry-run", "-j2"],
            ["run", "k.so:shifted", "x=1..7", "y=1", "--dry-run", "-b", "threads", "-j2"],
            ["run", "k.so:shifted", "x=1,2", "y=10,-20", "--format", "table", "--name", "two by two", "-j1"],
            ["run", "k.so:half", "x=4..7", "--format", "table", "-j1"], ["errors"], ["show", "@last/1"], ["show", "@last/0"],
            ["logs", "@last/1"], ["verify"], ["results", "--reduce", "count,mean"], ["results", "--reduce", "mean,min", "--format", "table"],
            ["run", "k.so:shifted", "x=1..4", "y=0,1", "--reduce", "mean,max", "--by", "y", "--format", "table", "-j1", "--quiet"],
            ["retry", "@last", "--tasks", "0"], ["audit", "--sample", "1", "--seed", "1", "-j1"],
            ["session", "save", "k.session", "k.so", "--set", "offset=8"], ["session", "show", "k.session"],
            ["submit", "--hold", "k.so:half", "x=1..3"], ["verify"], ["ls"], ["gc", "--dry-run"], ["rm", "@last"])
        shutil.rmtree(self.store)
        for age, (name, job) in enumerate(sorted(self.golden.items())):
            shutil.copytree(GOLDEN / name, f"{self.store}/{job}")
            for path in pathlib.Path(self.store, job).rglob("*"):
                os.utime(path, (1e9 + age, 1e9 + age))
        ids = self.golden
        text += self.transcript(
            ["ls"], ["show", ids["failures"]], ["show", ids["unfinished"], "-v"], ["show", ids["crash"]], ["show", f"{ids['crash']}/0"],
            ["results", ids["recipes"], "--format", "table"], ["results", ids["varying"], "--format", "table", "--timing"],
            ["verify", ids["unfinished"]], ["show", ids["crash"].replace("2026", "2062")], ["show", "@lats"], ["show", f"{ids['fixed']}/3"])
        if os.environ.get("APPROVE"):
            APPROVED.write_text(text)
        self.assertEqual(text, APPROVED.read_text(), "run this test with APPROVE=1 when the change is meant")
        for line in text.splitlines():
            self.assertEqual(line, line.rstrip(" "))

    def on_terminal(self, columns, *words):
        """Lines as a terminal of so many columns gets them."""
        reader, writer = pty.openpty()
        subprocess.run(["stty", "cols", str(columns), "rows", "50"], stdin=writer, check=True)
        process = subprocess.Popen([JOBHOST, *words], cwd=self.folder, stdout=writer, stderr=writer, stdin=subprocess.DEVNULL,
                                   env=dict(os.environ, JOBHOST_STORE=self.store, TERM="xterm"))
        os.close(writer)
        data = b""
        while True:
            try:
                part = os.read(reader, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            data += part
        os.close(reader)
        process.wait()
        return data.decode().replace("\r\n", "\n").splitlines()

    def test_tables_fit_the_terminal_and_are_whole_elsewhere(self):
        label = "a label that is longer than any terminal of this test has columns " * 2
        self.run_jobhost("run", f"{HOSTILE}:text_of", "x=1..3", "-j1", "--name", label)
        wide = self.run_jobhost("ls").out.splitlines()
        self.assertTrue(wide[1].endswith(label.strip()))
        for columns in (100, 130):
            lines = self.on_terminal(columns, "ls")
            self.assertEqual(len(lines), 2)
            self.assertLessEqual(max(map(len, lines)), columns)
            self.assertTrue(lines[1].startswith(wide[1].split()[0]))
            self.assertIn(" a label", lines[1])
            self.assertEqual(lines, [line.rstrip() for line in lines])
        text = "ä" * 200
        self.run_jobhost("run", f"{HOSTILE}:text_of", "x=1..3", "-j1")
        self.write("k.cpp", "#include <string>\nstd::string twice(const std::string& s, int n) { return s + s; }\n")
        self.run_jobhost("run", "k.cpp:twice", f"s:={text}", "n=1,1000", "-j1")
        lines = self.on_terminal(80, "results")
        self.assertEqual([len(line) <= 80 for line in lines], [True] * 3, lines)
        self.assertRegex(lines[1], r"^ +0  ä+ +1  ä+$")
        self.assertRegex(lines[2], r"^ +1  ä+ +1000  ä+$")
        self.assertIn(2 * text, self.run_jobhost("results", "--format", "table").out)

    def test_colours_are_for_terminals_that_want_them(self):
        red = "\033["
        for words, environment, coloured in (([], {}, True), ([], {"NO_COLOR": "1"}, False), (["--color", "never"], {}, False),
                                             (["--color", "always"], {"NO_COLOR": "1"}, True)):
            os.environ.update(environment)
            text = "\n".join(self.on_terminal(80, *words, "show", "nothing"))
            for name in environment:
                os.environ.pop(name)
            self.assertEqual(red in text, coloured, (words, environment))
            self.assertIn("error:", text)
        self.assertNotIn(red, self.refused("show", "nothing", code=2))
        self.assertIn(red, self.run_jobhost("--color", "always", "show", "nothing", code=2).err)
