"""Several posteriors of the same items, as fusion learns from them: by name, blind to modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from mien.emotions import MIEN7
from mien.errors import ContractError, DataError
from mien.mathematics import BoolArray, FloatArray, IntArray

# Below this a probability counts as this much in a logarithm.
FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Posteriors:
    """What one modality says of n items: probabilities, how far to trust them, and absence.

    The one type that fusion reads. The evidence of a recording is one too, see
    :class:`mien.analysis.evidence.Evidence`.

    Args:
        probs: ``(n, 7)``; a present row is non-negative and sums to 1, an absent one is NaN.
        quality: ``(n,)`` in [0, 1], how far the modality trusts its own input.
        extras: further numbers by name, each ``(n,)``; NaN where unknown.

    Raises:
        ContractError: if the shapes or the ranges do not hold.
    """

    probs: FloatArray
    quality: FloatArray
    extras: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "probs", _frozen(self.probs))
        object.__setattr__(self, "quality", _frozen(self.quality))
        n = len(self.probs)
        lengths = {len(self.quality), *(len(column) for column in self.extras.values())}
        if self.probs.shape != (n, len(MIEN7)) or lengths != {n}:
            raise ContractError(
                f"{self._called} of {n} items need probs {(n, len(MIEN7))} and columns of {n}; got "
                f"{self.probs.shape} and lengths {sorted(lengths)}."
            )
        rows = self.probs[self.present]
        if not np.isfinite(rows).all() or (rows < 0).any():
            raise ContractError(f"{self._called}: a present row needs finite probabilities >= 0.")
        if not np.allclose(rows.sum(axis=1), 1.0, atol=1e-6):
            raise ContractError(f"{self._called}: every present row must sum to 1.")
        if not np.isnan(self.probs[~self.present]).all():
            raise ContractError(f"{self._called}: an absent row must be NaN, not a guess.")
        if not ((self.quality >= 0) & (self.quality <= 1)).all():
            raise ContractError(f"{self._called}: quality must lie in [0, 1].")

    @property
    def _called(self) -> str:
        """Its name in errors."""
        return "Posteriors"

    def __len__(self) -> int:
        return len(self.probs)

    @cached_property
    def present(self) -> BoolArray:
        """True for the rows with a judgement, ``(n,)``."""
        return np.asarray(np.isfinite(self.probs).all(axis=1))

    def top(self, row: int) -> str | None:
        """The likeliest label of a row, None if it is absent."""
        if np.isnan(self.probs[row, 0]):
            return None
        return MIEN7.labels[int(self.probs[row].argmax())]

    def select(self, rows: npt.ArrayLike) -> Self:
        """The rows of a mask or of indices, in the order given."""
        which = indices_of(rows)
        extras = {name: column[which] for name, column in self.extras.items()}
        return replace(self, probs=self.probs[which], quality=self.quality[which], extras=extras)


def indices_of(rows: npt.ArrayLike) -> IntArray:
    """The rows that a mask or a list of indices chooses, as indices."""
    which = np.asarray(rows)
    return np.asarray(np.flatnonzero(which) if which.dtype == bool else which, dtype=np.int64)


def _frozen(values: npt.ArrayLike) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class PosteriorTable:
    """Labelled items and the posteriors of each modality.

    Args:
        name: of the data, for reports.
        items: n names.
        labels: ``(n,)`` columns of the true labels.
        groups: n names of what must not be divided between training and test (speaker, dialogue).
        posteriors: by name, each of n rows in the order of ``items``.
        seconds: ``(n,)`` length of each item, 0 where unknown.
        licence: of the data.
        packs: SHA-256 of the pack behind each posteriors, where it is known.

    Raises:
        DataError: if there is no item, no posteriors, or the lengths differ.
    """

    name: str
    items: tuple[str, ...]
    labels: IntArray
    groups: npt.NDArray[np.str_]
    posteriors: Mapping[str, Posteriors]
    seconds: FloatArray
    licence: str = "see its source"
    packs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.items)
        lengths = {len(self.labels), len(self.groups), len(self.seconds)}
        lengths |= {len(posteriors) for posteriors in self.posteriors.values()}
        if n == 0 or not self.posteriors or lengths != {n}:
            raise DataError(
                f"{self.name}: expected at least one item and one modality, all of the same "
                f"length; got {n} items and {len(self.posteriors)} modalities."
            )

    def __len__(self) -> int:
        return len(self.items)

    @property
    def complete(self) -> BoolArray:
        """True for the items that every modality judged, ``(n,)``."""
        return np.asarray(np.logical_and.reduce([w.present for w in self.posteriors.values()]))

    def select(self, rows: npt.ArrayLike) -> PosteriorTable:
        """The rows of a mask or of indices."""
        indices = indices_of(rows)
        return replace(
            self,
            items=tuple(self.items[i] for i in indices),
            labels=self.labels[indices],
            groups=self.groups[indices],
            posteriors={name: w.select(indices) for name, w in self.posteriors.items()},
            seconds=self.seconds[indices],
        )


def group_folds(groups: npt.NDArray[np.str_], folds: int, seed: int) -> IntArray:
    """A fold for every item, no group divided: groups in random order are dealt out in turn.

    Args:
        groups: ``(n,)`` names.
        folds: how many, at least 2 and at most the number of groups.
        seed: of the order.

    Raises:
        DataError: if there are fewer groups than folds.
    """
    names = np.unique(groups)
    if not 2 <= folds <= len(names):
        raise DataError(
            f"{folds} folds cannot be had from {len(names)} groups; ask for 2 to {len(names)}, or "
            "give every item its own group."
        )
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = dict(zip(names[order], np.arange(len(names)) % folds, strict=True))
    return np.array([fold_of[group] for group in groups], dtype=np.int64)
