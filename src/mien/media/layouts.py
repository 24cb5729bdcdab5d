"""Channel layouts, kept from being freed twice.

PyAV 18.1 hands out layouts that share memory with FFmpeg and frees it with them, and FFmpeg frees
it again. Only layouts with a channel order of their own have such memory, and a stranger's file
may have one, which would bring the process down: their Python objects are never let go.
"""

from __future__ import annotations

import ctypes
import struct

from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream

_NATIVE, _CUSTOM = 1, 2


def keep(layout: object) -> AudioLayout:
    """The layout of a frame or a codec context, safe to drop.

    To be called with every layout that FFmpeg made, before anything else is done with it.
    """
    if not isinstance(layout, AudioLayout):
        raise TypeError(f"PyAV gave a {type(layout).__name__} for a layout.")
    if _AT is None or is_custom(layout):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return layout


def is_custom(layout: AudioLayout) -> bool:
    """Whether a layout has a channel order of its own."""
    return _AT is not None and ctypes.c_int.from_address(id(layout) + _AT).value == _CUSTOM


def layout_is_stated(stream: AudioStream) -> bool:
    """Whether the file names its channels.

    FLAC has one layout for each number of channels, which says nothing unless it is tagged.
    """
    layout = keep(stream.codec_context.layout)
    if layout.nb_channels <= 2:
        return True
    if stream.codec_context.name == "flac":
        return "WAVEFORMATEXTENSIBLE_CHANNEL_MASK" in {key.upper() for key in stream.metadata}
    return layout.name != f"{layout.nb_channels} channels"


def _find_order() -> int | None:
    """Where in a layout object FFmpeg's ``order`` lies: before the channel count and the mask."""
    probe = AudioLayout("5.1")
    memory = ctypes.string_at(id(probe), AudioLayout.__basicsize__)
    at = memory.find(struct.pack("=iiQ", _NATIVE, 6, 0x3F))
    return None if at < 0 else at


_AT = _find_order()
