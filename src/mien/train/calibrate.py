"""Calibration of a finished net on validation rows: a temperature, and a bias a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from mien.metrics import FloatArray, IntArray, fit_temperature

RIDGE = 1e-3


@dataclass(frozen=True)
class Scaling:
    """``softmax(logits / temperature + bias)``.

    Args:
        temperature: above 0.
        bias: ``(k,)``, mean 0; empty for none.
    """

    temperature: float
    bias: tuple[float, ...] = ()

    def apply(self, probs: FloatArray) -> FloatArray:
        """To probabilities ``(n, k)`` of the bare net."""
        logits = np.log(np.maximum(probs, 1e-12)) / self.temperature
        if self.bias:
            logits = logits + np.asarray(self.bias)
        logits -= logits.max(axis=1, keepdims=True)
        scaled = np.exp(logits)
        return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))

    @classmethod
    def fit(cls, labels: IntArray, probs: FloatArray, *, biased: bool) -> Scaling:
        """The least negative log-likelihood on rows with one label.

        Temperature scaling and, with ``biased``, bias-corrected temperature scaling (Guo et al.
        2017; Alexandari et al. 2020): the bias undoes that the targets of the training had other
        shares of the labels than the labels.
        """
        temperature = fit_temperature(labels, probs)
        if not biased:
            return cls(temperature)
        logits = np.log(np.maximum(probs, 1e-12))
        rows = np.arange(len(labels))

        def loss(values: FloatArray) -> float:
            z = logits * np.exp(values[-1]) + values[:-1]
            z = z - z.max(axis=1, keepdims=True)
            logs = z[rows, labels] - np.log(np.exp(z).sum(axis=1))
            return float(RIDGE * np.square(values[:-1]).sum() - logs.mean())

        start = np.append(np.zeros(probs.shape[1]), -np.log(temperature))
        found = minimize(loss, start, method="L-BFGS-B").x
        bias = found[:-1] - found[:-1].mean()
        return cls(float(np.exp(-found[-1])), tuple(round(float(b), 4) for b in bias))
