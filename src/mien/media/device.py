"""A camera and a microphone of this machine as a clip, through FFmpeg's v4l2 and ALSA."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.video.frame import VideoFrame

from mien.errors import MediaError
from mien.media.push import PushedSound
from mien.media.raster import ArrayRaster
from mien.scene import AudioBlock, ClipFacts, Frame, Moment

CAMERA, MICROPHONE = "/dev/video", "alsa:"
_HELD = 64


def is_device(name: str) -> bool:
    """Whether a name is that of a camera, a microphone, or of both.

    Examples:
        >>> is_device("/dev/video0+alsa:default"), is_device("clip.mp4")
        (True, False)
    """
    parts = name.split("+")
    return len(parts) <= 2 and all(part.startswith((CAMERA, MICROPHONE)) for part in parts)


class DeviceClip:
    """A camera, a microphone or both; it plays until it is closed.

    Args:
        name: ``/dev/video0``, ``alsa:default``, or both with ``+`` between.

    Raises:
        MediaError: if one of them cannot be opened.
    """

    def __init__(self, name: str) -> None:
        self._closed = threading.Event()
        self._opened = []
        for part in name.split("+"):
            self._opened.append((part, _open(part)))
        names = [part for part, _ in self._opened]
        self._facts = ClipFacts(
            name, "recording", 0.0, "device",
            any(one.startswith(MICROPHONE) for one in names),
            any(one.startswith(CAMERA) for one in names),
        )  # fmt: skip

    @property
    def facts(self) -> ClipFacts:
        """Which of sound and pictures there is; the duration is 0."""
        return self._facts

    def play(self, frame_rate: float) -> Iterator[Moment]:
        """Sound and pictures when they happen, at most ``frame_rate`` pictures a second.

        Raises:
            MediaError: if a device ends.
        """
        moments: queue.Queue[Moment | MediaError] = queue.Queue(_HELD)
        begun = time.monotonic()
        for name, container in self._opened:
            work = _Reading(name, container, moments, begun, self._closed)
            target = work.pictures if name.startswith(CAMERA) else work.sound
            thread = threading.Thread(target=target, args=(frame_rate,), daemon=True)
            thread.start()
        while not self._closed.is_set():
            try:
                moment = moments.get(timeout=0.2)
            except queue.Empty:
                continue
            if isinstance(moment, MediaError):
                raise moment
            yield moment

    def close(self) -> None:
        """Let go of the devices."""
        self._closed.set()
        for _, container in self._opened:
            container.close()


class _Reading:
    """One device, read in a thread of its own."""

    def __init__(
        self,
        name: str,
        container: av.container.InputContainer,
        moments: queue.Queue[Moment | MediaError],
        begun: float,
        closed: threading.Event,
    ) -> None:
        self._name, self._container, self._moments = name, container, moments
        self._begun, self._closed = begun, closed

    def pictures(self, frame_rate: float) -> None:
        """Hand on pictures, as many a second as are wanted."""
        due = 0.0
        for frame in self._frames():
            at = time.monotonic() - self._begun
            if isinstance(frame, VideoFrame) and at >= due:
                due = max(due + 1 / frame_rate, at)
                self._put(
                    Frame(at, ArrayRaster(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)))
                )

    def sound(self, _: float) -> None:
        """Hand on all sound."""
        given = 0.0
        resampler: PushedSound | None = None
        for frame in self._frames():
            if not isinstance(frame, AudioFrame):
                continue
            channels = min(2, frame.layout.nb_channels)
            resampler = resampler or PushedSound(frame.sample_rate, channels)
            samples = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)[:, :channels]
            for block in resampler.push(samples):
                self._put(AudioBlock(given, block))
                given += len(block) / 16_000

    def _frames(self) -> Iterator[VideoFrame | AudioFrame]:
        try:
            yield from self._container.decode(self._container.streams[0])  # type: ignore[misc]
            reason = "it ended"
        except (FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
        if not self._closed.is_set():
            self._put(MediaError(f"The device {self._name} gives no more ({reason})."))

    def _put(self, moment: Moment | MediaError) -> None:
        while not self._closed.is_set():
            try:
                self._moments.put(moment, timeout=0.2)
            except queue.Full:
                continue
            return


def _open(name: str) -> av.container.InputContainer:
    camera = name.startswith(CAMERA)
    form, where = ("v4l2", name) if camera else ("alsa", name.removeprefix(MICROPHONE))
    options = {"video_size": "640x480"} if camera else {}
    try:
        return av.open(where, mode="r", format=form, options=options)
    except (FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        kind = "camera" if camera else "microphone"
        devices = "ls /dev/video*" if camera else "arecord -L"
        raise MediaError(
            f"The {kind} {name} cannot be opened ({reason}); '{devices}' lists those of this "
            "machine. A recording can be given instead."
        ) from None
