"""Hostile subtitle files beside a recording."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from case import Case, sampled
from places import LINES
from seeds import seed
from tests.fuzz_seeds import WORDS

MUTANTS = 600
_BIG, _LONG = "9" * 5000, "9" * 400
_TTML = '<tt xmlns="http://www.w3.org/ns/ttml" {a}><head>{h}</head><body>{b}</body></tt>'
_P = "<p begin='0.1s' end='0.9s'>I am so glad</p>"


def _ttml(a: str = "", h: str = "", b: str = _P) -> bytes:
    return _TTML.format(a=a, h=h, b=b).encode()


def _laughs(root: str) -> bytes:
    """Entities of entities: ten of ten of ten ..."""
    rows = "".join(
        f'<!ENTITY {c} "{f"&{p};" * 10}">' for p, c in zip("abcdefghi", "bcdefghij", strict=True)
    )
    return (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">{rows}]><{root}>&j;</{root}>'.encode()
    )


def _outside(root: str) -> bytes:
    return (f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            f"<{root} xmlns='http://www.w3.org/ns/ttml'>&a;</{root}>").encode()  # fmt: skip


def _zip() -> bytes:
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"../{number}", b"")
    return buffer.getvalue()


PLANTED: dict[str, tuple[str, Callable[[], bytes] | bytes]] = {
    "million-cues": ("srt", lambda: LINES * 200_000),
    "one-row-of-9-mb": ("srt", lambda: LINES + b"a" * 9_000_000),
    "arrows": ("srt", lambda: b"-->" * 500_000),
    "times": ("srt", lambda: b"00:00:00,100 --> 00:00:00,900\n" * 100_000),
    "huge-times": ("srt", f"{_BIG}:00:01,000 --> {_LONG}:00:02,000\nx\n".encode()),
    "voices": ("vtt", lambda: b"WEBVTT\n\n00:00.1 --> 00:00.9\n<v" + b" " * 300_000),
    "tags": ("vtt", lambda: b"WEBVTT\n\n00:00.1 --> 00:00.9\n" + b"<v <" * 200_000),
    "entities": ("vtt", lambda: b"WEBVTT\n\n00:00.1 --> 00:00.9\n" + b"&#x110000;&amp" * 100_000),
    "brackets": ("vtt", lambda: b"WEBVTT\n\n00:00.1 --> 00:00.9\n" + b"[(" * 200_000),
    "dashes": ("vtt", lambda: b"WEBVTT\n\n00:00.1 --> 00:00.9\n" + b">> - " * 100_000),
    "laughs": ("ttml", _laughs("tt")),
    "laughs-eaf": ("eaf.srt", _laughs("ANNOTATION_DOCUMENT")),
    "laughs-sami": ("smi", _laughs("sami")),
    "outside": ("ttml", _outside("tt")),
    "outside-eaf": ("eaf.srt", _outside("ANNOTATION_DOCUMENT")),
    "deep": ("ttml", lambda: _ttml(b="<div>" * 200_000)),
    "deep-closed": ("ttml", lambda: _ttml(b="<div>" * 3000 + "</div>" * 3000)),
    "deep-spans": ("ttml", lambda: _ttml(b="<p>" + "<span>" * 5000 + "</span>" * 5000 + "</p>")),
    "deep-agent": ("ttml", lambda: _ttml(h="<agent id='a'><name>" + "<span>" * 3000 + "</span>" * 3000
                                         + "</name></agent>")),
    "frame-rate": ("ttml", _ttml(a=f'frameRate="{_BIG}"')),
    "frame-rate-400": ("ttml", _ttml(a=f'frameRate="{_LONG}"')),
    "tick-rate": ("ttml", _ttml(a=f'tickRate="{_LONG}"')),
    "multiplier": ("ttml", _ttml(a=f'frameRateMultiplier="{_LONG} 1"')),
    "multiplier-0": ("ttml", _ttml(a=f'frameRateMultiplier="1 {_LONG}"', b="<p begin='1f'>x</p>")),
    "clock": ("ttml", _ttml(b=f"<p begin='{_BIG}:00:00' end='1s'>x</p>")),
    "clock-400": ("ttml", _ttml(b=f"<p begin='{_LONG}:00:00' end='1s'>x</p>")),
    "frames": ("ttml", _ttml(b=f"<p begin='00:00:00:{_BIG}' end='1s'>x</p>")),
    "attributes": ("ttml", lambda: _ttml(b="<p " + " ".join(f"a{i}='x'" for i in range(100_000)) + "/>")),
    "nested-spans": ("ttml", lambda: _ttml(b="<p>" + "<span begin='0.1s'>x" * 900 + "</span>" * 900 + "</p>")),
    "sami-times": ("smi", f"<SAMI><BODY><SYNC Start={_BIG}><P>x<SYNC Start=-{_LONG}><P>y".encode()),
    "sami-syncs": ("smi", lambda: b"<SAMI><BODY>" + b"<SYNC start" * 200_000),
    "sami-comments": ("smi", lambda: b"<SAMI><BODY>" + b"<!--" * 200_000),
    "microdvd": ("sub", f"{{1}}{{1}}1e-300\n{{{_LONG}}}{{20}}x\n".encode()),
    "microdvd-rows": ("sub", lambda: b"{1}{1}25\n" + b"{1}{2}" * 300 * 1000),
    "lyrics": ("lrc", lambda: b"[00:00.1]" * 200_000 + b"x\n"),
    "mpl": ("mpl", f"[{_LONG}][20]x\n".encode()),
    "substation": ("ass", lambda: b"[Script Info]\n\n[Events]\nFormat: Start, End, Text\n" + b"Dialogue: "
                   b"0:00:00.1,0:00:00.9,{\\p1}{\\i1}x\n" * 50_000),
    "substation-braces": ("ass", lambda: b"[Script Info]\n\n[Events]\nFormat: Start, End, Text\nDialogue: "
                          b"0:00:00.1,0:00:00.9," + b"{\\" * 300_000),
    "substation-time": ("ass", f"[Script Info]\n\n[Events]\nFormat: Start, End, Text\nDialogue: {_LONG}:00:00.0,"
                        f"{_BIG}:00:01.0,x\n".encode()),
    "json-deep": ("sbv", lambda: b"[" * 100_000),
    "zip-bomb": ("srt", lambda: b"PK\3\4" + zlib.compress(bytes(50_000_000))),
    "zip-names": ("srt", _zip),
    "picture": ("srt", lambda: seed("png")),
    "recording": ("srt", lambda: seed("mkv")),
    "empty": ("srt", b""),
    "utf-16": ("srt", LINES.decode().encode("utf-16")),
    "marks": ("srt", b"\xff\xfe\xff\xfe"),
    "60-mb": ("srt", lambda: LINES * 1_300_000),
    "zeros": ("srt", lambda: bytes(1_000_000)),
    "list": ("srt", b"ffconcat version 1.0\nfile /etc/passwd\n"),
}  # fmt: skip


def sidecars(seed_number: int, secrets: Path) -> Iterator[Case]:
    """Planted files, mutants of valid ones, and what is no file beside a recording."""
    for name, (suffix, data) in PLANTED.items():
        yield Case("sidecars", name, partial(_with, f"a.{suffix}", data), beside=(f"a.{suffix}",))
    for name, make in (
        ("fifo", os.mkfifo), ("folder", os.mkdir), ("loop", lambda p: os.symlink("a.srt", p)),
        ("device", lambda p: os.symlink("/dev/zero", p)),
        ("secret", lambda p: os.symlink(secrets / "secret.srt", p)),
        ("up", lambda p: os.symlink("/proc/self/environ", p)),
        ("sparse", _sparse),
    ):  # fmt: skip
        beside = ("a.srt",) if name == "sparse" else ()
        yield Case("sidecars", f"is-{name}", partial(_placed, make), beside=beside)
    yield Case("sidecars", "10000-beside", _crowd, beside=tuple(f"a.en.{i}.srt" for i in range(10)))
    yield from sampled(_mutants(seed_number), 12)


def _with(name: str, data: Callable[[], bytes] | bytes, folder: Path) -> Path:
    (folder / name).write_bytes(data() if callable(data) else data)
    (folder / "a.wav").write_bytes(seed("wav"))
    return folder / "a.wav"


def _placed(make: Callable[[str], object], folder: Path) -> Path:
    make(str(folder / "a.srt"))
    (folder / "a.wav").write_bytes(seed("wav"))
    return folder / "a.wav"


def _sparse(path: str) -> None:
    with open(path, "wb") as file:
        file.write(LINES)
        file.truncate(1 << 34)


def _crowd(folder: Path) -> Path:
    for number in range(3000):
        (folder / f"a.x{number}.srt").write_bytes(LINES)
    (folder / "a.wav").write_bytes(seed("wav"))
    return folder / "a.wav"


def _mutants(seed_number: int) -> Iterator[Case]:
    suffixes = [
        s
        for s in WORDS
        if s in {".srt", ".vtt", ".ass", ".ttml", ".sbv", ".smi", ".lrc", ".sub", ".mpl"}
    ]
    for number in range(MUTANTS):
        suffix = suffixes[number % len(suffixes)]
        make = partial(_mutant, seed_number, number, suffix)
        name = f"a{suffix}"
        yield Case("sidecars", f"mutant-{number:03d}{suffix.replace('.', '-')}",
                   partial(_with, name, make), beside=(name,))  # fmt: skip


def _mutant(seed_number: int, number: int, suffix: str) -> bytes:
    draw = random.Random(f"{seed_number}/words/{number}")
    data = bytearray(draw.choice(WORDS[suffix]).encode())
    for _ in range(draw.choice((1, 2, 4, 8))):
        at = draw.randrange(len(data) + 1)
        size = draw.choice((1, 2, 4, 16))
        how = draw.randrange(6)
        if how == 0:
            data[at : at + size] = draw.randbytes(size)
        elif how == 1:
            data[at:at] = data[at : at + size] * draw.choice((1, 10, 1000))
        elif how == 2:
            del data[at : at + size]
        elif how == 3:
            data[at : at + 1] = draw.choice(
                (b"9" * 5000, b"-1", b"1e999", b"nan", b"\0", b"\xff", b"<", b"{", b"&#0;")
            )
        elif how == 4:
            other = draw.choice(WORDS[draw.choice(list(WORDS))]).encode()
            data[at:at] = other[draw.randrange(len(other)) :]
        else:
            data = bytearray(data.swapcase()) if size == 1 else data + data
    return bytes(data)
