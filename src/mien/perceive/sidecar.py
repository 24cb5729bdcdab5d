"""The subtitle files beside a recording: which are its own, in which order they are tried."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.facts import shown
from mien.language import NAMES
from mien.perceive.formats import SUBTITLES

ENGLISH = frozenset({"en", "eng", "english"})
AS_SPOKEN = frozenset({"sdh", "cc", "hi", "orig", "original", "default", "auto", "asr"})
"""Tags of subtitles that hold what is said (``hi``: for the hard of hearing)."""
OWN = "mien"
"""A tag of files that mien wrote, by their name."""
MOST_NAMED = 3
"""Files that a warning names, at most."""

_THREE_LETTERS = """
    ara ben bul cat ces chi cze dan deu dut ell est fas fin fra fre ger gre heb hin hrv hun ind
    ita jpn kor lav lit may msa nld nob nor per pol por ron rum rus slk slo slv spa srp swa swe
    tam tel tgl tha tur ukr urd vie zho
"""
_CODES = frozenset(NAMES) | frozenset(_THREE_LETTERS.split())
_LANGUAGES = _CODES | {name.lower() for name in NAMES.values()} - {"english"}
_REGION = re.compile(r"[A-Za-z]{2}|[A-Za-z]{4}|\d{3}")


@dataclass(frozen=True)
class Beside:
    """The subtitle files beside a recording.

    Args:
        own: those to try, the best first.
        others: those that bear its name and something that mien does not take for English
            subtitles of it: another language, a version.
    """

    own: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()


def subtitles_beside(path: Path, names: Iterable[str] | None = None) -> Beside:
    """The subtitle files that bear the name of a recording, in any case of letters.

    ``talk.mp4`` has ``talk.srt`` or ``talk.mp4.srt``; either may name English before its suffix
    (``talk.en.srt``, ``talk.en-US.srt``, ``talk.eng.sdh.srt``). Of several, the one without a tag
    comes first, then English, then English with a further tag; of equals the suffix decides, in
    the order of ``SUBTITLES``, then the shorter name.

    Args:
        path: of the recording.
        names: of the files beside it, those that begin as its own does at least; by default the
            folder is listed.
    """
    own: list[tuple[tuple[int, int, int, str], Path]] = []
    others: list[Path] = []
    entries = list(_entries(path.parent) if names is None else names)
    media = [name for name in entries if name != path.name and not _is_subtitle(name)]
    exact = {Path(name).stem for name in media} - {path.stem}
    stems = {folded(name) for one in media for name in (one, Path(one).stem)}
    for name in entries:
        tags = _tags(name, path.name)
        of_another = Path(name).stem in exact
        if tags is None or OWN in tags or of_another or not path.with_name(name).is_file():
            continue
        rank = _rank(tags)
        if rank is not None:
            kind = SUBTITLES.index(Path(name).suffix.lower())
            own.append(((rank, kind, len(name), name), path.with_name(name)))
        elif folded(Path(name).stem) not in stems - {folded(path.stem)}:
            others.append(path.with_name(name))
    own.sort(key=lambda pair: pair[0])
    return Beside(tuple(found for _, found in own), tuple(sorted(others)))


def _entries(folder: Path) -> Iterator[str]:
    """The names in a folder; none if it may not be listed."""
    try:
        with os.scandir(folder) as found:
            for entry in found:
                yield entry.name
    except (OSError, ValueError):  # ValueError: a path with NUL
        return


def folded(name: str) -> str:
    """A name for comparison: without case, and the same however its accents are written."""
    return unicodedata.normalize("NFC", name).casefold()


def _is_subtitle(name: str) -> bool:
    return Path(name).suffix.lower() in SUBTITLES


def _tags(name: str, recording: str) -> tuple[str, ...] | None:
    """What stands between the name of a recording and the suffix of its subtitles, in parts.

    None if the file is no subtitle file of that name.
    """
    if not _is_subtitle(name) or name == recording:
        return None
    stem = folded(name.removesuffix(Path(name).suffix))
    for own in (folded(recording), folded(Path(recording).stem)):
        if stem == own:
            return ()
        if stem.startswith(own) and stem[len(own)] in "._- ":
            rest = stem[len(own) :]
            # A dash or a blank may as well begin another title.
            parted = rest[1:].split(".") if rest[0] == "." else [rest[1:]]
            if rest[0] == "." or _is_language(parted[0]):
                return tuple(part for part in parted if part)
    return None


def _is_language(tag: str) -> bool:
    main, *region = re.split(r"[-_]", tag)
    known = main in ENGLISH or main in _LANGUAGES
    return known and len(region) <= 1 and all(map(_REGION.fullmatch, region))


def _rank(tags: tuple[str, ...]) -> int | None:
    """How early such a file is tried; None if it is not taken for what is said in English."""
    languages = [tag for tag in tags if _is_language(tag) and tag not in AS_SPOKEN]
    others = [tag for tag in tags if tag not in languages and tag not in AS_SPOKEN]
    if others or any(re.split(r"[-_]", tag)[0] not in ENGLISH for tag in languages):
        return None
    return (1 if languages else 0) + (2 if len(tags) > len(languages) else 0)


def named_in_warning(recording: Path, others: tuple[Path, ...]) -> str | None:
    """The warning that names files beside a recording that were not read."""
    if not others:
        return None
    listed = ", ".join(shown(found.name) for found in others[:MOST_NAMED])
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    return (
        f"Beside {shown(recording.name)} there is {listed}{more}, by its name not English or of "
        "another version: not read. Give it with --words if it holds what is said."
    )
