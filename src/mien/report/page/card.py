"""Markup for notebooks: the fused prediction and each modality."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from mien.analysis.explanation import UNDECIDED, plain_name
from mien.emotions import MIEN7
from mien.report.colours import EMOTIONS, ink

if TYPE_CHECKING:
    from mien.analysis.analysis import Analysis
    from mien.analysis.evidence import Evidence

NOTE = "A label states how an observer would name the expression, not what a person feels."
_NAMED = 0.14
_MOMENTS = 160


def card_html(analysis: Analysis) -> str:
    """Bars of the overall prediction (else of the first segment) and a timeline, without scripts.

    Every word of the recording is escaped; colours follow the notebook's theme.
    """
    whole = analysis.whole
    fused, branches, explanation = analysis.fused, analysis.by_branch, None
    if whole is not None:
        fused, branches, explanation = whole.fused, whole.by_branch, whole.explanation
    elif analysis.explanations:
        explanation = analysis.explanations[0]
    rows = [_row("fused", fused)]
    rows += [_row(plain_name(name), evidence) for name, evidence in branches.items()]
    rows += [_course(analysis)]
    said = fused.top(0) if len(fused.segments) else None
    if explanation is not None and explanation.abstained:
        said = UNDECIDED
    conflict = explanation.disagreement.words if explanation is not None else ""
    count = len(analysis.segments)
    facts = [f"{count} segment{'' if count == 1 else 's'}"]
    facts += [f"{analysis.clip.duration:.1f} s"] if analysis.clip.duration else []
    facts += ["bars: the first"] if whole is None and count > 1 else []
    facts += ["stopped before its end"] if analysis.partial else []
    notes = [conflict, *analysis.provenance.warnings, NOTE]
    return (
        '<div style="font:14px/1.5 system-ui,sans-serif;max-width:640px">'
        f"<b>{escape(analysis.clip.name)}</b>: {escape(said or 'no prediction')} "
        f'<span style="opacity:.75">({escape(", ".join(facts))})</span>'
        # Notebooks style tables with their own font and colour.
        '<table style="width:100%;border-collapse:collapse;font:inherit;color:inherit">'
        f"{''.join(rows)}</table>"
        + "".join(f'<div style="font-size:12px;opacity:.75">{escape(n)}</div>' for n in notes if n)
        + "</div>"
    )


def _course(analysis: Analysis) -> str:
    """The most probable label of the fused rows over time, smoothed if available."""
    segments = analysis.segments
    if len(segments) < 2 or segments[-1].end <= segments[0].start:
        return ""
    rows = analysis.smoothed.get("fused", analysis.fused)
    start, length = segments[0].start, segments[-1].end - segments[0].start
    runs: list[tuple[str | None, int]] = []
    for i in range(_MOMENTS):
        there = analysis.rows_at(start + (i + 0.5) / _MOMENTS * length)
        label = next((rows.top(row) for row in there if rows.present[row]), None)
        if runs and runs[-1][0] == label:
            runs[-1] = (label, runs[-1][1] + 1)
        else:
            runs.append((label, 1))
    parts = [_part(label, count / _MOMENTS, label or "") for label, count in runs]
    return f"<tr>{_head('over time')}{_bar(parts, 0)}</tr>"


def _head(name: str) -> str:
    return f'<th style="text-align:left;font-weight:500;width:70px">{escape(name)}</th>'


def _bar(parts: list[str], gap: int) -> str:
    bar = f'<div style="display:flex;gap:{gap}px;height:20px">{"".join(parts)}</div>'
    return f'<td style="padding:1px 0">{bar}</td>'


def _part(label: str | None, share: float, tooltip: str) -> str:
    """A part of a bar; empty without a label."""
    colours = "" if label is None else f"background:{EMOTIONS[label]};color:{ink(EMOTIONS[label])};"
    text = tooltip if share >= _NAMED else ""
    return (
        f'<span title="{tooltip or "no prediction"}" style="flex:{share:.4f} 1 0;min-width:0;'
        f"overflow:hidden;white-space:nowrap;{colours}"
        f'font-size:12px;line-height:20px;padding-left:{4 if text else 0}px">{text}</span>'
    )


def _row(name: str, evidence: Evidence) -> str:
    if not len(evidence.segments) or evidence.reasons[0]:
        why = evidence.reasons[0] if evidence.reasons else "no input"
        absent = f'<td style="text-align:left;opacity:.75">absent: {escape(why)}</td>'
        return f"<tr>{_head(name)}{absent}</tr>"
    probs = zip(MIEN7.labels, evidence.probs[0].tolist(), strict=True)
    parts = [_part(label, prob, f"{label} {prob:.0%}") for label, prob in probs]
    return f"<tr>{_head(name)}{_bar(parts, 1)}</tr>"
