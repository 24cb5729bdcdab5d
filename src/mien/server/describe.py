"""The description of the API, OpenAPI 3.1, at ``/openapi.json``."""

from __future__ import annotations

import typing
from dataclasses import fields
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from mien.options import Options, described
from mien.options.groups import POLICIES, POOLED, RULES, SOURCES, WAYS
from mien.options.options import group_types
from mien.server.allowed import CONVENTIONS, DETECTORS, ENGINES, HIDDEN, PORTRAITS
from mien.server.names import MOST_NAME

_MORE: dict[str, dict[str, Any]] = {
    "media.audio_track": {"anyOf": [
        {"type": "integer", "minimum": 1}, {"type": "string", "minLength": 1}, {"type": "null"}]},
    "media.audio_channel": {"minimum": 1},
    "segmentation.by": {"enum": list(WAYS)},
    "segmentation.window": {"exclusiveMinimum": 0},
    "segmentation.step": {"exclusiveMinimum": 0},
    "speech.asr": {"enum": list(ENGINES)},
    "speech.words_source": {"enum": list(SOURCES)},
    "faces.person": {"anyOf": [
        {"enum": ["primary", "all"]}, {"type": "string", "pattern": "^[0-9]+$"},
        {"type": "integer", "minimum": 0}]},
    "faces.policy": {"enum": list(POLICIES)},
    "faces.convention": {"enum": list(CONVENTIONS)},
    "faces.detector": {"enum": list(DETECTORS)},
    "faces.frame_rate": {"exclusiveMinimum": 0, "maximum": 60},
    "fusion.rule": {"enum": [POOLED, *RULES]},
    "fusion.weights": {"anyOf": [
        {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
        {"type": "null"}]},
    "fusion.max_risk": {"exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "start": {"minimum": 0},
    "end": {"exclusiveMinimum": 0},
    "portraits": {"minimum": 0, "maximum": PORTRAITS},
}  # fmt: skip
"""By the path of an option, what its type does not say."""
_TYPES = {str: "string", float: "number", int: "integer", bool: "boolean", type(None): "null"}


_UNREADABLE = {
    "description": "The body cannot be read.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
}


def describe(app: FastAPI) -> None:
    """Let the application describe the body of a submission, and name its versions."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            parts = schema.setdefault("components", {}).setdefault("schemas", {})
            parts["Options"] = options_schema()
            parts["Submission"] = _submission()
            for path in schema["paths"].values():
                for operation in path.values():
                    _strict(operation.get("parameters", []))
                    if "requestBody" in operation:
                        operation["responses"].setdefault("400", _UNREADABLE)
            for name in ("HTTPValidationError", "ValidationError"):
                parts.pop(name, None)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _strict(parameters: list[dict[str, Any]]) -> None:
    """What may be left out is not described as null, which no header or query can be."""
    for one in parameters:
        choices = [part for part in one["schema"].get("anyOf", []) if part != {"type": "null"}]
        if len(choices) == 1:
            one["schema"] = choices[0] | {"title": one["schema"].get("title", one["name"])}


def _submission() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {
            "file": {
                "type": "string",
                "format": "binary",
                "description": "The recording, picture or .txt file, with its name.",
            },
            "options": {"$ref": "#/components/schemas/Options"},
            "name": {"type": "string", "maxLength": MOST_NAME, "description": "The name to show."},
        },
    }


def options_schema() -> dict[str, Any]:
    """JSON Schema of the options that a client may choose; what it cannot say, a 422 does."""
    groups: dict[str, Any] = {"": Options, **group_types()}
    out: dict[str, Any] = {}
    for group, kind in groups.items():
        hints = typing.get_type_hints(kind)
        properties = {}
        for field in fields(kind):
            path = f"{group}.{field.name}".lstrip(".")
            if path in described() and path not in HIDDEN:
                properties[field.name] = _option(path, hints[field.name])
        out[group] = {"type": "object", "additionalProperties": False, "properties": properties}
    top: dict[str, Any] = out.pop("")
    top["properties"] = out | top["properties"]
    top["description"] = "Options of the analysis; what is left out has its default."
    top["examples"] = [{"segmentation": {"by": "window"}, "portraits": 50}]
    return top


def _option(path: str, hint: Any) -> dict[str, Any]:
    one, more = described()[path], _MORE.get(path, {})
    found: dict[str, Any] = {"description": one.meaning, "default": one.default}
    if not {"enum", "anyOf"} & more.keys():
        kinds = [_TYPES[kind] for kind in typing.get_args(hint) or (hint,) if kind is not Path]
        found["type"] = kinds[0] if len(kinds) == 1 else kinds
    return found | more
