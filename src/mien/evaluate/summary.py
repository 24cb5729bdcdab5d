"""The metrics of an evaluation as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.text import Text

from mien.metrics import ClassFigures
from mien.terminal import Column, Grid

SHOWN = ("accuracy", "uar", "macro_f1", "weighted_f1", "ece", "nll", "multilabel_macro_f1")

_CONVENTIONS = {
    "observers": "convention observers: the label that more than half of the observers chose; nll "
    "and ece against their vote shares",
    "fer2013": "convention fer2013: the label in the data set",
}


def render(result: Mapping[str, Any]) -> RenderableType:
    """Overall metrics, then the confusion matrix with recall and F1 of each class."""
    split = f", split {result['split']}" if result["split"] else ""
    pack = result["pack"]
    parts: list[RenderableType] = [
        Text(
            f"{result['data']}{split}: {result['rows']} rows, "
            f"{pack['name']} {pack['version']} ({pack['sha256'][:12]})"
        ),
        *([Text(_CONVENTIONS[result["convention"]])] if "convention" in result else []),
        Text("  ".join(f"{key} {result[key]:.4f}" for key in SHOWN if key in result)),
    ]
    parts += [Text(), _confusion(result["labels"], np.asarray(result["confusion"]))]
    if result["failed"]:
        parts.append(Text(f"{result['failed']} rows could not be evaluated:", style="yellow"))
        parts += [Text(f"  {why}") for why in result["failures"][:5]]
    return Group(*parts)


def _confusion(labels: Sequence[str], matrix: npt.NDArray[np.int64]) -> Grid:
    """The confusion matrix with recall and F1 of each class."""
    figures = ClassFigures.of(matrix)
    predicted = [
        Column(
            label,
            [
                Text(str(count), style="bold" if i == j else "")
                for i, count in enumerate(matrix[:, j])
            ],
            "right",
        )
        for j, label in enumerate(labels)
    ]
    measured = [
        Column(name, [Text(f"{value:.3f}") for value in values], "right")
        for name, values in (("recall", figures.recall), ("f1", figures.f1))
    ]
    return Grid(
        Column("", [Text(label) for label in labels]),
        [*predicted, *measured],
        title="rows: true class, columns: predicted class",
    )
