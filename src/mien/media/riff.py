"""The length that the header of a WAV file claims."""

from __future__ import annotations

import os
import struct

from mien.errors import MediaError
from mien.media.files import read_start

UNKNOWN_SIZE = 0x7FFF_0000
"""Sizes of the samples from here on stand for "unknown": writers to a pipe write such ones."""

_HEAD = 65_536


def claimed_seconds(path: str | os.PathLike[str]) -> float:
    """Seconds of sound by the ``fmt`` and ``data`` chunks of a WAV file; 0 if they claim none.

    FFmpeg ends a file of plain samples where its bytes end and keeps the claim to itself, so a
    copy that was cut off would look whole. Layout: Microsoft, "Multimedia Programming Interface
    and Data Specifications 1.0" (1991), Waveform Audio File Format.
    """
    try:
        head = read_start(path, _HEAD)
    except MediaError:
        return 0.0
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return 0.0
    at, rate = 12, 0
    while at + 8 <= len(head):
        kind, size = head[at : at + 4], struct.unpack_from("<I", head, at + 4)[0]
        if kind == b"fmt " and at + 20 <= len(head):
            rate = struct.unpack_from("<I", head, at + 16)[0]  # bytes a second
        if kind == b"data":
            return size / rate if rate and size < UNKNOWN_SIZE else 0.0
        at += 8 + size + size % 2
    return 0.0
