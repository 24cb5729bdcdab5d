"""The text branch: predicts emotions from the words of the transcript."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import Any, Protocol

import numpy as np

from mien import language
from mien.analysis.evidence import Evidence
from mien.branches.packed import PackBranch
from mien.branches.wordpiece import Windows, WordPiece
from mien.errors import OptionError
from mien.language import Language, foreign, line_in_other
from mien.mathematics import FloatArray
from mien.packs import Pack
from mien.scene import TRANSCRIPT, Scene
from mien.segmentation import owners
from mien.timebase import Segment
from mien.words import Line, Transcript

SOURCES = ("auto", "spoken", "written")
FULL_WORDS = 4
"""Number of words from which on it no longer limits the quality."""


class FrontEnd(Protocol):
    """Converts a text to the inputs of a net."""

    def batches(self, text: str, spoken: bool) -> Iterator[tuple[Mapping[str, Any], float]]:
        """Named inputs of one row each, which together contain the text, with the row's weight.

        Args:
            text: of any length.
            spoken: whether it was spoken, rather than written.
        """
        ...


FRONT_ENDS: Mapping[str, Callable[[Pack], FrontEnd]] = {
    "wordpiece": WordPiece,
    "tokenizer": Windows,
}
"""Front ends by the name in a pack's input contract; a new kind of net adds its own."""


def length_quality(words: float) -> float:
    """Quality by the number of words, in [0, 1]."""
    return min(1.0, words / FULL_WORDS)


class TextModel:
    """A text pack as a function from texts to probabilities."""

    def __init__(self, pack: Pack) -> None:
        # The same line may be predicted in its segment, in the whole clip, and alone.
        self._row = lru_cache(maxsize=4096)(self._run)
        self._front_end = pack.front_end(FRONT_ENDS, "wordpiece")
        self.pack = pack

    def probs(self, texts: Sequence[str], spoken: Sequence[bool]) -> FloatArray:
        """Probabilities ``(n, 7)`` of texts, in their order.

        Args:
            texts: of any length.
            spoken: ``(n,)``, whether each was spoken, rather than written.

        Each text is a batch of its own: an 8-bit pack scales its activations by the maximum of a
            batch, so that the prediction would depend on the other texts of the batch. As many
            texts as there are cores run in parallel.
        """
        rows = [np.zeros((0, 7))]
        rows += self.pack.each(lambda one: self._row(*one), zip(texts, spoken, strict=True))
        return np.concatenate(rows)

    def _run(self, text: str, spoken: bool) -> FloatArray:
        rows, weights = zip(
            *(
                (self.pack.probs(inputs), weight)
                for inputs, weight in self._front_end.batches(text, spoken)
            ),
            strict=True,
        )
        shares = np.asarray(weights) / sum(weights)
        return np.asarray(shares @ np.concatenate(rows))[None]


class TextBranch(PackBranch):
    """Predicts each line of a segment separately and averages, weighted by the number of words.

    People write and talk differently, and label read and heard words differently; therefore the net
    receives a marker for spoken text.

    Args:
        options: ``pack``, the folder of a pack; ``source``, ``spoken``, ``written``, or ``auto``
            (the words of a recording were spoken, a text was written; the default).

    Raises:
        OptionError: if the source is none of these.
    """

    name = "text"
    needs = (TRANSCRIPT,)
    takes = ("pack", "source")

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._source = str(options.get("source", "auto"))
        if self._source not in SOURCES:
            raise OptionError.choice("source of the words", self._source, SOURCES)

    def __getstate__(self) -> dict[str, Any]:
        """The options, without the loaded model."""
        return super().__getstate__() | {"_source": self._source}

    @cached_property
    def _model(self) -> TextModel:
        return TextModel(self.pack)

    def load(self) -> None:
        """Load the model, and that which identifies the language of the words."""
        super().load()
        language.load()

    def unload(self) -> None:
        """Free the model, and that which identifies the language of the words."""
        language.unload()
        super().unload()

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """See :class:`mien.branches.Branch`."""
        return self.judge_many([(scene, segments)])[0]

    def judge_many(self, jobs: Sequence[tuple[Scene, Sequence[Segment]]]) -> list[Evidence]:
        """See :class:`mien.branches.BatchBranch`."""
        rows_by_job = [_lines_by_segment(scene, segments) for scene, segments in jobs]
        lines = [
            (text, self._spoken(scene))
            for (scene, _), rows in zip(jobs, rows_by_job, strict=True)
            for row in rows
            if not isinstance(row, str)
            for text, _ in row
        ]
        probs = iter(
            self._model.probs([text for text, _ in lines], [is_spoken for _, is_spoken in lines])
        )
        return [
            Evidence.of_rows(
                "text",
                segments,
                [row if isinstance(row, str) else _pooled(row, probs) for row in rows],
            )
            for (_, segments), rows in zip(jobs, rows_by_job, strict=True)
        ]

    def judge_lines(self, scene: Scene) -> Evidence | None:
        """See :class:`mien.branches.LinesBranch`."""
        transcript = scene.get(TRANSCRIPT)
        if transcript is None:
            return None
        whole = _language(transcript)
        why = [_why_not(line.text, whole) for line in transcript.lines]
        scored = [(line.text, line.confidence) for line in transcript.lines]
        english = [text for (text, _), reason in zip(scored, why, strict=True) if not reason]
        probs = iter(self._model.probs(english, [self._spoken(scene)] * len(english)))
        rows = [reason or _pooled([line], probs) for line, reason in zip(scored, why, strict=True)]
        return Evidence.of_rows("text", [line.segment for line in transcript.lines], rows)

    def _spoken(self, scene: Scene) -> bool:
        if self._source == "auto":
            return scene.facts.kind != "text"
        return self._source == "spoken"


Lines = list[tuple[str, float]]
"""Lines with their confidence, that is, the probability that they were spoken."""


def _lines_by_segment(scene: Scene, segments: Sequence[Segment]) -> list[Lines | str]:
    """The English lines of each segment, or why there are none."""
    transcript = scene.get(TRANSCRIPT)
    if transcript is None:
        return [scene.why_missing(TRANSCRIPT)] * len(segments)
    near, whole = lines_near(transcript.lines), _language(transcript)
    none = "no reliable words" if transcript.dropped else "no words"
    whose = owners(scene, segments)
    return [
        _english_lines(_of(near(segment), who), segment, whole, none)
        for segment, who in zip(segments, whose, strict=True)
    ]


def _of(lines: Sequence[Line], who: str | None) -> Sequence[Line]:
    """The lines of a speaker, and those of nobody who is named; all of them if none is asked."""
    return lines if who is None else [line for line in lines if line.speaker in (who, None)]


def _english_lines(
    lines: Sequence[Line], segment: Segment, whole: Language | None, none: str
) -> Lines | str:
    """What English words of some lines lie in a segment, or why there are none."""
    said = [line.inside(segment) for line in lines]
    said = [(text, confidence) for text, confidence in said if text.strip()]
    if not said:
        return none
    other = [line_in_other(text, whole) for text, _ in said]
    english = [line for line, found in zip(said, other, strict=True) if found is None]
    return english or f"not English ({other[0] if len(other) == 1 else whole or other[0]})"


def lines_near(lines: Sequence[Line]) -> Callable[[Segment], Sequence[Line]]:
    """The lines that a segment may hold, found without looking at all of them for each segment."""
    spans = [[line.segment, *(word.segment for word in line.words)] for line in lines]
    starts = [min(one.start for one in own) for own in spans]
    # The latest end up to each line: lines may overlap.
    ends = list(accumulate((max(one.end for one in own) for own in spans), max))
    if any(after < before for before, after in pairwise(starts)):
        return lambda segment: lines
    return lambda segment: lines[
        bisect_left(ends, segment.start) : bisect_right(starts, segment.end)
    ]


def _why_not(line: str, whole: Language | None) -> str:
    """The reason why a line is absent; ``""`` if it is not."""
    other = line_in_other(line, whole)
    if other is not None:
        return f"not English ({other})"
    return "" if line.strip() else "no words"


def _language(transcript: Transcript) -> Language | None:
    """The language of the whole transcript if not English: a short line alone is not sufficient."""
    if transcript.language == "en":
        return foreign(transcript.text)
    return foreign(transcript.text) or Language(transcript.language)


def _pooled(scored: Lines, probs: Iterator[FloatArray]) -> tuple[FloatArray, float]:
    """Probabilities and quality of a segment: the mean of its lines by words and confidence."""
    rows = np.stack([next(probs) for _ in scored])
    counts = np.array([len(text.split()) for text, _ in scored], dtype=float)
    confidence = np.array([c for _, c in scored])
    weights = counts * np.maximum(confidence, 1e-3)
    pooled = (weights / weights.sum()) @ rows
    quality = float((counts / counts.sum()) @ confidence) * length_quality(counts.sum())
    return pooled / pooled.sum(), min(1.0, quality)
