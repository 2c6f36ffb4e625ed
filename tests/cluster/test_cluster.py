"""The test cluster itself: it is a real Slurm, it can be broken, and it leaves nothing."""
import os
import signal
import subprocess
import sys
import tempfile
import unittest

from keeper import descendants, read_process
from slurm import QUICK_LOSS, ClusterError, SlurmCluster, require_slurm, wait_until

SLURM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slurm.py")


def setUpModule():
    require_slurm(hosts="two")


def networks(pid):
    """Names of links and network namespaces that a process made."""
    names = os.listdir("/sys/class/net") + (os.listdir("/run/netns") if os.path.isdir("/run/netns") else [])
    return [name for name in names if name.startswith(f"jh{pid}-")]


def folders(pid):
    return [name for name in os.listdir("/tmp") if name.startswith(f"jhc-{pid}-")]


class ClusterTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="jhct-")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.folder], check=True)

    def start(self, **options):
        self.cluster = SlurmCluster(**options)
        self.cluster.start()
        self.addCleanup(self.cluster.stop)

    def submit(self, script, *options):
        """The id of a job; each of its tasks has all CPUs of a node."""
        done = self.cluster.run("sbatch", "--parsable", "-c", "4", "-o", "/dev/null", *options, "--wrap", script)
        return done.stdout.strip()

    def states(self, job):
        return {entry["id"]: entry["state"] for entry in self.cluster.queue() if entry["id"].split("_")[0] == job}

    def wait_for_states(self, job, wanted, seconds=60):
        """Waits until the tasks of a job are in these states, in any order."""
        wait_until(lambda: sorted(self.states(job).values()) == sorted(wanted), f"tasks of {job} are {wanted}", seconds)

    def sleepers(self):
        """A script whose processes detach themselves, and a function that lists those that live."""
        script = f"(setsid sh -c 'echo $$ >> {self.folder}/pids; exec sleep 1000' &) ; sleep 1000"

        def living():
            try:
                with open(f"{self.folder}/pids", encoding="utf-8") as file:
                    return [process for process in map(read_process, file.read().split()) if process]
            except FileNotFoundError:
                return []
        return script, living


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


class NodeTest(ClusterTest):
    def test_a_killed_node_takes_its_processes_with_it_and_its_job_is_queued_again(self):
        self.start(nodes=2, extra=QUICK_LOSS)
        script, living = self.sleepers()
        job = self.submit(script, "-a", "0-1")
        wait_until(lambda: len(living()) == 2, "both tasks run")
        lost = [entry["id"] for entry in self.cluster.queue() if entry["nodes"] == "n2"]
        self.cluster.kill_node("n2")
        self.assertEqual(len(living()), 1)
        wait_until(lambda: self.states(job)[lost[0]] == "PENDING", "the lost task waits")
        self.cluster.start_node("n2")
        self.wait_for_states(job, ["RUNNING", "RUNNING"])

    def test_a_job_on_a_host_that_is_cut_off_is_queued_again_while_its_processes_live(self):
        self.start(hosts="two")
        names = self.cluster.run("srun", "-N", "2", "hostname").stdout.split()
        self.assertEqual(sorted(names), ["n1", "n2"])
        script, living = self.sleepers()
        job = self.submit(script, "-w", "n2")
        first = wait_until(living, "it runs")
        self.cluster.cut("n2")
        self.wait_for_states(job, ["PENDING"])
        self.assertEqual(living(), first)
        self.cluster.heal("n2")
        self.wait_for_states(job, ["RUNNING"])
        self.cluster.stop()
        self.assertEqual(networks(os.getpid()), [])
        self.assertEqual(living(), [])


class LeftoversTest(ClusterTest):
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

    def test_nothing_is_left_when_the_test_is_killed(self):
        script, living = self.sleepers()
        program = ("import sys, time, slurm; cluster = slurm.SlurmCluster(hosts='two'); cluster.start(); "
                   "cluster.run('sbatch', '-o', '/dev/null', '--wrap', sys.argv[1]); time.sleep(1000)")
        test = subprocess.Popen([sys.executable, "-c", program, script], cwd=os.path.dirname(SLURM))
        self.addCleanup(test.wait)
        wait_until(living, "it runs")
        started = descendants(test.pid)
        self.assertTrue(networks(test.pid) and folders(test.pid))
        test.kill()
        wait_until(lambda: not (networks(test.pid) or folders(test.pid)), "networks and folders are gone")
        self.assertEqual([process for process in started if process.alive()], [])

    def test_the_program_exits_as_its_command(self):
        done = subprocess.run([sys.executable, SLURM, "--nodes", "2", "--", "sh", "-c", "sinfo -h -o %D; exit 7"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.stdout, done.returncode), ("2\n", 7))
