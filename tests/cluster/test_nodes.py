"""A job on a real Slurm with a node that does not suit it."""
import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from jobhost import HOSTILE, JOBHOST, JobhostTest  # noqa: E402
from slurm import SlurmCluster, require_slurm  # noqa: E402


def setUpModule():
    require_slurm(hosts="two")


class UnfitNodes(JobhostTest):
    def setUp(self):
        super().setUp()
        self.cluster = SlurmCluster(hosts="two")
        self.cluster.start()
        self.addCleanup(self.cluster.stop)
        self.cache = os.path.join(self.folder, "cache")
        os.mkdir(self.cache)
        self.variables = {}

    def start(self, *words, **options):
        """On the machine from which jobs are submitted."""
        environment = dict(self.cluster.environment, JOBHOST_STORE=self.store, XDG_CACHE_HOME=self.cache, **self.variables)
        return super().start(*words, env=environment, **options)

    def leave_no_room(self, node):
        """For code in the cache of that node."""
        self.cluster.run_on(node, "mount", "-t", "tmpfs", "-o", "size=4k", "none", self.cache)

    def hide_store(self, node):
        """Its file system is not mounted there. Two minutes of patience with that pass quickly."""
        os.makedirs(self.store, exist_ok=True)
        self.cluster.run_on(node, "mount", "-t", "tmpfs", "none", self.store)
        quick = pathlib.Path(self.folder, "quick")
        quick.mkdir(exist_ok=True)
        pathlib.Path(quick, "sleep").write_text("#!/bin/sh\nexec /bin/sleep 0.01\n")
        pathlib.Path(quick, "sleep").chmod(0o755)
        self.variables["PATH"] = f"{quick}:{os.environ['PATH']}"

    def put_program_for_another_processor(self, node):
        program = pathlib.Path(self.folder, "aarch64")
        elf = bytearray(pathlib.Path(JOBHOST).read_bytes()[:4096])
        elf[18:20] = (183).to_bytes(2, "little")  # e_machine: EM_AARCH64
        program.write_bytes(elf)
        program.chmod(0o755)
        self.cluster.run_on(node, "mount", "--bind", program, JOBHOST)

    def expect_that_n1_does_all(self, reason):
        """While n2 takes no task for a `reason`, an expression."""
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..1000", "milliseconds=20", "-b", "slurm", "-j", "8", "-o", "out.csv")
        self.wait_until(lambda: self.job_folders() and "--exclude=n2" in self.queue_script(), "nothing was submitted again", 150)
        said = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 0, said)
        self.assertRegex(said, rf"(?m)^n2 takes no task: {reason}$")
        self.assertRegex(self.run_jobhost("show").out, rf"(?m)^refused +n2( \(\d workers\))?: {reason}$")
        n1, n2 = self.shown()["nodes"]
        self.assertEqual((n1["hostname"], n1["tasks"], n1["refusals"]), ("n1", 1000, 0))
        self.assertEqual((n2["hostname"], n2["tasks"]), ("n2", 0))
        self.assertGreaterEqual(n2["refusals"], 1)

    def expect_that_all_refuse(self, reason):
        process = self.start("run", f"{HOSTILE}:inc", "x=1..100", "-b", "slurm", "-j", "4", "-o", "out.csv")
        said = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 4, said)
        for node in self.cluster.nodes:
            self.assertRegex(said, rf"(?m)^ *{node}( \(\d workers\))?: {reason}$")

    def test_a_node_for_whose_processor_the_program_is_not(self):
        reason = re.escape(f"cannot run '{JOBHOST}': Exec format error")
        self.put_program_for_another_processor("n2")
        self.expect_that_n1_does_all(reason)
        self.put_program_for_another_processor("n1")
        self.expect_that_all_refuse(reason)

    def test_a_node_without_the_program(self):
        self.cluster.run_on("n2", "mount", "-t", "tmpfs", "none", os.path.dirname(JOBHOST))
        self.expect_that_n1_does_all(re.escape(f"cannot run '{JOBHOST}': not found"))

    def test_a_node_that_does_not_see_the_job(self):
        reason = f"the job's directory '{self.store}/\\S+' is not to be seen there, and was waited for 120 s"
        self.hide_store("n2")
        self.expect_that_n1_does_all(reason)
        self.hide_store("n1")
        self.expect_that_all_refuse(reason)
        self.run_jobhost("submit", f"{HOSTILE}:inc", "x=1..100", "-b", "slurm", "-j", "8")
        self.wait_until(lambda: self.shown()["queue"].get("ended") == {"FAILED": 8}, "they have not ended", 60)
        self.assertEqual(self.shown()["queue"]["blind_nodes"], ["n1", "n2"])
        self.assertIn("; the job's directory is not to be seen on n1, n2\n", self.run_jobhost("show").out)

    def shown(self, *options):
        return json.loads(self.run_jobhost("show", "--json", *options).out)

    def test_a_node_that_refuses_costs_no_worker_and_one_that_fits_does_all(self):
        self.leave_no_room("n2")
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..2000", "milliseconds=20", "-b", "slurm", "-j", "8", "-o", "out.csv")
        self.wait_until(lambda: self.job_folders() and "--exclude=n2" in self.queue_script(), "nothing was submitted again", 60)

        def all_are_in_the_queue():
            queue = self.shown().get("queue", {})
            return queue.get("waiting") and (queue["backend"], queue["running"] + queue["waiting"]) == ("slurm", 8)
        self.wait_until(all_are_in_the_queue, "not eight run and wait", 20)
        self.assertRegex(self.run_jobhost("show").out, r"(?m)^queue       slurm: \d run, \d wait( \(\w+\))?, \d FAILED$")
        said = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 0, said)
        self.assertRegex(said, r"(?m)^n2 takes no task: .*no space left")
        self.assertEqual(self.read("out.csv").count("\n"), 2001)
        n1, n2 = self.shown()["nodes"]
        self.assertEqual((n1["hostname"], n1["tasks"], n1["refusals"]), ("n1", 2000, 0))
        self.assertEqual((n2["hostname"], n2["tasks"], n2["ended"]), ("n2", 0, 0))
        self.assertGreaterEqual(n2["refusals"], 1)
        self.wait_until(lambda: self.cluster.run("squeue", "-h").stdout == "", "something is left in the queue", 10)

    def test_nodes_that_all_refuse_end_the_job_and_say_why(self):
        for node in self.cluster.nodes:
            self.leave_no_room(node)
        process = self.start("run", f"{HOSTILE}:inc", "x=1..100", "-b", "slurm", "-j", "4", "-o", "out.csv")
        said = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 4, said)
        for node in self.cluster.nodes:
            self.assertRegex(said, rf"(?m)^ *{node}.*: .*no space left")
        self.wait_until(lambda: self.cluster.run("squeue", "-h").stdout == "", "something is left in the queue", 10)

    def queue_script(self):
        path = pathlib.Path(self.store, self.job_folders()[0], "host", "queue.sh")
        return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    unittest.main()
