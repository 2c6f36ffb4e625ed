"""Jobs through templates of queueing systems, on a small one that has mishaps on demand."""
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from fake_queue import FakeQueue  # noqa: E402
from jobhost import HOSTILE, JOBHOST, SOURCE, JobhostTest, running_workers  # noqa: E402

TEMPLATE = """\
#!/bin/sh
#jobhost system: the fake queue
#jobhost most: 3
#jobhost submit: CLIENT submit {script} {workers}
#jobhost id: as <(\\d+)>
#jobhost status: CLIENT status {ids}
#jobhost running: running (\\d+)$
#jobhost waiting: waiting (\\d+)$
#jobhost ended: ended (.*)
#jobhost accident: ^NODE
#jobhost full: queue is full
#jobhost cancel: CLIENT cancel {ids}
#jobhost cancel-waiting: CLIENT cancel-waiting {ids}
# {workers} workers of {lanes}, the last of which is {last}: {{name}} is {name}, ${lanes} is not set
{environment}
{worker}
"""
LONG = ["x=0..9999", "microseconds=20000"]


class Template(JobhostTest):
    def setUp(self):
        super().setUp()
        self.queue = FakeQueue(f"{self.folder}/socket")
        self.addCleanup(self.queue.stop)
        client = f"{sys.executable} -SE {pathlib.Path(__file__).parent}/fake_queue.py {self.folder}/socket"
        self.text = TEMPLATE.replace("CLIENT", client)
        self.write("fake.sh", self.text)

    def tearDown(self):
        try:
            self.wait_until(lambda: self.queue.count() == (0, 0), "something is left in the queue")
        finally:
            self.queue.end("REMOVED")
            super().tearDown()

    def words(self, command, *kernel, lanes=6):
        return [command, f"{HOSTILE}:{kernel[0]}", *kernel[1:], "-b", "template", "--template", "fake.sh", "-j", str(lanes)]

    def wait_for(self, running, waiting):
        self.wait_until(lambda: self.queue.count() == (running, waiting), f"not {running} workers run, and {waiting} wait")

    def without(self, key):
        return "".join(line + "\n" for line in self.text.splitlines() if not line.startswith(f"#jobhost {key}:"))

    def test_results_are_those_of_other_backends(self):
        self.write("fake.sh", self.text + "#jobhost lanes: 2\n")
        self.run_jobhost(*self.words("run", "fussy", "x=1..1000", "--retries", "0", "-o", "template.csv", lanes=7), code=1)
        self.assertEqual(self.queue.submissions, [3, 1])
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=1..1000", "--retries", "0", "-o", "processes.csv", code=1)
        self.assertEqual(self.read("template.csv"), self.read("processes.csv"))
        self.assertEqual(self.read("template.csv").count("\n"), 1001)

    def test_a_done_that_outlived_records_does_not_end_a_resume(self):
        self.run_jobhost(*self.words("run", "spin", "x=0..199", "microseconds=50000"))
        job = self.job_folders()[0]
        for log in pathlib.Path(self.store, job, "logs").glob("*/*"):
            log.unlink()  # as a power cut may do
        self.assertTrue(pathlib.Path(self.store, job, "DONE").exists())
        process = self.run_jobhost("resume", job, "--format", "jsonl")
        self.assertEqual([json.loads(line)["task"] for line in process.out.splitlines()], list(range(200)))
        self.assertTrue(pathlib.Path(self.store, job, "DONE").exists())

    def test_the_script_and_commands_that_dry_run_prints_are_those_that_run(self):
        shown = self.run_jobhost(*self.words("run", "inc", "x=1..10", lanes=4), "--dry-run").out
        self.assertEqual((self.queue.submissions, self.job_folders()), ([], []))
        self.assertIn("# 3 workers of 1, the last of which is 2: {name} is jobhost-", shown)
        self.assertIn(", ${lanes} is not set\n", shown)
        self.assertIn("# and once more for 1 worker\n", shown)
        self.run_jobhost(*self.words("run", "inc", "x=1..10", lanes=4))
        job = self.job_folders()[0]
        script = pathlib.Path(self.store, job, "host", "queue.sh").read_text()
        self.assertIn(f"submit {self.store}/{job}/host/queue.sh 1\n", script)
        for line in script.splitlines():
            if job not in line:
                self.assertIn(line + "\n", shown)

    def test_a_host_may_leave_and_the_template_be_removed(self):
        self.queue.slots = 2
        job = self.run_jobhost(*self.words("submit", "spin", "x=0..399", "microseconds=5000")).out.strip()
        os.remove(f"{self.folder}/fake.sh")
        self.assertEqual([row["result"] for row in self.rows("attach", job)], [x * x for x in range(400)])
        job = self.run_jobhost("submit", f"{HOSTILE}:spin", *LONG, "-b", "template", "--template", self.path_of_copy(), "-j", "4").out
        os.remove(self.path_of_copy())
        self.wait_for(2, 2)
        self.run_jobhost("cancel", job.strip())
        self.wait_for(0, 0)

    def path_of_copy(self):
        path = f"{self.folder}/copy.sh"
        if not os.path.exists(path):
            self.write("copy.sh", self.text)
        return path

    def interrupt(self, signals):
        self.queue.slots = 2
        process = self.start(*self.words("run", "counted", "x=1..600", f"file={self.folder}/ran", "microseconds=10000"),
                             "-o", "out.csv")
        self.wait_until(lambda: os.path.exists(f"{self.folder}/ran"), "nothing runs")
        process.send_signal(signal.SIGINT)
        if signals == 2:
            self.said_until(process, "stopping")
            process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 130, said)
        self.wait_for(0, 0)
        self.run_jobhost("resume", "@last", "-b", "processes", "-j", "2")
        times = collections.Counter(self.read("ran").split())
        self.assertEqual(len(times), 600)
        self.assertLessEqual(sum(times.values()), 600 + 2)
        self.assertEqual(self.read("out.csv").count("\n"), 601)

    def test_interrupt_leaves_nothing_in_the_queue_and_resume_goes_on(self):
        self.interrupt(1)

    def test_interrupt_twice_waits_for_nothing(self):
        self.interrupt(2)

    def test_interrupt_where_the_system_cannot_cancel_only_those_that_wait(self):
        self.write("fake.sh", self.without("cancel-waiting"))
        self.queue.failing.add("cancel-waiting")
        self.interrupt(1)

    def test_a_queue_that_is_full_takes_what_it_can(self):
        self.queue.most = 4
        process = self.start(*self.words("run", "spin", "x=0..199", "microseconds=20000"))
        self.said_until(process, "the fake queue takes 4 of 6 workers now: the queue is full: 4 of 4")
        rows = process.communicate(timeout=60)[0].splitlines()
        self.assertEqual((process.returncode, len(rows)), (0, 200))
        self.assertEqual(self.queue.submissions, [3, 1])
        self.queue.most = 0
        said = self.run_jobhost(*self.words("run", "inc", "x=1..3"), code=4).err
        self.assertIn("error: the fake queue takes no worker now: the queue is full: 0 of 0\n", said)

    def test_refusals_name_what_was_said(self):
        self.queue.failing.add("submit")
        said = self.run_jobhost(*self.words("run", "inc", "x=1..3"), code=4).err
        self.assertIn("error: the fake queue refused the job: submit fails today\n", said)
        self.queue.failing.clear()
        self.write("fake.sh", self.text.replace("as <", "AS <"))
        self.queue.slots = 0
        said = self.run_jobhost(*self.words("run", "inc", "x=1..3"), code=4).err
        self.assertIn("error: the fake queue took the job, but no id is in what submit printed: 'welcome'", said)
        self.queue.end("REMOVED")

    def test_status_that_fails_or_hangs_stops_nothing(self):
        for mishaps in (self.queue.failing, self.queue.hanging):
            mishaps.add("status")
            done = self.run_jobhost(*self.words("run", "spin", "x=0..999", "microseconds=20000"))
            self.assertEqual(done.out.count("\n"), 1000)
            for early in ("does not answer", "wait for the fake queue"):
                self.assertNotIn(early, done.err)
            self.wait_until(lambda: not running_workers(self.folder), "a command is left")
            mishaps.clear()

    def test_submit_that_hangs_is_not_tried_over_and_over(self):
        self.queue.hanging.add("submit")
        begin = time.monotonic()
        said = self.run_jobhost(*self.words("run", "inc", "x=1..3"), code=4).err
        self.assertIn("error: the fake queue takes no worker now: it did not answer\n", said)
        self.assertLess(time.monotonic() - begin, 45)

    def test_workers_that_never_start_are_told_of(self):
        self.queue.slots = 0
        process = self.start(*self.words("run", "inc", "x=1..3"))
        self.said_until(process, "6 workers wait for the fake queue")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)

    def test_cancel_that_fails_is_told_of(self):
        self.queue.failing.add("cancel")
        process = self.start(*self.words("run", "spin", *LONG))
        self.wait_for(6, 0)
        said = self.run_jobhost("cancel", "@last", "--now").err
        self.assertIn("the fake queue: cancel fails today", said)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)

    def test_workers_that_the_system_lost_can_be_resumed(self):
        process = self.start(*self.words("run", "spin", "x=0..999", "microseconds=20000", "-o", "out.csv"))
        self.wait_for(6, 0)
        self.queue.forget()
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 4, said)
        self.run_jobhost("resume", "@last")
        self.assertEqual(self.read("out.csv").count("\n"), 1001)

    def test_resume_starts_those_workers_of_submit_that_are_missing(self):
        job = self.run_jobhost(*self.words("submit", "spin", "x=0..999", "microseconds=20000")).out.strip()
        self.wait_for(6, 0)
        self.queue.end("LOST", jobs=[1])
        reader = self.start("attach", job)
        time.sleep(1)
        self.assertEqual((self.queue.count(), self.queue.submissions), ((3, 0), [3, 3]))  # attach only reads
        rows = self.rows("resume", job)
        self.assertEqual((len(rows), self.queue.submissions), (1000, [3, 3, 3]))
        self.assertEqual(len(reader.communicate(timeout=60)[0].splitlines()), 1000)

    def test_workers_that_had_an_accident_are_submitted_again(self):
        for how, code in (("NODE_FAIL", 0), ("KILLED", 4)):
            process = self.start(*self.words("run", "spin", "x=0..499", "microseconds=20000"), "--auto-resubmit", "-o", "out.csv")
            self.wait_for(6, 0)
            self.queue.end(how)
            said = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, code, said)
        self.assertIn("the fake queue says of the workers: 6 KILLED", said)

    def test_a_script_that_cannot_run_the_program_refuses_for_its_worker(self):
        installed = pathlib.Path(JOBHOST)
        moved = pathlib.Path(self.folder, "with 'quotes'", "bin", "jobhost")
        moved.parent.mkdir(parents=True)
        shutil.copy(installed, moved)
        (moved.parent.parent / "libexec").symlink_to(installed.parent.parent / "libexec")
        self.queue.slots = 0
        job = subprocess.run([moved, *self.words("submit", "inc", "x=1..9", lanes=3)], cwd=self.folder, check=True, text=True,
                             env=dict(os.environ, JOBHOST_STORE=self.store), stdout=subprocess.PIPE).stdout.strip()
        moved.unlink()
        self.queue.slots = 3
        self.wait_for(0, 0)
        shown = json.loads(self.run_jobhost("show", job, "--json").out)
        refusal = {"hostname": socket.gethostname(), "reason": f"cannot run '{moved}': not found", "code": 4, "workers": 3}
        self.assertEqual(shown["refusals"], [refusal])
        self.assertEqual(shown["nodes"][0]["excluded"], True)
        verified = self.run_jobhost("verify", job).out
        self.assertIn("\nsound\n", verified)
        self.assertNotIn("note: ", verified)
        self.queue.slots = 100
        self.assertEqual(len(self.rows("resume", job)), 9)

    def test_templates_in_the_documentation_are_some(self):
        text = (SOURCE / "docs" / "templates.md").read_text()
        templates = re.findall(r"^```sh\n(#!.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(templates), 4)
        for template in templates:
            self.write("fake.sh", template)
            shown = self.run_jobhost(*self.words("run", "inc", "x=1..9", lanes=3), "--dry-run").out
            script = shown[shown.index("#!/bin/sh"):]
            self.assertRegex(script, r"(?m)^export PATH=")
            self.assertRegex(script, r"(?m)^exec /bin/sh -c .* worker --job ")
            subprocess.run(["sh", "-n"], input=script, text=True, check=True)
            commands = re.findall(r"(?m)^#jobhost (submit|status|cancel|cancel-waiting): (.*)$", template)
            for key in dict(commands):
                subprocess.run(["sh", "-n"], input="\n".join(value for name, value in commands if name == key), text=True, check=True)

    def test_what_is_no_template_is_told_with_its_line(self):
        def with_line(line):
            return self.text + line + "\n"
        for text, sentence in (
                ("echo {worker}\n", "'fake.sh', line 1: a template begins with '#!'"),
                (self.without("submit"), "'fake.sh' has no line '#jobhost submit: …'"),
                (self.without("status"), "'fake.sh' has no line '#jobhost status: …'"),
                (self.without("running"), "'fake.sh' has no line '#jobhost running: …'"),
                (self.without("waiting"), "'fake.sh' has no line '#jobhost waiting: …'"),
                (self.without("cancel"), "'fake.sh' has no line '#jobhost cancel: …'"),
                (self.without("id"), "'fake.sh' uses {ids}, but has no line '#jobhost id: …'"),
                (self.text.replace("{worker}\n", "\n"), "'fake.sh' has no {worker}: nothing would be started"),
                (with_line("echo {nmae}"), "'fake.sh', line 17: there is no placeholder {nmae} here\n  did you mean {name}?"),
                (with_line("#jobhost cancel: kill {worker}"), "'fake.sh', line 17: there is no placeholder {worker} here"),
                (with_line("#jobhost stauts: x"), "'fake.sh', line 17: there is no key 'stauts'\n  did you mean 'status'?"),
                (with_line("#jobhost status"), "'fake.sh', line 17: write '#jobhost KEY: VALUE'"),
                (with_line("#jobhost status: "), "'fake.sh', line 17: 'status' has no value"),
                (with_line("#jobhost most: 4"), "'fake.sh', line 17: 'most' is said in line 3 already"),
                (with_line("#jobhost lanes: 0"), "'fake.sh', line 17: that is no number from 1 to 1024: 0"),
                (with_line("#jobhost running: ("), "'fake.sh', line 17: that is no regular expression: ("),
                (with_line("echo \r"), "'fake.sh' holds a carriage return"),
                (with_line("#" * 65536), "'fake.sh' is longer than 64 KiB")):
            self.write("fake.sh", text)
            said = self.refused(*self.words("run", "inc", "x=1"), code=2)
            self.assertIn(f"error: {sentence}", said)
        pathlib.Path(self.folder, "fake.sh").write_bytes(self.text.encode() + b"# \xff\n")
        self.assertIn("'fake.sh' is no UTF-8 text", self.refused(*self.words("run", "inc", "x=1"), code=2))
        run = ["run", f"{HOSTILE}:inc", "x=1", "-j", "2"]
        self.assertIn("no template 'nowhere'", self.refused(*run, "-b", "template", "--template", "nowhere", code=2))
        self.assertIn("which queueing system", self.refused(*run, "-b", "template", code=2))
        self.assertIn("add -b template", self.refused(*run, "--template", "fake.sh", code=2))


if __name__ == "__main__":
    unittest.main()
