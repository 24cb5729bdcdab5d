"""Derived tracks over time that a branch gives beside its judgement, such as a heart rate."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mien.analysis.codec import Seconds, Share
from mien.errors import ContractError
from mien.timebase import Segment

Kind = Literal["line", "points"]


@dataclass(frozen=True)
class SignalTrack:
    """A quantity over the time of the recording, with its quality and the reasons of its gaps.

    Args:
        name: in words, ``heart rate``; unique in an analysis.
        unit: of the values, ``bpm``; empty where they have none.
        branch: that gives it.
        source: what it was measured from, in words: file, column, method.
        kind: ``line`` (sampled over time) or ``points`` (single events; a value is their size).
        times: ``n`` times in order, seconds of the recording.
        values: one a time; None where it is absent.
        quality: one a time, in [0, 1]; 0 where it is absent.
        reasons: why a value is absent, one a time; empty where it is there.
        notes: what speaks against relying on it, each a sentence.

    Raises:
        ContractError: if the columns do not fit together.

    Examples:
        >>> track = SignalTrack.of("heart rate", "bpm", [0, 1], [61.0, "flat"], [0.9, 0.0])
        >>> track.values, track.reasons
        ((61.0, None), ('', 'flat'))
    """

    name: str
    unit: str
    branch: str
    source: str
    kind: Kind
    times: tuple[Seconds, ...]
    values: tuple[float | None, ...]
    quality: tuple[Share, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.times)
        if not len(self.values) == len(self.quality) == len(self.reasons) == n:
            raise self._broken(f"has {n} times; give as many values, qualities and reasons")
        if any(later < time for time, later in zip(self.times, self.times[1:], strict=False)):
            raise self._broken("has times out of order")
        for value, quality, reason in zip(self.values, self.quality, self.reasons, strict=True):
            if (value is None) != bool(reason):
                raise self._broken("needs a reason for every absent value, and for no other")
            if value is not None and not math.isfinite(value):
                raise self._broken(f"has the value {value}; give None and a reason")
            if not 0 <= quality <= 1:
                raise self._broken(f"has the quality {quality}; give a number in [0, 1]")

    def _broken(self, what: str) -> ContractError:
        return ContractError(f"The signal {self.name!r} {what}.")

    @classmethod
    def of(
        cls,
        name: str,
        unit: str,
        times: Sequence[float] | npt.NDArray[np.float64],
        values: Sequence[float | str],
        quality: Sequence[float] | npt.NDArray[np.float64],
        **more: Any,
    ) -> SignalTrack:
        """A track from one entry a time: its value, or the reason for none.

        Args:
            name: of the track.
            unit: of its values.
            times: seconds, in order.
            values: a number, or a text that says why there is none.
            quality: of each, in [0, 1]; what it says of an absent value does not count.
            more: ``branch``, ``source``, ``kind`` and ``notes``.
        """
        absent = [isinstance(value, str) for value in values]
        both = zip(quality, absent, strict=True)
        return cls(
            name=name,
            unit=unit,
            times=tuple(map(float, times)),
            values=tuple(None if isinstance(v, str) else float(v) for v in values),
            quality=tuple(0.0 if gone else float(q) for q, gone in both),
            reasons=tuple(v if isinstance(v, str) else "" for v in values),
            **({"branch": "", "source": "", "kind": "line"} | more),
        )

    def within(self, segment: Segment) -> SignalTrack:
        """What of it lies in a segment."""
        rows = range(bisect_left(self.times, segment.start), bisect_left(self.times, segment.end))
        return replace(
            self,
            times=tuple(self.times[i] for i in rows),
            values=tuple(self.values[i] for i in rows),
            quality=tuple(self.quality[i] for i in rows),
            reasons=tuple(self.reasons[i] for i in rows),
        )

    def mean(self, segment: Segment) -> float | None:
        """The mean of its values in a segment; of points their number; None where none is there."""
        part = self.within(segment)
        there = [value for value in part.values if value is not None]
        if self.kind == "points":
            return float(len(there))
        return sum(there) / len(there) if there else None

    @property
    def column(self) -> str:
        """Its name as a column of a table: ``heart_rate_bpm``, ASCII letters alone."""
        units = {"°C": "celsius", "µS": "us", "%": "percent"}
        unit = units.get(self.unit, self.unit)
        words = f"{self.name} {unit}".replace("/", " per ").lower()
        plain = "".join(
            letter if letter.isascii() and letter.isalnum() else " " for letter in words
        )
        return "_".join(plain.split())
