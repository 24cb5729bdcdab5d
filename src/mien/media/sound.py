"""Sound: any rate and any number of channels to mono blocks at 16 kHz on the axis of the clip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.packet import Packet

from mien.media.layouts import is_custom, keep, layout_is_stated
from mien.media.mixer import Mixer, frame_weights
from mien.media.reader import Reader, Timeline
from mien.scene import SAMPLE_RATE, AudioBlock, Samples
from mien.timebase import Segment

BLOCK = SAMPLE_RATE // 2
"""Samples of a block; only the last before a gap or the end is shorter."""

TOLERANCE = 0.05
"""Seconds by which a time stamp may be ahead before silence is filled in."""

LOWEST_RATE, HIGHEST_RATE = 2000, 800_000
"""Samples per second; others are damage, and would make days of sound or filters of gigabytes."""

FILLED = 5.0
"""Seconds of a gap that is filled with silence at most; a longer one is left as a gap."""

ALLOWED = 30.0
"""Seconds of silence filled in at most, beyond as much as there is sound."""


class SoundReader(Reader):
    """Sound in blocks in time order, which follow one another but for gaps.

    Where the time stamps leave out some seconds there is silence; where they leave out more, the
    next block starts later, so that a few bytes cannot ask for hours of samples. Stamps that lag
    behind the samples are not believed: no sound is left out.

    Args:
        stream: of the sound.
        timeline: of the stream.
        channel: index of the one channel to be heard; None for a mix of all.
    """

    def __init__(self, stream: AudioStream, timeline: Timeline, channel: int | None = None) -> None:
        super().__init__(stream, timeline)
        self._stream = stream
        self._channel = channel
        self._stated = layout_is_stated(stream)
        self._run: Run | None = None
        self._given = 0
        self._sounded = self._filled = 0

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
            mixer = Mixer(frame_weights(frame, self._stated), self._channel)
            self._run = Run(frame, self._given / SAMPLE_RATE, mixer)
        yield from self._push(frame)

    def _push(self, frame: AudioFrame | None) -> Iterator[AudioBlock]:
        run = self._run
        if run is None:
            return
        if frame is None:
            self._run = None
        for samples in self._attempt(lambda: run.push(frame)):
            self._sounded += len(samples)
            yield self._block(samples)

    def _silence(self, until: float) -> Iterator[AudioBlock]:
        missing = round(until * SAMPLE_RATE) - self._given
        allowed = self._sounded + round(ALLOWED * SAMPLE_RATE) - self._filled
        if missing > min(allowed, round(FILLED * SAMPLE_RATE)):
            start, self._given = self._given, self._given + missing
            self.gaps.append(Segment(start / SAMPLE_RATE, self._given / SAMPLE_RATE))
            return
        self._filled += max(0, missing)
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


class Run:
    """Frames of one format that follow one another, resampled and mixed together.

    Args:
        frame: the first frame; it is not pushed yet.
        start: when it sounds, seconds.
        mixer: of the channels.
        size: samples of a block.
    """

    def __init__(self, frame: AudioFrame, start: float, mixer: Mixer, size: int = BLOCK) -> None:
        # PyAV 18 would free a channel order of the file's own twice if the mix kept it.
        target = "stereo" if is_custom(keep(frame.layout)) else None
        # Interleaved on purpose: with eight or more planes PyAV 18 reads past their end.
        self._resampler = AudioResampler(
            "flt", target, SAMPLE_RATE, frame_size=size, options={"rematrix_maxval": "1.0"}
        )
        self._mixer = mixer
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


def _format(frame: AudioFrame) -> tuple[str, str, int]:
    return str(frame.format.name), keep(frame.layout).name, frame.sample_rate
