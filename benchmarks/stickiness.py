"""How long an emotion lasts: the time constant of the smoothing, fitted on MELD's utterances.

    python benchmarks/stickiness.py MELD_FOLDER

The label of a speaker at two consecutive utterances of a dialogue is the same with probability ``s
+ (1 - s) pi(y)``, ``s = exp(-dt / tau)``, and otherwise drawn from the prior ``pi``: the model of
``mien.temporal.smoothing``. Prints the maximum-likelihood tau and its interval.
"""

from __future__ import annotations

import csv
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

from mien.emotions import MIEN7, canonical_label

SHORTEST, LONGEST = 0.5, 120.0
"""Bins of the seconds between the centres of two utterances."""


def seconds(stamp: str) -> float:
    """Seconds of a time stamp such as ``"00:16:16,059"``."""
    hours, minutes, rest = stamp.replace(",", ".").split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def pairs(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances in seconds and both labels of a speaker's consecutive utterances in a dialogue."""
    turns_of: dict[tuple[str, str], list[tuple[float, int]]] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            middle = (seconds(row["StartTime"]) + seconds(row["EndTime"])) / 2
            label = MIEN7.index(canonical_label(row["Emotion"]))
            turns_of.setdefault((row["Dialogue_ID"], row["Speaker"]), []).append((middle, label))
    rows = [
        (b[0] - a[0], a[1], b[1])
        for turns in turns_of.values()
        for a, b in pairwise(sorted(turns))
        if SHORTEST <= b[0] - a[0] <= LONGEST
    ]
    between, first, second = zip(*rows, strict=True)
    return np.array(between), np.array(first), np.array(second)


def main() -> None:
    """Fit and print."""
    between, first, second = pairs(Path(sys.argv[1]) / "train_sent_emo.csv")
    prior = np.bincount(second, minlength=7) / len(second)
    taus = np.geomspace(1, 60, 119)
    stay = np.exp(-between[:, None] / taus)
    same = (first == second)[:, None]
    fit = np.log(stay * same + (1 - stay) * prior[second][:, None]).mean(axis=0)
    best = int(fit.argmax())
    print(f"{len(between)} pairs of MELD train; tau {taus[best]:.1f} s")
    near = taus[fit > fit[best] - 1.92 / len(between)]
    print(f"95 % by likelihood: {near.min():.1f} to {near.max():.1f} s")
    for low, high in ((0.5, 3), (3, 6), (6, 12), (12, 25), (25, 60), (60, 120)):
        here = (between >= low) & (between < high)
        print(
            f"{low:5.1f} to {high:5.1f} s: {here.sum():5d} pairs, same {same[here].mean():.3f}, "
            f"by chance {prior[first[here]].mean():.3f}"
        )


if __name__ == "__main__":
    main()
