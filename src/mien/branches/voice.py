"""The voice branch: predicts emotions from the sound of speech turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from mien.analysis.evidence import Evidence
from mien.branches.packed import PackBranch
from mien.branches.speech_quality import agreement, measure, silence
from mien.branches.speech_spans import speech_spans
from mien.branches.waveform import Waveform
from mien.branches.whispermel import WhisperMel
from mien.errors import ContractError
from mien.mathematics import FloatArray, log_pool
from mien.memory import release
from mien.packs import Pack
from mien.scene import AUDIO, SPEECH, AudioTrack, Samples, Scene, Speech
from mien.timebase import Segment

# Less than a quarter of a second has little information and would be mostly padding.
_SHORTEST_PART = 0.25
# Longer spans are processed in parts, so that memory is limited.
_LONGEST_PART = 300.0
# Seconds of judged speech after which freed memory is given back: it adds up in long recordings.
_RELEASE = 60.0
# Longer segments that are unfit as one are judged in stretches of at most so many seconds.
_STRETCH = 10.0


class FrontEnd(Protocol):
    """Converts speech to the inputs of a net."""

    def batches(self, samples: Samples) -> Iterator[tuple[Mapping[str, Any], Sequence[float]]]:
        """Named inputs of n chunks that together cover the samples, and the chunks' weights."""
        ...


FRONT_ENDS: Mapping[str, Callable[[Pack], FrontEnd]] = {
    "whisper": lambda pack: WhisperMel(pack.manifest.input),
    "waveform": lambda pack: Waveform(pack.manifest.input),
}
"""Front ends by the name in a pack's input contract; a new kind of net adds its own."""


class VoiceModel:
    """A voice pack as a function from speech to probabilities."""

    def __init__(self, pack: Pack) -> None:
        self._front_end = pack.front_end(FRONT_ENDS, "whisper")
        self.pack = pack

    def rows(self, samples: Samples) -> tuple[FloatArray, FloatArray]:
        """Probabilities ``(n, 7)`` and weights ``(n,)`` of chunks that cover the samples.

        Args:
            samples: mono speech at 16 kHz, at least one sample.

        Raises:
            ContractError: if there are no samples.
        """
        if not len(samples):
            raise ContractError("The voice model got no samples; at least one is needed.")
        inputs, weights = zip(*self._front_end.batches(samples), strict=True)
        rows = self.pack.each(self.pack.probs, inputs)
        return np.concatenate(rows), np.concatenate([np.asarray(w) for w in weights])

    def probs(self, samples: Samples) -> FloatArray:
        """Probabilities ``(7,)`` of mono speech at 16 kHz of any length, its chunks pooled."""
        return log_pool(*self.rows(samples))


class VoiceBranch(PackBranch):
    """Predicts each speech turn of a segment and averages, weighted by seconds."""

    name = "voice"
    needs = (AUDIO, SPEECH)

    @cached_property
    def _model(self) -> VoiceModel:
        return VoiceModel(self.pack)

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """See :class:`mien.branches.Branch`."""
        audio, speech = scene.get(AUDIO), scene.get(SPEECH)
        if audio is None or speech is None:
            key = AUDIO if audio is None else SPEECH
            return Evidence.absent("voice", segments, scene.why_missing(key))
        rows = self.pack.each(lambda segment: self._row(audio, speech, segment), segments)
        return Evidence.of_rows("voice", segments, rows)

    def _row(
        self, audio: AudioTrack, speech: Speech, segment: Segment
    ) -> tuple[FloatArray, float] | str:
        turns = speech.within(segment)
        if not turns:
            return silence(audio, segment)
        sound = measure(audio, turns, segment)
        if sound.unfit:
            return self._by_stretches(audio, speech, segment, sound.unfit)
        parts = [part for one in speech_spans(audio, speech, segment) for part in _parts(one)]
        long_parts = [p for p in parts if p.duration >= _SHORTEST_PART] or parts
        judged, since = [], 0.0
        for part in long_parts:
            judged.append(self._model.rows(audio.read(part)))
            since += part.duration
            if since >= _RELEASE:
                release()
                since = 0.0
        rows = np.concatenate([rows for rows, _ in judged])
        weights = np.concatenate(
            [p.duration * w / w.sum() for p, (_, w) in zip(long_parts, judged, strict=True)]
        )
        return log_pool(rows, weights), sound.quality * agreement(rows, weights)

    def _by_stretches(
        self, audio: AudioTrack, speech: Speech, segment: Segment, unfit: str
    ) -> tuple[FloatArray, float] | str:
        """A long segment that is unfit as one, judged by the stretches of it that are fit.

        Music or noise in other parts of a film says nothing of the speech beside which it is
        silent. The stretches are pooled by their seconds of speech; speech in unfit ones counts
        with quality 0.
        """
        stretches = list(_parts(segment, _STRETCH))
        if len(stretches) < 2:
            return unfit
        seconds = np.array([sum(t.duration for t in speech.within(s)) for s in stretches])
        rows = [self._row(audio, speech, stretch) for stretch in stretches]
        fit = [(row, s) for row, s in zip(rows, seconds, strict=True) if not isinstance(row, str)]
        if not fit:
            return unfit
        probs = log_pool(np.array([row[0] for row, _ in fit]), np.array([s for _, s in fit]))
        return probs, float(sum(row[1] * s for row, s in fit) / seconds.sum())


def _parts(span: Segment, longest: float = _LONGEST_PART) -> Iterator[Segment]:
    """A span in equal parts of at most ``longest`` seconds."""
    count = max(1, int(np.ceil(span.duration / longest)))
    edges = np.linspace(span.start, span.end, count + 1).tolist()
    for start, end in pairwise(edges):
        yield Segment(start, end)
