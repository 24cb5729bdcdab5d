"""What a clip yields, kept for later: a few megabytes in memory, the rest on disk."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from mien.errors import OptionError
from mien.scene import SAMPLE_RATE, AudioBlock, Image, Samples
from mien.timebase import Segment

_FULL_SCALE = 32768
_CROP = (48, 48)


class _Spool:
    """Rows of a fixed number of bytes, appended at the end and read at will.

    Args:
        row: bytes of a row.
        memory: bytes that are kept in memory; beyond them everything moves to a temporary file.
    """

    def __init__(self, row: int, memory: int) -> None:
        self._row = row
        self._file = tempfile.SpooledTemporaryFile(max_size=memory)  # noqa: SIM115
        self._count = 0
        self._release = weakref.finalize(self, self._file.close)

    def close(self) -> None:
        """Delete what was kept; calling it twice is allowed."""
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _append(self, rows: bytes) -> None:
        self._file.seek(self._count * self._row)
        self._file.write(rows)
        self._count += len(rows) // self._row

    def _rows(self, start: int, stop: int) -> bytes:
        self._file.seek(start * self._row)
        return self._file.read(max(0, stop - start) * self._row)


class AudioSpool(_Spool):
    """The whole sound of a clip as 16-bit samples, an ``AudioTrack`` (32 kB a second).

    Args:
        memory: bytes that are kept in memory; beyond them it moves to a temporary file.
        start: seconds at which the first sample sounds.

    Examples:
        >>> with AudioSpool() as spool:
        ...     spool.append(np.full(16000, 0.5, np.float32))
        ...     spool.duration, spool.read(Segment(0.9999, 7.0)).tolist()
        (1.0, [0.5, 0.5])
    """

    def __init__(self, memory: int = 8_000_000, start: float = 0.0) -> None:
        super().__init__(2, memory)
        self._start = start

    @property
    def duration(self) -> float:
        """Seconds of sound."""
        return self._count / SAMPLE_RATE

    def append(self, samples: Samples) -> None:
        """Add the samples that follow, ``(n,) float32`` in [-1, 1]."""
        scaled = np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
        self._append(scaled.astype("<i2").tobytes())

    def read(self, segment: Segment) -> Samples:
        """Samples of a segment, cut at the ends of the track, ``(n,) float32``."""
        times = (segment.start - self._start, segment.end - self._start)
        start, stop = (round(t * SAMPLE_RATE) for t in times)
        return self._samples(max(0, start), min(stop, self._count))

    def blocks(self, seconds: float) -> Iterator[AudioBlock]:
        """All sound in blocks of ``seconds``; the last may be shorter."""
        size = round(seconds * SAMPLE_RATE)
        if size < 1:
            raise OptionError(f"A block needs at least one sample, got {seconds} s.")
        start = 0
        while start < self._count:
            stop = min(start + size, self._count)
            yield AudioBlock(self._start + start / SAMPLE_RATE, self._samples(start, stop))
            start = stop

    def _samples(self, start: int, stop: int) -> Samples:
        rows = np.frombuffer(self._rows(start, stop), "<i2")
        return rows.astype(np.float32) / np.float32(_FULL_SCALE)


class CropSpool(_Spool):
    """Gray face crops by index, a ``CropStore`` (2.3 kB each).

    Args:
        memory: bytes that are kept in memory; beyond them it moves to a temporary file.
    """

    def __init__(self, memory: int = 8_000_000) -> None:
        super().__init__(_CROP[0] * _CROP[1], memory)

    def __len__(self) -> int:
        return self._count

    def append(self, crop: Image) -> int:
        """Keep a crop ``(48, 48) uint8`` and give its index.

        Raises:
            OptionError: if it has another shape or type.
        """
        if crop.shape != _CROP or crop.dtype != np.uint8:
            raise OptionError(f"A crop is (48, 48) uint8, got {crop.shape} {crop.dtype}.")
        self._append(crop.tobytes())
        return self._count - 1

    def take(self, indices: Sequence[int]) -> Image:
        """Crops ``(n, 48, 48) uint8`` in the order of the indices.

        Raises:
            IndexError: if there is no crop of such an index.
        """
        for index in indices:
            if not 0 <= index < self._count:
                raise IndexError(f"No crop {index}; there are {self._count}.")
        rows = b"".join(self._rows(index, index + 1) for index in indices)
        return np.frombuffer(rows, np.uint8).reshape(-1, *_CROP)
