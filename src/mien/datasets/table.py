"""The table type of all labelled sets."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.emotions import MIEN7
from mien.errors import DataError
from mien.mathematics import FloatArray


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Items with their labels, groups and splits.

    Args:
        items: pictures ``(n, 48, 48) uint8``, paths of recordings, or texts.
        targets: ``(n, 7)``, rows sum to 1; several labels share a row's weight equally.
        corpora: corpus of each row.
        groups: group of each row (speaker, dialogue ...), not to be divided between training and
            test.
        splits: published split of each row, ``""`` if there is none.
        extra: further columns of length n.
    """

    items: Any
    targets: FloatArray
    corpora: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    splits: npt.NDArray[np.str_]
    extra: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.items)
        columns = (self.targets, self.corpora, self.groups, self.splits, *self.extra.values())
        if any(len(column) != n for column in columns):
            raise DataError(f"A labelled set of {n} items needs columns of the same length.")
        if self.targets.shape[1:] != (len(MIEN7),):
            raise DataError(f"Targets must be (n, {len(MIEN7)}), got {self.targets.shape}.")

    def __len__(self) -> int:
        return len(self.items)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Column of the (first) label of each row, ``(n,)``."""
        return np.asarray(self.targets.argmax(axis=1), dtype=np.int64)

    @property
    def single(self) -> npt.NDArray[np.bool_]:
        """True for the rows with one label, ``(n,)``."""
        return np.asarray((self.targets > 0).sum(axis=1) == 1)

    def select(self, which: npt.ArrayLike) -> LabelledSet:
        """The rows of a boolean mask or of indices."""
        chosen = np.asarray(which)
        rows = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
        if isinstance(self.items, np.ndarray):
            items: Any = self.items[rows]
        else:
            items = [self.items[i] for i in rows]
        return LabelledSet(
            items,
            self.targets[rows],
            self.corpora[rows],
            self.groups[rows],
            self.splits[rows],
            {name: column[rows] for name, column in self.extra.items()},
        )

    def split(self, name: str) -> LabelledSet:
        """The rows of one published split.

        Raises:
            DataError: if the split has no rows.
        """
        mask = np.char.lower(self.splits) == name.lower()
        if not mask.any():
            known = ", ".join(sorted(set(self.splits.tolist()) - {""})) or "none"
            raise DataError(f"No row has the split {name!r}; the splits here are: {known}.")
        return self.select(mask)


def files_under(root: Path, suffixes: Collection[str]) -> list[Path]:
    """Files below a folder with one of the suffixes (lower case), sorted; links are followed."""
    found = [
        Path(folder, name)
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
        if Path(name).suffix.lower() in suffixes
    ]
    return sorted(found)


def build(
    items: Any,
    targets: FloatArray,
    corpus: str,
    *,
    groups: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    extra: dict[str, npt.NDArray[Any]] | None = None,
) -> LabelledSet:
    """A set of one corpus; groups and splits default to the empty string.

    Raises:
        DataError: if there are no rows.
    """
    n = len(items)
    if n == 0:
        raise DataError(f"No row of {corpus} could be read.")
    return LabelledSet(
        items,
        targets,
        np.full(n, corpus),
        np.asarray(groups if groups is not None else [""] * n, dtype=np.str_),
        np.asarray(splits if splits is not None else [""] * n, dtype=np.str_),
        extra or {},
    )


def concatenate(sets: Sequence[LabelledSet]) -> LabelledSet:
    """Concatenate sets; only extra columns that all of them have are retained."""
    if len(sets) == 1:
        return sets[0]
    shared = set.intersection(*(set(s.extra) for s in sets))
    if isinstance(sets[0].items, np.ndarray):
        items: Any = np.concatenate([s.items for s in sets])
    else:
        items = [item for s in sets for item in s.items]
    return LabelledSet(
        items,
        np.concatenate([s.targets for s in sets]),
        np.concatenate([s.corpora for s in sets]),
        np.concatenate([s.groups for s in sets]),
        np.concatenate([s.splits for s in sets]),
        {name: np.concatenate([s.extra[name] for s in sets]) for name in sorted(shared)},
    )
