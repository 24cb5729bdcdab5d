"""The rate of respiration."""

from __future__ import annotations

import warnings

import numpy as np

from mien_body.grid import Grid, Track
from mien_body.heart import filled
from mien_body.measured import Floats, Wave
from mien_body.quality import Graded

WINDOW = 30.0
"""Seconds over which the rate is a mean."""
SLOWEST, FASTEST = 4.0, 60.0
"""Breaths a minute."""


def breaths_of(wave: Wave) -> Floats:
    """The times at which breaths are deepest, seconds of the file, by neurokit2.

    Khodadad et al. (2018): band of 0.05 to 3 Hz, peaks, small ones left out.
    """
    import neurokit2 as nk

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clean = nk.rsp_clean(filled(wave.samples), sampling_rate=wave.rate)
            peaks = nk.rsp_findpeaks(clean, sampling_rate=wave.rate)["RSP_Peaks"]
        except (ValueError, IndexError, ZeroDivisionError):  # nothing in it is like a breath
            return np.zeros(0)
    return wave.start + np.asarray(peaks, float) / wave.rate


def breath_rate(peaks: Floats, wave: Wave, grid: Grid, graded: Graded) -> Track:
    """Breaths a minute in each second: 60 over the mean period of the breaths of 30 s around.

    The quality falls with the variation of the periods (their standard deviation over their mean).
    Periods outside 4 to 60 a minute, and those on seconds that cannot be used, do not count.
    """
    periods, ends = np.diff(peaks), peaks[1:]
    good = (periods >= 60 / FASTEST) & (periods <= 60 / SLOWEST)
    for i in range(len(ends)):
        first, last = (int(edge - wave.start) for edge in (ends[i] - periods[i], ends[i]))
        good[i] &= not any(graded.reasons[max(0, first) : last + 1])
    values: list[float | str] = []
    quality = np.zeros(len(grid.times))
    for i, time in enumerate(grid.times):
        low, high = grid.window(time, WINDOW)
        rows = good & (ends - periods < high) & (ends > low)
        inside = np.minimum(ends[rows], high) - np.maximum(ends[rows] - periods[rows], low)
        share = inside.sum() / WINDOW
        if share < 0.5:
            second = int(np.floor(time - wave.start))
            known = graded.reasons[second] if 0 <= second < len(graded.reasons) else ""
            values.append(known or f"plausible breaths cover less than half of {WINDOW:g} s")
            continue
        values.append(60.0 / float(np.average(periods[rows], weights=inside)))
        seconds = slice(max(0, int(low - wave.start)), max(1, int(high - wave.start)))
        steady = 1.0 - min(1.0, float(periods[rows].std() / periods[rows].mean()))
        quality[i] = min(1.0, share) * steady * float(graded.quality[seconds].mean())
    return Track(values, quality)
