"""Jobs on a real Grid Engine, through the template that comes with jobhost."""
import collections
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from gridengine import GridEngine, require_gridengine  # noqa: E402
from jobhost import BUILD, HOSTILE, JobhostTest  # noqa: E402

TEMPLATE = BUILD / "share/jobhost/templates/gridengine.sh"
engine = None


def setUpModule():
    require_gridengine()
    global engine
    engine = GridEngine(slots=4)
    engine.start()
    unittest.addModuleCleanup(engine.stop)
    os.environ.update({name: value for name, value in engine.environment.items() if name.startswith("SGE_")})


class Template(JobhostTest):
    def tearDown(self):
        try:
            self.wait_until(lambda: not engine.states(), "something is left in the queue", 60)
        finally:
            engine.run("qdel", "-u", "root", check=False)
            super().tearDown()

    def words(self, command, *kernel, lanes, template="gridengine"):
        return [command, f"{HOSTILE}:{kernel[0]}", *kernel[1:], "-b", "template", "--template", template, "-j", lanes]

    def test_results_are_those_of_other_backends_and_one_worker_is_an_array_too(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=1..1000", "--retries", "0", "-o", "processes.csv", code=1)
        for lanes in (6, 1):
            self.run_jobhost(*self.words("run", "fussy", "x=1..1000", "--retries", "0", "-o", "out.csv", lanes=lanes), code=1)
            self.assertEqual(self.read("out.csv"), self.read("processes.csv"))

    def test_interrupt_leaves_nothing_in_the_queue_and_resume_goes_on(self):
        process = self.start(*self.words("run", "counted", "x=1..3000", f"file={self.folder}/ran", "microseconds=20000", lanes=6),
                             "-o", "out.csv")
        self.wait_until(lambda: os.path.exists(f"{self.folder}/ran"), "nothing runs", 60)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=100)[1]
        self.assertEqual(process.returncode, 130, said)
        self.wait_until(lambda: not engine.states(), "something is left in the queue")
        self.run_jobhost("resume", "@last")
        self.assertEqual(self.read("out.csv").count("\n"), 3001)
        self.assertEqual(len(collections.Counter(self.read("ran").split())), 3000)

    def test_cancel_of_workers_that_run_and_wait(self):
        job = self.run_jobhost(*self.words("submit", "spin", "x=0..9999", "microseconds=20000", lanes=6)).out.strip()
        self.wait_until(lambda: "r" in engine.states(), "nothing runs", 60)
        self.run_jobhost("cancel", job, "--now")
        self.wait_until(lambda: not engine.states(), "something is left in the queue", 60)

    def test_limits_of_submissions(self):
        self.write("three.sh", TEMPLATE.read_text().replace("most: 75000", "most: 3"))
        engine.limit_jobs(1)
        try:
            process = self.start(*self.words("run", "spin", "x=0..499", "microseconds=20000", lanes=5, template="three.sh"))
            self.said_until(process, "Grid Engine takes 3 of 5 workers now: ")
            self.assertEqual((len(process.communicate(timeout=100)[0].splitlines()), process.returncode), (500, 0))
        finally:
            engine.limit_jobs(0)


if __name__ == "__main__":
    unittest.main()
