"""A table of branch posteriors: one row per item and branch, CSV or Parquet."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.datasets.csvfile import column, read_rows, table_text
from mien.datasets.table import LabelledSet
from mien.datasets.votes import is_votes, load_votes
from mien.emotions import MIEN7, canonical_label
from mien.errors import DataError, MissingExtraError
from mien.files import replacing
from mien.outputs import MARK
from mien.posteriors import Posteriors, PosteriorTable

COLUMNS = ("item", "branch", "label", "group", "seconds", "quality", *MIEN7.labels, "pack")
PARQUET = ".parquet"


def load_table(path: Path) -> PosteriorTable:
    """Votes or posteriors at ``path``, chosen by its first line.

    Raises:
        DataError: if the file does not exist, or is neither.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path}; set --data to a table of votes or posteriors.")
    if path.suffix != PARQUET and is_votes(table_text(path).partition("\n")[0]):
        return load_votes(path)
    return load_posteriors(path)


def load_posteriors(path: Path) -> PosteriorTable:
    """A table with the columns ``item, branch, label, group, seconds, quality`` and the labels.

    * ``item``: the recording or utterance; its rows share ``label``, ``group`` and ``seconds``.
    * ``branch``: the branch of the row. A branch without a row for an item is absent there, as is
      one with a row whose seven cells are empty.
    * ``label``: the true label, by any known name.
    * ``group``: speaker or dialogue, never divided between training and test; the item itself if
      the column is missing or empty.
    * ``seconds``: length, 0 if missing. ``quality``: in [0, 1], 1 if missing.
    * ``pack``: SHA-256 of the branch's pack if known, the same for all rows of a branch.

    Raises:
        DataError: if a column is missing, a cell is not a number, an item has two labels, or a
            branch has two packs.
        MissingExtraError: for Parquet without pyarrow.
    """
    rows = _parquet_rows(path) if path.suffix == PARQUET else read_rows(path)
    facts: dict[str, tuple[str, str, float]] = {}
    judged: dict[str, dict[str, tuple[list[float], float]]] = {}
    packs: dict[str, str] = {}
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
        _check_numbers(f"{path}, row {number}", probs, quality, fact[2])
        if facts.setdefault(item, fact) != fact:
            raise DataError(
                f"{path}, row {number}: item {item!r} has the label, group and length {fact} here "
                f"and {facts[item]} before; they must be equal."
            )
        branch = column(row, "branch", path)
        judged.setdefault(branch, {})[item] = (probs, quality)
        pack = row.get("pack") or ""
        if packs.setdefault(branch, pack) != pack:
            raise DataError(
                f"{path}, row {number}: the rows of {branch} come from two packs; produce all of "
                "them with one pack."
            )
    return replace(
        _table(path, facts, judged), packs={b: pack for b, pack in packs.items() if pack}
    )


def _check_numbers(where: str, probs: list[float], quality: float, seconds: float) -> None:
    given = [p for p in probs if not math.isnan(p)]
    if any(p < 0 or math.isinf(p) for p in given) or (given and sum(given) <= 0):
        raise DataError(
            f"{where}: the probabilities are {given}; expected seven numbers >= 0, some above 0."
        )
    if not 0 <= quality <= 1:
        raise DataError(f"{where}: quality is {quality}; expected a number in [0, 1].")
    if not 0 <= seconds < math.inf:
        raise DataError(f"{where}: seconds is {seconds}; expected a length >= 0.")


def _table(path: Path, facts: dict[str, tuple[str, str, float]], judged: Any) -> PosteriorTable:
    items = list(facts)
    posteriors = {}
    for branch, rows in judged.items():
        probs = np.full((len(items), len(MIEN7)), np.nan)
        quality = np.zeros(len(items))
        for i, item in enumerate(items):
            if item in rows and np.isfinite(rows[item][0]).all():
                probs[i], quality[i] = rows[item]
        posteriors[branch] = Posteriors(probs / probs.sum(axis=1, keepdims=True), quality)
    return PosteriorTable(
        name=path.name,
        items=tuple(items),
        labels=np.array([MIEN7.index(facts[i][0]) for i in items], dtype=np.int64),
        groups=np.array([facts[i][1] for i in items], dtype=np.str_),
        posteriors=posteriors,
        seconds=np.array([facts[i][2] for i in items]),
    )


def _parquet_rows(path: Path) -> list[dict[str, str]]:
    parquet = _parquet("Reading Parquet")
    try:
        table = parquet.read_table(str(path))
    except (ValueError, OSError) as error:
        # pyarrow's ArrowInvalid is a ValueError.
        raise DataError(f"{path} is not a Parquet file ({error}).") from None
    # "nan" is read as an absent number as well.
    return [
        {key.strip().lower(): "" if cell is None else str(cell) for key, cell in row.items()}
        for row in table.to_pylist()
    ]


def _parquet(what: str) -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(what, "export") from None
    return pyarrow.parquet


def save_posteriors(table: PosteriorTable, path: Path) -> None:
    """Write a table as CSV or, by its suffix, as Parquet; :func:`load_posteriors` reads both.

    Raises:
        MissingExtraError: for Parquet without pyarrow.
    """
    rows = list(_rows(table))
    with replacing(path) as fresh:
        _write(rows, fresh)


def _write(rows: Sequence[tuple[str | float, ...]], path: Path) -> None:
    if path.suffix == PARQUET:
        parquet = _parquet("Writing Parquet")
        import pyarrow

        columns = zip(COLUMNS, zip(*rows, strict=True), strict=True)
        made = pyarrow.table({name: list(cells) for name, cells in columns})
        parquet.write_table(made.replace_schema_metadata({"writer": MARK}), str(path))
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(format(x, ".6g") if isinstance(x, float) else x for x in row)


def _rows(table: PosteriorTable) -> Iterator[tuple[str | float, ...]]:
    for branch, posteriors in table.posteriors.items():
        pack = table.packs.get(branch, "")
        for i in np.flatnonzero(posteriors.present):
            facts = (table.items[i], branch, MIEN7.labels[table.labels[i]], str(table.groups[i]))
            numbers = (table.seconds[i], posteriors.quality[i], *posteriors.probs[i])
            yield (*facts, *(float(x) for x in numbers), pack)


def posteriors_of(
    branch: str,
    rows: LabelledSet,
    probs: npt.NDArray[np.float64],
    quality: npt.NDArray[np.float64] | None = None,
    pack: str = "",
    numbers: Sequence[int] | None = None,
) -> PosteriorTable:
    """The table of one branch's posteriors for a labelled set.

    Args:
        branch: name of the branch.
        rows: n rows; those with one label are included in the table.
        probs: ``(n, 7)``.
        quality: ``(n,)``; None for 1 everywhere.
        pack: SHA-256 of the branch's pack.
        numbers: the number of each row in its data set, part of the name of the item: tables of two
            branches on one data set have the same names. None if ``rows`` is the whole set.
    """
    numbers = range(len(rows)) if numbers is None else numbers
    items = [f"{corpus}/{i}" for i, corpus in zip(numbers, rows.corpora, strict=True)]
    quality = np.ones(len(rows)) if quality is None else quality
    table = PosteriorTable(
        name=branch,
        items=tuple(items),
        labels=rows.labels,
        groups=np.array([g or item for g, item in zip(rows.groups, items, strict=True)]),
        posteriors={branch: Posteriors(probs, np.where(np.isfinite(probs[:, 0]), quality, 0.0))},
        seconds=np.zeros(len(rows)),
        packs={branch: pack} if pack else {},
    )
    return table.select(rows.single)
