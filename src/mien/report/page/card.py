"""A small piece of markup for notebooks: the answer, and each modality beside it."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mien.findings import UNDECIDED, plain_name
from mien.report.colours import EMOTIONS, ink

if TYPE_CHECKING:
    from mien.evidence import Evidence
    from mien.results import Analysis

NOTE = "A label says how an observer would name the expression, not what a person feels."
_NAMED = 0.14


def card_html(analysis: Analysis) -> str:
    """Bars of the answer for the whole (else of the first segment), without scripts.

    Every word of the recording is escaped; colours follow the notebook's theme.
    """
    whole = analysis.whole
    fused, branches, finding = analysis.fused, analysis.by_branch, None
    if whole is not None:
        fused, branches, finding = whole.fused, whole.by_branch, whole.finding
    elif analysis.findings:
        finding = analysis.findings[0]
    rows = [_row("fused", fused)]
    rows += [_row(plain_name(name), evidence) for name, evidence in branches.items()]
    said = fused.top(0) if len(fused.segments) else None
    if finding is not None and finding.abstained:
        said = UNDECIDED
    conflict = finding.disagreement.words if finding is not None else ""
    count = len(analysis.segments)
    facts = [f"{count} segment{'' if count == 1 else 's'}"]
    facts += [f"{analysis.clip.duration:.1f} s"] if analysis.clip.duration else []
    facts += ["stopped before its end"] if analysis.partial else []
    notes = [conflict, *analysis.provenance.warnings, NOTE]
    return (
        '<div style="font:14px/1.5 system-ui,sans-serif;max-width:640px">'
        f"<b>{escape(Path(analysis.clip.path).name)}</b>: {escape(said or 'not judged')} "
        f'<span style="opacity:.75">({escape(", ".join(facts))})</span>'
        f'<table style="width:100%;border-collapse:collapse">{"".join(rows)}</table>'
        + "".join(f'<div style="font-size:12px;opacity:.75">{escape(n)}</div>' for n in notes if n)
        + "</div>"
    )


def _row(name: str, evidence: Evidence) -> str:
    head = f'<th style="text-align:left;font-weight:500;width:70px">{escape(name)}</th>'
    if not len(evidence.segments) or evidence.reasons[0]:
        why = evidence.reasons[0] if evidence.reasons else "nothing to judge"
        return f'<tr>{head}<td style="text-align:left;opacity:.75">absent: {escape(why)}</td></tr>'
    parts = []
    for label, prob in zip(evidence.space.labels, evidence.probs[0].tolist(), strict=True):
        colour = EMOTIONS[label]
        text = f"{label} {prob:.0%}" if prob >= _NAMED else ""
        parts.append(
            f'<span title="{label} {prob:.0%}" style="flex:{prob:.4f} 1 0;min-width:0;'
            f"overflow:hidden;white-space:nowrap;background:{colour};color:{ink(colour)};"
            f'font-size:12px;line-height:20px;padding-left:{4 if text else 0}px">{text}</span>'
        )
    bar = f'<div style="display:flex;gap:1px;height:20px">{"".join(parts)}</div>'
    return f'<tr>{head}<td style="padding:1px 0">{bar}</td></tr>'
