"""A real Grid Engine for tests: qmaster and one execution daemon of this machine, without systemd and a change of /etc."""
import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile

from slurm import ClusterError, Daemon, SKIPPED, Unavailable, ports_are_free, remove_abandoned, wait_until, write

PROGRAMS = ["sge_qmaster", "sge_execd", "qsub", "qstat", "qdel", "qconf"]
TOOLS = "/usr/lib/gridengine"  # where Debian puts programs
SHARE = "/usr/share/gridengine"
FIRST_PORT = 20200
RESERVABLE = 255


def require_gridengine():
    """For setUpModule: ends a program of tests as skipped where no Grid Engine can run."""
    try:
        check_machine()
    except Unavailable as why:
        print(f"skipped: {why}", file=sys.__stderr__)
        sys.exit(SKIPPED)


def check_machine():
    missing = [program for program in PROGRAMS if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")]
    if missing:
        raise Unavailable(f"no Grid Engine without {', '.join(missing)}: tests/support/install_packages.sh --tests installs "
                          "what is missing")
    if os.geteuid() != 0:
        raise Unavailable("Grid Engine needs root, for it starts jobs as their users: run the tests as root")


class GridEngine:
    """One queue, main.q, whose slots are pretended."""

    def __init__(self, slots=8):
        self.environment = None
        self._slots = slots
        self._host = socket.gethostname()
        self._daemons = []
        self._cleanup = contextlib.ExitStack()

    def start(self):
        check_machine()
        remove_abandoned()
        try:
            self._create_folder()
            ports = self._reserve_ports()
            self._configure(ports)
            self._start("sge_qmaster")
            wait_until(lambda: not ports_are_free(ports[:1]), "qmaster listens")  # commands would wait long
            self.run("qconf", "-as", self._host)
            self._start("sge_execd")
            self._change("-Msconf", "-ssconf", schedule_interval="0:0:1", flush_submit_sec="1", flush_finish_sec="1",
                         job_load_adjustments="NONE", load_adjustment_decay_time="0:0:0")
            self._change("-Aq", "-sq", qname="main.q", hostlist=self._host, slots=self._slots, load_thresholds="NONE",
                         pe_list="NONE", shell="/bin/sh")
            wait_until(lambda: "lx-" in self.run("qstat", "-f").stdout, "the execution daemon reports")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Ends all that was started, jobs too, and removes the files."""
        try:
            for daemon in self._daemons:
                daemon.end()
            left = [daemon.name for daemon in self._daemons if not daemon.has_ended()]
            self._daemons = []
            if left:
                raise ClusterError(f"SIGKILL did not end all processes of {', '.join(left)}")
        finally:
            self._cleanup.close()

    def run(self, *words, check=True):
        """Runs a command, such as qstat."""
        done = subprocess.run(words, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise ClusterError(f"{' '.join(words)}: exit code {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def states(self):
        """Of all tasks that run or wait."""
        return [line.split()[4] for line in self.run("qstat", "-g", "d").stdout.splitlines()[2:]]

    def set_enabled(self, enabled):
        """Whether tasks that wait are started."""
        self.run("qmod", "-e" if enabled else "-d", "main.q")

    def limit_jobs(self, most):
        """How many submissions a user may have in the queue at a time; 0 for any number."""
        self._change("-Mconf", "-sconf", max_u_jobs=most)

    def _create_folder(self):
        self.folder = tempfile.mkdtemp(prefix=f"jhc-{os.getpid()}-", dir="/tmp")
        self._cleanup.callback(shutil.rmtree, self.folder)
        lock = open(os.path.join(self.folder, "lock"), "w", encoding="utf-8")
        self._cleanup.callback(lock.close)
        fcntl.flock(lock, fcntl.LOCK_SH)  # a folder in use: see remove_abandoned()
        os.chmod(self.folder, 0o755)

    def _reserve_ports(self):
        for attempt in range(RESERVABLE):
            number = (os.getpid() + attempt) % RESERVABLE
            reserved = socket.socket(socket.AF_UNIX)
            ports = range(FIRST_PORT + 2 * number, FIRST_PORT + 2 * number + 2)
            try:
                reserved.bind(f"\0jobhost-test-gridengine-{number}")
                self._cleanup.callback(reserved.close)
                if ports_are_free(ports):
                    return ports
            except OSError:
                reserved.close()
        raise ClusterError(f"no free ports for Grid Engine: {RESERVABLE} others have them")

    def _configure(self, ports):
        root = os.path.join(self.folder, "root")
        common, spool = f"{root}/default/common", f"{root}/spool/qmaster"
        for path in (common, f"{spool}/job_scripts", f"{root}/spool/execd"):
            os.makedirs(path)
        os.symlink(f"{SHARE}/util", f"{root}/util")
        architecture = subprocess.run([f"{SHARE}/util/arch"], capture_output=True, text=True, check=True).stdout.strip()
        for part in ("bin", "lib", "utilbin"):
            os.mkdir(f"{root}/{part}")
            os.symlink(TOOLS, f"{root}/{part}/{architecture}")
        foreign = {name for name in os.environ if name.startswith("SGE_")}
        self.environment = {name: value for name, value in os.environ.items() if name not in foreign}
        self.environment.update(SGE_ROOT=root, SGE_CELL="default", SGE_QMASTER_PORT=str(ports[0]), SGE_EXECD_PORT=str(ports[1]),
                                SGE_SINGLE_LINE="1")
        spooling = f"{common};{spool}"
        bootstrap = {"admin_user": "none", "default_domain": "none", "ignore_fqdn": "true", "spooling_method": "classic",
                     "spooling_lib": "libspoolc", "spooling_params": spooling, "binary_path": "/usr/sbin",
                     "qmaster_spool_dir": spool, "security_mode": "none", "listener_threads": 2, "worker_threads": 2,
                     "scheduler_threads": 1}
        write(f"{common}/bootstrap", "".join(f"{key} {value}\n" for key, value in bootstrap.items()))
        write(f"{common}/act_qmaster", self._host + "\n")
        # The machine's own address may be that of localhost, a name that Grid Engine does not take.
        write(f"{common}/host_aliases", f"{self._host} localhost\n")
        with open(f"{SHARE}/default-configuration", encoding="utf-8") as file:
            configuration = replaced(file.read(), execd_spool_dir=f"{root}/spool/execd", min_uid=0, min_gid=0,
                                     mailer="/bin/true")
        write(f"{root}/configuration", configuration)
        for words in (["spoolinit", "classic", "libspoolc", spooling, "init"],
                      ["spooldefaults", "configuration", f"{root}/configuration"],
                      ["spooldefaults", "complexes", f"{SHARE}/util/resources/centry"],
                      ["spooldefaults", "usersets", f"{SHARE}/util/resources/usersets"],
                      ["spooldefaults", "managers", "root"], ["spooldefaults", "adminhosts", self._host]):
            self.run(f"{TOOLS}/{words[0]}", *words[1:])

    def _change(self, change, show, **settings):
        """Changes a part of the configuration, which is shown as lines of a key and a value."""
        path = os.path.join(self.folder, "global")  # the name of that part, where one is needed
        write(path, replaced(self.run("qconf", show).stdout, **settings))
        self.run("qconf", change, path)

    def _start(self, program):
        environment = dict(self.environment, SGE_ND="1")  # no daemon
        path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
        self._daemons.append(Daemon([path], self.folder, environment, os.path.join(self.folder, f"{program}.out")))


def replaced(text, **settings):
    """Lines of a key and a value, some with another value."""
    lines = []
    for line in text.splitlines():
        key = line.split()[0] if line.split() else ""
        lines.append(f"{key} {settings[key]}" if key in settings else line)
    return "\n".join(lines) + "\n"
