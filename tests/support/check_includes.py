#!/usr/bin/env python3
"""Checks which folders of core may include which, and that one place owns each third-party library.

usage: check_includes.py [SRC]    core/src by default

Prints every include that is not allowed and ends with 1 when there is one."""
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
    "cli": "base schema bundle store plugin context build worker backend host report",
}
OWNERS = {  # header prefix: folders, in .cpp files only
    "nlohmann/json.hpp": "schema bundle store cli",
    "spdlog/": "base",
    "CLI/": "cli",
    "fmt/": "cli report",
    "libelf": "plugin",
    "elfutils/": "plugin",
    "dwarf.h": "plugin",
    "openssl/": "base",
    "libsmartcols/": "report",
    "csv.h": "cli",
    "boost/": "worker",
    "tbb/": "worker",
}


def faults(source):
    for file in sorted(source.rglob("*.[ch]pp")):
        folder = file.relative_to(source).parts[0]
        for header in re.findall(r'^#include [<"]([^>"]*)[>"]', file.read_text(), re.M):
            target = header.split("/")[0]
            if "/" in header and target in MAY and target != folder and target not in MAY[folder].split():
                yield file, header
            for prefix, folders in OWNERS.items():
                if header.startswith(prefix) and (folder not in folders.split() or file.suffix != ".cpp"):
                    yield file, header


def main():
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "core/src")
    found = list(faults(source))
    for file, header in found:
        print(f"{file.relative_to(source)}: may not include <{header}>")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
