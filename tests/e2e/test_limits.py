"""Tasks that hang, eat memory, or fail too often."""
import socket

from jobhost import HOSTILE, SANITIZED, SETTINGS, JobhostTest


class Limits(JobhostTest):
    def test_a_hanging_task_is_named_and_the_others_are_done(self):
        for backend in ("processes", "threads"):
            self.write("in.csv", "x,milliseconds\n" + "".join(f"{x},{60000 if x == 5 else 0}\n" for x in range(1, 41)))
            rows = self.rows("run", f"{HOSTILE}:sleeps", "--csv", "in.csv", "--timeout", "1", "--retries", "0", "-b",
                             backend, "-j2", code=1)
            self.assertEqual([row.get("result") for row in rows], [None if x == 5 else x for x in range(1, 41)])
            error = rows[4]["error"]
            self.assertEqual((error["kind"], error["what"]), ("timeout", "ran longer than 1 s"))

    def test_a_busy_loop_is_found_in_the_source_and_tried_again(self):
        rows = self.rows("run", f"{HOSTILE}:spin", "x=1", "microseconds=100000000", "--timeout", "0.2", "--retries", "1",
                         code=1)
        self.assertEqual(rows[0]["error"]["kind"], "timeout")
        self.assertRegex(rows[0]["error"]["where"], r"hostile\.cpp:\d+$")
        self.assertIn("failed after 2 attempts", self.run_jobhost("show", "@last/0").out)

    def test_a_task_that_eats_memory_is_named_and_the_others_are_done(self):
        for backend in ("processes", "threads"):
            rows = self.rows("run", f"{SETTINGS}:hungry", "megabytes=1,10,900,100,2000,1", "--mem", "200M", "-b", backend,
                             "-j1", code=1)
            self.assertEqual(["result" in row for row in rows], [True, True, False, True, False, True])
            error = rows[2]["error"]
            if SANITIZED:
                self.assertEqual(error["kind"], "crash")
                continue
            self.assertEqual((error["kind"], error["type"]), ("exception", "std::bad_alloc"))
            self.assertIn("200 MiB (--mem)", error["what"])

    def test_giving_up_after_too_many_failures(self):
        run = ["run", f"{HOSTILE}:throws_int", "x=1..100000", "-j1", "--chunk", "1"]
        for words in (["--fail-fast"], ["--max-failures", "5"], ["--max-failures", "0.005%"]):
            process = self.run_jobhost(*run, *words, code=1)
            self.assertIn("gave up", process.err)
            self.assertIn("jobhost resume", process.err)
            self.assertLess(process.out.count("\n"), 100000)
        for bad in ("0", "x", "200%"):
            self.assertIn("number of tasks or a percentage", self.refused(*run, "--max-failures", bad, code=2))

    def test_retries_count_crashes(self):
        process = self.run_jobhost("run", f"{HOSTILE}:fussy", "x=577", "--retries", "0", code=1)
        self.assertIn('"SIGABRT"', process.out)
        self.assertIn("failed after 1 attempt:", self.run_jobhost("show", "@last/0").out)
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=577", code=1)
        self.assertIn("failed after 3 attempts:", self.run_jobhost("show", "@last/0").out)

    def test_neighbours_of_a_crash_are_not_blamed(self):
        names = [socket.gethostname()] * 3 + ["nowhere"]  # where the last crashes while the others run
        self.write("in.csv", "x,name\n" + "".join(f"{x},{name}\n" for x, name in enumerate(names)))
        rows = self.rows("run", f"{HOSTILE}:needs_host", "--csv", "in.csv", "microseconds=500000", "-b", "threads", "-j4",
                         "--chunk", "1", "--retries", "0", code=1)
        self.assertEqual([row.get("result") for row in rows], [0, 1, 2, None])
        self.assertEqual(rows[3]["error"]["what"], "SIGABRT")

    def test_what_tasks_print_is_kept_per_task(self):
        self.run_jobhost("run", f"{SETTINGS}:chatty", "x=1..5", "-j2", "--retries", "0", code=1)
        for task, x in enumerate(range(1, 6)):
            expected = sorted([f"out {x}.{i}" for i in range(x)] + [f"err {x}"])
            self.assertEqual(sorted(self.run_jobhost("logs", f"@last/{task}").out.splitlines()), expected)
        every = self.run_jobhost("logs", "@last")
        self.assertEqual(every.out.count("\n"), 20)
        self.assertIn("-- task 2", every.err)

    def test_a_task_that_prints_rarely_is_found_among_its_neighbours(self):
        self.run_jobhost("run", f"{SETTINGS}:laconic", "x=0..99999", "-q", "-o", "x.csv")
        self.assertEqual(self.run_jobhost("logs", "@last/50000").out, "reached 50000\n")
        self.assertIn("printed nothing", self.run_jobhost("logs", "@last/99999").err)
        self.run_jobhost("run", f"{SETTINGS}:laconic", "x=0..10", "-b", "threads", "-j2", "-q", "-o", "x.csv")
        self.assertIn("threads share one output", self.run_jobhost("logs", "@last/0").err)

    def test_limits_are_numbers(self):
        for option in ("--timeout", "--mem", "--retries", "--max-failures", "--chunk", "-j", "--seed"):
            for number in ("nan", "inf", "-1"):
                with self.subTest(option=option, number=number):
                    self.refused("run", f"{HOSTILE}:inc", "x=1", option, number, code=2)
        for words in (["run", f"{HOSTILE}:inc", "x=1", "--max-failures", "nan%"], ["gc", "--days", "nan"], ["audit", "@last", "--sample", "nan%"]):
            self.refused(*words, code=2)
