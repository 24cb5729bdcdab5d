"""What is known of a file: its kind, its length, what is in it, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mien.timebase import Segment

_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")

ClipKind = Literal["recording", "picture", "text"]


def shown(name: object) -> str:
    r"""A file's name as it may be printed: what is no printable UTF-8 is escaped.

    A name from the file system may hold bytes that are no UTF-8 (Python keeps them as lone
    surrogates), line breaks, or codes that change a terminal.

    Examples:
        >>> shown("bad" + chr(0xDCFF) + "name.wav"), shown("a" + chr(27) + "[1m" + chr(10))
        ('bad\\xffname.wav', 'a\\x1b[1m\\x0a')
    """
    return "".join(_escaped(letter) for letter in str(name))


def _escaped(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if letter.isprintable() or letter == "\u3000":
        return letter
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def as_utf8(name: object) -> str:
    r"""A file's name as UTF-8 text: bytes that are none are escaped, all else is kept.

    Examples:
        >>> as_utf8("bad" + chr(0xDCFF) + "name.wav")
        'bad\\xffname.wav'
    """
    # Surrogates that stand for no byte (JSON may hold them) have no place in UTF-8.
    raw = _NO_BYTE.sub("\ufffd", str(name)).encode("utf-8", errors="surrogateescape")
    return raw.decode("utf-8", errors="backslashreplace")


def utf8(value: Any) -> Any:
    """Plain values whose texts can be written as UTF-8, see :func:`as_utf8`."""
    if isinstance(value, Mapping):
        return {key: utf8(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [utf8(one) for one in value]
    return as_utf8(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a file.

    Args:
        path: as given by the user.
        kind: a recording, a picture or a text.
        duration: seconds; 0 for a picture or a text. What the header claims until the clip has
            been played to its end; from then on what was decoded, unless both agree.
        container: short name of the container format (``mov``, ``matroska``, ``wav`` ...).
        has_audio, has_video: whether there is such a stream; cover art is not video.
        audio: codec, rate and channels in words, ``""`` without audio.
        video: codec, size and frame rate in words, ``""`` without video.
        width, height: of the upright picture in pixels (rotation applied), 0 without video.
        claimed: seconds that the header claims, where what was decoded contradicts it.
        gaps: stretches inside the recording in which neither sound nor pictures were recorded,
            although the time stamps go on.
        audio_tracks: the audio tracks of the file in words, in the order of ``--audio-track``.
        notes: what speaks against relying on the file, each a sentence.
        recorded: when it was recorded, as the file says (``creation_time``); empty if it does not.
    """

    path: str
    kind: ClipKind
    duration: float
    container: str
    has_audio: bool = False
    has_video: bool = False
    audio: str = ""
    video: str = ""
    width: int = 0
    height: int = 0
    claimed: float | None = None
    gaps: tuple[Segment, ...] = ()
    audio_tracks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    recorded: str = ""

    @property
    def name(self) -> str:
        """The file's name without its folder, as it may be printed; see :func:`shown`."""
        return shown(Path(self.path).name)
