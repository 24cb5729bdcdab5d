"""Readers of transcripts: every kind gives cues; what is no transcript is refused by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mien.errors import InputError, MediaError
from mien.facts import shown
from mien.files import is_there
from mien.media import read_text
from mien.perceive.formats.blocks import read_sbv, read_srt, read_vtt
from mien.perceive.formats.cue import Cue, CueFile, UnreadableError
from mien.perceive.formats.jsoncues import read_json
from mien.perceive.formats.kinds import (
    OFFERS,
    PLAIN_SUFFIXES,
    binary_kind,
    is_marked_up,
    text_kind,
)
from mien.perceive.formats.library import read_by_pysubs2, read_tiers
from mien.perceive.formats.rows import read_rows
from mien.perceive.formats.xmlcues import check_declarations, read_sami, read_xml

__all__ = ["SUBTITLES", "Cue", "CueFile", "read_cues"]

SUBTITLES = (
    ".srt", ".vtt", ".ass", ".ssa", ".ttml", ".dfxp", ".itt", ".sbv", ".smi", ".sami", ".lrc",
    ".sub", ".mpl",
)  # fmt: skip
"""Suffixes of subtitles, the most usual first."""

MAX_BYTES = 50_000_000
"""Of a transcript: with every token of every word, three hours of Whisper's JSON take 20 MB."""

_READERS: Mapping[str, Callable[[str], CueFile]] = {
    "srt": read_srt,
    "vtt": read_vtt,
    "sbv": read_sbv,
    "xml": read_xml,
    "sami": read_sami,
    "json": read_json,
}
_BY_PYSUBS2 = frozenset({"ass", "ssa", "microdvd", "mpl2", "tmp"})
_TIERS = {"textgrid": "TextGrid", "elan": "ELAN"}


def read_cues(path: Path) -> CueFile:
    """The cues of a transcript file, whatever its kind; a plain text is one cue without times.

    Subtitles of 0 bytes, or without a row of times, have no cues.

    Raises:
        InputError: if the file is not there, cannot be read, or is of a kind that holds no words
            that mien can read; the message names the kind and the remedy.
        MissingExtraError: if the library that reads it is not installed.
    """
    if is_there(path) and not path.is_file():
        raise InputError(f"{shown(path)} is not a regular file; give the path of a transcript.")
    if not is_there(path):
        raise InputError(f"There is no transcript at {shown(path)}; check the name.")
    suffix = path.suffix.lower()
    try:
        if not path.stat().st_size:
            return CueFile("an empty file", (), timed=suffix not in PLAIN_SUFFIXES)
        with path.open("rb") as file:
            kind = binary_kind(path, file.read(4096))
        if kind is not None:
            raise UnreadableError(kind)
        return _read(path, read_text(path, MAX_BYTES), suffix)
    except UnreadableError as error:
        raise _refused(path, str(error)) from None
    except OSError as error:
        raise InputError(
            f"{shown(path)} cannot be read ({error.strerror or error}); check its permissions."
        ) from None
    except MediaError as error:
        if "binary" in str(error):
            raise _refused(path, "a binary file of an unknown kind") from None
        raise


def _refused(path: Path, kind: str) -> InputError:
    return InputError(f"{shown(path)} is {kind}; {OFFERS}. Export it as one of these.")


def _read(path: Path, text: str, suffix: str) -> CueFile:
    kind = text_kind(text, suffix)
    if kind in _READERS:
        return _READERS[kind](text)
    if kind in _BY_PYSUBS2:
        return read_by_pysubs2(text, kind)
    if kind in _TIERS:
        check_declarations(text)
        return read_tiers(path, _TIERS[kind])
    if kind != "rows":
        raise UnreadableError(kind)
    return read_rows(text, suffix) or _plain(text, suffix)


def _plain(text: str, suffix: str) -> CueFile:
    if suffix in SUBTITLES:
        return CueFile(f"{suffix[1:].upper()} without a time", ())
    if suffix not in PLAIN_SUFFIXES:
        raise UnreadableError(f"a text of an unknown kind ({suffix})")
    if is_marked_up(text):
        raise UnreadableError("a text full of markup (HTML or XML)")
    return CueFile("plain text", (Cue(0.0, 0.0, text),), timed=False)
