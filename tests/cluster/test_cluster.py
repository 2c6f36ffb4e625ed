"""The test cluster itself: it is a real Slurm, its controller can be killed, and it leaves nothing."""
import os
import pathlib
import resource
import subprocess
import sys

from case import ClusterTest, folders
from keeper import descendants
from slurm import ClusterError, SlurmCluster, require_slurm, wait_until

SLURM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slurm.py")


def setUpModule():
    require_slurm()


class ControllerTest(ClusterTest):
    def test_an_array_runs_and_one_beyond_the_limit_is_refused(self):
        self.start(max_array_size=101)
        job = self.submit(f"echo $SLURM_ARRAY_TASK_ID $SLURMD_NODENAME >> {self.folder}/ran", "-a", "0-7")
        self.wait_for_states(job, ["COMPLETED"] * 8)
        with open(f"{self.folder}/ran", encoding="utf-8") as file:
            tasks, nodes = zip(*map(str.split, file))
        self.assertEqual(sorted(tasks), [str(task) for task in range(8)])
        self.assertEqual(set(nodes), set(self.cluster.nodes))
        with self.assertRaisesRegex(ClusterError, "Invalid job array specification"):
            self.submit("true", "-a", "0-101")

    def test_jobs_outlive_slurmctld(self):
        self.start(nodes=2)
        job = self.submit(f"until test -e {self.folder}/end; do sleep 0.05; done", "-a", "0-2")
        self.wait_for_states(job, ["RUNNING", "RUNNING", "PENDING"])
        self.cluster.restart_controller()
        self.wait_for_states(job, ["RUNNING", "RUNNING", "PENDING"])
        self.cluster.restart_controller(kill=True)
        self.cluster.stop_daemon("n1")
        self.assertEqual(self.states(job), {f"{job}_0": "RUNNING", f"{job}_1": "RUNNING", f"{job}_2": "PENDING"})
        self.cluster.start_node("n1")
        with open(f"{self.folder}/end", "w", encoding="utf-8"):
            pass
        self.wait_for_states(job, ["COMPLETED"] * 3)

    def test_a_drained_node_takes_no_job(self):
        self.start(nodes=1)
        self.cluster.drain("n1")
        job = self.submit("true")
        wait_until(lambda: "DRAINED" in self.cluster.queue()[0]["reason"].upper(), "the reason is told")
        self.assertEqual(self.states(job), {job: "PENDING"})
        self.cluster.resume("n1")
        self.wait_for_states(job, ["COMPLETED"])


class LeftoversTest(ClusterTest):
    def test_nothing_leaves_a_core_file(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, (soft, hard))
        self.start(nodes=1)
        for process in descendants(os.getpid()):
            command = pathlib.Path("/proc", str(process.pid), "comm").read_text(encoding="utf-8").strip()
            if command in ("munged", "slurmctld", "slurmd"):
                self.assertEqual(resource.prlimit(process.pid, resource.RLIMIT_CORE), (0, 0), command)
        job = self.submit(f"ulimit -c > {self.folder}/limit")
        self.wait_for_states(job, ["COMPLETED"])
        self.assertEqual(pathlib.Path(self.folder, "limit").read_text(encoding="utf-8"), "0\n")

    def test_nothing_is_left_after_stop(self):
        before = descendants(os.getpid())
        self.start(nodes=1)
        other = SlurmCluster(nodes=1)  # at the same time
        other.start()
        self.addCleanup(other.stop)
        script, living = self.sleepers()
        self.submit(script)
        wait_until(living, "it runs")
        self.cluster.stop()
        self.assertEqual(living(), [])
        self.assertEqual(folders(os.getpid()), [os.path.basename(other.folder)])
        self.assertEqual(other.node_state("n1"), "idle")
        other.stop()
        self.assertEqual(descendants(os.getpid()), before)
        self.assertEqual(folders(os.getpid()), [])

    def test_the_program_exits_as_its_command(self):
        done = subprocess.run([sys.executable, SLURM, "--nodes", "2", "--", "sh", "-c", "sinfo -h -o %D; exit 7"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.stdout, done.returncode), ("2\n", 7))
