"""The recording in the page: embedded, linked, or left out."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mien.errors import InputError, OptionError

HOW = ("auto", "embed", "link", "none")
AUTO_LIMIT = 48 * 2**20
"""Bytes up to which ``auto`` embeds."""
EMBED_LIMIT = 512 * 2**20
"""Bytes above which browsers refuse to open the page."""
# What browsers play under the name that they play it by; others are sent without a type, so that
# the browser looks for itself.
_TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm",
    ".mkv": "video/webm", ".ogv": "video/ogg", ".mp3": "audio/mpeg", ".wav": "audio/wav",
    ".flac": "audio/flac", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".m4a": "audio/mp4",
    ".aac": "audio/aac", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".webp": "image/webp", ".gif": "image/gif", ".bmp": "image/bmp",
}  # fmt: skip


@dataclass(frozen=True)
class PageMedia:
    """What the page plays.

    Args:
        type: MIME type, ``""`` where the browser is to look for itself.
        link: where the file lies, seen from the page; ``""`` where it is embedded or left out.
        content: base64 of the file where it is embedded.
    """

    type: str = ""
    link: str = ""
    content: str = ""


NO_MEDIA = PageMedia()


def check_media(path: Path | None, how: str) -> None:
    """Find out before the work whether a recording can be put into a page.

    Raises:
        OptionError: if ``how`` is none of ``HOW``, or the file is too large to embed.
        InputError: if there is no such file.
    """
    if how not in HOW:
        raise OptionError.choice("The media of a report", how, HOW)
    if path is None or how == "none":
        return
    if not path.is_file():
        raise InputError(f"There is no file {path} to put into the report; name the recording.")
    if how == "embed" and path.stat().st_size > EMBED_LIMIT:
        size = path.stat().st_size / 2**20
        raise OptionError(
            f"{path.name} has {size:.0f} MB; browsers open no page with more than "
            f"{EMBED_LIMIT >> 20} MB embedded. Give --report-media link."
        )


def page_media(path: Path | None, how: str, page: Path | None) -> PageMedia:
    """The recording for a page.

    Args:
        path: of the recording; None leaves it out.
        how: ``embed``, ``link`` (the page names the file by its path from the page, so both have
            to be moved together), ``none``, or ``auto``: embedded up to 48 MB, else linked.
        page: where the page will lie; None if that is not known, and then a link is absolute.

    Raises:
        OptionError, InputError: as :func:`check_media`.
    """
    check_media(path, how)
    if path is None or how == "none":
        return NO_MEDIA
    kind = _TYPES.get(path.suffix.lower(), "")
    if how == "embed" or (how == "auto" and path.stat().st_size <= AUTO_LIMIT):
        return PageMedia(kind, content=b64encode(path.read_bytes()).decode("ascii"))
    if page is None:
        return PageMedia(kind, link=path.resolve().as_uri())
    relative = os.path.relpath(path.resolve(), page.resolve().parent)
    return PageMedia(kind, link=quote(os.fsencode(Path(relative).as_posix())))
