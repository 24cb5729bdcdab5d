"""Figures of a training: learning curves and confusion matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mien.metrics import IntArray


def curves_figure(history: Sequence[Mapping[str, float]]) -> Figure:
    """Training loss, and accuracy and UAR on the validation rows where there were any, by epoch."""
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    left.plot(epochs, [row["loss"] for row in history], marker=".", color="#0072B2")
    left.set(xlabel="epoch", title="training loss")
    for key, colour in (("accuracy", "#D55E00"), ("uar", "#009E73")):
        shares = [row.get(f"valid_{key}", float("nan")) for row in history]
        right.plot(epochs, shares, marker=".", color=colour, label=key)
    right.set(xlabel="epoch", title="validation", ylim=(0, 1))
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    return figure


def confusion_figure(matrix: IntArray, names: Sequence[str], title: str) -> Figure:
    """Shares of each true class (rows) that were called what (columns), with the counts."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="called", ylabel="true", title=title)
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            axes.text(
                j,
                i,
                f"{share:.0%}\n{matrix[i, j]}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share > 0.55 else "black",
            )
    return figure
