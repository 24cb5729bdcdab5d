"""Faces that an earlier pack predicted as sadness, neutral to observers, with the new prediction.

    python benchmarks/face_neutral.py --data fer2013.npz --before DIR --out faces.png

Draws 64 of the pictures of PublicTest that more than half of the FER+ observers labelled neutral
and for which the earlier pack predicted sadness. Below each picture are the new prediction and its
probability, in green if it is neutral. For visual inspection only: the pictures may not be
published.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

SHOWN, COLUMNS = 64, 8


def main() -> None:
    """Predict, count and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="FER-2013 with FER+ votes, .npz")
    parser.add_argument("--before", type=Path, required=True, help="the earlier pack")
    parser.add_argument("--pack", type=Path, help="the new pack; by default the shipped one")
    parser.add_argument("--out", type=Path, required=True, help="the picture, .png")
    args = parser.parse_args()

    from mien.branches.face import FaceModel
    from mien.datasets import load_faces
    from mien.datasets.facevotes import OBSERVERS, judged_rows
    from mien.emotions import MIEN7
    from mien.packs import EMBEDDED, Pack

    test = load_faces(args.data).split("PublicTest")
    labelled = judged_rows(test, OBSERVERS)
    neutral, sadness = MIEN7.index("neutral"), MIEN7.index("sadness")
    rows = test.items[labelled.which & (labelled.labels == neutral)]
    before = FaceModel(Pack(args.before, "face")).probs(rows).argmax(axis=1)
    rows = rows[before == sadness]
    predictions = FaceModel(Pack(args.pack or EMBEDDED / "face", "face")).probs(rows)
    counts = np.bincount(predictions.argmax(axis=1), minlength=len(MIEN7))
    listed = ", ".join(f"{MIEN7.labels[i]} {counts[i]}" for i in np.argsort(-counts) if counts[i])
    print(f"{len(rows)} faces, neutral to observers, sadness before; now: {listed}")
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:SHOWN])
    figure = Figure(figsize=(COLUMNS * 1.25, SHOWN / COLUMNS * 1.5 + 0.4), layout="constrained")
    figure.suptitle(f"Neutral to most observers, sadness to the earlier net; now: {listed}", size=9)
    for axes, i in zip(figure.subplots(SHOWN // COLUMNS, COLUMNS).flat, chosen, strict=False):
        axes.imshow(rows[i], cmap="gray", vmin=0, vmax=255)
        best = int(predictions[i].argmax())
        colour = "#007755" if best == neutral else "#C04000"
        axes.set_title(
            f"{MIEN7.labels[best]} {predictions[i, best]:.2f}", size=8, color=colour, y=-0.24
        )
        axes.set_axis_off()
    figure.savefig(args.out, dpi=110)


if __name__ == "__main__":
    main()
