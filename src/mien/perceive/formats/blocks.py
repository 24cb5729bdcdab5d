"""SRT, WebVTT and SBV: blocks of rows under a row of times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from mien.media.markup import without_markup
from mien.perceive.formats.cue import Cue, CueFile, seconds

_TIME = r"-?(?:\d{1,4}:){0,2}\d{1,7}(?:[.,:]\d{1,4})?"
ARROW = re.compile(rf"^\s*({_TIME})\s*(?:-{{1,2}}\s?>|\u2192|\u2014>)\s*({_TIME})(?:\s.*)?$")
"""A row of times; a time as in ``00:00:01,500``, the hours and the part of a second optional."""
LIKE_ARROW = re.compile(r"^[^>]{0,30}:[^>]{0,30}-->")
"""A row that was meant to give times and gives none that can be read."""
_SBV = re.compile(rf"^\s*({_TIME}),({_TIME})\s*$")
_FRAMES = re.compile(r"(.*:\d+):(\d{2})")
_NUMBER = re.compile(r"\s*\d+\s*$")
_COMMENT = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
BY_MIEN = re.compile(r"Written by mien\b")
"""What mien puts into the files that it writes: a NOTE in WebVTT, a first cue in SRT."""


def read_srt(text: str) -> CueFile:
    """SubRip, as people write it: blank rows inside a cue, none between two, no numbers."""
    rows = text.lstrip("\ufeff").split("\n")
    heads = [i for i, row in enumerate(rows) if ARROW.match(row) or LIKE_ARROW.match(row)]
    cues = []
    by_mien = False
    for n, (i, following) in enumerate(_spans(heads, len(rows))):
        own = rows[i + 1 : following]
        said = _without_head(own, n + 2 if following == len(rows) else None)
        cue = _cue(rows[i], said)
        if n == 0 and BY_MIEN.match(cue.text.strip("[] \n")):
            by_mien = True
        else:
            cues.append(cue)
    return CueFile("SRT", tuple(cues), by_mien=by_mien)


def _spans(heads: Sequence[int], end: int) -> Iterator[tuple[int, int]]:
    """Each row of times, and the row where the next cue's times stand."""
    return zip(heads, [*heads, end][1:], strict=True)


def _without_head(rows: list[str], last: int | None) -> list[str]:
    """The rows of a cue without the number, or the name, of the next one.

    Args:
        rows: up to the next row of times, or the end of the file.
        last: at the end of the file, the number that the next cue would have.
    """
    if last is not None:
        filled = next((i for i in range(len(rows), 0, -1) if rows[i - 1].strip()), 0)
        rows = rows[:filled]
        orphan = filled > 1 and not rows[-2].strip() and rows[-1].strip() == str(last)
        return rows[:-1] if orphan else rows
    if not rows or not rows[-1].strip():
        return rows
    row, before = rows[-1], rows[-2] if len(rows) > 1 else ""
    if _NUMBER.match(row) or (not before.strip() and len(row.split()) == 1):
        return rows[:-1]
    return rows


def _cue(times: str, rows: Sequence[str]) -> Cue:
    found = ARROW.match(times)
    start, end = (_stamp(t) for t in found.groups()) if found else (math.nan, math.nan)
    return Cue(start, end, without_markup("\n".join(rows)))


def _stamp(text: str) -> float:
    """Seconds; a third colon stands before frames (two digits, 25 a second) or milliseconds."""
    if text.count(":") == 3:
        framed = _FRAMES.fullmatch(text)
        if framed:
            return seconds(framed[1]) + int(framed[2]) / 25
        text = ".".join(text.rsplit(":", 1))
    elif text.count(":") == 2 and re.search(r":\d{3}$", text):
        text = ".".join(text.rsplit(":", 1))
    return seconds(text)


def read_vtt(text: str) -> CueFile:
    """WebVTT: identifiers, notes, styles, regions and what follows ``WEBVTT`` are no words."""
    cues: list[Cue] = []
    by_mien = False
    for n, rows in enumerate(_blocks(text.lstrip("\ufeff"))):
        block = _after_header(rows) if n == 0 and rows[0].startswith("WEBVTT") else rows
        if block and _COMMENT.match(block[0]):
            note = "\n".join(block)[len("NOTE") :].strip()
            by_mien = by_mien or (block[0].startswith("NOTE") and bool(BY_MIEN.match(note)))
            continue
        heads = [i for i, row in enumerate(block) if ARROW.match(row) or LIKE_ARROW.match(row)]
        if not heads and cues and not cues[-1].text:
            # A blank row between the times and the words, which the standard forbids.
            cues[-1] = _with_text(cues[-1], block)
        for i, following in _spans(heads, len(block)):
            said = block[i + 1 : following]
            if following < len(block) and said and _NUMBER.match(said[-1]):
                said = said[:-1]
            cues.append(_cue(block[i], said))
    return CueFile("WebVTT", tuple(cues), by_mien=by_mien)


def _with_text(cue: Cue, rows: Sequence[str]) -> Cue:
    return Cue(cue.start, cue.end, without_markup("\n".join(rows)))


def _after_header(block: list[str]) -> list[str]:
    """The first block without the header and its fields (``Kind: captions``)."""
    first = next((i for i, row in enumerate(block) if "-->" in row), len(block))
    return block[first:]


def _blocks(text: str) -> Iterator[list[str]]:
    """Rows that follow on one another; a row of spaces, which captions that roll have, is one."""
    block: list[str] = []
    for row in text.split("\n"):
        if row:
            block.append(row)
        elif block:
            yield block
            block = []
    if block:
        yield block


def read_sbv(text: str) -> CueFile:
    """SubViewer as YouTube has it: ``0:00:01.000,0:00:02.500`` above the words."""
    rows = text.lstrip("\ufeff").split("\n")
    heads = [i for i, row in enumerate(rows) if _SBV.match(row)]
    cues = []
    for i, following in _spans(heads, len(rows)):
        found = _SBV.match(rows[i])
        if found:
            said = "\n".join(rows[i + 1 : following]).replace("[br]", "\n")
            cues.append(Cue(seconds(found[1]), seconds(found[2]), without_markup(said)))
    return CueFile("SBV", tuple(cues))


def is_sbv(rows: Sequence[str]) -> bool:
    """Whether the first row that is not blank gives two times with a comma between."""
    first = next((row for row in rows if row.strip()), "")
    found = _SBV.match(first)
    return found is not None and ":" in found[1]
