"""Perceiving: from a clip to a scene, in one pass over the file.

The file is played once; the sound goes to a spool, sampled pictures to the face finder, captions to
a list. Speech is found and the transcript made afterwards from the spool.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mien.errors import OptionError
from mien.loading import LONG, Unloadable, loading
from mien.memory import release
from mien.options import check_engine
from mien.perceive.detectors import check_detector
from mien.perceive.diarisation import find_turns, with_speakers
from mien.perceive.engines import Engine, choose_engine, transcribe
from mien.perceive.faces import followed
from mien.perceive.source import ClipSource, Source
from mien.perceive.speech import find_speech
from mien.perceive.transcript import Written, find_written
from mien.perceive.watch import Progress, Watched, WatchOptions
from mien.scene import (
    AUDIO,
    FACES,
    SHOTS,
    SKIN,
    SPEAKERS,
    SPEECH,
    TRANSCRIPT,
    Clip,
    ClipFacts,
    Scene,
    Speech,
    TrackKey,
)
from mien.timebase import Segment
from mien.words import Transcript

STOPPED = "stopped before speech recognition"
"""Why there are no words where they could have been had."""
STOPPED_SPEECH = "stopped before speech detection"
"""Why there are no speech turns where there is sound."""


@dataclass(frozen=True)
class PerceiveOptions:
    """How to perceive.

    Args:
        frame_rate: pictures looked at per second.
        asr: how words are had where no transcript is given: ``auto`` (sidecar file, subtitle
            track, Whisper tiny.en), ``whisper`` (Whisper tiny.en) or ``whisper:MODEL`` (a size, a
            hub id that is on this machine, or a folder), ``none``.
        transcript: the words, if the user has them, or the file that holds them.
        offset: seconds to add to the times of that file.
        speakers: the RTTM that says who speaks when, ``auto`` or ``none``, see
            :func:`mien.perceive.diarisation.find_turns`.
        detector: what finds faces: ``auto``, ``embedded`` or ``yunet:FILE``.
        part: what of the clip is wanted, seconds; None for all of it.
        stop: asked now and then; once it says True, no more is perceived.

    Raises:
        OptionError: if one of them has a value it cannot have.
        InputError: if the detector's file is not there.
    """

    frame_rate: float = 5.0
    asr: str = "auto"
    transcript: Transcript | str | Path | None = None
    offset: float = 0.0
    speakers: str | Path = "none"
    detector: str = "auto"
    part: Segment | None = None
    stop: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        if not 0 < self.frame_rate <= 60:
            raise OptionError(f"frame_rate must lie in (0, 60] per second, got {self.frame_rate}.")
        if not math.isfinite(self.offset):
            raise OptionError(f"The offset of the words must be seconds, got {self.offset}.")
        check_engine(self.asr)
        check_detector(self.detector)

    @property
    def watching(self) -> WatchOptions:
        """What of it concerns the play of the clip."""
        return WatchOptions(self.frame_rate, self.detector, self.part)


def perceive(
    clip: Clip | Source,
    needs: Iterable[TrackKey[Any]],
    options: PerceiveOptions,
    progress: Progress = lambda doing, share: None,
) -> Scene:
    """The scene of a clip, with the tracks that were asked for or the reason for their absence.

    Args:
        clip: not yet played; a clip is watched in this process, a source in its own way.
        needs: the tracks.
        options: how.
        progress: told what is being done, and its share that is done.

    Raises:
        SandboxError: if the source is confined and its process crashed or exceeded a limit.
        MediaError: if the clip cannot be decoded.
        InputError: if the file with the words is not there or cannot be read.
        HubError, MissingExtraError, PackError: if the Whisper that is named cannot be had.
    """
    source = clip if isinstance(clip, Source) else ClipSource(clip)
    wanted = _with_means(set(needs))
    engine = choose_engine(options.asr) if TRANSCRIPT in wanted else None
    words = Written()
    if TRANSCRIPT in wanted:
        words = find_written(source.facts, options.asr, options.transcript, options.offset)
    told = find_turns(source.facts, options.speakers)
    will_hear = engine is not None and source.facts.has_audio and words.transcript is None
    if engine is not None and will_hear:
        engine.check()
    with loading([engine] if will_hear else []):
        watched = source.watch(wanted, options.watching, progress, options.stop)
    release()
    tracks, missing = _collect(watched, wanted, options, progress)
    told = told.fitted(watched.extent, watched.facts.duration)
    if told.turns:
        tracks[SPEAKERS] = told.turns
    if TRANSCRIPT in wanted:
        speech: Speech | None = tracks.get(SPEECH)
        words = words.completed(watched.facts, watched.captions, options.asr)
        written = words.transcript and _cut_at_end(words.transcript, watched.facts)
        found = written or _heard(watched, options, engine, tracks, progress)
        if found is not None:
            found = found.within(watched.extent) if watched.is_part else found
            tracks[TRANSCRIPT] = with_speakers(found, told.turns)
        elif engine is None:
            missing[TRANSCRIPT.name] = "speech recognition is switched off"
        elif options.stop() and speech is not None and speech.turns:
            missing[TRANSCRIPT.name] = STOPPED
        else:
            missing[TRANSCRIPT.name] = missing.get(SPEECH.name, "no speech was found")
    extent = watched.extent if watched.is_part else None
    stopped = watched.stopped or not {STOPPED, STOPPED_SPEECH}.isdisjoint(missing.values())
    warnings = (*source.warnings, *words.warnings, *told.warnings)
    return Scene(watched.facts, tracks, missing, extent, stopped, warnings)


def _with_means(wanted: set[TrackKey[Any]]) -> set[TrackKey[Any]]:
    """The tracks, with those from which they are had."""
    if TRANSCRIPT in wanted:
        wanted |= {AUDIO, SPEECH}
    if SPEECH in wanted:
        wanted |= {AUDIO}
    if SKIN in wanted:
        wanted |= {FACES}
    if FACES in wanted:
        wanted |= {SHOTS}
    return wanted


def _heard(
    watched: Watched,
    options: PerceiveOptions,
    engine: Engine | None,
    tracks: Mapping[TrackKey[Any], Any],
    progress: Progress,
) -> Transcript | None:
    """The recognised words; None if there is no speech, or it was time to stop before."""
    audio, speech = tracks.get(AUDIO), tracks.get(SPEECH)
    if engine is None or audio is None or not (speech and speech.turns):
        return None
    found = transcribe(engine, audio, speech, progress, watched.extent.start, options.stop)
    if audio.duration >= LONG and isinstance(engine, Unloadable):
        # To load it again takes a fifth of a second; to keep it, memory that the branches need.
        engine.unload()
        release()
    return found


def _cut_at_end(transcript: Transcript, facts: ClipFacts) -> Transcript:
    """End lines that were laid over a longer recording than there is where it ends."""
    if facts.claimed is None:
        return transcript
    lines = (
        replace(line, segment=Segment(line.segment.start, facts.duration))
        if line.segment.start < facts.duration < line.segment.end
        else line
        for line in transcript.lines
    )
    return replace(transcript, lines=tuple(lines))


def _never() -> bool:
    return False


def _collect(
    watched: Watched, wanted: set[TrackKey[Any]], options: PerceiveOptions, progress: Progress
) -> tuple[dict[TrackKey[Any], Any], dict[str, str]]:
    """What was perceived under its key, and why something could not be, by its name."""
    tracks: dict[TrackKey[Any], Any] = {}
    missing: dict[str, str] = {}
    kind = watched.facts.kind
    if watched.sound is not None and watched.sound.duration > 0:
        tracks[AUDIO] = watched.sound
        if SPEECH in wanted:
            speech = find_speech(
                watched.sound,
                watched.extent.start,
                lambda share: progress("finding speech", share),
                # What was perceived before the stop is still to be judged.
                _never if watched.stopped else options.stop,
            )
            if speech is None:
                missing[SPEECH.name] = STOPPED_SPEECH
            else:
                tracks[SPEECH] = speech
    else:
        why = "no sound" if kind == "recording" else f"a {kind} has no sound"
        for key in (AUDIO, SPEECH):
            missing[key.name] = why
    if watched.shots is not None:
        tracks[SHOTS] = watched.shots
        if watched.faces is not None:
            heard = (tracks.get(SPEECH), tracks.get(AUDIO))
            tracks[FACES] = followed(watched.faces, watched.shots, *heard)
            if SKIN in wanted:
                tracks[SKIN] = tracks[FACES]
    else:
        why = "a text has no picture" if kind == "text" else "no picture"
        missing |= {SHOTS.name: why, FACES.name: why, SKIN.name: why}
    return tracks, missing
