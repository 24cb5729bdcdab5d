"""The file itself: one that exists, is regular, and is not empty.

A process that may open no file works on one that another process opened: :func:`lend` takes its
descriptor, and the functions here then read that file instead of opening one of that name.
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
import time
from pathlib import Path
from typing import Any, BinaryIO

from mien.errors import MediaError
from mien.facts import shown
from mien.files import read_bounded

_LENT: dict[str, int] = {}


class Lent(io.RawIOBase):
    """A file by its descriptor, with a position of its own; closing it leaves the descriptor open.

    Args:
        name: of the file; FFmpeg looks at its suffix.
        descriptor: open for reading.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        super().__init__()
        self.name = name
        self._descriptor = descriptor
        self._at = 0
        self._until = math.inf

    def allow(self, seconds: float) -> None:
        """Let the file be read for so many seconds from now on, and no longer."""
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the position on; the number of bytes read."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes from the position on; all if it is negative.

        Raises:
            TimeoutError: if the seconds that were allowed are over.
        """
        if time.monotonic() > self._until:
            raise TimeoutError("reading took too long")
        if size < 0:
            size = max(0, os.fstat(self._descriptor).st_size - self._at)
        content = os.pread(self._descriptor, size, self._at)
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position."""
        if whence == io.SEEK_CUR:
            offset += self._at
        elif whence == io.SEEK_END:
            offset += os.fstat(self._descriptor).st_size
        if offset < 0:
            raise OSError(22, "negative seek position")
        self._at = offset
        return offset

    def tell(self) -> int:
        """The position."""
        return self._at


def lend(path: str | os.PathLike[str], descriptor: int) -> None:
    """From now on, use this descriptor wherever the file of this name is to be read."""
    _LENT[os.fspath(path)] = descriptor


def take_back(path: str | os.PathLike[str]) -> None:
    """Open the file of this name again where it is to be read."""
    _LENT.pop(os.fspath(path), None)


def lent(path: str | os.PathLike[str]) -> Lent | None:
    """The file of a name as it was lent, at its start; None if it is to be opened."""
    name = os.fspath(path) if _LENT else ""
    return Lent(name, _LENT[name]) if name in _LENT else None


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """A regular file, open for reading; it does not block where a FIFO took its place.

    Raises:
        MediaError: as ``regular_file``, or if the system does not let us read it.
    """
    given = lent(path)
    if given is not None:
        return io.BufferedReader(given)
    file = regular_file(path)
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        opened = os.fdopen(os.open(file, flags), "rb")
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            opened.close()
            return open_file(path)  # replaced meanwhile: refused by its name
    except OSError as error:
        raise unreadable(os.fspath(path), error) from error
    return opened


def regular_file(path: str | os.PathLike[str]) -> Path:
    """The absolute path of an existing regular file that is not empty.

    Raises:
        MediaError: if it is an address, missing, a folder, a device, empty or out of reach.
    """
    if not isinstance(path, str | os.PathLike):
        raise MediaError(f"The recording is {path!r}; give the path of a file as text or a Path.")
    name = os.fspath(path)
    said = shown(name)
    file = Path(name).absolute()
    try:
        if file.is_file():
            if file.stat().st_size:
                return file
            raise MediaError(f"{said} is empty (0 bytes); export or download it again.")
        found = file.exists()
    except OSError as error:
        raise unreadable(name, error) from error
    address = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", said)
    if address:  # a path object has but one slash
        said = f"{address[1]}://{address[2]}"
        if address[1].lower() == "file":
            raise MediaError(f"{said} is an address; give the path alone: /{address[2]}.")
        raise MediaError(f"{said} is an address; download the file and give its path.")
    if found:
        raise MediaError(f"{said} is not a regular file; give the path of a single recording.")
    raise MediaError(f"{said} does not exist; give the path of an existing file.")


def read_start(path: str | os.PathLike[str], limit: int) -> bytes:
    """The first bytes of a file, all of them if there are at most ``limit``.

    Raises:
        MediaError: as ``regular_file``, or if the system does not let us read it.
    """
    try:
        with open_file(path) as stream:
            return read_bounded(stream, limit)
    except OSError as error:
        raise unreadable(os.fspath(path), error) from error


def unreadable(name: str, error: OSError) -> MediaError:
    """The error for a file that the system does not let us read."""
    reason = error.strerror or str(error)
    return MediaError(
        f"{shown(name)} cannot be read ({reason}); check its permissions and its disk."
    )
