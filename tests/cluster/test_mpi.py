"""Jobs on the ranks of Open MPI and MPICH."""
import collections
import csv
import json
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from jobhost import HOSTILE, JobhostTest, running_workers  # noqa: E402
from mpi import LAUNCHERS, require_mpi  # noqa: E402


def setUpModule():
    require_mpi()


def arguments_of(pid):
    try:
        return pathlib.Path("/proc", str(pid), "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


class Mpi(JobhostTest):
    def on_each(self):
        for launcher in LAUNCHERS:
            with self.subTest(launcher):
                yield "-b", "mpi", "--mpi", f"mpirun={launcher}", "-j", "4"

    def ranks(self):
        """Pids of workers, without what starts them."""
        return [pid for pid in running_workers(self.store) if arguments_of(pid)[1:2] == ["worker"]]

    def launchers(self):
        return [pid for pid in running_workers(self.store) if any(word.endswith(tuple(LAUNCHERS)) for word in arguments_of(pid)[:1])]

    def start_counting(self, words, tasks=1000, microseconds=2000):
        process = self.start("run", f"{HOSTILE}:counted", f"x=1..{tasks}", f"file={self.folder}/ran",
                             f"microseconds={microseconds}", *words, "-o", "out.csv")
        self.wait_until(lambda: os.path.exists(f"{self.folder}/ran") and len(self.ranks()) == 4, "nothing runs")
        return process

    def expect_all(self, tasks=1000, more=0):
        """Each task has one row; at most so many ran more than once, because they were interrupted."""
        times = collections.Counter(self.read("ran").split())
        self.assertEqual(set(times), {str(x) for x in range(1, tasks + 1)})
        self.assertLessEqual(sum(times.values()), tasks + more)
        with open(f"{self.folder}/out.csv") as table:
            self.assertEqual([row["result"] for row in csv.DictReader(table)], [str(x) for x in range(1, tasks + 1)])
        os.remove(f"{self.folder}/ran")

    def test_results_are_those_of_processes_and_crashes_end_no_rank(self):
        outputs = []
        for words in [*self.on_each(), ("-b", "processes")]:
            self.run_jobhost("run", f"{HOSTILE}:fussy", "x=1..2000", *words, "-o", "out.csv", "--retries", "0", code=1)
            outputs.append(self.read("out.csv"))
        self.assertEqual(outputs[0].count("\n"), 2001)
        self.assertEqual(outputs[0], outputs[2])
        self.assertEqual(outputs[1], outputs[2])

    def test_what_dry_run_prints_is_what_runs(self):
        for words in self.on_each():
            dashes = "--" if "mpirun.openmpi" in words[3] else "-"
            shown = self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..9", *words, "--mpi", "wdir=/", "--dry-run").out
            self.assertRegex(shown, rf"\n/\S+{words[3][7:]} {dashes}wdir / -n 4 \S+/jobhost worker --job .* --lanes 1 --in-group\n")
            self.assertEqual(len(self.rows("run", f"{HOSTILE}:inc", "x=1..9", *words, "--mpi", "wdir=/")), 9)

    def test_interrupt_ends_all_ranks_and_resume_goes_on_elsewhere(self):
        for words in self.on_each():
            for signals in (1, 2):
                process = self.start_counting(words)
                for _ in range(signals):
                    process.send_signal(signal.SIGINT)
                    if signals == 2:
                        self.wait_until(lambda: b"stopping" in os.read(process.stderr.fileno(), 65536), "no answer to Ctrl-C")
                said = process.communicate(timeout=60)[1]
                self.assertEqual(process.returncode, 130, said)
                self.assertIn("interrupted: ", said)
                self.assertEqual(running_workers(self.store), [])
                self.run_jobhost("resume", "@last", "-b", "processes", "-j", "2")
                self.expect_all(more=4 * (signals == 2))

    def test_a_second_interrupt_does_not_wait_for_tasks(self):
        for words in self.on_each():
            process = self.start("run", f"{HOSTILE}:sleeps", "x=1..4", "milliseconds=60000", *words)
            self.wait_until(lambda: len(self.ranks()) == 4, "nothing runs")
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                self.wait_until(lambda: b"stopping" in os.read(process.stderr.fileno(), 65536), "no answer to Ctrl-C")
            said = process.communicate(timeout=20)[1]
            self.assertEqual(process.returncode, 130, said)
            self.assertEqual(running_workers(self.store), [])

    def test_killed_ranks_and_launchers_are_replaced(self):
        for words in self.on_each():
            for victims in (self.ranks, self.launchers):
                process = self.start_counting(words)
                before = set(self.ranks())
                os.kill(victims()[0], signal.SIGKILL)
                self.wait_until(lambda: len(set(self.ranks()) - before) == 4 or process.poll() is not None, "nobody came")
                said = process.communicate(timeout=60)[1]
                self.assertEqual(process.returncode, 0, said)
                printed = pathlib.Path(self.store, self.job_folders()[-1], "printed", "worker").read_text()
                self.assertGreater(printed.count(" info worker "), 4, printed)
                self.expect_all(more=8)

    def test_a_killed_host_costs_nothing(self):
        for words in self.on_each():
            process = self.start_counting(words)
            process.kill()
            process.wait()
            rows = self.rows("attach", "@last")
            self.assertEqual(len(rows), 1000)
            self.wait_until(lambda: not self.ranks(), "workers are left behind")
            self.run_jobhost("resume", "@last")
            self.expect_all()

    def test_cancel_from_another_shell_ends_all_ranks(self):
        for words in self.on_each():
            process = self.start_counting(words, tasks=100000)
            self.run_jobhost("cancel", "@last")
            said = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 130, said)
            self.assertIn("cancelled: ", said)
            self.assertEqual(running_workers(self.store), [])
            os.remove(f"{self.folder}/ran")

    def test_a_job_that_was_submitted_goes_on_alone(self):
        for words in self.on_each():
            job = self.run_jobhost("submit", f"{HOSTILE}:spin", "x=0..399", "microseconds=5000", *words).out.strip()
            self.assertEqual([row["result"] for row in self.rows("attach", job)], [x * x for x in range(400)])
            self.assertEqual(json.loads(self.run_jobhost("show", job, "--json").out)["backend"], "mpi")

    def test_what_cannot_be_is_one_sentence(self):
        run = ["run", f"{HOSTILE}:inc", "x=1..3", "-b", "mpi", "-j", "2"]
        for words, code, sentence in ((["--mpi", "mpirun=nowhere"], 4, "there is no program 'nowhere' in PATH"),
                                      (["--mpi", "mpirun=/dev/null"], 4, "'/dev/null' is no program"),
                                      (["--mpi", "mpirun="], 2, "names no program"),
                                      (["--mpi", "n=3"], 2, "jobhost sets this itself"),
                                      (["--mpi", "np=3"], 2, "jobhost sets this itself"),
                                      (["--mpi", "--np"], 2, "no option of mpirun"),
                                      (["--slurm", "time=3"], 2, "--slurm is for another backend than mpi"),
                                      (["--auto-resubmit"], 2, "is for queueing systems")):
            said = self.refused(*run, *words, code=code)
            self.assertIn(sentence, said)
        self.assertIn("how many lanes", self.refused(*run[:-2], code=2))
        self.assertIn("add -b mpi", self.refused("run", f"{HOSTILE}:inc", "x=1", "--mpi", "wdir=/", code=2))
        path = os.environ["PATH"]
        os.environ["PATH"] = self.folder
        try:
            self.assertIn("install openmpi-bin or mpich", self.refused(*run, code=4))
        finally:
            os.environ["PATH"] = path

    def test_what_mpirun_refuses_is_told(self):
        for words in self.on_each():
            said = self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..3", *words, "--mpi", "no-such-option", code=4).err
            self.assertIn(f"{words[3][7:]} started no worker: ", said)
            self.assertIn("no-such-option", said)
            said = self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..3", *words, "--mpi", "hostfil=nodes.txt", code=4).err
            self.assertIn("did you mean --mpi hostfile=nodes.txt?", said)


if __name__ == "__main__":
    unittest.main()
