"""Read CSV files with named columns."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.emotions import canonical_label
from mien.errors import DataError, InputError, LabelError
from mien.files import read_regular

MOST_CELL = 1 << 24
"""Maximum number of characters in a cell."""


def table_text(path: Path) -> str:
    """The text of a table in UTF-8, else in Windows-1252, which spreadsheets write.

    Raises:
        DataError: if the file cannot be read.
    """
    try:
        raw = read_regular(path)
    except InputError as error:
        raise DataError(str(error)) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def read_rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a CSV with a header; column names lower-cased and stripped.

    Raises:
        DataError: if the file cannot be read, is not a CSV, or has no header.
    """
    text = table_text(path)
    if "\0" in text:
        raise DataError(f"{path} contains zero bytes; expected a CSV in UTF-8.")
    csv.field_size_limit(MOST_CELL)
    try:
        reader = csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter)
        if not reader.fieldnames:
            raise DataError(f"{path} is empty; expected a CSV with a header.")
        return [
            {(key or "").strip().lower(): (value or "") for key, value in row.items() if key}
            for row in reader
        ]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; expected a CSV.") from None


def column(row: Mapping[str, str], name: str, path: Path) -> str:
    """One value of a row.

    Raises:
        DataError: if the CSV has no such column.
    """
    try:
        return row[name]
    except KeyError:
        commas = "" if len(row) > 1 or ";" not in "".join(row) else "; separate columns by commas"
        raise DataError(
            f"{path} has no column {name!r}; it has: {', '.join(row)}{commas}."
        ) from None


def labels_of(rows: Sequence[Mapping[str, str]], path: Path) -> list[str]:
    """The emotion that the column ``label`` of each row names.

    Raises:
        DataError: if the CSV has no such column.
        LabelError: if a name is unknown; the message gives the row; the first has the number 2.
    """
    names = []
    for number, row in enumerate(rows, start=2):
        try:
            names.append(canonical_label(column(row, "label", path)))
        except LabelError as error:
            raise LabelError(f"{path}, row {number}: {error}") from None
    return names
