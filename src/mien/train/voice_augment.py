"""Random augmentation of sound for training: speed, spectral tilt, telephone band, room, noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.branches.logmel import change_speed
from mien.mathematics import FloatArray
from mien.scene import SAMPLE_RATE, Samples


def augment(sound: Samples, rng: np.random.Generator) -> Samples:
    """A random variant of a recording; each change has its own probability."""
    sound = change_speed(sound, float(rng.choice([0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15])))
    size = _padded(len(sound))
    spectrum = np.fft.rfft(sound, size)
    hertz: FloatArray = np.fft.rfftfreq(size, 1 / SAMPLE_RATE).astype(np.float64)
    spectrum *= _colour(hertz, rng)
    if rng.random() < 0.3:
        spectrum *= _room(size, rng)
    out: Samples = np.fft.irfft(spectrum, size)[: len(sound)].astype(np.float32)
    if rng.random() < 0.6:
        out = add_noise(out, rng.uniform(5, 40), rng.uniform(0, 2), rng)
    return out


def _padded(n: int) -> int:
    """A length of at least ``n`` with a fast FFT."""
    return -(-n // 2048) * 2048


def _colour(hertz: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Gain by frequency: a tilt of up to 3 dB an octave, sometimes a telephone's band."""
    octaves = np.log2(np.maximum(hertz, 50.0) / 1000.0)
    gain = 10 ** (rng.uniform(-3, 3) * octaves / 20)
    if rng.random() < 0.15:
        low, high = rng.uniform(150, 350), rng.uniform(3200, 4500)
        gain = gain / np.sqrt(1 + (low / np.maximum(hertz, 1.0)) ** 6)
        gain = gain / np.sqrt(1 + (hertz / high) ** 12)
    return np.asarray(gain)


def _room(n: int, rng: np.random.Generator) -> npt.NDArray[np.complex128]:
    """Spectrum of a room impulse response: a direct sound and decaying noise."""
    decay = rng.uniform(0.15, 0.6)
    time = np.arange(int(decay * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * np.exp(-6.9 * time / decay)
    tail *= rng.uniform(0.1, 0.6) / np.sqrt(np.square(tail).sum())
    tail[0] = 1.0
    return np.fft.rfft(tail[:n], n)


def add_noise(sound: Samples, snr_db: float, slope: float, rng: np.random.Generator) -> Samples:
    """Add noise with a power spectrum of ``1 / f ** slope`` at a signal-to-noise ratio in dB."""
    size = _padded(len(sound))
    spectrum = np.fft.rfft(rng.standard_normal(size))
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 20.0)
    noise = np.fft.irfft(spectrum * hertz ** (-slope / 2), size)[: len(sound)]
    power = float(np.square(sound).mean())
    scale = np.sqrt(power / max(float(np.square(noise).mean()), 1e-20) / 10 ** (snr_db / 10))
    return np.asarray(sound + scale * noise, dtype=np.float32)
