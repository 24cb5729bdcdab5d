"""The declaration of a field of an analysis: the one place that says all that is done with it.

    shots: tuple[Seconds, ...] = declared(cut=moments, join=latest, default=())

The type says how it is written and read (:mod:`mien.analysis.codec`), ``cut`` how it is cut to a
time span, ``join`` how it is joined with that of a later part. :func:`cut_to` and :func:`joined`,
the wire form and its JSON Schema walk the declarations and know no field by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from mien.analysis.codec import DECIMALS, Rows
from mien.analysis.evidence import Evidence, concatenated
from mien.timebase import Segment
from mien.words import Transcript

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True)
class Span:
    """What a value is cut to.

    Args:
        time: seconds.
        rows: the rows that are kept.
        of: the value whose fields are cut, as it was.
        field: that is cut.
    """

    time: Segment
    rows: Sequence[int]
    of: Any
    field: Field[Any]


Cut = Callable[[Any, Span], Any]
Join = Callable[[Any, Any], Any]


def declared(
    *,
    cut: Cut,
    join: Join | None = None,
    key: str | None = None,
    was: tuple[str, ...] = (),
    rows: Callable[[Mapping[str, Any], Mapping[str, Any]], Rows] | None = None,
    decimals: int | None = DECIMALS,
    **default: Any,
) -> Any:
    """A field of an analysis.

    Args:
        cut: its part of a time span; one of the functions below.
        join: it and that of a later part as one; None for what is derived, which is made anew.
        key: in JSON, where it is not the name of the attribute.
        was: keys that earlier versions of the wire form wrote.
        rows: the segments of an evidence's rows, of the fields read before it and of the JSON.
        decimals: of its numbers, where a nested field does not say otherwise; None for all.
        default: as for :func:`dataclasses.field`.
    """
    metadata = {"cut": cut, "join": join, "key": key, "was": was, "rows": rows}
    return field(metadata=metadata | {"decimals": decimals}, **default)


def cut_to(value: T, span: Segment, rows: Sequence[int]) -> T:
    """A dataclass of declared fields, each cut to a time span of which some rows are kept."""
    return replace(
        value,
        **{
            one.name: one.metadata["cut"](getattr(value, one.name), Span(span, rows, value, one))
            for one in fields(value)
        },
    )


def joined(kind: type[T], first: T, second: T) -> T:
    """Two parts that follow one another as one, each field as it is declared.

    Args:
        kind: whose fields are joined; the parts may be of a class that has more.
        first: the earlier part.
        second: the later one.
    """
    return kind(
        **{
            one.name: one.metadata["join"](getattr(first, one.name), getattr(second, one.name))
            for one in fields(kind)
        }
    )


# --- how a field is cut -----------------------------------------------------------------------


def whole(value: Any, span: Span) -> Any:
    """It is of the recording and stays as it is."""
    return value


def gone(value: Any, span: Span) -> Any:
    """It is of everything that was analysed and says nothing of a part: empty."""
    made, default = span.field.default_factory, span.field.default
    return default if made is MISSING else made()


def span_itself(value: Any, span: Span) -> Segment:
    """The span that it is cut to."""
    return span.time


def by_row(value: Any, span: Span) -> Any:
    """One entry a segment: an evidence, evidences by name, or a tuple; an empty one stays empty."""
    if isinstance(value, Evidence):
        return value.select(span.rows)
    if isinstance(value, Mapping):
        return {name: evidence.select(span.rows) for name, evidence in value.items()}
    return tuple(value[i] for i in span.rows) if value else ()


def spans(value: Sequence[Any], span: Span) -> tuple[Any, ...]:
    """Stretches of time, or what has one as ``segment``: those that reach into the span."""
    times = ((one, one if isinstance(one, Segment) else one.segment) for one in value)
    return tuple(one for one, time in times if time.overlap(span.time) > 0)


def moments(value: Sequence[Any], span: Span) -> tuple[Any, ...]:
    """Seconds, or what has them as ``time``: those inside the span."""
    return tuple(one for one in value if getattr(one, "time", one) in span.time)


def samples(value: Sequence[Any], span: Span) -> tuple[Any, ...]:
    """Tracks over time: what of each lies in the span."""
    return tuple(one.within(span.time) for one in value)


def words(value: Transcript | None, span: Span) -> Transcript | None:
    """The lines whose middles lie in the span."""
    return None if value is None else value.within(span.time)


def lines(value: Evidence | None, span: Span) -> Evidence | None:
    """The rows of the lines that :func:`words` keeps."""
    said = () if span.of.transcript is None else span.of.transcript.lines
    kept = [i for i, line in enumerate(said) if line.segment.middle in span.time]
    return None if value is None else value.select(kept)


# --- the segments of its rows -----------------------------------------------------------------


def of_segments(read: Mapping[str, Any], raw: Mapping[str, Any]) -> Rows:
    """The segments of the analysis."""
    found: Rows = read["segments"]
    return found


def of_lines(read: Mapping[str, Any], raw: Mapping[str, Any]) -> Rows:
    """The lines of the transcript."""
    heard: Transcript | None = read.get("transcript")
    return () if heard is None else tuple(line.segment for line in heard.lines)


# --- how a field is joined --------------------------------------------------------------------


def latest(first: Any, second: Any) -> Any:
    """The later part knows it of the earlier one as well."""
    return second


def appended(first: Any, second: Any) -> Any:
    """Rows one after the other: tuples, evidences, or evidences by name that both parts have."""
    if isinstance(first, Evidence):
        return concatenated(first, second)
    if isinstance(first, Mapping):
        both = [name for name in first if name in second]
        return {name: concatenated(first[name], second[name]) for name in both}
    return first + second


def covering(first: Segment | None, second: Segment | None) -> Segment | None:
    """From the start of the first to the end of the second."""
    if first is None or second is None:
        return first or second
    return Segment(first.start, second.end)
