"""Cues against the recording that they belong to: which fit, and by how much the others are off."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace

from mien.perceive.formats import Cue, CueFile
from mien.timebase import Segment, format_time
from mien.words import Dropped, Line, Transcript, Word

REVERSED = "a cue that ends before it starts"
UNREADABLE = "a cue whose times cannot be read"
NEGATIVE = "a cue before the start of the recording"
BEYOND = "a cue beyond the end of the recording"

HOUR = 3600.0
LONGEST = 1e8
"""Seconds that a recording lasts at most; a cue from there on has no time that can be read."""
DENSEST, SPARE, MOST_WRITTEN = 200, 20_000, 20_000_000
"""Characters of cues: for each second of a recording, for any recording, and in all."""
SLACK = 2.0
"""Seconds that the last cue may stand beyond the end of a recording and still fit."""


@dataclass(frozen=True)
class Checked:
    """The cues that fit a recording, and what is to be said of the others.

    Args:
        cues: with times within the recording.
        dropped: the others, by reason.
        warnings: in words.
    """

    cues: tuple[Cue, ...]
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()


def check_cues(found: CueFile, name: str, duration: float, offset: float) -> Checked:
    """The cues of a file that fit a recording.

    Args:
        found: the file.
        name: of the file, for warnings.
        duration: seconds of the recording, 0 if not known.
        offset: seconds to add to all times.
    """
    moved = [_moved(cue, offset) for cue in found.cues]
    if not moved:
        return Checked((), (), (f"{name} is left out: it has 0 cues with a time ({found.kind}).",))
    why = [_misfit(cue, duration) for cue in moved]
    kept = tuple(_cut(cue) for cue, reason in zip(moved, why, strict=True) if reason is None)
    count = Counter(reason for reason in why if reason is not None)
    dropped = tuple(Dropped(r, n, _seconds(moved, why, r)) for r, n in count.items())
    warnings: list[str] = []
    if count:
        listed = "; ".join(f"{n} x {reason}" for reason, n in count.items())
        of = f"{sum(count.values())} of {len(moved)} cues left out"
        of = of if kept else f"left out, since none of its {len(moved)} cues fits"
        outside = count[NEGATIVE] + count[BEYOND]
        advice = _advice(moved, duration, offset, outside) if outside else ""
        warnings.append(f"{name}: {of} ({listed}).{advice}")
    written = sum(len(cue.text) for cue in kept)
    if written > most_characters(duration):
        told = f"its {len(kept)} cues hold {written} characters, more than can be said"
        lasts = f" in the {format_time(duration)} of the recording" if duration > 0 else ""
        return Checked((), dropped, (*warnings, f"{name} is left out: {told}{lasts}."))
    return Checked(kept, dropped, tuple(warnings))


def most_characters(duration: float) -> int:
    """Characters of subtitles that a recording can hold, at most.

    Fast speech has 25 letters a second; captions that roll show each row three times. So the time
    that is spent on words is linear in the length of the recording, whatever lies beside it.

    Args:
        duration: seconds of the recording, 0 if not known.
    """
    return MOST_WRITTEN if duration <= 0 else min(MOST_WRITTEN, round(SPARE + DENSEST * duration))


def _moved(cue: Cue, offset: float) -> Cue:
    if offset == 0:
        return cue
    words = tuple(
        replace(one, segment=Segment(*(round(t + offset, 6) for t in astuple(one.segment))))
        for one in cue.words
    )
    start, end = (round(t + offset, 6) for t in (cue.start, cue.end))
    return replace(cue, start=start, end=end, words=words)


def _misfit(cue: Cue, duration: float) -> str | None:
    """Why a cue cannot be used; None if it can."""
    if not (abs(cue.start) < LONGEST and abs(cue.end) < LONGEST):
        return UNREADABLE
    if cue.end < cue.start:
        return REVERSED
    if cue.end <= 0 and cue.start < 0:
        return NEGATIVE
    return BEYOND if duration > 0 and cue.start >= duration else None


def _cut(cue: Cue) -> Cue:
    """From the start of the recording on."""
    if cue.start >= 0:
        return cue
    words: tuple[Word, ...] = tuple(word for word in cue.words if word.segment.start >= 0)
    return replace(cue, start=0.0, words=words)


def _seconds(cues: Sequence[Cue], why: Sequence[str | None], reason: str) -> float:
    lengths = (
        abs(cue.end - cue.start) for cue, own in zip(cues, why, strict=True) if own == reason
    )
    return round(sum(length for length in lengths if math.isfinite(length)), 3)


def _advice(cues: Sequence[Cue], duration: float, offset: float, outside: int) -> str:
    """Where the cues stand, and the offset with which they would fit, if there is one."""
    whole = [cue for cue in cues if _misfit(cue, 0.0) in {None, NEGATIVE}]
    first, last = min(cue.start for cue in whole), max(cue.end for cue in whole)
    stand = (
        f" They stand from {_time(first)} to {_time(last)}, and the recording lasts "
        f"{format_time(duration)}."
    )
    if outside * 2 < len(cues):
        return stand
    for shift in _shifts(first, last, duration):
        total = round(offset + shift, 3)
        return f"{stand} They would fit with --words-offset {total:g}."
    return f"{stand} No offset makes them fit: they last longer than the recording."


def _shifts(first: float, last: float, duration: float) -> Iterator[float]:
    """Offsets with which cues would fit: whole hours, as television has them, then to the start."""
    hours = -math.floor(first / HOUR) * HOUR
    if hours and last + hours <= duration + SLACK:
        yield hours
    if last - first <= duration + SLACK:
        yield -first


def _time(seconds: float) -> str:
    return f"-{format_time(-seconds)}" if seconds < 0 else format_time(seconds)


def fitted(transcript: Transcript, duration: float) -> tuple[Transcript | None, str]:
    """A transcript without the lines that stand beyond the end that a recording turned out to have.

    Args:
        transcript: the words.
        duration: seconds that were decoded, 0 if not known.

    Returns:
        the rest, None if nothing is left, and then why.
    """
    if duration <= 0:
        return transcript, ""
    beyond = [line for line in transcript.lines if _is_beyond(line, duration)]
    if not beyond:
        return transcript, ""
    if len(beyond) == len(transcript.lines):
        count = len(beyond)
        return None, f"The words are left out: all {count} lines begin beyond the end."
    kept = tuple(line for line in transcript.lines if not _is_beyond(line, duration))
    more = Dropped(BEYOND, len(beyond), round(sum(line.segment.duration for line in beyond), 3))
    return replace(transcript, lines=kept, dropped=(*transcript.dropped, more)), ""


def _is_beyond(line: Line, duration: float) -> bool:
    return line.segment.start >= duration
