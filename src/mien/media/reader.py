"""Reading one stream: its time stamps on the clip's axis, and damage stepped over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from av.error import EOFError as EndOfStream
from av.error import FFmpegError
from av.frame import Frame
from av.packet import Packet
from av.stream import Stream

from mien.media.shortage import ran_out
from mien.scene import Moment
from mien.timebase import Segment

MAX_FAILURES = 200
"""Packets in a row that may fail before a stream is given up."""

_STEP_BACK = 1.0
_LAG = 5.0
_LEAP = 60.0
_LONGEST = 3600.0

F = TypeVar("F")


class Timeline:
    """Puts the time stamps of one stream on the axis of the clip.

    A stamp that leaps a minute past the end that the header claims, or by more than an hour, or
    back by more than a second, tells of a clock that was set anew (a cut broadcast, damage) and
    not of the content: time then goes on from where it was. So no stamp can call for days of
    silence.

    Args:
        origin: the container's time at which the clip starts, seconds.
        end: of the clip as its header has it, seconds; 0 if it does not say.

    Attributes:
        resets: how often a stamp was not believed that was off by more than some seconds.

    Examples:
        >>> timeline = Timeline(origin=1.4, end=10.0)
        >>> round(timeline.place(3.4, due=1.9), 3), timeline.place(95444.0, due=2.5)
        (2.0, 2.5)
        >>> timeline.place(95444.5, due=3.0), timeline.place(None, due=3.5)
        (3.0, 3.5)
    """

    def __init__(self, origin: float, end: float) -> None:
        self._shift = origin
        self.end = end
        self.resets = 0

    def on_axis(self, stamp: float) -> float:
        """Seconds since the start of the clip if the stamp is believed."""
        return stamp - self._shift

    def place(self, stamp: float | None, due: float) -> float:
        """Seconds since the start of the clip.

        Args:
            stamp: the container's time, seconds, None if it has none.
            due: when the next moment is expected.
        """
        if stamp is None:
            return due
        time = self.on_axis(stamp)
        last = min(max(self.end, due) + _LEAP, due + _LONGEST)
        if due - _STEP_BACK <= time <= last:
            return time
        self._shift = stamp - due
        self.resets += abs(time - due) > _LAG
        return due


class Reader(ABC):
    """Turns the packets of one stream into moments.

    Args:
        stream: what is read; its time base is copied, since it does not outlive the container.
        timeline: of the stream.

    Attributes:
        end: seconds up to which something was decoded, 0 if nothing was.
        error: what the decoder said last, None if it never complained.
        gaps: stretches before ``end`` of which nothing was recorded, in time order.
    """

    def __init__(self, stream: Stream, timeline: Timeline) -> None:
        self._base = float(stream.time_base or 0)
        self._timeline = timeline
        self.end = 0.0
        self.error: FFmpegError | None = None
        self.gaps: list[Segment] = []
        self._failures = 0

    @property
    def resets(self) -> int:
        """How often a time stamp was not believed."""
        return self._timeline.resets

    @abstractmethod
    def read(self, packet: Packet[Any] | None) -> Iterator[Moment]:
        """The moments that a packet completes; None tells that there are no more packets."""

    def _stamp(self, frame: Frame | Packet[Any]) -> float | None:
        """The container's time of a frame or packet, seconds."""
        return None if frame.pts is None else frame.pts * self._base

    def _attempt(self, decode: Callable[[], list[F]]) -> list[F]:
        """What a decoder gives, nothing for a packet that it cannot decode."""
        if self._failures > MAX_FAILURES:
            return []
        try:
            frames = decode()
        except EndOfStream:
            return []
        except FFmpegError as error:
            if ran_out(error):
                raise MemoryError from error
            self.error = error
            self._failures += 1
            return []
        self._failures = 0
        return frames
