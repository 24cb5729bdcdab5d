"""Per-person baseline: what a face shows on average, and where it departs from that.

Nothing is subtracted from the answers: the mean may be a resting face or a sad conversation, and
the mean alone cannot tell which.
"""

from __future__ import annotations

import numpy as np

from mien.analysis.evidence import Evidence
from mien.analysis.timeline import Baseline, Departure
from mien.emotions import MIEN7
from mien.mathematics import FloatArray
from mien.timebase import Segment

ENOUGH_ITEMS = 10
"""Least number of judged rows: a mean over fewer describes the moment rather than the person."""
ENOUGH_SECONDS = 20.0
"""Least judged time: short windows give ten rows in a few seconds."""
LEAST = 0.2
"""Smallest difference of a probability from its mean that counts as a departure."""


def baseline(face: Evidence, who: int, seconds: FloatArray) -> Baseline | None:
    """What a person's face shows on average, and where it departs from that.

    A row departs by the label whose probability differs most from its mean, if by ``LEAST`` or
    more. Rows that follow one another and depart by the same label to the same side are one
    departure; its difference is their mean.

    Args:
        face: of the person; rows of others are absent.
        who: identity of the person.
        seconds: ``(n,)`` that each row stands for.

    Returns:
        None if fewer than ``ENOUGH_ITEMS`` rows or ``ENOUGH_SECONDS`` were judged: a mean over less
        says more of the moment than of the person.
    """
    rows = np.flatnonzero(face.present)
    weights = seconds[rows]
    judged = float(weights.sum())
    if len(rows) < ENOUGH_ITEMS or judged < ENOUGH_SECONDS:
        return None
    probs = face.probs[rows]
    mean = weights @ probs / judged
    apart = probs - mean
    column = np.abs(apart).argmax(axis=1)
    most = apart[np.arange(len(rows)), column]
    kind = np.where(np.abs(most) >= LEAST, (column + 1) * np.sign(most).astype(int), 0)
    same = (np.diff(kind) == 0) & (np.diff(rows) == 1)
    labels = MIEN7.labels
    departures = []
    for part in np.split(np.arange(len(rows)), np.flatnonzero(~same) + 1):
        if kind[part[0]]:
            first, last = (face.segments[rows[i]] for i in (part[0], part[-1]))
            by = float(np.average(most[part], weights=np.maximum(weights[part], 1e-9)))
            label = labels[int(column[part[0]])]
            departures.append(Departure(Segment(first.start, last.end), label, by))
    named = dict(zip(labels, mean.tolist(), strict=True))
    return Baseline(who, len(rows), judged, named, tuple(departures))
