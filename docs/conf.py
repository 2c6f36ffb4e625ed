"""The manual: sphinx-build -W -b html docs build/manual. JOBHOST is the program whose help is printed in it."""
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import reference  # noqa: E402

project = "jobhost"
copyright = "2026, the jobhost authors"
html_title = "jobhost"
extensions = ["myst_parser"]
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["manual.css"]
html_copy_source = False
smartquotes = False
pygments_style, pygments_dark_style = "friendly", "monokai"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = []
PROGRAM = os.environ.get("JOBHOST", HERE.parent / "build/release/bin/jobhost")


def insert_what_is_made(app, page, source):
    source[0] = source[0].replace("<!-- commands -->", reference.commands(PROGRAM) if page == "cli" else "")
    if page == "cpp_reference":
        headers = [*HERE.glob("../core/include/jobhost/*.hpp"), HERE / "../plugin_sdk/include/jobhost/sdk/random.hpp"]
        sections = reference.headers(headers)
        source[0] = re.sub("<!-- (.*) -->", lambda names: "\n".join(map(sections.pop, names[1].split(" "))), source[0])
        if sections:
            raise ValueError(f"cpp_reference.md lacks {', '.join(sections)}")


def keep_text(app, env, node, text):
    """What is linked beyond this folder is in the sources, not in the manual."""
    return text if node["reftarget"].startswith("../") else None


def setup(app):
    app.connect("source-read", insert_what_is_made)
    app.connect("missing-reference", keep_text)
