"""Several hosts and one job."""
import os
import pathlib
import signal

from jobhost import HOSTILE, JobhostTest


class Ownership(JobhostTest):
    def slow_job(self, tasks=2000, milliseconds=5):
        """A running host that nobody has to read from, and the id of its job."""
        process = self.start("run", f"{HOSTILE}:sleeps", f"x=1..{tasks}", f"milliseconds={milliseconds}", "-j2",
                             "-o", "out.csv")
        self.wait_until(lambda: "sleeps" in self.run_jobhost("ls").out and self.rows("results"), "no task was done")
        return process, self.job_folders()[0]

    def end(self, process):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    def results_are_exact(self, rows, tasks):
        self.assertEqual([row["result"] for row in rows], list(range(1, tasks + 1)))

    def test_a_second_host_is_told_who_where_and_since_when(self):
        process, job = self.slow_job()
        refused = self.run_jobhost("resume", job, code=75).err
        self.assertRegex(refused, rf"is being run by process {process.pid} on \S+ since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
        self.assertIn(f"jobhost resume {job} --steal", refused)
        self.assertEqual(process.communicate(timeout=60)[1].count("error"), 0)
        self.assertEqual(self.read("out.csv").count("\n"), 2001)

    def test_a_host_on_another_machine_is_turned_away_too(self):
        process, job = self.slow_job()
        other = self.start_elsewhere("elsewhere", "resume", job)
        err = other.communicate(timeout=30)[1]
        self.assertEqual(other.returncode, 75, err)
        self.assertIn(f"process {process.pid} on", err)
        self.end(process)

    def test_a_stolen_job_ends_its_earlier_host(self):
        process, job = self.slow_job()
        thief = self.start("resume", job, "--steal")
        out, err = process.communicate(timeout=15)
        self.assertEqual(process.returncode, 75, err)
        self.assertIn(f"was taken over from this host, and is run by process {thief.pid}", err)
        self.assertEqual(thief.communicate(timeout=60)[1].count("error"), 0)
        self.assertEqual(thief.returncode, 0)
        self.assertEqual(self.read("out.csv").count("\n"), 2001)
        self.results_are_exact(self.rows("results"), 2000)
        self.assertEqual([name for name in os.listdir(self.folder) if ".part" in name], [])

    def test_of_many_hosts_at_once_exactly_one_resumes(self):
        process, job = self.slow_job(tasks=3000, milliseconds=2)
        process.kill()
        process.communicate()
        for _ in range(5):
            hosts = [self.start("resume", job) for _ in range(8)]
            self.wait_until(lambda: sum(host.poll() is None for host in hosts) <= 1, "several hosts go on")
            losers = [host for host in hosts if host.poll() is not None]
            self.assertEqual([host.returncode for host in losers], [75] * 7)
            winner = next(host for host in hosts if host not in losers)
            winner.kill()
            for host in hosts:
                host.communicate()
        self.results_are_exact(self.rows("resume", job, "--format", "jsonl"), 3000)

    def test_a_host_that_slept_longer_than_its_lease_finds_out(self):
        counted = os.path.join(self.folder, "counted")
        process = self.start("run", f"{HOSTILE}:counted", "x=1..1500", f"file={counted}", "microseconds=3000", "-j2",
                             "-o", "out.csv")
        self.wait_until(lambda: os.path.exists(counted), "nothing ran")
        process.send_signal(signal.SIGSTOP)
        other = self.start_elsewhere("elsewhere", "resume")
        err = other.communicate(timeout=60)[1]
        self.assertEqual(other.returncode, 0, err)
        process.send_signal(signal.SIGCONT)
        err = process.communicate(timeout=15)[1]
        self.assertEqual(process.returncode, 75, err)
        self.assertIn("on elsewhere", err)
        self.results_are_exact(self.rows("results"), 1500)
        self.assertEqual(self.read("out.csv").count("\n"), 1501)
        self.assertEqual(sorted(map(int, self.read("counted").split())), list(range(1, 1501)))

    def test_suspended_workers_only_write_their_own_logs(self):
        process, job = self.slow_job(tasks=600, milliseconds=5)
        workers = [int(name) for name in os.listdir("/proc") if name.isdigit() and self.works_for(name)]
        for pid in [process.pid, *workers]:
            os.kill(pid, signal.SIGSTOP)
        rows = self.rows("resume", job, "--steal", "--format", "jsonl")
        self.results_are_exact(rows, 600)
        for pid in [process.pid, *workers]:
            os.kill(pid, signal.SIGCONT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 75)
        self.results_are_exact(self.rows("results"), 600)
        self.run_jobhost("verify", job)

    def works_for(self, pid):
        try:
            title = pathlib.Path("/proc", pid, "comm").read_text()
            return title.startswith("jobhost-") and self.store.encode() in pathlib.Path("/proc", pid, "environ").read_bytes()
        except OSError:
            return False

    def test_any_number_of_readers_disturbs_nobody(self):
        process, job = self.slow_job(tasks=1500, milliseconds=2)
        readers = [self.start("attach", job, "--format", "csv", stdout=open(os.path.join(self.folder, f"{i}.csv"), "w"))
                   for i in range(20)]
        # Taken from it while it lives: readers leave where nobody works for two seconds.
        rows = self.rows("resume", job, "--steal", "--format", "jsonl")
        self.results_are_exact(rows, 1500)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, 75))  # done already, where machines are slow
        for number, reader in enumerate(readers):
            err = reader.communicate(timeout=60)[1]
            self.assertEqual(reader.returncode, 0, err)
            self.assertEqual(self.read(f"{number}.csv").count("\n"), 1501)
        self.assertNotIn("ran twice", self.run_jobhost("show", job).out)
