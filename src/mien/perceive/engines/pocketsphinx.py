"""The embedded engine: pocketsphinx with its US English model (no download)."""

from __future__ import annotations

import re
import threading
from functools import cached_property
from typing import Any

import numpy as np

from mien.scene import SAMPLE_RATE, Line, Samples, Word
from mien.timebase import Segment

FRAMES_PER_SECOND = 100
# Every second frame, fewer paths, a narrower second pass: benchmarks/asr.py sets this beside the
# defaults, which take 1.9 to 2.9 times as long.
SEARCH = {
    "ds": 2,
    "maxhmmpf": 3000,
    "maxwpf": 10,
    "fwdflatbeam": 1e-56,
    "fwdflatwbeam": 1e-24,
}

_MARKER = re.compile(r"^[<\[+].*[>\]+]$")
_VARIANT = re.compile(r"\(\d+\)$")


class Pocketsphinx:
    """US English. A word's confidence is the decoder's posterior, the line's their mean by time.

    Args:
        search: settings of the decoder.
    """

    name = "pocketsphinx"
    longest: float = 20.0
    gap: float = 0.0

    def __init__(self, search: dict[str, Any] | None = None) -> None:
        self._search = SEARCH if search is None else search
        self._turn = threading.Lock()

    @cached_property
    def _decoder(self) -> Any:
        from pocketsphinx import Decoder

        return Decoder(samprate=SAMPLE_RATE, loglevel="FATAL", **self._search)

    def language(self, samples: Samples) -> str:
        """It knows no other than English."""
        return "en"

    def hear(self, samples: Samples, language: str) -> list[Line]:
        """One line, or none; see :class:`mien.perceive.engines.Engine`."""
        words = self._words(samples)
        if not words:
            return []
        weights = [word.segment.duration for word in words]
        confidence = float(np.average([word.confidence for word in words], weights=weights))
        whole = Segment(0.0, len(samples) / SAMPLE_RATE)
        return [Line(whole, " ".join(word.text for word in words), tuple(words), confidence)]

    def _words(self, samples: Samples) -> list[Word]:
        sound = (np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes()
        with self._turn:
            decoder = self._decoder
            # It keeps means of the sound before, on which the answer would depend.
            decoder.reinit_feat()
            decoder.start_utt()
            decoder.process_raw(sound, full_utt=True)
            decoder.end_utt()
            parts = [
                (p.word, p.start_frame, p.end_frame, p.prob)
                for p in decoder.seg() or ()
                if not _MARKER.match(p.word)
            ]
        words = []
        for text, first, last, prob in parts:
            segment = Segment(first / FRAMES_PER_SECOND, (last + 1) / FRAMES_PER_SECOND)
            words.append(Word(_VARIANT.sub("", text), segment, float(np.clip(prob, 0.0, 1.0))))
        return words
