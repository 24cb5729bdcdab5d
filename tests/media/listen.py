"""Plays a clip and sorts what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.media import open_clip
from mien.scene import AudioBlock, Caption, ClipFacts, Frame, Samples

from .make import nearest


@dataclass
class Heard:
    """All that a clip gave, and its facts before and after."""

    facts: ClipFacts
    after: ClipFacts
    blocks: list[AudioBlock]
    frames: list[Frame]
    captions: list[Caption]

    @property
    def samples(self) -> Samples:
        if not self.blocks:
            return np.zeros(0, np.float32)
        return np.concatenate([block.samples for block in self.blocks])

    @property
    def times(self) -> list[float]:
        return [frame.time for frame in self.frames]

    @property
    def colours(self) -> list[tuple[int, int, int]]:
        return [nearest(frame.image) for frame in self.frames]


def listen(path: Path | str, frame_rate: float = 0.0, may_leap: bool = False) -> Heard:
    """Play a clip from start to end; its blocks must follow one another unless it may leap."""
    clip = open_clip(path)
    try:
        heard = Heard(clip.facts, clip.facts, [], [], [])
        given = gaps = 0
        for moment in clip.play(frame_rate):
            if isinstance(moment, AudioBlock):
                start = round(moment.start * 16_000)
                assert start >= given
                gaps += start > given
                given = start
                assert moment.samples.dtype == np.float32
                assert moment.samples.ndim == 1
                given += len(moment.samples)
                heard.blocks.append(moment)
            elif isinstance(moment, Frame):
                assert moment.image.dtype == np.uint8
                heard.frames.append(moment)
            else:
                heard.captions.append(moment)
        heard.after = clip.facts
        assert not gaps or may_leap
    finally:
        clip.close()
    return heard
