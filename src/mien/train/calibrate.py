"""Calibration of a trained model on validation rows: one temperature and a bias per label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from mien.mathematics import FloatArray, IntArray, softmax
from mien.metrics import fit_temperature

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
        """Calibrate the model's raw probabilities ``(n, k)``."""
        logits = np.log(np.maximum(probs, 1e-12)) / self.temperature
        if self.bias:
            logits = logits + np.asarray(self.bias)
        return softmax(logits)

    @classmethod
    def fit(cls, labels: IntArray, probs: FloatArray, *, biased: bool) -> Scaling:
        """Fit a temperature and, with ``biased``, a bias per label, on rows with one label.

        A temperature alone minimises the negative log-likelihood (Guo et al. 2017). Temperature and
        bias together minimise the Brier score; the bias corrects for label shares that differ
        between the training targets and the labels (Alexandari et al. 2020). Both scores are
        proper, but a model trained on soft targets assigns too much probability to improbable
        labels, and minimising the likelihood would correct this with overconfident predictions.
        """
        temperature = fit_temperature(labels, probs)
        if not biased:
            return cls(temperature)
        logits = np.log(np.maximum(probs, 1e-12))
        rows = np.arange(len(labels))

        def loss(values: FloatArray) -> float:
            z = logits * np.exp(values[-1]) + values[:-1]
            predicted = softmax(z)
            wrong = predicted / predicted.sum(axis=1, keepdims=True)
            wrong[rows, labels] -= 1
            return float(RIDGE * np.square(values[:-1]).sum() + np.square(wrong).sum(1).mean())

        start = np.append(np.zeros(probs.shape[1]), -np.log(temperature))
        found = minimize(loss, start, method="L-BFGS-B").x
        bias = found[:-1] - found[:-1].mean()
        return cls(float(np.exp(-found[-1])), tuple(round(float(b), 4) for b in bias))

    @classmethod
    def fit_shares(cls, shares: FloatArray, probs: FloatArray) -> Scaling:
        """Fit a temperature and a bias per label to shares of votes.

        Minimises the mean cross-entropy against the shares. A calibrated prediction equals the
        shares, so the likelihood does not cause overconfidence here.

        Args:
            shares: ``(n, k)``, rows sum to 1.
            probs: ``(n, k)``, uncalibrated.
        """
        logits = np.log(np.maximum(probs, 1e-12))

        def loss(values: FloatArray) -> float:
            z = logits * np.exp(values[-1]) + values[:-1]
            z = z - z.max(axis=1, keepdims=True)
            predicted = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            return float(RIDGE * np.square(values[:-1]).sum() - (shares * predicted).sum(1).mean())

        found = minimize(loss, np.zeros(probs.shape[1] + 1), method="L-BFGS-B").x
        bias = found[:-1] - found[:-1].mean()
        return cls(float(np.exp(-found[-1])), tuple(round(float(b), 4) for b in bias))
