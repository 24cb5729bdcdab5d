"""The embedded transcript engine: pocketsphinx with its US English model (no download)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from mien.scene import SAMPLE_RATE, AudioTrack, Line, Speech, Transcript, Word
from mien.timebase import Segment

FRAMES_PER_SECOND = 100
_MARKER = re.compile(r"^[<\[+].*[>\]+]$")
_VARIANT = re.compile(r"\(\d+\)$")


class Pocketsphinx:
    """Transcribes each speech turn on its own, so that nothing is read into silence."""

    @cached_property
    def _decoder(self) -> Any:
        from pocketsphinx import Decoder

        return Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def transcribe(
        self, audio: AudioTrack, speech: Speech, progress: Callable[[str, float], None]
    ) -> Transcript:
        """One line a turn in which a word was recognised; US English.

        A word's confidence is the decoder's posterior, the line's the mean weighted by duration.
        """
        lines = []
        for turn in speech.turns:
            progress("transcribing", turn.start / max(audio.duration, 1e-6))
            words = self._words(audio, turn)
            if words:
                weights = [word.segment.duration for word in words]
                confidence = float(np.average([w.confidence for w in words], weights=weights))
                text = " ".join(word.text for word in words)
                lines.append(Line(turn, text, tuple(words), confidence))
        return Transcript(tuple(lines), "pocketsphinx")

    def _words(self, audio: AudioTrack, turn: Segment) -> list[Word]:
        samples = (np.clip(audio.read(turn), -1, 1) * 32767).astype(np.int16)
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        words = []
        for part in self._decoder.seg() or ():
            if _MARKER.match(part.word):
                continue
            start = turn.start + part.start_frame / FRAMES_PER_SECOND
            end = turn.start + (part.end_frame + 1) / FRAMES_PER_SECOND
            confidence = float(np.clip(part.prob, 0.0, 1.0))
            words.append(Word(_VARIANT.sub("", part.word), Segment(start, end), confidence))
        return words
