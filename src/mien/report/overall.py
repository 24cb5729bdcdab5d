"""The overall prediction of an analysis."""

from __future__ import annotations

from dataclasses import replace

from mien.analysis.analysis import Analysis


def at_once(analysis: Analysis) -> Analysis:
    """The analysis with the overall prediction as its only row; unchanged if there is none."""
    whole = analysis.whole
    if whole is None:
        return analysis
    return replace(
        analysis,
        segments=(whole.segment,),
        fused=whole.fused,
        by_branch=whole.by_branch,
        explanations=() if whole.explanation is None else (whole.explanation,),
        people={},
        smoothed={},
    )


def in_view(analysis: Analysis, more: str = "") -> str:
    """The number of people in view and who of them speaks, in words; empty if nobody is in view.

    Args:
        analysis: analysis of a clip.
        more: text after the number of people.
    """
    people = {track.identity for track in analysis.faces}
    if not people:
        return ""
    speak = sorted({track.identity for track in analysis.faces if track.lips is not None})
    if len(people) == 1:
        return f"1 person in view{more}{', who speaks' if speak else ''}"
    named = "person" if len(speak) == 1 else "people"
    who = f"{named} {', '.join(map(str, speak))} visibly speaking"
    if not speak and analysis.speech:
        who = "speaker not visible"
    return f"{len(people)} people in view{more}{', ' + who if speak or analysis.speech else ''}"
