"""Sound: any rate and any number of channels to mono blocks at 16 kHz without holes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.packet import Packet

from mien.media.layouts import keep
from mien.media.reader import Reader, Timeline
from mien.scene import SAMPLE_RATE, AudioBlock, Samples

BLOCK = SAMPLE_RATE // 2
"""Samples of a block; only the last before a gap or the end is shorter."""

TOLERANCE = 0.05
"""Seconds by which a time stamp may be ahead before silence is filled in."""

LOWEST_RATE, HIGHEST_RATE = 2000, 800_000
"""Samples per second; others are damage, and would make days of sound or filters of gigabytes."""

_CANCELLED = 0.05
"""Power of the mean by that of the loudest channel, under which the channels cancel out."""

_RAMP = SAMPLE_RATE // 50


class SoundReader(Reader):
    """Sound in blocks that follow one another without a hole from time 0 on.

    Where the time stamps leave a gap there is silence, so that sample ``i`` of all that was
    given sounds at ``i / 16000`` seconds. Stamps that lag behind the samples are not believed:
    no sound is left out.
    """

    def __init__(self, stream: AudioStream, timeline: Timeline) -> None:
        super().__init__(stream)
        self._stream = stream
        self._timeline = timeline
        self._run: _Run | None = None
        self._given = 0

    def read(self, packet: Packet[Any] | None) -> Iterator[AudioBlock]:
        """Blocks completed by a packet, or the rest."""
        for frame in self._attempt(lambda: self._decode(packet)):
            if frame.samples and LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE:
                yield from self._take(frame)
        if packet is None:
            yield from self._push(None)

    def _decode(self, packet: Packet[Any] | None) -> list[AudioFrame]:
        frames = self._stream.decode(packet)
        for frame in frames:
            keep(frame.layout)
        return frames

    def _take(self, frame: AudioFrame) -> Iterator[AudioBlock]:
        due = self._run.due if self._run else self._given / SAMPLE_RATE
        start = self._timeline.place(self._stamp(frame), due)
        if start + frame.samples / frame.sample_rate <= 0:
            return
        if self._run is None or start > due + TOLERANCE or not self._run.fits(frame):
            yield from self._push(None)
            yield from self._silence(start)
            self._run = _Run(frame, self._given / SAMPLE_RATE)
        yield from self._push(frame)

    def _push(self, frame: AudioFrame | None) -> Iterator[AudioBlock]:
        run = self._run
        if run is None:
            return
        if frame is None:
            self._run = None
        for samples in self._attempt(lambda: run.push(frame)):
            yield self._block(samples)

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
    """Frames of one format that follow one another, resampled and mixed together.

    FFmpeg mixes surround sound to stereo, scaled so that nothing clips.

    Args:
        frame: the first frame; it is not pushed yet.
        start: when it sounds, seconds.
    """

    def __init__(self, frame: AudioFrame, start: float) -> None:
        layout = keep(frame.layout)
        channels = layout.nb_channels
        unnamed = layout.name == f"{channels} channels" and channels > 8
        if unnamed or layout.name.startswith("ambisonic"):
            target = None  # FFmpeg 8.0's swresample has no rule to mix these
        else:
            target = "mono" if channels == 1 else "stereo"
        # Interleaved on purpose: PyAV 18.1 reads past the end of the planes when there are eight
        # or more, and the process is killed.
        self._resampler = AudioResampler(
            "flt", target, SAMPLE_RATE, frame_size=BLOCK, options={"rematrix_maxval": "1.0"}
        )
        self._mixer = Mixer()
        self._format = _format(frame)
        self.due = start

    def fits(self, frame: AudioFrame) -> bool:
        """Whether a frame has the format of the run."""
        return _format(frame) == self._format

    def push(self, frame: AudioFrame | None) -> list[Samples]:
        """Mono blocks that a frame completes; None for the rest."""
        if frame:
            self.due += frame.samples / frame.sample_rate
        blocks = self._resampler.resample(frame)
        return [self._mixer.mix(b.to_ndarray().reshape(b.samples, -1)) for b in blocks]


class Mixer:
    """Mixes channels to mono: their mean, or the loudest one where they cancel each other out.

    One microphone on two channels in opposite phase would vanish in the mean. It is decided for
    each block anew, and a change is faded over 20 ms.
    """

    def __init__(self) -> None:
        self._alone: int | None = None
        self._fresh = True

    def mix(self, block: npt.NDArray[Any]) -> Samples:
        """Mono samples in [-1, 1], ``(n,) float32``, of ``(n, channels)``."""
        sound: Samples = np.nan_to_num(block.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
        if sound.shape[1] > 1:
            before, fresh = self._alone, self._fresh
            self._alone, self._fresh = self._choose(sound), False
            mono = _channel(sound, self._alone)
            if self._alone != before and not fresh:
                share: Samples = np.linspace(0, len(sound) / _RAMP, len(sound), dtype=np.float32)
                share = share.clip(max=1.0)
                mono = share * mono + (1 - share) * _channel(sound, before)
        else:
            mono = sound[:, 0]
        return np.clip(mono, -1.0, 1.0).astype(np.float32, copy=False)

    def _choose(self, sound: Samples) -> int | None:
        """The channel that is taken alone, or None for the mean."""
        mean, power = _channel(sound, None), np.square(sound).sum(axis=0)
        loudest = int(power.argmax())
        if mean @ mean >= _CANCELLED * power[loudest]:
            return None
        kept = self._alone
        return kept if kept is not None and power[kept] > 0.5 * power[loudest] else loudest


def _channel(sound: Samples, index: int | None) -> Samples:
    return sound.mean(axis=1, dtype=np.float32) if index is None else sound[:, index]


def _format(frame: AudioFrame) -> tuple[str, str, int]:
    return str(frame.format.name), keep(frame.layout).name, frame.sample_rate
