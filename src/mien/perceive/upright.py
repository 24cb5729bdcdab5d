"""Faces that are upside down or on their side: found by looking at the picture turned.

A detector that learnt upright faces finds two thirds of those that are upside down, and puts eyes
where the mouth is. In the picture turned the right way it is surer: of 400 faces of FER-2013 set
into pictures and turned, 94 % were found surest in the right one of four ways
(``benchmarks/face_turns.py`` shows what becomes of them).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.perceive.detectors import Box, Detection, Detector
from mien.perceive.tracks import overlap
from mien.scene import Floats, Image

EVERY = 2.0
"""Seconds between two checks, as long as every face is upright."""
SURE = 0.85
"""Score of a face in the turned picture, at least."""
ALONE = 0.95
"""The same where none was found in the picture as it is: three more looks, three times the false
alarms."""
MARGIN = 1.0
"""By how much the detector must be surer than in the picture as it is, in log-odds."""
SMALLEST = 32.0
"""Pixels of a face's side below which it is not told which way round it is."""
SAME = 0.35
"""Overlap from which on it is the same face."""
AROUND, FEWEST = 3.0, 3
"""Seconds on either side, and checks at least, that decide together how a face is turned."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A face in a picture, and how it is turned in the picture's plane.

    Args:
        face: as it was found.
        box: in the picture as it is.
        roll: degrees by which the picture has to be turned counterclockwise: 0, 90, 180 or 270; NaN
            if that was not checked.
        alone: whether it was found in the turned picture alone; then ``face`` lies in that.
    """

    face: Detection
    box: Box
    roll: float
    alone: bool = False


class UprightCheck:
    """Looks at pictures as they are, and now and then turned.

    Args:
        detector: what finds the faces of a picture.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._next = -np.inf

    def look(self, image: Image, time: float) -> list[Seen]:
        """The faces of a picture.

        Args:
            image: as the detector wants it.
            time: when it is shown, seconds.
        """
        found = [Seen(face, face.box, float("nan")) for face in self._detector.detect(image)]
        if time < self._next:
            return found
        found = settled(found, self._turned(image))
        # While somebody is not upright every picture is checked.
        self._next = time + (0.0 if any(seen.roll > 0 for seen in found) else EVERY)
        return found

    def _turned(self, image: Image) -> list[Seen]:
        import cv2

        height, width = image.shape[:2]
        ways = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
        return [
            Seen(face, turned_back(face.box, quarters, width, height), 90.0 * quarters, True)
            for quarters, way in enumerate(ways, start=1)
            for face in self._detector.detect(np.asarray(cv2.rotate(image, way), np.uint8))
        ]


def turned_back(box: Box, quarters: int, width: int, height: int) -> Box:
    """Where a box of a picture that was turned counterclockwise lies in the picture as it is.

    Args:
        box: left, top, width, height.
        quarters: by how many quarters it was turned.
        width: of the picture as it is.
        height: of the picture as it is.

    Examples:
        >>> turned_back((0, 10, 2, 3), 1, 100, 50), turned_back((0, 10, 2, 3), 2, 100, 50)
        ((87, 0, 3, 2), (98, 37, 2, 3))
    """
    left, top, wide, high = box
    if quarters == 1:
        return width - top - high, left, high, wide
    if quarters == 2:
        return width - left - wide, height - top - high, wide, high
    return (top, height - left - wide, high, wide) if quarters == 3 else box


def settled(upright: Sequence[Seen], turned: Sequence[Seen]) -> list[Seen]:
    """The faces of a picture, each as the detector is surest of it.

    Args:
        upright: found in the picture as it is.
        turned: found in the picture turned.
    """
    left, kept = list(upright), list[Seen]()
    large = (seen for seen in turned if min(seen.box[2:]) >= SMALLEST)
    for seen in sorted(large, key=lambda seen: -seen.face.score):
        if any(overlap(face.box, seen.box) > SAME for face in kept):
            continue
        rivals = [face for face in left if overlap(face.box, seen.box) > SAME]
        surest = max((rival.face.score for rival in rivals), default=0.0)
        least = SURE if rivals else ALONE
        if seen.face.score < least or log_odds(seen.face.score) < log_odds(surest) + MARGIN:
            continue
        left = [face for face in left if face not in rivals]
        # Other checks may say otherwise, and what is upright is to stay as it was found.
        best = max(rivals, key=lambda rival: rival.face.score, default=seen)
        score = surest if surest >= SURE else seen.face.score
        kept.append(Seen(replace(best.face, score=score), best.box, seen.roll, best is seen))
    return [replace(face, roll=0.0) for face in left] + kept


def log_odds(score: float) -> float:
    """The logarithm of the odds of a score, which is cut at 0.001 and 0.9999."""
    share = min(max(score, 1e-3), 1 - 1e-4)
    return math.log(share / (1 - share))


def decided(times: Floats, rolls: Floats) -> Floats:
    """How a face is turned from look to look, from the checks around each, ``(n,)`` degrees.

    It is upright unless most checks within ``AROUND`` seconds, or the ``FEWEST`` nearest, say
    otherwise; without a check it is taken for upright.

    Args:
        times: ``(n,)`` seconds, in order.
        rolls: ``(n,)`` degrees, NaN where nothing was checked.
    """
    known = np.flatnonzero(np.isfinite(rolls))
    if not (rolls[known] > 0).any():
        return np.zeros(len(times))
    out = np.zeros(len(times))
    for row, time in enumerate(times.tolist()):
        first = int(np.searchsorted(times[known], time - AROUND, "left"))
        last = int(np.searchsorted(times[known], time + AROUND, "right"))
        near = rolls[known[first:last]]
        if len(near) < FEWEST:
            nearest = np.argsort(np.abs(times[known] - time), kind="stable")[:FEWEST]
            near = rolls[known[nearest]]
        angles, counts = np.unique(near, return_counts=True)
        most = int(counts.argmax())
        out[row] = angles[most] if counts[most] > len(near) / 2 else 0.0
    return out
