import json
import os
import pathlib
import re
import signal

from jobhost import HOSTILE, VARIED, JobhostTest


class Looking(JobhostTest):
    """Every looking command prints one document with --json."""

    def document(self, *words, code=0):
        document = json.loads(self.run_jobhost(*words, "--json", code=code).out)
        self.assertEqual(document["schema"], "jobhost/1")
        return document

    def test_ls_show_results_and_errors_of_a_job_with_failures(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=0..20", "--name", "some", "-j2", code=1)
        job, = self.document("ls")["jobs"]
        self.assertEqual((job["kernel"], job["state"], job["tasks"], job["done"], job["failed"], job["label"]),
                         ("fussy", "done", 21, 21, 1, "some"))
        shown = self.document("show")
        self.assertEqual((shown["job"], shown["done"], shown["failed"]), (job["job"], 21, 1))
        self.assertEqual(shown["kernel"]["parameters"], [{"name": "x", "type": "int"}])
        self.assertEqual(len(shown["plugin"]["sha256"]), 64)
        rows = self.document("results", code=1)["rows"]
        self.assertEqual([row.get("result") for row in rows], [None if x == 13 else 2 * x for x in range(21)])
        failed, = self.document("errors", code=1)["groups"]
        self.assertEqual((failed["count"], failed["first_tasks"]), (1, [13]))
        self.assertEqual((failed["error"]["type"], failed["error"]["what"]), ("std::domain_error", "unlucky 13"))
        self.assertIn("hostile.cpp", failed["error"]["stack"][0])

    def test_one_is_not_called_many(self):
        said = self.run_jobhost("run", f"{HOSTILE}:fussy", "x=13", "--fail-fast", code=1).err
        self.assertNotRegex(said, r"\b1 (tasks|workers|jobs|lanes)\b")
        self.assertTrue(self.run_jobhost("errors", code=1).out.startswith("1 of 1 task failed\n"))

    def test_a_label_names_the_last_job_that_was_given_it(self):
        first, second = (self.held(f"{HOSTILE}:inc", "x=1", "--name", "a label") for _ in range(2))
        third = self.held(f"{HOSTILE}:inc", "x=1..3", "--name", "another")
        fourth = self.held(f"{HOSTILE}:inc", "x=1", "--name", third)
        pathlib.Path(self.folder, "another").mkdir()
        self.assertEqual([self.document("show", name)["job"] for name in ("another", third, fourth)], [third, third, fourth])
        shown = self.run_jobhost("show", "a label")
        self.assertIn(second, shown.out)
        self.assertEqual(shown.err, f"note: 2 jobs are called 'a label': this is the last one, {second}\n")
        self.assertIn("2 jobs are called 'a label'", self.refused("rm", "a label", code=2))
        self.assertIn("cannot name a job", self.refused("run", f"{HOSTILE}:inc", "x=1", "--name", "@last", code=2))
        pathlib.Path(self.store, fourth, "MANIFEST").write_text("{}")
        self.run_jobhost("rm", "another")
        self.assertEqual(sorted(self.job_folders()), sorted([first, second, fourth]))
        self.assertIn("no job 'another'", self.run_jobhost("show", "another", code=2).err)

    def test_a_label_stays_with_the_job_whose_tasks_are_repeated(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=0..20", "--name", "lucky", code=1)
        job = self.document("show", "lucky")["job"]
        self.run_jobhost("retry", "lucky", code=1)
        self.assertEqual(self.document("show", "lucky")["job"], job)
        self.assertEqual(self.document("errors", "lucky", "--merged", code=1)["failed"], 1)

    def test_a_job_that_is_not_believed_is_refused_and_one_without_results_damaged(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..3")
        job, = self.document("ls")["jobs"]
        directory = pathlib.Path(self.store, job["job"])
        directory.chmod(0o777)
        self.assertEqual([entry["state"] for entry in self.document("ls")["jobs"]], ["refused"])
        listed = self.run_jobhost("ls")
        self.assertIn(" refused\n", listed.out)
        self.assertIn(f"job {job['job']} is refused: everybody may write to '{directory}'", listed.err)
        self.assertIn(f"what to do: jobhost show {job['job']}\n", listed.err)
        directory.chmod(0o700)
        for log in directory.glob("logs/*/*"):
            log.chmod(0o600)
            log.write_bytes(log.read_bytes()[:64] + b"x" * 64)
        self.assertEqual(self.document("ls")["jobs"][0]["state"], "damaged")
        shown = self.document("show")
        self.assertEqual((shown["state"], shown["done"]), ("damaged", 0))
        self.assertTrue(any("a record is lost" in sentence for sentence in shown["damage"]), shown["damage"])
        text = self.run_jobhost("show").out
        self.assertIn("damaged     'logs/", text.replace(f"{directory}/", ""))
        self.assertIn(f"damaged     more about it: jobhost verify {job['job']}\n", text)

    def test_help_is_a_command_too(self):
        self.assertEqual(self.run_jobhost("help").out, self.run_jobhost("--help").out)
        self.assertEqual(self.run_jobhost("help", "run").out, self.run_jobhost("run", "--help").out)
        self.assertEqual(self.run_jobhost("help", "session", "save").out, self.run_jobhost("session", "save", "--help").out)

    def test_one_task(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=12..13", code=1)
        fine, bad = (self.document("show", f"@last/{task}") for task in (0, 1))
        self.assertEqual((fine["inputs"], fine["result"], fine["attempts"]), ({"x": 12}, 24, 1))
        self.assertEqual((bad["inputs"], bad["error"]["kind"]), ({"x": 13}, "exception"))
        self.assertIn("has no task '2'", self.run_jobhost("show", "@last/2", code=2).err)

    def test_plugins(self):
        listed = self.document("kernels", VARIED)
        big = next(kernel for kernel in listed["kernels"] if kernel["name"] == "big")
        self.assertEqual([parameter["type"] for parameter in big["parameters"]], ["Twenty", "Point"])
        self.assertEqual(len(listed["skipped"]), 2)
        checked = self.document("check", VARIED)
        self.assertEqual((checked["abi"], checked["kernels"]), (1, len(listed["kernels"])))
        self.assertTrue(all(library["found"] for library in checked["libraries"]))

    def test_what_a_kernel_throws_stays_on_its_line(self):
        self.write("k.cpp", '#include <stdexcept>\n#include <string>\n'
                            'int bad(std::string s) { throw std::runtime_error("a\\x1b[31m\\nb\\x9b" + s); }\n')
        shown = "a\\x1b[31m\\nb\\x9bc\\nd\\x07"
        run = self.run_jobhost("run", "k.cpp:bad", "--common", "s=c\nd\x07", code=1).err
        self.assertRegex(run, rf"(?m)^task 0 failed: std::runtime_error: {re.escape(shown)}   bad at k.cpp:3   s=c\\nd\\x07$")
        for words, code in ((["errors"], 1), (["show", "@last/0"], 0)):
            out = self.run_jobhost(*words, code=code).out
            self.assertIn(shown, out)
            self.assertEqual([c for c in out if ord(c) < 32 and c != "\n"], [])

    def test_output_that_cannot_be_written_is_an_error(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=13", code=1)
        self.write("no.txt", "")
        run = ["run", f"{HOSTILE}:inc", "x=1"]
        for words in (["ls"], ["ls", "--json"], ["show"], ["show", "--json"], ["show", "@last/0"], ["results"], ["errors"],
                      ["errors", "--json"], ["verify"], ["kernels", VARIED], ["check", VARIED], ["doctor"], ["completion", "bash"],
                      ["--version"], ["--help"], run, [*run, "--dry-run"], [*run, "--detach"], ["submit", "--hold", *run[1:]]):
            with self.subTest(words=words), open(f"{self.folder}/no.txt") as unwritable:
                process = self.start(*words, stdout=unwritable)
                err = process.communicate(timeout=60)[1]
                self.assertEqual(process.returncode, 4, err)
                self.assertRegex(err, "error: cannot write to '?standard output'?")
                if {"--detach", "--hold"} & set(words):
                    job = re.search("jobhost (?:attach|resume) (\\S+)", err)[1]
                    self.run_jobhost("resume", job)

    def test_a_reader_that_left_is_no_error(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        read, write = os.pipe()
        os.close(read)
        process = self.start("ls", stdout=write)
        os.close(write)
        self.assertEqual(process.communicate(timeout=60)[1], "")
        self.assertIn(process.returncode, (141, -signal.SIGPIPE))
