"""Files that mien does not read, named for what they are, with what to do about them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from mien.facts import shown

READABLE = (
    "recordings (mp4, mov, mkv, webm, avi, wmv, mpg, vob, ts, flv, mxf, dv, 3gp, gif; mp3, m4a, "
    "aac, wav, wma, aiff, flac, ogg, amr, caf, w64, au, ac3, wv, sph), "
    "pictures (jpg, png, webp, bmp, tiff, gif, avif, jp2) and texts (txt, md)"
)

_GIVE = "give the recording itself"
_SOUND, _FILM, _STILL = ".wav", ".mp4", ".png"

_CONVERTED: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"MAC ", "Monkey's Audio", _SOUND),
    (0, b"MPCK", "Musepack sound", _SOUND),
    (0, b"MP+", "Musepack sound", _SOUND),
    (0, b"tBaK", "TAK sound", _SOUND),
    (0, b"ajkg", "Shorten sound", _SOUND),
    (0, b"DSD ", "DSD sound (DSF)", _SOUND),
    (0, b"FRM8", "DSD sound (DSDIFF)", _SOUND),
    (0, b"\x7f\xfe\x80\x01", "DTS sound", _SOUND),
    (0, b"\xfe\x7f\x01\x80", "DTS sound", _SOUND),
    (0, b"EA3", "Sony OpenMG sound", _SOUND),
    (0, b"ea3", "Sony OpenMG sound", _SOUND),
    (8, b"QLCM", "QCP sound", _SOUND),
    (8, b"XWMA", "xWMA sound", _SOUND),
    (8, b"8SVX", "Amiga 8SVX sound", _SOUND),
    (0, b"2BIT", "AVR sound", _SOUND),
    (4, b"\xf8\x72\x6f\xba", "TrueHD sound", _SOUND),
    (0, b"TWIN97012000", "TwinVQ sound", _SOUND),
    (0, b"#!SILK", "SILK sound of a messenger", _SOUND),
    (0, b"CI,\0", "Phantom Cine film", _FILM),
    (0, b"LUCAM-RECORDER", "SER film", _FILM),
    (0, b"DHAV", "Dahua camera film", _FILM),
    (0, b"NSVf", "Nullsoft film", _FILM),
    (0, b"SMJPEG", "SMJPEG film", _FILM),
    (0, b"FWS", "Flash film (SWF)", _FILM),
    (0, b"CWS", "Flash film (SWF)", _FILM),
    (0, b"\x8aMNG", "MNG film", _FILM),
    (8, b"RMJB", "RealMedia film", _FILM),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL picture", _STILL),
    (0, b"\xff\x0a", "JPEG XL picture", _STILL),
    (0, b"8BPS", "Photoshop picture", _STILL),
    (0, b"\x76\x2f\x31\x01", "OpenEXR picture", _STILL),
    (0, b"\0\0\1\0", "icon", _STILL),
    (0, b"DDS ", "DirectDraw picture", _STILL),
    (0, b"SIMPLE  =", "FITS picture", _STILL),
    (0, b"#?RADIANCE", "Radiance picture", _STILL),
)
"""Offset, bytes there, what it is, and the suffix of what FFmpeg makes of it."""

_OTHERS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"ffconcat", "a list for FFmpeg, which only names other files", _GIVE),
    (0, b"[playlist]", "a playlist, which only names other files", _GIVE),
    (0, b"[InternetShortcut]", "a link to an address", "download what it names"),
    (0, b"v=0\r\no=", "a description of a stream (SDP)", "record the stream and give that"),
    (0, b"v=0\no=", "a description of a stream (SDP)", "record the stream and give that"),
    (0, b"d8:announce", "a torrent", "download what it names"),
    (0, b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut", "give the file that it names"),
    (0, b"DVDVIDEO-V", "an index of a DVD (IFO)", "give the .VOB files"),
    (0, b"# VobSub index", "an index of subtitle pictures", _GIVE),
    (0, b"\0\x05\x16\x07", "what macOS writes beside a file (._name)", "give the file without ._"),
    (0, b"bplist0", "a property list of macOS", _GIVE),
    (0, b"MThd", "a MIDI file: notes and no sound", "give a recording"),
    (4, b"ftypaax ", "an Audible book, which is encrypted", "give a recording without protection"),
    (0, b"PK\3\4", "an archive or an Office document", "unpack it, or save its text as .txt"),
    (0, b"Rar!", "an archive (RAR)", "unpack it and give the recording"),
    (0, b"7z\xbc\xaf", "an archive (7z)", "unpack it and give the recording"),
    (0, b"\x1f\x8b", "a compressed file (gzip)", "unpack it and give the recording"),
    (0, b"BZh", "a compressed file (bzip2)", "unpack it and give the recording"),
    (0, b"\xfd7zXZ", "a compressed file (xz)", "unpack it and give the recording"),
    (0, b"\x28\xb5\x2f\xfd", "a compressed file (zstd)", "unpack it and give the recording"),
    (0, b"%PDF", "a PDF document", "save its text as .txt"),
    (0, b"%!PS", "a PostScript document", "save its text as .txt"),
    (0, b"{\\rtf", "a Rich Text document", "save it as plain text (.txt)"),
    (0, b"\xd0\xcf\x11\xe0", "an Office document", "save its text as .txt"),
    (0, b"SQLite format 3", "a database (SQLite)", _GIVE),
    (0, b"\x89HDF", "an HDF5 file", _GIVE),
    (0, b"MATLAB 5.0", "a MATLAB file", "write its sound as a WAV file"),
    (0, b"\x93NUMPY", "a NumPy array", "write its sound as a WAV file"),
    (0, b"PAR1", "a Parquet table", _GIVE),
    (128, b"DICM", "a DICOM picture", "export it as PNG"),
    (0, b"\x7fELF", "a program", _GIVE),
    (0, b"MZ", "a program", _GIVE),
    (0, b'File type = "oo', "a Praat annotation", _GIVE),
)
"""Offset, bytes there, what it is, and what to do."""

_MARKUP = (
    (b"#EXTM3U", "an HLS or M3U playlist, which only names other files", _GIVE),
    (b"<asx", "a playlist (ASX), which only names other files", _GIVE),
    (b"<mpd", "a DASH manifest, which only names other files", _GIVE),
    (b"<smil", "a playlist (SMIL), which only names other files", _GIVE),
    (b"<svg", "a drawing (SVG)", "export it as PNG"),
    (b"<annotation_document", "an ELAN annotation", _GIVE),
    (b"<!doctype html", "a web page, not the recording that it shows", "download the recording"),
    (b"<html", "a web page, not the recording that it shows", "download the recording"),
)

_RAW = frozenset({".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw"})
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
_HEADERLESS = {
    ".gsm": "GSM sound without a header",
    ".g722": "G.722 sound without a header",
    ".g729": "G.729 sound without a header",
    ".pcm": "samples without a header",
    ".raw": "samples or pixels without a header",
    ".yuv": "pixels without a header",
    ".ulaw": "mu-law samples without a header",
    ".alaw": "A-law samples without a header",
    ".braw": "Blackmagic raw film",
    ".r3d": "RED raw film",
    ".aax": "an Audible book, which is encrypted",
    ".ds2": "Olympus dictation (DS2), whose codec is secret",
}
_SECRET = frozenset({".braw", ".r3d", ".aax", ".ds2"})


def kind_of(name: str, head: bytes, opened: bool = False) -> str:
    """What a file is and what to do, two half-sentences; ``""`` if it is none that is known.

    Args:
        name: of the file.
        head: its first bytes, some hundred at least where it has them.
        opened: whether it was tried to open it, in vain; then its suffix tells, too.
    """
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        return f"a HEIC or HEIF picture; save it as JPEG or PNG ({convert(name, '.jpg')})"
    if is_raw_picture(name) or head[4:12] == b"ftypcrx ":
        return "a raw picture of a camera; save it as JPEG or PNG with the camera's software"
    known = _by_bytes(name, head) or _by_markup(head)
    return known or (_by_suffix(name, head) if opened else "")


def is_raw_picture(name: str) -> bool:
    """Whether the suffix is that of a camera's raw pictures."""
    return Path(name).suffix.lower() in _RAW


def _by_bytes(name: str, head: bytes) -> str:
    for at, mark, what, out in _CONVERTED:
        if head[at:].startswith(mark):
            return f"a file of the kind {what}; convert it ({convert(name, out)})"
    for at, mark, what, todo in _OTHERS:
        if head[at:].startswith(mark):
            return f"{what}; {todo}"
    return ""


def _by_markup(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:2000]
    lower = start.lower()
    for mark, what, todo in _MARKUP:
        at = lower.find(mark.lower())
        if at == 0 or (at > 0 and lower.startswith((b"<?xml", b"<!--"))):
            return f"{what}; {todo}"
    if lower.startswith(b"<?xml"):
        return f"an XML file; {_GIVE}"
    if re.match(rb'[{\[]\s*["{\[\]}]', start):
        return f"a JSON file; {_GIVE}"
    return ""


def _by_suffix(name: str, head: bytes) -> str:
    suffix = Path(name).suffix.lower()
    if suffix in _SECRET:
        return f"{_HEADERLESS[suffix]}; export it as mp4 or wav with the maker's software"
    if suffix in _HEADERLESS:
        rate = "-f s16le -ar RATE -ac CHANNELS " if suffix in (".pcm", ".raw") else ""
        return f"{_HEADERLESS[suffix]}; convert it ({convert(name, _SOUND, rate)})"
    if head and not head.strip(b"\0"):
        return "a file of zeros, as a download or a copy leaves that was not finished; get it again"
    return ""


def convert(name: str, suffix: str, before: str = "") -> str:
    """The command of FFmpeg that converts a file."""
    path = Path(name)
    stem = path.stem if path.suffix.lower() != suffix else f"{path.stem}-converted"
    source, target = (shlex.quote(shown(p)) for p in (path, path.with_name(stem + suffix)))
    return f"ffmpeg {before}-i {source} {target}"
