"""How the values of a type become JSON and come back, told by the type alone.

A dataclass is an object with a key a field, in their order. What the type of a number does not tell
stands beside it (:class:`Number`), what that of a field does not in its metadata
(:func:`mien.analysis.fields.declared`).
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from mien.analysis.evidence import Evidence
from mien.facts import as_utf8
from mien.timebase import Segment

DECIMALS = 4
"""Of a number for which nothing else is declared."""
TIME_DECIMALS = 3

Rows = tuple[Segment, ...]
"""The segments that the rows of an evidence stand for; they are written once, not in each."""


@dataclass(frozen=True)
class Codec:
    """Writes the values of one type, and reads them.

    Args:
        write: a value as plain values that JSON can hold.
        read: the inverse; it is also given the segments of an evidence's rows. Raises TypeError,
            ValueError or KeyError for what no value of the type is written as.
        each: of the entries of a list, where these are objects; so that a long list can be written
            one by one.
    """

    write: Callable[[Any], Any]
    read: Callable[[Any, Rows], Any]
    each: Codec | None = None


@dataclass(frozen=True)
class WireField:
    """A field of a dataclass as it is written.

    Args:
        name: of the attribute.
        key: in JSON.
        was: keys that earlier versions wrote.
        hint: its type.
        optional: whether it may be missing in what is read.
        metadata: what else is declared, see :func:`mien.analysis.fields.declared`.
    """

    name: str
    key: str
    was: tuple[str, ...]
    hint: Any
    optional: bool
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Number:
    """What is known of a number beside its type, as in ``Annotated[float, Number(3)]``.

    Args:
        decimals: that are written; None for all.
        low: the least value that it has.
        high: the greatest.
    """

    decimals: int | None = DECIMALS
    low: float | None = None
    high: float | None = None


Seconds = Annotated[float, Number(TIME_DECIMALS)]
Share = Annotated[float, Number(low=0, high=1)]
MeanShare = Annotated[float, Number(6, low=0, high=1.000001)]
"""A mean of shares; rounding lifts it above 1 now and then."""


@cache
def wire_fields(kind: type) -> tuple[WireField, ...]:
    """The fields of a dataclass in the order in which they are written."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_wire_field(one, hints[one.name]) for one in fields(kind))


def _wire_field(one: Field[Any], hint: Any) -> WireField:
    key = one.metadata.get("key") or one.name
    optional = one.default is not MISSING or one.default_factory is not MISSING
    return WireField(one.name, key, one.metadata.get("was", ()), hint, optional, one.metadata)


def also_written(kind: type) -> Mapping[str, Any]:
    """Properties of a dataclass that are written for readers, with their types, and not read."""
    names: tuple[str, ...] = getattr(kind, "ALSO_WRITTEN", ())
    return {name: get_type_hints(getattr(kind, name).fget)["return"] for name in names}


@cache
def codec(hint: Any, decimals: int | None = DECIMALS) -> Codec:
    """The codec of a type.

    Args:
        hint: a plain type, ``Segment``, ``Evidence``, ``bytes``, a dataclass, or optionals, tuples
            of one type, literals and mappings by string or number of these.
        decimals: of its numbers, where a nested field does not say otherwise; None for all, also of
            an evidence, which else has its own.

    Raises:
        TypeError: if there is none for such a type.
    """
    if hint is Evidence:
        return Codec(lambda value: value.to_dict(exact=decimals is None), Evidence.from_dict)
    if hint in _SPECIAL:
        return _SPECIAL[hint]
    if get_origin(hint) is not None:
        return _composed(hint, decimals)
    if isinstance(hint, type) and is_dataclass(hint):
        return _record(hint, decimals)
    if hint is float:
        return Codec(lambda value: rounded(value, decimals), lambda value, rows: _number(value))
    if hint in (str, bool, int):
        return Codec(as_utf8 if hint is str else _same, lambda value, rows: _plain(value, hint))
    raise TypeError(f"No codec is known for the type {hint!r}.")


def _composed(hint: Any, decimals: int | None) -> Codec:
    """Of a type that is made of others."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return codec(arguments[0], arguments[1].decimals)
    if origin in (Union, UnionType):
        (inner,) = (one for one in arguments if one is not NoneType)
        return _optional(codec(inner, decimals))
    if origin is Literal:
        return Codec(_same, lambda value, rows: _one_of(value, arguments))
    if origin is tuple:
        return _many(codec(arguments[0], decimals), is_dataclass(arguments[0]))
    return _mapping(arguments[0], codec(arguments[1], decimals))


def rounded(value: float, decimals: int | None) -> float:
    """A number with so many decimals; as it is for None."""
    return value if decimals is None else round(float(value), decimals)


def read_record(
    kind: type, raw: Mapping[str, Any], rows: Rows = (), decimals: int | None = DECIMALS
) -> dict[str, Any]:
    """The fields of a dataclass by attribute, each read by its declaration.

    Raises:
        KeyError: if one that has no default is missing.
        TypeError, ValueError: if one has a value that it cannot have.
    """
    if not isinstance(raw, Mapping):
        raise TypeError(f"{kind.__name__} is {type(raw).__name__}, not an object")
    found: dict[str, Any] = {}
    for one in wire_fields(kind):
        key = next((key for key in (one.key, *one.was) if key in raw), None)
        if key is None:
            if one.optional:
                continue
            raise KeyError(one.key)
        rows_of = one.metadata.get("rows")
        here = rows if rows_of is None else rows_of(found, raw)
        inner = codec(one.hint, one.metadata.get("decimals", decimals))
        found[one.name] = inner.read(raw[key], here)
    return found


def _record(kind: type, decimals: int | None) -> Codec:
    parts = [
        (one.name, one.key, codec(one.hint, one.metadata.get("decimals", decimals)).write)
        for one in wire_fields(kind)
    ]
    parts += [(name, name, codec(h, decimals).write) for name, h in also_written(kind).items()]

    def write(value: Any) -> dict[str, Any]:
        return {key: inner(getattr(value, name)) for name, key, inner in parts}

    return Codec(write, lambda raw, rows: kind(**read_record(kind, raw, rows, decimals)))


def _optional(inner: Codec) -> Codec:
    return Codec(
        lambda value: None if value is None else inner.write(value),
        lambda value, rows: None if value is None else inner.read(value, rows),
    )


def _many(inner: Codec, objects: bool) -> Codec:
    def read(value: Any, rows: Rows) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise TypeError(f"expected a list, got {type(value).__name__}")
        return tuple(inner.read(one, rows) for one in value)

    return Codec(
        lambda value: [inner.write(one) for one in value], read, inner if objects else None
    )


def _mapping(key: type, inner: Codec) -> Codec:
    def read(value: Any, rows: Rows) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            raise TypeError(f"expected an object, got {type(value).__name__}")
        return {key(name): inner.read(one, rows) for name, one in value.items()}

    return Codec(lambda value: {str(name): inner.write(one) for name, one in value.items()}, read)


def _same(value: Any) -> Any:
    return value


def _one_of(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        raise ValueError(f"{value!r} is none of {', '.join(map(repr, choices))}")
    return value


def _plain(value: Any, kind: type) -> Any:
    # In Python, not in JSON, True is a number.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value!r}")
    return float(value)


def _segment(value: Any, rows: Rows) -> Segment:
    start, end = (_number(time) for time in value)
    return Segment(start, end)


_SPECIAL: Mapping[Any, Codec] = {
    Any: Codec(_same, lambda value, rows: value),
    Segment: Codec(
        lambda value: [rounded(value.start, TIME_DECIMALS), rounded(value.end, TIME_DECIMALS)],
        _segment,
    ),
    bytes: Codec(
        lambda value: b64encode(value).decode("ascii"),
        lambda value, rows: b64decode(_plain(value, str), validate=True),
    ),
}
