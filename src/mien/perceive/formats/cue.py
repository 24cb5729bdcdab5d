"""What every reader of a transcript file gives: cues as the file states them, right or wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mien.facts import shown
from mien.media.markup import clean
from mien.timebase import Segment
from mien.words import Word

PAUSE = 0.8
"""Seconds of silence between two words that end a line."""
MOST_WORDS = 30
"""Words of a line that is put together from single words."""
LONGEST_REASON = 100
"""Characters that are quoted of what a library says of a damaged file."""
LAST_CUE = 4.0
"""Seconds that a cue lasts, at most, in formats that give no end."""

MOST_DIGITS = 12
"""Digits of a number in a transcript; one with more is no time, rate or length that can be meant,
and Python refuses to read some thousands of digits or to make a float of some hundreds."""

_CLOCK = re.compile(r"(?P<sign>-?)(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,7})(?:[.,](\d{1,9}))?")
_ENDS = re.compile(r"""[.!?\u2026]["'\u201d\u2019)]*$""")


class UnreadableError(Exception):
    """Why a file is no transcript: its kind, in words that follow "is"; for readers alone.

    ``read_cues`` makes an ``InputError`` of it, which names the file and the remedy.
    """


def reason(error: Exception) -> str:
    """What a library says of damage, short: it may quote megabytes of the file."""
    said = shown(error)
    return said if len(said) <= LONGEST_REASON else f"{said[:LONGEST_REASON]}..."


@dataclass(frozen=True)
class Cue:
    """Words and when they stand, unchecked: the end may lie before the start.

    Args:
        start, end: seconds; NaN where the file gives a time that is none.
        text: rows with line breaks between them.
        speaker: who says it, where the format has a place for that.
        words: one by one, where their times are known.
        confidence: 0 to 1.
        avg_logprob, no_speech_prob: Whisper's own, where the file has them.
    """

    start: float
    end: float
    text: str
    speaker: str | None = None
    words: tuple[Word, ...] = ()
    confidence: float = 1.0
    avg_logprob: float | None = None
    no_speech_prob: float | None = None


@dataclass(frozen=True)
class CueFile:
    """The cues of a file in its own order.

    Args:
        kind: name of the format.
        cues: as the file has them.
        language: ISO 639-1 code, where the file says it.
        timed: whether the file has times; without them all text is one cue.
        by_mien: whether the file says that mien wrote it.
    """

    kind: str
    cues: tuple[Cue, ...]
    language: str | None = None
    timed: bool = True
    by_mien: bool = False


def seconds(text: str) -> float:
    """Seconds of ``h:mm:ss.mmm``, ``mm:ss,mmm`` or ``ss.mmm``; NaN for anything else.

    Examples:
        >>> seconds("01:00:02,5"), seconds("-0:01.25"), seconds("7")
        (3602.5, -1.25, 7.0)
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return math.nan
    sign, hours, minutes, whole, part = found.groups()
    value = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(whole)
    return (-1 if sign else 1) * (value + float(f"0.{part or 0}"))


def until_next(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """Cues without an end: each lasts until the next one starts, at most ``LAST_CUE`` seconds."""
    out = []
    for i, cue in enumerate(cues):
        following = cues[i + 1].start if i + 1 < len(cues) else math.inf
        end = min(cue.start + LAST_CUE, following if following > cue.start else math.inf)
        out.append(replace(cue, end=end))
    return tuple(out)


@dataclass(frozen=True)
class Spoken:
    """One word as a recogniser's file gives it; NaN for a time that it does not give."""

    text: str
    start: float
    end: float
    confidence: float = 1.0
    speaker: str | None = None


def timed_words(spoken: Sequence[Spoken], start: float, end: float) -> tuple[Word, ...]:
    """Words with a time each: one without (WhisperX gives none to numbers) lies between others.

    Args:
        spoken: in time order.
        start: of the line, seconds, for a word at its start.
        end: of the line, for a word at its end.
    """
    starts = [one.start for one in spoken]
    out: list[Word] = []
    reached = start
    following = _next_known(starts, end)
    for one, after in zip(spoken, following, strict=True):
        begin = one.start if math.isfinite(one.start) else reached
        stop = one.end if math.isfinite(one.end) else max(begin, after)
        stop = max(begin, stop)
        text = clean(one.text).strip()
        if math.isfinite(begin) and math.isfinite(stop) and text:
            out.append(Word(text, Segment(begin, stop), _share(one.confidence)))
        reached = stop
    return tuple(out)


def _next_known(starts: Sequence[float], end: float) -> list[float]:
    """For each word, the next start that is known."""
    out: list[float] = []
    known = end
    for start in reversed(starts):
        out.append(known)
        known = start if math.isfinite(start) else known
    return out[::-1]


def _share(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 1.0


def mean_confidence(words: Iterable[Word], otherwise: float = 1.0) -> float:
    """Mean over words by their length, as for words that mien hears."""
    pairs = [(len(word.text), word.confidence) for word in words]
    total = sum(length for length, _ in pairs)
    return sum(n * c for n, c in pairs) / total if total else otherwise


def lines_of(spoken: Sequence[Spoken]) -> tuple[Cue, ...]:
    """Single words as lines: cut at pauses, ends of sentences and changes of speaker."""
    groups: list[list[Spoken]] = []
    for one in spoken:
        last = groups[-1] if groups else None
        if last is None or _breaks(last, one):
            groups.append([one])
        else:
            last.append(one)
    return tuple(_line(group) for group in groups)


def _breaks(line: list[Spoken], word: Spoken) -> bool:
    last = line[-1]
    return (
        last.speaker != word.speaker
        or len(line) >= MOST_WORDS
        or word.start - last.end > PAUSE
        or _ENDS.search(last.text[-8:]) is not None
    )


def _line(group: list[Spoken]) -> Cue:
    start = next((one.start for one in group if math.isfinite(one.start)), math.nan)
    end = next((one.end for one in reversed(group) if math.isfinite(one.end)), start)
    words = timed_words(group, start, end)
    text = " ".join(one.text.strip() for one in group)
    return Cue(start, end, text, group[0].speaker, words, mean_confidence(words))
