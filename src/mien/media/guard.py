"""What may be opened: self-contained formats only, with pictures of a sane size.

FFmpeg follows playlists (HLS, DASH, ffconcat), session descriptions, numbered pictures and
addresses to other files and hosts. A stranger's file is opened by its absolute path, with the
formats on a list of those that hold their media themselves, so that it can point nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import av
from av.container import InputContainer
from av.error import FFmpegError

from mien.errors import MediaError
from mien.media.files import regular_file

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mp3,aac,wav,aiff,flac,ogg"
READABLE = (
    "recordings (mp4, mov, mkv, webm, avi, flv, ts, mp3, m4a, aac, wav, aiff, flac, ogg), "
    "pictures (jpg, png, webp, bmp) and texts (txt, md)"
)
MAX_SIDE = 8192
"""Pixels of the longer side of a picture."""
MAX_PIXELS = 50_000_000
"""Pixels of a picture."""

DECODER_OPTIONS = {"max_pixels": str(MAX_PIXELS)}
_OPTIONS = DECODER_OPTIONS | {
    "format_whitelist": FORMATS,
    "protocol_whitelist": "file",
    "enable_drefs": "0",
    "use_absolute_path": "0",
}


def open_container(path: str | os.PathLike[str]) -> InputContainer:
    """Open a recording, and nothing that it may point to.

    Raises:
        MediaError: if it is not a file or not a recording of a known format.
    """
    file, name = regular_file(path), os.fspath(path)
    with translated(name):
        return av.open(str(file), mode="r", options=dict(_OPTIONS), metadata_errors="replace")


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn whatever PyAV raises inside into a MediaError that names the file."""
    try:
        yield
    except FFmpegError as error:
        raise undecodable(name, error) from error


def undecodable(name: str, error: FFmpegError | None) -> MediaError:
    """The error for a file of which nothing can be decoded."""
    reason = f" ({error.strerror})" if error and error.strerror else ""
    return MediaError(
        f"{name} is damaged, cut off or of an unknown kind{reason}; mien reads {READABLE}: "
        "export it again, or convert it to one of these."
    )


def check_size(name: str, width: int, height: int) -> None:
    """Refuse pictures that would take too much memory.

    Raises:
        MediaError: if a side or the area is beyond the limit.
    """
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaError(
            f"{name} has pictures of {width}x{height} pixels; at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} million in all can be judged: scale it down."
        )
