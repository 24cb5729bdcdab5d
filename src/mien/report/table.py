"""The analysis as a table in the terminal."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.analysis.explanation import UNDECIDED
from mien.emotions import MIEN7
from mien.facts import shown
from mien.report.overall import at_once, in_view
from mien.report.speakers import row_speakers, speaker_rows
from mien.terminal import Column, Grid, Widest
from mien.words import Transcript

# A blend that is less like the answer than this is not named in the terminal.
SHOWN_BLEND = 0.5
# Up to so many segments each have a table of their own; beyond, a line each, and at most so many.
TABLES, LINES = 6, 40
# Letters of a line of the transcript that are shown.
LONGEST_LINE = 600
# Letters of a speaker's name that are shown.
LONGEST_NAME = 12
# People with a column of their own, the most prominent.
PEOPLE = 6
# Lines of the transcript that are shown.
WORDS = 12


def render(analysis: Analysis) -> RenderableType:
    """Facts of the clip, the answer for the whole, then that for each segment.

    A segment has a table with a row a modality; of many segments each has a line.
    """
    parts: list[RenderableType] = [Text(headline(analysis)), Text()]
    if analysis.whole is not None and len(analysis.segments) > 1:
        parts += [_segment_table(at_once(analysis), 0, "whole recording"), Text()]
    if len(analysis.segments) > TABLES:
        parts += _many(analysis)
    else:
        names = row_speakers(analysis)
        for row, segment in enumerate(analysis.segments):
            title = str(segment) if segment.duration else ""
            title = f"{title} {escape(names[row])}" if names is not None else title
            parts += [_segment_table(analysis, row, title), Text()]
    parts += _by_speaker(analysis)
    if analysis.transcript is not None:
        parts += _words(analysis.transcript, analysis.lines)
    parts += _signals(analysis)
    parts += [Text(f"warning: {line}", style="yellow") for line in analysis.provenance.warnings]
    note = "The labels say how an observer would name the expression, not what a person feels."
    parts.append(Text(note, style="dim"))
    return Group(*parts)


def _signals(analysis: Analysis) -> list[RenderableType]:
    """A row for each derived track over time: its mean, range, and how much of it is there."""
    if not analysis.signals:
        return []
    rows, why = [], []
    for track in analysis.signals:
        there = [value for value in track.values if value is not None]
        share, cells = f"{len(there) / max(len(track.times), 1):.0%}", ["-", "", "", ""]
        if track.kind == "points":
            share, cells = "", [f"{len(there)} in all", "", "", ""]
        elif there:
            numbers = (sum(there) / len(there), min(there), max(there))
            cells = [f"{n:.3g}" for n in numbers] + [f"{sum(track.quality) / len(there):.2f}"]
        else:
            reason = next(iter(track.reasons), "no second of it")
            why.append(Text(f"{track.name} is absent: {reason}", style="yellow"))
        rows.append([share, *cells, track.unit])
    headings = ("present", "mean", "min", "max", "quality", "unit")
    columns = [
        Column(name, [Text(cell) for cell in cells], "left" if name == "unit" else "right")
        for name, cells in zip(headings, zip(*rows, strict=True), strict=True)
    ]
    names = Column("", [Text(track.name) for track in analysis.signals])
    return [Grid(names, columns, title="signals"), *why, Text()]


def _words(transcript: Transcript, lines: Evidence | None) -> list[RenderableType]:
    """The first lines, and how many were left out as recognition errors, by reason."""
    parts: list[RenderableType] = []
    if transcript.lines:
        parts.append(Text(f"Words ({transcript.source}):", style="bold"))
        first = transcript.lines[:WORDS]
        said = [f"{li.speaker}: {li.text}" if li.speaker else li.text for li in first]
        parts += [_line(text, lines, row) for row, text in enumerate(said)]
    more = len(transcript.lines) - WORDS
    if more > 0:
        parts.append(Text(f"  ... and {more} more lines", style="dim"))
    if transcript.dropped:
        gone = "; ".join(f"{d.count} x {d.reason} ({d.seconds:.1f} s)" for d in transcript.dropped)
        written = transcript.source in {"given", "sidecar", "subtitles"}
        why = "of the words" if written else "as probable recognition errors"
        text = f"Left out {why} ({transcript.source}): {gone}"
        parts.append(Text(text, style="yellow"))
    return parts


def _line(said: str, lines: Evidence | None, row: int) -> Text:
    """A line of the words, and what the text branch says of it alone."""
    said = said if len(said) <= LONGEST_LINE else f"{said[: LONGEST_LINE - 1]}\u2026"
    if lines is None:
        return Text(f"  {said}")
    top = lines.top(row)
    label = "-" if top is None else f"{top} {lines.probs[row].max():.2f}"
    return Text.assemble("  ", (f"{label:<13}", "dim"), said)


def headline(analysis: Analysis) -> str:
    """One line of facts: name, length, what is in it, who is in view."""
    clip = analysis.clip
    facts = [shown(clip.path), clip.kind if clip.kind != "recording" else f"{clip.duration:.1f} s"]
    if clip.kind == "recording":
        facts += [clip.video or "no picture", clip.audio or "no sound"]
    if analysis.speech:
        facts.append(f"{sum(turn.duration for turn in analysis.speech):.1f} s of speech")
    if analysis.faces:
        count = len({track.identity for track in analysis.faces})
        more = "" if count == 1 or len(analysis.people) else " (--person all shows each)"
        facts.append(in_view(analysis, more))
    return "  |  ".join(facts)


def _many(analysis: Analysis) -> list[RenderableType]:
    """The first segments as a line each."""
    shown = range(min(len(analysis.segments), LINES))
    rows = Column("", [Text(str(analysis.segments[row])) for row in shown])
    grids = [
        Grid(rows, _answers(analysis, shown, short), padding, header_style="bold")
        for short, padding in ((False, 2), (False, 1), (True, 1))
    ]
    parts: list[RenderableType] = [Widest(grids), Text()]
    more = len(analysis.segments) - LINES
    if more > 0:
        text = f"... and {more} more segments; --export FILE.csv writes all, --figure draws them"
        parts += [Text(text, style="dim"), Text()]
    unseen = len(analysis.people) - PEOPLE
    if unseen > 0:
        text = f"... and {unseen} more people; --export FILE.csv writes all"
        parts += [Text(text, style="dim"), Text()]
    return parts


def _answers(analysis: Analysis, shown: range, short: bool) -> list[Column]:
    """The fused answer, those of the branches, and how far they differ, one row a segment."""
    # Of one person alone the face column tells all.
    people = sorted(analysis.people)[:PEOPLE] if len(analysis.people) > 1 else ()
    fused, conflict = [], []
    for row in shown:
        found = analysis.explanations[row] if analysis.explanations else None
        differ = found.disagreement if found is not None else None
        abstained = found is not None and found.abstained
        says = UNDECIDED if abstained else _says(analysis.fused, row, short)
        fused.append(Text(says, style="bold"))
        # Who says what stands in the row.
        degree = f"≠ {differ.degree:.2f}" if differ is not None and differ.words else ""
        conflict.append(Text(degree, style="magenta"))
    return [
        Column("fused", fused),
        *(
            Column(name, [Text(_says(evidence, row, short)) for row in shown])
            for name, evidence in analysis.by_branch.items()
        ),
        Column("conflict", conflict),
        *(
            Column(f"face {who}", [Text(_says(analysis.people[who], row, short)) for row in shown])
            for who in people
        ),
    ]


def _by_speaker(analysis: Analysis) -> list[RenderableType]:
    """A row a speaker, if the rows are their turns."""
    rows = speaker_rows(analysis)
    if not rows:
        return []
    names, cells = [], []
    for row in rows:
        probs = [] if row.probs is None else [float(p) for p in row.probs]
        shown = [f"{p:.2f}" for p in probs] or ["-"] * len(MIEN7)
        says = MIEN7.labels[probs.index(max(probs))] if probs else ""
        long = len(row.who) > LONGEST_NAME
        names.append(Text(f"{row.who[: LONGEST_NAME - 1]}\u2026" if long else row.who))
        cells.append([Text(cell) for cell in (str(row.turns), *shown, says)])
    headings = ("turns", *MIEN7.labels, "says")
    columns = [
        Column(heading, column, "left" if heading == "says" else "right")
        for heading, column in zip(headings, zip(*cells, strict=True), strict=True)
    ]
    return [Grid(Column("", names), columns, title="by speaker (fused)"), Text()]


def _says(evidence: Evidence, row: int, short: bool = False) -> str:
    """Label and probability; ``short`` leaves out the zero before the point."""
    label = evidence.top(row)
    if label is None:
        return "-"
    number = f"{evidence.probs[row].max():.2f}"
    return f"{label} {number.removeprefix('0') if short else number}"


def _segment_table(analysis: Analysis, row: int, title: str) -> RenderableType:
    series = (*analysis.by_branch.values(), analysis.fused)
    rows: list[list[Text]] = []
    for evidence in series:
        fused = evidence is analysis.fused
        says = evidence.top(row) or ""
        if fused and analysis.explanations and analysis.explanations[row].abstained:
            says = UNDECIDED
        rows.append(_cells(evidence, row, says, "bold" if fused else ""))
        if evidence.branch == "face" and len(analysis.people) > 1:
            for who, person in analysis.people.items():
                shown = replace(person, branch=f" face {who}")
                rows.append(_cells(shown, row, person.top(row) or "", ""))
    why = [
        Text(f"{evidence.branch} is absent: {evidence.reasons[row]}", style="yellow")
        for evidence in series
        if not evidence.present[row]
    ]
    first, *others = zip(*rows, strict=True)
    headings = (*MIEN7.labels, "quality", "says")
    columns = [
        Column(heading, cells, "left" if heading == "says" else "right")
        for heading, cells in zip(headings, others, strict=True)
    ]
    return Group(Grid(Column("", first), columns, title=title), *why, *_explanations(analysis, row))


def _cells(evidence: Evidence, row: int, says: str, style: str) -> list[Text]:
    """Name, probabilities, quality and top label."""
    name = Text(evidence.branch, style=style)
    if not evidence.present[row]:
        return [name, *[Text("-", style="dim")] * (len(MIEN7) + 1), Text("")]
    probs = evidence.probs[row]
    cells = [Text(f"{p:.3f}", style=style) for p in probs]
    cells[int(probs.argmax())].stylize("reverse")
    quality = Text(f"{evidence.quality[row]:.2f}", style=style)
    return [name, *cells, quality, Text(says, style=style)]


def _explanations(analysis: Analysis, row: int) -> list[Text]:
    """What is derived from the answer: conflict, reasons, blend, valence, intensity."""
    if not analysis.explanations or not analysis.fused.present[row]:
        return []
    found = analysis.explanations[row]
    lines = []
    if found.abstained:
        lines.append(
            Text("undecided: less certain than the maximum error rate allows", style="yellow")
        )
    if found.disagreement.words:
        degree = f"(disagreement {found.disagreement.degree:.2f})"
        lines.append(Text(f"conflict: {found.disagreement.words} {degree}", style="magenta"))
    if found.decomposition is not None:
        lines.append(Text(f"why: {found.decomposition.words}", style="dim"))
    derived = [f"valence {found.valence:+.2f}", f"intensity {found.intensity:.2f}"]
    best = max(found.blends, key=lambda name: found.blends[name], default="")
    if best and found.blends[best] >= SHOWN_BLEND:
        derived.append(f"{best} {found.blends[best]:.2f}")
    return [*lines, Text(f"derived: {', '.join(derived)}", style="dim")]
