"""Perceiving: from a clip to a scene, in one pass over the file.

The file is played once; the sound goes to a spool and to the speech detector, sampled pictures
to the face finder, captions to a list. The transcript is made afterwards from the spool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mien.errors import OptionError
from mien.media import AudioSpool
from mien.perceive.cuts import CutFinder
from mien.perceive.detect import check_detector, make_detector
from mien.perceive.engines import check_engine, choose_engine, transcribe
from mien.perceive.faces import FaceFinder
from mien.perceive.speech import SpeechDetector, finish_speech
from mien.perceive.transcript import written_transcript
from mien.scene import (
    AUDIO,
    CUTS,
    FACES,
    SPEECH,
    TRANSCRIPT,
    AudioBlock,
    AudioTrack,
    Caption,
    Clip,
    Frame,
    Scene,
    Speech,
    TrackKey,
    Transcript,
)

Progress = Callable[[str, float], None]
"""Told what is being done and the share of it that is done, 0 to 1."""


@dataclass(frozen=True)
class PerceiveOptions:
    """How to perceive.

    Args:
        frame_rate: pictures looked at per second.
        asr: how words are had where no transcript is given: ``auto`` (sidecar file, subtitle
            track, a Whisper that is on this machine, else pocketsphinx), ``whisper`` or
            ``whisper:MODEL`` (a size, a hub id that is on this machine, or a folder),
            ``pocketsphinx``, ``none``.
        transcript: the words, if the user has them.
        detector: what finds faces: ``auto``, ``haar`` or ``yunet:FILE``.

    Raises:
        OptionError: if one of them has a value it cannot have.
        InputError: if the detector's file is not there.
    """

    frame_rate: float = 5.0
    asr: str = "auto"
    transcript: Transcript | None = None
    detector: str = "auto"

    def __post_init__(self) -> None:
        if not 0 < self.frame_rate <= 60:
            raise OptionError(f"frame_rate must lie in (0, 60] per second, got {self.frame_rate}.")
        check_engine(self.asr)
        check_detector(self.detector)


def perceive(
    clip: Clip,
    needs: Iterable[TrackKey[Any]],
    options: PerceiveOptions,
    progress: Progress = lambda doing, share: None,
) -> Scene:
    """The scene of a clip, with the tracks that were asked for or the reason for their absence.

    Raises:
        MediaError: if the clip cannot be decoded.
        HubError, MissingExtraError, PackError: if the Whisper that is named cannot be had.
    """
    wanted = set(needs)
    if TRANSCRIPT in wanted:
        wanted |= {AUDIO, SPEECH}
    if SPEECH in wanted:
        wanted |= {AUDIO}
    if FACES in wanted:
        wanted |= {CUTS}
    engine = choose_engine(options.asr) if TRANSCRIPT in wanted else None
    pass_ = _Pass(clip, wanted, options)
    pass_.run(progress)
    tracks: dict[TrackKey[Any], Any] = {}
    missing: dict[str, str] = {}
    pass_.collect(tracks, missing)
    if TRANSCRIPT in wanted:
        audio: AudioTrack | None = tracks.get(AUDIO)
        speech: Speech | None = tracks.get(SPEECH)
        found = written_transcript(clip.facts, options.asr, options.transcript, pass_.captions)
        if found is None and engine and audio is not None and speech is not None and speech.turns:
            found = transcribe(engine, audio, speech, progress)
        if found is not None:
            tracks[TRANSCRIPT] = found
        elif engine is None:
            missing[TRANSCRIPT.name] = "no transcript was wanted"
        else:
            missing[TRANSCRIPT.name] = missing.get(AUDIO.name, "no speech was found")
    return Scene(clip.facts, tracks, missing)


class _Pass:
    """One play of the clip, its moments handed to whoever listens."""

    def __init__(self, clip: Clip, wanted: set[TrackKey[Any]], options: PerceiveOptions) -> None:
        self.clip = clip
        facts = clip.facts
        self.spool = AudioSpool() if facts.has_audio and AUDIO in wanted else None
        self.speech = SpeechDetector() if self.spool is not None and SPEECH in wanted else None
        self.cuts = CutFinder() if facts.has_video and CUTS in wanted else None
        self.faces: FaceFinder | None = None
        if facts.has_video and FACES in wanted:
            self.faces = FaceFinder(make_detector(options.detector))
        self.wanted = wanted
        self.frame_rate = options.frame_rate if self.cuts is not None else 0.0
        self.captions: list[Caption] = []

    def run(self, progress: Progress) -> None:
        total = max(self.clip.facts.duration, 1e-6)
        for moment in self.clip.play(self.frame_rate):
            if isinstance(moment, AudioBlock):
                self._hear(moment)
                progress("listening and looking", min(1.0, moment.start / total))
            elif isinstance(moment, Frame):
                self._see(moment)
                progress("listening and looking", min(1.0, moment.time / total))
            else:
                self.captions.append(moment)

    def _hear(self, block: AudioBlock) -> None:
        if self.spool is not None:
            self.spool.append(block.samples)
        if self.speech is not None:
            self.speech.hear(block.samples)

    def _see(self, frame: Frame) -> None:
        if self.cuts is not None:
            self.cuts.look(frame)
        if self.faces is not None:
            self.faces.look(frame)

    def collect(self, tracks: dict[TrackKey[Any], Any], missing: dict[str, str]) -> None:
        """Put what was perceived under its key, or why it could not be."""
        kind = self.clip.facts.kind
        if self.spool is not None and self.spool.duration > 0:
            tracks[AUDIO] = self.spool
            if self.speech is not None:
                tracks[SPEECH] = finish_speech(self.speech, self.spool)
        else:
            why = "no sound" if kind == "recording" else f"a {kind} has no sound"
            for key in (AUDIO, SPEECH):
                missing[key.name] = why
        if self.cuts is not None:
            tracks[CUTS] = self.cuts.finish()
            if self.faces is not None:
                tracks[FACES] = self.faces.finish(tracks[CUTS], tracks.get(SPEECH))
        else:
            why = "a text has no picture" if kind == "text" else "no picture"
            missing |= {CUTS.name: why, FACES.name: why}
