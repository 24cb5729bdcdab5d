"""The analysis as a figure: grouped bars, a timeline, or the sound with its emotions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien.analysis.analysis import Analysis
from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.outputs import BLANK_SEAL, WRITER, written

FORMATS = (".png", ".svg", ".pdf")
KINDS = ("bars", "timeline", "sound")
# Okabe and Ito's palette, which colour-blind readers can distinguish; the fused bars are dark.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
FUSED = "#222222"
SMALL = 9
"""Size of the smallest text of a figure in points."""
GRAY = "#5A5A5A"
"""Colour of explanatory text."""


def draw(
    analysis: Analysis,
    kind: str | None = None,
    row: int | None = None,
    media: str | Path | None = None,
) -> Figure:
    """The figure of an analysis.

    Args:
        analysis: what to draw.
        kind: one of ``KINDS``; by default bars for one segment or if ``row`` is given, else the
            timeline.
        row: index of the segment for bars, by default the first.
        media: the recording, for the kind ``sound``; by default the analysed file.

    Raises:
        OptionError: if there is no such kind or segment, or a timeline is requested for an analysis
            without time.
        InputError: if the recording is missing or has no sound.
    """
    check_kind(kind)
    if not analysis.segments:
        raise OptionError("There is nothing to draw: no segment lies in this part.")
    if kind is None:
        kind = "bars" if row is not None or len(analysis.segments) == 1 else "timeline"
    if kind == "bars":
        return bars(analysis, row or 0)
    if kind == "sound":
        from mien.report.soundfigure import sound

        return sound(analysis, media)
    from mien.report.timeline import timeline

    return timeline(analysis)


def check_kind(kind: str | None) -> None:
    """Check the kind of a figure.

    Raises:
        OptionError: if it is not in ``KINDS``; None is allowed, and :func:`draw` chooses.
    """
    if kind is not None and kind not in KINDS:
        raise OptionError.choice("The kind of a figure", kind, KINDS)


def bars(analysis: Analysis, row: int = 0) -> Figure:
    """Grouped bars of one segment, as in the paper's figures 3 and 4.

    Args:
        analysis: what to draw.
        row: index of the segment.

    Raises:
        OptionError: if there is no such segment.
    """
    if not 0 <= row < len(analysis.segments):
        raise OptionError(f"There is no segment {row}; the analysis has {len(analysis.segments)}.")
    series = [*analysis.by_branch.values(), analysis.fused]
    shown = [evidence for evidence in series if evidence.present[row]]
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(MIEN7))
    width = 0.8 / max(1, len(shown))
    for i, evidence in enumerate(shown):
        axes.bar(
            places + (i - (len(shown) - 1) / 2) * width,
            evidence.probs[row],
            width * 0.92,
            label=f"{evidence.branch} (quality {evidence.quality[row]:.2f})",
            color=FUSED if evidence is analysis.fused else COLOURS[series.index(evidence) % 6],
        )
    axes.set_xticks(places, MIEN7.labels)
    axes.set_ylim(0, 1)
    axes.set_ylabel("probability")
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    plain(axes)
    segment = analysis.segments[row]
    when = f", {segment}" if segment.duration else ""
    answer = analysis.fused.top(row) or analysis.fused.reasons[row]
    axes.set_title(f"{_name(analysis)}{when}: {answer}", loc="left", fontsize=11)
    absent = [f"no {e.branch}: {e.reasons[row]}" for e in series[:-1] if not e.present[row]]
    if shown:
        # Below the axes, as the bars may be as high as the axes.
        axes.legend(
            frameon=False, ncols=len(shown), loc="lower left", bbox_to_anchor=(0, -0.17),
            borderaxespad=0, fontsize=10,
        )  # fmt: skip
    notes(figure, absent)
    return figure


def title(analysis: Analysis) -> str:
    """Name of the recording and its overall prediction."""
    whole = analysis.whole.fused.top(0) if analysis.whole is not None else None
    stopped = ", stopped before its end" if analysis.partial else ""
    return _name(analysis) + (f": {whole} overall" if whole else "") + stopped


def _name(analysis: Analysis) -> str:
    return analysis.clip.name


def plain(axes: Axes, *sides: str) -> None:
    """Remove the frame at the top, at the right and at the sides given."""
    axes.spines[["top", "right", *sides]].set_visible(False)


def notes(figure: Figure, lines: Iterable[str]) -> None:
    """Write explanations at the bottom of a figure."""
    text = "\n".join(lines)
    if text:
        figure.supxlabel(text, x=0.01, ha="left", fontsize=SMALL, color=GRAY)


def save(
    figure: Figure, path: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()
) -> None:
    """Write a figure; the suffix says the format.

    Args:
        figure: what to write.
        path: of the file.
        overwrite: whether an existing file that mien did not write is replaced.
        inputs: files that are not replaced in any case.

    Raises:
        OptionError: if the suffix is not one of ``FORMATS``, or the file may not be replaced.
        OutputError: if it cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise OptionError.choice("The suffix of a figure", path.suffix, FORMATS)
    mark = {
        ".png": {"Software": WRITER},
        ".pdf": {"Creator": WRITER},
        ".svg": {"Creator": f"{WRITER} ({BLANK_SEAL})"},
    }
    with written(path, inputs, overwrite, "The figure") as fresh:
        figure.savefig(fresh, dpi=150, format=suffix[1:], metadata=mark[suffix])
