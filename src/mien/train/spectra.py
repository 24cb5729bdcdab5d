"""What a checkpoint's feature extractor does, as part of the exported graph.

A pack of such a net hears samples, as any other, and needs no extractor where it is used. The
frames are taken by convolutions, Fourier transform included, since ``--int8`` stores the weights of
matrix products in 8 bits and must leave these alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.scene import SAMPLE_RATE

FRAME, HOP = 400, 160
"""Samples of a frame and from one to the next: 25 and 10 ms."""
_FLOOR = float(np.finfo(np.float32).eps)


class KaldiBands(nn.Module):
    """Samples ``(n, time)`` to Kaldi's log-mel bands ``(n, most, bands)``: ``ASTFeatureExtractor``.

    Each frame loses its mean, is pre-emphasised by 0.97 and weighted by a Hann window, all of which
    is linear and goes into one matrix with the transform. Missing frames are zero.

    Args:
        extractor: of the checkpoint.
    """

    kernels: Tensor
    filters: Tensor

    def __init__(self, extractor: Any) -> None:
        from transformers.audio_utils import mel_filter_bank

        super().__init__()
        size = 512
        centred = np.eye(FRAME) - 1 / FRAME
        emphasis = np.eye(FRAME) - 0.97 * np.eye(FRAME, k=-1)
        emphasis[0, 0] = 1 - 0.97
        window = np.hanning(FRAME)[:, None]
        self.register_buffer("kernels", _kernels(window * (emphasis @ centred), size))
        filters = mel_filter_bank(
            num_frequency_bins=size // 2 + 1,
            num_mel_filters=extractor.num_mel_bins,
            min_frequency=20,
            max_frequency=SAMPLE_RATE // 2,
            sampling_rate=SAMPLE_RATE,
            norm=None,
            mel_scale="kaldi",
            triangularize_in_mel_space=True,
        )
        self.register_buffer("filters", _filters(filters))
        self.most = int(extractor.max_length)
        self.seconds = self.most * HOP / SAMPLE_RATE
        normal = bool(extractor.do_normalize)
        self.mean = float(extractor.mean) if normal else 0.0
        self.scale = 2 * float(extractor.std) if normal else 1.0

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        power = _power(samples, self.kernels)
        bands = torch.log(torch.clamp(F.conv1d(power, self.filters), min=_FLOOR))
        whole = F.pad(bands, (0, self.most))[:, :, : self.most]
        return (whole.transpose(1, 2) - self.mean) / self.scale


class WhisperBands(nn.Module):
    """Samples ``(n, time)`` to log-mel bands ``(n, bands, frames)``: ``WhisperFeatureExtractor``.

    Shorter sound is filled with silence to the whole window.

    Args:
        extractor: of the checkpoint.
    """

    kernels: Tensor
    filters: Tensor

    def __init__(self, extractor: Any) -> None:
        super().__init__()
        window = torch.hann_window(FRAME, dtype=torch.float64).numpy()
        self.register_buffer("kernels", _kernels(np.diag(window), FRAME))
        self.register_buffer("filters", _filters(extractor.mel_filters))
        self.samples = int(extractor.n_samples)
        self.seconds = self.samples / SAMPLE_RATE

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        whole = F.pad(samples, (0, self.samples))[:, : self.samples]
        around = F.pad(whole[:, None], (FRAME // 2, FRAME // 2), mode="reflect")[:, 0]
        power = _power(around, self.kernels)[:, :, :-1]
        bands = torch.log10(torch.clamp(F.conv1d(power, self.filters), min=1e-10))
        loudest = bands.amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(bands, loudest - 8.0) + 4.0) / 4.0


BANDS = {"ASTFeatureExtractor": KaldiBands, "WhisperFeatureExtractor": WhisperBands}
"""By the name of the extractor, what stands for it in the graph."""


def _kernels(shaping: npt.NDArray[np.float64], size: int) -> Tensor:
    """Kernels ``(2 * bins, 1, FRAME)``: a matrix on the frame, then cosines and sines."""
    angles = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(FRAME)) / size
    rows = np.concatenate([np.cos(angles), np.sin(angles)]) @ shaping
    return torch.tensor(rows[:, None], dtype=torch.float32)


def _filters(filters: npt.NDArray[np.float64]) -> Tensor:
    """Kernels ``(bands, bins, 1)`` of filters ``(bins, bands)``."""
    return torch.tensor(np.asarray(filters).T[:, :, None], dtype=torch.float32)


def _power(samples: Tensor, kernels: Tensor) -> Tensor:
    """Power ``(n, bins, frames)`` of the frames that lie whole in the samples."""
    parts = F.conv1d(samples[:, None], kernels, stride=HOP) ** 2
    cosines, sines = parts.chunk(2, dim=1)
    return cosines + sines
