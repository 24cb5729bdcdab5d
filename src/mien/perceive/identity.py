"""The same person in several tracks: by their clothes and the texture of the face, if certain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mien.perceive.detectors import Box
from mien.scene import CropStore, FaceSamples, Floats, Image, Raster

Bytes = npt.NDArray[np.uint8]

BINS = (6, 2, 4)
"""Of hue, saturation and value."""
COLOURS = 30
"""Bins that are left without black and white, which half the world wears."""
COLOURED = 0.5
"""Share of the clothes that must have a colour for them to tell anything."""
CLOTHES, FACE = 0.65, 0.9
"""Likeness from which on the clothes, or the faces, are taken for the same."""
UNLIKE = 0.7
"""Likeness of faces below which the clothes are not believed."""
MARGIN = 0.1
"""By which the one must be likelier than another who is in view at the same time."""
SAMPLES = 15
"""Crops of a track that are compared."""
MATES = 8
"""Tracks before it that a track may be joined to, the likest; long films have thousands."""
CELL, CELLS, PATTERNS = 10, 4, 59
"""Of the texture: pixels of a cell's side, cells a side, patterns told apart."""


def clothes_of(picture: Raster, box: Box) -> Bytes:
    """Colours below a face, ``(COLOURS,) uint8``: shares of 255 in the bins that are coloured.

    All 0 where the picture ends below the face.
    """
    import cv2

    left, top, wide, high = box
    middle = left + wide / 2
    height, width = picture.shape
    upper, lower = (min(max(0, int(top + by * high)), height) for by in (1.15, 2.2))
    first, last = (min(max(0, int(middle + by * wide)), width) for by in (-0.9, 0.9))
    if min(lower - upper, last - first) < 8:
        return np.zeros(COLOURS, np.uint8)
    step = max(1, (lower - upper) // 24)
    part = picture.sample(slice(upper, lower, step), slice(first, last, step))
    hsv = cv2.cvtColor(part, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, BINS, [0, 180, 0, 256, 0, 256])
    # Value 0 is black; the highest value at low saturation is white.
    shares = (counts / counts.sum() * 255).astype(np.uint8)
    return np.concatenate([shares[:, 0, 1:3].ravel(), shares[:, 1, 1:].ravel()])


def identify(
    parts: Sequence[npt.NDArray[np.int64]], every: FaceSamples, crops: CropStore, clothes: Bytes
) -> list[int]:
    """A number for each track, the same for those that are one person for certain.

    Rather two numbers for one person than one for two. Who is in view at the same time is never
    the same; the likest tracks are joined first, unless somebody beside them is about as like.

    Args:
        parts: the rows of each track.
        every: all detections.
        crops: their crops.
        clothes: ``(n, COLOURS)`` of :func:`clothes_of`.
    """
    spans = np.array([(every.times[rows[0]], every.times[rows[-1]]) for rows in parts])
    worn = np.array([clothes[rows].mean(axis=0) / 255 for rows in parts], np.float32)
    faces = np.empty((len(parts), PATTERNS * CELLS**2), np.float32)
    for i, rows in enumerate(parts):
        faces[i] = _face(every.crops[rows], crops)

    def rival(i: int, j: int) -> float:
        """How like i is to who is in view beside j."""
        beside = _beside(spans[j], spans)
        beside[[i, j]] = False
        others = likeness(worn[i], worn[beside], faces[i], faces[beside])
        return float(others.max(initial=0.0))

    pairs: list[tuple[float, int, int]] = []
    for i in range(1, len(parts)):
        row = likeness(worn[i], worn[:i], faces[i], faces[:i])
        likest = np.argsort(-row)[:MATES]
        pairs += [(float(row[j]), i, int(j)) for j in likest if row[j] >= 1]
    names = np.arange(len(parts))
    for much, i, j in sorted(pairs, reverse=True):
        mine, other = names == names[i], names == names[j]
        if names[i] == names[j] or any(_beside(span, spans[mine]).any() for span in spans[other]):
            continue
        if max(rival(i, j), rival(j, i)) < much - MARGIN:
            names[other] = names[i]
    return [int(name) for name in names]


def _beside(span: Floats, spans: Floats) -> npt.NDArray[np.bool_]:
    """Which of the spans have a moment in common with one."""
    return np.asarray((spans[:, 0] <= span[1]) & (span[0] <= spans[:, 1]))


def likeness(worn: Floats, others: Floats, face: Floats, faces: Floats) -> Floats:
    """How like a track is to each of ``n`` others, ``(n,)``; from 1 on they are one person.

    Args:
        worn: its clothes ``(COLOURS,)`` as shares of 1.
        others: those of the others ``(n, COLOURS)``.
        face: its texture, of length 1.
        faces: those of the others ``(n, k)``.
    """
    same = faces @ face
    mine, theirs = worn.sum(), others.sum(axis=1)
    clothes = np.minimum(worn, others).sum(axis=1) / np.maximum(np.maximum(mine, theirs), 1e-6)
    tells = (np.minimum(mine, theirs) >= COLOURED) & (same >= UNLIKE)
    return np.maximum(same / FACE, np.where(tells, clothes, 0.0) / CLOTHES)


def _face(indices: npt.NDArray[np.int64], crops: CropStore) -> Floats:
    """Mean texture of a track, of length 1."""
    some = indices[np.linspace(0, len(indices) - 1, min(SAMPLES, len(indices))).astype(int)]
    mean = texture(crops.take(some.tolist())).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def texture(pictures: Image) -> Floats:
    """Local binary patterns of crops ``(n, 48, 48)``, ``(n, 944)``.

    Shares of the 58 uniform patterns and of the rest in 4 x 4 cells, square roots (Ahonen,
    Hadid, Pietikainen: Face description with local binary patterns, 2006).
    """
    inner = pictures[:, 1:-1, 1:-1]
    around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    code = np.zeros(inner.shape, np.int64)
    for bit, (row, column) in enumerate(around):
        code += (pictures[:, row : row + 46, column : column + 46] >= inner) << bit
    pattern = _uniform()[code][:, 3 : 3 + CELL * CELLS, 3 : 3 + CELL * CELLS]
    place = np.arange(CELL * CELLS) // CELL
    cell = (place[:, None] * CELLS + place) * PATTERNS + pattern
    picture = np.arange(len(pictures))[:, None, None] * PATTERNS * CELLS**2
    counts = np.bincount((cell + picture).ravel(), minlength=len(pictures) * PATTERNS * CELLS**2)
    return np.asarray(np.sqrt(counts / CELL**2).reshape(len(pictures), -1))


@lru_cache(maxsize=1)
def _uniform() -> npt.NDArray[np.int64]:
    """Number of each of the 256 patterns: the 58 with at most two changes, then all others."""
    table = np.full(256, 58)
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    table[changes <= 2] = np.arange(58)
    return table
