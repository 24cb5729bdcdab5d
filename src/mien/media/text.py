"""Texts: found out as such, and read whatever encoding they are in."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mien.errors import MediaError
from mien.facts import shown
from mien.media.files import read_start
from mien.scene import ClipFacts, Moment

TEXT_SUFFIXES = frozenset({".txt", ".md"})
MAX_BYTES = 10_000_000

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"


class TextClip:
    """A text as a clip: it has facts and nothing to play."""

    def __init__(self, name: str) -> None:
        self._facts = ClipFacts(name, "text", 0.0, "text")

    @property
    def facts(self) -> ClipFacts:
        """What is known of the file."""
        return self._facts

    def play(self, frame_rate: float) -> Iterator[Moment]:
        """Nothing: the words are had from ``read_text``."""
        return iter(())

    def close(self) -> None:
        """Nothing is held open."""


def read_text(path: str | os.PathLike[str], limit: int = MAX_BYTES) -> str:
    """The text of a file in UTF-8, UTF-16, or Windows-1252, with Unix line ends.

    Args:
        path: the file.
        limit: bytes that are read at most.

    Raises:
        MediaError: if the file is missing, empty, binary or larger than ``limit``.
    """
    name, content = os.fspath(path), read_start(path, limit + 1)
    if len(content) > limit:
        raise MediaError(
            f"{shown(name)} is larger than {limit // 1_000_000} MB; split the text into several "
            "files."
        )
    text = _decoded(content)
    if looks_binary(content) or "\0" in text:
        raise MediaError(
            f"{shown(name)} is not a text (it holds binary data); give a UTF-8 text file."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def looks_binary(head: bytes) -> bool:
    """Whether bytes are no text in any encoding that ``read_text`` knows."""
    if _marked(head):
        return False
    return b"\0" in head or len(head) - len(head.translate(None, _CONTROLS)) > len(head) // 20


def _marked(content: bytes) -> str | None:
    """The encoding that a mark at the start gives, or the zeros of UTF-16 without a mark."""
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    if marked is not None:
        return marked
    head = content[:2000]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) < 8 or head.count(b"\0\0") or max(even, odd) * 4 < len(head):
        return None
    return "utf-16-le" if not even else "utf-16-be" if not odd else None


def _decoded(content: bytes) -> str:
    encoding = _marked(content)
    if encoding:
        return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
