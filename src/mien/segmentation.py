"""Cutting a clip into the segments that every branch judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mien.options import SegmentationOptions
from mien.scene import SPEAKERS, SPEECH, TRANSCRIPT, Scene
from mien.timebase import Clock, Segment
from mien.turns import Turn
from mien.words import Transcript

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
    if options.by == "speaker" and names_speakers(scene):
        turns = speaker_turns(scene.get(TRANSCRIPT), turns_of(scene), whole)
        return tuple(sorted(turn.segment for turn in turns)) or (whole,)
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


def turns_of(scene: Scene) -> tuple[Turn, ...]:
    """Who speaks when, as the user says; empty without it."""
    found = scene.get(SPEAKERS)
    return () if found is None else found


def names_speakers(scene: Scene) -> bool:
    """Whether it is known who speaks, from turns of the user or from the words."""
    transcript = scene.get(TRANSCRIPT)
    return bool(turns_of(scene) or (transcript is not None and transcript.speakers))


@dataclass(frozen=True)
class SpeakerTurn:
    """A row by speaker: its segment, and whose turn it is; None where nobody is named."""

    segment: Segment
    speaker: str | None


def speaker_turns(
    transcript: Transcript | None, turns: Sequence[Turn], whole: Segment
) -> tuple[SpeakerTurn, ...]:
    """The rows by speaker, in time order.

    A row is made of turns of one speaker that follow on one another with less than ``PAUSE``
    seconds between them. Rows of two who speak at once overlap.

    Args:
        transcript: its lines take the place of turns where there are none; in time order.
        turns: who speaks when, in time order.
        whole: what was perceived; rows are cut at its ends.

    Examples:
        >>> turns = [Turn(Segment(t, t + 1), who) for t, who in enumerate("AAB")]
        >>> [one.speaker for one in speaker_turns(None, turns, Segment(0, 9))]
        ['A', 'B']
    """
    lines = () if transcript is None or turns else transcript.lines
    said: list[tuple[Segment, str | None]] = [(turn.segment, turn.speaker) for turn in turns]
    said += [(line.segment, line.speaker) for line in lines]
    found: list[SpeakerTurn] = []
    for segment, who in said:
        now = segment & whole
        if now is None:
            continue
        last = found[-1] if found else None
        if last and last.speaker == who and now.start - last.segment.end < PAUSE:
            both = Segment(last.segment.start, max(last.segment.end, now.end))
            found[-1] = SpeakerTurn(both, who)
        else:
            found.append(SpeakerTurn(now, who))
    return tuple(found)


def owners(scene: Scene, segments: Sequence[Segment]) -> list[str | None]:
    """Whose turn each segment is where turns are given and all segments are such turns.

    None for each where they are not: windows, say, or the whole of a recording.
    """
    turns = turns_of(scene)
    if not turns or segments == (scene.extent,):
        return [None] * len(segments)
    left: dict[Segment, list[str | None]] = {}
    for turn in speaker_turns(None, turns, scene.extent):
        left.setdefault(turn.segment, []).append(turn.speaker)
    if any(segment not in left for segment in segments):
        return [None] * len(segments)
    # Two who speak over exactly the same time have a row each.
    return [left[one].pop(0) if len(left[one]) > 1 else left[one][0] for one in segments]


def unmet(scene: Scene, options: SegmentationOptions) -> tuple[str, ...]:
    """The warning that a clip could not be cut as it was asked for, if so."""
    if options.by != "speaker" or names_speakers(scene):
        return ()
    transcript = scene.get(TRANSCRIPT)
    source = "there is no transcript" if transcript is None else f"source: {transcript.source}"
    return (
        f"No speaker is named in the words ({source}): the rows are utterances. Give a transcript "
        "that names speakers with --words, or an RTTM that says who speaks when with --speakers.",
    )


def _utterances(scene: Scene, whole: Segment) -> tuple[Segment, ...]:
    transcript, speech = scene.get(TRANSCRIPT), scene.get(SPEECH)
    if transcript is not None and transcript.lines:
        spoken = [line.segment for line in transcript.lines]
    else:
        spoken = list(speech.turns) if speech is not None else []
    inside = (segment & whole for segment in spoken)
    return tuple(sorted(segment for segment in inside if segment is not None))
