"""Builds mutants of jobhost, each with one part of its source changed, and shows that a test notices.

A mutant is one source file (or the users of one header) compiled anew and some programs linked again, in a folder of its own;
the build tree stays as it is."""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).parent.parent.parent
PROGRAMS = ("bin/jobhost", "libexec/jobhost/jobhost-executor", "libexec/jobhost/jobhost-executor-tbb")


def replacements(old, new):
    return list(zip(old, new)) if isinstance(old, tuple) else [(old, new)]


def require_texts(mutants):
    """Every mutant must still be one, also those that are not built today."""
    for name, file, old, new, _ in mutants:
        text = (SOURCE / "core/src" / file).read_text()
        for was, _ in replacements(old, new):
            if text.count(was) != 1:
                sys.exit(f"{name}: {file} has '{was}' {text.count(was)} times, not once: mend the list of mutants")


def build_commands(build, target):
    out = subprocess.run(["ninja", "-C", build, "-t", "commands", target], text=True, capture_output=True, check=True).stdout
    return [re.sub(r"^(: && )|( && :)$", "", line) for line in out.splitlines()]


class Tree:
    """The programs of a build tree, to be linked again with other object files in place of theirs."""

    def __init__(self, build, header_users):
        """`header_users`: sources that are compiled anew when the mutation is in this header, by name of the header."""
        self.build = pathlib.Path(build).resolve()
        self.runtime = self.build / "lib" / os.readlink(self.build / "lib/libjobhost.so")  # as the loader looks for it
        self.programs = [*PROGRAMS, str(self.runtime.resolve().relative_to(self.build))]
        self.header_users = header_users
        self.links, self.compiles = {}, {}

    def know(self, target):
        if target in self.links:
            return
        commands = build_commands(self.build, target)
        self.links[target] = commands[-1]
        for line in commands:
            found = re.search(r" -o (\S+\.o) -c (\S+\.cpp)$", line)
            if found and (line, found[1]) not in self.compiles.setdefault(found[2], []):
                self.compiles[found[2]].append((line, found[1]))

    def make(self, folder, file, old, new, targets):
        for target in targets:
            self.know(target)
        source = SOURCE / "core/src" / file
        text = source.read_text()
        for was, becomes in replacements(old, new):
            text = text.replace(was, becomes)
        shutil.copytree(SOURCE / "core/src", folder / "src")
        (folder / "src" / file).write_text(text)
        objects = {}
        for user in [SOURCE / "core/src" / name for name in self.header_users[file]] if source.suffix == ".hpp" else [source]:
            for line, made in self.compiles[str(user)]:
                fresh = folder / made.replace("/", "_")
                relative = user.relative_to(SOURCE / "core/src")
                line = line.replace(f"-c {user}", f"-c {folder}/src/{relative}").replace(f"-o {made} ", f"-o {fresh} ")
                line = line.replace(f"-I{SOURCE}/core/src", f"-I{folder}/src").replace("-Werror", "-w")
                self.run(re.sub(r" -MD -MT \S+ -MF \S+", "", line))
                objects[made] = fresh
        archives = {}
        for name in ("jobhost_core", "jobhost_cli"):
            changed = {made: fresh for made, fresh in objects.items() if f"{name}.dir" in made}
            if not changed:
                continue
            archives[f"core/lib{name}.a"] = archive = folder / f"lib{name}.a"
            shutil.copy(self.build / f"core/lib{name}.a", archive)
            for made, fresh in changed.items():
                renamed = folder / pathlib.Path(made).name
                shutil.copy(fresh, renamed)
                self.run(f"ar r {archive} {renamed}")
        for target in targets:
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            line = self.links[target].replace(f"-o {target} ", f"-o {folder}/{target} ")
            for made, fresh in {**archives, **objects}.items():
                line = line.replace(f" {made} ", f" {fresh} ")
            self.run(re.sub(r" && cd .*$", "", line))
            if target == self.programs[-1]:
                os.symlink(pathlib.Path(target).name, folder / "lib" / self.runtime.name)
        for name in ("include", "libexec/jobhost/jobhost-scan"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(self.build / name, folder / name)

    def run(self, line):
        done = subprocess.run(line, shell=True, cwd=self.build, text=True, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"{line}\n{done.stdout}{done.stderr}")


def environment_of(build):
    """What ctest gives the tests."""
    out = subprocess.run(["ctest", "--show-only=json-v1", "-R", "^e2e.test_run$"], cwd=build, text=True, capture_output=True,
                         check=True).stdout
    properties = json.loads(out)["tests"][0]["properties"]
    return dict(os.environ, **dict(pair.split("=", 1) for entry in properties if entry["name"] == "ENVIRONMENT"
                                   for pair in entry["value"]))


class PythonTest:
    """"folder/module.Class.test" beneath tests/."""

    def __init__(self, name):
        self.name = name

    def targets(self, tree):
        return tree.programs

    def passes(self, build, environment):
        folder, test = self.name.rsplit("/", 1)
        environment = dict(environment, JOBHOST=f"{build}/bin/jobhost", LD_LIBRARY_PATH=f"{build}/lib")
        done = subprocess.run([sys.executable, "-m", "unittest", "-b", test], cwd=SOURCE / "tests" / folder, env=environment,
                              text=True, capture_output=True)
        return done.returncode == 0, done.stderr


class ProgramTest:
    """A test program of the build tree and its arguments; `limit`: seconds after which it has failed."""

    def __init__(self, program, *arguments, limit=300):
        self.program, self.arguments, self.limit = program, arguments, limit
        self.name = " ".join([pathlib.Path(program).name, *arguments])

    def targets(self, _):
        return [self.program]

    def passes(self, build, environment):
        try:
            done = subprocess.run([f"{build}/{self.program}", *self.arguments], env=environment, text=True, capture_output=True,
                                  timeout=self.limit)
        except subprocess.TimeoutExpired:
            return False, "too slow"
        return done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def run_mutants(description, mutants, short, header_users):
    """`mutants`: (name, file under core/src, text, what is there instead, test that must fail). Ends with 1 when one survives."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", help="a build tree of this source")
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    parser.add_argument("--short", action="store_true", help="a few of them: " + ", ".join(sorted(short)))
    options = parser.parse_args()
    require_texts(mutants)
    tree = Tree(options.build, header_users)
    environment = environment_of(tree.build)
    survivors, noticed, sound = [], 0, set()
    for name, file, old, new, test in mutants:
        if (options.only and not any(word in name for word in options.only)) or (options.short and name not in short):
            continue
        begin = time.monotonic()
        if test.name not in sound:
            passed, why = test.passes(tree.build, environment)
            if not passed:
                sys.exit(f"{test.name} fails without any mutant:\n{why}")
            sound.add(test.name)
        with tempfile.TemporaryDirectory(prefix="jobhost-mutant-") as path:
            tree.make(pathlib.Path(path), file, old, new, test.targets(tree))
            passed, _ = test.passes(path, environment)
        if passed:
            survivors.append(name)
        else:
            noticed += 1
        print(f"{name:36} {test.name} {'SURVIVES' if passed else 'fails'}   ({time.monotonic() - begin:.0f} s)", flush=True)
    print(f"{noticed} of {noticed + len(survivors)} mutants are noticed")
    return 1 if survivors or noticed == 0 else 0
