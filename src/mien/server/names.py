"""File names that clients send, made fit for a file system and for the results."""

from __future__ import annotations

import re

from mien.facts import as_utf8

MOST_BYTES = 200
"""Of a file name; file systems have 255, and temporary names are longer."""
MOST_NAME = 200
"""Characters of a name that is shown."""
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def file_name(given: str | None) -> str:
    r"""A name without folders, control characters or leading dots, at most ``MOST_BYTES`` long.

    Examples:
        >>> file_name("C:\\clips\\a b.mp4"), file_name("../../etc/passwd"), file_name("..")
        ('a b.mp4', 'passwd', 'upload')
        >>> file_name(".hidden"), file_name(None)
        ('hidden', 'upload')
    """
    last = re.split(r"[/\\]", as_utf8(given or ""))[-1]
    plain = _UNFIT.sub("", last).strip().lstrip(".")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix.encode()) > 20:
        stem, dot, suffix = plain, "", ""
    room = MOST_BYTES - len((dot + suffix).encode())
    return (_cut(stem, room) + dot + suffix) or "upload"


def shown_name(given: str) -> str:
    """A name to show, on one line, at most ``MOST_NAME`` characters."""
    return _UNFIT.sub("", as_utf8(given)).strip()[:MOST_NAME]


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
