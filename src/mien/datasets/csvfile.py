"""Reading CSV files whose columns are known by name."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from mien.errors import DataError


def read_rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a CSV with a header; column names lower-cased and stripped.

    Text is read as UTF-8; a file that is not is read as Windows-1252, which is what
    spreadsheets write.

    Raises:
        DataError: if the file has no header.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    csv.field_size_limit(1 << 24)
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter)
    if not reader.fieldnames:
        raise DataError(f"{path} is empty; expected a CSV with a header.")
    return [
        {(key or "").strip().lower(): (value or "") for key, value in row.items() if key}
        for row in reader
    ]


def column(row: Mapping[str, str], name: str, path: Path) -> str:
    """One value of a row.

    Raises:
        DataError: if the CSV has no such column.
    """
    try:
        return row[name]
    except KeyError:
        raise DataError(f"{path} has no column {name!r}; it has: {', '.join(row)}.") from None
