"""The analysis as a table in the terminal."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mien.evidence import Evidence
from mien.facts import shown
from mien.findings import UNDECIDED
from mien.report.overall import at_once, in_view
from mien.results import Analysis
from mien.scene import Transcript

# A blend that is less like the answer than this is not named in the terminal.
SHOWN_BLEND = 0.5
# Up to so many segments each have a table of their own; beyond, a line each, and at most so many.
TABLES, LINES = 6, 40
# Lines of the transcript that are shown.
WORDS = 12


def render(analysis: Analysis) -> RenderableType:
    """Facts of the clip, the answer for the whole, then that for each segment.

    A segment has a table with a row a modality; of many segments each has a line.
    """
    parts: list[RenderableType] = [Text(headline(analysis)), Text()]
    if analysis.whole is not None and len(analysis.segments) > 1:
        parts += [_segment_table(at_once(analysis), 0, "on the whole"), Text()]
    if len(analysis.segments) > TABLES:
        parts += _many(analysis)
    else:
        for row, segment in enumerate(analysis.segments):
            title = str(segment) if segment.duration else ""
            parts += [_segment_table(analysis, row, title), Text()]
    if analysis.transcript is not None:
        parts += _words(analysis.transcript, analysis.lines)
    parts += [Text(f"warning: {line}", style="yellow") for line in analysis.provenance.warnings]
    note = "The labels say how an observer would name the expression, not what a person feels."
    parts.append(Text(note, style="dim"))
    return Group(*parts)


def _words(transcript: Transcript, lines: Evidence | None) -> list[RenderableType]:
    """The first lines, and what was left out of them as invented, by reason."""
    parts: list[RenderableType] = []
    if transcript.lines:
        parts.append(Text(f"Words ({transcript.source}):", style="bold"))
        first = transcript.lines[:WORDS]
        parts += [_line(line.text, lines, row) for row, line in enumerate(first)]
    more = len(transcript.lines) - WORDS
    if more > 0:
        parts.append(Text(f"  ... and {more} more lines", style="dim"))
    if transcript.dropped:
        gone = "; ".join(f"{d.count} x {d.reason} ({d.seconds:.1f} s)" for d in transcript.dropped)
        text = f"Left out, since nobody seems to have said it ({transcript.source}): {gone}"
        parts.append(Text(text, style="yellow"))
    return parts


def _line(said: str, lines: Evidence | None, row: int) -> Text:
    """A line of the words, and what the text branch says of it alone."""
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
        more = "" if count == 1 or len(analysis.people) else " (--face all shows each)"
        facts.append(in_view(analysis, more))
    return "  |  ".join(facts)


def _many(analysis: Analysis) -> list[RenderableType]:
    """The first segments as a line each."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "fused", *analysis.by_branch):
        table.add_column(name, no_wrap=True)
    # How far they differ; who says what stands in the row.
    table.add_column("conflict", no_wrap=True)
    for row, segment in enumerate(analysis.segments[:LINES]):
        says = [_says(evidence, row) for evidence in analysis.by_branch.values()]
        found = analysis.findings[row] if analysis.findings else None
        differ = found.disagreement if found is not None else None
        conflict = f"≠ {differ.degree:.2f}" if differ is not None and differ.words else ""
        fused = UNDECIDED if found is not None and found.abstained else _says(analysis.fused, row)
        table.add_row(str(segment), Text(fused, style="bold"), *says, Text(conflict, "magenta"))
    parts: list[RenderableType] = [table, Text()]
    more = len(analysis.segments) - LINES
    if more > 0:
        text = f"... and {more} more segments; --export FILE.csv writes all, --figure draws them"
        parts += [Text(text, style="dim"), Text()]
    return parts


def _says(evidence: Evidence, row: int) -> str:
    label = evidence.top(row)
    return "-" if label is None else f"{label} {evidence.probs[row].max():.2f}"


def _segment_table(analysis: Analysis, row: int, title: str) -> RenderableType:
    # No lines and narrow columns, so that all of it stands in a terminal of 80 columns.
    table = Table(
        title=title or None, title_justify="left", box=None, padding=(0, 1, 0, 0), header_style=""
    )
    table.add_column("", no_wrap=True)
    for label in analysis.space.labels:
        table.add_column(label, justify="right", no_wrap=True)
    table.add_column("quality", justify="right", no_wrap=True)
    table.add_column("says", no_wrap=True)
    series = (*analysis.by_branch.values(), analysis.fused)
    for evidence in series:
        fused = evidence is analysis.fused
        says = evidence.top(row) or ""
        if fused and analysis.findings and analysis.findings[row].abstained:
            says = UNDECIDED
        _add_row(table, evidence, row, says, "bold" if fused else "")
        if evidence.branch == "face" and len(analysis.people) > 1:
            for who, person in analysis.people.items():
                shown = replace(person, branch=f" face {who}")
                _add_row(table, shown, row, person.top(row) or "", "")
    why = [
        Text(f"{evidence.branch} is absent: {evidence.reasons[row]}", style="yellow")
        for evidence in series
        if not evidence.present[row]
    ]
    return Group(table, *why, *_findings(analysis, row))


def _findings(analysis: Analysis, row: int) -> list[Text]:
    """What is derived from the answer: conflict, reasons, blend, valence, intensity."""
    if not analysis.findings or not analysis.fused.present[row]:
        return []
    found = analysis.findings[row]
    lines = []
    if found.abstained:
        lines.append(Text("undecided: too unsure for the risk asked for", style="yellow"))
    if found.disagreement.words:
        degree = f"(disagreement {found.disagreement.degree:.2f})"
        lines.append(Text(f"conflict: {found.disagreement.words} {degree}", style="magenta"))
    if found.explanation is not None:
        lines.append(Text(f"why: {found.explanation.words}", style="dim"))
    derived = [f"valence {found.valence:+.2f}", f"intensity {found.intensity:.2f}"]
    best = max(found.blends, key=lambda name: found.blends[name], default="")
    if best and found.blends[best] >= SHOWN_BLEND:
        derived.append(f"{best} {found.blends[best]:.2f}")
    return [*lines, Text(f"derived: {', '.join(derived)}", style="dim")]


def _add_row(table: Table, evidence: Evidence, row: int, says: str, style: str) -> None:
    if not evidence.present[row]:
        dashes = [Text("-", style="dim")] * (len(evidence.space) + 1)
        table.add_row(evidence.branch, *dashes, style=style)
        return
    probs = evidence.probs[row]
    cells = [Text(f"{p:.3f}") for p in probs]
    cells[int(probs.argmax())].stylize("reverse")
    quality = f"{evidence.quality[row]:.2f}"
    table.add_row(evidence.branch, *cells, quality, Text(says), style=style)
