"""Sound: any rate and any number of channels to mono blocks at 16 kHz without holes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.packet import Packet

from mien.media.reader import Reader, Timeline
from mien.scene import SAMPLE_RATE, AudioBlock, Samples

BLOCK = SAMPLE_RATE // 2
"""Samples of a block; only the last before a gap or the end is shorter."""

TOLERANCE = 0.05
"""Seconds by which a time stamp may be ahead before silence is filled in."""

_WEIGHTS = {"FL": 1.0, "FR": 1.0, "FC": 2**0.5, "LFE": 0.0, "LFE2": 0.0}
_OTHER_WEIGHT = 2**-0.5
_CANCELLED = 0.05
_KEPT = 0.95
_RAMP = SAMPLE_RATE // 50


class SoundReader(Reader):
    """Sound in blocks that follow one another without a hole from time 0 on.

    Where the time stamps leave a gap there is silence, so that sample ``i`` of all that was
    given sounds at ``i / 16000`` seconds. Stamps that lag behind the samples are not believed:
    no sound is left out.
    """

    def __init__(self, stream: AudioStream, timeline: Timeline) -> None:
        super().__init__()
        self._stream = stream
        self._timeline = timeline
        self._run: _Run | None = None
        self._given = 0

    def read(self, packet: Packet[Any] | None) -> Iterator[AudioBlock]:
        """Blocks completed by a packet, or the rest."""
        for frame in self._attempt(lambda: self._stream.decode(packet)):
            if frame.samples and frame.sample_rate:
                yield from self._take(frame)
        if packet is None:
            yield from self._close_run()

    def _take(self, frame: AudioFrame) -> Iterator[AudioBlock]:
        due = self._run.due if self._run else self._given / SAMPLE_RATE
        base = self._stream.time_base
        stamp = None if frame.pts is None or base is None else float(frame.pts * base)
        start = self._timeline.place(stamp, due)
        if start + frame.samples / frame.sample_rate <= 0:
            return
        if self._run is None or start > due + TOLERANCE or not self._run.fits(frame):
            yield from self._close_run()
            yield from self._silence(start)
            self._run = _Run(frame, self._given / SAMPLE_RATE)
        for samples in self._run.push(frame):
            yield self._block(samples)

    def _close_run(self) -> Iterator[AudioBlock]:
        if self._run:
            for samples in self._run.push(None):
                yield self._block(samples)
        self._run = None

    def _silence(self, until: float) -> Iterator[AudioBlock]:
        missing = round(until * SAMPLE_RATE) - self._given
        while missing > 0:
            samples = np.zeros(min(missing, BLOCK), np.float32)
            missing -= len(samples)
            yield self._block(samples)

    def _block(self, samples: Samples) -> AudioBlock:
        block = AudioBlock(self._given / SAMPLE_RATE, samples)
        samples.flags.writeable = False
        self._given += len(samples)
        self.end = self._given / SAMPLE_RATE
        return block


class _Run:
    """Frames of one format that follow one another, resampled together.

    Args:
        frame: the first frame; it is not pushed yet.
        start: when it sounds, seconds.
    """

    def __init__(self, frame: AudioFrame, start: float) -> None:
        # Interleaved on purpose: with eight or more planes PyAV 18 reads past their end.
        self._resampler = AudioResampler(format="flt", rate=SAMPLE_RATE, frame_size=BLOCK)
        self._mixer = Mixer([channel.name for channel in _layout(frame).channels])
        self._format = _format(frame)
        self.due = start

    def fits(self, frame: AudioFrame) -> bool:
        """Whether a frame has the format of the run."""
        return _format(frame) == self._format

    def push(self, frame: AudioFrame | None) -> Iterator[Samples]:
        """Mono samples that a frame completes; None for the rest."""
        if frame:
            self.due += frame.samples / frame.sample_rate
        for resampled in self._resampler.resample(frame):
            yield self._mixer.mix(resampled.to_ndarray().reshape(resampled.samples, -1))


class Mixer:
    """Mixes channels to mono.

    The channels are weighted as FFmpeg does it (centre 1, sides 0.7, the rest 0.5, no bass
    effects). Where they cancel each other out - one microphone on two channels in opposite
    phase - the loudest channel is taken instead; the choice looks back over some ten seconds,
    and a change is faded over 20 ms.

    Args:
        channels: FFmpeg's short names (``FL``, ``FC`` ...), any others count alike.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        known = any(channel in _WEIGHTS for channel in channels)
        other = _OTHER_WEIGHT if known else 1.0
        weights = np.array([_WEIGHTS.get(channel, other) for channel in channels], np.float32)
        if not weights.any():
            weights[:] = 1.0
        self._downmix: Samples = weights / weights.sum()
        self._current: Samples | None = None
        self._power = np.zeros(len(channels))
        self._mixed_power = 0.0

    def mix(self, block: npt.NDArray[Any]) -> Samples:
        """Mono samples in [-1, 1], ``(n,) float32``, of ``(n, channels)``."""
        sound: Samples = np.nan_to_num(block.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
        if sound.shape[1] == 1:
            return np.clip(sound[:, 0], -1.0, 1.0)
        mixed = sound @ self._downmix
        wanted = self._choose(sound, mixed)
        before, self._current = self._current, wanted
        if wanted is not self._downmix:
            mixed = sound @ wanted
        if before is not None and before is not wanted:
            share = np.minimum(np.arange(len(sound), dtype=np.float32) / _RAMP, 1.0)
            mixed = share * mixed + (1 - share) * (sound @ before)
        mono: Samples = np.clip(mixed, -1.0, 1.0)
        return mono

    def _choose(self, sound: Samples, mixed: Samples) -> Samples:
        self._power = _KEPT * self._power + np.square(sound).sum(axis=0)
        self._mixed_power = _KEPT * self._mixed_power + float(mixed @ mixed)
        loudest = int(self._power.argmax())
        if self._mixed_power >= _CANCELLED * self._power[loudest]:
            return self._downmix
        alone = None if self._current is self._downmix else self._current
        if alone is not None and self._power @ alone > 0.5 * self._power[loudest]:
            return alone
        chosen = np.zeros_like(self._downmix)
        chosen[loudest] = 1.0
        return chosen


def _layout(frame: AudioFrame) -> AudioLayout:
    layout = frame.layout
    return layout if isinstance(layout, AudioLayout) else AudioLayout(str(layout))


def _format(frame: AudioFrame) -> tuple[str, str, int]:
    return str(frame.format.name), _layout(frame).name, frame.sample_rate
