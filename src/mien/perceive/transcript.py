"""Words that are written down: given, in a file beside the clip, or on a subtitle track."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mien.errors import InputError
from mien.language import foreign
from mien.media import read_text
from mien.perceive.subtitles import spoken
from mien.scene import Caption, ClipFacts, Line, Transcript
from mien.timebase import Segment

SUBTITLES = (".srt", ".vtt", ".ass")
LONG = 60
"""Words from which on a paragraph of a text is read sentence by sentence."""

_END = re.compile(
    r"""(?:(?<=[.!?\u2026])|(?<=[.!?\u2026]["'\u201d\u2019)]))\s+(?=["'\u201c\u2018(]*[A-Z0-9])"""
)
_ABBREVIATED = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|[A-Z])\.$")
_WITHIN = re.compile(r"<(?:\d+:)?\d\d:\d\d\.\d{3}>")


def written_transcript(
    facts: ClipFacts, asr: str, given: Transcript | None, captions: Sequence[Caption]
) -> Transcript | None:
    """The words that nobody has to hear: given, a text's own, beside the clip or in it.

    Their language is told from the letters.
    """
    found = given
    if found is None and facts.kind == "text":
        return transcript_of_text(read_text(Path(facts.path)))
    if found is None and asr == "auto":
        found = _written(Path(facts.path), captions)
    return None if found is None else _with_language(found)


def _with_language(transcript: Transcript) -> Transcript:
    other = foreign(transcript.text)
    return transcript if other is None else replace(transcript, language=other.code)


def _written(path: Path, captions: Sequence[Caption]) -> Transcript | None:
    """The words that somebody wrote down for this clip, beside it or in it."""
    beside = sidecar(path)
    if beside is not None:
        return read_subtitles(beside, "sidecar")
    if captions:
        lines, dropped = spoken((caption.segment, caption.text) for caption in captions)
        return Transcript(lines, "subtitles", dropped=dropped)
    return None


def sidecar(path: Path) -> Path | None:
    """The subtitle file beside a clip that has its name: ``clip.srt`` or ``clip.en.srt``."""
    for suffix in SUBTITLES:
        for middle in ("", ".en"):
            beside = path.with_name(path.stem + middle + suffix)
            if beside.is_file() and beside != path:
                return beside
    return None


def read_transcript(path: Path, duration: float) -> Transcript:
    """A transcript that the user names: subtitles with their times, or a text without any.

    Args:
        path: ``.srt``, ``.vtt``, ``.ass`` or a text file.
        duration: seconds of the clip; a text without times is taken to span it.

    Raises:
        InputError: if the file is not there or holds no words.
    """
    if not path.is_file():
        raise InputError(f"There is no transcript at {path}; check the name.")
    if path.suffix.lower() in SUBTITLES:
        return read_subtitles(path, "given")
    words = " ".join(read_text(path).split())
    if not words:
        raise InputError(f"The transcript {path} holds no words.")
    return Transcript((Line(Segment(0.0, duration), words),), "given")


def read_subtitles(path: Path, source: str) -> Transcript:
    """What is said in an SRT, WebVTT or ASS file; see :func:`mien.perceive.subtitles.spoken`.

    Raises:
        InputError: if the file is not in such a format.
    """
    import pysubs2

    # Times of single words, which WebVTT has within a row, would be taken for those of a cue.
    text = _WITHIN.sub("", read_text(path))
    try:
        events = pysubs2.SSAFile.from_string(text, format_=path.suffix[1:].lower())
    except (pysubs2.Pysubs2Error, ValueError) as error:
        raise InputError(f"{path} cannot be read as {path.suffix[1:].upper()}: {error}.") from None
    lines, dropped = spoken(
        (Segment(event.start / 1000, event.end / 1000), event.plaintext)
        for event in events
        if event.type == "Dialogue" and event.end >= event.start
    )
    return Transcript(lines, source, dropped=dropped)


def transcript_of_text(text: str) -> Transcript:
    """The non-empty lines of a text, all at one instant, since a text has no time.

    A paragraph of more than ``LONG`` words is cut into its sentences; a shorter text says more
    as one (``benchmarks/context.py``).
    """
    instant = Segment(0.0, 0.0)
    said = [" ".join(row.split()) for row in text.splitlines() if row.strip()]
    parts = [part for row in said for part in (sentences(row) if _is_long(row) else [row])]
    return _with_language(Transcript(tuple(Line(instant, part) for part in parts), "given"))


def _is_long(row: str) -> bool:
    return len(row.split()) > LONG


def sentences(text: str) -> list[str]:
    """A text cut behind its full stops, question and exclamation marks.

    Examples:
        >>> sentences('Dr. Lee left at 3.30 p.m. on foot. "Why?" he asked. Nobody knew.')
        ['Dr. Lee left at 3.30 p.m. on foot.', '"Why?" he asked.', 'Nobody knew.']
    """
    out: list[str] = []
    for part in _END.split(text):
        if out and _ABBREVIATED.search(out[-1]):
            out[-1] = f"{out[-1]} {part}"
        else:
            out.append(part)
    return out
