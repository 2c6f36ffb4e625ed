#!/usr/bin/env python3
"""Runs jobs on disks that are full: file systems in memory of 1 to 64 MiB, with too little room or too few inodes at every
stage of a job; then there is room, and `resume` must complete.

usage: full_disk.py JOBHOST AT_CALL PLUGIN [--long] [--seed N]

A full disk ends a command with exit code 4 and a sentence that names the file, the reason, how many tasks are kept and
what to do next. What was committed is never computed again. Needs the right to mount: of root, or in a user namespace.
Exit code 77 when there is no such right; 1 when anything was wrong or a stage was never reached."""
import argparse
import collections
import json
import os
import random
import re
import subprocess
import sys
import time

from scenes import Programs, Scene, add_programs

FULL = {"no space left on device", "disk quota exceeded"}
PAGE = 4096


class Disk:
    """A small file system at `path`."""

    def __init__(self, path, mebibytes, inodes=0):
        self.path = path
        os.makedirs(path, exist_ok=True)
        options = f"size={mebibytes}m" + (f",nr_inodes={inodes}" if inodes else "")
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "full-disk", path], check=True)

    def leave(self, free):
        """Fills it up, so that only `free` bytes are left."""
        status = os.statvfs(self.path)
        size = status.f_bavail * status.f_frsize - free
        with open(os.path.join(self.path, "filler"), "wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, max(size, 1))

    def grow(self):
        subprocess.run(["mount", "-o", "remount,size=512m,nr_inodes=100000", self.path], check=True)

    def remove(self):
        subprocess.run(["umount", "-l", self.path], check=True)


class DiskScene(Scene):
    """A scene of which one part is on a small disk: "store", "output" or "cache"."""

    def __init__(self, programs, part, disk, kernel, header, row, result, count):
        super().__init__(programs)
        self.disk, self.count = Disk(self.path("disk"), **disk), count
        self.kernel, self.header, self.row, self.result = kernel, header, row, result
        where = os.path.join(self.disk.path, part)
        if part == "store":
            self.store = where
        elif part == "output":
            self.output = where + ".csv"
        else:
            self.environment["XDG_CACHE_HOME"] = where
        with open(self.path("in.csv"), "w") as inputs:
            inputs.write(header + "\n" + f"{row}\n" * count)

    def __exit__(self, *_):
        self.disk.remove()
        super().__exit__()

    def words(self, command):
        words = {"run": ["-o", self.output], "submit": []}.get(command[0])
        if words is None:
            return super().words(command)
        return [self.programs.jobhost, "--store", self.store, "--quiet", command[0],
                f"{self.programs.plugin}:{self.kernel}", "--csv", self.path("in.csv"), "-j", "2", *words]

    def exact(self):
        try:
            with open(self.output) as lines:
                first = next(lines)
                rows = [line == f"{task},{self.row},{self.result},\n" for task, line in enumerate(lines)]
                return first == f"task,{self.header},result,error\n" and rows == [True] * self.count
        except (FileNotFoundError, StopIteration):
            return False

    def text(self):
        return "not what was expected"  # too long to print


def large_results(programs, part, disk, total):
    """So many bytes of results."""
    numbers = 4000
    return DiskScene(programs, part, disk, "large", "n", numbers, f'"[{",".join(["0.5"] * numbers)}]"',
                     total // (8 * numbers) + 1)


def large_inputs(programs, part, disk, total):
    """So many bytes of inputs. They name files that cannot be written, which is none of the kernel's concern."""
    name = "/" * 20000
    return DiskScene(programs, part, disk, "counted", "x,file,microseconds", f"7,{name},1", 7, total // len(name) + 1)


def small(programs, part, disk):
    return DiskScene(programs, part, disk, "inc", "x", 7, 8, 8)


def shown(scene):
    return json.loads(scene.run("show", "@last", "--json").said)


def judge(scene, ended, must_fill):
    """What happened to a command that may have met a full disk, and what is wrong about it and about what comes then."""
    if ended.code == 0 and not must_fill:
        return "had room", None if scene.exact() else "other output"
    if ended.code != 4:
        return "?", f"wrong {ended}"
    places = (scene.disk.path, scene.path(""))  # a quota may end at a file anywhere
    if not any(reason in ended.said for reason in FULL) or not any(f"'{place}" in ended.said for place in places):
        return "?", f"does not say what is full: {ended}"
    if scene.left_behind():
        return "?", f"left behind {scene.left_behind()}, {ended}"
    if os.path.exists(scene.output) and not scene.exact():
        return "?", "there is half an output"
    jobs, _ = scene.jobs()
    result, done = "no job", 0
    if jobs:
        said = re.search(r"(\d+) of (\d+) tasks are done and kept; go on with: jobhost resume (\S+)", ended.said)
        if not said or said[3] != os.path.basename(jobs[0]):
            return "?", f"does not say how to go on: {ended}"
        done = shown(scene)["done"]
        result = "nothing done" if done == 0 else "half done" if done < scene.count else "all done"
        if int(said[1]) > done:
            return result, f"{done} tasks are kept, {ended}"
    scene.disk.grow()
    problem = scene.finish()
    if not problem and shown(scene)["ran_twice"] > 0:
        problem = f"{shown(scene)['ran_twice']} tasks that were committed ran again"
    return result, problem


def stages(programs, long, chance):
    """(name, scene, bytes that are left free or None, whether it must be full)"""
    plugin = os.path.getsize(programs.plugin)
    sizes = range(1, 65) if long else [1, 2, 7]
    for size in sizes:
        room, disk = size << 20, {"mebibytes": size}
        yield f"results, {size} MiB", lambda: large_results(programs, "store", disk, 3 * room // 2), None, True
        yield f"output, {size} MiB", lambda: large_results(programs, "output", disk, 3 * room), None, True
        yield f"inputs, {size} MiB", lambda: large_inputs(programs, "store", disk, 3 * room // 2), None, True
        part = chance.randrange(plugin // PAGE) * PAGE
        yield f"code, {size} MiB", lambda: small(programs, "store", disk), part, True
        yield f"cache, {size} MiB", lambda: small(programs, "cache", disk), part, True
    # Page by page from a job that does not fit until all of it does.
    pages = range(-1, 30) if long else range(0, 20, 2)
    for size in (1, 2, 4, 8, 16, 32, 64) if long else [1]:
        for page in pages:
            free = (plugin // PAGE + 1 + page) * PAGE
            yield f"page {page}, {size} MiB", lambda: small(programs, "store", {"mebibytes": size}), free, False
    for inodes in range(2, 60) if long else range(4, 40, 4):
        for part in ("store", "cache", "output"):
            if part == "store" or inodes < 8:
                yield (f"{inodes} inodes, {part}",
                       lambda: small(programs, part, {"mebibytes": 4, "inodes": inodes}), None, False)


def quotas(programs, long):
    """The quota that is used up at some call of host, worker or executor, and stays so."""
    for role in ("host", "worker", "executor"):
        with small(programs, "store", {"mebibytes": 4}) as scene:
            count = scene.run("run", blow=["--role", role, "--calls", "growing", "--from", "main"]).count
        for n in range(1, count + 1, 1 if long else max(1, count // 3)):
            yield f"quota of the {role} at call {n}", role, n


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_programs(parser)
    options = parser.parse_args()
    own_mounts()
    programs, begin = Programs(options), time.monotonic()
    results, bad, stage_count = collections.Counter(), 0, 0

    def account(name, result, problem):
        nonlocal bad, stage_count
        stage_count += 1
        results[result] += 1
        if stage_count % 100 == 0:
            print(f"{stage_count} full disks, {bad} bad, {dict(results)}", flush=True)
        if problem:
            bad += 1
            print(f"BAD {name}: {problem}", flush=True)

    for name, scene_of, free, must_fill in stages(programs, options.long, random.Random(options.seed)):
        if options.only in name:
            with scene_of() as scene:
                if free is not None:
                    scene.disk.leave(free)
                account(name, *judge(scene, scene.run("run"), must_fill))
    for size in (1, 2, 4, 8, 16, 32, 64) if options.long else [1]:
        name = f"detached, {size} MiB"
        if options.only in name:
            with large_results(programs, "store", {"mebibytes": size}, 3 * (size << 20) // 2) as scene:
                scene.run("submit")
                account(name, *judge(scene, scene.run("attach", "@last", "-o", scene.output), True))
    for name, role, n in quotas(programs, options.long):
        if options.only in name:
            with small(programs, "store", {"mebibytes": 4}) as scene:
                blow = ["--role", role, "--calls", "growing", "--from", "main", "--at", str(n), "--do", "fail-on:EDQUOT"]
                account(name, *judge(scene, scene.run("run", blow=blow), False))
    print(f"seed {options.seed}: {stage_count} full disks, {bad} bad, {dict(results)}, {time.monotonic() - begin:.0f} s")
    missing = {"no job", "nothing done", "half done", "all done"} - set(results)
    if missing and not options.only:
        print(f"never seen: {sorted(missing)}")
    return 1 if bad or (missing and not options.only) else 0


def own_mounts():
    """Goes on in a mount namespace of its own, where everything vanishes with this process."""
    mark = "JOBHOST_FULL_DISK_MOUNTS"
    if mark in os.environ:
        return
    how = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*how, "mount", "-t", "tmpfs", "none", "/mnt"], stderr=subprocess.DEVNULL).returncode != 0:
        print("SKIPPED: this process may not mount file systems, not even in a user namespace")
        sys.exit(77)
    os.environ[mark] = "1"
    os.execvp(how[0], [*how, sys.executable, *sys.argv])


if __name__ == "__main__":
    sys.exit(main())
