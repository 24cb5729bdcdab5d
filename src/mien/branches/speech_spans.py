"""The spans of speech for the voice branch: turns, extended until the level falls to the noise.

A speech detector's turns exclude breath, fading ends and short pauses, which were part of the whole
recordings that the voice net was trained on. Without the extension, the UAR on unseen speakers is 2
to 4 points lower (``docs/lab-log.md``).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mien.mathematics import FloatArray
from mien.scene import SAMPLE_RATE, AudioTrack, Samples, Speech
from mien.timebase import Segment

PAUSE = 0.8
"""Pauses shorter than this, in seconds, are part of the speech."""
REACH = 1.0
"""Maximum extension of a turn's end in seconds."""
ABOVE = 6.0
"""Sound this many decibels above the noise belongs to the neighbouring turn."""
_NOISE = 10
_STEP = SAMPLE_RATE // 50
_KEPT = 0.05


def speech_spans(audio: AudioTrack, speech: Speech, segment: Segment) -> list[Segment]:
    """The speech of a segment, in time order, not overlapping.

    The noise at an end of a turn is the 10th percentile of the power of 20 ms frames within
    ``REACH`` on either side of it. The end moves to the furthest frame within ``REACH`` that lies
    ``ABOVE`` that, at most to the next turn; also past the end of the segment, if the turn ends
    inside.

    Args:
        audio: mono at 16 kHz.
        speech: speech turns of the whole recording.
        segment: the segment.
    """
    joined: list[Segment] = []
    for turn in speech.turns:
        if joined and turn.start - joined[-1].end < PAUSE:
            joined[-1] = Segment(joined[-1].start, turn.end)
        else:
            joined.append(turn)
    return list(_widened(audio, joined, segment))


def _widened(audio: AudioTrack, turns: list[Segment], segment: Segment) -> Iterator[Segment]:
    earliest = float("-inf")
    for i, turn in enumerate(turns):
        inside = turn & segment
        if inside is None:
            continue
        start, end = inside.start, inside.end
        if start == turn.start:
            low = turns[i - 1].end if i else float("-inf")
            start -= _beyond(audio, start, -1, start - max(low, earliest))
        if end == turn.end:
            high = turns[i + 1].start if i + 1 < len(turns) else float("inf")
            end += _beyond(audio, end, 1, high - end)
        earliest = end
        yield Segment(start, end)


def _beyond(audio: AudioTrack, edge: float, way: int, most: float) -> float:
    """Seconds by which speech continues beyond a turn's end; ``way`` is -1 backward, 1 forward."""
    before = audio.read(Segment(max(0.0, edge - REACH), edge))[::-1]
    after = audio.read(Segment(edge, edge + REACH))
    outer, inner = (after, before) if way > 0 else (before, after)
    outside = _powers(outer[: int(min(most, REACH) * SAMPLE_RATE)])
    if not len(outside):
        return 0.0
    noise = np.percentile(np.concatenate([_powers(inner), _powers(outer)]), _NOISE)
    loud = np.flatnonzero(outside > noise * 10 ** (ABOVE / 10))
    if not len(loud):
        return 0.0
    return min(float(loud[-1] + 1) * _STEP / SAMPLE_RATE + _KEPT, len(outer) / SAMPLE_RATE, most)


def _powers(samples: Samples) -> FloatArray:
    """Mean powers of 20 ms frames, ``(n,)``."""
    frames = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP)
    return np.asarray(np.square(frames, dtype=np.float64).mean(axis=1))
