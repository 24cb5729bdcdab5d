"""Sound that is handed in block by block, brought to mono at 16 kHz as that of a file is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from mien.errors import OptionError
from mien.media.mixer import Mixer
from mien.media.sound import HIGHEST_RATE, LOWEST_RATE, Run
from mien.scene import SAMPLE_RATE, Samples

_BLOCK = SAMPLE_RATE // 50
"""Samples of a block: a file is read in blocks of half a second, for which nobody can wait here."""
_FORMATS = {"float32": "flt", "int16": "s16"}
_LAYOUTS = {1: "mono", 2: "stereo"}


class PushedSound:
    """Resamples and mixes what is pushed, by the code that does so for files.

    Args:
        rate: samples per second.
        channels: 1 or 2.

    Raises:
        OptionError: if the rate or the number of channels cannot be had.

    Examples:
        >>> sound = PushedSound(48_000)
        >>> blocks = sound.push(np.zeros(48_000, np.float32)) + sound.finish()
        >>> sum(map(len, blocks))
        16000
    """

    def __init__(self, rate: int, channels: int = 1) -> None:
        self.check(np.zeros((0, channels), np.float32), rate)
        self.rate, self.channels = rate, channels
        self._run: Run | None = None
        self._format = ""

    @staticmethod
    def check(samples: npt.NDArray[Any], rate: int) -> None:
        """Refuse what cannot be pushed.

        Raises:
            OptionError: if the rate, the shape or the type cannot be had.
        """
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise OptionError(
                f"A rate of {rate} samples per second cannot be used; give {LOWEST_RATE} to "
                f"{HIGHEST_RATE}."
            )
        channels = 1 if samples.ndim == 1 else samples.shape[-1]
        if samples.ndim not in (1, 2) or channels not in _LAYOUTS:
            raise OptionError(
                f"Sound of shape {samples.shape} cannot be pushed; give (n,), or (n, 2) for two "
                "channels."
            )
        if samples.dtype.name not in _FORMATS:
            raise OptionError(
                f"Sound of type {samples.dtype} cannot be pushed; give float32 in [-1, 1] or int16."
            )

    def push(self, samples: npt.NDArray[Any]) -> list[Samples]:
        """The blocks that some samples complete, each ``(n,) float32`` in [-1, 1] at 16 kHz.

        Args:
            samples: ``(n,)`` or ``(n, channels)``, ``float32`` in [-1, 1] or ``int16``.

        Raises:
            OptionError: if they have another shape or type.
        """
        array = np.asarray(samples)
        self.check(array, self.rate)
        kind = _FORMATS[array.dtype.name]
        if not array.size or array.size % self.channels:
            return []
        if kind == "flt":
            array = np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=-1.0)
        packed = np.ascontiguousarray(array).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format=kind, layout=_LAYOUTS[self.channels])
        frame.sample_rate = self.rate
        blocks: list[Samples] = []
        if self._run is None or kind != self._format:
            blocks = self.finish()
            self._run, self._format = Run(frame, 0.0, Mixer(), _BLOCK), kind
        return blocks + self._run.push(frame)

    def finish(self) -> list[Samples]:
        """The rest; after it a new sound may begin."""
        run, self._run = self._run, None
        return [] if run is None else run.push(None)
