"""Small valid files of many containers: what mutants are made of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np
from tests.media.make import Picture, beeps, steps, write

SIZE = (96, 64)


def moving(time: float) -> Picture:
    """A picture of colours and a bar that moves."""
    width, height = SIZE
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    picture = np.stack([x * 2, y * 3, (x + y) * 2], axis=2).astype(np.uint8)
    picture[:, int(time * 40) % width :][:, :8] = 255
    return picture


def _sound(rate: int, seconds: float = 1.0) -> Any:
    return beeps(seconds, [0.1, 0.6], rate)


def _film(vcodec: str, acodec: str, rate: int = 16_000, **more: Any) -> dict[str, Any]:
    film = {"times": steps(1, 10), "picture": moving, "vcodec": vcodec, "sound": _sound(rate)}
    return film | {"rate": rate, "acodec": acodec} | more


def _heard(acodec: str, rate: int = 16_000, **more: Any) -> dict[str, Any]:
    return {"sound": _sound(rate), "rate": rate, "acodec": acodec} | more


_LINES = [(0.1, 0.4, "I am so glad"), (0.5, 0.9, "{\\i1}no{\\i0} more of it")]
_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
_RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "mp4": ("mp4", _film("libx264", "aac", captions=_LINES, scodec="mov_text")),
    "mp4-fragmented": ("mp4", _film("libx264", "aac", options=_FRAGMENTED)),
    "mov": ("mov", _film("mpeg4", "pcm_s16le")),
    "3gp": ("3gp", _film("mpeg4", "aac")),
    "mkv": ("mkv", _film("libx264", "libopus", 48_000, captions=_LINES)),
    "mkv-mjpeg": ("mkv", _film("mjpeg", "flac", pixels="yuvj420p")),
    "webm": ("webm", _film("libvpx", "libopus", 48_000)),
    "webm-vp9": ("webm", _film("libvpx-vp9", "libopus", 48_000)),
    "avi": ("avi", _film("mpeg4", "libmp3lame", times=steps(1, 25))),
    "mpegts": ("ts", _film("mpeg2video", "mp2", clock=25, times=steps(1, 25))),
    "mpg": ("mpg", _film("mpeg1video", "mp2", 32_000, clock=25, times=steps(1, 25))),
    "flv": ("flv", _film("flv", "libmp3lame", 44_100)),
    "wmv": ("asf", _film("wmv2", "wmav2", 44_100, bits=64_000)),
    "nut": ("nut", _film("mpeg4", "libmp3lame")),
    "mxf": ("mxf", _film("mpeg2video", "pcm_s16le", 48_000, clock=25, times=steps(1, 25))),
    "hevc-mp4": ("mp4", _film("libx265", "aac")),
    "gif": ("gif", {"times": steps(1, 10), "clock": 100, "vcodec": "gif", "pixels": "rgb8",
                    "picture": moving}),
    "wav": ("wav", _heard("pcm_s16le")),
    "w64": ("w64", _heard("pcm_s16le")),
    "aiff": ("aiff", _heard("pcm_s16be")),
    "caf": ("caf", _heard("pcm_s16le")),
    "au": ("au", _heard("pcm_s16be")),
    "flac": ("flac", _heard("flac")),
    "ogg": ("ogg", _heard("flac")),
    "opus": ("opus", _heard("libopus", 48_000)),
    "mp3": ("mp3", _heard("libmp3lame")),
    "aac": ("aac", _heard("aac")),
    "m4a": ("m4a", _heard("alac")),
    "amr": ("amr", _heard("amr_nb", 8000, bits=12_200)),
    "ac3": ("ac3", _heard("ac3", 32_000)),
    "wv": ("wv", _heard("wavpack")),
    "tta": ("tta", _heard("tta")),
    "wma": ("asf", _heard("wmav2", 44_100, bits=64_000)),
}  # fmt: skip
_PICTURES = ("png", "jpg", "webp", "bmp", "tiff", "avif", "jp2", "ppm")
MAIN = (
    "mp4", "mp4-fragmented", "mov", "mkv", "webm", "avi", "mpegts", "flv", "wmv", "gif", "wav",
    "flac", "ogg", "mp3", "aac", "png", "jpg", "webp",
)  # fmt: skip
"""Those that are cut off at 200 points."""


@cache
def seeds() -> dict[str, tuple[str, bytes]]:
    """Suffix and content by name; those that this FFmpeg cannot write are left out."""
    made: dict[str, tuple[str, bytes]] = {}
    av.logging.set_level(av.logging.PANIC)
    with TemporaryDirectory() as folder, _silence():
        for name, (suffix, recipe) in _RECIPES.items():
            path = Path(folder, f"{name}.{suffix}")
            if _written(lambda path=path, recipe=recipe: write(path, **recipe)):
                made[name] = (suffix, path.read_bytes())
    for suffix in _PICTURES:
        good, buffer = cv2.imencode(f".{suffix}", moving(0.5))
        if good:
            made[suffix] = (suffix, buffer.tobytes())
    missing = set(MAIN) - set(made)
    if missing:
        raise RuntimeError(f"FFmpeg or OpenCV of this machine cannot write: {sorted(missing)}.")
    return made


@contextmanager
def _silence() -> Iterator[None]:
    """Without what encoders print past FFmpeg's own log (x265)."""
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _written(make: Callable[[], Path]) -> bool:
    try:
        return make().stat().st_size > 0
    except (OSError, ValueError):
        return False


def seed(name: str) -> bytes:
    """The content of one."""
    return seeds()[name][1]
