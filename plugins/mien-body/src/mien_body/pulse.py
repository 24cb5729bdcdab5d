"""The pulse from the colour of the skin of a face (remote photoplethysmography) by POS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.scene import Floats as AnyFloats
from mien_body.grid import Grid, Track
from mien_body.measured import Floats

FRAME_RATE = 15.0
"""Pictures a second that are looked at while the option is on."""
LEAST_RATE = 8.0
"""Pictures a second below which no pulse is measured: 4 Hz is the fastest pulse."""
SLOWEST, FASTEST = 0.7, 4.0
"""Hertz: 42 to 240 beats a minute."""
STRIDE = 1.6
"""Seconds of a window of POS (Wang 2017)."""
WINDOW = 12.0
"""Seconds over which the rate is found."""
LONGEST_GAP = 0.5
"""Seconds without a look that are bridged."""
NEAR = 0.1
"""Hertz around the pulse and its harmonic that count as signal (de Haan and Jeanne 2013)."""
LEAST_SNR = 2.0
"""Decibels. Of 1,000 windows of white or pink noise in the colours fewer than ten reach 0.6 dB."""
LEAST_SHARE = 0.15
"""Share of the change of brightness that the pulse signal must have at the rate. Of a pulse it is
about 1; POS suppresses a flicker of the light, but not wholly."""
FLICKER = "the light flickers at the rate that was found"
STEADY = 0.15
"""Share by which the rates of neighbouring windows may differ."""


@dataclass(frozen=True, eq=False)
class Pulse:
    """The rate in beats a minute, and the signal-to-noise ratio in dB where it was measured."""

    rate: Track
    ratio: Track


def pos(colours: Floats, rate: float) -> Floats:
    """The pulse signal of skin colours by POS, "plane orthogonal to skin".

    Wang, den Brinker, Stuijk and de Haan (2017), Algorithmic principles of remote PPG, IEEE
    Transactions on Biomedical Engineering 64(7), algorithm 1.

    Args:
        colours: ``(n, 3)`` mean red, green and blue, above 0.
        rate: samples a second.

    Returns:
        ``(n,)``; zeros if there are fewer samples than a window.
    """
    n, length = len(colours), max(2, round(STRIDE * rate))
    out = np.zeros(n)
    for start in range(n - length + 1):
        part = colours[start : start + length]
        normed = part / part.mean(axis=0)
        first = normed[:, 1] - normed[:, 2]
        second = normed[:, 1] + normed[:, 2] - 2 * normed[:, 0]
        spread = second.std()
        signal = first + (first.std() / spread if spread > 0 else 0.0) * second
        out[start : start + length] += (signal - signal.mean()) / length
    return out


def amplitude(signal: Floats, rate: float, hertz: float) -> float:
    """How strong a signal is at a frequency, as a mean over a window."""
    phase = np.exp(-2j * np.pi * hertz * np.arange(len(signal)) / rate)
    return float(np.abs(np.mean((signal - signal.mean()) * np.hanning(len(signal)) * phase)))


def strongest(signal: Floats, rate: float) -> tuple[float, float]:
    """The frequency of the pulse in Hz, and its signal-to-noise ratio in dB.

    The ratio is the power within 0.1 Hz of the frequency and 0.2 Hz of twice the frequency over the
    rest of the band of 0.7 to 4 Hz (de Haan and Jeanne 2013, equation 24).
    """
    size = 1 << int(np.ceil(np.log2(len(signal) * 4)))
    power = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)), size)) ** 2
    hertz = np.fft.rfftfreq(size, 1 / rate)
    band = (hertz >= SLOWEST) & (hertz <= min(FASTEST, rate / 2))
    at = float(hertz[band][int(np.argmax(power[band]))])
    close = (np.abs(hertz - at) <= NEAR) | (np.abs(hertz - 2 * at) <= 2 * NEAR)
    inside = float(power[band & close].sum())
    outside = float(power[band & ~close].sum())
    return at, 10 * float(np.log10(max(inside, 1e-30) / max(outside, 1e-30)))


def remote_pulse(times: AnyFloats, colours: Floats, cuts: Sequence[float], grid: Grid) -> Pulse:
    """The heart rate in each second, from the colours of the skin at each look at a face.

    Absent where there are too few pictures a second, where the face was not seen for 12 s, where
    the ratio is below ``LEAST_SNR``, and where the rate leaps between windows.

    Args:
        times: ``(n,)`` of the looks, in order.
        colours: ``(n, 3)`` mean blue, green, red; NaN where they were not measured.
        cuts: when new shots begin; no window goes across.
        grid: where values are wanted.
    """
    there = np.isfinite(colours).all(axis=1) & (colours > 1).all(axis=1)
    times, colours = np.asarray(times[there], float), colours[there]
    count = len(grid.times)
    if len(times) < 2:
        return _absent("no face whose skin can be seen", count)
    steps = np.diff(times)
    near = steps[steps <= LONGEST_GAP]
    usual = float(near.mean()) if len(near) else float(steps.min())
    if usual > 1 / LEAST_RATE:
        pictures = f"{1 / usual:.1f} pictures a second; at least {LEAST_RATE:g} are needed"
        return _absent(pictures, count)
    crossed = np.isin(np.arange(1, len(times)), np.searchsorted(times, np.asarray(cuts, float)))
    breaks = np.flatnonzero((steps > LONGEST_GAP) | crossed) + 1
    seconds: list[tuple[float, float] | str] = ["the face is not in view for 12 s"] * count
    for rows in np.split(np.arange(len(times)), breaks):
        if times[rows[-1]] - times[rows[0]] >= WINDOW:
            _measure(times[rows], colours[rows][:, ::-1], 1 / usual, grid, seconds)
    return _steady(seconds)


def _measure(
    times: AnyFloats, colours: Floats, rate: float, grid: Grid, out: list[tuple[float, float] | str]
) -> None:
    """Fill in the seconds of a stretch in which the face is seen."""
    at = np.arange(times[0], times[-1], 1 / rate)
    even = np.column_stack([np.interp(at, times, column) for column in colours.T])
    signal = pos(even, rate)
    bright = even.mean(axis=1)
    length = round(WINDOW * rate)
    for i, time in enumerate(grid.times):
        if not times[0] <= time <= times[-1]:
            continue
        first = int(np.clip(round((time - WINDOW / 2 - at[0]) * rate), 0, len(at) - length))
        if first + length > len(at):
            continue
        part, light = signal[first : first + length], bright[first : first + length]
        hertz, ratio = strongest(part, rate)
        changes = amplitude(light / light.mean(), rate, hertz)
        flickers = amplitude(part, rate, hertz) < LEAST_SHARE * changes
        out[i] = FLICKER if flickers and ratio >= LEAST_SNR else (hertz, ratio)


def _steady(seconds: Sequence[tuple[float, float] | str]) -> Pulse:
    """Rates with a good ratio that agree with those of the seconds around them."""
    values: list[float | str] = []
    ratios: list[float | str] = []
    quality = np.zeros(len(seconds))
    for i, one in enumerate(seconds):
        if isinstance(one, str):
            values.append(one)
            ratios.append(one)
            continue
        hertz, ratio = one
        ratios.append(ratio)
        near = [other for other in seconds[max(0, i - 3) : i + 4] if not isinstance(other, str)]
        middle = float(np.median([other[0] for other in near]))
        if ratio < LEAST_SNR:
            values.append(f"poor signal ({ratio:.1f} dB)")
        elif abs(hertz / middle - 1) > STEADY:
            values.append("the rate leaps")
        else:
            values.append(60 * hertz)
            quality[i] = float(np.clip((ratio + 2) / 10, 0.1, 1.0))
    known = np.array([0.0 if isinstance(one, str) else 1.0 for one in ratios])
    return Pulse(Track(values, quality), Track(ratios, known))


def _absent(reason: str, count: int) -> Pulse:
    gone: list[float | str] = [reason] * count
    return Pulse(Track(gone, np.zeros(count)), Track(list(gone), np.zeros(count)))
