"""Files at the border: regular files read whole, and files replaced in one step."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mien.errors import InputError, OutputError

MOST_BYTES = 2**31
"""Size from which on a file that is read whole is refused."""
_BLOCK = 1_000_000


def read_regular(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """The content of a regular file.

    Args:
        path: the file; links to a regular file are followed.
        most: largest size in bytes.

    Raises:
        InputError: as :func:`blocks_of`.
    """
    return b"".join(blocks_of(path, most))


def blocks_of(path: str | os.PathLike[str], most: int = MOST_BYTES) -> Iterator[bytes]:
    """The content of a regular file in blocks of a megabyte.

    A FIFO, a device or a socket is refused before it is opened: opening one may wait for ever.

    Args:
        path: the file; links to a regular file are followed.
        most: largest size in bytes.

    Raises:
        InputError: if it is missing, not a regular file, too large, or cannot be read.
    """
    name = os.fspath(path)
    try:
        # Without blocking: the name may be that of a FIFO when it is opened.
        with os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise InputError(f"{name} is not a regular file; give the path of a file.")
            if info.st_size > most:
                raise InputError(f"{name} has {info.st_size} bytes; at most {most} are read.")
            yield from _blocks(file, most + 1)
    except FileNotFoundError:
        raise InputError(f"{name} does not exist; give the path of an existing file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name} cannot be read ({reason}); check the path.") from None


def read_bounded(file: BinaryIO, most: int) -> bytes:
    """What is left of a file, ``most`` bytes of it if there are more.

    ``read(most)`` would take memory for ``most`` bytes before it knows how many there are.
    """
    return b"".join(_blocks(file, most))


def _blocks(file: BinaryIO, most: int) -> Iterator[bytes]:
    while most > 0 and (block := file.read(min(_BLOCK, most))):
        most -= len(block)
        yield block


def is_folder(path: Path) -> bool:
    """Whether there is a folder; a name that no file can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_there(path: Path) -> bool:
    """Whether a path leads to anything; a name that no file can have leads nowhere."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_text(path: str | os.PathLike[str], most: int = MOST_BYTES) -> str:
    """The content of a regular file in UTF-8, a byte-order mark removed.

    Raises:
        InputError: as :func:`read_regular`, or if it is not UTF-8.
    """
    try:
        return read_regular(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{os.fspath(path)} is not UTF-8 (byte {error.start}); save it as UTF-8."
        ) from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A fresh file beside ``path``, which takes its place when the block ends without an error.

    An earlier file stays whole until then, on a full disk too. The fresh file has the suffix of
    ``path``, so that writers that look at the name work. What is not a regular file
    (``/dev/stdout``, a FIFO) is written directly.

    Raises:
        OutputError: if the file cannot be written; the message names ``path`` and the reason.
    """
    target = Path(os.path.realpath(path))
    if is_special(path):
        with _named(path):
            yield path
        return
    with _named(path):
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem[:40]}-", suffix=target.suffix, dir=target.parent
        )
        os.close(handle)
        fresh = Path(name)
    try:
        with _named(path):
            yield fresh
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            # mkstemp allows the owner alone; a file that is replaced keeps its permissions.
            fresh.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
            fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def is_special(path: Path) -> bool:
    """Whether a path leads to a stream or a device that is written as it is: stdout, a FIFO."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    if str(path).startswith(("/dev/std", "/dev/fd/", "/proc/")):
        return True
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path} could not be written ({error.strerror or error}); an earlier file there is "
            "unchanged."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
