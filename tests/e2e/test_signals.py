"""Processes of a job that are suspended or killed while they run."""
import os
import signal
import time

from jobhost import HOSTILE, POISON, JobhostTest, running_workers


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


class Signals(JobhostTest):
    def slow_job(self):
        """A running host and its worker."""
        host = self.start("run", f"{HOSTILE}:sleeps", "x=1..300", "milliseconds=20", "-j2")
        self.wait_until(lambda: self.job_folders() and self.rows("results"), "no task was done")
        return host, next(pid for pid in running_workers(self.store) if parent_of(pid) == host.pid)

    def test_a_suspended_worker_is_named_and_may_go_on(self):
        host, worker = self.slow_job()
        os.kill(worker, signal.SIGSTOP)
        self.assertEqual(host.stderr.readline(), f"the worker with pid {worker} is suspended: it is replaced after 10 s, "
                                                 f"unless it goes on (kill -CONT {worker})\n")
        os.kill(worker, signal.SIGCONT)
        out, err = host.communicate(timeout=60)
        self.assertEqual(host.returncode, 0, err)
        self.assertIn(f"the worker with pid {worker} goes on\n", err)
        self.assertEqual(out.count("\n"), 300)

    def a_suspended_worker_ends(self, how, code):
        host, worker = self.slow_job()
        os.kill(worker, signal.SIGSTOP)
        host.send_signal(how)
        err = host.communicate(timeout=10)[1]
        self.assertEqual(host.returncode, code, err)
        self.wait_until(lambda: not running_workers(self.store), "workers are left behind", 10)

    def test_a_suspended_worker_hears_that_it_is_to_end(self):
        self.a_suspended_worker_ends(signal.SIGINT, 130)

    def test_a_suspended_worker_does_not_outlive_its_host(self):
        self.a_suspended_worker_ends(signal.SIGKILL, -signal.SIGKILL)

    def test_a_worker_that_drains_sees_that_its_host_is_gone(self):
        host = self.start("run", "-j1", f"{POISON}:poison", "x=1", "how=hang")
        self.wait_until(self.job_folders, "there is no job")
        time.sleep(0.5)
        host.send_signal(signal.SIGINT)
        self.assertIn("stopping: running tasks are finished", host.stderr.readline())
        host.kill()
        host.communicate()
        self.wait_until(lambda: not running_workers(self.store), "workers are left behind", 10)
