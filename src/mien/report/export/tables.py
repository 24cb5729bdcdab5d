"""Tables: CSV, Parquet, the wire form, and the events table of BORIS."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mien.analysis import wire
from mien.analysis.analysis import Analysis
from mien.coding import Coding
from mien.coding.wire import CODINGS
from mien.facts import as_utf8
from mien.outputs import ABOUT_BORIS, MARK
from mien.report.coded import CODER_COLUMNS, coder_rows, coder_spans, coder_tier
from mien.report.export.extras import need
from mien.report.rows import COLUMNS, rows, tier_name, tiers
from mien.report.spans import spans
from mien.timebase import Segment

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BORIS = (
    "Observation id", "Observation date", "Description", "Observation type", "Source",
    "Time offset (s)", "Media duration (s)", "FPS (frame/s)", "Subject",
    "Observation duration by subject by observation", "Behavior", "Behavioral category",
    "Behavior type", "Start (s)", "Stop (s)", "Duration (s)", "Media file name",
    "Image index start", "Image index stop", "Image file path start", "Image file path stop",
    "Comment start", "Comment stop",
)  # fmt: skip


def write_csv(analysis: Analysis, path: Path, codings: Sequence[Coding] = ()) -> None:
    """One row per segment and modality, then per segment and coder; absent numbers are empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _columns(codings), restval="", lineterminator="\n")
        writer.writeheader()
        for row in _rows(analysis, codings):
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _columns(codings: Sequence[Coding]) -> tuple[str, ...]:
    return (*COLUMNS, *CODER_COLUMNS) if codings else COLUMNS


def _rows(analysis: Analysis, codings: Sequence[Coding]) -> Iterator[dict[str, Any]]:
    yield from rows(analysis)
    yield from coder_rows(codings)


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else round(value, 6)
    if isinstance(value, str):
        return inert(value)
    return "" if value is None else value


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe stands before what would be one.

    What begins with ``=``, ``+``, ``-``, ``@`` or one of their full-width forms would be one
    (OWASP, CSV injection). Line breaks, tabs and other controls become a space.

    Examples:
        >>> inert("=1+1"), inert("a talk")
        ("'=1+1", 'a talk')
    """
    text = _CONTROLS.sub(" ", as_utf8(text))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def write_parquet(analysis: Analysis, path: Path, codings: Sequence[Coding] = ()) -> None:
    """The columns of the CSV, typed; absent numbers are null."""
    parquet = need("parquet")
    import pyarrow

    table = [
        {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in row.items()}
        for row in _rows(analysis, codings)
    ]
    columns = {name: [row.get(name, "") for row in table] for name in _columns(codings)}
    marked = pyarrow.table(columns).replace_schema_metadata({"writer": MARK})
    parquet.write_table(marked, str(path))


def write_json(analysis: Analysis, path: Path, codings: Sequence[Coding] = ()) -> None:
    """The complete wire form, codings under a key of their own."""
    wire.write_json(
        analysis, path, {CODINGS: [one.to_dict() for one in codings]} if codings else {}
    )


def write_boris(analysis: Analysis, path: Path, codings: Sequence[Coding] = ()) -> None:
    """The columns of BORIS's aggregated events: one state event per span of one label.

    Subject is the modality (and person) or the coder, behaviour the label.
    """
    name = analysis.clip.name
    covered = analysis.part.duration if analysis.part is not None else analysis.clip.duration
    fixed = {
        "Observation id": Path(name).stem,
        "Description": ABOUT_BORIS,
        "Observation type": "Media file",
        "Source": f"player #1:{name}",
        "Time offset (s)": 0,
        "Media duration (s)": round(analysis.clip.duration, 3),
        "Observation duration by subject by observation": round(covered, 3),
        "Behavioral category": "emotion",
        "Behavior type": "STATE",
        "Media file name": name,
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _BORIS, restval="", lineterminator="\n")
        writer.writeheader()
        for subject, segment, label, comment in _events(analysis, codings):
            row = fixed | {
                "Subject": subject,
                "Behavior": label,
                "Start (s)": round(segment.start, 3),
                "Stop (s)": round(segment.end, 3),
                "Duration (s)": round(segment.duration, 3),
                "Comment start": comment,
            }
            writer.writerow({key: _cell(value) for key, value in row.items()})


def _events(
    analysis: Analysis, codings: Sequence[Coding]
) -> Iterator[tuple[str, Segment, str, str]]:
    """Subject, time, behaviour and comment of every state event."""
    for modality, who, evidence in tiers(analysis):
        for span in spans(evidence):
            comment = f"probability {span.prob:.3f}"
            yield tier_name(modality, who), span.segment, span.label, comment
    for coding in codings:
        for segment, label, note in coder_spans(coding):
            yield coder_tier(coding), segment, label, note
