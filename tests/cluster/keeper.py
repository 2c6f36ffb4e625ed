"""Keeps one daemon of a test cluster together with all that descends from it.

usage: keeper.py PARENT FOLDER WORD...

Starts the daemon WORD... and writes its pid and start time, in a line. Descendants stay below the keeper in the tree of
processes, however they detach themselves, because it is their subreaper. All of them end with it: on SIGTERM, and when
PARENT, the process that started the keeper, is gone. While it lives it holds a shared lock on FOLDER/lock."""
import collections
import ctypes
import fcntl
import os
import resource
import select
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


class Process(collections.namedtuple("Process", "pid start parent")):
    """A process, which its pid alone does not identify."""

    def alive(self):
        now = read_process(self.pid)
        return now is not None and now.start == self.start

    def send(self, number):
        """Sends a signal to this very process, or none if it is gone."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)


def read_process(pid):
    """The process of this pid; None if there is none or only its exit code is left."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else Process(int(pid), int(fields[19]), int(fields[1]))


def descendants(root):
    """The processes below a pid."""
    children = collections.defaultdict(list)
    for process in map(read_process, filter(str.isdigit, os.listdir("/proc"))):
        if process:
            children[process.parent].append(process)
    found = list(children[root])
    for process in found:  # which grows
        found += children[process.pid]
    return found


def end_descendants(root, seconds=20):
    """What a process starts while others are ended is below `root` as well, so this ends only when nothing is left."""
    deadline = time.monotonic() + seconds
    while found := descendants(root):
        if time.monotonic() > deadline:
            raise TimeoutError(f"SIGKILL does not end processes {[process.pid for process in found]}")
        for process in found:
            process.send(signal.SIGKILL)
        time.sleep(0.005)


def keep(parent, folder, words):
    watched = os.pidfd_open(parent)
    if os.getppid() != parent:
        return
    lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_SH)
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl cannot make a subreaper")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # daemons that crash leave nothing where the tests were started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        daemon = os.posix_spawnp(words[0], words, os.environ, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
                                 file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
        started = read_process(daemon)
        print(*started if started else (daemon, 0, 0), flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
        select.select([watched], [], [])
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants(os.getpid())


if __name__ == "__main__":
    keep(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
    # The parent was killed: the last of its keepers removes what else it left.
    os.execv(sys.executable, [sys.executable, os.path.join(os.path.dirname(__file__), "slurm.py"), "--clean"])
