"""Files of a batch in an object store, or elsewhere, by the paths of fsspec (``s3://bucket/clip``).

A path without a scheme is one of this machine, and fsspec is not loaded. The network is used for
such paths only, and only because they were given.
"""

from __future__ import annotations

import os
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

from mien.errors import InputError, MissingExtraError, OutputError
from mien.facts import shown
from mien.files import replacing

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "r2"})
"""Schemes of stores in which an object appears with its last byte, by one request."""
FAULTS = (OSError, ValueError, RuntimeError, NotImplementedError)
"""Errors of file systems of fsspec; those of the stores are subclasses."""


def is_stored(path: str) -> bool:
    """Whether a path is one of fsspec: it begins with a scheme and is no file of this machine."""
    return bool(_SCHEME.match(path)) and not os.path.lexists(path)


def as_local(path: str) -> str:
    """An absolute path in the order of which a stored one can be named.

    Examples:
        >>> as_local("s3://bucket/day 1/a.wav"), as_local("/data/a.wav")
        ('/s3:/bucket/day 1/a.wav', '/data/a.wav')
    """
    scheme, _, rest = path.partition("://")
    return f"/{scheme}:/{rest.strip('/')}" if is_stored(path) else path


def listed(path: str) -> tuple[list[str], bool]:
    """The files that a stored path names, with their scheme, sorted; and whether it is a folder.

    Args:
        path: of a folder, which is searched with its subfolders, of a file, or a glob.

    Raises:
        InputError: if it does not exist or cannot be read.
        MissingExtraError: if fsspec is not installed.
    """
    system, bare = system_of(path)
    try:
        if system.isfile(bare):
            return [path], False
        if any(letter in bare for letter in "*?["):
            found = [one for one in system.glob(bare) if system.isfile(one)]
        else:
            found = system.find(bare)
    except FAULTS as error:
        raise InputError(f"{shown(path)} cannot be read ({said(error)}); check it.") from None
    if not found:
        raise InputError(f"{shown(path)} names no file; check the path and the access to it.")
    return sorted(system.unstrip_protocol(one) for one in found), True


def exists(path: str) -> bool:
    """Whether there is a file."""
    if not is_stored(path):
        return Path(path).is_file()
    system, bare = system_of(path)
    try:
        return bool(system.isfile(bare))
    except FAULTS:
        return False


def read(path: str) -> bytes:
    """The content of a file.

    Raises:
        OSError: if it cannot be read.
    """
    if not is_stored(path):
        return Path(path).read_bytes()
    system, bare = system_of(path)
    try:
        return bytes(system.cat_file(bare))
    except FAULTS as error:
        raise OSError(said(error)) from None


def sweep(folder: str, pattern: re.Pattern[str]) -> None:
    """Remove the files below a folder whose names match: what a killed process left."""
    if not is_stored(folder):
        for here, _, files in os.walk(folder):
            for name in files:
                if pattern.fullmatch(name):
                    (Path(here) / name).unlink(missing_ok=True)
        return
    if folder.partition("://")[0].lower() in _WHOLE:
        return
    system, bare = system_of(folder)
    try:
        for one in system.find(bare):
            if pattern.fullmatch(one.rpartition("/")[2]):
                system.rm_file(one)
    except FAULTS:
        return  # what is left over has a name of its own and harms nothing


def remove(path: str) -> None:
    """Remove a file if there is one.

    Raises:
        OutputError: if it cannot be removed.
    """
    try:
        if not is_stored(path):
            Path(path).unlink(missing_ok=True)
            return
        system, bare = system_of(path)
        if system.exists(bare):
            system.rm_file(bare)
    except (IsADirectoryError, NotADirectoryError, FileNotFoundError):
        return  # writing the file will fail, which is the reason in its row
    except FAULTS as error:
        raise OutputError(f"{shown(path)} cannot be replaced ({said(error)}).") from None


def key_of(path: str) -> dict[str, Any] | None:
    """What changes with the content of a stored file: its size, and what its store tells."""
    system, bare = system_of(path)
    try:
        info = system.info(bare)
    except FAULTS:
        return None
    told = ("ETag", "etag", "md5Hash", "crc32c", "LastModified", "last_modified", "mtime")
    tag = "|".join(str(info[name]) for name in told if info.get(name))
    return {"size": int(info.get("size") or 0), "tag": sha256(tag.encode()).hexdigest()[:16]}


def put(file: Path, path: str) -> None:
    """Copy a file to its place in one step: nobody sees a half of it there.

    Raises:
        OutputError: if it cannot be written.
    """
    if not is_stored(path):
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{shown(path)} cannot be written ({said(error)}).") from None
        with replacing(Path(path)) as fresh:
            shutil.copyfile(file, fresh)
        return
    system, bare = system_of(path)
    parent, _, name = bare.rpartition("/")
    try:
        if path.partition("://")[0].lower() in _WHOLE:
            system.put_file(str(file), bare)
            return
        system.makedirs(parent, exist_ok=True)
        fresh_name = f"{parent}/.{name}-{os.urandom(4).hex()}{file.suffix}"
        try:
            system.put_file(str(file), fresh_name)
            if system.isdir(bare):
                raise IsADirectoryError("a folder has that name")
            system.mv(fresh_name, bare)
        except BaseException:
            if system.exists(fresh_name):
                system.rm_file(fresh_name)
            raise
    except FAULTS as error:
        raise OutputError(f"{shown(path)} cannot be written ({said(error)}).") from None


def system_of(path: str) -> tuple[Any, str]:
    """The file system of a stored path, and the path in it.

    Raises:
        MissingExtraError: if fsspec is not installed.
        InputError: if the scheme is not known or its package is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtraError(f"The path {shown(path)}", "ray") from None
    try:
        system, bare = url_to_fs(path)
    except (ImportError, ValueError, OSError) as error:
        raise InputError(f"{shown(path)} cannot be opened ({said(error)}).") from None
    return system, bare


def said(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())[:300] or type(error).__name__
    return getattr(error, "strerror", None) or text
