"""The fusion rules without learning: ``mean``, ``best``, ``product`` and the paper's ``length``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.fusion.length import length_weights
from mien.mathematics import FloatArray
from mien.posteriors import FLOOR, Posteriors

# A rule gives one weight >= 0 to each modality for a row of so many seconds; absent ones are struck
# out afterwards.
Rule = Callable[[Mapping[str, Posteriors], int, float], Mapping[str, float]]


def mean_weights(
    posteriors: Mapping[str, Posteriors], row: int, seconds: float
) -> Mapping[str, float]:
    """Every modality the same."""
    return dict.fromkeys(posteriors, 1.0)


def best_weights(
    posteriors: Mapping[str, Posteriors], row: int, seconds: float
) -> Mapping[str, float]:
    """All weight on the modality with the highest quality times top probability."""
    scores = {
        name: float(one.quality[row] * one.probs[row].max())
        for name, one in posteriors.items()
        if one.present[row]
    }
    winner = max(scores, key=lambda name: scores[name], default=None)
    return {name: float(name == winner) for name in posteriors}


def paper_weights(
    posteriors: Mapping[str, Posteriors], row: int, seconds: float
) -> Mapping[str, float]:
    """The paper's Table 1; a modality that it does not know weighs as much as the average."""
    return {name: length_weights(seconds).get(name, 1 / 3) for name in posteriors}


RULES: Mapping[str, Rule] = {
    "length": paper_weights,
    "mean": mean_weights,
    "best": best_weights,
    "product": mean_weights,
}
# These multiply probabilities where the others add them.
GEOMETRIC = ("product",)
# These look at how long an item is.
TIMED = ("length",)


def fuse(
    posteriors: Mapping[str, Posteriors], rule: str, seconds: Sequence[float] | None = None
) -> Posteriors:
    """The fused posteriors: a weighted mean of the present rows, weights summing to one.

    ``product`` multiplies the present rows instead (a product of experts, Hinton 2002, under equal
    priors), so that one alone is left as it is.

    A missing modality's weight goes to the others in proportion; where all present ones weigh
    nothing (a text alone under ``length``: 0 s long) they count the same. The fused quality is
    the weighted mean of theirs. A row without any modality is absent.

    Args:
        posteriors: by name, all of the same n items.
        rule: ``length``, ``mean``, ``best`` or ``product``.
        seconds: of each item; needed by ``length`` alone.

    Raises:
        OptionError: if the rule is not known or lacks the seconds, or there are no posteriors.
    """
    if rule not in RULES:
        raise OptionError.choice("fusion", rule, RULES)
    if not posteriors:
        raise OptionError("There is nothing to fuse: no branch is installed or asked for.")
    n = len(next(iter(posteriors.values())))
    if seconds is None and rule in TIMED:
        raise OptionError(f"The rule {rule!r} weighs by length; give the seconds of the {n} items.")
    lengths = [0.0] * n if seconds is None else seconds
    probs, quality = np.full((n, len(MIEN7)), np.nan), np.zeros(n)
    for i in range(n):
        weights = RULES[rule](posteriors, i, lengths[i])
        weighted = [(one, weights[name]) for name, one in posteriors.items() if one.present[i]]
        if weighted:
            probs[i], quality[i] = _fuse_row(weighted, i, rule in GEOMETRIC)
    return Posteriors(probs, quality)


def _fuse_row(
    weighted: list[tuple[Posteriors, float]], row: int, multiply: bool
) -> tuple[FloatArray, float]:
    weights = np.array([weight for _, weight in weighted])
    if weights.sum() == 0:
        weights = np.ones(len(weighted))
    weights = weights / weights.sum()
    stack = np.stack([one.probs[row] for one, _ in weighted])
    probs = _product(stack) if multiply else weights @ stack
    quality = weights @ np.array([one.quality[row] for one, _ in weighted])
    # Weights that sum to one but for rounding must not lift a quality of 1 above it.
    return probs / probs.sum(), min(1.0, float(quality))


def _product(stack: FloatArray) -> FloatArray:
    """Product of rows ``(m, k)``, no probability counted below ``FLOOR`` where there are two."""
    if len(stack) == 1:
        return np.asarray(stack[0])
    logs = np.log(np.maximum(stack, FLOOR)).sum(axis=0)
    return np.asarray(np.exp(logs - logs.max()))
