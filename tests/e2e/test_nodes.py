"""Machines that do not suit a job say so and take no task, and `show` tells who does what where. A machine is a host
name of its own here, with what else it differs in mounted over what is there."""
import glob
import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap
import unittest

from jobhost import HOSTILE, JOBHOST, PATIENCE, SANITIZED, JobhostTest

COMPANIONS = os.environ["COMPANIONS"]
# Runs a command on a kernel without memfd_create(). As root, which a filter needs; a namespace's will do.
WITHOUT_MEMFD = """
    import ctypes, os, struct, sys
    LOAD, EQUAL, RETURN, ALLOW, ENOSYS = 0x20, 0x15, 0x06, 0x7fff0000, 0x50000 | 38
    code = [(LOAD, 0, 0, 0), (EQUAL, 0, 1, 319), (RETURN, 0, 0, ENOSYS), (RETURN, 0, 0, ALLOW)]
    filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(filter)))
    PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    os.execv(sys.argv[1], sys.argv[1:])
"""


class Nodes(JobhostTest):
    def shown(self, job, *options):
        return json.loads(self.run_jobhost("show", job, "--json", *options).out)

    def ends(self, worker, code):
        err = worker.communicate(timeout=60)[1]
        self.assertEqual(worker.returncode, code, err)
        return err

    def refuses(self, job, code, sentence, *options, **how):
        """One worker on the machine "bad" refuses, and others are not kept from the job by that."""
        said = self.ends(self.start_worker(job, "bad", *options, **how), code)
        refusal, = self.shown(job)["refusals"]
        self.assertEqual((refusal["hostname"], refusal["code"], refusal["workers"]), ("bad", code, 1))
        self.assertRegex(refusal["reason"], sentence)
        self.assertIn(refusal["reason"], said)
        self.assertNotIn("\n", refusal["reason"])
        self.assertEqual(self.claims(job), [])
        self.assertIn(f"refused     bad: {refusal['reason']}\n", self.run_jobhost("show", job).out)
        # Nobody else is there: whoever waits for the rows is told why, with the same code.
        self.assertIn(f"bad: {refusal['reason']}\n", self.run_jobhost("attach", job, code=code).err)
        tasks = self.shown(job)["tasks"]
        self.ends(self.start_worker(job, "good"), 0)
        self.assertEqual(len(self.rows("results", job)), tasks)
        bad, good = self.shown(job)["nodes"]
        self.assertEqual((bad["hostname"], bad["tasks"], bad["refusals"], bad["excluded"]), ("bad", 0, 1, False))
        self.assertEqual((good["hostname"], good["tasks"], good["refusals"]), ("good", tasks, 0))

    def inc(self, *options):
        return self.held(f"{HOSTILE}:inc", "x=1..100", *options)

    def mount(self, what, where):
        return f"mount --bind {what} {where}"

    def other_file(self, path, change):
        """A changed copy of a file."""
        copy = pathlib.Path(self.folder, "other-" + os.path.basename(path))
        copy.write_bytes(change(pathlib.Path(path).read_bytes()))
        copy.chmod(0o755)
        return copy

    def system_library(self, job, soname):
        libraries = json.loads(pathlib.Path(self.store, job, "MANIFEST").read_text())["system_libraries"]
        return next(library for library in libraries if library["soname"] == soname)

    def test_a_processor_without_what_the_code_needs(self):
        self.write("k.cpp", "int f(int x) { return x; }\n")
        job = self.held("k.cpp:f", "x=1..100", "--cxxflags=-mssse3")
        other = self.other_file("/proc/cpuinfo", lambda text: text.replace(b" ssse3 ", b" "))
        self.refuses(job, 3, r"/k\.so' was compiled for a processor with ssse3, which this one lacks$",
                     before=self.mount(other, "/proc/cpuinfo"))

    def test_a_system_library_that_is_none(self):
        job = self.held(f"{COMPANIONS}:with_openmp", "n=1..100")
        path = self.system_library(job, "libgomp.so.1")["path"]
        self.refuses(job, 3, "libgomp.so.1' is not a regular file$", before=self.mount("/dev/null", path))

    def test_a_system_library_that_is_missing(self):
        job = self.held(f"{COMPANIONS}:with_openmp", "n=1..100")
        path = self.system_library(job, "libgomp.so.1")["path"]
        folder, hiding = os.path.dirname(os.path.realpath(path)), pathlib.Path(self.folder, "hiding")
        hiding.mkdir()
        names = {os.path.basename(path), os.path.basename(os.path.realpath(path))}
        whiteouts = " && ".join(f"mknod {hiding}/{name} c 0 0" for name in names)  # an overlay shows no file there
        # Not in the test's own folder: an overlay may be what that lies on.
        before = (f"mount -t tmpfs none {hiding} && {whiteouts} && mount -t overlay -o lowerdir={hiding}:{folder} none {folder} && "
                  f"! [ -e {path} ]")
        self.refuses(job, 3, "/companions.so' needs 'libgomp.so.1', which is not found$", before=before)

    def test_a_system_library_of_another_build(self):
        job = self.held(f"{COMPANIONS}:with_openmp", "n=1..100", "--exact-libraries")
        library = self.system_library(job, "libgomp.so.1")
        build = bytes.fromhex(library["build_id"])
        other = self.other_file(library["path"], lambda bytes: bytes.replace(build, build[::-1]))
        self.refuses(job, 3, "libgomp.so.1 here .* is another build than at submission ",
                     before=self.mount(other, library["path"]))

    def test_a_jobhost_that_does_not_know_the_format(self):
        job = self.inc()
        manifest = pathlib.Path(self.store, job, "MANIFEST")
        other = self.other_file(manifest, lambda text: re.sub(rb'"format":( ?)1,', rb'"format":\g<1>2,', text))
        self.refuses(job, 3, "format 2", manifest=other, before=self.mount(other, manifest))

    def test_a_working_directory_that_is_missing(self):
        os.makedirs(f"{self.folder}/work/here")
        job = subprocess.run([JOBHOST, "submit", "--hold", f"{HOSTILE}:inc", "x=1..100"], cwd=f"{self.folder}/work/here",
                             text=True, capture_output=True, env=dict(os.environ, JOBHOST_STORE=self.store),
                             check=True).stdout.strip()
        self.refuses(job, 3, "working directory '.*/work/here' cannot be entered here: No such file",
                     before=f"mount -t tmpfs none {self.folder}/work")

    def test_code_that_is_other_code_there(self):
        job = self.inc()
        blob, = glob.glob(f"{self.store}/{job}/blob/*")
        other = self.other_file(blob, lambda code: code[:-1] + bytes([code[-1] ^ 1]))
        self.refuses(job, 5, "does not match its digest$", before=self.mount(other, blob),
                     environment={"XDG_CACHE_HOME": f"{self.folder}/cache"})

    def test_no_room_in_the_cache(self):
        job = self.inc()
        os.mkdir(f"{self.folder}/cache")
        self.refuses(job, 4, "no space left", before=f"mount -t tmpfs -o size=4k none {self.folder}/cache",
                     environment={"XDG_CACHE_HOME": f"{self.folder}/cache"})

    def test_logs_that_cannot_be_written(self):
        job = self.inc()
        logs = f"{self.store}/{job}/logs"
        self.refuses(job, 4, f"'{logs}/.*'.*: [Rr]ead-only file system$",
                     before=f"{self.mount(logs, logs)} && mount -o remount,bind,ro {logs}")

    @unittest.skipIf(SANITIZED, "sanitizers themselves need /proc")
    def test_a_system_without_proc(self):
        self.refuses(self.inc(), 4, "'/proc/", before="mount -t tmpfs none /proc")

    @unittest.skipIf(os.uname().machine != "x86_64", "the filter has x86-64's number of memfd_create()")
    def test_a_system_without_anonymous_files(self):
        self.write("without.py", textwrap.dedent(WITHOUT_MEMFD))
        self.refuses(self.inc(), 4, "shared memory", before=f'exec {sys.executable} {self.folder}/without.py "$0" "$@"')

    def test_a_job_that_is_not_seen_or_cannot_be_written(self):
        job = self.inc()
        folder = f"{self.store}/{job}"
        said = self.ends(self.start_worker(job, "bad", "--patience", "0.5", before=f"mount -t tmpfs none {self.store}"), 4)
        self.assertRegex(said, f"error: the job's directory '{folder}' .*\\bbad\\b")
        said = self.ends(self.start_worker(job, "bad", before=f"{self.mount(folder, folder)} && mount -o remount,bind,ro {folder}"), 4)
        self.assertIn(f"'{folder}/workers/", said)
        self.assertIn("ead-only file system", said)
        self.assertEqual(self.claims(job), [])
        self.assertEqual(self.shown(job)["nodes"], [])
        self.assertEqual(len(self.rows("resume", job)), 100)

    def test_nodes_of_a_job(self):
        tasks, milliseconds = 200 * PATIENCE, 10 * PATIENCE  # they are looked at a few times meanwhile
        job = self.held(f"{HOSTILE}:sleeps", f"x=1..{tasks}", f"milliseconds={milliseconds}", "-j", "3")
        workers = [self.start_worker(job, machine, "--lanes", lanes) for machine, lanes in (("n1", 1), ("n2", 2))]
        self.wait_until(lambda: len(self.shown(job)["nodes"]) == 2 and
                        all(node["tasks"] > 5 for node in self.shown(job)["nodes"]), "not both work")
        n1, n2 = self.shown(job, "-v")["nodes"]
        self.assertEqual([(node["hostname"], node["running"], node["ended"], node["lanes"]) for node in (n1, n2)],
                         [("n1", 1, 0, 1), ("n2", 1, 0, 2)])
        for node in (n1, n2):
            self.assertGreater(node["tasks_per_second"], 0)
            self.assertLessEqual(node["tasks_per_second"], 1000 / milliseconds * node["lanes"])
            self.assertRegex(node["last_seen"], r"^\d{4}-\d\d-\d\dT")
            worker, = node["workers"]
            self.assertRegex(worker["worker"], "^[0-9a-f]{32}$")
            self.assertEqual((worker["state"], worker["lanes"]), ("running", node["lanes"]))
        out = self.run_jobhost("show", job).out
        self.assertRegex(out, r"\nNODE +WORKERS +LANES +TASKS +TASKS/S +LAST SEEN +REFUSALS *\nn1 +1 running +1 ")
        self.assertNotIn("WORKER ", out)
        for worker in workers:
            self.ends(worker, 0)
        nodes = self.shown(job)["nodes"]
        self.assertEqual(sum(node["tasks"] for node in nodes), tasks)
        self.assertEqual([(node["running"], node["ended"]) for node in nodes], [(0, 1), (0, 1)])
        self.assertEqual(len(re.findall(r"(?m)^n[12] +[0-9a-f]{32} +\d+ +ended ", self.run_jobhost("show", "-v", job).out)), 2)

    def test_a_job_on_one_machine_has_no_table_unless_it_is_asked_for(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=0..20", "-j2", code=1)
        self.assertNotIn("NODE", self.run_jobhost("show").out)
        self.assertRegex(self.run_jobhost("show", "-v").out, r"\nNODE +WORKER +PID ")
        node, = self.shown("@last")["nodes"]
        self.assertEqual((node["hostname"], node["tasks"], node["failed"], node["lanes"], node["refusals"]),
                         (os.uname().nodename, 21, 1, 2, 0))
        self.assertNotIn("workers", node)

    def test_workers_of_a_machine_that_is_not_heard_of_are_silent(self):
        job = self.held(f"{HOSTILE}:sleeps", "x=1..1000", "milliseconds=20")
        worker = self.start_worker(job, "n1")
        self.wait_until(lambda: any(node["tasks"] for node in self.shown(job)["nodes"]), "nothing is done")
        worker.kill()
        worker.communicate()
        node, = self.shown(job)["nodes"]
        self.assertEqual((node["running"], node["silent"]), (1, 0))  # nobody can know yet
        beat, = glob.glob(f"{self.store}/{job}/workers/*/*.hb")
        long_ago = os.stat(beat).st_mtime - 1000
        os.utime(beat, (long_ago, long_ago))
        node, = self.shown(job)["nodes"]
        self.assertEqual((node["running"], node["silent"]), (0, 1))


if __name__ == "__main__":
    unittest.main()
