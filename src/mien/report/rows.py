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
"""``docs/exports.md`` describes the columns; :func:`columns_of` those of an analysis."""
SIGNAL_COLUMNS = ("time", "signal", "value", "unit", "quality", "reason", "branch", "source")
"""The columns of a table of signals, a row a sample."""


def columns_of(analysis: Analysis) -> tuple[str, ...]:
    """``COLUMNS``, and one for each signal track."""
    return (*COLUMNS, *(track.column for track in analysis.signals))


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
    """One mapping with the keys :func:`columns_of` per segment and modality.

    Absent numbers are NaN. Derived values and the means of signals are on the fused rows only.
    """
    signals = _signal_means(analysis)
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
            row |= _derived(analysis.explanations[i] if told else None)
            fused = evidence is analysis.fused
            yield row | {column: means[i] if fused else np.nan for column, means in signals.items()}


def _signal_means(analysis: Analysis) -> dict[str, list[float]]:
    """By column, the mean of a signal in each segment; NaN where it is absent."""
    found = {
        track.column: [track.mean(segment) for segment in analysis.segments]
        for track in analysis.signals
    }
    return {name: [np.nan if m is None else m for m in means] for name, means in found.items()}


def signal_rows(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """One mapping with the keys ``SIGNAL_COLUMNS`` per sample; absent values are NaN."""
    for track in analysis.signals:
        fixed = {"signal": track.name, "unit": track.unit}
        fixed |= {"branch": track.branch, "source": track.source}
        columns = zip(track.times, track.values, track.quality, track.reasons, strict=True)
        for time, value, quality, reason in columns:
            number = np.nan if value is None else value
            yield fixed | {"time": time, "value": number, "quality": quality, "reason": reason}


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
