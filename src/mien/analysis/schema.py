"""The JSON Schema of the wire form, made of the declarations of the fields and their docstrings."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from mien.analysis.analysis import Analysis
from mien.analysis.codec import WireField, also_written, wire_fields
from mien.analysis.evidence import Evidence
from mien.analysis.wire import SCHEMA
from mien.emotions import MIEN7
from mien.timebase import Segment

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: Mapping[Any, Schema] = {
    Any: {},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bytes: {"type": "string", "contentEncoding": "base64"},
}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_ROW: Schema = {
    "type": "object",
    "required": ["probs", "quality", "reason"],
    "properties": {
        "probs": {
            "anyOf": [
                {
                    "type": "array",
                    "items": _SHARE,
                    "minItems": len(MIEN7),
                    "maxItems": len(MIEN7),
                },
                {"type": "null"},
            ],
            "description": "In the order of labels; null where absent.",
        },
        "quality": _SHARE,
        "reason": {"type": ["string", "null"], "description": "Why it is absent."},
    },
}
_BUILT_IN: Mapping[Any, Schema] = {
    Segment: {
        "type": "array",
        "items": {"type": "number"},
        "minItems": 2,
        "maxItems": 2,
        "description": "Start and end in seconds, half-open.",
    },
    Evidence: {
        "type": "object",
        "required": ["branch", "rows"],
        "properties": {
            "branch": {"type": "string"},
            "rows": {"type": "array", "items": _ROW, "description": "One a segment, in order."},
        },
    },
}


def json_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of what :func:`mien.analysis.wire.to_wire` gives."""
    labels = {"const": list(MIEN7.labels), "description": "The columns of every row."}
    return schema_of(Analysis, SCHEMA, "What mien says of one clip.", {"labels": labels})


def schema_of(kind: type, name: str, about: str, more: Schema) -> Schema:
    """The JSON Schema of a dataclass as a document of its own.

    Args:
        kind: the dataclass.
        name: of the version, the value of the key ``schema``.
        about: what the document holds, a sentence.
        more: schemas of keys that stand before those of the fields.
    """
    schemas = _Schemas()
    whole = schemas.record(kind)
    first: Schema = {"schema": {"const": name}} | more
    return {
        "$schema": DIALECT,
        "title": name,
        "description": f"{about} Times are seconds. Further keys may follow in "
        "later versions of mien under the same schema; readers ignore what they do not know.",
        "type": "object",
        "required": [*first, *whole["required"]],
        "properties": first | whole["properties"],
        "$defs": dict(sorted(schemas.named.items())),
    }


def schema_text(schema: Schema | None = None) -> str:
    """What a published file holds; that of an analysis by default."""
    return json.dumps(schema or json_schema(), indent=1, ensure_ascii=False) + "\n"


class _Schemas:
    """Makes schemas of types; those of dataclasses are kept by name and referred to."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}

    def of(self, hint: Any) -> Schema:
        """The schema of a type."""
        if hint in _BUILT_IN or (isinstance(hint, type) and is_dataclass(hint)):
            return self._reference(hint)
        return _PLAIN[hint] if hint in _PLAIN else self._composed(hint)

    def record(self, kind: type) -> Schema:
        """The schema of a dataclass itself."""
        told = _told(kind)
        properties = {one.key: self._property(one, told) for one in wire_fields(kind)}
        properties |= {name: self.of(hint) for name, hint in also_written(kind).items()}
        return {
            "type": "object",
            "description": (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " "),
            "required": list(properties),
            "properties": properties,
        }

    def _reference(self, kind: type) -> Schema:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
        if name not in self.named:
            self.named[name] = _BUILT_IN.get(kind) or self.record(kind)
        return {"$ref": f"#/$defs/{name}"}

    def _property(self, one: WireField, told: Mapping[str, str]) -> Schema:
        schema = self.of(one.hint)
        return schema | ({"description": told[one.name]} if one.name in told else {})

    def _composed(self, hint: Any) -> Schema:
        """Of a type that is made of others."""
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            limits = {"minimum": arguments[1].low, "maximum": arguments[1].high}
            return self.of(arguments[0]) | {k: v for k, v in limits.items() if v is not None}
        if origin in (Union, UnionType):
            (inner,) = (one for one in arguments if one is not NoneType)
            return {"anyOf": [self.of(inner), {"type": "null"}]}
        if origin is Literal:
            return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
        if origin is tuple:
            return {"type": "array", "items": self.of(arguments[0])}
        return {"type": "object", "additionalProperties": self.of(arguments[1])}


def _told(kind: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say of each field, under ``Args``."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("Args:\n")[2]
        entries = re.split(r"\n(?=    \w)", text.partition("\n\n")[0])
        for names, _, words in (entry.strip().partition(": ") for entry in entries):
            for name in names.split(", "):
                said = " ".join(words.split()).replace("``", "")
                found[name] = said[:1].upper() + said[1:]
    return found
