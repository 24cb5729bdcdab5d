"""Which kind of clip a file is, by its content first and its suffix second."""

from __future__ import annotations

import os
from pathlib import Path

from mien.errors import MediaError
from mien.facts import shown
from mien.media.files import read_start
from mien.media.kinds import READABLE, is_raw_picture, kind_of
from mien.media.picture import MAX_BYTES, Picture, gif_frames, picture_format
from mien.media.recording import Recording
from mien.media.text import TEXT_SUFFIXES, TextClip, looks_binary
from mien.options import MediaOptions
from mien.scene import Clip

SUBTITLE_SUFFIXES = frozenset({".srt", ".vtt", ".ass", ".ssa"})
_FILMS = frozenset({".mjpeg", ".mjpg"})
_HEAD, _ZEROS = 4096, 1 << 20


def choose_clip(path: str | os.PathLike[str], options: MediaOptions | None = None) -> Clip:
    """Open a file as the kind of clip that it is.

    Raises:
        MediaError: if it is missing, empty, or none of the kinds.
    """
    head = read_start(path, _HEAD)
    name = os.fspath(path)
    suffix = Path(name).suffix.lower()
    picture = picture_format(head) and not is_raw_picture(name)
    if picture and not _is_film(name, suffix, head):
        return Picture(name)
    if suffix in TEXT_SUFFIXES and not looks_binary(head):
        return TextClip(name)
    if suffix in SUBTITLE_SUFFIXES and not looks_binary(head):
        raise MediaError(f"{shown(name)} holds subtitles; give the recording that they belong to.")
    # FFmpeg may search a file of zeros to its end for a start, and a sparse file has terabytes.
    zeros = not head.strip(b"\0") and not read_start(path, _ZEROS).strip(b"\0")
    kind = kind_of(name, head, opened=zeros)
    if kind:
        raise MediaError(f"{shown(name)} is {kind}. mien reads {READABLE}.")
    return Recording(name, options=options)


def _is_film(name: str, suffix: str, head: bytes) -> bool:
    """Whether what begins like a picture holds several, one after the other."""
    if head.startswith(b"GIF8"):
        return gif_frames(read_start(name, MAX_BYTES)) > 1
    return suffix in _FILMS
