"""jobhost doctor: what works here, what does not, and what it says about that."""
import json
import os
import pathlib
import subprocess
import unittest

from jobhost import JOBHOST, SANITIZED, JobhostTest

NEEDED = {"/proc", "jobhost-executor", "store", "code cache"}
PROGRAMS = {"compiler": "g++", "cmake": "cmake", "git": "git", "gdb": "gdb", "tar": "tar", "Slurm": "sbatch", "MPI": "mpirun",
            "ssh": "ssh", "Python": "python3"}


class Doctor(JobhostTest):
    def doctor(self, *words, code=0, before="true", **environment):
        """Its findings by what they are about; `before` is run by the same shell."""
        done = subprocess.run(["/bin/bash", "-c", f'{before}; exec "$0" "$@"', JOBHOST, "doctor", "--json", *words], cwd=self.folder,
                              text=True, capture_output=True, env=dict(os.environ, JOBHOST_STORE=self.store, **environment))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual(document["fit"], code == 0)
        return {finding["what"]: finding for finding in document["findings"]}

    def assert_trouble(self, finding, state, detail, hint):
        self.assertEqual(finding["state"], state, finding)
        self.assertIn(detail, finding["detail"])
        self.assertIn(hint, finding["hint"])

    def test_here_is_all_that_the_tests_need(self):
        found = self.doctor(PATH=f"/usr/bin:{os.environ['PATH']}")  # Debian's Python before others
        for what in [*NEEDED, "jobhost-executor-tbb", "jobhost-scan", "jobhost-dashboard", "jobhost-hdf5", "temporary files",
                     "open files", "processes", "file size", "stack", "memory", "core files", "headers", "compiler", "cmake",
                     "git", "gdb", "tar", "MPI", "Python"]:
            self.assertEqual(found[what]["state"], "ok", found[what])
            self.assertEqual(found[what]["hint"], "")
        self.assertRegex(found["compiler"]["detail"], r"^/.*, .*\d+\.\d+")
        self.assertRegex(found["Python"]["detail"], r"with NumPy$")
        self.assertIn(self.store, found["store"]["detail"])

    def test_the_table_is_aligned_and_ends_with_a_verdict(self):
        os.mkdir(f"{self.folder}/empty")
        done = subprocess.run([JOBHOST, "doctor"], cwd=self.folder, text=True, capture_output=True,
                              env={"PATH": f"{self.folder}/empty", "HOME": self.folder, "JOBHOST_STORE": self.store})
        self.assertEqual(done.returncode, 0, done.stderr)
        header, *rows, verdict = done.stdout.splitlines()
        self.assertEqual(header.split(), ["STATE", "WHAT", "FOUND,", "OR", "HOW", "TO", "MEND", "IT"])
        self.assertEqual(verdict, "jobs can run here")
        what, found = header.index("WHAT"), header.index("FOUND")
        for row in rows:
            self.assertEqual(row, row.rstrip())
            self.assertEqual((row[what - 1], row[found - 1]), (" ", " "), row)
            self.assertIn(row[:what].strip(), ("ok", "missing"))
            if row.startswith("missing"):
                self.assertRegex(row[found:], "^no '.*' in PATH: apt-get install [a-z]")

    def test_programs_that_are_missing_are_named_with_their_packages(self):
        os.mkdir(f"{self.folder}/empty")
        found = self.doctor(PATH=f"{self.folder}/empty", CXX="")
        for what, program in PROGRAMS.items():
            self.assert_trouble(found[what], "missing", f"no '{program}' in PATH", "apt-get install ")
        self.assertNotIn("sacct", found)

    def program(self, name, text):
        os.makedirs(f"{self.folder}/bin", exist_ok=True)
        path = pathlib.Path(self.folder, "bin", name)
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)

    def test_programs_that_do_not_work_are_told_from_those_that_do(self):
        self.program("g++", "echo 'unrecognized option -std=gnu++20' >&2; exit 1\n")
        self.program("python3", "echo 3.12.1 without NumPy\n")
        self.program("mpirun", "echo 'libmpi.so.40: cannot open' >&2; exit 127\n")
        self.program("sbatch", "")
        self.program("scontrol", "echo 'slurm_load: Unable to contact slurm controller' >&2; exit 1\n")
        found = self.doctor(PATH=f"{self.folder}/bin:/bin", CXX="")
        self.assert_trouble(found["compiler"], "broken", "unrecognized option", "g++ (11 or newer)")
        self.assert_trouble(found["Python"], "missing", "without NumPy",
                            "/usr/bin/python3 has it, or: python3 -m pip install numpy")
        self.assert_trouble(found["MPI"], "broken", "libmpi.so.40: cannot open", "openmpi-bin")
        self.assert_trouble(found["Slurm"], "broken", "Unable to contact slurm controller", "scontrol ping")

    def test_limits(self):
        found = self.doctor(before="ulimit -n 64; ulimit -Sf 1024; ulimit -Ss 512; ulimit -c 0")
        self.assert_trouble(found["open files"], "broken", "64, less than 256", "limits.conf")
        self.assert_trouble(found["file size"], "broken", "1 MiB, less than 1024 MiB", "ulimit -f")
        self.assert_trouble(found["stack"], "broken", "512 KiB, less than 1 MiB", "ulimit -s")
        self.assertIn("none are written", found["core files"]["detail"])

    def test_a_store_that_cannot_be_written_or_is_open_to_all(self):
        self.write("file", "")
        found = self.doctor("--store", "file/store", code=4)
        self.assert_trouble(found["store"], "broken", "cannot", "JOBHOST_STORE or --store")
        os.mkdir(f"{self.folder}/open")
        os.chmod(f"{self.folder}/open", 0o777)
        found = self.doctor("--store", "open/store", code=4)
        self.assert_trouble(found["store"], "broken", "everybody may write to", "chmod o-w")
        text = self.run_jobhost("--store", "open/store", "doctor", code=4).out
        self.assertTrue(text.endswith("jobs cannot run here until what is said above is mended\n"), text)

    def test_parts_of_jobhost_that_are_missing_or_cannot_be_loaded(self):
        libexec = pathlib.Path(JOBHOST).parent.parent / "libexec/jobhost"
        hidden = f"mount -t tmpfs none {libexec} && cp /bin/false {libexec}/jobhost-scan && " \
                 f"printf '#!/bin/sh\\necho libtbb.so.12: cannot open shared object file >&2; exit 127\\n' > {libexec}/jobhost-executor-tbb" \
                 f" && chmod +x {libexec}/*"
        process = self.start_elsewhere("here", "doctor", "--json", before=hidden)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 4, err)
        found = {finding["what"]: finding for finding in json.loads(out)["findings"]}
        self.assert_trouble(found["jobhost-executor"], "missing", str(libexec), "install jobhost again")
        self.assert_trouble(found["jobhost-executor-tbb"], "broken", "libtbb.so.12: cannot open", "apt-get install libtbb12")
        self.assert_trouble(found["jobhost-dashboard"], "missing", str(libexec), "install jobhost again")
        self.assert_trouble(found["jobhost-hdf5"], "missing", str(libexec), "apt-get install jobhost-hdf5")
        self.assertEqual(found["jobhost-scan"]["state"], "ok")

    @unittest.skipIf(SANITIZED, "sanitizers learn from /proc where stacks are")
    def test_a_machine_without_proc(self):
        process = self.start_elsewhere("here", "doctor", "--json", before="mount -t tmpfs none /proc")
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 4, err)
        found = {finding["what"]: finding for finding in json.loads(out)["findings"]}
        self.assert_trouble(found["/proc"], "missing", "not mounted", "mount -t proc")
