"""Small files that claim or unfold into much: pictures, lengths, streams, channels, rates."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

import boxes as b
import cv2
import numpy as np
from case import Case, content
from seeds import seed

Data = Callable[[], bytes]


def bombs() -> Iterator[Case]:
    """All of them."""
    for suffix, name, data in (*PICTURES, *SOUNDS, *FILMS, *STREAMS, *TEXTS):
        yield Case("bombs", name, content(f"bomb.{suffix}", data))


def _png_square(side: int, depth: int = 8) -> Data:
    return lambda: b.png(side, side, b.deflated_zeros(side * (side * depth // 8 + 1)), depth=depth)


def _png_chunked(kind: bytes, size: int) -> Data:
    def make() -> bytes:
        packed = b"x\0\0" + b.deflated_zeros(size)
        rows = zlib.compress(bytes(4 * 5))
        return b.png(4, 4, rows, before=b.png_chunk(kind, packed) * 4)

    return make


def _jpeg(width: int, height: int) -> bytes:
    """A JPEG whose header has another size."""
    data = bytearray(seed("jpg"))
    at = next(
        data.index(bytes([0xFF, mark])) for mark in (0xC0, 0xC2) if bytes([0xFF, mark]) in data
    )
    struct.pack_into(">HH", data, at + 5, height, width)
    return bytes(data)


def _progressive(scans: int) -> bytes:
    """A JPEG of 4000x4000 whose last scan is repeated."""
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    data = cv2.imencode(".jpg", np.zeros((4000, 4000, 3), np.uint8), flags)[1].tobytes()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def _two_sizes(kind: str) -> bytes:
    """A small size where a reader of headers looks first, and a huge one that is meant."""
    if kind == "jpeg":  # a comment that holds a frame header, then the true one
        return b"\xff\xd8\xff\xfe\0\x0d\xff\xc0\0\x11\x08\0\2\0\4\3\1" + _jpeg(60_000, 60_000)[2:]
    if kind == "tiff":
        entries = struct.pack("<HHII", 256, 4, 1, 4) + struct.pack("<HHII", 257, 4, 1, 4)
        entries += struct.pack("<HHII", 256, 4, 1, 60_000) + struct.pack("<HHII", 257, 4, 1, 60_000)
        entries += struct.pack("<HHII", 273, 4, 1, 8) + struct.pack("<HHII", 279, 4, 1, 60_000)
        return b"II*\0\x08\0\0\0" + struct.pack("<H", 6) + entries + bytes(64)
    if kind == "jp2":
        data = seed("jp2")
        at = data.index(b"\xff\x4f\xff\x51")
        code = bytearray(data[at:])
        struct.pack_into(">IIII", code, 8, 60_000, 60_000, 0, 0)
        lure = b.box(b"uuid", data[at : at + 60])
        first = b.find(data, b"ftyp")[1]
        return data[:first] + lure + data[first:at] + bytes(code)
    if kind == "webp":
        return (
            b"RIFF"
            + struct.pack("<I", 60)
            + b"WEBPVP8X"
            + struct.pack("<I", 10)
            + bytes(4)
            + (
                b"\3\0\0\1\0\0"
                + b"VP8L"
                + struct.pack("<I", 20)
                + b"\x2f\xff\xff\xff\x0f"
                + bytes(15)
            )
        )
    # GIF: a canvas of 4x4, a picture of 60,000 x 60,000.
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\2\2D\1\0;"


def _tiff(entries: list[tuple[int, int, int, int]]) -> bytes:
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + rows + struct.pack("<I", 8)


_SQUARE = [(256, 4, 1, 4), (257, 4, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]

PICTURES: tuple[tuple[str, str, Data | bytes], ...] = (
    ("png", "png-claims-100000", b.png(100_000, 100_000, zlib.compress(bytes(10)))),
    ("png", "png-claims-2-31", b.png(2**31 - 1, 2**31 - 1, zlib.compress(bytes(10)))),
    ("png", "png-unfolds-30000", _png_square(30_000, 1)),
    ("png", "png-at-the-limit", lambda: b.png(8192, 6000, b.deflated_zeros(8193 * 6000))),
    ("png", "png-long-rows", lambda: b.png(4, 4, b.deflated_zeros(10**9))),
    ("png", "png-ztxt", _png_chunked(b"zTXt", 100_000_000)),
    ("png", "png-itxt", _png_chunked(b"iTXt", 100_000_000)),
    ("png", "png-iccp", _png_chunked(b"iCCP", 100_000_000)),
    ("png", "png-100000-chunks", lambda: b.png(
        4, 4, zlib.compress(bytes(20)), before=b.png_chunk(b"tEXt", b"a\0b") * 100_000)),
    ("png", "png-no-rows", b.png(4, 4, b"")),
    ("jpg", "jpeg-claims-65500", lambda: _jpeg(65_500, 65_500)),
    ("jpg", "jpeg-claims-0", lambda: _jpeg(0, 0)),
    ("jpg", "jpeg-200-scans", lambda: _progressive(200)),
    ("jpg", "jpeg-two-sizes", lambda: _two_sizes("jpeg")),
    ("jpg", "jpeg-exif-claims", lambda: seed("jpg")[:2] + b"\xff\xe1\xff\xfeExif\0\0II*\0"
        b"\x08\0\0\0\xff\xff" + bytes(65_500) + seed("jpg")[2:]),
    ("tiff", "tiff-two-sizes", lambda: _two_sizes("tiff")),
    ("tiff", "tiff-loop", _tiff(_SQUARE)),
    ("tiff", "tiff-strips", _tiff([*_SQUARE[:3], (273, 4, 2**30, 8), (278, 4, 1, 1),
                                   (279, 4, 2**30, 8)])),
    ("tiff", "tiff-tags", lambda: b"II*\0\x08\0\0\0\xff\xff" + struct.pack(
        "<HHII", 700, 1, 2**31, 8) * 65_535),
    ("tiff", "bigtiff-offset", b"II+\0\x08\0\0\0" + b"\xff" * 8 + bytes(40)),
    ("tiff", "bigtiff-count", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + b"\xff" * 8 + bytes(40)),
    ("tiff", "tiff-samples", _tiff([*_SQUARE, (277, 3, 1, 65_535), (273, 4, 1, 8),
                                    (279, 4, 1, 16)])),
    ("webp", "webp-claims", b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6),
    ("webp", "webp-two-sizes", lambda: _two_sizes("webp")),
    ("bmp", "bmp-claims", lambda: seed("bmp")[:18] + b"\xff\xff\xff\x7f\1\0\0\0" + seed("bmp")[26:]),
    ("bmp", "bmp-negative", lambda: seed("bmp")[:22] + b"\0\0\0\x80" + seed("bmp")[26:]),
    ("jp2", "jp2-two-sizes", lambda: _two_sizes("jp2")),
    ("jp2", "jp2-tiles", lambda: seed("jp2").replace(
        b"\xff\x4f\xff\x51", b"\xff\x4f\xff\x51\xff\xff", 1)),
    ("avif", "avif-claims", lambda: _ispe(60_000)),
    ("avif", "avif-says-small", lambda: _ispe(4)),
    ("ppm", "pnm-claims", b"P6 99999 99999 255\n" + bytes(100)),
    ("pbm", "pnm-at-the-limit", b"P1 8000 6000 1 0 1\n"),
    ("pgm", "pnm-maxval", b"P2 100 100 999999999\n" + b"1 " * 100),
    ("gif", "gif-two-sizes", lambda: _two_sizes("gif")),
    ("gif", "gif-100000-frames", lambda: b.gif(4, 4, 100_000, 1)),
    ("gif", "gif-of-three-hours", lambda: b.gif(4, 4, 100_000, 10)),
    ("gif", "gif-65535-canvas", lambda: b.gif(65_535, 65_535, 5)),
    ("gif", "gif-1000-large-frames", lambda: b.gif(1000, 1000, 1000)),
    ("gif", "gif-stands-for-days", lambda: b.gif(8, 8, 2000, 65_535)),
    ("gif", "gif-mark-alone", b"GIF8"),
    ("gif", "gif-four-marks", b"GIF89a"),
)  # fmt: skip


def _ispe(side: int) -> bytes:
    data = bytearray(seed("avif"))
    at = data.index(b"ispe")
    struct.pack_into(">II", data, at + 8, side, side)
    return bytes(data)


_QUIET = bytes(3200)
SOUNDS: tuple[tuple[str, str, Data | bytes], ...] = (
    ("wav", "wav-claims-4-gb", b.wav(size=0xFFFFFFFF)),
    ("wav", "wav-claims-1e9-samples", b.wav(size=2_000_000_000)),
    ("wav", "wav-65535-channels", b.wav(channels=65_535, samples=bytes(1_000_000))),
    ("wav", "wav-1000-channels", b.wav(channels=1000, samples=bytes(1_000_000))),
    ("wav", "wav-0-channels", b.wav(channels=0)),
    ("wav", "wav-0-hertz", b.wav(rate=0)),
    ("wav", "wav-1-hertz", b.wav(rate=1, samples=bytes(20_000))),
    ("wav", "wav-8-hertz", b.wav(rate=8, samples=bytes(20_000))),
    ("wav", "wav-4e9-hertz", b.wav(rate=0xFFFFFFFF)),
    ("wav", "wav-2e9-hertz", b.wav(rate=2_000_000_000, samples=bytes(1_000_000))),
    ("wav", "wav-0-bits", b.wav(bits=0)),
    ("wav", "wav-64-bits", b.wav(bits=64)),
    ("wav", "wav-65535-bits", b.wav(bits=65_535)),
    ("wav", "wav-tag-0", b.wav(tag=0)),
    ("wav", "wav-tag-adpcm", b.wav(tag=2, bits=4)),
    ("wav", "wav-10000-chunks", lambda: b.riff(
        b"RIFF", b"WAVE" + b.riff(b"LIST", b"INFO" + b.riff(b"INAM", b"x" * 50)) * 10_000)),
    ("wav", "wav-nan", b.wav(tag=3, bits=32, samples=b"\xff\xff\xff\xff\0\0\x80\x7f" * 2000)),
    ("flac", "flac-claims-2-36", lambda: _streaminfo(16_000, 1, 2**36 - 1)),
    ("flac", "flac-655350-hertz", lambda: _streaminfo(655_350, 8, 2**36 - 1)),
    ("flac", "flac-0-hertz", lambda: _streaminfo(0, 1, 100)),
    ("flac", "flac-picture", lambda: seed("flac")[:4] + b"\6\xff\xff\xff" + seed("flac")[4:]),
    ("mp3", "mp3-id3-256-mb", lambda: b"ID3\4\0\0\x7f\x7f\x7f\x7f" + seed("mp3")),
    ("mp3", "mp3-id3-100000-frames", lambda: _id3(b"TXXX\0\0\0\2\0\0\0a" * 100_000)),
    ("mp3", "mp3-id3-in-id3", lambda: b"ID3\4\0\0\0\0\0\0" * 50_000 + seed("mp3")),
    ("mp3", "mp3-id3-zlib", lambda: _id3(_compressed_frame(20_000_000))),
    ("mp3", "mp3-apic", lambda: _id3(b"APIC" + _safe(10_000_000) + b"\0\0\0image/png\0\3\0" + b.png(
        60_000, 60_000, b"") + bytes(10_000_000 - 100))),
    ("aiff", "aiff-claims", lambda: _patched("aiff", b"COMM", 10, b"\x7f\xff\xff\xff")),
    ("aiff", "aiff-rate", lambda: _patched("aiff", b"COMM", 16, b"\x7f\xff\xff\xff\xff\xff\xff\xff")),
    ("au", "au-claims", lambda: _patched("au", b".snd", 8, b"\x7f\xff\xff\xff")),
    ("au", "au-1-hertz", lambda: _patched("au", b".snd", 16, b"\0\0\0\1")),
    ("au", "au-channels", lambda: _patched("au", b".snd", 20, b"\x7f\xff\xff\xff")),
    ("caf", "caf-1e300-hertz", lambda: _patched("caf", b"desc", 12, struct.pack(">d", 1e300))),
    ("caf", "caf-nan-hertz", lambda: _patched("caf", b"desc", 12, struct.pack(">d", float("nan")))),
    ("caf", "caf-channels", lambda: _patched("caf", b"desc", 36, b"\x7f\xff\xff\xff")),
    ("w64", "w64-claims", lambda: seed("w64")[:16] + b"\xff" * 8 + seed("w64")[24:]),
)  # fmt: skip


def _patched(name: str, mark: bytes, offset: int, value: bytes) -> bytes:
    data = bytearray(seed(name))
    at = data.index(mark) + offset
    data[at : at + len(value)] = value
    return bytes(data)


def _streaminfo(rate: int, channels: int, samples: int) -> bytes:
    data = bytearray(seed("flac"))
    at = data.index(b"fLaC") + 8 + 10
    number = rate << 44 | (channels - 1) << 41 | 15 << 36 | samples
    data[at : at + 8] = number.to_bytes(8, "big")
    return bytes(data)


def _safe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _id3(frames: bytes) -> bytes:
    return b"ID3\4\0\0" + _safe(len(frames)) + frames + seed("mp3")


def _compressed_frame(size: int) -> bytes:
    packed = b.deflated_zeros(size)
    return b"TIT2" + _safe(len(packed) + 4) + b"\0\x09" + _safe(size) + packed


def _many(count: int, path: tuple[bytes, ...], kind: bytes) -> bytes:
    """An MP4 with one of its boxes many times over."""
    data = seed("mp4")
    first, end = b.find(data, kind)
    return b.replaced(data, (*path, kind), data[first:end] * count)


_STBL = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def _table(kind: bytes, body: bytes) -> Data:
    """An MP4 with one table of samples replaced."""
    return lambda: b.replaced(seed("mov"), (*_STBL, kind), b.box(kind, bytes(4) + body))


def _one_track(*, rate: float = 16_000.0, channels: int = 1, more: bytes = b"", data: bytes = _QUIET,
               duration: float = 200.0) -> bytes:  # fmt: skip
    track = b.sound_track(1, rate, channels, more)
    return b.matroska(b.info(duration), b.tracks(track), b.cluster(0, b.block(1, 0, data)))


def _packed_track() -> bytes:
    """A Matroska track whose blocks are deflated: a kilobyte becomes a megabyte."""
    coding = b.element("5034", b.element("4254", 0))
    more = b.element(
        "6D80", b.element("6240", b.element("5031", 0) + b.element("5033", 0) + coding)
    )
    data = b.deflated_zeros(9_000_000)
    blocks = [b.block(1, i * 100, data) for i in range(5)]
    return b.matroska(b.info(9e6), b.tracks(b.sound_track(1, more=more)), b.cluster(0, *blocks))


FILMS: tuple[tuple[str, str, Data | bytes], ...] = (
    ("mov", "mov-1e9-samples", _table(b"stsz", struct.pack(">II", 2, 1_000_000_000))),
    ("mov", "mov-1e9-sizes", _table(b"stsz", struct.pack(">II", 0, 1_000_000_000))),
    ("mov", "mov-1e9-times", _table(b"stts", struct.pack(">III", 1, 1_000_000_000, 1))),
    ("mov", "mov-4e9-entries", _table(b"stts", struct.pack(">I", 0xFFFFFFFF))),
    ("mov", "mov-long-samples", _table(b"stts", struct.pack(">III", 1, 1_000, 0x7FFFFFFF))),
    ("mov", "mov-4e9-chunks", _table(b"stco", struct.pack(">I", 0xFFFFFFFF))),
    ("mov", "mov-chunks-of-4e9", _table(b"stsc", struct.pack(">IIII", 1, 1, 0xFFFFFFFF, 1))),
    ("mov", "mov-backwards", _table(b"stsc", struct.pack(">IIIIIII", 2, 9, 1, 1, 1, 1, 1))),
    ("mp4", "mp4-10000-boxes", lambda: b.boxed(10_000) + seed("mp4")),
    ("mp4", "mp4-deep-tracks", lambda: b.boxed(5_000, (b"trak", b"mdia", b"minf"))),
    ("mp4", "mp4-size-0", lambda: seed("mp4")[:32] + b"\0\0\0\0moov" + seed("mp4")[32:]),
    ("mp4", "mp4-size-64", lambda: b"\0\0\0\1ftyp" + b"\xff" * 8 + seed("mp4")),
    ("mp4", "mp4-compressed-header", lambda: b.box(b"ftyp", b"qt  \0\0\0\0qt  ") + b.box(
        b"moov", b.box(b"cmov", b.box(b"dcom", b"zlib") + b.box(
            b"cmvd", struct.pack(">I", 2**31 - 1) + b.deflated_zeros(300_000_000))))),
    ("mp4", "mp4-fragments", lambda: _fragments(3_000)),
    ("mkv", "mkv-compressed-blocks", _packed_track),
    ("mkv", "mkv-10000-levels", lambda: b.EBML + b"\x18\x53\x80\x67\xff" + (
        b"\x10\x43\xa7\x70\xff\x45\xb9\xff\xb6\xff\x80\xff" * 10_000)),
    ("mkv", "mkv-1e12-seconds", lambda: _one_track(duration=1e15)),
    ("mkv", "mkv-nan-seconds", lambda: _one_track(duration=float("nan"))),
    ("mkv", "mkv-1e300-hertz", lambda: _one_track(rate=1e300)),
    ("mkv", "mkv-negative-hertz", lambda: _one_track(rate=-16_000.0)),
    ("mkv", "mkv-1-hertz", lambda: _one_track(rate=1.0, data=bytes(20_000))),
    ("mkv", "mkv-2e9-hertz", lambda: _one_track(rate=2e9, data=bytes(500_000))),
    ("mkv", "mkv-255-channels", lambda: _one_track(channels=255, data=bytes(255_000))),
    ("mkv", "mkv-2-31-channels", lambda: _one_track(channels=2**31 - 1)),
    ("mkv", "mkv-block-claims", lambda: b.matroska(b.info(), b.tracks(b.sound_track())) + b.cluster(
        0, b.element("A3", bytes(10), b"\x01\0\0\x00\xff\xff\xff\xff"))),
    ("mkv", "mkv-attachment-claims", lambda: b.matroska(b.info(), b.tracks(b.sound_track()), b.element(
        "1941A469", b.element("61A7", b.element("466E", b"/etc/passwd") + b.element(
            "465C", bytes(10), b"\x01\0\0\0\x7f\xff\xff\xff"))))),
    ("mkv", "mkv-20000-lines", lambda: _endless_lines(20_000, 5)),
    ("mkv", "mkv-lines-without-end", lambda: _endless_lines(5_000, 2**40)),
    ("mkv", "mkv-one-long-line", lambda: _line(b"well " * 1_000_000)),
    ("mkv", "mkv-line-of-braces", lambda: _line(b"{\\i1}<v " * 200_000)),
    ("avi", "avi-frames", lambda: _patched("avi", b"avih", 24, b"\xff\xff\xff\x7f")),
    ("avi", "avi-streams", lambda: _patched("avi", b"avih", 32, b"\xff\xff\xff\x7f")),
    ("avi", "avi-rate", lambda: _patched("avi", b"strh", 28, b"\1\0\0\0\xff\xff\xff\x7f")),
    ("avi", "avi-scale", lambda: _patched("avi", b"strh", 28, b"\xff\xff\xff\x7f\1\0\0\0")),
    ("avi", "avi-index", lambda: seed("avi").replace(b"idx1", b"indx")),
    ("avi", "avi-huge-pictures", lambda: _patched("avi", b"strf", 12, b"\xff\xff\0\0\xff\xff\0\0")),
    ("flv", "flv-deep-metadata", lambda: _amf(b"\x03\0\1a" * 20_000)),
    ("flv", "flv-array", lambda: _amf(b"\x0a\xff\xff\xff\xff" * 2_000)),
    ("flv", "flv-keyframes", lambda: _amf(b"\x03\0\x09keyframes\x03\0\5times\x0a\x7f\xff\xff\xff")),
)  # fmt: skip


def _fragments(count: int) -> bytes:
    data = seed("mp4-fragmented")
    first, end = b.find(data, b"moof")
    return data[:first] + data[first:end] * count + data[end:]


def _amf(value: bytes) -> bytes:
    body = b"\2\0\x0aonMetaData" + value
    tag = b"\x12" + len(body).to_bytes(3, "big") + bytes(7) + body
    return b"FLV\1\5\0\0\0\x09\0\0\0\0" + tag + struct.pack(">I", len(tag)) + seed("flv")[13:]


def _endless_lines(count: int, duration: int) -> bytes:
    clusters = [b.cluster(0, b.block(1, 0, bytes(32_000)))]
    for first in range(0, count, 1000):
        lines = [b.block(2, i % 1000, b"I am so glad", duration) for i in range(1000)]
        clusters.append(b.cluster(first % 1000, *lines))
    return b.matroska(b.info(), b.tracks(b.sound_track(), b.line_track(2)), *clusters)


def _line(text: bytes) -> bytes:
    blocks = b.block(1, 0, bytes(32_000)), b.block(2, 0, text, 900)
    return b.matroska(b.info(), b.tracks(b.sound_track(), b.line_track(2)), b.cluster(0, *blocks))


def _vorbis_streams(count: int) -> bytes:
    head = b"OpusHead\1\1\x38\1\x80\xbb\0\0\0\0\0"
    tags = b"OpusTags\0\0\0\0\0\0\0\0"
    pages = [b.ogg_page(serial, 0, head, 2) for serial in range(count)]
    pages += [b.ogg_page(serial, 1, tags) for serial in range(count)]
    return b"".join(pages)


def _programs(count: int) -> bytes:
    """A transport stream whose table names thousands of programs."""
    packets = []
    for first in range(0, count, 40):
        rows = b"".join(
            struct.pack(">HH", 1 + i, 0xE000 | 32 + i) for i in range(first, first + 40)
        )
        table = struct.pack(">HBBB", 1, 0xC1, first // 40 % 256, 255) + rows
        packet = b"G\x40\0\x10\0\0" + struct.pack(">H", 0xB000 | len(table) + 4) + table + bytes(4)
        packets.append(packet.ljust(188, b"\xff"))
    return b"".join(packets) + seed("mpegts")


STREAMS: tuple[tuple[str, str, Data | bytes], ...] = (
    ("mp4", "mp4-2000-tracks", lambda: _many(2_000, (b"moov",), b"trak")),
    ("mp4", "mp4-2000-tables", lambda: _many(2_000, (*_STBL,), b"stts")),
    ("mkv", "mkv-10000-tracks", lambda: b.matroska(b.info(), b.tracks(
        *(b.sound_track(1 + i) for i in range(10_000))), b.cluster(0, b.block(1, 0, _QUIET)))),
    ("mkv", "mkv-5000-line-tracks", lambda: b.matroska(b.info(), b.tracks(
        b.sound_track(), *(b.line_track(2 + i) for i in range(5_000))),
        b.cluster(0, b.block(1, 0, _QUIET)))),
    ("mkv", "mkv-100000-chapters", lambda: b.matroska(b.info(), b.tracks(b.sound_track()), b.element(
        "1043A770", b.element("45B9", b.element("B6", b.element("73C4", 1) + b.element("91", 0)
                                                ) * 100_000)), b.cluster(0, b.block(1, 0, _QUIET)))),
    ("mkv", "mkv-100000-tags", lambda: b.matroska(b.info(), b.tracks(b.sound_track()), b.element(
        "1254C367", b.element("7373", b.element("67C8", b.element("45A3", b"A") + b.element(
            "4487", b"b"))) * 100_000), b.cluster(0, b.block(1, 0, _QUIET)))),
    ("ogg", "ogg-2000-streams", lambda: _vorbis_streams(2_000)),
    ("ts", "ts-8000-programs", lambda: _programs(8_000)),
    ("avi", "avi-90-streams", lambda: _avi_streams(90)),
)  # fmt: skip


def _avi_streams(count: int) -> bytes:
    data = seed("avi")
    at = data.index(b"strl") - 8
    size = 8 + struct.unpack_from("<I", data, at + 4)[0]
    header = data.index(b"hdrl") - 8
    grown = bytearray(data[:at] + data[at : at + size] * count + data[at + size :])
    for place in (4, header + 4):
        struct.pack_into(
            "<I", grown, place, struct.unpack_from("<I", grown, place)[0] + size * (count - 1)
        )
    return bytes(grown)


TEXTS: tuple[tuple[str, str, Data | bytes], ...] = (
    ("txt", "text-one-word-of-9-mb", lambda: b"a" * 9_000_000),
    ("txt", "text-of-breaks", lambda: b"\n" * 9_000_000),
    ("txt", "text-of-stops", lambda: b"Mr. " * 20_000),
    ("txt", "text-2000-lines", lambda: b"I am so glad\n" * 2_000),
    ("txt", "text-11-mb", lambda: b"a b " * 2_750_000),
    ("txt", "text-utf-16", lambda: "so glad \u202e\u0000 ".encode("utf-16") * 100),
    ("txt", "text-combining", ("a" + "\u0301" * 20_000).encode()),
    ("md", "markdown-brackets", lambda: b"[" * 50_000 + b"](x)" * 10_000),
)  # fmt: skip
