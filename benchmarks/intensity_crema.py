"""Correlation of the derived intensity with human ratings on CREMA-D, out of fold by actor.

    python benchmarks/intensity_crema.py --data votes.csv --out benchmarks/results

The input of the fusion is the votes only, not the ratings. The intensity of its prediction
(``mien.fusion.derived``) is compared with the mean rating of the raters with sound and picture.
Writes ``intensity_crema.json``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from mien.convert.provenance import commit, machine
from mien.datasets.votes import BOTH, INTENSITY, load_votes, load_votes_of_both
from mien.emotions import MIEN7
from mien.fusion.derived import intensity
from mien.fusion.fit import FitOptions, fit_pool
from mien.mathematics import FloatArray
from mien.posteriors import group_folds

LEVELS = ("LO", "MD", "HI")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="votes.csv of CREMA-D")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    table, both = load_votes(given.data), load_votes_of_both(given.data)
    fold_of = group_folds(table.groups, given.folds, given.seed)
    probs = np.full((len(table), len(MIEN7)), np.nan)
    for fold in range(given.folds):
        print(f"fold {fold + 1} of {given.folds}")
        pool = fit_pool(table.select(fold_of != fold), FitOptions(extras=(), seed=given.seed))
        probs[fold_of == fold] = pool.probs(table.select(fold_of == fold).posteriors)
    predicted = dict(zip(table.items, intensity(probs).tolist(), strict=True))
    ours = np.array([predicted.get(item, np.nan) for item in both.items])
    rated = both.posteriors[BOTH].extras[INTENSITY]
    emotional = both.labels != MIEN7.index("neutral")
    known = np.isfinite(ours) & np.isfinite(rated)
    level_of = np.array([item.split("_")[3] for item in both.items])
    result: dict[str, Any] = {
        "emotional clips": correlations(ours, rated, known & emotional),
        "all clips": correlations(ours, rated, known),
        "mean by the level that was asked for": {
            level: {
                "ours": round(float(ours[known & (level_of == level)].mean()), 3),
                "rated": round(float(rated[known & (level_of == level)].mean()), 3),
            }
            for level in LEVELS
        },
        "raters of one mode with those of both, emotional clips": {
            mode: correlations(_of(table, mode, both.items), rated, emotional)
            for mode in table.posteriors
        },
        "about": {
            "split": f"{given.folds}-fold by actor, votes alone",
            "command": f"python benchmarks/intensity_crema.py --folds {given.folds} --seed "
            f"{given.seed}",
            "commit": commit(),
            "machine": machine(),
        },
    }
    given.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1) + "\n"
    (given.out / "intensity_crema.json").write_text(text, encoding="utf-8")
    print(text)


def _of(table: Any, mode: str, items: tuple[str, ...]) -> FloatArray:
    rated = dict(zip(table.items, table.posteriors[mode].extras[INTENSITY].tolist(), strict=True))
    return np.array([rated.get(item, np.nan) for item in items])


def correlations(one: FloatArray, other: FloatArray, rows: Any) -> dict[str, float]:
    """Pearson's and Spearman's coefficient over some rows, and their number."""
    rows = rows & np.isfinite(one) & np.isfinite(other)
    x, y = one[rows], other[rows]
    pearson = float(np.corrcoef(x, y)[0, 1])
    spearman = float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])
    return {"clips": int(rows.sum()), "pearson": round(pearson, 3), "spearman": round(spearman, 3)}


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


if __name__ == "__main__":
    main()
