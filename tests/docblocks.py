"""The code blocks of the documents: found, told apart, and run as a reader would.

A block ```` ```python ```` is executed; an expression whose line ends in a comment that is a Python
literal must have that value. A block ```` ```bash ```` is a script
and must end well. Of a block ```` ```console ```` every line that begins with ``$ `` is
run; lines below it are its output, of which white space and numbers (by .02) may differ, and
``...`` stands for any text. A block below ``<!-- not run: REASON -->`` is left out.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
import subprocess
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^\s*```(\S*)\s*$")
_NOT_RUN = re.compile(r"^\s*<!-- not run:\s*(.*?)\s*-->\s*$")
_SHELL = {"echo", "cat", "curl", "ls", "mkdir"}
_TOLERANCE = 0.02


@dataclass(frozen=True)
class Block:
    """One fenced block; ``line`` is that of the fence, ``not_run`` the reason or None."""

    path: Path
    line: int
    language: str
    text: str
    not_run: str | None

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}"


class DocError(AssertionError):
    """A document says what is not so."""


def documents() -> list[Path]:
    """Whatever a reader reads: README, CONTRIBUTING, docs and the examples' pages."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/**/*.md")]
    return sorted(path for path in pages if path.name != "CHANGELOG.md")


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    found: list[Block] = []
    opened: tuple[int, str] | None = None
    reason, held = None, list[str]()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            opened, held = (number, fence[1]), []
        elif opened is not None and fence and not fence[1]:
            found.append(Block(path, *opened, "\n".join(held), reason))
            opened = reason = None
        elif opened is not None:
            held.append(line)
        elif given := _NOT_RUN.match(line):
            reason = given[1]
        elif line.strip():
            reason = None  # it stands directly above its block
    if opened is not None:
        raise DocError(f"{path}:{opened[0]}: the block is never closed")
    return found


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that the block shows."""
    found: list[tuple[str, list[str]]] = []
    lines = iter(block.text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines, "").strip()
            found.append((command, []))
        elif found:
            found[-1][1].append(line)
        elif line.strip():
            raise DocError(f"{block}: {line!r} comes before any '$ command'")
    return [(command, "\n".join(output)) for command, output in found]


def run(block: Block, names: dict[str, Any]) -> None:
    """Run a block in the working directory; ``names`` are the variables of its document."""
    if block.language == "python":
        _python(block, names)
        return
    if block.language == "bash":
        _bash(str(block), block.text)
        return
    for command, expected in commands(block):
        output = _command(block, command)
        if expected.strip() and not says(output, expected):
            raise DocError(f"{block}: '{command}' says\n{output}\nand not\n{expected}")


def says(output: str, expected: str) -> bool:
    """Whether output holds the lines that are expected, by words; numbers may differ by .02."""
    words = output.split()
    for part in re.split(r"(?<!\S)\.\.\.(?!\S)", expected):
        wanted = part.split()
        for start in range(len(words) - len(wanted) + 1):
            if all(map(_same, words[start:], wanted)):
                words = words[start + len(wanted) :]
                break
        else:
            return False
    return True


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return abs(float(one) - float(other)) <= _TOLERANCE + 1e-9
    except ValueError:
        return False


def _python(block: Block, names: dict[str, Any]) -> None:
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(block.text).readline)
        if token.type == tokenize.COMMENT
    }
    for node in ast.parse(block.text).body:
        where = f"{block.path}:{block.line + node.lineno}"
        try:
            if not isinstance(node, ast.Expr):
                exec(compile(ast.Module([node], []), where, "exec"), names)
                continue
            with contextlib.redirect_stdout(io.StringIO()):
                value = eval(compile(ast.Expression(node.value), where, "eval"), names)
        except Exception as error:
            raise DocError(f"{where}: {type(error).__name__}: {error}") from error
        try:
            expected = ast.literal_eval(comments.get(node.end_lineno or 0, ""))
        except (SyntaxError, ValueError):
            continue
        if value != expected:
            raise DocError(f"{where}: it is {value!r} and not {expected!r}")


def _command(block: Block, command: str) -> str:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    if words[0] not in {"mien", *_SHELL}:
        raise DocError(
            f"{block}: {words[0]!r} is not run here; put '<!-- not run: REASON -->' above the block"
        )
    if words[0] == "mien" and not set(words) & {"|", ">", ">>", "<", ";", "&&", "&"}:
        return _mien(block, command, words[1:])
    return _bash(f"{block}: '{command}'", command)


def _bash(where: str, script: str) -> str:
    """The output of a script, in which ``mien`` is the one under test."""
    whole = f'mien() {{ {shlex.quote(sys.executable)} -m mien "$@"; }}\n{script}'
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", whole],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode:
        raise DocError(f"{where} fails with {done.returncode}: {done.stderr}")
    return done.stdout


def _mien(block: Block, command: str, words: list[str]) -> str:
    from typer.testing import CliRunner

    from mien.cli import app

    done = CliRunner(env={"COLUMNS": "160"}).invoke(app, words)
    if done.exit_code:
        raise DocError(f"{block}: '{command}' fails: {done.exception!r}\n{done.output}")
    return done.stdout
