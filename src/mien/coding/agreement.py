"""Agreement of two coders, and of a coder with the model: Cohen's kappa over the rows of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from mien.analysis.analysis import Analysis
from mien.coding.coding import CODES, Code, Coding
from mien.errors import InputError
from mien.mathematics import IntArray
from mien.metrics import Kappa, cohen_kappa, confusion_matrix

MODEL = "model"


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far two agree on the rows that both labelled.

    Args:
        first, second: names; the second is ``model`` where a coder is compared with it.
        is_model: whether the second is the model and not a coder of that name.
        confusion: counts ``(8, 8)`` in the order of ``CODES``; rows are the first's labels.
        only_first, only_second: rows that one labelled and the other did not.
        influenced: rows of ``n`` whose label was given while the other's answer was in view.
    """

    first: str
    second: str
    is_model: bool
    confusion: IntArray
    only_first: int = 0
    only_second: int = 0
    influenced: int = 0

    @property
    def figures(self) -> Kappa:
        """Kappa with the observed and the expected agreement."""
        return cohen_kappa(self.confusion)

    @property
    def n(self) -> int:
        """Rows that both labelled."""
        return int(self.confusion.sum())

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa; None where it is undefined, see ``figures.reason``."""
        return self.figures.kappa

    @property
    def observed(self) -> float | None:
        """Share of rows with the same label; None without rows."""
        return self.figures.observed

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits the meaning of the figure, each a sentence."""
        found = []
        if self.figures.reason:
            found.append(f"Kappa is undefined: {self.figures.reason}.")
        if self.influenced:
            whose = "the model's answer" if self.is_model else "the other coder's labels"
            found.append(
                f"{self.influenced} of {self.n} rows were labelled while {whose} could be seen; "
                "these labels are not independent."
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        figures = self.figures
        return {
            "first": self.first,
            "second": self.second,
            "model": self.is_model,
            "n": self.n,
            "agreement": figures.observed,
            "expected": figures.expected,
            "kappa": figures.kappa,
            "reason": figures.reason or None,
            "labels": list(CODES),
            "confusion": self.confusion.tolist(),
            "only_first": self.only_first,
            "only_second": self.only_second,
            "influenced": self.influenced,
            "notes": list(self.notes),
        }


def between_coders(first: Coding, second: Coding) -> Agreement:
    """The agreement of two coders of one analysis; ``none`` is a label of its own.

    Raises:
        InputError: if they coded different rows.
    """
    if first.analysis.rows != second.analysis.rows:
        raise InputError(
            f"{first.coder} and {second.coder} coded different rows; give two codings of one "
            "analysis."
        )
    one, other = first.by_row, second.by_row
    both = sorted(one.keys() & other.keys())
    return Agreement(
        first.coder,
        second.coder,
        False,
        _table([one[row].label for row in both], [other[row].label for row in both]),
        len(one) - len(both),
        len(other) - len(both),
        sum("coders" in one[row].seen or "coders" in other[row].seen for row in both),
    )


def with_model(coding: Coding, analysis: Analysis) -> Agreement:
    """The agreement of a coder with the fused answers, over the rows that have one.

    The model never answers ``none``: a row that the coder labelled so counts as disagreement.

    Raises:
        InputError: if the coding is of other rows.
    """
    return _with_answers(coding.of(analysis, carry=True), answers_of(analysis))


def answers_of(analysis: Analysis) -> list[str | None]:
    """The fused answer to each row, None where there is none."""
    return [analysis.fused.top(i) for i in range(len(analysis.segments))]


def _with_answers(coding: Coding, tops: Sequence[str | None]) -> Agreement:
    own = coding.by_row
    answers = {i: top for i, top in enumerate(tops) if top is not None}
    both = sorted(own.keys() & answers.keys())
    return Agreement(
        coding.coder,
        MODEL,
        True,
        _table([own[row].label for row in both], [answers[row] for row in both]),
        len(own) - len(both),
        len(answers) - len(both),
        _seen(own, both, "model"),
    )


def agreements(
    analysis: Analysis | Sequence[str | None], codings: Sequence[Coding]
) -> list[Agreement]:
    """Of every two coders, and of each coder with the model.

    Args:
        analysis: that the codings are of, or its answers, see :func:`answers_of`.
        codings: each by another coder.

    Raises:
        InputError: if the codings are of different rows.
    """
    pairs = [between_coders(one, other) for one, other in combinations(codings, 2)]
    if isinstance(analysis, Analysis):
        return [*pairs, *(with_model(coding, analysis) for coding in codings)]
    return [*pairs, *(_with_answers(coding, analysis) for coding in codings)]


def pooled(parts: Iterable[Agreement]) -> list[Agreement]:
    """The agreements of the same pairs over several analyses, their counts added."""
    found: dict[tuple[str, str, bool], Agreement] = {}
    for part in parts:
        turned = part if part.is_model or part.first <= part.second else _turned(part)
        key = (turned.first, turned.second, turned.is_model)
        found[key] = _added(found[key], turned) if key in found else turned
    return list(found.values())


def _turned(part: Agreement) -> Agreement:
    return Agreement(
        part.second, part.first, part.is_model, part.confusion.T.copy(), part.only_second,
        part.only_first, part.influenced,
    )  # fmt: skip


def _added(one: Agreement, other: Agreement) -> Agreement:
    return Agreement(
        one.first,
        one.second,
        one.is_model,
        one.confusion + other.confusion,
        one.only_first + other.only_first,
        one.only_second + other.only_second,
        one.influenced + other.influenced,
    )


def _seen(codes: Mapping[int, Code], rows: Iterable[int], what: str) -> int:
    return sum(what in codes[row].seen for row in rows)


def _table(first: Sequence[str], second: Sequence[str]) -> IntArray:
    places = {label: i for i, label in enumerate(CODES)}
    one = np.array([places[label] for label in first], dtype=np.int64)
    other = np.array([places[label] for label in second], dtype=np.int64)
    return confusion_matrix(one, other, len(CODES))
