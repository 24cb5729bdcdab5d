"""Which kind of file holds a transcript, by its content first and its suffix second."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from mien.media.text import looks_binary
from mien.perceive.formats.blocks import ARROW, is_sbv

PLAIN_SUFFIXES = frozenset({"", ".txt", ".text", ".md", ".markdown"})
"""A text under one of these that is in no format is plain words."""

_MAGIC: Sequence[tuple[bytes, str]] = (
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a document (RTF)"),
    (b"\xd0\xcf\x11\xe0", "a document of an old Office (DOC, XLS, PPT)"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"RIFF", "a recording (WAV, AVI or WebP)"),
    (b"ID3", "a recording (MP3)"),
    (b"\xff\xfb", "a recording (MP3)"),
    (b"OggS", "a recording (Ogg)"),
    (b"fLaC", "a recording (FLAC)"),
    (b"\x1aE\xdf\xa3", "a recording (Matroska, WebM)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"7z\xbc\xaf", "a compressed archive (7z)"),
    (b"Rar!", "a compressed archive (RAR)"),
    (b"BZh", "a compressed file (bzip2)"),
    (b"\xfd7zXZ", "a compressed file (xz)"),
    (b"SQLite format 3", "a database (SQLite)"),
    (b"bplist", "a property list of Apple"),
    (b"PG", "subtitles as pictures (PGS, SUP)"),
    (b"\x00\x00\x01\xba", "subtitles as pictures (VobSub) or a recording (MPEG)"),
)
_WRITTEN_OUT = (b"%PDF", b"{\\rtf")
"""Marks of kinds that may hold nothing but characters; a text may begin with the others."""
_ZIPPED: Sequence[tuple[str, str]] = (
    ("word/", "a Word document (DOCX)"),
    ("xl/", "a spreadsheet (XLSX)"),
    ("ppt/", "a presentation (PPTX)"),
    ("META-INF/container.xml", "an e-book (EPUB)"),
    ("content.xml", "an OpenDocument file (ODT, ODS)"),
    ("Index/", "a document of Apple (Pages, Numbers)"),
)
_TEXTS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\s*Scenarist_SCC"), "Scenarist captions (SCC), a code of pictures"),
    (re.compile(r"\s*# VobSub index"), "the index of subtitles as pictures (VobSub)"),
    (re.compile(r"\{\\rtf"), "a document (RTF)"),
    (re.compile(r"\s*<!doctype html|\s*<html\b", re.IGNORECASE), "a web page (HTML)"),
    (re.compile(r"\s*(?:from|import) \w+|\s*#!"), "a program"),
    (re.compile(r"\s*MIME-Version:", re.IGNORECASE), "a mail or a web archive (MHTML)"),
)
_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[{\[\"\]])")
_XML = re.compile(r"\s*<(?:\?xml|!--|!DOCTYPE|[A-Za-z][\w.:-]*[\s/>])", re.IGNORECASE)
_SAMI = re.compile(r"\s*(?:<!--.{0,200}?-->\s*)?<sami\b", re.IGNORECASE | re.DOTALL)
_MICRODVD = re.compile(r"\s*\{\s*\d+\s*\}\s*\{\s*\d*\s*\}")
_MPL2 = re.compile(r"\s*\[-?\d+\]\[-?\d*\]")
_TMP = re.compile(r"\d{1,2}:\d{2}:\d{2}:(?!\d{2}\b)\S")
_STYLED = re.compile(r"\s*<(?:i|b|u|font|v|c)\b")
"""A subtitle or a text that merely begins with a tag: ``<i>Well</i>``."""
_JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".json3"})
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_TEXTGRID = re.compile(r"\s*(?:File type = \"ooTextFile|\"ooTextFile)")

OFFERS = (
    "mien reads SRT, WebVTT, ASS, TTML, SBV, LRC, MicroDVD, MPL2, TMP and SAMI subtitles, JSON of "
    "Whisper, WhisperX and other recognisers, tables (CSV, TSV) with columns start, end and text, "
    "Audacity labels, CTM, STM, TextGrid, ELAN and plain text (.txt)"
)
"""What a refusal offers instead."""


def binary_kind(path: Path, head: bytes) -> str | None:
    """Name of a kind that is no text, or None.

    Args:
        path: the file.
        head: its first bytes.
    """
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path)
    if head[4:8] == b"ftyp":
        return "a recording or a picture (MP4, MOV, HEIC)"
    if re.match(rb"\d{3}STL\d\d\.\d\d", head):
        return "EBU subtitles (STL)"
    found = next((kind for mark, kind in _MAGIC if head.startswith(mark)), None)
    return found if looks_binary(head) or head.startswith(_WRITTEN_OUT) else None


def _zipped(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return "a compressed archive (ZIP) that is damaged"
    found = (kind for mark, kind in _ZIPPED if any(name.startswith(mark) for name in names))
    return next(found, "a compressed archive (ZIP)")


def text_kind(text: str, suffix: str) -> str:
    """The format of a text: a key of the readers, ``plain``, or words that name what it is.

    Args:
        text: all of it.
        suffix: of the file, in lower case.
    """
    head = text.lstrip("\ufeff")[:4096]
    named = next((kind for pattern, kind in _TEXTS if pattern.match(head)), None)
    if named is not None and not (named == "a program" and suffix in PLAIN_SUFFIXES):
        return named
    if suffix in {".html", ".htm", ".xhtml"}:
        return "a web page (HTML)"
    return _by_head(text, head, suffix) or _by_rows(text, suffix)


def _by_head(text: str, head: str, suffix: str) -> str | None:
    """The format that the first characters tell; None if they do not."""
    closed = suffix not in PLAIN_SUFFIXES or head[:2] in {"<?", "<!"} or text.rstrip()[-1:] == ">"
    is_xml = _XML.match(head) is not None and closed
    substation = "[Script Info]" in head or "[V4+ Styles]" in head or "[Events]" in head
    old = suffix == ".ssa" or "[V4 Styles]" in text
    tells: Sequence[tuple[str, object]] = (
        ("sami", _SAMI.match(head)),
        ("elan", is_xml and "<ANNOTATION_DOCUMENT" in head),
        ("xml", is_xml and not _STYLED.match(head)),
        ("textgrid", _TEXTGRID.match(head) or suffix == ".textgrid"),
        ("vtt", head.lstrip().startswith("WEBVTT")),
        ("ssa" if old else "ass", substation),
        ("json", _JSON.match(head) or suffix in _JSON_SUFFIXES),
    )
    return next((kind for kind, fits in tells if fits), None)


def _by_rows(text: str, suffix: str) -> str:
    rows = [row for row in text.split("\n") if row.strip()]
    if any(map(ARROW.match, rows)):
        return "vtt" if suffix == ".vtt" else "srt"
    if is_sbv(rows):
        return "sbv"
    for kind, pattern in (("microdvd", _MICRODVD), ("mpl2", _MPL2), ("tmp", _TMP)):
        if rows and pattern.match(rows[0]):
            return kind
    return "rows"


def is_marked_up(text: str) -> bool:
    """Whether a plain text is rather markup: a fifth of it, in five tags or more."""
    tags = _MARKUP.findall(text[:100_000])
    return len(tags) >= 5 and sum(map(len, tags)) * 5 > len(text[:100_000])
