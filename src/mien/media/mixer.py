"""Channels to mono: by what the layout says of them, and by what is heard on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from mien.media.layouts import keep
from mien.scene import SAMPLE_RATE, Samples

Weights = npt.NDArray[np.float32]

_CANCELLED = 0.05
"""Power of the mean of two by that of the louder one, under which they cancel out."""

SILENT = 1e-8
"""Mean square of a half second up to which a channel is silent (-80 dB of full scale)."""
FAINT = 1e-4
"""The same by that of the loudest channel (-40 dB)."""

_RAMP = SAMPLE_RATE // 50

_SHARES = {"FC": 2**0.5, "LFE": 0.0, "LFE2": 0.0}
_BEHIND = frozenset({"BL", "BR", "BC", "SL", "SR", "TFL", "TFR", "TFC", "TBL", "TBR", "TBC", "TC"})


def channel_weights(names: Sequence[str], stated: bool) -> Weights | None:
    """How much each channel counts, ``(channels,)``; None for the same.

    The weights are those of FFmpeg's mix to stereo (ITU-R BS.775) whose sides are averaged.

    Args:
        names: of the channels, as FFmpeg has them (``FL``, ``LFE`` ...).
        stated: whether the file says so. A field recorder's eight tracks have no layout, and FFmpeg
            gives them that of a cinema: nothing is an LFE then.
    """
    if not stated or not any(name != "NONE" for name in names):
        return None
    shares = [_SHARES.get(name, 0.5**0.5 if name in _BEHIND else 1.0) for name in names]
    return np.asarray(shares, np.float32) if any(shares) else None


def frame_weights(frame: AudioFrame, stated: bool) -> Weights | None:
    """The weights of a frame's channels, see :func:`channel_weights`."""
    layout = keep(frame.layout)
    if layout.name.startswith("ambisonic"):
        # The first channel is the sum of all directions.
        return np.asarray([1.0] + [0.0] * (layout.nb_channels - 1), np.float32)
    return channel_weights([channel.name for channel in layout.channels], stated)


class Mixer:
    """Mixes channels to mono: their weighted mean, or the loudest one where they cancel out.

    A channel that has been silent so far does not count. One microphone on two channels in
    opposite phase would vanish in the mean. It is decided for each block anew, and a change is
    faded over 20 ms.

    Args:
        weights: of the channels, see :func:`channel_weights`; None for the same.
        only: index of the one channel to be heard; None for all.
    """

    def __init__(self, weights: Weights | None = None, only: int | None = None) -> None:
        self._weights = weights
        self._only = only
        self._alone: int | None = None
        self._before: Weights | None = None
        self._peaks = np.zeros(0)

    def mix(self, block: npt.NDArray[Any]) -> Samples:
        """Mono samples in [-1, 1], ``(n,) float32``, of ``(n, channels)``."""
        sound: Samples = np.nan_to_num(block.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
        if self._only is not None and self._only < sound.shape[1]:
            mono = sound[:, self._only]
        elif sound.shape[1] > 1:
            mono = self._faded(sound, self._shares(sound))
        else:
            mono = sound[:, 0]
        return np.clip(mono, -1.0, 1.0).astype(np.float32, copy=False)

    def _faded(self, sound: Samples, shares: Weights) -> Samples:
        before, self._before = self._before, shares
        mono: Samples = sound @ shares
        if before is None or np.array_equal(before, shares):
            return mono
        ramp: Samples = np.linspace(0, len(sound) / _RAMP, len(sound), dtype=np.float32)
        ramp = ramp.clip(max=1.0)
        return ramp * mono + (1 - ramp) * (sound @ before)

    def _shares(self, sound: Samples) -> Weights:
        """What each channel has in the mix, ``(channels,)``, 1 in all."""
        count = sound.shape[1]
        weights = self._weights
        if weights is None or len(weights) != count:
            weights = np.ones(count, np.float32)
        power = np.square(sound).mean(axis=0, dtype=np.float64) * (weights > 0)
        if len(self._peaks) != count:
            self._peaks = np.zeros(count)
        self._peaks = np.maximum(self._peaks, power)
        heard = self._peaks > max(SILENT, FAINT * float(self._peaks.max()))
        shares = np.asarray(weights * (heard | ~heard.any()), np.float32)
        shares /= shares.sum()
        mean = sound @ shares
        loudest = int(power.argmax())
        # In the mix of a cinema a channel behind the listener has a small share, however loud.
        least = _CANCELLED if self._weights is None else 4 * _CANCELLED * shares[loudest] ** 2
        if float(mean @ mean) / len(sound) >= least * power[loudest]:
            self._alone = None
            return shares
        kept = self._alone
        if kept is None or power[kept] <= 0.5 * power[loudest]:
            self._alone = kept = loudest
        return np.asarray(np.arange(count) == kept, np.float32)
