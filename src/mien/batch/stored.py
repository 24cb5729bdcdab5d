"""One clip of a batch whose recording or results lie in a store, see :mod:`mien.batch.store`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from mien.analysis.analysis import Analysis
from mien.analysis.wire import write_json
from mien.batch.one import Row, analyze_clip, failed
from mien.batch.store import FAULTS, is_stored, put, said, system_of
from mien.errors import InputError, MediaError, OutputError
from mien.facts import shown
from mien.options import Options
from mien.perceive.diarisation import SUFFIX
from mien.perceive.formats import SUBTITLES
from mien.report.page.media import AUTO_LIMIT


def analyze_stored(
    path: str,
    options: Options,
    json_file: str | None = None,
    report: str | None = None,
    report_media: str = "link",
) -> Row:
    """:func:`mien.batch.one.analyze_clip` for paths of which each may be a stored one.

    A recording is fetched into a folder for temporary files, with the subtitle files and the RTTM
    beside it. A result takes its place in one step; the page goes before the JSON. In a page a
    recording is embedded or left out where page or recording are stored: a link would lead nowhere.
    """
    if not any(is_stored(one) for one in (path, json_file or "", report or "")):
        return analyze_clip(path, options, json_file, report, report_media)
    with tempfile.TemporaryDirectory(prefix="mien-") as name:
        try:
            return _by_copies(path, options, Path(name), (json_file, report), report_media)
        except (InputError, OutputError) as error:
            return failed(str(error))


def _by_copies(
    path: str, options: Options, folder: Path, targets: tuple[str | None, str | None], how: str
) -> Row:
    """The row of a clip that is analysed in a folder, from which its files are put in their places.

    Raises:
        MediaError, OutputError: if the recording cannot be fetched, or a result put in its place.
    """
    here = _fetched(path, folder / "in")
    json_file, report = (
        None if target is None else folder / "out" / f"clip{suffix}"
        for target, suffix in zip(targets, (".json", ".html"), strict=True)
    )
    first, second = (None if file is None else str(file) for file in (json_file, report))
    row = analyze_clip(here, options, first, second, _media(how, Path(here)))
    row["reason"] = (
        row["reason"].replace(here, path).replace(str(folder / "in"), path.rpartition("/")[0])
    )
    if row["state"] != "done":
        return row
    if json_file is not None:
        _rename(json_file, path)
    for file, target in ((report, targets[1]), (json_file, targets[0])):
        if file is not None and target is not None:
            put(file, target)
    return row


def _media(how: str, recording: Path) -> str:
    if how == "auto" and recording.stat().st_size <= AUTO_LIMIT:
        return "embed"
    return "none" if how in ("auto", "link") else how


def _fetched(path: str, folder: Path) -> str:
    """A file of this machine with the content of a stored one, and its subtitle files beside it.

    Raises:
        MediaError: if it cannot be fetched.
    """
    if not is_stored(path):
        return path
    system, bare = system_of(path)
    here = folder / PurePosixPath(bare.rstrip("/")).name
    folder.mkdir(parents=True)
    try:
        system.get_file(bare, str(here))
    except FAULTS as error:
        raise MediaError(f"{shown(path)} cannot be fetched ({said(error)}).") from None
    for beside in _beside(system, bare):
        target = folder / PurePosixPath(beside).name
        try:
            system.get_file(beside, str(target))
        except FAULTS:
            target.unlink(missing_ok=True)
    return str(here)


def _beside(system: Any, bare: str) -> Iterator[str]:
    """The stored subtitle files and turns whose names begin like that of a recording."""
    parent, _, name = bare.rpartition("/")
    stem = PurePosixPath(name).stem.casefold()
    try:
        found = system.ls(parent, detail=False)
    except FAULTS:  # a web server may have no listing
        return
    for one in found:
        other = PurePosixPath(one.rstrip("/")).name
        of_it = other != name and other.casefold().startswith(stem)
        if of_it and PurePosixPath(other).suffix.lower() in (*SUBTITLES, SUFFIX):
            yield one


def _rename(file: Path, path: str) -> None:
    """Let an analysis bear the path under which its recording was given."""
    analysis = Analysis.from_dict(json.loads(file.read_bytes()))
    write_json(replace(analysis, clip=replace(analysis.clip, path=path)), file)
