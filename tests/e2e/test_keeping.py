"""Jobs that are repeated, replayed, checked and removed; and the commands about jobhost itself."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from jobhost import HOSTILE, JOBHOST, SETTINGS, JobhostTest, running_workers

APPROVED = pathlib.Path(__file__).with_name("approved_help.txt")


class Keeping(JobhostTest):
    def directory(self):
        return json.loads(self.run_jobhost("show", "--json").out)["directory"]

    def test_failed_tasks_are_repeated_as_a_job_of_their_own(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=0..300", "-j2", code=1)
        parent = json.loads(self.run_jobhost("show", "--json").out)["job"]
        rows = self.rows("retry", parent, code=1)
        self.assertEqual([row["x"] for row in rows], [13, 113, 213, 250])
        shown = json.loads(self.run_jobhost("show", "--json").out)
        self.assertEqual((shown["parent"], shown["parent_tasks"]), (parent, [13, 113, 213, 250]))
        self.assertEqual([row["x"] for row in self.rows("retry", parent, "--tasks", "3,7..9,3")], [3, 7, 8, 9])
        job = self.run_jobhost("retry", parent, "--failed", "--detach").out.strip()
        self.assertEqual(len(self.rows("attach", job, code=1)), 4)
        for bad in ("x", "9..7", "301", "1,,2"):
            self.refused("retry", parent, "--tasks", bad, code=2)
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        self.assertIn("no task of job", self.run_jobhost("retry").err)

    def test_repetitions_are_named_and_missed(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=0..20", code=1)
        parent, = self.job_folders()
        process = self.run_jobhost("retry", code=1)
        self.assertIn(f"with all other tasks: jobhost results {parent} --merged", process.err)
        child = json.loads(self.run_jobhost("show", "--json").out)["job"]
        self.assertRegex(self.run_jobhost("ls").out, rf"{child} .* repeats {parent}\n")
        self.assertEqual([job["parent"] for job in json.loads(self.run_jobhost("ls", "--json").out)["jobs"]], ["", parent])
        self.assertIn(f"is no longer in jobhost results {parent} --merged", self.run_jobhost("rm", child).err)
        self.run_jobhost("retry", parent, code=1)
        child = next(job for job in self.job_folders() if job != parent)
        self.assertIn(f"note: job {child} repeats tasks of it", self.run_jobhost("rm", parent).err)
        self.assertNotIn("note:", self.run_jobhost("rm", child).err)

    def test_what_killed_hosts_leave_beside_their_output_is_removed(self):
        for command in (["resume", "-o", "other.csv"], ["rm"]):
            process = self.start("run", f"{HOSTILE}:sleeps", "x=1..20", "milliseconds=20", "-j1", "-o", "out.csv")
            self.wait_until(lambda: list(pathlib.Path(self.folder).glob("out.csv.*.part")), "no output")
            process.kill()
            process.communicate()
            self.wait_until(lambda: not running_workers(self.store), "a worker lives on")
            part, = pathlib.Path(self.folder).glob("out.csv.*")
            self.run_jobhost(command[0], part.name.split(".")[2], *command[1:])
            self.assertFalse(part.exists())
        self.assertEqual(len(self.read("other.csv").splitlines()), 21)

    def test_failed_tasks_are_repeated_with_mended_code(self):
        self.write("f.cpp", "#include <stdexcept>\nint f(int x) { if (x > 3) throw std::runtime_error(\"no\"); return x; }\n")
        self.run_jobhost("run", "f.cpp:f", "x=1..5", code=1)
        self.write("f.cpp", "int f(int x) { return 10 * x; }\n")
        self.run_jobhost("build", "f.cpp", "-o", "new.so")
        self.assertEqual([row["result"] for row in self.rows("retry", "--plugin", "new.so")], [40, 50])
        self.write("f.cpp", "int f(double x) { return x; }\n")
        self.run_jobhost("build", "f.cpp", "-o", "other.so")
        self.assertIn("the parameters of 'f' are others", self.refused("retry", "--tasks", "1", "--plugin", "other.so", code=3))
        self.assertIn("are others in 'f.cpp'", self.refused("retry", "--tasks", "1", "--plugin", "f.cpp", code=3))

    def test_a_task_is_replayed_with_its_context(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=12,13,250", "--retries", "0", code=1)
        self.assertEqual(self.run_jobhost("replay", "@last/0").out, "24\n")
        self.assertIn("threw std::domain_error: unlucky 13", self.run_jobhost("replay", "@last/1", code=1).err)
        self.run_jobhost("replay", "@last/2", code=-signal.SIGSEGV)
        self.run_jobhost("run", f"{SETTINGS}:settings", "x=1", "--set", "alpha=9")
        self.assertTrue(self.run_jobhost("replay", "@last/0").out.startswith('"1 9.000000'))
        self.run_jobhost("run", f"{SETTINGS}:chatty", "x=1")
        self.assertIn("out 1.0\n", self.run_jobhost("replay", "@last/0").out)
        self.assertIn("names no task", self.run_jobhost("replay", "@last", code=2).err)

    def test_a_task_is_replayed_in_gdb(self):
        self.assertTrue(shutil.which("gdb"), "tests/support/install_packages.sh --tests installs gdb")
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=13", code=1)
        out = self.run_jobhost("replay", "@last/0", "--gdb", stdin="backtrace 1\ncontinue\nbacktrace 6\nkill\nquit\n").out
        self.assertIn("fussy (x=13)", out)
        self.assertRegex(out, r"check \(x=.*13\)")

    def test_verify_finds_damage_anywhere(self):
        self.write("in.csv", "x\n" + "".join(f"{x}\n" for x in range(100)))
        self.run_jobhost("run", f"{HOSTILE}:text_of", "--csv", "in.csv", "-o", "out.csv")
        self.assertEqual(self.run_jobhost("verify").out.splitlines()[-1], "sound")
        directory = pathlib.Path(self.directory())
        logs = [path for path in directory.glob("logs/*/*") if path.stat().st_size > 200]
        for path in [*directory.glob("blob/*"), directory / "inputs/0000", *logs]:
            whole = path.read_bytes()
            path.chmod(0o600)
            for place in (len(whole) // 2, len(whole) - 20, 70):
                bad = bytearray(whole)
                bad[place] ^= 1
                path.write_bytes(bad)
                process = self.run_jobhost("verify", code=5)
                self.assertIn("damaged:", process.out, (path, place))
            path.write_bytes(whole)
        self.assertTrue(json.loads(self.run_jobhost("verify", "--json").out)["sound"])

    def test_verify_says_whether_the_result_is_complete(self):
        self.run_jobhost("submit", "--hold", f"{HOSTILE}:fussy", "x=0..199")
        job, = self.job_folders()
        lines = self.run_jobhost("verify").out.splitlines()
        self.assertEqual(lines[1:], [f"200 tasks: 0 succeeded, 0 failed, 200 missing; go on with: jobhost resume {job}", "sound"])
        self.run_jobhost("resume", code=1)
        self.assertEqual(self.run_jobhost("verify").out.splitlines()[1:], ["200 tasks: 198 succeeded, 2 failed, none missing", "sound"])
        directory = pathlib.Path(self.directory())
        logs = [path for path in directory.glob("logs/*/*") if path.stat().st_size > 200]
        with open(logs[0], "ab") as log:
            log.write(b"JF")
        document = json.loads(self.run_jobhost("verify", "--json").out)
        self.assertEqual([document[key] for key in ("complete", "succeeded", "failed", "missing", "go_on")], [True, 198, 2, 0, None])
        self.assertIn("nothing is lost by it", document["notes"][0]["what"])
        # Damage that costs nothing is said to cost nothing.
        shutil.rmtree(directory / "workers")
        out = self.run_jobhost("verify", code=5).out
        self.assertEqual(out.count("damaged:"), 1, out)
        self.assertIn("no result is lost by that", out)
        next(directory.glob("blob/*")).unlink()
        out = self.run_jobhost("verify", code=5).out
        self.assertIn("remains: all results are there, and nothing has to be done", out)
        self.assertIn("remains: what is damaged is needed only to run tasks again", out)
        self.assertNotIn("submit", out)

    def test_a_damaged_job_that_was_completed_needs_nothing(self):
        self.run_jobhost("run", f"{HOSTILE}:text_of", "x=1..200", "-j1")
        directory = pathlib.Path(self.directory())
        log = max(directory.glob("logs/*/*"), key=lambda path: path.stat().st_size)
        damaged = bytearray(log.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        log.write_bytes(damaged)
        before = json.loads(self.run_jobhost("verify", "--json", code=5).out)
        self.assertEqual((before["complete"], before["missing"]), (False, 200 - before["succeeded"]))
        self.assertIn("what is missing is computed by: jobhost resume", before["remains"][1])
        self.run_jobhost("resume")
        after = json.loads(self.run_jobhost("verify", "--json", code=5).out)
        self.assertEqual((after["complete"], after["missing"], len(after["remains"])), (True, 0, 1))
        self.assertIn("all results are there, and nothing has to be done", after["remains"][0])

    def test_jobs_are_removed_but_not_while_they_run(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=2")
        job = self.run_jobhost("submit", f"{HOSTILE}:sleeps", "x=1..1000", "milliseconds=20").out.strip()
        self.wait_until(lambda: "running" in self.run_jobhost("ls").out, "not running")
        self.assertIn("is running", self.run_jobhost("rm", job, code=2).err)
        self.run_jobhost("cancel", job)
        self.wait_until(lambda: "cancelled" in self.run_jobhost("ls").out, "still running")
        jobs = [entry["job"] for entry in json.loads(self.run_jobhost("ls", "--json").out)["jobs"]]
        self.assertIn("no job 'none'", self.run_jobhost("rm", jobs[0], "none", code=2).err)
        self.run_jobhost("rm", *jobs)
        self.assertEqual(self.job_folders(), [])

    def test_gc_removes_what_nobody_needs(self):
        os.environ["XDG_CACHE_HOME"] = os.path.join(self.folder, "cache")
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME"))
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        half = os.path.join(self.store, "20200101-000000-abcd")
        for name in ("blob", "claims"):
            os.makedirs(os.path.join(half, name))
        barely = os.path.join(self.store, "20200101-000000-beef")  # killed before there was anything in it
        os.mkdir(barely)
        ignored = os.path.join(self.store, ".gitignore.0123456789abcdef.tmp")
        open(ignored, "w").close()
        foreign = [os.path.join(self.store, name) for name in ("mine", "20200101-000000-0001", "20200101-000000-0002.txt")]
        for path in foreign[:2]:
            os.mkdir(path)
        for path in (foreign[1] + "/notes.txt", foreign[2]):
            open(path, "w").close()
        old = time.time() - 90 * 86400
        cached = [os.path.join(self.folder, "cache/jobhost", name) for name in os.listdir(f"{self.folder}/cache/jobhost")]
        self.age(half)
        for path in (barely, ignored, *foreign, *cached):
            os.utime(path, (old, old))
        self.assertEqual(self.run_jobhost("-v", "gc", "--days", "100").out.splitlines(),
                         [f"removed {path}" for path in (ignored, half, barely)])
        summary = self.run_jobhost("gc", "--dry-run")
        self.assertEqual(summary.out, "")
        self.assertRegex(summary.err, rf"^would remove {len(cached)} folders?, \d+ KiB \(-v lists them\)\n$")
        would = self.run_jobhost("-v", "gc", "--dry-run").out
        self.assertTrue(all(f"would remove {path}\n" in would for path in cached))
        self.run_jobhost("gc")
        self.assertIn("nothing that no job needs is older than 30 days", self.run_jobhost("gc").err)
        self.assertEqual(os.listdir(os.path.join(self.folder, "cache/jobhost")), [])
        self.assertTrue(all(map(os.path.exists, foreign)))
        self.assertEqual(len(self.rows("results")), 1)

    def age(self, folder, days=90):
        """Makes all that is in a folder as old as that."""
        then = time.time() - days * 86400
        for path in (*pathlib.Path(folder).rglob("*"), folder):
            os.utime(path, (then, then))

    def private_cache(self):
        os.environ["XDG_CACHE_HOME"] = os.path.join(self.folder, "cache")
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME"))
        return pathlib.Path(self.folder, "cache/jobhost")

    def test_gc_leaves_a_submission_alone_whose_inputs_are_slow(self):
        self.private_cache()
        slow = self.start("run", f"{HOSTILE}:inc", "--csv", "-", stdin=subprocess.PIPE)
        slow.stdin.write("x\n1\n")
        slow.stdin.flush()
        self.wait_until(lambda: list(pathlib.Path(self.store).glob("*/host/submitter")), "no submission")
        folder = next(iter(pathlib.Path(self.store).glob("2*")))
        self.age(folder)
        self.assertEqual(self.run_jobhost("-v", "gc").out, "")
        self.assertTrue(folder.is_dir())
        out, err = slow.communicate("2\n", timeout=60)
        self.assertEqual(slow.returncode, 0, err)
        self.assertFalse((folder / "host/submitter").exists())
        # The same, killed: it is removed once it is old.
        slow = self.start("run", f"{HOSTILE}:inc", "--csv", "-", stdin=subprocess.PIPE)
        self.wait_until(lambda: list(pathlib.Path(self.store).glob("*/host/submitter")), "no submission")
        folder = next(iter(pathlib.Path(self.store).glob("*/host/submitter"))).parent.parent
        slow.kill()
        slow.communicate()
        self.assertEqual(self.run_jobhost("-v", "gc").out, "")
        self.age(folder)
        self.assertEqual(self.run_jobhost("-v", "gc").out, f"removed {folder}\n")

    def test_a_worker_whose_code_was_removed_from_the_cache_copies_it_again(self):
        cache = self.private_cache()
        job = self.run_jobhost("submit", f"{HOSTILE}:sleeps", "x=1..60", "milliseconds=50", "-j1").out.strip()
        self.wait_until(lambda: json.loads(self.run_jobhost("show", job, "--json").out)["done"] > 3, "nothing is done")
        for path in cache.glob("*"):
            shutil.rmtree(path)
        executors = [pid for worker in running_workers(self.store)
                     for pid in pathlib.Path("/proc", str(worker), "task", str(worker), "children").read_text().split()]
        self.assertTrue(executors)
        for pid in executors:
            os.kill(int(pid), signal.SIGKILL)
        self.assertEqual(len(self.rows("attach", job)), 60)
        self.assertTrue(list(cache.glob("*/*.so")))

    def test_gc_in_a_loop_does_no_harm_to_jobs_that_begin_and_run(self):
        cache = self.private_cache()
        jobs = []
        for number in range(6):
            jobs.append(self.start("run", f"{HOSTILE}:counted", "x=1..40", "microseconds=2000",
                                   f"file={self.folder}/count{number}", "-j2", "--quiet"))
            for _ in range(2):
                for path in cache.glob("*"):
                    try:
                        os.utime(path, (1e9, 1e9))
                    except FileNotFoundError:
                        pass
                self.run_jobhost("gc", "--days", "0")
        for job in jobs:
            out, err = job.communicate(timeout=120)
            self.assertEqual((job.returncode, len(out.splitlines())), (0, 40), err)

    def test_verify_says_what_is_damaged_and_what_remains(self):
        self.run_jobhost("run", f"{HOSTILE}:text_of", "x=1..8", "-j1", "--chunk", "1")
        directory = pathlib.Path(self.directory())
        log = max(directory.glob("logs/*/*.0.*"), key=lambda path: path.stat().st_size)
        data = bytearray(log.read_bytes())
        data[64 + 70] ^= 4  # in the payload of the first frame
        log.write_bytes(data)
        (directory / "stray").write_text("")
        document = json.loads(self.run_jobhost("verify", "--json", code=5).out)
        first = document["damaged"][0]
        self.assertIn((str(log.relative_to(directory)), 64), [(found["file"], found["byte"]) for found in document["damaged"]])
        self.assertIn("stray", [found["file"] for found in document["notes"]])
        lost = 8 - document["tasks"]
        self.assertGreater(lost, 0, first)
        process = self.run_jobhost("results", "--format", "csv", code=5)
        self.assertEqual(len(process.out.splitlines()), 1 + 8 - lost)
        self.assertIn(f"damaged: '{log}' at byte 64", process.err)
        self.assertIn("damaged", self.run_jobhost("ls").out)
        (directory / "MANIFEST").chmod(0o600)
        text = (directory / "MANIFEST").read_text()
        (directory / "MANIFEST").write_text(text.replace('"retries": 2', '"retries": 3'))
        self.assertIn("is not as it was submitted", self.run_jobhost("verify", code=5).err)


class Help(JobhostTest):
    def test_every_help_text_is_the_approved_one(self):
        commands = self.run_jobhost("__complete", "jobhost ").out.split()
        text = self.run_jobhost("--help").out
        actions = [f"session {action}" for action in self.run_jobhost("__complete", "jobhost session ").out.split()]
        for command in [*commands, *actions, "worker"]:
            text += f"\n==== {command}\n" + self.run_jobhost(*command.split(), "--help").out
        if os.environ.get("APPROVE"):
            APPROVED.write_text(text)
        self.assertEqual(text, APPROVED.read_text(), "run this test with APPROVE=1 when the change is meant")
