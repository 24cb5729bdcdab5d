"""An analysis seen at once: the answer for the whole as its one row."""

from __future__ import annotations

from dataclasses import replace

from mien.results import Analysis


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
        findings=() if whole.finding is None else (whole.finding,),
        people={},
        smoothed={},
    )
