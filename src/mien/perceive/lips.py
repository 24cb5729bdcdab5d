"""Whose lips move with the voice: how a mouth changes against how loud the speech is meanwhile."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mien.scene import SAMPLE_RATE, AudioTrack, CropStore, FaceTrack, Floats, Speech
from mien.timebase import Segment

MOUTH = (31, 46, 14, 34)
EYES = (10, 26, 8, 40)
"""First and last row and column of a part of a crop; the chin moves with the mouth."""
SHIFT = (2, 1)
"""Rows and columns by which a part may have moved as a whole: crops jitter."""
STEP = 0.5
"""Seconds between two samples at most for their difference to be movement."""
FEWEST = 15
"""Movements of a mouth that are compared with the voice at least."""
SURE = 2.05
"""Normal deviate that a correlation must exceed: one in fifty by chance."""
LEAST = 0.2
"""Correlation below which nothing is told, however long the recording."""
DEPTH = 30.0
"""Decibels below the loud speech that count as silence."""
FLAT = 1.0
"""Decibels by which the level must vary (standard deviation)."""
HOP = 0.01
BLOCK = 10.0
"""Seconds: how finely the sound is measured, and how much is read at a time."""


class Voice:
    """How loud the speech is between two moments; what is no speech counts as silence.

    Keeps 16 bytes per 10 ms of speech.

    Args:
        speech: when somebody speaks.
        audio: the sound.
    """

    def __init__(self, speech: Speech, audio: AudioTrack) -> None:
        times: list[Floats] = [np.zeros(1)]
        energies: list[Floats] = [np.zeros(1)]
        for turn in speech.turns:
            times.append(np.array([turn.start]))
            energies.append(np.zeros(1))
            for start in np.arange(turn.start, turn.end, BLOCK).tolist():
                part = Segment(start, min(start + BLOCK, turn.end))
                powers = _powers(audio.read(part))
                times.append(part.start + HOP * np.arange(1, len(powers) + 1))
                energies.append(powers * HOP)
        self._times = np.maximum.accumulate(np.concatenate(times))
        self._energy = np.cumsum(np.concatenate(energies))

    def level(self, starts: Floats, ends: Floats) -> Floats:
        """Mean level of the speech between moments, decibels of full scale, at least -120."""
        until, since = (np.interp(t, self._times, self._energy) for t in (ends, starts))
        power = (until - since) / np.maximum(ends - starts, 1e-6)
        return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))


def _powers(samples: Floats) -> Floats:
    size = round(HOP * SAMPLE_RATE)
    whole = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    return np.asarray((whole**2).mean(axis=1))


def movement(track: FaceTrack, crops: CropStore) -> Floats:
    """How much the mouth and the eyes changed since the sample before, ``(n, 2)``.

    Mean absolute difference of gray levels of 255, each part laid where it fits best on the crop
    before; NaN where there is no sample shortly before. Brightness is brought to that of the part
    around the eyes, since an open mouth darkens the whole.
    """
    times = track.samples.times
    moved = np.full((len(times), 2), np.nan)
    before, indices = None, track.samples.crops.tolist()
    seen = 0
    for i, index in enumerate(indices):
        if i and index == indices[i - 1]:
            continue  # a picture that stands
        now = crops.take([index])[0].astype(np.float32)
        near = i > 0 and times[i] - times[seen] <= STEP
        seen = i
        if before is not None and near:
            change = _differences(before, now, EYES)
            brighter = change.mean(axis=(2, 3), keepdims=True)
            eyes = np.abs(change - brighter).mean(axis=(2, 3))
            best = np.unravel_index(int(eyes.argmin()), eyes.shape)
            mouth = np.abs(_differences(before, now, MOUTH) - brighter[best]).mean(axis=(2, 3))
            moved[i] = mouth.min(), eyes[best]
        before = now
    return moved


def _differences(before: Floats, now: Floats, part: tuple[int, int, int, int]) -> Floats:
    """A part less each place around it in the crop before, ``(rows, columns, height, width)``."""
    top, bottom, left, right = part
    rows, columns = SHIFT
    around = before[top - rows : bottom + rows, left - columns : right + columns]
    places = sliding_window_view(around, (bottom - top, right - left))
    return np.asarray(now[top:bottom, left:right] - places)


def in_step(times: Floats, moved: Floats, voice: Voice) -> float | str:
    """The correlation of a mouth's movement with the voice, or why it cannot be told.

    It is that of the root of the mouth's change with the level of the speech meanwhile. It must
    exceed what chance would show: Fisher's transform with as many degrees of freedom as the
    autocorrelation of both leaves (Bartlett, On the theoretical specification and sampling
    properties of autocorrelated time-series, 1946).

    Args:
        times: ``(n,)`` of the samples, seconds.
        moved: ``(n, 2)`` of :func:`movement`.
        voice: what is heard.
    """
    rows = np.flatnonzero(np.isfinite(moved[:, 0]))
    if len(rows) < FEWEST:
        return f"too few samples of the mouth ({len(rows)}, at least {FEWEST} needed)"
    level = voice.level(times[rows - 1], times[rows])
    if level.max() <= -120:
        return "no speech while the face is in view"
    level = np.maximum(level, np.percentile(level, 95) - DEPTH)
    if level.std() < FLAT:
        return f"the voice does not vary ({level.std():.1f} dB, at least {FLAT:.1f} needed)"
    mouth = np.sqrt(moved[rows, 0])
    mouth, level = mouth - mouth.mean(), level - level.mean()
    if mouth.std() < 1e-3:
        return "the mouth does not move"
    much = float(np.corrcoef(mouth, level)[0, 1])
    free = max(0.0, _independent(mouth, level) - 4)
    wanted = max(LEAST, float(np.tanh(SURE / np.sqrt(free)))) if free else 1.0
    if much < wanted:
        return (
            f"not clear (correlation {much:.2f} over {len(rows)} movements, at least "
            f"{wanted:.2f} needed)"
        )
    return much


def _independent(a: Floats, b: Floats) -> float:
    """How many of ``n`` pairs are independent, as their autocorrelations say."""
    n = len(a)
    lags = np.arange(1, min(n // 4, 25) + 1)
    both = [_lagged(a, lag) * _lagged(b, lag) for lag in lags.tolist()]
    inflation = 1 + 2 * float(np.maximum((1 - lags / n) * both, 0).sum())
    return n / inflation


def _lagged(values: Floats, lag: int) -> float:
    return float(values[lag:] @ values[:-lag]) / max(float(values @ values), 1e-9)
