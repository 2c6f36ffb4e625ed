#!/usr/bin/env python3
"""A real Slurm for tests: slurmctld, several slurmd and munge on one machine, without systemd and cgroups.

usage: slurm.py [--nodes N] [--cpus N] [--hosts one|two] -- COMMAND...
       slurm.py --clean

Runs COMMAND with SLURM_CONF set to the cluster, ends the cluster and exits as COMMAND did. --clean removes what killed
runs left. Exit code 77 when it cannot run here: packages are missing, or the user is not root."""
import argparse
import contextlib
import fcntl
import functools
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper import Process, read_process  # noqa: E402
from network import Network, remove_abandoned_networks  # noqa: E402

PROGRAMS = ["munged", "slurmctld", "slurmd", "squeue", "sbatch", "scontrol", "sinfo"]
SKIPPED = 77  # as ctest knows it
MOST_NODES = 31
RESERVABLE = 255  # numbers of clusters at the same time
# With these `extra` lines a node is down and its jobs are queued again 12 s after its slurmd died, instead of 30 s. Not
# for arrays of hundreds of short tasks: starts that are late are then taken for failed, and held.
QUICK_LOSS = ["MessageTimeout=3", "TCPTimeout=2", "SlurmdTimeout=4"]
LONGEST_FOLDER = 60  # sockets lie below it, whose paths have at most 107 characters
KEEPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keeper.py")


class Unavailable(Exception):
    """There can be no cluster here; the sentence says why."""


class ClusterError(Exception):
    """The cluster, or a command of Slurm, failed."""


def require_slurm(hosts="one"):
    """For setUpModule: ends a program of tests as skipped where no cluster can run."""
    try:
        check_machine(hosts)
    except Unavailable as why:
        print(f"skipped: {why}", file=sys.__stderr__)
        sys.exit(SKIPPED)


def check_machine(hosts):
    if os.geteuid() != 0:
        raise Unavailable("a Slurm cluster needs root, for slurmd starts jobs as their users: run the tests as root")
    programs = PROGRAMS + (["ip", "nsenter", "unshare"] if hosts == "two" else [])
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise Unavailable(f"no Slurm cluster without {', '.join(missing)}: tests/support/install_packages.sh --tests "
                          "installs what is missing")
    if hosts == "two":
        trial = Network(RESERVABLE)
        try:
            trial.create()
        except OSError as error:
            raise Unavailable(f"two hosts need the right to make network namespaces and bridges: {error}") from None
        finally:
            trial.remove()


def wait_until(condition, what, seconds=30):
    """Waits for a condition, whose last value it returns."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {seconds} s")
        time.sleep(0.05)
    return value


class Daemon:
    """A daemon below its keeper."""

    def __init__(self, words, folder, environment, log):
        self.name = words[0]
        with open(log, "ab") as errors:
            self._keeper = subprocess.Popen([sys.executable, KEEPER, str(os.getpid()), folder, *words],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
                                            env=environment, start_new_session=True)

    @functools.cached_property
    def process(self):
        """Of the daemon, without what it started."""
        return Process(*map(int, self._keeper.stdout.readline().split()))

    def end(self):
        """Begins to end the daemon and all that it started."""
        self._keeper.terminate()

    def has_ended(self):
        """Waits for the end; whether nothing is left."""
        self._keeper.stdout.close()
        return self._keeper.wait() == 0


class SlurmCluster:
    """Nodes n1, n2, ... in the partition "main"; CPUs and memory of a node are pretended.

    hosts="one": all nodes share this machine's host name, network and processes. hosts="two": two nodes, each with a
    network and a host name (n1, n2) of its own. `folder` keeps the logs; without one they are removed at the end.
    `extra` lines of slurm.conf replace those of the same key."""

    def __init__(self, folder=None, nodes=4, cpus=4, extra=(), max_array_size=1001, hosts="one"):
        if hosts not in ("one", "two"):
            raise ValueError(f'hosts={hosts!r}: "one" or "two"')
        if not 1 <= nodes <= MOST_NODES:
            raise ValueError(f"nodes={nodes}: from 1 to {MOST_NODES}")
        if folder and len(os.path.abspath(folder)) > LONGEST_FOLDER:
            raise ValueError(f"{folder}: sockets need a path of at most {LONGEST_FOLDER} characters")
        self.nodes = [f"n{number}" for number in range(1, (2 if hosts == "two" else nodes) + 1)]
        self.folder = os.path.abspath(folder) if folder else None
        self.environment = None
        self._keep_logs = folder is not None
        self._hosts = hosts
        self._cpus = cpus
        self._extra = list(extra)
        self._max_array_size = max_array_size
        self._daemons = {}  # by name, the newest last: jobs of an ended slurmd stay with its keeper
        self._network = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        check_machine(self._hosts)
        remove_abandoned()
        try:
            self._create_folder()
            number = self._reserve_number()
            if self._hosts == "two":
                self._create_network(number)
            self._controller_port = ports_of(number)[0]
            self._configure(number)
            self._start_daemons()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Ends all that this cluster started, jobs too, and removes its files and networks."""
        try:
            self._end(list(self._daemons))
        finally:
            self._cleanup.close()

    # Commands of Slurm

    def run(self, *words, check=True, timeout=60):
        """Runs a command, such as squeue, and returns what it wrote and its exit code. Commands block while slurmctld
        is dead: after `timeout` seconds they fail."""
        words = list(map(str, words))
        try:
            done = subprocess.run(words, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=timeout)
        except subprocess.TimeoutExpired:
            raise ClusterError(f"{' '.join(words)}: no answer within {timeout} s") from None
        if check and done.returncode != 0:
            raise ClusterError(f"{' '.join(words)}: exit code {done.returncode}: {done.stderr.strip()}")
        return done

    def queue(self):
        """All jobs that Slurm remembers, one entry for each task of an array."""
        fields = {"id": "%i", "job": "%A", "state": "%T", "name": "%j", "reason": "%r", "nodes": "%N", "user": "%u"}
        listed = self.run("squeue", "-h", "-r", "-t", "all", "-o", "\x1f".join(fields.values())).stdout
        return [dict(zip(fields, line.split("\x1f"))) for line in listed.splitlines()]

    def node_state(self, name):
        """As sinfo tells it: idle, mix, alloc, down* ..."""
        return self.run("sinfo", "-h", "-n", name, "-o", "%t").stdout.strip()

    def drain(self, name, reason="test"):
        self.run("scontrol", "update", f"NodeName={name}", "State=DRAIN", f"Reason={reason}")

    def resume(self, name):
        self.run("scontrol", "update", f"NodeName={name}", "State=RESUME")

    def set_down(self, name, reason="test"):
        """Tells slurmctld that a node is lost, which it would notice later."""
        self.run("scontrol", "update", f"NodeName={name}", "State=DOWN", f"Reason={reason}")

    def run_on(self, name, *words):
        """Runs a command, such as mount, on a host (hosts="two") whose jobs see what it does to the host's files."""
        return self.run("nsenter", "--mount", "--target", self._daemons[name][-1].process.pid, *words)

    def end_time_limit(self, job):
        """Lets a running job reach its time limit, which slurmctld looks at every 30 s."""
        self.run("scontrol", "update", f"JobId={job}", "EndTime=now+1")

    # Mishaps

    def kill_node(self, name):
        """The death of a node: slurmd, slurmstepd and all processes of jobs on it are killed."""
        self._end([name])

    def stop_daemon(self, name, kill=False):
        """Ends a node's slurmd alone; jobs on it go on."""
        self._stop_daemon(name, signal.SIGKILL if kill else signal.SIGTERM)

    def start_node(self, name):
        """Starts a node's slurmd again, and waits until the node is not down (any more)."""
        self._start_slurmd(name)
        wait_until(lambda: self.node_state(name) in ("idle", "mix", "alloc"), f"node {name} is up")

    def restart_controller(self, kill=False):
        """Starts slurmctld again from the state it saved; with `kill` what it had not saved yet is lost."""
        self._stop_daemon("slurmctld", signal.SIGKILL if kill else signal.SIGTERM)
        self._start_slurmctld()

    def cut(self, name):
        """Takes down the link of a host (hosts="two"); what runs on it goes on."""
        self._network.cut(name)

    def heal(self, name):
        self._network.heal(name)

    # Set up

    def _create_folder(self):
        if self._keep_logs:
            os.makedirs(self.folder, exist_ok=True)
        else:
            self.folder = tempfile.mkdtemp(prefix=f"jhc-{os.getpid()}-", dir="/tmp")  # TMPDIR can be long
        self._cleanup.callback(self._remove_files)
        lock = open(self._path("lock"), "w", encoding="utf-8")
        self._cleanup.callback(lock.close)
        fcntl.flock(lock, fcntl.LOCK_SH)  # a folder in use: see remove_abandoned()
        for part in ("etc", "log", "munge", "run", "state"):
            os.makedirs(self._path(part), exist_ok=True)
        for name in self.nodes:
            os.makedirs(self._path("spool", name, "tmp"), exist_ok=True)

    def _remove_files(self):
        if not self._keep_logs:
            shutil.rmtree(self.folder)
            return
        for part in ("etc", "munge", "run", "state", "spool"):
            shutil.rmtree(self._path(part), ignore_errors=True)
        os.remove(self._path("lock"))

    def _reserve_number(self):
        """A number that no other cluster on this machine has while this process lives: of ports and the network."""
        for attempt in range(RESERVABLE):
            number = (os.getpid() + attempt) % RESERVABLE
            reserved = socket.socket(socket.AF_UNIX)
            try:
                reserved.bind(f"\0jobhost-test-cluster-{number}")
                self._cleanup.callback(reserved.close)
                if ports_are_free(ports_of(number)):
                    return number
            except OSError:
                reserved.close()
        raise ClusterError(f"no free ports for a cluster: {RESERVABLE} others have them")

    def _create_network(self, number):
        self._network = Network(number)
        self._cleanup.callback(self._network.remove)
        self._network.create()

    def _configure(self, number):
        conf = self._path("etc", "slurm.conf")
        write(conf, "\n".join(self._configuration(number)) + "\n")
        write(self._path("etc", "cgroup.conf"), "CgroupPlugin=cgroup/v1\n")  # is not used, but must be known
        write(self._path("etc", "plugstack.conf"), "")
        key = self._path("munge", "key")
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(os.urandom(128))
        foreign = {name for name in os.environ if name.startswith("SLURM")}
        self.environment = {name: value for name, value in os.environ.items() if name not in foreign}
        self.environment["SLURM_CONF"] = conf

    def _configuration(self, number):
        """The lines of slurm.conf."""
        controller, *ports = ports_of(number)
        host = socket.gethostname().split(".")[0]
        address = self._network.address if self._network else "127.0.0.1"
        settings = {
            "ClusterName": "jobhost",
            "SlurmctldHost": f"{host}({address})",
            "SlurmctldPort": controller,
            "SlurmUser": "root",
            "SlurmdUser": "root",
            "AuthType": "auth/munge",
            # Credentials expire early, because a lost job is queued again only then.
            "AuthInfo": f"socket={self._path('munge', 'socket')},cred_expire=5",
            "StateSaveLocation": self._path("state"),
            "SlurmdSpoolDir": self._path("spool", "%n"),
            "TmpFS": self._path("spool", "%n", "tmp"),
            "SlurmctldPidFile": self._path("run", "slurmctld.pid"),
            "SlurmdPidFile": self._path("run", "%n.pid"),
            "SlurmctldLogFile": self._path("log", "slurmctld.log"),
            "SlurmdLogFile": self._path("log", "%n.log"),
            "SlurmctldDebug": "info",
            "SlurmdDebug": "info",
            "LogTimeFormat": "iso8601_ms",
            "MailProg": "/bin/true",
            "PropagateResourceLimitsExcept": "CORE",  # daemons and jobs leave no core files: see keeper.py
            # Neither cgroups nor systemd.
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "JobAcctGatherType": "jobacct_gather/none",
            "SwitchType": "switch/none",
            "MpiDefault": "none",
            # Without slurmdbd, squeue and `sacct -c` tell what became of jobs.
            "AccountingStorageType": "accounting_storage/none",
            "JobCompType": "jobcomp/filetxt",
            "JobCompLoc": self._path("log", "jobcomp.txt"),
            "MinJobAge": 3600,
            # The CPUs of nodes are pretended.
            "SlurmdParameters": "config_overrides",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_CPU",
            # Fast. Few jobs are started at a time: launches of larger bursts fail on a small machine.
            "SchedulerType": "sched/backfill",
            "SchedulerParameters": "batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1,"
                                   "bf_min_age_reserve=0,default_queue_depth=1000,max_rpc_cnt=0,sched_max_job_start=24,"
                                   "bf_max_job_start=24",
            "PriorityType": "priority/basic",
            "CompleteWait": 0,
            "EpilogMsgTime": 0,
            "KillWait": 2,
            "InactiveLimit": 0,
            "WaitTime": 0,
            "UnkillableStepTimeout": 20,
            # Between two hosts, a cut must be noticed soon; on one, no message is lost, but some are late.
            "MessageTimeout": 5 if self._network else 60,
            "TCPTimeout": 2 if self._network else 30,
            # A node without a living slurmd is down soon, and up again as soon as it has one.
            "SlurmdTimeout": 6,
            "SlurmctldTimeout": 30,
            "ReturnToService": 2,
            "JobRequeue": 1,
            "MaxArraySize": self._max_array_size,
            "MaxJobCount": 110000,
        }
        lines = []
        for line in self._extra:
            known = {key.lower(): key for key in settings}.get(line.partition("=")[0].strip().lower())
            if known:
                settings[known] = line.partition("=")[2]
            else:
                lines.append(line)
        for name, port in zip(self.nodes, ports):
            where = (name, self._network.addresses[name]) if self._network else (host, address)
            lines.append(f"NodeName={name} NodeHostname={where[0]} NodeAddr={where[1]} Port={port} CPUs={self._cpus} "
                         "RealMemory=4096 State=UNKNOWN")
        lines.append("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP")
        return [f"{key}={value}" for key, value in settings.items()] + lines

    def _start_daemons(self):
        munge = self._path("munge")
        self._start("munged", ["munged", "--foreground", "--force", f"--key-file={munge}/key",
                               f"--socket={munge}/socket", f"--pid-file={munge}/pid",
                               f"--log-file={self._path('log', 'munged.log')}", f"--seed-file={munge}/seed",
                               "--num-threads=2"])
        self._wait_for_start(lambda: os.path.exists(f"{munge}/socket"), "munged is up")
        self._start_slurmctld()
        for name in self.nodes:
            self._start_slurmd(name)
        self._wait_for_start(self._all_idle, "all nodes are idle")

    def _start_slurmctld(self):
        self._start("slurmctld", ["slurmctld", "-D", "-i", "-f", self.environment["SLURM_CONF"]])
        self._wait_for_start(self._controller_listens, "slurmctld is up")

    def _start_slurmd(self, name):
        words = ["slurmd", "-D", "-N", name, "-f", self.environment["SLURM_CONF"]]
        self._start(name, self._network.on_host(name, words) if self._network else words)

    def _controller_listens(self):
        """Asked of the port, since commands wait a second before they try again."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._controller_port)):
            return True

    def _all_idle(self):
        idle = self.run("sinfo", "-h", "-N", "-p", "main", "-t", "idle", "-o", "%N", check=False).stdout
        return len(idle.split()) == len(self.nodes)

    def _wait_for_start(self, condition, what):
        try:
            wait_until(condition, what)
        except ClusterError as error:
            raise ClusterError(f"{error}\n{self._last_words()}") from None

    def _last_words(self):
        """The ends of all logs."""
        parts = []
        for path in sorted(glob.glob(self._path("log", "*"))):
            with open(path, encoding="utf-8", errors="replace") as file:
                parts += [f"{os.path.basename(path)}:", *file.read().splitlines()[-10:]]
        return "\n".join(parts)

    def _start(self, name, words):
        daemon = Daemon(words, self.folder, self.environment, self._path("log", f"{name}.out"))
        self._daemons.setdefault(name, []).append(daemon)

    def _stop_daemon(self, name, number):
        daemon = self._daemons[name][-1].process
        daemon.send(number)
        wait_until(lambda: not daemon.alive(), f"{name} ends")

    def _end(self, names):
        """Ends daemons and all that they started."""
        daemons = [daemon for name in names for daemon in self._daemons.pop(name, [])]
        for daemon in daemons:
            daemon.end()
        left = [daemon for daemon in daemons if not daemon.has_ended()]
        if left:
            raise ClusterError(f"SIGKILL did not end all processes of {', '.join(daemon.name for daemon in left)}")

    def _path(self, *parts):
        return os.path.join(self.folder, *parts)


def ports_of(number):
    """Of slurmctld and then of the nodes; below those that the kernel gives to clients."""
    first = 12000 + number * (1 + MOST_NODES)
    return range(first, first + 1 + MOST_NODES)


def ports_are_free(ports):
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def remove_abandoned():
    """Removes the folders and networks of clusters whose test was killed."""
    for folder in glob.glob("/tmp/jhc-*"):
        owner = re.fullmatch(r"/tmp/jhc-(\d+)-\w+", folder)
        if owner and not read_process(owner[1]):
            with contextlib.suppress(OSError), open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # its keepers are gone, too
                shutil.rmtree(folder)
    remove_abandoned_networks()


def run_with_cluster(cluster, command):
    """Runs a command with a cluster and returns its exit code."""
    with cluster:
        process = subprocess.Popen(command, env=cluster.environment)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the command as well, which decides
        signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
        code = process.wait()
        return code if code >= 0 else 128 - code


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("usage: ")[2])
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--hosts", choices=["one", "two"], default="one")
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("command", nargs="*")
    arguments = parser.parse_args()
    if arguments.clean:
        remove_abandoned()
        return 0
    if not arguments.command:
        parser.error("which COMMAND?")
    try:
        cluster = SlurmCluster(nodes=arguments.nodes, cpus=arguments.cpus, hosts=arguments.hosts)
        return run_with_cluster(cluster, arguments.command)
    except Unavailable as why:
        print(f"skipped: {why}", file=sys.stderr)
        return SKIPPED
    except (ClusterError, ValueError) as error:
        print(f"slurm.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
