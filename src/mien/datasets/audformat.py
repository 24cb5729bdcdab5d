"""Databases in the form of audformat: a folder with ``db.yaml`` and the files that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mien.datasets.table import LabelledSet, build, concatenate
from mien.emotions import MIEN7, canonical_label, one_hot
from mien.errors import DataError, LabelError, MissingExtraError

HEADER = "db.yaml"
COLUMN = "emotion"
_SHORTER = 0.05
"""Seconds at the end of a file that a segment may leave out and still be the whole file."""


def is_audformat(path: Path) -> bool:
    """Whether a folder holds a database."""
    return path.is_dir() and (path / HEADER).is_file()


def need_audformat(what: str) -> Any:
    """The package audformat.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        return import_module("audformat")
    except ImportError:
        raise MissingExtraError(what, "compat") from None


def load_audformat(
    database: Any,
    *,
    tables: str | Sequence[str] | None = None,
    column: str = COLUMN,
    root: str | Path | None = None,
) -> LabelledSet:
    """The files of a database with their emotion, for ``mien evaluate`` and ``mien train``.

    Labels are mapped by their names (``happiness`` is joy, ``calm`` neutral). Rows without a label
    are left out. The group of a row is its speaker (a column ``speaker`` of the same or of another
    table), its split that of its table.

    Args:
        database: an ``audformat.Database``, or the folder of one.
        tables: names of the tables; all that have the column by default, and of these those named
            ``gold_standard`` where there are any.
        column: that holds the label.
        root: folder of the media files; by default that of the database.

    Raises:
        DataError: if there is no such table or column, a row is a part of a file (audformat's
            segments; mien's labelled sets are of whole files), or a file has two labels.
        LabelError: if a label is none that mien knows.
        MissingExtraError: if audformat is not installed.
    """
    audformat = need_audformat("A database of audformat")
    if isinstance(database, str | Path):
        folder = Path(database)
        if not is_audformat(folder):
            raise DataError(f"{folder} is no database of audformat: it holds no {HEADER}.")
        try:
            database = audformat.Database.load(str(folder))
        except Exception as error:  # yaml, pandas and audformat raise what they like
            raise DataError(f"{folder} cannot be loaded by audformat ({error}).") from error
    base = Path(str(root if root is not None else database.root or "."))
    names = _tables(database, tables, column)
    speakers = dict(_speakers(database))
    sets = [_table(database, name, column, base, speakers) for name in names]
    labelled = [one for one in sets if one is not None]
    if not labelled:
        raise DataError(f"No row of {', '.join(names)} in {database.name} has a label.")
    found = concatenate(labelled)
    _check_once(found.items, database.name)
    return found


def _tables(database: Any, tables: str | Sequence[str] | None, column: str) -> list[str]:
    known = [name for name in database.tables if column in database.tables[name].columns]
    if tables is not None:
        asked = [tables] if isinstance(tables, str) else list(tables)
        missing = [name for name in asked if name not in known]
        if missing or not asked:
            raise DataError(
                f"{database.name} has no table {missing[0] if missing else ''!r} with a column "
                f"{column!r}; those that have one: {', '.join(known) or 'none'}."
            )
        return asked
    if not known:
        every = sorted({name for table in database.tables.values() for name in table.columns})
        raise DataError(
            f"No table of {database.name} has a column {column!r}; columns: "
            f"{', '.join(every) or 'none'}."
        )
    return [name for name in known if "gold_standard" in name] or known


def _speakers(database: Any) -> Iterator[tuple[str, str]]:
    """The speaker of each file that some table names."""
    for table in database.tables.values():
        if "speaker" in table.columns:
            said = table["speaker"].get()
            files = said.index.get_level_values("file")
            named = said.notna()
            yield from zip(files[named], map(str, said[named]), strict=True)


def _table(
    database: Any, name: str, column: str, base: Path, speakers: dict[str, str]
) -> LabelledSet | None:
    table = database.tables[name]
    said = table[column].get(map=_mapping(database, table, column)).dropna()
    if not len(said):
        return None
    if table.is_segmented:
        _check_whole(said.index, base, name)
    files = [str(file) for file in said.index.get_level_values("file")]
    labels = []
    for file, value in zip(files, said, strict=True):
        try:
            labels.append(canonical_label(str(value)))
        except LabelError as error:
            raise LabelError(f"{database.name}, table {name}, {file}: {error}") from None
    split = database.splits[table.split_id].type if table.split_id else ""
    who = [speakers.get(file, "") for file in files]
    return build(
        [str(base / file) for file in files],
        one_hot(labels, MIEN7),
        database.name,
        groups=[one and f"{database.name}/{one}" for one in who],
        splits=[split] * len(files),
    )


def _mapping(database: Any, table: Any, column: str) -> str | None:
    """The entry of a scheme's labels that names an emotion, where they are mappings."""
    scheme = database.schemes.get(table.columns[column].scheme_id)
    labels = scheme.labels if scheme is not None else None
    if not isinstance(labels, dict):
        return None
    first = next(iter(labels.values()), None)
    keys = list(first) if isinstance(first, dict) else []
    return next((key for key in ("emotion", "category", "name") if key in keys), None)


def _check_whole(index: Any, base: Path, name: str) -> None:
    """Refuse rows that are parts of files."""
    import pandas

    frame = index.to_frame(index=False)
    for file, start, end in frame.itertuples(index=False):
        part = start.total_seconds() > 0
        if not part and not pandas.isna(end):
            part = end.total_seconds() < _duration(base / file) - _SHORTER
        if part:
            raise DataError(
                f"Table {name}: a row is the part of {file} from {start.total_seconds():.3f} s, "
                "and a labelled set has whole files. Cut the files (audinterface or ffmpeg), or "
                "give a table of whole files."
            )


def _duration(path: Path) -> float:
    """Seconds of a file.

    Raises:
        DataError: if they cannot be told.
    """
    try:
        return float(import_module("audiofile").duration(str(path)))
    except Exception as error:  # of soundfile, of the programs that it starts, or of the system
        raise DataError(f"The length of {path} cannot be told ({error}).") from None


def _check_once(items: Sequence[str], name: str) -> None:
    seen: set[str] = set()
    for item in items:
        if item in seen:
            raise DataError(
                f"{name}: {item} has more than one label; choose one of its tables with tables=."
            )
        seen.add(item)
