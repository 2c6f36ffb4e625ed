"""Rows of docs/context.md about the process that tasks run in."""
import json
import os
import pathlib
import resource
import subprocess
import unittest

from surroundings import BACKENDS, JOBHOST, STACK, SURROUNDINGS, SurroundedTest, where_workers_run

LC_CTYPE, LC_NUMERIC = 0, 1


class Process(SurroundedTest):
    def test_working_directory(self):
        self.each_sees([self.here] * 4, "working_directory", "arg1=1..4")
        job = self.submit("working_directory", "arg1=1")
        os.rmdir(self.here)
        for backend in BACKENDS:
            _, said = self.work(job, backend, code=3)
            self.assertIn(f"the job's working directory '{self.here}' cannot be entered here", said)

    def test_umask(self):
        self.each_sees([0o027] * 4, "file_mode_mask", "arg1=1..4")

    def test_arguments(self):
        words = ["submit", "--hold", "-j2", f"{SURROUNDINGS}:arguments", "arg1=1..4", "--name", "two words"]
        self.each_sees(["|".join([JOBHOST, *words])] * 4, "arguments", *words[4:])

    def test_environment(self):
        names = ["TZ", "LANG", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX", "MKL_NUM_THREADS", "ONLY_THERE", "LD_LIBRARY_PATH",
                 "JOBHOST_EXECUTOR", "MINE", "GIVEN"]
        self.submission["MINE"] = "7"
        self.each_sees(["Asia/Tokyo", "C", "3", "2"] + ["not set"] * 4 + ["7", "a=b c"], "variable", "--env", "MINE", "--env",
                       "GIVEN=a=b c", ":::", *names)
        self.assertIn("--env NONE: there is no such environment variable", self.submit("variable", "--env", "NONE", ":::", "A", code=2))

    def test_environment_of_the_machine(self):
        self.submission["SLURM_JOB_ID"] = "1"
        self.workers["SLURM_JOB_ID"] = "2"
        self.each_sees(["2"], "variable", ":::", "SLURM_JOB_ID")

    def test_withheld_variables_are_told_when_looked_up(self):
        self.submission["MY_DATA"] = "/data"
        for results, said in self.seen("variable", ":::", "MY_DATA", "TERM"):
            self.assertEqual(results, ["not set"] * 2)
            self.assertIn("note: the environment variable 'MY_DATA' was looked up; it was set at submission", said)
            self.assertEqual(said.count("note:"), 1, said)

    def test_secrets(self):
        """A secret that is asked for is taken where workers run, and is in no file of the job."""
        names = [line.split()[0] for line in SECRETS.split("\n") if line]
        self.assertGreaterEqual(len(names), 40)
        for name in names:
            self.submission[name] = f"hidden-{name}"
            self.workers[name] = f"there-{name}"
        self.submission["OMP_TOOL_TOKEN"] = "hidden-by-its-name"
        self.submission["HDF5_SOURCE"] = "https://ada:hidden-in-a-url@example.org/"
        asked = [word for name in names for word in ("--env", name)]
        for backend in BACKENDS:
            job = self.submit("variable", *asked, ":::", *names)
            rows, _ = self.work(job, backend)
            self.assertEqual([row["result"] for row in rows], [f"there-{name}" for name in names])
            for folder, _, files in os.walk(os.path.join(self.store, job)):
                for file in files:
                    data = open(os.path.join(folder, file), "rb").read()
                    if "/logs/" not in folder + "/":  # what tasks return is theirs to know
                        self.assertNotIn(b"hidden-", data, file)
                        self.assertNotIn(b"there-", data, file)
            # Executors that were started before it was known that they are to see it.
            done = self.call(["run", "-b", backend, f"{SURROUNDINGS}:variable", "--env", "API_TOKEN", "--format", "jsonl", ":::",
                              "API_TOKEN", "GH_TOKEN"], cwd=self.here, env=self.submission)
            self.assertEqual([json.loads(line)["result"] for line in done.stdout.splitlines()], ["hidden-API_TOKEN", "not set"])
            del self.workers["API_TOKEN"]
            rows, said = self.work(self.submit("variable", "--env", "API_TOKEN", ":::", "API_TOKEN"), backend)
            self.assertEqual(rows[0]["result"], "not set")
            self.assertIn("note: the environment variable 'API_TOKEN', which tasks are to see, is not set where workers", said)
            self.workers["API_TOKEN"] = "there-API_TOKEN"
        self.submission.update(AUTHOR="Ada", TOKENIZER="fast")
        self.each_sees(["Ada", "fast"], "variable", "--env", "AUTHOR", "--env", "TOKENIZER", ":::", "AUTHOR", "TOKENIZER")
        self.assertIn("looks like a secret", self.submit("variable", "--env", "API_TOKEN=x", ":::", "A", code=2))

    def test_secrets_of_a_job_that_runs_at_once(self):
        """Its executors are older than the job, which names them."""
        self.submission["MY_TOKEN"] = "t0"
        for backend in BACKENDS:
            done = self.call(["run", f"{SURROUNDINGS}:variable", "-b", backend, "-j2", "--env", "MY_TOKEN", ":::", "MY_TOKEN", "MY_TOKEN"],
                             cwd=self.here, env=self.submission)
            self.assertEqual([json.loads(line)["result"] for line in done.stdout.splitlines()], ["t0"] * 2)

    def test_variables_that_steer_the_loader_are_not_passed_on(self):
        for word in ("LD_PRELOAD=/x.so", "LD_LIBRARY_PATH=/x", "LD_AUDIT=/x", "JOBHOST_EXECUTOR=x"):
            self.assertIn("would change how tasks are started", self.submit("variable", "--env", word, ":::", "A", code=2))
        for word in ("", "=x"):
            self.assertIn("names no variable", self.submit("variable", "--env", word, ":::", "A", code=2))

    def test_limits(self):
        self.each_sees([STACK, 234, 1 << 30], "soft_limit", ":::", "stack", "nofile", "fsize")
        job = self.submit("soft_limit", ":::", "nofile")

        def too_low():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        for backend in BACKENDS:
            _, said = self.work(job, backend, code=3, before=too_low)
            self.assertIn("error: the limit 'nofile' was 234 at submission, and can be at most 100 here", said)

    def test_stack_of_lanes(self):
        self.each_sees([10 << 10] * 40, "stack", "--retries", "0", "--zip",
                       "kilobytes=" + ",".join([str(10 << 10)] * 40))
        self.each_sees([STACK >> 10], "thread_stack", "arg1=1")

        most = resource.getrlimit(resource.RLIMIT_STACK)[1]  # mostly: without a limit
        if os.environ["JOBHOST_SANITIZE"] and most == resource.RLIM_INFINITY:
            most = 1 << 30  # ThreadSanitizer allows 32 MiB where there is none
        depth = min(100 << 10, most >> 11) if most != resource.RLIM_INFINITY else 100 << 10

        def as_much_as_may_be():
            resource.setrlimit(resource.RLIMIT_STACK, (most, most))

        job = self.submit("stack", "--retries", "0", "--zip", "kilobytes=" + ",".join([str(depth)] * 40), before=as_much_as_may_be)
        for backend in BACKENDS:
            rows, _ = self.work(job, backend)
            self.assertEqual([row["result"] for row in rows], [depth] * 40)

    def test_locale(self):
        """The command line has the one that every program begins with, whatever LANG says; programs see test_program.py."""
        self.submission["LANG"] = "C.UTF-8"
        self.each_sees(["C", "C"], "c_locale", f"category={LC_CTYPE},{LC_NUMERIC}")

    def test_time_zone(self):
        self.each_sees(["2001-09-09 10:46 JST"], "local_time", "seconds=1000000000")
        del self.submission["TZ"]
        zone = subprocess.run(["date", "-d", "@1000000000", "+%Y-%m-%d %H:%M %Z"], text=True, capture_output=True,
                              env={"PATH": os.environ["PATH"]}).stdout.strip()
        self.each_sees([zone], "local_time", "seconds=1000000000")

    def test_time_zone_of_the_machine(self):
        """Workers on a machine with another /etc/localtime, which takes a mount namespace."""
        inside = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        del self.submission["TZ"], self.workers["TZ"]
        expected = subprocess.run(["date", "-d", "@1000000000", "+%Y-%m-%d %H:%M %Z"], text=True, capture_output=True,
                                  env={"PATH": os.environ["PATH"], "TZ": "Asia/Kolkata"}).stdout.strip()
        script = ('cp -a /etc "$1/etc" && ln -sfn "/usr/share/zoneinfo/$2" "$1/etc/localtime" && mount --bind "$1/etc" /etc && '
                  'shift 2 && exec "$@"')
        done = subprocess.run([*inside, "sh", "-c", script, "sh", self.folder, "Asia/Kolkata", JOBHOST, "submit", "--hold",
                               f"{SURROUNDINGS}:local_time", "seconds=1000000000"], text=True, capture_output=True, cwd=self.here,
                              env=self.submission)
        self.assertEqual(done.returncode, 0, done.stderr)
        for backend in BACKENDS:
            rows, _ = self.work(done.stdout.strip(), backend, before=None)
            self.assertEqual([row["result"] for row in rows], [expected])

    def test_replay(self):
        """One task again, by hand, elsewhere; and as a capsule."""
        capsule = os.path.join(self.folder, "case.tar")
        arguments = "|".join([JOBHOST, "submit", "--hold", "-j2", f"{SURROUNDINGS}:arguments", "arg1=1"])
        for kernel, words, expected in (("working_directory", ["arg1=1"], self.here), ("file_mode_mask", ["arg1=1"], 0o027),
                                        ("arguments", ["arg1=1"], arguments), ("variable", [":::", "TZ"], "Asia/Tokyo"),
                                        ("variable", [":::", "ONLY_THERE"], "not set"), ("soft_limit", [":::", "nofile"], 234),
                                        ("thread_stack", ["arg1=1"], STACK >> 10), ("processors", ["arg1=1"], 1),
                                        ("local_time", ["seconds=1000000000"], "2001-09-09 10:46 JST")):
            job = self.submit(kernel, *words)
            self.call(["export", f"{job}/0", capsule], cwd=self.there, env=self.workers)
            for what in (f"{job}/0", capsule):
                done = self.call(["replay", what], cwd=self.there, env=self.workers, preexec_fn=where_workers_run)
                self.assertEqual(json.loads(done.stdout), expected, kernel)
    def test_what_tasks_change_of_their_process(self):
        for backend in BACKENDS:
            for x, what in ((0, None), (1, "the environment (ADDED_BY_A_TASK)"), (2, "the umask"), (3, "the working directory"),
                            (4, "the locale"), (5, "the environment (")):
                rows, said = self.work(self.submit("change_process", f"x={x},0"), backend)
                self.assertEqual([row["result"] for row in rows], [x, 0])
                if what:
                    self.assertIn(f"note: tasks changed {what}", said)
                    self.assertIn("later tasks of the same process see that", said)
                else:
                    self.assertNotIn("note:", said)

    def test_time_zone_that_is_not_known(self):
        """A machine without the time zone database: another mount namespace."""
        inside = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        script = 'mount -t tmpfs tmpfs /usr/share/zoneinfo && exec "$@"'
        for zone, code in (("Asia/Tokyo", 3), (":Asia/Tokyo", 3), ("No/Such", 0), ("EST5", 0)):
            self.submission["TZ"] = zone
            job = self.submit("local_time", "seconds=1000000000")
            done = subprocess.run([*inside, "sh", "-c", script, "sh", JOBHOST, "resume", job], text=True, capture_output=True,
                                  cwd=self.there, env=self.workers)
            self.assertEqual(done.returncode, code, done.stderr)
            if code:
                self.assertIn("error: the time zone 'Asia/Tokyo' of the submission is not known here", done.stderr)

    def test_niceness(self):
        self.each_sees([os.nice(0) + 3] * 2, "niceness", "arg1=1,2")

    def test_processors(self):
        self.each_sees([1], "processors", "arg1=1", "-j1")
        job = self.submit("processors", "arg1=1", "-j1", before=None)
        rows, said = self.work(job, "processes", before=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
        self.assertEqual(rows[0]["result"], 1)
        self.assertIn(f"processes may use 1 processors where tasks ran, and {len(os.sched_getaffinity(0))} at submission", said)

    def test_tunables(self):
        """They must be there before the program starts: the C library's mathematics is an example."""
        self.submission["GLIBC_TUNABLES"] = "glibc.malloc.check=1"
        self.each_sees(["glibc.malloc.check=1"], "variable", ":::", "GLIBC_TUNABLES")

    def test_portable_mathematics(self):
        values = [f"x={','.join(str(0.1 + i * 0.377) for i in range(2000))}"]
        portable = [results for results, _ in self.seen("sine", *values, "--portable-math")]
        self.assertEqual(portable[0], portable[1])
        self.submission["GLIBC_TUNABLES"] = "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4"
        plain = self.seen("sine", *values)[0][0]
        self.assertEqual(portable[0], plain)
        flags = next(line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
        if " fma " in flags:
            del self.submission["GLIBC_TUNABLES"]
            self.assertNotEqual(self.seen("sine", *values)[0][0], portable[0])


SECRETS = """API_TOKEN
AWS_SECRET_ACCESS_KEY
AWS_ACCESS_KEY_ID
AWS_SESSION_TOKEN
AZURE_CLIENT_SECRET
AZURE_STORAGE_KEY
AZURE_STORAGE_CONNECTION_STRING
GITHUB_TOKEN
GH_TOKEN
GITLAB_TOKEN
NPM_TOKEN
PYPI_PASSWORD
TWINE_PASSWORD
DOCKER_PASSWORD
DOCKER_AUTH_CONFIG
PGPASSWORD
MYSQL_PWD
MYSQL_ROOT_PASSWORD
REDIS_PASSWORD
DATABASE_URL
SENTRY_DSN
SLACK_WEBHOOK_URL
STRIPE_API_KEY
OPENAI_API_KEY
HF_TOKEN
WANDB_API_KEY
KAGGLE_KEY
GOOGLE_APPLICATION_CREDENTIALS
SSH_PRIVATE_KEY
SSH_PASSPHRASE
GPG_PASSPHRASE
JWT_SECRET
SESSION_SECRET
COOKIE_SECRET
ENCRYPTION_KEY
SIGNING_KEY
TLS_PRIVATE_KEY
VAULT_TOKEN
CONSUL_HTTP_TOKEN
HEROKU_API_KEY
TWILIO_AUTH_TOKEN
SENDGRID_API_KEY
BEARER
LDAP_PASSWD
"""

if __name__ == "__main__":
    unittest.main()
