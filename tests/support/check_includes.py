#!/usr/bin/env python3
"""Checks which folders of core may include which, that one place owns each third-party library, and that files, clocks,
processes and randomness are reached through base::Env alone, so that tests can make any of it fail.

usage: check_includes.py [SRC]    core/src by default

Prints every include and call that is not allowed and ends with 1 when there is one."""
import pathlib
import re
import sys

MAY = {
    "base": "",
    "schema": "base",
    "bundle": "base schema",
    "store": "base schema",
    "plugin": "base schema",
    "context": "base schema bundle",
    "build": "base",
    "worker": "base schema bundle store plugin context",
    "backend": "base store",
    "host": "base schema bundle store plugin context backend",
    "api": "base schema bundle store backend host",
    "report": "base schema bundle store host",
    "hdf5": "base schema bundle store host report",
    "dashboard": "base",
    "cli": "base schema bundle store plugin context build worker backend host report dashboard",
}
OWNERS = {  # header prefix: folders, in .cpp files only
    "nlohmann/json.hpp": "schema bundle store cli",
    "spdlog/": "base",
    "CLI/": "cli",
    "fmt/": "cli report",
    "hdf5.h": "hdf5",
    "hdf5_hl.h": "hdf5",
    "libelf": "plugin",
    "elfutils/": "plugin",
    "dwarf.h": "plugin",
    "openssl/": "base",
    "libsmartcols/": "report",
    "csv.h": "cli",
    "httplib.h": "dashboard",
    "boost/": "worker",
    "tbb/": "worker",
}

CALLS = re.compile(r"(?<![\w:])::(open\w*|close|p?read|p?write|readv|writev|f(?:data)?sync|syncfs|f?truncate|link\w*|rename\w*|unlink\w*|"
                   r"mkdir\w*|rmdir|[fl]?stat\w*|opendir|utimens\w*|getrandom|clock_\w+|nanosleep|posix_spawn\w*|v?fork|exec\w+|wait\w*|kill)\("
                   r"|std::(?:[io]?fstream|random_device|fopen|rename|remove)\b|std::filesystem::\w+|std::chrono::\w+_clock|\b(fopen)\(")
MAY_CALL = {  # file: calls
    "base/posix_env.cpp": ".*",  # is the Env of every day
    # Memory that processes share: anonymous files, which are on no disk.
    "store/shared_memory.cpp": "ftruncate",
    "worker/control.cpp": "pread|pwrite|close",
    "store/sparse_memory.cpp": "fstat|close",
    "store/doorbell.cpp": "fstat|close",
    "backend/local.cpp": "close",  # of a pipe
    # What the kernel says of this process and machine.
    "plugin/fit.cpp": "std::ifstream",
    "context/process.cpp": "std::ifstream",
    "api/local_runtime.cpp": "std::ifstream",
    "cli/debug_commands.cpp": "fork|kill|execvpe|waitpid|std::filesystem::current_path",  # a debugger's terminal
    "cli/dashboard_command.cpp": "execv",  # becomes the program that serves
    "cli/main.cpp": "open",  # before there is an Env: standard streams that are closed
    "worker/surroundings.cpp": "execve",  # starts itself again
}


def faults(source):
    for file in sorted(source.rglob("*.[ch]pp")):
        folder = file.relative_to(source).parts[0]
        for header in re.findall(r'^#include [<"]([^>"]*)[>"]', file.read_text(), re.M):
            target = header.split("/")[0]
            if "/" in header and target in MAY and target != folder and target not in MAY[folder].split():
                yield file, f"may not include <{header}>"
            for prefix, folders in OWNERS.items():
                if header.startswith(prefix) and (folder not in folders.split() or file.suffix != ".cpp"):
                    yield file, f"may not include <{header}>"
        allowed = MAY_CALL.get(str(file.relative_to(source)), "(?!)")
        for line in re.sub(r"//.*", "", file.read_text()).splitlines():
            for call in CALLS.finditer(line):
                name = call[1] or call[0]
                if not re.fullmatch(allowed, name):
                    yield file, f"calls {name}, which belongs to base::Env"


def main():
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "core/src")
    found = list(faults(source))
    for file, fault in found:
        print(f"{file.relative_to(source)}: {fault}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
