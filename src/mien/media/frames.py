"""Pictures of a video: sampled by time, made upright, in BGR."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any, Literal, cast

import numpy as np
from av.error import FFmpegError
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mien.media.guard import check_size, undecodable
from mien.media.raster import ArrayRaster, PlanarRaster, is_planar
from mien.media.reader import Reader, Timeline
from mien.scene import Frame, Image, Raster
from mien.timebase import Segment

_EARLY = 1e-3
"""Seconds by which a frame may come before its slot: containers round to milliseconds."""

_SQUARE = 0.02

_REORDERED = 64
"""Packets among which one may be decoded out of turn."""

STANDS = 1.5
"""Seconds from which on a picture that stands is given again while it stands."""

AGAIN = 0.5
"""Seconds from one time to the next that a standing picture is given, at least."""

LONGEST, SHORTER = 300.0, 30.0
"""Seconds that a picture stands at most; what follows is a gap. ``SHORTER`` holds once pictures
have stood for ``ALLOWED``, so that a few bytes cannot ask for days of looking."""

NEAR = 0.5
"""Seconds since another picture within which one that nobody looks at need not be decoded."""

STAMPED = frozenset({"mov", "mp4", "matroska", "webm", "mpegts", "flv"})
"""FFmpeg's names of formats whose packets tell when they are shown. Those of an AVI with frames out
of order do not: FFmpeg's guess is off by some frames."""

ALLOWED = 3600.0
"""Seconds beyond ``SHORTER`` that pictures stand in all."""

Matrix = tuple[tuple[int, int], tuple[int, int]]
"""``(a, b), (c, d)`` of ``display_matrix``."""


class Shown:
    """How long each picture stands, and where none does.

    Args:
        gaps: where gaps are noted.
    """

    def __init__(self, gaps: list[Segment]) -> None:
        self._gaps = gaps
        self._left = ALLOWED
        self.since: float | None = None

    def until(self, time: float) -> float:
        """When the picture that is shown goes, if the next comes at ``time``; a gap is noted."""
        start = self.since or 0.0
        longest = min(LONGEST, SHORTER + self._left)
        goes = start + longest
        self._left -= max(0.0, min(time - start, longest) - SHORTER)
        if time > goes:
            self._gaps.append(Segment(0.0 if self.since is None else goes, time))
        return min(time, goes)


class FrameReader(Reader):
    """The first frame at or after every multiple of ``1 / frame_rate`` seconds.

    A frame that stands for more than ``STANDS`` seconds is given again while it stands, also one
    that came between two multiples.

    Args:
        stream: of the video.
        timeline: of the stream.
        frame_rate: pictures per second at most, above 0.
        name: of the file, for errors.
        stamped: whether its packets tell when they are shown, see :data:`STAMPED`.

    Attributes:
        skipped: packets whose frames the decoder could leave out.
    """

    def __init__(
        self,
        stream: VideoStream,
        timeline: Timeline,
        frame_rate: float,
        name: str,
        stamped: bool = False,
    ) -> None:
        super().__init__(stream, timeline)
        self._stream = stream
        self._rate = frame_rate
        self._name = name
        self._slot = 0
        self._angle: int | None = None
        self._matrix: Matrix = ((1, 0), (0, 1))
        self._aspect = pixel_aspect(stream)
        self._spacing = frame_spacing(stream)
        self._shown = Shown(self.gaps)
        self._frame: VideoFrame | None = None
        self._given: Raster | None = None
        # Times of the latest packets, and of those that are decoded whatever becomes of them.
        self._known: deque[float] = deque(maxlen=_REORDERED)
        self._stamped = stamped
        self._skip = "DEFAULT"
        self.skipped = 0
        self._sent: deque[float] = deque(maxlen=_REORDERED)

    def read(self, packet: Packet[Any] | None) -> Iterator[Frame]:
        """The sampled frames that a packet completes, or the last ones."""
        if packet is not None and self._stamped:
            self._skip_unseen(packet)
        for frame in self._attempt(lambda: self._stream.decode(packet)):
            time = self._time(frame)
            yield from self._standing(self._shown.until(time))
            self._shown.since, self._frame, self._given = time, frame, None
            if time + _EARLY >= self._slot / self._rate:
                yield self._give(time)
        if packet is None:
            yield from self._standing(self._shown.until(self.end))
            self._frame = None

    def _skip_unseen(self, packet: Packet[Any]) -> None:
        """Let the decoder leave out a frame that is not looked at and that no other needs.

        It is not looked at if another frame of its slot comes before it. A frame is always decoded
        if it may stand for long, because no later one is known yet, or if its time is not certain.
        """
        stamp = self._stamp(packet)
        skip: Literal["DEFAULT", "NONREF"] = "DEFAULT"
        if stamp is not None and self._timeline.resets == 0:
            time = self._timeline.on_axis(stamp)
            before = max((sent for sent in self._sent if sent < time), default=-math.inf)
            after = min((known for known in self._known if known > time), default=math.inf)
            near = time - before < NEAR and after - time < NEAR
            if near and self._slot_of(before) == self._slot_of(time):
                skip = "NONREF"
                self.skipped += 1
            else:
                self._sent.append(time)
            self._known.append(time)
        context = self._stream.codec_context
        if skip != self._skip:
            context.skip_frame, self._skip = skip, skip

    def _slot_of(self, time: float) -> int:
        """The slot that a time lies in."""
        return math.floor((time + _EARLY) * self._rate)

    def _standing(self, until: float) -> Iterator[Frame]:
        """The frame that was shown so far, again, if it stood for long."""
        since, frame = self._shown.since, self._frame
        if since is None or frame is None or until - since < STANDS:
            return
        step = max(AGAIN, 1 / self._rate)
        time = self._slot / self._rate if self._given is None else since + step
        while time + step / 2 <= until:
            yield self._give(max(time, since))
            time += step

    def _give(self, time: float) -> Frame:
        if self._given is None and self._frame is not None:
            self._given = self._raster(self._frame)
        assert self._given is not None
        self._slot = self._slot_of(time) + 1
        return Frame(max(0.0, time), self._given)

    def _raster(self, frame: VideoFrame) -> Raster:
        # PyAV 18.1: looking at a frame's side data ties it into a cycle, and a megabyte of FFmpeg's
        # stays until the next garbage collection; so it is done once for each angle only.
        if frame.rotation != self._angle:
            self._angle, self._matrix = frame.rotation, display_matrix(frame)
        convert = partial(upright_image, frame, self._aspect, self._matrix, self._name)
        if is_planar(frame) and self._aspect == 1:
            check_size(self._name, frame.width, frame.height)
            return PlanarRaster(frame, partial(turned, matrix=self._matrix), convert)
        image = convert()
        image.flags.writeable = False
        return ArrayRaster(image)

    def _time(self, frame: VideoFrame) -> float:
        since = self._shown.since
        # A frame's duration may be a guess that the next frame's stamp contradicts.
        due = self.end if since is None else min(self.end, since + self._spacing)
        time = self._timeline.place(self._stamp(frame), due)
        self.end = max(self.end, self._until(time, (frame.duration or 0) * self._base))
        return time

    def _until(self, time: float, length: float) -> float:
        """When a frame goes, from when it came and how long it is to stand, 0 if not known."""
        until = time + min(length or self._spacing, LONGEST)
        # The last frame's duration is mostly a guess.
        return self._timeline.end if time < self._timeline.end < until else until


class StampReader(Reader):
    """Reads when pictures are shown and decodes none.

    Args:
        stream: of the video.
        timeline: of the stream.
    """

    def __init__(self, stream: VideoStream, timeline: Timeline) -> None:
        super().__init__(stream, timeline)
        self._spacing = frame_spacing(stream)
        self._shown = Shown(self.gaps)

    def read(self, packet: Packet[Any] | None) -> Iterator[Frame]:
        """Nothing."""
        stamp = None if packet is None else packet.dts if packet.dts is not None else packet.pts
        if packet is not None and stamp is not None:
            time = self._timeline.place(stamp * self._base, self.end)
            self._shown.until(time)
            self._shown.since = time
            length = (packet.duration or 0) * self._base or self._spacing
            self.end = max(self.end, time + min(length, LONGEST))
        yield from ()


def frame_spacing(stream: VideoStream) -> float:
    """Seconds from frame to frame as the header has it, one 25th if it does not say."""
    return float(1 / (stream.average_rate or stream.guessed_rate or 25))


def pixel_aspect(stream: VideoStream) -> float:
    """Width of a pixel by its height, 1 if the stream does not say or cannot mean it."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 0.25 <= aspect <= 4 and abs(aspect - 1) > _SQUARE else 1.0


def upright_image(frame: VideoFrame, aspect: float, matrix: Matrix, name: str) -> Image:
    """A decoded frame as it is to be seen, ``(height, width, 3) uint8`` in BGR order.

    Args:
        frame: as decoded.
        aspect: of its pixels; they become square by a change of the width.
        matrix: how it is to be turned.
        name: of the file, for errors.

    Raises:
        MediaError: if it is too large or of a pixel format that cannot be converted.
    """
    width, height = _square_size(frame, aspect)
    check_size(name, width, height)
    try:
        image = frame.to_ndarray(format="bgr24", width=width, height=height)
    except FFmpegError as error:
        raise undecodable(name, error) from error
    return np.ascontiguousarray(turned(image.astype(np.uint8, copy=False), matrix))


def upright_size(frame: VideoFrame, aspect: float) -> tuple[int, int]:
    """Width and height that ``upright_image`` gives."""
    width, height = _square_size(frame, aspect)
    (a, b), _ = display_matrix(frame)
    return (height, width) if abs(b) > abs(a) else (width, height)


def _square_size(frame: VideoFrame, aspect: float) -> tuple[int, int]:
    return max(1, round(frame.width * aspect)), frame.height


def display_matrix(frame: VideoFrame) -> Matrix:
    """How a frame is turned: a pixel at (x, y) is shown at (a x + c y, b x + d y), y downwards."""
    try:
        data = cast(Any, frame.side_data)[Type.DISPLAYMATRIX]
    except KeyError:
        return (1, 0), (0, 1)
    except ValueError:
        # PyAV 18.1 refuses all side data of a frame when it does not know the type of one.
        quarter = round(frame.rotation / 90) % 4
        cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarter]
        return (cos, -sin), (sin, cos)
    a, b, _, c, d = np.frombuffer(bytes(data), "=i4")[:5].tolist()
    return ((a, b), (c, d)) if (a, b) != (0, 0) else ((1, 0), (0, 1))


def turned(image: Image, matrix: Matrix) -> Image:
    """Turn and mirror by the nearest multiple of 90 degrees, as a view."""
    (a, b), (c, d) = matrix
    if abs(b) > abs(a):
        image, across, down = image.swapaxes(0, 1), c, b
    else:
        across, down = a, d
    return image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
