"""Formats of one row a cue: tables, labels, song texts, and what exports and recognisers write."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import median

from mien.media.markup import without_markup
from mien.perceive.formats.cue import (
    LAST_CUE,
    MOST_DIGITS,
    Cue,
    CueFile,
    Spoken,
    UnreadableError,
    lines_of,
    seconds,
    until_next,
)

_T = r"\d{1,4}:\d{1,2}(?::\d{2})?(?:[.,]\d{1,3}|[:;]\d{2})?"
_LRC = re.compile(r"((?:\[\d{1,4}:\d{2}(?:\.\d{1,3})?\])+)(.*)")
_LRC_STAMP = re.compile(r"\[(\d{1,4}:\d{2})(?:\.(\d{1,3}))?\]")
_LRC_COLON = re.compile(r"\[(\d{1,4}:\d{2}):(\d{2})\]")
_LRC_HEAD = re.compile(r"\[[A-Za-z#]{1,10}:[^\]]*\]\s*$")
_CONSOLE = re.compile(rf"\[({_T})\s*-{{1,2}}>\s*({_T})\]\s*(.*)")
_AUDACITY = re.compile(r"(-?\d+(?:[.,]\d+)?)\t(-?\d+(?:[.,]\d+)?)(?:\t(.*))?$")
_CTM = re.compile(r"\S+ \S+ (\d+(?:\.\d+)?) (\d+(?:\.\d+)?) (\S+)(?: (\d?\.?\d+|NA))?(?: .*)?$")
_STM = re.compile(r"\S+ \S+ (\S+) (\d+(?:\.\d+)?) (\d+(?:\.\d+)?) (?:<[^<>]*> )?(.*)$")
_RTTM = re.compile(r"SPEAKER \S+ \S+ \d+(?:\.\d+)? \d+(?:\.\d+)? ")
_HEAD = re.compile(
    rf"(?P<before>[^\d\[(:]?[^\[(:]{{0,60}}?)[ \t]*[\[(]?(?P<start>{_T})"
    rf"(?:\s*(?:-+>?|\u2013|,)\s*(?P<end>{_T}))?[\])]?[ \t]*[-:\u2013]?(?:[ \t]+(?P<rest>.*))?$"
)

_SIGNED = re.compile(r"Transcribed by https?://")

MOST_TITLE = 10
"""Rows above the first time of a transcript, which hold its title, date and participants."""

_CLOCK = re.compile(r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,3})?")

Reader = Callable[[list[str]], CueFile | None]


def read_rows(text: str, suffix: str) -> CueFile | None:
    """The cues of a format of rows, or None if the text is of none of them.

    Raises:
        UnreadableError: if it is of a kind that holds no words.
    """
    rows = [row.rstrip() for row in text.lstrip("\ufeff").split("\n") if row.strip()]
    rows = [row for row in rows if not _SIGNED.match(row)]
    if not rows:
        return None
    if all(map(_RTTM.match, rows[:5])):
        raise UnreadableError("RTTM, which says who speaks when and holds no words")
    if suffix in {".csv", ".tsv"} or "\t" in rows[0]:
        table = _table(text)
        if table is not None:
            return table
    if suffix == ".lrc":
        rows = [_LRC_COLON.sub(r"[\1.\2]", row) for row in rows]
    for reader in (_console, _lrc, _audacity, _columns, _ctm, _timed_paragraphs):
        found = reader(rows)
        if found is not None:
            return found
    return _stm(rows) if suffix == ".stm" else None


def _most(pattern: re.Pattern[str], rows: Sequence[str], share: float = 0.5) -> bool:
    matching = sum(pattern.match(row) is not None for row in rows)
    return matching > 0 and matching >= share * len(rows)


def _console(rows: list[str]) -> CueFile | None:
    """``[00:00.200 --> 00:02.300]  words``, as Whisper prints them."""
    if not (_CONSOLE.match(rows[0]) or _most(_CONSOLE, rows)):
        return None
    found = [match for row in rows if (match := _CONSOLE.match(row))]
    cues = [Cue(seconds(m[1]), seconds(m[2]), without_markup(m[3])) for m in found]
    return CueFile("Whisper's output", tuple(cues))


def _lrc(rows: list[str]) -> CueFile | None:
    """``[00:12.00]words``; several times before the words repeat them."""
    lyrics = [row for row in rows if not _LRC_HEAD.match(row)]
    if not _most(_LRC, lyrics) or not _LRC.match(lyrics[0]) or _spaced(lyrics):
        return None
    cues = []
    for row in lyrics:
        found = _LRC.match(row)
        if found is None:
            continue
        words = without_markup(found[2])
        for stamp in _LRC_STAMP.finditer(found[1]):
            start = seconds(f"{stamp[1]}.{stamp[2] or 0}")
            cues.append(Cue(start, math.nan, words.strip()))
    cues.sort(key=lambda cue: cue.start)
    return CueFile("LRC", tuple(cue for cue in until_next(cues) if cue.text))


def _spaced(rows: Sequence[str]) -> bool:
    """Whether times are followed by names, as in exports of transcripts and never in lyrics."""
    return sum(re.match(r"\[[\d:.]+\]\s+[^:]{1,40}:\s", row) is not None for row in rows) * 2 > len(
        rows
    )


def _audacity(rows: list[str]) -> CueFile | None:
    labels = [row for row in rows if not row.startswith("\\")]
    if not labels or not _most(_AUDACITY, labels, 1.0):
        return None
    found = [match for row in labels if (match := _AUDACITY.match(row))]
    cues = [
        Cue(float(m[1].replace(",", ".")), float(m[2].replace(",", ".")), m[3] or "") for m in found
    ]
    return CueFile("Audacity labels", tuple(cues))


def _columns(rows: list[str]) -> CueFile | None:
    """Rows without a header, as ELAN exports tiers: name, times as clocks, words in the last."""
    table = [row.split("\t") for row in rows]
    width = len(table[0])
    if width < 3 or any(len(row) != width for row in table):
        return None
    clocks = [i for i in range(width) if all(_CLOCK.fullmatch(row[i]) for row in table)]
    if len(clocks) < 2 or width - 1 in clocks:
        return None
    at, end = clocks[:2]
    cues = [
        Cue(seconds(row[at]), seconds(row[end]), row[-1], row[0].strip() or None if at else None)
        for row in table
    ]
    return CueFile("a table without a header", tuple(cues))


def _ctm(rows: list[str]) -> CueFile | None:
    """``file channel start duration word confidence``, a word a row (NIST)."""
    words = [" ".join(row.split()) for row in rows if not row.startswith(";;")]
    if not words or not _most(_CTM, words, 1.0):
        return None
    spoken = []
    for row in words:
        found = _CTM.match(row)
        if found and not found[3].startswith("<"):
            start = float(found[1])
            sure = 1.0 if found[4] in {None, "NA"} else float(found[4])
            spoken.append(Spoken(found[3], start, start + float(found[2]), sure))
    return CueFile("CTM", lines_of(sorted(spoken, key=lambda one: one.start)))


def _stm(rows: list[str]) -> CueFile | None:
    found = [m for row in rows if not row.startswith(";;") and (m := _STM.match(row))]
    cues = [Cue(float(m[2]), float(m[3]), m[4], m[1]) for m in found]
    return CueFile("STM", tuple(cues)) if cues else None


# --- tables ----------------------------------------------------------------------------------

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "start": (
        "start", "begin", "from", "onset", "tmin", "in", "start time", "starttime", "begin time",
        "time start", "start s", "start ms", "timecode in", "in point", "timestamp", "time",
        "start timecode", "begin time - ss.msec", "start seconds",
    ),
    "end": (
        "end", "stop", "to", "offset", "tmax", "out", "end time", "endtime", "stop time",
        "time end", "end s", "end ms", "timecode out", "out point", "end timecode",
        "end time - ss.msec", "end seconds",
    ),
    "text": (
        "text", "words", "transcript", "utterance", "sentence", "content", "caption", "subtitle",
        "transcription", "line", "said", "dialogue", "speech",
    ),
    "speaker": ("speaker", "speaker name", "speaker label", "who", "participant", "name",
                "speaker id"),
}  # fmt: skip


def _table(text: str) -> CueFile | None:
    """A CSV or TSV whose header names times and words."""
    lines = text.lstrip("\ufeff").split("\n")
    first = next(row for row in lines if row.strip())
    mark = max("\t;,", key=first.count)
    header = [re.sub(r"[\s_()\[\]]+", " ", name).strip().lower() for name in _cells(first, mark)]
    place = {
        field: next((header.index(name) for name in names if name in header), None)
        for field, names in _COLUMNS.items()
    }
    at, said = place["start"], place["text"]
    if at is None or said is None:
        return None
    try:
        table = [row for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=mark) if row]
    except csv.Error as error:
        raise UnreadableError(f"a table that is damaged ({error})") from None
    milliseconds = "ms" in header[at].split() or _in_milliseconds(table, at, place["end"])

    def cell(row: list[str], column: int | None) -> str:
        return row[column].strip() if column is not None and column < len(row) else ""

    def time(row: list[str], column: int | None) -> float:
        value = cell(row, column)
        number = stamp(value.removesuffix("s") if value[:1].isdigit() else value)
        return number / 1000 if milliseconds else number

    cues = tuple(
        Cue(
            time(row, at),
            time(row, place["end"]),
            without_markup(cell(row, said)),
            cell(row, place["speaker"]) or None,
        )
        for row in table[1:]
    )
    return CueFile("a table", until_next(cues) if place["end"] is None else cues)


def _cells(row: str, mark: str) -> list[str]:
    """The cells of one row; none if it is no row of a table."""
    try:
        return next(csv.reader([row], delimiter=mark), [])
    except csv.Error:
        return []


def _in_milliseconds(table: list[list[str]], at: int, end: int | None) -> bool:
    """Whether times are whole numbers and most rows last a hundred: milliseconds, as Whisper's."""
    if end is None:
        return False
    pairs = [(row[at].strip(), row[end].strip()) for row in table[1:] if max(at, end) < len(row)]
    if not pairs or not all(_is_whole(time) for pair in pairs for time in pair):
        return False
    return median(int(b) - int(a) for a, b in pairs) >= 100


def _is_whole(time: str) -> bool:
    return time.isdecimal() and len(time) <= MOST_DIGITS


def stamp(text: str) -> float:
    """Seconds of a clock, or of a timecode whose fourth part counts frames (25 a second)."""
    parts = re.fullmatch(r"(\d+:\d+:\d+)[:;](\d{2})", text.strip())
    return seconds(parts[1]) + int(parts[2]) / 25 if parts else seconds(text)


# --- transcripts with a time before each paragraph ---------------------------------------------


def _timed_paragraphs(rows: list[str]) -> CueFile | None:
    """``Ann Lee  0:05`` or ``[00:00:05] Ann Lee: words`` above or before what is said.

    As Otter, Rev, Descript, Premiere and YouTube write them. The times go forward; a title and
    the like above the first of them is left out.
    """
    heads = {i: match for i, row in enumerate(rows) if (match := _head(row))}
    if len(heads) < 2 or not _begins(min(heads), len(heads), len(rows)):
        return None
    starts = [stamp(match["start"]) for match in heads.values()]
    if any(b < a for a, b in pairwise(starts)) or starts[-1] <= starts[0]:
        return None
    places = [*heads, len(rows)]
    cues = []
    for (i, match), following in zip(heads.items(), places[1:], strict=True):
        said = [match["rest"] or "", *rows[i + 1 : following]]
        speaker = (match["before"] or "").strip(" \t-:") or None
        if speaker is None and match["end"] and not match["rest"] and len(said) > 2:
            speaker, said = said[1], said[2:]  # Premiere: times, name, words
        end = stamp(match["end"]) if match["end"] else math.nan
        text = without_markup("\n".join(row for row in said if row))
        cues.append(Cue(stamp(match["start"]), end, text, speaker))
    if all(math.isnan(cue.end) for cue in cues):
        return CueFile("a transcript with times", _until_next_paragraph(cues))
    return CueFile("a transcript with times", tuple(cues))


def _begins(first: int, heads: int, rows: int) -> bool:
    """Whether times stand from the first row on, or below a few rows of title and date."""
    return first == 0 or (first <= MOST_TITLE and heads >= 3 and heads * 5 >= rows)


def _head(row: str) -> re.Match[str] | None:
    """The time of a paragraph, if a row begins with one or is a name with one."""
    found = _HEAD.match(row)
    if found is None:
        return None
    before = (found["before"] or "").strip()
    is_name = 0 < len(before.split()) <= 5 and before[0].isupper()
    return found if not before or (is_name and not found["rest"]) else None


def _until_next_paragraph(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """Paragraphs last until the next one starts; the last one as long as its words take."""
    out = []
    for cue, after in zip(cues, [*cues[1:], None], strict=True):
        own = max(LAST_CUE, len(cue.text.split()) / 2.5)
        end = cue.start + own if after is None else max(cue.start, after.start)
        out.append(Cue(cue.start, end, cue.text, cue.speaker))
    return tuple(out)
