"""The analysis as a table in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mien.results import Analysis, Evidence


def render(analysis: Analysis) -> RenderableType:
    """Facts of the clip, then for each segment the modalities and the fused row."""
    parts: list[RenderableType] = [Text(headline(analysis))]
    for row, segment in enumerate(analysis.segments):
        title = str(segment) if segment.duration else ""
        parts.append(_segment_table(analysis, row, title))
    if analysis.transcript is not None and analysis.transcript.lines:
        parts.append(Text(f"Words ({analysis.transcript.source}):", style="bold"))
        parts += [Text(f"  {line.text}") for line in analysis.transcript.lines[:12]]
        more = len(analysis.transcript.lines) - 12
        if more > 0:
            parts.append(Text(f"  ... and {more} more lines", style="dim"))
    note = "The labels say how an observer would name the expression, not what a person feels."
    parts.append(Text(note, style="dim"))
    return Group(*parts)


def headline(analysis: Analysis) -> str:
    """One line of facts: name, length, what is in it, who is in view."""
    clip = analysis.clip
    facts = [clip.path, clip.kind if clip.kind != "recording" else f"{clip.duration:.1f} s"]
    if clip.kind == "recording":
        facts += [clip.video or "no picture", clip.audio or "no sound"]
    if analysis.speech:
        facts.append(f"{sum(turn.duration for turn in analysis.speech):.1f} s of speech")
    if analysis.faces:
        count = len(analysis.faces)
        facts.append(f"{count} face track{'s' if count > 1 else ''}")
    return "  |  ".join(facts)


def _segment_table(analysis: Analysis, row: int, title: str) -> Table:
    table = Table(title=title or None, title_justify="left", expand=False)
    table.add_column("", style="bold", no_wrap=True)
    for label in analysis.space.labels:
        table.add_column(label, justify="right", no_wrap=True)
    table.add_column("quality", justify="right")
    table.add_column("says / why not", min_width=10)
    for name, evidence in analysis.by_branch.items():
        _add_row(table, name, evidence, row)
    table.add_section()
    _add_row(table, "fused", analysis.fused, row)
    return table


def _add_row(table: Table, name: str, evidence: Evidence, row: int) -> None:
    k = len(evidence.space)
    if not evidence.present[row]:
        dashes = [Text("-", style="dim")] * (k + 1)
        table.add_row(name, *dashes, Text(evidence.reasons[row], style="yellow"))
        return
    probs = evidence.probs[row]
    cells = [Text(f"{p:.3f}") for p in probs]
    cells[int(probs.argmax())].stylize("bold reverse")
    table.add_row(name, *cells, f"{evidence.quality[row]:.2f}", Text(evidence.top(row) or ""))
