"""A fourth branch for mien: how fast somebody speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.analysis.evidence import Evidence, Row
from mien.analysis.signals import SignalTrack
from mien.branches import BranchSpec
from mien.emotions import EmotionSpace, LabelMap
from mien.scene import TRANSCRIPT, Scene
from mien.timebase import Segment
from mien.words import Transcript, Word
from mien_tempo.options import TempoOptions

SPACE = EmotionSpace("tempo", ("sad", "neutral", "angry"))
# Words per second that stand for each of the three; made up, for the example's sake.
ANCHORS = np.array([1.5, 2.8, 4.2])
QUALITY = 0.3


class TempoBranch:
    """Slow speech leans towards sadness, fast speech towards anger."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = TempoOptions(**options)

    @property
    def spec(self) -> BranchSpec:
        """See :class:`mien.branches.BranchSpec`."""
        return BranchSpec(
            name="tempo",
            needs=(TRANSCRIPT,),
            label_map=LabelMap.by_name(SPACE),
            packs={},
        )

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """See :class:`mien.branches.Branch`."""
        transcript = scene.get(TRANSCRIPT)
        if transcript is None:
            return Evidence.absent("tempo", segments, scene.why_missing(TRANSCRIPT))
        rows = [self._row(transcript, segment) for segment in segments]
        return Evidence.of_rows("tempo", segments, rows)

    def _row(self, transcript: Transcript, segment: Segment) -> Row:
        words = [word for word in words_of(transcript) if word.segment.middle in segment]
        if len(words) < 2:
            return "fewer than two words with times"
        seconds = words[-1].segment.end - words[0].segment.start
        rate = len(words) / max(seconds, 0.5)
        closeness = np.exp(-np.square((rate - ANCHORS) / self._options.width) / 2) + 0.5
        probs = self.spec.label_map.apply((closeness / closeness.sum())[None])[0]
        return probs, QUALITY

    def signals(self, scene: Scene) -> list[SignalTrack]:
        """Words a second over time; see :class:`mien.branches.SignalBranch`."""
        transcript = scene.get(TRANSCRIPT)
        times = np.arange(np.ceil(scene.extent.start), np.floor(scene.extent.end)) + 0.5
        if transcript is None or not len(times):
            return []
        middles = np.array([word.segment.middle for word in words_of(transcript)])
        counts = [int((np.abs(middles - time) < 1.5).sum()) for time in times]
        values = [count / 3.0 if count else "no words" for count in counts]
        quality = np.full(len(times), QUALITY)
        return [
            SignalTrack.of(
                "rate of speech", "/s", times, values, quality, branch="tempo",
                source="words of 3 s",
            )
        ]  # fmt: skip


def words_of(transcript: Transcript) -> list[Word]:
    """The words whose times are known."""
    return [word for line in transcript.lines for word in line.words]
