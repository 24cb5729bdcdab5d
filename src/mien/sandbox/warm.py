"""Running once all that a confined process will run, since it can load nothing more."""

from __future__ import annotations

import codecs
import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import cv2
import numpy as np

from mien.errors import MediaError
from mien.media import open_clip
from mien.media.files import lend, take_back
from mien.media.guard import load_subtitle_decoder
from mien.media.sample import sample_recording
from mien.perceive.detectors import Detection, Detector, make_detector
from mien.perceive.watch import Means, WatchOptions, watch
from mien.sandbox.answer import watched_message, watched_of
from mien.scene import AUDIO, FACES, SHOTS, Image
from mien.timebase import Segment

_ENCODINGS = ("ascii", "latin-1", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")


class _Anywhere:
    """Finds a face in every picture, whatever is there."""

    def __init__(self, real: Detector) -> None:
        self._real = real

    def detect(self, image: Image) -> list[Detection]:
        """One face, after the real detector has looked."""
        self._real.detect(image)
        side = min(image.shape[:2]) / 2
        eyes = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
        return [Detection((0.0, 0.0, side, side), 0.9, eyes * np.float32(side))]


def warm() -> Detector:
    """The detector that ships, loaded, after a recording, a picture, a text and a damaged file.

    OpenCV has one thread from here on: threads do not survive a fork.
    """
    cv2.setNumThreads(1)
    for name in _ENCODINGS:
        codecs.lookup(name)
    load_subtitle_decoder()
    detector = make_detector("auto")
    film = sample_recording()
    still = cv2.imencode(".png", np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    for name, content in (
        ("a.mkv", film),
        ("a.png", still),
        ("a.txt", b"a text"),
        ("a.wav", b"RIFF\0\0\0\0WAVEdamaged"),
        ("a.mp4", film[: len(film) // 2]),
    ):
        with contextlib.suppress(MediaError), _held(name, content):
            _watch(name, _Anywhere(detector))
    return detector


@contextlib.contextmanager
def _held(name: str, content: bytes) -> Iterator[None]:
    descriptor = os.memfd_create("sample")
    try:
        os.write(descriptor, content)
        lend(name, descriptor)
        yield
    finally:
        take_back(name)
        os.close(descriptor)


def _watch(name: str, detector: Detector) -> None:
    """Watch a file in both ways, all of it and a part, and say what was seen."""
    for part in (None, Segment(0.5, 1.5)):
        with ExitStack() as stack:
            sound, crops = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            clip = stack.enter_context(closing(open_clip(name)))
            means = Means(lambda _: detector, sound, crops)
            options = replace(WatchOptions(), part=part if clip.facts.duration else None)
            watched = watch(
                clip, {AUDIO, SHOTS, FACES}, options, lambda doing, share: None, bool, means
            )
            for file in (sound, crops):
                file.flush()
            watched_of(watched_message(watched), name, sound, crops)
