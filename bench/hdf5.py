#!/usr/bin/env python3
"""HDF5 files of large grids: time, memory and size, against h5py writing the same arrays from NumPy.

usage: hdf5.py [JOBHOST] [--tasks N,…] [--rounds N]

Needs Debian's python3-h5py, and runs with the Python that has it."""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNEL = """// A value at each point of a grid.
double wave(double x, double y) { return x * 0.5 + y; }
"""
LINES = 1000
# What a user would write: arrays of the same sizes and contents, and axes that xarray knows.
H5PY = """
import sys
import h5py, numpy
name, lines, columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with h5py.File(name, "w") as file:
    x, y = (numpy.arange(length, dtype="f8") for length in (lines, columns))
    for axis, values in ("x", x), ("y", y):
        file[axis] = values
        file[axis].make_scale(axis)
    for column, values in (("result", x[:, None] * 0.5 + y), ("status", numpy.zeros((lines, columns), "i1")),
                           ("seconds", numpy.full((lines, columns), 1e-9))):
        file[column] = values
        file[column].dims[0].attach_scale(file["x"])
        file[column].dims[1].attach_scale(file["y"])
"""
SAME = """
import sys
import h5py
with h5py.File(sys.argv[1]) as ours, h5py.File(sys.argv[2]) as theirs:
    for name in "x", "y", "result", "status":
        assert ours[name].dtype == theirs[name].dtype and (ours[name][()] == theirs[name][()]).all(), name
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobhost", nargs="?", default=str(ROOT / "build/release/bin/jobhost"))
    parser.add_argument("--tasks", default="1000000,10000000")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    jobhost, quiet = os.path.abspath(options.jobhost), subprocess.DEVNULL
    writer = pathlib.Path(jobhost).parents[1] / "libexec/jobhost/jobhost-hdf5"
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "wave.cpp").write_text(KERNEL, encoding="utf-8")

        def run(*words):
            """Seconds, and the MiB that the process had resident at most."""
            begin = time.monotonic()
            process = subprocess.Popen(words, cwd=folder, stdout=quiet)
            _, status, used = os.wait4(process.pid, 0)
            if status != 0:
                sys.exit(f"{words} failed")
            return time.monotonic() - begin, used.ru_maxrss / 1024

        run(jobhost, "build", "wave.cpp", "-o", "wave.so")
        for tasks in map(int, options.tasks.split(",")):
            columns = tasks // LINES
            run(jobhost, "run", "--quiet", "./wave.so:wave", f"x=0..{LINES - 1}", f"y=0..{columns - 1}", "--reduce", "sum")
            job = max(pathlib.Path(folder, ".jobhost").glob("*/MANIFEST"), key=os.path.getmtime).parent
            contenders = {"jobhost": (str(writer), str(job), "jobhost.h5"),
                          "h5py": (sys.executable, "-c", H5PY, "h5py.h5", str(LINES), str(columns))}
            rounds = {name: [] for name in contenders}
            for _ in range(options.rounds):
                for name, words in contenders.items():
                    rounds[name].append(run(*words))
            for name, times in rounds.items():
                seconds = statistics.median(seconds for seconds, _ in times)
                size = pathlib.Path(folder, f"{name}.h5").stat().st_size
                print(f"{tasks:>10} tasks  {name:<8} {seconds:6.2f} s  {max(used for _, used in times):6.0f} MiB of memory  "
                      f"{size / 1e6:8.1f} MB")
            run(sys.executable, "-c", SAME, "jobhost.h5", "h5py.h5")


if __name__ == "__main__":
    main()
