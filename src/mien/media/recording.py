"""A recording: opened once, demuxed once, decoded while it is read."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from av.error import ExitError, FFmpegError
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mien.errors import MediaError, OptionError
from mien.facts import shown
from mien.media.caps import Caps, check_sound, check_streams
from mien.media.captions import CaptionReader
from mien.media.frames import STAMPED, FrameReader, StampReader, pixel_aspect, upright_size
from mien.media.guard import check_size, open_container, packets_of, translated, undecodable
from mien.media.measured import measured
from mien.media.reader import MAX_FAILURES, Reader, Timeline
from mien.media.shortage import ran_out
from mien.media.sound import SoundReader
from mien.media.streams import choose_streams, describe
from mien.options import MediaOptions
from mien.scene import SAMPLE_RATE, AudioBlock, ClipFacts, Moment, Samples

_HELD_PACKETS = 400
_HELD_BYTES = 32_000_000

MOST_SILENCE = 600.0
"""Seconds of a gap that are filled with silence where the whole sound is wanted at once."""


class Recording:
    """An audio or video file as a clip.

    Args:
        name: its path as given.
        pictures: False leaves the video unread, and its size out of the facts.
        options: which sound is heard.

    Raises:
        MediaError: if it cannot be opened, holds nothing to play, or its pictures are too large.
        OptionError: if there is no such track or channel.
    """

    def __init__(
        self, name: str, pictures: bool = True, options: MediaOptions | None = None
    ) -> None:
        self._name = name
        self._pictures = pictures
        self._options = options or MediaOptions()
        self._container = open_container(name)
        self._readers: dict[int, Reader] = {}
        self._held: list[Packet[Any]] = []
        self._state = "fresh"
        self._finished = False
        self._error: FFmpegError | None = None
        try:
            check_streams(self._container, name)
            self._streams = choose_streams(self._container, name, self._options)
            check_sound(self._streams, name)
            self._packets = self._demux()
            video = self._streams.video if pictures else None
            size = self._first_size(video) if video else (0, 0)
            check_size(name, *size)
            self._facts = describe(name, self._container, self._streams, size, self._options)
        except BaseException:
            self._container.close()
            raise

    @property
    def facts(self) -> ClipFacts:
        """What the container says; once it was played, what was decoded."""
        readers = [r for r in self._readers.values() if not isinstance(r, CaptionReader)]
        return measured(self._facts, readers, self._finished)

    def play(self, frame_rate: float) -> Iterator[Moment]:
        """Decode from the start to the end, once.

        Args:
            frame_rate: pictures wanted per second; the first at or after every multiple of
                ``1 / frame_rate`` seconds is given. 0 leaves the video unread.

        Raises:
            OptionError: if the frame rate is negative or not finite.
            MediaError: if nothing can be decoded, or it was played or closed before.
        """
        if not (math.isfinite(frame_rate) and frame_rate >= 0):
            raise OptionError(f"frame_rate needs pictures per second, 0 or more, got {frame_rate}.")
        if self._state != "fresh":
            raise MediaError(
                f"{shown(self._name)} was {self._state} already; open it again to play it."
            )
        self._state = "played"
        self._readers = self._make_readers(frame_rate)
        return self._moments()

    def last_stamp(self) -> float:
        """The latest time stamp of sound or pictures, seconds; nothing is decoded for it."""
        chosen = {s.index for s in (self._streams.audio, self._streams.video) if s is not None}
        latest = 0.0
        with open_container(self._name) as container, translated(self._name):
            for packet in packets_of(container):
                if packet.stream_index in chosen and packet.pts is not None:
                    latest = max(latest, float(packet.pts * packet.time_base))
        return latest - self._streams.origin

    def close(self) -> None:
        """Let go of the file."""
        self._state = "closed"
        self._container.close()

    def _moments(self) -> Iterator[Moment]:
        packets = chain(self._held, self._packets)
        self._held = []
        video = self._streams.video
        caps = Caps(self._name, self._options.max_hours, -1 if video is None else video.index)
        self._check_open()
        for packet in packets:
            index = packet.stream_index
            if index in self._readers:
                for moment in self._readers[index].read(packet):
                    caps.moment(moment)
                    yield moment
                caps.packet(index, self._readers[index])
            self._check_open()
        for reader in self._readers.values():
            yield from reader.read(None)
            self._check_open()
        self._finished = True
        if self._readers and not any(reader.end for reader in self._readers.values()):
            errors = (reader.error for reader in self._readers.values())
            raise undecodable(self._name, next(filter(None, errors), self._error))

    def _check_open(self) -> None:
        """PyAV 18.1 would read freed memory of a container that was closed half-way."""
        if self._state == "closed":
            raise MediaError(f"{shown(self._name)} was closed while it was played; open it again.")

    def _make_readers(self, frame_rate: float) -> dict[int, Reader]:
        audio, video, captions = self._streams.audio, self._streams.video, self._streams.captions
        origin, end = self._streams.origin, self._facts.duration
        readers: dict[int, Reader] = {}
        if audio is not None:
            channel = self._options.audio_channel
            only = None if channel is None else channel - 1
            readers[audio.index] = SoundReader(audio, Timeline(origin, end), only)
        if video is not None and frame_rate > 0:
            timeline = Timeline(origin, end)
            stamped = not STAMPED.isdisjoint(self._container.format.name.split(","))
            readers[video.index] = FrameReader(video, timeline, frame_rate, self._name, stamped)
        elif video is not None and self._pictures:
            readers[video.index] = StampReader(video, Timeline(origin, end))
        elif video is not None:
            video.discard = Discard.all
        if captions is not None:
            readers[captions.index] = CaptionReader(captions, origin)
        return readers

    def _demux(self) -> Iterator[Packet[Any]]:
        """Packets of the chosen streams; a damaged stretch is passed over."""
        failures = 0
        while failures <= MAX_FAILURES:
            try:
                for packet in packets_of(self._container, *self._streams.chosen):
                    failures = 0
                    if packet.size:  # an empty one would end the decoder
                        yield packet
                return
            except IndexError:
                # PyAV 18.1: at the end of a file, demux() flushes the streams that it counted at
                # the beginning and those that came up on the way, for which it made no place.
                return
            except (ExitError, TimeoutError) as error:
                raise undecodable(self._name, error) from error
            except FFmpegError as error:
                if ran_out(error):
                    raise MemoryError from error
                self._error = error
                failures += 1

    def _first_size(self, video: VideoStream) -> tuple[int, int]:
        """Size of the upright picture, in pixels.

        Only a decoded frame knows its rotation: the packets up to it are held for ``play``.
        """
        context = video.codec_context
        check_size(self._name, context.width, context.height)
        frame = self._first_frame(video)
        context.flush_buffers()
        if frame is None:
            return context.width, context.height
        return upright_size(frame, pixel_aspect(video))

    def _first_frame(self, video: VideoStream) -> VideoFrame | None:
        held = 0
        for packet in self._packets:
            self._held.append(packet)
            held += packet.size
            frame = _decoded(video, packet) if packet.stream_index == video.index else None
            if frame is not None:
                return frame
            if len(self._held) >= _HELD_PACKETS or held >= _HELD_BYTES:
                return None
        return _decoded(video, None)


def _decoded(video: VideoStream, packet: Packet[Any] | None) -> VideoFrame | None:
    try:
        frames = video.decode(packet)
    except FFmpegError:
        return None
    return frames[0] if frames else None


def whole_sound(path: str | os.PathLike[str]) -> Samples:
    """All samples of a recording, ``(n,) float32`` mono at 16 kHz.

    Raises:
        MediaError: if it cannot be decoded, has no sound, or a gap of more than ten minutes.
    """
    clip = Recording(os.fspath(path), pictures=False)
    try:
        if not clip.facts.has_audio:
            raise MediaError(f"{shown(clip.facts.path)} has no sound; give a recording with sound.")
        blocks = [m for m in clip.play(0) if isinstance(m, AudioBlock)]
    finally:
        clip.close()
    return np.concatenate(list(_without_gaps(blocks, clip.facts.path)))


def _without_gaps(blocks: Sequence[AudioBlock], name: str) -> Iterator[Samples]:
    """The samples of blocks, silence in the gaps between them."""
    given = 0
    for block in blocks:
        missing = round(block.start * SAMPLE_RATE) - given
        if missing > MOST_SILENCE * SAMPLE_RATE:
            raise MediaError(
                f"{shown(name)} has a gap of {missing / SAMPLE_RATE:.0f} s in its sound at "
                f"{given / SAMPLE_RATE:.1f} s; cut it into recordings without gaps."
            )
        if missing > 0:
            yield np.zeros(missing, np.float32)
        yield block.samples
        given += max(0, missing) + len(block.samples)
