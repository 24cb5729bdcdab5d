"""What is no plain file, files that change while they are read, and names that deceive."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import boxes as b
from case import Case, content
from seeds import seed

TERABYTE = 1 << 40
DEVICES = ("/dev/zero", "/dev/random", "/dev/urandom", "/dev/full", "/dev/null", "/dev/tty", "/dev/stdin", "/dev/fd/0",
           "/proc/self/mem", "/proc/self/environ", "/proc/self/maps", "/proc/kmsg", "/proc/self/fd", "/proc/self/pagemap",
           "/sys/kernel/notes", "/proc/version", "/")  # fmt: skip


def places(secrets: Path) -> Iterator[Case]:
    """Links, devices, FIFOs, sockets, folders, sparse files, files without permission."""
    for device in DEVICES:
        name = device.strip("/").replace("/", "-") or "root"
        yield Case("places", f"is-{name}", lambda folder, device=device: Path(device))
        yield Case("places", f"link-to-{name}", partial(_link, device))
    for suffix in ("wav", "mp4", "txt", "png", "gif", "srt"):
        yield Case("places", f"fifo-{suffix}", partial(_fifo, f"pipe.{suffix}"))
        yield Case("places", f"folder-{suffix}", partial(_folder, f"folder.{suffix}"))
        yield Case("places", f"socket-{suffix}", partial(_socket, f"socket.{suffix}"))
        yield Case("places", f"empty-{suffix}", content(f"empty.{suffix}", b""))
        yield Case("places", f"sparse-zeros-{suffix}", partial(_sparse, f"sparse.{suffix}", b""))
    for suffix in ("aac", "mp3", "h264", "hevc", "mjpeg", "ac3", "mkv", "ts", "mpg", "avi", "flac", "ogg", "amr", "y4m",
                   "m4v", "dv", "loas", "ivf", "jpg", "webp", "sph"):  # fmt: skip
        yield Case("places", f"sparse-zeros-{suffix}", partial(_sparse, f"sparse.{suffix}", b""))
    for name in ("wav", "mp4", "mkv", "mp3", "gif", "png", "mpegts", "aac"):
        make, short = partial(_sparse_after, name), name in {"mp4", "png", "aac"}
        yield Case("places", f"sparse-after-{name}", make, short=short)
    yield Case("places", "sparse-samples", partial(_sparse, "sparse.wav", b.wav(size=0xFFFFFFFF)))
    yield Case("places", "sparse-text", partial(_sparse, "sparse.txt", b"I am so glad\n"))
    yield Case("places", "link-loop", _loop)
    yield Case("places", "link-dangling", partial(_link, "/nowhere/at/all"))
    yield Case("places", "link-of-40", _chain)
    yield Case("places", "link-to-recording", _link_to_recording)
    yield Case(
        "places", "path-through-file", lambda folder: content("a.wav", b"x")(folder) / "b.wav"
    )
    yield Case("places", "path-of-5000", lambda folder: folder / ("a/" * 2500 + "b.wav"))
    yield Case("places", "nul-byte", lambda folder: folder / "a\0b.wav")
    yield Case(
        "places",
        "parent",
        lambda folder: content("a.wav", seed("wav"))(folder).parent / ".." / folder.name / "a.wav",
    )


def _link(target: str, folder: Path) -> Path:
    path = folder / "link.wav"
    path.symlink_to(target)
    return path


def _fifo(name: str, folder: Path) -> Path:
    os.mkfifo(folder / name)
    return folder / name


def _folder(name: str, folder: Path) -> Path:
    (folder / name).mkdir()
    return folder / name


def _socket(name: str, folder: Path) -> Path:
    """A Unix socket, bound from within the folder: its path may have 107 bytes."""
    with socket.socket(socket.AF_UNIX) as made:
        before = os.open(".", os.O_RDONLY)
        try:
            os.chdir(folder)
            made.bind(name)
        finally:
            os.fchdir(before)
            os.close(before)
    return folder / name


def _sparse(name: str, head: bytes, folder: Path) -> Path:
    path = folder / name
    with path.open("wb") as file:
        file.write(head)
        for size in (TERABYTE, 1 << 36, 1 << 33):  # what the file system allows
            try:
                file.truncate(size)
            except OSError:
                continue
            break
    return path


def _sparse_after(name: str, folder: Path) -> Path:
    return _sparse(f"sparse.{name}", seed(name), folder)


def _loop(folder: Path) -> Path:
    (folder / "a.wav").symlink_to(folder / "b.wav")
    (folder / "b.wav").symlink_to(folder / "a.wav")
    return folder / "a.wav"


def _chain(folder: Path) -> Path:
    (folder / "0.wav").write_bytes(seed("wav"))
    for number in range(45):
        (folder / f"{number + 1}.wav").symlink_to(folder / f"{number}.wav")
    return folder / "45.wav"


def _link_to_recording(folder: Path) -> Path:
    (folder / "deep").mkdir()
    (folder / "deep" / "true.wav").write_bytes(seed("wav"))
    (folder / "link.wav").symlink_to(folder / "deep" / "true.wav")
    return folder / "link.wav"


# --- files that change while they are read -----------------------------------------------------


def changing() -> Iterator[Case]:
    """Files that grow, shrink, vanish or become something else while they are analysed."""
    for name in ("wav", "mp4", "mkv", "mpegts", "gif", "png", "mp3", "flac"):
        for how, change in _CHANGES.items():
            data = partial(_longer, name)
            yield Case("changing", f"{how}-{name}", content(f"a.{name}", data), during=change)
    for how, change in _CHANGES.items():
        make = content("a.txt", b"I am so glad. " * 5_000)
        yield Case("changing", f"{how}-text", make, during=change)


def _longer(name: str) -> bytes:
    return seed(name) * (40 if name in {"mpegts", "mp3", "flac"} else 1)


def _grow(path: Path) -> None:
    data = path.read_bytes()
    for _ in range(30):
        with path.open("ab") as file:
            file.write(data[: 1 << 20])
        time.sleep(0.005)


def _shrink(path: Path) -> None:
    size = path.stat().st_size
    for share in range(20, -1, -1):
        os.truncate(path, size * share // 20)
        time.sleep(0.005)


def _vanish(path: Path) -> None:
    time.sleep(0.01)
    path.unlink()


def _become(path: Path) -> None:
    for number in range(20):
        other = path.with_name("other")
        other.write_bytes((seed("png"), seed("avi"), b"", b"text")[number % 4])
        other.replace(path)
        time.sleep(0.005)


def _become_fifo(path: Path) -> None:
    time.sleep(0.003)
    path.unlink()
    os.mkfifo(path)


_CHANGES: dict[str, Callable[[Path], None]] = {
    "grows": _grow, "shrinks": _shrink, "vanishes": _vanish, "becomes": _become,
    "becomes-a-fifo": _become_fifo,
}  # fmt: skip


# --- names -------------------------------------------------------------------------------------

NAMES: dict[str, bytes] = {
    "newline": b"a\nb", "return": b"a\rb", "escape": b"a\x1b[2J\x1b]0;x\x07b", "bell": b"a\x07b",
    "tab": b"a\tb", "not-utf-8": b"a\xff\xfeb", "latin-1": b"caf\xe9", "half-surrogate": b"a\xed\xa0\x80b",
    "dash": b"-rf", "two-dashes": b"--json", "dash-alone": b"-", "dots": b"...", "space": b" a b ",
    "right-to-left": "a\u202egnp.b".encode(), "isolates": "a\u2066b\u2069".encode(), "no-width": "a\u200bb".encode(),
    "line-separator": "a\u2028b".encode(), "emoji": "\U0001f600".encode(), "combining": ("a" + "\u0301" * 100).encode(),
    "percent": b"%d%s%n", "braces": b"{0}{x!r}{", "quotes": b"a'b\"c`d", "shell": b"$(touch x);|&<>", "star": b"*?[a]",
    "backslash": b"..\\..\\a", "colon": b"C:a", "scheme": b"http:a", "html": b"<script>alert(1)<", "long": b"a" * 240,
    "long-utf-8": "\u00e4".encode() * 120, "controls": bytes(range(1, 32)).replace(b"\n", b""), "delete": b"a\x7fb", "c1": b"a\xc2\x9bb",
    "markup": b"[red]a[bold]", "formula": b"=1+1", "nfd": "e\u0301".encode(), "upper": b"A.WAV", "reserved": b"CON",
}  # fmt: skip


def names() -> Iterator[Case]:
    """Recordings, pictures, texts and rubbish under each name, subtitles beside."""
    for label, raw in NAMES.items():
        for suffix, kind in (("wav", "wav"), ("png", "png"), ("txt", ""), ("mp4", "rubbish")):
            name = os.fsdecode(raw + b"." + suffix.encode())
            data = {"": b"I am so glad.", "rubbish": b"\0\1\2 rubbish"}.get(kind)
            made = content(name, data if data is not None else seed(kind))
            yield Case("names", f"{label}-{suffix}", made)
        wav, srt = os.fsdecode(raw + b".wav"), os.fsdecode(raw + b".srt")
        yield Case("names", f"{label}-with-words", partial(_two, wav, srt, True), beside=(srt,))
        yield Case("names", f"{label}-bad-words", partial(_two, wav, srt, False), beside=(srt,))


LINES = b"1\n00:00:00,100 --> 00:00:00,900\nI am so glad\n"


def _two(wav: str, srt: str, good: bool, folder: Path) -> Path:
    (folder / wav).write_bytes(seed("wav"))
    (folder / srt).write_bytes(LINES if good else b"PK\3\4rubbish")
    return folder / wav
