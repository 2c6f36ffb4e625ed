"""Pages of the manual that are made of what they describe, as Markdown: the commands of jobhost of their --help, the
C++ API of the comments in its headers."""
import pathlib
import re
import subprocess


def cell(text):
    return text.replace("|", r"\|")


def code(text):
    return f"`{cell(text)}`"


def table(head, rows):
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def fenced(language, text):
    return f"```{language}\n{text}\n```\n"


# Commands

def help_of(program, *words):
    return subprocess.run([program, *words, "--help"], check=True, capture_output=True, text=True).stdout


def commands(program):
    """A section with a table of options for every command, in the groups of the overview."""
    overview = help_of(program)
    page = ["## Options of every command\n", options(re.search(r"\nOptions:\n(.*?)\n\n", overview, re.DOTALL)[1])]
    for group, listed in re.findall(r"^(\w+):\n((?:  [a-z]+ .*\n)+)", overview, re.MULTILINE):
        if group == "Internal":
            continue
        page.append(f"## {group}\n")
        page += [command(program, name) for name in re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)]
    return "\n".join(page)


def options(lines):
    """A table of lines such as "  -j,--workers N      Lanes to compute in"."""
    rows = (re.match(r"  (\S.*?)  +(.*)", line).groups() for line in lines.splitlines() if "-h,--help" not in line)
    rows = [(code(name.replace(",-", ", -")), cell(re.sub(r"([*_<`@])", r"\\\1", what))) for name, what in rows]
    return table(("", ""), rows) if rows else ""


def command(program, *words):
    text = help_of(program, *words).strip()
    about, usage, rest = re.fullmatch(r"(.*?)\nUsage: (.*?)\n(.*)", text, re.DOTALL).groups()
    page = [f"{'##' + '#' * len(words)} {words[-1]}\n", about + ".\n", fenced("text", usage)]
    for block in re.split(r"\n{2,}", rest.strip()):
        title, _, lines = block.partition("\n")
        if title == "Subcommands:":
            page += [command(program, *words, name) for name in re.findall(r"^  ([a-z]+) ", lines, re.MULTILINE)]
        elif title == "Examples:":
            page.append(fenced("text", re.sub("^  ", "", lines, flags=re.MULTILINE)))
        elif re.fullmatch(r"[A-Z][\w ]*:", title):
            shown = options(lines)
            page += [f"**{title[:-1]}**\n", shown] if shown else []
        else:
            page.append(fenced("text", block))
    return "\n".join(page)


# The C++ API

NAMES = re.compile(r"`[^`]+`|(?:\w+::)*\w+(?:<(?:[\w:, ]|<[\w: ]*>)+>)(?:\(\))?|(?:\w+::)+\w+(?:\([\w ,.:]*\))?|\w+\([\w:()]*\)|[<*_]")


def prose(comment):
    """Markdown of a comment: its names of C++ are code, indented lines are code as they are."""
    def mark(found):
        return found[0] if found[0][0] == "`" else "\\" + found[0] if len(found[0]) == 1 else f"`{found[0]}`"
    return "\n".join(line if line.startswith("    ") else NAMES.sub(mark, line) for line in comment.splitlines())


def headers(paths):
    """By name, a section for every declaration with a comment of three slashes outside of namespace detail; "": what is said of
    the namespace itself."""
    sections = {}
    for path in paths:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        text = re.sub(r"^namespace detail \{\n(struct \w+;\n\}\n|.*?^\}  // namespace detail\n)", "", text, flags=re.DOTALL | re.MULTILINE)
        if about := re.search(r"((?:^///.*\n)+)namespace", text, re.MULTILINE):
            sections[""] = prose(re.sub("^/// ?", "", about[1], flags=re.MULTILINE)) + "\n"
        sections |= dict(section(*item) for item in declarations(text.splitlines(), 0) if item[0])
    return sections


def declarations(lines, depth):
    """(comment, signature, body) of what is declared with this indentation; body: the lines of a class."""
    comment, indent, at = [], " " * depth, 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.startswith(indent) or line[depth:depth + 1] in ("", " ", "#", "}"):
            comment = []
        elif line.startswith(indent + "///"):
            comment.append(line[depth + 3:].removeprefix(" "))
        elif re.match(r" *(public|private|protected):", line) or line.startswith(("//", "namespace")):
            comment = []
        else:
            signature, body = line[depth:], []
            while not complete(signature):
                signature += "\n" + lines[at][depth:]
                at += 1
            if signature.endswith("{"):
                end = next(i for i in range(at, len(lines)) if lines[i].startswith(indent + "}"))
                body, at = lines[at:end], end + 1
            signature, _, beside = signature.partition("  // ")
            yield "\n".join(comment) or beside.strip(), without_body(signature), body
            comment = []


def complete(text):
    text = text.partition("  // ")[0].rstrip()
    return text.endswith((";", "{", "}")) and text.count("(") == text.count(")")


def without_body(text):
    """A declaration as far as callers care: no body, no initialisers of members, no private bases."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "({") - (character in ")}")
        if character == "{" and depth == 1 and text[at - 2] != "=":
            text = text[:at]
            break
    text = re.sub(r"(?<=\))\s*: \w+\(.*", "", text, flags=re.DOTALL)
    return re.sub(r" : private [\w:]+$", "", text.rstrip().removesuffix(";"))


def section(comment, signature, body):
    name = re.search(r"^(?:class|struct) (\w+)", signature, re.MULTILINE) or re.search(r"(\w+)\([^()]*\)$", signature)
    page = [f"### {name[1]}\n", fenced("cpp", signature), prose(comment) + "\n"]
    if body and re.search(r"^(class|struct) ", signature, re.MULTILINE):
        page.append(members(name[1], body))
    return name[1], "\n".join(page)


def members(owner, body):
    """Those without a comment share that of the one before."""
    public = "\n".join(body)
    if re.search("^ public:", public, re.MULTILINE):
        public = re.search(r"^ public:\n(.*?)(^ (private|protected):|\Z)", public, re.DOTALL | re.MULTILINE)[1]
    rows = []
    for comment, signature, _ in declarations(public.splitlines(), 2):
        special = rf"^using|^friend|^class|^static constexpr|operator=|~{owner}|{owner}&&|^{owner}\(\)|detail::"
        if re.search(special, signature) and not comment or re.search(rf"\b{owner}\(.*detail::", signature):
            continue
        signature = code(" ".join(signature.split()))
        if comment or not rows:
            rows.append((signature, cell(prose(" ".join(comment.split())))))
        else:
            rows[-1] = (rows[-1][0] + "<br>" + signature, rows[-1][1])
    return table(("member", "for"), rows) if any(what for _, what in rows) else ""
