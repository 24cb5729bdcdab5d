"""Calibration of a finished net on validation rows: a temperature, and a bias a label."""

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
        """To probabilities ``(n, k)`` of the bare net."""
        logits = np.log(np.maximum(probs, 1e-12)) / self.temperature
        if self.bias:
            logits = logits + np.asarray(self.bias)
        return softmax(logits)

    @classmethod
    def fit(cls, labels: IntArray, probs: FloatArray, *, biased: bool) -> Scaling:
        """Temperature scaling and, with ``biased``, a bias a label, on rows with one label.

        The temperature alone is that of the least negative log-likelihood (Guo et al. 2017). The
        bias undoes that the targets of the training had other shares of the labels than the labels
        (Alexandari et al. 2020); with it the Brier score is the least. Both scores are proper, but
        a net that has learnt soft targets says too much of the labels that are not at stake: to
        mend these the likelihood would make the answers too sure.
        """
        temperature = fit_temperature(labels, probs)
        if not biased:
            return cls(temperature)
        logits = np.log(np.maximum(probs, 1e-12))
        rows = np.arange(len(labels))

        def loss(values: FloatArray) -> float:
            z = logits * np.exp(values[-1]) + values[:-1]
            said = softmax(z)
            wrong = said / said.sum(axis=1, keepdims=True)
            wrong[rows, labels] -= 1
            return float(RIDGE * np.square(values[:-1]).sum() + np.square(wrong).sum(1).mean())

        start = np.append(np.zeros(probs.shape[1]), -np.log(temperature))
        found = minimize(loss, start, method="L-BFGS-B").x
        bias = found[:-1] - found[:-1].mean()
        return cls(float(np.exp(-found[-1])), tuple(round(float(b), 4) for b in bias))

    @classmethod
    def fit_shares(cls, shares: FloatArray, probs: FloatArray) -> Scaling:
        """Temperature and bias by which probabilities come nearest to shares of votes.

        The mean cross-entropy of the shares is the least. Shares are what a calibrated answer
        should be, so that here the likelihood makes nothing too sure.

        Args:
            shares: ``(n, k)``, rows sum to 1.
            probs: ``(n, k)``, of the bare net.
        """
        logits = np.log(np.maximum(probs, 1e-12))

        def loss(values: FloatArray) -> float:
            z = logits * np.exp(values[-1]) + values[:-1]
            z = z - z.max(axis=1, keepdims=True)
            said = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            return float(RIDGE * np.square(values[:-1]).sum() - (shares * said).sum(1).mean())

        found = minimize(loss, np.zeros(probs.shape[1] + 1), method="L-BFGS-B").x
        bias = found[:-1] - found[:-1].mean()
        return cls(float(np.exp(-found[-1])), tuple(round(float(b), 4) for b in bias))
