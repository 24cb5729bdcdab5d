"""From folders, lists, globs and files to the clips of a batch, each with a name of its own."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from mien.batch.store import as_local, is_stored, listed
from mien.errors import InputError
from mien.facts import shown
from mien.files import read_regular

WRITTEN = frozenset({".csv", ".html", ".json", ".jsonl", ".parquet"})
"""Suffixes of what a batch writes; a glob does not name such files."""
LISTS = frozenset({".txt", ".lst", ".list"})
"""Suffixes of files that hold one path a line."""
_SUFFIXES = (
    ".3g2", ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".asf", ".au", ".avi",
    ".avif", ".awb", ".bmp", ".caf", ".divx", ".dss", ".dv", ".eac3", ".f4v", ".flac",
    ".flv", ".gif", ".gxf", ".h264", ".heic", ".heif", ".hevc", ".ivf", ".jfif", ".jp2",
    ".jpeg", ".jpg", ".m2t", ".m2ts", ".m2v", ".m4a", ".m4b", ".m4v", ".mj2", ".mjpeg",
    ".mjpg", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpe", ".mpeg", ".mpg",
    ".mpga", ".mts", ".mxf", ".nist", ".nut", ".oga", ".ogg", ".ogv", ".opus", ".pbm",
    ".pgm", ".png", ".pnm", ".ppm", ".qt", ".ra", ".rm", ".rmvb", ".sf", ".snd", ".sox",
    ".sph", ".spx", ".tif", ".tiff", ".ts", ".tta", ".vob", ".voc", ".w64", ".wav", ".wave",
    ".webm", ".webp", ".wma", ".wmv", ".wtv", ".wv", ".y4m",
)  # fmt: skip
MEDIA = frozenset(_SUFFIXES)
"""Suffixes of recordings and pictures, as they are searched for in a folder."""
DRAWN = (b"Software\0Matplotlib", b"Software\0mien ")
"""What a PNG says that was drawn by matplotlib or by mien (``--figure``)."""
_LONGEST = 180
"""Bytes of one part of an output's name: file systems allow 255, and suffixes are added."""


@dataclass(frozen=True)
class Input:
    """A clip of a batch.

    Args:
        path: absolute, links not resolved; or one of fsspec (``s3://bucket/a.wav``).
        name: of the outputs, relative to the folder of the batch and without their suffix.
    """

    path: str
    name: str


def find_clips(given: Sequence[str]) -> list[Input]:
    """The clips that the arguments name, in order, each once.

    A folder is searched with its subfolders, links to folders left out, for files that have the
    suffix of a recording or a picture; hidden files, and figures that mien drew, are left out. What
    else a batch writes has no such suffix. The lines of a list may name folders, too.

    Args:
        given: folders, lists (``.txt``, ``.lst``, ``.list``), globs (``**`` for any depth) or
            files; folders, globs and files, and the lines of a list, may be paths of fsspec.

    Raises:
        InputError: if nothing is found, or a list names nothing that exists.
    """
    paths: dict[str, None] = {}
    roots: list[str] = []
    for one in given:
        root, found = _expand(one)
        roots.append(root)
        paths |= dict.fromkeys(found)
    if not paths:
        raise InputError(
            f"{', '.join(map(shown, given))}: no recording or picture is there; give a folder, a "
            "list, a glob or files."
        )
    return _named(list(paths), os.path.commonpath(roots))


def _expand(given: str) -> tuple[str, list[str]]:
    """The folder under which names are relative, and the absolute paths."""
    if is_stored(given):
        return _of_store(given)
    path = os.path.abspath(given)
    if os.path.isdir(path):
        return path, list(_in_folder(path))
    if os.path.lexists(path):
        return _of_list(path) if _is_list(path) else (os.path.dirname(path), [path])
    if glob.has_magic(given):
        return _of_glob(path)
    if _is_list(path):
        raise InputError(f"{shown(given)} does not exist; give the path of an existing list.")
    return os.path.dirname(path), [path]


def _of_store(given: str) -> tuple[str, list[str]]:
    found, folder = listed(given)
    fixed = given.rstrip("/")
    if not folder:
        return os.path.dirname(as_local(given)), found
    if glob.has_magic(given):
        fixed = given[: re.search(r"[*?[]", given).start()].rpartition("/")[0]  # type: ignore[union-attr]
        return as_local(fixed), [one for one in found if Path(one).suffix not in WRITTEN]
    inside = ((one, os.path.relpath(as_local(one), as_local(fixed))) for one in found)
    return as_local(fixed), [
        one
        for one, name in inside
        if Path(name).suffix.lower() in MEDIA and not any(p[:1] == "." for p in Path(name).parts)
    ]


def _is_list(path: str) -> bool:
    return Path(path).suffix.lower() in LISTS


def _in_folder(folder: str) -> Iterator[str]:
    """The recordings and pictures of a folder and of its subfolders, sorted."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(here, name)
            if not name.startswith(".") and os.path.isfile(path) and _is_media(path):
                yield path


def _is_media(path: str) -> bool:
    """Whether a file is a recording or a picture by its suffix, and no figure, as mien draws."""
    suffix = Path(path).suffix.lower()
    if suffix != ".png":
        return suffix in MEDIA
    try:
        with open(path, "rb") as file:
            head = file.read(1024)
            return not any(drawn in head for drawn in DRAWN)
    except OSError:
        return True


def _of_glob(pattern: str) -> tuple[str, list[str]]:
    fixed: list[str] = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    found = sorted(glob.glob(pattern, recursive=True))
    files = [one for one in found if os.path.isfile(one) and Path(one).suffix not in WRITTEN]
    return os.path.join(*fixed), files


def _of_list(path: str) -> tuple[str, list[str]]:
    """The paths of a list; relative ones from the current folder, else from that of the list."""
    here = os.path.dirname(path)
    content = read_regular(path).removeprefix(b"\xef\xbb\xbf")
    lines = [os.fsdecode(line.rstrip(b"\r")) for line in content.split(b"\n")]
    # Each once: a folder that a list names a thousand times is searched once.
    named = list(dict.fromkeys(_line(line, here) for line in lines if line.strip()))
    if not any(is_stored(one) or os.path.exists(one) for one in named):
        raise InputError(
            f"{shown(path)} names no file that exists; a list has one path a line. To analyse "
            "texts, give a glob in quotes ('texts/*.txt')."
        )
    found: list[str] = []
    folders: list[str] = []
    for one in named:
        if is_stored(one) and Path(one).suffix.lower() not in MEDIA:
            root, inside = _of_store(one)
        elif os.path.isdir(one):
            root, inside = one, list(_in_folder(one))
        else:
            root, inside = os.path.dirname(as_local(one)), [one]
        folders.append(root)
        found += inside
    return os.path.commonpath(folders), found


def _line(line: str, here: str) -> str:
    if is_stored(line):
        return line
    path, beside = os.path.abspath(line), os.path.abspath(os.path.join(here, line))
    return beside if not os.path.lexists(path) and os.path.lexists(beside) else path


def _named(paths: list[str], root: str) -> list[Input]:
    """Each path with its name; names are equal for no two, whatever the case of their letters."""
    inputs, taken = [], set[str]()
    for path in paths:
        name = output_name(os.path.relpath(as_local(path), root))
        if name.casefold() in taken:
            name = f"{name}-{_digest(path)}"
        taken.add(name.casefold())
        inputs.append(Input(path, name))
    return inputs


def keep_names(inputs: Sequence[Input], known: Mapping[str, str]) -> list[Input]:
    """The clips with the names that they had in an earlier run, by path.

    The folder under which names are relative may be another one when clips are added.
    """
    taken = {name.casefold() for name in known.values()}
    named = []
    for one in inputs:
        name = known.get(one.path, one.name)
        if one.path not in known and name.casefold() in taken:
            name = f"{name}-{_digest(one.path)}"
        named.append(replace(one, name=name))
    return named


def output_name(relative: str) -> str:
    r"""The name of the outputs of a clip: its relative path, of which each part can be written.

    A part that is not UTF-8, has control characters or is too long is escaped or cut, and gets a
    digest of its bytes.

    Examples:
        >>> output_name("day 1/Jane.mp4")
        'day 1/Jane.mp4'
        >>> output_name("bad" + chr(0xDCFF) + ".wav") == output_name("bad\\xff.wav")
        False
    """
    return "/".join(_part(part) for part in Path(relative).parts)


def _part(part: str) -> str:
    safe = shown(part).replace("/", "_")
    if safe == part and len(os.fsencode(part)) <= _LONGEST:
        return part
    cut = safe.encode("utf-8")[: _LONGEST - 20].decode("utf-8", errors="ignore")
    return f"{cut}-{_digest(part)}"


def _digest(text: str) -> str:
    return sha256(os.fsencode(text)).hexdigest()[:10]
