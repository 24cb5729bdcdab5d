"""From the maps of a single-shot face detector to faces: the net's cells, and what they say.

A cell of stride s says how likely a face is whose middle lies near it, how far the four sides of
the box are away, and where five points are (the right eye, the left eye, the nose, the right and
the left corner of the mouth, of the person). A net takes gray pictures ``(n, h, w) uint8`` whose
sides are multiples of 32, and gives one row a cell, the strides one after the other:
``[score logit, 4 log distances / s, 5 x 2 offsets / s]``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

STRIDES = (8, 16, 32)
CONTRACT = {
    "kind": "single-shot face detector",
    "channels": "gray, bytes",
    "strides": list(STRIDES),
    "row": "score logit, 4 log distances, 5 points",
}
"""The input contract of a detector pack."""
WIDEST_LOG = 4.0
"""Largest logarithm of a distance in strides; more would overflow and means nothing."""


@lru_cache(maxsize=8)
def centres(height: int, width: int) -> tuple[FloatArray, FloatArray]:
    """Middles ``(n, 2)`` in pixels and strides ``(n,)`` of all cells of a picture, to be read only.

    Args:
        height: of the picture, a multiple of the largest stride.
        width: likewise.
    """
    points, strides = [], []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        y, x = np.mgrid[:rows, :columns]
        points.append((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride)
        strides.append(np.full(rows * columns, stride))
    found = np.concatenate(points).astype(np.float32), np.concatenate(strides).astype(np.float32)
    for array in found:
        array.flags.writeable = False
    return found


def decode(rows: FloatArray, height: int, width: int, least: float) -> FloatArray:
    """Faces of one picture before suppression.

    Args:
        rows: ``(n, 15)``, the net's output for one picture.
        height: of the picture.
        width: of the picture.
        least: smallest score.

    Returns:
        ``(k, 15)``: left, top, width, height, ten coordinates in pixels, score; best first.
    """
    scores = 1 / (1 + np.exp(-rows[:, 0]))
    kept = np.flatnonzero(scores >= least)
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    points, strides = centres(height, width)
    points, strides = points[kept], strides[kept, None]
    sides = np.exp(np.minimum(rows[kept, 1:5], WIDEST_LOG)) * strides
    corner = points - sides[:, :2]
    marks = rows[kept, 5:].reshape(-1, 5, 2) * strides[:, None] + points[:, None]
    return np.concatenate(
        [corner, sides[:, :2] + sides[:, 2:], marks.reshape(-1, 10), scores[kept, None]], axis=1
    ).astype(np.float32)


def overlaps(box: FloatArray, others: FloatArray) -> FloatArray:
    """Intersection over union of one box with others ``(k, 4)``, all left, top, width, height."""
    shared = _shared(box, others)
    either = box[2] * box[3] + others[:, 2] * others[:, 3] - shared
    return np.asarray(shared / np.maximum(either, 1e-6), np.float32)


def shares_within(box: FloatArray, others: FloatArray) -> FloatArray:
    """Share of the area of each of the others ``(k, 4)`` that lies within a box."""
    areas = np.maximum(others[:, 2] * others[:, 3], 1e-6)
    return np.asarray(_shared(box, others) / areas, np.float32)


def _shared(box: FloatArray, others: FloatArray) -> FloatArray:
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:4], others[:, :2] + others[:, 2:4])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=1))


def suppress(faces: FloatArray, most: float = 0.4, inside: float = 0.8) -> FloatArray:
    """Greedy non-maximum suppression of faces sorted best first.

    No two overlap by ``most``, and none lies by ``inside`` within a surer one: an eye of a face
    that fills the picture looks like a face.
    """
    kept: list[int] = []
    free = np.ones(len(faces), dtype=bool)
    while free.any():
        best = int(free.argmax())
        kept.append(best)
        free &= overlaps(faces[best], faces) < most
        free &= shares_within(faces[best], faces) < inside
        free[best] = False
    return faces[kept]
