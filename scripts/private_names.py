"""Tests use what is public: name every private name of another module that tests/ reaches for.

    python scripts/private_names.py [FOLDER]

A name with one leading underscore is private. Reported are imports of such names, attributes of
anything but ``self`` and ``cls``, and such names as strings given to ``getattr``, ``setattr``,
``monkeypatch`` or ``mock.patch``. Names that end in an underscore are protocols of other tools
(``_repr_html_``). Exit code 1 if anything was found.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PRIVATE = re.compile(r"^_(?!_)\w*(?<!_)$")
_BY_STRING = {"getattr", "setattr", "delattr", "hasattr", "patch", "object", "attrgetter"}
_PUBLIC = {"_replace", "_asdict", "_fields"}  # of named tuples


def private_names(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every private name that some source reaches for."""
    for node in ast.walk(ast.parse(source)):
        for name in _reached(node):
            if _PRIVATE.match(name) and name not in _PUBLIC:
                yield node.lineno, name  # type: ignore[attr-defined]


def _reached(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [*(node.module or "").split("."), *(alias.name for alias in node.names)]
    if isinstance(node, ast.Import):
        return [part for alias in node.names for part in alias.name.split(".")]
    if isinstance(node, ast.Attribute):
        own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        return [] if own else [node.attr]
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else None
        called = node.func.id if isinstance(node.func, ast.Name) else called
        if called in _BY_STRING:
            strings = [a.value for a in node.args if isinstance(a, ast.Constant)]
            return [part for s in strings if isinstance(s, str) for part in s.split(".")]
    return []


def main() -> int:
    """Print ``file:line name`` of all that was found."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests"
    found = 0
    for path in sorted(folder.rglob("*.py")):
        for line, name in private_names(path.read_text(encoding="utf-8")):
            print(f"{path}:{line} reaches for the private name {name}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
