"""The wire form of a coding, ``mien.coding/1``, and files that hold codings.

The JSON Schema lies beside this file, ``coding.schema.json``; ``python scripts/analysis_schema.py``
writes it from the declarations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.analysis.codec import codec, read_record
from mien.analysis.schema import Schema, schema_of
from mien.coding.coding import CODES, Coding
from mien.errors import InputError, MienError
from mien.facts import shown
from mien.files import read_text
from mien.outputs import written

SCHEMA = "mien.coding/1"
SCHEMA_FILE = Path(__file__).with_name("coding.schema.json")
CODINGS = "codings"
"""The key of the codings in the JSON of an analysis that was exported with them."""


def to_wire(coding: Coding) -> dict[str, Any]:
    """Plain values, with ``schema`` naming their version."""
    return {"schema": SCHEMA, "labels": list(CODES), **codec(Coding).write(coding)}


def from_wire(value: Mapping[str, Any]) -> Coding:
    """The inverse of :func:`to_wire`.

    Raises:
        InputError: if the value is of no version that this mien reads, or is not whole.
    """
    if not isinstance(value, Mapping) or "schema" not in value:
        raise InputError("This is not a coding (no 'schema'); give a file of one coder's labels.")
    if value["schema"] != SCHEMA:
        raise InputError(
            f"This is a coding of the form {value['schema']!r}; this version of mien reads "
            f"{SCHEMA}. Update mien, or give another file."
        )
    try:
        return Coding(**read_record(Coding, value))
    except (MienError, LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(
            f"This coding is not whole ({type(error).__name__}: {error}); export it again."
        ) from None


def read_codings(path: Path) -> tuple[Coding, ...]:
    """The codings in a file: one coding, or all that an analysis was exported with.

    Raises:
        InputError: if it holds none.
    """
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{shown(path)} holds no coding ({str(error)[:200]}); give a JSON file of one."
        ) from None
    if isinstance(value, Mapping) and str(value.get("schema", "")).startswith("mien.analysis/"):
        found = value.get(CODINGS)
        if not isinstance(found, list) or not found:
            raise InputError(
                f"{shown(path)} is an analysis without codings; give the file of a coding, or an "
                "analysis that was exported with them."
            )
        return tuple(from_wire(one) for one in found)
    try:
        return (from_wire(value),)
    except InputError as error:
        raise InputError(f"{shown(path)}: {error}") from None


def json_text(coding: Coding) -> str:
    """The wire form as JSON text, one code a line."""
    value = to_wire(coding)
    codes = ",".join("\n" + json.dumps(code, ensure_ascii=False) for code in value.pop("codes"))
    lines = [
        f"{json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in value.items()
    ]
    return "{\n" + ",\n".join([*lines, f'"codes": [{codes}]']) + "\n}\n"


def save(coding: Coding, path: Path, overwrite: bool) -> None:
    """Write a coding to a file, in one step."""
    with written(path, (), overwrite, "The coding") as fresh:
        fresh.write_text(json_text(coding), encoding="utf-8")


def coding_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of what :func:`to_wire` gives."""
    labels = {"const": list(CODES), "description": "What a row can be labelled with."}
    return schema_of(Coding, SCHEMA, "One coder's labels of the rows of one analysis.",
                     {"labels": labels})  # fmt: skip
