"""Faces: found in sampled pictures, linked into tracks, cropped to 48x48 gray."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mien.media import CropSpool
from mien.scene import Faces, FaceSample, FaceTrack, Frame, Image

Box = tuple[float, float, float, float]

SIDE = 48
LONGEST_SIDE = 480
"""Pictures are shrunk to this before the search; it bounds its cost."""
SMALLEST_SHARE = 0.08
"""Faces below this share of the shorter side are not looked for."""
LARGEST_JUMP = 1.0
"""Seconds that a face may be out of view and still be the same person."""
LEAST_SCORE = 0.6
"""Mean score below which a track is taken for a false alarm."""
SAME = 0.3
"""Overlap (intersection over union) from which on two boxes are the same person."""


@dataclass
class _Open:
    """A track that may still grow."""

    samples: list[FaceSample] = field(default_factory=list)

    @property
    def last(self) -> FaceSample:
        return self.samples[-1]


class FaceFinder:
    """Looks at pictures in time order; keeps the crops in a spool, the boxes in memory.

    Detection is OpenCV's Haar cascade for frontal faces, with its level weights as the score.
    """

    def __init__(self) -> None:
        self._crops = CropSpool()
        self._open: list[_Open] = []
        self._closed: list[_Open] = []
        self._times: list[float] = []

    @cached_property
    def _cascade(self) -> Any:
        import cv2

        folder = Path(cv2.__file__).parent / "data"
        return cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def look(self, frame: Frame) -> None:
        """Take the next picture."""
        import cv2

        self._times.append(frame.time)
        gray = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
        self._close_before(frame.time - LARGEST_JUMP)
        for box, score in self._detect(gray):
            crop = _crop(gray, box)
            index = self._crops.append(crop)
            sample = FaceSample(frame.time, box, score, sharpness(crop), index)
            self._assign(sample)

    def _detect(self, gray: Image) -> list[tuple[Box, float]]:
        import cv2

        height, width = gray.shape
        scale = min(1.0, LONGEST_SIDE / max(height, width))
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        smallest = max(24, int(SMALLEST_SHARE * min(small.shape)))
        boxes, _, weights = self._cascade.detectMultiScale3(
            cv2.equalizeHist(small),
            scaleFactor=1.1,
            minNeighbors=6,
            minSize=(smallest, smallest),
            outputRejectLevels=True,
        )
        found = []
        for box, weight in zip(boxes, np.ravel(weights), strict=True):
            left, top, wide, high = (float(v) / scale for v in box)
            # The last stage's margin over its threshold: above 5 hardly ever a false alarm.
            score = float(1 / (1 + np.exp(-(float(weight) - 2.0))))
            found.append(((left, top, wide, high), score))
        return found

    def _assign(self, sample: FaceSample) -> None:
        """To the open track whose last box it overlaps most, or to a new one."""
        free = [track for track in self._open if track.last.time < sample.time]
        best = max(free, key=lambda track: overlap(track.last.box, sample.box), default=None)
        if best is not None and overlap(best.last.box, sample.box) >= SAME:
            best.samples.append(sample)
        else:
            self._open.append(_Open([sample]))

    def _close_before(self, time: float) -> None:
        self._closed += [track for track in self._open if track.last.time < time]
        self._open = [track for track in self._open if track.last.time >= time]

    def finish(self) -> Faces:
        """The tracks found, the primary person's first.

        Where several pictures were looked at, a face seen in one alone is taken for a false alarm,
        and so is a track of low scores. The primary person is the one with the most face area
        over time.
        """
        least = 1 if len(self._times) < 3 else 2
        tracks = [
            track
            for track in self._closed + self._open
            if len(track.samples) >= least
            and np.mean([sample.score for sample in track.samples]) >= LEAST_SCORE
        ]
        tracks.sort(key=lambda t: -sum(s.box[2] * s.box[3] * s.score for s in t.samples))
        named = tuple(FaceTrack(i, tuple(t.samples)) for i, t in enumerate(tracks))
        return Faces(named, tuple(self._times), self._crops)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (left, top, width, height), 0 to 1."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def _crop(gray: Image, box: Box) -> Image:
    import cv2

    left, top, wide, high = (round(v) for v in box)
    part = gray[max(0, top) : top + high, max(0, left) : left + wide]
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def sharpness(crop: Image) -> float:
    """How sharp a crop is, 0 to 1: the deviation of its Laplacian against its contrast.

    Relative to contrast, so that a dark but sharp face is not called blurred.
    """
    import cv2

    contrast = max(float(crop.std()), 8.0)
    edges = float(cv2.Laplacian(crop, cv2.CV_32F).std())
    return float(np.clip(edges / contrast / 0.8, 0.0, 1.0))
