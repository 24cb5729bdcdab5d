"""When what sounds or is shown at a time was pushed."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import deque

MOST = 4096


class Stamps:
    """The last times that were pushed, and the moment of each on the clock of the machine.

    Examples:
        >>> stamps = Stamps()
        >>> stamps.note(1.0, 100.0)
        >>> stamps.note(2.0, 101.5)
        >>> stamps.wall(1.75)
        101.25
    """

    def __init__(self) -> None:
        self._noted: deque[tuple[float, float]] = deque(maxlen=MOST)
        self._turn = threading.Lock()

    def note(self, until: float, moment: float) -> None:
        """What ends at ``until`` seconds was pushed at a moment of ``time.monotonic``."""
        with self._turn:
            self._noted.append((until, moment))

    def wall(self, at: float) -> float:
        """The moment at which something sounded: that of the push that held it, less what follows.

        Args:
            at: seconds.

        Returns:
            now, if nothing so late was pushed.
        """
        with self._turn:
            place = bisect_left(self._noted, at, key=lambda one: one[0])
            if place == len(self._noted):
                return time.monotonic()
            until, moment = self._noted[place]
        return moment - (until - at)
