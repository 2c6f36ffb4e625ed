"""Jobs are named by id, or by the path of a directory; what users are advised to type names them as they did."""
import json
import os
import pathlib
import shutil

from jobhost import HOSTILE, JobhostTest


class Naming(JobhostTest):
    def unfinished_copy(self, folder, *words):
        """A job with two of its 300 tasks missing, as a directory of that name, and the original in the store."""
        self.run_jobhost("run", f"{HOSTILE}:text_of", "x=1..300", "-j1", *words)
        job, = self.job_folders()
        shutil.copytree(os.path.join(self.store, job), os.path.join(self.folder, folder))
        copy = pathlib.Path(self.folder, folder)
        (copy / "DONE").unlink()
        for log in copy.glob("logs/*/*"):
            if log.stat().st_size > 4096:
                os.truncate(log, log.stat().st_size - 16)
        return job

    def test_hints_name_a_path_as_it_was_given(self):
        job = self.unfinished_copy("my part")
        for path in ("./my part", "my part", "./my part/", f"{self.folder}/my part"):
            named = f"'./{path}'" if path == "my part" else f"'{path}'"
            self.assertIn(f"go on with: jobhost resume {named}\n", self.run_jobhost("verify", path).out)
        self.assertIn("job './my part'\n", self.run_jobhost("resume", "./my part").err)
        self.assertIn(f"job {job}\n", self.run_jobhost("resume", "@last").err)

    def test_hints_name_the_store_that_was_given(self):
        other = os.path.join(self.folder, "other")
        process = self.run_jobhost("submit", f"{HOSTILE}:inc", "x=1..3", "--store", other)
        self.assertIn(f"jobhost attach {process.out.strip()} --store {other}\n", process.err)
        self.rows(*process.err.strip().split(": jobhost ")[1].split())

    def test_the_name_of_a_directory_is_a_path_where_no_job_has_it(self):
        job = self.unfinished_copy("theirs")
        rows = self.rows("results", job)
        theirs = self.rows("results", "theirs")
        self.assertTrue(0 < len(theirs) < 300)
        self.assertEqual(theirs, [row for row in rows if row in theirs])
        self.assertEqual(json.loads(self.run_jobhost("show", "theirs", "--json").out)["directory"], f"{self.folder}/theirs")
        self.assertIn("x=4", self.run_jobhost("show", "theirs/3").out)
        self.assertEqual(self.rows("results", "theirs", "--store", "none"), theirs)
        shutil.copytree(os.path.join(self.store, job), os.path.join(self.folder, job))
        self.assertEqual(json.loads(self.run_jobhost("show", job, "--json").out)["directory"], f"{self.store}/{job}")
        self.assertIn("no job 'mine' in the store", self.run_jobhost("show", "mine", code=2).err)


class RecordedOutput(JobhostTest):
    """The file that a job was to write at submission."""

    def finished(self):
        process = self.run_jobhost("run", f"{HOSTILE}:fussy", "x=12..14", "-o", "final.csv", code=1)
        self.assertTrue(process.err.endswith(f"\nwrote {self.folder}/final.csv\n"), process.err)
        job, = self.job_folders()
        self.assertNotIn("wrote", self.run_jobhost("run", f"{HOSTILE}:inc", "x=1").err)
        self.write("final.csv", "edited by hand\n")
        return job

    def test_a_file_of_a_job_that_is_done_is_not_written_again(self):
        job = self.finished()
        process = self.run_jobhost("resume", job, code=1)
        self.assertEqual((process.out, self.read("final.csv")), ("", "edited by hand\n"))
        self.assertIn(f"'{self.folder}/final.csv' is there, and is not written again; results: jobhost results {job} -o FILE",
                      process.err)
        process = self.run_jobhost("resume", job, "-o", "final.csv", code=1)  # as run does
        self.assertIn("task,x,result,error\n", self.read("final.csv"))
        os.remove(f"{self.folder}/final.csv")  # as if the host had been killed before it wrote it
        self.assertIn(f"wrote {self.folder}/final.csv\n", self.run_jobhost("resume", job, code=1).err)
        self.assertEqual(self.read("final.csv").count("\n"), 4)

    def test_a_directory_that_is_named_by_a_path_writes_no_file(self):
        job = self.finished()
        theirs = pathlib.Path(self.folder, "theirs")
        shutil.copytree(os.path.join(self.store, job), theirs)
        rows = self.rows("results", job, code=1)
        for path in ("./theirs", "theirs", f"{self.store}/{job}"):
            process = self.run_jobhost("resume", path, code=1)
            self.assertEqual([json.loads(line) for line in process.out.splitlines()], rows)
            self.assertIn("rows go to standard output", process.err)
        (theirs / "DONE").unlink()
        for log in theirs.glob("logs/*/*"):
            os.truncate(log, 64)
        self.assertEqual([row["x"] for row in self.rows("resume", "./theirs", code=1)], [12, 13, 14])
        self.assertEqual(self.read("final.csv"), "edited by hand\n")
        self.run_jobhost("resume", "./theirs", "-o", "mine.jsonl", code=1)
        self.assertEqual([json.loads(line) for line in self.read("mine.jsonl").splitlines()], rows)
        self.assertEqual(self.read("final.csv"), "edited by hand\n")
