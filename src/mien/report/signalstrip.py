"""A derived track over time as a strip of a figure: a line or points, hatched where absent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes

from mien.analysis.signals import SignalTrack
from mien.report.figure import GRAY, SMALL, plain
from mien.timebase import Segment

LINE, GROUND = "#222222", "#F4F4F2"
LETTER = 0.0075
"""Width of a small letter relative to the strip, to determine whether a text fits."""


def signal_strip(axes: Axes, track: SignalTrack, extent: Segment) -> None:
    """Draw a track, with the least and the greatest value at the left."""
    axes.set_facecolor(GROUND)
    values = np.array([np.nan if v is None else v for v in track.values])
    times = np.array(track.times)
    for gap, reason in _gaps(track):
        axes.axvspan(gap.start, gap.end, facecolor="white", edgecolor="#CFCFCB", hatch="////", lw=0)
        if len(reason) <= gap.duration / extent.duration / LETTER:
            white = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
            axes.text(
                gap.middle, 0.5, reason, ha="center", va="center", fontsize=SMALL, color=GRAY,
                bbox=white, transform=axes.get_xaxis_transform(),
            )  # fmt: skip
    axes.set_yticks([])
    plain(axes, "left", "bottom")
    if not len(values):
        axes.annotate(
            "none", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center",
            fontsize=SMALL, color=GRAY,
        )  # fmt: skip
    if not np.isfinite(values).any():
        return
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if track.kind == "points":
        low = 0.0
        axes.vlines(times, 0, np.nan_to_num(values), color=LINE, lw=1.2)
        axes.plot(times, values, ".", color=LINE, ms=4)
    else:
        axes.plot(times, values, color=LINE, lw=1.1)
    edge = max(0.12 * (high - low), 0.01 * abs(high), 1e-6)
    axes.set_ylim(low - edge * (track.kind == "line"), high + edge)
    axes.set_yticks([low, high], [f"{low:.3g}", f"{high:.3g} {track.unit}"])
    axes.tick_params(axis="y", labelsize=SMALL - 2, length=2, pad=1)


def _gaps(track: SignalTrack) -> Iterator[tuple[Segment, str]]:
    """Stretches without a value and their reasons."""
    times, reasons = track.times, track.reasons
    half = (times[-1] - times[0]) / max(len(times) - 1, 1) / 2 if len(times) > 1 else 0.5
    start = None
    for i, reason in enumerate(reasons):
        start = i if start is None and reason else start
        if start is not None and (i + 1 == len(reasons) or reasons[i + 1] != reasons[start]):
            yield Segment(max(0.0, times[start] - half), times[i] + half), reasons[start]
            start = None
