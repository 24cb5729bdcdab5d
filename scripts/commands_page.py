"""Write docs/commands.md from the commands of ``mien``: ``python scripts/commands_page.py``.

With ``--check`` nothing is written and the exit code tells whether the page is up to date. The page
depends on the declarations alone, not on a terminal, a locale or the number of cores.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generated import settled
from typer.main import get_command

from mien.cli import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
HEAD = """# Commands

Every command of `mien` with its arguments and options, written by
`python scripts/commands_page.py` from the declarations of the command line; a test compares them.
`mien COMMAND --help` prints the same in a terminal. What the options of an analysis mean in Python:
[options](options.md).

Exit codes: 0 if everything was done, 2 if there was an error (one sentence on standard error that
begins with `mien:`) or if some of several recordings could not be analysed, 130 if the command was
stopped by Ctrl-C.
"""


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The commands below one, depth first, in the order of ``--help``."""
    for word, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield f"{name} {word}", below
            yield from commands(below, f"{name} {word}")


def section(name: str, command: Any) -> str:
    """Heading, usage, description and tables of a command."""
    level = "##" if name.count(" ") == 1 else "###"
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    arguments = [p for p in command.params if p.param_type_name == "argument" and not p.hidden]
    lines = [f"{level} {name}", "", prose(command.help), ""]
    below = getattr(command, "commands", None)
    if below:
        lines += ["| command | |", "|---|---|"]
        lines += [row(f"{name} {word}", one) for word, one in below.items()]
        return "\n".join([*lines, ""])
    usage = " ".join([name, "[OPTIONS]" if options else "", *map(placeholder, arguments)])
    lines += [f"Usage: `{' '.join(usage.split())}`", ""]
    if arguments:
        lines += ["| argument | meaning |", "|---|---|"]
        lines += [f"| `{bare(one)}` | {cell(one.help)} |" for one in arguments] + [""]
    for panel in dict.fromkeys(getattr(one, "rich_help_panel", None) for one in options):
        inside = [one for one in options if getattr(one, "rich_help_panel", None) == panel]
        lines += [f"| {panel or 'option'} | default | meaning |", "|---|---|---|"]
        lines += [f"| {flags(one)} | {default(one)} | {cell(one.help)} |" for one in inside] + [""]
    return "\n".join(lines)


def row(name: str, command: Any) -> str:
    """A command in a list, with a link to its section."""
    return f"| [`{name}`](#{name.replace(' ', '-')}) | {cell(command.help, first=True)} |"


def prose(help_text: str | None) -> str:
    """The description of a command as paragraphs; indented examples are code."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc((help_text or "").replace("\b", "")))
    return "\n\n".join(" ".join(text.split()) for text in paragraphs if text.strip())


def cell(text: str | None, first: bool = False) -> str:
    """A text for a cell of a table."""
    words = " ".join((text or "").split())
    if first:
        words = re.split(r"(?<=[.])\s", words)[0]
    for sign, shown in (("|", "\\|"), ("<", "&lt;"), ("[", "\\["), ("]", "\\]")):
        words = words.replace(sign, shown)
    return words


def bare(argument: Any) -> str:
    """The name of an argument as the usage shows it."""
    return str(argument.metavar or argument.name.upper()).replace("|", "\\|")


def placeholder(argument: Any) -> str:
    """An argument in the usage: in brackets if it may be left out, with dots if it repeats."""
    name = bare(argument).replace("\\|", "|").removesuffix("...")
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def flags(option: Any) -> str:
    """The names of an option with its value."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    value = option.metavar or kind(option.type_descriptor)
    return f"{names} `{value}`".replace("|", "\\|")


def kind(given: Any) -> str:
    """The kind of a value in capitals: NUMBER, INTEGER, PATH, TEXT or the choices."""
    if given.choices:
        return "|".join(str(getattr(one, "value", one)) for one in given.choices)
    name = str(given.annotation).lower()
    for part, shown in (("float", "NUMBER"), ("int", "INTEGER"), ("path", "PATH")):
        if part in name:
            return shown
    return "TEXT"


def default(option: Any) -> str:
    """The default of an option; a required one says so."""
    if option.required:
        return "required"
    value = option.default
    if value is None or callable(value) or value is False or value in ((), "", []):
        return ""
    value = getattr(value, "value", value)
    if option.is_flag:
        return "on"
    return f"`{' '.join(map(str, value)) if isinstance(value, list | tuple) else value}`"


def page() -> str:
    """The whole page."""
    root = get_command(app)
    found = dict(commands(root, "mien"))
    top = [name for name in found if name.count(" ") == 1]
    lines = [HEAD, "| command | |", "|---|---|"]
    lines += [row(name, found[name]) for name in top]
    return "\n".join([*lines, "", *(section(name, one) for name, one in found.items())])


def main() -> int:
    """Write or check the page."""
    return settled(PAGE, page().rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())
