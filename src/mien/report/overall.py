"""An analysis seen at once: the answer for the whole as its one row."""

from __future__ import annotations

from dataclasses import replace

from mien.analysis.analysis import Analysis


def at_once(analysis: Analysis) -> Analysis:
    """The analysis with the answer for the whole as the one row; as it is where there is none."""
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
    """How many people are in view and who of them speaks, in words; empty if nobody is.

    Args:
        analysis: of a clip.
        more: put after the number of people.
    """
    people = {track.identity for track in analysis.faces}
    if not people:
        return ""
    speak = sorted({track.identity for track in analysis.faces if track.lips is not None})
    if len(people) == 1:
        return f"1 person in view{more}{', who speaks' if speak else ''}"
    named = "person" if len(speak) == 1 else "people"
    who = f"{named} {', '.join(map(str, speak))} seen to speak"
    if not speak and analysis.speech:
        who = "not to be seen who speaks"
    return f"{len(people)} people in view{more}{', ' + who if speak or analysis.speech else ''}"
