"""Outputs: what may be written where. Checked before the work, and again when a file is written.

Three rules hold for every file that mien writes:

* An input is never replaced, whatever name or link leads to it.
* An existing file that mien did not write is replaced only where that is asked for.
* A file is replaced in one step (:func:`mien.files.replacing`): an earlier one stays whole until
  the new one is complete.

A file that mien wrote is recognised by a mark in its content, see :func:`is_own`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien import __version__
from mien.emotions import MIEN7
from mien.errors import OptionError, OutputError
from mien.facts import shown
from mien.files import is_special, replacing

WRITER = f"mien {__version__}"
"""What the metadata of a file says of its writer."""
MARK = f"Written by {WRITER}"
BLANK_SEAL = "seal 0000000000000000"
"""Where :func:`written` puts a digest of the file, by which later changes are noticed."""
FIGURES = "mien.figures/1"
"""Version of the JSON of ``mien evaluate``."""
AGREEMENT = "mien.agreement/1"
"""Version of the JSON of ``mien agree``."""
ROW_HEADER = ",".join(
    ("segment", "start", "end", "branch", "person", *MIEN7.labels, "top", "confidence", "quality")
).encode()
"""How the CSV of an analysis begins."""
POSTERIORS_HEADER = ",".join(
    ("item", "branch", "label", "group", "seconds", "quality", *MIEN7.labels, "pack")
).encode()
"""How a table of posteriors begins."""
ABOUT_BORIS = "expression as an observer would name it; by mien"
"""The description in each row of a table for BORIS."""

_ENDS = 2**16
_MOST = 2**26
_SEAL = re.compile(rb"seal ([0-9a-f]{16})")


def check_output(
    path: Path,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    called: str = "The output",
) -> None:
    """Find out whether a file may and can be written; nothing is changed.

    Args:
        path: the file; links are followed. A FIFO or a terminal may always be written.
        inputs: files that are read, and folders of which every file is; those that do not exist
            are ignored.
        overwrite: whether an existing file that mien did not write may be replaced.
        called: what the messages call the file, such as ``--json``.

    Raises:
        OptionError: if it is an input or a file of a pack, if it exists and was not written by
            mien, or if it is or lies in what is no folder, or in a folder that does not exist.
        OutputError: if no file can be made in its folder.
    """
    if is_special(path):
        return
    target = Path(os.path.realpath(path))
    if _is_folder(path) or not _is_folder(target.parent):
        raise OptionError(
            f"{called} cannot be written to {shown(path)}; give a file in a folder that exists."
        )
    _check_folder(path, target, called)
    if not target.exists():
        return
    if not target.is_file():
        raise OptionError(f"{called} cannot be written to {shown(path)}: it is no regular file.")
    same = _same(target, inputs)
    if same is not None:
        how = "lies in" if same.is_dir() else "is"
        raise OptionError(
            f"{called} cannot be written to {shown(path)}: it {how} {shown(same)}, which is read; "
            "name another file. An input is never overwritten."
        )
    if (target.parent / "pack.json").exists():
        raise OptionError(
            f"{called} cannot be written to {shown(path)}: it is a file of the pack in "
            f"{shown(target.parent)}; name a file in another folder."
        )
    if not overwrite and not is_own(target):
        raise OptionError(
            f"{called} cannot be written to {shown(path)}: the file exists and mien did not write "
            "it, or it was changed since; name another file, or give --overwrite "
            "(overwrite=True) to replace it."
        )


def check_distinct(named: Iterable[tuple[str, Path]]) -> None:
    """Refuse two outputs that are one file.

    Args:
        named: what messages call each output, and the file.

    Raises:
        OptionError: if two are the same file, by whatever name.
    """
    seen: dict[str, str] = {}
    for called, path in named:
        real = os.path.realpath(path)
        if real in seen and not is_special(path):
            raise OptionError(
                f"{seen[real]} and {called} name one file, {shown(path)}; give each its own."
            )
        seen[real] = called


@contextmanager
def written(
    path: Path,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    called: str = "The output",
) -> Iterator[Path]:
    """A fresh file that takes the place of ``path`` when the block ends without an error.

    Where its content holds ``BLANK_SEAL``, this becomes a digest of the file.

    Raises:
        OptionError, OutputError: as :func:`check_output`, or if it cannot be written.
    """
    check_output(path, inputs, overwrite, called)
    with replacing(path) as fresh:
        yield fresh
        if not is_special(fresh):
            _seal(fresh)


def is_own(path: Path) -> bool:
    """Whether mien wrote a file, by a mark in its content.

    JSON has its schema, pages, figures, EmotionML and Parquet their metadata, tables their header.
    Subtitles, ELAN's files, EmotionML and SVG also hold a digest of themselves: one that was
    changed by hand is not recognised. Plain text, TextGrid and RTTM have no place for a mark. What
    holds the labels of coders as JSON is not recognised, since it may be the only copy of them.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_ENDS)
            file.seek(max(0, size - _ENDS))
            tail = file.read(_ENDS)
    except OSError:
        return False
    if any(mark(head, tail) for mark in _MARKS):
        return True
    if size > _MOST:
        return False
    return _is_sealed(head, path) or _is_task(head, path) or _has_schema(head, path)


# An analysis that was exported with codings holds the work of people, and is not recognised.
_JSON = re.compile(
    rb'\s*\{\s*"schema":\s*"mien\.(analysis|figures|agreement)/\d+",?+\s*+(?!"codings")'
)
_SCHEMA = re.compile(r"mien\.(analysis|figures|agreement)/")
_MARKS: tuple[Callable[[bytes, bytes], bool], ...] = (
    lambda head, tail: _JSON.match(head) is not None,
    lambda head, tail: b'<meta name="generator" content="mien ' in head[:4096],
    lambda head, tail: head.startswith(b"\x89PNG") and b"Software\x00mien " in head,
    lambda head, tail: head.startswith(b"%PDF") and b"/Creator (mien " in head + tail,
    lambda head, tail: head.startswith((ROW_HEADER + b",success,", POSTERIORS_HEADER)),
    lambda head, tail: head.startswith(b"Observation id,") and ABOUT_BORIS.encode() in head,
    lambda head, tail: head.startswith(b"PAR1") and b"Written by mien " in tail,
    lambda head, tail: head[4:8] == b"ftyp" and b"Written by mien " in head + tail,
)


def _is_sealed(head: bytes, path: Path) -> bool:
    found = _SEAL.search(head)
    if found is None or b"mien" not in head:
        return False
    data = path.read_bytes()
    blank = data[: found.start()] + BLANK_SEAL.encode() + data[found.end() :]
    return _digest(blank) == found.group(1)


def _is_task(head: bytes, path: Path) -> bool:
    """Whether it is a task for Label Studio without the work of annotators."""
    if not head.lstrip().startswith(b"[") or b'"model_version": "mien ' not in head:
        return False
    try:
        tasks = json.loads(path.read_bytes())
        return all(set(task) == {"data", "predictions"} for task in tasks)
    except (ValueError, TypeError, RecursionError):
        return False


def _has_schema(head: bytes, path: Path) -> bool:
    """Whether it is our JSON, its keys in another order."""
    if not head.lstrip().startswith(b"{") or b'"mien.' not in (data := path.read_bytes()):
        return False
    try:
        value = json.loads(data)
        return bool(_SCHEMA.match(value["schema"])) and "codings" not in value
    except (ValueError, TypeError, LookupError, RecursionError):
        return False


def _seal(path: Path) -> None:
    with path.open("r+b") as file:
        place = file.read(_ENDS).find(BLANK_SEAL.encode())
        if place < 0 or os.fstat(file.fileno()).st_size > _MOST:
            return
        file.seek(0)
        digest = _digest(file.read())
        file.seek(place)
        file.write(b"seal " + digest)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest()[:16].encode()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _check_folder(path: Path, target: Path, called: str) -> None:
    """Refuse a place in which no file can be made, by making one without a name."""
    try:
        with suppress(FileNotFoundError):
            target.stat()  # raises for a name that is too long
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"{called} cannot be written to {shown(path)} ({reason}); name a file in a folder in "
            "which you may write."
        ) from None


def _same(target: Path, inputs: Iterable[Path]) -> Path | None:
    """The input that a file is; None if it is none."""
    info = target.stat()
    for one in inputs:
        try:
            found = one.stat()
        except (OSError, ValueError):
            continue
        if os.path.samestat(found, info):
            return one
        if stat.S_ISDIR(found.st_mode):
            inside = target.is_relative_to(os.path.realpath(one)) and not is_own(target)
            if inside or (info.st_nlink > 1 and _linked_in(one, info)):
                return one
    return None


def _linked_in(folder: Path, info: os.stat_result) -> bool:
    """Whether a file with several names has one of them in a folder."""
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                if os.path.samestat((Path(base) / name).stat(), info):
                    return True
            except OSError:
                continue
    return False
