"""Subtitles that name the emotion: SRT and WebVTT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mien.analysis.analysis import Analysis
from mien.errors import InputError
from mien.report.spans import labels_of, spans
from mien.report.transcript import write_subtitles
from mien.timebase import Segment


def write_srt(analysis: Analysis, path: Path) -> None:
    """``[joy 82 %] What was said``: one subtitle a line, or a stretch of one label without words.

    Raises:
        InputError: if there is nothing with a time.
    """
    _write(analysis, path, "srt")


def write_vtt(analysis: Analysis, path: Path) -> None:
    """Like :func:`write_srt`, as WebVTT."""
    _write(analysis, path, "vtt")


def _write(analysis: Analysis, path: Path, kind: str) -> None:
    rows = [(segment, None, text) for segment, text in captions(analysis)]
    if not rows:
        raise InputError("Nothing in this analysis has a time; the subtitles would be empty.")
    source = "none" if analysis.transcript is None else analysis.transcript.source
    write_subtitles(rows, path, kind, f"emotions and words ({source})")


def captions(analysis: Analysis) -> Iterator[tuple[Segment, str]]:
    """When and what."""
    lines = analysis.transcript.lines if analysis.transcript is not None else ()
    spoken = [line for line in lines if line.segment.duration > 0]
    label = labels_of(analysis)
    for line in spoken:
        named = label(line.segment)
        yield line.segment, f"{_tag(*named)} {line.text}" if named else line.text
    if not spoken:
        for span in spans(analysis.fused):
            yield span.segment, _tag(span.label, span.prob)


def _tag(label: str, prob: float) -> str:
    return f"[{label} {100 * prob:.0f} %]"
