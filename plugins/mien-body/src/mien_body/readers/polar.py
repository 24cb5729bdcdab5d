"""The CSV of a training session that Polar Flow exports."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import numpy as np

from mien.facts import shown
from mien_body.measured import BodyFile, Series, unusable

_DATES = ("%d-%m-%Y", "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y")


def read_flow(path: Path) -> BodyFile:
    """The heart rates, one a second; the start is local time.

    (Intervals between beats come from other exports: a column ``RR`` of a CSV.)

    Raises:
        InputError: if it has no heart rates.
    """
    name = shown(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    try:
        facts = dict(zip(rows[0], rows[1], strict=False))
        heads = [cell.strip() for cell in rows[2]]
        time, rate = heads.index("Time"), heads.index("HR (bpm)")
        found = [
            (_seconds(row[time]), float(row[rate]))
            for row in rows[3:]
            if len(row) > max(time, rate) and row[rate].strip()
        ]
    except (IndexError, ValueError) as error:
        raise unusable(
            name,
            f"its table of heart rates is damaged ({error})",
            "export the session from Polar Flow again",
        ) from None
    there = [(second, bpm) for second, bpm in found if bpm > 0]
    if not there:
        raise unusable(name, "it has no heart rates", "export a session with a heart rate sensor")
    times, values = np.array(there).T
    began = _began(facts.get("Date", ""), facts.get("Start time", ""))
    series = Series("hr", "HR (bpm)", times, values)
    return BodyFile(Path(path).name, "Polar Flow", (), (series,), (), began, zone_known=False)


def _seconds(text: str) -> float:
    parts = [float(part) for part in text.strip().split(":")]
    return sum(part * 60.0**place for place, part in enumerate(reversed(parts)))


def _began(date: str, time: str) -> datetime | None:
    for form in _DATES:
        try:
            return datetime.strptime(f"{date} {time}", f"{form} %H:%M:%S").astimezone()
        except ValueError:
            continue
    return None
