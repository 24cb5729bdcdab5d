"""Write the bars that are missed into `docs/limits.md`: `python scripts/limits_page.py [--check]`.

They are the rows of `benchmarks/results/pipeline.md` that say so.
"""

from __future__ import annotations

import re
from pathlib import Path

from generated import between, settled

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "limits.md"
RESULTS = ROOT / "benchmarks" / "results" / "pipeline.md"
BEGIN, END = "<!-- missed: written by scripts/limits_page.py -->", "<!-- end of missed -->"


def missed() -> str:
    """The table of missed bars, and on what it was measured."""
    text = RESULTS.read_text(encoding="utf-8")
    about = {name: re.search(rf"^\* {name}: (.+)$", text, re.M) for name in ("commit", "machine")}
    rows = [line for line in text.splitlines() if line.endswith("| **not met** |")]
    table = [row.replace(" | **not met** |", " |") for row in rows]
    where = ", ".join(f"{name} {found[1]}" for name, found in about.items() if found)
    return "\n".join(
        ["", f"{where}:", "", "| bar | measured | wanted |", "|---|---|---|", *table, ""]
    )


def main() -> int:
    """Write or check the page."""
    return settled(PAGE, between(PAGE.read_text(encoding="utf-8"), BEGIN, END, missed()))


if __name__ == "__main__":
    raise SystemExit(main())
