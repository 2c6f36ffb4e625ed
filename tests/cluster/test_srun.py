"""Jobs inside of allocations of a real Slurm of four emulated nodes."""
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from jobhost import HOSTILE, JOBHOST, JobhostTest, running_workers  # noqa: E402
from slurm import SlurmCluster, require_slurm  # noqa: E402

ALLOCATION = ["salloc", "--quiet", "--nodes=4", "--ntasks=4", "--cpus-per-task=2"]
cluster = None


def setUpModule():
    require_slurm()
    global cluster
    cluster = SlurmCluster()
    cluster.start()
    unittest.addModuleCleanup(cluster.stop)
    os.environ["SLURM_CONF"] = cluster.environment["SLURM_CONF"]


class Srun(JobhostTest):
    def tearDown(self):
        try:
            self.wait_until(lambda: not running_workers(self.store), "workers are left behind")
        finally:
            cluster.run("scancel", "--user=root", check=False)
            super().tearDown()

    def in_allocation(self, *words, code=0, wrapper=ALLOCATION):
        process = self.start(*words, wrapper=wrapper)
        process.out, process.err = process.communicate(timeout=90)
        self.assertEqual(process.returncode, code, process.err)
        return process

    def test_results_are_those_of_processes_and_one_step_has_all_lanes(self):
        run = ["run", f"{HOSTILE}:fussy", "x=1..2000", "--retries", "0"]
        self.in_allocation(*run, "-b", "slurm", "-o", "slurm.csv", code=1)
        self.run_jobhost(*run, "-o", "processes.csv", code=1)
        self.assertEqual(self.read("slurm.csv"), self.read("processes.csv"))
        self.assertEqual(self.read("slurm.csv").count("\n"), 2001)

    def test_the_command_that_dry_run_prints_takes_all_of_the_allocation(self):
        run = ["run", f"{HOSTILE}:inc", "x=1..9", "-b", "slurm", "--dry-run"]
        shown = self.in_allocation(*run, "--slurm", "nice=3").out
        self.assertIn("9 tasks on slurm with 8 lanes\n", shown)
        self.assertRegex(shown, r"\n/\S+/srun --jobid=\d+ --overlap .* --nice=3 --cpus-per-task=2 --export=\S+ "
                                r"--ntasks 4 /\S+/jobhost worker .* --lanes 2 --in-group\n")
        self.assertIn("--ntasks 3 ", self.in_allocation(*run, "-j", "3", "--slurm", "cpus-per-task=1").out)
        for exclusive, lanes in (([], 2), (["--exclusive"], 8)):
            shown = self.in_allocation(*run, wrapper=["salloc", "--quiet", "--nodes=2", *exclusive]).out
            self.assertIn(f"--ntasks {lanes} ", shown)
        self.assertIn("#SBATCH --array=0-2\n", self.in_allocation("submit", *run[1:], "-j", "3").out)
        for option in ("overlap", "ntasks=3"):
            self.assertIn("jobhost sets this itself", self.in_allocation(*run, "--slurm", option, code=2).err)

    def test_it_also_works_in_a_batch_script_with_variables_that_mean_other_things(self):
        script = (f"#!/bin/sh\nexport SLURM_NTASKS_PER_NODE=1 SLURM_STDOUTMODE=none SLURM_EXACT=1\n"
                  f"cd {self.folder}\nJOBHOST_STORE={self.store} {JOBHOST} run {HOSTILE}:inc x=1..500 -b slurm -o out.csv 2>said\n")
        self.write("script", script)
        cluster.run("sbatch", "--wait", "--ntasks=8", "--nodes=4", "--output=/dev/null", f"{self.folder}/script", timeout=90)
        self.assertEqual(self.read("out.csv").count("\n"), 501, self.read("said"))

    def test_interrupt_ends_the_step_and_resume_goes_on_outside(self):
        for signals in (1, 2):
            process = self.start("run", f"{HOSTILE}:sleeps", "x=1..1000", "milliseconds=50", "-b", "slurm", "-o", "out.csv",
                                 wrapper=ALLOCATION)
            self.wait_until(lambda: len(self.workers()) == 4, "nothing runs")
            host = self.host()
            for _ in range(signals):
                os.kill(host, signal.SIGINT)
                self.wait_until(lambda: b"stopping" in os.read(process.stderr.fileno(), 65536), "no answer to Ctrl-C")
            said = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 130, said)
            self.assertEqual(running_workers(self.store), [])
            self.run_jobhost("resume", "@last", "-b", "processes", "-j", "8")
            self.assertEqual(self.read("out.csv").count("\n"), 1001)

    def test_a_killed_worker_costs_no_other(self):
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..800", "milliseconds=50", "-b", "slurm", "-o", "out.csv",
                             wrapper=ALLOCATION)
        self.wait_until(lambda: len(self.workers()) == 4, "nothing runs")
        others = self.workers()
        os.kill(others.pop(), signal.SIGKILL)
        self.wait_until(lambda: len(self.workers()) == 3, "it lives")
        self.assertEqual(sorted(self.workers()), sorted(others))
        said = process.communicate(timeout=90)[1]
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.read("out.csv").count("\n"), 801)

    def words_of(self, pid):
        try:
            return pathlib.Path("/proc", str(pid), "cmdline").read_bytes().decode().split("\0")
        except OSError:
            return []

    def workers(self):
        return [pid for pid in running_workers(self.store) if self.words_of(pid)[:2] == [JOBHOST, "worker"]]

    def host(self):
        return next(pid for pid in running_workers(self.store) if self.words_of(pid)[:2] == [JOBHOST, "run"])


if __name__ == "__main__":
    unittest.main()
