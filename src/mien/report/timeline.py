"""A recording on one time axis: fused emotions, modalities, events, speech."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.analysis.signals import SignalTrack
from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.mathematics import FloatArray
from mien.report.colours import EMOTIONS, ink
from mien.report.figure import GRAY, SMALL, notes, plain, title
from mien.report.signalstrip import signal_strip
from mien.report.spans import Span, own_segments, spans
from mien.temporal.events import FUSED as FUSED_ROWS
from mien.timebase import Segment, format_time

WIDTH = 11.0
"""Width of a figure over time in inches."""
GROUND, NOTHING = "#F4F4F2", "#8A8A8A"
"""Colours of a band's background and of the hatching for absent rows."""
SPEECH = "#3C4650"
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
"""Possible distances of ticks in seconds."""
MOST_TICKS = 11
MARKS = {"onset": "^", "shift": "D", "peak": "o"}
MOST_SHOTS = 120
"""More cuts than this would be a gray veil over everything; they then stand in a row of ticks."""
MOST_PEOPLE = 6
"""Maximum number of people with a separate band; the most prominent are shown."""
LETTER = 0.0075
"""Width of a small letter relative to the strips, to determine whether a text fits."""
LAYER = 0.09
"""Minimum probability at which a layer of the stack has room for its name."""
NAMED = 0.45
"""Minimum quality at which a band is high enough for the name of its label."""
HEADER = 0.62
"""Height above the strips for the title and the legend, in inches."""


@dataclass(frozen=True)
class Lane:
    """One strip of the figure: name, height and drawing function."""

    name: str
    height: float
    evidence: Evidence | None = None
    signal: SignalTrack | None = None


def timeline(analysis: Analysis) -> Figure:
    """Fused emotions stacked, and below them one band per modality and person, events and speech.

    The stack shows the rows smoothed over time, if there are any. The height of a band is the
    quality; a band is hatched where the modality is absent. Dashed lines are cuts.

    Raises:
        OptionError: if the analysis has no time (a picture, a text).
    """
    extent = extent_of(analysis)
    lanes = list(_lanes(analysis))
    heights = [lane.height for lane in lanes]
    figure = framed(analysis, 1.6 + sum(heights))
    legend(figure, analysis)
    grid = figure.subplots(
        len(lanes), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    for axes, lane in zip(grid, lanes, strict=True):
        if lane.name == "fused":
            stack(axes, analysis)
        elif lane.name == "events":
            _events(axes, analysis)
        elif lane.name == "speech":
            _speech(axes, analysis, extent)
        elif lane.evidence is not None:
            band(axes, lane.evidence, extent)
        elif lane.signal is not None:
            signal_strip(axes, lane.signal, extent)
        name_lane(axes, lane.name)
        axes.tick_params(axis="x", length=0)
    shot_lines(list(grid), analysis.shots)
    time_axis(grid[-1], extent)
    notes(figure, [_explanation(analysis)])
    return figure


def framed(analysis: Analysis, height: float) -> Figure:
    """An empty figure, ``height`` inches high, with its title and room for the legend."""
    frame = (0.0, 0.0, 1.0, 1.0 - HEADER / height)
    engine = ConstrainedLayoutEngine(h_pad=0.03, hspace=0.02, rect=frame)
    figure = Figure(figsize=(WIDTH, height), layout=engine)
    top = 1.0 - 0.1 / height
    figure.text(0.01, top, title(analysis), ha="left", va="top", fontsize=12, weight="bold")
    return figure


def extent_of(analysis: Analysis) -> Segment:
    """The analysed time span of the recording.

    Raises:
        OptionError: if the analysis has no time.
    """
    extent = analysis.part or Segment(analysis.segments[0].start, analysis.segments[-1].end)
    if extent.duration <= 0:
        raise OptionError(
            f"A {analysis.clip.kind} has no time axis; use bars (--figure-kind bars)."
        )
    return extent


def _lanes(analysis: Analysis) -> Iterator[Lane]:
    yield Lane("fused", 2.4)
    for name, evidence in analysis.by_branch.items():
        yield Lane(name, 0.55, evidence)
    # For a single person the face row is sufficient.
    shown = sorted(analysis.people)[:MOST_PEOPLE] if len(analysis.people) > 1 else ()
    for who in shown:
        yield Lane(f"face {who}", 0.55, analysis.people[who])
    if analysis.events:
        yield Lane("events", 0.5)
    for track in analysis.signals:
        there = any(value is not None for value in track.values)
        yield Lane(track.name, 0.6 if there else 0.3, signal=track)
    yield Lane("speech", 0.3)


def stack(axes: Axes, analysis: Analysis) -> None:
    """The fused probabilities stacked as on the page, with gaps for absent rows."""
    evidence = analysis.smoothed.get(FUSED_ROWS, analysis.fused)
    edges, rows = _steps(evidence)
    top = np.ones(len(rows))
    for i, label in enumerate(MIEN7.labels):
        base = top - rows[:, i]
        axes.fill_between(edges, base, top, step="post", color=EMOTIONS[label], lw=0)
        top = base
    _name_layers(axes, edges, rows, MIEN7.labels)
    axes.set(ylim=(0, 1), yticks=(0, 0.5, 1))
    axes.tick_params(axis="y", labelsize=SMALL)
    axes.set_facecolor(GROUND)
    plain(axes)


def _steps(evidence: Evidence) -> tuple[FloatArray, FloatArray]:
    """Edges ``(m,)`` and the probabilities ``(m, k)`` from each edge on; NaN in gaps."""
    edges: list[float] = []
    rows: list[FloatArray] = []
    nothing = np.full(len(MIEN7), np.nan)
    for i, segment in enumerate(own_segments(evidence.segments)):
        if edges and segment.start - edges[-1] > 1e-6:
            edges.append(edges[-1])
            rows.append(nothing)
        # Both ends, since a fill stops at the last edge with a value.
        edges += [segment.start, segment.end]
        rows += [evidence.probs[i], evidence.probs[i]]
    return np.array(edges), np.array(rows)


def _name_layers(axes: Axes, edges: FloatArray, rows: FloatArray, labels: Sequence[str]) -> None:
    """Write each label's name at the highest point of its layer, if there is room."""
    whole = max(float(edges[-1] - edges[0]), 1e-9)
    for i, label in enumerate(labels):
        tall = np.nan_to_num(rows[:, i]) >= LAYER
        if not tall.any():
            continue
        # The span around the highest point in which the layer is high enough.
        at = int(np.nanargmax(rows[:, i]))
        left = at - int(np.argmin(tall[at::-1])) + 1 if not tall[: at + 1].all() else 0
        right = at + int(np.argmin(tall[at:])) - 1 if not tall[at:].all() else len(edges) - 1
        width = float(edges[right] - edges[left])
        if width / whole < len(label) * LETTER * 1.1:
            continue
        half = len(label) * LETTER * whole * 0.6
        highest = (edges[at] + edges[min(at + 1, right)]) / 2
        middle = float(np.clip(highest, edges[left] + half, edges[right] - half))
        row = rows[max(0, int(np.searchsorted(edges, middle, "right")) - 1)]
        height = float(1 - row[:i].sum() - row[i] / 2)
        axes.text(
            middle, height, label, ha="center", va="center", fontsize=SMALL,
            color=ink(EMOTIONS[label]),
        )  # fmt: skip


def band(axes: Axes, evidence: Evidence, extent: Segment) -> None:
    """One modality: coloured by its most probable label, with its quality as height."""
    boxes: dict[str, list[tuple[float, float, float]]] = {}
    absent: list[tuple[Segment, str]] = []
    for i, segment in enumerate(own_segments(evidence.segments)):
        label = evidence.top(i)
        if label is None:
            _extend(absent, segment, evidence.reasons[i])
        else:
            height = max(0.06, float(evidence.quality[i]))
            boxes.setdefault(label, []).append((segment.start, segment.end, height))
    axes.set_facecolor(GROUND)
    for label, rows in boxes.items():
        axes.add_collection(_boxes(rows, facecolor=EMOTIONS[label], lw=0))
    rest = [(segment.start, segment.end, 1.0) for segment, _ in absent]
    if rest:
        hatched = _boxes(rest, facecolor="white", edgecolor="#CFCFCB", hatch="////", lw=0)
        axes.add_collection(hatched)
    for segment, reason in absent:
        _fit(axes, segment, extent, f"no {evidence.branch}: {reason}")
    for span in spans(evidence):
        _name_span(axes, span, evidence, extent)
    axes.set(ylim=(0, 1), yticks=())
    plain(axes, "left", "bottom")


def _name_span(axes: Axes, span: Span, evidence: Evidence, extent: Segment) -> None:
    """Write the label's name in the band or, if the band is low, above it; none without room."""
    half = len(span.label) * LETTER * extent.duration / 2
    if 2 * half > span.segment.duration:
        return
    middle = span.segment.middle
    under = [
        evidence.quality[i]
        for i in span.rows
        if abs(evidence.segments[i].middle - middle) < half + evidence.segments[i].duration / 2
    ]
    if min(under) >= NAMED:
        height, colour = min(under) / 2, ink(EMOTIONS[span.label])
    elif max(under) < NAMED + 0.1:
        height, colour = (1 + max(under)) / 2, GRAY
    else:
        return
    style = {"ha": "center", "va": "center", "fontsize": SMALL, "color": colour, "zorder": 5}
    axes.text(middle, height, span.label, style)


def _extend(found: list[tuple[Segment, str]], segment: Segment, reason: str) -> None:
    """Merge adjacent absent rows, with the reason of the first."""
    if found and segment.start - found[-1][0].end < 1e-6:
        first, why = found[-1]
        same = why if why == reason else why.split(" (")[0]
        found[-1] = (Segment(first.start, segment.end), same)
    else:
        found.append((segment, reason))


def _boxes(rows: Sequence[tuple[float, float, float]], **style: object) -> PolyCollection:
    corners = [[(a, 0.0), (a, height), (b, height), (b, 0.0)] for a, b, height in rows]
    return PolyCollection(corners, **style)  # type: ignore[arg-type]


def _fit(axes: Axes, segment: Segment, extent: Segment, text: str) -> None:
    """Write a text at the centre of a span, shortened or left out if it does not fit."""
    room = int(segment.duration / extent.duration / LETTER)
    white = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    for shown in (text, text.split(" (", maxsplit=1)[0], text.split(":", maxsplit=1)[0]):
        if len(shown) <= room:
            axes.text(
                segment.middle, 0.5, shown, ha="center", va="center", fontsize=SMALL, color=GRAY,
                bbox=white, zorder=5,
            )  # fmt: skip
            return


def _events(axes: Axes, analysis: Analysis) -> None:
    """Onsets, shifts and peaks of the fused prediction, at the height of their probability."""
    for event in (event for event in analysis.events if event.who is None):
        axes.plot(
            event.time, event.prob, MARKS[event.kind], color=EMOTIONS[event.label],
            markeredgecolor="#222222", markeredgewidth=0.7, ms=6 if event.kind == "peak" else 7,
            clip_on=False,
        )  # fmt: skip
    axes.set(ylim=(-0.05, 1.05), yticks=())
    plain(axes, "left", "bottom")


def _speech(axes: Axes, analysis: Analysis, extent: Segment) -> None:
    """The speech turns, with the words if they fit."""
    rows = [(turn.start, turn.end, 1.0) for turn in analysis.speech]
    if rows:
        axes.add_collection(_boxes(rows, facecolor=SPEECH, lw=0))
    else:
        _fit(axes, extent, extent, "no speech was found")
    axes.set(ylim=(0, 1), yticks=())
    axes.set_facecolor(GROUND)
    plain(axes, "left")


def shot_lines(grid: Sequence[Axes], times: Sequence[float]) -> None:
    """A line through all strips where a shot begins; of many, ticks at the top of the last."""
    few = len(times) <= MOST_SHOTS
    for axes in grid if few else grid[-1:]:
        for time in times:
            style = (0, (4, 2)) if few else "-"
            axes.axvline(time, ymin=0.0 if few else 0.6, color="#222222", lw=0.8, ls=style)


def name_lane(axes: Axes, name: str) -> None:
    """Write the name of a strip at its left."""
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, labelpad=8)


def time_axis(axes: Axes, extent: Segment) -> None:
    """Minutes and seconds below the last strip."""
    axes.set_xlim(extent.start, extent.end)
    fitting = [step for step in STEPS if extent.duration / step <= MOST_TICKS]
    axes.xaxis.set_major_locator(MultipleLocator(fitting[0] if fitting else STEPS[-1]))

    def show(seconds: float, place: int | None) -> str:
        return format_time(max(0.0, seconds)).removesuffix(".0")

    axes.xaxis.set_major_formatter(FuncFormatter(show))
    axes.tick_params(axis="x", labelsize=SMALL, length=3.5)
    axes.set_xlabel("time (minutes:seconds)", fontsize=SMALL)


def legend(figure: Figure, analysis: Analysis, marks: bool = True) -> None:
    """The labels by colour, and the marks of events that occur."""
    entries: list[Patch | Line2D] = [
        Patch(color=EMOTIONS[label], label=label) for label in MIEN7.labels
    ]
    kinds = {event.kind for event in analysis.events if event.who is None} if marks else set()
    for kind in (kind for kind in MARKS if kind in kinds):
        entries.append(
            Line2D([], [], marker=MARKS[kind], ls="", color="white", mec="#222222", label=kind)
        )
    below_title = 1.0 - 0.32 / figure.get_figheight()
    figure.legend(
        handles=entries, loc="upper left", bbox_to_anchor=(0.003, below_title),
        ncols=len(entries), frameon=False, fontsize=10, handlelength=1.1, columnspacing=1.3,
        handletextpad=0.5, borderaxespad=0.0,
    )  # fmt: skip


def _explanation(analysis: Analysis) -> str:
    stacked = "fused: probabilities" + (", smoothed" if FUSED_ROWS in analysis.smoothed else "")
    parts = [stacked, "bands: colour of the most probable label, height is the quality"]
    if any(not e.present.all() for e in analysis.by_branch.values()):
        parts.append("hatched: absent")
    if len(analysis.people) > MOST_PEOPLE:
        parts.append(f"{MOST_PEOPLE} of {len(analysis.people)} people")
    if analysis.shots:
        parts.append("dashed: cut" if len(analysis.shots) <= MOST_SHOTS else "ticks: cuts")
    return "; ".join(parts) + "."
