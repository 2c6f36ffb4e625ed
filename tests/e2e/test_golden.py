"""Jobs of frozen formats say what they said when they were made (tests/golden)."""
import json
import pathlib
import shutil
import sys

from jobhost import JOBHOST, SOURCE, JobhostTest

GOLDEN = SOURCE / "tests/golden"
sys.path.insert(0, str(GOLDEN))
from looks import looks  # noqa: E402


class Golden(JobhostTest):
    maxDiff = None

    def test_jobs_of_format_1_are_read_for_ever(self):
        jobs = sorted(path for path in (GOLDEN / "format1").iterdir() if path.is_dir())
        self.assertEqual([job.name for job in jobs], ["crash", "failures", "fixed", "recipes", "unfinished", "varying"])
        for job in jobs:
            with self.subTest(job.name):
                self.assertEqual(looks(JOBHOST, job), job.with_suffix(".txt").read_text())

    def test_the_golden_jobs_are_of_format_1_and_of_no_machine(self):
        for path in (GOLDEN / "format1").rglob("*"):
            data = path.read_bytes() if path.is_file() else b""
            if path.name == "MANIFEST":
                self.assertEqual(json.loads(data)["format"], 1)
            for word in (b"/home/", b"/root/", b"/tmp/"):
                self.assertNotIn(word, data.replace(b"/tmp/golden", b""), path)

    def test_a_job_of_another_format_is_refused_in_a_sentence_that_names_both(self):
        job = pathlib.Path(self.store) / "20990101-000000-abcd"
        shutil.copytree(GOLDEN / "format1/fixed", job)
        manifest = job / "MANIFEST"
        manifest.chmod(0o600)
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
        for words in (["results"], ["verify"], ["show"], ["errors"], ["resume"], ["rm"], ["show", "--json"]):
            message = self.refused(*words[:1], job, *words[1:], code=3)
            self.assertIn(f"'{manifest}' is of format 2, this jobhost reads format 1", message)
        listed = json.loads(self.run_jobhost("ls", "--json").out)["jobs"]
        self.assertEqual([job["state"] for job in listed], ["unreadable"])
