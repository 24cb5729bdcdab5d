"""The voice branch: how speech sounds, from log-mel frames of the speech turns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mien.branches.logmel import CONTRACT, piece_frames, trim
from mien.branches.packed import PackBranch
from mien.packs import Pack
from mien.results import Evidence
from mien.scene import AUDIO, SAMPLE_RATE, SPEECH, AudioTrack, Samples, Scene, Speech
from mien.timebase import Segment

FloatArray = npt.NDArray[np.float64]

SHORTEST = 0.6
"""Seconds of speech that a segment must hold to be judged."""
FULL_LENGTH = 2.0
"""Seconds of speech from which on length no longer limits the quality."""


def pieces(samples: Samples) -> list[Samples]:
    """Pieces of at most 2.56 s that cover the samples, overlapping by half or more."""
    size = CONTRACT.samples
    if len(samples) <= size:
        return [samples]
    count = int(np.ceil((len(samples) - size) / (size / 2))) + 1
    starts = np.linspace(0, len(samples) - size, count).astype(int)
    return [samples[start : start + size] for start in starts]


class VoiceModel:
    """A voice pack as a function from speech to probabilities."""

    def __init__(self, pack: Pack) -> None:
        pack.check_input(CONTRACT.as_dict())
        self.pack = pack

    def probs(self, samples: Samples) -> FloatArray:
        """Probabilities ``(7,)`` of mono speech at 16 kHz of any length.

        The quiet ends are cut off; long speech is judged in pieces whose log probabilities are
        averaged.
        """
        frames = np.stack([piece_frames(piece) for piece in pieces(trim(samples))])
        rows = self.pack.probs({"frames": frames})
        pooled = np.exp(np.log(np.maximum(rows, 1e-9)).mean(axis=0))
        return np.asarray(pooled / pooled.sum())


class VoiceBranch(PackBranch):
    """Judges the speech inside each segment."""

    name = "voice"
    needs = (AUDIO, SPEECH)
    shortest = SHORTEST

    @cached_property
    def _model(self) -> VoiceModel:
        return VoiceModel(self.pack)

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """See :class:`mien.branches.Branch`."""
        audio, speech = scene.get(AUDIO), scene.get(SPEECH)
        if audio is None or speech is None:
            key = AUDIO if audio is None else SPEECH
            return Evidence.absent("voice", segments, scene.why_missing(key))
        return Evidence.of_rows("voice", segments, [self._row(audio, speech, s) for s in segments])

    def _row(
        self, audio: AudioTrack, speech: Speech, segment: Segment
    ) -> tuple[FloatArray, float] | str:
        turns = speech.within(segment)
        seconds = sum(turn.duration for turn in turns)
        if not turns:
            return "no speech"
        if seconds < SHORTEST:
            return f"too little speech ({seconds:.1f} s, at least {SHORTEST} s wanted)"
        logs, weights = np.zeros(7), 0.0
        for turn in turns:
            # A turn below a quarter of a second tells little and would be mostly padding.
            if turn.duration < 0.25 and len(turns) > 1:
                continue
            logs += turn.duration * np.log(np.maximum(self._model.probs(audio.read(turn)), 1e-9))
            weights += turn.duration
        pooled = np.exp(logs / max(weights, 1e-9))
        return pooled / pooled.sum(), voice_quality(audio, turns, segment)


def voice_quality(audio: AudioTrack, turns: Sequence[Segment], segment: Segment) -> float:
    """How far the sound is to be trusted, in [0, 1].

    The product of how long the speech is (in full from 2 s), its signal-to-noise ratio against
    the rest of the segment (in full from 20 dB, none at 0 dB; taken as full where the segment
    holds nothing but speech), and the share of samples that do not clip.
    """
    seconds = sum(turn.duration for turn in turns)
    loud = np.concatenate([audio.read(turn) for turn in turns])
    gaps = _between(turns, segment)
    quiet = np.concatenate([audio.read(gap) for gap in gaps]) if gaps else np.zeros(0)
    clean = 1.0
    if len(quiet) > SAMPLE_RATE // 5:
        signal, noise = float(np.square(loud).mean()), float(np.square(quiet).mean())
        ratio = 10 * np.log10((signal + 1e-10) / (noise + 1e-10))
        clean = float(np.clip(ratio / 20.0, 0.0, 1.0))
    clipped = float((np.abs(loud) >= 0.999).mean())
    return min(1.0, seconds / FULL_LENGTH) * clean * max(0.0, 1.0 - 10 * clipped)


def _between(turns: Sequence[Segment], segment: Segment) -> list[Segment]:
    """The parts of a segment that no turn covers, less 0.1 s next to a turn."""
    edges = [segment.start]
    for turn in turns:
        edges += [turn.start - 0.1, turn.end + 0.1]
    edges.append(segment.end)
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Segment(start, end) for start, end in pairs if end > start]
