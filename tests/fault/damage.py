#!/usr/bin/env python3
"""Makes jobs that have files of every kind, has `damage` truncate and flip all of them, and resumes damaged ones.

usage: damage.py JOBHOST DAMAGE HOSTILE SETTINGS [--each N] [--resumes N] [--seed S]

--each 0 does all there is to do to every file; --resumes N damages N logs and lets the real `jobhost resume` mend them."""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("jobhost", "damage", "hostile", "settings"):
        parser.add_argument(name)
    parser.add_argument("--each", type=int, default=25)
    parser.add_argument("--minimum", type=int, default=1000)
    parser.add_argument("--resumes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="jobhost-damage-")
    store = os.path.join(folder, "store")
    plugin, settings = (os.path.join(folder, name) for name in ("hostile.so", "settings.so"))
    for source, small in ((options.hostile, plugin), (options.settings, settings)):  # without debug information
        subprocess.run(["strip", "--strip-debug", "-o", small, source], check=True)

    def jobhost(*words, codes=(0, 1), **environment):
        process = subprocess.run([options.jobhost, "--store", store, *words], capture_output=True, text=True, cwd=folder,
                                 stdin=subprocess.DEVNULL, env=dict(os.environ, **environment))
        if process.returncode not in codes:
            sys.exit(f"{words} ended with {process.returncode}: {process.stderr}")
        return process

    def newest():
        return json.loads(jobhost("show", "--json").stdout)["directory"]

    try:
        jobs = []
        pathlib.Path(folder, "in.csv").write_text("x\n" + "".join(f"{x}\n" for x in range(8, 14)))
        jobhost("run", f"{plugin}:fussy", "--csv", "in.csv", "-j2", "--chunk", "2", "--retries", "0")
        jobs.append(newest())
        jobhost("retry", "--tasks", "0,5")
        jobs.append(newest())
        # Resumed where a secret is not set, which is worth a note.
        jobhost("submit", "--hold", f"{plugin}:text_of", "x=1..6", "-j2", "--chunk", "1", "--env", "TOKEN", TOKEN="secret")
        jobhost("resume")
        jobs.append(newest())
        jobhost("run", f"{settings}:chatty", "x=1..3", "-j1")
        jobs.append(newest())
        jobhost("submit", "--hold", f"{plugin}:text_of", "x=1..200")
        jobhost("cancel")
        jobs.append(newest())
        print(f"seed {options.seed}", flush=True)
        failed = subprocess.run([options.damage, "--each", str(options.each), "--minimum", str(options.minimum), "--seed",
                                 str(options.seed), *jobs]).returncode
        failed |= resume_damaged(jobhost, jobs[:3], random.Random(options.seed), options.resumes)
        return failed
    finally:
        shutil.rmtree(folder)


def resume_damaged(jobhost, jobs, chance, count):
    """The real thing: a log is damaged, `results` says so and gives the rest, `resume` computes what is lost."""
    bad = 0
    for _ in range(count):
        job = chance.choice(jobs)
        whole = jobhost("results", job, "--format", "csv").stdout
        logs = [path for path in pathlib.Path(job).glob("logs/*/*") if path.stat().st_size > 200]
        path = chance.choice(logs)
        data = bytearray(path.read_bytes())
        data[chance.randrange(64, len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        rows = jobhost("results", job, "--format", "csv", codes=(0, 1, 5))
        wrong = set(rows.stdout.splitlines()) - set(whole.splitlines())
        lost = rows.stdout != whole
        if wrong or lost != (rows.returncode == 5):
            print(f"bad: results of {job}, {path.name} damaged: {rows.returncode} {rows.stderr}")
            bad = 1
        again = jobhost("resume", job, "--format", "csv", codes=range(128))
        if again.stdout != whole:
            print(f"bad: resume of {job}, {path.name} damaged: {again.returncode} {again.stderr}")
            bad = 1
    print(f"{count} damaged jobs were resumed")
    return bad


sys.exit(main())
