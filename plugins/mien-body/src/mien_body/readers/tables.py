"""CSV and text: columns by their names, times by a column or a rate."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from mien.facts import shown
from mien_body.measured import (
    LOWEST,
    WAVES,
    BodyFile,
    Floats,
    Marker,
    Series,
    Wave,
    evenly,
    unusable,
)
from mien_body.options import NOTHING, BodyOptions
from mien_body.readers.names import kind_of, unit_of

MOST_BYTES = 300_000_000
_DELIMITERS = (",", ";", "\t")
_AXES = ("acc_x", "acc_y", "acc_z")
_COMMENT = "#"


@dataclass(frozen=True)
class _Table:
    """The cells of a file by column; the name of each is empty if there is no header."""

    names: list[str]
    columns: list[list[str]]
    comma: bool


def read_table(path: Path, options: BodyOptions) -> BodyFile:
    """A table of columns; see ``docs/body.md`` for what their names may be.

    Raises:
        InputError: if it has no column that can be used, or no times and no rate.
    """
    name = shown(path)
    if path.stat().st_size > MOST_BYTES:
        raise unusable(name, "it is larger than 300 MB", "cut it, or convert it to EDF")
    table = _parsed(path, name)
    kinds = _kinds(table, options, name)
    times, began, zone = _times(table, kinds, options, name)
    waves, series = [], []
    for kind in WAVES:
        wave = _wave(kind, table, kinds, times, options.rate, name)
        waves += [wave] if wave is not None else []
    for kind in ("hr", "rr"):
        one = _series(kind, table, kinds, times, options.rate, name)
        series += [one] if one is not None else []
    return BodyFile(
        Path(path).name, "CSV", tuple(waves), tuple(series),
        tuple(_markers(table, kinds, times)), began, zone,
    )  # fmt: skip


def _parsed(path: Path, name: str) -> _Table:
    text = _decoded(path.read_bytes())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(_COMMENT)]
    if not lines:
        raise unusable(name, "it is empty", "give a file with a row a sample")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    if not lines[0].count(delimiter):
        delimiter = "," if len(lines[0].split()) == 1 else " "
    if delimiter == " ":
        rows = [line.split() for line in lines]
    else:
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    comma = delimiter != "," and any("," in cell for cell in rows[min(1, len(rows) - 1)])
    header = not any(_is_number(cell, comma) for cell in rows[0])
    names = [cell.strip() for cell in rows[0]] if header else [""] * len(rows[0])
    body = rows[1:] if header else rows
    width = len(names)
    bad = next((i for i, row in enumerate(body) if len(row) < width), None)
    if bad is not None and bad < len(body) - 1:
        line = bad + 1 + header
        raise unusable(
            name, f"row {line} has {len(body[bad])} columns and not {width}",
            "write every row with the same columns",
        )  # fmt: skip
    body = [row for row in body if len(row) >= width]
    if not body:
        raise unusable(name, "it has a header and no rows", "give a file with a row a sample")
    return _Table(names, [[row[i] for row in body] for i in range(width)], comma)


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _is_number(cell: str, comma: bool) -> bool:
    try:
        float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        return bool(re.match(r"\s*\d{4}-\d\d-\d\d", cell))
    return True


def _kinds(table: _Table, options: BodyOptions, name: str) -> dict[str, int]:
    """The column of each kind."""
    told = options.column_kinds
    if isinstance(told, tuple) and told:
        kinds: Sequence[str | None] = told
        if len(told) != len(table.names):
            raise unusable(
                name, f"it has {len(table.names)} columns, and --body-columns names {len(told)}",
                "name the kind of each column in order (none for one to leave out)",
            )  # fmt: skip
    else:
        given: Mapping[str, str] = told if isinstance(told, dict) else {}
        absent = [one for one in given if one not in table.names]
        if absent:
            raise unusable(
                name, f"it has no column {', '.join(absent)}, only {_listed(table)}",
                "give names of its columns to --body-columns",
            )  # fmt: skip
        kinds = [kind_of(one, given) if one else None for one in table.names]
    found: dict[str, int] = {}
    for i, kind in enumerate(kinds):
        if kind is not None and kind != NOTHING:
            found.setdefault(kind, i)
    if not set(found) - {"time", "marker"}:
        what = f"no column tells what it holds ({_listed(table)})"
        raise unusable(name, what, "say it with --body-columns, such as NAME=ecg or ecg,eda")
    return found


def _listed(table: _Table) -> str:
    names = [one or f"column {i + 1} without a name" for i, one in enumerate(table.names)]
    return ", ".join(map(shown, names[:12]))


def _numbers(table: _Table, column: int, name: str) -> Floats:
    """The numbers of a column; NaN where a cell is empty or says so."""
    cells = table.columns[column]
    if table.comma:
        cells = [cell.replace(",", ".") for cell in cells]
    try:
        found = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
        return np.where(np.isfinite(found), found, np.nan)
    except ValueError as error:
        called = shown(table.names[column] or f"column {column + 1}")
        raise unusable(
            name, f"the column {called} holds what is no number ({error})",
            "leave cells empty where there is no value",
        ) from None  # fmt: skip


def _times(
    table: _Table, kinds: Mapping[str, int], options: BodyOptions, name: str
) -> tuple[Floats | None, datetime | None, bool]:
    """Seconds of the file, and when its second 0 was, with whether the time zone is known."""
    if "time" not in kinds:
        return None, None, True
    column = kinds["time"]
    dates = [_date(cell) for cell in table.columns[column][:1]]
    if dates[0] is not None:
        every = [_date(cell) for cell in table.columns[column]]
        if None in every:
            row = every.index(None) + 2
            raise unusable(name, f"row {row} has no time", "write a time in each row")
        stamps = [one for one in every if one is not None]
        zone = stamps[0].tzinfo is not None
        stamps = [one if zone else one.astimezone() for one in stamps]
        seconds = np.array([(one - stamps[0]).total_seconds() for one in stamps])
        return _ordered(seconds, name), stamps[0], zone
    numbers = _numbers(table, column, name)
    if np.isnan(numbers).any():
        raise unusable(name, "a row has no time", "write a time in each row")
    unit = options.time_unit
    said = unit_of(table.names[column]) if unit == "auto" else unit
    first = float(numbers[0])
    absolute = next((u for u, low in _EPOCHS if low <= first < 4 * low), None)
    if options.time_unit == "auto" and absolute is not None:
        began = datetime.fromtimestamp(0, UTC) + timedelta(seconds=first * _SCALE[absolute])
        return _ordered((numbers - first) * _SCALE[absolute], name), began, True
    scale = _SCALE.get(_UNITS.get(said, said or "s"))
    if scale is None:
        raise unusable(
            name,
            f"the column {table.names[column]!r} counts in {said!r}",
            "write the times in s, ms, min or h, or give --body-time-unit s or ms",
        )
    return _ordered(numbers * scale, name), None, True


_SCALE = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_UNITS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "msec": "ms", "msecs": "ms", "millisecond": "ms", "milliseconds": "ms", "\u00b5s": "us",
    "mins": "min", "minute": "min", "minutes": "min",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
}  # fmt: skip
"""Other names of units."""
# 10^9 s after 1970 is the year 2001.
_EPOCHS = (("s", 1e9), ("ms", 1e12), ("us", 1e15), ("ns", 1e18))


def _date(cell: str) -> datetime | None:
    text = cell.strip()
    if not re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d", text):
        return None
    try:
        return datetime.fromisoformat(text.replace(" ", "T", 1))
    except ValueError:
        return None


def _ordered(seconds: Floats, name: str) -> Floats:
    back = np.flatnonzero(np.diff(seconds) < 0)
    if len(back):
        raise unusable(
            name, f"its times go back at row {int(back[0]) + 3}", "sort its rows by time"
        )
    return seconds


def _wave(
    kind: str, table: _Table, kinds: Mapping[str, int], times: Floats | None, rate: float | None,
    name: str,
) -> Wave | None:  # fmt: skip
    columns = [kinds[a] for a in _AXES if a in kinds] if kind == "acc" else [kinds.get(kind, -1)]
    if not columns or columns[0] < 0 or (kind == "acc" and len(columns) < 3):
        return None
    values = np.column_stack([_numbers(table, one, name) for one in columns])
    called = table.names[columns[0]]
    unit = unit_of(called)
    values = values / (1000.0 if unit == "mg" else 1.0) if kind == "acc" else values[:, 0]
    there = ~np.isnan(values.reshape(len(values), -1)).any(axis=1)
    if not there.any():
        return None
    if times is not None:
        start, found, values = evenly(times[there], values[there])
    elif rate is not None:
        start, found = 0.0, rate
    else:
        raise unusable(
            name, "it has no column of times", "add one in seconds, or give --body-rate HZ"
        )
    if found < LOWEST[kind]:
        hint = "; times in milliseconds need --body-time-unit ms" if times is not None else ""
        raise unusable(
            name, f"{called or kind} has {found:.3g} samples a second, too few for {kind}{hint}",
            f"give at least {LOWEST[kind]:g} a second",
        )  # fmt: skip
    return Wave(kind, called or kind, unit, start, found, values)


def _series(
    kind: str, table: _Table, kinds: Mapping[str, int], times: Floats | None, rate: float | None,
    name: str,
) -> Series | None:  # fmt: skip
    if kind not in kinds:
        return None
    values = _numbers(table, kinds[kind], name)
    there = np.isfinite(values) & (values > 0)
    if not there.any():
        return None
    called = table.names[kinds[kind]] or kind
    values = values[there]
    if kind == "rr" and (unit_of(called) == "ms" or np.median(values) > 10):
        values = values / 1000.0
    if times is not None:
        return Series(kind, called, times[there], values)
    if kind == "rr":
        return Series(kind, called, np.cumsum(values), values)
    if rate is None:
        raise unusable(
            name, "it has no column of times", "add one in seconds, or give --body-rate HZ"
        )
    return Series(kind, called, np.flatnonzero(there) / rate, values)


def _markers(table: _Table, kinds: Mapping[str, int], times: Floats | None) -> list[Marker]:
    """A moment where the column of markers changes to a text."""
    if "marker" not in kinds or times is None:
        return []
    found, before = [], ""
    for time, cell in zip(times, table.columns[kinds["marker"]], strict=True):
        text = cell.strip()
        if text and text != before and text not in ("0", "0.0"):
            found.append(Marker(float(time), text))
        before = text
    return found
