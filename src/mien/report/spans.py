"""Rows as spans that do not overlap, for the tiers of annotation tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.emotions import MIEN7
from mien.timebase import Segment


@dataclass(frozen=True)
class Span:
    """A time span with one label.

    Args:
        segment: seconds.
        label: the most probable label of all rows of the span.
        prob: mean probability of the label.
        rows: row indices of the evidence.
    """

    segment: Segment
    label: str
    prob: float
    rows: tuple[int, ...]


def own_segments(segments: Sequence[Segment]) -> list[Segment]:
    """Each segment with half of the overlap with its neighbours, so that none overlap."""
    own = list(segments)
    for i in range(len(own) - 1):
        if own[i].end > own[i + 1].start:
            edge = (own[i].end + own[i + 1].start) / 2
            own[i] = Segment(min(own[i].start, edge), edge)
            own[i + 1] = Segment(edge, max(edge, own[i + 1].end))
    return own


def spans(evidence: Evidence, merge: bool = True) -> list[Span]:
    """The spans of an evidence in time order; absent rows leave a gap, instants are left out.

    Args:
        evidence: rows in time order.
        merge: whether to merge adjacent rows with the same label.
    """
    found: list[Span] = []
    for i, segment in enumerate(own_segments(evidence.segments)):
        label = evidence.top(i)
        if label is None or segment.duration <= 0:
            continue
        prob = float(evidence.probs[i].max())
        last = found[-1] if found else None
        if merge and last and last.label == label and segment.start - last.segment.end < 1e-6:
            count = len(last.rows)
            mean = (last.prob * count + prob) / (count + 1)
            joined = Segment(last.segment.start, segment.end)
            found[-1] = Span(joined, label, mean, (*last.rows, i))
        else:
            found.append(Span(segment, label, prob, (i,)))
    return found


def labels_of(analysis: Analysis) -> Callable[[Segment], tuple[str, float] | None]:
    """The fused label that speaks for a stretch of time, and its probability, as a function of it.

    That of the greatest probability of :func:`probs_of`; None if all rows are absent.
    """
    probs_at = probs_of(analysis, analysis.fused)

    def label(segment: Segment) -> tuple[str, float] | None:
        probs = probs_at(segment)
        return None if probs is None else (MIEN7.labels[int(probs.argmax())], float(probs.max()))

    return label


def probs_of(
    analysis: Analysis, evidence: Evidence
) -> Callable[[Segment], npt.NDArray[np.float64] | None]:
    """The probabilities ``(7,)`` of an evidence over a stretch of time, as a function of it.

    The mean of the rows that overlap it, weighted by the overlap; None if all are absent.
    """
    starts = np.array([segment.start for segment in analysis.segments])
    ends = np.array([segment.end for segment in analysis.segments])
    present, known = evidence.present, np.nan_to_num(evidence.probs)

    def probs(segment: Segment) -> npt.NDArray[np.float64] | None:
        shared = np.minimum(ends, segment.end) - np.maximum(starts, segment.start)
        weights = np.where(present, np.maximum(shared, 0.0), 0.0)
        if weights.sum() == 0:
            return None
        return np.asarray(weights @ known / weights.sum())

    return probs
