"""Whisper's log-mel frames: the front end of nets on Whisper's encoder; numpy only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.branches.logmel import at_level, trim
from mien.packs import check_contract
from mien.scene import SAMPLE_RATE, Samples

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WhisperContract:
    """Settings of the front end; written into the pack and compared with it.

    Args:
        level: root mean square to which speech is scaled, in decibels of full scale.
        after: seconds of silence appended to each chunk.
        longest: maximum length of a chunk in seconds; longer speech is divided evenly.
        bands, window, hop: settings of Whisper's spectrogram.
    """

    front_end: str = "whisper"
    rate: int = SAMPLE_RATE
    level: float = -25.0
    after: float = 0.5
    longest: float = 8.0
    bands: int = 80
    window: int = 400
    hop: int = 160

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return dict(self.__dict__)


CONTRACT = WhisperContract()
POSITIONS = round((CONTRACT.longest + CONTRACT.after) * CONTRACT.rate / CONTRACT.hop / 2) + 1
"""Number of encoder states of the longest chunk."""


@lru_cache
def mel_filters() -> FloatArray:
    """Triangular filters ``(201, 80)`` of unit area on Slaney's mel scale, 0 to 8 kHz.

    The scale is linear to 1 kHz and logarithmic above (Slaney, Auditory Toolbox, 1998); the values
    equal those in Whisper's training.
    """
    edges = np.linspace(0.0, 15.0 + 27.0 * np.log(8.0) / np.log(6.4), CONTRACT.bands + 2)
    hertz = np.where(edges < 15, edges * 200 / 3, 1000 * 6.4 ** ((edges - 15) / 27))
    bins = np.arange(CONTRACT.window // 2 + 1) * CONTRACT.rate / CONTRACT.window
    rise = (bins[:, None] - hertz[:-2]) / (hertz[1:-1] - hertz[:-2])
    fall = (hertz[2:] - bins[:, None]) / (hertz[2:] - hertz[1:-1])
    area = 2.0 / (hertz[2:] - hertz[:-2])
    return np.asarray(np.maximum(0.0, np.minimum(rise, fall)) * area, np.float32)


def log_mel(samples: Samples) -> FloatArray:
    """Whisper's spectrogram ``(80, frames)`` of mono samples in [-1, 1], a frame every 10 ms.

    Frames are centred and the ends mirrored; base-10 logarithms are limited to 8 below the
    largest and scaled to about [-1, 1] (``whisper/audio.py`` of openai/whisper).
    """
    window, hop = CONTRACT.window, CONTRACT.hop
    padded = np.pad(samples, window // 2, mode="reflect" if len(samples) > window else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)
    spectrum = np.fft.rfft(frames[: len(samples) // hop] * taper, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ mel_filters()
    logs = np.log10(np.maximum(power, 1e-10))
    logs = np.maximum(logs, logs.max() - 8.0)
    return np.asarray((logs.T + 4.0) / 4.0, np.float32)


def chunk_frames(samples: Samples) -> FloatArray:
    """The encoder's input for one chunk, ``(80, frames)``, an even number of frames."""
    after = round(CONTRACT.after * CONTRACT.rate)
    whole = -(-(len(samples) + after) // (2 * CONTRACT.hop)) * 2 * CONTRACT.hop
    return log_mel(np.pad(samples, (0, whole - len(samples))))


def prepare(samples: Samples) -> Samples:
    """Speech without its quiet ends, at the level of the contract."""
    return at_level(trim(samples), CONTRACT.level)


def chunks(samples: Samples) -> list[Samples]:
    """Divide samples into chunks of equal length, at most the maximum of the contract."""
    count = -(-len(samples) // round(CONTRACT.longest * CONTRACT.rate))
    return np.array_split(samples, max(1, count))


class WhisperMel:
    """Front end of the nets on Whisper's encoder: trims quiet ends, sets the level, makes chunks.

    Args:
        contract: input contract of a pack.

    Raises:
        PackError: if the pack was trained with other settings.
    """

    def __init__(self, contract: Mapping[str, Any]) -> None:
        check_contract(CONTRACT.as_dict(), contract)

    def batches(self, samples: Samples) -> Iterator[tuple[dict[str, FloatArray], list[float]]]:
        """Inputs of one chunk at a time, weighted by its seconds."""
        for chunk in chunks(prepare(samples)):
            yield {"frames": chunk_frames(chunk)[None]}, [len(chunk) / CONTRACT.rate]
