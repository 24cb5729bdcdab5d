"""Containers put together by hand: RIFF chunks, MP4 boxes, EBML elements, PNG chunks, Ogg pages."""

from __future__ import annotations

import struct
import zlib


def riff(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk of RIFF, of a size that it claims."""
    said = len(content) if size is None else size
    return kind + struct.pack("<I", said) + content + b"\0" * (len(content) % 2)


def wav(
    rate: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    samples: bytes = bytes(3200),
    size: int | None = None,
    tag: int = 1,
) -> bytes:
    """A WAV file whose header says whatever it is told."""
    align = channels * bits // 8 & 0xFFFF
    fields = (tag, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    body = b"WAVE" + riff(b"fmt ", struct.pack("<HHIIHH", *fields)) + riff(b"data", samples, size)
    return riff(b"RIFF", body, None if size is None else min(size + 36, 0xFFFFFFFF))


def box(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    """A box of MP4."""
    return struct.pack(">I", 8 + len(content) if size is None else size) + kind + content


def find(data: bytes, kind: bytes) -> tuple[int, int]:
    """Where the first box of a kind begins and ends, wherever it lies."""
    at = data.index(kind) - 4
    return at, at + struct.unpack_from(">I", data, at)[0]


def replaced(data: bytes, path: tuple[bytes, ...], new: bytes) -> bytes:
    """MP4 with the box at a path replaced; the sizes of its parents are set right."""
    made, at = b"", 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind != path[0]:
            made += data[at : at + size]
        elif len(path) == 1:
            made += new
        else:
            made += box(kind, replaced(data[at + 8 : at + size], path[1:], new))
        at += size
    return made


def element(identity: str, content: bytes | int | float, size: bytes | None = None) -> bytes:
    """An element of EBML (Matroska), of a size that it claims."""
    if isinstance(content, float):
        content = struct.pack(">d", content)
    elif isinstance(content, int):
        content = content.to_bytes(max(1, (content.bit_length() + 7) // 8), "big")
    said = b"\x01" + len(content).to_bytes(7, "big") if size is None else size
    return bytes.fromhex(identity) + said + content


EBML = element("1A45DFA3", element("4282", b"matroska") + element("4287", 4))


def matroska(*parts: bytes) -> bytes:
    """A Matroska file of the given level-1 elements."""
    return EBML + element("18538067", b"".join(parts))


def info(duration: float = 1000.0, more: bytes = b"") -> bytes:
    """Segment information; milliseconds."""
    return element("1549A966", element("2AD7B1", 1_000_000) + element("4489", duration) + more)


def sound_track(
    number: int = 1, rate: float = 16_000.0, channels: int = 1, more: bytes = b""
) -> bytes:
    """A track of PCM."""
    audio = element("B5", rate) + element("9F", channels) + element("6264", 16)
    fields = element("D7", number) + element("73C5", number) + element("83", 2)
    fields += element("86", b"A_PCM/INT/LIT") + element("E1", audio)
    return element("AE", fields + more)


def line_track(number: int) -> bytes:
    """A track of subtitles."""
    fields = element("D7", number) + element("73C5", number) + element("83", 0x11)
    return element("AE", fields + element("86", b"S_TEXT/UTF8"))


def tracks(*entries: bytes) -> bytes:
    """The list of tracks."""
    return element("1654AE6B", b"".join(entries))


def block(number: int, stamp: int, data: bytes, duration: int | None = None) -> bytes:
    """A block of a cluster."""
    head = bytes([0x80 | number]) + struct.pack(">hB", stamp, 0x80)
    if duration is None:
        return element("A3", head + data)
    return element("A0", element("A1", head + data) + element("9B", duration))


def cluster(time: int, *blocks: bytes) -> bytes:
    """A cluster that begins at a time in milliseconds."""
    return element("1F43B675", element("E7", time) + b"".join(blocks))


def png(
    width: int,
    height: int,
    rows: bytes,
    *,
    depth: int = 8,
    colour: int = 0,
    before: bytes = b"",
) -> bytes:
    """A PNG file of deflated rows.

    Args:
        width: as its header has it.
        height: as its header has it.
        rows: deflated.
        depth: bits of a pixel.
        colour: type of a pixel.
        before: chunks before the rows.
    """
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + before
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deflated_zeros(size: int) -> bytes:
    """Zeros by the gigabyte in a thousandth of their size."""
    packer = zlib.compressobj(9)
    step = 1 << 20
    parts = [packer.compress(bytes(min(step, size - at))) for at in range(0, size, step)]
    return b"".join(parts) + packer.flush()


def gif(width: int, height: int, frames: int, delay: int = 10, whole: bool = False) -> bytes:
    """A GIF of many pictures of one pixel, or of the whole canvas."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    w, h = (width, height) if whole else (1, 1)
    frame = b"!\xf9\4\0" + struct.pack("<HBB", delay, 0, 0)
    frame += b"," + struct.pack("<HHHHB", 0, 0, w, h, 0) + b"\2\2D\1\0"
    return head + frame * frames + b";"


def ogg_page(serial: int, number: int, packet: bytes, flags: int = 0, granule: int = 0) -> bytes:
    """A page with one packet."""
    laced = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    page = b"OggS" + struct.pack("<BBqIII", 0, flags, granule, serial, number, 0)
    page += bytes([len(laced)]) + laced + packet
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return page[:22] + struct.pack("<I", crc) + page[26:]


def boxed(depth: int, kinds: tuple[bytes, ...] = (b"moov", b"udta", b"meta")) -> bytes:
    """Boxes in boxes."""
    data = b""
    for level in range(depth):
        data = box(kinds[level % len(kinds)], data)
    return data
