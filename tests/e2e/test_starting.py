"""Workers start before their job is there: whatever becomes of it, none is left, and the rows are right."""
import os
import signal
import subprocess

from jobhost import HOSTILE, JOBHOST, JobhostTest, running_workers


def children(pid):
    """Pids of the processes that a process started and that are not dead."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    state, parent = file.read().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if int(parent) == pid and state != "Z":
                found.append(int(name))
    return found


class Starting(JobhostTest):
    def waiting_run(self, *words):
        """A run that waits for its inputs, and the worker that it started ahead, with an executor or more."""
        process = self.start("run", f"{HOSTILE}:spin", "microseconds=1", "--csv", "-", *words, stdin=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.wait_until(lambda: [w for w in children(process.pid) if children(w)], "no worker was started ahead")
        return process, children(process.pid)[0]

    def test_a_refused_input_leaves_no_process_and_no_file(self):
        for backend in ("processes", "threads"):
            for words, code in ((["x=abc"], 2), (["y=1"], 2), ([], 2)):
                self.refused("run", f"{HOSTILE}:inc", *words, "-b", backend, "-j3", code=code)
                self.assertEqual(running_workers(self.store), [])
        self.refused("run", f"{HOSTILE}:no_such_kernel", "x=1", code=2)
        self.assertEqual(os.listdir(self.folder), ["store"] if os.path.isdir(self.store) else [])

    def test_a_host_that_dies_before_its_job_is_there_leaves_nothing(self):
        for number in (signal.SIGKILL, signal.SIGTERM):
            for backend in ("processes", "threads"):
                process, _ = self.waiting_run("-b", backend, "-j2")
                process.send_signal(number)
                process.stdin.close()
                process.stdin = None
                process.wait(timeout=30)
                self.wait_until(lambda: not running_workers(self.store), "workers outlive their host")

    def test_a_worker_that_dies_before_its_job_is_there_is_replaced(self):
        for backend in ("processes", "threads"):
            process, worker = self.waiting_run("-b", backend, "-j2")
            os.kill(worker, signal.SIGKILL)
            out, err = process.communicate("x\n" + "".join(f"{x}\n" for x in range(100)), timeout=60)
            self.assertEqual(process.returncode, 0, err)
            self.assertEqual(out.count("\n"), 100)

    def test_an_executor_that_dies_before_its_job_is_there_is_replaced(self):
        process, worker = self.waiting_run("-j2")
        for executor in children(worker):
            os.kill(executor, signal.SIGKILL)
        out, err = process.communicate("x\n" + "".join(f"{x}\n" for x in range(100)), timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(out.count("\n"), 100)

    def test_many_more_lanes_than_cores_or_tasks(self):
        for backend in ("processes", "threads"):
            for tasks in (1, 3, 64, 5000):
                rows = self.rows("run", f"{HOSTILE}:inc", f"x=1..{tasks}", "-b", backend, "-j64")
                self.assertEqual([row["result"] for row in rows], list(range(2, tasks + 2)))

    def test_every_lane_comes_to_work_when_tasks_wait(self):
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..24", "milliseconds=60000", "-j24")
        self.wait_until(lambda: sum(len(children(w)) for w in children(process.pid)) == 24, "lanes are missing")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        self.wait_until(lambda: process.poll() is not None or process.send_signal(signal.SIGINT), "it does not end")
        process.communicate()

    def test_a_worker_without_a_job_or_a_host_is_refused(self):
        process = subprocess.run([JOBHOST, "worker"], capture_output=True, text=True, check=False)
        self.assertEqual(process.returncode, 2)
        self.assertIn("--job", process.stderr)
