"""What the run must see: each fault is committed on purpose in a worker before the corpus."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

_KEPT: list[object] = []


def _raise() -> None:
    raise KeyError("planted")


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang() -> None:
    while True:
        pass


def _memory() -> None:
    _KEPT.append(bytearray(4 << 30))


def _descriptor() -> None:
    _KEPT.append(os.open(os.devnull, os.O_RDONLY))


def _file() -> None:
    handle, _ = tempfile.mkstemp()
    os.close(handle)


def _read() -> None:
    Path("/etc/passwd").read_bytes()


def _natively(path: str) -> None:
    """Open a file past Python, as FFmpeg does."""
    libc = ctypes.CDLL(None)
    os.close(libc.open(os.fsencode(path), os.O_RDONLY))


def _secret() -> None:
    _natively("../secrets/secret.ts")


def _native() -> None:
    _natively("/etc/hostname")


def _call() -> None:
    libc = ctypes.CDLL(None)
    handle = libc.socket(2, 1, 0)
    libc.connect(handle, b"\2\0\0\1\x7f\0\0\1" + bytes(8), 16)
    os.close(handle)


def _message() -> None:
    from mien.errors import MediaError

    raise MediaError("two\nlines.")


CONTROLS: dict[str, tuple[Callable[[], None], str, bool]] = {
    "exception": (_raise, "foreign exception", False),
    "memory": (_memory, "memory", False),
    "descriptor": (_descriptor, "left behind", False),
    "file": (_file, "left behind", False),
    "read": (_read, "outside read", False),
    "secret": (_secret, "outside read", False),
    "native": (_native, "outside read", True),
    "call": (_call, "outside read", True),
    "message": (_message, "bad message", False),
    "crash": (_crash, "crash", False),
    "hang": (_hang, "hang", False),
}
"""What is done, the outcome that it must have, and whether only ``strace`` can see it. Those that end a
worker come last."""
