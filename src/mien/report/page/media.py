"""Embed the recording in the page, link it, or leave it out."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mien.errors import InputError, OptionError

HOW = ("auto", "embed", "link", "none")
AUTO_LIMIT = 48 * 2**20
"""Maximum size in bytes that ``auto`` embeds."""
EMBED_LIMIT = 512 * 2**20
"""Maximum size in bytes of an embedded recording; browsers do not open larger pages."""
# MIME types that browsers play; other files have no type, so that the browser detects it.
_TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm",
    ".mkv": "video/webm", ".ogv": "video/ogg", ".mp3": "audio/mpeg", ".wav": "audio/wav",
    ".flac": "audio/flac", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".m4a": "audio/mp4",
    ".aac": "audio/aac", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".webp": "image/webp", ".gif": "image/gif", ".bmp": "image/bmp",
}  # fmt: skip


@dataclass(frozen=True)
class PageMedia:
    """The recording of the page.

    Args:
        type: MIME type, ``""`` if the browser is to detect it.
        link: path of the file relative to the page; ``""`` if it is embedded or left out.
        content: base64 of the embedded file.
    """

    type: str = ""
    link: str = ""
    content: str = ""


NO_MEDIA = PageMedia()


def check_media(path: Path | None, how: str) -> None:
    """Check, before the analysis, that a recording can be included in a page.

    Raises:
        OptionError: if ``how`` is not in ``HOW``, or the file is too large to embed.
        InputError: if there is no such file.
    """
    if how not in HOW:
        raise OptionError.choice("The media of a report", how, HOW)
    if path is None or how == "none":
        return
    if not path.is_file():
        raise InputError(f"There is no file {path} to include in the report; name the recording.")
    if how == "embed" and path.stat().st_size > EMBED_LIMIT:
        size = path.stat().st_size / 2**20
        raise OptionError(
            f"{path.name} has {size:.0f} MB; browsers cannot open a page with more than "
            f"{EMBED_LIMIT >> 20} MB embedded. Use --report-media link."
        )


def page_media(path: Path | None, how: str, page: Path | None) -> PageMedia:
    """The recording for a page.

    Args:
        path: path of the recording; None leaves it out.
        how: ``embed``, ``link`` (the page names the file by its path from the page, so both have
            to be moved together), ``none``, or ``auto``: embedded up to 48 MB, else linked.
        page: path of the page; None if unknown, in which case a link is absolute.

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
