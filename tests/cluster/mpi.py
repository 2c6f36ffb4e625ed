#!/usr/bin/env python3
"""The implementations of MPI that tests run on.

usage: mpi.py LAUNCHER... -- COMMAND...

Runs COMMAND and exits as it did, or with 77 where one of the launchers is not installed."""
import os
import shutil
import sys

LAUNCHERS = ["mpirun.openmpi", "mpirun.mpich"]
SKIPPED = 77  # as ctest knows it


def require_mpi(launchers=LAUNCHERS):
    """Ends the program as skipped where there is no such launcher."""
    missing = [launcher for launcher in launchers if not shutil.which(launcher)]
    if missing:
        print(f"skipped: no {', '.join(missing)}: tests/support/install_packages.sh --tests installs what is missing",
              file=sys.__stderr__)
        sys.exit(SKIPPED)


def main(words):
    if "--" not in words[1:-1]:
        sys.exit(__doc__)
    end = words.index("--")
    require_mpi(words[:end])
    os.execvp(words[end + 1], words[end + 1:])


if __name__ == "__main__":
    main(sys.argv[1:])
