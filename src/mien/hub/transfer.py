"""A model of the hub, file by file, into the cache of ``huggingface_hub``.

``huggingface_hub`` 2.4 starts a file again from its beginning after the process was ended, and its
Xet transfer after a dropped connection too. Here each file is received over HTTP beside its place,
goes on where it stopped, is compared with the hub's checksum, and takes its place in one step. The
name of the model points to a version only when all its files are there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mien.errors import HubError
from mien.files import replacing
from mien.hub.requests import RemoteFile, StatusError, explained, headers, library, refuse

Told = Callable[[str, float], None]
"""Told what is done and which share of it is done."""
_PART = ".mien-part"
"""Suffix of a file that is being received, or was."""
_TRIES = 3
"""Connections in a row that bring nothing."""


@dataclass(frozen=True)
class Place:
    """Where a version of a model is in the cache.

    Args:
        name: hub id.
        commit: the version.
        cache: the cache of ``huggingface_hub``.
    """

    name: str
    commit: str
    cache: Path

    @property
    def _root(self) -> Path:
        return self.cache / f"models--{self.name.replace('/', '--')}"

    @property
    def folder(self) -> Path:
        """The files of the version, by their names."""
        return self._root / "snapshots" / self.commit

    def blob(self, file: RemoteFile) -> Path:
        """The content of a file, by its digest."""
        return self._root / "blobs" / file.digest

    @contextmanager
    def locked(self, file: RemoteFile) -> Iterator[None]:
        """Let one process at a time receive a file; the lock is that of ``huggingface_hub``."""
        path = self.cache / ".locks" / self._root.name / f"{file.digest}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def publish(self) -> None:
        """Let the name of the model point to this version, and remove what nobody will go on with.

        Parts of other versions stay for a week, since another process may be receiving them.
        """
        ref = self._root / "refs" / "main"
        ref.parent.mkdir(parents=True, exist_ok=True)
        with replacing(ref) as fresh:
            fresh.write_text(self.commit, encoding="ascii")
        for part in (self._root / "blobs").glob(f"*{_PART}"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > 7 * 86400:
                    part.unlink()


def receive(place: Place, files: Iterable[RemoteFile], told: Told) -> Path:
    """Receive the files that are not in the cache or are damaged there.

    Args:
        place: of the version.
        files: of the version.
        told: told of the progress.

    Returns:
        the folder of the version, complete and verified.

    Raises:
        HubError: if a file cannot be received or stored, or is not what the hub describes.
    """
    todo = [file for file in files if not _is(place.folder / file.path, file)]
    whole = max(sum(file.size for file in todo), 1)
    done = 0
    for file in todo:

        def tell(received: int, before: int = done, path: str = file.path) -> None:
            told(f"receiving {path}", (before + received) / whole)

        with _storing(place):
            with place.locked(file):
                _bring(place, file, tell)
            _link(place.blob(file), place.folder / file.path)
        done += file.size
    with _storing(place):
        place.publish()
    return place.folder


def _bring(place: Place, file: RemoteFile, tell: Callable[[int], None]) -> None:
    """Receive a file that nobody else receives; nothing is done if it is there meanwhile."""
    blob = place.blob(file)
    if _is(blob, file):
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(blob.name + _PART)
    if (kept := _size(part)) > file.size:
        part.unlink()
        kept = 0
    _room(place, file, kept)
    for _ in range(2 if kept else 1):  # what was kept may be of a file that has changed
        _stream_whole(place, file, part, tell)
        if _is(part, file):
            with part.open("rb") as content:
                os.fsync(content.fileno())
            part.replace(blob)
            return
        part.unlink(missing_ok=True)
    raise HubError(
        f"{file.path} of {place.name!r} do not match the hub's checksums; nothing of it was kept. "
        "Download the model again, and if that fails once more, ask its owner."
    )


def _stream_whole(place: Place, file: RemoteFile, part: Path, tell: Callable[[int], None]) -> None:
    """Receive what is missing of a file, over as many connections as bring something."""
    _, errors = library()
    tries = 0
    while not part.exists() or _size(part) < file.size:
        have, fault = _size(part), None
        try:
            _stream(place, file, part, tell)
        except (errors.HTTPError, StatusError) as error:
            fault = error
        tries = 0 if _size(part) > have else tries + 1
        shorter = isinstance(fault, StatusError) and fault.status == 416  # than the part is
        if shorter or (fault is None and tries == _TRIES):
            return  # the checksum will not match
        if fault is not None and (isinstance(fault, StatusError) or _no_use(fault, tries)):
            with explained(place.name):
                raise fault
        time.sleep(min(tries, 1))


def _no_use(fault: Exception, tries: int) -> bool:
    """Whether no further connection is tried after one that failed."""
    return tries == _TRIES or (tries > 0 and "Timeout" in type(fault).__name__)


def _stream(place: Place, file: RemoteFile, part: Path, tell: Callable[[int], None]) -> None:
    """Receive over one connection, from where the part ends."""
    hub, _ = library()
    from huggingface_hub.utils import get_session

    have = _size(part)
    asked = headers() | {"Accept-Encoding": "identity"}
    if have:
        asked["Range"] = f"bytes={have}-"
    url = f"{hub.constants.ENDPOINT}/{place.name}/resolve/{place.commit}/{quote(file.path)}"
    seconds = hub.constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=asked, timeout=seconds) as response:
        refuse(response)
        goes_on = response.status_code == 206 and _starts(response) == have
        with part.open("ab" if goes_on else "wb", buffering=0) as content:
            for piece in response.iter_bytes():
                content.write(piece)
                tell(content.tell())
                if content.tell() > file.size:
                    return  # the checksum will not match


def _starts(response: Any) -> int:
    """The position of the first byte of a partial answer."""
    given = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(given) if given.isdecimal() else -1


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is(path: Path, file: RemoteFile) -> bool:
    """Whether a path has the content that the hub describes."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    digest = sha256() if file.algorithm == "sha256" else sha1(b"blob %d\0" % file.size)  # git
    with path.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest() == file.digest


def _link(blob: Path, path: Path) -> None:
    """Give a content its name in the folder of a version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        fresh.symlink_to(os.path.relpath(blob, path.parent))
    except OSError:  # a file system without links
        shutil.copyfile(blob, fresh)
    fresh.replace(path)


def _room(place: Place, file: RemoteFile, kept: int) -> None:
    free = shutil.disk_usage(place.blob(file).parent).free
    if free < file.size - kept:
        raise OSError(
            errno.ENOSPC,
            f"{(file.size - kept) / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free",
        )


@contextmanager
def _storing(place: Place) -> Iterator[None]:
    """Name the folder and the remedy where the cache cannot be written."""
    _, errors = library()
    try:
        yield
    except errors.HTTPError:  # some are an OSError, too
        raise
    except OSError as error:
        raise HubError(
            f"{place.name!r} cannot be stored in {place.cache} ({error.strerror or error}); make "
            "room there or set HF_HOME to a folder that can be written (what was received is kept)."
        ) from None
