"""A table of branch posteriors: one row per item and branch, CSV or Parquet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from mien.datasets.csvfile import column, read_rows
from mien.datasets.votes import is_votes, load_votes
from mien.emotions import MIEN7, canonical_label
from mien.errors import DataError, MissingExtraError
from mien.witness import Witness, WitnessTable

COLUMNS = ("item", "branch", "label", "group", "seconds", "quality", *MIEN7.labels)
PARQUET = ".parquet"


def load_witnesses(path: Path) -> WitnessTable:
    """Votes or posteriors at ``path``, as its first line tells.

    Raises:
        DataError: if there is nothing, or it is neither.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path}; give --data a table of votes or posteriors.")
    if path.suffix != PARQUET:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            if is_votes(file.readline()):
                return load_votes(path)
    return load_posteriors(path)


def load_posteriors(path: Path) -> WitnessTable:
    """A table with the columns ``item, branch, label, group, seconds, quality`` and the seven.

    * ``item``: the recording or utterance; its rows share ``label``, ``group`` and ``seconds``.
    * ``branch``: who judged. An item without a row of a branch is absent there, as is a row whose
      seven cells are empty.
    * ``label``: the true one, by any name that mien knows.
    * ``group``: speaker or dialogue, never divided between training and test; the item itself
      where the column is missing or empty.
    * ``seconds``: length, 0 where missing. ``quality``: in [0, 1], 1 where missing.

    Raises:
        DataError: if a column is missing, a cell is no number or an item has two labels.
        MissingExtraError: for Parquet without pandas and pyarrow.
    """
    rows = _parquet_rows(path) if path.suffix == PARQUET else read_rows(path)
    facts: dict[str, tuple[str, str, float]] = {}
    judged: dict[str, dict[str, tuple[list[float], float]]] = {}
    for number, row in enumerate(rows, start=2):
        item = column(row, "item", path)
        try:
            fact = (
                canonical_label(column(row, "label", path)),
                row.get("group") or item,
                float(row.get("seconds") or 0),
            )
            probs = [float(column(row, label, path) or "nan") for label in MIEN7.labels]
            quality = float(row.get("quality") or 1)
        except ValueError as error:
            raise DataError(f"{path}, row {number}: {error}; expected a number.") from None
        if facts.setdefault(item, fact) != fact:
            raise DataError(
                f"{path}, row {number}: item {item!r} has the label, group and length {fact} here "
                f"and {facts[item]} before; give its rows the same."
            )
        judged.setdefault(column(row, "branch", path), {})[item] = (probs, quality)
    return _table(path, facts, judged)


def _table(path: Path, facts: dict[str, tuple[str, str, float]], judged: Any) -> WitnessTable:
    items = list(facts)
    witnesses = {}
    for branch, rows in judged.items():
        probs = np.full((len(items), len(MIEN7)), np.nan)
        quality = np.zeros(len(items))
        for i, item in enumerate(items):
            if item in rows and np.isfinite(rows[item][0]).all():
                probs[i], quality[i] = rows[item]
        witnesses[branch] = Witness(probs / probs.sum(axis=1, keepdims=True), quality)
    return WitnessTable(
        name=path.name,
        items=tuple(items),
        labels=np.array([MIEN7.index(facts[i][0]) for i in items], dtype=np.int64),
        groups=np.array([facts[i][1] for i in items], dtype=np.str_),
        witnesses=witnesses,
        seconds=np.array([facts[i][2] for i in items]),
    )


def _parquet_rows(path: Path) -> list[dict[str, str]]:
    try:
        import pandas

        frame = pandas.read_parquet(path)
    except ImportError:
        raise MissingExtraError("Reading Parquet", "frame") from None
    filled = frame.astype(object).where(frame.notna(), "")
    return [
        {str(key).strip().lower(): str(value) for key, value in row.items()}
        for row in filled.to_dict("records")
    ]


def save_posteriors(table: WitnessTable, path: Path) -> None:
    """Write a table as CSV, in the columns that :func:`load_posteriors` reads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for branch, witness in table.witnesses.items():
            for i in np.flatnonzero(witness.present):
                facts = (table.items[i], branch, MIEN7.labels[table.labels[i]], table.groups[i])
                numbers = (table.seconds[i], witness.quality[i], *witness.probs[i])
                writer.writerow((*facts, *(format(float(x), ".6g") for x in numbers)))
