"""What a file of body signals holds, on the file's own clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError

Floats = npt.NDArray[np.float64]

WAVES = ("ecg", "ppg", "eda", "resp", "acc")
"""Kinds of channels that are sampled at a fixed rate."""
SERIES = ("hr", "rr")
"""Kinds of series whose values have times of their own."""
LOWEST = {"ecg": 50.0, "ppg": 20.0, "eda": 1.0, "resp": 2.0, "acc": 4.0}
"""Samples a second below which a channel of a kind cannot be used."""
MOST_SAMPLES = 400_000_000


@dataclass(frozen=True, eq=False)
class Wave:
    """A channel that is sampled at a fixed rate.

    Args:
        kind: one of ``WAVES``.
        name: of the column or channel.
        unit: as the file says; empty if it does not.
        start: of the first sample, seconds of the file.
        rate: samples a second.
        samples: ``(n,)``, of ``acc`` ``(n, 3)`` in g; NaN where nothing was recorded.
    """

    kind: str
    name: str
    unit: str
    start: float
    rate: float
    samples: Floats

    @property
    def end(self) -> float:
        """Seconds of the file."""
        return self.start + len(self.samples) / self.rate

    def part(self, start: float, end: float) -> Wave:
        """The samples between two times, seconds of the file."""
        first = max(0, int(np.floor((start - self.start) * self.rate)))
        last = max(first, int(np.ceil((end - self.start) * self.rate)))
        begin = self.start + first / self.rate
        return Wave(self.kind, self.name, self.unit, begin, self.rate, self.samples[first:last])


@dataclass(frozen=True, eq=False)
class Series:
    """Values with times of their own: heart rates, or intervals between beats.

    Args:
        kind: ``hr`` (beats a minute) or ``rr`` (seconds between a beat and the one before it).
        name: of the column.
        times: ``(n,)`` seconds of the file, in order; of ``rr`` that of the later beat.
        values: ``(n,)``.
    """

    kind: str
    name: str
    times: Floats
    values: Floats


@dataclass(frozen=True)
class Marker:
    """A named moment, seconds of the file."""

    time: float
    name: str


@dataclass(frozen=True, eq=False)
class BodyFile:
    """What was read from a file.

    Args:
        name: of the file, as it is shown.
        format: in words.
        waves: at most one of a kind.
        series: at most one of a kind.
        markers: in time order.
        began: when second 0 of the file was; None if it does not say.
        zone_known: whether the file says in which time zone ``began`` is.
    """

    name: str
    format: str
    waves: tuple[Wave, ...] = ()
    series: tuple[Series, ...] = ()
    markers: tuple[Marker, ...] = ()
    began: datetime | None = None
    zone_known: bool = True
    notes: tuple[str, ...] = field(default=())

    def wave(self, kind: str) -> Wave | None:
        """The channel of a kind."""
        return next((wave for wave in self.waves if wave.kind == kind), None)

    def of(self, kind: str) -> Series | None:
        """The series of a kind."""
        return next((series for series in self.series if series.kind == kind), None)

    @property
    def extent(self) -> tuple[float, float]:
        """First and last second of the file."""
        starts = [wave.start for wave in self.waves] + [float(s.times[0]) for s in self.series]
        ends = [wave.end for wave in self.waves] + [float(s.times[-1]) for s in self.series]
        return min(starts), max(ends)


def unusable(name: Any, what: str, remedy: str) -> InputError:
    """The error for a file that cannot be used."""
    return InputError(f"{name} cannot be read as body signals: {what}; {remedy}.")


def evenly(times: Floats, values: Floats) -> tuple[float, float, Floats]:
    """Samples with times of their own as samples of a fixed rate; gaps are NaN.

    Devices write times of jittering steps, or one time for a packet of samples: the rate is that
    of all samples over the time that they cover, without gaps.

    Args:
        times: ``(n,)`` seconds, in order, repeated ones allowed.
        values: ``(n,)`` or ``(n, k)``.

    Returns:
        start in seconds, rate, and the samples.
    """
    steps = np.diff(times)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    long = steps > max(1.0, 20 * usual)
    covered = float(times[-1] - times[0] - steps[long].sum())
    counted = len(times) - 1 - int(long.sum())
    rate = counted / covered if covered > 0 and counted > 0 else 0.0
    if rate <= 0:
        return float(times[0]), 0.0, values
    groups = np.split(np.arange(len(times)), np.flatnonzero(long) + 1)
    total = int(np.ceil((times[-1] - times[0]) * rate)) + 2
    if total > MOST_SAMPLES:
        raise InputError(
            f"{total} samples are more than can be held ({MOST_SAMPLES}); cut the file into parts."
        )
    even = np.full((total, *values.shape[1:]), np.nan)
    for rows in groups:
        first = round((times[rows[0]] - times[0]) * rate)
        lasts = float(times[rows[-1]] - times[rows[0]])
        count = round(lasts * rate) + 1
        at = np.linspace(0, len(rows) - 1, count)
        nearest = values[rows]
        moved = (
            np.column_stack([np.interp(at, np.arange(len(rows)), c) for c in nearest.T])
            if nearest.ndim == 2
            else np.interp(at, np.arange(len(rows)), nearest)
        )
        end = min(first + count, total)
        even[first:end] = moved[: end - first]
    return float(times[0]), rate, even[: first + count]
