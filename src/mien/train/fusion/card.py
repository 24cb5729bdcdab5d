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
    "A label is how an observer would name the expression, not what a person feels. Do not use it "
    "on people at work or in education (EU AI Act, Art. 5(1)(f)); tell people when it is used on "
    "them (Art. 50(3))."
)
FIGURES = ("accuracy", "uar", "macro_f1", "nll", "ece")
# Shares of wrong answers for which the card says what they cost.
RISKS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
COMPOSED = (
    "## These clips were composed",
    "",
    "No set with the same clip judged by all branches was at hand. A clip here is a label "
    "drawn from a prior and, for each modality, the judgement of an item of that branch's own "
    "held-out data: mostly one with the clip's label, now and then another (conflict), at "
    "times one that has nothing to do with it (a stranger, a bad room, poor quality), at times "
    "none. The settings are the rows below, all with equal weight; `pack.json` has their "
    "numbers.",
    "",
    "**What this cannot show:** whether words, voice and face of real clips are independent "
    "given the emotion, as they are here; how often they conflict; how much worse each branch "
    "is on your recordings than on its own test set. How strange your recordings are was set "
    "by hand, as a caution (for `strangers` the voice is off one time in ten, the face one in "
    "four, the words one in ten; for `far from home` one in four, two in five, one in five), "
    "not measured; the voice less, as its posteriors are of corpora it never heard. The figures "
    "tell which rule suits such clips; they are no accuracy on real ones. Real clips with labels "
    "are the better data: `mien train fusion --data DIR --labels "
    "CSV` judges them by all branches and fits to that.",
    "",
)


def card(manifest: Manifest, pool: Pool, said: Answers, notes: Sequence[str] | None = None) -> str:
    """The pack's card: what it pools, from what data, how good, and its limits."""
    training = manifest.training
    tested = "mcnemar_p" in manifest.metrics[0]
    lines = [
        f"# {manifest.name} {manifest.version}",
        "",
        f"Pools {', '.join(pool.readers)} into {', '.join(manifest.labels)}; log-linear, with a "
        "calibration of its own for each modality alone and weights for every subset.",
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
        f"All out of fold, {training['settings']['folds']}-fold by group; `mcnemar_p` is against "
        f"`best_single` (by fold: {dict(said.best)}).",
        "",
        *_table(manifest.metrics, ("set", *FIGURES, *(["mcnemar_p"] if tested else []))),
        "",
        "![reliability](reliability.png) ![risk and coverage](risk.png)",
        "",
        *_risks(pool),
        *(notes or []),
        *_limits(manifest, said),
        *_origin(training),
    ]
    return "\n".join(lines)


def _risks(pool: Pool) -> list[str]:
    """What ``--max-risk`` costs: how many items are answered, and from which confidence on."""
    rows = []
    for wanted in RISKS:
        good = [row for row in pool.risk if row[2] <= wanted]
        if good:
            threshold, coverage, risk = max(good, key=lambda row: row[1])
            rows.append(
                {
                    "--max-risk": f"{wanted:g}",
                    "answered": f"{coverage:.0%}",
                    "of these wrong": f"{risk:.1%}",
                    "from a confidence of": f"{threshold:.2f}",
                }
            )
    if not rows:
        return []
    told = "When to say nothing, read off the risk-coverage curve of `pooled`, out of fold:"
    return [told, "", *_table(rows, tuple(rows[0])), ""]


def _limits(manifest: Manifest, said: Answers) -> list[str]:
    lines = ["## Limits", ""]
    silent = [label for label in MIEN7.labels if label not in manifest.labels]
    if silent:
        lines += [f"* It never answers {', '.join(silent)}: its data has none.", ""]
    if PERSON in said.methods:
        lines += [
            "* `pooled_person` also reads the mean of each person over all their items, labels "
            "unseen, and assumes that people show about the same mixture of emotions. It is "
            "compared here alone; this pack does not hold it.",
            "",
        ]
    return [*lines, "* Weights for these posteriors and no others: fit anew when one changes.", ""]


def _origin(training: Mapping[str, Any]) -> list[str]:
    lines = []
    if training.get("fitted_for"):
        lines += ["## Fitted for", "", "| branch | SHA-256 of its pack |", "|---|---|"]
        lines += [f"| {name} | `{digest}` |" for name, digest in training["fitted_for"].items()]
        lines += [""]
    return [
        *lines,
        "## Made by",
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
    said: Answers,
    table: PosteriorTable,
    training: Mapping[str, Any],
) -> list[str]:
    """What the card says of composed clips: how they came about, and what they cannot show."""
    names = sorted(pool.readers)
    rows = [_setting_row(name, own, said, table) for name, own in alone.items()]
    shown = ("best_single", "mean", "product", POOLED, f"NLL {POOLED}", *(f"a {n}" for n in names))
    lines = [
        *COMPOSED,
        "Accuracy by setting, out of fold, and the weights that this setting alone would give:",
        "",
        *_table(rows, ("setting", *shown)),
        "",
        "Weights as fitted to all settings, by who is present (1: as loud as alone):",
        "",
        *_table(_weights(pool, names), ("present", *names)),
        "",
    ]
    packs = training["fitted_for"].items()
    other = [name for name, digest in packs if training["judged_by"][name] != digest]
    if other:
        lines += [
            f"The judgements of {', '.join(other)} are of held-out weights under the same recipe, "
            "since the weights that ship have seen the rows.",
            "",
        ]
    return lines


def _weights(pool: Pool, names: Sequence[str]) -> list[dict[str, str]]:
    """By subset, the weight of each member; empty for who is not in it."""
    return [
        dict.fromkeys(names, "")
        | {"present": " + ".join(subset)}
        | {name: f"{pool.weight(name, subset):.2f}" for name in subset}
        for subset in pool.subsets
        if len(subset) > 1
    ]


def _setting_row(name: str, own: Pool, said: Answers, table: PosteriorTable) -> dict[str, Any]:
    rows = np.array([item.startswith(f"{name}/") for item in table.items])
    labels = table.labels[rows]
    row: dict[str, Any] = {"setting": name}
    for method in ("best_single", "mean", "product", POOLED):
        figures = classification_figures(labels, said.methods[method][rows])
        row[method] = f"{figures['accuracy']:.3f}"
    row[f"NLL {POOLED}"] = f"{figures['nll']:.3f}"
    everyone = tuple(sorted(own.readers))
    return row | {f"a {n}": f"{own.weight(n, everyone):.2f}" for n in everyone}


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    head = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return head + ["| " + " | ".join(str(row[c]) for c in columns) + " |" for row in rows]
