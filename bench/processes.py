"""Memory of a command and all that it starts, looked at while they run."""
import pathlib
import subprocess
import time


def descendants(pid):
    found = [pid]
    for parent in found:
        try:
            for thread in pathlib.Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            pass  # has ended
    return found


def role(pid):
    """host, worker or executor."""
    try:
        name = pathlib.Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return None
    if name.startswith("jobhost-executo"):  # as far as the kernel keeps names
        return "executor"
    return "worker" if name.startswith("jobhost-worker") else "host"


def megabytes(path, fields):
    """Sum of these fields of a file of /proc in MB."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.split(":")[0] in fields) * 1024 / 1e6


def resident(pid):
    """The most that was in memory so far, what it shares with others included."""
    return megabytes(pathlib.Path(f"/proc/{pid}/status"), {"VmHWM"})


def private(pid):
    """What nobody else maps, now."""
    return megabytes(pathlib.Path(f"/proc/{pid}/smaps_rollup"), {"Private_Clean", "Private_Dirty"})


def looked_at(command, environment, look, choose, expected=0):
    """MB by role: what `choose` (max, median) takes of all that `look` saw in processes of that role while the command ran.
    Its output is dropped."""
    seen = {}
    with subprocess.Popen([str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as started:
        while started.poll() is None:
            for pid in descendants(started.pid):
                if (kind := role(pid)) and (size := look(pid)):
                    seen.setdefault(kind, []).append(size)
            time.sleep(0.005)
    if started.returncode != expected:
        raise ValueError(f"{command[0]} ended with {started.returncode}")
    if not {"host", "worker", "executor"} <= set(seen):
        raise ValueError(f"{command[0]} ended before all of its processes were seen")
    return {kind: choose(sizes) for kind, sizes in seen.items()}
