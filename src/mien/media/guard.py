"""What may be opened: self-contained formats only, with pictures of a sane size.

FFmpeg follows playlists (HLS, DASH, ffconcat), session descriptions, numbered pictures and
addresses to other files and hosts. A stranger's file is opened by its absolute path, with the
formats on a list of those that hold their media themselves, so that it can point nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import av
import av.subtitles
from av.container import InputContainer
from av.error import ExitError, FFmpegError
from av.packet import Packet
from av.stream import Stream

from mien.errors import MediaError
from mien.facts import shown
from mien.media.files import Lent, lent, read_start, regular_file
from mien.media.kinds import READABLE, convert, kind_of
from mien.media.shortage import ran_out

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,mpeg,mpegvideo,mpegts,flv,mxf,gxf,dv,wtv,rm,nut,"
    "ivf,h264,hevc,m4v,mjpeg,yuv4mpegpipe,gif,"
    "mp3,aac,loas,ac3,eac3,wav,w64,aiff,caf,au,flac,ogg,amr,wv,tta,voc,nistsphere,ircam,sox,dss"
)
"""FFmpeg's names of the formats that are opened. Each holds its media itself: the tests plant
the names of other files and addresses into every one of them and see that nothing is opened."""
MAX_SIDE = 8192
"""Pixels of the longer side of a picture."""
MAX_PIXELS = 50_000_000
"""Pixels of a picture."""

PATIENCE = 10.0
"""Seconds that FFmpeg may read on for the next packet. It searches for one to the end of the file,
and a sparse file of a few kilobytes has a terabyte to search."""

_HEAD = 4096

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
    given = lent(path)
    file = str(regular_file(path)) if given is None else given
    name = os.fspath(path)
    if given is not None:
        given.allow(PATIENCE)
    with translated(name):
        return av.open(
            file,
            mode="r",
            options=dict(_OPTIONS),
            metadata_errors="replace",
            timeout=(PATIENCE, PATIENCE),
        )


def packets_of(container: InputContainer, *streams: Stream) -> Iterator[Packet[Any]]:
    """The packets of some streams, or of all; FFmpeg may read on for ``PATIENCE`` for each.

    It sees to that itself in a file that it opened, but not in one that was lent.

    Raises:
        TimeoutError, ExitError: if no packet came in time.
        FFmpegError: if the file is damaged there.
    """
    file = None if container.file is None else container.file.file
    given = file if isinstance(file, Lent) else None
    if given is not None:
        given.allow(PATIENCE)
    for packet in container.demux(*streams):
        yield packet
        if given is not None:
            given.allow(PATIENCE)


def load_subtitle_decoder() -> None:
    """Load what PyAV loads at the first subtitle track."""
    for module in iter_modules(av.subtitles.__path__, "av.subtitles."):
        import_module(module.name)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn whatever PyAV raises inside into a MediaError that names the file."""
    try:
        yield
    except (FFmpegError, TimeoutError) as error:
        raise undecodable(name, error) from error


def undecodable(name: str, error: FFmpegError | TimeoutError | None) -> MediaError:
    """The error for a file of which nothing can be decoded: what it is, if that is known.

    Raises:
        MemoryError: if that is why.
    """
    if isinstance(error, FFmpegError) and ran_out(error):
        raise MemoryError from error
    if isinstance(error, (ExitError, TimeoutError)):
        return MediaError(
            f"{shown(name)} gave no sound and no picture within {PATIENCE:g} s of reading; it is "
            "damaged, or lies on a disk that is too slow: copy it to another disk, or export it "
            "again."
        )
    try:
        kind = kind_of(name, read_start(name, _HEAD), opened=True)
    except MediaError:
        kind = ""
    if kind:
        return MediaError(f"{shown(name)} is {kind}. mien reads {READABLE}.")
    reason = f" ({error.strerror})" if error and error.strerror else ""
    return MediaError(
        f"{shown(name)} is damaged, cut off or of an unknown kind{reason}; mien reads {READABLE}: "
        f"export it again, or convert it ({convert(name, '.mp4')})."
    )


def check_size(name: str, width: int, height: int) -> None:
    """Refuse pictures that would take too much memory.

    Raises:
        MediaError: if a side or the area is beyond the limit.
    """
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaError(
            f"{shown(name)} has pictures of {width}x{height} pixels; at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} million in all can be analysed: scale it down."
        )
