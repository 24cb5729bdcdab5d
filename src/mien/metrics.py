"""Figures of merit for classifiers that give probabilities; numpy only.

All take ``labels (n,)`` (column indices) and ``probs (n, k)`` (rows sum to 1). A class that has
no row is left out of the class averages, as scikit-learn's ``balanced_accuracy_score`` does for
recall.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def confusion_matrix(labels: IntArray, predicted: IntArray, k: int) -> IntArray:
    """Counts ``(k, k)``: rows are the true class, columns the predicted one."""
    matrix = np.zeros((k, k), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def expected_calibration_error(labels: IntArray, probs: FloatArray, bins: int = 15) -> float:
    """Expected calibration error of the arg-max, in [0, 1].

    Equal-width confidence bins, 15 by default (Guo et al. 2017, "On Calibration of Modern Neural
    Networks", eq. 3).
    """
    confidence = probs.max(axis=1)
    correct = probs.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = 0.0
    for b in range(bins):
        inside = which == b
        if inside.any():
            gap += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return float(gap)


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


def multilabel_macro_f1(targets: FloatArray, probs: FloatArray, threshold: float) -> float:
    """Macro-F1 over classes when every class above ``threshold`` is given, the best one always.

    Args:
        targets: ``(n, k)``; an entry above 0 means that the label was given.
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
    logits -= logits.max(axis=1, keepdims=True)
    scaled = np.exp(logits)
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), dtype=np.float64)


def fit_temperature(labels: IntArray, probs: FloatArray) -> float:
    """The temperature in [0.25, 4] with the least negative log-likelihood (Guo et al. 2017)."""
    grid = np.exp(np.linspace(np.log(0.25), np.log(4.0), 161))
    losses = [negative_log_likelihood(labels, temper(probs, t)) for t in grid]
    return float(grid[int(np.argmin(losses))])


def report_lines(labels: IntArray, probs: FloatArray, names: tuple[str, ...]) -> str:
    """The classification report as plain text: one row a class, then the averages."""
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
