#!/usr/bin/env python3
"""Replays the kept inputs of every fuzz target, then looks for new ones.

usage: run.py [TARGET ...] [--seconds N] [--jobs N] [--seed S] [--keep]

Builds the targets first (cmake --preset fuzz). Ends with 1 after any crash, leak, sanitizer report, an input that takes
too long or too much memory, and when a target ran or reached less than it must. Inputs that end a target are kept in
crashes/; mend the code, not the input. --keep adds what was found to corpus/, minimised: for long runs before a commit."""
import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
BUILT = ROOT / "build/fuzz/tests/fuzz"

# Edges that the kept inputs reach must not become fewer. Executions are those of a slow and busy machine.
LEAST_COVERAGE = {
    "codec": 1950, "debug": 800, "elf": 1450, "inputs": 3600, "log": 500, "manifest": 3100, "pack": 400, "party": 1700,
    "schema": 1800, "session": 1900, "tar": 420, "value": 2450,
}
LEAST_EXECUTIONS = 50  # besides the kept inputs
LONGEST_INPUT = {"debug": 16384, "elf": 8192}
LIMITS = [
    "-timeout=3",  # seconds on the wall: an input may take one, and the machine may be busy
    "-rss_limit_mb=512",
    "-malloc_limit_mb=64",  # nothing may be allocated because an input of a few KiB says so
]


def names():
    return sorted(path.name[: -len("_fuzz.cpp")] for path in FOLDER.glob("*_fuzz.cpp"))


def command(target, *words):
    return [str(BUILT / f"{target}_fuzz"), *LIMITS, f"-max_len={LONGEST_INPUT.get(target, 4096)}", *words]


def run(words):
    return subprocess.run(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace")


def fuzz(target, seconds, seed, found):
    """What went wrong ("" for nothing), and a line of figures."""
    crashes = FOLDER / "crashes" / target
    crashes.mkdir(parents=True, exist_ok=True)
    ending = f"-max_total_time={seconds}" if seconds else "-runs=0"
    # Named one by one, inputs are not cut off at the length that is fuzzed.
    earlier = sorted(str(path) for path in crashes.iterdir())
    done = run(command(target, *earlier)) if earlier else None
    if not done or done.returncode == 0:
        done = run(command(target, ending, f"-seed={seed}", "-print_final_stats=1", f"-artifact_prefix={crashes}/",
                           str(found), str(FOLDER / "corpus" / target)))
    if not any(crashes.iterdir()):
        crashes.rmdir()
    if done.returncode != 0:
        return "ended with:\n" + done.stderr[-4000:], ""
    replayed = re.search(r"INITED cov: (\d+)", done.stderr)
    ends = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", done.stderr)
    executions = int(re.search(r"number_of_executed_units: (\d+)", done.stderr)[1])
    coverage = int(replayed[1]) if replayed else 0
    figures = (f"{executions:9} executions  coverage {coverage:5} replayed, {ends[-1][0] if ends else 0:>5} reached  "
               f"features {ends[-1][1] if ends else 0:>6}  corpus {ends[-1][2] if ends else 0:>5}")
    if coverage < LEAST_COVERAGE.get(target, 1):
        return f"the kept inputs reach {coverage} edges, at least {LEAST_COVERAGE.get(target, 1)} are expected", figures
    fresh = executions - len(list((FOLDER / "corpus" / target).iterdir()))
    if seconds and fresh < LEAST_EXECUTIONS:
        return f"{fresh} new inputs in {seconds} s, at least {LEAST_EXECUTIONS} are expected", figures
    return "", figures


def keep(target, found):
    """The smallest set of inputs that reaches what is reached today."""
    corpus = FOLDER / "corpus" / target
    with tempfile.TemporaryDirectory() as least:
        run(command(target, "-set_cover_merge=1", least, str(found), str(corpus))).check_returncode()
        shutil.rmtree(corpus, ignore_errors=True)
        shutil.copytree(least, corpus)


def main():
    arguments = argparse.ArgumentParser(usage=__doc__)
    arguments.add_argument("targets", nargs="*", choices=[[], *names()], metavar="TARGET")
    arguments.add_argument("--seconds", type=int, default=5)
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--keep", action="store_true")
    options = arguments.parse_args()
    subprocess.run(["cmake", "--preset", "fuzz"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "fuzz"], cwd=ROOT, check=True)

    def one(target):
        with tempfile.TemporaryDirectory() as found:
            wrong, figures = fuzz(target, options.seconds, options.seed, found)
            print(f"{target:9}{figures}" if figures else f"{target:9}{wrong}", flush=True)
            if wrong and figures:
                print(f"{target:9}{wrong}", flush=True)
            if options.keep and not wrong:
                keep(target, found)
            return not wrong

    targets = options.targets or names()
    print(f"seed {options.seed}, {options.seconds} s each")
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        fine = list(pool.map(one, targets))
    print(f"fuzz: {sum(fine)} of {len(fine)} targets fine")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
