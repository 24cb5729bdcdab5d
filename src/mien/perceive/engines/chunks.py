"""Cutting speech at its pauses into chunks that an engine can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mien.scene import SAMPLE_RATE, AudioTrack, Speech
from mien.timebase import Segment

FRAME = 0.02
"""Seconds over which loudness is measured when a long turn has to be cut."""
MARGIN = 0.3
"""Seconds of sound around a chunk that an engine is handed with it."""
QUIET = 10
"""Frames that must be quiet together for a pause."""


def chunks(speech: Speech, audio: AudioTrack, longest: float, gap: float) -> list[Segment]:
    """Speech turns, joined over pauses below ``gap`` seconds, none longer than ``longest``.

    A turn that is longer is cut at the quietest moment of the second half of what fits. Silence
    between chunks is never handed to an engine.
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
        at = quietest(audio, Segment(turn.start + longest / 2, turn.start + longest))
        yield Segment(turn.start, at)
        turn = Segment(at, turn.end)
    yield turn


def quietest(audio: AudioTrack, where: Segment) -> float:
    """The middle of the quietest fifth of a second, in seconds."""
    size = round(FRAME * SAMPLE_RATE)
    samples = audio.read(where)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    if len(frames) < QUIET:
        return where.end
    power = np.convolve((frames**2).mean(axis=1), np.ones(QUIET), mode="valid")
    return where.start + (int(power.argmin()) + QUIET / 2) * FRAME


def widened(found: Sequence[Segment], extent: Segment, margin: float = MARGIN) -> list[Segment]:
    """Pieces with the sound around them, since speech detection cuts into words now and then.

    Neighbours share the pause between them; what was cut in the middle of a turn stays as it is.

    Examples:
        >>> widened([Segment(1.0, 2.0), Segment(2.4, 3.0)], Segment(0.0, 9.0))
        [Segment(start=0.7, end=2.2), Segment(start=2.2, end=3.3)]
    """
    ends = [extent.start, *(chunk.end for chunk in found[:-1])]
    starts = [*(chunk.start for chunk in found[1:]), extent.end]
    out = []
    for i, (chunk, before, after) in enumerate(zip(found, ends, starts, strict=True)):
        low = extent.start if i == 0 else (before + chunk.start) / 2
        high = extent.end if i == len(found) - 1 else (chunk.end + after) / 2
        start, end = max(chunk.start - margin, low), min(chunk.end + margin, high)
        out.append(Segment(min(start, chunk.start), max(end, chunk.end)))
    return out
