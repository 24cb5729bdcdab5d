"""Which kind of clip a file is, by its content first and its suffix second."""

from __future__ import annotations

import os
from pathlib import Path

from mien.errors import MediaError
from mien.media.files import read_start
from mien.media.picture import Picture, picture_format
from mien.media.recording import Recording
from mien.media.text import TEXT_SUFFIXES, TextClip, looks_binary
from mien.scene import Clip

SUBTITLE_SUFFIXES = frozenset({".srt", ".vtt", ".ass", ".ssa"})
_STILL_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"})
_HEAD = 4096


def choose_clip(path: str | os.PathLike[str]) -> Clip:
    """Open a file as the kind of clip that it is.

    Raises:
        MediaError: if it is missing, empty, or none of the kinds.
    """
    name, head = os.fspath(path), read_start(path, _HEAD)
    suffix = Path(name).suffix.lower()
    if picture_format(head):
        return Picture(name)
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
        raise MediaError(f"{name} is a HEIC or AVIF picture; save it as JPEG or PNG.")
    if suffix in TEXT_SUFFIXES and not looks_binary(head):
        return TextClip(name)
    if suffix in SUBTITLE_SUFFIXES and not looks_binary(head):
        raise MediaError(f"{name} holds subtitles; give the recording that they belong to.")
    return Recording(name)
