"""Where the time goes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Stopwatch:
    """Seconds spent by room, with what was spent before.

    Args:
        before: seconds by room.
    """

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self._seconds = dict(before or {})

    @contextmanager
    def time(self, room: str) -> Iterator[None]:
        """Count what happens inside for a room."""
        started = time.perf_counter()
        yield
        self._seconds[room] = self._seconds.get(room, 0.0) + time.perf_counter() - started

    def seconds(self, share: float = 1.0) -> dict[str, float]:
        """Seconds by room, or a share of them, to the millisecond."""
        return {room: round(spent * share, 3) for room, spent in self._seconds.items()}
