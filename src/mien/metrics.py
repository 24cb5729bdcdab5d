"""Metrics of probabilistic classifiers; numpy only.

All take ``labels (n,)`` (column indices) and ``probs (n, k)`` (rows sum to 1). A class without rows
is left out of the class averages, as scikit-learn's ``balanced_accuracy_score`` does for recall.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.mathematics import FloatArray, IntArray, softmax


def confusion_matrix(labels: IntArray, predicted: IntArray, k: int) -> IntArray:
    """Counts ``(k, k)``: rows are the true class, columns the predicted one."""
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)


def expected_calibration_error(labels: IntArray, probs: FloatArray, bins: int = 15) -> float:
    """Expected calibration error of the arg-max, in [0, 1].

    Equal-width confidence bins, 15 by default (Guo et al. 2017, "On Calibration of Modern Neural
    Networks", eq. 3).
    """
    confidence = probs.max(axis=1)
    correct = probs.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def calibration_error_by_chance(probs: FloatArray, draws: int = 50, seed: int = 0) -> float:
    """The expected calibration error of these probabilities if they were exactly calibrated.

    Labels are drawn from the rows themselves. With few items the error is large by chance; a
    measured error is meaningful only if it exceeds this value.

    Args:
        probs: ``(n, k)``, rows sum to 1.
        draws: number of sets of labels.
        seed: random seed of the draws.
    """
    rng = np.random.default_rng(seed)
    steps = probs.cumsum(axis=1)
    steps[:, -1] = 1.0
    errors = [
        expected_calibration_error((steps < rng.random((len(probs), 1))).sum(axis=1), probs)
        for _ in range(draws)
    ]
    return float(np.mean(errors))


def negative_log_likelihood(labels: IntArray, probs: FloatArray) -> float:
    """Mean negative log-likelihood in nats; probabilities are floored at 1e-12."""
    chosen = probs[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


@dataclass(frozen=True)
class ClassFigures:
    """Precision, recall, F1 and support of each class, from a confusion matrix."""

    precision: FloatArray
    recall: FloatArray
    f1: FloatArray
    support: IntArray

    @classmethod
    def of(cls, matrix: IntArray) -> ClassFigures:
        """Figures of a ``(k, k)`` confusion matrix; an empty quotient counts as 0."""
        hits = np.diag(matrix).astype(np.float64)
        support, given = matrix.sum(axis=1), matrix.sum(axis=0)
        recall = hits / np.maximum(support, 1)
        precision = hits / np.maximum(given, 1)
        f1 = 2 * hits / np.maximum(support + given, 1)
        return cls(precision, recall, f1, support)


def classification_figures(labels: IntArray, probs: FloatArray) -> dict[str, float]:
    """``accuracy``, ``uar``, ``macro_f1``, ``weighted_f1``, ``ece``, ``nll`` of the arg-max.

    Examples:
        >>> probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> figures = classification_figures(np.array([0, 1, 1]), probs)
        >>> round(figures["accuracy"], 3), figures["uar"]
        (0.667, 0.75)
    """
    matrix = confusion_matrix(labels, probs.argmax(axis=1), probs.shape[1])
    per_class = ClassFigures.of(matrix)
    seen = per_class.support > 0
    weights = per_class.support / per_class.support.sum()
    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "uar": float(per_class.recall[seen].mean()),
        "macro_f1": float(per_class.f1[seen].mean()),
        "weighted_f1": float((per_class.f1 * weights).sum()),
        "ece": expected_calibration_error(labels, probs),
        "nll": negative_log_likelihood(labels, probs),
    }


def vote_figures(shares: FloatArray, probs: FloatArray, bins: int = 15) -> dict[str, float]:
    """Metrics of probabilities against shares of votes, both ``(n, k)``.

    ``nll`` is the mean cross-entropy of the shares in nats; ``ece`` the expected calibration error
    of the predicted label if a randomly drawn observer decides whether it is right: in each bin by
        confidence, the mean confidence against the mean share of votes for the predicted label.

    Examples:
        >>> shares = np.array([[0.75, 0.25], [0.25, 0.75]])
        >>> figures = vote_figures(shares, shares)
        >>> round(figures["nll"], 4), figures["ece"]
        (0.5623, 0.0)
    """
    confidence = probs.max(axis=1)
    agreed = shares[np.arange(len(shares)), probs.argmax(axis=1)]
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=agreed - confidence, minlength=bins)
    entropy = -(shares * np.log(np.maximum(probs, 1e-12))).sum(axis=1)
    return {"nll": float(entropy.mean()), "ece": float(np.abs(gaps).sum() / len(shares))}


def multilabel_macro_f1(targets: FloatArray, probs: FloatArray, threshold: float) -> float:
    """Macro-F1 if every class above ``threshold`` is predicted, and always the best one.

    Args:
        targets: ``(n, k)``; an entry above 0 means that the label applies.
        probs: ``(n, k)``.
        threshold: in [0, 1].
    """
    true = targets > 0
    given = probs >= threshold
    given[np.arange(len(probs)), probs.argmax(axis=1)] = True
    hits = (true & given).sum(axis=0)
    return float((2 * hits / np.maximum(true.sum(axis=0) + given.sum(axis=0), 1)).mean())


def temper(probs: FloatArray, temperature: float) -> FloatArray:
    """Probabilities after dividing the logits by ``temperature`` (> 0)."""
    logits = np.log(np.maximum(probs, 1e-12)) / temperature
    return softmax(logits)


def fit_temperature(labels: IntArray, probs: FloatArray) -> float:
    """The temperature in [0.25, 4] with the least negative log-likelihood (Guo et al. 2017)."""
    grid = np.exp(np.linspace(np.log(0.25), np.log(4.0), 161))
    losses = [negative_log_likelihood(labels, temper(probs, t)) for t in grid]
    return float(grid[int(np.argmin(losses))])


def report_lines(labels: IntArray, probs: FloatArray, names: tuple[str, ...]) -> str:
    """The classification report as plain text: one row per class, then the averages."""
    per_class = ClassFigures.of(confusion_matrix(labels, probs.argmax(axis=1), len(names)))
    lines = [f"{'':>12} {'precision':>9} {'recall':>9} {'f1':>9} {'support':>9}"]
    for i, name in enumerate(names):
        lines.append(
            f"{name:>12} {per_class.precision[i]:>9.3f} {per_class.recall[i]:>9.3f} "
            f"{per_class.f1[i]:>9.3f} {per_class.support[i]:>9d}"
        )
    figures: Mapping[str, float] = classification_figures(labels, probs)
    lines += [f"{key:>12} {value:>9.4f}" for key, value in figures.items()]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa of two raters, and what it is made of.

    Args:
        n: items that both rated.
        observed: share of items on which they agree, in [0, 1]; None without items.
        expected: share that raters with these marginal distributions agree on by chance.
        kappa: ``(observed - expected) / (1 - expected)``, in [-1, 1]; None where it is undefined.
        reason: why it is undefined, in words; else empty.
    """

    n: int
    observed: float | None
    expected: float | None
    kappa: float | None
    reason: str = ""


def cohen_kappa(confusion: IntArray) -> Kappa:
    """Cohen's kappa, unweighted, of a ``(k, k)`` table of counts (Cohen 1960).

    Args:
        confusion: rows are the labels of one rater, columns those of the other.

    Examples:
        >>> cohen_kappa(np.array([[20, 5], [10, 15]]))
        Kappa(n=50, observed=0.7, expected=0.5, kappa=0.4, reason='')
        >>> cohen_kappa(np.array([[4, 0], [0, 0]])).kappa is None
        True
    """
    table = np.asarray(confusion, dtype=np.int64)
    n = int(table.sum())
    if n == 0:
        return Kappa(0, None, None, None, "no item was rated by both")
    observed = float(np.trace(table) / n)
    # Whole numbers: that chance agreement is complete must not depend on rounding.
    by_chance = int(table.sum(axis=1) @ table.sum(axis=0))
    expected = by_chance / n**2
    if by_chance == n**2:
        reason = "both gave one and the same label to every item, so that agreement by chance is 1"
        return Kappa(n, observed, expected, None, reason)
    kappa = (n * int(np.trace(table)) - by_chance) / (n**2 - by_chance)
    return Kappa(n, observed, expected, kappa)


def mcnemar_p(labels: IntArray, one: FloatArray, other: FloatArray) -> float:
    """Two-sided p-value for equal error rates of two classifiers on the same rows, in [0, 1].

    The exact test (McNemar 1947; binomial with 1/2 over the rows where exactly one of the two is
    right); 1.0 if they never differ.

    Examples:
        >>> labels = np.zeros(6, dtype=np.int64)
        >>> right, wrong = np.tile([0.9, 0.1], (6, 1)), np.tile([0.1, 0.9], (6, 1))
        >>> round(mcnemar_p(labels, right, wrong), 5)  # 2 / 2**6
        0.03125
    """
    first, second = one.argmax(axis=1) == labels, other.argmax(axis=1) == labels
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    n, fewer = only_first + only_second, min(only_first, only_second)
    logs = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2)
        for i in range(fewer + 1)
    ]
    return min(1.0, 2 * math.fsum(math.exp(value) for value in logs))


def bootstrap_interval(
    figures: Callable[[IntArray, FloatArray], Mapping[str, float]],
    labels: IntArray,
    probs: FloatArray,
    *,
    groups: npt.NDArray[Any],
    draws: int = 500,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of metrics (Efron and Tibshirani 1993, ch. 13).

    Whole groups are drawn with replacement, since items of one speaker are not independent.

    Args:
        figures: function from labels and probabilities to metrics.
        labels: ``(n,)``.
        probs: ``(n, k)``.
        groups: ``(n,)``; a distinct name per row for a plain bootstrap.
        draws: number of samples.
        seed: random seed of the draws.
    """
    rng = np.random.default_rng(seed)
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
    drawn: dict[str, list[float]] = {}
    for _ in range(draws):
        picks = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[i] for i in picks])
        for name, value in figures(labels[rows], probs[rows]).items():
            drawn.setdefault(name, []).append(value)
    return {
        name: (float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975)))
        for name, values in drawn.items()
    }


def risk_coverage(labels: IntArray, probs: FloatArray) -> FloatArray:
    """Rows of threshold, coverage and risk by falling threshold (El-Yaniv and Wiener 2010).

    If only rows with a top probability of at least ``threshold`` are answered, ``coverage`` is the
    share of rows answered and ``risk`` the error rate among them.

    Examples:
        >>> probs = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4]])
        >>> risk_coverage(np.array([0, 1, 0]), probs).round(2).tolist()
        [[0.9, 0.33, 0.0], [0.7, 0.67, 0.5], [0.6, 1.0, 0.33]]
    """
    confidence = probs.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    wrong = (probs.argmax(axis=1) != labels)[order]
    answered = np.arange(1, len(labels) + 1)
    rows = np.stack(
        [confidence[order], answered / len(labels), np.cumsum(wrong) / answered], axis=1
    )
    # Rows with equal confidence share one threshold.
    last = np.append(np.diff(rows[:, 0]) != 0, True)
    return np.asarray(rows[last], dtype=np.float64)
