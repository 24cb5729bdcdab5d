"""What is pushed, on its way to the threads of a session."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.media.push import PushedSound
from mien.media.sound import TOLERANCE
from mien.scene import SAMPLE_RATE, Raster, Samples

WAITING = 2
"""Pictures that wait to be looked at; of more, the oldest are left out."""

Picture = tuple[float, Raster | bytes, float]
"""Its time, itself, and the moment at which it was pushed."""


class SoundIntake:
    """Pushed sound as blocks at 16 kHz that follow one another.

    Args:
        longest: seconds of silence that stand for missing sound at most.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._resampler: PushedSound | None = None
        self._seconds = 0.0

    def take(self, samples: npt.NDArray[Any], rate: int, at: float | None) -> Iterator[Samples]:
        """The blocks that some samples complete; silence first where sound is missing.

        Args:
            samples: as pushed.
            rate: of them.
            at: seconds at which they begin; None for right after the last.
        """
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        resampler = self._resampler
        if resampler is None or (resampler.rate, resampler.channels) != (rate, channels):
            yield from self.finish()
            resampler = self._resampler = PushedSound(rate, channels)
        missing = 0.0 if at is None else at - self._seconds
        if missing > TOLERANCE:
            yield from self._silence(missing)
        self._seconds += len(samples) / rate
        # Long pushes are taken in parts, so that the first speech of them is soon known.
        for start in range(0, len(samples), rate // 4):
            yield from resampler.push(samples[start : start + rate // 4])

    def finish(self) -> list[Samples]:
        """The rest of the sound."""
        resampler, self._resampler = self._resampler, None
        return [] if resampler is None else resampler.finish()

    def _silence(self, missing: float) -> Iterator[Samples]:
        """Silence in place of sound that did not come; what is longer than is kept is cut."""
        self._seconds += missing
        left = round(min(missing, self._longest) * SAMPLE_RATE)
        while left > 0:
            yield np.zeros(min(left, SAMPLE_RATE // 2), np.float32)
            left -= SAMPLE_RATE // 2


class PictureQueue:
    """Pictures that wait to be looked at, the newest ``WAITING``."""

    def __init__(self) -> None:
        self._pictures: deque[Picture] = deque()
        self._more = threading.Condition()
        self._ended = self._dropping = False

    def put(self, picture: Picture, wait: Callable[[], bool]) -> int:
        """Add a picture; how many were left out for it.

        Args:
            picture: the newest.
            wait: whether to wait for room rather than to leave one out.
        """
        with self._more:
            while len(self._pictures) >= WAITING and not self._ended and wait():
                self._more.wait(0.1)
            self._pictures.append(picture)
            over = max(0, len(self._pictures) - WAITING)
            for _ in range(over):
                self._pictures.popleft()
            self._more.notify_all()
            return over

    def next(self) -> Picture | None:
        """The next picture; None once there will be no more."""
        with self._more:
            while not self._pictures and not self._ended:
                self._more.wait(0.5)
            if self._dropping or not self._pictures:
                return None
            found = self._pictures.popleft()
            self._more.notify_all()
            return found

    def end(self, drop: bool = False) -> None:
        """No more pictures will come; those that wait are given still, unless they are dropped."""
        with self._more:
            self._ended, self._dropping = True, drop
            self._more.notify_all()
