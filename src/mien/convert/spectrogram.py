"""A checkpoint's feature extractor as a part of the exported graph.

The input of such a pack is samples, so that no extractor is needed at inference. Framing and
Fourier transform are convolutions, since ``--int8`` stores the weights of matrix products in 8
bits, which would make these inaccurate.
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
"""Frame length and hop in samples: 25 and 10 ms."""
_FLOOR = float(np.finfo(np.float32).eps)


class _Bands(nn.Module):
    """Band powers of frames.

    Args:
        shaping: ``(FRAME, FRAME)``, linear map of a frame before the transform.
        size: size of the transform.
        filters: ``(size // 2 + 1, bands)``.
    """

    kernels: Tensor
    filters: Tensor

    def __init__(
        self, shaping: npt.NDArray[np.float64], size: int, filters: npt.NDArray[np.float64]
    ) -> None:
        super().__init__()
        angles = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(FRAME)) / size
        rows = np.concatenate([np.cos(angles), np.sin(angles)]) @ shaping
        self.register_buffer("kernels", torch.tensor(rows[:, None], dtype=torch.float32))
        columns = np.asarray(filters).T[:, :, None]
        self.register_buffer("filters", torch.tensor(columns, dtype=torch.float32))

    def bands(self, samples: Tensor) -> Tensor:
        """Powers ``(n, bands, frames)`` of the complete frames in samples ``(n, time)``."""
        cosines, sines = (F.conv1d(samples[:, None], self.kernels, stride=HOP) ** 2).chunk(2, dim=1)
        return F.conv1d(cosines + sines, self.filters)


class KaldiBands(_Bands):
    """Samples ``(n, time)`` to Kaldi's log-mel bands ``(n, most, bands)``: ``ASTFeatureExtractor``.

    The mean of each frame is subtracted, then pre-emphasis of 0.97 and a Hann window are applied.
    These steps are linear and are merged with the transform into one matrix. Missing frames are
    zero.

    Args:
        extractor: of the checkpoint.
    """

    def __init__(self, extractor: Any) -> None:
        from transformers.audio_utils import mel_filter_bank

        size = 512
        centred = np.eye(FRAME) - 1 / FRAME
        emphasis = np.eye(FRAME) - 0.97 * np.eye(FRAME, k=-1)
        emphasis[0, 0] = 1 - 0.97
        window = np.hanning(FRAME)[:, None]
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
        super().__init__(window * (emphasis @ centred), size, filters)
        self.most = int(extractor.max_length)
        self.seconds = self.most * HOP / SAMPLE_RATE
        normal = bool(extractor.do_normalize)
        self.mean = float(extractor.mean) if normal else 0.0
        self.scale = 2 * float(extractor.std) if normal else 1.0

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        bands = torch.log(torch.clamp(self.bands(samples), min=_FLOOR))
        whole = F.pad(bands, (0, self.most))[:, :, : self.most]
        return (whole.transpose(1, 2) - self.mean) / self.scale


class WhisperBands(_Bands):
    """Samples ``(n, time)`` to log-mel bands ``(n, bands, frames)``: ``WhisperFeatureExtractor``.

    Shorter sound is padded with silence to the whole window.

    Args:
        extractor: of the checkpoint.
    """

    def __init__(self, extractor: Any) -> None:
        window = torch.hann_window(FRAME, dtype=torch.float64).numpy()
        super().__init__(np.diag(window), FRAME, extractor.mel_filters)
        self.samples = int(extractor.n_samples)
        self.seconds = self.samples / SAMPLE_RATE

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        whole = F.pad(samples, (0, self.samples))[:, : self.samples]
        around = F.pad(whole[:, None], (FRAME // 2, FRAME // 2), mode="reflect")[:, 0]
        bands = torch.log10(torch.clamp(self.bands(around)[:, :, :-1], min=1e-10))
        loudest = bands.amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(bands, loudest - 8.0) + 4.0) / 4.0


BANDS = {"ASTFeatureExtractor": KaldiBands, "WhisperFeatureExtractor": WhisperBands}
"""The graph's replacement for an extractor, by the extractor's name."""
