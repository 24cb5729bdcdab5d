"""The figure of pipeline.py: rooms, processor time, cost over length, and the peer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline_page import FLOORS, JUDGED, TITLES, Results, middle, typical

COLOURS = {
    "imports": "#999999", "import mien": "#999999", "import and load": "#6E6E6E",
    "perceive": "#0072B2", "decoding": "#0072B2", "faces found": "#56B4E9", "sound": "#44AA99",
    "recognition": "#CC79A7", "voice": "#D55E00", "face": "#E69F00", "text": "#009E73",
    "fusion": "#F0E442", "rest": "#DDDDDD", "floor": "#444444",
}  # fmt: skip
SPARE = ("#882255", "#332288", "#AA4499", "#117733")
"""Colours of rooms that have none of their own."""
NOW, BEFORE = "#0072B2", "#B8C4CE"
Stack = tuple[str, dict[str, float]]


def draw(value: dict[str, Any], before: dict[str, Any] | None, path: Path) -> None:
    """Draw what was measured; empty panels are left out.

    Args:
        value: the results.
        before: results of an earlier commit, drawn beside.
        path: of the PNG.
    """
    from matplotlib.figure import Figure

    sides = [("", value)] if before is None else [("before: ", before), ("", value)]
    panels = [(title, stacks, limits) for title, stacks, limits in _stacked(sides, value) if stacks]
    others = [one for one in (_profile_panel, _length_panel) if one(None, sides)]
    count = len(panels) + len(others)
    if not count:
        return
    rows = (count + 1) // 2
    figure = Figure(figsize=(14 if count > 1 else 8, 0.7 + 4.2 * rows), layout="constrained")
    grid = figure.subplots(rows, min(count, 2), squeeze=False).ravel()
    for axes, (title, stacks, limits) in zip(grid, panels, strict=False):
        _bars(axes, title, stacks, limits)
    for axes, one in zip(grid[len(panels) :], others, strict=False):
        one(axes, sides)
    for axes in grid[count:]:
        axes.set_visible(False)
    figure.suptitle(_title(value, before), fontsize=10, x=0.01, ha="left")
    figure.savefig(path, dpi=120)


def _title(value: dict[str, Any], before: dict[str, Any] | None) -> str:
    text = f"mien at {value['about']['commit']}"
    if before is not None:
        text += f", before at {before['about']['commit']}"
    loads = [one["about"]["load"] for one in (before, value) if one is not None]
    return f"{text}; {value['identity']['machine']}; load average at most {max(loads):.1f}"


# --- stacked bars ----------------------------------------------------------------------------


def _stacked(
    sides: list[tuple[str, dict[str, Any]]], value: dict[str, Any]
) -> list[tuple[str, list[Stack], list[tuple[float, str]]]]:
    """Title, bars and limits of both panels of stacked bars."""
    results = Results(value)
    default = [k for k in results.of("default") if k[1] <= JUDGED]
    found = []
    if default:
        height, seconds = default[0][0], max(k[1] for k in default)
        cores = max(k[2] for k in default)
        stacks, limits = _default_stacks(sides, height, seconds, cores)
        title = f"Default preset: {height}p, {seconds} s, {_cores(cores)}"
        found.append((title, stacks, limits))
    for height, seconds, cores, job in results.of("same"):
        if job == "paper":
            stacks = _same_stacks(sides, (height, seconds, cores))
            found.append((f"Same models: {height}p, {seconds} s, {_cores(cores)}", stacks, []))
    return found


def _default_stacks(
    sides: list[tuple[str, dict[str, Any]]], height: int, seconds: int, cores: int
) -> tuple[list[Stack], list[tuple[float, str]]]:
    stacks: list[Stack] = []
    floor = Results(sides[-1][1]).get("default", height, seconds, cores, "floor")
    limits = []
    if floor:
        work = middle(floor, "work")
        stacks.append((f"the floor\n{work:.1f} s", {"floor": work}))
        limits.append((FLOORS * work, f"{FLOORS:g} x floor"))
    limits.append((seconds / 10, "a tenth of real time"))
    for job in ("none", "whisper"):
        for name, value in sides:
            runs = Results(value).get("default", height, seconds, cores, job)
            if runs:
                run = typical(runs, "run")
                label = f"{name}{TITLES[job]}\n{run['run']:.1f} s, {run['peak']:.0f} MB"
                stacks.append((label, _rooms(run)))
    return stacks, limits


def _same_stacks(
    sides: list[tuple[str, dict[str, Any]]], where: tuple[int, int, int]
) -> list[Stack]:
    stacks: list[Stack] = []
    peer = Results(sides[-1][1]).get("same", *where, "peer")
    if peer:
        run = typical(peer, "whole")
        label = f"Transformers\n+ OpenCV + ffmpeg\n{run['whole']:.1f} s, {run['peak']:.0f} MB"
        stacks.append((label, run["seconds"] | _left(run["whole"], run["seconds"])))
    for name, value in sides:
        runs = Results(value).get("same", *where, "paper")
        if runs:
            run = typical(runs, "whole")
            label = f"{name}mien, paper preset\n{run['whole']:.1f} s, {run['peak']:.0f} MB"
            rooms = {k: v for k, v in _rooms(run).items() if k != "rest"}
            stacks.append((label, rooms | _left(run["whole"], rooms)))
    return stacks


def _rooms(run: dict[str, Any]) -> dict[str, float]:
    """Seconds by room, what no room counts included."""
    parts = {"import mien": run["run"] - run["work"]} | run["rooms"]
    return parts | _left(run["run"], parts)


def _left(whole: float, parts: dict[str, float]) -> dict[str, float]:
    """What is left of a time; rooms that overlap leave nothing."""
    rest = whole - sum(parts.values())
    return {"rest": rest} if rest > 0 else {}


def _bars(axes: Any, title: str, stacks: list[Stack], limits: list[tuple[float, str]]) -> None:
    spare = iter(SPARE * 4)
    colours = dict(COLOURS)
    widest = max(sum(parts.values()) for _, parts in stacks)
    for row, (_, parts) in enumerate(stacks):
        left = 0.0
        for name, seconds in parts.items():
            colour = colours.setdefault(name, next(spare) if name not in colours else "")
            axes.barh(row, seconds, left=left, color=colour, height=0.62, edgecolor="white", lw=0.5)
            if seconds > 0.055 * widest:
                dark = colour in ("#0072B2", "#D55E00", "#444444", "#009E73", *SPARE)
                axes.text(left + seconds / 2, row, f"{seconds:.1f}", ha="center", va="center",
                          fontsize=8, color="white" if dark else "black")  # fmt: skip
            left += seconds
    for number, (at, text) in enumerate(limits):
        axes.axvline(at, color="#B00020", lw=1, ls="--")
        axes.text(at, -0.58 + 0.2 * number, f" {text}", color="#B00020", fontsize=8, va="top")
    names = list(dict.fromkeys(name for _, parts in stacks for name in parts if name != "floor"))
    handles = [_patch(colours[name], name) for name in names]
    axes.legend(handles=handles, fontsize=8, frameon=False, ncols=4, loc="upper left",
                bbox_to_anchor=(0, -0.13))  # fmt: skip
    axes.set_yticks(range(len(stacks)), [label for label, _ in stacks], fontsize=9)
    axes.set(ylim=(len(stacks) - 0.4, -0.6), xlim=(0, None), xlabel="seconds, wall clock")
    _plain(axes, title)


def _patch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour, label=label)


def _cores(count: int) -> str:
    return f"{count} core{'s' * (count > 1)}"


def _plain(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)


# --- processor time and length ---------------------------------------------------------------


def _profile_panel(axes: Any, sides: list[tuple[str, dict[str, Any]]]) -> bool:
    """Processor seconds by room with recognition; whether there are any."""
    found = []
    for name, value in sides:
        for where in Results(value).of("profile"):
            if where[3] == "whisper":
                (run,) = Results(value).get("profile", *where)
                found.append((name, where, run["profile"]["rooms"]))
    if axes is None or not found:
        return bool(found)
    order = list(dict.fromkeys(room for *_, rooms in reversed(found) for room in rooms))
    order.sort(key=lambda room: -max(rooms.get(room, 0.0) for *_, rooms in found))
    high = 0.8 / len(found)
    for i, (name, _, rooms) in enumerate(found):
        at = [row + (i - (len(found) - 1) / 2) * high for row in range(len(order))]
        seconds = [rooms.get(room, 0.0) for room in order]
        label = f"{name.rstrip(': ') or 'now'}: {sum(seconds):.1f} s in all"
        colour = NOW if i == len(found) - 1 else BEFORE
        axes.barh(at, seconds, height=high, color=colour, label=label)
        for y, one in zip(at, seconds, strict=True):
            axes.text(one, y, f" {one:.2f}", va="center", fontsize=8)
    height, length, cores, _ = found[-1][1]
    floor = Results(sides[-1][1]).get("default", height, length, cores, "floor")
    if floor:
        spent = middle(floor, "cpu")
        axes.axvline(
            spent, color="#444444", lw=1, ls="--", label=f"the floor: {spent:.1f} s in all"
        )
    axes.set_yticks(range(len(order)), order, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("processor seconds of all threads")
    axes.legend(fontsize=8, framealpha=1, edgecolor="white", loc="lower right")
    _plain(axes, f"With recognition: {height}p, {length} s, one core")
    return True


def _length_panel(axes: Any, sides: list[tuple[str, dict[str, Any]]]) -> bool:
    """Seconds per second over length; whether there are two lengths at least."""
    measured = Results(sides[-1][1]).of("default")
    lengths = sorted({seconds for _, seconds, _, _ in measured})
    if axes is None or len(lengths) < 2:
        return len(lengths) > 1
    cores = max(k[2] for k in measured)
    colours = {"floor": "#444444", "none": "#0072B2", "whisper": "#CC79A7"}
    heights = sorted({k[0] for k in measured})
    for name, value in sides:
        results = Results(value)
        for height in heights:
            for job, colour in colours.items():
                points = [
                    (s, middle(runs, "work" if job == "floor" else "run") / s)
                    for s in lengths
                    if (runs := results.get("default", height, s, cores, job))
                ]
                if points and not (name and job == "floor"):
                    x, y = zip(*points, strict=True)
                    axes.plot(
                        x, y, color=colour, marker="o" if height == heights[0] else "s", ms=4,
                        ls=":" if name else ("-" if height == heights[0] else "--"), lw=1.3,
                        alpha=0.55 if name else 1.0, label=f"{name}{TITLES[job]}, {height}p",
                    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(lengths, [f"{s} s" for s in lengths])
    axes.minorticks_off()
    axes.axhline(0.1, color="#B00020", lw=1, ls="--")
    axes.set(ylim=(0, None), ylabel="seconds per second of media", xlabel="length")
    axes.legend(fontsize=7.5, frameon=False, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.13))
    _plain(axes, f"Cost over length, {_cores(cores)}")
    return True
