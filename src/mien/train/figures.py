"""Figures of a training: learning curves, confusion matrices, reliability, risk and coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mien.mathematics import FloatArray, IntArray
from mien.metrics import expected_calibration_error

# Confidence bins as in the calibration error; bins with fewer predictions are too noisy to show.
_BINS, _FEWEST = 15, 20
# Below this coverage too few predictions are left to estimate the risk.
_LEAST_COVERAGE = 0.02
_DRAWN = {"accuracy": "#D55E00", "uar": "#009E73", "recall": "#D55E00", "precision": "#009E73"}
_LINES = {"": "-", "observers_": "-", "fer2013_": "--"}


def curves_figure(history: Sequence[Mapping[str, float]], judged_on: str = "validation") -> Figure:
    """Training loss and, if there were validation rows, their metrics, by epoch."""
    given = history[0] if history else {}
    # A net with several heads prefixes each metric with its convention.
    drawn = [
        (f"{convention}{key}", colour, style)
        for convention, style in _LINES.items()
        for key, colour in _DRAWN.items()
        if f"valid_{convention}{key}" in given
    ]
    figure = Figure(figsize=(8 if drawn else 4.2, 3.4), layout="constrained")
    panels = figure.subplots(1, 2 if drawn else 1, squeeze=False)[0]
    epochs = [row["epoch"] for row in history]
    panels[0].plot(epochs, [row["loss"] for row in history], marker=".", color="#0072B2")
    panels[0].set(xlabel="epoch", title="training loss")
    for key, colour, style in drawn:
        shares = [row[f"valid_{key}"] for row in history]
        label = key.replace("_", " ")
        panels[1].plot(epochs, shares, style, marker=".", color=colour, label=label)
    if drawn:
        panels[1].set(xlabel="epoch", title=judged_on, ylim=(0, 1))
        panels[1].legend(frameon=False, loc="lower right")
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    return figure


def confusion_figure(matrix: IntArray, names: Sequence[str], title: str) -> Figure:
    """Confusion matrix: true class (rows) by predicted class (columns), as shares and counts."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted class", ylabel="true class", title=title)
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


# Okabe and Ito's palette, which colour-blind readers can tell apart; pooled fusion is dark.
_COLOURS = ("#E69F00", "#0072B2", "#222222", "#009E73", "#CC79A7")


def reliability_figure(labels: IntArray, methods: Mapping[str, FloatArray]) -> Figure:
    """Reliability diagram: accuracy by confidence, with the number of predictions below.

    Args:
        labels: ``(n,)``.
        methods: probabilities ``(n, k)`` by name, at most as many as there are colours.
    """
    figure = Figure(figsize=(6, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot((0, 1), (0, 1), color="#999999", lw=1, ls="--")
    for (name, probs), colour in zip(methods.items(), _COLOURS, strict=False):
        confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
        which = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
        shown = [b for b in range(_BINS) if (which == b).sum() >= _FEWEST]
        ece = expected_calibration_error(labels, probs)
        upper.plot(
            [confidence[which == b].mean() for b in shown],
            [right[which == b].mean() for b in shown],
            marker="o",
            ms=4,
            color=colour,
            label=f"{name} (ECE {ece:.3f})",
        )
        lower.hist(confidence, bins=_BINS, range=(0, 1), histtype="step", color=colour, lw=1.4)
    upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), title="reliability")
    upper.legend(frameon=False, loc="upper left")
    lower.set(xlabel="confidence", ylabel="predictions")
    return _plain(figure)


def risk_figure(curves: Mapping[str, FloatArray]) -> Figure:
    """Risk-coverage curves: error rate by share of items answered, most confident first.

    Args:
        curves: rows of threshold, coverage and risk by name.
    """
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for (name, rows), colour in zip(curves.items(), _COLOURS, strict=False):
        shown = rows[rows[:, 1] >= _LEAST_COVERAGE]
        label = f"{name} (error rate at full coverage: {rows[-1, 2]:.1%})"
        axes.plot(shown[:, 1], shown[:, 2], color=colour, lw=1.8, label=label)
    axes.set(xlabel="coverage (share of items answered)", ylabel="risk (error rate)", xlim=(0, 1))
    axes.set(ylim=(0, None), title="risk and coverage")
    axes.legend(frameon=False, loc="upper left")
    return _plain(figure)


def search_figure(rows: Sequence[Mapping[str, float]], chosen: Mapping[str, float]) -> Figure:
    """Validation accuracy by learning rate and weight decay; the chosen point is ringed."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    decays = sorted({row["weight_decay"] for row in rows})
    for decay, colour in zip(decays, _COLOURS, strict=False):
        shown = [row for row in rows if row["weight_decay"] == decay]
        axes.scatter(
            [row["lr"] for row in shown],
            [row["accuracy"] for row in shown],
            color=colour,
            label=f"weight decay {decay:g}",
        )
    ours = [row for row in rows if all(row[key] == value for key, value in chosen.items())]
    axes.scatter(
        [row["lr"] for row in ours],
        [row["accuracy"] for row in ours],
        s=160,
        facecolors="none",
        edgecolors="black",
        label="the paper's choice",
    )
    top = 1.1 * max(row["accuracy"] for row in rows)
    axes.set(xscale="log", xlabel="learning rate", ylabel="validation accuracy", ylim=(0, top))
    axes.set_title("random search, short trials")
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return _plain(figure)


def _plain(figure: Figure) -> Figure:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    return figure
