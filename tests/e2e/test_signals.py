"""Processes of a job that are suspended or killed while they run."""
import os
import pathlib
import resource
import shutil
import signal
import time

from jobhost import HOSTILE, POISON, JobhostTest, running_workers


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def first_words(host):
    """The first line of standard error that is no progress."""
    return next(line for line in iter(host.stderr.readline, "") if not line.startswith("["))


class Signals(JobhostTest):
    def slow_job(self):
        """A running host and its worker."""
        host = self.start("run", f"{HOSTILE}:sleeps", "x=1..300", "milliseconds=20", "-j2")
        self.wait_until(lambda: list(pathlib.Path(self.store).glob("*/MANIFEST")) and self.rows("results"), "no task was done")
        return host, next(pid for pid in running_workers(self.store) if parent_of(pid) == host.pid)

    def test_a_suspended_worker_is_named_and_may_go_on(self):
        host, worker = self.slow_job()
        os.kill(worker, signal.SIGSTOP)
        self.assertEqual(first_words(host), f"the worker with pid {worker} is suspended: it is replaced after 10 s, "
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
        self.wait_until(lambda: list(pathlib.Path(self.store).glob("*/MANIFEST")), "there is no job")
        time.sleep(0.5)
        host.send_signal(signal.SIGINT)
        self.assertIn("stopping: running tasks are finished", first_words(host))
        host.kill()
        host.communicate()
        self.wait_until(lambda: not running_workers(self.store), "workers are left behind", 10)

    def test_the_first_signal_ends_what_is_no_job_yet(self):
        os.mkfifo(os.path.join(self.folder, "fifo"))
        keep_open = os.open(os.path.join(self.folder, "fifo"), os.O_RDWR)
        for words, options in ((["--csv", "fifo"], {}), (["--jsonl", "-"], {"stdin": keep_open})):
            for how, code in (signal.SIGINT, 130), (signal.SIGTERM, 143):
                with self.subTest(words=words, how=how):
                    host = self.start("run", f"{HOSTILE}:inc", *words, **options)
                    self.wait_until(lambda: self.job_folders(), "it does not begin")
                    host.send_signal(how)
                    err = host.communicate(timeout=10)[1]
                    self.assertEqual(host.returncode, code, err)
                    self.assertIn("interrupted: there is no job yet", err)
                    self.assertEqual(self.job_folders(), [])
        os.close(keep_open)

    def test_the_first_signal_ends_the_writing_of_rows(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..1000000", "-o", "all.npy")
        for how, code in (signal.SIGINT, 130), (signal.SIGTERM, 143):
            with self.subTest(how=how):
                writer = self.start("results")  # which stops when the pipe is full
                self.wait_until_handled(writer, how)
                writer.send_signal(how)
                out, err = writer.communicate(timeout=30)
                self.assertEqual(writer.returncode, code, err)
                self.assertIn("interrupted: the output is not complete", err)
                self.assertLess(out.count("\n"), 1_000_000)

    def test_what_must_be_a_regular_file_is_one(self):
        for name in "fifo", "fifo.so", "fifo.cpp":
            os.mkfifo(os.path.join(self.folder, name))
        for code, words in ((3, ["./fifo.so:inc", "x=1"]), (2, ["./fifo.cpp:inc", "x=1"]),
                            (2, [f"{HOSTILE}:inc", "--common", "x=@fifo"]),
                            (2, [f"{HOSTILE}:inc", "x=1", "--session", "fifo"]),
                            (2, [f"{HOSTILE}:inc", "--npy", "fifo"])):
            with self.subTest(words=words):
                self.assertIn("is not a regular file", self.refused("run", *words, code=code))

    def test_a_line_without_end_has_one(self):
        self.assertIn("has a line of more than 256 MiB", self.refused("run", f"{HOSTILE}:inc", "--csv", "/dev/zero", code=2))

    def test_a_limit_on_the_size_of_files_is_like_a_full_disk(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        host = self.start("run", f"{HOSTILE}:large", "n=100000..100020", preexec_fn=limited)
        err = host.communicate(timeout=60)[1]
        self.assertEqual(host.returncode, 4, err)
        self.assertIn("ulimit -f", err)
        self.write("long.csv", "x\n" + "12345678\n" * 400_000)
        before = self.job_folders()
        host = self.start("run", f"{HOSTILE}:inc", "--csv", "long.csv", preexec_fn=limited)
        err = host.communicate(timeout=60)[1]
        self.assertEqual(host.returncode, 4, err)
        self.assertIn("ulimit -f", err)
        self.assertEqual(self.job_folders(), before)

    def test_the_signal_that_ended_a_task_is_told(self):
        for how, number, word in (("alarm", signal.SIGALRM, "SIGALRM"), ("slow", signal.SIGXCPU, "ulimit -t")):
            with self.subTest(how=how):
                row, = self.rows("run", f"{POISON}:poison", "x=1", f"how={how}", "--retries", "0", code=1)
                self.assertEqual((row["error"]["kind"], row["error"]["signal"]), ("crash", number))
                self.assertIn(word, str(row["error"]))

    def test_lost_files_of_a_job_are_damage(self):
        self.write("in.csv", "x\n1\n2\n")
        self.run_jobhost("run", f"{HOSTILE}:inc", "--csv", "in.csv")
        folder = pathlib.Path(self.store, self.job_folders()[0])
        (folder / "inputs" / "0000").unlink()
        for words in ["results", "--format", "csv"], ["resume", "--format", "csv"], ["replay", "@last/0"], ["show", "@last/0"]:
            with self.subTest(words=words):
                self.assertIn("the file is missing", self.run_jobhost(*words, code=5).err)
        job = self.run_jobhost("submit", "--hold", f"{HOSTILE}:inc", "x=1..10").out.strip()
        shutil.rmtree(pathlib.Path(self.store, job, "blob"))
        self.assertIn("is missing", self.run_jobhost("resume", job, code=5).err)

    def test_a_job_directory_that_vanishes_is_gone(self):
        host, _ = self.slow_job()
        os.rename(self.store, self.store + ".elsewhere")
        err = host.communicate(timeout=60)[1]
        self.assertEqual(host.returncode, 5, err)
        self.assertIn("is gone: nothing is kept", err)
