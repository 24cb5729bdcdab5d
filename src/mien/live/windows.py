"""The windows of a session: which are told when."""

from __future__ import annotations

from dataclasses import dataclass

from mien.timebase import Clock, Segment

SETTLED = 1.3
"""Seconds of sound behind a window after which its voice row stays: a turn may go on over a pause
of 0.8 s, and the sound of speech that fades is followed for a second."""
AHEAD = 3.0
"""Seconds by which the sound may be ahead of the pictures before it no longer waits for them."""


@dataclass(frozen=True)
class Reached:
    """How far a session is.

    Args:
        now: seconds of what came in.
        words: seconds up to which all words are known that will stay.
        seen: seconds up to which pictures were looked at; None where there are none.
    """

    now: float
    words: float
    seen: float | None


class Windows:
    """Counts through the grid of ``mien analyze --by window``.

    Args:
        window, step: seconds.

    Examples:
        >>> windows = Windows(5.0, 2.5)
        >>> windows.ended(Reached(5.0, 0.0, None)), windows.settled(Reached(6.4, 6.4, None))
        ([Segment(start=0.0, end=5.0)], [Segment(start=0.0, end=5.0)])
        >>> windows.last(8.0)
        [Segment(start=2.5, end=7.5), Segment(start=5.0, end=8.0)]
    """

    def __init__(self, window: float, step: float) -> None:
        self._clock = Clock(0.0, step, window)
        self._ended = self._settled = 0

    def ended(self, reached: Reached) -> list[Segment]:
        """The windows that have ended since the last call."""
        out = []
        while (window := self._clock.window(self._ended)).end <= reached.now + 1e-6:
            out.append(window)
            self._ended += 1
        return out

    def settled(self, reached: Reached) -> list[Segment]:
        """The windows of which all is known since the last call."""
        out = []
        while self._is_settled(window := self._clock.window(self._settled), reached):
            out.append(window)
            self._settled += 1
        return out

    def _is_settled(self, window: Segment, reached: Reached) -> bool:
        if reached.now < window.end + SETTLED or reached.words < window.end:
            return False
        seen = reached.seen
        return seen is None or seen >= window.end or reached.now > seen + AHEAD + SETTLED

    def last(self, duration: float) -> list[Segment]:
        """The windows that are left once the session has ended, the last of them cut."""
        extent = Segment(0.0, duration)
        return list(self._clock.windows(extent))[self._settled :] if duration > 0 else []
