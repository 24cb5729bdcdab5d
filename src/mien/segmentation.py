"""Cutting a clip into the segments that every branch judges."""

from __future__ import annotations

from mien.options import SegmentationOptions
from mien.scene import SPEECH, TRANSCRIPT, Scene
from mien.timebase import Clock, Segment


def cut(scene: Scene, options: SegmentationOptions) -> tuple[Segment, ...]:
    """The segments of a scene, in time order, at least one.

    Windows stand where they would stand in the whole clip, whatever part of it was perceived. A
    picture and a text have no time: they are one instant.
    """
    whole = scene.extent
    if options.by == "clip" or whole.duration == 0:
        return (whole,)
    if options.by == "window":
        return tuple(Clock(0.0, options.step, options.window).windows(whole))
    return _utterances(scene, whole) or (whole,)


def _utterances(scene: Scene, whole: Segment) -> tuple[Segment, ...]:
    transcript, speech = scene.get(TRANSCRIPT), scene.get(SPEECH)
    if transcript is not None and transcript.lines:
        spoken = [line.segment for line in transcript.lines]
    else:
        spoken = list(speech.turns) if speech is not None else []
    inside = (segment & whole for segment in spoken)
    return tuple(sorted(segment for segment in inside if segment is not None))
