"""Labels of human coders as rows and tiers, beside those of the model in exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mien.analysis.analysis import Analysis
from mien.coding import NONE, Coding
from mien.errors import OptionError
from mien.report.rows import COLUMNS
from mien.report.spans import own_segments
from mien.timebase import Segment

CODER = "coder"
"""The modality of the rows of a coder, and how the names of their tiers begin."""
CODER_COLUMNS = ("coder", "note", "changed", "seen")
"""Columns that tables with codings have after the others."""
NO_LABEL, NOT_CODED = "none of the seven labels", "not coded"


def checked(
    analysis: Analysis, codings: Sequence[Coding], carry: bool = False
) -> tuple[Coding, ...]:
    """Codings of an analysis, each by another coder.

    Args:
        analysis: that they should be of.
        codings: to check.
        carry: see :meth:`mien.coding.Coding.of`.

    Raises:
        InputError: if one is of another analysis.
        OptionError: if two are by one coder.
    """
    names = [coding.coder for coding in codings]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(
            f"There are two codings by {twice[0]}; give one a coder, or rename the coder in one."
        )
    return tuple(coding.of(analysis, carry) for coding in codings)


def coder_rows(codings: Sequence[Coding]) -> Iterator[dict[str, Any]]:
    """One mapping per coder and segment, with the keys ``COLUMNS`` and ``CODER_COLUMNS``.

    A person gives no probabilities: these, ``confidence`` and ``quality`` are NaN.
    """
    empty: dict[str, Any] = dict.fromkeys(COLUMNS, float("nan"))
    for coding in codings:
        codes = coding.by_row
        for i, segment in enumerate(coding.segments):
            code = codes.get(i)
            named = code is not None and code.label != NONE
            row: dict[str, Any] = empty | {"segment": i, "start": segment.start, "end": segment.end}
            row |= {"branch": CODER, "person": "", "conflict": "", "success": int(named)}
            row["top"] = code.label if code is not None and named else None
            row["reason"] = "" if named else NOT_CODED if code is None else NO_LABEL
            row |= {"coder": coding.coder, "note": "", "changed": "", "seen": ""}
            if code is not None:
                row |= {"note": code.note, "changed": code.changed, "seen": " ".join(code.seen)}
            yield row


def coder_spans(coding: Coding) -> list[tuple[Segment, str, str]]:
    """Time, label and note of each coded row, in time order and without overlap.

    Rows are not merged, so that each stays the decision that it was; ``none`` is a label here.
    """
    own = own_segments(coding.segments)
    found = [(own[code.row], code.label, code.note) for code in coding.codes]
    return [one for one in found if one[0].duration > 0]


def coder_tier(coding: Coding) -> str:
    """``coder Anna``."""
    return f"{CODER} {coding.coder}"
