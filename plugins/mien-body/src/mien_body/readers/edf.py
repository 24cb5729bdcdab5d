"""EDF, EDF+ and BDF, read by pyEDFlib."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mien.facts import shown
from mien_body.measured import (
    LOWEST,
    MOST_SAMPLES,
    WAVES,
    BodyFile,
    Marker,
    Series,
    Wave,
    unusable,
)
from mien_body.options import BodyOptions
from mien_body.readers.names import kind_of

_AXES = ("acc_x", "acc_y", "acc_z")


def read_edf(path: Path, options: BodyOptions) -> BodyFile:
    """The channels whose labels tell what they hold, and the annotations as markers.

    Raises:
        InputError: if it cannot be read, or has no such channel.
    """
    import pyedflib

    name = shown(path)
    try:
        file = pyedflib.EdfReader(str(path))
    except (OSError, ValueError, RuntimeError) as error:
        raise unusable(name, str(error), "check that the file is a complete EDF or BDF") from None
    with file:
        labels = [label.strip() for label in file.getSignalLabels()]
        told = options.column_kinds
        given = told if isinstance(told, dict) else {}
        absent = [one for one in given if one not in labels]
        if absent:
            raise unusable(
                name,
                f"it has no channel {', '.join(absent)}, only {_listed(labels)}",
                "give names of its channels to --body-columns",
            )
        kinds: dict[str, int] = {}
        for i, label in enumerate(labels):
            kind = kind_of(label, given)
            if kind is not None:
                kinds.setdefault(kind, i)
        waves = [w for kind in WAVES if (w := _wave(file, kind, kinds, labels)) is not None]
        series = _rates(file, kinds, labels)
        if not waves and not series:
            raise unusable(
                name,
                f"no channel tells what it holds ({_listed(labels)})",
                "say it with --body-columns, such as LABEL=ecg",
            )
        began: datetime = file.getStartdatetime()
        return BodyFile(
            Path(path).name, "EDF", tuple(waves), tuple(series), _markers(file),
            began.astimezone(), zone_known=False,
        )  # fmt: skip


def _listed(labels: list[str]) -> str:
    return ", ".join(map(shown, labels[:20])) or "none"


def _wave(file: Any, kind: str, kinds: dict[str, int], labels: list[str]) -> Wave | None:
    indices = [kinds[a] for a in _AXES if a in kinds] if kind == "acc" else [kinds.get(kind, -1)]
    if not indices or indices[0] < 0 or (kind == "acc" and len(indices) < 3):
        return None
    rate = float(file.getSampleFrequency(indices[0]))
    count = int(file.getNSamples()[indices[0]])
    if rate < LOWEST[kind] or not count or count > MOST_SAMPLES:
        return None
    samples = np.column_stack([np.asarray(file.readSignal(i), float)[:count] for i in indices])
    unit = file.getPhysicalDimension(indices[0]).strip().lower()
    if kind == "acc":
        samples = samples / (1000.0 if unit == "mg" else 9.80665 if unit == "m/s2" else 1.0)
    else:
        samples = samples[:, 0]
    return Wave(kind, labels[indices[0]], unit, 0.0, rate, samples)


def _rates(file: Any, kinds: dict[str, int], labels: list[str]) -> list[Series]:
    """Heart rates that the device computed."""
    if "hr" not in kinds:
        return []
    index = kinds["hr"]
    values = np.asarray(file.readSignal(index), float)
    times = np.arange(len(values)) / float(file.getSampleFrequency(index))
    there = values > 0
    if not there.any():
        return []
    return [Series("hr", labels[index], times[there], values[there])]


def _markers(file: Any) -> tuple[Marker, ...]:
    onsets, _, texts = file.readAnnotations()
    pairs = zip(np.asarray(onsets, float), texts, strict=True)
    found = [Marker(float(time), str(text).strip()) for time, text in pairs if str(text).strip()]
    return tuple(sorted(found, key=lambda one: one.time))
