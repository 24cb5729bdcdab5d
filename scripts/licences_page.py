"""Write docs/licences.md from what is installed: `python scripts/licences_page.py`.

With `--check` nothing is written and the exit code tells whether the page is up to date. Every
extra but those of developers must be installed, in the versions of constraints.txt.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from generated import between, settled
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "plugins" / "mien-body" / "pyproject.toml"
PAGE = ROOT / "docs" / "licences.md"
BEGIN = "<!-- licences: written by scripts/licences_page.py -->"
END = "<!-- end of licences -->"
CORE = "core"
OWN = "mien"
OF_DEVELOPERS = ("dev", "fuzz")
"""Extras that build and test mien and are no part of an installation."""

# Of packages whose metadata names no licence: what their LICENSE file says.
STATED = {"pyannote-core": "MIT", "pympi-ling": "MIT"}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_STRONG = re.compile(r"(?<![A-Z])A?GPL|GNU General|Affero", re.I)
_WEAK = re.compile(r"LGPL|MPL|Lesser|Mozilla|EPL|EUPL|CDDL", re.I)
_LONGEST = 60

# Libraries that wheels carry, by the start of their names, where they are copyleft.
_FFMPEG = "LGPL (FFmpeg)"
CARRIED = {
    "libx264": "GPL-2.0-or-later",
    "libx265": "GPL-2.0-or-later",
    "libavcodec": _FFMPEG,
    "libavdevice": _FFMPEG,
    "libavfilter": _FFMPEG,
    "libavformat": _FFMPEG,
    "libavutil": _FFMPEG,
    "libswresample": _FFMPEG,
    "libswscale": _FFMPEG,
    "libasound": "LGPL-2.1-or-later",
    "libgfortran": "GPL-3.0-or-later with GCC exception",
    "libgmp": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libgnutls": "LGPL-2.1-or-later",
    "libgomp": "GPL-3.0-or-later with GCC exception",
    "libhogweed": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libmp3lame": "LGPL-2.0-or-later",
    "libnettle": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libquadmath": "LGPL-2.1-or-later",
    "libsndfile": "LGPL-2.1-or-later",
    "libunistring": "LGPL-3.0-or-later or GPL-2.0-or-later",
}


@dataclass
class Part:
    """An installed package.

    Args:
        dist: its metadata.
        needs: names of the packages that it requires here.
    """

    dist: Distribution
    needs: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """As it is spelt on the index."""
        return str(self.dist.metadata["Name"])

    @property
    def licence(self) -> str:
        """As its metadata states it; ``not stated`` if it does not."""
        return licence_of(self.dist)


def requirements() -> dict[str, list[str]]:
    """The requirements of the core and of each extra of users, as pyproject.toml states them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    plugin = tomllib.loads(PLUGIN.read_text(encoding="utf-8"))["project"]
    # The plug-in has this licence too; what counts is what it brings.
    extras |= {name: plugin["dependencies"] for name in extras if extras[name] == [plugin["name"]]}
    users = {name: needs for name, needs in extras.items() if name not in OF_DEVELOPERS}
    return {CORE: project["dependencies"], **users}


def closure(extra: str, known: dict[str, list[str]] | None = None) -> dict[str, Part]:
    """All packages that an extra (or the core) brings, by canonical name.

    Raises:
        SystemExit: if one is not installed.
    """
    stated = requirements() if known is None else known
    found: dict[str, Part] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(one), "") for one in stated[extra]]
    while waiting:
        requirement, parent = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(requirement.name)
        if name == OWN:
            waiting += [(Requirement(r), "") for e in requirement.extras for r in stated[e]]
            continue
        part = found.setdefault(name, Part(_installed(name, extra)))
        if parent:
            found[parent].needs.add(name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(one, name) for one in _needs(part.dist, wanted)]
    return dict(sorted(found.items()))


def direct_needs(extra: str) -> Iterator[str]:
    """The packages that pyproject.toml names for an extra, and for those that it includes."""
    for one in map(Requirement, requirements()[extra]):
        if canonicalize_name(one.name) == OWN:
            for inner in one.extras:
                yield from direct_needs(inner)
        else:
            yield canonicalize_name(one.name)


def _installed(name: str, extra: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise SystemExit(
            f"{name} of the extra {extra!r} is not installed; install every extra first "
            "(pip install -c constraints.txt '.[all extras]')."
        ) from None


def _needs(dist: Distribution, extra: str) -> Iterator[Requirement]:
    """What a package requires here for one of its extras; for ``""`` without any."""
    for line in dist.requires or ():
        one = Requirement(line)
        if one.marker is None:
            if not extra:
                yield one
        elif one.marker.evaluate({"extra": extra}) and (
            not extra or not one.marker.evaluate({"extra": ""})
        ):
            one.marker = None
            yield one


def licence_of(dist: Distribution) -> str:
    """The licence that metadata states: an SPDX expression, else classifiers, else a short text."""
    metadata = dist.metadata
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [
        one.rpartition(" :: ")[2]
        for one in metadata.get_all("Classifier") or ()
        if one.startswith("License :: ") and not one.endswith("OSI Approved")
    ]
    known = [_CLASSIFIERS.get(one, one) for one in classifiers]
    text = next((row.strip() for row in str(metadata.get("License") or "").splitlines()), "")
    short = text if 0 < len(text) <= _LONGEST and text.upper() != "UNKNOWN" else ""
    name = canonicalize_name(str(metadata["Name"]))
    return " / ".join(dict.fromkeys(known)) or short or STATED.get(name, "not stated")


def copyleft(licence: str) -> str:
    """``strong``, ``weak`` or ``""``; a choice (``OR``) counts as its freest part.

    Examples:
        >>> copyleft("MIT OR GPL-3.0-only"), copyleft("LGPL-3.0-or-later"), copyleft("GPL-2.0")
        ('', 'weak', 'strong')
    """
    found = [_degree(part) for part in re.split(r"\bOR\b", licence)]
    return min(found, key=("", "weak", "strong").index)


def _degree(licence: str) -> str:
    if _STRONG.search(re.sub(r"LGPL|GNU Lesser General", "", licence)):
        return "strong"
    return "weak" if _WEAK.search(licence) else ""


def carried(part: Part) -> dict[str, str]:
    """The copyleft libraries that a wheel carries, and the licence of each."""
    names = {Path(str(file)).name for file in part.dist.files or ()}
    return {
        start: licence
        for start, licence in CARRIED.items()
        if any(name.startswith(start) and ".so" in name for name in names)
    }


def _rows(parts: Iterable[Part]) -> list[str]:
    lines = ["| package | licence | copyleft | carries |", "|---|---|---|---|"]
    for part in parts:
        inside = carried(part)
        libraries = ", ".join(f"`{name}`" for name in inside)
        lines.append(f"| {part.name} | {part.licence} | {copyleft(part.licence)} | {libraries} |")
    return lines


def text() -> str:
    """The generated part of the page."""
    core = closure(CORE)
    lines = ["", f"## Core ({len(core)} packages)", "", *_rows(core.values())]
    shown = dict(core)
    for extra in requirements():
        if extra == CORE:
            continue
        own = {name: part for name, part in closure(extra).items() if name not in core}
        lines += ["", f"## Extra `{extra}` ({len(own)} packages beside the core)", ""]
        lines += _rows(own.values()) if own else ["Nothing beside the core."]
        shown |= own
    libraries: dict[tuple[str, str], set[str]] = {}
    for part in shown.values():
        for one in carried(part).items():
            libraries.setdefault(one, set()).add(part.name)
    lines += ["", "## Copyleft libraries carried in wheels", ""]
    lines += ["| library | licence | in the wheel of |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {licence} | {', '.join(sorted(packages))} |"
        for (name, licence), packages in sorted(libraries.items())
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or check the page."""
    return settled(PAGE, between(PAGE.read_text(encoding="utf-8"), BEGIN, END, text()))


if __name__ == "__main__":
    raise SystemExit(main())
