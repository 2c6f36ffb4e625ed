"""A job on a real Slurm with a node that does not suit it."""
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from jobhost import HOSTILE, JobhostTest  # noqa: E402
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

    def start(self, *words, **options):
        """On the machine from which jobs are submitted."""
        environment = dict(self.cluster.environment, JOBHOST_STORE=self.store, XDG_CACHE_HOME=self.cache)
        return super().start(*words, env=environment, **options)

    def leave_no_room(self, node):
        """For code in the cache of that node."""
        self.cluster.run_on(node, "mount", "-t", "tmpfs", "-o", "size=4k", "none", self.cache)

    def shown(self, *options):
        return json.loads(self.run_jobhost("show", "--json", *options).out)

    def test_a_node_that_refuses_costs_no_worker_and_one_that_fits_does_all(self):
        self.leave_no_room("n2")
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..2000", "milliseconds=20", "-b", "slurm", "-j", "8", "-o", "out.csv")
        self.wait_until(lambda: self.job_folders() and "--exclude=n2" in self.queue_script(), "nothing was submitted again", 60)
        self.wait_until(lambda: self.shown().get("queue", {}).get("waiting"), "none waits", 20)
        shown = self.shown()
        self.assertEqual((shown["queue"]["backend"], shown["queue"]["running"] + shown["queue"]["waiting"]), ("slurm", 8))
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
