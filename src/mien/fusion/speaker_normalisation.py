"""Speaker normalisation: unlabelled knowledge of the person or dialogue that an item belongs to.

A face that always looks slightly angry is not angry. Where several items of one person are at
hand, the mean posteriors of each modality over all of them describe how this person usually
appears; a pool that was fitted with these means as inputs subtracts them. No label is used, but
the people are assumed to show about the same mixture of emotions, as actors do who all play the
same lines.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.emotions import MIEN7
from mien.mathematics import FloatArray
from mien.posteriors import Posteriors, PosteriorTable

# A mean over fewer items says more of the items than of the person.
ENOUGH_ITEMS = 10
PREFIX = "usual "


def groups_are_large(table: PosteriorTable) -> bool:
    """Whether every group of a table has enough items for its usual to be known."""
    return bool(np.unique(table.groups, return_counts=True)[1].min() >= ENOUGH_ITEMS)


def with_speaker_means(table: PosteriorTable) -> PosteriorTable:
    """The table with what is usual in each item's group as extras of every posteriors.

    The extras are ``usual <label>`` (mean probability) and ``usual <extra>`` for each extra; NaN
    in groups where fewer than ``ENOUGH_ITEMS`` items were judged.
    """
    _, group = np.unique(table.groups, return_inverse=True)
    return replace(
        table, posteriors={name: _extended(w, group) for name, w in table.posteriors.items()}
    )


def _extended(posteriors: Posteriors, group: np.ndarray) -> Posteriors:
    columns = dict(zip(MIEN7.labels, posteriors.probs.T, strict=True)) | dict(posteriors.extras)
    usual = {PREFIX + name: _group_mean(column, group) for name, column in columns.items()}
    return Posteriors(posteriors.probs, posteriors.quality, {**posteriors.extras, **usual})


def _group_mean(column: FloatArray, group: np.ndarray) -> FloatArray:
    known = np.isfinite(column)
    counts = np.bincount(group, weights=known)
    sums = np.bincount(group, weights=np.where(known, column, 0.0))
    means = np.where(counts >= ENOUGH_ITEMS, sums / np.maximum(counts, 1), np.nan)
    return np.asarray(means[group])
