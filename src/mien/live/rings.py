"""The last of the sound and of the face crops, in memory of a fixed size."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

import numpy as np

from mien.scene import SAMPLE_RATE, Image, Samples
from mien.timebase import Segment

_FULL_SCALE = 32768


class SoundRing:
    """The last seconds of a sound, an ``AudioTrack`` from 0 s on; 32 kB a second.

    Samples have 16 bits, as in the spool of a file. What is no longer kept reads as nothing.

    Args:
        seconds: that are kept.

    Examples:
        >>> ring = SoundRing(1.0)
        >>> for level in (0.25, 0.5):
        ...     ring.append(np.full(16000, level, np.float32))
        >>> ring.duration, ring.read(Segment(0.5, 1.5)).tolist() == [0.5] * 8000
        (2.0, True)
    """

    def __init__(self, seconds: float) -> None:
        self._samples = np.zeros(round(seconds * SAMPLE_RATE), np.int16)
        self._count = 0
        self._turn = threading.Lock()

    @property
    def duration(self) -> float:
        """Seconds from 0 to the end of the sound."""
        return self._count / SAMPLE_RATE

    @property
    def first(self) -> float:
        """Seconds at which what is kept begins."""
        return max(0, self._count - len(self._samples)) / SAMPLE_RATE

    def stretches(self) -> tuple[Segment, ...]:
        """Where there is sound."""
        return (Segment(self.first, self.duration),)

    def append(self, samples: Samples) -> None:
        """Add samples ``(n,) float32`` in [-1, 1], fewer than are kept."""
        scaled = np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
        with self._turn:
            at = self._count % len(self._samples)
            before = min(len(scaled), len(self._samples) - at)
            self._samples[at : at + before] = scaled[:before]
            self._samples[: len(scaled) - before] = scaled[before:]
            self._count += len(scaled)

    def read(self, segment: Segment) -> Samples:
        """Samples of a segment, cut at the ends of what is kept, ``(n,) float32``."""
        size = len(self._samples)
        with self._turn:
            start = max(round(segment.start * SAMPLE_RATE), self._count - size, 0)
            stop = min(round(segment.end * SAMPLE_RATE), self._count)
            count = max(0, stop - start)
            at = start % size
            found = np.concatenate(
                [self._samples[at : at + count], self._samples[: max(0, at + count - size)]]
            )
        return found.astype(np.float32) / np.float32(_FULL_SCALE)


class CropRing:
    """The last face crops, a ``CropStore`` whose indices go on; 2.3 kB each.

    Args:
        most: crops that are kept.
    """

    def __init__(self, most: int) -> None:
        self._crops: deque[Image] = deque(maxlen=most)
        self._count = 0
        self._turn = threading.Lock()

    def __len__(self) -> int:
        return self._count

    @property
    def first(self) -> int:
        """Index of the first crop that is kept."""
        return self._count - len(self._crops)

    def append(self, crop: Image) -> int:
        """Keep a crop ``(48, 48) uint8`` and give its index."""
        with self._turn:
            self._crops.append(crop)
            self._count += 1
            return self._count - 1

    def take(self, indices: Sequence[int]) -> Image:
        """Crops ``(n, 48, 48) uint8``; one that is no longer kept is black.

        Raises:
            IndexError: if there was never a crop of such an index.
        """
        with self._turn:
            first, count = self.first, self._count
            kept = list(islice(self._crops, max(0, min(indices, default=first) - first), None))
            begin = count - len(kept)
        out = np.zeros((len(indices), 48, 48), np.uint8)
        for row, index in enumerate(indices):
            if not 0 <= index < count:
                raise IndexError(f"No crop {index}; there are {count}.")
            if index >= begin:
                out[row] = kept[index - begin]
        return out
