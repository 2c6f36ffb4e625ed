import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios

from jobhost import HOSTILE, JobhostTest


class Watching(JobhostTest):
    """`jobhost watch` and `jobhost report`, without a browser."""

    def on_terminal(self, *words, columns=60, rows=12):
        """What a command draws on a terminal of that size, and its exit code."""
        terminal, its_end = pty.openpty()
        fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = self.start(*words, stdout=its_end, stderr=subprocess.DEVNULL)
        os.close(its_end)
        drawn = b""
        while True:
            try:
                drawn += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
        os.close(terminal)
        return drawn.decode(), process.wait()

    def test_on_a_terminal_the_same_lines_are_drawn_again_until_the_end(self):
        job = self.run_jobhost("submit", f"{HOSTILE}:sleeps", "x=1..40", "milliseconds=50", "-j2").out.strip()
        drawn, code = self.on_terminal("watch", job)
        self.assertEqual(code, 0)
        frames = re.split(r"\x1b\[\d+A\r\x1b\[J", drawn)
        self.assertGreater(len(frames), 2)
        self.assertIn(f"{job}  sleeps  running on processes", drawn)
        self.assertRegex(frames[1], r"\[[#-]{10}\] \d+/40")
        self.assertIn(f"{job}  sleeps  done on processes\r\n40 succeeded\r\n", frames[-1])
        self.assertIn("  #39  x=40 milliseconds=50  ->  40", frames[-1])
        for frame in frames:
            lines = frame.split("\r\n")
            self.assertLessEqual(len(lines), 12)
            self.assertLessEqual(max(map(len, lines)), 60)

    def test_in_a_pipe_failures_are_told_and_the_end(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=0..20", code=1)
        watched = self.run_jobhost("watch", code=1)
        self.assertEqual(watched.out, "done: 20 succeeded, 1 failed\n")
        self.assertIn("task 13 failed: std::domain_error: unlucky 13", watched.err)

    def test_a_job_that_is_gone_ends_the_watch(self):
        job = self.held(f"{HOSTILE}:inc", "x=1")
        watch = self.start("watch", job)
        self.wait_until_handled(watch, signal.SIGINT)
        shutil.rmtree(f"{self.store}/{job}")
        err = watch.communicate(timeout=10)[1]
        self.assertEqual(watch.returncode, 5, err)
        self.assertIn(f"the job directory '{self.store}/{job}' is gone: nothing is kept", err)

    def test_damage_is_told(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..200", "-j1")
        log = max(pathlib.Path(self.store).glob("*/logs/*/*"), key=lambda path: path.stat().st_size)
        damaged = bytearray(log.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        log.write_bytes(damaged)
        watched = self.run_jobhost("watch", code=5)
        self.assertIn("damaged: ", watched.out)
        self.assertIn("damaged: ", watched.err)

    def test_a_signal_ends_the_watch_and_not_the_job(self):
        job = self.run_jobhost("submit", f"{HOSTILE}:sleeps", "x=1..1000", "milliseconds=20").out.strip()
        watch = self.start("watch", job)
        self.wait_until(lambda: self.state(job)["done"] > 0, "nothing is done")
        watch.send_signal(signal.SIGINT)
        out, _ = watch.communicate(timeout=30)
        self.assertEqual(watch.returncode, 130)
        self.assertIn("running: ", out)
        self.assertEqual(self.state(job)["state"], "running")
        self.run_jobhost("cancel", job, "--now")

    def state(self, job):
        return json.loads(self.run_jobhost("show", job, "--json").out)

    def test_a_report_has_a_name_of_its_own_and_replaces_none_halfway(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..10")
        job, = self.job_folders()
        self.assertEqual(self.run_jobhost("report").err, f"wrote report-{job}.html\n")
        page = self.read(f"report-{job}.html")
        self.assertIn('content="default-src \'none\'; img-src data:; style-src \'sha256-', page)
        self.assertNotIn("{{", page.split('id="data"')[0])
        for name in ("missing/report.html", "."):
            self.assertIn("error: ", self.run_jobhost("report", "-o", name, code=2).err)
        pages = [name for name in os.listdir(self.folder) if name.endswith(".html")]
        self.assertEqual(pages, [f"report-{job}.html"])

    def test_a_report_says_the_numbers_of_show(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=240..260", "-j2", "--retries", "0", code=1)
        document = json.loads(self.run_jobhost("report", "--json").out)
        shown = json.loads(self.run_jobhost("show", "--json").out)
        self.run_jobhost("report", "--json", "-o", "report.json")
        self.assertEqual({**json.loads(self.read("report.json")), "made": document["made"]}, document)
        self.assertEqual(document["schema"], "jobhost-report/1")
        self.assertEqual({**document["job"], "schema": "jobhost/1"}, shown)
        verdict = document["verdict"]
        self.assertEqual((verdict["succeeded"], verdict["failed"], verdict["missing"]), (20, 1, 0))
        group, = document["failures"]["groups"]
        self.assertEqual((group["error"]["kind"], group["first_tasks"]), ("crash", [10]))
        self.assertEqual(document["tasks"]["inputs"], [list(range(240, 261))])
        self.assertEqual(document["tasks"]["results"][0][10:12], [None, 502])
        self.assertEqual(list(document["tasks"]["failures"]), ["10"])
        self.assertEqual(sum(lane["tasks"] for lane in document["timeline"]["lanes"]), 21)

    def test_a_report_of_a_job_without_results_says_so(self):
        self.run_jobhost("submit", "--hold", f"{HOSTILE}:inc", "x=1..10")
        held = json.loads(self.run_jobhost("report", "--json").out)
        self.assertEqual(held["verdict"]["sentences"], ["No task is done, and nobody works on the job."])
        self.assertEqual((held["durations"], held["tasks"]["task"], held["timeline"]["begin"]), (None, [], None))
        self.rows("run", f"{HOSTILE}:nothing", ":::", "1", "2")
        void = json.loads(self.run_jobhost("report", "--json").out)
        self.assertEqual((void["columns"], void["tasks"]["results"], void["verdict"]["succeeded"]), ([], [], 2))
