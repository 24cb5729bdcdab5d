"""The file itself: one that exists, is regular, and is not empty."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mien.errors import MediaError
from mien.facts import shown
from mien.files import read_bounded


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
    file = regular_file(path)
    try:
        # Without blocking: what was a regular file a moment ago may be a FIFO now.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            return read_bounded(stream, limit)
    except OSError as error:
        raise unreadable(os.fspath(path), error) from error


def unreadable(name: str, error: OSError) -> MediaError:
    """The error for a file that the system does not let us read."""
    reason = error.strerror or str(error)
    return MediaError(
        f"{shown(name)} cannot be read ({reason}); check its permissions and its disk."
    )
