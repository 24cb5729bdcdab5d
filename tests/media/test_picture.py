"""Stills: decoded from bytes, upright, within limits."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from mien.errors import MediaError
from mien.media import open_clip
from mien.media.picture import picture_format
from mien.scene import Frame

from .make import BLUE, GREEN, RED, WHITE
from .test_frames import corners, quarters

TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, -1)[:, ::-1][::-1, ::-1],
    8: lambda image: np.rot90(image, 1),
}


def still(path: Path, image: npt.NDArray[Any] | None = None) -> Path:
    path.write_bytes(
        cv2.imencode(path.suffix, quarters(0) if image is None else image)[1].tobytes()
    )
    return path


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        (".jpg", "jpeg"), (".png", "png"), (".webp", "webp"), (".bmp", "bmp"), (".tiff", "tiff"),
        (".gif", "gif"), (".avif", "avif"), (".jp2", "jpeg2000"), (".ppm", "pnm"),
    ],
)  # fmt: skip
def test_every_format(tmp_path: Path, suffix: str, kind: str) -> None:
    path = still(tmp_path / f"a{suffix}")
    clip = open_clip(path)
    facts = clip.facts
    assert (facts.path, facts.kind, facts.container) == (str(path), "picture", kind)
    assert (facts.duration, facts.has_audio, facts.has_video) == (0.0, False, True)
    assert (facts.width, facts.height, facts.video) == (64, 48, f"{kind}, 64x48")
    for _ in range(2):
        (frame,) = clip.play(5)
        assert isinstance(frame, Frame)
        assert frame.time == 0.0
        assert frame.image.shape == (48, 64, 3)
        assert corners(frame.image) == [RED, GREEN, BLUE, WHITE]
        assert not frame.image.flags.writeable
    assert list(clip.play(0)) == []
    clip.close()


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.txt", "a"):
        path = tmp_path / name
        path.write_bytes(still(tmp_path / "a.png").read_bytes())
        assert open_clip(path).facts.container == "png"


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    jpeg = still(tmp_path / "a.jpg").read_bytes()
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x0112, 3, 1, orientation) + bytes(4)
    exif = b"Exif\0\0" + tiff
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    clip = open_clip(path)
    (frame,) = clip.play(1)
    assert isinstance(frame, Frame)
    expected = TURNS[orientation](quarters(0))
    assert frame.image.shape == expected.shape
    assert (clip.facts.height, clip.facts.width) == expected.shape[:2]
    assert corners(frame.image) == corners(expected)


@pytest.mark.parametrize("depth", ["gray", "alpha", "deep"])
def test_other_depths_become_bgr(tmp_path: Path, depth: str) -> None:
    depths: dict[str, npt.NDArray[Any]] = {
        "gray": np.full((48, 64), 200, np.uint8),
        "alpha": np.full((48, 64, 4), 200, np.uint8),
        "deep": np.full((48, 64, 3), 200 * 257, np.uint16),
    }
    (frame,) = open_clip(still(tmp_path / "a.png", depths[depth])).play(1)
    assert isinstance(frame, Frame)
    assert frame.image.shape == (48, 64, 3)
    assert frame.image.dtype == np.uint8
    assert (frame.image == 200).all()


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


@pytest.mark.parametrize(
    ("name", "content", "size"),
    [
        ("a.png", png(30_000, 30_000), "30000x30000"),
        ("a.png", png(7500, 7500), "7500x7500"),
        (
            "a.jpg",
            b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 9000, 40) + bytes(9),
            "40x9000",
        ),
        ("a.bmp", b"BM" + bytes(12) + struct.pack("<Iii", 40, 20, -9000) + bytes(40), "20x9000"),
        (
            "a.webp",
            b"RIFF" + bytes(4) + b"WEBPVP8X" + bytes(8) + b"\xff\xff\0" + b"\x09\0\0",
            "65536x10",
        ),
        ("a.webp", b"RIFF" + bytes(4) + b"WEBPVP8L" + bytes(5) + b"\xff\x3f\0\0", "16384x1"),
        (
            "a.webp",
            b"RIFF" + bytes(4) + b"WEBPVP8 " + bytes(10) + struct.pack("<HH", 9000, 8),
            "9000x8",
        ),
        (
            "a.tif",
            b"II*\0" + struct.pack("<IHHHIIHHII", 8, 2, 256, 4, 1, 9000, 257, 3, 1, 7) + bytes(9),
            "9000x7",
        ),
        (
            "b.tif",
            b"MM\0+" + struct.pack(">HHQQ", 8, 0, 16, 2)
            + struct.pack(">HHQQHHQHHHH", 256, 4, 1, 9000 << 32, 257, 3, 1, 7, 0, 0, 0),
            "9000x7",
        ),
        ("a.gif", b"GIF89a" + struct.pack("<HH", 9000, 8) + bytes(9), "9000x8"),
        ("a.avif", bytes(4) + b"ftypavif" + b"\0\0\0\x14ispe" + struct.pack(">III", 0, 9000, 8),
         "9000x8"),
        ("a.jp2", b"\0\0\0\x0cjP  " + b"\xff\x4f\xff\x51" + bytes(4)
         + struct.pack(">IIII", 9010, 18, 10, 10), "9000x8"),
        ("a.pgm", b"P5 # a remark\n9000 8\n255\n", "9000x8"),
    ],
)  # fmt: skip
def test_too_large_to_decode(tmp_path: Path, name: str, content: bytes, size: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=f"has pictures of {size} pixels.*scale it down"):
        open_clip(path)


@pytest.mark.parametrize(
    "suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff", ".gif", ".avif", ".jp2"]
)
@pytest.mark.parametrize("kept", [12, 30])
def test_damaged(tmp_path: Path, suffix: str, kept: int, capfd: pytest.CaptureFixture[str]) -> None:
    path = still(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(MediaError, match=r"is a damaged .* picture; save or download it again"):
        open_clip(path)


def test_kinds_of_picture_that_are_refused(tmp_path: Path) -> None:
    heic = tmp_path / "my a.heic"
    heic.write_bytes(struct.pack(">I", 24) + b"ftypheic" + bytes(400))
    with pytest.raises(
        MediaError, match=r"HEIC or HEIF picture; .*ffmpeg -i '.*my a\.heic' '.*jpg'"
    ):
        open_clip(heic)
    raw = still(tmp_path / "a.tiff").rename(tmp_path / "a.nef")
    with pytest.raises(MediaError, match="raw picture of a camera"):
        open_clip(raw)
    assert picture_format(b"BMW is a car, not a picture") == ""


def test_a_gif_that_moves_is_a_recording_and_one_that_does_not_is_a_picture(tmp_path: Path) -> None:
    one = still(tmp_path / "one.gif")
    assert open_clip(one).facts.kind == "picture"
    from .listen import listen
    from .make import steps, write

    path = write(tmp_path / "a.gif", times=steps(4, 10), clock=10, vcodec="gif", pixels="rgb8")
    heard = listen(path, 5)
    assert (heard.facts.kind, len(heard.frames)) == ("recording", 20)
    assert heard.colours[::5] == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("orientation", TURNS)
def test_the_orientation_of_a_tiff(tmp_path: Path, orientation: int) -> None:
    """Rows of plain RGB with an orientation tag, as scanners write."""
    pixels = np.ascontiguousarray(quarters(0)[:, :, ::-1])
    tags = [
        (256, 3, 64), (257, 3, 48), (258, 3, 8), (259, 3, 1), (262, 3, 2), (273, 4, 8),
        (274, 3, orientation), (277, 3, 3), (278, 3, 48), (279, 4, pixels.nbytes),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    path = tmp_path / "a.tif"
    path.write_bytes(
        b"II*\0"
        + struct.pack("<I", 8 + pixels.nbytes)
        + pixels.tobytes()
        + struct.pack("<H", len(tags))
        + entries
        + bytes(4)
    )
    (frame,) = open_clip(path).play(1)
    assert isinstance(frame, Frame)
    assert corners(frame.image) == corners(TURNS[orientation](quarters(0)))
