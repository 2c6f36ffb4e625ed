#!/usr/bin/env python3
"""What the looking commands say of a job, as one text: looks.py JOBHOST JOB_DIRECTORY"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

COMMANDS = (["results", "--format", "jsonl"], ["results", "--format", "csv"], ["verify"], ["show", "--json"], ["errors", "--json"],
            ["errors"])


def looks(jobhost, job):
    """Of a copy, which has the modes that jobhost gives and is nobody else's."""
    with tempfile.TemporaryDirectory(prefix="jobhost-golden-") as folder:
        copy = pathlib.Path(folder) / pathlib.Path(job).name
        shutil.copytree(job, copy)
        text = ""
        for command in COMMANDS:
            done = subprocess.run([jobhost, *command[:1], copy, *command[1:]], capture_output=True, text=True, timeout=60,
                                  stdin=subprocess.DEVNULL, env=dict(os.environ, JOBHOST_STORE=folder, XDG_CACHE_HOME=folder))
            text += f"$ jobhost {' '.join(command)}\n{done.stdout}{done.stderr}exit code {done.returncode}\n\n"
        # Nodes tell when they were seen last, by the times of files, which are those of this checkout.
        text = re.sub(r',\n  "nodes": \[.*?\n  \]', "", text, flags=re.DOTALL)
        return text.replace(folder, "STORE")


if __name__ == "__main__":
    print(looks(sys.argv[1], sys.argv[2]), end="")
