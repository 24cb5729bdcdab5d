"""Pages that a script writes: put a block in its place, write the page, or check it."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def between(text: str, begin: str, end: str, block: str) -> str:
    """A text with what stands between two marks replaced.

    Raises:
        SystemExit: if the marks are not there.
    """
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", flags=re.S)
    if not found.search(text):
        raise SystemExit(f"There is no place for the block; add {begin} and {end}.")
    return found.sub(lambda _: f"{begin}{block}{end}", text)


def settled(page: Path, fresh: str) -> int:
    """Write a page; with ``--check`` only say, as exit code 1, that it is not what it should be."""
    there = page.read_text(encoding="utf-8") if page.is_file() else None
    if "--check" not in sys.argv:
        page.write_text(fresh, encoding="utf-8")
        return 0
    if fresh != there:
        print(f"{page} is not up to date; run python {sys.argv[0]}.", file=sys.stderr)
    return int(fresh != there)
