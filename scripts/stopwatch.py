"""Walk docs/start.md as a stranger: ``python scripts/stopwatch.py``.

The last commit is put into an empty folder, and every command and every piece of Python of the page
runs there in order, in one shell, the installation too. Printed are the seconds of each section.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "start.md"


def sections() -> list[tuple[str, str]]:
    """The headings of the page, each with the commands below it as a script."""
    found = []
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        lines = []
        for language, block in re.findall(r"^```(\w+)\n(.*?)^```", part, flags=re.M | re.S):
            if language == "console":
                lines += [line[2:] for line in block.splitlines() if line.startswith("$ ")]
            elif language == "python":
                lines.append(f"python - <<'END'\n{block}END")
        if lines:
            found.append((part.splitlines()[0], "\n".join(lines)))
    return found


def main() -> int:
    """Run the page and print the times."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", "HEAD"], capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        times = Path(folder) / "times"
        script = ["set -e", f"exec 3> {shlex.quote(str(times))}"]
        for title, commands in sections():
            stop = f"echo {shlex.quote(title)}: $(date +%s.%N) $start >&3"
            script += ["start=$(date +%s.%N)", commands, stop]
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)], cwd=folder, env=kept, check=False,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        total = 0.0
        for line in times.read_text(encoding="utf-8").splitlines():
            title, numbers = line.rsplit(": ", 1)
            end, start = map(float, numbers.split())
            total += end - start
            print(f"{end - start:6.1f} s  {title}")
        print(f"{total:6.1f} s  in all")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
