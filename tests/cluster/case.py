"""What the tests of the cluster share."""
import os
import shutil
import tempfile
import unittest

from keeper import read_process
from slurm import SlurmCluster, wait_until


def networks(pid):
    """Names of links and network namespaces that a process made, and of settings of namespaces."""
    folders_of_names = filter(os.path.isdir, ["/sys/class/net", "/run/netns", "/etc/netns"])
    return [name for folder in folders_of_names for name in os.listdir(folder) if name.startswith(f"jh{pid}-")]


def folders(pid):
    return [name for name in os.listdir("/tmp") if name.startswith(f"jhc-{pid}-")]


class ClusterTest(unittest.TestCase):
    """A test with a cluster, and a folder for what jobs write."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="jhct-")
        self.addCleanup(shutil.rmtree, self.folder)

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
