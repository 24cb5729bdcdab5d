"""Log-mel frames and preprocessing of speech; numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mien.scene import SAMPLE_RATE, Samples

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MelSettings:
    """Settings of the spectrogram for measuring speech quality."""

    rate: int = SAMPLE_RATE
    window: int = 400
    hop: int = 160
    fft: int = 512
    bands: int = 64
    low: float = 60.0
    high: float = 7600.0


SETTINGS = MelSettings()
FLOOR = 1e-7
"""Added to the power before the logarithm: about -70 dB of full scale."""


@lru_cache
def mel_filters(settings: MelSettings = SETTINGS) -> FloatArray:
    """Triangular filters ``(fft // 2 + 1, bands)`` of unit height on the mel scale.

    The scale is ``2595 log10(1 + f / 700)`` (O'Shaughnessy 1987).
    """

    def mel(hertz: float) -> float:
        return float(2595.0 * np.log10(1.0 + hertz / 700.0))

    edges = np.linspace(mel(settings.low), mel(settings.high), settings.bands + 2)
    hertz = 700.0 * (10.0 ** (edges / 2595.0) - 1.0)
    bins = np.arange(settings.fft // 2 + 1) * settings.rate / settings.fft
    rise = (bins[:, None] - hertz[:-2]) / (hertz[1:-1] - hertz[:-2])
    fall = (hertz[2:] - bins[:, None]) / (hertz[2:] - hertz[1:-1])
    return np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)


def log_mel(samples: Samples, settings: MelSettings = SETTINGS) -> FloatArray:
    """Log-mel frames ``(n, bands)`` of mono samples in [-1, 1], one every 10 ms.

    Shorter input than one window is padded with zeros to one frame.
    """
    if len(samples) < settings.window:
        samples = np.pad(samples, (0, settings.window - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, settings.window)[:: settings.hop]
    taper = np.hanning(settings.window).astype(np.float32)
    spectrum = np.fft.rfft(frames * taper, n=settings.fft, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) / settings.window
    return np.asarray(np.log(power @ mel_filters(settings) + FLOOR), dtype=np.float32)


def change_speed(samples: Samples, speed: float) -> Samples:
    """Change speed and pitch by linear interpolation."""
    if speed == 1.0:
        return samples
    places = np.arange(int(len(samples) / speed)) * speed
    return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)


def chunks(samples: Samples, size: int, overlap: float = 0.5) -> list[Samples]:
    """Chunks of at most ``size`` samples that cover all samples.

    Args:
        samples: mono.
        size: size of a chunk.
        overlap: minimum share of a chunk that the next one repeats, in [0, 1).
    """
    if len(samples) <= size:
        return [samples]
    count = int(np.ceil((len(samples) - size) / (size * (1 - overlap)))) + 1
    starts = np.linspace(0, len(samples) - size, count).astype(int)
    return [samples[start : start + size] for start in starts]


def at_level(samples: Samples, decibels: float = -35.0) -> Samples:
    """Samples scaled to a root mean square level; silence is not changed.

    Args:
        samples: mono in [-1, 1].
        decibels: of full scale; the default is near the median of trimmed RAVDESS recordings.
    """
    level = float(np.sqrt(np.square(samples, dtype=np.float64).mean())) if len(samples) else 0.0
    if level < 1e-6:
        return samples
    return np.asarray(samples * (10 ** (decibels / 20) / level), dtype=np.float32)


def trim(samples: Samples, below_db: float = 35.0, margin: float = 0.05) -> Samples:
    """Samples without the quiet ends.

    Args:
        samples: mono at 16 kHz.
        below_db: 20 ms frames more than this below the loudest count as quiet.
        margin: seconds to retain on either side.
    """
    step = SAMPLE_RATE // 50
    n = len(samples) // step
    if n < 2:
        return samples
    energy = np.square(samples[: n * step].reshape(n, step)).mean(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 10 ** (-below_db / 10))
    if not len(loud):
        return samples
    pad = int(margin * SAMPLE_RATE)
    return samples[max(0, loud[0] * step - pad) : (loud[-1] + 1) * step + pad]
