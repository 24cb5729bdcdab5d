"""The table of a batch: one row per clip, as CSV and, where pyarrow is installed, as Parquet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mien.batch.one import COLUMNS, Row
from mien.emotions import MIEN7
from mien.facts import as_utf8
from mien.files import replacing

CSV, PARQUET = "clips.csv", "clips.parquet"
_NUMBERS = {"duration", "confidence", "quality", "seconds", *MIEN7.labels}
_COUNTS = {"segments", "people"}


def write_tables(rows: Sequence[Row], out: Path) -> list[Path]:
    """Write the table into a folder; the files written. Absent values are empty.

    Raises:
        OutputError: if a file cannot be written.
    """
    table = [{name: _cell(row.get(name)) for name in COLUMNS} for row in rows]
    files = [out / CSV]
    with replacing(out / CSV) as fresh, fresh.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    if find_spec("pyarrow") is None:
        (out / PARQUET).unlink(missing_ok=True)
        return files
    _write_parquet(table, out / PARQUET)
    return [*files, out / PARQUET]


def _write_parquet(table: list[Row], path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = dict.fromkeys(COLUMNS, pyarrow.string())
    kinds |= dict.fromkeys(_NUMBERS, pyarrow.float64()) | dict.fromkeys(_COUNTS, pyarrow.int64())
    schema = pyarrow.schema([(name, kinds[name]) for name in COLUMNS])
    with replacing(path) as fresh:
        parquet.write_table(pyarrow.Table.from_pylist(table, schema=schema), str(fresh))


def _cell(value: Any) -> Any:
    return as_utf8(value) if isinstance(value, str) else value
