"""The manual: sphinx-build -W -b html docs build/manual. JOBHOST is the program whose help is printed in it."""
import os
import re
import subprocess

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

project = "jobhost"
copyright = "2026, the jobhost authors"
html_title = "jobhost"
extensions = ["myst_parser"]
html_theme = "furo"
html_copy_source = False
myst_heading_anchors = 3
exclude_patterns = []
HELP = os.environ.get("JOBHOST", os.path.join(os.path.dirname(__file__), "../build/release/bin/jobhost"))


class Commands(SphinxDirective):
    """A section with the help of every command."""

    def run(self):
        overview = subprocess.run([HELP, "--help"], check=True, capture_output=True, text=True).stdout
        shown = overview[overview.index("\nRun:"):overview.index("\nInternal:")]
        return [self.section(name) for name in re.findall(r"^  ([a-z]+) ", shown, re.MULTILINE)]

    def section(self, name):
        text = subprocess.run([HELP, name, "--help"], check=True, capture_output=True, text=True).stdout
        section = nodes.section(ids=[f"command-{name}"])
        section += nodes.title(text=name)
        section += nodes.literal_block(text=text.strip(), language="text")
        return section


def keep_text(app, env, node, text):
    """What is linked beyond this folder is in the sources, not in the manual."""
    return text if node["reftarget"].startswith("../") else None


def setup(app):
    app.add_directive("commands", Commands)
    app.connect("missing-reference", keep_text)
