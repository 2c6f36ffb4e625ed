import os
import shutil
import subprocess
import unittest

from jobhost import HOSTILE, JOBHOST, JobhostTest


class Refusals(JobhostTest):
    def test_each_mistake_is_a_sentence_with_its_exit_code(self):
        run = lambda *words: ["run", *words]
        self.write("bad.csv", "x\n" + "".join("oops\n" if row == 501 else "1\n" for row in range(2, 700)))
        self.write("text.so", "this is no library\n")
        self.write("columns.csv", "x,facotr\n1,2\n")
        shutil.copy(HOSTILE, os.path.join(self.folder, "cut.so"))
        os.truncate(os.path.join(self.folder, "cut.so"), 5000)
        cases = [
            (run(f"{HOSTILE}:incc", "x=1"), 2, ["no kernel 'incc' in", "did you mean 'inc'?   std::uint64_t inc(std::uint64_t x)", "try: jobhost kernels"]),
            (run(f"{HOSTILE}:inc", "y=1"), 2, ["'inc' has no parameter 'y'", "did you mean 'x'?"]),
            (run(f"{HOSTILE}:fussy", "x=abc"), 2, ["parameter 'x': 'abc' is not an int"]),
            (run(f"{HOSTILE}:fussy", "x=2147483648"), 2, ["2147483648 does not fit into an int (-2147483648 to 2147483647)"]),
            (run(f"{HOSTILE}:fussy", "--csv", "bad.csv"), 2, ["bad.csv line 501, column 'x': 'oops' is not an int"]),
            (run(f"{HOSTILE}:fussy", "--csv", "missing.csv"), 2, ["there is no file 'missing.csv'"]),
            (run(f"{HOSTILE}:inc", "x=0..18446744073709551615"), 2, ["the range has more than 10^14 values"]),
            (run(f"{HOSTILE}:fussy"), 2, ["parameter 'x' of 'fussy' has no value", "give it as x=VALUE"]),
            (run("missing.so:f", "x=1"), 3, ["'missing.so' does not exist"]),
            (run("text.so:f", "x=1"), 3, ["'text.so' is not a shared library"]),
            (run("cut.so:inc", "x=1"), 3, ["'cut.so'"]),
            (run("/bin/true:f", "x=1"), 3, ["holds no kernels"]),
            (run(HOSTILE, "x=1"), 2, ["does not say which kernel to run", "write one of", f"{HOSTILE}:"]),
            (run("inc", "x=1"), 2, ["'inc' does not say which kernel of which file to run"]),
            (run(f"{HOSTILE}:inc", "x=1", "-b", "proceses"), 2, ["no backend 'proceses'", "did you mean 'processes'?"]),
            (run(f"{HOSTILE}:inc", "x=1", "--fromat", "csv"), 2, ["did you mean '--format'?"]),
            (run(f"{HOSTILE}:inc", "x=1", "-j", "0"), 2, ["0"]),
            (run(f"{HOSTILE}:inc", "x=1", "--timeout", "1m"), 2, ["--timeout: write a number of seconds", "not '1m'"]),
            (run(f"{HOSTILE}:inc", "x=1", "--timeout", "0"), 2, ["from 0.001 to 1e9", "not '0'"]),
            (run(f"{HOSTILE}:inc", "x=1", "--chunk", "none"), 2, ["--chunk is 'auto' or a number"]),
            (run(f"{HOSTILE}:inc", "x=1", "-o", "no/such/dir.csv"), 2, ["there is no directory"]),
            (run(f"{HOSTILE}:inc", "x=1", "-o", "out.xlsx"), 2, ["does not end in one of .csv, .jsonl, .json, .npy, .h5, .dat"]),
            (run(f"{HOSTILE}:inc", "x=1", "--sync", "stritc"), 2, ["--sync: write process, batch or strict, not 'stritc'", "did you mean 'strict'?"]),
            (run(f"{HOSTILE}:inc", "x=1", "--format", "scv"), 2, ["not 'scv'", "did you mean 'csv'?"]),
            (run(f"{HOSTILE}:inc", "x=1", "--order", "inputs"), 2, ["--order: write input or completion", "did you mean 'input'?"]),
            (run(f"{HOSTILE}:inc", "x=1", "-o", "out.cvs"), 2, ["does not end in one of", "did you mean '.csv'?"]),
            (run(f"{HOSTILE}:inc", "x=1", "--reduce", "maen"), 2, ["--reduce knows no 'maen'", "did you mean 'mean'?"]),
            (run(f"{HOSTILE}:scaled", "x=1", "factor=1", "--reduce", "mean", "--by", "fcator"), 2, ["--by: 'scaled' has no parameter 'fcator'", "did you mean 'factor'?"]),
            (run(f"{HOSTILE}:scaled", "--csv", "columns.csv"), 2, ["column 'facotr' names no parameter", "did you mean 'factor'?"]),
            (run(f"{HOSTILE}:inc", "x=1", "-b", "template", "--template", "gridengin"), 2, ["there is no template 'gridengin'", "did you mean 'gridengine'?"]),
            (run(f"{HOSTILE}:inc", "x=1", "--stroe", "s"), 2, ["did you mean '--store'?"]),
            (["--color", "alway", "ls"], 2, ["--color: write auto, always or never, not 'alway'", "did you mean 'always'?"]),
            (["--store", "s", "rnu"], 2, ["did you mean 'jobhost run'?"]),
            (["session", "svae", "x"], 2, ["did you mean 'jobhost session save'?"]),
            (["session", "save", "x", "y", "--glboal", "z"], 2, ["did you mean '--global'?"]),
            (["completion", "bahs"], 2, ["shell: write bash, zsh or fish, not 'bahs'", "did you mean 'bash'?"]),
            (["report", "--ouput", "x"], 2, ["did you mean '--output'?"]),
            (["dashboard", "--prot", "1"], 2, ["did you mean '--port'?"]),
            (["man", "dashbord"], 2, ["did you mean 'jobhost man dashboard'?"]),
            (["rnu"], 2, ["there is no command 'rnu'", "did you mean 'jobhost run'?"]),
            (["submit", f"{HOSTILE}:inc", "x=1", "-o", "out.csv"], 2, ["who waits for the rows says where they go: jobhost attach JOB -o"]),
            (["show", "nothing"], 2, ["there are no jobs in the store"]),
            (["kernels", "missing.so"], 3, ["does not exist"]),
        ]
        for words, code, expected in cases:
            with self.subTest(words):
                printed = self.refused(*words, code=code)
                for text in expected:
                    self.assertIn(text, printed)

    def test_a_missing_library_is_named_before_anything_starts(self):
        self.write("dep.cpp", "int helper(int x) { return x + 1; }\n")
        self.write("own.cpp", "int helper(int);\nint own(int x) { return helper(x); }\n")
        # A plugin whose needed library is gone: linked by hand around the schema of another plugin.
        subprocess.run(["g++", "-shared", "-fPIC", "dep.cpp", "-o", "libdep.so"], cwd=self.folder, check=True)
        subprocess.run(["g++", "-shared", "-fPIC", "own.cpp", "-o", "own.so", "-L.", "-ldep"], cwd=self.folder, check=True)
        subprocess.run(["objcopy", "-O", "binary", "--only-section=jobhost_schema", HOSTILE, "schema"], cwd=self.folder, check=True)
        subprocess.run(["objcopy", "--add-section", "jobhost_schema=schema", "own.so"], cwd=self.folder, check=True)
        printed = self.refused("run", "own.so:inc", "x=1", code=3)
        self.assertIn("needs 'libdep.so', which is not found", printed)
        # With the library found but the kernel's symbol missing, the worker refuses; the job stays for inspection.
        os.environ["LD_LIBRARY_PATH"] = self.folder
        try:
            process = self.run_jobhost("run", "own.so:inc", "x=1", code=3)
            self.assertIn("has no symbol 'jobhost_kernel_0'", process.err)
        finally:
            del os.environ["LD_LIBRARY_PATH"]

    def test_no_words_at_all_get_help(self):
        process = self.run_jobhost(code=2)
        self.assertEqual(process.out, "")
        self.assertIn("Usage: jobhost", process.err)
        self.assertIn("Examples:\n  jobhost run", process.err)


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class FullDisk(JobhostTest):
    def setUp(self):
        super().setUp()
        self.disk = os.path.join(self.folder, "disk")
        os.mkdir(self.disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.disk])
        if mounted.returncode != 0:
            self.skipTest("this machine does not allow mounting")

    def tearDown(self):
        subprocess.run(["umount", "-l", self.disk], check=False)
        super().tearDown()

    def test_a_full_disk_is_said_and_resume_completes(self):
        store = os.path.join(self.disk, "store")
        stopped = self.run_jobhost("--store", store, "run", f"{HOSTILE}:inc", "x=1..2000000", "-o", "out.csv", code=4)
        self.assertIn("no space left on device", stopped.err)
        self.assertIn("jobhost resume", stopped.err)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "out.csv")))
        subprocess.run(["mount", "-o", "remount,size=64m", self.disk], check=True)
        self.run_jobhost("--store", store, "resume")
        rows = self.read("out.csv").splitlines()
        self.assertEqual(len(rows), 2_000_001)
        self.assertEqual(rows[-1], "1999999,2000000,2000001,")

    def test_closed_standard_streams_hurt_nobody(self):
        shell = lambda redirect: subprocess.run(
            f'"{JOBHOST}" run "{HOSTILE}:inc" x=1..3 -o rows.csv {redirect}', shell=True, cwd=self.folder).returncode
        for redirect in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            with self.subTest(redirect):
                self.assertEqual(shell(redirect), 0)
                self.assertEqual(self.read("rows.csv"), "task,x,result,error\n0,1,2,\n1,2,3,\n2,3,4,\n")

    def test_a_full_output_is_said_and_leaves_nothing_half_written(self):
        stopped = self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..2000000", "-o", os.path.join(self.disk, "out.csv"), code=4)
        self.assertIn("no space left on device", stopped.err)
        self.assertEqual(os.listdir(self.disk), [])
