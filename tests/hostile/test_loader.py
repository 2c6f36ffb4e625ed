"""What others plant where the loader looks is not loaded."""
import glob
import os
import pathlib
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../e2e"))
from jobhost import JobhostTest  # noqa: E402

PLANTED = """
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void planted() {
  char name[64] = {};
  const int self = open("/proc/self/comm", O_RDONLY), log = open("WITNESS", O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (write(log, name, read(self, name, sizeof name)) < 0) _exit(99);
}
extern "C" int helper() { return 666; }
"""
KERNELS = """
#include <omp.h>
#include <sys/resource.h>
int threads_at_least(int x) { return x + (omp_get_max_threads() > 0); }
long core_limit(int x) { rlimit limit; getrlimit(RLIMIT_CORE, &limit); return long(limit.rlim_cur) + 0 * x; }
"""


class Loader(JobhostTest):
    def setUp(self):
        super().setUp()
        self.before = {name: os.environ.get(name) for name in ("XDG_CACHE_HOME", "LD_PRELOAD", "JOBHOST_CORE_DUMPS")}
        os.environ["XDG_CACHE_HOME"] = self.path("cache")

    def tearDown(self):
        for name, value in self.before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        super().tearDown()

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, source, name, *flags):
        self.write("source.cpp", source.replace("WITNESS", self.path("witness")))
        subprocess.run(["g++", "-shared", "-fPIC", "source.cpp", "-o", name, *flags], cwd=self.folder, check=True)

    def build(self, source, name, flags, *link):
        self.write("own.cpp", source)
        self.run_jobhost("build", "own.cpp", "-o", name, f"--cxxflags={flags}", *link)

    def witnesses(self):
        return self.read("witness").split() if os.path.exists(self.path("witness")) else []

    def test_a_library_planted_where_the_runpath_leads_is_not_loaded_instead_of_the_systems(self):
        os.mkdir(self.path("open"))
        os.chmod(self.path("open"), 0o1777)
        self.build(KERNELS, "own.so", f"-fopenmp -Wl,-rpath,{self.path('open')}")
        for backend in ("processes", "threads"):
            job = self.run_jobhost("submit", "--hold", "own.so:threads_at_least", "x=1..3", "-b", backend).out.strip()
            self.compile(PLANTED, "open/libgomp.so.1", "-Wl,-soname,libgomp.so.1")
            self.assertEqual([row["result"] for row in self.rows("resume", job)], [2, 3, 4])
            self.assertEqual(self.witnesses(), [])
            os.remove(self.path("open/libgomp.so.1"))

    def test_a_library_that_everybody_may_replace_does_not_travel(self):
        os.mkdir(self.path("open"))
        self.compile('extern "C" int helper() { return 1; }', "open/libdep.so", "-Wl,-soname,libdep.so")
        source = 'extern "C" int helper();\nint answer(int x) { return x + helper(); }\n'
        self.build(source, "own.so", f"-L{self.path('open')} -Wl,-rpath,{self.path('open')}", "--link", "dep")
        self.assertEqual(self.rows("run", "own.so:answer", "x=1")[0]["result"], 2)
        os.chmod(self.path("open"), 0o777)
        self.assertIn(f"everybody may put another file in the place of '{self.path('open/libdep.so')}'",
                      self.refused("run", "own.so:answer", "x=1", code=3))
        os.chmod(self.path("open"), 0o755)
        os.chmod(self.path("open/libdep.so"), 0o666)
        self.assertIn("everybody may put another file in the place of", self.refused("run", "own.so:answer", "x=1", code=3))

    def test_a_runpath_that_depends_on_the_working_directory_leads_nowhere(self):
        self.compile('extern "C" int helper() { return 1; }', "libdep.so", "-Wl,-soname,libdep.so")
        source = 'extern "C" int helper();\nint answer(int x) { return x + helper(); }\n'
        for runpath in (".", "", "sub/.."):
            self.build(source, "own.so", f"-L{self.folder} -Wl,-rpath,{runpath}:/nowhere", "--link", "dep")
            self.assertIn("needs 'libdep.so', which is not found", self.refused("run", "own.so:answer", "x=1", code=3))
        self.build(source, "own.so", f"-L{self.folder} -Wl,-rpath,$ORIGIN", "--link", "dep")
        self.assertEqual(self.rows("run", "own.so:answer", "x=1")[0]["result"], 2)

    def test_what_is_preloaded_stays_with_the_command(self):
        self.compile(PLANTED, "preload.so")
        self.build(KERNELS, "own.so", "-fopenmp")
        os.environ["LD_PRELOAD"] = self.path("preload.so")
        job = self.run_jobhost("submit", "own.so:threads_at_least", "x=1..3").out.strip()
        os.environ.pop("LD_PRELOAD")
        self.assertEqual([row["result"] for row in self.rows("attach", job)], [2, 3, 4])
        self.assertEqual(self.witnesses(), ["jobhost"])  # the command itself; neither its worker nor the executors

    def test_a_copy_in_the_cache_that_was_changed_is_made_again(self):
        self.build(KERNELS, "own.so", "-fopenmp")
        run = ("run", "own.so:threads_at_least", "x=1..3")
        self.rows(*run)
        copy, = glob.glob(self.path("cache/jobhost/*/own.so"))
        os.chmod(copy, 0o700)
        with open(copy, "r+b") as file:
            file.truncate(4096)
        self.assertEqual([row["result"] for row in self.rows(*run)], [2, 3, 4])
        for change, undo in ((0o777, 0o700), (0o722, 0o700)):
            os.chmod(self.path("cache/jobhost"), change)
            self.assertIn("is not a directory that only you can write to", self.run_jobhost(*run, code=3).err)
            os.chmod(self.path("cache/jobhost"), undo)
        os.chmod(self.path("cache"), 0o777)
        self.assertIn(f"everybody may write to '{self.path('cache')}'", self.run_jobhost(*run, code=5).err)

    def test_no_core_dumps_unless_asked_for(self):
        self.build(KERNELS, "own.so", "-fopenmp")
        limit = resource.getrlimit(resource.RLIMIT_CORE)
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (min(4096, limit[1]) if limit[1] >= 0 else 4096, limit[1]))
            asked = resource.getrlimit(resource.RLIMIT_CORE)[0]
            for backend in ("processes", "threads"):
                run = ("run", "own.so:core_limit", "x=1", "-b", backend)
                os.environ.pop("JOBHOST_CORE_DUMPS", None)
                self.assertEqual(self.rows(*run)[0]["result"], 1)
                os.environ["JOBHOST_CORE_DUMPS"] = "1"
                self.assertEqual(self.rows(*run)[0]["result"], asked)
        finally:
            resource.setrlimit(resource.RLIMIT_CORE, limit)
