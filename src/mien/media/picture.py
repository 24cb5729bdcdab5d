"""A still picture as a clip: one frame at time 0."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from mien.errors import MediaError
from mien.media.files import read_start
from mien.media.guard import check_size
from mien.scene import ClipFacts, Frame, Image, Moment

MAX_BYTES = 200_000_000

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Picture:
    """A JPEG, PNG, WebP or BMP file, turned upright as its EXIF orientation says.

    Raises:
        MediaError: if it is too large or cannot be decoded.
    """

    def __init__(self, name: str) -> None:
        content = read_start(name, MAX_BYTES + 1)
        kind = picture_format(content)
        self._image = _decode(content, kind, name)
        height, width = self._image.shape[:2]
        words = f"{kind}, {width}x{height}"
        self._facts = ClipFacts(
            name, "picture", 0.0, kind, False, True, video=words, width=width, height=height
        )

    @property
    def facts(self) -> ClipFacts:
        """What the file says; its one picture counts as video."""
        return self._facts

    def play(self, frame_rate: float) -> Iterator[Moment]:
        """The picture at time 0, or nothing if ``frame_rate`` is 0."""
        return iter((Frame(0.0, self._image),) if frame_rate > 0 else ())

    def close(self) -> None:
        """Nothing is held open."""


def picture_format(head: bytes) -> str:
    """``jpeg``, ``png``, ``webp`` or ``bmp`` by the first bytes of a file, else ``""``."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "bmp"
    return ""


def _decode(content: bytes, kind: str, name: str) -> Image:
    import cv2

    damaged = MediaError(f"{name} is a damaged {kind} picture; save or download it again.")
    if len(content) > MAX_BYTES:
        raise MediaError(f"{name} is larger than {MAX_BYTES // 1_000_000} MB; scale it down.")
    try:
        check_size(name, *_SIZES[kind](content))
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, struct.error, IndexError) as error:
        raise damaged from error
    if image is None:
        raise damaged
    upright = np.asarray(image, np.uint8)
    upright.flags.writeable = False
    return upright


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", content, at + 2)[0]
    raise IndexError("no frame header")


def _png_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _bmp_size(content: bytes) -> tuple[int, int]:
    if struct.unpack_from("<I", content, 14)[0] == 12:
        width, height = struct.unpack_from("<HH", content, 18)
    else:
        width, height = struct.unpack_from("<ii", content, 18)
    return abs(width), abs(height)


def _webp_size(content: bytes) -> tuple[int, int]:
    chunk = content[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    if chunk == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    return width, height


_SIZES = {"jpeg": _jpeg_size, "png": _png_size, "webp": _webp_size, "bmp": _bmp_size}
