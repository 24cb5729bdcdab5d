"""A fourth branch for mien: how fast somebody speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.analysis.evidence import Evidence
from mien.branches import BranchSpec
from mien.emotions import EmotionSpace, LabelMap
from mien.scene import TRANSCRIPT, Scene, Transcript
from mien.timebase import Segment

SPACE = EmotionSpace("tempo", ("sad", "neutral", "angry"))
# Words per second that stand for each of the three; made up, for the example's sake.
ANCHORS = np.array([1.5, 2.8, 4.2])


class TempoBranch:
    """Slow speech leans towards sadness, fast speech towards anger."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._width = float(options.get("width", 1.5))

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

    def _row(self, transcript: Transcript, segment: Segment) -> tuple[np.ndarray, float] | str:
        words = [
            word
            for line in transcript.lines
            for word in line.words
            if word.segment.middle in segment
        ]
        if len(words) < 2:
            return "fewer than two words with times"
        seconds = words[-1].segment.end - words[0].segment.start
        rate = len(words) / max(seconds, 0.5)
        closeness = np.exp(-np.square((rate - ANCHORS) / self._width) / 2) + 0.5
        probs = self.spec.label_map.apply((closeness / closeness.sum())[None])[0]
        return probs, 0.3
