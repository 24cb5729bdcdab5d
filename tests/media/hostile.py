"""Files that ask the reader to open others."""

from __future__ import annotations

import struct
from pathlib import Path

PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile {name}\n",
    "hls": (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.0,\n{name}\n#EXT-X-ENDLIST\n"
    ),
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1">'
        "<BaseURL>{name}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "image list": "{name}\n",
    "asx": '<asx version="3.0"><entry><ref href="{name}"/></entry></asx>',
}


def refer(movie: Path, target: str) -> bytes:
    """A QuickTime movie whose samples are said to lie in another file of its folder."""
    record = bytearray(150)
    record[10] = 1
    record[11:12] = b"x"
    record[50] = len(target)
    record[51 : 51 + len(target)] = target.encode()
    struct.pack_into(">HH", record, 130, 1, 1)
    path = f"x:{target}".encode()
    path += b"\0" * (len(path) % 2)
    record += struct.pack(">HH", 2, len(path)) + path + struct.pack(">hH", -1, 0)
    entry = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + bytes(record)
    box = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    return _replace(movie.read_bytes(), (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"), box)


def _replace(boxes: bytes, path: tuple[bytes, ...], box: bytes) -> bytes:
    """Boxes with the one at a path replaced and the sizes of its parents set right."""
    made, at = b"", 0
    while at < len(boxes):
        size, kind = struct.unpack_from(">I4s", boxes, at)
        if kind != path[0]:
            made += boxes[at : at + size]
        elif len(path) == 1:
            made += box
        else:
            inner = _replace(boxes[at + 8 : at + size], path[1:], box)
            made += struct.pack(">I4s", 8 + len(inner), kind) + inner
        at += size
    return made


def gab2(subtitles: bytes, seconds: float = 1.0) -> bytes:
    """An AVI file with silence and a GAB2 subtitle track of the given content."""
    rate = 8000
    pcm = bytes(round(seconds * rate) * 2)
    note = "subs".encode("utf-16-le") + b"\0\0"
    packet = b"GAB2\0" + struct.pack("<HI", 2, len(note)) + note
    packet += struct.pack("<HI", 4, len(subtitles)) + subtitles
    sound = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    header = _chunk(b"avih", struct.pack("<14I", 40000, 0, 0, 0x10, 25, 0, 2, 0, 0, 0, 0, 0, 0, 0))
    header += _list(b"strl", _stream(b"auds", 2, rate * 2, len(pcm) // 2, 2), sound)
    header += _list(b"strl", _stream(b"txts", 1, 1, 1, 0), b"")
    movie = _chunk(b"01tx", packet) + _chunk(b"00wb", pcm)
    index = struct.pack("<4sIII", b"01tx", 0x10, 4, len(packet))
    index += struct.pack("<4sIII", b"00wb", 0x10, 12 + len(packet) + len(packet) % 2, len(pcm))
    body = b"AVI " + _chunk(b"LIST", b"hdrl" + header) + _chunk(b"LIST", b"movi" + movie)
    return _chunk(b"RIFF", body + _chunk(b"idx1", index))


def _stream(kind: bytes, scale: int, rate: int, length: int, sample: int) -> bytes:
    fields = (0, 0, 0, scale, rate, 0, length, 0, 0, sample, 0, 0)
    return _chunk(b"strh", struct.pack("<4s4x12I", kind, *fields))


def _list(kind: bytes, header: bytes, form: bytes) -> bytes:
    return _chunk(b"LIST", kind + header + _chunk(b"strf", form))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
