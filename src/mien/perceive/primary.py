"""Who is meant: the largest, most central, longest in view, and speaking where it can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mien.perceive.detectors import Box
from mien.perceive.lips import Voice, in_step, movement
from mien.scene import AudioTrack, CropStore, FaceTrack, Floats, Speech, rows_within

EDGE = 0.4
"""What a face at the edge of the picture counts for, against one in the middle."""
PROFILE = 0.2
"""What a face counts for at least, however far it is turned."""
FEWEST = 4
"""Movements that a mouth must have shown in a turn to be compared with others."""
VOICE = 2.0
"""How many times more the one counts whose lips alone are in step with the voice."""


def standing(box: Box, turn: float, width: int, height: int) -> float:
    """How much one look at a face counts, at least 0.

    Its side by the picture's, less towards the edges and by the cosine of its turn to the side,
    so that of two people the one who can be judged is meant.

    Args:
        box: of the face.
        turn: degrees, NaN if not known.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """
    left, top, wide, high = box
    across = (left + wide / 2) / width - 0.5
    down = (top + high / 2) / height - 0.5
    off = min(1.0, float(np.hypot(across, down)) / 0.5)
    facing = 1.0 if np.isnan(turn) else max(PROFILE, float(np.cos(np.radians(turn))))
    return facing * min(wide / width, high / height) * (1.0 - (1.0 - EDGE) * off**2)


def order(tracks: Sequence[FaceTrack]) -> tuple[FaceTrack, ...]:
    """The tracks with people numbered by their prominence over the recording, then by time."""
    total: dict[int, float] = {}
    for track in tracks:
        seen = float(track.samples.prominence.sum())
        total[track.identity] = total.get(track.identity, 0.0) + seen
    ranks = {name: rank for rank, name in enumerate(sorted(total, key=lambda n: -total[n]))}
    named = [replace(track, identity=ranks[track.identity]) for track in tracks]
    return tuple(sorted(named, key=lambda t: (t.identity, t.segment.start)))


def speaking(
    tracks: Sequence[FaceTrack], crops: CropStore, speech: Speech, audio: AudioTrack
) -> list[FaceTrack]:
    """The tracks with the prominence of those raised who seem to speak, and what their lips tell.

    Whose lips are in step with the voice counts for more in each turn. Where that cannot be told
    of anybody in view, the movement of the mouths of all is compared; one mouth alone tells
    nothing then: the voice may be another's.
    """
    voice = Voice(speech, audio)
    moves = [movement(track, crops) for track in tracks]
    lips = [in_step(t.samples.times, m, voice) for t, m in zip(tracks, moves, strict=True)]
    factors = [np.ones(len(track.samples), np.float32) for track in tracks]
    for turn in speech.turns:
        rows = [rows_within(track.samples.times, turn) for track in tracks]
        means = [_mean(move[row]) for move, row in zip(moves, rows, strict=True)]
        seen = [i for i, mean in enumerate(means) if np.isfinite(mean)]
        told = [i for i in seen if not isinstance(lips[i], str)]
        shares = _shares(means, told or seen)
        for i, share in shares.items():
            # In step counts as it is; else from an even share on, up to the whole movement.
            much = share if told else max(0.0, share - 1 / len(shares)) * 2
            factors[i][rows[i]] += (VOICE - 1) * min(1.0, much)
    return [
        replace(t, lips=said, samples=replace(t.samples, prominence=t.samples.prominence * f))
        for t, said, f in zip(tracks, lips, factors, strict=True)
    ]


def _shares(means: Sequence[float], among: Sequence[int]) -> dict[int, float]:
    """What each of some has of their movement."""
    total = max(sum(means[i] for i in among), 1e-9)
    return {i: means[i] / total for i in among}


def _mean(moved: Floats) -> float:
    """How much a mouth moves beyond the eyes, NaN if it was seen too rarely."""
    known = moved[np.isfinite(moved[:, 0])]
    if len(known) < FEWEST:
        return float("nan")
    return float(np.maximum(0.0, known[:, 0] - known[:, 1]).mean())
