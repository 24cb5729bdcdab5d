"""Cutting a clip into the segments that every branch judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mien.errors import OptionError
from mien.scene import SPEECH, TRANSCRIPT, Scene
from mien.timebase import Clock, Segment

WAYS = ("clip", "utterance", "window")


@dataclass(frozen=True)
class CutOptions:
    """How to cut.

    Args:
        by: ``clip`` (one segment), ``utterance`` (one per line of the transcript, or per speech
            turn without one) or ``window``.
        window, step: seconds, for ``window``.

    Raises:
        OptionError: if one of them has a value it cannot have.
    """

    by: str = "clip"
    window: float = 5.0
    step: float = 2.5

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise OptionError.choice("by", self.by, WAYS)
        if not 0 < self.step <= self.window:
            raise OptionError(
                f"A window of {self.window} s with a step of {self.step} s would leave gaps; "
                "give 0 < step <= window."
            )


def cut(scene: Scene, options: CutOptions) -> tuple[Segment, ...]:
    """The segments of a scene, in time order, at least one.

    Windows stand where they would stand in the whole clip, whatever part of it was perceived; a gap
    in the recording is one segment. A picture and a text have no time: they are one instant.
    """
    whole = scene.extent
    if options.by == "clip" or whole.duration == 0:
        return (whole,)
    if options.by == "window":
        clock = Clock(0.0, options.step, options.window)
        return tuple(window for part in _parts(scene, whole) for window in _windows(part, clock))
    return _utterances(scene, whole) or (whole,)


def _parts(scene: Scene, whole: Segment) -> Iterator[tuple[Segment, bool]]:
    """What was recorded, and the gaps between, in time order; whether it is a gap."""
    start = whole.start
    for gap in scene.facts.gaps:
        inside = gap & whole
        if inside is not None:
            if inside.start > start:
                yield Segment(start, inside.start), False
            yield inside, True
            start = inside.end
    if start < whole.end:
        yield Segment(start, whole.end), False


def _windows(part: tuple[Segment, bool], clock: Clock) -> Iterator[Segment]:
    extent, is_gap = part
    return iter((extent,)) if is_gap else clock.windows(extent)


def _utterances(scene: Scene, whole: Segment) -> tuple[Segment, ...]:
    transcript, speech = scene.get(TRANSCRIPT), scene.get(SPEECH)
    if transcript is not None and transcript.lines:
        spoken = [line.segment for line in transcript.lines]
    else:
        spoken = list(speech.turns) if speech is not None else []
    inside = (segment & whole for segment in spoken)
    return tuple(sorted(segment for segment in inside if segment is not None))
