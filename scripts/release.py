"""Put a version where it stands: `python scripts/release.py 0.2.0 --next 0.3.0`.

The version is that of `src/mien/__init__.py`, from which the build takes it; `CITATION.cff` has the
released one, and in `CHANGELOG.md` what is unreleased becomes the release. Nothing is committed.
"""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NUMBER = r"\d+\.\d+\.\d+"


def release(root: Path, version: str, following: str, date: str) -> None:
    """Write a version and its date into the three files.

    Args:
        root: of the repository.
        version: that is released, such as ``0.2.0``.
        following: that is worked at from now on.
        date: ISO 8601.

    Raises:
        SystemExit: if a version is none, or a file does not have what is to be replaced once.
    """
    for one in (version, following):
        if not re.fullmatch(NUMBER, one):
            raise SystemExit(f"{one!r} is no version; give numbers such as 0.2.0.")
    changes = {
        "src/mien/__init__.py": {r'^__version__ = ".*"$': f'__version__ = "{version}"'},
        "CITATION.cff": {
            r"^version: .*$": f"version: {version}",
            r"^date-released: .*$": f"date-released: {date}",
        },
        "CHANGELOG.md": {
            rf"^## \[Unreleased\] \({NUMBER}\)$": f"## [Unreleased] ({following})\n\n"
            f"## [{version}] - {date}",
        },
    }
    texts = {name: (root / name).read_text(encoding="utf-8") for name in changes}
    for name, rules in changes.items():
        for pattern, replacement in rules.items():
            texts[name], count = re.subn(
                pattern, lambda _, text=replacement: text, texts[name], flags=re.M
            )
            if count != 1:
                raise SystemExit(f"{name}: {pattern} is there {count} times, not once.")
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Edit this repository."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--next", required=True, help="the version that is worked at from now on")
    parser.add_argument("--date", default=datetime.now(UTC).date().isoformat())
    given = parser.parse_args()
    release(ROOT, given.version, given.next, given.date)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
