import json
import os
import pathlib
import resource
import signal
import time
import unittest

from jobhost import CHOSEN, HOSTILE, PATIENCE, SANITIZED, VARIED, JobhostTest


class Results(JobhostTest):
    def test_a_million_tasks_are_those_of_a_plain_loop_on_both_backends(self):
        expected = "task,x,result,error\n" + "".join(f"{i},{i + 1},{i + 2},\n" for i in range(1_000_000))
        for backend in ("processes", "threads"):
            self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..1000000", "-b", backend, "-j2", "-o", f"{backend}.csv")
            self.assertTrue(self.read(f"{backend}.csv") == expected, backend)
        self.assertEqual(sorted(os.listdir(self.folder)), ["processes.csv", "store", "threads.csv"])

    def test_done_is_not_believed_where_records_are_missing(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..200", "-j2")
        job = self.job_folders()[0]
        logs = sorted(pathlib.Path(self.store, job, "logs").glob("*/*"), key=lambda log: log.stat().st_size)
        logs[-1].unlink()  # as a power cut may do
        expected = [i + 2 for i in range(200)]
        process = self.run_jobhost("resume", job, "--format", "jsonl")
        self.assertEqual([json.loads(line)["result"] for line in process.out.splitlines()], expected)
        self.assertNotIn("already done", process.err)
        self.assertIn("already done", self.run_jobhost("resume", job).err)

    def test_every_shape_of_function_runs_with_values_from_the_command_line(self):
        shapes = [
            ("add_one", ["x=41"], 42),
            ("mean", ["values=[1, 2, 6]"], 3),
            ("negate_it", ["b=true"], False),
            ("next_color", ["c=1"], 2),
            ("shout", ["s=hey"], "hey!"),
            ("length", ["s:=a,b"], 3),
            ("c_length", ["s=four"], 4),
            ("sum_span", ["values=[0.5, 1]"], 1.5),
            ("rotate_left", ["a=[1, 2, 3]"], [2, 3, 1]),
            ("label", ["i=7", "s=x"], [7, "x"]),
            ("both", ["t=[1, 2.5]"], [1, 2.5]),
            ("count_letters", ["s=abca"], {"a": 2, "b": 1, "c": 1}),
            ("maybe", ["x=-1"], None),
            ("nothing", ["arg1=1"], None),
            ("hidden", ["x=1"], 102),
            ("anonymous", ["c=-4", "u=10"], 6),
            ("geo::flat::area(Point)", ['p={"x": 2, "y": 3}'], 6),
            ("geo::flat::area(double, double)", ["w=2", "h=4"], 8),
            ("trailing", ["f=0.5"], 0.5),
            ("precise", ["x=3"], 1),
            ("squared", ["x=-3"], 9),
            ("guarded", ["x=3"], 3),
            ("plain_c", ["x=3"], 3),
        ]
        for kernel, inputs, result in shapes:
            with self.subTest(kernel):
                row = self.rows("run", f"{VARIED}:{kernel}", *inputs)[0]
                self.assertEqual(row["result"], result)
        twenty = '{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14,"o":15,' \
                 '"p":16,"q":17,"r":18,"point":{"x":0,"y":0},"label":"L"}'
        row = self.rows("run", f"{VARIED}:big", f"t={twenty}", 'p={"x": 1, "y": 2}')[0]
        self.assertEqual(row["result"]["r"], 18)
        self.assertEqual(row["result"]["point"], {"x": 1, "y": 2})

    def test_a_kernels_list_makes_just_those_kernels(self):
        self.assertEqual(self.run_jobhost("kernels", CHOSEN).out.count("\n"), 4)
        self.assertEqual(self.rows("run", f"{CHOSEN}:twice<int>", "arg1=4")[0]["result"], 8)
        self.assertEqual(self.rows("run", f"{CHOSEN}:geo::flat::area(double,double)", "w=2", "h=3")[0]["result"], 6)

    def test_inputs_come_as_grids_zips_lists_and_files(self):
        run = ["run", f"{HOSTILE}:scaled"]
        pairs = lambda rows: [(row["x"], row["factor"]) for row in rows]
        self.assertEqual(pairs(self.rows(*run, "x=1,2", "factor=10,20")), [(1, 10), (1, 20), (2, 10), (2, 20)])
        self.assertEqual(pairs(self.rows(*run, "x=1,2", "factor=10,20", "--zip")), [(1, 10), (2, 20)])
        self.assertEqual(pairs(self.rows(*run, ":::", "-1", "2", ":::", "5")), [(-1, 5), (2, 5)])
        self.assertEqual(pairs(self.rows(*run, "x=1..2..0.5", "factor=3")), [(1, 3), (1.5, 3), (2, 3)])
        self.write("in.csv", "factor,x\n2,1\n4,3\n")
        self.assertEqual(pairs(self.rows(*run, "--csv", "in.csv")), [(1, 2), (3, 4)])
        self.assertEqual(pairs(self.rows(*run, "--csv", "-", "factor=9", stdin="x\n5\n6\n")), [(5, 9), (6, 9)])
        self.assertEqual(pairs(self.rows(*run, "--jsonl", "-", stdin='{"x": "Infinity", "factor": 1}\n')),
                         [("Infinity", 1)])
        self.assertEqual(self.rows(*run, "--csv", "-", "factor=9", stdin="x\n"), [])

    def test_output_can_be_input_again(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..5", "-o", "one.csv")
        rows = self.rows("run", f"{HOSTILE}:inc", "--csv", "one.csv")
        self.assertEqual([row["result"] for row in rows], [2, 3, 4, 5, 6])

    def test_texts_of_any_size_come_back_whole(self):
        rows = self.rows("run", f"{HOSTILE}:text_of", "x=0..9999", "--chunk", "7")
        for i, row in enumerate(rows):
            self.assertEqual(row["result"], chr(97 + i % 26) * (i % 50) + f'",{i}')
        row = self.rows("run", f"{HOSTILE}:large", "n=2000000")[0]
        self.assertEqual(len(row["result"]), 2_000_000)

    def test_a_billion_tasks_start_at_once_and_cost_bytes(self):
        begin = time.monotonic()
        process = self.start("run", f"{HOSTILE}:inc", "x=1..1000000000")
        first = process.stdout.readline()
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(first, '{"task": 0, "x": 1, "result": 2}\n')
        process.stdout.close()  # as head does
        self.assertEqual(process.wait(timeout=60), 141)
        self.assertIn(f"the output was closed; go on with: jobhost resume {self.job_folders()[0]}\n", process.stderr.read())
        process.stderr.close()
        job = self.run_jobhost("submit", f"{HOSTILE}:inc", "x=1..1000000000").out.strip()
        manifest = os.path.join(self.store, job, "MANIFEST")
        self.assertLess(os.path.getsize(manifest), 10_000)
        self.run_jobhost("cancel", job)

    def test_kernels_run_in_the_callers_directory_and_print_elsewhere(self):
        self.assertEqual(self.rows("run", f"{HOSTILE}:here", "arg1=1")[0]["result"], os.path.realpath(self.folder))
        process = self.run_jobhost("run", f"{HOSTILE}:prints", "x=1..20")
        self.assertNotIn("printed by a kernel", process.out + process.err)


class Failures(JobhostTest):
    def test_one_percent_throws_and_five_crash_and_all_others_have_results(self):
        for backend in ("processes", "threads"):
            process = self.run_jobhost("run", f"{HOSTILE}:fussy", "x=0..999", "-b", backend, "-j2", "-o", "out.jsonl", code=1)
            import json
            rows = [json.loads(line) for line in self.read("out.jsonl").splitlines()]
            self.assertEqual([row["task"] for row in rows], list(range(1000)))
            crashed = {250: ("SIGSEGV", 11), 577: ("SIGABRT", 6), 890: ("exit(3)", None), 920: ("stack overflow", 11), 921: ("_exit(4)", None)}
            for row in rows:
                x = row["x"]
                if x in crashed:
                    self.assertEqual(row["error"]["kind"], "crash")
                    what = row["error"]["what"].split(" (limit")[0].split(" (its thread")[0]
                    self.assertEqual((what, row["error"]["signal"]), crashed[x])
                    if x != 921:
                        self.assertRegex(row["error"]["where"], r"^(fussy|deep) at hostile\.cpp:\d+$")
                elif x % 100 == 13:
                    self.assertEqual(row["error"]["type"], "std::domain_error")
                    self.assertEqual(row["error"]["what"], f"unlucky {x}")
                    self.assertRegex(row["error"]["where"], r"^check at hostile\.cpp:\d+$")
                else:
                    self.assertEqual(row["result"], 2 * x)
            self.assertIn("15 failed", process.err)
            errors = self.run_jobhost("errors", code=1).out
            self.assertIn("15 of 1000 tasks failed", errors)
            self.assertIn("10 x std::domain_error: unlucky 13 (or alike)   check at hostile.cpp:", errors)
            self.assertIn("task 13: x=13", errors)
            self.assertRegex(errors, r"at fussy\(int\) at .*hostile\.cpp:\d+")

    def test_a_stack_overflow_is_called_so(self):
        def crash(x, *words):
            return self.rows("run", f"{HOSTILE}:fussy", f"x={x}", "--retries", "0", *words, code=1)[0]["error"]["what"]

        soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
        resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, hard))
        try:
            self.assertEqual(crash(920), "stack overflow (limit 4 MiB: ulimit -s)")
            self.assertRegex(self.run_jobhost("errors", code=1).out, r"1 x crash: stack overflow \(limit .*\)   deep at hostile.cpp")
            self.assertEqual(crash(250), "SIGSEGV")
        finally:
            resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))
        self.assertIn("stack overflow (", crash(920, "-b", "threads", "-j2"))

    @unittest.skipIf(SANITIZED, "a sanitizer's operator new ends the process where it should throw")
    def test_calls_within_libraries_are_folded_and_nothing_is_said_twice(self):
        self.write("f.cpp", "#include <algorithm>\n#include <functional>\n#include <vector>\n"
                            "double f(int n) {\n"
                            "  std::vector<std::function<double(int)>> all(3, [](int m) {\n"
                            "    return std::vector<double>(std::size_t(m) << 20).back(); });\n"
                            "  double sum = 0;\n"
                            "  std::for_each(all.begin(), all.end(), [&](auto& g) { sum += g(n); });\n"
                            "  return sum;\n}\n")
        process = self.run_jobhost("run", "f.cpp:f", "n=1000", "--mem", "100M", code=1)
        self.assertIn("task 0 failed: std::bad_alloc: a task may take 100 MiB (--mem)", process.err)
        self.run_jobhost("run", "f.cpp:f", "n=2000000000", code=1)
        out = self.run_jobhost("errors", code=1).out
        self.assertNotIn("std::bad_alloc: std::bad_alloc", out)
        self.assertIn("calls within libraries", out)
        self.assertRegex(out, r"(?m)^      at f\(int\).* at .*f.cpp:\d+$")
        self.assertTrue(all(len(line) < 400 for line in out.splitlines()), out)

    def test_of_each_kind_the_first_is_shown_and_where_the_others_are_is_said_once(self):
        process = self.run_jobhost("run", f"{HOSTILE}:fussy", "x=13,113,213,313", code=1)
        self.assertEqual(process.err.count("failed: std::domain_error"), 1)
        self.assertRegex(process.err, r"more of the same kind are not shown; all of them: jobhost errors \S+\n")
        self.assertEqual(process.err.count("more of the same kind"), 1)
        self.assertRegex(process.err, r"4 tasks in .*: 0 succeeded, 4 failed   job ")

    def test_whatever_is_thrown_is_told(self):
        error = lambda kernel: self.rows("run", f"{HOSTILE}:{kernel}", "x=3", code=1)[0]["error"]
        self.assertEqual((error("nested")["type"], error("nested")["what"]), ("std::runtime_error", "outer 3"))
        self.assertIn("caused by std::invalid_argument: stoi", self.run_jobhost("errors", code=1).out)
        self.assertEqual((error("throws_int")["type"], error("throws_int")["what"]), ("int", "3"))
        self.assertEqual(error("throws_text")["what"], "text 3")
        uncaught = error("uncaught")
        self.assertEqual((uncaught["kind"], uncaught["type"]), ("crash", "std::logic_error"))
        self.assertRegex(uncaught["where"], r"hostile\.cpp:\d+$")

    def test_kernels_with_threads_of_their_own_run(self):
        self.assertEqual(len(self.rows("run", f"{HOSTILE}:in_thread", "x=1..50", "-b", "threads")), 50)


class Signals(JobhostTest):
    def interrupted(self, signals, number, code):
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..100000", "milliseconds=5", "-o", "out.csv")
        self.wait_until(lambda: os.path.isdir(self.store) and "100000" in self.run_jobhost("ls").out and
                        int(self.run_jobhost("ls").out.splitlines()[-1].split()[4]) > 0, "no task was done")
        for _ in range(signals):
            process.send_signal(number)
            time.sleep(0.05)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, code, err)
        self.assertIn("go on with: jobhost resume", err)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("out.csv")], [])

    def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(self):
        self.interrupted(1, signal.SIGINT, 130)

    def test_ctrl_c_twice_stops_now(self):
        self.interrupted(2, signal.SIGINT, 130)

    def test_sigterm_exits_with_143(self):
        self.interrupted(1, signal.SIGTERM, 143)

    def test_a_long_task_ends_with_the_second_ctrl_c(self):
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1", "milliseconds=600000")
        self.wait_until(lambda: os.path.isdir(self.store) and "running" in self.run_jobhost("ls").out, "not running")
        time.sleep(1.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertRegex(err, r"#0 has been running for \d+\.\d+ s\n")
        self.assertRegex(err, r"waiting for task 0, running for \d+\.\d+ s \(--timeout SECONDS ends")


class Jobs(JobhostTest):
    def test_submit_returns_attach_follows_show_and_results_tell(self):
        job = self.run_jobhost("submit", f"{HOSTILE}:sleeps", "x=1..60", "milliseconds=10", "--name", "naps").out.strip()
        rows = self.rows("attach", job)
        self.assertEqual([row["result"] for row in rows], list(range(1, 61)))
        self.wait_until(lambda: "done" in self.run_jobhost("ls").out, "never done")
        self.assertIn("naps", self.run_jobhost("ls").out)
        shown = self.run_jobhost("show", job).out
        self.assertIn("tasks       60: 60 succeeded\n", shown)
        self.assertIn("int sleeps(int x, int milliseconds)", shown)
        self.assertIn("x=3 milliseconds=10", self.run_jobhost("show", f"{job}/2").out)
        self.assertEqual(self.rows("results", job), rows)
        self.assertEqual(self.rows("resume", job), rows)

    def test_attach_waits_for_workers_that_take_long_to_come(self):
        job = self.held(f"{HOSTILE}:inc", "x=1..3")
        reader = self.start("attach", job, "--format", "csv")
        time.sleep(4)
        worker = self.start_worker(job, "far")
        out, err = reader.communicate(timeout=30)
        self.assertEqual((reader.returncode, out), (0, "task,x,result,error\n0,1,2,\n1,2,3,\n2,3,4,\n"), err)
        worker.communicate(timeout=30)

    def test_cancel_stops_and_resume_finishes(self):
        tasks = 400 * PATIENCE
        job = self.run_jobhost("submit", f"{HOSTILE}:sleeps", f"x=1..{tasks}", "milliseconds=10").out.strip()
        self.wait_until(lambda: self.rows("results", job), "no task was done")
        self.run_jobhost("cancel", job)
        self.wait_until(lambda: "cancelled" in self.run_jobhost("ls").out, "still running")
        done = len(self.rows("results", job))
        self.assertLess(done, tasks)
        self.assertIn("cancelled: ", self.run_jobhost("attach", job, code=130).err)
        rows = self.rows("resume", job, "-b", "threads", "-j", "2")
        self.assertEqual([row["result"] for row in rows], list(range(1, tasks + 1)))
        self.assertNotIn("ran twice", self.run_jobhost("show", job).out)

    ENDLESS = ("#include <fcntl.h>\n#include <unistd.h>\n"
               "int endless(int x) { ::close(::open(\"begun\", O_CREAT | O_WRONLY, 0600)); while (x != 0) ::pause(); return x; }\n")

    def endless(self, *words):
        """A job whose tasks never end."""
        self.write("endless.cpp", self.ENDLESS)
        return self.run_jobhost("submit", "endless.cpp:endless", "x=1..3", "-j1", *words).out.strip()

    def wait_until_begun(self):
        begun = pathlib.Path(self.folder, "begun")
        self.wait_until(begun.exists, "no task began")
        begun.unlink()

    def state(self, job):
        return json.loads(self.run_jobhost("show", job, "--json").out)["state"]

    def test_a_task_that_never_ends_is_ended_by_a_second_cancel(self):
        for backend in ("processes", "threads"):
            job = self.endless("-b", backend)
            self.wait_until_begun()
            self.assertEqual(self.state(job), "running")
            first = self.run_jobhost("cancel", job).err
            self.assertIn(f"running tasks are finished, nothing new is started; to stop them now: jobhost cancel {job} --now", first)
            self.assertEqual(self.state(job), "cancelling")
            self.assertIn("cancelling", self.run_jobhost("ls").out)
            self.assertIn(f"jobhost cancel {job} --now", self.run_jobhost("rm", job, code=2).err)
            self.assertIn("running tasks are ended, too", self.run_jobhost("cancel", job).err)
            self.wait_until(lambda: self.state(job) == "cancelled", "never ended")
            self.assertIn("no worker runs it", self.run_jobhost("cancel", job).err)
            self.assertIn("sound", self.run_jobhost("verify", job).out)
        # Nothing of that is left when the job goes on.
        process = self.start("resume", job)
        self.wait_until_begun()
        self.assertIn("to stop them now", self.run_jobhost("cancel", job).err)
        self.run_jobhost("cancel", job, "--now")
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (130, ""))
        self.assertIn("cancelled: 0 of 3 tasks are done", err)
        self.run_jobhost("rm", job)

    def test_cancel_now_ends_a_worker_on_another_machine(self):
        job = self.endless("--hold")
        directory = os.path.join(self.store, job)
        manifest = next(pathlib.Path(directory, "host").glob("manifest.*")).name.split(".")[1]
        worker = self.start_elsewhere("elsewhere", "worker", "--job", directory, "--manifest", manifest, "--lanes", "1")
        self.wait_until_begun()
        self.assertEqual(self.state(job), "running on elsewhere?")
        self.run_jobhost("cancel", job, "--now")
        worker.communicate(timeout=30)
        self.assertEqual((worker.returncode, self.state(job)), (0, "cancelled"))

    def test_a_second_host_is_turned_away_with_75(self):
        process = self.start("run", f"{HOSTILE}:sleeps", "x=1..100000", "milliseconds=5")
        self.wait_until(lambda: os.path.isdir(self.store) and "running" in self.run_jobhost("ls").out, "not running")
        refused = self.run_jobhost("resume", "@last", code=75)
        self.assertIn(f"process {process.pid}", refused.err)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    def test_rebuilding_the_plugin_after_submission_changes_nothing(self):
        import shutil
        plugin = os.path.join(self.folder, "own.so")
        shutil.copy(HOSTILE, plugin)
        process = self.start("run", f"{plugin}:sleeps", "x=1..300", "milliseconds=5")
        self.wait_until(lambda: os.path.isdir(self.store) and "running" in self.run_jobhost("ls").out, "not running")
        with open(plugin, "r+b") as file:  # overwritten in place, as a linker does
            file.write(b"\0" * os.path.getsize(plugin))
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(out.splitlines()), 300)

    def test_a_task_that_ran_is_not_run_again(self):
        counted = os.path.join(self.folder, "counted")
        process = self.start("run", f"{HOSTILE}:counted", "x=1..400", f"file={counted}", "microseconds=5000")
        self.wait_until(lambda: os.path.exists(counted) and self.read("counted").count("\n") > 50, "nothing ran")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        rows = self.rows("resume")
        self.assertEqual(len(rows), 400)
        self.assertEqual(sorted(map(int, self.read("counted").split())), list(range(1, 401)))
