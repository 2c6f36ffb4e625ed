#!/usr/bin/env python3
"""Makes the n-th call on a file fail, for every n, every error, in every process of a job; what that process does next
must be right. Calls of the dynamic loader before main() are left alone.

usage: fail_every_call.py JOBHOST AT_CALL PLUGIN [--long] [--jobs N] [--seed N]

A fault is survived (exit code 0 and the exact output), or ends the command within the time limit, with the right exit
code and a sentence that names file and reason; then resume, or the command again where no job was made, gives the exact
output, and `verify` finds nothing damaged."""
import argparse
import os
import random
import re
import shutil
import sys
import tempfile

from scenes import Campaign, Programs, Scene, add_programs, counts, half_done, points_of

REASONS = {"ENOSPC": "no space left on device", "EDQUOT": "disk quota exceeded", "EIO": "input/output error",
           "ESTALE": "stale file handle", "EINTR": "interrupted system call", "EEXIST": "file exists"}
FAULTS = [("files", "fail:EIO"), ("files", "fail:ESTALE"), ("files", "fail:EINTR"), ("growing", "fail:ENOSPC"),
          ("growing", "fail:EDQUOT"), ("transfers", "halve"), ("links", "lose:EIO"), ("links", "lose:EEXIST")]
# command, whose calls, sync policy
SERIES = [("run", "host", "batch"), ("run", "worker", "batch"), ("run", "executor", "batch"),
          ("submit", "host", "batch"), ("submit", "worker", "batch"), ("resume", "host", "batch"),
          ("resume", "worker", "batch"), ("resume", "executor", "batch"), ("submit", "host", "strict"),
          ("run", "executor", "strict")]
SYSTEM = ("/usr/", "/lib/", "/lib64/", "/etc/")


def must_survive(scene, fault, call, path):
    """Faults that are none: everybody is to go on. But the dynamic loader does not."""
    interrupted = fault == "fail:EINTR" and call not in ("close", "fsync", "fdatasync") and not path.startswith(SYSTEM)
    return fault == "halve" or fault.startswith("lose") or interrupted and not path.startswith(scene.path("cache"))


def must_end(fault, call, path):
    """Faults that cost results, or the certainty that they are on disk: nobody may go on, nor try again."""
    harmless = fault == "fail:EINTR" or not fault.startswith("fail")
    return not harmless and (call in ("fsync", "fdatasync") or call == "write" and "/logs/" in path)


def allowed(scene, path):
    """Exit codes that say the truth about a file that cannot be used."""
    if path == scene.path("in.csv"):
        return {2, 4}
    if path == scene.programs.plugin or path.startswith(scene.path("cache")) or path.startswith(SYSTEM):
        return {3, 4}
    return {4}


def names(said, call, path):
    """Whether a message names the file: by its path, its name, or that of the final file that it was to become; where a
    path was to be resolved, by that path, which leads through this one."""
    if call == "readlink" and "cannot resolve '/" in said:
        return True
    name = re.sub(r"(\.[0-9a-f]{16})?\.tmp$", "", os.path.basename(path.rstrip("/")))
    final = re.sub(r"\.[0-9a-f]{32}$", "", name)
    library = name.split(".so")[0] if path.startswith(SYSTEM) else name  # the name of the library, not of its version
    return any(word and word in said for word in (name, final, library, os.path.dirname(path) + "'"))


def judge(scene, command, fault, ended):
    call, path = ended.blow
    what = f"{call} of {path.replace(scene.folder + '/', '')}"
    if isinstance(ended.code, str) or ended.code >= 125:
        return "died", f"{what}: {ended}"
    problem = None
    if ended.code == 0:
        result = "survived"
        if command != "submit" and not scene.exact():
            problem = f"other output: {scene.text()!r}"
        if command != "submit" and must_end(fault, call, path):
            problem = "was passed over"
    else:
        result = f"code {ended.code}"
        reason = REASONS.get(fault.split(":")[-1], "")
        if must_survive(scene, fault, call, path):
            problem = f"is to be survived, {ended}"
        elif ended.code not in allowed(scene, path):
            problem = f"wrong {ended}"
        elif not names(ended.said, call, path) or reason not in ended.said.lower():
            problem = f"does not name file and reason, {ended}"
        elif not re.search("^error: ", ended.said, re.M):
            problem = f"no error line, {ended}"
    if not problem and scene.left_behind():
        problem = f"left behind: {scene.left_behind()}, {ended}"
    if not problem and (ended.code != 0 or command == "submit"):
        problem = scene.finish()
    return result, problem and f"{what}: {problem}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_programs(parser)
    parser.add_argument("--at", type=int, help="only this call")
    options = parser.parse_args()
    programs, campaign, chance, known = Programs(options), Campaign(options), random.Random(options.seed), {}
    template = tempfile.mkdtemp(prefix="jobhost-template-")
    half_done(programs, template)
    try:
        for command, role, sync in SERIES:
            for calls, fault in FAULTS:
                name = f"{command}/{role}/{sync} {fault} of {calls}"
                if options.only not in name:
                    continue

                def scene_of():
                    return Scene(programs, template if command == "resume" else None, sync)

                blow = ["--role", role, "--calls", calls, "--from", "main"]

                def one(n):
                    for _ in range(6):
                        with scene_of() as scene:
                            ended = scene.run(command, blow=[*blow, "--at", str(n), "--do", fault])
                            if ended.blow:
                                return judge(scene, command, fault, ended)
                    return "missed", None

                if (command, role, sync, calls) not in known:
                    known[command, role, sync, calls] = counts(scene_of, command, blow, options.long)
                certain, most = known[command, role, sync, calls]
                campaign.run(name, points_of(most, 1, options, chance), certain, one)
    finally:
        shutil.rmtree(template)
    return campaign.end(0 if options.only or options.at else 4000 if options.long else 60)


if __name__ == "__main__":
    sys.exit(main())
