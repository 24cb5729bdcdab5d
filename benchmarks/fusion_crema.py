"""Pooled fusion compared with its best modality: human votes on CREMA-D, out of fold by actor.

    python benchmarks/fusion_crema.py --data votes.csv --out benchmarks/results

Writes ``fusion_crema.json``, ``fusion_crema.md``, ``fusion_crema_reliability.png`` and
``fusion_crema_risk.png``; the project's targets are checked, and the exit code is 1 if one is
missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.convert.provenance import commit, machine
from mien.datasets.votes import BOTH, load_votes, load_votes_of_both
from mien.evaluate.fusion import SHOWN, figures_of
from mien.fusion.compare import BEST_SINGLE, PERSON, POOLED, out_of_fold
from mien.metrics import classification_figures, risk_coverage
from mien.train.figures import reliability_figure, risk_figure

# Targets, out of fold.
ACCURACY, CALIBRATION_ERROR, P, LOST = 0.770, 0.02, 0.001, 0.005


def main() -> int:
    """Run the benchmark; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="votes.csv of CREMA-D")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    table = load_votes(given.data)
    results = out_of_fold(table, given.folds, given.seed, lambda doing, share: print(doing))
    result = figures_of(results, table, given.seed)
    both = load_votes_of_both(given.data)
    result[BOTH] = classification_figures(both.labels, both.posteriors[BOTH].probs)
    result["about"] = {
        "data": f"{given.data.name} of CREMA-D's ratings ({table.licence})",
        "label": "intended emotion",
        "rows": len(table),
        "actors": len(set(table.groups.tolist())),
        "split": f"{given.folds}-fold by actor; everything fitted, chosen and scaled in the other "
        "folds",
        "best_single": dict(results.best),
        "seed": given.seed,
        "commit": commit(),
        "machine": machine(),
        "seconds": round(time.perf_counter() - started),
        "command": f"python benchmarks/fusion_crema.py --folds {given.folds} --seed {given.seed}",
    }
    missed = bars(result)
    result["bars_missed"] = missed
    given.out.mkdir(parents=True, exist_ok=True)
    stem = given.out / "fusion_crema"
    text = json.dumps(result, indent=1) + "\n"
    stem.with_suffix(".json").write_text(text, encoding="utf-8")
    stem.with_suffix(".md").write_text(page(result), encoding="utf-8")
    names = [name for name in (BEST_SINGLE, "mean", POOLED, PERSON) if name in results.methods]
    shown = {name: results.methods[name] for name in names}
    curves = {name: risk_coverage(table.labels, probs) for name, probs in shown.items()}
    reliability_figure(table.labels, shown).savefig(f"{stem}_reliability.png", dpi=120)
    risk_figure(curves).savefig(f"{stem}_risk.png", dpi=120)
    print(page(result))
    return int(bool(missed))


def bars(result: Mapping[str, Any]) -> list[str]:
    """The missed targets, in words."""
    pooled = result[POOLED]
    held = {
        f"accuracy {pooled['accuracy']:.4f} >= {ACCURACY}": pooled["accuracy"] >= ACCURACY,
        f"ECE {pooled['ece']:.4f} <= {CALIBRATION_ERROR}": pooled["ece"] <= CALIBRATION_ERROR,
        f"p {pooled['mcnemar_p']:.2g} < {P} against best single": pooled["mcnemar_p"] < P
        and pooled["accuracy"] > result[BEST_SINGLE]["accuracy"],
    }
    for name in ("voice", "face"):
        alone, own = result["subsets"][name]["accuracy"], result[f"{name}_calibrated"]["accuracy"]
        held[f"{name} alone {alone:.4f} >= its own {own:.4f} - {LOST}"] = alone >= own - LOST
    return [bar for bar, good in held.items() if not good]


def page(result: Mapping[str, Any]) -> str:
    """The result as Markdown."""
    about = result["about"]
    lines = ["# Pooled fusion of human votes: CREMA-D", ""]
    lines += [f"* {key}: {value}" for key, value in about.items()]
    lines += ["", "| method | 95 % of accuracy | " + " | ".join(SHOWN) + " | McNemar's p |"]
    lines += ["|---" * (len(SHOWN) + 3) + "|"]
    for name, entry in result.items():
        if name in ("about", "subsets", "bars_missed"):
            continue
        cells = " | ".join(f"{entry[key]:.4f}" for key in SHOWN)
        low, high = entry.get("interval", {}).get("accuracy", (None, None))
        interval = "" if low is None else f"{low:.3f} to {high:.3f}"
        p = f"{entry['mcnemar_p']:.2g}" if "mcnemar_p" in entry and name != BEST_SINGLE else ""
        lines.append(f"| {name} | {interval} | {cells} | {p} |")
    lines += [
        "",
        f"`{BOTH}`: vote shares of raters with sound and picture, for comparison. p is against "
        f"`{BEST_SINGLE}`; the bootstrap draws whole actors. `{PERSON}` also estimates a baseline "
        "of each actor from all of their clips, without labels, and gains from every actor playing "
        "the same mixture of emotions: it is not a single-clip result.",
        "",
        "| pooled, given just | " + " | ".join(SHOWN) + " | lost |",
        "|---" * (len(SHOWN) + 2) + "|",
    ]
    for name, entry in result["subsets"].items():
        cells = " | ".join(f"{entry[key]:.4f}" for key in (*SHOWN, "lost"))
        lines.append(f"| {name} | {cells} |")
    missed = result["bars_missed"]
    lines += ["", f"Bars missed: {'; '.join(missed)}." if missed else "All bars are met.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
