#!/usr/bin/env python3
"""Builds mutants of jobhost, each with one part of restoring or checking the calling context left out, and shows which
tests notice.

usage: mutants.py BUILD [--only WORD]... [--short]

BUILD is a build tree of this source. A mutant is one source file compiled anew and the programs linked again, in a folder of
its own; BUILD stays as it is. Ends with 1 when a mutant survives: the tests named for it passed. --short: a few of them."""
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

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parent.parent

# name, file under core/src, text, what is there instead, tests that must fail
MUTANTS = [
    ("working directory", "context/restore.cpp", "::chdir(context.working_directory.c_str()) != 0", "false",
     "test_process.Process.test_working_directory"),
    ("umask", "context/restore.cpp", "::umask(context.umask);", "", "test_process.Process.test_umask"),
    ("arguments", "worker/surroundings.cpp", "Surroundings wanted{context.arguments,", 'Surroundings wanted{{"jobhost-executor"},',
     "test_process.Process.test_arguments"),
    ("environment", "worker/surroundings.cpp",
     "if (context.whole) wanted.environment = context::restored_environment(context, wanted.environment);", "",
     "test_process.Process.test_environment"),
    ("environment of the machine", "context/environment.cpp", "if (asked || travel_of(name) == Travel::kOfMachine)", "if (asked)",
     "test_process.Process.test_environment_of_the_machine"),
    ("secrets", "context/environment.cpp", "if (!looks_secret(name, chosen)) {", "if (true) {", "test_process.Process.test_secrets"),
    ("secrets among what travels", "context/environment.cpp", "travel == Travel::kCaptured && !looks_secret(name, value)",
     "travel == Travel::kCaptured", "test_process.Process.test_secrets"),
    ("withheld variables", "worker/lookup_watch.cpp", "set_lookup_observer(&look_up);", "",
     "test_process.Process.test_withheld_variables_are_told_when_looked_up"),
    ("limits", "context/restore.cpp", "restore_limits(context);", "", "test_process.Process.test_limits"),
    ("stack of the process", "worker/surroundings.cpp", "context::restore_limits(stack);", "",
     "test_process.Process.test_stack_of_lanes"),
    ("stack of lanes", "worker/tbb_lanes.cpp", "tbb::global_control stack(", "if (false) tbb::global_control stack(",
     "test_process.Process.test_stack_of_lanes"),
    ("niceness", "context/restore.cpp", "add(restore_niceness(context.niceness));", "", "test_process.Process.test_niceness"),
    ("processors", "context/restore.cpp", "add(restore_processors(context.processors, place.first_lane, place.lanes));", "",
     "test_process.Process.test_processors"),
    ("time zone of the machine", "context/restore.cpp", "restore_time_zone(context);", "",
     "test_process.Process.test_time_zone_of_the_machine"),
    ("locale", "context/locale.cpp", "!std::setlocale(category, value.c_str())", "false", "test_program.Program.test_locale"),
    ("std::locale", "context/locale.cpp", "std::locale::global(std::locale(context.cpp_locale));", "",
     "test_program.Program.test_cpp_locale"),
    ("portable mathematics", "context/capture.cpp", "if (wishes.portable_math) make_math_portable(context);", "",
     "test_process.Process.test_portable_mathematics"),
    ("rounding", "context/floating_point.hpp", "_mm_setcsr(mxcsr);", "_mm_setcsr(mxcsr & ~0x6000U);",
     "test_program.Program.test_rounding"),
    ("denormals", "context/floating_point.hpp", "_mm_setcsr(mxcsr);", "_mm_setcsr(mxcsr & ~0x8040U);",
     "test_program.Program.test_denormals"),
    ("exception masks", "context/floating_point.hpp", "_mm_setcsr(mxcsr);", "_mm_setcsr(mxcsr | 0x1f80U);",
     "test_program.Program.test_traps"),
    ("x87", "context/floating_point.hpp", '__asm__ volatile("fnclex\\n\\tfldcw %0" : : "m"(x87));', "",
     "test_program.Program.test_x87"),
    # Without the first alone, the second would see the difference, and run the batch again with the right arithmetic.
    ("arithmetic of a batch", "worker/lane.cpp",
     ("if (!usual_arithmetic_) context_.floating.apply();", "changed && !one_by_one_"), ("", "false"), "test_program.Program.test_rounding"),
    ("arithmetic after a batch", "worker/lane.cpp", "changed && !one_by_one_", "false",
     "test_arithmetic.Arithmetic.test_a_task_that_changes_it"),
    ("arithmetic of later tasks", "worker/lane.cpp", "  context_.floating.enter();\n  const std::uint64_t completed",
     "  const std::uint64_t completed", "test_arithmetic.Arithmetic.test_a_task_that_changes_it"),
    ("loading of -ffast-math", "worker/prepared_job.cpp", "if (context::FloatingPoint::current() == before) return;", "return;",
     "test_arithmetic.Arithmetic.test_code_that_is_linked_with_fast_math"),
    ("captured globals", "worker/prepared_job.cpp", "plugin_.set_global(global.symbol, global.value, global.library);", "(void)global;",
     "test_globals.Globals.test_captured_globals"),
    ("isolated globals", "worker/executor.cpp", "if (manifest.isolate_globals) context.before_task", "if (false) context.before_task",
     "test_globals.Globals.test_isolated_globals"),
    ("isolated globals of a program", "worker/prepared_job.cpp", "plugin_.forget_registered();", "",
     "test_program.Program.test_isolated_globals"),
    ("changed globals", "worker/data_watch.cpp", "if (now[i] == part.copy[i]) continue;", "continue;",
     "test_globals.Globals.test_changed_globals_are_named"),
    ("initialiser", "worker/prepared_job.cpp", "initialise(manifest.init, plugin_,", "if (false) initialise(manifest.init, plugin_,",
     "test_globals.Globals.test_initialiser"),
    ("code that was submitted", "worker/stage.cpp", "staged.plugin = stage(env, cache, job, manifest.plugin);",
     "staged.plugin = manifest.plugin.origin;", "e2e/test_identity.Identity.test_a_job_keeps_the_code_it_was_submitted_with"),
    ("files that were loaded", "worker/prepared_job.cpp", "verify_loaded(manifest, plan);", "",
     "e2e/test_identity.Identity.test_a_library_that_the_loader_takes_from_elsewhere_is_refused"),
    ("fit of the machine", "worker/head_start.cpp", "check_machine(env_, manifest_, code)", "std::vector<std::string>()",
     "e2e/test_identity.Fit.test_code_for_another_processor_is_refused_in_one_sentence"),
]
SHORT = {"umask", "arithmetic after a batch", "captured globals"}
PROGRAMS = ("bin/jobhost", "libexec/jobhost/jobhost-executor", "libexec/jobhost/jobhost-executor-tbb")


def build_commands(build, target):
    out = subprocess.run(["ninja", "-C", build, "-t", "commands", target], text=True, capture_output=True, check=True).stdout
    return [re.sub(r"^(: && )|( && :)$", "", line) for line in out.splitlines()]


class Tree:
    """The programs of a build tree, to be linked again with another object file in place of one of theirs."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        runtime = next((self.build / "lib").glob("libjobhost-runtime.so"), None)
        self.targets = [*PROGRAMS, str(runtime.relative_to(self.build))]
        self.links = {target: build_commands(self.build, target)[-1] for target in self.targets}
        self.compiles = {}
        for target in self.targets:
            for line in build_commands(self.build, target):
                found = re.search(r" -o (\S+\.o) -c (\S+\.cpp)$", line)
                if found:
                    self.compiles.setdefault(found[2], []).append((line, found[1]))

    def users_of(self, header):
        """Sources that are compiled anew for a header: here only those that restore and check."""
        return [SOURCE / "core/src" / name for name in ("worker/lane.cpp", "worker/prepared_job.cpp", "worker/executor.cpp")] \
            if header.suffix == ".hpp" else [header]

    def make(self, folder, file, old, new):
        source = SOURCE / "core/src" / file
        text = source.read_text()
        for was, becomes in zip(*((old, new) if isinstance(old, tuple) else ((old,), (new,)))):
            if text.count(was) != 1:
                sys.exit(f"{file}: '{was}' stands there {text.count(was)} times, not once: mend {__file__}")
            text = text.replace(was, becomes)
        shutil.copytree(SOURCE / "core/src", folder / "src")
        (folder / "src" / file).write_text(text)
        objects = {}
        for user in self.users_of(source):
            for line, made in self.compiles[str(user)]:
                fresh = folder / made.replace("/", "_")
                relative = user.relative_to(SOURCE / "core/src")
                line = line.replace(f"-c {user}", f"-c {folder}/src/{relative}").replace(f"-o {made} ", f"-o {fresh} ")
                line = line.replace(f"-I{SOURCE}/core/src", f"-I{folder}/src").replace("-Werror", "-w")
                self.run(re.sub(r" -MD -MT \S+ -MF \S+", "", line))
                objects[made] = fresh
        archive = folder / "libjobhost_core.a"
        shutil.copy(self.build / "core/libjobhost_core.a", archive)
        for made, fresh in objects.items():
            if "jobhost_core.dir" in made:
                renamed = folder / pathlib.Path(made).name
                shutil.copy(fresh, renamed)
                self.run(f"ar r {archive} {renamed}")
        for target in self.targets:
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            line = self.links[target].replace(f"-o {target} ", f"-o {folder}/{target} ").replace("core/libjobhost_core.a", str(archive))
            for made, fresh in objects.items():
                line = line.replace(f" {made} ", f" {fresh} ")
            self.run(line)
        for name in ("include", "libexec/jobhost/jobhost-scan"):
            os.symlink(self.build / name, folder / name)

    def run(self, line):
        done = subprocess.run(line, shell=True, cwd=self.build, text=True, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"{line}\n{done.stdout}{done.stderr}")


def environment_of(build):
    """What ctest gives the tests."""
    out = subprocess.run(["ctest", "--show-only=json-v1", "-R", "^context.test_process$"], cwd=build, text=True, capture_output=True,
                         check=True).stdout
    properties = json.loads(out)["tests"][0]["properties"]
    return dict(pair.split("=", 1) for entry in properties if entry["name"] == "ENVIRONMENT" for pair in entry["value"])


def run_test(name, environment):
    folder, test = (HERE.parent / "e2e", name[4:]) if name.startswith("e2e/") else (HERE, name)
    done = subprocess.run([sys.executable, "-m", "unittest", "-b", test], cwd=folder, env=environment, text=True, capture_output=True)
    return done.returncode == 0, done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    tree = Tree(options.build)
    given = dict(os.environ, **environment_of(tree.build))
    survivors, killed = [], 0
    for name, file, old, new, test in MUTANTS:
        if (options.only and not any(word in name for word in options.only)) or (options.short and name not in SHORT):
            continue
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="jobhost-mutant-") as path:
            folder = pathlib.Path(path)
            fine, why = run_test(test, given)
            if not fine:
                sys.exit(f"{test} fails without any mutant:\n{why}")
            tree.make(folder, file, old, new)
            libraries = f"{folder}/lib"
            passed, _ = run_test(test, dict(given, JOBHOST=f"{folder}/bin/jobhost", LD_LIBRARY_PATH=libraries))
        verdict = "SURVIVES" if passed else "fails"
        (survivors.append(name) if passed else None)
        killed += not passed
        print(f"without {name:32} {test} {verdict}   ({time.monotonic() - begin:.0f} s)", flush=True)
    print(f"{killed} of {killed + len(survivors)} mutants are noticed")
    return 1 if survivors or killed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
