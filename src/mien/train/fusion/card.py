"""The card of a fusion pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.emotions import MIEN7
from mien.fusion.compare import PERSON, POOLED, Answers
from mien.fusion.pool import Pool
from mien.manifest import Manifest
from mien.metrics import classification_figures
from mien.posteriors import PosteriorTable

USE = (
    "A label states how an observer would name the expression, not what a person feels. Do not use "
    "the model on people at work or in education (EU AI Act, Art. 5(1)(f)); inform people when it "
    "is used on them (Art. 50(3))."
)
FIGURES = ("accuracy", "uar", "macro_f1", "nll", "ece")
# Error rates for which the card gives the coverage.
RISKS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
COMPOSED = (
    "## These clips were composed",
    "",
    "No data set with predictions of all branches for the same clips was available. A composed "
    "clip has a label drawn from a prior and, for each modality, the posteriors of one of the "
    "branch's held-out items: in most cases an item with the clip's label, sometimes one with "
    "another label (conflict), sometimes an unrelated one (an unseen speaker, a poor room, low "
    "quality), sometimes none. The rows below are the settings, all with equal weight; their "
    "parameters are in `pack.json`.",
    "",
    "**What this cannot show:** whether words, voice and face of real clips are independent "
    "given the emotion, as they are here; how often they conflict; how much lower the accuracy of "
    "each branch is on your recordings than on its own test set. The rates of unrelated posteriors "
    "were set by hand as a precaution, not measured: 10 % for the voice, 25 % for the face and 10 "
    "% for the words in `strangers`; 25 %, 40 % and 20 % in `far from home`. Those of the voice "
    "are lower than those of the face because its posteriors already come from unseen corpora. The "
    "figures show which rule suits such clips; they are not accuracies on real clips. Labelled "
    "real clips are better data: `mien train fusion --data DIR --labels CSV` analyses them with "
    "all branches and fits fusion to the result.",
    "",
)


def card(
    manifest: Manifest, pool: Pool, results: Answers, notes: Sequence[str] | None = None
) -> str:
    """The pack's card: what it pools, from what data, how good, and its limits."""
    training = manifest.training
    tested = "mcnemar_p" in manifest.metrics[0]
    lines = [
        f"# {manifest.name} {manifest.version}",
        "",
        f"Pools {', '.join(pool.readers)} into {', '.join(manifest.labels)}; log-linear, with a "
        "separate calibration for each single modality and weights for every modality subset.",
        "",
        USE,
        "",
        "**Data.** "
        + "; ".join(f"{d['name']}, {d['rows']} rows ({d['licence']})" for d in training["data"])
        + ".",
        "",
        f"**Licence.** {manifest.licence}",
        "",
        "## Figures",
        "",
        f"All figures are out of fold, {training['settings']['folds']}-fold by group; `mcnemar_p` "
        f"compares with `best_single` (by fold: {dict(results.best)}).",
        "",
        *_table(manifest.metrics, ("set", *FIGURES, *(["mcnemar_p"] if tested else []))),
        "",
        "![reliability](reliability.png) ![risk and coverage](risk.png)",
        "",
        *_risks(pool),
        *(notes or []),
        *_limits(manifest, results),
        *_origin(training),
    ]
    return "\n".join(lines)


def _risks(pool: Pool) -> list[str]:
    """Coverage and minimum confidence by ``--max-risk``."""
    rows = []
    for wanted in RISKS:
        good = [row for row in pool.risk if row[2] <= wanted]
        if good:
            threshold, coverage, risk = max(good, key=lambda row: row[1])
            rows.append(
                {
                    "--max-risk": f"{wanted:g}",
                    "answered": f"{coverage:.0%}",
                    "error rate": f"{risk:.1%}",
                    "minimum confidence": f"{threshold:.2f}",
                }
            )
    if not rows:
        return []
    intro = "Abstention, from the out-of-fold risk-coverage curve of `pooled`:"
    return [intro, "", *_table(rows, tuple(rows[0])), ""]


def _limits(manifest: Manifest, results: Answers) -> list[str]:
    lines = ["## Limits", ""]
    silent = [label for label in MIEN7.labels if label not in manifest.labels]
    if silent:
        lines += [f"* It never predicts {', '.join(silent)}, which its data does not contain.", ""]
    if PERSON in results.methods:
        lines += [
            "* `pooled_person` also reads the mean of each person over all their items, labels "
            "unseen, and assumes that people show about the same mixture of emotions. It is "
            "compared here alone; this pack does not hold it.",
            "",
        ]
    return [
        *lines,
        "* The weights are valid for these branch packs only: fit again when one of them changes.",
        "",
    ]


def _origin(training: Mapping[str, Any]) -> list[str]:
    lines = []
    if training.get("fitted_for"):
        lines += ["## Fitted for", "", "| branch | SHA-256 of its pack |", "|---|---|"]
        lines += [f"| {name} | `{digest}` |" for name, digest in training["fitted_for"].items()]
        lines += [""]
    return [
        *lines,
        "## Provenance",
        "",
        f"    {training['command']}",
        "",
        f"Commit {training['commit']}, {training['machine']}, {training['seconds']} s, seed "
        f"{training['seed']}. All settings are in `pack.json`.",
        "",
    ]


def composed_notes(
    pool: Pool,
    alone: Mapping[str, Pool],
    results: Answers,
    table: PosteriorTable,
    training: Mapping[str, Any],
) -> list[str]:
    """The card's section on composed clips: how they were made, and what they cannot show."""
    names = sorted(pool.readers)
    rows = [_setting_row(name, own, results, table) for name, own in alone.items()]
    shown = (
        "best_single",
        "mean",
        "product",
        POOLED,
        f"NLL {POOLED}",
        *(f"weight {n}" for n in names),
    )
    lines = [
        *COMPOSED,
        "Accuracy by setting, out of fold, and the weights fitted to this setting alone:",
        "",
        *_table(rows, ("setting", *shown)),
        "",
        "Weights fitted to all settings, by modality subset (1: the weight of a single modality):",
        "",
        *_table(_weights(pool, names), ("present", *names)),
        "",
    ]
    packs = training["fitted_for"].items()
    other = [name for name, digest in packs if training["judged_by"][name] != digest]
    if other:
        lines += [
            f"The posteriors of {', '.join(other)} come from models trained without these rows "
            "under the same recipe, since the shipped model was trained on them.",
            "",
        ]
    return lines


def _weights(pool: Pool, names: Sequence[str]) -> list[dict[str, str]]:
    """The weight of each modality by subset; empty for absent modalities."""
    return [
        dict.fromkeys(names, "")
        | {"present": " + ".join(subset)}
        | {name: f"{pool.weight(name, subset):.2f}" for name in subset}
        for subset in pool.subsets
        if len(subset) > 1
    ]


def _setting_row(name: str, own: Pool, results: Answers, table: PosteriorTable) -> dict[str, Any]:
    rows = np.array([item.startswith(f"{name}/") for item in table.items])
    labels = table.labels[rows]
    row: dict[str, Any] = {"setting": name}
    for method in ("best_single", "mean", "product", POOLED):
        figures = classification_figures(labels, results.methods[method][rows])
        row[method] = f"{figures['accuracy']:.3f}"
    row[f"NLL {POOLED}"] = f"{figures['nll']:.3f}"
    everyone = tuple(sorted(own.readers))
    return row | {f"weight {n}": f"{own.weight(n, everyone):.2f}" for n in everyone}


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    head = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return head + ["| " + " | ".join(str(row[c]) for c in columns) + " |" for row in rows]
