"""A still picture as a clip: one frame at time 0."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import numpy as np

from mien.errors import MediaError
from mien.facts import shown
from mien.media.files import read_start
from mien.media.guard import check_size
from mien.media.raster import ArrayRaster
from mien.media.shortage import ran_out
from mien.scene import ClipFacts, Frame, Image, Moment

MAX_BYTES = 200_000_000

_GAP = rb"(?:\s+|#[^\n\r]*[\n\r])+"
_PNM = re.compile(rb"P[1-6]" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})\s")
_ISPE = re.compile(rb"\0\0\0\x14ispe")
_MARKS = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (8, b"WEBP", "webp"),
    (0, b"BM", "bmp"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"II+\0", "tiff"),
    (0, b"MM\0+", "tiff"),
    (0, b"GIF8", "gif"),
    (4, b"ftypavif", "avif"),
    (4, b"ftypavis", "avif"),
    (0, b"\0\0\0\x0cjP  ", "jpeg2000"),
    (0, b"\xff\x4f\xff\x51", "jpeg2000"),
)
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


PUSHED = ("jpeg", "webp", "png")
"""Formats of pictures that are pushed one by one."""
PUSHED_BYTES, PUSHED_SIDE = 4_000_000, 4096
"""Bytes of such a picture, and pixels of its longer side, at most."""


def decode_picture(content: bytes) -> Image:
    """A picture of a camera, ``(height, width, 3) uint8`` in BGR order.

    What its header claims is checked before it is decoded.

    Args:
        content: a JPEG, WebP or PNG.

    Raises:
        MediaError: if it is none of these, too large, or damaged.
    """
    kind = picture_format(content[:64])
    if kind not in PUSHED:
        raise MediaError(f"A picture of {len(content)} bytes is none of: {', '.join(PUSHED)}.")
    if len(content) > PUSHED_BYTES:
        raise MediaError(
            f"A picture has {len(content)} bytes; at most {PUSHED_BYTES} are taken: scale it down."
        )
    try:
        side = max(claimed_size(content, kind))
    except ValueError as error:
        raise MediaError(f"A {kind} picture is damaged: {error}.") from error
    if side > PUSHED_SIDE:
        raise MediaError(f"A picture has {side} pixels a side; at most {PUSHED_SIDE} are taken.")
    return _decode(content, kind, "the picture")


class Picture:
    """A picture file, its first page, turned upright as its EXIF orientation says.

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
        return iter((Frame(0.0, ArrayRaster(self._image)),) if frame_rate > 0 else ())

    def close(self) -> None:
        """Nothing is held open."""


def picture_format(head: bytes) -> str:
    """``jpeg``, ``png``, ``webp`` ... by the first bytes of a file, ``""`` if it is no picture."""
    if head[8:10] == b"CR":  # a camera's raw picture in the layout of a TIFF
        return ""
    kind = next((kind for at, mark, kind in _MARKS if head[at:].startswith(mark)), "")
    if kind == "bmp" and head[6:10] != bytes(4):
        return ""
    return kind or ("pnm" if _PNM.match(head) else "")


def claimed_size(content: bytes, kind: str) -> tuple[int, int]:
    """Width and height that the header of a picture claims, pixels.

    Args:
        content: the file.
        kind: see :func:`picture_format`.

    Raises:
        ValueError: if the header is damaged, whatever its fields hold, or the kind is ``""``.
    """
    if kind not in _SIZES:
        raise ValueError("no picture")
    try:
        return _SIZES[kind](content)
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError(f"damaged header ({error})") from error


def _decode(content: bytes, kind: str, name: str) -> Image:
    import cv2

    what = f"{kind} picture" if kind else "picture"  # it may have become another file meanwhile
    damaged = MediaError(f"{shown(name)} is a damaged {what}; save or download it again.")
    if len(content) > MAX_BYTES:
        raise MediaError(
            f"{shown(name)} is larger than {MAX_BYTES // 1_000_000} MB; scale it down."
        )
    try:
        check_size(name, *claimed_size(content, kind))
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, ValueError) as error:
        if isinstance(error, cv2.error) and ran_out(MemoryError()):
            raise MemoryError from error
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


def _tiff_size(content: bytes) -> tuple[int, int]:
    order = "<" if content[:2] == b"II" else ">"
    big = content[2] + content[3] == 43
    at = struct.unpack_from(f"{order}{'Q' if big else 'I'}", content, 8 if big else 4)[0]
    count = struct.unpack_from(f"{order}{'Q' if big else 'H'}", content, at)[0]
    sizes = {256: 0, 257: 0}
    for row in range(min(count, 4096)):
        entry = at + (8 + 20 * row if big else 2 + 12 * row)
        tag, kind = struct.unpack_from(f"{order}HH", content, entry)
        if tag in sizes:
            field = {3: "H", 4: "I", 16: "Q"}.get(kind, "H")
            sizes[tag] = struct.unpack_from(order + field, content, entry + (12 if big else 8))[0]
    if not all(sizes.values()):
        raise IndexError("no size")
    return sizes[256], sizes[257]


def _gif_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def gif_frames(content: bytes) -> int:
    """How many pictures a GIF holds, 2 for more than one."""
    found = 0
    try:
        at = 13 + _gif_table(content[10])
        while found < 2 and content[at] in b"!,":
            if content[at] == ord(","):
                found += 1
                at += 11 + _gif_table(content[at + 9])
            else:
                at += 2
            while content[at]:
                at += 1 + content[at]
            at += 1
    except IndexError:
        pass
    return found


def _gif_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _avif_size(content: bytes) -> tuple[int, int]:
    """The largest of the items' sizes."""
    sizes = [struct.unpack_from(">II", content, m.end() + 4) for m in _ISPE.finditer(content)]
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    if not width * height:
        raise IndexError("no size")
    return width, height


def _jpeg2000_size(content: bytes) -> tuple[int, int]:
    at = content.index(b"\xff\x4f\xff\x51") + 8
    right, bottom, left, top = struct.unpack_from(">IIII", content, at)
    return right - left, bottom - top


def _pnm_size(content: bytes) -> tuple[int, int]:
    found = _PNM.match(content)
    if found is None:
        raise IndexError("no size")
    return int(found[1]), int(found[2])


_SIZES = {"jpeg": _jpeg_size, "png": _png_size, "webp": _webp_size, "bmp": _bmp_size}
_SIZES |= {"tiff": _tiff_size, "gif": _gif_size, "avif": _avif_size}
_SIZES |= {"jpeg2000": _jpeg2000_size, "pnm": _pnm_size}
