"""A hostile case: what is made in an empty folder, and which file of it is analysed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

Make = Callable[[Path], Path]
"""From an empty folder to the path that is analysed."""


@dataclass(frozen=True)
class Case:
    """One file that is analysed.

    Args:
        group: of the corpus.
        name: unlike any other of the group.
        make: makes the file, and what lies beside it.
        beside: names of files in its folder that may be opened as well (subtitles of it).
        during: called in a thread while the file is analysed.
        short: whether it belongs to the short form.
        control: what is done in the place of the analysis, see ``controls.py``.
    """

    group: str
    name: str
    make: Make
    beside: tuple[str, ...] = ()
    during: Callable[[Path], None] | None = None
    short: bool = True
    control: str = ""

    @property
    def id(self) -> str:
        """Group and name."""
        return f"{self.group}/{self.name}"


def content(name: str, data: bytes | Callable[[], bytes]) -> Make:
    """Makes one file of the given bytes."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data() if callable(data) else data)
        return path

    return make


def sampled(cases: Iterable[Case], every: int) -> Iterator[Case]:
    """The cases, of which every n-th belongs to the short form."""
    for number, case in enumerate(cases):
        short = number % every == 0
        yield Case(case.group, case.name, case.make, case.beside, case.during, short)
