"""Cutting a clip into the segments that every branch judges."""

from __future__ import annotations

from collections.abc import Iterator

from mien.options import SegmentationOptions
from mien.scene import SPEECH, TRANSCRIPT, Scene, Transcript
from mien.timebase import Clock, Segment

PAUSE = 2.0
"""Seconds without words after which the same speaker has another turn."""


def segments_of(scene: Scene, options: SegmentationOptions) -> tuple[Segment, ...]:
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
    transcript = scene.get(TRANSCRIPT)
    if options.by == "speaker" and transcript is not None and transcript.speakers:
        turns = segments_by_speaker(transcript, whole).values()
        return tuple(sorted(turn for own in turns for turn in own)) or (whole,)
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


def segments_by_speaker(
    transcript: Transcript, whole: Segment
) -> dict[str | None, tuple[Segment, ...]]:
    """The turns of each speaker, in time order; under None those of nobody who is named.

    A turn is made of lines of one speaker that follow on one another with less than ``PAUSE``
    seconds between them. Turns of two who speak at once overlap.

    Args:
        transcript: its lines in time order.
        whole: what was perceived; turns are cut at its ends.

    Examples:
        >>> from mien.scene import Line
        >>> lines = [Line(Segment(t, t + 1), "Hi", speaker=s) for t, s in enumerate("AAB")]
        >>> segments_by_speaker(Transcript(tuple(lines), "given"), Segment(0, 9))["A"]
        (Segment(start=0, end=2),)
    """
    turns: list[tuple[str | None, Segment]] = []
    for line in transcript.lines:
        now = line.segment & whole
        if now is None:
            continue
        who, last = turns[-1] if turns else (None, None)
        if last is not None and who == line.speaker and now.start - last.end < PAUSE:
            turns[-1] = (who, Segment(last.start, max(last.end, now.end)))
        else:
            turns.append((line.speaker, now))
    found: dict[str | None, list[Segment]] = {}
    for who, turn in turns:
        found.setdefault(who, []).append(turn)
    return {who: tuple(own) for who, own in found.items()}


def unmet(scene: Scene, options: SegmentationOptions) -> tuple[str, ...]:
    """The warning that a clip could not be cut as it was asked for, if so."""
    transcript = scene.get(TRANSCRIPT)
    if options.by != "speaker" or (transcript is not None and transcript.speakers):
        return ()
    source = "there is no transcript" if transcript is None else f"source: {transcript.source}"
    return (
        f"No speaker is named in the words ({source}): the rows are utterances. Give a transcript "
        "that names speakers with --words.",
    )


def _utterances(scene: Scene, whole: Segment) -> tuple[Segment, ...]:
    transcript, speech = scene.get(TRANSCRIPT), scene.get(SPEECH)
    if transcript is not None and transcript.lines:
        spoken = [line.segment for line in transcript.lines]
    else:
        spoken = list(speech.turns) if speech is not None else []
    inside = (segment & whole for segment in spoken)
    return tuple(sorted(segment for segment in inside if segment is not None))
