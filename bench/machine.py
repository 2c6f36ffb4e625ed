"""On what the values were measured."""
import datetime
import os
import platform
import subprocess

from commands import PYTHON

VERSIONS = {
    "Open MPI": ("mpirun", "--version"),
    "GNU parallel": ("parallel", "--version"),
    "g++": ("g++", "--version"),
    "awk": ("awk", "-W", "version"),
    "Python": (PYTHON, "--version"),
    **{module: (PYTHON, "-c", f"import {module}; print({module}.__version__)")
       for module in ("numpy", "joblib", "dask", "mpi4py")},
    "TBB": ("sh", "-c", "dpkg-query -Wf '${Version}' libtbb12"),
}


def version(command):
    try:
        done = subprocess.run(command, check=True, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        return done.stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return "absent"


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def description(jobhost):
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "cores": os.cpu_count(),
            "processor": processor(), "kernel": platform.release(),
            "versions": {"jobhost": version((jobhost, "--version")), **{name: version(command) for name, command in VERSIONS.items()}}}
