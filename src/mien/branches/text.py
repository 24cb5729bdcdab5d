"""The text branch: what is said, from the transcript."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mien.branches.packed import PackBranch
from mien.branches.wordpiece import Windows, WordPiece
from mien.packs import Pack
from mien.results import Evidence
from mien.scene import TRANSCRIPT, Scene, Transcript
from mien.timebase import Segment

FloatArray = npt.NDArray[np.float64]

FULL_WORDS = 4
"""Words from which on their number no longer limits the quality."""


class FrontEnd(Protocol):
    """How a text becomes the inputs of a net."""

    def batches(self, text: str) -> Iterator[tuple[Mapping[str, Any], float]]:
        """Named inputs of one row each, which together hold the text, and the row's weight."""
        ...


FRONT_ENDS: Mapping[str, Callable[[Pack], FrontEnd]] = {
    "wordpiece": WordPiece,
    "tokenizer": Windows,
}
"""By the name that a pack's input contract gives; a new kind of net adds its own."""


def length_quality(words: float) -> float:
    """How far so many words are to be trusted, in [0, 1]."""
    return min(1.0, words / FULL_WORDS)


class TextModel:
    """A text pack as a function from texts to probabilities."""

    def __init__(self, pack: Pack) -> None:
        self._front_end = pack.front_end(FRONT_ENDS, "wordpiece")
        self.pack = pack

    def probs(self, texts: Sequence[str]) -> FloatArray:
        """Probabilities ``(n, 7)`` of texts, in their order.

        Each text is run alone: an 8-bit pack scales its activations by the largest of a batch, so
        that together a text's answer would depend on its neighbours.
        """
        return np.concatenate([np.zeros((0, 7)), *(self._row(text) for text in texts)])

    def _row(self, text: str) -> FloatArray:
        rows, weights = zip(
            *(
                (self.pack.probs(inputs), weight)
                for inputs, weight in self._front_end.batches(text)
            ),
            strict=True,
        )
        shares = np.asarray(weights) / sum(weights)
        return np.asarray(shares @ np.concatenate(rows))[None]


class TextBranch(PackBranch):
    """Judges the lines of each segment, each line on its own, weighted by its words."""

    name = "text"
    needs = (TRANSCRIPT,)

    @cached_property
    def _model(self) -> TextModel:
        return TextModel(self.pack)

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """See :class:`mien.branches.Branch`."""
        transcript = scene.get(TRANSCRIPT)
        if transcript is None:
            return Evidence.absent("text", segments, scene.why_missing(TRANSCRIPT))
        if transcript.language != "en":
            reason = f"the words are not English (language {transcript.language!r})"
            return Evidence.absent("text", segments, reason)
        rows = [self._row(transcript, segment) for segment in segments]
        return Evidence.of_rows("text", segments, rows)

    def _row(self, transcript: Transcript, segment: Segment) -> tuple[FloatArray, float] | str:
        said = [line.inside(segment) for line in transcript.lines]
        said = [(text, confidence) for text, confidence in said if text.strip()]
        if not said:
            return "no words that can be believed" if transcript.dropped else "no words"
        probs = self._model.probs([text for text, _ in said])
        counts = np.array([len(text.split()) for text, _ in said], dtype=float)
        confidence = np.array([c for _, c in said])
        weights = counts * np.maximum(confidence, 1e-3)
        pooled = (weights / weights.sum()) @ probs
        quality = float((counts / counts.sum()) @ confidence) * length_quality(counts.sum())
        return pooled / pooled.sum(), min(1.0, quality)
