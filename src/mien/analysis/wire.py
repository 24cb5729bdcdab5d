"""The wire form of an analysis: plain values that JSON can hold, under a version.

``mien.analysis/3`` is what is written; ``/2`` and ``/1`` are read as well: what they lack stays
empty, and a field that has another key now names the earlier one in its declaration. The JSON
Schema of what is written lies beside this file, ``analysis.schema.json``; ``python
scripts/analysis_schema.py`` writes it from the declarations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mien.analysis.analysis import Analysis
from mien.analysis.codec import Codec, WireField, codec, read_record, wire_fields
from mien.emotions import MIEN7
from mien.errors import InputError, MienError

SCHEMA = "mien.analysis/3"
READS = ("mien.analysis/1", "mien.analysis/2", SCHEMA)
DEPTH = 3
"""Levels of the JSON text that are broken into lines; a row of an evidence is one line."""
SCHEMA_FILE = Path(__file__).with_name("analysis.schema.json")


def to_wire(analysis: Analysis) -> dict[str, Any]:
    """Plain values, with ``schema`` naming their version."""
    return {
        name: list(value) if isinstance(value, Iterator) else value
        for name, value in _sections(analysis)
    }


def json_text(analysis: Analysis, more: Mapping[str, Any] = MappingProxyType({})) -> Iterator[str]:
    """The wire form as JSON text, piece by piece, one row a line.

    Args:
        analysis: what to write.
        more: further keys, which readers of an analysis ignore; they stand after ``schema``.

    One section is in memory at a time: as one value, two hours would take ten times their text.
    """
    before = "{"
    sections = _sections(analysis)
    for name, value in chain([next(sections)], more.items(), sections):
        yield f"{before}\n{json.dumps(name)}: "
        yield from _lines(value, DEPTH)
        before = ","
    yield "\n}\n"


def write_json(
    analysis: Analysis, path: Path, more: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Write the wire form to a file; ``more`` as for :func:`json_text`."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json_text(analysis, more))


def _lines(value: Any, depth: int) -> Iterator[str]:
    """A value as JSON, what it holds on lines of their own as deep as ``depth``."""
    entries: Iterable[tuple[str, Any]]
    if isinstance(value, dict) and depth:
        brackets = "{}"
        entries = ((f"{json.dumps(key)}: ", one) for key, one in value.items())
    elif isinstance(value, Iterator) or (depth and _holds_values(value)):
        brackets = "[]"
        entries = (("", one) for one in value)
    else:
        yield json.dumps(value, ensure_ascii=False)
        return
    before = brackets[0]
    for key, one in entries:
        yield f"{before}\n{key}"
        yield from _lines(one, depth - 1)
        before = ","
    yield brackets if before == brackets[0] else f"\n{brackets[1]}"


def _holds_values(value: Any) -> bool:
    """Whether it is a list of lists or mappings, and not of numbers or names."""
    return isinstance(value, list) and any(isinstance(one, (list, dict)) for one in value)


def _sections(analysis: Analysis) -> Iterator[tuple[str, Any]]:
    """Names and values of the wire form, each made when it is asked for; long lists one by one."""
    yield "schema", SCHEMA
    yield "labels", list(MIEN7.labels)
    for one in wire_fields(Analysis):
        known, value = _codec_of(one, analysis), getattr(analysis, one.name)
        yield one.key, known.write(value) if known.each is None else map(known.each.write, value)


def _codec_of(one: WireField, analysis: Analysis) -> Codec:
    """The codec of a field of an analysis.

    One that was stopped keeps all digits of its rows, so that it can be gone on with as if it had
    not been.
    """
    return codec(one.hint, None if analysis.partial else one.metadata["decimals"])


def as_written(analysis: Analysis) -> Analysis:
    """The analysis with the digits of its wire form: what :func:`from_wire` would read of it.

    What is drawn of it is the same before and after it is written. One section is in memory as
    plain values at a time.
    """
    return Analysis(**read_record(Analysis, _Written(analysis)))


class _Written(Mapping[str, Any]):
    """The sections of the wire form by their keys, each made when it is asked for."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._fields = {one.key: one for one in wire_fields(Analysis)}

    def __getitem__(self, key: str) -> Any:
        one = self._fields[key]
        return _codec_of(one, self._analysis).write(getattr(self._analysis, one.name))

    def __contains__(self, key: object) -> bool:
        return key in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def from_wire(value: Mapping[str, Any]) -> Analysis:
    """The inverse of :func:`to_wire`.

    Raises:
        InputError: if the value is of no version that this mien reads, or is not whole.
    """
    if not isinstance(value, Mapping) or "schema" not in value:
        raise InputError("This is not an analysis (no 'schema'); give a file that --json wrote.")
    said = value["schema"]
    if said not in READS:
        raise InputError(
            f"This is an analysis of the form {said!r}; this version of mien reads "
            f"{', '.join(READS)}. Analyse the recording again."
        )
    labels = value.get("labels", list(MIEN7.labels))
    if labels != list(MIEN7.labels):
        raise InputError(
            f"This analysis has the labels {labels!r}; this version of mien reads "
            f"{', '.join(MIEN7.labels)}, in this order. Analyse the recording again."
        )
    try:
        return Analysis(**read_record(Analysis, value))
    except (MienError, LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(
            f"This analysis is not whole ({type(error).__name__}: {error}); analyse the recording "
            "again."
        ) from None
