"""The face rows of two packs over time on the same crops, one above the other.

    python benchmarks/face_rows.py CLIP... --before PACK --after PACK --out rows.png

Rows are windows of 1 s, two per second, without smoothing; the strip of faces shows the input of
the packs. A table shows the share of each predicted label by clip and pack. The clips have no
labels: whether a row is right must be checked visually.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np

from mien.analysis.evidence import Evidence
from mien.branches.face import FaceBranch
from mien.emotions import MIEN7
from mien.media import open_clip
from mien.packs import EMBEDDED
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.people import portraits
from mien.report.colours import EMOTIONS
from mien.scene import FACES, Scene
from mien.timebase import Clock

mpl.use("Agg")
from matplotlib import pyplot as plt

WINDOW, STEP = 1.0, 0.5
STRIP = 22
"""Number of faces drawn per clip."""


def seen(path: Path) -> Scene:
    """The scene of a clip, with its faces."""
    clip = open_clip(path)
    try:
        return perceive(clip, {FACES}, PerceiveOptions(asr="none"))
    finally:
        clip.close()


def judged(scene: Scene, pack: Path) -> Evidence:
    """The face rows of a pack."""
    segments = tuple(Clock(0.0, STEP, WINDOW).windows(scene.extent))
    return FaceBranch({"pack": pack}).judge(scene, segments)


def draw_strip(ax: Any, scene: Scene, title: str) -> None:
    """Draw some faces of the primary person at their times."""
    duration = scene.extent.duration
    wide = duration / STRIP
    last = -wide
    for face in portraits(scene, 10_000):
        if face.identity or face.time < last + wide:
            continue
        last = face.time
        image = cv2.imdecode(np.frombuffer(face.png, np.uint8), cv2.IMREAD_GRAYSCALE)
        ax.imshow(image, cmap="gray", extent=(last, last + 0.95 * wide, 0, 1), aspect="auto")
    ax.set(xlim=(0, duration), ylim=(0, 1), yticks=[], xticks=[])
    ax.set_title(title, loc="left", fontsize=10)


def draw_rows(ax: Any, evidence: Evidence, name: str, duration: float) -> None:
    """Draw the rows as a stack, with gaps for absent rows."""
    times = np.array([s.middle for s in evidence.segments])
    probs = np.where(evidence.present[:, None], evidence.probs, np.nan)
    low = np.zeros(len(times))
    for label, column in zip(MIEN7.labels, probs.T, strict=True):
        ax.fill_between(times, low, low + column, color=EMOTIONS[label], step="mid", linewidth=0)
        low = low + column
    ax.set(xlim=(0, duration), ylim=(0, 1), yticks=[])
    ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)


def figure(clips: Sequence[Path], packs: dict[str, Path], out: Path) -> None:
    """Draw all clips; print the shares of the predicted labels."""
    heights = [0.55, *[0.9] * len(packs), 0.35] * len(clips)
    fig, axes = plt.subplots(
        len(heights), 1, figsize=(13, 1.05 * sum(heights)), height_ratios=heights, squeeze=False
    )
    axes = axes[:, 0].reshape(len(clips), -1)
    print(f"| clip | pack | rows | {' | '.join(MIEN7.labels)} |")
    print("|---" * (3 + len(MIEN7)) + "|")
    for path, row in zip(clips, axes, strict=True):
        scene = seen(path)
        duration = scene.extent.duration
        draw_strip(row[0], scene, f"{path.name}, {duration:.1f} s")
        for ax, (name, pack) in zip(row[1:-1], packs.items(), strict=True):
            evidence = judged(scene, pack)
            draw_rows(ax, evidence, name, duration)
            ax.tick_params(labelbottom=ax is row[-2], labelsize=8)
            tops = [evidence.top(i) for i in np.flatnonzero(evidence.present)]
            shares = [f"{tops.count(label) / max(len(tops), 1):.2f}" for label in MIEN7.labels]
            count = f"{len(tops)} of {len(evidence.segments)}"
            print(f"| {path.name} | {name} | {count} | {' | '.join(shares)} |")
        row[-1].axis("off")
    handles = [plt.Rectangle((0, 0), 1, 1, color=EMOTIONS[label]) for label in MIEN7.labels]
    fig.legend(handles, MIEN7.labels, ncol=len(MIEN7), loc="upper center", frameon=False)
    fig.subplots_adjust(left=0.07, right=0.99, top=1 - 0.55 / fig.get_figheight(), bottom=0.01)
    fig.savefig(out, dpi=100)


def main() -> None:
    """Draw the figure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--after", type=Path, default=EMBEDDED / "face")
    parser.add_argument("--out", type=Path, default=Path("face_rows.png"))
    chosen = parser.parse_args()
    figure(chosen.clips, {"before": chosen.before, "after": chosen.after}, chosen.out)


if __name__ == "__main__":
    main()
