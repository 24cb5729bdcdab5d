"""What a clip yields, kept for later: a few megabytes in memory, the rest on disk."""

from __future__ import annotations

import tempfile
import threading
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import TracebackType
from typing import IO, Self

import numpy as np

from mien.errors import OptionError, OutputError
from mien.scene import SAMPLE_RATE, AudioBlock, Image, Samples
from mien.timebase import Segment

_FULL_SCALE = 32768
_CROP = (48, 48)


class _Spool:
    """Rows of a fixed number of bytes, appended at the end and read at will, by any thread.

    Args:
        row: bytes of a row.
        memory: bytes that are kept in memory; beyond them everything moves to a temporary file.
        file: where the rows go instead, open for reading and writing.
        count: rows that it holds.
    """

    def __init__(
        self, row: int, memory: int, file: IO[bytes] | None = None, count: int = 0
    ) -> None:
        self._row = row
        self._file = file or tempfile.SpooledTemporaryFile(max_size=memory)  # noqa: SIM115
        self._count = count
        # A file has one position, and a row is read in two steps.
        self._turn = threading.Lock()
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

    def flush(self) -> None:
        """Hand all rows to the system, so that another process can read them."""
        self._file.flush()

    def _append(self, rows: bytes) -> None:
        try:
            with self._turn:
                self._file.seek(self._count * self._row)
                self._file.write(rows)
        except OSError as error:
            raise OutputError(
                f"The temporary files in {tempfile.gettempdir()} cannot be written "
                f"({error.strerror or error}); make room there, or set TMPDIR to a folder on "
                "another disk."
            ) from error
        self._count += len(rows) // self._row

    def _stored(self, start: int, stop: int) -> bytes:
        with self._turn:
            self._file.seek(start * self._row)
            return self._file.read(max(0, stop - start) * self._row)


class AudioSpool(_Spool):
    """The sound of a clip as 16-bit samples, an ``AudioTrack`` (32 kB a second of sound).

    Gaps take no room; they are read as silence.

    Args:
        memory: bytes that are kept in memory; beyond them it moves to a temporary file.
        start: seconds at which the clip, or the part of it, begins.
        file: where the samples go instead, open for reading and writing.

    Examples:
        >>> with AudioSpool() as spool:
        ...     spool.append(np.full(16000, 0.5, np.float32))
        ...     spool.append(np.full(16000, 0.5, np.float32), at=3600.0)
        ...     spool.duration, spool.read(Segment(0.9999, 7.0)).max(), spool.stretches()
        (3601.0, np.float32(0.5), (Segment(start=0.0, end=1.0), Segment(start=3600.0, end=3601.0)))
    """

    def __init__(
        self, memory: int = 8_000_000, start: float = 0.0, file: IO[bytes] | None = None
    ) -> None:
        super().__init__(2, memory, file)
        self._start = start
        # Of each stretch without a gap: where it begins on the axis and in the file, in samples.
        self._places = array("q")
        self._rows = array("q")
        self._known: tuple[int, tuple[Segment, ...]] = (-1, ())

    @property
    def index(self) -> tuple[float, int, array[int], array[int]]:
        """What :meth:`restored` needs: start, number of samples, places, rows."""
        return self._start, self._count, self._places, self._rows

    @classmethod
    def restored(
        cls, file: IO[bytes], start: float, count: int, places: array[int], rows: array[int]
    ) -> AudioSpool:
        """A spool that another process has written.

        Args:
            file: that holds the samples.
            start: seconds at which it begins.
            count: samples in the file.
            places: of each stretch without a gap, where it begins on the time axis, in samples.
            rows: the same in the file.
        """
        spool = cls(start=start, file=file)
        spool._count, spool._places, spool._rows = count, places, rows
        return spool

    @property
    def duration(self) -> float:
        """Seconds from ``start`` to the end of the sound, gaps included."""
        return self._end / SAMPLE_RATE

    @property
    def _end(self) -> int:
        return self._places[-1] + self._count - self._rows[-1] if self._places else 0

    def stretches(self) -> tuple[Segment, ...]:
        """Where there is sound, seconds, in time order."""
        if self._known[0] == self._count:
            return self._known[1]
        rows = [*self._rows, self._count]
        lengths = [after - row for row, after in pairwise(rows)]
        found = tuple(
            Segment(self._start + at / SAMPLE_RATE, self._start + (at + n) / SAMPLE_RATE)
            for at, n in zip(self._places, lengths, strict=True)
            if n
        )
        self._known = (self._count, found)
        return found

    def append(self, samples: Samples, at: float | None = None) -> None:
        """Add samples, ``(n,) float32`` in [-1, 1].

        Args:
            samples: what follows.
            at: seconds at which the first of them sounds, not before the end of those that are
                there; None for right after them.
        """
        place = self._end if at is None else round((at - self._start) * SAMPLE_RATE)
        if not self._places or place > self._end + 1:
            self._places.append(max(place, self._end))
            self._rows.append(self._count)
        scaled = np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
        self._append(scaled.astype("<i2").tobytes())

    def read(self, segment: Segment) -> Samples:
        """Samples of a segment, cut at the ends of the track, ``(n,) float32``."""
        times = (segment.start - self._start, segment.end - self._start)
        start, stop = (round(t * SAMPLE_RATE) for t in times)
        start, stop = max(0, start), min(stop, self._end)
        samples = np.zeros(max(0, stop - start), np.float32)
        for first, last, row in self._inside(start, stop):
            samples[first - start : last - start] = self._samples(row, row + last - first)
        return samples

    def blocks(self, seconds: float) -> Iterator[AudioBlock]:
        """All sound in blocks of ``seconds``; the last before a gap or the end may be shorter."""
        size = round(seconds * SAMPLE_RATE)
        if size < 1:
            raise OptionError(f"A block needs at least one sample, got {seconds} s.")
        for first, last, row in self._inside(0, self._end):
            for at in range(first, last, size):
                count = min(size, last - at)
                samples = self._samples(row + at - first, row + at - first + count)
                yield AudioBlock(self._start + at / SAMPLE_RATE, samples)

    def _inside(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The stretches between two samples: first, last, and the row of the first."""
        begin = max(0, bisect_right(self._places, start) - 1)
        for i in range(begin, len(self._places)):
            place, row = self._places[i], self._rows[i]
            if place >= stop:
                return
            rows = self._rows[i + 1] if i + 1 < len(self._rows) else self._count
            first, last = max(start, place), min(stop, place + rows - row)
            if first < last:
                yield first, last, row + first - place

    def _samples(self, start: int, stop: int) -> Samples:
        rows = np.frombuffer(self._stored(start, stop), "<i2")
        return rows.astype(np.float32) / np.float32(_FULL_SCALE)


class CropSpool(_Spool):
    """Gray face crops by index, a ``CropStore`` (2.3 kB each).

    Args:
        memory: bytes that are kept in memory; beyond them it moves to a temporary file.
        file: where the crops go instead, open for reading and writing.
        count: crops that it holds.
    """

    size = _CROP[0] * _CROP[1]
    """Bytes of a crop."""

    def __init__(
        self, memory: int = 8_000_000, file: IO[bytes] | None = None, count: int = 0
    ) -> None:
        super().__init__(self.size, memory, file, count)

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
        rows = b"".join(self._stored(index, index + 1) for index in indices)
        return np.frombuffer(rows, np.uint8).reshape(-1, *_CROP)
