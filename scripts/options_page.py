"""Write the table of docs/options.md from the declarations: `python scripts/options_page.py`.

With `--check` nothing is written and the exit code tells whether the page is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from generated import between, settled

from mien.options import described

PAGE = Path(__file__).resolve().parents[1] / "docs" / "options.md"
BEGIN = "<!-- options: written by scripts/options_page.py -->"
END = "<!-- end of options -->"


def table() -> str:
    """One row an option, group by group; those of no group last."""
    rows = sorted(described().values(), key=lambda one: not one.group)
    lines = ["| Python | command line | default | meaning |", "|---|---|---|---|"]
    for one in rows:
        flag = f"`{one.flag}`" if one.flag else ""
        meaning = one.meaning.replace("|", "\\|")
        lines.append(f"| `{one.path}` | {flag} | `{one.default!r}` | {meaning} |")
    return "\n" + "\n".join(lines) + "\n"


def main() -> int:
    """Write or check the page."""
    return settled(PAGE, between(PAGE.read_text(encoding="utf-8"), BEGIN, END, table()))


if __name__ == "__main__":
    sys.exit(main())
