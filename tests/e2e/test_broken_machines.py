"""Workers on machines that cannot do their part: a machine is a host name of its own here."""
import json
import os
import subprocess

from jobhost import HOSTILE, JOBHOST, JobhostTest


class BrokenMachines(JobhostTest):
    def fails(self, worker, code):
        err = worker.communicate(timeout=60)[1]
        self.assertEqual(worker.returncode, code, err)
        return err

    def test_a_worker_that_cannot_load_the_code_claims_nothing_and_says_why(self):
        job = self.held(f"{HOSTILE}:inc", "x=1..1000")
        cache = os.path.join(self.folder, "cache")
        os.mkdir(cache)
        no_room = f"mount -t tmpfs -o size=4k none {cache}"
        for _ in range(3):
            self.fails(self.start_worker(job, "bad", before=no_room, environment={"XDG_CACHE_HOME": cache}), 4)
        self.assertEqual(self.claims(job), [])
        refusals = json.loads(self.run_jobhost("show", job, "--json").out)["refusals"]
        self.assertEqual([(one["hostname"], one["code"], one["workers"]) for one in refusals], [("bad", 4, 3)])
        self.assertIn("no space left", refusals[0]["reason"])
        self.assertIn("bad (3 workers)", self.run_jobhost("show", job).out)
        # Three failures exclude the machine, though nothing is wrong with it any more; others are welcome.
        excluded = self.fails(self.start_worker(job, "bad"), 4)
        self.assertIn("this machine, bad, is excluded from job", excluded)
        self.assertIn("no space left", excluded)
        self.assertEqual(self.claims(job), [])
        self.assertIn("bad (3 workers): ", self.run_jobhost("attach", job, code=4).err)
        # A host that resumes the job begins anew.
        self.assertEqual(len(self.rows("resume", job)), 1000)
        self.assertNotIn("refused", self.run_jobhost("show", job).out)
        self.fails(self.start_worker(job, "bad"), 0)

    def test_a_worker_whose_executors_cannot_start_claims_nothing(self):
        job = self.held(f"{HOSTILE}:inc", "x=1..1000")
        libexec = os.path.join(os.path.dirname(os.path.dirname(JOBHOST)), "libexec", "jobhost")
        self.fails(self.start_worker(job, "bad", before=f"mount -t tmpfs none {libexec}"), 4)
        self.assertEqual(self.claims(job), [])

    def test_a_machine_where_every_task_crashes_does_not_drain_a_job(self):
        job = self.held(f"{HOSTILE}:needs_host", "x=1..1000", "name=good", "microseconds=10000")
        good = self.start_worker(job, "good")
        self.wait_until(lambda: self.rows("results", job), "no task was done")
        bad = self.start_worker(job, "bad", "--lanes", "2")
        err = self.fails(bad, 4)
        self.assertIn("left to the workers on other machines", err)
        self.fails(good, 0)
        rows = self.rows("results", job)
        self.assertEqual([row.get("result") for row in rows], list(range(1, 1001)))

    def test_a_single_machine_blames_tasks_at_once(self):
        job = self.held(f"{HOSTILE}:needs_host", "x=1..20", "name=nowhere", "microseconds=0", "--retries", "0")
        self.fails(self.start_worker(job, "bad"), 0)
        self.assertEqual([row["error"]["kind"] for row in self.rows("results", job, code=1)], ["crash"] * 20)

    def test_a_host_whose_own_workers_fail_leaves_the_job_to_others(self):
        job = self.held(f"{HOSTILE}:sleeps", "x=1..600", "milliseconds=5")
        good = self.start_worker(job, "good")
        self.wait_until(lambda: self.rows("results", job), "no task was done")
        cache = os.path.join(self.folder, "file")
        self.write("file", "")  # no directory can be made beneath it
        host = subprocess.run([JOBHOST, "resume", job], cwd=self.folder, text=True, capture_output=True, timeout=60,
                              env=dict(os.environ, JOBHOST_STORE=self.store, XDG_CACHE_HOME=cache))
        self.assertEqual(host.returncode, 0, host.stderr)
        self.assertIn("workers that others started go on", host.stderr)
        self.assertEqual(host.stdout.count("\n"), 600)
        self.fails(good, 0)
