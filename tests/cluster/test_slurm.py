"""Jobs on a real Slurm of four emulated nodes, as people run them."""
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from jobhost import HOSTILE, JOBHOST, JobhostTest  # noqa: E402
from slurm import SlurmCluster, require_slurm  # noqa: E402

PENDING = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED"}
cluster = None


def setUpModule():
    require_slurm()
    global cluster
    cluster = SlurmCluster(max_array_size=9)
    cluster.start()
    unittest.addModuleCleanup(cluster.stop)
    os.environ["SLURM_CONF"] = cluster.environment["SLURM_CONF"]


class Slurm(JobhostTest):
    def tearDown(self):
        try:
            self.wait_until(lambda: not self.queued(), "something is left in the queue")
        finally:
            cluster.run("scancel", "--user=root", check=False)
            super().tearDown()

    def queued(self):
        """States of what is in the queue, by job."""
        states = collections.defaultdict(list)
        for entry in cluster.queue():
            if entry["state"] in PENDING:
                states[entry["name"]].append(entry["state"])
        return states

    def running(self):
        return sum(states.count("RUNNING") for states in self.queued().values())

    def expect(self, rows, tasks):
        self.assertEqual([(row["task"], row["result"]) for row in rows], [(i, i + 1) for i in range(tasks)])

    def expect_log_of_executions(self, tasks):
        """How often each task ran, by what the kernel `counted` appended."""
        times = collections.Counter(self.read("ran").split())
        self.assertEqual(set(times), {str(x) for x in range(1, tasks + 1)})
        return times

    def test_results_are_those_of_other_backends(self):
        outputs = {}
        for backend in ("slurm", "processes", "threads"):
            words = ["run", f"{HOSTILE}:fussy", "x=1..900", "-b", backend, "-j", "6", "-o", f"{backend}.csv", "--retries", "0"]
            self.run_jobhost(*words, code=1)
            outputs[backend] = self.read(f"{backend}.csv")
        self.assertEqual(outputs["slurm"].count("\n"), 901)
        self.assertEqual(outputs["slurm"], outputs["processes"])
        self.assertEqual(outputs["slurm"], outputs["threads"])

    def test_the_script_that_dry_run_prints_is_the_one_that_runs(self):
        words = [f"{HOSTILE}:inc", "x=1..10", "-b", "slurm", "-j", "20", "--slurm", "time=7", "--slurm", "cpus-per-task=2"]
        shown = self.run_jobhost("run", *words, "--dry-run").out
        for line in ("#SBATCH --time=7", "#SBATCH --cpus-per-task=2", "#SBATCH --array=0-8", "# and once more for 1 worker"):
            self.assertIn(line + "\n", shown)
        self.assertEqual(self.job_folders(), [])
        self.run_jobhost("run", *words)
        script = pathlib.Path(self.store, self.job_folders()[0], "host", "queue.sh").read_text()
        self.assertIn("#SBATCH --array=0-0\n", script)  # the second of two arrays
        for line in script.splitlines():
            if "JOB" not in line and self.store not in line and "array=" not in line and "job-name" not in line:
                self.assertIn(line + "\n", shown)

    def test_a_host_may_leave_and_another_one_attach(self):
        job = self.run_jobhost("submit", f"{HOSTILE}:spin", "x=0..399", "microseconds=5000", "-b", "slurm", "-j", "8").out.strip()
        rows = self.rows("attach", job)
        self.assertEqual([row["result"] for row in rows], [x * x for x in range(400)])
        shown = json.loads(self.run_jobhost("show", job, "--json").out)
        self.assertEqual(shown["backend"], "slurm")

    def test_a_closed_terminal_leaves_workers_alone(self):
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..100", "milliseconds=50", "-b", "slurm", "-j", "2", "-o", "out.csv")
        self.wait_until(lambda: self.running() == 2, "not all run")
        process.send_signal(signal.SIGHUP)
        said = process.communicate(timeout=30)[1]
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("its workers go on; follow them with: jobhost attach", said)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("out.csv")], [])
        self.assertEqual(len(self.rows("attach", "@last")), 100)

    def test_a_reader_waits_for_workers_that_wait_in_the_queue(self):
        job = self.run_jobhost("submit", f"{HOSTILE}:inc", "x=1..9", "-b", "slurm", "-j", "2", "--slurm", "begin=now+10").out.strip()
        self.wait_until(lambda: list(self.queued().values()) == [["PENDING"] * 2], "it does not wait")
        interrupted = self.start("attach", job)
        self.said_until(interrupted, "its workers wait in the queue of slurm")
        interrupted.send_signal(signal.SIGINT)
        said = interrupted.communicate(timeout=30)[1]
        self.assertIn(f"the job goes on; follow it with: jobhost attach {job}", said)
        self.assertEqual(len(self.rows("attach", job)), 9)

    def test_a_job_that_comes_home_has_as_many_lanes_as_are_usual_here(self):
        self.run_jobhost("submit", f"{HOSTILE}:sleeps", "x=0..999", "milliseconds=20", "-b", "slurm", "-j", "40", "--slurm", "begin=now+60")
        self.run_jobhost("cancel", "@last")
        home = self.start("resume", "@last", "-b", "processes")
        said = self.said_until(home, " running  ")
        home.send_signal(signal.SIGINT)
        home.communicate(timeout=30)
        self.assertIn(f" {os.cpu_count()} running  ", said)

    def test_interrupt_leaves_nothing_in_the_queue_and_resume_goes_on(self):
        for signals, most in ((1, 60), (2, 60)):
            process = self.start("run", f"{HOSTILE}:counted", "x=1..1000", f"file={self.folder}/ran", "microseconds=10000",
                                 "-b", "slurm", "-j", "8", "-o", "out.csv")
            self.wait_until(lambda: os.path.exists(f"{self.folder}/ran"), "nothing runs", 60)
            for _ in range(signals):
                process.send_signal(signal.SIGINT)
                if signals == 2:
                    self.wait_until(lambda: b"stopping" in os.read(process.stderr.fileno(), 65536), "no answer to Ctrl-C")
            said = process.communicate(timeout=most)[1]
            self.assertEqual(process.returncode, 130, said)
            self.assertIn("interrupted: ", said)
            self.wait_until(lambda: not self.queued(), "something is left in the queue", 10)
            said = self.run_jobhost("resume", "@last", "--slurm", "partition=nowhere", code=4).err
            self.assertRegex(said, r"[1-9]\d* of 1000 tasks are done and kept")
            self.run_jobhost("resume", "@last", "-b", "processes", "-j", "2")
            times = self.expect_log_of_executions(1000)
            self.assertLessEqual(sum(times.values()), 1000 + 8)
            self.assertEqual(self.read("out.csv").count("\n"), 1001)
            os.remove(f"{self.folder}/ran")

    def test_cancel_from_another_shell(self):
        process = self.start("run", f"{HOSTILE}:spin", "x=0..9999", "microseconds=10000", "-b", "slurm", "-j", "40")
        self.wait_until(lambda: self.running() > 0, "nothing runs")
        reader = self.start("attach", "@last")
        self.run_jobhost("cancel", "@last")
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("cancelled: ", said)
        self.assertNotIn("slurm says", said)
        said = reader.communicate(timeout=60)[1]
        self.assertEqual(reader.returncode, 130, said)
        self.assertIn("cancelled: ", said)
        self.wait_until(lambda: not self.queued(), "something is left in the queue", 10)

    def test_workers_that_wait_are_told_of_and_join_late(self):
        for node in cluster.nodes:
            cluster.drain(node)
        try:
            process = self.start("run", f"{HOSTILE}:spin", "x=0..199", "microseconds=10000", "-b", "slurm", "-j", "4")
            self.wait_until(lambda: self.queued(), "nothing was submitted")
            said = self.said_until(process, "4 workers wait for slurm (")
            self.assertIn("0/200  0 running  4 waiting", said)
            cluster.resume("n1")
            rows = process.communicate(timeout=60)[0].splitlines()
            self.assertEqual((process.returncode, len(rows)), (0, 200))
        finally:
            for node in cluster.nodes[1:]:
                cluster.resume(node)

    def test_what_no_node_can_give_is_told(self):
        process = self.start("run", f"{HOSTILE}:inc", "x=1..9", "-b", "slurm", "-j", "64", "--slurm", "cpus-per-task=64")
        said = self.said_until(process, "could ever give what they ask for")
        self.assertIn("(PartitionConfig: there is nothing that", said)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        process.communicate()

    def test_a_removed_job_leaves_no_worker_in_the_queue(self):
        for node in cluster.nodes:
            cluster.drain(node)
        try:
            kept, removed = (self.run_jobhost("submit", f"{HOSTILE}:inc", "x=1..9", "-b", "slurm", "-j", "4").out.strip() for _ in "12")
            self.assertEqual(self.queued(), {f"jobhost-{job}": ["PENDING"] * 4 for job in (kept, removed)})
            self.assertEqual(self.run_jobhost("rm", removed).err, f"removed {self.store}/{removed}\n")
            self.assertEqual(self.queued(), {f"jobhost-{kept}": ["PENDING"] * 4})
            self.run_jobhost("rm", kept)
            self.assertEqual(self.queued(), {})
        finally:
            for node in cluster.nodes:
                cluster.resume(node)

    def test_refusals_name_what_slurm_said(self):
        said = self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..3", "-b", "slurm", "-j", "2", "--slurm", "partition=nowhere", code=4).err
        self.assertIn("error: slurm refused the job: ", said)
        self.assertIn("nowhere", said)
        self.assertNotIn("did you mean", said)
        said = self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..3", "-b", "slurm", "-j", "2", "--slurm", "partitoin=short", code=4).err
        self.assertIn("did you mean --slurm partition=short?", said)
        for words, sentence in ((["--slurm", "array=1"], "jobhost sets this itself"),
                                (["--slurm", "--time"], "no option of sbatch"),
                                (["--slurm", "cpus-per-task=x"], "no number of processors")):
            self.assertIn(sentence, self.refused("run", f"{HOSTILE}:inc", "x=1", "-b", "slurm", "-j", "2", *words, code=2))
        self.assertIn("how many lanes", self.refused("run", f"{HOSTILE}:inc", "x=1", "-b", "slurm", code=2))
        self.assertIn("add -b slurm", self.refused("run", f"{HOSTILE}:inc", "x=1", "--slurm", "time=3", code=2))

    def test_options_are_passed_on_as_they_are(self):
        cluster.drain("n1")
        try:
            self.run_jobhost("submit", f"{HOSTILE}:inc", "x=1..3", "-b", "slurm", "-j", "1", "--slurm", "nodelist=n1",
                             "--slurm", 'comment=a "b" #c\\')
            self.assertEqual(cluster.run("squeue", "--noheader", "--format=%k").stdout, 'a "b" #c\\\n')
            self.run_jobhost("cancel")
        finally:
            cluster.resume("n1")
        for option in ("arr=0-5", "job-n=mine", "cpus-per-t=2"):  # sbatch would take them
            said = self.refused("run", f"{HOSTILE}:inc", "x=1", "-b", "slurm", "-j", "2", "--slurm", option, code=2)
            self.assertIn("name in full", said)

    def test_defaults_of_slurms_commands_do_not_get_in_the_way(self):
        defaults = {"SBATCH_JOB_NAME": "mine", "SBATCH_ARRAY_INX": "0-3", "SBATCH_OUTPUT": "/nowhere/out", "SBATCH_EXPORT": "NONE",
                    "SBATCH_WAIT": "1", "SBATCH_TIMELIMIT": "x", "SQUEUE_PARTITION": "other", "SQUEUE_FORMAT2": "JobID",
                    "SCANCEL_INTERACTIVE": "1", "SCANCEL_PARTITION": "other"}
        environment = dict(os.environ, JOBHOST_STORE=self.store, **defaults)
        on_slurm = ["-b", "slurm", "-j", "2", "--slurm", "time=7"]
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..2", "milliseconds=15000", *on_slurm, env=environment)
        rows, said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, rows.count("\n")), (0, 2), said)
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..900", "milliseconds=100", *on_slurm, env=environment)
        self.wait_until(lambda: self.running() == 2, "not all run")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 130, said)

    def test_nodes_that_cannot_work_are_not_tried_for_ever(self):
        alone = pathlib.Path(self.folder, "bin", "jobhost")  # without the programs that it needs
        alone.parent.mkdir()
        shutil.copy(JOBHOST, alone)
        process = subprocess.run([alone, "run", f"{HOSTILE}:inc", "x=1..20", "-b", "slurm", "-j", "2"], cwd=self.folder,
                                 env=dict(os.environ, JOBHOST_STORE=self.store), capture_output=True, text=True, timeout=90)
        self.assertEqual(process.returncode, 4, process.stderr)
        self.assertIn("n1 takes no task: cannot start", process.stderr)

    def test_tasks_that_are_cancelled_in_the_queue_are_missing_only_where_all_are(self):
        run = ["run", f"{HOSTILE}:sleeps", "x=0..1999", "milliseconds=20", "-b", "slurm", "-j", "6", "-o", "out.csv"]
        process = self.start(*run)
        self.wait_until(lambda: self.running() == 6, "not all run")
        entries = [entry["id"] for entry in cluster.queue() if entry["state"] == "RUNNING"]
        cluster.run("scancel", *entries[:2])
        said = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.read("out.csv").count("\n"), 2001)
        process = self.start(*run)
        self.wait_until(lambda: self.running() == 6, "not all run")
        self.wait_until(lambda: self.rows("results", "@last"), "none of them works")
        cluster.run("scancel", "--user=root")
        said = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 4, said)
        self.assertIn("slurm says of the workers: 6 CANCELLED", said)
        self.assertIn("their time limit was reached, or somebody cancelled them in the queue", said)
        self.run_jobhost("resume", "@last")
        self.assertEqual(self.read("out.csv").count("\n"), 2001)

    def put(self, program, script):
        """Where jobhost finds it before any other of that name."""
        path = pathlib.Path(self.folder, "programs", program)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return dict(os.environ, JOBHOST_STORE=self.store, PATH=f"{path.parent}:{os.environ['PATH']}")

    def words_of_workers_that_squeue_forgot(self, environment):
        """What is said when all were cancelled, and squeue does not know of them any more."""
        process = self.start("run", f"{HOSTILE}:sleeps", "x=0..1999", "milliseconds=20", "-b", "slurm", "-j", "6", "-o", "out.csv",
                             env=environment)
        self.wait_until(lambda: self.running() == 6, "not all run")
        self.put("squeue", ":")
        cluster.run("scancel", "--user=root")
        said = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 4, said)
        return said

    def test_sacct_tells_of_workers_that_squeue_forgot_from_the_file_of_completed_jobs(self):
        said = self.words_of_workers_that_squeue_forgot(self.put("scontrol", 'exec /usr/bin/scontrol "$@"'))
        self.assertIn("slurm says of the workers: 6 CANCELLED\n", said)
        self.assertIn("slurm: 0 run, 0 wait, 6 CANCELLED", self.run_jobhost("show").out)

    def test_a_stand_in_for_sacct_with_accounting_is_asked_once_for_all(self):
        environment = self.put("sacct", f"""\
echo "$@" >>{self.folder}/asked
name=$(printf '%s\\n' "$@" | sed -n 's/^--name=//p')
for task in 0 1 2 3; do echo "$name|TIMEOUT|0:15|n1|7_$task"; done
echo "$name|OUT_OF_MEMORY|0:125|n2|7_4"
echo "$name|CANCELLED by 0|0:0|n2|7_5"
echo "$name-other|FAILED|1:0|n2|8"
""")
        said = self.words_of_workers_that_squeue_forgot(environment)
        self.assertIn("slurm says of the workers: 1 CANCELLED, 1 OUT_OF_MEMORY, 4 TIMEOUT\n", said)
        (asked,) = self.read("asked").splitlines()
        self.assertIn(f" --name=jobhost-{self.job_folders()[0]} ", asked)

    def test_without_records_nothing_is_said_of_them(self):
        said = self.words_of_workers_that_squeue_forgot(self.put("sacct", "echo Slurm accounting storage is disabled >&2; exit 1"))
        self.assertNotIn("accounting", said)
        self.assertNotIn("slurm says", said)

    def test_a_time_limit_is_no_loss_when_workers_are_submitted_again(self):
        process = self.start("run", f"{HOSTILE}:counted", "x=1..1500", f"file={self.folder}/ran", "microseconds=20000", "-b",
                             "slurm", "-j", "2", "--slurm", "time=1", "--auto-resubmit", "-o", "out.csv")
        self.wait_until(lambda: self.running() == 2, "not all run")
        for entry in cluster.queue():
            if entry["state"] == "RUNNING":
                cluster.end_time_limit(entry["id"])
        said = process.communicate(timeout=200)[1]
        self.assertEqual(process.returncode, 0, said)
        self.expect_log_of_executions(1500)
        self.assertEqual(self.read("out.csv").count("\n"), 1501)


if __name__ == "__main__":
    unittest.main()
