"""Face crops: 48x48 gray in the framing of FER-2013, how sharp they are, how far turned."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.perceive.detectors import Detection, Landmarks
from mien.scene import Image

SIDE = 48
FRAMING = np.array([[15.2, 18.5], [32.8, 18.5], [24.0, 28.6], [16.9, 35.9], [31.1, 35.9]])
"""Where the five landmarks lie in a picture of FER-2013, pixels of 48: the medians over its
pictures, made symmetric (``benchmarks/face_framing.py``)."""
NOSE = 0.45
"""How far the tip of the nose stands before the eyes, by the distance between the eyes."""

Affine = npt.NDArray[np.float64]


def crop_face(gray: Image, face: Detection) -> Image:
    """The face upright, ``(48, 48) uint8``: by its landmarks, else the square around its box.

    What lies beyond the edge of the picture is filled with the edge.
    """
    if face.landmarks is not None:
        return warp(gray, similarity(face.landmarks, FRAMING))
    left, top, wide, high = face.box
    scale = SIDE / max(wide, high)
    across = SIDE / 2 - scale * (left + wide / 2)
    down = SIDE / 2 - scale * (top + high / 2)
    return warp(gray, np.array([[scale, 0.0, across], [0.0, scale, down]]))


def similarity(points: npt.ArrayLike, onto: npt.ArrayLike) -> Affine:
    """Rotation, scale and shift ``(2, 3)`` that bring points ``(n, 2)`` nearest onto others.

    Least squares in closed form, with points as complex numbers.
    """
    a, b = (np.asarray(p, np.float64) @ np.array([1, 1j]) for p in (points, onto))
    around, about = a - a.mean(), b - b.mean()
    turn = np.vdot(around, about) / max(float(np.vdot(around, around).real), 1e-9)
    shift = b.mean() - turn * a.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def warp(image: Image, affine: Affine, side: int = SIDE) -> Image:
    """A square part of a picture, ``(side, side)`` or ``(side, side, 3)``.

    Warped to a whole multiple of that size and averaged, so that nothing aliases.
    """
    import cv2

    scale = float(np.hypot(affine[0, 0], affine[1, 0]))
    times = int(np.clip(np.ceil(1 / max(scale, 1e-6)), 1, 8))
    # Pixel centres lie at whole numbers; a half pixel of the small picture is `times` halves here.
    larger = times * affine + np.array([[0, 0, (times - 1) / 2], [0, 0, (times - 1) / 2]])
    size = (side * times, side * times)
    wide = cv2.warpAffine(
        image, larger, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(wide, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def turned(landmarks: Landmarks | None) -> float:
    """Degrees that a face is turned to the side, 0 to 90, from its landmarks; NaN without any.

    The nose moves sideways by ``NOSE`` times the sine while the eyes draw together by the cosine,
    measured along the line of the eyes from the middle between them.
    """
    if landmarks is None:
        return float("nan")
    left, right, nose = landmarks[0], landmarks[1], landmarks[2]
    eyes = right - left
    apart = float(np.hypot(*eyes))
    if apart < 1e-3:
        return 90.0
    aside = float((nose - (left + right) / 2) @ eyes) / apart
    return float(np.degrees(np.arctan2(abs(aside) / NOSE, apart)))


def sharpness(crop: Image) -> float:
    """How sharp a crop is, 0 to 1: the deviation of its Laplacian against its contrast.

    Relative to contrast, so that a dark but sharp face is not called blurred.
    """
    import cv2

    contrast = max(float(crop.std()), 8.0)
    edges = float(cv2.Laplacian(crop, cv2.CV_32F).std())
    return float(np.clip(edges / contrast / 0.8, 0.0, 1.0))
