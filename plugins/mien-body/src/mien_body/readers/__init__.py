"""Readers of files of body signals; the content decides which one reads."""

from __future__ import annotations

from pathlib import Path
from zipfile import is_zipfile

from mien.facts import shown
from mien_body.measured import BodyFile, unusable
from mien_body.options import BodyOptions

FORMATS = "CSV or text, EDF, BDF, an Empatica E4 folder or .zip, Polar, Apple's export.xml"
_HEAD = 4096


def read_body(path: Path, options: BodyOptions) -> BodyFile:
    """What a file or folder holds.

    Args:
        path: of it.
        options: what columns hold, and the rate.

    Raises:
        InputError: if it is missing or cannot be read; the message says why and what helps.
    """
    name = shown(path)
    if not path.exists():
        raise unusable(name, "it does not exist", "give the path of an existing file")
    try:
        return _read(path, options)
    except (OSError, UnicodeError) as error:
        raise unusable(name, str(error), f"give a file of a known format ({FORMATS})") from None


def _read(path: Path, options: BodyOptions) -> BodyFile:
    if path.is_dir() or is_zipfile(path):
        from mien_body.readers.empatica import read_e4

        return read_e4(path)
    if not path.is_file():
        raise unusable(shown(path), "it is no regular file", "give a file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith((b"\xffBIOSEMI", b"0       ")):
        from mien_body.readers.edf import read_edf

        return read_edf(path, options)
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<?xml", b"<!DOCTYPE", b"<HealthData")):
        from mien_body.readers.apple import read_apple

        return read_apple(path)
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise unusable(shown(path), "it is no text, EDF or BDF", f"give one of: {FORMATS}")
    if head.lstrip(b"\xef\xbb\xbf").startswith(b"Name,Sport,Date,Start time,"):
        from mien_body.readers.polar import read_flow

        return read_flow(path)
    from mien_body.readers.tables import read_table

    return read_table(path, options)
