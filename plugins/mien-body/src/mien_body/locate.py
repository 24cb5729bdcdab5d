"""Which file of body signals belongs to a recording."""

from __future__ import annotations

import csv
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mien.errors import InputError, OptionError
from mien.facts import shown
from mien_body.options import NAME, NOTHING, BodyOptions

SUFFIXES = (".csv", ".tsv", ".txt", ".edf", ".bdf", ".xml", ".zip", "")
"""Of ``NAME.body``, in this order; none is the folder of an E4 session."""
_COLUMNS = ("recording", "file", "offset", "marker", "recorded")
NO_FILE = "no file of body signals (--body, or NAME.body.csv beside the recording)"


@dataclass(frozen=True)
class Found:
    """The file of a recording, with the options that hold for it.

    Args:
        path: None if there is none.
        options: of the user, with those of the table.
        reason: why there is none.
    """

    path: Path | None
    options: BodyOptions
    reason: str = ""


def body_file(recording: str, options: BodyOptions) -> Found:
    """The file of body signals of a recording.

    Raises:
        InputError: if the file that was asked for or the table is missing or cannot be read.
        OptionError: if a cell of the table has a value that it cannot have.
    """
    path = Path(recording)
    if options.table is not None:
        row = _row(Path(options.table), path)
        if row is not None:
            options = _with(options, row, Path(options.table))
    if options.file is not None:
        if str(options.file) == NOTHING:
            return Found(None, options, "switched off (--body none)")
        file = Path(str(options.file).replace(NAME, path.stem))
        if not file.exists():
            if NAME in str(options.file):
                return Found(None, options, f"there is no {shown(file.name)}")
            raise InputError(f"{shown(file)} does not exist; give the path of an existing file.")
        return Found(file, options)
    for suffix in SUFFIXES:
        beside = path.parent / f"{path.stem}.body{suffix}"
        with suppress(OSError):  # the longer name may be one that no file can have
            if beside.is_dir() if not suffix else beside.is_file():
                return Found(beside, options)
    return Found(None, options, NO_FILE)


def _row(table: Path, recording: Path) -> dict[str, str] | None:
    """The row of a recording, by its name with or without suffix."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            names = reader.fieldnames or []
            rows = list(reader)
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{shown(table)} cannot be read ({error}); give a CSV.") from None
    if "recording" not in names or not set(names) <= set(_COLUMNS):
        raise InputError(
            f"{shown(table)} has the columns {', '.join(map(str, names))}; give recording and any "
            f"of {', '.join(_COLUMNS[1:])}."
        )
    parts = [(_fit(Path(row["recording"].strip()), recording), row) for row in rows]
    most = max((fit for fit, _ in parts), default=0)
    found = [row for fit, row in parts if fit == most > 0]
    if len(found) > 1:
        raise InputError(
            f"{shown(table)} has {len(found)} rows for {shown(recording.name)}; keep one."
        )
    return found[0] if found else None


def _fit(given: Path, recording: Path) -> int:
    """How many parts a path of the table and that of a recording share at their ends.

    0 unless all of those of the table do; ``day1/p1`` fits ``study/day1/p1.mp4``.
    """
    if given.name not in (recording.name, recording.stem):
        return 0
    here = recording.absolute().parts[:-1]
    folders = [part for part in given.parts[:-1] if part != "."]
    return 1 + len(folders) if [*here[len(here) - len(folders) :]] == folders else 0


def _with(options: BodyOptions, row: dict[str, str], table: Path) -> BodyOptions:
    """The options with those of a row; a relative file lies beside the table."""
    given = {name: row[name].strip() for name in _COLUMNS[1:] if row.get(name, "").strip()}
    changed: dict[str, object] = dict(given)
    if "file" in given and given["file"] != NOTHING:
        changed["file"] = table.parent / given["file"]
    if "offset" in given:
        try:
            changed["offset"] = float(given["offset"])
        except ValueError:
            raise OptionError(
                f"{shown(table)} has the offset {given['offset']!r}; give seconds."
            ) from None
    if "marker" in given:
        changed["offset"] = None if "offset" not in given else changed["offset"]
    elif "offset" in given:
        changed["marker"] = None
    return replace(options, **changed)  # type: ignore[arg-type]
