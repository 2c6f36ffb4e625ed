"""What campaigns do over and over: a small job in a folder of its own, a blow at one system call, and a look at what is
left. See at_call.cpp for the blows."""
import collections
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

TASKS = 8
TIME_LIMIT = 20 * int(os.environ.get("PATIENCE", 1))  # seconds for any command


class Programs:
    """Paths of what is tested, and of what tests it."""

    def __init__(self, options):
        self.jobhost, self.at_call, self.plugin = map(os.path.abspath, (options.jobhost, options.at_call, options.plugin))


def add_programs(parser):
    for name in ("jobhost", "at_call", "plugin"):
        parser.add_argument(name)
    parser.add_argument("--long", action="store_true", help="every point instead of some")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time")
    parser.add_argument("--only", default="", help="series whose name has this in it")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))


class Ended:
    """A command's end; what it said is in `said`."""

    def __init__(self, code, said, blow=None):
        self.code, self.said, self.blow = code, said, blow

    def __str__(self):
        return f"exit code {self.code}: {' / '.join(self.said.split(chr(10))).strip()}"


Blow = collections.namedtuple("Blow", "call path")


class Scene:
    """One store, one job, one output file, one code cache."""

    def __init__(self, programs, template=None, sync="batch"):
        self.programs, self.sync = programs, sync
        self.folder = tempfile.mkdtemp(prefix="jobhost-scene-")
        if template:
            subprocess.run(["cp", "-a", template + "/.", self.folder], check=True)
        self.store, self.output = self.path("store"), self.path("out.csv")
        self.environment = dict(os.environ, XDG_CACHE_HOME=self.path("cache"), LC_ALL="C")
        with open(self.path("in.csv"), "w") as inputs:
            inputs.write("x\n" + "".join(f"{x}\n" for x in range(TASKS)))

    def path(self, name):
        return os.path.join(self.folder, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def words(self, command):
        kernel = [f"{self.programs.plugin}:text_of", "--csv", self.path("in.csv"), "-j", "1", "--sync", self.sync]
        words = {"run": ["run", *kernel, "-o", self.output],
                 "submit": ["submit", *kernel],
                 "resume": ["resume", "@last", "-o", self.output]}.get(command[0], command)
        return [self.programs.jobhost, "--store", self.store, "--quiet", *words]

    def run(self, *command, blow=()):
        """Runs a command, under at_call when there are options for it."""
        report = self.path("report")
        tool = [self.programs.at_call, *blow, "--report", report] if blow else []
        process = subprocess.Popen(tool + self.words(command), cwd="/", env=self.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        try:
            said, code = process.communicate(timeout=TIME_LIMIT)[0], process.returncode
        except subprocess.TimeoutExpired:
            process.kill()  # and with it all that it traces
            said, code = process.communicate()[0], "none, still running after the time limit"
        ended = Ended(code, said)
        for line in open(report, errors="replace") if tool else ():
            words = line.rstrip("\n").split(" ", 3)
            if words[0] == "hit":
                ended.blow = Blow(words[2], words[3])
            if words[0] == "counted":
                ended.count = int(words[1])
        return ended

    def jobs(self):
        """Directories of jobs, and other directories."""
        entries = [os.path.join(self.store, name) for name in os.listdir(self.store)
                   if name != ".gitignore"] if os.path.isdir(self.store) else []
        is_job = lambda path: os.path.exists(path + "/MANIFEST")
        return list(filter(is_job, entries)), [path for path in entries if not is_job(path)]

    def finish(self):
        """Resumes the job, or submits it again where there is none. What is wrong then, or None."""
        jobs, _ = self.jobs()
        if len(jobs) > 1:
            return f"{len(jobs)} jobs"
        command = "resume" if jobs else "run"
        ended = self.run(command)
        if ended.code != 0:
            return f"{command} afterwards: {ended}"
        if not self.exact():
            return f"{command} afterwards: other output: {self.text()!r}"
        verified = self.run("verify")
        return f"verify afterwards: {verified}" if verified.code != 0 else None

    def text(self):
        try:
            return open(self.output).read()
        except FileNotFoundError:
            return None

    def exact(self):
        return self.text() == EXPECTED

    def left_behind(self):
        """Unfinished things beside the output and in the store."""
        beside = os.listdir(os.path.dirname(self.output))
        return [name for name in beside if name.startswith("out.csv.")] + self.jobs()[1]


def result_of(x):
    return chr(ord("a") + x % 26) * (x % 50) + "\"," + str(x)


EXPECTED = "task,x,result,error\n" + "".join(
    "{},{},{},\n".format(x, x, '"' + result_of(x).replace('"', '""') + '"') for x in range(TASKS))


def half_done(programs, folder):
    """Makes a job whose host, and with it all others, was killed half-way."""
    with Scene(programs) as scene:
        whole = scene.run("run", blow=["--role", "executor", "--calls", "growing"])
        if whole.code != 0:
            sys.exit(f"the job does not run undisturbed: {whole}")
        shutil.rmtree(scene.store)
        os.remove(scene.output)
        ended = scene.run("run", blow=["--role", "executor", "--calls", "growing", "--at", str(whole.count - 2), "--do", "fail:EIO"])
        done = [name for job in scene.jobs()[0] for name in os.listdir(job + "/logs")]
        if ended.code != 4 or not done:
            sys.exit(f"no half-done job could be made: {ended}")
        shutil.copytree(scene.store, os.path.join(folder, "store"))


def points_of(count, wanted, options, chance):
    """1..count, or in short mode `wanted` of them."""
    if options.at:
        return [options.at]
    return list(range(1, count + 1)) if options.long else sorted(chance.sample(range(1, count + 1), min(count, wanted)))


class Campaign:
    """Runs points in parallel, and keeps the books."""

    def __init__(self, options):
        self.jobs, self.seed, self.bad, self.begin = options.jobs, options.seed, [], time.monotonic()
        self.tally = collections.Counter()

    def run(self, name, points, certain, one):
        """one(point) -> (what became of it, what is wrong or None); "missed": the call was never made. Points up to
        `certain` must be reached."""
        reached, results = 0, collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for point, (result, problem) in zip(points, pool.map(one, points)):
                results[result] += 1
                reached += result != "missed"
                if result == "missed" and point <= certain:
                    problem = "was never reached"
                if problem:
                    self.bad.append(f"{name} at call {point}: {problem}")
                    print("BAD " + self.bad[-1], flush=True)
        self.tally["points"] += len(points)
        self.tally["reached"] += reached
        print(f"{name}: {reached} of {len(points)} points reached, {dict(results)}", flush=True)

    def end(self, least):
        seconds = time.monotonic() - self.begin
        print(f"seed {self.seed}: {self.tally['reached']} of {self.tally['points']} points reached, {len(self.bad)} bad, {seconds:.0f} s")
        if self.tally["reached"] < least:
            print(f"fewer than the {least} points that are to be reached")
        return 1 if self.bad or self.tally["reached"] < least else 0


def counts(scene_of, command, blow, long):
    """The calls that every undisturbed run makes, but for the last few: how often anybody looks is a matter of time; and
    the most that one made. One run is enough for short mode, where no point must be reached, only so many of them."""
    seen = []
    for _ in range(4 if long else 1):
        with scene_of() as scene:
            ended = scene.run(command, blow=blow)
            if ended.code != 0:
                sys.exit(f"{command} undisturbed: {ended}")
            seen.append(ended.count)
    return int(0.95 * min(seen)) if long else 0, max(seen)
