"""Every kind of work on jobhost beside physical limits and peers, interleaved: see README.md."""
import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source folder stays as it is

import machine
from commands import ROOT, Commands
from contender import Table
from goals import Goals, verdict
from sizes import Sizes


class Progress:
    """On a terminal a line that is overwritten, elsewhere a line every half minute."""

    def __init__(self):
        self.terminal, self.next = sys.stderr.isatty(), 0

    def tell(self, text):
        if self.terminal:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() >= self.next:
            self.next = time.monotonic() + 30
            print(text, file=sys.stderr, flush=True)

    def end(self):
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr)


def number(value, digits=3):
    return "" if value is None else f"{value:.{digits}g}"


def tables(table, goals):
    lines = ["| work | who | mode | value | unit | to limit | to best peer | spread |", "|---|---|---|---|---|---|---|---|"]
    for one in table.contenders:
        row = table.row(one)
        value = "absent" if one.absent else number(row["value"], 4)
        spread = "" if row["spread"] is None else f"{100 * row['spread']:.0f} %"
        lines.append(f"| {one.work} | {one.who}{' (limit)' if one.role == 'limit' else ''} | {one.mode} | {value} | {one.unit} | "
                     f"{number(row['to_limit'])} | {number(row['to_best_peer'])} | {spread} |")
    lines += ["", "| goal | ratio | wanted | |", "|---|---|---|---|"]
    lines += [f"| {what} | {number(ratio)} | {number(wanted)} | {verdict(ratio, wanted)} |" for _, what, ratio, wanted in goals]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="3 rounds of smaller jobs")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--only", default="", help="works that begin with this")
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 7)
    progress, begin = Progress(), time.monotonic()
    about = machine.description(options.build / "bin/jobhost")
    about["load_before"] = os.getloadavg()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None, prefix="jobhost-bench-") as folder:
        works = Sizes(Commands(options.build.resolve(), pathlib.Path(folder)), options.quick, rounds)
        works.define()
        chosen = [one for one in works.contenders if one.work.startswith(options.only)]
        if not chosen:
            parser.error(f"no work begins with '{options.only}'")
        count = options.rounds or max(one.rounds for one in chosen)
        for works.round in range(count):
            for one in chosen:
                if works.round < one.rounds:
                    progress.tell(f"round {works.round + 1} of {count}: {one.work}, {one.who} {one.mode}")
                    one.run()
        progress.end()
    about |= {"load_after": os.getloadavg(), "rounds": rounds, "quick": options.quick, "seconds": round(time.monotonic() - begin)}
    table = Table(chosen)
    goals = Goals(table).all()
    text = (f"{about['cores']} cores of {about['processor']}, Linux {about['kernel']}, {about['date']}; load "
            f"{about['load_before'][0]:.2f} before and {about['load_after'][0]:.2f} after; {rounds} interleaved rounds in "
            f"{about['seconds']} s, medians; spread is (max - min) / median\n\n{tables(table, goals)}\n")
    print(text)
    out = ROOT / "build/bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.md").write_text(text)
    (out / "results.json").write_text(json.dumps({
        "machine": about, "rows": [table.row(one) for one in chosen],
        "goals": [{"what": what, "ratio": ratio, "wanted": wanted, "verdict": verdict(ratio, wanted)}
                  for _, what, ratio, wanted in goals]}, indent=1))
    broken = [one for one in chosen if one.role == "us" and one.absent]
    for one in broken:
        print(f"error: {one.work}, {one.mode}: {one.absent}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
