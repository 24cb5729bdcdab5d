"""The transcript as a file: plain text, SRT or WebVTT."""

from __future__ import annotations

from pathlib import Path

from mien.analysis.analysis import Analysis
from mien.errors import InputError, OptionError

FORMATS = (".txt", ".srt", ".vtt")


def write_transcript(analysis: Analysis, path: Path) -> None:
    """Write the words; the suffix says the format. SRT and WebVTT carry the times.

    Raises:
        OptionError: if the suffix is not one of ``FORMATS``.
        InputError: if the analysis has no transcript.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise OptionError.choice("The suffix of a transcript", path.suffix, FORMATS)
    if analysis.transcript is None:
        reason = analysis.by_branch["text"].reasons[0] if "text" in analysis.by_branch else "none"
        raise InputError(f"There is no transcript to write to {path}: {reason}.")
    lines = analysis.transcript.lines
    if suffix == ".txt":
        path.write_text("".join(f"{line.text}\n" for line in lines), encoding="utf-8")
        return
    import pysubs2

    subtitles = pysubs2.SSAFile()
    for line in lines:
        event = pysubs2.SSAEvent(
            start=round(line.segment.start * 1000), end=round(line.segment.end * 1000)
        )
        event.plaintext = line.text
        subtitles.append(event)
    subtitles.save(str(path), format_=suffix[1:])
