"""The little mathematics of probabilities that several rooms share; numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FLOOR = 1e-12
"""Probabilities below count as this much in a logarithm."""


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities of logits ``(..., k)``, over the last axis.

    Examples:
        >>> softmax(np.log([[1.0, 3.0]]))
        array([[0.25, 0.75]])
    """
    scaled = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=-1, keepdims=True), dtype=np.float64)


def log_pool(rows: FloatArray, weights: FloatArray, floor: float = 1e-9) -> FloatArray:
    """The weighted geometric mean ``(k,)`` of distributions ``(n, k)``: the log-linear pool.

    Args:
        rows: probabilities.
        weights: ``(n,)``, in any unit; they count as shares of their sum, which is above 0.
        floor: what a smaller probability counts as.
    """
    logs = np.log(np.maximum(rows, floor))
    pooled = np.exp((weights / weights.sum()) @ logs)
    return np.asarray(pooled / pooled.sum())


def entropy(rows: FloatArray) -> FloatArray:
    """Shannon entropy of distributions ``(..., k)`` in nats, over the last axis."""
    return np.asarray(-(rows * np.log(np.maximum(rows, FLOOR))).sum(axis=-1))


def jensen_shannon(rows: FloatArray, weights: FloatArray) -> float:
    """Jensen-Shannon divergence of distributions ``(m, k)`` in nats, at least 0.

    The entropy of the mean less the mean entropy (Lin 1991, "Divergence measures based on the
    Shannon entropy", eq. 5.1); at most the entropy of the weights and ``log k``.

    Args:
        rows: probabilities.
        weights: ``(m,)`` in any unit, their sum above 0.

    Examples:
        >>> round(jensen_shannon(np.eye(2), np.ones(2)), 4)
        0.6931
    """
    shares = weights / weights.sum()
    return max(0.0, float(entropy(shares @ rows) - shares @ entropy(rows)))
