"""Heart rate and its variability, from beats, intervals or rates."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from mien_body.grid import Grid, Track
from mien_body.measured import Floats, Wave
from mien_body.quality import Graded

SHORTEST, LONGEST = 0.3, 2.0
"""Seconds between two beats: 200 and 30 beats a minute."""
LEAP = 0.3
"""Share by which an interval may differ from the median of its neighbours."""
NEIGHBOURS = 9
AGREE = 0.6
"""Share of the neighbours that must be plausible; noise gives a plausible interval now and then."""
LEAST_ALIKE = 0.8
"""Beats whose neighbourhood is less alike are noise; of white noise it is 0.75 at most."""
RATE_WINDOW = 5.0
"""Seconds over which the heart rate is a mean."""
COVERED = 2 / 3
"""Share of a window that plausible intervals must cover."""
IMPLAUSIBLE = "no plausible beats"


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals between beats.

    Args:
        ends: ``(n,)`` seconds of the later beat.
        lengths: ``(n,)`` seconds.
        good: ``(n,)`` whether an interval is plausible.
        quality: ``(n,)`` of the signal under it, in [0, 1].
    """

    ends: Floats
    lengths: Floats
    good: np.ndarray
    quality: Floats


@dataclass(frozen=True, eq=False)
class Beats:
    """Beats that were found.

    Args:
        times: ``(n,)`` seconds of the file.
        alike: ``(n,)`` how alike the beats around each are, in [-1, 1], see :func:`likeness`.
    """

    times: Floats
    alike: Floats


def beats_of(wave: Wave) -> Beats:
    """The beats of a channel, by neurokit2.

    Of an electrocardiogram the R peaks (``neurokit``, Brammer 2020), of a pulse wave the systolic
    peaks (Elgendi 2013).
    """
    import neurokit2 as nk

    samples = filled(wave.samples)
    rate = wave.rate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if wave.kind == "ecg":
                clean = nk.ecg_clean(samples, sampling_rate=rate)
                peaks = nk.ecg_findpeaks(clean, sampling_rate=round(rate))["ECG_R_Peaks"]
            else:
                clean = nk.ppg_clean(samples, sampling_rate=round(rate))
                peaks = nk.ppg_findpeaks(clean, sampling_rate=round(rate))["PPG_Peaks"]
        except (ValueError, IndexError, ZeroDivisionError):  # nothing in it is like a beat
            return Beats(np.zeros(0), np.zeros(0))
    found = np.asarray(peaks, float)
    times = wave.start + found / rate
    return Beats(times, likeness(np.asarray(clean, float), found.astype(int)))


def likeness(samples: Floats, peaks: np.ndarray) -> Floats:
    """How alike each beat and its neighbours are: mean correlation with their median beat.

    As the signal quality index of Orphanidou et al. (2015), with nine beats in place of 10 s.

    Args:
        samples: filtered.
        peaks: ``(n,)`` indices of the beats.

    Returns:
        ``(n,)``; 0 if there are fewer than five beats.
    """
    if len(peaks) < 5:
        return np.zeros(len(peaks))
    half = max(2, int(np.median(np.diff(peaks)) / 2))
    padded = np.pad(samples, half, mode="edge")
    cut = np.array([padded[peak : peak + 2 * half] for peak in peaks])
    cut = cut - cut.mean(axis=1, keepdims=True)
    cut /= np.maximum(np.linalg.norm(cut, axis=1, keepdims=True), 1e-12)
    out = np.zeros(len(peaks))
    for i in range(len(peaks)):
        first = int(np.clip(i - NEIGHBOURS // 2, 0, max(0, len(peaks) - NEIGHBOURS)))
        around = cut[first : first + NEIGHBOURS]
        middle = np.median(around, axis=0)
        length = max(float(np.linalg.norm(middle)), 1e-12)
        out[i] = float((around @ middle).mean()) / length
    return out


def filled(samples: Floats) -> Floats:
    """The samples with straight lines in their gaps, since filters take no NaN."""
    there = np.isfinite(samples)
    rows = np.arange(len(samples))
    return np.interp(rows, rows[there], samples[there]) if not there.all() else samples


def between(beats: Beats, graded: Graded | None, start: float) -> Intervals:
    """The intervals between beats, and which of them are plausible.

    Args:
        beats: in order; those that are not alike do not count.
        graded: the quality of the channel in each second; None if it was not graded.
        start: of its first second.
    """
    found = judged(beats.times[1:], np.diff(beats.times), graded, start)
    alike = np.minimum(beats.alike[1:], beats.alike[:-1])
    good = found.good & (alike >= LEAST_ALIKE)
    return Intervals(found.ends, found.lengths, good, found.quality * np.clip(alike, 0, 1))


def judged(ends: Floats, lengths: Floats, graded: Graded | None, start: float) -> Intervals:
    """Intervals with what is plausible about them.

    One is not if it lies outside 30 to 200 a minute, differs from the median of its neighbours by
    more than 30 % (a beat that was missed, found twice, or too early), has too few plausible
    neighbours, or lies on seconds that cannot be used.
    """
    good = (lengths >= SHORTEST) & (lengths <= LONGEST)
    if not len(lengths):
        return Intervals(ends, lengths, good, np.ones(0))
    for i in map(int, np.flatnonzero(good)):
        around = lengths[max(0, i - NEIGHBOURS // 2) : i + NEIGHBOURS // 2 + 1]
        around = around[(around >= SHORTEST) & (around <= LONGEST)]
        good[i] = abs(lengths[i] / np.median(around) - 1) <= LEAP
    good &= np.convolve(good, np.ones(NEIGHBOURS), "same") >= AGREE * np.convolve(
        np.ones(len(good)), np.ones(NEIGHBOURS), "same"
    )
    quality = np.ones(len(ends))
    if graded is not None:
        last = len(graded.quality) - 1
        for i in range(len(ends)):
            first = int(np.clip(ends[i] - lengths[i] - start, 0, last))
            final = int(np.clip(ends[i] - start, 0, last))
            quality[i] = graded.quality[first : final + 1].min()
            good[i] &= not any(graded.reasons[first : final + 1])
    return Intervals(ends, lengths, good, quality)


def heart_rate(found: Intervals, grid: Grid, graded: Graded | None, start: float) -> Track:
    """Beats a minute in each second: 60 over the mean of the plausible intervals of 5 s around.

    Each interval counts by the time for which it lies in these seconds.
    """
    values: list[float | str] = []
    quality = np.zeros(len(grid.times))
    for i, time in enumerate(grid.times):
        low, high = time - RATE_WINDOW / 2, time + RATE_WINDOW / 2
        rows, inside = _inside(found, low, high)
        share = inside.sum() / RATE_WINDOW
        if share < COVERED / 2:
            values.append(_why(graded, start, time) or IMPLAUSIBLE)
            continue
        values.append(60.0 / float(np.average(found.lengths[rows], weights=inside)))
        quality[i] = min(1.0, share) * float(np.average(found.quality[rows], weights=inside))
    return Track(values, quality)


def _inside(found: Intervals, low: float, high: float) -> tuple[np.ndarray, Floats]:
    """The plausible intervals that lie partly in a window, and the seconds of each in it."""
    first = int(np.searchsorted(found.ends, low))
    last = int(np.searchsorted(found.ends - found.lengths, high))
    rows = np.arange(first, max(first, last))
    rows = rows[found.good[rows]]
    begins = found.ends[rows] - found.lengths[rows]
    inside = np.minimum(found.ends[rows], high) - np.maximum(begins, low)
    keep = inside > 0
    return rows[keep], inside[keep]


def rmssd(found: Intervals, grid: Grid, window: float) -> Track:
    """RMSSD in ms over a window around each second.

    The root of the mean squared difference of successive intervals (Task Force of the ESC and NASPE
    1996). A difference counts if both intervals are plausible and follow one another.
    """
    squares = np.diff(found.lengths) ** 2
    follow = np.abs(found.ends[1:] - found.lengths[1:] - found.ends[:-1]) < 0.02
    good = found.good[1:] & found.good[:-1] & follow
    values: list[float | str] = []
    quality = np.zeros(len(grid.times))
    for i, time in enumerate(grid.times):
        low, high = grid.window(time, window)
        rows, inside = _inside(found, low, high)
        share = inside.sum() / window
        pairs = np.searchsorted(found.ends[1:], [low, high])
        kept = np.arange(*pairs)[good[slice(*pairs)]]
        if share < COVERED or len(kept) < 10:
            values.append(f"plausible beats cover less than two thirds of {window:g} s")
            continue
        values.append(1000.0 * float(np.sqrt(squares[kept].mean())))
        quality[i] = min(1.0, share) * float(found.quality[rows].mean())
    return Track(values, quality)


def given_rate(times: Floats, rates: Floats, grid: Grid) -> Track:
    """Rates that a device computed, at each second; absent where none is within 10 s."""
    values: list[float | str] = []
    quality = np.zeros(len(grid.times))
    for i, time in enumerate(grid.times):
        near = int(np.argmin(np.abs(times - time)))
        away = abs(times[near] - time)
        bpm = float(np.interp(time, times, rates))
        if away > 10:
            values.append("nothing was recorded")
        elif not 60 / LONGEST <= bpm <= 60 / SHORTEST:
            values.append(f"implausible ({bpm:.0f} a minute)")
        else:
            values.append(bpm)
            quality[i] = 1.0 - away / 20
    return Track(values, quality)


def _why(graded: Graded | None, start: float, time: float) -> str:
    """The reason of a second that cannot be used; empty if there is none."""
    if graded is None or not graded.reasons:
        return ""
    at = int(time - start)
    return graded.reasons[at] if 0 <= at < len(graded.reasons) else "nothing was recorded"
