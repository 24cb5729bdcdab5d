"""Tells whether a file was opened by anybody (Linux inotify)."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_OPEN = 0x20


class Watch:
    """Openings of the watched files since the watch began."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @property
    def opened(self) -> bool:
        """Whether one of the files was opened since the last look."""
        try:
            return bool(os.read(self._handle, 65536))
        except BlockingIOError:
            return False


@contextmanager
def watching(*files: Path) -> Iterator[Watch]:
    """Watch files while the block runs; elsewhere than on Linux nothing is seen."""
    if sys.platform != "linux":
        yield Watch(os.open(os.devnull, os.O_RDONLY))
        return
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK)
    try:
        for file in files:
            if libc.inotify_add_watch(handle, os.fsencode(file), _IN_OPEN) < 0:
                raise OSError(ctypes.get_errno(), f"cannot watch {file}")
        yield Watch(handle)
    finally:
        os.close(handle)
