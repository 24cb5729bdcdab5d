"""The transcript as a file: plain text, SRT or WebVTT, which say that mien wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mien.analysis.analysis import Analysis
from mien.errors import InputError, OptionError
from mien.facts import as_utf8
from mien.outputs import BLANK_SEAL, MARK, written
from mien.timebase import Segment

FORMATS = (".txt", ".srt", ".vtt")

Row = tuple[Segment, str | None, str]
"""When, who if that is known, and what."""


def write_transcript(
    analysis: Analysis, path: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()
) -> None:
    """Write the words; the suffix says the format. SRT and WebVTT carry the times.

    Args:
        analysis: whose words are written.
        path: of the file.
        overwrite: whether an existing file that mien did not write is replaced.
        inputs: files that are not replaced in any case, beside the recording.

    Raises:
        OptionError: if the suffix is not one of ``FORMATS``, or the file may not be replaced.
        OutputError: if it cannot be written.
        InputError: if the analysis has no transcript.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise OptionError.choice("The suffix of a transcript", path.suffix, FORMATS)
    if analysis.transcript is None:
        reason = analysis.by_branch["text"].reasons[0] if "text" in analysis.by_branch else "none"
        raise InputError(f"There is no transcript to write to {path}: {reason}.")
    lines = analysis.transcript.lines
    guarded = (Path(analysis.clip.path), *inputs)
    with written(path, guarded, overwrite, "The transcript") as fresh:
        if suffix == ".txt":
            text = "".join(f"{_block(_named(line.speaker, line.text))}\n" for line in lines)
            fresh.write_text(as_utf8(text), encoding="utf-8")
            return
        rows = ((line.segment, line.speaker, line.text) for line in lines)
        write_subtitles(rows, fresh, suffix[1:], f"words ({analysis.transcript.source})")


def write_subtitles(rows: Iterable[Row], path: Path, kind: str, what: str) -> None:
    """Write cues, and that mien wrote them, so that they are not read back as a person's words.

    WebVTT says it in a NOTE, SRT, which has no place for notes, in a first cue of a millisecond,
    in brackets as notes on sounds are.

    Args:
        rows: in time order.
        path: the file.
        kind: ``srt`` or ``vtt``.
        what: is in it, in words.
    """
    mark = " ".join(f"{MARK}: {what} ({BLANK_SEAL})".split())
    with path.open("w", encoding="utf-8", newline="\n") as file:
        if kind == "vtt":
            file.write(f"WEBVTT\n\nNOTE {_escaped(mark)}\n\n")
            for segment, who, text in rows:
                voice = "" if who is None else f"<v {_escaped(who)}>"
                file.write(f"{_times(segment, '.')}\n{voice}{_escaped(_block(text))}\n\n")
            return
        file.write(f"1\n{_times(Segment(0.0, 0.001), ',')}\n[{mark}]\n\n")
        for number, (segment, who, text) in enumerate(rows, 2):
            said = _block(_named(who, text)).replace("-->", "\u2192")
            file.write(f"{number}\n{_times(segment, ',')}\n{said}\n\n")


def _named(who: str | None, text: str) -> str:
    return text if who is None else f"[{who}]: {text}"


def _block(text: str) -> str:
    """Text without blank rows, which would end the cue, and without controls."""
    rows = ("".join(c for c in row if c.isprintable()).strip() for row in text.splitlines())
    return "\n".join(row for row in rows if row)


def _escaped(text: str) -> str:
    """Text as WebVTT wants it: what would be a tag, a reference or an arrow is written out."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _times(segment: Segment, point: str) -> str:
    return f"{_stamp(segment.start, point)} --> {_stamp(segment.end, point)}"


def _stamp(seconds: float, point: str) -> str:
    minutes, milliseconds = divmod(round(max(0.0, seconds) * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}{point}{milliseconds:03d}"
