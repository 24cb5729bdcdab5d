"""What one branch says of every segment, or why it says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.emotions import MIEN7, EmotionSpace
from mien.errors import ContractError
from mien.mathematics import FloatArray
from mien.timebase import Segment


def _frozen(values: npt.ArrayLike, dtype: Any) -> npt.NDArray[Any]:
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one branch (or the fusion) says of every segment.

    Args:
        branch: name of the branch, ``"fused"`` for the fusion's.
        segments: n segments.
        probs: ``(n, k)``; a present row is non-negative and sums to 1, an absent one is NaN.
        quality: ``(n,)`` in [0, 1], how far the branch trusts its own input; 0 when absent.
        reasons: n strings, ``""`` for a present row, why there is no judgement for an absent one.
        space: the labels of the columns.

    Raises:
        ContractError: if any of that does not hold.
    """

    branch: str
    segments: tuple[Segment, ...]
    probs: FloatArray
    quality: FloatArray
    reasons: tuple[str, ...]
    space: EmotionSpace = MIEN7

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.segments))
        object.__setattr__(self, "reasons", tuple(self.reasons))
        object.__setattr__(self, "probs", _frozen(self.probs, np.float64))
        object.__setattr__(self, "quality", _frozen(self.quality, np.float64))
        n, k = len(self.segments), len(self.space)
        if self.probs.shape != (n, k) or self.quality.shape != (n,) or len(self.reasons) != n:
            raise ContractError(
                f"Evidence of {self.branch!r} for {n} segments needs probs {(n, k)}, quality "
                f"{(n,)} and {n} reasons; got {self.probs.shape}, {self.quality.shape}, "
                f"{len(self.reasons)}."
            )
        self._check_rows()

    def _check_rows(self) -> None:
        present = self.present
        rows = self.probs[present]
        if not np.isfinite(rows).all() or (rows < 0).any():
            raise ContractError(f"{self.branch!r}: a present row needs finite probabilities >= 0.")
        if not np.allclose(rows.sum(axis=1), 1.0, atol=1e-6):
            raise ContractError(f"{self.branch!r}: every present row must sum to 1.")
        if not np.isnan(self.probs[~present]).all():
            raise ContractError(f"{self.branch!r}: an absent row must be NaN, not a guess.")
        if not ((self.quality >= 0) & (self.quality <= 1)).all():
            raise ContractError(f"{self.branch!r}: quality must lie in [0, 1].")

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """True for the rows with a judgement, ``(n,)``."""
        return np.array([not reason for reason in self.reasons], dtype=bool)

    def top(self, row: int) -> str | None:
        """The likeliest label of a row, None if it is absent."""
        if self.reasons[row]:
            return None
        return self.space.labels[int(self.probs[row].argmax())]

    @classmethod
    def absent(cls, branch: str, segments: Sequence[Segment], reason: str) -> Evidence:
        """Evidence without any judgement, for one reason."""
        n = len(segments)
        return cls(
            branch, tuple(segments), np.full((n, len(MIEN7)), np.nan), np.zeros(n), (reason,) * n
        )

    @classmethod
    def of_rows(
        cls,
        branch: str,
        segments: Sequence[Segment],
        rows: Sequence[tuple[FloatArray, float] | str],
    ) -> Evidence:
        """Evidence from one entry a segment: ``(probs (k,), quality)``, or the reason for none."""
        n = len(rows)
        probs, quality = np.full((n, len(MIEN7)), np.nan), np.zeros(n)
        reasons = [""] * n
        for i, row in enumerate(rows):
            if isinstance(row, str):
                reasons[i] = row
            else:
                probs[i], quality[i] = row
        return cls(branch, tuple(segments), probs, quality, tuple(reasons))

    def select(self, rows: Sequence[int]) -> Evidence:
        """The same evidence for some of its rows, in the order given."""
        which = list(rows)
        return Evidence(
            self.branch,
            tuple(self.segments[i] for i in which),
            self.probs[which],
            self.quality[which],
            tuple(self.reasons[i] for i in which),
            self.space,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an absent row's probabilities are None."""
        rows = []
        for i, reason in enumerate(self.reasons):
            rows.append(
                {
                    "probs": None if reason else [round(float(p), 6) for p in self.probs[i]],
                    "quality": round(float(self.quality[i]), 4),
                    "reason": reason or None,
                }
            )
        return {"branch": self.branch, "rows": rows}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], segments: Sequence[Segment]) -> Evidence:
        """The inverse of :meth:`to_dict`."""
        rows: list[tuple[FloatArray, float] | str] = []
        for row in value["rows"]:
            if row["reason"]:
                rows.append(str(row["reason"]))
            else:
                probs = np.asarray(row["probs"], dtype=np.float64)
                # What was rounded here sums to one closely enough and comes back as it was.
                near = abs(float(probs.sum()) - 1) < 1e-5
                rows.append((probs if near else probs / probs.sum(), float(row["quality"])))
        return cls.of_rows(value["branch"], segments, rows)
