"""An analysis as rows, one per segment and modality, for CSV, Parquet and pandas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.analysis.explanation import Explanation
from mien.emotions import MIEN7

SMOOTHED = "smoothed"
_DERIVED = ("disagreement", "conflict", "valence", "intensity", "abstained")
COLUMNS = (
    "segment", "start", "end", "branch", "person", *MIEN7.labels, "top", "confidence", "quality",
    "success", "reason", *_DERIVED,
)  # fmt: skip
"""``docs/exports.md`` describes the columns."""


def tiers(analysis: Analysis) -> Iterator[tuple[str, int | None, Evidence]]:
    """Modality, identity of the person and evidence of every prediction.

    The branches come first, then the fused rows, the smoothed fused rows, and other people.
    """
    for name, evidence in analysis.by_branch.items():
        yield name, None, evidence
    yield "fused", None, analysis.fused
    if "fused" in analysis.smoothed:
        yield SMOOTHED, None, analysis.smoothed["fused"]
    for who, evidence in analysis.people.items():
        yield "face", who, evidence


def tier_name(name: str, who: int | None) -> str:
    """``voice``, ``face (person 2)``."""
    return name if who is None else f"{name} (person {who})"


def rows(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """One mapping with the keys ``COLUMNS`` per segment and modality; absent numbers are NaN.

    Derived values are given on the fused rows only.
    """
    for name, who, evidence in tiers(analysis):
        for i, segment in enumerate(analysis.segments):
            present = not evidence.reasons[i]
            row: dict[str, Any] = {"segment": i, "start": segment.start, "end": segment.end}
            row |= {"branch": name, "person": "" if who is None else str(who)}
            row |= dict(zip(MIEN7.labels, evidence.probs[i].tolist(), strict=True))
            row["top"] = evidence.top(i)
            row["confidence"] = float(evidence.probs[i].max()) if present else float(np.nan)
            row["quality"] = float(evidence.quality[i])
            row |= {"success": int(present), "reason": evidence.reasons[i]}
            told = present and evidence is analysis.fused and bool(analysis.explanations)
            yield row | _derived(analysis.explanations[i] if told else None)


def _derived(found: Explanation | None) -> dict[str, Any]:
    """The columns of an explanation; empty where there is none."""
    if found is None:
        return dict.fromkeys(_DERIVED, float("nan")) | {"conflict": ""}
    return {
        "disagreement": found.disagreement.degree,
        "conflict": found.disagreement.words,
        "valence": found.valence,
        "intensity": found.intensity,
        "abstained": int(found.abstained),
    }
