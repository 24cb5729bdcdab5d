"""The mean colour of the skin of a face, from which a remote pulse is measured."""

from __future__ import annotations

import numpy as np

from mien.scene import Floats, Raster

ACROSS, DOWN = 0.6, 0.75
"""The middle part of the box of a face that is looked at: hair and background lie outside it."""
PIXELS = 64
"""Pixels that are looked at in each direction, at most; their noise averages out."""
DARK, BRIGHT = 0.6, 1.4
"""Brightness of skin by the median of the part: eyes, nostrils and highlights lie outside."""


def skin_colour(picture: Raster, box: tuple[float, float, float, float]) -> Floats:
    """Mean colour of the pixels of skin brightness in the middle of a face.

    Args:
        picture: upright.
        box: left, top, width, height in pixels.

    Returns:
        blue, green, red in [0, 255], ``(3,) float32``; NaN if the box lies outside the picture.
    """
    height, width = picture.shape
    left, top, wide, high = box
    columns = _part(left + wide * (1 - ACROSS) / 2, wide * ACROSS, width)
    rows = _part(top + high * (1 - DOWN) / 2, high * DOWN, height)
    if columns is None or rows is None:
        return np.full(3, np.nan, np.float32)
    pixels = picture.sample(rows, columns).reshape(-1, 3).astype(np.float32)
    brightness = pixels.mean(axis=1)
    middle = float(np.median(brightness))
    skin = pixels[(brightness >= DARK * middle) & (brightness <= BRIGHT * middle)]
    return np.asarray(skin.mean(axis=0), np.float32)


def _part(start: float, length: float, size: int) -> slice | None:
    """Pixels from a start on, every step-th; None if none lies in the picture."""
    first, last = max(0, round(start)), min(size, round(start + length))
    if last - first < 2:
        return None
    return slice(first, last, max(1, (last - first) // PIXELS))
