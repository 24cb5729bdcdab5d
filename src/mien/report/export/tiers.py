"""Tiers for annotation tools: ELAN, Praat, RTTM. One per modality and person, one for words."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mien.analysis.analysis import Analysis
from mien.coding import Coding
from mien.errors import InputError
from mien.facts import shown
from mien.outputs import BLANK_SEAL, WRITER
from mien.report.coded import coder_spans, coder_tier
from mien.report.export.extras import need
from mien.report.export.legal import legal
from mien.report.rows import tier_name, tiers
from mien.report.spans import own_segments, spans
from mien.timebase import Segment

WORDS = "words"
Tier = tuple[str, str, list[tuple[Segment, str]]]


def tier_spans(analysis: Analysis, codings: Sequence[Coding] = ()) -> Iterator[Tier]:
    """Name and annotator of each tier, and its intervals, in time order and without overlap."""
    for name, who, evidence in tiers(analysis):
        found = [(span.segment, span.label) for span in spans(evidence)]
        yield legal(tier_name(name, who)), WRITER, found
    for coding in codings:
        coded, name = coder_spans(coding), legal(coder_tier(coding))
        yield name, coding.coder, [(segment, label) for segment, label, _ in coded]
        notes = [(segment, legal(note)) for segment, _, note in coded if note]
        if notes:
            yield f"{name}: notes", coding.coder, notes
    if analysis.transcript is not None:
        lines = [line for line in analysis.transcript.lines if line.segment.duration > 0]
        own = own_segments([line.segment for line in lines])
        yield (
            WORDS,
            "",
            [(s, legal(line.text)) for s, line in zip(own, lines, strict=True) if s.duration > 0],
        )


def _duration(analysis: Analysis) -> float:
    ends = [analysis.clip.duration, *(s.end for s in analysis.segments)]
    if max(ends) <= 0:
        raise InputError(f"{shown(analysis.clip.path)} has no time axis; tiers need a recording.")
    return max(ends)


def write_eaf(analysis: Analysis, path: Path, codings: Sequence[Coding] = ()) -> None:
    """ELAN, with the recording linked; written by pympi.

    Raises:
        InputError: if the analysis has no time.
        MissingExtraError: if pympi-ling is not installed.
    """
    _duration(analysis)
    pympi = need("eaf")
    document = pympi.Eaf(author=f"{WRITER} ({BLANK_SEAL})")
    document.remove_tier("default")
    media = Path(analysis.clip.path)
    kind = mimetypes.guess_type(media.name)[0] or "video/mp4"
    document.add_linked_file(*_linked(media, path), mimetype=kind)
    for name, annotator, intervals in tier_spans(analysis, codings):
        document.add_tier(name, ann=annotator if codings and annotator else None)
        for segment, text in intervals:
            start, end = (round(t * 1000) for t in (segment.start, segment.end))
            if end > start:
                document.add_annotation(name, start, end, text)
    # pympi-ling 1.71 renames a file that it would overwrite to NAME.bak and leaves that behind.
    if path.is_file():
        path.unlink()
    document.to_file(str(path))


def _linked(media: Path, path: Path) -> tuple[str, str]:
    """Paths of the recording as ELAN writes them: absolute (not escaped), and relative to the file.

    If the recording does not exist any more, the paths point to the folder of the ELAN file.
    """
    there = media.resolve()
    seen = f"./{media.name}"
    if there.exists():
        seen = Path(os.path.relpath(there, path.resolve().parent)).as_posix()
        seen = seen if seen.startswith("../") else f"./{seen}"
    return shown(f"file://{there.as_posix()}"), shown(seen)


def write_textgrid(analysis: Analysis, path: Path, codings: Sequence[Coding] = ()) -> None:
    """Praat's long text format; written by pympi, which fills gaps with empty intervals.

    Raises:
        InputError: if the analysis has no time.
        MissingExtraError: if pympi-ling is not installed.
    """
    end = _duration(analysis)
    pympi = need("textgrid")
    document = pympi.TextGrid(xmin=0.0, xmax=end)
    for name, _, intervals in tier_spans(analysis, codings):
        tier = document.add_tier(name)
        for segment, text in intervals:
            tier.add_interval(segment.start, min(segment.end, end), text, check=False)
    document.to_file(str(path), codec="utf-8")


def write_rttm(analysis: Analysis, path: Path, codings: Sequence[Coding] = ()) -> None:
    """NIST's Rich Transcription Time Marked, one ``SPEAKER`` line per span of one label.

    The fields are: type, file, channel, start, duration, two unused, name, confidence, lookahead.
    The file is the recording's name and the modality; the name is the label.
    """
    _duration(analysis)
    stem = "_".join(Path(analysis.clip.name).stem.split())
    lines = []
    for modality, who, evidence in tiers(analysis):
        file = f"{stem}.{modality}" + ("" if who is None else f"-{who}")
        for span in spans(evidence):
            start, duration = span.segment.start, span.segment.duration
            lines.append(
                f"SPEAKER {file} 1 {start:.3f} {duration:.3f} <NA> <NA> {span.label} "
                f"{span.prob:.3f} <NA>\n"
            )
    for coding in codings:
        file = f"{stem}.{'-'.join(coder_tier(coding).split())}"
        for segment, label, _ in coder_spans(coding):
            lines.append(
                f"SPEAKER {file} 1 {segment.start:.3f} {segment.duration:.3f} <NA> <NA> {label} "
                "<NA> <NA>\n"
            )
    path.write_text("".join(lines), encoding="utf-8")
