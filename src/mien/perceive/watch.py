"""Watching: one play of a clip, its moments handed to whoever listens.

The sound goes to a spool, sampled pictures to the shot and the face finder, captions to a list.
Nothing else reads what the file holds; everything later reads what is kept here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from mien.media import AudioSpool, CropSpool, Part
from mien.perceive.ahead import Ahead
from mien.perceive.detectors import Detector, make_detector
from mien.perceive.faces import FaceFinder, FoundFaces
from mien.perceive.shots import ShotFinder
from mien.scene import (
    AUDIO,
    FACES,
    SHOTS,
    SKIN,
    AudioBlock,
    Caption,
    Clip,
    ClipFacts,
    Frame,
    Moment,
    TrackKey,
)
from mien.timebase import Segment

_OPENCV_MEMORY = "Insufficient memory"
READING = "reading sound and pictures"

Progress = Callable[[str, float], None]
"""Told what is being done and the share of it that is done, 0 to 1."""


@dataclass(frozen=True)
class WatchOptions:
    """How to watch.

    Args:
        frame_rate: pictures looked at per second.
        detector: what finds faces: ``auto``, ``embedded`` or ``yunet:FILE``.
        part: what of the clip is wanted, seconds; None for all of it.
    """

    frame_rate: float = 5.0
    detector: str = "auto"
    part: Segment | None = None


@dataclass(frozen=True)
class Means:
    """What a play works with.

    Args:
        detector: makes what finds faces, by the name in the options.
        sound: the file of the sound spool; None for a temporary one.
        crops: the file of the crop spool; None for a temporary one.
    """

    detector: Callable[[str], Detector] = make_detector
    sound: IO[bytes] | None = None
    crops: IO[bytes] | None = None


@dataclass(frozen=True, eq=False)
class Watched:
    """What was seen and heard.

    Args:
        facts: of the clip, measured while it was played.
        extent: what was watched, seconds.
        is_part: whether that is less than the clip.
        stopped: whether it was stopped before its end.
        captions: the lines of its subtitle track.
        sound: None where there is none or none was wanted.
        shots: when new shots begin, seconds; None where there are no pictures.
        faces: as found in each picture; None where none were looked for.
    """

    facts: ClipFacts
    extent: Segment
    is_part: bool
    stopped: bool
    captions: tuple[Caption, ...]
    sound: AudioSpool | None
    shots: tuple[float, ...] | None
    faces: FoundFaces | None


def watch(
    clip: Clip,
    wanted: set[TrackKey[Any]],
    options: WatchOptions,
    progress: Progress,
    stop: Callable[[], bool],
    means: Means = Means(),
) -> Watched:
    """Play a clip once.

    Args:
        clip: opened and not yet played.
        wanted: tracks; what is not needed for them is not decoded.
        options: how.
        progress: told the share that is done.
        stop: asked before each moment; once it says True, no more is watched.
        means: what finds faces, and where the spools are.

    Raises:
        MediaError: if the clip cannot be decoded.
        MemoryError: if that takes more memory than there is, whatever library said so.
    """
    try:
        watching = _Watching(clip, wanted, options, stop, means)
        watching.run(progress)
        return watching.watched()
    except Exception as error:
        if _OPENCV_MEMORY in str(error):
            raise MemoryError from error
        raise


class _Watching:
    """One play of the clip."""

    def __init__(
        self,
        clip: Clip,
        wanted: set[TrackKey[Any]],
        options: WatchOptions,
        stop: Callable[[], bool],
        means: Means,
    ) -> None:
        self.clip = clip
        facts = clip.facts
        self.part = options.part
        self.stop = stop
        self.stopped = False
        self.reached = start = options.part.start if options.part is not None else 0.0
        heard = facts.has_audio and AUDIO in wanted
        self.spool = AudioSpool(start=start, file=means.sound) if heard else None
        self.shots = ShotFinder() if facts.has_video and SHOTS in wanted else None
        self.faces: FaceFinder | None = None
        if facts.has_video and FACES in wanted:
            self.faces = FaceFinder(
                means.detector(options.detector), CropSpool(file=means.crops), SKIN in wanted
            )
        self.frame_rate = options.frame_rate if self.shots is not None else 0.0
        self.captions: list[Caption] = []
        self._passed: dict[type, float] = {}

    @property
    def extent(self) -> Segment:
        """What was watched."""
        start, end = (0.0, self.clip.facts.duration)
        if self.part is not None:
            start, end = self.part.start, min(self.part.end, end)
        return Segment(start, max(start, self.reached if self.stopped else end))

    def run(self, progress: Progress) -> None:
        clip = self.clip if self.part is None else Part(self.clip, self.part)
        start, total = self.extent.start, max(self.extent.duration, 1e-6)
        with Ahead(clip.play(self.frame_rate)) as moments:
            for moment in moments:
                if self.stop():
                    self.stopped = True
                    return
                self._take(moment)
                progress(READING, min(1.0, (self.reached - start) / total))

    def _take(self, moment: Moment) -> None:
        if isinstance(moment, Caption):
            self.captions.append(moment)
            return
        if isinstance(moment, AudioBlock):
            self._hear(moment)
        else:
            self._see(moment)
        # One stream may be ahead of the other; what both have passed is had in full.
        at = moment.start if isinstance(moment, AudioBlock) else moment.time
        self._passed[type(moment)] = at
        self.reached = min(self._passed.values())

    def _hear(self, block: AudioBlock) -> None:
        if self.spool is not None:
            self.spool.append(block.samples, block.start)

    def _see(self, frame: Frame) -> None:
        if self.shots is not None:
            self.shots.look(frame)
        if self.faces is not None:
            self.faces.look(frame)

    def watched(self) -> Watched:
        return Watched(
            facts=self.clip.facts,
            extent=self.extent,
            is_part=self.part is not None or self.stopped,
            stopped=self.stopped,
            captions=tuple(self.captions),
            sound=self.spool,
            shots=None if self.shots is None else self.shots.finish(),
            faces=None if self.faces is None else self.faces.found(),
        )
