"""The analysis as a figure: grouped bars, each modality beside the fused answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mien.errors import OptionError
from mien.results import Analysis, Evidence

FORMATS = (".png", ".svg", ".pdf")
# Okabe and Ito's palette, which colour-blind readers can tell apart; the fused bars are dark.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
FUSED = "#222222"


def bars(analysis: Analysis, row: int = 0) -> Figure:
    """Grouped bars of one segment, as in the paper's figures 3 and 4.

    Args:
        analysis: what to draw.
        row: which segment.

    Raises:
        OptionError: if there is no such segment.
    """
    if not 0 <= row < len(analysis.segments):
        raise OptionError(f"There is no segment {row}; there are {len(analysis.segments)}.")
    series = [*analysis.by_branch.values(), analysis.fused]
    shown = [evidence for evidence in series if evidence.present[row]]
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(analysis.space))
    width = 0.8 / max(1, len(shown))
    for i, evidence in enumerate(shown):
        axes.bar(
            places + (i - (len(shown) - 1) / 2) * width,
            evidence.probs[row],
            width * 0.92,
            label=_legend(evidence, row),
            color=FUSED if evidence is analysis.fused else COLOURS[series.index(evidence) % 6],
        )
    axes.set_xticks(places, analysis.space.labels)
    axes.set_ylim(0, 1)
    axes.set_ylabel("probability")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    axes.set_title(_title(analysis, row), loc="left", fontsize=11)
    if shown:
        axes.legend(frameon=False, ncols=len(shown), loc="upper right")
    absent = [f"no {e.branch}: {e.reasons[row]}" for e in series[:-1] if not e.present[row]]
    if absent:
        axes.annotate(
            "\n".join(absent),
            (0.01, 0.97),
            xycoords="axes fraction",
            va="top",
            fontsize=9,
            color="#666666",
        )
    return figure


def _legend(evidence: Evidence, row: int) -> str:
    return f"{evidence.branch} (quality {evidence.quality[row]:.2f})"


def _title(analysis: Analysis, row: int) -> str:
    name = Path(analysis.clip.path).name
    segment = analysis.segments[row]
    when = f", {segment}" if segment.duration else ""
    said = analysis.fused.top(row)
    return f"{name}{when}: {said}" if said else f"{name}{when}: {analysis.fused.reasons[row]}"


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the suffix says the format.

    Raises:
        OptionError: if the suffix is not one of ``FORMATS``.
    """
    if path.suffix.lower() not in FORMATS:
        raise OptionError.choice("The suffix of a figure", path.suffix, FORMATS)
    figure.savefig(path, dpi=150)
