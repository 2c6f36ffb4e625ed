"""The test cluster on two hosts: a host can die or be cut off, and nothing is left of them."""
import os
import subprocess
import sys

from case import ClusterTest, folders, networks
from keeper import descendants
from slurm import QUICK_LOSS, require_slurm, wait_until


def setUpModule():
    require_slurm(hosts="two")


class TwoHostsTest(ClusterTest):
    def test_jobs_of_a_dead_host_and_of_one_cut_off_are_queued_again(self):
        self.start(hosts="two", extra=QUICK_LOSS)
        names = self.cluster.run("srun", "-N", "2", "hostname").stdout.split()
        self.assertEqual(sorted(names), ["n1", "n2"])
        script, living = self.sleepers()
        job = self.submit(script, "-w", "n1")
        on_dead = wait_until(living, "the first runs")
        other_job = self.submit(script, "-w", "n2")
        wait_until(lambda: len(living()) == 2, "the second runs")
        cut_off = set(living()) - set(on_dead)
        self.cluster.kill_node("n1")
        self.cluster.cut("n2")
        self.assertEqual(set(living()), cut_off)
        self.wait_for_states(job, ["PENDING"])
        self.wait_for_states(other_job, ["PENDING"])
        self.assertEqual(set(living()), cut_off)
        self.cluster.start_node("n1")
        self.cluster.heal("n2")
        self.wait_for_states(job, ["RUNNING"])
        self.wait_for_states(other_job, ["RUNNING"])
        self.cluster.stop()
        self.assertEqual(living(), [])
        self.assertEqual(networks(os.getpid()), [])
        self.assertEqual(descendants(os.getpid()), [])

    def test_nothing_is_left_when_the_test_is_killed(self):
        script, living = self.sleepers()
        program = ("import sys, time, slurm; cluster = slurm.SlurmCluster(hosts='two'); cluster.start(); "
                   "cluster.run('sbatch', '-o', '/dev/null', '--wrap', sys.argv[1]); time.sleep(1000)")
        test = subprocess.Popen([sys.executable, "-c", program, script], cwd=os.path.dirname(os.path.abspath(__file__)))
        self.addCleanup(test.wait)
        wait_until(living, "it runs")
        started = descendants(test.pid)
        self.assertTrue(networks(test.pid) and folders(test.pid))
        test.kill()
        wait_until(lambda: not any(process.alive() for process in started), "all processes are gone")
        self.assertEqual(networks(test.pid) + folders(test.pid), [])
