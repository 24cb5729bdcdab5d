"""The fusion rules without learning: ``mean``, ``best``, ``product`` and the paper's ``length``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mien.analysis.evidence import Evidence
from mien.errors import OptionError
from mien.fusion.length import length_weights
from mien.mathematics import FloatArray
from mien.posteriors import FLOOR
from mien.timebase import Segment

# A rule gives one weight >= 0 to each evidence for row i; absent ones are struck out afterwards.
Rule = Callable[[Mapping[str, Evidence], int, Segment], Mapping[str, float]]


def mean_weights(
    evidences: Mapping[str, Evidence], row: int, segment: Segment
) -> Mapping[str, float]:
    """Every modality the same."""
    return dict.fromkeys(evidences, 1.0)


def best_weights(
    evidences: Mapping[str, Evidence], row: int, segment: Segment
) -> Mapping[str, float]:
    """All weight on the modality with the highest quality times top probability."""
    scores = {
        name: float(e.quality[row] * e.probs[row].max())
        for name, e in evidences.items()
        if e.present[row]
    }
    winner = max(scores, key=lambda name: scores[name], default=None)
    return {name: float(name == winner) for name in evidences}


def paper_weights(
    evidences: Mapping[str, Evidence], row: int, segment: Segment
) -> Mapping[str, float]:
    """The paper's Table 1; a modality that it does not know weighs as much as the average."""
    return {name: length_weights(segment.duration).get(name, 1 / 3) for name in evidences}


RULES: Mapping[str, Rule] = {
    "length": paper_weights,
    "mean": mean_weights,
    "best": best_weights,
    "product": mean_weights,
}
# These multiply probabilities where the others add them.
GEOMETRIC = ("product",)


def fuse(evidences: Mapping[str, Evidence], rule: str = "length") -> Evidence:
    """The fused evidence: a weighted mean of the present rows, weights summing to one.

    ``product`` multiplies the present rows instead (a product of experts, Hinton 2002, under equal
    priors), so that one alone is left as it is.

    A missing modality's weight goes to the others in proportion; where all present ones weigh
    nothing (a text alone under ``length``: 0 s long) they count the same. The fused quality is
    the weighted mean of theirs.

    Args:
        evidences: by name, all for the same segments.
        rule: ``length``, ``mean``, ``best`` or ``product``.

    Raises:
        OptionError: if the rule is not known or there is no evidence at all.
    """
    if rule not in RULES:
        raise OptionError.choice("fusion", rule, RULES)
    if not evidences:
        raise OptionError("There is nothing to fuse: no branch is installed or asked for.")
    first = next(iter(evidences.values()))
    rows = []
    for i, segment in enumerate(first.segments):
        weights = RULES[rule](evidences, i, segment)
        weighted = [(e, weights[name]) for name, e in evidences.items()]
        rows.append(_fuse_row(weighted, i, rule in GEOMETRIC))
    return Evidence.of_rows("fused", first.segments, rows)


def _fuse_row(
    weighted: list[tuple[Evidence, float]], row: int, multiply: bool
) -> tuple[FloatArray, float] | str:
    present = [(evidence, weight) for evidence, weight in weighted if evidence.present[row]]
    if not present:
        return "no modality could be judged"
    weights = np.array([weight for _, weight in present])
    if weights.sum() == 0:
        weights = np.ones(len(present))
    weights = weights / weights.sum()
    stack = np.stack([evidence.probs[row] for evidence, _ in present])
    probs = _product(stack) if multiply else weights @ stack
    quality = weights @ np.array([evidence.quality[row] for evidence, _ in present])
    # Weights that sum to one but for rounding must not lift a quality of 1 above it.
    return probs / probs.sum(), min(1.0, float(quality))


def _product(stack: FloatArray) -> FloatArray:
    """Product of rows ``(m, k)``, no probability counted below ``FLOOR`` where there are two."""
    if len(stack) == 1:
        return np.asarray(stack[0])
    logs = np.log(np.maximum(stack, FLOOR)).sum(axis=0)
    return np.asarray(np.exp(logs - logs.max()))
