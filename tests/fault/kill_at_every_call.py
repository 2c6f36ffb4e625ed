#!/usr/bin/env python3
"""Kills the host of a job at every one of its system calls: while it submits, while it streams, while it resumes.

usage: kill_at_every_call.py JOBHOST AT_CALL PLUGIN [--long] [--jobs N] [--seed N]

After each kill all other processes must end by themselves, an output file that has its name must be complete, and
either there is no job, nothing but what `jobhost gc` removes, and the same command works; or `resume` gives the exact
output."""
import argparse
import os
import random
import shutil
import sys
import tempfile

from scenes import Campaign, Programs, Scene, add_programs, counts, half_done, points_of

KILLED = 128 + 9
# "kill" before call n + 1 is a kill after call n; tearing makes a difference only for writes.
SERIES = [("run", "all", "kill"), ("submit", "all", "kill"), ("resume", "all", "kill"),
          ("run", "transfers", "tear"), ("resume", "transfers", "tear")]


def judge(scene, ended):
    what = f"{ended.blow.call} {ended.blow.path.replace(scene.folder + '/', '')}"
    if ended.code != KILLED:
        return "alive", f"{what}: was to be killed, {ended}"
    if scene.text() is not None and not scene.exact():
        return "killed", f"{what}: half an output has its name: {scene.text()!r}"
    jobs, others = scene.jobs()
    result = "job" if jobs else "no job"
    listed = scene.run("ls")
    if listed.code != 0 or len(listed.said.splitlines()) != (2 if jobs else 0):
        return result, f"{what}: ls: {listed}"
    problem = scene.finish()
    if problem:
        return result, f"{what}: {problem}"
    for path in others:  # nobody makes a job of it any more
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files, "."):
                os.utime(os.path.join(folder, name), (0, 0))
        os.utime(path, (0, 0))
    collected = scene.run("gc")
    if collected.code != 0 or scene.jobs()[1]:
        return result, f"{what}: gc leaves {scene.jobs()[1]}, {collected}"
    return result, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_programs(parser)
    parser.add_argument("--at", type=int, help="only this call")
    options = parser.parse_args()
    programs, campaign, chance = Programs(options), Campaign(options), random.Random(options.seed)
    template = tempfile.mkdtemp(prefix="jobhost-template-")
    half_done(programs, template)
    try:
        for command, calls, action in SERIES:
            name = f"{command} {action} of {calls}"
            if options.only not in name:
                continue

            def scene_of():
                return Scene(programs, template if command == "resume" else None)

            blow = ["--role", "host", "--calls", calls]

            def one(n):
                for _ in range(6):
                    with scene_of() as scene:
                        ended = scene.run(command, blow=[*blow, "--at", str(n), "--do", action])
                        if ended.blow:
                            return judge(scene, ended)
                return "missed", None

            certain, most = counts(scene_of, command, blow, options.long)
            campaign.run(name, points_of(most, 5, options, chance), certain, one)
    finally:
        shutil.rmtree(template)
    return campaign.end(0 if options.only or options.at else 1200 if options.long else 20)


if __name__ == "__main__":
    sys.exit(main())
