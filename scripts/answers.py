"""Compare the results on all clips before and after a change of the code, to the last digit.

``python scripts/answers.py write FOLDER CLIP ...`` analyses every clip in each segmentation and
stores the JSON; ``python scripts/answers.py compare BEFORE AFTER`` reads both folders with the
installed code and lists the differences. The provenance is not compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien.analysis.analysis import Analysis

WAYS = {
    "clip": [],
    "utterance": ["--by", "utterance"],
    "window": ["--by", "window", "--window", "3", "--step", "1"],
    "page": ["--report", "page.html", "--report-media", "none"],
}


def write(folder: Path, clips: list[Path]) -> None:
    """Analyse every clip in every segmentation."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in clips:
        for way, flags in WAYS.items():
            target = folder / f"{clip.name}.{way}.json"
            command = [sys.executable, "-m", "mien", "analyze", str(clip), *flags]
            command = [str(folder / "page.html") if c == "page.html" else c for c in command]
            command += ["--json", str(target)]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            print(f"{done.returncode} {target.name} {done.stderr.strip()[-200:]}", flush=True)


def differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """The differences of two plain values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(set(before) | set(after)):
            if key not in before or key not in after:
                yield f"{at}.{key} is {'new' if key in after else 'gone'}"
            else:
                yield from differences(before[key], after[key], f"{at}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{at}[{i}]")
    elif before != after:
        yield f"{at}: {str(before)[:80]} -> {str(after)[:80]}"


def compare(before: Path, after: Path) -> int:
    """Print every difference; the exit status is 1 if there is one."""
    names = sorted(p.name for p in before.glob("*.json"))
    missing = set(names) ^ {p.name for p in after.glob("*.json")}
    found = [f"{name} is in one folder only" for name in sorted(missing)]
    for name in names:
        if name in missing:
            continue
        values = [
            Analysis.from_dict(json.loads((folder / name).read_text(encoding="utf-8"))).to_dict()
            for folder in (before, after)
        ]
        for value in values:
            del value["provenance"]
        found += [f"{name}{line}" for line in differences(*values)]
    print("\n".join(found) or f"{len(names)} analyses are equal to the last digit.")
    return 1 if found else 0


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "write":
        write(Path(rest[0]), [Path(p) for p in rest[1:]])
    else:
        sys.exit(compare(Path(rest[0]), Path(rest[1])))
