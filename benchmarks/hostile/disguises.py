"""Lists of other files and addresses under innocent names, and references out of a file.

Each folder has a ``sibling.ts`` and others that nothing may open; addresses lead to a server of the
run, which must stay without a call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import boxes as b
from case import Case
from seeds import seed
from tests.media.hostile import PLAYLISTS, gab2, refer

SUFFIXES = (".mp4", ".m3u8", ".ffconcat", ".mpd", ".sdp", ".wav", ".png", ".txt", "")
MORE_LISTS = {
    "hls-master": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}\n",
    "hls-key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{name}"\n#EXT-X-MAP:URI="{name}"\n#EXTINF:1,\n{name}\n',
    "hls-concat": "#EXTM3U\n#EXTINF:1,\nconcat:{name}|/etc/passwd\n#EXT-X-ENDLIST\n",
    "ffconcat-safe": "ffconcat version 1.0\nfile 'file:{name}'\noption safe 0\ninpoint 0\n",
    "m3u": "{name}\nfile:///etc/passwd\n",
    "pls": "[playlist]\nFile1={name}\nNumberOfEntries=1\nVersion=2\n",
    "smil": '<smil><body><video src="{name}"/></body></smil>',
    "sdp-http": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 0\r\na=control:{name}\r\n",
    "svg": '<svg xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="{name}"/></svg>',
    "svg-entity": '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{name}">]><svg>&x;</svg>',
    "ram": "rtsp://{name}\nfile://{name}\n",
    "url": "[InternetShortcut]\nURL={name}\n",
    "ismv": '<?xml version="1.0"?><SmoothStreamingMedia><StreamIndex Url="{name}"/></SmoothStreamingMedia>',
    "xspf": '<?xml version="1.0"?><playlist><trackList><track><location>{name}</location></track></trackList></playlist>',
    "lrc-id3": "ID3\3\0\0\0\0\0\0#EXTM3U\n#EXTINF:1,\n{name}\n",
    "avisynth": 'LoadPlugin("{name}")\nDirectShowSource("{name}")\n',
    "vapoursynth": "import vapoursynth as vs\nopen('{name}').read()\n",
    "lavfi": "movie={name}[out0]\n",
    "image2-list": "{name}%03d.png\n",
    "imf": '<?xml version="1.0"?><AssetMap><AssetList><Asset><ChunkList><Chunk><Path>{name}</Path></Chunk></ChunkList></Asset></AssetList></AssetMap>',
    "xmp-ram": "<embed src='{name}'>",
}  # fmt: skip


def disguises(address: str, secrets: Path) -> Iterator[Case]:
    """Lists in disguise.

    Args:
        address: of a server that nothing may call.
        secrets: a folder that nothing may read.
    """
    targets = {"sibling": "sibling.ts", "secret": str(secrets / "secret.ts"), "address": address}
    for kind, text in (PLAYLISTS | MORE_LISTS).items():
        for number, suffix in enumerate(SUFFIXES):
            where = list(targets)[number % len(targets)]
            name = f"{kind}-{where}-{suffix[1:] or 'none'}".replace(" ", "-")
            made = text.format(name=targets[where]).encode()
            yield Case("disguises", name, partial(_beside, f"innocent{suffix}", made))
    for name in ("concat:sibling.ts|sibling2.ts", "img%03d.png", "img*.png", "subfile,,start,0,end,0,,:sibling.ts",
                 "file:sibling.ts", "async:sibling.ts", "cache:sibling.ts", "pipe:0", "fd:0", "data:audio,x",
                 "tee:sibling.ts", "crypto:sibling.ts", "http:sibling.ts", "-"):  # fmt: skip
        for there in (False, True):
            label = "".join(c if c.isalnum() else "_" for c in name)
            make = partial(_named, name, there)
            yield Case("disguises", f"name-{label}-{'file' if there else 'absent'}", make)


def _beside(name: str, data: bytes, folder: Path) -> Path:
    for other in ("sibling.ts", "sibling2.ts", "img000.png", "img001.png", "sibling.ts000.png"):
        kind = "png" if other.endswith("png") else "mpegts"
        (folder / other).write_bytes(seed(kind))
    path = folder / name
    if data:
        path.write_bytes(data)
    return path


def _named(name: str, there: bool, folder: Path) -> Path:
    return _beside(name, seed("wav") if there else b"", folder)


def references(address: str, secrets: Path) -> Iterator[Case]:
    """Containers that say that their content lies elsewhere."""
    secret = str(secrets / "secret.mov")
    for where, target in (("sibling", "other.mov"), ("secret", secret), ("address", address)):
        for name, make in _REFERENCES.items():
            yield Case("references", f"{name}-{where}", partial(_refers, make, target))


Refers = Callable[[str, Path], Path]


def _refers(make: Refers, target: str, folder: Path) -> Path:
    (folder / "other.mov").write_bytes(seed("mov"))
    (folder / "other.mkv").write_bytes(seed("mkv"))
    return make(target, folder)


def _written(name: str, data: bytes, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _alias(target: str, folder: Path) -> Path:
    own = folder / "refers.mov"
    own.write_bytes(seed("mov"))
    name = target.rpartition("/")[2] or "x"
    return _written("refers.mov", refer(own, name[:60]), folder)


_DREF = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")


def _url(kind: bytes, target: str, folder: Path) -> Path:
    where = target.encode() + b"\0"
    entry = b.box(kind, bytes(4) + (where if kind == b"url " else b"\0" + where))
    box = b.box(b"dref", struct.pack(">II", 0, 1) + entry)
    return _written("refers.mp4", b.replaced(seed("mov"), _DREF, box), folder)


def _movie_reference(target: str, folder: Path) -> Path:
    where = target.encode() + b"\0"
    entry = b.box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(where)) + where)
    movie = b.box(b"moov", b.box(b"rmra", b.box(b"rmda", entry)))
    return _written("refers.mov", b.box(b"ftyp", b"qt  \0\0\0\0qt  ") + movie, folder)


def _ordered_chapters(target: str, folder: Path) -> Path:
    """Matroska chapters that are parts of another segment, which lies beside."""
    link = b.element("3CB923", bytes(range(16))) + b.element("3C83AB", target.encode())
    link += b.element("3EB923", bytes(range(16))) + b.element("3E83BB", target.encode())
    atom = b.element("73C4", 1) + b.element("91", 0) + b.element("92", 10**9)
    atom += b.element("6E67", bytes(range(16)))
    edition = b.element("45B9", b.element("45DD", 1) + b.element("B6", atom))
    data = b.matroska(b.info(1000.0, link), b.tracks(b.sound_track()), b.element("1043A770", edition),
                      b.cluster(0, b.block(1, 0, bytes(16_000))))  # fmt: skip
    return _written("refers.mkv", data, folder)


def _attachment(target: str, folder: Path) -> Path:
    lure = b.element("61A7", b.element("466E", target.encode()) + b.element("4660", b"text/plain")
                     + b.element("465C", PLAYLISTS["hls"].format(name=target).encode()))  # fmt: skip
    data = b.matroska(b.info(), b.tracks(b.sound_track()), b.element("1941A469", lure),
                      b.cluster(0, b.block(1, 0, bytes(16_000))))  # fmt: skip
    return _written("refers.mkv", data, folder)


def _script_commands(target: str, folder: Path) -> Path:
    """ASF with a URL command; a header object that players follow."""
    url = target.encode("utf-16-le") + b"\0\0"
    guid = bytes.fromhex("301afb1e620bd011a39b00a0c90348f6")
    body = bytes(16) + struct.pack("<HH", 1, 1) + struct.pack("<H", 3) + "URL".encode("utf-16-le")
    body += struct.pack("<IHH", 0, 0, len(url) // 2) + url
    command = guid + struct.pack("<Q", 24 + len(body)) + body
    data = bytearray(seed("wmv"))
    size, count = struct.unpack_from("<QI", data, 16)
    struct.pack_into("<QI", data, 16, size + len(command), count + 1)
    data[30:30] = command
    return _written("refers.wmv", bytes(data), folder)


def _tag(frame: bytes, target: str, folder: Path) -> Path:
    body = b"\0" + (b"-->\0\3\0" if frame == b"APIC" else b"") + target.encode() + b"\0"
    size = len(body) + 10
    head = b"ID3\3\0\0" + bytes(size >> s & 0x7F for s in (21, 14, 7, 0))
    return _written(
        "refers.mp3", head + frame + struct.pack(">IH", len(body), 0) + body + seed("mp3"), folder
    )


def _subtitles_in_avi(kind: str, target: str, folder: Path) -> Path:
    return _written("lure.avi", gab2(PLAYLISTS[kind].format(name=target).encode()), folder)


_REFERENCES: dict[str, Refers] = {
    "mov-alias": _alias,
    "mov-url": partial(_url, b"url "),
    "mov-urn": partial(_url, b"urn "),
    "mov-movie": _movie_reference,
    "mkv-chapters": _ordered_chapters,
    "mkv-attachment": _attachment,
    "asf-command": _script_commands,
    "id3-link": partial(_tag, b"LINK"),
    "id3-picture": partial(_tag, b"APIC"),
    "id3-url": partial(_tag, b"WXXX"),
    **{f"avi-{kind.replace(' ', '-')}": partial(_subtitles_in_avi, kind) for kind in PLAYLISTS},
}  # fmt: skip
