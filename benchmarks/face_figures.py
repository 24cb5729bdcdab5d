"""Figures and tables of ``face.py``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mien.datasets import LabelledSet
    from mien.datasets.facevotes import JudgedRows

Array = np.ndarray[Any, np.dtype[Any]]
MAPPED_ON = 8000
"""Number of training rows to which the map of an earlier pack's logits is fitted."""


def without_copy(crops: Array, others: Array) -> Array:
    """The crops ``(n,)`` without an exact copy in ``others``."""
    known = {hashlib.sha1(other.tobytes()).digest() for other in others}
    return np.array([hashlib.sha1(crop.tobytes()).digest() not in known for crop in crops])


def figures(
    labelled: JudgedRows, probs: Array, first: Array, fresh: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    """Metrics under one convention, recalls, and the accuracy without copies of training pictures.

    Under ``observers``, ECE and NLL are computed against the vote shares. ``p`` is McNemar's
    against the first net.
    """
    from mien.metrics import ClassFigures, confusion_matrix, mcnemar_p

    which = labelled.which
    labels = labelled.labels[which]
    every = labelled.figures(probs)
    picked: dict[str, Any] = {key: every[key] for key in ("accuracy", "uar", "ece", "nll")}
    predicted = probs[which].argmax(axis=1)
    picked["accuracy_without_copies"] = float((predicted == labels)[fresh[which]].mean())
    matrix = confusion_matrix(labels, predicted, 7)
    picked["confusion"] = matrix.tolist()
    picked["recall"] = [round(float(r), 4) for r in ClassFigures.of(matrix).recall]
    return picked | {"p": mcnemar_p(labels, first[which], probs[which])}


def mapped(before: Callable[[Array], Array], train: LabelledSet, crops: Array) -> Array:
    """Predictions of an earlier pack with an affine map of its logits, fitted to vote shares.

    Softmax regression of the shares on the logarithms, by L-BFGS from the identity.
    """
    from scipy.optimize import minimize

    voted = train.select(train.extra["ferplus"].sum(axis=1) > 0)
    rows = voted.select(np.random.default_rng(0).permutation(len(voted))[:MAPPED_ON])
    shares, logits = rows.extra["ferplus"], np.log(before(rows.items))

    def answer(values: Array, x: Array) -> Array:
        z = x @ values[:49].reshape(7, 7) + values[49:]
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    def loss(values: Array) -> tuple[float, Array]:
        predictions = answer(values, logits)
        gap = (predictions - shares) / len(shares)
        slope = np.concatenate([(logits.T @ gap).ravel(), gap.sum(axis=0)])
        return float(-(shares * np.log(predictions)).sum() / len(shares)), slope

    start = np.concatenate([np.eye(7).ravel(), np.zeros(7)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return answer(found, np.log(before(crops)))


def table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The metrics of all nets under one convention in Markdown."""
    from mien.emotions import MIEN7

    heads = ["net", "accuracy", "p", "without copies", "UAR", "ECE", "NLL"]
    heads += [f"recall {label}" for label in MIEN7.labels]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for number, (name, row) in enumerate(rows.items()):
        p = f"{row['p']:.2g}" if number else ""
        numbers = [row["accuracy_without_copies"], *(row[k] for k in ("uar", "ece", "nll"))]
        cells = [f"{value:.3f}" for value in numbers] + [f"{r:.2f}" for r in row["recall"]]
        lines.append(f"| {name} | {row['accuracy']:.3f} | {p} | {' | '.join(cells)} |")
    return lines


def cost_table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Weights, time and memory of all nets in Markdown."""
    lines = ["| net | weights | ms, batch 1 | ms, batch 16 | peak MB |", "|---" * 5 + "|"]
    for name, row in rows.items():
        weights = f"{row['weights']:,}" if row["weights"] else ""
        lines.append(
            f"| {name} | {weights} | {row['ms'][0]:.2f} | {row['ms'][1]:.2f} | "
            f"{row['megabytes']:.0f} |"
        )
    return lines


def clip_table(names: list[str], predictions: Mapping[str, Array]) -> list[str]:
    """By clip, the predicted classes of each net and the agreement with the first net."""
    from mien.emotions import MIEN7

    nets = list(predictions)
    lines = ["| clip | faces | " + " | ".join(nets) + " |", "|---" * (len(nets) + 2) + "|"]
    where = np.array(names)
    first = predictions[nets[0]].argmax(axis=1)
    for clip in dict.fromkeys(names):
        rows = where == clip
        cells = []
        for net in nets:
            predicted = predictions[net][rows].argmax(axis=1)
            label, count = (
                np.bincount(predicted, minlength=7).argmax(),
                np.bincount(predicted).max(),
            )
            same = float((predicted == first[rows]).mean())
            cells.append(
                f"{MIEN7.labels[label]} {count / len(predicted):.0%}, mean "
                f"{predictions[net][rows].max(axis=1).mean():.2f}"
                + ("" if net == nets[0] else f", same as {nets[0]} {same:.0%}")
            )
        lines.append(f"| {clip} | {rows.sum()} | " + " | ".join(cells) + " |")
    return lines
