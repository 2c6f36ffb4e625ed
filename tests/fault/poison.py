#!/usr/bin/env python3
"""Jobs in which 1 % of the tasks crash, 1 % hang, 1 % eat memory, in many ways and at random places, on both backends:
all others must have exact results, every culprit must be named with the right kind, and no innocent one.

usage: poison.py JOBHOST PLUGIN [--tasks N] [--seed S] [--timeout SECONDS] [--retries N]
       [--backend processes|threads]

Prints its seed; a failing run is repeated with --seed S. Ends with 1 when a task was judged wrongly, or when fewer than
all kinds of trouble were met."""
import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

# How a task misbehaves, and what must be said of it: kind, and a word in type or message.
CRASHES = {
    "null": ("crash", "SIGSEGV"), "abort": ("crash", "SIGABRT"), "exit": ("crash", "exit(3)"),
    "_exit": ("crash", "_exit(4)"), "overflow": ("crash", "stack overflow"), "terminate": ("crash", "std::logic_error"),
    "kill": ("lost", "killed"), "close": ("crash", "descriptors"), "free": ("crash", "SIGABRT"),
    "thread": ("crash", "SIGSEGV"), "masked": ("crash", "SIGSEGV"),
    "scribble": ("crash", "descriptors"),
}
HANGS = {how: ("timeout", "ran longer") for how in ("hang", "deaf", "busy")}
EATERS = {"vector": ("exception", "std::bad_alloc"), "malloc": ("crash", "SIGSEGV")}
HARMLESS = ("forks", "late", "returns")  # to themselves
# "late" leaves a thread behind that ends the process; usually, but not always, after the task's result was committed.


def make_inputs(chance, tasks):
    """The misbehaviour of each task, "" for most."""
    how = [""] * tasks
    share = max(1, tasks // 100)
    places = chance.sample(range(tasks), 4 * share)
    for number, kinds in enumerate((CRASHES, HANGS, EATERS, HARMLESS)):
        kinds = list(kinds)
        chance.shuffle(kinds)
        for i in range(share):
            how[places[number * share + i]] = kinds[i % len(kinds)]
    return how


def judge(rows, how):
    """Sentences about what is wrong, and how often each misbehaviour was told rightly."""
    wrong, met = [], collections.Counter()
    if [row["task"] for row in rows] != list(range(len(how))):
        return [f"{len(rows)} rows instead of {len(how)}, or in another order"], met
    for task, (row, kind) in enumerate(zip(rows, how)):
        expected = {**CRASHES, **HANGS, **EATERS}.get(kind)
        error = row.get("error")
        if kind == "late" and error and error["kind"] == "crash" and "poison.cpp:" in str(error["where"]):
            met[kind] += 1
        elif error and expected and error["kind"] == "timeout":
            met[kind if kind in HANGS else "too slow to crash"] += 1
        elif expected is None:
            if error or row["result"] != task * task:
                wrong.append(f"innocent task {task} ('{kind}'): {error or row['result']}")
            elif kind:
                met[kind] += 1
        elif not error:
            wrong.append(f"task {task} ('{kind}') is not named")
        elif error["kind"] != expected[0] or expected[1] not in str(error["type"]) + str(error["what"]):
            wrong.append(f"task {task} ('{kind}') is called {error['kind']} {error['type']} {error['what']}")
        else:
            met[kind] += 1
    return wrong, met


def one_run(options, backend, seed):
    chance = random.Random(seed)
    how = make_inputs(chance, options.tasks)
    folder = tempfile.mkdtemp(prefix="jobhost-poison-")
    try:
        with open(os.path.join(folder, "in.csv"), "w") as file:
            file.write("x,how\n" + "".join(f"{task},{kind}\n" for task, kind in enumerate(how)))
        command = [os.path.abspath(options.jobhost), "--store", os.path.join(folder, "store"), "--quiet"]
        chunk = chance.choice(["auto", "1", "100"])
        begin = time.monotonic()
        run = subprocess.run(command + ["run", os.path.abspath(options.plugin) + ":poison", "--csv", "in.csv", "-b", backend,
                                        "-j", "4", "--chunk", chunk, "--timeout", str(options.timeout), "--mem", "16M",
                                        "--retries", str(options.retries), "-o", "out.jsonl"],
                             cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3600)
        seconds = time.monotonic() - begin
        if run.returncode != 1:
            return [f"exit code {run.returncode}: {run.stderr.strip()[-500:]}"], collections.Counter()
        with open(os.path.join(folder, "out.jsonl")) as file:
            rows = [json.loads(line) for line in file]
        wrong, met = judge(rows, how)
        errors = json.loads(subprocess.run(command + ["errors", "--json"], cwd=folder, capture_output=True, check=False).stdout)
        guilty = sum(kind != "" and kind not in HARMLESS for kind in how)
        late = sum(kind == "late" and "error" in row for kind, row in zip(how, rows))
        if errors["failed"] != guilty + late:
            wrong.append(f"'errors' names {errors['failed']} tasks instead of {guilty}")
        print(f"seed {seed} on {backend}, chunk {chunk}: {options.tasks} tasks, {guilty} culprits, "
              f"{sum(kind in HARMLESS for kind in how)} that only trouble others; {len(wrong)} judged wrongly; {seconds:.1f} s",
              flush=True)
        return wrong, met
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobhost")
    parser.add_argument("plugin")
    parser.add_argument("--tasks", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--timeout", type=float, default=0.6)
    parser.add_argument("--retries", type=int, default=0)
    parser.add_argument("--backend", choices=["processes", "threads"], action="append")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 30)
    bad, met = 0, collections.Counter()
    for backend in options.backend or ["processes", "threads"]:
        wrong, seen = one_run(options, backend, seed)
        bad += len(wrong)
        met += seen
        for sentence in wrong[:20]:
            print(f"seed {seed} on {backend}: {sentence}", flush=True)
    print("told rightly: " + ", ".join(f"{kind} {count}" for kind, count in sorted(met.items())))
    missing = [kind for kind in (*CRASHES, *HANGS, *EATERS, *HARMLESS) if not met[kind]]
    if missing:
        print("never met: " + ", ".join(missing))
    return 1 if bad or missing else 0


if __name__ == "__main__":
    sys.exit(main())
