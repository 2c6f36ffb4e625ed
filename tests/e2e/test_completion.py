"""Completion: what may stand in place of the last word, and three real shells in a terminal that insert it."""
import os
import pathlib
import pty
import select
import shutil
import signal
import time

from jobhost import DECLARED, HOSTILE, JOBHOST, VARIED, JobhostTest

SETUP = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set enable-bracketed-paste off'; source <(jobhost completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "unsetopt beep; autoload -U compinit; compinit -D -u; source <(jobhost completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "jobhost completion fish | source"),
}


class Candidates(JobhostTest):
    def candidates(self, line, *before):
        return self.run_jobhost(*before, "__complete", line).out.split("\n")[:-1]

    def test_commands_and_actions(self):
        self.assertEqual(self.candidates("jobhost re"), ["resume", "retry", "results", "replay", "report"])
        every = self.candidates("jobhost ")
        for command in ("run", "watch", "dashboard", "report", "man", "export", "doctor", "completion"):
            self.assertIn(command, every)
        self.assertFalse({"worker", "__complete"} & set(every))
        self.assertEqual(self.candidates("jobhost --store s -v ver"), ["verify"])
        self.assertEqual(self.candidates("jobhost session "), ["save", "load", "show"])
        self.assertEqual(self.candidates("jobhost man dash"), ["dashboard"])
        self.assertEqual(self.candidates("jobhost doctor "), [])

    def test_options_of_every_command(self):
        self.assertEqual(self.candidates("jobhost run --max"), ["--max-failures"])
        self.assertEqual(self.candidates("jobhost session save --gl"), ["--global"])
        self.assertEqual(self.candidates("jobhost --st"), ["--store"])
        for command in self.candidates("jobhost "):
            with self.subTest(command):
                options = self.candidates(f"jobhost {command} --")
                self.assertLessEqual({"--help", "--store", "--quiet", "--color"}, set(options))
                self.assertEqual(len(options), len(set(options)))

    def test_values_of_options(self):
        for line, expected in {
                "results --format j": ["jsonl", "json"], "results --format=j": ["--format=jsonl", "--format=json"],
                "run --sync ": ["process", "batch", "strict"], "run --order c": ["completion"], "run --color n": ["never"],
                "submit -b ": ["processes", "threads", "slurm", "mpi", "template"], "resume --backend=th": ["--backend=threads"],
                "run --template g": ["gridengine"], "run --reduce mean,v": ["mean,var"], "run --reduce h": ["hist:"],
                "run --sample ": ["lhs:"], "run --chunk ": ["auto"], "completion z": ["zsh"], "run --slurm part": ["partition="],
                "run --mpi hostf": ["hostfile="], "run --env JOBHOST_ST": ["JOBHOST_STORE"], "run -o ": [], "run --name ": []}.items():
            self.assertEqual(self.candidates(f"jobhost {line}"), expected, line)

    def test_kernels_parameters_and_globals_of_plugins(self):
        self.assertEqual(self.candidates(f"jobhost run {HOSTILE}:sc"), [f"{HOSTILE}:scaled"])
        self.assertEqual(self.candidates(f"jobhost submit -j 2 {HOSTILE}:scaled "), ["x=", "factor="])
        self.assertEqual(self.candidates(f"jobhost run {HOSTILE}:scaled x=1..3 fa"), ["factor="])
        self.assertEqual(self.candidates(f"jobhost run {HOSTILE}:scaled --common f"), ["factor="])
        self.assertEqual(self.candidates(f"jobhost run {HOSTILE}:scaled --reduce mean --by x,f"), ["x,factor"])
        self.assertEqual(self.candidates(f"jobhost run {HOSTILE}:scaled --init sca"), ["scaled"])
        self.assertEqual(self.candidates(f"jobhost run {DECLARED}:settings --set al"), ["alpha="])
        self.assertEqual(self.candidates("jobhost run /no/such.so:"), [])
        self.assertIn(f"{VARIED}:geo::flat::area(Point)", self.candidates(f"jobhost run {VARIED}:geo::"))
        self.assertEqual(self.candidates(f"jobhost session save f.session {DECLARED} --set al"), ["alpha="])

    def test_kernels_of_source_files_are_found_without_a_build(self):
        os.environ["XDG_CACHE_HOME"] = os.path.join(self.folder, "cache")
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME"))
        self.write("pi.cpp", "#include <vector>\nint samples = 3;\ndouble estimate(unsigned seed, int n) { return seed + n; }\n"
                             "namespace ns { int other(std::vector<int> values); int other(std::vector<int> v) { return 1; } }\n")
        self.assertEqual(self.candidates("jobhost run pi.cpp:"), ["pi.cpp:estimate", "pi.cpp:ns::other"])
        self.assertEqual(self.candidates("jobhost run pi.cpp:estimate "), ["seed=", "n="])
        self.assertEqual(self.candidates("jobhost run pi.cpp:estimate --set s"), ["samples="])
        self.assertEqual(self.candidates("jobhost build pi.cpp --global s"), ["samples"])
        self.assertEqual(list(pathlib.Path(self.folder, "cache/jobhost").rglob("*.so")), [])
        self.assertEqual(list(pathlib.Path(self.folder, "cache/jobhost/build").glob("work-*")), [])
        self.write("one.cpp", "double only(double angle) { return angle; }\n")
        self.assertEqual(self.candidates("jobhost run one.cpp "), ["angle="])
        self.assertEqual(self.candidates("jobhost run pi.cpp "), [])
        self.write("bad.cpp", "#include <no/such/header>\n")
        self.assertEqual(self.candidates("jobhost run bad.cpp:"), [])

    def test_files_that_hold_kernels(self):
        for name in ("a.so", "b.cpp", "c.txt", ".hidden.so"):
            self.write(name, "")
        os.makedirs(f"{self.folder}/sub")
        self.write("sub/d.cc", "")
        self.assertEqual(sorted(self.candidates("jobhost run ")), ["a.so:", "b.cpp:", "sub/"])
        self.assertEqual(self.candidates("jobhost run sub/"), ["sub/d.cc:"])
        self.assertEqual(self.candidates("jobhost run ./a"), ["./a.so:"])
        self.assertEqual(self.candidates("jobhost kernels "), [])  # the shell's own completion

    def test_jobs(self):
        self.run_jobhost("run", f"{HOSTILE}:scaled", "x=1", "factor=2")
        job, = self.job_folders()
        for command in ("show", "results", "errors", "logs", "report", "watch", "replay", "resume", "retry", "attach", "cancel",
                        "verify", "export", "audit", "rm"):
            self.assertEqual(self.candidates(f"jobhost {command} "), [job, "@last"], command)
        self.assertEqual(self.candidates(f"jobhost rm {job} @"), ["@last"])
        self.assertEqual(self.candidates("jobhost show --json 2"), [job])
        self.assertEqual(self.candidates(f"jobhost show {job} "), [])
        self.assertEqual(self.candidates(f"jobhost results {job} --reduce mean --by "), ["x", "factor"])
        self.assertEqual(self.candidates("jobhost show --store elsewhere 2"), [])


class Shells(JobhostTest):
    """`jobhost` is a script there that says what it was called with."""

    def setUp(self):
        super().setUp()
        for folder in ("bin", "work"):
            os.mkdir(f"{self.folder}/{folder}")
        script = pathlib.Path(self.folder, "bin/jobhost")
        script.write_text(f'#!/bin/sh\ncase $1 in __complete | completion) exec "{JOBHOST}" "$@" ;; esac\n'
                          'printf "GOT<%s>\\n" "$*"\n')
        script.chmod(0o755)
        shutil.copy(HOSTILE, f"{self.folder}/work/hostile.so")
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        self.job, = self.job_folders()

    def typed(self, shell, lines):
        """What jobhost is called with when each of the lines is typed, where \t is the key."""
        command, setup = SETUP[shell]
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(f"{self.folder}/work")
            os.execvpe(command[0], command, {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": self.folder, "TERM": "xterm",
                                             "JOBHOST_STORE": self.store, "LC_ALL": "C.UTF-8"})
        seen = ""

        def read_until(text):
            """What was printed before that."""
            nonlocal seen
            deadline = time.monotonic() + 60
            while text not in seen:
                self.assertLess(time.monotonic(), deadline, f"{shell}: no {text!r} in {seen!r}")
                if select.select([terminal], [], [], 1)[0]:
                    seen += os.read(terminal, 65536).decode(errors="replace")
            before, _, seen = seen.partition(text)
            return before

        answers = []
        try:
            os.write(terminal, f"{setup}; echo rea'd'y\n".encode())
            read_until("ready")
            for line in lines:
                os.write(terminal, line.encode() + b"\r")
                read_until("GOT<")
                answers.append(read_until(">"))
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
        return answers

    def test_keys_that_are_typed(self):
        lines = {"jobhost ver\t": "verify", "jobhost run --max-f\t3": "run --max-failures 3",
                 "jobhost results --format cs\t": "results --format csv", "jobhost results --format=cs\t": "results --format=csv",
                 "jobhost run ./hos\tscal\tfac\t2": "run ./hostile.so:scaled factor=2",
                 f"jobhost show {self.job[:12]}\t--js\t": f"show {self.job} --json",
                 "jobhost session lo\t": "session load", "jobhost kernels hos\t": "kernels hostile.so"}
        for shell in SETUP:
            with self.subTest(shell):
                answers = self.typed(shell, lines)
                self.assertEqual([answer.strip() for answer in answers], list(lines.values()))
