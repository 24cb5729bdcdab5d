"""Cutting speech at its pauses into pieces that an engine can take."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mien.scene import SAMPLE_RATE, AudioTrack, Speech
from mien.timebase import Segment

FRAME = 0.02
"""Seconds over which loudness is measured when a long turn has to be cut."""
QUIET = 10
"""Frames that must be quiet together for a pause."""


def pieces(speech: Speech, audio: AudioTrack, longest: float, gap: float) -> list[Segment]:
    """Speech turns, joined over pauses below ``gap`` seconds, none longer than ``longest``.

    A turn that is longer is cut at the quietest moment of the second half of what fits. Silence
    between pieces is never handed to an engine.
    """
    joined: list[Segment] = []
    for turn in speech.turns:
        for part in _parts(turn, audio, longest):
            last = joined[-1] if joined else None
            # Parts of one cut turn touch; they stay apart.
            near = last is not None and 0 < part.start - last.end < gap
            if last is not None and near and part.end - last.start <= longest:
                joined[-1] = Segment(last.start, part.end)
            else:
                joined.append(part)
    return joined


def _parts(turn: Segment, audio: AudioTrack, longest: float) -> Iterator[Segment]:
    while turn.duration > longest:
        at = _quietest(audio, Segment(turn.start + longest / 2, turn.start + longest))
        yield Segment(turn.start, at)
        turn = Segment(at, turn.end)
    yield turn


def _quietest(audio: AudioTrack, where: Segment) -> float:
    """The middle of the quietest fifth of a second, in seconds."""
    size = round(FRAME * SAMPLE_RATE)
    samples = audio.read(where)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    if len(frames) < QUIET:
        return where.end
    power = np.convolve((frames**2).mean(axis=1), np.ones(QUIET), mode="valid")
    return where.start + (int(power.argmin()) + QUIET / 2) * FRAME
