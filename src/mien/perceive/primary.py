"""Who is meant: the largest, most central, longest in view, and speaking where it can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mien.perceive.detect import Box
from mien.scene import CropStore, FaceTrack, Floats, Speech, rows_within

EDGE = 0.4
"""What a face at the edge of the picture counts for, against one in the middle."""
PROFILE = 0.2
"""What a face counts for at least, however far it is turned."""
MOUTH = (slice(29, 45), slice(12, 36))
EYES = (slice(10, 26), slice(8, 40))
"""Rows and columns of a crop."""
STEP = 0.5
"""Seconds between two samples at most for their difference to be movement."""
FEWEST = 4
"""Movements that a mouth must have shown in a turn to be compared with others."""
VOICE = 2.0
"""How many times more the one counts whose mouth alone moves while somebody speaks."""


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


def speaking(tracks: Sequence[FaceTrack], crops: CropStore, speech: Speech) -> list[FaceTrack]:
    """The tracks with the prominence of those raised who seem to speak.

    In each turn the movement of the mouths of all who are in view is compared. One mouth alone
    tells nothing: the voice may be another's.
    """
    moves = [mouth_movement(track, crops) for track in tracks]
    factors = [np.ones(len(track.samples), np.float32) for track in tracks]
    for turn in speech.turns:
        rows = [rows_within(track.samples.times, turn) for track in tracks]
        means = [_mean(move[row]) for move, row in zip(moves, rows, strict=True)]
        seen = [i for i, mean in enumerate(means) if np.isfinite(mean)]
        if len(seen) < 2:
            continue
        total = sum(means[i] for i in seen)
        for i in seen:
            share = means[i] / max(total, 1e-9)
            # From an even share on, up to the whole movement of the turn.
            factors[i][rows[i]] += (VOICE - 1) * max(0.0, share - 1 / len(seen)) * 2
    return [
        replace(t, samples=replace(t.samples, prominence=t.samples.prominence * f))
        for t, f in zip(tracks, factors, strict=True)
    ]


def mouth_movement(track: FaceTrack, crops: CropStore) -> Floats:
    """How much the mouth changed since the sample before, beyond the eyes; NaN if not known.

    ``(n,)``, mean absolute difference of gray levels of 255 after bringing both crops to the same
    brightness. The change around the eyes stands for the movement of the whole head.
    """
    times = track.samples.times
    moved = np.full(len(times), np.nan)
    before = None
    for i, index in enumerate(track.samples.crops.tolist()):
        now = crops.take([index])[0].astype(np.float32)
        now -= now.mean()
        if before is not None and times[i] - times[i - 1] <= STEP:
            change = np.abs(now - before)
            moved[i] = max(0.0, float(change[MOUTH].mean() - change[EYES].mean()))
        before = now
    return moved


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) >= FEWEST else float("nan")
