"""Perceiving: from a clip to a scene, in one pass over the file.

The file is played once; the sound goes to a spool and to the speech detector, sampled pictures
to the face finder, captions to a list. The transcript is made afterwards from the spool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mien.errors import OptionError
from mien.media import AudioSpool, Part
from mien.perceive.faces import FaceFinder
from mien.perceive.speech import SpeechDetector
from mien.perceive.transcript import ENGINES, WRITTEN, find_transcript
from mien.scene import (
    AUDIO,
    FACES,
    SPEECH,
    TRANSCRIPT,
    AudioBlock,
    AudioTrack,
    Caption,
    Clip,
    Scene,
    Speech,
    TrackKey,
    Transcript,
)
from mien.timebase import Segment

STOPPED = "stopped before the words were heard"
"""Why there are no words where they could have been had."""

Progress = Callable[[str, float], None]
"""Told what is being done and the share of it that is done, 0 to 1."""


@dataclass(frozen=True)
class PerceiveOptions:
    """How to perceive.

    Args:
        frame_rate: pictures looked at per second.
        asr: how words are had where no transcript is given: ``auto`` (sidecar file, subtitle
            track, else the embedded engine), ``pocketsphinx`` (the engine in any case), ``none``.
        transcript: the words, if the user has them.
        part: what of the clip is wanted, seconds; None for all of it.
        stop: asked now and then; once it says True, no more is perceived.

    Raises:
        OptionError: if one of them has a value it cannot have.
    """

    frame_rate: float = 5.0
    asr: str = "auto"
    transcript: Transcript | None = None
    part: Segment | None = None
    stop: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        if not 0 < self.frame_rate <= 60:
            raise OptionError(f"frame_rate must lie in (0, 60] per second, got {self.frame_rate}.")
        if self.asr not in ENGINES:
            raise OptionError.choice("asr", self.asr, ENGINES)


def perceive(
    clip: Clip,
    needs: Iterable[TrackKey[Any]],
    options: PerceiveOptions,
    progress: Progress = lambda doing, share: None,
) -> Scene:
    """The scene of a clip, with the tracks that were asked for or the reason for their absence.

    Raises:
        MediaError: if the clip cannot be decoded.
    """
    wanted = set(needs)
    if TRANSCRIPT in wanted:
        wanted |= {AUDIO, SPEECH}
    pass_ = _Pass(clip, wanted, options)
    pass_.run(progress)
    tracks: dict[TrackKey[Any], Any] = {}
    missing: dict[str, str] = {}
    pass_.collect(tracks, missing)
    if TRANSCRIPT in wanted:
        audio: AudioTrack | None = tracks.get(AUDIO)
        speech: Speech | None = tracks.get(SPEECH)
        why = missing.get(AUDIO.name, "no speech was found")
        # Words that somebody wrote down are had at once, also when it is time to stop.
        asr = WRITTEN if options.stop() and options.asr == "auto" else options.asr

        def tell(doing: str, share: float) -> None:
            if options.stop():
                raise _StoppedError
            progress(doing, share)

        try:
            found = find_transcript(
                clip.facts, asr, options.transcript, pass_.captions, audio, speech, tell
            )
        except _StoppedError:
            found = None
        if found is None:
            why = STOPPED if options.stop() and speech is not None and speech.turns else why
            missing[TRANSCRIPT.name] = "no transcript was wanted" if options.asr == "none" else why
        else:
            tracks[TRANSCRIPT] = found.within(pass_.extent) if pass_.is_part else found
    return Scene(
        clip.facts, tracks, missing, pass_.extent if pass_.is_part else None, pass_.stopped
    )


class _StoppedError(Exception):
    """Ends an engine in the middle of its work."""


class _Pass:
    """One play of the clip, its moments handed to whoever listens."""

    def __init__(self, clip: Clip, wanted: set[TrackKey[Any]], options: PerceiveOptions) -> None:
        self.clip = clip
        facts = clip.facts
        self.part = options.part
        self.stop = options.stop
        self.stopped = False
        self.reached = start = options.part.start if options.part is not None else 0.0
        self.spool = AudioSpool(start=start) if facts.has_audio and AUDIO in wanted else None
        self.speech = SpeechDetector(start) if self.spool is not None and SPEECH in wanted else None
        self.faces = FaceFinder() if facts.has_video and FACES in wanted else None
        self.wanted = wanted
        self.frame_rate = options.frame_rate if self.faces is not None else 0.0
        self.captions: list[Caption] = []

    @property
    def is_part(self) -> bool:
        """Whether less than the clip was wanted, or had."""
        return self.part is not None or self.stopped

    @property
    def extent(self) -> Segment:
        """What was perceived."""
        start, end = (0.0, self.clip.facts.duration)
        if self.part is not None:
            start, end = self.part.start, min(self.part.end, end)
        return Segment(start, max(start, self.reached if self.stopped else end))

    def run(self, progress: Progress) -> None:
        clip = self.clip if self.part is None else Part(self.clip, self.part)
        start, total = self.extent.start, max(self.extent.duration, 1e-6)
        seen: dict[type, float] = {}
        for moment in clip.play(self.frame_rate):
            if self.stop():
                self.stopped = True
                return
            if isinstance(moment, Caption):
                self.captions.append(moment)
                continue
            if isinstance(moment, AudioBlock):
                self._hear(moment)
            elif self.faces is not None:
                self.faces.look(moment)
            # One stream may be ahead of the other; what both have passed is had in full.
            seen[type(moment)] = moment.start if isinstance(moment, AudioBlock) else moment.time
            self.reached = min(seen.values())
            progress("listening and looking", min(1.0, (self.reached - start) / total))

    def _hear(self, block: AudioBlock) -> None:
        if self.spool is not None:
            self.spool.append(block.samples)
        if self.speech is not None:
            self.speech.hear(block.samples)

    def collect(self, tracks: dict[TrackKey[Any], Any], missing: dict[str, str]) -> None:
        """Put what was perceived under its key, or why it could not be."""
        kind = self.clip.facts.kind
        if self.spool is not None and self.spool.duration > 0:
            tracks[AUDIO] = self.spool
            if self.speech is not None:
                tracks[SPEECH] = self.speech.finish()
        else:
            why = "no sound" if kind == "recording" else f"a {kind} has no sound"
            for key in (AUDIO, SPEECH):
                missing[key.name] = why
        if self.faces is not None:
            tracks[FACES] = self.faces.finish()
        else:
            missing[FACES.name] = "a text has no picture" if kind == "text" else "no picture"
