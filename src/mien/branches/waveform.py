"""Front end of nets whose input is the waveform (wav2vec 2.0 and similar); numpy only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.branches.logmel import chunks
from mien.errors import PackError
from mien.scene import SAMPLE_RATE, Samples

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WaveContract:
    """Input contract of the net; written into the pack.

    Args:
        rate: samples per second.
        normalise: normalise each window to mean 0 and deviation 1, like
            ``Wav2Vec2FeatureExtractor``.
        window: maximum length of a chunk in seconds; longer sound is divided into windows that
            overlap by half or more.
        fixed: whether shorter chunks are padded with silence to a whole window.
        shortest: minimum length in seconds to which a chunk is padded, so that the net has a frame.
    """

    front_end: str = "waveform"
    rate: int = SAMPLE_RATE
    normalise: bool = True
    window: float = 30.0
    fixed: bool = False
    shortest: float = 0.1

    def __post_init__(self) -> None:
        if self.rate != SAMPLE_RATE or not 0 < self.shortest <= self.window:
            raise PackError(
                f"a waveform model needs {SAMPLE_RATE} samples per second and windows of at least "
                f"{self.shortest} s; got {self.rate} and {self.window} s."
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return asdict(self)

    @classmethod
    def read(cls, contract: Mapping[str, Any]) -> WaveContract:
        """Read a pack's input contract."""
        return cls(**{f.name: contract[f.name] for f in fields(cls) if f.name in contract})

    def show(self, chunk: Samples) -> FloatArray:
        """The net's input ``(n,)`` for a chunk of at most one window."""
        least = self.window if self.fixed else self.shortest
        missing = round(least * self.rate) - len(chunk)
        shown = np.pad(chunk, (0, max(0, missing))).astype(np.float32)
        if self.normalise:
            shown = (shown - shown.mean()) / np.sqrt(shown.var() + 1e-7)
        return np.asarray(shown, dtype=np.float32)


class Waveform:
    """Front end of nets whose input is samples.

    Args:
        contract: input contract of a pack.

    Raises:
        PackError: if the contract is not supported.
    """

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self.contract = WaveContract.read(contract)

    def batches(self, samples: Samples) -> Iterator[tuple[dict[str, FloatArray], list[float]]]:
        """Inputs of one window at a time, weighted by its seconds."""
        for chunk in chunks(samples, round(self.contract.window * self.contract.rate)):
            shown = self.contract.show(chunk)
            yield {"samples": shown[None]}, [len(chunk) / self.contract.rate]
