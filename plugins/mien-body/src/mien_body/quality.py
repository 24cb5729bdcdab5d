"""How good a channel is in each second: flat, clipped, missing, moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien_body.measured import Floats, Wave

STILL, SHAKEN = 0.04, 0.6
"""Standard deviation of the acceleration within a second, in g: at rest, and beyond use."""
FLAT = {"ecg": 1.0, "ppg": 1.0, "eda": 10.0, "resp": 4.0}
"""Seconds for which a channel of a kind may keep one value."""
NO_CONTACT = 0.02
"""Microsiemens below which the electrodes do not touch the skin."""
CLIPPED = 0.2
"""Share of the samples of a second at the end of the range beyond which it is of no use."""


@dataclass(frozen=True, eq=False)
class Graded:
    """The quality of each second.

    Args:
        quality: ``(n,)`` in [0, 1]; 0 where there is a reason.
        reasons: why a second cannot be used; empty where it can.
    """

    quality: Floats
    reasons: tuple[str, ...]

    @property
    def usable(self) -> np.ndarray:
        """True for each second that can be used, ``(n,)``."""
        return np.array([not reason for reason in self.reasons], bool)


def grade(wave: Wave, moved: Floats | None) -> Graded:
    """The quality of a channel in each of its seconds.

    Args:
        wave: of a part of the file that begins at a whole second.
        moved: ``(n,)`` standard deviation of the acceleration in each second, g; None without
            such a channel; NaN where it was not recorded.
    """
    count = max(1, round(len(wave.samples) / wave.rate))
    flat, ends = _constant(wave), _at_ends(wave)
    quality, reasons = np.zeros(count), []
    for second in range(count):
        rows = slice(round(second * wave.rate), round((second + 1) * wave.rate))
        value, reason = _second(wave, rows, flat, ends)
        shaken = np.nan if moved is None or second >= len(moved) else moved[second]
        if not reason and wave.kind != "resp" and shaken > SHAKEN:
            reason = f"motion ({shaken:.2f} g)"
        if not reason and shaken > STILL:
            value *= float(np.clip((SHAKEN - shaken) / (SHAKEN - STILL), 0.1, 1.0))
        quality[second] = 0.0 if reason else value
        reasons.append(reason)
    return Graded(quality, tuple(reasons))


def _second(wave: Wave, rows: slice, flat: np.ndarray, ends: np.ndarray) -> tuple[float, str]:
    """Quality of some samples, and why they cannot be used."""
    samples = wave.samples[rows]
    there = np.isfinite(samples)
    if not len(samples) or there.mean() < 0.5:
        return 0.0, "nothing was recorded"
    if flat[rows].mean() > 0.5:
        return 0.0, "flat line"
    if wave.kind == "eda" and wave.unit in ("us", "µs", "") and np.nanmax(samples) < NO_CONTACT:
        return 0.0, "no contact with the skin"
    clipped = float(ends[rows].mean())
    if clipped > CLIPPED:
        return 0.0, f"clipped ({clipped:.0%} of the samples)"
    return float(there.mean()) * (1 - clipped / CLIPPED / 2), ""


def _runs(same: np.ndarray) -> np.ndarray:
    """For each sample the length of the run of True in which it lies, ``(n,)``; 0 outside."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], same.astype(np.int8), [0]))))
    out = np.zeros(len(same), int)
    for start, stop in edges.reshape(-1, 2):
        out[start:stop] = stop - start
    return out


def _constant(wave: Wave) -> np.ndarray:
    """Where the channel keeps one value for longer than its kind may, ``(n,) bool``."""
    x = wave.samples
    same = np.zeros(len(x), bool)
    if len(x) > 1:
        spread = float(np.nanmax(x) - np.nanmin(x)) if np.isfinite(x).any() else 0.0
        still = np.abs(np.diff(x)) <= 1e-6 * max(spread, 1e-12)
        same[1:], same[:-1] = still, same[:-1] | still
    return _runs(same) > FLAT[wave.kind] * wave.rate


def _at_ends(wave: Wave) -> np.ndarray:
    """Where the channel stays at its least or greatest value, ``(n,) bool``."""
    x = wave.samples
    if wave.kind == "eda" or not np.isfinite(x).any():
        return np.zeros(len(x), bool)
    high, low = np.nanmax(x), np.nanmin(x)
    least = max(3, round(0.01 * wave.rate))
    return (_runs(x == high) >= least) | (_runs(x == low) >= least)


def motion(acc: Wave | None, start: float, count: int) -> Floats | None:
    """Standard deviation of the acceleration in each second, ``(count,)`` g; None without any.

    Args:
        acc: the channel.
        start: seconds of the file.
        count: seconds.
    """
    if acc is None:
        return None
    size = np.linalg.norm(acc.samples, axis=1)
    out = np.full(count, np.nan)
    for second in range(count):
        first = round((start + second - acc.start) * acc.rate)
        part = size[max(first, 0) : max(round(first + acc.rate), 0)]
        if len(part) >= 3 and np.isfinite(part).any():
            out[second] = np.nanstd(part)
    return out
