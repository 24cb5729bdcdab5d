"""What is usual for a person: unlabelled knowledge of the group that an item belongs to.

A face that always looks a little angry is not angry. Where several items of one person are at
hand, each witness's mean over all of them says how this person usually comes across; a pool that
has learnt to read it takes it off. No label is used, but it is taken for granted that the people
show about the same mixture of emotions, as actors do who all play the same lines.

Of a recording the same mean is told beside the answer: :func:`baseline` says what a face shows on
average and where it departs from that. Nothing is taken off there; what is usual for a person may
be a resting face or a sad conversation, and the mean cannot tell which.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.course import Baseline, Departure
from mien.emotions import MIEN7
from mien.evidence import Evidence
from mien.timebase import Segment
from mien.witness import FloatArray, Witness, WitnessTable

# A mean over fewer items says more of the items than of the person.
ENOUGH_ITEMS = 10
PREFIX = "usual "
ENOUGH_SECONDS = 20.0
"""A face judged for less time has no baseline: short windows give ten rows in a few seconds."""
LEAST = 0.2
"""Difference of a probability from its mean from which on a row departs."""


def groups_are_large(table: WitnessTable) -> bool:
    """Whether every group of a table has enough items for its usual to be known."""
    return bool(np.unique(table.groups, return_counts=True)[1].min() >= ENOUGH_ITEMS)


def with_usual(table: WitnessTable) -> WitnessTable:
    """The table with what is usual in each item's group as extras of every witness.

    The extras are ``usual <label>`` (mean probability) and ``usual <extra>`` for each extra; NaN
    in groups where fewer than ``ENOUGH_ITEMS`` items were judged.
    """
    _, group = np.unique(table.groups, return_inverse=True)
    return replace(
        table, witnesses={name: _extended(w, group) for name, w in table.witnesses.items()}
    )


def _extended(witness: Witness, group: np.ndarray) -> Witness:
    columns = dict(zip(MIEN7.labels, witness.probs.T, strict=True)) | dict(witness.extras)
    usual = {PREFIX + name: _group_mean(column, group) for name, column in columns.items()}
    return Witness(witness.probs, witness.quality, {**witness.extras, **usual})


def _group_mean(column: FloatArray, group: np.ndarray) -> FloatArray:
    known = np.isfinite(column)
    counts = np.bincount(group, weights=known)
    sums = np.bincount(group, weights=np.where(known, column, 0.0))
    means = np.where(counts >= ENOUGH_ITEMS, sums / np.maximum(counts, 1), np.nan)
    return np.asarray(means[group])


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
    labels = face.space.labels
    departures = []
    for part in np.split(np.arange(len(rows)), np.flatnonzero(~same) + 1):
        if kind[part[0]]:
            first, last = (face.segments[rows[i]] for i in (part[0], part[-1]))
            by = float(np.average(most[part], weights=np.maximum(weights[part], 1e-9)))
            label = labels[int(column[part[0]])]
            departures.append(Departure(Segment(first.start, last.end), label, by))
    named = dict(zip(labels, mean.tolist(), strict=True))
    return Baseline(who, len(rows), judged, named, tuple(departures))
