"""Skin conductance: its level, its responses, and how many there are a minute."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from mien_body.grid import Grid, Track
from mien_body.heart import filled
from mien_body.measured import Floats, Wave
from mien_body.quality import Graded

RATE_WINDOW = 60.0
"""Seconds over which responses are counted."""
LEAST = 0.01
"""Microsiemens of the smallest response (Boucsein 2012)."""
WORKING_RATE = 25.0
"""Samples a second at which responses are found; skin conductance changes within seconds."""


@dataclass(frozen=True, eq=False)
class Skin:
    """What was found in a channel of skin conductance.

    Args:
        tonic: the channel without what changes faster than 0.05 Hz.
        rate: samples a second of ``tonic``.
        peaks: ``(n,)`` seconds of the file at which responses are greatest.
        sizes: ``(n,)`` amplitudes: heights of the phasic part above their onsets.
    """

    tonic: Floats
    rate: float
    peaks: Floats
    sizes: Floats


def responses(wave: Wave) -> Skin:
    """The tonic level and the phasic responses, by neurokit2.

    The channel is divided by a Butterworth filter at 0.05 Hz (``highpass``); responses are peaks of
    the phasic part whose height is a tenth of the greatest (Gamboa 2008, as in neurokit2) and at
    least 0.01 microsiemens.
    """
    import neurokit2 as nk

    samples, rate = filled(wave.samples), wave.rate
    if rate > 2 * WORKING_RATE:
        step = int(rate // WORKING_RATE)
        usable = len(samples) // step * step
        samples, rate = samples[:usable].reshape(-1, step).mean(axis=1), rate / step
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = nk.eda_phasic(samples, sampling_rate=rate, method="highpass")
        try:
            found = nk.eda_findpeaks(
                parts["EDA_Phasic"].to_numpy(), sampling_rate=rate, method="neurokit"
            )
        except (ValueError, IndexError):  # a channel without any peak
            found = {"SCR_Peaks": [], "SCR_Height": [], "SCR_Onsets": []}
    peaks = np.asarray(found["SCR_Peaks"], float)
    sizes = np.asarray(found["SCR_Height"], float)
    onsets = np.asarray(found["SCR_Onsets"], float)
    phasic = parts["EDA_Phasic"].to_numpy()
    known = np.isfinite(onsets)
    sizes[known] -= phasic[onsets[known].astype(int)]
    kept = np.isfinite(peaks) & (sizes >= LEAST)
    tonic = parts["EDA_Tonic"].to_numpy()
    return Skin(tonic, rate, wave.start + peaks[kept] / rate, sizes[kept])


def level(skin: Skin, wave: Wave, grid: Grid, graded: Graded) -> Track:
    """The tonic level in each second, in the unit of the channel."""
    values: list[float | str] = []
    quality = np.zeros(len(grid.times))
    for i, time in enumerate(grid.times):
        second = int(np.floor(time - wave.start))
        reason = _reason(graded, second)
        if reason:
            values.append(reason)
            continue
        at = min(len(skin.tonic) - 1, max(0, round((time - wave.start) * skin.rate)))
        values.append(float(skin.tonic[at]))
        quality[i] = graded.quality[second]
    return Track(values, quality)


def response_rate(skin: Skin, wave: Wave, grid: Grid, graded: Graded) -> Track:
    """Responses a minute around each second, over the usable seconds of the window."""
    usable = graded.usable
    values: list[float | str] = []
    quality = np.zeros(len(grid.times))
    for i, time in enumerate(grid.times):
        low, high = grid.window(time, RATE_WINDOW)
        first, last = (int(np.floor(edge - wave.start)) for edge in (low, high))
        seconds = np.arange(max(0, first), min(len(usable), last))
        share = usable[seconds].sum() / RATE_WINDOW if len(seconds) else 0.0
        if share < 0.5:
            values.append(f"less than half of {RATE_WINDOW:g} s can be used")
            continue
        there = skin.peaks[(skin.peaks >= low) & (skin.peaks < high)]
        there = there[usable[np.clip((there - wave.start).astype(int), 0, len(usable) - 1)]]
        values.append(len(there) / share * 60 / RATE_WINDOW)
        quality[i] = min(1.0, share) * float(graded.quality[seconds].mean())
    return Track(values, quality)


def _reason(graded: Graded, second: int) -> str:
    if not 0 <= second < len(graded.reasons):
        return "nothing was recorded"
    return graded.reasons[second]
