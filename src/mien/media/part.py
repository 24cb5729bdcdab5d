"""A part of a clip: its moments between two times, on the clip's own time axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from mien.errors import OptionError
from mien.facts import shown
from mien.scene import SAMPLE_RATE, AudioBlock, Clip, ClipFacts, Frame, Moment
from mien.timebase import Segment

SLACK = 2.0
"""Seconds by which streams of one file may lag behind one another in the order of the file."""


@runtime_checkable
class _Stamped(Protocol):
    """A clip that can tell its end from its time stamps, without decoding."""

    def last_stamp(self) -> float: ...


class Part:
    """The moments of a clip inside a segment; times stay those of the clip.

    Args:
        clip: it is played from its start, since only so are its times certain; what lies before
            the part is thrown away, and what lies after it is not decoded.
        segment: what is wanted, seconds.

    Raises:
        OptionError: if the clip ends before the part begins.
    """

    def __init__(self, clip: Clip, segment: Segment) -> None:
        self._clip = clip
        self._start, self._end = segment.start, segment.end
        duration = clip.facts.duration
        if 0 < duration <= self._start and isinstance(clip, _Stamped):
            duration = max(duration, clip.last_stamp())  # the header may be wrong
        self._check_start(duration)

    @property
    def facts(self) -> ClipFacts:
        """Of the whole clip."""
        return self._clip.facts

    def play(self, frame_rate: float) -> Iterator[Moment]:
        """See :class:`mien.scene.Clip`; sound blocks are cut to the sample.

        Raises:
            OptionError: if the clip turns out to end before the part begins.
        """
        late: set[type] = set()
        for moment in self._clip.play(frame_rate):
            time = _time(moment)
            if time >= self._end:
                late.add(type(moment))
            if time >= self._end + SLACK and self._all_late(late, frame_rate):
                return
            yield from self._inside(moment)
        self._check_start(self.facts.duration)

    def _check_start(self, duration: float) -> None:
        if 0 < duration <= self._start:
            raise OptionError(
                f"The part begins at {self._start:g} s, but {shown(self.facts.path)} ends at "
                f"{duration:g} s; give a time before that."
            )

    def close(self) -> None:
        """Let go of the file."""
        self._clip.close()

    def _all_late(self, late: set[type], frame_rate: float) -> bool:
        """Whether every stream that is played has passed the end."""
        facts = self.facts
        return (not facts.has_audio or AudioBlock in late) and (
            not (facts.has_video and frame_rate > 0) or Frame in late
        )

    def _inside(self, moment: Moment) -> Iterator[Moment]:
        if isinstance(moment, AudioBlock):
            first = max(0, round((self._start - moment.start) * SAMPLE_RATE))
            last = min(len(moment.samples), round((self._end - moment.start) * SAMPLE_RATE))
            if first < last:
                start = moment.start + first / SAMPLE_RATE
                yield AudioBlock(start, moment.samples[first:last])
        elif isinstance(moment, Frame):
            if self._start <= moment.time < self._end:
                yield moment
        elif moment.segment.overlap(Segment(self._start, self._end)) > 0:
            yield moment


def _time(moment: Moment) -> float:
    if isinstance(moment, Frame):
        return moment.time
    return moment.start if isinstance(moment, AudioBlock) else moment.segment.start
