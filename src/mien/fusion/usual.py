"""What is usual for a person: unlabelled knowledge of the group that an item belongs to.

A face that always looks a little angry is not angry. Where several items of one person are at
hand, each witness's mean over all of them says how this person usually comes across; a pool that
has learnt to read it takes it off. No label is used, but it is taken for granted that the people
show about the same mixture of emotions, as actors do who all play the same lines.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.emotions import MIEN7
from mien.witness import FloatArray, Witness, WitnessTable

# A mean over fewer items says more of the items than of the person.
ENOUGH_ITEMS = 10
PREFIX = "usual "


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
