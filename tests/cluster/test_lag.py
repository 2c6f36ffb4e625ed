"""Machines that share a job through a network file system: what one does, others see late (stale_view.cpp)."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from jobhost import HOSTILE, JobhostTest  # noqa: E402

STALE_VIEW = os.environ["STALE_VIEW"]


QUEUE = """\
#!/bin/sh
#jobhost submit: false
#jobhost status: echo 1
#jobhost running: running
#jobhost waiting: 1
#jobhost cancel: :
exec {worker}
"""


class Lag(JobhostTest):
    """The directory `real` and views of it; `self.store` is the store in it, as the server itself has it."""

    def setUp(self):
        super().setUp()
        self.real = pathlib.Path(self.folder, "real")
        self.real.mkdir()
        self.store = str(self.real / "store")
        self.views = {}

    def tearDown(self):
        try:
            super().tearDown()
        finally:
            for name in list(self.views):
                self.unmount(name)

    def view(self, name, **options):
        """Mounts a view, and returns the path of the store in it."""
        place = pathlib.Path(self.folder, name)
        place.mkdir()
        words = [f"{option}={value}" for option, value in options.items()]
        self.views[name] = subprocess.Popen([STALE_VIEW, self.real, place, *words], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_until(lambda: os.path.ismount(place), "the view is not mounted")
        return str(place / "store")

    def unmount(self, name):
        """Also where the view died before."""
        subprocess.run(["fusermount3", "-u", "-z", os.path.join(self.folder, name)], check=True)
        view = self.views.pop(name)
        view.kill()
        view.wait()

    def tear_off(self, name):
        """The machine of this view dies: what it has not sent is lost."""
        self.views[name].kill()

    def submit(self, store, *words):
        return self.run_jobhost("--store", store, "submit", "--hold", *words).out.strip()

    def digest(self, job):
        return hashlib.sha256(pathlib.Path(self.store, job, "MANIFEST").read_bytes()).hexdigest()

    def worker(self, machine, store, job, *words, lanes=2, digest=None):
        return self.start_elsewhere(machine, "worker", "--job", f"{store}/{job}", "--manifest", digest or self.digest(job),
                                    "--lanes", lanes, *words)

    def ends(self, worker, code=0, seconds=120):
        err = worker.communicate(timeout=seconds)[1]
        self.assertEqual(worker.returncode, code, err)
        return err

    def results(self, store, job):
        return self.run_jobhost("--store", store, "results", job).out

    def on_one_machine(self, *words):
        """What the same tasks give where nothing lags."""
        return self.run_jobhost("--store", os.path.join(self.folder, "plain"), "run", *words).out

    def ran_twice(self, job):
        return self.document(self.store, job)["ran_twice"]

    def document(self, store, job):
        return json.loads(self.run_jobhost("--store", store, "show", job, "--json").out)


class Results(Lag):
    def test_what_one_machine_submits_another_computes(self):
        self.write("rows.csv", "x\n" + "".join(f"{x * x}\n" for x in range(3000)))
        words = (f"{HOSTILE}:text_of", "--csv", "rows.csv")
        plain = self.on_one_machine(*words)
        for mode, options in (("processes", {}), ("threads", {"negative": 60, "listing": 1})):
            with self.subTest(mode):
                near, far = self.view(f"near-{mode}", **options), self.view(f"far-{mode}", **options)
                job = self.submit(near, *words)
                self.assertEqual(json.loads(pathlib.Path(self.store, job, "MANIFEST").read_text())["lease_ms"], 90_000)
                watcher = self.start("--store", near, "attach", job)
                worker = self.worker("far", far, job, "--mode", mode)
                self.ends(worker)
                ended = time.monotonic()
                out, err = watcher.communicate(timeout=30)
                self.assertLess(time.monotonic() - ended, 3 + 2)  # what is remembered, and a look
                self.assertEqual((watcher.returncode, out), (0, plain), err)
                for store in (near, far, self.store):
                    self.assertEqual(self.results(store, job), plain)
                self.assertEqual(self.ran_twice(job), 0)

    def test_results_are_seen_while_their_worker_goes_on(self):
        near, far = self.view("near"), self.view("far", writes=600)
        job = self.submit(near, f"{HOSTILE}:sleeps", "x=1..200", "milliseconds=60", "--sync", "process")
        with open(os.path.join(self.folder, "seen"), "w") as seen:
            watcher = self.start("--store", near, "attach", job, stdout=seen)
        worker = self.worker("far", far, job)
        self.wait_until(lambda: self.read("seen").count("\n") > 1, "nothing is seen")
        self.assertIsNone(worker.poll(), "it had ended before anything was seen")
        self.ends(worker)
        err = watcher.communicate(timeout=30)[1]
        self.assertEqual((watcher.returncode, self.read("seen").count("\n")), (0, 200), err)

    def test_a_job_that_is_done_is_not_called_damaged(self):
        near, far = self.view("near", listing=6, negative=6), self.view("far")
        job = self.submit(far, f"{HOSTILE}:inc", "x=1..1000")
        self.assertEqual(self.document(near, job)["state"], "not begun")  # and near remembers that there are no logs
        self.ends(self.worker("far", far, job))
        self.wait_until(lambda: self.document(near, job)["state"] == "done", "it is not seen to be done", 10)
        self.assertEqual(self.results(near, job).count("\n"), 1000)
        self.assertEqual(self.document(near, job)["done"], 1000)

    def test_links_whose_answers_are_lost(self):
        words = (f"{HOSTILE}:spin", "x=1..2000", "microseconds=300")
        near, far = self.view("near", lose=2), self.view("far", lose=3)
        job = self.submit(near, *words)
        workers = [self.worker(name, store, job) for name, store in (("near", near), ("far", far))]
        for worker in workers:
            self.ends(worker)
        self.assertEqual(self.ran_twice(job), 0)
        self.assertEqual(self.results(far, job), self.on_one_machine(*words))


class Bundles(Lag):
    def hidden(self, *parts):
        """Takes a part of the store away, and returns how to bring it back."""
        path, aside = pathlib.Path(self.store, *parts), pathlib.Path(self.folder, "aside")
        path.rename(aside)
        return lambda: aside.rename(path)

    def test_a_worker_waits_for_its_job(self):
        far = self.view("far")
        for what in ("job", "MANIFEST", "blob"):
            with self.subTest(what):
                job = self.submit(self.store, f"{HOSTILE}:inc", "x=1..1000")
                digest = self.digest(job)
                blob = os.listdir(pathlib.Path(self.store, job, "blob"))[0]
                bring_back = self.hidden(*{"job": (job,), "MANIFEST": (job, "MANIFEST"), "blob": (job, "blob", blob)}[what])
                worker = self.worker("far", far, job, digest=digest)
                time.sleep(0.8)
                self.assertIsNone(worker.poll())
                bring_back()
                self.ends(worker, seconds=12)
                self.assertEqual(self.run_jobhost("results", job).out.count("\n"), 1000)

    def test_a_job_that_does_not_come(self):
        far = self.view("far", negative=0.3, names=0.3, listing=0.3)
        job = self.submit(self.store, f"{HOSTILE}:inc", "x=1..1000")
        blob = os.listdir(pathlib.Path(self.store, job, "blob"))[0]
        digest = self.digest(job)
        for kind, parts in (("directory", (job,)), ("file", (job, "MANIFEST")), ("file", (job, "blob", blob))):
            with self.subTest(parts[-1]):
                bring_back = self.hidden(*parts)
                err = self.ends(self.worker("far", far, job, "--patience", "1", digest=digest), code=4)
                bring_back()
                path = "/".join([far, *parts])
                self.assertIn(f"error: the job's {kind} '{path}' is not to be seen on far, and was waited for 1 s\n", err)
                self.assertIn("is the store on a file system that all nodes share, under the same path?", err)
                self.assertIn(f"ls -l {path}", err)
                time.sleep(0.4)  # until `far` sees it again

    def test_a_worker_that_waits_can_be_ended(self):
        worker = self.start("worker", "--job", f"{self.store}/none", "--manifest", "0" * 64)
        self.wait_until_handled(worker, signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(worker.poll())
        worker.send_signal(signal.SIGTERM)
        self.ends(worker, seconds=5)


class Stale(Lag):
    """What one machine remembers another one replaces or removes: the server then knows no such file."""
    REMEMBERS = {"attributes": 60, "names": 60, "negative": 60, "listing": 1, "open": 0, "stale": 3}

    def setUp(self):
        super().setUp()
        self.near = self.view("near")
        self.far = self.view("far", **self.REMEMBERS)
        self.job = self.submit(self.near, f"{HOSTILE}:inc", "x=1..1000")
        pathlib.Path(self.store, self.job, "host", "queue").write_text(json.dumps({"backend": "template", "options": [QUEUE], "ids": []}))

    def remembered(self):
        """By the machine of the view."""
        self.assertEqual(self.document(self.far, self.job)["queue"]["waiting"], 1)
        self.assertIn(self.job, self.run_jobhost("--store", self.far, "ls").out)

    def test_files_that_are_replaced(self):
        self.remembered()
        for name in ("host/queue", "MANIFEST"):
            path = pathlib.Path(self.store, self.job, name)
            path.with_suffix(".copy").write_bytes(path.read_bytes().replace(b"echo 1", b"echo 1; echo 1"))
            path.with_suffix(".copy").rename(path)
        self.assertEqual(self.document(self.far, self.job)["queue"]["waiting"], 2)
        self.assertIn(self.job, self.run_jobhost("--store", self.far, "ls").out)
        self.ends(self.worker("far", self.far, self.job))
        self.assertEqual(self.results(self.far, self.job).count("\n"), 1000)

    def test_a_job_that_is_removed(self):
        other = self.submit(self.near, f"{HOSTILE}:inc", "x=1..10")
        self.remembered()
        digest = self.digest(self.job)
        self.run_jobhost("rm", self.job)
        for words, code, said in ((["ls"], 0, ""), (["show", self.job], 2, f"no job '{self.job}'"),
                                  (["attach", self.job], 2, f"no job '{self.job}'")):
            process = self.run_jobhost("--store", self.far, *words, code=code)
            self.assertNotIn("stale", process.err)
            self.assertIn(said, process.err)
            self.assertNotIn(self.job, process.out)
        self.assertIn(other, self.run_jobhost("--store", self.far, "ls").out)
        err = self.ends(self.worker("far", self.far, self.job, "--patience", "1", digest=digest), code=4)
        self.assertIn("is not to be seen on far", err)

    def test_a_job_that_is_removed_while_somebody_reads_it(self):
        job = self.submit(self.near, f"{HOSTILE}:sleeps", "x=1..1000", "milliseconds=50")
        store = self.view("reader", attributes=0.5, names=0.5)
        watcher = self.start("--store", store, "attach", job)
        worker = self.worker("far", self.store, job)
        self.wait_until(lambda: self.document(store, job)["done"] > 0, "no task was done")
        watcher.stdout.readline()
        shutil.rmtree(pathlib.Path(self.store, job))
        err = watcher.communicate(timeout=60)[1]
        self.assertEqual(watcher.returncode, 5, err)
        self.assertIn("is gone: nothing is kept", err)
        worker.communicate(timeout=60)

    def test_ls_finds_a_job_whose_manifest_was_asked_for_too_early(self):
        early = self.view("early", negative=60)
        path = pathlib.Path(self.store, self.job, "MANIFEST")
        path.rename(path.with_name("aside"))
        self.assertNotIn(self.job, self.run_jobhost("--store", early, "ls").out)
        self.run_jobhost("--store", early, "show", f"{early}/{self.job}", code=2)
        path.with_name("aside").rename(path)
        self.wait_until(lambda: self.job in self.run_jobhost("--store", early, "ls").out, "it is not found", 3 + 2)
        self.run_jobhost("--store", early, "show", self.job)
        self.run_jobhost("--store", early, "show", f"{early}/{self.job}")


class Lives(Lag):
    def test_a_machine_dies_and_others_wait_for_the_lease(self):
        """Hearts are seen to beat late, too: nobody but the dead is taken for dead."""
        words = (f"{HOSTILE}:sleeps", "x=1..400", "milliseconds=100")
        options = {"attributes": 6, "names": 6, "negative": 6, "open": 0}
        stores = {name: self.view(name, **options) for name in ("one", "two", "three")}
        job = self.submit(self.store, *words)  # where nothing lags, so that the lease is the short one
        lease = json.loads(pathlib.Path(self.store, job, "MANIFEST").read_text())["lease_ms"] / 1000
        workers = {name: self.worker(name, store, job) for name, store in stores.items()}
        self.wait_until(lambda: len(set(self.claimants(job))) == 3, "not all have begun")
        time.sleep(2)
        self.tear_off("three")
        workers["three"].kill()
        died = time.monotonic()
        dead = self.party("three", job)
        of_the_dead = self.claimants(job).count(dead)
        self.wait_until(lambda: self.taken_over(job), "nothing was taken over", lease + 60)
        self.assertGreater(time.monotonic() - died, lease - 2)  # it beat last up to a second before, and was seen then
        for name in ("one", "two"):
            for line in self.ends(workers[name]).splitlines():
                if "took over" in line:
                    self.assertIn(dead, line)
        self.assertLessEqual(len(self.taken_over(job)), of_the_dead)
        self.assertEqual(self.ran_twice(job), 0)
        self.assertEqual([row["result"] for row in self.rows("results", job)], list(range(1, 401)))
        workers["three"].communicate()

    def identities(self, job):
        return [json.loads(path.read_text()) for path in pathlib.Path(self.store, job, "workers").glob("*/*.id")]

    def party(self, machine, job):
        return next(identity["id"] for identity in self.identities(job) if identity["hostname"] == machine)

    def claims(self, job):
        return list(pathlib.Path(self.store, job, "claims").glob("*/*"))

    def claimants(self, job):
        return [json.loads(path.read_text())["id"] for path in self.claims(job)]

    def taken_over(self, job):
        return [path for path in self.claims(job) if not path.name.endswith(".0")]


class Commands(Lag):
    def test_cancelled_here_and_resumed_there(self):
        near, far = self.view("near", negative=60), self.view("far", negative=60)
        job = self.submit(near, f"{HOSTILE}:sleeps", "x=1..100", "milliseconds=400")
        worker = self.worker("far", far, job)
        self.wait_until(lambda: self.document(near, job)["done"] > 0, "no task was done")
        self.run_jobhost("--store", near, "cancel", job)
        cancelled = time.monotonic()
        self.ends(worker)
        self.assertLess(time.monotonic() - cancelled, 3 + 2)
        self.assertLess(self.document(self.store, job)["done"], 100)
        host = self.start("--store", near, "resume", job)
        self.wait_until(lambda: not pathlib.Path(self.store, job, "host", "cancel").exists(), "it is not resumed")
        self.ends(self.worker("far", far, job, lanes=10))  # `far` still remembers that it was cancelled
        out, err = host.communicate(timeout=30)
        self.assertEqual(host.returncode, 0, err)
        self.assertEqual([json.loads(row)["result"] for row in out.splitlines()], list(range(1, 101)))

    def test_one_owner(self):
        near, far = self.view("near"), self.view("far")
        words = (f"{HOSTILE}:sleeps", "x=1..400", "milliseconds=50")
        host = self.start("--store", near, "run", *words)
        self.wait_until(lambda: self.job_folders() and pathlib.Path(self.store, self.job_folders()[0], "host/owner.0").exists(),
                        "nobody owns the job")
        job = self.job_folders()[0]
        self.wait_until(lambda: pathlib.Path(far, job, "MANIFEST").exists(), "it is not seen")
        other = self.start_elsewhere("far", "--store", far, "resume", job)
        err = other.communicate(timeout=30)[1]
        self.assertEqual(other.returncode, 75, err)
        self.assertIn(f"is being run by process {host.pid} on", err)
        host.kill()
        host.communicate()
        self.assertEqual(self.run_jobhost("--store", far, "resume", job).out, self.on_one_machine(*words))
