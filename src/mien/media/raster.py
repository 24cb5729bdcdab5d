"""Rasters: arrays, and decoded pictures as luma and chroma planes, converted where looked at.

A film is decoded to 4:2:0 planes. To convert every picture of it to BGR takes as long as to detect
the faces in it, and what looks at pictures wants them gray, or a few of their pixels in colour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mien.scene import Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})
"""FFmpeg's names of formats that are read as planes."""

_BT709 = 1
_FULL_RANGE = 2
_OFFSET, _LUMA = 16, 255 / 219

Floats = npt.NDArray[np.float32]
Turn = Callable[[Image], Image]
"""Turns a plane upright, as a view of it."""


class ArrayRaster:
    """A picture ``(height, width, 3) uint8`` in BGR order, a :class:`Raster`."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._gray: Image | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.image.shape[:2]
        return height, width

    @property
    def gray(self) -> Image:
        """Gray, ``(height, width) uint8``."""
        if self._gray is None:
            import cv2

            self._gray = np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), np.uint8)
        return self._gray

    def sample(self, rows: slice, columns: slice) -> Image:
        """Some of its pixels in BGR order, ``(n, m, 3) uint8``."""
        # Rows first: to copy whole rows is fast, and every step-th column of all rows is not.
        return np.ascontiguousarray(np.ascontiguousarray(self.image[rows])[:, columns])


class PlanarRaster:
    """A decoded frame with square pixels, a :class:`mien.scene.Raster`.

    Args:
        frame: of a format in ``PLANAR``.
        turn: how it is turned upright.
        convert: gives it whole in BGR order.
    """

    def __init__(self, frame: VideoFrame, turn: Turn, convert: Callable[[], Image]) -> None:
        self._frame = frame
        self._turn = turn
        self._convert = convert
        self._image: Image | None = None
        self._gray: Image | None = None
        self._luma = turn(_plane(frame, 0))
        self._full = frame.color_range == _FULL_RANGE or "j" in frame.format.name

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self._luma.shape
        return height, width

    @property
    def gray(self) -> Image:
        """Gray, 0 to 255, ``(height, width)``."""
        import cv2

        if self._gray is None:
            luma = np.ascontiguousarray(self._luma)
            self._gray = luma if self._full else np.asarray(cv2.LUT(luma, _STRETCHED), np.uint8)
            self._gray.flags.writeable = False
        return self._gray

    @property
    def image(self) -> Image:
        """In BGR order, ``(height, width, 3)``."""
        if self._image is None:
            self._image = self._convert()
            self._image.flags.writeable = False
        return self._image

    def sample(self, rows: slice, columns: slice) -> Image:
        """Some of its pixels in BGR order, ``(n, m, 3)``."""
        import cv2

        height, width = self.shape
        across, down = np.arange(width)[columns], np.arange(height)[rows]
        yuv = np.empty((len(down), len(across), 3), np.uint8)
        yuv[..., 0] = self._luma[rows, columns]
        for number in (1, 2):
            chroma = self._turn(_plane(self._frame, number))
            # A chroma sample stands for one, two or four pixels.
            some = chroma[down * chroma.shape[0] // height]
            yuv[..., number] = some[:, across * chroma.shape[1] // width]
        return np.asarray(cv2.transform(yuv, self._matrix), np.uint8)

    @property
    def _matrix(self) -> Floats:
        return _bgr_matrix(709 if self._frame.colorspace == _BT709 else 601, self._full)


def _plane(frame: VideoFrame, number: int) -> Image:
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size]
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]


def is_planar(frame: VideoFrame) -> bool:
    """Whether a frame can be read as planes."""
    return frame.format.name in PLANAR and all(plane.line_size > 0 for plane in frame.planes)


def _bgr_matrix(standard: int, full: bool) -> Floats:
    """From Y, Cb, Cr in 0 to 255 to B, G, R, ``(3, 4)`` (ITU-R BT.601, BT.709)."""
    red, blue = (0.2126, 0.0722) if standard == 709 else (0.299, 0.114)
    green = 1 - red - blue
    luma, chroma = (1.0, 1.0) if full else (_LUMA, 255 / 224)
    rows = np.array([
        [luma, 2 * (1 - blue) * chroma, 0],
        [luma, -2 * blue * (1 - blue) / green * chroma, -2 * red * (1 - red) / green * chroma],
        [luma, 0, 2 * (1 - red) * chroma],
    ])  # fmt: skip
    shift = -rows @ np.array([0 if full else _OFFSET, 128, 128])
    return np.column_stack([rows, shift]).astype(np.float32)


_STRETCHED = np.clip(np.rint((np.arange(256) - _OFFSET) * _LUMA), 0, 255).astype(np.uint8)
"""Luma of limited range to gray."""
