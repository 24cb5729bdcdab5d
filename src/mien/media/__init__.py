"""From a path to a clip that is decoded while it is read, with bounded memory.

The only room that decodes: nobody else imports PyAV. FFmpeg and OpenCV are loaded on the first
call, not on import.
"""

from __future__ import annotations

import os

from mien.media.part import Part
from mien.media.raster import ArrayRaster
from mien.media.spool import AudioSpool, CropSpool
from mien.media.text import read_text
from mien.options import MediaOptions
from mien.scene import Clip, Samples

__all__ = [
    "ArrayRaster",
    "AudioSpool",
    "CropSpool",
    "Part",
    "load_audio",
    "open_clip",
    "read_text",
]


def open_clip(path: str | os.PathLike[str], options: MediaOptions | None = None) -> Clip:
    """Open a recording, a picture or a text.

    The content decides what it is, the suffix only where the content does not tell: a text is
    known by ``.txt`` or ``.md``. Nothing but the named file is ever opened.

    Args:
        path: of the file.
        options: which sound of a recording is heard.

    Returns:
        a clip whose facts are known; a recording can be played once, the others at will.

    Raises:
        MediaError: if the file is missing, empty, or none of these.
        OptionError: if the recording has no such audio track or channel.
    """
    from mien.media.choose import choose_clip

    return choose_clip(path, options)


def load_audio(path: str | os.PathLike[str]) -> Samples:
    """The whole sound of a short recording in memory, mono at 16 kHz, ``(n,) float32``.

    Sample ``i`` sounds ``i / 16000`` seconds after the start of the recording.

    Raises:
        MediaError: if the file cannot be decoded or has no sound.
    """
    from mien.media.recording import whole_sound

    return whole_sound(path)
