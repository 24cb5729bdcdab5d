"""The metrics of an evaluation as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mien.metrics import ClassFigures

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
    matrix = np.asarray(result["confusion"])
    figures = ClassFigures.of(matrix)
    table = Table(title="rows: true class, columns: predicted class", title_justify="left")
    table.add_column("")
    for label in result["labels"]:
        table.add_column(label[:8], justify="right")
    table.add_column("recall", justify="right")
    table.add_column("f1", justify="right")
    for i, label in enumerate(result["labels"]):
        counts = [Text(str(c), style="bold" if i == j else "") for j, c in enumerate(matrix[i])]
        table.add_row(label, *counts, f"{figures.recall[i]:.3f}", f"{figures.f1[i]:.3f}")
    parts.append(table)
    if result["failed"]:
        parts.append(Text(f"{result['failed']} rows could not be evaluated:", style="yellow"))
        parts += [Text(f"  {why}") for why in result["failures"][:5]]
    return Group(*parts)
