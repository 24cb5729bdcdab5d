"""The seconds of the recording at which a track has a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mien_body.measured import Floats


@dataclass(frozen=True, eq=False)
class Grid:
    """Whole seconds, on the clock of the file.

    Args:
        times: ``(n,)`` middles of the seconds, on the clock of the file.
        low, high: what of the file may be looked at, seconds of the file.
        offset: what is added to get seconds of the recording.
    """

    times: npt.NDArray[np.floating[Any]]
    low: float
    high: float
    offset: float

    def window(self, time: float, length: float) -> tuple[float, float]:
        """A window around a time, moved into the file where it would reach beyond it."""
        low = float(np.clip(time - length / 2, self.low, max(self.low, self.high - length)))
        return low, low + length


@dataclass(frozen=True, eq=False)
class Track:
    """A value, or the reason for none, at each second of a grid, and its quality ``(n,)``."""

    values: list[float | str]
    quality: Floats

    @property
    def numbers(self) -> Floats:
        """The values; NaN where there is none, ``(n,)``."""
        return np.array([np.nan if isinstance(v, str) else v for v in self.values])
