"""A session of Empatica's E4: a folder, or the .zip that E4 connect gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from mien.facts import shown
from mien_body.measured import BodyFile, Floats, Marker, Series, Wave, unusable

# Kind, unit and scale of each file of samples.
_FILES = {
    "BVP.csv": ("ppg", "", 1.0),
    "EDA.csv": ("eda", "us", 1.0),
    "ACC.csv": ("acc", "g", 1 / 64),
}
_NAMES = (*_FILES, "IBI.csv", "HR.csv", "tags.csv")
MOST_BYTES = 1_000_000_000
"""Of each file of a session, unpacked."""

Opened = Callable[[str], str | None]


def read_e4(path: Path) -> BodyFile:
    """BVP, EDA and acceleration, the intervals and rates that E4 computed, and the tags.

    Tags have the names ``tag 1``, ``tag 2`` ... in the order in which the button was pressed.

    Raises:
        InputError: if it is no session of E4, or a file of it is damaged.
    """
    name = shown(path)
    if path.is_dir():
        return _session(name, Path(path).name, lambda one: _of_folder(path, one))
    with ZipFile(path) as packed:
        inside = {Path(one.filename).name: one for one in packed.infolist()}

        def of_zip(one: str) -> str | None:
            if one not in inside:
                return None
            if inside[one].file_size > MOST_BYTES:
                raise unusable(name, f"{one} is larger than 1 GB", "give the folder of a session")
            return packed.read(inside[one]).decode("utf-8-sig", errors="replace")

        return _session(name, Path(path).name, of_zip)


def _of_folder(folder: Path, one: str) -> str | None:
    file = folder / one
    if not file.is_file():
        return None
    if file.stat().st_size > MOST_BYTES:
        raise unusable(shown(file), "it is larger than 1 GB", "cut the session")
    return file.read_text(encoding="utf-8-sig", errors="replace")


def _session(name: str, short: str, opened: Opened) -> BodyFile:
    raw: dict[str, tuple[float, float, Floats]] = {}
    for file in (*_FILES, "HR.csv"):
        text = opened(file)
        if text is not None and text.strip():
            raw[file] = _samples(name, file, text)
    if not raw:
        raise unusable(
            name, f"none of {', '.join(_NAMES)} is in it", "give the folder of a session of E4"
        )
    zero = min(start for start, _, _ in raw.values())
    waves = []
    for file, (kind, unit, scale) in _FILES.items():
        if file in raw:
            start, rate, values = raw[file]
            flat = values * scale if kind == "acc" else values[:, 0] * scale
            waves.append(Wave(kind, file.removesuffix(".csv"), unit, start - zero, rate, flat))
    series = []
    if "HR.csv" in raw:
        start, rate, values = raw["HR.csv"]
        times = start - zero + np.arange(len(values)) / rate
        series.append(Series("hr", "HR", times, values[:, 0]))
    beats = _intervals(name, opened("IBI.csv"), zero)
    series += [beats] if beats is not None else []
    began = datetime.fromtimestamp(zero, UTC)
    return BodyFile(
        short, "Empatica E4", tuple(waves), tuple(series),
        _tags(name, opened("tags.csv"), zero), began,
    )  # fmt: skip


def _samples(name: str, file: str, text: str) -> tuple[float, float, Floats]:
    """Start in seconds since 1970, rate, and samples ``(n, k)``."""
    try:
        lines = [line for line in text.splitlines() if line.strip()]
        rows = np.array([[float(cell) for cell in line.split(",")] for line in lines])
        start, rate = float(rows[0, 0]), float(rows[1, 0])
        usable = start > 1e9 and 0 < rate <= 1000 and len(rows) > 2
    except (ValueError, IndexError):
        usable = False
    if not usable:
        raise unusable(
            name, f"{file} does not begin with its start and its rate", "export the session again"
        )
    return start, rate, rows[2:]


def _intervals(name: str, text: str | None, zero: float) -> Series | None:
    """The intervals between beats; E4 writes when a beat was, and the seconds since the last."""
    lines = [line.split(",") for line in (text or "").splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    try:
        start = float(lines[0][0])
        rows = np.array([[float(cell) for cell in line[:2]] for line in lines[1:]])
    except (ValueError, IndexError):
        raise unusable(name, "IBI.csv is damaged", "export the session again") from None
    return Series("rr", "IBI", rows[:, 0] + (start - zero), rows[:, 1])


def _tags(name: str, text: str | None, zero: float) -> tuple[Marker, ...]:
    try:
        times = sorted(float(line) for line in (text or "").split())
    except ValueError:
        raise unusable(name, "tags.csv is damaged", "export the session again") from None
    return tuple(Marker(time - zero, f"tag {i}") for i, time in enumerate(times, 1))
