"""From the cues of subtitles to what was said: without notes on sounds, names and repeats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from mien.scene import Dropped, Line
from mien.timebase import Segment

NOTE = "a note on a sound"
"""Why a cue that holds no words is left out: ``[door slams]``, a pair of notes."""

_NOTE = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|[♪♫]+")
_DASH = re.compile(r"^\s*(?:>>+|[-–—])\s*")  # noqa: RUF001
_NAME = re.compile(r"^[A-Z][A-Z0-9.'-]*(?: [A-Z0-9.'-]+){0,2}:\s+(?=.*[a-z])")
_WORD = re.compile(r"\w")

Cue = tuple[Segment, str]
"""When it stands, and its rows with line breaks between them."""


def spoken(cues: Iterable[Cue]) -> tuple[tuple[Line, ...], tuple[Dropped, ...]]:
    """The lines that were said in cues, in time order, and what was left out.

    Notes in brackets (``[laughs]``, ``(door slams)``), dashes and the name of the speaker in
    capitals are no words. Captions that roll, as those that a video platform writes by itself,
    show each row twice or more; it is said once.
    """
    ordered = sorted(cues, key=lambda cue: cue[0])
    shown = [[row.strip() for row in text.splitlines() if row.strip()] for _, text in ordered]
    lines: list[Line] = []
    count, notes = 0, 0.0
    for (segment, _), own in zip(ordered, _unrolled(shown), strict=True):
        said = _words(own)
        if said:
            lines.append(Line(segment, said))
        elif own:
            count, notes = count + 1, notes + segment.duration
    return tuple(lines), (Dropped(NOTE, count, round(notes, 3)),) if count else ()


def _words(rows: Sequence[str]) -> str:
    """The words of a cue on one line; nothing if it holds none."""
    text = _NOTE.sub(" ", "\n".join(rows))
    plain = (_NAME.sub("", _DASH.sub("", row)) for row in text.splitlines())
    said = " ".join(" ".join(plain).split())
    return said if _WORD.search(said) else ""


def _unrolled(shown: Sequence[list[str]]) -> Sequence[list[str]]:
    """The rows that are new in each cue, if the cues roll; else all of them."""
    full = [rows for rows in shown if rows]
    repeats = sum(before[-1] == rows[0] for before, rows in pairwise(full))
    if len(full) < 4 or repeats <= len(full) / 2:
        return shown
    out: list[list[str]] = []
    last = ""
    for rows in shown:
        out.append(rows[1:] if rows and rows[0] == last else rows)
        last = rows[-1] if rows else last
    return out
