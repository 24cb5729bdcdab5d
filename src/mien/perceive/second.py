"""A second look at faces that the detector is not sure of, such as those with a hand on them.

Of 400 faces of FER-2013 with four fingers down to the brows, set into pictures, 79 % had the score
that a still picture needs; looked at once more, alone and at the size that the detector knows best,
86 % have it, and none of 48 pictures without a face (``benchmarks/face_covered.py``).
"""

from __future__ import annotations

import numpy as np

from mien.perceive.crops import warp
from mien.perceive.detectors import Detection, Detector
from mien.perceive.tracks import START, overlap
from mien.scene import Image

DOUBTFUL = 0.3
"""Score from which on a face is looked at again; from ``START`` on there is no need."""
SMALLEST = 32.0
"""Pixels of a side below which it is not."""
SIDE, AROUND = 224, 2.2
"""Pixels of the picture that is looked at, and its side by that of the face."""
SAME = 0.35
"""Overlap from which on it is the same face."""


def second_look(detector: Detector, image: Image, face: Detection) -> float:
    """How sure the detector is of a face, at least as sure as it was, 0 to 1.

    Args:
        detector: that found it.
        image: in which, as the detector wants it.
        face: its box in pixels of the picture.
    """
    left, top, wide, high = face.box
    if not DOUBTFUL <= face.score < START or min(wide, high) < SMALLEST:
        return face.score
    scale = SIDE / (AROUND * max(wide, high))
    across = SIDE / 2 - scale * (left + wide / 2)
    down = SIDE / 2 - scale * (top + high / 2)
    near = warp(image, np.array([[scale, 0.0, across], [0.0, scale, down]]), SIDE)
    there = (scale * left + across, scale * top + down, scale * wide, scale * high)
    again = [d.score for d in detector.detect(near) if overlap(d.box, there) > SAME]
    return max([face.score, *again])
