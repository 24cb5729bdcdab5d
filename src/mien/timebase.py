"""Time as algebra: half-open segments of seconds, and regular clocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mien.errors import OptionError


@dataclass(frozen=True, order=True)
class Segment:
    """The half-open interval ``[start, end)`` in seconds.

    A segment without duration is an instant (a picture, a text without times).

    Raises:
        OptionError: if a bound is not finite or ``end < start``.

    Examples:
        >>> Segment(1.0, 3.0) & Segment(2.0, 5.0)
        Segment(start=2.0, end=3.0)
        >>> 3.0 in Segment(1.0, 3.0)
        False
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)) or self.end < self.start:
            raise OptionError(
                f"A segment needs finite seconds with start <= end, got [{self.start}, {self.end})."
            )

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """The centre in seconds."""
        return (self.start + self.end) / 2

    def __contains__(self, time: float) -> bool:
        return self.start <= time < self.end or self.start == time == self.end

    def __and__(self, other: Segment) -> Segment | None:
        """The intersection, or None if it is empty."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Segment(start, end) if start < end else None

    def overlap(self, other: Segment) -> float:
        """Duration of the intersection in seconds."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))

    def __str__(self) -> str:
        return f"{format_time(self.start)}-{format_time(self.end)}"


@dataclass(frozen=True)
class Clock:
    """Windows of ``duration`` seconds, one every ``step`` seconds from ``start``.

    Examples:
        >>> clock = Clock(start=0.0, step=0.5, duration=1.0)
        >>> clock.window(3)
        Segment(start=1.5, end=2.5)
        >>> clock.index(1.7)
        3
        >>> [window.start for window in clock.windows(Segment(0.0, 1.6))]
        [0.0, 0.5, 1.0]
    """

    start: float
    step: float
    duration: float

    def __post_init__(self) -> None:
        if not (self.step > 0 and self.duration > 0):
            raise OptionError(
                f"A clock needs a step and a duration above 0 s, got {self.step} and "
                f"{self.duration}."
            )

    def window(self, index: int) -> Segment:
        """The window of an index."""
        begin = self.start + index * self.step
        return Segment(begin, begin + self.duration)

    def index(self, time: float) -> int:
        """Index of the last window that starts at or before ``time`` (to a microsecond)."""
        return math.floor((time - self.start) / self.step + 1e-6)

    def windows(self, extent: Segment) -> Iterator[Segment]:
        """The windows that cover ``extent``; the last one is cut at its end.

        A window is returned only if it covers time that the previous ones did not.
        """
        covered = extent.start
        index = max(0, self.index(extent.start))
        while covered < extent.end - 1e-6:
            shared = self.window(index) & extent
            if shared is not None and shared.end > covered + 1e-6:
                yield shared
                covered = shared.end
            index += 1


def format_time(seconds: float) -> str:
    """``m:ss.s``, or ``h:mm:ss.s`` from one hour on.

    Examples:
        >>> format_time(75.25), format_time(3601)
        ('1:15.2', '1:00:01.0')
    """
    tenths = round(seconds * 10 - 1e-9)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"
