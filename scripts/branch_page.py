"""Put the files of examples/mien-tempo into docs/write-a-branch.md.

Each code block below a comment ``<!-- not run: PATH; ... -->`` is that file. With `--check` nothing
is written and the exit code tells whether the page is up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from generated import settled

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "write-a-branch.md"
BLOCK = re.compile(
    r"(<!-- not run: (examples/\S+?);[^\n]*-->\n```(\w+)\n)(.*?)(\n```\n)", re.DOTALL
)


def filled(text: str) -> str:
    """The page with the content of each file."""

    def put(found: re.Match[str]) -> str:
        return found[1] + (ROOT / found[2]).read_text(encoding="utf-8").rstrip() + found[5]

    return BLOCK.sub(put, text)


def main() -> int:
    """Write or check the page."""
    return settled(PAGE, filled(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
