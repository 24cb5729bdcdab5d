"""Write the output of ``mien analyze`` for the demo clip into the README.

Run ``python scripts/demo_output.py`` again after a change of a pack, the clip or the table. The
last digit of a probability may differ between processors, so no test compares it.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from mien.cli import app
from mien.demo import make_clip

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- demo: written by scripts/demo_output.py -->"
END = "<!-- end of demo -->"
COMMAND = ("mien", "analyze", "demo/demo.mp4")


def shown() -> str:
    """The command and its output, as a code block."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        clip = Path(COMMAND[-1])
        clip.parent.mkdir()
        make_clip(clip)
        done = CliRunner().invoke(app, COMMAND[1:], env={"COLUMNS": "120", "TERM": "dumb"})
    if done.exit_code:
        raise SystemExit(done.output)
    lines = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
    return f"```console\n$ {' '.join(COMMAND)}\n{lines}\n```"


def main() -> int:
    """Write the block."""
    text = README.read_text(encoding="utf-8")
    block = f"{BEGIN}\n{shown()}\n{END}"
    found = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", flags=re.S)
    if not found.search(text):
        raise SystemExit(f"{README} has no place for the output; add {BEGIN} and {END}.")
    README.write_text(found.sub(lambda _: block, text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
