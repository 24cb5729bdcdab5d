"""What one branch says of every segment, or why it says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mien.emotions import MIEN7
from mien.errors import ContractError
from mien.mathematics import BoolArray, FloatArray
from mien.posteriors import Posteriors, indices_of
from mien.timebase import Segment

Row = tuple[FloatArray, float] | str
"""One segment judged, ``(probs (7,), quality)``, or the reason why it was not."""


@dataclass(frozen=True, eq=False)
class Evidence(Posteriors):
    """What one branch (or the fusion) says of every segment.

    An evidence *is* the posteriors of segments: beside the probabilities and their quality it holds
    whose they are, the segments, and why a row is absent. Fusion needs none of the three, takes
    any posteriors and therefore takes evidences as they are. The columns are always the seven
    labels: a branch of other labels maps them by its ``LabelMap`` before it answers.

    Args:
        probs: ``(n, 7)``; a present row is non-negative and sums to 1, an absent one is NaN.
        quality: ``(n,)`` in [0, 1], how far the branch trusts its own input; 0 when absent.
        branch: name of the branch, ``"fused"`` for the fusion's.
        segments: n segments.
        reasons: n strings, ``""`` for a present row, why there is no judgement for an absent one.

    Raises:
        ContractError: if any of that does not hold.
    """

    _: KW_ONLY
    branch: str
    segments: tuple[Segment, ...]
    reasons: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.segments))
        object.__setattr__(self, "reasons", tuple(self.reasons))
        n, k = len(self.segments), len(MIEN7)
        shapes = np.shape(self.probs), np.shape(self.quality), len(self.reasons)
        if shapes != ((n, k), (n,), n):
            raise ContractError(
                f"{self._called} for {n} segments needs probs {(n, k)}, quality {(n,)} and {n} "
                f"reasons; got {shapes[0]}, {shapes[1]}, {shapes[2]}."
            )
        super().__post_init__()

    @property
    def _called(self) -> str:
        return f"Evidence of {self.branch!r}"

    @cached_property
    def present(self) -> BoolArray:
        """True for the rows with a judgement, ``(n,)``."""
        return np.array([not reason for reason in self.reasons], dtype=bool)

    @classmethod
    def absent(cls, branch: str, segments: Sequence[Segment], reason: str) -> Evidence:
        """Evidence without any judgement, for one reason."""
        return cls.of_rows(branch, segments, [reason] * len(segments))

    @classmethod
    def of_rows(cls, branch: str, segments: Sequence[Segment], rows: Sequence[Row]) -> Evidence:
        """Evidence from one entry a segment: ``(probs (7,), quality)``, or the reason for none."""
        n = len(rows)
        probs, quality = np.full((n, len(MIEN7)), np.nan), np.zeros(n)
        reasons = [""] * n
        for i, row in enumerate(rows):
            if isinstance(row, str):
                reasons[i] = row
            else:
                probs[i], quality[i] = row
        return cls(probs, quality, branch=branch, segments=tuple(segments), reasons=tuple(reasons))

    @classmethod
    def of(
        cls, branch: str, segments: Sequence[Segment], posteriors: Posteriors, reason: str
    ) -> Evidence:
        """Posteriors, one row a segment, as evidence; its absent rows all have one reason."""
        return cls(
            posteriors.probs,
            np.where(posteriors.present, posteriors.quality, 0.0),
            branch=branch,
            segments=tuple(segments),
            reasons=tuple("" if here else reason for here in posteriors.present),
        )

    def select(self, rows: npt.ArrayLike) -> Self:
        """The same evidence for the rows of a mask or of indices, in the order given."""
        which = indices_of(rows)
        return replace(
            self,
            probs=self.probs[which],
            quality=self.quality[which],
            extras={name: column[which] for name, column in self.extras.items()},
            segments=tuple(self.segments[i] for i in which),
            reasons=tuple(self.reasons[i] for i in which),
        )

    def to_dict(self, exact: bool = False) -> dict[str, Any]:
        """Plain values; an absent row's probabilities are None.

        Args:
            exact: whether all digits are kept; else probabilities have 6 decimals, qualities 4.
        """
        rows = []
        columns = zip(self.probs.tolist(), self.quality.tolist(), self.reasons, strict=True)
        for probs, quality, reason in columns:
            row = probs if exact else [round(p, 6) for p in probs]
            trust = quality if exact else round(quality, 4)
            rows.append(
                {"probs": None if reason else row, "quality": trust, "reason": reason or None}
            )
        return {"branch": self.branch, "rows": rows}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], segments: Sequence[Segment]) -> Evidence:
        """The inverse of :meth:`to_dict`."""
        rows: list[Row] = []
        for row in value["rows"]:
            if row["reason"]:
                rows.append(str(row["reason"]))
            else:
                probs = np.asarray(row["probs"], dtype=np.float64)
                # What was rounded here sums to one closely enough and comes back as it was.
                total = float(probs.sum())
                if not 0 < total < np.inf:
                    raise ContractError(f"The probabilities of a row sum to {total}, not to 1.")
                near = abs(total - 1) < 1e-5
                rows.append((probs if near else probs / total, float(row["quality"])))
        return cls.of_rows(value["branch"], segments, rows)


def concatenated(first: Evidence, second: Evidence) -> Evidence:
    """The rows of two evidences of one branch, one after the other."""
    return Evidence(
        np.concatenate([first.probs, second.probs]),
        np.concatenate([first.quality, second.quality]),
        branch=first.branch,
        segments=first.segments + second.segments,
        reasons=first.reasons + second.reasons,
    )
